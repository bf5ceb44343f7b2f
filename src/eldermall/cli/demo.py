"""``eldermall demo``: a whole day of a mall, and what follows, under the demo policy."""

from __future__ import annotations

import shlex
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.panel import Panel
from rich.text import Text as Styled

from eldermall.adapters.roots.file import RootsFile
from eldermall.cli import ending, files, output
from eldermall.cli.narrator import Narrator
from eldermall.cli.stage import Host, Line, Present, Stage
from eldermall.cli.story import play
from eldermall.errors import FileUnreadable, StorageError
from eldermall.mall import Mall
from eldermall.plugins import Plugins
from eldermall.rooms import KINDS
from eldermall.texts import Lang, Text


def demo(
    db: Annotated[
        str | None,
        typer.Option("--db", help="A new database; in memory, or in DIR, if left out."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the database and the roots.", metavar="DIR"),
    ] = None,
    lang: output.LangOption = None,
    json: output.JsonOption = False,
) -> None:
    """Watch a day of a mall and what follows under its rules, in simulated time."""
    spoken = output.language(lang)
    with output.telling(spoken), ExitStack() as stack:
        folder = _folder(out, stack)
        url = db or ("memory:" if out is None else f"sqlite:///{folder / 'mall.db'}")
        if url != "memory:":
            _must_be_empty(url)
        roots = folder / "roots.jsonl"
        present, host = Present(), Host()
        mall = stack.enter_context(
            Mall.open(url, policy="pack:demo", now=present, plugins=[RootsFile(roots), host])
        )
        told: list[Line] = []
        console = output.console()
        if json:
            stage = Stage(mall, present, host, told.append)
        else:
            _title(console, mall, spoken)
            stage = Stage(mall, present, host, Narrator(console, spoken))
        play(stage)
        ended = ending.end(mall, roots)
        if json:
            story = [line.as_json() for line in told]
            notice = output.both(ended.notice)
            output.print_json({"notice": notice, "story": story} | ending.facts(ended, mall))
        else:
            ending.show(console, mall, ended, spoken)
            _where(console, spoken, url, None if out is None else roots)
    if not ended.verification.passed:
        raise typer.Exit(output.FINDINGS)


def _folder(out: Path | None, stack: ExitStack) -> Path:
    if out is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eldermall-")))
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in ("mall.db", "roots.jsonl"):
            if (out / name).exists():
                raise FileUnreadable(
                    Text(
                        f"{out / name} 已存在，请换一个空的文件夹",
                        f"{out / name} is there already; choose an empty folder",
                    )
                )
    except OSError as error:
        raise FileUnreadable(
            Text(f"无法使用文件夹 {out}：{error.strerror}", f"can't use {out}: {error.strerror}")
        ) from error
    return out


def _must_be_empty(url: str) -> None:
    file = next(iter(files.database_files(url)), None)
    others = file is not None and file.exists() and file.stat().st_size > 0
    with closing(Plugins().storage(url, "eldermall_")) as storage:
        # tables of ours are made in no file that somebody has for something else
        storage.open((kind.record_kind for kind in KINDS), make=not others)
        with storage.read("main") as tx:
            used = next(iter(tx.entries()), None) is not None
    if used:
        raise StorageError(
            Text(
                f"{url} 中已有商城 main 的记录，演示需要新的数据库",
                f"{url} holds a mall main already; the demo needs a new database",
            )
        )


def _title(console: Console, mall: Mall, lang: Lang) -> None:
    notice = mall.policy.notice
    assert notice is not None
    words = Text(
        "一家面向老年人的小商城：完整的一天及此后四天，自 2026-03-02 起，北京时间\n"
        "每一步都由真实的规则判定：✓ 允许，✗ 拒绝，! 自动发生，> 送往外部",
        "A small mall for old people: a whole day, and four days more, from 2026-03-02\n"
        "Every step is decided by the real rules: ✓ allowed, ✗ refused, ! by itself, > outside",
    ).in_(lang)
    body = Styled().append(words).append(f"\n{notice.in_(lang)}", style="yellow")
    title = Styled("eldermall demo", style="bold")
    console.print(Panel(output.folded(body, console.width - 4), title=title, style="cyan"))


def _where(console: Console, lang: Lang, url: str, roots: Path | None) -> None:
    if roots is None:
        words = Text(
            "加上 --out DIR 可保留数据库与封存根，再用 eldermall verify 自行核验",
            "with --out DIR the database and the roots are kept, for eldermall verify",
        )
        console.print(Styled(words.in_(lang), style="dim"))
        return
    output.line(Text("自行核验：", "check it yourself:").in_(lang))
    output.line("  " + shlex.join(["eldermall", "verify", url, "--root", str(roots)]))

"""``eldermall demo``: a few days of a mall in simulated time, under the demo policy."""

from __future__ import annotations

import shlex
import tempfile
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.rule import Rule as Ruler
from rich.table import Table
from rich.text import Text as Styled

from eldermall.adapters.roots.file import RootsFile, read_roots
from eldermall.cli import output, verify
from eldermall.cli.stage import ZONE, Host, Line, Present, Stage, show_line, subject_text
from eldermall.cli.story import play
from eldermall.contracts.storage import ClockRow
from eldermall.engine.journal import Verification, entry_fields
from eldermall.errors import FileUnreadable, StorageError
from eldermall.mall import KINDS, Mall
from eldermall.plugins import Plugins
from eldermall.reports.worklist import Gap, Waiting, gaps, work_list
from eldermall.texts import Lang, Text

_STATES = {
    "running": Text("未到期", "running"),
    "paused": Text("暂停", "paused"),
    "breached": Text("已超期", "overdue"),
    "late": Text("超期后完成", "done late"),
    "lapsed": Text("超期未完成", "never done"),
    "annulled": Text("已撤销", "annulled"),
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How the story ends: what waits, what was breached, what stands in the journal."""

    waiting: list[Waiting]
    gaps: list[Gap]
    breaches: list[ClockRow]
    entries: Counter[str]
    verification: Verification
    notice: Text


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
    """Watch a few days of a mall under its rules, in simulated time."""
    spoken = output.language(lang)
    with output.telling(spoken), ExitStack() as stack:
        folder = _folder(out, stack)
        url = db or ("memory:" if out is None else f"sqlite:///{folder / 'mall.db'}")
        if url != "memory:":
            _must_be_empty(url)
        roots = folder / "roots.jsonl"
        source = files("eldermall.cli") / "demo-policy.toml"
        policy = stack.enter_context(as_file(source))
        present, host = Present(), Host()
        mall = stack.enter_context(
            Mall.open(url, policy=policy, now=present, plugins=[RootsFile(roots), host])
        )
        told: list[Line] = []
        console = output.console()
        if json:
            stage = Stage(mall, present, host, told.append)
        else:
            _title(console, mall, spoken)
            stage = Stage(
                mall, present, host,
                lambda line: show_line(console, line, spoken),
            )
        play(stage)
        ending = _end(mall, roots)
        if json:
            output.print_json(_facts(told, ending, mall))
        else:
            _show(console, mall, ending, spoken)
            _where(console, spoken, url, None if out is None else roots)
    if not ending.verification.passed:
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
    with closing(Plugins().storage(url, "eldermall_")) as storage:
        storage.open(kind.record_kind for kind in KINDS)
        with storage.read("main") as tx:
            used = next(iter(tx.entries()), None) is not None
    if used:
        raise StorageError(
            Text(
                f"{url} 中已有商城 main 的记录，演示需要新的数据库",
                f"{url} holds a mall main already; the demo needs a new database",
            )
        )


def _end(mall: Mall, roots: Path) -> Ending:
    waiting, missing = work_list(mall), gaps(mall)
    breaches = list(mall.clocks("breached", "late", "lapsed", "annulled"))
    mall.seal()
    mall.relay()
    found = mall.verify(read_roots(roots))
    with mall.read() as tx:
        entries = Counter(str(entry_fields(row)["outcome"]) for row in tx.entries())
    notice = mall.policy.notice
    assert notice is not None
    return Ending(waiting, missing, breaches, entries, found, notice)


def _title(console: Console, mall: Mall, lang: Lang) -> None:
    notice = mall.policy.notice
    assert notice is not None
    words = Text(
        "一家面向老年人的小商城：模拟五天，2026-03-02 起，时区 Asia/Shanghai\n"
        "每一步都由真实的规则判定：✓ 允许，✗ 拒绝，! 时限，> 送往外部",
        "A small mall for old people: five simulated days from 2026-03-02, Asia/Shanghai.\n"
        "Every step is decided by the real rules: ✓ allowed, ✗ refused, ! clock, > outside",
    ).in_(lang)
    body = Styled().append(words).append(f"\n{notice.in_(lang)}", style="yellow")
    title = Styled("eldermall demo", style="bold")
    console.print(Panel(output.folded(body, console.width - 4), title=title, style="cyan"))


def _show(console: Console, mall: Mall, ending: Ending, lang: Lang) -> None:
    _head(console, Text("待办清单", "work list"), lang)
    console.print(_waiting(ending.waiting, lang))
    for gap in ending.gaps:
        line = Styled().append("!  ", style="yellow").append(gap.text.in_(lang))
        console.print(line.append("  " + ", ".join(gap.clauses), style="cyan"))
    _head(console, Text("超期记录", "breaches"), lang)
    console.print(_breaches(mall, ending.breaches, lang))
    _head(console, Text("日志", "journal"), lang)
    counts = ending.entries
    console.print(
        Text(
            f"共 {counts.total()} 条：动作 {counts['moved']}，拒绝 {counts['refused']}，"
            f"时限 {counts['clock']}",
            f"{counts.total()} entries: {counts['moved']} moves, {counts['refused']} refusals, "
            f"{counts['clock']} of clocks",
        ).in_(lang)
    )
    verify.show(ending.verification, lang)
    console.print(Styled(ending.notice.in_(lang), style="yellow"))


def _head(console: Console, title: Text, lang: Lang) -> None:
    console.print()
    console.print(Ruler(Styled(title.in_(lang), style="bold"), style="cyan"))


def _table(widths: tuple[int, ...], heads: tuple[Text, ...], lang: Lang) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for head, width in zip(heads, widths, strict=True):
        table.add_column(head.in_(lang), width=width, overflow="fold")
    return table


def _waiting(waiting: list[Waiting], lang: Lang) -> Table:
    widths = (16, 25, 11, 11, 11, 14)
    heads = (
        Text("事项", "what"), Text("要求与条款", "demand, clauses"), Text("起算", "since"),
        Text("期限", "due"), Text("状态", "state"), Text("告知对象", "who hears"),
    )
    table = _table(widths, heads, lang)
    for one in waiting:
        label = Styled().append(one.label.in_(lang))
        label.append("\n" + ", ".join(one.clauses), style="cyan")
        late = one.state == "breached"
        style = "bold red" if late else "green"
        state = Styled().append(_STATES[one.state].in_(lang), style=style)
        if one.lateness:
            state.append("\n" + output.span(one.lateness, lang), style="red")
        hears = Styled().append(output.roles(one.hears, lang))
        told = Text("已告知", "told").in_(lang)
        hears_at = told if one.hears_at is None else output.when(one.hears_at, ZONE)
        hears.append(f"\n{hears_at}", style="dim")
        cells = (
            Styled(subject_text(one.subject, one.part).in_(lang), style="bold"), label,
            Styled(output.when(one.since, ZONE)), Styled(output.when(one.due, ZONE)), state, hears,
        )
        table.add_row(*map(output.folded, cells, widths))
    return table


def _breaches(mall: Mall, rows: list[ClockRow], lang: Lang) -> Table:
    widths = (18, 48, 11, 14)
    heads = (
        Text("事项", "what"), Text("要求与条款", "demand, clauses"), Text("期限", "due"),
        Text("结果", "outcome"),
    )
    table = _table(widths, heads, lang)
    for row in rows:
        clock = mall.book.clocks[row.name]
        label = Styled().append(clock.label.in_(lang))
        label.append("\n" + ", ".join(clock.clauses), style="cyan")
        end = mall.now() if row.stopped is None else row.stopped
        style = "bold red" if row.stopped is None else "yellow"
        state = Styled().append(_STATES[row.state].in_(lang), style=style)
        state.append("\n" + output.span(max(0, end - row.due), lang), style="dim")
        cells = (
            Styled(subject_text(row.subject, row.part).in_(lang), style="bold"), label,
            Styled(output.when(row.due, ZONE)), state,
        )
        table.add_row(*map(output.folded, cells, widths))
    return table


def _where(console: Console, lang: Lang, url: str, roots: Path | None) -> None:
    if roots is None:
        words = Text(
            "加上 --out DIR 可保留数据库与封存根，再用 eldermall verify 自行核验",
            "with --out DIR the database and the roots are kept, for eldermall verify",
        )
        console.print(Styled(words.in_(lang), style="dim"))
        return
    typer.echo(Text("自行核验：", "check it yourself:").in_(lang))
    typer.echo("  " + shlex.join(["eldermall", "verify", url, "--root", str(roots)]))


def _facts(lines: list[Line], ending: Ending, mall: Mall) -> dict[str, object]:
    return {
        "notice": output.both(ending.notice),
        "story": [line.as_json() for line in lines],
        "work_list": [
            {
                "subject": w.subject, "part": w.part, "clock": w.clock,
                "label": output.both(w.label), "clauses": list(w.clauses), "since": w.since,
                "due": w.due, "state": w.state, "lateness": w.lateness, "hears": list(w.hears),
                "hears_at": w.hears_at,
            }
            for w in ending.waiting
        ],
        "gaps": [
            {"kind": g.kind, "what": g.what, "text": output.both(g.text),
             "clauses": list(g.clauses)}
            for g in ending.gaps
        ],
        "breaches": [
            {
                "subject": row.subject, "part": row.part, "clock": row.name, "due": row.due,
                "state": row.state, "stopped": row.stopped,
                "clauses": list(mall.book.clocks[row.name].clauses),
            }
            for row in ending.breaches
        ],
        "entries": {"total": ending.entries.total(), **dict(sorted(ending.entries.items()))},
        "verify": verify.as_json(ending.verification),
    }

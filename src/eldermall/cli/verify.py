"""``eldermall verify``: check the journal of a mall."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text as Styled

from eldermall.adapters.roots.file import read_roots
from eldermall.cli import output
from eldermall.engine.inputs import checked_id
from eldermall.engine.journal import Verification
from eldermall.engine.journal import verify as check
from eldermall.errors import FileUnreadable, Unknown
from eldermall.mall import KINDS
from eldermall.plugins import Plugins
from eldermall.texts import Lang, Text

_FACTS = (
    ("entries", Text("记录", "entries")),
    ("subjects", Text("记录链", "chains")),
    ("sealed", Text("已封存", "sealed")),
    ("roots", Text("封存根", "roots")),
)


def verify(
    url: Annotated[str, typer.Argument(help="The database: sqlite:///mall.db.")],
    root: Annotated[
        Path | None, typer.Option("--root", help="File of roots kept outside the database.")
    ] = None,
    code: output.CodeOption = "main",
    prefix: output.PrefixOption = "eldermall_",
    lang: output.LangOption = None,
    json: output.JsonOption = False,
) -> None:
    """Check that the journal hasn't been changed. Exit 1 if something is wrong."""
    spoken = output.language(lang)
    with output.telling(spoken):
        checked_id(code, "code")
        roots = None if root is None else _roots(root)
        storage = Plugins((), code).storage(url, prefix)
        with closing(storage):
            storage.open((kind.record_kind for kind in KINDS), make=False)
            with storage.read(code) as tx:
                found = check(tx, code, roots)
        if not (found.entries or found.roots or found.findings):
            raise Unknown(
                Text(f"{url} 中没有商城 {code} 的记录", f"{url} holds no entry of the mall {code}")
            )
    if json:
        output.print_json({"mall": code} | as_json(found))
    else:
        show(found, spoken)
    if not found.passed:
        raise typer.Exit(output.FINDINGS)


def _roots(path: Path) -> list[bytes]:
    roots = read_roots(path)
    if not roots:
        raise FileUnreadable(Text(f"{path} 中没有封存根", f"{path} holds no root"))
    return roots


def as_json(found: Verification) -> dict[str, object]:
    """Return a verification for JSON."""
    return {
        "passed": found.passed,
        "entries": found.entries,
        "subjects": found.subjects,
        "sealed": found.sealed,
        "roots": found.roots,
        "anchored": found.anchored,
        "findings": [
            {"where": f.where, "code": f.code, "text": output.both(f.text)}
            for f in found.findings
        ],
    }


def show(found: Verification, lang: Lang) -> None:
    """Print a verification."""
    console = output.console()
    table = Table.grid(padding=(0, 2))
    for name, label in _FACTS:
        table.add_row(Styled(label.in_(lang), style="dim"), str(getattr(found, name)))
    console.print(table)
    console.print(Styled(anchor(found).in_(lang), style="none" if found.anchored else "yellow"))
    waiting = found.entries - found.sealed
    if waiting:
        console.print(
            Styled(
                Text(
                    f"尚有 {waiting} 条记录未封存：若从末尾截去，无法发现",
                    f"entries not sealed yet: {waiting}; cutting off their end would go unnoticed",
                ).in_(lang),
                style="yellow",
            )
        )
    for finding in found.findings:
        line = Styled().append("✗ ", style="bold red").append(finding.text.in_(lang))
        console.print(line.append(f"  {finding.code}", style="dim"))
    if found.passed:
        console.print(Styled(Text("✓ 核验通过", "✓ passed").in_(lang), style="bold green"))
    else:
        words = Text(
            f"核验未通过：发现 {len(found.findings)} 处问题",
            f"not passed; findings: {len(found.findings)}",
        )
        console.print(Styled(words.in_(lang), style="bold red"))


def anchor(found: Verification) -> Text:
    """Return in words what the journal was compared with."""
    if found.anchored is None:
        return Text(
            "未锚定：没有与库外保存的封存根比对，能改写整个数据库的人可能已将其重写",
            "unanchored: not compared with a root from outside; whoever can write the database "
            "could have rewritten it",
        )
    return Text(
        f"已锚定：与库外保存的封存根比对至第 {found.anchored} 个（库内共 {found.roots} 个）",
        f"anchored: compared with roots from outside up to number {found.anchored} "
        f"of {found.roots}",
    )

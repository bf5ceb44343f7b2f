"""``eldermall adopt``: take over a file of records that a shop already has."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text as Styled

from eldermall.cli import output
from eldermall.cli.progress import bar
from eldermall.engine.actor import Role, person
from eldermall.loading import allowed
from eldermall.mall import Mall
from eldermall.reports.adopting import ADOPTING, Adopted, Failure
from eldermall.reports.adopting import adopt as run
from eldermall.texts import Lang, Text


class Answering(StrEnum):
    """A role that may take records over."""

    OPERATIONS = "operations"
    DEPARTMENT_HEAD = "department_head"
    COMPANY_LEADER = "company_leader"


def adopt(
    kind: Annotated[
        str, typer.Argument(help=f"What the records are: {', '.join(ADOPTING)}.", metavar="KIND")
    ],
    file: Annotated[
        Path, typer.Argument(help="JSON lines, or CSV with a column per field.", metavar="FILE")
    ],
    database: Annotated[
        str, typer.Option("--database", help="The database: sqlite:///mall.db.", metavar="URL")
    ],
    policy: output.PolicyOption,
    by: Annotated[str, typer.Option("--by", help="Who answers for it.", metavar="PERSON_ID")],
    role: Annotated[
        Answering, typer.Option("--role", help="In which role.")
    ] = Answering.OPERATIONS,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Decide and count; change nothing.")
    ] = False,
    encoding: Annotated[
        str, typer.Option("--encoding", help="How texts are written: utf-8, gb18030.")
    ] = "utf-8",
    code: output.CodeOption = "main",
    prefix: output.PrefixOption = "eldermall_",
    lang: output.LangOption = None,
    json: output.JsonOption = False,
) -> None:
    """Take over records in the states in which they are; again, what is there already stays.

    Exit code 0: all are there; 1: some rows weren't taken over; 2: bad input.
    """
    spoken = output.language(lang)
    failures: list[Failure] = []
    errors, said = output.errors(), Text("接管中", "adopting").in_(spoken)

    def tell(failure: Failure) -> None:
        if json:
            failures.append(failure)
        else:
            for why in [fault.text for fault in failure.faults] or [failure.why]:
                errors.print(_failure(failure, why, spoken), soft_wrap=True)

    acting: Role = role.value
    with output.telling(spoken), Mall.open(
        database, policy=policy, code=code, prefix=prefix, plugins=allowed(), make=False
    ) as mall, bar(said, errors, shown=errors.is_terminal) as told:
        who = person(by, acting, department=mall.policy.settings.department)
        did = run(
            mall, kind, file, by=who, dry_run=dry_run, encoding=encoding, failed=tell,
            progress=told,
        )
        notice = mall.policy.notice
    if json:
        output.print_json(
            {
                "mall": code,
                "notice": None if notice is None else output.both(notice),
                "dry_run": dry_run,
                "adopted": did.adopted,
                "there": did.there,
                "failed": [
                    {
                        "line": f.line, "id": f.id, "why": output.both(f.why),
                        "faults": [
                            {"where": fault.where, "why": output.both(fault.text)}
                            for fault in f.faults
                        ],
                    }
                    for f in failures
                ],
                "overdue": did.overdue,
                "unknown": dict(sorted(did.unknown.items())),
            }
        )
    else:
        _show(did, notice, spoken, dry_run=dry_run)
    if did.failed:
        raise typer.Exit(output.FINDINGS)


def _failure(failure: Failure, why: Text, lang: Lang) -> Styled:
    id = f" {failure.id}" if failure.id else ""
    line = Styled().append("✗ ", style="bold red")
    where = Text(f"第 {failure.line} 行{id}：", f"line {failure.line}{id}: ")
    return line.append(where.in_(lang)).append(why.in_(lang), style="dim")


def _show(did: Adopted, notice: Text | None, lang: Lang, *, dry_run: bool) -> None:
    console = output.console()

    def say(text: Text, style: str = "") -> None:
        console.print(output.folded(Styled(text.in_(lang), style=style), console.width))

    if notice is not None:
        say(notice, "yellow")
    if dry_run:
        say(Text("试运行：没有写入任何内容", "dry run: nothing was written"), "yellow")
    say(
        Text(
            f"已接管 {did.adopted}，原已在册 {did.there}，未接管 {did.failed}",
            f"adopted {did.adopted}, there already {did.there}, failed {did.failed}",
        ),
        "bold",
    )
    if did.overdue:
        say(
            Text(
                f"接管前已超期的时限 {did.overdue} 项",
                f"{did.overdue} time limits had passed before",
            ),
            "red",
        )
    if did.unknown:
        names = [f"{name} {number}" for name, number in sorted(did.unknown.items())]
        say(
            Text(
                "无人知晓的时间：" + output.listed(names, "zh"),
                "moments that nobody knows: " + output.listed(names, "en"),
            )
        )

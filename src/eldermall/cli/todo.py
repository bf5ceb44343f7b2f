"""``eldermall todo``: what waits for a role, since when, until when, under which clause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import tzinfo
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text as Styled

from eldermall.calendars import DAY
from eldermall.cli import output
from eldermall.engine.actor import ROLE_LABELS, Role
from eldermall.loading import allowed
from eldermall.mall import Mall
from eldermall.reports.observed import relaxed_until
from eldermall.reports.todo import Gap, Task, Waiting, gaps, todo_list
from eldermall.texts import Lang, Text


class Who(StrEnum):
    """A role of the staff, as it is given on the command line."""

    CUSTOMER_SERVICE = "customer_service"
    FIELD_AGENT = "field_agent"
    OPERATIONS = "operations"
    DEPARTMENT_HEAD = "department_head"
    COMPANY_LEADER = "company_leader"


MENDING: tuple[Role, ...] = ("operations", "department_head", "company_leader")
"""Who can fill a vacant post, and so hears of gaps."""

_HEADS = (
    Text("事项与状态", "what, state"),
    Text("待办", "to do"),
    Text("要求、条款与期限", "demand, clauses, due"),
    Text("经办", "owner"),
)
_SHARES = (0.25, 0.22, 0.38, 0.15)


def todo(
    url: Annotated[str, typer.Argument(help="The database: sqlite:///mall.db, postgresql://...")],
    policy: output.PolicyOption,
    role: Annotated[Who, typer.Option("--role", help="For whom.")],
    person: Annotated[
        str | None,
        typer.Option("--person", help="A field agent: what is of their merchants.", metavar="ID"),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="The most to print; all if left out.")
    ] = None,
    code: output.CodeOption = "main",
    prefix: output.PrefixOption = "eldermall_",
    lang: output.LangOption = None,
    json: output.JsonOption = False,
) -> None:
    """Print what waits for a role, the most urgent first, and the gaps that somebody must fill."""
    spoken = output.language(lang)
    who: Role = role.value
    with output.telling(spoken), Mall.open(
        url, policy=policy, code=code, prefix=prefix, plugins=allowed(), make=False
    ) as mall:
        tasks = todo_list(mall, role=who, person=person)
        missing = gaps(mall) if who in MENDING else []
        now, zone, notice = mall.now(), mall.policy.settings.zone, mall.policy.notice
    if json:
        output.print_json(
            {
                "mall": code,
                "notice": None if notice is None else output.both(notice),
                "role": who,
                "person": person,
                "tasks": [_facts(task, now) for task in tasks[:limit]],
                "left_out": len(tasks) - len(tasks[:limit]),
                "gaps": [
                    {
                        "kind": gap.kind, "what": gap.what, "text": output.both(gap.text),
                        "clauses": list(gap.clauses),
                    }
                    for gap in missing
                ],
            }
        )
        return
    console = output.console()
    if notice is not None:
        console.print(Styled(notice.in_(spoken), style="yellow"))
    console.print(_title(who, person, tasks, spoken))
    for line in _counts(tasks, spoken):
        console.print(output.folded(Styled(line, style="dim"), console.width))
    if tasks:
        console.print(_table(console, tasks[:limit], now, zone, spoken))
    if limit is not None and len(tasks) > limit:
        more = len(tasks) - limit
        console.print(Text(f"另有 {more} 项", f"and {more} more").in_(spoken))
    _show_gaps(console, missing, spoken)


def _title(role: Role, person: str | None, tasks: Sequence[Task], lang: Lang) -> Styled:
    name = ROLE_LABELS[role].in_(lang) + ("" if person is None else f" {person}")
    late = sum(task.lateness > 0 for task in tasks)
    said = Text(
        f"待办 {len(tasks)} 项，其中超期 {late} 项", f"{len(tasks)} to do, {late} of them overdue"
    )
    title = Styled().append(name, style="bold").append("：" if lang == "zh" else ": ")
    return title.append(said.in_(lang), style="bold red" if late else "")


def _counts(tasks: Sequence[Task], lang: Lang) -> list[str]:
    """Return for each kind how many there are in which state."""
    by_kind: dict[str, Counter[str]] = {}
    for task in tasks:
        by_kind.setdefault(task.kind.in_(lang), Counter())[task.label.in_(lang)] += 1
    colon = "：" if lang == "zh" else ": "
    return [
        f"{kind} {states.total()}{colon}"
        + output.listed([f"{state} {number}" for state, number in states.most_common()], lang)
        for kind, states in by_kind.items()
    ]


def _table(
    console: Console, tasks: Sequence[Task], now: int, zone: tzinfo, lang: Lang
) -> Table:
    room = console.width - len(_HEADS)
    widths = [int(room * share) for share in _SHARES]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for head, width in zip(_HEADS, widths, strict=True):
        table.add_column(head.in_(lang), width=width, overflow="fold")
    for task in tasks:
        cells = (_what(task, now, lang), _to_do(task, lang), _limits(task, zone, lang),
                 Styled(output.listed(task.owners, lang)))
        table.add_row(*map(output.folded, cells, widths))
        table.add_section()
    return table


def _what(task: Task, now: int, lang: Lang) -> Styled:
    id = task.subject.partition("/")[2]
    cell = Styled().append(f"{task.kind.in_(lang)} {id}", style="bold")
    cell.append(f"\n{task.label.in_(lang)}")
    age = _length(max(0, now - task.created), lang)
    return cell.append("\n" + Text(f"已 {age}", f"{age} old").in_(lang), style="dim")


def _length(us: int, lang: Lang) -> str:
    """Return a length of time, in whole days once it is some."""
    return output.span(us if us < 2 * DAY else us - us % DAY, lang)


def _to_do(task: Task, lang: Lang) -> Styled:
    cell = Styled(output.listed([move.label.in_(lang) for move in task.moves], lang))
    if not task.moves:
        cell = Styled(Text("（知悉）", "(to know)").in_(lang), style="dim")
    for note in task.notes:
        cell.append(f"\n{note.in_(lang)}", style="yellow")
    return cell


def _limits(task: Task, zone: tzinfo, lang: Lang) -> Styled:
    cell = Styled()
    for clock in task.clocks:
        if cell:
            cell.append("\n")
        cell.append(clock.label.in_(lang) + (f" [{clock.part}]" if clock.part else ""))
        cell.append("\n").append(*_due(clock, zone, lang))
        cell.append("\n" + ", ".join(clock.clauses), style="cyan")
        if clock.relaxed is not None:
            cell.append("\n" + relaxed_until(clock.relaxed, zone).in_(lang), style="yellow")
    return cell


def _due(clock: Waiting, zone: tzinfo, lang: Lang) -> tuple[str, str]:
    due = output.when(clock.due, zone)
    if clock.state == "paused":
        return Text("已暂停计时", "stands still").in_(lang), "dim"
    if clock.lateness:
        late = _length(clock.lateness, lang)
        return Text(f"{due}，超期 {late}", f"{due}, {late} late").in_(lang), "bold red"
    return due, "green"


def _show_gaps(console: Console, missing: Sequence[Gap], lang: Lang) -> None:
    for gap in missing:
        line = Styled().append("!  ", style="yellow").append(gap.text.in_(lang))
        line.append("  " + ", ".join(gap.clauses), style="cyan")
        console.print(output.folded(line, console.width))


def _facts(task: Task, now: int) -> dict[str, Any]:
    return {
        "subject": task.subject,
        "kind": output.both(task.kind),
        "state": task.state,
        "label": output.both(task.label),
        "created": task.created,
        "age": max(0, now - task.created),
        "since": task.since,
        "due": task.due,
        "lateness": task.lateness,
        "moves": [{"move": move.name, "label": output.both(move.label)} for move in task.moves],
        "clocks": [
            {
                "clock": clock.clock, "part": clock.part, "label": output.both(clock.label),
                "clauses": list(clock.clauses), "since": clock.since, "due": clock.due,
                "state": clock.state, "lateness": clock.lateness, "hears": list(clock.hears),
                "hears_at": clock.hears_at,
                "relaxed_until": None if clock.relaxed is None else clock.relaxed.until,
            }
            for clock in task.clocks
        ],
        "owners": list(task.owners),
        "notes": [output.both(note) for note in task.notes],
    }

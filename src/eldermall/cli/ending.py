"""How the demo ends: who has what to do, which time limits run and ran out, what the journal is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.rule import Rule as Ruler
from rich.table import Table
from rich.text import Text as Styled

from eldermall.adapters.roots.file import read_roots
from eldermall.cli import output, verify
from eldermall.cli.stage import ZONE, subject_text
from eldermall.contracts.storage import ClockRow
from eldermall.engine.actor import ROLE_LABELS, STAFF, Role
from eldermall.engine.journal import entry_fields
from eldermall.engine.verification import Verification
from eldermall.mall import Mall
from eldermall.reports.todo import Gap, Task, Waiting, gaps, todo_list, waiting
from eldermall.texts import Lang, Text

SHOWN = 8
"""How many of the time limits that run are printed."""

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
    """How the story ends: what waits for whom, what was breached, what stands in the journal."""

    work: Mapping[Role, Sequence[Task]]
    waiting: Sequence[Waiting]
    gaps: Sequence[Gap]
    breaches: Sequence[ClockRow]
    entries: Counter[str]
    verification: Verification
    notice: Text


def end(mall: Mall, roots: Path) -> Ending:
    """Look at what is open, then seal the journal and verify it against the roots outside."""
    work = {role: todo_list(mall, role=role) for role in STAFF}
    pending, missing = waiting(mall), gaps(mall)
    breaches = mall.clocks("breached", "late", "lapsed", "annulled")
    mall.seal()
    mall.relay()
    found = mall.verify(read_roots(roots))
    with mall.read() as tx:
        entries = Counter(str(entry_fields(row)["outcome"]) for row in tx.entries())
    notice = mall.policy.notice
    assert notice is not None
    return Ending(work, pending, missing, breaches, entries, found, notice)


def show(console: Console, mall: Mall, ending: Ending, lang: Lang) -> None:
    """Print it."""
    _head(console, Text("各岗位的待办", "work lists by role"), lang)
    _show_work(console, mall, ending.work, lang)
    for gap in ending.gaps:
        line = Styled().append("!  ", style="yellow").append(gap.text.in_(lang))
        line.append("  " + ", ".join(gap.clauses), style="cyan")
        console.print(output.folded(line, console.width))
    _head(console, Text("计时中的时限", "time limits that run"), lang)
    _show_waiting(console, mall, ending.waiting, lang)
    _head(console, Text("超期记录", "breaches"), lang)
    _show_breaches(console, mall, ending.breaches, lang)
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


def _show_work(
    console: Console, mall: Mall, work: Mapping[Role, Sequence[Task]], lang: Lang
) -> None:
    heads = (
        Text("岗位", "role"), Text("待办", "to do"), Text("超期", "overdue"),
        Text("最急的一项", "the most urgent"),
    )
    rows = [
        (
            Styled(ROLE_LABELS[role].in_(lang), style="bold"),
            Styled(str(len(tasks))),
            _late(sum(task.lateness > 0 for task in tasks)),
            _urgent(mall, tasks[0], lang) if tasks else Styled("—", style="dim"),
        )
        for role, tasks in work.items()
    ]
    _print_table(console, heads, (17, 7, 8, 1.0), rows, lang)


def _late(number: int) -> Styled:
    return Styled(str(number), style="bold red" if number else "dim")


def _urgent(mall: Mall, task: Task, lang: Lang) -> Styled:
    moves = output.listed([move.label.in_(lang) for move in task.moves], lang)
    told = Text("（知悉）", "(to know)").in_(lang)
    cell = Styled().append(subject_text(mall, task.subject).in_(lang), style="bold")
    cell.append("：" if lang == "zh" else ": ").append(moves or told)
    if task.due is not None:
        due = output.when(task.due, ZONE)
        cell.append(
            Text(f"，期限 {due}", f", due {due}").in_(lang), style="red" if task.lateness else "dim"
        )
    return cell


def _show_waiting(
    console: Console, mall: Mall, rows: Sequence[Waiting], lang: Lang
) -> None:
    heads = (
        Text("事项", "what"), Text("要求与条款", "demand, clauses"), Text("期限", "due"),
        Text("状态", "state"), Text("告知对象", "who hears"),
    )
    cells = []
    for one in rows[:SHOWN]:
        hears = Styled().append(output.roles(one.hears, lang))
        if one.lateness:
            told = Text("已告知", "told").in_(lang)
            hears_at = told if one.hears_at is None else output.when(one.hears_at, ZONE)
            hears.append(f"\n{hears_at}", style="dim")
        cells.append(
            (
                Styled(subject_text(mall, one.subject, one.part).in_(lang), style="bold"),
                _demand(one.label, one.clauses, lang),
                Styled(output.when(one.due, ZONE)),
                _state(one.state, one.lateness, lang),
                hears,
            )
        )
    _print_table(console, heads, (0.26, 0.46, 11, 9, 0.28), cells, lang)
    if more := len(rows[SHOWN:]):
        later = output.when(rows[SHOWN].due, ZONE)
        words = Text(
            f"另有 {more} 个，期限在 {later} 及以后", f"and {more} more, due {later} or later"
        )
        console.print(Styled(words.in_(lang), style="dim"))


def _show_breaches(
    console: Console, mall: Mall, rows: Sequence[ClockRow], lang: Lang
) -> None:
    heads = (
        Text("事项", "what"), Text("要求与条款", "demand, clauses"), Text("期限", "due"),
        Text("结果", "outcome"),
    )
    cells = []
    for row in rows:
        clock = mall.book.clocks[row.name]
        ended = mall.now() if row.stopped is None else row.stopped
        cells.append(
            (
                Styled(subject_text(mall, row.subject, row.part).in_(lang), style="bold"),
                _demand(clock.label, clock.clauses, lang),
                Styled(output.when(row.due, ZONE)),
                _state(row.state, max(0, ended - row.due), lang),
            )
        )
    _print_table(console, heads, (0.33, 0.67, 11, 11), cells, lang)


def _demand(label: Text, clauses: Iterable[str], lang: Lang) -> Styled:
    cell = Styled().append(label.in_(lang))
    return cell.append("\n" + ", ".join(clauses), style="cyan")


def _state(state: str, lateness: int, lang: Lang) -> Styled:
    style = {"running": "green", "paused": "dim", "breached": "bold red"}.get(state, "yellow")
    cell = Styled().append(_STATES[state].in_(lang), style=style)
    return cell.append("\n" + output.span(lateness, lang), style="dim") if lateness else cell


def _print_table(
    console: Console, heads: Sequence[Text], sizes: Sequence[int | float],
    rows: Iterable[Sequence[Styled]], lang: Lang,
) -> None:
    """Print a table: of each column the width, or its share of what the others leave."""
    fixed = sum(size for size in sizes if isinstance(size, int))
    room = console.width - fixed - 2 * (len(sizes) - 1)
    widths = [size if isinstance(size, int) else int(room * size) for size in sizes]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
    for head, width in zip(heads, widths, strict=True):
        table.add_column(head.in_(lang), width=width, overflow="fold")
    for cells in rows:
        table.add_row(*map(output.folded, cells, widths))
    console.print(table)


def facts(ending: Ending, mall: Mall) -> dict[str, Any]:
    """Return it for JSON."""
    return {
        "work": {
            role: [
                {
                    "subject": task.subject, "state": output.both(task.label), "due": task.due,
                    "lateness": task.lateness, "moves": [move.name for move in task.moves],
                    "owners": list(task.owners),
                }
                for task in tasks
            ]
            for role, tasks in ending.work.items()
        },
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

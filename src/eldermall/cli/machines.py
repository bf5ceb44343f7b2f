"""``eldermall machines``: print the tables that say how things may move, or draw them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text as Styled

from eldermall.cli import output
from eldermall.engine.actor import ROLE_LABELS
from eldermall.engine.machine import NEW, Machine, Transition
from eldermall.engine.rulebook import Rulebook
from eldermall.errors import Unknown
from eldermall.loading import allowed
from eldermall.mall import rulebook
from eldermall.plugins import Plugins
from eldermall.reports.diagram import mermaid
from eldermall.texts import Lang, Text

_NEW = Text("（新建）", "(new)")
_STAYS = Text("状态不变", "stays")
_BY_ITSELF = Text("自动发生", "by itself")
_NOT_BEFORE = Text("不早于：", "not before: ")
_HEADS = (
    Text("自", "from"),
    Text("动作、名称、事件", "move, name, event"),
    Text("至", "to"),
    Text("执行人", "who may"),
    Text("适用规则", "rules asked"),
)
_WIDTHS = (12, 19, 11, 12, 36)


class Format(StrEnum):
    """How machines are printed."""

    TABLE = "table"
    MERMAID = "mermaid"


def machines(
    name: Annotated[str | None, typer.Argument(help="One machine; all if left out.")] = None,
    format: Annotated[
        Format, typer.Option("--format", help="Tables, or state diagrams that Mermaid draws.")
    ] = Format.TABLE,
    lang: output.LangOption = None,
    json: output.JsonOption = False,
) -> None:
    """Print each state machine's table: from, move, to, who may, rules asked, event."""
    spoken = output.language(lang)
    with output.telling(spoken):
        book = rulebook(Plugins(allowed()))
        chosen = _chosen(book, name)
    if json:
        output.print_json({"machines": [_facts(book, machine) for machine in chosen]})
        return
    if format is Format.MERMAID:
        drawn = [mermaid(machine, spoken) for machine in chosen]
        output.line((drawn[0] if name else "\n".join(map(_fenced, drawn))).removesuffix("\n"))
        return
    console = output.console()
    for machine in chosen:
        _show(console, book, machine, spoken)


def _fenced(diagram: str) -> str:
    return f"```mermaid\n{diagram}```\n"


def _chosen(book: Rulebook, name: str | None) -> list[Machine]:
    if name is None:
        return list(book.machines.values())
    if name not in book.machines:
        known = list(book.machines)
        raise Unknown(
            Text(
                f"没有状态机 {name}，现有：{output.listed(known, 'zh')}",
                f"there is no machine {name}; there are {output.listed(known, 'en')}",
            )
        )
    return [book.machines[name]]


def _label(machine: Machine, state: str) -> Text:
    return _NEW if state == NEW else machine.labels[state]


def _show(console: Console, book: Rulebook, machine: Machine, lang: Lang) -> None:
    title = Styled().append(machine.label.in_(lang), style="bold")
    title.append(f"  {machine.name}", style="cyan")
    console.print(title)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for head, width in zip(_HEADS, _WIDTHS, strict=True):
        table.add_column(head.in_(lang), width=width, overflow="fold")
    for t in machine.transitions:
        cells = _row(book, machine, t, lang)
        table.add_row(*map(output.folded, cells, _WIDTHS))
        table.add_section()
    console.print(table)
    ends = [state.label.in_(lang) for state in machine.states if state.end]
    console.print(
        Styled(
            Text(" 可终止于：", " may rest in: ").in_(lang) + output.listed(ends, lang), style="dim"
        )
    )
    console.print()


def _row(book: Rulebook, machine: Machine, t: Transition, lang: Lang) -> list[Styled]:
    target = _STAYS if t.target is None else machine.labels[t.target]
    move = Styled().append(t.label.in_(lang), style="bold")
    move.append(f"\n{t.name}").append(f"\n{t.event}", style="dim")
    who = [ROLE_LABELS[role].in_(lang) for role in t.by] or [_BY_ITSELF.in_(lang)]
    apart = "\n" if lang == "zh" else ",\n"
    asked = Styled("\n".join(rule.id for rule in book.guarding(machine, t)), style="cyan")
    if t.after:
        labels = output.listed([label.in_(lang) for label in _after(t)], lang)
        asked.append(("\n" if asked else "") + _NOT_BEFORE.in_(lang) + labels, style="dim")
    return [
        Styled(apart.join(_label(machine, s).in_(lang) for s in t.sources)),
        move,
        Styled(target.in_(lang), style="dim" if t.target is None else ""),
        Styled(apart.join(who), style="" if t.by else "dim"),
        asked,
    ]


def _after(t: Transition) -> list[Text]:
    return [each.label.format(part="…") for each in t.after]


def _facts(book: Rulebook, machine: Machine) -> dict[str, Any]:
    return {
        "name": machine.name,
        "label": output.both(machine.label),
        "states": [
            {"name": s.name, "label": output.both(s.label), "end": s.end} for s in machine.states
        ],
        "born": list(machine.born),
        "transitions": [
            {
                "from": list(t.sources),
                "move": t.name,
                "to": t.target,
                "by": list(t.by),
                "automatic": t.when is not None,
                "rules": [rule.name for rule in book.guarding(machine, t)],
                "after": [output.both(label) for label in _after(t)],
                "event": t.event,
                "label": output.both(t.label),
            }
            for t in machine.transitions
        ],
    }

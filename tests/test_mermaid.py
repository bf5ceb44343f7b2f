"""State diagrams: a strict reader of the part of Mermaid that is used gets the table back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest
from typer.testing import CliRunner

from eldermall.cli import app
from eldermall.engine.machine import NEW, Machine, State, Transition
from eldermall.mall import rulebook
from eldermall.reports.diagram import mermaid
from eldermall.texts import Lang, Text

BOOK = rulebook()
MARKED: dict[Lang, str] = {"zh": "（自动）", "en": " (by itself)"}
APART: dict[Lang, str] = {"zh": "、", "en": ", "}
STAYS: dict[Lang, str] = {"zh": "状态不变：", "en": "the state stays: "}

_WORDS = r"[^\"#;:%<>{}\[\]\n]*"
_TEXT = rf"(?:{_WORDS}|#\d+;)+"
_STATE = re.compile(rf'    state "({_TEXT})" as (s_\w+)')
_ARROW = re.compile(rf"    (\[\*\]|s_\w+) --> (\[\*\]|s_\w+)(?:: ({_TEXT}))?")
_NOTE = re.compile(r"    note right of (s_\w+)")


@dataclass
class Drawn:
    """What a diagram says."""

    states: dict[str, str] = field(default_factory=dict)
    arrows: dict[tuple[str, str], str | None] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def read(text: str) -> Drawn:
    """Read a diagram; whatever isn't understood is an error."""
    drawn, lines = Drawn(), iter(text.splitlines())
    assert next(lines).startswith("%% ")
    assert next(lines) == "stateDiagram-v2"
    for line in lines:
        if match := _STATE.fullmatch(line):
            assert match[2] not in drawn.states
            drawn.states[match[2]] = plain(match[1])
        elif match := _ARROW.fullmatch(line):
            assert {match[1], match[2]} <= {"[*]", *drawn.states}
            assert (match[1], match[2]) not in drawn.arrows
            drawn.arrows[match[1], match[2]] = None if match[3] is None else plain(match[3])
        else:
            note = _NOTE.fullmatch(line)
            assert note is not None, line
            said = next(lines)
            assert re.fullmatch(rf"        {_TEXT}", said), said
            assert next(lines) == "    end note"
            assert note[1] in drawn.states
            drawn.notes[note[1]] = plain(said.strip())
    return drawn


def plain(text: str) -> str:
    return re.sub(r"#(\d+);", lambda match: chr(int(match[1])), text)


def expected(machine: Machine, lang: Lang) -> Drawn:
    """Return what the diagram of a machine must say."""
    drawn = Drawn({f"s_{s.name}": s.label.in_(lang) for s in machine.states})
    moves: dict[tuple[str, str], list[str]] = {}
    staying: dict[str, list[str]] = {}
    for t in machine.transitions:
        word = t.label.in_(lang) + ("" if t.by else MARKED[lang])
        for source in t.sources:
            if t.target is None:
                staying.setdefault(f"s_{source}", []).append(word)
            else:
                start = "[*]" if source == NEW else f"s_{source}"
                moves.setdefault((start, f"s_{t.target}"), []).append(word)
    drawn.arrows = {(("[*]", f"s_{born}")): None for born in machine.born}
    drawn.arrows |= {pair: APART[lang].join(dict.fromkeys(ws)) for pair, ws in moves.items()}
    drawn.arrows |= {(f"s_{end}", "[*]"): None for end in machine.ends}
    drawn.notes = {
        state: STAYS[lang] + APART[lang].join(dict.fromkeys(ws)) for state, ws in staying.items()
    }
    return drawn


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("machine", BOOK.machines.values(), ids=lambda m: m.name)
def test_a_diagram_says_what_the_table_says(machine: Machine, lang: Lang) -> None:
    assert read(mermaid(machine, lang)) == expected(machine, lang)


def test_labels_and_states_that_mean_something_to_mermaid_do_no_harm() -> None:
    odd = Text('终；止"#1', 'an "end": 50%; {state} <b> [x] #1')
    machine = Machine(
        "odd", "state", odd, (State("state", odd), State("end", odd, end=True)),
        (
            Transition("note", (NEW,), "state", ("system",), odd, "Noted"),
            Transition("end", ("state",), "end", ("system",), odd, "Ended"),
            Transition("stay", ("state",), None, ("system",), odd, "Stayed"),
        ),
    )
    for lang in ("zh", "en"):
        assert read(mermaid(machine, lang)) == expected(machine, lang)


def test_the_command_draws_one_machine_bare_and_all_in_fences() -> None:
    one = CliRunner().invoke(app, ["machines", "goods", "--format", "mermaid", "--lang", "zh"])
    assert one.stdout == mermaid(BOOK.machines["goods"], "zh")
    every = CliRunner().invoke(app, ["machines", "--format", "mermaid", "--lang", "en"]).stdout
    fences = re.findall(r"^```mermaid\n(.*?)^```$", every, re.DOTALL | re.MULTILINE)
    assert fences == [mermaid(machine, "en") for machine in BOOK.machines.values()]

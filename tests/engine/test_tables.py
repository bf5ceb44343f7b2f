"""Machines are checked when they are made: every contradiction is found and told."""

from __future__ import annotations

from typing import Any

import pytest

from eldermall import DefinitionError
from eldermall.engine.machine import NEW, Guard, Machine, State, Transition
from tests.engine.test_rulebook import WORDS, WORK

BY = ("operations",)


def states(*names: str, end: str = "end") -> tuple[State, ...]:
    return tuple(State(name, WORDS, end=name == end) for name in names)


def move(name: str, sources: tuple[str, ...], target: str | None, **more: Any) -> Transition:
    given: dict[str, Any] = {"by": BY, "label": WORDS, "event": name.capitalize()}
    return Transition(name, sources, target, **given | more)


MAKE = move("make", (NEW,), "end")
WRONG: dict[str, tuple[tuple[State, ...], tuple[Transition, ...], str]] = {
    "a state twice": (states("end", "end"), (MAKE,), "state end stands twice"),
    "a source that isn't": (
        states("end"), (MAKE, move("go", ("away",), "end")), "move go names no state: away"
    ),
    "a target that isn't": (
        states("end"), (MAKE, move("go", ("end",), "away")), "move go names no state: away"
    ),
    "a way back to nothing": (
        states("end"), (MAKE, move("go", ("end",), NEW)), "move go would stay in (new)"
    ),
    "a move that makes nothing": (
        states("end"), (MAKE, move("go", (NEW,), None)), "move go would stay in (new)"
    ),
    "a move from nowhere": (
        states("end"), (MAKE, move("go", (), "end")), "move go leaves no state"
    ),
    "a move by nobody": (
        states("end"), (MAKE, move("go", ("end",), "end", by=())),
        "move go needs roles or a condition to follow by itself, and not both",
    ),
    "a move by somebody and by itself": (
        states("end"), (MAKE, move("go", ("end",), "end", when=lambda r: True)),
        "move go needs roles or a condition to follow by itself, and not both",
    ),
    "a move by itself that changes nothing": (
        states("end"), (MAKE, move("go", ("end",), None, by=(), when=lambda r: True)),
        "automatic move go must change state",
    ),
    "an ambiguous move": (
        states("end", "b"), (MAKE, move("go", ("end",), "b"), move("go", ("end",), "end")),
        "move go is ambiguous from end",
    ),
    "a state that can't be reached": (
        states("end", "island"), (MAKE, move("go", ("island",), "end")),
        "state island can't be reached",
    ),
    "a state without a way out": (
        states("end", "pit"), (MAKE, move("fall", ("end",), "pit")),
        "state pit has no way to an end",
    ),
    "no end at all": (
        states("a", end=""), (move("make", (NEW,), "a"),), "state a has no way to an end"
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_table_that_contradicts_itself_is_refused(what: str) -> None:
    given, moves, message = WRONG[what]
    with pytest.raises(DefinitionError) as wrong:
        Machine("m", "state", WORDS, given, moves)
    assert str(wrong.value).startswith("machine m: ")
    assert message in str(wrong.value)
    assert wrong.value.text.zh.startswith("状态机 m 有误：")


def test_a_machine_is_born_in_states_that_it_has() -> None:
    with pytest.raises(DefinitionError, match="born in no state: nowhere"):
        Machine("m", "state", WORDS, states("end"), (MAKE,), born=("nowhere",))


def test_all_contradictions_are_told_at_once() -> None:
    with pytest.raises(DefinitionError) as wrong:
        Machine("m", "state", WORDS, states("end", "island"), (MAKE, move("go", (), "away")))
    assert str(wrong.value) == (
        "machine m: move go names no state: away; move go leaves no state; "
        "state island can't be reached; state island has no way to an end"
    )


def test_guards_name_moves_and_states_that_there_are() -> None:
    assert WORK.move("start") == Guard("work", "move", "start")
    assert WORK.entering("done") == Guard("work", "enter", "done")
    with pytest.raises(DefinitionError, match="machine work has no move fly"):
        WORK.move("fly")
    with pytest.raises(DefinitionError, match="machine work has no state start"):
        WORK.entering("start")


def test_what_a_table_says_can_be_asked() -> None:
    assert WORK.ends == {"done", "lapsed"}
    assert {t.name for t in WORK.automatic} == {"lapse"}
    assert "start" in WORK.names
    assert WORK.take("waiting", "start").target == "running"
    assert WORK.take("waiting", "note").target == "waiting"

"""Our tables against the `transitions` library, and broken tables against the door."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from transitions import Machine as Library
from transitions import MachineError

from eldermall import DefinitionError, Text
from eldermall.engine.machine import NEW, Machine, State, Transition
from eldermall.mall import rulebook
from tests import shop

MACHINES = rulebook().machines
WORD = Text("词", "word")


@dataclass
class Cursor:
    state: str


def library(machine: Machine) -> Library:
    """Build the library's machine anew, edge by edge, from nothing but the table."""
    built = Library(
        model=None, initial=None, states=[NEW, *(s.name for s in machine.states)],
        auto_transitions=False,
    )
    for t in machine.transitions:
        for source in t.sources:
            built.add_transition(t.name, source, t.target)
    return built


def asked_of_the_library(built: Library, state: str, move: str) -> str | None:
    """Return where the library goes, None if it refuses."""
    cursor = Cursor(state)
    built.add_model(cursor, initial=state)
    try:
        cursor.trigger(move)  # type: ignore[attr-defined]
    except MachineError:
        return None
    finally:
        built.remove_model(cursor)
    return cursor.state


def asked_of_the_table(machine: Machine, state: str, move: str) -> str | None:
    """Return where the table goes, None if it has no such edge."""
    taken = machine.edges.get((state, move))
    return None if taken is None else taken.target or state


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_table_and_library_agree_on_every_state_and_move(machine: Machine) -> None:
    built = library(machine)
    for state, move in product((NEW, *machine.labels), sorted(machine.names)):
        with shop.telling(f"{move} from {state}"):
            target = asked_of_the_library(built, state, move)
            assert asked_of_the_table(machine, state, move) == target
            if target is None:
                with pytest.raises(MachineError):
                    machine.take(state, move)
            else:
                assert machine.take(state, move).target == target


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_a_compiled_machine_is_shared_and_never_holds_a_model(machine: Machine) -> None:
    for (state, move), _ in machine.edges.items():
        machine.take(state, move)
    assert machine.compiled is machine.compiled
    assert machine.compiled.models == []


# Tables that nobody wrote


def move(name: str, sources: tuple[str, ...], target: str | None, **more: Any) -> Transition:
    given: dict[str, Any] = {"by": ("operations",), "label": WORD, "event": name.upper()}
    return Transition(name, sources, target, **given | more)


def table(states: tuple[str, ...], *transitions: Transition, ends: tuple[str, ...] = ()) -> Machine:
    return Machine(
        "table", "state", WORD, tuple(State(s, WORD, end=s in ends) for s in states), transitions
    )


@st.composite
def tables(draw: st.DrawFn) -> tuple[tuple[str, ...], tuple[Transition, ...], tuple[str, ...]]:
    """Draw a table that is right: a way through all states to an end, and edges besides."""
    states = tuple(f"s{n}" for n in range(draw(st.integers(1, 6))))
    way = [move(f"go{n}", (a,), b) for n, (a, b) in enumerate(zip((NEW, *states), states,
                                                                 strict=False))]
    more = draw(
        st.lists(
            st.tuples(
                st.sampled_from("abcd"), st.sampled_from(states),
                st.none() | st.sampled_from(states),
            ),
            unique_by=lambda edge: edge[:2], max_size=12,
        )
    )
    besides = [move(name, (source,), target) for name, source, target in more]
    ends = (states[-1], *draw(st.sets(st.sampled_from(states))))
    return states, tuple(draw(st.permutations(way + besides))), ends


@given(tables())
def test_table_and_library_agree_on_any_table(drawn: Any) -> None:
    states, transitions, ends = drawn
    machine = table(states, *transitions, ends=ends)
    built = library(machine)
    for state in (NEW, *states):
        for name in sorted(machine.names):
            target = asked_of_the_library(built, state, name)
            assert asked_of_the_table(machine, state, name) == target
            if target is not None:
                assert machine.take(state, name).target == target


def said_of(*args: Any, **more: Any) -> str:
    with pytest.raises(DefinitionError) as refused:
        table(*args, **more)
    assert refused.value.text.zh
    return str(refused.value)


@given(tables(), st.booleans())
def test_an_unknown_state_is_refused_by_name(drawn: Any, as_target: bool) -> None:
    states, transitions, ends = drawn
    wrong = move("stray", (states[0],) if as_target else ("limbo",),
                 "limbo" if as_target else states[0])
    assert "move stray names no state: limbo" in said_of(states, *transitions, wrong, ends=ends)


@given(tables())
def test_an_unreachable_state_is_refused_by_name(drawn: Any) -> None:
    states, transitions, ends = drawn
    out = move("out", ("island",), states[-1])
    said = said_of((*states, "island"), *transitions, out, ends=ends)
    assert "state island can't be reached" in said
    assert "no way to an end" not in said


@given(tables())
def test_a_state_with_no_way_to_an_end_is_refused_by_name(drawn: Any) -> None:
    states, transitions, ends = drawn
    trap = move("fall", (states[0],), "pit")
    stay = move("turn", ("pit",), "pit")
    said = said_of((*states, "pit"), *transitions, trap, stay, ends=ends)
    assert "state pit has no way to an end" in said
    assert "can't be reached" not in said


@given(tables(), st.data())
def test_a_state_that_stands_twice_is_refused_by_name(drawn: Any, data: st.DataObject) -> None:
    states, transitions, ends = drawn
    twice = data.draw(st.sampled_from(states))
    said = said_of((*states, twice), *transitions, ends=ends)
    assert f"state {twice} stands twice" in said


@given(tables(), st.data())
def test_a_move_with_two_ways_from_one_state_is_refused_by_name(
    drawn: Any, data: st.DataObject
) -> None:
    states, transitions, ends = drawn
    old = data.draw(st.sampled_from(transitions))
    target = data.draw(st.sampled_from(states))
    assume(old.sources != (NEW,) or target is not None)
    twin = move(old.name, old.sources, target)
    said = said_of(states, *transitions, twin, ends=ends)
    assert f"move {old.name} is ambiguous from {old.sources[0]}" in said


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (move("back", ("a",), NEW), "move back would stay in (new)"),
        (move("wait", (NEW,), None), "move wait would stay in (new)"),
        (move("drift", (), "a"), "move drift leaves no state"),
        (move("slip", ("a",), "a", by=()), "move slip needs roles or a condition"),
        (move("slip", ("a",), "a", when=bool), "move slip needs roles or a condition"),
        (move("spin", ("a",), None, by=(), when=bool),
         "automatic move spin must change state"),
        (move("both", ("a", "a"), "a"), "move both is ambiguous from a"),
    ],
)
def test_a_move_that_contradicts_itself_is_refused_by_name(wrong: Transition, words: str) -> None:
    assert words in said_of(("a",), move("go", (NEW,), "a"), wrong, ends=("a",))


def test_a_birth_in_an_unknown_state_is_refused_by_name() -> None:
    with pytest.raises(DefinitionError, match="born in no state: limbo"):
        Machine("table", "state", WORD, (State("a", WORD, end=True),),
                (move("go", (NEW,), "a"),), born=("limbo",))


def test_guards_on_moves_and_states_that_are_not_there_are_refused() -> None:
    machine = table(("a",), move("go", (NEW,), "a"), ends=("a",))
    with pytest.raises(DefinitionError, match="no move fly"):
        machine.move("fly")
    with pytest.raises(DefinitionError, match="no state heaven"):
        machine.entering("heaven")

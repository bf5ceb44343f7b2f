"""What follows from a move, or from a breach: refused with it, or best-effort."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import pytest

from eldermall import DefinitionError, Mall, Refused, Text, hookimpl
from eldermall.engine.inputs import Arguments
from eldermall.engine.kind import BREACHED, Command, Kind, Reaction, Record
from eldermall.engine.machine import NEW, Machine, State, Transition
from eldermall.engine.room import Nothing, Options, Room, Unpack
from eldermall.engine.rule import AT, Rule
from tests import shop

WORDS = Text("备忘", "memo")


class Memo(Record):
    state: str


def machine(name: str) -> Machine:
    return Machine(
        name, "state", WORDS, (State("kept", WORDS, end=True),),
        (
            Transition("keep", (NEW,), "kept", ("system", "operations"), WORDS, "Kept"),
            Transition("read", ("kept",), None, ("system", "operations"), WORDS, "Read"),
        ),
    )


MEMO = Kind("memo", WORDS, Memo, (machine("memo"),))
COPY = Kind("copy", WORDS, Memo, (machine("copy"),))
NEVER = Rule(
    id="copy.never", label=WORDS, clauses=("S19-14",), guards=(machine("copy").move("keep"),),
    needs=(AT,), check=lambda at: False, reason=Text("从不", "never"),
)


T = TypeVar("T")


class Memos(Room[T, Memo]):
    kind = "memo"

    def keep(self, id: str, **options: Unpack[Options]) -> T:
        return self._do("keep", id, shop.OPERATIONS, Nothing, options)


def copy(before: Any, memo: Any, args: Any, cause: Any) -> Iterable[Command]:
    yield Command("copy", "keep", memo.id, cause, Arguments())


class Plugin:
    """Two kinds, and what follows."""

    def __init__(self, *reactions: Reaction, rules: tuple[Rule, ...] = ()) -> None:
        self.reactions = reactions
        self.rules = rules

    @hookimpl
    def eldermall_kinds(self) -> Iterable[Kind | Reaction]:
        return [MEMO, COPY, *self.reactions]

    @hookimpl
    def eldermall_rules(self) -> Iterable[Rule]:
        return self.rules


def opened(reaction: Reaction, *more: Reaction, url: str = "memory:", refuses: bool = True) -> Mall:
    rules = (NEVER,) if refuses else ()
    return shop.open_mall(url, plugins=[Plugin(reaction, *more, rules=rules)])


@pytest.fixture(params=["memory:", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Any) -> str:
    return "memory:" if request.param == "memory:" else f"sqlite:///{tmp_path}/mall.db"


def outcomes(mall: Mall, kind: str) -> list[str]:
    return [entry["outcome"] for entry in mall.journal(kind, "M")]


def test_a_reaction_that_is_refused_refuses_the_move_and_says_so(url: str) -> None:
    with opened(Reaction("memo", "Kept", "copy", "keep", copy), url=url) as mall:
        with pytest.raises(Refused, match="never"):
            mall.room(Memos).keep("M")
        assert outcomes(mall, "memo") == ["refused"]
        assert mall.journal("memo", "M")[0]["reaction"]["subject"] == "copy/M"
        assert outcomes(mall, "copy") == []


def test_a_best_effort_reaction_that_is_refused_leaves_its_entry_and_stops_nothing(
    url: str,
) -> None:
    with opened(Reaction("memo", "Kept", "copy", "keep", copy, best_effort=True), url=url) as mall:
        assert mall.room(Memos[Memo]).keep("M").state == "kept"
        assert mall.room(Memos).get("M").state == "kept"
        assert outcomes(mall, "memo") == ["moved"]
        (entry,) = mall.journal("copy", "M")
        assert (entry["outcome"], entry["verdicts"][0]["rule"]) == ("refused", "copy.never@1")
        assert entry["actor"]["cause"] == "memo/M#1"
        assert mall.verify().passed


def test_a_best_effort_reaction_that_is_allowed_moves_in_the_same_commit(url: str) -> None:
    reaction = Reaction("memo", "Kept", "copy", "keep", copy, best_effort=True)
    with opened(reaction, url=url, refuses=False) as mall:
        mall.room(Memos).keep("M")
        assert outcomes(mall, "copy") == ["moved"]


@pytest.mark.parametrize("there", [False, True])
def test_a_reaction_may_pass_over_what_is_not_there_or_is_there_already(
    url: str, *, there: bool
) -> None:
    read = Reaction(
        "memo", "Kept", "copy", "read",
        lambda before, memo, args, cause: [Command("copy", "read", memo.id, cause, Arguments())],
        if_exists=True,
    )
    keep = Reaction("memo", "Kept", "copy", "keep", copy, if_absent=True)
    with opened(read, keep, url=url, refuses=False) as mall:
        if there:
            mall.room(type("Copies", (Memos,), {"kind": "copy"})).keep("M")
        mall.room(Memos).keep("M")
        moves = [entry["what"] for entry in mall.journal("copy", "M")]
        assert moves == (["copy.keep", "copy.read"] if there else ["copy.keep"])


def test_what_follows_from_a_best_effort_reaction_must_be_best_effort_too() -> None:
    first = Reaction("memo", "Kept", "copy", "keep", copy, best_effort=True)
    back = Reaction(
        "copy", "Kept", "memo", "read",
        lambda before, copy, args, cause: [Command("memo", "read", copy.id, cause, Arguments())],
    )
    with pytest.raises(DefinitionError, match=r"memo\.read, which follows from it, must be too"):
        opened(first, back)


def test_a_reaction_to_a_breach_must_be_best_effort_since_a_breach_is_never_undone() -> None:
    with pytest.raises(DefinitionError, match="to a breach must be best-effort"):
        opened(Reaction("order", BREACHED, "copy", "keep", copy))


def test_a_breach_makes_the_reactions_to_it_and_stands_where_they_are_refused() -> None:
    time = shop.Time()
    reaction = Reaction(
        "order", BREACHED, "copy", "keep",
        lambda before, order, change, cause: [
            Command("copy", "keep", change.row.name.partition("@")[0], cause, Arguments())
        ],
        best_effort=True, if_absent=True,
    )
    mall = shop.open_mall(time=time, plugins=[Plugin(reaction, rules=(NEVER,))])
    shop.staff(mall)
    shop.place(mall)
    time.pass_(hours=5)
    assert mall.sweep().breached == 1
    (entry,) = mall.journal("copy", "handover.in-time")
    assert (entry["outcome"], entry["actor"]["cause"]) == ("refused", "order/A1#2")
    assert shop.clocks(mall, "handover.in-time")[""].state == "breached"

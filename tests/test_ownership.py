"""Whose a record is, is asked before anything else; to others it looks as if it weren't there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Actor, Decision, Mall, Refused, Text, Unknown, hookimpl, person
from eldermall.engine.declaration import Changes, Move, move
from eldermall.engine.declared import Declared, M
from eldermall.engine.inputs import Arguments, Id
from eldermall.engine.kind import ADOPT, Command, Record, anyone
from eldermall.engine.machine import NEW
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.engine.track import Track, state
from tests import shop
from tests.walk import walk

OUTSIDE: tuple[Actor, ...] = (
    shop.STRANGER,
    shop.RIVAL,
    person("tea-house", "customer"),
    person("grandma-li", "merchant", merchant="elsewhere"),
)
"""People of whom nothing in the mall is, though two bear the id of somebody whose it is."""


@pytest.fixture(scope="module")
def full() -> Iterator[Mall]:
    """A mall in which every move was made."""
    time = shop.Time(datetime(2026, 3, 2, 1, tzinfo=UTC))
    told_each = replace(shop.PATIENT, strangers=10_000)
    with shop.open_mall(time=time, technical=told_each) as mall:
        shop.staff(mall)
        walk(mall, time)
        yield mall


def records(mall: Mall) -> dict[str, list[Record]]:
    """Return all records by kind."""
    with mall.read() as tx:
        return {
            name: [kind.record(row) for row in tx.find(name)]
            for name, kind in mall.book.kinds.items()
        }


def told(mall: Mall, kind: str, name: str, id: str, by: Actor) -> Decision:
    """Return what somebody is told who asks for a move without arguments."""
    return mall._engine.may(Command(kind, name, id, by, Arguments()))


def apart_from_the_id(decision: Decision, id: str) -> Any:
    """Return all that a decision says, without the id of the record."""
    texts = [text.replace(id, "-", 1) for text in (decision.text.zh, decision.text.en)]
    said = decision.verdicts, decision.state, decision.facts, decision.allowed, decision.labels
    return texts, said


@pytest.mark.parametrize("actor", OUTSIDE, ids=lambda a: f"{a.id} as {a.role}")
def test_another_s_record_and_none_at_all_are_told_alike_by_every_move(
    full: Mall, actor: Actor
) -> None:
    for name, kept in records(full).items():
        kind = full.book.kinds[name]
        assert kept or name == "capacity", name
        for move_ in (*kind.machines_of, ADOPT):
            made = any(NEW in t.sources for m in kind.machines for t in m.transitions
                       if t.name == move_)
            nothing = None if made else apart_from_the_id(
                told(full, name, move_, "no-such", actor), "no-such"
            )
            for record in kept:
                with shop.telling((name, move_, record.id)):
                    said = told(full, name, move_, record.id, actor)
                    (verdict,) = said.verdicts
                    assert verdict.rule in (
                        "machine.own-records", "machine.who-may", "adopt.who-may"
                    )
                    assert (said.state, said.facts, said.allowed) == ("", {}, False)
                    assert nothing in (None, apart_from_the_id(said, record.id))


@given(data=st.data())
def test_no_version_that_a_stranger_expects_is_told_from_another(
    full: Mall, data: st.DataObject
) -> None:
    name, record = data.draw(
        st.sampled_from([(name, record) for name, all_ in records(full).items() for record in all_])
    )
    move_ = data.draw(st.sampled_from([*full.book.kinds[name].machines_of, ADOPT]))
    actor = data.draw(st.sampled_from(OUTSIDE))
    expect = data.draw(st.sampled_from([None, 1, record.version, record.version + 1]))
    with pytest.raises(Refused) as refused:
        full._engine.perform(Command(name, move_, record.id, actor, Arguments(), expect=expect))
    assert len(refused.value.decision.verdicts) == 1
    entry = full.journal(name, record.id)[-1]
    assert (entry["outcome"], entry["state"], entry["facts"]) == ("refused", "", {})


@pytest.mark.parametrize("actor", OUTSIDE, ids=lambda a: f"{a.id} as {a.role}")
def test_nobody_reads_another_s_record_as_themselves(full: Mall, actor: Actor) -> None:
    rooms = {room.kind: room for room in vars(full).values() if hasattr(room, "kind")}
    for name, kept in records(full).items():
        for record in kept if name in rooms else ():
            assert rooms[name].get(record.id) == record
            with pytest.raises(Unknown) as foreign:
                rooms[name].get(record.id, by=actor)
            with pytest.raises(Unknown) as missing:
                rooms[name].get("no-such", by=actor)
            assert str(foreign.value).replace(record.id, "-") == str(missing.value).replace(
                "no-such", "-"
            )


def test_whoever_is_party_reads_it_and_staff_do_and_the_host(mall: Mall) -> None:
    shop.place(mall, relatives=["son"])
    son = person("son", "customer")
    for by in (None, shop.CUSTOMER, son, shop.MERCHANT, shop.SERVICE, shop.PAYMENTS):
        assert mall.orders.get("A1", by=by).id == "A1"
        assert mall.may.orders.get("A1", by=by).id == "A1"
        with mall.batch() as batch:
            assert batch.orders.get("A1", by=by).id == "A1"
    with mall.batch() as batch, pytest.raises(Unknown):
        batch.orders.get("A1", by=shop.STRANGER)


def test_staff_are_told_everything_and_so_are_those_whose_it_is(mall: Mall) -> None:
    shop.place(mall)
    said = shop.refusal(mall.orders.archive, "A1", by=shop.AGENT)
    assert said.rules == ("machine.no-such-move", "callback.before-archive@1")
    assert said.state == "submitted"
    assert shop.refusal(mall.orders.archive, "A1", by=shop.CUSTOMER).state == "submitted"
    assert shop.refusal(mall.orders.archive, "A9", by=shop.AGENT).rules == ("machine.no-record",)


def test_the_same_adoption_again_is_told_to_no_outsider(mall: Mall) -> None:
    record = {
        "work": "draft", "display": "hidden", "merchant": "tea-house", "mode": "merchant_self",
        "assistance": None, "kind": "goods", "channel": "app", "versions": [{
            "number": 1, "content": shop.CONTENT, "author": "zhao", "authors": ["zhao"],
            "drafted_at": shop.START,
        }],
    }
    adopted = mall.listings.adopt("tea", record, by=shop.OPERATIONS)
    assert mall.listings.adopt("tea", record, by=shop.OPERATIONS) == adopted
    said = shop.refusal(mall.listings.adopt, "tea", record, by=shop.MERCHANT)
    assert (said.rules, said.state) == (("adopt.who-may",), "")


# Plugins' rooms


class Diary(Record):
    """What somebody wrote."""

    state: str
    writer: Id


class Diaries(Declared[M, Diary]):
    """Diaries: each for its writer."""

    kind = "diary"
    label = Text("日记", "diary")
    model = Diary

    class States(Track):
        """Whether it is open."""

        open = state(Text("未合上", "open"))
        shut = state(Text("已合上", "shut"), end=True)

    @staticmethod
    def party(subject: Any, actor: Actor) -> bool:
        """Say whether somebody is its writer."""
        return bool(subject.writer == actor.id)

    @move(NEW, to=States.open, by=("customer",), says=Text("动笔", "begin"), event="Begun")
    @staticmethod
    def begin(m: Move[Diary], id: str, *, writer: Id, **by: Unpack[By]) -> Changes:
        """Begin a diary."""
        return {"writer": writer}

    @move(
        States.open, to=States.shut, by=("customer", "operations"), says=Text("合上", "shut"),
        event="Shut",
    )
    @staticmethod
    def shut(m: Move[Diary], id: str, **by: Unpack[By]) -> Changes:
        """Shut a diary."""
        return {}


class Brings:
    """A plugin with a room."""

    @hookimpl
    def eldermall_kinds(self) -> list[Any]:
        """Bring the room."""
        return [Diaries]


def test_a_plugin_s_room_is_asked_as_ours_are() -> None:
    with shop.open_mall(plugins=[Brings()]) as mall:
        room = mall.room(Diaries)
        room.begin("D1", writer=shop.CUSTOMER.id, by=shop.CUSTOMER)
        said = shop.refusal(room.begin, "D2", writer=shop.CUSTOMER.id, by=shop.STRANGER)
        assert said.rules == ("machine.own-records",)
        foreign = shop.refusal(room.shut, "D1", by=shop.STRANGER)
        missing = shop.refusal(room.shut, "D9", by=shop.STRANGER)
        assert foreign.verdicts == missing.verdicts
        assert (foreign.rules, foreign.state) == (("machine.own-records",), "")
        with pytest.raises(Unknown):
            room.get("D1", by=shop.STRANGER)
        room.shut("D1", by=shop.CUSTOMER)


def test_every_room_of_ours_says_whose_its_records_are(full: Mall) -> None:
    assert [name for name, kind in full.book.kinds.items() if kind.party is anyone] == []

"""Facts of other records inside one unit of work, and what happens when the database is locked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from eldermall import Mall, Text, hookimpl
from eldermall.adapters.storage.memory import MemoryStorage
from eldermall.contracts.storage import Storage, Transaction
from eldermall.engine.rule import Fact, Rule, looked_up
from eldermall.errors import Conflict, Locked, RuleBroken
from eldermall.rooms.callbacks import Callbacks
from eldermall.rooms.orders import Orders
from tests import databases, shop

WORD = Text("词", "word")


@pytest.fixture(params=databases.ALL)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return databases.url_of(request.param, tmp_path)


class Bringing:
    """A plugin with one rule."""

    def __init__(self, *facts: Fact, **more: Any) -> None:
        given: dict[str, Any] = {
            "id": "test.rule", "label": WORD, "clauses": ("S19-14",), "reason": WORD,
            "needs": facts,
        }
        self.rule = Rule(**given | more)

    @hookimpl
    def eldermall_rules(self) -> Iterable[Rule]:
        return [self.rule]


def test_a_reaction_sees_other_records_as_the_unit_has_made_them(
    url: str, time: shop.Time
) -> None:
    state = looked_up(
        "order.goods", "text", WORD, "order", lambda c: c.id, lambda c, order: order.goods
    )
    plugin = Bringing(
        state, guards=Callbacks.open.guard, check=lambda goods: goods == "completed"
    )
    with shop.open_mall(url, time, plugins=[plugin]) as mall:
        shop.staff(mall)
        shop.completed(mall)
        (opened,) = mall.journal("callback", "A1")
        assert opened["facts"]["order.goods"] == "completed"


def test_a_record_that_a_reaction_of_the_unit_could_not_find_yet_is_not_there(
    url: str, time: shop.Time
) -> None:
    booking = looked_up(
        "booking.there", "flag", WORD, "booking", lambda c: "ref-1", lambda c, b: b is not None
    )
    plugin = Bringing(booking, guards=Orders.place.guard, check=lambda there: not there)
    with shop.open_mall(url, time, plugins=[plugin]) as mall:
        shop.staff(mall)
        shop.place(mall, "A1")
        mall.orders.paid("A1", 27000, "ref-1", by=shop.PAYMENTS)
        assert shop.refusal(shop.place, mall, "A2").rules == ("test.rule@1",)


def test_two_facts_of_one_record_look_it_up_once(url: str, time: shop.Time) -> None:
    count = looked_up(
        "duty.count", "number", WORD, "designation", lambda c: "order",
        lambda c, duty: len(duty.spans),
    )
    plugin = Bringing(count, guards=Orders.hand_over.guard, check=lambda count: count == 1)
    with shop.open_mall(url, time, plugins=[plugin]) as mall:
        shop.staff(mall)
        shop.place(mall)
        mall.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE)
        facts = mall.journal("order", "A1")[-1]["facts"]
        assert (facts["duty.count"], facts["designation.order"]) == (1, [shop.OPERATIONS.id])


def test_code_that_cannot_say_which_record_it_needs_is_named(url: str, time: shop.Time) -> None:
    lost = looked_up(
        "lost", "text", WORD, "booking", lambda c: dict[str, str]()["nowhere"],
        lambda c, record: None,
    )
    plugin = Bringing(lost, guards=Orders.hand_over.guard, check=lambda lost: True)
    with shop.open_mall(url, time, plugins=[plugin]) as mall:
        shop.staff(mall)
        shop.place(mall)
        with pytest.raises(RuleBroken, match=r"which booking a rule needs") as wrong:
            mall.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE)
        assert "booking" in wrong.value.text.zh
        assert mall.orders.get("A1").goods == "submitted"


def test_a_record_that_is_about_to_be_made_is_not_there_yet(url: str, time: shop.Time) -> None:
    itself = looked_up(
        "order.there", "flag", WORD, "order", lambda c: c.id, lambda c, order: order is not None
    )
    plugin = Bringing(itself, guards=Orders.place.guard, check=lambda there: not there)
    with shop.open_mall(url, time, plugins=[plugin]) as mall:
        shop.place(mall)
        assert mall.orders.get("A1").summary == "submitted/unpaid"


class Busy(MemoryStorage):
    """A storage whose lock is not to be had at certain times."""

    refuse: frozenset[int] = frozenset()
    asked = 0

    @contextmanager
    def write(self, mall: str, *, patience: float | None = None) -> Iterator[Transaction]:
        self.asked += 1
        if self.asked in self.refuse:
            raise Locked(Text("被占用", "busy"))
        with super().write(mall, patience=patience) as tx:
            yield tx

    @hookimpl
    def eldermall_storage(self, url: str, prefix: str) -> Storage | None:
        return self if url == "busy:" else None


@pytest.fixture
def busy(time: shop.Time) -> Iterator[tuple[Mall, Busy]]:
    storage = Busy()
    with shop.open_mall("busy:", time, plugins=[storage]) as mall:
        shop.staff(mall)
        for id in ("C1", "C2"):
            mall.complaints.receive(id, customer="u1", words="cold", by=shop.SERVICE)
        time.pass_(days=2)
        storage.asked = 0
        yield mall, storage
        storage.refuse = frozenset()


def test_a_clock_that_finds_the_database_locked_stops_no_other_and_is_acted_on_next_time(
    busy: tuple[Mall, Busy],
) -> None:
    mall, storage = busy
    storage.refuse = frozenset({2})
    swept = mall.sweep()
    assert [(f.subject, f.why.en) for f in swept.failed] == [("complaint/C1", "busy")]
    assert swept.breached == 1
    assert mall.complaints.get("C2").state == "escalated"
    assert [e["what"] for e in mall.journal("complaint", "C1")] == ["complaint.receive"]
    assert mall.sweep().breached == 1
    assert mall.complaints.get("C1").state == "escalated"


def test_a_sweep_that_finds_the_database_locked_from_the_start_does_nothing(
    busy: tuple[Mall, Busy],
) -> None:
    mall, storage = busy
    storage.refuse = frozenset({1})
    with pytest.raises(Conflict, match="busy"):
        mall.sweep()
    assert mall.sweep().breached == 2


def test_a_refusal_that_finds_the_database_locked_waits_and_is_written_with_the_next_command(
    busy: tuple[Mall, Busy],
) -> None:
    mall, storage = busy
    storage.refuse = frozenset({2})
    assert shop.refusal(
        mall.complaints.close, "C1", satisfied="yes", remedy="granted", by=shop.SERVICE
    ).rules == ("machine.no-such-move",)
    assert [e["outcome"] for e in mall.journal("complaint", "C1")] == ["moved"]
    mall.complaints.record("C2", subject="s", remedy="r", etiquette="v1", by=shop.SERVICE)
    assert [e["outcome"] for e in mall.journal("complaint", "C1")] == ["moved", "refused"]


def test_a_command_that_finds_the_database_locked_is_in_the_journal_with_the_next_one(
    busy: tuple[Mall, Busy],
) -> None:
    mall, storage = busy
    storage.refuse = frozenset({1})
    with pytest.raises(Locked, match="busy"):
        mall.complaints.record("C1", subject="s", remedy="r", etiquette="v1", by=shop.SERVICE)
    mall.complaints.record("C2", subject="s", remedy="r", etiquette="v1", by=shop.SERVICE)
    assert [e["outcome"] for e in mall.journal("complaint", "C1")] == ["moved", "conflict"]

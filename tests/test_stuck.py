"""A database of the version before, with orders that could never end, is opened under this one.

``samples/mall-0003-stuck.sql`` is what that version left: the orders' ids say how each stands.
Of the refund requests one was accepted, one refused for good, the others have had no answer.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from eldermall import Mall, hookimpl
from eldermall.adapters.storage.sql.storage import SqlStorage
from eldermall.contracts.events import RefundAnswer, RefundRequest
from eldermall.contracts.storage import OPEN_CLOCKS
from eldermall.engine import catching_up
from eldermall.engine.machine import Guard
from eldermall.engine.rule import AT, Rule
from eldermall.engine.walk import END
from eldermall.mall import rulebook
from eldermall.texts import Text
from tests import shop

SAMPLE = Path(__file__).parent / "samples" / "mall-0003-stuck.sql"
LATER = datetime(2026, 3, 5, 2, tzinfo=UTC)
OWED = {"ACCEPTED": 27000, "DEAD": 27000, "PENDING": 27000, "PART": 6800, "CASE": 6800}
"""What each order owed and hadn't booked. PAID_BACK has been booked; its request waits still."""


class Bank:
    """A host that pays whatever it is asked for, once for each id, as the docs advise."""

    def __init__(self) -> None:
        self.mall: Mall | None = None
        self.paid: dict[str, RefundRequest] = {}

    @hookimpl
    def eldermall_refund(self, request: RefundRequest) -> RefundAnswer:
        self.paid.setdefault(request.id, request)
        return RefundAnswer("accepted")


def policy_of_before() -> dict[str, Any]:
    """Return the demo policy without what was added since, as it was published then."""
    given = shop.policy()
    for key, setting in rulebook().settings.items():
        if setting.added:
            del given["settings"][key]
    return given


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "mall.db"
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript(SAMPLE.read_text(encoding="utf-8"))
    with closing(SqlStorage(f"sqlite:///{path}")) as storage:
        storage.upgrade(kind.record_kind for kind in rulebook().kinds.values())
    return f"sqlite:///{path}"


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture
def time() -> shop.Time:
    return shop.Time(LATER)


@pytest.fixture
def stuck(file: str, time: shop.Time, bank: Bank) -> Iterator[Mall]:
    """The mall under the same policy as before, after its first sweep."""
    with Mall.open(file, policy=policy_of_before(), now=time, plugins=[bank]) as mall:
        mall.sweep()
        yield mall


def ids(mall: Mall) -> list[str]:
    with mall.read() as tx:
        return [row.id for row in tx.find("order")]


def running(mall: Mall) -> set[tuple[str, str]]:
    return {
        (row.name.partition("@")[0], row.subject.partition("/")[2])
        for row in mall.clocks(*OPEN_CLOCKS)
    }


def test_every_debt_of_before_has_a_refund_that_was_asked_for_and_is_asked_for_no_more(
    stuck: Mall,
) -> None:
    for id in ids(stuck):
        order = stuck.orders.get(id)
        assert order.owed_back == OWED.get(id, 0)
        assert sum(debt.amount for debt in order.debts) == order.owed_back
        for debt in order.debts:
            assert debt.id is not None
            refund = stuck.refunds.get(debt.id)
            assert (refund.state, refund.asked, refund.due) == ("asked", 0, debt.amount)
    asked = [m for m in stuck.messages("pending", "dead") if m.topic == "refund"]
    assert {json.loads(m.body)["subject"].partition("/")[0] for m in asked} == {"order"}
    assert stuck.verify().passed


def test_nobody_is_paid_twice(stuck: Mall, time: shop.Time, bank: Bank) -> None:
    for _ in range(30):
        stuck.relay()
        stuck.sweep()
        time.pass_(hours=2)
    assert Counter(request.order for request in bank.paid.values()) == {
        "CASE": 1, "PAID_BACK": 1, "PART": 1, "PENDING": 1,  # those whose requests still waited
    }
    for number, request in enumerate(bank.paid.values()):
        if request.order in OWED:
            stuck.orders.refunded(
                request.order, request.amount, f"r{number}", case=request.case, by=shop.PAYMENTS
            )
            assert stuck.orders.get(request.order).debts == ()
    for id in ("ACCEPTED", "DEAD"):
        assert stuck.orders.get(id).debts != ()


def test_the_second_sweep_and_the_next_opening_change_nothing_more(
    file: str, stuck: Mall, time: shop.Time
) -> None:
    with stuck.read() as tx:
        before = len(list(tx.entries()))
    stuck.sweep()
    with Mall.open(file, policy=policy_of_before(), now=time) as again:
        again.sweep()
        with again.read() as tx:
            assert len(list(tx.entries())) == before


def test_a_parcel_that_had_come_back_has_ended_and_its_clocks_and_urges_with_it(
    stuck: Mall, time: shop.Time
) -> None:
    for id, how in (("RETURNED", "returned"), ("CANCELLED_BY_COURIER", "failed"),
                    ("COD_REFUSED", "returned")):
        (parcel,) = stuck.orders.get(id).parcels
        assert parcel.ended is not None
        assert parcel.ended.how == how
        assert {clock for clock, subject in running(stuck) if subject == id} == set()
        assert stuck.orders.get(id).urges == ()
    with stuck.read() as tx:
        urges = [stuck.book.kind("urge").record(row) for row in tx.find("urge")]
    states = {(u.order, u.state) for u in urges}  # type: ignore[attr-defined]
    assert ("RETURNED", "ended") in states
    assert ("LOST", "waiting") in states


def test_with_a_policy_that_sets_what_was_added_every_open_order_gets_its_clocks(
    file: str, stuck: Mall, time: shop.Time, bank: Bank
) -> None:
    added = {"payment.paid-in-time", "completion.in-time", "refunds.booked-in-time",
             "complaints.closed-in-time"}
    assert not added & {clock for clock, _ in running(stuck)}
    stuck.close()
    given = shop.policy(published="2026-03-06")
    time.now = LATER + timedelta(days=2)
    with Mall.open(file, policy=given, now=time, plugins=[bank]) as mall:
        mall.sweep()
        found = running(mall)
        assert ("payment.paid-in-time", "UNPAID") in found
        assert ("completion.in-time", "DELIVERED") in found
        assert ("complaints.closed-in-time", "K1") in found
        refunds = {id for clock, id in found if clock == "refunds.booked-in-time"}
        assert {id.partition(".")[0] for id in refunds} == set(OWED)
        published = shop.us(datetime(2026, 3, 5, 16, tzinfo=UTC))
        assert all(
            row.started >= published for row in mall.clocks(*OPEN_CLOCKS)
            if row.name.partition("@")[0] in added
        )
        time.pass_(days=8)
        mall.sweep()
        assert mall.orders.get("UNPAID").summary == "cancelled/unpaid"
        assert mall.orders.get("DELIVERED").goods == "completed"
        assert mall.orders.get("COD").goods == "delivered"  # nobody has collected it
        mall.orders.end_parcel("LOST", parcel="p", how="lost", reason="-", by=shop.OPERATIONS)
        for id in ("LOST", "RETURNED", "CANCELLED_BY_COURIER", "COD_REFUSED"):
            mall.orders.give_up(id, parcel="p", reason="no stock", by=shop.OPERATIONS)
            assert mall.orders.get(id).goods == "cancelled"
            assert mall.callbacks.get(id).state == "due"
        assert mall.orders.get("COD_REFUSED").owed_back == 0
        assert mall.orders.get("LOST").owed_back == 27000
        mall.orders.collect("COD", 27000, by=shop.COURIER)
        mall.orders.complete("COD", by=shop.CUSTOMER)
        assert mall.orders.get("COD").summary == "completed/collected"
        assert mall.verify().passed


def test_no_sweep_takes_long_and_the_next_ones_go_on(
    file: str, time: shop.Time, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catching_up, "A_SWEEP", 1)
    with Mall.open(file, policy=policy_of_before(), now=time, plugins=[bank]) as mall:
        for _ in range(20):
            mall.sweep()
        owed = {id for id in OWED if mall.orders.get(id).debts}
        assert owed == set(OWED)
        with mall.read() as tx:
            assert tx.walked(catching_up.walk_of(mall.book, mall.policy.settings)) == END


def test_what_cannot_be_brought_up_to_date_is_told_and_keeps_nothing_else_back(
    file: str, time: shop.Time, bank: Bank
) -> None:
    class Refusing:
        @hookimpl
        def eldermall_rules(self) -> list[Rule]:
            return [
                Rule(
                    id=f"shop.no-{what}", label=Text("不可", "no"), clauses=("S19-14",),
                    guards=(guards,), needs=(AT,), check=lambda at: False,
                    reason=Text("不可", "no"),
                )
                for what, guards in (
                    ("refund", Guard("refund", "move", "open")),
                    ("urge", Guard("urge", "move", "catch_up")),
                )
            ]

    plugins = [bank, Refusing()]
    with Mall.open(file, policy=policy_of_before(), now=time, plugins=plugins) as mall:
        told = {failed.subject for failed in mall.sweep().failed}
        assert {f"order/{id}" for id in OWED if not mall.orders.get(id).debts} <= told
        assert any(subject.startswith("urge/") for subject in told)
        assert not mall.sweep().failed
        assert mall.verify().passed

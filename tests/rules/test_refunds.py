"""Refunds in time: S19 article 12 (1); S01 part 2 (2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eldermall import Mall
from eldermall.contracts.storage import OPEN_CLOCKS
from eldermall.reports.todo import todo_list
from tests import shop

LIMIT = timedelta(hours=72)
TICK = timedelta(microseconds=1)
BOOKED = "refunds.booked-in-time@1"


def paid(mall: Mall) -> None:
    shop.place(mall)
    shop.pay(mall)


def cancelled(mall: Mall) -> None:
    paid(mall)
    mall.orders.cancel("A1", reason="too dear", by=shop.CUSTOMER)


def declined(mall: Mall) -> None:
    paid(mall)
    shop.accept(mall)
    mall.orders.decline("A1", reason="sold out", by=shop.MERCHANT)


def overpaid(mall: Mall) -> None:
    paid(mall)
    mall.orders.paid("A1", 27000, "again", by=shop.PAYMENTS)


def given_up(mall: Mall) -> None:
    paid(mall)
    shop.accept(mall)
    shop.ship(mall, parcel="p")
    mall.orders.end_parcel("A1", parcel="p", how="lost", reason="a flood", by=shop.OPERATIONS)
    mall.orders.give_up("A1", parcel="p", reason="no more", by=shop.OPERATIONS)


def lapsed(mall: Mall) -> None:
    shop.place(mall)
    mall.orders.cancel("A1", reason="too late", by=shop.CUSTOMER)
    mall.orders.paid("A1", 27000, "late", by=shop.PAYMENTS)


OWING: dict[str, Callable[[Mall], None]] = {
    "cancelled": cancelled, "declined": declined, "overpaid": overpaid, "given up": given_up,
    "paid after the end": lapsed,
}


def opened(ground: str) -> tuple[Mall, shop.Time]:
    time = shop.Time()
    mall = shop.open_mall(time=time)
    shop.staff(mall)
    OWING[ground](mall)
    return mall, time


@pytest.mark.clause("S01-2-2f")
@pytest.mark.parametrize("ground", OWING)
@pytest.mark.parametrize("late_by", [timedelta(), TICK])
def test_whatever_is_owed_runs_under_a_clock_and_is_told_until_it_is_booked(
    ground: str, late_by: timedelta
) -> None:
    mall, time = opened(ground)
    assert mall.orders.get("A1").owed_back == 27000
    time.now += LIMIT + late_by
    mall.sweep()
    (row,) = (row for row in mall.clocks(*OPEN_CLOCKS) if row.name == BOOKED)
    assert (row.subject, row.state) == ("refund/A1.1", "breached" if late_by else "running")
    todo = {task.subject for task in todo_list(mall, role="operations")}
    assert "refund/A1.1" in todo
    assert mall.orders.get("A1").open
    mall.orders.refunded("A1", 27000, "back", by=shop.PAYMENTS)
    assert mall.refunds.get("A1.1").state == "booked"
    assert not [row for row in mall.clocks(*OPEN_CLOCKS) if row.name == BOOKED]
    assert "refund/A1.1" not in {t.subject for t in todo_list(mall, role="operations")}


@settings(max_examples=60)
@given(
    cut=st.lists(st.integers(1, 27000), max_size=4),
    said=st.lists(st.sampled_from(("accept", "fail", "lose", "ask")), max_size=6),
)
def test_no_answer_ends_a_debt_and_no_payment_is_lost(cut: list[int], said: list[str]) -> None:
    mall, _ = opened("cancelled")
    refund, by = mall.refunds, shop.OPERATIONS
    says: dict[str, Callable[[], Any]] = {
        "accept": lambda: refund.accept("A1.1", by=by),
        "fail": lambda: refund.fail("A1.1", reason="no such card", by=by),
        "lose": lambda: refund.lose("A1.1", reason="no answer", by=by),
        "ask": lambda: refund.ask("A1.1", by=by),
    }
    left = 27000
    for number, amount in enumerate(cut):
        for what in said[number::2]:
            if getattr(mall.may.refunds, what)(
                "A1.1", by=by, **({"reason": "x"} if what in ("fail", "lose") else {})
            ).allowed:
                says[what]()
        if amount <= left:
            mall.orders.refunded("A1", amount, f"r{number}", by=shop.PAYMENTS)
            left -= amount
        order = mall.orders.get("A1")
        assert order.owed_back == sum(debt.amount for debt in order.debts) == left
        assert mall.refunds.get("A1.1").due == left
        assert (mall.refunds.get("A1.1").state == "booked") is (left == 0)


def test_it_is_asked_for_again_under_the_same_id_for_what_isnt_booked() -> None:
    mall, _ = opened("cancelled")
    mall.orders.refunded("A1", 7000, "r1", by=shop.PAYMENTS)
    mall.refunds.fail("A1.1", reason="no such card", by=shop.OPERATIONS)
    mall.refunds.ask("A1.1", by=shop.OPERATIONS)
    asked = [m for m in mall.messages() if m.topic == "refund"]
    assert len(asked) == 2
    assert [b'"amount":27000' in m.body for m in asked] == [True, False]
    assert b'"amount":20000' in asked[1].body
    assert all(b'"refund":"A1.1"' in m.body for m in asked)


def test_a_payment_names_the_refund_that_it_pays() -> None:
    mall, _ = opened("overpaid")
    mall.orders.cancel("A1", reason="no honey", lines={"honey": 1}, by=shop.CUSTOMER)
    assert [(d.id, d.amount) for d in mall.orders.get("A1").debts] == [
        ("A1.1", 27000), ("A1.2", 5600)
    ]
    mall.orders.refunded("A1", 5600, "r2", refund="A1.2", by=shop.PAYMENTS)
    assert [d.id for d in mall.orders.get("A1").debts] == ["A1.1"]
    said = shop.refusal(mall.orders.refunded, "A1", 1, "r3", refund="A1.2", by=shop.PAYMENTS)
    assert "A1.2" in said.text.zh


def test_an_order_that_owes_money_keeps_what_it_says_of_a_person() -> None:
    mall, time = opened("cancelled")
    time.pass_(days=1200)
    said = shop.refusal(mall.orders.erase, "A1", by=shop.OPERATIONS)
    assert "retention.kept-while-open@1" in said.rules
    mall.orders.refunded("A1", 27000, "r1", by=shop.PAYMENTS)
    said = shop.refusal(mall.orders.erase, "A1", by=shop.OPERATIONS)
    assert said.rules == ("retention.kept-long-enough@1",)

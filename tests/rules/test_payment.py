"""Payment: S19 article 11 (1), article 9 (4); S08 part 1 (4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eldermall import Mall, Refused
from eldermall.contracts.storage import ClockState
from tests import shop

TOTAL = 27000
TICK = timedelta(microseconds=1)
LIMIT = timedelta(days=7)
REMITTED = "payment.remitted-in-time@1"

parts = st.lists(st.integers(1, TOTAL), max_size=4)


def opened(**more: Any) -> tuple[Mall, shop.Time]:
    time = shop.Time()
    mall = shop.open_mall(time=time)
    shop.staff(mall)
    shop.place(mall, **more)
    return mall, time


def pay_in_parts(mall: Mall, amounts: list[int], name: str = "part") -> None:
    for number, amount in enumerate(amounts):
        mall.orders.paid_in_part("A1", amount, f"{name}-{number}", by=shop.PAYMENTS)


def states(mall: Mall, clock: str) -> list[ClockState]:
    every: tuple[ClockState, ...] = (
        "running", "breached", "met", "stopped", "late", "lapsed", "annulled", "paused",
    )
    return [row.state for row in mall.clocks(*every) if row.name == clock]


# What isn't wholly paid in time is cancelled by itself


@settings(max_examples=60)
@given(before=parts, after=parts, late_by=st.sampled_from((timedelta(), TICK)))
def test_an_order_ends_unpaid_exactly_if_less_than_its_price_had_come_when_its_time_was_over(
    before: list[int], after: list[int], late_by: timedelta
) -> None:
    mall, time = opened()
    pay_in_parts(mall, before)
    time.now += LIMIT + late_by
    assert mall.sweep().failed == ()
    order = mall.orders.get("A1")
    lapsed = bool(late_by) and sum(before) < TOTAL
    assert (order.lapsed_at is not None) is lapsed
    assert (order.goods == "cancelled") is lapsed
    pay_in_parts(mall, after, "later")
    order = mall.orders.get("A1")
    received = sum(before) + sum(after)
    assert order.received == received
    assert order.owed_back == (received if lapsed else max(0, received - TOTAL))
    assert sum(debt.amount for debt in order.debts) == order.owed_back
    paid = not lapsed and received >= TOTAL
    assert (order.payment == "paid") is paid
    assert (order.paid_at is not None) is paid


def test_what_a_lapsed_order_held_is_there_for_others_again() -> None:
    mall, time = opened(lines=[{"id": "tea", "listing": "tea", "quantity": 1, "amount": 0}],
                        total=0, freight=0)
    mall.stock.open("kept", warn_at=0, by=shop.OPERATIONS)
    mall.stock.receive("kept", lot="l", quantity=2, source="note", by=shop.OPERATIONS)
    line = {"id": "tea", "listing": "kept", "quantity": 2, "amount": 400}
    shop.place(mall, "A2", lines=[line], total=400, freight=0)
    assert mall.stock.get("kept").available(shop.us(time.now)) == 0
    time.now += LIMIT + TICK
    mall.sweep()
    assert mall.orders.get("A2").summary == "cancelled/unpaid"
    assert mall.stock.get("kept").available(shop.us(time.now)) == 2


def test_a_payment_that_comes_after_the_end_revives_nothing_and_is_owed_back() -> None:
    mall, time = opened()
    time.now += LIMIT + TICK
    mall.sweep()
    before = time.now - timedelta(hours=1)
    order = mall.orders.paid("A1", TOTAL, "late", at=before, by=shop.PAYMENTS)
    assert (order.goods, order.owed_back) == ("cancelled", TOTAL)
    assert mall.refunds.get("A1.1").state == "asked"


# Parts, and what is too much


@settings(max_examples=60)
@given(amounts=parts, cancelled=st.booleans())
def test_an_order_is_paid_once_when_its_parts_reach_what_is_due(
    amounts: list[int], cancelled: bool
) -> None:
    mall, _ = opened()
    pay_in_parts(mall, amounts)
    if cancelled:
        mall.orders.cancel("A1", reason="no honey", lines={"honey": 1}, by=shop.CUSTOMER)
    order = mall.orders.get("A1")
    due = TOTAL - 5600 * cancelled
    assert (order.payment in ("paid", "part_refunded")) is (sum(amounts) >= due)
    events = [e for entry in mall.journal("order", "A1") for e in entry.get("followed", [])]
    assert sum(e["move"] == "reach" for e in events) == (sum(amounts) >= due)
    assert order.owed_back == max(0, sum(amounts) - due)


@given(again=st.integers(1, 10**9))
def test_a_second_payment_is_booked_and_owed_back_whole(again: int) -> None:
    mall, _ = opened()
    shop.pay(mall)
    order = mall.orders.paid("A1", again, "twice", by=shop.PAYMENTS)
    assert (order.payment, order.received, order.owed_back) == ("paid", TOTAL + again, again)
    order = mall.orders.refunded("A1", again, "back", by=shop.PAYMENTS)
    assert (order.payment, order.goodwill, order.debts) == ("paid", 0, ())
    assert [line.outstanding for line in order.lines] == [3, 1]


def test_a_wrong_amount_is_refused_unless_it_is_said_to_be_a_part() -> None:
    mall, _ = opened()
    said = shop.refusal(mall.orders.paid, "A1", TOTAL - 1, "wrong", by=shop.PAYMENTS)
    assert "paid_in_part" in said.text.zh
    assert mall.orders.get("A1").received == 0


def test_a_reference_counts_once_whichever_way_it_is_booked() -> None:
    mall, _ = opened()
    mall.orders.paid_in_part("A1", 7000, "once", by=shop.PAYMENTS)
    for pay in (mall.orders.paid_in_part, mall.orders.paid):
        with pytest.raises(Refused):
            pay("A1", 20000, "once", by=shop.PAYMENTS)
    assert mall.orders.paid("A1", 20000, "rest", by=shop.PAYMENTS).payment == "paid"


# Cash on delivery


def at_the_door() -> tuple[Mall, shop.Time]:
    mall, time = opened(cash_on_delivery=True)
    shop.accept(mall)
    shop.ship(mall, parcel="p")
    time.pass_(hours=20)
    mall.orders.deliver("A1", parcel="p", by=shop.COURIER)
    return mall, time


@pytest.mark.clause("S08-1-4a")
def test_cash_on_delivery_is_collected_or_paid_before_the_order_is_complete() -> None:
    mall, _ = at_the_door()
    said = shop.refusal(mall.orders.complete, "A1", by=shop.CUSTOMER)
    assert said.rules == ("payment.collected-before-completion@1",)
    mall.orders.collect("A1", TOTAL, by=shop.COURIER)
    assert mall.orders.complete("A1", by=shop.CUSTOMER).summary == "completed/collected"


@given(amount=st.integers(1, 2 * TOTAL).filter(lambda n: n != TOTAL))
@settings(max_examples=10)
def test_nothing_but_what_is_to_be_paid_is_collected(amount: int) -> None:
    mall, _ = at_the_door()
    said = shop.refusal(mall.orders.collect, "A1", amount, by=shop.COURIER)
    assert str(TOTAL) in said.text.zh


def test_nobody_collects_before_anything_has_left() -> None:
    mall, _ = opened(cash_on_delivery=True)
    shop.accept(mall)
    assert shop.refusal(mall.orders.collect, "A1", TOTAL, by=shop.COURIER).rules


@pytest.mark.clause("S08-1-4a")
@pytest.mark.parametrize("late_by", [timedelta(), TICK])
def test_what_a_courier_has_collected_is_handed_on_in_time(late_by: timedelta) -> None:
    mall, time = at_the_door()
    mall.orders.collect("A1", TOTAL, by=shop.COURIER)
    assert mall.orders.get("A1").owed_by_courier == TOTAL
    time.now += timedelta(days=7) + late_by
    mall.sweep()
    assert states(mall, REMITTED) == ["breached" if late_by else "running"]
    order = mall.orders.paid("A1", TOTAL, "sf-1", by=shop.PAYMENTS)
    assert (order.payment, order.owed_by_courier) == ("paid", 0)
    assert states(mall, REMITTED) == ["late" if late_by else "met"]


def test_a_courier_hands_on_what_was_collected_beside_a_part_whatever_is_cancelled_later() -> None:
    mall, _ = opened(cash_on_delivery=True)
    mall.orders.paid_in_part("A1", 20000, "card", by=shop.PAYMENTS)
    shop.accept(mall)
    shop.ship(mall, "A1", {"tea": 1}, parcel="p")
    mall.orders.deliver("A1", parcel="p", by=shop.COURIER)
    mall.orders.collect("A1", TOTAL - 20000, by=shop.COURIER)
    mall.orders.cancel("A1", reason="no honey", lines={"honey": 1}, by=shop.CUSTOMER)
    order = mall.orders.get("A1")
    assert (order.owed_by_courier, order.owed_back) == (TOTAL - 20000, 5600)
    order = mall.orders.paid("A1", TOTAL - 20000, "sf-1", by=shop.PAYMENTS)
    assert (order.payment, order.owed_by_courier, order.owed_back) == ("paid", 0, 5600)


def test_what_the_customer_paid_at_the_door_is_owed_back_though_the_courier_keeps_it() -> None:
    mall, _ = at_the_door()
    mall.orders.collect("A1", TOTAL, by=shop.COURIER)
    mall.orders.complete("A1", by=shop.CUSTOMER)
    cases = mall.cases
    cases.open("C1", order="A1", customer=shop.CUSTOMER.id, lines={"honey": 1},
               remedy="return", words="", by=shop.CUSTOMER)
    cases.contact("C1", note="-", by=shop.SERVICE)
    cases.record("C1", ground="damaged", item_state="unused", wish="money", by=shop.SERVICE)
    cases.contact_merchant("C1", note="-", by=shop.AGENT)
    cases.approve("C1", by=shop.MERCHANT)
    cases.receive("C1", outcome="ok", by=shop.MERCHANT)
    assert mall.orders.get("A1").owed_back == 5600
    mall.orders.refunded("A1", 5600, "back", case="C1", by=shop.PAYMENTS)
    assert mall.cases.get("C1").state == "refunded"
    order = mall.orders.paid("A1", TOTAL, "sf-1", by=shop.PAYMENTS)
    assert (order.payment, order.owed_back) == ("part_refunded", 0)

"""Completion by lapse of time: S19 article 11 (3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eldermall import Mall
from tests import shop

TICK = timedelta(microseconds=1)
DAYS = timedelta(days=7)


def shipped(**more: Any) -> tuple[Mall, shop.Time]:
    time = shop.Time()
    mall = shop.open_mall(time=time)
    shop.staff(mall)
    shop.place(mall, **more)
    if not more.get("cash_on_delivery"):
        shop.pay(mall)
    shop.accept(mall)
    for line, quantity in (("tea", 3), ("honey", 1)):
        shop.ship(mall, parcel=line, lines={line: quantity})
    return mall, time


@settings(max_examples=40)
@given(
    apart=st.integers(0, 200), late_by=st.sampled_from((timedelta(), TICK)),
    spoken=st.booleans(),
)
@pytest.mark.clause("S19-11-3a")
def test_goods_that_have_all_arrived_are_complete_when_the_customer_was_silent_for_the_time(
    apart: int, late_by: timedelta, spoken: bool
) -> None:
    mall, time = shipped()
    mall.orders.deliver("A1", parcel="tea", by=shop.COURIER)
    time.pass_(hours=apart)
    mall.orders.deliver("A1", parcel="honey", by=shop.COURIER)
    if spoken:
        mall.orders.complete("A1", by=shop.CUSTOMER)
    time.now += DAYS + late_by
    assert mall.sweep().failed == ()
    complete = spoken or bool(late_by)
    assert mall.orders.get("A1").goods == ("completed" if complete else "delivered")
    with mall.read() as tx:
        assert len(tx.find("callback")) == complete


def test_an_open_case_is_no_silence_and_its_end_begins_nothing_anew() -> None:
    mall, time = shipped()
    for parcel in ("tea", "honey"):
        mall.orders.deliver("A1", parcel=parcel, by=shop.COURIER)
    time.pass_(days=6)
    mall.cases.open("C1", order="A1", customer=shop.CUSTOMER.id, lines={"tea": 1},
                    remedy="return", words="", by=shop.CUSTOMER)
    time.pass_(days=9)
    mall.sweep()
    assert mall.orders.get("A1").goods == "delivered"
    mall.cases.withdraw("C1", by=shop.CUSTOMER)
    mall.sweep()
    assert mall.orders.get("A1").goods == "completed"


def test_what_is_to_be_paid_at_the_door_is_collected_first() -> None:
    mall, time = shipped(cash_on_delivery=True)
    for parcel in ("tea", "honey"):
        mall.orders.deliver("A1", parcel=parcel, by=shop.COURIER)
    time.pass_(days=30)
    assert mall.sweep().failed == ()
    assert mall.orders.get("A1").goods == "delivered"
    mall.orders.collect("A1", 27000, by=shop.SERVICE)
    mall.sweep()
    assert mall.orders.get("A1").goods == "completed"


def test_the_window_of_a_return_begins_and_ends_though_nobody_says_complete() -> None:
    mall, time = shipped()
    for parcel in ("tea", "honey"):
        mall.orders.deliver("A1", parcel=parcel, by=shop.COURIER)
    time.now += DAYS + TICK
    mall.sweep()
    mall.cases.open("C1", order="A1", customer=shop.CUSTOMER.id, lines={"tea": 1},
                    remedy="return", words="", by=shop.CUSTOMER)
    terms = mall.cases.get("C1").terms
    assert terms is not None
    assert terms.until == shop.us(time.now + DAYS)

"""Entering later what happened before: by whom, with which reason, and what it does to a breach."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest

from eldermall import Actor, Invalid, Mall, Refused, person
from eldermall.engine.actor import Role
from eldermall.engine.step import LATE_ROLES
from tests import shop

WHY = "the merchant's slip came by post"


@pytest.fixture
def time() -> shop.Time:
    return shop.Time()


@pytest.fixture
def mall(time: shop.Time) -> Mall:
    mall = shop.open_mall(time=time)
    shop.staff(mall)
    shop.place(mall)
    shop.pay(mall)
    shop.accept(mall)
    return mall


def test_a_parcel_that_left_in_time_and_is_entered_days_later_annuls_the_breach(
    mall: Mall, time: shop.Time
) -> None:
    left = time.now + timedelta(hours=10)
    time.pass_(days=6)
    mall.sweep()
    assert shop.clocks(mall, "shipping.in-time")["tea"].state == "breached"
    decision = shop.refusal(shop.ship, mall, at=left, by=shop.OPERATIONS)
    assert decision.rules == ("time.backdated",)
    shop.ship(mall, at=left, late_reason=WHY, by=shop.OPERATIONS)
    row = shop.clocks(mall, "shipping.in-time")["tea"]
    assert (row.state, row.stopped) == ("annulled", shop.us(left))
    (last,) = (e for e in mall.journal("order", "A1") if "late_reason" in e)
    assert last["late_reason"] == WHY
    assert "annulled" in [change["did"] for change in last["clocks"]]
    assert [e["what"] for e in mall.journal("order", "A1")].count("clock.breached") > 0
    assert any(b'"ClockAnnulled"' in message.body for message in mall.messages())


def test_evidence_that_it_left_too_late_leaves_the_breach_standing(
    mall: Mall, time: shop.Time
) -> None:
    time.pass_(days=6)
    mall.sweep()
    shop.ship(
        mall, at=time.now - timedelta(days=2), late_reason=WHY, by=shop.OPERATIONS
    )
    assert shop.clocks(mall, "shipping.in-time")["tea"].state == "late"


@pytest.mark.parametrize("role", [r for r in get_args(Role) if r != "system"])
def test_only_operations_and_those_above_enter_late_and_only_with_a_reason(
    mall: Mall, time: shop.Time, role: Role
) -> None:
    merchant = "tea-house" if role == "merchant" else None
    who: Actor = person("grandma-li", role, department="operations", merchant=merchant)
    then = time.now + timedelta(hours=1)
    time.pass_(days=3)
    decision = mall.may.orders.cancel("A1", reason="-", by=who, at=then, late_reason=WHY)
    assert ("time.backdated" in decision.rules) is (role not in LATE_ROLES)
    assert "time.backdated" in mall.may.orders.cancel("A1", reason="-", by=who, at=then).rules


def test_nothing_is_dated_before_its_record_was_made(mall: Mall, time: shop.Time) -> None:
    with pytest.raises(Refused, match="before the order was made"):
        mall.orders.cancel(
            "A1", reason="-", by=shop.OPERATIONS, at=shop.START - timedelta(hours=1)
        )


@pytest.mark.parametrize("reason", ["", "x" * 201, "\x00", 5])
def test_a_reason_is_a_text_that_can_be_kept(mall: Mall, reason: str) -> None:
    with pytest.raises(Invalid, match=r"order\.cancel\.late_reason"):
        mall.orders.cancel("A1", reason="-", by=shop.OPERATIONS, late_reason=reason)


def test_what_follows_from_a_late_entry_happens_when_it_did(mall: Mall, time: shop.Time) -> None:
    shop.ship(mall)
    arrived = time.pass_(hours=2)
    mall.orders.deliver("A1", parcel="p-tea-honey", by=shop.COURIER)
    time.pass_(days=9)
    mall.orders.complete("A1", by=shop.OPERATIONS, at=arrived, late_reason=WHY)
    assert mall.callbacks.get("A1").created_at == shop.us(arrived)

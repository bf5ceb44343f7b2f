"""Three-day shipping: S19 article 11 (1); S03 part 3 (1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Mall, Refused
from eldermall.calendars import DAY, HOUR, moment
from eldermall.contracts.storage import ClockRow
from tests import databases, shop

CLOCK = "shipping.in-time"
TICK = timedelta(microseconds=1)
LINE = [{"id": "tea", "listing": "green-tea", "quantity": 3, "amount": 20400}]
THREE_DAYS = timedelta(hours=72)


def opened(**more: Any) -> tuple[Mall, shop.Time]:
    time = shop.Time()
    mall = shop.open_mall("memory:", time, **more)
    shop.staff(mall)
    return mall, time


def line(mall: Mall, part: str = "tea", id: str = "A1") -> ClockRow:
    return shop.clocks(mall, CLOCK, f"order/{id}")[part]


def except_(mall: Mall, until: datetime, **more: Any) -> Any:
    now = moment(mall.now())
    words: dict[str, Any] = {
        "line": "tea", "reason": "spring harvest is late", "until": until,
        "customer_told_at": now, "by": shop.OPERATIONS,
    }
    return mall.orders.grant_exception("A1", **words | more)


# Properties


@given(cash=st.booleans(), steps=st.permutations(["pay", "hand", "contact", "accept", "ship"]))
def test_no_order_is_ever_shipped_unpaid_whatever_the_moves_before(
    cash: bool, steps: list[str]
) -> None:
    mall, _ = opened()
    shop.place(mall, cash_on_delivery=cash)
    moves: dict[str, Callable[[], Any]] = {
        "pay": lambda: shop.pay(mall),
        "hand": lambda: mall.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE),
        "contact": lambda: mall.orders.contact_merchant("A1", way="phone", by=shop.AGENT),
        "accept": lambda: mall.orders.accept("A1", by=shop.MERCHANT),
        "ship": lambda: shop.ship(mall),
    }
    for step in [*steps, "ship"]:
        try:
            moves[step]()
        except Refused:
            continue
    order = mall.orders.get("A1")
    assert not order.parcels or cash or order.paid_at is not None


@given(delay=st.integers(0, 10 * 24 * 3600 * 10**6))
def test_a_line_is_in_time_exactly_if_it_leaves_within_72_hours(delay: int) -> None:
    mall, time = opened()
    shop.place(mall, lines=LINE, total=21400)
    shop.accept(mall)
    shop.pay(mall, amount=21400)
    time.pass_(microseconds=delay)
    shop.ship(mall, lines={"tea": 3})
    assert line(mall).state == ("met" if delay <= 72 * HOUR else "late")


@given(
    placed=st.integers(0, 3 * DAY), paid=st.integers(0, 3 * DAY), agreed=st.integers(1, 10 * DAY)
)
def test_the_earlier_of_limit_and_agreed_time_counts(placed: int, paid: int, agreed: int) -> None:
    mall, time = opened()
    time.pass_(microseconds=placed)
    by = time.now + timedelta(microseconds=paid + agreed)
    shop.place(mall, lines=LINE, total=21400, ship_by=by)
    time.pass_(microseconds=paid)
    shop.pay(mall, amount=21400)
    assert line(mall).due == min(shop.us(time.now) + 72 * HOUR, shop.us(by))


@given(minute=st.integers(0, 24 * 60 - 1), days=st.integers(1, 3))
def test_calendar_days_end_at_midnight_after_the_last_whole_day(minute: int, days: int) -> None:
    mall, time = opened(
        policy=shop.policy({"shipping.counting": "calendar-days", "shipping.limit": f"{days}d"})
    )
    zone = mall.policy.settings.zone
    time.now = datetime(2026, 3, 4, tzinfo=zone) + timedelta(minutes=minute)
    shop.place(mall, lines=LINE, total=21400)
    shop.pay(mall, amount=21400)
    assert line(mall).due == shop.us(datetime(2026, 3, 5 + days, tzinfo=zone)) - 1


# Paid first: S19-11-1d


def test_an_unpaid_order_is_not_shipped(mall: Mall) -> None:
    shop.place(mall)
    shop.accept(mall)
    said = shop.refusal(shop.ship, mall)
    assert said.rules == ("shipping.paid-first@1",)
    assert said.clauses == ("S19-11-1d",)
    assert said.text.zh.endswith("订单在发货时尚未付款 [shipping.paid-first@1, S19-11-1d]")
    assert mall.orders.get("A1").parcels == ()


def test_not_even_a_first_parcel_of_an_unpaid_order_is_sent(mall: Mall) -> None:
    shop.place(mall)
    shop.accept(mall)
    said = shop.refusal(shop.ship, mall, lines={"tea": 1})
    assert said.rules == ("shipping.paid-first@1",)


def test_what_left_before_the_payment_was_booked_was_unpaid(mall: Mall, time: shop.Time) -> None:
    shop.place(mall)
    shop.accept(mall)
    left = time.now
    time.pass_(hours=1)
    shop.pay(mall)
    said = shop.refusal(shop.ship, mall, at=left)
    assert said.rules == ("shipping.paid-first@1",)


def test_a_parcel_at_the_very_moment_of_payment_is_paid(mall: Mall) -> None:
    shop.place(mall)
    shop.accept(mall)
    shop.pay(mall)
    shop.ship(mall)
    assert mall.orders.get("A1").goods == "shipped"


def test_cash_on_delivery_is_shipped_unpaid(mall: Mall) -> None:
    shop.place(mall, cash_on_delivery=True)
    shop.accept(mall)
    shop.ship(mall)
    assert mall.orders.get("A1").summary == "shipped/cod_pending"


def test_may_says_beforehand_what_ship_would_say_and_moves_nothing(mall: Mall) -> None:
    shop.place(mall)
    shop.accept(mall)
    before = len(mall.journal("order", "A1"))
    asked = mall.may.orders.ship(
        "A1", parcel="p", courier="SF", tracking="1", lines={"tea": 1}, by=shop.MERCHANT
    )
    assert (asked.allowed, asked.rules) == (False, ("shipping.paid-first@1",))
    assert len(mall.journal("order", "A1")) == before


# The clock: S19-11-1d, S19-11-1b, S03-3-1b


def test_an_unpaid_order_has_no_shipping_clock(mall: Mall) -> None:
    shop.place(mall)
    assert shop.clocks(mall, CLOCK) == {}


def test_the_clock_of_a_paid_order_runs_from_payment_for_72_hours(
    mall: Mall, time: shop.Time
) -> None:
    shop.place(mall)
    time.pass_(hours=5)
    shop.pay(mall)
    rows = shop.clocks(mall, CLOCK)
    assert set(rows) == {"tea", "honey"}
    assert {r.state for r in rows.values()} == {"running"}
    assert {r.started for r in rows.values()} == {shop.us(time.now)}
    assert {r.due for r in rows.values()} == {shop.us(time.now + THREE_DAYS)}


def test_the_clock_of_cash_on_delivery_runs_from_submission(mall: Mall, time: shop.Time) -> None:
    shop.place(mall, cash_on_delivery=True)
    assert line(mall).started == shop.us(time.now)


def test_weekends_are_not_taken_out(mall: Mall, time: shop.Time) -> None:
    time.now = datetime.fromisoformat("2026-03-06T18:00:00+08:00")  # a Friday
    shop.place(mall)
    shop.pay(mall)
    assert line(mall).due == shop.us(datetime.fromisoformat("2026-03-09T18:00:00+08:00"))


def test_what_does_not_leave_by_courier_has_no_shipping_clock(mall: Mall) -> None:
    shop.place(mall, lines=[LINE[0] | {"courier": False}], total=21400)
    shop.pay(mall, amount=21400)
    assert shop.clocks(mall, CLOCK) == {}


@pytest.mark.parametrize(("late_by", "state"), [(timedelta(), "met"), (TICK, "late")])
def test_the_due_moment_itself_is_in_time_and_one_microsecond_later_is_not(
    mall: Mall, time: shop.Time, late_by: timedelta, state: str
) -> None:
    shop.place(mall)
    shop.accept(mall)
    shop.pay(mall)
    time.now += THREE_DAYS + late_by
    assert mall.sweep().breached == (2 if late_by else 0)
    shop.ship(mall)
    rows = shop.clocks(mall, CLOCK).values()
    assert {r.state for r in rows} == {state}
    assert {r.stopped for r in rows} == {shop.us(time.now)}


def test_a_parcel_that_takes_a_part_of_a_line_does_not_stop_its_clock(mall: Mall) -> None:
    shop.place(mall)
    shop.accept(mall)
    shop.pay(mall)
    shop.ship(mall, lines={"tea": 2, "honey": 1})
    assert (line(mall).state, line(mall, "honey").state) == ("running", "met")
    shop.ship(mall, lines={"tea": 1})
    assert line(mall).state == "met"


def test_cancelling_a_line_stops_its_clock_and_no_other(mall: Mall) -> None:
    shop.place(mall)
    shop.pay(mall)
    mall.orders.cancel("A1", reason="too much", lines={"honey": 1}, by=shop.CUSTOMER)
    assert (line(mall).state, line(mall, "honey").state) == ("running", "stopped")


def test_cancelling_what_has_not_left_of_a_line_leaves_it_as_shipped(mall: Mall) -> None:
    shop.place(mall)
    shop.accept(mall)
    shop.pay(mall)
    shop.ship(mall, lines={"tea": 2})
    mall.orders.cancel("A1", reason="enough", lines={"tea": 1}, by=shop.CUSTOMER)
    assert line(mall).state == "met"


def test_cancelling_the_order_stops_its_clocks(mall: Mall) -> None:
    shop.place(mall)
    shop.pay(mall)
    mall.orders.cancel("A1", reason="changed my mind", by=shop.CUSTOMER)
    assert {r.state for r in shop.clocks(mall, CLOCK).values()} == {"stopped"}


def test_a_merchant_who_declines_stops_the_clocks(mall: Mall) -> None:
    shop.place(mall)
    shop.pay(mall)
    shop.accept(mall)
    mall.orders.decline("A1", reason="sold out", by=shop.MERCHANT)
    assert {r.state for r in shop.clocks(mall, CLOCK).values()} == {"stopped"}


def test_a_line_that_is_paid_back_instead_of_shipped_stops_its_clock(mall: Mall) -> None:
    shop.place(mall)
    shop.pay(mall)
    mall.orders.refunded("A1", 5600, "r1", lines={"honey": 1}, by=shop.PAYMENTS)
    assert (line(mall).state, line(mall, "honey").state) == ("running", "stopped")


def test_evidence_that_a_line_had_left_in_time_annuls_the_breach(
    mall: Mall, time: shop.Time
) -> None:
    shop.place(mall, lines=LINE, total=21400)
    shop.accept(mall)
    shop.pay(mall, amount=21400)
    due = time.now + THREE_DAYS
    time.now = due + timedelta(hours=2)
    mall.sweep()
    assert line(mall).state == "breached"
    shop.ship(mall, lines={"tea": 3}, at=due)
    assert line(mall).state == "annulled"
    (entry,) = (e for e in mall.journal("order", "A1") if e["what"] == "order.ship")
    assert [c["did"] for c in entry["clocks"] if c["clock"] == f"{CLOCK}@1"] == ["annulled"]


def test_warning_breach_and_ladder_come_once_each_at_their_moments(
    mall: Mall, time: shop.Time
) -> None:
    shop.place(mall, lines=LINE, total=21400)
    shop.accept(mall)
    shop.pay(mall, amount=21400)
    start = time.now
    told: list[tuple[timedelta, tuple[int, int, int]]] = []
    for hours in (47, 48, 49, 72, 73, 95, 96, 97):
        time.now = start + timedelta(hours=hours)
        did = mall.sweep()
        if any((did.warned, did.breached, did.repeated)):
            told.append((time.now - start, (did.warned, did.breached, did.repeated)))
        again = mall.sweep()
        assert (again.warned, again.breached, again.repeated, again.failed) == (0, 0, 0, ())
    assert told == [
        (timedelta(hours=48), (1, 0, 0)),
        (timedelta(hours=73), (0, 1, 0)),
        (timedelta(hours=96), (0, 0, 1)),
    ]
    said = [e for e in mall.journal("order", "A1") if e["outcome"] == "clock"]
    assert [e["what"] for e in said] == ["clock.warned", "clock.breached", "clock.repeated"]
    assert said[1]["clauses"] == ["S19-11-1d", "S19-11-1b", "S03-3-1b"]
    assert (said[1]["reading"], said[1]["limit"]) == ("hours", 72 * HOUR)
    assert said[1]["at"] == shop.us(start + THREE_DAYS) + 1


def test_the_merchant_and_operations_hear_of_a_breach_and_the_head_after(
    mall: Mall, time: shop.Time
) -> None:
    shop.place(mall, lines=LINE, total=21400)
    shop.accept(mall)
    shop.pay(mall, amount=21400)
    time.pass_(days=5)
    mall.sweep()
    bodies = [m.body.decode() for m in mall.messages()]
    breached = [b for b in bodies if '"name":"ClockBreached"' in b]
    repeated = [b for b in bodies if '"name":"ClockRepeated"' in b]
    assert ['"who":["merchant","operations"]' in b for b in breached] == [True]
    assert ['"who":["department_head"]' in b for b in repeated] == [True]


# Exceptions: "in principle" in S19-11-1d


def test_an_exception_granted_in_time_moves_the_line_to_its_new_limit(
    mall: Mall, time: shop.Time
) -> None:
    shop.place(mall)
    shop.pay(mall)
    until = time.now + timedelta(days=6)
    except_(mall, until)
    assert line(mall).due == shop.us(until)
    assert line(mall, "honey").due == shop.us(time.now + THREE_DAYS)
    granted = mall.orders.get("A1").exceptions[0]
    assert (granted.approved_by, granted.reason) == ("olivia", "spring harvest is late")


@pytest.mark.parametrize("late_by", [timedelta(), TICK])
def test_an_exception_is_granted_up_to_the_due_moment_and_not_after(
    mall: Mall, time: shop.Time, late_by: timedelta
) -> None:
    shop.place(mall)
    shop.pay(mall)
    time.now += THREE_DAYS + late_by
    until = time.now + timedelta(days=1)
    if not late_by:
        except_(mall, until)
        assert line(mall).due == shop.us(until)
        return
    said = shop.refusal(except_, mall, until)
    assert said.rules == ("shipping.exception-before-limit@1",)
    assert said.clauses == ("S19-11-1d",)
    assert mall.orders.get("A1").exceptions == ()


def test_an_exception_for_an_unpaid_order_holds_once_it_is_paid(
    mall: Mall, time: shop.Time
) -> None:
    shop.place(mall)
    until = time.now + timedelta(days=8)
    except_(mall, until)
    time.pass_(hours=1)
    shop.pay(mall)
    assert line(mall).due == shop.us(until)


def test_a_second_exception_takes_the_place_of_the_first(mall: Mall, time: shop.Time) -> None:
    shop.place(mall)
    shop.pay(mall)
    except_(mall, time.now + timedelta(days=6))
    time.pass_(days=5)
    until = time.now + timedelta(days=4)
    except_(mall, until)
    assert len(mall.orders.get("A1").exceptions) == 1
    assert line(mall).due == shop.us(until)


def test_an_exception_goes_before_the_agreed_time(mall: Mall, time: shop.Time) -> None:
    shop.place(mall, ship_by=time.now + timedelta(hours=30))
    shop.pay(mall)
    until = time.now + timedelta(days=4)
    except_(mall, until)
    assert line(mall).due == shop.us(until)


def test_a_warning_comes_again_before_the_new_limit(mall: Mall, time: shop.Time) -> None:
    shop.place(mall, lines=LINE, total=21400)
    shop.accept(mall)
    shop.pay(mall, amount=21400)
    time.pass_(hours=50)
    assert mall.sweep().warned == 1
    except_(mall, time.now + timedelta(days=3))
    assert mall.sweep().warned == 0
    time.pass_(days=2, hours=1)
    assert mall.sweep().warned == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"line": "rice"}, "line rice has nothing that waits to leave by courier"),
        ({"until": shop.START}, "the new limit must lie after the approval"),
        (
            {"customer_told_at": shop.START + TICK},
            "the customer is told before the exception stands",
        ),
    ],
)
def test_an_exception_says_which_line_until_when_and_when_the_customer_was_told(
    mall: Mall, words: dict[str, Any], why: str
) -> None:
    shop.place(mall)
    shop.pay(mall)
    given_ = {"until": shop.START + timedelta(days=4)} | words
    said = shop.refusal(except_, mall, **given_)
    assert said.rules == ("goods.grant_exception",)
    assert why in said.text.en


def test_nobody_but_operations_or_a_head_grants_an_exception(mall: Mall) -> None:
    shop.place(mall)
    shop.pay(mall)
    for actor in (shop.MERCHANT, shop.CUSTOMER, shop.SERVICE, shop.AGENT, shop.LEADER):
        said = shop.refusal(except_, mall, shop.START + timedelta(days=4), by=actor)
        assert said.rules == ("machine.who-may",)
    except_(mall, shop.START + timedelta(days=4), by=shop.HEAD)


def test_a_shipped_line_needs_no_exception(mall: Mall) -> None:
    shop.place(mall)
    shop.accept(mall)
    shop.pay(mall)
    shop.ship(mall, lines={"tea": 3})
    said = shop.refusal(except_, mall, shop.START + timedelta(days=4))
    assert said.rules == ("goods.grant_exception",)


# Which policy binds


def test_an_order_keeps_the_limit_of_the_policy_under_which_it_was_placed(
    tmp_path: Path, time: shop.Time
) -> None:
    url = databases.url_of("sqlite", tmp_path)
    with shop.open_mall(url, time) as mall:
        shop.staff(mall)
        shop.place(mall)
    with shop.open_mall(url, time, policy=shop.policy({"shipping.limit": "1d"})) as mall:
        shop.place(mall, "A2")
        time.pass_(hours=1)
        shop.pay(mall)
        shop.pay(mall, "A2")
        assert line(mall).due == shop.us(time.now + THREE_DAYS)
        assert line(mall, id="A2").due == shop.us(time.now + timedelta(days=1))
        assert line(mall).pack != line(mall, id="A2").pack


def test_a_running_clock_keeps_its_due_moment_when_the_policy_changes(
    tmp_path: Path, time: shop.Time
) -> None:
    url = databases.url_of("sqlite", tmp_path)
    with shop.open_mall(url, time) as mall:
        shop.staff(mall)
        shop.place(mall, lines=LINE, total=21400)
        shop.pay(mall, amount=21400)
        before = line(mall)
    stricter = shop.policy({"shipping.limit": "1d", "shipping.warn": "1h"})
    with shop.open_mall(url, time, policy=stricter) as mall:
        mall.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE)
        assert line(mall) == before
        time.pass_(hours=48)
        assert mall.sweep().warned == 1
        time.pass_(hours=24)
        mall.orders.contact_merchant("A1", way="phone", by=shop.AGENT)
        mall.orders.accept("A1", by=shop.MERCHANT)
        shop.ship(mall, lines={"tea": 3})
        assert line(mall).state == "met"


def test_an_exception_under_a_new_policy_warns_as_the_old_one_says(
    tmp_path: Path, time: shop.Time
) -> None:
    url = databases.url_of("sqlite", tmp_path)
    with shop.open_mall(url, time) as mall:
        shop.staff(mall)
        shop.place(mall, lines=LINE, total=21400)
        shop.pay(mall, amount=21400)
    with shop.open_mall(url, time, policy=shop.policy({"shipping.warn": "1h"})) as mall:
        until = time.now + timedelta(days=5)
        except_(mall, until)
        assert line(mall).next == shop.us(until - timedelta(hours=24))


# From when the policy applies


def test_before_the_policy_applies_no_rule_is_asked_and_no_clock_runs(
    url: str, time: shop.Time
) -> None:
    with shop.open_mall(url, time, policy=shop.policy(published="2026-03-04")) as mall:
        mall.assignments.appoint("tea-house", shop.AGENT.id, by=shop.OPERATIONS)
        shop.place(mall)
        shop.accept(mall)
        shop.ship(mall, lines={"tea": 1})
        assert mall.clocks() == []
        assert mall.journal("order", "A1")[-1]["verdicts"] == []


@pytest.mark.parametrize(
    ("when", "applies"),
    [("2026-03-03T23:59:59.999999+08:00", False), ("2026-03-04T00:00:00+08:00", True)],
)
def test_the_policy_applies_from_midnight_of_its_day_in_the_mall_s_zone(
    time: shop.Time, when: str, applies: bool
) -> None:
    with shop.open_mall("memory:", time, policy=shop.policy(published="2026-03-04")) as mall:
        shop.staff(mall)
        shop.place(mall)
        shop.accept(mall)
        time.now = datetime.fromisoformat(when)
        asked = mall.may.orders.ship(
            "A1", parcel="p", courier="SF", tracking="1", lines={"tea": 1}, by=shop.MERCHANT
        )
        assert asked.allowed is not applies


# Money that has all been paid back


def test_what_was_wholly_refunded_is_not_shipped_and_its_clocks_stop(mall: Mall) -> None:
    shop.place(mall)
    shop.pay(mall)
    shop.accept(mall)
    mall.orders.refunded("A1", 27000, "back-1", by=shop.PAYMENTS)
    order = mall.orders.get("A1")
    assert (order.goods, order.payment, order.owed_back) == ("cancelled", "refunded", 0)
    assert [line.outstanding for line in order.lines] == [0, 0]
    assert shop.refusal(shop.ship, mall).rules[0] == "machine.no-such-move"
    assert not [c for c in mall.clocks() if c.subject == "order/A1"]


def test_what_was_wholly_refunded_after_a_part_had_left_ends_with_that_part(mall: Mall) -> None:
    shop.place(mall)
    shop.pay(mall)
    shop.accept(mall)
    shop.ship(mall, lines={"tea": 2})
    mall.orders.refunded("A1", 27000, "back-1", by=shop.PAYMENTS)
    assert mall.orders.get("A1").goods == "shipped"
    assert shop.refusal(shop.ship, mall, lines={"tea": 1}).rules[0] == "machine.no-such-move"


def test_an_exception_entered_after_the_limit_is_refused_though_dated_before_it(
    mall: Mall, time: shop.Time
) -> None:
    shop.place(mall)
    shop.pay(mall)
    before = time.now + timedelta(hours=71)
    time.pass_(hours=73)
    until = time.now + timedelta(days=1)
    said = shop.refusal(except_, mall, until, at=before, customer_told_at=before)
    assert said.rules == ("shipping.exception-before-limit@1",)


def test_an_agreed_time_that_had_passed_before_the_payment_counts_no_more(
    mall: Mall, time: shop.Time
) -> None:
    shop.place(mall, ship_by=time.now + timedelta(hours=30))
    paid = time.pass_(hours=31)
    shop.pay(mall)
    assert line(mall).due == shop.us(paid + timedelta(hours=72))

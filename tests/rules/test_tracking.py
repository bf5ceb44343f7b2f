"""Tracking of goods, and what may be urged: S19 article 3, article 11 (2)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Mall, Refused
from eldermall.contracts.courier import TrackingEvent
from eldermall.contracts.storage import OPEN_CLOCKS
from tests import databases, shop
from tests.test_tracking import correct, event, track, under_way

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
SILENCE = "tracking.silence"
DELIVERED = "tracking.delivered-in-time"
ON_ITS_WAY = ("accepted", "shipped")


def running(mall: Mall, clock: str) -> set[str]:
    return {
        r.part for r in mall.clocks(*OPEN_CLOCKS)
        if r.subject == "order/A1" and r.name == f"{clock}@1"
    }


def urge(mall: Mall, id: str = "U1", **more: Any) -> Any:
    given: dict[str, Any] = {
        "order": "A1", "target": "courier", "parcel": "p", "reason": "slow", "way": "phone",
        "by": shop.SERVICE,
    }
    return mall.urges.open(id, **given | more)


# The clocks: every parcel that is on its way, and nothing else


@given(
    heard=st.lists(st.integers(0, 90), max_size=5), arrived=st.none() | st.integers(0, 90),
    limit=st.sampled_from((24, 48)), now=st.integers(91, 200),
)
def test_a_parcel_is_a_finding_exactly_if_it_was_silent_for_longer_than_the_limit(
    heard: list[int], arrived: int | None, limit: int, now: int
) -> None:
    time = shop.Time()
    mall = shop.open_mall(time=time, policy=shop.policy({"tracking.silence-limit": f"{limit}h"}))
    shop.staff(mall)
    under_way(mall, "p")
    time.pass_(hours=90)
    if heard:
        track(mall, *(event(hours=hours) for hours in heard))
    if arrived is not None:
        track(mall, event("delivered", arrived))
    time.now = shop.START + now * HOUR
    mall.sweep()
    states = {r.state for r in mall.clocks(*OPEN_CLOCKS) if r.name == f"{SILENCE}@1"}
    if arrived is not None:
        assert states == set()
    else:
        assert states == {"breached" if now > max([0, *heard]) + limit else "running"}


@given(st.lists(st.sampled_from((
    "ship p", "ship q", "hear p", "hear q", "p arrives", "q arrives", "strike p", "strike q",
    "cancel", "complete", "wait", "archive",
)), max_size=14))
def test_the_clocks_run_exactly_for_parcels_that_have_left_and_not_arrived(
    moves: list[str],
) -> None:
    time = shop.Time()
    mall = shop.open_mall(time=time)
    shop.staff(mall)
    shop.place(mall)
    shop.pay(mall)
    shop.accept(mall)
    tries: dict[str, Callable[[str], Any]] = {
        "ship p": lambda _: shop.ship(mall, parcel="p", lines={"tea": 3}),
        "ship q": lambda _: shop.ship(mall, parcel="q", lines={"honey": 1}),
        "hear": lambda p: track(mall, TrackingEvent("in_transit", time.now), parcel=p),
        "arrives": lambda p: track(mall, event("delivered", 0), parcel=p),
        "strike": lambda p: correct(mall, event("delivered", 0), parcel=p),
        "cancel": lambda _: mall.orders.cancel("A1", reason="-", by=shop.CUSTOMER),
        "complete": lambda _: mall.orders.complete("A1", by=shop.CUSTOMER),
        "archive": lambda _: mall.callbacks.refuse("A1", by=shop.SERVICE)
        and mall.orders.archive("A1", by=shop.SERVICE),
        "wait": lambda _: time.pass_(hours=30) and mall.sweep(),
    }
    for move in moves:
        words = move.split()
        name = next(n for n in (move, *words) if n in tries)
        with suppress(Refused):
            tries[name](next((w for w in words if w in "pq"), ""))
        order = mall.orders.get("A1")
        waiting = {p.id: p for p in order.parcels if p.delivered_at is None}
        expected = set(waiting) if order.goods in ON_ITS_WAY else set()
        assert running(mall, SILENCE) == running(mall, DELIVERED) == expected
        rows = shop.clocks(mall, SILENCE)
        assert all(rows[p].started == waiting[p].heard_at for p in expected)
        rows = shop.clocks(mall, DELIVERED)
        assert all(rows[p].started == waiting[p].shipped_at for p in expected)


@pytest.mark.parametrize("late_by", [timedelta(), TICK])
@pytest.mark.parametrize(("clock", "limit"), [(SILENCE, 48 * HOUR), (DELIVERED, 168 * HOUR)])
def test_a_parcel_is_in_time_up_to_the_due_moment(
    mall: Mall, time: shop.Time, clock: str, limit: timedelta, late_by: timedelta
) -> None:
    under_way(mall, "p")
    time.now += limit + late_by
    mall.sweep()
    mall.orders.deliver("A1", parcel="p", by=shop.COURIER)
    assert shop.clocks(mall, clock)["p"].state == ("late" if late_by else "met")


def test_news_begin_the_silence_anew_and_leave_the_delivery_limit_alone(
    mall: Mall, time: shop.Time
) -> None:
    under_way(mall, "p")
    time.pass_(hours=47)
    track(mall, event(hours=46))
    assert shop.clocks(mall, SILENCE)["p"].due == shop.us(shop.START + 94 * HOUR)
    assert shop.clocks(mall, DELIVERED)["p"].due == shop.us(shop.START + 168 * HOUR)
    time.now = shop.START + 94 * HOUR
    assert mall.sweep().breached == 0


def test_old_news_that_come_late_do_not_move_the_silence_back(
    mall: Mall, time: shop.Time
) -> None:
    under_way(mall, "p")
    time.pass_(hours=40)
    track(mall, event(hours=39))
    track(mall, event(hours=1))
    assert shop.clocks(mall, SILENCE)["p"].started == shop.us(shop.START + 39 * HOUR)


@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize(
    ("clock", "news", "late"),
    [(SILENCE, event("in_transit", 48), False), (SILENCE, event("in_transit", 49), True),
     (DELIVERED, event("delivered", 168), False), (DELIVERED, event("delivered", 169), True)],
)
def test_what_happened_in_time_is_in_time_however_late_the_news_come(
    mall: Mall, time: shop.Time, swept: bool, clock: str, news: TrackingEvent, late: bool
) -> None:
    under_way(mall, "p")
    time.pass_(days=8)
    if swept:
        mall.sweep()
    track(mall, news)
    (row,) = [r for r in mall.clocks("met", "late", "annulled") if r.name == f"{clock}@1"]
    assert (row.state, row.stopped) == (
        "late" if late else "annulled" if swept else "met", shop.us(news.at)
    )


def test_each_parcel_of_every_order_is_tracked_own_goods_too(
    mall: Mall, time: shop.Time
) -> None:
    under_way(mall)
    shop.place(mall, "B1", merchant=None)
    shop.pay(mall, "B1")
    mall.orders.hand_over("B1", to=shop.OPERATIONS.id, by=shop.SERVICE)
    mall.orders.accept("B1", by=shop.OPERATIONS)
    shop.ship(mall, "B1", parcel="p", by=shop.OPERATIONS)
    track(mall, event(hours=0), parcel="q")
    time.pass_(hours=49)
    mall.sweep()
    late = [(r.subject, r.part) for r in mall.clocks("breached") if r.name == f"{SILENCE}@1"]
    assert sorted(late) == [("order/A1", "p"), ("order/A1", "q"), ("order/B1", "p")]


def test_operations_hears_of_a_silent_parcel_and_the_head_a_day_later(
    mall: Mall, time: shop.Time
) -> None:
    under_way(mall, "p")
    time.pass_(hours=72)
    did = mall.sweep()
    assert (did.breached, did.repeated) == (1, 1)
    said = [e for e in mall.journal("order", "A1") if e["outcome"] == "clock"]
    assert [(e["what"], e["clauses"]) for e in said] == [
        ("clock.breached", ["S19-03c", "S19-11-2a"]), ("clock.repeated", ["S19-03c", "S19-11-2a"])
    ]


def test_the_limits_are_those_of_the_policy_under_which_the_order_was_placed(
    tmp_path: Any, time: shop.Time
) -> None:
    url = databases.url_of("sqlite", tmp_path)
    with shop.open_mall(url, time) as mall:
        shop.staff(mall)
        under_way(mall, "p")
    changed = shop.policy({"tracking.silence-limit": "1h", "tracking.delivery-limit": "1h"})
    with shop.open_mall(url, time, policy=changed) as mall:
        time.pass_(hours=40)
        assert mall.sweep().breached == 0
        track(mall, event(hours=39))
        assert shop.clocks(mall, SILENCE)["p"].due == shop.us(shop.START + 87 * HOUR)


# Whom to press, and over what


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        ({}, []),
        ({"target": "merchant", "parcel": None}, []),
        ({"parcel": "x"}, ["tracking.urge-somebody@1"]),
        ({"parcel": None}, ["tracking.urge-somebody@1"]),
        ({"target": "merchant"}, ["tracking.urge-somebody@1"]),
    ],
)
def test_an_urge_goes_to_the_courier_of_a_parcel_or_to_the_merchant(
    mall: Mall, more: dict[str, Any], refused: list[str]
) -> None:
    under_way(mall, "p")
    if not refused:
        who = "tea-house" if more else "SF"
        assert urge(mall, **more).addressee == who
        return
    said = shop.refusal(urge, mall, **more)
    assert [rule for rule in said.rules if rule != "urge.open"] == refused
    assert said.clauses == ("S19-11-2c", "S19-11-2d")


def test_own_goods_have_no_merchant_to_press(mall: Mall) -> None:
    shop.place(mall, merchant=None)
    said = shop.refusal(urge, mall, target="merchant", parcel=None)
    assert "tracking.urge-somebody@1" in said.rules


def test_of_an_order_that_is_not_there_the_facts_are_missing(mall: Mall) -> None:
    said = shop.refusal(urge, mall, order="A9")
    assert set(said.missing) == {"urge.addressee", "urge.order-state"}


def test_a_parcel_that_has_arrived_is_not_urged_and_the_other_is(
    mall: Mall, time: shop.Time
) -> None:
    under_way(mall)
    time.pass_(hours=2)
    track(mall, event("delivered"))
    assert shop.refusal(urge, mall).rules == ("tracking.urge-while-open@1",)
    assert urge(mall, parcel="q").addressee == "SF"


def delivered(mall: Mall) -> None:
    shop.ship(mall, parcel="p")
    mall.orders.deliver("A1", parcel="p", by=shop.COURIER)


ENDS: dict[str, Callable[[Mall], Any]] = {
    "delivered": delivered,
    "declined": lambda mall: mall.orders.decline("A1", reason="none", by=shop.MERCHANT),
    "cancelled": lambda mall: mall.orders.cancel("A1", reason="-", by=shop.CUSTOMER),
}


@pytest.mark.parametrize("end", ENDS)
def test_an_order_that_has_ended_is_not_urged(mall: Mall, end: str) -> None:
    shop.place(mall)
    shop.pay(mall)
    shop.accept(mall)
    assert mall.may.urges.open(
        "U1", order="A1", target="merchant", reason="slow", way="phone", by=shop.SERVICE
    ).allowed
    ENDS[end](mall)
    said = shop.refusal(urge, mall, target="merchant", parcel=None)
    assert said.rules == ("tracking.urge-while-open@1",)
    if end == "delivered":
        mall.orders.complete("A1", by=shop.CUSTOMER)
        said = shop.refusal(urge, mall, target="merchant", parcel=None)
        assert said.rules == ("tracking.urge-while-open@1",)
        mall.callbacks.refuse("A1", by=shop.SERVICE)
        mall.orders.archive("A1", by=shop.SERVICE)
        said = shop.refusal(urge, mall, target="merchant", parcel=None)
        assert said.rules == ("tracking.urge-while-open@1",)

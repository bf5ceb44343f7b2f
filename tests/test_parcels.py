"""Parcels that don't arrive: how they end, what follows, and what is counted meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eldermall import Mall, Refused
from eldermall.contracts.courier import TrackingEvent
from eldermall.contracts.storage import OPEN_CLOCKS
from eldermall.reports.todo import todo_list
from eldermall.rooms.orders.order import STATUS, EndOfParcel, Order
from tests import shop

BY: dict[str, Any] = {"by": shop.OPERATIONS}
HOUR = timedelta(hours=1)
HOW: tuple[EndOfParcel, ...] = get_args(EndOfParcel)


def opened(**more: Any) -> tuple[Mall, shop.Time]:
    time = shop.Time()
    mall = shop.open_mall(time=time)
    shop.staff(mall)
    for listing in ("green-tea", "honey"):
        mall.stock.open(listing, warn_at=0, **BY)
        mall.stock.receive(listing, lot="l", quantity=99, source="note", **BY)
    shop.place(mall, **more)
    if not more.get("cash_on_delivery"):
        shop.pay(mall)
    shop.accept(mall)
    return mall, time


def news(mall: Mall, time: shop.Time, status: Any, parcel: str = "p", **more: Any) -> Order:
    event = TrackingEvent(status, time.now, way=more.pop("way", ""))
    return mall.orders.track("A1", parcel=parcel, events=[event], by=shop.COURIER, **more)


def running(mall: Mall) -> set[tuple[str, str]]:
    return {
        (row.name.partition("@")[0], row.part) for row in mall.clocks(*OPEN_CLOCKS)
        if row.subject == "order/A1"
    }


def notes(mall: Mall) -> list[str]:
    tasks = todo_list(mall, role="operations")
    return [n.en for task in tasks if task.subject == "order/A1" for n in task.notes]


# Whatever happens, in whatever order


MOVES = st.sampled_from((
    "ship tea", "ship honey", "ship all", "lost", "refused", "returned", "failed", "delivered",
    "again", "give up", "give up one", "cancel", "refund", "wait", "sweep", "complete",
))


@settings(max_examples=100)
@given(moves=st.lists(MOVES, max_size=14), cash=st.booleans())
def test_quantities_and_money_add_up_whatever_becomes_of_the_parcels(
    moves: list[str], cash: bool
) -> None:
    mall, time = opened(cash_on_delivery=cash)
    for number, move in enumerate(moves):
        before = mall.orders.get("A1")
        try:
            _do(mall, time, move, number)
        except Refused:
            assert mall.orders.get("A1") == before
        order = mall.orders.get("A1")
        _adds_up(order, mall)
    assert mall.verify().passed


def _do(mall: Mall, time: shop.Time, move: str, number: int) -> None:
    order = mall.orders.get("A1")
    waiting = [p.id for p in order.parcels if p.on_its_way]
    ended = [p.id for p in order.parcels if p.ended is not None and p.chosen_at is None]
    left = {line.id: line.outstanding for line in order.lines if line.outstanding}
    if move.startswith("ship") and left:
        lines = {"tea": 1} if move == "ship tea" else {"honey": 1} if move == "ship honey" else left
        shop.ship(mall, "A1", lines, parcel=f"p{number}")
    elif move in ("lost", "refused", "returned", "failed") and waiting:
        if number % 2:
            mall.orders.end_parcel("A1", parcel=waiting[0], how=move, reason="-", **BY)  # type: ignore[arg-type]
        else:
            news(mall, time, STATUS[move], waiting[0])  # type: ignore[index]
    elif move == "delivered" and order.parcels:
        news(mall, time, "delivered", order.parcels[number % len(order.parcels)].id)
    elif move == "again" and ended:
        mall.orders.send_again("A1", parcel=ended[0], **BY)
    elif move.startswith("give up") and ended:
        lines = None if move == "give up" else {next(iter(order.parcel(ended[0]).lines)): 1}  # type: ignore[union-attr,assignment]
        mall.orders.give_up("A1", parcel=ended[0], reason="-", lines=lines, **BY)
    elif move == "cancel":
        mall.orders.cancel("A1", reason="-", by=shop.CUSTOMER)
    elif move == "refund" and order.owed_back:
        mall.orders.refunded("A1", order.owed_back, f"r{number}", by=shop.PAYMENTS)
    elif move == "complete":
        mall.orders.complete("A1", by=shop.CUSTOMER)
    elif move == "wait":
        time.pass_(hours=60)
    elif move == "sweep":
        assert mall.sweep().failed == ()


def _adds_up(order: Order, mall: Mall) -> None:
    for line in order.lines:
        sent = sum(p.lines.get(line.id, 0) for p in order.live_parcels)
        assert sent == line.shipped
        assert line.outstanding >= 0
        assert line.outstanding + line.shipped + line.cancelled + line.refunded + (
            line.given_up
        ) == line.ordered
    assert order.owed_back == sum(debt.amount for debt in order.debts)
    live, left = order.live_parcels, any(line.outstanding for line in order.lines)
    if order.goods in ("accepted", "shipped", "delivered"):
        assert live or left
        expected = "accepted" if left else "shipped"
        if not left and all(p.delivered_at is not None for p in live):
            expected = "delivered"
        assert order.goods == expected
    on_their_way = {p.id for p in order.parcels if p.on_its_way}
    watched = {part for clock, part in running(mall) if clock == "tracking.delivered-in-time"}
    assert watched == (on_their_way if order.goods in ("accepted", "shipped") else set())
    for pressed in order.urges:
        assert pressed.parcel is None or pressed.parcel in on_their_way


# One by one


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("told", ["by the courier", "by operations"])
def test_a_parcel_that_ends_stops_its_clocks_and_waits_for_somebody_to_choose(
    how: EndOfParcel, told: str
) -> None:
    mall, time = opened()
    shop.ship(mall, parcel="p")
    time.pass_(hours=49)
    mall.sweep()
    assert mall.orders.get("A1").urges
    if told == "by the courier":
        order = news(mall, time, STATUS[how])
    else:
        order = mall.orders.end_parcel("A1", parcel="p", how=how, reason="a flood", **BY)
    assert order.goods == "shipped"
    assert order.parcels[0].ended is not None
    assert order.parcels[0].ended.how == how
    assert running(mall) == set()
    assert mall.orders.get("A1").urges == ()
    assert any("send it again (send_again)" in note for note in notes(mall))


@pytest.mark.parametrize("status", ["delivery_failed", "return_to_sender", "on_hold"])
def test_trouble_on_the_way_ends_nothing_and_stands_on_the_work_list(status: str) -> None:
    mall, time = opened()
    shop.ship(mall, parcel="p")
    order = news(mall, time, status)
    assert order.parcels[0].on_its_way
    assert notes(mall)
    time.pass_(hours=1)
    news(mall, time, "in_transit")
    assert notes(mall) == []


def test_what_is_sent_again_has_its_three_days_from_the_choice() -> None:
    mall, time = opened()
    shop.ship(mall, parcel="p")
    time.pass_(days=5)
    news(mall, time, "returned")
    time.pass_(hours=1)
    order = mall.orders.send_again("A1", parcel="p", by=shop.MERCHANT)
    assert order.goods == "accepted"
    due = {r.part: r.due for r in mall.clocks("running") if r.name == "shipping.in-time@1"}
    assert due == dict.fromkeys(("tea", "honey"), shop.us(time.now + 72 * HOUR))
    shop.ship(mall, parcel="q")
    assert mall.orders.deliver("A1", parcel="q", by=shop.COURIER).goods == "delivered"


@pytest.mark.parametrize("how", HOW)
def test_goods_that_come_back_lie_in_stock_until_somebody_has_looked_at_them(
    how: EndOfParcel,
) -> None:
    mall, time = opened()
    shop.ship(mall, parcel="p")
    assert mall.stock.get("green-tea").on_hand == 96
    mall.orders.end_parcel("A1", parcel="p", how=how, reason="-", **BY)
    mall.orders.give_up("A1", parcel="p", reason="-", **BY)
    stock = mall.stock.get("green-tea")
    back = how != "lost"
    assert stock.on_hand == (99 if back else 96)
    assert stock.available(shop.us(time.now)) == 96
    assert stock.holds == {}
    if back:
        mall.stock.inspect("green-tea", lot="A1.p", **BY)
        assert mall.stock.get("green-tea").available(shop.us(time.now)) == 99


def test_an_order_of_which_nothing_arrives_is_cancelled_paid_back_and_called_about() -> None:
    mall, time = opened()
    shop.ship(mall, parcel="p")
    news(mall, time, "refused")
    order = mall.orders.give_up("A1", parcel="p", reason="she is away", by=shop.SERVICE)
    assert (order.goods, order.owed_back, order.goodwill) == ("cancelled", 27000, 0)
    assert mall.callbacks.get("A1").state == "due"
    order = mall.orders.refunded("A1", 27000, "back", by=shop.PAYMENTS)
    assert (order.payment, order.goodwill, order.open) == ("refunded", 0, False)


def test_an_order_of_which_something_arrives_goes_on_to_its_archive() -> None:
    mall, time = opened()
    shop.ship(mall, parcel="p", lines={"tea": 3})
    shop.ship(mall, parcel="q", lines={"honey": 1})
    news(mall, time, "delivered", "p")
    news(mall, time, "lost", "q")
    order = mall.orders.give_up("A1", parcel="q", reason="none left", **BY)
    assert (order.goods, order.owed_back) == ("delivered", 5600)
    mall.orders.complete("A1", by=shop.CUSTOMER)
    mall.callbacks.refuse("A1", by=shop.SERVICE)
    assert mall.orders.archive("A1", by=shop.SERVICE).open
    mall.orders.refunded("A1", 5600, "back", by=shop.PAYMENTS)
    assert not mall.orders.get("A1").open


def test_what_was_refused_at_the_door_is_not_to_be_paid() -> None:
    mall, time = opened(cash_on_delivery=True)
    shop.ship(mall, parcel="p")
    news(mall, time, "refused")
    order = mall.orders.give_up("A1", parcel="p", reason="-", **BY)
    assert (order.summary, order.worth, order.owed_back, order.open) == (
        "cancelled/cod_pending", 0, 0, False
    )


def test_from_the_choice_on_an_end_stands_and_an_arrival_after_it_moves_nothing() -> None:
    mall, time = opened()
    shop.ship(mall, parcel="p")
    news(mall, time, "lost")
    time.pass_(hours=1)
    mall.orders.send_again("A1", parcel="p", **BY)
    time.pass_(hours=1)
    before = mall.orders.get("A1")
    after = news(mall, time, "delivered")
    assert (after.goods, after.parcels[0].ended) == (before.goods, before.parcels[0].ended)
    assert len(after.parcels[0].events) == 2
    assert any("now the courier says that it has arrived" in note for note in notes(mall))
    for refused in (
        shop.refusal(mall.orders.deliver, "A1", parcel="p", by=shop.CUSTOMER),
        shop.refusal(
            mall.orders.correct_tracking, "A1", parcel="p", status="lost", reason="found",
            when=time.now - 2 * HOUR, **BY,
        ),
    ):
        assert "2026-03-02" in refused.text.en
        assert "lost" in refused.text.en
    assert mall.orders.get("A1").parcels[0].ended is not None


def test_before_the_choice_the_latest_word_counts() -> None:
    mall, time = opened()
    shop.ship(mall, parcel="p")
    news(mall, time, "lost")
    time.pass_(hours=1)
    assert news(mall, time, "delivered").goods == "delivered"
    time.pass_(hours=1)
    assert news(mall, time, "returned").goods == "shipped"


def test_what_a_case_was_opened_for_has_arrived_whatever_comes_later() -> None:
    mall, time = opened()
    shop.ship(mall, parcel="p")
    news(mall, time, "delivered")
    mall.cases.open("C1", order="A1", customer=shop.CUSTOMER.id, lines={"tea": 1},
                    remedy="return", words="", by=shop.CUSTOMER)
    time.pass_(hours=1)
    order = news(mall, time, "returned")
    assert (order.goods, order.parcels[0].ended) == ("delivered", None)


# The way of delivery


@pytest.mark.parametrize(
    ("agreed", "told", "arrived"),
    [(None, "", True), (None, "locker", True), ("door", "door", True), ("door", "locker", False),
     ("door", "", False)],
)
def test_an_arrival_counts_if_it_was_made_as_agreed_or_somebody_confirms_it(
    agreed: str | None, told: str, arrived: bool
) -> None:
    mall, time = opened(delivery=agreed)
    shop.ship(mall, parcel="p")
    order = news(mall, time, "delivered", way=told)
    assert (order.goods == "delivered") is arrived
    assert [e.status for e in order.parcels[0].events] == ["delivered"]
    if not arrived:
        assert any("the customer or staff confirm it" in note for note in notes(mall))
        assert ("tracking.delivered-in-time", "p") in running(mall)
        assert mall.orders.deliver("A1", parcel="p", by=shop.CUSTOMER).goods == "delivered"
        assert notes(mall) == []


# Another number


def test_the_old_numbers_news_doesnt_count_for_the_new_one() -> None:
    mall, time = opened()
    shop.ship(mall, parcel="p", tracking="SF1")
    time.pass_(hours=1)
    assert news(mall, time, "delivered").goods == "delivered"
    order = mall.orders.relabel(
        "A1", parcel="p", courier="YT", tracking="YT1", reason="a slip", **BY
    )
    assert (order.goods, order.parcels[0].courier, order.parcels[0].tracking) == (
        "shipped", "YT", "YT1"
    )
    assert [e.struck for e in order.parcels[0].events] == ["a slip"]
    said = shop.refusal(news, mall, time, "delivered", number="SF1")
    assert said.rules == ("goods.track",)
    assert news(mall, time, "delivered", number="YT1", way="x").goods == "delivered"


@given(since=st.integers(0, 10), heard=st.integers(0, 20))
@settings(max_examples=30)
def test_news_is_taken_under_the_number_that_the_parcel_had_then(since: int, heard: int) -> None:
    mall, time = opened()
    shop.ship(mall, parcel="p", tracking="OLD")
    start = time.now
    time.pass_(hours=20)
    mall.orders.relabel("A1", parcel="p", courier="SF", tracking="NEW", reason="handed on",
                        since=start + since * HOUR, **BY)
    taken = {}
    for number in ("OLD", "NEW"):
        event = TrackingEvent("in_transit", start + heard * HOUR, code=number)
        taken[number] = mall.may.orders.track(
            "A1", parcel="p", events=[event], number=number, by=shop.COURIER
        ).allowed
    assert taken == {"OLD": heard < since, "NEW": heard >= since}


def test_one_bad_event_keeps_no_good_one_out_and_is_reported() -> None:
    mall, time = opened()
    shop.ship(mall, parcel="p")
    events = [TrackingEvent("picked_up", time.now), TrackingEvent("delivered", time.now + 9 * HOUR)]
    order = mall.orders.track("A1", parcel="p", events=events, by=shop.COURIER)
    assert [e.status for e in order.parcels[0].events] == ["picked_up"]
    left = mall.journal("order", "A1")[-1]["left"]
    assert left == [{"event": 1, "why": "future", "status": "delivered",
                     "at": shop.us(time.now + 9 * HOUR)}]


def test_nothing_new_writes_nothing_and_uses_its_key_up() -> None:
    mall, time = opened()
    shop.ship(mall, parcel="p")
    news(mall, time, "picked_up")
    entries = len(mall.journal("order", "A1"))
    version = mall.orders.get("A1").version
    assert news(mall, time, "picked_up", key="push-1").version == version
    assert len(mall.journal("order", "A1")) == entries
    time.pass_(hours=1)
    with pytest.raises(Exception, match="push-1"):
        news(mall, time, "in_transit", key="push-1")


def test_an_event_is_told_apart_by_its_reference_and_the_later_one_stays() -> None:
    mall, time = opened()
    shop.ship(mall, parcel="p")
    said = [
        TrackingEvent("in_transit", time.now, reference="e1", text="to Hangzhou"),
        TrackingEvent("delivered", time.now + timedelta(minutes=1), reference="e1"),
    ]
    for batch in (said, said[::-1]):
        fresh, clock = opened()
        shop.ship(fresh, parcel="p")
        for event in batch:
            fresh.orders.track("A1", parcel="p", events=[event], by=shop.COURIER)
        (event_,) = fresh.orders.get("A1").parcels[0].events
        assert event_.status == "delivered"
        assert clock.now == time.now


# Freight


@pytest.mark.parametrize(("reads", "owed"), [("refunded", 27000), ("kept", 26000)])
@pytest.mark.parametrize("ground", ["damaged", "changed_mind"])
def test_freight_goes_back_with_a_faulty_delivery_that_all_came_back_if_the_policy_says_so(
    reads: str, owed: int, ground: str
) -> None:
    time = shop.Time()
    mall = shop.open_mall(time=time, policy=shop.policy({"aftersales.freight": reads}))
    shop.staff(mall)
    shop.place(mall)
    shop.pay(mall)
    shop.accept(mall)
    shop.ship(mall, parcel="p")
    mall.orders.deliver("A1", parcel="p", by=shop.COURIER)
    mall.orders.complete("A1", by=shop.CUSTOMER)
    _sent_back(mall, "C1", {"tea": 3}, ground)
    assert mall.orders.get("A1").owed_back == 20400
    _sent_back(mall, "C2", {"honey": 1}, ground)
    assert mall.orders.get("A1").owed_back == (owed if ground == "damaged" else 26000)


def _sent_back(mall: Mall, id: str, lines: dict[str, int], ground: str) -> None:
    cases = mall.cases
    cases.open(id, order="A1", customer=shop.CUSTOMER.id, lines=lines, remedy="return", words="",
               by=shop.CUSTOMER)
    cases.contact(id, note="-", by=shop.SERVICE)
    cases.record(id, ground=ground, item_state="unused", wish="money", by=shop.SERVICE)
    cases.contact_merchant(id, note="-", by=shop.AGENT)
    cases.approve(id, by=shop.MERCHANT)
    cases.send_back(id, by=shop.CUSTOMER)
    cases.receive(id, outcome="ok", by=shop.MERCHANT)

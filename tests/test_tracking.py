"""What couriers say of parcels: twice, late and out of order, and what becomes of the order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Actor, Invalid, Mall
from eldermall.contracts.courier import STATUSES, TrackingEvent
from eldermall.contracts.storage import OPEN_CLOCKS
from eldermall.engine.blank import ERASED
from eldermall.rooms.orders.order import ENDING, Order, Parcel, ParcelEvent
from eldermall.rooms.urging import Urge
from tests import shop

HOUR = timedelta(hours=1)
Told = tuple[str, TrackingEvent]
"""A parcel, and what its courier says of it."""


def event(status: Any = "in_transit", hours: float = 1, **more: Any) -> TrackingEvent:
    return TrackingEvent(status, shop.START + hours * HOUR, **more)


events = st.builds(
    event,
    st.sampled_from(STATUSES) | st.sampled_from(("delivered", "in_transit")),
    st.sampled_from((-30, -1, 0, 1, 10, 10, 49, 60)),
    code=st.sampled_from(("", "80")),
    reference=st.sampled_from(("", "r-1")),
    text=st.sampled_from(("", "𠮷先生已签收 📦")),
    location=st.sampled_from(("", "上海·静安 🏙")),
)
plain = events.filter(lambda e: not e.reference and e.status not in ENDING)
"""Events of which none takes the place of another, and none ends a parcel but an arrival."""

told = st.lists(st.tuples(st.sampled_from(("p", "q")), events), max_size=8)


def shipped(parcels: str = "pq") -> tuple[Mall, shop.Time]:
    """Return a mall in which an order left in these parcels an instant ago, and its time."""
    time = shop.Time()
    mall = shop.open_mall(time=time)
    shop.staff(mall)
    under_way(mall, parcels)
    return mall, time


def under_way(mall: Mall, parcels: str = "pq") -> None:
    """Take an order, A1, as far as its parcels: tea in the first, and honey in the last."""
    shop.place(mall)
    shop.pay(mall)
    shop.accept(mall)
    if len(parcels) == 1:
        shop.ship(mall, parcel=parcels)
        return
    for parcel, lines in zip(parcels, ({"tea": 3}, {"honey": 1}), strict=True):
        shop.ship(mall, parcel=parcel, lines=lines)


def track(mall: Mall, *said: TrackingEvent, parcel: str = "p", by: Actor = shop.COURIER) -> Order:
    return mall.orders.track("A1", parcel=parcel, events=said, by=by)


def correct(mall: Mall, wrong: TrackingEvent, parcel: str = "p", **more: Any) -> Order:
    given: dict[str, Any] = {"reason": "another parcel", "by": shop.OPERATIONS} | more
    return mall.orders.correct_tracking(
        "A1", parcel=parcel, status=wrong.status, when=wrong.at, **given
    )


def take_in(mall: Mall, said: Iterable[Sequence[Told]]) -> None:
    """Take in the batches one after the other, what is said of each parcel by a command."""
    for batch in said:
        for parcel in dict(batch):
            track(mall, *(e for p, e in batch if p == parcel), parcel=parcel)


def urges(mall: Mall) -> list[Urge]:
    with mall.read() as tx:
        found = [mall.book.kind("urge").record(row) for row in tx.find("urge")]
    return [urge for urge in found if isinstance(urge, Urge)]


def standing(mall: Mall) -> dict[str, Any]:
    """Return what is known of the order, what runs, and who is pressed."""
    order = mall.orders.get("A1")
    return {
        "parcels": [
            (p.id, p.delivered_at, p.heard_at, [e for e in p.events if e.struck is None])
            for p in order.parcels
        ],
        "state": order.summary,
        "clocks": sorted(
            (r.name, r.part, r.started, r.due, r.state)
            for r in mall.clocks(*OPEN_CLOCKS) if r.subject == "order/A1"
        ),
        "urges": sorted(
            (u.target, u.addressee, u.parcel, u.reason, u.state, len(u.asked)) for u in urges(mall)
        ),
    }


# Whatever comes in whatever order


@given(told, st.data())
def test_however_often_and_in_whatever_order_it_comes_the_same_is_known(
    said: list[Told], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(said), max_size=4) if said else st.just([]))
    mixed = data.draw(st.permutations([*said, *again]))
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(mixed) - 1)), max_size=4)))
    batches = [mixed[a:b] for a, b in zip([0, *cuts], [*cuts, len(mixed)], strict=True)]
    at_once, piecemeal = shipped(), shipped()
    for (mall, time), parts in ((at_once, [said]), (piecemeal, batches)):
        time.pass_(hours=60)
        for part in parts:
            take_in(mall, [part])
            if part is not parts[-1]:
                time.pass_(hours=data.draw(st.sampled_from((0, 0, 20))))
        time.now = shop.START + 140 * HOUR
    assert mall_view(at_once[0]) == mall_view(piecemeal[0])
    for _ in range(2):
        for mall, _time in (at_once, piecemeal):
            mall.sweep()
        assert mall_view(at_once[0]) == mall_view(piecemeal[0])


def mall_view(mall: Mall) -> tuple[Any, ...]:
    return mall.orders.get("A1").parcels, standing(mall)


@given(st.lists(events, max_size=8))
def test_a_timeline_holds_each_event_once_in_order_of_its_own_time(
    said: list[TrackingEvent],
) -> None:
    mall, time = shipped("p")
    time.pass_(hours=60)
    if said:
        track(mall, *said, *said)
    (parcel,) = mall.orders.get("A1").parcels
    keys = {(shop.us(e.at), e.status, e.code, e.reference, e.text, e.location, e.way) for e in said}
    last = {key[3]: key for key in sorted(keys) if key[3]}
    assert [e.key for e in parcel.events] == sorted(
        key for key in keys if last.get(key[3], key) == key
    )
    assert [e.at for e in parcel.events] == sorted(e.at for e in parcel.events)


@given(st.lists(st.tuples(st.sampled_from("pq"), plain), max_size=8))
def test_what_has_arrived_does_not_go_back_but_by_an_end_or_a_correction(said: list[Told]) -> None:
    mall, time = shipped()
    time.pass_(hours=60)
    before: dict[str, int | None] = dict.fromkeys("pq")
    for parcel, each in said:
        order = track(mall, each, parcel=parcel)
        for p in order.parcels:
            first = before[p.id]
            assert first is None or (p.delivered_at is not None and p.delivered_at <= first)
            before[p.id] = p.delivered_at
        all_there = all(p.delivered_at is not None for p in order.parcels)
        assert order.goods == ("delivered" if all_there else "shipped")


@pytest.mark.parametrize("status", [s for s in STATUSES if s != "delivered"])
def test_only_delivered_is_an_arrival(mall: Mall, time: shop.Time, status: Any) -> None:
    under_way(mall, "p")
    time.pass_(hours=2)
    assert track(mall, event(status)).goods == "shipped"
    assert mall.orders.get("A1").parcels[0].heard_at == shop.us(shop.START + HOUR)


def test_an_arrival_from_before_it_left_counts_from_when_it_left(
    mall: Mall, time: shop.Time
) -> None:
    under_way(mall, "p")
    order = track(mall, event("delivered", -3))
    assert order.goods == "delivered"
    assert order.parcels[0].delivered_at == order.parcels[0].shipped_at == shop.us(shop.START)
    assert order.parcels[0].events[0].at == shop.us(shop.START - 3 * HOUR)


def test_an_order_arrives_with_the_last_of_its_parcels(mall: Mall, time: shop.Time) -> None:
    under_way(mall)
    time.pass_(hours=2)
    assert track(mall, event("delivered")).goods == "shipped"
    assert mall.orders.deliver("A1", parcel="q", by=shop.COURIER).goods == "delivered"


def test_what_is_noted_by_hand_and_what_the_courier_says_are_both_kept(
    mall: Mall, time: shop.Time
) -> None:
    under_way(mall, "p")
    time.pass_(hours=2)
    mall.orders.deliver("A1", parcel="p", by=shop.CUSTOMER)
    (parcel,) = track(mall, event("delivered", 1, code="80", text="已签收")).parcels
    assert [(e.status, e.code) for e in parcel.events] == [("delivered", "80"), ("delivered", "")]
    assert parcel.delivered_at == shop.us(shop.START + HOUR)


def test_a_parcel_taken_over_as_arrived_does_not_go_back_either(
    mall: Mall, time: shop.Time
) -> None:
    under_way(mall, "p")
    arrived = mall.orders.deliver("A1", parcel="p", by=shop.COURIER)
    fields = arrived.model_dump(mode="json", exclude={"id", "version", "pack"})
    del fields["parcels"][0]["events"]
    mall.orders.adopt("A2", fields, by=shop.OPERATIONS)
    later = [event("picked_up", -1), event("out_for_delivery", 0)]
    order = mall.orders.track("A2", parcel="p", events=later, by=shop.COURIER)
    assert order.goods == "delivered"
    assert order.parcels[0].delivered_at == arrived.parcels[0].delivered_at
    back = mall.orders.correct_tracking(
        "A2", parcel="p", status="delivered", when=shop.START, reason="not here",
        by=shop.OPERATIONS,
    )
    assert (back.goods, back.parcels[0].delivered_at) == ("shipped", None)


# What isn't taken in


def test_an_event_lies_at_most_five_minutes_ahead(mall: Mall, time: shop.Time) -> None:
    under_way(mall, "p")
    ahead = timedelta(minutes=5)
    said = shop.refusal(
        track, mall, TrackingEvent("in_transit", time.now + ahead + timedelta(microseconds=1))
    )
    assert said.rules == ("goods.track",)
    track(mall, TrackingEvent("in_transit", time.now + ahead))


@pytest.mark.parametrize(
    ("parcel", "by", "rule"),
    [
        ("x", shop.COURIER, "goods.track"),
        ("p", shop.CUSTOMER, "machine.who-may"),
        ("p", shop.MERCHANT, "machine.who-may"),
    ],
)
def test_who_may_say_what_of_which_parcel(
    mall: Mall, parcel: str, by: Actor, rule: str
) -> None:
    under_way(mall, "p")
    assert shop.refusal(track, mall, event(hours=0), parcel=parcel, by=by).rules == (rule,)


def test_nothing_is_tracked_before_it_left_or_after_all_is_over(mall: Mall) -> None:
    shop.place(mall)
    assert shop.refusal(track, mall, event(hours=0)).rules == ("machine.no-such-move",)
    mall.orders.cancel("A1", reason="-", by=shop.CUSTOMER)
    assert "没有包裹" in shop.refusal(track, mall, event(hours=0)).reasons[0].zh


@pytest.mark.parametrize(
    "wrong", [[], ["delivered"], "delivered", [event(text="\ud800")], [event(location="\x00")],
              [event(text="长" * 4001)], [event()] * 501],
)
def test_what_is_no_event_is_invalid(wrong: Any) -> None:
    mall, _ = shipped("p")
    with pytest.raises(Invalid):
        mall.orders.track("A1", parcel="p", events=wrong, by=shop.COURIER)


# Corrections


@given(told, st.sampled_from((1, 10, 49, 60)), st.booleans())
def test_after_its_correction_it_is_as_if_it_had_never_arrived(
    said: list[Told], hours: int, swept_between: bool
) -> None:
    on_the_way = [(parcel, e) for parcel, e in said if (parcel, e.status) != ("p", "delivered")]
    wrong = event("delivered", hours)
    corrected, never = shipped(), shipped()
    for mall, time in (corrected, never):
        time.pass_(hours=60)
        take_in(mall, [on_the_way])
    track(corrected[0], wrong)
    for mall, time in (corrected, never):
        time.pass_(hours=60)
        if swept_between:
            mall.sweep()
    order = correct(corrected[0], wrong)
    assert order.goods == "shipped"
    for mall, time in (corrected, never):
        mall.sweep()
        time.pass_(days=9)
        mall.sweep()
    one, other = (standing(mall) for mall, _ in (corrected, never))
    if swept_between:  # whom nobody pressed meanwhile is pressed one time less
        for view in (one, other):
            view["urges"] = [urge[:5] for urge in view["urges"]]
    assert one == other


@given(st.lists(plain, min_size=1, max_size=6), st.data())
def test_what_was_struck_stays_struck_when_it_comes_again(
    said: list[TrackingEvent], data: st.DataObject
) -> None:
    mall, time = shipped("p")
    time.pass_(hours=60)
    track(mall, *said)
    wrong = data.draw(st.sampled_from(said))
    before = correct(mall, wrong, reason="wrong number")
    for again in (said, [wrong], reversed(said)):
        after = track(mall, *again)
        assert (after.parcels, after.summary) == (before.parcels, before.summary)
    struck = [e for e in after.parcels[0].events if e.struck is not None]
    assert {(e.status, e.at, e.struck) for e in struck} == {
        (wrong.status, shop.us(wrong.at), "wrong number")
    }
    left = {e.at for e in said if e.status == "delivered" and e.at != wrong.at}
    if wrong.status == "delivered":
        assert (after.goods == "delivered") is bool(left)


def test_a_corrected_arrival_may_be_followed_by_the_true_one(
    mall: Mall, time: shop.Time
) -> None:
    under_way(mall, "p")
    time.pass_(hours=9)
    track(mall, event("delivered", 1))
    assert correct(mall, event("delivered", 1)).goods == "shipped"
    assert track(mall, event("delivered", 8)).goods == "delivered"
    followed = [e.get("followed", []) for e in mall.journal("order", "A1")]
    assert [f["move"] for moves in followed for f in moves] == [
        "leave", "arrive", "unarrive", "arrive"
    ]
    assert mall.orders.complete("A1", by=shop.CUSTOMER).goods == "completed"


def test_what_is_completed_is_not_corrected_but_its_news_are_still_taken_in(
    mall: Mall, time: shop.Time
) -> None:
    under_way(mall, "p")
    time.pass_(hours=2)
    track(mall, event("delivered"))
    mall.orders.complete("A1", by=shop.CUSTOMER)
    assert shop.refusal(correct, mall, event("delivered")).rules == ("machine.no-such-move",)
    assert track(mall, event("out_for_delivery", 0.5)).goods == "completed"


def test_what_is_in_a_case_has_arrived(mall: Mall, time: shop.Time) -> None:
    under_way(mall)
    time.pass_(hours=2)
    for parcel in "pq":
        track(mall, event("delivered"), parcel=parcel)
    mall.cases.open(
        "K1", order="A1", lines={"tea": 1}, remedy="return", words="stale",
        customer=shop.CUSTOMER.id, by=shop.CUSTOMER,
    )
    assert shop.refusal(correct, mall, event("delivered")).rules == ("goods.correct_tracking",)
    assert correct(mall, event("delivered"), parcel="q").goods == "shipped"


@pytest.mark.parametrize(
    ("wrong", "by", "rule"),
    [
        (event("delivered", 1), shop.AGENT, "machine.who-may"),
        (event("delivered", 1), shop.COURIER, "machine.who-may"),
        (event("delivered", 2), shop.OPERATIONS, "goods.correct_tracking"),
        (event("in_transit", 1), shop.OPERATIONS, "goods.correct_tracking"),
    ],
)
def test_operations_strike_what_was_said(
    mall: Mall, time: shop.Time, wrong: TrackingEvent, by: Actor, rule: str
) -> None:
    under_way(mall, "p")
    time.pass_(hours=2)
    track(mall, event("delivered", 1))
    assert shop.refusal(correct, mall, wrong, by=by).rules == (rule,)


def test_what_was_struck_once_is_not_struck_twice(mall: Mall, time: shop.Time) -> None:
    under_way(mall, "p")
    time.pass_(hours=2)
    track(mall, event("delivered"))
    correct(mall, event("delivered"))
    said = shop.refusal(correct, mall, event("delivered"))
    assert said.rules == ("goods.correct_tracking",)


# Personal words


WORDS = "𠮷奶奶已签收 📦"
PLACE = "静安区南京西路 1 号 🏠"


def personal(mall: Mall) -> list[bytes]:
    with mall.read() as tx:
        return [row.value for row in tx.personal("order/A1") if "words" in row.path]


def test_a_courier_s_words_stand_in_the_journal_only_as_commitments(
    mall: Mall, time: shop.Time
) -> None:
    under_way(mall, "p")
    order = track(mall, event("in_transit", 0, text=WORDS, location=PLACE))
    shop.refusal(track, mall, event("in_transit", 9, text=WORDS, location=PLACE))
    assert (order.parcels[0].events[0].text, order.parcels[0].events[0].location) == (WORDS, PLACE)
    assert WORDS not in str(mall.journal("order", "A1"))
    assert PLACE not in str(mall.journal("order", "A1"))
    assert all("words" in e["args"] for e in mall.journal("order", "A1")[-2:])
    assert len(personal(mall)) == 2
    assert not any(WORDS.encode() in message.body for message in mall.messages())


def test_a_courier_s_words_go_with_what_else_is_erased(mall: Mall, time: shop.Time) -> None:
    under_way(mall, "p")
    time.pass_(hours=2)
    track(mall, event("delivered", text=WORDS, location=PLACE))
    mall.orders.complete("A1", by=shop.CUSTOMER)
    mall.callbacks.refuse("A1", by=shop.SERVICE)
    mall.orders.archive("A1", by=shop.SERVICE)
    time.pass_(days=1097)
    order = mall.orders.erase("A1", by=shop.OPERATIONS)
    (kept,) = order.parcels[0].events
    assert (kept.status, kept.text, kept.location) == ("delivered", ERASED, ERASED)
    assert personal(mall) == []
    with mall.read() as tx:
        (row,) = [r for r in tx.find("order") if r.id == "A1"]
    assert WORDS.encode() not in row.body
    assert PLACE.encode() not in row.body
    assert mall.verify().passed


# A parcel, without a mall


@given(st.lists(events, max_size=6), st.lists(events, max_size=6))
def test_two_batches_come_to_the_same_whichever_is_first(
    one: list[TrackingEvent], other: list[TrackingEvent]
) -> None:
    left = Parcel(
        id="p", courier="SF", tracking="SF1", lines={"tea": 1}, shipped_at=shop.us(shop.START)
    )
    a, b = ([seen(e) for e in batch] for batch in (one, other))
    both = left.with_events(a).with_events(b)
    assert both == left.with_events(b).with_events(a) == left.with_events([*b, *a, *b])
    assert both == both.with_events(both.events)


def seen(said: TrackingEvent) -> ParcelEvent:
    return ParcelEvent(
        status=said.status, at=shop.us(said.at), code=said.code, reference=said.reference,
        text=said.text, location=said.location,
    )

"""What staff and customers see of an order's way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eldermall import Actor, Invalid, Mall, Unknown, person
from eldermall.contracts.courier import STATUSES, TrackingStatus
from eldermall.reports import timeline as reports
from eldermall.reports.timeline import Happened, progress, timeline
from tests import shop
from tests.rules.test_services import DAUGHTER, RELATIVE, done
from tests.test_tracking import correct, event, plain, track, under_way

HOUR = timedelta(hours=1)
STAFF = {actor.id for actor in shop.EVERYBODY if actor.is_staff} | {"nurse-1"}


def lived(mall: Mall, time: shop.Time) -> None:
    """Take an order through all that staff see: two parcels, an urge, a case, a callback."""
    under_way(mall)
    time.pass_(hours=2)
    track(mall, event("in_transit", 1, code="50", text="派件员 wang", location="上海 🏙"))
    time.pass_(hours=50)
    mall.sweep()
    track(mall, event("delivered", 51))
    correct(mall, event("delivered", 51))
    track(mall, event("delivered", 52))
    mall.orders.deliver("A1", parcel="q", by=shop.COURIER)
    mall.orders.complete("A1", by=shop.CUSTOMER)
    mall.callbacks.attempt("A1", note="busy", by=shop.SERVICE)
    mall.cases.open(
        "K1", order="A1", lines={"tea": 1}, remedy="return", words="stale",
        customer=shop.CUSTOMER.id, by=shop.CUSTOMER,
    )
    mall.cases.contact("K1", note="on the phone", by=shop.SERVICE)
    mall.complaints.receive(
        "C1", customer=shop.CUSTOMER.id, words="late", order="A1", by=shop.SERVICE
    )


def whats(found: list[Happened]) -> list[tuple[str, str]]:
    return [(each.what, each.actor.id) for each in found]


# Staff


def test_staff_see_every_move_event_and_contact_with_who_made_it(
    mall: Mall, time: shop.Time
) -> None:
    lived(mall, time)
    found = timeline(mall, "A1")
    assert {
        ("order.place", "grandma-li"), ("order.contact_merchant", "wang"), ("order.ship", "zhao"),
        ("order.leave", "zhao"), ("order.event", "system"), ("order.track", "system"),
        ("order.correct_tracking", "olivia"), ("order.deliver", "system"),
        ("order.arrive", "system"), ("order.complete", "grandma-li"), ("urge.open", "system"),
        ("callback.open", "system"), ("callback.attempt", "chen"), ("case.open", "grandma-li"),
        ("case.contact", "chen"), ("complaint.receive", "chen"),
    } <= set(whats(found))
    assert [each.at for each in found] == sorted(each.at for each in found)


def test_every_entry_of_a_move_is_there_and_no_attempt(mall: Mall, time: shop.Time) -> None:
    lived(mall, time)
    shop.refusal(mall.orders.complete, "A1", by=shop.CUSTOMER)
    found = timeline(mall, "A1")
    chains = [("order", "A1"), ("callback", "A1"), ("case", "K1"), ("complaint", "C1")]
    for kind, id in chains:
        moved = [e for e in mall.journal(kind, id) if e["outcome"] == "moved"]
        expected = [(e["what"], e["actor"]["id"], e["at"], e["recorded"]) for e in moved]
        expected += [
            (f"{kind}.{step['move']}", e["actor"]["id"], e["at"], e["recorded"])
            for e in moved for step in e.get("followed", ())
        ]
        seen = [
            (each.what, each.actor.id, each.at, each.recorded) for each in found
            if each.subject == f"{kind}/{id}" and each.what != "order.event"
        ]
        assert sorted(seen) == sorted(expected)


@settings(max_examples=40)
@given(st.lists(st.lists(plain, min_size=1, max_size=4), max_size=4))
def test_each_event_of_a_courier_is_there_once_with_when_it_first_came_in(
    batches: list[list[Any]],
) -> None:
    time = shop.Time()
    mall = shop.open_mall(time=time)
    shop.staff(mall)
    under_way(mall, "p")
    time.pass_(hours=60)
    first: dict[tuple[Any, ...], int] = {}
    for batch in batches:
        for each in batch:
            key = (shop.us(each.at), each.status, each.code, each.reference)
            first.setdefault(key, shop.us(time.now))
        track(mall, *batch)
        time.pass_(hours=1)
    told = [each for each in timeline(mall, "A1") if each.what == "order.event"]
    assert len(told) == len({each for batch in batches for each in batch})
    for each in told:
        code, reference = (each.said.get(name, "") for name in ("code", "reference"))
        assert each.recorded == first[each.at, each.said["status"], code, reference]
        assert each.actor == shop.COURIER


def test_what_was_struck_stays_in_sight_of_staff_with_the_reason(
    mall: Mall, time: shop.Time
) -> None:
    lived(mall, time)
    (struck,) = [each for each in timeline(mall, "A1") if "struck" in each.said]
    assert (struck.said["struck"], struck.at) == (
        "another parcel", shop.us(shop.START + 51 * HOUR)
    )


def test_an_arrival_noted_by_hand_is_told_once(mall: Mall) -> None:
    under_way(mall, "p")
    mall.orders.deliver("A1", parcel="p", by=shop.CUSTOMER)
    found = whats(timeline(mall, "A1"))
    assert found.count(("order.deliver", "grandma-li")) == 1
    assert "order.event" not in {what for what, _ in found}


def test_of_another_order_nothing_is_there(mall: Mall, time: shop.Time) -> None:
    lived(mall, time)
    shop.completed(mall, "A2")
    assert {each.subject for each in timeline(mall, "A2")} == {"order/A2", "callback/A2"}


def test_an_order_taken_over_begins_with_that(mall: Mall) -> None:
    shop.place(mall)
    fields = mall.orders.get("A1").model_dump(mode="json", exclude={"id", "version", "pack"})
    mall.orders.adopt("A2", fields, by=shop.OPERATIONS)
    (taken,) = timeline(mall, "A2")
    assert (taken.what, taken.label.en, taken.actor.id) == ("order.adopt", "adopt", "olivia")
    assert [step.text.en for step in progress(mall, "A2", by=shop.CUSTOMER)] == ["ordered"]


def test_there_is_no_timeline_of_what_is_not_there(mall: Mall) -> None:
    with pytest.raises(Unknown, match="there is no order A9"):
        timeline(mall, "A9")
    with pytest.raises(Invalid):
        timeline(mall, "a b")


# The customer


def test_a_customer_sees_dated_steps_of_their_own_order(mall: Mall, time: shop.Time) -> None:
    lived(mall, time)
    steps = progress(mall, "A1", by=shop.CUSTOMER)
    assert [(step.at - shop.us(shop.START), step.text.en) for step in steps] == [
        (hours * 3_600_000_000, text) for hours, text in [
            (0, "ordered"), (0, "paid"), (0, "taken by the seller"),
            (0, "a parcel has left (SF SF1001)"), (0, "a parcel has left (SF SF1001)"),
            (1, "in transit (SF SF1001) · 上海 🏙"), (52, "completed"),
            (52, "delivered (SF SF1001)"), (52, "delivered (SF SF1001)"),
        ]
    ]
    assert steps[5].text.zh == "运输中（SF SF1001） · 上海 🏙"


def test_a_customer_sees_the_steps_of_a_service(mall: Mall, time: shop.Time) -> None:
    done(mall)
    for who in (shop.CUSTOMER, RELATIVE):
        texts = [step.text for step in progress(mall, "A1", by=who)]
        assert [text.en for text in texts] == [
            "ordered", "paid", "taken by the seller", "appointed: 2026-03-02 10:00, at her home",
            "the service has begun", "the service is done",
        ]
        assert texts[3].zh == "已预约：2026-03-02 10:00，at her home"


@pytest.mark.parametrize("how", ["cancel", "decline"])
def test_a_customer_sees_how_an_order_ended(mall: Mall, how: str) -> None:
    shop.place(mall)
    shop.pay(mall)
    shop.accept(mall)
    who = shop.CUSTOMER if how == "cancel" else shop.MERCHANT
    getattr(mall.orders, how)("A1", reason="none left", by=who)
    mall.orders.refunded("A1", 27000, "back", by=shop.PAYMENTS)
    ended = [step.text.en for step in progress(mall, "A1", by=shop.CUSTOMER)][3:]
    assert ended == {
        "cancel": ["some or all of it was cancelled", "the order is cancelled",
                   "money was paid back"],
        "decline": ["the seller can't deliver", "money was paid back"],
    }[how]


@pytest.mark.parametrize("begin", [lived, lambda mall, time: done(mall)])
def test_nobody_of_the_staff_is_named_to_a_customer(
    mall: Mall, time: shop.Time, begin: Any
) -> None:
    begin(mall, time)
    shown = str(progress(mall, "A1", by=shop.CUSTOMER))
    assert not [id for id in STAFF | {shop.MERCHANT.id} if id in shown]
    assert STAFF & {each.actor.id for each in timeline(mall, "A1")}


@pytest.mark.parametrize(
    "who",
    [shop.STRANGER, shop.MERCHANT, shop.SERVICE, shop.LEADER, shop.PAYMENTS,
     person("grandma-li", "customer_service", department="operations")],
    ids=lambda who: f"{who.id}-{who.role}",
)
def test_an_order_that_is_not_theirs_does_not_exist_for_them(mall: Mall, who: Actor) -> None:
    shop.place(mall)
    with pytest.raises(Unknown) as theirs:
        progress(mall, "A1", by=who)
    with pytest.raises(Unknown) as none:
        progress(mall, "A7", by=who)
    with pytest.raises(Unknown) as read:
        mall.orders.get("A1x")
    for other in (none, read):
        assert theirs.value.text.zh == other.value.text.zh.replace("A7", "A1").replace("A1x", "A1")
        assert theirs.value.text.en == other.value.text.en.replace("A7", "A1").replace("A1x", "A1")


def test_a_relative_sees_only_where_they_are_named(mall: Mall) -> None:
    shop.place(mall, "A1", relatives=[DAUGHTER])
    shop.place(mall, "A2")
    assert progress(mall, "A1", by=RELATIVE)
    with pytest.raises(Unknown):
        progress(mall, "A2", by=RELATIVE)


def test_what_was_erased_is_shown_to_nobody(mall: Mall, time: shop.Time) -> None:
    under_way(mall, "p")
    track(mall, event("delivered", 0, text="𠮷先生 📦", location="静安区"))
    mall.orders.complete("A1", by=shop.CUSTOMER)
    mall.callbacks.refuse("A1", by=shop.SERVICE)
    mall.orders.archive("A1", by=shop.SERVICE)
    assert "静安区" in str(progress(mall, "A1", by=shop.CUSTOMER))
    assert "𠮷先生" in str(timeline(mall, "A1"))
    time.pass_(days=1097)
    mall.orders.erase("A1", by=shop.OPERATIONS)
    for shown in (progress(mall, "A1", by=shop.CUSTOMER), timeline(mall, "A1")):
        assert "静安区" not in str(shown)
        assert "𠮷先生" not in str(shown)


def test_every_status_has_its_words_in_both_languages() -> None:
    assert tuple(reports.STATUSES) == STATUSES == get_args(TrackingStatus)
    assert all(text.zh and text.en for text in reports.STATUSES.values())

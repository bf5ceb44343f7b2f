"""Taking over the records of a shop that lives already."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from eldermall import Invalid, Mall, Refused
from eldermall.calendars import HOUR
from eldermall.rooms.orders.order import Line
from tests import shop

LINES = [{"id": "tea", "listing": "green-tea", "ordered": 2, "amount": 9900}]
PAID = {
    "goods": "accepted", "payment": "paid", "kind": "goods", "merchant": "tea-house",
    "customer": "grandma-li", "group_id": None, "channel": "app", "currency": "CNY", "freight": 0,
    "total": 9900, "cash_on_delivery": False, "lines": LINES, "received": 9900,
    "created_at": "2026-03-01T09:00:00+08:00", "paid_at": "2026-03-01T09:05:00+08:00",
}


@pytest.fixture
def time() -> shop.Time:
    return shop.Time()


@pytest.fixture
def mall(time: shop.Time) -> Mall:
    mall = shop.open_mall(time=time)
    shop.staff(mall)
    return mall


def adopt(mall: Mall, id: str = "A1", **changed: Any) -> Any:
    return mall.orders.adopt(id, PAID | changed, by=shop.OPERATIONS)


def test_an_adopted_order_stands_where_it_is_said_to_and_goes_on_from_there(mall: Mall) -> None:
    assert adopt(mall).summary == "accepted/paid"
    shop.ship(mall, lines={"tea": 2})
    assert mall.orders.get("A1").goods == "shipped"
    assert mall.verify().passed


def test_the_entry_says_adopted_and_lists_the_moments_that_nobody_knows(mall: Mall) -> None:
    adopt(mall)
    (entry,) = mall.journal("order", "A1")
    assert (entry["what"], entry["outcome"]) == ("order.adopt", "adopted")
    assert entry["state"] == "accepted/paid"
    assert entry["unknown"] == ["handed_over_at", "merchant_contacted_at", "accepted_at"]
    without = {k: v for k, v in PAID.items() if k not in ("created_at", "paid_at")}
    mall.orders.adopt("A2", without, by=shop.OPERATIONS)
    assert mall.journal("order", "A2")[0]["unknown"] == [
        "created_at", "handed_over_at", "merchant_contacted_at", "accepted_at", "paid_at",
    ]
    assert mall.orders.get("A2").created_at == mall.now()
    total = PAID["total"]
    collected = without | {
        "payment": "collected", "cash_on_delivery": True, "collected": total, "received": 0,
    }
    mall.orders.adopt("A3", collected, by=shop.OPERATIONS)
    assert mall.journal("order", "A3")[0]["unknown"] == [
        "created_at", "handed_over_at", "merchant_contacted_at", "accepted_at", "collected_at",
    ]


def test_an_order_that_is_paid_ships_though_nobody_knows_since_when(mall: Mall) -> None:
    adopt(mall, paid_at=None)
    assert shop.clocks(mall, "shipping.in-time") == {}
    shop.ship(mall, lines={"tea": 2})
    adopt(mall, "A2", payment="unpaid", paid_at=None, received=0)
    with pytest.raises(Refused) as refused:
        shop.ship(mall, "A2", lines={"tea": 2})
    assert refused.value.decision.rules == ("shipping.paid-first@1",)


def test_clocks_run_from_the_moments_that_are_known(mall: Mall) -> None:
    adopt(mall)
    row = shop.clocks(mall, "shipping.in-time")["tea"]
    paid = shop.us(shop.START) - 24 * HOUR + 5 * 60_000_000
    assert (row.started, row.due, row.state) == (paid, paid + 72 * HOUR, "running")


def test_what_was_overdue_before_is_marked_so_and_not_announced_as_a_breach(
    mall: Mall, time: shop.Time
) -> None:
    adopt(mall, created_at="2026-02-01T09:00:00+08:00", paid_at="2026-02-01T09:00:00+08:00")
    row = shop.clocks(mall, "shipping.in-time")["tea"]
    assert row.state == "breached"
    (entry,) = mall.journal("order", "A1")
    assert [c["did"] for c in entry["clocks"] if c["clock"].startswith("shipping")] == [
        "started", "overdue",
    ]
    assert mall.sweep().breached == 0
    assert len(mall.journal("order", "A1")) == 1
    shop.ship(mall, lines={"tea": 2})
    assert shop.clocks(mall, "shipping.in-time")["tea"].state == "late"


def test_a_complaint_that_was_overdue_before_is_carried_upwards_by_the_sweep(
    mall: Mall, time: shop.Time
) -> None:
    complaint = {
        "state": "received", "customer": "grandma-li", "channel": "app", "words": "凉了",
        "created_at": shop.START - timedelta(days=9),
    }
    mall.complaints.adopt("C1", complaint, by=shop.OPERATIONS)
    assert mall.complaints.get("C1").state == "received"
    mall.sweep()
    assert mall.complaints.get("C1").state == "escalated"


def test_one_that_was_carried_upwards_already_is_not_again(mall: Mall, time: shop.Time) -> None:
    complaint = {
        "state": "escalated", "customer": "grandma-li", "channel": "app", "words": "凉了",
        "created_at": shop.START - timedelta(days=9), "escalated_at": shop.START,
        "holder": "head.operations",
    }
    mall.complaints.adopt("C1", complaint, by=shop.OPERATIONS)
    mall.sweep()
    assert mall.sweep().failed == ()
    assert mall.complaints.get("C1").state == "escalated"
    row = shop.clocks(mall, "complaints.answered-in-time", "complaint/C1")[""]
    assert row.state == "breached"


def test_an_adopted_order_that_is_completed_gets_its_callback_from_its_completion(
    mall: Mall,
) -> None:
    done = shop.START - timedelta(hours=30)
    parcel = {
        "id": "P", "courier": "SF", "tracking": "1", "lines": {"tea": 2},
        "shipped_at": done, "delivered_at": done,
        "events": [{"status": "delivered", "at": done, "code": "", "reference": "", "text": "",
                    "location": ""}],
    }
    adopt(
        mall, goods="completed", parcels=[parcel], lines=[LINES[0] | {"shipped": 2}],
        completed_at=done, created_at=done, paid_at=done,
    )
    callback = mall.callbacks.get("A1")
    assert (callback.state, callback.created_at) == ("due", shop.us(done))


def test_adopting_the_same_again_changes_nothing_and_with_other_content_is_refused(
    mall: Mall,
) -> None:
    first = adopt(mall)
    assert adopt(mall) == first
    assert len(mall.journal("order", "A1")) == 1
    shop.ship(mall, lines={"tea": 2})
    assert adopt(mall).goods == "shipped"
    decision = shop.refusal(adopt, mall, total=9901, lines=[LINES[0] | {"amount": 9901}])
    assert decision.rules == ("adopt.record-exists",)
    shop.place(mall, "A2")
    assert shop.refusal(adopt, mall, "A2").rules == ("adopt.record-exists",)


@pytest.mark.parametrize(
    ("changed", "rule", "why"),
    [
        ({"goods": "gone"}, "adopt.fits", "goods must be one of submitted"),
        ({"goods": None}, "adopt.fits", "goods must be one of submitted"),
        ({"service": "accepted"}, "adopt.fits", "service isn't a track of this record"),
        (
            {"lines": [LINES[0] | {"cancelled": 2}]}, "adopt.fits",
            "goods is accepted, but what the record says makes it cancelled",
        ),
        ({"payment": "refunded"}, "adopt.fits", "doesn't make it refunded"),
        ({"created_at": "2026-03-03T09:00:00+08:00"}, "adopt.future", "made in the future"),
    ],
)
def test_a_record_that_could_not_stand_there_is_refused_and_the_refusal_says_why(
    mall: Mall, changed: dict[str, Any], rule: str, why: str
) -> None:
    decision = shop.refusal(adopt, mall, **changed)
    assert decision.rules[0] == rule
    assert why in decision.text.en
    assert mall.journal("order", "A1")[-1]["outcome"] == "refused"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"created_at": "yesterday"}, "order.adopt.created_at = 'yesterday' is invalid: must be a "
         "time with its zone"),
        ({"created_at": "2026-03-01T09:00:00"}, "order.adopt.created_at"),
        ({"total": "9900"}, "order.adopt.total = '9900' is invalid: must be a whole number"),
        ({"colour": "red"}, "order.adopt.colour = 'red' is invalid: is not a field here"),
        ({"lines": [{"id": "tea"}]}, "order.adopt.lines.0.listing"),
        ({"version": 9}, "order.adopt.version = 9 is invalid: is not a field here"),
        ({"merchant": {1, 2}}, "order.adopt = "),
    ],
)
def test_a_field_that_is_wrong_is_named(
    mall: Mall, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(Invalid) as wrong:
        adopt(mall, **changed)
    assert str(wrong.value).startswith(message)
    with pytest.raises(Invalid, match="must be a mapping of fields"):
        mall.orders.adopt("A1", [PAID], by=shop.OPERATIONS)  # type: ignore[arg-type]


def test_only_operations_and_those_above_take_records_over(mall: Mall) -> None:
    for actor in (shop.CUSTOMER, shop.MERCHANT, shop.SERVICE, shop.AGENT, shop.PAYMENTS):
        with pytest.raises(Refused, match="a record is taken over by"):
            mall.orders.adopt("A1", PAID, by=actor)
    mall.orders.adopt("A1", PAID, by=shop.HEAD)


def test_words_of_a_person_enter_the_journal_as_commitments_only(mall: Mall) -> None:
    complaint = {
        "state": "received", "customer": "grandma-li", "channel": "app", "words": "张三的药凉了",
        "created_at": shop.START,
    }
    mall.complaints.adopt("C1", complaint, by=shop.OPERATIONS)
    (entry,) = mall.journal("complaint", "C1")
    assert set(entry["args"]["words"]) == {"commitment"}
    assert "张三" not in str(entry)


def test_words_inside_a_field_make_the_whole_field_a_commitment(mall: Mall) -> None:
    call = {"whom": "customer", "by": "chen", "at": shop.START, "reached": True, "note": "张三说"}
    mall.cases.adopt(
        "R1",
        {
            "state": "contacted", "order": "A1", "customer": "grandma-li", "channel": "app",
            "lines": {"tea": 1}, "remedy": "return", "words": "", "listings": {},
            "contacts": [call],
        },
        by=shop.OPERATIONS,
    )
    (entry,) = mall.journal("case", "R1")
    assert set(entry["args"]["contacts"]) == {"commitment"}
    assert "张三" not in str(entry)
    assert mall.cases.get("R1").contacts[0].note == "张三说"


def test_may_answers_and_takes_nothing_over(mall: Mall) -> None:
    assert mall.may.orders.adopt("A1", PAID, by=shop.OPERATIONS).allowed
    assert not mall.may.orders.adopt("A1", PAID, by=shop.CUSTOMER).allowed
    assert mall.journal("order", "A1") == []


def test_a_batch_takes_over_all_or_none(mall: Mall) -> None:
    def together() -> None:
        with mall.batch() as many:
            many.orders.adopt("A1", PAID, by=shop.OPERATIONS)
            many.orders.adopt("A2", PAID | {"goods": "gone"}, by=shop.OPERATIONS)

    with pytest.raises(Refused):
        together()
    assert [e["outcome"] for e in mall.journal("order", "A1")] == []


def test_an_order_with_an_open_case_is_taken_over_with_it_and_both_go_on(
    mall: Mall, time: shop.Time
) -> None:
    done = shop.START - timedelta(hours=30)
    parcel = {
        "id": "P", "courier": "SF", "tracking": "1", "lines": {"tea": 2}, "shipped_at": done,
        "delivered_at": done,
        "events": [{"status": "delivered", "at": done, "code": "", "reference": "", "text": "",
                    "location": ""}],
    }
    line = LINES[0] | {"shipped": 2, "claimed": 1}
    adopt(
        mall, goods="delivered", parcels=[parcel], lines=[line], created_at=done, paid_at=done
    )
    mall.cases.adopt(
        "R1",
        {
            "state": "approved", "order": "A1", "customer": "grandma-li", "channel": "app",
            "lines": {"tea": 1}, "remedy": "return", "words": "太苦", "merchant": "tea-house",
            "listings": {"tea": "green-tea"}, "entitled": True, "created_at": done,
            "decided_at": shop.START - timedelta(hours=2),
        },
        by=shop.OPERATIONS,
    )
    (entry,) = mall.journal("case", "R1")
    assert entry["unknown"] == ["contacted_at"]
    assert set(entry["args"]["words"]) == {"commitment"}
    mall.cases.send_back("R1", courier="SF", tracking="2", by=shop.CUSTOMER)
    mall.cases.receive("R1", outcome="ok", by=shop.MERCHANT)
    assert mall.orders.get("A1").owed_back == 4950
    mall.orders.refunded("A1", 4950, "back-1", case="R1", by=shop.PAYMENTS)
    assert mall.cases.get("R1").state == "refunded"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"versions": []}, "listing.adopt.versions = [] is invalid: needs 1 item or more"),
        ({"shown": 7}, "listing.adopt.shown = 7 is invalid: there is no such version"),
        ({"shown": 0}, "listing.adopt.shown = 0 is invalid: there is no such version"),
    ],
)
def test_a_listing_is_taken_over_with_the_versions_that_it_shows(
    mall: Mall, changed: dict[str, Any], message: str
) -> None:
    written = {
        "number": 1, "content": shop.CONTENT, "author": "zhao", "authors": ["zhao"],
        "drafted_at": shop.START,
    }
    listing = {
        "work": "published", "display": "shown", "merchant": "tea-house", "mode": "merchant_self",
        "assistance": None, "kind": "goods", "channel": "app", "versions": [written], "shown": 1,
    }
    taken = mall.listings.adopt("tea", listing, by=shop.OPERATIONS)
    assert taken.on_display is not None
    assert taken.on_display.title == "Green tea"
    with pytest.raises(Invalid) as wrong:
        mall.listings.adopt("honey", listing | changed, by=shop.OPERATIONS)
    assert str(wrong.value) == message


def test_parts_of_a_record_may_be_given_as_they_are_in_python(mall: Mall) -> None:
    line = Line(id="tea", listing="green-tea", ordered=2, amount=9900)
    assert adopt(mall, lines=(line,)).lines == (line,)

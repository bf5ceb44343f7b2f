"""The order of moments: nothing is dated before what it follows, in any room, by whatever moves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from typer.testing import CliRunner

from eldermall import EldermallError, Mall, Text
from eldermall.calendars import MINUTE
from eldermall.cli import app
from eldermall.contracts.courier import TrackingEvent
from eldermall.engine.inputs import Moment
from eldermall.engine.moments import Happened, disorders, earlier
from eldermall.mall import rulebook
from tests import lives, shop

FUTURE = 5 * MINUTE
BOOK = rulebook()
WHY = "the slip came by post"


def out_of_order(mall: Mall) -> list[tuple[str, str, str]]:
    """Return what in any record lies before what it follows: the record and the two fields."""
    found = []
    for kind in mall.book.kinds.values():
        with mall.read() as tx:
            records = [kind.record(row) for row in tx.find(kind.name)]
        for record in records:
            for pair in disorders(kind.ordered, record, kind.label, FUTURE):
                found.append((f"{kind.name}/{record.id}", pair.before.where, pair.after.where))
    return found


# Whatever is done, in whatever order


DATES = st.none() | st.none() | st.sampled_from(
    [timedelta(minutes=m) for m in (4, 0, -4, -6, -40)]
    + [timedelta(hours=h) for h in (-3, -12, -23, -60)]
)


@given(
    life=lives.steps("order", "callback", "complaint", "listing", "assistance", "case"),
    dates=st.lists(DATES, min_size=12, max_size=12),
)
def test_no_moves_that_are_accepted_leave_a_record_whose_moments_are_out_of_order(
    life: list[lives.Step], dates: list[timedelta | None]
) -> None:
    time = shop.Time()
    with shop.open_mall(time=time) as mall:
        shop.staff(mall)
        reached: dict[tuple[str, str], int] = {}
        for number, step in enumerate(life):
            line = [a for a in lives.ATTEMPTS if a.kind == step.kind]
            for again in range(step.moves):
                ahead = line[reached.get((step.kind, step.id), 0) :]
                date = dates[(number + again) % len(dates)]
                for attempt in [step.other] if step.other else ahead:
                    if tried(attempt, mall, time, step.id, date):
                        reached[step.kind, step.id] = line.index(attempt) + 1
                        assert out_of_order(mall) == [], attempt.move
                        break
                time.pass_(hours=step.hours)
            if step.sweep:
                mall.sweep()
                assert out_of_order(mall) == []


def tried(
    attempt: lives.Attempt, mall: Mall, time: shop.Time, id: str, date: timedelta | None
) -> bool:
    """Say whether a move was made by somebody who may date it back, now or then."""
    by = attempt.by if date is None or date > -timedelta(hours=24) else shop.OPERATIONS
    options = {} if date is None else {"at": time.now + date, "late_reason": WHY}
    try:
        words = attempt.words(mall, time, id)
        getattr(getattr(mall, attempt.room), attempt.move)(id, **words, by=by, **options)
    except (EldermallError, LookupError, StopIteration):
        return False
    return True


# What was seen


HOUR = timedelta(hours=1)


@pytest.fixture
def time() -> shop.Time:
    return shop.Time()


@pytest.fixture
def mall(time: shop.Time) -> Iterator[Mall]:
    with shop.open_mall(time=time) as mall:
        shop.staff(mall)
        shop.place(mall)
        shop.pay(mall)
        yield mall


def on_its_way(mall: Mall, time: shop.Time) -> None:
    """Let the order leave, each step an hour after the one before."""
    time.pass_(hours=1)
    mall.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE)
    time.pass_(hours=1)
    mall.orders.contact_merchant("A1", way="phone", by=shop.AGENT)
    time.pass_(hours=1)
    mall.orders.accept("A1", by=shop.MERCHANT)
    time.pass_(hours=1)
    shop.ship(mall)


def test_goods_are_not_completed_a_week_before_they_left(mall: Mall, time: shop.Time) -> None:
    time.pass_(days=8)
    on_its_way(mall, time)
    mall.orders.deliver("A1", parcel="p-tea-honey", by=shop.COURIER)
    said = shop.refusal(
        mall.orders.complete, "A1", by=shop.OPERATIONS, at=time.now - timedelta(days=7),
        late_reason=WHY,
    )
    assert said.rules == ("time.order",)
    assert said.reasons == (
        Text(
            "发生时间（2026-03-03 13:00:00+08:00）早于包裹 p-tea-honey 送达"
            "（2026-03-10 13:00:00+08:00）",
            "it would have happened (2026-03-03 13:00:00+08:00) before the arrival of parcel "
            "p-tea-honey (2026-03-10 13:00:00+08:00)",
        ),
    )
    (entry,) = [e for e in mall.journal("order", "A1") if e["outcome"] == "refused"]
    assert {"clauses": [], "missing": [], "outcome": "refused", "rule": "time.order"} in (
        entry["verdicts"]
    )


def test_the_customer_is_not_told_before_the_order_is_placed(mall: Mall, time: shop.Time) -> None:
    time.pass_(hours=1)
    given_: dict[str, Any] = {
        "line": "tea", "reason": "rain", "until": time.now + timedelta(days=9), "by": shop.HEAD,
    }
    said = shop.refusal(
        mall.orders.grant_exception, "A1", customer_told_at=shop.START - HOUR, **given_
    )
    assert "告知客户的时间（2026-03-02 08:00:00+08:00）早于订单产生" in said.text.zh
    mall.orders.grant_exception("A1", customer_told_at=shop.START, **given_)


def test_every_move_of_an_order_is_refused_before_the_one_that_it_follows(
    mall: Mall, time: shop.Time
) -> None:
    orders = mall.orders

    def early(move: Any, *args: Any, **more: Any) -> None:
        said = shop.refusal(move, *args, at=time.now - HOUR - timedelta(minutes=6), **more)
        assert "time.order" in said.rules, said.text.en

    time.pass_(hours=2)
    orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE)
    time.pass_(hours=1)
    early(orders.contact_merchant, "A1", way="phone", by=shop.AGENT)
    orders.contact_merchant("A1", way="phone", by=shop.AGENT)
    time.pass_(hours=1)
    early(orders.accept, "A1", by=shop.MERCHANT)
    orders.accept("A1", by=shop.MERCHANT)
    time.pass_(hours=1)
    early(shop.ship, mall)
    early(orders.decline, "A1", reason="sold out", by=shop.MERCHANT)
    shop.ship(mall, lines={"tea": 3})
    time.pass_(hours=1)
    shop.ship(mall, lines={"honey": 1})
    early(orders.deliver, "A1", parcel="p-honey", by=shop.COURIER)
    orders.deliver("A1", parcel="p-tea", by=shop.COURIER, at=time.now - HOUR)  # the other one
    orders.deliver("A1", parcel="p-honey", by=shop.COURIER)
    time.pass_(hours=1)
    early(orders.complete, "A1", by=shop.CUSTOMER)
    orders.complete("A1", by=shop.CUSTOMER)
    time.pass_(hours=1)
    mall.callbacks.refuse("A1", by=shop.SERVICE)
    early(orders.archive, "A1", by=shop.SERVICE)
    orders.archive("A1", by=shop.SERVICE)


def test_no_opinion_is_older_than_the_report_of_the_complaint(mall: Mall, time: shop.Time) -> None:
    complaints = mall.complaints
    complaints.receive("K1", customer=shop.CUSTOMER.id, words="cold", by=shop.CUSTOMER)
    complaints.record("K1", subject="tea", remedy="money", etiquette="1", by=shop.SERVICE)
    time.pass_(hours=10)
    complaints.escalate("K1", reason="too much for us", by=shop.SERVICE)
    time.pass_(hours=1)
    said = shop.refusal(
        complaints.settle_opinion, "K1", text="pay", by=shop.HEAD, at=time.now - 9 * HOUR
    )
    assert said.rules == ("time.order",)
    complaints.settle_opinion("K1", text="pay", by=shop.HEAD)
    time.pass_(hours=1)
    said = shop.refusal(
        complaints.answer, "K1", text="we pay", by=shop.SERVICE, at=time.now - 3 * HOUR
    )
    assert said.rules == ("time.order",)
    complaints.answer("K1", text="we pay", by=shop.SERVICE)


# Two clocks, and one that is wrong


def test_a_moment_left_out_is_raised_to_what_it_follows_within_five_minutes(
    mall: Mall, time: shop.Time
) -> None:
    on_its_way(mall, time)
    time.pass_(minutes=-5)
    left = mall.orders.get("A1").parcels[0].shipped_at
    order = mall.orders.deliver("A1", parcel="p-tea-honey", by=shop.COURIER)
    assert order.parcels[0].delivered_at == left
    entry = mall.journal("order", "A1")[-1]
    assert (entry["at"], entry["recorded"]) == (left, shop.us(time.now))
    assert mall.orders.complete("A1", by=shop.CUSTOMER).completed_at == left
    assert mall.callbacks.get("A1").created_at == left  # what follows happens when it did
    assert out_of_order(mall) == []


def test_a_moment_that_is_given_is_kept_within_five_minutes_and_refused_beyond(
    mall: Mall, time: shop.Time
) -> None:
    on_its_way(mall, time)
    mall.orders.deliver("A1", parcel="p-tea-honey", by=shop.COURIER)
    late = time.now - timedelta(minutes=5)
    said = shop.refusal(
        mall.orders.complete, "A1", by=shop.CUSTOMER, at=late - timedelta(microseconds=1)
    )
    assert said.rules == ("time.order",)
    assert mall.orders.complete("A1", by=shop.CUSTOMER, at=late).completed_at == shop.us(late)


@pytest.mark.parametrize(
    ("wrong", "rule"), [("when it left", "time.order"), ("always", "time.before-record")]
)
def test_what_happens_now_is_told_and_kept_where_a_clock_once_stood_far_ahead(
    mall: Mall, time: shop.Time, wrong: str, rule: str
) -> None:
    if wrong == "when it left":
        time.pass_(days=400)
    on_its_way(mall, time)
    time.pass_(days=-400)
    order = mall.orders.deliver("A1", parcel="p-tea-honey", by=shop.COURIER)
    assert order.goods == "delivered"
    entry = mall.journal("order", "A1")[-1]
    assert entry["at"] == shop.us(time.now)
    (told,) = [v for v in entry["verdicts"] if v["outcome"] != "allowed"]
    assert (told["rule"], told["enforced"]) == (rule, False)
    may = mall.may.orders.complete("A1", by=shop.CUSTOMER)
    assert may.allowed
    assert may.refusals == ()


def test_a_clock_a_year_back_is_told_and_what_it_dates_is_refused(
    mall: Mall, time: shop.Time
) -> None:
    complaints = mall.complaints
    complaints.receive("K1", customer=shop.CUSTOMER.id, words="cold", by=shop.CUSTOMER)
    time.pass_(days=500)
    complaints.record("K1", subject="tea", remedy="money", etiquette="1", by=shop.SERVICE)
    time.pass_(days=-400)
    note: dict[str, Any] = {"text": "she called", "by": shop.OPERATIONS}
    said = shop.refusal(complaints.note, "K1", at=time.now - HOUR, **note)
    assert said.rules == ("time.order",)
    assert "before the record of it (2027-07-15 09:00:00+08:00)" in said.text.en
    complaints.note("K1", **note)
    (told,) = [v for v in mall.journal("complaint", "K1")[-1]["verdicts"] if "enforced" in v]
    assert (told["rule"], told["outcome"]) == ("time.order", "refused")
    complaints.note("K1", at=time.now - HOUR, late_reason=WHY, **note)


def test_news_of_a_parcel_may_be_older_than_its_departure_and_ends_nothing(
    mall: Mall, time: shop.Time
) -> None:
    on_its_way(mall, time)
    event = TrackingEvent("delivered", time.now - HOUR)
    time.pass_(minutes=1)
    order = mall.orders.track("A1", parcel="p-tea-honey", events=[event], by=shop.COURIER)
    (parcel,) = order.parcels
    assert (len(parcel.events), parcel.delivered_at) == (1, parcel.shipped_at)


# What the tables say


def fields(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Yield the fields of a model that hold moments which have passed, those inside it too."""
    for name, hint in get_type_hints(model, include_extras=True).items():
        if name in model.model_fields:
            yield from _moments(hint, f"{path}{name}")


def _moments(hint: Any, path: str) -> Iterator[str]:
    if hint == Moment:
        yield path
    elif isinstance(hint, type) and issubclass(hint, BaseModel):
        yield from fields(hint, f"{path}.")
    else:
        for inner in get_args(hint):
            yield from _moments(inner, path)


UNORDERED = {
    "what others say has happened": {"order.parcels.events.at"},
    "begins and ends with what is said of it": {
        "order.parcels.labels.since", "order.parcels.labels.until",
    },
    "kept for what is asked anew": {"order.lines.again_at", "complaint.contested.opinion.at"},
    "follows from the moves of another record": {"urge.ended_at"},
    "counted over many moves": {
        "designation.spans.since", "designation.spans.until", "assignment.spans.since",
        "assignment.spans.until", "stock.lots.received_at", "stock.lots.expires_at",
        "stock.lots.damaged_at", "stock.as_of", "stock.confirmed_at", "stock.counted_at",
        "stock.taken_at",
    },
    "may be noted at any time after the record was made": {
        "complaint.contacts.at", "complaint.notes.at", "case.contacts.at",
    },
    "ended by its own limits": {"case.holds.ended"},
}
"""The moments of records that have no place in their order, by the reason."""


def test_every_moment_of_every_kind_has_a_place_in_its_order_or_a_reason_why_not() -> None:
    known = {
        f"{kind.name}.{place}"
        for kind in BOOK.kinds.values()
        for each in kind.ordered
        for place in [(each.at if isinstance(each.at, str) else each.where).replace("{part}.", "")]
    }
    excused = set().union(*UNORDERED.values())
    there = {
        f"{kind.name}.{path}" for kind in BOOK.kinds.values() for path in fields(kind.model)
        if path != "created_at"
    }
    places = {path.removesuffix(".at").removesuffix(".since") for path in there}
    assert excused <= there
    assert {name for name in known if name not in there | places} == set()
    lacking = {
        path for path in there - excused
        if path not in known and path.removesuffix(".at").removesuffix(".since") not in known
    }
    assert lacking == set()


def test_nothing_comes_after_itself_and_what_is_said_of_it_is_said_in_both_languages() -> None:
    for kind in BOOK.kinds.values():
        for each in kind.ordered:
            assert each not in earlier(each.after), each.label.en
            assert each.label.zh != each.label.en


# Any order of moments


@st.composite
def orders(draw: st.DrawFn) -> tuple[list[Happened], SimpleNamespace]:
    """Draw moments, each after some of those before it, and a record that holds them."""
    names = [f"m{n}" for n in range(draw(st.integers(1, 6)))]
    happened: list[Happened] = []
    for name in names:
        after = draw(st.lists(st.sampled_from(happened), max_size=3)) if happened else []
        happened.append(Happened(Text(name, name), name, tuple(after)))
    at = st.none() | st.integers(0, 30)
    record = SimpleNamespace(created_at=draw(st.integers(0, 30)), **{n: draw(at) for n in names})
    return happened, record


@given(orders(), st.integers(0, 5))
def test_moments_are_out_of_order_where_one_lies_before_any_that_it_follows_however_far_back(
    drawn: tuple[list[Happened], SimpleNamespace], tolerance: int
) -> None:
    happened, record = drawn

    def before(each: Happened) -> set[str]:
        return {str(e.at) for e in each.after}.union(*(before(e) for e in each.after))

    wrong = {
        each.at
        for each in happened
        if (at := getattr(record, str(each.at))) is not None
        and any(
            at < other - tolerance
            for name in (*before(each), "created_at")
            if (other := getattr(record, name)) is not None
        )
    }
    found = list(disorders(tuple(happened), record, Text("记录", "record"), tolerance))
    assert {pair.after.where for pair in found} == wrong
    assert all(pair.after.at < pair.before.at - tolerance for pair in found)


def test_parts_are_compared_each_with_its_own() -> None:
    left = Happened(Text("走", "left {part}"), lambda r: r.left, of="part", where="{part}.left")
    came = Happened(
        Text("到", "came {part}"), lambda r: r.came, (left,), of="part", where="{part}.came"
    )
    record = SimpleNamespace(created_at=0, left={"a": 5, "b": 9}, came={"a": 6, "b": 8})
    (pair,) = disorders((came,), record, Text("记录", "record"), 0)
    assert (pair.before.where, pair.after.where, pair.after.part) == ("b.left", "b.came", "b")


def test_the_tables_are_printed_with_what_each_move_follows() -> None:
    (machine,) = json.loads(CliRunner().invoke(app, ["machines", "goods", "--json"]).stdout)[
        "machines"
    ]
    after = {t["move"]: [label["en"] for label in t["after"]] for t in machine["transitions"]}
    assert after["accept"] == ["the contact with the merchant"]
    assert after["place"] == []

"""What is taken over could have come about by moves: else each fault is told, at its field."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from eldermall import Invalid, Mall, Refused
from eldermall.calendars import HOUR, moment
from eldermall.engine.engine import Engine
from eldermall.engine.kind import Command
from eldermall.reports.adopting import ADOPTING
from tests import shop
from tests.golden.chapters import CHAPTERS, POLICIES
from tests.golden.life import Chance, Life, Outside
from tests.walk import walk

KINDS = {room.kind: name for name, room in ADOPTING.items()}
Said = dict[str, Any]


def said(record: Any) -> Said:
    """Return what a file would say of a record."""
    fields: Said = json.loads(record.model_dump_json())
    return {k: v for k, v in fields.items() if k not in ("id", "version", "pack")}


def records(mall: Mall) -> Iterator[tuple[str, Any]]:
    """Yield every record that could be taken over, with its kind."""
    with mall.read() as tx:
        for name in KINDS:
            for row in tx.find(name):
                yield name, mall.book.kind(name).record(row)


def told(mall: Mall, kind: str, fields: Said) -> list[str]:
    """Return where a record that is to be taken over is wrong."""
    room = getattr(mall.may, KINDS[kind])
    try:
        decision = room.adopt("never", fields, by=shop.OPERATIONS)
    except Invalid as wrong:
        return [fault.where.removeprefix(f"{kind}.adopt.") for fault in wrong.faults]
    return [] if decision.allowed else [v.reason.en.split()[0] for v in decision.verdicts]


@cache
def reached(chapter: str) -> dict[str, tuple[str, Said, int]]:
    """Return all that a life makes of records, each state once, with the moment it was seen at."""
    seen: dict[str, tuple[str, Said, int]] = {}
    perform = Engine.perform

    def performed(engine: Engine, command: Command) -> Any:
        record = perform(engine, command)
        with engine.storage.read(engine.mall) as tx:
            for name in KINDS:
                kind = engine.book.kind(name)
                for row in tx.find(name):
                    fields = said(kind.record(row))
                    seen.setdefault(json.dumps([name, fields]), (name, fields, engine.now()))
        return record

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "perform", performed)
        if chapter == "walk":
            time = shop.Time()
            with shop.open_mall(time=time) as mall:
                shop.staff(mall)
                walk(mall, time)
        else:
            time, chance, outside = shop.Time(), Chance(), Outside()
            given = POLICIES[chapter]() if chapter in POLICIES else shop.POLICY
            with (
                chance.ruling(),
                shop.open_mall(
                    "memory:", time, code=chapter, policy=given, plugins=[outside]
                ) as mall,
            ):
                CHAPTERS[chapter](Life(mall, time, chance, outside))
    return seen


LIVES = ["walk", *(name for name in CHAPTERS if name not in ("people", "assistance", "stocks"))]


@pytest.mark.parametrize("chapter", LIVES)
def test_whatever_live_moves_reach_can_be_taken_over(chapter: str) -> None:
    time = shop.Time()
    with shop.open_mall(time=time) as mall:
        for kind, fields, at in reached(chapter).values():
            time.now = moment(at)
            unknown = chapter in ("adoption", "half")  # where it was taken over without
            asked = {k: v for k, v in fields.items() if k != "created_at" or not unknown}
            with shop.telling(asked):
                assert told(mall, kind, asked) == []


# One thing made wrong


def _line(**changed: Any) -> Callable[[Said], None]:
    return lambda r: r["lines"][0].update(changed)


def _parcel(**changed: Any) -> Callable[[Said], None]:
    return lambda r: r["parcels"][0].update(changed)


def _again(name: str) -> Callable[[Said], None]:
    return lambda r: r[name].append(r[name][0])


def _set(**changed: Any) -> Callable[[Said], None]:
    return lambda r: r.update(changed)


def _parcels(r: Said) -> bool:
    return bool(r.get("parcels")) and r["parcels"][0]["chosen_at"] is None


def _arrived(r: Said) -> bool:
    return _parcels(r) and r["parcels"][0]["delivered_at"] is not None


def _paid(r: Said) -> bool:
    return r["payment"] not in ("unpaid", "cod_pending", "collected")


def _departs_late(r: Said) -> None:
    parcel = r["parcels"][0]
    at = parcel["delivered_at"]
    parcel.update(shipped_at=at + 600_000_000, events=[])


WRONG: dict[str, list[tuple[str, Callable[[Said], bool], Callable[[Said], None]]]] = {
    "order": [
        ("total", lambda r: True, lambda r: r.update(total=r["total"] + 1)),
        ("lines", lambda r: not r["parcels"], _set(lines=[], total=0, freight=0)),
        ("lines.1.id", lambda r: len(r["lines"]) == 1, _again("lines")),
        ("lines.0.shipped", lambda r: r["kind"] == "goods", _line(shipped=1_000)),
        ("lines.0.shipped", _parcels, _line(shipped=0)),
        ("lines.0.cancelled", lambda r: True, _line(cancelled=-1)),
        ("lines.0.claimed", lambda r: not r["lines"][0]["returned"], _line(claimed=999)),
        ("parcels.1.id", lambda r: len(r["parcels"]) == 1, _again("parcels")),
        ("parcels.0.lines.other", _parcels, lambda r: r["parcels"][0]["lines"].update(other=1)),
        ("parcels.0.lines", _parcels, _parcel(lines={})),
        ("parcels", lambda r: _parcels(r) and r["track"] in ("delivered", "completed"),
         _set(parcels=[])),
        ("parcels.{id}.delivered_at", _arrived, _departs_late),
        ("parcels.0.delivered_at", lambda r: _arrived(r) and bool(r["parcels"][0]["events"]),
         _parcel(delivered_at=None)),
        ("parcels.0.shipped_at", _parcels, _parcel(shipped_at=1_772_413_200)),
        ("created_at", lambda r: True, _set(created_at=1_772_413_200_000)),
        ("received", lambda r: _paid(r) and r["total"] > 0, _set(received=0)),
        ("collected", lambda r: r["payment"] == "collected", _set(collected=0)),
        ("collected", lambda r: (r["payment"], r["track"], r["received"]) == (
            "unpaid", "submitted", 0), _set(collected=5)),
        ("parcels.0.ended", _arrived, _parcel(ended={"how": "lost", "at": 1_772_413_200_000_000})),
        ("lines.0.given_up", lambda r: True, _line(given_up=-1)),
        ("paid_at", lambda r: not _paid(r), lambda r: r.update(paid_at=r["created_at"])),
        ("cash_on_delivery", lambda r: not _paid(r),
         lambda r: r.update(cash_on_delivery=not r["cash_on_delivery"])),
        ("returned_money", lambda r: True, lambda r: r.update(
            returned_money=max(r["received"], r["collected"]) + 1
        )),
        ("goodwill", lambda r: True, lambda r: r.update(goodwill=r["returned_money"] + 1)),
        ("withheld", lambda r: not any(n["returned"] for n in r["lines"]), _set(withheld=3)),
        ("debts", lambda r: not r["debts"],
         _set(debts=[{"id": "R.1", "case": "R", "amount": 10**9}])),
        ("accepted_at", lambda r: r["track"] == "submitted",
         lambda r: r.update(accepted_at=r["created_at"])),
        ("accepted_at", lambda r: r["accepted_at"] is not None,
         lambda r: r.update(accepted_at=r["created_at"] - 3_600_000_000)),
        ("completed_at", lambda r: r["track"] in ("accepted", "shipped", "cancelled"),
         lambda r: r.update(completed_at=r["created_at"])),
        ("decline_reason", lambda r: r["track"] != "declined", _set(decline_reason="none")),
        ("ship_by", lambda r: True, lambda r: r.update(ship_by=r["created_at"])),
        ("served", lambda r: r["track"] in ("in_service", "done"), _set(served=None)),
        ("appointment", lambda r: r["track"] in ("appointed", "in_service"),
         _set(appointment=None)),
        ("exceptions.0.line", lambda r: r["kind"] == "goods", lambda r: r.update(exceptions=[{
            "line": "no", "reason": "x", "approved_by": "x", "until": r["created_at"] + 9,
            "customer_told_at": r["created_at"], "granted_at": r["created_at"]}])),
        ("payment", lambda r: True, _set(payment="gone")),
    ],
    "case": [
        ("lines", lambda r: r["arrived"] is None, _set(lines={}, listings={})),
        ("listings.other", lambda r: True, lambda r: r["listings"].update(other="x")),
        ("decided_at", lambda r: r["state"] == "contacted",
         lambda r: r.update(decided_at=r["created_at"])),
        ("sent_back.tracking", lambda r: r["sent_back"] is not None and r["sent_back"]["tracking"],
         lambda r: r["sent_back"].update(tracking=None)),
        ("reception", lambda r: r["state"] == "received", _set(reception=None, resolution=None,
                                                               arrived=None, refund=None)),
        ("arrived", lambda r: r["reception"] == "short", _set(arrived=None)),
        ("arrived", lambda r: r["reception"] == "ok", _set(arrived={"tea": 1})),
        ("booked", lambda r: True, lambda r: r.update(booked=(r["due"] or 0) + 1)),
        ("refund", lambda r: r["resolution"] is None, _set(refund=5)),
        ("resolution", lambda r: r["reception"] is None, _set(resolution="none")),
        ("replacement", lambda r: r["remedy"] != "exchange", lambda r: r.update(
            replacement={"courier": None, "tracking": None, "at": r["created_at"]})),
        ("closed_at", lambda r: r["state"] in ("approved", "received"),
         lambda r: r.update(closed_at=r["created_at"])),
        ("merchant_contacted_at", lambda r: True,
         lambda r: r.update(merchant=None, merchant_contacted_at=r["created_at"])),
        ("holds.0.until", lambda r: len(r["holds"]) == 1,
         lambda r: r["holds"][0].update(until=r["holds"][0]["since"])),
        ("contacts.0.at", lambda r: bool(r["contacts"]), lambda r: r["contacts"][0].update(at=5)),
        ("state", lambda r: r["state"] != "refunded" and r["due"] is None, _set(state="refunded")),
    ],
    "complaint": [
        ("recorder", lambda r: r["state"] == "received", _set(recorder="x")),
        ("answer", lambda r: r["state"] in ("received", "recorded", "escalated"),
         _set(answer="x")),
        ("opinion", lambda r: r["state"] == "opinion_settled", _set(opinion=None)),
        ("opinion", lambda r: r["state"] == "escalated", lambda r: r.update(
            opinion={"by": "x", "role": "department_head", "at": r["created_at"], "text": "x"})),
        ("holder", lambda r: r["state"] == "escalated", _set(holder=None)),
        ("holder", lambda r: r["state"] == "escalated", _set(holder="the boss")),
        ("notes.0.at", lambda r: bool(r["notes"]), lambda r: r["notes"][0].update(at=7)),
        ("holder", lambda r: r["raised_at"] is not None, _set(holder="head.operations")),
    ],
    "listing": [
        ("versions.0.number", lambda r: True, lambda r: r["versions"][0].update(number=7)),
        ("versions.0.authors", lambda r: True, lambda r: r["versions"][0].update(authors=[])),
        ("versions.0.review.content", lambda r: r["versions"][0]["review"] is not None,
         lambda r: r["versions"][0]["review"].update(content="0" * 64)),
        ("versions.0.review.approved",
         lambda r: len(r["versions"]) == 1 and r["versions"][0]["review"] is not None,
         lambda r: r["versions"][0]["review"].update(
             approved=not r["versions"][0]["review"]["approved"])),
        ("shown", lambda r: r["work"] == "draft" and r["shown"] is None,
         lambda r: r.update(shown=len(r["versions"]), display="shown")),
        ("reviewer", lambda r: r["work"] in ("draft", "submitted"), _set(reviewer="x")),
        ("versions.0.drafted_at", lambda r: True, lambda r: r["versions"][0].update(drafted_at=1)),
        ("display", lambda r: r["display"] == "shown", _set(display="hidden")),
    ],
}
"""What is made wrong of which records: where it has to be told, and how it is done."""


def _cases() -> list[Any]:
    return [
        pytest.param(kind, where, fits, spoil, id=f"{kind}-{where}-{n}")
        for kind, wrongs in WRONG.items()
        for n, (where, fits, spoil) in enumerate(wrongs)
    ]


@pytest.mark.parametrize(("kind", "where", "fits", "spoil"), _cases())
def test_any_one_field_that_is_made_wrong_is_told_by_its_name(
    kind: str, where: str, fits: Callable[[Said], bool], spoil: Callable[[Said], None]
) -> None:
    time, tried = shop.Time(), 0
    with shop.open_mall(time=time) as mall:
        for chapter in LIVES:
            for name, fields, at in reached(chapter).values():
                asked = fields | {"track": fields.get("goods") or fields.get("service")}
                if name != kind or not fits(asked):
                    continue
                wrong = json.loads(json.dumps(fields))
                spoil(wrong)
                time.now = moment(at)
                place = where
                if "{id}" in where:
                    place = where.format(id=wrong["parcels"][0]["id"])
                tried += 1
                if tried % 4 == 1:
                    with shop.telling(wrong):
                        assert place in told(mall, kind, wrong)
    assert tried


# All at once, and before anything else


ORDER: Said = {
    "goods": "accepted", "payment": "paid", "kind": "goods", "merchant": "tea-house",
    "customer": "grandma-li", "group_id": None, "channel": "app", "currency": "CNY", "freight": 0,
    "total": 9900, "cash_on_delivery": False, "received": 9900,
    "lines": [{"id": "tea", "listing": "green-tea", "ordered": 2, "amount": 9900}],
    "created_at": "2026-03-01T09:00:00+08:00", "paid_at": "2026-03-01T09:05:00+08:00",
}


def test_everything_that_is_missing_is_told_at_once() -> None:
    with shop.open_mall() as mall, pytest.raises(Invalid) as wrong:
        mall.orders.adopt("A1", {"goods": "accepted", "paid_at": "yesterday"}, by=shop.OPERATIONS)
    missing = [f.where.removeprefix("order.adopt.") for f in wrong.value.faults]
    assert missing == [
        "paid_at", "payment", "kind", "merchant", "customer", "group_id", "channel", "currency",
        "freight", "total", "cash_on_delivery", "lines",
    ]
    assert wrong.value.where == "order.adopt.paid_at"
    assert wrong.value.faults[0] == (wrong.value.where, "yesterday", wrong.value.text)
    assert len(wrong.value.__notes__) == len(missing) - 1


def test_everything_that_is_contradicted_is_told_at_once_with_what_stands_there() -> None:
    parcel = {"id": "P", "courier": "SF", "tracking": "1", "lines": {"honey": 3},
              "shipped_at": "2026-03-01T09:00:00+08:00",
              "delivered_at": "2026-02-28T09:00:00+08:00"}
    row = ORDER | {"goods": "shipped", "parcels": [parcel, parcel], "total": 9800, "received": 0}
    with shop.open_mall() as mall, pytest.raises(Invalid) as wrong:
        mall.orders.adopt("A1", row, by=shop.OPERATIONS)
    found = {f.where.removeprefix("order.adopt."): f.value for f in wrong.value.faults}
    assert found["total"] == 9800
    assert found["received"] == 0
    assert {"goods", "total", "received", "parcels.1.id", "parcels.0.lines.honey",
            "parcels.P.delivered_at", "lines.0.shipped"} <= found.keys()
    assert all(f.text.zh and f.text.en for f in wrong.value.faults)


def test_moments_lie_between_the_year_2000_and_now_but_for_what_is_agreed() -> None:
    with shop.open_mall() as mall:
        now = mall.now()
        for at, right in ((now + 4 * 60_000_000, True), (now + 6 * 60_000_000, False),
                          (946_684_799_000_000, False), (1_772_413_200, False)):
            found = told(mall, "order", ORDER | {"paid_at": at})
            assert ("paid_at" not in found) == right, at
        assert told(mall, "order", ORDER | {"ship_by": now + 1000 * 24 * HOUR}) == []
        assert told(mall, "order", ORDER | {"ship_by": 5}) == ["ship_by", "ship_by"]


def test_the_same_adoption_again_is_recognised_before_anything_is_asked() -> None:
    time = shop.Time()
    with shop.open_mall(time=time) as mall:
        late = ORDER | {"paid_at": moment(mall.now() + 240_000_000).isoformat()}
        first = mall.orders.adopt("A1", late, by=shop.OPERATIONS)
        time.pass_(hours=-1)  # a worker whose clock lies behind: now it would be of the future
        assert mall.orders.adopt("A1", late, by=shop.OPERATIONS) == first
        with pytest.raises(Invalid):
            mall.orders.adopt("A2", late, by=shop.OPERATIONS)


def test_who_may_not_take_over_learns_nothing_of_the_faults() -> None:
    with shop.open_mall() as mall, pytest.raises(Refused, match="a record is taken over by"):
        mall.orders.adopt("A1", ORDER | {"total": 1}, by=shop.SERVICE)

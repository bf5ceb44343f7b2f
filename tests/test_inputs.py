"""The door: which ids, actors, times, quantities, money and texts no command takes, and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import EldermallError, Invalid, Mall, person, system
from eldermall.contracts.courier import TrackingEvent
from eldermall.engine.inputs import can_be_seen
from eldermall.errors import FileUnreadable, PluginError, PolicyError, StorageError
from eldermall.rooms import ROOMS
from tests import shop

ID = "an id is 1 to 64 of A-Z a-z 0-9 . _ : -"
WRITE = ", not a whole number: write str(...)"
PATTERN = "must match ^[A-Za-z0-9._:-]{1,64}$"
MONEY = "must match ^[A-Z]{3}$"
NUMBER = "must be a whole number"
TEXT = "a text holds no zero character and no lone surrogate"
EMPTY = "must have 1 or more characters"
SEEN = "must hold something that can be seen, not only blanks"
NO_ZONE = "the time has no zone; write for example datetime.now(UTC)"
NO_TIME = "must be a datetime with a zone"
ROLES = (
    "must be one of customer, merchant, customer_service, field_agent, operations, "
    "department_head, company_leader, system"
)
LINE = {"id": "tea", "listing": "tea", "quantity": 1, "amount": 500}


def place(id: Any = "N1", **more: Any) -> Callable[[Mall], Any]:
    def move(mall: Mall) -> None:
        shop.place(mall, id, **{"lines": [LINE], "total": 1500} | more)

    return move


def line(**more: Any) -> Callable[[Mall], Any]:
    return place(lines=[LINE | more])


def cancel(**more: Any) -> Callable[[Mall], Any]:
    given: dict[str, Any] = {"reason": "x", "by": shop.CUSTOMER}
    return lambda m: m.orders.cancel("A1", **given | more)


def ship(**more: Any) -> Callable[[Mall], Any]:
    words = {"parcel": "p", "courier": "SF", "tracking": "1", "lines": {"tea": 1}}
    return lambda m: m.orders.ship("A1", **words | {"by": shop.MERCHANT} | more)


def paid(amount: Any = 27000, reference: Any = "r", **more: Any) -> Callable[[Mall], Any]:
    return lambda m: m.orders.paid("A1", amount, reference, **{"by": shop.PAYMENTS} | more)


def refunded(amount: Any = 1, reference: Any = "r", **more: Any) -> Callable[[Mall], Any]:
    return lambda m: m.orders.refunded("A1", amount, reference, **{"by": shop.PAYMENTS} | more)


def except_(**more: Any) -> Callable[[Mall], Any]:
    words: dict[str, Any] = {
        "line": "tea", "reason": "x", "until": shop.START + timedelta(days=5),
        "customer_told_at": shop.START, "by": shop.OPERATIONS,
    }
    return lambda m: m.orders.grant_exception("A1", **words | more)


def complain(words: Any = "Late.", **more: Any) -> Callable[[Mall], Any]:
    given_ = {"customer": "li", "words": words, "by": shop.SERVICE}
    return lambda m: m.complaints.receive("C1", **given_ | more)


def reach(**more: Any) -> Callable[[Mall], Any]:
    words: dict[str, Any] = {"satisfaction": "satisfied", "suggestion": "", "by": shop.SERVICE}
    return lambda m: m.callbacks.reach("A1", **words | more)


def draft(**more: Any) -> Callable[[Mall], Any]:
    return lambda m: m.listings.draft("T", content=shop.CONTENT | more, by=shop.OPERATIONS)


def approve(criteria: Any) -> Callable[[Mall], Any]:
    return lambda m: m.listings.approve("T", criteria=criteria, by=shop.REVIEWER)


def open_case(**more: Any) -> Callable[[Mall], Any]:
    words: dict[str, Any] = {"order": "A1", "customer": "li", "lines": {"tea": 1}}
    return lambda m: m.cases.open(
        "C1", **words | {"remedy": "return", "by": shop.SERVICE} | more
    )


def received(**more: Any) -> Callable[[Mall], Any]:
    given: dict[str, Any] = {"outcome": "ok", "by": shop.MERCHANT}
    return lambda m: m.cases.receive("C1", **given | more)


def resolved(**more: Any) -> Callable[[Mall], Any]:
    words: dict[str, Any] = {"outcome": "none", "reason": "x", "by": shop.OPERATIONS}
    return lambda m: m.cases.resolve("C1", **words | more)


def into_stock(**more: Any) -> Callable[[Mall], Any]:
    words: dict[str, Any] = {"lot": "L1", "quantity": 1, "source": "x", "by": shop.MERCHANT}
    return lambda m: m.stock.receive("tea", **words | more)


def track(*events: Any) -> Callable[[Mall], Any]:
    return lambda m: m.orders.track("A1", parcel="p", events=events, by=shop.COURIER)


Wrong = tuple[Callable[[Mall], Any], str, str]

WRONG: dict[str, Wrong] = {
    # ids
    "an empty id": (place(""), "order.place.id", ID),
    "an id of 65": (place("a" * 65), "order.place.id", ID),
    "an id that is a number": (place(5), "order.place.id", ID + WRITE),
    "an id in Chinese": (place("订单"), "order.place.id", ID),
    "an id with a line break": (place("A1\n"), "order.place.id", ID),
    "an id with a slash": (place("a/b"), "order.place.id", ID),
    "a read with an odd id": (lambda m: m.orders.get("a b"), "order.id", ID),
    "an empty customer": (place(customer=""), "order.place.customer", PATTERN),
    "a customer with a line break": (place(customer="li\n"), "order.place.customer", PATTERN),
    "a customer that is a number": (
        place(customer=1), "order.place.customer", "must be a text" + WRITE
    ),
    "an odd merchant": (place(merchant="x y"), "order.place.merchant", PATTERN),
    "a channel in Chinese": (place(channel="渠道"), "order.place.channel", PATTERN),
    "an odd group": (place(group_id="x y"), "order.place.group_id", PATTERN),
    "an odd relative": (
        place(relatives=["son", "x y"]), "order.place.relatives.1", PATTERN
    ),
    "a text for relatives": (place(relatives="son"), "order.place.relatives", "must be a list"),
    "a number for relatives": (place(relatives=5), "order.place.relatives", "must be a list"),
    "nothing for relatives": (place(relatives=None), "order.place.relatives", "must be a list"),
    "eleven relatives": (
        place(relatives=[f"r{n}" for n in range(11)]), "order.place.relatives",
        "holds 10 items at most",
    ),
    "an odd lot": (into_stock(lot="L 1"), "stock.receive.lot", PATTERN),
    "a stock with an odd listing": (
        lambda m: m.stock.open("green tea", warn_at=1, by=shop.OPERATIONS), "stock.open.id", ID,
    ),
    "an odd line": (line(id="a b"), "order.place.lines.0.id", PATTERN),
    "an odd parcel": (ship(parcel="a b"), "order.ship.parcel", PATTERN),
    "an odd courier": (ship(courier=""), "order.ship.courier", PATTERN),
    "an odd reference": (paid(reference=""), "order.pay.reference", PATTERN),
    "an odd person": (
        lambda m: m.designations.appoint("order", "a b", by=shop.LEADER),
        "designation.appoint.who", PATTERN,
    ),
    "a department that is too long": (
        lambda m: m.designations.appoint("head." + "x" * 64, "b", by=shop.LEADER),
        "designation.appoint.id", ID,
    ),
    "a merchant without agents": (
        lambda m: m.assignments.appoint("", "b", by=shop.LEADER), "assignment.appoint.id", ID,
    ),
    "an empty code": (lambda m: shop.open_mall(code=""), "code", ID),
    # actors
    "nobody": (place(by=None), "order.place.by", "must be a person(...) or system(...)"),
    "an id for an actor": (
        place(by="olivia"), "order.place.by", "must be a person(...) or system(...)"
    ),
    "an actor without id": (lambda m: person("", "customer"), "actor.id", ID),
    "an actor with a number": (lambda m: person(5, "customer"), "actor.id", ID + WRITE),  # type: ignore[arg-type]
    "an unknown role": (lambda m: person("x", "boss"), "actor.role", ROLES),  # type: ignore[arg-type]
    "a role that is a list": (lambda m: person("x", []), "actor.role", ROLES),  # type: ignore[arg-type]
    "a person as system": (
        lambda m: person("x", "system"), "actor.role", "a person doesn't act as system"
    ),
    "staff without department": (
        lambda m: person("x", "operations"),
        "actor.department", "staff act with their department (S19 article 2)",
    ),
    "a department in Chinese": (
        lambda m: person("x", "operations", department="运营"), "actor.department", ID
    ),
    "a merchant's person without merchant": (
        lambda m: person("x", "merchant"), "actor.merchant",
        "a merchant's people act for a merchant",
    ),
    "a system without cause": (lambda m: system(""), "cause", "say what made the system act"),
    "a system with a zero cause": (lambda m: system("\0"), "cause", TEXT),
    "a system with a number": (lambda m: system(5), "cause", TEXT),  # type: ignore[arg-type]
    # times
    "a time without zone": (place(at=datetime(2026, 3, 2)), "order.place.at", NO_ZONE),
    "a number for a time": (place(at=5), "order.place.at", NO_TIME),
    "a text for a time": (place(ship_by="2026-03-03"), "order.place.ship_by", NO_TIME),
    "a time before 1970": (
        place(ship_by=datetime(1960, 1, 1, tzinfo=UTC)),
        "order.place.ship_by", "must lie from 1970 to 2255",
    ),
    "a time after 2255": (
        place(at=datetime(2300, 1, 1, tzinfo=UTC)), "order.place.at", "must lie from 1970 to 2255"
    ),
    "an exception without zone": (
        except_(until=datetime(2026, 5, 5)), "order.grant_exception.until", NO_ZONE
    ),
    "an exception for ever": (except_(until=None), "order.grant_exception.until", NO_TIME),
    "told at no time": (
        except_(customer_told_at="now"), "order.grant_exception.customer_told_at", NO_TIME
    ),
    "a sweep without zone": (lambda m: m.sweep(datetime(2026, 3, 2)), "now", NO_ZONE),
    "a relay at a text": (lambda m: m.relay("now"), "now", NO_TIME),  # type: ignore[arg-type]
    "a seal at a number": (lambda m: m.seal(5), "now", NO_TIME),  # type: ignore[arg-type]
    "a present without zone": (
        lambda m: shop.open_mall(now=lambda: datetime(2026, 3, 2)).now(), "now", NO_ZONE
    ),
    # quantities
    "none of it": (line(quantity=0), "order.place.lines.0.quantity", "must be 1 or more"),
    "less than none": (line(quantity=-1), "order.place.lines.0.quantity", "must be 1 or more"),
    "more than a million": (
        line(quantity=1_000_001), "order.place.lines.0.quantity", "must be 1000000 or less"
    ),
    "one and a half": (line(quantity=1.5), "order.place.lines.0.quantity", NUMBER),
    "one as a float": (line(quantity=1.0), "order.place.lines.0.quantity", NUMBER),
    "one as a text": (line(quantity="1"), "order.place.lines.0.quantity", NUMBER),
    "one as a truth": (line(quantity=True), "order.place.lines.0.quantity", NUMBER),
    "no quantity": (line(quantity=None), "order.place.lines.0.quantity", NUMBER),
    "nothing in a parcel": (ship(lines={}), "order.ship.lines", "needs 1 item or more"),
    "none of a line": (ship(lines={"tea": 0}), "order.ship.lines.tea", "must be 1 or more"),
    "none into stock": (into_stock(quantity=0), "stock.receive.quantity", "must be 1 or more"),
    "more than a million into stock": (
        into_stock(quantity=1_000_001), "stock.receive.quantity", "must be 1000000 or less"
    ),
    "less than none in a lot": (
        lambda m: m.stock.count("tea", lots={"L1": -1}, by=shop.MERCHANT),
        "stock.count.lots.L1", "must be 0 or more",
    ),
    "a day that isn't there": (
        lambda m: m.capacity.set_day("t", day="2026-02-30", total=1, by=shop.MERCHANT),  # type: ignore[arg-type]
        "capacity.set_day.day", "there is no such day",
    ),
    "nothing in a case": (open_case(lines={}), "case.open.lines", "needs 1 item or more"),
    "none of a line in a case": (
        open_case(lines={"tea": 0}), "case.open.lines.tea", "must be 1 or more"
    ),
    "a short parcel that doesn't say of what": (
        received(outcome="short"), "case.receive.arrived",
        "say what arrived if it was short, and only then",
    ),
    "a whole parcel that says of what": (
        received(arrived={"tea": 1}), "case.receive.arrived",
        "say what arrived if it was short, and only then",
    ),
    "a lost parcel for the shelf": (
        received(outcome="lost", restock=True), "case.receive.restock",
        "only what came back well goes into stock",
    ),
    "no news": (track(), "order.track.events", "needs 1 item or more"),
    "news in words": (
        track("delivered"), "order.track.events", "must be a list of TrackingEvents"
    ),
    "501 news": (
        track(*[TrackingEvent("in_transit", shop.START)] * 501), "order.track.events",
        "holds 500 items at most",
    ),
    "none to cancel": (cancel(lines={"tea": 0}), "order.cancel.lines.tea", "must be 1 or more"),
    "nothing to cancel": (cancel(lines={}), "order.cancel.lines", "needs 1 item or more"),
    "a list for quantities": (cancel(lines=["tea"]), "order.cancel.lines", "must be a mapping"),
    "no lines": (place(lines=[]), "order.place.lines", "needs 1 item or more"),
    "nothing for lines": (place(lines=None), "order.place.lines", "must be a list"),
    "a number for lines": (place(lines=5), "order.place.lines", "must be a list"),
    "a text for a line": (
        place(lines=["tea"]), "order.place.lines.0", "must be a mapping of fields"
    ),
    "501 lines": (
        place(lines=[LINE | {"id": f"l{n}"} for n in range(501)], total=251500),
        "order.place.lines", "holds 500 items at most",
    ),
    "a line twice": (
        place(lines=[LINE, LINE], total=2000), "order.place.lines", "two lines have the same id"
    ),
    "a field too many": (
        line(colour="red"), "order.place.lines.0.colour", "is not a field here"
    ),
    "a field too few": (
        place(lines=[{"id": "tea", "listing": "tea", "quantity": 1}]),
        "order.place.lines.0.amount", "is missing",
    ),
    "perhaps by courier": (
        line(courier="no"), "order.place.lines.0.courier", "must be true or false"
    ),
    # money
    "negative freight": (place(freight=-1), "order.place.freight", "must be 0 or more"),
    "a total that doesn't add up": (
        place(total=1501), "order.place.total", "must be the lines' amounts and freight: 1500"
    ),
    "a total with a fraction": (place(total=1500.0), "order.place.total", NUMBER),
    "a total in words": (place(total="1500"), "order.place.total", NUMBER),
    "a true total": (place(total=True), "order.place.total", NUMBER),
    "a total beyond all measure": (
        place(total=10**12 + 1), "order.place.total", "must be 1000000000000 or less"
    ),
    "a currency in small letters": (place(currency="cny"), "order.place.currency", MONEY),
    "a currency with a line break": (place(currency="CNY\n"), "order.place.currency", MONEY),
    "cash perhaps": (
        place(cash_on_delivery=1), "order.place.cash_on_delivery", "must be true or false"
    ),
    "a negative payment": (paid(-1), "order.pay.amount", "must be 0 or more"),
    "a payment with a fraction": (paid(270.0), "order.pay.amount", NUMBER),
    "a payment in words": (paid(currency="yuan"), "order.pay.currency", MONEY),
    "a negative refund": (refunded(-1), "order.refund.amount", "must be 0 or more"),
    "a refund with an odd reference": (refunded(1, "a b"), "order.refund.reference", PATTERN),
    "nothing to refund for a case": (
        resolved(outcome="refund", refund=0), "case.resolve.refund", "must be 1 or more"
    ),
    "money for nothing": (
        resolved(refund=1), "case.resolve.refund", "an amount goes with a refund only"
    ),
    "a negative price": (draft(price=-5), "listing.draft.content.price", "must be 0 or more"),
    # texts
    "no reason": (cancel(reason=""), "order.cancel.reason", EMPTY),
    "nothing for a reason": (cancel(reason=None), "order.cancel.reason", "must be a text"),
    "a number for a reason": (cancel(reason=5), "order.cancel.reason", "must be a text" + WRITE),
    "a reason with a zero character": (cancel(reason="a\0"), "order.cancel.reason", TEXT),
    "a reason with a lone surrogate": (cancel(reason="\ud800"), "order.cancel.reason", TEXT),
    "a reason of 201": (cancel(reason="x" * 201), "order.cancel.reason", "holds 200 at most"),
    "no words": (complain(""), "complaint.receive.words", EMPTY),
    "words with a zero character": (complain("a\0b"), "complaint.receive.words", TEXT),
    "4001 words": (complain("长" * 4001), "complaint.receive.words", "holds 4000 at most"),
    "no tracking number": (ship(tracking=""), "order.ship.tracking", EMPTY),
    "a courier without a number": (
        lambda m: m.cases.send_back("C1", courier="SF", by=shop.CUSTOMER),
        "case.send_back.tracking", "courier and tracking number go together: give both or neither",
    ),
    "a number without a courier": (
        lambda m: m.cases.send_replacement("C1", tracking="SF1", by=shop.MERCHANT),
        "case.send_replacement.tracking",
        "courier and tracking number go together: give both or neither",
    ),
    "news with a zero character": (
        track(TrackingEvent("delivered", shop.START, text="\0")), "order.track.words.0.text", TEXT
    ),
    "no title": (draft(title=""), "listing.draft.content.title", EMPTY),
    "an odd image": (draft(images=["a b"]), "listing.draft.content.images.0", PATTERN),
    "a text for images": (draft(images="a"), "listing.draft.content.images", "must be a list"),
    "no content": (
        lambda m: m.listings.draft("T", content=None, by=shop.OPERATIONS),  # type: ignore[arg-type]
        "listing.draft.content", "must be a mapping of fields",
    ),
    "a verdict without note": (
        approve({"legality": {"passed": True, "note": ""}}),
        "listing.approve.criteria.legality.note", EMPTY,
    ),
    "a verdict that is perhaps": (
        approve({"legality": {"passed": "yes", "note": "x"}}),
        "listing.approve.criteria.legality.passed", "must be true or false",
    ),
    "a verdict that is a number": (
        approve({"legality": 5}), "listing.approve.criteria.legality",
        "must be a mapping of fields",
    ),
    "no verdicts": (approve(None), "listing.approve.criteria", "must be a mapping"),
    "another satisfaction": (
        reach(satisfaction="happy"), "callback.reach.satisfaction",
        "must be one of very_satisfied, satisfied, neutral, dissatisfied",
    ),
    "a suggestion with a zero character": (
        reach(suggestion="\0"), "callback.reach.suggestion", TEXT
    ),
    "a number for a suggestion": (
        reach(suggestion=5), "callback.reach.suggestion", "must be a text" + WRITE
    ),
    "no ground": (
        lambda m: m.designations.appoint("order", "b", basis="", by=shop.LEADER),
        "designation.appoint.basis", EMPTY,
    ),
    "a listing without a title": (
        lambda m: m.listings.draft(
            "L1", content=shop.CONTENT | {"title": "\u3000"}, by=shop.OPERATIONS
        ),
        "listing.draft.content.title", SEEN,
    ),
    "a parcel taken over without a number": (
        lambda m: m.orders.adopt(
            "A2", by=shop.OPERATIONS, record=ADOPTED["order"] | {
                "parcels": [{
                    "id": "p", "courier": "SF", "tracking": "\u3000", "lines": {"tea": 1},
                    "shipped_at": shop.START,
                }],
            },
        ),
        "order.adopt.parcels.0.tracking", SEEN,
    ),
    # options
    "an odd key": (place(key="a b"), "order.place.key", ID),
    "a key of 65": (place(key="k" * 65), "order.place.key", ID),
    "a key that is a number": (place(key=5), "order.place.key", ID + WRITE),
    "a version in words": (place(expect="1"), "order.place.expect", NUMBER),
    "a true version": (place(expect=True), "order.place.expect", NUMBER),
    "a version with a fraction": (place(expect=1.0), "order.place.expect", NUMBER),
    "an unknown option": (place(until=5), "order.place.until", "is not an argument here"),
    "a late reason without words": (
        place(late_reason=""), "order.place.late_reason", "must hold 1 to 200"
    ),
    "a late reason of 201": (
        place(late_reason="x" * 201), "order.place.late_reason", "must hold 1 to 200"
    ),
    "a late reason that is a number": (place(late_reason=5), "order.place.late_reason", TEXT),
    # choices
    "another kind of order": (
        place(kind="rent"), "order.place.kind", "must be one of goods, service"
    ),
    "another remedy": (
        open_case(remedy="repair"), "case.open.remedy",
        "must be one of return, refund_only, exchange",
    ),
    "another end of a case": (
        resolved(outcome="gift"), "case.resolve.outcome", "must be one of refund, replace, none"
    ),
}


@pytest.fixture(scope="module")
def one() -> Iterator[Mall]:
    with shop.open_mall() as mall:
        shop.staff(mall)
        shop.place(mall)
        yield mall


def all_of(mall: Mall) -> tuple[Any, ...]:
    """Return everything that a command could leave behind."""
    with mall.read() as tx:
        entries = [row.body for row in tx.entries()]
        clocks = list(tx.clocks(("running", "breached", "stopped")))
        messages = list(tx.messages(("pending", "dead")))
    return entries, clocks, messages, mall.orders.get("A1")


@pytest.mark.parametrize("what", WRONG)
def test_what_no_rule_could_accept_is_told_at_the_door_and_nothing_is_done(
    one: Mall, what: str
) -> None:
    move, where, why = WRONG[what]
    before = all_of(one)
    with pytest.raises(Invalid) as wrong:
        move(one)
    assert wrong.value.where == where
    assert str(wrong.value).endswith(f" is invalid: {why}")
    assert str(wrong.value).startswith(f"{where} = ")
    zh = wrong.value.text.zh
    assert zh.startswith(f"{where} 的值 ")
    reason = zh[zh.index("无效：") :]
    assert re.search("[一-鿿]{2}", reason[3:]), reason
    assert " or " not in reason
    assert all_of(one) == before

# Every argument of every command

NEWS = TrackingEvent("in_transit", shop.START)
ADOPTED: dict[str, dict[str, Any]] = {
    "listing": {
        "work": "draft", "display": "hidden", "kind": "goods", "merchant": "tea-house",
        "channel": "app", "mode": "merchant_self", "assistance": None,
        "versions": [
            {
                "number": 1, "content": shop.CONTENT, "author": "zhao", "authors": ["zhao"],
                "drafted_at": shop.START,
            },
        ],
    },
    "order": {
        "goods": "submitted", "payment": "unpaid", "kind": "goods", "merchant": "tea-house",
        "customer": "li", "group_id": None, "channel": "app", "currency": "CNY", "freight": 0,
        "total": 500, "cash_on_delivery": False,
        "lines": [{"id": "tea", "listing": "tea", "ordered": 1, "amount": 500}],
    },
    "complaint": {"state": "received", "customer": "li", "channel": "app", "words": "Late."},
    "case": {
        "state": "opened", "order": "A1", "customer": "li", "channel": "app", "lines": {"tea": 1},
        "remedy": "return", "words": "It is damp.", "listings": {"tea": "tea"},
    },
}
"""The least that a record of each kind that is taken over must say."""

COMMANDS: dict[str, dict[str, Any]] = {
    "designations.appoint": {"post": "order", "who": "b", "basis": "years of it"},
    "designations.dismiss": {"post": "order", "who": "b"},
    "designations.erase": {"post": "order"},
    "assignments.appoint": {"merchant": "tea-house", "who": "b", "basis": "years of it"},
    "assignments.dismiss": {"merchant": "tea-house", "who": "b"},
    "assignments.erase": {"merchant": "tea-house"},
    "listings.draft": {
        "id": "T", "content": shop.CONTENT, "merchant": "tea-house", "kind": "goods",
        "channel": "app", "mode": "merchant_self", "assistance": "J1",
    },
    "listings.revise": {"id": "T", "content": shop.CONTENT},
    "listings.submit": {"id": "T"},
    "listings.start_review": {"id": "T"},
    "listings.approve": {"id": "T", "criteria": shop.PASSED},
    "listings.return_": {"id": "T", "criteria": shop.FAILED},
    "listings.publish": {"id": "T"},
    "listings.edit": {"id": "T", "content": shop.CONTENT, "assistance": "J1"},
    "listings.withdraw": {"id": "T", "reason": "sold out"},
    "listings.adopt": {"id": "T", "record": ADOPTED["listing"]},
    "assistance.request": {"id": "J1", "merchant": "tea-house", "way": "phone"},
    "assistance.appoint": {"id": "J1", "who": "wang"},
    "assistance.arrive": {"id": "J1", "where": "3 Lake Road"},
    "assistance.mark": {"id": "J1", "step": "listing", "outcome": "done", "who": "wang"},
    "assistance.finish": {"id": "J1"},
    "assistance.cancel": {"id": "J1", "reason": "my son helps"},
    "assistance.erase": {"id": "J1"},
    "orders.place": {
        "id": "N1", "customer": "li", "lines": [LINE], "total": 1500, "merchant": "tea-house",
        "currency": "CNY", "freight": 1000, "channel": "app", "cash_on_delivery": False,
        "kind": "goods", "group_id": "G1", "ship_by": shop.START + timedelta(days=2),
        "relatives": ["son"], "delivery": "door",
    },
    "orders.hand_over": {"id": "A1", "to": "wang"},
    "orders.contact_merchant": {"id": "A1", "way": "phone"},
    "orders.accept": {"id": "A1"},
    "orders.decline": {"id": "A1", "reason": "sold out"},
    "orders.ship": {
        "id": "A1", "parcel": "p1", "courier": "SF", "tracking": "SF1", "lines": {"tea": 1},
    },
    "orders.deliver": {"id": "A1", "parcel": "p1", "way": "door"},
    "orders.track": {"id": "A1", "parcel": "p1", "events": [NEWS], "number": "SF1"},
    "orders.relabel": {
        "id": "A1", "parcel": "p1", "courier": "SF", "tracking": "SF2", "reason": "wrong",
        "since": shop.START,
    },
    "orders.end_parcel": {"id": "A1", "parcel": "p1", "how": "lost", "reason": "a flood"},
    "orders.send_again": {"id": "A1", "parcel": "p1"},
    "orders.give_up": {"id": "A1", "parcel": "p1", "reason": "sold out", "lines": {"tea": 1}},
    "orders.correct_tracking": {
        "id": "A1", "parcel": "p1", "status": "delivered", "when": shop.START, "reason": "wrong",
    },
    "orders.appoint": {"id": "A1", "when": shop.START + timedelta(days=1), "place": "at home"},
    "orders.start": {"id": "A1", "served_by": "nurse"},
    "orders.finish": {"id": "A1", "proof": "photo-1"},
    "orders.confirm": {"id": "A1", "confirmed_by": "son"},
    "orders.grant_exception": {
        "id": "A1", "line": "tea", "reason": "a storm", "until": shop.START + timedelta(days=5),
        "customer_told_at": shop.START,
    },
    "orders.cancel": {"id": "A1", "reason": "too late", "lines": {"tea": 1}},
    "orders.complete": {"id": "A1"},
    "orders.archive": {"id": "A1"},
    "orders.paid": {"id": "A1", "amount": 27000, "reference": "r1", "currency": "CNY"},
    "orders.paid_in_part": {"id": "A1", "amount": 7000, "reference": "r1", "currency": "CNY"},
    "orders.collect": {"id": "A1", "amount": 27000, "currency": "CNY"},
    "orders.refunded": {
        "id": "A1", "amount": 100, "reference": "r2", "currency": "CNY", "lines": {"tea": 1},
        "case": "C1", "refund": "A1.1",
    },
    "refunds.ask": {"id": "A1.1"},
    "refunds.accept": {"id": "A1.1"},
    "refunds.fail": {"id": "A1.1", "reason": "no such card"},
    "refunds.lose": {"id": "A1.1", "reason": "no answer"},
    "orders.erase": {"id": "A1"},
    "orders.adopt": {"id": "A2", "record": ADOPTED["order"]},
    "urges.open": {
        "id": "U1", "order": "A1", "target": "courier", "reason": "silent", "way": "phone",
        "parcel": "p1",
    },
    "urges.repeat": {"id": "U1", "way": "phone", "clock": "shipping.in-time"},
    "urges.answer": {"id": "U1", "text": "tomorrow"},
    "urges.erase": {"id": "U1"},
    "callbacks.attempt": {"id": "A1", "note": "no answer"},
    "callbacks.reach": {
        "id": "A1", "satisfaction": "satisfied", "suggestion": "", "complaint": "Late.",
    },
    "callbacks.give_up": {"id": "A1"},
    "callbacks.refuse": {"id": "A1"},
    "callbacks.erase": {"id": "A1"},
    "complaints.receive": {
        "id": "C1", "customer": "li", "words": "Late.", "channel": "app", "order": "A1",
        "lines": ["tea"], "against": "wang", "group_id": "G1", "follows": "C0",
    },
    "complaints.record": {"id": "C1", "subject": "late", "remedy": "sorry", "etiquette": "v1"},
    "complaints.escalate": {"id": "C1", "reason": "the merchant must be asked"},
    "complaints.contact": {"id": "C1", "way": "phone", "note": "she waits"},
    "complaints.note": {"id": "C1", "text": "it was opened in May"},
    "complaints.settle_opinion": {"id": "C1", "text": "pay"},
    "complaints.answer": {"id": "C1", "text": "we are sorry"},
    "complaints.contest": {"id": "C1", "reason": "nobody came"},
    "complaints.close": {"id": "C1", "satisfied": "yes", "remedy": "granted"},
    "complaints.erase": {"id": "C1"},
    "complaints.adopt": {"id": "C2", "record": ADOPTED["complaint"]},
    "cases.open": {
        "id": "C1", "order": "A1", "customer": "li", "lines": {"tea": 1}, "remedy": "return",
        "words": "It is damp.", "channel": "app",
    },
    "cases.contact": {"id": "C1", "note": "she waits"},
    "cases.attempt": {"id": "C1", "note": "no answer"},
    "cases.give_up": {"id": "C1"},
    "cases.record": {
        "id": "C1", "ground": "quality", "item_state": "unopened", "wish": "her money back",
    },
    "cases.choose": {"id": "C1", "remedy": "exchange"},
    "cases.contact_merchant": {"id": "C1", "note": "by phone"},
    "cases.approve": {"id": "C1"},
    "cases.decline": {"id": "C1", "reason": "it was used"},
    "cases.send_back": {"id": "C1", "courier": "SF", "tracking": "SF2"},
    "cases.receive": {
        "id": "C1", "outcome": "short", "arrived": {"tea": 1}, "restock": True,
    },
    "cases.resolve": {"id": "C1", "outcome": "refund", "reason": "as found", "refund": 100},
    "cases.send_replacement": {"id": "C1", "courier": "SF", "tracking": "SF3"},
    "cases.deliver_replacement": {"id": "C1"},
    "cases.relabel": {
        "id": "C1", "sending": "sent_back", "reason": "a slip", "courier": "SF", "tracking": "SF3",
    },
    "cases.tell": {"id": "C1", "note": "by phone"},
    "cases.close": {"id": "C1"},
    "cases.withdraw": {"id": "C1"},
    "cases.hold": {"id": "C1", "reason": "photos", "until": shop.START + timedelta(days=1)},
    "cases.resume": {"id": "C1"},
    "cases.erase": {"id": "C1"},
    "cases.adopt": {"id": "C2", "record": ADOPTED["case"]},
    "stock.open": {"listing": "T", "warn_at": 3, "merchant": "tea-house"},
    "stock.receive": {
        "listing": "T", "lot": "L1", "quantity": 5, "source": "note 7",
        "expires_at": shop.START + timedelta(days=90),
    },
    "stock.count": {"listing": "T", "lots": {"L1": 4}, "cause": "a thief"},
    "stock.damage": {"listing": "T", "lot": "L1", "quantity": 1, "cause": "wet"},
    "stock.write_off": {
        "listing": "T", "lot": "L1", "quantity": 1, "cause": "wet", "disposal": "composted",
    },
    "stock.inspect": {
        "listing": "T", "lot": "C1", "expires_at": shop.START + timedelta(days=90),
    },
    "stock.confirm": {"listing": "T", "on_hand": 5},
    "stock.set_warning": {"listing": "T", "warn_at": 2},
    "stock.close": {"listing": "T"},
    "stock.reopen": {"listing": "T"},
    "capacity.open": {"listing": "T", "merchant": "tea-house"},
    "capacity.set_day": {"listing": "T", "day": date(2026, 3, 9), "total": 4},
    "capacity.close": {"listing": "T"},
    "capacity.reopen": {"listing": "T"},
}
MOVES = {
    "orders.paid": "order.pay", "orders.refunded": "order.refund",
    "listings.return_": "listing.return",
}
NAIVE = datetime(2026, 3, 2)
FIELDS, LIST, MAPPING = "must be a mapping of fields", "must be a list", "must be a mapping"
AN_ID = [("x y", "must match"), (5, "must be a text")]
BLANKS = [("\u3000", SEEN), (" \u00a0\u200b", SEEN), ("\ufeff\u3164\u115f", SEEN)]
WORDS = [
    ("", "must have 1 or more"), *BLANKS, (5, "must be a text"), ("a\0", TEXT), ("\ud800", TEXT),
]
FROM_ONE: list[tuple[Any, str]] = [(0, "must be 1 or more"), (1.0, NUMBER), ("1", NUMBER)]
NUMBERS = [(-1, "must be 0 or more"), (1.0, NUMBER), ("1", NUMBER), (True, NUMBER)]
TIMES: list[tuple[Any, str]] = [(NAIVE, NO_ZONE), ("now", NO_TIME)]
BAD: dict[str, list[tuple[Any, str]]] = {
    "id": [("x y", ID), ("", ID), (5, ID), (None, ID)],
    "post": [("cook", "must be a link"), (5, "must be a link"), ([], "must be a link")],
    "by": [(None, "must be a person"), ("olivia", "must be a person")],
    "at": [*TIMES, (5, NO_TIME)],
    "key": [("x y", ID), ("", ID), (5, ID)],
    "expect": [("1", NUMBER), (1.0, NUMBER), (True, NUMBER)],
    "late_reason": [
        ("", "must hold 1 to 200"), ("x" * 201, "must hold 1 to 200"), *BLANKS, (5, TEXT),
        ("a\0", TEXT),
    ],
    "colour": [("red", "is not an argument here")],
    **dict.fromkeys(
        ("who", "to", "customer", "merchant", "order", "against", "parcel", "courier", "line",
         "channel", "group_id", "reference", "assistance", "step", "case", "ground", "item_state",
         "served_by", "proof", "confirmed_by", "lot", "follows", "clock", "delivery",
         "orders.deliver.way", "orders.refunded.refund"),
        AN_ID,
    ),
    **dict.fromkeys(
        ("reason", "words", "text", "note", "tracking", "way", "basis", "subject", "etiquette",
         "where", "complaint", "place", "wish", "source", "cause", "disposal",
         "number", "complaints.record.remedy"),
        WORDS,
    ),
    **dict.fromkeys(("suggestion", "cases.open.words"), WORDS[4:]),
    "satisfaction": [("happy", "must be one of very_satisfied"), (5, "must be one of")],
    "mode": [("ours", "must be one of merchant_self, assisted, self_operated"), (5, "must be one")],
    "assistance.mark.outcome": [
        ("begun", "must be one of done, not_needed"), (None, "must be one of"),
    ],
    "cases.receive.outcome": [
        ("fine", "must be one of ok, lost, short, wrong_item, damaged"), (None, "must be one of"),
    ],
    "cases.resolve.outcome": [
        ("gift", "must be one of refund, replace, none"), (None, "must be one of"),
    ],
    "sending": [("away", "must be one of sent_back, replacement"), (None, "must be one of")],
    "satisfied": [("happy", "must be one of yes, no, not_reached"), (5, "must be one of")],
    "complaints.close.remedy": [("all", "must be one of granted, partly"), (5, "must be one of")],
    "how": [("gone", "must be one of returned, lost, refused, failed"), (5, "must be one of")],
    **dict.fromkeys(("orders.paid_in_part.amount", "orders.collect.amount"), FROM_ONE),
    "remedy": [("repair", "must be one of return, refund_only, exchange"), (5, "must be one of")],
    "target": [("customer", "must be one of courier, merchant"), (None, "must be one of")],
    "status": [("gone", "must be one of pending, info_received"), (None, "must be one of")],
    "restock": [(1, "must be true or false"), (None, "must be true or false")],
    "kind": [("rent", "must be one of goods, service"), (None, "must be one of")],
    "currency": [("cny", MONEY), (5, "must be a text")],
    **dict.fromkeys(("amount", "total", "freight", "warn_at", "on_hand"), NUMBERS),
    **dict.fromkeys(("quantity", "refund"), FROM_ONE),
    "cash_on_delivery": [(1, "must be true or false"), (None, "must be true or false")],
    **dict.fromkeys(("until", "customer_told_at", "ship_by", "when", "expires_at", "since"), TIMES),
    "day": [("2026-02-30", "there is no such day"), ("today", "must match"), (5, "must be a text")],
    "content": [(None, FIELDS), ("tea", FIELDS), (5, FIELDS)],
    "criteria": [(None, MAPPING), (5, MAPPING), ([], MAPPING)],
    "lines": [(5, "must be a")],
    "lots": [(5, MAPPING), (None, MAPPING)],
    "arrived": [(5, MAPPING), ({}, "needs 1 item or more")],
    "relatives": [("son", LIST), (5, LIST), (None, LIST)],
    "events": [(5, LIST), ([5], LIST), (NEWS, LIST), ([], "needs 1 item or more")],
    "record": [(None, FIELDS), ("tea", FIELDS), (5, FIELDS)],
}
OPTIONS = ("by", "at", "key", "expect", "late_reason", "colour")


def wrongs(command: str) -> Iterator[tuple[str, Any, str]]:
    """Yield each argument of a command with each wrong value of it, and why it is wrong."""
    right = COMMANDS[command]
    first = next(iter(right))
    for name in (*right, *OPTIONS):
        what = "id" if name == first != "post" else name
        for wrong, why in BAD.get(f"{command}.{what}") or BAD[what]:
            yield name, wrong, why


def test_the_table_has_every_command_and_every_argument(one: Mall) -> None:
    there = {
        f"{place}.{name}": [
            p.name for p in declared.parameters.signature.parameters.values()
            if p.kind is not p.VAR_KEYWORD and p.name != "by"
        ]
        for place, room in ROOMS.items()
        for name, declared in room.COMMANDS.items()
    }
    assert {command: sorted(names) for command, names in there.items()} == {
        command: sorted(right) for command, right in COMMANDS.items()
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_takes_a_wrong_value_of_any_argument(one: Mall, command: str) -> None:
    for name, wrong, why in wrongs(command):
        with shop.telling(f"{name}={wrong!r}"):
            told_at_the_door(one, command, name, wrong, why)


def told_at_the_door(one: Mall, command: str, name: str, wrong: Any, why: str) -> None:
    room, method = command.split(".")
    given_ = {"by": shop.OPERATIONS} | COMMANDS[command] | {name: wrong}
    before = all_of(one)
    with pytest.raises(Invalid) as said:
        getattr(getattr(one, room), method)(**given_)
    kind = ROOMS[room].kind
    move = MOVES.get(command, f"{kind}.{method}")
    first = next(iter(COMMANDS[command]))
    where = {"post": f"{kind}.post", "record": move}.get(
        name, f"{move}.{'id' if name == first else name}"
    )
    assert said.value.where == where
    assert f" is invalid: {why}" in str(said.value)
    assert re.search("无效：.*[一-鿿]{2}", said.value.text.zh)
    assert all_of(one) == before
    with pytest.raises(Invalid):  # who asks whether it may is told the same
        getattr(getattr(one.may, room), method)(**given_)


# Opening

OPENING: dict[str, tuple[dict[str, Any], type[EldermallError], str, str]] = {
    "no URL": ({"url": ""}, PluginError, "no storage plugin knows ''", "没有存储插件认识"),
    "an unknown kind of URL": (
        {"url": "oracle://x/y"}, PluginError, "use for example sqlite:///mall.db", "例如可用",
    ),
    "a driver that isn't ours": (
        {"url": "postgresql+psycopg2://x/y"}, PluginError, "no storage plugin knows", "没有存储",
    ),
    "a database that isn't tested": (
        {"url": "mysql+pymysql://x/y"}, PluginError, "no storage plugin knows", "没有存储插件认识",
    ),
    "a URL that is none": (
        {"url": "mariadb:"}, StorageError, "is no URL of a database", "不是数据库地址",
    ),
    "a file that isn't named": ({"url": "sqlite://"}, StorageError, "names no file", "没有指明"),
    "a SQLite in memory": (
        {"url": "sqlite:///:memory:"}, StorageError, "memory: for one in memory", "内存中用",
    ),
    "a folder": ({"url": "sqlite:////"}, StorageError, "is a folder, no database", "是文件夹"),
    "a folder that isn't there": (
        {"url": "sqlite:////nowhere/mall.db"}, StorageError, "can't be used", "无法使用",
    ),
    "a file that isn't there": (
        {"url": "sqlite:////nowhere.db", "make": False}, StorageError,
        "there is no database file", "数据库文件 /nowhere.db 不存在",
    ),
    "a server that isn't there": (
        {"url": "postgresql://u@/x?host=/nowhere"}, StorageError, "can't be used", "无法使用",
    ),
    "a path for a URL": ({"url": Path("mall.db")}, Invalid, "url = ", "url 的值"),
    "a prefix with a dash": ({"prefix": "a-b"}, StorageError, "letters, digits", "表名前缀"),
    "a prefix that begins with a digit": ({"prefix": "1a"}, StorageError, "must be", "表名前缀"),
    "a prefix of 33": ({"prefix": "p" * 33}, StorageError, "up to 32 letters", "不超过 32"),
    "a prefix that is a number": ({"prefix": 5}, StorageError, "the table prefix 5", "表名前缀 5"),
    "a prefix that ends in a line break": ({"prefix": "a\n"}, StorageError, "prefix", "表名前缀"),
    "an odd code": ({"code": "a b"}, Invalid, "code = 'a b'", "code 的值"),
    "a code that is a number": ({"code": 5}, Invalid, "code = 5", "code 的值"),
    "no policy": ({"policy": {}}, PolicyError, "pack.document", "pack.document 的值"),
    "a policy that isn't there": (
        {"policy": "/nowhere.toml"}, FileUnreadable, "can't read /nowhere.toml", "无法读取政策文件",
    ),
    "plugins that are a number": ({"plugins": 5}, Invalid, "must be a list", "插件的列表"),
    "a present without zone": ({"now": lambda: NAIVE}, Invalid, NO_ZONE, "now 的值"),
}


@pytest.mark.parametrize("what", OPENING)
def test_what_can_t_be_opened_is_told_in_both_languages_and_nothing_is_made(
    what: str, tmp_path: Path
) -> None:
    wrong, error, en, zh = OPENING[what]
    url = f"sqlite:///{tmp_path / 'mall.db'}"
    given: dict[str, Any] = {"url": url, "policy": shop.POLICY}
    with pytest.raises(error) as said:
        Mall.open(**given | wrong)
    assert type(said.value) is error
    assert en in str(said.value)
    assert zh in said.value.text.zh
    if "now" not in wrong:
        assert not list(tmp_path.iterdir())


def test_a_service_order_is_taken_along_with_those_who_act_for_its_customer(mall: Mall) -> None:
    place(kind="service", relatives=["son"])(mall)
    order = mall.orders.get("N1")
    assert (order.summary, order.goods, order.relatives) == ("submitted/unpaid", None, ("son",))


@pytest.mark.parametrize("kind", ADOPTED)
def test_a_record_that_is_taken_over_says_this_and_no_less(one: Mall, kind: str) -> None:
    room = next(name for name, room in ROOMS.items() if room.kind == kind)

    def allowed(record: dict[str, Any]) -> bool:
        return bool(getattr(one.may, room).adopt("N2", record, by=shop.OPERATIONS).allowed)

    assert allowed(ADOPTED[kind])
    for name in ADOPTED[kind]:
        with suppress(Invalid):
            assert not allowed({k: v for k, v in ADOPTED[kind].items() if k != name}), name


def test_an_unknown_option_shows_its_own_value(one: Mall) -> None:
    with pytest.raises(Invalid, match=r"order\.place\.until = 5 is invalid"):
        place(until=5)(one)


def test_a_long_value_is_shown_cut(one: Mall) -> None:
    with pytest.raises(Invalid) as wrong:
        cancel(reason="x" * 5000)(one)
    assert len(str(wrong.value)) < 200
    assert wrong.value.value == "x" * 5000


def test_any_mapping_does_for_quantities(one: Mall) -> None:
    given_ = MappingProxyType({"tea": 1})
    decision = one.may.orders.cancel("A1", reason="x", lines=given_, by=shop.CUSTOMER)
    assert decision.allowed


@given(st.text(max_size=70))
def test_an_id_is_taken_exactly_if_it_is_1_to_64_plain_characters(text: str) -> None:
    right = re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", text) is not None
    try:
        person(text, "customer")
    except Invalid:
        assert not right
    else:
        assert right


@given(words=st.text(min_size=1, max_size=200))
def test_any_text_of_which_something_can_be_seen_is_kept_as_it_is(words: str) -> None:
    with shop.open_mall() as mall:
        shop.staff(mall)
        try:
            mall.complaints.receive("C1", customer="li", words=words, by=shop.SERVICE)
        except Invalid:
            assert "\0" in words or re.search("[\ud800-\udfff]", words) or not can_be_seen(words)
        else:
            assert mall.complaints.get("C1").words == words


# Time, which rules and not the door judge


@pytest.mark.parametrize(
    ("off", "rule"),
    [
        (timedelta(minutes=5), None),
        (timedelta(minutes=5, microseconds=1), "time.future"),
        (-timedelta(hours=24), None),
        (-timedelta(hours=24, microseconds=1), "time.backdated"),
    ],
)
def test_five_minutes_ahead_and_a_day_back_are_taken_and_no_more(
    mall: Mall, time: shop.Time, off: timedelta, rule: str | None
) -> None:
    time.pass_(days=3)
    asked = mall.may.complaints.receive(
        "C1", customer="grandma-li", words="Late.", by=shop.CUSTOMER, at=time.now + off
    )
    assert asked.rules == (() if rule is None else (rule,))


def test_money_that_is_not_the_order_s_is_refused_and_not_at_the_door(mall: Mall) -> None:
    shop.place(mall)
    said = shop.refusal(mall.orders.paid, "A1", 26999, "r1", by=shop.PAYMENTS)
    assert said.rules == ("payment.pay",)
    assert "付款 26999 与应付金额 27000 不符" in said.text.zh
    said = shop.refusal(mall.orders.paid, "A1", 27000, "r1", currency="USD", by=shop.PAYMENTS)
    assert "the currency is CNY, not USD" in said.text.en
    shop.pay(mall)
    for amount in (0, 27001):
        said = shop.refusal(mall.orders.refunded, "A1", amount, "r2", by=shop.PAYMENTS)
        assert said.rules == ("payment.refund",)


def test_a_reference_counts_once_in_a_mall(mall: Mall) -> None:
    shop.place(mall)
    shop.place(mall, "A2")
    shop.pay(mall)
    said = shop.refusal(mall.orders.paid, "A2", 27000, "pay-A1", by=shop.PAYMENTS)
    assert said.rules == ("machine.record-exists",)
    assert mall.orders.get("A2").payment == "unpaid"
    said = shop.refusal(mall.orders.refunded, "A1", 100, "pay-A1", by=shop.PAYMENTS)
    assert said.rules == ("machine.record-exists",)


@pytest.mark.parametrize(
    ("move", "rule"),
    [
        (ship(lines={"rice": 1}), "goods.ship"),
        (ship(lines={"tea": 4}), "goods.ship"),
        (cancel(lines={"rice": 1}), "goods.cancel"),
        (cancel(lines={"tea": 4}), "goods.cancel"),
        (refunded(100, "r", lines={"tea": 4}), "payment.refund"),
        (
            lambda m: m.orders.deliver("A1", parcel="none", by=shop.COURIER),
            "goods.deliver",
        ),
    ],
)
def test_what_the_order_does_not_have_is_refused(
    mall: Mall, move: Callable[[Mall], Any], rule: str
) -> None:
    shop.place(mall)
    shop.pay(mall)
    shop.accept(mall)
    before = mall.orders.get("A1")
    assert shop.refusal(move, mall).rules == (rule,)
    assert mall.orders.get("A1") == before


def test_a_parcel_leaves_once_and_arrives_once_and_not_before_it_left(
    mall: Mall, time: shop.Time
) -> None:
    shop.place(mall)
    shop.pay(mall)
    shop.accept(mall)
    time.pass_(hours=2)
    shop.ship(mall, lines={"tea": 1}, parcel="p1")
    said = shop.refusal(shop.ship, mall, lines={"tea": 1}, parcel="p1")
    assert "parcel p1 has left already" in said.text.en
    deliver = mall.orders.deliver
    early = time.now - timedelta(hours=1)
    said = shop.refusal(deliver, "A1", parcel="p1", by=shop.COURIER, at=early)
    assert said.rules == ("time.order",)
    assert "before the departure of parcel p1" in said.text.en
    deliver("A1", parcel="p1", by=shop.COURIER)
    said = shop.refusal(deliver, "A1", parcel="p1", by=shop.COURIER)
    assert "parcel p1 has arrived already" in said.text.en


def test_what_is_owed_after_a_refunded_line_and_a_cancelled_one_is_the_cancelled_line_s_price(
    mall: Mall,
) -> None:
    shop.place(mall)
    shop.pay(mall)
    mall.orders.refunded("A1", 5600, "r1", lines={"honey": 1}, by=shop.PAYMENTS)
    mall.orders.cancel("A1", reason="one less", lines={"tea": 1}, by=shop.CUSTOMER)
    assert mall.orders.get("A1").owed_back == 6800
    asked = [m.body for m in mall.messages() if m.topic == "refund"]
    assert ['"amount":6800' in body.decode() for body in asked] == [True]

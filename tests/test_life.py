"""Whatever anybody does in whatever order at whatever time, the promises hold, on every storage."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, get_args

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from eldermall import Actor, EldermallError, Mall, Refused, head_of, hookimpl, person
from eldermall.contracts.courier import TrackingEvent
from eldermall.contracts.events import CommittedEvent, RefundAnswer, RefundRequest, SealedRoot
from eldermall.contracts.storage import (
    OPEN_CLOCKS,
    ClockRow,
    ClockState,
    EntryRow,
    Message,
    MessageState,
)
from eldermall.engine.clock import changes
from eldermall.engine.kind import Record, subject_of
from eldermall.rooms import ROOMS
from eldermall.rooms.orders.states import WAITING
from tests import shop
from tests.test_aftersales import RIGHT, WAYS, Given, claims, givens, returns, words

ORDERS = ("A1", "A2", "A3")
SERVICES = ("S1", "S2")
CASES = ("R1", "R2")
LISTINGS = ("L1", "L2")
COMPLAINTS = ("C1", "C2")
LINES = (
    {"id": "tea", "listing": "L1", "quantity": 3, "amount": 20400},
    {"id": "honey", "listing": "L2", "quantity": 1, "amount": 5600},
    {"id": "lesson", "listing": "L3", "quantity": 2, "amount": 700, "courier": False},
)
TOTAL = 27700
LESSON = ({"id": "lesson", "listing": "L3", "quantity": 1, "amount": 27700, "courier": False},)
KEPT = "L1"
"""The listing whose stock is kept from before the first order on."""
KEPT_OR_NOT = (KEPT, KEPT, "L2")

SURE = {
    ("order", "Paid"): "booking.book", ("order", "Refunded"): "booking.book",
    ("order", "Completed"): "callback.open", ("case", "CaseOpened"): "order.claim",
    ("order", "LinesClaimed"): "case.bind", ("order", "LinesTakenBack"): "case.fall_due",
}
"""Events that another room always hears of, and the move that it makes then."""

SHIPPING = "shipping.in-time@1"
ANSWERING = "complaints.answered-in-time@1"
OUTCOMES = ("done", "unreachable", "declined")
HOUR = timedelta(hours=1)

NOBODY = person("nobody", "customer")

Said = tuple[str, str, tuple[Any, ...], dict[str, Any]]
"""A command: room, move, arguments in order, arguments by name."""


class Outside:
    """A host outside: it keeps roots and events, and pays some refunds back."""

    def __init__(self) -> None:
        self.roots: list[bytes] = []
        self.events: list[str] = []
        self.answers: list[str] = []

    @hookimpl
    def eldermall_root(self, root: SealedRoot) -> None:
        if root.body not in self.roots:
            self.roots.append(root.body)

    @hookimpl
    def eldermall_committed(self, event: CommittedEvent) -> None:
        self.events.append(event.id)
        if len(self.events) % 7 == 0:
            raise RuntimeError("the host is down")

    @hookimpl
    def eldermall_refund(self, request: RefundRequest) -> RefundAnswer | None:
        self.answers.append(request.id)
        number = len(self.answers) % 4
        return None if number == 0 else RefundAnswer(("accepted", "unknown", "failed")[number - 1])


@dataclass(frozen=True)
class Deed:
    """A move that somebody may try: in which room, on which ids, with which words.

    A duration among the words stands for a moment so far from the present.
    """

    room: str
    move: str
    by: Actor
    ids: tuple[str, ...]
    words: dict[str, st.SearchStrategy[Any]]


def by(*right: Actor) -> st.SearchStrategy[Actor]:
    """Return mostly those who may, and sometimes anybody."""
    return st.sampled_from(right * (24 // len(right)) + shop.EVERYBODY)


def optional(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return keyword arguments of which each is often left out."""
    return st.fixed_dictionaries({}, optional=more)


OPTIONS = st.one_of(
    *[st.just({})] * 3,
    st.fixed_dictionaries(
        {"at": st.sampled_from((-30, -25, -23, -5, -1, -0.01, 0, 0.05, 0.5))},
        optional={"key": st.sampled_from("kmn")},
    ),
    st.fixed_dictionaries(
        {"key": st.sampled_from("kmn")}, optional={"expect": st.integers(0, 6)}
    ),
)
order_ids = st.sampled_from((*ORDERS, *SERVICES, "A9"))
case_ids = st.sampled_from(CASES)
listing_ids = st.sampled_from(LISTINGS)
complaint_ids = st.sampled_from(COMPLAINTS)
twists = st.sampled_from(("", "refund", "cancel", "except", "silent", "cheat", "cheat"))
quantities = st.dictionaries(
    st.sampled_from(("tea", "tea", "honey", "lesson", "nothing")), st.integers(0, 4), max_size=3
)
contents = st.sampled_from(
    [shop.CONTENT, shop.CONTENT | {"price": 1}, shop.CONTENT | {"currency": "yuan"}]
)
criteria = st.sampled_from([shop.PASSED, shop.PASSED, shop.FAILED, {}])
few = st.sampled_from((1, 1, 2, 4, 0))
lots = st.sampled_from(("l1", "l1", "l1", "l2"))
ahead = st.sampled_from([n * HOUR for n in (-1, 1, 5, 30, 200)])
notes = st.sampled_from(("as it is",) * 9 + ("",))


def deed(
    room: str, move: str, by: Actor, /, *ids: str, **words: st.SearchStrategy[Any]
) -> Deed:
    return Deed(room, move, by, ids, words)


DEEDS = (
    deed("stock", "open", shop.OPERATIONS, "L2", warn_at=few, merchant=st.just("tea-house")),
    deed("stock", "receive", shop.MERCHANT, *KEPT_OR_NOT, lot=lots, quantity=few, source=notes,
         expires_at=st.none() | ahead),
    deed("stock", "count", shop.AGENT, KEPT, cause=st.none() | notes,
         lots=st.fixed_dictionaries({"l1": st.integers(0, 9)}, optional={"l2": few})),
    deed("stock", "damage", shop.MERCHANT, *KEPT_OR_NOT, lot=lots, quantity=few, cause=notes),
    deed("stock", "write_off", shop.MERCHANT, *KEPT_OR_NOT, lot=lots, quantity=few, cause=notes,
         disposal=notes),
    deed("stock", "inspect", shop.MERCHANT, KEPT, lot=case_ids, expires_at=st.none() | ahead),
    deed("stock", "confirm", shop.MERCHANT, *KEPT_OR_NOT, on_hand=st.integers(0, 20)),
    deed("stock", "set_warning", shop.MERCHANT, *KEPT_OR_NOT, warn_at=few),
    deed("stock", "close", shop.MERCHANT, "L2", KEPT),
    deed("stock", "reopen", shop.MERCHANT, "L2", KEPT),
    deed("capacity", "set_day", shop.MERCHANT, "L3", day=ahead, total=few),
    deed("capacity", "close", shop.MERCHANT, "L3"),
    deed("capacity", "reopen", shop.MERCHANT, "L3"),
    deed("orders", "appoint", shop.MERCHANT, *SERVICES, when=ahead, place=notes),
    deed("orders", "start", shop.MERCHANT, *SERVICES, served_by=st.just("nurse")),
    deed("orders", "finish", shop.MERCHANT, *SERVICES, proof=st.just("photo")),
    deed("orders", "confirm", shop.CUSTOMER, *SERVICES, confirmed_by=st.sampled_from((None, "x"))),
    deed("urges", "open", shop.SERVICE, "U1", order=st.just("A1"), reason=notes, way=notes,
         target=st.sampled_from(("courier", "merchant")), parcel=st.sampled_from((None, "p", "q"))),
    deed("urges", "repeat", shop.AGENT, "U1", way=notes),
    deed("urges", "answer", shop.SERVICE, "U1", text=notes),
    deed("assistance", "request", shop.MERCHANT, "J1", merchant=st.just("tea-house")),
    deed("assistance", "appoint", shop.OPERATIONS, "J1", who=st.just("wang")),
    deed("assistance", "arrive", shop.AGENT, "J1", where=notes),
    deed("assistance", "mark", shop.AGENT, "J1", outcome=st.just("done"), step=st.sampled_from(
        ("photography", "image_processing", "detail_page", "listing"))),
    deed("assistance", "finish", shop.AGENT, "J1"),
    deed("assistance", "cancel", shop.MERCHANT, "J1", reason=notes),
)


Done = tuple[str, str, Actor, str, dict[str, Any]]


@st.composite
def deeds(draw: st.DrawFn, *rooms: str) -> Done:
    """Draw a deed with its words, by those who may, and sometimes by anybody."""
    deed = draw(st.sampled_from([deed for deed in DEEDS if deed.room in rooms]))
    given = {name: draw(strategy) for name, strategy in deed.words.items()} | draw(OPTIONS)
    return deed.room, deed.move, draw(by(deed.by)), draw(st.sampled_from(deed.ids)), given


def several(*rooms: str) -> st.SearchStrategy[list[Done]]:
    return st.lists(deeds(*rooms), min_size=1, max_size=4)


ANYTHING_SELLS = shop.policy()
"""The demo policy, but that a listing needn't be on display to be sold: these go on and off it."""
del ANYTHING_SELLS["settings"]["ordering.unknown-listings"]


class Life(RuleBasedStateMachine):
    """Two malls, one in memory and one in a file, to which the same happens."""

    reached: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.time = shop.Time()
        self.folder = TemporaryDirectory()
        url = f"sqlite:///{Path(self.folder.name) / 'mall.db'}"
        self.outside = [Outside(), Outside()]
        self.malls = [
            shop.open_mall(where, self.time, plugins=[outside], policy=ANYTHING_SELLS)
            for where, outside in zip(("memory:", url), self.outside, strict=True)
        ]
        shop.hurry(self.malls[1])
        for mall in self.malls:
            shop.staff(mall)
            self.begin_to_keep(mall)
        self.mall = self.malls[0]
        self.keyed: list[Said] = []
        self.references = 0
        self.seen: dict[str, int] = {}

    def begin_to_keep(self, mall: Mall) -> None:
        """Keep the stock of one listing and the capacity of the lesson, and ask for assistance."""
        mall.stock.open(KEPT, warn_at=2, merchant="tea-house", by=shop.OPERATIONS)
        mall.stock.receive(KEPT, lot="l1", quantity=13, source="note 1", by=shop.MERCHANT)
        mall.assistance.request("J1", merchant="tea-house", by=shop.MERCHANT)
        mall.capacity.open("L3", merchant="tea-house", by=shop.OPERATIONS)
        for days in range(9):
            day = (self.time.now + timedelta(days=days)).date()
            mall.capacity.set_day("L3", day=day, total=1 + days % 2, by=shop.MERCHANT)

    def teardown(self) -> None:
        try:
            assert _view(self.malls[0]) == _view(self.malls[1])
            for mall, outside in zip(self.malls, self.outside, strict=True):
                mall.seal()
                assert mall.verify().anchored is None
                mall.relay(self.time.now + 10 * HOUR)
                assert mall.verify(outside.roots).passed
            first, second = ([shop.born(id) for id in each.events] for each in self.outside)
            assert first == second
        finally:
            for mall in self.malls:
                mall.close()
            self.folder.cleanup()

    def both(self, room: str, move: str, *args: Any, **given: Any) -> None:
        """Make a move in both malls; both must answer alike."""
        if "at" in given:
            given["at"] = given["at"] * HOUR
        for name, word in given.items():
            if isinstance(word, timedelta):
                moment = self.time.now + word
                given[name] = moment.date() if name == "day" else moment
        said = (room, move, args, given)
        first, second = (_outcome(mall, said) for mall in self.malls)
        assert first == second
        self.reached[first[0]] += 1
        if first[0] == "moved" and "key" in given:
            self.keyed.append(said)
            self.repeat(said, other=False)
            self.repeat(said, other=True)

    @initialize(
        orders=st.tuples(st.integers(0, 14), st.integers(0, 7)),
        service=st.integers(0, 10), kept=st.booleans(), case=st.integers(0, 9), given=givens,
        listing=st.sampled_from((0, 2, 4, 5, 6, 6)),
        complaint=st.sampled_from((0, 1, 2, 3, 3, 3, 4, 5, 6)), wait=st.booleans(), twist=twists,
    )
    def open_in_the_middle_of_life(
        self, orders: tuple[int, int], service: int, kept: bool, case: int, given: Given,
        listing: int, complaint: int, wait: bool, twist: str,
    ) -> None:
        for id, steps in zip(ORDERS, orders, strict=False):
            self.advance_order(id, steps, twist)
        if kept:
            self.both("stock", "open", "L2", warn_at=1, merchant="tea-house", by=shop.OPERATIONS)
        self.advance_service("S1", service)
        self.advance_case("R1", case, replace(given, order="A1"), 0)
        self.advance_listing("L1", listing, twist)
        self.advance_complaint("C1", complaint, wait)

    # Orders

    @rule(
        id=order_ids, more=OPTIONS, who=by(shop.CUSTOMER, shop.SERVICE),
        changed=optional(
            cash_on_delivery=st.booleans(), merchant=st.none(), total=st.just(1),
            freight=st.just(0), kind=st.just("service"), channel=st.just("fax"),
            ship_by=st.integers(1, 100),
        ),
    )
    def place(self, id: str, who: Actor, changed: dict[str, Any], more: dict[str, Any]) -> None:
        if "ship_by" in changed:
            changed = changed | {"ship_by": self.time.now + changed["ship_by"] * HOUR}
        given = {
            "customer": shop.CUSTOMER.id, "merchant": "tea-house", "lines": LINES,
            "total": TOTAL, "freight": 1000,
        }
        if id in SERVICES:
            given |= {"kind": "service", "lines": LESSON, "freight": 0}
        self.both("orders", "place", id, by=who, **given | changed | more)

    @rule(id=order_ids, to=st.sampled_from((shop.AGENT.id,) * 3 + ("nobody",)),
          who=by(shop.SERVICE), more=OPTIONS)
    def hand_over(self, id: str, to: str, who: Actor, more: dict[str, Any]) -> None:
        self.both("orders", "hand_over", id, to=to, by=who, **more)

    @rule(id=order_ids, who=by(shop.AGENT), more=OPTIONS)
    def contact_merchant(self, id: str, who: Actor, more: dict[str, Any]) -> None:
        self.both("orders", "contact_merchant", id, way="phone", by=who, **more)

    @rule(id=order_ids, who=by(shop.MERCHANT), more=OPTIONS)
    def accept(self, id: str, who: Actor, more: dict[str, Any]) -> None:
        self.both("orders", "accept", id, by=who, **more)

    @rule(id=order_ids, who=st.sampled_from(shop.EVERYBODY), more=OPTIONS)
    def decline(self, id: str, who: Actor, more: dict[str, Any]) -> None:
        self.both("orders", "decline", id, reason="sold out", by=who, **more)

    @rule(id=order_ids, parcel=st.sampled_from("pqr"), lines=quantities, who=by(shop.MERCHANT),
          more=OPTIONS)
    def ship(
        self, id: str, parcel: str, lines: dict[str, int], who: Actor, more: dict[str, Any]
    ) -> None:
        self.both("orders", "ship", id, parcel=parcel, courier="SF", tracking="SF1", lines=lines,
                  by=who, **more)

    @rule(id=order_ids, parcel=st.sampled_from("pqr"), who=by(shop.COURIER), more=OPTIONS)
    def deliver(self, id: str, parcel: str, who: Actor, more: dict[str, Any]) -> None:
        self.both("orders", "deliver", id, parcel=parcel, by=who, **more)

    @rule(id=order_ids, pick=st.integers(0, 2), late=st.integers(-1, 60), who=by(shop.COURIER),
          status=st.sampled_from(("in_transit", "delivered", "delivered", "delivery_failed")),
          wrong=st.booleans(), more=OPTIONS)
    def track(
        self, id: str, pick: int, status: Any, late: int, wrong: bool, who: Actor,
        more: dict[str, Any],
    ) -> None:
        """Take in news of a parcel that there is, or is not; strike it if it was wrong."""
        order = _get(self.mall, "orders", id)
        parcels = [p.id for p in order.parcels] if order is not None else []
        parcel = parcels[pick % len(parcels)] if parcels else "p"
        then = self.time.now - late * HOUR
        news = [TrackingEvent(status, then, text="as it goes")]
        self.both("orders", "track", id, parcel=parcel, events=news, by=who, **more)
        if wrong:
            self.both("orders", "correct_tracking", id, parcel=parcel, status=status, when=then,
                      reason="wrong", by=shop.OPERATIONS)

    @rule(id=order_ids, line=st.sampled_from(("tea", "honey", "lesson")),
          until=st.integers(-1, 200), told=st.integers(-9, 1), who=by(shop.HEAD), more=OPTIONS)
    def grant_exception(
        self, id: str, line: str, until: int, told: int, who: Actor, more: dict[str, Any]
    ) -> None:
        self.both(
            "orders", "grant_exception", id, line=line, reason="harvest", by=who,
            until=until * HOUR, customer_told_at=told * HOUR, **more,
        )

    @rule(id=order_ids, lines=st.none() | st.none() | quantities,
          who=by(shop.CUSTOMER, shop.SERVICE), more=OPTIONS)
    def cancel(
        self, id: str, lines: dict[str, int] | None, who: Actor, more: dict[str, Any]
    ) -> None:
        self.both("orders", "cancel", id, reason="changed my mind", lines=lines, by=who, **more)

    @rule(id=order_ids, who=by(shop.CUSTOMER), more=OPTIONS)
    def complete(self, id: str, who: Actor, more: dict[str, Any]) -> None:
        self.both("orders", "complete", id, by=who, **more)

    @rule(id=order_ids, who=by(shop.SERVICE), more=OPTIONS)
    def archive(self, id: str, who: Actor, more: dict[str, Any]) -> None:
        self.both("orders", "archive", id, by=who, **more)

    @rule(id=order_ids, amount=st.sampled_from((TOTAL, TOTAL, TOTAL, 1)), new=st.integers(0, 3),
          currency=st.sampled_from(("CNY",) * 4 + ("USD",)), who=by(shop.PAYMENTS), more=OPTIONS)
    def paid(
        self, id: str, amount: int, new: int, currency: str, who: Actor, more: dict[str, Any]
    ) -> None:
        self.both("orders", "paid", id, amount, self.reference(new), currency=currency, by=who,
                  **more)

    @rule(id=order_ids, amount=st.sampled_from((0, 1, 5600, 20000, TOTAL)), new=st.integers(0, 3),
          lines=st.none() | quantities, case=st.sampled_from((None, None, "R1")),
          who=by(shop.PAYMENTS), more=OPTIONS)
    def refunded(
        self, id: str, amount: int, new: int, lines: dict[str, int] | None, who: Actor,
        more: dict[str, Any], case: str | None = None,
    ) -> None:
        self.both("orders", "refunded", id, amount, self.reference(new), lines=lines, by=who,
                  case=case, **more)

    def reference(self, new: int) -> str:
        self.references += bool(new)
        return f"ref-{self.references}"

    # Callbacks

    @rule(id=order_ids, who=by(shop.SERVICE), more=OPTIONS)
    def attempt(self, id: str, who: Actor, more: dict[str, Any]) -> None:
        self.both("callbacks", "attempt", id, note="no answer", by=who, **more)

    @rule(id=order_ids, satisfaction=st.sampled_from((None, "satisfied", "glad")),
          suggestion=st.sampled_from((None, "", "larger print")), who=by(shop.SERVICE),
          more=OPTIONS)
    def reach(
        self, id: str, satisfaction: Any, suggestion: str | None, who: Actor, more: dict[str, Any]
    ) -> None:
        self.both("callbacks", "reach", id, satisfaction=satisfaction, suggestion=suggestion,
                  by=who, **more)

    @rule(id=order_ids, how=st.sampled_from(("give_up", "refuse")), who=by(shop.SERVICE),
          more=OPTIONS)
    def end_callback(self, id: str, how: str, who: Actor, more: dict[str, Any]) -> None:
        self.both("callbacks", how, id, by=who, **more)

    # Listings

    @rule(id=listing_ids, how=st.sampled_from(("draft", "revise", "edit")), content=contents,
          who=by(shop.MERCHANT, shop.REVIEWER, shop.OPERATIONS), more=OPTIONS)
    def write(
        self, id: str, how: str, content: dict[str, Any], who: Actor, more: dict[str, Any]
    ) -> None:
        merchant = None if who.role == "operations" else "tea-house"
        given = more | ({"merchant": merchant} if how == "draft" else {})
        self.both("listings", how, id, content=content, by=who, **given)

    @rule(id=listing_ids, how=st.sampled_from(("submit", "start_review", "publish", "withdraw")),
          who=by(shop.MERCHANT, shop.REVIEWER, shop.OPERATIONS), more=OPTIONS)
    def handle(self, id: str, how: str, who: Actor, more: dict[str, Any]) -> None:
        given = more | ({"reason": "sold out"} if how == "withdraw" else {})
        self.both("listings", how, id, by=who, **given)

    @rule(id=listing_ids, how=st.sampled_from(("approve", "return_")), judged=criteria,
          who=by(shop.REVIEWER, shop.OPERATIONS), more=OPTIONS)
    def judge(
        self, id: str, how: str, judged: dict[str, Any], who: Actor, more: dict[str, Any]
    ) -> None:
        self.both("listings", how, id, criteria=judged, by=who, **more)

    # Complaints

    @rule(id=complaint_ids, against=st.sampled_from((None, "hu", "wang")),
          who=by(shop.CUSTOMER, shop.SERVICE), more=OPTIONS)
    def receive(self, id: str, against: str | None, who: Actor, more: dict[str, Any]) -> None:
        self.both("complaints", "receive", id, customer=shop.CUSTOMER.id, words="it was cold",
                  against=against, by=who, **more)

    @rule(id=complaint_ids, who=by(shop.SERVICE), more=OPTIONS)
    def record(self, id: str, who: Actor, more: dict[str, Any]) -> None:
        self.both("complaints", "record", id, subject="tea", remedy="money", etiquette="1",
                  by=who, **more)

    @rule(id=complaint_ids, how=st.sampled_from(("settle_opinion", "answer")),
          who=by(shop.HEAD, shop.LEADER, shop.SERVICE), more=OPTIONS)
    def speak(self, id: str, how: str, who: Actor, more: dict[str, Any]) -> None:
        self.both("complaints", how, id, text="we are sorry", by=who, **more)

    @rule(id=complaint_ids, who=by(shop.SERVICE), more=OPTIONS)
    def close(self, id: str, who: Actor, more: dict[str, Any]) -> None:
        said = {"satisfied": "yes", "remedy": "granted"}
        self.both("complaints", "close", id, by=who, **said, **more)

    # Cases

    @rule(id=case_ids, move=st.sampled_from(sorted(RIGHT)), given=givens, restock=st.booleans(),
          anybody=st.none() | st.none() | st.sampled_from(shop.EVERYBODY), more=OPTIONS)
    def handle_case(
        self, id: str, move: str, given: Given, restock: bool, anybody: Actor | None,
        more: dict[str, Any],
    ) -> None:
        asked = words(move, given, self.time.now)
        if move == "receive" and given.outcome in ("ok", "short"):
            asked["restock"] = restock
        self.both("cases", move, id, by=anybody or RIGHT[move], **asked | more)

    # Stock, capacity, services, urging, assistance

    @rule(deeds=several("stock"))
    def keep_stock(self, deeds: list[Done]) -> None:
        self.do(deeds)

    @rule(deeds=several("orders", "capacity"))
    def serve(self, deeds: list[Done]) -> None:
        self.do(deeds)

    @rule(deeds=several("urges", "assistance"))
    def urge_or_assist(self, deeds: list[Done]) -> None:
        self.do(deeds)

    def do(self, deeds: list[Done]) -> None:
        for room, move, who, id, given in deeds:
            self.both(room, move, id, by=who, **given)

    @rule(id=st.sampled_from((KEPT, "L2")))
    def confirm_what_is_booked(self, id: str) -> None:
        stock = _get(self.mall, "stock", id)
        if stock is not None:
            self.both("stock", "confirm", id, on_hand=stock.on_hand, by=shop.MERCHANT)

    # People

    @rule(how=st.sampled_from(("appoint", "dismiss")),
          post=st.sampled_from(("review", "order", "leader", head_of("operations"))),
          who=st.sampled_from(("rui", "olivia", "hu", "lin")), boss=by(shop.LEADER), more=OPTIONS)
    def designate(
        self, how: str, post: str, who: str, boss: Actor, more: dict[str, Any]
    ) -> None:
        self.both("designations", how, post, who, by=boss, **more)

    @rule(how=st.sampled_from(("appoint", "dismiss")), who=st.sampled_from(("wang", "olivia")),
          boss=by(shop.OPERATIONS), more=OPTIONS)
    def assign(self, how: str, who: str, boss: Actor, more: dict[str, Any]) -> None:
        self.both("assignments", how, "tea-house", who, by=boss, **more)

    # The right next step, so that much is reached

    @rule(id=st.sampled_from(ORDERS), steps=st.integers(1, 4), twist=twists)
    def advance_order(self, id: str, steps: int, twist: str) -> None:
        for _ in range(steps):
            order = _get(self.mall, "orders", id)
            callback = _get(self.mall, "callbacks", id)
            if order is None:
                self.place(id, shop.CUSTOMER, {}, {})
            elif order.kind == "service":
                return
            elif order.goods == "completed" and twist == "cheat" and callback.state == "due":
                self.archive(id, shop.SERVICE, {})
                self.attempt(id, shop.SERVICE, {})
            elif order.paid_at is None and order.goods != "submitted" and twist != "cheat":
                self.paid(id, TOTAL, 1, "CNY", shop.PAYMENTS, {})
            elif order.goods in WAITING and twist == "cancel":
                self.cancel(id, None, shop.CUSTOMER, {})
            elif order.goods in WAITING and twist == "except" and not order.exceptions:
                self.grant_exception(id, "tea", 100, -1, shop.HEAD, {})
            elif order.goods == "submitted":
                self.hand_over(id, "wang", shop.SERVICE, {})
            elif order.goods == "handed_over":
                self.contact_merchant(id, shop.AGENT, {})
            elif order.goods == "merchant_contacted":
                self.accept(id, shop.MERCHANT, {})
            elif order.goods == "accepted":
                lines = {n.id: n.outstanding for n in order.lines if n.outstanding}
                self.ship(id, f"x{order.version}", lines, shop.MERCHANT, {})
            elif order.goods == "shipped":
                parcel = next(p for p in order.parcels if p.delivered_at is None)
                self.deliver(id, parcel.id, shop.COURIER, {})
            elif order.goods == "delivered" and twist == "refund" and order.payment == "paid":
                self.refunded(id, 1, 1, None, shop.PAYMENTS, {})
            elif order.goods == "delivered":
                self.complete(id, shop.CUSTOMER, {})
            elif callback is not None and callback.state not in OUTCOMES and twist == "silent":
                for _ in range(3):
                    self.attempt(id, shop.SERVICE, {})
                self.end_callback(id, "give_up", shop.SERVICE, {})
            elif callback is not None and callback.state not in OUTCOMES:
                self.reach(id, "satisfied", "", shop.SERVICE, {})
            else:
                self.archive(id, shop.SERVICE, {})

    @rule(id=st.sampled_from(SERVICES), steps=st.integers(1, 4))
    def advance_service(self, id: str, steps: int) -> None:
        for _ in range(steps):
            order = _get(self.mall, "orders", id)
            if order is None:
                self.place(id, shop.CUSTOMER, {}, {})
                continue
            moves: dict[str, tuple[str, str, Actor, dict[str, Any]]] = {
                "submitted": ("orders", "hand_over", shop.SERVICE, {"to": "wang"}),
                "handed_over": ("orders", "contact_merchant", shop.AGENT, {"way": "phone"}),
                "merchant_contacted": ("orders", "accept", shop.MERCHANT, {}),
                "accepted": ("orders", "appoint", shop.MERCHANT, {"when": HOUR, "place": "home"}),
                "appointed": ("orders", "start", shop.MERCHANT, {"served_by": "nurse"}),
                "in_service": ("orders", "finish", shop.MERCHANT, {"proof": "photo"}),
                "done": ("orders", "confirm", shop.CUSTOMER, {}),
            }
            refuse = "callbacks", "refuse", shop.SERVICE, dict[str, Any]()
            room, move, who, given = moves.get(order.service, refuse)
            if order.service == "appointed" and order.payable_from is None:
                self.paid(id, TOTAL, 1, "CNY", shop.PAYMENTS, {})
            elif order.service == "completed" and _get(self.mall, "callbacks", id).state != "due":
                self.archive(id, shop.SERVICE, {})
            else:
                self.both(room, move, id, by=who, **given)

    @rule(id=case_ids, steps=st.integers(1, 7), given=givens, pick=st.sampled_from((0, 0, 1, 2, 3)))
    def advance_case(self, id: str, steps: int, given: Given, pick: int) -> None:
        """Lead a case on: the way that most go, or by another move that its state has."""
        for step in range(steps):
            case = _get(self.mall, "cases", id)
            order = _get(self.mall, "orders", given.order)
            ways = () if case is None else WAYS.get(case.state, ())
            if case is None and (order is None or order.goods in (*WAITING, "shipped")):
                self.advance_order(given.order, 2, "")
            elif case is None:
                self.handle_case(id, "open", replace(given, lines={"tea": 1}), True, None, {})
            elif case.due is not None and case.booked < case.due:
                self.refunded(case.order, case.due - case.booked, 1, None, shop.PAYMENTS, {}, id)
            elif ways:
                number = (case.state == "contacted" and case.ground is not None) + step * pick
                move = ways[number % len(ways)]
                if move == "wait":
                    self.wait(49, True)
                else:
                    self.handle_case(id, move, given, True, None, {})

    @rule(id=listing_ids, steps=st.integers(1, 6), twist=twists)
    def advance_listing(self, id: str, steps: int, twist: str) -> None:
        for _ in range(steps):
            listing = _get(self.mall, "listings", id)
            own = listing is not None and listing.merchant is None
            writer = shop.OPERATIONS if own else shop.MERCHANT
            author = shop.REVIEWER if twist == "cheat" else writer
            if listing is None:
                self.write(id, "draft", shop.CONTENT, author, {})
            elif listing.work in ("draft", "submitted", "approved"):
                how, who = {
                    "draft": ("submit", author), "submitted": ("start_review", shop.REVIEWER),
                    "approved": ("publish", shop.OPERATIONS),
                }[listing.work]
                self.handle(id, how, who, {})
            elif listing.work == "in_review" and twist == "cancel":
                self.judge(id, "return_", shop.FAILED, shop.REVIEWER, {})
            elif listing.display == "shown" and twist == "except":
                self.handle(id, "withdraw", shop.OPERATIONS, {})
            elif listing.work == "in_review":
                self.judge(id, "approve", shop.PASSED, shop.REVIEWER, {})
            else:
                how = "edit" if listing.work == "published" else "revise"
                self.write(id, how, shop.CONTENT, author, {})

    @rule(id=complaint_ids, steps=st.integers(1, 3), wait=st.booleans(), cheat=st.booleans())
    def advance_complaint(self, id: str, steps: int, wait: bool, cheat: bool = False) -> None:
        for _ in range(steps):
            complaint = _get(self.mall, "complaints", id)
            if complaint is None:
                self.receive(id, None, shop.CUSTOMER, {})
            elif complaint.recorded_at is None:
                self.record(id, shop.SERVICE, {})
            elif complaint.state == "escalated" and complaint.opinion is None and cheat:
                cheat = False
                self.speak(id, "answer", shop.SERVICE, {})
            elif complaint.state == "escalated" and (not wait or complaint.raised_at is not None):
                self.speak(id, "settle_opinion", shop.LEADER, {})
            elif complaint.state == "answered":
                self.close(id, shop.SERVICE, {})
            elif wait and complaint.state in ("recorded", "escalated"):
                self.time.pass_(hours=25)
                self.sweep(0)
            else:
                self.speak(id, "answer", shop.SERVICE, {})

    # Time, and what works in the background

    @rule(hours=st.sampled_from((0.01, 1, 5, 13, 25, 49, 73)), and_sweep=st.booleans())
    def wait(self, hours: float, and_sweep: bool) -> None:
        self.time.pass_(hours=hours)
        if and_sweep:
            self.sweep(0)

    @rule(ahead=st.sampled_from((0, 0, 0, 0, -30, 3)))
    def sweep(self, ahead: int) -> None:
        now = self.time.now + ahead * HOUR
        first, second = (mall.sweep(now) for mall in self.malls)
        assert first == second
        assert first.failed == ()
        for mall in self.malls:
            before = _view(mall)
            assert mall.sweep(now) == type(first)()
            assert _view(mall) == before
        self.reached["breached"] += first.breached
        self.reached["warned"] += first.warned
        for complaint in _all(self.mall, "complaint"):
            if complaint.answered_at is None and any(
                r.due < shop.us(now) for r in _clocks(self.mall)
                if (r.subject, r.name) == (f"complaint/{complaint.id}", ANSWERING)
            ):
                assert complaint.state in ("escalated", "opinion_settled")

    @rule()
    def seal(self) -> None:
        first, second = (mall.seal() for mall in self.malls)
        assert first == second
        assert not self.mall.seal().roots
        self.reached["sealed"] += first.roots

    @rule(ahead=st.sampled_from((0, 0, 1)))
    def relay(self, ahead: int) -> None:
        first, second = (mall.relay(self.time.now + ahead * HOUR) for mall in self.malls)
        assert first == second
        self.reached["retried"] += first.retried

    @precondition(lambda self: self.keyed)
    @rule(data=st.data(), other=st.booleans())
    def do_it_again_with_the_same_key(self, data: st.DataObject, other: bool) -> None:
        self.repeat(data.draw(st.sampled_from(self.keyed)), other)

    def repeat(self, said: Said, other: bool) -> None:
        """Say it again with the same key; if ``other``, by somebody else."""
        room, move, args, given = said
        if other:
            given = given | {"by": NOBODY}
        for mall in self.malls:
            before = _view(mall)
            answer = _outcome(mall, (room, move, args, given))
            assert answer[0] == ("key-reused" if other else "moved")
            after = _view(mall)
            if other:
                assert len(after.pop("entries")) == len(before.pop("entries")) + 1
                assert len(after.pop("unsealed")) == len(before.pop("unsealed")) + 1
            assert after == before
            self.reached["key-reused" if other else "repeated"] += 1

    # What always holds

    @invariant()
    def nothing_unreviewed_is_shown(self) -> None:
        for listing in _all(self.mall, "listing"):
            if listing.shown is None:
                assert listing.display != "shown"
                continue
            self.reached["shown"] += 1
            version = listing.versions[listing.shown - 1]
            assert version.review.approved
            assert version.review.content == version.content.digest
            assert version.review.reviewer not in version.authors
            assert all(c.passed for c in version.review.criteria.values())
            assert set(shop.PASSED) <= set(version.review.criteria)
            approvals = [
                e["facts"]["designation.review"]
                for e in self.mall.journal("listing", listing.id)
                if e["what"] == "listing.approve" and e["outcome"] == "moved"
                and e["at"] == version.review.at
            ]
            assert any(version.review.reviewer in designated for designated in approvals)

    @invariant()
    def nothing_is_shipped_unpaid_but_cash_on_delivery(self) -> None:
        for order in _all(self.mall, "order"):
            for parcel in order.parcels:
                assert order.cash_on_delivery or parcel.shipped_at >= order.paid_at

    @invariant()
    def what_is_paid_and_has_not_left_has_one_clock(self) -> None:
        running = Counter(
            (r.subject, r.part)
            for r in _clocks(self.mall, *OPEN_CLOCKS)
            if r.name == SHIPPING
        )
        assert running == Counter(
            (f"order/{order.id}", line.id)
            for order in _all(self.mall, "order")
            if order.goods in WAITING and (order.cash_on_delivery or order.paid_at is not None)
            for line in order.lines
            if line.courier and line.ordered > line.shipped + line.cancelled + line.refunded
        )

    @invariant()
    def a_completed_order_has_one_callback_and_an_archived_one_its_outcome(self) -> None:
        orders = _all(self.mall, "order")
        callbacks = {c.id: c for c in _all(self.mall, "callback")}
        assert set(callbacks) == {o.id for o in orders if o.completed_at is not None}
        for order in orders:
            if order.track == "archived":
                assert callbacks[order.id].state in OUTCOMES

    @invariant()
    def quantities_and_money_add_up(self) -> None:
        booked: Counter[str] = Counter()
        for booking in _all(self.mall, "booking"):
            booked[booking.order] += booking.amount
        for order in _all(self.mall, "order"):
            assert 0 <= order.returned_money <= order.received
            assert order.received - order.returned_money - order.owed_back <= order.total
            assert booked[order.id] == order.received + order.returned_money
            left: Counter[str] = Counter()
            for parcel in order.parcels:
                left.update(parcel.lines)
            for line in order.lines:
                assert min(line.shipped, line.cancelled, line.refunded) >= 0
                assert line.shipped + line.cancelled + line.refunded <= line.ordered
                assert order.kind == "service" or line.shipped == left[line.id]

    @invariant()
    def what_cases_claim_and_settle_was_delivered_and_what_is_due_for_them_is_due(self) -> None:
        cases = _all(self.mall, "case")
        for order in _all(self.mall, "order"):
            about = [case for case in cases if case.order == order.id]
            for line in order.lines:
                assert line.claimed == sum(claims(c).get(line.id, 0) for c in about)
                assert line.returned == sum(returns(c).get(line.id, 0) for c in about)
                assert line.claimed + line.returned <= order.delivered_of(line.id)
            for case in about:
                assert order.due_for(case.id) == (case.due or 0) - case.booked
            assert sum(case.booked for case in about) <= order.returned_money

    @invariant()
    def no_service_begins_unpaid_and_no_day_has_more_than_its_capacity(self) -> None:
        for order in _all(self.mall, "order"):
            if order.served is not None:
                since = order.payable_from
                assert since is not None
                assert since <= order.served.started_at
                self.reached["served"] += 1
        for capacity in _all(self.mall, "capacity"):
            for day, total in capacity.days.items():
                assert capacity.reserved(day) <= total

    @invariant()
    def stock_is_the_sum_of_what_was_booked_and_holds_what_orders_wait_for(self) -> None:
        waiting: Counter[tuple[str, str]] = Counter()
        shipped: Counter[str] = Counter()
        for order in _all(self.mall, "order"):
            for line in order.lines if order.kind == "goods" else ():
                waiting[line.listing, order.id] += line.outstanding
                shipped[line.listing] += line.shipped
        for stock in _all(self.mall, "stock"):
            booked = 0
            taken = 0
            for entry in self.mall.journal("stock", stock.id):
                if entry["outcome"] != "moved":
                    continue
                what, args = entry["what"].partition(".")[2], entry["args"]
                if what in ("receive", "restock"):
                    booked += args["quantity"]
                elif what in ("take", "write_off"):
                    booked -= args["quantity"]
                    taken += args["quantity"] if what == "take" else 0
                elif what == "count":
                    booked = sum(args["lots"].values())
            assert stock.on_hand == booked
            assert all(0 <= lot.damaged <= lot.quantity for lot in stock.lots)
            for holder, held in stock.holds.items():
                assert held <= waiting[stock.id, holder]
            if stock.id == KEPT:
                assert taken == shipped[KEPT]
                assert stock.holds == {
                    order: n for (listing, order), n in waiting.items() if listing == KEPT and n
                }

    @invariant()
    def open_clocks_are_those_that_the_records_ask_for(self) -> None:
        book, pack = self.mall.book, self.mall.policy.settings
        asked: dict[tuple[str, str, str], ClockRow] = {}
        for kind, record in self.records():
            subject = subject_of(kind, record.id)
            for change in changes(book.watching[kind], record, subject, (), 0, pack, pack):
                if change.did == "started":
                    asked[subject, change.row.name, change.row.part] = change.row
        there = {(r.subject, r.name, r.part): r for r in _clocks(self.mall, *OPEN_CLOCKS)}
        assert there.keys() == asked.keys()
        for key, row in there.items():
            assert (row.started, row.limit) == (asked[key].started, asked[key].limit), key
            assert row.state == "breached" or row.due == asked[key].due, key

    @invariant()
    def nothing_has_moved_that_a_rule_refused_and_whatever_moved_was_told(self) -> None:
        """Every move has its verdicts, its events, and what other rooms do because of it."""
        told = {m.id: m for m in self.messages()}
        followed: dict[str, set[str]] = {}
        with self.mall.read() as tx:
            entries = [json.loads(row.body) for row in tx.entries()]
        for entry in entries:
            if cause := entry["actor"].get("cause"):
                followed.setdefault(cause, set()).add(entry["what"])
        moved = {f"{e['subject']}#{e['seq']}": e for e in entries if e["outcome"] == "moved"}
        for id, entry in moved.items():
            assert all(v["outcome"] == "allowed" for v in entry["verdicts"])
            for number, event in enumerate(self.events(entry)):
                message = told[f"{id}.{number}"]
                assert json.loads(message.body)["name"] == event
                move = SURE.get((entry["subject"].partition("/")[0], event))
                assert move is None or move in followed.get(id, ()), (id, event)
        causes = moved.keys() | {
            f"{e['subject']}#{e['seq']}" for e in entries if e["outcome"] == "clock"
        }
        assert {cause for cause in followed if "#" in cause} <= causes

    def events(self, entry: dict[str, Any]) -> Iterator[str]:
        """Yield the events of a move and of those that followed by themselves, by the tables."""
        kind = self.mall.book.kind(entry["subject"].partition("/")[0])
        steps = [(entry["what"].partition(".")[2], entry["from"]),
                 *((step["move"], step["from"]) for step in entry.get("followed", ()))]
        for name, source in steps:
            yield next(
                t.event for machine in kind.machines for t in machine.transitions
                if t.name == name and source in t.sources
            )

    def records(self) -> Iterator[tuple[str, Record]]:
        for kind in self.mall.book.kinds:
            yield from ((kind, record) for record in _all(self.mall, kind))

    def messages(self) -> list[Message]:
        with self.mall.read() as tx:
            return list(tx.messages(get_args(MessageState), 10_000))

    @invariant()
    def every_entry_is_there_with_its_move_and_decides_alike_again(self) -> None:
        versions: dict[str, int] = {}
        with self.mall.read() as tx:
            rows = list(tx.entries())
        for row in rows:
            entry = json.loads(row.body)
            if entry["outcome"] == "moved":
                self.count(row, entry)
                versions[row.subject] = versions.get(row.subject, 0) + 1
                assert entry["version"] == versions[row.subject]
            if row.seq <= self.seen.get(row.subject, 0):
                continue
            self.seen[row.subject] = row.seq
            for said in entry.get("verdicts", ()):
                asked = self.mall.book.rules.get(said["rule"])
                if asked is not None:
                    verdict = asked.verdict(entry["facts"])
                    assert verdict.outcome == said["outcome"]
                    assert list(verdict.missing) == said.get("missing", [])
        assert versions == {
            f"{kind}/{record.id}": record.version
            for kind in self.mall.book.kinds
            for record in _all(self.mall, kind)
        }

    def count(self, row: EntryRow, entry: dict[str, Any]) -> None:
        if row.seq > self.seen.get(row.subject, 0):
            for step in (entry, *entry.get("followed", ())):
                self.reached[step["to"]] += 1
            self.reached[entry["what"]] += 1

    @invariant()
    def the_journal_is_whole(self) -> None:
        assert self.mall.verify(self.outside[0].roots).passed


def _outcome(mall: Mall, said: Said) -> tuple[Any, ...]:
    room, move, args, given = said
    try:
        return "moved", getattr(getattr(mall, room), move)(*args, **given)
    except Refused as refused:
        no = refused.decision
        return "refused", no.rules, no.missing, no.state, str(refused)
    except EldermallError as error:
        return error.code, str(error)


def _get(mall: Mall, room: str, id: str) -> Any:
    return next((r for r in _all(mall, ROOMS[room].kind) if r.id == id), None)


def _all(mall: Mall, kind: str) -> list[Any]:
    with mall.read() as tx:
        return [mall.book.kind(kind).record(row) for row in tx.find(kind)]


def _clocks(mall: Mall, *states: ClockState) -> list[Any]:
    with mall.read() as tx:
        return list(tx.clocks(states or get_args(ClockState), limit=10_000))


def _view(mall: Mall) -> dict[str, Any]:
    """Return all that a mall holds but what is random: salts, and the hashes over them."""
    with mall.read() as tx:
        return {
            "records": {k: tx.find(k) for k in mall.book.kinds},
            "clocks": list(tx.clocks(get_args(ClockState), limit=10_000)),
            "entries": [(row.subject, row.seq, _plain(row.body)) for row in tx.entries()],
            "messages": [
                (m.id, m.topic, m.created, m.next, m.state, m.attempts, m.reason,
                 m.topic == "root" or re.sub(rb'"mark":"\w{8}"', b"", m.body))
                for m in tx.messages(get_args(MessageState), 10_000)
            ],
            "unsealed": [(leaf.subject, leaf.seq) for leaf in tx.unsealed(10_000)],
            "roots": [row.number for row in tx.roots()],
        }


def _plain(body: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(body)
    args = {
        name: "hidden" if isinstance(value, dict) and "commitment" in value else value
        for name, value in entry.get("args", {}).items()
    }
    return entry | {"args": args, "prev": ""}


PROMISES = (
    Life.nothing_unreviewed_is_shown,
    Life.nothing_is_shipped_unpaid_but_cash_on_delivery,
    Life.what_is_paid_and_has_not_left_has_one_clock,
    Life.a_completed_order_has_one_callback_and_an_archived_one_its_outcome,
    Life.quantities_and_money_add_up,
    Life.what_cases_claim_and_settle_was_delivered_and_what_is_due_for_them_is_due,
    Life.no_service_begins_unpaid_and_no_day_has_more_than_its_capacity,
    Life.stock_is_the_sum_of_what_was_booked_and_holds_what_orders_wait_for,
    Life.open_clocks_are_those_that_the_records_ask_for,
    Life.nothing_has_moved_that_a_rule_refused_and_whatever_moved_was_told,
    Life.every_entry_is_there_with_its_move_and_decides_alike_again,
    Life.the_journal_is_whole,
)


@cache
def lived() -> Counter[str]:
    """Live through many lives; return how often what was reached."""
    often = settings(max_examples=shop.times(50), stateful_step_count=30)
    run_state_machine_as_test(Life, settings=often)
    return Life.reached


def test_the_promises_hold_whatever_anybody_does() -> None:
    assert lived()["moved"] > shop.times(500)


@pytest.mark.skipif(shop.QUICK, reason="a few lives don't reach everything")
def test_life_goes_deep_enough_to_put_the_promises_to_the_test() -> None:
    deep = {
        "moved", "refused", "conflict", "key-reused", "invalid", "repeated", "sealed", "retried",
        "breached", "shown", "shipped", "delivered", "completed", "archived", "cancelled", "paid",
        "escalated", "opinion_settled", "closed", "served", "urge.open", "stock.reserve",
        "stock.take", "stock.release", "capacity.reserve", "case.open", "order.claim",
        "case.approve", "case.fall_due", "case.book_refund",
    }
    assert {name for name in deep if not lived()[name]} == set()


def test_the_promises_hold_in_a_life_that_reaches_every_end() -> None:
    class ByHand(Life):
        reached: ClassVar[Counter[str]] = Counter()

    life = ByHand()
    given = Given("A1", {"tea": 1}, "return", "damaged", "unused", "ok", {}, "none", None, 1)
    returned, exchanged = given, replace(given, order="A2", remedy="exchange")
    steps: list[Callable[[], None]] = [
        *[partial(life.advance_order, "A1", 1, "cheat")] * 7,
        *[partial(life.advance_listing, "L2", 1, "cheat")] * 7,
        *[partial(life.advance_order, id, 1, twist)
          for id, twist in (("A1", "refund"), ("A2", "silent")) for _ in range(12)],
        *[partial(life.advance_order, "A3", 1, "except")] * 6,
        *[partial(life.advance_complaint, "C1", 1, True, True)] * 6,
        *[partial(life.advance_complaint, "C2", 1, False)] * 4,
        *[partial(life.advance_listing, "L1", 1, "cancel")] * 5,
        *[partial(life.advance_listing, "L1", 1, "except")] * 7,
        partial(life.place, "A9", shop.CUSTOMER, {"cash_on_delivery": True}, {"key": "k"}),
        partial(life.wait, 73, True), life.seal, partial(life.relay, 0),
        partial(life.cancel, "A9", {"tea": 1}, shop.CUSTOMER, {"key": "k"}),
        partial(life.cancel, "A9", None, shop.CUSTOMER, {}), life.seal, partial(life.relay, 1),
        partial(life.advance_order, "A3", 1, "except"), partial(life.wait, 5, False),
        partial(life.track, "A3", 0, "in_transit", 0, False, shop.COURIER, {}),
        partial(life.track, "A3", 0, "delivered", 0, True, shop.COURIER, {}),
        *[partial(life.advance_service, "S1", 1)] * 11,
        *[partial(life.advance_service, "S2", 1)] * 5,  # its day is taken by the first
        *[partial(life.do, [("orders", move, shop.MERCHANT, "S2", words)]) for move, words in (
            ("appoint", {"when": 25 * HOUR, "place": "at home"}), ("start", {"served_by": "nurse"}),
        )],
        partial(life.cancel, "S2", None, shop.CUSTOMER, {}),
        *[partial(life.advance_case, "R1", 1, returned, 0)] * 9,
        *[partial(life.advance_case, "R2", 1, exchanged, 0)] * 7,
        *[partial(life.do, [("cases", move, shop.OPERATIONS, "R2", {})])
          for move in ("send_replacement", "deliver_replacement")],
        partial(life.handle_case, "R2", "close", exchanged, False, None, {}),
        *[partial(life.do, [done]) for done in list[Done]((
            ("stock", "inspect", shop.MERCHANT, KEPT, {"lot": "R1"}),
            ("stock", "damage", shop.MERCHANT, KEPT, {"lot": "l1", "quantity": 1, "cause": "wet"}),
            ("stock", "write_off", shop.MERCHANT, KEPT,
             {"lot": "l1", "quantity": 1, "cause": "wet", "disposal": "composted"}),
            ("stock", "count", shop.MERCHANT, KEPT,
             {"lots": {"l1": 0, "R1": 0, "R2": 0}, "cause": "lost"}),
            ("stock", "close", shop.MERCHANT, KEPT, {}),
            ("capacity", "close", shop.MERCHANT, "L3", {}),
            ("assistance", "appoint", shop.OPERATIONS, "J1", {"who": "wang"}),
            ("assistance", "arrive", shop.AGENT, "J1", {"where": "3 Lake Road"}),
            *(("assistance", "mark", shop.AGENT, "J1", {"step": step, "outcome": "done"})
              for step in ("photography", "image_processing", "detail_page", "listing")),
            ("assistance", "finish", shop.AGENT, "J1", {}),
        ))],
    ]
    try:
        for step in steps:
            step()
            for promise in PROMISES:
                promise(life)
    finally:
        life.teardown()
    ends = {
        "archived", "cancelled", "part_refunded", "order.grant_exception", "done", "unreachable",
        "complaint.raise", "closed", "returned", "off_display", "warned", "breached", "repeated",
        "stock.restock", "stock.release", "stock.take", "out", "order.take_back", "refunded",
        "replaced", "capacity.release", "served", "order.confirm", "urge.open", "assistance.finish",
    }
    assert {name for name in ends if not life.reached[name]} == set()

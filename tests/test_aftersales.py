"""Whatever anybody does to cases and their orders, in whatever order: nobody loses by it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from eldermall import Actor, Mall, Refused
from eldermall.contracts.storage import OPEN_CLOCKS
from eldermall.rooms.aftersales import Case, Cases
from tests import shop

ORDERS = ("A1", "A2", "A3")
CASES = ("C1", "C2", "C3", "C4")
HOUR = timedelta(hours=1)
LONGEST = 7 * 24 * HOUR
UNSETTLED = ("opened", "contacted", "merchant_contacted", "approved", "returning", "received")

case_ids = st.sampled_from(CASES)
order_ids = st.sampled_from(ORDERS)
quantities = st.dictionaries(
    st.sampled_from(("tea", "tea", "honey")), st.integers(1, 3), min_size=1, max_size=2
)


@dataclass(frozen=True)
class Given:
    """What somebody says, should their move ask for it."""

    order: str
    lines: dict[str, int]
    remedy: str
    ground: str
    item_state: str
    outcome: str
    arrived: dict[str, int]
    resolution: str
    refund: int | None
    hours: int


givens = st.builds(
    Given,
    order=order_ids,
    lines=quantities,
    remedy=st.sampled_from(("return", "refund_only", "exchange")),
    ground=st.sampled_from(("changed_mind", "damaged", "fancy")),
    item_state=st.sampled_from(("unused", "worn")),
    outcome=st.sampled_from(("ok", "ok", "lost", "short", "wrong_item", "damaged")),
    arrived=quantities,
    resolution=st.sampled_from(("refund", "replace", "none")),
    refund=st.sampled_from((None, None, 1, 5000, 90000)),
    hours=st.sampled_from((1, 5, 30, 100, 200)),
)

RIGHT: dict[str, Actor] = {
    "open": shop.CUSTOMER, "contact": shop.SERVICE, "attempt": shop.SERVICE,
    "give_up": shop.SERVICE, "record": shop.SERVICE, "choose": shop.CUSTOMER,
    "contact_merchant": shop.AGENT, "approve": shop.OPERATIONS, "decline": shop.OPERATIONS,
    "send_back": shop.CUSTOMER, "receive": shop.OPERATIONS, "resolve": shop.OPERATIONS,
    "send_replacement": shop.OPERATIONS, "deliver_replacement": shop.CUSTOMER,
    "tell": shop.SERVICE, "close": shop.SERVICE, "withdraw": shop.CUSTOMER,
    "hold": shop.SERVICE, "resume": shop.SERVICE,
}
"""Who may make each move of a case."""

WAYS: dict[str, tuple[str, ...]] = {
    "opened": ("contact", "contact", "attempt", "give_up", "hold", "withdraw"),
    "contacted": ("record", "contact_merchant", "approve", "decline", "choose", "hold"),
    "merchant_contacted": ("approve", "approve", "decline", "choose", "hold", "wait"),
    "approved": (
        "send_back", "receive", "send_replacement", "deliver_replacement", "choose", "withdraw",
    ),
    "returning": ("receive", "receive", "hold"),
    "received": (
        "resolve", "send_replacement", "deliver_replacement", "tell", "close", "resume",
    ),
    "declined": ("tell", "close"),
    "refunded": ("close",),
    "replaced": ("close",),
}
"""Which moves lead a case on, by its state."""


def words(move: str, given: Given, now: datetime) -> dict[str, Any]:
    """Return what a move of a case asks for."""
    if move in ("contact", "attempt", "contact_merchant", "tell"):
        return {"note": "by phone"}
    asked: dict[str, dict[str, Any]] = {
        "open": {
            "order": given.order, "customer": shop.CUSTOMER.id, "lines": given.lines,
            "remedy": given.remedy, "words": "It is not what I hoped for.",
        },
        "record": {
            "ground": given.ground, "item_state": given.item_state, "wish": "a new one",
        },
        "choose": {"remedy": given.remedy},
        "decline": {"reason": "we don't want to"},
        "receive": {
            "outcome": given.outcome,
            "arrived": given.arrived if given.outcome == "short" else None,
        },
        "resolve": {
            "outcome": given.resolution, "reason": "as we found it",
            "refund": given.refund if given.resolution == "refund" else None,
        },
        "hold": {"reason": "the photos", "until": now + given.hours * HOUR},
    }
    return asked.get(move, {})


def serve(mall: Mall, time: shop.Time, id: str) -> None:
    """Take a new order of services until they are done."""
    shop.place(mall, id, kind="service")
    shop.pay(mall, id)
    shop.accept(mall, id)
    mall.orders.appoint(id, when=time.now + HOUR, place="at home", by=shop.MERCHANT)
    time.now += HOUR
    mall.orders.start(id, served_by="zhao", by=shop.MERCHANT)
    mall.orders.finish(id, proof="photo-1", by=shop.MERCHANT)


def sell(mall: Mall, id: str, *, own: bool) -> None:
    """Take a new order of goods until one parcel of two has arrived."""
    shop.place(mall, id, **{"merchant": None} if own else {})
    shop.pay(mall, id)
    mall.orders.hand_over(id, to=shop.AGENT.id, by=shop.SERVICE)
    if not own:
        mall.orders.contact_merchant(id, way="phone", by=shop.AGENT)
    mall.orders.accept(id, by=shop.OPERATIONS)
    for lines in ({"tea": 2}, {"tea": 1, "honey": 1}):
        shop.ship(mall, id, lines, by=shop.OPERATIONS)
    mall.orders.deliver(id, parcel="p-tea", by=shop.COURIER)


def claims(case: Case) -> dict[str, int]:
    """Return the quantities that nobody else may claim, by what the case says."""
    open_ = case.state in UNSETTLED and case.due is None and case.resolution != "none"
    return case.lines if open_ else {}


def returns(case: Case) -> dict[str, int]:
    """Return the quantities that the case has settled by money."""
    return {} if case.due is None else (case.arrived or case.lines)


def expected_clocks(case: Case) -> set[str]:
    """Return the clocks that a case in its state must have, and no others."""
    wanted = set()
    if case.state == "opened":
        wanted.add("contact-in-time")
    if case.state == "contacted" and case.merchant is not None:
        wanted.add("merchant-contact-in-time")
    asked = "contacted" if case.merchant is None else "merchant_contacted"
    if case.state == asked:
        wanted.add("entitled-approved-in-time" if case.entitled else "merchant-answers-in-time")
    if case.state == "returning":
        wanted.add("received-in-time")
    owed = case.due is not None if case.state == "approved" else case.resolution != "none"
    if case.state in ("approved", "received") and owed and case.replacement is None:
        wanted.add("settled-in-time")
    if case.state in UNSETTLED and any(h.ended is None for h in case.holds[-1:]):
        wanted.add("hold-ends")
    return {f"aftersales.{name}@1" for name in wanted}


def last_moment(started: int, limit: int, spans: Sequence[tuple[int, int]]) -> int:
    """Return when ``limit`` has been used up, minute by minute so to say, outside the spans."""
    at, left = started, limit
    for since, until in spans:
        if until <= at:
            continue
        runs = max(0, since - at)
        if runs > left or (runs == left and since > at + left):
            break
        left -= runs
        at = until
    return at + left


class Life(RuleBasedStateMachine):
    """One mall with an order of a merchant's goods, one of own goods, and one of services."""

    reached: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.time = shop.Time()
        self.mall = shop.open_mall("memory:", self.time)
        shop.staff(self.mall)
        sell(self.mall, "A1", own=False)
        sell(self.mall, "A2", own=True)
        serve(self.mall, self.time, "A3")
        self.references = 0

    def teardown(self) -> None:
        assert self.mall.verify().passed
        self.mall.close()

    def do(self, room: str, move: str, id: str, **given: Any) -> bool:
        """Make a move if it may be made."""
        try:
            record = getattr(getattr(self.mall, room), move)(id, **given)
        except Refused:
            return False
        self.reached[f"{move}:{getattr(record, 'state', '')}"] += 1
        return True

    def cases(self) -> list[Case]:
        with self.mall.read() as tx:
            kind = self.mall.book.kind("case")
            return [kind.record(row) for row in tx.find("case")]  # type: ignore[misc]

    def make(self, move: str, id: str, given: Given, who: Actor | None = None) -> bool:
        return self.do("cases", move, id, by=who or RIGHT[move],
                       **words(move, given, self.time.now))

    @initialize(given=givens, steps=st.sampled_from((6, 5, 4, 3, 2, 1, 0)))
    def open_in_the_middle(self, given: Given, steps: int) -> None:
        """Begin somewhere on the way that most cases go."""
        given = replace(given, lines={"tea": 2}, outcome="ok")
        way = ("open", "contact", "record", "contact_merchant", "approve", "send_back", "receive")
        for move in way[: steps + 1]:
            self.make(move, "C1", given)

    @rule(id=case_ids, given=givens, pick=st.integers(0, 5))
    def lead_on_once(self, id: str, given: Given, pick: int) -> None:
        """Make one of the moves that lead a case on from where it is."""
        self.lead_on(id, given, pick)

    def lead_on(self, id: str, given: Given, pick: int) -> None:
        if not self.known(id):
            self.make("open", id, replace(given, lines={"tea": 1 + pick % 2}))
            return
        case = self.case(id)
        if case.due is not None and case.booked < case.due:
            self.refund(case.order, pick % 2 == 0, id, "half" if pick < 3 else "all")
        elif ways := WAYS.get(case.state):
            move = ways[pick % len(ways)]
            if move == "wait":
                self.wait(60, True)
            else:
                self.decide(move, id, given)

    @rule(id=case_ids, given=givens, picks=st.lists(st.integers(0, 5), min_size=2, max_size=6))
    def lead_far_on(self, id: str, given: Given, picks: list[int]) -> None:
        """Make several such moves."""
        for pick in picks:
            self.lead_on(id, given, pick)

    def decide(self, move: str, id: str, given: Given, who: Actor | None = None) -> None:
        """Make a move, of which some are never made of some cases."""
        before = self.case(id) if self.known(id) else None
        overdue = [
            row.name for row in self.mall.clocks()
            if row.subject == f"case/{id}" and row.due < shop.us(self.time.now)
            and row.name != "aftersales.hold-ends@1"
        ]
        made = self.make(move, id, given, who)
        if before is not None and before.entitled:
            assert not (made and move == "decline")
        assert not (made and move == "hold" and overdue)

    @rule(id=case_ids, move=st.sampled_from(sorted(RIGHT)), given=givens,
          who=st.none() | st.sampled_from(shop.EVERYBODY))
    def anybody_tries_anything(
        self, id: str, move: str, given: Given, who: Actor | None
    ) -> None:
        self.decide(move, id, given, who)

    @rule(
        order=order_ids, named=st.booleans(), id=case_ids,
        part=st.sampled_from(("all", "half", "more")),
    )
    def refund(self, order: str, named: bool, id: str, part: str) -> None:
        """Pay back what is due for a case, a part of it, or more, with or without its name."""
        self.references += 1
        due = self.mall.orders.get(order).due_for(id)
        amount = {"all": due, "half": due // 2, "more": due + 1}[part]
        self.do("orders", "refunded", order, amount=amount, reference=f"r{self.references}",
                by=shop.PAYMENTS, case=id if named else None)

    @rule(order=order_ids, move=st.sampled_from(("deliver", "complete", "archive", "goodwill")))
    def go_on_with_the_order(self, order: str, move: str) -> None:
        if order == "A3":
            move = "confirm" if move in ("deliver", "complete") else move
        given: dict[str, Any] = {"by": shop.OPERATIONS}
        if move == "deliver":
            given["parcel"] = "p-tea-honey"
        if move == "goodwill":
            self.references += 1
            move, given = "refunded", given | {"amount": 700, "reference": f"r{self.references}"}
        self.do("orders", move, order, **given)

    @rule(hours=st.sampled_from((0.5, 3, 20, 60, 200)), sweep=st.booleans())
    def wait(self, hours: float, sweep: bool) -> None:
        self.time.pass_(hours=hours)
        if sweep:
            failed = self.mall.sweep().failed
            assert not [f for f in failed if f.subject.startswith("case/")]

    # What always holds

    def known(self, id: str) -> bool:
        return any(case.id == id for case in self.cases())

    def case(self, id: str) -> Case:
        return self.mall.cases.get(id)

    @invariant()
    def what_is_in_cases_and_what_they_settled_was_delivered(self) -> None:
        for id in ORDERS:
            order = self.mall.orders.get(id)
            about = [case for case in self.cases() if case.order == id]
            for line in order.lines:
                assert line.claimed == sum(claims(c).get(line.id, 0) for c in about)
                assert line.returned == sum(returns(c).get(line.id, 0) for c in about)
                assert line.claimed + line.returned <= order.delivered_of(line.id)

    @invariant()
    def refunds_never_exceed_what_was_received_nor_what_is_due(self) -> None:
        for id in ORDERS:
            order = self.mall.orders.get(id)
            about = [case for case in self.cases() if case.order == id]
            assert order.returned_money <= order.received
            assert sum(c.booked for c in about) <= order.returned_money
            assert sum(debt.amount for debt in order.debts) == order.owed_back
            for case in about:
                assert order.due_for(case.id) == (case.due or 0) - case.booked
                assert case.state != "refunded" or case.booked == case.due

    @invariant()
    def what_falls_due_is_asked_for_once(self) -> None:
        asked: Counter[str] = Counter()
        for message in self.mall.messages():
            if message.topic == "refund":
                fields = json.loads(message.body)
                asked[fields["data"]["order"]] += fields["data"]["amount"]
        for id in ORDERS:
            order = self.mall.orders.get(id)
            assert asked[id] == order.owed_back + order.returned_money - order.goodwill

    @invariant()
    def no_case_that_meets_the_conditions_is_declined(self) -> None:
        assert not [c for c in self.cases() if c.state == "declined" and c.entitled]

    @invariant()
    def a_case_is_decided_after_contact_and_facts(self) -> None:
        for case in self.cases():
            if case.decided_at is not None:
                assert case.reached or case.attempts >= 3
                assert None not in (case.ground, case.item_state, case.wish)
                assert case.merchant is None or case.merchant_contacted_at is not None

    @invariant()
    def a_case_closes_with_money_or_a_replacement_or_with_an_answer(self) -> None:
        for case in self.cases():
            if case.state == "closed":
                paid = case.due is not None and case.booked == case.due
                answered = case.told_at is not None and case.reason is not None
                assert paid or case.replaced_at is not None or answered

    @invariant()
    def every_case_has_exactly_the_clocks_that_its_state_asks_for(self) -> None:
        running: dict[str, set[str]] = {f"case/{case.id}": set() for case in self.cases()}
        for row in self.mall.clocks():
            if row.subject in running:
                assert row.state in OPEN_CLOCKS
                running[row.subject].add(row.name)
        for case in self.cases():
            assert running[f"case/{case.id}"] == expected_clocks(case), case

    @invariant()
    def waits_move_the_due_moment_by_their_length_and_stay_within_the_limit(self) -> None:
        spans = {f"case/{case.id}": [h.span for h in case.holds] for case in self.cases()}
        for row in self.mall.clocks("running"):
            if row.subject in spans and "hold-ends" not in row.name:
                assert row.due == last_moment(row.started, row.limit, spans[row.subject])
        for held in spans.values():
            assert sum(until - since for since, until in held) <= LONGEST // timedelta(
                microseconds=1
            )
            assert all(a[1] <= b[0] for a, b in pairwise(held))


def test_whatever_happens_the_promises_of_after_sale_hold() -> None:
    Life.reached.clear()
    run_state_machine_as_test(
        Life, settings=settings(max_examples=shop.times(130), stateful_step_count=40)
    )
    if shop.QUICK:
        return  # a few lives don't reach everything
    reached = {what.partition(":")[2] for what in Life.reached} - {""}
    assert reached == {state.name for state in Cases.States.all()} - {"refunded"}
    assert {what.partition(":")[0] for what in Life.reached} >= {"hold", "resolve", "refunded"}

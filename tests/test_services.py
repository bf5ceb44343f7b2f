"""The life of a service order: whatever anybody does in whatever order, the promises hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from eldermall import Actor, Invalid, Mall, Refused
from eldermall.contracts.storage import OPEN_CLOCKS
from eldermall.engine.blank import ERASED
from eldermall.rooms.orders.order import Order
from eldermall.rooms.orders.states import BEFORE_SERVICE
from tests import shop
from tests.rules.test_services import (
    APPOINTED,
    CONFIRMED,
    DAUGHTER,
    ENDED,
    RELATIVE,
    STARTED,
    accepted,
    appoint,
    confirm,
    done,
    finish,
    in_service,
    place,
    start,
)

HOUR = timedelta(hours=1)
FAMILY = (shop.CUSTOMER.id, DAUGHTER)
AFTER_APPOINTMENT = ("appointed", "in_service", "done", "completed", "archived")
BEGUN = ("in_service", "done", "completed", "archived")


def by(*right: Actor) -> st.SearchStrategy[Actor]:
    """Return mostly those who may, and sometimes anybody."""
    everybody = (*shop.EVERYBODY, RELATIVE)
    return st.sampled_from(right * (len(everybody) // len(right)) + everybody)


NEXT = {"accepted": "appoint", "appointed": "start", "in_service": "finish", "done": "confirm"}
"""The move of the service track that leaves each state."""

AT = st.sampled_from((0, 0, 0, -2, -2, -30, 1))
"""How many hours ago, or ahead, a move is said to have happened."""


class Life(RuleBasedStateMachine):
    """One service order, and everybody who might have to do with it."""

    reached: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.time = shop.Time()
        self.mall = shop.open_mall(time=self.time)
        shop.staff(self.mall)
        self.references = 0
        self.seen = 0

    @initialize(
        cash=st.sampled_from((False, False, True)), own=st.booleans(), paid=st.booleans(),
        state=st.sampled_from(("submitted", *NEXT, *NEXT)),
    )
    def open_in_the_middle_of_life(
        self, cash: bool, own: bool, paid: bool, state: str
    ) -> None:
        place(self.mall, cash_on_delivery=cash, merchant=None if own else "tea-house")
        self.time.pass_(hours=3)
        while self.now.service != state:
            self.step_on()
        if paid:
            self.money(shop.PAYMENTS, 0, 0)

    def do(self, move: str, by: Actor, at: int = 0, **given: Any) -> None:
        when = self.time.now + at * HOUR
        with suppress(Refused, Invalid):
            getattr(self.mall.orders, move)("A1", by=by, at=when, **given)

    @property
    def now(self) -> Order:
        return self.mall.orders.get("A1")

    @rule(late=st.booleans())
    def step_on(self, late: bool = False) -> None:
        """Go one step on, having tried first what comes too early; ``late``: two hours ago."""
        before = self.now
        early = [m for m in NEXT.values() if before.appointment is None or m != "appoint"]
        for move in reversed(early):
            who = shop.CUSTOMER if move == "confirm" else shop.OPERATIONS
            self.do(move, who, -2 * late, **self.words(move))
            if self.now != before:
                return
        if before.service == "submitted":
            to = shop.OPERATIONS if before.self_operated else shop.AGENT
            self.do("hand_over", shop.SERVICE, to=to.id)
        elif before.service == "handed_over" and not before.self_operated:
            self.do("contact_merchant", shop.AGENT, way="phone")
        elif before.service in ("handed_over", "merchant_contacted"):
            self.do("accept", shop.OPERATIONS)
        elif before.service == "appointed":
            self.money(shop.PAYMENTS, 0, 0)
        elif before.service == "done" and before.payment == "cod_pending":
            self.do("collect", shop.AGENT, amount=before.worth)

    def words(self, move: str, hours: int = 1, named: str | None = None) -> dict[str, Any]:
        """Return what is said with a move of the service track."""
        given: dict[str, dict[str, Any]] = {
            "appoint": {"when": self.time.now + hours * HOUR, "place": "at home"},
            "start": {"served_by": "nurse-1"},
            "finish": {"proof": "photo-1"},
            "confirm": {"confirmed_by": named},
        }
        return given[move]

    @rule(
        move=st.sampled_from((None,) * 8 + tuple(NEXT.values())),
        who=st.sampled_from((None,) * 16 + (*shop.EVERYBODY, RELATIVE)), at=AT,
        hours=st.sampled_from((-1, 1, 60)),
        named=st.sampled_from((None, *FAMILY, "nurse-1")),
    )
    def attempt(
        self, move: str | None, who: Actor | None, at: int, hours: int, named: str | None
    ) -> None:
        """Attempt a move, or the next one; by somebody, or one of those who may."""
        move = move or NEXT.get(self.now.service or "", "confirm")
        who = who or (shop.SERVICE if move == "confirm" else shop.OPERATIONS)
        self.do(move, who, at, **self.words(move, hours, named))

    @rule(who=by(shop.PAYMENTS), at=AT, back=st.sampled_from((0, 0, 1000, 26000, 27000)))
    def money(self, who: Actor, at: int, back: int) -> None:
        self.references += 1
        move = "refunded" if back else "paid"
        self.do(move, who, at, amount=back or 27000, reference=f"money-{self.references}")

    @rule(
        how=st.sampled_from(("cancel", "cancel", "decline", "complete", "archive", "ship")),
        who=by(shop.CUSTOMER, shop.MERCHANT),
        lines=st.sampled_from((None, {"tea": 1}, {"honey": 1})),
    )
    def end(self, how: str, who: Actor, lines: dict[str, int] | None) -> None:
        given: dict[str, Any] = {
            "cancel": {"reason": "not needed", "lines": lines}, "decline": {"reason": "no time"},
            "ship": {"parcel": "p", "courier": "SF", "tracking": "SF1", "lines": {"tea": 1}},
        }
        self.do(how, who, **given.get(how, {}))

    @rule(open=st.booleans())
    def complain_of_it(self, open: bool) -> None:
        with suppress(Refused):
            if open:
                self.mall.cases.open(
                    "K1", order="A1", lines={"honey": 1}, remedy="refund_only", words="not done",
                    customer=shop.CUSTOMER.id, by=shop.CUSTOMER,
                )
            else:
                self.mall.cases.withdraw("K1", by=shop.CUSTOMER)

    @rule(hours=st.sampled_from((1, 5, 25, 49, 170)), sweep=st.booleans())
    def wait(self, hours: int, sweep: bool) -> None:
        self.time.pass_(hours=hours)
        if sweep:
            assert self.mall.sweep().failed == ()

    # What always holds

    @invariant()
    def it_is_a_service_and_no_goods(self) -> None:
        order = self.now
        assert order.goods is None
        assert order.parcels == ()
        assert not [r for r in self.mall.clocks(*OPEN_CLOCKS, "met", "late", "stopped", "lapsed")
                    if r.name.startswith(("shipping.", "tracking.")) and "order/" in r.subject]
        self.reached[order.track] += 1

    @invariant()
    def nothing_begins_unpaid_or_without_an_appointment(self) -> None:
        order = self.now
        if order.service in AFTER_APPOINTMENT:
            assert order.appointment is not None
        if order.service in BEGUN:
            assert order.served is not None
            assert order.appointment is not None
            assert order.served.started_at >= order.appointment.agreed_at
            assert order.cash_on_delivery or (
                order.paid_at is not None and order.paid_at <= order.served.started_at
            )
        else:
            assert order.served is None

    @invariant()
    def it_is_completed_by_the_customer_s_word_or_silence(self) -> None:
        order = self.now
        entries = [
            e for e in self.mall.journal("order", "A1")
            if e["outcome"] == "moved" and e["to"] == "completed"
        ]
        assert bool(entries) is (order.completed_at is not None)
        if not entries:
            return
        (entry,) = entries
        assert order.served is not None
        assert order.served.done_at is not None
        assert order.served.done_at <= (order.completed_at or 0)
        assert self.mall.callbacks.get("A1").created_at == order.completed_at
        actor = entry["actor"]
        if order.served.confirmed_by is None:
            assert actor["cause"] == f"clock:{CONFIRMED}@1"
            silent = (order.completed_at or 0) - order.served.done_at
            assert silent > 7 * 24 * HOUR / timedelta(microseconds=1)
            self.reached["lapsed"] += 1
        else:
            assert order.served.confirmed_by in FAMILY
            assert (actor["role"] != "customer") or actor["id"] == order.served.confirmed_by
            self.reached[f"confirmed by {actor['role']}"] += 1

    @invariant()
    def every_clock_runs_exactly_where_its_rule_says(self) -> None:
        order = self.now
        expected = {
            APPOINTED: order.payable_from is not None and order.appointment is None
            and order.service in BEFORE_SERVICE,
            STARTED: order.service == "appointed",
            ENDED: order.service == "in_service",
            CONFIRMED: order.service == "done" and not any(n.claimed for n in order.lines)
            and (order.payment != "cod_pending" or order.worth == 0),
        }
        running = [
            r.name.partition("@")[0] for r in self.mall.clocks(*OPEN_CLOCKS)
            if r.subject == "order/A1" and r.name.startswith("services.")
        ]
        assert sorted(running) == sorted(name for name, runs in expected.items() if runs)
        self.reached.update(running)

    @invariant()
    def a_line_is_done_cancelled_or_refunded_once(self) -> None:
        order = self.now
        for line in order.lines:
            assert 0 <= line.outstanding <= line.ordered
            if order.service in ("done", "completed"):
                assert line.outstanding == 0
                assert order.delivered_of(line.id) == line.shipped


PROMISES = (
    Life.it_is_a_service_and_no_goods,
    Life.nothing_begins_unpaid_or_without_an_appointment,
    Life.it_is_completed_by_the_customer_s_word_or_silence,
    Life.every_clock_runs_exactly_where_its_rule_says,
    Life.a_line_is_done_cancelled_or_refunded_once,
)


def test_the_promises_hold_whatever_anybody_does() -> None:
    often = settings(max_examples=shop.times(150), stateful_step_count=12)
    run_state_machine_as_test(Life, settings=often)
    if shop.QUICK:
        return  # a few lives don't reach everything
    deep = {"accepted", "appointed", "in_service", "done", "completed", "cancelled"}
    assert {name for name in deep if not Life.reached[name]} == set()


ENDS: dict[str, Callable[[Life], None]] = {
    "confirmed by customer": lambda life: life.do("confirm", RELATIVE),
    "confirmed by customer_service": lambda life: life.do(
        "confirm", shop.SERVICE, confirmed_by=DAUGHTER
    ),
    "lapsed": lambda life: life.wait(170, True),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("cash", [False, True])
def test_the_promises_hold_in_a_life_that_reaches_its_end(end: str, cash: bool) -> None:
    class ByHand(Life):
        reached: ClassVar[Counter[str]] = Counter()

    life = ByHand()
    steps: list[Callable[[], None]] = [
        lambda: life.open_in_the_middle_of_life(cash, False, False, "submitted"),
        *[life.step_on] * 7,
        lambda: life.complain_of_it(True), lambda: life.wait(170, True),
        lambda: life.complain_of_it(False), lambda: ENDS[end](life),
    ]
    for step in steps:
        step()
        for promise in PROMISES:
            promise(life)
    assert life.reached[end] == 1
    assert {STARTED, ENDED, CONFIRMED, *[APPOINTED] * cash} <= set(life.reached)


# By hand, on every storage


def test_a_service_from_its_order_to_the_archive(mall: Mall, time: shop.Time) -> None:
    done(mall)
    order = confirm(mall)
    assert (order.service, order.summary) == ("completed", "completed/paid")
    assert [order.delivered_of(line.id) for line in order.lines] == [3, 1]
    mall.callbacks.reach("A1", satisfaction="satisfied", suggestion="", by=shop.SERVICE)
    assert mall.orders.archive("A1", by=shop.SERVICE).service == "archived"
    assert [e["what"].partition(".")[2] for e in mall.journal("order", "A1")] == [
        "place", "hand_over", "contact_merchant", "accept", "pay", "appoint", "start", "finish",
        "confirm", "archive",
    ]


@pytest.mark.parametrize("begin", [accepted, in_service, done])
def test_a_service_is_not_archived_before_its_callback(
    mall: Mall, begin: Callable[[Mall], None]
) -> None:
    begin(mall)
    said = shop.refusal(mall.orders.archive, "A1", by=shop.SERVICE)
    assert said.rules == ("machine.no-such-move", "callback.before-archive@1")
    if begin is done:
        confirm(mall)
        said = shop.refusal(mall.orders.archive, "A1", by=shop.SERVICE)
        assert said.rules == ("callback.before-archive@1",)


@pytest.mark.parametrize("how", ["cancel", "decline"])
def test_what_was_paid_falls_due_when_a_service_is_cancelled_or_declined(
    mall: Mall, how: str
) -> None:
    accepted(mall)
    shop.pay(mall)
    appoint(mall)
    who = shop.CUSTOMER if how == "cancel" else shop.MERCHANT
    order = getattr(mall.orders, how)("A1", reason="no time", by=who)
    assert order.service == {"cancel": "cancelled", "decline": "declined"}[how]
    assert order.owed_back == 27000
    assert [m.topic for m in mall.messages() if m.topic == "refund"] == ["refund"]
    assert not [r for r in mall.clocks() if r.name.startswith("services.")]
    assert mall.orders.refunded("A1", 27000, "back", by=shop.PAYMENTS).payment == "refunded"
    assert shop.refusal(start, mall).rules[0] == "machine.no-such-move"


def test_a_service_that_has_begun_is_neither_cancelled_nor_declined(mall: Mall) -> None:
    in_service(mall)
    for move, who in ((mall.orders.cancel, shop.CUSTOMER), (mall.orders.decline, shop.MERCHANT)):
        said = shop.refusal(move, "A1", reason="no time", by=who)
        assert said.rules == ("machine.no-such-move",)


def test_what_is_wholly_refunded_before_it_began_is_cancelled(mall: Mall) -> None:
    accepted(mall)
    shop.pay(mall)
    appoint(mall)
    order = mall.orders.refunded("A1", 27000, "back", by=shop.PAYMENTS)
    assert (order.service, order.payment) == ("cancelled", "refunded")


def test_what_is_cancelled_of_a_service_is_not_done(mall: Mall) -> None:
    accepted(mall)
    shop.pay(mall)
    mall.orders.cancel("A1", reason="-", lines={"tea": 1}, by=shop.CUSTOMER)
    appoint(mall)
    start(mall)
    order = finish(mall)
    assert [order.delivered_of(line.id) for line in order.lines] == [2, 1]


def test_goods_have_no_moves_of_services(mall: Mall) -> None:
    shop.place(mall)
    shop.pay(mall)
    shop.accept(mall)
    moves: list[Callable[[Mall], Any]] = [appoint, start, finish, confirm]
    for move in moves:
        assert shop.refusal(move, mall).rules[0] == "machine.other-track"


def test_the_place_of_an_appointment_is_personal_and_goes_with_what_is_erased(
    mall: Mall, time: shop.Time
) -> None:
    where = "静安区 𠮷祥里 3 号 🏠"
    accepted(mall)
    shop.pay(mall)
    appoint(mall, place=where)
    start(mall)
    finish(mall)
    confirm(mall)
    assert where not in str(mall.journal("order", "A1"))
    mall.callbacks.refuse("A1", by=shop.SERVICE)
    mall.orders.archive("A1", by=shop.SERVICE)
    time.pass_(days=1097)
    order = mall.orders.erase("A1", by=shop.OPERATIONS)
    assert order.appointment is not None
    assert order.appointment.place == ERASED
    with mall.read() as tx:
        assert list(tx.personal("order/A1")) == []
        (row,) = tx.find("order")
    assert where.encode() not in row.body
    assert mall.verify().passed

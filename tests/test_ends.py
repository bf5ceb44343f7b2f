"""Every order ends: from wherever a life has led, with money settled and nobody waiting.

A life is walked at random, with parcels that don't arrive, parts, cash on delivery, returns, late
entries and long silences; then staff and a host that books what it is asked do their work.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eldermall import Mall, Refused, hookimpl, moment
from eldermall.contracts.events import RefundAnswer, RefundRequest
from eldermall.contracts.storage import OPEN_CLOCKS
from eldermall.rooms.orders.order import STATUS, Order
from tests import shop

BY: dict[str, Any] = {"by": shop.OPERATIONS}
ENDS = ("archived", "cancelled", "declined")
KEPT = ("order", "refund", "urge", "callback", "case")


class Bank:
    """A host that books each refund that it is asked for, once."""

    def __init__(self) -> None:
        self.booked: dict[str, int] = {}

    @hookimpl
    def eldermall_refund(self, request: RefundRequest) -> RefundAnswer:
        if request.id in self.booked:
            return RefundAnswer("accepted")
        self.booked[request.id] = request.amount
        return RefundAnswer("booked", reference=request.id.replace("/", "."))


class Life:
    """One order with all that belongs to it."""

    def __init__(self, url: str, service: bool, cash: bool) -> None:
        self.time = shop.Time()
        self.mall: Mall = shop.open_mall(url, self.time, plugins=[Bank()])
        self.number = 0
        shop.staff(self.mall)
        if service:
            line = {"id": "tea", "listing": "foot-care", "quantity": 1, "amount": 9000}
            shop.place(self.mall, kind="service", lines=[line], total=9000, freight=0)
            return
        for listing in ("green-tea", "honey"):
            self.mall.stock.open(listing, warn_at=0, **BY)
            self.mall.stock.receive(listing, lot="l", quantity=99, source="note", **BY)
        shop.place(self.mall, cash_on_delivery=cash)

    @property
    def order(self) -> Order:
        return self.mall.orders.get("A1")

    def new(self, what: str) -> str:
        self.number += 1
        return f"{what}{self.number}"

    def does(self, move: Callable[..., Any], *args: Any, **more: Any) -> bool:
        """Try a move; say whether it was made."""
        try:
            move(*args, **more)
        except Refused:
            return False
        return True

    def passes(self, **more: float) -> None:
        self.time.pass_(**more)
        assert self.mall.sweep().failed == ()


def goes(life: Life, what: str, pick: int) -> None:
    """Let one thing happen, if it can."""
    mall, order, do = life.mall, life.order, life.does
    orders, cases = mall.orders, mall.cases
    parcel = order.parcels[pick % len(order.parcels)].id if order.parcels else "none"
    left = {line.id: line.outstanding for line in order.lines if line.outstanding}
    opened = list(mall.cases.find(order="A1"))
    case = opened[pick % len(opened)].id if opened else "none"
    match what:
        case "accept":
            do(shop.accept, mall)
        case "pay":
            do(orders.paid, "A1", order.total, life.new("pay"), by=shop.PAYMENTS)
        case "part":
            amount = (100, 9000, order.total)[pick % 3]
            do(orders.paid_in_part, "A1", amount, life.new("pay"), by=shop.PAYMENTS)
        case "collect":
            left_to_pay = order.worth - order.received
            if left_to_pay > 0:
                do(orders.collect, "A1", left_to_pay, by=shop.COURIER)
        case "refund":
            do(orders.refunded, "A1", (100, 9000)[pick % 2], life.new("back"), by=shop.PAYMENTS)
        case "relay":
            mall.relay()
        case "ship" if left:
            lines = left if pick % 2 else {next(iter(left)): 1}
            do(shop.ship, mall, "A1", lines, parcel=life.new("p"))
        case "deliver":
            do(orders.deliver, "A1", parcel=parcel, by=shop.COURIER)
        case "deliver late" if order.parcel(parcel):
            shipped = order.parcel(parcel).shipped_at  # type: ignore[union-attr]
            do(orders.deliver, "A1", parcel=parcel, at=moment(shipped), late_reason="-", **BY)
        case "lost" | "refused" | "returned" | "failed":
            do(orders.end_parcel, "A1", parcel=parcel, how=what, reason="-", **BY)
        case "again":
            do(orders.send_again, "A1", parcel=parcel, **BY)
        case "give up":
            do(orders.give_up, "A1", parcel=parcel, reason="-", **BY)
        case "urge":
            do(
                mall.urges.open, life.new("u"), order="A1", target="courier", parcel=parcel,
                reason="-", way="phone", **BY,
            )
        case "cancel" if pick == 0:  # rarely, so that most lives go on
            do(orders.cancel, "A1", reason="-", by=shop.CUSTOMER)
        case "cancel one" if left:
            lines = {next(iter(left)): 1}
            do(orders.cancel, "A1", reason="-", lines=lines, by=shop.CUSTOMER)
        case "decline" if pick == 0:
            do(orders.decline, "A1", reason="-", by=shop.MERCHANT)
        case "complete":
            do(orders.complete, "A1", by=shop.CUSTOMER)
        case "appoint":
            when = life.time.now + timedelta(hours=1)
            do(orders.appoint, "A1", when=when, place="home", by=shop.MERCHANT)
        case "serve":
            do(orders.start, "A1", served_by="nurse", by=shop.MERCHANT)
            do(orders.finish, "A1", proof="photo", by=shop.MERCHANT)
        case "case":
            remedy = ("return", "exchange", "refund_only")[pick % 3]
            do(
                cases.open, life.new("c"), order="A1", customer=shop.CUSTOMER.id,
                lines={"tea": 1}, remedy=remedy, by=shop.CUSTOMER,
            )
        case "case on":
            steps = case_steps(life, case)
            for step in steps[: 1 + pick % len(steps)]:
                step()
        case "callback":
            do(
                mall.callbacks.reach, "A1", satisfaction="satisfied", suggestion="-",
                by=shop.SERVICE,
            )
        case "silence":
            life.passes(days=pick % 9)
        case "hours":
            life.passes(hours=1 + pick % 9)


def case_steps(life: Life, id: str) -> list[Callable[[], bool]]:
    """Return what staff do about a case, each step tried."""
    cases, do = life.mall.cases, life.does
    service, merchant = {"by": shop.SERVICE}, {"by": shop.MERCHANT}
    return [
        lambda: do(cases.contact, id, note="by phone", **service),
        lambda: do(
            cases.record, id, ground="damaged", item_state="unused", wish="-", **service
        ),
        lambda: do(cases.contact_merchant, id, note="by phone", by=shop.AGENT),
        lambda: do(cases.approve, id, **merchant),
        lambda: do(cases.receive, id, outcome="ok", restock=True, **merchant),
        lambda: do(cases.send_replacement, id, **merchant),
        lambda: do(cases.deliver_replacement, id, by=shop.CUSTOMER),
        lambda: do(cases.tell, id, note="by phone", **service),
        lambda: do(cases.close, id, **service),
    ]


def work(life: Life) -> None:
    """Do what staff, merchant, courier and host owe this order now."""
    mall, order, do = life.mall, life.order, life.does
    orders = mall.orders
    for parcel in order.parcels:
        if parcel.ended is not None and parcel.chosen_at is None:
            do(orders.give_up, "A1", parcel=parcel.id, reason="-", **BY)
        elif parcel.on_its_way:
            do(orders.deliver, "A1", parcel=parcel.id, by=shop.COURIER)
            do(orders.end_parcel, "A1", parcel=parcel.id, how="lost", reason="-", **BY)
    if order.payment in ("paid", "part_refunded", "cod_pending", "collected"):
        for step in ("accept", "ship", "appoint"):
            goes(life, step, 1)
        life.passes(hours=1)
        goes(life, "serve", 0)
        for parcel in life.order.parcels:
            do(orders.deliver, "A1", parcel=parcel.id, by=shop.COURIER)
    goes(life, "collect", 0)
    if owed := life.order.owed_by_courier:
        do(orders.paid, "A1", owed, life.new("courier"), by=shop.PAYMENTS)
    for case in mall.cases.find(order="A1", open=True):
        for case_step in case_steps(life, case.id):
            case_step()
    for urge in mall.urges.find(order="A1", open=True):
        do(mall.urges.answer, urge.id, text="-", by=shop.AGENT)
    goes(life, "callback", 0)
    do(orders.archive, "A1", by=shop.SERVICE)
    life.passes(days=1)
    mall.relay()
    for refund in mall.refunds.find(order="A1", open=True):
        if refund.state == "unknown":  # the host has looked it up, and says what it has paid
            do(
                orders.refunded, "A1", refund.due, life.new("back"), refund=refund.id,
                by=shop.PAYMENTS,
            )


def over(life: Life) -> bool:
    """Whether nobody waits for anything of this order any more."""
    clocks = [row for row in life.mall.clocks(*OPEN_CLOCKS) if row.subject.startswith(KEPT)]
    return not (life.order.open or clocks or life.mall.cases.find(order="A1", open=True))


HAPPENS = (
    "accept", "pay", "part", "collect", "refund", "relay", "ship", "deliver", "deliver late",
    "lost", "refused", "returned", "failed", "again", "give up", "urge", "cancel", "cancel one",
    "decline", "complete", "appoint", "serve", "case", "case on", "callback", "silence", "hours",
)
AT_FIRST = ("accept", "pay", "part", "ship", "deliver", "appoint", "serve", "hours")
SEARCHED = (
    *((what, 0) for what in HAPPENS if what not in ("accept", "relay", "hours", "silence")),
    ("ship", 1), ("case on", 3), ("case on", 8), ("silence", 8),
)
LIVES = st.builds(
    lambda first, then: [*first, *then],
    st.lists(st.tuples(st.sampled_from(AT_FIRST), st.integers(0, 8)), max_size=8),
    st.lists(st.tuples(st.sampled_from(HAPPENS), st.integers(0, 8)), min_size=4, max_size=20),
)


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
def test_every_order_ends_wherever_its_life_has_led(storage: str, tmp_path: Path) -> None:
    counted = iter(range(1_000_000))

    @settings(
        max_examples=shop.times(200 if storage == "memory" else 40), deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(life=LIVES, service=st.booleans(), cash=st.booleans())
    def lived(life: list[tuple[str, int]], service: bool, cash: bool) -> None:
        url = "memory:" if storage == "memory" else f"sqlite:///{tmp_path}/{next(counted)}.db"
        one = Life(url, service, cash)
        with one.mall:
            for what, pick in life:
                goes(one, what, pick)
            _ended(one)

    lived()


@pytest.mark.parametrize(("service", "cash"), [(False, False), (False, True), (True, False)])
def test_every_state_that_an_order_reaches_in_few_steps_comes_to_an_end(
    service: bool, cash: bool
) -> None:
    """A search, breadth first: what leads to a state that was seen before isn't followed again."""
    seen: set[Any] = set()
    ways: list[tuple[tuple[str, int], ...]] = [()]
    for _ in range(2 if shop.QUICK else 3):
        longer = []
        for way, step in product(ways, SEARCHED):
            one = Life("memory:", service, cash)
            with one.mall:
                for what, pick in (("accept", 0), *way, step):
                    goes(one, what, pick)
                if (state := _state(one)) not in seen:
                    seen.add(state)
                    longer.append((*way, step))
                    _ended(one)
        ways = longer
    assert len(seen) > 10


def _state(life: Life) -> Any:
    """Return where an order stands, whatever its moments are and its ids."""
    order, mall = life.order, life.mall
    return (
        order.track, order.payment, order.received, order.collected, order.returned_money,
        tuple(
            (line.outstanding, line.shipped, line.refunded, line.claimed) for line in order.lines
        ),
        tuple((p.ended, p.on_its_way, p.chosen_at is None) for p in order.parcels),
        *(
            tuple(sorted(record.state for record in room.find(order="A1")))
            for room in (mall.cases, mall.refunds, mall.urges)
        ),
    )


def _ended(life: Life) -> None:
    for _ in range(40):
        if over(life):
            break
        work(life)
    _settled(life)


def _settled(life: Life) -> None:
    mall, order = life.mall, life.order
    assert (order.goods or order.service) in ENDS
    assert not order.open
    assert (order.debts, order.urges, order.owed_by_courier) == ((), (), 0)
    kept = order.received - order.returned_money
    assert kept == max(0, order.worth - order.goodwill)
    assert [r for r in mall.clocks(*OPEN_CLOCKS) if r.subject.startswith(KEPT)] == []
    for room in (mall.refunds, mall.urges, mall.cases):
        assert list(room.find(order="A1", open=True)) == []
    assert all(refund.due == 0 for refund in mall.refunds.find(order="A1"))
    for stock in mall.stock.find():
        assert stock.holds == {}
    assert mall.verify().passed


def test_the_walk_knows_every_outward_end() -> None:
    assert set(STATUS) <= set(HAPPENS)

"""Stock as a whole: whatever happens, totals are the sum of movements; and what reports say."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any, ClassVar

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

from eldermall import Mall, Refused, system
from eldermall.reports.stock import (
    Movement,
    movements,
    open_warnings,
    purchase_inputs,
    slow_sellers,
    stale_numbers,
)
from eldermall.rooms.stock import Stocks
from tests import shop

TEA, HONEY = "green-tea", "honey"
LISTINGS = (TEA, HONEY)
DAY = timedelta(days=1)

orders = st.sampled_from(["A1", "A2", "A3", "A4"])
listings = st.sampled_from(LISTINGS)
few = st.integers(1, 4)


class Life(RuleBasedStateMachine):
    """A shop of two listings, of which anybody may order, cancel, ship, lose and find."""

    reached: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.time = shop.Time()
        self.mall = shop.open_mall("memory:", self.time)
        shop.staff(self.mall)
        self.on_hand: Counter[str] = Counter()
        self.reserved: Counter[str] = Counter()
        self.promised: set[str] = set()  # the orders placed since their stock is kept
        self.opened = False
        self.references = 0

    def teardown(self) -> None:
        self.mall.close()

    def done(self, name: str, move: Any, *args: Any, **given: Any) -> bool:
        """Make a move; say whether it was allowed."""
        try:
            move(*args, **given)
        except Refused as refused:
            for verdict in refused.decision.refusals:
                self.reached[f"{name} {verdict.rule}"] += 1
            return False
        self.reached[name] += 1
        return True

    @initialize(
        tea=st.integers(1, 8), honey=st.integers(4, 8), days=st.none() | st.integers(1, 3),
        older=st.booleans(),
    )
    def open_shop(self, tea: int, honey: int, days: int | None, older: bool) -> None:
        if older:
            self.place("A4", 2, 1)
        for listing, quantity in ((TEA, tea), (HONEY, honey)):
            self.mall.stock.open(listing, merchant="tea-house", warn_at=2, by=shop.OPERATIONS)
            self.receive(listing, quantity, days)
        self.opened = True
        self.place("A1", 3, 2)
        self.place("A2", 1, 1)

    # Orders: how much of each line has been dealt with is read from the order before and after

    def place(self, id: str, tea: int, honey: int) -> None:
        lines = [
            {"id": n, "listing": n, "quantity": quantity, "amount": 100 * quantity}
            for n, quantity in ((TEA, tea), (HONEY, honey))
            if quantity
        ]
        given: dict[str, Any] = {"lines": lines, "total": 100 * (tea + honey), "freight": 0}
        if self.done("place", shop.place, self.mall, id, **given):
            self.done("pay", shop.pay, self.mall, id, given["total"])
            self.done("accept", shop.accept, self.mall, id)
            if self.opened:
                self.reserved += Counter({TEA: tea, HONEY: honey})
                self.promised.add(id)

    @rule(id=orders, tea=st.integers(0, 4), honey=st.integers(1, 4))
    def order(self, id: str, tea: int, honey: int) -> None:
        self.place(id, tea, honey)

    def moved(self, name: str, id: str, move: Any, **given: Any) -> None:
        """Make a move of an order, and follow what it does to each listing."""
        with_lines = {line.id: line for line in self.lines(id)}
        if not with_lines or not self.done(name, move, id, **given):
            return
        for line in self.lines(id):
            before = with_lines[line.id]
            self.on_hand[line.listing] -= line.shipped - before.shipped
            if id in self.promised:
                self.reserved[line.listing] -= before.outstanding - line.outstanding

    def lines(self, id: str) -> Any:
        with self.mall.read() as tx:
            row, _ = tx.load("order", id)
        return () if row is None else self.mall.book.kind("order").record(row).lines  # type: ignore[attr-defined]

    @rule(id=orders, listing=listings, quantity=st.integers(1, 2))
    def ship(self, id: str, listing: str, quantity: int) -> None:
        self.references += 1
        self.moved(
            "ship", id, self.mall.orders.ship, parcel=f"p{self.references}", courier="SF",
            tracking="1", lines={listing: quantity}, by=shop.MERCHANT,
        )

    @rule(id=orders, listing=listings, quantity=st.none() | few)
    def cancel(self, id: str, listing: str, quantity: int | None) -> None:
        lines = None if quantity is None else {listing: quantity}
        self.moved(
            "cancel", id, self.mall.orders.cancel, reason="no", lines=lines, by=shop.CUSTOMER
        )

    @rule(id=orders, listing=listings, quantity=few, amount=st.sampled_from((50, 100, 300)))
    def refund(self, id: str, listing: str, quantity: int, amount: int) -> None:
        self.references += 1
        self.moved(
            "refund", id, self.mall.orders.refunded, amount=amount,
            reference=f"r{self.references}", lines={listing: quantity}, by=shop.PAYMENTS,
        )

    @rule(id=orders)
    def decline(self, id: str) -> None:
        self.moved("decline", id, self.mall.orders.decline, reason="no", by=shop.MERCHANT)

    # What else happens to goods

    @rule(
        what=st.sampled_from(
            ("receive", "damage", "write_off", "count", "come_back", "close_or_reopen")
        ),
        listing=listings, quantity=few, days=st.none() | st.integers(1, 3),
        found=st.lists(st.integers(0, 6), min_size=8, max_size=8),
    )
    def keep(self, what: str, listing: str, quantity: int, **more: Any) -> None:
        getattr(self, what)(listing, quantity, **more)

    def receive(self, listing: str, quantity: int, days: int | None, **_: Any) -> None:
        expires = None if days is None else self.time.now.replace(hour=23) + days * DAY
        if self.done(
            "receive", self.mall.stock.receive, listing, lot=f"L{days}", quantity=quantity,
            source="note", expires_at=expires, by=shop.MERCHANT,
        ):
            self.on_hand[listing] += quantity

    def damage(self, listing: str, quantity: int, days: int | None, **_: Any) -> None:
        self.done(
            "damage", self.mall.stock.damage, listing, lot=f"L{days}", quantity=quantity,
            cause="wet", by=shop.AGENT,
        )

    def write_off(self, listing: str, quantity: int, days: int | None, **_: Any) -> None:
        if self.done(
            "write_off", self.mall.stock.write_off, listing, lot=f"L{days}", quantity=quantity,
            cause="wet", disposal="burnt", by=shop.AGENT,
        ):
            self.on_hand[listing] -= quantity

    def count(self, listing: str, quantity: int, found: list[int], **_: Any) -> None:
        booked = [lot.id for lot in self.mall.stock.get(listing).lots]
        counted = dict(zip(booked, found, strict=False))
        if self.done(
            "count", self.mall.stock.count, listing, lots=counted, cause="mice", by=shop.AGENT
        ):
            self.on_hand[listing] = sum(counted.values())

    def come_back(self, listing: str, quantity: int, days: int | None, **_: Any) -> None:
        self.mall._engine.perform(
            Stocks.restock.command(listing, source="case-1", quantity=quantity, by=system("case"))
        )
        self.on_hand[listing] += quantity
        self.reached["come_back"] += 1
        if days is not None:
            self.mall.stock.inspect(listing, lot="case-1", by=shop.MERCHANT)

    def close_or_reopen(self, listing: str, quantity: int, **_: Any) -> None:
        move = "reopen" if self.mall.stock.get(listing).state == "closed" else "close"
        self.done(move, getattr(self.mall.stock, move), listing, by=shop.MERCHANT)

    @precondition(lambda self: self.time.now < shop.START + 6 * DAY)
    @rule()
    def pass_a_day(self) -> None:
        self.time.pass_(days=1)
        self.mall.sweep()

    # What always holds

    @invariant()
    def totals_are_the_sum_of_movements_and_never_negative(self) -> None:
        for listing in LISTINGS:
            if not self.opened:
                continue
            said = list(movements(self.mall, listing))
            stock = self.mall.stock.get(listing)
            assert (stock.on_hand, stock.reserved) == (
                self.on_hand[listing], self.reserved[listing]
            )
            assert stock.on_hand == sum(m.on_hand[1] - m.on_hand[0] for m in said)
            assert stock.reserved == sum(m.reserved[1] - m.reserved[0] for m in said)
            assert min(n for m in said for n in (*m.on_hand, *m.reserved)) == 0
            assert all(held > 0 for held in stock.holds.values())
            assert all(0 <= lot.damaged <= lot.quantity > 0 for lot in stock.lots)
            left = stock.available(stock.as_of)
            assert stock.level == (
                "out" if left == 0 else "low" if left <= stock.warn_at else "enough"
            )

    @invariant()
    def each_entry_holds_the_totals_that_the_one_before_led_to(self) -> None:
        for listing in LISTINGS:
            journal = self.mall.journal("stock", listing)
            facts = [e["facts"] for e in journal if e["outcome"] == "moved"]
            assert [(f["stock.on-hand"], f["stock.reserved"]) for f in facts] == [
                (m.on_hand[0], m.reserved[0]) for m in movements(self.mall, listing)
            ]


def test_stock_totals_equal_the_sum_of_movements_and_are_never_negative() -> None:
    Life.reached.clear()
    run_state_machine_as_test(
        Life, settings=settings(max_examples=shop.times(150), stateful_step_count=20)
    )
    if shop.QUICK:
        return  # a few lives don't reach everything
    for must in (
        "place", "ship", "cancel", "refund", "decline", "receive", "damage", "write_off", "count",
        "come_back", "place stock.no-oversell@1", "ship stock.nothing-spoiled-leaves@1",
    ):
        assert Life.reached[must], (must, Life.reached)


# Reports


@pytest.fixture
def kept(mall: Mall, time: shop.Time) -> Mall:
    """A mall with a merchant's tea, and honey of the company's own."""
    mall.stock.open(TEA, merchant="tea-house", warn_at=2, by=shop.OPERATIONS)
    mall.stock.open(HONEY, warn_at=1, by=shop.OPERATIONS)
    mall.stock.receive(TEA, lot="L1", quantity=6, source="note 7", by=shop.MERCHANT)
    return mall


def order(mall: Mall, id: str, listing: str, quantity: int, merchant: str | None) -> None:
    """Place an order of one listing, and take it to where it ships."""
    lines = [{"id": "n", "listing": listing, "quantity": quantity, "amount": 100}]
    shop.place(mall, id, lines=lines, total=100, freight=0, merchant=merchant)
    shop.pay(mall, id, 100)
    mall.orders.hand_over(id, to=shop.AGENT.id, by=shop.SERVICE)
    if merchant is not None:
        mall.orders.contact_merchant(id, way="phone", by=shop.AGENT)
    mall.orders.accept(id, by=shop.OPERATIONS)


def test_movements_are_listed_with_totals_cause_and_source(kept: Mall, time: shop.Time) -> None:
    order(kept, "A1", TEA, 5, "tea-house")
    shop.ship(kept, "A1", {"n": 3})
    kept.orders.cancel("A1", reason="enough", by=shop.CUSTOMER)
    kept.stock.count(TEA, lots={"L1": 2}, cause="mice", by=shop.AGENT)
    said = list(movements(kept, TEA))
    now = shop.us(time.now)
    cause = {"cause": None, "source": "A1", "at": now}
    names = ("move", "cause", "source", "at", "on_hand", "reserved")
    shown = [{name: getattr(m, name) for name in names} for m in said]
    assert shown == [
        {"move": "open", "cause": None, "source": None, "at": now, "on_hand": (0, 0),
         "reserved": (0, 0)},
        {"move": "receive", "cause": None, "source": "note 7", "at": now, "on_hand": (0, 6),
         "reserved": (0, 0)},
        {"move": "reserve", **cause, "on_hand": (6, 6), "reserved": (0, 5)},
        {"move": "take", **cause, "on_hand": (6, 3), "reserved": (5, 2)},
        {"move": "release", **cause, "on_hand": (3, 3), "reserved": (2, 0)},
        {"move": "count", "cause": "mice", "source": None, "at": now, "on_hand": (3, 2),
         "reserved": (0, 0)},
    ]
    assert isinstance(said[0], Movement)
    assert [m.level for m in said] == [None, "enough", "low", None, "enough", "low"]
    assert said[3].actor.cause is not None
    assert said[3].actor.cause.startswith("order/A1#")
    assert list(movements(kept, "nothing")) == []


def test_warnings_are_open_until_restocked_and_see_what_has_expired(
    kept: Mall, time: shop.Time
) -> None:
    assert [(w.listing, w.available) for w in open_warnings(kept)] == [(HONEY, 0)]
    order(kept, "A1", TEA, 4, "tea-house")
    (warning,) = open_warnings(kept, merchant="tea-house")
    assert (warning.listing, warning.available, warning.on_hand, warning.reserved) == (TEA, 2, 6, 4)
    later = time.now + 3 * DAY
    kept.stock.receive(
        TEA, lot="L2", quantity=5, source="note", expires_at=later, by=shop.MERCHANT
    )
    assert [w.listing for w in open_warnings(kept)] == [HONEY]
    time.now = later
    assert [w.listing for w in open_warnings(kept)] == [TEA, HONEY]
    kept.orders.cancel("A1", reason="no", by=shop.CUSTOMER)
    kept.stock.close(TEA, by=shop.MERCHANT)
    assert [w.listing for w in open_warnings(kept)] == [HONEY]


def test_stale_numbers_are_those_whose_merchant_is_overdue(kept: Mall, time: shop.Time) -> None:
    due = shop.us(time.now + 7 * DAY)
    time.pass_(days=7)
    assert list(stale_numbers(kept)) == []
    time.pass_(hours=1)
    for swept in (False, True):
        if swept:
            kept.sweep()
        assert [(s.listing, s.merchant, s.on_hand, s.due) for s in stale_numbers(kept)] == [
            (TEA, "tea-house", 6, due)
        ]
    assert list(stale_numbers(kept, merchant="rival")) == []
    kept.stock.confirm(TEA, on_hand=6, by=shop.MERCHANT)
    assert list(stale_numbers(kept)) == []


def test_slow_sellers_are_those_of_which_nothing_has_left_though_something_is_there(
    kept: Mall, time: shop.Time
) -> None:
    time.pass_(days=6)
    order(kept, "A1", TEA, 2, "tea-house")
    assert [s.listing for s in slow_sellers(kept, 6 * DAY)] == [TEA]
    assert list(slow_sellers(kept, 6 * DAY + timedelta(microseconds=1))) == []
    shop.ship(kept, "A1", {"n": 2})
    assert list(slow_sellers(kept, DAY)) == []
    since = shop.us(time.now)
    time.pass_(days=1)
    (slow,) = slow_sellers(kept, DAY)
    assert (slow.listing, slow.on_hand, slow.since) == (TEA, 4, since)


def test_inputs_for_purchasing_say_what_was_sold_what_is_left_and_when_it_was_short(
    kept: Mall, time: shop.Time
) -> None:
    first = time.now.replace(hour=16) - DAY  # the midnight in Shanghai before the start
    time.pass_(days=2)
    kept.stock.receive(HONEY, lot="L1", quantity=5, source="note", by=shop.OPERATIONS)
    time.pass_(days=1)
    order(kept, "A1", HONEY, 3, None)
    shop.ship(kept, "A1", {"n": 3}, by=shop.OPERATIONS)
    time.pass_(days=3)
    order(kept, "A2", HONEY, 2, None)
    time.pass_(days=2)
    shop.ship(kept, "A2", {"n": 1}, by=shop.OPERATIONS)

    def inputs(since: int, until: int) -> tuple[int, int, int, int]:
        (said,) = purchase_inputs(kept, first + since * DAY, first + until * DAY)
        assert said.listing == HONEY
        return said.sold, said.on_hand, said.reserved, said.days_short

    assert inputs(0, 2) == (0, 0, 0, 2)
    assert inputs(0, 3) == (0, 5, 0, 3)
    assert inputs(3, 6) == (3, 2, 0, 0)
    assert inputs(0, 7) == (3, 2, 2, 4)
    assert inputs(0, 9) == (4, 1, 1, 6)
    assert [i.listing for i in purchase_inputs(kept, first, time.now, merchant="tea-house")] == [
        TEA
    ]


def test_reports_read_all_of_many_stocks(time: shop.Time) -> None:
    with shop.open_mall("memory:", time) as mall:
        shop.staff(mall)
        with mall.batch() as m:
            for number in range(1201):
                m.stock.open(f"n{number}", warn_at=0, by=shop.OPERATIONS)
        assert len(list(open_warnings(mall))) == 1201

"""Stock: S19 article 9 (4); S08 part 1 (3), part 2 (3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Mall, person, system
from eldermall.rooms.stock import Stocks
from eldermall.rooms.stock.stock import Lot, Stock, taken
from tests import shop

TEA = "green-tea"
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
CONFIRMED = "stock.confirmed-in-time"
COUNTED = "stock.counted-in-time"
EXPIRED = "stock.expired-disposed-of"
DAMAGED = "stock.damaged-disposed-of"
OTHER_AGENT = person("yu", "field_agent", department="operations")


def keep(mall: Mall, quantity: int = 10, **more: Any) -> None:
    """Open the stock of tea with one lot."""
    mall.stock.open(TEA, merchant="tea-house", warn_at=2, by=shop.OPERATIONS)
    if quantity:
        receive(mall, quantity=quantity, **more)


def receive(mall: Mall, **more: Any) -> None:
    words: dict[str, Any] = {"lot": "L1", "quantity": 10, "source": "note 7", "by": shop.MERCHANT}
    mall.stock.receive(TEA, **words | more)


def order(mall: Mall, id: str = "A1", quantity: int = 3, **more: Any) -> None:
    """Place an order of tea alone."""
    lines = [{"id": "tea", "listing": TEA, "quantity": quantity, "amount": 100 * quantity}]
    shop.place(mall, id, **{"lines": lines, "total": 100 * quantity, "freight": 0} | more)


def ready(mall: Mall, id: str = "A1", quantity: int = 3) -> None:
    """Place an order of tea and take it to where it ships."""
    order(mall, id, quantity)
    shop.pay(mall, id, 100 * quantity)
    shop.accept(mall, id)


def back(mall: Mall, quantity: int, source: str = "case-1") -> None:
    """Let returned goods come in, as the after-sale room does."""
    mall._engine.perform(
        Stocks.restock.command(TEA, source=source, quantity=quantity, by=system("case"))
    )


def totals(mall: Mall) -> tuple[int, int, int]:
    """Return on hand, reserved and available, as they are now."""
    stock = mall.stock.get(TEA)
    return stock.on_hand, stock.reserved, stock.available(mall.now())


# Properties

lots = st.builds(
    lambda quantity, damaged, **more: Lot(
        quantity=quantity, damaged=min(damaged, quantity), received_at=0, **more
    ),
    id=st.uuids().map(str), quantity=st.integers(1, 9), damaged=st.integers(0, 9),
    expires_at=st.none() | st.integers(1, 9), returned=st.sampled_from((False, False, True)),
)
AT = 5


def expiry(lot: Lot) -> float:
    return float("inf") if lot.expires_at is None else lot.expires_at


@given(lots=st.lists(lots, max_size=6).map(tuple), share=st.floats(0, 1))
def test_what_leaves_is_sound_and_expires_first(lots: tuple[Lot, ...], share: float) -> None:
    wanted = int(share * sum(lot.sound(AT) for lot in lots))
    kept = {lot.id: lot for lot in taken(lots, wanted, AT)}
    gone = {lot.id: lot.quantity - (kept[lot.id].quantity if lot.id in kept else 0) for lot in lots}
    assert sum(gone.values()) == wanted
    for lot in lots:
        assert 0 <= gone[lot.id] <= lot.sound(AT)
        if lot.id in kept:
            assert kept[lot.id].damaged == lot.damaged
    leaving = [expiry(lot) for lot in lots if gone[lot.id]]
    staying = [expiry(lot) for lot in kept.values() if lot.sound(AT)]
    assert not leaving or not staying or max(leaving) <= min(staying)


@given(lots=st.lists(lots, max_size=6).map(tuple), held=st.integers(0, 60))
def test_nothing_damaged_expired_unchecked_or_promised_is_available(
    lots: tuple[Lot, ...], held: int
) -> None:
    holds = {"A1": held} if held else {}
    stock = Stock(
        id="x", version=1, pack="p", created_at=0, state="open", level="out", merchant=None,
        warn_at=0, lots=lots, holds=holds, as_of=AT,
    )
    fit = sum(
        lot.quantity - lot.damaged
        for lot in lots
        if not lot.returned and (lot.expires_at is None or lot.expires_at > AT)
    )
    assert stock.available(AT) == max(0, fit - held)


@given(wanted=st.lists(st.integers(1, 6), max_size=8))
def test_orders_are_taken_as_long_as_there_is_something_for_them(wanted: list[int]) -> None:
    mall = shop.open_mall()
    shop.staff(mall)
    keep(mall, 10)
    left = 10
    for number, quantity in enumerate(wanted):
        allowed = mall.may.orders.place(
            f"A{number}", customer=shop.CUSTOMER.id, merchant="tea-house", total=1,
            lines=[{"id": "tea", "listing": TEA, "quantity": quantity, "amount": 1}],
            by=shop.CUSTOMER,
        ).allowed
        assert allowed == (quantity <= left)
        if allowed:
            order(mall, f"A{number}", quantity)
            left -= quantity
        assert totals(mall) == (10, 10 - left, left)


# No oversell: S19-09-4b


def test_an_order_of_more_than_is_there_is_refused_and_the_last_one_isn_t(mall: Mall) -> None:
    keep(mall, 3)
    said = shop.refusal(order, mall, "A1", 4)
    assert said.rules == ("stock.no-oversell@1",)
    assert said.clauses == ("S19-09-4b", "S08-2-3b", "S08-2-3d")
    assert "green-tea 可售 3 件，不足 4 件" in said.text.zh
    assert "green-tea has 3 to sell, not 4" in said.text.en
    order(mall, "A2", 3)
    assert totals(mall) == (3, 3, 0)
    assert shop.refusal(order, mall, "A3", 1).rules == ("stock.no-oversell@1",)
    entry = mall.journal("order", "A3")[0]
    assert entry["reaction"]["subject"] == "stock/green-tea"


def test_an_order_of_which_one_line_isn_t_there_reserves_nothing(mall: Mall) -> None:
    keep(mall, 10)
    mall.stock.open("honey", merchant="tea-house", warn_at=0, by=shop.OPERATIONS)
    assert shop.refusal(shop.place, mall).rules == ("stock.no-oversell@1",)
    assert totals(mall) == (10, 0, 10)


def test_lines_of_one_listing_are_reserved_together(mall: Mall) -> None:
    keep(mall, 5)
    lines = [
        {"id": id, "listing": TEA, "quantity": 3, "amount": 100} for id in ("one", "another")
    ]
    assert shop.refusal(shop.place, mall, lines=lines, total=200, freight=0)
    receive(mall, quantity=1)
    shop.place(mall, lines=lines, total=200, freight=0)
    assert totals(mall) == (6, 6, 0)
    assert len(mall.journal("stock", TEA)) == 4


def test_a_listing_whose_stock_isn_t_kept_is_not_watched(mall: Mall) -> None:
    order(mall, "A1", 1000)
    assert mall.journal("stock", TEA) == []


def test_what_an_order_gives_up_may_be_sold_again(mall: Mall) -> None:
    keep(mall, 6)
    order(mall, "A1", 6)
    mall.orders.cancel("A1", lines={"tea": 2}, reason="too many", by=shop.CUSTOMER)
    assert totals(mall) == (6, 4, 2)
    shop.pay(mall, "A1", 400)
    mall.orders.refunded("A1", 100, "back-1", lines={"tea": 1}, by=shop.PAYMENTS)
    assert totals(mall) == (6, 3, 3)
    shop.accept(mall, "A1")
    mall.orders.decline("A1", reason="the roof leaks", by=shop.MERCHANT)
    assert totals(mall) == (6, 0, 6)


def test_what_is_shipped_leaves_stock_and_promise_together(mall: Mall) -> None:
    keep(mall, 5)
    ready(mall, "A1", 3)
    shop.ship(mall, "A1", {"tea": 1})
    assert totals(mall) == (4, 2, 2)
    shop.ship(mall, "A1", {"tea": 2}, parcel="p2")
    assert totals(mall) == (2, 0, 2)


def test_an_order_that_is_older_than_the_stock_was_promised_nothing(mall: Mall) -> None:
    ready(mall, "OLD", 3)
    order(mall, "OLDER", 2)
    keep(mall, 4)
    order(mall, "A1", 2)
    mall.orders.cancel("OLDER", reason="no more", by=shop.CUSTOMER)
    assert totals(mall) == (4, 2, 2)
    said = shop.refusal(shop.ship, mall, "OLD", {"tea": 3})
    assert said.rules == ("stock.promises-stay@1",)
    assert "为本单预占 0 件，另有可售 2 件，不足 3 件" in said.text.zh
    shop.ship(mall, "OLD", {"tea": 2})
    assert totals(mall) == (2, 2, 0)


def test_goods_that_came_in_late_are_shipped_with_what_was_promised(mall: Mall) -> None:
    keep(mall, 4)
    ready(mall, "A1", 4)
    mall.stock.damage(TEA, lot="L1", quantity=2, cause="wet", by=shop.MERCHANT)
    assert totals(mall) == (4, 4, 0)
    said = shop.refusal(shop.ship, mall, "A1", {"tea": 3})
    assert said.rules == ("stock.nothing-spoiled-leaves@1",)
    shop.ship(mall, "A1", {"tea": 2})
    receive(mall, lot="L2", quantity=2)
    shop.ship(mall, "A1", {"tea": 2}, parcel="p2")
    assert totals(mall) == (2, 0, 0)


def test_an_adopted_order_reserves_what_is_there_for_it(mall: Mall, time: shop.Time) -> None:
    keep(mall, 5)
    line = {"id": "tea", "listing": TEA, "ordered": 4, "amount": 400, "shipped": 1}
    record = {
        "payment": "unpaid", "goods": "accepted", "kind": "goods", "merchant": "tea-house",
        "customer": "grandma-li", "group_id": None, "channel": "app", "currency": "CNY",
        "freight": 0, "total": 400, "cash_on_delivery": False, "lines": [line],
        "created_at": time.now - DAY,
        "parcels": [
            {"id": "p", "courier": "SF", "tracking": "1", "lines": {"tea": 1},
             "shipped_at": time.now - DAY}
        ],
    }
    mall.orders.adopt("OLD", record, by=shop.OPERATIONS)
    assert totals(mall) == (5, 3, 2)
    mall.orders.adopt("OLD2", record, by=shop.OPERATIONS)
    assert totals(mall) == (5, 3, 2)
    refused = mall.journal("stock", TEA)[-1]
    assert (refused["what"], refused["outcome"]) == ("stock.reserve", "refused")


def test_nobody_but_an_order_reserves_or_takes(mall: Mall) -> None:
    for move in ("reserve", "release", "take", "restock"):
        assert not hasattr(mall.stock, move)


# Movements: S19-09-4b, S08-1-3c, S08-2-3a


def test_every_entry_of_a_stock_holds_the_totals_before_it(mall: Mall) -> None:
    keep(mall, 5)
    ready(mall, "A1", 3)
    shop.ship(mall, "A1", {"tea": 2})
    mall.orders.cancel("A1", reason="enough", by=shop.CUSTOMER)
    said = [
        (e["what"], e["facts"]["stock.on-hand"], e["facts"]["stock.reserved"])
        for e in mall.journal("stock", TEA)
    ]
    assert said == [
        ("stock.open", 0, 0), ("stock.receive", 0, 0), ("stock.reserve", 5, 0),
        ("stock.take", 5, 3), ("stock.release", 3, 1),
    ]
    assert mall.journal("stock", TEA)[3]["actor"]["cause"].startswith("order/A1#")


# Whose stock it is: S19-09-4a, S19-09-4b


def test_stock_is_opened_for_whoever_sells_the_listing(mall: Mall) -> None:
    shop.publish(mall)
    others = (("rival", shop.RIVAL), ("rival", shop.OPERATIONS), (None, shop.OPERATIONS))
    for merchant, by in others:
        said = shop.refusal(mall.stock.open, TEA, merchant=merchant, warn_at=0, by=by)
        assert said.rules == ("stock.by-the-seller@1",)
    mall.stock.open(TEA, merchant="tea-house", warn_at=0, by=shop.MERCHANT)
    said = shop.refusal(
        mall.stock.open, "elsewhere", merchant="tea-house", warn_at=0, by=shop.MERCHANT
    )
    assert said.rules == ("stock.by-the-seller@1",)
    mall.stock.open("elsewhere", merchant="tea-house", warn_at=0, by=shop.OPERATIONS)
    said = shop.refusal(mall.stock.open, "x", merchant="tea-house", warn_at=0, by=shop.RIVAL)
    assert "machine.own-records" in said.rules


def test_a_merchant_keeps_only_its_own_stock(mall: Mall) -> None:
    keep(mall, 5)
    assert shop.refusal(receive, mall, by=shop.RIVAL).rules == ("machine.own-records",)
    assert shop.refusal(receive, mall, by=shop.CUSTOMER).rules == ("machine.who-may",)


def test_a_field_agent_keeps_the_stock_of_their_own_merchants(mall: Mall) -> None:
    keep(mall, 5)
    receive(mall, by=shop.AGENT)
    said = shop.refusal(receive, mall, by=OTHER_AGENT)
    assert said.rules == ("stock.agent-of-that-merchant@1",)
    mall.assignments.appoint("tea-house", OTHER_AGENT.id, by=shop.OPERATIONS)
    receive(mall, by=OTHER_AGENT)


def test_staff_keep_stock_only_where_somebody_is_designated(mall: Mall) -> None:
    keep(mall, 5)
    mall.designations.dismiss("listing", shop.OPERATIONS.id, by=shop.LEADER)
    said = shop.refusal(receive, mall, by=shop.OPERATIONS)
    assert said.rules == ("people.designated-for-listing@1",)
    receive(mall, by=shop.MERCHANT)
    order(mall)


# The merchant's confirmation: S19-09-4a


def confirm(mall: Mall, on_hand: int = 10, **more: Any) -> None:
    mall.stock.confirm(TEA, on_hand=on_hand, **{"by": shop.MERCHANT} | more)


def state(mall: Mall, clock: str, part: str = "") -> str:
    return shop.clocks(mall, clock, "stock/green-tea")[part].state


def test_a_merchant_confirms_what_is_booked_or_counts(mall: Mall) -> None:
    keep(mall, 10)
    said = shop.refusal(confirm, mall, 9)
    assert said.rules == ("stock.confirmed-as-booked@1",)
    assert "商家所报 9 件与账面 10 件不符，须先盘点" in said.text.zh
    confirm(mall)
    assert mall.stock.get(TEA).confirmed_at == mall.now()


def test_a_field_agent_may_note_the_confirmation_and_operations_may_not(mall: Mall) -> None:
    keep(mall, 10)
    confirm(mall, by=shop.AGENT)
    assert shop.refusal(confirm, mall, by=shop.OPERATIONS).rules == ("machine.who-may",)
    assert shop.refusal(confirm, mall, by=OTHER_AGENT).rules == (
        "stock.agent-of-that-merchant@1",
    )


@pytest.mark.parametrize("reading", ["refuse-orders", "report"])
def test_a_number_that_wasn_t_confirmed_in_time_is_stale(
    url: str, time: shop.Time, reading: str
) -> None:
    with shop.open_mall(url, time, policy=shop.policy({"stock.when-stale": reading})) as mall:
        shop.staff(mall)
        keep(mall, 10)
        time.pass_(days=7)
        order(mall, "A1")
        assert mall.sweep().breached == 0
        time.now += TICK
        mall.sweep()
        assert state(mall, CONFIRMED) == "breached"
        if reading == "report":
            order(mall, "A2")
            return
        said = shop.refusal(order, mall, "A2")
        assert said.rules == ("stock.confirmed-number@1",)
        assert said.clauses == ("S19-09-4a", "S19-09-4b")
        assert "green-tea 的库存逾期未经商家确认" in said.text.zh
        confirm(mall)
        order(mall, "A2")
        assert totals(mall) == (10, 6, 4)


def test_a_confirmation_begins_the_interval_anew(mall: Mall, time: shop.Time) -> None:
    keep(mall, 10)
    time.pass_(days=5)
    confirm(mall)
    row = shop.clocks(mall, CONFIRMED, "stock/green-tea")[""]
    assert (row.started, row.due) == (shop.us(time.now), shop.us(time.now + 7 * DAY))
    time.pass_(hours=1)
    confirm(mall, at=time.now - 2 * timedelta(hours=1))
    assert shop.clocks(mall, CONFIRMED, "stock/green-tea")[""] == row
    assert mall.stock.get(TEA).confirmed_at == row.started


def test_nobody_confirms_the_company_s_own_stock(mall: Mall, time: shop.Time) -> None:
    mall.stock.open(TEA, warn_at=0, by=shop.OPERATIONS)
    assert shop.clocks(mall, CONFIRMED, "stock/green-tea") == {}
    mall.stock.receive(TEA, lot="L1", quantity=5, source="note", by=shop.OPERATIONS)
    time.pass_(days=29)
    order(mall, merchant=None)
    assert totals(mall) == (5, 3, 2)


# The warning: S08-2-3b


def levels(mall: Mall) -> list[str]:
    return [
        f["to"] for e in mall.journal("stock", TEA) for f in e.get("followed", [])
    ]


def test_one_warning_is_opened_at_the_level_and_stays_until_it_is_restocked(mall: Mall) -> None:
    keep(mall, 4)
    assert levels(mall) == ["low", "enough"]
    order(mall, "A1", 1)
    assert mall.stock.get(TEA).level == "enough"
    order(mall, "A2", 1)
    assert mall.stock.get(TEA).level == "low"
    order(mall, "A3", 2)
    assert mall.stock.get(TEA).level == "out"
    mall.orders.cancel("A2", reason="no", by=shop.CUSTOMER)
    assert mall.stock.get(TEA).level == "low"
    receive(mall, lot="L2", quantity=2)
    assert mall.stock.get(TEA).level == "enough"
    assert levels(mall) == ["low", "enough", "low", "out", "low", "enough"]
    told = [m.body.decode() for m in mall.messages() if m.topic == "event"]
    assert sum('"StockLow"' in body for body in told) == 1
    assert sum('"SoldOut"' in body for body in told) == 1


def test_another_warning_level_counts_at_once(mall: Mall) -> None:
    keep(mall, 4)
    mall.stock.set_warning(TEA, warn_at=4, by=shop.MERCHANT)
    assert mall.stock.get(TEA).level == "low"
    mall.stock.set_warning(TEA, warn_at=3, by=shop.MERCHANT)
    assert mall.stock.get(TEA).level == "enough"


# Counting: S08-2-3c


def test_a_stock_take_books_what_was_found_and_says_why_it_differs(mall: Mall) -> None:
    keep(mall, 10)
    mall.stock.damage(TEA, lot="L1", quantity=2, cause="wet", by=shop.MERCHANT)
    mall.stock.count(TEA, lots={"L1": 10}, by=shop.AGENT)
    said = shop.refusal(mall.stock.count, TEA, lots={"L1": 7}, by=shop.AGENT)
    assert said.rules == ("stock.difference-explained@1",)
    mall.stock.count(TEA, lots={"L1": 7}, cause="three were stolen", by=shop.AGENT)
    assert totals(mall) == (7, 0, 5)
    mall.stock.count(TEA, lots={"L1": 1}, cause="a flood", by=shop.AGENT)
    assert totals(mall) == (1, 0, 0)
    receive(mall, quantity=1)
    assert totals(mall) == (2, 0, 1)
    mall.stock.count(TEA, lots={"L1": 0}, cause="thieves", by=shop.AGENT)
    assert mall.stock.get(TEA).lots == ()


def test_a_stock_take_names_every_lot_that_is_booked_and_no_other(mall: Mall) -> None:
    keep(mall, 10)
    receive(mall, lot="L2")
    for lots in ({"L1": 10}, {"L1": 10, "L2": 10, "L3": 1}):
        said = shop.refusal(mall.stock.count, TEA, lots=lots, by=shop.AGENT)
        assert said.rules == ("stock.count",)
        assert ("L3" if "L3" in lots else "L2") in said.text.zh


def test_stock_is_counted_at_the_interval(mall: Mall, time: shop.Time) -> None:
    keep(mall, 10)
    time.pass_(days=30)
    mall.sweep()
    assert state(mall, COUNTED) == "running"
    time.now += TICK
    mall.sweep()
    assert state(mall, COUNTED) == "breached"
    mall.stock.count(TEA, lots={"L1": 10}, by=shop.AGENT)
    assert shop.clocks(mall, COUNTED, "stock/green-tea")[""].due == shop.us(time.now + 30 * DAY)


def test_what_was_promised_stays_promised_when_less_is_found(mall: Mall) -> None:
    keep(mall, 5)
    ready(mall, "A1", 5)
    mall.stock.count(TEA, lots={"L1": 2}, cause="mice", by=shop.AGENT)
    assert totals(mall) == (2, 5, 0)
    assert shop.refusal(order, mall, "A2", 1).rules == ("stock.no-oversell@1",)
    shop.ship(mall, "A1", {"tea": 2})
    mall.orders.cancel("A1", reason="sorry", by=shop.SERVICE)
    assert totals(mall) == (0, 0, 0)


# Expired and damaged goods: S08-2-3d


def test_nothing_is_promised_or_shipped_after_it_has_expired(mall: Mall, time: shop.Time) -> None:
    expires = time.now + DAY
    keep(mall, 5, expires_at=expires)
    ready(mall, "A1", 3)
    time.now = expires - TICK
    order(mall, "A2", 1)
    time.now = expires
    assert shop.refusal(order, mall, "A3", 1).rules == ("stock.no-oversell@1",)
    said = shop.refusal(shop.ship, mall, "A1", {"tea": 1})
    assert said.rules == ("stock.nothing-spoiled-leaves@1",)
    assert "green-tea 未过期未损坏的只有 0 件，不足 1 件" in said.text.zh
    shop.ship(mall, "A1", {"tea": 1}, at=expires - TICK)
    assert totals(mall) == (4, 3, 0)


def test_what_expires_first_leaves_first(mall: Mall, time: shop.Time) -> None:
    keep(mall, 2)
    receive(mall, lot="L2", quantity=2, expires_at=time.now + 9 * DAY)
    receive(mall, lot="L3", quantity=2, expires_at=time.now + 5 * DAY)
    ready(mall, "A1", 3)
    shop.ship(mall, "A1", {"tea": 3})
    assert {lot.id: lot.quantity for lot in mall.stock.get(TEA).lots} == {"L1": 2, "L2": 1}


def test_a_lot_has_one_expiry_date(mall: Mall, time: shop.Time) -> None:
    keep(mall, 2)
    receive(mall, quantity=1)
    assert totals(mall) == (3, 0, 3)
    said = shop.refusal(receive, mall, expires_at=time.now + DAY)
    assert said.rules == ("stock.receive",)


def test_what_has_expired_is_disposed_of_in_time(mall: Mall, time: shop.Time) -> None:
    expires = time.now + 2 * DAY
    keep(mall, 5, expires_at=expires)
    row = shop.clocks(mall, EXPIRED, "stock/green-tea")["L1"]
    assert (row.started, row.due) == (shop.us(expires), shop.us(expires + 3 * DAY))
    time.now = expires + 3 * DAY + TICK
    mall.sweep()
    assert state(mall, EXPIRED, "L1") == "breached"
    mall.stock.write_off(
        TEA, lot="L1", quantity=5, cause="expired", disposal="burnt", by=shop.MERCHANT
    )
    assert state(mall, EXPIRED, "L1") == "late"
    assert totals(mall) == (0, 0, 0)
    assert mall.journal("stock", TEA)[-1]["args"]["disposal"] == "burnt"


def test_what_is_damaged_is_disposed_of_in_time(mall: Mall, time: shop.Time) -> None:
    keep(mall, 5)
    mall.stock.damage(TEA, lot="L1", quantity=1, cause="wet", by=shop.AGENT)
    began = time.now
    time.pass_(days=1)
    mall.stock.damage(TEA, lot="L1", quantity=1, cause="wet", by=shop.AGENT)
    assert shop.clocks(mall, DAMAGED, "stock/green-tea")["L1"].due == shop.us(began + 3 * DAY)
    assert totals(mall) == (5, 0, 3)
    away: dict[str, Any] = {"lot": "L1", "cause": "wet", "disposal": "given back", "by": shop.AGENT}
    mall.stock.write_off(TEA, quantity=1, **away)
    assert totals(mall) == (4, 0, 3)
    assert state(mall, DAMAGED, "L1") == "running"
    mall.stock.write_off(TEA, quantity=2, **away)
    assert totals(mall) == (2, 0, 2)
    assert state(mall, DAMAGED, "L1") == "met"
    time.pass_(days=1)
    mall.stock.damage(TEA, lot="L1", quantity=1, cause="mice", by=shop.AGENT)
    assert shop.clocks(mall, DAMAGED, "stock/green-tea")["L1"].started == shop.us(time.now)


@pytest.mark.parametrize("move", ["damage", "write_off"])
def test_nothing_is_damaged_or_written_off_that_isn_t_there(mall: Mall, move: str) -> None:
    keep(mall, 5)
    words = {"cause": "wet", "by": shop.AGENT} | (
        {"disposal": "burnt"} if move == "write_off" else {}
    )
    for lot, quantity in (("L1", 6), ("L9", 1)):
        said = shop.refusal(getattr(mall.stock, move), TEA, lot=lot, quantity=quantity, **words)
        assert said.rules == (f"stock.{move}",)
    assert totals(mall) == (5, 0, 5)


def test_returned_goods_are_sold_again_once_somebody_has_looked_at_them(
    mall: Mall, time: shop.Time
) -> None:
    keep(mall, 1)
    back(mall, 2)
    back(mall, 1)
    assert totals(mall) == (4, 0, 1)
    assert shop.refusal(order, mall, "A1", 2).rules == ("stock.no-oversell@1",)
    mall.stock.inspect(TEA, lot="case-1", expires_at=time.now + DAY, by=shop.MERCHANT)
    assert totals(mall) == (4, 0, 4)
    said = shop.refusal(mall.stock.inspect, TEA, lot="case-1", by=shop.MERCHANT)
    assert said.rules == ("stock.inspect",)
    back(mall, 1)
    assert totals(mall) == (5, 0, 1)
    time.pass_(days=1)
    mall.stock.inspect(TEA, lot="case-1", expires_at=time.now, by=shop.MERCHANT)
    assert totals(mall) == (5, 0, 1)


# Closing


def test_a_stock_is_closed_when_nothing_is_promised_and_sold_again_when_reopened(
    mall: Mall, time: shop.Time
) -> None:
    ready(mall, "OLD", 1)
    keep(mall, 5)
    ready(mall, "A1", 3)
    said = shop.refusal(mall.stock.close, TEA, by=shop.MERCHANT)
    assert said.rules == ("stock.nothing-promised-at-close@1",)
    shop.ship(mall, "A1", {"tea": 3})
    mall.stock.close(TEA, by=shop.MERCHANT)
    assert state(mall, CONFIRMED) == "stopped"
    assert "machine.no-such-move" in shop.refusal(order, mall, "A2", 1).rules
    shop.ship(mall, "OLD", {"tea": 1})
    back(mall, 1)
    assert totals(mall) == (2, 0, 1)
    mall.stock.reopen(TEA, by=shop.MERCHANT)
    order(mall, "A3", 1)
    assert totals(mall) == (2, 1, 0)

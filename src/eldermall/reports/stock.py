"""Stock reports: movements, warnings, stale numbers, slow sellers, and inputs for purchasing.

They only read. What they yield of many records is read page by page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, cast

from eldermall.calendars import microseconds, moment
from eldermall.contracts.storage import EntryRow, Transaction
from eldermall.engine.actor import Actor
from eldermall.engine.journal import entry_fields
from eldermall.engine.kind import subject_of
from eldermall.mall import Mall
from eldermall.rooms.stock import Stock, Stocks
from eldermall.rules.stock import CONFIRMED

PAGE = 500


@dataclass(frozen=True, slots=True)
class Movement:
    """A move of a stock, with its totals before and after. Moments in microseconds.

    Args:
        seq: the number of its entry in the journal.
        move: the move's name.
        at: when it happened.
        actor: who made it; the system's cause is the entry of the order that it follows.
        cause: why, where the move says so.
        source: out of what: a delivery note, an order, a return.
        on_hand: how many were there, before and after.
        reserved: how many were promised, before and after.
        level: the level that it led to, None if it led to no other.
    """

    seq: int
    move: str
    at: int
    actor: Actor
    cause: str | None
    source: str | None
    on_hand: tuple[int, int]
    reserved: tuple[int, int]
    level: str | None


@dataclass(frozen=True, slots=True)
class LowStock:
    """A stock whose available number has fallen to its warning level."""

    listing: str
    merchant: str | None
    available: int
    warn_at: int
    on_hand: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Stale:
    """A stock whose merchant hasn't confirmed the number in its time, and since when."""

    listing: str
    merchant: str | None
    on_hand: int
    due: int


@dataclass(frozen=True, slots=True)
class SlowSeller:
    """A stock of which nothing has left for an order since a moment, and how many are there."""

    listing: str
    merchant: str | None
    on_hand: int
    since: int


@dataclass(frozen=True, slots=True)
class PurchaseInput:
    """What there is to know of an item of a period before more of it is bought.

    Args:
        listing: the item.
        sold: how many have left for orders.
        on_hand: how many were there at its end.
        reserved: how many of these were promised.
        days_short: on how many days nothing was available for some time.
    """

    listing: str
    sold: int
    on_hand: int
    reserved: int
    days_short: int


def movements(mall: Mall, listing: str) -> Iterator[Movement]:
    """Yield what has happened to a stock, oldest first, from nothing but its journal.

    Args:
        mall: the mall.
        listing: the listing's id.
    """
    with mall.read() as tx:
        chain = tx.chain(subject_of(Stocks.kind, listing))
    yield from _movements(chain)


def open_warnings(mall: Mall, *, merchant: str | None = None) -> Iterator[LowStock]:
    """Yield each open stock that has fallen to its warning level, by listing.

    What has expired since the last movement is taken into account.

    Args:
        mall: the mall.
        merchant: whose; of everybody if left out.
    """
    now = mall.now()
    for stock in _open(mall, merchant):
        available = stock.available(now)
        if available <= stock.warn_at:
            yield LowStock(
                stock.id, stock.merchant, available, stock.warn_at, stock.on_hand, stock.reserved
            )


def stale_numbers(mall: Mall, *, merchant: str | None = None) -> Iterator[Stale]:
    """Yield each open stock whose merchant's confirmation is overdue, by listing.

    Args:
        mall: the mall.
        merchant: whose; of everybody if left out.
    """
    now = mall.now()
    for tx, stock in _read(mall, merchant):
        for row in tx.open_clocks(subject_of(Stocks.kind, stock.id)):
            if row.name == CONFIRMED.name and row.due < now:
                yield Stale(stock.id, stock.merchant, stock.on_hand, row.due)


def slow_sellers(
    mall: Mall, unsold_for: timedelta, *, merchant: str | None = None
) -> Iterator[SlowSeller]:
    """Yield each open stock of which nothing was taken for some time though something was there.

    Args:
        mall: the mall.
        unsold_for: for how long.
        merchant: whose; of everybody if left out.
    """
    before = mall.now() - unsold_for // timedelta(microseconds=1)
    for stock in _open(mall, merchant):
        if stock.lots:
            since = max(stock.taken_at or 0, min(lot.received_at for lot in stock.lots))
            if since <= before:
                yield SlowSeller(stock.id, stock.merchant, stock.on_hand, since)


def purchase_inputs(
    mall: Mall, since: datetime, until: datetime, *, merchant: str | None = None
) -> Iterator[PurchaseInput]:
    """Yield what is to be known of each open stock before more is bought. People decide.

    Args:
        mall: the mall.
        since: the beginning of the period.
        until: its end, which doesn't belong to it.
        merchant: whose; the company's own if left out.
    """
    first, last = microseconds(since, "since"), microseconds(until, "until")
    zone = mall.policy.settings.zone
    for tx, stock in _read(mall, merchant):
        if stock.merchant == merchant:
            moved = list(_movements(tx.chain(subject_of(Stocks.kind, stock.id))))
            yield _input(stock.id, moved, first, last, zone)


def _open(mall: Mall, merchant: str | None) -> Iterator[Stock]:
    for _, stock in _read(mall, merchant):
        yield stock


def _read(mall: Mall, merchant: str | None) -> Iterator[tuple[Transaction, Stock]]:
    of = {} if merchant is None else {"merchant": merchant}
    after = ""
    with mall.read() as tx:
        while rows := tx.find(Stocks.kind, open=True, after=after, limit=PAGE, **of):
            for row in rows:
                yield tx, cast(Stock, Stocks.KIND.record(row))
            after = rows[-1].id


def _movements(chain: Iterable[EntryRow]) -> Iterator[Movement]:
    on_hand, holds = 0, Counter[str]()
    for entry in map(entry_fields, chain):
        if entry["outcome"] != "moved":
            continue
        move, args = entry["what"].partition(".")[2], entry["args"]
        before = on_hand, holds.total()
        on_hand = _on_hand_after(move, args, on_hand)
        if move == "reserve":
            holds[args["holder"]] += args["quantity"]
        elif move in ("release", "take"):
            holds[args["holder"]] -= min(args["quantity"], holds[args["holder"]])
        followed = entry.get("followed")
        yield Movement(
            entry["seq"], move, entry["at"], Actor.from_json(entry["actor"]), args.get("cause"),
            args.get("source") or args.get("holder"), (before[0], on_hand),
            (before[1], holds.total()), followed[-1]["to"] if followed else None,
        )


def _on_hand_after(move: str, args: Mapping[str, Any], before: int) -> int:
    if move == "count":
        return sum(args["lots"].values())
    if move in ("receive", "restock"):
        return int(before + args["quantity"])
    return int(before - args["quantity"]) if move in ("take", "write_off") else before


def _input(
    listing: str, moved: Sequence[Movement], first: int, last: int, zone: tzinfo
) -> PurchaseInput:
    ended = [m for m in moved if m.at < last]
    return PurchaseInput(
        listing,
        sum(m.on_hand[0] - m.on_hand[1] for m in ended if m.move == "take" and m.at >= first),
        ended[-1].on_hand[1] if ended else 0,
        ended[-1].reserved[1] if ended else 0,
        len(_days_out(ended, first, last, zone)),
    )


def _days_out(moved: Sequence[Movement], first: int, last: int, zone: tzinfo) -> set[date]:
    """Return the days of a period on which a stock was sold out for some time."""
    days: set[date] = set()
    ends = [*(m.at for m in moved[1:]), last]
    level = "out"
    for movement, end in zip(moved, ends, strict=True):
        level = movement.level or level
        start, end_ = max(movement.at, first), min(end, last)
        if level == "out" and start < end_:
            day = moment(start, zone).date()
            while day <= moment(end_ - 1, zone).date():
                days.add(day)
                day += timedelta(days=1)
    return days

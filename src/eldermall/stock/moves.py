"""What each move of a stock needs and changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from eldermall.engine.inputs import Id, Label, Moment, Quantity
from eldermall.engine.machine import Unfit
from eldermall.engine.room import Arguments
from eldermall.engine.rule import Context
from eldermall.stock.stock import Level, Lot, Stock, Units, resized, taken
from eldermall.texts import Text


class Open(Arguments):
    """Whose stock it is, and at which number available a warning is due."""

    merchant: Id | None
    warn_at: Level


class Receive(Arguments):
    """Goods that came in: into which lot, how many, until when they may be sold, by which note."""

    lot: Id
    quantity: Quantity
    expires_at: Moment | None
    source: Label


class Count(Arguments):
    """A stock-take: how many were found of every lot, and why that isn't what was booked."""

    lots: Annotated[dict[Id, Level], Field(max_length=500)]
    cause: Label | None


class Damage(Arguments):
    """How many of a lot are damaged, and why."""

    lot: Id
    quantity: Quantity
    cause: Label


class WriteOff(Arguments):
    """How many of a lot have left other than by an order: why, and what was done with them."""

    lot: Id
    quantity: Quantity
    cause: Label
    disposal: Label


class Inspect(Arguments):
    """A returned lot that somebody has looked at and found fit for sale, and until when it is."""

    lot: Id
    expires_at: Moment | None


class Confirm(Arguments):
    """How many there are, as the merchant says."""

    on_hand: Level


class SetWarning(Arguments):
    """At which number available a warning is due."""

    warn_at: Level


class Hold(Arguments):
    """How many, for which order."""

    holder: Id
    quantity: Units


class Restock(Arguments):
    """How many came back, and from what: the case or order is the id of the lot they make."""

    source: Id
    quantity: Units


def open_(c: Context) -> dict[str, Any]:
    """Begin to keep the stock of a listing; nothing is there yet."""
    return {
        "level": "out", "merchant": c.args.merchant, "warn_at": c.args.warn_at, "lots": (),
        "holds": {}, "as_of": c.at,
    }


def receive(c: Context) -> dict[str, Any]:
    """Book goods in; the same lot has one expiry date."""
    stock: Stock = c.record
    a: Receive = c.args
    lot = stock.lot(a.lot)
    if lot is None:
        new = Lot(id=a.lot, quantity=a.quantity, received_at=c.at, expires_at=a.expires_at)
        return _now(c, lots=(*stock.lots, new))
    if lot.returned or lot.expires_at != a.expires_at:
        raise Unfit(
            Text(
                f"批次 {a.lot} 已存在，但有效期不同或为退货，请另立批次",
                f"lot {a.lot} is there, with another expiry date or as a return; use another",
            )
        )
    return _now(c, lots=resized(stock.lots, {lot.id: lot.quantity + a.quantity}))


def count(c: Context) -> dict[str, Any]:
    """Book what a stock-take has found; it names every lot that is booked, and no other."""
    stock: Stock = c.record
    booked = {lot.id for lot in stock.lots}
    if wrong := sorted(booked ^ c.args.lots.keys()):
        raise Unfit(
            Text(
                f"盘点须列明账上的每个批次且仅限这些批次，有出入的为：{'、'.join(wrong)}",
                f"a stock-take names every lot that is booked and no other: {', '.join(wrong)}",
            )
        )
    return _now(c, lots=resized(stock.lots, c.args.lots), counted_at=_later(c, stock.counted_at))


def damage(c: Context) -> dict[str, Any]:
    """Note that some of a lot are damaged; they stay there until they are written off."""
    lot = _lot(c, c.args.lot)
    if c.args.quantity > lot.quantity - lot.damaged:
        raise _too_few(lot, lot.quantity - lot.damaged)
    return _with(
        c, lot, damaged=lot.damaged + c.args.quantity,
        damaged_at=lot.damaged_at if lot.damaged else c.at,
    )


def write_off(c: Context) -> dict[str, Any]:
    """Book what has left other than by an order, damaged ones first."""
    lot = _lot(c, c.args.lot)
    if c.args.quantity > lot.quantity:
        raise _too_few(lot, lot.quantity)
    if c.args.quantity == lot.quantity:
        return _now(c, lots=resized(c.record.lots, {lot.id: 0}))
    return _with(
        c, lot, quantity=lot.quantity - c.args.quantity,
        damaged=max(0, lot.damaged - c.args.quantity),
    )


def inspect(c: Context) -> dict[str, Any]:
    """Let a returned lot be sold again."""
    lot = _lot(c, c.args.lot)
    if not lot.returned:
        raise Unfit(
            Text(f"批次 {lot.id} 不是待验收的退货", f"lot {lot.id} is no return to look at")
        )
    return _with(c, lot, returned=False, expires_at=c.args.expires_at)


def confirm(c: Context) -> dict[str, Any]:
    """Note that the merchant has confirmed the number."""
    return _now(c, confirmed_at=_later(c, c.record.confirmed_at))


def set_warning(c: Context) -> dict[str, Any]:
    """Set another warning level."""
    return _now(c, warn_at=c.args.warn_at)


def reserve(c: Context) -> dict[str, Any]:
    """Promise goods to an order."""
    holds: Mapping[str, int] = c.record.holds
    held = holds.get(c.args.holder, 0) + c.args.quantity
    return _now(c, holds={**holds, c.args.holder: held})


def release(c: Context) -> dict[str, Any]:
    """Promise an order less; nothing if nothing was promised to it."""
    return _now(c, holds=_less(c))


def take(c: Context) -> dict[str, Any]:
    """Hand goods out for an order, those that expire first gone first; its promise is kept."""
    stock: Stock = c.record
    return _now(
        c, lots=taken(stock.lots, c.args.quantity, c.at), holds=_less(c),
        taken_at=_later(c, stock.taken_at),
    )


def restock(c: Context) -> dict[str, Any]:
    """Book returned goods in; nobody may buy them before somebody has looked at them."""
    stock: Stock = c.record
    a: Restock = c.args
    lot = stock.lot(a.source)
    if lot is not None:
        return _with(c, lot, quantity=lot.quantity + a.quantity, returned=True)
    back = Lot(id=a.source, quantity=a.quantity, received_at=c.at, returned=True)
    return _now(c, lots=(*stock.lots, back))


def as_of_now(c: Context) -> dict[str, Any]:
    """Change nothing but the moment as of which the level is known."""
    return _now(c)


def _now(c: Context, **changed: Any) -> dict[str, Any]:
    return {"as_of": _later(c, c.record.as_of), **changed}


def _later(c: Context, known: int | None) -> int:
    return c.at if known is None else max(known, c.at)


def _lot(c: Context, id: str) -> Lot:
    lot: Lot | None = c.record.lot(id)
    if lot is None:
        raise Unfit(Text(f"没有批次 {id}", f"there is no lot {id}"))
    return lot


def _too_few(lot: Lot, there: int) -> Unfit:
    return Unfit(Text(f"批次 {lot.id} 只有 {there} 件", f"lot {lot.id} has only {there}"))


def _with(c: Context, lot: Lot, **changed: Any) -> dict[str, Any]:
    other = lot.model_copy(update=changed)
    return _now(c, lots=tuple(other if each is lot else each for each in c.record.lots))


def _less(c: Context) -> dict[str, int]:
    holds: Mapping[str, int] = c.record.holds
    left = holds.get(c.args.holder, 0) - c.args.quantity
    others = {holder: held for holder, held in holds.items() if holder != c.args.holder}
    return others | {c.args.holder: left} if left > 0 else others

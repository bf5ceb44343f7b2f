"""Bookings: the references of payments and refunds, each of which counts once in a mall."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from eldermall.engine.actor import Actor
from eldermall.engine.declaration import Changes, Move, internal
from eldermall.engine.declared import Declared, M
from eldermall.engine.inputs import Amount, Currency, Id
from eldermall.engine.kind import Command, Record, nobody
from eldermall.engine.machine import NEW
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.engine.track import Track, state
from eldermall.rooms.orders.payment import Paying
from eldermall.texts import Text


class Booking(Record):
    """A payment or refund that the host has booked, under the reference that is its id."""

    SCHEMA: ClassVar[int] = 1

    state: str
    order: Id
    amount: Amount
    currency: Currency


def _book(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    yield Bookings.book.command(
        args.reference, order=order.id, amount=args.amount, currency=args.currency, by=cause
    )


def _book_whole(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    if isinstance(args, Paying.paid.model):  # else a part was, or lines were cancelled
        yield from _book(before, order, args, cause)


class Bookings(Declared[M, Booking]):
    """What is booked: by an order's payments and refunds alone."""

    kind = "booking"
    label = Text("入账凭证", "booking")
    model = Booking

    party = staticmethod(nobody)

    class States(Track):
        """It is there or it isn't."""

        booked = state(Text("已入账", "booked"), end=True)

    @internal(NEW, to=States.booked, says=Text("入账", "book"), event="Booked")
    @staticmethod
    def book(
        m: Move[Booking], id: str, *, order: Id, amount: Amount, currency: Currency,
        **by: Unpack[By],
    ) -> Changes:
        """Note what was booked for which order."""
        return {"order": order, "amount": amount, "currency": currency}

    reactions = (
        book.after("order", "Paid", makes=_book_whole),
        book.after("order", "PaymentReceived", "Refunded", makes=_book),
    )

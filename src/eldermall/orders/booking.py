"""Bookings: the references of payments and refunds, each of which counts once in a mall."""

from __future__ import annotations

from typing import ClassVar

from eldermall.engine.inputs import Amount, Currency, Id
from eldermall.engine.kind import Kind, Record
from eldermall.engine.machine import NEW, Machine, State, Transition
from eldermall.engine.room import Arguments
from eldermall.engine.rule import Context
from eldermall.texts import Text


class Booking(Record):
    """A payment or refund that the host has booked, under the reference that is its id."""

    SCHEMA: ClassVar[int] = 1

    state: str
    order: Id
    amount: Amount
    currency: Currency


class Book(Arguments):
    """What was booked for which order."""

    order: Id
    amount: Amount
    currency: Currency


def _book(c: Context) -> dict[str, object]:
    return {"order": c.args.order, "amount": c.args.amount, "currency": c.args.currency}


BOOKING_MACHINE = Machine(
    "booking",
    "state",
    Text("入账凭证", "booking"),
    (State("booked", Text("已入账", "booked"), end=True),),
    (
        Transition(
            "book", (NEW,), "booked", ("system",), Text("入账", "book"), "Booked", _book
        ),
    ),
)

BOOKING = Kind("booking", Text("入账凭证", "booking"), Booking, (BOOKING_MACHINE,))

"""An order as it stands, and what may be computed from it."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from eldermall.engine.actor import Actor
from eldermall.engine.inputs import Amount, Currency, Frozen, Id, Label, Moment, Quantity
from eldermall.engine.kind import Record


class Line(Frozen):
    """One line of an order: what, how many, for how much, and what became of it.

    ``amount`` is the whole line's price in minor units. ``shipped``, ``cancelled`` and
    ``refunded`` (paid back and never to ship) share the quantity ``ordered``; ``returned`` is
    part of ``shipped``. ``courier``: whether it leaves by courier.
    """

    id: Id
    listing: Id
    ordered: Quantity
    amount: Amount
    courier: bool = True
    shipped: int = 0
    cancelled: int = 0
    returned: int = 0
    refunded: int = 0

    @property
    def outstanding(self) -> int:
        """How many have neither left nor been cancelled or refunded."""
        return self.ordered - self.shipped - self.cancelled - self.refunded


class Parcel(Frozen):
    """What left together: by which courier under which number, and the quantity by line."""

    id: Id
    courier: Id
    tracking: Label
    lines: dict[Id, Quantity]
    shipped_at: Moment
    delivered_at: Moment | None = None


class ShippingException(Frozen):
    """A recorded exception from the shipping limit: why, who approved, until when, for which
    line, and when the customer was told.
    """

    line: Id
    reason: Label
    approved_by: Id
    until: Moment
    customer_told_at: Moment
    granted_at: Moment


class Order(Record):
    """An order of one seller. Money in minor units of ``currency``; times in microseconds UTC.

    ``merchant`` is None for the company's own goods. ``received`` and ``returned_money`` are what
    the host has booked in and paid back; ``goodwill`` is the part of the latter that wasn't owed.
    """

    SCHEMA: ClassVar[int] = 1

    payment: str
    goods: str
    kind: Literal["goods"]
    merchant: Id | None
    customer: Id
    group_id: Id | None
    channel: Id
    currency: Currency
    freight: Amount
    total: Amount
    cash_on_delivery: bool
    lines: tuple[Line, ...]
    ship_by: Moment | None = None
    parcels: tuple[Parcel, ...] = ()
    exceptions: tuple[ShippingException, ...] = ()
    handed_to: Id | None = None
    handed_over_at: Moment | None = None
    merchant_contacted_at: Moment | None = None
    contact_way: str | None = None
    accepted_at: Moment | None = None
    decline_reason: str | None = None
    paid_at: Moment | None = None
    received: int = 0
    returned_money: int = 0
    goodwill: int = 0
    completed_at: Moment | None = None

    @property
    def self_operated(self) -> bool:
        """Whether the company itself is the seller."""
        return self.merchant is None

    @property
    def summary(self) -> str:
        """Both tracks in one word: ``goods/payment``."""
        return f"{self.goods}/{self.payment}"

    @property
    def payable_from(self) -> int | None:
        """Since when it may ship: submission for cash on delivery, else the later of submission
        and payment; None while unpaid.
        """
        if self.cash_on_delivery:
            return self.created_at
        return None if self.paid_at is None else max(self.created_at, self.paid_at)

    @property
    def worth(self) -> int:
        """What the customer has to pay for what is neither cancelled nor refunded."""
        if self.goods in ("cancelled", "declined"):
            return 0
        return self.total - sum(
            line.amount * (line.cancelled + line.refunded) // line.ordered for line in self.lines
        )

    @property
    def owed_back(self) -> int:
        """How much of what was received is due back to the customer and not yet booked."""
        left = self.received - self.returned_money
        return max(0, min(left, left + self.goodwill - self.worth))

    def line(self, id: str) -> Line | None:
        """Return the line ``id``, None if there is none."""
        return next((line for line in self.lines if line.id == id), None)


def is_party(subject: Any, actor: Actor) -> bool:
    """Say whether a customer or merchant acts on what is theirs."""
    if actor.role == "merchant":
        return bool(subject.merchant == actor.merchant)
    return bool(subject.customer == actor.id)

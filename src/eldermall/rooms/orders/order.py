"""An order as it stands, and what may be computed from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from eldermall.contracts.courier import TrackingStatus
from eldermall.engine.inputs import (
    Amount,
    Currency,
    Frozen,
    Id,
    Label,
    Moment,
    Personal,
    Plain,
    Planned,
    Quantity,
    Said,
)
from eldermall.engine.kind import Record, Upgrade


class Line(Frozen):
    """One line of an order: what, how many, for how much, and what became of it.

    ``amount`` is the whole line's price in minor units. ``shipped`` (of a service: done),
    ``cancelled`` and ``refunded`` (paid back and never to ship) share the quantity ``ordered``;
    ``claimed`` (in open after-sale cases) and ``returned`` (settled by one) are part of
    ``shipped``. ``courier``: whether it leaves by courier.
    """

    id: Id
    listing: Id
    ordered: Quantity
    amount: Amount
    courier: bool = True
    shipped: int = 0
    cancelled: int = 0
    claimed: int = 0
    returned: int = 0
    refunded: int = 0

    @property
    def outstanding(self) -> int:
        """How many have neither left nor been cancelled or refunded."""
        return self.ordered - self.shipped - self.cancelled - self.refunded


Sign = Annotated[Said, Plain("a courier's sign of an event, which names nobody")]


class ParcelEvent(Frozen):
    """What a courier, or somebody else, says has happened to a parcel.

    ``struck``: why it doesn't count, None if it does.
    """

    status: TrackingStatus
    at: Moment
    code: Sign
    reference: Sign
    text: Annotated[Said, Personal("order")]
    location: Annotated[Said, Personal("order")]
    struck: Annotated[str | None, Personal("order")] = None

    @property
    def key(self) -> tuple[int, str, str, str, str, str]:
        """What makes it this event; those that say the same are one. Ordered by time."""
        return self.at, self.status, self.code, self.reference, self.text, self.location


def arrival(at: int) -> ParcelEvent:
    """Return the event of an arrival of which no courier has said more than when it was."""
    return ParcelEvent(status="delivered", at=at, code="", reference="", text="", location="")


class Parcel(Frozen):
    """What left together: by which courier under which number, and the quantity by line.

    ``events`` is its timeline: each event once, in order of event time. ``delivered_at`` follows
    from it.
    """

    id: Id
    courier: Id
    tracking: Annotated[Label, Personal("order")]
    lines: dict[Id, Quantity]
    shipped_at: Moment
    delivered_at: Moment | None = None
    events: tuple[ParcelEvent, ...] = ()

    def with_events(self, events: Iterable[ParcelEvent]) -> Parcel:
        """Return the parcel with ``events`` in its timeline, whatever their order.

        Those it knows already are dropped. It arrived with the first that says delivered; of a
        parcel that was taken over without its events, the arrival becomes one.
        """
        told = self.events
        if self.delivered_at is not None and all(e.status != "delivered" for e in told):
            told = (*told, arrival(self.delivered_at))
        known = {event.key: event for event in (*events, *told)}
        timeline = tuple(known[key] for key in sorted(known))
        arrived = [e.at for e in timeline if e.status == "delivered" and e.struck is None]
        return self.model_copy(
            update={
                "events": timeline,
                "delivered_at": max(arrived[0], self.shipped_at) if arrived else None,
            }
        )

    @property
    def heard_at(self) -> int:
        """When something was last heard of it."""
        return max([self.shipped_at, *(e.at for e in self.events if e.struck is None)])


class ShippingException(Frozen):
    """A recorded exception from the shipping limit: why, who approved, until when, for which
    line, and when the customer was told.
    """

    line: Id
    reason: Annotated[Label, Personal("order")]
    approved_by: Id
    until: Planned
    customer_told_at: Moment
    granted_at: Moment


class ReturnTerms(Frozen):
    """When returns and exchanges are unconditional, by the policy that binds the order.

    Inside a ``window`` that begins with completion or delivery (``start``), on one of ``grounds``,
    for goods in one of ``item_states``; always on one of ``fault_grounds``.
    """

    window: int
    start: Annotated[str, Plain("one of the policy's choices")]
    grounds: tuple[Id, ...]
    item_states: tuple[Id, ...]
    fault_grounds: tuple[Id, ...]


class Due(Frozen):
    """What is due back for an after-sale case and not yet booked."""

    case: Id
    amount: Amount


class Appointment(Frozen):
    """When and where a service is to be done, and when that was agreed."""

    when: Planned
    place: Annotated[Label, Personal("order")]
    agreed_at: Moment


class Served(Frozen):
    """How a service was done: by whom, when, what proves it, and who confirmed it.

    ``confirmed_by`` is the customer or a named relative; None while nobody has.
    """

    served_by: Id
    started_at: Moment
    done_at: Moment | None = None
    proof: Annotated[str, Plain("the host's id of what proves it")] = ""
    confirmed_by: Id | None = None


def _first_to_second(fields: dict[str, Any]) -> dict[str, Any]:
    """Bring a body of the first schema to the second: an arrival is an event of its parcel."""
    return {**fields, "parcels": [_with_arrival(parcel) for parcel in fields["parcels"]]}


def _with_arrival(parcel: dict[str, Any]) -> dict[str, Any]:
    at = parcel["delivered_at"]
    return {**parcel, "events": [] if at is None else [arrival(at).model_dump(mode="json")]}


class Order(Record):
    """An order of one seller. Money in minor units of ``currency``; times in microseconds UTC.

    Goods go along one track and services along another: ``goods`` or ``service`` is the state of
    its own, and the other is None. ``merchant`` is None for the company's own. ``relatives`` are
    those whom the customer has named to act for them. ``received`` and ``returned_money`` are what
    the host has booked in and paid back; ``goodwill`` is the part of the latter that wasn't owed.
    ``terms`` are fixed with its first after-sale case; ``withheld`` is what cases kept back of the
    price of what was returned, ``dues`` what is due for each case, the oldest first.
    """

    SCHEMA: ClassVar[int] = 2
    UPGRADES: ClassVar[Mapping[int, Upgrade]] = {1: _first_to_second}

    payment: str
    goods: str | None = None
    service: str | None = None
    kind: Literal["goods", "service"]
    merchant: Id | None
    customer: Id
    group_id: Id | None
    channel: Id
    currency: Currency
    freight: Amount
    total: Amount
    cash_on_delivery: bool
    lines: tuple[Line, ...]
    relatives: tuple[Id, ...] = ()
    ship_by: Planned | None = None
    parcels: tuple[Parcel, ...] = ()
    exceptions: tuple[ShippingException, ...] = ()
    appointment: Appointment | None = None
    served: Served | None = None
    handed_to: Id | None = None
    handed_over_at: Moment | None = None
    merchant_contacted_at: Moment | None = None
    contact_way: Annotated[str | None, Personal("order")] = None
    accepted_at: Moment | None = None
    decline_reason: Annotated[str | None, Personal("order")] = None
    paid_at: Moment | None = None
    received: int = 0
    returned_money: int = 0
    goodwill: int = 0
    completed_at: Moment | None = None
    terms: ReturnTerms | None = None
    withheld: int = 0
    dues: tuple[Due, ...] = ()

    @property
    def self_operated(self) -> bool:
        """Whether the company itself is the seller."""
        return self.merchant is None

    @property
    def track(self) -> str:
        """The state of its goods or its service."""
        return self.goods or self.service or ""

    @property
    def summary(self) -> str:
        """Both tracks in one word: ``goods/payment``, or ``service/payment``."""
        return f"{self.track}/{self.payment}"

    @property
    def customers(self) -> tuple[str, ...]:
        """Who may act as its customer: the customer, and the relatives named."""
        return (self.customer, *self.relatives)

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
        """What the customer has to pay: all but what was cancelled, refunded or taken back."""
        if self.track in ("cancelled", "declined"):
            return 0
        return self.total + self.withheld - sum(
            line.amount * (line.cancelled + line.refunded + line.returned) // line.ordered
            for line in self.lines
        )

    @property
    def owed_back(self) -> int:
        """How much of what was received is due back to the customer and not yet booked."""
        left = self.received - self.returned_money
        return max(0, min(left, left + self.goodwill - self.worth))

    def line(self, id: str) -> Line | None:
        """Return the line ``id``, None if there is none."""
        return next((line for line in self.lines if line.id == id), None)

    def delivered_of(self, id: str) -> int:
        """Return how many of the line ``id`` have arrived; of a service, have been done."""
        line = self.line(id)
        if self.kind == "service":
            return 0 if line is None else line.shipped
        return sum(p.lines.get(id, 0) for p in self.parcels if p.delivered_at is not None)

    def due_for(self, case: str) -> int:
        """Return what is due back for an after-sale case and not yet booked."""
        return next((due.amount for due in self.dues if due.case == case), 0)

    def returns_until(self, lines: Iterable[str]) -> int | None:
        """Return the last moment of the window for ``lines``; None while it hasn't begun."""
        if self.terms is None:
            return None
        began = self.completed_at
        if self.terms.start == "delivered" and self.served is not None:
            began = self.served.done_at
        elif self.terms.start == "delivered":
            wanted = set(lines)
            arrived = [
                p.delivered_at
                for p in self.parcels
                if p.delivered_at is not None and wanted & set(p.lines)
            ]
            began = max(arrived, default=None)
        return None if began is None else began + self.terms.window

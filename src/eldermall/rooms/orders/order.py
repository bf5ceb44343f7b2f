"""An order as it stands, and what may be computed from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from eldermall.contracts.courier import TrackingStatus
from eldermall.engine.inputs import (
    STORED,
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
    ``cancelled``, ``refunded`` (paid back and never to ship) and ``given_up`` (left, and never
    arrived) share the quantity ``ordered`` with what is outstanding. ``claimed`` (in open
    after-sale cases) and ``returned`` (settled by one) are part of ``shipped``. ``courier``:
    whether it leaves by courier. ``again_at``: when it was settled that something of it
    is sent again. ``version`` is that of the listing that was shown.
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
    given_up: int = 0
    again_at: Moment | None = None
    version: int | None = None

    @property
    def outstanding(self) -> int:
        """How many are still to leave: the rest of what shares the quantity ordered."""
        return self.ordered - self.shipped - self.cancelled - self.refunded - self.given_up

    @property
    def unowed(self) -> int:
        """For how many the customer has nothing to pay."""
        return self.cancelled + self.refunded + self.given_up + self.returned


Sign = Annotated[Said, Plain("a courier's sign of an event, which names nobody")]


class ParcelEvent(Frozen):
    """What a courier, or somebody else, says has happened to a parcel.

    ``way`` is how it was handed over, by the shop's name for it, empty if nobody says.
    ``struck``: why it doesn't count, None if it does.
    """

    status: TrackingStatus
    at: Moment
    code: Sign
    reference: Sign
    text: Annotated[Said, Personal("order")]
    location: Annotated[Said, Personal("order")]
    way: Sign = ""
    struck: Annotated[str | None, Personal("order")] = None

    @property
    def key(self) -> tuple[int, str, str, str, str, str, str]:
        """What it says; those that say the same are one. Ordered by time."""
        return self.at, self.status, self.code, self.reference, self.text, self.location, self.way


def arrival(at: int, way: str | None = None) -> ParcelEvent:
    """Return the event of an arrival of which no courier has said more than when it was.

    Args:
        at: when.
        way: how it was handed over; None if nothing was agreed.
    """
    return ParcelEvent(
        status="delivered", at=at, code="", reference="", text="", location="", way=way or ""
    )


EndOfParcel = Literal["returned", "lost", "refused", "failed"]

STATUS: Mapping[EndOfParcel, TrackingStatus] = {
    "returned": "returned", "lost": "lost", "refused": "refused", "failed": "cancelled",
}
"""How a parcel ends that doesn't arrive, and the status of its timeline that says so."""

ENDING: Mapping[str, EndOfParcel] = {status: how for how, status in STATUS.items()}


class End(Frozen):
    """How a parcel ended that didn't arrive: ``returned`` to its sender, ``lost``, ``refused`` at
    the door, or ``failed`` (the courier cancelled it); and when.
    """

    how: EndOfParcel
    at: Moment


class FormerLabel(Frozen):
    """A courier and number under which a parcel went until ``until``, and since when."""

    courier: Id
    tracking: Annotated[Label, Personal("order")]
    since: Moment
    until: Moment


class Parcel(Frozen):
    """What left together: by which courier under which number, and the quantity by line.

    ``events`` is its timeline: each event once, in order of event time. Whether it has arrived
    (``delivered_at``) or ``ended`` follows from the latest that says so, until somebody has chosen
    what follows from its end (``chosen_at``): from then on the end stands. ``labels`` are the
    numbers under which it went before.
    """

    id: Id
    courier: Id
    tracking: Annotated[Label, Personal("order")]
    lines: dict[Id, Quantity]
    shipped_at: Moment
    delivered_at: Moment | None = None
    events: tuple[ParcelEvent, ...] = ()
    ended: End | None = None
    chosen_at: Moment | None = None
    labels: tuple[FormerLabel, ...] = ()

    @property
    def on_its_way(self) -> bool:
        """Whether it has neither arrived nor ended."""
        return self.delivered_at is None and self.ended is None

    @property
    def heard_at(self) -> int:
        """When something was last heard of it."""
        return max([self.shipped_at, *(e.at for e in self.events if e.struck is None)])

    @property
    def labelled_since(self) -> int:
        """Since when it goes under the number that it has now."""
        return self.labels[-1].until if self.labels else self.shipped_at

    def number_at(self, at: int) -> str:
        """Return the number under which it went at a moment."""
        for label in self.labels:
            if at < label.until:
                return label.tracking
        return self.tracking

    def with_events(
        self, events: Iterable[ParcelEvent], agreed: str | None = None, *, kept: bool = False
    ) -> Parcel:
        """Return the parcel with ``events`` in its timeline, whatever their order.

        Those it knows already are dropped, and of those that share a reference the latest stays.
        Of a parcel that was taken over without its events, the arrival becomes one.

        Args:
            events: what is heard of it.
            agreed: the agreed way of delivery, None if there is none. An arrival that was made
                in another way doesn't count.
            kept: whether an arrival is built on already, so that it stays.
        """
        told = self.events
        if self.delivered_at is not None and all(e.status != "delivered" for e in told):
            told = (*told, arrival(self.delivered_at, agreed))
        timeline = _merged((*events, *told))
        fate = self if self.chosen_at else self._fate(timeline, agreed)
        if kept and self.delivered_at is not None and fate.delivered_at is None:
            fate = self
        return fate.model_copy(update={"events": timeline})

    def _fate(self, timeline: Sequence[ParcelEvent], agreed: str | None) -> Parcel:
        arrived: int | None = None
        ended: End | None = None
        for event in timeline:
            if event.struck is not None:
                continue
            if counts_as_arrival(event, agreed):
                ended = None
                arrived = max(event.at, self.shipped_at) if arrived is None else arrived
            elif event.status in ENDING and event.at >= self.shipped_at:
                arrived, ended = None, End(how=ENDING[event.status], at=event.at)
        return self.model_copy(update={"delivered_at": arrived, "ended": ended})


def counts_as_arrival(event: ParcelEvent, agreed: str | None) -> bool:
    """Say whether an event says that a parcel arrived, in the agreed way if there is one."""
    return event.status == "delivered" and agreed in (None, event.way)


def _merged(events: Iterable[ParcelEvent]) -> tuple[ParcelEvent, ...]:
    """Return events in order, each once; of those that say the same the last, struck or not."""
    known = {event.key: event for event in events}
    named: dict[str, ParcelEvent] = {}
    for key in sorted(known):
        if reference := known[key].reference:
            named[reference] = known[key]
    return tuple(
        known[key] for key in sorted(known)
        if named.get(known[key].reference, known[key]) is known[key]
    )


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
    freight: bool = False


class Debt(Frozen):
    """What is due back to the customer and not yet booked: how much, and for which case, if any.

    ``id`` is that of its refund; None for what was asked for before refunds were records.
    """

    id: Id | None
    amount: Amount
    case: Id | None = None


class Pressed(Frozen):
    """An urge that waits for an answer: over which parcel, None for the merchant, and at the
    breach of which clocks; none if somebody opened it by hand.
    """

    id: Id
    parcel: Id | None
    clocks: tuple[Id, ...]


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
    if at is None:
        return {**parcel, "events": []}
    event = arrival(at).model_dump(mode="json", exclude={"way"})
    return {**parcel, "events": [event]}


def _second_to_third(fields: dict[str, Any]) -> dict[str, Any]:
    """Bring a body of the second schema to the third: parcels may have ended, debts are told apart.

    What is owed was asked for already, under no refund of its own.
    """
    dues = fields.get("dues", [])
    fields = {name: value for name, value in fields.items() if name != "dues"}
    order = Order.model_validate_json(json.dumps(fields), context=STORED)
    debts = [Debt(id=None, amount=due["amount"], case=due["case"]) for due in dues]
    if rest := order.owed_back - sum(debt.amount for debt in debts):
        debts.insert(0, Debt(id=None, amount=rest))
    parcels = [
        parcel.with_events((), kept=order.arrivals_stand)
        if any(event.status in ENDING for event in parcel.events) else parcel
        for parcel in order.parcels
    ]
    return {
        **fields,
        "debts": [debt.model_dump(mode="json") for debt in debts],
        "parcels": [parcel.model_dump(mode="json") for parcel in parcels],
    }


class Order(Record):
    """An order of one seller. Money in minor units of ``currency``; times in microseconds UTC.

    Goods go along one track and services along another: ``goods`` or ``service`` is the state of
    its own, and the other is None. ``merchant`` is None for the company's own. ``relatives`` are
    those whom the customer has named to act for them. ``received`` and ``returned_money`` are what
    the host has booked in and paid back; ``goodwill`` is the part of the latter that wasn't owed.
    ``collected`` is what a courier took at the door. ``parts``: it is paid in more than one
    payment. ``terms`` are fixed with its first after-sale case; ``withheld`` is what cases kept
    back of the price of what was returned, ``freight_back`` the freight that falls due with a
    faulty delivery. ``debts`` is what is due back and not booked, the oldest first, under
    ``refunds`` refunds so far; ``urges`` are those that wait for an answer. ``delivery`` is the
    agreed way of delivery. ``lapsed_at``: when it ended unpaid.
    """

    SCHEMA: ClassVar[int] = 3
    UPGRADES: ClassVar[Mapping[int, Upgrade]] = {1: _first_to_second, 2: _second_to_third}

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
    freight_back: int = 0
    debts: tuple[Debt, ...] = ()
    refunds: int = 0
    urges: tuple[Pressed, ...] = ()
    delivery: Id | None = None
    collected: int = 0
    collected_at: Moment | None = None
    lapsed_at: Moment | None = None

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
        return self.total + self.withheld - self.freight_back - sum(
            line.amount * line.unowed // line.ordered for line in self.lines
        )

    @property
    def to_collect(self) -> bool:
        """Whether cash on delivery is still to be collected."""
        return self.payment == "cod_pending" and self.worth != 0

    @property
    def claimed(self) -> bool:
        """Whether anything of it is in an after-sale case that isn't settled."""
        return any(line.claimed for line in self.lines)

    @property
    def handed_in(self) -> int:
        """What the customer has paid: to the host, or to the courier who hands it on."""
        return max(self.received, self.collected)

    @property
    def owed_back(self) -> int:
        """How much of what the customer paid is due back and not yet booked."""
        left = self.handed_in - self.returned_money
        return max(0, min(left, left + self.goodwill - self.worth))

    @property
    def overpaid(self) -> int:
        """How much more than the order's total the customer has ever paid."""
        return max(0, self.handed_in - self.total)

    @property
    def settled_back(self) -> int:
        """How much of the order's own price was paid back; what was overpaid goes back first."""
        return max(0, self.returned_money - self.overpaid)

    @property
    def owed_by_courier(self) -> int:
        """How much of what was collected at the door the courier hasn't handed on."""
        return max(0, self.collected - self.received)

    @property
    def ended(self) -> bool:
        """Whether nothing is delivered or done any more."""
        return self.track in ("completed", "archived", "declined", "cancelled")

    @property
    def open(self) -> bool:
        """Whether anything of it is still to come: its tracks, or something that is unsettled."""
        return self.track not in ("archived", "declined", "cancelled") or self.unsettled

    @property
    def unsettled(self) -> bool:
        """Whether something about it is open still, whatever the state of its tracks.

        Money that is owed, an urge, a parcel under way, or quantities in an after-sale case.
        """
        return bool(
            self.debts or self.urges or self.owed_by_courier
            or any(parcel.on_its_way for parcel in self.parcels)
            or self.claimed
        )

    @property
    def arrivals_stand(self) -> bool:
        """Whether something was built on its arrivals, so that no news undoes them."""
        return self.track in ("completed", "archived") or any(
            line.claimed or line.returned for line in self.lines
        )

    @property
    def live_parcels(self) -> tuple[Parcel, ...]:
        """Those that have arrived or may: all but those whose end was followed by something."""
        return tuple(parcel for parcel in self.parcels if parcel.chosen_at is None)

    def line(self, id: str) -> Line | None:
        """Return the line ``id``, None if there is none."""
        return next((line for line in self.lines if line.id == id), None)

    def delivered_of(self, id: str) -> int:
        """Return how many of the line ``id`` have arrived; of a service, have been done."""
        line = self.line(id)
        if self.kind == "service":
            return 0 if line is None else line.shipped
        return sum(p.lines.get(id, 0) for p in self.parcels if p.delivered_at is not None)

    def parcel(self, id: str) -> Parcel | None:
        """Return the parcel ``id``, None if there is none."""
        return next((parcel for parcel in self.parcels if parcel.id == id), None)

    def due_for(self, case: str) -> int:
        """Return what is due back for an after-sale case and not yet booked."""
        return sum(debt.amount for debt in self.debts if debt.case == case)

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

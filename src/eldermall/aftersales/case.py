"""An after-sale case as it stands."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from eldermall.engine.actor import Actor
from eldermall.engine.inputs import Amount, Frozen, Id, Label, Moment, Personal, Quantity, Said
from eldermall.engine.kind import Record

Remedy = Literal["return", "refund_only", "exchange"]
Reception = Literal["ok", "lost", "short", "wrong_item", "damaged"]
Resolution = Literal["refund", "replace", "none"]


class Terms(Frozen):
    """The conditions that bound the order, as they stood when the case was opened.

    ``until`` is the last moment of the window, None while it hasn't begun. ``grounds`` are taken
    inside it for goods in one of ``item_states``; ``fault_grounds`` always.
    """

    until: Moment | None
    grounds: tuple[Id, ...]
    item_states: tuple[Id, ...]
    fault_grounds: tuple[Id, ...]


class Contact(Frozen):
    """Somebody was called or written to: who, by whom, when, and whether they were reached."""

    whom: Literal["customer", "merchant"]
    by: Id
    at: Moment
    reached: bool
    note: Annotated[Label, Personal("after_sale")]


class Hold(Frozen):
    """A wait for the customer: why, by whom, since when, until when at the latest.

    ``ended``: when it ended; None while nobody has noted that.
    """

    reason: Annotated[Label, Personal("after_sale")]
    by: Id
    since: Moment
    until: Moment
    ended: Moment | None = None

    @property
    def span(self) -> tuple[int, int]:
        """Since when and until when the clocks stand still."""
        return self.since, self.until if self.ended is None else self.ended


class Sending(Frozen):
    """Goods on their way: by which courier under which number, None if handed over in person."""

    courier: Id | None
    tracking: Label | None
    at: Moment


class Case(Record):
    """An after-sale case about quantities of an order's lines.

    ``merchant``, ``relatives`` (who act for the customer), ``listings`` (by line) and ``terms``
    come from the order. ``entitled`` says whether the terms are met,
    None until the facts are recorded. ``due`` is the money that fell due back, None until it did;
    ``booked`` is what of it the host has paid.
    """

    SCHEMA: ClassVar[int] = 1

    state: str
    order: Id
    customer: Id
    channel: Id
    lines: dict[Id, Quantity]
    remedy: Remedy
    words: Annotated[Said, Personal("after_sale")]
    listings: dict[Id, Id]
    merchant: Id | None = None
    relatives: tuple[Id, ...] = ()
    terms: Terms | None = None
    contacts: tuple[Contact, ...] = ()
    contacted_at: Moment | None = None
    ground: Id | None = None
    item_state: Id | None = None
    wish: Annotated[str | None, Personal("after_sale")] = None
    entitled: bool | None = None
    merchant_contacted_at: Moment | None = None
    silence_noted_at: Moment | None = None
    decided_at: Moment | None = None
    decided_by: Id | None = None
    reason: Annotated[str | None, Personal("after_sale")] = None
    sent_back: Sending | None = None
    received_at: Moment | None = None
    reception: Reception | None = None
    arrived: dict[Id, Quantity] | None = None
    resolution: Resolution | None = None
    refund: Amount | None = None
    due: Amount | None = None
    booked: Amount = 0
    replacement: Sending | None = None
    replaced_at: Moment | None = None
    told_at: Moment | None = None
    closed_at: Moment | None = None
    holds: tuple[Hold, ...] = ()

    @property
    def attempts(self) -> int:
        """How often the customer wasn't reached."""
        return sum(c.whom == "customer" and not c.reached for c in self.contacts)

    @property
    def reached(self) -> bool:
        """Whether a contact with the customer is on record."""
        return any(c.whom == "customer" and c.reached for c in self.contacts)

    @property
    def settled(self) -> dict[str, int]:
        """The quantities that came back, or that money is for: fewer if the parcel was short."""
        return self.lines if self.arrived is None else self.arrived

    @property
    def pays(self) -> bool:
        """Whether money settles it from now on, and hasn't fallen due yet."""
        if self.due is not None:
            return False
        if self.remedy == "refund_only":
            return self.state == "approved"
        back = self.remedy == "return" and self.reception == "ok"
        return self.state == "received" and (back or self.resolution == "refund")

    @property
    def freed(self) -> dict[str, int]:
        """The quantities that may be in another case, once this one is decided."""
        if self.state == "received" and self.resolution == "replace":
            return {}
        if self.resolution != "refund":
            return self.lines
        rest = {line: n - self.settled.get(line, 0) for line, n in self.lines.items()}
        return {line: n for line, n in rest.items() if n}


def moments(case: Case) -> list[str]:
    """Return the moments that a case in its state would have."""
    decided = ("approved", "declined", "returning", "received", "refunded", "replaced", "closed")
    expected = {
        "contacted_at": ("contacted", "merchant_contacted", *decided),
        "merchant_contacted_at": ("merchant_contacted",),
        "decided_at": decided,
        "received_at": ("received",),
        "closed_at": ("closed",),
    }
    return [name for name, states in expected.items() if case.state in states]


def is_party(subject: Any, actor: Actor) -> bool:
    """Say whether a customer, a relative named by them, or a merchant acts on what is theirs.

    ``subject`` is the case, or the arguments that would open one.
    """
    if not isinstance(subject, Case):
        return bool(actor.role == "customer" and subject.customer == actor.id)
    if actor.role == "merchant":
        return subject.merchant == actor.merchant
    return actor.id in (subject.customer, *subject.relatives)

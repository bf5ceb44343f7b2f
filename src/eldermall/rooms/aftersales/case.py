"""An after-sale case as it stands, and the states in which it may stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from eldermall.engine.actor import Role
from eldermall.engine.declaration import Move
from eldermall.engine.inputs import (
    Amount,
    Frozen,
    Id,
    Label,
    Moment,
    Personal,
    Planned,
    Quantity,
    Said,
)
from eldermall.engine.kind import Record
from eldermall.engine.moments import Happened
from eldermall.engine.track import Track, state
from eldermall.texts import Text

Remedy = Literal["return", "refund_only", "exchange"]
Reception = Literal["ok", "lost", "short", "wrong_item", "damaged"]
Resolution = Literal["refund", "replace", "none"]
Lines = Annotated[Mapping[Id, Quantity], Field(min_length=1, max_length=500)]
Note = Annotated[Label, Personal("after_sale")]

SERVICE: tuple[Role, ...] = ("customer_service", "operations")
"""Who speaks with the customer."""


class Terms(Frozen):
    """The conditions that bound the order, as they stood when the case was opened.

    ``until`` is the last moment of the window, None while it hasn't begun. ``grounds`` are taken
    inside it for goods in one of ``item_states``; ``fault_grounds`` always.
    """

    until: Planned | None
    grounds: tuple[Id, ...]
    item_states: tuple[Id, ...]
    fault_grounds: tuple[Id, ...]


class Contact(Frozen):
    """Somebody was called or written to: who, by whom, when, and whether they were reached."""

    whom: Literal["customer", "merchant"]
    by: Id
    at: Moment
    reached: bool
    note: Note


class Hold(Frozen):
    """A wait for the customer: why, by whom, since when, until when at the latest.

    ``ended``: when it ended; None while nobody has noted that.
    """

    reason: Note
    by: Id
    since: Moment
    until: Planned
    ended: Moment | None = None

    @property
    def span(self) -> tuple[int, int]:
        """Since when and until when the clocks stand still."""
        return self.since, self.until if self.ended is None else self.ended


class Sending(Frozen):
    """Goods on their way: by which courier under which number, None if handed over in person."""

    courier: Id | None
    tracking: Annotated[Label | None, Personal("after_sale")]
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
    def waiting(self) -> Hold | None:
        """The wait whose end nobody has noted yet."""
        return self.holds[-1] if self.holds and self.holds[-1].ended is None else None

    @property
    def at_fault(self) -> bool:
        """Whether its ground is the seller's fault, by the order's terms."""
        return self.terms is not None and self.ground in self.terms.fault_grounds

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


class CaseStates(Track):
    """The states of a case."""

    opened = state(Text("已申请", "opened"))
    contacted = state(Text("已联系客户", "customer contacted"))
    merchant_contacted = state(Text("已联系商家", "merchant contacted"))
    approved = state(Text("已同意", "approved"))
    declined = state(Text("已拒绝", "declined"))
    returning = state(Text("退回途中", "returning"))
    received = state(Text("已收到退货", "received"))
    refunded = state(Text("已退款", "refunded"))
    replaced = state(Text("已换货", "replaced"))
    closed = state(Text("已办结", "closed"), end=True)
    withdrawn = state(Text("已撤回", "withdrawn"), end=True)


UNDECIDED = (CaseStates.opened, CaseStates.contacted, CaseStates.merchant_contacted)
"""The states before a decision."""

UNSETTLED = (*UNDECIDED, CaseStates.approved, CaseStates.returning, CaseStates.received)
"""The states in which somebody still has to act before the case is settled."""


def contacts(
    m: Move[Case], whom: Literal["customer", "merchant"], note: str, *, reached: bool = True
) -> tuple[Contact, ...]:
    """Return the contacts of a case with the one that a move notes."""
    new = Contact(whom=whom, by=m.actor.id, at=m.at, reached=reached, note=note)
    return (*m.record.contacts, new)


def _of(name: str, field: str) -> Callable[[Case], int | None]:
    return lambda case: getattr(getattr(case, name), field, None)


TRIED = Happened(
    Text("上次联系客户", "the last attempt to reach the customer"),
    lambda case: max((c.at for c in case.contacts if c.whom == "customer"), default=None),
    where="contacts",
)
CONTACTED = Happened(Text("联系客户", "the contact with the customer"), "contacted_at")
MERCHANT_CONTACTED = Happened(
    Text("联系商家", "the contact with the merchant"), "merchant_contacted_at", (CONTACTED,)
)
SILENT = Happened(
    Text("记录商家逾期未答复", "the merchant's silence was noted"), "silence_noted_at",
    (MERCHANT_CONTACTED,),
)
DECIDED = Happened(Text("作出决定", "the decision"), "decided_at", (MERCHANT_CONTACTED,))
SENT_BACK = Happened(
    Text("商品寄回", "the goods were sent back"), _of("sent_back", "at"), (DECIDED,),
    where="sent_back.at",
)
RECEIVED = Happened(Text("收到退货", "the goods came back"), "received_at", (SENT_BACK,))
REPLACEMENT_SENT = Happened(
    Text("发出换货商品", "the departure of the replacement"), _of("replacement", "at"),
    (RECEIVED,), where="replacement.at",
)
REPLACED = Happened(
    Text("换货商品送达", "the arrival of the replacement"), "replaced_at", (REPLACEMENT_SENT,)
)
TOLD = Happened(Text("告知客户结果", "the customer was told"), "told_at", (RECEIVED,))
CLOSED = Happened(Text("办结", "the close"), "closed_at", (REPLACED, TOLD))
HELD = Happened(
    Text("开始等待客户", "the wait for the customer began"),
    lambda case: case.holds[-1].since if case.holds else None, where="holds",
)

"""Urging: pressing a courier or merchant until they answer, or what it is for has come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

from eldermall.engine.actor import Actor, Role
from eldermall.engine.clock import ClockChange
from eldermall.engine.declaration import Changes, Move, internal, move
from eldermall.engine.declared import Declared, M, erasure
from eldermall.engine.inputs import Frozen, Id, Label, Moment, Personal, derived_id
from eldermall.engine.kind import BREACHED, Command, Record
from eldermall.engine.machine import NEW, Unfit
from eldermall.engine.moments import Happened
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.engine.track import Track, state
from eldermall.texts import Text

Target = Literal["courier", "merchant"]

LATE_PARCELS = ("tracking.silence", "tracking.delivered-in-time")
"""The clocks at whose breach the courier of the parcel is urged."""

LATE_MERCHANTS = (
    "handover.acceptance-in-time", "shipping.in-time", "services.appointed-in-time",
    "services.started-in-time",
)
"""The clocks at whose breach the merchant is urged."""

BY_ITSELF = "system"
"""The way of an urge that the system makes: whoever hears of the breach does the pressing."""

ENDS_URGES = (
    "Accepted", "Declined", "LinesCancelled", "PaymentLapsed", "ParcelShipped", "ParcelDelivered",
    "ParcelTracked", "ParcelEnded", "ParcelGivenUp", "ParcelToSendAgain", "Refunded",
    "ServiceAppointed", "ServiceStarted", "Completed", "UrgeNoted",
)
"""The events of an order with which what somebody is pressed for may have come."""

URGERS: tuple[Role, ...] = ("customer_service", "field_agent", "operations", "system")
"""Who may press somebody."""


Short = Annotated[Label, Personal("urge")]


class Asked(Frozen):
    """One time that somebody was pressed: when, by whom, and how; by the breach of which clock."""

    at: Moment
    by: Id
    way: Short
    clock: Id | None = None


class Urge(Record):
    """A task to press a courier or merchant over an order, or over one of its parcels.

    ``addressee`` is the courier or merchant. It waits until their answer is recorded or what they
    are pressed for has come, and may be repeated meanwhile.
    """

    SCHEMA: ClassVar[int] = 1

    state: str
    order: Id
    target: Target
    addressee: Id
    parcel: Id | None = None
    reason: Short
    asked: tuple[Asked, ...]
    answer: Annotated[str | None, Personal("urge")] = None
    answered_at: Moment | None = None
    answered_by: Id | None = None
    ended_at: Moment | None = None

    @property
    def clocks(self) -> tuple[str, ...]:
        """The clocks at whose breach it was asked; none of an urge by hand."""
        first = self.reason if self.reason in (*LATE_PARCELS, *LATE_MERCHANTS) else None
        return tuple(dict.fromkeys(c for c in (first, *(a.clock for a in self.asked)) if c))


ASKED = Happened(
    Text("催办", "they were pressed"), lambda urge: urge.asked[0].at, where="asked"
)
ANSWERED = Happened(Text("回复", "the answer"), "answered_at", (ASKED,))


def addressee(target: Target, parcel: str | None, order: Any) -> str | None:
    """Return the courier or merchant to press, None if the order has none such."""
    if target == "merchant":
        return order.merchant if parcel is None else None
    found = order.parcel(parcel)
    return None if found is None else found.courier


def _late(order: Any, change: ClockChange) -> tuple[str, str | None] | None:
    """Return the clock at whose breach somebody is pressed, and the parcel if it is its courier."""
    clock = change.row.name.partition("@")[0]
    if clock in LATE_PARCELS:
        return clock, change.row.part
    return (clock, None) if clock in LATE_MERCHANTS and order.merchant is not None else None


def _after_breach(before: Any, order: Any, change: ClockChange, cause: Actor) -> Iterable[Command]:
    late = _late(order, change)
    if late is None or any(pressed.parcel == late[1] for pressed in order.urges):
        return
    clock, parcel = late
    # the breach's entry; lines that are late together are one matter
    once = f"{clock}.{change.row.due}" if parcel is None else (cause.cause or "").rpartition("#")[2]
    yield Urges.open.command(
        derived_id("urge", order.id, once), order=order.id,
        target="merchant" if parcel is None else "courier", parcel=parcel, reason=clock,
        way=BY_ITSELF, by=cause,
    )


def _after_another(
    before: Any, order: Any, change: ClockChange, cause: Actor
) -> Iterable[Command]:
    """Yield that somebody who is pressed already is pressed for this too: it is one task."""
    late = _late(order, change)
    for pressed in order.urges:
        if late is not None and pressed.parcel == late[1] and late[0] not in pressed.clocks:
            yield Urges.repeat.command(pressed.id, way=BY_ITSELF, clock=late[0], by=cause)
            return


_AHEAD_OF_ACCEPTANCE = ("submitted", "handed_over", "merchant_contacted")


def _has_come(order: Any, parcel: str | None, clock: str) -> bool:
    """Say whether an order has done what somebody was pressed for at the breach of ``clock``."""
    if order.ended:
        return True
    if parcel is not None:
        found = order.parcel(parcel)
        return found is None or not found.on_its_way
    if clock == "handover.acceptance-in-time":
        return order.track not in _AHEAD_OF_ACCEPTANCE
    if clock == "shipping.in-time":
        return all(not line.courier or not line.outstanding for line in order.lines)
    if clock == "services.appointed-in-time":
        return order.appointment is not None
    return clock == "services.started-in-time" and order.served is not None


def _over(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    for pressed in order.urges:
        if all(_has_come(order, pressed.parcel, clock) for clock in pressed.clocks or ("",)):
            yield Urges.end.command(pressed.id, by=cause)


class Urges(Declared[M, Urge]):
    """The moves of an urge.

    It opens by itself, by the sweep, when a parcel is silent or late or a merchant is late, and is
    repeated by itself. Of those that open by themselves one waits at a time over a parcel, or with
    the merchant over an order; it ends by itself when all that they are pressed for has come.
    """

    kind = "urge"
    label = Text("催办", "urge")
    model = Urge
    link = "tracking"
    indexed = ("order",)
    happened = (ANSWERED,)

    class States(Track):
        """Whether the other side has answered."""

        waiting = state(Text("待回复", "waiting for an answer"))
        answered = state(Text("已回复", "answered"), end=True)
        ended = state(Text("无须再催", "needed no more"), end=True)

    @staticmethod
    def party(subject: Any, actor: Actor) -> bool:
        """Say whether a merchant answers what was asked of them; customers never do."""
        return (
            actor.role == "merchant" and subject.target == "merchant"
            and bool(subject.addressee == actor.merchant)
        )

    @move(NEW, to=States.waiting, by=URGERS, says=Text("催办", "urge"), event="Urged")
    @staticmethod
    def open(
        m: Move[Urge],
        id: str,
        *,
        order: Id,
        target: Target,
        parcel: Id | None = None,
        reason: Short,
        way: Short,
        **by: Unpack[By],
    ) -> Changes:
        """Press the courier of a parcel, or the merchant of an order.

        Args:
            id: the host's id.
            order: the order's id.
            target: ``courier`` or ``merchant``.
            reason: why.
            way: by phone, message ...
            by: customer service, a field agent, or operations.
            parcel: the parcel's id, where the courier is pressed.
        """
        about: Any = m.looked.get(("order", order))
        whom = None if about is None else addressee(target, parcel, about)
        if whom is None:
            raise Unfit(Text("没有可催办的对象", "there is nobody to press"))
        return {
            "order": order, "target": target, "addressee": whom, "parcel": parcel,
            "reason": reason, "asked": (Asked(at=m.at, by=m.actor.id, way=way),),
        }

    @move(
        States.waiting, to=None, by=URGERS, says=Text("再次催办", "urge again"),
        event="UrgedAgain", unsaid={"way": BY_ITSELF, "clock": None},
    )
    @staticmethod
    def repeat(
        m: Move[Urge], id: str, *, way: Short, clock: Id | None = None, **by: Unpack[By]
    ) -> Changes:
        """Press them again.

        Args:
            id: the urge.
            way: by phone, message ...
            clock: the clock whose breach is the cause, if one is.
            by: customer service, a field agent, or operations.
        """
        again = Asked(at=m.at, by=m.actor.id, way=way, clock=clock)
        return {"asked": (*m.record.asked, again)}

    @move(
        States.waiting, to=States.answered, by=("merchant", *URGERS),
        says=Text("登记回复", "note the answer"), event="UrgeAnswered", after=ANSWERED.after,
    )
    @staticmethod
    def answer(m: Move[Urge], id: str, *, text: Short, **by: Unpack[By]) -> Changes:
        """Note what the other side answered; the urge ends with it.

        Args:
            id: the urge.
            text: the answer.
            by: the merchant pressed, staff who note it, or the system with a courier's answer.
        """
        return {"answer": text, "answered_at": m.at, "answered_by": m.actor.id}

    @internal(
        States.waiting, to=States.ended, says=Text("无须再催", "end"), event="UrgeEnded"
    )
    @staticmethod
    def end(m: Move[Urge], id: str, **by: Unpack[By]) -> Changes:
        """Note that what they were pressed for has come, or the order has ended."""
        return {"ended_at": m.at}

    @internal(States.waiting, to=None, says=Text("登记到订单", "catch up"), event="UrgeKept")
    @staticmethod
    def catch_up(m: Move[Urge], id: str, **by: Unpack[By]) -> Changes:
        """Tell the order of an urge that was opened before orders knew of theirs."""
        return {}

    erase = erasure.leaving(States.answered, States.ended)

    reactions = (
        open.after("order", BREACHED, makes=_after_breach, best_effort=True, if_absent=True),
        repeat.after("order", BREACHED, makes=_after_another, best_effort=True),
        end.after("order", *ENDS_URGES, makes=_over, best_effort=True),
    )

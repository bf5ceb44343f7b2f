"""Urging: pressing a courier or merchant, as a task that ends only with their answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

from eldermall.engine.actor import Actor, Role
from eldermall.engine.clock import ClockChange
from eldermall.engine.declaration import Changes, Move, move
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

URGERS: tuple[Role, ...] = ("customer_service", "field_agent", "operations", "system")
"""Who may press somebody."""


Short = Annotated[Label, Personal("urge")]


class Asked(Frozen):
    """One time that somebody was pressed: when, by whom, and how."""

    at: Moment
    by: Id
    way: Short


class Urge(Record):
    """A task to press a courier or merchant over an order, or over one of its parcels.

    ``addressee`` is the courier or merchant. It waits until their answer is recorded, and may be
    repeated meanwhile.
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


ASKED = Happened(
    Text("催办", "they were pressed"), lambda urge: urge.asked[0].at, where="asked"
)
ANSWERED = Happened(Text("回复", "the answer"), "answered_at", (ASKED,))


def addressee(target: Target, parcel: str | None, order: Any) -> str | None:
    """Return the courier or merchant to press, None if the order has none such."""
    if target == "merchant":
        return order.merchant if parcel is None else None
    return next((p.courier for p in order.parcels if p.id == parcel), None)


def _after_breach(before: Any, order: Any, change: ClockChange, cause: Actor) -> Iterable[Command]:
    clock = change.row.name.partition("@")[0]
    if clock in LATE_PARCELS:
        target: Target = "courier"
        parcel: str | None = change.row.part
        once = (cause.cause or "").rpartition("#")[2]  # the breach's entry
    elif clock in LATE_MERCHANTS and order.merchant is not None:
        target, parcel = "merchant", None
        once = f"{clock}.{change.row.due}"  # lines that are late together are one matter
    else:
        return
    yield Urges.open.command(
        derived_id("urge", order.id, once), order=order.id, target=target, parcel=parcel,
        reason=clock, way=BY_ITSELF, by=cause,
    )


class Urges(Declared[M, Urge]):
    """The moves of an urge.

    It opens by itself, by the sweep, when a parcel is silent or late or a merchant is late, and is
    repeated by itself.
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
        event="UrgedAgain", unsaid={"way": BY_ITSELF},
    )
    @staticmethod
    def repeat(m: Move[Urge], id: str, *, way: Short, **by: Unpack[By]) -> Changes:
        """Press them again.

        Args:
            id: the urge.
            way: by phone, message ...
            by: customer service, a field agent, or operations.
        """
        return {"asked": (*m.record.asked, Asked(at=m.at, by=m.actor.id, way=way))}

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

    erase = erasure.leaving(States.answered)

    reactions = (
        open.after("order", BREACHED, makes=_after_breach, best_effort=True, if_absent=True),
    )

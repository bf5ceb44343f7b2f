"""An urge: its record, table, and the breaches that open one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Literal

from eldermall.engine.actor import Actor
from eldermall.engine.clock import ClockChange
from eldermall.engine.inputs import Frozen, Id, Label, Moment, derived_id
from eldermall.engine.kind import BREACHED, Command, Kind, Reaction, Record
from eldermall.engine.machine import NEW, Machine, State, Transition, Unfit
from eldermall.engine.room import Arguments
from eldermall.engine.rule import Context
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


class Asked(Frozen):
    """One time that somebody was pressed: when, by whom, and how."""

    at: Moment
    by: Id
    way: Label


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
    reason: Label
    asked: tuple[Asked, ...]
    answer: str | None = None
    answered_at: Moment | None = None
    answered_by: Id | None = None


class Open(Arguments):
    """Whom to press, over what, and why."""

    order: Id
    target: Target
    parcel: Id | None
    reason: Label
    way: Label


class Repeat(Arguments):
    """How they were pressed again."""

    way: Label


class Answer(Arguments):
    """What the other side answered."""

    text: Label


def addressee(target: Target, parcel: str | None, order: Any) -> str | None:
    """Return the courier or merchant to press, None if the order has none such."""
    if target == "merchant":
        return order.merchant if parcel is None else None
    return next((p.courier for p in order.parcels if p.id == parcel), None)


def _open(c: Context) -> dict[str, Any]:
    a: Open = c.args
    order: Any = c.looked.get(("order", a.order))
    whom = None if order is None else addressee(a.target, a.parcel, order)
    if whom is None:
        raise Unfit(Text("没有可催办的对象", "there is nobody to press"))
    return {
        "order": a.order, "target": a.target, "addressee": whom, "parcel": a.parcel,
        "reason": a.reason, "asked": (Asked(at=c.at, by=c.actor.id, way=a.way),),
    }


def _repeat(c: Context) -> dict[str, Any]:
    way = c.args.way if isinstance(c.args, Repeat) else BY_ITSELF
    return {"asked": (*c.record.asked, Asked(at=c.at, by=c.actor.id, way=way))}


def _answer(c: Context) -> dict[str, Any]:
    return {"answer": c.args.text, "answered_at": c.at, "answered_by": c.actor.id}


URGE_MACHINE = Machine(
    "urge",
    "state",
    Text("催办", "urge"),
    (
        State("waiting", Text("待回复", "waiting for an answer")),
        State("answered", Text("已回复", "answered"), end=True),
    ),
    (
        Transition(
            "open", (NEW,), "waiting",
            ("customer_service", "field_agent", "operations", "system"),
            Text("催办", "urge"), "Urged", _open,
        ),
        Transition(
            "repeat", ("waiting",), None,
            ("customer_service", "field_agent", "operations", "system"),
            Text("再次催办", "urge again"), "UrgedAgain", _repeat,
        ),
        Transition(
            "answer", ("waiting",), "answered",
            ("merchant", "customer_service", "field_agent", "operations", "system"),
            Text("登记回复", "note the answer"), "UrgeAnswered", _answer,
        ),
    ),
)


def is_party(subject: Any, actor: Actor) -> bool:
    """Say whether a merchant answers what was asked of them; customers never do."""
    return (
        actor.role == "merchant" and subject.target == "merchant"
        and bool(subject.addressee == actor.merchant)
    )


URGE = Kind(
    "urge",
    Text("催办", "urge"),
    Urge,
    (URGE_MACHINE,),
    link="tracking",
    party=is_party,
    indexed=("order",),
)


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
    args = Open(order=order.id, target=target, parcel=parcel, reason=clock, way=BY_ITSELF)
    yield Command("urge", "open", derived_id("urge", order.id, once), cause, args)


REACTIONS = (
    Reaction("order", BREACHED, "urge", "open", _after_breach, best_effort=True, if_absent=True),
)

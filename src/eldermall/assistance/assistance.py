"""An assistance job: its record and table."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from eldermall.engine.actor import Actor, Role
from eldermall.engine.blank import erasing
from eldermall.engine.inputs import Frozen, Id, Label, Moment, Personal
from eldermall.engine.kind import Kind, Record
from eldermall.engine.machine import NEW, Machine, State, Transition
from eldermall.engine.room import Arguments
from eldermall.engine.rule import Context
from eldermall.texts import Text

Outcome = Literal["done", "not_needed"]


class Visit(Frozen):
    """Somebody's arrival at the merchant's: who, where, when."""

    who: Id
    where: Annotated[Label, Personal("assistance")]
    at: Moment


class Mark(Frozen):
    """What became of one step, by whom, and when."""

    step: Id
    outcome: Outcome
    who: Id
    at: Moment


class Assistance(Record):
    """A merchant's request for help with collecting, and what was done about it.

    ``way`` is how the request came if staff noted it, None if the merchant made it here.
    ``appointed`` is the person who helps now.
    """

    SCHEMA: ClassVar[int] = 1

    state: str
    merchant: Id
    requested_by: Id
    way: str | None
    appointed: Id | None = None
    appointed_by: Id | None = None
    visits: tuple[Visit, ...] = ()
    marks: tuple[Mark, ...] = ()
    reason: Annotated[str | None, Personal("assistance")] = None
    closed_at: Moment | None = None

    @property
    def marked(self) -> list[str]:
        """The steps that are marked, in the order in which they were first marked."""
        return [mark.step for mark in self.marks]


class Ask(Arguments):
    """Which merchant asks for help, and how the request came if staff note it."""

    merchant: Id
    way: Label | None


class Appoint(Arguments):
    """The person who is to help."""

    who: Id


class Arrive(Arguments):
    """Where the appointed person has arrived."""

    where: Annotated[Label, Personal("assistance")]


class MarkStep(Arguments):
    """What became of one step, and who did it: whoever marks it if nobody else is named."""

    step: Id
    outcome: Outcome
    who: Id | None


class Cancel(Arguments):
    """Why no help is needed any more."""

    reason: Annotated[Label, Personal("assistance")]


def _request(c: Context) -> dict[str, Any]:
    return {"merchant": c.args.merchant, "requested_by": c.actor.id, "way": c.args.way}


def _appoint(c: Context) -> dict[str, Any]:
    return {"appointed": c.args.who, "appointed_by": c.actor.id}


def _arrive(c: Context) -> dict[str, Any]:
    visit = Visit(who=c.actor.id, where=c.args.where, at=c.at)
    return {"visits": (*c.record.visits, visit)}


def _mark(c: Context) -> dict[str, Any]:
    a: MarkStep = c.args
    new = Mark(step=a.step, outcome=a.outcome, who=a.who or c.actor.id, at=c.at)
    marks = {mark.step: mark for mark in (*c.record.marks, new)}
    return {"marks": tuple(marks.values())}


def _finish(c: Context) -> dict[str, Any]:
    return {"closed_at": c.at}


def _cancel(c: Context) -> dict[str, Any]:
    return {"reason": c.args.reason, "closed_at": c.at}


HELPERS: tuple[Role, ...] = ("field_agent", "customer_service", "operations")
"""Who may be the appointed person."""

ASSISTANCE_MACHINE = Machine(
    "assistance",
    "state",
    Text("协助采集", "assistance"),
    (
        State("requested", Text("已申请", "requested")),
        State("appointed", Text("已指派", "appointed")),
        State("on_site", Text("已到场", "on site")),
        State("done", Text("已完成", "done"), end=True),
        State("cancelled", Text("已取消", "cancelled"), end=True),
    ),
    (
        Transition(
            "request", (NEW,), "requested", ("merchant", "field_agent", "customer_service"),
            Text("申请协助", "request"), "AssistanceRequested", _request,
        ),
        Transition(
            "appoint", ("requested", "appointed", "on_site"), "appointed", ("operations",),
            Text("指派专人", "appoint"), "AssistantAppointed", _appoint,
        ),
        Transition(
            "arrive", ("appointed",), "on_site", HELPERS, Text("到场", "arrive"),
            "AssistantArrived", _arrive,
        ),
        Transition(
            "mark", ("on_site",), None, HELPERS, Text("标记步骤", "mark a step"),
            "AssistanceMarked", _mark,
        ),
        Transition(
            "finish", ("on_site",), "done", HELPERS, Text("完成协助", "finish"),
            "AssistanceDone", _finish,
        ),
        Transition(
            "cancel", ("requested", "appointed", "on_site"), "cancelled",
            ("merchant", "operations"), Text("取消", "cancel"), "AssistanceCancelled", _cancel,
        ),
        erasing("done", "cancelled"),
    ),
)


def is_party(subject: Any, actor: Actor) -> bool:
    """Say whether a merchant acts on a job of their own; customers never do."""
    return actor.role == "merchant" and bool(subject.merchant == actor.merchant)


ASSISTANCE = Kind(
    "assistance",
    Text("协助采集", "assistance"),
    Assistance,
    (ASSISTANCE_MACHINE,),
    link="collection",
    party=is_party,
    indexed=("merchant",),
)

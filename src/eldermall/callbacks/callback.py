"""A callback: its record, table and what opens it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from eldermall.engine.actor import Actor
from eldermall.engine.blank import erasing
from eldermall.engine.inputs import (
    Frozen,
    Id,
    Label,
    Moment,
    Personal,
    Said,
    Words,
    derived_id,
)
from eldermall.engine.kind import ADOPTED, Command, Kind, Reaction, Record, Upgrade
from eldermall.engine.machine import NEW, Machine, State, Transition
from eldermall.engine.room import Arguments
from eldermall.engine.rule import Context
from eldermall.texts import Text

Satisfaction = Literal["very_satisfied", "satisfied", "neutral", "dissatisfied"]


class Attempt(Frozen):
    """A call that reached nobody."""

    agent: Id
    at: Moment
    note: Annotated[Label, Personal("callback")]


def _with_complaint(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "channel": None, "complaint": None}


class Callback(Record):
    """The one callback of an order; its id is the order's.

    ``suggestion`` is the customer's words, ``""`` if there were explicitly none, None until asked.
    ``complaint`` is the id of the complaint that was voiced. ``channel`` is the order's; None if
    the callback was opened before that was noted.
    """

    SCHEMA: ClassVar[int] = 2
    UPGRADES: ClassVar[Mapping[int, Upgrade]] = {1: _with_complaint}

    state: str
    customer: Id
    channel: Id | None
    attempts: tuple[Attempt, ...] = ()
    agent: Id | None = None
    satisfaction: Satisfaction | None = None
    suggestion: Annotated[str | None, Personal("callback")] = None
    complaint: Id | None = None
    closed_at: Moment | None = None


class Open(Arguments):
    """Whose callback it is, and through which channel the order came."""

    customer: Id
    channel: Id


class NoAnswer(Arguments):
    """A call that reached nobody."""

    note: Annotated[Label, Personal("callback")]


class Reach(Arguments):
    """What the customer said: how satisfied, a suggestion or explicitly none, any complaint."""

    satisfaction: Satisfaction | None
    suggestion: Annotated[Said | None, Personal("callback")]
    complaint: Annotated[Words | None, Personal("complaint")]


def _open(c: Context) -> dict[str, Any]:
    return {"customer": c.args.customer, "channel": c.args.channel}


def _attempt(c: Context) -> dict[str, Any]:
    attempt = Attempt(agent=c.actor.id, at=c.at, note=c.args.note)
    return {"attempts": (*c.record.attempts, attempt)}


def _reach(c: Context) -> dict[str, Any]:
    return {
        "agent": c.actor.id,
        "satisfaction": c.args.satisfaction,
        "suggestion": c.args.suggestion,
        "complaint": None if c.args.complaint is None else derived_id("callback", c.id),
        "closed_at": c.at,
    }


def _close(c: Context) -> dict[str, Any]:
    return {"agent": c.actor.id, "closed_at": c.at}


CALLBACK_MACHINE = Machine(
    "callback",
    "state",
    Text("回访", "callback"),
    (
        State("due", Text("待回访", "due")),
        State("attempted", Text("已尝试", "attempted")),
        State("done", Text("已回访", "done"), end=True),
        State("unreachable", Text("无法联系", "unreachable"), end=True),
        State("declined", Text("客户拒绝回访", "declined by the customer"), end=True),
    ),
    (
        Transition(
            "open", (NEW,), "due", ("system",), Text("生成", "open"), "CallbackOpened", _open
        ),
        Transition(
            "attempt", ("due", "attempted"), "attempted", ("customer_service", "operations"),
            Text("尝试未接通", "attempt"), "CallbackAttempted", _attempt,
        ),
        Transition(
            "reach", ("due", "attempted"), "done", ("customer_service", "operations"),
            Text("完成回访", "reach"), "CallbackDone", _reach,
        ),
        Transition(
            "give_up", ("due", "attempted"), "unreachable", ("customer_service", "operations"),
            Text("认定无法联系", "give up"), "CallbackUnreachable", _close,
        ),
        Transition(
            "refuse", ("due", "attempted"), "declined", ("customer_service", "operations"),
            Text("客户拒绝", "customer declines"), "CallbackDeclined", _close,
        ),
        erasing("done", "unreachable", "declined"),
    ),
)

CALLBACK = Kind(
    "callback",
    Text("回访", "callback"),
    Callback,
    (CALLBACK_MACHINE,),
    link="callback",
    party=lambda record, actor: False,
    indexed=("customer",),
)


def _after_completion(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    opened = Open(customer=order.customer, channel=order.channel)
    yield Command("callback", "open", order.id, cause, opened)


def _after_adoption(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    if order.track == "completed":
        for command in _after_completion(before, order, args, cause):
            yield replace(command, at=order.completed_at)


REACTIONS = (
    Reaction("order", "Completed", "callback", "open", _after_completion),
    Reaction("order", ADOPTED, "callback", "open", _after_adoption),
)

"""Callbacks: the call to the customer after each order that is completed, or never arrives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from eldermall.engine.actor import Actor, Role
from eldermall.engine.declaration import Changes, Move, internal, move
from eldermall.engine.declared import Declared, M, erasure
from eldermall.engine.inputs import Frozen, Id, Label, Moment, Personal, Said, Words, derived_id
from eldermall.engine.kind import ADOPTED, Command, Record, Upgrade, nobody
from eldermall.engine.machine import NEW
from eldermall.engine.moments import Happened
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.engine.track import Track, state
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


TRIED = Happened(
    Text("上次尝试", "the last attempt"),
    lambda callback: max((tried.at for tried in callback.attempts), default=None),
    where="attempts",
)
CLOSED = Happened(Text("回访办结", "the outcome of the callback"), "closed_at", (TRIED,))

SERVICE: tuple[Role, ...] = ("customer_service", "operations")
"""Who calls the customer."""


def _after_completion(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    yield Callbacks.open.command(
        order.id, customer=order.customer, channel=order.channel, by=cause
    )


def _after_adoption(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    if order.track == "completed":
        for command in _after_completion(before, order, args, cause):
            yield replace(command, at=order.completed_at)


class Callbacks(Declared[M, Callback]):
    """The moves of a callback, which has the id of its order."""

    kind = "callback"
    label = Text("回访", "callback")
    model = Callback
    link = "callback"
    indexed = ("customer",)
    happened = (CLOSED,)

    class States(Track):
        """The states of a callback."""

        due = state(Text("待回访", "due"))
        attempted = state(Text("已尝试", "attempted"))
        done = state(Text("已回访", "done"), end=True)
        unreachable = state(Text("无法联系", "unreachable"), end=True)
        declined = state(Text("客户拒绝回访", "declined by the customer"), end=True)

    OPEN = (States.due, States.attempted)
    """The states before it has an outcome."""

    party = staticmethod(nobody)

    @internal(NEW, to=States.due, says=Text("生成", "open"), event="CallbackOpened")
    @staticmethod
    def open(
        m: Move[Callback], id: str, *, customer: Id, channel: Id, **by: Unpack[By]
    ) -> Changes:
        """Open the callback of an order that is completed, or of which nothing arrives.

        Args:
            id: the order's id.
            customer: whose order it is.
            channel: through which channel the order came.
            by: the system.
        """
        return {"customer": customer, "channel": channel}

    @move(
        *OPEN, to=States.attempted, by=SERVICE, says=Text("尝试未接通", "attempt"),
        event="CallbackAttempted",
    )
    @staticmethod
    def attempt(
        m: Move[Callback], id: str, *, note: Annotated[Label, Personal("callback")],
        **by: Unpack[By],
    ) -> Changes:
        """Note a call that reached nobody.

        Args:
            id: the order's id.
            note: what happened.
            by: customer service.
        """
        return {"attempts": (*m.record.attempts, Attempt(agent=m.actor.id, at=m.at, note=note))}

    @move(
        *OPEN, to=States.done, by=SERVICE, says=Text("完成回访", "reach"), event="CallbackDone",
        after=CLOSED.after,
    )
    @staticmethod
    def reach(
        m: Move[Callback],
        id: str,
        *,
        satisfaction: Satisfaction | None,
        suggestion: Annotated[Said | None, Personal("callback")],
        complaint: Annotated[Words | None, Personal("complaint")] = None,
        **by: Unpack[By],
    ) -> Changes:
        """Note what the customer said; the callback is done.

        A complaint that is voiced is received at once, about this order; the callback names it.

        Args:
            id: the order's id.
            satisfaction: how satisfied the customer is.
            suggestion: the customer's words, ``""`` if asked and there are none.
            by: customer service.
            complaint: a complaint in the customer's words, if there is one.
        """
        return {
            "agent": m.actor.id, "satisfaction": satisfaction, "suggestion": suggestion,
            "complaint": None if complaint is None else derived_id("callback", m.id),
            "closed_at": m.at,
        }

    @move(
        *OPEN, to=States.unreachable, by=SERVICE, says=Text("认定无法联系", "give up"),
        event="CallbackUnreachable", aside=True, after=CLOSED.after,
    )
    @staticmethod
    def give_up(m: Move[Callback], id: str, **by: Unpack[By]) -> Changes:
        """Close it as unreachable, after the attempts that the policy asks for.

        Args:
            id: the order's id.
            by: customer service.
        """
        return {"agent": m.actor.id, "closed_at": m.at}

    @move(
        *OPEN, to=States.declined, by=SERVICE, says=Text("客户拒绝", "customer declines"),
        event="CallbackDeclined", aside=True, after=CLOSED.after,
    )
    @staticmethod
    def refuse(m: Move[Callback], id: str, **by: Unpack[By]) -> Changes:
        """Note that the customer doesn't wish to be called.

        Args:
            id: the order's id.
            by: customer service.
        """
        return {"agent": m.actor.id, "closed_at": m.at}

    erase = erasure.leaving(States.done, States.unreachable, States.declined)

    reactions = (
        open.after("order", "Completed", "NothingArrives", makes=_after_completion),
        open.after("order", ADOPTED, makes=_after_adoption),
    )

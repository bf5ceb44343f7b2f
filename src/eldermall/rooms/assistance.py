"""Assistance: helping a merchant on site to collect what its listings say."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from eldermall.engine.actor import Role, merchants_own
from eldermall.engine.declaration import Changes, Move, move
from eldermall.engine.declared import Declared, M, erasure
from eldermall.engine.inputs import Frozen, Id, Label, Moment, Personal
from eldermall.engine.kind import Record
from eldermall.engine.machine import NEW
from eldermall.engine.moments import Happened
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.engine.track import Track, state
from eldermall.texts import Text

Outcome = Literal["done", "not_needed"]
Short = Annotated[Label, Personal("assistance")]


class Visit(Frozen):
    """Somebody's arrival at the merchant's: who, where, when."""

    who: Id
    where: Short
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
    way: Annotated[str | None, Personal("assistance")]
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


ARRIVED = Happened(
    Text("到场", "the arrival"), lambda job: job.visits[-1].at if job.visits else None,
    where="visits",
)
MARKED = Happened(
    Text("标记步骤", "the last mark"), lambda job: max((m.at for m in job.marks), default=None),
    where="marks",
)
CLOSED = Happened(Text("办结", "the close"), "closed_at", (ARRIVED, MARKED))

HELPERS: tuple[Role, ...] = ("field_agent", "customer_service", "operations")
"""Who may be the appointed person."""


class AssistanceJobs(Declared[M, Assistance]):
    """The moves of a job."""

    kind = "assistance"
    label = Text("协助采集", "assistance")
    model = Assistance
    link = "collection"
    indexed = ("merchant",)
    happened = (CLOSED,)

    class States(Track):
        """The states of a job."""

        requested = state(Text("已申请", "requested"))
        appointed = state(Text("已指派", "appointed"))
        on_site = state(Text("已到场", "on site"))
        done = state(Text("已完成", "done"), end=True)
        cancelled = state(Text("已取消", "cancelled"), end=True)

    OPEN = (States.requested, States.appointed, States.on_site)
    """The states before it is closed."""

    party = staticmethod(merchants_own)

    @move(
        NEW, to=States.requested, by=("merchant", "field_agent", "customer_service"),
        says=Text("申请协助", "request"), event="AssistanceRequested",
    )
    @staticmethod
    def request(
        m: Move[Assistance], id: str, *, merchant: Id,
        way: Annotated[Label | None, Personal("assistance")] = None, **by: Unpack[By],
    ) -> Changes:
        """Ask for help with collecting.

        Args:
            id: the host's id.
            merchant: who needs help.
            by: the merchant; or a field agent or customer service who notes the merchant's request.
            way: how the request came, if staff note it.
        """
        return {"merchant": merchant, "requested_by": m.actor.id, "way": way}

    @move(
        *OPEN, to=States.appointed, by=("operations",), says=Text("指派专人", "appoint"),
        event="AssistantAppointed",
    )
    @staticmethod
    def appoint(m: Move[Assistance], id: str, *, who: Id, **by: Unpack[By]) -> Changes:
        """Appoint the person who helps on site, or another one instead, who then arrives anew.

        Args:
            id: the job.
            who: the person.
            by: operations.
        """
        return {"appointed": who, "appointed_by": m.actor.id}

    @move(
        States.appointed, to=States.on_site, by=HELPERS, says=Text("到场", "arrive"),
        event="AssistantArrived", after=(ARRIVED,),
    )
    @staticmethod
    def arrive(m: Move[Assistance], id: str, *, where: Short, **by: Unpack[By]) -> Changes:
        """Note the arrival at the merchant's.

        Args:
            id: the job.
            where: the place.
            by: the appointed person.
        """
        return {"visits": (*m.record.visits, Visit(who=m.actor.id, where=where, at=m.at))}

    @move(
        States.on_site, to=None, by=HELPERS, says=Text("标记步骤", "mark a step"),
        event="AssistanceMarked", after=(ARRIVED,),
    )
    @staticmethod
    def mark(
        m: Move[Assistance], id: str, *, step: Id, outcome: Outcome, who: Id | None = None,
        **by: Unpack[By],
    ) -> Changes:
        """Note what became of a step; a later mark of the same step replaces it.

        Args:
            id: the job.
            step: one of the policy's steps.
            outcome: ``done`` or ``not_needed``.
            by: the appointed person.
            who: who did it, if somebody else.
        """
        new = Mark(step=step, outcome=outcome, who=who or m.actor.id, at=m.at)
        marks = {mark.step: mark for mark in (*m.record.marks, new)}
        return {"marks": tuple(marks.values())}

    @move(
        States.on_site, to=States.done, by=HELPERS, says=Text("完成协助", "finish"),
        event="AssistanceDone", after=CLOSED.after,
    )
    @staticmethod
    def finish(m: Move[Assistance], id: str, **by: Unpack[By]) -> Changes:
        """Close a job of which every step is marked.

        Args:
            id: the job.
            by: the appointed person.
        """
        return {"closed_at": m.at}

    @move(
        *OPEN, to=States.cancelled, by=("merchant", "operations"), says=Text("取消", "cancel"),
        event="AssistanceCancelled", aside=True, after=CLOSED.after,
    )
    @staticmethod
    def cancel(m: Move[Assistance], id: str, *, reason: Short, **by: Unpack[By]) -> Changes:
        """Close a job whose help isn't needed any more.

        Args:
            id: the job.
            reason: why.
            by: the merchant, or operations.
        """
        return {"reason": reason, "closed_at": m.at}

    erase = erasure.leaving(States.done, States.cancelled)

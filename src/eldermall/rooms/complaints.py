"""Complaints: recorded in the complainant's words, answered in time, or carried upwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from eldermall.engine.actor import Actor, Role
from eldermall.engine.declaration import Changes, Move, internal, move
from eldermall.engine.declared import Adopting, M, erasure
from eldermall.engine.faults import Found, too_early
from eldermall.engine.inputs import Frozen, Id, Label, Moment, Personal, Plain, Words
from eldermall.engine.kind import Command, Record, Upgrade
from eldermall.engine.machine import NEW, Unfit
from eldermall.engine.moments import Happened
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.engine.track import Track, also, state
from eldermall.rooms.people import LEADER, head_of, heads
from eldermall.texts import Text

Told = Annotated[Words, Personal("complaint")]
Short = Annotated[Label, Personal("complaint")]


class Opinion(Frozen):
    """The opinion of a department head or company leader: by whom, as what, when, and its text."""

    by: Id
    role: Annotated[str, Plain("a role")]
    at: Moment
    text: Told


class Contact(Frozen):
    """A contact made about a complaint: by whom, when, in which way, and what was said."""

    by: Id
    at: Moment
    way: Annotated[str, Personal("complaint")]
    note: Told


class Note(Frozen):
    """What was found out or thought about a complaint: by whom and when."""

    by: Id
    at: Moment
    text: Told


class Answered(Frozen):
    """An answer with which the complainant wasn't satisfied: its text, when, by whom, and the
    opinion that it rested on, if there was one.
    """

    answer: Told
    at: Moment
    by: Id
    opinion: Opinion | None


Outcome = Literal["granted", "partly", "declined"]
"""What became of the remedy that the complainant asked for."""

Satisfied = Literal["yes", "no", "not_reached"]
"""What the complainant says to the answer, asked before the complaint is closed."""


def _with_handling(fields: dict[str, Any]) -> dict[str, Any]:
    by = None if fields["escalated_at"] is None else "system"
    return {
        **fields, "lines": [], "escalated_by": by, "escalation_reason": None, "contacts": [],
        "notes": [],
    }


def _with_group(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "group_id": None}


class Complaint(Record):
    """A complaint. ``words`` are the complainant's and never change.

    ``order`` and its ``lines``, or ``group_id`` for all orders of one checkout, are what it is
    about, as the complainant named them. ``against`` is the staff member complained about, if any.
    ``holder`` is the post that holds it since it was escalated; there is an ``escalation_reason``
    if somebody did it by hand. ``follows`` is the complaint that it takes up again. ``contested``
    holds the answers that didn't satisfy; ``contested_before``: one of a complaint that it follows
    didn't. ``outcome`` is what became of the wanted remedy, ``satisfied`` what the complainant said
    when it was closed.
    """

    SCHEMA: ClassVar[int] = 3
    UPGRADES: ClassVar[Mapping[int, Upgrade]] = {1: _with_handling, 2: _with_group}

    state: str
    customer: Id
    channel: Id
    words: Told
    order: Id | None = None
    lines: tuple[Id, ...] = ()
    against: Id | None = None
    subject: Annotated[str | None, Personal("complaint")] = None
    remedy: Annotated[str | None, Personal("complaint")] = None
    etiquette: Annotated[str | None, Personal("complaint")] = None
    recorder: Id | None = None
    recorded_at: Moment | None = None
    escalated_at: Moment | None = None
    escalated_by: Id | None = None
    escalation_reason: Annotated[str | None, Personal("complaint")] = None
    raised_at: Moment | None = None
    holder: Annotated[str | None, Plain("a post")] = None
    opinion: Opinion | None = None
    answer: Annotated[str | None, Personal("complaint")] = None
    answered_at: Moment | None = None
    answered_by: Id | None = None
    contacts: tuple[Contact, ...] = ()
    notes: tuple[Note, ...] = ()
    group_id: Id | None = None
    follows: Id | None = None
    contested: tuple[Answered, ...] = ()
    contested_before: bool = False
    outcome: Outcome | None = None
    satisfied: Satisfied | None = None
    closed_at: Moment | None = None

    @property
    def has_climbed(self) -> bool:
        """Whether dissatisfaction with an answer went up already, here or in one it follows."""
        return bool(self.contested) or self.contested_before


RECORDED = Happened(Text("登记", "the record of it"), "recorded_at")
CONTESTED = Happened(
    Text("先前的答复", "the answer that didn't satisfy"),
    lambda complaint: max((each.at for each in complaint.contested), default=None),
    where="contested",
)
ESCALATED = Happened(Text("上报", "the report upwards"), "escalated_at", (CONTESTED,))
RAISED = Happened(Text("上报公司领导", "the report to the leader"), "raised_at", (ESCALATED,))
SETTLED = Happened(
    Text("确定意见", "the opinion"), lambda complaint: getattr(complaint.opinion, "at", None),
    (ESCALATED,), where="opinion.at",
)
_ASKED_FOR = Happened(
    SETTLED.label,
    lambda complaint: {} if complaint.escalated_by == "system" else SETTLED.moments(complaint),
    where=SETTLED.where,
)
ANSWERED = Happened(Text("答复", "the answer"), "answered_at", (RECORDED, _ASKED_FOR))
"""The answer follows an opinion that somebody asked for; it may have been given, and be entered
late, before the complaint went up by itself for want of it.
"""

CLOSED = Happened(Text("办结", "the close"), "closed_at", (ANSWERED,))

_LATER = {
    ("received",): ("recorder", "recorded_at"),
    ("received", "recorded"): (
        "escalated_at", "escalated_by", "escalation_reason", "raised_at", "holder",
    ),
    ("received", "recorded", "escalated"): ("opinion",),
    ("received", "recorded", "escalated", "opinion_settled"): (
        "answer", "answered_at", "answered_by",
    ),
    ("received", "recorded", "escalated", "opinion_settled", "answered"): (
        "outcome", "satisfied", "closed_at",
    ),
}
"""What a complaint in a state can't have yet."""

HANDLERS: tuple[Role, ...] = (
    "customer_service", "operations", "department_head", "company_leader",
)
"""Who may work on a complaint."""

SERVICE: tuple[Role, ...] = ("customer_service", "operations")


def _voiced(before: Any, callback: Any, args: Any, cause: Actor) -> Iterable[Command]:
    if callback.complaint is not None:
        yield Complaints.receive.command(
            callback.complaint, customer=callback.customer, words=args.complaint,
            channel=callback.channel or "app", order=callback.id, by=cause,
        )


class Complaints(Adopting[M, Complaint]):
    """The moves of a complaint.

    It climbs by itself, by the sweep, when it isn't answered in time; `escalate` takes it up
    before.
    """

    kind = "complaint"
    label = Text("投诉", "complaint")
    model = Complaint
    link = "after_sale"
    indexed = ("customer", "order", "group_id")
    happened = (RAISED, CLOSED)

    class States(Track):
        """The states of a complaint."""

        received = state(Text("已收到", "received"))
        recorded = state(Text("已登记", "recorded"))
        escalated = state(Text("已上报", "escalated"))
        opinion_settled = state(Text("意见已定", "opinion settled"))
        answered = state(Text("已答复", "answered"))
        closed = state(Text("已办结", "closed"), end=True)


    OPEN = (
        States.received, States.recorded, States.escalated, States.opinion_settled, States.answered,
    )
    """The states before it is closed."""

    @staticmethod
    def party(subject: Any, actor: Actor) -> bool:
        """Say whether a customer acts on a complaint of their own; merchants never do."""
        return actor.role == "customer" and bool(subject.customer == actor.id)

    @staticmethod
    def faults(complaint: Complaint) -> Iterator[Found]:
        """Yield where a complaint says what no moves could have made of it."""
        yield from too_early(complaint, complaint.state, _LATER)
        if complaint.holder is None and complaint.state in ("escalated", "opinion_settled"):
            yield "holder", Text(
                "须写明由何岗位处理：leader 或 head.部门",
                "must say which post holds it: leader, or head.DEPARTMENT",
            )
        if complaint.holder is not None and not heads(complaint.holder):
            yield "holder", Text(
                "应为 leader 或 head.部门", "must be leader, or head.DEPARTMENT"
            )
        if complaint.raised_at is not None and complaint.holder not in (None, LEADER):
            yield "holder", Text("已上报公司领导，应为 leader", "it was raised: must be leader")
        if complaint.opinion is None and complaint.state == "opinion_settled":
            yield "opinion", Text("须写明意见", "must say what the opinion is")

    @staticmethod
    def moments(complaint: Complaint) -> Sequence[str]:
        """Return the moments that a complaint in its state would have."""
        expected = {
            "recorded_at": ("recorded", "answered", "closed"),
            "escalated_at": ("escalated", "opinion_settled"),
            "answered_at": ("answered", "closed"),
        }
        return [name for name, states in expected.items() if complaint.state in states]

    @move(
        NEW, to=States.received, by=("customer", "customer_service", "operations", "system"),
        says=Text("收到", "receive"), event="ComplaintReceived",
    )
    @staticmethod
    def receive(
        m: Move[Complaint],
        id: str,
        *,
        customer: Id,
        channel: Id = "app",
        words: Told,
        order: Id | None = None,
        lines: Annotated[Sequence[Id], Field(max_length=500)] = (),
        against: Id | None = None,
        group_id: Id | None = None,
        follows: Id | None = None,
        **by: Unpack[By],
    ) -> Changes:
        """Take a complaint in; its words never change afterwards.

        Args:
            id: the host's id.
            customer: who complains.
            words: in the complainant's own words.
            by: the customer, customer service, or operations.
            channel: through which channel.
            order: the order it is about, if any; one that the mall doesn't know stays as given.
            lines: the lines of that order that it is about.
            against: the staff member it is about, if any; they don't settle it.
            group_id: the group of orders of one checkout that it is about, if any.
            follows: the complaint of the same person that it takes up again, if any.
        """
        earlier: Any = m.looked.get(("complaint", follows or ""))
        return {
            "customer": customer, "channel": channel, "words": words, "order": order,
            "lines": lines, "against": against, "group_id": group_id, "follows": follows,
            "contested_before": earlier is not None and earlier.has_climbed,
        }

    @move(
        States.received, to=States.recorded, by=SERVICE,
        says=Text("登记", "record"), event="ComplaintRecorded",
        more=[
            also(States.escalated, States.opinion_settled, to=None, says=Text("补登记", "record"))
        ],
        fits=lambda complaint: complaint.recorded_at is None,
    )
    @staticmethod
    def record(
        m: Move[Complaint], id: str, *, subject: Short, remedy: Short, etiquette: Short,
        **by: Unpack[By],
    ) -> Changes:
        """Record what it is about and what the customer wants.

        Args:
            id: the complaint.
            subject: what it is about.
            remedy: what the customer asks for.
            etiquette: the version of the etiquette standard that the recorder attests.
            by: customer service.
        """
        if m.record.recorded_at is not None:
            raise Unfit(Text("投诉已登记，登记内容不得更改", "it is recorded already and stays so"))
        return {
            "subject": subject, "remedy": remedy, "etiquette": etiquette, "recorder": m.actor.id,
            "recorded_at": m.at,
        }

    @move(
        States.received, States.recorded, to=States.escalated, by=(*SERVICE, "system"),
        says=Text("上报部门负责人", "escalate"), event="ComplaintEscalated", aside=True,
        unsaid={"reason": None}, after=(RECORDED,),
    )
    @staticmethod
    def escalate(m: Move[Complaint], id: str, *, reason: Told, **by: Unpack[By]) -> Changes:
        """Report a complaint that can't be answered promptly to the department head.

        Args:
            id: the complaint.
            reason: why it can't.
            by: customer service or operations.
        """
        return {
            "escalated_at": m.at, "escalated_by": m.actor.id, "escalation_reason": reason,
            "holder": head_of(m.settings.department),
        }

    @internal(
        States.escalated, to=None, named="raise",
        says=Text("上报公司领导", "raise to the leader"), event="ComplaintRaised",
        after=RAISED.after,
    )
    @staticmethod
    def raise_(m: Move[Complaint], id: str, **by: Unpack[By]) -> Changes:
        """Pass over a head who lets the time for an opinion run out."""
        return {"raised_at": m.at, "holder": LEADER}

    @move(
        *OPEN, to=None, by=HANDLERS, says=Text("联系", "contact"), event="ComplaintContactMade",
        aside=True,
    )
    @staticmethod
    def contact(
        m: Move[Complaint], id: str, *, way: Short, note: Told, **by: Unpack[By]
    ) -> Changes:
        """Note that the complainant or somebody else was contacted about it.

        Args:
            id: the complaint.
            way: how (phone, visit).
            note: with whom, and what was said.
            by: customer service, operations, a head or leader.
        """
        contact = Contact(by=m.actor.id, at=m.at, way=way, note=note)
        return {"contacts": (*m.record.contacts, contact)}

    @move(
        *OPEN, to=None, by=HANDLERS, says=Text("记录情况", "take a note"), event="ComplaintNoted",
        aside=True,
    )
    @staticmethod
    def note(m: Move[Complaint], id: str, *, text: Told, **by: Unpack[By]) -> Changes:
        """Note what was found out or thought about it.

        Args:
            id: the complaint.
            text: the note.
            by: customer service, operations, a head or leader.
        """
        return {"notes": (*m.record.notes, Note(by=m.actor.id, at=m.at, text=text))}

    @move(
        States.escalated, to=States.opinion_settled, by=HANDLERS,
        says=Text("确定意见", "settle the opinion"), event="OpinionSettled",
        meant=("department_head", "company_leader"), after=SETTLED.after,
    )
    @staticmethod
    def settle_opinion(m: Move[Complaint], id: str, *, text: Told, **by: Unpack[By]) -> Changes:
        """Settle the opinion on an escalated complaint.

        Args:
            id: the complaint.
            text: the opinion.
            by: a department head or company leader in office, not the one complained about.
        """
        return {"opinion": Opinion(by=m.actor.id, role=m.actor.role, at=m.at, text=text)}

    @move(
        States.received, States.recorded, States.escalated, States.opinion_settled,
        to=States.answered, by=HANDLERS, says=Text("答复", "answer"), event="ComplaintAnswered",
        meant=SERVICE, fits=lambda complaint: complaint.state != "escalated",
        after=ANSWERED.after,
    )
    @staticmethod
    def answer(m: Move[Complaint], id: str, *, text: Told, **by: Unpack[By]) -> Changes:
        """Answer the complainant.

        Args:
            id: the complaint.
            text: what the complainant was told.
            by: customer service, operations, a head or leader.
        """
        return {"answer": text, "answered_at": m.at, "answered_by": m.actor.id}

    @move(
        States.answered, to=States.escalated, by=("customer", *SERVICE),
        says=Text("不满意答复", "contest the answer"), event="ComplaintContested", aside=True,
        fits=lambda complaint: not complaint.has_climbed, after=(ANSWERED,),
    )
    @staticmethod
    def contest(m: Move[Complaint], id: str, *, reason: Told, **by: Unpack[By]) -> Changes:
        """Note that the complainant isn't satisfied with the answer: it goes up, once.

        Args:
            id: the complaint.
            reason: why not, in the complainant's words.
            by: the customer, or staff who note it for them.
        """
        before: Complaint = m.record
        assert before.answer is not None
        assert before.answered_at is not None
        assert before.answered_by is not None
        unsatisfying = Answered(
            answer=before.answer, at=before.answered_at, by=before.answered_by,
            opinion=before.opinion,
        )
        return {
            "contested": (*before.contested, unsatisfying), "answer": None,
            "answered_at": None, "answered_by": None, "opinion": None, "raised_at": None,
            "escalated_at": m.at, "escalated_by": m.actor.id, "escalation_reason": reason,
            "holder": head_of(m.settings.department),
        }

    @move(
        States.answered, to=States.closed, by=SERVICE, says=Text("办结", "close"),
        event="ComplaintClosed", after=CLOSED.after,
    )
    @staticmethod
    def close(
        m: Move[Complaint], id: str, *, satisfied: Satisfied | None = None,
        remedy: Outcome | None = None, **by: Unpack[By],
    ) -> Changes:
        """Close an answered complaint.

        Args:
            id: the complaint.
            satisfied: what the complainant says to the answer: ``yes``, ``no``, or ``not_reached``
                if nobody could be asked.
            remedy: what became of the remedy asked for: ``granted``, ``partly``, or ``declined``.
            by: customer service or operations.
        """
        return {"satisfied": satisfied, "outcome": remedy, "closed_at": m.at}

    erase = erasure.leaving(States.closed)

    reactions = (receive.after("callback", "CallbackDone", makes=_voiced),)

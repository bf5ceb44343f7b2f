"""A complaint: its record, table and what opens one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from eldermall.engine.actor import Actor, Role
from eldermall.engine.blank import erasing
from eldermall.engine.inputs import Frozen, Id, Label, Moment, Personal, Words
from eldermall.engine.kind import Command, Kind, Reaction, Record, Upgrade
from eldermall.engine.machine import NEW, Machine, State, Transition, Unfit
from eldermall.engine.room import Arguments
from eldermall.engine.rule import Context
from eldermall.people.designation import LEADER, head_of
from eldermall.texts import Text


class Opinion(Frozen):
    """The opinion of a department head or company leader: by whom, as what, when, and its text."""

    by: Id
    role: str
    at: Moment
    text: Annotated[Words, Personal("complaint")]


class Contact(Frozen):
    """A contact made about a complaint: by whom, when, in which way, and what was said."""

    by: Id
    at: Moment
    way: str
    note: Annotated[Words, Personal("complaint")]


class Note(Frozen):
    """What was found out or thought about a complaint: by whom and when."""

    by: Id
    at: Moment
    text: Annotated[Words, Personal("complaint")]


def _with_handling(fields: dict[str, Any]) -> dict[str, Any]:
    by = None if fields["escalated_at"] is None else "system"
    return {
        **fields, "lines": [], "escalated_by": by, "escalation_reason": None, "contacts": [],
        "notes": [],
    }


class Complaint(Record):
    """A complaint. ``words`` are the complainant's and never change.

    ``order`` and its ``lines`` are what it is about, as the complainant named them. ``against`` is
    the staff member complained about, if any. ``holder`` is the post that holds it since it was
    escalated; there is an ``escalation_reason`` if somebody did it by hand.
    """

    SCHEMA: ClassVar[int] = 2
    UPGRADES: ClassVar[Mapping[int, Upgrade]] = {1: _with_handling}

    state: str
    customer: Id
    channel: Id
    words: Annotated[Words, Personal("complaint")]
    order: Id | None = None
    lines: tuple[Id, ...] = ()
    against: Id | None = None
    subject: Annotated[str | None, Personal("complaint")] = None
    remedy: Annotated[str | None, Personal("complaint")] = None
    etiquette: str | None = None
    recorder: Id | None = None
    recorded_at: Moment | None = None
    escalated_at: Moment | None = None
    escalated_by: Id | None = None
    escalation_reason: Annotated[str | None, Personal("complaint")] = None
    raised_at: Moment | None = None
    holder: str | None = None
    opinion: Opinion | None = None
    answer: Annotated[str | None, Personal("complaint")] = None
    answered_at: Moment | None = None
    answered_by: Id | None = None
    contacts: tuple[Contact, ...] = ()
    notes: tuple[Note, ...] = ()


class Receive(Arguments):
    """A complaint in the complainant's own words."""

    customer: Id
    channel: Id
    words: Annotated[Words, Personal("complaint")]
    order: Id | None
    lines: Annotated[tuple[Id, ...], Field(max_length=500)]
    against: Id | None


class Take(Arguments):
    """What customer service records: subject, wanted remedy, the etiquette standard attested."""

    subject: Annotated[Label, Personal("complaint")]
    remedy: Annotated[Label, Personal("complaint")]
    etiquette: Label


class Escalate(Arguments):
    """Why it can't be answered promptly."""

    reason: Annotated[Words, Personal("complaint")]


class MakeContact(Arguments):
    """In which way somebody was contacted, and what was said."""

    way: Label
    note: Annotated[Words, Personal("complaint")]


class TakeNote(Arguments):
    """What was found out or thought."""

    text: Annotated[Words, Personal("complaint")]


class GiveOpinion(Arguments):
    """The opinion's text."""

    text: Annotated[Words, Personal("complaint")]


class Answer(Arguments):
    """What the complainant was told."""

    text: Annotated[Words, Personal("complaint")]


def _receive(c: Context) -> dict[str, Any]:
    a: Receive = c.args
    return {
        "customer": a.customer,
        "channel": a.channel,
        "words": a.words,
        "order": a.order,
        "lines": a.lines,
        "against": a.against,
    }


def _record(c: Context) -> dict[str, Any]:
    if c.record.recorded_at is not None:
        raise Unfit(Text("投诉已登记，登记内容不得更改", "it is recorded already and stays so"))
    return {
        "subject": c.args.subject,
        "remedy": c.args.remedy,
        "etiquette": c.args.etiquette,
        "recorder": c.actor.id,
        "recorded_at": c.at,
    }


def _escalate(c: Context) -> dict[str, Any]:
    return {
        "escalated_at": c.at,
        "escalated_by": c.actor.id,
        "escalation_reason": c.args.reason if isinstance(c.args, Escalate) else None,
        "holder": head_of(c.settings.department),
    }


def _contact(c: Context) -> dict[str, Any]:
    contact = Contact(by=c.actor.id, at=c.at, way=c.args.way, note=c.args.note)
    return {"contacts": (*c.record.contacts, contact)}


def _note(c: Context) -> dict[str, Any]:
    note = Note(by=c.actor.id, at=c.at, text=c.args.text)
    return {"notes": (*c.record.notes, note)}


def _raise(c: Context) -> dict[str, Any]:
    return {"raised_at": c.at, "holder": LEADER}


def _settle(c: Context) -> dict[str, Any]:
    opinion = Opinion(by=c.actor.id, role=c.actor.role, at=c.at, text=c.args.text)
    return {"opinion": opinion}


def _answer(c: Context) -> dict[str, Any]:
    return {"answer": c.args.text, "answered_at": c.at, "answered_by": c.actor.id}


OPEN = ("received", "recorded", "escalated", "opinion_settled", "answered")
"""The states before it is closed."""

HANDLERS: tuple[Role, ...] = (
    "customer_service", "operations", "department_head", "company_leader",
)
"""Who may work on a complaint."""

COMPLAINT_MACHINE = Machine(
    "complaint",
    "state",
    Text("投诉", "complaint"),
    (
        State("received", Text("已收到", "received")),
        State("recorded", Text("已登记", "recorded")),
        State("escalated", Text("已上报", "escalated")),
        State("opinion_settled", Text("意见已定", "opinion settled")),
        State("answered", Text("已答复", "answered")),
        State("closed", Text("已办结", "closed"), end=True),
    ),
    (
        Transition(
            "receive", (NEW,), "received",
            ("customer", "customer_service", "operations", "system"),
            Text("收到", "receive"), "ComplaintReceived", _receive,
        ),
        Transition(
            "record", ("received",), "recorded", ("customer_service", "operations"),
            Text("登记", "record"), "ComplaintRecorded", _record,
        ),
        Transition(
            "record", ("escalated", "opinion_settled"), None,
            ("customer_service", "operations"),
            Text("补登记", "record"), "ComplaintRecorded", _record,
        ),
        Transition(
            "escalate", ("received", "recorded"), "escalated",
            ("customer_service", "operations", "system"),
            Text("上报部门负责人", "escalate"), "ComplaintEscalated", _escalate,
        ),
        Transition(
            "raise", ("escalated",), None, ("system",),
            Text("上报公司领导", "raise to the leader"), "ComplaintRaised", _raise,
        ),
        Transition(
            "contact", OPEN, None, HANDLERS, Text("联系", "contact"), "ComplaintContactMade",
            _contact,
        ),
        Transition(
            "note", OPEN, None, HANDLERS, Text("记录情况", "take a note"), "ComplaintNoted", _note,
        ),
        Transition(
            "settle_opinion", ("escalated",), "opinion_settled", HANDLERS,
            Text("确定意见", "settle the opinion"), "OpinionSettled", _settle,
        ),
        Transition(
            "answer", ("received", "recorded", "escalated", "opinion_settled"), "answered",
            HANDLERS, Text("答复", "answer"), "ComplaintAnswered", _answer,
        ),
        Transition(
            "close", ("answered",), "closed", ("customer_service", "operations"),
            Text("办结", "close"), "ComplaintClosed",
        ),
        erasing("closed"),
    ),
)


def is_party(subject: Any, actor: Actor) -> bool:
    """Say whether a customer acts on a complaint of their own; merchants never do."""
    return actor.role == "customer" and bool(subject.customer == actor.id)


def moments(complaint: Complaint) -> list[str]:
    """Return the moments that a complaint in its state would have."""
    expected = {
        "recorded_at": ("recorded", "answered", "closed"),
        "escalated_at": ("escalated", "opinion_settled"),
        "answered_at": ("answered", "closed"),
    }
    return [name for name, states in expected.items() if complaint.state in states]


COMPLAINT = Kind(
    "complaint",
    Text("投诉", "complaint"),
    Complaint,
    (COMPLAINT_MACHINE,),
    link="after_sale",
    party=is_party,
    indexed=("customer", "order"),
    moments=moments,
)


def _voiced(before: Any, callback: Any, args: Any, cause: Actor) -> Iterable[Command]:
    if callback.complaint is not None:
        yield Command(
            "complaint", "receive", callback.complaint, cause,
            Receive(
                customer=callback.customer, channel=callback.channel or "app",
                words=args.complaint, order=callback.id, lines=(), against=None,
            ),
        )


REACTIONS = (Reaction("callback", "CallbackDone", "complaint", "receive", _voiced),)

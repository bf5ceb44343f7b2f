"""Designations: the persons in force for a link or post, and the field agents of a merchant."""

from __future__ import annotations

from typing import Any, ClassVar

from eldermall.engine.inputs import Frozen, Id, Label, Moment
from eldermall.engine.kind import Kind, Record
from eldermall.engine.machine import NEW, Machine, State, Transition, Unfit
from eldermall.engine.room import Arguments
from eldermall.engine.rule import Context
from eldermall.texts import Text

LINKS = (
    "collection",
    "review",
    "listing",
    "order",
    "tracking",
    "after_sale",
    "messages",
    "callback",
)
"""The links of daily operation, each with persons of its own (S19 article 5)."""

LEADER = "leader"
"""The post of the company leader."""


def head_of(department: str) -> str:
    """Return the post of the head of ``department``."""
    return f"head.{department}"


class Span(Frozen):
    """One person's duty: from a moment, until another or open, vouched for by somebody.

    ``basis``: on what ground the person is held fit; empty if nobody said (S19 article 5).
    """

    person: Id
    since: Moment
    until: Moment | None = None
    attested_by: Id
    basis: str = ""


class Designation(Record):
    """Who is on duty for one link or post (or one merchant), past spans included."""

    SCHEMA: ClassVar[int] = 1

    state: str
    spans: tuple[Span, ...]

    def on_duty(self, at: int) -> list[str]:
        """Return the persons in force at a moment, first designated first."""
        return [
            s.person for s in self.spans if s.since <= at and (s.until is None or at < s.until)
        ]


class Appoint(Arguments):
    """Who is put on duty, and on what ground the person is held fit."""

    who: Id
    basis: Label | None = None


class Dismiss(Arguments):
    """Who leaves."""

    who: Id


def _appoint(c: Context) -> dict[str, Any]:
    spans: tuple[Span, ...] = () if c.record is None else c.record.spans
    if any(s.person == c.args.who and s.until is None for s in spans):
        raise Unfit(
            Text(f"{c.args.who} 已在任", f"{c.args.who} is on duty already")
        )
    span = Span(
        person=c.args.who, since=c.at, attested_by=c.actor.id, basis=c.args.basis or ""
    )
    return {"spans": (*spans, span)}


def _dismiss(c: Context) -> dict[str, Any]:
    spans: tuple[Span, ...] = c.record.spans
    if not any(s.person == c.args.who and s.until is None and s.since <= c.at for s in spans):
        raise Unfit(
            Text(f"{c.args.who} 不在任", f"{c.args.who} is not on duty")
        )
    return {
        "spans": tuple(
            s.model_copy(update={"until": c.at})
            if s.person == c.args.who and s.until is None
            else s
            for s in spans
        )
    }


def _vacant(record: Designation) -> bool:
    return all(s.until is not None for s in record.spans)


def _machine(name: str, label: Text) -> Machine:
    return Machine(
        name,
        "state",
        label,
        (
            State("held", Text("有人在任", "held"), end=True),
            State("vacant", Text("空缺", "vacant"), end=True),
        ),
        (
            Transition(
                "appoint",
                (NEW, "held", "vacant"),
                "held",
                ("operations", "department_head", "company_leader"),
                Text("指定人员", "appoint"),
                "Appointed",
                _appoint,
            ),
            Transition(
                "dismiss",
                ("held",),
                None,
                ("operations", "department_head", "company_leader"),
                Text("免除人员", "dismiss"),
                "Dismissed",
                _dismiss,
            ),
            Transition(
                "fall_vacant",
                ("held",),
                "vacant",
                (),
                Text("转为空缺", "fall vacant"),
                "FellVacant",
                when=_vacant,
            ),
        ),
    )


DESIGNATION_MACHINE = _machine("designation", Text("岗位指定", "designation"))
ASSIGNMENT_MACHINE = _machine("assignment", Text("外勤对接", "field agent of a merchant"))

DESIGNATION = Kind(
    "designation", Text("岗位指定", "designation"), Designation, (DESIGNATION_MACHINE,)
)
ASSIGNMENT = Kind(
    "assignment", Text("外勤对接", "assignment"), Designation, (ASSIGNMENT_MACHINE,)
)

"""People: who is designated for a link of daily operation, who heads, who leads, who looks after
which merchant. The shop keeps its users; here stand only their ids and the spans of their duty.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from eldermall.engine.actor import Role
from eldermall.engine.blank import ERASED
from eldermall.engine.declaration import Changes, Move, move
from eldermall.engine.declared import Declared, M
from eldermall.engine.inputs import Frozen, Id, Label, Moment, Personal
from eldermall.engine.kind import Record, nobody
from eldermall.engine.machine import NEW, Unfit
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.engine.track import Track, automatic, state
from eldermall.errors import Invalid
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


def heads(post: str) -> bool:
    """Say whether ``post`` is that of the leader, or of the head of a department."""
    return post == LEADER or (post.startswith(head_of("")) and post != head_of(""))


Basis = Annotated[Label | None, Personal("people")]


class Span(Frozen):
    """One person's duty: from a moment, until another or open, vouched for by somebody.

    ``basis``: on what ground the person is held fit; empty if nobody said (S19 article 5).
    """

    person: Id
    since: Moment
    until: Moment | None = None
    attested_by: Id
    basis: Annotated[str, Personal("people")] = ""


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

    @property
    def vacant(self) -> bool:
        """Whether nobody is on duty, or will be."""
        return all(s.until is not None for s in self.spans)


APPOINTERS: tuple[Role, ...] = ("operations", "department_head", "company_leader")
"""Who puts people on duty."""


def _appointed(m: Move[Designation], who: str, basis: str | None) -> Changes:
    spans: tuple[Span, ...] = () if m.record is None else m.record.spans
    if any(s.person == who and s.until is None for s in spans):
        raise Unfit(Text(f"{who} 已在任", f"{who} is on duty already"))
    span = Span(person=who, since=m.at, attested_by=m.actor.id, basis=basis or "")
    return {"spans": (*spans, span)}


def _dismissed(m: Move[Designation], who: str) -> Changes:
    leaves = [s.person == who and s.until is None for s in m.record.spans]
    if not any(
        leaving and s.since <= m.at
        for s, leaving in zip(m.record.spans, leaves, strict=True)
    ):
        raise Unfit(Text(f"{who} 不在任", f"{who} is not on duty"))
    return {
        "spans": tuple(
            s.model_copy(update={"until": m.at}) if leaving else s
            for s, leaving in zip(m.record.spans, leaves, strict=True)
        )
    }


def _forgotten(m: Move[Designation]) -> Changes:
    """Blank the grounds on which those were held fit who are off duty by now."""
    return {
        "spans": tuple(
            s.model_copy(update={"basis": ERASED}) if s.basis and s.until is not None else s
            for s in m.record.spans
        )
    }


def _is_post(post: object) -> None:
    if post not in LINKS and not (isinstance(post, str) and heads(post)):
        raise Invalid(
            "designation.post", post,
            Text(
                f"应为环节（{'、'.join(LINKS)}）、leader 或 head.部门",
                f"must be a link ({', '.join(LINKS)}), leader, or head.DEPARTMENT",
            ),
        )


class Designations(Declared[M, Designation]):
    """Who is on duty for the links of daily operation, and who heads and leads."""

    kind = "designation"
    label = Text("岗位指定", "designation")
    model = Designation

    party = staticmethod(nobody)

    class States(Track):
        """Whether anybody is on duty."""

        held = state(Text("有人在任", "held"), end=True)
        vacant = state(Text("空缺", "vacant"), end=True)

    @move(
        NEW, States.held, States.vacant, to=States.held, by=APPOINTERS,
        says=Text("指定人员", "appoint"), event="Appointed", ids=_is_post,
    )
    @staticmethod
    def appoint(
        m: Move[Designation], post: str, who: Id, *, basis: Basis = None, **by: Unpack[By]
    ) -> Changes:
        """Put a person on duty for a link or post (S19 article 5).

        Args:
            post: a link (`LINKS`), ``"leader"``, or ``head_of(department)``.
            who: the host's id of the person.
            by: operations, a department head or the company leader.
            basis: on what ground the person is held fit.

        Raises:
            Invalid: there is no such post.
            Refused: the person is on duty already, or ``by`` may not appoint.
        """
        return _appointed(m, who, basis)

    @move(
        States.held, to=None, by=APPOINTERS, says=Text("免除人员", "dismiss"), event="Dismissed",
        ids=_is_post,
    )
    @staticmethod
    def dismiss(m: Move[Designation], post: str, who: Id, **by: Unpack[By]) -> Changes:
        """Take a person off duty.

        Args:
            post: as in `appoint`.
            who: the host's id of the person.
            by: operations, a department head or the company leader.

        Raises:
            Invalid: there is no such post.
            Refused: the person is not on duty.
        """
        return _dismissed(m, who)

    @move(
        States.held, States.vacant, to=None, by=("operations", "system"),
        says=Text("删除个人信息", "erase personal data"), event="PersonalErased", erases=True,
        aside=True, ids=_is_post,
    )
    @staticmethod
    def erase(m: Move[Designation], post: str, **by: Unpack[By]) -> Changes:
        """Erase on what ground those were held fit who are off duty, once its keeping time ended.

        Args:
            post: as in `appoint`.
            by: operations, or the system.
        """
        return _forgotten(m)

    fall_vacant = automatic(
        States.held, to=States.vacant, says=Text("转为空缺", "fall vacant"), event="FellVacant",
        when=lambda record: record.vacant,
    )


class Assignments(Declared[M, Designation]):
    """Which field agents look after which merchant (S19 article 10 (2))."""

    kind = "assignment"
    label = Text("外勤对接", "assignment")
    model = Designation

    party = staticmethod(nobody)

    class States(Track, label=Text("外勤对接", "field agent of a merchant")):
        """Whether anybody looks after the merchant."""

        held = state(Text("有人在任", "held"), end=True)
        vacant = state(Text("空缺", "vacant"), end=True)

    @move(
        NEW, States.held, States.vacant, to=States.held, by=APPOINTERS,
        says=Text("指定人员", "appoint"), event="Appointed",
    )
    @staticmethod
    def appoint(
        m: Move[Designation], merchant: str, who: Id, *, basis: Basis = None,
        **by: Unpack[By],
    ) -> Changes:
        """Assign a field agent to a merchant.

        Args:
            merchant: the merchant's id.
            who: the host's id of the agent.
            by: operations, a department head or the company leader.
            basis: on what ground the person is held fit.

        Raises:
            Refused: the agent is assigned already.
        """
        return _appointed(m, who, basis)

    @move(
        States.held, to=None, by=APPOINTERS, says=Text("免除人员", "dismiss"), event="Dismissed"
    )
    @staticmethod
    def dismiss(m: Move[Designation], merchant: str, who: Id, **by: Unpack[By]) -> Changes:
        """Take a field agent off a merchant.

        Args:
            merchant: the merchant's id.
            who: the host's id of the agent.
            by: operations, a department head or the company leader.

        Raises:
            Refused: the agent is not assigned.
        """
        return _dismissed(m, who)

    @move(
        States.held, States.vacant, to=None, by=("operations", "system"),
        says=Text("删除个人信息", "erase personal data"), event="PersonalErased", erases=True,
        aside=True,
    )
    @staticmethod
    def erase(m: Move[Designation], merchant: str, **by: Unpack[By]) -> Changes:
        """Erase on what ground those were held fit who are off duty, once its keeping time ended.

        Args:
            merchant: the merchant's id.
            by: operations, or the system.
        """
        return _forgotten(m)

    fall_vacant = automatic(
        States.held, to=States.vacant, says=Text("转为空缺", "fall vacant"), event="FellVacant",
        when=lambda record: record.vacant,
    )

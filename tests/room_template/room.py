"""Applications: a merchant's wish to sell in the mall, with the papers that prove who they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from eldermall.engine.actor import Role, merchants_own
from eldermall.engine.declaration import Changes, Move, move
from eldermall.engine.declared import Adopting, M, erasure
from eldermall.engine.inputs import Id, Label, Moment, Personal
from eldermall.engine.kind import Record
from eldermall.engine.machine import NEW
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.engine.track import Track, state
from eldermall.texts import Text

Papers = Annotated[Mapping[Id, Id], Field(max_length=50)]
Why = Annotated[Label, Personal("application")]

REVIEWERS: tuple[Role, ...] = ("operations", "department_head")
"""Who may work on an application."""


class Application(Record):
    """An application. ``papers`` are the host's ids by what each proves."""

    state: str
    merchant: Id
    applicant: Id
    papers: dict[Id, Id]
    asked: Annotated[str | None, Personal("application")] = None
    asked_at: Moment | None = None
    supplied_at: Moment | None = None
    visited_by: Id | None = None
    decided_by: Id | None = None
    decided_at: Moment | None = None
    reason: Annotated[str | None, Personal("application")] = None


class Applications(Adopting[M, Application]):
    """The moves of an application."""

    kind = "application"
    label = Text("入驻申请", "application")
    model = Application
    link = "review"
    indexed = ("merchant",)

    class States(Track):
        """How far an application is."""

        applied = state(Text("待审核", "waiting for review"))
        asked = state(Text("待补件", "waiting for papers"))
        approved = state(Text("已通过", "approved"), end=True)
        rejected = state(Text("未通过", "rejected"), end=True)

    party = staticmethod(merchants_own)

    @staticmethod
    def moments(application: Application) -> Sequence[str]:
        """Return the moments that an application in its state would have."""
        return ["supplied_at"] if application.state == "applied" else []

    @move(
        NEW, to=States.applied, by=("merchant", "operations"), says=Text("申请入驻", "apply"),
        event="Applied",
    )
    @staticmethod
    def apply(
        m: Move[Application], id: str, *, merchant: Id, papers: Papers, **by: Unpack[By]
    ) -> Changes:
        """Ask to sell in the mall.

        Args:
            id: the host's id.
            merchant: who asks.
            papers: the host's ids of papers by what each proves.
            by: the merchant, or operations.
        """
        return {
            "merchant": merchant, "papers": papers, "applicant": m.actor.id, "supplied_at": m.at,
        }

    @move(
        States.applied, to=States.asked, by=REVIEWERS, says=Text("要求补件", "ask for papers"),
        event="PapersAsked", aside=True,
    )
    @staticmethod
    def ask(m: Move[Application], id: str, *, what: Why, **by: Unpack[By]) -> Changes:
        """Ask for what is missing.

        Args:
            id: the application.
            what: what is missing.
            by: operations or a department head.
        """
        return {"asked": what, "asked_at": m.at}

    @move(
        States.asked, to=States.applied, by=("merchant", "operations"),
        says=Text("补件", "supply papers"), event="PapersSupplied",
    )
    @staticmethod
    def supply(m: Move[Application], id: str, *, papers: Papers, **by: Unpack[By]) -> Changes:
        """Hand in what was asked for.

        Args:
            id: the application.
            papers: the host's ids of papers by what each proves.
            by: the merchant, or operations.
        """
        return {"papers": m.record.papers | dict(papers), "supplied_at": m.at}

    @move(
        States.applied, States.asked, to=None, by=("field_agent", "operations"),
        says=Text("实地核验", "visit"), event="ApplicantVisited",
        fits=lambda application: application.visited_by is None,
    )
    @staticmethod
    def visit(m: Move[Application], id: str, *, who: Id, **by: Unpack[By]) -> Changes:
        """Note that somebody has seen the merchant's place.

        Args:
            id: the application.
            who: the person.
            by: a field agent, or operations.
        """
        return {"visited_by": who}

    @move(
        States.applied, to=States.approved, by=REVIEWERS, says=Text("通过", "approve"),
        event="ApplicationApproved",
    )
    @staticmethod
    def approve(m: Move[Application], id: str, **by: Unpack[By]) -> Changes:
        """Let the merchant sell.

        Args:
            id: the application.
            by: operations or a department head.
        """
        return {"decided_by": m.actor.id, "decided_at": m.at}

    @move(
        States.applied, States.asked, to=States.rejected, by=REVIEWERS,
        says=Text("不通过", "reject"), event="ApplicationRejected", aside=True,
    )
    @staticmethod
    def reject(m: Move[Application], id: str, *, reason: Why, **by: Unpack[By]) -> Changes:
        """Turn the merchant down.

        Args:
            id: the application.
            reason: why.
            by: operations or a department head.
        """
        return {"decided_by": m.actor.id, "decided_at": m.at, "reason": reason}

    erase = erasure.leaving(States.approved, States.rejected)

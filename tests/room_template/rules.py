"""Applications of merchants.   S19 article 5; article 14.

A merchant sells only after somebody has looked at who they are. Decided where the text is silent:
nobody decides on their own application, and none waits longer than the policy says. The articles
give no number.
"""

from __future__ import annotations

from eldermall.rooms.applications import Application, Applications

from eldermall.engine.clock import Clock
from eldermall.engine.rule import ACTOR_ID, Fact, Rule, set_by
from eldermall.engine.settings import Setting
from eldermall.rules.notices import LADDER
from eldermall.texts import Text

LIMIT = Setting(
    "applications.decision-limit",
    Text("申请后多久内须作出决定", "how soon an application is decided"),
    "S19-14",
    "duration",
    suggestion="7d",
)
PAPERS = Setting(
    "applications.papers",
    Text("须提交的证件", "the papers that are asked for"),
    "S19-14",
    "names",
    suggestion=("licence",),
)

APPLICANT = Fact(
    "application.applicant", "text", "record", Text("申请人", "who applied"),
    lambda c: c.record.applicant,
)
THERE = Fact(
    "application.papers", "list", "record", Text("已提交的证件", "papers handed in"),
    lambda c: sorted(c.record.papers),
)

NOT_THE_APPLICANT = Rule(
    id="applications.not-the-applicant",
    label=Text("申请人不得审批自己的申请", "nobody decides on what they applied for"),
    clauses=("S19-05a",),
    guards=Applications.States.approved.entered + Applications.States.rejected.entered,
    needs=(ACTOR_ID, APPLICANT),
    check=lambda actor, applicant: actor != applicant,
    reason=Text("{0} 是申请人", "{0} is the applicant"),
)

COMPLETE = Rule(
    id="applications.papers-complete",
    label=Text("证件齐全方可通过", "all papers are there before it is approved"),
    clauses=("S19-14",),
    guards=Applications.approve.guard,
    needs=(THERE, set_by(PAPERS)),
    check=lambda there, wanted: set(wanted) <= set(there),
    reason=Text("须有 {1}，现有 {0}", "needed are {1}; there are {0}"),
    settings=(PAPERS,),
)


def _waiting(application: Application) -> dict[str, int]:
    if application.state != "applied" or application.supplied_at is None:
        return {}
    return {"": application.supplied_at}


DECIDED_IN_TIME = Clock(
    id="applications.decided-in-time",
    label=Text("入驻申请及时决定", "an application is decided in time"),
    clauses=("S19-14",),
    kind="application",
    runs=_waiting,
    met=lambda application, part: application.decided_at is not None,
    limit=LIMIT,
    starts=Text("提交申请", "it is handed in"),
    stops=Text("作出决定", "it is decided"),
    told=("operations",),
    ladder=LADDER,
)

RULES: tuple[Rule, ...] = (NOT_THE_APPLICANT, COMPLETE)
CLOCKS: tuple[Clock, ...] = (DECIDED_IN_TIME,)

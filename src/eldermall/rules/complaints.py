"""Complaints and their escalation.   S19 article 12 (2).

Customer service records what the customer asks for and answers promptly; what can't be answered
promptly is reported to the department head, the head or the company leader settles the opinion,
and then the customer is answered promptly. Decided where the text is silent: a complaint that
runs out of its answer clock is reported by itself; the head who lets the opinion clock run out is
passed over to the leader, and the leader is reminded at the same interval; reporting it earlier by
hand, with a reason, is the same step; nobody settles or answers a complaint about themselves; the
opinion giver holds the post when giving it; an answer that doesn't satisfy goes up once, whether
in the complaint itself or in one that takes it up again; an answered one is closed in the policy's
time, with what the policy asks for. No order is needed to complain: one that the mall
doesn't know is recorded as it was named, one that it knows must be the complainant's own. The
article gives no number, so all limits are set by the host.
"""

from __future__ import annotations

from typing import Any

from eldermall.engine.clock import Clock
from eldermall.engine.rule import (
    ACTOR_ID,
    ACTOR_ROLE,
    Context,
    Fact,
    Rule,
    looked_up,
    set_by,
)
from eldermall.engine.settings import Setting
from eldermall.rooms.complaints import Complaint, Complaints
from eldermall.rooms.people import LEADER, head_of
from eldermall.rules.notices import LADDER
from eldermall.texts import Text

ANSWER_LIMIT = Setting(
    "complaints.answer-limit",
    Text("收到投诉后多久内须答复", "how soon a complaint is answered"),
    "S19-12-2c",
    "duration",
    suggestion="24h",
)
OPINION_LIMIT = Setting(
    "complaints.opinion-limit",
    Text("上报后多久内须定下意见", "how soon an opinion is settled after the report"),
    "S19-12-2e",
    "duration",
    suggestion="24h",
)
ANSWER_AFTER_OPINION_LIMIT = Setting(
    "complaints.answer-after-opinion-limit",
    Text("意见定下后多久内须答复", "how soon after the opinion the customer is answered"),
    "S19-12-2f",
    "duration",
    suggestion="8h",
)

CLOSING_LIMIT = Setting(
    "complaints.closing-limit",
    Text("答复后多久内须办结", "how soon after the answer a complaint is closed"),
    "S19-12-2c",
    "duration",
    suggestion="7d",
    added="2026-12-01",
)
CLOSING_ASKS = Setting(
    "complaints.closing-asks",
    Text(
        "办结须写明的事项：诉求处理结果（remedy）、是否满意（satisfied）",
        "what closing asks for: what became of the remedy (remedy), and satisfaction (satisfied)",
    ),
    "S19-12-2a",
    "names",
    suggestion=("remedy", "satisfied"),
    added="2026-12-01",
)

RECORDED_AT = Fact(
    "complaint.recorded-at", "moment", "record", Text("登记时间", "when it was recorded"),
    lambda c: c.record.recorded_at,
)
ESCALATED_AT = Fact(
    "complaint.escalated-at", "moment", "record", Text("上报时间", "when it was reported upwards"),
    lambda c: c.record.escalated_at,
)
HAS_OPINION = Fact(
    "complaint.has-opinion", "flag", "record", Text("意见已定", "an opinion is settled"),
    lambda c: c.record.opinion is not None,
)
AGAINST = Fact(
    "complaint.against", "text", "record", Text("被投诉人", "whom it is about"),
    lambda c: c.record.against,
)


def _holders(c: Context, designation: Any) -> list[str]:
    return [] if designation is None else designation.on_duty(c.at)


HEADS = looked_up(
    "designation.head", "list", Text("部门负责人", "department head"), "designation",
    lambda c: head_of(c.settings.department), _holders,
)
LEADERS = looked_up(
    "designation.leader", "list", Text("公司领导", "company leader"), "designation",
    lambda c: LEADER, _holders,
)


FOLLOWS = Fact(
    "complaint.follows", "text", "argument", Text("所续投诉", "the complaint it takes up again"),
    lambda c: c.args.follows,
)
FOLLOWED_CUSTOMER = looked_up(
    "complaint.followed-customer", "text", Text("所续投诉的投诉人", "who made that complaint"),
    "complaint", lambda c: c.args.follows,
    lambda c, earlier: None if earlier is None else earlier.customer,
)
HAS_CLIMBED = Fact(
    "complaint.has-climbed", "flag", "record",
    Text("已因不满意上报过", "whether dissatisfaction went up already"),
    lambda c: c.record.has_climbed,
)
SATISFIED = Fact(
    "complaint.satisfied", "text", "argument", Text("是否满意", "whether the answer satisfies"),
    lambda c: c.args.satisfied,
)
REMEDY = Fact(
    "complaint.outcome", "text", "argument",
    Text("诉求处理结果", "what became of the wanted remedy"), lambda c: c.args.remedy,
)


def _all_said(asks: list[str], satisfied: str | None, remedy: str | None) -> bool:
    said = {"satisfied": satisfied is not None, "remedy": remedy is not None}
    return all(said.get(name, True) for name in asks)


def _may_settle(actor: str, role: str, heads: list[str], leaders: list[str]) -> bool:
    return (role == "department_head" and actor in heads) or (
        role == "company_leader" and actor in leaders
    )


ORDER_NAMED = Fact(
    "complaint.order", "text", "argument", Text("所涉订单", "the order it is about"),
    lambda c: c.args.order,
)
COMPLAINANT = Fact(
    "complaint.customer", "text", "argument", Text("投诉人", "who complains"),
    lambda c: c.args.customer,
)
LINES_NAMED = Fact(
    "complaint.lines", "list", "argument", Text("所涉订单行", "the lines it is about"),
    lambda c: list(c.args.lines),
)
ORDER_CUSTOMER = looked_up(
    "order.customer", "text", Text("下单客户", "whose order it is"), "order",
    lambda c: c.args.order, lambda c, order: None if order is None else order.customer,
)
ORDER_LINES = looked_up(
    "order.lines", "list", Text("订单的各行", "the lines of the order"), "order",
    lambda c: c.args.order,
    lambda c, order: None if order is None else [line.id for line in order.lines],
)


def _lines_of(lines: list[str], order: str | None, known: list[str] | None) -> bool:
    return not lines or (order is not None and (known is None or set(lines) <= set(known)))


OWN_ORDER = Rule(
    id="complaints.own-order",
    label=Text("所涉订单须为投诉人本人的", "an order that is named is the complainant's own"),
    clauses=("S19-12-2a",),
    guards=Complaints.receive.guard,
    needs=(ORDER_NAMED, COMPLAINANT, ORDER_CUSTOMER),
    check=lambda order, complainant, customer: customer in (None, complainant),
    reason=Text(
        "订单 {0} 不是 {1} 的；请更正订单，或不填订单",
        "the order {0} isn't that of {1}; name another one, or none",
    ),
)

LINES_OF_ORDER = Rule(
    id="complaints.lines-of-the-order",
    label=Text("所涉订单行须属于所涉订单", "the lines that are named are of the order"),
    clauses=("S19-12-2a",),
    guards=Complaints.receive.guard,
    needs=(LINES_NAMED, ORDER_NAMED, ORDER_LINES),
    check=_lines_of,
    reason=Text(
        "订单行 {0} 不都属于订单 {1}（{2}）", "not all of the lines {0} are of the order {1} ({2})"
    ),
)

RECORDED_FIRST = Rule(
    id="complaints.recorded-before-answer",
    label=Text("登记诉求之后方可答复", "what the customer asks for is recorded before the answer"),
    clauses=("S19-12-2a",),
    guards=Complaints.States.answered.entered,
    needs=(RECORDED_AT,),
    check=lambda recorded_at: recorded_at is not None,
    reason=Text("尚未登记客户诉求", "what the customer asks for has not been recorded"),
)

OPINION_FIRST = Rule(
    id="complaints.opinion-before-answer",
    label=Text("已上报的投诉须先定意见再答复", "a reported complaint is answered after an opinion"),
    clauses=("S19-12-2e",),
    guards=Complaints.States.answered.entered,
    needs=(ESCALATED_AT, HAS_OPINION),
    check=lambda escalated_at, has_opinion: escalated_at is None or has_opinion,
    reason=Text(
        "投诉已上报，部门负责人或公司领导尚未定下意见",
        "it was reported, and neither head nor leader has settled an opinion",
    ),
)

BY_HEAD_OR_LEADER = Rule(
    id="complaints.opinion-by-head-or-leader",
    label=Text("意见由在任的部门负责人或公司领导确定", "head or leader in office settle it"),
    clauses=("S19-12-2e",),
    guards=Complaints.States.opinion_settled.entered,
    needs=(ACTOR_ID, ACTOR_ROLE, HEADS, LEADERS),
    check=_may_settle,
    reason=Text(
        "{0} 不是在任的部门负责人或公司领导", "{0} is neither head nor leader in office"
    ),
)

NOT_ONESELF = Rule(
    id="complaints.no-judging-of-oneself",
    label=Text("被投诉人不得处理对自己的投诉", "nobody judges a complaint about themselves"),
    clauses=("S19-12-2e",),
    guards=(
        *Complaints.States.opinion_settled.entered,
        *Complaints.States.answered.entered,
    ),
    needs=(ACTOR_ID, AGAINST),
    check=lambda actor, against: actor != against,
    reason=Text("{0} 是被投诉人", "{0} is the one complained about"),
)


FOLLOWS_OWN = Rule(
    id="complaints.follows-own",
    label=Text(
        "所续投诉须为同一投诉人的", "a complaint that is taken up again is the same person's"
    ),
    clauses=("S19-12-2a",),
    guards=Complaints.receive.guard,
    needs=(FOLLOWS, FOLLOWED_CUSTOMER, COMPLAINANT),
    check=lambda follows, customer, complainant: follows is None or customer == complainant,
    reason=Text("没有 {2} 的投诉 {0}", "there is no complaint {0} of {2}"),
)

CLIMBS_ONCE = Rule(
    id="complaints.contested-once",
    label=Text("不满意只上报一次", "dissatisfaction with an answer goes up once"),
    clauses=("S19-12-2e",),
    guards=Complaints.contest.guard,
    needs=(HAS_CLIMBED,),
    check=lambda climbed: not climbed,
    reason=Text("已因不满意上报过一次", "it went up once already"),
)

UNSATISFIED_CLIMBS = Rule(
    id="complaints.unsatisfied-goes-up",
    label=Text(
        "投诉人不满意的，先上报一次再办结",
        "what doesn't satisfy the complainant goes up once before it is closed",
    ),
    clauses=("S19-12-2e",),
    guards=Complaints.close.guard,
    needs=(SATISFIED, HAS_CLIMBED),
    check=lambda satisfied, climbed: satisfied != "no" or climbed,
    reason=Text(
        "投诉人不满意，须先上报（contest）", "the complainant isn't satisfied: contest it first"
    ),
)

CLOSED_WITH_OUTCOME = Rule(
    id="complaints.closed-with-outcome",
    label=Text(
        "办结须写明政策要求的事项", "closing says what became of the remedy, if the policy asks"
    ),
    clauses=("S19-12-2a",),
    guards=Complaints.close.guard,
    needs=(set_by(CLOSING_ASKS), SATISFIED, REMEDY),
    check=_all_said,
    reason=Text("办结须写明：{0}", "closing has to say: {0}"),
    settings=(CLOSING_ASKS,),
)


def _unanswered(complaint: Complaint) -> dict[str, int]:
    first = complaint.answered_at is None and not complaint.contested
    return {"": complaint.created_at} if first else {}


def _unclosed(complaint: Complaint) -> dict[str, int]:
    if complaint.state != "answered" or complaint.answered_at is None:
        return {}
    return {"": complaint.answered_at}


def _without_opinion(complaint: Complaint) -> dict[str, int]:
    if complaint.state != "escalated" or complaint.escalated_at is None:
        return {}
    if complaint.raised_at is None:
        return {"head": complaint.escalated_at}
    return {"leader": complaint.raised_at}


def _opinion_unsaid(complaint: Complaint) -> dict[str, int]:
    if complaint.opinion is None or complaint.answered_at is not None:
        return {}
    return {"": complaint.opinion.at}


ANSWER = Clock(
    id="complaints.answered-in-time",
    label=Text("及时答复投诉，否则上报", "answered in time, else reported upwards"),
    clauses=("S19-12-2c", "S19-12-2d"),
    kind="complaint",
    runs=_unanswered,
    met=lambda complaint, part: True,
    limit=ANSWER_LIMIT,
    starts=Text("收到投诉", "the complaint is received"),
    stops=Text("答复客户", "the customer is answered"),
    told=("customer_service", "department_head"),
    on_breach="escalate",
)

OPINION = Clock(
    id="complaints.opinion-in-time",
    label=Text("及时定下意见，否则上报公司领导", "an opinion in time, else raised to the leader"),
    clauses=("S19-12-2e", "S19-12-2d"),
    kind="complaint",
    runs=_without_opinion,
    met=lambda complaint, part: complaint.opinion is not None,
    limit=OPINION_LIMIT,
    starts=Text("上报", "it is reported upwards"),
    stops=Text("意见定下", "an opinion is settled"),
    told=("department_head", "company_leader"),
    on_breach="raise",
)

ANSWER_AFTER_OPINION = Clock(
    id="complaints.answered-after-opinion",
    label=Text("意见定下后及时答复客户", "answered in time after the opinion"),
    clauses=("S19-12-2f",),
    kind="complaint",
    runs=_opinion_unsaid,
    met=lambda complaint, part: True,
    limit=ANSWER_AFTER_OPINION_LIMIT,
    starts=Text("意见定下", "the opinion is settled"),
    stops=Text("答复客户", "the customer is answered"),
    told=("customer_service", "department_head"),
    ladder=LADDER,
)

CLOSED = Clock(
    id="complaints.closed-in-time",
    label=Text("答复后及时办结", "closed in time after the answer"),
    clauses=("S19-12-2c",),
    kind="complaint",
    runs=_unclosed,
    met=lambda complaint, part: True,
    limit=CLOSING_LIMIT,
    starts=Text("答复客户", "the customer is answered"),
    stops=Text("办结，或投诉人不满意而上报", "it is closed, or goes up since it doesn't satisfy"),
    told=("customer_service",),
    ladder=LADDER,
)

RULES: tuple[Rule, ...] = (
    OWN_ORDER,
    LINES_OF_ORDER,
    RECORDED_FIRST,
    OPINION_FIRST,
    BY_HEAD_OR_LEADER,
    NOT_ONESELF,
    FOLLOWS_OWN,
    CLIMBS_ONCE,
    UNSATISFIED_CLIMBS,
    CLOSED_WITH_OUTCOME,
)
CLOCKS: tuple[Clock, ...] = (ANSWER, OPINION, ANSWER_AFTER_OPINION, CLOSED)

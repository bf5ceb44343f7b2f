"""Returns, refunds and exchanges.   S19 article 12 (1); S03 part 3 (3); S15 part 4 (3).

On a request the customer and the merchant are contacted promptly, the facts are found out, and the
return or exchange is carried through; for goods that meet the conditions the merchant must do so
unconditionally; the customer's choice of remedy stays open until the goods are sent back. Decided
where the texts are silent: a case opens without anybody's judgement (S04 part 4 (1)); contact
informs and is no ground for delay, so enough attempts stand for it; the conditions are settings of
the policy that bound the order, computed when the facts are recorded and not asked again; a fault
of the seller's meets them always, money for goods that stay with the customer only then; whoever
meets them is declined by nobody, and a seller who is silent past the limit has approved; what is
lost on the way back is the seller's risk. A case closes when money is booked or the replacement
has arrived; if nothing follows, when the customer has been told. While the customer is waited for
the clocks stand still, for as long in all as the policy says. No rule here asks about the standing
of a party (S02 article 10). The articles give no number, so all limits are set by the host.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from eldermall.aftersales.case import Case
from eldermall.aftersales.machine import CASE_MACHINE, UNSETTLED
from eldermall.engine.actor import Role
from eldermall.engine.clock import Clock
from eldermall.engine.machine import Guard
from eldermall.engine.rule import AT, MISSING, Context, Fact, Rule, set_by
from eldermall.engine.settings import Setting
from eldermall.orders.returns import TERMS
from eldermall.rules.notices import LADDER
from eldermall.texts import Text

ATTEMPTS = Setting(
    "aftersales.attempts",
    Text("联系不上客户时，须尝试几次方可继续", "attempts that stand for a contact"),
    "S19-12-1a",
    "count",
    suggestion=3,
)
CONTACT_LIMIT = Setting(
    "aftersales.contact-limit",
    Text("申请后多久内须联系客户", "how soon after the request the customer is contacted"),
    "S19-12-1a",
    "duration",
    suggestion="24h",
)
MERCHANT_LIMIT = Setting(
    "aftersales.merchant-contact-limit",
    Text("联系客户后多久内须联系商家", "how soon after that the merchant is contacted"),
    "S19-12-1c",
    "duration",
    suggestion="24h",
)
ANSWER_LIMIT = Setting(
    "aftersales.answer-limit",
    Text("联系后多久内商家须答复", "how soon after contact the merchant answers"),
    "S03-3-3c",
    "duration",
    suggestion="48h",
)
RECEPTION_LIMIT = Setting(
    "aftersales.reception-limit",
    Text("商品寄回后多久内须验收", "how soon after sending back the goods are received"),
    "S19-12-1d",
    "duration",
    suggestion="7d",
)
SETTLEMENT_LIMIT = Setting(
    "aftersales.settlement-limit",
    Text(
        "同意退款或收到退货后多久内须退款入账或发出换货商品",
        "how soon after approval or reception money is booked or the replacement sent",
    ),
    "S19-12-1d",
    "duration",
    suggestion="72h",
)
LONGEST_HOLD = Setting(
    "aftersales.longest-hold",
    Text("等待客户总共不得超过多久", "how long in all the customer may be waited for"),
    "S19-12-1d",
    "duration",
    suggestion="7d",
)

REACHED = Fact(
    "case.customer-reached", "flag", "record", Text("已联系上客户", "the customer was reached"),
    lambda c: c.record.reached,
)
ATTEMPTED = Fact(
    "case.attempts", "number", "record", Text("联系未果的次数", "attempts in vain"),
    lambda c: c.record.attempts,
)


def _recorded(field: str, name: str, label: Text) -> Fact:
    def read(c: Context) -> Any:
        value = getattr(c.record, field)
        return MISSING if value is None else value

    return Fact(name, "text", "record", label, read)


GROUND = _recorded("ground", "case.ground", Text("退换理由", "the ground"))
ITEM_STATE = _recorded("item_state", "case.item-state", Text("商品状态", "the state of the goods"))
WISHED = Fact(
    "case.wish-recorded", "flag", "record", Text("客户诉求", "the customer's wish"),
    lambda c: MISSING if c.record.wish is None else True,
)
MERCHANT = Fact(
    "case.merchant", "text", "record", Text("商家", "the merchant"), lambda c: c.record.merchant
)
MERCHANT_CONTACTED_AT = Fact(
    "case.merchant-contacted-at", "moment", "record",
    Text("联系商家的时间", "when the merchant was contacted"),
    lambda c: c.record.merchant_contacted_at,
)
ENTITLED = Fact(
    "case.conditions-met", "flag", "record", Text("合乎条件", "the conditions are met"),
    lambda c: c.record.entitled,
)
SENT_BACK_AT = Fact(
    "case.sent-back-at", "moment", "record", Text("寄回时间", "when the goods were sent back"),
    lambda c: None if c.record.sent_back is None else c.record.sent_back.at,
)
DUE = Fact(
    "case.due", "number", "record", Text("应退款额", "the money due back"), lambda c: c.record.due
)
BOOKED = Fact(
    "case.booked", "number", "record", Text("已退款额", "the money paid back"),
    lambda c: c.record.booked,
)
REPLACED_AT = Fact(
    "case.replaced-at", "moment", "record",
    Text("换货送达时间", "when the replacement arrived"), lambda c: c.record.replaced_at,
)
TOLD_AT = Fact(
    "case.told-at", "moment", "record", Text("告知客户的时间", "when the customer was told"),
    lambda c: c.record.told_at,
)


def _nothing_follows(c: Context) -> bool:
    return bool(c.record.state == "declined" or c.record.resolution == "none")


NOTHING_FOLLOWS = Fact(
    "case.nothing-follows", "flag", "record", Text("不予办理", "nothing follows"),
    _nothing_follows,
)
OVERDUE = Fact(
    "case.overdue", "list", "clock", Text("已超期的时限", "its clocks that have run out"),
    lambda c: sorted(
        row.name
        for row in c.clocks
        if row.name != HOLD.name and (row.state == "breached" or row.due < max(c.at, c.now))
    ),
)
WAITED = Fact(
    "case.waited", "number", "record", Text("已等待的时长", "how long the customer was waited for"),
    lambda c: sum(until - since for since, until in (h.span for h in c.record.holds)),
)
UNTIL = Fact(
    "hold.until", "moment", "argument", Text("等待至", "until when to wait"),
    lambda c: c.args.until,
)


def _entering(*states: str) -> tuple[Guard, ...]:
    return tuple(CASE_MACHINE.entering(state) for state in states)


DECIDING = _entering("approved", "declined")
GOING_ON = (*_entering("merchant_contacted"), *DECIDING)

CONTACT_FIRST = Rule(
    id="aftersales.contact-before-decision",
    label=Text(
        "联系客户之后方可处理，联系不上的须尝试足够次数",
        "nothing is decided before the customer was contacted, or often enough in vain",
    ),
    clauses=("S19-12-1a",),
    guards=(CASE_MACHINE.move("give_up"), *GOING_ON),
    needs=(REACHED, ATTEMPTED, set_by(ATTEMPTS)),
    check=lambda reached, attempted, asked: reached or attempted >= asked,
    reason=Text(
        "尚未联系上客户，已尝试 {1} 次，须满 {2} 次",
        "the customer wasn't reached; attempts: {1}, needed: {2}",
    ),
    settings=(ATTEMPTS,),
)

FACTS_FIRST = Rule(
    id="aftersales.facts-before-going-on",
    label=Text("弄清情况之后方可继续", "the facts are found out before the case goes on"),
    clauses=("S19-12-1b",),
    guards=GOING_ON,
    needs=(GROUND, ITEM_STATE, WISHED),
    check=lambda ground, item_state, wished: True,
    reason=Text(
        "须先登记理由、商品状态与客户诉求",
        "ground, state of the goods and the customer's wish are recorded first",
    ),
)

MERCHANT_FIRST = Rule(
    id="aftersales.merchant-before-decision",
    label=Text("联系商家之后方可决定", "the merchant is contacted before a decision"),
    clauses=("S19-12-1c",),
    guards=DECIDING,
    needs=(MERCHANT, MERCHANT_CONTACTED_AT),
    check=lambda merchant, contacted_at: merchant is None or contacted_at is not None,
    reason=Text("尚未联系商家 {0}", "the merchant {0} has not been contacted"),
)

NO_REFUSAL = Rule(
    id="aftersales.no-refusal-when-conditions-met",
    label=Text(
        "合乎条件的退换货不得拒绝", "what meets the conditions is declined by nobody"
    ),
    clauses=("S03-3-3c",),
    guards=_entering("declined"),
    needs=(ENTITLED,),
    check=lambda entitled: not entitled,
    reason=Text("该申请合乎条件，应当无条件办理", "it meets the conditions and must be granted"),
    settings=TERMS,
)

CHOICE_OPEN = Rule(
    id="aftersales.choice-until-sent-back",
    label=Text("商品寄回之前可以改选处理方式", "the remedy may change until goods are sent back"),
    clauses=("S15-4-3",),
    guards=(CASE_MACHINE.move("choose"),),
    needs=(SENT_BACK_AT,),
    check=lambda sent_back_at: sent_back_at is None,
    reason=Text("商品已寄回", "the goods have been sent back"),
)


def _carried_through(
    nothing: bool, told_at: int | None, due: int | None, booked: int, replaced_at: int | None
) -> bool:
    if nothing:
        return told_at is not None
    return replaced_at is not None or (due is not None and booked >= due)


CARRIED_THROUGH = Rule(
    id="aftersales.carried-through-before-close",
    label=Text(
        "退款入账或换货送达之后方可办结；不予办理的须先告知客户",
        "closed when money is booked or the replacement has arrived; if nothing follows, when the "
        "customer was told",
    ),
    clauses=("S19-12-1d", "S04-4-1"),
    guards=_entering("closed"),
    needs=(NOTHING_FOLLOWS, TOLD_AT, DUE, BOOKED, REPLACED_AT),
    check=_carried_through,
    reason=Text(
        "退款尚未入账（应退 {2}，已退 {3}），换货尚未送达，也未告知客户不予办理",
        "no replacement has arrived, the refund isn't booked (due: {2}, booked: {3}), and the "
        "customer wasn't told that nothing follows",
    ),
)

HOLD_IN_TIME = Rule(
    id="aftersales.no-hold-when-overdue",
    label=Text("已超期的不得以等待客户为由暂停", "no wait begins when a clock has run out"),
    clauses=("S19-12-1d",),
    guards=(CASE_MACHINE.move("hold"),),
    needs=(OVERDUE,),
    check=lambda overdue: not overdue,
    reason=Text("已有时限超期：{0}", "clocks have run out: {0}"),
)

HOLD_NOT_TOO_LONG = Rule(
    id="aftersales.hold-not-too-long",
    label=Text("等待客户的总时长不得超过上限", "all waits together stay within the limit"),
    clauses=("S19-12-1d",),
    guards=(CASE_MACHINE.move("hold"),),
    needs=(WAITED, AT, UNTIL, set_by(LONGEST_HOLD, binds="submission")),
    check=lambda waited, at, until, longest: waited + until - at <= longest,
    reason=Text("等待客户的总时长将超过上限", "the waits would be longer in all than allowed"),
)


def _waits(*states: str, since: Callable[[Case], int | None]) -> Callable[[Case], dict[str, int]]:
    def runs(case: Case) -> dict[str, int]:
        start = since(case)
        return {"": start} if case.state in states and start is not None else {}

    return runs


def _seller_since(case: Case) -> int | None:
    """Return since when the seller owes an answer; own goods have nobody else to ask."""
    return case.contacted_at if case.merchant is None else case.merchant_contacted_at


def _answer_waits(entitled: bool) -> Callable[[Case], dict[str, int]]:
    runs = _waits("contacted", "merchant_contacted", since=_seller_since)
    return lambda case: runs(case) if bool(case.entitled) == entitled else {}


def _settlement_waits(case: Case) -> Mapping[str, int]:
    if case.replacement is not None or case.resolution == "none":
        return {}
    if case.state == "received" and case.received_at is not None:
        return {"": case.received_at}
    if case.state == "approved" and case.due is not None and case.decided_at is not None:
        return {"": case.decided_at}
    return {}


def _held(case: Case) -> dict[str, int]:
    lasts = case.state in UNSETTLED and case.holds and case.holds[-1].ended is None
    return {"": case.holds[-1].since} if lasts else {}


def _clock(
    name: str,
    label: Text,
    clauses: tuple[str, ...],
    runs: Callable[[Case], Mapping[str, int]],
    met: Callable[[Case], bool],
    limit: Setting,
    starts: Text,
    stops: Text,
    told: tuple[Role, ...],
    on_breach: str | None = None,
) -> Clock:
    return Clock(
        id=f"aftersales.{name}",
        label=label,
        clauses=clauses,
        kind="case",
        runs=runs,
        met=lambda case, part: met(case),
        limit=limit,
        pauses=lambda case, part: [hold.span for hold in case.holds],
        starts=starts,
        stops=stops,
        told=told,
        ladder=LADDER,
        on_breach=on_breach,
    )


CONTACT = _clock(
    "contact-in-time",
    Text("及时联系客户", "the customer is contacted in time"),
    ("S19-12-1a",),
    _waits("opened", since=lambda case: case.created_at),
    lambda case: case.contacted_at is not None,
    CONTACT_LIMIT,
    Text("提出申请", "the case is opened"),
    Text("联系上客户，或尝试足够次数", "the customer is reached, or often enough not"),
    ("customer_service", "operations"),
)

MERCHANT_CONTACT = _clock(
    "merchant-contact-in-time",
    Text("及时联系商家", "the merchant is contacted in time"),
    ("S19-12-1c",),
    _waits(
        "contacted", since=lambda case: None if case.merchant is None else case.contacted_at
    ),
    lambda case: case.merchant_contacted_at is not None,
    MERCHANT_LIMIT,
    Text("联系客户", "the customer is contacted"),
    Text("联系商家", "the merchant is contacted"),
    ("field_agent", "operations"),
)

APPROVAL = _clock(
    "entitled-approved-in-time",
    Text(
        "合乎条件的及时同意，逾期视为同意",
        "what meets the conditions is approved in time, else by lapse of time",
    ),
    ("S03-3-3c", "S19-12-1d"),
    _answer_waits(entitled=True),
    lambda case: case.decided_at is not None,
    ANSWER_LIMIT,
    Text("联系商家（自营为联系客户）", "the merchant is contacted (own goods: the customer)"),
    Text("作出决定", "it is decided"),
    ("merchant", "operations"),
    on_breach="approve_by_lapse",
)

ANSWER = _clock(
    "merchant-answers-in-time",
    Text("商家及时答复", "the merchant answers in time"),
    ("S19-12-1c", "S19-12-1d"),
    _answer_waits(entitled=False),
    lambda case: case.decided_at is not None,
    ANSWER_LIMIT,
    Text("联系商家（自营为联系客户）", "the merchant is contacted (own goods: the customer)"),
    Text("作出决定", "it is decided"),
    ("merchant", "operations"),
    on_breach="note_silence",
)

RECEPTION = _clock(
    "received-in-time",
    Text("及时验收退货", "goods sent back are received in time"),
    ("S19-12-1d", "S02-10b"),
    _waits("returning", since=lambda case: None if case.sent_back is None else case.sent_back.at),
    lambda case: case.received_at is not None,
    RECEPTION_LIMIT,
    Text("商品寄回", "the goods are sent back"),
    Text("验收", "they are received"),
    ("merchant", "operations"),
)

SETTLEMENT = _clock(
    "settled-in-time",
    Text("及时退款入账或发出换货商品", "money is booked or the replacement sent in time"),
    ("S19-12-1d", "S02-10b"),
    _settlement_waits,
    lambda case: case.replacement is not None or case.state in ("refunded", "closed"),
    SETTLEMENT_LIMIT,
    Text("同意仅退款，或收到退货", "a refund only is approved, or the goods are received"),
    Text("退款全部入账，或换货商品发出", "all money is booked, or the replacement is sent"),
    ("merchant", "operations"),
)

HOLD: Clock = Clock(
    id="aftersales.hold-ends",
    label=Text("等待客户到期自动结束", "a wait for the customer ends by itself"),
    clauses=("S19-12-1d",),
    kind="case",
    runs=_held,
    met=lambda case, part: True,
    limit=LONGEST_HOLD,
    adjust=lambda case, part, due: case.holds[-1].until,
    starts=Text("开始等待客户", "the customer is waited for"),
    stops=Text("结束等待", "the wait ends"),
    told=("customer_service",),
    on_breach="resume",
)

RULES: tuple[Rule, ...] = (
    CONTACT_FIRST,
    FACTS_FIRST,
    MERCHANT_FIRST,
    NO_REFUSAL,
    CHOICE_OPEN,
    CARRIED_THROUGH,
    HOLD_IN_TIME,
    HOLD_NOT_TOO_LONG,
)
CLOCKS: tuple[Clock, ...] = (
    CONTACT,
    MERCHANT_CONTACT,
    APPROVAL,
    ANSWER,
    RECEPTION,
    SETTLEMENT,
    HOLD,
)

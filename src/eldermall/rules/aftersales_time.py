"""Returns and exchanges in time.   S19 article 12 (1); S03 part 3 (3); S02 article 10.

The customer and the merchant are contacted promptly, the merchant answers, and what was granted is
carried through promptly. Decided where the texts are silent: a seller who lets the time for an
answer pass has approved what meets the conditions; of other silence operations hears and decides.
While the customer is waited for the clocks stand still, for as long in all as the policy says; no
wait begins when one of them has run out. The articles give no number, so all limits are set by the
host.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from eldermall.engine.actor import Role
from eldermall.engine.clock import Clock
from eldermall.engine.rule import AT, Fact, Rule, set_by
from eldermall.engine.settings import Setting
from eldermall.rooms.aftersales import UNSETTLED, Case, Cases
from eldermall.rules.notices import LADDER
from eldermall.texts import Text

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

HOLD_IN_TIME = Rule(
    id="aftersales.no-hold-when-overdue",
    label=Text("已超期的不得以等待客户为由暂停", "no wait begins when a clock has run out"),
    clauses=("S19-12-1d",),
    guards=Cases.hold.guard,
    needs=(OVERDUE,),
    check=lambda overdue: not overdue,
    reason=Text("已有时限超期：{0}", "clocks have run out: {0}"),
)

HOLD_NOT_TOO_LONG = Rule(
    id="aftersales.hold-not-too-long",
    label=Text("等待客户的总时长不得超过上限", "all waits together stay within the limit"),
    clauses=("S19-12-1d",),
    guards=Cases.hold.guard,
    needs=(WAITED, AT, UNTIL, set_by(LONGEST_HOLD, binds="submission")),
    check=lambda waited, at, until, longest: waited + until - at <= longest,
    reason=Text("等待客户的总时长将超过上限", "the waits would be longer in all than allowed"),
)

_UNSETTLED = frozenset(state.name for state in UNSETTLED)


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
    wait = case.waiting
    return {} if wait is None or case.state not in _UNSETTLED else {"": wait.since}


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

RULES: tuple[Rule, ...] = (HOLD_IN_TIME, HOLD_NOT_TOO_LONG)
CLOCKS: tuple[Clock, ...] = (
    CONTACT,
    MERCHANT_CONTACT,
    APPROVAL,
    ANSWER,
    RECEPTION,
    SETTLEMENT,
    HOLD,
)

"""Returns, refunds and exchanges.   S19 article 12 (1); S03 part 3 (3); S15 part 4 (3).

On a request the customer and the merchant are contacted promptly, the facts are found out, and the
return or exchange is carried through; for goods that meet the conditions the merchant must do so
unconditionally; the customer's choice of remedy stays open until the goods are sent back. Decided
where the texts are silent: a case opens without anybody's judgement (S04 part 4 (1)); contact
informs and is no ground for delay, so enough attempts stand for it; the conditions are settings of
the policy that bound the order, computed when the facts are recorded and not asked again; a fault
of the seller's meets them always, money for goods that stay with the customer only then; whoever
meets them is declined by nobody; what is lost on the way back is the seller's risk. A case closes
when money is booked or the replacement has arrived; if nothing follows, when the customer has been
told. No rule here asks about the standing of a party (S02 article 10). How soon all this happens
is in `eldermall.rules.aftersales_time`.
"""

from __future__ import annotations

from typing import Any

from eldermall.engine.clock import Clock
from eldermall.engine.rule import MISSING, Context, Fact, Rule, set_by
from eldermall.engine.settings import Setting
from eldermall.rooms.aftersales import Cases
from eldermall.rooms.orders.terms import FREIGHT, TERMS
from eldermall.texts import Text

ATTEMPTS = Setting(
    "aftersales.attempts",
    Text("联系不上客户时，须尝试几次方可继续", "attempts that stand for a contact"),
    "S19-12-1a",
    "count",
    suggestion=3,
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
DECIDING = (*Cases.States.approved.entered, *Cases.States.declined.entered)
GOING_ON = (*Cases.States.merchant_contacted.entered, *DECIDING)

CONTACT_FIRST = Rule(
    id="aftersales.contact-before-decision",
    label=Text(
        "联系客户之后方可处理，联系不上的须尝试足够次数",
        "nothing is decided before the customer was contacted, or often enough in vain",
    ),
    clauses=("S19-12-1a",),
    guards=(*Cases.give_up.guard, *GOING_ON),
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
    guards=Cases.States.declined.entered,
    needs=(ENTITLED,),
    check=lambda entitled: not entitled,
    reason=Text("该申请合乎条件，应当无条件办理", "it meets the conditions and must be granted"),
    settings=(*TERMS, FREIGHT),
)

CHOICE_OPEN = Rule(
    id="aftersales.choice-until-sent-back",
    label=Text("商品寄回之前可以改选处理方式", "the remedy may change until goods are sent back"),
    clauses=("S15-4-3",),
    guards=Cases.choose.guard,
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
    guards=Cases.States.closed.entered,
    needs=(NOTHING_FOLLOWS, TOLD_AT, DUE, BOOKED, REPLACED_AT),
    check=_carried_through,
    reason=Text(
        "退款尚未入账（应退 {2}，已退 {3}），换货尚未送达，也未告知客户不予办理",
        "no replacement has arrived, the refund isn't booked (due: {2}, booked: {3}), and the "
        "customer wasn't told that nothing follows",
    ),
)

RULES: tuple[Rule, ...] = (
    CONTACT_FIRST,
    FACTS_FIRST,
    MERCHANT_FIRST,
    NO_REFUSAL,
    CHOICE_OPEN,
    CARRIED_THROUGH,
)
CLOCKS: tuple[Clock, ...] = ()

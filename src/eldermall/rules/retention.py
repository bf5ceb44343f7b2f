"""Keeping trade data, and erasing what it says of persons.   S06 chapter 3 article 9.

Information on trades is kept and filed as the law demands, and what is kept must be true. So trade
facts stay for good, and what a record says of a person may go only when the keeping time has
ended. Decided where the text is silent: the time counts from the record's last move, and only once
it has ended and nothing about it is open (money that is owed, an urge, a parcel, a case); erasing
is a move of its own that leaves an entry; commitments stay, so that the journal goes on to verify.
The article gives no number; the suggestion is three years, which the
E-Commerce Law (not among the sources) is said to ask for.
"""

from __future__ import annotations

from eldermall.engine.clock import Clock
from eldermall.engine.machine import EVERY_ERASURE
from eldermall.engine.rule import RECORDED, RESTED, Fact, Rule, set_by
from eldermall.engine.settings import Setting
from eldermall.texts import Text

KEEP = Setting(
    "retention.trade-data",
    Text("交易信息中的个人内容须保存多久", "how long personal content of trade data is kept"),
    "S06-09a",
    "duration",
    suggestion="1096d",
)

KEPT_LONG_ENOUGH = Rule(
    id="retention.kept-long-enough",
    label=Text(
        "保存期满之前不得删除个人信息",
        "no personal data is erased before its keeping time has ended",
    ),
    clauses=("S06-09a",),
    guards=(EVERY_ERASURE,),
    needs=(RESTED, RECORDED, set_by(KEEP)),
    check=lambda rested, recorded, keep: recorded - rested >= keep,
    reason=Text("保存期未满", "the keeping time hasn't ended yet"),
    settings=(KEEP,),
)

UNSETTLED = Fact(
    "record.unsettled", "flag", "record",
    Text("尚有未了结的款项、催办、包裹或售后", "money, an urge, a parcel or a case is open"),
    lambda c: bool(getattr(c.record, "unsettled", False)),
)

KEPT_WHILE_OPEN = Rule(
    id="retention.kept-while-open",
    label=Text(
        "事务了结之前不得删除个人信息", "no personal data is erased while something is open"
    ),
    clauses=("S06-09a",),
    guards=(EVERY_ERASURE,),
    needs=(UNSETTLED,),
    check=lambda unsettled: not unsettled,
    reason=Text(
        "尚有未了结的款项、催办、包裹或售后",
        "money is owed, or an urge, a parcel or a case is open still",
    ),
)

RULES: tuple[Rule, ...] = (KEPT_LONG_ENOUGH, KEPT_WHILE_OPEN)
CLOCKS: tuple[Clock, ...] = ()

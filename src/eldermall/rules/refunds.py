"""Refunds in time.   S19 article 12 (1); S01 part 2 (2).

Money that is owed back is paid back in time. Decided where the text is silent: whatever the ground
(cancelled, declined, overpaid, given up, a case), each sum that falls due is a refund of its own,
and it ends only when it is booked: an answer of the payment service, or none, ends nothing. The
article gives no number, so the host sets it.
"""

from __future__ import annotations

from eldermall.engine.clock import Clock
from eldermall.engine.rule import Rule
from eldermall.engine.settings import Setting
from eldermall.rooms.refunding import Refund
from eldermall.rules.notices import LADDER
from eldermall.texts import Text

LIMIT = Setting(
    "refunds.limit",
    Text("应退款形成后多久内须入账", "how soon money that is owed back is booked"),
    "S01-2-2f",
    "duration",
    suggestion="72h",
    added="2026-12-01",
)


def _unbooked(refund: Refund) -> dict[str, int]:
    return {"": refund.created_at} if refund.state != "booked" else {}


BOOKED = Clock(
    id="refunds.booked-in-time",
    label=Text("应退的款项及时退还", "money that is owed back is paid back in time"),
    clauses=("S01-2-2f",),
    kind="refund",
    runs=_unbooked,
    met=lambda refund, part: True,
    limit=LIMIT,
    starts=Text("款项应退", "the money falls due"),
    stops=Text("全部入账", "all of it is booked"),
    told=("operations",),
    ladder=LADDER,
)

RULES: tuple[Rule, ...] = ()
CLOCKS: tuple[Clock, ...] = (BOOKED,)

"""Payment.   S19 article 11 (1), article 9 (4); S08 part 1 (4).

An order that isn't paid holds goods that others may want, so that stock isn't what it seems. Cash
on delivery is one of the ways in which a customer may pay. Decided where the texts are silent: an
order that isn't wholly paid in the policy's time is cancelled by itself, and gives back what it
held; what comes later is owed back; cash on delivery is collected, paid, or nothing of it is to be
paid any more, before the order is completed; the courier hands on what was collected in the
policy's time. The texts give no number, so all limits are set by the host.
"""

from __future__ import annotations

from eldermall.engine.clock import Clock
from eldermall.engine.rule import Fact, Rule
from eldermall.engine.settings import Setting
from eldermall.rooms.orders.order import Order
from eldermall.rooms.orders.states import BEFORE_SERVICE, Ended
from eldermall.rules.notices import LADDER
from eldermall.texts import Text

LIMIT = Setting(
    "payment.limit",
    Text("提交后多久内须付清，否则自动取消", "how soon an order is paid before it is cancelled"),
    "S19-09-4b",
    "duration",
    suggestion="24h",
    added="2026-12-01",
)
REMITTANCE_LIMIT = Setting(
    "payment.remittance-limit",
    Text("货到付款代收后多久内须汇付", "how soon what was collected at the door is handed on"),
    "S08-1-4a",
    "duration",
    suggestion="7d",
    added="2026-12-01",
)

STATE = Fact(
    "order.payment", "text", "record", Text("付款状态", "how far it is paid"),
    lambda c: c.record.payment,
)
TO_PAY = Fact(
    "order.to-pay", "number", "record", Text("应付金额", "what is to be paid"),
    lambda c: c.record.worth,
)

COLLECTED_FIRST = Rule(
    id="payment.collected-before-completion",
    label=Text("货到付款收款之后方可完成", "cash on delivery is collected before completion"),
    clauses=("S08-1-4a",),
    guards=Ended.completed.entered,
    needs=(STATE, TO_PAY),
    check=lambda payment, to_pay: payment != "cod_pending" or to_pay == 0,
    reason=Text(
        "货到付款尚未收款：应收 {1}", "cash on delivery hasn't been collected: {1} is to be paid"
    ),
)


def _unpaid(order: Order) -> dict[str, int]:
    waits = order.payment == "unpaid" and order.track in BEFORE_SERVICE
    return {"": order.created_at} if waits else {}


def _with_the_courier(order: Order) -> dict[str, int]:
    if order.collected_at is None or not order.owed_by_courier:
        return {}
    return {"": order.collected_at}


PAID_IN_TIME = Clock(
    id="payment.paid-in-time",
    label=Text("及时付清，逾期自动取消", "paid in time, else cancelled by lapse of time"),
    clauses=("S19-09-4b", "S19-11-1d"),
    kind="order",
    runs=_unpaid,
    met=lambda order, part: order.payment != "unpaid",
    done_at=lambda order, part, since: order.paid_at,
    limit=LIMIT,
    starts=Text("提交订单", "the order is submitted"),
    stops=Text("付清，或订单结束", "it is wholly paid, or ends"),
    told=("customer_service",),
    on_breach="lapse",
)

REMITTED = Clock(
    id="payment.remitted-in-time",
    label=Text("代收货款及时汇付", "what was collected at the door is handed on in time"),
    clauses=("S08-1-4a",),
    kind="order",
    runs=_with_the_courier,
    met=lambda order, part: True,
    limit=REMITTANCE_LIMIT,
    starts=Text("上门收款", "it is collected at the door"),
    stops=Text("货款入账", "it is booked"),
    told=("operations",),
    ladder=LADDER,
)

RULES: tuple[Rule, ...] = (COLLECTED_FIRST,)
CLOCKS: tuple[Clock, ...] = (PAID_IN_TIME, REMITTED)

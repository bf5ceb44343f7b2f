"""Completion by lapse of time.   S19 article 11 (3).

Every completed order is followed by a callback, and the customer's time for a return begins with
completion; neither may wait for ever because nobody says that an order is complete. Decided where
the text is silent: goods that have all arrived are complete when the customer has let the policy's
time pass in silence, as a service is; an open after-sale case, a parcel that arrived otherwise than
agreed, and cash on delivery that isn't collected are no silence. The article gives no number, so
the host sets it.
"""

from __future__ import annotations

from eldermall.engine.clock import Clock
from eldermall.engine.rule import Rule
from eldermall.engine.settings import Setting
from eldermall.rooms.orders.order import Order
from eldermall.texts import Text

LIMIT = Setting(
    "completion.limit",
    Text("全部送达后多久未作表示视为完成", "how long the customer may be silent after delivery"),
    "S19-11-3a",
    "duration",
    suggestion="7d",
    added="2026-12-01",
)


def _silent(order: Order) -> dict[str, int]:
    if order.goods != "delivered" or order.claimed or order.to_collect:
        return {}
    arrived = [p.delivered_at for p in order.live_parcels if p.delivered_at is not None]
    return {"": max(arrived)} if arrived else {}


COMPLETED = Clock(
    id="completion.in-time",
    label=Text("客户确认完成，逾期视为完成", "completed by the customer, or by lapse of time"),
    clauses=("S19-11-3a",),
    kind="order",
    runs=_silent,
    met=lambda order, part: order.goods == "completed",
    limit=LIMIT,
    starts=Text(
        "最后一个包裹送达；有未办结的售后、货到付款未收款时不计",
        "the last parcel arrives; while no case is open and cash on delivery is collected",
    ),
    stops=Text("订单完成，或申请售后", "the order is completed, or a case is opened"),
    told=("customer_service",),
    on_breach="complete_by_lapse",
)

RULES: tuple[Rule, ...] = ()
CLOCKS: tuple[Clock, ...] = (COMPLETED,)

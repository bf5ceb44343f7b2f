"""What has happened to an order, and what can't have been before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from eldermall.calendars import MINUTE
from eldermall.engine.moments import Happened
from eldermall.rooms.orders.order import Order, Parcel
from eldermall.texts import Text

AHEAD = 5 * MINUTE
"""How far another clock may be ahead of ours."""


def _of_parcels(
    read: Callable[[Parcel], int | None],
) -> Callable[[Order], Mapping[str, int | None]]:
    return lambda order: {parcel.id: read(parcel) for parcel in order.parcels}


def _of_service(field: str) -> Callable[[Order], Any]:
    return lambda order: getattr(order.served, field, None)


HANDED_OVER = Happened(Text("转交", "the hand-over"), "handed_over_at")
CONTACTED = Happened(
    Text("联系商家", "the contact with the merchant"), "merchant_contacted_at", (HANDED_OVER,)
)
ACCEPTED = Happened(Text("接单", "the acceptance"), "accepted_at", (CONTACTED,))
TOLD = Happened(
    Text("告知客户延期发货", "the customer was told of the delay"),
    lambda order: {e.line: e.customer_told_at for e in order.exceptions},
    of="line", where="exceptions.{part}.customer_told_at",
)
EXCEPTED = Happened(
    Text("批准发货例外", "the shipping exception"),
    lambda order: {e.line: e.granted_at for e in order.exceptions},
    (TOLD,), of="line", where="exceptions.{part}.granted_at",
)
PAID = Happened(Text("付款", "the payment"), "paid_at")

DEPARTED = Happened(
    Text("包裹 {part} 发出", "the departure of parcel {part}"),
    _of_parcels(lambda parcel: parcel.shipped_at),
    (ACCEPTED,), of="parcel", where="parcels.{part}.shipped_at",
)
ARRIVED = Happened(
    Text("包裹 {part} 送达", "the arrival of parcel {part}"),
    _of_parcels(lambda parcel: parcel.delivered_at),
    (DEPARTED,), of="parcel", where="parcels.{part}.delivered_at",
)

ENDED = Happened(
    Text("包裹 {part} 终止", "the end of parcel {part}"),
    _of_parcels(lambda parcel: None if parcel.ended is None else parcel.ended.at),
    (DEPARTED,), of="parcel", where="parcels.{part}.ended.at",
)
CHOSEN = Happened(
    Text("包裹 {part} 的后续处理", "the choice of what follows from the end of parcel {part}"),
    _of_parcels(lambda parcel: parcel.chosen_at),
    (ENDED,), of="parcel", where="parcels.{part}.chosen_at",
)
COLLECTED = Happened(Text("上门收款", "the collection at the door"), "collected_at", (DEPARTED,))
LAPSED = Happened(Text("逾期未付款而取消", "the lapse of the time to pay"), "lapsed_at")

AGREED = Happened(
    Text("约定预约", "the appointment was agreed"),
    lambda order: getattr(order.appointment, "agreed_at", None),
    (ACCEPTED,), where="appointment.agreed_at",
)
STARTED = Happened(
    Text("服务开始", "the service began"), _of_service("started_at"), (AGREED,),
    where="served.started_at",
)
DONE = Happened(
    Text("服务完毕", "the service was done"), _of_service("done_at"), (STARTED,),
    where="served.done_at",
)

COMPLETED = Happened(
    Text("完成", "the completion"), "completed_at", (ARRIVED, CHOSEN, DONE, COLLECTED)
)

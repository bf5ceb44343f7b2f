"""What the moves of an order keep true of it, asked of an order that is taken over.

Each check says where an order contradicts itself, and what would be right. What nobody knows (a
moment, who was handed what) contradicts nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from eldermall.engine.faults import TOO_EARLY, Found, twice
from eldermall.rooms.orders.debts import told_of
from eldermall.rooms.orders.order import Line, Order, Parcel
from eldermall.rooms.orders.states import BEFORE_ACCEPTANCE, WAITING
from eldermall.texts import Text

_ARRIVED = ("delivered", "completed", "archived")
_SERVED = ("done", "completed", "archived")
_BEFORE = {
    "handed_over_at": ("submitted",),
    "merchant_contacted_at": ("submitted", "handed_over"),
    "accepted_at": BEFORE_ACCEPTANCE,
    "completed_at": (
        *WAITING, "shipped", "delivered", "appointed", "in_service", "done", "declined",
        "cancelled",
    ),
}
"""The states in which a moment can't have come yet."""


def faults(record: Order) -> Iterator[Found]:
    """Yield where an order says what no moves could have made of it."""
    order = record
    yield from _lines(order)
    yield from _parcels(order)
    yield from _course(order)
    if order.kind == "service":
        yield from _service(order)
    yield from _money(order)
    yield from _debts(order)


# Lines


def _lines(order: Order) -> Iterator[Found]:
    if not order.lines:
        yield "lines", Text("至少需要一行", "an order has one line or more")
    for n in twice(line.id for line in order.lines):
        yield f"lines.{n}.id", Text("订单行编号重复", "two lines have the same id")
    for n, line in enumerate(order.lines):
        for field in ("shipped", "cancelled", "claimed", "returned", "refunded", "given_up"):
            if getattr(line, field) < 0:
                yield f"lines.{n}.{field}", Text("不得小于 0", "must be 0 or more")
        yield from _quantities(order, n, line)


def _quantities(order: Order, n: int, line: Line) -> Iterator[Found]:
    gone = line.ordered - line.outstanding
    if gone > line.ordered:
        shared = ("shipped", "cancelled", "refunded", "given_up")
        field = next(f for f in shared if getattr(line, f))
        yield f"lines.{n}.{field}", Text(
            f"已发出、取消、退款与放弃合计 {gone} 件，多于所订 {line.ordered} 件",
            f"shipped, cancelled, refunded and given up are {gone}, more than the "
            f"{line.ordered} ordered",
        )
    if order.kind == "goods":
        sent = sum(parcel.lines.get(line.id, 0) for parcel in order.live_parcels)
        if sent != line.shipped:
            yield f"lines.{n}.shipped", Text(
                f"应与包裹中的数量 {sent} 一致", f"must be the {sent} that the parcels hold"
            )
    claimed, there = line.claimed + line.returned, order.delivered_of(line.id)
    if claimed > there:
        field = "claimed" if line.claimed else "returned"
        yield f"lines.{n}.{field}", Text(
            f"售后中与已退回合计 {claimed} 件，多于已送达的 {there} 件",
            f"claimed and returned are {claimed}, more than the {there} that were delivered",
        )


# Parcels


def _parcels(order: Order) -> Iterator[Found]:
    ended = order.goods in ("declined", "cancelled")
    if (order.parcels and (order.kind == "service" or order.goods in BEFORE_ACCEPTANCE)) or (
        order.live_parcels and ended
    ):
        yield "parcels", Text(
            "此状态下没有包裹发出", "no parcel has left an order that stands so"
        )
    for n in twice(parcel.id for parcel in order.parcels):
        yield f"parcels.{n}.id", Text("包裹编号重复", "two parcels have the same id")
    known = {line.id for line in order.lines}
    for n, parcel in enumerate(order.parcels):
        if not parcel.lines:
            yield f"parcels.{n}.lines", Text("包裹是空的", "the parcel holds nothing")
        for id in parcel.lines.keys() - known:
            yield f"parcels.{n}.lines.{id}", Text(f"没有订单行 {id}", f"there is no line {id}")
        yield from _fate(order, n, parcel)


def _fate(order: Order, n: int, parcel: Parcel) -> Iterator[Found]:
    if parcel.chosen_at is not None:
        if parcel.ended is None:
            yield f"parcels.{n}.ended", Text("须写明如何终止", "must say how it ended")
        return
    told = parcel.with_events((), order.delivery, kept=order.arrivals_stand)
    if told.delivered_at != parcel.delivered_at:
        yield f"parcels.{n}.delivered_at", Text(
            "应与动态一致：最后一次终止之后最早的送达",
            "must be that of its events: the first arrival after the last end",
        )
    if told.ended != parcel.ended:
        yield f"parcels.{n}.ended", Text(
            "应与动态一致：其后没有送达的最后一次终止",
            "must be that of its events: the last end that no arrival follows",
        )


# How far it is


def _course(order: Order) -> Iterator[Found]:
    for field, states in _BEFORE.items():
        if getattr(order, field) is not None and order.track in states:
            yield field, TOO_EARLY
    if order.decline_reason is not None and order.track != "declined":
        yield "decline_reason", Text("只有拒单才有原因", "only a declined order has one")
    if order.ship_by is not None and order.ship_by <= order.created_at:
        yield "ship_by", Text(
            "约定的发货时间须晚于下单时间", "the agreed time must follow the order"
        )
    left = [n for n, line in enumerate(order.lines) if line.outstanding > 0]
    if left and order.track in ("shipped", *_ARRIVED, "done", "declined"):
        yield f"lines.{left[0]}.shipped", Text(
            "该状态下各行须已全部发出、取消或退款",
            "in that state every line has left, or was cancelled or refunded",
        )
    if order.goods in _ARRIVED:
        if not order.live_parcels:
            yield "parcels", Text("须写明送达的包裹", "must say which parcels have arrived")
        for n, parcel in enumerate(order.parcels):
            if parcel.delivered_at is None and parcel.chosen_at is None:
                yield f"parcels.{n}.delivered_at", Text(
                    "该状态下包裹须已送达", "in that state every parcel has arrived"
                )
    yield from _exceptions(order)


def _exceptions(order: Order) -> Iterator[Found]:
    if order.exceptions and order.kind == "service":
        yield "exceptions", Text("服务没有发货例外", "a service has no shipping exceptions")
    for n in twice(e.line for e in order.exceptions):
        yield f"exceptions.{n}.line", Text("同一行重复", "two are for the same line")
    for n, exception in enumerate(order.exceptions):
        if order.line(exception.line) is None:
            yield f"exceptions.{n}.line", Text(
                f"没有订单行 {exception.line}", f"there is no line {exception.line}"
            )
        if exception.until <= exception.granted_at:
            yield f"exceptions.{n}.until", Text(
                "新的期限须晚于批准时间", "the new limit must lie after the approval"
            )


def _service(order: Order) -> Iterator[Found]:
    served = order.served
    if order.service in ("appointed", "in_service") and order.appointment is None:
        yield "appointment", Text("须写明预约", "must say when and where")
    if order.appointment is not None:
        if order.service in WAITING:
            yield "appointment", Text("尚未到预约这一步", "it hasn't been appointed yet")
        if order.appointment.when <= order.appointment.agreed_at:
            yield "appointment.when", Text(
                "预约时间须晚于约定之时", "an appointment lies after it is agreed"
            )
    begun = order.service in ("in_service", *_SERVED)
    if begun and served is None:
        yield "served", Text("须写明服务情况", "must say by whom and since when it was done")
    if served is not None and not begun:
        yield "served", Text("服务尚未开始", "the service hasn't begun")
    if served is not None and begun and (served.done_at is None) != (order.service == "in_service"):
        yield "served.done_at", Text(
            "服务完毕后须写明时间，此前须留空", "there is one once it is done, and only then"
        )
    for n, line in enumerate(order.lines):
        if line.shipped and order.service not in _SERVED:
            yield f"lines.{n}.shipped", Text("服务尚未完毕", "the service isn't done yet")


# Money


def _money(order: Order) -> Iterator[Found]:
    due = order.freight + sum(line.amount for line in order.lines)
    if order.total != due:
        yield "total", Text(
            f"须等于各行金额与运费之和 {due}", f"must be the lines' amounts and freight: {due}"
        )
    for field in (
        "received", "returned_money", "goodwill", "withheld", "collected", "freight_back"
    ):
        if getattr(order, field) < 0:
            yield field, Text("不得小于 0", "must be 0 or more")
    if order.returned_money > max(0, order.handed_in):
        yield "returned_money", Text(
            "不得多于 received", "must not be more than received, or collected"
        )
    if order.goodwill > max(0, order.returned_money):
        yield "goodwill", Text(
            "是已退款的一部分，不得多于 returned_money",
            "is a part of what was paid back: no more than returned_money",
        )
    if order.withheld > 0 and not any(line.returned for line in order.lines):
        yield "withheld", Text("没有退回的商品", "nothing has been taken back")
    for n, line in enumerate(order.lines):
        if line.refunded > 0 and order.returned_money <= 0:
            yield f"lines.{n}.refunded", Text("没有退过款", "nothing has been paid back")
    yield from _payment(order)


def _payment(order: Order) -> Iterator[Found]:
    if (order.payment == "collected") != (order.collected > order.received):
        yield "collected", Text(
            "已上门收款而尚未汇付的为 collected，须写明收到多少",
            "it is collected while the courier keeps what was collected, and says how much that is",
        )
    if order.payment == "part_refunded" and order.returned_money <= 0:
        yield "returned_money", Text("须写明已退多少", "must say how much was paid back")
    if order.payment in ("unpaid", "cod_pending", "collected"):
        if order.paid_at is not None:
            yield "paid_at", Text("尚未付款，应留空", "it isn't paid: leave it out")
        if (order.payment != "unpaid") != order.cash_on_delivery:
            yield "cash_on_delivery", Text(
                "与 payment 不符：货到付款为 cod_pending，否则为 unpaid",
                "doesn't fit payment: cash on delivery is cod_pending, else it is unpaid",
            )
        return
    unowed = -sum(-line.amount * max(0, line.unowed) // line.ordered for line in order.lines)
    least = max(order.total - order.freight_back - unowed, min(1, order.total))
    if order.received < least:
        yield "received", Text(
            f"已付款的订单须写明收到多少：不少于 {least}",
            f"a paid order must say what was received: {least} or more",
        )


def _debts(order: Order) -> Iterator[Found]:
    for n in twice(debt.id or "" for debt in order.debts):
        yield f"debts.{n}.id", Text("编号重复", "two have the same id")
    for n, debt in enumerate(order.debts):
        if debt.amount == 0:
            yield f"debts.{n}.amount", Text("须大于 0", "must be above 0")
    asked = told_of(order.debts)
    if asked > order.owed_back:
        yield "debts", Text(
            f"合计 {asked}，多于尚应退的 {order.owed_back}",
            f"come to {asked}, more than the {order.owed_back} that is owed back",
        )

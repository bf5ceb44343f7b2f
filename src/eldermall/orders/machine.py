"""The tables of an order: its goods or service track, and its payment track."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eldermall.engine.actor import Actor
from eldermall.engine.blank import erasing
from eldermall.engine.kind import Command, Kind, Reaction
from eldermall.engine.machine import NEW, Machine, State, Transition
from eldermall.orders import moves, returns
from eldermall.orders.booking import BOOKING, Book
from eldermall.orders.order import Order, is_party, moments
from eldermall.texts import Text

WAITING = ("submitted", "handed_over", "merchant_contacted", "accepted")
"""The goods states before everything has left."""

BEFORE_SERVICE = (*WAITING, "appointed")
"""The service states before it has begun."""


def _goods(order: Any) -> bool:
    return not _service(order)


def _service(order: Any) -> bool:
    # arguments that would make no order don't say of which kind it would be
    return bool(getattr(order, "kind", "goods") == "service")


def _hand_over() -> tuple[Transition, ...]:
    """Return the moves with which either track begins."""
    return (
        Transition(
            "place", (NEW,), "submitted", ("customer", "customer_service", "system"),
            Text("提交订单", "place"), "Placed", moves.place,
        ),
        Transition(
            "hand_over", ("submitted",), "handed_over", ("customer_service", "operations"),
            Text("转交", "hand over"), "HandedOver", moves.hand_over,
        ),
        Transition(
            "contact_merchant", ("handed_over",), "merchant_contacted",
            ("field_agent", "operations"),
            Text("联系商家", "contact merchant"), "MerchantContacted", moves.contact_merchant,
        ),
        Transition(
            "accept", ("handed_over", "merchant_contacted"), "accepted",
            ("merchant", "field_agent", "operations"),
            Text("接单", "accept"), "Accepted", moves.accept,
        ),
    )


def _ending(before: tuple[str, ...], declined_from: tuple[str, ...]) -> tuple[Transition, ...]:
    """Return the moves with which either track ends."""
    return (
        Transition(
            "decline", declined_from, "declined", ("merchant", "operations"),
            Text("拒单", "decline"), "Declined", moves.decline,
        ),
        Transition(
            "cancel", before, None, ("customer", "customer_service", "operations"),
            Text("取消", "cancel"), "LinesCancelled", moves.cancel,
        ),
        Transition(
            "archive", ("completed",), "archived", ("customer_service", "operations"),
            Text("归档", "archive"), "Archived",
        ),
        erasing("archived", "declined", "cancelled"),
        Transition(
            "void", before, "cancelled", (), Text("全部取消", "all cancelled"), "Cancelled",
            when=moves.none_left,
        ),
    )


GOODS = Machine(
    "goods",
    "goods",
    Text("订单（商品）", "order, goods track"),
    (
        State("submitted", Text("已提交", "submitted")),
        State("handed_over", Text("已转交", "handed over")),
        State("merchant_contacted", Text("已联系商家", "merchant contacted")),
        State("accepted", Text("已接单", "accepted")),
        State("shipped", Text("已发货", "shipped")),
        State("delivered", Text("已送达", "delivered")),
        State("completed", Text("已完成", "completed")),
        State("archived", Text("已归档", "archived"), end=True),
        State("declined", Text("商家拒单", "declined"), end=True),
        State("cancelled", Text("已取消", "cancelled"), end=True),
    ),
    (
        *_hand_over(),
        Transition(
            "ship", ("accepted",), None, ("merchant", "field_agent", "operations"),
            Text("发出包裹", "ship a parcel"), "ParcelShipped", moves.ship,
        ),
        Transition(
            "deliver", ("accepted", "shipped"), None,
            ("customer", "field_agent", "operations", "system"),
            Text("包裹送达", "deliver a parcel"), "ParcelDelivered", moves.deliver,
        ),
        Transition(
            "track", ("accepted", "shipped", "delivered", "completed"), None,
            ("field_agent", "operations", "system"),
            Text("更新物流", "track a parcel"), "ParcelTracked", moves.track,
        ),
        Transition(
            "correct_tracking", ("accepted", "shipped", "delivered"), None, ("operations",),
            Text("更正物流", "correct tracking"), "TrackingCorrected", moves.correct_tracking,
        ),
        Transition(
            "grant_exception", WAITING, None, ("operations", "department_head"),
            Text("批准发货例外", "grant a shipping exception"), "ShippingExcepted",
            moves.grant_exception,
        ),
        Transition(
            "complete", ("delivered",), "completed",
            ("customer", "customer_service", "operations"),
            Text("完成", "complete"), "Completed", moves.complete,
        ),
        *_ending(WAITING, ("handed_over", "merchant_contacted", "accepted")),
        Transition(
            "leave", ("accepted",), "shipped", (), Text("全部发出", "all shipped"), "Shipped",
            when=moves.all_gone,
        ),
        Transition(
            "arrive", ("shipped",), "delivered", (), Text("全部送达", "all delivered"),
            "Delivered", when=moves.all_arrived,
        ),
        Transition(
            "unarrive", ("delivered",), "shipped", (),
            Text("送达更正为在途", "not all delivered after all"), "DeliveryCorrected",
            when=moves.not_all_arrived,
        ),
    ),
    applies=_goods,
)

SERVICE = Machine(
    "service",
    "service",
    Text("订单（服务）", "order, service track"),
    (
        State("submitted", Text("已提交", "submitted")),
        State("handed_over", Text("已转交", "handed over")),
        State("merchant_contacted", Text("已联系商家", "merchant contacted")),
        State("accepted", Text("已接单", "accepted")),
        State("appointed", Text("已预约", "appointed")),
        State("in_service", Text("服务中", "in service")),
        State("done", Text("服务完毕", "done")),
        State("completed", Text("已完成", "completed")),
        State("archived", Text("已归档", "archived"), end=True),
        State("declined", Text("商家拒单", "declined"), end=True),
        State("cancelled", Text("已取消", "cancelled"), end=True),
    ),
    (
        *_hand_over(),
        Transition(
            "appoint", ("accepted", "appointed"), "appointed",
            ("merchant", "customer_service", "field_agent", "operations"),
            Text("预约", "appoint"), "ServiceAppointed", moves.appoint,
        ),
        Transition(
            "start", ("appointed",), "in_service", ("merchant", "field_agent", "operations"),
            Text("开始服务", "start the service"), "ServiceStarted", moves.start,
        ),
        Transition(
            "finish", ("in_service",), "done", ("merchant", "field_agent", "operations"),
            Text("服务完毕", "finish the service"), "ServiceDone", moves.finish,
        ),
        Transition(
            "confirm", ("done",), "completed", ("customer", "customer_service", "operations"),
            Text("确认服务", "confirm the service"), "Completed", moves.confirm,
        ),
        Transition(
            "confirm_by_lapse", ("done",), "completed", ("system",),
            Text("逾期视为确认", "confirmed by lapse of time"), "Completed", moves.complete,
        ),
        *_ending(
            BEFORE_SERVICE, ("handed_over", "merchant_contacted", "accepted", "appointed")
        ),
    ),
    applies=_service,
)

PAYMENT = Machine(
    "payment",
    "payment",
    Text("订单（付款）", "order, payment track"),
    (
        State("unpaid", Text("未付款", "unpaid"), end=True),
        State("cod_pending", Text("货到付款待收", "cash on delivery pending"), end=True),
        State("paid", Text("已付款", "paid"), end=True),
        State("part_refunded", Text("部分退款", "partly refunded"), end=True),
        State("refunded", Text("已退款", "refunded"), end=True),
    ),
    (
        Transition(
            "pay", ("unpaid", "cod_pending"), "paid", ("operations", "system"),
            Text("入账付款", "book payment"), "Paid", moves.pay,
        ),
        Transition(
            "refund", ("paid", "part_refunded"), None, ("operations", "system"),
            Text("入账退款", "book refund"), "Refunded", moves.refund,
        ),
        Transition(
            "refund_part", ("paid",), "part_refunded", (), Text("转为部分退款", "partly refunded"),
            "PartRefunded", when=moves.money_back(part=True),
        ),
        Transition(
            "refund_all", ("paid", "part_refunded"), "refunded", (),
            Text("转为已退款", "wholly refunded"), "WhollyRefunded",
            when=moves.money_back(part=False),
        ),
        *returns.TRANSITIONS,
    ),
    born=("unpaid", "cod_pending"),
)


def _requests(
    before: Order | None, after: Order
) -> Sequence[tuple[str, Mapping[str, Any]]]:
    owed = after.owed_back - (0 if before is None else before.owed_back)
    if owed <= 0:
        return ()
    asked: dict[str, Any] = {"amount": owed, "currency": after.currency}
    new = [d.case for d in after.dues if before is not None and not before.due_for(d.case)]
    return [("refund", asked | {"case": new[0]} if new else asked)]


ORDER = Kind(
    "order",
    Text("订单", "order"),
    Order,
    (GOODS, SERVICE, PAYMENT),
    link="order",
    party=is_party,
    indexed=("group_id", "merchant", "customer"),
    requests=_requests,
    moments=moments,
)


def _book(before: Order, order: Order, args: Any, cause: Actor) -> Iterable[Command]:
    yield Command(
        "booking", "book", args.reference, cause,
        Book(order=order.id, amount=args.amount, currency=args.currency),
    )


REACTIONS = (
    Reaction("order", "Paid", "booking", "book", _book),
    Reaction("order", "Refunded", "booking", "book", _book),
    *returns.REACTIONS,
)

__all__ = ["BOOKING", "GOODS", "ORDER", "PAYMENT", "REACTIONS", "SERVICE"]

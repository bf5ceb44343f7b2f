"""The tables of an order: its goods track and its payment track."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eldermall.engine.blank import blank
from eldermall.engine.kind import Command, Kind, Reaction
from eldermall.engine.machine import NEW, Machine, State, Transition
from eldermall.orders import moves
from eldermall.orders.booking import BOOKING, Book
from eldermall.orders.order import Order, is_party
from eldermall.texts import Text

WAITING = ("submitted", "handed_over", "merchant_contacted", "accepted")
"""The goods states before everything has left."""

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
        Transition(
            "decline", ("handed_over", "merchant_contacted", "accepted"), "declined",
            ("merchant", "operations"),
            Text("拒单", "decline"), "Declined", moves.decline,
        ),
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
            "grant_exception", WAITING, None, ("operations", "department_head"),
            Text("批准发货例外", "grant a shipping exception"), "ShippingExcepted",
            moves.grant_exception,
        ),
        Transition(
            "cancel", WAITING, None, ("customer", "customer_service", "operations"),
            Text("取消", "cancel"), "LinesCancelled", moves.cancel,
        ),
        Transition(
            "complete", ("delivered",), "completed",
            ("customer", "customer_service", "operations"),
            Text("完成", "complete"), "Completed", moves.complete,
        ),
        Transition(
            "archive", ("completed",), "archived", ("customer_service", "operations"),
            Text("归档", "archive"), "Archived",
        ),
        Transition(
            "erase", ("archived", "declined", "cancelled"), None, ("operations", "system"),
            Text("删除个人信息", "erase personal data"), "PersonalErased", blank, erases=True,
        ),
        Transition(
            "leave", ("accepted",), "shipped", (), Text("全部发出", "all shipped"), "Shipped",
            when=moves.all_gone,
        ),
        Transition(
            "arrive", ("shipped",), "delivered", (), Text("全部送达", "all delivered"),
            "Delivered", when=moves.all_arrived,
        ),
        Transition(
            "void", WAITING, "cancelled", (), Text("全部取消", "all cancelled"), "Cancelled",
            when=moves.none_left,
        ),
    ),
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
    ),
    born=("unpaid", "cod_pending"),
)


def _requests(
    before: Order | None, after: Order
) -> Sequence[tuple[str, Mapping[str, Any]]]:
    owed = after.owed_back - (0 if before is None else before.owed_back)
    if owed <= 0:
        return ()
    return [("refund", {"amount": owed, "currency": after.currency})]


ORDER = Kind(
    "order",
    Text("订单", "order"),
    Order,
    (GOODS, PAYMENT),
    link="order",
    party=is_party,
    indexed=("group_id", "merchant", "customer"),
    requests=_requests,
)


def _book(order: Order, args: Any, cause: Any) -> Command:
    return Command(
        "booking", "book", args.reference, cause,
        Book(order=order.id, amount=args.amount, currency=args.currency),
    )


REACTIONS = (
    Reaction("order", "Paid", "booking", "book", _book),
    Reaction("order", "Refunded", "booking", "book", _book),
)

__all__ = ["BOOKING", "GOODS", "ORDER", "PAYMENT", "REACTIONS"]

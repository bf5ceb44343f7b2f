"""The states of an order: those of its goods or its service, and those of its payment."""

from __future__ import annotations

from typing import Any

from eldermall.engine.track import Track, state
from eldermall.texts import Text


class Begun(Track):
    """With which either track begins."""

    submitted = state(Text("已提交", "submitted"))
    handed_over = state(Text("已转交", "handed over"))
    merchant_contacted = state(Text("已联系商家", "merchant contacted"))
    accepted = state(Text("已接单", "accepted"))


class Ended(Track):
    """With which either track ends."""

    completed = state(Text("已完成", "completed"))
    archived = state(Text("已归档", "archived"), end=True)
    declined = state(Text("商家拒单", "declined"), end=True)
    cancelled = state(Text("已取消", "cancelled"), end=True)


def _is_goods(order: Any) -> bool:
    return not _is_service(order)


def _is_service(order: Any) -> bool:
    # arguments that would make no order don't say of which kind it would be
    return bool(getattr(order, "kind", "goods") == "service")


class Goods(
    Track, name="goods", label=Text("订单（商品）", "order, goods track"), applies=_is_goods
):
    """How far goods are."""

    submitted, handed_over, merchant_contacted, accepted = Begun.shared()
    shipped = state(Text("已发货", "shipped"))
    delivered = state(Text("已送达", "delivered"))
    completed, archived, declined, cancelled = Ended.shared()


class Service(
    Track, name="service", label=Text("订单（服务）", "order, service track"), applies=_is_service
):
    """How far a service is."""

    submitted, handed_over, merchant_contacted, accepted = Begun.shared()
    appointed = state(Text("已预约", "appointed"))
    in_service = state(Text("服务中", "in service"))
    done = state(Text("服务完毕", "done"))
    completed, archived, declined, cancelled = Ended.shared()


class Payment(Track, name="payment", label=Text("订单（付款）", "order, payment track")):
    """What was paid, and paid back."""

    unpaid = state(Text("未付款", "unpaid"), end=True, born=True)
    cod_pending = state(Text("货到付款待收", "cash on delivery pending"), end=True, born=True)
    collected = state(Text("已上门收款", "collected at the door"), end=True)
    paid = state(Text("已付款", "paid"), end=True)
    part_refunded = state(Text("部分退款", "partly refunded"), end=True, born=True)
    refunded = state(Text("已退款", "refunded"), end=True)


WAITING = tuple(each.name for each in Begun.all())
"""The names of the states before everything has left."""

BEFORE_ACCEPTANCE = WAITING[:-1]
"""The names of the states before the seller has taken it."""

BEFORE_SERVICE = (*WAITING, Service.appointed.name)
"""The names of the states before a service has begun."""

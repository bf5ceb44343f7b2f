"""The room of orders: its tracks, and the moves of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eldermall.engine.actor import Actor
from eldermall.engine.declared import Adopting, M
from eldermall.engine.track import automatic
from eldermall.rooms.orders.claims import FOLLOWING, Claiming
from eldermall.rooms.orders.goods import Shipping
from eldermall.rooms.orders.lines import all_arrived, all_gone, nothing_arrives, to_leave_again
from eldermall.rooms.orders.moments import EXCEPTED, LAPSED
from eldermall.rooms.orders.order import Order
from eldermall.rooms.orders.parcels import Parcels
from eldermall.rooms.orders.payment import Paying
from eldermall.rooms.orders.placing import Ending, Placing
from eldermall.rooms.orders.service import Serving
from eldermall.rooms.orders.standing import faults
from eldermall.rooms.orders.states import Goods, Payment, Service
from eldermall.rooms.orders.tracking import Tracking
from eldermall.rooms.orders.urged import Urged
from eldermall.texts import Text

_ACCEPTED = (
    "accepted", "shipped", "delivered", "appointed", "in_service", "done", "completed", "archived",
)
_CONTACTED = ("merchant_contacted", *_ACCEPTED)


class Orders(
    Placing, Shipping, Tracking, Parcels, Serving, Ending, Paying, Claiming, Urged,
    Adopting[M, Order],
):
    """The moves of an order."""

    kind = "order"
    label = Text("订单", "order")
    model = Order
    link = "order"
    indexed = ("group_id", "merchant", "customer")
    happened = (EXCEPTED, LAPSED)
    reactions = (*FOLLOWING, *Urged.following)

    goods = Goods
    service = Service
    payment = Payment

    leave = automatic(
        Goods.accepted, to=Goods.shipped, says=Text("全部发出", "all shipped"), event="Shipped",
        when=all_gone,
    )
    arrive = automatic(
        Goods.shipped, to=Goods.delivered, says=Text("全部送达", "all delivered"),
        event="Delivered", when=lambda order: all_gone(order) and all_arrived(order),
    )
    unarrive = automatic(
        Goods.delivered, to=Goods.shipped,
        says=Text("送达更正为在途", "not all delivered after all"), event="DeliveryCorrected",
        when=lambda order: not all_arrived(order),
    )

    recall = automatic(
        Goods.shipped, to=Goods.accepted, says=Text("待重新发货", "to be shipped again"),
        event="ShippingReopened", when=to_leave_again,
    )
    fail = automatic(
        Goods.accepted, Goods.shipped, to=Goods.cancelled,
        says=Text("全部未能送达", "nothing arrives"), event="NothingArrives", when=nothing_arrives,
    )

    faults = staticmethod(faults)

    @staticmethod
    def party(subject: Any, actor: Actor) -> bool:
        """Say whether a customer, a relative named by them, or a merchant acts on theirs."""
        if actor.role == "merchant":
            return bool(subject.merchant == actor.merchant)
        return actor.id == subject.customer or actor.id in subject.relatives

    @staticmethod
    def moments(order: Order) -> Sequence[str]:
        """Return the moments that an order in its state would have."""
        passed = {
            "handed_over_at": ("handed_over", *_CONTACTED),
            "merchant_contacted_at": () if order.self_operated else _CONTACTED,
            "accepted_at": _ACCEPTED,
            "completed_at": ("completed", "archived"),
        }
        expected = [name for name, states in passed.items() if order.track in states]
        if order.payment == "collected":
            expected.append("collected_at")
        elif order.payment not in ("unpaid", "cod_pending"):
            expected.append("paid_at")
        return expected

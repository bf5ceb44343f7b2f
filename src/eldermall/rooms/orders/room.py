"""The room of orders: its tracks, and the moves of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eldermall.engine.actor import Actor
from eldermall.engine.declared import Adopting, M
from eldermall.engine.track import automatic
from eldermall.rooms.orders.claims import FOLLOWING, Claiming
from eldermall.rooms.orders.goods import Shipping
from eldermall.rooms.orders.lines import all_arrived, all_gone
from eldermall.rooms.orders.moments import EXCEPTED
from eldermall.rooms.orders.order import Order
from eldermall.rooms.orders.payment import Paying, refund_requests
from eldermall.rooms.orders.placing import Ending, Placing
from eldermall.rooms.orders.service import Serving
from eldermall.rooms.orders.standing import faults
from eldermall.rooms.orders.states import Goods, Payment, Service
from eldermall.texts import Text

_ACCEPTED = (
    "accepted", "shipped", "delivered", "appointed", "in_service", "done", "completed", "archived",
)
_CONTACTED = ("merchant_contacted", *_ACCEPTED)


class Orders(Placing, Shipping, Serving, Ending, Paying, Claiming, Adopting[M, Order]):
    """The moves of an order."""

    kind = "order"
    label = Text("订单", "order")
    model = Order
    link = "order"
    indexed = ("group_id", "merchant", "customer")
    happened = (EXCEPTED,)
    reactions = FOLLOWING

    goods = Goods
    service = Service
    payment = Payment

    leave = automatic(
        Goods.accepted, to=Goods.shipped, says=Text("全部发出", "all shipped"), event="Shipped",
        when=all_gone,
    )
    arrive = automatic(
        Goods.shipped, to=Goods.delivered, says=Text("全部送达", "all delivered"),
        event="Delivered", when=all_arrived,
    )
    unarrive = automatic(
        Goods.delivered, to=Goods.shipped,
        says=Text("送达更正为在途", "not all delivered after all"), event="DeliveryCorrected",
        when=lambda order: not all_arrived(order),
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
        if order.payment not in ("unpaid", "cod_pending"):
            expected.append("paid_at")
        return expected

    @staticmethod
    def requests(before: Order | None, after: Order) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Return what the outside must pay back after a move."""
        return refund_requests(before, after)

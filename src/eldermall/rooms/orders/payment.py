"""The moves of an order's money: what came in, what was collected at the door, what went back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from eldermall.engine.declaration import Changes, Move, move
from eldermall.engine.inputs import Amount, Currency, Id, Quantity
from eldermall.engine.machine import Unfit
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.engine.track import also, automatic
from eldermall.rooms.orders.debts import all_told, paid_off, untold
from eldermall.rooms.orders.lines import outstanding, taken
from eldermall.rooms.orders.moments import COLLECTED, PAID
from eldermall.rooms.orders.order import Order
from eldermall.rooms.orders.states import Payment
from eldermall.texts import Text

Money = Annotated[int, Field(ge=1, le=10**12)]
"""An amount of money in minor units, of which there is some."""


def _same_currency(order: Order, currency: str) -> None:
    if currency != order.currency:
        raise Unfit(
            Text(
                f"币种应为 {order.currency}，不是 {currency}",
                f"the currency is {order.currency}, not {currency}",
            )
        )


def _what_is_due(order: Order, amount: int) -> None:
    """Refuse a first payment that isn't what is to be paid; an ended order owes it back anyway."""
    left = order.owed_by_courier or order.worth - order.received
    if not order.ended and amount not in (order.total, order.worth, left, order.collected or left):
        raise Unfit(
            Text(
                f"付款 {amount} 与应付金额 {left} 不符；分次付款请用 paid_in_part",
                f"payment {amount} is not the {left} to be paid; what comes in parts is booked "
                "with paid_in_part",
            )
        )


def _reached(order: Order) -> bool:
    """Say whether parts have reached what is due."""
    return 0 < max(order.worth, order.collected) <= order.received


def _part_back(order: Order) -> bool:
    return 0 < order.settled_back < order.handed_in - order.overpaid


def _all_back(order: Order) -> bool:
    return 0 < order.handed_in - order.overpaid == order.settled_back


_OWING = (
    Payment.unpaid, Payment.cod_pending, Payment.collected, Payment.paid, Payment.part_refunded,
)
"""The states in which money may be owed back: a payment of what was refunded is one of a part."""


class Paying:
    """Money that has come in, and money that has gone back."""

    @move(
        Payment.unpaid, Payment.cod_pending, Payment.collected, to=Payment.paid,
        by=("operations", "system"), says=Text("入账付款", "book payment"), event="Paid",
        named="pay",
        more=[
            also(
                Payment.paid, Payment.part_refunded, Payment.refunded, to=None,
                says=Text("入账另一笔付款", "book another payment"), event="PaymentReceived",
            )
        ],
    )
    @staticmethod
    def paid(
        m: Move[Order], id: str, amount: Amount, reference: Id, *, currency: Currency = "CNY",
        **by: Unpack[By],
    ) -> Changes:
        """Say that the host has booked the order's payment.

        A further payment of an order that is paid, or has ended, is owed back.

        Args:
            id: the order.
            amount: what was received, in minor units: the order's total, or what is left of it
                after lines were cancelled or parts were paid; of cash on delivery, what was
                collected.
            reference: the payment's; it counts once in a mall.
            by: operations, or the system with the payment's notice.
            currency: the order's.
        """
        order = m.record
        _same_currency(order, currency)
        if order.payment in ("paid", "part_refunded", "refunded"):
            return {"received": order.received + amount}
        _what_is_due(order, amount)
        return {"paid_at": m.at, "received": order.received + amount}

    @move(
        *Payment.all(), to=None, by=("operations", "system"),
        says=Text("入账部分付款", "book a part payment"), event="PaymentReceived", aside=True,
    )
    @staticmethod
    def paid_in_part(
        m: Move[Order], id: str, amount: Money, reference: Id, *, currency: Currency = "CNY",
        **by: Unpack[By],
    ) -> Changes:
        """Say that the host has booked a part of the order's payment: a deposit, a gift card.

        The order is paid with the part that reaches what is due; what is too much is owed back.

        Args:
            id: the order.
            amount: what was received, in minor units.
            reference: the payment's; it counts once in a mall.
            by: operations, or the system with the payment's notice.
            currency: the order's.
        """
        _same_currency(m.record, currency)
        return {"received": m.record.received + amount}

    reach = automatic(
        Payment.unpaid, Payment.cod_pending, Payment.collected, to=Payment.paid,
        says=Text("付足", "wholly paid"), event="Paid", when=_reached,
        follows=lambda order, at: {"paid_at": at},
    )

    @move(
        Payment.cod_pending, to=Payment.collected,
        by=("customer_service", "field_agent", "operations", "system"),
        says=Text("上门收款", "collect at the door"), event="CashCollected",
        fits=lambda order: bool(order.parcels) or order.served is not None,
        after=COLLECTED.after,
    )
    @staticmethod
    def collect(
        m: Move[Order], id: str, amount: Money, *, currency: Currency = "CNY", **by: Unpack[By]
    ) -> Changes:
        """Note that cash on delivery was collected at the door; the courier owes it to the shop.

        Once it is handed on, it is booked with `paid`.

        Args:
            id: the order.
            amount: what was collected, in minor units: what is to be paid.
            by: the system with the courier's notice, or staff who were told.
            currency: the order's.
        """
        order = m.record
        _same_currency(order, currency)
        if not order.parcels and order.served is None:
            raise Unfit(Text("尚未上门，无从收款", "nobody has been at the door yet"))
        left = order.worth - order.received
        if amount != left:
            raise Unfit(
                Text(
                    f"收款 {amount} 与应收金额 {left} 不符",
                    f"{amount} is not the {left} to be collected",
                )
            )
        return {"collected": order.received + amount, "collected_at": m.at}

    @move(
        *_OWING, to=None, by=("operations", "system"),
        says=Text("入账退款", "book refund"), event="Refunded", named="refund", after=(PAID,),
    )
    @staticmethod
    def refunded(
        m: Move[Order], id: str, amount: Amount, reference: Id, *, currency: Currency = "CNY",
        lines: Annotated[Mapping[Id, Quantity] | None, Field(max_length=500)] = None,
        case: Id | None = None, refund: Id | None = None, **by: Unpack[By],
    ) -> Changes:
        """Say that the host has paid money back.

        It pays off what is due: under the refund that is named, for the case that is named, then
        the oldest. What is paid beyond that is goodwill.

        Args:
            id: the order.
            amount: in minor units; all refunds never exceed what was paid.
            reference: the payment's that went back; it counts once in a mall.
            by: operations, or the system with the payment's notice.
            currency: the order's.
            lines: quantities that were refunded instead of shipped; all that hasn't left when
                everything that the order cost has been paid back.
            case: the after-sale case for which it was due.
            refund: the refund that it pays.
        """
        order = m.record
        _same_currency(order, currency)
        left = order.handed_in - order.returned_money
        if not 0 < amount <= left:
            raise Unfit(
                Text(
                    f"退款 {amount} 须大于零且不超过尚可退的 {left}",
                    f"refund {amount} must be above zero and at most the {left} left to refund",
                )
            )
        wanted: dict[str, int] = dict(lines or {})
        if amount == left:
            wanted |= outstanding(order)
        gone = taken(order, wanted, "refunded")
        owed = order.model_copy(update={"lines": gone}).owed_back
        fields: dict[str, Any] = {
            "returned_money": order.returned_money + amount,
            "goodwill": order.goodwill + max(0, amount - owed),
            "lines": gone,
        }
        left_owed = order.model_copy(update=fields).owed_back
        return {**fields, "debts": paid_off(order, left_owed, refund, case)}

    refund_part = automatic(
        Payment.paid, to=Payment.part_refunded, says=Text("转为部分退款", "partly refunded"),
        event="PartRefunded", when=_part_back,
    )
    refund_all = automatic(
        Payment.paid, Payment.part_refunded, to=Payment.refunded,
        says=Text("转为已退款", "wholly refunded"), event="WhollyRefunded", when=_all_back,
    )
    refund_no_more = automatic(
        Payment.refunded, to=Payment.part_refunded, says=Text("转为部分退款", "partly refunded"),
        event="PartRefunded", when=lambda order: not _all_back(order),
    )
    owe = automatic(
        *_OWING, to=None, says=Text("形成应退款", "money falls due"), event="MoneyOwed",
        when=untold, follows=all_told,
    )

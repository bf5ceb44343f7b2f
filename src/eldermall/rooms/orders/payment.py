"""The moves of an order's money: what the host has booked in, and paid back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from eldermall.engine.declaration import Changes, Move, move
from eldermall.engine.inputs import Amount, Currency, Id, Quantity
from eldermall.engine.machine import Unfit
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.engine.track import automatic
from eldermall.rooms.orders.claims import booked
from eldermall.rooms.orders.lines import outstanding, taken
from eldermall.rooms.orders.moments import PAID
from eldermall.rooms.orders.order import Order
from eldermall.rooms.orders.states import Payment
from eldermall.texts import Text


def refund_requests(
    before: Order | None, after: Order
) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """Return what the outside must pay back after a move: what the order owes more than before."""
    owed = after.owed_back - (0 if before is None else before.owed_back)
    if owed <= 0:
        return ()
    asked: dict[str, Any] = {"amount": owed, "currency": after.currency}
    new = [d.case for d in after.dues if before is not None and not before.due_for(d.case)]
    return [("refund", asked | {"case": new[0]} if new else asked)]


def _same_currency(order: Order, currency: str) -> None:
    if currency != order.currency:
        raise Unfit(
            Text(
                f"币种应为 {order.currency}，不是 {currency}",
                f"the currency is {order.currency}, not {currency}",
            )
        )


class Paying:
    """Money that has come in, and money that has gone back."""

    @move(
        Payment.unpaid, Payment.cod_pending, to=Payment.paid, by=("operations", "system"),
        says=Text("入账付款", "book payment"), event="Paid", named="pay",
    )
    @staticmethod
    def paid(
        m: Move[Order], id: str, amount: Amount, reference: Id, *, currency: Currency = "CNY",
        **by: Unpack[By],
    ) -> Changes:
        """Say that the host has booked the order's payment.

        Args:
            id: the order.
            amount: what was received, in minor units: the order's total, or what is left of it
                after lines were cancelled.
            reference: the payment's; it counts once in a mall.
            by: operations, or the system with the payment's notice.
            currency: the order's.
        """
        order = m.record
        _same_currency(order, currency)
        if amount not in (order.total, order.worth):
            raise Unfit(
                Text(
                    f"付款 {amount} 与应付金额 {order.worth} 不符",
                    f"payment {amount} is not the {order.worth} to be paid",
                )
            )
        return {"paid_at": m.at, "received": order.received + amount}

    @move(
        Payment.paid, Payment.part_refunded, to=None, by=("operations", "system"),
        says=Text("入账退款", "book refund"), event="Refunded", named="refund", after=(PAID,),
    )
    @staticmethod
    def refunded(
        m: Move[Order], id: str, amount: Amount, reference: Id, *, currency: Currency = "CNY",
        lines: Annotated[Mapping[Id, Quantity] | None, Field(max_length=500)] = None,
        case: Id | None = None, **by: Unpack[By],
    ) -> Changes:
        """Say that the host has paid money back.

        Args:
            id: the order.
            amount: in minor units; all refunds never exceed what was received.
            reference: the refund's; it counts once in a mall.
            by: operations, or the system with the payment's notice.
            currency: the order's.
            lines: quantities that were refunded instead of shipped; all that hasn't left when
                everything received has been paid back.
            case: the after-sale case for which it was due; without it, it counts for the oldest
                as soon as nothing else is owed.
        """
        order = m.record
        _same_currency(order, currency)
        left = order.received - order.returned_money
        if not 0 < amount <= left:
            raise Unfit(
                Text(
                    f"退款 {amount} 须大于零且不超过尚可退的 {left}",
                    f"refund {amount} must be above zero and at most the {left} left to refund",
                )
            )
        wanted = dict(lines or {}) | (outstanding(order) if amount == left else {})
        gone = taken(order, wanted, "refunded")
        owed = order.model_copy(update={"lines": gone}).owed_back
        fields = {
            "returned_money": order.returned_money + amount,
            "goodwill": order.goodwill + max(0, amount - owed),
            "lines": gone,
        }
        left_owed = order.model_copy(update=fields).owed_back
        return {**fields, "dues": booked(order, case, amount, left_owed)}

    refund_part = automatic(
        Payment.paid, to=Payment.part_refunded, says=Text("转为部分退款", "partly refunded"),
        event="PartRefunded", when=lambda order: 0 < order.returned_money < order.received,
    )
    refund_all = automatic(
        Payment.paid, Payment.part_refunded, to=Payment.refunded,
        says=Text("转为已退款", "wholly refunded"), event="WhollyRefunded",
        when=lambda order: 0 < order.received == order.returned_money,
    )

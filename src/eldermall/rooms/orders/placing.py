"""With which moves every order begins, whatever it is of, and with which it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from eldermall.calendars import microseconds
from eldermall.currencies import UNKNOWN, known
from eldermall.engine.actor import Role
from eldermall.engine.declaration import Changes, Move, internal, move
from eldermall.engine.declared import erasure
from eldermall.engine.inputs import Amount, Currency, Frozen, Id, Label, Personal, Quantity
from eldermall.engine.machine import NEW, Unfit
from eldermall.engine.parameters import By, When
from eldermall.engine.room import Unpack
from eldermall.engine.track import automatic
from eldermall.rooms.orders.lines import Lines, none_left, outstanding, taken
from eldermall.rooms.orders.moments import ACCEPTED, AGREED, COMPLETED, CONTACTED
from eldermall.rooms.orders.order import Line, Order
from eldermall.rooms.orders.states import Begun, Ended, Service
from eldermall.texts import Text

SELLER: tuple[Role, ...] = ("merchant", "field_agent", "operations")
BUYER: tuple[Role, ...] = ("customer", "customer_service", "operations")


_BEFORE = (*Begun.all(), Service.appointed)
"""The states before everything has left, or the service has begun."""


class OrderedLine(Frozen):
    """A line as it is ordered: ``amount`` is the whole line's price in minor units.

    ``version`` and ``unit_price`` are those of the listing that the customer was shown.
    """

    id: Id
    listing: Id
    quantity: Quantity
    amount: Amount
    courier: bool = True
    version: Annotated[int, Field(ge=1)] | None = None
    unit_price: Amount | None = None


def _adds_up(args: Any) -> None:
    if known(args.currency) is None:
        raise ValueError("currency", UNKNOWN)
    ids = [line.id for line in args.lines]
    if len(set(ids)) != len(ids):
        raise ValueError("lines", Text("订单行编号重复", "two lines have the same id"))
    due = args.freight + sum(line.amount for line in args.lines)
    if args.total != due:
        raise ValueError(
            "total",
            Text(
                f"须等于各行金额与运费之和 {due}",
                f"must be the lines' amounts and freight: {due}",
            ),
        )


class Placing:
    """From the order to whoever takes it."""

    @move(
        NEW, to=Begun.submitted, by=("customer", "customer_service", "system"),
        says=Text("提交订单", "place"), event="Placed", check=_adds_up,
    )
    @staticmethod
    def place(
        m: Move[Order],
        id: str,
        *,
        customer: Id,
        lines: Annotated[
            Sequence[OrderedLine | Mapping[str, Any]], Field(min_length=1, max_length=500)
        ],
        total: Amount,
        merchant: Id | None = None,
        currency: Currency = "CNY",
        freight: Amount = 0,
        channel: Id = "app",
        cash_on_delivery: bool = False,
        kind: Literal["goods", "service"] = "goods",
        group_id: Id | None = None,
        ship_by: When | None = None,
        relatives: Annotated[Sequence[Id], Field(max_length=10)] = (),
        delivery: Id | None = None,
        **by: Unpack[By],
    ) -> Changes:
        """Take an order down.

        Args:
            id: the host's id.
            customer: the customer's id.
            lines: what is ordered: ``id``, ``listing``, ``quantity``, ``amount`` (the whole
                line's price), ``courier`` False for what doesn't leave by courier, and the
                ``version`` and ``unit_price`` of the listing that were shown.
            total: all lines and freight, in minor units.
            by: who places it.
            merchant: the seller; None for the company's own goods.
            currency: ISO 4217.
            freight: in minor units.
            channel: through which channel it came.
            cash_on_delivery: paid at the door; such an order may ship unpaid.
            kind: goods or service; what is ordered of both is two orders of one group.
            group_id: shared by the orders of one checkout.
            ship_by: an agreed time; the earlier of it and the policy's limit counts.
            relatives: those whom the customer names to act for them on this order.
            delivery: the agreed way of delivery, by the policy's name of it; None if none is.
        """
        agreed = None if ship_by is None else microseconds(ship_by)
        if agreed is not None and agreed <= m.at:
            raise Unfit(
                Text("约定的发货时间须晚于下单时间", "the agreed time must follow the order")
            )
        return {
            "payment": "cod_pending" if cash_on_delivery else "unpaid",
            "kind": kind, "merchant": merchant, "customer": customer, "group_id": group_id,
            "channel": channel, "currency": currency, "freight": freight, "total": total,
            "cash_on_delivery": cash_on_delivery, "ship_by": agreed, "relatives": relatives,
            "delivery": delivery,
            "lines": tuple(
                Line(
                    id=n.id, listing=n.listing, ordered=n.quantity, amount=n.amount,
                    courier=n.courier, version=n.version,
                )
                for n in m.args.lines
            ),
        }

    @move(
        Begun.submitted, to=Begun.handed_over, by=("customer_service", "operations"),
        says=Text("转交", "hand over"), event="HandedOver",
    )
    @staticmethod
    def hand_over(m: Move[Order], id: str, *, to: Id, **by: Unpack[By]) -> Changes:
        """Hand an order to the merchant's field agent, or own goods to whoever fulfils them.

        Args:
            id: the order.
            to: the person's id.
            by: customer service or operations.
        """
        return {"handed_to": to, "handed_over_at": m.at}

    @move(
        Begun.handed_over, to=Begun.merchant_contacted, by=("field_agent", "operations"),
        says=Text("联系商家", "contact merchant"), event="MerchantContacted",
        after=CONTACTED.after,
        fits=lambda order: not order.self_operated,
    )
    @staticmethod
    def contact_merchant(
        m: Move[Order], id: str, *, way: Annotated[Label, Personal("order")], **by: Unpack[By]
    ) -> Changes:
        """Note that the merchant was contacted.

        Args:
            id: the order.
            way: by phone, message, visit ...
            by: the field agent, or operations.
        """
        return {"merchant_contacted_at": m.at, "contact_way": way}

    @move(
        Begun.handed_over, Begun.merchant_contacted, to=Begun.accepted, by=SELLER,
        says=Text("接单", "accept"), event="Accepted", after=ACCEPTED.after,
    )
    @staticmethod
    def accept(m: Move[Order], id: str, **by: Unpack[By]) -> Changes:
        """Note that the seller takes the order.

        Args:
            id: the order.
            by: the merchant, or whoever notes it for them.
        """
        return {"accepted_at": m.at}


class Ending:
    """From an order that goes no further to one that is put away."""

    @move(
        Begun.handed_over, Begun.merchant_contacted, Begun.accepted, Service.appointed,
        to=Ended.declined, by=("merchant", "operations"),
        says=Text("拒单", "decline"), event="Declined", aside=True, after=(ACCEPTED, AGREED),
    )
    @staticmethod
    def decline(
        m: Move[Order], id: str, *, reason: Annotated[Label, Personal("order")], **by: Unpack[By]
    ) -> Changes:
        """Note that the merchant can't deliver; what was paid falls due for refund.

        Args:
            id: the order.
            reason: why.
            by: the merchant, or operations.
        """
        if m.record.live_parcels:
            raise Unfit(Text("已有包裹发出，不能拒单", "a parcel has left; it can't be declined"))
        lines = taken(m.record, outstanding(m.record), "cancelled")
        return {"decline_reason": reason, "lines": lines}

    @move(
        *_BEFORE, to=None, by=BUYER,
        says=Text("取消", "cancel"), event="LinesCancelled", aside=True,
    )
    @staticmethod
    def cancel(
        m: Move[Order], id: str, *, reason: Annotated[Label, Personal("order")],
        lines: Lines | None = None, **by: Unpack[By],
    ) -> Changes:
        """Cancel what hasn't left.

        Args:
            id: the order.
            reason: why.
            by: the customer, customer service, or operations.
            lines: the quantity by line; everything that hasn't left if left out.
        """
        wanted = outstanding(m.record) if lines is None else lines
        return {"lines": taken(m.record, wanted, "cancelled")}

    @internal(
        *_BEFORE, to=None, says=Text("逾期未付款", "not paid in time"), event="PaymentLapsed"
    )
    @staticmethod
    def lapse(m: Move[Order], id: str, **by: Unpack[By]) -> Changes:
        """Cancel an order that wasn't paid in time; what comes later is owed back."""
        return {"lapsed_at": m.at, "lines": taken(m.record, outstanding(m.record), "cancelled")}

    @move(
        Ended.completed, to=Ended.archived, by=("customer_service", "operations"),
        says=Text("归档", "archive"), event="Archived", after=(COMPLETED,),
    )
    @staticmethod
    def archive(m: Move[Order], id: str, **by: Unpack[By]) -> Changes:
        """Archive a completed order once its callback has an outcome.

        Args:
            id: the order.
            by: customer service or operations.
        """
        return {}

    erase = erasure.leaving(Ended.archived, Ended.declined, Ended.cancelled)

    void = automatic(
        *_BEFORE, to=Ended.cancelled, says=Text("全部取消", "all cancelled"),
        event="Cancelled", when=none_left,
    )

"""The moves of an order of goods: shipped, excepted from the limit, completed."""

from __future__ import annotations

from typing import Annotated

from eldermall.calendars import microseconds
from eldermall.engine.declaration import Changes, Move, internal, move
from eldermall.engine.inputs import Id, Label, Personal
from eldermall.engine.machine import Unfit
from eldermall.engine.moments import shown
from eldermall.engine.parameters import By, When
from eldermall.engine.room import Unpack
from eldermall.rooms.orders.lines import Lines, taken, to_leave_again
from eldermall.rooms.orders.moments import ACCEPTED, AHEAD, COMPLETED
from eldermall.rooms.orders.order import Order, Parcel, ShippingException
from eldermall.rooms.orders.placing import BUYER, SELLER
from eldermall.rooms.orders.states import Goods
from eldermall.texts import Text


class Shipping:
    """From the first parcel to the completed order."""

    @move(
        Goods.accepted, to=None, by=SELLER, says=Text("发出包裹", "ship a parcel"),
        event="ParcelShipped", fits=to_leave_again,
        after=(ACCEPTED,),
    )
    @staticmethod
    def ship(
        m: Move[Order], id: str, *, parcel: Id, courier: Id,
        tracking: Annotated[Label, Personal("order")], lines: Lines, **by: Unpack[By],
    ) -> Changes:
        """Send a parcel. The order is shipped once every line has left, or was cancelled.

        Args:
            id: the order.
            parcel: the parcel's id.
            courier: the courier's id.
            tracking: the courier's number.
            lines: the quantity by line.
            by: the merchant, a field agent, or operations.
        """
        if m.record.parcel(parcel) is not None:
            raise Unfit(Text(f"包裹 {parcel} 已发出", f"parcel {parcel} has left already"))
        sent = Parcel(
            id=parcel, courier=courier, tracking=tracking, lines=dict(lines), shipped_at=m.at
        )
        return {
            "lines": taken(m.record, lines, "shipped"), "parcels": (*m.record.parcels, sent)
        }

    @move(
        Goods.submitted, Goods.handed_over, Goods.merchant_contacted, Goods.accepted, to=None,
        by=("operations", "department_head"), event="ShippingExcepted", aside=True,
        says=Text("批准发货例外", "grant a shipping exception"),
    )
    @staticmethod
    def grant_exception(
        m: Move[Order], id: str, *, line: Id, reason: Annotated[Label, Personal("order")],
        until: When, customer_told_at: When,
        **by: Unpack[By],
    ) -> Changes:
        """Record an exception from the shipping limit for a line, before the limit has passed.

        Args:
            id: the order.
            line: the line.
            reason: why.
            until: the new last moment.
            customer_told_at: when the customer was told.
            by: operations or a department head: the approver.
        """
        waits = m.record.line(line)
        if waits is None or waits.outstanding == 0 or not waits.courier:
            raise Unfit(
                Text(
                    f"订单行 {line} 没有待快递的商品",
                    f"line {line} has nothing that waits to leave by courier",
                )
            )
        if microseconds(until) <= m.at:
            raise Unfit(Text("新的期限须晚于批准时间", "the new limit must lie after the approval"))
        told, placed = microseconds(customer_told_at), m.record.created_at
        if told > m.at:
            raise Unfit(
                Text("须先告知客户，再记录例外", "the customer is told before the exception stands")
            )
        if told < placed - AHEAD:
            when, then = shown(told, m.settings.zone), shown(placed, m.settings.zone)
            raise Unfit(
                Text(
                    f"告知客户的时间（{when}）早于订单产生（{then}）",
                    f"the customer would have been told ({when}) before the order was made "
                    f"({then})",
                )
            )
        granted = ShippingException(
            line=line, reason=reason, approved_by=m.actor.id, until=microseconds(until),
            customer_told_at=told, granted_at=m.at,
        )
        return {"exceptions": (*(e for e in m.record.exceptions if e.line != line), granted)}

    @move(
        Goods.delivered, to=Goods.completed, by=BUYER,
        says=Text("完成", "complete"), event="Completed", after=COMPLETED.after,
    )
    @staticmethod
    def complete(m: Move[Order], id: str, **by: Unpack[By]) -> Changes:
        """Complete a delivered order; a callback is opened with it.

        Args:
            id: the order.
            by: the customer, customer service, or operations.
        """
        return {"completed_at": m.at}

    @internal(
        Goods.delivered, to=Goods.completed,
        says=Text("逾期视为完成", "completed by lapse of time"), event="Completed",
    )
    @staticmethod
    def complete_by_lapse(m: Move[Order], id: str, **by: Unpack[By]) -> Changes:
        """Take a delivered order for completed that nobody has objected to in time."""
        return {"completed_at": m.at}

"""The moves of an order of goods: shipped, tracked, delivered, completed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from eldermall.calendars import MINUTE, microseconds
from eldermall.contracts.courier import TrackingEvent, TrackingStatus
from eldermall.engine.declaration import Changes, Move, move
from eldermall.engine.inputs import Arguments, Frozen, Id, Label, Moment, Personal, Said
from eldermall.engine.machine import Unfit
from eldermall.engine.moments import shown
from eldermall.engine.parameters import By, When
from eldermall.engine.room import Unpack
from eldermall.errors import Invalid
from eldermall.rooms.orders.lines import Lines, taken
from eldermall.rooms.orders.moments import ACCEPTED, COMPLETED, DEPARTED
from eldermall.rooms.orders.order import (
    Order,
    Parcel,
    ParcelEvent,
    ShippingException,
    Sign,
    arrival,
)
from eldermall.rooms.orders.placing import BUYER, SELLER
from eldermall.rooms.orders.states import Goods
from eldermall.texts import Text

_AHEAD = 5 * MINUTE
"""How far another clock may be ahead of ours."""


class EventSeen(Frozen):
    """What a courier says has happened, without its words."""

    status: TrackingStatus
    at: Moment
    code: Sign
    reference: Sign


class EventWords(Frozen):
    """A courier's words on an event, and where it happened; they may name persons."""

    text: Said
    location: Said


class Tracked(Arguments):
    """What a courier says of a parcel: the events, and in the same order the words on each."""

    parcel: Id
    events: Annotated[tuple[EventSeen, ...], Field(min_length=1, max_length=500)]
    words: Annotated[tuple[EventWords, ...], Personal("order")]


def _tracked(said: dict[str, Any]) -> dict[str, Any]:
    """Keep a courier's words apart from what it says has happened."""
    where, events = "order.track.events", said["events"]
    if not isinstance(events, Sequence) or not all(isinstance(e, TrackingEvent) for e in events):
        raise Invalid(
            where, events, Text("须为 TrackingEvent 的列表", "must be a list of TrackingEvents")
        )
    return {
        "parcel": said["parcel"],
        "events": tuple(
            {
                "status": e.status, "at": microseconds(e.at, where), "code": e.code,
                "reference": e.reference,
            }
            for e in events
        ),
        "words": tuple({"text": e.text, "location": e.location} for e in events),
    }


def _parcel(order: Order, id: str) -> Parcel:
    found = next((p for p in order.parcels if p.id == id), None)
    if found is None:
        raise Unfit(Text(f"没有包裹 {id}", f"there is no parcel {id}"))
    return found


def _with(order: Order, parcel: Parcel) -> Changes:
    return {"parcels": tuple(parcel if p.id == parcel.id else p for p in order.parcels)}


class Shipping:
    """From the first parcel to the completed order."""

    @move(
        Goods.accepted, to=None, by=SELLER, says=Text("发出包裹", "ship a parcel"),
        event="ParcelShipped", fits=lambda order: any(line.outstanding for line in order.lines),
        after=(ACCEPTED,),
    )
    @staticmethod
    def ship(
        m: Move[Order], id: str, *, parcel: Id, courier: Id,
        tracking: Annotated[Label, Personal("order")], lines: Lines,
        **by: Unpack[By],
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
        if any(p.id == parcel for p in m.record.parcels):
            raise Unfit(Text(f"包裹 {parcel} 已发出", f"parcel {parcel} has left already"))
        sent = Parcel(
            id=parcel, courier=courier, tracking=tracking, lines=dict(lines), shipped_at=m.at
        )
        return {
            "lines": taken(m.record, lines, "shipped"), "parcels": (*m.record.parcels, sent)
        }

    @move(
        Goods.accepted, Goods.shipped, to=None,
        by=("customer", "field_agent", "operations", "system"),
        says=Text("包裹送达", "deliver a parcel"), event="ParcelDelivered",
        fits=lambda order: any(p.delivered_at is None for p in order.parcels), after=(DEPARTED,),
    )
    @staticmethod
    def deliver(m: Move[Order], id: str, *, parcel: Id, **by: Unpack[By]) -> Changes:
        """Note that a parcel has arrived.

        Args:
            id: the order.
            parcel: the parcel's id.
            by: the customer, staff, or the system with the courier's notice.
        """
        sent = _parcel(m.record, parcel)
        if sent.delivered_at is not None:
            raise Unfit(Text(f"包裹 {parcel} 已送达", f"parcel {parcel} has arrived already"))
        return _with(m.record, sent.with_events([arrival(m.at)]))

    @move(
        Goods.accepted, Goods.shipped, Goods.delivered, Goods.completed, to=None,
        by=("field_agent", "operations", "system"),
        says=Text("更新物流", "track a parcel"), event="ParcelTracked", aside=True,
        args=Tracked, stored=_tracked,
    )
    @staticmethod
    def track(
        m: Move[Order], id: str, *, parcel: Id, events: Sequence[TrackingEvent], **by: Unpack[By]
    ) -> Changes:
        """Take in what a courier says of a parcel.

        Each event counts once and in its own time, however often and in whatever order it comes;
        a parcel that has arrived doesn't go back unless the event is corrected.

        Args:
            id: the order.
            parcel: the parcel's id.
            events: what the courier says, as of `contracts.courier`.
            by: the system with the courier's notice, a field agent, or operations.
        """
        told: Tracked = m.args
        sent = _parcel(m.record, parcel)
        if any(event.at > m.now + _AHEAD for event in told.events):
            raise Unfit(
                Text("包裹动态的时间晚于当前时间", "an event would have happened in the future")
            )
        return _with(
            m.record,
            sent.with_events(
                ParcelEvent(**event.model_dump(), text=words.text, location=words.location)
                for event, words in zip(told.events, told.words, strict=True)
            ),
        )

    @move(
        Goods.accepted, Goods.shipped, Goods.delivered, to=None, by=("operations",),
        says=Text("更正物流", "correct tracking"), event="TrackingCorrected", aside=True,
        after=(DEPARTED,),
    )
    @staticmethod
    def correct_tracking(
        m: Move[Order], id: str, *, parcel: Id, status: TrackingStatus, when: When,
        reason: Annotated[Label, Personal("order")],
        **by: Unpack[By],
    ) -> Changes:
        """Strike an event that was reported wrongly; an order that hadn't arrived goes back.

        Args:
            id: the order, not completed yet.
            parcel: the parcel's id.
            status: of the event.
            when: the event's moment.
            reason: what was wrong.
            by: operations.
        """
        order = m.record
        sent = _parcel(order, parcel).with_events(())
        what = status, microseconds(when)
        wrong = [e for e in sent.events if (e.status, e.at) == what and e.struck is None]
        if not wrong:
            raise Unfit(
                Text(
                    f"包裹 {parcel} 没有该时间的 {status} 动态",
                    f"parcel {parcel} has no event {status} of that moment",
                )
            )
        struck = [e.model_copy(update={"struck": reason}) for e in wrong]
        kept = [e for e in sent.events if e not in wrong]
        bare = sent.model_copy(update={"events": (), "delivered_at": None})
        corrected = _with(order, bare.with_events([*kept, *struck]))
        after = order.model_copy(update=corrected)
        if any(n.claimed + n.returned > after.delivered_of(n.id) for n in order.lines):
            raise Unfit(
                Text(
                    "包裹中的商品已有售后，不能更正为未送达",
                    "goods of it are in an after-sale case, so they have arrived",
                )
            )
        return corrected

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
        if told < placed - _AHEAD:
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

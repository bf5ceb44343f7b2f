"""The moves of a parcel on its way: what is heard of it, what of that was wrong, its arrival."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field

from eldermall.calendars import microseconds, moment
from eldermall.contracts.courier import TrackingEvent, TrackingStatus
from eldermall.engine.declaration import Changes, Move, move
from eldermall.engine.inputs import Arguments, Frozen, Id, Label, Moment, Personal, Said
from eldermall.engine.machine import Unfit
from eldermall.engine.parameters import By, When
from eldermall.engine.room import Unpack
from eldermall.errors import Invalid
from eldermall.rooms.orders.moments import AHEAD, DEPARTED
from eldermall.rooms.orders.order import FormerLabel, Order, Parcel, ParcelEvent, Sign, arrival
from eldermall.rooms.orders.states import Goods
from eldermall.texts import Text


class EventSeen(Frozen):
    """What a courier says has happened, without its words."""

    status: TrackingStatus
    at: Moment
    code: Sign
    reference: Sign
    way: Sign = ""


class EventWords(Frozen):
    """A courier's words on an event, and where it happened; they may name persons."""

    text: Said
    location: Said


class Tracked(Arguments):
    """What a courier says of a parcel: the events, and in the same order the words on each."""

    parcel: Id
    number: Annotated[Label | None, Personal("order")] = None
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
        "number": said["number"],
        "events": tuple(
            {
                "status": e.status, "at": microseconds(e.at, where), "code": e.code,
                "reference": e.reference, "way": e.way,
            }
            for e in events
        ),
        "words": tuple({"text": e.text, "location": e.location} for e in events),
    }


def parcel_of(order: Order, id: str) -> Parcel:
    """Return the parcel ``id`` of an order.

    Raises:
        Unfit: there is none.
    """
    found = order.parcel(id)
    if found is None:
        raise Unfit(Text(f"没有包裹 {id}", f"there is no parcel {id}"))
    return found


def with_parcel(order: Order, parcel: Parcel) -> Changes:
    """Return the fields of an order in which ``parcel`` is as it is here."""
    return {"parcels": tuple(parcel if p.id == parcel.id else p for p in order.parcels)}


def still_open(parcel: Parcel) -> None:
    """Refuse what would undo the end of a parcel from which something has followed."""
    if parcel.chosen_at is not None and parcel.ended is not None:
        ended, chosen = (moment(at).isoformat() for at in (parcel.ended.at, parcel.chosen_at))
        raise Unfit(
            Text(
                f"包裹 {parcel.id} 已于 {ended} 终止（{parcel.ended.how}），"
                f"并已于 {chosen} 另行处理",
                f"parcel {parcel.id} ended at {ended} ({parcel.ended.how}), and what follows was "
                f"settled at {chosen}",
            )
        )


def _without(
    order: Order, parcel: Parcel, wrong: Collection[ParcelEvent], reason: str, **changed: Any
) -> Changes:
    """Return the fields of an order in which events of a parcel are struck."""
    events = [
        e.model_copy(update={"struck": reason}) if e in wrong else e for e in parcel.events
    ]
    bare = parcel.model_copy(
        update={"events": (), "delivered_at": None, "ended": None, **changed}
    )
    corrected = with_parcel(order, bare.with_events(events, order.delivery))
    after = order.model_copy(update=corrected)
    if any(n.claimed + n.returned > after.delivered_of(n.id) for n in order.lines):
        raise Unfit(
            Text(
                "包裹中的商品已有售后，不能更正为未送达",
                "goods of it are in an after-sale case, so they have arrived",
            )
        )
    return corrected


def _left_out(m: Move[Order], parcel: Parcel, said: Tracked) -> Iterator[tuple[int, str]]:
    """Yield which events can't be of this parcel, or of the past, and why."""
    number = said.number or parcel.tracking
    for n, event in enumerate(said.events):
        if event.at > m.now + AHEAD:
            yield n, "future"
        elif parcel.number_at(event.at) != number:
            yield n, "other-number"


class Tracking:
    """From what a courier says of a parcel to its arrival."""

    @move(
        Goods.accepted, Goods.shipped, to=None,
        by=("customer", "field_agent", "operations", "system"),
        says=Text("包裹送达", "deliver a parcel"), event="ParcelDelivered",
        fits=lambda order: any(p.on_its_way for p in order.parcels), after=(DEPARTED,),
    )
    @staticmethod
    def deliver(
        m: Move[Order], id: str, *, parcel: Id, way: Id | None = None, **by: Unpack[By]
    ) -> Changes:
        """Note that a parcel has arrived.

        Where a way of delivery is agreed and the courier's notice names another, or none, the
        parcel hasn't arrived before the customer or staff say so.

        Args:
            id: the order.
            parcel: the parcel's id.
            way: how it was handed over, as the courier's notice says.
            by: the customer, staff, or the system with the courier's notice.
        """
        sent = parcel_of(m.record, parcel)
        still_open(sent)
        if sent.delivered_at is not None:
            raise Unfit(Text(f"包裹 {parcel} 已送达", f"parcel {parcel} has arrived already"))
        agreed = m.record.delivery
        handed = way or ("" if m.actor.role == "system" else agreed)
        return with_parcel(m.record, sent.with_events([arrival(m.at, handed)], agreed))

    @move(
        Goods.accepted, Goods.shipped, Goods.delivered, Goods.completed, Goods.cancelled, to=None,
        by=("field_agent", "operations", "system"),
        says=Text("更新物流", "track a parcel"), event="ParcelTracked", aside=True,
        args=Tracked, stored=_tracked, quiet=True,
    )
    @staticmethod
    def track(
        m: Move[Order], id: str, *, parcel: Id, events: Sequence[TrackingEvent],
        number: Label | None = None, **by: Unpack[By],
    ) -> Changes:
        """Take in what a courier says of a parcel.

        Each event counts once and in its own time, however often and in whatever order it comes;
        the latest that says so decides whether the parcel has arrived or ended. What is of the
        future, or of a time at which the parcel went under another number, is left out: the entry
        says so. Nothing is written if nothing is new.

        Args:
            id: the order.
            parcel: the parcel's id.
            events: what the courier says, as of `contracts.courier`.
            number: the courier's number that it speaks of; the one that the parcel has now, if
                left out.
            by: the system with the courier's notice, a field agent, or operations.
        """
        told: Tracked = m.args
        order = m.record
        sent = parcel_of(order, parcel)
        left = dict(_left_out(m, sent, told))
        if len(left) == len(told.events):
            raise Unfit(
                Text(
                    "动态的时间晚于当前时间，或不属于包裹当时的单号",
                    "the events would have happened in the future, or are of a number that the "
                    "parcel hadn't then",
                )
            )
        m.left.extend(
            {"event": n, "why": why, "status": told.events[n].status, "at": told.events[n].at}
            for n, why in left.items()
        )
        news = (
            ParcelEvent(**event.model_dump(), text=words.text, location=words.location)
            for n, (event, words) in enumerate(zip(told.events, told.words, strict=True))
            if n not in left
        )
        return with_parcel(
            order, sent.with_events(news, order.delivery, kept=order.arrivals_stand)
        )

    @move(
        Goods.accepted, Goods.shipped, Goods.delivered, to=None, by=("operations",),
        says=Text("更正物流", "correct tracking"), event="TrackingCorrected", aside=True,
        after=(DEPARTED,),
    )
    @staticmethod
    def correct_tracking(
        m: Move[Order], id: str, *, parcel: Id, status: TrackingStatus, when: When,
        reason: Annotated[Label, Personal("order")], **by: Unpack[By],
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
        what = status, microseconds(when)
        sent = parcel_of(m.record, parcel)
        still_open(sent)
        wrong = [e for e in sent.events if (e.status, e.at) == what and e.struck is None]
        if not wrong:
            raise Unfit(
                Text(
                    f"包裹 {parcel} 没有该时间的 {status} 动态",
                    f"parcel {parcel} has no event {status} of that moment",
                )
            )
        return _without(m.record, sent, wrong, reason)

    @move(
        Goods.accepted, Goods.shipped, Goods.delivered, to=None, by=("merchant", "operations"),
        says=Text("更正快递单号", "correct the number"), event="ParcelRelabelled", aside=True,
        after=(DEPARTED,),
    )
    @staticmethod
    def relabel(
        m: Move[Order], id: str, *, parcel: Id, courier: Id,
        tracking: Annotated[Label, Personal("order")],
        reason: Annotated[Label, Personal("order")], since: When | None = None,
        **by: Unpack[By],
    ) -> Changes:
        """Put another courier or number to a parcel; what was heard under the old one is struck.

        Args:
            id: the order, not completed yet.
            parcel: the parcel's id.
            courier: the courier's id.
            tracking: the courier's number.
            reason: why.
            since: since when it goes under the new number; from the start, if left out: the old
                one was wrong.
            by: the merchant, or operations.
        """
        sent = parcel_of(m.record, parcel)
        still_open(sent)
        if (courier, tracking) == (sent.courier, sent.tracking):
            raise Unfit(Text("承运商与单号未变", "courier and number are the same as before"))
        began = sent.labelled_since
        changed = began if since is None else microseconds(since)
        if not began <= changed <= m.at:
            raise Unfit(
                Text(
                    "新单号须自原单号启用之后、现在之前起用",
                    "a new number begins after the old one did, and not in the future",
                )
            )
        former = FormerLabel.model_construct(
            courier=sent.courier, tracking=sent.tracking, since=began, until=changed
        )
        wrong = [
            e for e in sent.events
            if e.struck is None and (since is None or e.at >= changed)
        ]
        return _without(
            m.record, sent, wrong, reason, courier=courier, tracking=tracking,
            labels=(*sent.labels, former),
        )

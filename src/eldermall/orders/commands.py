"""The commands of the orders room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypeVar

from eldermall.calendars import microseconds
from eldermall.contracts.courier import TrackingEvent, TrackingStatus
from eldermall.engine.actor import Actor
from eldermall.engine.room import AdoptingRoom, ErasingRoom, Nothing, Options, Unpack
from eldermall.errors import Invalid
from eldermall.orders import moves
from eldermall.orders.order import Order
from eldermall.texts import Text

T = TypeVar("T")


class Orders(AdoptingRoom[T, Order], ErasingRoom[T, Order]):
    """The moves of an order. Every command takes ``at``, ``key`` and ``expect`` as options.

    All raise `Refused` when a rule, the machine or the time says no, `Invalid` when an argument
    can't be accepted, and `Conflict` when somebody else moved first.
    """

    kind = "order"
    model = Order

    def place(
        self,
        id: str,
        *,
        customer: str,
        lines: Sequence[moves.OrderedLine | Mapping[str, Any]],
        total: int,
        by: Actor,
        merchant: str | None = None,
        currency: str = "CNY",
        freight: int = 0,
        channel: str = "app",
        cash_on_delivery: bool = False,
        kind: Literal["goods", "service"] = "goods",
        group_id: str | None = None,
        ship_by: datetime | None = None,
        relatives: Sequence[str] = (),
        **options: Unpack[Options],
    ) -> T:
        """Take an order down.

        Args:
            id: the host's id.
            customer: the customer's id.
            lines: what is ordered: ``id``, ``listing``, ``quantity``, ``amount`` (the whole
                line's price), and ``courier`` False for what doesn't leave by courier.
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
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "place", id, by, moves.Place, options,
            kind=kind, merchant=merchant, customer=customer, channel=channel, currency=currency,
            freight=freight, total=total, cash_on_delivery=cash_on_delivery,
            lines=tuple(dict(n) if isinstance(n, Mapping) else n for n in lines)
            if isinstance(lines, Sequence)
            else lines,
            group_id=group_id,
            ship_by=None if ship_by is None else microseconds(ship_by, "order.place.ship_by"),
            relatives=tuple(relatives)
            if isinstance(relatives, Sequence) and not isinstance(relatives, str)
            else relatives,
        )

    def hand_over(self, id: str, *, to: str, by: Actor, **options: Unpack[Options]) -> T:
        """Hand an order to the merchant's field agent, or own goods to whoever fulfils them.

        Args:
            id: the order.
            to: the person's id.
            by: customer service or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("hand_over", id, by, moves.HandOver, options, to=to)

    def contact_merchant(self, id: str, *, way: str, by: Actor, **options: Unpack[Options]) -> T:
        """Note that the merchant was contacted.

        Args:
            id: the order.
            way: by phone, message, visit ...
            by: the field agent, or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("contact_merchant", id, by, moves.ContactMerchant, options, way=way)

    def accept(self, id: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Note that the seller takes the order.

        Args:
            id: the order.
            by: the merchant, or whoever notes it for them.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("accept", id, by, Nothing, options)

    def decline(self, id: str, *, reason: str, by: Actor, **options: Unpack[Options]) -> T:
        """Note that the merchant can't deliver; what was paid falls due for refund.

        Args:
            id: the order.
            reason: why.
            by: the merchant, or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("decline", id, by, moves.Decline, options, reason=reason)

    def ship(
        self,
        id: str,
        *,
        parcel: str,
        courier: str,
        tracking: str,
        lines: Mapping[str, int],
        by: Actor,
        **options: Unpack[Options],
    ) -> T:
        """Send a parcel. The order is shipped once every line has left, or was cancelled.

        Args:
            id: the order.
            parcel: the parcel's id.
            courier: the courier's id.
            tracking: the courier's number.
            lines: the quantity by line.
            by: the merchant, a field agent, or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "ship", id, by, moves.Ship, options,
            parcel=parcel, courier=courier, tracking=tracking, lines=_plain(lines),
        )

    def deliver(self, id: str, *, parcel: str, by: Actor, **options: Unpack[Options]) -> T:
        """Note that a parcel has arrived.

        Args:
            id: the order.
            parcel: the parcel's id.
            by: the customer, staff, or the system with the courier's notice.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("deliver", id, by, moves.Deliver, options, parcel=parcel)

    def track(
        self,
        id: str,
        *,
        parcel: str,
        events: Sequence[TrackingEvent],
        by: Actor,
        **options: Unpack[Options],
    ) -> T:
        """Take in what a courier says of a parcel.

        Each event counts once and in its own time, however often and in whatever order it comes;
        a parcel that has arrived doesn't go back unless the event is corrected.

        Args:
            id: the order.
            parcel: the parcel's id.
            events: what the courier says, as of `contracts.courier`.
            by: the system with the courier's notice, a field agent, or operations.
            options: ``at``, ``key``, ``expect``.
        """
        where = "order.track.events"
        if not isinstance(events, Sequence) or not all(
            isinstance(event, TrackingEvent) for event in events
        ):
            raise Invalid(
                where, events, Text("须为 TrackingEvent 的列表", "must be a list of TrackingEvents")
            )
        return self._do(
            "track", id, by, moves.Track, options, parcel=parcel,
            events=tuple(
                {
                    "status": e.status, "at": microseconds(e.at, where), "code": e.code,
                    "reference": e.reference,
                }
                for e in events
            ),
            words=tuple({"text": e.text, "location": e.location} for e in events),
        )

    def correct_tracking(
        self,
        id: str,
        *,
        parcel: str,
        status: TrackingStatus,
        when: datetime,
        reason: str,
        by: Actor,
        **options: Unpack[Options],
    ) -> T:
        """Strike an event that was reported wrongly; an order that hadn't arrived goes back.

        Args:
            id: the order, not completed yet.
            parcel: the parcel's id.
            status: of the event.
            when: the event's moment.
            reason: what was wrong.
            by: operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "correct_tracking", id, by, moves.CorrectTracking, options, parcel=parcel,
            status=status, when=microseconds(when, "order.correct_tracking.when"), reason=reason,
        )

    def appoint(
        self, id: str, *, when: datetime, place: str, by: Actor, **options: Unpack[Options]
    ) -> T:
        """Note when and where a service is to be done; a new appointment replaces the former.

        Args:
            id: the order of a service.
            when: the agreed time.
            place: where.
            by: the merchant, customer service, a field agent, or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "appoint", id, by, moves.Appoint, options,
            when=microseconds(when, "order.appoint.when"), place=place,
        )

    def start(self, id: str, *, served_by: str, by: Actor, **options: Unpack[Options]) -> T:
        """Note that the service has begun.

        Args:
            id: the order of a service.
            served_by: the id of the person who serves.
            by: the merchant, a field agent, or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("start", id, by, moves.Start, options, served_by=served_by)

    def finish(self, id: str, *, proof: str, by: Actor, **options: Unpack[Options]) -> T:
        """Note that the service is done.

        Args:
            id: the order of a service.
            proof: the host's id of what proves it: a photo, a signature, a report.
            by: the merchant, a field agent, or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("finish", id, by, moves.Finish, options, proof=proof)

    def confirm(
        self, id: str, *, by: Actor, confirmed_by: str | None = None, **options: Unpack[Options]
    ) -> T:
        """Note that the customer, or a relative named by them, confirms the service.

        The order is completed, and a callback is opened with it.

        Args:
            id: the order of a service.
            by: the customer, a relative, or staff who note it.
            confirmed_by: who confirms, where staff note it; else whoever acts.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("confirm", id, by, moves.Confirm, options, confirmed_by=confirmed_by)

    def grant_exception(
        self,
        id: str,
        *,
        line: str,
        reason: str,
        until: datetime,
        customer_told_at: datetime,
        by: Actor,
        **options: Unpack[Options],
    ) -> T:
        """Record an exception from the shipping limit for a line, before the limit has passed.

        Args:
            id: the order.
            line: the line.
            reason: why.
            until: the new last moment.
            customer_told_at: when the customer was told.
            by: operations or a department head: the approver.
            options: ``at``, ``key``, ``expect``.
        """
        where = "order.grant_exception"
        return self._do(
            "grant_exception", id, by, moves.Except, options,
            line=line, reason=reason, until=microseconds(until, f"{where}.until"),
            customer_told_at=microseconds(customer_told_at, f"{where}.customer_told_at"),
        )

    def cancel(
        self,
        id: str,
        *,
        reason: str,
        by: Actor,
        lines: Mapping[str, int] | None = None,
        **options: Unpack[Options],
    ) -> T:
        """Cancel what hasn't left.

        Args:
            id: the order.
            reason: why.
            by: the customer, customer service, or operations.
            lines: the quantity by line; everything that hasn't left if left out.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "cancel", id, by, moves.Cancel, options, reason=reason, lines=_plain(lines)
        )

    def complete(self, id: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Complete a delivered order; a callback is opened with it.

        Args:
            id: the order.
            by: the customer, customer service, or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("complete", id, by, Nothing, options)

    def archive(self, id: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Archive a completed order once its callback has an outcome.

        Args:
            id: the order.
            by: customer service or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("archive", id, by, Nothing, options)

    def paid(
        self,
        id: str,
        amount: int,
        reference: str,
        *,
        by: Actor,
        currency: str = "CNY",
        **options: Unpack[Options],
    ) -> T:
        """Say that the host has booked the order's payment.

        Args:
            id: the order.
            amount: what was received, in minor units: the order's total, or what is left of it
                after lines were cancelled.
            reference: the payment's; it counts once in a mall.
            by: operations, or the system with the payment's notice.
            currency: the order's.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "pay", id, by, moves.Pay, options, amount=amount, currency=currency,
            reference=reference,
        )

    def refunded(
        self,
        id: str,
        amount: int,
        reference: str,
        *,
        by: Actor,
        currency: str = "CNY",
        lines: Mapping[str, int] | None = None,
        case: str | None = None,
        **options: Unpack[Options],
    ) -> T:
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
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "refund", id, by, moves.Refund, options, amount=amount, currency=currency,
            reference=reference, lines=_plain(lines), case=case,
        )


def _plain(lines: object) -> object:
    return dict(lines) if isinstance(lines, Mapping) else lines

"""The moves of an order of a service: appointed, begun, done, confirmed."""

from __future__ import annotations

from typing import Annotated

from eldermall.calendars import microseconds
from eldermall.engine.declaration import Changes, Move, internal, move
from eldermall.engine.inputs import Id, Label, Personal
from eldermall.engine.machine import Unfit
from eldermall.engine.parameters import By, When
from eldermall.engine.room import Unpack
from eldermall.rooms.orders.lines import outstanding, taken
from eldermall.rooms.orders.moments import AGREED, COMPLETED, DONE, STARTED
from eldermall.rooms.orders.order import Appointment, Order, Served
from eldermall.rooms.orders.placing import BUYER, SELLER
from eldermall.rooms.orders.states import Service
from eldermall.texts import Text


def _served(order: Order) -> Served:
    assert order.served is not None
    return order.served


class Serving:
    """From the appointment to the customer's word."""

    @move(
        Service.accepted, Service.appointed, to=Service.appointed,
        by=("merchant", "customer_service", "field_agent", "operations"),
        says=Text("预约", "appoint"), event="ServiceAppointed", after=(AGREED,),
    )
    @staticmethod
    def appoint(
        m: Move[Order], id: str, *, when: When, place: Annotated[Label, Personal("order")],
        **by: Unpack[By],
    ) -> Changes:
        """Note when and where a service is to be done; a new appointment replaces the former.

        Args:
            id: the order of a service.
            when: the agreed time.
            place: where.
            by: the merchant, customer service, a field agent, or operations.
        """
        agreed = microseconds(when)
        if agreed <= m.at:
            raise Unfit(
                Text("预约时间须晚于约定之时", "an appointment lies after it is agreed")
            )
        return {"appointment": Appointment(when=agreed, place=place, agreed_at=m.at)}

    @move(
        Service.appointed, to=Service.in_service, by=SELLER,
        says=Text("开始服务", "start the service"), event="ServiceStarted", after=STARTED.after,
    )
    @staticmethod
    def start(m: Move[Order], id: str, *, served_by: Id, **by: Unpack[By]) -> Changes:
        """Note that the service has begun.

        Args:
            id: the order of a service.
            served_by: the id of the person who serves.
            by: the merchant, a field agent, or operations.
        """
        return {"served": Served(served_by=served_by, started_at=m.at)}

    @move(
        Service.in_service, to=Service.done, by=SELLER,
        says=Text("服务完毕", "finish the service"), event="ServiceDone", after=DONE.after,
    )
    @staticmethod
    def finish(m: Move[Order], id: str, *, proof: Id, **by: Unpack[By]) -> Changes:
        """Note that the service is done.

        Args:
            id: the order of a service.
            proof: the host's id of what proves it: a photo, a signature, a report.
            by: the merchant, a field agent, or operations.
        """
        served = _served(m.record)
        return {
            "served": served.model_copy(update={"done_at": m.at, "proof": proof}),
            "lines": taken(m.record, outstanding(m.record), "shipped"),
        }

    @move(
        Service.done, to=Service.completed, by=BUYER,
        says=Text("确认服务", "confirm the service"), event="Completed", after=COMPLETED.after,
    )
    @staticmethod
    def confirm(
        m: Move[Order], id: str, *, confirmed_by: Id | None = None, **by: Unpack[By]
    ) -> Changes:
        """Note that the customer, or a relative named by them, confirms the service.

        The order is completed, and a callback is opened with it.

        Args:
            id: the order of a service.
            by: the customer, a relative, or staff who note it.
            confirmed_by: who confirms, where staff note it; else whoever acts.
        """
        who = confirmed_by or m.actor.id
        confirmed = _served(m.record).model_copy(update={"confirmed_by": who})
        return {"served": confirmed, "completed_at": m.at}

    @internal(
        Service.done, to=Service.completed, says=Text("逾期视为确认", "confirmed by lapse of time"),
        event="Completed", after=COMPLETED.after,
    )
    @staticmethod
    def confirm_by_lapse(m: Move[Order], id: str, **by: Unpack[By]) -> Changes:
        """Take a service for confirmed that nobody has objected to in time."""
        return {"completed_at": m.at}

"""The capacity of a service: how many a day, which days are taken, its moves, and what fills it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, tzinfo
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, StringConstraints

from eldermall.calendars import DAY, moment
from eldermall.engine.actor import Actor
from eldermall.engine.declaration import Changes, Move, internal, move
from eldermall.engine.declared import M
from eldermall.engine.inputs import Frozen, Id, Moment
from eldermall.engine.kind import ADOPTED, Command, Record
from eldermall.engine.machine import NEW
from eldermall.engine.parameters import By, Kept
from eldermall.engine.room import Unpack
from eldermall.engine.track import Track, state
from eldermall.rooms.stock.keeping import (
    KEEPERS,
    SELLER,
    Keeping,
    dropped,
    growing,
    outstanding,
    quantities,
)
from eldermall.rooms.stock.stock import Level, Units
from eldermall.texts import Text

PAST = 2 * DAY
"""How long a day that has passed stays on the record; what happened stays in the journal."""


def _real(day: str) -> str:
    try:
        return date.fromisoformat(day).isoformat()
    except ValueError:
        raise ValueError(Text("没有这一天", "there is no such day")) from None


def _named(day: Any, where: str) -> Any:
    return day.isoformat() if type(day) is date else day


Day = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_real)
]


class Booked(Frozen):
    """What is reserved for an order: on which day, how many."""

    day: Day
    quantity: Units


class Capacity(Record):
    """The capacity of one service listing, whose id it has: how many may be done on which day.

    ``merchant`` is None for the company's own. A day that isn't among ``days`` has none. Days are
    those of the mall's zone. ``holds`` is what is reserved, by order.
    """

    SCHEMA: ClassVar[int] = 1

    state: str
    merchant: Id | None
    days: dict[Day, Level]
    holds: dict[Id, Booked]

    def reserved(self, day: str, but: str | None = None) -> int:
        """Return how many are reserved on a day, those for the order ``but`` left out."""
        return sum(
            held.quantity
            for holder, held in self.holds.items()
            if held.day == day and holder != but
        )

    def available(self, day: str) -> int:
        """Return how many may still be reserved on a day."""
        return max(0, self.days.get(day, 0) - self.reserved(day))


def day_of(at: int, zone: tzinfo) -> str:
    """Return the day of a moment in a zone."""
    return moment(at, zone).date().isoformat()


def _appointed(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    if order.appointment is None:
        return
    wanted = quantities("service", order, outstanding)
    for listing, quantity in sorted((+wanted).items()):
        yield Capacities.reserve.command(
            listing, holder=order.id, quantity=quantity, when=order.appointment.when, by=cause
        )


class Capacities(Keeping[M, Capacity]):
    """The moves of a service's capacity.

    A service whose capacity was never opened isn't watched. Orders reserve with their appointment,
    and release by themselves.
    """

    kind = "capacity"
    label = Text("服务容量", "capacity")
    model = Capacity

    class States(Track):
        """Whether appointments are taken."""

        open = state(Text("可预约", "open"), standing=True)
        closed = state(Text("已停止预约", "closed"), end=True)

    @move(
        NEW, to=States.open, by=SELLER, says=Text("建立容量", "open"), event="CapacityOpened"
    )
    @staticmethod
    def open(
        m: Move[Capacity], listing: str, *, merchant: Id | None = None, **by: Unpack[By]
    ) -> Changes:
        """Begin to keep the capacity of a service; a day has none until it is set.

        Args:
            listing: the listing's id, which is the capacity's.
            by: the merchant whose listing it is, or operations.
            merchant: the seller; None for the company's own.
        """
        return {"merchant": merchant, "days": {}, "holds": {}}

    @move(
        States.open, to=None, by=KEEPERS, says=Text("设定当日容量", "set a day"),
        event="CapacitySet",
    )
    @staticmethod
    def set_day(
        m: Move[Capacity],
        listing: str,
        *,
        day: Annotated[date, Kept(Day, _named, date.fromisoformat)],
        total: Level,
        **by: Unpack[By],
    ) -> Changes:
        """Set how many may be done on a day; not fewer than are reserved.

        Args:
            listing: the listing.
            day: in the mall's zone.
            total: how many.
            by: the merchant, their field agent, or operations.
        """
        first = day_of(max(0, m.at - PAST), m.settings.zone)
        days = {**m.record.days, day.isoformat(): total}
        return {
            "days": {day: days[day] for day in sorted(days) if day >= first},
            "holds": {id: held for id, held in m.record.holds.items() if held.day >= first},
        }

    @internal(
        States.open, to=None, link="", says=Text("预占", "reserve"), event="CapacityReserved"
    )
    @staticmethod
    def reserve(
        m: Move[Capacity], listing: str, *, holder: Id, quantity: Units, when: Moment,
        **by: Unpack[By],
    ) -> Changes:
        """Promise an order a day, instead of the one that it had."""
        booked = Booked(day=day_of(when, m.settings.zone), quantity=quantity)
        return {"holds": {**m.record.holds, holder: booked}}

    @internal(
        States.open, States.closed, to=None, link="", says=Text("释放", "release"),
        event="CapacityReleased",
    )
    @staticmethod
    def release(
        m: Move[Capacity], listing: str, *, holder: Id, quantity: Units, **by: Unpack[By]
    ) -> Changes:
        """Promise an order less; nothing if nothing was promised to it."""
        holds = dict(m.record.holds)
        held = holds.pop(holder, None)
        if held is not None and held.quantity > quantity:
            holds[holder] = Booked(day=held.day, quantity=held.quantity - quantity)
        return {"holds": holds}

    @move(
        States.open, to=States.closed, by=SELLER, says=Text("停止预约", "close"),
        event="CapacityClosed", aside=True,
    )
    @staticmethod
    def close(m: Move[Capacity], listing: str, **by: Unpack[By]) -> Changes:
        """Take no more appointments; none may be ahead.

        Args:
            listing: the listing.
            by: the merchant, or operations.
        """
        return {}

    @move(
        States.closed, to=States.open, by=SELLER, says=Text("恢复预约", "reopen"),
        event="CapacityReopened",
    )
    @staticmethod
    def reopen(m: Move[Capacity], listing: str, **by: Unpack[By]) -> Changes:
        """Take appointments again.

        Args:
            listing: the listing.
            by: the merchant, or operations.
        """
        return {}

    reactions = (
        reserve.after("order", "ServiceAppointed", makes=_appointed, if_exists=True),
        reserve.after("order", ADOPTED, makes=_appointed, best_effort=True, if_exists=True),
        release.after(
            "order", "LinesCancelled", "Refunded", "Declined", "PaymentLapsed",
            makes=growing(release, "service", dropped), if_exists=True,
        ),
    )

"""The capacity of a service: how many a day, which days are taken, its table, and what fills it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, tzinfo
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, StringConstraints

from eldermall.calendars import DAY, moment
from eldermall.engine.actor import Actor
from eldermall.engine.inputs import Frozen, Id, Moment
from eldermall.engine.kind import ADOPTED, Command, Kind, Reaction, Record
from eldermall.engine.machine import NEW, Machine, State, Transition
from eldermall.engine.room import Arguments
from eldermall.engine.rule import Context
from eldermall.stock.machine import KEEPERS, SELLER, dropped, quantities
from eldermall.stock.moves import Hold
from eldermall.stock.stock import Level, Units, is_party
from eldermall.texts import Text

PAST = 2 * DAY
"""How long a day that has passed stays on the record; what happened stays in the journal."""


def _real(day: str) -> str:
    try:
        return date.fromisoformat(day).isoformat()
    except ValueError:
        raise ValueError(Text("没有这一天", "there is no such day")) from None


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


class OpenCapacity(Arguments):
    """Whose capacity it is."""

    merchant: Id | None


class SetDay(Arguments):
    """How many may be done on a day."""

    day: Day
    total: Level


class Book(Arguments):
    """How many are to be done for which order, and when."""

    holder: Id
    quantity: Units
    when: Moment


def day_of(at: int, zone: tzinfo) -> str:
    """Return the day of a moment in a zone."""
    return moment(at, zone).date().isoformat()


def _open(c: Context) -> dict[str, Any]:
    return {"merchant": c.args.merchant, "days": {}, "holds": {}}


def _set_day(c: Context) -> dict[str, Any]:
    first = day_of(max(0, c.at - PAST), c.settings.zone)
    days = {**c.record.days, c.args.day: c.args.total}
    return {
        "days": {day: days[day] for day in sorted(days) if day >= first},
        "holds": {id: held for id, held in c.record.holds.items() if held.day >= first},
    }


def _reserve(c: Context) -> dict[str, Any]:
    booked = Booked(day=day_of(c.args.when, c.settings.zone), quantity=c.args.quantity)
    return {"holds": {**c.record.holds, c.args.holder: booked}}


def _release(c: Context) -> dict[str, Any]:
    holds: dict[str, Booked] = dict(c.record.holds)
    held = holds.pop(c.args.holder, None)
    if held is not None and held.quantity > c.args.quantity:
        holds[c.args.holder] = Booked(day=held.day, quantity=held.quantity - c.args.quantity)
    return {"holds": holds}


CAPACITY_MACHINE = Machine(
    "capacity",
    "state",
    Text("服务容量", "capacity"),
    (
        State("open", Text("可预约", "open")),
        State("closed", Text("已停止预约", "closed"), end=True),
    ),
    (
        Transition(
            "open", (NEW,), "open", SELLER, Text("建立容量", "open"), "CapacityOpened", _open
        ),
        Transition(
            "set_day", ("open",), None, KEEPERS, Text("设定当日容量", "set a day"),
            "CapacitySet", _set_day,
        ),
        Transition(
            "reserve", ("open",), None, ("system",), Text("预占", "reserve"),
            "CapacityReserved", _reserve,
        ),
        Transition(
            "release", ("open", "closed"), None, ("system",), Text("释放", "release"),
            "CapacityReleased", _release,
        ),
        Transition(
            "close", ("open",), "closed", SELLER, Text("停止预约", "close"), "CapacityClosed"
        ),
        Transition(
            "reopen", ("closed",), "open", SELLER, Text("恢复预约", "reopen"), "CapacityReopened"
        ),
    ),
)

CAPACITY = Kind(
    "capacity",
    Text("服务容量", "capacity"),
    Capacity,
    (CAPACITY_MACHINE,),
    link="listing",
    party=is_party,
    indexed=("merchant",),
)


def _appointed(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    if order.appointment is None:
        return
    wanted = quantities("service", order, lambda line: line.outstanding)
    for listing, quantity in sorted((+wanted).items()):
        book = Book(holder=order.id, quantity=quantity, when=order.appointment.when)
        yield Command("capacity", "reserve", listing, cause, book)


def _dropped(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    less = quantities("service", order, dropped) - quantities("service", before, dropped)
    for listing, quantity in sorted(less.items()):
        hold = Hold(holder=order.id, quantity=quantity)
        yield Command("capacity", "release", listing, cause, hold)


REACTIONS = (
    Reaction("order", "ServiceAppointed", "capacity", "reserve", _appointed, if_exists=True),
    Reaction(
        "order", ADOPTED, "capacity", "reserve", _appointed, best_effort=True, if_exists=True
    ),
    *(
        Reaction("order", event, "capacity", "release", _dropped, if_exists=True)
        for event in ("LinesCancelled", "Refunded", "Declined")
    ),
)

"""The rooms of the mall: each declares its record, its moves, and what follows from others' moves.

This package is a plugin like any other. A line of `Rooms` registers a room and names it on a mall.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar, get_origin, get_type_hints, overload

from eldermall.engine.actor import Actor
from eldermall.engine.declared import Declared, M
from eldermall.engine.kind import Command
from eldermall.engine.room import Room
from eldermall.hooks import hookimpl
from eldermall.rooms.aftersales import Cases
from eldermall.rooms.assistance import AssistanceJobs
from eldermall.rooms.callbacks import Callbacks
from eldermall.rooms.complaints import Complaints
from eldermall.rooms.listings import Listings
from eldermall.rooms.orders import Bookings, Orders
from eldermall.rooms.people import Assignments, Designations
from eldermall.rooms.refunding import Refunds
from eldermall.rooms.stock import Capacities, Stocks
from eldermall.rooms.urging import Urges

A = TypeVar("A")
B = TypeVar("B", bound=Room[Any, Any])

Run = Callable[[Command], Any]
Read = Callable[[str, str, Actor | None], Any]


class Rooms(Generic[M]):
    """Every room by its name on a mall; one whose name begins with a dash is moved by others only.

    Args:
        run: makes a command, or decides on it.
        read: returns a record by kind and id, for somebody or for the host itself.
        does: which of the two.
    """

    designations: Designations[M]
    assignments: Assignments[M]
    listings: Listings[M]
    orders: Orders[M]
    _bookings: Bookings[M]
    refunds: Refunds[M]
    urges: Urges[M]
    callbacks: Callbacks[M]
    complaints: Complaints[M]
    cases: Cases[M]
    assistance: AssistanceJobs[M]
    stock: Stocks[M]
    capacity: Capacities[M]

    def __init__(self, run: Run, read: Read, does: type[M]) -> None:
        self._open: tuple[Run, Read, type[M]] = (run, read, does)
        for name, room in ROOMS.items():
            setattr(self, name, room(run, read, does))

    @overload
    def room(self, room: Callable[[Run, Read, type[M]], A]) -> A: ...
    @overload
    def room(self, room: type[B]) -> B: ...
    def room(self, room: Any) -> Any:
        """Return the room of a plugin's kind: ``mall.room(Visits).book("V1", by=...)``."""
        declared = issubclass(get_origin(room) or room, Declared)
        return room(*self._open) if declared else room(*self._open[:2])


DECLARED: Mapping[str, type[Declared[Any, Any]]] = {
    name: get_origin(hint) for name, hint in get_type_hints(Rooms).items()
}
"""The rooms in order, by their names."""

ROOMS = {name: room for name, room in DECLARED.items() if not name.startswith("_")}
"""Those that are on a mall."""

KINDS = tuple(room.KIND for room in DECLARED.values())


@hookimpl
def eldermall_kinds() -> Iterable[type[Declared[Any, Any]]]:
    """Return the rooms that are built."""
    return tuple(DECLARED.values())

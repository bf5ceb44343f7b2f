"""A kind of a host's own, with its machine and room: volunteers who visit customers at home."""

from collections.abc import Iterable
from typing import TypeVar

from eldermall import Actor, Text, hookimpl
from eldermall.engine.inputs import Arguments, Id
from eldermall.engine.kind import Kind, Record
from eldermall.engine.machine import NEW, Machine, State, Transition
from eldermall.engine.room import Nothing, Options, Room, Unpack

T = TypeVar("T")


class Visit(Record):
    state: str
    customer: Id
    volunteer: Id


class Book(Arguments):
    customer: Id
    volunteer: Id


MACHINE = Machine(
    name="visit",
    field="state",
    label=Text("探访", "visit"),
    states=(
        State("booked", Text("已预约", "booked")),
        State("done", Text("已完成", "done"), end=True),
    ),
    transitions=(
        Transition(
            "book", (NEW,), "booked", ("customer_service",), Text("预约", "book"), "VisitBooked",
            lambda c: {"customer": c.args.customer, "volunteer": c.args.volunteer},
        ),
        Transition(
            "finish", ("booked",), "done", ("field_agent",), Text("完成", "finish"), "VisitDone"
        ),
    ),
)
VISIT = Kind("visit", Text("探访", "visit"), Visit, (MACHINE,), indexed=("customer",))


class Visits(Room[T, Visit]):
    kind = "visit"

    def book(
        self, id: str, *, customer: str, volunteer: str, by: Actor, **options: Unpack[Options]
    ) -> T:
        return self._do("book", id, by, Book, options, customer=customer, volunteer=volunteer)

    def finish(self, id: str, *, by: Actor, **options: Unpack[Options]) -> T:
        return self._do("finish", id, by, Nothing, options)


@hookimpl
def eldermall_kinds() -> Iterable[Kind]:
    return [VISIT]

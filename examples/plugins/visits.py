"""A kind of a host's own, with its machine and room: volunteers who visit customers at home."""

from collections.abc import Iterable
from typing import Any

from eldermall import Text, hookimpl
from eldermall.engine.declaration import Changes, Move, move
from eldermall.engine.declared import Declared, M
from eldermall.engine.inputs import Id
from eldermall.engine.kind import Record
from eldermall.engine.machine import NEW
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.engine.track import Track, state


class Visit(Record):
    state: str
    customer: Id
    volunteer: Id


class Visits(Declared[M, Visit]):
    kind = "visit"
    label = Text("探访", "visit")
    model = Visit
    indexed = ("customer",)

    class States(Track):
        booked = state(Text("已预约", "booked"))
        done = state(Text("已完成", "done"), end=True)

    @move(
        NEW, to=States.booked, by=("customer_service",), says=Text("预约", "book"),
        event="VisitBooked",
    )
    @staticmethod
    def book(
        m: Move[Visit], id: str, *, customer: Id, volunteer: Id, **by: Unpack[By]
    ) -> Changes:
        return {"customer": customer, "volunteer": volunteer}

    @move(
        States.booked, to=States.done, by=("field_agent",), says=Text("完成", "finish"),
        event="VisitDone",
    )
    @staticmethod
    def finish(m: Move[Visit], id: str, **by: Unpack[By]) -> Changes:
        return {}


@hookimpl
def eldermall_kinds() -> Iterable[type[Visits[Any]]]:
    return [Visits]

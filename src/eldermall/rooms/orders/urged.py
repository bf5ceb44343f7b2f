"""Which urges wait for an answer over an order: it stays open as long, and ends them with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from eldermall.engine.actor import Actor
from eldermall.engine.declaration import Changes, Move, internal
from eldermall.engine.inputs import Id
from eldermall.engine.kind import Command
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.rooms.orders.order import Order, Pressed
from eldermall.rooms.orders.states import Payment
from eldermall.texts import Text


def _pressed(before: Any, urge: Any, args: Any, cause: Actor) -> Iterable[Command]:
    yield Urged.note_urge.command(
        urge.order, urge=urge.id, parcel=urge.parcel, clocks=urge.clocks, by=cause
    )


def _answered(before: Any, urge: Any, args: Any, cause: Actor) -> Iterable[Command]:
    yield Urged.drop_urge.command(urge.order, urge=urge.id, by=cause)


class Urged:
    """What follows from the moves of an urge."""

    @internal(
        *Payment.all(), to=None, says=Text("登记催办", "note an urge"), event="UrgeNoted",
        alone=True,
    )
    @staticmethod
    def note_urge(
        m: Move[Order], id: str, *, urge: Id, parcel: Id | None, clocks: tuple[Id, ...],
        **by: Unpack[By],
    ) -> Changes:
        """Note that somebody is pressed, and for what."""
        others = (other for other in m.record.urges if other.id != urge)
        return {"urges": (*others, Pressed(id=urge, parcel=parcel, clocks=clocks))}

    @internal(
        *Payment.all(), to=None, says=Text("催办已了结", "drop an urge"), event="UrgeDropped",
        alone=True,
    )
    @staticmethod
    def drop_urge(m: Move[Order], id: str, *, urge: Id, **by: Unpack[By]) -> Changes:
        """Note that an urge waits no more."""
        return {"urges": tuple(other for other in m.record.urges if other.id != urge)}

    following = (
        note_urge.after(
            "urge", "Urged", "UrgedAgain", "UrgeKept", makes=_pressed, best_effort=True,
            if_exists=True,
        ),
        drop_urge.after(
            "urge", "UrgeAnswered", "UrgeEnded", makes=_answered, best_effort=True, if_exists=True
        ),
    )

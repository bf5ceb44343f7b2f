"""The stock of a listing as it stands, and what may be computed from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from eldermall.engine.inputs import Frozen, Id, Moment
from eldermall.engine.kind import Record

Units = Annotated[int, Field(ge=1, le=10**9)]
Level = Annotated[int, Field(ge=0, le=10**9)]


class Lot(Frozen):
    """What came in together: how many are there, ``damaged`` ones among them, and until when they
    may be sold. ``returned``: came back from a customer, and nobody has looked at it since.
    """

    id: Id
    quantity: Units
    received_at: Moment
    expires_at: Moment | None = None
    damaged: Level = 0
    damaged_at: Moment | None = None
    returned: bool = False

    def sound(self, at: int) -> int:
        """Return how many may be sold at a moment: neither damaged, nor expired, nor unchecked."""
        expired = self.expires_at is not None and self.expires_at <= at
        return 0 if expired or self.returned else self.quantity - self.damaged


class Stock(Record):
    """The stock of one listing, whose id it has. ``merchant`` is None for the company's own.

    ``holds`` is what is reserved, by the order (or whatever else) that it is reserved for.
    ``level`` says whether what is available has fallen to the warning level, or to nothing, as of
    the newest moment at which anything moved, ``as_of``.
    """

    SCHEMA: ClassVar[int] = 1

    state: str
    level: str
    merchant: Id | None
    warn_at: Level
    lots: tuple[Lot, ...]
    holds: dict[Id, Units]
    as_of: Moment
    confirmed_at: Moment | None = None
    counted_at: Moment | None = None
    taken_at: Moment | None = None

    @property
    def summary(self) -> str:
        """Both tracks in one word: ``state/level``."""
        return f"{self.state}/{self.level}"

    @property
    def on_hand(self) -> int:
        """How many are there, whatever their condition."""
        return sum(lot.quantity for lot in self.lots)

    @property
    def reserved(self) -> int:
        """How many are promised."""
        return sum(self.holds.values())

    def sound(self, at: int) -> int:
        """Return how many are there that may be handed out at a moment, promised or not."""
        return sum(lot.sound(at) for lot in self.lots)

    def available(self, at: int) -> int:
        """Return how many may be promised at a moment: those that are sound and not promised yet.

        Zero if more is promised than is sound, because goods have expired or were damaged since.
        """
        return max(0, self.sound(at) - self.reserved)

    def lot(self, id: str) -> Lot | None:
        """Return the lot ``id``, None if nothing of it is there."""
        return next((lot for lot in self.lots if lot.id == id), None)


def taken(lots: tuple[Lot, ...], quantity: int, at: int) -> tuple[Lot, ...]:
    """Return ``lots`` without ``quantity`` sound pieces, those that expire first gone first."""
    left: dict[str, int] = {}
    for lot in sorted(lots, key=_expiry):
        given = min(quantity, lot.sound(at))
        left[lot.id] = lot.quantity - given
        quantity -= given
    return resized(lots, left)


def resized(lots: tuple[Lot, ...], quantities: Mapping[str, int]) -> tuple[Lot, ...]:
    """Return ``lots`` with other quantities by id; a lot of which nothing is left is gone.

    Where fewer are left than were damaged, all that are left are damaged.
    """
    changed = (lot.model_copy(update=_size(lot, quantities)) for lot in lots)
    return tuple(lot for lot in changed if lot.quantity)


def _expiry(lot: Lot) -> tuple[bool, int, int]:
    return lot.expires_at is None, lot.expires_at or 0, lot.received_at


def _size(lot: Lot, quantities: Mapping[str, int]) -> dict[str, int]:
    quantity = quantities.get(lot.id, lot.quantity)
    return {"quantity": quantity, "damaged": min(lot.damaged, quantity)}

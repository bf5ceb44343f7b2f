"""The commands of the rooms for stock and for capacity."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TypeVar

from eldermall.calendars import microseconds
from eldermall.engine.actor import Actor
from eldermall.engine.room import Nothing, Options, Room, Unpack
from eldermall.stock import moves
from eldermall.stock.capacity import Capacity, OpenCapacity, SetDay
from eldermall.stock.stock import Stock

T = TypeVar("T")


class Stocks(Room[T, Stock]):
    """The moves of a listing's stock. Every command takes the options of `Options`.

    A listing whose stock was never opened isn't watched. Orders reserve, release and take by
    themselves. All raise `Refused` when a rule, the machine or the time says no, `Invalid` when an
    argument can't be accepted, and `Conflict` when somebody else moved first.
    """

    kind = "stock"

    def open(
        self,
        listing: str,
        *,
        warn_at: int,
        by: Actor,
        merchant: str | None = None,
        **options: Unpack[Options],
    ) -> T:
        """Begin to keep the stock of a listing; from now on it is sold only if it is there.

        Args:
            listing: the listing's id, which is the stock's.
            warn_at: at which number available a warning is due; 0 for when it is sold out.
            by: the merchant whose listing it is, or operations.
            merchant: the seller; None for the company's own.
            options: as of `Options`.
        """
        return self._do(
            "open", listing, by, moves.Open, options, merchant=merchant, warn_at=warn_at
        )

    def receive(
        self,
        listing: str,
        *,
        lot: str,
        quantity: int,
        source: str,
        by: Actor,
        expires_at: datetime | None = None,
        **options: Unpack[Options],
    ) -> T:
        """Book goods in.

        Args:
            listing: the listing.
            lot: the lot's id; what comes in under an id that is there adds to it.
            quantity: how many.
            source: by which delivery note or the like.
            by: the merchant, their field agent, or operations.
            expires_at: from when on they may not be sold; None for never.
            options: as of `Options`.
        """
        return self._do(
            "receive", listing, by, moves.Receive, options,
            lot=lot, quantity=quantity, source=source, expires_at=_until(expires_at, "receive"),
        )

    def count(
        self,
        listing: str,
        *,
        lots: Mapping[str, int],
        by: Actor,
        cause: str | None = None,
        **options: Unpack[Options],
    ) -> T:
        """Book what a stock-take has found.

        Args:
            listing: the listing.
            lots: how many were found, damaged ones included, of every lot that is booked.
            by: the merchant, their field agent, or operations.
            cause: why it isn't what was booked, if it isn't.
            options: as of `Options`.
        """
        found = dict(lots) if isinstance(lots, Mapping) else lots
        return self._do("count", listing, by, moves.Count, options, lots=found, cause=cause)

    def damage(
        self,
        listing: str,
        *,
        lot: str,
        quantity: int,
        cause: str,
        by: Actor,
        **options: Unpack[Options],
    ) -> T:
        """Note that goods are damaged: they are there, and nobody is sold one.

        Args:
            listing: the listing.
            lot: the lot.
            quantity: how many of it.
            cause: why.
            by: the merchant, their field agent, or operations.
            options: as of `Options`.
        """
        return self._do(
            "damage", listing, by, moves.Damage, options, lot=lot, quantity=quantity, cause=cause
        )

    def write_off(
        self,
        listing: str,
        *,
        lot: str,
        quantity: int,
        cause: str,
        disposal: str,
        by: Actor,
        **options: Unpack[Options],
    ) -> T:
        """Book goods out that were disposed of: expired, damaged, or not to be sold any more.

        Args:
            listing: the listing.
            lot: the lot; damaged ones of it go first.
            quantity: how many of it.
            cause: why.
            disposal: what was done with them.
            by: the merchant, their field agent, or operations.
            options: as of `Options`.
        """
        return self._do(
            "write_off", listing, by, moves.WriteOff, options,
            lot=lot, quantity=quantity, cause=cause, disposal=disposal,
        )

    def inspect(
        self,
        listing: str,
        *,
        lot: str,
        by: Actor,
        expires_at: datetime | None = None,
        **options: Unpack[Options],
    ) -> T:
        """Let returned goods be sold again, once somebody has looked at them.

        Args:
            listing: the listing.
            lot: the returned lot, which has the id of what it came back from.
            by: the merchant, their field agent, or operations.
            expires_at: from when on they may not be sold; None for never.
            options: as of `Options`.
        """
        return self._do(
            "inspect", listing, by, moves.Inspect, options,
            lot=lot, expires_at=_until(expires_at, "inspect"),
        )

    def confirm(
        self, listing: str, *, on_hand: int, by: Actor, **options: Unpack[Options]
    ) -> T:
        """Note that the merchant confirms the number that is booked.

        Args:
            listing: the listing.
            on_hand: how many there are, as the merchant says.
            by: the merchant, or their field agent, who was told so.
            options: as of `Options`.
        """
        return self._do("confirm", listing, by, moves.Confirm, options, on_hand=on_hand)

    def set_warning(
        self, listing: str, *, warn_at: int, by: Actor, **options: Unpack[Options]
    ) -> T:
        """Set at which number available a warning is due.

        Args:
            listing: the listing.
            warn_at: the number.
            by: the merchant, their field agent, or operations.
            options: as of `Options`.
        """
        return self._do("set_warning", listing, by, moves.SetWarning, options, warn_at=warn_at)

    def close(self, listing: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Sell no more of a listing; nothing may be promised still.

        Args:
            listing: the listing.
            by: the merchant, or operations.
            options: as of `Options`.
        """
        return self._do("close", listing, by, Nothing, options)

    def reopen(self, listing: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Sell a closed listing again, with what is there.

        Args:
            listing: the listing.
            by: the merchant, or operations.
            options: as of `Options`.
        """
        return self._do("reopen", listing, by, Nothing, options)


class Capacities(Room[T, Capacity]):
    """The moves of a service's capacity. Every command takes the options of `Options`.

    A service whose capacity was never opened isn't watched. Orders reserve with their appointment,
    and release by themselves. All raise `Refused`, `Invalid` and `Conflict` as those of `Stocks`.
    """

    kind = "capacity"

    def open(
        self, listing: str, *, by: Actor, merchant: str | None = None, **options: Unpack[Options]
    ) -> T:
        """Begin to keep the capacity of a service; a day has none until it is set.

        Args:
            listing: the listing's id, which is the capacity's.
            by: the merchant whose listing it is, or operations.
            merchant: the seller; None for the company's own.
            options: as of `Options`.
        """
        return self._do("open", listing, by, OpenCapacity, options, merchant=merchant)

    def set_day(
        self, listing: str, *, day: date, total: int, by: Actor, **options: Unpack[Options]
    ) -> T:
        """Set how many may be done on a day; not fewer than are reserved.

        Args:
            listing: the listing.
            day: in the mall's zone.
            total: how many.
            by: the merchant, their field agent, or operations.
            options: as of `Options`.
        """
        named = day.isoformat() if type(day) is date else day
        return self._do("set_day", listing, by, SetDay, options, day=named, total=total)

    def close(self, listing: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Take no more appointments; none may be ahead.

        Args:
            listing: the listing.
            by: the merchant, or operations.
            options: as of `Options`.
        """
        return self._do("close", listing, by, Nothing, options)

    def reopen(self, listing: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Take appointments again.

        Args:
            listing: the listing.
            by: the merchant, or operations.
            options: as of `Options`.
        """
        return self._do("reopen", listing, by, Nothing, options)


def _until(when: datetime | None, move: str) -> int | None:
    return None if when is None else microseconds(when, f"stock.{move}.expires_at")

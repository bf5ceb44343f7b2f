"""Orders of one shape: what becomes of one of them becomes of all.

The machines, rules and clocks of orders do nothing with moments but compare and copy them: an
order's with each other, with the moment of the audit, and with what is due. So orders whose
moments compare alike make the same steps, get the same verdicts, and end the same clocks. The
first few of each shape are replayed; where these don't come out alike, none of that shape does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from eldermall.contracts.storage import ClockRow
from eldermall.engine.clock import Clock
from eldermall.engine.rule import Verdict
from eldermall.reports.export import Order
from eldermall.reports.replay import Replay

TRIED = 3
"""How many orders of a shape are replayed."""

Moments = tuple[int | None, ...]
"""Of an order of one part: placed, paid, shipped, delivered, cancelled, agreed to leave by."""


@dataclass(frozen=True, slots=True)
class Due:
    """Something that is due: a limit, counted from one of an order's moments.

    Args:
        since: which of `Moments`.
        limit: in microseconds.
        counting: how it is counted.
    """

    since: int
    limit: int
    counting: str


@dataclass(frozen=True, slots=True)
class End:
    """What became of a clock.

    Args:
        clock: its name.
        outcome: as `Replay.ended` says it.
        due: what was due; one of `Moments` if that was agreed; None if the clock never ran.
        stopped: which of `Moments` stopped it; None if nothing did.
        limit: what is due by the limit, whatever was agreed; None if the clock never ran.
    """

    clock: str
    outcome: str
    due: Due | int | None
    stopped: int | None
    limit: Due | None


@dataclass(frozen=True, slots=True)
class Said:
    """What a rule or machine said of a move, made at one of `Moments`."""

    verdict: Verdict
    move: str
    at: int


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of every order of a shape; nothing more of one that isn't placed yet."""

    placed: bool
    paid: bool
    said: tuple[Said, ...]
    ends: tuple[End, ...]


class Unlike(Exception):
    """What became of an order holds a moment that is none of its own, nor due by a limit."""


def moments_of(order: Order) -> Moments:
    """Return the moments of an order of one part."""
    (goods,) = order.goods
    return (
        order.placed, order.paid, goods.shipped, goods.delivered, goods.cancelled, order.ship_by
    )


def fate_of(replay: Replay, order: Order, due: Callable[[Due, int], int]) -> Fate:
    """Replay an order of one part, and return its fate with its moments by what they are.

    Args:
        replay: plays it.
        order: it.
        due: returns what is due from a moment on.

    Raises:
        Unlike: it can't be said so.
    """
    played = replay.play(order)
    if played is None or played.order is None:
        return Fate(placed=False, paid=False, said=(), ends=())
    moments = moments_of(order)
    said = tuple(
        Said(verdict, move, _which(moments, at))
        for at, move, step in played.steps for verdict in step.decision.verdicts
    )
    ends = tuple(
        _end(clock, outcome, row, moments, due)
        for clock in replay.clocks for outcome, row in replay.ended(played, clock)
    )
    paid = played.order.paid_at is not None
    return Fate(placed=True, paid=paid, said=said, ends=ends)


def _which(moments: Moments, at: int) -> int:
    if at not in moments:
        raise Unlike
    return moments.index(at)


def _end(
    clock: Clock,
    outcome: str,
    row: ClockRow | None,
    moments: Moments,
    due: Callable[[Due, int], int],
) -> End:
    if row is None:
        return End(clock.name, outcome, None, None, None)
    wanted = Due(_which(moments, row.started), row.limit, row.counting)
    by: Due | int = wanted
    if due(wanted, row.started) != row.due:
        by = _which(moments, row.due)
    stopped = None if row.stopped is None else _which(moments, row.stopped)
    return End(clock.name, outcome, by, stopped, wanted)


@dataclass(slots=True)
class Shapes:
    """The fates of shapes, as far as they are known.

    Args:
        replay: plays orders.
        due: returns what is due from a moment on.
    """

    replay: Replay
    due: Callable[[Due, int], int]
    _first: dict[int, tuple[Due, ...]] = field(default_factory=dict)
    _fates: dict[tuple[int, ...], tuple[Fate | None, int]] = field(default_factory=dict)

    def dues(self, shape: int, order: Order) -> tuple[Due, ...]:
        """Return what may be due in a shape, of which ``order`` is one; nothing if unlike."""
        if shape not in self._first:
            try:
                ends = fate_of(self.replay, order, self.due).ends
                found = {end.limit for end in ends if end.limit is not None}
                self._first[shape] = tuple(sorted(found, key=str))
            except Unlike:
                self._first[shape] = ()
        return self._first[shape]

    def fate(self, shape: tuple[int, ...], orders: Sequence[Order]) -> Fate | None:
        """Return the fate of a shape, None if its orders don't come out alike.

        Args:
            shape: how its moments compare, with what is due too.
            orders: some of it.
        """
        known, tried = self._fates.get(shape, (None, 0))
        if tried and known is None:
            return None
        for order in orders[: TRIED - tried]:
            try:
                fate = fate_of(self.replay, order, self.due)
            except Unlike:
                fate = None
            if fate is None or (tried and fate != known):
                self._fates[shape] = None, TRIED
                return None
            known, tried = fate, tried + 1
        self._fates[shape] = known, tried
        return known

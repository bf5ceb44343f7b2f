"""Replaying the recorded moments of an order through the same machines, rules and clocks as live.

The state is the only thing that is ever put right by hand: where a recorded move can't be made
only because steps that the export doesn't record lie between, the record is put into the state
that the move leaves, over the shortest path of unrecorded moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from eldermall.contracts.storage import ClockRow
from eldermall.engine.clock import Clock
from eldermall.engine.kind import Command
from eldermall.engine.machine import Transition
from eldermall.engine.rule import Rule
from eldermall.engine.rulebook import Rulebook
from eldermall.engine.settings import Relaxation, Settings
from eldermall.engine.step import Step
from eldermall.reports import export
from eldermall.reports.columns import MOMENTS
from eldermall.reports.decidable import decidable
from eldermall.reports.moves import OF_PARTS, ORDER, Recorded, command, made, of_part, placing
from eldermall.rooms.orders import Order, Orders

_KEPT = 4096
_Event = tuple[int, int, str, int]  # the moment, the rank among equal ones, the move, the part
_ON_PAPER = Relaxation("observe", "", "", "", until=2**53)


class Replay:
    """Plays orders.

    Args:
        installed: all rules and clocks; those that the export can't decide are left out.
        recorded: the moments that the export holds.
        cancels: whether it has a status that says cancelled.
        cash: whether it has a payment method that says cash on delivery.
        settings: the policy; observed, so that nothing is refused on paper that has happened.
        as_of: moments after it haven't happened.
    """

    def __init__(
        self,
        installed: Rulebook,
        recorded: Sequence[str],
        cancels: bool,
        cash: bool,
        settings: Settings,
        as_of: int,
    ) -> None:
        self._recorded = Recorded(recorded, cancels=cancels)
        self._commands: dict[tuple[object, ...], Command] = {}
        self._as_of = as_of
        self._settings = replace(settings, published=0, relaxed={})
        rules, clocks, left = decidable(installed, self._recorded, self._settings, cash=cash)
        self.left = tuple(left)
        self._book = Rulebook((ORDER,), rules, clocks)
        self.rules = tuple(dict.fromkeys(rule.id for rule in rules))
        self.clocks = self._book.watching[Orders.kind]
        self._settings = replace(
            self._settings, relaxed={r.id: _ON_PAPER for r in self._book.rules.values()}
        )

    @property
    def owners(self) -> tuple[Rule | Clock, ...]:
        """The rules and clocks that are decided."""
        return (*self._book.rules.values(), *self.clocks)

    @property
    def unrecorded(self) -> tuple[Transition, ...]:
        """The moves that the export doesn't record."""
        return self._recorded.left_out

    def play(self, source: export.Order) -> Played | None:
        """Return what became of an order, None if it hasn't been placed."""
        if source.placed > self._as_of:
            return None
        played = Played(source)
        early: list[_Event] = []
        happened, ahead = self._happened(source)
        for event in happened:
            if played.order is None and event[2] != "place":
                # what happened to an order that wasn't placed yet is played once it is
                early.append(event)
            self._move(played, event)
            if early and played.order is not None:
                for known in early:
                    self._move(played, known)
                early = []
        if not ahead and any(goods.ended for goods in source.goods):
            last = happened[-1][0]
            for n, goods in enumerate(source.goods):
                if goods.ended and goods.cancelled is None:
                    self._move(played, (last, len(MOMENTS), "cancel", n))
        return played

    def _happened(self, source: export.Order) -> tuple[list[_Event], bool]:
        # what happened until the moment of the audit, and whether something comes after it
        events: list[_Event] = [(source.placed, 0, "place", 0)]
        if source.paid is not None:
            events.append((source.paid, 1, "pay", 0))
        for n, part in enumerate(source.goods):
            if part.shipped is not None:
                events.append((part.shipped, 2, "ship", n))
            if part.delivered is not None and self._recorded.delivers:
                events.append((part.delivered, 3, "deliver", n))
            if part.cancelled is not None:
                events.append((part.cancelled, 4, "cancel", n))
        events.sort()
        past = [event for event in events if event[0] <= self._as_of]
        return past, len(past) < len(events)

    def ended(self, played: Played, clock: Clock) -> list[tuple[str, ClockRow | None]]:
        """Return what became of a clock for each part it ran for: its outcome and its row.

        ``met``, ``late``, ``stopped`` (its cause gone before it was due, or nobody knows when);
        ``never`` if it is due, or was when its cause went, and ``running`` if it isn't. A part
        that was done before its clock could start is met, without a row.
        """
        found: list[tuple[str, ClockRow | None]] = []
        for (name, _), row in played.clocks.items():
            if name == clock.name:
                state: str = row.state
                if state == "running":
                    state = "never" if self._as_of > row.due else "running"
                elif state == "lapsed":
                    dated = any(goods.cancelled is not None for goods in played.source.goods)
                    state = "never" if dated else "stopped"
                found.append((state, row))
        order = played.order
        if order is not None and order.parcels and len(found) < len(order.lines):
            first = played.first
            untouched = order.model_copy(
                update={"goods": first.goods, "parcels": (), "lines": first.lines}
            )
            found += [
                ("met", None) for part in clock.runs(untouched)
                if (clock.name, part) not in played.clocks and clock.met(order, part)
            ]
        return found

    def _move(self, played: Played, event: _Event) -> None:
        at, _, move, n = event
        order = played.order
        if move == "cancel" and order is not None and not order.lines[n].outstanding:
            return
        if order is not None:
            order = self._recorded.between(order, move)
        clocks = played.clocks
        taken = made(
            self._book, self._settings, self._said(played.source, move, n), order, at, self._as_of,
            [row for row in clocks.values() if row.stopped is None] if clocks else (),
        )
        played.steps.append((at, move, taken))
        if taken.record is None:
            return
        played.order = cast(Order, taken.record)
        if order is None:
            played.first = played.order
        for change in taken.clocks:
            row = change.row
            clocks[row.name, row.part] = row

    def _said(self, source: export.Order, move: str, n: int) -> Command:
        goods = source.goods
        if move == "place":
            key: tuple[object, ...] = (move, source.cash, source.ship_by, *[
                part.courier for part in goods
            ])
        else:
            key = (move, n, move in OF_PARTS or (move == "cancel" and len(goods) > 1))
        known = self._commands.get(key)
        if known is None:
            if move == "place":
                couriers = [part.courier for part in goods]
                known = command(move, placing(couriers, source.cash, source.ship_by))
            else:
                known = command(move, of_part(move, n) if key[-1] is True else None)
            if len(self._commands) > _KEPT:
                self._commands.clear()
            self._commands[key] = known
        return known


class Played:
    """What became of an order.

    ``order`` is it as it stands and ``first`` as it was placed; ``steps`` are all moves, each with
    its moment and name; ``clocks`` are its clocks by name and part. ``source`` is what the export
    has of it.
    """

    __slots__ = ("clocks", "first", "order", "source", "steps")

    first: Order

    def __init__(self, source: export.Order) -> None:
        self.source = source
        self.order: Order | None = None
        self.steps: list[tuple[int, str, Step]] = []
        self.clocks: dict[tuple[str, str], ClockRow] = {}

"""Replaying the recorded moments of an order through the same machines, rules and clocks as live.

The state is the only thing that is ever put right by hand: where a recorded move can't be made
only because steps that the export doesn't record lie between, the record is put into the state
that the move leaves, over the shortest path of unrecorded moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from eldermall.contracts.storage import ClockRow
from eldermall.engine.actor import Actor, person, system
from eldermall.engine.clock import Clock
from eldermall.engine.inputs import Arguments
from eldermall.engine.kind import Command
from eldermall.engine.machine import Guard, Machine, Transition
from eldermall.engine.room import Nothing
from eldermall.engine.rule import Context, Fact, Rule
from eldermall.engine.rulebook import Rulebook
from eldermall.engine.settings import Relaxation, Settings, Technical
from eldermall.engine.step import Step, edge, step
from eldermall.reports import export
from eldermall.reports.columns import MOMENTS
from eldermall.rooms.orders import Order, Orders
from eldermall.rooms.orders.states import Goods, Payment
from eldermall.texts import Text

ID = "export"
LINE = "1"
_ORDER = replace(Orders.KIND, requests=None)  # an audit asks the outside for nothing
MOVES: Mapping[str, str] = {
    "placed": "place", "paid": "pay", "shipped": "ship", "delivered": "deliver",
    "cancelled": "cancel",
}
"""The move that each moment of an export records."""

_WHO = system("export")
_STAFF = person("staff", "operations", department="operations")
NOT_ABOUT_ORDERS = Text("不属于商品订单", "it isn't about orders of goods")
TRACKS = (Goods.table, Payment.table)
"""The machines that an order of an export goes through: services aren't among them."""
_KEPT = 4096
_OF_PARTS = ("ship", "deliver")
_Event = tuple[int, int, str, int]  # the moment, the rank among equal ones, the move, the part
_ANY_TIME = Technical(backdating=2**53, future=2**53)
_ON_PAPER = Relaxation("observe", "", "", "", until=2**53)
_ARGS: Mapping[str, Arguments] = {
    "pay": Orders.paid.model(amount=1, currency="XXX", reference=ID),
    "track": Orders.track.model(
        parcel=ID, words=({"text": "", "location": ""},),
        events=({"status": "in_transit", "at": 10**6, "code": "", "reference": ""},),
    ),
    "cancel": Orders.cancel.model(reason="status"),
    "hand_over": Orders.hand_over.model(to=ID),
    "contact_merchant": Orders.contact_merchant.model(way="unknown"),
}


def _place(couriers: Sequence[bool], cash: bool, ship_by: int | None = None) -> Arguments:
    # all the money lies on the first line: what is paid is never asked of the others
    args: Arguments = Orders.place.model(
        merchant=ID, customer=ID, channel=ID, currency="XXX", total=1, cash_on_delivery=cash,
        ship_by=ship_by,
        lines=tuple(
            {"id": _line(n), "listing": ID, "quantity": 1, "amount": int(n == 0), "courier": by}
            for n, by in enumerate(couriers)
        ),
    )
    return args


def _line(n: int) -> str:
    return str(n + 1)


def _of_part(move: str, n: int) -> Arguments:
    # what a move of one of the parts says in which an order left
    parcel = ID if n == 0 else f"{ID}{n}"
    args: Arguments
    if move == "ship":
        args = Orders.ship.model(parcel=parcel, courier=ID, tracking=ID, lines={_line(n): 1})
    elif move == "deliver":
        args = Orders.deliver.model(parcel=parcel)
    else:
        args = Orders.cancel.model(reason="status", lines={_line(n): 1})
    return args


def _actor(move: str) -> Actor:
    by = next(t.by for m in TRACKS for t in m.transitions if t.name == move)
    return _WHO if "system" in by else _STAFF


def _command(move: str, args: Arguments | None = None) -> Command:
    args = _ARGS.get(move, Nothing()) if args is None else args
    return Command(Orders.kind, move, ID, _actor(move), args)


@dataclass(frozen=True, slots=True)
class Left:
    """A rule or clock that an export of orders can't decide.

    Args:
        id: of the rule or clock.
        label: what it demands.
        why: what the export lacks.
    """

    id: str
    label: Text
    why: Text


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
        self._recorded = {MOVES[m] for m in recorded} | ({"cancel"} if cancels else set())
        self._delivers = "shipped" in recorded
        self._played = {MOVES[m] for m in recorded if m != "delivered" or self._delivers}
        self._cash = cash
        self._commands: dict[tuple[object, ...], Command] = {}
        self._as_of = as_of
        self._over: dict[tuple[str, str, str], dict[str, str] | None] = {}
        self._settings = replace(settings, published=0, relaxed={})
        self._book = Rulebook((_ORDER,))
        left: list[Left] = []
        rules, clocks = self._decidable(installed, left)
        self.left = tuple(left)
        self._book = Rulebook((_ORDER,), rules, clocks)
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
        named = {
            t.name: t for m in TRACKS for t in m.transitions
            if t.by not in ((), ("system",)) and not t.erases and t.name not in self._recorded
        }
        return tuple(named.values())

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
            if part.delivered is not None and self._delivers:
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
            order = self._between(order, move)
        clocks = played.clocks
        taken = self._step(
            self._said(played.source, move, n), order, at,
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
            key = (move, n, move in _OF_PARTS or (move == "cancel" and len(goods) > 1))
        known = self._commands.get(key)
        if known is None:
            if move == "place":
                couriers = [part.courier for part in goods]
                known = _command(move, _place(couriers, source.cash, source.ship_by))
            else:
                known = _command(move, _of_part(move, n) if key[-1] is True else None)
            if len(self._commands) > _KEPT:
                self._commands.clear()
            self._commands[key] = known
        return known

    def _step(
        self, command: Command, order: Order | None, at: int, running: Sequence[ClockRow] = ()
    ) -> Step:
        settings = self._settings
        context = Context(
            ID, order, command.args, command.actor, at, self._as_of, {}, settings, settings,
            running,
        )
        return step(self._book, _ORDER, command, context, _ANY_TIME)

    def _between(self, order: Order, move: str) -> Order:
        # the record in the state that the move leaves, if only unrecorded moves lie between
        key = move, order.track, order.payment
        if key in self._over:
            over = self._over[key]
        else:
            here = edge(_ORDER, order, move)
            machine = here.machine
            source = None if here.taken is not None else self._nearest(machine, here.state, move)
            over = self._over[key] = None if source is None else {machine.field: source}
        return order if over is None else order.model_copy(update=over)

    def _nearest(self, machine: Machine, state: str, move: str) -> str | None:
        seen, ahead = {state}, [state]
        for here in ahead:
            if (here, move) in machine.edges:
                return here
            for t in machine.transitions:
                if here in t.sources and self._unrecorded(t) and t.target not in seen:
                    seen.add(str(t.target))
                    ahead.append(str(t.target))
        return None

    def _unrecorded(self, t: Transition) -> bool:
        return t.target is not None and t.when is None and t.name not in self._recorded

    def _decidable(
        self, installed: Rulebook, left: list[Left]
    ) -> tuple[list[Rule], list[Clock]]:
        pairs, taken = self._samples()
        asked = {rule.name for t in taken for rule in installed.guarding(*t)}
        rules: list[Rule] = []
        clocks: list[Clock] = []
        for rule in installed.rules.values():
            why = self._lacking_rule(rule, installed.guards[rule.name], rule.name in asked, pairs)
            if why is None:
                rules.append(rule)
            else:
                left.append(Left(rule.id, rule.label, why))
        for clock in installed.clocks.values():
            why = self._lacking_clock(clock, pairs)
            if why is None:
                # nobody is told of anything in an audit
                clocks.append(replace(clock, warn=None, ladder=()))
            else:
                left.append(Left(clock.id, clock.label, why))
        return rules, clocks

    def _lacking_rule(
        self, rule: Rule, guards: Sequence[Guard], asked: bool, pairs: list[tuple[Order, Order]]
    ) -> Text | None:
        if not {g.machine for g in guards} & {m.name for m in TRACKS}:
            return NOT_ABOUT_ORDERS
        if not asked:
            return Text("导出文件未记录该规则所管的操作", "it guards no move that is recorded")
        unknown = [f for f in rule.needs if f.source in ("lookup", "actor", "argument")]
        unknown += [f for f in rule.needs if f.source == "record" and self._differs(f, pairs)]
        if unknown:
            return Text(
                "导出文件缺少：" + "、".join(f.label.zh for f in unknown),
                "not in the export: " + ", ".join(f.label.en for f in unknown),
            )
        return self._unset(rule)

    def _lacking_clock(self, clock: Clock, pairs: list[tuple[Order, Order]]) -> Text | None:
        if clock.kind != Orders.kind:
            return NOT_ABOUT_ORDERS
        if not any(clock.runs(order) for pair in pairs for order in pair):
            return NOT_ABOUT_ORDERS
        if any(clock.runs(before) != clock.runs(after) for before, after in pairs):
            return Text(
                "其起止取决于导出文件未记录的操作",
                "a move that isn't recorded starts or stops it",
            )
        return self._unset(replace(clock, warn=None, ladder=()))

    def _unset(self, owner: Rule | Clock) -> Text | None:
        unset = [s.key for s in owner.settings if s.key not in self._settings.values]
        if not unset:
            return None
        return Text(
            "须由政策设定：" + "、".join(unset), "a policy must set: " + ", ".join(unset)
        )

    def _differs(self, fact: Fact, pairs: list[tuple[Order, Order]]) -> bool:
        def read(order: Order) -> Any:
            return fact.read(
                Context(ID, order, Nothing(), _WHO, 0, 0, {}, self._settings, self._settings)
            )

        return any(read(before) != read(after) for before, after in pairs)

    def _samples(
        self,
    ) -> tuple[list[tuple[Order, Order]], list[tuple[Machine, Transition]]]:
        # sample orders before and after each unrecorded move that may lie between recorded ones,
        # and the edges that recorded moves take
        played = self._played | (self._recorded & {"cancel"})
        between = {
            t.name
            for machine in TRACKS
            for t in machine.transitions
            if t.target is not None
            and self._unrecorded(t)
            and any(self._nearest(machine, t.target, move) for move in self._recorded)
        } | ({"track", *MOVES.values()} - self._recorded - {"cancel"})
        placings = [_command("place", _place([True], cash)) for cash in (False, True)]
        firsts = [self._step(place, None, 1) for place in placings[: 1 + self._cash]]
        pairs: list[tuple[Order, Order]] = []
        taken = [(moved.machine, moved.transition) for moved in firsts[0].path]
        ahead, seen, at = [cast(Order, first.record) for first in firsts], set[str](), 1
        while ahead:
            before = ahead.pop()
            for move in sorted(between | played):
                at += 1
                args = _of_part(move, 0) if move in _OF_PARTS else None
                command = _command(move, args)
                after = self._step(command, before, at)
                if after.record is None:
                    continue
                order = cast(Order, after.record)
                if move in between:
                    pairs.append((before, order))
                else:
                    taken += [(moved.machine, moved.transition) for moved in after.path]
                if order.summary not in seen:
                    seen.add(order.summary)
                    ahead.append(order)
        return pairs, taken


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

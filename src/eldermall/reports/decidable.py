"""Which rules and clocks an export of orders can decide, and what it lacks for the others.

Sample orders are moved along every way that the export leaves open: what changes by a move that
it doesn't record can't be decided from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from eldermall.engine.clock import Clock
from eldermall.engine.machine import Guard, Machine, Transition
from eldermall.engine.room import Nothing
from eldermall.engine.rule import Context, Fact, Rule
from eldermall.engine.rulebook import Rulebook
from eldermall.engine.settings import Settings
from eldermall.reports.moves import (
    ID,
    MOVES,
    OF_PARTS,
    ORDER,
    TRACKS,
    WHO,
    Recorded,
    command,
    made,
    of_part,
    placing,
)
from eldermall.rooms.orders import Order, Orders
from eldermall.texts import Text

NOT_ABOUT_ORDERS = Text("不属于商品订单", "it isn't about orders of goods")
Pair = tuple[Order, Order]


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


def decidable(
    installed: Rulebook, recorded: Recorded, settings: Settings, *, cash: bool
) -> tuple[list[Rule], list[Clock], list[Left]]:
    """Return the rules and clocks that an export decides, and those that it can't.

    Args:
        installed: all of them.
        recorded: what the export records.
        settings: the policy.
        cash: whether it says which orders are cash on delivery.
    """
    pairs, taken = _samples(recorded, settings, cash=cash)
    # when cash was collected at the door isn't recorded, and no rule of a recorded move hangs on it
    prepaid = [pair for pair in pairs if not pair[0].cash_on_delivery]
    left: list[Left] = []
    asked = {rule.name for t in taken for rule in installed.guarding(*t)}
    rules: list[Rule] = []
    clocks: list[Clock] = []
    for rule in installed.rules.values():
        guards = installed.guards[rule.name]
        why = _lacking_rule(rule, guards, settings, prepaid, asked=rule.name in asked)
        if why is None:
            rules.append(rule)
        else:
            left.append(Left(rule.id, rule.label, why))
    for clock in installed.clocks.values():
        why = _lacking_clock(clock, settings, pairs)
        if why is None:
            # nobody is told of anything in an audit
            clocks.append(replace(clock, warn=None, ladder=()))
        else:
            left.append(Left(clock.id, clock.label, why))
    return rules, clocks, left


def _lacking_rule(
    rule: Rule, guards: Sequence[Guard], settings: Settings, pairs: Sequence[Pair], *, asked: bool
) -> Text | None:
    if not {g.machine for g in guards} & {m.name for m in TRACKS}:
        return NOT_ABOUT_ORDERS
    if not asked:
        return Text("导出文件未记录该规则所管的操作", "it guards no move that is recorded")
    unknown = [f for f in rule.needs if f.source in ("lookup", "actor", "argument")]
    unknown += [f for f in rule.needs if f.source == "record" and _differs(f, settings, pairs)]
    if unknown:
        return Text(
            "导出文件缺少：" + "、".join(f.label.zh for f in unknown),
            "not in the export: " + ", ".join(f.label.en for f in unknown),
        )
    return _unset(rule, settings)


def _lacking_clock(clock: Clock, settings: Settings, pairs: Sequence[Pair]) -> Text | None:
    if clock.kind != Orders.kind:
        return NOT_ABOUT_ORDERS
    if not any(clock.runs(order) for pair in pairs for order in pair):
        return NOT_ABOUT_ORDERS
    if any(clock.runs(before) != clock.runs(after) for before, after in pairs):
        return Text(
            "其起止取决于导出文件未记录的操作",
            "a move that isn't recorded starts or stops it",
        )
    return _unset(replace(clock, warn=None, ladder=()), settings)


def _unset(owner: Rule | Clock, settings: Settings) -> Text | None:
    unset = [s.key for s in owner.settings if s.key not in settings.values]
    if not unset:
        return None
    return Text(
        "须由政策设定：" + "、".join(unset), "a policy must set: " + ", ".join(unset)
    )


def _differs(fact: Fact, settings: Settings, pairs: Sequence[Pair]) -> bool:
    def read(order: Order) -> Any:
        return fact.read(
            Context(ID, order, Nothing(), WHO, 0, 0, {}, settings, settings)
        )

    return any(read(before) != read(after) for before, after in pairs)


def _samples(
    recorded: Recorded, settings: Settings, *, cash: bool
) -> tuple[list[Pair], list[tuple[Machine, Transition]]]:
    # sample orders before and after each unrecorded move that may lie between recorded ones,
    # and the edges that recorded moves take
    book = Rulebook((ORDER,))
    played = recorded.played | (recorded.moves & {"cancel"})
    between = {
        t.name
        for machine in TRACKS
        for t in machine.transitions
        if t.target is not None
        and recorded.leaves_out(t)
        and any(recorded.nearest(machine, t.target, move) for move in recorded.moves)
    } | ({"track", *MOVES.values()} - recorded.moves - {"cancel"})
    firsts = [
        made(book, settings, command("place", placing([True], by_cash)), None, 1, 1)
        for by_cash in ((False, True) if cash else (False,))
    ]
    pairs: list[Pair] = []
    taken = [(moved.machine, moved.transition) for moved in firsts[0].path]
    ahead, seen, at = [cast(Order, first.record) for first in firsts], set[str](), 1
    while ahead:
        before = ahead.pop()
        for move in sorted(between | played):
            at += 1
            args = of_part(move, 0) if move in OF_PARTS else None
            after = made(book, settings, command(move, args), before, at, at)
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

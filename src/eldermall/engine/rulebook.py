"""The rulebook: kinds, rules, clocks and reactions put together, checked, and ready to ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from eldermall.calendars import RestDays, unknown
from eldermall.engine.clock import Clock
from eldermall.engine.kind import ADOPTED, BREACHED, Kind, Reaction
from eldermall.engine.machine import Every, Guard, Machine, Transition
from eldermall.engine.rule import Fact, Lookup, Rule
from eldermall.engine.settings import Setting
from eldermall.errors import DefinitionError, Unknown
from eldermall.texts import Text

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules asked for a move along one edge, and the facts they need."""

    rules: tuple[Rule, ...]
    facts: tuple[Fact, ...]
    dated: bool


class Rulebook:
    """Everything that can move and everything that guards it. Read-only and shared by threads.

    Args:
        kinds: the kinds of records.
        rules: all versions of all rules. What each guards, ``guards`` says by its name.
        clocks: all versions of all clocks; the newest of each id starts, older ones run out.
        reactions: what follows from events.
        rest_days: which days people work.

    Raises:
        DefinitionError: duplicates, guards or kinds that don't exist, reactions in a circle.
    """

    def __init__(
        self,
        kinds: Iterable[Kind],
        rules: Iterable[Rule] = (),
        clocks: Iterable[Clock] = (),
        reactions: Iterable[Reaction] = (),
        rest_days: RestDays = unknown,
    ) -> None:
        self.rest_days = rest_days
        self.kinds: Mapping[str, Kind] = _by_name((k.name, k) for k in kinds)
        self.machines: Mapping[str, Machine] = _by_name(
            (m.name, m) for k in self.kinds.values() for m in k.machines
        )
        self.rules: Mapping[str, Rule] = _by_name((r.name, r) for r in rules)
        self.clocks: Mapping[str, Clock] = _by_name((c.name, c) for c in clocks)
        self.reactions: tuple[Reaction, ...] = tuple(reactions)
        self.guards: Mapping[str, tuple[Guard, ...]] = {
            rule.name: tuple(dict.fromkeys(self._guards(rule))) for rule in self.rules.values()
        }
        self._guarded: dict[Guard, tuple[Rule, ...]] = {}
        for rule in self.rules.values():
            for guard in self.guards[rule.name]:
                self._guarded[guard] = (*self._guarded.get(guard, ()), rule)
        self._plans: dict[tuple[str, str, str | None], Plan] = {}
        self._lookups: dict[tuple[str, str, str | None], tuple[Lookup, ...]] = {}
        self._host_facts: dict[tuple[str, str], tuple[Fact, ...]] = {}
        newest: dict[str, Clock] = {}
        for clock in sorted(self.clocks.values(), key=lambda c: c.version):
            newest[clock.id] = clock
        self.watching: Mapping[str, tuple[Clock, ...]] = {
            kind: tuple(
                c for c in self.clocks.values() if c.kind == kind and newest[c.id] is c
            )
            for kind in self.kinds
        }
        self.reacting: Mapping[tuple[str, str], tuple[Reaction, ...]] = {
            (r.kind, r.event): tuple(
                other for other in self.reactions if (other.kind, other.event) == (r.kind, r.event)
            )
            for r in self.reactions
        }
        self._check()

    def kind(self, name: str) -> Kind:
        """Return the kind ``name``.

        Raises:
            Unknown: there is none.
        """
        if name not in self.kinds:
            known = list(self.kinds)
            raise Unknown(
                Text(
                    f"没有类别 {name}，只有 {'、'.join(known)}",
                    f"there is no kind {name}; there are {', '.join(known)}",
                )
            )
        return self.kinds[name]

    def _guards(self, rule: Rule) -> Iterable[Guard]:
        for guard in rule.guards:
            if isinstance(guard, Every):
                yield from guard.guards(self.machines.values())
            else:
                yield guard

    def guarding(self, machine: Machine, transition: Transition) -> tuple[Rule, ...]:
        """Return the rules asked when ``transition`` is made, each once."""
        asked = self._guarded.get(Guard(machine.name, "move", transition.name), ())
        if transition.target is not None:
            asked += self._guarded.get(Guard(machine.name, "enter", transition.target), ())
        return tuple(dict.fromkeys(asked))

    def plan(self, machine: Machine, transition: Transition) -> Plan:
        """Return the rules and facts for ``transition``."""
        key = (machine.name, transition.name, transition.target)
        plan = self._plans.get(key)
        if plan is None:
            rules = self.guarding(machine, transition)
            facts = tuple({f.name: f for r in rules for f in r.needs}.values())
            dated = any(r.since is not None or r.until is not None for r in rules)
            plan = self._plans[key] = Plan(rules, facts, dated)
        return plan

    def lookups(self, kind: Kind, machine: Machine, transition: Transition) -> tuple[Lookup, ...]:
        """Return the other records that ``transition`` and what may follow by itself need."""
        key = (machine.name, transition.name, transition.target)
        found = self._lookups.get(key)
        if found is None:
            following = [(m, t) for m in kind.machines for t in m.automatic]
            facts = {
                fact.name: fact
                for m, t in [(machine, transition), *following]
                for fact in self.plan(m, t).facts
            }
            found = self._lookups[key] = tuple(f.lookup for f in facts.values() if f.lookup)
        return found

    def host_facts(self, kind: str, move: str) -> tuple[Fact, ...]:
        """Return the facts that a move, whatever state it leaves, needs from the host."""
        found = self._host_facts.get((kind, move))
        if found is None:
            noun = self.kind(kind)
            wanted = {
                fact.name: fact
                for machine in noun.machines if move in noun.machines_of
                for t in machine.transitions if t.name == move or t.when is not None
                for fact in self.plan(machine, t).facts if fact.source == "host"
            }
            found = self._host_facts[kind, move] = tuple(wanted.values())
        return found

    @cached_property
    def settings(self) -> Mapping[str, Setting]:
        """Every setting that a rule or clock reads, by key."""
        declared: dict[str, Setting] = {}
        owners: list[Rule | Clock] = [*self.rules.values(), *self.clocks.values()]
        for owner in owners:
            for setting in owner.settings:
                if declared.setdefault(setting.key, setting) != setting:
                    raise DefinitionError(
                        Text(
                            f"设置 {setting.key} 有两种定义",
                            f"setting {setting.key} is declared in two ways",
                        )
                    )
        return dict(sorted(declared.items()))

    @cached_property
    def cited(self) -> tuple[str, ...]:
        """The names of all rules and clocks, versions included."""
        return tuple(sorted([*self.rules, *self.clocks]))

    def _check(self) -> None:
        for rule in self.rules.values():
            for guard in self.guards[rule.name]:
                machine = self.machines.get(guard.machine)
                known = machine and (
                    guard.name in machine.names if guard.on == "move" else
                    guard.name in machine.labels
                )
                if not known:
                    raise DefinitionError(
                        Text(
                            f"规则 {rule.id} 守护的 {guard.machine}.{guard.name} 不存在",
                            f"rule {rule.id} guards {guard.machine}.{guard.name}, which isn't "
                            "there",
                        )
                    )
            for fact in rule.needs:
                if fact.lookup is not None and fact.lookup.kind not in self.kinds:
                    raise DefinitionError(
                        Text(
                            f"规则 {rule.id} 需要未知类别 {fact.lookup.kind}",
                            f"rule {rule.id} needs the kind {fact.lookup.kind}, which isn't there",
                        )
                    )
        for clock in self.clocks.values():
            if clock.kind not in self.kinds:
                raise DefinitionError(
                    Text(
                        f"时限 {clock.id} 引用了未知类别 {clock.kind}",
                        f"clock {clock.id} watches the kind {clock.kind}, which isn't there",
                    )
                )
            moves = self.kinds[clock.kind].machines_of
            if clock.on_breach is not None and clock.on_breach not in moves:
                raise DefinitionError(
                    Text(
                        f"时限 {clock.id} 超期时的动作 {clock.on_breach} 不存在",
                        f"clock {clock.id} makes the move {clock.on_breach}, which isn't there",
                    )
                )
        self._check_reactions()

    def _check_reactions(self) -> None:
        follows: dict[tuple[str, str], set[tuple[str, str]]] = {}
        for reaction in self.reactions:
            for name in (reaction.kind, reaction.target):
                if name not in self.kinds:
                    raise DefinitionError(
                        Text(
                            f"反应 {reaction.kind}.{reaction.event} → {reaction.target}."
                            f"{reaction.move} 引用了未知类别 {name}",
                            f"reaction {reaction.kind}.{reaction.event} to {reaction.target}."
                            f"{reaction.move} names the kind {name}, which isn't there",
                        )
                    )
            heard = {ADOPTED, BREACHED} | {
                t.event
                for m in (self.kind(reaction.kind).machines)
                for t in m.transitions
            }
            made = self.kind(reaction.target).machines_of.get(reaction.move, ())
            if reaction.event not in heard or not made:
                raise DefinitionError(
                    Text(
                        f"反应 {reaction.kind}.{reaction.event} → {reaction.target}."
                        f"{reaction.move} 引用了不存在的事件或动作",
                        f"reaction {reaction.kind}.{reaction.event} to {reaction.target}."
                        f"{reaction.move} names an event or move that isn't there",
                    )
                )
            alone = made and made[0].named(reaction.move).alone
            events = {
                t.event
                for machine in made
                for t in machine.transitions
                if t.name == reaction.move or (t.when is not None and not alone)
            }
            if reaction.event == BREACHED and not reaction.best_effort:
                raise DefinitionError(
                    Text(
                        f"对超期的反应 {reaction.target}.{reaction.move} 须为尽力而为",
                        f"the reaction {reaction.target}.{reaction.move} to a breach must be "
                        "best-effort",
                    )
                )
            if reaction.best_effort and (
                firm := [r for e in events for r in self.reacting.get((reaction.target, e), ())
                         if not r.best_effort]
            ):
                raise DefinitionError(
                    Text(
                        f"反应 {reaction.target}.{reaction.move} 为尽力而为，由其引发的 "
                        f"{firm[0].target}.{firm[0].move} 也须如此",
                        f"the reaction {reaction.target}.{reaction.move} is best-effort, so "
                        f"{firm[0].target}.{firm[0].move}, which follows from it, must be too",
                    )
                )
            follows.setdefault((reaction.kind, reaction.event), set()).update(
                (reaction.target, event) for event in events
            )
        for start, next_ones in follows.items():
            reached: set[tuple[str, str]] = set()
            ahead = set(next_ones)
            while ahead:
                reached |= ahead
                ahead = {n for a in ahead for n in follows.get(a, ())} - reached
            if start in reached:
                raise DefinitionError(
                    Text(
                        f"反应成环：{start[0]}.{start[1]} 会引发自身",
                        f"reactions go in a circle: {start[0]}.{start[1]} causes itself",
                    )
                )


def _by_name(pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    found: dict[str, T] = {}
    for name, thing in pairs:
        if name in found:
            raise DefinitionError(Text(f"{name} 定义了两次", f"{name} is defined twice"))
        found[name] = thing
    return found

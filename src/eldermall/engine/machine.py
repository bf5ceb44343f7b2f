"""A machine: the frozen table of states and transitions that says how something may move.

The table is the truth. It is printed for reviewers, checked strictly, and compiled once into one
shared `transitions.Machine` that is fed with throw-away cursors and never holds a model.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

from transitions import Machine as Compiled

from eldermall.engine.actor import Role
from eldermall.engine.moments import Happened
from eldermall.errors import DefinitionError
from eldermall.texts import Text

if TYPE_CHECKING:
    from eldermall.engine.rule import Context

logging.getLogger("transitions").setLevel(logging.WARNING)

NEW: Final = "(new)"
"""The pseudo-state of what doesn't exist yet."""

Effect = Callable[["Context"], Mapping[str, object]]
Follows = Callable[[Any, int], Mapping[str, object]]


def always(subject: Any) -> bool:
    """Say that a machine applies to every record of its kind."""
    return True


@dataclass(frozen=True, slots=True)
class State:
    """A state.

    Args:
        name: unique in its machine.
        label: what it is called in print.
        end: whether something may rest in it for good.
        standing: whether something in it is only on offer, so that nobody has to do anything.
    """

    name: str
    label: Text
    end: bool = False
    standing: bool = False


@dataclass(frozen=True, slots=True)
class Transition:
    """A named move.

    Args:
        name: imperative, the command's name.
        sources: the states it leaves; `NEW` for the move that makes the record.
        target: the state it enters; None for a move that changes data and no state.
        by: the roles that may make it. Empty for a move that follows by itself.
        label: what it is called in print.
        event: its past tense, under which hosts hear of it.
        effect: computes the fields that change; raises `Unfit` if the data forbid it.
        when: makes it automatic: it follows any other move after which this holds.
        follows: of an automatic move: computes the fields that change, from the record and the
            moment of the move that it follows.
        erases: whether the personal values behind the record's entries go with it.
        link: the link of daily operation whose persons answer for it (S19 article 5), if any.
        aside: whether nobody waits for it, so that no work list names it.
        meant: who is meant to make it, where that is fewer than ``by``.
        fits: says of a record whether the move has any sense for it.
        after: the moments that it can't precede, beside the making of the record.
        quiet: whether nothing is written where it changes nothing.
        alone: whether no automatic move follows it.
    """

    name: str
    sources: tuple[str, ...]
    target: str | None
    by: tuple[Role, ...]
    label: Text
    event: str
    effect: Effect | None = None
    when: Callable[[Any], bool] | None = None
    erases: bool = False
    link: str | None = None
    aside: bool = False
    meant: tuple[Role, ...] = ()
    fits: Callable[[Any], bool] | None = None
    after: tuple[Happened, ...] = ()
    follows: Follows | None = None
    quiet: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Guard:
    """What a rule guards: a named move of a machine, or entering one of its states."""

    machine: str
    on: Literal["move", "enter"]
    name: str


@dataclass(frozen=True, slots=True)
class Every:
    """What a rule guards by property: every move, of whatever machine, of which something holds."""

    holds: Callable[[Transition], bool]

    def guards(self, machines: Iterable[Machine]) -> Iterable[Guard]:
        """Return the guards on the moves of ``machines`` that it means."""
        for machine in machines:
            for t in machine.transitions:
                if self.holds(t):
                    yield Guard(machine.name, "move", t.name)


EVERY_ERASURE = Every(lambda t: t.erases)
"""Guards every move that erases what a record says of a person."""


def every_move_of(link: str) -> Every:
    """Return the guard on every move of a link of daily operation."""
    return Every(lambda t: t.link == link)


class Unfit(Exception):
    """Raised by an effect whose data forbid the move.

    Args:
        text: what is wrong and what would be right.
    """

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class _Cursor:
    __slots__ = ("state",)

    def __init__(self, state: str) -> None:
        self.state = state


@dataclass(frozen=True)
class Machine:
    """A checked table.

    Args:
        name: unique among machines.
        field: the field of the record that holds the state.
        label: what it is called in print.
        states: all states but `NEW`.
        transitions: all moves.
        born: the states in which a move of another machine may make the record.
        applies: whether it is a track of this record (or of what these arguments would make);
            where it isn't, ``field`` is None. Tracks that exclude each other share names of moves.

    Raises:
        DefinitionError: every contradiction found: unknown or unreachable states, states with no
            way to an end, duplicates, ambiguous moves.
    """

    name: str
    field: str
    label: Text
    states: tuple[State, ...]
    transitions: tuple[Transition, ...]
    born: tuple[str, ...] = ()
    applies: Callable[[Any], bool] = always

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise DefinitionError(
                Text(
                    f"状态机 {self.name} 有误：" + "；".join(p.zh for p in problems),
                    f"machine {self.name}: " + "; ".join(p.en for p in problems),
                )
            )

    def move(self, name: str) -> Guard:
        """Return the guard on the move ``name``.

        Raises:
            DefinitionError: there is no such move.
        """
        if not any(t.name == name for t in self.transitions):
            raise DefinitionError(
                Text(
                    f"状态机 {self.name} 没有动作 {name}",
                    f"machine {self.name} has no move {name}",
                )
            )
        return Guard(self.name, "move", name)

    def entering(self, state: str) -> Guard:
        """Return the guard on entering ``state``, by whatever move.

        Raises:
            DefinitionError: there is no such state.
        """
        if state not in self.labels:
            raise DefinitionError(
                Text(
                    f"状态机 {self.name} 没有状态 {state}",
                    f"machine {self.name} has no state {state}",
                )
            )
        return Guard(self.name, "enter", state)

    @cached_property
    def labels(self) -> Mapping[str, Text]:
        """The states' labels by name."""
        return {state.name: state.label for state in self.states}

    def state(self, name: str) -> State:
        """Return the state ``name``, which `labels` must know."""
        return next(state for state in self.states if state.name == name)

    @cached_property
    def ends(self) -> frozenset[str]:
        """The states in which something may rest for good."""
        return frozenset(state.name for state in self.states if state.end)

    @cached_property
    def edges(self) -> Mapping[tuple[str, str], Transition]:
        """The transitions by (source, name)."""
        return {(source, t.name): t for t in self.transitions for source in t.sources}

    def named(self, move: str) -> Transition:
        """Return the first transition called ``move``, which `names` must know."""
        return next(t for t in self.transitions if t.name == move)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all moves."""
        return frozenset(t.name for t in self.transitions)

    @cached_property
    def automatic(self) -> tuple[Transition, ...]:
        """The moves that follow by themselves."""
        return tuple(t for t in self.transitions if t.when is not None)

    @cached_property
    def following(self) -> Mapping[str, tuple[Transition, ...]]:
        """The moves that follow by themselves, by the state they leave."""
        return {
            state: found
            for state in self.labels
            if (found := tuple(t for t in self.automatic if state in t.sources))
        }

    @cached_property
    def _taken(self) -> dict[tuple[str, str], Moved]:
        return {}

    @cached_property
    def compiled(self) -> Compiled:
        """The shared machine of the `transitions` library: no models, no shortcuts, no queue."""
        return Compiled(
            model=None,
            initial=None,
            states=[NEW, *self.labels],
            transitions=[
                {"trigger": t.name, "source": list(t.sources), "dest": t.target}
                for t in self.transitions
            ],
            auto_transitions=False,
            queued=False,
            send_event=True,
        )

    def take(self, state: str, name: str) -> Moved:
        """Return the edge of the move ``name`` from ``state``, which `edges` must know.

        The target is the compiled machine's. It has neither guards nor callbacks, so its answer
        depends on nothing else, and is kept.
        """
        moved = self._taken.get((state, name))
        if moved is None:
            cursor = _Cursor(state)
            self.compiled.events[name].trigger(cursor)
            moved = Moved(self, self.edges[state, name], state, cursor.state)
            self._taken[state, name] = moved
        return moved

    def _problems(self) -> Iterable[Text]:
        states = [state.name for state in self.states]
        for name in sorted({name for name in states if states.count(name) > 1}):
            yield Text(f"状态 {name} 重复", f"state {name} stands twice")
        known = {NEW, *states}
        pairs: set[tuple[str, str]] = set()
        for t in self.transitions:
            unknown = [s for s in (*t.sources, *filter(None, [t.target])) if s not in known]
            for name in unknown:
                yield Text(
                    f"动作 {t.name} 引用了未知状态 {name}", f"move {t.name} names no state: {name}"
                )
            if t.target == NEW or (t.target is None and NEW in t.sources):
                yield Text(
                    f"动作 {t.name} 不能停留在新建之前", f"move {t.name} would stay in {NEW}"
                )
            if not t.sources:
                yield Text(f"动作 {t.name} 没有来源状态", f"move {t.name} leaves no state")
            if bool(t.by) == (t.when is not None):
                yield Text(
                    f"动作 {t.name} 须有可操作的角色，或自动发生，二者居其一",
                    f"move {t.name} needs roles or a condition to follow by itself, and not both",
                )
            if t.when is not None and t.target is None and t.follows is None:
                yield Text(
                    f"自动动作 {t.name} 须改变状态或数据",
                    f"automatic move {t.name} must change state or data",
                )
            for source in t.sources:
                if (source, t.name) in pairs:
                    yield Text(
                        f"动作 {t.name} 从状态 {source} 出发有歧义",
                        f"move {t.name} is ambiguous from {source}",
                    )
                pairs.add((source, t.name))
        hops = [
            (source, t.target) for t in self.transitions if t.target for source in t.sources
        ]
        for name in sorted(set(self.born) - known):
            yield Text(f"初始状态 {name} 未知", f"born in no state: {name}")
        reached = _closure({NEW, *self.born}, hops)
        for name in states:
            if name not in reached:
                yield Text(f"状态 {name} 不可到达", f"state {name} can't be reached")
        ending = _closure(
            {s.name for s in self.states if s.end}, [(b, a) for a, b in hops]
        )
        for name in states:
            if name not in ending:
                yield Text(f"状态 {name} 无路可达终态", f"state {name} has no way to an end")


@dataclass(frozen=True, slots=True)
class Moved:
    """One edge that was taken."""

    machine: Machine
    transition: Transition
    source: str
    target: str


def _closure(start: set[str], hops: list[tuple[str, str]]) -> set[str]:
    reached, grown = set(start), True
    while grown:
        new = {b for a, b in hops if a in reached} - reached
        reached |= new
        grown = bool(new)
    return reached

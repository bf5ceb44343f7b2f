"""The tracks of a declared room: states, and the rows of tables that lead from one to another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from copy import copy
from typing import Any, ClassVar, Literal

from eldermall.engine.actor import Role
from eldermall.engine.machine import NEW, Effect, Follows, Guard, Machine, State, Transition, always
from eldermall.texts import Text


class state:  # noqa: N801 - reads as a declaration, as `move` does
    """A state of a track, named as the attribute that holds it.

    Args:
        label: what it is called in print.
        end: whether something may rest in it for good.
        standing: whether something in it is on offer, so that nobody has to do anything.
        born: whether a move of another track may make the record in it.
    """

    name: str

    def __init__(
        self, label: Text, *, end: bool = False, standing: bool = False, born: bool = False
    ) -> None:
        self.label = label
        self.born = born
        self.end = end
        self.standing = standing
        self.meant = {self}
        self.machines: list[str] = []

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def shared(self) -> state:
        """Return it as a state of another track; who names this one means that one too."""
        other = copy(self)
        other.meant, other.machines = {other, *self.meant}, []
        return other

    @property
    def entered(self) -> tuple[Guard, ...]:
        """The guard on entering it, in every table that has it."""
        return tuple(Guard(machine, "enter", self.name) for machine in self.machines)


class Track:
    """The states of one table of a room; each is an attribute.

    A room with several tracks gives each a name, which is its machine's and the record's field.

    Args:
        label: what it is called in print; that of the room if left out.
        name: the machine's name; the kind's if left out.
        field: the field of the record that holds the state; the name if left out.
        applies: whether it is a track of a record, or of what some arguments would make.
    """

    table: ClassVar[Machine]

    def __init_subclass__(
        cls,
        label: Text | None = None,
        name: str | None = None,
        field: str | None = None,
        applies: Callable[[Any], bool] = always,
    ) -> None:
        cls._given = (label, name, field or name, applies)

    _given: ClassVar[tuple[Any, ...]]

    @classmethod
    def all(cls) -> tuple[state, ...]:
        """Return its states, in order."""
        return tuple(s for s in vars(cls).values() if isinstance(s, state))

    @classmethod
    def shared(cls) -> tuple[state, ...]:
        """Return its states as those of another track, with which it has them in common."""
        return tuple(each.shared() for each in cls.all())

    @classmethod
    def meant(cls) -> frozenset[state]:
        """Return the states by which its own may be named: those that it shares, too."""
        return frozenset(each for own in cls.all() for each in own.meant)

    @classmethod
    def tabled(cls, kind: str, label: Text, moves: Iterable[Row]) -> Machine:
        """Make its machine, of the moves of a room that leave or enter a state of it."""
        given, name, field, applies = cls._given
        name = name or kind
        meant = cls.meant()
        for each in meant:
            each.machines.append(name)
        rows = [row for m in moves for row in m.rows(meant, name)]
        states = tuple(State(s.name, s.label, s.end, s.standing) for s in cls.all())
        born = tuple(s.name for s in cls.all() if s.born)
        cls.table = Machine(
            name, field or "state", given or label, states, tuple(rows), born, applies
        )
        return cls.table


Source = state | Literal["(new)"]
Edges = tuple[tuple[Source, ...], state | None, Text, str | None]


class Row:
    """What makes rows of a table: a transition for each set of states that it leaves.

    Args:
        rows: the states left, the state entered, the label, and the event if it is another than
            ``event``, for each row.
        event: the event's name.
        by: who may make it; nobody if it follows by itself.
        more: what else its transitions hold.
    """

    def __init__(
        self,
        rows: Iterable[Edges],
        event: str,
        by: tuple[Role, ...],
        **more: Any,
    ) -> None:
        self._rows = tuple(rows)
        self._event = event
        self._more: dict[str, Any] = {"by": by} | more
        self.machines: list[str] = []

    name: str

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = getattr(self, "name", name)

    @property
    def effect(self) -> Effect | None:
        """What computes the fields that change."""
        return None

    def rows(self, states: frozenset[state], machine: str) -> list[Transition]:
        """Return its transitions in the table ``machine`` of these ``states``."""
        found = []
        for sources, target, label, event in self._rows:
            here = [s for s in sources if s in states or (s == NEW and target in states)]
            if here:
                found.append(
                    Transition(
                        self.name,
                        tuple(s if isinstance(s, str) else s.name for s in here),
                        None if target is None else target.name,
                        label=label, event=event or self._event, effect=self.effect, **self._more,
                    )
                )
        if found:
            self.machines.append(machine)
        return found

    def belong(self, room: str, kind: str, link: str | None) -> None:
        """Take the room's name, kind, and link of daily operation unless it has its own."""

    def unknown(self, states: Set[state]) -> list[str]:
        """Return the names of the states that it leaves or enters and that aren't ``states``."""
        named = [s for sources, to, *_ in self._rows for s in (*sources, to)]
        return [s.name for s in named if isinstance(s, state) and s not in states]

    @property
    def guard(self) -> tuple[Guard, ...]:
        """The guard on it, in every table that has it."""
        return tuple(Guard(machine, "move", self.name) for machine in self.machines)


def automatic(
    *sources: state,
    to: state | None,
    says: Text,
    event: str,
    when: Callable[[Any], bool],
    follows: Follows | None = None,
) -> Row:
    """Declare a move that follows any other after which ``when`` holds; named as its attribute.

    Args:
        sources: the states it leaves.
        to: the state it enters; None for one that changes data and no state.
        says: what it is called in print.
        event: its past tense, under which hosts hear of it.
        when: says of a record whether it follows.
        follows: computes the fields that change, from the record and the moment; ``when`` holds
            no more once they have.
    """
    return Row([(sources, to, says, None)], event, (), when=when, follows=follows)


def also(*sources: state, to: state | None, says: Text, event: str | None = None) -> Edges:
    """Return another row of a move: from other states, or to another one.

    Args:
        sources: the states it leaves.
        to: the state it enters; None for one that changes data and no state.
        says: what it is called in print.
        event: its past tense, if it is another than that of the move's first row.
    """
    return sources, to, says, event

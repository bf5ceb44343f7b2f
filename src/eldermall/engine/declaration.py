"""Declaring a room: its states, its moves, and what follows from the moves of others.

A move is one function. Its decorator is the row of the table, its parameters are the arguments with
their types and constraints, its body is the effect, its docstring is the page::

    class Letters(Declared[M, Letter]):
        kind = "letter"
        label = Text("信件", "letter")
        model = Letter

        class States(Track):
            written = state(Text("已写好", "written"))
            sent = state(Text("已寄出", "sent"), end=True)

        @move(NEW, to=States.written, by=("customer",), says=Text("写信", "write"), event="Written")
        @staticmethod
        def write(m: Move[Letter], id: str, *, text: Words, **by: Unpack[By]) -> Changes:
            return {"text": text}

On ``mall`` such a command moves and returns the record, on ``mall.may`` it returns the Decision. In
the class itself it is a declaration: a rule takes its ``guard``, a reaction its ``command``; it has
no mall, and can't be called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import replace
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    Self,
    TypeVar,
    overload,
)

from eldermall.engine.actor import Actor, Role
from eldermall.engine.inputs import STORED, Arguments
from eldermall.engine.kind import Command, Reaction, Record
from eldermall.engine.machine import Effect
from eldermall.engine.moments import Happened
from eldermall.engine.parameters import Parameters
from eldermall.engine.room import Options
from eldermall.engine.rule import Context, Decision
from eldermall.engine.track import Edges, Row, Source, state
from eldermall.errors import DefinitionError
from eldermall.texts import Text

if TYPE_CHECKING:
    from eldermall.engine.declared import Asks, Declared, Makes

P = ParamSpec("P")
R = TypeVar("R", bound=Record)

Changes = Mapping[str, object]
"""What an effect returns: the fields of the record that change."""


class Move(Context, Generic[R]):
    """The context of a move, with the type of its record."""

    __slots__ = ()

    record: R


class Internal(Row, Generic[P]):
    """A move that only the mall itself makes: by a reaction or a clock."""

    def __init__(self, function: Callable[..., Changes], name: str | None, **row: Any) -> None:
        given = {key: row.pop(key) for key in ("args", "check") if key in row}
        self.stored: Callable[[dict[str, Any]], dict[str, Any]] | None = row.pop("stored", None)
        self.ids: Callable[[object], None] | None = row.pop("ids", None)
        self._unsaid: Mapping[str, Any] = row.pop("unsaid", {})
        super().__init__(**row)
        self._function = getattr(function, "__func__", function)
        self._given = given
        self.__doc__ = self._function.__doc__
        if name is not None:
            self.name = name

    kind: str = ""

    def __set_name__(self, owner: type, name: str) -> None:
        super().__set_name__(owner, name)
        self.parameters = Parameters(self._function, name, **self._given)

    def __get__(self, room: None, owner: type) -> Self:
        """Return the declaration, of the class; a room that is open has no such command."""
        if room is not None:
            raise AttributeError(f"{owner.__name__} has no command {self.name}")
        return self

    def belong(self, room: str, kind: str, link: str | None) -> None:
        """Take the room's name, kind, and link of daily operation unless it has its own."""
        self.kind = kind
        self.parameters.room = room
        if self._more.get("link") is None:
            self._more["link"] = link

    def leaving(self, *sources: state) -> Self:
        """Return the same move from other states, for another room."""
        other = copy(self)
        other._rows = tuple((sources, *row[1:]) for row in self._rows)
        other._more, other.machines = dict(self._more), []
        return other

    @property
    def effect(self) -> Effect:
        """The function that declares it, with the arguments by name."""
        function, parameters, unsaid = self._function, self.parameters, self._unsaid
        names = tuple(p.name for p in parameters.own)

        def effect(c: Context) -> Changes:
            values = {
                n: getattr(c.args, n) if n not in unsaid else getattr(c.args, n, unsaid[n])
                for n in names
            }
            for n, back in parameters.back.items():
                values[n] = back(values[n])
            changes: Changes = function(c, c.id, **values)
            return changes

        return effect

    @property
    def model(self) -> type[Any]:
        """The model of its `Arguments`."""
        return self.parameters.model

    def command(self, *args: P.args, **kwargs: P.kwargs) -> Command:
        """Return it as a command, for a reaction to make: with values as they are stored."""
        values = self.parameters.said(args, dict(kwargs))
        id, by = values.pop(self.parameters.id), values.pop("by")
        made: Arguments = self.model.model_validate(values, context=STORED)
        return Command(self.kind, self.name, id, by, made)

    def after(
        self,
        kind: str,
        *events: str,
        makes: Callable[[Any, Any, Any, Actor], Iterable[Command]],
        best_effort: bool = False,
        if_exists: bool = False,
        if_absent: bool = False,
    ) -> Following:
        """Say that it follows from ``events`` of another kind; the rest is as of a `Reaction`."""
        return Following(
            self,
            tuple(
                Reaction(kind, event, "", "", makes, best_effort, if_exists, if_absent)
                for event in events
            ),
        )

    if not TYPE_CHECKING:  # pragma: no branch - a type checker refuses the call by itself

        def __call__(self, *args: object, **kwargs: object) -> None:
            """Refuse: it is a declaration, without a mall."""
            where = f"{self.kind}.{self.name}"
            raise DefinitionError(
                Text(
                    f"{where} 只是声明：由 mall 上的命令执行，或由商城自身执行",
                    f"{where} is a declaration: a command of a mall makes it, or the mall itself",
                )
            )


class Following:
    """That a move follows from events of another kind."""

    def __init__(self, move: Internal[Any], reactions: tuple[Reaction, ...]) -> None:
        self._move = move
        self._reactions = reactions

    def reactions(self) -> Iterable[Reaction]:
        """Return it as reactions."""
        for each in self._reactions:
            yield replace(each, target=self._move.kind, move=self._move.name)


class Declaration(Internal[P]):
    """A move that somebody makes by a command of its room."""

    @overload
    def __get__(self, room: None, owner: type) -> Declaration[P]: ...
    @overload
    def __get__(self, room: Declared[Makes, R], owner: type) -> Callable[P, R]: ...
    @overload
    def __get__(self, room: Declared[Asks, R], owner: type) -> Callable[P, Decision]: ...
    def __get__(self, room: Any, owner: type) -> Any:
        """Return the command of a room that is open; the declaration itself of the class."""
        return self if room is None else OpenCommand(self, room)

    def make(self, room: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Make it, or decide on it, in ``room``."""
        parameters, what = self.parameters, f"{self.kind}.{self.name}"
        values = parameters.said(args, named)
        id, by = values.pop(parameters.id), values.pop("by")
        if self.ids is not None:
            self.ids(id)
        options = {name: values.pop(name) for name in _OPTIONS.intersection(values)}
        values = parameters.taken(values, what)
        if self.stored is not None:
            values = self.stored(values)
        return room._do(self.name, id, by, self.model, options, **values)


_OPTIONS = frozenset(Options.__annotations__)


class OpenCommand:
    """A command of a room that is open: its signature and its words are what the move declares."""

    def __init__(self, declaration: Declaration[Any], room: object) -> None:
        self._declaration = declaration
        self._room = room
        self.__name__ = declaration.name
        self.__doc__ = declaration.__doc__

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Make the move, or decide on it."""
        return self._declaration.make(self._room, args, named)

    @property
    def __signature__(self) -> Any:
        return self._declaration.parameters.signature

    def __repr__(self) -> str:
        return f"<command {self._declaration.kind}.{self.__name__}{self.__signature__}>"


def move(
    *sources: Source,
    to: state | None,
    by: tuple[Role, ...],
    says: Text,
    event: str,
    more: Iterable[Edges] = (),
    named: str | None = None,
    link: str | None = None,
    aside: bool = False,
    meant: tuple[Role, ...] = (),
    fits: Callable[[Any], bool] | None = None,
    after: tuple[Happened, ...] = (),
    args: type[Arguments] | None = None,
    check: Callable[[Any], None] | None = None,
    ids: Callable[[object], None] | None = None,
    stored: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    unsaid: Mapping[str, Any] | None = None,
    erases: bool = False,
    quiet: bool = False,
) -> Callable[[Callable[Concatenate[Any, P], Changes]], Declaration[P]]:
    """Declare a move that somebody makes.

    Args:
        sources: the states it leaves; `NEW` for the move that makes the record.
        to: the state it enters; None for a move that changes data and no state.
        by: the roles that may make it.
        says: what it is called in print.
        event: its past tense, under which hosts hear of it.
        more: further rows, of `also`.
        named: its name, where the function can't have it.
        link: the link of daily operation that it belongs to, where it isn't the room's.
        aside: whether nobody waits for it, so that no work list names it.
        meant: who is meant to make it, where that is fewer than ``by``.
        fits: says of a record whether the move has any sense for it.
        after: the moments that it can't precede, beside the making of the record.
        args: the model of its arguments, where it can't follow from the parameters.
        check: looks at the arguments as a whole; raises ``ValueError(field, Text)``.
        ids: looks at the id of the record; raises `Invalid`.
        stored: makes what is stored of what was said, both by name.
        unsaid: what the effect takes for arguments where a clock makes the move.
        erases: whether the personal values behind the record's entries go with it.
        quiet: whether nothing is written where it changes nothing.
    """
    row = {
        "rows": [(sources, to, says, None), *more], "event": event, "by": by, "link": link,
        "aside": aside, "meant": meant, "fits": fits, "after": after, "args": args, "check": check,
        "ids": ids, "stored": stored, "unsaid": unsaid or {}, "erases": erases,
        "quiet": quiet,
    }
    return lambda function: Declaration(function, named, **row)


def internal(
    *sources: Source,
    to: state | None,
    says: Text,
    event: str,
    named: str | None = None,
    link: str | None = None,
    after: tuple[Happened, ...] = (),
    alone: bool = False,
) -> Callable[[Callable[Concatenate[Any, P], Changes]], Internal[P]]:
    """Declare a move that only the mall itself makes, by a reaction or a clock.

    Args:
        sources: as of `move`.
        to: as of `move`.
        says: as of `move`.
        event: as of `move`.
        named: as of `move`.
        link: as of `move`.
        after: as of `move`; asked where a clock makes it, never of a reaction.
        alone: whether no automatic move follows it: what it changes has no part in their
            conditions.
    """
    row = {
        "rows": [(sources, to, says, None)], "event": event, "by": ("system",), "link": link,
        "after": after, "alone": alone,
    }
    return lambda function: Internal(function, named, **row)


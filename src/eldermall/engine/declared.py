"""A declared room: from its states and moves follow its tables, its kind and its commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Concatenate, Generic, ParamSpec, TypeVar

from eldermall.engine.actor import Actor
from eldermall.engine.adoption import adoption
from eldermall.engine.blank import blank
from eldermall.engine.declaration import Changes, Declaration, Following, move
from eldermall.engine.kind import ADOPT, Command, Kind, Reaction, Record, anyone
from eldermall.engine.moments import Happened
from eldermall.engine.parameters import By
from eldermall.engine.room import Room, Unpack
from eldermall.engine.rule import Context
from eldermall.engine.track import Row, Track, state
from eldermall.errors import DefinitionError
from eldermall.texts import Text


class Makes:
    """Says of a room that its commands move: it is one of ``mall``."""


class Asks:
    """Says of a room that its commands only decide: it is one of ``mall.may``."""


M = TypeVar("M", Makes, Asks)
P = ParamSpec("P")
R = TypeVar("R", bound=Record)


class Declared(Room[Any, R], Generic[M, R]):
    """A room whose moves are declared, each once; see `eldermall.engine.declaration`.

    A subclass says its ``kind``, what it is called, the model of its records, and its tracks and
    moves. ``link`` is the link of daily operation that its moves belong to, ``indexed`` the fields
    to find its records by, ``happened`` the moments that they keep and that no move has to follow,
    ``reactions`` which of its moves follow from others' events.
    ``KIND``, ``COMMANDS`` and ``REACTIONS`` are made of them.

    Every command takes ``at`` (when it happened, aware, now if left out), ``key`` (an idempotency
    key), ``expect`` (the version that the record must have) and ``late_reason`` (why it is entered
    further back than anybody may). All raise `Refused` when a rule, the machine or the time says
    no, `Invalid` when an argument can't be accepted, `Conflict` when somebody else moved first.

    Args:
        run: makes a command, or decides on it.
        read: returns a record by kind and id, for somebody or for the host itself.
        does: which of the two.
    """

    label: ClassVar[Text]
    model: ClassVar[type[Record]]
    link: ClassVar[str | None] = None
    indexed: ClassVar[tuple[str, ...]] = ()
    happened: ClassVar[tuple[Happened, ...]] = ()
    reactions: ClassVar[tuple[Following, ...]] = ()

    KIND: ClassVar[Kind]
    COMMANDS: ClassVar[Mapping[str, Declaration[Any]]]
    REACTIONS: ClassVar[tuple[Reaction, ...]]

    def __init__(
        self,
        run: Callable[[Command], Any],
        read: Callable[[str, str, Actor | None], Any],
        does: type[M],
    ) -> None:
        super().__init__(run, read)
        self.does: type[M] = does

    party = staticmethod(anyone)

    @staticmethod
    def moments(record: Any) -> Sequence[str]:
        """Return the moments that a record in its state would have."""
        return ()

    @staticmethod
    def faults(record: Any) -> Iterable[tuple[str, Text]]:
        """Return what about a record no moves could have made: where, and what would be right.

        Asked of what is taken over; live moves keep it by themselves. A place is a path of names
        and numbers: ``lines.0.shipped``.
        """
        return ()

    @staticmethod
    def requests(before: Any, after: Any) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Return what the outside must be asked for after a move: (topic, data) pairs."""
        return ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "kind" not in vars(cls):  # a part of a room
            return
        said = {n: thing for c in (*cls.__mro__[1:], cls) for n, thing in vars(c).items()}
        moves = [thing for thing in said.values() if isinstance(thing, Row)]
        for each in moves:
            each.belong(cls.__name__, cls.kind, cls.link)
        tracks = [t for t in said.values() if isinstance(t, type) and issubclass(t, Track)]
        states = frozenset[state]().union(*(track.meant() for track in tracks))
        for each in moves:
            for name in each.unknown(states):
                raise DefinitionError(
                    Text(
                        f"{cls.__name__} 的动作 {each.name} 引用了别处的状态 {name}",
                        f"{cls.__name__}: the move {each.name} names the state {name}, which isn't "
                        "one of its tracks",
                    )
                )
        machines = tuple(track.tabled(cls.kind, cls.label, moves) for track in tracks)
        cls.KIND = Kind(
            cls.kind, cls.label, cls.model, machines, cls.link, cls.party, cls.indexed,
            cls.requests, cls.moments, cls.happened, cls.faults,
        )
        commands = {n: m for n, m in said.items() if isinstance(m, Declaration)}
        cls.COMMANDS = dict(sorted(commands.items(), key=lambda command: command[0] == ADOPT))
        cls.REACTIONS = tuple(r for follows in cls.reactions for r in follows.reactions())


def is_declared(thing: object) -> bool:
    """Say whether something is the class of a declared room, and not only a part of one."""
    return isinstance(thing, type) and issubclass(thing, Declared) and hasattr(thing, "KIND")


class Adoption(Declaration[P]):
    """The command that takes a record over; it is no move of any table."""

    def make(self, room: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Make it, or decide on it, in ``room``."""
        values = self.parameters.said(args, named)
        id, by, record = (values.pop(name) for name in ("id", "by", "record"))
        fields = self._function(room, id, record)
        given = adoption(room.model, f"{room.kind}.{ADOPT}", fields)
        taken = {name: getattr(given, name) for name in type(given).model_fields}
        return room._do(ADOPT, id, by, type(given), values, **taken)


def _adoption(function: Callable[Concatenate[Any, P], Changes]) -> Declaration[P]:
    return Adoption(function, None, rows=(), event="", by=())


class Adopting(Declared[M, R]):
    """A room whose records can be taken over from the shop that had them before."""

    @_adoption
    @staticmethod
    def adopt(m: Context, id: str, record: Mapping[str, Any], **by: Unpack[By]) -> Changes:
        """Take over a record that the shop already has, in the state in which it is.

        No rule is asked. The journal says that it was adopted and which moments nobody knows;
        clocks run from the moments that are known. Adopting the same again changes nothing.

        Args:
            id: the host's id.
            record: the fields of the record, its states among them; moments are aware datetimes
                or ISO 8601 texts, money is in minor units. What is left out is unknown.
            by: operations, a department head, or the leader.

        Raises:
            Invalid: fields are wrong, or contradict each other; ``faults`` says which, all at
                once, and what would be right.
            Refused: it exists already, or couldn't stand in the state in which it is said to.
        """
        return record


@move(
    to=None, by=("operations", "system"), says=Text("删除个人信息", "erase personal data"),
    event="PersonalErased", erases=True,
)
def erasure(m: Context, id: str, **by: Unpack[By]) -> Changes:
    """Erase what a record says of a person, once its keeping time has ended.

    Words are blanked, and the values behind the journal's commitments are gone for good; the
    journal goes on to verify.

    Args:
        id: the record's id.
        by: operations, or the system.
    """
    return blank(m)

"""Kinds of records: their body, machines, parties, and what follows from their moves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Self

from eldermall.contracts.storage import RecordKind, RecordRow
from eldermall.engine.actor import Actor, Role
from eldermall.engine.inputs import STORED, Arguments, Frozen, Id, Moment
from eldermall.engine.machine import Machine, Transition, always
from eldermall.engine.moments import Happened, earlier
from eldermall.errors import DefinitionError, SchemaError
from eldermall.texts import Text

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]

ADOPT = "adopt"
"""The command that takes a record over in a given state, and no move of any machine."""

ADOPTED = "Adopted"
"""Its event."""

STATE = "state"
"""The column with a record's state in one word."""

WIDTH = 64
"""How many characters a column to find records by holds."""

BREACHED = "ClockBreached"
"""The event of a clock of any record; a reaction to it gets the `ClockChange` for arguments."""


def anyone(subject: Any, actor: Actor) -> bool:
    """Say that whoever isn't staff may act on a record, too."""
    return True


def nobody(subject: Any, actor: Actor) -> bool:
    """Say that only staff act on a record."""
    return False


class Record(Frozen):
    """A record as it stands: frozen; every move makes a new one. Times are microseconds UTC.

    ``pack`` is the policy that was in force when it was submitted.
    """

    SCHEMA: ClassVar[int] = 1
    UPGRADES: ClassVar[Mapping[int, Upgrade]] = {}

    id: Id
    version: int
    pack: str
    created_at: Moment

    @property
    def summary(self) -> str:
        """Its state in one word; a record of two tracks says both, with a slash between."""
        return str(getattr(self, "state", ""))

    def body(self) -> bytes:
        """Return the bytes to keep: JSON with its schema number first."""
        return b'{"schema":%d,' % self.SCHEMA + self.model_dump_json().encode()[1:]

    @classmethod
    def from_body(cls, body: bytes) -> Self:
        """Return the record in ``body``, of this schema or an older one.

        Raises:
            SchemaError: the body is of a schema that this version doesn't know, or is damaged.
        """
        head = b'{"schema":%d,' % cls.SCHEMA
        try:
            if body.startswith(head):
                return cls.model_validate_json(b"{" + body[len(head) :], context=STORED)
            fields = json.loads(body)
            schema = fields.pop("schema")
            while schema in cls.UPGRADES:
                fields, schema = cls.UPGRADES[schema](fields), schema + 1
            if schema == cls.SCHEMA:
                return cls.model_validate_json(json.dumps(fields), context=STORED)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise SchemaError(
                Text(
                    f"{cls.__name__} 的记录内容已损坏：{error}",
                    f"the body of a {cls.__name__} is damaged: {error}",
                )
            ) from error
        raise SchemaError(
            Text(
                f"{cls.__name__} 的记录内容为第 {schema} 版，本版本只认识至第 {cls.SCHEMA} 版",
                f"the body of a {cls.__name__} is of schema {schema}; this version knows up to "
                f"{cls.SCHEMA}",
            )
        )


@dataclass(frozen=True, slots=True)
class Command:
    """A move that somebody wants: of which record, by whom, when, with which arguments.

    ``late_reason`` says why it is entered later than anybody may; ``follows``: a reaction, whose
    moment comes from the move that it follows. ``host`` is what the host said of it when it was
    ``asked``.
    """

    kind: str
    name: str
    id: str
    actor: Actor
    args: Arguments
    at: int | None = None
    key: str | None = None
    expect: int | None = None
    late_reason: str | None = None
    follows: bool = False
    host: Mapping[str, Any] = field(default_factory=dict)
    asked: int | None = None


@dataclass(frozen=True, slots=True)
class Reaction:
    """A move in one room that follows from a move in another, in the same commit.

    Args:
        kind: the kind whose event is heard.
        event: the event.
        target: the kind that moves, for the check for cycles.
        move: the move that it makes.
        commands: makes the commands from the record as it was before its move (None if that made
            it) and as it is after, the arguments of that move and the system as actor. They happen
            when that move did, unless they say when.
        best_effort: a refusal leaves its entry and stops nothing else; what follows from this
            reaction must be best-effort too.
        if_exists: passed over where the record that would move isn't there.
        if_absent: passed over where it is there already.
    """

    kind: str
    event: str
    target: str
    move: str
    commands: Callable[[Any, Any, Any, Actor], Iterable[Command]]
    best_effort: bool = False
    if_exists: bool = False
    if_absent: bool = False


@dataclass(frozen=True)
class Kind:
    """A business noun: what its records look like and how they move.

    Args:
        name: unique, up to 32 of ``[a-z_]``.
        label: what it is called in print.
        model: the body.
        machines: one or more; the names of their moves are unique within the kind, but for tracks
            that exclude each other.
        link: the link of daily operation that it belongs to (S19 article 5), or None.
        party: whether somebody who is not staff may act on this record.
        indexed: fields to find records by, beside their state.
        requests: what the outside must be asked for after a move: (topic, data) pairs.
        moments: the moments that a record in its state would have; None if none is adopted.
        happened: what its records say has happened, with the order of it; what its moves come
            after is part of it.
        faults: what about a record no moves could have made, each with its place; asked of what
            is taken over.

    Raises:
        DefinitionError: two machines share a move's name or a field.
    """

    name: str
    label: Text
    model: type[Record]
    machines: tuple[Machine, ...]
    link: str | None = None
    party: Callable[[Any, Actor], bool] = anyone
    indexed: tuple[str, ...] = ()
    requests: Callable[[Any, Any], Sequence[tuple[str, Mapping[str, Any]]]] | None = None
    moments: Callable[[Any], Sequence[str]] | None = None
    happened: tuple[Happened, ...] = ()
    faults: Callable[[Any], Iterable[tuple[str, Text]]] | None = None

    def __post_init__(self) -> None:
        fields = [machine.field for machine in self.machines]
        shared = {
            name
            for name, machines in self.machines_of.items()
            if len(machines) > 1 and any(m.applies is always for m in machines)
        }
        for twice in sorted(shared | {f for f in fields if fields.count(f) > 1}):
            raise DefinitionError(
                Text(
                    f"类别 {self.name} 的多个状态机共用了 {twice}",
                    f"kind {self.name}: machines share {twice}",
                )
            )

    @cached_property
    def machines_of(self) -> Mapping[str, tuple[Machine, ...]]:
        """The machines by the name of a move: several if they exclude each other."""
        found: dict[str, tuple[Machine, ...]] = {}
        for machine in self.machines:
            for name in machine.names:
                found[name] = (*found.get(name, ()), machine)
        return found

    def machine(self, move: str, subject: Any) -> Machine:
        """Return the machine whose ``move`` a record has, or what arguments would make."""
        machines = self.machines_of[move]
        if len(machines) == 1:
            return machines[0]
        return next((m for m in machines if m.applies(subject)), machines[0])

    @cached_property
    def ordered(self) -> tuple[Happened, ...]:
        """Every moment that its records keep and that has a place in their order."""
        followed = (after for m in self.machines for t in m.transitions for after in t.after)
        return earlier((*self.happened, *followed))

    @cached_property
    def record_kind(self) -> RecordKind:
        """What a storage must know of it; the records' state is a field to find them by, too."""
        fields = self.indexed if STATE in self.indexed else (*self.indexed, STATE)
        return RecordKind(self.name, fields, self._beside)

    def _beside(self, body: bytes) -> tuple[bool, Mapping[str, str | None]] | None:
        try:
            record = self.model.from_body(body)
        except SchemaError:
            return None
        return self.is_open(record), self.fields(record)

    def fields(self, record: Record) -> Mapping[str, str | None]:
        """Return what ``record`` is found by: its indexed fields, and its state in one word."""
        return {STATE: record.summary[:WIDTH]} | {n: getattr(record, n) for n in self.indexed}

    def tracks(self, record: Record) -> tuple[Machine, ...]:
        """Return the machines that apply to ``record``."""
        return tuple(machine for machine in self.machines if machine.applies(record))

    def waiting(self, record: Record) -> tuple[Machine, ...]:
        """Return the tracks of ``record`` in which something is still to be done."""
        states = ((m, m.state(getattr(record, m.field))) for m in self.tracks(record))
        return tuple(m for m, state in states if not state.end and not state.standing)

    def expected(self, record: Record, role: Role) -> tuple[Transition, ...]:
        """Return the moves that a role is expected to make next about ``record``, each once.

        Those of the tracks in which something is to be done; of one that only stands on offer,
        those with which its upkeep is done. Rules may still refuse what is named here.
        """
        found: dict[str, Transition] = {}
        for machine in self.waiting(record) or self.tracks(record):
            for t in machine.transitions:
                if (
                    getattr(record, machine.field) in t.sources
                    and role in (t.meant or t.by)
                    and not t.erases
                    and not t.aside
                    and (t.fits is None or t.fits(record))
                ):
                    found[t.name] = t
        return tuple(found.values())

    @cached_property
    def _says_itself(self) -> bool:
        return isinstance(getattr(self.model, "open", None), property)

    def is_open(self, record: Record) -> bool:
        """Say whether ``record`` is open: whether any of its tracks still has somewhere to go.

        A model with a property ``open`` says it itself.
        """
        if self._says_itself:
            return bool(getattr(record, "open"))  # noqa: B009 - a plain record has none
        return any(getattr(record, m.field) not in m.ends for m in self.tracks(record))

    def row(self, record: Record, before: int) -> RecordRow:
        """Return ``record`` as a storage keeps it, replacing the version ``before``."""
        return RecordRow(
            self.name, record.id, record.version, before, self.is_open(record), record.pack,
            self.fields(record), record.body(),
        )

    def record(self, row: RecordRow) -> Record:
        """Return the record in ``row``."""
        return self.model.from_body(row.body)


def subject_of(kind: str, id: str) -> str:
    """Return the name of a record's chain in the journal."""
    return f"{kind}/{id}"

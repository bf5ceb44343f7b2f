"""The storage contract: what a database must do for eldermall, call by call.

A storage keeps rows that it doesn't understand. Every key begins with the mall's code. Texts in
keys are compared byte by byte (``A1`` and ``a1`` are two). Bodies are bytes and come back as they
went in. Moments are integers of microseconds.

Isolation: a write transaction sees and locks what it reads; two of them that touch one record,
one clock or one chain end as if one had run after the other, or the later one raises `Conflict`
and has done nothing. A read transaction sees one moment of the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

ClockState = Literal[
    "running", "paused", "breached", "met", "late", "stopped", "lapsed", "annulled"
]
OPEN_CLOCKS: tuple[ClockState, ...] = ("running", "paused", "breached")

MessageState = Literal[
    "pending", "accepted", "delivered", "dead", "withdrawn", "expired", "suppressed"
]


@dataclass(frozen=True, slots=True)
class RecordKind:
    """What a storage must know of a kind of record to keep it.

    Args:
        name: up to 32 of ``[a-z_]``.
        indexed: fields kept beside the body as texts of up to 64 characters, to find records by.
    """

    name: str
    indexed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record: its version, whether it still moves, and its body.

    ``before`` is the version that it replaces, 0 if it is new.
    """

    kind: str
    id: str
    version: int
    before: int
    open: bool
    pack: str
    indexed: Mapping[str, str | None]
    body: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a subject's chain: its number and hash. ``seq`` 0: no entry yet."""

    seq: int
    hash: bytes


NO_HEAD = Head(0, b"")


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry of the journal, as the bytes that were hashed."""

    subject: str
    seq: int
    hash: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class PersonalRow:
    """A personal value behind a commitment in an entry."""

    subject: str
    seq: int
    path: str
    purpose: str
    salt: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class ClockRow:
    """One time limit of one subject.

    ``part`` names what of the subject it runs for (a line of an order), or is empty. ``next`` is
    the moment at which a sweep has to act, None when it never has to again. ``stage`` counts the
    sweeps' acts so far.

    ``state``: ``running``, or ``breached`` once its due moment has passed; then, done in time
    ``met`` and done afterwards ``late``; its cause gone in time ``stopped`` and afterwards
    ``lapsed``; ``annulled`` when a breach turns out not to have been one. ``paused`` is for what
    halts a clock in between. ``stopped`` is None as long as the clock hasn't ended.
    """

    subject: str
    name: str
    part: str
    started: int
    limit: int
    counting: str
    due: int
    next: int | None
    stage: int
    state: ClockState
    stopped: int | None
    pack: str


@dataclass(frozen=True, slots=True)
class Message:
    """A row of the outbox: something that must reach the outside.

    ``id`` stays over retries. ``next`` is when it is to be tried, None once it has ended.
    """

    id: str
    topic: str
    body: bytes
    created: int
    next: int | None
    state: MessageState = "pending"
    attempts: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A used idempotency key: which command, which content (as a salted hash), which subject."""

    command: str
    key: str
    salt: bytes
    fingerprint: bytes
    subject: str
    created: int


@dataclass(frozen=True, slots=True)
class RootRow:
    """A sealed root of the journal, as the bytes that were hashed."""

    number: int
    hash: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a root covers: the last entry of one subject in its batch."""

    subject: str
    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class PackRow:
    """A policy that was in force once, whole."""

    hash: str
    body: bytes


@dataclass(frozen=True, slots=True)
class StorageCapabilities:
    """What a storage can do beyond the contract. All off unless it says so.

    Args:
        join: it can work inside a transaction of the host.
        durable: what it has committed is there after the process has ended.
    """

    join: bool = False
    durable: bool = False


class Transaction(Protocol):
    """The calls inside one transaction of one mall. Not shared by threads."""

    def claim_key(self, row: KeyRow) -> KeyRow | None:
        """Keep ``row`` unless its command and key are used; then return the row that used them."""
        ...

    def load(self, kind: str, id: str) -> tuple[RecordRow | None, Head]:
        """Return a record, locked for change, and the head of its chain (there may be one)."""
        ...

    def look_up(self, kind: str, ids: Sequence[str]) -> Mapping[str, RecordRow]:
        """Return the records that exist, locked against change by others."""
        ...

    def open_clocks(self, subject: str) -> Sequence[ClockRow]:
        """Return the clocks of a subject that haven't ended, in order of name, part, start."""
        ...

    def save(self, rows: Sequence[RecordRow]) -> None:
        """Insert rows with ``before`` 0, replace others if ``before`` is the version stored.

        Raises:
            Conflict: a row isn't as it was when it was loaded.
        """
        ...

    def put_clocks(self, rows: Sequence[ClockRow]) -> None:
        """Insert or replace clocks by subject, name, part and start."""
        ...

    def append(self, rows: Sequence[EntryRow], personal: Sequence[PersonalRow] = ()) -> None:
        """Append entries and note them as unsealed.

        Raises:
            Conflict: an entry of that number stands already.
        """
        ...

    def enqueue(self, rows: Sequence[Message]) -> None:
        """Put messages into the outbox."""
        ...

    def find(
        self, kind: str, *, open: bool | None = None, after: str = "", limit: int = 1000,
        **indexed: str,
    ) -> Sequence[RecordRow]:
        """Return records in order of id, beyond the id ``after``, by indexed fields."""
        ...

    def uses_pack(self, kind: str, pack: str) -> bool:
        """Say whether an open record of ``kind`` cites ``pack``."""
        ...

    def due_clocks(self, now: int, limit: int) -> Sequence[ClockRow]:
        """Return clocks with ``next`` at or before ``now``, by next, subject, name, part."""
        ...

    def clocks(
        self, states: Sequence[ClockState], *, limit: int = 1000
    ) -> Sequence[ClockRow]:
        """Return clocks in one of ``states``, in order of due, subject, name, part."""
        ...

    def due_messages(self, now: int, limit: int) -> Sequence[Message]:
        """Return messages with ``next`` at or before ``now``, by next and id."""
        ...

    def claim_message(self, message: Message, until: int) -> bool:
        """Take a message for oneself until ``until``: one try more. False if another was first."""
        ...

    def settle_message(self, message: Message) -> None:
        """Store what came of a try, unless somebody has claimed the message since."""
        ...

    def messages(self, states: Sequence[MessageState], limit: int = 1000) -> Sequence[Message]:
        """Return messages in one of ``states``, oldest first."""
        ...

    def unsealed(self, limit: int) -> Sequence[Leaf]:
        """Return entries that wait for sealing, by subject and number, locked."""
        ...

    def last_root(self) -> RootRow | None:
        """Return the newest root."""
        ...

    def seal(self, root: RootRow, leaves: Sequence[Leaf], sealed: Sequence[Leaf]) -> None:
        """Keep ``root`` and ``leaves`` and forget that ``sealed`` wait.

        Raises:
            Conflict: a root of that number stands already.
        """
        ...

    def entries(self, subject: str | None = None) -> Iterator[EntryRow]:
        """Return entries by subject and number, streamed."""
        ...

    def personal(self, subject: str) -> Sequence[PersonalRow]:
        """Return the personal values behind a subject's entries."""
        ...

    def roots(self) -> Iterator[RootRow]:
        """Return roots by number, streamed."""
        ...

    def leaves(self, number: int) -> Sequence[Leaf]:
        """Return the leaves of one root, by subject."""
        ...

    def packs(self) -> Sequence[PackRow]:
        """Return every policy that was ever in force."""
        ...

    def put_pack(self, row: PackRow) -> None:
        """Keep a policy; one that is kept already stays."""
        ...

    def forget_keys(self, before: int, limit: int) -> int:
        """Remove up to ``limit`` keys made before ``before``; return how many."""
        ...


class Joined(Protocol):
    """A host's transaction that a storage works in."""

    def savepoint(self) -> AbstractContextManager[Transaction]:
        """Open a savepoint: released at the end, rolled back on an error."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the host's transaction has been committed or rolled back."""
        ...


class Storage(Protocol):
    """A database that keeps malls. Shared by threads."""

    @property
    def capabilities(self) -> StorageCapabilities:
        """What it can do beyond the contract."""
        ...

    def open(self, kinds: Iterable[RecordKind], *, make: bool = True) -> None:
        """Get ready: make the tables of a new database, check those of an old one.

        Args:
            kinds: the kinds of records to keep.
            make: make a database or tables that aren't there; otherwise nothing is changed.

        Raises:
            SchemaError: the tables aren't those that this version needs.
            StorageError: there is no database, or it can't be used.
        """
        ...

    def write(self, mall: str, *, patience: float | None = None) -> (
        AbstractContextManager[Transaction]
    ):
        """Open a transaction that commits at the end and is rolled back on an error.

        Args:
            mall: the mall's code.
            patience: seconds to wait for a lock; None for the storage's own setting.

        Raises:
            Locked: no lock was to be had.
        """
        ...

    def read(self, mall: str) -> AbstractContextManager[Transaction]:
        """Open a transaction that only reads, and waits for no writer."""
        ...

    def join(self, mall: str, host: object, *, on_end: Callable[[], None]) -> Joined:
        """Work inside a transaction of the host.

        Args:
            mall: the mall's code.
            host: the host's open connection.
            on_end: called when the host's connection goes back to its pool.

        Raises:
            NotJoinable: not this storage, or not this connection.
            NotInTransaction: the connection has no open transaction.
        """
        ...

    def close(self) -> None:
        """Give back all connections."""
        ...

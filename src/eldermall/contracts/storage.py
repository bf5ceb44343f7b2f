"""The storage contract: what a database must do for eldermall, call by call.

A storage keeps rows that it doesn't understand. Every key begins with the mall's code. Texts are
compared and ordered byte by byte in UTF-8 (``A1`` and ``a1`` are two, and so are ``A1`` and
``A1 ``); no text holds a zero character. Bodies, hashes and salts are bytes and come back as they
went in. Moments are integers of microseconds.

Isolation: what a write transaction has read by `Transaction.load` or `Transaction.look_up`, no
other changes before it ends. What `Transaction.look_up` found missing, no other makes; what
`Transaction.load` found missing may be made, and the later one is overtaken. Two that touch one
record, one chain, one key or one root end as if one had run after the other, or the later one
raises `Overtaken` and has done nothing. A read transaction sees one moment of the database; where
writers don't queue, it waits for none.

Errors: a storage raises `Overtaken` when another transaction was first or the database gave this
one up for another (a deadlock), `Locked` when no lock was to be had in time, and `StorageError`
for everything that can't be mended by trying again. Inside a joined transaction, ``retry`` of the
first two is ``"transaction"`` where a savepoint can't mend it. Any error ends the transaction:
nothing of it is kept; a connection lost in the middle of a commit leaves open whether it was, and a
command made again with its key is there once. Eldermall makes a transaction of its own again,
whole, up to three times after `Overtaken`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

ClockState = Literal[
    "running", "paused", "breached", "met", "late", "stopped", "lapsed", "annulled"
]
OPEN_CLOCKS: tuple[ClockState, ...] = ("running", "paused", "breached")

MessageState = Literal[
    "pending", "accepted", "delivered", "dead", "withdrawn", "expired", "suppressed"
]


Beside = Callable[[bytes], "tuple[bool, Mapping[str, str | None]] | None"]


@dataclass(frozen=True, slots=True)
class RecordKind:
    """What a storage must know of a kind of record to keep it.

    Args:
        name: up to 32 of ``[a-z_]``.
        indexed: fields kept beside the body as texts of up to 64 characters, to find records by;
            ``state``, the record's state in one word, is one of every kind.
        beside: returns whether the record in a body is open, and its indexed fields, for rows that
            were written before a column was kept; None for a body that can't be read.
    """

    name: str
    indexed: tuple[str, ...] = ()
    beside: Beside | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record: its version, whether it still moves, and its body.

    ``before`` is the version that it replaces, 0 if it is new. In a row that a storage returns it
    is ``version`` itself, which is what the next one replaces.
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
    """A personal value behind a commitment in an entry, recorded at that moment."""

    subject: str
    seq: int
    path: str
    purpose: str
    salt: bytes
    value: bytes
    recorded: int


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

    ``id`` stays over retries: up to 130 characters, up to 200 where the storage has lanes. ``next``
    is when it is to be tried, None once it has ended.
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
        walks: it keeps how far a walk over records has come.
        newest: its transactions are `Dated` too: they know when something was written last.
        lanes: its transactions keep `Lanes` too: messages are claimed by topic, found by id and
            changed one by one. Their ids have up to 200 characters. Topics are then relayed side
            by side, in threads.
        many: its transactions are `Many` too: what a command has to hold besides its record comes
            in a few calls, not in two for each.
    """

    join: bool = False
    durable: bool = False
    walks: bool = False
    newest: bool = False
    lanes: bool = False
    many: bool = False


class Transaction(Protocol):
    """The calls inside one transaction of one mall. Not shared by threads.

    In a transaction that only reads, nothing is locked and the calls that write aren't made.
    Where a call takes ``after`` and ``upto``, it returns what belongs to the subjects beyond the
    first up to and including the second, which may be None for no end. What is streamed is read to
    its end, or closed, before the next call.
    """

    def claim_key(self, row: KeyRow) -> KeyRow | None:
        """Keep ``row`` unless its command and key are used; then return the row that used them.

        Waits for another transaction that is about to use the same key.
        """
        ...

    def forget_keys(self, before: int, limit: int) -> int:
        """Remove up to ``limit`` keys made before ``before``, oldest first; return how many.

        Keys that another transaction has locked may be left for later.
        """
        ...

    def try_lock(self, kind: str, id: str) -> bool:
        """Lock a record for change without waiting; False if another transaction has it.

        A storage whose write transactions run one after the other says True. So does one that
        keeps no such record.
        """
        ...

    def load(self, kind: str, id: str) -> tuple[RecordRow | None, Head]:
        """Return a record, locked for change, and the head of its chain (there may be one)."""
        ...

    def look_up(self, kind: str, ids: Sequence[str]) -> Mapping[str, RecordRow]:
        """Return the records that exist; none of ``ids`` is changed or made by others meanwhile."""
        ...

    def existing(self, kind: str, ids: Sequence[str]) -> Set[str]:
        """Return which of ``ids`` there are; none is locked, so others may make one meanwhile."""
        ...

    def save(self, rows: Sequence[RecordRow]) -> None:
        """Insert rows with ``before`` 0, replace others if ``before`` is the version stored.

        Raises:
            Overtaken: a row isn't as it was when it was loaded.
        """
        ...

    def find(
        self, kind: str, *, open: bool | None = None, after: str = "", limit: int = 1000,
        **indexed: str,
    ) -> Sequence[RecordRow]:
        """Return records in order of id, beyond the id ``after``, by indexed fields.

        Those of all that is asked for at once. None beyond ``after`` is passed over, so that pages
        of any size come to the same.
        """
        ...

    def uses_pack(self, kind: str, pack: str) -> bool:
        """Say whether an open record of ``kind`` cites ``pack``."""
        ...

    def walked(self, name: str) -> str | None:
        """Return how far the walk ``name`` has come, None if it hasn't begun.

        This and `put_walked` are asked for only with the capability ``walks``.
        """
        return None

    def put_walked(self, name: str, upto: str) -> None:
        """Keep how far a walk has come.

        Args:
            name: the walk's, up to 100 characters.
            upto: the place, up to 64 characters.
        """
        return

    def open_clocks(self, subject: str) -> Sequence[ClockRow]:
        """Return the clocks of a subject that haven't ended, in order of name, part, start."""
        ...

    def put_clocks(self, rows: Sequence[ClockRow]) -> None:
        """Insert or replace clocks by subject, name, part and start."""
        ...

    def due_clocks(self, now: int, limit: int) -> Sequence[ClockRow]:
        """Return clocks with ``next`` at or before ``now``, by next, subject, name, part.

        Costs what is due, not what runs.
        """
        ...

    def clocks(
        self, states: Sequence[ClockState], *, limit: int = 1000
    ) -> Sequence[ClockRow]:
        """Return clocks in one of ``states``, in order of due, subject, name, part."""
        ...

    def append(self, rows: Sequence[EntryRow], personal: Sequence[PersonalRow] = ()) -> None:
        """Append entries and note them as unsealed; keep the personal values behind them.

        Raises:
            Overtaken: an entry of that number stands already.
        """
        ...

    def chain(self, subject: str) -> Sequence[EntryRow]:
        """Return the entries of one subject by number."""
        ...

    def entries(self, after: str = "", upto: str | None = None) -> Iterator[EntryRow]:
        """Return entries by subject and number, streamed."""
        ...

    def stride(self, after: str, entries: int) -> str | None:
        """Return the subject of the entry that ``entries`` others beyond ``after`` precede.

        None if there are no more than ``entries``. It cuts the journal into parts.
        """
        ...

    def personal(self, subject: str) -> Sequence[PersonalRow]:
        """Return the personal values behind a subject's entries, by number and path."""
        ...

    def holding_personal(self, before: int, after: str, limit: int) -> Sequence[str]:
        """Return subjects with a personal value recorded before ``before``, beyond ``after``."""
        ...

    def erase(self, subject: str) -> int:
        """Remove the personal values of a subject and the keys used on it; return how many values.

        Afterwards neither value nor salt nor fingerprint is in the database.
        """
        ...

    def unsealed(self, limit: int) -> Sequence[Leaf]:
        """Return entries that wait for sealing, by subject and number, locked."""
        ...

    def waiting(self, after: str = "", upto: str | None = None) -> Iterator[Leaf]:
        """Return entries that wait for sealing, by subject and number, streamed."""
        ...

    def last_root(self) -> RootRow | None:
        """Return the newest root."""
        ...

    def seal(self, root: RootRow, leaves: Sequence[Leaf], sealed: Sequence[Leaf]) -> None:
        """Keep ``root`` and ``leaves`` and forget that ``sealed`` wait.

        Raises:
            Overtaken: a root of that number stands already.
        """
        ...

    def roots(self, after: int = 0, limit: int = 1000) -> Sequence[RootRow]:
        """Return roots beyond the number ``after``, by number."""
        ...

    def leaves(self, number: int) -> Sequence[Leaf]:
        """Return the leaves of one root, by subject."""
        ...

    def sealed(self, after: str = "", upto: str | None = None) -> Iterator[tuple[int, Leaf]]:
        """Return leaves of all roots with their root's number, by subject and number, streamed."""
        ...

    def sealing(self, subject: str, seq: int) -> tuple[int, Leaf] | None:
        """Return the first leaf that covers entry ``seq`` of a subject, and its root's number."""
        ...

    def enqueue(self, rows: Sequence[Message]) -> None:
        """Put messages into the outbox."""
        ...

    def claim_messages(self, now: int, limit: int, until: int) -> Sequence[Message]:
        """Take messages with ``next`` at or before ``now`` for oneself, by next and id.

        Each gets ``next = until`` and one attempt more, and is returned so. No two transactions
        get the same; what another has locked is passed over.
        """
        ...

    def settle_message(self, message: Message) -> None:
        """Store what came of a try, unless somebody has claimed the message since."""
        ...

    def messages(self, states: Sequence[MessageState], limit: int = 1000) -> Sequence[Message]:
        """Return messages in one of ``states``, oldest first."""
        ...

    def packs(self) -> Sequence[PackRow]:
        """Return every policy that was ever in force, by hash."""
        ...

    def put_pack(self, row: PackRow) -> None:
        """Keep a policy; one that is kept already stays."""
        ...


@runtime_checkable
class Dated(Protocol):
    """What the transactions of a storage that declares ``newest`` have beyond `Transaction`."""

    def newest(self, upto: int) -> int | None:
        """Return when the newest message made up to the moment ``upto`` was made.

        None if there is none. In whatever state they are, messages that have ended too; costs the
        same however many there are.
        """
        ...


class Lanes(Protocol):
    """What the transactions of a storage that declares ``lanes`` have beyond `Transaction`."""

    def claim_lane(self, topic: str, now: int, limit: int, until: int) -> Sequence[Message]:
        """Do as `Transaction.claim_messages` with messages of one topic.

        Costs what is due of that topic.
        """
        ...

    def list_messages(
        self, states: Sequence[MessageState], after: tuple[int, str], limit: int
    ) -> Sequence[Message]:
        """Return messages in one of ``states`` by their moment of making and id.

        Args:
            states: the states.
            after: a moment and an id: what is returned lies beyond.
            limit: the most to return.
        """
        ...

    def find_messages(self, ids: Sequence[str]) -> Sequence[Message]:
        """Return the messages that there are of ``ids``, in whatever order."""
        ...

    def change_message(self, was: Message, message: Message) -> bool:
        """Store state, next, attempts and reason of a message; return whether that was done.

        It isn't if the message's state or attempts are other than in ``was``.
        """
        ...


class Many(Protocol):
    """What the transactions of a storage that declares ``many`` have beyond `Transaction`."""

    def load_many(
        self, kind: str, ids: Sequence[str]
    ) -> Mapping[str, tuple[RecordRow | None, Head]]:
        """Do as `Transaction.load` with each of ``ids``; each has its pair."""
        ...

    def open_clocks_many(self, subjects: Sequence[str]) -> Mapping[str, Sequence[ClockRow]]:
        """Return what `Transaction.open_clocks` does of each of ``subjects`` that has any."""
        ...


class Joined(Protocol):
    """A host's transaction that a storage works in."""

    def savepoint(self) -> AbstractContextManager[Transaction]:
        """Open a savepoint: released at the end, rolled back on an error.

        Raises:
            NotInTransaction: the host's transaction is over.
        """
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

        A kind that the database hasn't kept yet gets its table as well. Several may open one
        database at once.

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
        """Open a transaction that only reads: one moment of the database."""
        ...

    def join(
        self, mall: str, host: object, *, on_end: Callable[[], None]
    ) -> AbstractContextManager[Joined]:
        """Work inside a transaction of the host, which stays open when the block ends.

        No COMMIT and no ROLLBACK is sent, whatever happens.

        Args:
            mall: the mall's code.
            host: what holds the host's open transaction.
            on_end: called when the host's transaction has ended, where the storage can notice.

        Raises:
            NotJoinable: not this storage, or not this connection.
            NotInTransaction: the connection has no open transaction.
        """
        ...

    def close(self) -> None:
        """Give back all connections."""
        ...


@runtime_checkable
class Installed(Protocol):
    """A storage that can say which database it is, asked once it is open."""

    @property
    def installation(self) -> str:
        """The same for all that are opened on one database, another for any other."""
        ...


@runtime_checkable
class Versioned(Protocol):
    """A storage whose tables have a version, which ``eldermall db`` asks for and raises."""

    @property
    def needed(self) -> str:
        """The version that this installation needs."""
        ...

    def version(self) -> str | None:
        """Return the version of the tables; None if there are none.

        Raises:
            StorageError: there is no database, or it can't be used.
        """
        ...

    def missing(self, kinds: Iterable[RecordKind]) -> Sequence[str]:
        """Return the names of the kinds whose tables aren't there; asked at the version needed.

        Raises:
            SchemaError: a table is there and can't keep its kind.
            StorageError: there is no database, or it can't be used.
        """
        ...

    def upgrade(self, kinds: Iterable[RecordKind]) -> tuple[str | None, str, Sequence[str]]:
        """Bring the tables to the version needed, then make those of ``kinds`` that aren't there.

        Returns:
            the version before, the version now, and the kinds that got a table at this version.

        Raises:
            SchemaError: the tables are of a version that this installation doesn't know, or one
                can't keep its kind.
        """
        ...

"""The mall: the one object that a host holds. It wires everything and decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from eldermall.calendars import microseconds
from eldermall.contracts.storage import (
    ClockRow,
    ClockState,
    Message,
    MessageState,
    RecordRow,
    Storage,
    Transaction,
)
from eldermall.delivery import deliver, receivers
from eldermall.engine.actor import Actor
from eldermall.engine.catching_up import bring_up, is_behind, walk_of
from eldermall.engine.declared import Asks, Makes
from eldermall.engine.engine import Batch, Engine
from eldermall.engine.erasure import Erased, expire
from eldermall.engine.finding import Reader
from eldermall.engine.inputs import checked_id
from eldermall.engine.joining import alone, handle, unbatched
from eldermall.engine.joining import batch as in_batch
from eldermall.engine.journal import entry_fields
from eldermall.engine.kind import Command, Record, subject_of
from eldermall.engine.mending import WAITING, Chosen, chosen, drop, retry
from eldermall.engine.outbox import Relayed, relay
from eldermall.engine.parties import is_theirs
from eldermall.engine.present import bring_back
from eldermall.engine.rulebook import Rulebook
from eldermall.engine.seal import Sealed, seal
from eldermall.engine.settings import Technical
from eldermall.engine.supply import supply
from eldermall.engine.sweep import Failed, Swept, sweep
from eldermall.engine.verification import Verification, verify
from eldermall.engine.walk import END
from eldermall.errors import Conflict, Invalid, PolicyError, SchemaError, Unknown
from eldermall.plugins import HookCall, Plugins
from eldermall.policy import Policy, cited, read_policy, settings_of
from eldermall.rooms import Rooms
from eldermall.rules.retention import KEEP
from eldermall.texts import Text


class Moving(Rooms[Makes]):
    """The commands of every room: each moves a record and returns it as it is after."""


class Joining(Moving):
    """The commands in a transaction of the host's, each behind a savepoint.

    Args:
        run: makes a command.
        reads: reads records.
        batches: opens a batch.
    """

    def __init__(
        self,
        run: Callable[[Command], Record],
        reads: Reader,
        batches: Callable[[], AbstractContextManager[Moving]],
    ) -> None:
        super().__init__(run, reads, Makes)
        self._batches = batches

    def batch(self) -> AbstractContextManager[Moving]:
        """Move several things behind one savepoint: all of it, or nothing.

        Their rows are written at its end, many at once, so that it takes far fewer statements
        than one command after the other. The first that fails ends it, and its refusal waits as
        every one in a host's transaction does. While it is open, only its own handle moves and
        reads: what it has done isn't written yet.

        Raises:
            Refused, Conflict, Invalid: what ended it.
            NotJoined: a batch is open already.
        """
        return self._batches()


class Asking(Rooms[Asks]):
    """The commands of every room: each returns the Decision and moves nothing."""


def rulebook(plugins: Plugins | None = None) -> Rulebook:
    """Return the kinds, rules and clocks that are installed, ``plugins``' own included.

    Raises:
        DefinitionError: they contradict each other.
    """
    brought = plugins or Plugins()
    rules, clocks = brought.rules()
    kinds, reactions = brought.kinds()
    return Rulebook(kinds, rules, clocks, reactions, brought.rest_days)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Mall(Moving):
    """One mall: one code, one policy in force, one storage. May be shared by threads.

    Make one with `Mall.open`. Its rooms (``mall.orders``, ``mall.listings`` and the others of
    `Moving`) move things; ``mall.may`` has the same commands and answers with the Decision,
    moving nothing.

    Args:
        engine: what everything is done with.
        policy: the policy in force.
        plugins: what reaches the outside.
    """

    def __init__(self, engine: Engine, policy: Policy, plugins: Plugins) -> None:
        self._engine = engine
        reads = Reader(self._get, engine.book.kind, self._rows)
        super().__init__(engine.perform, reads, Makes)
        self._plugins = plugins
        self._walk: str | None = walk_of(engine.book, policy.settings)
        self.policy = policy
        self.may: Asking = Asking(engine.may, reads, Asks)
        self._supplied = 0

    @classmethod
    def open(
        cls,
        url: str,
        *,
        policy: str | Path | Mapping[str, Any],
        code: str = "main",
        now: Callable[[], datetime] = _utc_now,
        plugins: Iterable[object] = (),
        prefix: str = "eldermall_",
        technical: Technical | None = None,
        make: bool = True,
        trace: Callable[[HookCall], None] | None = None,
    ) -> Mall:
        """Open a mall, making its tables if there are none.

        Args:
            url: ``sqlite:///mall.db``, ``memory:``, or what a storage plugin knows.
            policy: a policy file, or what such a file holds, or ``pack:NAME`` for a plugin's;
                ``pack:demo`` is there without one.
            code: the mall's code; several malls may share tables.
            now: the only source of the present time; must return aware datetimes.
            plugins: modules or objects with hooks, or their names: an entry point of the group
                ``eldermall``, a module, the path of a file. Nothing else is loaded.
            prefix: put before every table's name.
            technical: settings that serve no clause.
            make: make a database or tables that aren't there.
            trace: hears of every call of a hook; see `HookCall`.

        Raises:
            PolicyError: the policy is incomplete or wrong.
            PluginError: a plugin can't be loaded, or no storage knows the URL.
            SchemaError: the database isn't one that this version can use.
            StorageError: the database can't be opened.
            Locked: somebody else holds it, or a transaction of the caller's own.
            NotJoined: the policy is to be kept, and a joined handle of the mall is open here.
        """
        checked_id(code, "code")
        if not isinstance(url, str):
            raise Invalid(
                "url",
                type(url),  # what it holds may be a password
                Text("须为地址，如 sqlite:///mall.db", "must be a URL such as sqlite:///mall.db"),
            )
        if not isinstance(plugins, Iterable) or isinstance(plugins, str):
            raise Invalid("plugins", plugins, Text("须为插件的列表", "must be a list of plugins"))
        loaded = Plugins(plugins, code, trace)
        book = rulebook(loaded)
        read = read_policy(loaded.policy(policy), book)
        storage = loaded.storage(url, prefix)
        try:
            storage.open((kind.record_kind for kind in book.kinds.values()), make=make)
            _put_in_force(storage, code, book, read, microseconds(now(), "now"))
        except BaseException:
            storage.close()
            raise
        engine = Engine(
            code,
            storage,
            book,
            read.settings,
            {read.settings.pack: read.settings},
            lambda body: settings_of(body, book),
            lambda: microseconds(now(), "now"),
            technical or Technical(),
            loaded.facts,
        )
        return cls(engine, read, loaded)

    @property
    def code(self) -> str:
        """The mall's code."""
        return self._engine.mall

    @property
    def book(self) -> Rulebook:
        """The kinds, rules and clocks in force."""
        return self._engine.book

    @property
    def storage(self) -> Storage:
        """Where the mall is kept."""
        return self._engine.storage

    def now(self) -> int:
        """Return the moment now, in microseconds since 1970 UTC."""
        return self._engine.now()

    def _get(self, kind: str, id: str, by: Actor | None) -> Any:
        with self.read() as tx:
            row, _ = tx.load(kind, id)
        return self._record(kind, id, row, by)

    def _rows(self, kind: str, **asked: Any) -> Sequence[RecordRow]:
        with self.read() as tx:
            return tx.find(kind, **asked)

    def _record(self, kind: str, id: str, row: RecordRow | None, by: Actor | None) -> Record:
        record = None if row is None else self.book.kind(kind).record(row)
        return self._found(kind, id, record, by)

    def _found(self, kind: str, id: str, record: Record | None, by: Actor | None) -> Record:
        noun = self.book.kind(kind)
        if record is None or (by is not None and not is_theirs(noun, record, by)):
            raise Unknown(
                Text(f"{noun.label.zh} {id} 不存在", f"there is no {noun.label.en} {id}")
            )
        return record

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open a transaction that only reads, for reports: one moment of the database."""
        with self.storage.read(self.code) as tx:
            yield tx

    @contextmanager
    def joined(self, host: object) -> Iterator[Joining]:
        """Move things inside a transaction of the host's: all of it commits, or nothing.

        A refusal's entry can't be written there; it waits and is written in a transaction of our
        own once the host's has ended. The handle is for one thread.

        While it is open, what would commit by itself is `NotJoined` here, in this thread or task:
        commands of the mall itself, batches, `settle`, `sweep`, `relay`, `seal`,
        `erase_expired`. Reading and ``may`` see what is committed.

        Args:
            host: with an open transaction: a SQLAlchemy ``Connection``, an ORM ``Session``, or a
                connection of the mall's own driver, such as Django's ``connection.connection``
                inside ``atomic``. Such a one tells nobody when its transaction has ended: call
                `settle` afterwards. On SQLite, begin it IMMEDIATE where the host can: a
                transaction that has read first may be told to start again (``Conflict`` with
                ``retry == "transaction"``).

        Raises:
            NotJoinable: this storage or this connection can't be joined.
            NotInTransaction: the connection has no open transaction.
        """
        engine = self._engine
        ended = False
        try:
            with self.storage.join(self.code, host, on_end=engine.try_settle) as joined:

                def savepoint() -> AbstractContextManager[Transaction]:
                    unbatched(self.storage, self.code)
                    return joined.savepoint()

                def read(kind: str, id: str, by: Actor | None) -> Any:
                    with savepoint() as tx:
                        row, _ = tx.load(kind, id)
                    return self._record(kind, id, row, by)

                def rows(kind: str, **asked: Any) -> Sequence[RecordRow]:
                    with savepoint() as tx:
                        return tx.find(kind, **asked)

                @contextmanager
                def batch() -> Iterator[Moving]:
                    with (
                        engine.batch_joined(savepoint) as opened,
                        in_batch(self.storage, self.code),
                    ):
                        yield self._batched(opened)

                try:
                    with handle(self.storage, self.code, lambda: joined.ended):
                        yield Joining(
                            lambda command: engine.perform_joined(command, savepoint),
                            Reader(read, self.book.kind, rows),
                            batch,
                        )
                finally:
                    ended = joined.ended
        finally:
            if ended and engine.pending:
                engine.try_settle()

    @contextmanager
    def batch(self) -> Iterator[Moving]:
        """Move many things in one transaction of eldermall's own: all of it commits, or nothing.

        Rows are written at its end, many at once, so a bulk of orders goes in several times as
        fast as one by one. The first command that fails ends the batch; its entry is kept, the
        moves before it are undone. The handle is for one thread.

        Raises:
            Overtaken: another transaction was first; nothing was done.
            NotJoined: a joined handle of the mall is open here.
        """
        with self._engine.batch() as batch:
            yield self._batched(batch)

    def _batched(self, batch: Batch) -> Moving:
        def read(kind: str, id: str, by: Actor | None) -> Any:
            record = batch.hold(self.book.kind(kind), id).record
            return self._found(kind, id, record, by)

        return Moving(batch.run, Reader(read, self.book.kind, batch.find), Makes)

    def settle(self) -> int:
        """Write the refusals of joined transactions that wait; return how many were written.

        Raises:
            Conflict: the database is locked; they go on waiting.
            NotJoined: a joined handle of the mall is open here; they go on waiting.
        """
        return self._engine.settle()

    def sweep(self, now: datetime | None = None) -> Swept:
        """Act on every time limit whose moment has come. Idempotent, safe from many workers.

        The first sweeps after a change of release or policy also start the limits that are new,
        on open records that stand still, and note debts that nobody has noted.

        Args:
            now: the moment; the mall's own now if left out.
        """
        self._engine.ready()
        behind = self._bring_up()
        swept = sweep(self._engine, self._moment(now))
        return replace(swept, failed=(*behind, *swept.failed))

    def _bring_up(self) -> tuple[Failed, ...]:
        """Bring records up to date that an older release or policy left; say which can't be."""
        name = self._walk  # another thread may be through with it meanwhile
        if name is None or not self.storage.capabilities.walks:
            return ()
        with self.read() as tx:
            if not is_behind(tx, name):
                self._walk = None
                return ()
        try:
            done = bring_up(self._engine, name)
        except Conflict:  # somebody else is at it: the next sweep goes on
            return ()
        if done.ended:
            self._walk = None
        return tuple(Failed(subject, "clocks.derived", "", why) for subject, why in done.failed)

    def relay(self, now: datetime | None = None) -> Relayed:
        """Tell the outside what committed moves have to tell, once each; failures are tried again.

        Each plugin that hears events, sends notices or keeps roots has deliveries of its own, and a
        new one that keeps roots gets those that it lacks. Topics are handed over side by side, in
        threads, where the storage has lanes.

        Args:
            now: the moment; the mall's own now if left out.
        """
        engine, plugins = self._engine, self._plugins
        engine.ready()
        moment = self._moment(now)
        self._supplied = supply(engine, moment, receivers(plugins, "root"), self._supplied)
        relayed = relay(engine, moment, partial(deliver, plugins), partial(receivers, plugins))
        bring_back(engine, moment)
        return relayed

    def seal(self, now: datetime | None = None) -> Sealed:
        """Seal the journal's waiting entries under new roots, which `relay` carries outside.

        Args:
            now: the moment; the mall's own now if left out.
        """
        self._engine.ready()
        return seal(self._engine, self._moment(now))

    def erase_expired(self) -> Erased:
        """Erase what records say of persons wherever the policy's keeping time has ended.

        Raises:
            ClockDoubted: now lies far beyond all that the database knows; nothing was erased.
            Conflict: the database is locked; what was erased before stays so.
        """
        self._engine.ready()
        return expire(self._engine, self._engine.settings.values[KEEP.key])

    def verify(self, roots: Iterable[bytes] | None = None) -> Verification:
        """Check the journal's chains and roots.

        Args:
            roots: roots from outside the database, as `read_roots` returns them; without them
                the result is unanchored: whoever can write the database could have rewritten it.

        Raises:
            Invalid: ``roots`` is a path or text, not roots.
        """
        if isinstance(roots, str | bytes):
            raise Invalid(
                "roots",
                roots,
                Text("须为逐行的封存根，见 read_roots", "must be roots, as read_roots gives them"),
            )
        with self.read() as tx:
            return verify(tx, self.code, roots)

    def journal(self, kind: str, id: str) -> list[dict[str, Any]]:
        """Return the entries of a record, oldest first, as they stand in the journal.

        Raises:
            Unknown: there is no such kind.
        """
        self.book.kind(kind)
        with self.read() as tx:
            return [entry_fields(row) for row in tx.chain(subject_of(kind, id))]

    def clocks(self, *states: ClockState) -> Sequence[ClockRow]:
        """Return the clocks in these states (open ones by default), the most urgent first."""
        with self.read() as tx:
            return tx.clocks(states or ("running", "paused", "breached"))

    def messages(
        self, *states: MessageState, which: Chosen | None = None, limit: int = 1000
    ) -> Sequence[Message]:
        """Return the outbox's messages in these states (pending and dead by default).

        Args:
            states: the states.
            which: by topic, receiver and moment of making, if not all are meant.
            limit: the most to return, oldest first.
        """
        lanes = self.storage.capabilities.lanes
        with self.read() as tx:
            found = chosen(tx, states or WAITING, which or Chosen(), lanes=lanes)
            return list(islice(found, limit))

    def retry_messages(self, *ids: str, which: Chosen | None = None) -> int:
        """Have messages that are dead, or wait for their next try, tried again at once.

        Args:
            ids: which; if none are given, all that ``which`` means.
            which: by topic, receiver and moment of making.

        Returns:
            how many will be tried by the next `relay`.

        Raises:
            Unknown: there is no message of an id.
            Invalid: one has ended well, or was dropped.
            StorageError: the storage has no lanes.
        """
        return retry(self._engine, self.now(), ids, which)

    def drop_message(self, id: str, *, by: Actor, reason: str) -> None:
        """Drop a message that isn't delivered yet; its record's journal says who did, and why.

        Dropping a refund request leaves what is owed.

        Raises:
            Unknown: there is no such message.
            Invalid: it has ended, is a root's, or the reason is missing.
            StorageError: the storage has no lanes.
        """
        drop(self._engine, id, by=by, reason=reason)

    def close(self) -> None:
        """Write what waits and close the storage."""
        self._engine.finish()
        self.storage.close()

    def __enter__(self) -> Mall:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _moment(self, now: datetime | None) -> int:
        return self._engine.now() if now is None else microseconds(now, "now")


def _put_in_force(
    storage: Storage, code: str, book: Rulebook, policy: Policy, now: int
) -> None:
    with storage.read(code) as tx:
        kept = {row.hash: row.body for row in tx.packs()}
        installed = set(book.cited)
        for hash, body in kept.items():
            lacking = [name for name in cited(body) if name not in installed]
            if lacking and any(tx.uses_pack(kind, hash) for kind in book.kinds):
                raise SchemaError(
                    Text(
                        "未结束的记录引用了未安装的规则或时限：" + "、".join(lacking),
                        "open records cite rules or clocks that aren't installed: "
                        + ", ".join(lacking),
                    )
                )
    if kept and policy.settings.pack not in kept and policy.settings.published > now:
        raise PolicyError(
            Text(
                f"该政策自 {policy.published} 起施行，在此之前请使用现行政策",
                f"the policy applies from {policy.published}; until then open the mall with the "
                "one in force",
            )
        )
    if policy.settings.pack not in kept:
        alone(storage, code)
        with storage.write(code) as tx:
            tx.put_pack(policy.row)
            if storage.capabilities.walks and not kept:
                tx.put_walked(walk_of(book, policy.settings), END)  # there is nothing to walk

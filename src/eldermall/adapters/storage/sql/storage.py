"""The storage contract on SQLite, through SQLAlchemy Core.

Durability is SQLite's own with ``synchronous=FULL``; writers queue with ``BEGIN IMMEDIATE``;
readers use deferred transactions and wait for nobody.
"""

from __future__ import annotations

import re
import secrets
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import (
    Connection,
    bindparam,
    create_engine,
    delete,
    event,
    exc,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import make_url
from sqlalchemy.pool import Pool

from eldermall.adapters.storage.sql import migrate
from eldermall.adapters.storage.sql.schema import Schema
from eldermall.contracts.storage import (
    NO_HEAD,
    ClockRow,
    ClockState,
    EntryRow,
    Head,
    Joined,
    KeyRow,
    Leaf,
    Message,
    MessageState,
    PackRow,
    PersonalRow,
    RecordKind,
    RecordRow,
    RootRow,
    StorageCapabilities,
    Transaction,
)
from eldermall.errors import (
    Conflict,
    EldermallError,
    Locked,
    NotInTransaction,
    NotJoinable,
    SchemaError,
    StorageError,
)
from eldermall.texts import Text

PATIENCE = 5.0
_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}|")


class SqlStorage:
    """A storage in a SQLite file.

    Args:
        url: ``sqlite:///path``.
        prefix: put before every table's name: letters, digits, underscores, up to 32.

    Raises:
        StorageError: the URL names no file, or the prefix is malformed.
    """

    capabilities = StorageCapabilities(join=True, durable=True)

    def __init__(self, url: str, *, prefix: str = "eldermall_") -> None:
        if not isinstance(prefix, str) or _PREFIX.fullmatch(prefix) is None:
            raise StorageError(
                Text(
                    f"表名前缀 {prefix!r} 只能由字母、数字和下划线组成，不超过 32 个字符",
                    f"the table prefix {prefix!r} must be up to 32 letters, digits, underscores",
                )
            )
        self._file = _file_of(url)
        self.prefix = prefix
        self.engine = create_engine(url)
        self._watched: weakref.WeakSet[Pool] = weakref.WeakSet()
        self._installation: str | None = None
        self._statements: _Statements | None = None
        event.listen(self.engine, "connect", _prepare)

    def open(self, kinds: Iterable[RecordKind], *, make: bool = True) -> None:
        """Make the tables of a new file, check those of an old one.

        Raises:
            SchemaError: the tables aren't those that this version needs.
            StorageError: the file can't be opened, or isn't there and isn't to be made.
        """
        if self._file.is_dir():
            raise StorageError(
                Text(f"{self._file} 是文件夹，不是数据库", f"{self._file} is a folder, no database")
            )
        if not make and not self._file.is_file():
            raise StorageError(
                Text(f"数据库文件 {self._file} 不存在", f"there is no database file {self._file}")
            )
        self._statements = _Statements(Schema(kinds, self.prefix))
        until = time.monotonic() + 4 * PATIENCE
        while True:
            try:
                self._ready(make)
            except Conflict:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01 + secrets.randbelow(20) / 1000)
            else:
                return

    def _ready(self, make: bool) -> None:
        s = self._ready_statements()
        with _translated("command"), self.engine.connect() as connection:
            if make:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                connection.rollback()
            found = migrate.version(connection, self.prefix)
            connection.rollback()
            if found is None and not make:
                raise SchemaError(
                    Text(
                        f"{self._file} 中没有以 {self.prefix} 为前缀的 eldermall 数据表",
                        f"{self._file} holds no tables of eldermall with the prefix {self.prefix}",
                    )
                )
            if found is None:
                connection.begin()
                _raw(connection).execute("BEGIN IMMEDIATE")
                found = migrate.version(connection, self.prefix)
                if found is None:
                    migrate.upgrade(connection, self.prefix)
                    found = migrate.version(connection, self.prefix)
                    connection.execute(
                        insert(s.schema.installation), {"id": secrets.token_hex(16)}
                    )
                connection.commit()
            migrate.check(found)
            self._installation = connection.execute(select(s.schema.installation)).scalar()
            if self._installation is None:
                raise SchemaError(
                    Text(
                        f"{self._file} 缺少安装标识，已被改动",
                        f"{self._file} has lost its installation id; it was changed",
                    )
                )

    def _ready_statements(self) -> _Statements:
        if self._statements is None:
            raise StorageError(Text("存储尚未打开", "the storage isn't open yet"))
        return self._statements

    @contextmanager
    def write(self, mall: str, *, patience: float | None = None) -> Iterator[Transaction]:
        """Open a transaction that writes; it waits up to ``patience`` seconds for the lock."""
        with _translated("command"), self.engine.connect() as connection:
            connection.begin()
            raw = _raw(connection)
            if patience is not None:
                raw.execute(f"PRAGMA busy_timeout={int(patience * 1000)}")
            try:
                raw.execute("BEGIN IMMEDIATE")
            finally:
                if patience is not None:
                    raw.execute(f"PRAGMA busy_timeout={int(PATIENCE * 1000)}")
            yield _SqlTransaction(connection, self._ready_statements(), mall)
            connection.commit()

    @contextmanager
    def read(self, mall: str) -> Iterator[Transaction]:
        """Open a transaction that only reads: one moment of the file, no lock."""
        with _translated("command"), self.engine.connect() as connection:
            connection.begin()
            _raw(connection).execute("BEGIN")
            yield _SqlTransaction(connection, self._ready_statements(), mall)

    def join(self, mall: str, host: object, *, on_end: Callable[[], None]) -> Joined:
        """Work inside the transaction of the host's SQLAlchemy ``Connection``.

        Raises:
            NotJoinable: it is no such connection, or one to another database.
            NotInTransaction: it has no open transaction.
        """
        if not isinstance(host, Connection) or host.dialect.name != "sqlite":
            raise NotJoinable(
                Text(
                    f"只能加入 SQLite 的 SQLAlchemy Connection，不是 {type(host).__name__}",
                    f"only a SQLAlchemy Connection to SQLite can be joined, not a "
                    f"{type(host).__name__}",
                )
            )
        joined = _SqlJoined(self._ready_statements(), mall, host)
        joined.begin()
        with _translated("transaction"):
            try:
                there = host.execute(select(self._ready_statements().schema.installation)).scalar()
            except exc.OperationalError as error:
                if "no such table" not in str(error):
                    raise
                there = None
        if there != self._installation:
            raise NotJoinable(
                Text(
                    "该连接指向的不是本商城的数据库",
                    "the connection is to a database that isn't this mall's",
                )
            )
        pool = host.engine.pool
        if pool not in self._watched:
            self._watched.add(pool)
            event.listen(pool, "checkin", lambda *_: on_end())
        return joined

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _file_of(url: str) -> Path:
    try:
        database = make_url(url).database
    except exc.ArgumentError:
        database = None
    if database in (None, "", ":memory:"):
        raise StorageError(
            Text(
                f"{url} 没有指明文件，应写作 sqlite:///mall.db（内存中用 memory:）",
                f"{url} names no file; write sqlite:///mall.db (or memory: for one in memory)",
            )
        )
    return Path(database)


def _prepare(connection: Any, record: object) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={int(PATIENCE * 1000)}")
    connection.execute("PRAGMA synchronous=FULL")


def _raw(connection: Connection) -> Any:
    return connection.connection.driver_connection


@contextmanager
def _translated(retry: Literal["command", "transaction"]) -> Iterator[None]:
    try:
        yield
    except EldermallError:
        raise
    except exc.IntegrityError as error:
        raise Conflict(
            Text("他人已先写入", f"somebody else wrote first: {error.orig}"), retry=retry
        ) from error
    except (exc.DatabaseError, sqlite3.DatabaseError) as error:
        words = str(error.orig if isinstance(error, exc.DatabaseError) else error)
        if "locked" in words or "busy" in words:
            raise Locked(
                Text(
                    "数据库正被另一写入者占用；在自己的事务之内请用 mall.joined(connection)",
                    "the database is locked by another writer; inside a transaction of your own "
                    "use mall.joined(connection)",
                ),
                retry=retry,
            ) from error
        raise StorageError(
            Text(f"数据库无法使用：{words}", f"the database can't be used: {words}")
        ) from error


def _begins_by_itself(raw: Any) -> bool:
    """Say whether the driver has only postponed its BEGIN, and will commit or roll back for it."""
    return raw.isolation_level is not None and getattr(raw, "autocommit", None) is not True


class _SqlJoined:
    def __init__(self, statements: _Statements, mall: str, host: Connection) -> None:
        self._statements = statements
        self._mall = mall
        self._host = host

    @property
    def ended(self) -> bool:
        """Whether the host's transaction is over."""
        return self._host.closed or not self._host.in_transaction()

    def begin(self) -> None:
        """Make sure that a transaction is open down to the driver."""
        raw = None if self.ended else _raw(self._host)
        if raw is None or not (raw.in_transaction or _begins_by_itself(raw)):
            raise NotInTransaction(
                Text(
                    "该连接没有打开的事务，请先执行 with engine.begin() as connection",
                    "the connection has no open transaction; open one with "
                    "engine.begin() or connection.begin()",
                )
            )
        if not raw.in_transaction:
            with _translated("transaction"):
                raw.execute("BEGIN IMMEDIATE")

    @contextmanager
    def savepoint(self) -> Iterator[Transaction]:
        """Open a savepoint in the host's transaction."""
        self.begin()
        with _translated("transaction"), self._host.begin_nested():
            yield _SqlTransaction(self._host, self._statements, self._mall)


class _Statements:
    """Every statement of the hot path, built once."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        s = schema
        mall: Any = bindparam("mall")
        chain = s.entries.alias()
        of = (chain.c.mall == mall) & (chain.c.subject == bindparam("subject"))
        last = select(chain.c.seq).where(of).order_by(chain.c.seq.desc()).limit(1)
        last_hash = select(chain.c.hash).where(of).order_by(chain.c.seq.desc()).limit(1)
        self.head = select(chain.c.seq, chain.c.hash).where(of).order_by(
            chain.c.seq.desc()
        ).limit(1)
        self.load = {
            name: select(
                t.c.version, t.c.open, t.c.pack, t.c.body,
                last.scalar_subquery(), last_hash.scalar_subquery(),
                *(t.c[f] for f in s.kinds[name].indexed),
            ).where(t.c.mall == mall, t.c.id == bindparam("record_id"))
            for name, t in s.records.items()
        }
        found = {
            name: select(
                t.c.id, t.c.version, t.c.open, t.c.pack, t.c.body,
                *(t.c[f] for f in s.kinds[name].indexed),
            ).where(t.c.mall == mall)
            for name, t in s.records.items()
        }
        self.look_up_one = {
            name: query.where(s.records[name].c.id == bindparam("record_id"))
            for name, query in found.items()
        }
        self.look_up_many = {
            name: query.where(s.records[name].c.id.in_(bindparam("ids", expanding=True)))
            for name, query in found.items()
        }
        self.insert_record = {name: insert(t) for name, t in s.records.items()}
        changed = {
            name: update(t).where(
                t.c.mall == bindparam("b_mall"), t.c.id == bindparam("b_id"),
                t.c.version == bindparam("b_before"),
            )
            for name, t in s.records.items()
        }
        self.update_record = {
            name: query.values(
                {c: bindparam(c) for c in ("version", "open", "pack", "body")}
                | {f: bindparam(f) for f in s.kinds[name].indexed}
            )
            for name, query in changed.items()
        }
        self.update_body = {
            name: query.values(version=bindparam("version"), body=bindparam("body"))
            for name, query in changed.items()
        }
        self.uses_pack = {
            name: select(t.c.id)
            .where(t.c.mall == mall, t.c.pack == bindparam("pack"), t.c.open == 1)
            .limit(1)
            for name, t in s.records.items()
        }
        clock = [c for c in s.clocks.c if c.name != "mall"]
        self.open_clocks = (
            select(*clock)
            .where(
                s.clocks.c.mall == mall, s.clocks.c.subject == bindparam("subject"),
                s.clocks.c.stopped.is_(None),
            )
            .order_by(s.clocks.c.name, s.clocks.c.part, s.clocks.c.started)
        )
        self.due_clocks = (
            select(*clock)
            .where(s.clocks.c.mall == mall, s.clocks.c.next <= bindparam("now"))
            .order_by(
                s.clocks.c.next, s.clocks.c.subject, s.clocks.c.name, s.clocks.c.part
            )
            .limit(bindparam("most"))
        )
        self.clocks_in = (
            select(*clock)
            .where(
                s.clocks.c.mall == mall,
                s.clocks.c.state.in_(bindparam("states", expanding=True)),
            )
            .order_by(s.clocks.c.due, s.clocks.c.subject, s.clocks.c.name, s.clocks.c.part)
            .limit(bindparam("most"))
        )
        put = sqlite_insert(s.clocks)
        self.put_clocks = put.on_conflict_do_update(
            index_elements=[c.name for c in s.clocks.primary_key],
            set_={
                c.name: put.excluded[c.name] for c in s.clocks.c if not c.primary_key
            },
        )
        self.append = insert(s.entries)
        self.append_unsealed = insert(s.unsealed)
        self.append_personal = insert(s.personal)
        self.enqueue = insert(s.outbox)
        message = [
            s.outbox.c[c]
            for c in (
                "id", "topic", "body", "created", "next", "state", "attempts", "reason",
            )
        ]
        self.due_messages = (
            select(*message)
            .where(s.outbox.c.mall == mall, s.outbox.c.next <= bindparam("now"))
            .order_by(s.outbox.c.next, s.outbox.c.id)
            .limit(bindparam("most"))
        )
        self.messages = (
            select(*message)
            .where(
                s.outbox.c.mall == mall,
                s.outbox.c.state.in_(bindparam("states", expanding=True)),
            )
            .order_by(s.outbox.c.created, s.outbox.c.id)
            .limit(bindparam("most"))
        )
        self.claim_message = (
            update(s.outbox)
            .where(
                s.outbox.c.mall == bindparam("b_mall"), s.outbox.c.id == bindparam("b_id"),
                s.outbox.c.next == bindparam("b_next"),
                s.outbox.c.attempts == bindparam("b_attempts"),
            )
            .values(attempts=bindparam("attempts"), next=bindparam("next"))
        )
        self.settle_message = (
            update(s.outbox)
            .where(
                s.outbox.c.mall == bindparam("b_mall"), s.outbox.c.id == bindparam("b_id"),
                s.outbox.c.attempts == bindparam("b_attempts"),
            )
            .values(
                state=bindparam("state"), next=bindparam("next"), reason=bindparam("reason")
            )
        )
        self.claim_key = sqlite_insert(s.keys).on_conflict_do_nothing()
        self.key = select(*(c for c in s.keys.c if c.name != "mall")).where(
            s.keys.c.mall == mall, s.keys.c.command == bindparam("command"),
            s.keys.c.key == bindparam("key"),
        )
        self.unsealed = (
            select(s.unsealed.c.subject, s.unsealed.c.seq, s.unsealed.c.hash)
            .where(s.unsealed.c.mall == mall)
            .order_by(s.unsealed.c.subject, s.unsealed.c.seq)
            .limit(bindparam("most"))
        )
        self.drop_unsealed = delete(s.unsealed).where(
            s.unsealed.c.mall == bindparam("b_mall"),
            s.unsealed.c.subject == bindparam("b_subject"),
            s.unsealed.c.seq == bindparam("b_seq"),
        )


class _SqlTransaction:
    """The calls of the contract on an open connection."""

    def __init__(self, connection: Connection, statements: _Statements, mall: str) -> None:
        self._c = connection
        self._s = statements
        self._mall = mall
        self._loaded: dict[tuple[str, str], RecordRow] = {}

    def claim_key(self, row: KeyRow) -> KeyRow | None:
        values = {
            "mall": self._mall, "command": row.command, "key": row.key, "salt": row.salt,
            "fingerprint": row.fingerprint, "subject": row.subject, "created": row.created,
        }
        if self._c.execute(self._s.claim_key, values).rowcount == 1:
            return None
        used = self._c.execute(
            self._s.key, {"mall": self._mall, "command": row.command, "key": row.key}
        ).one()
        return KeyRow(*used)

    def load(self, kind: str, id: str) -> tuple[RecordRow | None, Head]:
        where = {"mall": self._mall, "record_id": id, "subject": f"{kind}/{id}"}
        row = self._c.execute(self._s.load[kind], where).first()
        if row is None:
            last = self._c.execute(
                self._s.head, {"mall": self._mall, "subject": f"{kind}/{id}"}
            ).first()
            return None, NO_HEAD if last is None else Head(*last)
        version, open, pack, body, seq, digest, *indexed = row
        record = RecordRow(
            kind, id, version, version, bool(open), pack,
            dict(zip(self._s.schema.kinds[kind].indexed, indexed, strict=True)), body,
        )
        self._loaded[kind, id] = record
        return record, NO_HEAD if seq is None else Head(seq, digest)

    def look_up(self, kind: str, ids: Sequence[str]) -> Mapping[str, RecordRow]:
        if len(ids) == 1:
            where: dict[str, Any] = {"mall": self._mall, "record_id": ids[0]}
            rows = self._c.execute(self._s.look_up_one[kind], where)
        else:
            where = {"mall": self._mall, "ids": list(ids)}
            rows = self._c.execute(self._s.look_up_many[kind], where)
        return {row[0]: self._row(kind, row) for row in rows}

    def _row(self, kind: str, row: Any) -> RecordRow:
        id, version, open, pack, body, *indexed = row
        return RecordRow(
            kind, id, version, version, bool(open), pack,
            dict(zip(self._s.schema.kinds[kind].indexed, indexed, strict=True)), body,
        )

    def open_clocks(self, subject: str) -> Sequence[ClockRow]:
        rows = self._c.execute(self._s.open_clocks, {"mall": self._mall, "subject": subject})
        return [ClockRow(*row) for row in rows]

    def save(self, rows: Sequence[RecordRow]) -> None:
        new: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            values: dict[str, Any] = {"version": row.version, "body": row.body}
            rest = {"open": int(row.open), "pack": row.pack, **row.indexed}
            if row.before == 0:
                values |= {"mall": self._mall, "id": row.id} | rest
                new.setdefault(row.kind, []).append(values)
                continue
            query = self._s.update_body[row.kind]
            if not self._indexed_as_loaded(row):  # naming a column rewrites its index
                query = self._s.update_record[row.kind]
                values |= rest
            values |= {"b_mall": self._mall, "b_id": row.id, "b_before": row.before}
            if self._c.execute(query, values).rowcount != 1:
                raise Conflict(
                    Text(
                        f"{row.kind}/{row.id} 已被他人更改",
                        f"{row.kind}/{row.id} was changed by somebody else",
                    )
                )
        for kind, added in new.items():
            self._c.execute(self._s.insert_record[kind], added)

    def _indexed_as_loaded(self, row: RecordRow) -> bool:
        """Say whether what is kept beside the body is as it was loaded."""
        was = self._loaded.get((row.kind, row.id))
        return was is not None and (was.open, was.pack, was.indexed) == (
            row.open, row.pack, row.indexed
        )

    def put_clocks(self, rows: Sequence[ClockRow]) -> None:
        self._c.execute(
            self._s.put_clocks,
            [
                {
                    "mall": self._mall, "subject": r.subject, "name": r.name, "part": r.part,
                    "started": r.started, "limit": r.limit, "counting": r.counting, "due": r.due,
                    "next": r.next, "stage": r.stage, "state": r.state, "stopped": r.stopped,
                    "pack": r.pack,
                }
                for r in rows
            ],
        )

    def append(self, rows: Sequence[EntryRow], personal: Sequence[PersonalRow] = ()) -> None:
        mall = self._mall
        self._c.execute(
            self._s.append,
            [
                {"mall": mall, "subject": r.subject, "seq": r.seq, "hash": r.hash, "body": r.body}
                for r in rows
            ],
        )
        self._c.execute(
            self._s.append_unsealed,
            [{"mall": mall, "subject": r.subject, "seq": r.seq, "hash": r.hash} for r in rows],
        )
        if personal:
            self._c.execute(
                self._s.append_personal,
                [
                    {
                        "mall": mall, "subject": p.subject, "seq": p.seq, "path": p.path,
                        "purpose": p.purpose, "salt": p.salt, "value": p.value,
                    }
                    for p in personal
                ],
            )

    def enqueue(self, rows: Sequence[Message]) -> None:
        self._c.execute(
            self._s.enqueue,
            [
                {
                    "mall": self._mall, "id": m.id, "topic": m.topic, "body": m.body,
                    "created": m.created, "next": m.next, "state": m.state,
                    "attempts": m.attempts, "reason": m.reason,
                }
                for m in rows
            ],
        )

    def find(
        self, kind: str, *, open: bool | None = None, after: str = "", limit: int = 1000,
        **indexed: str,
    ) -> Sequence[RecordRow]:
        t = self._s.schema.records[kind]
        fields = self._s.schema.kinds[kind].indexed
        query = (
            select(t.c.id, t.c.version, t.c.open, t.c.pack, t.c.body, *(t.c[f] for f in fields))
            .where(t.c.mall == self._mall, t.c.id > after)
            .order_by(t.c.id)
            .limit(limit)
        )
        if open is not None:
            query = query.where(t.c.open == int(open))
        for name, value in indexed.items():
            query = query.where(t.c[name] == value)
        return [self._row(kind, row) for row in self._c.execute(query)]

    def uses_pack(self, kind: str, pack: str) -> bool:
        found = self._c.execute(self._s.uses_pack[kind], {"mall": self._mall, "pack": pack})
        return found.first() is not None

    def due_clocks(self, now: int, limit: int) -> Sequence[ClockRow]:
        rows = self._c.execute(
            self._s.due_clocks, {"mall": self._mall, "now": now, "most": limit}
        )
        return [ClockRow(*row) for row in rows]

    def clocks(self, states: Sequence[ClockState], *, limit: int = 1000) -> Sequence[ClockRow]:
        rows = self._c.execute(
            self._s.clocks_in, {"mall": self._mall, "states": list(states), "most": limit}
        )
        return [ClockRow(*row) for row in rows]

    def due_messages(self, now: int, limit: int) -> Sequence[Message]:
        rows = self._c.execute(
            self._s.due_messages, {"mall": self._mall, "now": now, "most": limit}
        )
        return [Message(*row) for row in rows]

    def claim_message(self, message: Message, until: int) -> bool:
        values = {
            "b_mall": self._mall, "b_id": message.id, "b_next": message.next,
            "b_attempts": message.attempts, "attempts": message.attempts + 1, "next": until,
        }
        return self._c.execute(self._s.claim_message, values).rowcount == 1

    def settle_message(self, message: Message) -> None:
        self._c.execute(
            self._s.settle_message,
            {
                "b_mall": self._mall, "b_id": message.id, "state": message.state,
                "next": message.next, "b_attempts": message.attempts,
                "reason": message.reason[:500],
            },
        )

    def messages(self, states: Sequence[MessageState], limit: int = 1000) -> Sequence[Message]:
        rows = self._c.execute(
            self._s.messages, {"mall": self._mall, "states": list(states), "most": limit}
        )
        return [Message(*row) for row in rows]

    def unsealed(self, limit: int) -> Sequence[Leaf]:
        rows = self._c.execute(self._s.unsealed, {"mall": self._mall, "most": limit})
        return [Leaf(*row) for row in rows]

    def last_root(self) -> RootRow | None:
        t = self._s.schema.roots
        row = self._c.execute(
            select(t.c.number, t.c.hash, t.c.body)
            .where(t.c.mall == self._mall)
            .order_by(t.c.number.desc())
            .limit(1)
        ).first()
        return None if row is None else RootRow(*row)

    def seal(self, root: RootRow, leaves: Sequence[Leaf], sealed: Sequence[Leaf]) -> None:
        mall = self._mall
        self._c.execute(
            insert(self._s.schema.roots),
            {"mall": mall, "number": root.number, "hash": root.hash, "body": root.body},
        )
        self._c.execute(
            insert(self._s.schema.leaves),
            [
                {
                    "mall": mall, "number": root.number, "subject": leaf.subject,
                    "seq": leaf.seq, "hash": leaf.hash,
                }
                for leaf in leaves
            ],
        )
        self._c.execute(
            self._s.drop_unsealed,
            [{"b_mall": mall, "b_subject": n.subject, "b_seq": n.seq} for n in sealed],
        )

    def entries(self, subject: str | None = None) -> Iterator[EntryRow]:
        t = self._s.schema.entries
        query = (
            select(t.c.subject, t.c.seq, t.c.hash, t.c.body)
            .where(t.c.mall == self._mall)
            .order_by(t.c.subject, t.c.seq)
        )
        if subject is not None:
            query = query.where(t.c.subject == subject)
        for row in self._c.execute(query, execution_options={"yield_per": 1000}):
            yield EntryRow(*row)

    def personal(self, subject: str) -> Sequence[PersonalRow]:
        t = self._s.schema.personal
        rows = self._c.execute(
            select(*(c for c in t.c if c.name != "mall"))
            .where(t.c.mall == self._mall, t.c.subject == subject)
            .order_by(t.c.seq, t.c.path)
        )
        return [PersonalRow(*row) for row in rows]

    def roots(self) -> Iterator[RootRow]:
        t = self._s.schema.roots
        rows = self._c.execute(
            select(t.c.number, t.c.hash, t.c.body)
            .where(t.c.mall == self._mall)
            .order_by(t.c.number)
        )
        for row in rows:
            yield RootRow(*row)

    def leaves(self, number: int) -> Sequence[Leaf]:
        t = self._s.schema.leaves
        rows = self._c.execute(
            select(t.c.subject, t.c.seq, t.c.hash)
            .where(t.c.mall == self._mall, t.c.number == number)
            .order_by(t.c.subject)
        )
        return [Leaf(*row) for row in rows]

    def packs(self) -> Sequence[PackRow]:
        t = self._s.schema.packs
        rows = self._c.execute(
            select(t.c.hash, t.c.body).where(t.c.mall == self._mall).order_by(t.c.hash)
        )
        return [PackRow(*row) for row in rows]

    def put_pack(self, row: PackRow) -> None:
        self._c.execute(
            sqlite_insert(self._s.schema.packs).on_conflict_do_nothing(),
            {"mall": self._mall, "hash": row.hash, "body": row.body},
        )

    def forget_keys(self, before: int, limit: int) -> int:
        t = self._s.schema.keys
        old = (
            select(t.c.command, t.c.key)
            .where(t.c.mall == self._mall, t.c.created < before)
            .order_by(t.c.created)
            .limit(limit)
        )
        found = self._c.execute(old).all()
        if found:
            self._c.execute(
                delete(t).where(
                    t.c.mall == bindparam("b_mall"), t.c.command == bindparam("b_command"),
                    t.c.key == bindparam("b_key"),
                ),
                [{"b_mall": self._mall, "b_command": c, "b_key": k} for c, k in found],
            )
        return len(found)


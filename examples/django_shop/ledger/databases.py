"""What SQLite and PostgreSQL do differently under Django's ORM."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal, Protocol

from django.db import Error, IntegrityError
from django.db.migrations.recorder import MigrationRecorder

from eldermall.errors import Locked, NotJoinable, Overtaken, StorageError
from eldermall.texts import Text

PATIENCE = 5.0
"""Seconds to wait for a lock."""

Retry = Literal["command", "transaction"]
Settings = dict[str, Any]


class Database(Protocol):
    """One kind of database."""

    def writing(self, given: Mapping[str, Any]) -> Settings:
        """Return Django's settings for connections that write."""
        ...

    def reading(self, given: Mapping[str, Any]) -> Settings:
        """Return Django's settings for connections that only read, one moment of the database."""
        ...

    def check(self, given: Mapping[str, Any], *, make: bool) -> None:
        """Check what can be checked without connecting."""
        ...

    def prepare(self, connection: Any) -> None:
        """Set the database up before tables are made."""
        ...

    def queue(self, connection: Any) -> None:
        """Let others who want to make tables wait until the transaction ends."""
        ...

    def before(self, connection: Any, patience: float | None) -> None:
        """Make the transaction that is about to begin wait for locks no longer than that."""
        ...

    def begun(self, connection: Any, patience: float | None) -> None:
        """Make the transaction that has begun wait for locks no longer than that."""
        ...

    def lock(self, connection: Any, keys: Iterable[str], *, shared: bool) -> None:
        """Lock keys of records, whether the records exist or not, until the transaction ends."""
        ...

    def try_lock(self, connection: Any, key: str) -> bool:
        """Lock a key for change without waiting; False if somebody has it."""
        ...

    def joinable(self, connection: Any) -> None:
        """Refuse a host's transaction that sees less than what others have committed.

        Raises:
            NotJoinable: it does.
        """
        ...

    def locked(self, error: Error) -> bool:
        """Say whether no lock was to be had in time."""
        ...

    def overtaken(self, error: Error) -> bool:
        """Say whether another transaction was first."""
        ...


class Sqlite:
    """Writers queue, so nothing has to be locked one by one."""

    def writing(self, given: Mapping[str, Any]) -> Settings:
        """Begin with ``BEGIN IMMEDIATE``; a commit is on the disk."""
        return _with(
            given, transaction_mode="IMMEDIATE", timeout=PATIENCE,
            init_command="PRAGMA synchronous=FULL",
        )

    def reading(self, given: Mapping[str, Any]) -> Settings:
        """Begin without a lock."""
        return _with(given, transaction_mode="DEFERRED", timeout=PATIENCE)

    def check(self, given: Mapping[str, Any], *, make: bool) -> None:
        """Look for the file, which connecting would make."""
        file = str(given["NAME"])
        if file in ("", ":memory:") or "mode=memory" in file:
            raise StorageError(
                Text(
                    "内存中的 SQLite 数据库只属于一个连接，请使用文件",
                    "a SQLite database in memory belongs to one connection; use a file",
                )
            )
        if not make and not Path(file).is_file():
            raise StorageError(
                Text(f"数据库文件 {file} 不存在", f"there is no database file {file}")
            )

    def prepare(self, connection: Any) -> None:
        """Let readers wait for no writer, and tables be made inside a transaction."""
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode=WAL")
        connection.disable_constraint_checking()

    def queue(self, connection: Any) -> None:
        """Nothing: the transaction has the only write lock."""

    def before(self, connection: Any, patience: float | None) -> None:
        """Say how long ``BEGIN IMMEDIATE`` may take."""
        seconds = PATIENCE if patience is None else patience
        connection.ensure_connection()
        connection.connection.execute(f"PRAGMA busy_timeout={int(seconds * 1000)}")

    def begun(self, connection: Any, patience: float | None) -> None:
        """Nothing: the lock is there."""

    def lock(self, connection: Any, keys: Iterable[str], *, shared: bool) -> None:
        """Nothing: there is one writer."""

    def try_lock(self, connection: Any, key: str) -> bool:
        """There is one writer."""
        return True

    def joinable(self, connection: Any) -> None:
        """Nothing: who writes sees the newest, or is told to begin again."""

    def locked(self, error: Error) -> bool:
        """Read the message; there is no code."""
        return "locked" in str(error) or "busy" in str(error)

    def overtaken(self, error: Error) -> bool:
        """A key was there already."""
        return isinstance(error, IntegrityError)


class Postgresql:
    """READ COMMITTED; a record is locked by an advisory lock on its key.

    A row that isn't there can't be locked by ``FOR UPDATE``, but its key can. So whoever reads a
    record to decide locks the key, and whoever makes or changes one locks the same key.
    """

    def writing(self, given: Mapping[str, Any]) -> Settings:
        """See what is committed; wait for a lock a while."""
        return self._at(given, "READ_COMMITTED", f"lock_timeout={int(PATIENCE * 1000)}")

    def reading(self, given: Mapping[str, Any]) -> Settings:
        """See one moment and change nothing."""
        return self._at(given, "REPEATABLE_READ", "default_transaction_read_only=on")

    def _at(self, given: Mapping[str, Any], isolation: str, more: str) -> Settings:
        from psycopg import IsolationLevel

        options = given["OPTIONS"].get("options", "")
        return _with(
            given, isolation_level=IsolationLevel[isolation], options=f"{options} -c {more}",
            pool=None,
        )

    def check(self, given: Mapping[str, Any], *, make: bool) -> None:
        """Nothing can be checked without connecting."""

    def prepare(self, connection: Any) -> None:
        """Nothing has to be set up."""

    def queue(self, connection: Any) -> None:
        """Hold one lock for all makers of tables."""
        self.lock(connection, ["eldermall ledger"], shared=False)

    def before(self, connection: Any, patience: float | None) -> None:
        """Nothing: locks are waited for one by one."""

    def begun(self, connection: Any, patience: float | None) -> None:
        """Say how long each lock may take."""
        if patience is not None:
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = {max(1, int(patience * 1000))}")

    def lock(self, connection: Any, keys: Iterable[str], *, shared: bool) -> None:
        """Take advisory locks in one order; they end with the transaction."""
        call = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {call}(k) FROM unnest(%s::bigint[]) AS k", [sorted(map(_number, keys))]
            )

    def try_lock(self, connection: Any, key: str) -> bool:
        """Ask for the advisory lock without waiting."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_number(key)])
            return bool(cursor.fetchone()[0])

    def joinable(self, connection: Any) -> None:
        """Refuse a snapshot: a record that others have made since couldn't be seen in it."""
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            level = cursor.fetchone()[0]
        if level != "read committed":
            raise NotJoinable(
                Text(
                    f"只能加入隔离级别为 READ COMMITTED 的事务，当前为 {level.upper()}",
                    f"only a transaction at READ COMMITTED can be joined, not {level.upper()}",
                )
            )

    def locked(self, error: Error) -> bool:
        """The lock timeout has passed."""
        return _state(error) == "55P03"

    def overtaken(self, error: Error) -> bool:
        """A key was there already, a deadlock was ended, or a snapshot was too old."""
        return _state(error) in ("23505", "40P01", "40001")


DATABASES: Mapping[str, Database] = {"sqlite": Sqlite(), "postgresql": Postgresql()}


@contextmanager
def translated(database: Database, retry: Retry) -> Iterator[None]:
    """Turn Django's errors of the database into eldermall's.

    Args:
        database: knows what they mean.
        retry: what a host has to do again.
    """
    try:
        yield
    except Error as error:
        words = " ".join(str(error).split())
        if database.overtaken(error):
            text = Text(f"他人已先写入（{words}）", f"somebody else wrote first ({words})")
            raise Overtaken(text, retry=retry) from error
        if database.locked(error):
            text = Text(
                "数据库正被占用：另有写入者，或是您自己尚未结束的 atomic；"
                "其内请用 mall.joined(connection)",
                "the database is locked by another writer, or by an atomic of your own: inside it "
                "use mall.joined(connection)",
            )
            raise Locked(text, retry=retry) from error
        text = Text(f"数据库无法使用：{words}", f"the database can't be used: {words}")
        raise StorageError(text) from error


def applied(connection: Any) -> set[str]:
    """Return the names of the ledger's migrations that the database has had."""
    done = MigrationRecorder(connection).applied_migrations()
    return {name for app, name in done if app == "ledger"}


def _with(given: Mapping[str, Any], **options: Any) -> Settings:
    settings = deepcopy(dict(given))
    settings["OPTIONS"] = {**settings["OPTIONS"], **options}
    return settings


def _number(key: str) -> int:
    """Return a signed number of 64 bits that stands for ``key``, the same in every process."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big", signed=True)


def _state(error: Error) -> str | None:
    state: str | None = getattr(error.__cause__, "sqlstate", None)
    return state

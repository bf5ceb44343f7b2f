"""SQLite: writers queue with ``BEGIN IMMEDIATE``, readers use deferred transactions and wait for
nobody. Durability is SQLite's own with ``synchronous=FULL``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Connection, Engine, Executable, Table, create_engine, event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import URL

from eldermall.adapters.storage.sql.database import (
    NO_TRANSACTION,
    PATIENCE,
    ROLLED_BACK,
    Dropping,
    Fault,
    insert_new,
    upsert,
)
from eldermall.adapters.storage.sql.schema import Schema
from eldermall.adapters.storage.urls import shown_url
from eldermall.errors import NotInTransaction, Overtaken, StorageError
from eldermall.texts import Text

_FAULTS: Mapping[int, Fault] = {
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read only",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
    sqlite3.SQLITE_CANTOPEN: "away",
}


class Sqlite:
    """A file of SQLite.

    Args:
        url: ``sqlite:///path``.

    Raises:
        StorageError: the URL names no file.
    """

    name: ClassVar[str] = "sqlite"
    one_writer: ClassVar[bool] = True
    goes_on: ClassVar[bool] = True
    dropping: ClassVar[Dropping | None] = None

    def __init__(self, url: URL) -> None:
        if url.database in (None, "", ":memory:"):
            raise StorageError(
                Text(
                    f"{shown_url(url)} 没有指明文件，应写作 sqlite:///mall.db（内存中用 memory:）",
                    f"{shown_url(url)} names no file; write sqlite:///mall.db "
                    "(or memory: for one in memory)",
                )
            )
        self.url = url
        self.file = Path(url.database or "")
        self.place = str(self.file)

    def engine(self) -> Engine:
        """Return an engine that begins its transactions itself."""
        engine = create_engine(self.url)
        event.listen(engine, "connect", prepare)
        return engine

    def check(self, *, make: bool) -> None:
        """Check the file."""
        if self.file.is_dir():
            raise StorageError(
                Text(f"{self.file} 是文件夹，不是数据库", f"{self.file} is a folder, no database")
            )
        if not make and not self.file.is_file():
            raise StorageError(
                Text(f"数据库文件 {self.file} 不存在", f"there is no database file {self.file}")
            )

    @contextmanager
    def making(self, connection: Connection) -> Iterator[None]:
        """Hold the write lock, in WAL."""
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.rollback()
        self.begin_write(connection, None)
        yield
        connection.commit()

    def begin_write(self, connection: Connection, patience: float | None) -> None:
        """Queue for the write lock."""
        connection.begin()
        raw = _raw(connection)
        if patience is not None:
            raw.execute(f"PRAGMA busy_timeout={int(patience * 1000)}")
        try:
            raw.execute("BEGIN IMMEDIATE")
        finally:
            if patience is not None:
                raw.execute(f"PRAGMA busy_timeout={int(PATIENCE * 1000)}")

    def begin_read(self, connection: Connection) -> None:
        """Take no lock."""
        connection.begin()
        _raw(connection).execute("BEGIN")

    def insert_new(self, table: Table) -> Executable:
        """Return an insert that leaves a row alone whose key is there already."""
        return insert_new(insert, table)

    def upsert(self, table: Table) -> Executable:
        """Return an insert that replaces a row whose key is there already."""
        return upsert(insert, table)

    def lock_keys(
        self, connection: Connection, schema: Schema, keys: Sequence[str], *, shared: bool
    ) -> None:
        """Nothing: there is one writer."""

    def fault(self, error: BaseException) -> Fault:
        """Say what an error of ``sqlite3`` means."""
        if isinstance(error, sqlite3.IntegrityError):
            return "overtaken"
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_ERROR and "no such table" in str(error):
            return "no table"
        return _FAULTS.get(code, "broken")

    def is_raw(self, host: object) -> bool:
        """Say whether ``host`` is a ``sqlite3.Connection``."""
        return isinstance(host, sqlite3.Connection)

    def raw_is_open(self, raw: Any) -> bool:
        """Say whether a transaction is open, or opens with the next statement."""
        try:
            return bool(raw.in_transaction) or getattr(raw, "autocommit", None) is False
        except sqlite3.ProgrammingError:  # it is closed
            return False

    def raw_has_ended(self, raw: Any) -> bool:
        """Say whether the transaction that eldermall has worked in is over."""
        try:
            return not raw.in_transaction
        except sqlite3.ProgrammingError:  # it is closed
            return True

    def raw_cursor(self, raw: Any, *given: Any, **more: Any) -> Any:
        """Return a cursor of a host's connection whose rows are tuples."""
        cursor = raw.cursor(*given, **more)
        cursor.row_factory = None
        return cursor

    def enter(self, connection: Connection, *, begun: bool) -> None:
        """Send the ``BEGIN IMMEDIATE`` that the driver has postponed, the only one from us.

        Our savepoint would else be the outermost, and releasing it would commit.
        """
        raw = _raw(connection)
        if raw.in_transaction:
            return
        if begun:
            raise Overtaken(ROLLED_BACK, retry="transaction")
        if raw.isolation_level is None or getattr(raw, "autocommit", None) is True:
            raise NotInTransaction(NO_TRANSACTION)
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # an async driver answers only through it

    def probe(self, connection: Connection, table: Table, keys: Mapping[str, object]) -> None:
        """Nothing: there is one writer."""


def prepare(connection: Any, record: object) -> None:
    """Set a new connection up."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={int(PATIENCE * 1000)}")
    connection.execute("PRAGMA synchronous=FULL")


def _raw(connection: Connection) -> Any:
    return connection.connection.driver_connection

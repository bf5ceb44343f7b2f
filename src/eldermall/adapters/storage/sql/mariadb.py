"""MariaDB through PyMySQL: READ COMMITTED, rows locked when they are read for a decision.

A row that isn't there can't be locked (a gap can, but gap locks stop neighbours and don't stop
each other), so its key is, by one of a fixed number of rows that both who asks for it and who
makes it lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from typing import Any, ClassVar

from sqlalchemy import (
    Connection,
    Engine,
    Executable,
    Table,
    create_engine,
    event,
    insert,
    select,
)
from sqlalchemy.dialects.mysql import insert as mysql_insert
from sqlalchemy.engine import URL

from eldermall.adapters.storage.sql.database import (
    NO_TRANSACTION,
    PATIENCE,
    ROLLED_BACK,
    Dropping,
    Fault,
    number_of,
)
from eldermall.adapters.storage.sql.schema import Schema
from eldermall.adapters.storage.sql.stored import LOCKS
from eldermall.adapters.storage.urls import shown_url
from eldermall.errors import NotInTransaction, Overtaken, StorageError
from eldermall.texts import Text

_DUPLICATE, _DEADLOCK, _CHANGED, _WAITED, _NOWAIT = 1062, 1213, 1020, 1205, 4025
_NO_SAVEPOINT = 1305
_FAULTS: Mapping[object, Fault] = {
    1146: "no table",
    1021: "full",
    1114: "full",
    1290: "read only",
    1792: "read only",
    1836: "read only",
    1053: "away",
    1927: "away",
    2002: "away",
    2003: "away",
    2006: "away",
    2013: "away",
}
_IN_TRANSACTION = 1
_STANDING = (
    "SELECT @@in_transaction, (SELECT SUM(variable_value) FROM information_schema.session_status "
    "WHERE variable_name IN ('COM_BEGIN', 'COM_COMMIT', 'COM_ROLLBACK'))"
)
_MAKING = "eldermall schema"


class Mariadb:
    """A database of MariaDB.

    Args:
        url: ``mariadb+pymysql://user@host/database``.
    """

    name: ClassVar[str] = "mariadb"
    one_writer: ClassVar[bool] = False
    goes_on: ClassVar[bool] = True
    dropping: ClassVar[Dropping | None] = Dropping({_DEADLOCK, _CHANGED, _WAITED}, _STANDING)

    def __init__(self, url: URL) -> None:
        self.url = url.set(drivername="mariadb+pymysql").update_query_dict(
            {"charset": "utf8mb4"}
        )
        self.place = shown_url(self.url)

    def engine(self) -> Engine:
        """Return an engine whose connections wait a while for locks, and are tried before use."""
        engine = create_engine(
            self.url, isolation_level="READ COMMITTED", pool_pre_ping=True, pool_recycle=3600
        )
        event.listen(engine, "connect", prepare)
        event.listen(engine, "checkin", _calm)
        return engine

    def check(self, *, make: bool) -> None:
        """Nothing can be checked without connecting."""

    @contextmanager
    def making(self, connection: Connection) -> Iterator[None]:
        """Hold a named lock: the server commits each change of a table by itself."""
        got = connection.exec_driver_sql(f"SELECT GET_LOCK('{_MAKING}', 60)").scalar()
        if got != 1:
            raise StorageError(
                Text("另一进程正在建表", "another process is making the tables for too long")
            )
        try:
            yield
            connection.commit()
        finally:
            connection.exec_driver_sql(f"SELECT RELEASE_LOCK('{_MAKING}')")

    def begin_write(self, connection: Connection, patience: float | None) -> None:
        """Begin; locks are waited for one by one, in whole seconds."""
        connection.begin()
        if patience is not None:
            connection.exec_driver_sql(f"SET innodb_lock_wait_timeout={ceil(patience)}")
            connection.info["hurried"] = True

    def begin_read(self, connection: Connection) -> None:
        """See one moment."""
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def insert_new(self, table: Table) -> Executable:
        """Return a plain insert; MariaDB undoes a statement that fails, not the transaction."""
        return insert(table)

    def upsert(self, table: Table) -> Executable:
        """Return an insert that replaces a row whose key is there already."""
        put = mysql_insert(table)
        return put.on_duplicate_key_update(
            {c.name: put.inserted[c.name] for c in table.c if not c.primary_key}
        )

    def lock_keys(
        self, connection: Connection, schema: Schema, keys: Sequence[str], *, shared: bool
    ) -> None:
        """Lock the rows that stand for the keys, in one order."""
        assert schema.locks is not None
        n = schema.locks.c.n
        rows = sorted({number_of(key) % LOCKS for key in keys})
        query = select(n).where(n.in_(rows)).order_by(n).with_for_update(read=shared)
        connection.execute(query).all()

    def fault(self, error: BaseException) -> Fault:
        """Say what an error number means."""
        number = error.args[0] if error.args else None
        if number in (_DUPLICATE, _DEADLOCK, _CHANGED):
            return "overtaken"
        if number in (_WAITED, _NOWAIT):
            return "locked"
        if number == _NO_SAVEPOINT:
            return "overtaken"  # the server has rolled the whole transaction back
        return _FAULTS.get(number, "broken")

    def is_raw(self, host: object) -> bool:
        """Say whether ``host`` is a connection of PyMySQL."""
        import pymysql

        return isinstance(host, pymysql.Connection)

    def raw_is_open(self, raw: Any) -> bool:
        """Say whether a transaction is open, or opens with the next statement."""
        return bool(raw.open) and (
            not raw.get_autocommit() or bool(raw.server_status & _IN_TRANSACTION)
        )

    def raw_has_ended(self, raw: Any) -> bool:
        """Say whether the transaction that eldermall has worked in is over."""
        return not raw.open or not raw.server_status & _IN_TRANSACTION

    def raw_cursor(self, raw: Any, *given: Any, **more: Any) -> Any:
        """Return a cursor of a host's connection whose rows are tuples."""
        from pymysql.cursors import Cursor

        return raw.cursor(*(given or (Cursor,)), **more)

    def enter(self, connection: Connection, *, begun: bool) -> None:
        """Ask the server whether a transaction is open, or opens with the next statement."""
        by_itself, inside = connection.exec_driver_sql(
            "SELECT @@autocommit, @@in_transaction"
        ).one()
        if by_itself and not inside:
            raise NotInTransaction(NO_TRANSACTION)
        if begun and not inside:
            raise Overtaken(ROLLED_BACK, retry="transaction")

    def probe(self, connection: Connection, table: Table, keys: Mapping[str, object]) -> None:
        """Nothing: a read that locks sees the newest row in every isolation."""


def prepare(connection: Any, record: object) -> None:
    """Set a new connection up: strict, patient."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SET SESSION innodb_lock_wait_timeout={int(PATIENCE)}, "
            "sql_mode='TRADITIONAL'"
        )


def _calm(connection: Any, record: Any) -> None:
    if record.info.pop("hurried", False) and connection is not None:
        prepare(connection, record)

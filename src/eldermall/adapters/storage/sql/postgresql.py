"""PostgreSQL through psycopg 3: READ COMMITTED, rows locked when they are read for a decision.

A row that isn't there can't be locked, so its key is, by an advisory lock that both who asks for
it and who makes it take.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Executable,
    Table,
    create_engine,
    delete,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.engine import URL
from sqlalchemy.sql import bindparam

from eldermall.adapters.storage.sql.database import (
    NO_TRANSACTION,
    PATIENCE,
    Dropping,
    Fault,
    insert_new,
    number_of,
    upsert,
)
from eldermall.adapters.storage.sql.schema import Schema
from eldermall.adapters.storage.urls import shown_url
from eldermall.errors import NotInTransaction

_OVERTAKEN = ("40001", "40P01", "23505")
_KEYS = bindparam("keys", type_=ARRAY(BigInteger))
_SHARED = text(
    "SELECT pg_advisory_xact_lock_shared(:whole), pg_advisory_xact_lock_shared(k) "
    "FROM unnest(:keys) AS k"
).bindparams(_KEYS)
_EXCLUSIVE = text(
    "SELECT pg_advisory_xact_lock_shared(:whole), pg_advisory_xact_lock(k) "
    "FROM unnest(:keys) AS k"
).bindparams(_KEYS)
_WHOLE = text("SELECT pg_advisory_xact_lock(:whole)")
_BULK = 1000
"""More keys than these aren't locked one by one: the server has room for some thousand locks."""

_FAULTS: Mapping[str, Fault] = {
    "42P01": "no table",
    "3F000": "no table",
    "53100": "full",
    "25006": "read only",
    "XX001": "damaged",
    "57P01": "away",
    "57P02": "away",
    "57P03": "away",
}
_IDLE, _IN_TRANSACTION = 0, 2


class Postgresql:
    """A database of PostgreSQL.

    Args:
        url: ``postgresql+psycopg://user@host/database``.
    """

    name: ClassVar[str] = "postgresql"
    one_writer: ClassVar[bool] = False
    goes_on: ClassVar[bool] = False
    dropping: ClassVar[Dropping | None] = None

    def __init__(self, url: URL) -> None:
        self.url = url.set(drivername="postgresql+psycopg")
        self.place = shown_url(self.url)

    def engine(self) -> Engine:
        """Return an engine whose connections wait a while for locks, and are tried before use."""
        return create_engine(
            self.url,
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
            connect_args={"options": f"-c lock_timeout={int(PATIENCE * 1000)}"},
        )

    def check(self, *, make: bool) -> None:
        """Nothing can be checked without connecting."""

    @contextmanager
    def making(self, connection: Connection) -> Iterator[None]:
        """Hold an advisory lock, so that of several who open one database one makes it."""
        connection.begin()
        connection.execute(_WHOLE, {"whole": number_of("eldermall schema")})
        yield
        connection.commit()

    def begin_write(self, connection: Connection, patience: float | None) -> None:
        """Begin; locks are waited for one by one."""
        connection.begin()
        if patience is not None:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {max(1, int(patience * 1000))}")

    def begin_read(self, connection: Connection) -> None:
        """See one moment."""
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        connection.begin()

    def insert_new(self, table: Table) -> Executable:
        """Return an insert that leaves a row alone whose key is there already."""
        return insert_new(insert, table)

    def upsert(self, table: Table) -> Executable:
        """Return an insert that replaces a row whose key is there already."""
        return upsert(insert, table)

    def lock_keys(
        self, connection: Connection, schema: Schema, keys: Sequence[str], *, shared: bool
    ) -> None:
        """Take advisory locks that end with the transaction, in one order.

        A bulk takes one that everybody shares instead.
        """
        whole = number_of(schema.prefix)
        if len(keys) > _BULK:
            connection.execute(_WHOLE, {"whole": whole})
            return
        numbers = sorted({number_of(schema.prefix + key) for key in keys})
        locks = _SHARED if shared else _EXCLUSIVE
        connection.execute(locks, {"whole": whole, "keys": numbers})

    def fault(self, error: BaseException) -> Fault:
        """Say what an SQLSTATE means."""
        state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
        if state in _OVERTAKEN:
            return "overtaken"
        if state == "55P03":
            return "locked"
        if state == "25P01":
            return "not in transaction"
        if state is None and type(error).__name__ == "OperationalError":  # no connection, or lost
            return "away"
        return "away" if str(state)[:2] == "08" else _FAULTS.get(str(state), "broken")

    def is_raw(self, host: object) -> bool:
        """Say whether ``host`` is a connection of psycopg."""
        import psycopg

        return isinstance(host, psycopg.Connection)

    def raw_is_open(self, raw: Any) -> bool:
        """Say whether a transaction is open, or opens with the next statement."""
        if raw.closed:
            return False
        return bool(raw.info.transaction_status == _IN_TRANSACTION) or (
            not raw.autocommit and bool(raw.info.transaction_status == _IDLE)
        )

    def raw_has_ended(self, raw: Any) -> bool:
        """Say whether the transaction that eldermall has worked in is over."""
        return bool(raw.closed) or bool(raw.info.transaction_status == _IDLE)

    def raw_cursor(self, raw: Any, *given: Any, **more: Any) -> Any:
        """Return a cursor of a host's connection whose rows are tuples."""
        from psycopg.rows import tuple_row

        return raw.cursor(*given, **({"row_factory": tuple_row} | more))

    def enter(self, connection: Connection, *, begun: bool) -> None:
        """Check that the connection doesn't commit by itself, where the driver says so.

        Of other drivers' connections the server says so at the savepoint.
        """
        raw = connection.connection.dbapi_connection
        if getattr(raw, "autocommit", False) and not self._in_block(raw):
            raise NotInTransaction(NO_TRANSACTION)

    def _in_block(self, raw: Any) -> bool:
        info = getattr(raw, "info", None)
        return getattr(info, "transaction_status", _IDLE) == _IN_TRANSACTION

    def probe(self, connection: Connection, table: Table, keys: Mapping[str, object]) -> None:
        """Put a row where there seems to be none and take it away again.

        Under REPEATABLE READ and SERIALIZABLE, PostgreSQL refuses that (40001) if somebody has
        committed one that this transaction can't see.
        """
        isolation = connection.exec_driver_sql("SHOW transaction_isolation").scalar()
        if isolation == "read committed":
            return
        empty = {"version": 0, "open": 0, "pack": "", "body": b""}
        connection.execute(insert(table).on_conflict_do_nothing(), {**empty, **keys})
        connection.execute(
            delete(table).where(
                *(table.c[name] == value for name, value in keys.items()), table.c.version == 0
            )
        )

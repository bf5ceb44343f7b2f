"""Working inside a host's transaction: a SQLAlchemy Connection, an ORM Session, or the driver's.

No COMMIT, no ROLLBACK, no PRAGMA is sent; a savepoint for each command; the only BEGIN is the one
that Python's ``sqlite3`` has postponed.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import count
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, event, exc, select
from sqlalchemy.engine import make_url
from sqlalchemy.pool import StaticPool

from eldermall.adapters.storage.sql.database import (
    NO_TRANSACTION,
    ROLLED_BACK,
    Database,
    translated,
)
from eldermall.adapters.storage.sql.lost import Lost
from eldermall.adapters.storage.sql.sending import joined_sender
from eldermall.adapters.storage.sql.statements import Statements
from eldermall.adapters.storage.sql.transaction import SqlTransaction
from eldermall.contracts.storage import Joined, Transaction
from eldermall.errors import NotInTransaction, NotJoinable, Overtaken
from eldermall.texts import Text


class Joiner:
    """Joins transactions of hosts to one database.

    Args:
        database: what it is.
        dialect: of the mall's own engine, initialised.
        statements: for a transaction that writes.
        installation: the id that a host's connection must find too.
    """

    def __init__(
        self, database: Database, dialect: Dialect, statements: Statements, installation: str
    ) -> None:
        self._database = database
        self._dialect = dialect
        self._statements = statements
        self.installation = installation
        self._watched: weakref.WeakSet[Any] = weakref.WeakSet()
        self._lost = Lost(database.dropping)
        self._compiled: dict[Any, Any] = {}

    @contextmanager
    def join(self, mall: str, host: object, on_end: Callable[[], None]) -> Iterator[Joined]:
        """Work inside the transaction of ``host``, which stays open.

        Raises:
            NotJoinable: it isn't a connection to this database.
            NotInTransaction: it has no open transaction.
        """
        session = _session_of(host)
        if session is not None:
            if not session.in_transaction():
                raise NotInTransaction(NO_TRANSACTION)
            self._watch_session(session, on_end)
            connection = session.connection()
        elif isinstance(host, Connection):
            connection = host
        else:
            with self._lent(host) as connection:
                over = partial(self._database.raw_has_ended, host)
                yield self._enter(mall, connection, over, lent=True)
                return
        if connection.dialect.name not in (self._database.name, _ALIASES.get(self._database.name)):
            raise self._unfit(f"{type(host).__name__} ({connection.dialect.name})")
        transaction = connection.get_transaction()
        joined = self._enter(mall, connection, lambda: _over(connection, transaction))
        self._watch_pool(connection, on_end)
        self._lost.watch(connection)
        yield joined

    def _unfit(self, given: str) -> NotJoinable:
        name = self._database.name
        return NotJoinable(
            Text(
                f"只能加入 {name} 的 SQLAlchemy Connection、Session 或驱动自身的连接"
                f"（Django 中为 connection.connection），"
                f"不是 {given}",
                f"only a SQLAlchemy Connection, a Session or a connection of the driver to {name} "
                f"can be joined (in Django connection.connection), not a {given}",
            )
        )

    @contextmanager
    def _lent(self, host: Any) -> Iterator[Connection]:
        """Drive a connection of the driver with the dialect of the mall's own engine."""
        if not self._database.is_raw(host):
            raise self._unfit(type(host).__name__)
        if not self._database.raw_is_open(host):
            raise NotInTransaction(NO_TRANSACTION)
        pool = StaticPool(lambda: _Guest(self._database, host), reset_on_return=None)
        engine = Engine(pool, self._dialect, make_url(f"{self._database.name}://"))
        with engine.connect() as connection:
            yield connection.execution_options(compiled_cache=self._compiled)

    def _enter(
        self, mall: str, connection: Connection, over: Callable[[], bool], *, lent: bool = False
    ) -> _SqlJoined:
        joined = _SqlJoined(
            self._database, self._dialect, self._statements, mall, connection, over, self._lost,
            lent=lent,
        )
        joined.enter()
        table = self._statements.schema.installation
        try:
            kept = nullcontext() if self._database.goes_on else _savepoint(connection)
            with translated(self._database, "transaction"), kept:
                there = connection.execute(select(table)).scalar()
        except Exception as error:
            cause = getattr(error.__cause__, "orig", None)
            if cause is None or self._database.fault(cause) != "no table":
                raise
            there = None
        if there != self.installation:
            raise NotJoinable(
                Text(
                    "该连接指向的不是本商城的数据库",
                    "the connection is to a database that isn't this mall's",
                )
            )
        return joined

    def _watch_pool(self, connection: Connection, on_end: Callable[[], None]) -> None:
        pool = connection.engine.pool
        if pool not in self._watched:
            self._watched.add(pool)
            event.listen(pool, "checkin", lambda *_: on_end())

    def _watch_session(self, session: Any, on_end: Callable[[], None]) -> None:
        if session in self._watched:
            return
        self._watched.add(session)

        def ended(_: object, transaction: Any) -> None:
            if transaction.parent is None:
                on_end()

        event.listen(session, "after_transaction_end", ended)


_ALIASES = {"mariadb": "mysql"}
_NUMBERS = count(1)


def _session_of(host: object) -> Any:
    """Return the ORM Session that ``host`` is or stands for; None if it is none."""
    orm = sys.modules.get("sqlalchemy.orm")  # whoever has a Session has imported it
    if orm is None:
        return None
    if isinstance(host, orm.scoped_session):
        return host()
    return host if isinstance(host, orm.Session) else None


def _over(connection: Connection, transaction: object) -> bool:
    return connection.closed or connection.get_transaction() is not transaction


@contextmanager
def _savepoint(connection: Connection, lost: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Open a savepoint of a name that no other has: MariaDB drops one of the same name.

    ``lost`` is called if the database has rolled back the whole transaction, savepoint included.
    """
    name = f"eldermall_{next(_NUMBERS)}"
    connection.exec_driver_sql(f"SAVEPOINT {name}")
    try:
        yield
    except BaseException:
        try:
            connection.exec_driver_sql(f"ROLLBACK TO SAVEPOINT {name}")
            connection.exec_driver_sql(f"RELEASE SAVEPOINT {name}")
        except exc.DBAPIError:
            lost()
        raise  # the first error says why
    try:
        connection.exec_driver_sql(f"RELEASE SAVEPOINT {name}")
    except exc.DBAPIError:
        lost()
        raise


class _Guest:
    """A host's connection, lent to SQLAlchemy: what would end its transaction does nothing."""

    def __init__(self, database: Database, host: Any) -> None:
        self._database = database
        self.of_host = host

    def commit(self) -> None:
        """Leave it to the host."""

    def rollback(self) -> None:
        """Leave it to the host."""

    def close(self) -> None:
        """Leave it to the host."""

    def cursor(self, *given: Any, **more: Any) -> Any:
        """Return a cursor whose rows are tuples, whatever the host wants its own to be."""
        return self._database.raw_cursor(self.of_host, *given, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.of_host, name)


class _SqlJoined:
    def __init__(
        self,
        database: Database,
        dialect: Dialect,
        statements: Statements,
        mall: str,
        connection: Connection,
        over: Callable[[], bool],
        lost: Lost,
        *,
        lent: bool,
    ) -> None:
        self._lent = lent
        self._database = database
        self._dialect = dialect
        self._statements = statements
        self._mall = mall
        self._connection = connection
        self._over = over
        self._lost = lost
        self._begun = False
        self._held = False
        self._gone = False

    @property
    def ended(self) -> bool:
        """Whether the host's transaction is over."""
        return self._over()

    def enter(self) -> None:
        """Make sure that a transaction is open down to the server."""
        if self._gone:
            raise Overtaken(ROLLED_BACK, retry="transaction")
        if self._begun and self.ended and not (self._lent and self._database.dropping):
            raise NotInTransaction(NO_TRANSACTION)
        if not self._lent and not self._connection.in_transaction():
            raise NotInTransaction(NO_TRANSACTION)
        with translated(self._database, "transaction"):
            self._lost.check(self._connection)
            self._database.enter(self._connection, begun=self._begun)
        self._begun = True

    @contextmanager
    def savepoint(self) -> Iterator[Transaction]:
        """Open a savepoint in the host's transaction."""
        self.enter()
        with (
            translated(self._database, "transaction"),
            _savepoint(self._connection, self._lose),
        ):
            sender = joined_sender(self._connection, self._dialect)
            if self._database.one_writer and not self._held:
                sender.change(self._statements.hold, {})
                self._held = True  # until the host's transaction ends
            yield SqlTransaction(
                self._connection, sender, self._statements, self._mall, probing=True
            )

    def _lose(self) -> None:
        self._gone = True
        self._lost.note(self._connection)

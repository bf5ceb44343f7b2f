"""How a statement of SQLAlchemy Core is sent: compiled once, past what Core does each time.

In our own transactions it goes through the driver's cursor. In a host's it goes through
``exec_driver_sql``, so that its echo and its events at the cursor know of it. Where somebody hears
what only Core tells, or the driver isn't ours, it goes by Core itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Protocol

from sqlalchemy import Connection, Dialect, LargeBinary, exc
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import ClauseElement

Values = Mapping[str, Any]
Row = Sequence[Any]

_BY_CORE = ("before_execute", "after_execute")
_ECHO = logging.getLogger("sqlalchemy.engine.Engine")
_COUNTED = {"preserve_rowcount": True}


class Compiled:
    """A statement as one driver takes it.

    Args:
        clause: the statement; what it asks for by ``bindparam`` is given when it is sent.
        dialect: of the driver.
        columns: the names of the values that it is sent with.
    """

    __slots__ = ("_fixed", "_given", "_placed", "_taken", "sql")

    def __init__(self, clause: Executable, dialect: Dialect, columns: Sequence[str]) -> None:
        assert isinstance(clause, ClauseElement)
        compiled: Any = clause.compile(dialect=dialect, column_keys=list(columns))
        self.sql: str = str(compiled)
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        self._placed = None if compiled.positiontup is None else _placing(compiled.positiontup)
        self._fixed = {name: compiled.params[name] for name in binds if name not in columns}
        self._given = _processors(
            ((name, bind.type) for name, bind in binds.items()),
            lambda type: type.bind_processor(dialect),
            dialect,
        )
        columns_out = getattr(clause, "selected_columns", ())
        self._taken = _processors(
            enumerate(column.type for column in columns_out),
            lambda type: type.result_processor(dialect, None),
            dialect,
        )

    def given(self, values: Values) -> Any:
        """Return ``values`` as the driver takes them: by position, or by name."""
        if self._given or self._fixed:
            values = {**self._fixed, **values}
            for name, change in self._given:
                value = values[name]
                if value is not None:
                    values[name] = change(value)
        return values if self._placed is None else self._placed(values)

    def taken(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Return the driver's rows with values as Python has them."""
        if not self._taken:
            return rows
        changed = []
        for row in rows:
            values = list(row)
            for place, change in self._taken:
                if values[place] is not None:
                    values[place] = change(values[place])
            changed.append(values)
        return changed


def _placing(names: Sequence[str]) -> Callable[[Values], tuple[Any, ...]]:
    """Return what puts values into the order of ``names``."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple([values[name] for name in names])


def _processors(
    types: Any, of: Callable[[Any], Callable[[Any], Any] | None], dialect: Dialect
) -> tuple[tuple[Any, Callable[[Any], Any]], ...]:
    found = (
        (where, of(type.dialect_impl(dialect))) for where, type in types
        if not isinstance(type, LargeBinary)  # every driver takes bytes, and gives them back
    )
    return tuple((where, change) for where, change in found if change is not None)


class Statement:
    """A statement of Core, compiled when it is first sent.

    Args:
        clause: what it asks for by ``bindparam`` is given when it is sent, always by the same
            names.
    """

    __slots__ = ("_compiled", "clause")

    def __init__(self, clause: Executable) -> None:
        self.clause = clause
        self._compiled: Compiled | None = None

    def compiled(self, dialect: Dialect, values: Values) -> Compiled:
        """Return it as the driver of the mall takes it; there is but one ``dialect`` a mall."""
        if self._compiled is None:
            self._compiled = Compiled(self.clause, dialect, list(values))
        return self._compiled


class Sender(Protocol):
    """Sends statements on a connection, one with one set of values or with many."""

    def rows(self, statement: Statement, values: Values) -> Sequence[Row]:
        """Return the rows that a query finds."""
        ...

    def change(self, statement: Statement, values: Values) -> int:
        """Return how many rows a change has touched."""
        ...

    def change_each(self, statement: Statement, many: Sequence[Values]) -> None:
        """Make a change for each set of values."""
        ...


class ByCursor:
    """Sends through the driver's cursor, in a transaction of our own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = connection.dialect
        self._cursor: Any = connection.connection.cursor()

    def rows(self, statement: Statement, values: Values) -> Sequence[Row]:
        """Return the rows that a query finds."""
        compiled = statement.compiled(self._dialect, values)
        self._sent(self._cursor.execute, compiled.sql, compiled.given(values))
        return compiled.taken(self._cursor.fetchall())

    def change(self, statement: Statement, values: Values) -> int:
        """Return how many rows a change has touched."""
        compiled = statement.compiled(self._dialect, values)
        self._sent(self._cursor.execute, compiled.sql, compiled.given(values))
        return int(self._cursor.rowcount)

    def change_each(self, statement: Statement, many: Sequence[Values]) -> None:
        """Make a change for each set of values."""
        if len(many) == 1:
            self.change(statement, many[0])
            return
        compiled = statement.compiled(self._dialect, many[0])
        given = [compiled.given(values) for values in many]
        self._sent(self._cursor.executemany, compiled.sql, given)

    def _sent(self, send: Callable[[str, Any], object], sql: str, given: Any) -> None:
        if self._connection.closed:
            raise exc.ResourceClosedError("the transaction is over")
        try:
            send(sql, given)
        except self._dialect.loaded_dbapi.Error as error:
            driver = self._connection.connection
            if self._dialect.is_disconnect(error, driver, self._cursor):
                self._connection.invalidate(error)
            raise
        except Exception:
            raise
        except BaseException as error:  # an interrupt: nobody knows what the driver waits for
            self._connection.invalidate(error)
            raise


class ByDriver:
    """Sends through ``exec_driver_sql``, in a host's transaction."""

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        self._connection = connection
        self._dialect = dialect

    def rows(self, statement: Statement, values: Values) -> Sequence[Row]:
        """Return the rows that a query finds."""
        compiled = statement.compiled(self._dialect, values)
        found = self._connection.exec_driver_sql(compiled.sql, compiled.given(values))
        return compiled.taken(found.all())

    def change(self, statement: Statement, values: Values) -> int:
        """Return how many rows a change has touched."""
        compiled = statement.compiled(self._dialect, values)
        return self._connection.exec_driver_sql(
            compiled.sql, compiled.given(values), execution_options=_COUNTED
        ).rowcount

    def change_each(self, statement: Statement, many: Sequence[Values]) -> None:
        """Make a change for each set of values."""
        compiled = statement.compiled(self._dialect, many[0])
        given = [compiled.given(values) for values in many]
        self._connection.exec_driver_sql(compiled.sql, given)


class ByCore:
    """Sends by Core."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, statement: Statement, values: Values) -> Sequence[Row]:
        """Return the rows that a query finds."""
        return self._connection.execute(statement.clause, values).all()

    def change(self, statement: Statement, values: Values) -> int:
        """Return how many rows a change has touched."""
        return self._connection.execute(
            statement.clause, values, execution_options=_COUNTED
        ).rowcount

    def change_each(self, statement: Statement, many: Sequence[Values]) -> None:
        """Make a change for each set of values."""
        self._connection.execute(statement.clause, list(many))


def own_sender(connection: Connection) -> Sender:
    """Return how statements are sent in a transaction of our own."""
    if _ECHO.isEnabledFor(logging.INFO) or _has_events(connection):
        return ByCore(connection)
    return ByCursor(connection)


def joined_sender(connection: Connection, dialect: Dialect) -> Sender:
    """Return how statements are sent in a host's transaction.

    Args:
        connection: the host's.
        dialect: of the mall.
    """
    theirs = connection.dialect
    same = (theirs.driver, theirs.paramstyle) == (dialect.driver, dialect.paramstyle)
    translating = connection.get_execution_options().get("schema_translate_map")
    heard = _has_events(connection) and any(getattr(connection.dispatch, e) for e in _BY_CORE)
    if not same or translating or heard:
        return ByCore(connection)
    return ByDriver(connection, dialect)


def _has_events(connection: Connection) -> bool:
    """Say whether anybody may hear of what is sent; so if SQLAlchemy ceases to note it."""
    return any(getattr(who, "_has_events", True) for who in (connection, connection.engine))

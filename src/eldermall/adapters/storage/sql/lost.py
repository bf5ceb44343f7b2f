"""Which hosts' transactions the server has rolled back while their hosts haven't ended them.

The host's next statement begins another transaction in silence, which would commit without what
came before. So nothing of ours goes on there until the host has committed or rolled back itself.
"""

from __future__ import annotations

import weakref
from contextlib import closing, suppress
from typing import Any

from sqlalchemy import Connection, event, exc

from eldermall.adapters.storage.sql.database import ROLLED_BACK, Dropping
from eldermall.errors import Overtaken


class Lost:
    """The connections in such a transaction.

    Args:
        dropping: how such a server is asked; None for one that drops no transaction.
    """

    def __init__(self, dropping: Dropping | None) -> None:
        self._dropping = dropping
        self._ends: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._watched: weakref.WeakSet[Any] = weakref.WeakSet()

    def watch(self, connection: Connection) -> None:
        """Hear of the errors of the host's own statements, on all connections of its engine."""
        if self._dropping is not None and connection.dialect not in self._watched:
            self._watched.add(connection.dialect)
            event.listen(connection.engine, "handle_error", self._heard)

    def _heard(self, context: Any) -> None:
        assert self._dropping is not None
        number = context.original_exception.args[:1]
        if context.connection is not None and not self._dropping.errors.isdisjoint(number):
            self.note(context.connection)

    def note(self, connection: Connection) -> None:
        """Note the connection if the server has just rolled its transaction back."""
        if self._dropping is None:
            return
        away = exc.SQLAlchemyError, connection.dialect.loaded_dbapi.Error
        with suppress(*away):  # the first error says why
            inside, ends = self._asked(self._dropping, connection)
            if not inside:
                self._ends[_driver(connection)] = ends

    def check(self, connection: Connection) -> None:
        """Let nothing go on in a transaction that is lost.

        Raises:
            Overtaken: the host has neither committed nor rolled back since.
        """
        driver = _driver(connection)
        if self._dropping is None or driver not in self._ends:
            return
        _, ends = self._asked(self._dropping, connection)
        if ends == self._ends[driver]:
            raise Overtaken(ROLLED_BACK, retry="transaction")
        del self._ends[driver]

    def _asked(self, dropping: Dropping, connection: Connection) -> tuple[bool, int]:
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(dropping.query)
            (inside, ends), = cursor.fetchall()
        return bool(inside), int(ends)


def _driver(connection: Connection) -> Any:
    """Return what stays the same from one handle to the next."""
    driver = connection.connection.driver_connection
    return getattr(driver, "of_host", driver)

"""An open connection, and how its statements are run for one mall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Select

from eldermall.adapters.storage.sql.sending import Sender, Statement
from eldermall.adapters.storage.sql.statements import Statements

STREAMED = 1000


class Connected:
    """Runs statements on ``connection``, whose transaction somebody else ends.

    Args:
        connection: with an open transaction.
        sender: how statements are sent on it that don't change from call to call.
        statements: for a transaction that writes, or for one that only reads.
        mall: the mall's code.
    """

    def __init__(
        self, connection: Connection, sender: Sender, statements: Statements, mall: str
    ) -> None:
        self._c = connection
        self._send = sender
        self._s = statements
        self._mall = mall

    def _all(self, query: Statement, **values: Any) -> Sequence[Any]:
        return self._send.rows(query, {"mall": self._mall, **values})

    def _first(self, query: Statement, **values: Any) -> Any:
        rows = self._send.rows(query, {"mall": self._mall, **values})
        return rows[0] if rows else None

    def _found(self, query: Select[Any]) -> Sequence[Any]:
        """Return the rows of a query that was narrowed for this call."""
        return self._c.execute(query, {"mall": self._mall}).all()

    def _stream(self, query: Any) -> Iterator[Any]:
        values, streamed = {"mall": self._mall}, {"yield_per": STREAMED}
        with self._c.execute(query, values, execution_options=streamed) as rows:
            yield from rows

"""An open connection, and how its statements are run for one mall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection

from eldermall.adapters.storage.sql.statements import Statements

STREAMED = 1000


class Connected:
    """Runs statements on ``connection``, whose transaction somebody else ends.

    Args:
        connection: with an open transaction.
        statements: for a transaction that writes, or for one that only reads.
        mall: the mall's code.
    """

    def __init__(self, connection: Connection, statements: Statements, mall: str) -> None:
        self._c = connection
        self._s = statements
        self._mall = mall

    def _all(self, query: Any, **values: Any) -> Sequence[Any]:
        return self._c.execute(query, {"mall": self._mall, **values}).all()

    def _first(self, query: Any, **values: Any) -> Any:
        return self._c.execute(query, {"mall": self._mall, **values}).first()

    def _stream(self, query: Any) -> Iterator[Any]:
        values, streamed = {"mall": self._mall}, {"yield_per": STREAMED}
        with self._c.execute(query, values, execution_options=streamed) as rows:
            yield from rows

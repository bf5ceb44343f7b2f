"""Columns beside the bodies of records that are there already: added, filled, indexed.

A row is filled with what its kind says of its body: what the next move would write.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Column, Connection, bindparam, column, func, inspect, select, table, update

from eldermall.adapters.storage.sql.stored import words
from eldermall.contracts.storage import Beside

PAGE = 1000
STATE = "state"


def complete(
    connection: Connection, name: str, columns: Sequence[str], beside: Beside | None
) -> None:
    """Add ``columns`` to a table of records, fill them and index them, as far as that isn't done.

    The index comes last, so that it says that the rest is done, where the database commits each
    step by itself.

    Args:
        connection: with an open transaction.
        name: the table's.
        columns: texts of up to 64 characters; ``state`` is among them.
        beside: as of `RecordKind`; with None the columns stay empty.
    """
    operations = Operations(MigrationContext.configure(connection))
    there = {found["name"] for found in inspect(connection).get_columns(name)}
    for added in columns:
        if added not in there:
            operations.add_column(name, Column(added, words(64), nullable=True))
    if beside is not None:
        _fill(connection, name, columns, beside)
    for added in columns:
        operations.create_index(
            f"ix_{name}_{added}", name, ["mall", added, "id"], if_not_exists=True
        )


def _fill(connection: Connection, name: str, columns: Sequence[str], beside: Beside) -> None:
    """Fill the rows that have no state, and say anew of them whether they are open."""
    records = table(name, *map(column, ("mall", "id", "open", "body", *columns)))
    change = (
        update(records)
        .where(records.c.mall == bindparam("b_mall"), records.c.id == bindparam("b_id"))
        .values({c: bindparam(c) for c in ("open", *columns)})
    )
    for mall, rows in _unfilled(connection, records):
        filled: list[dict[str, Any]] = []
        for id, body in rows:
            said = beside(body)
            if said is not None:
                is_open, fields = said
                kept = {c: fields[c] for c in columns}
                filled.append({"b_mall": mall, "b_id": id, "open": int(is_open)} | kept)
        if filled:
            connection.execute(change, filled)


def _unfilled(connection: Connection, records: Any) -> Iterator[tuple[str, Sequence[Any]]]:
    """Yield pages of the rows that have no state, each with its mall."""
    following = select(func.min(records.c.mall)).where(records.c.mall > bindparam("mall"))
    page = (
        select(records.c.id, records.c.body)
        .where(
            records.c.mall == bindparam("mall"), records.c.id > bindparam("after"),
            records.c[STATE].is_(None),
        )
        .order_by(records.c.id)
        .limit(PAGE)
    )
    mall = ""
    while (found := connection.execute(following, {"mall": mall}).scalar()) is not None:
        mall, after = str(found), ""
        while rows := connection.execute(page, {"mall": mall, "after": after}).all():
            after = rows[-1][0]
            yield mall, rows

"""The floor: the statements of one real move, sent again through bare SQLAlchemy Core."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from eldermall.adapters.storage.sql.sqlite import prepare

Values = Mapping[str, Any] | Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class Captured:
    """What went to the database: statements with their values, and commits."""

    statements: list[tuple[Any, Values]] = field(default_factory=list)
    sql: list[tuple[str, Any, bool]] = field(default_factory=list)
    commits: int = 0


@contextmanager
def capture(engine: Engine) -> Iterator[Captured]:
    """Note what goes through ``engine``; a statement over many rows counts as one."""
    seen = Captured()

    def executed(
        connection: Connection, clause: Any, many: Any, values: Any, options: Any
    ) -> None:
        seen.statements.append((clause, list(many) or dict(values)))

    def sent(
        connection: Connection, cursor: Any, sql: str, values: Any, context: Any, many: bool
    ) -> None:
        seen.sql.append((sql, values, many))

    def committed(connection: Connection) -> None:
        seen.commits += 1

    hooks = (
        ("before_execute", executed), ("before_cursor_execute", sent), ("commit", committed)
    )
    for name, hook in hooks:
        event.listen(engine, name, hook)
    try:
        yield seen
    finally:
        for name, hook in hooks:
            event.remove(engine, name, hook)


def fresh(values: Any, old: str, new: str) -> Any:
    """Return ``values`` with the id ``old`` replaced wherever it stands."""
    if isinstance(values, Mapping):
        return {name: fresh(value, old, new) for name, value in values.items()}
    if isinstance(values, list):
        return [fresh(value, old, new) for value in values]
    if isinstance(values, str):
        return values.replace(old, new)
    if isinstance(values, bytes):
        return values.replace(old.encode(), new.encode())
    return values


def open_engine(path: Path) -> Engine:
    """Return an engine on ``path`` whose connections are set up as ours are."""
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", prepare)
    return engine


def replay(
    engine: Engine, seen: Captured, old: str, ids: Sequence[str]
) -> Callable[[int], None]:
    """Return a function that makes the move ``number`` of ``ids``: one transaction, bare Core.

    The values are made beforehand, rows that were asked for are fetched, counts are checked.
    """
    clauses = [clause for clause, _ in seen.statements]
    moves = [[fresh(values, old, id) for _, values in seen.statements] for id in ids]

    def move(number: int) -> None:
        with engine.connect() as connection:
            connection.begin()
            if engine.name == "sqlite":
                raw: Any = connection.connection.driver_connection
                raw.execute("BEGIN IMMEDIATE")
            for clause, values in zip(clauses, moves[number], strict=True):
                result = connection.execute(clause, values)
                if result.returns_rows:
                    assert result.all() is not None
                elif clause.is_update:
                    assert result.rowcount == 1
            connection.commit()

    return move

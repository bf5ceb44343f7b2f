"""The walk: every open record of a kind is visited once, in pages, however often it is begun.

How far it has come is kept, so that a process that ends in the middle leaves the rest to the next
one. The last page before the end may be visited again, and so may all of it where the storage
keeps no walks: a visit does nothing where it has been before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from eldermall.contracts.storage import Transaction
from eldermall.engine.engine import Engine
from eldermall.engine.kind import Kind, subject_of
from eldermall.engine.work import Held, Work
from eldermall.errors import Conflict, EldermallError
from eldermall.texts import Text

PAGE = 200
END = "~"
"""The place beyond every id."""

Visit = Callable[[Work, Held], None]


@dataclass(frozen=True, slots=True)
class Walked:
    """What a walk did.

    Args:
        visited: how many records it has visited now.
        failed: the records that it couldn't visit, each with the reason; it doesn't come back to
            them.
        ended: whether it is through.
    """

    visited: int = 0
    failed: tuple[tuple[str, Text], ...] = ()
    ended: bool = True


def walk(
    engine: Engine, name: str, kind: str, visit: Visit, *, most: int | None = None
) -> Walked:
    """Visit the open records of a kind that the walk hasn't come to yet, in order of id.

    Each in a unit of its own, with its record locked; what the visit writes into the unit is
    committed. One that fails is told and stops no other.

    Args:
        engine: the mall.
        name: what the walk is for; another name is another walk.
        kind: the kind.
        visit: given the unit and the record held in it.
        most: how many at most are visited now, rounded up to a page; None for all.

    Raises:
        Conflict: somebody else holds a record; the next walk goes on from the last whole page.
    """
    noun, place = engine.book.kind(kind), f"{name}/{kind}"
    after = _place(engine, place)
    visited = 0
    failed: list[tuple[str, Text]] = []
    while after != END and (most is None or visited + len(failed) < most):
        with engine.storage.read(engine.mall) as tx:
            ids = [row.id for row in tx.find(kind, open=True, after=after, limit=PAGE)]
        for id in ids:
            try:
                visited += engine.within(partial(_visited, engine, noun, id, visit))
            except Conflict:
                raise
            except EldermallError as error:
                failed.append((subject_of(kind, id), error.text))
        after = ids[-1] if len(ids) == PAGE else END
        if engine.storage.capabilities.walks:
            engine.within(partial(_keep, place, after))
    return Walked(visited, tuple(failed), after == END)


def _place(engine: Engine, place: str) -> str:
    if not engine.storage.capabilities.walks:
        return ""
    with engine.storage.read(engine.mall) as tx:
        return tx.walked(place) or ""


def _keep(place: str, after: str, tx: Transaction) -> None:
    if after > (tx.walked(place) or ""):  # or somebody else has come further
        tx.put_walked(place, after)


def _visited(engine: Engine, kind: Kind, id: str, visit: Visit, tx: Transaction) -> int:
    """Visit a record; return how many were, for it may have ended since."""
    work = Work(engine, tx, engine.now())
    held = work.hold(kind, id)
    if held.record is None or not kind.is_open(held.record):
        return 0
    visit(work, held)
    work.flush()
    return 1

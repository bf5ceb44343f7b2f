"""Catching up: open records that an older release or policy left get the clocks and debts of today.

Clocks are derived after moves, so a record that stands still never gets a new one. The first
sweeps after a change walk the open records once.
"""

from __future__ import annotations

from hashlib import sha256

from eldermall.contracts.storage import Transaction
from eldermall.engine.engine import Engine
from eldermall.engine.making import catch_up
from eldermall.engine.rulebook import Rulebook
from eldermall.engine.settings import Settings
from eldermall.engine.walk import END, Walked, walk
from eldermall.texts import Text

A_SWEEP = 2_000
"""How many records a sweep brings up to date, so that none takes long."""


def walk_of(book: Rulebook, settings: Settings) -> str:
    """Return the name of the walk that brings records up to these clocks under this policy."""
    clocks = {clock.name for watching in book.watching.values() for clock in watching}
    on = sorted(name for name in clocks if name.partition("@")[0] not in settings.unset)
    return f"caught-up.{sha256(','.join(on).encode()).hexdigest()[:16]}"


def is_behind(tx: Transaction, name: str) -> bool:
    """Say whether there are records that a walk hasn't come to."""
    return tx.walked(name) != END


def bring_up(engine: Engine, name: str) -> Walked:
    """Bring open records up to date, as many as one sweep does; say how many, and what failed.

    Raises:
        Conflict: somebody else holds a record; the next time goes on from the last whole page.
    """
    visited = 0
    failed: list[tuple[str, Text]] = []
    for kind in engine.book.kinds:
        done = walk(engine, name, kind, catch_up, most=A_SWEEP - visited)
        visited += done.visited
        failed += done.failed
        if not done.ended or visited >= A_SWEEP:
            return Walked(visited, tuple(failed), ended=False)
    engine.within(lambda tx: tx.put_walked(name, END))
    return Walked(visited, tuple(failed))

"""Sealing: waiting entries go under a root chained to the last, off the path of commands."""

from __future__ import annotations

from dataclasses import dataclass

from eldermall.contracts.storage import Message, RootRow, Transaction
from eldermall.engine import journal
from eldermall.engine.engine import Engine
from eldermall.engine.present import vouched


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a sealing did: how many roots it made, and the newest root's number, if any."""

    roots: int
    newest: int | None


def seal(engine: Engine, now: int) -> Sealed:
    """Seal every entry that waits. Each root is a message of the outbox in the same commit.

    Raises:
        ClockDoubted: now lies far beyond all that the database knows; nothing was done.
        Overtaken: other sealers were first, again and again; nothing is lost, their roots stand.
    """
    vouched(engine, now)
    made, newest = 0, None
    while True:
        root = engine.within(lambda tx: _seal(engine, tx, now))
        if root is None:
            return Sealed(made, newest)
        made, newest = made + 1, root.number


def _seal(engine: Engine, tx: Transaction, now: int) -> RootRow | None:
    root = journal.seal(tx, engine.mall, now, engine.technical.sealing_batch)
    if root is not None:
        tx.enqueue([Message(f"root.{root.number}", "root", root.body, now, now)])
    return root

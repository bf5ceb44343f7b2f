"""Erasure: personal values go, the journal goes on to verify, for it holds only commitments.

What a record says of a person is blanked, the values and salts behind its entries are removed,
and an entry says so. "Frozen" means not editable, not "not erasable".
"""

from __future__ import annotations

from dataclasses import dataclass

from eldermall.contracts.storage import Transaction
from eldermall.engine.actor import system
from eldermall.engine.engine import Engine
from eldermall.engine.inputs import Arguments
from eldermall.engine.journal import Entry, entry_fields
from eldermall.engine.kind import Command
from eldermall.engine.machine import NEW
from eldermall.engine.present import vouched
from eldermall.errors import Conflict, Refused

BATCH = 200
CAUSE = system("retention")


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did: how many records lost their personal values, how many keep them yet."""

    erased: int = 0
    kept: int = 0


def expire(engine: Engine, keep: int) -> Erased:
    """Erase the personal values of every record whose keeping time has ended.

    Whether it has, the rules that guard the move ``erase`` say. Values that only refused attempts
    left behind, of a record that never came to be, go when the last attempt is that old.

    Args:
        engine: the mall.
        keep: the keeping time in microseconds: younger values aren't looked at.

    Raises:
        ClockDoubted: now lies far beyond all that the database knows; nothing was done.
    """
    vouched(engine, engine.now())
    erased = kept = 0
    after = ""
    while True:
        with engine.storage.read(engine.mall) as tx:
            subjects = tx.holding_personal(engine.now() - keep + 1, after, BATCH)
        if not subjects:
            return Erased(erased, kept)
        after = subjects[-1]
        for subject in subjects:
            if _expire(engine, subject, keep):
                erased += 1
            else:
                kept += 1


def _expire(engine: Engine, subject: str, keep: int) -> bool:
    name, id = subject.split("/", 1)
    kind = engine.book.kinds.get(name)
    if kind is None or "erase" not in kind.machines_of:
        return False
    command = Command(name, "erase", id, CAUSE, Arguments())
    decision = engine.may(command)
    if decision.state == NEW:
        return engine.within(lambda tx: _expire_attempts(engine, tx, subject, keep))
    if not decision.allowed:
        return False
    try:
        engine.perform(command)
    except (Refused, Conflict):  # it has moved since; the next time will do
        return False
    return True


def _expire_attempts(engine: Engine, tx: Transaction, subject: str, keep: int) -> bool:
    record, _ = tx.load(*subject.split("/", 1))
    last = entry_fields(tx.chain(subject)[-1])
    now = engine.now()
    if record is not None or last["recorded"] + keep > now:
        return False
    tx.erase(subject)
    fields = {
        "what": f"{subject.split('/', 1)[0]}.erase",
        "outcome": "erased",
        "actor": CAUSE.as_json(),
        "args": {},
        "pack": engine.settings.pack,
    }
    engine.append(tx, Entry(subject, now, fields))
    return True

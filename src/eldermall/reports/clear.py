"""What entries of versions before hold in clear that is a person's by now.

Entries are never rewritten, and erasing can't reach into them, so that it is at least counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from eldermall.contracts.storage import Transaction
from eldermall.engine.adoption import adoption_of
from eldermall.engine.journal import entry_fields
from eldermall.engine.kind import ADOPT
from eldermall.rooms import DECLARED


def in_clear(tx: Transaction) -> Counter[str]:
    """Return how many entries say in clear what is personal by now, by ``kind.move.argument``.

    Looked at are the mall's own moves, not those of plugins.

    Args:
        tx: reads the journal, all of it.
    """
    personal = _personal()
    found: Counter[str] = Counter()
    for entry in map(entry_fields, tx.entries()):
        what, args = entry.get("what", ""), entry.get("args", {})
        for name in personal.get(what, ()):
            value = args.get(name)
            if value and not (isinstance(value, dict) and set(value) == {"commitment"}):
                found[f"{what}.{name}"] += 1
    return found


def _personal() -> Mapping[str, Iterable[str]]:
    """Return the names of the personal arguments by move."""
    found: dict[str, Iterable[str]] = {}
    for room in DECLARED.values():
        for declared in room.COMMANDS.values():
            model = adoption_of(room.model) if declared.name == ADOPT else declared.model
            if model.personal:
                found[f"{room.kind}.{declared.name}"] = tuple(model.personal)
    return found

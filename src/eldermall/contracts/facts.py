"""What a plugin is asked before a move is decided whose rules need what only the host knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class WantedMove:
    """A move that somebody wants. It isn't decided yet, and may be refused.

    Args:
        mall: the mall's code.
        kind: the kind of record.
        move: the move's name.
        id: the record's id.
        actor: who wants it: ``id``, ``role``, and more.
        args: the move's arguments, personal ones too.
        facts: the names of the facts that its rules need from the host.
    """

    mall: str
    kind: str
    move: str
    id: str
    actor: Mapping[str, str]
    args: Mapping[str, Any]
    facts: tuple[str, ...]

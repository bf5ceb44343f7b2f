"""Whose a record is: asked before any rule, and where it is another's, told alone.

To somebody of no staff a record that isn't theirs looks like one that isn't there.
"""

from __future__ import annotations

from collections.abc import Iterable

from eldermall.engine.actor import Actor, Role, listed
from eldermall.engine.kind import Command, Kind, Record, anyone
from eldermall.engine.machine import NEW
from eldermall.engine.rule import Verdict
from eldermall.texts import Text

OUTSIDE: tuple[Role, ...] = ("customer", "merchant")
"""Who is no staff: they see and move what is theirs."""

NOT_THEIRS = Verdict(
    "machine.own-records", "refused",
    reason=Text("只能处理本人或本商家的记录", "customers and merchants move only what is theirs"),
)
"""What they are told of any other record, and of none."""


def who_may(roles: Iterable[Role]) -> Verdict:
    """Return the refusal of a move that only others make."""
    who = listed(dict.fromkeys(roles))
    return Verdict(
        "machine.who-may", "refused",
        reason=Text(f"此动作只能由以下身份执行：{who.zh}", f"this move is made by: {who.en}"),
    )


def is_theirs(kind: Kind, record: Record | None, actor: Actor) -> bool:
    """Say whether a record is there for somebody: for staff and the system it always is."""
    if actor.role not in OUTSIDE or kind.party is anyone:
        return True
    return record is not None and kind.party(record, actor)


def outsider(kind: Kind, command: Command, record: Record | None) -> Verdict | None:
    """Return the one refusal of somebody who is no party; None for everybody else.

    It doesn't depend on the record, not even on whether there is one.

    Args:
        kind: the kind of the record.
        command: the move.
        record: the record as it is, None if there is none.
    """
    if is_theirs(kind, record, command.actor):
        return None
    ways = [
        t for m in kind.machines_of[command.name] for t in m.transitions if t.name == command.name
    ]
    if all(command.actor.role not in t.by for t in ways):
        return who_may(role for t in ways for role in t.by)
    makes = record is None and any(NEW in t.sources for t in ways)
    if makes and kind.party(command.args, command.actor):
        return None
    return NOT_THEIRS

"""Roots for those who were named after they were made: a new sink gets what it lacks."""

from __future__ import annotations

from collections.abc import Sequence

from eldermall.contracts.storage import Message, RootRow, Transaction
from eldermall.engine.engine import Engine
from eldermall.engine.journal import body_fields
from eldermall.engine.outbox import laned

PAGE = 500
"""How many roots are looked at in one transaction."""


def supply(engine: Engine, now: int, sinks: Sequence[str], after: int = 0) -> int:
    """Put the roots that a sink never had into the outbox for it.

    Args:
        engine: the mall.
        now: the moment, in microseconds since 1970 UTC.
        sinks: the names of those who keep roots.
        after: the number of a root up to which no sink lacks any.

    Returns:
        the number of the root up to which no sink lacks any now.
    """
    if not (sinks and engine.storage.capabilities.lanes):
        return after
    while True:
        with engine.storage.read(engine.mall) as tx:
            lacking, upto = _lacking(tx, now, sinks, after)
        if lacking:
            upto = engine.within(lambda tx: _given(tx, now, sinks, after))  # noqa: B023
        if upto == after:
            return after
        after = upto


def _given(tx: Transaction, now: int, sinks: Sequence[str], after: int) -> int:
    lacking, upto = _lacking(tx, now, sinks, after)
    if lacking:
        tx.enqueue(lacking)
    return upto


def _lacking(
    tx: Transaction, now: int, sinks: Sequence[str], after: int
) -> tuple[list[Message], int]:
    """Return the messages that are missing, up to the first root that waits for the relay."""
    roots = tx.roots(after, PAGE)
    if not roots:
        return [], after
    wanted = [id for root in roots for id in (_id(root), *_ids(root, sinks))]
    there = {message.id: message for message in laned(tx).find_messages(wanted)}
    lacking: list[Message] = []
    for root in roots:
        own = there.get(_id(root))
        if own is not None and own.next is not None:
            break
        made = min(now, body_fields(root.body).get("time", now))
        lacking += [
            Message(id, "root", root.body, made, made)
            for id in _ids(root, sinks) if id not in there
        ]
        after = root.number
    return lacking, after


def _id(root: RootRow) -> str:
    return f"root.{root.number}"


def _ids(root: RootRow, sinks: Sequence[str]) -> list[str]:
    return [f"{_id(root)}@{name}" for name in sinks]

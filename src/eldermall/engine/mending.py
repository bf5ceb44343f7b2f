"""What people do with messages of the outbox: have them tried again, or drop them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from eldermall.contracts.storage import Message, MessageState, Transaction
from eldermall.engine.actor import Actor
from eldermall.engine.engine import Engine
from eldermall.engine.inputs import Arguments, Label, Personal, arguments
from eldermall.engine.journal import Entry, args_of
from eldermall.engine.outbox import address, laned
from eldermall.errors import Invalid, Overtaken, StorageError, Unknown
from eldermall.texts import Text

PAGE = 500
WAITING: tuple[MessageState, ...] = ("pending", "dead")
"""The states in which somebody still waits for a message, or has waited in vain."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which messages are meant: those for which all that is set holds.

    Args:
        topic: the topic.
        receiver: the name of the receiver.
        since: made at this moment or later.
        until: made before this moment.
    """

    topic: str | None = None
    receiver: str | None = None
    since: int | None = None
    until: int | None = None

    def takes(self, message: Message) -> bool:
        """Say whether a message is meant."""
        return (
            self.topic in (None, message.topic)
            and self.receiver in (None, address(message.id)[1])
            and (self.since is None or message.created >= self.since)
            and (self.until is None or message.created < self.until)
        )


class Dropping(Arguments):
    """What the entry of a dropped message says."""

    message: str
    reason: Annotated[Label, Personal("outbox")]


def chosen(
    tx: Transaction, states: Sequence[MessageState], which: Chosen, *, lanes: bool
) -> Iterator[Message]:
    """Yield the messages in these states that are meant, oldest first, read some at a time.

    Args:
        tx: a transaction, open until all are read.
        states: the states.
        which: what is meant.
        lanes: whether the storage has lanes; without, no more than the oldest 100,000 are seen.
    """
    if not lanes:
        yield from filter(which.takes, tx.messages(states, 100_000))
        return
    after = (which.since or 0, "")
    while page := laned(tx).list_messages(states, after, PAGE):
        yield from filter(which.takes, page)
        after = page[-1].created, page[-1].id
        if which.until is not None and page[-1].created >= which.until:
            return


def retry(engine: Engine, now: int, ids: Sequence[str] = (), which: Chosen | None = None) -> int:
    """Have messages tried again at once: those that are dead, and those that wait for a next try.

    Each keeps its id. One that a relay may be trying just now is left alone.

    Args:
        engine: the mall.
        now: the moment, in microseconds since 1970 UTC.
        ids: which; none for those that ``which`` means.
        which: what is meant.

    Returns:
        how many will be tried.

    Raises:
        Unknown: there is no message of one of ``ids``; nothing was done.
        Invalid: one of ``ids`` has ended well or was dropped; nothing was done.
        StorageError: the storage has no lanes.
    """
    _with_lanes(engine)
    if ids:
        return engine.within(lambda tx: _revived(engine, tx, now, _those(tx, ids)))
    revived = 0
    with engine.storage.read(engine.mall) as reading:
        found = list(chosen(reading, WAITING, which or Chosen(), lanes=True))
    for start in range(0, len(found), PAGE):
        page = found[start : start + PAGE]
        revived += engine.within(lambda tx: _revived(engine, tx, now, page))  # noqa: B023
    return revived


def _revived(engine: Engine, tx: Transaction, now: int, found: Sequence[Message]) -> int:
    sooner = now + engine.technical.claim  # a claimed one comes back before that
    return sum(
        laned(tx).change_message(was, replace(was, state="pending", next=now))
        for was in found
        if was.next is None or was.next > sooner
    )


def drop(engine: Engine, id: str, *, by: Actor, reason: str) -> None:
    """Drop a message that isn't delivered yet; an entry of its record says who did and why.

    What it told stays as it is: dropping a refund request leaves what is owed.

    Args:
        engine: the mall.
        id: the message's id, as lists show it.
        by: who drops it.
        reason: why; it may be about a person, and is erased with the record's personal values.

    Raises:
        Unknown: there is no such message, or its record's kind isn't installed.
        Invalid: it has ended, is a root's, or the reason is missing.
        StorageError: the storage has no lanes.
    """
    _with_lanes(engine)
    args = arguments(Dropping, "drop", message=id, reason=reason)
    engine.within(lambda tx: _dropped(engine, tx, args, by))


def _dropped(engine: Engine, tx: Transaction, args: Dropping, by: Actor) -> None:
    (was,) = _those(tx, [args.message])
    if was.topic == "root":
        raise Invalid(
            "drop.message", was.id,
            Text(
                "封存根不属于任何记录，不能撤回，只能重试",
                "a root belongs to no record: it can be tried again, and not be dropped",
            ),
        )
    subject = was.id.rpartition("#")[0]
    engine.book.kind(subject.partition("/")[0])
    said, personal = args_of(args)
    entry = {
        "what": "message.drop",
        "outcome": "withdrawn",
        "actor": by.as_json(),
        "args": said,
        "pack": engine.settings.pack,
    }
    engine.append(tx, Entry(subject, engine.now(), entry, personal))
    # One try more: what a relay that has it just now will say of it counts no longer.
    gone = replace(
        was, state="withdrawn", next=None, attempts=was.attempts + 1, reason=f"dropped by {by.id}"
    )
    if not laned(tx).change_message(was, gone):
        raise Overtaken(
            Text(f"消息 {was.id} 刚被他人处理", f"somebody else has just changed {was.id}")
        )


def _those(tx: Transaction, ids: Sequence[str]) -> list[Message]:
    """Return messages that may be changed."""
    there = {message.id: message for message in laned(tx).find_messages(ids)}
    for id in ids:
        if id not in there:
            raise Unknown(Text(f"没有消息 {id}", f"there is no message {id}"))
        state = there[id].state
        if state not in WAITING:
            raise Invalid(
                "message", id, Text(f"该消息已办结（{state}）", f"has ended already: it is {state}")
            )
    return [there[id] for id in ids]


def _with_lanes(engine: Engine) -> None:
    if not engine.storage.capabilities.lanes:
        raise StorageError(
            Text(
                "该存储未声明 lanes，不能逐条更改消息",
                "this storage doesn't declare lanes: its messages can't be changed one by one",
            )
        )

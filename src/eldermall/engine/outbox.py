"""The relay: what committed moves have to tell the outside is told, at least once.

A move writes one row. The relay that claims it first ends it and writes one row for each receiver,
in one commit: from then on each has its own tries and its own end. No topic waits for another. A
storage without lanes keeps the one row, and all who must hear it are tried again together.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, cast

from eldermall.contracts.storage import Lanes, Message, MessageState, Transaction
from eldermall.engine.engine import Engine
from eldermall.engine.kind import Command
from eldermall.engine.making import Refusal, make
from eldermall.engine.settings import Technical
from eldermall.engine.work import Work
from eldermall.errors import RuleBroken

BATCH = 20
"""How many messages of a topic one relay holds at a time: all are tried before its claim ends."""

TOPICS = ("refund", "notice", "root", "event")

_UNKEPT = re.compile("[\x00\ud800-\udfff]")

Told = Literal["accepted", "delivered", "suppressed", "dead", "retry", "left"]

ENDS: Mapping[Told, MessageState] = {
    "accepted": "accepted", "delivered": "delivered", "suppressed": "suppressed", "dead": "dead",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try: an end state, ``retry``, or ``left`` to the others; with the reason.

    ``follows`` is the move that the mall makes with it; ``otherwise`` the one if that is refused,
    or if it was the last try.
    """

    state: Told
    reason: str = ""
    follows: Command | None = None
    otherwise: Command | None = None


Deliver = Callable[[Message], Outcome]

Receivers = Callable[[str], Sequence[str]]
"""Returns the names of those to whom each message of a topic goes, each by itself."""


@dataclass(frozen=True, slots=True)
class Relayed:
    """What a relay did: how many messages ended in which state, and how many are tried again."""

    ended: Mapping[str, int]
    retried: int = 0


def address(id: str) -> tuple[str, str]:
    """Return the id with which a message was born, and its receiver's name if it has one."""
    born, _, receiver = id.partition("@")
    return born, receiver


def following(message: Message, receivers: Sequence[str]) -> list[Message]:
    """Return the rows that follow a message: one for each receiver, unless it is one's already."""
    if address(message.id)[1]:
        return []
    return [
        Message(f"{message.id}@{name}", message.topic, message.body, message.created,
                message.created)
        for name in receivers
    ]


def relay(engine: Engine, now: int, deliver: Deliver, receivers: Receivers) -> Relayed:
    """Try every message that is due at ``now`` once, outside any transaction.

    A message is claimed before it is tried, so that relays beside this one leave it alone; one
    whose relay died is tried again when the claim has run out.

    Args:
        engine: the mall.
        now: the moment, in microseconds since 1970 UTC.
        deliver: tries a message and says what came of it; it raises nothing.
        receivers: who is told, by topic.
    """
    done: Counter[str] = Counter()
    while True:
        lanes, followed = _claimed(engine, now, receivers)
        if not lanes and not followed:
            retried = done.pop("pending", 0)
            return Relayed(dict(done), retried)
        try_all = partial(_lane, engine, now, deliver, receivers)
        for each in _side_by_side(engine, try_all, lanes):
            done += each


def _claimed(
    engine: Engine, now: int, receivers: Receivers
) -> tuple[list[list[Message]], int]:
    """Claim a batch of each topic; return those to be tried, and how many rows have followed."""
    until = max(now, engine.now()) + engine.technical.claim
    if engine.storage.capabilities.lanes:
        return engine.within(lambda tx: _lanes(tx, now, until, receivers))
    claimed = engine.within(lambda tx: tx.claim_messages(now, BATCH, until))
    return ([list(claimed)] if claimed else []), 0


def laned(tx: Transaction) -> Lanes:
    """Return a transaction of a storage that declares lanes, as what it is."""
    return cast(Lanes, tx)


def _lanes(
    tx: Transaction, now: int, until: int, receivers: Receivers
) -> tuple[list[list[Message]], int]:
    lanes: list[list[Message]] = []
    new: list[Message] = []
    for topic in TOPICS:
        lane = []
        names = receivers(topic)
        for message in laned(tx).claim_lane(topic, now, BATCH, until):
            rows = following(message, names)
            if rows:
                new += rows
                tx.settle_message(replace(message, state="delivered", next=None, reason=""))
            else:
                lane.append(message)
        if lane:
            lanes.append(lane)
    if new:
        tx.enqueue(new)
    return lanes, len(new)


def _side_by_side(
    engine: Engine, try_all: Callable[[list[Message]], Counter[str]], lanes: list[list[Message]]
) -> list[Counter[str]]:
    if len(lanes) < 2 or not engine.technical.threads:
        return [try_all(lane) for lane in lanes]
    with ThreadPoolExecutor(len(lanes), "eldermall-relay") as pool:
        trying = [pool.submit(copy_context().run, try_all, lane) for lane in lanes]
    return [each.result() for each in trying]  # all have ended: none breaks another off


def _lane(
    engine: Engine, now: int, deliver: Deliver, receivers: Receivers, lane: list[Message]
) -> Counter[str]:
    done: Counter[str] = Counter()

    def settle(tx: Transaction, message: Message, outcome: Outcome) -> MessageState:
        if outcome.state == "left":
            outcome = _left(tx, message, outcome, receivers(message.topic))
        settled = _settled(engine.technical, now, message, outcome)
        tx.settle_message(settled)
        last = outcome.otherwise if settled.state == "dead" else None
        command = outcome.follows or last
        if command is not None:
            work = Work(engine, tx, engine.now())
            make(work, command)
            work.flush()
        return settled.state

    for message in sorted(lane, key=_order):
        end = partial(settle, message=message)
        ways = _ways(deliver(message))
        while True:  # the last of them makes no move, so that nothing refuses it
            told = ways.pop(0)
            try:
                done[engine.within(partial(end, outcome=told))] += 1
            except Refusal:  # the record has gone on meanwhile
                continue
            except RuleBroken as broken:
                again = Outcome("retry", str(broken))
                done[engine.within(partial(end, outcome=again))] += 1
            break
    return done


def _ways(outcome: Outcome) -> list[Outcome]:
    """Return what may come of a try: with its move, with the other one, at last with none."""
    ways = [outcome]
    if outcome.follows is not None and outcome.otherwise is not None:
        ways.append(replace(outcome, follows=outcome.otherwise, otherwise=None))
    return [*ways, replace(outcome, follows=None, otherwise=None)]


def _left(
    tx: Transaction, message: Message, outcome: Outcome, receivers: Sequence[str]
) -> Outcome:
    """Say what comes of a message that its receiver leaves to others: the last one can't."""
    born, mine = address(message.id)
    others = laned(tx).find_messages([f"{born}@{name}" for name in receivers if name != mine])
    if all(other.state == "suppressed" for other in others):
        return Outcome("retry", outcome.reason)
    return Outcome("suppressed", "left to another plugin")


def _order(message: Message) -> tuple[int, str, tuple[int, ...]]:
    """Order by time, then subject, then entry and number as numbers."""
    subject, _, rest = address(message.id)[0].rpartition("#")
    return message.created, subject, tuple(int(n) for n in rest.split(".") if n.isdigit())


def _settled(technical: Technical, now: int, message: Message, outcome: Outcome) -> Message:
    """Return a message after a try. One that was dead and is tried anew has as many tries again."""
    reason = _UNKEPT.sub("\ufffd", outcome.reason)[:500]
    ended = ENDS.get(outcome.state)
    if ended is not None:
        return replace(message, state=ended, next=None, reason=reason)
    tries = message.attempts % technical.attempts
    if tries == 0:
        return replace(message, state="dead", next=None, reason=reason)
    pause = min(technical.retry * 2 ** min(tries - 1, 40), max(technical.retry, technical.longest))
    return replace(message, state="pending", next=now + pause, reason=reason)


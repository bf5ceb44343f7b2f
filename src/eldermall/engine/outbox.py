"""The relay: what committed moves have to tell the outside is told, at least once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from eldermall.contracts.storage import Message, MessageState
from eldermall.engine.engine import Engine

BATCH = 20
"""How many messages one relay holds at a time: all are tried well before its claim runs out."""

_UNKEPT = re.compile("[\x00\ud800-\udfff]")

Told = Literal["accepted", "delivered", "suppressed", "dead", "retry"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try: an end state, or ``retry``; with the reason."""

    state: Told
    reason: str = ""


Deliver = Callable[[Message], Outcome]


@dataclass(frozen=True, slots=True)
class Relayed:
    """What a relay did: how many messages ended in which state, and how many are tried again."""

    ended: Mapping[str, int]
    retried: int = 0


def _order(message: Message) -> tuple[int, str, tuple[int, ...]]:
    """Order by time, then subject, then entry and number as numbers."""
    subject, _, rest = message.id.rpartition("#")
    return message.created, subject, tuple(int(n) for n in rest.split(".") if n.isdigit())


def relay(engine: Engine, now: int, deliver: Deliver) -> Relayed:
    """Try every message that is due at ``now`` once, outside any transaction.

    A message is claimed before it is tried, so that relays beside this one leave it alone; one
    whose relay died is tried again when the claim has run out.

    Args:
        engine: the mall.
        now: the moment, in microseconds since 1970 UTC.
        deliver: tries a message and says what came of it; it raises nothing.
    """
    ended: dict[str, int] = {}
    retried = 0
    technical = engine.technical
    while True:
        until = max(now, engine.now()) + technical.claim
        claimed = engine.within(lambda tx: tx.claim_messages(now, BATCH, until))  # noqa: B023
        if not claimed:
            return Relayed(ended, retried)
        for message in sorted(claimed, key=_order):
            outcome = deliver(message)
            state: MessageState
            if outcome.state != "retry":
                state = outcome.state
            elif message.attempts < technical.attempts:
                state = "pending"
            else:
                state = "dead"
            pause = technical.retry * 2 ** min(message.attempts - 1, 12)
            settled = replace(
                message,
                state=state,
                next=now + pause if state == "pending" else None,
                reason=_UNKEPT.sub("\ufffd", outcome.reason)[:500],
            )
            engine.within(lambda tx: tx.settle_message(settled))  # noqa: B023
            if state == "pending":
                retried += 1
            else:
                ended[state] = ended.get(state, 0) + 1

"""Now, held against what the database knows: a clock may stand far ahead, or nobody was there.

Which of the two, nothing tells at once. So what can't be undone waits until a moment vouches for
the present that lies neither too far back nor so little that the same wrong clock has made it. A
mall that lives on is vouched for a day after its first move; so is one in which only upkeep runs,
for that leaves a mark.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from eldermall.calendars import DAY, moment
from eldermall.contracts.storage import Dated, Message, Transaction
from eldermall.engine.basis import Basis
from eldermall.engine.canonical import compact
from eldermall.errors import ClockDoubted
from eldermall.texts import Text

PROOF = DAY
"""How old a moment must be to vouch for the present: no wrong clock is left so for longer."""

MANY = 100_000
"""How many messages are looked through for those that were put off too far."""

MARK = "present"
"""The topic of the marks; they tell nobody anything."""


def known(basis: Basis, now: int) -> int:
    """Return up to when the present is vouched for: ``now``, or a moment far before it.

    A storage that doesn't know when things were written vouches for any.
    """
    if not basis.storage.capabilities.newest:
        return now
    with basis.storage.read(basis.mall) as tx:
        last = cast(Dated, tx).newest(now - PROOF)
    return now if last is None or last >= now - basis.technical.silence else last


def doubt(basis: Basis, now: int, last: int) -> Text:
    """Return what is said where the present isn't vouched for but by ``last``."""
    zone = basis.settings.zone
    here, then = (f"{moment(at, zone):%Y-%m-%d %H:%M}" for at in (now, last))
    return Text(
        f"现在（{here}）与库中最近的时刻（{then}）相隔过久：本机时钟有误，或商城久无活动。"
        "在确认之前不清除幂等键、不封存、不删除，因为无法撤回。请核对时钟；"
        "时钟无误时，一天后自行恢复，或用 eldermall work --trust-clock",
        f"now ({here}) lies far beyond the newest moment in the database ({then}): this "
        "machine's clock is wrong, or nothing happened for long. Until that is clear no keys are "
        "forgotten, and nothing is sealed or erased, for that can't be undone. Check the clock; if "
        "it is right, this ends by itself in a day, or with eldermall work --trust-clock",
    )


def vouched(basis: Basis, now: int) -> None:
    """Go on only if the present is vouched for; if it isn't, leave a mark and say so.

    Raises:
        ClockDoubted: all that the database knows lies far before ``now``.
    """
    last = known(basis, now)
    if last == now:
        return
    mark = Message(
        f"{MARK}#{now // PROOF}", MARK, compact({"now": now, "known": last}), now, None,
        "suppressed",
    )

    def leave(tx: Transaction) -> None:
        if cast(Dated, tx).newest(now) == last:
            tx.enqueue([mark])

    basis.within(leave)
    raise ClockDoubted(doubt(basis, now, last))


def bring_back(basis: Basis, now: int) -> None:
    """Let no message that a relay has put off wait for a day that may lie centuries ahead.

    Where the present isn't vouched for, what was put off beyond it is due again at what is known.
    """
    last = known(basis, now)
    if last == now:
        return

    def back(tx: Transaction) -> None:
        pending = tx.messages(["pending"], MANY)
        for message in [each for each in pending if each.next is not None and each.next > now]:
            tx.settle_message(replace(message, next=last))

    basis.within(back)

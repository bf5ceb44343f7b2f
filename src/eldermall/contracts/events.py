"""What reaches the outside, and what a plugin answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Answer = Literal["accepted", "booked", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class CommittedEvent:
    """Something that has happened and is stored. Holds no personal data.

    Args:
        id: stays over retries; a host that has seen it ignores it. No other mall has it, and none
            that was restored and went on otherwise.
        name: in the past tense.
        subject: ``kind/id`` of the record.
        at: when it happened, in microseconds since 1970 UTC.
        actor: who did it: ``id``, ``role``, and more.
        data: more, by name.
        mall: the mall's code.
    """

    id: str
    name: str
    subject: str
    at: int
    actor: Mapping[str, Any]
    data: Mapping[str, Any]
    mall: str = ""


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Money that is due back to a customer and that the host is asked to pay.

    Args:
        id: stays over retries; a host that has seen it answers as before. No other mall has it.
        order: the order's id.
        amount: in minor units.
        currency: ISO 4217.
        case: the after-sale case that it is for, to be named with ``refunded``; None for others.
        mall: the mall's code.
    """

    id: str
    order: str
    amount: int
    currency: str
    case: str | None = None
    mall: str = ""


@dataclass(frozen=True, slots=True)
class RefundAnswer:
    """What came of a refund request.

    Args:
        answer: ``accepted``, the host will pay and then say ``refunded``; ``booked``, it has paid;
            ``failed``, it never will; ``unknown``, ask again.
        reason: why.
        reference: the payment's, with ``booked``: it is booked at once, as by ``refunded``. Without
            one, ``booked`` counts as accepted until the host says ``refunded``.
    """

    answer: Answer
    reason: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class SealedRoot:
    """A root of the journal, to be kept outside the database.

    Args:
        mall: the mall's code.
        number: counted from 1.
        body: canonical JSON, one line.
    """

    mall: str
    number: int
    body: bytes

"""The commands of the urging room."""

from __future__ import annotations

from typing import TypeVar

from eldermall.engine.actor import Actor
from eldermall.engine.room import Options, Room, Unpack
from eldermall.urging.urge import Answer, Open, Repeat, Target, Urge

T = TypeVar("T")


class Urges(Room[T, Urge]):
    """The moves of an urge. Every command takes ``at``, ``key`` and ``expect`` as options.

    All raise `Refused` when a rule, the machine or the time says no, `Invalid` when an argument
    can't be accepted, and `Conflict` when somebody else moved first. An urge opens by itself, by
    the sweep, when a parcel is silent or late or a merchant is late, and is repeated by itself.
    """

    kind = "urge"

    def open(
        self,
        id: str,
        *,
        order: str,
        target: Target,
        reason: str,
        way: str,
        by: Actor,
        parcel: str | None = None,
        **options: Unpack[Options],
    ) -> T:
        """Press the courier of a parcel, or the merchant of an order.

        Args:
            id: the host's id.
            order: the order's id.
            target: ``courier`` or ``merchant``.
            reason: why.
            way: by phone, message ...
            by: customer service, a field agent, or operations.
            parcel: the parcel's id, where the courier is pressed.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "open", id, by, Open, options, order=order, target=target, parcel=parcel,
            reason=reason, way=way,
        )

    def repeat(self, id: str, *, way: str, by: Actor, **options: Unpack[Options]) -> T:
        """Press them again.

        Args:
            id: the urge.
            way: by phone, message ...
            by: customer service, a field agent, or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("repeat", id, by, Repeat, options, way=way)

    def answer(self, id: str, *, text: str, by: Actor, **options: Unpack[Options]) -> T:
        """Note what the other side answered; the urge ends with it.

        Args:
            id: the urge.
            text: the answer.
            by: the merchant pressed, staff who note it, or the system with a courier's answer.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("answer", id, by, Answer, options, text=text)

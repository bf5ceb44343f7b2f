"""The commands of the callbacks room. A callback has the id of its order."""

from __future__ import annotations

from typing import TypeVar

from eldermall.callbacks.callback import Callback, NoAnswer, Reach, Satisfaction
from eldermall.engine.actor import Actor
from eldermall.engine.room import ErasingRoom, Nothing, Options, Unpack

T = TypeVar("T")


class Callbacks(ErasingRoom[T, Callback]):
    """The moves of a callback. Every command takes ``at``, ``key`` and ``expect`` as options.

    All raise `Refused` when a rule, the machine or the time says no, `Invalid` when an argument
    can't be accepted, and `Conflict` when somebody else moved first.
    """

    kind = "callback"

    def attempt(self, id: str, *, note: str, by: Actor, **options: Unpack[Options]) -> T:
        """Note a call that reached nobody.

        Args:
            id: the order's id.
            note: what happened.
            by: customer service.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("attempt", id, by, NoAnswer, options, note=note)

    def reach(
        self,
        id: str,
        *,
        satisfaction: Satisfaction | None,
        suggestion: str | None,
        by: Actor,
        complaint: str | None = None,
        **options: Unpack[Options],
    ) -> T:
        """Note what the customer said; the callback is done.

        A complaint that is voiced is received at once, about this order; the callback names it.

        Args:
            id: the order's id.
            satisfaction: how satisfied the customer is.
            suggestion: the customer's words, ``""`` if asked and there are none.
            by: customer service.
            complaint: a complaint in the customer's words, if there is one.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "reach", id, by, Reach, options,
            satisfaction=satisfaction, suggestion=suggestion, complaint=complaint,
        )

    def give_up(self, id: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Close it as unreachable, after the attempts that the policy asks for.

        Args:
            id: the order's id.
            by: customer service.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("give_up", id, by, Nothing, options)

    def refuse(self, id: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Note that the customer doesn't wish to be called.

        Args:
            id: the order's id.
            by: customer service.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("refuse", id, by, Nothing, options)

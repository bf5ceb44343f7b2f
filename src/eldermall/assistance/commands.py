"""The commands of the assistance room."""

from __future__ import annotations

from typing import TypeVar

from eldermall.assistance.assistance import (
    Appoint,
    Arrive,
    Ask,
    Assistance,
    Cancel,
    MarkStep,
    Outcome,
)
from eldermall.engine.actor import Actor
from eldermall.engine.room import ErasingRoom, Nothing, Options, Unpack

T = TypeVar("T")


class AssistanceJobs(ErasingRoom[T, Assistance]):
    """The moves of a job. Every command takes ``at``, ``key`` and ``expect`` as options.

    All raise `Refused` when a rule, the machine or the time says no, `Invalid` when an argument
    can't be accepted, and `Conflict` when somebody else moved first.
    """

    kind = "assistance"

    def request(
        self,
        id: str,
        *,
        merchant: str,
        by: Actor,
        way: str | None = None,
        **options: Unpack[Options],
    ) -> T:
        """Ask for help with collecting.

        Args:
            id: the host's id.
            merchant: who needs help.
            by: the merchant; or a field agent or customer service who notes the merchant's request.
            way: how the request came, if staff note it.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("request", id, by, Ask, options, merchant=merchant, way=way)

    def appoint(self, id: str, *, who: str, by: Actor, **options: Unpack[Options]) -> T:
        """Appoint the person who helps on site, or another one instead, who then arrives anew.

        Args:
            id: the job.
            who: the person.
            by: operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("appoint", id, by, Appoint, options, who=who)

    def arrive(self, id: str, *, where: str, by: Actor, **options: Unpack[Options]) -> T:
        """Note the arrival at the merchant's.

        Args:
            id: the job.
            where: the place.
            by: the appointed person.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("arrive", id, by, Arrive, options, where=where)

    def mark(
        self,
        id: str,
        *,
        step: str,
        outcome: Outcome,
        by: Actor,
        who: str | None = None,
        **options: Unpack[Options],
    ) -> T:
        """Note what became of a step; a later mark of the same step replaces it.

        Args:
            id: the job.
            step: one of the policy's steps.
            outcome: ``done`` or ``not_needed``.
            by: the appointed person.
            who: who did it, if somebody else.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("mark", id, by, MarkStep, options, step=step, outcome=outcome, who=who)

    def finish(self, id: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Close a job of which every step is marked.

        Args:
            id: the job.
            by: the appointed person.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("finish", id, by, Nothing, options)

    def cancel(self, id: str, *, reason: str, by: Actor, **options: Unpack[Options]) -> T:
        """Close a job whose help isn't needed any more.

        Args:
            id: the job.
            reason: why.
            by: the merchant, or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("cancel", id, by, Cancel, options, reason=reason)

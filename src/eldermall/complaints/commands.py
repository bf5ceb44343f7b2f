"""The commands of the complaints room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from eldermall.complaints.complaint import (
    Answer,
    Complaint,
    Escalate,
    GiveOpinion,
    MakeContact,
    Receive,
    Take,
    TakeNote,
)
from eldermall.engine.actor import Actor
from eldermall.engine.room import AdoptingRoom, ErasingRoom, Nothing, Options, Unpack

T = TypeVar("T")


class Complaints(AdoptingRoom[T, Complaint], ErasingRoom[T, Complaint]):
    """The moves of a complaint. Every command takes ``at``, ``key`` and ``expect`` as options.

    All raise `Refused` when a rule, the machine or the time says no, `Invalid` when an argument
    can't be accepted, and `Conflict` when somebody else moved first. A complaint climbs by itself,
    by the sweep, when it isn't answered in time; `escalate` takes it up before.
    """

    kind = "complaint"
    model = Complaint

    def receive(
        self,
        id: str,
        *,
        customer: str,
        words: str,
        by: Actor,
        channel: str = "app",
        order: str | None = None,
        lines: Sequence[str] = (),
        against: str | None = None,
        **options: Unpack[Options],
    ) -> T:
        """Take a complaint in; its words never change afterwards.

        Args:
            id: the host's id.
            customer: who complains.
            words: in the complainant's own words.
            by: the customer, customer service, or operations.
            channel: through which channel.
            order: the order it is about, if any; one that the mall doesn't know stays as given.
            lines: the lines of that order that it is about.
            against: the staff member it is about, if any; they don't settle it.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "receive", id, by, Receive, options,
            customer=customer, channel=channel, words=words, order=order,
            lines=tuple(lines) if isinstance(lines, list) else lines, against=against,
        )

    def record(
        self,
        id: str,
        *,
        subject: str,
        remedy: str,
        etiquette: str,
        by: Actor,
        **options: Unpack[Options],
    ) -> T:
        """Record what it is about and what the customer wants.

        Args:
            id: the complaint.
            subject: what it is about.
            remedy: what the customer asks for.
            etiquette: the version of the etiquette standard that the recorder attests.
            by: customer service.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "record", id, by, Take, options, subject=subject, remedy=remedy, etiquette=etiquette
        )

    def escalate(self, id: str, *, reason: str, by: Actor, **options: Unpack[Options]) -> T:
        """Report a complaint that can't be answered promptly to the department head.

        Args:
            id: the complaint.
            reason: why it can't.
            by: customer service or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("escalate", id, by, Escalate, options, reason=reason)

    def contact(
        self, id: str, *, way: str, note: str, by: Actor, **options: Unpack[Options]
    ) -> T:
        """Note that the complainant or somebody else was contacted about it.

        Args:
            id: the complaint.
            way: how (phone, visit).
            note: with whom, and what was said.
            by: customer service, operations, a head or leader.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("contact", id, by, MakeContact, options, way=way, note=note)

    def note(self, id: str, *, text: str, by: Actor, **options: Unpack[Options]) -> T:
        """Note what was found out or thought about it.

        Args:
            id: the complaint.
            text: the note.
            by: customer service, operations, a head or leader.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("note", id, by, TakeNote, options, text=text)

    def settle_opinion(self, id: str, *, text: str, by: Actor, **options: Unpack[Options]) -> T:
        """Settle the opinion on an escalated complaint.

        Args:
            id: the complaint.
            text: the opinion.
            by: a department head or company leader in office, not the one complained about.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("settle_opinion", id, by, GiveOpinion, options, text=text)

    def answer(self, id: str, *, text: str, by: Actor, **options: Unpack[Options]) -> T:
        """Answer the complainant.

        Args:
            id: the complaint.
            text: what the complainant was told.
            by: customer service, operations, a head or leader.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("answer", id, by, Answer, options, text=text)

    def close(self, id: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Close an answered complaint.

        Args:
            id: the complaint.
            by: customer service or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("close", id, by, Nothing, options)

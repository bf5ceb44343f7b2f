"""The commands of the people room."""

from __future__ import annotations

from typing import TypeVar

from eldermall.engine.actor import Actor
from eldermall.engine.room import Options, Room, Unpack
from eldermall.errors import Invalid
from eldermall.people.designation import LEADER, LINKS, Appoint, Designation, Dismiss, head_of
from eldermall.texts import Text

T = TypeVar("T")


class Designations(Room[T, Designation]):
    """Who is on duty for the links of daily operation, and who heads and leads."""

    kind = "designation"

    def appoint(
        self, post: str, who: str, *, by: Actor, basis: str | None = None,
        **options: Unpack[Options],
    ) -> T:
        """Put a person on duty for a link or post (S19 article 5).

        Args:
            post: a link (`LINKS`), ``"leader"``, or ``head_of(department)``.
            who: the host's id of the person.
            by: operations, a department head or the company leader.
            basis: on what ground the person is held fit.
            options: ``at``, ``key``, ``expect``.

        Raises:
            Invalid: there is no such post.
            Refused: the person is on duty already, or ``by`` may not appoint.
        """
        self._known(post)
        return self._do("appoint", post, by, Appoint, options, who=who, basis=basis)

    def dismiss(self, post: str, who: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Take a person off duty.

        Args:
            post: as in `appoint`.
            who: the host's id of the person.
            by: operations, a department head or the company leader.
            options: ``at``, ``key``, ``expect``.

        Raises:
            Invalid: there is no such post.
            Refused: the person is not on duty.
        """
        self._known(post)
        return self._do("dismiss", post, by, Dismiss, options, who=who)

    def _known(self, post: object) -> None:
        if post not in LINKS and post != LEADER and not (
            isinstance(post, str) and post.startswith(head_of("")) and post != head_of("")
        ):
            raise Invalid(
                "designation.post",
                post,
                Text(
                    f"应为环节（{'、'.join(LINKS)}）、leader 或 head.部门",
                    f"must be a link ({', '.join(LINKS)}), leader, or head.DEPARTMENT",
                ),
            )


class Assignments(Room[T, Designation]):
    """Which field agents look after which merchant (S19 article 10 (2))."""

    kind = "assignment"

    def appoint(
        self, merchant: str, who: str, *, by: Actor, basis: str | None = None,
        **options: Unpack[Options],
    ) -> T:
        """Assign a field agent to a merchant.

        Args:
            merchant: the merchant's id.
            who: the host's id of the agent.
            by: operations, a department head or the company leader.
            basis: on what ground the person is held fit.
            options: ``at``, ``key``, ``expect``.

        Raises:
            Refused: the agent is assigned already.
        """
        return self._do("appoint", merchant, by, Appoint, options, who=who, basis=basis)

    def dismiss(self, merchant: str, who: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Take a field agent off a merchant.

        Args:
            merchant: the merchant's id.
            who: the host's id of the agent.
            by: operations, a department head or the company leader.
            options: ``at``, ``key``, ``expect``.

        Raises:
            Refused: the agent is not assigned.
        """
        return self._do("dismiss", merchant, by, Dismiss, options, who=who)



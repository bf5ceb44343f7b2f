"""The commands of the listings room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from eldermall.engine.actor import Actor
from eldermall.engine.room import AdoptingRoom, Nothing, Options, Unpack
from eldermall.listings.listing import Content, Criterion, Listing, Mode, default_mode
from eldermall.listings.machine import CloseReview, Draft, Edit, Withdraw, Write

T = TypeVar("T")


class Listings(AdoptingRoom[T, Listing]):
    """The moves of a listing. Every command takes ``at``, ``key`` and ``expect`` as options.

    All raise `Refused` when a rule, the machine or the time says no, `Invalid` when an argument
    can't be accepted, and `Conflict` when somebody else moved first.
    """

    kind = "listing"
    model = Listing

    def draft(
        self,
        id: str,
        *,
        content: Content | Mapping[str, Any],
        by: Actor,
        merchant: str | None = None,
        kind: Literal["goods", "service"] = "goods",
        channel: str = "app",
        mode: Mode | None = None,
        assistance: str | None = None,
        **options: Unpack[Options],
    ) -> T:
        """Draft a new listing; nothing is shown.

        Args:
            id: the host's id.
            content: ``title``, ``description``, ``price`` in minor units, ``currency``,
                ``images``.
            by: the merchant; operations for the company's own; or the person appointed to assist.
            merchant: the seller; None for the company's own.
            kind: goods or service.
            channel: through which channel it is sold.
            mode: ``merchant_self``, ``assisted`` or ``self_operated``; by default what the seller
                and the job say.
            assistance: the assistance job under which the merchant is helped.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "draft", id, by, Draft, options,
            merchant=merchant, assistance=assistance, kind=kind, channel=channel,
            mode=default_mode(merchant, assistance) if mode is None else mode,
            content=_plain(content),
        )

    def revise(
        self, id: str, *, content: Content | Mapping[str, Any], by: Actor,
        **options: Unpack[Options],
    ) -> T:
        """Change the version in work before it is submitted, or after it was returned.

        Args:
            id: the listing.
            content: as of `draft`.
            by: as of `draft`.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("revise", id, by, Write, options, content=_plain(content))

    def submit(self, id: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Submit the version in work for review.

        Args:
            id: the listing.
            by: as of `draft`.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("submit", id, by, Nothing, options)

    def start_review(self, id: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Take the submitted version for review.

        Args:
            id: the listing.
            by: a person designated for review, not the author.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("start_review", id, by, Nothing, options)

    def approve(
        self,
        id: str,
        *,
        criteria: Mapping[str, Criterion | Mapping[str, Any]],
        by: Actor,
        **options: Unpack[Options],
    ) -> T:
        """Close a review: passed on every criterion of the policy.

        Args:
            id: the listing.
            criteria: by name of the criterion: ``passed`` and ``note``.
            by: a person designated for review, not the author.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("approve", id, by, CloseReview, options, criteria=_each(criteria))

    def return_(
        self,
        id: str,
        *,
        criteria: Mapping[str, Criterion | Mapping[str, Any]],
        by: Actor,
        **options: Unpack[Options],
    ) -> T:
        """Close a review: back to the author, with a verdict and note per criterion.

        Args:
            id: the listing.
            criteria: by name of the criterion: ``passed`` and ``note``.
            by: a person designated for review, not the author.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("return", id, by, CloseReview, options, criteria=_each(criteria))

    def publish(self, id: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Show the approved version instead of what was shown before.

        Args:
            id: the listing.
            by: operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("publish", id, by, Nothing, options)

    def edit(
        self,
        id: str,
        *,
        content: Content | Mapping[str, Any],
        by: Actor,
        assistance: str | None = None,
        **options: Unpack[Options],
    ) -> T:
        """Begin the next version as a draft; what is shown stays shown. One edit at a time.

        Args:
            id: the listing.
            content: as of `draft`.
            by: as of `draft`.
            assistance: another job under which the merchant is helped from now on.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "edit", id, by, Edit, options, content=_plain(content), assistance=assistance
        )

    def withdraw(self, id: str, *, reason: str, by: Actor, **options: Unpack[Options]) -> T:
        """Take a listing off display; only publishing a reviewed version brings it back.

        Args:
            id: the listing.
            reason: why.
            by: the merchant, or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("withdraw", id, by, Withdraw, options, reason=reason)


def _plain(content: Content | Mapping[str, Any]) -> object:
    if not isinstance(content, Mapping):
        return content
    images = content.get("images")
    if not isinstance(images, list):
        return dict(content)
    return {**content, "images": tuple(images)}


def _each(criteria: Mapping[str, Criterion | Mapping[str, Any]]) -> object:
    if not isinstance(criteria, Mapping):
        return criteria
    return {
        name: dict(verdict) if isinstance(verdict, Mapping) else verdict
        for name, verdict in criteria.items()
    }

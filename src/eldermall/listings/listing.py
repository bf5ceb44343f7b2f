"""A listing with its versions; at most one of them is shown and one is in work."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from eldermall.engine.actor import Actor
from eldermall.engine.canonical import canonical
from eldermall.engine.inputs import Amount, Currency, Frozen, Id, Label, Moment, Words
from eldermall.engine.kind import Record, Upgrade
from eldermall.texts import Text

Mode = Literal["merchant_self", "assisted", "self_operated"]
"""Who collects what a listing says: the merchant, the merchant helped on site, or the company."""


class Content(Frozen):
    """What a version of a listing says. ``images`` are the host's ids of them."""

    title: Label
    description: Words
    price: Amount
    currency: Currency
    images: tuple[Id, ...] = ()

    @property
    def digest(self) -> str:
        """The hash of the content, by which a review is tied to what was reviewed."""
        return sha256(canonical(self.model_dump(mode="json"))).hexdigest()


class Criterion(Frozen):
    """A reviewer's verdict on one criterion, with a note."""

    passed: bool
    note: Label


class Review(Frozen):
    """A closed review: by whom, when, of which content, with a verdict per criterion."""

    reviewer: Id
    at: Moment
    content: str
    criteria: dict[str, Criterion]
    approved: bool


class Version(Frozen):
    """One version: its number, content, who wrote it last and who ever did, and its review."""

    number: int
    content: Content
    author: Id
    authors: tuple[Id, ...]
    drafted_at: Moment
    review: Review | None = None


def default_mode(merchant: str | None, assistance: str | None = None) -> Mode:
    """Return how a listing is collected unless somebody says otherwise."""
    if assistance is not None:
        return "assisted"
    return "self_operated" if merchant is None else "merchant_self"


def _with_mode(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "mode": default_mode(fields["merchant"]), "assistance": None}


class Listing(Record):
    """A listing of one seller. ``work`` is the state of the newest version, ``display`` says
    whether any is shown, ``shown`` which. ``merchant`` is None for the company's own; ``mode`` is
    how it is collected, ``assistance`` the job under which the merchant was helped last.
    """

    SCHEMA: ClassVar[int] = 2
    UPGRADES: ClassVar[Mapping[int, Upgrade]] = {1: _with_mode}

    work: str
    display: str
    merchant: Id | None
    mode: Mode
    assistance: Id | None
    kind: Literal["goods", "service"]
    channel: Id
    versions: Annotated[tuple[Version, ...], Field(min_length=1)]
    shown: int | None = None
    submitted_at: Moment | None = None
    reviewer: Id | None = None

    @model_validator(mode="after")
    def _shows_what_is_there(self) -> Listing:
        if self.shown is not None and not 1 <= self.shown <= len(self.versions):
            raise ValueError("shown", Text("没有这一版本", "there is no such version"))
        return self

    @property
    def summary(self) -> str:
        """Both tracks in one word: ``work/display``."""
        return f"{self.work}/{self.display}"

    @property
    def newest(self) -> Version:
        """The newest version: the one in work."""
        return self.versions[-1]

    @property
    def on_display(self) -> Content | None:
        """What customers see: the content shown, None if nothing is."""
        return None if self.shown is None else self.versions[self.shown - 1].content


def is_party(subject: Any, actor: Actor) -> bool:
    """Say whether a merchant acts on a listing of their own; customers never do."""
    return actor.role == "merchant" and bool(subject.merchant == actor.merchant)

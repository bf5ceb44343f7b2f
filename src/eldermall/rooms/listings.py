"""Listings: what is sold, in versions; at most one of them is shown and one is in work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from eldermall.currencies import UNKNOWN, known
from eldermall.engine.actor import Role, merchants_own
from eldermall.engine.canonical import canonical
from eldermall.engine.declaration import Changes, Move, move
from eldermall.engine.declared import Adopting, M
from eldermall.engine.faults import Found
from eldermall.engine.inputs import (
    Amount,
    Currency,
    Frozen,
    Id,
    Label,
    Moment,
    Plain,
    Words,
)
from eldermall.engine.kind import Record, Upgrade
from eldermall.engine.machine import NEW
from eldermall.engine.moments import Happened
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.engine.track import Track, automatic, state
from eldermall.texts import Text

Mode = Literal["merchant_self", "assisted", "self_operated"]
"""Who collects what a listing says: the merchant, the merchant helped on site, or the company."""


class Content(Frozen):
    """What a version of a listing says. ``images`` are the host's ids of them."""

    title: Annotated[Label, Plain("shown to everybody")]
    description: Annotated[Words, Plain("shown to everybody")]
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
    note: Annotated[Label, Plain("of what is offered, not of persons")]


class Review(Frozen):
    """A closed review: by whom, when, of which content, with a verdict per criterion."""

    reviewer: Id
    at: Moment
    content: Annotated[str, Plain("a hash")]
    criteria: dict[Annotated[str, Plain("the policy's name of it")], Criterion]
    approved: bool


class Version(Frozen):
    """One version: its number, content, who wrote it last and who ever did, and its review."""

    number: int
    content: Content
    author: Id
    authors: tuple[Id, ...]
    drafted_at: Moment
    review: Review | None = None


def _default_mode(merchant: str | None, assistance: str | None = None) -> Mode:
    """Return how a listing is collected unless somebody says otherwise."""
    if assistance is not None:
        return "assisted"
    return "self_operated" if merchant is None else "merchant_self"


def _with_mode(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "mode": _default_mode(fields["merchant"]), "assistance": None}


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


DRAFTED = Happened(
    Text("起草", "the draft"), lambda listing: listing.newest.drafted_at,
    where="versions.drafted_at",
)
SUBMITTED = Happened(
    Text("提交审核", "the submission"),
    lambda listing: None if listing.work == "draft" else listing.submitted_at,
    (DRAFTED,), where="submitted_at",
)
REVIEWED = Happened(
    Text("审核", "the review"), lambda listing: getattr(listing.newest.review, "at", None),
    (SUBMITTED,), where="versions.review.at",
)

SHOWN = Happened(
    Text("审核", "the review"),
    lambda listing: getattr(
        None if listing.shown is None else listing.versions[listing.shown - 1].review, "at", None
    ),
    where="versions.review.at",
)

Wording = Content | Mapping[str, Any]
Verdicts = Mapping[Id, Criterion | Mapping[str, Any]]

COLLECTORS: tuple[Role, ...] = ("merchant", "field_agent", "customer_service", "operations")
"""Who may collect a listing, if its mode and its assistance job say so."""

REVIEWERS: tuple[Role, ...] = ("operations", "department_head")
"""Who may review one, if designated for it."""


def _priced(args: Any) -> None:
    if known(args.content.currency) is None:
        raise ValueError("content", UNKNOWN)


def _collected(said: dict[str, Any]) -> dict[str, Any]:
    if said["mode"] is not None:
        return said
    return {**said, "mode": _default_mode(said["merchant"], said["assistance"])}


def _written(
    m: Move[Listing], before: tuple[Version, ...] = (), authors: tuple[str, ...] = ()
) -> tuple[Version, ...]:
    version = Version(
        number=len(before) + 1, content=m.args.content, author=m.actor.id,
        authors=tuple(dict.fromkeys((*authors, m.actor.id))), drafted_at=m.at,
    )
    return (*before, version)


def _reviewed(m: Move[Listing], *, approved: bool) -> Changes:
    newest = m.record.newest
    review = Review(
        reviewer=m.actor.id, at=m.at, content=newest.content.digest, criteria=m.args.criteria,
        approved=approved,
    )
    return {"versions": (*m.record.versions[:-1], newest.model_copy(update={"review": review}))}


class Listings(Adopting[M, Listing]):
    """The moves of a listing: of its version in work, and of what is on display."""

    kind = "listing"
    label = Text("商品或服务", "listing")
    model = Listing
    link = "listing"
    indexed = ("merchant",)

    class Work(
        Track, name="listing-version", field="work",
        label=Text("商品或服务（在编版本）", "listing, version in work"),
    ):
        """The states of the version in work."""

        draft = state(Text("草稿", "draft"))
        submitted = state(Text("已提交审核", "submitted"))
        in_review = state(Text("审核中", "in review"))
        returned = state(Text("退回修改", "returned"))
        approved = state(Text("审核通过", "approved"))
        published = state(Text("已发布", "published"), end=True)

    class Display(
        Track, name="listing-display", field="display",
        label=Text("商品或服务（展示）", "listing, display"),
    ):
        """Whether any version is shown."""

        hidden = state(Text("未展示", "hidden"), end=True, born=True)
        shown = state(Text("展示中", "shown"), standing=True)
        off_display = state(Text("已下架", "off display"), end=True)

    party = staticmethod(merchants_own)

    @staticmethod
    def faults(listing: Listing) -> Iterator[Found]:
        """Yield where a listing says what no moves could have made of it."""
        for n, version in enumerate(listing.versions):
            if version.number != n + 1:
                yield f"versions.{n}.number", Text(
                    f"应为 {n + 1}：版本依次编号",
                    f"must be {n + 1}: versions are numbered in order",
                )
            if version.author not in version.authors:
                yield f"versions.{n}.authors", Text("须含 author", "must hold the author")
            review = version.review
            if review is not None and review.content != version.content.digest:
                yield f"versions.{n}.review.content", Text(
                    "不是此版本内容的摘要", "is not the hash of what this version says"
                )
        newest, last = listing.newest.review, len(listing.versions) - 1
        if newest is not None and listing.work in ("draft", "submitted", "in_review"):
            yield f"versions.{last}.review", Text(
                "在编版本尚未审核完毕", "the version in work hasn't been reviewed"
            )
        elif newest is not None and newest.approved != (listing.work != "returned"):
            yield f"versions.{last}.review.approved", Text(
                "与 work 不符", "doesn't fit what work says"
            )
        if listing.shown is not None and (listing.shown == last + 1) != (
            listing.work == "published"
        ):
            yield "shown", Text(
                "在编版本发布之后，展示的才是它；发布之后展示的就是它",
                "is the newest version once that is published, and an earlier one before",
            )
        if listing.reviewer is not None and listing.work in ("draft", "submitted"):
            yield "reviewer", Text("尚未开始审核", "the review hasn't begun")

    @staticmethod
    def moments(listing: Listing) -> Sequence[str]:
        """Return the moments that a listing in its state would have."""
        return [] if listing.work == "draft" else ["submitted_at"]

    @move(
        NEW, to=Work.draft, by=COLLECTORS, says=Text("起草", "draft"), event="Drafted",
        stored=_collected, check=_priced,
    )
    @staticmethod
    def draft(
        m: Move[Listing],
        id: str,
        *,
        content: Wording,
        merchant: Id | None = None,
        kind: Literal["goods", "service"] = "goods",
        channel: Id = "app",
        mode: Mode | None = None,
        assistance: Id | None = None,
        **by: Unpack[By],
    ) -> Changes:
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
        """
        return {
            "display": "hidden", "merchant": merchant, "mode": mode, "assistance": assistance,
            "kind": kind, "channel": channel, "versions": _written(m),
        }

    @move(
        Work.draft, Work.returned, to=Work.draft, by=COLLECTORS, says=Text("修改", "revise"),
        event="Revised", after=(REVIEWED,), check=_priced,
    )
    @staticmethod
    def revise(m: Move[Listing], id: str, *, content: Wording, **by: Unpack[By]) -> Changes:
        """Change the version in work before it is submitted, or after it was returned.

        Args:
            id: the listing.
            content: as of `draft`.
            by: as of `draft`.
        """
        before, authors = m.record.versions[:-1], m.record.newest.authors
        return {"versions": _written(m, before, authors), "reviewer": None}

    @move(
        Work.draft, to=Work.submitted, by=COLLECTORS, says=Text("提交审核", "submit"),
        event="Submitted", after=SUBMITTED.after,
    )
    @staticmethod
    def submit(m: Move[Listing], id: str, **by: Unpack[By]) -> Changes:
        """Submit the version in work for review.

        Args:
            id: the listing.
            by: as of `draft`.
        """
        return {"submitted_at": m.at}

    @move(
        Work.submitted, to=Work.in_review, by=REVIEWERS, says=Text("开始审核", "start review"),
        event="ReviewStarted", link="review", after=REVIEWED.after,
    )
    @staticmethod
    def start_review(m: Move[Listing], id: str, **by: Unpack[By]) -> Changes:
        """Take the submitted version for review.

        Args:
            id: the listing.
            by: a person designated for review, not the author.
        """
        return {"reviewer": m.actor.id}

    @move(
        Work.in_review, to=Work.approved, by=REVIEWERS, says=Text("审核通过", "approve"),
        event="Approved", link="review", after=REVIEWED.after,
    )
    @staticmethod
    def approve(m: Move[Listing], id: str, *, criteria: Verdicts, **by: Unpack[By]) -> Changes:
        """Close a review: passed on every criterion of the policy.

        Args:
            id: the listing.
            criteria: by name of the criterion: ``passed`` and ``note``.
            by: a person designated for review, not the author.
        """
        return _reviewed(m, approved=True)

    @move(
        Work.in_review, to=Work.returned, by=REVIEWERS, named="return",
        says=Text("退回", "return"), event="Returned", link="review", after=REVIEWED.after,
    )
    @staticmethod
    def return_(m: Move[Listing], id: str, *, criteria: Verdicts, **by: Unpack[By]) -> Changes:
        """Close a review: back to the author, with a verdict and note per criterion.

        Args:
            id: the listing.
            criteria: by name of the criterion: ``passed`` and ``note``.
            by: a person designated for review, not the author.
        """
        return _reviewed(m, approved=False)

    @move(
        Work.approved, to=Work.published, by=("operations",), says=Text("发布", "publish"),
        event="Published", after=(REVIEWED,),
    )
    @staticmethod
    def publish(m: Move[Listing], id: str, **by: Unpack[By]) -> Changes:
        """Show the approved version instead of what was shown before.

        Args:
            id: the listing.
            by: operations.
        """
        return {"shown": m.record.newest.number}

    @move(
        Work.published, to=Work.draft, by=COLLECTORS, says=Text("编辑新版本", "edit"),
        event="EditBegun", after=(REVIEWED,), check=_priced,
    )
    @staticmethod
    def edit(
        m: Move[Listing], id: str, *, content: Wording, assistance: Id | None = None,
        **by: Unpack[By],
    ) -> Changes:
        """Begin the next version as a draft; what is shown stays shown. One edit at a time.

        Args:
            id: the listing.
            content: as of `draft`.
            by: as of `draft`.
            assistance: another job under which the merchant is helped from now on.
        """
        edited = {"versions": _written(m, m.record.versions), "reviewer": None}
        if assistance is None:
            return edited
        return edited | {"mode": "assisted", "assistance": assistance}

    show = automatic(
        Display.hidden, Display.off_display, to=Display.shown, says=Text("上架展示", "show"),
        event="Shown", when=lambda listing: listing.shown is not None,
    )

    @move(
        Display.shown, to=Display.off_display, by=("merchant", "operations"),
        says=Text("下架", "withdraw"), event="Withdrawn", aside=True, after=(SHOWN,),
    )
    @staticmethod
    def withdraw(
        m: Move[Listing], id: str, *,
        reason: Annotated[Label, Plain("of what is offered, not of persons")], **by: Unpack[By],
    ) -> Changes:
        """Take a listing off display; only publishing a reviewed version brings it back.

        Args:
            id: the listing.
            reason: why.
            by: the merchant, or operations.
        """
        return {"shown": None}

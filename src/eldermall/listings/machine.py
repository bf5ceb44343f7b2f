"""The tables of a listing: the version in work, and what is on display."""

from __future__ import annotations

from typing import Any, Literal

from eldermall.engine.actor import Role
from eldermall.engine.inputs import Id, Label
from eldermall.engine.kind import Kind
from eldermall.engine.machine import NEW, Machine, State, Transition
from eldermall.engine.room import Arguments
from eldermall.engine.rule import Context
from eldermall.listings.listing import (
    Content,
    Criterion,
    Listing,
    Mode,
    Review,
    Version,
    is_party,
)
from eldermall.texts import Text


class Draft(Arguments):
    """A new listing, how it is collected, and the job under which the merchant is helped."""

    merchant: Id | None
    mode: Mode
    assistance: Id | None
    kind: Literal["goods", "service"]
    channel: Id
    content: Content


class Write(Arguments):
    """New content for the version in work."""

    content: Content


class Edit(Write):
    """Content for the next version, and the job under which the merchant is helped with it."""

    assistance: Id | None


class CloseReview(Arguments):
    """A reviewer's verdict and note per criterion."""

    criteria: dict[Id, Criterion]


class Withdraw(Arguments):
    """Why a listing is taken off display."""

    reason: Label


def _draft(c: Context) -> dict[str, Any]:
    a: Draft = c.args
    return {
        "display": "hidden",
        "merchant": a.merchant,
        "mode": a.mode,
        "assistance": a.assistance,
        "kind": a.kind,
        "channel": a.channel,
        "versions": (_version(1, c),),
    }


def _version(number: int, c: Context, before: tuple[str, ...] = ()) -> Version:
    return Version(
        number=number, content=c.args.content, author=c.actor.id,
        authors=tuple(dict.fromkeys((*before, c.actor.id))), drafted_at=c.at,
    )


def _revise(c: Context) -> dict[str, Any]:
    versions = c.record.versions
    revised = _version(len(versions), c, versions[-1].authors)
    return {"versions": (*versions[:-1], revised), "reviewer": None}


def _edit(c: Context) -> dict[str, Any]:
    versions = c.record.versions
    edited = {"versions": (*versions, _version(len(versions) + 1, c)), "reviewer": None}
    if c.args.assistance is None:
        return edited
    return edited | {"mode": "assisted", "assistance": c.args.assistance}


def _submit(c: Context) -> dict[str, Any]:
    return {"submitted_at": c.at}


def _start_review(c: Context) -> dict[str, Any]:
    return {"reviewer": c.actor.id}


def _close(c: Context, approved: bool) -> dict[str, Any]:
    newest: Version = c.record.newest
    review = Review(
        reviewer=c.actor.id,
        at=c.at,
        content=newest.content.digest,
        criteria=c.args.criteria,
        approved=approved,
    )
    reviewed = newest.model_copy(update={"review": review})
    return {"versions": (*c.record.versions[:-1], reviewed)}


def _approve(c: Context) -> dict[str, Any]:
    return _close(c, approved=True)


def _return(c: Context) -> dict[str, Any]:
    return _close(c, approved=False)


def _publish(c: Context) -> dict[str, Any]:
    return {"shown": c.record.newest.number}


def _withdraw(c: Context) -> dict[str, Any]:
    return {"shown": None}


def _is_shown(listing: Listing) -> bool:
    return listing.shown is not None


COLLECTORS: tuple[Role, ...] = ("merchant", "field_agent", "customer_service", "operations")
"""Who may collect a listing, if its mode and its assistance job say so."""

WORK = Machine(
    "listing-version",
    "work",
    Text("商品或服务（在编版本）", "listing, version in work"),
    (
        State("draft", Text("草稿", "draft")),
        State("submitted", Text("已提交审核", "submitted")),
        State("in_review", Text("审核中", "in review")),
        State("returned", Text("退回修改", "returned")),
        State("approved", Text("审核通过", "approved")),
        State("published", Text("已发布", "published"), end=True),
    ),
    (
        Transition(
            "draft", (NEW,), "draft", COLLECTORS, Text("起草", "draft"), "Drafted", _draft,
        ),
        Transition(
            "revise", ("draft", "returned"), "draft", COLLECTORS, Text("修改", "revise"),
            "Revised", _revise,
        ),
        Transition(
            "submit", ("draft",), "submitted", COLLECTORS, Text("提交审核", "submit"),
            "Submitted", _submit,
        ),
        Transition(
            "start_review", ("submitted",), "in_review", ("operations", "department_head"),
            Text("开始审核", "start review"), "ReviewStarted", _start_review,
        ),
        Transition(
            "approve", ("in_review",), "approved", ("operations", "department_head"),
            Text("审核通过", "approve"), "Approved", _approve,
        ),
        Transition(
            "return", ("in_review",), "returned", ("operations", "department_head"),
            Text("退回", "return"), "Returned", _return,
        ),
        Transition(
            "publish", ("approved",), "published", ("operations",), Text("发布", "publish"),
            "Published", _publish,
        ),
        Transition(
            "edit", ("published",), "draft", COLLECTORS, Text("编辑新版本", "edit"),
            "EditBegun", _edit,
        ),
    ),
)

DISPLAY = Machine(
    "listing-display",
    "display",
    Text("商品或服务（展示）", "listing, display"),
    (
        State("hidden", Text("未展示", "hidden"), end=True),
        State("shown", Text("展示中", "shown")),
        State("off_display", Text("已下架", "off display"), end=True),
    ),
    (
        Transition(
            "show", ("hidden", "off_display"), "shown", (), Text("上架展示", "show"), "Shown",
            when=_is_shown,
        ),
        Transition(
            "withdraw", ("shown",), "off_display", ("merchant", "operations"),
            Text("下架", "withdraw"), "Withdrawn", _withdraw,
        ),
    ),
    born=("hidden",),
)

def moments(listing: Listing) -> list[str]:
    """Return the moments that a listing in its state would have."""
    return [] if listing.work == "draft" else ["submitted_at"]


LISTING = Kind(
    "listing",
    Text("商品或服务", "listing"),
    Listing,
    (WORK, DISPLAY),
    link="listing",
    party=is_party,
    indexed=("merchant",),
    moments=moments,
)

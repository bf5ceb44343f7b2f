"""The tables of a listing: the version in work, and what is on display."""

from __future__ import annotations

from typing import Any, Literal

from eldermall.engine.inputs import Id, Label
from eldermall.engine.kind import Kind
from eldermall.engine.machine import NEW, Machine, State, Transition
from eldermall.engine.room import Arguments
from eldermall.engine.rule import Context
from eldermall.listings.listing import (
    Content,
    Criterion,
    Listing,
    Review,
    Version,
    is_party,
)
from eldermall.texts import Text


class Draft(Arguments):
    """A new listing."""

    merchant: Id | None
    kind: Literal["goods", "service"]
    channel: Id
    content: Content


class Write(Arguments):
    """New content for the version in work, or for the next version."""

    content: Content


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
    return {"versions": (*versions, _version(len(versions) + 1, c)), "reviewer": None}


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
            "draft", (NEW,), "draft", ("merchant", "operations"), Text("起草", "draft"),
            "Drafted", _draft,
        ),
        Transition(
            "revise", ("draft", "returned"), "draft", ("merchant", "operations"),
            Text("修改", "revise"), "Revised", _revise,
        ),
        Transition(
            "submit", ("draft",), "submitted", ("merchant", "operations"),
            Text("提交审核", "submit"), "Submitted", _submit,
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
            "edit", ("published",), "draft", ("merchant", "operations"),
            Text("编辑新版本", "edit"), "EditBegun", _edit,
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

LISTING = Kind(
    "listing",
    Text("商品或服务", "listing"),
    Listing,
    (WORK, DISPLAY),
    link="listing",
    party=is_party,
    indexed=("merchant",),
)

"""Review before publish.   S19 article 9 (3); article 5.

Operations reviews what is uploaded for legality, authenticity and reasonableness, and nothing that
has not passed is shown. Decided where the text is silent: the company's own listings are reviewed
like a merchant's (article 5 covers every link); the reviewer is designated for review and is not
the author; a verdict holds for exactly the content that was reviewed; an edit is a new version,
and what passed before stays shown until the new version has passed.
"""

from __future__ import annotations

from typing import Any

from eldermall.engine.clock import Clock
from eldermall.engine.rule import ACTOR_ID, Context, Fact, Rule, set_by
from eldermall.engine.settings import Setting
from eldermall.rooms.listings import Listings
from eldermall.rules.people import on_duty
from eldermall.texts import Text

CRITERIA = Setting(
    "review.criteria",
    Text("审核须逐项判断的标准", "the criteria that a review judges one by one"),
    "S19-09-3a",
    "names",
    article=("legality", "authenticity", "reasonableness"),
    stricter="more",
)

AUTHORS = Fact(
    "listing.authors", "list", "record", Text("在编版本的作者", "authors of the version in work"),
    lambda c: list(c.record.newest.authors),
)
JUDGED = Fact(
    "review.judged", "list", "argument", Text("已判断的标准", "criteria with a verdict"),
    lambda c: sorted(c.args.criteria),
)
NOT_PASSED = Fact(
    "review.not-passed", "list", "argument", Text("不合格的标准", "criteria judged as failed"),
    lambda c: sorted(name for name, verdict in c.args.criteria.items() if not verdict.passed),
)
REVIEWERS = on_duty("review", Text("审核", "review"))


def _passed(c: Context) -> Any:
    newest = c.record.newest
    review = newest.review
    if review is None or not review.approved or review.content != newest.content.digest:
        return []
    if review.reviewer in newest.authors:
        return []
    return sorted(name for name, verdict in review.criteria.items() if verdict.passed)


PASSED = Fact(
    "listing.passed", "list", "record",
    Text("在编版本已由他人审核通过的标准", "criteria that this very content passed"),
    _passed,
)

CLOSING = (*Listings.approve.guard, *Listings.return_.guard)

DESIGNATED_REVIEWER = Rule(
    id="review.designated-reviewer",
    label=Text("审核人须为审核环节的指定人员", "the reviewer is designated for review"),
    clauses=("S19-05b", "S19-09-3a"),
    guards=(*Listings.start_review.guard, *CLOSING),
    needs=(ACTOR_ID, REVIEWERS),
    check=lambda actor, reviewers: actor in reviewers,
    reason=Text("{0} 不是审核环节的指定人员", "{0} is not designated for review"),
)

NOT_THE_AUTHOR = Rule(
    id="review.not-the-author",
    label=Text("审核人不得是作者本人", "the reviewer is not the author"),
    clauses=("S19-05b",),
    guards=(*Listings.start_review.guard, *CLOSING),
    needs=(ACTOR_ID, AUTHORS),
    check=lambda actor, authors: actor not in authors,
    reason=Text("{0} 是该版本的作者，不得自审", "{0} wrote this version and can't review it"),
)

EVERY_CRITERION = Rule(
    id="review.verdict-per-criterion",
    label=Text("结束审核须逐项给出结论和说明", "a closed review has a verdict per criterion"),
    clauses=("S19-09-3a",),
    guards=CLOSING,
    needs=(JUDGED, set_by(CRITERIA)),
    check=lambda judged, criteria: set(criteria) <= set(judged),
    reason=Text("须逐项判断：{1}", "a verdict is needed on each of {1}"),
    settings=(CRITERIA,),
)

ALL_PASSED = Rule(
    id="review.all-passed",
    label=Text("有一项不合格即不得通过审核", "a version that fails one criterion isn't approved"),
    clauses=("S19-09-3a", "S19-09-3b"),
    guards=Listings.Work.approved.entered,
    needs=(NOT_PASSED,),
    check=lambda failed: not failed,
    reason=Text("以下标准不合格：{0}", "judged as failed: {0}"),
)

BEFORE_PUBLISH = Rule(
    id="review.before-publish",
    label=Text("未通过审核的内容不得展示", "what has not passed review is not shown"),
    clauses=("S19-09-3b", "S19-05b"),
    guards=(*Listings.Work.published.entered, *Listings.Display.shown.entered),
    needs=(PASSED, set_by(CRITERIA)),
    check=lambda passed, criteria: set(criteria) <= set(passed),
    reason=Text(
        "该内容尚未逐项通过审核（须 {1}，已通过 {0}）",
        "this content has not passed review on each of {1} (passed: {0})",
    ),
    settings=(CRITERIA,),
)

RULES: tuple[Rule, ...] = (
    DESIGNATED_REVIEWER,
    NOT_THE_AUTHOR,
    EVERY_CRITERION,
    ALL_PASSED,
    BEFORE_PUBLISH,
)

CLOCKS: tuple[Clock, ...] = ()

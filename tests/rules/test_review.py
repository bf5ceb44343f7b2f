"""Review before publish: S19 article 9 (3); article 5."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Mall, person
from eldermall.engine.rule import Context
from eldermall.rooms.listings import Content, Criterion, Listing, Review, Version
from eldermall.rules import review
from tests import databases, shop

CRITERIA = ("legality", "authenticity", "reasonableness")
OTHER = {**shop.CONTENT, "title": "Jasmine tea"}


def opened() -> Mall:
    mall = shop.open_mall("memory:", shop.Time())
    shop.staff(mall)
    return mall


def in_review(mall: Mall, id: str = "tea", by: Any = shop.MERCHANT) -> None:
    merchant = "tea-house" if by is shop.MERCHANT else None
    mall.listings.draft(id, content=shop.CONTENT, merchant=merchant, by=by)
    mall.listings.submit(id, by=by)
    mall.listings.start_review(id, by=shop.REVIEWER)


def verdicts(passed: dict[str, bool]) -> dict[str, Any]:
    return {name: {"passed": ok, "note": "looked at"} for name, ok in passed.items()}


# Properties


@given(passed=st.dictionaries(st.sampled_from([*CRITERIA, "safety"]), st.booleans(), min_size=1))
def test_a_version_is_approved_exactly_if_every_criterion_was_judged_and_all_passed(
    passed: dict[str, bool]
) -> None:
    mall = opened()
    in_review(mall)
    decision = mall.may.listings.approve("tea", criteria=verdicts(passed), by=shop.REVIEWER)
    judged, good = set(CRITERIA) <= set(passed), all(passed.values())
    assert decision.allowed == (judged and good)
    assert ("review.verdict-per-criterion@1" in decision.rules) == (not judged)
    assert ("review.all-passed@1" in decision.rules) == (not good)


@given(
    passed=st.dictionaries(st.sampled_from(CRITERIA), st.booleans()),
    approved=st.booleans(),
    same=st.booleans(),
    own=st.booleans(),
    closed=st.booleans(),
)
def test_nothing_is_shown_but_the_very_content_that_somebody_else_passed_on_every_criterion(
    passed: dict[str, bool], approved: bool, same: bool, own: bool, closed: bool
) -> None:
    content = Content.model_validate({**shop.CONTENT, "images": ()})
    judged = Review(
        reviewer="ann" if own else "rui",
        at=0,
        content=content.digest if same else "0" * 64,
        criteria={k: Criterion(passed=v, note="n") for k, v in passed.items()},
        approved=approved,
    )
    version = Version(
        number=1, content=content, author="ann", authors=("ann",), drafted_at=0,
        review=judged if closed else None,
    )
    listing = Listing.model_construct(versions=(version,))  # type: ignore[call-arg]
    mall = shop.open_mall("memory:", shop.Time())
    settings = mall.policy.settings
    c = Context("tea", listing, None, shop.OPERATIONS, 0, 0, {}, settings, settings)
    facts = {fact.name: fact.read(c) for fact in review.BEFORE_PUBLISH.needs}
    verdict = review.BEFORE_PUBLISH.verdict(facts)
    everything = len(passed) == 3 and all(passed.values())
    right = closed and approved and same and not own and everything
    assert (verdict.outcome == "allowed") == right
    if not right:
        assert verdict.clauses == ("S19-09-3b", "S19-05b")


@given(st.lists(st.sampled_from(["submit", "start", "approve", "return", "publish"]), max_size=8))
def test_whatever_is_tried_nothing_unreviewed_is_on_display(moves: list[str]) -> None:
    mall = opened()
    mall.listings.draft("tea", content=shop.CONTENT, merchant="tea-house", by=shop.MERCHANT)
    tries = {
        "submit": lambda: mall.may.listings.submit("tea", by=shop.MERCHANT).allowed
        and mall.listings.submit("tea", by=shop.MERCHANT),
        "start": lambda: mall.may.listings.start_review("tea", by=shop.REVIEWER).allowed
        and mall.listings.start_review("tea", by=shop.REVIEWER),
        "approve": lambda: mall.may.listings.approve(
            "tea", criteria=shop.PASSED, by=shop.REVIEWER
        ).allowed
        and mall.listings.approve("tea", criteria=shop.PASSED, by=shop.REVIEWER),
        "return": lambda: mall.may.listings.return_(
            "tea", criteria=shop.FAILED, by=shop.REVIEWER
        ).allowed
        and mall.listings.return_("tea", criteria=shop.FAILED, by=shop.REVIEWER),
        "publish": lambda: mall.may.listings.publish("tea", by=shop.OPERATIONS).allowed
        and mall.listings.publish("tea", by=shop.OPERATIONS),
    }
    for move in moves:
        tries[move]()
        listing = mall.listings.get("tea")
        if listing.on_display is not None:
            done = listing.newest.review
            assert done is not None
            assert done.approved


# The way of a listing


def test_what_passed_review_is_shown(mall: Mall) -> None:
    shop.publish(mall)
    listing = mall.listings.get("green-tea")
    assert (listing.work, listing.display, listing.shown) == ("published", "shown", 1)
    assert listing.on_display is not None


@pytest.mark.parametrize("state", ["draft", "submitted", "in_review", "returned"])
def test_nothing_is_published_before_it_passed(mall: Mall, state: str) -> None:
    mall.listings.draft("tea", content=shop.CONTENT, merchant="tea-house", by=shop.MERCHANT)
    if state != "draft":
        mall.listings.submit("tea", by=shop.MERCHANT)
    if state in ("in_review", "returned"):
        mall.listings.start_review("tea", by=shop.REVIEWER)
    if state == "returned":
        mall.listings.return_("tea", criteria=shop.FAILED, by=shop.REVIEWER)
    said = shop.refusal(mall.listings.publish, "tea", by=shop.OPERATIONS)
    assert said.rules == ("machine.no-such-move", "review.before-publish@1")
    assert said.clauses == ("S19-09-3b", "S19-05b")
    assert mall.listings.get("tea").on_display is None


def test_a_returned_version_is_revised_and_reviewed_again(mall: Mall) -> None:
    in_review(mall)
    mall.listings.return_("tea", criteria=shop.FAILED, by=shop.REVIEWER)
    newest = mall.listings.get("tea").newest
    assert newest.review is not None
    assert newest.review.criteria["authenticity"].note == "no proof of origin"
    mall.listings.revise("tea", content=OTHER, by=shop.MERCHANT)
    assert mall.listings.get("tea").newest.review is None
    mall.listings.submit("tea", by=shop.MERCHANT)
    mall.listings.start_review("tea", by=shop.REVIEWER)
    mall.listings.approve("tea", criteria=shop.PASSED, by=shop.REVIEWER)
    mall.listings.publish("tea", by=shop.OPERATIONS)
    on_display = mall.listings.get("tea").on_display
    assert on_display is not None
    assert on_display.title == "Jasmine tea"


def test_an_edit_is_a_new_version_while_the_approved_one_stays_shown(mall: Mall) -> None:
    shop.publish(mall)
    mall.listings.edit("green-tea", content=OTHER, by=shop.MERCHANT)
    listing = mall.listings.get("green-tea")
    assert (listing.work, listing.shown, listing.newest.number) == ("draft", 1, 2)
    assert listing.on_display is not None
    assert listing.on_display.title == "Green tea"
    mall.listings.submit("green-tea", by=shop.MERCHANT)
    mall.listings.start_review("green-tea", by=shop.REVIEWER)
    mall.listings.approve("green-tea", criteria=shop.PASSED, by=shop.REVIEWER)
    assert mall.listings.get("green-tea").shown == 1
    mall.listings.publish("green-tea", by=shop.OPERATIONS)
    assert mall.listings.get("green-tea").shown == 2


def test_there_is_one_pending_edit_at_a_time(mall: Mall) -> None:
    shop.publish(mall)
    mall.listings.edit("green-tea", content=OTHER, by=shop.MERCHANT)
    said = shop.refusal(mall.listings.edit, "green-tea", content=OTHER, by=shop.MERCHANT)
    assert said.rules == ("machine.no-such-move",)


def test_what_was_withdrawn_comes_back_only_with_a_newly_reviewed_version(mall: Mall) -> None:
    shop.publish(mall)
    mall.listings.withdraw("green-tea", reason="out of season", by=shop.MERCHANT)
    listing = mall.listings.get("green-tea")
    assert (listing.display, listing.on_display) == ("off_display", None)
    said = shop.refusal(mall.listings.publish, "green-tea", by=shop.OPERATIONS)
    assert said.rules == ("machine.no-such-move",)
    mall.listings.edit("green-tea", content=OTHER, by=shop.MERCHANT)
    assert mall.listings.get("green-tea").on_display is None


def test_only_operations_publish(mall: Mall) -> None:
    in_review(mall)
    mall.listings.approve("tea", criteria=shop.PASSED, by=shop.REVIEWER)
    for actor in (shop.MERCHANT, shop.HEAD, shop.SERVICE):
        said = shop.refusal(mall.listings.publish, "tea", by=actor)
        assert said.rules == ("machine.who-may", "collection.operations-list@1")
    said = shop.refusal(mall.listings.publish, "tea", by=shop.CUSTOMER)
    assert said.rules == ("machine.who-may",)


def test_a_rival_does_not_touch_a_merchant_s_listing(mall: Mall) -> None:
    shop.publish(mall)
    said = shop.refusal(mall.listings.edit, "green-tea", content=OTHER, by=shop.RIVAL)
    assert said.rules == ("machine.own-records",)


# Who reviews: S19-05b


@pytest.mark.parametrize("move", ["start_review", "approve", "return_"])
def test_only_who_is_designated_for_review_reviews(mall: Mall, move: str) -> None:
    in_review(mall)
    more: dict[str, Any] = {} if move == "start_review" else {"criteria": shop.PASSED}
    if move == "start_review":
        mall.listings.return_("tea", criteria=shop.FAILED, by=shop.REVIEWER)
        mall.listings.revise("tea", content=OTHER, by=shop.MERCHANT)
        mall.listings.submit("tea", by=shop.MERCHANT)
    said = shop.refusal(getattr(mall.listings, move), "tea", by=shop.OPERATIONS, **more)
    assert said.rules == ("review.designated-reviewer@1",)
    assert said.clauses == ("S19-05b", "S19-09-3a")
    assert "olivia 不是审核环节的指定人员" in said.text.zh


@pytest.mark.parametrize("move", ["start_review", "approve", "return_"])
def test_nobody_reviews_what_they_wrote_the_company_s_own_goods_included(
    mall: Mall, move: str
) -> None:
    mall.designations.appoint("review", shop.OPERATIONS.id, by=shop.LEADER)
    mall.listings.draft("tea", content=shop.CONTENT, by=shop.OPERATIONS)
    mall.listings.submit("tea", by=shop.OPERATIONS)
    more: dict[str, Any] = {}
    if move != "start_review":
        mall.listings.start_review("tea", by=shop.REVIEWER)
        more = {"criteria": shop.PASSED}
    said = shop.refusal(getattr(mall.listings, move), "tea", by=shop.OPERATIONS, **more)
    assert said.rules == ("review.not-the-author@1",)
    assert said.clauses == ("S19-05b",)
    assert "olivia 是该版本的作者，不得自审" in said.text.zh


def test_the_author_is_whoever_wrote_the_version_in_work(mall: Mall) -> None:
    mall.designations.appoint("review", shop.OPERATIONS.id, by=shop.LEADER)
    in_review(mall, by=shop.OPERATIONS)
    mall.listings.approve("tea", criteria=shop.PASSED, by=shop.REVIEWER)
    mall.listings.publish("tea", by=shop.OPERATIONS)
    mall.listings.edit("tea", content=OTHER, by=shop.REVIEWER)
    mall.listings.submit("tea", by=shop.OPERATIONS)
    said = shop.refusal(mall.listings.start_review, "tea", by=shop.REVIEWER)
    assert said.rules == ("review.not-the-author@1",)
    mall.listings.start_review("tea", by=shop.OPERATIONS)


def test_a_reviewer_who_has_left_closes_no_review(mall: Mall) -> None:
    in_review(mall)
    mall.designations.appoint("review", "another", by=shop.LEADER)
    mall.designations.dismiss("review", shop.REVIEWER.id, by=shop.LEADER)
    said = shop.refusal(mall.listings.approve, "tea", criteria=shop.PASSED, by=shop.REVIEWER)
    assert said.rules == ("review.designated-reviewer@1",)


def test_any_designated_reviewer_closes_a_review_that_another_began(mall: Mall) -> None:
    in_review(mall)
    other = person("bo", "department_head", department="operations")
    mall.designations.appoint("review", other.id, by=shop.LEADER)
    mall.listings.approve("tea", criteria=shop.PASSED, by=other)
    newest = mall.listings.get("tea").newest
    assert newest.review is not None
    assert newest.review.reviewer == "bo"


# The verdicts: S19-09-3a, S19-09-3b


@pytest.mark.parametrize("move", ["approve", "return_"])
@pytest.mark.parametrize("lacking", CRITERIA)
def test_a_closed_review_has_a_verdict_on_each_criterion(
    mall: Mall, move: str, lacking: str
) -> None:
    in_review(mall)
    given_ = {name: v for name, v in shop.PASSED.items() if name != lacking}
    said = shop.refusal(getattr(mall.listings, move), "tea", criteria=given_, by=shop.REVIEWER)
    assert said.rules == ("review.verdict-per-criterion@1",)
    assert said.clauses == ("S19-09-3a",)


def test_one_failed_criterion_is_enough_to_refuse_approval(mall: Mall) -> None:
    in_review(mall)
    said = shop.refusal(mall.listings.approve, "tea", criteria=shop.FAILED, by=shop.REVIEWER)
    assert said.rules == ("review.all-passed@1",)
    assert said.clauses == ("S19-09-3a", "S19-09-3b")
    assert said.facts["review.not-passed"] == ["authenticity"]


def test_a_review_without_any_verdict_approves_nothing(mall: Mall) -> None:
    in_review(mall)
    said = shop.refusal(mall.listings.approve, "tea", criteria={}, by=shop.REVIEWER)
    assert said.rules == ("review.verdict-per-criterion@1",)


def test_a_return_may_say_that_all_passed(mall: Mall) -> None:
    in_review(mall)
    mall.listings.return_("tea", criteria=shop.PASSED, by=shop.REVIEWER)
    assert mall.listings.get("tea").work == "returned"


def test_a_policy_that_asks_for_more_criteria_asks_before_publishing_too(
    tmp_path: Path, time: shop.Time
) -> None:
    url = databases.url_of("sqlite", tmp_path)
    with shop.open_mall(url, time) as mall:
        shop.staff(mall)
        in_review(mall)
        mall.listings.approve("tea", criteria=shop.PASSED, by=shop.REVIEWER)
    more = shop.policy({"review.criteria": [*CRITERIA, "safety"]})
    with shop.open_mall(url, time, policy=more) as mall:
        said = shop.refusal(mall.listings.publish, "tea", by=shop.OPERATIONS)
        assert said.rules == ("review.before-publish@1",)
        assert said.clauses == ("S19-09-3b", "S19-05b")
        assert mall.listings.get("tea").on_display is None
    with shop.open_mall(url, time) as mall:
        mall.listings.publish("tea", by=shop.OPERATIONS)


def test_a_refusal_names_criteria_as_a_person_would_write_them(mall: Mall) -> None:
    in_review(mall)
    said = shop.refusal(mall.listings.approve, "tea", criteria={}, by=shop.REVIEWER)
    assert "须逐项判断：legality、authenticity、reasonableness" in said.text.zh
    assert "on each of legality, authenticity, reasonableness" in said.text.en

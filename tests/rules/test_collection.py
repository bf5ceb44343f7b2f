"""Collection: the merchant's own, assisted, or the company's own: S19 article 9 (1), (2); 3."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Actor, Mall, person
from tests import databases, shop

TICK = timedelta(microseconds=1)
SHOWN = "collection.shown-in-time"
ASSISTED = "collection.assisted-in-time"
STEPS = ("photography", "image_processing", "detail_page", "listing")
OTHER = {**shop.CONTENT, "title": "Jasmine tea"}
COLLEAGUE = person("ma", "field_agent", department="operations")
RIVALS_OWN: dict[str, Any] = {"merchant": "rival", "by": shop.RIVAL}


def opened() -> Mall:
    mall = shop.open_mall("memory:", shop.Time())
    shop.staff(mall)
    return mall


def request(mall: Mall, id: str = "J1", **more: Any) -> None:
    given_: dict[str, Any] = {"merchant": "tea-house", "by": shop.MERCHANT}
    mall.assistance.request(id, **given_ | more)


def on_site(mall: Mall, id: str = "J1", who: Actor = shop.AGENT, **more: Any) -> None:
    """Take a new job to the appointed person's arrival."""
    request(mall, id, **more)
    mall.assistance.appoint(id, who=who.id, by=shop.OPERATIONS)
    mall.assistance.arrive(id, where="3 Lake Road", by=who)


def mark(mall: Mall, *steps: str, id: str = "J1", by: Actor = shop.AGENT) -> None:
    for step in steps:
        mall.assistance.mark(id, step=step, outcome="done", by=by)


def draft(mall: Mall, **more: Any) -> None:
    given_: dict[str, Any] = {"content": shop.CONTENT, "merchant": "tea-house", "by": shop.MERCHANT}
    mall.listings.draft("tea", **given_ | more)


def shown(mall: Mall, by: Actor = shop.MERCHANT, approve: bool = True) -> None:
    """Take a drafted listing through review and, if it is approved, on display."""
    mall.listings.submit("tea", by=by)
    mall.listings.start_review("tea", by=shop.REVIEWER)
    if approve:
        mall.listings.approve("tea", criteria=shop.PASSED, by=shop.REVIEWER)
        mall.listings.publish("tea", by=shop.OPERATIONS)
    else:
        mall.listings.return_("tea", criteria=shop.FAILED, by=shop.REVIEWER)


# Properties


@given(
    actor=st.sampled_from(shop.EVERYBODY),
    merchant=st.sampled_from(["tea-house", None]),
    mode=st.sampled_from(["merchant_self", "assisted", "self_operated", None]),
    asked=st.sampled_from([None, "tea-house", "rival"]),
    far=st.integers(0, 4),
    person=st.sampled_from([shop.AGENT, shop.OPERATIONS, shop.SERVICE]),
)
def test_a_listing_is_drafted_by_whom_its_mode_names_and_by_nobody_else(
    actor: Actor, merchant: str | None, mode: Any, asked: str | None, far: int, person: Actor
) -> None:
    mall = opened()
    if asked is not None:
        request(mall, merchant=asked, by=shop.MERCHANT if asked == "tea-house" else shop.RIVAL)
        if far > 0:
            mall.assistance.appoint("J1", who=person.id, by=shop.OPERATIONS)
        if far > 1:
            mall.assistance.arrive("J1", where="3 Lake Road", by=person)
        if far > 2:
            mark(mall, *STEPS, by=person)
        if far > 3:
            mall.assistance.finish("J1", by=person)
    decision = mall.may.listings.draft(
        "tea", content=shop.CONTENT, merchant=merchant, mode=mode, by=actor,
        assistance=None if asked is None else "J1",
    )
    helped = asked == "tea-house" and far in (2, 3)
    if asked is not None:
        right = merchant == "tea-house" and mode in ("assisted", None) and helped and (
            actor in (shop.MERCHANT, person)
        )
    elif merchant is None:
        right = actor.role == "operations" and mode in ("self_operated", None)
    else:
        right = actor == shop.MERCHANT and mode in ("merchant_self", None)
    assert decision.allowed == right


@given(
    marked=st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(["done", "not_needed"]))),
    more=st.sets(st.sampled_from(["video", "price_tags"])),
)
def test_a_job_is_closed_exactly_if_each_step_of_the_policy_is_marked(
    marked: list[tuple[str, Any]], more: set[str]
) -> None:
    steps = [*STEPS, *sorted(more)]
    time = shop.Time()
    mall = shop.open_mall(time=time, policy=shop.policy({"collection.steps": steps}))
    shop.staff(mall)
    on_site(mall)
    for step, outcome in marked:
        mall.assistance.mark("J1", step=step, outcome=outcome, by=shop.AGENT)
    decision = mall.may.assistance.finish("J1", by=shop.AGENT)
    assert decision.allowed == (set(steps) <= {step for step, _ in marked})
    kept = {m.step: m.outcome for m in mall.assistance.get("J1").marks}
    assert kept == dict(marked)


# How a listing is collected: S19-09-1a, S19-09-2a


def test_the_mode_follows_from_whose_listing_it_is_and_whether_a_job_is_named(mall: Mall) -> None:
    on_site(mall)
    draft(mall)
    mall.listings.draft("stick", content=shop.CONTENT, by=shop.OPERATIONS)
    mall.listings.draft(
        "honey", content=shop.CONTENT, merchant="tea-house", assistance="J1", by=shop.AGENT
    )
    found = {id: mall.listings.get(id) for id in ("tea", "stick", "honey")}
    assert {id: (each.mode, each.assistance) for id, each in found.items()} == {
        "tea": ("merchant_self", None),
        "stick": ("self_operated", None),
        "honey": ("assisted", "J1"),
    }


@pytest.mark.parametrize(
    ("merchant", "mode", "job"),
    [
        (None, "merchant_self", None),
        (None, "assisted", "J1"),
        ("tea-house", "self_operated", None),
        ("tea-house", "assisted", None),
        ("tea-house", "merchant_self", "J1"),
    ],
)
def test_a_mode_that_does_not_fit_the_seller_is_refused(
    mall: Mall, merchant: str | None, mode: str, job: str | None
) -> None:
    on_site(mall)
    by = shop.OPERATIONS if merchant is None else shop.MERCHANT
    said = shop.refusal(draft, mall, merchant=merchant, mode=mode, assistance=job, by=by)
    assert "collection.mode-fits-the-seller@1" in said.rules
    assert said.clauses[:2] == ("S19-09-1a", "S19-09-2a")
    assert f"采集方式 {mode} 与所属商家（{merchant or '无'}）或协助采集（{job or '无'}）不符" in (
        said.text.zh
    )


@pytest.mark.parametrize("move", ["draft", "revise", "submit", "edit"])
@pytest.mark.parametrize("actor", [shop.OPERATIONS, shop.AGENT, shop.SERVICE])
def test_nobody_but_the_merchant_writes_what_the_merchant_collects(
    mall: Mall, move: str, actor: Actor
) -> None:
    if move != "draft":
        draft(mall)
    if move == "edit":
        shown(mall)
    more: dict[str, Any] = {} if move == "submit" else {"content": OTHER}
    if move == "draft":
        more["merchant"] = "tea-house"
    said = shop.refusal(getattr(mall.listings, move), "tea", by=actor, **more)
    assert said.rules == ("collection.author-fits-the-mode@1",)
    assert said.clauses == ("S19-09-1a", "S19-09-2a")
    assert f"采集方式为 merchant_self 的内容不由 {actor.id} 采集" in said.text.zh


@pytest.mark.parametrize("move", ["draft", "revise", "submit", "edit"])
def test_nobody_but_operations_writes_the_company_s_own(mall: Mall, move: str) -> None:
    if move != "draft":
        draft(mall, merchant=None, by=shop.OPERATIONS)
    if move == "edit":
        shown(mall, by=shop.OPERATIONS)
    more: dict[str, Any] = {} if move == "submit" else {"content": OTHER}
    for actor in (shop.AGENT, shop.SERVICE):
        said = shop.refusal(getattr(mall.listings, move), "tea", by=actor, **more)
        assert said.rules == ("collection.author-fits-the-mode@1",)
    getattr(mall.listings, move)("tea", by=shop.OPERATIONS, **more)


def test_nobody_but_operations_puts_a_listing_on_display(mall: Mall) -> None:
    draft(mall, merchant=None, by=shop.OPERATIONS)
    mall.listings.submit("tea", by=shop.OPERATIONS)
    mall.listings.start_review("tea", by=shop.REVIEWER)
    mall.listings.approve("tea", criteria=shop.PASSED, by=shop.REVIEWER)
    said = shop.refusal(mall.listings.publish, "tea", by=shop.HEAD)
    assert said.rules == ("machine.who-may", "collection.operations-list@1")
    assert said.clauses == ("S19-03b", "S19-09-2b")
    assert "只有运营可以上架" in said.text.zh


def test_operations_take_any_listing_off_display(mall: Mall) -> None:
    draft(mall)
    shown(mall)
    mall.listings.withdraw("tea", reason="recalled", by=shop.OPERATIONS)
    assert mall.listings.get("tea").on_display is None


# Assistance begins with the merchant's request: S19-09-1b


def test_staff_who_note_a_merchant_s_request_say_how_it_came(mall: Mall) -> None:
    for actor in (shop.AGENT, shop.SERVICE):
        said = shop.refusal(request, mall, by=actor)
        assert said.rules == ("collection.at-the-merchants-request@1",)
        assert said.clauses == ("S19-09-1b",)
        assert "须注明申请的途径" in said.text.zh
    request(mall, by=shop.AGENT, way="phone")
    job = mall.assistance.get("J1")
    assert (job.merchant, job.requested_by, job.way) == ("tea-house", "wang", "phone")


def test_a_merchant_s_own_request_needs_no_more(mall: Mall) -> None:
    request(mall)
    assert mall.assistance.get("J1").way is None


@pytest.mark.parametrize("actor", [shop.OPERATIONS, shop.HEAD, shop.CUSTOMER, shop.PAYMENTS])
def test_nobody_else_asks_in_a_merchant_s_stead(mall: Mall, actor: Actor) -> None:
    assert "machine.who-may" in shop.refusal(request, mall, by=actor, way="phone").rules


def test_a_rival_neither_asks_nor_cancels_for_another(mall: Mall) -> None:
    assert shop.refusal(request, mall, by=shop.RIVAL).rules == ("machine.own-records",)
    request(mall)
    said = shop.refusal(mall.assistance.cancel, "J1", reason="no", by=shop.RIVAL)
    assert said.rules == ("machine.own-records",)


@pytest.mark.parametrize("state", ["none", "requested", "appointed", "done", "cancelled"])
def test_nobody_is_assisted_but_while_the_person_is_on_site(mall: Mall, state: str) -> None:
    if state in ("requested", "appointed"):
        request(mall)
    elif state != "none":
        on_site(mall)
    if state == "appointed":
        mall.assistance.appoint("J1", who=shop.AGENT.id, by=shop.OPERATIONS)
    elif state == "done":
        mark(mall, *STEPS)
        mall.assistance.finish("J1", by=shop.AGENT)
    elif state == "cancelled":
        mall.assistance.cancel("J1", reason="my son helps", by=shop.MERCHANT)
    for actor in (shop.AGENT, shop.MERCHANT):
        said = shop.refusal(draft, mall, assistance="J1", by=actor)
        assert "collection.assisted-as-requested@1" in said.rules
        assert {"S19-09-1a", "S19-09-1b"} <= set(said.clauses)
        shown_state = "无" if state == "none" else state
        assert f"进度：{shown_state}" in said.text.zh


def test_a_job_helps_the_merchant_who_asked_for_it_only(mall: Mall) -> None:
    on_site(mall, **RIVALS_OWN)
    said = shop.refusal(draft, mall, assistance="J1", by=shop.AGENT)
    assert said.rules == ("collection.assisted-as-requested@1",)
    assert "须由商家 tea-house 申请协助且专人已到场（申请商家：rival" in said.text.zh


@pytest.mark.parametrize("actor", [COLLEAGUE, shop.OPERATIONS, shop.SERVICE])
def test_nobody_assists_but_the_person_appointed(mall: Mall, actor: Actor) -> None:
    on_site(mall)
    said = shop.refusal(draft, mall, assistance="J1", by=actor)
    assert said.rules == ("collection.author-fits-the-mode@1",)


def test_a_merchant_goes_on_alone_with_what_was_begun_with_help(mall: Mall) -> None:
    on_site(mall)
    draft(mall, assistance="J1", by=shop.AGENT)
    mark(mall, *STEPS)
    mall.assistance.finish("J1", by=shop.AGENT)
    said = shop.refusal(mall.listings.submit, "tea", by=shop.AGENT)
    assert said.rules == ("collection.assisted-as-requested@1",)
    mall.listings.revise("tea", content=OTHER, by=shop.MERCHANT)
    mall.listings.submit("tea", by=shop.MERCHANT)
    assert mall.listings.get("tea").newest.authors == ("wang", "zhao")


def test_help_with_a_listing_that_is_there_begins_with_an_edit(mall: Mall) -> None:
    draft(mall)
    shown(mall)
    on_site(mall)
    mall.listings.edit("tea", content=OTHER, assistance="J1", by=shop.AGENT)
    listing = mall.listings.get("tea")
    assert (listing.mode, listing.assistance, listing.newest.author) == ("assisted", "J1", "wang")
    shown(mall, by=shop.AGENT)
    mall.assistance.cancel("J1", reason="enough", by=shop.MERCHANT)
    mall.listings.edit("tea", content=shop.CONTENT, by=shop.MERCHANT)
    assert mall.listings.get("tea").assistance == "J1"


def test_nobody_is_helped_with_the_company_s_own(mall: Mall) -> None:
    draft(mall, merchant=None, by=shop.OPERATIONS)
    shown(mall, by=shop.OPERATIONS)
    on_site(mall)
    said = shop.refusal(
        mall.listings.edit, "tea", content=OTHER, assistance="J1", by=shop.AGENT
    )
    assert "collection.mode-fits-the-seller@1" in said.rules


# On site, in person, step by step: S19-09-1b, S19-09-1c


@pytest.mark.parametrize("move", ["arrive", "mark", "finish"])
def test_only_the_appointed_person_comes_and_assists(mall: Mall, move: str) -> None:
    request(mall)
    mall.assistance.appoint("J1", who=shop.AGENT.id, by=shop.OPERATIONS)
    if move != "arrive":
        mall.assistance.arrive("J1", where="3 Lake Road", by=shop.AGENT)
    if move == "finish":
        mark(mall, *STEPS)
    more: dict[str, Any] = {
        "arrive": {"where": "3 Lake Road"}, "mark": {"step": "listing", "outcome": "done"},
    }.get(move, {})
    for actor in (COLLEAGUE, shop.OPERATIONS):
        said = shop.refusal(getattr(mall.assistance, move), "J1", by=actor, **more)
        assert said.rules[-1] == "collection.by-the-appointed-person@1"
        assert said.clauses[-1] == "S19-09-1b"
        assert f"{actor.id} 不是指派的专人（wang）" in said.text.zh
    getattr(mall.assistance, move)("J1", by=shop.AGENT, **more)


def test_the_visit_says_who_came_where_and_when(mall: Mall, time: shop.Time) -> None:
    request(mall)
    mall.assistance.appoint("J1", who=shop.AGENT.id, by=shop.OPERATIONS)
    came = time.now
    time.pass_(hours=3)
    mall.assistance.arrive("J1", where="3 Lake Road", at=came, by=shop.AGENT)
    (visit,) = mall.assistance.get("J1").visits
    assert (visit.who, visit.where, visit.at) == ("wang", "3 Lake Road", shop.us(came))


def test_whoever_is_appointed_instead_arrives_anew_and_what_is_marked_stays(mall: Mall) -> None:
    on_site(mall)
    mark(mall, "photography")
    mall.assistance.appoint("J1", who=COLLEAGUE.id, by=shop.OPERATIONS)
    said = shop.refusal(mark, mall, "listing", by=COLLEAGUE)
    assert said.rules == ("machine.no-such-move",)
    mall.assistance.arrive("J1", where="3 Lake Road", by=COLLEAGUE)
    assert shop.refusal(mark, mall, "listing").rules == ("collection.by-the-appointed-person@1",)
    mark(mall, *STEPS[1:], by=COLLEAGUE)
    mall.assistance.finish("J1", by=COLLEAGUE)
    job = mall.assistance.get("J1")
    assert [visit.who for visit in job.visits] == ["wang", "ma"]
    assert [mark.who for mark in job.marks] == ["wang", "ma", "ma", "ma"]


@pytest.mark.parametrize("lacking", STEPS)
def test_an_unmarked_step_keeps_a_job_open(mall: Mall, lacking: str) -> None:
    on_site(mall)
    mark(mall, *(step for step in STEPS if step != lacking))
    said = shop.refusal(mall.assistance.finish, "J1", by=shop.AGENT)
    assert said.rules == ("collection.every-step-marked@1",)
    assert said.clauses == ("S19-09-1c",)
    assert "须逐步标记完成或不需要" in said.text.zh
    mall.assistance.mark("J1", step=lacking, outcome="not_needed", by=shop.AGENT)
    mall.assistance.finish("J1", by=shop.AGENT)


def test_a_step_is_marked_with_who_did_it_and_a_later_mark_replaces_an_earlier(mall: Mall) -> None:
    on_site(mall)
    mall.assistance.mark("J1", step="photography", outcome="not_needed", by=shop.AGENT)
    mall.assistance.mark("J1", step="photography", outcome="done", who="he-mei", by=shop.AGENT)
    (mark_,) = mall.assistance.get("J1").marks
    assert (mark_.step, mark_.outcome, mark_.who) == ("photography", "done", "he-mei")


def test_a_step_that_the_policy_does_not_name_is_no_step(mall: Mall) -> None:
    on_site(mall)
    said = shop.refusal(mark, mall, "fotography")
    assert said.rules == ("collection.known-step@1",)
    assert said.clauses == ("S19-09-1c",)
    assert "没有步骤 fotography，只有 photography、image_processing、detail_page、listing" in (
        said.text.zh
    )


# In time: S19-09-1d


@pytest.mark.parametrize("late_by", [timedelta(), TICK])
def test_what_a_merchant_submitted_is_shown_by_the_due_moment(
    mall: Mall, time: shop.Time, late_by: timedelta
) -> None:
    draft(mall)
    mall.listings.submit("tea", by=shop.MERCHANT)
    mall.listings.start_review("tea", by=shop.REVIEWER)
    mall.listings.approve("tea", criteria=shop.PASSED, by=shop.REVIEWER)
    time.now += timedelta(days=3) + late_by
    assert mall.sweep().breached == bool(late_by)
    mall.listings.publish("tea", by=shop.OPERATIONS)
    row = shop.clocks(mall, SHOWN, "listing/tea")[""]
    assert row.state == ("late" if late_by else "met")


def test_a_returned_version_waits_for_its_author_and_begins_anew(
    mall: Mall, time: shop.Time
) -> None:
    draft(mall)
    shown(mall, approve=False)
    assert shop.clocks(mall, SHOWN, "listing/tea")[""].state == "stopped"
    time.pass_(days=9)
    assert mall.sweep().breached == 0
    mall.listings.revise("tea", content=OTHER, by=shop.MERCHANT)
    shown(mall)
    row = shop.clocks(mall, SHOWN, "listing/tea")[""]
    assert (row.state, row.started) == ("met", shop.us(time.now))


def test_a_new_version_of_what_is_shown_is_shown_in_time_too(mall: Mall, time: shop.Time) -> None:
    draft(mall)
    shown(mall)
    mall.listings.edit("tea", content=OTHER, by=shop.MERCHANT)
    assert shop.clocks(mall, SHOWN, "listing/tea")[""].state == "met"
    mall.listings.submit("tea", by=shop.MERCHANT)
    time.pass_(days=4)
    did = mall.sweep()
    assert (did.breached, did.repeated) == (1, 1)
    said = [e for e in mall.journal("listing", "tea") if e["outcome"] == "clock"]
    assert [e["what"] for e in said] == ["clock.breached", "clock.repeated"]
    assert said[0]["clauses"] == ["S19-09-1d"]


def test_the_company_s_own_listing_has_no_such_clock(mall: Mall) -> None:
    draft(mall, merchant=None, by=shop.OPERATIONS)
    mall.listings.submit("tea", by=shop.OPERATIONS)
    assert mall.clocks() == []


@pytest.mark.parametrize("late_by", [timedelta(), TICK])
@pytest.mark.parametrize("how", ["finish", "cancel"])
def test_a_merchant_who_asked_is_assisted_by_the_due_moment(
    mall: Mall, time: shop.Time, how: str, late_by: timedelta
) -> None:
    on_site(mall)
    mark(mall, *STEPS)
    time.now += timedelta(days=7) + late_by
    assert mall.sweep().breached == bool(late_by)
    if how == "finish":
        mall.assistance.finish("J1", by=shop.AGENT)
    else:
        mall.assistance.cancel("J1", reason="my son helps", by=shop.MERCHANT)
    states = {"finish": ("met", "late"), "cancel": ("stopped", "lapsed")}
    row = shop.clocks(mall, ASSISTED, "assistance/J1")[""]
    assert row.state == states[how][bool(late_by)]


def test_a_forgotten_request_climbs_to_the_head(mall: Mall, time: shop.Time) -> None:
    request(mall)
    time.pass_(days=9)
    did = mall.sweep()
    assert (did.breached, did.repeated) == (1, 1)
    said = [e for e in mall.journal("assistance", "J1") if e["outcome"] == "clock"]
    assert [e["clauses"] for e in said] == [["S19-09-1d", "S19-09-1b"]] * 2


# Which policy binds, and from when


def test_a_job_keeps_the_limit_of_the_policy_under_which_it_was_requested(
    tmp_path: Path, time: shop.Time
) -> None:
    url = databases.url_of("sqlite", tmp_path)
    with shop.open_mall(url, time) as mall:
        shop.staff(mall)
        request(mall)
    stricter = shop.policy({"collection.assistance-limit": "1h"})
    with shop.open_mall(url, time, policy=stricter) as mall:
        request(mall, "J2")
        time.pass_(hours=2)
        assert mall.sweep().breached == 1
        assert shop.clocks(mall, ASSISTED, "assistance/J1")[""].state == "running"


def test_before_the_policy_applies_nothing_is_asked_of_who_collects(
    url: str, time: shop.Time
) -> None:
    with shop.open_mall(url, time, policy=shop.policy(published="2026-03-03")) as mall:
        draft(mall, by=shop.OPERATIONS)
        request(mall, by=shop.AGENT)
        assert mall.clocks() == []

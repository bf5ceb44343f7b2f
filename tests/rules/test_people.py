"""Designated persons: S19 article 5; articles 2, 3."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Invalid, Mall, head_of, person
from eldermall.engine.actor import STAFF
from eldermall.mall import rulebook
from eldermall.rooms.people import LINKS
from tests import shop

TICK = timedelta(microseconds=1)


def opened() -> tuple[Mall, shop.Time]:
    time = shop.Time()
    return shop.open_mall("memory:", time), time


# Properties


def test_every_move_that_staff_can_make_belongs_to_exactly_one_link() -> None:
    book = rulebook()
    for machine in book.machines.values():
        if machine.name in ("designation", "assignment", "booking"):
            continue
        for move in machine.transitions:
            asked = [r.id for r in book.guarding(machine, move)]
            links = [id for id in asked if id.startswith("people.designated-for-")]
            assert len(links) <= 1, move.name
            assert links or not set(move.by) & set(STAFF), move.name


@given(
    since=st.integers(0, 10), lasts=st.integers(0, 10), asked=st.integers(0, 25)
)
def test_a_person_is_on_duty_from_the_appointment_until_the_dismissal_and_not_at_it(
    since: int, lasts: int, asked: int
) -> None:
    mall, time = opened()
    start = time.now
    time.now = start + since * TICK
    mall.designations.appoint("order", "olivia", by=shop.LEADER)
    time.now = start + (since + lasts) * TICK
    mall.designations.dismiss("order", "olivia", by=shop.LEADER)
    on_duty = mall.designations.get("order").on_duty(shop.us(start + asked * TICK))
    assert on_duty == (["olivia"] if since <= asked < since + lasts else [])


# A link without a designated person: S19-05a


def listing(mall: Mall) -> None:
    mall.listings.draft("tea", content=shop.CONTENT, by=shop.OPERATIONS)


def order(mall: Mall) -> None:
    mall.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE)


def payment(mall: Mall) -> None:
    mall.orders.paid("A1", 27000, "pay-1", by=shop.OPERATIONS)


def callback(mall: Mall) -> None:
    mall.callbacks.attempt("B1", note="no answer", by=shop.SERVICE)


def complaint(mall: Mall) -> None:
    mall.complaints.receive("C1", customer="grandma-li", words="It is late.", by=shop.SERVICE)


@pytest.mark.parametrize(
    ("link", "move", "zh"),
    [
        ("listing", listing, "“上架”环节没有在任的指定人员"),
        ("order", order, "“订单”环节没有在任的指定人员"),
        ("order", payment, "“订单”环节没有在任的指定人员"),
        ("callback", callback, "“回访”环节没有在任的指定人员"),
        ("after_sale", complaint, "“售后”环节没有在任的指定人员"),
    ],
)
def test_staff_do_nothing_in_a_link_without_a_designated_person(
    mall: Mall, link: str, move: Callable[[Mall], None], zh: str
) -> None:
    shop.place(mall)
    shop.completed(mall, "B1")
    mall.designations.dismiss(link, shop.OPERATIONS.id, by=shop.LEADER)
    said = shop.refusal(move, mall)
    assert said.rules == (f"people.designated-for-{link.replace('_', '-')}@1",)
    assert said.clauses == ("S19-05a",)
    assert zh in said.text.zh
    mall.designations.appoint(link, "somebody-else", by=shop.LEADER)
    move(mall)


def test_nobody_reviews_while_nobody_is_designated_for_review(mall: Mall) -> None:
    mall.listings.draft("tea", content=shop.CONTENT, merchant="tea-house", by=shop.MERCHANT)
    mall.listings.submit("tea", by=shop.MERCHANT)
    mall.designations.dismiss("review", shop.REVIEWER.id, by=shop.LEADER)
    said = shop.refusal(mall.listings.start_review, "tea", by=shop.REVIEWER)
    assert said.rules == ("people.designated-for-review@1", "review.designated-reviewer@1")


def test_a_link_that_was_never_staffed_is_a_link_without_a_person(
    url: str, time: shop.Time
) -> None:
    with shop.open_mall(url, time) as mall:
        shop.place(mall)
        said = shop.refusal(mall.orders.hand_over, "A1", to="x", by=shop.OPERATIONS)
        assert "people.designated-for-order@1" in said.rules


def test_a_link_counts_its_own_persons_only(mall: Mall) -> None:
    shop.place(mall)
    mall.designations.dismiss("order", shop.OPERATIONS.id, by=shop.LEADER)
    mall.designations.appoint("messages", shop.OPERATIONS.id, by=shop.LEADER)
    said = shop.refusal(order, mall)
    assert said.rules == ("people.designated-for-order@1",)


@pytest.mark.parametrize(
    ("link", "move"),
    [
        ("order", lambda m: m.orders.cancel("A1", reason="changed my mind", by=shop.CUSTOMER)),
        ("order", shop.pay),
        ("order", lambda m: shop.place(m, "A2")),
        (
            "listing",
            lambda m: m.listings.draft(
                "tea", content=shop.CONTENT, merchant="tea-house", by=shop.MERCHANT
            ),
        ),
        (
            "after_sale",
            lambda m: m.complaints.receive(
                "C1", customer="grandma-li", words="It is late.", by=shop.CUSTOMER
            ),
        ),
    ],
    ids=["cancel", "payment", "place", "draft", "complain"],
)
def test_customers_merchants_and_the_system_are_not_stopped_by_a_gap(
    mall: Mall, link: str, move: Callable[[Mall], Any]
) -> None:
    shop.place(mall)
    mall.designations.dismiss(link, shop.OPERATIONS.id, by=shop.LEADER)
    move(mall)


def test_a_gap_stops_no_complaint_on_its_way_up(mall: Mall, time: shop.Time) -> None:
    mall.complaints.receive("C1", customer="grandma-li", words="It is late.", by=shop.CUSTOMER)
    mall.designations.dismiss("after_sale", shop.OPERATIONS.id, by=shop.LEADER)
    mall.designations.dismiss(head_of("operations"), shop.HEAD.id, by=shop.LEADER)
    time.pass_(hours=25)
    assert mall.sweep().failed == ()
    complaint = mall.complaints.get("C1")
    assert (complaint.state, complaint.holder) == ("escalated", "head.operations")


def test_the_person_counts_who_was_on_duty_when_it_happened(mall: Mall, time: shop.Time) -> None:
    shop.place(mall)
    before = time.now
    time.pass_(hours=1)
    mall.designations.dismiss("order", shop.OPERATIONS.id, by=shop.LEADER)
    shop.refusal(mall.orders.hand_over, "A1", to=shop.AGENT.id, by=shop.SERVICE)
    mall.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE, at=before)
    entry = mall.journal("order", "A1")[-1]
    assert entry["facts"]["designation.order"] == ["olivia"]


# Channels: S19-03a


def draft_on(mall: Mall, channel: str) -> None:
    mall.listings.draft(
        "tea", content=shop.CONTENT, channel=channel, merchant="tea-house", by=shop.MERCHANT
    )


def place_on(mall: Mall, channel: str) -> None:
    shop.place(mall, channel=channel)


def complain_on(mall: Mall, channel: str) -> None:
    mall.complaints.receive(
        "C1", customer="grandma-li", words="It is late.", channel=channel, by=shop.CUSTOMER
    )


@pytest.mark.parametrize("move", [draft_on, place_on, complain_on])
def test_everything_comes_through_a_channel_that_the_policy_names(
    mall: Mall, move: Callable[[Mall, str], None]
) -> None:
    said = shop.refusal(move, mall, "fax")
    assert said.rules == ("people.known-channel@1",)
    assert said.clauses == ("S19-03a",)
    assert "政策没有渠道 fax" in said.text.zh
    move(mall, "wechat")


def test_a_policy_may_name_further_channels(time: shop.Time) -> None:
    more = shop.policy({"people.channels": ["wechat", "app", "shop"]})
    with shop.open_mall("memory:", time, policy=more) as mall:
        place_on(mall, "shop")


# Designating


def test_several_persons_may_be_designated_the_first_stands_first(mall: Mall) -> None:
    mall.designations.appoint("order", "second", by=shop.HEAD, basis="ten years in sales")
    record = mall.designations.get("order")
    assert record.on_duty(mall.now()) == ["olivia", "second"]
    assert (record.spans[1].attested_by, record.spans[1].basis) == ("hu", "ten years in sales")


def test_nobody_is_designated_twice_for_one_link(mall: Mall) -> None:
    said = shop.refusal(mall.designations.appoint, "order", "olivia", by=shop.LEADER)
    assert said.rules == ("designation.appoint",)
    assert said.text.zh.endswith("olivia 已在任 [designation.appoint]")


def test_nobody_leaves_who_is_not_on_duty(mall: Mall) -> None:
    said = shop.refusal(mall.designations.dismiss, "order", "nobody", by=shop.LEADER)
    assert said.rules == ("designation.dismiss",)
    said = shop.refusal(mall.designations.dismiss, "messages", "nobody", by=shop.LEADER)
    assert said.rules == ("machine.no-record",)


def test_a_link_whose_last_person_leaves_is_vacant_until_the_next_comes(mall: Mall) -> None:
    mall.designations.dismiss("order", "olivia", by=shop.LEADER)
    assert mall.designations.get("order").state == "vacant"
    mall.designations.appoint("order", "olivia", by=shop.LEADER)
    assert mall.designations.get("order").state == "held"
    assert len(mall.designations.get("order").spans) == 2


@pytest.mark.parametrize("actor", [shop.SERVICE, shop.AGENT, shop.MERCHANT, shop.CUSTOMER])
def test_only_operations_a_head_or_the_leader_designate(mall: Mall, actor: Any) -> None:
    said = shop.refusal(mall.designations.appoint, "order", "x", by=actor)
    assert said.rules == ("machine.who-may",)
    said = shop.refusal(mall.assignments.appoint, "tea-house", "x", by=actor)
    assert said.rules == ("machine.who-may",)


@pytest.mark.parametrize("link", LINKS)
def test_every_link_of_daily_operation_can_be_staffed(mall: Mall, link: str) -> None:
    mall.designations.appoint(link, "another", by=shop.LEADER)
    assert "another" in mall.designations.get(link).on_duty(mall.now())


@pytest.mark.parametrize("post", ["sales", "head.", "", "Leader", 5, None])
def test_there_are_no_other_posts(mall: Mall, post: Any) -> None:
    for move in (mall.designations.appoint, mall.designations.dismiss):
        with pytest.raises(Invalid, match=r"designation\.post") as wrong:
            move(post, "x", by=shop.LEADER)
        assert "应为环节（collection、review" in wrong.value.text.zh


def test_an_agent_is_assigned_to_a_merchant_once_and_may_leave(mall: Mall) -> None:
    said = shop.refusal(mall.assignments.appoint, "tea-house", "wang", by=shop.OPERATIONS)
    assert said.rules == ("assignment.appoint",)
    mall.assignments.dismiss("tea-house", "wang", by=shop.OPERATIONS)
    assert mall.assignments.get("tea-house").state == "vacant"
    said = shop.refusal(mall.assignments.dismiss, "tea-house", "wang", by=shop.OPERATIONS)
    assert said.rules == ("machine.no-such-move",)


def test_staff_act_with_their_department(mall: Mall) -> None:
    with pytest.raises(Invalid, match=r"actor\.department = None .*S19 article 2"):
        person("olivia", "operations")


def test_nobody_is_taken_off_duty_at_a_moment_before_they_were_on_it(
    mall: Mall, time: shop.Time
) -> None:
    time.pass_(hours=5)
    mall.designations.appoint("order", "somebody-new", by=shop.LEADER)
    early = time.now - timedelta(hours=1)
    said = shop.refusal(
        mall.designations.dismiss, "order", "somebody-new", by=shop.LEADER, at=early
    )
    assert said.rules == ("designation.dismiss",)

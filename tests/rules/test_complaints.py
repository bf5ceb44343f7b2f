"""Complaints and their escalation: S19 article 12 (2)."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from eldermall import Actor, Invalid, Mall, Refused, head_of, person
from eldermall.engine.blank import ERASED
from tests import databases, shop

TICK = timedelta(microseconds=1)
DAY = timedelta(hours=24)
ANSWER = "complaints.answered-in-time"
OPINION = "complaints.opinion-in-time"
AFTER = "complaints.answered-after-opinion"
OTHER_HEAD = person("feng", "department_head", department="finance")


def receive(mall: Mall, **more: Any) -> None:
    words: dict[str, Any] = {
        "customer": "grandma-li", "words": "The tea is stale.", "by": shop.CUSTOMER
    }
    mall.complaints.receive("C1", **words | more)


def record(mall: Mall, **more: Any) -> None:
    words: dict[str, Any] = {
        "subject": "quality", "remedy": "a new packet", "etiquette": "v1", "by": shop.SERVICE
    }
    mall.complaints.record("C1", **words | more)


def answer(mall: Mall, **more: Any) -> None:
    words: dict[str, Any] = {"text": "A new packet is on its way.", "by": shop.SERVICE}
    mall.complaints.answer("C1", **words | more)


def settle(mall: Mall, **more: Any) -> None:
    words: dict[str, Any] = {"text": "Send a new packet.", "by": shop.HEAD}
    mall.complaints.settle_opinion("C1", **words | more)


def escalate(mall: Mall, **more: Any) -> None:
    words: dict[str, Any] = {"reason": "The tea house must be asked first.", "by": shop.SERVICE}
    mall.complaints.escalate("C1", **words | more)


def escalations(mall: Mall) -> list[dict[str, Any]]:
    """Return the entries of the moves that took the complaint up."""
    return [
        e for e in mall.journal("complaint", "C1")
        if (e["what"], e["outcome"]) == ("complaint.escalate", "moved")
    ]


def escalated(mall: Mall, time: shop.Time, **more: Any) -> None:
    """Take a recorded complaint to the head, by letting its answer clock run out."""
    receive(mall, **more)
    record(mall)
    time.now += DAY + TICK
    mall.sweep()


def state(mall: Mall, clock: str, part: str = "") -> str:
    return shop.clocks(mall, clock, "complaint/C1")[part].state


# Properties


@given(
    steps=st.lists(
        st.sampled_from(["record", "answer", "settle", "lead", "sweep", "day"]), max_size=10
    )
)
def test_after_a_sweep_no_unanswered_complaint_stays_below_the_head_and_none_is_answered_early(
    steps: list[str]
) -> None:
    time = shop.Time()
    mall = shop.open_mall("memory:", time)
    shop.staff(mall)
    receive(mall)
    received = time.now
    for step in steps:
        try:
            if step == "record":
                record(mall)
            elif step == "answer":
                answer(mall)
            elif step == "settle":
                settle(mall)
            elif step == "lead":
                settle(mall, by=shop.LEADER)
            elif step == "day":
                time.pass_(hours=25)
            else:
                mall.sweep()
        except Refused:
            continue
        complaint = mall.complaints.get("C1")
        if complaint.answered_at is not None:
            assert complaint.recorded_at is not None
            assert complaint.escalated_at is None or complaint.opinion is not None
        elif step == "sweep" and time.now > received + DAY:
            assert complaint.holder in ("head.operations", "leader")


class Handling(RuleBasedStateMachine):
    """One complaint, whoever does what to it in whatever order, and however late."""

    def __init__(self) -> None:
        super().__init__()
        self.time = shop.Time()
        self.mall = shop.open_mall("memory:", self.time)
        shop.staff(self.mall)
        receive(self.mall)
        self.received = self.time.now
        self.swept = self.time.now
        self.kept = self.mall.complaints.get("C1")

    def teardown(self) -> None:
        assert self.mall.verify().passed

    def tries(self, move: Any, **more: Any) -> None:
        with suppress(Refused):
            move(self.mall, **more)

    @rule(by=st.sampled_from([shop.SERVICE, shop.OPERATIONS, shop.HEAD, shop.CUSTOMER]))
    def escalates(self, by: Actor) -> None:
        self.tries(escalate, by=by)

    @rule(by=st.sampled_from([shop.SERVICE, shop.HEAD]))
    def records(self, by: Actor) -> None:
        self.tries(record, by=by)

    @rule(by=st.sampled_from([shop.HEAD, shop.LEADER, shop.SERVICE]))
    def settles(self, by: Actor) -> None:
        self.tries(settle, by=by)

    @rule(by=st.sampled_from([shop.SERVICE, shop.HEAD, shop.CUSTOMER]))
    def answers(self, by: Actor) -> None:
        self.tries(answer, by=by)

    @rule(by=st.sampled_from([shop.SERVICE, shop.LEADER, shop.AGENT]))
    def works(self, by: Actor) -> None:
        self.tries(lambda mall: mall.complaints.note("C1", text="I asked the courier.", by=by))
        self.tries(
            lambda mall: mall.complaints.contact("C1", way="phone", note="She waits.", by=by)
        )

    @rule()
    def closes(self) -> None:
        self.tries(
            lambda mall: mall.complaints.close(
                "C1", satisfied="yes", remedy="granted", by=shop.SERVICE
            )
        )

    @rule(hours=st.sampled_from([1, 9, 25]))
    def waits(self, hours: int) -> None:
        self.time.pass_(hours=hours)

    @rule()
    def sweeps(self) -> None:
        assert self.mall.sweep().failed == ()
        self.swept = self.time.now

    @invariant()
    def it_climbs_once_and_nothing_is_answered_early(self) -> None:
        now = self.mall.complaints.get("C1")
        assert len(escalations(self.mall)) == (now.escalated_at is not None)
        if now.escalated_at is not None:
            by_hand = now.escalated_by != "system"
            assert (now.escalation_reason is not None) == by_hand
        elif now.answered_at is None:
            assert self.swept <= self.received + DAY
        if now.answered_at is not None:
            assert now.recorded_at is not None
            assert now.recorded_at <= now.answered_at
            if now.escalated_at is not None:
                assert now.opinion is not None
                assert now.escalated_at <= now.opinion.at <= now.answered_at

    @invariant()
    def what_was_said_stays_said(self) -> None:
        now, kept = self.mall.complaints.get("C1"), self.kept
        assert now.words == kept.words
        assert now.contacts[: len(kept.contacts)] == kept.contacts
        assert now.notes[: len(kept.notes)] == kept.notes
        if kept.state == "closed":
            assert now == kept
        self.kept = now


TestHandling = Handling.TestCase
TestHandling.settings = settings(max_examples=60, stateful_step_count=25)


@given(
    named=st.sampled_from([None, "A1", "B1", "unknown"]),
    lines=st.sets(st.sampled_from(["tea", "honey", "nothing"])),
)
def test_an_order_and_lines_are_taken_down_if_they_may_be_the_complainant_s(
    named: str | None, lines: set[str]
) -> None:
    mall = shop.open_mall()
    shop.place(mall)
    shop.place(mall, "B1", customer="somebody", by=shop.STRANGER)
    decision = mall.may.complaints.receive(
        "C1", customer="grandma-li", words="Stale.", order=named, lines=sorted(lines),
        by=shop.CUSTOMER,
    )
    own = named != "B1"
    of_it = not lines or named == "unknown" or (named is not None and "nothing" not in lines)
    assert ("complaints.own-order@1" in decision.rules) == (not own)
    assert ("complaints.lines-of-the-order@1" in decision.rules) == (not of_it)
    assert decision.allowed == (own and of_it)


@given(head=st.booleans(), leader=st.booleans(), about=st.sampled_from(["hu", "lin", "x", None]))
def test_only_a_head_or_leader_in_office_who_is_not_complained_about_settles(
    head: bool, leader: bool, about: str | None
) -> None:
    time = shop.Time()
    mall = shop.open_mall("memory:", time)
    shop.staff(mall)
    escalated(mall, time, against=about)
    if not head:
        mall.designations.dismiss(head_of("operations"), "hu", by=shop.LEADER)
    if not leader:
        mall.designations.dismiss("leader", "lin", by=shop.LEADER)
    for actor, office in ((shop.HEAD, head), (shop.LEADER, leader)):
        said = mall.may.complaints.settle_opinion("C1", text="Yes.", by=actor)
        assert said.allowed == (office and actor.id != about)


# The record: S19-12-2a


def test_a_complaint_is_kept_in_the_complainant_s_own_words(mall: Mall) -> None:
    receive(mall)
    record(mall)
    complaint = mall.complaints.get("C1")
    assert complaint.words == "The tea is stale."
    assert (complaint.subject, complaint.remedy, complaint.etiquette, complaint.recorder) == (
        "quality", "a new packet", "v1", "chen",
    )


def test_nothing_is_answered_before_it_was_recorded(mall: Mall) -> None:
    receive(mall)
    said = shop.refusal(answer, mall)
    assert said.rules == ("complaints.recorded-before-answer@1",)
    assert said.clauses == ("S19-12-2a",)
    assert "尚未登记客户诉求" in said.text.zh
    record(mall)
    answer(mall)
    assert mall.complaints.get("C1").state == "answered"


def test_what_was_recorded_stays_as_it_was(mall: Mall, time: shop.Time) -> None:
    escalated(mall, time)
    said = shop.refusal(record, mall, subject="other")
    assert said.rules == ("complaint.record",)
    assert "投诉已登记，登记内容不得更改" in said.text.zh
    assert mall.complaints.get("C1").subject == "quality"


def test_a_complaint_that_climbed_unrecorded_is_recorded_later(
    mall: Mall, time: shop.Time
) -> None:
    receive(mall)
    time.pass_(hours=25)
    mall.sweep()
    settle(mall)
    assert shop.refusal(answer, mall).rules == ("complaints.recorded-before-answer@1",)
    record(mall)
    assert mall.complaints.get("C1").state == "opinion_settled"
    answer(mall)


def test_a_complaint_needs_no_order_and_may_be_taken_down_by_staff(mall: Mall) -> None:
    receive(mall, by=shop.SERVICE)
    assert mall.complaints.get("C1").order is None


def test_a_complaint_names_its_order_and_the_lines_it_is_about(mall: Mall) -> None:
    shop.place(mall)
    receive(mall, order="A1", lines=["tea"])
    complaint = mall.complaints.get("C1")
    assert (complaint.order, complaint.lines) == ("A1", ("tea",))


def test_an_order_that_the_mall_does_not_know_turns_nobody_away(mall: Mall) -> None:
    receive(mall, order="the-blue-one", lines=["pot"])
    complaint = mall.complaints.get("C1")
    assert (complaint.order, complaint.lines) == ("the-blue-one", ("pot",))


def test_another_s_order_is_not_complained_about(mall: Mall) -> None:
    shop.place(mall, customer="somebody", by=shop.STRANGER)
    said = shop.refusal(receive, mall, order="A1")
    assert said.rules == ("complaints.own-order@1",)
    assert said.clauses == ("S19-12-2a",)
    assert "订单 A1 不是 grandma-li 的；请更正订单，或不填订单" in said.text.zh
    receive(mall)


@pytest.mark.parametrize("order", [None, "A1"])
def test_lines_that_are_not_of_the_order_are_refused(mall: Mall, order: str | None) -> None:
    shop.place(mall)
    said = shop.refusal(receive, mall, order=order, lines=["tea", "pot"])
    assert said.rules == ("complaints.lines-of-the-order@1",)
    assert said.clauses == ("S19-12-2a",)
    assert "订单行 tea、pot 不都属于订单" in said.text.zh


def test_contacts_and_notes_stand_in_the_record_and_their_words_not_in_the_journal(
    mall: Mall, time: shop.Time
) -> None:
    receive(mall)
    mall.complaints.note("C1", text="Mrs Li opened it in May.", by=shop.SERVICE)
    time.pass_(hours=1)
    mall.complaints.contact("C1", way="phone", note="Mrs Li was kind.", by=shop.HEAD)
    complaint = mall.complaints.get("C1")
    (note,), (contact,) = complaint.notes, complaint.contacts
    assert (note.by, note.text) == ("chen", "Mrs Li opened it in May.")
    assert (contact.by, contact.way, contact.note, contact.at) == (
        "hu", "phone", "Mrs Li was kind.", shop.us(time.now)
    )
    assert complaint.state == "received"
    assert "Mrs Li" not in str(mall.journal("complaint", "C1"))


def test_nothing_is_added_to_a_closed_complaint(mall: Mall) -> None:
    receive(mall)
    record(mall)
    answer(mall)
    mall.complaints.note("C1", text="She was content.", by=shop.SERVICE)
    mall.complaints.close("C1", satisfied="yes", remedy="granted", by=shop.SERVICE)
    said = shop.refusal(mall.complaints.note, "C1", text="Once more.", by=shop.SERVICE)
    assert said.rules == ("machine.no-such-move",)


@pytest.mark.parametrize("actor", [shop.CUSTOMER, shop.MERCHANT, shop.AGENT])
def test_only_who_works_on_a_complaint_notes_what_was_found(mall: Mall, actor: Actor) -> None:
    receive(mall)
    said = shop.refusal(mall.complaints.note, "C1", text="It was me.", by=actor)
    assert "machine.who-may" in said.rules
    said = shop.refusal(mall.complaints.contact, "C1", way="phone", note="Hello.", by=actor)
    assert "machine.who-may" in said.rules


def test_an_erased_complaint_keeps_no_word_of_its_handling(mall: Mall, time: shop.Time) -> None:
    receive(mall)
    record(mall)
    escalate(mall, reason="Mrs Li shouted.")
    mall.complaints.note("C1", text="Mrs Li opened it in May.", by=shop.SERVICE)
    mall.complaints.contact("C1", way="phone", note="Mrs Li was kind.", by=shop.SERVICE)
    settle(mall)
    answer(mall)
    mall.complaints.close("C1", satisfied="yes", remedy="granted", by=shop.SERVICE)
    time.pass_(days=1096)
    complaint = mall.complaints.erase("C1", by=shop.OPERATIONS)
    assert "Mrs Li" not in repr(complaint)
    assert (complaint.escalation_reason, complaint.notes[0].text, complaint.contacts[0].note) == (
        ERASED, ERASED, ERASED
    )
    assert complaint.contacts[0].way == ERASED


def test_nobody_complains_in_another_s_name(mall: Mall) -> None:
    said = shop.refusal(receive, mall, by=shop.STRANGER)
    assert said.rules == ("machine.own-records",)
    assert shop.refusal(receive, mall, by=shop.MERCHANT).rules == ("machine.who-may",)


def test_an_unanswered_complaint_is_not_closed(mall: Mall) -> None:
    receive(mall)
    record(mall)
    closing: dict[str, Any] = {"satisfied": "yes", "remedy": "granted", "by": shop.SERVICE}
    said = shop.refusal(mall.complaints.close, "C1", **closing)
    assert said.rules == ("machine.no-such-move",)
    answer(mall)
    mall.complaints.close("C1", satisfied="yes", remedy="granted", by=shop.SERVICE)
    assert mall.complaints.get("C1").state == "closed"


# The answer clock, and the way up: S19-12-2c, S19-12-2d


def test_a_complaint_answered_in_time_climbs_nowhere(mall: Mall, time: shop.Time) -> None:
    receive(mall)
    record(mall)
    time.now += DAY
    assert mall.sweep().breached == 0
    answer(mall)
    assert state(mall, ANSWER) == "met"
    mall.complaints.close("C1", satisfied="yes", remedy="granted", by=shop.SERVICE)
    time.pass_(days=9)
    assert mall.sweep().breached == 0


@pytest.mark.parametrize("recorded", [True, False])
def test_a_complaint_that_runs_out_of_its_answer_clock_climbs_to_the_head_by_itself(
    mall: Mall, time: shop.Time, recorded: bool
) -> None:
    receive(mall)
    if recorded:
        record(mall)
    time.now += DAY + TICK
    assert mall.sweep().breached == 1
    complaint = mall.complaints.get("C1")
    assert (complaint.state, complaint.holder) == ("escalated", "head.operations")
    assert complaint.escalated_at == shop.us(time.now)
    assert state(mall, ANSWER) == "breached"
    said = [e for e in mall.journal("complaint", "C1") if e["outcome"] == "clock"]
    assert [(e["what"], e["clauses"]) for e in said] == [
        ("clock.breached", ["S19-12-2c", "S19-12-2d"])
    ]
    moved = mall.journal("complaint", "C1")[-1]
    assert moved["actor"] == {
        "id": "system", "role": "system", "cause": "clock:complaints.answered-in-time@1"
    }


# By hand: S19-12-2d


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("actor", [shop.SERVICE, shop.OPERATIONS])
def test_what_can_not_be_answered_promptly_is_reported_before_its_clock_has_run_out(
    mall: Mall, time: shop.Time, recorded: bool, actor: Actor
) -> None:
    receive(mall)
    if recorded:
        record(mall)
    time.pass_(hours=1)
    escalate(mall, by=actor)
    complaint = mall.complaints.get("C1")
    assert (complaint.state, complaint.holder) == ("escalated", "head.operations")
    assert (complaint.escalated_at, complaint.escalated_by, complaint.escalation_reason) == (
        shop.us(time.now), actor.id, "The tea house must be asked first."
    )
    row = shop.clocks(mall, OPINION, "complaint/C1")["head"]
    assert (row.state, row.started) == ("running", shop.us(time.now))


def test_a_report_by_hand_says_why(mall: Mall) -> None:
    receive(mall)
    with pytest.raises(Invalid):
        escalate(mall, reason="")


@pytest.mark.parametrize("actor", [shop.CUSTOMER, shop.MERCHANT, shop.AGENT, shop.HEAD])
def test_nobody_else_reports_by_hand(mall: Mall, actor: Actor) -> None:
    receive(mall)
    assert "machine.who-may" in shop.refusal(escalate, mall, by=actor).rules


def test_what_was_reported_by_hand_is_not_reported_again_by_the_clock(
    mall: Mall, time: shop.Time
) -> None:
    receive(mall)
    record(mall)
    escalate(mall)
    time.pass_(hours=23)
    settle(mall)
    time.pass_(hours=2)
    did = mall.sweep()
    assert (did.breached, did.failed) == (1, ())
    assert state(mall, ANSWER) == "breached"
    assert len(escalations(mall)) == 1
    assert mall.complaints.get("C1").state == "opinion_settled"


def test_what_the_clock_reported_is_not_reported_again_by_hand(
    mall: Mall, time: shop.Time
) -> None:
    escalated(mall, time)
    assert shop.refusal(escalate, mall).rules == ("machine.no-such-move",)
    complaint = mall.complaints.get("C1")
    assert (complaint.escalated_by, complaint.escalation_reason) == ("system", None)


def test_who_reports_by_hand_is_answered_after_an_opinion_only(mall: Mall) -> None:
    receive(mall)
    record(mall)
    escalate(mall)
    assert shop.refusal(answer, mall).rules == ("complaints.opinion-before-answer@1",)
    settle(mall)
    answer(mall)


def test_an_answer_that_was_given_in_time_but_entered_late_annuls_the_breach(
    mall: Mall, time: shop.Time
) -> None:
    receive(mall)
    record(mall)
    given_ = time.now + timedelta(hours=23)
    time.now += DAY + TICK
    mall.sweep()
    settle(mall)
    answer(mall, at=given_)
    assert state(mall, ANSWER) == "annulled"


def test_an_answer_after_the_breach_is_late(mall: Mall, time: shop.Time) -> None:
    escalated(mall, time)
    settle(mall)
    answer(mall)
    assert state(mall, ANSWER) == "late"


# The opinion: S19-12-2e


def test_what_was_reported_is_not_answered_before_an_opinion(
    mall: Mall, time: shop.Time
) -> None:
    escalated(mall, time)
    said = shop.refusal(answer, mall)
    assert said.rules == ("complaints.opinion-before-answer@1",)
    assert said.clauses == ("S19-12-2e",)
    assert "尚未定下意见" in said.text.zh
    settle(mall)
    answer(mall)


@pytest.mark.parametrize("actor", [shop.SERVICE, shop.OPERATIONS, OTHER_HEAD])
def test_nobody_but_head_and_leader_settles_the_opinion(
    mall: Mall, time: shop.Time, actor: Any
) -> None:
    mall.designations.appoint(head_of("finance"), OTHER_HEAD.id, by=shop.LEADER)
    escalated(mall, time)
    said = shop.refusal(settle, mall, by=actor)
    assert said.rules == ("complaints.opinion-by-head-or-leader@1",)
    assert said.clauses == ("S19-12-2e",)
    assert f"{actor.id} 不是在任的部门负责人或公司领导" in said.text.zh


def test_whoever_claims_a_post_without_holding_it_settles_nothing(
    mall: Mall, time: shop.Time
) -> None:
    escalated(mall, time)
    for role in ("department_head", "company_leader"):
        pretender = person("mallory", role, department="operations")
        said = shop.refusal(settle, mall, by=pretender)
        assert said.rules == ("complaints.opinion-by-head-or-leader@1",)
    head_as_leader = person("hu", "company_leader", department="operations")
    said = shop.refusal(settle, mall, by=head_as_leader)
    assert said.rules == ("complaints.opinion-by-head-or-leader@1",)


def test_nobody_settles_a_complaint_about_themselves(mall: Mall, time: shop.Time) -> None:
    escalated(mall, time, against="hu")
    said = shop.refusal(settle, mall)
    assert said.rules == ("complaints.no-judging-of-oneself@1",)
    assert said.clauses == ("S19-12-2e",)
    assert "hu 是被投诉人" in said.text.zh
    settle(mall, by=shop.LEADER)
    opinion = mall.complaints.get("C1").opinion
    assert opinion is not None
    assert (opinion.by, opinion.role) == ("lin", "company_leader")


def test_an_opinion_is_settled_on_reported_complaints_only(mall: Mall) -> None:
    receive(mall)
    assert shop.refusal(settle, mall).rules == ("machine.no-such-move",)


# The opinion clock: S19-12-2e, S19-12-2d


@pytest.mark.parametrize("late_by", [timedelta(), TICK])
def test_the_head_has_until_the_due_moment(
    mall: Mall, time: shop.Time, late_by: timedelta
) -> None:
    escalated(mall, time)
    time.now += DAY + late_by
    mall.sweep()
    complaint = mall.complaints.get("C1")
    assert complaint.holder == ("leader" if late_by else "head.operations")
    assert (complaint.raised_at is not None) == bool(late_by)
    settle(mall)
    assert state(mall, OPINION, "head") == ("lapsed" if late_by else "met")


def test_the_leader_is_reminded_at_the_same_interval_until_the_opinion(
    mall: Mall, time: shop.Time
) -> None:
    escalated(mall, time)
    for _ in range(3):
        time.now += DAY + TICK
        did = mall.sweep()
        assert (did.breached, did.failed) == (1, ())
    raised = [e for e in mall.journal("complaint", "C1") if e["what"] == "complaint.raise"]
    assert len(raised) == 3
    assert state(mall, OPINION, "leader") == "running"
    settle(mall, by=shop.LEADER)
    assert state(mall, OPINION, "leader") == "met"


def test_a_complaint_left_for_long_takes_one_step_a_sweep(mall: Mall, time: shop.Time) -> None:
    receive(mall)
    time.pass_(days=30)
    assert mall.sweep().breached == 1
    assert mall.sweep().breached == 0
    assert mall.complaints.get("C1").holder == "head.operations"


# The answer after the opinion: S19-12-2f


@pytest.mark.parametrize("late_by", [timedelta(), TICK])
def test_the_opinion_starts_a_clock_for_the_answer(
    mall: Mall, time: shop.Time, late_by: timedelta
) -> None:
    escalated(mall, time)
    settle(mall)
    time.now += timedelta(hours=8) + late_by
    assert mall.sweep().breached == bool(late_by)
    answer(mall)
    assert state(mall, AFTER) == ("late" if late_by else "met")


def test_an_answer_that_stays_away_after_the_opinion_climbs_to_the_head(
    mall: Mall, time: shop.Time
) -> None:
    escalated(mall, time)
    settle(mall)
    time.pass_(hours=33)
    did = mall.sweep()
    assert (did.breached, did.repeated) == (1, 1)
    said = [e for e in mall.journal("complaint", "C1") if e["outcome"] == "clock"][-2:]
    assert [e["clauses"] for e in said] == [["S19-12-2f"], ["S19-12-2f"]]


# Which policy binds, and from when


def test_a_complaint_keeps_the_limits_of_the_policy_under_which_it_came(
    tmp_path: Path, time: shop.Time
) -> None:
    url = databases.url_of("sqlite", tmp_path)
    with shop.open_mall(url, time) as mall:
        shop.staff(mall)
        receive(mall)
        record(mall)
    stricter = {"complaints.answer-limit": "1h", "complaints.opinion-limit": "1h"}
    with shop.open_mall(url, time, policy=shop.policy(stricter)) as mall:
        time.now += DAY
        assert mall.sweep().breached == 0
        time.now += TICK
        mall.sweep()
        row = shop.clocks(mall, OPINION, "complaint/C1")["head"]
        assert row.due == shop.us(time.now + DAY)


def test_before_the_policy_applies_a_complaint_has_no_clock(url: str, time: shop.Time) -> None:
    with shop.open_mall(url, time, policy=shop.policy(published="2026-03-03")) as mall:
        receive(mall)
        answer(mall)
        assert mall.clocks() == []

"""Callback after every completed order: S19 article 11 (3)."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Mall, Refused, system
from eldermall.rooms.callbacks import Callback, Callbacks
from eldermall.rooms.complaints import Complaint, Complaints
from eldermall.rules import callbacks
from tests import databases, shop

TICK = timedelta(microseconds=1)
CLOCK = "callback.first-call-in-time"


def attempt(mall: Mall) -> None:
    mall.callbacks.attempt("A1", note="no answer", by=shop.SERVICE)


def reach(mall: Mall, **more: Any) -> None:
    words: dict[str, Any] = {"satisfaction": "satisfied", "suggestion": "", "by": shop.SERVICE}
    mall.callbacks.reach("A1", **words | more)


def state(mall: Mall) -> str:
    return shop.clocks(mall, CLOCK, "callback/A1")[""].state


# Properties


@given(st.lists(st.sampled_from(["attempt", "reach", "give up", "refuse", "archive"]), max_size=8))
def test_no_order_is_archived_before_its_callback_has_an_outcome(moves: list[str]) -> None:
    mall = shop.open_mall("memory:", shop.Time())
    shop.staff(mall)
    shop.completed(mall)
    tries: dict[str, Callable[[], Any]] = {
        "attempt": lambda: attempt(mall),
        "reach": lambda: reach(mall),
        "give up": lambda: mall.callbacks.give_up("A1", by=shop.SERVICE),
        "refuse": lambda: mall.callbacks.refuse("A1", by=shop.SERVICE),
        "archive": lambda: mall.orders.archive("A1", by=shop.SERVICE),
    }
    for move in moves:
        try:
            tries[move]()
        except Refused:
            continue
    outcome = mall.callbacks.get("A1").state
    if mall.orders.get("A1").goods == "archived":
        assert outcome in ("done", "unreachable", "declined")
    if outcome == "unreachable":
        assert len(mall.callbacks.get("A1").attempts) >= 3


@given(asked=st.integers(1, 6), made=st.integers(0, 6))
def test_a_customer_is_unreachable_only_after_the_calls_that_the_policy_asks_for(
    asked: int, made: int
) -> None:
    mall = shop.open_mall(policy=shop.policy({"callback.attempts": asked}))
    shop.staff(mall)
    shop.completed(mall)
    for _ in range(made):
        attempt(mall)
    decision = mall.may.callbacks.give_up("A1", by=shop.SERVICE)
    assert decision.allowed == (made >= asked)


# Exactly one: S19-11-3a


def test_completing_an_order_opens_its_one_callback(mall: Mall) -> None:
    shop.completed(mall)
    callback = mall.callbacks.get("A1")
    assert (callback.id, callback.customer, callback.state) == ("A1", "grandma-li", "due")


def test_an_order_that_is_not_completed_has_no_callback(mall: Mall) -> None:
    shop.place(mall)
    said = shop.refusal(attempt, mall)
    assert said.rules == ("machine.no-record",)


def test_an_order_is_completed_and_called_back_once(mall: Mall) -> None:
    shop.completed(mall)
    said = shop.refusal(mall.orders.complete, "A1", by=shop.CUSTOMER)
    assert said.rules == ("machine.no-such-move",)
    assert len(mall.journal("callback", "A1")) == 1


# What is learnt: S19-11-3b


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        ({"satisfaction": None}, ("callback.satisfaction",)),
        ({"suggestion": None}, ("callback.suggestion-asked",)),
        (
            {"satisfaction": None, "suggestion": None},
            ("callback.satisfaction", "callback.suggestion-asked"),
        ),
    ],
)
def test_a_callback_is_done_when_both_answers_are_recorded(
    mall: Mall, words: dict[str, Any], missing: tuple[str, ...]
) -> None:
    shop.completed(mall)
    said = shop.refusal(reach, mall, **words)
    assert said.rules == ("callback.both-answers@1",)
    assert said.clauses == ("S19-11-3b",)
    assert said.missing == missing
    names = {
        "callback.satisfaction": "满意度", "callback.suggestion-asked": "已记录建议或明确无建议"
    }
    assert "（缺少：" + "、".join(names[name] for name in missing) + "）" in said.text.zh
    assert mall.callbacks.get("A1").state == "due"


@pytest.mark.parametrize("suggestion", ["", "Deliver in the morning, please."])
def test_explicitly_no_suggestion_is_an_answer(mall: Mall, suggestion: str) -> None:
    shop.completed(mall)
    reach(mall, suggestion=suggestion)
    callback = mall.callbacks.get("A1")
    assert (callback.state, callback.satisfaction, callback.suggestion, callback.agent) == (
        "done", "satisfied", suggestion, "chen",
    )


def test_a_customer_may_decline_the_call(mall: Mall) -> None:
    shop.completed(mall)
    mall.callbacks.refuse("A1", by=shop.SERVICE)
    assert mall.callbacks.get("A1").state == "declined"
    mall.orders.archive("A1", by=shop.SERVICE)


@pytest.mark.parametrize("actor", [shop.CUSTOMER, shop.MERCHANT, shop.AGENT, shop.HEAD])
def test_customer_service_or_operations_call(mall: Mall, actor: Any) -> None:
    shop.completed(mall)
    assert shop.refusal(reach, mall, by=actor).rules == ("machine.who-may",)
    reach(mall, by=shop.OPERATIONS)


# A complaint voiced in the call: S19-11-3b, S19-12-2a


@given(
    words=st.none() | st.just("It came too late."),
    satisfaction=st.sampled_from([None, "dissatisfied"]),
    suggestion=st.sampled_from([None, "", "Ring twice."]),
    order=st.sampled_from(["A1", "x" * 60]),
)
def test_a_complaint_stands_exactly_if_one_was_voiced_in_a_callback_that_is_done(
    words: str | None, satisfaction: Any, suggestion: str | None, order: str
) -> None:
    mall = shop.open_mall()
    shop.staff(mall)
    shop.completed(mall, order)
    with suppress(Refused):
        mall.callbacks.reach(
            order, satisfaction=satisfaction, suggestion=suggestion, complaint=words,
            by=shop.SERVICE,
        )
    callback = mall.callbacks.get(order)
    with mall.read() as tx:
        complaints = [mall.book.kind("complaint").record(row) for row in tx.find("complaint")]
    if callback.state != "done" or words is None:
        assert (callback.complaint, complaints) == (None, [])
    else:
        (complaint,) = complaints
        assert isinstance(complaint, Complaint)
        assert complaint.id == callback.complaint
        assert (complaint.order, complaint.customer) == (order, "grandma-li")
        assert complaint.words == words


def test_a_complaint_voiced_in_the_call_is_received_there_and_then(
    mall: Mall, time: shop.Time
) -> None:
    shop.place(mall, channel="wechat")
    shop.pay(mall)
    shop.accept(mall)
    shop.ship(mall)
    mall.orders.deliver("A1", parcel="p-tea-honey", by=shop.COURIER)
    mall.orders.complete("A1", by=shop.CUSTOMER)
    time.pass_(hours=2)
    reach(mall, complaint="It came too late.")
    complaint = mall.complaints.get("callback.A1")
    assert (complaint.state, complaint.channel, complaint.created_at) == (
        "received", "wechat", shop.us(time.now)
    )
    (entry,) = mall.journal("complaint", "callback.A1")
    assert entry["actor"] == {"id": "system", "role": "system", "cause": "callback/A1#2"}
    assert "too late" not in str(mall.journal("callback", "A1")) + str(entry)
    clock = shop.clocks(mall, "complaints.answered-in-time", "complaint/callback.A1")[""]
    assert clock.started == shop.us(time.now)


def test_a_complaint_that_can_not_be_received_is_not_lost_with_the_callback(mall: Mall) -> None:
    shop.completed(mall)
    mall.complaints.receive(
        "callback.A1", customer="grandma-li", words="Another.", by=shop.CUSTOMER
    )
    said = shop.refusal(reach, mall, complaint="It came too late.")
    assert said.rules == ("machine.record-exists",)
    assert mall.callbacks.get("A1").state == "due"


def test_a_callback_from_before_its_order_s_channel_was_noted_takes_a_complaint_too() -> None:
    old = {
        "schema": 1, "id": "A1", "version": 2, "pack": "p", "created_at": 0, "state": "done",
        "customer": "grandma-li",
    }
    callback = Callback.from_body(json.dumps(old).encode())
    callback = callback.model_copy(update={"complaint": "callback.A1"})
    reached = Callbacks.reach.command(
        "A1", satisfaction="neutral", suggestion="", complaint="It came too late.",
        by=shop.SERVICE,
    )
    (command,) = Complaints.REACTIONS[0].commands(
        None, callback, reached.args, system("callback/A1#2")
    )
    assert (command.args.channel, command.id) == ("app", "callback.A1")  # type: ignore[attr-defined]


# Unreachable: S19-11-3a


@pytest.mark.parametrize("made", [0, 1, 2])
def test_too_few_calls_are_not_unreachable(mall: Mall, made: int) -> None:
    shop.completed(mall)
    for _ in range(made):
        attempt(mall)
    said = shop.refusal(mall.callbacks.give_up, "A1", by=shop.SERVICE)
    assert said.rules == ("callback.enough-attempts@1",)
    assert said.clauses == ("S19-11-3a",)
    assert f"已尝试 {made} 次，须满 3 次" in said.text.zh


def test_the_number_of_calls_is_that_of_the_policy_in_force_now(
    tmp_path: Path, time: shop.Time
) -> None:
    url = databases.url_of("sqlite", tmp_path)
    with shop.open_mall(url, time) as mall:
        shop.staff(mall)
        shop.completed(mall)
        attempt(mall)
    with shop.open_mall(url, time, policy=shop.policy({"callback.attempts": 1})) as mall:
        mall.callbacks.give_up("A1", by=shop.SERVICE)


# Archive: S19-11-3a


def test_an_order_whose_callback_is_open_is_not_archived(mall: Mall) -> None:
    shop.completed(mall)
    for _ in range(2):
        said = shop.refusal(mall.orders.archive, "A1", by=shop.SERVICE)
        assert said.rules == ("callback.before-archive@1",)
        assert said.clauses == ("S19-11-3a",)
        assert "回访尚无结果" in said.text.zh
        attempt(mall)
    reach(mall)
    mall.orders.archive("A1", by=shop.SERVICE)
    assert mall.orders.get("A1").goods == "archived"


def test_an_order_without_any_callback_lacks_the_fact_and_is_not_archived() -> None:
    verdict = callbacks.BEFORE_ARCHIVE.verdict({})
    assert (verdict.outcome, verdict.missing) == ("refused", ("callback.outcome",))


# The clock of the first call: S19-11-3a


@pytest.mark.parametrize("first", ["attempt", "reach", "refuse"])
@pytest.mark.parametrize("late_by", [timedelta(), TICK])
def test_the_first_call_is_in_time_up_to_the_due_moment(
    mall: Mall, time: shop.Time, first: str, late_by: timedelta
) -> None:
    shop.completed(mall)
    time.now += timedelta(days=3) + late_by
    assert mall.sweep().breached == bool(late_by)
    if first == "attempt":
        attempt(mall)
    elif first == "reach":
        reach(mall)
    else:
        mall.callbacks.refuse("A1", by=shop.SERVICE)
    assert state(mall) == ("late" if late_by else "met")


def test_the_clock_runs_from_completion_and_the_second_call_has_none(
    mall: Mall, time: shop.Time
) -> None:
    shop.completed(mall)
    row = shop.clocks(mall, CLOCK, "callback/A1")[""]
    assert (row.started, row.due) == (shop.us(time.now), shop.us(time.now + timedelta(days=3)))
    attempt(mall)
    time.pass_(days=30)
    assert (mall.sweep().breached, mall.clocks()) == (0, [])


def test_a_forgotten_callback_climbs_to_the_head(mall: Mall, time: shop.Time) -> None:
    shop.completed(mall)
    time.pass_(days=5)
    did = mall.sweep()
    assert (did.breached, did.repeated) == (1, 1)
    said = [e for e in mall.journal("callback", "A1") if e["outcome"] == "clock"]
    assert [e["what"] for e in said] == ["clock.breached", "clock.repeated"]
    assert said[0]["clauses"] == ["S19-11-3a"]


def test_a_callback_keeps_the_limit_of_the_policy_under_which_it_was_opened(
    tmp_path: Path, time: shop.Time
) -> None:
    url = databases.url_of("sqlite", tmp_path)
    with shop.open_mall(url, time) as mall:
        shop.staff(mall)
        shop.completed(mall)
    with shop.open_mall(url, time, policy=shop.policy({"callback.first-attempt": "1h"})) as mall:
        shop.completed(mall, "A2")
        time.pass_(hours=2)
        assert mall.sweep().breached == 1
        assert state(mall) == "running"


def test_before_the_policy_applies_an_order_is_archived_without_a_call(
    url: str, time: shop.Time
) -> None:
    with shop.open_mall(url, time, policy=shop.policy(published="2026-03-03")) as mall:
        shop.completed(mall)
        mall.orders.archive("A1", by=shop.SERVICE)
        assert mall.clocks() == []

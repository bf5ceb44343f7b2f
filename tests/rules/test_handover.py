"""Hand-over of an order: S19 article 10 (2), article 11 (1); S03 part 3 (1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Mall, Refused, person
from tests import databases, shop

PAYMENT = "payment.paid-in-time@1"
TICK = timedelta(microseconds=1)
HAND_OVER = "handover.in-time"
CONTACT = "handover.contact-in-time"
OVERALL = "handover.operations-in-time"
ACCEPTANCE = "handover.acceptance-in-time"


def hand_over(mall: Mall, **more: Any) -> None:
    given: dict[str, Any] = {"to": shop.AGENT.id, "by": shop.SERVICE}
    mall.orders.hand_over("A1", **given | more)


def contact(mall: Mall, **more: Any) -> None:
    given: dict[str, Any] = {"way": "phone", "by": shop.AGENT}
    mall.orders.contact_merchant("A1", **given | more)


def accept(mall: Mall) -> None:
    mall.orders.accept("A1", by=shop.MERCHANT)


def decline(mall: Mall) -> None:
    mall.orders.decline("A1", reason="sold out", by=shop.MERCHANT)


def cancel(mall: Mall) -> None:
    mall.orders.cancel("A1", reason="changed my mind", by=shop.CUSTOMER)


def state(mall: Mall, clock: str) -> str | None:
    rows = shop.clocks(mall, clock)
    return rows[""].state if rows else None


# Properties


@given(st.lists(st.sampled_from([hand_over, contact, accept]), max_size=8))
def test_no_merchant_accepts_before_a_hand_over_and_a_contact(
    moves: list[Callable[[Mall], None]]
) -> None:
    mall = shop.open_mall("memory:", shop.Time())
    shop.staff(mall)
    shop.place(mall)
    done = []
    for move in moves:
        try:
            move(mall)
        except Refused:
            continue
        done.append(move)
    assert done == [hand_over, contact, accept][: len(done)]


@given(
    hours=st.lists(st.integers(0, 30), min_size=2, max_size=2),
)
def test_no_hand_over_resets_the_clock_of_operations(hours: list[int]) -> None:
    time = shop.Time()
    mall = shop.open_mall("memory:", time)
    shop.staff(mall)
    shop.place(mall)
    due = shop.us(time.now + timedelta(hours=12))
    time.pass_(hours=hours[0])
    hand_over(mall)
    assert shop.clocks(mall, OVERALL)[""].due == due
    time.pass_(hours=hours[1])
    contact(mall)
    assert state(mall, OVERALL) == ("met" if sum(hours) <= 12 else "late")


# To whom: S19-10-2a


def test_an_order_goes_to_that_merchant_s_field_agent(mall: Mall) -> None:
    shop.place(mall)
    mall.assignments.appoint("rival", "other-agent", by=shop.OPERATIONS)
    said = shop.refusal(hand_over, mall, to="other-agent")
    assert said.rules == ("handover.agent-of-that-merchant@1",)
    assert said.clauses == ("S19-10-2a",)
    assert "other-agent 不是对接该商家的外勤" in said.text.zh
    hand_over(mall)
    assert mall.orders.get("A1").handed_to == "wang"


def test_a_merchant_without_an_agent_gets_no_order(mall: Mall) -> None:
    shop.place(mall, merchant="new-farm")
    said = shop.refusal(hand_over, mall)
    assert said.rules == ("handover.agent-of-that-merchant@1",)


def test_an_agent_who_has_left_gets_no_order(mall: Mall) -> None:
    shop.place(mall)
    mall.assignments.dismiss("tea-house", shop.AGENT.id, by=shop.OPERATIONS)
    said = shop.refusal(hand_over, mall)
    assert said.rules == ("handover.agent-of-that-merchant@1",)


def test_own_goods_go_to_whoever_fulfils_them_and_have_no_merchant_to_contact(mall: Mall) -> None:
    shop.place(mall, merchant=None)
    hand_over(mall, to="warehouse-1")
    said = shop.refusal(contact, mall, by=shop.OPERATIONS)
    assert said.rules == ("handover.contact-by-the-agent@1",)
    assert "自营订单无商家可联系" in said.text.zh
    mall.orders.accept("A1", by=shop.OPERATIONS)
    assert mall.orders.get("A1").goods == "accepted"


def test_hand_over_does_not_wait_for_payment(mall: Mall) -> None:
    shop.place(mall)
    shop.accept(mall)
    assert mall.orders.get("A1").summary == "accepted/unpaid"


# Who contacts: S19-10-2b


def test_the_agent_who_holds_the_order_contacts_the_merchant(mall: Mall) -> None:
    shop.place(mall)
    hand_over(mall)
    other = person("sun", "field_agent", department="operations")
    said = shop.refusal(contact, mall, by=other)
    assert said.rules == (
        "people.agent-of-that-merchant@1", "handover.contact-by-the-agent@1"
    )
    mall.assignments.appoint("tea-house", other.id, by=shop.OPERATIONS)
    said = shop.refusal(contact, mall, by=other)
    assert said.rules == ("handover.contact-by-the-agent@1",)
    assert said.clauses == ("S19-10-2b",)
    assert "订单由 wang 接手，sun 不能代为联系" in said.text.zh
    contact(mall)


def test_operations_may_contact_the_merchant_whoever_holds_the_order(mall: Mall) -> None:
    shop.place(mall)
    hand_over(mall)
    contact(mall, by=shop.OPERATIONS)
    order = mall.orders.get("A1")
    assert (order.goods, order.contact_way) == ("merchant_contacted", "phone")


def test_no_acceptance_without_a_recorded_contact(mall: Mall) -> None:
    shop.place(mall)
    hand_over(mall)
    said = shop.refusal(accept, mall)
    assert said.rules == ("handover.contact-before-acceptance@1",)
    assert said.clauses == ("S19-10-2b",)
    assert said.text.en.endswith(
        "no contact with the merchant is on record "
        "[handover.contact-before-acceptance@1, S19-10-2b]"
    )


def test_no_link_of_the_chain_is_skipped(mall: Mall) -> None:
    shop.place(mall)
    for move in (contact, accept, decline):
        assert shop.refusal(move, mall).rules[0] == "machine.no-such-move"
    assert "handover.contact-before-acceptance@1" in shop.refusal(accept, mall).rules


def test_a_merchant_may_decline_before_being_contacted_and_the_refund_falls_due(
    mall: Mall,
) -> None:
    shop.place(mall)
    shop.pay(mall)
    hand_over(mall)
    decline(mall)
    order = mall.orders.get("A1")
    assert (order.goods, order.decline_reason, order.owed_back) == ("declined", "sold out", 27000)
    assert [m.topic for m in mall.messages() if m.topic == "refund"] == ["refund"]


def test_nobody_declines_what_has_begun_to_leave(mall: Mall) -> None:
    shop.place(mall)
    shop.pay(mall)
    shop.accept(mall)
    shop.ship(mall, lines={"tea": 1})
    said = shop.refusal(decline, mall)
    assert said.rules == ("goods.decline",)
    assert "已有包裹发出，不能拒单" in said.text.zh


# The clocks


def walk(mall: Mall, *moves: Callable[[Mall], None]) -> None:
    for move in moves:
        move(mall)


@pytest.mark.parametrize(
    ("clock", "before", "last", "limit"),
    [
        (HAND_OVER, (), hand_over, 4),
        (CONTACT, (hand_over,), contact, 8),
        (OVERALL, (hand_over,), contact, 12),
        (ACCEPTANCE, (hand_over, contact), accept, 24),
        (ACCEPTANCE, (hand_over, contact), decline, 24),
    ],
)
@pytest.mark.parametrize("late_by", [timedelta(), TICK])
def test_each_step_has_its_clock_whose_due_moment_is_in_time_and_the_next_is_not(
    mall: Mall,
    time: shop.Time,
    clock: str,
    before: tuple[Callable[[Mall], None], ...],
    last: Callable[[Mall], None],
    limit: int,
    late_by: timedelta,
) -> None:
    shop.place(mall)
    walk(mall, *before)
    assert state(mall, clock) == "running"
    time.now += timedelta(hours=limit) + late_by
    mall.sweep()
    assert state(mall, clock) == ("breached" if late_by else "running")
    last(mall)
    assert state(mall, clock) == ("late" if late_by else "met")


@pytest.mark.parametrize(
    ("clock", "clauses", "who"),
    [
        (HAND_OVER, ["S19-10-2a"], ["customer_service", "operations"]),
        (CONTACT, ["S19-10-2b"], ["field_agent", "operations"]),
        (OVERALL, ["S19-11-1a"], ["operations"]),
        (ACCEPTANCE, ["S19-11-1a", "S03-3-1a"], ["merchant", "operations"]),
    ],
)
def test_a_breach_cites_its_clauses_and_climbs_to_the_head_after_a_day(
    mall: Mall, time: shop.Time, clock: str, clauses: list[str], who: list[str]
) -> None:
    shop.place(mall)
    if clock != HAND_OVER:
        hand_over(mall)
    if clock == ACCEPTANCE:
        contact(mall)
    time.pass_(days=3)
    mall.sweep()
    said = [
        e
        for e in mall.journal("order", "A1")
        if e["outcome"] == "clock" and e["clocks"][0]["clock"] == f"{clock}@1"
    ]
    assert [e["what"] for e in said] == ["clock.breached", "clock.repeated"]
    assert [e["clauses"] for e in said] == [clauses, clauses]
    assert said[1]["at"] - said[0]["at"] == 24 * 3600 * 10**6 - 1
    told = [m.body.decode() for m in mall.messages() if f'"clock":"{clock}@1"' in m.body.decode()]
    heard = ",".join(f'"{role}"' for role in who)
    assert any(f'"who":[{heard}]' in t and "ClockBreached" in t for t in told)
    assert any('"who":["department_head"]' in t and "ClockRepeated" in t for t in told)


def test_cancelling_stops_every_clock(mall: Mall) -> None:
    shop.place(mall)
    cancel(mall)
    assert {state(mall, c) for c in (HAND_OVER, OVERALL)} == {"stopped"}
    assert mall.clocks() == []


@pytest.mark.parametrize(
    ("before", "clocks"),
    [((hand_over,), {CONTACT, OVERALL}), ((hand_over, contact), {ACCEPTANCE})],
)
def test_cancelling_stops_the_clock_of_the_step_that_is_due(
    mall: Mall, before: tuple[Callable[[Mall], None], ...], clocks: set[str]
) -> None:
    shop.place(mall)
    walk(mall, *before)
    cancel(mall)
    assert {state(mall, c) for c in clocks} == {"stopped"}
    assert mall.clocks() == []


def test_a_merchant_who_declines_unasked_stops_the_clocks_of_the_contact(mall: Mall) -> None:
    shop.place(mall)
    hand_over(mall)
    decline(mall)
    assert (state(mall, CONTACT), state(mall, OVERALL)) == ("stopped", "stopped")


def test_own_goods_have_the_clock_of_the_hand_over_only(mall: Mall) -> None:
    shop.place(mall, merchant=None)
    assert [c.name for c in mall.clocks()] == [f"{HAND_OVER}@1", PAYMENT]
    hand_over(mall, to="warehouse-1")
    assert [c.name for c in mall.clocks()] == [PAYMENT]


def test_a_part_that_is_cancelled_leaves_the_clocks_running(mall: Mall) -> None:
    shop.place(mall)
    mall.orders.cancel("A1", reason="one less", lines={"tea": 1}, by=shop.CUSTOMER)
    assert (state(mall, HAND_OVER), state(mall, OVERALL)) == ("running", "running")


# Which policy binds, and from when


def test_an_order_keeps_the_limits_of_the_policy_under_which_it_was_placed(
    tmp_path: Path, time: shop.Time
) -> None:
    url = databases.url_of("sqlite", tmp_path)
    with shop.open_mall(url, time) as mall:
        shop.staff(mall)
        shop.place(mall)
    stricter = {"handover.contact-limit": "1h", "handover.acceptance-limit": "1h"}
    with shop.open_mall(url, time, policy=shop.policy(stricter)) as mall:
        hand_over(mall)
        assert shop.clocks(mall, CONTACT)[""].due == shop.us(time.now + timedelta(hours=8))
        contact(mall)
        assert shop.clocks(mall, ACCEPTANCE)[""].due == shop.us(time.now + timedelta(hours=24))


def test_who_may_act_follows_the_present_and_not_the_day_of_the_order(
    mall: Mall, time: shop.Time
) -> None:
    shop.place(mall)
    time.pass_(hours=1)
    mall.assignments.dismiss("tea-house", shop.AGENT.id, by=shop.OPERATIONS)
    mall.assignments.appoint("tea-house", "new-agent", by=shop.OPERATIONS)
    shop.refusal(hand_over, mall)
    hand_over(mall, to="new-agent")


def test_before_the_policy_applies_an_order_goes_to_anybody_and_no_clock_runs(
    url: str, time: shop.Time
) -> None:
    with shop.open_mall(url, time, policy=shop.policy(published="2026-03-03")) as mall:
        shop.place(mall)
        hand_over(mall, to="anybody")
        accept(mall)
        assert mall.clocks() == []

"""Returns and exchanges in time: S19 article 12 (1); S03 part 3 (3); S02 article 10."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Mall
from tests import shop
from tests.rules.test_aftersales import (
    ANSWER,
    APPROVAL,
    DAY,
    HOUR,
    SETTLEMENT,
    TICK,
    asked,
    memory,
    open_,
    received,
    record,
    refund,
    state,
)


@pytest.fixture
def sold(mall: Mall) -> Mall:
    """A mall with a completed order."""
    shop.completed(mall)
    return mall


# Properties


@given(
    waits=st.lists(st.tuples(st.integers(0, 20), st.integers(1, 60), st.booleans()), max_size=4)
)
def test_waits_shift_the_due_moment_by_exactly_their_length(
    waits: list[tuple[int, int, bool]]
) -> None:
    mall, time = memory()
    asked(mall)
    before = shop.clocks(mall, APPROVAL, "case/C1")[""].due
    shift = 0
    for pause, hours, early in waits:
        time.pass_(hours=pause)
        mall.sweep()
        until = time.now + hours * HOUR
        if mall.cases.get("C1").state == "approved" or not mall.may.cases.hold(
            "C1", reason="the photos", until=until, by=shop.SERVICE
        ).allowed:
            continue
        mall.cases.hold("C1", reason="the photos", until=until, by=shop.SERVICE)
        if early:
            time.pass_(hours=hours / 2)
            mall.cases.resume("C1", by=shop.SERVICE)
            shift += hours * 3_600_000_000 // 2
        else:
            time.pass_(hours=hours + 5)
            mall.sweep()
            shift += hours * 3_600_000_000
        row = shop.clocks(mall, APPROVAL, "case/C1")[""]
        assert row.due == before + shift
        assert shift <= 7 * 24 * 3_600_000_000


# Contacts: S19-12-1a, S19-12-1c


def test_customer_and_merchant_are_contacted_in_time(sold: Mall, time: shop.Time) -> None:
    open_(sold)
    time.now += DAY
    assert sold.sweep().breached == 0
    time.now += TICK
    assert sold.sweep().breached == 1
    sold.cases.contact("C1", note="by phone", by=shop.SERVICE)
    assert state(sold, "aftersales.contact-in-time") == "late"
    record(sold)
    time.now += DAY
    sold.cases.contact_merchant("C1", note="by phone", by=shop.AGENT)
    assert state(sold, "aftersales.merchant-contact-in-time") == "met"


# The answer: S03-3-3c


def test_what_meets_the_conditions_is_approved_by_lapse_of_time(
    sold: Mall, time: shop.Time
) -> None:
    asked(sold)
    time.now += 2 * DAY + TICK
    assert sold.sweep().breached == 1
    case = sold.cases.get("C1")
    assert (case.state, case.decided_by) == ("approved", "system")
    assert state(sold, APPROVAL) == "late"


def test_a_refund_that_nobody_answers_falls_due_by_lapse_of_time(
    sold: Mall, time: shop.Time
) -> None:
    asked(sold, remedy="refund_only", ground="damaged")
    time.now += 2 * DAY + TICK
    sold.sweep()
    assert sold.cases.get("C1").due == 13600
    assert sold.orders.get("A1").owed_back == 13600


def test_of_a_merchant_s_silence_operations_hears_and_may_decide(
    sold: Mall, time: shop.Time
) -> None:
    asked(sold, ground="fancy")
    time.now += 2 * DAY + TICK
    assert sold.sweep().breached == 1
    case = sold.cases.get("C1")
    assert (case.state, case.silence_noted_at) == ("merchant_contacted", shop.us(time.now))
    assert state(sold, ANSWER) == "breached"
    time.now += DAY
    assert sold.sweep().repeated == 1
    sold.cases.decline("C1", reason="it isn't a fault", by=shop.OPERATIONS)
    assert state(sold, ANSWER) == "late"


# Carrying it through: S19-12-1d


@pytest.mark.parametrize("late_by", [timedelta(), TICK])
def test_money_is_booked_in_time_after_the_goods_are_back(
    sold: Mall, time: shop.Time, late_by: timedelta
) -> None:
    received(sold)
    time.now += 3 * DAY + late_by
    sold.sweep()
    refund(sold, 13600)
    assert state(sold, SETTLEMENT) == ("late" if late_by else "met")


def test_goods_on_their_way_back_are_received_in_time(sold: Mall, time: shop.Time) -> None:
    asked(sold)
    sold.cases.approve("C1", by=shop.MERCHANT)
    sold.cases.send_back("C1", by=shop.CUSTOMER)
    time.now += 7 * DAY + TICK
    sold.sweep()
    assert state(sold, "aftersales.received-in-time") == "breached"
    sold.cases.receive("C1", outcome="lost", by=shop.OPERATIONS)
    assert state(sold, "aftersales.received-in-time") == "late"
    assert state(sold, SETTLEMENT) == "running"


# Waiting for the customer


def test_a_wait_ends_by_itself_and_tells_customer_service(sold: Mall, time: shop.Time) -> None:
    asked(sold)
    due = shop.clocks(sold, APPROVAL, "case/C1")[""].due
    until = time.now + 30 * HOUR
    sold.cases.hold("C1", reason="the photos", until=until, by=shop.SERVICE)
    time.now += 50 * HOUR
    assert sold.sweep().breached == 1
    assert sold.cases.get("C1").holds[0].ended == shop.us(until)
    assert shop.clocks(sold, APPROVAL, "case/C1")[""].due == due + 30 * 3_600_000_000
    assert sold.cases.get("C1").state == "merchant_contacted"
    time.now += 28 * HOUR + TICK
    sold.sweep()
    assert sold.cases.get("C1").state == "approved"


def test_what_has_run_out_is_not_paused(sold: Mall, time: shop.Time) -> None:
    asked(sold, ground="fancy")
    time.now += 2 * DAY + TICK
    hold = {"reason": "the photos", "until": time.now + HOUR, "by": shop.SERVICE}
    said = shop.refusal(sold.cases.hold, "C1", **hold)
    assert said.rules == ("aftersales.no-hold-when-overdue@1",)
    assert f"已有时限超期：{ANSWER}@1" in said.text.zh
    sold.sweep()
    assert shop.refusal(sold.cases.hold, "C1", **hold).rules == said.rules
    back = shop.refusal(sold.cases.hold, "C1", **hold, at=time.now - HOUR)
    assert back.rules == said.rules


@pytest.mark.parametrize("over", [timedelta(), TICK])
def test_all_waits_together_stay_within_the_limit(
    sold: Mall, time: shop.Time, over: timedelta
) -> None:
    asked(sold)
    sold.cases.hold("C1", reason="the photos", until=time.now + 5 * DAY, by=shop.SERVICE)
    time.now += 2 * DAY
    sold.cases.resume("C1", by=shop.SERVICE)
    until = time.now + 5 * DAY + over
    may = sold.may.cases.hold("C1", reason="the address", until=until, by=shop.SERVICE)
    assert may.allowed == (not over)
    assert may.rules == (("aftersales.hold-not-too-long@1",) if over else ())


def test_there_is_one_wait_at_a_time_and_it_lies_ahead(sold: Mall, time: shop.Time) -> None:
    open_(sold)
    assert shop.refusal(sold.cases.resume, "C1", by=shop.SERVICE).rules == ("case.resume",)
    past = shop.refusal(
        sold.cases.hold, "C1", reason="the photos", until=time.now, by=shop.SERVICE
    )
    assert past.rules == ("case.hold",)
    later: dict[str, Any] = {"reason": "the photos", "until": time.now + HOUR, "by": shop.SERVICE}
    sold.cases.hold("C1", **later)
    assert shop.refusal(sold.cases.hold, "C1", **later).rules == ("case.hold",)
    time.now += HOUR
    sold.cases.hold("C1", **later | {"until": time.now + HOUR})

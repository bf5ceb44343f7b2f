"""Services: S19 article 11 (1), (2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Actor, Mall, person
from eldermall.contracts.storage import OPEN_CLOCKS
from eldermall.rooms.orders.order import Order
from eldermall.rooms.orders.states import Service
from tests import databases, shop

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
APPOINTED = "services.appointed-in-time"
STARTED = "services.started-in-time"
ENDED = "services.done-in-time"
CONFIRMED = "services.confirmed-in-time"
DAUGHTER = "daughter-li"
RELATIVE = person(DAUGHTER, "customer")


def place(mall: Mall, **more: Any) -> None:
    shop.place(mall, **{"kind": "service", "relatives": [DAUGHTER]} | more)


def accepted(mall: Mall, **more: Any) -> None:
    place(mall, **more)
    shop.accept(mall)


def appoint(mall: Mall, hours: float = 1, by: Actor = shop.AGENT, **more: Any) -> Order:
    given: dict[str, Any] = {"when": shop.START + hours * HOUR, "place": "at her home"} | more
    return mall.orders.appoint("A1", **given, by=by)


def start(mall: Mall, by: Actor = shop.MERCHANT, **more: Any) -> Order:
    return mall.orders.start("A1", served_by="nurse-1", by=by, **more)


def finish(mall: Mall, by: Actor = shop.MERCHANT, **more: Any) -> Order:
    return mall.orders.finish("A1", proof="photo-1", by=by, **more)


def confirm(mall: Mall, by: Actor = shop.CUSTOMER, **more: Any) -> Order:
    return mall.orders.confirm("A1", by=by, **more)


def paid(mall: Mall) -> None:
    accepted(mall)
    shop.pay(mall)


def appointed(mall: Mall) -> None:
    paid(mall)
    appoint(mall)


def in_service(mall: Mall) -> None:
    appointed(mall)
    start(mall)


def done(mall: Mall) -> None:
    in_service(mall)
    finish(mall)


def running(mall: Mall) -> set[str]:
    return {
        r.name.partition("@")[0] for r in mall.clocks(*OPEN_CLOCKS)
        if r.subject == "order/A1" and r.name.partition(".")[0] in ("services", "shipping")
    }


def state(mall: Mall, clock: str) -> str:
    return shop.clocks(mall, clock)[""].state


# Paid first


@given(
    cash=st.booleans(), paid=st.sampled_from((None, 0, 2, 5)), at=st.integers(0, 6),
    noted=st.integers(0, 6),
)
def test_a_service_begins_only_after_its_payment_but_for_cash_at_the_door(
    cash: bool, paid: int | None, at: int, noted: int
) -> None:
    time = shop.Time()
    mall = shop.open_mall(time=time)
    shop.staff(mall)
    accepted(mall, cash_on_delivery=cash)
    appoint(mall)
    time.now = shop.START + max(at, noted, paid or 0) * HOUR
    if paid is not None:
        mall.orders.paid(
            "A1", 27000, "pay", by=shop.PAYMENTS, at=shop.START + paid * HOUR
        )
    decision = mall.may.orders.start(
        "A1", served_by="nurse-1", by=shop.MERCHANT, at=shop.START + at * HOUR
    )
    assert decision.allowed is (cash or (paid is not None and paid <= at))
    if not decision.allowed:
        assert decision.rules == ("services.paid-first@1",)
        assert decision.clauses == ("S19-11-1c",)


def test_nothing_begins_without_an_appointment(mall: Mall) -> None:
    accepted(mall)
    shop.pay(mall)
    assert shop.refusal(start, mall).rules == ("machine.no-such-move",)
    appoint(mall)
    assert start(mall).service == "in_service"


def test_nothing_has_begun_before_it_was_appointed(mall: Mall, time: shop.Time) -> None:
    accepted(mall)
    shop.pay(mall)
    time.pass_(hours=2)
    appoint(mall, 3)
    assert shop.refusal(start, mall, at=shop.START + HOUR).rules == ("time.order",)


@pytest.mark.parametrize("hours", [0, -1])
def test_an_appointment_lies_ahead(mall: Mall, hours: int) -> None:
    accepted(mall)
    assert shop.refusal(appoint, mall, hours).rules == ("service.appoint",)


# The customer confirms


@given(
    by=st.sampled_from((*shop.EVERYBODY, RELATIVE)),
    named=st.sampled_from((None, shop.CUSTOMER.id, DAUGHTER, "nurse-1", "somebody", "chen")),
)
def test_a_service_is_confirmed_by_the_customer_a_relative_or_staff_who_note_one_of_these(
    by: Actor, named: str | None
) -> None:
    mall = shop.open_mall()
    shop.staff(mall)
    done(mall)
    decision = mall.may.orders.confirm("A1", by=by, confirmed_by=named)
    family = (shop.CUSTOMER.id, DAUGHTER)
    if by.role == "customer":
        right = by.id in family and named in (None, by.id)
    else:
        right = by.role in ("customer_service", "operations") and named in family
    assert decision.allowed is right
    if right:
        order = confirm(mall, by, confirmed_by=named)
        assert order.service == "completed"
        assert order.served is not None
        assert order.served.confirmed_by == (named or by.id)
    elif by.role in ("customer_service", "operations"):
        assert decision.rules == ("services.confirmed-by-the-customer@1",)
        assert decision.clauses == ("S19-11-2b",)
        assert DAUGHTER in decision.text.zh


def test_no_service_is_done_before_it_began_or_confirmed_before_it_was_done(
    mall: Mall, time: shop.Time
) -> None:
    accepted(mall)
    shop.pay(mall)
    appoint(mall)
    time.pass_(hours=2)
    start(mall)
    early = shop.START + HOUR
    assert shop.refusal(finish, mall, at=early).rules == ("time.order",)
    finish(mall)
    assert shop.refusal(confirm, mall, at=early).rules == ("time.order",)


def test_what_the_customer_leaves_unsaid_counts_as_confirmed_when_the_time_has_passed(
    mall: Mall, time: shop.Time
) -> None:
    done(mall)
    time.pass_(days=7)
    assert mall.sweep().breached == 0
    assert mall.orders.get("A1").service == "done"
    time.now += TICK
    mall.sweep()
    order = mall.orders.get("A1")
    assert (order.service, order.completed_at) == ("completed", shop.us(time.now))
    assert order.served is not None
    assert order.served.confirmed_by is None
    last = mall.journal("order", "A1")[-1]
    assert (last["what"], last["actor"]["role"]) == ("order.confirm_by_lapse", "system")
    assert mall.callbacks.get("A1").state == "due"
    assert mall.sweep().breached == 0


def test_nobody_but_the_clock_lets_the_time_lapse() -> None:
    (lapse,) = [t for t in Service.table.transitions if t.name == "confirm_by_lapse"]
    assert lapse.by == ("system",)
    ways = [t.name for t in Service.table.transitions if t.target == "completed"]
    assert ways == ["confirm", "confirm_by_lapse"]


def test_a_customer_with_an_open_case_is_not_silent(mall: Mall, time: shop.Time) -> None:
    done(mall)
    mall.cases.open(
        "K1", order="A1", lines={"tea": 1}, remedy="return", words="half done",
        customer=shop.CUSTOMER.id, by=shop.CUSTOMER,
    )
    assert CONFIRMED not in running(mall)
    time.pass_(days=8)
    mall.sweep()
    assert mall.orders.get("A1").service == "done"
    mall.cases.withdraw("K1", by=shop.CUSTOMER)
    mall.sweep()
    assert mall.orders.get("A1").service == "completed"


# Clocks


LIMITS: dict[str, tuple[Callable[[Mall], None], timedelta, Callable[[Mall], Any]]] = {
    APPOINTED: (paid, 48 * HOUR, lambda mall: appoint(mall, 99)),
    STARTED: (appointed, 2 * HOUR, start),
    ENDED: (in_service, 24 * HOUR, finish),
    CONFIRMED: (done, 168 * HOUR, confirm),
}


@pytest.mark.parametrize("late_by", [timedelta(), TICK])
@pytest.mark.parametrize("clock", LIMITS)
def test_each_step_is_in_time_up_to_its_due_moment(
    mall: Mall, time: shop.Time, clock: str, late_by: timedelta
) -> None:
    begin, limit, end = LIMITS[clock]
    begin(mall)
    assert shop.clocks(mall, clock)[""].due == shop.us(time.now + limit)
    time.now += limit + late_by
    end(mall)
    assert state(mall, clock) == ("late" if late_by else "met")


@pytest.mark.parametrize("clock", [APPOINTED, STARTED, ENDED])
def test_who_hears_of_a_breach(mall: Mall, time: shop.Time, clock: str) -> None:
    begin, limit, _ = LIMITS[clock]
    begin(mall)
    time.now += limit + 25 * HOUR
    mall.sweep()
    told = [
        (e["what"], e["clauses"]) for e in mall.journal("order", "A1")
        if e["outcome"] == "clock" and e["clocks"][0]["clock"] == f"{clock}@1"
    ]
    clause = "S19-11-2b" if clock == ENDED else "S19-11-1c"
    assert told == [("clock.breached", [clause]), ("clock.repeated", [clause])]


def test_the_appointment_is_awaited_from_the_payment_or_with_cash_from_submission(
    mall: Mall, time: shop.Time
) -> None:
    place(mall)
    assert running(mall) == set()
    time.pass_(hours=5)
    shop.pay(mall)
    assert shop.clocks(mall, APPOINTED)[""].started == shop.us(time.now)
    shop.place(mall, "A2", kind="service", cash_on_delivery=True)
    assert shop.clocks(mall, APPOINTED, "order/A2")[""].started == shop.us(time.now)


def test_a_later_appointment_begins_the_wait_for_the_start_anew(
    mall: Mall, time: shop.Time
) -> None:
    accepted(mall)
    shop.pay(mall)
    appoint(mall, 1)
    order = appoint(mall, 30, by=shop.SERVICE)
    assert order.appointment is not None
    assert (order.service, order.appointment.when) == ("appointed", shop.us(shop.START + 30 * HOUR))
    row = shop.clocks(mall, STARTED)[""]
    assert (row.started, row.due) == (shop.us(shop.START + 30 * HOUR),
                                      shop.us(shop.START + 31 * HOUR))
    assert len([r for r in mall.clocks(*OPEN_CLOCKS) if r.name == f"{STARTED}@1"]) == 1


def test_an_earlier_appointment_moves_the_wait_for_the_start_forward(mall: Mall) -> None:
    accepted(mall)
    shop.pay(mall)
    appoint(mall, 30)
    appoint(mall, 1)
    (row,) = [r for r in mall.clocks(*OPEN_CLOCKS) if r.name == f"{STARTED}@1"]
    assert row.due == shop.us(shop.START + 2 * HOUR)


@pytest.mark.parametrize(
    "begin", [accepted, in_service, done], ids=["accepted", "in service", "done"]
)
@pytest.mark.parametrize("cash", [False, True])
def test_the_three_days_of_goods_never_apply(
    mall: Mall, time: shop.Time, begin: Callable[[Mall], None], cash: bool
) -> None:
    if cash:
        accepted(mall, cash_on_delivery=True)
    else:
        begin(mall)
    time.pass_(days=4)
    mall.sweep()
    assert shop.clocks(mall, "shipping.in-time") == {}
    assert shop.refusal(shop.ship, mall).rules[0] == "machine.other-track"


def test_a_service_keeps_the_limits_of_the_policy_under_which_it_was_placed(
    tmp_path: Path, time: shop.Time
) -> None:
    url = databases.url_of("sqlite", tmp_path)
    with shop.open_mall(url, time) as mall:
        shop.staff(mall)
        place(mall)
        shop.accept(mall)
    changed = {f"services.{name}-limit": "1min" for name in
               ("appointment", "start", "end", "confirmation")}
    with shop.open_mall(url, time, policy=shop.policy(changed)) as mall:
        shop.pay(mall)
        assert shop.clocks(mall, APPOINTED)[""].limit == 48 * HOUR // TICK

"""Urging: who is pressed, when, how often, and what ends it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eldermall import Actor, Mall, Text, hookimpl, person
from eldermall.engine.rule import ACTOR_ROLE, Rule
from eldermall.rooms.urging import LATE_MERCHANTS, Urge, Urges
from tests import shop
from tests.test_tracking import correct, event, track, under_way, urges

HOUR = timedelta(hours=1)
LATE_PARCELS = ("tracking.silence@1", "tracking.delivered-in-time@1")


@pytest.fixture
def pressed(mall: Mall, time: shop.Time) -> Urge:
    """Return the urge of the courier of a silent parcel."""
    under_way(mall, "p")
    time.pass_(hours=49)
    mall.sweep()
    (urge,) = urges(mall)
    return urge


def breaches(mall: Mall) -> Counter[tuple[str, str]]:
    """Return how often each clock of a parcel was breached, by its id and the parcel."""
    return Counter(
        (change["clock"].partition("@")[0], change["part"])
        for entry in mall.journal("order", "A1") if entry["what"] == "clock.breached"
        for change in entry["clocks"] if change["clock"] in LATE_PARCELS
    )


def tried(mall: Mall) -> set[str]:
    """Return the urges that were opened or refused."""
    with mall.read() as tx:
        return {row.subject for row in tx.entries() if row.subject.startswith("urge/")}


# Late parcels


@settings(max_examples=40)
@given(
    heard=st.lists(st.tuples(st.sampled_from("pq"), st.integers(0, 290)), max_size=6),
    arrived=st.sampled_from((None, 60, 200)),
    swept=st.lists(st.integers(1, 300), min_size=1, max_size=8),
)
def test_over_a_parcel_that_is_late_one_urge_waits_however_often_it_is_swept(
    heard: list[tuple[str, int]], arrived: int | None, swept: list[int]
) -> None:
    time = shop.Time()
    mall = shop.open_mall(time=time)
    shop.staff(mall)
    under_way(mall)
    happens: list[tuple[int, Callable[[], Any]]] = [(at, mall.sweep) for at in swept]
    happens += [
        (at, lambda p=p, at=at: track(mall, event(hours=at), parcel=p))  # type: ignore[misc]
        for p, at in heard
    ]
    if arrived is not None:
        happens.append((arrived, lambda: track(mall, event("delivered", arrived))))
    for at, what in sorted(happens, key=lambda pair: pair[0]):
        time.now = shop.START + at * HOUR
        what()
        mall.sweep()
        mall.sweep()
        found = urges(mall)
        pressed = {(clock, u.parcel) for u in found for clock in u.clocks}
        assert pressed == set(breaches(mall))
        assert {(u.target, u.addressee, u.order) for u in found} <= {("courier", "SF", "A1")}
        on_its_way = {p.id for p in mall.orders.get("A1").parcels if p.on_its_way}
        waiting = [u.parcel for u in found if u.state == "waiting"]
        assert len(waiting) == len(set(waiting))
        assert set(waiting) == {parcel for _, parcel in pressed} & on_its_way
        assert {u.id for u in mall.orders.get("A1").urges} == {
            u.id for u in found if u.state == "waiting"
        }


def test_a_parcel_that_is_silent_and_late_at_once_is_one_task(time: shop.Time) -> None:
    same = shop.policy({"tracking.silence-limit": "48h", "tracking.delivery-limit": "48h"})
    with shop.open_mall(time=time, policy=same) as mall:
        shop.staff(mall)
        under_way(mall, "p")
        time.pass_(hours=49)
        mall.sweep()
        (urge,) = urges(mall)
    assert sorted(urge.clocks) == ["tracking.delivered-in-time", "tracking.silence"]
    assert len(urge.asked) == 2


def test_orders_and_parcels_with_dots_in_their_names_each_have_their_urge(
    mall: Mall, time: shop.Time
) -> None:
    for order, parcel in (("A", "b.c"), ("A.b", "c"), ("A.b.c", "shipping.in-time"),
                          ("x" * 64, "y" * 64), ("x" * 63, "y" * 64)):
        shop.place(mall, order, merchant=None)
        mall.orders.paid(order, 27000, f"pay{len(order)}", by=shop.PAYMENTS)
        mall.orders.hand_over(order, to=shop.OPERATIONS.id, by=shop.SERVICE)
        mall.orders.accept(order, by=shop.OPERATIONS)
        shop.ship(mall, order, parcel=parcel, by=shop.OPERATIONS)
    time.pass_(hours=49)
    assert mall.sweep().breached == 5
    assert len({(urge.order, urge.parcel) for urge in urges(mall)}) == 5


def test_after_a_false_arrival_the_courier_is_pressed_anew(
    mall: Mall, time: shop.Time, pressed: Urge
) -> None:
    mall.urges.answer(pressed.id, text="delivered", by=shop.SERVICE)
    track(mall, event("delivered", 48))
    correct(mall, event("delivered", 48))
    assert mall.sweep().breached == 1
    states = sorted(urge.state for urge in urges(mall))
    assert states == ["answered", "waiting"]


def test_an_urge_says_over_what_and_by_whom(
    mall: Mall, time: shop.Time, pressed: Urge
) -> None:
    assert (pressed.target, pressed.addressee, pressed.parcel) == ("courier", "SF", "p")
    assert (pressed.reason, pressed.state) == ("tracking.silence", "waiting")
    assert [(a.at, a.by) for a in pressed.asked] == [(shop.us(time.now), "system")]
    (entry,) = mall.journal("urge", pressed.id)
    last, noted = mall.journal("order", "A1")[-2:]
    assert (last["what"], noted["what"]) == ("clock.breached", "order.note_urge")
    assert entry["actor"]["cause"] == f"order/A1#{last['seq']}"


# Late merchants


def contacted(mall: Mall, **more: Any) -> None:
    shop.place(mall, **more)
    shop.pay(mall)
    mall.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE)
    mall.orders.contact_merchant("A1", way="phone", by=shop.AGENT)


def accepted(mall: Mall, **more: Any) -> None:
    contacted(mall, **more)
    mall.orders.accept("A1", by=shop.MERCHANT)


def appointed(mall: Mall) -> None:
    accepted(mall, kind="service")
    mall.orders.appoint(
        "A1", when=shop.START + HOUR, place="at her home", by=shop.AGENT
    )


LATE: dict[str, tuple[Callable[[Mall], None], float]] = {
    "handover.acceptance-in-time": (contacted, 24),
    "shipping.in-time": (accepted, 72),
    "services.appointed-in-time": (lambda mall: accepted(mall, kind="service"), 48),
    "services.started-in-time": (appointed, 2),
}


def test_each_limit_of_a_merchant_is_tried() -> None:
    assert set(LATE) == set(LATE_MERCHANTS)


@pytest.mark.parametrize("clock", LATE)
def test_a_merchant_who_is_late_is_pressed_once(
    mall: Mall, time: shop.Time, clock: str
) -> None:
    begin, hours = LATE[clock]
    begin(mall)
    time.pass_(hours=hours)
    mall.sweep()
    assert urges(mall) == []
    time.pass_(hours=0.1)
    for _ in range(3):
        mall.sweep()
        time.pass_(hours=1)
    (urge,) = urges(mall)
    assert (urge.target, urge.addressee, urge.parcel, urge.reason) == (
        "merchant", "tea-house", None, clock
    )


def test_lines_that_are_late_together_or_apart_are_one_task_for_the_merchant(
    mall: Mall, time: shop.Time
) -> None:
    accepted(mall)
    shop.place(mall, "A2")
    shop.pay(mall, "A2")
    shop.accept(mall, "A2")
    mall.orders.grant_exception(
        "A2", line="honey", reason="harvest", until=time.now + 100 * HOUR,
        customer_told_at=time.now, by=shop.HEAD,
    )
    time.pass_(hours=101)
    mall.sweep()
    assert Counter(urge.order for urge in urges(mall)) == {"A1": 1, "A2": 1}


@pytest.mark.parametrize("kind", ["goods", "service"])
def test_nobody_is_pressed_over_the_company_s_own(
    mall: Mall, time: shop.Time, kind: str
) -> None:
    shop.place(mall, merchant=None, kind=kind)
    shop.pay(mall)
    mall.orders.hand_over("A1", to=shop.OPERATIONS.id, by=shop.SERVICE)
    mall.orders.accept("A1", by=shop.OPERATIONS)
    time.pass_(days=9)
    assert mall.sweep().breached > 0
    assert tried(mall) == set()


# Repeated until answered


@settings(max_examples=30)
@given(
    intervals=st.integers(1, 6), hours=st.sampled_from((1, 24, 36)),
    again=st.integers(1, 3), answered=st.none() | st.integers(0, 5),
)
def test_an_urge_is_repeated_with_each_interval_that_passes_without_an_answer(
    intervals: int, hours: int, again: int, answered: int | None
) -> None:
    time = shop.Time()
    mall = shop.open_mall(
        time=time,
        policy=shop.policy({
            "tracking.urge-answer-limit": f"{hours}h", "tracking.silence-limit": "900h",
            "tracking.delivery-limit": "900h",
        }),
    )
    shop.staff(mall)
    under_way(mall, "p")
    mall.urges.open(
        "U1", order="A1", target="courier", parcel="p", reason="slow", way="phone",
        by=shop.AGENT,
    )
    for number in range(intervals):
        if answered == number:
            mall.urges.answer("U1", text="tomorrow", by=shop.SERVICE)
        time.now += hours * HOUR
        mall.sweep()
        silent = number if answered is None else min(number, answered)
        assert len(mall.urges.get("U1").asked) == 1 + silent
        time.pass_(microseconds=1)
        for _ in range(again):
            assert mall.sweep().failed == ()
        silent = number + 1 if answered is None else min(number + 1, answered)
        asked = mall.urges.get("U1").asked
        assert len(asked) == 1 + silent
        assert [a.by for a in asked] == ["wang", *["system"] * silent]
    running = [r for r in mall.clocks("running") if r.subject == "urge/U1"]
    assert len(running) == (answered is None or answered >= intervals)


def test_whoever_presses_again_begins_the_interval_anew(
    mall: Mall, time: shop.Time, pressed: Urge
) -> None:
    time.pass_(hours=20)
    again = mall.urges.repeat(pressed.id, way="phone", by=shop.SERVICE)
    assert [(a.by, a.way) for a in again.asked] == [("system", "system"), ("chen", "phone")]
    time.pass_(hours=24)
    mall.sweep()
    assert len(mall.urges.get(pressed.id).asked) == 2
    time.pass_(microseconds=1)
    mall.sweep()
    assert len(mall.urges.get(pressed.id).asked) == 3


NEWS: dict[str, Callable[[Mall], Any]] = {
    "it arrives": lambda mall: track(mall, event("delivered", 48)),
    "it is lost": lambda mall: track(mall, event("lost", 48)),
    "it is refused": lambda mall: mall.orders.end_parcel(
        "A1", parcel="p", how="refused", reason="not ordered", by=shop.OPERATIONS
    ),
}


@pytest.mark.parametrize("news", NEWS)
def test_it_ends_with_the_parcel_that_it_presses_for(
    mall: Mall, time: shop.Time, pressed: Urge, news: str
) -> None:
    NEWS[news](mall)
    ended = mall.urges.get(pressed.id)
    assert (ended.state, ended.ended_at) == ("ended", shop.us(time.now))
    assert mall.orders.get("A1").urges == ()
    time.pass_(days=3)
    mall.sweep()
    assert mall.urges.get(pressed.id) == ended


@pytest.mark.parametrize("clock", LATE)
def test_a_merchant_is_pressed_no_more_once_it_has_come_or_the_order_has_ended(
    mall: Mall, time: shop.Time, clock: str
) -> None:
    begin, hours = LATE[clock]
    begin(mall)
    time.pass_(hours=hours + 0.1)
    mall.sweep()
    (urge,) = urges(mall)
    if clock == "handover.acceptance-in-time":
        mall.orders.accept("A1", by=shop.MERCHANT)
    elif clock == "shipping.in-time":
        shop.ship(mall)
    elif clock == "services.appointed-in-time":
        mall.orders.appoint("A1", when=time.now + HOUR, place="at home", by=shop.AGENT)
    else:
        mall.orders.cancel("A1", reason="too late", by=shop.CUSTOMER)
    assert mall.urges.get(urge.id).state == "ended"


def test_an_answer_ends_it_for_good(mall: Mall, time: shop.Time, pressed: Urge) -> None:
    time.pass_(hours=25)
    mall.sweep()
    assert len(mall.urges.get(pressed.id).asked) == 2
    ended = mall.urges.answer(pressed.id, text="𠮷 delivered 📦", by=shop.COURIER)
    assert (ended.state, ended.answer, ended.answered_by, ended.answered_at) == (
        "answered", "𠮷 delivered 📦", "system", shop.us(time.now)
    )
    moves: list[Callable[[], Any]] = [
        lambda: mall.urges.answer(pressed.id, text="again", by=shop.SERVICE),
        lambda: mall.urges.repeat(pressed.id, way="phone", by=shop.SERVICE),
    ]
    for move in moves:
        assert shop.refusal(move).rules == ("machine.no-such-move",)


def test_operations_and_the_head_hear_of_every_repetition(
    mall: Mall, time: shop.Time, pressed: Urge
) -> None:
    time.pass_(hours=25)
    mall.sweep()
    said = [e for e in mall.journal("urge", pressed.id) if e["outcome"] == "clock"]
    assert [(e["what"], e["clauses"]) for e in said] == [
        ("clock.breached", ["S19-11-2c", "S19-11-2d"])
    ]
    notices = [m for m in mall.messages() if m.topic == "notice"]
    to = [m for m in notices if m.id.startswith(f"urge/{pressed.id}#")]
    assert len(to) == 2


# Who may


NAMESAKE = person("sun", "merchant", merchant="SF")
"""Of a merchant who is called as the courier is."""


@pytest.mark.parametrize(
    "who", [*shop.EVERYBODY, NAMESAKE], ids=lambda who: f"{who.id}-{who.role}"
)
def test_a_merchant_answers_only_what_was_asked_of_them_and_a_customer_nothing(
    who: Actor,
) -> None:
    mall = shop.open_mall()
    shop.staff(mall)
    under_way(mall, "p")
    for id, target, parcel in (("U1", "merchant", None), ("U2", "courier", "p")):
        mall.urges.open(
            id, order="A1", target=target, parcel=parcel, reason="slow", way="phone",  # type: ignore[arg-type]
            by=shop.OPERATIONS,
        )
    may = [mall.may.urges.answer(id, text="soon", by=who).allowed for id in ("U1", "U2")]
    if who is shop.MERCHANT:
        assert may == [True, False]
    else:
        noting = ("customer_service", "field_agent", "operations", "system")
        assert may == [who.role in noting] * 2


@pytest.mark.parametrize("who", shop.EVERYBODY, ids=lambda who: f"{who.id}-{who.role}")
def test_staff_press_by_hand(who: Actor) -> None:
    mall = shop.open_mall()
    shop.staff(mall)
    under_way(mall, "p")
    said = mall.may.urges.open(
        "U1", order="A1", target="courier", parcel="p", reason="slow", way="phone", by=who
    )
    pressing = ("customer_service", "field_agent", "operations", "system")
    assert said.allowed is (who.role in pressing)


def test_an_urge_by_hand_has_its_reason_and_way(mall: Mall, time: shop.Time) -> None:
    under_way(mall, "p")
    urge = mall.urges.open(
        "U1", order="A1", target="merchant", reason="𠮷奶奶等着用 📞", way="电话",
        by=shop.AGENT,
    )
    assert (urge.reason, urge.asked[0].way, urge.asked[0].by) == ("𠮷奶奶等着用 📞", "电话", "wang")
    said = shop.refusal(
        mall.urges.open, "U1", order="A1", target="merchant", reason="-", way="-", by=shop.AGENT
    )
    assert said.rules == ("machine.record-exists",)


# If nobody may be pressed


class Holiday:
    """A host whose rule lets nothing be pressed by itself."""

    @hookimpl
    def eldermall_rules(self) -> list[Rule]:
        return [
            Rule(
                id="house.nobody-is-pressed-by-itself",
                label=Text("不自动催办", "nobody is pressed by itself"),
                clauses=("HOUSE-2",),
                guards=Urges.open.guard,
                needs=(ACTOR_ROLE,),
                check=lambda role: role != "system",
                reason=Text("不自动催办", "nobody is pressed by itself"),
            )
        ]


def test_the_breach_stands_where_the_urge_is_refused_and_the_refusal_is_on_its_chain(
    url: str, time: shop.Time
) -> None:
    with shop.open_mall(url, time, plugins=[Holiday()]) as mall:
        shop.staff(mall)
        under_way(mall, "p")
        time.pass_(hours=49)
        for _ in range(2):
            assert mall.sweep().failed == ()
        assert shop.clocks(mall, "tracking.silence")["p"].state == "breached"
        assert urges(mall) == []
        breach = mall.journal("order", "A1")[-1]
        (subject,) = tried(mall)
        (entry,) = mall.journal("urge", subject.partition("/")[2])
        assert (breach["what"], entry["what"], entry["outcome"]) == (
            "clock.breached", "urge.open", "refused"
        )
        assert entry["actor"]["cause"] == f"order/A1#{breach['seq']}"
        refusing = [v["rule"] for v in entry["verdicts"] if v["outcome"] == "refused"]
        assert refusing == ["house.nobody-is-pressed-by-itself@1"]
        assert mall.verify().passed

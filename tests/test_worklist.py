"""The work list and the gaps."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path

from eldermall import Mall, Technical, head_of, hookimpl
from eldermall.calendars import HOUR, MINUTE, microseconds
from eldermall.contracts.events import CommittedEvent
from eldermall.reports.worklist import gaps, work_list
from tests import shop


def test_nothing_waits_in_a_mall_without_orders(mall: Mall) -> None:
    assert work_list(mall) == []


def test_a_new_order_waits_for_hand_over_and_for_operations(mall: Mall) -> None:
    shop.place(mall)
    start = microseconds(shop.START)
    first, second = work_list(mall)
    assert (first.clock, first.due) == ("handover.in-time@1", start + 4 * HOUR)
    assert (second.clock, second.due) == ("handover.operations-in-time@1", start + 12 * HOUR)
    assert first.subject == "order/A1"
    assert first.part == ""
    assert first.label.en == "handed over in time"
    assert first.since == start
    assert first.state == "running"
    assert first.clauses == ("S19-10-2a",)
    assert first.hears == ("customer_service", "operations")
    assert first.hears_at == first.due + 1
    assert first.lateness == 0


def test_the_most_urgent_stands_first(mall: Mall, time: shop.Time) -> None:
    shop.place(mall, "A2")
    time.pass_(hours=5)
    shop.place(mall, "A1")
    dues = [waiting.due for waiting in work_list(mall)]
    assert dues == sorted(dues)
    assert work_list(mall)[0].subject == "order/A2"


def test_lateness_is_measured_from_the_due_moment(mall: Mall, time: shop.Time) -> None:
    shop.place(mall)
    time.pass_(hours=4)
    assert work_list(mall)[0].lateness == 0
    time.pass_(minutes=10)
    assert work_list(mall)[0].lateness == 10 * MINUTE
    assert work_list(mall)[1].lateness == 0


def test_who_hears_climbs_with_the_sweeps(mall: Mall, time: shop.Time) -> None:
    shop.place(mall)
    time.pass_(hours=5)
    mall.sweep()
    overdue = work_list(mall)[0]
    assert overdue.state == "breached"
    assert overdue.hears == ("department_head",)
    assert overdue.hears_at == overdue.due + 24 * HOUR
    time.pass_(hours=24)
    mall.sweep()
    told = work_list(mall)[0]
    assert told.hears == ("department_head",)
    assert told.hears_at is None


def test_each_line_that_waits_is_named(mall: Mall) -> None:
    shop.place(mall)
    shop.accept(mall)
    shop.pay(mall)
    shipping = [w for w in work_list(mall) if w.clock == "shipping.in-time@1"]
    assert [w.part for w in shipping] == ["honey", "tea"]
    shop.ship(mall, lines={"tea": 3})
    shipping = [w for w in work_list(mall) if w.clock == "shipping.in-time@1"]
    assert [w.part for w in shipping] == ["honey"]


def test_a_running_clock_keeps_the_ladder_of_its_own_policy(tmp_path: Path) -> None:
    url, time = f"sqlite:///{tmp_path / 'mall.db'}", shop.Time()
    with shop.open_mall(url, time) as mall:
        shop.place(mall)
    policy = tomllib.loads(shop.POLICY.read_text(encoding="utf-8"))
    policy["settings"]["notices.head-after"]["value"] = "48h"
    time.pass_(hours=5)
    with shop.open_mall(url, time, policy=policy) as mall:
        mall.sweep()
        overdue = work_list(mall)[0]
        assert overdue.hears_at == overdue.due + 24 * HOUR


def test_no_more_is_returned_than_was_asked_for(mall: Mall) -> None:
    shop.place(mall)
    assert len(work_list(mall, limit=1)) == 1


def test_links_without_a_person_are_gaps(mall: Mall) -> None:
    assert [gap.what for gap in gaps(mall)] == ["collection", "tracking", "messages"]
    assert {gap.clauses for gap in gaps(mall)} == {("S19-05a",)}
    assert gaps(mall)[0].text.zh == "“采集”环节没有在任的指定人员"


def test_a_post_that_falls_vacant_is_a_gap_from_then_on(mall: Mall, time: shop.Time) -> None:
    before = {gap.what for gap in gaps(mall)}
    time.pass_(hours=1)
    mall.designations.dismiss(head_of("operations"), shop.HEAD.id, by=shop.LEADER)
    mall.designations.dismiss("leader", shop.LEADER.id, by=shop.LEADER)
    found = {gap.what: gap for gap in gaps(mall)}
    assert set(found) - before == {"head.operations", "leader"}
    assert found["leader"].text.en == "there is no company leader to report a complaint to"


class Deaf:
    @hookimpl
    def eldermall_committed(self, event: CommittedEvent) -> None:
        raise OSError("nobody answers")


def test_a_message_that_never_got_through_is_a_gap(url: str, time: shop.Time) -> None:
    with shop.open_mall(url, time, plugins=[Deaf()], technical=Technical(attempts=1)) as mall:
        mall.designations.appoint("review", "rui", by=shop.LEADER)
        mall.relay(time() + timedelta(minutes=1))
        dead = [gap for gap in gaps(mall) if gap.kind == "dead-message"]
    assert [gap.what for gap in dead] == ["designation/review#1.0"]
    assert dead[0].text.en == (
        "the message designation/review#1.0 (event) was never delivered: OSError: nobody answers"
    )

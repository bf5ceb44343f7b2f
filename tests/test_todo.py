"""What waits for whom, and the gaps."""

from __future__ import annotations

import json
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from rich.cells import cell_len
from typer.testing import CliRunner

from eldermall import Actor, Invalid, Mall, Technical, head_of, hookimpl
from eldermall.calendars import HOUR, MINUTE, microseconds
from eldermall.cli import app
from eldermall.contracts.events import CommittedEvent
from eldermall.engine.actor import Role
from eldermall.reports.todo import PAGE, Task, gaps, todo_list, waiting
from tests import databases, lives, shop


def test_nothing_waits_in_a_mall_without_orders(mall: Mall) -> None:
    assert waiting(mall) == []


def test_a_new_order_waits_for_hand_over_and_for_operations(mall: Mall) -> None:
    shop.place(mall)
    start = microseconds(shop.START)
    first, second, unpaid = waiting(mall)
    assert unpaid.clock == "payment.paid-in-time@1"
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
    dues = [one.due for one in waiting(mall)]
    assert dues == sorted(dues)
    assert waiting(mall)[0].subject == "order/A2"


def test_lateness_is_measured_from_the_due_moment(mall: Mall, time: shop.Time) -> None:
    shop.place(mall)
    time.pass_(hours=4)
    assert waiting(mall)[0].lateness == 0
    time.pass_(minutes=10)
    assert waiting(mall)[0].lateness == 10 * MINUTE
    assert waiting(mall)[1].lateness == 0


def test_who_hears_climbs_with_the_sweeps(mall: Mall, time: shop.Time) -> None:
    shop.place(mall)
    time.pass_(hours=5)
    mall.sweep()
    overdue = waiting(mall)[0]
    assert overdue.state == "breached"
    assert overdue.hears == ("department_head",)
    assert overdue.hears_at == overdue.due + 24 * HOUR
    time.pass_(hours=24)
    mall.sweep()
    told = waiting(mall)[0]
    assert told.hears == ("department_head",)
    assert told.hears_at is None


def test_each_line_that_waits_is_named(mall: Mall) -> None:
    shop.place(mall)
    shop.accept(mall)
    shop.pay(mall)
    shipping = [w for w in waiting(mall) if w.clock == "shipping.in-time@1"]
    assert [w.part for w in shipping] == ["honey", "tea"]
    shop.ship(mall, lines={"tea": 3})
    shipping = [w for w in waiting(mall) if w.clock == "shipping.in-time@1"]
    assert [w.part for w in shipping] == ["honey"]


def test_a_running_clock_keeps_the_ladder_of_its_own_policy(tmp_path: Path) -> None:
    url, time = databases.url_of("sqlite", tmp_path), shop.Time()
    with shop.open_mall(url, time) as mall:
        shop.place(mall)
    policy = tomllib.loads(shop.POLICY.read_text(encoding="utf-8"))
    policy["settings"]["notices.head-after"]["value"] = "48h"
    time.pass_(hours=5)
    with shop.open_mall(url, time, policy=policy) as mall:
        mall.sweep()
        overdue = waiting(mall)[0]
        assert overdue.hears_at == overdue.due + 24 * HOUR


def test_no_more_is_returned_than_was_asked_for(mall: Mall) -> None:
    shop.place(mall)
    assert len(waiting(mall, limit=1)) == 1


def test_links_without_a_person_are_gaps(mall: Mall) -> None:
    assert [gap.what for gap in gaps(mall)] == ["messages"]
    assert {gap.clauses for gap in gaps(mall)} == {("S19-05a",)}
    assert gaps(mall)[0].text.zh == "“留言”环节没有在任的指定人员"


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
    assert [gap.what for gap in dead] == ["designation/review#1.0@Deaf"]
    assert dead[0].text.en == (
        "the message designation/review#1.0@Deaf (event) was never delivered: "
        "OSError: nobody answers"
    )


# Work lists of roles

LIVES = lives.steps("order", "case", "callback") | lives.steps(
    "complaint", "listing", "stock", "assistance", "order"
)
STAFF: dict[Role, Actor] = {
    "customer_service": shop.SERVICE, "field_agent": shop.AGENT, "operations": shop.OPERATIONS,
    "department_head": shop.HEAD, "company_leader": shop.LEADER,
}
ENDS = {
    "order": ("archived", "declined", "cancelled"), "case": ("closed", "withdrawn"),
    "complaint": ("closed",), "callback": ("done", "unreachable", "declined"),
    "urge": ("answered", "ended"), "assistance": ("done", "cancelled"),
}
ASIDE = {"paid", "decline", "cancel", "grant_exception", "escalate", "withdraw", "edit", "open"}
"""Moves of the lives that may be made and that nobody waits for."""


def everything(*kinds: str) -> tuple[Mall, shop.Time]:
    time = shop.Time()
    mall = shop.open_mall("memory:", time)
    shop.staff(mall)
    mall.designations.appoint("callback", shop.SERVICE.id, by=shop.LEADER)
    mall.designations.appoint("listing", shop.MERCHANT.id, by=shop.LEADER)
    mall.assignments.appoint("rival", lives.COLLEAGUE, by=shop.OPERATIONS)
    return mall, time


def open_subjects(mall: Mall, *kinds: str) -> set[str]:
    """Return the records that have not come to their end, read one by one."""
    found = set()
    with mall.read() as tx:
        for kind in kinds:
            for row in tx.find(kind):
                record: Any = mall.book.kind(kind).record(row)
                if record.summary.split("/")[0] not in ENDS[kind]:
                    found.add(f"{kind}/{record.id}")
    return found


def row_of(mall: Mall, subject: str) -> Any:
    with mall.read() as tx:
        return tx.load(*subject.split("/"))[0]


def listed(mall: Mall, role: Role, person: str | None = None) -> dict[str, Task]:
    tasks = todo_list(mall, role=role, person=person)
    by_subject = {task.subject: task for task in tasks}
    assert len(by_subject) == len(tasks)
    return by_subject


@settings(max_examples=60)
@given(LIVES)
def test_operations_has_each_order_case_and_task_that_is_not_at_its_end_exactly_once(
    life: list[lives.Step],
) -> None:
    mall, time = everything()
    with mall:
        lives.live(mall, time, life)
        tasks = listed(mall, "operations")
        mine = {s for s in tasks if s.partition("/")[0] in ENDS}
        assert mine >= open_subjects(mall, *ENDS)
        for ended in mine - open_subjects(mall, *ENDS):  # what is unsettled, or late, about them
            assert row_of(mall, ended).open
            assert tasks[ended].notes or any(clock.lateness for clock in tasks[ended].clocks)
        for task in tasks.values():
            assert task.label.zh
            assert task.created <= mall.now()
            assert task.owners or task.subject.startswith("urge")


@settings(max_examples=60)
@given(LIVES)
def test_what_a_role_may_do_next_is_in_its_list(life: list[lives.Step]) -> None:
    mall, time = everything()
    with mall:
        lives.live(mall, time, life)
        for role, somebody in STAFF.items():
            tasks = listed(mall, role)
            for attempt in lives.ATTEMPTS:
                for id in lives.IDS[attempt.kind]:
                    subject = f"{attempt.kind}/{id}"
                    if attempt.move in ASIDE or attempt.kind == "stock":
                        continue
                    if not known(mall, attempt.kind, id) or is_again(mall, attempt, id):
                        continue
                    if attempt.move == "answer" and role in ("department_head", "company_leader"):
                        continue  # they may, and it is for service to do
                    if lives.allowed(attempt, mall, time, id, somebody):
                        assert subject in tasks, (role, attempt.move)
                        named = {move.name for move in tasks[subject].moves}
                        assert attempt.move.rstrip("_") in named


def is_again(mall: Mall, attempt: lives.Attempt, id: str) -> bool:
    """Whether a move of a case would only do again what is done."""
    if attempt.kind != "case" or attempt.move not in ("contact", "record"):
        return False
    case = mall.cases.get(id)
    return case.state != "opened" if attempt.move == "contact" else case.entitled is not None


def known(mall: Mall, kind: str, id: str) -> bool:
    with mall.read() as tx:
        return tx.load(kind, id)[0] is not None


@settings(max_examples=60)
@given(LIVES)
def test_nothing_is_listed_that_a_role_may_not_move_nor_hears_of(life: list[lives.Step]) -> None:
    mall, time = everything()
    with mall:
        lives.live(mall, time, life)
        for role in STAFF:
            for subject, task in listed(mall, role).items():
                kind = mall.book.kind(subject.partition("/")[0])
                record: Any = mall._get(kind.name, subject.partition("/")[2], None)
                may = {
                    t.name
                    for machine in kind.machines
                    for t in machine.transitions
                    if role in t.by and getattr(record, machine.field) in t.sources
                }
                assert {move.name for move in task.moves} <= may
                hears = any(role in (*c.hears, *c.told) for c in task.clocks)
                assert task.moves or hears or role == "operations"


@settings(max_examples=60)
@given(lives.steps("order", "stock", "assistance"))
def test_a_field_agent_sees_only_what_is_of_their_merchants_or_was_handed_to_them(
    life: list[lives.Step],
) -> None:
    mall, time = everything()
    with mall:
        lives.live(mall, time, life)
        all_of_them = listed(mall, "field_agent")
        theirs = {agent: listed(mall, "field_agent", agent) for agent in ("wang", "ma", "nobody")}
        assert theirs["nobody"] == {}
        for agent, tasks in theirs.items():
            for subject, task in tasks.items():
                assert all_of_them[subject] == task
                kind, _, id = subject.partition("/")
                order = mall.urges.get(id).order if kind == "urge" else id
                if kind in ("order", "urge"):
                    handed = mall.orders.get(order).handed_to
                    assert order in {"wang": ("A1", "S1"), "ma": ("A2",)}[agent] or handed == agent
        seen = set(theirs["wang"]) | set(theirs["ma"])
        own = {s for s in all_of_them if "A3" in s and mall.orders.get("A3").handed_to is None}
        assert set(all_of_them) - seen <= own | {s for s in all_of_them if s.startswith("urge/")}


def test_a_task_says_since_when_until_when_by_which_clause_and_who_holds_it(
    mall: Mall, time: shop.Time
) -> None:
    shop.place(mall)
    shop.pay(mall)
    time.pass_(hours=1)
    mall.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE)
    time.pass_(hours=10)
    (task,) = todo_list(mall, role="field_agent", person="wang")
    start = microseconds(shop.START)
    assert (task.subject, task.state) == ("order/A1", "handed_over/paid")
    assert task.label.en == "handed over / paid"
    assert [move.name for move in task.moves] == ["contact_merchant", "accept"]
    assert (task.created, task.since, task.due) == (start, start + HOUR, start + 9 * HOUR)
    assert task.lateness == 2 * HOUR
    assert task.urgent is not None
    assert task.urgent.clauses == ("S19-10-2b",)
    assert task.owners == ("wang",)


def test_an_escalated_complaint_waits_for_head_and_leader_and_no_more_for_service(
    mall: Mall, time: shop.Time
) -> None:
    mall.complaints.receive("K1", customer=shop.CUSTOMER.id, words="late", by=shop.CUSTOMER)
    mall.complaints.record(
        "K1", subject="late", remedy="an apology", etiquette="v1", by=shop.SERVICE
    )
    assert [t.subject for t in todo_list(mall, role="customer_service")] == ["complaint/K1"]
    assert todo_list(mall, role="company_leader") == []
    mall.complaints.escalate("K1", reason="too big", by=shop.SERVICE)
    for role in ("department_head", "company_leader"):
        (task,) = todo_list(mall, role=role)
        assert [move.name for move in task.moves] == ["settle_opinion"]
        assert task.owners == (shop.HEAD.id,)
    assert all(t.moves == () for t in todo_list(mall, role="customer_service"))
    mall.complaints.settle_opinion("K1", text="we are sorry", by=shop.HEAD)
    (task,) = todo_list(mall, role="customer_service")
    assert [move.name for move in task.moves] == ["answer"]
    assert todo_list(mall, role="company_leader") == []


def test_what_stands_on_offer_waits_only_once_it_is_late_or_low(
    mall: Mall, time: shop.Time
) -> None:
    shop.publish(mall)
    mall.stock.open("green-tea", merchant="tea-house", warn_at=2, by=shop.MERCHANT)
    mall.stock.receive("green-tea", lot="L1", quantity=5, source="note 1", by=shop.MERCHANT)
    assert todo_list(mall, role="operations") == []
    mall.stock.count("green-tea", lots={"L1": 2}, cause="thieves", by=shop.MERCHANT)
    (task,) = todo_list(mall, role="field_agent", person="wang")
    assert task.notes[0].en == "stock is low: 2 available, warning at 2"
    assert "receive" in [move.name for move in task.moves]
    mall.stock.receive("green-tea", lot="L2", quantity=5, source="note 2", by=shop.MERCHANT)
    assert todo_list(mall, role="operations") == []
    time.pass_(hours=24 * 60)
    (task,) = todo_list(mall, role="operations")
    assert "stock.confirmed-in-time@1" in [clock.clock for clock in task.clocks]
    assert all(clock.lateness for clock in task.clocks)


def test_the_head_sees_a_late_order_once_it_has_come_up(mall: Mall, time: shop.Time) -> None:
    shop.place(mall)
    time.pass_(hours=5)
    assert todo_list(mall, role="department_head") == []
    mall.sweep()
    (task,) = todo_list(mall, role="department_head")
    assert (task.subject, task.moves) == ("order/A1", ())


def test_an_observed_clock_is_marked_and_nobody_hears_of_it(time: shop.Time) -> None:
    relaxed = {
        "mode": "observe", "author": "board", "approver": "lin", "reason": "trial",
        "until": "2026-03-31",
    }
    policy = shop.policy() | {"enforce": {"handover.in-time": relaxed}}
    with shop.open_mall(time=time, policy=policy) as mall:
        shop.staff(mall)
        shop.place(mall)
        time.pass_(hours=5)
        mall.sweep()
        first = waiting(mall)[0]
        assert first.relaxed is not None
        assert first.relaxed.author == "board"
        assert (first.hears, first.told, first.hears_at) == ((), (), None)
        assert todo_list(mall, role="department_head") == []
        time.pass_(days=40)
        assert waiting(mall)[0].relaxed is None


def test_a_list_has_all_of_them_however_many_there_are() -> None:
    with shop.open_mall() as mall:
        shop.staff(mall)
        with mall.batch() as batch:
            for number in range(PAGE + 1):
                batch.complaints.receive(
                    f"K{number}", customer=shop.CUSTOMER.id, words="late", by=shop.CUSTOMER
                )
        assert len(todo_list(mall, role="customer_service")) == PAGE + 1


def test_a_role_that_is_none_of_the_staff_is_an_error(mall: Mall) -> None:
    with pytest.raises(Invalid, match="role = 'customer' is invalid: must be one of customer_s"):
        todo_list(mall, role="customer")


# The command


def todo(url: str, *more: str) -> Any:
    arguments = ["todo", url, "--policy", str(shop.POLICY), *more]
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def busy(tmp_path: Path) -> str:
    """A database with two orders, one of them late since long ago, and a complaint."""
    url, time = databases.url_of("sqlite", tmp_path), shop.Time()
    with shop.open_mall(url, time) as mall:
        shop.staff(mall)
        shop.place(mall, "A1")
        shop.place(mall, "A2", merchant="rival")
        mall.complaints.receive("K1", customer="grandma-li", words="late", by=shop.CUSTOMER)
    return url


def test_the_command_prints_what_waits_in_both_languages(busy: str) -> None:
    zh = todo(busy, "--role", "operations", "--lang", "zh")
    assert zh.exit_code == 0, zh.output
    assert "运营：待办 3 项，其中超期 3 项" in zh.stdout
    assert "订单 2：已提交/未付款 2" in zh.stdout
    assert "“留言”环节没有在任的指定人员" in zh.stdout
    en = todo(busy, "--role", "operations", "--lang", "en").stdout
    assert "operations: 3 to do, 3 of them overdue" in en
    assert "hand over" in en
    assert max(map(cell_len, (zh.stdout + en).splitlines())) <= 100


def test_the_command_prints_facts_as_json_and_no_gaps_for_who_cannot_mend_them(busy: str) -> None:
    result = todo(busy, "--role", "customer_service", "--json", "--limit", "2")
    facts = json.loads(result.stdout)
    assert (facts["role"], facts["gaps"], facts["left_out"]) == ("customer_service", [], 1)
    (first, second) = facts["tasks"]
    assert {first["subject"], second["subject"]} == {"order/A1", "order/A2"}
    assert first["moves"] == [{"move": "hand_over", "label": {"zh": "转交", "en": "hand over"}}]
    assert first["clocks"][0]["clauses"] == ["S19-10-2a"]
    assert first["age"] > 0


def test_the_command_leaves_an_agent_what_is_theirs(busy: str) -> None:
    mine = todo(busy, "--role", "field_agent", "--person", "ma", "--lang", "en").stdout
    assert "field agent ma: 0 to do, 0 of them overdue" in mine
    more = todo(busy, "--role", "operations", "--limit", "1", "--lang", "en").stdout
    assert "and 2 more" in more

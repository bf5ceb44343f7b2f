"""Nobody deals with their own matter, posts are filled from above, agents keep to theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Actor, Mall, Refused, Text, Unknown, head_of, hookimpl, person
from eldermall.engine.actor import ROLES, STAFF, Role
from eldermall.engine.declaration import Changes, Move, move
from eldermall.engine.declared import Declared, M, Makes
from eldermall.engine.inputs import Id
from eldermall.engine.kind import ADOPT, Command, Record
from eldermall.engine.machine import NEW
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.engine.rule import Decision
from eldermall.engine.track import Track, state
from eldermall.mall import Moving, rulebook
from tests import shop
from tests.walk import unmade, walk

OWN = "people.not-in-ones-own-matter@1"
AGENTS = "people.agent-of-that-merchant@1"
KEEPERS = (AGENTS, "stock.agent-of-that-merchant@1", "collection.author-fits-the-mode@1")
HANDLING: tuple[Role, ...] = ("merchant", *STAFF)
BOUGHT = {"order", "case", "complaint", "callback", "urge"}
"""The kinds that have a customer; in this walk it is always the same."""

SOLD = {"order", "case", "listing", "stock", "capacity", "assistance"}
"""The kinds that have a merchant; urges do, where the merchant is pressed."""


def watched(ask: Callable[[Mall, Command], None]) -> set[tuple[str, str]]:
    """Make the moves of the walk, and before each hand its command to ``ask``.

    Returns:
        The moves that the walk doesn't make.
    """
    time = shop.Time(datetime(2026, 3, 2, 1, tzinfo=UTC))
    with shop.open_mall(time=time) as mall:

        def run(command: Command) -> Record:
            if command.name != ADOPT:
                ask(mall, command)
            return mall._engine.perform(command)

        Moving.__init__(mall, run, mall._get, Makes)
        shop.staff(mall)
        walk(mall, time)
        return {(kind, name) for kind, _, name in (m.partition(".") for m in unmade(mall))}


def told(mall: Mall, command: Command, who: Actor) -> Decision:
    """Return the decision on a command if somebody else gave it."""
    return mall._engine.may(replace(command, actor=who))


def handlers(mall: Mall, command: Command) -> set[Role]:
    """Return the roles of staff and merchants that may make a move."""
    ways = [t for m in mall.book.kind(command.kind).machines_of[command.name]
            for t in m.transitions if t.name == command.name]
    return {role for t in ways for role in t.by} & set(HANDLING)


def is_merchants(mall: Mall, command: Command) -> bool:
    """Say whether a command is about something of the tea house's."""
    if command.kind not in SOLD:
        return False
    record: Any = None
    with mall.read() as tx:
        row, _ = tx.load(command.kind, command.id)
    if row is not None:
        record = mall.book.kind(command.kind).record(row)
    return bool(getattr(record or command.args, "merchant", None) == "tea-house")


def test_in_every_move_of_every_room_nobody_deals_with_a_matter_of_their_own() -> None:
    asked: set[tuple[str, str]] = set()

    def ask(mall: Mall, command: Command) -> None:
        for role in handlers(mall, command):
            acts = person("somebody", role, department="operations", merchant="tea-house")
            if role != "merchant":
                acts = replace(acts, merchant=None)
            assert OWN not in told(mall, command, acts).rules
            parties = []
            if command.kind in BOUGHT:
                parties.append(replace(acts, id=shop.CUSTOMER.id))
            if role != "merchant" and is_merchants(mall, command):
                parties += [replace(acts, id="tea-house"), replace(acts, merchant="tea-house")]
            for party in parties:
                asked.add((command.kind, command.name))
                with shop.telling((command, party)):
                    refused = told(mall, command, party).rules
                    assert OWN in refused or refused == ("machine.own-records",)

    never = watched(ask)
    handled = {
        (name, t.name)
        for name, kind in rulebook().kinds.items()
        for machine in kind.machines
        for t in machine.transitions
        if set(t.by) & set(HANDLING) and not t.erases and name in BOUGHT | SOLD
    }
    assert len(asked) > 50
    assert handled - asked - never == set()


def test_every_move_that_anybody_makes_for_the_company_or_a_merchant_is_guarded() -> None:
    with shop.open_mall(plugins=[Brings()]) as mall:
        for kind in mall.book.kinds.values():
            for machine in kind.machines:
                for t in machine.transitions:
                    guarded = OWN in [r.name for r in mall.book.guarding(machine, t)]
                    assert guarded == bool(set(t.by) & set(HANDLING)), (kind.name, t.name)


def test_no_agent_of_another_merchant_makes_any_move_of_an_agent() -> None:
    asked: set[tuple[str, str]] = set()
    rival = person("sun", "field_agent", department="operations")

    def ask(mall: Mall, command: Command) -> None:
        of_theirs = command.kind in BOUGHT or is_merchants(mall, command)
        if of_theirs and "field_agent" in handlers(mall, command):
            asked.add((command.kind, command.name))
            with shop.telling(command):
                assert set(told(mall, command, rival).rules) & set(KEEPERS)

    never = watched(ask)
    theirs = {
        (name, t.name)
        for name, kind in rulebook().kinds.items()
        for machine in kind.machines
        for t in machine.transitions
        if "field_agent" in t.by
    }
    assert theirs - asked - never == set()


def test_agents_who_hold_an_order_or_are_the_merchant_s_go_on_with_it(mall: Mall) -> None:
    shop.place(mall)
    shop.pay(mall)
    shop.accept(mall)
    rival = person("sun", "field_agent", department="operations")
    line: Any = {"parcel": "p", "courier": "SF", "tracking": "1", "lines": {"tea": 1}}
    said = shop.refusal(mall.orders.ship, "A1", **line, by=rival)
    assert said.rules == (AGENTS,)
    assert said.clauses == ("S19-10-2a",)
    mall.assignments.dismiss("tea-house", shop.AGENT.id, by=shop.OPERATIONS)
    mall.orders.ship("A1", **line, by=shop.AGENT)  # it was handed to him
    mall.assignments.appoint("tea-house", rival.id, by=shop.OPERATIONS)
    mall.orders.deliver("A1", parcel="p", by=rival)


def test_own_goods_are_in_the_hands_of_whom_they_were_handed_to_else_of_any_agent(
    mall: Mall,
) -> None:
    shop.place(mall, merchant=None)
    shop.pay(mall)
    mall.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE)
    other = person("sun", "field_agent", department="operations")
    assert shop.refusal(mall.orders.accept, "A1", by=other).rules == (AGENTS,)
    mall.orders.accept("A1", by=shop.AGENT)


def test_relatives_who_are_named_are_party_wherever_the_order_is_named(mall: Mall) -> None:
    shop.place(mall, relatives=["chen"])  # who is also of customer service
    assert shop.refusal(
        mall.orders.hand_over, "A1", to="wang", by=shop.SERVICE
    ).rules == (OWN,)
    mall.orders.hand_over("A1", to="wang", by=shop.OPERATIONS)
    said = shop.refusal(
        mall.complaints.receive, "C1", customer="grandma-li", words="Late.", order="A1",
        by=shop.SERVICE,
    )
    assert (said.rules, said.clauses) == ((OWN,), ("S01-2-1b", "S01-2-3a"))
    mall.complaints.receive(
        "C1", customer="grandma-li", words="Late.", order="A1", by=shop.CUSTOMER
    )
    assert OWN in shop.refusal(
        mall.complaints.record, "C1", subject="late", remedy="money", etiquette="v1",
        by=shop.SERVICE,
    ).rules


def test_a_son_calls_nobody_back_about_an_order_on_which_he_is_named(mall: Mall) -> None:
    shop.completed(mall)
    assert mall.callbacks.get("A1").state == "due"
    shop.place(mall, "A2", relatives=["chen"])
    shop.pay(mall, "A2")
    mall.orders.hand_over("A2", to=shop.AGENT.id, by=shop.OPERATIONS)
    mall.orders.contact_merchant("A2", way="phone", by=shop.AGENT)
    mall.orders.accept("A2", by=shop.MERCHANT)
    shop.ship(mall, "A2")
    mall.orders.deliver("A2", parcel="p-tea-honey", by=shop.COURIER)
    mall.orders.complete("A2", by=person("chen", "customer"))
    asked: Any = {"satisfaction": "very_satisfied", "suggestion": "", "by": shop.SERVICE}
    assert shop.refusal(mall.callbacks.reach, "A2", **asked).rules == (OWN,)
    mall.callbacks.reach("A1", **asked)


def test_a_merchant_s_person_settles_nothing_of_what_they_bought_there(mall: Mall) -> None:
    shop.place(mall, customer="zhao", by=person("zhao", "customer"))
    shop.pay(mall)
    mall.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE)
    mall.orders.contact_merchant("A1", way="phone", by=shop.AGENT)
    assert shop.refusal(mall.orders.accept, "A1", by=shop.MERCHANT).rules == (OWN,)
    mall.orders.accept("A1", by=person("qin", "merchant", merchant="tea-house"))


def test_the_rule_is_relaxed_as_any_other() -> None:
    given_ = shop.policy()
    given_["enforce"] = {
        OWN.removesuffix("@1"): {
            "mode": "observe", "author": "olivia", "approver": "lin", "reason": "three of us",
            "until": "2026-06-01",
        }
    }
    with shop.open_mall(policy=given_) as mall:
        shop.staff(mall)
        shop.place(mall, customer="chen", by=person("chen", "customer"))
        mall.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE)
        (verdict,) = [
            v for v in mall.journal("order", "A1")[-1]["verdicts"] if v["rule"] == OWN
        ]
        assert (verdict["outcome"], verdict["enforced"]) == ("refused", False)


# Posts

PEOPLE = ("ann", "ben", "cai", "dan")
POSTS = ("leader", head_of("operations"), head_of("sales"), "order")
Step_ = tuple[str, str, str, str, str, int]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["appoint", "dismiss"]), st.sampled_from(POSTS),
            st.sampled_from(PEOPLE), st.sampled_from(PEOPLE),
            st.sampled_from(["operations", "department_head", "company_leader"]),
            st.sampled_from([0, 0, 30]),
        ),
        max_size=25,
    )
)
def test_whoever_takes_a_post_was_put_there_by_another_from_above(steps: list[Step_]) -> None:
    time = shop.Time()
    with shop.open_mall(time=time) as mall:

        def in_office(post: str) -> set[str]:
            try:
                return set(mall.designations.get(post).on_duty(mall.now()))
            except Unknown:
                return set()

        for what, post, who, by, role, back in steps:
            time.pass_(minutes=10)
            leaders, heads = in_office("leader"), in_office(head_of("operations"))
            acts = person(by, role, department="operations")  # type: ignore[arg-type]
            try:
                getattr(mall.designations, what)(
                    post, who, by=acts, at=time.now - timedelta(minutes=back)
                )
            except Refused:
                continue
            assert what == "dismiss" or who != by
            if post == "order" or (what == "dismiss" and who == by):
                continue
            if leaders:
                assert (by in leaders, role) == (True, "company_leader")
            elif heads:
                assert (by in heads, role) == (True, "department_head")


def test_operations_neither_take_the_leader_s_post_nor_the_leader_off_it(mall: Mall) -> None:
    said = shop.refusal(mall.designations.appoint, "leader", "olivia", by=shop.OPERATIONS)
    assert said.rules == ("people.not-appointed-by-oneself@1", "people.appointed-from-above@1")
    assert said.clauses == ("S19-05a", "S19-05c", "S19-12-2e")
    said = shop.refusal(mall.designations.dismiss, "leader", "lin", by=shop.OPERATIONS)
    assert said.rules == ("people.dismissed-from-above@1",)
    head = head_of("operations")
    said = shop.refusal(mall.designations.dismiss, head, "hu", by=shop.OPERATIONS)
    assert said.rules == ("people.dismissed-from-above@1",)
    said = shop.refusal(mall.designations.appoint, "leader", "ann", by=shop.HEAD)
    assert said.rules == ("people.appointed-from-above@1",)
    stranger = person("lin2", "company_leader", department="board")
    said = shop.refusal(mall.designations.appoint, head, "ann", by=stranger)
    assert said.rules == ("people.appointed-from-above@1",)


def test_a_leader_is_followed_by_whom_they_appoint_and_may_leave(mall: Mall) -> None:
    mall.designations.appoint("leader", "ann", by=shop.LEADER)
    mall.designations.dismiss("leader", "lin", by=shop.LEADER)
    assert mall.designations.get("leader").on_duty(mall.now()) == ["ann"]
    ann = person("ann", "company_leader", department="board")
    mall.designations.dismiss(head_of("operations"), "hu", by=ann)
    mall.designations.dismiss("leader", "ann", by=ann)
    mall.designations.appoint("leader", "ben", by=shop.OPERATIONS)  # as at first: nobody is above


def test_a_post_taken_at_a_moment_before_the_leader_s_is_refused_all_the_same() -> None:
    time = shop.Time()
    with shop.open_mall(time=time) as mall:
        time.pass_(hours=5)
        mall.designations.appoint("leader", "lin", by=shop.OPERATIONS)
        said = shop.refusal(
            mall.designations.appoint, "leader", "ann", by=shop.OPERATIONS,
            at=time.now - timedelta(hours=3),
        )
        assert "people.appointed-from-above@1" in said.rules


def test_nobody_assigns_themselves_to_a_merchant_or_link(mall: Mall) -> None:
    for room, post in ((mall.assignments, "tea-house"), (mall.designations, "messages")):
        said = shop.refusal(room.appoint, post, "olivia", by=shop.OPERATIONS)
        assert said.rules == ("people.not-appointed-by-oneself@1",)


# Plugins' rooms


class Visit(Record):
    """A visit to somebody."""

    state: str
    host: Id


class Visits(Declared[M, Visit]):
    """Visits: somebody of staff pays them."""

    kind = "visit"
    label = Text("探访", "visit")
    model = Visit

    class States(Track):
        """Whether it was paid."""

        planned = state(Text("已计划", "planned"))
        paid = state(Text("已探访", "paid"), end=True)

    @staticmethod
    def party(subject: Any, actor: Actor) -> bool:
        """Say whether somebody is visited."""
        return bool(subject.host == actor.id)

    @move(
        NEW, to=States.planned, by=("customer_service",), says=Text("计划", "plan"), event="Planned"
    )
    @staticmethod
    def plan(m: Move[Visit], id: str, *, of: Id, **by: Unpack[By]) -> Changes:
        """Plan a visit."""
        return {"host": of}

    @move(
        States.planned, to=States.paid, by=("customer_service",), says=Text("探访", "pay"),
        event="VisitPaid",
    )
    @staticmethod
    def pay(m: Move[Visit], id: str, **by: Unpack[By]) -> Changes:
        """Pay a visit."""
        return {}


class Open(Declared[M, Visit]):
    """A room in which any customer is party."""

    kind = "open_visit"
    label = Text("公开探访", "open visit")
    model = Visit

    class States(Track):
        """Whether it is held."""

        held = state(Text("已举办", "held"), end=True)

    @staticmethod
    def party(subject: Any, actor: Actor) -> bool:
        """Say that customers come as they like."""
        return actor.role == "customer"

    @move(NEW, to=States.held, by=("customer_service",), says=Text("举办", "hold"), event="Held")
    @staticmethod
    def hold(m: Move[Visit], id: str, *, host: Id, **by: Unpack[By]) -> Changes:
        """Hold one."""
        return {"host": host}


class Brings:
    """A plugin with rooms."""

    @hookimpl
    def eldermall_kinds(self) -> Iterator[Any]:
        """Bring them."""
        yield from (Visits, Open)


def test_a_plugin_s_room_is_asked_by_what_it_says_of_its_parties() -> None:
    with shop.open_mall(plugins=[Brings()]) as mall:
        visits = mall.room(Visits)
        visits.plan("V1", of="chen", by=shop.SERVICE)  # the arguments don't say whose it will be
        assert shop.refusal(visits.pay, "V1", by=shop.SERVICE).rules == (OWN,)
        visits.pay("V1", by=person("bao", "customer_service", department="operations"))
        mall.room(Open).hold("O1", host="chen", by=shop.SERVICE)


def test_the_roles_are_those_that_are_customers_machines_or_handle_something() -> None:
    assert {*HANDLING, "customer", "system"} == set(ROLES)


@pytest.mark.parametrize("role", STAFF)
def test_whoever_is_staff_places_their_own_order_as_a_customer(mall: Mall, role: Any) -> None:
    shop.place(mall, customer="chen", by=person("chen", "customer"))
    with pytest.raises(Refused):
        shop.place(mall, "A2", customer="chen", by=person("chen", role, department="operations"))

"""Whoever does what to a merchant's job of assistance, nobody is helped who didn't ask for it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from eldermall import Invalid, Mall, Refused, person
from eldermall.engine.blank import ERASED
from tests import shop

STEPS = ("photography", "image_processing", "detail_page", "listing")
COLLEAGUE = person("ma", "field_agent", department="operations")

jobs = st.sampled_from(["J1", "J2"])
anybody = st.sampled_from(
    [shop.AGENT, shop.AGENT, COLLEAGUE, shop.OPERATIONS, shop.MERCHANT, shop.MERCHANT, shop.RIVAL,
     shop.SERVICE, shop.CUSTOMER]
)
listings = st.sampled_from(["tea", "honey"])


class Helping(RuleBasedStateMachine):
    """Two jobs and two listings. Beside the mall stands what its moves are believed to mean."""

    def __init__(self) -> None:
        super().__init__()
        self.mall = shop.open_mall()
        shop.staff(self.mall)
        self.asked: dict[str, str] = {}
        self.appointed: dict[str, str] = {}
        self.present: dict[str, str] = {}
        self.marked: dict[str, set[str]] = {}
        self.ended: set[str] = set()
        self.helped: dict[str, set[str]] = {}

    def teardown(self) -> None:
        assert self.mall.verify().passed

    def made(self, room: str, move: str, id: str, **more: Any) -> bool:
        """Make a move if it is allowed, and say whether it was; `may` says the same."""
        allowed = bool(getattr(getattr(self.mall.may, room), move)(id, **more).allowed)
        try:
            getattr(getattr(self.mall, room), move)(id, **more)
        except Refused:
            assert not allowed
        else:
            assert allowed
        return allowed

    @initialize()
    def somebody_is_on_site(self) -> None:
        self.asks("J1", shop.MERCHANT, "tea-house", None)
        self.appoints("J1", shop.OPERATIONS, shop.AGENT)
        self.arrives("J1", shop.AGENT)

    @rule(id=jobs, by=anybody, merchant=st.sampled_from(["tea-house", "rival"]),
          way=st.sampled_from([None, "phone"]))
    def asks(self, id: str, by: Any, merchant: str, way: str | None) -> None:
        if self.made("assistance", "request", id, merchant=merchant, way=way, by=by):
            assert by.merchant == merchant or (by.is_staff and way is not None)
            assert id not in self.asked
            self.asked[id] = merchant

    @rule(id=jobs, by=anybody, who=st.sampled_from([shop.AGENT, COLLEAGUE]))
    def appoints(self, id: str, by: Any, who: Any) -> None:
        if self.made("assistance", "appoint", id, who=who.id, by=by):
            assert by == shop.OPERATIONS
            self.appointed[id] = who.id
            self.present.pop(id, None)

    @rule(id=jobs, by=anybody)
    def arrives(self, id: str, by: Any) -> None:
        if self.made("assistance", "arrive", id, where="3 Lake Road", by=by):
            assert by.id == self.appointed[id]
            self.present[id] = by.id

    @rule(id=jobs, by=anybody, steps=st.sets(st.sampled_from([*STEPS, "dancing"])))
    def marks(self, id: str, by: Any, steps: set[str]) -> None:
        for step in sorted(steps):
            if self.made("assistance", "mark", id, step=step, outcome="done", by=by):
                assert by.id == self.present[id]
                assert step in STEPS
                self.marked.setdefault(id, set()).add(step)

    @rule(id=jobs, by=anybody)
    def finishes(self, id: str, by: Any) -> None:
        if self.made("assistance", "finish", id, by=by):
            assert self.marked[id] == set(STEPS)
            assert by.id == self.present.pop(id)
            self.ended.add(id)

    @rule(id=jobs, by=st.sampled_from([shop.MERCHANT, shop.AGENT]))
    def cancels(self, id: str, by: Any) -> None:
        if self.made("assistance", "cancel", id, reason="my son helps", by=by):
            assert by.merchant == self.asked[id]
            self.present.pop(id, None)
            self.ended.add(id)

    @rule(id=listings, by=anybody, job=st.sampled_from([None, "J1", "J1", "J2"]))
    def drafts(self, id: str, by: Any, job: str | None) -> None:
        more = {"content": shop.CONTENT, "merchant": "tea-house", "assistance": job, "by": by}
        if self.made("listings", "draft", id, **more):
            self.wrote(id, by, job)
            assert (job is None) == (self.mall.listings.get(id).mode == "merchant_self")

    @rule(id=listings, by=anybody, move=st.sampled_from(["revise", "submit"]))
    def writes(self, id: str, by: Any, move: str) -> None:
        more = {} if move == "submit" else {"content": shop.CONTENT}
        if self.made("listings", move, id, by=by, **more):
            self.wrote(id, by, self.mall.listings.get(id).assistance)

    def wrote(self, id: str, by: Any, job: str | None) -> None:
        """Check that who wrote the tea house's listing is of it, or helps it on site just now."""
        if by.merchant != "tea-house":
            assert job is not None
            assert self.asked[job] == "tea-house"
            assert self.present[job] == by.id
            self.helped.setdefault(id, set()).add(by.id)

    @invariant()
    def the_record_says_what_was_done(self) -> None:
        for id, merchant in self.asked.items():
            job = self.mall.assistance.get(id)
            assert job.merchant == merchant
            assert (job.state in ("done", "cancelled")) == (id in self.ended)
            assert (job.state == "on_site") == (id in self.present)
            assert job.appointed == self.appointed.get(id)
            assert set(job.marked) == self.marked.get(id, set())
            assert len(job.marked) == len(set(job.marked))
            assert {visit.who for visit in job.visits} <= {"wang", "ma"}
            if job.state == "done":
                assert set(job.marked) == set(STEPS)
                assert job.visits[-1].who == job.appointed


TestHelping = Helping.TestCase
TestHelping.settings = settings(max_examples=60, stateful_step_count=30)


# Examples


def test_nobody_is_appointed_while_nobody_is_designated_for_collection(
    url: str, time: shop.Time
) -> None:
    with shop.open_mall(url, time) as mall:
        mall.assistance.request("J1", merchant="tea-house", by=shop.MERCHANT)
        said = shop.refusal(mall.assistance.appoint, "J1", who="wang", by=shop.OPERATIONS)
        assert said.rules == ("people.designated-for-collection@1",)
        assert said.clauses == ("S19-05a",)
        assert "“采集”环节没有在任的指定人员" in said.text.zh
        mall.designations.appoint("collection", "olivia", by=shop.LEADER)
        mall.assistance.appoint("J1", who="wang", by=shop.OPERATIONS)


def test_a_job_is_found_by_its_merchant(mall: Mall) -> None:
    mall.assistance.request("J1", merchant="tea-house", by=shop.MERCHANT)
    mall.assistance.request("J2", merchant="rival", by=shop.RIVAL)
    with mall.read() as tx:
        found = [row.id for row in tx.find("assistance", merchant="tea-house")]
    assert found == ["J1"]


@pytest.mark.parametrize(
    ("move", "words"),
    [
        ("request", {"merchant": "a b"}),
        ("request", {"merchant": "tea-house", "way": ""}),
        ("appoint", {"who": ""}),
        ("arrive", {"where": ""}),
        ("mark", {"step": "listing", "outcome": "begun"}),
        ("cancel", {"reason": ""}),
    ],
)
def test_what_is_malformed_is_refused_at_the_door(
    mall: Mall, move: str, words: dict[str, Any]
) -> None:
    with pytest.raises(Invalid):
        getattr(mall.assistance, move)("J1", by=shop.OPERATIONS, **words)


def test_where_a_merchant_was_visited_and_why_help_ended_can_be_erased(
    mall: Mall, time: shop.Time
) -> None:
    mall.assistance.request("J1", merchant="tea-house", by=shop.MERCHANT)
    mall.assistance.appoint("J1", who="wang", by=shop.OPERATIONS)
    mall.assistance.arrive("J1", where="Mr Zhao's, 3 Lake Road", by=shop.AGENT)
    mall.assistance.cancel("J1", reason="Mr Zhao fell ill", by=shop.MERCHANT)
    assert "Zhao" not in str(mall.journal("assistance", "J1"))
    time.pass_(days=1095)
    said = shop.refusal(mall.assistance.erase, "J1", by=shop.OPERATIONS)
    assert said.rules == ("retention.kept-long-enough@1",)
    time.pass_(days=1)
    assert mall.erase_expired().erased == 1
    job = mall.assistance.get("J1")
    assert (job.visits[0].where, job.reason, job.visits[0].who) == (ERASED, ERASED, "wang")
    with mall.read() as tx:
        assert not tx.personal("assistance/J1")

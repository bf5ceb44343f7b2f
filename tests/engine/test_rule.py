"""Rules, facts, verdicts and decisions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Decision, Text, Verdict
from eldermall.engine.rule import (
    ACTOR_ID,
    ACTOR_ROLE,
    AT,
    MISSING,
    NEEDS_PERSON,
    Context,
    looked_up,
    set_by,
)
from eldermall.engine.settings import Setting, Settings
from tests import shop
from tests.engine.test_rulebook import JOB, WORDS, Job, fact, rule

NUMBER = Setting("job.number", WORDS, "S19-14", "count")
NAMES = Setting("job.names", WORDS, "S19-14", "names")
CHOICE = Setting("job.choice", WORDS, "S19-14", "choice")


def context(looked: Any = None, now: Any = None, bound: Any = None) -> Context:
    settings = Settings("now", now or {})
    return Context(
        "J", None, None, shop.OPERATIONS, 5, 7, looked or {}, settings,
        Settings("then", bound or {}),
    )


@given(st.lists(st.sampled_from(["a", "b", MISSING]), min_size=1, max_size=4))
def test_a_missing_fact_refuses_and_is_listed_whatever_the_check_says(values: list[Any]) -> None:
    needs = tuple(fact(f"f.{n}", v) for n, v in enumerate(values))
    asked = rule(needs=needs, check=lambda *_: True)
    verdict = asked.verdict({f.name: f.read(context()) for f in needs})
    lacking = tuple(f"f.{n}" for n, v in enumerate(values) if v is MISSING)
    assert verdict.missing == lacking
    assert verdict.outcome == ("refused" if lacking else "allowed")


def test_a_fact_that_nobody_read_is_missing() -> None:
    verdict = rule(needs=(fact("f.a", "a"),)).verdict({})
    assert (verdict.outcome, verdict.missing) == ("refused", ("f.a",))
    assert repr(MISSING) == "MISSING"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(True, "allowed"), (False, "refused"), (NEEDS_PERSON, "needs_person")],
)
def test_a_check_allows_refuses_or_waits_for_a_person(answer: Any, outcome: str) -> None:
    verdict = rule(check=lambda at: answer).verdict({"time.at": 5})
    assert verdict.outcome == outcome
    assert (verdict.reason is None) == (answer is True)


def test_what_is_nearly_true_does_not_allow() -> None:
    for answer in (1, "yes", [1], None):
        assert rule(check=lambda at, a=answer: a).verdict({"time.at": 5}).outcome == "refused"


def test_a_reason_holds_the_facts_in_their_order() -> None:
    asked = rule(
        needs=(fact("f.a", 0), fact("f.b", 0)), check=lambda a, b: False,
        reason=Text("{1} 大于 {0}", "{1} is above {0}"),
    )
    verdict = asked.verdict({"f.a": 1, "f.b": 2})
    assert verdict.reason == Text("2 大于 1", "2 is above 1")


@pytest.mark.parametrize(
    ("since", "until", "moment", "valid"),
    [
        (None, None, 5, True), (5, None, 5, True), (6, None, 5, False), (None, 6, 5, True),
        (None, 5, 5, False), (4, 6, 5, True),
    ],
)
def test_a_version_is_valid_from_its_first_moment_until_its_last_is_over(
    since: int | None, until: int | None, moment: int, valid: bool
) -> None:
    assert rule(since=since, until=until).valid(moment) is valid


def test_rules_are_themselves_and_not_their_fields() -> None:
    assert rule() != rule()
    assert rule().name == "job.rule@1"
    assert rule(version=2).name == "job.rule@2"


# Facts


def test_the_common_facts_are_read_from_the_move() -> None:
    c = context()
    assert (AT.read(c), ACTOR_ID.read(c), ACTOR_ROLE.read(c)) == (5, "olivia", "operations")


def test_a_setting_is_read_from_the_policy_that_binds() -> None:
    c = context(now={"job.number": 2}, bound={"job.number": 1})
    assert set_by(NUMBER).read(c) == 2
    assert set_by(NUMBER, "submission").read(c) == 1


def test_a_setting_s_fact_is_of_a_type_that_an_entry_holds() -> None:
    c = context(now={"job.names": ("a", "b"), "job.choice": "hours"})
    assert (set_by(NAMES).type, set_by(NAMES).read(c)) == ("list", ["a", "b"])
    assert (set_by(CHOICE).type, set_by(CHOICE).read(c)) == ("text", "hours")
    assert set_by(NUMBER).type == "number"


def test_a_looked_up_fact_reads_the_other_record_or_none() -> None:
    record = Job(id="X", version=1, pack="p", created_at=0, state="done")

    def read(c: Context, other: Any) -> Any:
        return MISSING if other is None else other.state

    of_x = looked_up("x.state", "text", WORDS, JOB.name, lambda c: "X", read)
    of_none = looked_up("x.state", "text", WORDS, JOB.name, lambda c: None, read)
    c = context({("job", "X"): record})
    assert of_x.read(c) == "done"
    assert of_x.read(context()) is MISSING
    assert of_none.read(c) is MISSING


# Decisions


def decision(*verdicts: Verdict) -> Decision:
    allowed = all(v.outcome == "allowed" or not v.enforced for v in verdicts)
    labels = Text("任务", "job"), Text("开始", "start it")
    return Decision("job/J", "start", "waiting", verdicts, {}, allowed, labels)


REFUSED = Verdict("a@1", "refused", ("S19-14",), Text("不行", "no"), ("f.a", "f.b"))
WAITS = Verdict("b@1", "needs_person", ("S19-14", "S19-15"), Text("等待", "wait"), ("f.a",))
OBSERVED = Verdict("c@1", "refused", ("S19-13a",), Text("不行", "no"), (), enforced=False)
ALLOWED = Verdict("d@1", "allowed", ("S19-14",))


def test_a_decision_lists_what_refuses_each_clause_and_missing_fact_once() -> None:
    said = decision(REFUSED, WAITS, OBSERVED, ALLOWED)
    assert not said.allowed
    assert said.rules == ("a@1", "b@1")
    assert said.clauses == ("S19-14", "S19-15")
    assert said.missing == ("f.a", "f.b")
    assert said.text.en == (
        'job J: "start it" is refused: no [a@1, S19-14]; wait [b@1, S19-14, S19-15]'
    )
    assert said.text.zh == (
        "任务 J 不能“开始”：不行 [a@1, S19-14]；等待 [b@1, S19-14, S19-15]"
    )
    assert said.reasons == (Text("不行", "no"), Text("等待", "wait"))


def test_an_observed_verdict_refuses_nothing() -> None:
    said = decision(OBSERVED, ALLOWED)
    assert (said.allowed, said.rules) == (True, ())
    assert said.text == Text("任务 J 可以“开始”", 'job J: "start it" is allowed')


def test_a_verdict_without_reason_or_clauses_is_still_named() -> None:
    said = decision(Verdict("e", "refused"))
    assert said.text.en == 'job J: "start it" is refused:  [e]'


def test_an_entry_keeps_what_a_verdict_said() -> None:
    assert ALLOWED.as_json() == {"rule": "d@1", "outcome": "allowed"}
    assert REFUSED.as_json() == {
        "rule": "a@1", "outcome": "refused", "clauses": ["S19-14"], "missing": ["f.a", "f.b"],
    }
    assert OBSERVED.as_json()["enforced"] is False

"""The pure step: what is decided, and what follows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from eldermall import Actor, Text
from eldermall.calendars import HOUR, MINUTE
from eldermall.engine.kind import Kind
from eldermall.engine.machine import NEW, Machine, State, Transition
from eldermall.engine.rule import MISSING, Lookup
from eldermall.engine.rulebook import Rulebook
from eldermall.engine.settings import Relaxation, Settings, Technical
from eldermall.engine.step import Step, context, step
from eldermall.errors import RuleBroken
from tests import shop
from tests.engine.test_rulebook import JOB, WORDS, WORK, Job, book, clock, command, fact, rule

NOW = 100 * HOUR
SETTINGS = Settings("p" * 8, {"job.limit": HOUR})


def job(state: str = "waiting", **more: Any) -> Job:
    given: dict[str, Any] = {"id": "J", "version": 3, "pack": "old", "created_at": NOW}
    return Job(**given | {"state": state} | more)


def go(
    asked: Rulebook,
    name: str = "start",
    record: Job | None = None,
    by: Actor = shop.OPERATIONS,
    *,
    settings: Settings = SETTINGS,
    at: int | None = None,
    kind: Kind = JOB,
    **args: Any,
) -> Step:
    wanted = replace(command(name, by, **args), at=at)
    c = context(wanted, record, {}, NOW, settings, settings)
    return step(asked, kind, wanted, c, Technical())


def test_an_allowed_move_makes_a_new_version_of_the_record() -> None:
    done = go(book(rule()), record=job())
    assert done.decision.allowed
    assert done.record == job("running", version=4)
    assert [(m.source, m.target) for m in done.path] == [("waiting", "running")]
    assert [v.rule for v in done.decision.verdicts] == ["job.rule@1"]


def test_the_move_that_makes_a_record_notes_the_policy_and_when() -> None:
    done = go(book(), "open", note="x")
    assert done.record is not None
    assert (done.record.version, done.record.pack, done.record.created_at) == (1, "p" * 8, NOW)


def test_a_move_that_changes_data_leaves_the_state() -> None:
    done = go(book(), "note", job("running"), note="x")
    assert done.record == job("running", version=4, note="x")


def test_what_follows_by_itself_is_one_version_with_the_move() -> None:
    done = go(book(), "open", note="lapse")
    assert isinstance(done.record, Job)
    assert (done.record.state, done.record.version) == ("lapsed", 1)
    assert [m.transition.name for m in done.path] == ["open", "lapse"]


def test_rules_on_what_follows_refuse_the_whole_move() -> None:
    guard = rule(guards=(WORK.entering("lapsed"),), check=lambda at: False)
    done = go(book(guard), "open", note="lapse")
    assert (done.record, done.decision.rules) == (None, ("job.rule@1",))


def test_a_rule_that_guards_the_move_and_what_follows_is_asked_once() -> None:
    asked: list[int] = []
    guards = (WORK.move("open"), WORK.entering("lapsed"))

    def check(at: int) -> bool:
        asked.append(at)
        return True

    guard = rule(guards=guards, check=check)
    done = go(book(guard), "open", note="lapse")
    assert len(asked) == 1
    assert [v.rule for v in done.decision.verdicts] == ["job.rule@1"]


def test_all_rules_are_asked_and_never_only_the_first() -> None:
    rules = [rule(f"job.r{n}", check=lambda at: False) for n in range(3)]
    done = go(book(*rules), record=job())
    assert done.decision.rules == ("job.r0@1", "job.r1@1", "job.r2@1")


def test_a_rule_that_needs_a_person_refuses_with_its_own_outcome() -> None:
    done = go(book(rule(check=lambda at: "needs_person")), record=job())
    assert (done.decision.allowed, done.decision.verdicts[0].outcome) == (False, "needs_person")


def test_an_observed_rule_is_written_down_and_refuses_nothing() -> None:
    watched = replace(
        SETTINGS, relaxed={"job.rule": Relaxation("observe", "a", "b", "why", until=NOW + 1)}
    )
    rules = rule(check=lambda at: False), rule("job.fine")
    done = go(book(*rules), record=job(), settings=watched)
    assert done.decision.allowed
    assert [(v.outcome, v.enforced) for v in done.decision.verdicts] == [
        ("refused", False), ("allowed", True)
    ]
    assert done.record is not None


def test_a_missing_fact_refuses_and_stands_in_the_decision() -> None:
    done = go(book(rule(needs=(fact("f.a", MISSING),))), record=job())
    assert (done.decision.missing, done.decision.facts) == (("f.a",), {"f.a": MISSING})


def test_a_fact_is_read_once_a_move() -> None:
    read: list[int] = []

    def once(c: object) -> str:
        read.append(1)
        return "a"

    counted = replace(fact("f.a", "a"), read=once)
    done = go(
        book(
            rule("job.a", guards=(WORK.move("open"),), needs=(counted,)),
            rule("job.b", guards=(WORK.entering("lapsed"),), needs=(counted,)),
        ),
        "open", note="lapse",
    )
    assert (read, done.decision.facts) == ([1], {"f.a": "a"})


# Versions of a rule


@pytest.mark.parametrize(
    ("binds", "created", "at", "asked"),
    [
        ("now", NOW - HOUR, NOW, "job.rule@2"),
        ("now", NOW - HOUR, NOW - 1, "job.rule@1"),
        ("submission", NOW - 1, NOW, "job.rule@1"),
        ("submission", NOW, NOW, "job.rule@2"),
    ],
)
def test_the_version_that_binds_is_the_one_of_the_move_or_of_the_submission(
    binds: Any, created: int, at: int, asked: str
) -> None:
    old = rule(until=NOW, binds=binds)
    new = rule(version=2, since=NOW, binds=binds)
    done = go(book(old, new), record=job(created_at=created), at=at)
    assert [v.rule for v in done.decision.verdicts] == [asked]


def test_what_binds_at_the_submission_binds_now_while_there_is_no_record() -> None:
    guards = (WORK.move("open"),)
    old = rule(until=NOW, binds="submission", guards=guards)
    new = rule(version=2, since=NOW, binds="submission", guards=guards)
    done = go(book(old, new), "open")
    assert [v.rule for v in done.decision.verdicts] == ["job.rule@2"]


# Before the policy applies


def test_before_the_policy_applies_no_rule_is_asked_and_no_clock_runs() -> None:
    later = replace(SETTINGS, published=NOW + 1)
    refuses = rule(guards=(WORK.move("open"), WORK.entering("lapsed")), check=lambda at: False)
    for note in ("", "lapse"):
        done = go(book(refuses, clocks=(clock(),)), "open", settings=later, note=note)
        assert (done.decision.verdicts, done.clocks) == ((), ())
        assert done.record is not None
    done = go(book(clocks=(clock(),)), "open", settings=replace(SETTINGS, published=NOW))
    assert [change.did for change in done.clocks] == ["started"]


# What the machine, the roles and the time say


def test_there_is_nothing_to_move_before_it_is_made_and_it_is_made_once() -> None:
    assert go(book(), "start").decision.rules == ("machine.no-record",)
    assert go(book(), "open", job()).decision.rules == ("machine.record-exists",)
    done = go(book(), "finish", job())
    assert done.decision.rules == ("machine.no-such-move",)
    assert "it is waiting; this move leaves: running" in done.decision.text.en
    assert "当前状态为“等待”，此动作只能从以下状态开始：进行" in done.decision.text.zh


def test_only_the_roles_of_a_move_make_it_and_a_party_moves_only_its_own() -> None:
    done = go(book(), "finish", job("running"), by=shop.SERVICE)
    assert done.decision.rules == ("machine.who-may",)
    assert "此动作只能由以下身份执行：运营" in done.decision.text.zh
    done = go(book(), "start", job(), by=shop.CUSTOMER)
    assert done.decision.rules == ("machine.own-records",)


@pytest.mark.parametrize(
    ("at", "rules"),
    [
        (NOW + 5 * MINUTE, ()), (NOW + 5 * MINUTE + 1, ("time.future",)),
        (NOW - 24 * HOUR, ()), (NOW - 24 * HOUR - 1, ("time.backdated",)),
    ],
)
def test_a_move_lies_neither_far_ahead_nor_far_back(at: int, rules: tuple[str, ...]) -> None:
    long_there = job(created_at=0)
    assert go(book(), record=long_there, at=at).decision.rules == rules


def test_a_refusal_by_machine_or_time_is_told_beside_those_of_the_rules() -> None:
    done = go(
        book(rule(check=lambda at: False)), record=job(), by=shop.SERVICE, at=NOW + HOUR
    )
    assert done.decision.rules == ("machine.who-may", "time.future", "job.rule@1")


def test_data_that_forbid_the_move_refuse_it_beside_the_rules() -> None:
    refuses = rule(guards=(WORK.move("open"),), check=lambda at: False)
    done = go(book(refuses), "open", note="blot")
    assert done.decision.rules == ("work.open", "job.rule@1")
    assert "a blot is no note" in done.decision.text.en


# Code that fails


def broken(*_: Any) -> Any:
    raise ZeroDivisionError("a bug")


def test_the_code_of_a_rule_fact_effect_or_clock_that_fails_is_named_and_nothing_moves() -> None:
    for asked, name, what, note in [
        (book(rule(check=broken)), "start", "job.rule@1", ""),
        (book(rule(needs=(replace(fact("f.a", 0), read=broken),))), "start", "f.a", ""),
        (book(), "note", "work.note", "bug"),
        (
            book(rule(guards=(WORK.entering("lapsed"),), check=broken)),
            "note", "job.rule@1", "lapse",
        ),
    ]:
        with pytest.raises(RuleBroken) as wrong:
            go(asked, name, job(), note=note)
        assert f"the code of {what} failed: ZeroDivisionError('a bug')" in str(wrong.value)
        assert f"{what} 的代码出错" in wrong.value.text.zh
        assert isinstance(wrong.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("part", ["runs", "adjust"])
def test_the_code_of_a_clock_that_fails_is_named(part: str) -> None:
    given: dict[str, Any] = {part: broken}
    asked = book(clocks=(clock(**given),))
    with pytest.raises(RuleBroken, match=r"the code of job\.in-time@1 failed"):
        go(asked, "open")


# Requests, and several machines on one record


def test_what_the_outside_is_asked_for_comes_with_the_move() -> None:
    asking = replace(JOB, requests=lambda before, after: [("refund", {"amount": 5})])
    asked = Rulebook([asking])
    done = go(asked, "open", kind=asking)
    assert list(done.requests) == [("refund", {"amount": 5})]
    assert go(asked, "start", kind=asking).requests == ()


class Both(Job):
    """A job with a second track."""

    light: str = "off"


def test_a_move_of_one_track_may_be_followed_by_one_of_another() -> None:
    light = Machine(
        "light", "light", WORDS,
        (State("off", WORDS), State("on", WORDS, end=True)),
        (
            Transition(
                "shine", ("off",), "on", (), WORDS, "Shone", when=lambda j: j.state == "running"
            ),
        ),
        born=("off",),
    )
    both = Kind("job", Text("任务", "job"), Both, (WORK, light))
    record = Both(id="J", version=1, pack="p", created_at=NOW, state="waiting")
    done = go(Rulebook([both]), record=record, kind=both)
    assert [m.transition.name for m in done.path] == ["start", "shine"]
    assert both.is_open(record)
    assert light.edges["off", "shine"].by == ()
    assert NEW not in light.labels


class Owing(Job):
    """A job that stays open while something is owed."""

    owed: int = 0

    @property
    def open(self) -> bool:
        """Whether anything is to be done yet."""
        return self.owed > 0


class Opening(Job):
    """A job with a field that is called as the property may be."""

    open: int = 0


def test_a_model_with_a_property_open_says_itself_whether_a_record_is_open() -> None:
    kind = replace(JOB, model=Owing)
    done = Owing(id="J", version=1, pack="p", created_at=NOW, state="done")
    assert not kind.is_open(done)
    owing = done.model_copy(update={"owed": 5})
    assert kind.is_open(owing)
    assert kind.row(owing, 0).open
    assert kind.record_kind.beside is not None
    assert kind.record_kind.beside(owing.body()) == (True, {"state": "done"})
    assert kind.record_kind.beside(b"damaged") is None
    field = replace(JOB, model=Opening)
    assert not field.is_open(
        Opening(id="J", version=1, pack="p", created_at=NOW, state="done", open=1)
    )


def test_records_are_found_by_their_state_once_and_a_long_one_is_cut() -> None:
    assert replace(JOB, indexed=("state",)).record_kind.indexed == ("state",)
    assert JOB.record_kind.indexed == ("state",)
    long = Job(id="J", version=1, pack="p", created_at=NOW, state="x" * 70)
    assert JOB.fields(long) == {"state": "x" * 64}


def test_lookups_name_a_kind_and_a_key() -> None:
    lookup = Lookup("job", lambda c: "X")
    assert lookup.kind == "job"


def test_the_edge_of_a_move_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []
    machine = Kind.machine

    def noted(kind: Kind, move: str, subject: Any) -> Machine:
        asked.append((kind.name, move))
        return machine(kind, move, subject)

    with shop.open_mall() as mall:
        shop.staff(mall)
        shop.place(mall)
        monkeypatch.setattr(Kind, "machine", noted)
        shop.pay(mall)
    assert asked == [("order", "pay"), ("booking", "book")]

"""The rulebook: what is put together is checked before anything moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest

from eldermall import DefinitionError, Text, Unknown
from eldermall.engine.actor import Role
from eldermall.engine.clock import Clock
from eldermall.engine.inputs import Arguments
from eldermall.engine.kind import Command, Kind, Reaction, Record
from eldermall.engine.machine import NEW, Guard, Machine, State, Transition, Unfit
from eldermall.engine.rule import AT, Context, Fact, Rule, looked_up
from eldermall.engine.rulebook import Rulebook
from eldermall.engine.settings import Setting

WORDS = Text("任务", "job")


class Job(Record):
    """A piece of work, for tests."""

    SCHEMA: ClassVar[int] = 1

    state: str
    note: str = ""


class Note(Arguments):
    """What is written on a job."""

    note: str = ""


def write(c: Context) -> dict[str, Any]:
    """Write on the job; a blot is no note."""
    if c.args.note == "blot":
        raise Unfit(Text("不是字", "a blot is no note"))
    if c.args.note == "bug":
        raise ZeroDivisionError("a bug")
    return {"note": c.args.note}


STAFF: tuple[Role, ...] = ("operations",)
WORK = Machine(
    "work",
    "state",
    WORDS,
    (
        State("waiting", Text("等待", "waiting")),
        State("running", Text("进行", "running")),
        State("done", Text("完成", "done"), end=True),
        State("lapsed", Text("失效", "lapsed"), end=True),
    ),
    (
        Transition("open", (NEW,), "waiting", STAFF, WORDS, "Opened", write),
        Transition("start", ("waiting",), "running", ("operations", "customer"), WORDS, "Started"),
        Transition("note", ("waiting", "running"), None, STAFF, WORDS, "Noted", write),
        Transition("finish", ("running",), "done", STAFF, WORDS, "Finished", write),
        Transition(
            "lapse", ("waiting",), "lapsed", (), WORDS, "Lapsed", when=lambda j: j.note == "lapse"
        ),
    ),
)
JOB = Kind("job", WORDS, Job, (WORK,), party=lambda record, actor: False)
OTHER = Kind("other", WORDS, Job, (Machine(
    "other-work", "state", WORDS,
    (State("on", Text("开", "on"), end=True),),
    (Transition("switch", (NEW,), "on", ("system",), WORDS, "Switched"),),
),))
LIMIT = Setting("job.limit", Text("时限", "limit"), "S19-14", "duration", suggestion="1h")


def rule(id: str = "job.rule", **more: Any) -> Rule:
    """Return a rule that always allows to start."""
    given: dict[str, Any] = {
        "label": WORDS, "clauses": ("S19-14",), "guards": (WORK.move("start"),),
        "needs": (AT,), "check": lambda *_: True, "reason": Text("不行", "no"),
    }
    return Rule(id=id, **given | more)


def clock(id: str = "job.in-time", **more: Any) -> Clock:
    """Return a clock on waiting jobs."""
    def runs(job: Job) -> Mapping[str, int]:
        return {"": job.created_at} if job.state == "waiting" else {}

    given: dict[str, Any] = {
        "label": WORDS, "clauses": ("S19-14",), "kind": "job", "runs": runs,
        "met": lambda job, part: job.state == "running", "limit": LIMIT, "starts": WORDS,
        "stops": WORDS, "told": ("operations",),
    }
    return Clock(id=id, **given | more)


def reaction(kind: str, event: str, target: str, move: str) -> Reaction:
    """Return a reaction that makes no command."""
    return Reaction(kind, event, target, move, lambda record, args, cause, by: ())


def book(*rules: Rule, clocks: tuple[Clock, ...] = (), kinds: Any = (JOB, OTHER)) -> Rulebook:
    """Return a small rulebook."""
    return Rulebook(kinds, rules, clocks)


OF_NOWHERE = looked_up(
    "nowhere.fact", "text", WORDS, "nowhere", lambda c: "x", lambda c, record: None
)

WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "a rule twice": (lambda: book(rule(), rule()), "job.rule@1 is defined twice"),
    "a kind twice": (lambda: book(kinds=(JOB, JOB)), "job is defined twice"),
    "a clock twice": (
        lambda: book(clocks=(clock(), clock())), "job.in-time@1 is defined twice"
    ),
    "a rule that guards nothing": (
        lambda: rule(guards=()), "rule job.rule must cite a clause and guard a move or state"
    ),
    "a rule that cites nothing": (
        lambda: rule(clauses=()), "rule job.rule must cite a clause and guard a move or state"
    ),
    "a clock that cites nothing": (
        lambda: clock(clauses=()), "clock job.in-time must cite a clause"
    ),
    "a guard on no machine": (
        lambda: book(rule(guards=(Guard("play", "move", "start"),))),
        "rule job.rule guards play.start, which isn't there",
    ),
    "a guard on no move": (
        lambda: book(rule(guards=(Guard("work", "move", "fly"),))),
        "rule job.rule guards work.fly, which isn't there",
    ),
    "a guard on no state": (
        lambda: book(rule(guards=(Guard("work", "enter", "start"),))),
        "rule job.rule guards work.start, which isn't there",
    ),
    "a fact of no kind": (
        lambda: book(rule(needs=(OF_NOWHERE,))),
        "rule job.rule needs the kind nowhere, which isn't there",
    ),
    "a clock on no kind": (
        lambda: book(clocks=(clock(kind="nowhere"),)),
        "clock job.in-time watches the kind nowhere, which isn't there",
    ),
    "a breach that makes no move": (
        lambda: book(clocks=(clock(on_breach="fly"),)),
        "clock job.in-time makes the move fly, which isn't there",
    ),
    "a setting of two kinds": (
        lambda: book(
            rule(settings=(LIMIT,)),
            rule("job.other", settings=(Setting("job.limit", WORDS, "S19-14", "count"),)),
        ).settings,
        "setting job.limit is declared in two ways",
    ),
    "a reaction to nothing": (
        lambda: Rulebook((JOB, OTHER), reactions=[reaction("job", "Flown", "other", "switch")]),
        "reaction job.Flown to other.switch names an event or move that isn't there",
    ),
    "a reaction that makes no move": (
        lambda: Rulebook((JOB, OTHER), reactions=[reaction("job", "Opened", "other", "fly")]),
        "reaction job.Opened to other.fly names an event or move that isn't there",
    ),
    "a reaction to itself": (
        lambda: Rulebook((JOB, OTHER), reactions=[reaction("job", "Noted", "job", "note")]),
        "reactions go in a circle: job.Noted causes itself",
    ),
    "reactions in a circle": (
        lambda: Rulebook(
            (JOB, OTHER),
            reactions=[
                reaction("job", "Started", "other", "switch"),
                reaction("other", "Switched", "job", "note"),
                reaction("job", "Noted", "job", "start"),
            ],
        ),
        "causes itself",
    ),
    "a reaction that causes itself by what follows": (
        lambda: Rulebook(
            (JOB, OTHER), reactions=[reaction("job", "Lapsed", "job", "open")]
        ),
        "reactions go in a circle: job.Lapsed causes itself",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_rulebook_that_contradicts_itself_is_refused(what: str) -> None:
    make, message = WRONG[what]
    with pytest.raises(DefinitionError) as wrong:
        make()
    assert message in str(wrong.value)
    assert wrong.value.text.zh not in ("", str(wrong.value))


def test_reactions_that_end_are_taken() -> None:
    reactions = [
        reaction("job", "Started", "other", "switch"),
        reaction("job", "Finished", "other", "switch"),
        reaction("other", "Switched", "job", "note"),
    ]
    made = Rulebook((JOB, OTHER), reactions=reactions)
    assert made.reacting["job", "Started"] == (reactions[0],)


@pytest.mark.parametrize(
    ("heard", "moved"), [("nowhere", "job"), ("job", "nowhere")], ids=["heard", "moved"]
)
def test_a_reaction_to_or_of_a_kind_that_is_not_there_is_refused(heard: str, moved: str) -> None:
    with pytest.raises(DefinitionError, match="names the kind nowhere, which isn't there") as wrong:
        Rulebook((JOB,), reactions=[reaction(heard, "Started", moved, "note")])
    assert f"{heard}.Started → {moved}.note 引用了未知类别 nowhere" in wrong.value.text.zh


def test_a_kind_that_is_not_there_is_unknown() -> None:
    with pytest.raises(Unknown) as wrong:
        book().kind("nowhere")
    assert wrong.value.text.zh == "没有类别 nowhere，只有 job、other"


def test_a_rule_on_a_move_and_on_the_state_that_it_enters_is_asked_once() -> None:
    both = rule(guards=(WORK.move("start"), WORK.entering("running")))
    asked = book(both)
    assert asked.guarding(WORK, WORK.edges["waiting", "start"]) == (both,)


def test_rules_guard_a_state_by_whatever_move_it_is_entered() -> None:
    enters = rule(guards=(WORK.entering("waiting"),))
    asked = book(enters)
    assert asked.guarding(WORK, WORK.edges[NEW, "open"]) == (enters,)
    assert asked.guarding(WORK, WORK.edges["waiting", "note"]) == ()


def test_the_plan_of_a_move_has_each_fact_once_and_is_kept() -> None:
    asked = book(rule("job.a"), rule("job.b"), rule("job.c", since=5))
    plan = asked.plan(WORK, WORK.edges["waiting", "start"])
    assert plan.facts == (AT,)
    assert plan.dated
    assert asked.plan(WORK, WORK.edges["waiting", "start"]) is plan


def test_what_may_follow_by_itself_is_looked_up_beforehand() -> None:
    fact = looked_up("other.on", "flag", WORDS, "other", lambda c: "x", lambda c, r: r is not None)
    asked = book(rule(guards=(WORK.entering("lapsed"),), needs=(fact,)))
    wanted = asked.lookups(JOB, WORK, WORK.edges[NEW, "open"])
    assert [lookup.kind for lookup in wanted] == ["other"]
    assert asked.lookups(JOB, WORK, WORK.edges[NEW, "open"]) is wanted


def test_the_newest_version_of_a_clock_starts_and_older_ones_run_out() -> None:
    old, new = clock(), clock(version=2)
    made = book(clocks=(new, old))
    assert made.watching["job"] == (new,)
    assert set(made.clocks) == {"job.in-time@1", "job.in-time@2"}
    assert made.cited == ("job.in-time@1", "job.in-time@2")


def test_settings_are_those_of_rules_and_clocks_by_key() -> None:
    made = book(rule(settings=(LIMIT,)), clocks=(clock(),))
    assert made.settings == {"job.limit": LIMIT}


def fact(name: str, value: Any) -> Fact:
    """Return a fact that reads ``value``."""
    return Fact(name, "text", "argument", WORDS, lambda c: value)


def command(name: str, actor: Any, **more: Any) -> Command:
    """Return a command on the job J."""
    return Command("job", name, "J", actor, Note(**more))

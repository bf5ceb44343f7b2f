"""The heart: one pure function that decides a move and works out everything that follows from it.

The unit of work wraps it in a transaction; `may` and the audit of exports call it without one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eldermall.contracts.storage import ClockRow
from eldermall.engine.actor import Role, listed
from eldermall.engine.clock import Clock, ClockChange, changes
from eldermall.engine.kind import ADOPTED, Command, Kind, Record, subject_of
from eldermall.engine.machine import NEW, Machine, Moved, Transition, Unfit
from eldermall.engine.moments import Happened, out_of_order
from eldermall.engine.parties import outsider, who_may
from eldermall.engine.rule import Context, Decision, Verdict
from eldermall.engine.rulebook import Plan, Rulebook
from eldermall.engine.settings import Settings, Technical
from eldermall.errors import RuleBroken
from eldermall.texts import Text


@dataclass(frozen=True, slots=True)
class Step:
    """A decision and, if it allows the move, all that follows from it.

    ``record`` is None when nothing moved, and the same as before when nothing changed and nothing
    is to be written; ``path`` is the named move and what followed by itself;
    ``requests`` are (topic, data) pairs for the outside. ``unknown`` is None for a move; for a
    record that was taken over it names the moments that nobody knows. ``alone``: who acts is no
    party, so that nothing else was asked, and nothing of the record is told. ``left`` is what the
    move hasn't taken of what was said.
    """

    decision: Decision
    record: Record | None = None
    path: tuple[Moved, ...] = ()
    clocks: tuple[ClockChange, ...] = ()
    requests: Sequence[tuple[str, Mapping[str, Any]]] = ()
    unknown: tuple[str, ...] | None = None
    alone: bool = False
    left: Sequence[Mapping[str, Any]] = ()

    @property
    def events(self) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        """What hosts and reactions hear of: names in the past tense, each with its data."""
        if self.unknown is not None and self.record is not None:
            return ((ADOPTED, {"state": self.record.summary}),)
        left = {"left": len(self.left)} if self.left else {}
        return tuple(
            (m.transition.event, {"from": m.source, "to": m.target} | left) for m in self.path
        )


def context(
    command: Command,
    record: Record | None,
    looked: Mapping[tuple[str, str], Record],
    now: int,
    settings: Settings,
    bound: Settings,
    clocks: Sequence[ClockRow] = (),
) -> Context:
    """Return what the facts of ``command`` are read from; without ``at`` it happens ``now``."""
    at = now if command.at is None else command.at
    c = Context(
        command.id, record, command.args, command.actor, at, now, looked, settings, bound, clocks
    )
    c.host = command.host
    return c


def running(clocks: Sequence[Clock], settings: Settings, now: int) -> Sequence[Clock]:
    """Return the clocks that the policy hasn't switched off."""
    if settings.all_on:
        return clocks
    return [clock for clock in clocks if settings.mode(clock.id, now) != "off"]


@dataclass(frozen=True, slots=True)
class Edge:
    """How a move stands to a record: the edge that it takes, if any, and whose rules it asks.

    Args:
        machine: the one that knows the move.
        state: the record's state there; empty if the machine is no track of this record.
        taken: the transition that leaves that state; None if none does.
        asked: the transition whose rules are asked: the one taken, else one that leaves another
            state, so that the refusal names its rules too. None where the record isn't there, or
            is there already, or has no such track.
    """

    machine: Machine
    state: str
    taken: Transition | None
    asked: Transition | None

    @property
    def after(self) -> tuple[Happened, ...]:
        """What the move comes after."""
        return () if self.taken is None else self.taken.after


def edge(kind: Kind, record: Record | None, move: str, args: Any = None) -> Edge:
    """Return the edge of a record's state for ``move``.

    ``args`` are the move's, by which the tracks of a new record are told apart.
    """
    machine = kind.machine(move, args if record is None else record)
    state = NEW if record is None else getattr(record, machine.field) or ""
    taken = machine.edges.get((state, move))
    return Edge(machine, state, taken, taken or _elsewhere(machine, record, move))


def _elsewhere(machine: Machine, record: Record | None, move: str) -> Transition | None:
    named = machine.named(move)
    if record is None or NEW in named.sources or not machine.applies(record):
        return None
    return named


def has_edge(kind: Kind, record: Record | None, move: str) -> bool:
    """Say whether a record's state has an edge ``move``."""
    return edge(kind, record, move).taken is not None


def step(
    book: Rulebook,
    kind: Kind,
    command: Command,
    c: Context,
    technical: Technical,
    here: Edge | None = None,
) -> Step:
    """Decide ``command`` and work out the record, clocks, events and requests after it.

    Args:
        book: the rules and clocks.
        kind: the kind of the record.
        command: the move.
        c: the record as it is, other records looked up, its open clocks, times, settings.
        technical: how far ``at`` may lie from now.
        here: the edge of the record's state for the move, where it is known already.

    Raises:
        RuleBroken: the code of a rule, fact, effect or clock failed.
    """
    record: Record | None = c.record
    subject = subject_of(kind.name, command.id)
    if (stranger := outsider(kind, command, record)) is not None:
        said = kind.label, kind.machines_of[command.name][0].named(command.name).label
        return Step(
            Decision(subject, command.name, "", (stranger,), {}, False, said), alone=True
        )
    c.party = kind.party
    here = here or edge(kind, record, command.name, command.args)
    built_in = _built_in(kind, here, command, c, technical)
    labels = kind.label, (here.taken or here.machine.named(command.name)).label
    if here.asked is None:
        return Step(
            Decision(subject, command.name, here.state, tuple(built_in), {}, False, labels)
        )
    verdicts: dict[str, Verdict] = {}
    facts: dict[str, Any] = {}
    applies = max(c.at, c.now) >= c.settings.published
    try:
        if applies:
            _ask(book.plan(here.machine, here.asked), c, facts, verdicts)
        after = record
        path: tuple[Moved, ...] = ()
        if not any(verdict.enforced for verdict in built_in):
            after, path = _apply(kind, here.machine, here.asked, here.state, c)
            if applies:
                for moved in path[1:]:
                    _ask(book.plan(moved.machine, moved.transition), c, facts, verdicts)
    except Unfit as unfit:
        name = f"{here.machine.name}.{command.name}"
        built_in.append(Verdict(name, "refused", reason=unfit.text))
    except _Broken as broken:
        raise RuleBroken(
            Text(
                f"{subject} 执行 {command.name} 时，{broken.what} 的代码出错：{broken.__cause__!r}",
                f"{subject}: {command.name}: the code of {broken.what} failed: "
                f"{broken.__cause__!r}",
            )
        ) from broken.__cause__
    every = (*built_in, *verdicts.values())
    allowed = all(verdict.outcome == "allowed" or not verdict.enforced for verdict in every)
    decision = Decision(subject, command.name, here.state, every, facts, allowed, labels)
    if not allowed or after is None:
        return Step(decision)
    if here.asked.quiet and record is not None and _same(record, after):
        return Step(decision, record)
    changed: tuple[ClockChange, ...] = ()
    if applies and (watching := running(book.watching[kind.name], c.settings, c.now)):
        changed = tuple(changes(watching, after, subject, c.clocks, c.at, c.settings, c.bound))
    requests = () if kind.requests is None else kind.requests(record, after)
    return Step(decision, after, path, changed, requests, left=tuple(c.left))


def _same(before: Record, after: Record) -> bool:
    return after.model_copy(update={"version": before.version}) == before


class _Broken(Exception):
    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def _ask(plan: Plan, c: Context, facts: dict[str, Any], verdicts: dict[str, Verdict]) -> None:
    for fact in plan.facts:
        if fact.name not in facts:
            try:
                value = fact.read(c)
            except Exception as error:
                raise _Broken(fact.name) from error
            facts[fact.name] = value
    all_on = c.settings.all_on
    for rule in plan.rules:
        if rule.name in verdicts:
            continue
        mode = "on" if all_on else c.settings.mode(rule.id, c.now)
        if mode == "off":
            continue
        if plan.dated and not rule.valid(_binding_moment(rule.binds, c)):
            continue
        try:
            verdict = rule.verdict(facts)
        except Exception as error:
            raise _Broken(rule.name) from error
        if verdict is not rule.allowed and mode == "observe":
            verdict = replace(verdict, enforced=False)
        verdicts[rule.name] = verdict


def _binding_moment(binds: str, c: Context) -> int:
    if binds == "submission" and c.record is not None:
        return int(c.record.created_at)
    return c.at


def _apply(
    kind: Kind, machine: Machine, taken: Transition, state: str, c: Context
) -> tuple[Record, tuple[Moved, ...]]:
    fields: dict[str, Any] = {}
    if taken.effect is not None:
        try:
            fields.update(taken.effect(c))
        except Unfit:
            raise
        except Exception as error:
            raise _Broken(f"{machine.name}.{taken.name}") from error
    path = [machine.take(state, taken.name)]
    fields[machine.field] = path[0].target
    record: Record
    if c.record is None:
        record = kind.model(
            id=c.id, version=1, pack=c.settings.pack, created_at=c.at, **fields
        )
    else:
        fields["version"] = c.record.version + 1
        record = c.record.model_copy(update=fields)
    if taken.alone:
        return record, tuple(path)
    record, further = followed(kind, record, c.at)
    return record, (*path, *further)


def followed(kind: Kind, record: Record, at: int) -> tuple[Record, tuple[Moved, ...]]:
    """Return a record after the automatic moves that follow from what it says, and these.

    Args:
        kind: its kind.
        record: as it is before.
        at: when they happen.
    """
    path: list[Moved] = []
    automatic = True
    while automatic:
        automatic = False
        for m in kind.machines:
            state = getattr(record, m.field)
            for t in m.following.get(state, ()):
                if t.when is not None and t.when(record):
                    path.append(m.take(state, t.name))
                    follows = {} if t.follows is None else t.follows(record, at)
                    record = record.model_copy(update={**follows, m.field: path[-1].target})
                    automatic = True
                    break
    return record, tuple(path)


def _built_in(
    kind: Kind, here: Edge, command: Command, c: Context, technical: Technical
) -> list[Verdict]:
    found: list[Verdict] = []
    taken = here.taken
    if taken is None:
        found.append(_no_such_move(kind, here.machine, here.state, command))
    elif command.actor.role not in taken.by:
        found.append(who_may(taken.by))
    if not command.follows:
        found.extend(_untimely(kind, here, command, c, technical))
    return found


LATE_ROLES: tuple[Role, ...] = ("operations", "department_head", "company_leader")
"""Who may enter something later than anybody may, saying why."""


def _disorderly(
    kind: Kind, here: Edge, command: Command, c: Context, technical: Technical
) -> Iterator[Verdict]:
    """Yield what is said of a move before what it follows, or long before anything that is known.

    Only a clock that stands far back makes the latter, unless somebody says why it is entered late.
    """
    dated = command.at is not None
    found = out_of_order(here.after, c, kind.label, technical.future, dated=dated)
    if found is None and not (dated and command.late_reason is not None):
        window = technical.future + (technical.backdating if dated else 0)
        found = out_of_order(kind.ordered, c, kind.label, window, dated=dated)
    if found is not None:
        yield found


def _untimely(
    kind: Kind, here: Edge, command: Command, c: Context, technical: Technical
) -> Iterator[Verdict]:
    if c.at > c.now + technical.future:
        yield _refusal(
            "time.future", "发生时间晚于当前时间", "it would have happened in the future"
        )
    if c.record is not None:
        yield from _disorderly(kind, here, command, c, technical)
    if c.at < c.now - technical.backdating and (
        command.late_reason is None or command.actor.role not in LATE_ROLES
    ):
        who = listed(LATE_ROLES)
        yield _refusal(
            "time.backdated",
            f"发生时间早于允许补录的期限，只能由{who.zh}注明补录原因（late_reason）后补录",
            "it lies further back than may be entered afterwards, but by "
            f"{who.en} with a late_reason",
        )


def _no_such_move(kind: Kind, machine: Machine, state: str, command: Command) -> Verdict:
    if state == NEW:
        return _refusal(
            "machine.no-record",
            f"{kind.label.zh} {command.id} 不存在",
            f"there is no {kind.label.en} {command.id}",
        )
    if not state:
        return _refusal(
            "machine.other-track",
            f"此动作只用于{machine.label.zh}",
            f"this move is made on another track: {machine.label.en}",
        )
    starts = [t for t in machine.transitions if t.name == command.name]
    if all(t.sources == (NEW,) for t in starts):
        return _refusal(
            "machine.record-exists",
            f"{kind.label.zh} {command.id} 已存在",
            f"{kind.label.en} {command.id} exists already",
        )
    sources = [machine.labels[s] for t in starts for s in t.sources if s != NEW]
    return _refusal(
        "machine.no-such-move",
        f"当前状态为“{machine.labels[state].zh}”，此动作只能从以下状态开始："
        + "、".join(s.zh for s in sources),
        f"it is {machine.labels[state].en}; this move leaves: "
        + ", ".join(s.en for s in sources),
    )


def _refusal(rule: str, zh: str, en: str) -> Verdict:
    return Verdict(rule, "refused", reason=Text(zh, en))


__all__ = ["Context", "Edge", "Moved", "Step", "context", "edge", "step"]

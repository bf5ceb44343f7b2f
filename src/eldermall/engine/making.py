"""Making a move inside a unit of work, and every reaction to it.

Nothing of a move is kept unless all of it is. A refusal leaves an entry and nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Set
from dataclasses import replace
from typing import Any

from eldermall.engine.actor import system
from eldermall.engine.adoption import adopted
from eldermall.engine.clock import ClockChange, changes
from eldermall.engine.inputs import Arguments
from eldermall.engine.journal import Entry, args_of
from eldermall.engine.kind import ADOPT, BREACHED, Command, Reaction, Record, subject_of
from eldermall.engine.machine import Moved
from eldermall.engine.moments import raised
from eldermall.engine.rule import MISSING, Context, Decision
from eldermall.engine.step import Step, context, edge, followed, has_edge, running, step
from eldermall.engine.work import Held, Work
from eldermall.errors import Conflict, Refused
from eldermall.texts import Text

CAUGHT_UP = "catch_up"
"""The move, if a kind has it, with which a record is brought up to what is installed now."""


class Refusal(Exception):
    """Raised where a command is refused, with the entry that it leaves."""

    def __init__(self, decision: Decision, entry: Entry) -> None:
        super().__init__()
        self.decision = decision
        self.entry = entry


def make(work: Work, command: Command) -> tuple[Record, Decision]:
    """Make ``command`` and every reaction to it; return its record and decision.

    Raises:
        Refusal: it was refused, or what had to follow was; ``work`` is not to be written.
        Conflict: the record isn't at the version that the command expects.
    """
    held, c, result = first = _decide(work, command)
    if not result.alone:
        _expect(command, held)
    if result.record is None:
        raise _refusal(command, first, result)
    if result.record is held.record:
        return result.record, result.decision
    refused = _follow(work, _take(work, command, held, c, result))
    if refused is not None:
        raise _refusal(command, first, refused)
    assert held.record is not None
    return held.record, result.decision


def react(work: Work, held: Held, at: int, change: ClockChange) -> None:
    """Make every reaction to the breach of a clock; each is best-effort."""
    _follow(work, _reactions(work, held, at, BREACHED, held.record, change))


def catch_up(work: Work, held: Held) -> None:
    """Bring an open record up to what is installed now: clocks and debts that it doesn't know.

    It is what any move would do besides, for a record that stands still: clocks start since their
    own moments, and automatic moves follow. A kind with an internal move ``catch_up`` makes that.

    Raises:
        Refused: a rule refuses it, or what follows from it.
    """
    kind, record, basis = held.kind, held.record, work.basis
    assert record is not None
    cause = system(CAUGHT_UP)
    command = Command(kind.name, CAUGHT_UP, held.id, cause, Arguments())
    if CAUGHT_UP in kind.machines_of and has_edge(kind, record, CAUGHT_UP):
        try:
            make(work, command)
        except Refusal as refusal:
            raise Refused(refusal.decision) from None
        return
    bound = basis.bound(record, work.tx)
    after: Record
    after, path = followed(kind, record, work.now)
    watching = running(basis.book.watching[kind.name], basis.settings, work.now)
    rows = list(work.clocks(held).values())
    subject = subject_of(kind.name, held.id)
    changed = list(changes(watching, after, subject, rows, work.now, basis.settings, bound))
    if not path and not changed:
        return
    if path:
        held.record = after.model_copy(update={"version": after.version + 1})
    fields: dict[str, Any] = {
        "what": "clocks.derived", "outcome": "clock", "actor": cause.as_json(),
        "pack": basis.settings.pack,
    }
    if path:
        fields |= {"version": after.version + 1, "followed": _steps(path)}
    events = [(m.transition.event, {"from": m.source, "to": m.target}) for m in path]
    work.write(held, work.now, command, fields, (), changed, events)
    refused = _follow(
        work,
        [
            follow
            for event, _ in events
            for follow in _reactions(work, held, work.now, event, record, command.args)
        ],
    )
    if refused is not None:
        raise Refused(refused.decision)


def _decide(work: Work, command: Command) -> tuple[Held, Context, Step]:
    """Return the record, the context and the step of ``command``, writing nothing."""
    basis = work.basis
    kind = basis.book.kind(command.kind)
    held = work.hold(kind, command.id)
    bound = basis.bound(held.record, work.tx)
    c = context(command, held.record, {}, work.now, basis.settings, bound)
    if command.name == ADOPT:
        return held, c, adopted(basis.book, kind, command, c, basis.technical)
    here = edge(kind, held.record, command.name, command.args)
    if command.at is None and held.record is not None:
        c.at = raised(here.after, c, basis.technical.future)
    if here.asked is not None:
        c.looked = work.look(basis.book.lookups(kind, here.machine, here.asked), c)
    if here.taken is not None and here.taken.erases:
        c.rested = work.rested(held)
    c.clocks = list(work.clocks(held).values())
    return held, c, step(basis.book, kind, command, c, basis.technical, here)


def _follow(work: Work, following: Iterable[tuple[Command, Reaction]]) -> Step | None:
    """Make what follows, breadth first; return the refusal that undoes all of it, if any."""
    waiting = deque(following)
    there = _there(work, waiting)
    _hold(work, waiting, there)
    while waiting:
        command, reaction = waiting.popleft()
        if _passed_over(work, command, reaction, there):
            continue
        held, c, result = _decide(work, command)
        if result.record is not None:
            further = _take(work, command, held, c, result)
            there |= _there(work, further)
            _hold(work, further, there)
            waiting.extend(further)
        elif reaction.best_effort:
            _leave(work, command, held, c, result.decision)
        else:
            return result
    return None


def _there(work: Work, following: Iterable[tuple[Command, Reaction]]) -> set[tuple[str, str]]:
    """Return which records are there, of those that follow only if they are."""
    wanted: dict[str, set[str]] = {}
    for command, reaction in following:
        if reaction.if_exists and (command.kind, command.id) not in work.held:
            wanted.setdefault(command.kind, set()).add(command.id)
    return {
        (kind, id)
        for kind, ids in sorted(wanted.items())
        for id in work.tx.existing(kind, sorted(ids))
    }


def _hold(
    work: Work, following: Iterable[tuple[Command, Reaction]], there: Set[tuple[str, str]]
) -> None:
    """Load what these will move; not what isn't there, of those that need it to be."""
    work.hold_many(
        (work.basis.book.kind(command.kind), command.id)
        for command, reaction in following
        if not reaction.if_exists or (command.kind, command.id) in there
    )


def _passed_over(
    work: Work, command: Command, reaction: Reaction, there: Set[tuple[str, str]]
) -> bool:
    key = command.kind, command.id
    if reaction.if_exists:
        held = work.held.get(key)
        missing = key not in there if held is None else held.record is None
        if missing:
            return True
    if reaction.if_absent:
        kind = work.basis.book.kind(command.kind)
        return work.hold(kind, command.id).record is not None
    return False


def _reactions(
    work: Work, held: Held, at: int, event: str, before: Record | None, args: Any
) -> Iterator[tuple[Command, Reaction]]:
    """Return the commands that follow from an event, each with its reaction."""
    reacting = work.basis.book.reacting.get((held.kind.name, event))
    if not reacting:
        return
    cause = system(f"{subject_of(held.kind.name, held.id)}#{held.head.seq}")
    for reaction in reacting:
        for follow in reaction.commands(before, held.record, args, cause):
            when = at if follow.at is None else follow.at
            yield replace(follow, at=when, follows=True), reaction


def _take(
    work: Work, command: Command, held: Held, c: Context, result: Step
) -> list[tuple[Command, Reaction]]:
    """Note a move that is allowed; return what follows from it."""
    assert result.record is not None
    before = held.record
    fields, personal = _said(command, c, "moved")
    fields |= _decided(result.decision) | {"version": result.record.version}
    if result.unknown is not None:
        fields |= {
            "outcome": "adopted", "state": result.record.summary,
            "unknown": list(result.unknown),
        }
    else:
        fields |= {"from": result.path[0].source, "to": result.path[0].target}
    if result.left:
        fields["left"] = list(result.left)
    if len(result.path) > 1:
        fields["followed"] = _steps(result.path[1:])
    held.record = result.record
    if any(moved.transition.erases for moved in result.path):
        work.erased.append(subject_of(command.kind, command.id))
    work.write(
        held, c.at, command, fields, personal, result.clocks, result.events, result.requests
    )
    return [
        follow
        for event, _ in result.events
        for follow in _reactions(work, held, c.at, event, before, command.args)
    ]


def _steps(path: Iterable[Moved]) -> list[dict[str, str]]:
    return [{"move": m.transition.name, "from": m.source, "to": m.target} for m in path]


def _leave(
    work: Work, command: Command, held: Held, c: Context, decision: Decision
) -> None:
    """Note that a best-effort reaction was refused."""
    fields, personal = _said(command, c, "refused")
    fields |= {"state": decision.state} | _decided(decision)
    work.write(held, c.at, command, fields, personal, (), ())


def _expect(command: Command, held: Held) -> None:
    version = 0 if held.record is None else held.record.version
    if command.expect is not None and command.expect != version:
        raise Conflict(
            Text(
                f"{subject_of(command.kind, command.id)} 现为第 {version} 版，"
                f"不是预期的第 {command.expect} 版",
                f"{subject_of(command.kind, command.id)} is at version {version}, "
                f"not {command.expect} as expected",
            )
        )


def _refusal(command: Command, first: tuple[Held, Context, Step], last: Step) -> Refusal:
    _, c, result = first
    decision = result.decision
    fields, personal = _said(command, c, "refused")
    fields |= {"state": decision.state} | _decided(decision)
    if last is not result:
        reaction = last.decision
        fields["reaction"] = {
            "subject": reaction.subject, "move": reaction.move, "state": reaction.state,
        } | _decided(reaction)
        decision = replace(
            decision, verdicts=decision.verdicts + reaction.refusals, allowed=False
        )
    entry = Entry(decision.subject, c.at, fields, personal, stranger=result.alone)
    return Refusal(decision, entry)


def _said(
    command: Command, c: Context, outcome: str
) -> tuple[dict[str, Any], tuple[tuple[str, str, bytes, bytes], ...]]:
    args, personal = args_of(command.args)
    fields: dict[str, Any] = {
        "what": f"{command.kind}.{command.name}",
        "outcome": outcome,
        "actor": command.actor.as_json(),
        "args": args,
        "pack": c.settings.pack,
    }
    if command.late_reason is not None:
        fields["late_reason"] = command.late_reason
    if command.asked is not None:
        fields["asked"] = command.asked
    return fields, personal


def _decided(decision: Decision) -> dict[str, Any]:
    known = {name: value for name, value in decision.facts.items() if value is not MISSING}
    return {
        "facts": known,
        "verdicts": [verdict.as_json() for verdict in decision.verdicts],
    }

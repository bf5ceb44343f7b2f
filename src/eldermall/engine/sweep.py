"""The sweep: every time limit whose moment has come is acted on, each in a unit of its own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from eldermall.calendars import moment
from eldermall.contracts.storage import ClockRow, Transaction
from eldermall.engine.actor import system
from eldermall.engine.clock import Act, Clock, ClockChange
from eldermall.engine.engine import Engine
from eldermall.engine.inputs import Arguments
from eldermall.engine.journal import Entry
from eldermall.engine.kind import Command
from eldermall.engine.making import Refusal, make, react
from eldermall.engine.present import doubt, known
from eldermall.engine.step import has_edge
from eldermall.engine.work import Held, Work
from eldermall.errors import Conflict, EldermallError, Refused, SchemaError
from eldermall.texts import Text

BATCH = 200
KEYS_A_SWEEP = 1_000


@dataclass(frozen=True, slots=True)
class Failed:
    """A clock that could not be acted on: which, and why. It is tried again.

    Where ``clock`` is ``clocks.derived``, a record that an older release or policy left couldn't
    be brought up to date; it is with its next move.
    """

    subject: str
    clock: str
    part: str
    why: Text


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: counts of warnings, breaches, repeats, and the clocks that failed.

    ``doubt``: why old keys weren't forgotten and failed clocks not put off, where now lies far
    beyond all that the database knows.
    """

    warned: int = 0
    breached: int = 0
    repeated: int = 0
    failed: tuple[Failed, ...] = ()
    doubt: Text | None = field(default=None, repr=False)


def sweep(engine: Engine, now: int) -> Swept:
    """Act on every clock whose moment has come at ``now``. Doing it again changes nothing.

    Several may sweep at once: a clock is acted on once.

    Raises:
        Conflict: the database is locked; nothing was done.
    """
    last = known(engine, now)
    if last == now:
        engine.within(lambda tx: tx.forget_keys(now - engine.technical.key_age, KEYS_A_SWEEP))
    did = {"warned": 0, "breached": 0, "repeated": 0}
    failed: list[Failed] = []
    busy: list[ClockRow] = []
    tried: set[tuple[str, str, str, int, int]] = set()

    def attempt(row: ClockRow, *, wait: bool) -> None:
        try:
            acts = _act(engine, row, now, wait=wait)
        except EldermallError as error:
            failed.append(Failed(row.subject, row.name, row.part, error.text))
            if not isinstance(error, Conflict) and last == now:
                with suppress(Conflict):  # reported all the same, and tried again
                    _note_failure(engine, row, now, error)
            return
        if acts is None:
            busy.append(row)
            return
        for act in acts:
            did[act] += 1

    while True:
        with engine.storage.read(engine.mall) as tx:
            rows = tx.due_clocks(now, BATCH + len(failed) + len(busy))
        due = [row for row in rows if _key(row) not in tried]
        if not due:
            break
        for row in due:
            tried.add(_key(row))
            attempt(row, wait=False)
    for row in busy:
        attempt(row, wait=True)
    said = None if last == now else doubt(engine, now, last)
    return Swept(did["warned"], did["breached"], did["repeated"], tuple(failed), said)


def _key(row: ClockRow) -> tuple[str, str, str, int, int]:
    return row.subject, row.name, row.part, row.started, row.stage


def _act(engine: Engine, due: ClockRow, now: int, *, wait: bool) -> list[Act] | None:
    """Act on a clock; None if it isn't to be waited for and somebody has its record."""
    clock = engine.book.clocks.get(due.name)
    if clock is None:
        raise SchemaError(
            Text(f"未安装时限 {due.name}", f"the clock {due.name} isn't installed")
        )
    try:
        return engine.within(lambda tx: _acted(engine, tx, clock, due, now, wait=wait))
    except Refusal as refusal:
        raise Refused(refusal.decision) from None


def _acted(
    engine: Engine, tx: Transaction, clock: Clock, due: ClockRow, now: int, *, wait: bool
) -> list[Act] | None:
    kind = engine.book.kind(clock.kind)
    id = due.subject.split("/", 1)[1]
    if not wait and not tx.try_lock(kind.name, id):
        return None
    work = Work(engine, tx, now)
    held = work.hold(kind, id)
    row = work.clocks(held).get((due.name, due.part, due.started))
    if row is None or row.next is None or row.next > now:
        return []
    mode = engine.settings.mode(clock.id, now)
    if mode == "off":
        _stop(work, held, clock, row, now)
        return []
    acts = clock.acts(row.started, row.due, engine.pack(row.pack, tx))
    cause = system(f"clock:{clock.name}")
    did: list[Act] = []
    while row.next is not None and row.next <= now:
        moment, act, who = acts[row.stage]
        row = replace(
            row,
            stage=row.stage + 1,
            next=acts[row.stage + 1][0] if row.stage + 1 < len(acts) else None,
            state="breached" if act == "breached" else row.state,
        )
        change = ClockChange(row, act)
        told = _told(clock, change, who if mode == "on" else ())
        fields: dict[str, Any] = {
            "what": f"clock.{act}",
            "outcome": "clock",
            "actor": cause.as_json(),
            "clauses": list(clock.clauses),
            "reading": row.counting,
            "limit": row.limit,
            "state": "" if held.record is None else held.record.summary,
            "pack": row.pack,
        }
        if mode == "observe":
            fields["enforced"] = False
        command = Command(kind.name, clock.on_breach or "", id, cause, Arguments())
        event = "Clock" + act.capitalize()
        notices = [("notice", _notice(act, role, row)) for role in told["who"]]
        work.write(held, moment, command, fields, (), [change], [(event, told)], notices)
        did.append(act)
        if act == "breached" and mode == "on":
            react(work, held, now, change)
            if clock.on_breach is None or not has_edge(kind, held.record, clock.on_breach):
                continue
            make(work, command)
            kept = work.clocks(held).get((due.name, due.part, due.started))
            if kept is None:
                break
            row = kept
    work.flush()
    return did


def _stop(work: Work, held: Held, clock: Clock, row: ClockRow, now: int) -> None:
    """End a clock that the policy has switched off."""
    cause = system(f"clock:{clock.name}")
    change = ClockChange(replace(row, state="stopped", next=None, stopped=now), "stopped")
    fields = {
        "what": "clock.stopped",
        "outcome": "clock",
        "actor": cause.as_json(),
        "clauses": list(clock.clauses),
        "pack": work.basis.settings.pack,
    }
    command = Command(held.kind.name, "", held.id, cause, Arguments())
    work.write(held, now, command, fields, (), [change], ())
    work.flush()


def _told(clock: Clock, change: ClockChange, who: tuple[str, ...]) -> Mapping[str, Any]:
    return {**change.as_json(), "clauses": list(clock.clauses), "who": list(who)}


def _notice(act: Act, role: str, row: ClockRow) -> Mapping[str, Any]:
    """Return what a role must be told of a clock."""
    due = moment(row.due).isoformat()
    params = {"clock": row.name, "part": row.part, "due": due}
    return {"template": f"clock.{act}", "role": role, "params": params, "urgent": True}


def _note_failure(engine: Engine, row: ClockRow, now: int, error: EldermallError) -> None:
    entry = Entry(
        row.subject,
        now,
        {
            "what": "clock.failed",
            "outcome": "failed",
            "actor": system(f"clock:{row.name}").as_json(),
            "clock": row.name,
            "part": row.part,
            "pack": row.pack,
            "why": error.text.en,
        },
    )
    def note(tx: Transaction) -> None:
        tx.load(*row.subject.split("/", 1))
        if row not in tx.open_clocks(row.subject):
            return  # it has ended, or somebody else has acted on it, since it failed
        engine.append(tx, entry)
        tx.put_clocks([replace(row, next=now + engine.technical.retry)])

    engine.within(note)

"""The unit of work: one command, its reactions, clocks, entries and messages in one commit.

Nothing of a move is kept unless all of it is. A refusal leaves an entry and nothing else.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, TypeVar

from eldermall.contracts.storage import (
    OPEN_CLOCKS,
    ClockRow,
    EntryRow,
    Head,
    KeyRow,
    Message,
    PersonalRow,
    Storage,
    Transaction,
)
from eldermall.engine.actor import system
from eldermall.engine.adoption import adopted, adopted_before
from eldermall.engine.canonical import canonical, compact
from eldermall.engine.clock import ClockChange
from eldermall.engine.journal import Entry, args_of, chain, entry_fields
from eldermall.engine.kind import ADOPT, BREACHED, Command, Kind, Reaction, Record, subject_of
from eldermall.engine.rule import MISSING, Context, Decision, Fact, Lookup
from eldermall.engine.rulebook import Rulebook
from eldermall.engine.settings import Settings, Technical
from eldermall.engine.step import Step, asked, context, edge, step
from eldermall.errors import (
    Conflict,
    KeyReused,
    Locked,
    Overtaken,
    Refused,
    RuleBroken,
    SchemaError,
)
from eldermall.texts import Text

T = TypeVar("T")
Begin = Callable[[], AbstractContextManager[Transaction]]

ENDINGS = {"late": "ClockEndedLate", "lapsed": "ClockEndedLate", "annulled": "ClockAnnulled"}
"""The ends of a clock that hosts hear of."""

TRIES = 4
"""How often a transaction of our own is made in all when others overtake it."""


@dataclass(slots=True)
class _Held:
    """A record that a unit has loaded, as it stands inside the unit."""

    kind: Kind
    id: str
    record: Record | None
    head: Head
    stored: int
    clocks: dict[tuple[str, str, int], ClockRow] | None = None
    changed: dict[tuple[str, str, int], ClockRow] = field(default_factory=dict)


class _Refusal(Exception):
    def __init__(self, decision: Decision, entry: Entry) -> None:
        super().__init__()
        self.decision = decision
        self.entry = entry


class Work:
    """What one unit has read and means to write.

    Args:
        engine: what everything is done with.
        tx: the transaction.
        now: the moment of recording.
    """

    def __init__(self, engine: Engine, tx: Transaction, now: int) -> None:
        self.engine = engine
        self.tx = tx
        self.now = now
        self.held: dict[tuple[str, str], _Held] = {}
        self.entries: list[EntryRow] = []
        self.personal: list[PersonalRow] = []
        self.messages: list[Message] = []
        self.erased: list[str] = []
        self.keys: list[KeyRow] = []
        self._looked: dict[tuple[str, str], Record | None] = {}

    def hold(self, kind: Kind, id: str) -> _Held:
        """Return the record ``id`` as it stands inside the unit, loading it once."""
        held = self.held.get((kind.name, id))
        if held is None:
            row, head = self.tx.load(kind.name, id)
            record = None if row is None else kind.record(row)
            held = _Held(kind, id, record, head, 0 if row is None else row.version)
            self.held[kind.name, id] = held
        return held

    def clocks(self, held: _Held) -> dict[tuple[str, str, int], ClockRow]:
        """Return the open clocks of a held record, loading them once."""
        if held.clocks is None:
            held.clocks = {}
            if held.record is not None:
                rows = self.tx.open_clocks(subject_of(held.kind.name, held.id))
                held.clocks = {(r.name, r.part, r.started): r for r in rows}
        return held.clocks

    def look(self, held: _Held, c: Context, move: str) -> Mapping[tuple[str, str], Record]:
        """Return the other records that the rules of ``move`` need."""
        machine, _, taken = edge(held.kind, held.record, move, c.args)
        found: dict[tuple[str, str], Record] = {}
        if taken is None:
            taken = asked(machine, held.record, move)
        if taken is None:
            return found
        wanted: dict[str, list[str]] = {}
        for lookup in self.engine.book.lookups(held.kind, machine, taken):
            id = self._key(lookup, c)
            if id is None:
                continue
            key = lookup.kind, id
            if key not in self.held and key not in self._looked:
                ids = wanted.setdefault(lookup.kind, [])
                if id not in ids:
                    ids.append(id)
                continue
            inside = self.held[key].record if key in self.held else self._looked[key]
            if inside is not None:
                found[key] = inside
        for name, ids in sorted(wanted.items()):
            kind = self.engine.book.kinds[name]
            rows = self.tx.look_up(name, sorted(ids))
            for id in ids:
                record = kind.record(rows[id]) if id in rows else None
                self._looked[name, id] = record
                if record is not None:
                    found[name, id] = record
        return found

    def _key(self, lookup: Lookup, c: Context) -> str | None:
        try:
            return lookup.key(c)
        except Exception as error:
            raise RuleBroken(
                Text(
                    f"计算所需 {lookup.kind} 编号的代码出错：{error!r}",
                    f"the code that says which {lookup.kind} a rule needs failed: {error!r}",
                )
            ) from error

    def decide(self, command: Command) -> tuple[_Held, Context, Step]:
        """Return the record, the context and the step of ``command``, writing nothing."""
        kind = self.engine.book.kind(command.kind)
        held = self.hold(kind, command.id)
        bound = self.engine.bound(held.record, self.tx)
        c = context(command, held.record, {}, self.now, self.engine.settings, bound)
        if command.name == ADOPT:
            return held, c, adopted(self.engine.book, kind, command, c, self.engine.technical)
        c.looked = self.look(held, c, command.name)
        _, _, taken = edge(kind, held.record, command.name, command.args)
        if taken is not None and taken.erases:
            c.rested = self._rested(subject_of(kind.name, command.id))
        c.clocks = list(self.clocks(held).values())
        return held, c, step(self.engine.book, kind, command, c, self.engine.technical)

    def _rested(self, subject: str) -> int | None:
        """Return when a record last moved, erasures apart."""
        entries = map(entry_fields, reversed(self.tx.chain(subject)))
        moves = (e for e in entries if e["outcome"] == "moved" and not e["what"].endswith(".erase"))
        return next((int(e["at"]) for e in moves), None)

    def run(self, command: Command) -> Record:
        """Make ``command`` and every reaction to it, or raise `_Refusal`."""
        return self.make(command)[0]

    def make(self, command: Command) -> tuple[Record, Decision]:
        """Make ``command`` and every reaction to it; return its record and decision."""
        held, c, result = first = self.decide(command)
        self._expect(command, held)
        if result.record is None:
            raise self._refusal(command, first, result)
        refused = self._follow(self._take(command, held, c, result))
        if refused is not None:
            raise self._refusal(command, first, refused)
        assert held.record is not None
        return held.record, result.decision

    def react(self, held: _Held, at: int, change: ClockChange) -> None:
        """Make every reaction to the breach of a clock; each is best-effort."""
        self._follow(self._reactions(held, at, BREACHED, held.record, change))

    def _follow(self, following: Iterable[tuple[Command, Reaction]]) -> Step | None:
        """Make what follows, breadth first; return the refusal that undoes all of it, if any."""
        waiting = deque(following)
        there = self._there(waiting)
        while waiting:
            command, reaction = waiting.popleft()
            if self._passed_over(command, reaction, there):
                continue
            held, c, result = self.decide(command)
            if result.record is not None:
                further = self._take(command, held, c, result)
                there |= self._there(further)
                waiting.extend(further)
            elif reaction.best_effort:
                self._leave(command, held, c, result.decision)
            else:
                return result
        return None

    def _there(self, following: Iterable[tuple[Command, Reaction]]) -> set[tuple[str, str]]:
        """Return which records are there, of those that follow only if they are."""
        wanted: dict[str, set[str]] = {}
        for command, reaction in following:
            if reaction.if_exists and (command.kind, command.id) not in self.held:
                wanted.setdefault(command.kind, set()).add(command.id)
        return {
            (kind, id)
            for kind, ids in sorted(wanted.items())
            for id in self.tx.existing(kind, sorted(ids))
        }

    def _passed_over(
        self, command: Command, reaction: Reaction, there: Set[tuple[str, str]]
    ) -> bool:
        key = command.kind, command.id
        if reaction.if_exists:
            held = self.held.get(key)
            missing = key not in there if held is None else held.record is None
            if missing:
                return True
        if reaction.if_absent:
            kind = self.engine.book.kind(command.kind)
            return self.hold(kind, command.id).record is not None
        return False

    def _reactions(
        self, held: _Held, at: int, event: str, before: Record | None, args: Any
    ) -> Iterator[tuple[Command, Reaction]]:
        """Return the commands that follow from an event, each with its reaction."""
        cause = system(f"{subject_of(held.kind.name, held.id)}#{held.head.seq}")
        for reaction in self.engine.book.reacting.get((held.kind.name, event), ()):
            for follow in reaction.commands(before, held.record, args, cause):
                when = at if follow.at is None else follow.at
                yield replace(follow, at=when, follows=True), reaction

    def _leave(self, command: Command, held: _Held, c: Context, decision: Decision) -> None:
        """Note that a best-effort reaction was refused."""
        fields, personal = _said(command, c, "refused")
        fields |= {"state": decision.state} | _decided(decision)
        self.write(held, c.at, command, fields, personal, (), ())

    def _expect(self, command: Command, held: _Held) -> None:
        if command.expect is not None and command.expect != held.stored:
            raise Conflict(
                Text(
                    f"{subject_of(command.kind, command.id)} 现为第 {held.stored} 版，"
                    f"不是预期的第 {command.expect} 版",
                    f"{subject_of(command.kind, command.id)} is at version {held.stored}, "
                    f"not {command.expect} as expected",
                )
            )

    def _refusal(
        self, command: Command, first: tuple[_Held, Context, Step], last: Step
    ) -> _Refusal:
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
        return _Refusal(decision, Entry(decision.subject, c.at, fields, personal))

    def _take(
        self, command: Command, held: _Held, c: Context, result: Step
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
        if len(result.path) > 1:
            fields["followed"] = [
                {"move": m.transition.name, "from": m.source, "to": m.target}
                for m in result.path[1:]
            ]
        held.record = result.record
        if any(moved.transition.erases for moved in result.path):
            self.erased.append(subject_of(command.kind, command.id))
        self.write(
            held, c.at, command, fields, personal, result.clocks, result.events, result.requests
        )
        return [
            follow
            for event, _ in result.events
            for follow in self._reactions(held, c.at, event, before, command.args)
        ]

    def write(
        self,
        held: _Held,
        at: int,
        command: Command,
        fields: dict[str, Any],
        personal: tuple[tuple[str, str, bytes, bytes], ...],
        changes: Sequence[ClockChange],
        events: Sequence[tuple[str, Mapping[str, Any]]],
        requests: Sequence[tuple[str, Mapping[str, Any]]] = (),
    ) -> None:
        """Note an entry on a held record with its clocks and messages."""
        if changes:
            fields["clocks"] = [change.as_json() for change in changes]
        subject = subject_of(held.kind.name, held.id)
        row, kept, held.head = chain(
            self.engine.mall, Entry(subject, at, fields, personal), held.head, self.now
        )
        self.entries.append(row)
        self.personal.extend(kept)
        clocks = self.clocks(held)
        told = [(name, "event", data) for name, data in events]
        for change in changes:
            key = (change.row.name, change.row.part, change.row.started)
            held.changed[key] = change.row
            if change.row.state in OPEN_CLOCKS:
                clocks[key] = change.row
            else:
                clocks.pop(key, None)
            if change.did in ENDINGS:
                told.append((ENDINGS[change.did], "event", change.as_json()))
        told.extend((topic, topic, data) for topic, data in requests)
        actor = command.actor.as_json()
        for number, (name, topic, data) in enumerate(told):
            id = f"{subject}#{row.seq}.{number}"
            body = compact(
                {
                    "id": id, "name": name, "subject": subject, "at": at, "actor": actor,
                    "data": data,
                }
            )
            self.messages.append(Message(id, topic, body, self.now, self.now))

    def flush(self) -> None:
        """Write everything, many rows of one kind as one statement."""
        rows = [
            held.kind.row(held.record, held.stored)
            for held in self.held.values()
            if held.record is not None and held.record.version != held.stored
        ]
        clocks = [row for held in self.held.values() for row in held.changed.values()]
        tx = self.tx
        for subject in self.erased:
            tx.erase(subject)
        for key in self.keys:
            if key.subject in self.erased:
                tx.claim_key(key)  # it went with the other keys used on the record
        if rows:
            tx.save(rows)
        if clocks:
            tx.put_clocks(clocks)
        tx.append(self.entries, self.personal)
        if self.messages:
            tx.enqueue(self.messages)


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


def _tried(begin: Begin, do: Callable[[Transaction], T], tries: int = TRIES) -> T:
    for number in range(1, tries):
        with suppress(Overtaken), begin() as tx:
            return do(tx)
        time.sleep(number * secrets.randbelow(10) / 1000)  # let whoever was first get ahead
    with begin() as tx:
        return do(tx)


@dataclass(frozen=True, slots=True)
class Engine:
    """What everything is done with: one mall's code, storage, rulebook, policy and time.

    Args:
        mall: the mall's code.
        storage: where it is kept.
        book: the kinds, rules, clocks and reactions.
        settings: the policy in force now.
        packs: the policies that records cite, by hash; filled as they are met.
        read_pack: reads a kept policy.
        now: the moment now, in microseconds since 1970 UTC.
        technical: settings that serve no clause.
        facts: asks the host what the rules of a move need from it.
        pending: refusals of joined transactions that wait to be written, oldest first.
        settling: held by whoever writes them.
    """

    mall: str
    storage: Storage
    book: Rulebook
    settings: Settings
    packs: dict[str, Settings]
    read_pack: Callable[[bytes], Settings]
    now: Callable[[], int]
    technical: Technical
    facts: Callable[[Command, Sequence[Fact]], Mapping[str, Any]] = lambda command, wanted: {}
    pending: deque[Entry] = field(default_factory=deque)
    settling: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> AbstractContextManager[Transaction]:
        """Open a transaction of our own that writes."""
        return self.storage.write(self.mall)

    def within(self, do: Callable[[Transaction], T]) -> T:
        """Do something in a transaction of our own, again from its start if it was overtaken.

        Raises:
            Overtaken: it was, four times.
            Locked: no lock was to be had in time.
        """
        return _tried(self.begin, do)

    def bound(self, record: Record | None, tx: Transaction) -> Settings:
        """Return the policy that binds ``record``: the one at its submission.

        Raises:
            SchemaError: the policy isn't kept.
        """
        if record is None or record.pack == self.settings.pack:
            return self.settings
        return self.pack(record.pack, tx)

    def pack(self, hash: str, tx: Transaction) -> Settings:
        """Return the policy with the content hash ``hash``.

        Raises:
            SchemaError: it isn't kept.
        """
        if hash not in self.packs:
            for row in tx.packs():
                self.packs.setdefault(row.hash, self.read_pack(row.body))
        if hash not in self.packs:
            raise SchemaError(
                Text(f"库中没有政策 {hash}", f"the policy {hash} isn't in the database")
            )
        return self.packs[hash]

    def perform(self, command: Command) -> Record:
        """Make ``command`` in a transaction of our own; return the record after it.

        Raises:
            Refused: a rule, the machine or the time refused; the attempt is in the journal.
            Conflict: somebody else moved first.
            KeyReused: the idempotency key was used with other content.
        """
        self.try_settle()
        return self._perform(self.asked(command), self.begin, TRIES, self._keep_refusal)

    def perform_joined(self, command: Command, savepoint: Begin) -> Record:
        """Make ``command`` behind a savepoint of the host's; a refusal waits to be written."""
        return self._perform(self.asked(command), savepoint, 1, self._postpone)

    def may(self, command: Command) -> Decision:
        """Return the decision on ``command`` without moving anything."""
        command = self.asked(command)
        with self.storage.read(self.mall) as tx:
            try:
                return Work(self, tx, self.now()).make(replace(command, expect=None))[1]
            except _Refusal as refusal:
                return refusal.decision

    def asked(self, command: Command) -> Command:
        """Return ``command`` with what the host says of it, where its rules need that."""
        wanted = self.book.host_facts(command.kind, command.name)
        if not wanted:
            return command
        return replace(command, host=self.facts(command, wanted), asked=self.now())

    def _perform(
        self, command: Command, begin: Begin, tries: int, refuse: Callable[[Entry], None]
    ) -> Record:
        now = self.now()

        def do(tx: Transaction) -> Record:
            work = Work(self, tx, now)
            record, moved = self._once(work, command)
            if moved:
                work.flush()
            return record

        try:
            return _tried(begin, do, tries)
        except _Refusal as refusal:
            refuse(refusal.entry)
            raise Refused(refusal.decision) from None
        except Locked as locked:
            self._postpone(self._conflict(command, now, locked))
            raise
        except Conflict as conflict:
            refuse(self._conflict(command, now, conflict))
            raise

    def _once(self, work: Work, command: Command) -> tuple[Record, bool]:
        """Make ``command`` unless its key says that it was made; return the record, and whether."""
        if command.key is not None and self._claimed(work, command):
            record = work.hold(self.book.kind(command.kind), command.id).record
            assert record is not None
            return record, False
        if command.name == ADOPT:
            record = work.hold(self.book.kind(command.kind), command.id).record
            if record is not None and adopted_before(
                map(entry_fields, work.tx.chain(subject_of(command.kind, command.id))),
                command.args,
            ):
                return record, False
        return work.run(command), True

    def _claimed(self, work: Work, command: Command) -> bool:
        """Claim the key of ``command``; say whether the same command has used it before."""
        assert command.key is not None
        content = canonical(
            {
                "id": command.id,
                "at": command.at,
                "actor": command.actor.id,
                "args": command.args.model_dump(mode="json"),
            }
        )
        salt = secrets.token_bytes(16)
        name = f"{command.kind}.{command.name}"
        subject = subject_of(command.kind, command.id)
        row = KeyRow(name, command.key, salt, sha256(salt + content).digest(), subject, work.now)
        used = work.tx.claim_key(row)
        if used is None:
            work.keys.append(row)
            return False
        if sha256(used.salt + content).digest() != used.fingerprint:
            raise KeyReused(
                Text(
                    f"{name} 的幂等键 {command.key} 已用于另一请求",
                    f"the key {command.key} of {name} was used before with other content",
                )
            )
        return True

    @contextmanager
    def batch(
        self,
    ) -> Iterator[tuple[Callable[[Command], Record], Callable[[str, str], Record | None]]]:
        """Open a transaction of our own for many commands: all of them, or none.

        The first that fails ends it: the others are undone, its entry is kept. Yields what makes a
        command, and what reads a record by kind and id as it stands inside.

        Raises:
            Refused, Conflict, Invalid: what ended it, also where the caller has passed over it.
        """
        self.try_settle()
        refused: list[_Refusal] = []
        failed: list[Exception] = []
        try:
            with self.begin() as tx:
                work = Work(self, tx, self.now())

                def run(command: Command) -> Record:
                    if failed:
                        raise failed[0]
                    work.now = self.now()
                    try:
                        return self._once(work, self.asked(command))[0]
                    except _Refusal as refusal:
                        refused.append(refusal)
                        failed.append(Refused(refusal.decision))
                        raise failed[0] from None
                    except Exception as error:
                        failed.append(error)
                        raise

                yield run, lambda kind, id: work.hold(self.book.kind(kind), id).record
                if failed:
                    raise failed[0]
                if work.entries:
                    work.flush()
        finally:
            for refusal in refused:
                self._keep_refusal(refusal.entry)

    def _conflict(self, command: Command, now: int, conflict: Conflict) -> Entry:
        args, personal = args_of(command.args)
        return Entry(
            subject_of(command.kind, command.id),
            now if command.at is None else command.at,
            {
                "what": f"{command.kind}.{command.name}",
                "outcome": "conflict",
                "actor": command.actor.as_json(),
                "args": args,
                "pack": self.settings.pack,
                "why": conflict.text.en,
            },
            personal,
        )

    def _keep_refusal(self, entry: Entry) -> None:
        try:
            self.within(lambda tx: self.append(tx, entry))
        except Locked:
            self._postpone(entry)

    def append(self, tx: Transaction, entry: Entry) -> None:
        """Append ``entry`` alone to its subject's chain."""
        kind, id = entry.subject.split("/", 1)
        _, head = tx.load(kind, id)
        row, personal, _ = chain(self.mall, entry, head, self.now())
        tx.append([row], personal)

    def _postpone(self, entry: Entry) -> None:
        self.pending.append(entry)

    def settle(self) -> int:
        """Write the refusals that wait; return how many were written.

        Raises:
            Conflict: the database is locked; they go on waiting.
        """
        with self.settling:
            return self._settle()

    def try_settle(self) -> None:
        """Write the refusals that wait, unless the database is locked or somebody is at it."""
        if self.pending and self.settling.acquire(blocking=False):
            try:
                self._settle()
            except Conflict:
                return
            finally:
                self.settling.release()

    def _settle(self) -> int:
        written = 0
        while self.pending:
            with self.storage.write(self.mall, patience=self.technical.settle_patience) as tx:
                self.append(tx, self.pending[0])
            self.pending.popleft()
            written += 1
        return written

"""What one unit of work holds: what it has read, and what it writes in one commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from eldermall.contracts.storage import (
    OPEN_CLOCKS,
    ClockRow,
    EntryRow,
    Head,
    KeyRow,
    Many,
    Message,
    PersonalRow,
    RecordRow,
    Transaction,
)
from eldermall.engine.basis import Basis
from eldermall.engine.canonical import compact
from eldermall.engine.clock import ClockChange
from eldermall.engine.journal import Entry, chain, entry_fields
from eldermall.engine.kind import Command, Kind, Record, subject_of
from eldermall.engine.rule import Context, Lookup
from eldermall.errors import RuleBroken
from eldermall.texts import Text

ENDINGS = {"late": "ClockEndedLate", "lapsed": "ClockEndedLate", "annulled": "ClockAnnulled"}
"""The ends of a clock that hosts hear of."""


@dataclass(slots=True)
class Held:
    """A record that a unit has loaded, as it stands inside the unit."""

    kind: Kind
    id: str
    record: Record | None
    head: Head
    stored: int
    clocks: dict[tuple[str, str, int], ClockRow] | None = None
    changed: dict[tuple[str, str, int], ClockRow] = field(default_factory=dict)


class Work:
    """What one unit has read and means to write.

    Args:
        basis: what everything is done with.
        tx: the transaction.
        now: the moment of recording.
    """

    def __init__(self, basis: Basis, tx: Transaction, now: int) -> None:
        self.basis = basis
        self.tx = tx
        self.now = now
        self.held: dict[tuple[str, str], Held] = {}
        self.entries: list[EntryRow] = []
        self.personal: list[PersonalRow] = []
        self.messages: list[Message] = []
        self.erased: list[str] = []
        self.keys: list[KeyRow] = []
        self._looked: dict[tuple[str, str], Record | None] = {}

    def hold(self, kind: Kind, id: str) -> Held:
        """Return the record ``id`` as it stands inside the unit, loading it once."""
        held = self.held.get((kind.name, id))
        if held is None:
            row, head = self.tx.load(kind.name, id)
            record = None if row is None else kind.record(row)
            held = Held(kind, id, record, head, 0 if row is None else row.version)
            self.held[kind.name, id] = held
        return held

    def hold_many(self, wanted: Iterable[tuple[Kind, str]]) -> None:
        """Load records that will be held, and their clocks, in a few calls where that is possible.

        Args:
            wanted: a kind and an id of each.
        """
        if not self.basis.storage.capabilities.many:
            return
        tx = cast(Many, self.tx)
        ids: dict[str, list[str]] = {}
        for kind, id in wanted:
            of_kind = ids.setdefault(kind.name, [])
            if (kind.name, id) not in self.held and id not in of_kind:
                of_kind.append(id)
        for name, some in sorted(ids.items()):  # in one order of locking, whatever their number
            kind = self.basis.book.kinds[name]
            if len(some) < 2:
                for id in some:
                    self.hold(kind, id)
                continue
            loaded = tx.load_many(name, sorted(some))
            clocks = tx.open_clocks_many([subject_of(name, id) for id in sorted(some)])
            for id in some:
                row, head = loaded[id]
                record = None if row is None else kind.record(row)
                held = Held(kind, id, record, head, 0 if row is None else row.version)
                rows = () if record is None else clocks.get(subject_of(name, id), ())
                held.clocks = {(r.name, r.part, r.started): r for r in rows}
                self.held[name, id] = held

    def clocks(self, held: Held) -> dict[tuple[str, str, int], ClockRow]:
        """Return the open clocks of a held record, loading them once."""
        if held.clocks is None:
            held.clocks = {}
            if held.record is not None:
                rows = self.tx.open_clocks(subject_of(held.kind.name, held.id))
                held.clocks = {(r.name, r.part, r.started): r for r in rows}
        return held.clocks

    def look(self, lookups: Iterable[Lookup], c: Context) -> Mapping[tuple[str, str], Record]:
        """Return the other records that ``lookups`` name, where they are there."""
        found: dict[tuple[str, str], Record] = {}
        wanted: dict[str, list[str]] = {}
        for lookup in lookups:
            for id in _keys(lookup, c):
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
            kind = self.basis.book.kinds[name]
            rows = self.tx.look_up(name, sorted(ids))
            for id in ids:
                record = kind.record(rows[id]) if id in rows else None
                self._looked[name, id] = record
                if record is not None:
                    found[name, id] = record
        return found

    def find(
        self, kind: str, *, open: bool | None, after: str, limit: int, **by: str
    ) -> Sequence[RecordRow]:
        """Return records as `Transaction.find` does, as they stand inside the unit."""
        held = {h.id: h for h in self.held.values() if h.kind.name == kind}
        stored = self.tx.find(kind, open=open, after=after, limit=limit + len(held), **by)
        rows = {row.id: row for row in stored if row.id not in held}
        for one in held.values():
            if one.record is None or one.id <= after:
                continue
            row = one.kind.row(one.record, one.stored)
            if open in (None, row.open) and by.items() <= row.indexed.items():
                rows[row.id] = row
        return [rows[id] for id in sorted(rows)][:limit]

    def rested(self, held: Held) -> int | None:
        """Return when a record last moved, erasures apart; None if it never did."""
        entries = map(entry_fields, reversed(self.tx.chain(subject_of(held.kind.name, held.id))))
        moves = (e for e in entries if e["outcome"] == "moved" and not e["what"].endswith(".erase"))
        return next((int(e["at"]) for e in moves), None)

    def write(
        self,
        held: Held,
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
            self.basis.mall, Entry(subject, at, fields, personal), held.head, self.now
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
                    "id": id, "mark": row.hash.hex()[:8], "name": name, "subject": subject,
                    "at": at, "actor": actor, "data": data,
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
        if self.entries:
            tx.append(self.entries, self.personal)
        if self.messages:
            tx.enqueue(self.messages)


def _keys(lookup: Lookup, c: Context) -> Sequence[str]:
    try:
        key = lookup.key(c)
        return (key,) if isinstance(key, str) else key or ()
    except Exception as error:
        raise RuleBroken(
            Text(
                f"计算所需 {lookup.kind} 编号的代码出错：{error!r}",
                f"the code that says which {lookup.kind} a rule needs failed: {error!r}",
            )
        ) from error

"""What a storage must do, as plainly as it can be said: dictionaries, and sorting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from eldermall.contracts.storage import (
    NO_HEAD,
    OPEN_CLOCKS,
    ClockRow,
    EntryRow,
    Head,
    KeyRow,
    Leaf,
    Message,
    PackRow,
    PersonalRow,
    RecordRow,
    RootRow,
)
from eldermall.errors import Overtaken
from eldermall.texts import Text

TABLES = (
    "records", "clocks", "entries", "waiting", "personal", "roots", "leaves", "messages", "keys",
    "packs", "walks",
)


def _bytes(text: str) -> bytes:
    return text.encode()


def _within(subject: str, after: str, upto: str | None) -> bool:
    return _bytes(subject) > _bytes(after) and (upto is None or _bytes(subject) <= _bytes(upto))


class Model:
    """The calls of one transaction of one mall, on dictionaries.

    Args:
        tables: the rows by table and key; none for an empty mall.
    """

    def __init__(self, tables: Mapping[str, Mapping[Any, Any]] | None = None) -> None:
        kept = tables or {}
        self.tables: dict[str, dict[Any, Any]] = {name: dict(kept.get(name, {})) for name in TABLES}

    def copy(self) -> Model:
        """Return another with the same rows."""
        return Model(self.tables)

    def _rows(self, table: str) -> list[Any]:
        return list(self.tables[table].values())

    def _new(self, table: str, key: Any, row: Any) -> None:
        if key in self.tables[table]:
            raise Overtaken(Text(f"{key} 已存在", f"{key} stands already"))
        self.tables[table][key] = row

    def claim_key(self, row: KeyRow) -> KeyRow | None:
        """Keep a key, or return who used it."""
        used: KeyRow = self.tables["keys"].setdefault((row.command, row.key), row)
        return None if used is row else used

    def forget_keys(self, before: int, limit: int) -> int:
        """Forget old keys."""
        old = sorted((row for row in self._rows("keys") if row.created < before),
                     key=lambda row: row.created)[:limit]
        for row in old:
            del self.tables["keys"][row.command, row.key]
        return len(old)

    def try_lock(self, kind: str, id: str) -> bool:
        """Say yes: nobody else is here."""
        return True

    def load(self, kind: str, id: str) -> tuple[RecordRow | None, Head]:
        """Return a record and its head."""
        chain = self.chain(f"{kind}/{id}")
        head = Head(chain[-1].seq, chain[-1].hash) if chain else NO_HEAD
        return self.tables["records"].get((kind, id)), head

    def look_up(self, kind: str, ids: Sequence[str]) -> Mapping[str, RecordRow]:
        """Return the records that exist."""
        found = ((id, self.tables["records"].get((kind, id))) for id in ids)
        return {id: row for id, row in found if row is not None}

    def existing(self, kind: str, ids: Sequence[str]) -> Set[str]:
        """Return which of them there are."""
        return set(self.look_up(kind, ids))

    def save(self, rows: Sequence[RecordRow]) -> None:
        """Save records over the versions that they name."""
        for row in rows:
            stored = self.tables["records"].pop((row.kind, row.id), None)
            if row.before != (0 if stored is None else stored.version):
                raise Overtaken(Text(f"{row.id} 版本不符", f"{row.id} has another version"))
            self.tables["records"][row.kind, row.id] = replace(row, before=row.version)

    def find(
        self, kind: str, *, open: bool | None = None, after: str = "", limit: int = 1000,
        **indexed: str,
    ) -> Sequence[RecordRow]:
        """Return records in order of id."""
        rows = [
            row for row in self._rows("records")
            if row.kind == kind and _bytes(row.id) > _bytes(after) and open in (None, row.open)
            and indexed.items() <= row.indexed.items()
        ]
        return sorted(rows, key=lambda row: _bytes(row.id))[:limit]

    def uses_pack(self, kind: str, pack: str) -> bool:
        """Say whether an open record cites a pack."""
        return any(row.pack == pack for row in self.find(kind, open=True))

    def walked(self, name: str) -> str | None:
        """Return how far a walk has come."""
        return self.tables["walks"].get(name)

    def put_walked(self, name: str, upto: str) -> None:
        """Keep how far a walk has come."""
        self.tables["walks"][name] = upto

    def open_clocks(self, subject: str) -> Sequence[ClockRow]:
        """Return the clocks of a subject that run."""
        rows = [r for r in self._rows("clocks") if r.subject == subject and r.state in OPEN_CLOCKS]
        return sorted(rows, key=lambda r: (_bytes(r.name), _bytes(r.part), r.started))

    def put_clocks(self, rows: Sequence[ClockRow]) -> None:
        """Insert or replace clocks."""
        for row in rows:
            self.tables["clocks"][row.subject, row.name, row.part, row.started] = row

    def due_clocks(self, now: int, limit: int) -> Sequence[ClockRow]:
        """Return what is due."""
        rows = [row for row in self._rows("clocks") if row.next is not None and row.next <= now]
        return sorted(
            rows, key=lambda r: (r.next, _bytes(r.subject), _bytes(r.name), _bytes(r.part))
        )[:limit]

    def clocks(self, states: Sequence[str], *, limit: int = 1000) -> Sequence[ClockRow]:
        """Return clocks by state."""
        rows = [row for row in self._rows("clocks") if row.state in states]
        return sorted(
            rows, key=lambda r: (r.due, _bytes(r.subject), _bytes(r.name), _bytes(r.part))
        )[:limit]

    def append(self, rows: Sequence[EntryRow], personal: Sequence[PersonalRow] = ()) -> None:
        """Append entries with their personal values."""
        for row in rows:
            self._new("entries", (row.subject, row.seq), row)
            self.tables["waiting"][row.subject, row.seq] = Leaf(row.subject, row.seq, row.hash)
        for value in personal:
            self.tables["personal"][value.subject, value.seq, value.path] = value

    def chain(self, subject: str) -> Sequence[EntryRow]:
        """Return a chain."""
        return [row for row in self.entries() if row.subject == subject]

    def entries(self, after: str = "", upto: str | None = None) -> Iterator[EntryRow]:
        """Return entries in order."""
        return iter(self._by_subject("entries", after, upto))

    def _by_subject(self, table: str, after: str, upto: str | None) -> list[Any]:
        rows = [row for row in self._rows(table) if _within(row.subject, after, upto)]
        return sorted(rows, key=lambda row: (_bytes(row.subject), row.seq))

    def stride(self, after: str, entries: int) -> str | None:
        """Return where a part ends."""
        beyond = list(self.entries(after))
        return beyond[entries].subject if entries < len(beyond) else None

    def personal(self, subject: str) -> Sequence[PersonalRow]:
        """Return personal values."""
        rows = [row for row in self._rows("personal") if row.subject == subject]
        return sorted(rows, key=lambda row: (row.seq, _bytes(row.path)))

    def holding_personal(self, before: int, after: str, limit: int) -> Sequence[str]:
        """Return who has old personal values."""
        found = {
            row.subject for row in self._rows("personal")
            if row.recorded < before and _within(row.subject, after, None)
        }
        return sorted(found, key=_bytes)[:limit]

    def erase(self, subject: str) -> int:
        """Forget personal values and keys."""
        many = len(self.personal(subject))
        for table in ("personal", "keys"):
            rows = self.tables[table]
            self.tables[table] = {k: row for k, row in rows.items() if row.subject != subject}
        return many

    def unsealed(self, limit: int) -> Sequence[Leaf]:
        """Return what waits."""
        return self._by_subject("waiting", "", None)[:limit]

    def waiting(self, after: str = "", upto: str | None = None) -> Iterator[Leaf]:
        """Return what waits, in parts."""
        return iter(self._by_subject("waiting", after, upto))

    def last_root(self) -> RootRow | None:
        """Return the newest root."""
        return max(self._rows("roots"), key=lambda row: row.number, default=None)

    def seal(self, root: RootRow, leaves: Sequence[Leaf], sealed: Sequence[Leaf]) -> None:
        """Keep a root."""
        self._new("roots", root.number, root)
        self.tables["leaves"][root.number] = list(leaves)
        for leaf in sealed:
            del self.tables["waiting"][leaf.subject, leaf.seq]

    def roots(self, after: int = 0, limit: int = 1000) -> Sequence[RootRow]:
        """Return roots by number."""
        rows = [row for row in self._rows("roots") if row.number > after]
        return sorted(rows, key=lambda row: row.number)[:limit]

    def leaves(self, number: int) -> Sequence[Leaf]:
        """Return the leaves of a root."""
        return list(self.tables["leaves"].get(number, []))

    def sealed(self, after: str = "", upto: str | None = None) -> Iterator[tuple[int, Leaf]]:
        """Return all leaves with their roots."""
        pairs = [
            (number, leaf) for number, leaves in self.tables["leaves"].items() for leaf in leaves
            if _within(leaf.subject, after, upto)
        ]
        return iter(sorted(pairs, key=lambda pair: (_bytes(pair[1].subject), pair[1].seq)))

    def sealing(self, subject: str, seq: int) -> tuple[int, Leaf] | None:
        """Return what covers an entry."""
        for number, leaf in self.sealed():
            if leaf.subject == subject and leaf.seq >= seq:
                return number, leaf
        return None

    def enqueue(self, rows: Sequence[Message]) -> None:
        """Put messages."""
        for row in rows:
            self._new("messages", row.id, row)

    def claim_messages(self, now: int, limit: int, until: int) -> Sequence[Message]:
        """Take what is due."""
        return self._claim(self._rows("messages"), now, limit, until)

    def claim_lane(self, topic: str, now: int, limit: int, until: int) -> Sequence[Message]:
        """Take what is due of a topic."""
        lane = [row for row in self._rows("messages") if row.topic == topic]
        return self._claim(lane, now, limit, until)

    def _claim(
        self, among: Sequence[Message], now: int, limit: int, until: int
    ) -> Sequence[Message]:
        due = [row for row in among if row.next is not None and row.next <= now]
        taken = [
            replace(row, next=until, attempts=row.attempts + 1)
            for row in sorted(due, key=lambda row: (row.next or 0, _bytes(row.id)))[:limit]
        ]
        self.tables["messages"] |= {row.id: row for row in taken}
        return taken

    def settle_message(self, message: Message) -> None:
        """Store the outcome of a try that is the last."""
        if self.tables["messages"][message.id].attempts == message.attempts:
            self.tables["messages"][message.id] = message

    def messages(self, states: Sequence[str], limit: int = 1000) -> Sequence[Message]:
        """Return messages, oldest first."""
        rows = [row for row in self._rows("messages") if row.state in states]
        return sorted(rows, key=lambda row: (row.created, _bytes(row.id)))[:limit]

    def list_messages(
        self, states: Sequence[str], after: tuple[int, str], limit: int
    ) -> Sequence[Message]:
        """Return messages beyond a moment and an id."""
        beyond = (after[0], _bytes(after[1]))
        rows = self.messages(states, 1_000_000)
        return [row for row in rows if (row.created, _bytes(row.id)) > beyond][:limit]

    def find_messages(self, ids: Sequence[str]) -> Sequence[Message]:
        """Return messages by id."""
        rows = self.tables["messages"]
        return [rows[id] for id in ids if id in rows]

    def change_message(self, was: Message, message: Message) -> bool:
        """Change a message that is as it was."""
        kept = self.tables["messages"].get(was.id)
        if kept is None or (kept.state, kept.attempts) != (was.state, was.attempts):
            return False
        self.tables["messages"][was.id] = message
        return True

    def packs(self) -> Sequence[PackRow]:
        """Return policies."""
        return sorted(self._rows("packs"), key=lambda row: _bytes(row.hash))

    def put_pack(self, row: PackRow) -> None:
        """Keep a policy."""
        self.tables["packs"].setdefault(row.hash, row)

"""A storage in memory: for tests, trials and audits. It forgets everything and can't be joined."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

from eldermall.adapters.storage import MEMORY
from eldermall.contracts.storage import (
    NO_HEAD,
    OPEN_CLOCKS,
    ClockRow,
    ClockState,
    EntryRow,
    Head,
    Joined,
    KeyRow,
    Leaf,
    Message,
    MessageState,
    PackRow,
    PersonalRow,
    RecordKind,
    RecordRow,
    RootRow,
    Transaction,
)
from eldermall.errors import Locked, NotJoinable, Overtaken, StorageError
from eldermall.texts import Text

_ABSENT = object()


class _Tables:
    """The tables of one mall."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], RecordRow] = {}
        self.clocks: dict[tuple[str, str, str, int], ClockRow] = {}
        self.entries: dict[str, dict[int, EntryRow]] = {}
        self.unsealed: dict[tuple[str, int], Leaf] = {}
        self.personal: dict[tuple[str, int, str], PersonalRow] = {}
        self.outbox: dict[str, Message] = {}
        self.keys: dict[tuple[str, str], KeyRow] = {}
        self.roots: dict[int, RootRow] = {}
        self.leaves: dict[int, list[Leaf]] = {}
        self.packs: dict[str, PackRow] = {}
        self.walks: dict[str, str] = {}


class MemoryStorage:
    """A storage whose transactions run one after the other."""

    capabilities = MEMORY

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._malls: dict[str, _Tables] = {}

    def open(self, kinds: Iterable[RecordKind], *, make: bool = True) -> None:
        """Nothing has to be made ready, and nothing is ever there already.

        Raises:
            StorageError: it is asked for without ``make``.
        """
        if not make:
            raise StorageError(
                Text(
                    "memory: 不保存任何内容，请给出已有数据库的地址",
                    "memory: keeps nothing; name a database that is there",
                )
            )

    @contextmanager
    def write(self, mall: str, *, patience: float | None = None) -> Iterator[Transaction]:
        """Open a transaction; an error undoes it."""
        if not self._lock.acquire(timeout=-1 if patience is None else patience):
            raise Locked(Text("存储被占用", "the storage is busy"))
        try:
            tx = _MemoryTransaction(self._malls.setdefault(mall, _Tables()))
            try:
                yield tx
            except BaseException:
                tx.undo()
                raise
        finally:
            self._lock.release()

    @contextmanager
    def read(self, mall: str) -> Iterator[Transaction]:
        """Open a transaction that only reads."""
        with self._lock:
            yield _MemoryTransaction(self._malls.setdefault(mall, _Tables()))

    def join(
        self, mall: str, host: object, *, on_end: Callable[[], None]
    ) -> AbstractContextManager[Joined]:
        """Refuse: there is no database to share.

        Raises:
            NotJoinable: always.
        """
        raise NotJoinable(
            Text("内存存储不能加入宿主事务", "the memory storage can't join a host's transaction")
        )

    def close(self) -> None:
        """Nothing has to be given back."""


class _MemoryTransaction:
    def __init__(self, tables: _Tables) -> None:
        self._t = tables
        self._undo: list[Callable[[], None]] = []

    def undo(self) -> None:
        for step in reversed(self._undo):
            step()

    def _put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        before = table.get(key, _ABSENT)
        if before is _ABSENT:
            self._undo.append(lambda: table.pop(key, None))
        else:
            self._undo.append(lambda: table.__setitem__(key, before))
        table[key] = value

    def _drop(self, table: dict[Any, Any], key: Any) -> None:
        before = table.pop(key)
        self._undo.append(lambda: table.__setitem__(key, before))

    def claim_key(self, row: KeyRow) -> KeyRow | None:
        used = self._t.keys.get((row.command, row.key))
        if used is None:
            self._put(self._t.keys, (row.command, row.key), row)
        return used

    def try_lock(self, kind: str, id: str) -> bool:
        return True

    def load(self, kind: str, id: str) -> tuple[RecordRow | None, Head]:
        chain = self._t.entries.get(f"{kind}/{id}")
        head = NO_HEAD
        if chain:
            last = chain[max(chain)]
            head = Head(last.seq, last.hash)
        return self._t.records.get((kind, id)), head

    def look_up(self, kind: str, ids: Sequence[str]) -> Mapping[str, RecordRow]:
        return {id: self._t.records[kind, id] for id in ids if (kind, id) in self._t.records}

    def existing(self, kind: str, ids: Sequence[str]) -> Set[str]:
        return self.look_up(kind, ids).keys()

    def open_clocks(self, subject: str) -> Sequence[ClockRow]:
        rows = [
            r for r in self._t.clocks.values() if r.subject == subject and r.state in OPEN_CLOCKS
        ]
        return sorted(rows, key=lambda r: (r.name, r.part, r.started))

    def load_many(
        self, kind: str, ids: Sequence[str]
    ) -> Mapping[str, tuple[RecordRow | None, Head]]:
        return {id: self.load(kind, id) for id in ids}

    def open_clocks_many(self, subjects: Sequence[str]) -> Mapping[str, Sequence[ClockRow]]:
        found = {subject: self.open_clocks(subject) for subject in subjects}
        return {subject: rows for subject, rows in found.items() if rows}

    def save(self, rows: Sequence[RecordRow]) -> None:
        for row in rows:
            stored = self._t.records.get((row.kind, row.id))
            if (0 if stored is None else stored.version) != row.before:
                raise Overtaken(
                    Text(
                        f"{row.kind}/{row.id} 已被他人更改",
                        f"{row.kind}/{row.id} was changed by somebody else",
                    )
                )
            kept = replace(row, before=row.version)
            self._put(self._t.records, (row.kind, row.id), kept)

    def put_clocks(self, rows: Sequence[ClockRow]) -> None:
        for row in rows:
            self._put(self._t.clocks, (row.subject, row.name, row.part, row.started), row)

    def append(self, rows: Sequence[EntryRow], personal: Sequence[PersonalRow] = ()) -> None:
        for row in rows:
            chain = self._t.entries.setdefault(row.subject, {})
            if row.seq in chain:
                raise Overtaken(
                    Text(
                        f"{row.subject} 第 {row.seq} 条记录已存在",
                        f"entry {row.seq} of {row.subject} stands already",
                    )
                )
            self._put(chain, row.seq, row)
            leaf = Leaf(row.subject, row.seq, row.hash)
            self._put(self._t.unsealed, (row.subject, row.seq), leaf)
        for kept in personal:
            self._put(self._t.personal, (kept.subject, kept.seq, kept.path), kept)

    def enqueue(self, rows: Sequence[Message]) -> None:
        for row in rows:
            self._put(self._t.outbox, row.id, row)

    def find(
        self, kind: str, *, open: bool | None = None, after: str = "", limit: int = 1000,
        **indexed: str,
    ) -> Sequence[RecordRow]:
        rows = [
            row
            for (of, id), row in self._t.records.items()
            if of == kind
            and id > after
            and (open is None or row.open is open)
            and all(row.indexed.get(name) == value for name, value in indexed.items())
        ]
        return sorted(rows, key=lambda row: row.id)[:limit]

    def uses_pack(self, kind: str, pack: str) -> bool:
        return any(
            row.open and row.pack == pack for (of, _), row in self._t.records.items() if of == kind
        )

    def walked(self, name: str) -> str | None:
        return self._t.walks.get(name)

    def put_walked(self, name: str, upto: str) -> None:
        self._put(self._t.walks, name, upto)

    def due_clocks(self, now: int, limit: int) -> Sequence[ClockRow]:
        rows = [r for r in self._t.clocks.values() if r.next is not None and r.next <= now]
        return sorted(rows, key=lambda r: (r.next or 0, r.subject, r.name, r.part))[:limit]

    def clocks(self, states: Sequence[ClockState], *, limit: int = 1000) -> Sequence[ClockRow]:
        rows = [r for r in self._t.clocks.values() if r.state in states]
        return sorted(rows, key=lambda r: (r.due, r.subject, r.name, r.part))[:limit]

    def claim_messages(self, now: int, limit: int, until: int) -> Sequence[Message]:
        return self._claim(self._t.outbox.values(), now, limit, until)

    def claim_lane(self, topic: str, now: int, limit: int, until: int) -> Sequence[Message]:
        lane = [m for m in self._t.outbox.values() if m.topic == topic]
        return self._claim(lane, now, limit, until)

    def _claim(
        self, among: Iterable[Message], now: int, limit: int, until: int
    ) -> Sequence[Message]:
        due = [m for m in among if m.next is not None and m.next <= now]
        taken = []
        for message in sorted(due, key=lambda m: (m.next or 0, m.id))[:limit]:
            mine = replace(message, next=until, attempts=message.attempts + 1)
            self._put(self._t.outbox, message.id, mine)
            taken.append(mine)
        return taken

    def settle_message(self, message: Message) -> None:
        if self._t.outbox[message.id].attempts != message.attempts:
            return
        self._put(self._t.outbox, message.id, message)

    def messages(self, states: Sequence[MessageState], limit: int = 1000) -> Sequence[Message]:
        return self.list_messages(states, (-1, ""), limit)

    def list_messages(
        self, states: Sequence[MessageState], after: tuple[int, str], limit: int
    ) -> Sequence[Message]:
        rows = [
            m for m in self._t.outbox.values() if m.state in states and (m.created, m.id) > after
        ]
        return sorted(rows, key=lambda m: (m.created, m.id))[:limit]

    def newest(self, upto: int) -> int | None:
        made = (m.created for m in self._t.outbox.values() if m.created <= upto)
        return max(made, default=None)

    def find_messages(self, ids: Sequence[str]) -> Sequence[Message]:
        return [self._t.outbox[id] for id in ids if id in self._t.outbox]

    def change_message(self, was: Message, message: Message) -> bool:
        kept = self._t.outbox.get(was.id)
        if kept is None or (kept.state, kept.attempts) != (was.state, was.attempts):
            return False
        self._put(self._t.outbox, was.id, message)
        return True

    def unsealed(self, limit: int) -> Sequence[Leaf]:
        return [self._t.unsealed[key] for key in sorted(self._t.unsealed)[:limit]]

    def last_root(self) -> RootRow | None:
        return self._t.roots[max(self._t.roots)] if self._t.roots else None

    def seal(self, root: RootRow, leaves: Sequence[Leaf], sealed: Sequence[Leaf]) -> None:
        if root.number in self._t.roots:
            raise Overtaken(
                Text(f"封存根 {root.number} 已存在", f"root {root.number} stands already")
            )
        self._put(self._t.roots, root.number, root)
        self._put(self._t.leaves, root.number, list(leaves))
        for leaf in sealed:
            self._drop(self._t.unsealed, (leaf.subject, leaf.seq))

    def chain(self, subject: str) -> Sequence[EntryRow]:
        chain = self._t.entries.get(subject, {})
        return [chain[seq] for seq in sorted(chain)]

    def entries(self, after: str = "", upto: str | None = None) -> Iterator[EntryRow]:
        for subject in sorted(self._t.entries):
            if _within(subject, after, upto):
                yield from self.chain(subject)

    def stride(self, after: str, entries: int) -> str | None:
        return next((row.subject for row in islice(self.entries(after), entries, None)), None)

    def personal(self, subject: str) -> Sequence[PersonalRow]:
        return [row for (of, _, _), row in sorted(self._t.personal.items()) if of == subject]

    def holding_personal(self, before: int, after: str, limit: int) -> Sequence[str]:
        rows = self._t.personal.values()
        found = {r.subject for r in rows if r.recorded < before and r.subject > after}
        return sorted(found)[:limit]

    def erase(self, subject: str) -> int:
        values = [key for key in self._t.personal if key[0] == subject]
        for key in values:
            self._drop(self._t.personal, key)
        for used in [k for k, row in self._t.keys.items() if row.subject == subject]:
            self._drop(self._t.keys, used)
        return len(values)

    def waiting(self, after: str = "", upto: str | None = None) -> Iterator[Leaf]:
        for key in sorted(self._t.unsealed):
            if _within(key[0], after, upto):
                yield self._t.unsealed[key]

    def roots(self, after: int = 0, limit: int = 1000) -> Sequence[RootRow]:
        numbers = [number for number in sorted(self._t.roots) if number > after]
        return [self._t.roots[number] for number in numbers[:limit]]

    def leaves(self, number: int) -> Sequence[Leaf]:
        return self._t.leaves.get(number, [])

    def sealed(self, after: str = "", upto: str | None = None) -> Iterator[tuple[int, Leaf]]:
        found = [
            (number, leaf)
            for number, leaves in self._t.leaves.items()
            for leaf in leaves
            if _within(leaf.subject, after, upto)
        ]
        yield from sorted(found, key=lambda pair: (pair[1].subject, pair[1].seq))

    def sealing(self, subject: str, seq: int) -> tuple[int, Leaf] | None:
        found = (pair for pair in self.sealed() if pair[1].subject == subject)
        return next((pair for pair in found if pair[1].seq >= seq), None)

    def packs(self) -> Sequence[PackRow]:
        return [self._t.packs[hash] for hash in sorted(self._t.packs)]

    def put_pack(self, row: PackRow) -> None:
        if row.hash not in self._t.packs:
            self._put(self._t.packs, row.hash, row)

    def forget_keys(self, before: int, limit: int) -> int:
        used = sorted(self._t.keys.items(), key=lambda item: item[1].created)
        old = [k for k, row in used if row.created < before][:limit]
        for key in old:
            self._drop(self._t.keys, key)
        return len(old)


def _within(subject: str, after: str, upto: str | None) -> bool:
    return subject > after and (upto is None or subject <= upto)

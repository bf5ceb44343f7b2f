"""The calls of the storage contract on an open connection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, exc

from eldermall.adapters.storage.sql.journal import JournalCalls
from eldermall.adapters.storage.sql.sending import Sender, Statement
from eldermall.adapters.storage.sql.statements import MOST, ByIds, Statements
from eldermall.contracts.storage import (
    NO_HEAD,
    ClockRow,
    ClockState,
    Head,
    KeyRow,
    Lanes,
    Many,
    Message,
    MessageState,
    PackRow,
    RecordRow,
)
from eldermall.errors import Overtaken
from eldermall.texts import Text


class SqlTransaction(JournalCalls, Lanes, Many):
    """The calls of the contract on ``connection``, whose transaction somebody else ends.

    Args:
        connection: with an open transaction.
        sender: how statements are sent on it.
        statements: for a transaction that writes, or for one that only reads.
        mall: the mall's code.
        probing: whether the transaction may see less than what is committed, as one of a host's
            may.
    """

    def __init__(
        self, connection: Connection, sender: Sender, statements: Statements, mall: str, *,
        probing: bool = False,
    ) -> None:
        super().__init__(connection, sender, statements, mall)
        self._database = statements.database
        self._probing = probing
        self._loaded: dict[tuple[str, str], RecordRow] = {}

    # Keys

    def claim_key(self, row: KeyRow) -> KeyRow | None:
        values = {
            "mall": self._mall, "command": row.command, "key": row.key, "salt": row.salt,
            "fingerprint": row.fingerprint, "subject": row.subject, "created": row.created,
        }
        if self._insert_new(self._s.claim_key, values):
            return None
        used = self._first(self._s.key, command=row.command, key=row.key)
        if used is None:
            raise Overtaken(
                Text(f"幂等键 {row.key} 正被清除", f"the key {row.key} is just being forgotten")
            )
        return KeyRow(*used)

    def _insert_new(self, statement: Statement, values: Mapping[str, Any]) -> bool:
        try:
            return self._send.change(statement, values) == 1
        except (exc.IntegrityError, self._c.dialect.loaded_dbapi.IntegrityError):
            if self._database.name != "mariadb":
                raise
            return False

    def forget_keys(self, before: int, limit: int) -> int:
        found = self._all(self._s.old_keys, before=before, most=limit)
        if found:
            self._send.change_each(
                self._s.drop_key,
                [{"b_mall": self._mall, "b_command": c, "b_key": k} for c, k in found],
            )
        return len(found)

    # Records

    def _record(self, kind: str, row: Sequence[Any]) -> RecordRow:
        fields = self._s.schema.kinds[kind].indexed
        id, version, open, pack, body, *indexed = row
        return RecordRow(
            kind, id, version, version, bool(open), pack,
            dict(zip(fields, indexed, strict=True)), body,
        )

    def try_lock(self, kind: str, id: str) -> bool:
        if not self._s.locking or self._first(self._s.try_lock[kind], record_id=id) is not None:
            return True
        return not self.existing(kind, [id])

    def load(self, kind: str, id: str) -> tuple[RecordRow | None, Head]:
        subject = f"{kind}/{id}"
        row = self._first(self._s.load[kind], record_id=id, subject=subject)
        if self._s.locking:
            last = self._first(self._s.head, subject=subject)
            head = NO_HEAD if last is None else Head(*last)
        else:
            *row, seq, digest = row
            head = NO_HEAD if seq is None else Head(seq, digest)
        if row is None or row[0] is None:
            return None, head
        record = self._loaded[kind, id] = self._record(kind, row)
        return record, head

    def load_many(
        self, kind: str, ids: Sequence[str]
    ) -> Mapping[str, tuple[RecordRow | None, Head]]:
        rows = self._of(ids, self._s.load_many[kind])
        if self._s.locking:
            heads = {id: head for id, *head in self._of(ids, self._s.heads[kind])} if rows else {}
        else:
            heads = {row[0]: row[-2:] for row in rows}
            rows = [row[:-2] for row in rows]
        found: dict[str, tuple[RecordRow | None, Head]] = {}
        for row in rows:
            if row[0] not in heads:  # a host's transaction doesn't see it without a lock
                continue
            seq, digest = heads[row[0]]
            record = self._loaded[kind, row[0]] = self._record(kind, row)
            found[record.id] = record, NO_HEAD if seq is None else Head(seq, digest)
        return found | {id: self.load(kind, id) for id in ids if id not in found}

    def look_up(self, kind: str, ids: Sequence[str]) -> Mapping[str, RecordRow]:
        found = self._look_up(kind, ids)
        missing = [id for id in ids if id not in found]
        if missing and self._s.locking:
            keys = [self._key(kind, id) for id in missing]
            self._database.lock_keys(self._c, self._s.schema, keys, shared=True)
            found |= self._look_up(kind, missing)
            if self._probing:
                for id in missing:
                    if id not in found:
                        self._probe(kind, id)
        return found

    def _look_up(self, kind: str, ids: Sequence[str]) -> dict[str, RecordRow]:
        rows = self._of(ids, self._s.look_up[kind])
        return {row[0]: self._record(kind, row) for row in rows}

    def existing(self, kind: str, ids: Sequence[str]) -> Set[str]:
        return {row[0] for row in self._of(ids, self._s.exists[kind])}

    def _of(self, ids: Sequence[str], wanted: ByIds) -> Sequence[Any]:
        rows: list[Any] = []
        for start in range(0, len(ids), MOST):
            statement, values = wanted.of(ids[start : start + MOST])
            rows += self._all(statement, **values)
        return rows

    def _key(self, kind: str, id: str) -> str:
        return f"{self._mall}/{kind}/{id}"

    def _probe(self, kind: str, id: str) -> None:
        keys = {"mall": self._mall, "id": id}
        self._database.probe(self._c, self._s.schema.records[kind], keys)

    def save(self, rows: Sequence[RecordRow]) -> None:
        new: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            values: dict[str, Any] = {"version": row.version, "body": row.body}
            fields = dict.fromkeys(self._s.schema.kinds[row.kind].indexed) | dict(row.indexed)
            rest = {"open": int(row.open), "pack": row.pack, **fields}
            if row.before == 0:
                values |= {"mall": self._mall, "id": row.id} | rest
                new.setdefault(row.kind, []).append(values)
                continue
            query = self._s.update_body[row.kind]
            if not self._indexed_as_loaded(row):  # naming a column rewrites its index
                query = self._s.update_record[row.kind]
                values |= rest
            values |= {"b_mall": self._mall, "b_id": row.id, "b_before": row.before}
            if self._send.change(query, values) != 1:
                raise Overtaken(
                    Text(
                        f"{row.kind}/{row.id} 已被他人更改",
                        f"{row.kind}/{row.id} was changed by somebody else",
                    )
                )
        if new and self._s.locking:
            keys = [self._key(kind, row["id"]) for kind, added in new.items() for row in added]
            self._database.lock_keys(self._c, self._s.schema, keys, shared=False)
        for kind, added in new.items():
            self._send.change_each(self._s.insert_record[kind], added)

    def _indexed_as_loaded(self, row: RecordRow) -> bool:
        """Say whether what is kept beside the body is as it was loaded."""
        was = self._loaded.get((row.kind, row.id))
        return was is not None and (was.open, was.pack, was.indexed) == (
            row.open, row.pack, row.indexed
        )

    def find(
        self, kind: str, *, open: bool | None = None, after: str = "", limit: int = 1000,
        **indexed: str,
    ) -> Sequence[RecordRow]:
        t = self._s.schema.records[kind]
        query = self._s.find[kind].where(t.c.id > after).limit(limit)
        if open is not None:
            query = query.where(t.c.open == int(open))
        for name, value in indexed.items():
            query = query.where(t.c[name] == value)
        return [self._record(kind, row) for row in self._found(query)]

    def uses_pack(self, kind: str, pack: str) -> bool:
        return self._first(self._s.uses_pack[kind], pack=pack) is not None

    def walked(self, name: str) -> str | None:
        found = self._first(self._s.walked, name=name)
        return None if found is None else str(found[0])

    def put_walked(self, name: str, upto: str) -> None:
        values = {"mall": self._mall, "name": name, "upto": upto}
        self._send.change(self._s.put_walked, values)

    # Clocks

    def open_clocks(self, subject: str) -> Sequence[ClockRow]:
        return [ClockRow(*row) for row in self._all(self._s.open_clocks, subject=subject)]

    def open_clocks_many(self, subjects: Sequence[str]) -> Mapping[str, Sequence[ClockRow]]:
        found: dict[str, list[ClockRow]] = {}
        for row in self._of(subjects, self._s.open_clocks_many):
            found.setdefault(row[0], []).append(ClockRow(*row))
        order = attrgetter("name", "part", "started")
        return {subject: sorted(rows, key=order) for subject, rows in found.items()}

    def put_clocks(self, rows: Sequence[ClockRow]) -> None:
        self._send.change_each(
            self._s.put_clocks,
            [
                {
                    "mall": self._mall, "subject": r.subject, "name": r.name, "part": r.part,
                    "started": r.started, "limit": r.limit, "counting": r.counting, "due": r.due,
                    "next": r.next, "stage": r.stage, "state": r.state, "stopped": r.stopped,
                    "pack": r.pack,
                }
                for r in rows
            ],
        )

    def due_clocks(self, now: int, limit: int) -> Sequence[ClockRow]:
        return [ClockRow(*row) for row in self._all(self._s.due_clocks, now=now, most=limit)]

    def clocks(self, states: Sequence[ClockState], *, limit: int = 1000) -> Sequence[ClockRow]:
        # One query a state: each comes in order from its index, and no more than asked for.
        each = [
            [ClockRow(*row) for row in self._all(self._s.clocks_in, state=state, most=limit)]
            for state in dict.fromkeys(states)
        ]
        rows = merge(*each, key=lambda r: (r.due, r.subject, r.name, r.part))
        return list(islice(rows, limit))

    # Outbox

    def enqueue(self, rows: Sequence[Message]) -> None:
        self._send.change_each(
            self._s.enqueue,
            [
                {
                    "mall": self._mall, "id": m.id, "topic": m.topic, "body": m.body,
                    "created": m.created, "next": m.next, "state": m.state,
                    "attempts": m.attempts, "reason": m.reason,
                }
                for m in rows
            ],
        )

    def claim_messages(self, now: int, limit: int, until: int) -> Sequence[Message]:
        return self._claim(self._all(self._s.due_messages, now=now, most=limit), until)

    def claim_lane(self, topic: str, now: int, limit: int, until: int) -> Sequence[Message]:
        due = self._all(self._s.due_of_lane, topic=topic, now=now, most=limit)
        return self._claim(due, until)

    def _claim(self, rows: Sequence[Any], until: int) -> Sequence[Message]:
        due = [Message(*row) for row in rows]
        taken = [replace(m, next=until, attempts=m.attempts + 1) for m in due]
        if taken:
            self._send.change_each(
                self._s.claim_message,
                [
                    {"b_mall": self._mall, "b_id": m.id, "attempts": m.attempts, "next": until}
                    for m in taken
                ],
            )
        return taken

    def settle_message(self, message: Message) -> None:
        self._send.change(
            self._s.settle_message,
            {
                "b_mall": self._mall, "b_id": message.id, "state": message.state,
                "next": message.next, "b_attempts": message.attempts, "reason": message.reason,
            },
        )

    def messages(self, states: Sequence[MessageState], limit: int = 1000) -> Sequence[Message]:
        return self.list_messages(states, (-1, ""), limit)

    def list_messages(
        self, states: Sequence[MessageState], after: tuple[int, str], limit: int
    ) -> Sequence[Message]:
        since, beyond = after
        wanted = {"since": since, "beyond": beyond, "most": limit}
        each: Iterable[list[Message]] = [
            [Message(*row) for row in self._all(self._s.messages, state=state, **wanted)]
            for state in dict.fromkeys(states)
        ]
        return list(islice(merge(*each, key=lambda m: (m.created, m.id)), limit))

    def newest(self, upto: int) -> int | None:
        """Return when the newest message up to a moment was made."""
        (row,) = self._all(self._s.newest, upto=upto)
        return max((made for made in row if made is not None), default=None)

    def find_messages(self, ids: Sequence[str]) -> Sequence[Message]:
        return [Message(*row) for row in self._of(ids, self._s.find_messages)]

    def change_message(self, was: Message, message: Message) -> bool:
        changed = self._send.change(
            self._s.change_message,
            {
                "b_mall": self._mall, "b_id": was.id, "b_state": was.state,
                "b_attempts": was.attempts, "state": message.state, "next": message.next,
                "attempts": message.attempts, "reason": message.reason,
            },
        )
        return changed == 1

    # Policies

    def packs(self) -> Sequence[PackRow]:
        return [PackRow(*row) for row in self._all(self._s.packs)]

    def put_pack(self, row: PackRow) -> None:
        values = {"mall": self._mall, "hash": row.hash, "body": row.body}
        self._insert_new(self._s.put_pack, values)

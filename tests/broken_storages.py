"""Storages with one fault each, and the cases of the conformance kit that are meant for it."""

from __future__ import annotations

import copy
import pickle
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, ClassVar, TypeVar

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from eldermall.adapters.storage import MEMORY
from eldermall.adapters.storage.memory import MemoryStorage, _MemoryTransaction, _Tables
from eldermall.adapters.storage.sql.join import _SqlJoined
from eldermall.adapters.storage.sql.sending import ByCore
from eldermall.adapters.storage.sql.sqlite import Sqlite
from eldermall.adapters.storage.sql.storage import SqlStorage
from eldermall.adapters.storage.sql.transaction import SqlTransaction
from eldermall.contracts.storage import (
    NO_HEAD,
    Head,
    KeyRow,
    Leaf,
    Message,
    RecordKind,
    RecordRow,
    RootRow,
    Storage,
    StorageCapabilities,
)
from eldermall.errors import NotInTransaction, NotJoinable, Overtaken, StorageError
from eldermall.testing.storage import Backend, StorageBackend, values
from eldermall.testing.storage.rows import KINDS
from eldermall.texts import Text
from tests import databases

T = TypeVar("T", bound=type[Any])
NO = Text("不行", "no")
HOURS = 3_600_000_000


def like(pattern: str, text: str | None) -> bool:
    """Say whether ``text`` is LIKE ``pattern``."""
    matching = re.escape(pattern).replace("_", ".").replace("%", ".*")
    return text is not None and re.fullmatch(matching, text, re.DOTALL) is not None


class Calls:
    """The calls of a sound transaction in memory; a subclass gets one wrong."""

    def __init__(self, tx: Any) -> None:
        self.tx = tx

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tx, name)


class Wrapping(MemoryStorage):
    """A storage in memory whose transactions are wrapped."""

    calls: ClassVar[type[Calls]] = Calls

    @contextmanager
    def write(self, mall: str, *, patience: float | None = None) -> Iterator[Any]:
        with super().write(mall, patience=patience) as tx:
            yield self.calls(tx)

    @contextmanager
    def read(self, mall: str) -> Iterator[Any]:
        with super().read(mall) as tx:
            yield self.calls(tx)


def wrapping(calls: type[Calls]) -> Wrapping:
    """Return a storage in memory with these calls."""
    storage = Wrapping()
    vars(storage)["calls"] = calls
    return storage


@dataclass(frozen=True)
class Fault:
    """A broken storage.

    Args:
        cases: those that must catch it.
        backend: gives it, on a folder of its own.
        on: the database that it is on.
    """

    cases: tuple[str, ...]
    backend: Callable[[Path], StorageBackend]
    on: str = "memory"


FAULTS: dict[str, Fault] = {}


def caught_by(*cases: str) -> Callable[[T], T]:
    """Register a fault in the calls, or in the storage, in memory."""

    def register(broken: T) -> T:
        def make() -> Any:
            return wrapping(broken) if issubclass(broken, Calls) else broken()

        FAULTS[broken.__name__] = Fault(cases, lambda folder: Backend(make, shared=False))
        return broken

    return register


def caught_on_sqlite(*cases: str) -> Callable[[T], T]:
    """Register a fault in the storage on a file of SQLite that isn't there yet."""

    def register(broken: T) -> T:
        def backend(folder: Path) -> StorageBackend:
            url = f"sqlite:///{folder / 'mall.db'}"
            return Backend(lambda: broken(url), prefixed=lambda prefix: broken(url, prefix=prefix))

        FAULTS[broken.__name__] = Fault(cases, backend, "sqlite")
        return broken

    return register


def caught_on(server: str, *cases: str) -> Callable[[T], T]:
    """Register a fault in the storage on a real database."""

    def register(broken: T) -> T:
        def backend(folder: Path) -> StorageBackend:
            url = databases.url_of(server, folder)
            return Backend(lambda: broken(url), joining=Hosts(url))

        FAULTS[broken.__name__] = Fault(cases, backend, server)
        return broken

    return register


# Records


class Read(Calls):
    """Gets records wrong as it reads them."""

    def out(self, row: RecordRow) -> RecordRow:
        return row

    def load(self, kind: str, id: str) -> tuple[RecordRow | None, Head]:
        row, head = self.tx.load(kind, id)
        return None if row is None else self.out(row), head

    def find(self, kind: str, **by: Any) -> list[RecordRow]:
        return [self.out(row) for row in self.tx.find(kind, **by)]


class Saved(Calls):
    """Gets records wrong as it saves them."""

    def into(self, row: RecordRow) -> RecordRow:
        return row

    def save(self, rows: Sequence[RecordRow]) -> None:
        self.tx.save([self.into(row) for row in rows])


@caught_by("record_comes_back")
class EmptyForNone(Read):
    def out(self, row: RecordRow) -> RecordRow:
        return replace(row, indexed={name: value or "" for name, value in row.indexed.items()})


@caught_by("record_is_replaced_whole")
class OldFieldsStay(Saved):
    def into(self, row: RecordRow) -> RecordRow:
        stored, _ = self.tx.load(row.kind, row.id)
        return row if stored is None else replace(row, indexed=stored.indexed)


@caught_by("wrong_before")
class SavesOverAnything(Saved):
    def into(self, row: RecordRow) -> RecordRow:
        stored, _ = self.tx.load(row.kind, row.id)
        return replace(row, before=0 if stored is None else stored.version)


@caught_by("save_mixes")
class OneKindASave(Calls):
    def save(self, rows: Sequence[RecordRow]) -> None:
        self.tx.save([row for row in rows if row.kind == rows[0].kind])


@caught_by("head_comes_with_record")
class HeadByText(Calls):
    def load(self, kind: str, id: str) -> tuple[RecordRow | None, Head]:
        row, head = self.tx.load(kind, id)
        chain = sorted(self.tx.chain(f"{kind}/{id}"), key=lambda entry: str(entry.seq))
        return row, Head(chain[-1].seq, chain[-1].hash) if chain else head


@caught_by("look_up")
class LooksUpAHundred(Calls):
    def look_up(self, kind: str, ids: Sequence[str]) -> Any:
        return self.tx.look_up(kind, ids[:100])


@caught_by("existing")
class ExistsByAnyCase(Calls):
    def existing(self, kind: str, ids: Sequence[str]) -> Any:
        return {id for id in ids if self.tx.look_up(kind, [id, id.upper()])}


@caught_by("load_many")
class HeadsLeftOut(Calls):
    def load_many(self, kind: str, ids: Sequence[str]) -> Any:
        return {id: (row, NO_HEAD) for id, (row, _) in self.tx.load_many(kind, ids).items()}


@caught_by("load_many")
class OnlyThoseThere(Calls):
    def load_many(self, kind: str, ids: Sequence[str]) -> Any:
        return {id: pair for id, pair in self.tx.load_many(kind, ids).items() if pair[0]}


@caught_by("load_many_and_save")
class FoundAsLoaded(Calls):
    was: ClassVar[dict[str, RecordRow]] = {}

    def load_many(self, kind: str, ids: Sequence[str]) -> Any:
        found = self.tx.load_many(kind, ids)
        self.was.update({id: row for id, (row, _) in found.items() if row})
        return found

    def save(self, rows: Sequence[RecordRow]) -> None:
        kept = {row.id: self.was.get(row.id, row).indexed for row in rows}
        self.tx.save([replace(row, indexed=kept[row.id]) for row in rows])


@caught_by("open_clocks_many")
class ClocksOfTheFirst(Calls):
    def open_clocks_many(self, subjects: Sequence[str]) -> Any:
        return {subject: self.tx.open_clocks(subjects[0]) for subject in subjects}


@caught_by("many_is_declared")
class ManyKept(Wrapping):
    capabilities = replace(MEMORY, many=False)


@caught_by("find_in_order")
class UnstableOrder(Calls):
    def find(self, kind: str, *, limit: int = 1000, **by: Any) -> list[RecordRow]:
        rows = self.tx.find(kind, limit=10**6, **by)
        return sorted(rows, key=lambda row: hash(row.id))[:limit]


@caught_by("find_in_order")
class OrderOfALanguage(Calls):
    def find(self, kind: str, *, limit: int = 1000, **by: Any) -> list[RecordRow]:
        rows = self.tx.find(kind, limit=10**6, **by)
        return sorted(rows, key=lambda row: row.id.casefold())[:limit]


@caught_by("find_combines")
class OneConditionOnly(Calls):
    def find(self, kind: str, *, open: bool | None = None, **by: Any) -> Any:
        return self.tx.find(kind, **by) if "customer" in by else self.tx.find(kind, open=open, **by)


@caught_by("find_in_pages")
class LimitBeforeTheRest(Calls):
    def find(self, kind: str, *, limit: int = 1000, after: str = "", **by: Any) -> Any:
        first = [row.id for row in self.tx.find(kind, after=after, limit=limit)]
        return [row for row in self.tx.find(kind, after=after, limit=limit, **by)
                if row.id in first]


@caught_by("walks")
class OneWalkOnly(Calls):
    def walked(self, name: str) -> Any:
        return self.tx.walked("all")

    def put_walked(self, name: str, upto: str) -> None:
        self.tx.put_walked("all", upto)


class Folded(Calls):
    """Takes ids for one another."""

    def fold(self, text: str) -> str:
        return text

    def load(self, kind: str, id: str) -> Any:
        return self.tx.load(kind, self.fold(id))

    def save(self, rows: Sequence[RecordRow]) -> None:
        kept = {self.fold(row.id): replace(row, id=self.fold(row.id)) for row in rows}
        self.tx.save(list(kept.values()))


@caught_by("ids_are_apart", "model")
class CaseInsensitive(Folded):
    def fold(self, text: str) -> str:
        return text.lower()


@caught_by("ids_are_apart")
class TrailingBlanksCut(Folded):
    def fold(self, text: str) -> str:
        return text.rstrip()


@caught_by("ids_are_apart")
class Normalised(Folded):
    def fold(self, text: str) -> str:
        return unicodedata.normalize("NFC", text)


@caught_by("bodies_are_bytes")
class ZeroBytesCut(Saved):
    def into(self, row: RecordRow) -> RecordRow:
        return replace(row, body=row.body.split(b"\0")[0])


@caught_by("bodies_are_bytes")
class HalfOfALongBody(Saved):
    def into(self, row: RecordRow) -> RecordRow:
        return replace(row, body=row.body[: 2**20])


@caught_by("longest_texts")
class TruncatedText(Saved):
    def into(self, row: RecordRow) -> RecordRow:
        cut = {n: v and v.encode()[:64].decode(errors="ignore") for n, v in row.indexed.items()}
        return replace(row, indexed=cut)


@caught_by("many_records", "many_clocks", "many_entries", "many_messages", "many_leaves")
class OnlyTheFirstThousand(Calls):
    def save(self, rows: Sequence[Any]) -> None:
        self.tx.save(rows[:1000])

    def put_clocks(self, rows: Sequence[Any]) -> None:
        self.tx.put_clocks(rows[:1000])

    def append(self, rows: Sequence[Any], personal: Sequence[Any] = ()) -> None:
        self.tx.append(rows[:1000], personal)

    def enqueue(self, rows: Sequence[Any]) -> None:
        self.tx.enqueue(rows[:1000])


@caught_by("uses_pack")
class ClosedRecordsCount(Calls):
    def uses_pack(self, kind: str, pack: str) -> bool:
        return any(row.pack == pack for row in self.tx.find(kind))


@caught_by("find_takes_no_pattern")
class FindsByWildcard(Calls):
    def find(self, kind: str, *, limit: int = 1000, after: str = "", **by: Any) -> list[RecordRow]:
        open = by.pop("open", None)
        return [
            row for row in self.tx.find(kind, open=open, after=after, limit=10**6)
            if all(like(value, row.indexed[name]) for name, value in by.items())
        ][:limit]


@caught_by("find_takes_no_pattern")
class LoadsByWildcard(Calls):
    def look_up(self, kind: str, ids: Sequence[str]) -> Any:
        rows = self.tx.find(kind, limit=10**6)
        return {row.id: row for row in rows if any(like(id, row.id) for id in ids)}


# Clocks


@caught_by("clock_comes_back")
class Milliseconds(Calls):
    def put_clocks(self, rows: Sequence[Any]) -> None:
        self.tx.put_clocks([replace(row, started=row.started // 1000 * 1000) for row in rows])


@caught_by("clock_is_replaced_by_key")
class StartIsNoKey(Calls):
    def put_clocks(self, rows: Sequence[Any]) -> None:
        for row in rows:
            same = (row.subject, row.name, row.part)
            for other in [key for key in self.tx._t.clocks if key[:3] == same]:
                self.tx._drop(self.tx._t.clocks, other)
            self.tx.put_clocks([row])


@caught_by("open_clocks")
class PausedIsForgotten(Calls):
    def open_clocks(self, subject: str) -> Any:
        return [row for row in self.tx.open_clocks(subject) if row.state != "paused"]


@caught_by("due_clocks")
class NotDueOnTheMoment(Calls):
    def due_clocks(self, now: int, limit: int) -> Any:
        return self.tx.due_clocks(now - 1, limit)


@caught_by("due_clocks")
class ForgetsLimit(Calls):
    def due_clocks(self, now: int, limit: int) -> Any:
        return self.tx.due_clocks(now, limit + 1)


@caught_by("due_clocks_by_bytes")
class OrderOfUtf16(Calls):
    def due_clocks(self, now: int, limit: int) -> Any:
        rows = self.tx.due_clocks(now, limit)
        return sorted(
            rows, key=lambda r: (r.next, r.subject.encode("utf-16-be"), r.name, r.part)
        )


@caught_by("clocks_by_state")
class LimitForEachState(Calls):
    def clocks(self, states: Sequence[Any], *, limit: int = 1000) -> Any:
        return [row for state in states for row in self.tx.clocks([state], limit=limit)]


class PartsFolded(Calls):
    """Takes parts for one another."""

    def fold(self, part: str) -> str:
        return part

    def put_clocks(self, rows: Sequence[Any]) -> None:
        self.tx.put_clocks([replace(row, part=self.fold(row.part)) for row in rows])


@caught_by("parts_are_apart")
class PartsWithoutCase(PartsFolded):
    def fold(self, part: str) -> str:
        return part.lower()


@caught_by("longest_clock")
class TruncatedPart(PartsFolded):
    def fold(self, part: str) -> str:
        return part[:63]


@caught_on("sqlite", "due_clocks_cost")
class ScansClocks(SqlStorage):
    def open(self, kinds: Iterable[RecordKind], *, make: bool = True) -> None:
        super().open(kinds, make=make)
        with self.engine.begin() as connection:
            connection.exec_driver_sql("DROP INDEX IF EXISTS ix_eldermall_clocks_next")


# Journal and sealing


@caught_by("long_chain")
class ChainsCut(Calls):
    def chain(self, subject: str) -> Any:
        return self.tx.chain(subject)[:10_000]


@caught_by("erase_takes_no_pattern")
class ErasesByWildcard(Calls):
    def erase(self, subject: str) -> int:
        held = self.tx.holding_personal(2**53, "", 10**6)
        return sum(self.tx.erase(each) for each in held if like(subject, each))


@caught_by("erase_takes_no_pattern")
class ForgetsKeysByWildcard(Calls):
    def erase(self, subject: str) -> int:
        for used, row in list(self.tx._t.keys.items()):
            if like(subject, row.subject):
                self.tx._drop(self.tx._t.keys, used)
        many: int = self.tx.erase(subject)
        return many


@caught_by("nothing_is_a_pattern")
class ChainsByWildcard(Calls):
    def chain(self, subject: str) -> Any:
        return [row for row in self.tx.entries() if like(subject, row.subject)]


@caught_by("chain_by_number", "model")
class DroppedEntry(Calls):
    def append(self, rows: Sequence[Any], personal: Sequence[Any] = ()) -> None:
        self.tx.append(rows[:-1] or rows, personal)


@caught_by("chain_by_number", "entries_in_order")
class NumbersAsText(Calls):
    def chain(self, subject: str) -> Any:
        return sorted(self.tx.chain(subject), key=lambda row: str(row.seq))

    def entries(self, after: str = "", upto: str | None = None) -> Any:
        rows = self.tx.entries(after, upto)
        return iter(sorted(rows, key=lambda row: (row.subject, str(row.seq))))


@caught_by("entry_number_twice")
class EntryOverwritten(Calls):
    def append(self, rows: Sequence[Any], personal: Sequence[Any] = ()) -> None:
        for row in rows:
            if self.tx._t.entries.get(row.subject, {}).pop(row.seq, None) is not None:
                del self.tx._t.unsealed[row.subject, row.seq]
        self.tx.append(rows, personal)


@caught_by("parts")
class LastSubjectLeftOut(Calls):
    def entries(self, after: str = "", upto: str | None = None) -> Any:
        return (row for row in self.tx.entries(after, upto) if row.subject != upto)


@caught_by("stride")
class StrideTooShort(Calls):
    def stride(self, after: str, entries: int) -> Any:
        return self.tx.stride(after, entries - 1)


@caught_by("personal_comes_back")
class PersonalAsText(Calls):
    def append(self, rows: Sequence[Any], personal: Sequence[Any] = ()) -> None:
        as_text = [replace(p, value=p.value.decode(errors="replace").encode()) for p in personal]
        self.tx.append(rows, as_text)


@caught_by("holding_personal")
class HoldingOneTooMany(Calls):
    def holding_personal(self, before: int, after: str, limit: int) -> Any:
        return self.tx.holding_personal(before + 1, after, limit)


@caught_by("erase")
class EraseLeavesSalts(Calls):
    def erase(self, subject: str) -> int:
        rows = self.tx.personal(subject)
        many: int = self.tx.erase(subject)
        self.tx.append([], [replace(row, value=b"") for row in rows])
        return many


@caught_by("erase", "model")
class EraseLeavesFingerprints(Calls):
    def erase(self, subject: str) -> int:
        kept = [row for row in self.tx._t.keys.values() if row.subject == subject]
        many: int = self.tx.erase(subject)
        for row in kept:
            self.tx.claim_key(row)
        return many


@caught_by("erase")
class EraseTooMuch(Calls):
    def erase(self, subject: str) -> int:
        held = self.tx.holding_personal(2**53, "", 10**6)
        return sum(self.tx.erase(each) for each in held if each.startswith(subject))


@caught_by("new_entries_wait")
class UnsealedForgotten(Calls):
    def append(self, rows: Sequence[Any], personal: Sequence[Any] = ()) -> None:
        self.tx.append(rows, personal)
        for row in rows[1:]:
            self.tx._drop(self.tx._t.unsealed, (row.subject, row.seq))


@caught_by("seal_forgets_what_it_names", "model")
class SealDropsAll(Calls):
    def seal(self, root: RootRow, leaves: Sequence[Leaf], sealed: Sequence[Leaf]) -> None:
        self.tx.seal(root, leaves, list(self.tx.waiting()))


@caught_by("roots_by_number")
class RootsByText(Calls):
    def last_root(self) -> Any:
        return max(self.tx.roots(), key=lambda row: str(row.number), default=None)


@caught_by("root_number_twice")
class RootOverwritten(Calls):
    def seal(self, root: RootRow, leaves: Sequence[Leaf], sealed: Sequence[Leaf]) -> None:
        self.tx._t.roots.pop(root.number, None)
        self.tx.seal(root, leaves, sealed)


@caught_by("sealed_in_order")
class SealedByRoot(Calls):
    def sealed(self, after: str = "", upto: str | None = None) -> Any:
        return iter(sorted(self.tx.sealed(after, upto), key=lambda pair: pair[0]))


@caught_by("sealing")
class NewestSealing(Calls):
    def sealing(self, subject: str, seq: int) -> Any:
        found = [p for p in self.tx.sealed() if p[1].subject == subject and p[1].seq >= seq]
        return found[-1] if found else None


# Outbox, keys, policies


@caught_by("message_comes_back", "model")
class WrongZone(Calls):
    def enqueue(self, rows: Sequence[Message]) -> None:
        self.tx.enqueue([replace(row, created=row.created + 8 * HOURS) for row in rows])


@caught_by("message_comes_back")
class ReasonCut(Calls):
    def enqueue(self, rows: Sequence[Message]) -> None:
        self.tx.enqueue([replace(row, reason=row.reason[:255]) for row in rows])


@caught_by("messages_oldest_first")
class NewestFirst(Calls):
    def messages(self, states: Sequence[Any], limit: int = 1000) -> Any:
        return self.tx.messages(states, 10**6)[::-1][:limit]


@caught_by("claim", "model")
class DoubleClaim(Calls):
    def claim_messages(self, now: int, limit: int, until: int) -> Any:
        taken = self.tx.claim_messages(now, limit, until)
        for row in taken:
            self.tx.enqueue([replace(row, next=now)])
        return taken


@caught_by("reason_is_cleared")
class ReasonStays(Calls):
    def settle_message(self, message: Message) -> None:
        stored = self.tx._t.outbox[message.id]
        self.tx.settle_message(replace(message, reason=message.reason or stored.reason))


@caught_by("outcomes")
class OutcomeCut(Calls):
    def settle_message(self, message: Message) -> None:
        self.tx.settle_message(replace(message, reason=message.reason[:255]))


@caught_by("outcomes")
class ZeroIsNever(Calls):
    def settle_message(self, message: Message) -> None:
        self.tx.settle_message(replace(message, next=message.next or None))


@caught_by("attempts_go_on")
class AttemptsInAByte(Calls):
    def claim_messages(self, now: int, limit: int, until: int) -> Any:
        taken = self.tx.claim_messages(now, limit, until)
        few = [replace(row, attempts=min(row.attempts, 127)) for row in taken]
        for row in few:
            self.tx._put(self.tx._t.outbox, row.id, row)
        return few


@caught_by("none_wanted")
class NoLimitForNone(Calls):
    def claim_messages(self, now: int, limit: int, until: int) -> Any:
        return self.tx.claim_messages(now, limit or 1000, until)


@caught_by("settle")
class AnybodySettles(Calls):
    def settle_message(self, message: Message) -> None:
        attempts = self.tx._t.outbox[message.id].attempts
        self.tx.settle_message(replace(message, attempts=attempts))


@caught_by("claim_lane", "lanes_pass_over", "model")
class LanesMixed(Calls):
    def claim_lane(self, topic: str, now: int, limit: int, until: int) -> Any:
        return self.tx.claim_messages(now, limit, until)


@caught_by("list_messages")
class PartsOverlap(Calls):
    def list_messages(self, states: Sequence[Any], after: tuple[int, str], limit: int) -> Any:
        found = self.tx.list_messages(states, (after[0] - 1, ""), 10**6)
        return [row for row in found if row.created > after[0] or row.id >= after[1]][:limit]


@caught_by("find_messages")
class FoundByPattern(Calls):
    def find_messages(self, ids: Sequence[str]) -> Any:
        patterns = [re.compile(re.escape(id).replace("_", ".").replace("%", ".*")) for id in ids]
        rows = self.tx._t.outbox.values()
        return [row for row in rows if any(p.fullmatch(row.id) for p in patterns)]


@caught_by("find_messages", "message_comes_back")
class MessageIdCut(Calls):
    def enqueue(self, rows: Sequence[Message]) -> None:
        self.tx.enqueue([replace(row, id=row.id[:129]) for row in rows])


@caught_by("change_message", "model")
class ChangedAnyhow(Calls):
    def change_message(self, was: Message, message: Message) -> bool:
        kept = self.tx._t.outbox.get(was.id, was)
        return bool(self.tx.change_message(kept, message))


@caught_by("lanes_are_declared")
class LanesKept(Wrapping):
    capabilities = replace(MEMORY, lanes=False)


@caught_by("key_is_used_once")
class KeyReplaced(Calls):
    def claim_key(self, row: KeyRow) -> KeyRow | None:
        used: KeyRow | None = self.tx.claim_key(row)
        return None if used is None else row


@caught_by("key_belongs_to_command", "model")
class KeysOfAllCommands(Calls):
    def claim_key(self, row: KeyRow) -> Any:
        return self.tx.claim_key(replace(row, command=""))


@caught_by("key_is_undone", "error_undoes_everything")
class KeysOutsideTheTransaction(Calls):
    def claim_key(self, row: KeyRow) -> KeyRow | None:
        used: KeyRow | None = self.tx._t.keys.setdefault((row.command, row.key), row)
        return None if used is row else used


@caught_by("key_lasts")
class KeysExpire(Calls):
    def claim_key(self, row: KeyRow) -> KeyRow | None:
        used: KeyRow | None = self.tx.claim_key(row)
        if used is None or row.created - used.created < 24 * HOURS:
            return used
        self.tx._put(self.tx._t.keys, (row.command, row.key), row)
        return None


@caught_by("nothing_is_a_pattern")
class KeysByWildcard(Calls):
    def claim_key(self, row: KeyRow) -> Any:
        for (command, key), used in self.tx._t.keys.items():
            if command == row.command and like(row.key, key):
                return used
        return self.tx.claim_key(row)


@caught_by("forget_keys")
class NewestKeysForgotten(Calls):
    def forget_keys(self, before: int, limit: int) -> int:
        old = sorted(r.created for r in self.tx._t.keys.values() if r.created < before)
        gone = [k for k, r in self.tx._t.keys.items() if r.created in old[-limit:]]
        for key in gone:
            self.tx._drop(self.tx._t.keys, key)
        return len(gone)


@caught_by("packs")
class PackReplaced(Calls):
    def put_pack(self, row: Any) -> None:
        self.tx._put(self.tx._t.packs, row.hash, row)


# Values


class Written(Calls):
    """Gets a row of any sort wrong as it writes it."""

    def into(self, row: Any) -> Any:
        return row

    def save(self, rows: Sequence[Any]) -> None:
        self.tx.save([self.into(row) for row in rows])

    def put_clocks(self, rows: Sequence[Any]) -> None:
        self.tx.put_clocks([self.into(row) for row in rows])

    def append(self, rows: Sequence[Any], personal: Sequence[Any] = ()) -> None:
        self.tx.append([self.into(row) for row in rows], [self.into(row) for row in personal])

    def seal(self, root: Any, leaves: Sequence[Any], sealed: Sequence[Any]) -> None:
        self.tx.seal(self.into(root), [self.into(row) for row in leaves], sealed)

    def enqueue(self, rows: Sequence[Any]) -> None:
        self.tx.enqueue([self.into(row) for row in rows])

    def claim_key(self, row: Any) -> Any:
        return self.tx.claim_key(self.into(row))

    def put_pack(self, row: Any) -> None:
        self.tx.put_pack(self.into(row))


FIELDS: dict[tuple[str, str], Callable[[], Storage]] = {}
"""Storages that get one field of one sort of row wrong, by the case that must catch it."""


def field_wrong(case: str, sort: type, field: str, how: str, wrong: Callable[[Any], Any]) -> None:
    """Register one."""

    class Field(Written):
        def into(self, row: Any) -> Any:
            value = getattr(row, field, None) if type(row) is sort else None
            return row if value is None else replace(row, **{field: wrong(value)})

    FIELDS[case, f"{sort.__name__}.{field} {how}"] = lambda: wrapping(Field)


def cut(most: int) -> Callable[[Any], Any]:
    return lambda value: value[:most]


def bound(bits: int) -> Callable[[Any], Any]:
    return lambda number: min(number, 2**bits - 1)


for sort, fields in values.TEXTS.items():
    for field, most in fields.items():
        if field != "indexed":
            field_wrong("texts", sort, field, "quoted", lambda text: text.replace("'", "''"))
            field_wrong("texts", sort, field, "stripped", str.strip)
            field_wrong("texts", sort, field, "composed", partial(unicodedata.normalize, "NFC"))
            field_wrong("texts", sort, field, "cut", cut(most - 1))
for sort, numbers in values.NUMBERS.items():
    for field, greatest in numbers.items():
        field_wrong("numbers", sort, field, "narrow", bound(15 if greatest < 2**31 else 31))
        if greatest > 2**31:
            field_wrong("numbers", sort, field, "rounded", lambda n: n // 1000 * 1000 or n)
for sort, kinds in values.BYTES.items():
    for field, tried in kinds.items():
        field_wrong("bytes", sort, field, "stripped", lambda data: data.rstrip(b"\0 "))
        if tried is values.BODIES:
            field_wrong("bytes", sort, field, "of64kb", cut(2**16 - 1))


# Transactions


@caught_by("reads_are_fresh")
class PacksCached(Calls):
    def packs(self) -> Any:
        kept = vars(self.tx._t)
        kept["packs_cached"] = kept.get("packs_cached") or self.tx.packs()
        return kept["packs_cached"]


@caught_by("reads_are_fresh")
class HeadsCached(Calls):
    def load(self, kind: str, id: str) -> tuple[RecordRow | None, Head]:
        row, head = self.tx.load(kind, id)
        heads = vars(self.tx._t).setdefault("heads", {})
        return row, heads.setdefault((kind, id), head) if head.seq else head


@caught_by("error_undoes_everything", "key_is_undone", "model")
class PhantomCommit(MemoryStorage):
    @contextmanager
    def write(self, mall: str, *, patience: float | None = None) -> Iterator[Any]:
        broken: BaseException | None = None
        with super().write(mall, patience=patience) as tx:
            try:
                yield tx
            except BaseException as error:  # noqa: BLE001
                broken = error
        if broken is not None:
            raise broken


@caught_by("error_undoes_everything")
class InterruptCommits(MemoryStorage):
    @contextmanager
    def write(self, mall: str, *, patience: float | None = None) -> Iterator[Any]:
        interrupt: BaseException | None = None
        with super().write(mall, patience=patience) as tx:
            try:
                yield tx
            except Exception:
                raise
            except BaseException as error:  # noqa: BLE001
                interrupt = error
        if interrupt is not None:
            raise interrupt


@caught_by("error_comes_out")
class SwallowedError(MemoryStorage):
    @contextmanager
    def write(self, mall: str, *, patience: float | None = None) -> Iterator[Any]:
        try:
            with super().write(mall, patience=patience) as tx:
                yield tx
        except ValueError:
            pass


@caught_by("error_comes_out")
class ForeignErrorsWrapped(MemoryStorage):
    @contextmanager
    def read(self, mall: str) -> Iterator[Any]:
        try:
            with super().read(mall) as tx:
                yield tx
        except KeyError as error:
            raise StorageError(NO) from error


@caught_by("errors_are_our_own", "wrong_before", "entry_number_twice", "root_number_twice")
class RawErrors(MemoryStorage):
    @contextmanager
    def write(self, mall: str, *, patience: float | None = None) -> Iterator[Any]:
        try:
            with super().write(mall, patience=patience) as tx:
                yield tx
        except Overtaken as error:
            raise sqlite3.IntegrityError(str(error)) from None


@caught_by("own_writes_are_seen")
class OwnWritesUnseen(Calls):
    def __init__(self, tx: Any) -> None:
        super().__init__(tx)
        self.seen: dict[str, Any] = {}

    def find(self, kind: str, **by: Any) -> Any:
        return self.seen.setdefault(repr((kind, by)), self.tx.find(kind, **by))


@caught_by("uncommitted_is_unseen")
class ReadsUncommitted(MemoryStorage):
    @contextmanager
    def read(self, mall: str) -> Iterator[Any]:
        yield _MemoryTransaction(self._malls.setdefault(mall, _Tables()))


class NoSnapshot(Sqlite):
    def begin_read(self, connection: Connection) -> None:
        connection.begin()  # without a BEGIN each statement sees a moment of its own


@caught_on("sqlite", "read_sees_one_moment")
class StaleSnapshot(SqlStorage):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.database = NoSnapshot(self.engine.url)


# Two writers


@caught_by(
    "lost_update", "many_count_up", "made_twice", "deadlock", "one_chain", "two_sealers",
    "entry_beside_sealing", "claims_pass_over", "many_claimers", "key_is_waited_for",
    "fact_stands", "absence_stands", "try_lock", "try_lock_locks", "patience",
)
class LostUpdate(MemoryStorage):
    """Each transaction works on a copy of everything, and puts it in place at its end."""

    @contextmanager
    def write(self, mall: str, *, patience: float | None = None) -> Iterator[Any]:
        mine = copy.deepcopy(self._malls.setdefault(mall, _Tables()))
        Event().wait(0.001)  # so that others get their turn
        yield _MemoryTransaction(mine)
        self._malls[mall] = mine


@caught_by("key_of_undone", "write_skew", "write_skew_on_absence", "uncommitted_is_unseen")
class NoLock(MemoryStorage):
    def __init__(self) -> None:
        super().__init__()
        self._lock: Any = _Open()


class _Open(nullcontext[None]):
    def acquire(self, timeout: float = -1) -> bool:
        return True

    def release(self) -> None:
        pass


@caught_by("patience")
class NeverGivesUp(MemoryStorage):
    @contextmanager
    def write(self, mall: str, *, patience: float | None = None) -> Iterator[Any]:
        with super().write(mall) as tx:
            yield tx


@caught_by("patience_of_none")
class NoPatienceIsAny(MemoryStorage):
    @contextmanager
    def write(self, mall: str, *, patience: float | None = None) -> Iterator[Any]:
        with super().write(mall, patience=patience or None) as tx:
            yield tx


class Unlocking(SqlStorage):
    """PostgreSQL with a lock left out: ``unlock`` changes the statements."""

    def open(self, kinds: Iterable[RecordKind], *, make: bool = True) -> None:
        super().open(kinds, make=make)
        assert self._ready is not None
        writing, reading, _ = self._ready
        self.unlock(writing, reading)

    def unlock(self, writing: Any, reading: Any) -> None:
        raise NotImplementedError


@caught_on("postgresql", "fact_stands", "write_skew", "locks_in_host")
class WriteSkew(Unlocking):
    def unlock(self, writing: Any, reading: Any) -> None:
        writing.look_up = reading.look_up


@caught_on("postgresql", "load_many_stands")
class ManyUnlocked(Unlocking):
    def unlock(self, writing: Any, reading: Any) -> None:
        for loading in writing.load_many.values():
            loading._query = loading._query._clone()
            loading._query._for_update_arg = None


@caught_on("postgresql", "absence_stands", "write_skew_on_absence")
class AbsentNotLocked(Unlocking):
    def unlock(self, writing: Any, reading: Any) -> None:
        self.database.lock_keys = lambda *_, **__: None  # type: ignore[method-assign]


@caught_on("postgresql", "claims_pass_over", "many_claimers")
class ClaimsUnlocked(Unlocking):
    def unlock(self, writing: Any, reading: Any) -> None:
        writing.due_messages = reading.due_messages


@caught_on("postgresql", "try_lock", "try_lock_locks")
class TryLockLies(Unlocking):
    def unlock(self, writing: Any, reading: Any) -> None:
        writing.try_lock = reading.exists


# The database


@caught_by("capabilities")
class CapabilitiesAsDict(MemoryStorage):
    capabilities: ClassVar[Any] = {"join": False, "durable": False}  # type: ignore[misc]


@caught_by("open_makes_nothing")
class MakesAnyway(MemoryStorage):
    def open(self, kinds: Iterable[RecordKind], *, make: bool = True) -> None:
        pass


@caught_by("open_again")
class OpenEmpties(MemoryStorage):
    def open(self, kinds: Iterable[RecordKind], *, make: bool = True) -> None:
        self._malls = {}


@caught_on("sqlite", "open_new_kind")
class OldKindsOnly(SqlStorage):
    def open(self, kinds: Iterable[RecordKind], *, make: bool = True) -> None:
        super().open([kind for kind in kinds if kind in KINDS], make=make)


@caught_by("malls_are_apart")
class CodesFolded(MemoryStorage):
    @contextmanager
    def write(self, mall: str, *, patience: float | None = None) -> Iterator[Any]:
        with super().write(mall.lower(), patience=patience) as tx:
            yield tx


class NoFileIsMade(Sqlite):
    def check(self, *, make: bool) -> None:
        pass  # and so SQLite makes an empty file when it is asked for tables


@caught_on_sqlite("open_leaves_no_files")
class LeavesAFile(SqlStorage):
    def __init__(self, url: str, prefix: str = "eldermall_") -> None:
        super().__init__(url, prefix=prefix)
        self.database = NoFileIsMade(self.engine.url)


@caught_on_sqlite("prefixes_are_apart")
class PrefixIgnored(SqlStorage):
    def __init__(self, url: str, prefix: str = "eldermall_") -> None:
        super().__init__(url)


@caught_on_sqlite("prefixes_are_apart")
class PrefixFolded(SqlStorage):
    def __init__(self, url: str, prefix: str = "eldermall_") -> None:
        super().__init__(url, prefix=prefix.lower())


class InAFile(MemoryStorage):
    """Keeps everything in a file, under a lock that other processes know nothing of."""

    capabilities = StorageCapabilities(durable=True)
    locks: ClassVar[dict[Path, Any]] = {}

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self._lock = self.locks.setdefault(file, self._lock)

    def open(self, kinds: Iterable[RecordKind], *, make: bool = True) -> None:
        if not make and not self.file.exists():
            raise StorageError(NO)
        self.file.touch()

    def load(self) -> None:
        self._malls = pickle.loads(self.file.read_bytes() or pickle.dumps({}))

    @contextmanager
    def write(self, mall: str, *, patience: float | None = None) -> Iterator[Any]:
        with super().write(mall, patience=patience):
            self.load()
            yield _MemoryTransaction(self._malls.setdefault(mall, _Tables()))
            self.file.write_bytes(pickle.dumps(self._malls))

    @contextmanager
    def read(self, mall: str) -> Iterator[Any]:
        with self._lock:
            self.load()
            yield _MemoryTransaction(self._malls.setdefault(mall, _Tables()))


class SeenInOneProcess(InAFile):
    """Reads the file once, and all of one process share what they have read."""

    kept: ClassVar[dict[Path, Any]] = {}

    def load(self) -> None:
        if self.file not in self.kept:
            super().load()
        self._malls = self.kept.setdefault(self.file, self._malls)


FAULTS["InAFile"] = Fault(
    ("another_process",), lambda folder: Backend(partial(InAFile, folder / "mall"))
)
FAULTS["SeenInOneProcess"] = Fault(
    ("another_process",), lambda folder: Backend(partial(SeenInOneProcess, folder / "mall"))
)


class Durable(MemoryStorage):
    """Says that it is durable."""

    capabilities = StorageCapabilities(durable=True)

    def open(self, kinds: Iterable[RecordKind], *, make: bool = True) -> None:
        pass


FAULTS["NotDurable"] = Fault(("durable",), lambda folder: Backend(Durable))
FAULTS["DurableInOneProcess"] = Fault(("durable",), lambda folder: Backend(Durable, shared=False))


class Modest(SqlStorage):
    capabilities = StorageCapabilities()


caught_on("sqlite", "durable_is_declared", "join_is_declared")(Modest)


# Joining


@dataclass(frozen=True)
class Host:
    connection: Connection

    def commit(self) -> None:
        self.connection.commit()
        self.connection.close()

    def rollback(self) -> None:
        self.connection.rollback()
        self.connection.close()


class Hosts:
    """Hosts that use SQLAlchemy."""

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url, poolclass=NullPool)

    def begin(self) -> Host:
        host = Host(self.engine.connect())
        host.connection.begin()
        return host

    def idle(self) -> Connection:
        return self.engine.connect()

    def wrong(self) -> Sequence[object]:
        return [self.engine]


class LiesAboutJoin(SqlStorage):
    """Works on the host's connection without asking anything."""

    joined: ClassVar[type[Any]] = _SqlJoined

    @contextmanager
    def join(self, mall: str, host: Any, *, on_end: Callable[[], None]) -> Iterator[Any]:
        if not isinstance(host, Connection):
            raise NotJoinable(NO)
        if not host.in_transaction():
            raise NotInTransaction(NO)
        writing, _, _ = self._opened()
        over = lambda: host.closed or not host.in_transaction()  # noqa: E731
        yield self.joined(self.database, writing, mall, host, over, lent=False)


class Committing(_SqlJoined):
    @contextmanager
    def savepoint(self) -> Iterator[Any]:
        with super().savepoint() as tx:
            yield tx
        self._connection.connection.commit()


@caught_on("sqlite", "commits_with_host", "undone_with_host")
class CommitsInside(LiesAboutJoin):
    joined = Committing


class NoSavepoint(_SqlJoined):
    @contextmanager
    def savepoint(self) -> Iterator[Any]:
        self.enter()
        sender = ByCore(self._connection)
        yield SqlTransaction(self._connection, sender, self._statements, self._mall)


@caught_on("sqlite", "savepoint")
class IgnoresSavepoint(LiesAboutJoin):
    joined = NoSavepoint


@caught_on("sqlite", "error_leaves_host_open")
class RollsHostBack(LiesAboutJoin):
    @contextmanager
    def join(self, mall: str, host: Any, *, on_end: Callable[[], None]) -> Iterator[Any]:
        with super().join(mall, host, on_end=on_end) as joined:
            try:
                yield joined
            except BaseException:
                host.rollback()
                raise


class Endless(_SqlJoined):
    ended = False

    def enter(self) -> None:
        pass


@caught_on("sqlite", "ended")
class GoesOnAfterTheEnd(LiesAboutJoin):
    joined = Endless


@caught_on("sqlite", "idle")
class BeginsItself(LiesAboutJoin):
    @contextmanager
    def join(self, mall: str, host: Any, *, on_end: Callable[[], None]) -> Iterator[Any]:
        if not host.in_transaction():
            host.begin()
        with super().join(mall, host, on_end=on_end) as joined:
            yield joined


@caught_on("sqlite", "wrong")
class AnythingIsJoined(LiesAboutJoin):
    @contextmanager
    def join(self, mall: str, host: Any, *, on_end: Callable[[], None]) -> Iterator[Any]:
        if not isinstance(host, Connection):
            raise TypeError(host)
        with super().join(mall, host, on_end=on_end) as joined:
            yield joined


@caught_by("newest")
class ForgetsWhatEnded(Calls):
    def newest(self, upto: int) -> Any:
        waiting = self.tx.messages(["pending"], 10**6)
        return max((m.created for m in waiting if m.created <= upto), default=None)


@caught_by("newest")
class LooksBeyond(Calls):
    def newest(self, upto: int) -> Any:
        return self.tx.newest(2**53 - 1)


class MixesMalls(MemoryStorage):
    @contextmanager
    def read(self, mall: str) -> Iterator[Any]:
        with super().read(mall) as tx:
            mixed = Calls(tx)
            vars(mixed)["newest"] = lambda upto: max(
                (m.created for t in self._malls.values() for m in t.outbox.values()), default=None
            )
            yield mixed


FAULTS["MixesMalls"] = Fault(
    ("newest_belongs_to_mall",), lambda folder: Backend(MixesMalls, shared=False)
)


@caught_by("join_is_declared")
class RefusesInItsOwnWords(MemoryStorage):
    def join(self, mall: str, host: object, *, on_end: Callable[[], None]) -> Any:
        raise NotImplementedError


class SaysItJoins(MemoryStorage):
    capabilities = StorageCapabilities(join=True)


FAULTS["SaysItJoins"] = Fault(
    ("commits_with_host",),
    lambda folder: Backend(
        SaysItJoins, shared=False, joining=Hosts(f"sqlite:///{folder / 'host.db'}")
    ),
)

"""The calls of the storage contract, in Django's ORM."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict, fields, replace
from heapq import merge
from itertools import islice
from typing import Any

from django.db import connections
from django.db.models import F

from eldermall.contracts.storage import (
    NO_HEAD,
    ClockRow,
    ClockState,
    EntryRow,
    Head,
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
from eldermall.errors import Overtaken
from eldermall.texts import Text
from ledger import models
from ledger.databases import Database

STREAMED = 1000
"""Rows fetched at a time where a call streams."""

AT_ONCE = 500
"""Rows named in one statement."""


class DjangoTransaction(Transaction):
    """The calls of the contract in a transaction of Django's that somebody else ends.

    Args:
        alias: of the connection, in Django's words.
        database: what kind it is.
        kinds: the kinds of records, by name.
        mall: the mall's code.
        locking: whether it may write, so that what it reads has to be locked.
    """

    def __init__(
        self, alias: str, database: Database, kinds: Mapping[str, RecordKind], mall: str, *,
        locking: bool,
    ) -> None:
        self._alias = alias
        self._database = database
        self._kinds = kinds
        self._mall = mall
        self._locking = locking

    def _rows(self, model: Any, **where: Any) -> Any:
        return model.objects.using(self._alias).filter(mall=self._mall, **where)

    def _add(self, model: Any, rows: Sequence[Any], **more: Any) -> None:
        made = [model(mall=self._mall, **asdict(row)) for row in rows]
        model.objects.using(self._alias).bulk_create(made, **more)

    def _drop(self, model: Any, keys: Sequence[tuple[Any, ...]]) -> None:
        """Remove rows by what stands behind the mall in their keys."""
        for start in range(0, len(keys), AT_ONCE):
            part = [(self._mall, *key) for key in keys[start : start + AT_ONCE]]
            model.objects.using(self._alias).filter(pk__in=part).delete()

    # Keys

    def claim_key(self, row: KeyRow) -> KeyRow | None:
        given = asdict(row)
        key = {name: given.pop(name) for name in ("command", "key")}
        used, made = models.Key.objects.using(self._alias).get_or_create(
            mall=self._mall, **key, defaults=given
        )
        return None if made else KeyRow(*(getattr(used, f.name) for f in fields(KeyRow)))

    def forget_keys(self, before: int, limit: int) -> int:
        old = self._rows(models.Key, created__lt=before).order_by("created")
        found = list(
            old.select_for_update(skip_locked=True).values_list("command", "key")[:limit]
        )
        self._drop(models.Key, found)
        return len(found)

    # Records

    def _key(self, kind: str, id: str) -> str:
        return f"ledger/{self._mall}/{kind}/{id}"

    def _lock(self, kind: str, ids: Sequence[str], *, shared: bool) -> None:
        if self._locking and ids:
            keys = {self._key(kind, id) for id in ids}
            self._database.lock(connections[self._alias], keys, shared=shared)

    def _records(self, rows: Any) -> Sequence[RecordRow]:
        return [
            RecordRow(
                r.kind, r.id, r.version, r.version, r.open, r.pack,
                {name: r.indexed.get(name) for name in self._kinds[r.kind].indexed}, r.body,
            )
            for r in rows
        ]

    def try_lock(self, kind: str, id: str) -> bool:
        if self._database.try_lock(connections[self._alias], self._key(kind, id)):
            return True
        return not self._rows(models.Record, kind=kind, id=id).exists()

    def load(self, kind: str, id: str) -> tuple[RecordRow | None, Head]:
        self._lock(kind, [id], shared=False)
        found = self._records(self._rows(models.Record, kind=kind, id=id))
        chain = self._rows(models.Entry, subject=f"{kind}/{id}").order_by("-seq")
        last = chain.values_list("seq", "hash").first()
        return (found[0] if found else None), (NO_HEAD if last is None else Head(*last))

    def look_up(self, kind: str, ids: Sequence[str]) -> Mapping[str, RecordRow]:
        self._lock(kind, ids, shared=True)
        rows = self._records(self._rows(models.Record, kind=kind, id__in=ids).order_by("id"))
        return {row.id: row for row in rows}

    def existing(self, kind: str, ids: Sequence[str]) -> Set[str]:
        return set(self._rows(models.Record, kind=kind, id__in=ids).values_list("id", flat=True))

    def save(self, rows: Sequence[RecordRow]) -> None:
        for kind in sorted({row.kind for row in rows}):
            self._lock(kind, [row.id for row in rows if row.kind == kind], shared=False)
        new = [row for row in rows if row.before == 0]
        for row in rows:
            if row.before != 0:
                self._replace(row)
        models.Record.objects.using(self._alias).bulk_create(
            models.Record(mall=self._mall, kind=row.kind, id=row.id, **_changing(row))
            for row in new
        )
        self._index(new)

    def _replace(self, row: RecordRow) -> None:
        record = self._rows(models.Record, kind=row.kind, id=row.id)
        was = record.filter(version=row.before).values_list("indexed", flat=True).first()
        if was is None or record.filter(version=row.before).update(**_changing(row)) != 1:
            raise Overtaken(
                Text(
                    f"{row.kind}/{row.id} 已被他人更改",
                    f"{row.kind}/{row.id} was changed by somebody else",
                )
            )
        if was != dict(row.indexed):
            self._rows(models.Indexed, kind=row.kind, id=row.id).delete()
            self._index([row])

    def _index(self, rows: Sequence[RecordRow]) -> None:
        models.Indexed.objects.using(self._alias).bulk_create(
            models.Indexed(mall=self._mall, kind=row.kind, id=row.id, name=name, value=value)
            for row in rows
            for name, value in row.indexed.items()
            if value is not None
        )

    def find(
        self, kind: str, *, open: bool | None = None, after: str = "", limit: int = 1000,
        **indexed: str,
    ) -> Sequence[RecordRow]:
        rows = self._rows(models.Record, kind=kind, id__gt=after)
        if open is not None:
            rows = rows.filter(open=open)
        for name, value in indexed.items():
            having = self._rows(models.Indexed, kind=kind, name=name, value=value, id__gt=after)
            rows = rows.filter(id__in=having.values("id"))
        return self._records(rows.order_by("id")[:limit])

    def uses_pack(self, kind: str, pack: str) -> bool:
        return bool(self._rows(models.Record, kind=kind, pack=pack, open=True).exists())

    # Clocks

    def open_clocks(self, subject: str) -> Sequence[ClockRow]:
        rows = self._rows(models.Clock, subject=subject, stopped=None)
        return _all(ClockRow, rows.order_by("name", "part", "started"))

    def put_clocks(self, rows: Sequence[ClockRow]) -> None:
        key = ("subject", "name", "part", "started")
        rest = [f.name for f in fields(ClockRow) if f.name not in key]
        self._add(
            models.Clock, rows, update_conflicts=True, unique_fields=["mall", *key],
            update_fields=rest,
        )

    def due_clocks(self, now: int, limit: int) -> Sequence[ClockRow]:
        rows = self._rows(models.Clock, next__lte=now)
        return _all(ClockRow, rows.order_by("next", "subject", "name", "part")[:limit])

    def clocks(self, states: Sequence[ClockState], *, limit: int = 1000) -> Sequence[ClockRow]:
        order = ("due", "subject", "name", "part")  # as the index of one state has them
        each = [
            _all(ClockRow, self._rows(models.Clock, state=state).order_by(*order)[:limit])
            for state in dict.fromkeys(states)
        ]
        rows = merge(*each, key=lambda r: (r.due, r.subject, r.name, r.part))
        return list(islice(rows, limit))

    # Journal

    def append(self, rows: Sequence[EntryRow], personal: Sequence[PersonalRow] = ()) -> None:
        self._add(models.Entry, rows)
        self._add(models.Unsealed, [Leaf(row.subject, row.seq, row.hash) for row in rows])
        self._add(models.Personal, personal)

    def chain(self, subject: str) -> Sequence[EntryRow]:
        return _all(EntryRow, self._rows(models.Entry, subject=subject).order_by("seq"))

    def _part(self, model: Any, after: str, upto: str | None) -> Any:
        rows = self._rows(model, subject__gt=after)
        if upto is not None:
            rows = rows.filter(subject__lte=upto)
        return rows.order_by("subject", "seq")

    def entries(self, after: str = "", upto: str | None = None) -> Iterator[EntryRow]:
        return _streamed(EntryRow, self._part(models.Entry, after, upto))

    def stride(self, after: str, entries: int) -> str | None:
        subjects = self._part(models.Entry, after, None).values_list("subject", flat=True)
        return next(iter(subjects[entries : entries + 1]), None)

    def personal(self, subject: str) -> Sequence[PersonalRow]:
        rows = self._rows(models.Personal, subject=subject)
        return _all(PersonalRow, rows.order_by("seq", "path"))

    def holding_personal(self, before: int, after: str, limit: int) -> Sequence[str]:
        rows = self._rows(models.Personal, recorded__lt=before, subject__gt=after)
        subjects = rows.order_by("subject").values_list("subject", flat=True).distinct()
        return list(subjects[:limit])

    def erase(self, subject: str) -> int:
        values, _ = self._rows(models.Personal, subject=subject).delete()
        self._rows(models.Key, subject=subject).delete()
        return int(values)

    def unsealed(self, limit: int) -> Sequence[Leaf]:
        rows = self._part(models.Unsealed, "", None)
        return _all(Leaf, rows.select_for_update()[:limit])

    def waiting(self, after: str = "", upto: str | None = None) -> Iterator[Leaf]:
        return _streamed(Leaf, self._part(models.Unsealed, after, upto))

    def last_root(self) -> RootRow | None:
        return next(iter(_all(RootRow, self._rows(models.Root).order_by("-number")[:1])), None)

    def seal(self, root: RootRow, leaves: Sequence[Leaf], sealed: Sequence[Leaf]) -> None:
        self._add(models.Root, [root])
        models.Leaf.objects.using(self._alias).bulk_create(
            models.Leaf(mall=self._mall, number=root.number, **asdict(leaf)) for leaf in leaves
        )
        self._drop(models.Unsealed, [(leaf.subject, leaf.seq) for leaf in sealed])

    def roots(self, after: int = 0, limit: int = 1000) -> Sequence[RootRow]:
        rows = self._rows(models.Root, number__gt=after)
        return _all(RootRow, rows.order_by("number")[:limit])

    def leaves(self, number: int) -> Sequence[Leaf]:
        return _all(Leaf, self._rows(models.Leaf, number=number).order_by("subject"))

    def sealed(self, after: str = "", upto: str | None = None) -> Iterator[tuple[int, Leaf]]:
        rows = self._part(models.Leaf, after, upto).values_list("number", *_names(Leaf))
        for number, *leaf in rows.iterator(STREAMED):
            yield number, Leaf(*leaf)

    def sealing(self, subject: str, seq: int) -> tuple[int, Leaf] | None:
        rows = self._rows(models.Leaf, subject=subject, seq__gte=seq).order_by("seq")
        found = rows.values_list("number", *_names(Leaf)).first()
        return None if found is None else (found[0], Leaf(*found[1:]))

    # Outbox

    def enqueue(self, rows: Sequence[Message]) -> None:
        self._add(models.Message, rows)

    def claim_messages(self, now: int, limit: int, until: int) -> Sequence[Message]:
        rows = self._rows(models.Message, next__lte=now).order_by("next", "id")
        due = _all(Message, rows.select_for_update(skip_locked=True)[:limit])
        self._rows(models.Message, id__in=[m.id for m in due]).update(
            next=until, attempts=F("attempts") + 1
        )
        return [replace(m, next=until, attempts=m.attempts + 1) for m in due]

    def settle_message(self, message: Message) -> None:
        self._rows(models.Message, id=message.id, attempts=message.attempts).update(
            state=message.state, next=message.next, reason=message.reason
        )

    def messages(self, states: Sequence[MessageState], limit: int = 1000) -> Sequence[Message]:
        each = [
            _all(Message, self._rows(models.Message, state=s).order_by("created", "id")[:limit])
            for s in dict.fromkeys(states)
        ]
        return list(islice(merge(*each, key=lambda m: (m.created, m.id)), limit))

    # Policies

    def packs(self) -> Sequence[PackRow]:
        return _all(PackRow, self._rows(models.Pack).order_by("hash"))

    def put_pack(self, row: PackRow) -> None:
        self._add(models.Pack, [row], ignore_conflicts=True)


def _changing(row: RecordRow) -> dict[str, Any]:
    return {
        "version": row.version, "open": row.open, "pack": row.pack,
        "indexed": dict(row.indexed), "body": row.body,
    }


def _names(row: Any) -> list[str]:
    return [field.name for field in fields(row)]


def _all(row: Any, rows: Any) -> Sequence[Any]:
    """Return rows of a query as rows of the contract, whose fields have the same names."""
    return [row(*values) for values in rows.values_list(*_names(row))]


def _streamed(row: Any, rows: Any) -> Iterator[Any]:
    for values in rows.values_list(*_names(row)).iterator(STREAMED):
        yield row(*values)

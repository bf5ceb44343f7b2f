"""The calls of the storage contract on the journal: entries, personal values, leaves, roots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Select

from eldermall.adapters.storage.sql.connected import Connected
from eldermall.contracts.storage import EntryRow, Leaf, PersonalRow, RootRow, Transaction


class JournalCalls(Connected, Transaction):
    """The calls on the journal."""

    def append(self, rows: Sequence[EntryRow], personal: Sequence[PersonalRow] = ()) -> None:
        mall = self._mall
        self._send.change_each(
            self._s.append,
            [
                {"mall": mall, "subject": r.subject, "seq": r.seq, "hash": r.hash, "body": r.body}
                for r in rows
            ],
        )
        self._send.change_each(
            self._s.append_unsealed,
            [{"mall": mall, "subject": r.subject, "seq": r.seq, "hash": r.hash} for r in rows],
        )
        if personal:
            self._send.change_each(
                self._s.append_personal,
                [
                    {
                        "mall": mall, "subject": p.subject, "seq": p.seq, "path": p.path,
                        "purpose": p.purpose, "salt": p.salt, "value": p.value,
                        "recorded": p.recorded,
                    }
                    for p in personal
                ],
            )

    def chain(self, subject: str) -> Sequence[EntryRow]:
        return [EntryRow(*row) for row in self._all(self._s.chain, subject=subject)]

    def _part(self, query: Select[Any], column: Any, after: str, upto: str | None) -> Select[Any]:
        if after:
            query = query.where(column > after)
        return query if upto is None else query.where(column <= upto)

    def entries(self, after: str = "", upto: str | None = None) -> Iterator[EntryRow]:
        column = self._s.schema.entries.c.subject
        for row in self._stream(self._part(self._s.entries, column, after, upto)):
            yield EntryRow(*row)

    def stride(self, after: str, entries: int) -> str | None:
        row = self._first(self._s.stride, after=after, skip=entries)
        return None if row is None else row[0]

    def personal(self, subject: str) -> Sequence[PersonalRow]:
        return [PersonalRow(*row) for row in self._all(self._s.personal, subject=subject)]

    def holding_personal(self, before: int, after: str, limit: int) -> Sequence[str]:
        rows = self._all(self._s.holding_personal, before=before, after=after, most=limit)
        return [row[0] for row in rows]

    def erase(self, subject: str) -> int:
        values, _ = (
            self._send.change(query, {"mall": self._mall, "subject": subject})
            for query in self._s.erase
        )
        return values

    def unsealed(self, limit: int) -> Sequence[Leaf]:
        return [Leaf(*row) for row in self._all(self._s.unsealed, most=limit)]

    def waiting(self, after: str = "", upto: str | None = None) -> Iterator[Leaf]:
        column = self._s.schema.unsealed.c.subject
        for row in self._stream(self._part(self._s.waiting, column, after, upto)):
            yield Leaf(*row)

    def last_root(self) -> RootRow | None:
        row = self._first(self._s.last_root)
        return None if row is None else RootRow(*row)

    def seal(self, root: RootRow, leaves: Sequence[Leaf], sealed: Sequence[Leaf]) -> None:
        mall = self._mall
        self._send.change(
            self._s.append_root,
            {"mall": mall, "number": root.number, "hash": root.hash, "body": root.body},
        )
        self._send.change_each(
            self._s.append_leaves,
            [
                {
                    "mall": mall, "number": root.number, "subject": leaf.subject,
                    "seq": leaf.seq, "hash": leaf.hash,
                }
                for leaf in leaves
            ],
        )
        self._send.change_each(
            self._s.drop_unsealed,
            [{"b_mall": mall, "b_subject": n.subject, "b_seq": n.seq} for n in sealed],
        )

    def roots(self, after: int = 0, limit: int = 1000) -> Sequence[RootRow]:
        return [RootRow(*row) for row in self._all(self._s.roots, after=after, most=limit)]

    def leaves(self, number: int) -> Sequence[Leaf]:
        return [Leaf(*row) for row in self._all(self._s.leaves, root=number)]

    def sealed(self, after: str = "", upto: str | None = None) -> Iterator[tuple[int, Leaf]]:
        column = self._s.schema.leaves.c.subject
        for number, *leaf in self._stream(self._part(self._s.sealed, column, after, upto)):
            yield number, Leaf(*leaf)

    def sealing(self, subject: str, seq: int) -> tuple[int, Leaf] | None:
        row = self._first(self._s.sealing, subject=subject, seq=seq)
        return None if row is None else (row[0], Leaf(*row[1:]))

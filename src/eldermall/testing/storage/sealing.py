"""Sealing: what waits, what a root covers, and roots by number."""

# ruff: noqa: PT012 - what fails is a transaction as a whole

from __future__ import annotations

from dataclasses import replace

import pytest

from eldermall.contracts.storage import RootRow, Storage, Transaction
from eldermall.errors import Overtaken
from eldermall.testing.case import group
from eldermall.testing.storage.cases import StorageCases
from eldermall.testing.storage.rows import ANY_BYTES, ORDERED, entry, hashed, leaf, root
from eldermall.testing.storage.threads import MALL

case = group("封存", "sealing")


def seal(tx: Transaction, number: int, *subjects: tuple[str, int]) -> RootRow:
    """Seal entries under a root, each its own leaf; return the root."""
    row = root(number)
    leaves = [leaf(*subject) for subject in subjects]
    tx.seal(row, leaves, leaves)
    return row


class SealingCases(StorageCases):
    """The cases about sealing."""

    @case("新日志都等待封存，按对象与编号排列")
    def test_new_entries_wait(self, storage: Storage) -> None:
        """Every new entry waits for sealing, by subject and number, up to a limit."""
        rows = [(f"order/{id}", seq) for id in ORDERED for seq in (1, 2, 10)]
        with storage.write(MALL) as tx:
            tx.append([entry(*row) for row in rows[::-1]])
        with storage.write(MALL) as tx:
            assert list(tx.unsealed(1000)) == [leaf(*row) for row in rows]
            assert list(tx.unsealed(4)) == [leaf(*row) for row in rows[:4]]
        with storage.read(MALL) as tx:
            assert list(tx.waiting()) == [leaf(*row) for row in rows]

    @case("封存只移出点名的日志，其余继续等待")
    def test_seal_forgets_what_it_names(self, storage: Storage) -> None:
        """Sealing ends the waiting of the entries that it names, and of no others."""
        with storage.write(MALL) as tx:
            tx.append([entry("order/A1", n) for n in (1, 2, 3)])
            tx.append([entry("order/A2", 1), entry("order/a1", 1)])
        with storage.write(MALL) as tx:
            named = [leaf("order/A1", 1), leaf("order/A1", 2), leaf("order/A2", 1)]
            tx.seal(root(1), [leaf("order/A1", 2), leaf("order/A2", 1)], named)
            left = [leaf("order/A1", 3), leaf("order/a1", 1)]
            assert list(tx.unsealed(9)) == left
        with storage.read(MALL) as tx:
            assert list(tx.waiting()) == left
            assert list(tx.leaves(1)) == [leaf("order/A1", 2), leaf("order/A2", 1)]
            assert len(list(tx.entries())) == 5

    @case("封存根按编号的大小排列，字节不变")
    def test_roots_by_number(self, storage: Storage) -> None:
        """Roots come by number, beyond one, up to a limit, and the last is the highest."""
        rows = [replace(root(n, ANY_BYTES), hash=hashed(n) * 2) for n in range(1, 13)]
        with storage.write(MALL) as tx:
            assert tx.last_root() is None
            assert not tx.roots()
            for row in rows:
                leaves = [leaf(f"order/A{row.number}", 1)]
                tx.append([entry(f"order/A{row.number}", 1)])
                tx.seal(row, leaves, leaves)
        with storage.read(MALL) as tx:
            assert tx.last_root() == rows[-1]
            assert list(tx.roots()) == rows
            assert list(tx.roots(9)) == rows[9:]
            assert list(tx.roots(2, 3)) == rows[2:5]
            assert not tx.roots(12)
            assert list(tx.leaves(10)) == [leaf("order/A10", 1)]
            assert not tx.leaves(13)

    @case("同一编号的封存根不能有两个，引发 Overtaken")
    def test_root_number_twice(self, storage: Storage) -> None:
        """A root of a number that stands already is Overtaken; its entries go on waiting."""
        with storage.write(MALL) as tx:
            tx.append([entry("order/A1", 1), entry("order/A2", 1)])
            first = seal(tx, 1, ("order/A1", 1))
        with pytest.raises(Overtaken), storage.write(MALL) as tx:
            waiting = [leaf("order/A2", 1)]
            tx.seal(root(1, b"another"), waiting, waiting)
        with storage.read(MALL) as tx:
            assert list(tx.roots()) == [first]
            assert list(tx.leaves(1)) == [leaf("order/A1", 1)]
            assert list(tx.waiting()) == [leaf("order/A2", 1)]

    @case("全部封存按对象与编号读出，可分段")
    def test_sealed_in_order(self, storage: Storage) -> None:
        """Leaves of all roots come by subject and number, with their root, also in parts."""
        subjects = [f"order/{id}" for id in ORDERED]
        with storage.write(MALL) as tx:
            for number, step in ((1, 1), (2, 2), (10, 5)):
                rows = [(subject, number) for subject in subjects[::step]]
                tx.append([entry(*row) for row in rows])
                seal(tx, number, *rows)
        right = [
            (number, leaf(subject, number))
            for n, subject in enumerate(subjects)
            for number, step in ((1, 1), (2, 2), (10, 5)) if n % step == 0
        ]
        with storage.read(MALL) as tx:
            assert list(tx.sealed()) == right
            assert list(tx.leaves(1)) == [leaf(subject, 1) for subject in subjects]
            part = list(tx.sealed(subjects[2], subjects[6]))
            assert part == [row for row in right if subjects[2] < row[1].subject <= subjects[6]]

    @case("能找到覆盖某条日志的第一个封存")
    def test_sealing(self, storage: Storage) -> None:
        """The first leaf that covers an entry is found with its root's number."""
        with storage.write(MALL) as tx:
            tx.append([entry("order/A1", n) for n in range(1, 13)] + [entry("order/A2", 1)])
            for number, seq in ((1, 2), (2, 9), (3, 11)):
                seal(tx, number, ("order/A1", seq))
        with storage.read(MALL) as tx:
            for seq, number, covering in ((1, 1, 2), (2, 1, 2), (3, 2, 9), (10, 3, 11)):
                assert tx.sealing("order/A1", seq) == (number, leaf("order/A1", covering))
            assert tx.sealing("order/A1", 12) is None
            assert tx.sealing("order/A2", 1) is None
            assert tx.sealing("order/a1", 1) is None

    @case("一个根可封存 5000 条日志")
    def test_many_leaves(self, storage: Storage) -> None:
        """One root seals five thousand entries."""
        subjects = [(f"order/A{n:04}", 1) for n in range(5000)]
        with storage.write(MALL) as tx:
            tx.append([entry(*subject) for subject in subjects])
        with storage.write(MALL) as tx:
            waiting = tx.unsealed(10_000)
            tx.seal(root(1), waiting, waiting)
        with storage.read(MALL) as tx:
            assert list(tx.leaves(1)) == [leaf(*subject) for subject in subjects]
            assert sum(1 for _ in tx.sealed()) == 5000
            assert not list(tx.waiting())

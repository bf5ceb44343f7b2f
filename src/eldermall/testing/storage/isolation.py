"""Two or more at work at once: as if one had come after the other, or the later one fails.

A storage may let the second wait, refuse it, or run transactions one after the other.
"""

from __future__ import annotations

import threading
from functools import partial

import pytest

from eldermall.contracts.storage import EntryRow, Storage, Transaction
from eldermall.errors import Locked
from eldermall.testing.case import group
from eldermall.testing.storage.cases import StorageCases
from eldermall.testing.storage.records import many
from eldermall.testing.storage.rows import (
    entry,
    record,
)
from eldermall.testing.storage.threads import (
    HUNG,
    MALL,
    SHORT,
    race,
    result,
    start,
    until_through,
    waits,
    within,
)

case = group("两个写者", "two writers")


def count_up(tx: Transaction, id: str = "A1") -> None:
    """Load a record and save it with a version more."""
    row, _ = tx.load("order", id)
    version = 0 if row is None else row.version
    tx.save([record(id, version + 1)])


def is_open(tx: Transaction, id: str) -> bool:
    """Look a record up as a fact for the move of another: whether it is open or absent."""
    row = tx.look_up("order", [id]).get(id)
    return row is None or row.open


def shut(tx: Transaction, id: str) -> None:
    """Save a record as closed, made if it isn't there."""
    row, _ = tx.load("order", id)
    tx.save([record(id, 1 if row is None else row.version + 1, open=False)])


def closed(storage: Storage) -> set[str]:
    """Return the ids of the orders that are closed."""
    with storage.read(MALL) as tx:
        return {row.id for row in tx.find("order", open=False)}


def one_decides_by_the_other(storage: Storage, other: Storage) -> None:
    """Let A1 be closed if A2 is open, and A2 if A1 is: exactly one is closed in the end."""
    facts: list[bool] = []

    def second(tx: Transaction) -> None:
        if is_open(tx, "A2"):
            shut(tx, "A1")

    def end(tx: Transaction) -> None:
        if facts[0]:
            shut(tx, "A2")

    ended = race(storage, other, lambda tx: facts.append(is_open(tx, "A1")), second, end)
    assert ended.first or ended.second
    assert closed(storage) in ({"A1"}, {"A2"})


class IsolationCases(StorageCases):
    """The cases about two writers and more."""

    @case("两个写者同改一条记录，不会丢失更新")
    def test_lost_update(self, storage: Storage, other: Storage) -> None:
        """Of two that change one record no update is lost: the second waits, or one fails."""
        with storage.write(MALL) as tx:
            tx.save([record("A1")])
        seen: list[int] = []

        def begin(tx: Transaction) -> None:
            row, _ = tx.load("order", "A1")
            seen.append(0 if row is None else row.version)

        ended = race(
            storage, other, begin, count_up, lambda tx: tx.save([record("A1", seen[0] + 1)])
        )
        assert ended.first or ended.second
        with storage.read(MALL) as tx:
            row, _ = tx.load("order", "A1")
        assert row is not None
        assert row.version == 1 + ended.first + ended.second

    @case("多个写者反复累加一条记录，结果分毫不差")
    def test_many_count_up(self, storage: Storage, other: Storage) -> None:
        """Four that count one record up, each again until it comes through, count right."""
        with storage.write(MALL) as tx:
            tx.save([record("A1")])
        together = threading.Barrier(4, timeout=HUNG)

        def work(mine: Storage) -> None:
            together.wait()
            for _ in range(5):
                until_through(lambda: within(mine, count_up))

        workers = [start(partial(work, mine)) for mine in (storage, other) * 2]
        for worker in workers:
            result(worker)
        with storage.read(MALL) as tx:
            row, _ = tx.load("order", "A1")
        assert row is not None
        assert row.version == 21

    @case("两个写者同建一条记录，只有一个成功")
    def test_made_twice(self, storage: Storage, other: Storage) -> None:
        """Of two that make the same record one comes through, and the other sees it or fails."""
        found: list[object] = []

        def make(tx: Transaction) -> None:
            found.append(tx.load("order", "A1")[0])
            tx.save([record("A1", body=b"second")])

        ended = race(
            storage, other, lambda tx: tx.load("order", "A1"), make,
            lambda tx: tx.save([record("A1", body=b"first")]),
        )
        assert ended.first != ended.second
        with storage.read(MALL) as tx:
            row, _ = tx.load("order", "A1")
        assert row is not None
        assert row.body == (b"first" if ended.first else b"second")

    @case("作为事实查到的记录，事务结束前他人不能更改")
    def test_fact_stands(self, storage: Storage, other: Storage) -> None:
        """What was looked up nobody changes before the transaction has ended."""
        with storage.write(MALL) as tx:
            tx.save([record("A1"), record("A2"), record("A3")])
        ended = race(
            storage, other, lambda tx: tx.look_up("order", ["A1", "A3"]),
            lambda tx: shut(tx, "A1"), lambda tx: shut(tx, "A2"),
        )
        assert ended.first or ended.second
        assert not (ended.first and ended.second and ended.overlapped)

    @case("一次载入的多条记录，事务结束前他人不能更改", needs="many")
    def test_load_many_stands(self, storage: Storage, other: Storage) -> None:
        """What was loaded together nobody changes before the transaction has ended."""
        with storage.write(MALL) as tx:
            tx.save([record("A1"), record("A2"), record("A3")])
        ended = race(
            storage, other, lambda tx: many(tx).load_many("order", ["A1", "A3"]),
            lambda tx: shut(tx, "A1"), lambda tx: shut(tx, "A2"),
        )
        assert ended.first or ended.second
        assert not (ended.first and ended.second and ended.overlapped)

    @case("作为事实查明不存在的记录，事务结束前他人不能创建")
    def test_absence_stands(self, storage: Storage, other: Storage) -> None:
        """What was looked up and isn't there nobody makes before the transaction has ended."""
        with storage.write(MALL) as tx:
            tx.save([record("A2"), record("A3")])
        ended = race(
            storage, other, lambda tx: tx.look_up("order", ["A1", "A3"]),
            lambda tx: tx.save([record("A1")]), lambda tx: shut(tx, "A2"),
        )
        assert ended.first or ended.second
        assert not (ended.first and ended.second and ended.overlapped)

    @case("两个写者各据对方记录作决定，不会都依旧事实行事（写偏斜）")
    def test_write_skew(self, storage: Storage, other: Storage) -> None:
        """Of two that each decide by the other's record, one sees the other's move, or fails."""
        with storage.write(MALL) as tx:
            tx.save([record("A1"), record("A2")])
        one_decides_by_the_other(storage, other)

    @case("两个写者各据对方记录不存在作决定，不会都依旧事实行事")
    def test_write_skew_on_absence(self, storage: Storage, other: Storage) -> None:
        """Of two that each decide by the other's record not being there, one sees it, or fails."""
        one_decides_by_the_other(storage, other)

    @case("两个写者交叉等待时，至少一个成功，失败者不留痕迹")
    def test_deadlock(self, storage: Storage, other: Storage) -> None:
        """Of two that wait for one another one at least comes through; the other did nothing."""
        with storage.write(MALL) as tx:
            tx.save([record("A1"), record("A2")])

        def second(tx: Transaction) -> None:
            count_up(tx, "A2")
            count_up(tx, "A1")

        ended = race(
            storage, other, lambda tx: count_up(tx, "A1"), second, lambda tx: count_up(tx, "A2")
        )
        assert ended.first or ended.second
        with storage.read(MALL) as tx:
            found = [row.version for row in tx.find("order")]
        assert found == [1 + ended.first + ended.second] * 2

    @case("两个写者续写同一日志，编号不重，链不分叉")
    def test_one_chain(self, storage: Storage, other: Storage) -> None:
        """Two that append to one chain never write the same number, record or none."""

        def append(tx: Transaction, body: bytes) -> None:
            _, head = tx.load("order", "A1")
            tx.append([entry("order/A1", head.seq + 1, body)])

        heads: list[int] = []
        ended = race(
            storage, other, lambda tx: heads.append(tx.load("order", "A1")[1].seq),
            lambda tx: append(tx, b"second"),
            lambda tx: tx.append([entry("order/A1", heads[0] + 1, b"first")]),
        )
        assert ended.first or ended.second
        with storage.read(MALL) as tx:
            chain: list[EntryRow] = list(tx.chain("order/A1"))
        assert [row.seq for row in chain] == list(range(1, 1 + ended.first + ended.second))

    @case("try_lock 不等待：被占用即返回 False")
    def test_try_lock(self, storage: Storage, other: Storage) -> None:
        """A lock that is tried and held by another is refused, without waiting for it."""
        with storage.write(MALL) as tx:
            tx.save([record("A1"), record("A2")])

        def attempt() -> tuple[bool, bool, bool]:
            with other.write(MALL) as tx:
                return (
                    tx.try_lock("order", "A1"), tx.try_lock("order", "A2"),
                    tx.try_lock("order", "none"),
                )

        with storage.write(MALL) as tx:
            assert tx.try_lock("order", "A1")
            assert tx.try_lock("order", "A1")
            beside = start(attempt)
            if not waits(beside):
                assert result(beside) == (False, True, True)
        assert result(beside)[1:] == (True, True)
        assert attempt() == (True, True, True)

    @case("try_lock 锁住的记录，他人不能更改")
    def test_try_lock_locks(self, storage: Storage, other: Storage) -> None:
        """What a lock was tried on and had is changed by nobody else meanwhile."""
        with storage.write(MALL) as tx:
            tx.save([record("A1"), record("A2")])
        ended = race(
            storage, other, lambda tx: tx.try_lock("order", "A1"), count_up,
            lambda tx: count_up(tx, "A2"),
        )
        assert ended.first
        assert not (ended.second and ended.overlapped)

    @case("等锁超时引发 Locked，等待不超过所限")
    def test_patience(self, storage: Storage, other: Storage) -> None:
        """Who waits for a lock no longer than it wants gets Locked, and the holder goes on."""
        with storage.write(MALL) as tx:
            tx.save([record("A1")])

        def hurry() -> None:
            with other.write(MALL, patience=0.05) as tx:
                count_up(tx)

        with storage.write(MALL) as tx:
            tx.load("order", "A1")
            beside = start(hurry)
            assert not waits(beside, SHORT), "it waits for longer than it was told to"
            with pytest.raises(Locked):
                result(beside)
            count_up(tx)
        hurry()
        with storage.read(MALL) as tx:
            row, _ = tx.load("order", "A1")
        assert row is not None
        assert row.version == 3

    @case("patience 为 0 时完全不等待")
    def test_patience_of_none(self, storage: Storage, other: Storage) -> None:
        """Who has no patience doesn't wait at all, and comes through where nobody is."""
        with storage.write(MALL) as tx:
            tx.save([record("A1")])

        def hurry() -> None:
            with other.write(MALL, patience=0) as tx:
                count_up(tx)

        with storage.write(MALL) as tx:
            tx.load("order", "A1")
            beside = start(hurry)
            assert not waits(beside, SHORT / 2), "it waits, and was told not to"
            with pytest.raises(Locked):
                result(beside)
        hurry()

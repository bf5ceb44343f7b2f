"""Several workers on one database: keys, sealing and messages are each taken once."""

# ruff: noqa: PT012 - what fails is a transaction as a whole

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import pytest

from eldermall.contracts.storage import KeyRow, Leaf, Message, Storage, Transaction
from eldermall.testing.case import group
from eldermall.testing.storage.backend import StorageBackend
from eldermall.testing.storage.cases import StorageCases
from eldermall.testing.storage.isolation import count_up
from eldermall.testing.storage.outbox import laned
from eldermall.testing.storage.process import Elsewhere
from eldermall.testing.storage.rows import (
    ALL,
    MESSAGE_STATES,
    entry,
    everything,
    key,
    leaf,
    message,
    record,
    root,
)
from eldermall.testing.storage.threads import (
    HUNG,
    MALL,
    Undone,
    race,
    race_with,
    result,
    start,
    until_through,
    waits,
    within,
    won,
)

case = group("多个工作进程", "several workers")


def claim_key(tx: Transaction, row: KeyRow) -> KeyRow | None:
    """Claim a key."""
    return tx.claim_key(row)


def nothing(tx: Transaction) -> None:
    """Do nothing more."""


class WorkerCases(StorageCases):
    """The cases about several workers."""

    @case("同一幂等键正被他人使用时，等待其提交")
    def test_key_is_waited_for(self, storage: Storage, other: Storage) -> None:
        """Who claims a key that another is about to use gets that one's row, or fails."""
        got: list[KeyRow | None] = []
        ended = race(
            storage, other, lambda tx: tx.claim_key(key(subject="order/A1")),
            lambda tx: got.append(tx.claim_key(key(subject="order/A2"))), lambda tx: None,
        )
        assert ended.first
        if ended.second:
            assert got == [key(subject="order/A1")]
        with storage.write(MALL) as tx:
            assert tx.claim_key(key(subject="order/A3")) == key(subject="order/A1")

    @case("同一幂等键的使用者回滚后，等待者可用")
    def test_key_of_undone(self, storage: Storage, other: Storage) -> None:
        """Who waits for a key that another has claimed and given back has it."""

        def claim(tx: Transaction) -> KeyRow | None:
            return tx.claim_key(key(subject="order/A2"))

        with pytest.raises(Undone), storage.write(MALL) as tx:
            tx.claim_key(key(subject="order/A1"))
            beside = start(lambda: within(other, claim))
            waits(beside)
            raise Undone
        if won(beside):
            assert result(beside) is None
            with storage.write(MALL) as tx:
                assert tx.claim_key(key(subject="order/A3")) == key(subject="order/A2")

    @case("两个封存者之间，每条日志只封存一次")
    def test_two_sealers(self, storage: Storage, other: Storage) -> None:
        """Of two that seal at once each entry gets one root, and each root a number."""
        rows = [(f"order/A{n}", 1) for n in range(6)]
        with storage.write(MALL) as tx:
            tx.append([entry(*row) for row in rows])
        waiting: list[Leaf] = []

        def seal(tx: Transaction) -> None:
            found = list(tx.unsealed(4))
            last = tx.last_root()
            tx.seal(root(1 if last is None else last.number + 1), found, found)

        def end(tx: Transaction) -> None:
            tx.seal(root(1), waiting, waiting)

        ended = race(
            storage, other, lambda tx: waiting.extend(tx.unsealed(4)), seal, end
        )
        assert ended.first or ended.second
        with storage.read(MALL) as tx:
            under = [row for _, row in tx.sealed()]
            assert len(under) == len(set(under))
            assert sorted((row.subject, row.seq) for row in [*under, *tx.waiting()]) == rows
            assert [row.number for row in tx.roots()] == list(
                range(1, 1 + ended.first + ended.second)
            )

    @case("封存进行时写入的日志仍会等待封存")
    def test_entry_beside_sealing(self, storage: Storage, other: Storage) -> None:
        """An entry that is written while others are sealed isn't forgotten."""
        with storage.write(MALL) as tx:
            tx.append([entry("order/A1", 1), entry("order/A3", 1)])
        waiting: list[Leaf] = []

        def append(tx: Transaction) -> None:
            tx.append([entry("order/A2", 1)])

        ended = race(
            storage, other, lambda tx: waiting.extend(tx.unsealed(9)), append,
            lambda tx: tx.seal(root(1), waiting, waiting),
        )
        assert ended.first
        with storage.read(MALL) as tx:
            assert list(tx.waiting()) == [leaf("order/A2", 1)] * ended.second

    @case("同时领取消息的两个事务各得其所")
    def test_claims_pass_over(self, storage: Storage, other: Storage) -> None:
        """Two transactions that claim at once get different messages."""
        with storage.write(MALL) as tx:
            tx.enqueue([message(f"A{n}") for n in range(6)])
        got: dict[str, list[Message]] = {}

        def claim(tx: Transaction, who: str, limit: int) -> None:
            got[who] = list(tx.claim_messages(10, limit, 20))

        ended = race(
            storage, other, lambda tx: claim(tx, "first", 2),
            lambda tx: claim(tx, "second", 9), lambda tx: None,
        )
        assert ended.first
        assert [row.id for row in got["first"]] == ["A0", "A1"]
        if ended.second:
            assert [row.id for row in got["second"]] == ["A2", "A3", "A4", "A5"]

    @case("同时按主题领取的事务各得其所", needs="lanes")
    def test_lanes_pass_over(self, storage: Storage, other: Storage) -> None:
        """Two transactions that claim one topic at once get different messages, and no other."""
        rows = [message(f"{id}{n}") for n in range(4) for id in "AB"]
        with storage.write(MALL) as tx:
            tx.enqueue([replace(row, topic=f"topic{row.id[0]}") for row in rows])
        got: dict[str, list[Message]] = {}

        def claim(tx: Transaction, who: str, limit: int) -> None:
            got[who] = list(laned(tx).claim_lane("topicA", 10, limit, 20))

        ended = race(
            storage, other, lambda tx: claim(tx, "first", 2),
            lambda tx: claim(tx, "second", 9), lambda tx: None,
        )
        assert ended.first
        assert [row.id for row in got["first"]] == ["A0", "A1"]
        if ended.second:
            assert [row.id for row in got["second"]] == ["A2", "A3"]

    @case("多个领取者合起来，每条消息恰好领取一次")
    def test_many_claimers(self, storage: Storage, other: Storage) -> None:
        """Four workers that claim until nothing is due get every message once."""
        def claim(tx: Transaction) -> list[str]:
            return [row.id for row in tx.claim_messages(10, 4, 20)]

        with storage.write(MALL) as tx:
            tx.enqueue([message(f"A{n:02}") for n in range(60)])
        together = threading.Barrier(4, timeout=HUNG)

        def work(mine: Storage) -> list[str]:
            together.wait()
            got: list[str] = []
            while taken := until_through(lambda: within(mine, claim)):
                got += taken
            return got

        workers = [start(partial(work, mine)) for mine in (storage, other) * 2]
        got = [id for worker in workers for id in result(worker)]
        with storage.write(MALL) as tx:
            got += [row.id for row in tx.claim_messages(10, ALL, 20)]
            assert {row.attempts for row in tx.messages(MESSAGE_STATES)} == {1}
        assert sorted(got) == [f"A{n:02}" for n in range(60)]

    @case("另一个正在运行的进程：立即看到已提交的，等待正在进行的", needs="durable")
    def test_another_process(
        self, backend: StorageBackend, storage: Storage, storages: ExitStack
    ) -> None:
        """Another process sees at once what is committed, and no update of the two is lost."""
        make = getattr(backend, "elsewhere", lambda: None)()
        if make is None:
            pytest.skip("没有 elsewhere / the backend has no elsewhere")
        elsewhere = Elsewhere(make)
        storages.callback(elsewhere.close)
        for writer in (partial(within, storage), elsewhere.within):
            writer(count_up)
            here, there = within(storage, everything), elsewhere.within(everything)
            assert here["records"]
            assert there == here
        seen: list[int] = []

        def begin(tx: Transaction) -> None:
            row, _ = tx.load("order", "A1")
            seen.append(0 if row is None else row.version)

        ended = race_with(
            storage, begin, lambda: elsewhere.within(count_up),
            lambda tx: tx.save([record("A1", seen[0] + 1)]),
        )
        (row,) = within(storage, everything)["records"]
        assert row.version == 2 + ended.first + ended.second
        claim = partial(claim_key, row=key(subject="order/A2"))
        got: list[KeyRow | None] = []
        ended = race_with(
            storage, lambda tx: tx.claim_key(key()), lambda: got.append(elsewhere.within(claim)),
            nothing,
        )
        assert ended.first
        assert got == [key()] * ended.second

"""One transaction: all of it or nothing, seen by others when it has been committed."""

# ruff: noqa: PT012 - what fails is a transaction as a whole

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, cast

import pytest

from eldermall.contracts.storage import PackRow, RecordRow, Storage, Transaction
from eldermall.errors import EldermallError
from eldermall.testing.case import group
from eldermall.testing.storage.cases import StorageCases
from eldermall.testing.storage.model import Model
from eldermall.testing.storage.rows import (
    ALL,
    LAST,
    SUBJECTS,
    clock,
    entry,
    everything,
    fill,
    key,
    leaf,
    message,
    personal,
    record,
    root,
)
from eldermall.testing.storage.threads import MALL, Undone, result, start, waits

case = group("事务", "transactions")


def change(tx: Transaction) -> None:
    """Change or remove rows of every sort that `fill` has written, and add others."""
    tx.claim_key(key("k2"))
    tx.forget_keys(100, 1)
    tx.load("order", "A1")
    tx.save([record("A1", 2, body=b"changed", open=False), record("A2")])
    tx.put_clocks([clock(stage=9), clock(part="new")])
    tx.append([entry("order/A1", 3), entry("order/A2", 1)], [personal("order/A2")])
    tx.erase("order/A1")
    tx.enqueue([message("order/A1#3.0")])
    (first, *_) = tx.claim_messages(10, 1, 20)
    tx.settle_message(first)
    waiting = tx.unsealed(2)
    tx.seal(root(2), waiting, waiting)
    tx.put_pack(PackRow("another", b"{}"))


def answers(tx: Transaction) -> Mapping[str, Any]:
    """Return what every call gives that reads and may be made in any transaction."""
    return {
        **everything(tx),
        "load": [tx.load("order", id) for id in ("A1", "A2")],
        "look_up": dict(tx.look_up("order", ["A1", "A2"])),
        "existing": set(tx.existing("order", ["A1", "A2"])),
        "uses_pack": tx.uses_pack("order", "pack"),
        "found": [list(tx.find("order", open=True)), list(tx.find("order", merchant="m1"))],
        "open_clocks": list(tx.open_clocks("order/A1")),
        "due_clocks": list(tx.due_clocks(LAST, ALL)),
        "chain": [list(tx.chain(subject)) for subject in ("order/A1", "order/A2")],
        "stride": tx.stride("", 2),
        "holding_personal": list(tx.holding_personal(LAST, "", ALL)),
        "last_root": tx.last_root(),
        "sealed": list(tx.sealed()),
        "sealing": tx.sealing("booking/B1", 1),
    }


class Interrupted(BaseException):
    """What isn't an `Exception`, as a KeyboardInterrupt isn't."""


class TransactionCases(StorageCases):
    """The cases about one transaction."""

    @case("出错时，整个事务的改动全部撤销")
    def test_error_undoes_everything(self, storage: Storage, other: Storage) -> None:
        """An error in a transaction undoes all of its calls, whatever the error is."""
        with storage.write(MALL) as tx:
            fill(tx)
            before = everything(tx)
        for error in (Undone, Interrupted):
            with pytest.raises(error), storage.write(MALL) as tx:
                change(tx)
                raise error
            for after in (storage, other):
                with after.read(MALL) as tx:
                    assert everything(tx, (*SUBJECTS, "order/A2")) == before
        with storage.write(MALL) as tx:
            assert tx.claim_key(key("k2")) is None
            assert tx.claim_key(key(created=77)) == key()

    @case("事务中的错误原样传出")
    def test_error_comes_out(self, storage: Storage) -> None:
        """The error that ends a transaction comes out as it is: the very same object."""
        for open_ in (storage.write, storage.read):
            for error in (Undone("mine"), ValueError("mine"), KeyError("mine")):
                with pytest.raises(type(error)) as raised, open_(MALL) as tx:
                    tx.load("order", "A1")
                    raise error
                assert raised.value is error

    @case("存储自身的错误都是 EldermallError，带中英文说明，且结束事务")
    def test_errors_are_our_own(self, storage: Storage) -> None:
        """What a storage raises is eldermall's own, says what is wrong, and keeps nothing."""
        with storage.write(MALL) as tx:
            fill(tx)
            before = everything(tx)
        failing: list[Callable[[Transaction], object]] = [
            lambda tx: tx.save([record("A1")]),
            lambda tx: tx.append([entry("order/A1", 1)]),
            lambda tx: tx.seal(root(1), [leaf("order/A1", 2)], [leaf("order/A1", 2)]),
        ]
        for fail in failing:
            with pytest.raises(EldermallError) as raised, storage.write(MALL) as tx:
                tx.save([record("A2")])
                fail(tx)
            assert raised.value.text.zh
            assert raised.value.text.en
            with storage.read(MALL) as tx:
                assert everything(tx) == before

    @case("事务看得到自己的改动")
    def test_own_writes_are_seen(self, storage: Storage, other: Storage) -> None:
        """A transaction sees what it has written, and once committed everybody does."""
        with storage.write(MALL) as tx:
            fill(tx)
            first = everything(tx)
            change(tx)
            second = everything(tx, ("order/A1", "order/A2"))
        assert first["records"] != second["records"]
        assert [row.version for row in second["records"]] == [2, 1, 1]
        for after in (storage, other):
            with after.read(MALL) as tx:
                assert everything(tx, ("order/A1", "order/A2")) == second

    @case("读过的内容，下次再读时不用旧的，政策也是")
    def test_reads_are_fresh(self, storage: Storage, other: Storage) -> None:
        """What was read is read anew after each change, whoever made it: policies too."""
        model = Model()

        def compare(tx: Transaction, right: Model) -> None:
            assert answers(tx) == answers(cast(Transaction, right))

        for writer, act in ((storage, fill), (other, change)):
            for kept in (False, True):
                after = model.copy()
                act(cast(Transaction, after))
                with suppress(Undone), writer.write(MALL) as tx:
                    compare(tx, model)
                    act(tx)
                    compare(tx, after)
                    if not kept:
                        raise Undone
                model = after if kept else model
                for reader in (storage, other):
                    with reader.read(MALL) as tx:
                        compare(tx, model)

    @case("提交之前，他人看不到任何改动")
    def test_uncommitted_is_unseen(self, storage: Storage, other: Storage) -> None:
        """Nobody sees anything of a transaction before it has been committed."""
        with storage.write(MALL) as tx:
            fill(tx)
            before = everything(tx)

        def look() -> object:
            with other.read(MALL) as tx:
                return everything(tx)

        with pytest.raises(Undone), storage.write(MALL) as tx:
            change(tx)
            beside = start(look)
            waits(beside)  # it may wait; if it doesn't, it has looked now
            raise Undone
        assert result(beside) == before

    @case("只读事务自始至终只看到同一时刻")
    def test_read_sees_one_moment(self, storage: Storage, other: Storage) -> None:
        """A transaction that reads sees one moment, though a writer commits in between."""
        with storage.write(MALL) as tx:
            fill(tx)
            tx.save([record("A2"), record("A3")])
            before = everything(tx)

        def move() -> None:
            with other.write(MALL) as tx:
                tx.load("order", "A2")
                tx.load("order", "A3")
                tx.save([record("A2", 2), record("A3", 2), record("A4")])
                tx.append([entry("order/A1", 3)])
                tx.put_clocks([clock(stage=9)])
                tx.enqueue([message("new")])

        def seen(tx: Transaction, id: str) -> RecordRow | None:
            return tx.load("order", id)[0]

        with storage.read(MALL) as tx:
            first = seen(tx, "A2")
            beside = start(move)
            waits(beside)
            assert seen(tx, "A2") == first
            assert getattr(seen(tx, "A3"), "version", None) == 1
            assert everything(tx) == before
        result(beside)
        with storage.read(MALL) as tx:
            assert getattr(seen(tx, "A3"), "version", None) == 2

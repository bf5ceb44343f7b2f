"""The database as a whole: opening, malls side by side, what lasts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from eldermall.contracts.storage import RecordKind, RecordRow, Storage, StorageCapabilities
from eldermall.errors import EldermallError, StorageError
from eldermall.testing.case import group, undeclared
from eldermall.testing.storage.backend import StorageBackend
from eldermall.testing.storage.cases import StorageCases
from eldermall.testing.storage.rows import ALL, KINDS, LAST, everything, fill, key, root
from eldermall.testing.storage.threads import MALL

case = group("数据库", "database")

MALLS = ("main", "Main", "main ", "main-2", "mai")


class DatabaseCases(StorageCases):
    """The cases about opening, malls and what lasts."""

    @case("能力以 StorageCapabilities 声明")
    def test_capabilities(self, storage: Storage) -> None:
        """Capabilities are declared as StorageCapabilities."""
        assert isinstance(storage.capabilities, StorageCapabilities)

    @case("空数据库上不带 make 打开，引发 StorageError，且不建任何表")
    def test_open_makes_nothing(self, backend: StorageBackend) -> None:
        """Opening an empty database without making it is a StorageError, and makes nothing."""
        storage = backend.fresh(bare=True)
        try:
            for _ in range(2):
                with pytest.raises(StorageError) as raised:
                    storage.open(KINDS, make=False)
                assert raised.value.text.zh
                assert raised.value.text.en
            storage.open(KINDS)
            with storage.write(MALL) as tx:
                fill(tx)
        finally:
            storage.close()

    @case("空数据库上不带 make 打开，不留下任何文件")
    def test_open_leaves_no_files(self, backend: StorageBackend, tmp_path: Path) -> None:
        """Opening an empty database without making it leaves no file in the test's folder."""
        storage = backend.fresh(bare=True)
        before = sorted(tmp_path.rglob("*"))
        try:
            with pytest.raises(StorageError):
                storage.open(KINDS, make=False)
        finally:
            storage.close()
        assert sorted(tmp_path.rglob("*")) == before

    @case("前缀不同的数据互不可见；仅大小写不同的前缀也各自独立，或被拒绝")
    def test_prefixes_are_apart(
        self, backend: StorageBackend, storage: Storage, storages: ExitStack
    ) -> None:
        """Two prefixes never share a row; one that differs in case only may be refused."""
        prefixed: Callable[[str], Storage] | None = getattr(backend, "prefixed", None)
        if prefixed is None:
            pytest.skip("没有 prefixed / the backend has no prefixed")
        kept = [storage]
        with storage.write(MALL) as tx:
            fill(tx)
            filled = [everything(tx)]
        for prefix in ("Kit_", "kit_"):
            other = prefixed(prefix)
            storages.callback(other.close)
            try:
                other.open(KINDS)
            except EldermallError:
                assert prefix == "kit_", f"the prefix {prefix} is refused"
                continue
            kept.append(other)
            with other.write(MALL) as tx:
                assert not any(everything(tx).values()), f"{prefix} shares rows"
                fill(tx, prefix)
                filled.append(everything(tx))
        for each, right in zip(kept, filled, strict=True):
            with each.read(MALL) as tx:
                assert everything(tx) == right

    @case("再次打开不改动数据")
    def test_open_again(self, storage: Storage, other: Storage) -> None:
        """Opening a database again leaves what is in it."""
        with storage.write(MALL) as tx:
            fill(tx)
            before = everything(tx)
        other.open(KINDS)
        for each in (storage, other):
            with each.read(MALL) as tx:
                assert everything(tx) == before

    @case("以前所未有的类别再次打开后，即可存取该类别的记录")
    def test_open_new_kind(self, storage: Storage, other: Storage) -> None:
        """A kind that a database hasn't kept yet is kept once it is opened with it."""
        other.open((*KINDS, RecordKind("errand", ("runner", "street"))))
        row = RecordRow("errand", "E1", 1, 0, True, "pack", {"runner": "r1", "street": None}, b"{}")
        with other.write(MALL) as tx:
            tx.save([row])
        with other.read(MALL) as tx:
            assert list(tx.find("errand", runner="r1")) == [replace(row, before=1)]

    @case("各商城互不可见，哪怕编号全同")
    def test_malls_are_apart(self, storage: Storage) -> None:
        """Malls in one database never see each other, though every id is the same."""
        contents = {}
        for mall in MALLS:
            with storage.write(mall) as tx:
                assert not any(everything(tx).values())
                fill(tx, mall)
                contents[mall] = everything(tx)
        assert len({repr(content) for content in contents.values()}) == len(MALLS)
        with storage.write("main") as tx:
            tx.load("order", "A1")
            assert tx.erase("order/A1") == 1
            assert tx.forget_keys(LAST, ALL) == 0
            assert len(tx.claim_messages(LAST, ALL, LAST)) == 2
            waiting = tx.unsealed(ALL)
            tx.seal(root(2), waiting, waiting)
        for mall in MALLS[1:]:
            with storage.read(mall) as tx:
                assert everything(tx) == contents[mall]
            with storage.write(mall) as tx:
                assert tx.claim_key(key(created=99)) == key()

    @case("已提交的数据在关闭再打开后仍在", needs="durable")
    def test_durable(
        self, backend: StorageBackend, storage: Storage, storages: ExitStack
    ) -> None:
        """What was committed is there for another at once, and after closing and opening again."""
        with storage.write(MALL) as tx:
            fill(tx)
            before = everything(tx)
        for _ in ("beside the first", "after it was closed"):
            another = backend.again()
            assert another is not None, "durable is declared, and again() gives no storage"
            storages.callback(another.close)
            another.open(KINDS, make=False)
            with another.read(MALL) as tx:
                assert everything(tx) == before
            storages.close()

    @case("未声明 durable 却能持久保存的，给出警告")
    def test_durable_is_declared(
        self, backend: StorageBackend, storage: Storage, storages: ExitStack
    ) -> None:
        """A storage that keeps what it has committed says so; else there is a warning."""
        with storage.write(MALL) as tx:
            fill(tx)
        declared = storage.capabilities.durable
        storages.close()
        again = None if declared else backend.again()
        if again is None:
            return
        storages.callback(again.close)
        again.open(KINDS)
        with again.read(MALL) as tx:
            if any(everything(tx).values()):
                undeclared("durable")

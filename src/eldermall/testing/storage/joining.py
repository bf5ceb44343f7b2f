"""Working inside a host's transaction: its end decides, a savepoint for each command."""

# ruff: noqa: PT012 - what fails is a transaction as a whole

from __future__ import annotations

import pytest

from eldermall.contracts.storage import RecordRow, Storage
from eldermall.errors import (
    Conflict,
    EldermallError,
    NotInTransaction,
    NotJoinable,
    Overtaken,
)
from eldermall.testing.case import group, undeclared
from eldermall.testing.storage.backend import Hosts, StorageBackend
from eldermall.testing.storage.cases import StorageCases
from eldermall.testing.storage.rows import everything, fill, record
from eldermall.testing.storage.threads import MALL, Undone

case = group("加入宿主事务", "joining")


def ids(storage: Storage) -> list[str]:
    """Return the ids of the orders that have been committed."""
    with storage.read(MALL) as tx:
        return [row.id for row in tx.find("order")]


def saves(storage: Storage, row: RecordRow) -> bool:
    """Say whether a record could be saved without waiting long."""
    try:
        with storage.write(MALL, patience=0.05) as tx:
            tx.save([row])
    except Conflict:
        return False
    return True


def nothing() -> None:
    """Hear that a host's transaction has ended, and do nothing."""


class JoinCases(StorageCases):
    """The cases about joining a host's transaction."""

    @pytest.fixture
    def hosts(self, backend: StorageBackend, storage: Storage) -> Hosts:
        """Return the hosts on the storage's database."""
        hosts = backend.hosts()
        assert hosts is not None, "join is declared, and hosts() gives none"
        return hosts

    @case("宿主提交时一并提交，之前无人可见", needs="join")
    def test_commits_with_host(self, storage: Storage, other: Storage, hosts: Hosts) -> None:
        """What was done is committed when the host commits, and unseen before."""
        told: list[bool] = []
        host = hosts.begin()
        with storage.join(MALL, host.connection, on_end=lambda: told.append(True)) as joined:
            with joined.savepoint() as tx:
                fill(tx)
                filled = everything(tx)
            assert not joined.ended
            assert ids(other) == []
        assert ids(other) == []
        assert not told
        host.commit()
        for each in (storage, other):
            with each.read(MALL) as tx:
                assert everything(tx) == filled

    @case("宿主回滚时一并撤销", needs="join")
    def test_undone_with_host(self, storage: Storage, hosts: Hosts) -> None:
        """What was done is undone when the host rolls back."""
        host = hosts.begin()
        with storage.join(MALL, host.connection, on_end=nothing) as joined:
            for _ in range(2):
                with joined.savepoint() as tx:
                    tx.find("order")
            with joined.savepoint() as tx:
                fill(tx)
        host.rollback()
        with storage.read(MALL) as tx:
            assert not any(everything(tx).values())

    @case("出错的命令单独撤销，其余照常提交", needs="join")
    def test_savepoint(self, storage: Storage, hosts: Hosts) -> None:
        """An error undoes its own savepoint; those before and after are kept."""
        host = hosts.begin()
        with storage.join(MALL, host.connection, on_end=nothing) as joined:
            with joined.savepoint() as tx:
                tx.save([record("A1")])
            error = Undone()
            with pytest.raises(Undone) as raised, joined.savepoint() as tx:
                tx.save([record("A2"), record("A1", 2)])
                raise error
            assert raised.value is error
            with pytest.raises(Overtaken), joined.savepoint() as tx:
                tx.save([record("A3")])
                tx.load("order", "A1")
                tx.save([record("A1", 7)])
            with joined.savepoint() as tx:
                tx.save([record("A4")])
        host.commit()
        assert ids(storage) == ["A1", "A4"]

    @case("出错离开加入的范围，宿主事务仍未结束", needs="join")
    def test_error_leaves_host_open(self, storage: Storage, hosts: Hosts) -> None:
        """An error that leaves the join ends nothing of the host's."""
        host = hosts.begin()
        with (
            pytest.raises(Undone),
            storage.join(MALL, host.connection, on_end=nothing) as joined,
        ):
            with joined.savepoint() as tx:
                tx.save([record("A1")])
            raise Undone
        assert not joined.ended
        with (
            storage.join(MALL, host.connection, on_end=nothing) as joined,
            joined.savepoint() as tx,
        ):
            assert tx.load("order", "A1")[0] is not None
            tx.save([record("A2")])
        assert ids(storage) == []
        host.commit()
        assert ids(storage) == ["A1", "A2"]

    @case("宿主事务结束后拒绝继续：ended 为真，引发 NotInTransaction", needs="join")
    def test_ended(self, storage: Storage, hosts: Hosts) -> None:
        """After the host's end nothing more is done: it is said, and is NotInTransaction."""
        for end in ("commit", "rollback"):
            host = hosts.begin()
            with storage.join(MALL, host.connection, on_end=nothing) as joined:
                with joined.savepoint() as tx:
                    tx.find("order")
                assert not joined.ended
                getattr(host, end)()
                assert joined.ended
                with pytest.raises(NotInTransaction), joined.savepoint() as tx:
                    tx.save([record("A1")])
        assert ids(storage) == []

    @case("没有打开事务的连接，引发 NotInTransaction", needs="join")
    def test_idle(self, storage: Storage, hosts: Hosts) -> None:
        """A connection without an open transaction is NotInTransaction, and says what to do."""
        with (
            pytest.raises(NotInTransaction) as raised,
            storage.join(MALL, hosts.idle(), on_end=nothing) as joined,
            joined.savepoint() as tx,
        ):
            tx.save([record("A1")])
        assert raised.value.text.zh
        assert ids(storage) == []

    @case("他物或别的数据库的连接，引发 NotJoinable", needs="join")
    def test_wrong(self, storage: Storage, hosts: Hosts) -> None:
        """Another thing, or a connection to another database, is NotJoinable."""
        for wrong in (*hosts.wrong(), object(), None, "connection"):
            with (
                pytest.raises(NotJoinable) as raised,
                storage.join(MALL, wrong, on_end=nothing) as joined,
                joined.savepoint() as tx,
            ):
                tx.save([record("A1")])
            assert raised.value.text.zh
        assert ids(storage) == []

    @case("宿主事务中读过的记录，他人不能更改，否则宿主事务失败", needs="join")
    def test_locks_in_host(self, storage: Storage, other: Storage, hosts: Hosts) -> None:
        """What was read in a host's transaction others don't change, or it can't go on itself."""
        with storage.write(MALL) as tx:
            tx.save([record("A1"), record("A2"), record("A4")])
        changes = (record("A1", 2), record("A2", 2), record("A3"))
        for change in changes:
            host = hosts.begin()
            with storage.join(MALL, host.connection, on_end=nothing) as joined:
                with joined.savepoint() as tx:
                    tx.load("order", "A1")
                    tx.look_up("order", ["A2", "A3"])
                overtaken = saves(other, change)
                try:
                    with joined.savepoint() as tx:
                        row, _ = tx.load("order", "A4")
                        assert row is not None
                        tx.save([record("A4", row.version + 1)])
                except Conflict as error:
                    retry = error.retry
                    host.rollback()
                    assert retry == "transaction", "a savepoint can't mend it"
                else:
                    host.commit()
                    assert not overtaken, f"{change.id} was changed by another meanwhile"

    @case("能加入却未声明的给出警告，不能加入的引发 NotJoinable")
    def test_join_is_declared(self, backend: StorageBackend, storage: Storage) -> None:
        """A storage that can join says so, else there is a warning; one that can't refuses."""
        if storage.capabilities.join:
            return
        with (
            pytest.raises(NotJoinable),
            storage.join(MALL, object(), on_end=nothing) as joined,
            joined.savepoint(),
        ):
            pass
        hosts = backend.hosts()
        if hosts is None:
            return
        host = hosts.begin()
        try:
            with (
                storage.join(MALL, host.connection, on_end=nothing) as joined,
                joined.savepoint() as tx,
            ):
                tx.save([record("A1")])
            host.commit()
        except EldermallError:
            host.rollback()
        if ids(storage) == ["A1"]:
            undeclared("join")



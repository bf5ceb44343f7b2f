"""What a decision found missing nobody makes before it is committed, one row or thousands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from eldermall import Locked
from eldermall.adapters.storage.sql.storage import SqlStorage
from eldermall.contracts.storage import RecordKind, RecordRow
from tests import databases

ROWS = 1500


def row(id: str) -> RecordRow:
    return RecordRow("booking", id, 1, 0, True, "pack", {}, b"{}")


@pytest.fixture(params=databases.SERVERS)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStorage]:
    with closing(SqlStorage(databases.url_of(request.param, tmp_path))) as storage:
        storage.open([RecordKind("booking")])
        yield storage


@pytest.mark.parametrize("many", [1, ROWS])
def test_what_was_looked_for_in_vain_is_not_made_meanwhile(storage: SqlStorage, many: int) -> None:
    rows = [row(f"B{number}") for number in range(many)]
    with storage.write("main") as tx:
        assert tx.look_up("booking", ["B0"]) == {}
        with pytest.raises(Locked), storage.write("main", patience=0.1) as other:
            other.save(rows)
    with storage.write("main") as other:
        other.save(rows)


@pytest.mark.parametrize("many", [1, ROWS])
def test_what_is_being_made_is_waited_for(storage: SqlStorage, many: int) -> None:
    with storage.write("main") as tx:
        tx.save([row(f"B{number}") for number in range(many)])
        with pytest.raises(Locked), storage.write("main", patience=0.1) as other:
            other.look_up("booking", ["B0"])
    with storage.read("main") as tx:
        assert list(tx.look_up("booking", ["B0"])) == ["B0"]


def test_looking_for_many_at_once_locks_them_too(storage: SqlStorage) -> None:
    with storage.write("main") as tx:
        assert tx.look_up("booking", [f"B{number}" for number in range(ROWS)]) == {}
        with pytest.raises(Locked), storage.write("main", patience=0.1) as other:
            other.save([row("B7")])


def test_asking_which_there_are_holds_nobody_up_and_waits_for_nobody(storage: SqlStorage) -> None:
    with storage.write("main") as tx:
        assert tx.existing("booking", ["B0"]) == set()
        assert tx.existing("booking", ["B0", "B1"]) == set()
        with storage.write("main", patience=0.1) as other:
            other.save([row("B0")])
    with storage.write("main") as tx:
        assert tx.load("booking", "B0")[0] is not None
        with storage.write("main", patience=0.1) as other:
            assert other.existing("booking", ["B0"]) == {"B0"}
            assert other.existing("booking", ["B0", "B1"]) == {"B0"}


def test_what_others_look_for_or_make_elsewhere_is_not_waited_for(storage: SqlStorage) -> None:
    with storage.write("main") as tx:
        assert tx.look_up("booking", ["B0"]) == {}
        tx.save([row("C0")])
        with storage.write("main", patience=0.1) as other:
            assert other.look_up("booking", ["B0"]) == {}
            other.save([row("D0")])

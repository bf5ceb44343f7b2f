"""The walk over open records: each once, in pages, and on from where it stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eldermall import Mall
from eldermall.adapters.storage.memory import MemoryStorage
from eldermall.contracts.storage import StorageCapabilities
from eldermall.engine.actor import system
from eldermall.engine.inputs import Arguments
from eldermall.engine.kind import Command
from eldermall.engine.walk import walk
from eldermall.engine.work import Held, Work
from eldermall.errors import Locked, RuleBroken
from eldermall.texts import Text
from tests import databases, shop


@pytest.fixture(params=databases.ALL)
def mall(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mall]:
    with shop.open_mall(databases.url_of(str(request.param), tmp_path)) as mall:
        shop.staff(mall)
        with mall.batch() as many:
            for n in range(10):
                shop.place(many, f"O{n}")
            many.orders.cancel("O3", reason="no", by=shop.CUSTOMER)
        yield mall


@pytest.fixture(autouse=True)
def _pages_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eldermall.engine.walk.PAGE", 2)


OPEN = [f"O{n}" for n in range(10) if n != 3]


class Visitor:
    """Notes whom it visits, and fails where it is told to."""

    def __init__(self, fails: dict[str, Exception] | None = None) -> None:
        self.seen: list[str] = []
        self.fails = fails or {}

    def __call__(self, work: Work, held: Held) -> None:
        if held.id in self.fails:
            raise self.fails[held.id]
        self.seen.append(held.id)


def test_every_open_record_is_visited_once_and_a_walk_that_is_through_does_nothing(
    mall: Mall,
) -> None:
    visit = Visitor()
    assert walk(mall._engine, "w", "order", visit).visited == 9
    assert visit.seen == OPEN
    again = walk(mall._engine, "w", "order", visit)
    assert (again.visited, again.ended) == (0, True)
    assert walk(mall._engine, "w", "booking", visit).visited == 0
    assert walk(mall._engine, "another", "order", Visitor()).visited == 9


def test_a_walk_goes_on_from_the_last_whole_page(mall: Mall) -> None:
    visit = Visitor()
    first = walk(mall._engine, "w", "order", visit, most=3)
    assert (first.visited, first.ended, visit.seen) == (4, False, OPEN[:4])
    assert walk(mall._engine, "w", "order", visit).visited == 5
    assert visit.seen == OPEN


def test_a_walk_that_is_cut_off_visits_no_more_than_a_page_again(mall: Mall) -> None:
    visit = Visitor({"O6": Locked(Text("忙", "busy"))})
    with pytest.raises(Locked):
        walk(mall._engine, "w", "order", visit)
    assert visit.seen == OPEN[:5]
    visit.fails = {}
    walk(mall._engine, "w", "order", visit)
    assert visit.seen == [*OPEN[:5], *OPEN[4:]]


def test_one_that_fails_is_told_and_stops_no_other(mall: Mall) -> None:
    visit = Visitor({"O5": RuleBroken(Text("坏", "broken"))})
    did = walk(mall._engine, "w", "order", visit)
    assert (did.visited, did.ended) == (8, True)
    assert [(subject, why.en) for subject, why in did.failed] == [("order/O5", "broken")]


def test_who_comes_later_than_another_doesn_t_set_the_walk_back(mall: Mall) -> None:
    def while_another_ends_it(work: Work, held: Held) -> None:
        work.tx.put_walked("w/order", "~")

    walk(mall._engine, "w", "order", while_another_ends_it, most=1)
    visit = Visitor()
    walk(mall._engine, "w", "order", visit)
    assert visit.seen == []


def test_what_a_visit_writes_is_committed(mall: Mall) -> None:
    def note(work: Work, held: Held) -> None:
        command = Command("order", "", held.id, system("walk"), Arguments())
        fields = {"what": "test.noted", "outcome": "moved", "actor": command.actor.as_json()}
        work.write(held, work.now, command, fields, (), (), ())

    walk(mall._engine, "w", "order", note)
    for n in range(10):
        last = mall.journal("order", f"O{n}")[-1]["what"]
        assert (last == "test.noted") == (n != 3)
    assert mall.verify().passed


def test_a_record_that_ends_while_the_walk_is_under_way_is_passed_over() -> None:
    with shop.open_mall() as mall:
        shop.staff(mall)
        for id in ("O1", "O2"):
            shop.place(mall, id)
        seen: list[str] = []

        def visit(work: Work, held: Held) -> None:
            seen.append(held.id)
            if held.id == "O1":  # in memory the lock is this thread's own
                mall.orders.cancel("O2", reason="no", by=shop.CUSTOMER)

        assert walk(mall._engine, "w", "order", visit).visited == 1
        assert seen == ["O1"]


def test_a_storage_that_keeps_no_walks_is_walked_from_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(MemoryStorage, "capabilities", StorageCapabilities())
    with shop.open_mall() as mall:
        shop.staff(mall)
        shop.place(mall, "O1")
        visit = Visitor()
        for _ in range(2):
            assert walk(mall._engine, "w", "order", visit).ended
        assert visit.seen == ["O1", "O1"]

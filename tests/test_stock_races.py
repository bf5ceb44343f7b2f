"""Twenty buyers at once for the last ten: as threads of one mall, and in processes of their own."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from eldermall import Conflict, Mall, Refused
from tests import databases, shop
from tests.apart import APART
from tests.test_races import Place, chains, quick

TRIALS = shop.times(50)  # of each of two ways on each of two databases: 200
BUYERS, THERE = 20, 10
PROCESSES = 4


def buy(mall: Mall, trial: int, buyer: int) -> str:
    """Order one piece, until that is decided."""
    lines = [{"id": "n", "listing": f"T{trial}", "quantity": 1, "amount": 100}]
    while True:
        try:
            shop.place(mall, f"A{trial}-{buyer}", lines=lines, total=100, freight=0)
        except Conflict:
            continue
        except Refused as refused:
            return " ".join(refused.decision.rules)
        return "placed"


def buying(mall: Mall, buyer: int, barrier: Any, results: Any) -> None:
    """Buy in every trial, all buyers at the same time."""
    said = []
    for trial in range(TRIALS):
        barrier.wait(60)
        try:
            said.append(buy(mall, trial, buyer))
        except BaseException as error:  # noqa: BLE001
            said.append(repr(error))
    results.put(said)


def together(mall: Mall, buyers: range, barrier: Any, results: Any) -> None:
    """Let buyers buy, each a thread."""
    made = [
        threading.Thread(target=buying, args=(mall, buyer, barrier, results)) for buyer in buyers
    ]
    for buyer in made:
        buyer.start()
    for buyer in made:
        buyer.join()


def elsewhere(place: Place, buyers: range, barrier: Any, results: Any) -> None:
    """Let buyers buy in a process of their own."""
    with place.open(shop.Time()) as mall:
        together(mall, buyers, barrier, results)


@pytest.fixture(params=("sqlite", "postgresql"))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "sqlite":
        yield Place(f"sqlite:///{tmp_path / 'mall.db'}")
    else:
        yield Place(quick("postgresql", databases.worker() + "_stock_races"))


@pytest.mark.parametrize("way", ["threads", "processes"])
def test_of_twenty_buyers_of_the_last_ten_exactly_ten_get_one(way: str, place: Place) -> None:
    with place.open(shop.Time()) as mall:
        shop.staff(mall)
        with mall.batch() as m:
            for trial in range(TRIALS):
                m.stock.open(f"T{trial}", merchant="tea-house", warn_at=3, by=shop.OPERATIONS)
                m.stock.receive(
                    f"T{trial}", lot="L1", quantity=THERE, source="note", by=shop.MERCHANT
                )
        if way == "threads":
            results: Any = Queue()
            together(mall, range(BUYERS), threading.Barrier(BUYERS), results)
        else:
            results, barrier = APART.Queue(), APART.Barrier(BUYERS)
            made = [
                APART.Process(
                    target=elsewhere, args=(place, range(n, BUYERS, PROCESSES), barrier, results)
                )
                for n in range(PROCESSES)
            ]
            for process in made:
                process.start()
        said = [results.get(timeout=120) for _ in range(BUYERS)]
        if way == "processes":
            for process in made:
                process.join(60)
        for decided in zip(*said, strict=True):
            assert Counter(decided) == {"placed": THERE, "stock.no-oversell@1": BUYERS - THERE}
        kept = chains(mall)
        for trial in range(TRIALS):
            stock = mall.stock.get(f"T{trial}")
            assert (stock.on_hand, stock.reserved, stock.level) == (THERE, THERE, "out")
            assert stock.available(mall.now()) == 0
            reserved = [
                entry["facts"]["stock.reserved"]
                for entry in kept[f"stock/T{trial}"]
                if entry["what"] == "stock.reserve"
            ]
            assert reserved == list(range(THERE))
            tried = Counter(
                entry["outcome"]
                for buyer in range(BUYERS)
                for entry in kept[f"order/A{trial}-{buyer}"]
            )
            assert tried == {"moved": THERE, "refused": BUYERS - THERE}
        assert mall.verify().passed

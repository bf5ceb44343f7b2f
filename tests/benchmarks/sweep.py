"""A sweep costs what is due, not what exists.

Counted in instructions of SQLite's virtual machine. A progress handler on the driver's connection
with a period of one is called once for every instruction, so its calls are the count; a scan of a
table or index shows as instructions for every row. Seeded are whole orders: record, running
clock, last entry.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from eldermall.calendars import DAY
from tests import shop
from tests.benchmarks import stage
from tests.benchmarks.figures import Figure

NAME = "sweep"


class Counter:
    """Counts instructions of the virtual machine."""

    def __init__(self) -> None:
        self.steps = 0

    def __call__(self) -> int:
        """Count one, and let SQLite go on."""
        self.steps += 1
        return 0


@contextmanager
def counting(engine: Engine) -> Iterator[Counter]:
    """Count the instructions of every connection that ``engine`` gives out."""
    counter = Counter()

    def taken(connection: Any, *_: object) -> None:
        connection.set_progress_handler(counter, 1)

    def returned(connection: Any, *_: object) -> None:
        connection.set_progress_handler(None, 0)

    event.listen(engine, "checkout", taken)
    event.listen(engine, "checkin", returned)
    try:
        yield counter
    finally:
        event.remove(engine, "checkout", taken)
        event.remove(engine, "checkin", returned)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a sweep cost: instructions to find what is due, of the whole sweep, and seconds."""

    finding: int
    whole: int
    seconds: float


def cost(running: int, due: int) -> Cost:
    """Return what a sweep costs with ``due`` clocks due among ``running``."""
    with (
        tempfile.TemporaryDirectory() as folder,
        stage.open_stage(Path(folder, "sweep.db"), range(due - 1)) as mall,
    ):
        stage.multiply(mall, range(due, running), later=30 * DAY)
        now = shop.START + timedelta(hours=49)
        micro = int(now.timestamp() * 1_000_000)
        with counting(mall.storage.engine) as counter, mall.read() as tx:
            assert len(tx.due_clocks(micro, running)) == due
        finding = counter.steps
        start = time.perf_counter()
        with counting(mall.storage.engine) as counter:
            swept = mall.sweep(now)
        seconds = time.perf_counter() - start
        assert (swept.warned, swept.failed) == (due, ())
    return Cost(finding, counter.steps, seconds)


def run(*, quick: bool = False) -> list[Figure]:
    """Compare a sweep among few with one among ten times as many, with as many due."""
    few, due = (1_000, 100) if quick else (10_000, 1_000)
    small, large = cost(few, due), cost(10 * few, due)
    return [
        Figure(
            NAME,
            f"instructions of a sweep, {due:,} due among {10 * few:,} against among {few:,}",
            large.whole / small.whole, "x", 1, "less",
            f"{large.whole:,} against {small.whole:,}, {large.whole / due:,.0f} a clock",
        ),
        Figure(
            NAME, f"instructions to find {due:,} due, among {10 * few:,} against among {few:,}",
            large.finding / small.finding, "x", 1, "less",
            f"{large.finding:,} against {small.finding:,}",
        ),
    ]

"""A sweep costs what is due, not what exists.

Counted in instructions of SQLite's virtual machine. A progress handler on the driver's connection
with a period of one is called once for every instruction, so its calls are the count; a scan of a
table or index shows as instructions for every row. On PostgreSQL the rows are counted that
EXPLAIN ANALYZE says the queries of the sweep have read.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from eldermall import Mall
from eldermall.calendars import DAY
from tests import shop
from tests.benchmarks import bare, servers, stage
from tests.benchmarks.figures import Figure

NAME = "sweep"

PIECE = 10_000


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
        bystanders(mall, running - due)
        now = shop.START + timedelta(hours=49)
        micro = int(now.timestamp() * 1_000_000)
        with counting(stage.engine_of(mall)) as counter, mall.read() as tx:
            assert len(tx.due_clocks(micro, running)) == due
        finding = counter.steps
        start = time.perf_counter()
        with counting(stage.engine_of(mall)) as counter:
            swept = mall.sweep(now)
        seconds = time.perf_counter() - start
        assert (swept.warned, swept.failed) == (due, ())
    return Cost(finding, counter.steps, seconds)


def bystanders(mall: Mall, running: int) -> None:
    """Put clocks that aren't due into ``mall``, of subjects that no sweep will look at."""
    with mall.read() as tx:
        (clock,) = tx.open_clocks(f"order/{stage.TEMPLATE}")
    assert clock.next is not None
    later = 30 * DAY
    for first in range(0, running, PIECE):
        with mall.storage.write(mall.code) as tx:
            tx.put_clocks(
                [
                    replace(
                        clock, subject=f"order/other-{number:09}", due=clock.due + later + number,
                        next=clock.next + later + number,
                    )
                    for number in range(first, min(running, first + PIECE))
                ]
            )


def rows_read(url: str, running: int, due: int) -> tuple[int, str]:
    """Return how many rows the statements of a sweep of ``due`` clocks read on PostgreSQL."""
    with stage.open_mall(url) as mall:
        stage.fill(mall, range(due - 1))
        bystanders(mall, running - due)
        engine = stage.engine_of(mall)
        with engine.connect() as c:
            c.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")
        now = shop.START + timedelta(hours=49)
        with bare.capture(engine) as finding, mall.read() as tx:
            assert len(tx.due_clocks(shop.us(now), running)) == due
        found, _ = _explained(engine, finding)
        assert found >= due
        with bare.capture(engine) as seen:
            assert mall.sweep(now).warned == due
        read, slowest = _explained(engine, seen)
    return found + read, f"{found:,} to find what is due, the slowest query {slowest:.1f} ms"


def _explained(engine: Engine, seen: bare.Captured) -> tuple[int, float]:
    """Return how many rows the queries read, and the milliseconds of the slowest."""
    read, slowest = 0, 0.0
    with engine.connect() as c, c.begin() as transaction:
        for sql, values, _ in seen.sql:
            if not sql.startswith("SELECT"):
                continue
            explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}"
            (plan,) = c.exec_driver_sql(explain, values).scalar_one()
            read += _rows(plan["Plan"])
            slowest = max(slowest, plan["Execution Time"])
        transaction.rollback()
    return read, slowest


def _rows(plan: dict[str, Any]) -> int:
    inner = sum(_rows(child) for child in plan.get("Plans", ()))
    if "Relation Name" not in plan:
        return inner
    read = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    whole: int = round(read * plan["Actual Loops"])
    return inner + whole


def run(*, quick: bool = False) -> list[Figure]:
    """Compare a sweep among few with one among many times as many, with as many due."""
    few, due, times, more = (1_000, 100, 10, 10) if quick else (10_000, 1_000, 100, 1_000)
    with servers.postgresql() as url:
        less_read, less_note = rows_read(url, few, due)
    with servers.postgresql() as url:
        more_read, more_note = rows_read(url, more * few, due)
    small, large = cost(few, due), cost(times * few, due)
    return [
        Figure(
            NAME,
            f"rows read by a sweep on PostgreSQL, {due:,} due among {more * few:,} against among "
            f"{few:,}",
            more_read / less_read, "x", 1, "less",
            f"{more_read:,} ({more_note}) against {less_read:,} ({less_note})",
        ),
        Figure(
            NAME,
            f"instructions of a sweep, {due:,} due among {times * few:,} against among {few:,}",
            large.whole / small.whole, "x", 1, "less",
            f"{large.whole:,} against {small.whole:,}, {large.whole / due:,.0f} a clock",
        ),
        Figure(
            NAME,
            f"instructions to find {due:,} due, among {times * few:,} against among {few:,}",
            large.finding / small.finding, "x", 1, "less",
            f"{large.finding:,} against {small.finding:,}",
        ),
    ]

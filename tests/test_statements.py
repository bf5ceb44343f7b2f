"""What a move sends to SQLite: how many statements, how they find rows, what a sweep costs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from eldermall import Mall, Refused
from tests import shop
from tests.benchmarks import bare, stage, sweep

GROWING = (
    "record_", "entries", "unsealed", "personal", "clocks", "outbox", "keys", "leaves",
)


@pytest.fixture
def staged(tmp_path: Path) -> Iterator[Mall]:
    with stage.open_stage(tmp_path / "mall.db", range(5)) as mall:
        yield mall


def test_ship_takes_nine_statements_and_one_commit(staged: Mall) -> None:
    with bare.capture(staged.storage.engine) as seen:
        stage.ship(staged, stage.TEMPLATE)

    changes = {c["clock"]: c["did"] for c in staged.journal("order", stage.TEMPLATE)[-1]["clocks"]}
    assert changes == {"shipping.in-time@1": "met", "bench.arrives-in-time@1": "started"}
    sent = [m for m in staged.messages() if m.id.startswith(f"order/{stage.TEMPLATE}#6.")]
    assert len(sent) == 2
    assert len(seen.sql) <= 9
    assert seen.commits == 1


def test_the_same_ship_again_writes_nothing(staged: Mall) -> None:
    stage.ship(staged, stage.TEMPLATE)
    with bare.capture(staged.storage.engine) as seen:
        stage.ship(staged, stage.TEMPLATE)
    assert len(seen.sql) <= 3
    assert [sql.split()[0] for sql, _, _ in seen.sql if not sql.startswith("SELECT")] == ["INSERT"]
    assert "ON CONFLICT DO NOTHING" in seen.sql[0][0]


def test_asking_whether_it_may_writes_nothing(staged: Mall) -> None:
    with bare.capture(staged.storage.engine) as seen:
        staged.may.orders.ship(
            stage.TEMPLATE, parcel="p1", courier="SF", tracking="1", lines=stage.LINES,
            by=shop.MERCHANT,
        )
    assert {sql.split()[0] for sql, _, _ in seen.sql} == {"SELECT"}


def test_no_statement_reads_a_growing_table_from_end_to_end(staged: Mall) -> None:
    """Moves, refusals, sweeps, relays, sealing and lists find their rows by key or index."""
    with bare.capture(staged.storage.engine) as seen:
        stage.ship(staged, stage.TEMPLATE)
        stage.ship(staged, stage.TEMPLATE)
        with pytest.raises(Refused):
            stage.ship(staged, "nobody")
        shop.place(staged, "A1")
        shop.pay(staged, "A1")
        staged.sweep(shop.START + timedelta(hours=49))
        staged.relay()
        staged.seal()
        staged.clocks()
        staged.messages()
        staged.journal("order", stage.TEMPLATE)
        staged.orders.get(stage.TEMPLATE)

    plans: dict[str, list[str]] = {}
    with staged.storage.engine.connect() as connection:
        for sql, values, many in seen.sql:
            if sql.split()[0] in ("SELECT", "UPDATE", "DELETE"):
                given = values[0] if many else values
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given)
                plans[sql] = [row[3] for row in rows]
    assert len(plans) > 12
    scans = {
        sql: step
        for sql, plan in plans.items()
        for step in plan
        if step.startswith("SCAN") and any(f"eldermall_{name}" in step for name in GROWING)
    }
    assert not scans
    for sql, plan in plans.items():
        if re.search(r"next <= \?", sql) or "ORDER BY eldermall_clocks.name" in sql:
            assert not [step for step in plan if "TEMP B-TREE" in step], sql
        if "eldermall_clocks.subject = ?" in sql:
            assert any("mall=? AND subject=?" in step for step in plan), plan


def test_a_sweep_costs_what_is_due_and_not_what_runs() -> None:
    small, large = sweep.cost(running=1_000, due=50), sweep.cost(running=10_000, due=50)
    assert large.finding <= small.finding
    assert large.whole <= small.whole

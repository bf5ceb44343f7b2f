"""An audit of an export by columns and by replay, side by side, and what it needs of memory.

Every audit runs in a process of its own, timed from the start of the process to its end, with its
findings written. The exports are those of ``examples/make_export.py``, and the counts must be what
that file worked out. Beside it stands a bare query of DuckDB, where that is installed, which gives
the number of late orders and nothing else.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from eldermall.reports.findings import Finding
from eldermall.reports.sources.cells import Unreadable
from tests.benchmarks.figures import Figure
from tests.shop import ROOT

NAME = "audit"
BARE = """
import duckdb, sys
at = lambda name: f"try_strptime(nullif({name}, ''), '%m/%d/%Y %H:%M')"
paid, left = at("order_approved_at"), at("order_delivered_carrier_date")
print(duckdb.sql(f'''
    SELECT count(*) FILTER (WHERE {left} > {paid} + INTERVAL 72 HOUR)
    FROM read_csv('{sys.argv[1]}', all_varchar = true, ignore_errors = true)
''').fetchall())
"""


def peak() -> int:
    """Return this process's peak memory in KiB."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss begins with that of the process that started this one
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // 1024 if sys.platform == "darwin" else most


def child(way: str, path: str) -> dict[str, Any]:
    """Audit one file here and say what was found."""
    import orjson

    from eldermall.mall import rulebook
    from eldermall.plugins import Plugins
    from eldermall.reports.audit import audit

    with Path(path).with_suffix(f".{way}").open("wb") as out:

        def write(found: Finding | Unreadable) -> None:
            out.write(orjson.dumps(found.as_json()) + b"\n")

        result = audit(
            path, ROOT / "examples" / "olist.toml", as_of=datetime(2019, 1, 1, 2, tzinfo=UTC),
            findings=write,
            book=rulebook(Plugins()) if way == "replay" else None,
        )
    return {
        "orders": result.orders, "paid": result.paid, "by_shape": result.by_shape, "peak": peak(),
    }


def _run(*command: str) -> Any:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, *command], check=True, capture_output=True, text=True, cwd=ROOT,
        env=os.environ | {"PYTHONPATH": path},
    )
    return done.stdout


def _audited(way: str, file: Path, known: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Return the seconds of a process that audits ``file``, and what it says."""
    start = time.perf_counter()
    said = json.loads(_run("-m", "tests.benchmarks.audit", way, str(file)))
    taken = time.perf_counter() - start
    assert (said["orders"], said["paid"]) == (known["orders"], known["paid"])
    assert said["by_shape"] == (said["orders"] if way == "columns" else 0)
    return taken, said


def run(*, quick: bool = False) -> list[Figure]:
    """Audit a small export by replay, and longer ones by columns."""
    few, many, most = (200, 2_000, 4_000) if quick else (10_000, 1_000_000, 5_000_000)
    with tempfile.TemporaryDirectory() as folder:

        def made(orders: int) -> tuple[Path, dict[str, Any]]:
            file = Path(folder, f"{orders}.csv")
            said = _run("examples/make_export.py", str(file), "--orders", str(orders))
            return file, json.loads(said)

        small, large = made(few), made(many)
        rounds = [
            (_audited("columns", *large), _audited("replay", *small))
            for _ in range(1 if quick else 3)
        ]
        columns = [many / taken for (taken, _), _ in rounds]
        replay = [few / taken for _, (taken, _) in rounds]
        figures = [
            Figure(
                NAME, f"orders audited a second by columns, {many:,} orders, findings written",
                statistics.median(columns), "/s", 200_000,
                note=f"runs {min(columns):,.0f} to {max(columns):,.0f}",
            ),
            Figure(
                NAME, f"the same against the replay of {few:,} orders",
                statistics.median(a / b for a, b in zip(columns, replay, strict=True)), "x", 50,
                note=f"replay {min(replay):,.0f} to {max(replay):,.0f} /s",
            ),
        ]
        if find_spec("duckdb") is not None:
            figures.append(_bare(large[0], many, statistics.median(columns)))
        whole = rounds[0][0][1]["peak"]
        _, said = _audited("columns", *made(most))
    figures.append(
        Figure(
            NAME, f"peak memory at {most:,} orders", said["peak"] / 1024, "MiB", 1024, "less",
            f"{whole / 1024:,.0f} MiB at {many:,}",
        )
    )
    return figures


def _bare(file: Path, orders: int, ours: float) -> Figure:
    def bare() -> float:
        start = time.perf_counter()
        _run("-c", BARE, str(file))
        return orders / (time.perf_counter() - start)

    speeds = [bare() for _ in range(3)]
    return Figure(
        NAME, "the same against a bare query of DuckDB that counts the late",
        ours / statistics.median(speeds), "x",
        note=f"DuckDB {min(speeds):,.0f} to {max(speeds):,.0f} /s",
    )


if __name__ == "__main__":
    print(json.dumps(child(*sys.argv[1:])))

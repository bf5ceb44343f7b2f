"""An audit of an export: orders a second and core, and whether memory stays flat.

Every audit runs in a process of its own: its CPU time is taken around the call, its peak memory
from the operating system at the end. The exports are those of ``examples/make_export.py``, and
the counts must be what that file worked out.
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
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import Figure
from tests.shop import ROOT

NAME = "audit"


def peak() -> int:
    """Return this process's peak memory in KiB."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss begins with that of the process that started this one
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // 1024 if sys.platform == "darwin" else most


def child(path: str) -> dict[str, Any]:
    """Audit one file here and say what it took."""
    from eldermall.reports.audit import audit

    start = time.process_time()
    result = audit(
        path, ROOT / "examples" / "olist.toml", as_of=datetime(2019, 1, 1, 2, tzinfo=UTC)
    )
    return {
        "orders": result.orders,
        "paid": result.paid,
        "seconds": time.process_time() - start,
        "peak": peak(),
    }


def _run(*command: str) -> dict[str, Any]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, *command], check=True, capture_output=True, text=True, cwd=ROOT,
        env=os.environ | {"PYTHONPATH": path},
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def run(*, quick: bool = False) -> list[Figure]:
    """Audit a small export several times, and longer ones."""
    few, rounds = (1_000, 1) if quick else (10_000, 5)
    with tempfile.TemporaryDirectory() as folder:
        taken: dict[int, list[dict[str, Any]]] = {}
        for orders, times in ((few, rounds), (10 * few, 1 if quick else 3), (100 * few, 1)):
            file = str(Path(folder, f"{orders}.csv"))
            known = _run("examples/make_export.py", file, "--orders", str(orders))
            taken[orders] = [_run("-m", "tests.benchmarks.audit", file) for _ in range(times)]
            for one in taken[orders]:
                assert (one["orders"], one["paid"]) == (known["orders"], known["paid"])
    speeds = sorted(one["orders"] / one["seconds"] for one in taken[10 * few])
    small, large = (
        statistics.median(one["peak"] for one in taken[orders]) for orders in (few, 100 * few)
    )
    return [
        Figure(
            NAME, f"orders audited a second of CPU, {10 * few:,} orders",
            statistics.median(speeds), "/s", 5000,
            note=f"runs {speeds[0]:,.0f} to {speeds[-1]:,.0f}",
        ),
        Figure(
            NAME, f"peak memory with {100 * few:,} orders against {few:,}", large / small, "x",
            1.05, "less",
            f"{large / 1024:.1f} against {small / 1024:.1f} MiB, "
            f"{(large - small) * 1024 / (99 * few):.0f} bytes an order",
        ),
    ]


if __name__ == "__main__":
    print(json.dumps(child(sys.argv[1])))

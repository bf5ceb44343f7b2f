"""Verification: entries a second and core, in one process and in two, and memory.

The journals are of orders of eight entries of about 700 bytes, written round by round as they come
in a shop, so that the entries of a chain lie far apart in the file; a root is made after every
second round, so that a leaf covers two entries. Each run is a process of its own: its CPU time with
that of its children, its peak memory from the operating system. The floor reads the same rows
through ``sqlite3`` and hashes them, and does nothing else.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing, redirect_stdout
from hashlib import sha256
from pathlib import Path
from typing import Any

from eldermall.contracts.storage import NO_HEAD
from eldermall.engine import journal
from tests import shop
from tests.benchmarks import stage
from tests.benchmarks.audit import peak
from tests.benchmarks.figures import Figure

NAME = "verify"
ROUNDS = 8
BATCH = 1000


def seed(path: Path, entries: int) -> None:
    """Write a journal of so many entries through the contract, sealed but for its last round."""
    with shop.open_mall(f"sqlite:///{path}") as mall:
        shop.staff(mall)
        shop.completed(mall)
        (fields,) = mall.journal("callback", "A1")  # of the length asked for
        stage.use_level(stage.engine_of(mall), "NORMAL")
        heads = dict.fromkeys((f"order/{n:08}" for n in range(entries // ROUNDS)), NO_HEAD)
        subjects = list(heads)
        for turn in range(ROUNDS):
            for first in range(0, len(subjects), BATCH):
                rows = []
                for subject in subjects[first : first + BATCH]:
                    entry = journal.Entry(subject, fields["at"], fields)
                    row, _, heads[subject] = journal.chain("main", entry, heads[subject], turn)
                    rows.append(row)
                with mall.storage.write("main") as tx:
                    tx.append(rows)
            if turn % 2 and turn < ROUNDS - 1:
                mall.seal()


def ours(path: str, jobs: str) -> dict[str, Any]:
    """Verify with the command, and say what it took."""
    from eldermall.cli import app

    start, before = time.perf_counter(), _cpu()
    with redirect_stdout(io.StringIO()) as said:
        app(["verify", f"sqlite:///{path}", "--jobs", jobs, "--json"], standalone_mode=False)
    seconds = time.perf_counter() - start
    found = json.loads(said.getvalue())
    assert found["passed"]
    assert found["roots"] > 0
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {
        "entries": found["entries"], "seconds": seconds, "cpu": _cpu() - before,
        "peak": max(peak(), children) if jobs != "1" else peak(),
    }


def floor(path: str) -> dict[str, Any]:
    """Read every row and hash it, and say what it took."""
    start, before, entries = time.perf_counter(), _cpu(), 0
    with closing(sqlite3.connect(path)) as raw:
        for _, _, digest, body in raw.execute(
            "SELECT subject, seq, hash, body FROM eldermall_entries WHERE mall='main'"
            " ORDER BY subject, seq"
        ):
            assert sha256(body).digest() == digest
            entries += 1
    return {
        "entries": entries, "seconds": time.perf_counter() - start, "cpu": _cpu() - before,
        "peak": peak(),
    }


def _cpu() -> float:
    taken = os.times()
    return taken.user + taken.system + taken.children_user + taken.children_system


def _run(*arguments: str) -> dict[str, Any]:
    path = os.pathsep.join(filter(None, (str(shop.ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.verify", *arguments], check=True,
        capture_output=True, text=True, cwd=shop.ROOT, env=os.environ | {"PYTHONPATH": path},
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def run(*, quick: bool = False) -> list[Figure]:
    """Verify a journal several times beside the floor, and one ten times as long."""
    few, rounds = (8_000, 1) if quick else (100_000, 5)
    taken: dict[tuple[str, int], list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for entries, times in ((few, rounds), (10 * few, 1 if quick else 3)):
            file = str(Path(folder, f"{entries}.db"))
            seed(Path(file), entries)
            for _ in range(times):
                for who in (("1",), ("2",), ("floor",)):
                    taken.setdefault((*who, entries), []).append(_run(file, *who))
    many = 10 * few

    def median(who: str, entries: int, what: str) -> float:
        return statistics.median(float(one[what]) for one in taken[who, entries])

    def speeds(who: str) -> list[float]:
        return sorted(one["entries"] / one["cpu"] for one in taken[who, many])

    one, bare = speeds("1"), speeds("floor")
    turns = zip(taken["1", many], taken["floor", many], strict=True)
    figures = [
        Figure(
            NAME, f"entries verified a second of CPU, {many:,} entries", statistics.median(one),
            "/s", 50_000, note=f"runs {one[0]:,.0f} to {one[-1]:,.0f}",
        ),
        Figure(
            NAME, "the same against reading and hashing them bare",
            statistics.median(f["cpu"] / o["cpu"] for o, f in turns), "x",
            note=f"bare {bare[0]:,.0f} to {bare[-1]:,.0f} /s",
        ),
        Figure(
            NAME, "the same with two processes, a second of CPU", statistics.median(speeds("2")),
            "/s", note="CPU of all processes, their start included",
        ),
        Figure(
            NAME, "time with one process against two",
            median("1", many, "seconds") / median("2", many, "seconds"), "x",
            note=f"{median('1', many, 'seconds'):.1f} against "
            f"{median('2', many, 'seconds'):.1f} s",
        ),
    ]
    for workers, name in (("1", "one process"), ("2", "two processes, the largest")):
        small, large = median(workers, few, "peak"), median(workers, many, "peak")
        figures.append(
            Figure(
                NAME, f"peak memory with {many:,} entries against {few:,}, {name}",
                large / small, "x", 1.05, "less", f"{large / 1024:.1f} against "
                f"{small / 1024:.1f} MiB, {(large - small) * 1024 / (many - few):.1f} bytes an "
                "entry",
            )
        )
    return figures


if __name__ == "__main__":
    file, who = sys.argv[1:]
    print(json.dumps(floor(file) if who == "floor" else ours(file, who)))

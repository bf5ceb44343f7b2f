"""Whole lives and orders of many lines against the build before.

That build is unpacked by git into a folder that is removed; the two take turns, each in processes
of its own.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.figures import Figure

NAME = "before"
COMMIT = "e33e73579da2a7d244598df6f8820809f6d964cc"
"""The build before "Faster than the bare floor"."""

HERE = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("life.py")


def run(*, quick: bool = False) -> list[Figure]:
    """Measure on SQLite; in memory where the storage isn't what is asked about."""
    rounds = 1 if quick else 7
    with checked_out(COMMIT) as before:
        life = _duel("life", 3 if quick else 40, rounds, before)
        stocked = _duel("stocked", 3 if quick else 10, rounds, before)
        many = [_median("lines", 3 if quick else 20, HERE) for _ in range(rounds)]
        one = [_median("line", 3 if quick else 20, HERE) for _ in range(rounds)]
    ratio = [a / b for a, b in zip(many, one, strict=True)]
    return [
        _figure("whole lives of orders a second against the build before", life, 1.5),
        _figure("placing 60 lines with stock kept of each, against the build before", stocked, 3.0),
        Figure(
            NAME, "placing 60 lines without stock against one line", statistics.median(ratio), "x",
            2.0, "less",
            f"{statistics.median(many) * 1e3:.2f} and {statistics.median(one) * 1e3:.2f} ms; "
            f"rounds {min(ratio):.2f} to {max(ratio):.2f}",
        ),
    ]


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Yield a folder with the tree of ``commit``."""
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            ["git", "archive", commit], cwd=HERE, check=True, capture_output=True
        )
        subprocess.run(["tar", "-x", "-C", folder], input=packed.stdout, check=True)
        yield Path(folder)


def _duel(what: str, count: int, rounds: int, before: Path) -> list[tuple[float, float]]:
    pairs = []
    for turn in range(rounds):
        trees = (HERE, before) if turn % 2 else (before, HERE)
        taken = {tree: _median(what, count, tree) for tree in trees}
        pairs.append((taken[HERE], taken[before]))
    return pairs


def _median(what: str, count: int, tree: Path) -> float:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, str(SCRIPT), what, str(count), f"sqlite:///{folder}/mall.db"],
            env=os.environ | {"PYTHONPATH": f"{tree / 'src'}{os.pathsep}{tree}"},
            cwd=folder, check=True, capture_output=True, text=True,
        )
    taken: list[float] = json.loads(done.stdout)
    return statistics.median(taken)


def _figure(what: str, pairs: list[tuple[float, float]], target: float) -> Figure:
    ratios = [theirs / ours for ours, theirs in pairs]
    ours, theirs = (statistics.median(each) * 1e3 for each in zip(*pairs, strict=True))
    return Figure(
        NAME, what, statistics.median(ratios), "x", target,
        note=f"ours {ours:.2f} ms, before {theirs:.2f} ms; "
        f"rounds {min(ratios):.2f} to {max(ratios):.2f}",
    )

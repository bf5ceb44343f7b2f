"""What a benchmark yields, and how two contenders are timed side by side."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number, and what it should be.

    Args:
        benchmark: the benchmark it comes from.
        what: what was measured.
        value: the number.
        unit: ``x`` for a ratio, else a unit of measure.
        target: what it should reach; None if it only informs.
        better: whether more is better, or less.
        note: the numbers behind it.
    """

    benchmark: str
    what: str
    value: float
    unit: str
    target: float | None = None
    better: Literal["more", "less"] = "more"
    note: str = ""

    @property
    def passed(self) -> bool | None:
        """Whether the target is reached; None if there is none."""
        if self.target is None:
            return None
        return self.value >= self.target if self.better == "more" else self.value <= self.target

    @property
    def shown(self) -> tuple[str, str, str, str, str]:
        """The figure as a row of a table."""
        goal = "" if self.target is None else (
            f"{'≥' if self.better == 'more' else '≤'} {_number(self.target)} {self.unit}"
        )
        verdict = {True: "pass", False: "MISS", None: ""}[self.passed]
        return self.what, f"{_number(self.value)} {self.unit}", goal, verdict, self.note

    def as_json(self) -> dict[str, Any]:
        """Return the figure for a file."""
        return asdict(self) | {"passed": self.passed}


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


@dataclass(frozen=True, slots=True)
class Duel:
    """Two contenders timed in turns, in seconds a piece and round."""

    ours: Sequence[float]
    theirs: Sequence[float]

    @property
    def speed(self) -> float:
        """How fast we are against them: the median over the rounds of their time by ours."""
        return statistics.median(b / a for a, b in zip(self.ours, self.theirs, strict=True))

    def note(self, theirs: str) -> str:
        """Return the medians and the spread of the ratio in words."""
        ratios = sorted(b / a for a, b in zip(self.ours, self.theirs, strict=True))
        return (
            f"ours {statistics.median(self.ours) * 1e6:.0f} µs, "
            f"{theirs} {statistics.median(self.theirs) * 1e6:.0f} µs; "
            f"rounds {ratios[0]:.2f} to {ratios[-1]:.2f}"
        )


def duel(
    ours: Callable[[int], None], theirs: Callable[[int], None], *, rounds: int, size: int
) -> Duel:
    """Time both in turns, who begins changing with every round. One round before is thrown away.

    Args:
        ours: does the piece of work with the given number; no number comes twice.
        theirs: the same.
        rounds: how many rounds count.
        size: pieces of work a round.
    """
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds + 1):
        pieces = range(turn * size, (turn + 1) * size)
        for who in (0, 1) if turn % 2 else (1, 0):
            work = (ours, theirs)[who]
            gc.collect()
            start = time.perf_counter()
            for number in pieces:
                work(number)
            times[who].append((time.perf_counter() - start) / size)
    return Duel(times[0][1:], times[1][1:])

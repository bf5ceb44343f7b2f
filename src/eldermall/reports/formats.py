"""The usual ways to write a time, by which an export's own is found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from functools import cache

from eldermall.reports.times import Times

_DAYS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日", "%m/%d/%Y", "%d/%m/%Y",
    "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%b %d, %Y",
    "%d %b %Y", "%d-%b-%Y", "%b-%d-%y", "%d-%b-%y",
)
_TIMES = (
    " %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p", " %p%I:%M:%S",
    " %p%I:%M", "", " %H:%M:%S %z", " %H:%M:%S%z", " %H:%M %z", "T%H:%M:%S", "T%H:%M",
    ", %H:%M", ", %I:%M %p", "%H%M%S", " %H时%M分%S秒", " %H时%M分",
)
USUAL = (
    *(day + time for time in _TIMES for day in _DAYS if time != "%H%M%S" or day == "%Y%m%d"),
    "iso", "unix", "unix-ms",
)
"""The formats that are tried, the likelier first."""


@cache
def _readers() -> dict[str, Times]:
    return {written: Times(written, UTC) for written in USUAL}


def reading(cells: Sequence[str]) -> Iterator[str]:
    """Yield those of the usual formats that read every one of ``cells``.

    Where one reads all, a format that only says more than it is dropped; those that are left
    differ in what they make of the cells.
    """
    made: list[list[int]] = []
    for written, times in _readers().items():
        try:
            moments = [times.read(cell) for cell in cells if not times.is_never(cell)]
        except ValueError:
            continue
        if moments and moments not in made:
            made.append(moments)
            yield written

"""Local times as an export writes them, read into moments.

A local time that a change of the clocks makes occur twice is the earlier of the two; one that it
leaves out is counted as if the clocks had not yet changed.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

from eldermall.calendars import DAY, HOUR, MINUTE, SECOND
from eldermall.errors import Invalid
from eldermall.texts import Text

_DIRECTIVES = {
    "Y": "([0-9]{4})",
    "m": "(1[0-2]|0?[1-9])",
    "d": "(3[01]|[12][0-9]|0?[1-9])",
    "H": "(2[0-3]|[01]?[0-9])",
    "M": "([0-5]?[0-9])",
    "S": "([0-5]?[0-9])",
}
_DAYS_KEPT = 4096
_LAST = 2**53 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_pattern(written: object) -> tuple[re.Pattern[str], dict[str, int]]:
    """Return the pattern of times in the format ``written``, and each directive's group in it.

    Raises:
        Invalid: it lacks a directive, has one twice, or has one that isn't known.
    """
    wrong = Invalid(
        "time_format", written,
        Text(
            "须含 %Y %m %d %H %M 各一次，可含 %S，例如 %m/%d/%Y %H:%M",
            "must hold %Y %m %d %H %M once each, and may hold %S: %m/%d/%Y %H:%M",
        ),
    )
    if not isinstance(written, str):
        raise wrong
    groups: dict[str, int] = {}
    pattern, rest = "", iter(written)
    for sign in rest:
        if sign != "%":
            pattern += re.escape(sign)
            continue
        directive = next(rest, "")
        if directive == "%":
            pattern += "%"
        elif directive not in _DIRECTIVES or directive in groups:
            raise wrong
        else:
            groups[directive] = len(groups) + 1
            pattern += _DIRECTIVES[directive]
    if not groups.keys() >= {"Y", "m", "d", "H", "M"}:
        raise wrong
    return re.compile(pattern), groups


class Times:
    """Reads local times of one format and zone into moments.

    Args:
        written: the format.
        zone: the zone.
    """

    def __init__(self, written: str, zone: tzinfo) -> None:
        pattern, groups = time_pattern(written)
        self._match = pattern.fullmatch
        self._order = tuple(groups[sign] - 1 for sign in "YmdHM")
        self._second = groups["S"] - 1 if "S" in groups else None
        self._zone = zone
        self._days: dict[tuple[str, ...], tuple[int, bool]] = {}
        self.example = _example(written)

    def read(self, cell: str) -> int:
        """Return the moment of ``cell``.

        Raises:
            ValueError: it isn't of the format, there is no such day, or it isn't from 1970 to 2255.
        """
        match = self._match(cell)
        if match is None:
            raise ValueError(cell)
        found = match.groups()
        y, m, d, h, minute_ = self._order
        date = found[y], found[m], found[d]
        day = self._days.get(date)
        if day is None:
            day = self._day(date)
        base, even = day
        time = int(found[h]) * HOUR + int(found[minute_]) * MINUTE
        if self._second is not None:
            time += int(found[self._second]) * SECOND
        if even:
            return base + time
        hour, minute, second = time // HOUR, time % HOUR // MINUTE, time % MINUTE // SECOND
        return _since_epoch(
            datetime(
                int(date[0]), int(date[1]), int(date[2]), hour, minute, second, tzinfo=self._zone
            )
        )

    def _day(self, date: tuple[str, ...]) -> tuple[int, bool]:
        # the moment at which the day begins, and whether the zone's offset is the same all day
        year, month, day = map(int, date)
        start = datetime(year, month, day, tzinfo=self._zone)
        end = datetime(year, month, day, 23, 59, 59, tzinfo=self._zone)
        base = _since_epoch(start)
        if not 0 <= base <= _LAST - 2 * DAY:
            raise ValueError(date)
        if len(self._days) >= _DAYS_KEPT:
            self._days.clear()
        # offsets are compared every hour, for zones whose clocks go back and forth in a day
        offsets = {start.replace(hour=hour).utcoffset() for hour in range(24)}
        found = base, len(offsets | {end.utcoffset()}) == 1
        self._days[date] = found
        return found


def _since_epoch(local: datetime) -> int:
    gone = local - _EPOCH
    return gone.days * DAY + gone.seconds * SECOND


def _example(written: str) -> str:
    return re.sub(
        "%(.)",
        lambda m: {"Y": "2026", "m": "10", "d": "2", "H": "9", "M": "05", "S": "30"}.get(m[1], "%"),
        written,
    )

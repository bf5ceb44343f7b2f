"""Times as an export writes them, read into moments.

A local time that a change of the clocks makes occur twice is the earlier of the two; one that it
leaves out is counted as if the clocks had not yet changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo

from eldermall.calendars import DAY, HOUR, MINUTE, SECOND, even_day
from eldermall.errors import Invalid
from eldermall.texts import Text

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = "(" + "|".join(MONTHS) + ")[a-z]*"
_OFFSET = "(Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)"
_DIRECTIVES = {
    "Y": "([0-9]{4})",
    "y": "([0-9]{2})",
    "m": "(1[0-2]|0?[1-9])",
    "b": _MONTH,
    "B": _MONTH,
    "d": "(3[01]|[12][0-9]|0?[1-9])",
    "H": "(2[0-3]|[01]?[0-9])",
    "I": "(1[0-2]|0?[1-9])",
    "M": "([0-5]?[0-9])",
    "S": "([0-5]?[0-9])",
    "f": "([0-9]{1,9})",
    "p": "([ap]m|上午|下午)",
    "z": _OFFSET,
}
_EXAMPLE = {
    "Y": "2026", "y": "26", "m": "10", "b": "Oct", "B": "October", "d": "2", "H": "9", "I": "9",
    "M": "05", "S": "30", "f": "250", "p": "AM", "z": "+08:00", "%": "%",
}
_ISO = (
    "([0-9]{4})-(1[0-2]|0?[1-9])-(3[01]|[12][0-9]|0?[1-9])[T ](2[0-3]|[01]?[0-9]):([0-5][0-9])"
    "(?::([0-5][0-9])(?:[.,]([0-9]{1,9}))?)? ?" + _OFFSET + "?"
)
_UNITS = {"unix": SECOND, "unix-ms": SECOND // 1000}
NAMED = ("iso", *_UNITS)
"""The formats that have a name: ISO 8601, and seconds or milliseconds since 1970."""

_LITERAL_ZONE = re.compile(r"(?:%[HMSfp]) ?(Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})$")
_ZEROS = re.compile(r"[0:/. TZ+-]*0[0:/. TZ+-]*")
_DAYS_KEPT = 4096
FIRST, LAST = 2 * DAY, 2**53 - 1 - 2 * DAY
"""The first and the last moment that a time may be."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = frozenset({
    (1, 1, 1), (1753, 1, 1), (1899, 12, 30), (1899, 12, 31), (1900, 1, 1),
    (1969, 12, 31), (1970, 1, 1), (9999, 12, 31),
})


def time_pattern(written: object) -> tuple[re.Pattern[str], Mapping[str, int]]:
    """Return the pattern of times in the format ``written``, and each directive's group in it.

    Raises:
        Invalid: it lacks a directive, has one twice, or has one that isn't known.
    """
    wrong = Invalid(
        "time_format", written,
        Text(
            "须为 iso、unix、unix-ms，或含 %Y（%y）%m（%b）%d 各一次，时刻写 %H %M 或 %I %M %p，"
            "可另含 %S %f %z，例如 %m/%d/%Y %H:%M",
            "must be iso, unix or unix-ms, or hold %Y (or %y), %m (or %b) and %d once each, the "
            "time of day as %H %M or %I %M %p, and may hold %S, %f and %z: %m/%d/%Y %H:%M",
        ),
    )
    if written == "iso":
        return re.compile(_ISO, re.IGNORECASE), {s: n for n, s in enumerate("YmdHMSfz", 1)}
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
    if not _whole(frozenset(groups)):
        raise wrong
    return re.compile(pattern, re.IGNORECASE), groups


def _whole(said: frozenset[str]) -> bool:
    day = len(said & {"Y", "y"}) == 1 and len(said & {"m", "b", "B"}) == 1 and "d" in said
    hours = said & {"H", "I", "M", "S", "f", "p", "z"}
    timed = "M" in said and ("I" in said) == ("p" in said) and len(said & {"H", "I"}) == 1
    return day and (not hours or (timed and ("f" not in said or "S" in said)))


def check_literal_zone(written: str, zone: tzinfo) -> None:
    """Check that a zone which the format spells out is one that ``zone`` has.

    Raises:
        Invalid: ``zone`` never has that offset.
    """
    found = _LITERAL_ZONE.search(written)
    if found is None or written in NAMED:
        return
    said = _offset(found[1])
    had = {
        datetime(year, month, 1, tzinfo=zone).utcoffset()
        for year in range(2000, 2038) for month in (1, 7)
    }
    if said not in had:
        raise Invalid(
            "time_format", written,
            Text(
                f"写明 {found[1]}，与 zone 不符：可改写 %z，由每个时间自己说明；"
                "或改 zone，并以 day_zone 指明按哪个时区计日",
                f"says {found[1]}, which zone never has: write %z instead, so that each time says "
                "its own, or change zone and say in day_zone where days are counted",
            ),
        )


def _offset(said: str) -> timedelta:
    if said[0] not in "+-":
        return timedelta(0)
    digits = said[1:].replace(":", "").ljust(4, "0")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return size if said[0] == "+" else -size


class Times:
    """Reads times of one format and zone into moments.

    Args:
        written: the format.
        zone: in which times are that don't say their own.

    ``example`` is a time as it would be right; ``days_only`` says that there is no time of day.
    """

    def __init__(self, written: str, zone: tzinfo) -> None:
        self._zone = zone
        self._unit = _UNITS.get(written, 0)
        self._days: dict[tuple[str, str, str], tuple[int, bool]] = {}
        self.example = _example(written)
        self.days_only = False
        if self._unit:
            return
        pattern, groups = time_pattern(written)
        self._match = pattern.fullmatch
        year, month = ("y" if "y" in groups else "Y"), next(s for s in "mbB" if s in groups)
        self._date = tuple(groups[sign] - 1 for sign in (year, month, "d"))
        self._time = tuple(groups[sign] - 1 for sign in ("H" if "H" in groups else "I", "M")
                           if sign in groups)
        self.days_only = not self._time
        self._rest = {s: groups[s] - 1 for s in "Sfpz" if s in groups}

    def read(self, cell: str) -> int:
        """Return the moment of ``cell``.

        Raises:
            ValueError: it isn't of the format, there is no such day, or it isn't from 1970 to 2255.
        """
        if self._unit:
            return self._since_1970(cell)
        match = self._match(cell)
        if match is None:
            raise ValueError(cell)
        found = match.groups()
        y, m, d = self._date
        date = found[y], found[m], found[d]
        offset = None
        if self._rest:
            time, offset = self._of_day(found)
        elif self._time:
            h, minute = self._time
            time = int(found[h]) * HOUR + int(found[minute]) * MINUTE
        else:
            time = 0
        if offset is not None:
            day = datetime(*_numbers(date), tzinfo=UTC)
            return _bounded(_since_epoch(day) + time - _us(_offset(offset)))
        known = self._days.get(date)
        if known is None:
            known = self._day(date)
        base, even = known
        return base + time if even else _since_epoch(self._local(_numbers(date), time))

    def _of_day(self, found: tuple[str, ...]) -> tuple[int, str | None]:
        # the time since midnight, and the offset that the cell says
        h, minute = self._time
        time = int(found[h]) * HOUR + int(found[minute]) * MINUTE
        rest = self._rest
        if "S" in rest and found[rest["S"]]:
            time += int(found[rest["S"]]) * SECOND
        if "f" in rest and found[rest["f"]]:
            time += int(found[rest["f"]][:6].ljust(6, "0"))
        if "p" in rest:
            time = time % (12 * HOUR)
            time += 12 * HOUR if found[rest["p"]].lower() in ("pm", "下午") else 0
        return time, found[rest["z"]] if "z" in rest else None

    def of(self, when: datetime) -> int:
        """Return the moment of a time that the file holds as such, in the zone if it says none.

        Raises:
            ValueError: it isn't from 1970 to 2255.
        """
        return _bounded(_since_epoch(when if when.tzinfo else when.replace(tzinfo=self._zone)))

    def local(self, when: datetime) -> int:
        """Return the moment of a local time, read as `read` reads it.

        Raises:
            ValueError: it isn't from 1970 to 2255.
        """
        self.day(when.year, when.month, when.day)
        return _since_epoch(when.replace(tzinfo=self._zone))

    def is_never(self, cell: str | datetime) -> bool:
        """Say whether ``cell`` can only mean that something never happened.

        So does a date before there were shops on the net, or at the end of the calendar, at which
        programs begin or end to count; and one all of zeros.
        """
        if isinstance(cell, datetime):
            return (cell.year, cell.month, cell.day) in _NEVER
        if _ZEROS.fullmatch(cell):
            return True
        match = None if self._unit else self._match(cell)
        if match is None:
            return False
        found = match.groups()
        y, m, d = self._date
        return _numbers((found[y], found[m], found[d])) in _NEVER

    def _since_1970(self, cell: str) -> int:
        if not cell.isascii() or not cell.isdecimal() or len(cell) > 16:
            raise ValueError(cell)
        return _bounded(int(cell) * self._unit)

    def _local(self, date: tuple[int, int, int], time: int) -> datetime:
        hour, minute, rest = time // HOUR, time % HOUR // MINUTE, time % MINUTE
        return datetime(
            *date, hour, minute, rest // SECOND, rest % SECOND, tzinfo=self._zone
        )

    def day(self, year: int, month: int, day: int) -> tuple[int, bool]:
        """Return the moment at which a day begins, and whether the zone's offset is one all day.

        Raises:
            ValueError: there is no such day, or it isn't from 1970 to 2255.
        """
        begins, even = even_day(date(year, month, day), self._zone)
        return _bounded(begins), even

    def _day(self, said: tuple[str, str, str]) -> tuple[int, bool]:
        found = self.day(*_numbers(said))
        if len(self._days) >= _DAYS_KEPT:
            self._days.clear()
        self._days[said] = found
        return found


def _numbers(date: tuple[str, str, str]) -> tuple[int, int, int]:
    year, month, day = date
    number = int(year)
    if len(year) == 2:
        number += 1900 if number > 68 else 2000
    return number, int(month) if month.isdecimal() else MONTHS.index(month.lower()) + 1, int(day)


def _bounded(us: int) -> int:
    if not FIRST <= us <= LAST:
        raise ValueError(us)
    return us


def _us(length: timedelta) -> int:
    return length.days * DAY + length.seconds * SECOND + length.microseconds


def _since_epoch(local: datetime) -> int:
    return _us(local - _EPOCH)


def _example(written: str) -> str:
    if written == "iso":
        return "2026-10-02T09:05:30+08:00"
    if written in _UNITS:
        return str(1790903130 * SECOND // _UNITS[written])
    return re.sub("%(.)", lambda m: _EXAMPLE[m[1]], written)

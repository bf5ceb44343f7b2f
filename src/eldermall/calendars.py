"""Time as the engine counts it: whole microseconds since 1970 UTC, durations, and due moments.

A moment is an ``int``. The largest moment that an entry may hold is 2**53 - 1, in the year 2255.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from eldermall.errors import Invalid
from eldermall.texts import Text

Counting = Literal["hours", "calendar-days", "working-days"]

Day = Literal["workday", "rest"]
RestDays = Callable[[date], Day | None]
"""Says whether people work on a day; None if that isn't known."""

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LAST = 2**53 - 1
_DURATION = re.compile(r"([1-9][0-9]{0,5})(min|h|d)")
_UNITS = {"min": MINUTE, "h": HOUR, "d": DAY}


def microseconds(when: datetime, where: str = "at") -> int:
    """Return the moment of an aware ``when``.

    Args:
        when: a datetime with a time zone.
        where: what the time is for, named in the error.

    Raises:
        Invalid: ``when`` is no datetime, has no time zone, or lies outside 1970 to 2255.
    """
    if not isinstance(when, datetime):
        raise Invalid(where, when, Text("须为带时区的 datetime", "must be a datetime with a zone"))
    if when.tzinfo is None or when.utcoffset() is None:
        raise Invalid(
            where,
            when,
            Text(
                "时间缺少时区，例如应写 datetime.now(UTC)",
                "the time has no zone; write for example datetime.now(UTC)",
            ),
        )
    moment_ = (when - _EPOCH) // _MICROSECOND
    if not 0 <= moment_ <= _LAST:
        raise Invalid(where, when, Text("须在 1970 至 2255 年之间", "must lie from 1970 to 2255"))
    return moment_


def moment(us: int, zone: tzinfo = UTC) -> datetime:
    """Return the datetime of a moment ``us`` (microseconds since 1970 UTC) in ``zone``."""
    return (_EPOCH + us * _MICROSECOND).astimezone(zone)


def zone_named(name: str, where: str = "zone") -> ZoneInfo:
    """Return the IANA time zone ``name``.

    Raises:
        Invalid: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(
            where,
            name,
            Text(
                "没有这个时区，应为 IANA 名称，例如 Asia/Shanghai",
                "no such time zone; use an IANA name such as Asia/Shanghai",
            ),
        ) from None


def parse_duration(text: str, where: str = "duration") -> int:
    """Return the microseconds of ``text``: a whole number and ``min``, ``h`` or ``d``.

    A day is 24 hours. ``"90min"``, ``"72h"`` and ``"3d"`` are durations.

    Raises:
        Invalid: ``text`` is none.
    """
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise Invalid(
            where,
            text,
            Text(
                "时长应写作正整数加 min、h 或 d，例如 90min、72h、3d",
                "a duration is a positive whole number and min, h or d: 90min, 72h, 3d",
            ),
        )
    return int(match[1]) * _UNITS[match[2]]


def format_duration(us: int) -> str:
    """Return ``us`` as a duration that `parse_duration` reads, in the largest unit that fits."""
    for unit, size in (("d", DAY), ("h", HOUR)):
        if us >= size and us % size == 0:
            return f"{us // size}{unit}"
    return f"{us // MINUTE}min"


def unknown(day: date) -> Day | None:
    """Return None: nothing is known of any day."""
    return None


def due(
    start: int, limit: int, counting: Counting, zone: tzinfo, rest_days: RestDays = unknown
) -> int:
    """Return the last moment that is still in time.

    Args:
        start: when the limit began to run.
        limit: its length in microseconds.
        counting: ``"hours"`` counts the length as it is; ``"calendar-days"`` runs to the end of
            the n-th day after the day of the start, in ``zone``, n being whole days of ``limit``;
            ``"working-days"`` to the end of the n-th working day after it.
        zone: where days begin and end.
        rest_days: which days people work; one of which nothing is known is taken by its weekday.
    """
    if counting == "hours":
        return start + limit
    last, left = moment(start, zone).date(), limit // DAY
    if counting == "calendar-days":
        last += timedelta(days=left)
    while counting == "working-days" and left > 0:
        last += timedelta(days=1)
        left -= (rest_days(last) or _by_weekday(last)) == "workday"
    midnight = datetime.combine(last + timedelta(days=1), time(), tzinfo=zone)
    return (midnight - _EPOCH) // _MICROSECOND - 1


@lru_cache(maxsize=2**14)
def even_day(day: date, zone: tzinfo) -> tuple[int, bool]:
    """Return the moment at which a day begins in ``zone``, and whether its offset is one all day.

    Raises:
        ValueError: it is the last of all days.
    """
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    # offsets are compared every hour, for zones whose clocks go back and forth in a day
    offsets = {start.replace(hour=hour).utcoffset() for hour in range(24)}
    if day == date.max:
        raise ValueError(day)
    following = day + timedelta(days=1)
    end = datetime(following.year, following.month, following.day, tzinfo=zone)
    begins, ends = start - _EPOCH, end - _EPOCH
    return begins // _MICROSECOND, len(offsets) == 1 and ends - begins == timedelta(days=1)


def provisional(
    start: int, last: int, counting: Counting, zone: tzinfo, rest_days: RestDays
) -> bool:
    """Say whether a due moment rests on days of which nothing is known.

    Args:
        start: when the limit began to run.
        last: the due moment that `due` gave.
        counting: as of `due`.
        zone: as of `due`.
        rest_days: as of `due`.
    """
    if counting != "working-days":
        return False
    first = moment(start, zone).date()
    days = range(1, (moment(last, zone).date() - first).days + 1)
    return any(rest_days(first + timedelta(days=n)) is None for n in days)


def _by_weekday(day: date) -> Day:
    return "workday" if day.weekday() < 5 else "rest"

"""Settings as they stand in a policy, durations, and calendars."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Invalid, moment
from eldermall.calendars import (
    DAY,
    HOUR,
    MINUTE,
    due,
    format_duration,
    microseconds,
    parse_duration,
    zone_named,
)
from eldermall.engine.settings import Setting, counting_of
from tests.engine.test_rulebook import WORDS

SHANGHAI = zone_named("Asia/Shanghai")


def setting(type: Any, **more: Any) -> Setting:
    return Setting("job.x", WORDS, "S19-14", type, **more)


@pytest.mark.parametrize(
    ("declared", "raw", "value"),
    [
        (setting("duration"), "90min", 90 * MINUTE),
        (setting("duration", article="3d", stricter="lower"), "71h", 71 * HOUR),
        (setting("duration", article="3d", stricter="lower"), "3d", 72 * HOUR),
        (setting("duration", article="15d", stricter="higher"), "15d", 15 * DAY),
        (setting("duration", article="15d", stricter="higher"), "20d", 20 * DAY),
        (setting("count"), 3, 3),
        (setting("count", article=5, stricter="lower"), 4, 4),
        (setting("choice", choices=("a", "b")), "b", "b"),
        (setting("names", article=("a",), stricter="more"), ["b", "a"], ("b", "a")),
    ],
)
def test_a_value_that_is_right_and_strict_enough_is_taken(
    declared: Setting, raw: Any, value: Any
) -> None:
    assert declared.parse(raw, "x") == value


@pytest.mark.parametrize(
    ("declared", "raw"),
    [
        (setting("duration", article="3d", stricter="lower"), "73h"),
        (setting("duration", article="15d", stricter="higher"), "14d"),
        (setting("count", article=5, stricter="lower"), 6),
        (setting("names", article=("a", "b"), stricter="more"), ["a"]),
    ],
)
def test_a_laxer_value_than_the_article_s_is_refused_and_names_the_clause(
    declared: Setting, raw: Any
) -> None:
    with pytest.raises(Invalid, match=r"S19-14 says .*; only a stricter value is taken") as wrong:
        declared.parse(raw, "x")
    assert "只能更严" in wrong.value.text.zh


def test_what_holds_if_the_policy_is_silent() -> None:
    assert setting("duration", article="3d", stricter="lower").default == "3d"
    assert setting("choice", choices=("strict", "lax")).default == "strict"
    assert setting("duration", suggestion="1h").default is None


@given(number=st.integers(1, 999_999), unit=st.sampled_from(["min", "h", "d"]))
def test_a_duration_is_a_number_and_a_unit_and_prints_as_one(number: int, unit: str) -> None:
    value = parse_duration(f"{number}{unit}")
    assert value == number * {"min": MINUTE, "h": HOUR, "d": DAY}[unit]
    assert value % MINUTE == 0
    if value < 10**6 * MINUTE:
        assert parse_duration(format_duration(value)) == value


def test_durations_print_in_the_largest_unit_that_fits() -> None:
    assert [format_duration(us) for us in (3 * DAY, 36 * HOUR, 90 * MINUTE)] == [
        "3d", "36h", "90min"
    ]


@given(st.datetimes(datetime(1970, 1, 1), datetime(2255, 1, 1), timezones=st.just(UTC)))
def test_a_moment_comes_back_to_the_microsecond(when: datetime) -> None:
    assert moment(microseconds(when)) == when
    assert moment(microseconds(when), SHANGHAI) == when


@given(
    when=st.datetimes(
        datetime(1995, 1, 1), datetime(2100, 1, 1), timezones=st.just(SHANGHAI)
    ),
    days=st.integers(1, 30),
)
def test_calendar_days_end_at_midnight_and_are_never_shorter_than_the_hours(
    when: datetime, days: int
) -> None:
    start = microseconds(when)
    last = due(start, days * DAY, "calendar-days", SHANGHAI)
    after = moment(last + 1, SHANGHAI)
    assert (after.hour, after.minute, after.second, after.microsecond) == (0, 0, 0, 0)
    assert after.date() == when.date() + timedelta(days=days + 1)
    assert start + days * DAY <= last < start + (days + 1) * DAY
    assert due(start, days * DAY, "hours", SHANGHAI) == start + days * DAY


def test_a_day_with_a_changed_clock_still_ends_at_its_midnight() -> None:
    berlin = zone_named("Europe/Berlin")
    start = microseconds(datetime(2026, 3, 28, 12, tzinfo=berlin))
    assert due(start, DAY, "calendar-days", berlin) == (
        microseconds(datetime(2026, 3, 30, tzinfo=berlin)) - 1
    )


def test_the_readings_of_days() -> None:
    assert [counting_of(v) for v in ("hours", "calendar-days")] == ["hours", "calendar-days"]


@pytest.mark.parametrize("name", ["", "Nowhere/City", "../etc/passwd", "/etc/passwd", "a\0b"])
def test_there_is_no_such_zone(name: str) -> None:
    with pytest.raises(Invalid, match="no such time zone"):
        zone_named(name)

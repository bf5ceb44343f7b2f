"""Counting working days: what the calendar knows, what it doesn't, and clocks of a host's own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eldermall import PolicyError, Text, hookimpl
from eldermall.adapters.calendar import chinese
from eldermall.calendars import DAY, Day, due, microseconds, moment, provisional, unknown
from eldermall.engine.clock import Clock
from eldermall.engine.settings import Setting
from eldermall.mall import rulebook
from tests import shop

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAYS = st.dates(date(2004, 1, 1), date(2026, 11, 30))
WORDS = Text("三个工作日内回访", "called within three working days")


def at(day: date, hour: int = 9) -> int:
    return microseconds(datetime.combine(day, time(hour), tzinfo=SHANGHAI))


def last_day(start: date, days: int, rest_days: object = unknown) -> date:
    found = due(at(start), days * DAY, "working-days", SHANGHAI, rest_days)  # type: ignore[arg-type]
    last = moment(found, SHANGHAI)
    assert last.time() == time(23, 59, 59, 999999), "it runs to the end of a day"
    return last.date()


# The calendar of the mainland


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-01-04", "workday"), ("2026-02-14", "workday"), ("2026-02-16", "rest"),
        ("2026-02-23", "rest"), ("2026-02-28", "workday"), ("2026-09-20", "workday"),
        ("2026-10-07", "rest"), ("2026-10-10", "workday"), ("2026-03-02", "workday"),
        ("2026-03-07", "rest"), ("2025-10-11", "workday"), ("2027-02-08", None),
    ],
)
def test_the_calendar_knows_rest_days_and_make_up_workdays_and_says_what_it_does_not_know(
    day: str, expected: Day | None
) -> None:
    assert chinese.eldermall_rest_days(date.fromisoformat(day)) == expected


@pytest.mark.parametrize(
    ("start", "days", "last"),
    [
        ("2026-03-02", 3, "2026-03-05"),  # Monday to Thursday
        ("2026-03-06", 1, "2026-03-09"),  # over a weekend
        ("2026-02-13", 1, "2026-02-14"),  # the Saturday is made up for
        ("2026-02-14", 1, "2026-02-24"),  # over the Spring Festival
        ("2026-09-30", 2, "2026-10-09"),  # over the National Day
        ("2026-10-09", 1, "2026-10-10"),
    ],
)
def test_working_days_are_counted_by_the_calendar(start: str, days: int, last: str) -> None:
    found = last_day(date.fromisoformat(start), days, chinese.eldermall_rest_days)
    assert found == date.fromisoformat(last)


# Counting


@given(start=DAYS, days=st.integers(1, 30))
@settings(max_examples=200)
def test_as_many_working_days_pass_as_the_limit_says(start: date, days: int) -> None:
    last = last_day(start, days, chinese.eldermall_rest_days)
    passed = [start + timedelta(days=n + 1) for n in range((last - start).days)]
    assert [chinese.eldermall_rest_days(day) for day in passed].count("workday") == days
    assert chinese.eldermall_rest_days(last) == "workday"


@given(start=DAYS, days=st.integers(1, 30), known=st.sets(DAYS))
@settings(max_examples=50)
def test_a_day_of_which_nothing_is_known_is_taken_by_its_weekday(
    start: date, days: int, known: set[date]
) -> None:
    by_weekday = last_day(
        start, days, lambda day: "workday" if day.weekday() < 5 else "rest"
    )
    assert last_day(start, days) == by_weekday
    end = at(by_weekday, 23)
    assert provisional(at(start), end, "working-days", SHANGHAI, unknown)
    assert not provisional(at(start), end, "calendar-days", SHANGHAI, unknown)
    assert not provisional(at(start), end, "working-days", SHANGHAI, lambda day: "workday")


def test_one_unknown_day_among_the_counted_ones_makes_it_provisional() -> None:
    start, last = date(2026, 12, 30), date(2027, 1, 4)
    calendar = chinese.eldermall_rest_days
    assert not provisional(at(start), at(date(2026, 12, 31)), "working-days", SHANGHAI, calendar)
    assert provisional(at(start), at(last), "working-days", SHANGHAI, calendar)


def test_a_calendar_without_workdays_is_an_error_and_no_endless_loop() -> None:
    with pytest.raises(OverflowError):
        last_day(date(2026, 1, 1), 1, lambda day: "rest")


# A host's own clock

LIMIT = Setting("house.limit", WORDS, "S19-14", "duration", suggestion="3d")
COUNTING = Setting(
    "house.counting", WORDS, "S19-14", "choice", choices=("working-days", "calendar-days")
)
CALLED = Clock(
    id="house.called", label=WORDS, clauses=("S19-14",), kind="order",
    runs=lambda order: {"": order.created_at}, met=lambda order, part: False,
    limit=LIMIT, counting=COUNTING, told=("operations",),
    starts=Text("下单时", "when it is placed"), stops=Text("不停止", "never"),
)


class House:
    """A plugin with a clock that counts working days, and the days that it knows."""

    def __init__(self, *rest: date, year: int = 2027) -> None:
        self.rest = rest
        self.year = year

    @hookimpl
    def eldermall_rules(self) -> Iterable[Clock]:
        return [CALLED]

    @hookimpl
    def eldermall_rest_days(self, day: date) -> Day | None:
        if day.year != self.year:
            return None
        return "rest" if day in self.rest or day.weekday() > 4 else "workday"


def policy(limit: str = "3d") -> dict[str, object]:
    given = shop.policy()
    given["settings"]["house.limit"] = {
        "value": limit, "author": "test", "date": "2026-01-01", "clause": "S19-14",
    }
    return given


def test_a_clock_of_a_host_counts_working_days_by_the_calendar_that_is_installed() -> None:
    now = shop.Time(datetime(2026, 9, 30, 9, tzinfo=SHANGHAI))
    with shop.open_mall(time=now, policy=policy(), plugins=[House(), chinese]) as mall:
        shop.staff(mall)
        shop.place(mall)
        row = shop.clocks(mall, "house.called")[""]
        assert (row.counting, moment(row.due, SHANGHAI).date()) == (
            "working-days", date(2026, 10, 10)
        )
        (entry,) = mall.journal("order", "A1")
        (started,) = [c for c in entry["clocks"] if c["clock"] == "house.called@1"]
        assert "provisional" not in started


def test_a_due_moment_in_a_year_that_nobody_knows_is_provisional_and_moves_once_it_is_known(
    url: str,
) -> None:
    now = shop.Time(datetime(2026, 12, 30, 9, tzinfo=SHANGHAI))
    given: dict[str, Any] = {"time": now, "policy": policy()}
    with shop.open_mall(url, plugins=[House(year=2026), chinese], **given) as mall:
        shop.staff(mall)
        shop.place(mall)
        assert moment(shop.clocks(mall, "house.called")[""].due, SHANGHAI).date() == date(
            2027, 1, 4
        )
        (started,) = [
            c for c in mall.journal("order", "A1")[0]["clocks"] if c["clock"] == "house.called@1"
        ]
        assert (started["did"], started["provisional"]) == ("started", True)
        if url == "memory:":
            return
    with shop.open_mall(url, plugins=[House(date(2027, 1, 1)), chinese], **given) as mall:
        shop.pay(mall)
        assert moment(shop.clocks(mall, "house.called")[""].due, SHANGHAI).date() == date(
            2027, 1, 5
        )
        (moved,) = [
            c for c in mall.journal("order", "A1")[-1]["clocks"] if c["clock"] == "house.called@1"
        ]
        assert moved["did"] == "moved"
        assert "provisional" not in moved
        assert mall.verify().passed


def test_a_limit_in_working_days_is_whole_days() -> None:
    with pytest.raises(
        PolicyError, match=r"house\.limit = '36h' .* whole days when working days are counted"
    ):
        shop.open_mall(policy=policy("36h"), plugins=[House()])


def test_no_shipped_limit_is_made_laxer_by_working_days() -> None:
    choices = {
        choice for setting in rulebook().settings.values() for choice in setting.choices
    }
    assert "working-days" not in choices

"""Clocks: derived from the record; what a move starts, moves, meets, stops and annuls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eldermall.calendars import DAY, HOUR, zone_named
from eldermall.contracts.storage import ClockRow
from eldermall.engine.clock import Clock, ClockChange, Rung, changes
from eldermall.engine.kind import Record
from eldermall.engine.settings import Setting, Settings
from tests.engine.test_rulebook import LIMIT, WORDS, clock

START = 1000 * DAY
WARN = Setting("job.warn", WORDS, "S19-14", "duration", suggestion="10min")
HEAD = Setting("job.head", WORDS, "S19-14", "duration", suggestion="1d")
COUNTING = Setting("job.counting", WORDS, "S19-14", "choice", choices=("hours", "calendar-days"))
VALUES = {"job.limit": 2 * HOUR, "job.warn": HOUR // 2, "job.head": DAY, "job.counting": "hours"}
THEN = Settings("then", VALUES)
NOW = Settings("now", {**VALUES, "job.limit": HOUR})


class Parts(Record):
    """A record of which each part waits since a moment of its own."""

    SCHEMA: ClassVar[int] = 1

    waits: Mapping[str, int]
    done: tuple[str, ...] = ()
    agreed: int | None = None


def parts(done: tuple[str, ...] = (), agreed: int | None = None, **waits: int) -> Parts:
    return Parts.model_construct(
        id="P", version=1, pack="then", created_at=START, waits=waits, done=done, agreed=agreed
    )


def watching(**more: Any) -> Clock:
    given_: dict[str, Any] = {
        "runs": lambda r: r.waits, "met": lambda r, part: part in r.done, "warn": WARN,
        "adjust": lambda r, part, due: due if r.agreed is None else r.agreed,
    }
    return clock(**given_ | more)


def go(
    clock: Clock, record: Parts, rows: list[ClockRow] | None = None, at: int = START
) -> list[ClockChange]:
    return list(changes([clock], record, "job/P", rows or [], at, NOW, THEN))


def running(part: str = "a", started: int = START, **more: Any) -> ClockRow:
    row = go(watching(), parts((), **{part: started}))[0].row
    return replace(row, **more)


def test_a_part_that_waits_starts_a_clock_under_the_policy_of_the_submission() -> None:
    (change,) = go(watching(), parts(a=START))
    row = change.row
    assert change.did == "started"
    assert (row.subject, row.name, row.part, row.state) == (
        "job/P", "job.in-time@1", "a", "running"
    )
    assert (row.started, row.limit, row.due) == (START, 2 * HOUR, START + 2 * HOUR)
    assert (row.pack, row.counting, row.stage, row.stopped) == ("then", "hours", 0, None)
    assert row.next == row.due - HOUR // 2


def test_a_clock_that_binds_now_takes_the_limit_in_force() -> None:
    (change,) = go(watching(binds="now"), parts(a=START))
    assert (change.row.limit, change.row.pack) == (HOUR, "now")


def test_a_clock_that_runs_and_is_wanted_stays_as_it_is() -> None:
    assert go(watching(), parts(a=START), [running()]) == []
    assert go(watching(adjust=None), parts(a=START), [running()]) == []


def test_another_start_is_another_clock() -> None:
    did = go(watching(), parts(a=START + 1), [running()], START + 1)
    assert [change.did for change in did] == ["stopped", "started"]
    assert did[1].row.started == START + 1


@example(at=START + 2 * HOUR, breached=False, done=True)
@example(at=START + 2 * HOUR + 1, breached=True, done=True)
@given(
    at=st.integers(START, START + 4 * HOUR), breached=st.booleans(), done=st.booleans()
)
def test_a_clock_ends_by_whether_it_was_in_time_and_whether_it_was_done(
    at: int, breached: bool, done: bool
) -> None:
    row = running(state="breached" if breached else "running")
    (change,) = go(watching(), parts(done=("a",) if done else ()), [row], at)
    in_time = "annulled" if breached else "met" if done else "stopped"
    expected = ("late" if done else "lapsed") if at > row.due else in_time
    assert change.did == change.row.state == expected
    assert (change.row.stopped, change.row.next) == (at, None)


def test_one_part_ends_and_the_others_run_on() -> None:
    rows = [running("a"), running("b")]
    (change,) = go(watching(), parts(done=("b",), a=START), rows)
    assert (change.row.part, change.did) == ("b", "met")


def test_another_clock_s_rows_are_left_alone() -> None:
    assert go(watching(), parts(), [running(name="job.other@1")]) == []


def test_an_adjusted_due_moment_moves_a_running_clock_and_its_warning() -> None:
    row = running(stage=1)
    (change,) = go(watching(), parts(agreed=START + 9 * HOUR, a=START), [row])
    assert change.did == "moved"
    assert (change.row.due, change.row.stage) == (START + 9 * HOUR, 0)
    assert change.row.next == START + 9 * HOUR - HOUR // 2


def test_a_breached_clock_is_not_moved() -> None:
    row = running(state="breached")
    assert go(watching(), parts(agreed=START + 9 * HOUR, a=START), [row]) == []


def test_a_clock_that_binds_now_is_moved_under_the_policy_in_force() -> None:
    row = go(watching(binds="now"), parts(a=START))[0].row
    (change,) = go(watching(binds="now"), parts(agreed=START + DAY, a=START), [row])
    assert change.row.due == START + DAY


def test_calendar_days_are_counted_in_the_policy_s_zone() -> None:
    counted = watching(counting=COUNTING, adjust=None)
    values = {**VALUES, "job.counting": "calendar-days", "job.limit": DAY}
    bound = Settings("then", values, zone=zone_named("Asia/Shanghai"))
    (change,) = changes([counted], parts(a=START), "job/P", [], START, NOW, bound)
    # START is midnight UTC, 08:00 in Shanghai; the next day ends at 16:00 UTC
    assert change.row.due == START + DAY + 16 * HOUR - 1
    assert change.row.counting == "calendar-days"


def test_a_sweep_warns_breaches_and_tells_the_ladder_at_these_moments() -> None:
    laddered = watching(ladder=(Rung(HEAD, ("department_head",)),))
    assert laddered.acts(START, START + 2 * HOUR, THEN) == [
        (START + 2 * HOUR - HOUR // 2, "warned", ()),
        (START + 2 * HOUR + 1, "breached", ("operations",)),
        (START + 2 * HOUR + DAY, "repeated", ("department_head",)),
    ]
    assert watching(warn=None).acts(START, START, THEN)[0][1] == "breached"


def test_no_warning_comes_before_the_start() -> None:
    assert watching().acts(START, START + 60, THEN)[0][0] == START


def test_a_clock_knows_every_setting_that_it_reads() -> None:
    full = watching(counting=COUNTING, ladder=(Rung(HEAD, ("department_head",)),))
    assert full.settings == (LIMIT, COUNTING, WARN, HEAD)
    assert clock().settings == (LIMIT,)
    assert clock() != clock()


@pytest.mark.parametrize("did", ["started", "met"])
def test_an_entry_keeps_what_happened_to_a_clock(did: Any) -> None:
    row = running(stopped=None if did == "started" else START)
    fields = ClockChange(row, did).as_json()
    assert fields["clock"] == "job.in-time@1"
    assert (fields["part"], fields["did"], fields["due"]) == ("a", did, START + 2 * HOUR)
    assert ("started" in fields) == (did == "started")
    assert fields.get("stopped") == row.stopped

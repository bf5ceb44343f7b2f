"""Pauses: a clock stands still for spans that the record keeps, and moves by their length."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from hypothesis import given
from hypothesis import strategies as st

from eldermall.calendars import DAY, HOUR, MINUTE
from eldermall.contracts.storage import ClockRow
from eldermall.engine.clock import ClockChange, changes
from eldermall.engine.kind import Record
from eldermall.engine.settings import Settings
from tests.engine.test_rulebook import clock

START = 1000 * DAY
LIMIT = 10 * HOUR
SETTINGS = Settings("now", {"job.limit": LIMIT})


class Held(Record):
    """A record that waits since its start, but for the spans in which it is held."""

    SCHEMA: ClassVar[int] = 1

    spans: tuple[tuple[int, int | None], ...] = ()
    done: bool = False


def held(*spans: tuple[int, int | None], done: bool = False) -> Held:
    """Return a record with these spans, in hours after its start."""
    moments = tuple(
        (START + since * HOUR, None if until is None else START + until * HOUR)
        for since, until in spans
    )
    return Held(id="H", version=1, pack="now", created_at=START, spans=moments, done=done)


CLOCK = clock(
    runs=lambda r: {} if r.done else {"": START}, met=lambda r, part: r.done,
    pauses=lambda r, part: r.spans,
)


def go(record: Held, row: ClockRow | None = None, at: int = START) -> list[ClockChange]:
    rows = [] if row is None else [row]
    return list(changes([CLOCK], record, "job/H", rows, at, SETTINGS, SETTINGS))


def started() -> ClockRow:
    return go(held())[0].row


def the(changed: list[ClockChange], did: str) -> ClockRow:
    assert [change.did for change in changed] == [did]
    return changed[0].row


def test_a_pause_halts_a_clock_and_its_end_moves_the_due_moment_by_its_length() -> None:
    halted = the(go(held((2, None)), started(), START + 2 * HOUR), "paused")
    assert (halted.state, halted.next, halted.due) == ("paused", None, START + LIMIT)
    running = the(go(held((2, 50)), halted, START + 50 * HOUR), "resumed")
    assert (running.state, running.due) == ("running", START + LIMIT + 48 * HOUR)
    assert running.next == running.due + 1


def test_what_happens_while_a_clock_stands_still_neither_halts_it_again_nor_moves_it() -> None:
    halted = the(go(held((2, None)), started(), START + 2 * HOUR), "paused")
    assert go(held((2, None)), halted, START + 30 * HOUR) == []


def test_a_clock_that_has_warned_does_not_warn_again_after_a_pause() -> None:
    warned = replace(started(), stage=0)
    halted = the(go(held((2, None)), warned), "paused")
    assert the(go(held((2, 3)), halted), "resumed").stage == 0


def test_a_breach_is_not_undone_by_a_pause_that_began_after_it() -> None:
    assert go(held((11, None)), started(), START + 11 * HOUR) == []
    breached = replace(started(), state="breached", next=None, stage=1)
    assert go(held((2, 8)), breached, START + 11 * HOUR) == []


def test_what_is_done_while_a_clock_stands_still_is_in_time_however_late() -> None:
    halted = the(go(held((2, None)), started()), "paused")
    assert the(go(held((2, 99), done=True), halted, START + 99 * HOUR), "met").state == "met"


def test_a_clock_that_starts_while_its_record_is_held_stands_still_from_the_start() -> None:
    changed = go(held((0, None)))
    assert [change.did for change in changed] == ["started", "paused"]
    assert changed[1].row.next is None


def test_only_what_of_a_pause_lies_after_the_start_counts() -> None:
    assert go(held((-5, -3)))[0].row.due == START + LIMIT
    assert go(held((-5, 2)))[0].row.due == START + LIMIT + 2 * HOUR


spans = st.lists(st.integers(1, 5), max_size=8).map(
    lambda steps: [sum(steps[: n + 1]) for n in range(len(steps))]
)


@given(spans)
def test_step_by_step_and_all_at_once_come_to_the_same_due_moment(marks: list[int]) -> None:
    """Marks are hours; at the first a pause begins, at the second it ends, and so on."""
    row = started()
    for n in range(1, len(marks) + 1):
        past = marks[:n]
        pairs: list[tuple[int, int | None]] = list(zip(past[::2], past[1::2], strict=False))
        if n % 2:
            pairs.append((past[-1], None))
        for change in go(held(*pairs), row, START + past[-1] * HOUR):
            row = change.row
    pairs = list(zip(marks[::2], marks[1::2], strict=False))
    if len(marks) % 2:
        pairs.append((marks[-1], None))
    at_once = go(held(*pairs))[-1].row
    assert (row.due, row.state, row.next) == (at_once.due, at_once.state, at_once.next)


@given(spans)
def test_the_due_moment_moves_by_exactly_the_time_that_the_clock_stood_still(
    marks: list[int],
) -> None:
    pairs: list[tuple[int, int | None]] = list(zip(marks[::2], marks[1::2], strict=False))
    due, total = START + LIMIT, 0
    for since, until in pairs:
        assert until is not None
        if START + since * HOUR > due + total:
            break
        total += (until - since) * HOUR
    assert go(held(*pairs))[-1].row.due == due + total
    assert total == 0 or total >= 60 * MINUTE


def test_another_pause_leaves_other_clocks_alone() -> None:
    other: Any = clock(runs=lambda r: {"": START}, met=lambda r, part: False)
    (begun,) = changes([other], held(), "job/H", [], START, SETTINGS, SETTINGS)
    row = begun.row
    assert list(changes([other], held((1, None)), "job/H", [row], START, SETTINGS, SETTINGS)) == []

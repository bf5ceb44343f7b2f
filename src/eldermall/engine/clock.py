"""Clocks: time limits as data, derived from the record.

A clock says for which parts of a record it runs and since when; whatever changes the record
thereby starts, stops and moves clocks, and none can be forgotten. What has started is a row with
a stored due moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from eldermall.calendars import due, provisional
from eldermall.contracts.storage import ClockRow, ClockState
from eldermall.engine.settings import Setting, Settings, counting_of
from eldermall.errors import DefinitionError, RuleBroken
from eldermall.texts import Text

if TYPE_CHECKING:
    from eldermall.engine.actor import Role
    from eldermall.engine.kind import Record

Act = Literal["warned", "breached", "repeated"]


@dataclass(frozen=True, slots=True)
class Rung:
    """Who hears of a breach that still stands some time after it.

    Args:
        after: the setting that says how long after the due moment.
        who: the roles that hear of it.
    """

    after: Setting
    who: tuple[Role, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Clock:
    """A time limit that an article sets.

    Args:
        id: ``topic.what-it-protects``.
        label: what it demands, in one line.
        clauses: the clauses it serves.
        kind: the kind of record that it watches.
        runs: the parts it runs for (``""`` for the whole) and the moment since when each does.
        met: whether the record, as it is now, has done what the clock waits for in this part;
            otherwise its cause is gone, and it is stopped rather than met.
        limit: how long it runs.
        starts: in words: what starts it.
        stops: in words: what stops it.
        counting: the reading of how days are counted; None for hours.
        adjust: moves a computed due moment (a recorded exception, an earlier agreed time).
        warn: how long before the due moment to warn; a setting.
        told: the roles that hear of the breach at once.
        ladder: who hears of it later, while it still stands.
        pauses: the spans in which a part stands still, oldest first: since when, and until when
            or None while it lasts. The due moment moves by their length. One that began after the
            due moment is none: a breach isn't undone by a pause.
        done_at: when a part that runs since a moment was done, where the record may hear of it
            later than it happened; None, or no such function: when the record moved.
        on_breach: the move that the system makes on the record at the breach, if its state has it.
        binds: which policy gives the limit: at the record's submission, or at the start.
        version: a changed clock is a new version beside the old.

    Raises:
        DefinitionError: it cites no clause.
    """

    id: str
    label: Text
    clauses: tuple[str, ...]
    kind: str
    runs: Callable[[Any], Mapping[str, int]]
    met: Callable[[Any, str], bool]
    limit: Setting
    starts: Text
    stops: Text
    told: tuple[Role, ...]
    counting: Setting | None = None
    adjust: Callable[[Any, str, int], int] | None = None
    warn: Setting | None = None
    ladder: tuple[Rung, ...] = ()
    pauses: Callable[[Any, str], Sequence[tuple[int, int | None]]] | None = None
    done_at: Callable[[Any, str, int], int | None] | None = None
    on_breach: str | None = None
    binds: Literal["now", "submission"] = "submission"
    version: int = 1
    name: str = field(init=False)

    def __post_init__(self) -> None:
        if not self.clauses:
            raise DefinitionError(
                Text(f"时限 {self.id} 须至少引用一条条款", f"clock {self.id} must cite a clause")
            )
        object.__setattr__(self, "name", f"{self.id}@{self.version}")

    @property
    def settings(self) -> tuple[Setting, ...]:
        """The settings whose values it reads."""
        named = (self.limit, self.counting, self.warn, *(rung.after for rung in self.ladder))
        return tuple(setting for setting in named if setting is not None)

    def rules(self, settings: Settings, bound: Settings) -> Settings:
        """Return the policy that binds; the one in force where the bound one is older than this."""
        if bound is settings or self.binds == "now":
            return settings
        return bound if all(s.key in bound.values for s in self.settings) else settings

    def due_of(
        self, record: Record, part: str, started: int, limit: int, counting: str, rules: Settings
    ) -> tuple[int, bool]:
        """Return the last moment in time for a part, and whether the clock stands still."""
        moment = due(started, limit, counting_of(counting), rules.zone, rules.rest_days)
        if self.adjust is not None:
            moment = self.adjust(record, part, moment)
        for since, until in () if self.pauses is None else self.pauses(record, part):
            if since > moment:
                break
            if until is None:
                return moment, True
            moment += max(0, until - max(since, started))
        return moment, False

    def acts(self, started: int, due: int, settings: Settings) -> list[tuple[int, Act, Any]]:
        """Return what a sweep has to do and from when: warn, breach, tell the ladder."""
        planned: list[tuple[int, Act, Any]] = []
        if self.warn is not None:
            planned.append((max(started, due - settings.values[self.warn.key]), "warned", ()))
        planned.append((due + 1, "breached", self.told))
        for rung in self.ladder:
            planned.append((due + settings.values[rung.after.key], "repeated", rung.who))
        return planned


@dataclass(frozen=True, slots=True)
class ClockChange:
    """A clock as it is after a move or sweep, and what happened to it."""

    row: ClockRow
    did: Literal[
        "started", "moved", "paused", "resumed", "met", "late", "stopped", "lapsed", "annulled",
        "warned", "breached", "repeated", "overdue",
    ]
    provisional: bool = False
    """Whether the due moment counts days of which nobody knows yet whether people work."""

    def as_json(self) -> dict[str, Any]:
        """Return the change for an entry."""
        row = self.row
        fields: dict[str, Any] = {"clock": row.name, "part": row.part, "did": self.did,
                                  "due": row.due}
        if self.did == "started":
            fields |= {"started": row.started, "limit": row.limit, "counting": row.counting}
        if row.stopped is not None:
            fields["stopped"] = row.stopped
        if self.provisional:
            fields["provisional"] = True
        return fields


def changes(
    clocks: Sequence[Clock],
    record: Record,
    subject: str,
    open_rows: Sequence[ClockRow],
    at: int,
    settings: Settings,
    bound: Settings,
) -> Iterator[ClockChange]:
    """Yield what a move that left ``record`` behind at ``at`` does to its clocks.

    A clock that runs already keeps its version, limit and start when a newer one is installed.

    Args:
        clocks: the clocks that watch this kind of record, in their newest versions.
        record: as it is after the move.
        subject: its subject in the journal.
        open_rows: its clocks that haven't ended.
        at: when the move happened.
        settings: the policy in force now.
        bound: the policy at the record's submission.

    Raises:
        RuleBroken: the code of a clock failed.
    """
    rows: dict[str, dict[str, ClockRow]] = {}
    for row in open_rows:
        rows.setdefault(row.name.partition("@")[0], {})[row.part] = row
    for clock in clocks:
        try:
            since, running = clock.runs(record), rows.get(clock.id, {})
            if since or running:
                rules = clock.rules(settings, bound)
                yield from _changes(clock, record, subject, since, running, at, rules)
        except Exception as error:
            raise RuleBroken(
                Text(
                    f"{subject}：{clock.name} 的代码出错：{error!r}",
                    f"{subject}: the code of {clock.name} failed: {error!r}",
                )
            ) from error


def _changes(
    clock: Clock,
    record: Record,
    subject: str,
    since: Mapping[str, int],
    rows: Mapping[str, ClockRow],
    at: int,
    rules: Settings,
) -> Iterator[ClockChange]:
    wanted: dict[str, int] = {}
    for part, start in since.items():
        running = rows.get(part)
        wanted[part] = max(start, rules.published)
        if running is not None and start <= running.started <= rules.published:
            wanted[part] = running.started  # whatever day a newer policy applies from
    for part, row in rows.items():
        if wanted.get(part) != row.started:
            yield _ended(clock, record, row, at)
    for part, started in wanted.items():
        kept = rows.get(part)
        if kept is not None and kept.started == started:
            yield from _moved(clock, record, kept, rules)
            continue
        limit = rules.values[clock.limit.key]
        counting = "hours" if clock.counting is None else rules.values[clock.counting.key]
        last, paused = clock.due_of(record, part, started, limit, counting, rules)
        row = ClockRow(
            subject, clock.name, part, started, limit, counting, last,
            clock.acts(started, last, rules)[0][0], 0, "running", None, rules.pack,
        )
        yield ClockChange(row, "started", _provisional(row, rules))
        if paused:
            yield ClockChange(replace(row, state="paused", next=None), "paused")


def _ended(clock: Clock, record: Record, row: ClockRow, at: int) -> ClockChange:
    state: ClockState
    done = clock.met(record, row.part)
    heard = None if clock.done_at is None else clock.done_at(record, row.part, row.started)
    at = at if heard is None else heard
    if at > row.due and row.state != "paused":
        state = "late" if done else "lapsed"
    elif row.state == "breached":
        state = "annulled"
    else:
        state = "met" if done else "stopped"
    return ClockChange(replace(row, state=state, stopped=at, next=None), state)


def _moved(
    clock: Clock, record: Record, row: ClockRow, rules: Settings
) -> Iterator[ClockChange]:
    fixed = clock.adjust is None and clock.pauses is None and row.counting != "working-days"
    if row.state == "breached" or fixed:
        return
    last, paused = clock.due_of(record, row.part, row.started, row.limit, row.counting, rules)
    if paused:
        if row.state != "paused":
            yield ClockChange(replace(row, due=last, next=None, state="paused"), "paused")
    elif row.state == "paused":
        ahead = clock.acts(row.started, last, rules)[row.stage][0]
        row = replace(row, due=last, next=ahead, state="running")
        yield ClockChange(row, "resumed", _provisional(row, rules))
    elif last != row.due:
        first = clock.acts(row.started, last, rules)[0][0]
        row = replace(row, due=last, next=first, stage=0)
        yield ClockChange(row, "moved", _provisional(row, rules))


def _provisional(row: ClockRow, rules: Settings) -> bool:
    counting = counting_of(row.counting)
    return provisional(row.started, row.due, counting, rules.zone, rules.rest_days)

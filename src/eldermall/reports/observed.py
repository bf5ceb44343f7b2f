"""What observed rules and clocks would have stopped: read from the journal before they are on.

A policy may let a rule or clock only observe for a while. What it would have refused, and the
breaches that moved nothing and told nobody, stand in the journal as not enforced. This adds them
up in one pass; what it keeps doesn't grow with the journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Literal

from eldermall.calendars import microseconds, moment
from eldermall.contracts.storage import EntryRow
from eldermall.engine.journal import entry_fields
from eldermall.engine.settings import Mode, Relaxation
from eldermall.mall import Mall
from eldermall.policy import settings_of
from eldermall.texts import Text

EXAMPLES = 5
"""How many subjects are named for a rule or clock."""

_NOT_ENFORCED = b'"enforced":false'

What = Literal["rule", "clock"]


@dataclass(frozen=True, slots=True)
class Observed:
    """What a rule would have refused, or a clock would have acted on. Moments in microseconds.

    Args:
        id: of the rule or clock.
        what: which of the two it is.
        label: what it demands; None if it isn't installed any more.
        clauses: the clauses it serves.
        mode: whether it is on now, observes, or is off.
        relaxations: who relaxed it, and until when, the newest last.
        count: how many moves it would have refused; of a clock, how many breaches moved nothing.
        records: how many records these belong to.
        first: when the first happened, None if none did.
        last: when the last happened.
        examples: the first subjects.
    """

    id: str
    what: What
    label: Text | None
    clauses: tuple[str, ...]
    mode: Mode
    relaxations: tuple[Relaxation, ...]
    count: int
    records: int
    first: int | None
    last: int | None
    examples: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Whether it observes now and would have stopped nothing, so that it can be switched on."""
        return self.mode == "observe" and self.count == 0


@dataclass(frozen=True, slots=True)
class ObserveReport:
    """What observing has shown.

    Args:
        now: the moment of the report.
        entries: how many entries of the journal were read.
        moves: how many moves went through that at least one rule would have refused.
        observed: each rule and clock that is relaxed or was, the most frequent first.
    """

    now: int
    entries: int
    moves: int
    observed: tuple[Observed, ...]


@dataclass(slots=True)
class _Tally:
    count: int = 0
    records: int = 0
    first: int | None = None
    last: int | None = None
    examples: list[str] = field(default_factory=list)
    newest: str = ""

    def add(self, subject: str, at: int) -> None:
        self.count += 1
        self.first = at if self.first is None else min(self.first, at)
        self.last = at if self.last is None else max(self.last, at)
        if subject != self.newest:  # entries come subject by subject
            self.newest = subject
            self.records += 1
            if len(self.examples) < EXAMPLES:
                self.examples.append(subject)


def observe_report(mall: Mall, *, since: datetime | None = None) -> ObserveReport:
    """Read the journal for what observed rules and clocks would have stopped.

    A move that another rule refused anyway isn't counted.

    Args:
        mall: the mall.
        since: count only what happened at or after this moment.
    """
    after = 0 if since is None else microseconds(since, "since")
    tallies: dict[str, _Tally] = {}
    entries = moves = 0
    with mall.read() as tx:
        relaxed = _relaxations(mall, [pack.body for pack in tx.packs()])
        for row in tx.entries():
            entries += 1
            found = set(_unenforced(row, after))
            moves += any(what == "rule" for what, _, _ in found)
            for _, id, at in found:
                tallies.setdefault(id, _Tally()).add(row.subject, at)
    now = mall.now()
    observed = [
        _observed(mall, id, relaxed.get(id, ()), tallies.get(id, _Tally()), now)
        for id in {**relaxed, **tallies}
    ]
    observed.sort(key=lambda one: (-one.count, one.id))
    return ObserveReport(now, entries, moves, tuple(observed))


def _unenforced(row: EntryRow, after: int) -> Iterator[tuple[What, str, int]]:
    """Yield the rules and clocks whose say in an entry wasn't enforced, and when it happened."""
    if _NOT_ENFORCED not in row.body:
        return
    entry: Mapping[str, Any] = entry_fields(row)
    if entry["at"] < after:
        return
    if entry["outcome"] == "moved":
        for verdict in entry.get("verdicts", ()):
            named = "@" in verdict["rule"]  # what machines and time say is no rule of a policy
            if named and verdict["outcome"] != "allowed" and verdict.get("enforced") is False:
                yield "rule", _id(verdict["rule"]), entry["at"]
    elif entry["what"] == "clock.breached":
        for change in entry["clocks"]:
            yield "clock", _id(change["clock"]), entry["at"]


def _id(name: str) -> str:
    return name.partition("@")[0]


def _relaxations(mall: Mall, packs: Sequence[bytes]) -> dict[str, tuple[Relaxation, ...]]:
    """Return who relaxed what, by rule and clock, from the policies that were ever in force."""
    found: dict[str, dict[Relaxation, None]] = {}
    for body in packs:
        for id, relaxation in settings_of(body, mall.book).relaxed.items():
            found.setdefault(id, {})[relaxation] = None
    return {id: tuple(sorted(ones, key=lambda one: one.until)) for id, ones in found.items()}


def _observed(
    mall: Mall, id: str, relaxations: tuple[Relaxation, ...], tally: _Tally, now: int
) -> Observed:
    rules = {rule.id: rule for rule in mall.book.rules.values()}
    clocks = {clock.id: clock for clock in mall.book.clocks.values()}
    owner = rules.get(id) or clocks.get(id)
    return Observed(
        id, "clock" if id in clocks else "rule", None if owner is None else owner.label,
        () if owner is None else owner.clauses, mall.policy.settings.mode(id, now), relaxations,
        tally.count, tally.records, tally.first, tally.last, tuple(tally.examples),
    )


def relaxed_until(relaxation: Relaxation, zone: tzinfo) -> Text:
    """Return in words that something isn't enforced, and until when.

    Args:
        relaxation: what the policy says.
        zone: the policy's, in which its last day ends.
    """
    day = f"{moment(relaxation.until - 1, zone):%Y-%m-%d}"
    zh, en = {
        "observe": ("暂时只观察", "observed only"), "off": ("暂停执行", "switched off"),
    }[relaxation.mode]
    return Text(f"{zh}，至 {day}（含当日）", f"{en} through {day}")


def relaxed_by(relaxation: Relaxation, zone: tzinfo) -> Text:
    """Return the same in words, with who decided it, who approved it, and why."""
    until = relaxed_until(relaxation, zone)
    return Text(
        f"{until.zh}；设定人 {relaxation.author}，批准人 {relaxation.approver}，"
        f"理由：{relaxation.reason}",
        f"{until.en}; decided by {relaxation.author}, approved by {relaxation.approver}: "
        f"{relaxation.reason}",
    )


__all__ = ["ObserveReport", "Observed", "observe_report", "relaxed_by", "relaxed_until"]

"""What observed rules and clocks would have stopped: read from the journal before they are on.

A policy may let a rule or clock only observe for a while. What it would have refused, and the
limits that passed while nobody was told, stand in the journal. This adds them up in one pass,
beside how often each was asked at all; what it keeps doesn't grow with the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Literal

from eldermall.calendars import microseconds, moment
from eldermall.contracts.storage import ClockRow, EntryRow
from eldermall.engine.clock import Clock
from eldermall.engine.journal import entry_fields
from eldermall.engine.rule import Rule
from eldermall.engine.settings import Mode, Relaxation, Settings
from eldermall.mall import Mall
from eldermall.policy import settings_of
from eldermall.texts import Text

EXAMPLES = 5
"""How many subjects are named for a rule or clock."""

UNSWEPT = 10_000
"""How many clocks are looked at that are due and that no sweep has come to."""

What = Literal["rule", "clock"]
Found = Literal["asked", "missed", "late", "before"]


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
        asked: how often a rule was asked while it observed; of a clock, how many limits were met
            or missed.
        count: how many moves it would have refused; of a clock, how many limits passed while
            nobody was told, whether a sweep noted it, or what was waited for came after the limit
            or hasn't come.
        late: of a clock: how many of these were done in the end, but late.
        before: of a clock: how many had passed when their record was taken over. They aren't
            counted as asked.
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
    asked: int
    count: int
    late: int
    before: int
    records: int
    first: int | None
    last: int | None
    examples: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Whether it observes, was asked and would have stopped nothing: it can be switched on."""
        return self.mode == "observe" and self.asked > 0 and self.count == 0

    @property
    def unasked(self) -> bool:
        """Whether it was never off, and still nothing can be said of it."""
        never_off = all(relaxation.mode == "observe" for relaxation in self.relaxations)
        return never_off and not (self.asked or self.count or self.before)


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
    asked: int = 0
    count: int = 0
    late: int = 0
    before: int = 0
    records: int = 0
    first: int | None = None
    last: int | None = None
    examples: list[str] = field(default_factory=list)
    newest: str = ""

    def add(self, found: Found, subject: str, at: int) -> None:
        if found == "asked":
            self.asked += 1
        elif found == "late":
            self.late += 1
        elif found == "before":
            self.before += 1
        else:
            self._missed(subject, at)

    def _missed(self, subject: str, at: int) -> None:
        self.count += 1
        self.first = at if self.first is None else min(self.first, at)
        self.last = at if self.last is None else max(self.last, at)
        if subject != self.newest:  # entries come subject by subject
            self.newest = subject
            self.records += 1
            if len(self.examples) < EXAMPLES and subject not in self.examples:
                self.examples.append(subject)


def observe_report(mall: Mall, *, since: datetime | None = None) -> ObserveReport:
    """Read the journal for what observed rules and clocks would have stopped.

    A move that another rule refused anyway isn't counted as one that was let through.

    Args:
        mall: the mall.
        since: count only what happened at or after this moment.
    """
    after, now = 0 if since is None else microseconds(since, "since"), mall.now()
    tallies: dict[str, _Tally] = {}
    entries = moves = 0
    with mall.read() as tx:
        packs = {pack.hash: settings_of(pack.body, mall.book) for pack in tx.packs()}
        relaxed = _relaxations(packs.values())
        reader = _Reader(packs, frozenset(relaxed))
        for row in tx.entries():
            entries += 1
            if not relaxed:
                continue
            at, said = reader.read(row)
            if at < after:
                continue
            moves += any(found == "missed" and what == "rule" for what, _, found in said)
            for _, id, found in said:
                tallies.setdefault(id, _Tally()).add(found, row.subject, at)
        for waiting in tx.due_clocks(now, UNSWEPT) if relaxed else ():
            id = _id(waiting.name)
            observing = id in relaxed and mall.policy.settings.mode(id, now) == "observe"
            if observing and _passed(waiting, now, after):
                tally = tallies.setdefault(id, _Tally())
                tally.add("asked", waiting.subject, waiting.due)
                tally.add("missed", waiting.subject, waiting.due)
    rules = {rule.id: rule for rule in mall.book.rules.values()}
    clocks = {clock.id: clock for clock in mall.book.clocks.values()}
    observed = [
        _observed(
            id, rules.get(id) or clocks.get(id), mall.policy.settings.mode(id, now), relaxed[id],
            tallies.get(id, _Tally()),
        )
        for id in relaxed
    ]
    observed.sort(key=lambda one: (-one.count, one.id))
    return ObserveReport(now, entries, moves, tuple(observed))


def _passed(row: ClockRow, now: int, after: int) -> bool:
    return row.state == "running" and after <= row.due < now


class _Reader:
    """Reads entries, subject by subject, for what relaxed rules and clocks said.

    Args:
        packs: the policies that were ever in force, by hash.
        relaxed: the rules and clocks that one of them relaxed.
    """

    def __init__(self, packs: Mapping[str, Settings], relaxed: frozenset[str]) -> None:
        self._packs = packs
        self._relaxed = relaxed
        self._subject = ""
        self._noted: dict[tuple[str, str], Found] = {}  # limits of the subject known to have passed

    def read(self, row: EntryRow) -> tuple[int, list[tuple[What, str, Found]]]:
        """Return when an entry happened, and what relaxed rules and clocks said in it."""
        if row.subject != self._subject:
            self._subject, self._noted = row.subject, {}
        entry = entry_fields(row)
        said: list[tuple[What, str, Found]] = []
        try:
            for what, id, found in (*self._verdicts(entry), *self._clocks(entry)):
                if id in self._relaxed:
                    said.append((what, id, found))
            return entry.get("at", 0), said
        except (KeyError, TypeError, AttributeError):  # not as it was written: `verify` names it
            return 0, []

    def _observing(self, id: str, entry: Mapping[str, Any]) -> bool:
        settings = self._packs.get(entry["pack"])
        return settings is not None and settings.mode(id, entry["recorded"]) == "observe"

    def _verdicts(self, entry: Mapping[str, Any]) -> Iterator[tuple[What, str, Found]]:
        for verdict in entry.get("verdicts", ()):
            id = _id(verdict["rule"])
            let_pass = verdict["outcome"] != "allowed" and verdict.get("enforced") is False
            if id in self._relaxed and (let_pass or self._observing(id, entry)):
                yield "rule", id, "asked"
                if let_pass and entry["outcome"] == "moved":
                    yield "rule", id, "missed"

    def _clocks(self, entry: Mapping[str, Any]) -> Iterator[tuple[What, str, Found]]:
        noted = entry.get("what") == "clock.breached" and entry.get("enforced") is False
        for change in entry.get("clocks", ()):
            id, did = _id(change["clock"]), change["did"]
            key = (change["clock"], change["part"])
            if did == "started":
                self._noted.pop(key, None)
            elif did == "overdue":
                self._noted[key] = "before"
                yield "clock", id, "before"
            elif noted:
                self._noted[key] = "missed"
                yield "clock", id, "asked"
                yield "clock", id, "missed"
            elif did in ("late", "lapsed") and key not in self._noted:
                if self._observing(id, entry):
                    yield "clock", id, "asked"
                    yield "clock", id, "missed"
                    if did == "late":
                        yield "clock", id, "late"
            elif did == "late" and self._noted.get(key) == "missed":
                yield "clock", id, "late"
            elif did == "met" and self._observing(id, entry):
                yield "clock", id, "asked"


def _id(name: str) -> str:
    return name.partition("@")[0]


def _relaxations(packs: Iterable[Settings]) -> dict[str, tuple[Relaxation, ...]]:
    """Return who relaxed what, by rule and clock, from the policies that were ever in force."""
    found: dict[str, dict[Relaxation, None]] = {}
    for settings in packs:
        for id, relaxation in settings.relaxed.items():
            found.setdefault(id, {})[relaxation] = None
    return {id: tuple(sorted(ones, key=lambda one: one.until)) for id, ones in found.items()}


def _observed(
    id: str, owner: Rule | Clock | None, mode: Mode, relaxations: tuple[Relaxation, ...],
    tally: _Tally,
) -> Observed:
    return Observed(
        id, "clock" if isinstance(owner, Clock) else "rule", None if owner is None else owner.label,
        () if owner is None else owner.clauses, mode, relaxations,
        tally.asked, tally.count, tally.late, tally.before, tally.records, tally.first, tally.last,
        tuple(tally.examples),
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

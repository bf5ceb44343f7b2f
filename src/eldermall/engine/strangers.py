"""What strangers try on records that aren't theirs: told in full at first, then counted.

Each refusal is an entry on the record's chain, and whoever tries a thousand ids would fill the
journal of others. So beyond a number a day the attempts of one person are counted, and entries say
how many there were. The count is this process's; what it hasn't written goes with it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from eldermall.calendars import DAY
from eldermall.engine.journal import Entry

AT_ONCE = 1_000
"""After so many further attempts an entry says how many they were."""

PERSONS = 10_000
"""How many persons are counted at once; of one more, the one who began first is written."""

NAMED = 20
"""How many of the records that they tried an entry names."""


@dataclass(slots=True)
class _Tally:
    since: int
    told: int = 0
    count: int = 0
    began: int = 0
    last: Entry | None = None
    records: dict[str, None] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        self.began = entry.at if self.last is None else self.began
        self.count, self.last = self.count + 1, entry
        if len(self.records) < NAMED:
            self.records[entry.subject] = None

    def folded(self) -> Iterator[Entry]:
        """Yield the entry of the attempts that were counted, and count anew."""
        last, self.last = self.last, None
        if last is None:
            return
        said = {name: last.fields[name] for name in ("what", "actor", "pack")}
        more = {
            "outcome": "folded", "attempts": self.count, "since": self.began,
            "records": list(self.records),
        }
        self.count, self.records = 0, {}
        yield Entry(last.subject, last.at, said | more)


class Strangers:
    """The attempts of strangers in this process."""

    def __init__(self) -> None:
        self._tallies: dict[Any, _Tally] = {}
        self._lock = threading.Lock()

    def told(self, entry: Entry, now: int, most: int) -> list[Entry]:
        """Return the entries to write for an attempt: it, what was counted till now, or none.

        Args:
            entry: of the attempt.
            now: the moment.
            most: how many of a person are written in full a day.
        """
        actor = entry.fields["actor"]
        who = actor["role"], actor["id"]
        with self._lock:
            written = list(self._passed(now - DAY))
            if who not in self._tallies and len(self._tallies) >= PERSONS:
                written += self._tallies.pop(next(iter(self._tallies))).folded()
            tally = self._tallies.setdefault(who, _Tally(now))
            if tally.told < most:
                tally.told += 1
                return [*written, entry]
            tally.add(entry)
            return [*written, *(tally.folded() if tally.count == AT_ONCE else ())]

    def passed(self, now: int) -> list[Entry]:
        """Return the entries of what was counted on days that have passed."""
        if not self._tallies:
            return []
        with self._lock:
            return list(self._passed(now - DAY))

    def rest(self) -> list[Entry]:
        """Return the entries of all that was counted, and forget it."""
        with self._lock:
            return list(self._passed(None))

    def _passed(self, before: int | None) -> Iterator[Entry]:
        for who, tally in list(self._tallies.items()):  # the one who began first comes first
            if before is not None and tally.since > before:
                return
            del self._tallies[who]
            yield from tally.folded()

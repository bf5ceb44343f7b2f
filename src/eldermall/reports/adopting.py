"""Taking over a file of records: in batches, so that good rows go in and bad ones are told.

It may be done again: what was taken over before is counted as there. Nothing is remembered but
what is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

from eldermall.engine.actor import Actor
from eldermall.engine.adoption import adopted, adopted_before, adoption
from eldermall.engine.declared import Adopting
from eldermall.engine.inputs import Arguments
from eldermall.engine.kind import ADOPT, Command, Record
from eldermall.engine.settings import Technical
from eldermall.engine.step import Step, context
from eldermall.errors import EldermallError, Invalid, Overtaken, Refused, RuleBroken
from eldermall.mall import Mall, Moving
from eldermall.reports.records import Failure, Given, read
from eldermall.reports.sources.cells import Progress
from eldermall.rooms import ROOMS
from eldermall.texts import Text

BATCH = 250
"""How many records are taken over in one transaction."""

ADOPTING: Mapping[str, type[Adopting[Any, Any]]] = {
    name: room for name, room in ROOMS.items() if issubclass(room, Adopting)
}
"""The rooms whose records can be taken over, by their names on a mall."""


@dataclass(slots=True)
class Adopted:
    """What came of a file of records.

    Args:
        adopted: how many were taken over; in a dry run, how many would be.
        there: how many had been taken over before, just the same.
        failed: how many weren't, each told with its reason.
        overdue: how many time limits had passed before.
        unknown: how often each moment that a record in its state would have isn't known.
    """

    adopted: int = 0
    there: int = 0
    failed: int = 0
    overdue: int = 0
    unknown: Counter[str] = field(default_factory=Counter)


def adopt(
    mall: Mall,
    room: str,
    path: str | Path,
    *,
    by: Actor,
    dry_run: bool = False,
    encoding: str = "utf-8",
    failed: Callable[[Failure], None] | None = None,
    progress: Progress | None = None,
) -> Adopted:
    """Take over a file of records, JSON lines or CSV; see `eldermall.reports.records`.

    Args:
        mall: the mall.
        room: the room's name on the mall: ``orders``, ``listings``.
        path: the file.
        by: who answers for it: operations, a department head, or the leader.
        dry_run: decide and count, and change nothing.
        encoding: how texts are written.
        failed: told of each row that isn't taken over.
        progress: told how many bytes of the file have been read, and how many there are.

    Raises:
        Invalid: there is no such room, or a column is no field.
        FileUnreadable: there is no such file, or it can't be read.
        Locked: the database is locked; what was taken over before stays so.
    """
    if room not in ADOPTING:
        names = list(ADOPTING)
        raise Invalid(
            "kind", room,
            Text("应为下列之一：" + "、".join(names), "must be one of " + ", ".join(names)),
        )
    work = _Adoption(mall, room, by, dry_run, failed or (lambda failure: None))
    waiting: dict[str, Given] = {}
    for row in read(Path(path), ADOPTING[room].model, encoding=encoding, progress=progress):
        if len(waiting) + len(work.told) >= BATCH or (isinstance(row, Given) and row.id in waiting):
            work.take(waiting.values())
            waiting.clear()
        if isinstance(row, Failure):
            work.told.append(row)
        else:
            waiting[row.id] = row
    work.take(waiting.values())
    return work.did


@dataclass(slots=True)
class _Adoption:
    mall: Mall
    room: str
    by: Actor
    dry_run: bool
    failed: Callable[[Failure], None]
    did: Adopted = field(default_factory=Adopted)
    told: list[Failure] = field(default_factory=list)

    @property
    def model(self) -> type[Record]:
        return ADOPTING[self.room].model

    def fail(self, row: Given, error: EldermallError) -> None:
        faults = error.faults if isinstance(error, Invalid) else ()
        self.told.append(Failure(row.line, row.id, error.text, faults))

    def take(self, rows: Collection[Given]) -> None:
        """Take over some rows, no two of one id, and tell what failed in the order of lines."""
        kind = self.mall.book.kind(ADOPTING[self.room].kind)
        with self.mall.read() as tx:
            stored = tx.look_up(kind.name, sorted(row.id for row in rows))
        fit: list[tuple[Given, Step]] = []
        for row in rows:
            record = kind.record(stored[row.id]) if row.id in stored else None
            entries = () if record is None else self.mall.journal(kind.name, row.id)
            try:
                args = adoption(self.model, f"{kind.name}.{ADOPT}", row.fields)
                if adopted_before(entries, args):
                    self.did.there += 1
                    continue
                step = self._step(row.id, record, args)
            except Invalid as error:
                self.fail(row, error)
                continue
            if step.record is not None:
                fit.append((row, step))
            elif self.dry_run:
                self.fail(row, Refused(step.decision))
            else:
                self._one(row, step)
        if self.dry_run:
            for _, step in fit:
                self._count(step)
        else:
            self._together(fit)
        self.did.failed += len(self.told)
        for failure in sorted(self.told, key=attrgetter("line")):
            self.failed(failure)
        self.told.clear()

    def _step(self, id: str, record: Record | None, args: Arguments) -> Step:
        settings, kind = self.mall.policy.settings, self.mall.book.kind(ADOPTING[self.room].kind)
        command = Command(kind.name, ADOPT, id, self.by, args)
        c = context(command, record, {}, self.mall.now(), settings, settings)
        return adopted(self.mall.book, kind, command, c, Technical())

    def _together(self, fit: Sequence[tuple[Given, Step]]) -> None:
        try:
            with self.mall.batch() as batch:
                for row, _ in fit:
                    self._adopt(batch, row)
        except (Overtaken, Refused, RuleBroken):  # of one row, or together with another's work
            for row, step in fit:
                self._one(row, step)
            return
        for _, step in fit:
            self._count(step)

    def _one(self, row: Given, step: Step) -> None:
        try:
            self._adopt(self.mall, row)
        except (Overtaken, Refused, RuleBroken) as error:
            self.fail(row, error)
        else:
            self._count(step)

    def _adopt(self, rooms: Moving, row: Given) -> None:
        room: Adopting[Any, Any] = getattr(rooms, self.room)
        room.adopt(row.id, row.fields, by=self.by)

    def _count(self, step: Step) -> None:
        self.did.adopted += 1
        self.did.unknown.update(step.unknown or ())
        rows = {(change.row.name, change.row.part): change.row for change in step.clocks}
        now = self.mall.now()
        self.did.overdue += sum(row.due < now and row.state != "paused" for row in rows.values())


__all__ = ["ADOPTING", "Adopted", "Failure", "adopt"]

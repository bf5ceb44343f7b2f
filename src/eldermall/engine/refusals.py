"""Refusals that wait: their entries couldn't be written when they were refused.

In a transaction of the host's there is nowhere to write them; elsewhere the database was locked.
They are lost if the process dies first.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from eldermall.engine.basis import Basis
from eldermall.engine.joining import alone, joined
from eldermall.engine.journal import Entry
from eldermall.engine.strangers import Strangers
from eldermall.errors import Conflict, Locked


@dataclass(frozen=True, slots=True)
class Refusing(Basis):
    """A basis that keeps refusals; those that can't be written yet wait.

    Args:
        pending: the entries that wait, oldest first.
        settling: held by whoever writes them.
        strangers: who tried how often what isn't theirs.
    """

    pending: deque[Entry] = field(default_factory=deque)
    settling: threading.Lock = field(default_factory=threading.Lock)
    strangers: Strangers = field(default_factory=Strangers)

    def keep(self, entry: Entry) -> None:
        """Write the entry of a refusal, or let it wait if the database is locked."""
        for each in self._told(entry):
            try:
                self.within(lambda tx: self.append(tx, each))  # noqa: B023
            except Locked:
                self.pending.append(each)

    def postpone(self, entry: Entry) -> None:
        """Let the entry of a refusal wait."""
        self.pending.extend(self._told(entry))

    def _told(self, entry: Entry) -> list[Entry]:
        """Return what is written of a refusal: of a stranger's that is one of many, a count."""
        if not entry.stranger:
            return [entry]
        return self.strangers.told(entry, self.now(), self.technical.strangers)

    def finish(self) -> None:
        """Write what waits and what was counted, unless the database is locked."""
        self.pending.extend(self.strangers.rest())
        self.try_settle()

    def ready(self) -> None:
        """Get ready for what commits by itself: write the refusals that wait.

        Raises:
            NotJoined: inside a joined transaction.
        """
        alone(self.storage, self.mall)
        self.pending.extend(self.strangers.passed(self.now()))
        self.try_settle()

    def settle(self) -> int:
        """Write the refusals that wait; return how many were written.

        Raises:
            Conflict: the database is locked; they go on waiting.
            NotJoined: inside a joined transaction; they go on waiting.
        """
        alone(self.storage, self.mall)
        with self.settling:
            return self._settle()

    def try_settle(self) -> None:
        """Write the refusals that wait, unless the database is locked or somebody is at it.

        Inside a joined transaction they go on waiting too.
        """
        waits = self.pending and not joined(self.storage, self.mall)
        if waits and self.settling.acquire(blocking=False):
            try:
                self._settle()
            except Conflict:
                return
            finally:
                self.settling.release()

    def _settle(self) -> int:
        written = 0
        while self.pending:
            with self.storage.write(self.mall, patience=self.technical.settle_patience) as tx:
                self.append(tx, self.pending[0])
            self.pending.popleft()
            written += 1
        return written

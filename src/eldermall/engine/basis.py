"""What everything is done with: one mall's code, storage, rulebook, policies and time."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from eldermall.contracts.storage import Storage, Transaction
from eldermall.engine.joining import alone
from eldermall.engine.journal import Entry, chain
from eldermall.engine.kind import Command, Record
from eldermall.engine.rule import Fact
from eldermall.engine.rulebook import Rulebook
from eldermall.engine.settings import Settings, Technical
from eldermall.errors import Overtaken, SchemaError
from eldermall.texts import Text

T = TypeVar("T")
Begin = Callable[[], AbstractContextManager[Transaction]]

TRIES = 4
"""How often a transaction of our own is made in all when others overtake it."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What everything is done with.

    Args:
        mall: the mall's code.
        storage: where it is kept.
        book: the kinds, rules, clocks and reactions.
        settings: the policy in force now.
        packs: the policies that records cite, by hash; filled as they are met.
        read_pack: reads a kept policy.
        now: the moment now, in microseconds since 1970 UTC.
        technical: settings that serve no clause.
        facts: asks the host what the rules of a move need from it.
    """

    mall: str
    storage: Storage
    book: Rulebook
    settings: Settings
    packs: dict[str, Settings]
    read_pack: Callable[[bytes], Settings]
    now: Callable[[], int]
    technical: Technical
    facts: Callable[[Command, Sequence[Fact]], Mapping[str, Any]] = lambda command, wanted: {}

    def begin(self) -> AbstractContextManager[Transaction]:
        """Open a transaction of our own that writes.

        Raises:
            NotJoined: inside a joined transaction, which it wouldn't be part of.
        """
        alone(self.storage, self.mall)
        return self.storage.write(self.mall)

    def within(self, do: Callable[[Transaction], T]) -> T:
        """Do something in a transaction of our own, again from its start if it was overtaken.

        Raises:
            Overtaken: it was, four times.
            Locked: no lock was to be had in time.
        """
        return tried(self.begin, do)

    def bound(self, record: Record | None, tx: Transaction) -> Settings:
        """Return the policy that binds ``record``: the one at its submission.

        Raises:
            SchemaError: the policy isn't kept.
        """
        if record is None or record.pack == self.settings.pack:
            return self.settings
        return self.pack(record.pack, tx)

    def pack(self, hash: str, tx: Transaction) -> Settings:
        """Return the policy with the content hash ``hash``.

        Raises:
            SchemaError: it isn't kept.
        """
        if hash not in self.packs:
            for row in tx.packs():
                self.packs.setdefault(row.hash, self.read_pack(row.body))
        if hash not in self.packs:
            raise SchemaError(
                Text(f"库中没有政策 {hash}", f"the policy {hash} isn't in the database")
            )
        return self.packs[hash]

    def asked(self, command: Command) -> Command:
        """Return ``command`` with what the host says of it, where its rules need that."""
        wanted = self.book.host_facts(command.kind, command.name)
        if not wanted:
            return command
        return replace(command, host=self.facts(command, wanted), asked=self.now())

    def append(self, tx: Transaction, entry: Entry) -> None:
        """Append ``entry`` alone to its subject's chain."""
        kind, id = entry.subject.split("/", 1)
        _, head = tx.load(kind, id)
        row, personal, _ = chain(self.mall, entry, head, self.now())
        tx.append([row], personal)


def tried(begin: Begin, do: Callable[[Transaction], T], tries: int = TRIES) -> T:
    """Do something in a transaction, again from its start while others overtake it."""
    for number in range(1, tries):
        with suppress(Overtaken), begin() as tx:
            return do(tx)
        time.sleep(number * secrets.randbelow(10) / 1000)  # let whoever was first get ahead
    with begin() as tx:
        return do(tx)

"""What the kit asks of those who have a storage tested: databases, and hosts' transactions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from eldermall.contracts.storage import Storage


class Host(Protocol):
    """One open transaction of a host."""

    @property
    def connection(self) -> object:
        """What is given to `Storage.join`."""
        ...

    def commit(self) -> None:
        """End the transaction and keep what was done in it."""
        ...

    def rollback(self) -> None:
        """End the transaction and undo what was done in it."""
        ...


class Hosts(Protocol):
    """Hosts on the database of the storage that was given last."""

    def begin(self) -> Host:
        """Return a host with an open transaction, able to write."""
        ...

    def idle(self) -> object:
        """Return what could be joined if a transaction were open."""
        ...

    def wrong(self) -> Sequence[object]:
        """Return what can't be joined: another kind of thing, or another database."""
        ...


class StorageBackend(Protocol):
    """Gives storages to the kit. The kit opens and closes them.

    It may have two calls more, for cases that are skipped without them: ``elsewhere()`` returns
    what makes, in another process, a storage on the same database, or None; ``prefixed(prefix)``
    returns a storage on the same database whose tables are named with that prefix.
    """

    def fresh(self, *, bare: bool = False) -> Storage:
        """Return a storage on a database without rows.

        Args:
            bare: the database mustn't have tables either; else emptied ones are as good, and
                quicker.
        """
        ...

    def again(self) -> Storage | None:
        """Return another storage on the same database, as another process would have.

        None if the database lives in the storage itself.
        """
        ...

    def hosts(self) -> Hosts | None:
        """Return the hosts whose transactions can be joined; None if there are none."""
        ...


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend for a test that has an empty database of its own.

    Args:
        make: returns a storage on that database, not opened yet.
            To be made in another process too, it is a ``functools.partial`` or a function of a
            module.
        shared: whether two storages can be on it; not if it lives in the storage itself.
        joining: the hosts whose transactions can be joined.
        prefixed: returns a storage there whose tables are named with a prefix; None if there are no
            prefixes.
    """

    make: Callable[[], Storage]
    shared: bool = True
    joining: Hosts | None = None
    prefixed: Callable[[str], Storage] | None = None

    def fresh(self, *, bare: bool = False) -> Storage:
        """Return a storage on the empty database."""
        return self.make()

    def again(self) -> Storage | None:
        """Return another storage on the database."""
        return self.make() if self.shared else None

    def hosts(self) -> Hosts | None:
        """Return the hosts."""
        return self.joining

    def elsewhere(self) -> Callable[[], Storage] | None:
        """Return what makes another storage on the database in another process."""
        return self.make if self.shared else None

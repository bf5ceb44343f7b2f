"""A mall inside Django: the rows of the project and the moves of the mall are kept together.

::

    shop = DjangoMall(lambda: Mall.open(URL, policy=...))

    with shop.moving() as m:
        order.save()
        m.orders.place(str(order.pk), ...)
"""

from __future__ import annotations

import atexit
import secrets
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.signals import request_finished
from django.db import DatabaseError, connections, transaction

from eldermall.errors import Conflict, KeyReused, NotJoined

if TYPE_CHECKING:
    from eldermall.mall import Joining, Mall, Moving

T = TypeVar("T")

TRIES = 4
"""How often a transaction is made in all when others overtake it."""

_SQLSTATES = ("40001", "40P01")  # a snapshot too old, a deadlock
_BUSY, _LOCKED = 5, 6  # of SQLite


class DjangoMall:
    """One mall in a Django project. Shared by threads.

    Refusals are written when the transaction of `moving` is over, or with the end of the request
    where an ``atomic`` around it goes on.

    Args:
        opening: opens the mall; called when it is first needed, so in the worker.
        using: the database in ``DATABASES`` in which the mall is.
        host: what the mall joins of Django's connection; the driver's own unless a storage in
            Django's tables wants another.
    """

    def __init__(
        self,
        opening: Callable[[], Mall],
        *,
        using: str = "default",
        host: Callable[[Any], object] = lambda connection: connection.connection,
    ) -> None:
        self._opening = opening
        self._using = using
        self._host = host
        self._mall: Mall | None = None
        self._lock = threading.Lock()
        request_finished.connect(self._finished)

    @property
    def mall(self) -> Mall:
        """The mall itself: for reading, `may` and what runs regularly.

        Asking for it opens it, which may have to write a policy: do so outside ``atomic``, with
        ``ATOMIC_REQUESTS`` when the worker starts.
        """
        with self._lock:
            if self._mall is None:
                _warn_if_deferred(connections[self._using])
                self._mall = self._opening()
                atexit.register(self.close)
            return self._mall

    @contextmanager
    def moving(self) -> Iterator[Joining]:
        """Open ``atomic`` and the mall's handle in it; both are undone by an error that leaves it.

        Yields:
            the commands of the mall's rooms. Ids are texts: write ``str(order.pk)``.

        Raises:
            Conflict: somebody else was first; the whole has to be done again, as `moved` does.
        """
        mall = self.mall  # before the transaction: opening may have to write
        connection = connections[self._using]
        inside = connection.in_atomic_block
        try:
            with transaction.atomic(using=self._using), mall.joined(self._host(connection)) as m:
                yield m
        finally:
            if not inside:
                self.settle()
            else:
                transaction.on_commit(self.settle, using=self._using, robust=True)

    def moved(
        self, do: Callable[[Moving], T], *, tries: int = TRIES, batch: bool = False
    ) -> T:
        """Return what ``do`` returns inside `moving`; where others were first, do it again, whole.

        Again means from the start: ``do`` must read anew what it decides on, and change nothing
        but rows. Inside an ``atomic`` it is done once, since only the whole can be done again.

        Args:
            do: is given the commands of the mall's rooms.
            tries: how often in all.
            batch: whether what it moves is one batch: all of it or nothing, written at the end
                with far fewer statements.

        Raises:
            Conflict: somebody else was first every time.
        """
        if connections[self._using].in_atomic_block:
            tries = 1
        for number in range(1, tries):
            try:
                return self._moved(do, batch=batch)
            except (Conflict, DatabaseError) as error:
                if not _passes(error):
                    raise
            time.sleep(number * secrets.randbelow(10) / 1000)  # let whoever was first get ahead
        return self._moved(do, batch=batch)

    def _moved(self, do: Callable[[Moving], T], *, batch: bool) -> T:
        with self.moving() as m:
            if not batch:
                return do(m)
            with m.batch() as batched:
                return do(batched)

    def settle(self) -> None:
        """Write the refusals that wait, if that can be done now; else they go on waiting."""
        if self._mall is not None:
            with suppress(Conflict, NotJoined):
                self._mall.settle()

    def close(self) -> None:
        """Close the mall, if it is open. The next use opens it again."""
        with self._lock:
            mall, self._mall = self._mall, None
        if mall is not None:
            mall.close()

    def _finished(self, **_: object) -> None:
        self.settle()


def _passes(error: BaseException) -> bool:
    """Say whether the same transaction, made again, may go through."""
    if isinstance(error, Conflict):
        return not isinstance(error, KeyReused)
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None)
    return state in _SQLSTATES or getattr(cause, "sqlite_errorcode", 0) & 0xFF in (_BUSY, _LOCKED)


def _warn_if_deferred(connection: Any) -> None:
    mode = getattr(connection, "transaction_mode", None)
    if connection.vendor == "sqlite" and mode in (None, "DEFERRED"):
        warnings.warn(
            f"DATABASES[{connection.alias!r}] 的 SQLite 事务以 DEFERRED 开始，"
            '读过之后若他人先写入便不能再写；请设 "OPTIONS": {"transaction_mode": "IMMEDIATE"} / '
            f"the transactions of SQLite in DATABASES[{connection.alias!r}] begin DEFERRED: one "
            "that has read before others wrote can't write any more; set "
            '"OPTIONS": {"transaction_mode": "IMMEDIATE"}',
            RuntimeWarning,
            stacklevel=3,
        )

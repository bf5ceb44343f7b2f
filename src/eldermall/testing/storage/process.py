"""Another process with a storage on the same database, which is told through a pipe what to do."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable
from contextlib import closing
from multiprocessing.connection import Connection
from typing import TypeVar

import pytest

from eldermall.contracts.storage import Storage, Transaction
from eldermall.errors import Conflict, Overtaken
from eldermall.testing.storage.rows import KINDS
from eldermall.testing.storage.threads import HUNG, within
from eldermall.texts import Text

T = TypeVar("T")


class Elsewhere:
    """A process of its own, with a storage that it opens without making anything.

    Args:
        make: returns the storage; it is pickled, so it is a function of a module, or a ``partial``
            of one or of a class.
    """

    def __init__(self, make: Callable[[], Storage]) -> None:
        try:
            pickle.dumps(make)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            pytest.skip(
                f"无法送往另一个进程（{error}），请用 functools.partial / "
                f"it can't be sent to another process ({error}): use functools.partial"
            )
        context = multiprocessing.get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there, make), daemon=True)
        self._process.start()
        there.close()

    def within(self, do: Callable[[Transaction], T]) -> T:
        """Do something there, in a transaction of its own; ``do`` is pickled, as its result is.

        Raises:
            Conflict: another was first, or had the lock.
            AssertionError: it failed, or doesn't answer.
        """
        self._pipe.send(do)
        assert self._pipe.poll(HUNG), "the other process hangs"
        try:
            outcome, said = self._pipe.recv()
        except EOFError:
            raise AssertionError("the other process has ended") from None
        if outcome == "conflict":
            raise Overtaken(Text(said, said))
        assert outcome == "done", said
        result: T = said
        return result

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join(HUNG)
        self._process.kill()
        self._process.join()


def _serve(pipe: Connection, make: Callable[[], Storage]) -> None:
    """Do in the other process what comes through the pipe, until it is closed."""
    with closing(make()) as storage:
        storage.open(KINDS, make=False)
        while True:
            try:
                do = pipe.recv()
            except EOFError:
                return
            try:
                pipe.send(("done", within(storage, do)))
            except Conflict as error:
                pipe.send(("conflict", str(error)))
            except Exception as error:  # noqa: BLE001 - it is told where the result is asked for
                pipe.send(("failed", repr(error)))

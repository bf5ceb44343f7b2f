"""Two at work at once, without sleeping: who should wait is given a moment to show it doesn't."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, TimeoutError, wait
from dataclasses import dataclass
from threading import Thread
from typing import TypeVar

from eldermall.contracts.storage import Storage, Transaction
from eldermall.errors import Conflict

T = TypeVar("T")

HUNG = 60.0
"""Seconds after which a thread will never end."""

MOMENT = 0.25
"""Seconds in which one that doesn't wait would have gone on."""

SHORT = 5.0
"""Seconds in which one that was told not to wait long has given up."""

MALL = "main"


class Undone(Exception):
    """Raised in a transaction to undo it."""


def start(do: Callable[[], T]) -> Future[T]:
    """Begin ``do`` in another thread."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(do())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future


def waits(future: Future[T], seconds: float = MOMENT) -> bool:
    """Say whether ``future`` hasn't ended after so many seconds."""
    return not wait([future], seconds).done


def result(future: Future[T]) -> T:
    """Return what came of ``future``, or raise what it raised."""
    try:
        return future.result(HUNG)
    except TimeoutError:
        raise AssertionError("a thread hangs") from None


def won(future: Future[T]) -> bool:
    """Say whether ``future`` came through; not if another was first or had the lock."""
    try:
        result(future)
    except Conflict:
        return False
    return True


def within(storage: Storage, do: Callable[[Transaction], T]) -> T:
    """Do something in a transaction of its own."""
    with storage.write(MALL) as tx:
        return do(tx)


def until_through(do: Callable[[], T]) -> T:
    """Do something again until nobody else is first."""
    for _ in range(1000):
        try:
            return do()
        except Conflict:
            continue
    raise AssertionError("others were first a thousand times")


@dataclass(frozen=True, slots=True)
class Race:
    """How two transactions ended.

    Args:
        first: whether the one that began first came through.
        second: whether the other did.
        overlapped: whether the second ended while the first was open.
    """

    first: bool
    second: bool
    overlapped: bool


def race(
    storage: Storage,
    other: Storage,
    begin: Callable[[Transaction], object],
    second: Callable[[Transaction], object],
    end: Callable[[Transaction], object],
) -> Race:
    """Run one transaction, and in the midst of it another.

    Args:
        storage: for the first.
        other: for the second.
        begin: what the first does before the second.
        second: all that the second does.
        end: what the first does afterwards.
    """
    return race_with(storage, begin, lambda: within(other, second), end)


def race_with(
    storage: Storage,
    begin: Callable[[Transaction], object],
    whole: Callable[[], object],
    end: Callable[[Transaction], object],
) -> Race:
    """Run one transaction, and in the midst of it ``whole``, which runs another."""
    beside: Future[object] | None = None
    overlapped = False
    try:
        with storage.write(MALL) as tx:
            begin(tx)
            beside = start(whole)
            overlapped = not waits(beside)
            end(tx)
        first = True
    except Conflict:
        first = False
    assert beside is not None, "a transaction failed though nobody was beside it"
    return Race(first, won(beside), overlapped)

"""Upkeep driven by Celery: workers on many machines, one database.   ``eldermall[celery]``

Each task does what is due in one mall and ends. Two of one kind at once do nothing twice: the
storage sees to that. A task that comes too late is dropped, since the next does its work. Partition
by mall: give each a queue of its own where one has much more to do than another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from celery import Celery


class Upkeep(Protocol):
    """What a task needs of a mall. A `Mall` has it."""

    def sweep(self) -> Any:
        """Act on every time limit whose moment has come."""
        ...

    def seal(self) -> Any:
        """Seal the journal's waiting entries."""
        ...

    def relay(self) -> Any:
        """Tell the outside what committed moves have to tell."""
        ...

    def erase_expired(self) -> Any:
        """Erase personal values whose keeping time has ended."""
        ...


@dataclass(frozen=True, slots=True)
class Every:
    """Seconds between two tasks of a kind."""

    sweep: float = 10
    seal: float = 60
    relay: float = 5
    erase_expired: float = 3600


TASKS = ("sweep", "seal", "relay", "erase_expired")


def install(
    app: Celery,
    open_mall: Callable[[str], Upkeep],
    *,
    malls: Sequence[str] = ("main",),
    every: Every | None = None,
    queues: Mapping[str, str] | None = None,
) -> None:
    """Give ``app`` the tasks ``eldermall.sweep``, ``.seal``, ``.relay``, ``.erase_expired``.

    Celery's beat then sends each of them for every mall. Each worker process opens a mall once.

    Args:
        app: the host's Celery application.
        open_mall: opens the mall of a code, in the worker's own process.
        malls: the codes of the malls.
        every: how often.
        queues: the queue by a mall's code; Celery's default for the others.
    """
    pace = Every() if every is None else every
    opened: dict[str, Upkeep] = {}

    def mall(code: str) -> Upkeep:
        if code not in opened:
            opened[code] = open_mall(code)
        return opened[code]

    for name in TASKS:

        def run(code: str, name: str = name) -> None:
            getattr(mall(code), name)()

        app.task(run, name=f"eldermall.{name}", ignore_result=True)
        seconds = getattr(pace, name)
        for code in malls:
            options: dict[str, Any] = {"expires": seconds}
            if queues and code in queues:
                options["queue"] = queues[code]
            app.conf.beat_schedule[f"eldermall.{name} {code}"] = {
                "task": f"eldermall.{name}",
                "schedule": seconds,
                "args": (code,),
                "options": options,
            }

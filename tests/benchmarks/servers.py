"""`ship` on PostgreSQL by one client and by two, against bare Core sending the same statements.

Clients are processes. They take turns: ours alone, ours both, bare alone, bare both, and so on,
each at orders of its own, with the server's own durability (fsync and synchronous commit on).
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

from eldermall.adapters.storage.sql.storage import database_at
from tests import databases, shop
from tests.benchmarks import bare, stage
from tests.benchmarks.figures import Figure

NAME = "servers"

Who = Literal["ours", "bare"]
SPAWN = multiprocessing.get_context("spawn")
CLIENTS: tuple[tuple[Who, int], ...] = (("ours", 0), ("ours", 1), ("bare", 0), ("bare", 1))
TURNS: tuple[tuple[Who, int], ...] = (("ours", 1), ("ours", 2), ("bare", 1), ("bare", 2))


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL with its defaults; give the URL of an empty database."""
    with tempfile.TemporaryDirectory(prefix="eldermall-bench-") as folder:
        Path(folder).chmod(0o755)
        url, pid = databases.start_postgresql(Path(folder, "postgresql"))
        try:
            yield url
        finally:
            databases.stop(pid)


def client(url: str, who: Who, sample: str, ids: Sequence[str], pipe: Connection) -> None:
    """Do so many moves whenever told, and say so when they are done."""
    with stage.open_mall(url) as mall:
        if who == "bare":
            with bare.capture(stage.engine_of(mall)) as seen:
                stage.ship(mall, sample)
            move = bare.replay(database_at(url).engine(), seen, sample, ids)
        else:
            stage.ship(mall, sample)

            def move(number: int) -> None:
                stage.ship(mall, ids[number])

        pipe.send("ready")
        done = 0
        while many := pipe.recv():
            for number in range(done, done + many):
                move(number)
            done += many
            pipe.send("done")


def run(*, quick: bool = False) -> list[Figure]:
    """Measure both at one and at two clients."""
    rounds, size = (2, 10) if quick else (15, 60)
    count = 2 * (rounds + 1) * size
    with postgresql() as url:
        with stage.open_mall(url) as mall:
            stage.fill(mall, range(len(CLIENTS) * (count + 1)))
        pipes: dict[tuple[Who, int], Connection] = {}
        processes = []
        for number, key in enumerate(CLIENTS):
            first = number * (count + 1)
            sample, *ids = [stage.order_id(n) for n in range(first, first + count + 1)]
            pipes[key], theirs = SPAWN.Pipe()
            processes.append(
                SPAWN.Process(target=client, args=(url, key[0], sample, ids, theirs))
            )
            processes[-1].start()
        for pipe in pipes.values():
            assert pipe.recv() == "ready"
        taken: dict[tuple[Who, int], list[float]] = {turn: [] for turn in TURNS}
        for turn in range(rounds + 1):
            for who, clients in TURNS[turn % 4 :] + TURNS[: turn % 4]:
                working = [pipes[who, number] for number in range(clients)]
                start = time.perf_counter()
                for pipe in working:
                    pipe.send(size)
                for pipe in working:
                    assert pipe.recv() == "done"
                taken[who, clients].append(clients * size / (time.perf_counter() - start))
        for pipe in pipes.values():
            pipe.send(0)
        for process in processes:
            process.join(60)
        with shop.open_mall(url, plugins=[stage.ArrivesInTime()]) as mall:
            assert mall.orders.get(stage.order_id(1)).goods == "shipped"
    speeds = {turn: rate[1:] for turn, rate in taken.items()}
    shown = ", ".join(
        f"{who} {clients}: {statistics.median(rates):,.0f}/s"
        for (who, clients), rates in speeds.items()
    )
    return [
        _ratio("`ship` on PostgreSQL against bare Core, two clients", 0.9,
               speeds["ours", 2], speeds["bare", 2], shown),
        _ratio("`ship` on PostgreSQL, two clients against one", 1.6,
               speeds["ours", 2], speeds["ours", 1], shown),
        _ratio("bare Core on PostgreSQL, two clients against one", None,
               speeds["bare", 2], speeds["bare", 1], shown),
    ]


def _ratio(
    what: str, target: float | None, ours: Sequence[float], theirs: Sequence[float], shown: str
) -> Figure:
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    note = f"{shown}; rounds {ratios[0]:.2f} to {ratios[-1]:.2f}"
    return Figure(NAME, what, statistics.median(ratios), "x", target, note=note)

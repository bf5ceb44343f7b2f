"""A checkout of ``examples/oscar_shop`` against Oscar alone: time and statements.

Both shops run in a process of their own, on a database of their own, and take turns. What is
measured is the last request of the checkout, which writes the order down, with its payment: the
CPU time of the shop's process, since machines are shared, and the statements.
"""

from __future__ import annotations

import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import create_engine

from tests import market
from tests.benchmarks.figures import Figure
from tests.benchmarks.servers import postgresql
from tests.market import Ask

NAME = "oscar"

BASKETS = {"one seller": {"tea": 2, "cup": 1}, "two sellers": {"tea": 2, "honey": 1}}
"""What is bought: two lines in both."""


def run(*, quick: bool = False) -> list[Figure]:
    """Measure both on SQLite and on PostgreSQL."""
    rounds, size = (1, 2) if quick else (3, 4)
    figures = []
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(postgresql())
        for name in ("SQLite", "PostgreSQL"):
            with ExitStack() as shops:
                asks = [
                    shops.enter_context(market.opened(url, eldermall=ours))
                    for url, ours in zip(_urls(name, folder, server), (True, False), strict=True)
                ]
                for sellers, basket in BASKETS.items():
                    figures += _measured(f"{sellers} on {name}", basket, asks, rounds, size)
    return figures


def _urls(name: str, folder: str, server: str) -> list[str]:
    if name == "SQLite":
        return [f"sqlite:///{Path(folder, which)}.db" for which in ("ours", "alone")]
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for which in ("ours", "alone"):
            connection.exec_driver_sql(f"CREATE DATABASE {which}")
    engine.dispose()
    return [
        engine.url.set(database=which).render_as_string(hide_password=False)
        .replace("+psycopg", "")
        for which in ("ours", "alone")
    ]


def _measured(
    what: str, basket: dict[str, int], asks: list[Ask], rounds: int, size: int
) -> list[Figure]:
    times: list[list[float]] = [[], []]
    waited: list[list[float]] = [[], []]
    counts = [(0, 0), (0, 0)]
    for turn in range(rounds + 1):
        for who in (0, 1) if turn % 2 else (1, 0):
            spent, seconds, *counted = asks[who]("timed", basket, size)
            counts[who] = counted[0], counted[1]
            if turn:  # the first is thrown away
                times[who].append(spent)
                waited[who].append(seconds)
    ratios = sorted(a / b for a, b in zip(*times, strict=True))
    ours, alone = (statistics.median(each) * 1000 for each in times)
    clock = [statistics.median(each) * 1000 for each in waited]
    theirs, added = counts[0]
    return [
        Figure(
            NAME, f"CPU time of a checkout with {what} against Oscar alone",
            statistics.median(ratios), "x", 1.25, "less",
            note=f"ours {ours:.1f} ms, Oscar {alone:.1f} ms; "
            f"rounds {ratios[0]:.2f} to {ratios[-1]:.2f}; "
            f"by the clock {clock[0]:.0f} and {clock[1]:.0f} ms",
        ),
        Figure(
            NAME, f"statements of a checkout with {what} beyond those of Oscar alone",
            theirs + added - counts[1][0], "", 45, "less",
            f"{added} of eldermall's, {theirs} of Oscar's; Oscar alone {counts[1][0]}",
        ),
    ]

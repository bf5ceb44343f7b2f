"""Whole lives of orders, and orders of many lines, for one build of eldermall: run as a script.

``python life.py WHAT COUNT URL`` prints the seconds that each of COUNT took; which eldermall and
which ``tests`` it takes, PYTHONPATH says. It uses nothing that the build before doesn't have.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from eldermall import Mall
from tests import shop

LINES = 60


def life(mall: Mall, number: int) -> None:
    """Take an order from placing to the archive, under every rule."""
    id = f"L{number:06}"
    shop.place(mall, id)
    shop.accept(mall, id)
    shop.pay(mall, id)
    shop.ship(mall, id)
    mall.orders.deliver(id, parcel="p-tea-honey", by=shop.COURIER)
    mall.orders.complete(id, by=shop.CUSTOMER)
    mall.callbacks.reach(id, satisfaction="satisfied", suggestion="-", by=shop.SERVICE)
    mall.orders.archive(id, by=shop.SERVICE)


def lines(mall: Mall, number: int) -> None:
    """Place an order of many lines."""
    _lines(mall, f"L{number:06}", LINES)


def line(mall: Mall, number: int) -> None:
    """Place an order of one line."""
    _lines(mall, f"L{number:06}", 1)


def _lines(mall: Mall, id: str, count: int) -> None:
    given: list[dict[str, Any]] = [
        {"id": f"line{n}", "listing": f"goods{n}", "quantity": 1, "amount": 100}
        for n in range(count)
    ]
    shop.place(mall, id, lines=given, total=100 * count, freight=0)


WORK: dict[str, Callable[[Mall, int], None]] = {
    "life": life, "line": line, "lines": lines, "stocked": lines,
}


def main(what: str, count: int, url: str) -> list[float]:
    """Return the seconds of each piece of work."""
    with shop.open_mall(url) as mall:
        shop.staff(mall)
        if what == "stocked":
            for n in range(LINES):
                mall.stock.open(f"goods{n}", warn_at=0, by=shop.OPERATIONS)
                mall.stock.receive(
                    f"goods{n}", lot="l", quantity=10 * count, source="note", by=shop.OPERATIONS
                )
        taken = []
        for number in range(count + 1):
            gc.collect()
            start = time.perf_counter()
            WORK[what](mall, number)
            taken.append(time.perf_counter() - start)
    return taken[1:]


if __name__ == "__main__":
    json.dump(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]), sys.stdout)

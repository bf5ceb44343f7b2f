"""Writes an export of orders that is as untidy as a real one, with known counts.

    python examples/make_export.py OUT.csv [--orders 1000] [--seed 7] [--unreadable 2]

The columns are those of the Brazilian E-Commerce Public Dataset by Olist, every row is invented.
The counts, as of 2019-01-01, are worked out here with plain datetime arithmetic and printed as
JSON, so that `eldermall audit OUT.csv --columns examples/olist.toml --as-of 2019-01-01` can be
compared with them.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/Sao_Paulo")
AS_OF = datetime(2019, 1, 1)
LIMIT = timedelta(days=3)
HEADER = (
    "order_id", "customer_id", "order_status", "order_purchase_timestamp", "order_approved_at",
    "order_delivered_carrier_date", "order_delivered_customer_date",
    "order_estimated_delivery_date",
)
KINDS = {  # how often each is among 1,000 orders
    "in_time": 640, "late": 308, "shipped_first": 13, "never": 10, "cancelled": 12, "waiting": 6,
    "unpaid": 6, "on_the_minute": 5,
}


class Order:
    """One invented order; times are local and naive, as an export has them."""

    def __init__(self, kind: str, dice: random.Random) -> None:
        def later(moment: datetime, low: float, high: float) -> datetime:
            gone = timedelta(minutes=round(dice.uniform(low, high) * 60))
            return (_utc(moment) + gone).astimezone(ZONE).replace(tzinfo=None, fold=0)

        self.id = f"{dice.getrandbits(128):032x}"
        self.customer = f"{dice.getrandbits(128):032x}"
        self.status = "delivered"
        self.placed = later(datetime(2016, 9, 4), 0, 24 * 700)
        self.paid: datetime | None = later(self.placed, 0.1, dice.choice((0.5, 0.5, 1, 30)))
        self.shipped: datetime | None = None
        self.delivered: datetime | None = None
        if kind == "waiting":
            self.placed = later(AS_OF, -70, -8)
            self.paid, self.status = later(self.placed, 0.1, 7), "processing"
        elif kind == "unpaid":
            self.paid, self.status = None, "created"
        elif kind == "never":
            self.status = "invoiced"
        elif kind == "cancelled":
            self.status = dice.choice(("canceled", "unavailable"))
        elif kind == "shipped_first":
            self.paid = later(self.placed, 30, 80)
            self.shipped = later(self.placed, 1, 29)
        elif kind == "on_the_minute":
            self.shipped = self.paid + LIMIT
        else:
            slightly = dice.random() < 0.3
            low, high = (1, 72) if kind == "in_time" else (73, 95) if slightly else (97, 500)
            self.shipped = later(self.paid, low, high)
        if self.shipped is not None:
            if dice.random() < 0.98:
                self.delivered = later(self.shipped, 20, 600)
            else:
                self.status = "shipped"
        self.promised: date = (self.placed + timedelta(days=dice.randint(10, 40))).date()

    def cells(self) -> list[str]:
        promised = datetime.combine(self.promised, datetime.min.time())
        times = (self.placed, self.paid, self.shipped, self.delivered, promised)
        return [self.id, self.customer, self.status, *map(_written, times)]

    def outcome(self, counting: str) -> str:
        """What became of the three days: met, late, never, running or stopped."""
        assert self.paid is not None
        start = max(self.placed, self.paid)
        if self.shipped is not None:
            return "met" if _in_time(start, self.shipped, counting) else "late"
        if self.status in ("canceled", "unavailable"):
            return "stopped"
        return "running" if _in_time(start, AS_OF, counting) else "never"


def _in_time(start: datetime, end: datetime, counting: str) -> bool:
    if counting == "calendar-days":
        return end.date() <= start.date() + LIMIT
    return _utc(end) - _utc(start) <= LIMIT


def _utc(local: datetime) -> datetime:
    return local.replace(tzinfo=ZONE).astimezone(UTC)


def _written(moment: datetime | None) -> str:
    if moment is None:
        return ""
    return f"{moment.month}/{moment.day}/{moment.year} {moment.hour}:{moment.minute:02}"


def _spoiled(number: int, dice: random.Random) -> list[str]:
    cells = Order("in_time", dice).cells()
    if number % 4 == 0:
        cells[4] = "31/31/2018 9:05"
    elif number % 4 == 1:
        del cells[5]
    elif number % 4 == 2:
        cells[0] = ""
    else:
        cells[3] = "yesterday"
    return cells


def make_export(
    path: str | Path, orders: int = 1000, seed: int = 7, unreadable: int = 2
) -> dict[str, Any]:
    """Write an export and return what an audit of it must count as of 2019-01-01.

    The same seed makes the same orders, however many unreadable rows stand between them.
    """
    dice = random.Random(seed)
    kinds = [*KINDS, *dice.choices(list(KINDS), list(KINDS.values()), k=max(0, orders))]
    kinds = kinds[:orders]
    dice.shuffle(kinds)
    made = [Order(kind, dice) for kind in kinds]
    rows = [order.cells() for order in made]
    chaos = random.Random(f"{seed}-unreadable")
    for number in range(unreadable):
        rows.insert(chaos.randint(0, len(rows)), _spoiled(number, chaos))
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows)
    shipped = [order for order in made if order.shipped is not None]
    counts: dict[str, Any] = {
        "orders": len(made),
        "paid": sum(order.paid is not None for order in made),
        "unreadable": unreadable,
        "rules": {
            "shipping.in-time": _clock(made, "hours"),
            "shipping.paid-first": {
                "applies": len(shipped),
                "refused": sum(o.paid is None or o.shipped < o.paid for o in shipped if o.shipped),
            },
        },
        "by_calendar_days": {"shipping.in-time": _clock(made, "calendar-days")},
    }
    return counts


def _clock(made: list[Order], counting: str) -> dict[str, int]:
    outcomes = [order.outcome(counting) for order in made if order.paid is not None]
    names = ("met", "late", "never", "running", "stopped")
    return {"applies": len(outcomes)} | {name: outcomes.count(name) for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("out", metavar="OUT.csv")
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--unreadable", type=int, default=2)
    given = parser.parse_args()
    counts = make_export(given.out, given.orders, given.seed, given.unreadable)
    print(json.dumps(counts, indent=2))


if __name__ == "__main__":
    main()

"""A mall with as many accepted orders of one courier line as a benchmark asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Engine, event

from eldermall import Mall
from eldermall.contracts.storage import EntryRow
from eldermall.engine.clock import Clock
from eldermall.hooks import hookimpl
from eldermall.rules.shipping import LIMIT
from eldermall.texts import Text
from tests import shop

Level = Literal["FULL", "NORMAL"]

TEMPLATE = "order-0000000"
LINES = {"tea": 3}


def order_id(number: int) -> str:
    """Return the id of order ``number``; all are of one length."""
    return f"order-{number + 1:07}"


class ArrivesInTime:
    """A plugin with a clock that starts when an order has left, so that `ship` starts one."""

    @hookimpl
    def eldermall_rules(self) -> Iterable[Clock]:
        return [
            Clock(
                id="bench.arrives-in-time",
                label=Text("按时送达", "arrives in time"),
                clauses=("S19-11-1d",),
                kind="order",
                runs=lambda order: (
                    {"": order.parcels[-1].shipped_at} if order.goods == "shipped" else {}
                ),
                met=lambda order, part: True,
                limit=LIMIT,
                starts=Text("发货", "shipping"),
                stops=Text("送达", "arrival"),
                told=("operations",),
            )
        ]


def use_level(engine: Engine, level: Level) -> None:
    """Make every connection of ``engine`` synchronise at ``level``."""

    def pragma(connection: Any, record: object) -> None:
        connection.execute(f"PRAGMA synchronous={level}")

    event.listen(engine, "connect", pragma)
    engine.dispose()


def engine_of(mall: Mall) -> Engine:
    """Return what a mall on a database reaches it with."""
    engine: Engine = mall.storage.engine  # type: ignore[attr-defined]
    return engine


@contextmanager
def open_stage(path: Path, orders: Iterable[int] = (), level: Level = "FULL") -> Iterator[Mall]:
    """Open a staffed mall in the file ``path`` with the accepted and paid ``orders`` in it."""
    with open_mall(f"sqlite:///{path}") as mall:
        use_level(engine_of(mall), level)
        fill(mall, orders)
        yield mall


def open_mall(url: str) -> Mall:
    """Open a mall under the demo policy, with the clock of the benchmarks."""
    return shop.open_mall(url, plugins=[ArrivesInTime()])


def fill(mall: Mall, orders: Iterable[int]) -> None:
    """Staff an empty mall and put the template and accepted and paid ``orders`` in it."""
    shop.staff(mall)
    mall.orders.place(
        TEMPLATE, customer=shop.CUSTOMER.id, merchant="tea-house", total=20400,
        lines=[{"id": "tea", "listing": "green-tea", "quantity": 3, "amount": 20400}],
        by=shop.CUSTOMER,
    )
    shop.pay(mall, TEMPLATE, 20400)
    shop.accept(mall, TEMPLATE)
    multiply(mall, orders)


def multiply(mall: Mall, orders: Iterable[int], later: int = 0) -> None:
    """Write copies of the template order, as many rows a statement as the storage takes.

    Each has its record, its running clock and the last entry of its chain.

    Args:
        mall: where the template is.
        orders: the numbers of the copies.
        later: how much later than the template's the clocks are due, in microseconds.
    """
    with mall.read() as tx:
        record, head = tx.load("order", TEMPLATE)
        (clock,) = tx.open_clocks(f"order/{TEMPLATE}")
        (*_, entry) = tx.chain(f"order/{TEMPLATE}")
    assert record is not None
    assert clock.next is not None
    old = TEMPLATE.encode()
    left = iter(orders)
    while ids := [order_id(number) for number in islice(left, 1000)]:
        with mall.storage.write(mall.code) as tx:
            tx.save(
                [
                    replace(record, id=id, before=0, body=record.body.replace(old, id.encode()))
                    for id in ids
                ]
            )
            tx.put_clocks(
                [
                    replace(
                        clock, subject=f"order/{id}", started=clock.started + later,
                        due=clock.due + later, next=clock.next + later,
                    )
                    for id in ids
                ]
            )
            tx.append(
                [
                    EntryRow(
                        f"order/{id}", head.seq, head.hash, entry.body.replace(old, id.encode())
                    )
                    for id in ids
                ]
            )


def ship(mall: Mall, id: str) -> None:
    """Send the order's only line."""
    mall.orders.ship(
        id, parcel="p1", courier="SF", tracking="SF1001", lines=LINES, by=shop.MERCHANT,
        key=f"ship-{id}",
    )

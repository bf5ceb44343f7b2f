"""Exports of orders: their rows, read as a stream, and the orders that they make.

A row is an order with one line, or a line of one: then rows that stand together and have the same
order's id make one order. An empty cell, null in JSON, and what can only mean so (``NULL``, ``--``,
``0000-00-00``, 1970-01-01) say that something never happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from eldermall.reports.columns import Columns
from eldermall.reports.rows import Goods, Row, RowMaker
from eldermall.reports.seen import Seen
from eldermall.reports.sources.cells import Progress, Unreadable
from eldermall.reports.sources.opening import raws
from eldermall.reports.sources.text import Rest
from eldermall.texts import Text

MOST_GOODS = 500
"""In how many parts an order may leave."""


class Order(NamedTuple):
    """An order as the export has it, of one row or several; the line is that of the first."""

    line: int
    id: str
    placed: int
    paid: int | None
    ship_by: int | None
    cash: bool
    goods: tuple[Goods, ...]


def orders(
    path: str | Path,
    columns: Columns,
    progress: Progress | None,
    seen: Seen,
    notes: list[Text],
    rest: Rest | None = None,
) -> Iterator[Order | Unreadable]:
    """Yield the orders of an export; reads it as a stream.

    Args:
        path: text, JSON or a workbook; its bytes say which.
        columns: where things stand in it.
        progress: told from time to time how far the file has been read.
        seen: counts what the export holds.
        notes: takes what must be told once of the file.
        rest: of a plain text, where to begin, if not at its beginning.

    Raises:
        FileUnreadable: there is no such file, it is empty, damaged, or lacks a column.
    """
    first: Row | None = None
    goods: dict[Goods, None] = {}
    for row in rows(path, columns, progress, seen, notes, rest):
        if isinstance(row, Row) and row.joined and first is not None:
            first = _together(first, row)
            goods[row.goods] = None
            if len(goods) > MOST_GOODS:
                yield _too_many(first)
                first = None
            continue
        if first is not None:
            yield _order(first, goods)
        first, goods = None, {}
        if isinstance(row, Unreadable):
            yield row
        elif not row.joined:
            first = row
            goods[row.goods] = None
    if first is not None:
        yield _order(first, goods)


def of_row(row: Row) -> Order:
    """Return the order that a row is by itself."""
    return _order(row, {row.goods: None})


def _order(row: Row, goods: dict[Goods, None]) -> Order:
    return Order(row.line, row.id, row.placed, row.paid, row.ship_by, row.cash, tuple(goods))


def _together(first: Row, row: Row) -> Row:
    # what a later row knows of the order and the first doesn't
    return first._replace(
        paid=row.paid if first.paid is None else first.paid,
        ship_by=row.ship_by if first.ship_by is None else first.ship_by,
        cash=first.cash or row.cash,
    )


def _too_many(first: Row) -> Unreadable:
    return Unreadable(
        first.line, "",
        Text(f"该订单有超过 {MOST_GOODS} 次发货", "the order left in too many parts"),
        Text(
            f"一单最多 {MOST_GOODS} 次；请查 columns.order 是否指明了订单编号",
            f"an order leaves in {MOST_GOODS} parts at most: is columns.order the order's id?",
        ),
    )


def rows(
    path: str | Path,
    columns: Columns,
    progress: Progress | None,
    seen: Seen,
    notes: list[Text],
    rest: Rest | None = None,
) -> Iterator[Row | Unreadable]:
    """Yield the rows of an export, as `orders` does the orders."""
    make = RowMaker(columns, seen)
    if rest is not None and rest.above is not None:
        make.follow(rest.above)
    for raw in raws(path, columns.wanted, notes, progress, rest):
        if isinstance(raw, Unreadable):
            make.unreadable()
            yield raw
        else:
            row = make.row(raw)
            if row is not None:
                yield row

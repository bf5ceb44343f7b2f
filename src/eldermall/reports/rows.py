"""Rows of an export: the cells of each, read into an id, moments, and what they mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import NamedTuple

from eldermall.calendars import DAY
from eldermall.reports.columns import LISTS, MARKERS, MOMENTS, Columns
from eldermall.reports.formats import reading
from eldermall.reports.seen import Seen
from eldermall.reports.sources.cells import (
    LOST_DIGITS,
    Cell,
    Digits,
    Raw,
    Unreadable,
    Wrong,
    undressed,
)
from eldermall.reports.times import Times
from eldermall.texts import Text

_SURROGATE = re.compile("[\ud800-\udfff]")
_SCIENTIFIC = re.compile(r"[0-9](?:\.[0-9]+)?E\+[0-9]{2,3}", re.IGNORECASE)
_NEVER = frozenset({
    "", "-", "--", "---", "—", "——", "/", "\\n", "null", "(null)", "<null>", "none", "nil",
    "n/a", "na", "nan", "nat", "无", "空",
})
TOTALS = frozenset({"合计", "总计", "小计", "共计", "total", "totals", "grand total", "sum"})


def is_marker(text: str) -> bool:
    """Say whether a text in place of a time means that something never happened."""
    return text.lower() in _NEVER


class Goods(NamedTuple):
    """What of an order left together, or hasn't left: its moments in microseconds.

    ``cancelled`` is the moment, ``ended`` says that the status means cancelled; ``courier``
    whether it leaves by courier.
    """

    shipped: int | None
    delivered: int | None
    cancelled: int | None
    ended: bool
    courier: bool


class Row(NamedTuple):
    """A row as the export has it: the line it stands in, its moments in microseconds.

    ``cash`` is cash on delivery. ``joined``: it belongs to the order of the row above.
    """

    line: int
    id: str
    placed: int
    paid: int | None
    ship_by: int | None
    cash: bool
    goods: Goods
    joined: bool


class _Bad(Exception):
    def __init__(self, row: Unreadable) -> None:
        self.row = row


class RowMaker:
    """Makes rows out of cells."""

    def __init__(self, columns: Columns, seen: Seen) -> None:
        self._seen, self._named = seen, columns.named
        self._encoding = columns.encoding.removesuffix("-sig") or "utf-8"
        self._times = Times(columns.time_format, columns.zone)
        self._format = columns.time_format
        self._read = self._times.read
        names = columns.wanted.names
        index = {key: names.index(name) for key, name in self._named.items()}
        last = -1
        self._order = columns.order
        self._id = index.get("order", index.get("id", last))
        apart = "id" in index and index["id"] != self._id
        self._line_id = index["id"] if apart else None
        keys = (*MOMENTS, "ship_by")
        self._pick = itemgetter(*(index.get(key, last) for key in keys))
        self._keys = keys
        self._values = [(what, index[what], self._named[what]) for what in seen.values]
        self._lists = {key: columns.values.get(key, frozenset()) for key in (*LISTS, *MARKERS)}
        self._never = self._lists["never"]
        self._above: Row | None = None
        self._told = False  # whether the order of the row above said what is the order's

    def row(self, raw: Raw) -> Row | Unreadable | None:
        """Return what a row says, None if it is one of totals."""
        try:
            row = self._row(raw)
        except _Bad as bad:
            self._above = None
            return bad.row
        if row is not None:
            self._above = row
        return row

    def follow(self, id: str) -> None:
        """Know that the row above is an order by itself, with this id."""
        goods = Goods(None, None, None, ended=False, courier=True)
        self._above = Row(0, id, 0, None, None, cash=False, goods=goods, joined=False)

    def unreadable(self) -> None:
        """Know that a row couldn't be read, which none below may belong to."""
        self._above = None

    def _row(self, raw: Raw) -> Row | None:
        line, cells = raw.line, (*raw.cells, "")
        id = self._text(line, self._order, cells[self._id])
        times = self._pick(cells)
        if not times[0] and self._is_total(id):
            return None
        above = self._above_of(raw, id, blank=not times[0])
        if not id and above is None:
            raise _Bad(self._empty(line, self._order))
        placed, paid, shipped, delivered, cancelled, ship_by = self._moments(line, times)
        values = {what: self._text(line, name, cells[at]) for what, at, name in self._values}
        goods = Goods(
            shipped, delivered, cancelled, values.get("status", "") in self._lists["cancelled"],
            values.get("courier", "") not in self._lists["no_courier"],
        )
        tells = paid is not None or bool(values.get("status") or values.get("payment"))
        if above is not None and (placed is None or (self._told and not tells)):
            placed, goods, values = above.placed, _continued(above.goods, goods, values), {}
        else:
            self._told = tells
        if placed is None:
            again = self._above is not None and id == self._above.id
            raise _Bad(self._empty(line, self._named["placed"], again=again))
        cash = values.get("payment", "") in self._lists["cash_on_delivery"]
        row = Row(
            line, id if above is None else above.id, placed, paid, self._agreed(placed, ship_by),
            cash, goods, above is not None,
        )
        self._count(raw, row, values, cells)
        return row

    def _above_of(self, raw: Raw, id: str, *, blank: bool) -> Row | None:
        above = self._above
        if above is None or raw.joined:
            return above
        same = "order" in self._named and (id == above.id or (not id and blank))
        return above if same else None

    def _agreed(self, placed: int, ship_by: int | None) -> int | None:
        if ship_by is None:
            return None
        if self._times.days_only:
            ship_by += DAY - 1
        if ship_by <= placed:
            self._seen.agreed += 1
            return None
        return ship_by

    def _count(
        self, raw: Raw, row: Row, values: Mapping[str, str], cells: Sequence[Cell]
    ) -> None:
        seen = self._seen
        for what, value in values.items():
            seen.count(what, value)
        seen.hidden += raw.hidden
        seen.long += isinstance(cells[self._id], Digits)
        if not row.joined:
            seen.ids.add(row.id)
            shipped = row.goods.shipped is not None and row.paid is None and not row.cash
            seen.unpaid += shipped and "paid" in self._named
        if self._line_id is not None:
            seen.lines.add(self._text(row.line, self._named["id"], cells[self._line_id]))

    def _is_total(self, id: str) -> bool:
        named = self._lists["totals"]
        if id in named:
            self._seen.markers["totals"].add(id)
        elif id.rstrip(":：").strip().lower() not in TOTALS:
            return False
        self._seen.totals += 1
        return True

    def _text(self, line: int, column: str, cell: Cell) -> str:
        if isinstance(cell, str) and cell.isalnum() and cell.isascii():
            return cell  # as nearly all are
        if isinstance(cell, Wrong):
            raise _Bad(Unreadable(line, column, cell.wrong, cell.right))
        if isinstance(cell, datetime):
            return cell.isoformat(" ")
        text = undressed(cell)
        if not text.isascii() and _SURROGATE.search(text):
            raise _Bad(self._undecodable(line, column))
        if column == self._order and _SCIENTIFIC.fullmatch(text):
            raise _Bad(
                Unreadable(
                    line, column,
                    Text(f"编号 {text} 为科学计数法，已丢失位数", f"the id {text} has lost digits"),
                    LOST_DIGITS,
                )
            )
        return text

    def _moments(self, line: int, cells: Sequence[Cell]) -> list[int | None]:
        read = self._read
        if not self._never:
            try:  # as nearly all are
                return [read(cell) if cell else None for cell in cells]  # type: ignore[arg-type]
            except (ValueError, TypeError):
                pass
        return [
            None if cell == "" else self._moment(line, key, cell)
            for cell, key in zip(cells, self._keys, strict=True)
        ]

    def _moment(self, line: int, key: str, cell: Cell) -> int | None:
        column = self._named[key]
        if isinstance(cell, Wrong):
            raise _Bad(Unreadable(line, column, cell.wrong, cell.right))
        given = undressed(cell) if isinstance(cell, str) else cell
        if given in self._never:
            self._seen.markers["never"].add(str(given))
            return None
        if self._is_never(given):
            return None
        try:
            return self._read(given) if isinstance(given, str) else self._times.of(given)
        except ValueError:
            if isinstance(given, str) and _SURROGATE.search(given):
                raise _Bad(self._undecodable(line, column)) from None
            raise _Bad(self._no_time(line, column, str(given))) from None

    def _is_never(self, given: str | datetime) -> bool:
        if isinstance(given, str) and is_marker(given):
            return True
        return self._times.is_never(given)

    def _empty(self, line: int, column: str, *, again: bool = False) -> Unreadable:
        more = Text("", "")
        if again:
            more = Text(
                "；如该行是上一行订单的商品，请在列映射中写明 columns.order",
                "; if the row is one more line of the order above, name columns.order",
            )
        return Unreadable(
            line, column, Text("空格", "the cell is empty"),
            Text(
                f"每个订单须有编号和提交时间{more.zh}",
                f"an order has an id and the moment it was placed{more.en}",
            ),
        )

    def _undecodable(self, line: int, column: str) -> Unreadable:
        return Unreadable(
            line, column,
            Text(
                f"含有不属于 {self._encoding} 的字节",
                f"the cell holds bytes that are no {self._encoding}",
            ),
            Text("在列映射中写明 encoding", "say the file's encoding in the map"),
        )

    def _no_time(self, line: int, column: str, cell: str) -> Unreadable:
        shown = cell if len(cell) <= 40 else cell[:37] + "..."
        others = list(islice(reading([cell]), 1))
        zh = "".join(f'；此格可用 time_format = "{other}" 读' for other in others)
        en = "".join(f'; time_format = "{other}" reads this cell' for other in others)
        return Unreadable(
            line, column,
            Text(f"{shown!r} 不是时间", f"{shown!r} is no time"),
            Text(
                f"应写作 {self._times.example}（{self._format}），"
                f"1970 至 2255 年之间真实存在的日期{zh}",
                f"write it as {self._times.example} ({self._format}), a day that "
                f"exists, from 1970 to 2255{en}",
            ),
        )


def _continued(above: Goods, goods: Goods, values: Mapping[str, str]) -> Goods:
    # a row that says nothing of the order again: what it leaves out is as above
    return Goods(
        above.shipped if goods.shipped is None else goods.shipped,
        above.delivered if goods.delivered is None else goods.delivered,
        above.cancelled if goods.cancelled is None else goods.cancelled,
        above.ended,
        goods.courier if values.get("courier") else above.courier,
    )

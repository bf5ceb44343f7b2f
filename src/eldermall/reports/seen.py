"""What must be told once of a whole export: values that nobody named, ids that stand twice."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Protocol

from eldermall.reports.columns import LISTS, Columns
from eldermall.texts import Text

SHOWN = 20
"""How many of the most frequent are told."""

_MOST = 1000
_BATCH = 1000
_WHAT: Mapping[str, Text] = {
    "status": Text("状态", "statuses"),
    "payment": Text("付款方式", "payment methods"),
    "courier": Text("配送方式", "ways of delivery"),
}


class AllIds(Protocol):
    """All ids of an export, kept until they are counted."""

    def add(self, id: str) -> None:
        """Take an id."""
        ...

    def twice(self) -> tuple[int, list[tuple[str, int]]]:
        """Return how many ids stand more than once, and the most frequent, each with its count."""
        ...

    def close(self) -> None:
        """Throw the ids away."""
        ...


class Ids:
    """All ids of an export, kept in a private file of the database until they are counted."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.executescript("PRAGMA journal_mode=OFF; CREATE TABLE ids(id TEXT);")
        self._batch: list[tuple[str]] = []

    def add(self, id: str) -> None:
        """Take an id."""
        self._batch.append((id,))
        if len(self._batch) == _BATCH:
            self._write()

    def twice(self) -> tuple[int, list[tuple[str, int]]]:
        """Return how many ids stand more than once, and the most frequent, each with its count."""
        self._write()
        often = "FROM ids GROUP BY id HAVING count(*) > 1"
        number = self._file.execute(f"SELECT count(*) FROM (SELECT 1 {often})").fetchone()[0]
        first = self._file.execute(
            f"SELECT id, count(*) {often} ORDER BY 2 DESC, 1 LIMIT {SHOWN}"
        )
        return number, [(id, count) for id, count in first]

    def close(self) -> None:
        """Throw the ids away."""
        self._file.close()

    def _write(self) -> None:
        if self._batch:
            self._file.execute("BEGIN")
            self._file.executemany("INSERT INTO ids VALUES (?)", self._batch)
            self._file.execute("COMMIT")
            self._batch.clear()


class Seen:
    """Counts what an export holds while it is read.

    ``values`` are counted by what they are of; the others are rows of their kind.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.values: dict[str, Counter[str]] = {
            what: Counter() for what in _WHAT if what in columns.named
        }
        self.markers: dict[str, set[str]] = {"never": set(), "totals": set()}
        self.hidden = self.totals = self.long = self.unpaid = self.agreed = 0
        self.ids: AllIds = Ids()
        self.lines = Ids()

    def close(self) -> None:
        """Throw away what was counted on disk; nothing can be told after it."""
        self.ids.close()
        self.lines.close()

    def notes(self) -> Iterator[Text]:
        """Yield what must be told, once the export has been read."""
        yield from self._unmatched()
        yield from self._unnamed()
        yield from self._twice()
        if self.hidden:
            yield Text(
                f"被隐藏（例如由筛选隐藏）而照常计入的行：{self.hidden}",
                f"rows that are hidden, by a filter for example, and were counted: {self.hidden}",
            )
        if self.totals:
            yield Text(f"跳过的合计行：{self.totals}", f"rows of totals passed over: {self.totals}")
        if self.long:
            yield Text(
                f"编号为超过 15 位数值的行：{self.long}；末几位可能早已被软件改动，"
                "请与店铺后台核对",
                f"ids that are numbers of more than 15 digits: {self.long}; a program may have "
                "changed the last digits before, compare them with the shop",
            )
        if self.agreed:
            yield Text(
                f"约定发货时间不晚于下单时间而未采用的行：{self.agreed}",
                f"agreed times that aren't after the order, and were left out: {self.agreed}",
            )
        if self.unpaid and "payment" not in self._columns.named:
            yield Text(
                f"已发货而无付款时间的订单：{self.unpaid}；如含货到付款，请在列映射中写明"
                "columns.payment 与 cash_on_delivery",
                f"orders that left without a payment on record: {self.unpaid}; if some are cash "
                "on delivery, name columns.payment and cash_on_delivery in the map",
            )

    def _unmatched(self) -> Iterator[Text]:
        for key, named in self._columns.values.items():
            if key in LISTS:
                found: set[str] = set(self.values[LISTS[key]])
            else:
                found = self.markers[key]
            lacking = sorted(named - found)
            if lacking:
                yield Text(
                    f"列映射 {key} 中的值无一行具有：" + "、".join(lacking),
                    f"no row has what the map names as {key}: " + ", ".join(lacking),
                )

    def _unnamed(self) -> Iterator[Text]:
        for what, counted in self.values.items():
            named = {
                value for key, of in LISTS.items() if of == what
                for value in self._columns.values.get(key, ())
            }
            most = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
            others = [(value, n) for value, n in most if value not in named]
            if others:
                shown = _counted(others)
                more = len(others) - SHOWN
                yield Text(
                    f"列映射未提到的{_WHAT[what].zh}：{shown.zh}"
                    + (f"，另有 {more} 种" if more > 0 else ""),
                    f"{_WHAT[what].en} that the map doesn't name: {shown.en}"
                    + (f", and {more} more" if more > 0 else ""),
                )

    def _twice(self) -> Iterator[Text]:
        number, first = self.lines.twice()
        if number:
            shown = _counted(first)
            yield Text(
                f"重复出现的行编号：{number} 个（{shown.zh}）",
                f"ids of lines that stand more than once: {number} ({shown.en})",
            )
        number, first = self.ids.twice()
        if not number:
            return
        shown = _counted(first)
        if "order" in self._columns.named:
            yield Text(
                f"行不相邻的订单：{number} 个（{shown.zh}）；同一订单的行须相邻，分开的各算一单",
                f"orders whose rows stand apart: {number} ({shown.en}); each part was counted as "
                "an order of its own: sort the file by order",
            )
        else:
            yield Text(
                f"重复出现的编号：{number} 个（{shown.zh}），每行各算一单；"
                "如一行只是订单的一件商品，请在列映射中写明 columns.order",
                f"ids that stand more than once: {number} ({shown.en}), and each row was counted "
                "as an order; if a row is a line of an order, name columns.order",
            )

    def count(self, what: str, value: str, number: int = 1) -> None:
        """Count a value, as one of many once there are too many to keep."""
        counted = self.values[what]
        if value in counted or len(counted) < _MOST:
            counted[value] += number
        else:
            counted["…"] += number


def _counted(values: list[tuple[str, int]]) -> Text:
    few = values[:SHOWN]
    return Text(
        "、".join(f"{value or '（空）'} {n}" for value, n in few),
        ", ".join(f"{value or '(blank)'} {n}" for value, n in few),
    )

"""Exports of orders: their rows, read as a stream.

A row is one order with one line that leaves by courier. An empty cell, or null in JSON, means that
it never happened. Empty lines are passed over. Two rows with the same id are two orders: to notice
it, all ids would have to be kept.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from eldermall.errors import FileUnreadable
from eldermall.reports.columns import MOMENTS, Columns
from eldermall.reports.times import Times
from eldermall.texts import Text

Progress = Callable[[int, int], None]
"""Told how many bytes of a file have been read, and how many there are."""

_JSON_LINES = (".jsonl", ".ndjson", ".json")
_SURROGATE = re.compile("[\ud800-\udfff]")
_EVERY = 500


class Row(NamedTuple):
    """An order as the export has it: the line it stands in, its moments in microseconds."""

    line: int
    id: str
    placed: int
    paid: int | None
    shipped: int | None
    delivered: int | None
    cancelled: bool


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that can't be read.

    Args:
        line: the line it begins in, from 1.
        column: the column that is wrong, ``""`` if it is the whole row.
        wrong: what is wrong.
        right: what would be right.
    """

    line: int
    column: str
    wrong: Text
    right: Text

    def as_json(self) -> dict[str, Any]:
        """Return the fields, texts in both languages."""
        return {
            "what": "unreadable", "line": self.line, "column": self.column,
            "wrong": {"zh": self.wrong.zh, "en": self.wrong.en},
            "right": {"zh": self.right.zh, "en": self.right.en},
        }


def rows(
    path: str | Path, columns: Columns, progress: Progress | None = None
) -> Iterator[Row | Unreadable]:
    """Yield the orders of an export, CSV or JSON lines, plain or gzip; reads it as a stream.

    Args:
        path: the file; JSON lines if its name says so or it begins with ``{``.
        columns: where things stand in it.
        progress: told from time to time how far the file has been read.

    Raises:
        FileUnreadable: there is no such file, it is empty, damaged gzip, or lacks a column.
    """
    path = Path(path)
    try:
        with path.open("rb") as raw:
            size = path.stat().st_size
            head = raw.peek(2)[:2]
            packed = head == b"\x1f\x8b" or path.suffix.lower() == ".gz"
            bytes_ = cast(IO[bytes], gzip.GzipFile(fileobj=raw) if packed and head else raw)
            lines = _Lines(
                io.TextIOWrapper(
                    bytes_, encoding=columns.encoding, errors="surrogateescape", newline=""
                )
            )
            if lines.empty:
                raise FileUnreadable(Text(f"{path} 是空文件", f"{path} is empty"))
            suffixes = [s.lower() for s in path.suffixes if s.lower() != ".gz"]
            json_lines = (suffixes and suffixes[-1] in _JSON_LINES) or lines.starts_with("{")
            found = (_json_rows if json_lines else _csv_rows)(lines, columns, path)
            for number, row in enumerate(found):
                if progress is not None and number % _EVERY == 0:
                    progress(raw.tell(), size)
                yield row
            if progress is not None:
                progress(size, size)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FileUnreadable(
            Text(f"{path} 的 gzip 数据已损坏：{error}", f"{path} is damaged gzip: {error}")
        ) from error
    except OSError as error:
        raise FileUnreadable(
            Text(f"无法读取 {path}：{error.strerror}", f"can't read {path}: {error.strerror}")
        ) from error


class _Lines:
    """The lines of a file, which can be given back.

    ``number`` is how many were taken; ``taken`` are those since `clear`.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        first = next(self._lines, "")
        self.empty = not first
        self._back = [first]
        self.number = 0
        self.taken: list[str] = []

    def starts_with(self, sign: str) -> bool:
        return self._back[0].lstrip().startswith(sign)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._back.pop() if self._back else next(self._lines)
        self.number += 1
        self.taken.append(line)
        return line

    def give_back_all_but_one(self) -> None:
        back = self.taken[1:]
        self._back.extend(reversed(back))
        self.number -= len(back)


def header_of(reader: Iterator[list[str]], path: Path) -> list[str]:
    """Return the names of the columns of a CSV.

    Raises:
        FileUnreadable: its first row is none.
    """
    try:
        return [name.strip() for name in next(reader)]
    except csv.Error as error:
        raise FileUnreadable(
            Text(f"{path} 的表头无法读取：{error}", f"{path}: the header can't be read: {error}")
        ) from error


def _csv_rows(lines: _Lines, columns: Columns, path: Path) -> Iterator[Row | Unreadable]:
    reader = csv.reader(lines, strict=True)
    header = header_of(reader, path)
    _check_header(header, columns, path)
    width = len(header)
    pick = itemgetter(*(
        -1 if name is None else header.index(name)
        for name in (columns.id, columns.status, *map(columns.moments.get, MOMENTS))
    ))
    make = _Maker(columns).row
    while True:
        lines.taken.clear()
        line = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lines.give_back_all_but_one()
            yield Unreadable(
                line, "", Text(f"无法解析此行：{error}", f"the row can't be parsed: {error}"),
                Text("引号须成对", "quotation marks come in pairs"),
            )
            continue
        if len(cells) == width:
            cells.append("")
            yield make(line, pick(cells))
        elif cells:
            # a quotation mark that is never closed has swallowed the lines after it
            lines.give_back_all_but_one()
            yield Unreadable(
                line,
                header[len(cells)] if len(cells) < width else "",
                Text(f"此行有 {len(cells)} 格", f"the row has {len(cells)} cells"),
                Text(f"应与表头一致，为 {width} 格", f"it has {width}, as the header"),
            )


def _check_header(header: list[str], columns: Columns, path: Path) -> None:
    lacking = [name for name in columns.names if name not in header]
    if lacking:
        raise FileUnreadable(
            Text(
                f"{path} 的第一行没有列 " + "、".join(lacking) + "；有 " + "、".join(header),
                f"{path}: the first line names no column {', '.join(lacking)}; it has "
                + ", ".join(header),
            )
        )
    twice = [name for name in columns.names if header.count(name) > 1]
    if twice:
        raise FileUnreadable(
            Text(
                f"{path} 的列重复：" + "、".join(twice),
                f"{path}: columns stand twice: {', '.join(twice)}",
            )
        )


def _json_rows(lines: _Lines, columns: Columns, path: Path) -> Iterator[Row | Unreadable]:
    make = _Maker(columns).row
    wanted = (columns.id, columns.status, *map(columns.moments.get, MOMENTS))
    unseen = set(columns.names)
    objects = 0
    for text in lines:
        lines.taken.clear()
        line = lines.number
        if text.isspace():
            continue
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            yield Unreadable(
                line, "", Text("不是 JSON 对象", "the line is no JSON object"),
                Text("每行一个 JSON 对象", "each line holds one JSON object"),
            )
            continue
        objects += 1
        if unseen:
            unseen -= fields.keys()
        values = ["" if key is None else _text_of(fields.get(key)) for key in wanted]
        if None in values:
            yield Unreadable(
                line,
                wanted[values.index(None)] or "",
                Text("值不是文字", "the value is no text"),
                Text("应为文字；没有发生写 null", "write a text, or null if it never happened"),
            )
            continue
        yield make(line, cast("Sequence[str]", values))
    if objects and unseen:
        lacking = [name for name in columns.names if name in unseen]
        raise FileUnreadable(
            Text(
                f"{path} 没有任何一行含有 " + "、".join(lacking),
                f"{path}: no row has {', '.join(lacking)}",
            )
        )


def _text_of(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return str(value) if type(value) is int else None


class _Maker:
    """Makes rows out of cells: id, status, and the four moments."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._cancelled = columns.cancelled
        self._times = Times(columns.time_format, columns.zone)
        self._read = self._times.read

    def row(self, line: int, cells: Sequence[str]) -> Row | Unreadable:
        id, status, placed, paid, shipped, delivered = cells
        if not id.strip():
            return self._empty(line, self._columns.id)
        if not (id.isascii() and status.isascii()):
            for column, cell in ((self._columns.id, id), (self._columns.status, status)):
                if _SURROGATE.search(cell):
                    return self._undecodable(line, column or "")
        if not placed:
            return self._empty(line, self._columns.moments["placed"])
        read = self._read
        try:
            return Row(
                line, id.strip(), read(placed),
                read(paid) if paid else None,
                read(shipped) if shipped else None,
                read(delivered) if delivered else None,
                status.strip() in self._cancelled,
            )
        except ValueError:
            return self._again(line, cells)

    def _again(self, line: int, cells: Sequence[str]) -> Row | Unreadable:
        # a cell that isn't of the format as it stands: blanks around it do no harm
        id, status, *moments = (cell.strip() for cell in cells)
        found: list[int | None] = []
        for moment, cell in zip(MOMENTS, moments, strict=True):
            column = self._columns.moments.get(moment, "")
            try:
                found.append(self._read(cell) if cell else None)
            except ValueError:
                if _SURROGATE.search(cell):
                    return self._undecodable(line, column)
                return self._no_time(line, column, cell)
        placed, paid, shipped, delivered = found
        if placed is None:
            return self._empty(line, self._columns.moments["placed"])
        return Row(line, id, placed, paid, shipped, delivered, status in self._cancelled)

    def _empty(self, line: int, column: str) -> Unreadable:
        return Unreadable(
            line, column, Text("空格", "the cell is empty"),
            Text(
                "每个订单须有编号和提交时间", "an order has an id and the moment it was placed"
            ),
        )

    def _undecodable(self, line: int, column: str) -> Unreadable:
        encoding = self._columns.encoding.removesuffix("-sig")
        return Unreadable(
            line, column,
            Text(f"含有不属于 {encoding} 的字节", f"the cell holds bytes that are no {encoding}"),
            Text("在列映射中写明 encoding", "say the file's encoding in the map"),
        )

    def _no_time(self, line: int, column: str, cell: str) -> Unreadable:
        shown = cell if len(cell) <= 40 else cell[:37] + "..."
        return Unreadable(
            line, column,
            Text(f"{shown!r} 不是时间", f"{shown!r} is no time"),
            Text(
                f"应写作 {self._times.example}（{self._columns.time_format}），"
                "1970 至 2255 年之间真实存在的日期",
                f"write it as {self._times.example} ({self._columns.time_format}), a day that "
                "exists, from 1970 to 2255",
            ),
        )

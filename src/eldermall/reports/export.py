"""Exports of orders: the map that names their columns, and their rows, read as a stream.

A map is TOML::

    zone = "America/Sao_Paulo"           # in which the times are written, and days begin
    time_format = "%m/%d/%Y %H:%M"       # %Y %m %d %H %M and, if there, %S; zeros may be missing
    cancelled = ["canceled"]             # the values of the status that mean cancelled
    encoding = "utf-8"                   # as it is by default; "gb18030" for example

    [columns]                            # a moment that the export doesn't hold is left out
    id = "order_id"
    status = "order_status"
    placed = "order_purchase_timestamp"
    paid = "order_approved_at"
    shipped = "order_delivered_carrier_date"
    delivered = "order_delivered_customer_date"

A row is one order with one line that leaves by courier. An empty cell, or null in JSON, means that
it never happened. Empty lines are passed over. Two rows with the same id are two orders: to notice
it, all ids would have to be kept. A local time that a change of the clocks makes occur twice is
the earlier of the two; one that it leaves out is counted as if the clocks had not yet changed.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from eldermall.calendars import DAY, HOUR, MINUTE, SECOND, zone_named
from eldermall.engine.inputs import only_keys
from eldermall.errors import FileUnreadable, Invalid
from eldermall.texts import Text
from eldermall.toml import read_toml

MOMENTS = ("placed", "paid", "shipped", "delivered")
"""The moments that a map may name, in the order in which they count if they are equal."""

Progress = Callable[[int, int], None]
"""Told how many bytes of a file have been read, and how many there are."""

_KEYS = ("zone", "time_format", "cancelled", "encoding", "columns")
_COLUMNS = ("id", "status", *MOMENTS)
_DIRECTIVES = {
    "Y": "([0-9]{4})",
    "m": "(1[0-2]|0?[1-9])",
    "d": "(3[01]|[12][0-9]|0?[1-9])",
    "H": "(2[0-3]|[01]?[0-9])",
    "M": "([0-5]?[0-9])",
    "S": "([0-5]?[0-9])",
}
_JSON_LINES = (".jsonl", ".ndjson", ".json")
_SURROGATE = re.compile("[\ud800-\udfff]")
_EVERY = 500
_DAYS_KEPT = 4096
_LAST = 2**53 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


@dataclass(frozen=True, slots=True)
class Columns:
    """A map that was read and checked.

    Args:
        id: the column of the order's id.
        moments: the column of each moment that the export holds, ``placed`` at least.
        status: the column of the status, None if there is none.
        cancelled: the statuses that mean cancelled.
        zone: in which times are written and calendar days counted.
        time_format: how times are written.
        encoding: of the file.
    """

    id: str
    moments: Mapping[str, str]
    status: str | None
    cancelled: frozenset[str]
    zone: tzinfo
    time_format: str
    encoding: str = "utf-8"

    @property
    def names(self) -> tuple[str, ...]:
        """All columns that are read, each once."""
        status = () if self.status is None else (self.status,)
        return tuple(dict.fromkeys((self.id, *status, *self.moments.values())))


def read_columns(source: str | Path | Mapping[str, Any] | Columns) -> Columns:
    """Read a map of columns.

    Args:
        source: a TOML file, what such a file holds, or a map that was read before.

    Raises:
        FileUnreadable: there is no such file, or it is no TOML.
        Invalid: something in it is wrong; says at which key and what would be right.
    """
    if isinstance(source, Columns):
        return source
    raw = dict(source) if isinstance(source, Mapping) else read_toml(Path(source), "列映射文件")
    only_keys(raw, _KEYS, "")
    named = raw.get("columns")
    if not isinstance(named, Mapping):
        raise Invalid("columns", named, Text("须为一个表", "must be a table"))
    only_keys(named, _COLUMNS, "columns.")
    for key in ("id", "placed"):
        if key not in named:
            raise Invalid(f"columns.{key}", None, Text("缺少此项", "is missing"))
    for key, name in named.items():
        if not isinstance(name, str) or not name:
            raise Invalid(f"columns.{key}", name, Text("须为列名", "must be a column's name"))
    cancelled = raw.get("cancelled", [])
    if not isinstance(cancelled, list) or not all(isinstance(s, str) and s for s in cancelled):
        raise Invalid(
            "cancelled", cancelled, Text("须为状态值的列表", "must be a list of statuses")
        )
    if cancelled and "status" not in named:
        raise Invalid(
            "columns.status", None,
            Text("已列出 cancelled，须指明状态列", "is missing, though cancelled names statuses"),
        )
    zone = raw.get("zone")
    if not isinstance(zone, str):
        raise Invalid(
            "zone", zone,
            Text("须为 IANA 时区名，例如 Asia/Shanghai", "must be an IANA name: Asia/Shanghai"),
        )
    written = raw.get("time_format")
    time_pattern(written)
    return Columns(
        named["id"],
        {moment: named[moment] for moment in MOMENTS if moment in named},
        named.get("status"),
        frozenset(cancelled),
        zone_named(zone),
        str(written),
        _encoding(raw.get("encoding", "utf-8")),
    )


def _encoding(name: object) -> str:
    try:
        known = codecs.lookup(name).name if isinstance(name, str) else ""
        "0123456789".encode(known)
    except (LookupError, UnicodeError):
        known = ""
    if not known or known.startswith("utf-16") or known.startswith("utf-32"):
        raise Invalid(
            "encoding", name,
            Text("须为字符编码名，例如 utf-8、gb18030", "must be an encoding: utf-8, gb18030"),
        )
    return "utf-8-sig" if known == "utf-8" else known


def time_pattern(written: object) -> tuple[re.Pattern[str], dict[str, int]]:
    """Return the pattern of times in the format ``written``, and each directive's group in it.

    Raises:
        Invalid: it lacks a directive, has one twice, or has one that isn't known.
    """
    wrong = Invalid(
        "time_format", written,
        Text(
            "须含 %Y %m %d %H %M 各一次，可含 %S，例如 %m/%d/%Y %H:%M",
            "must hold %Y %m %d %H %M once each, and may hold %S: %m/%d/%Y %H:%M",
        ),
    )
    if not isinstance(written, str):
        raise wrong
    groups: dict[str, int] = {}
    pattern, rest = "", iter(written)
    for sign in rest:
        if sign != "%":
            pattern += re.escape(sign)
            continue
        directive = next(rest, "")
        if directive == "%":
            pattern += "%"
        elif directive not in _DIRECTIVES or directive in groups:
            raise wrong
        else:
            groups[directive] = len(groups) + 1
            pattern += _DIRECTIVES[directive]
    if not groups.keys() >= {"Y", "m", "d", "H", "M"}:
        raise wrong
    return re.compile(pattern), groups


class Times:
    """Reads local times of one format and zone into moments.

    Args:
        written: the format.
        zone: the zone.
    """

    def __init__(self, written: str, zone: tzinfo) -> None:
        pattern, groups = time_pattern(written)
        self._match = pattern.fullmatch
        self._order = tuple(groups[sign] - 1 for sign in "YmdHM")
        self._second = groups["S"] - 1 if "S" in groups else None
        self._zone = zone
        self._days: dict[tuple[str, ...], tuple[int, bool]] = {}
        self.example = _example(written)

    def read(self, cell: str) -> int:
        """Return the moment of ``cell``.

        Raises:
            ValueError: it isn't of the format, there is no such day, or it isn't from 1970 to 2255.
        """
        match = self._match(cell)
        if match is None:
            raise ValueError(cell)
        found = match.groups()
        y, m, d, h, minute_ = self._order
        date = found[y], found[m], found[d]
        day = self._days.get(date)
        if day is None:
            day = self._day(date)
        base, even = day
        time = int(found[h]) * HOUR + int(found[minute_]) * MINUTE
        if self._second is not None:
            time += int(found[self._second]) * SECOND
        if even:
            return base + time
        hour, minute, second = time // HOUR, time % HOUR // MINUTE, time % MINUTE // SECOND
        return _since_epoch(
            datetime(
                int(date[0]), int(date[1]), int(date[2]), hour, minute, second, tzinfo=self._zone
            )
        )

    def _day(self, date: tuple[str, ...]) -> tuple[int, bool]:
        # the moment at which the day begins, and whether the zone's offset is the same all day
        year, month, day = map(int, date)
        start = datetime(year, month, day, tzinfo=self._zone)
        end = datetime(year, month, day, 23, 59, 59, tzinfo=self._zone)
        base = _since_epoch(start)
        if not 0 <= base <= _LAST - 2 * DAY:
            raise ValueError(date)
        if len(self._days) >= _DAYS_KEPT:
            self._days.clear()
        # offsets are compared every hour, for zones whose clocks go back and forth in a day
        offsets = {start.replace(hour=hour).utcoffset() for hour in range(24)}
        found = base, len(offsets | {end.utcoffset()}) == 1
        self._days[date] = found
        return found


def _since_epoch(local: datetime) -> int:
    gone = local - _EPOCH
    return gone.days * DAY + gone.seconds * SECOND


def _example(written: str) -> str:
    return re.sub(
        "%(.)",
        lambda m: {"Y": "2026", "m": "10", "d": "2", "H": "9", "M": "05", "S": "30"}.get(m[1], "%"),
        written,
    )


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

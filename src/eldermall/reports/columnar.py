"""An export read by columns: plain rows of plain text, many thousands at once.

A row that could be read in another way than `rows` reads it isn't read here: one whose id or time
isn't written as nearly all are, or in which a quotation mark isn't round a whole cell. It is given
out as it stands, for `RowMaker`. A part of the file that can't be cut into rows by its lines ends
the reading by columns.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from eldermall.calendars import DAY
from eldermall.reports.columns import LISTS, MARKERS, MOMENTS, Columns
from eldermall.reports.rows import TOTALS
from eldermall.reports.sources.cells import LONGEST_LINE, Raw, Unreadable
from eldermall.reports.sources.lines import Lines
from eldermall.reports.sources.text import Header, Rest, rows_below
from eldermall.reports.times import FIRST, LAST, Times, time_pattern

AT = (*MOMENTS, "ship_by")
"""The columns of an order's moments, in the order of `shapes.Moments`."""

PART = 8 * 2**20
"""How many bytes are read at once."""

_DIRECTIVES = frozenset("YmdHMS")
_ISO = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-5][0-9]:[0-5][0-9]$"
_ID = "^[A-Za-z0-9#_./-]+$"
_VALUE = "^[^\\s\\x1c-\\x1f=\"'`](.*[^\\s\\x1c-\\x1f])?$"
_WHOLE = '^"[^"]*"$'


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a part of the file.

    Args:
        plain: with the columns ``line``, ``id``, those of `AT`, and ``cash``, ``ended``,
            ``courier``.
        others: the rows that aren't plain, as they stand.
        values: of the plain rows, each value in the columns that are counted: in which line it
            stands first, in which column, what it is, how often.
        agreed: of these, how many have an agreed time that isn't after the order.
        unpaid: of these, how many left without a payment on record.
        end: how many bytes of the file lie before its end.
    """

    plain: pl.DataFrame
    others: Sequence[Raw | Unreadable]
    values: Sequence[tuple[int, str, str, int]]
    agreed: int
    unpaid: int
    end: int


def can_read(columns: Columns) -> bool:
    """Say whether rows of the export can be read by columns: each an order, times by a pattern."""
    return "order" not in columns.named and _format(columns.time_format) is not None


def _format(written: str) -> tuple[str, str] | None:
    # a pattern of times, and the format by which Polars reads what it matches
    if written == "iso":
        return _ISO, "%Y-%m-%d %H:%M:%S"
    signs = re.findall("%(.)", written)
    if not _DIRECTIVES.issuperset(signs) or "H" not in signs:
        return None
    return f"^(?:{time_pattern(written)[0].pattern})$", written


class Pages:
    """Reads an export by columns.

    Args:
        columns: its map.
        header: its header.
        counted: the columns of which each value is counted.

    ``rest`` is where the reading has ended, if that was before the file did.
    """

    def __init__(self, columns: Columns, header: Header, counted: Sequence[str]) -> None:
        self.columns, self.header, self.counted = columns, header, counted
        self.rest: Rest | None = None
        self._times = Times(columns.time_format, columns.zone)

    def read(self, stream: io.BufferedReader, lines: int) -> Iterator[Page]:
        """Yield the pages of ``stream``, which stands below the header, after ``lines`` lines."""
        offset = stream.tell()
        while part := stream.read(PART):
            part += stream.readline(LONGEST_LINE)
            whole = part.endswith(b"\n") or not stream.peek(1)
            page = None
            if whole:
                page = self._page(part.removesuffix(b"\n"), lines, offset + len(part))
            if page is None:
                self.rest = Rest(offset, lines, self.header)
                return
            yield page
            offset += len(part)
            lines += part.count(b"\n")

    def _page(self, part: bytes, lines: int, end: int) -> Page | None:
        if part.count(b"\r") != part.count(b"\r\n") + part.endswith(b"\r"):
            return None
        try:
            texts = part.decode().replace("\r\n", "\n").removesuffix("\r").split("\n")
        except UnicodeDecodeError:
            return None
        if max(map(len, texts)) >= min(LONGEST_LINE - 2, csv.field_size_limit()):
            return None
        frame = pl.DataFrame({"text": texts}).with_row_index("line", offset=lines + 1)
        frame = self._cells(frame.filter(pl.col("text") != ""))
        if b'"' in part:
            undressed = self._undressed(frame)
            if undressed is None:
                return None
            frame = undressed
        return self._taken(frame, end)

    def _cells(self, frame: pl.DataFrame) -> pl.DataFrame:
        mark, width = self.header.delimiter, len(self.header.names)
        wide = pl.col("text").str.count_matches(mark, literal=True) == width - 1
        cells = pl.col("text").str.split_exact(mark, width - 1)
        names = [f"c{n}" for n in range(width)]
        return frame.with_columns(wide.alias("plain"), cells.struct.rename_fields(names)).unnest(
            "text"
        ).with_columns(frame["text"])

    def _undressed(self, frame: pl.DataFrame) -> pl.DataFrame | None:
        # takes the quotation marks off; None if a row may go on in the next line
        cells = [pl.col(f"c{n}") for n in range(len(self.header.names))]
        whole = pl.sum_horizontal(cell.str.contains(_WHOLE).fill_null(False) for cell in cells)
        marks = pl.col("text").str.count_matches('"', literal=True)
        frame = frame.with_columns(plain=pl.col("plain") & (marks == 2 * whole))
        quoted = frame.filter(~pl.col("plain") & (marks > 0))
        if not all(map(self._stands_alone, quoted["text"])):
            return None
        return frame.with_columns(cell.str.strip_chars('"') for cell in cells)

    def _stands_alone(self, text: str) -> bool:
        try:
            rows = list(csv.reader([text], strict=True, delimiter=self.header.delimiter))
        except csv.Error:
            return False
        return len(rows) == 1

    def _taken(self, frame: pl.DataFrame, end: int) -> Page:
        named, names = self.columns.named, self.header.names
        pattern, form = _format(self.columns.time_format) or ("", "")
        at = {key: f"c{names.index(named[key])}" for key in named}
        made = frame.select(
            "line", "text", "plain", id=pl.col(at["id"]),
            **{key: pl.col(at[key]) for key in AT if key in at},
            **{key: pl.col(at[key]) for key in self.counted},
        )
        lists = {key: self.columns.values.get(key, frozenset()) for key in (*LISTS, *MARKERS)}
        never = list(lists["never"])
        totals = [*lists["totals"], *TOTALS]
        sound = [pl.col("plain"), pl.col("id").str.contains(_ID)]
        sound.append(~(pl.col("id").is_in(totals) | pl.col("id").str.to_lowercase().is_in(totals)))
        moments = [key for key in AT if key in at]
        for key in moments:
            cell = pl.col(key)
            sound.append((cell == "") | (cell.str.contains(pattern) & ~cell.is_in(never)))
        sound.append(pl.col("placed") != "")
        for key in self.counted:
            sound.append((pl.col(key) == "") | pl.col(key).str.contains(_VALUE))
        made = made.with_columns(plain=pl.all_horizontal(sound).fill_null(False))
        cells: list[pl.Expr] = [pl.when("plain").then(pl.col(key)) for key in moments]
        if self.columns.time_format == "iso":
            cells = [cell.str.replace("T", " ", literal=True) for cell in cells]
        local = made.select(
            cell.str.to_datetime(form, strict=False, time_unit="us") for cell in cells
        )
        for key in moments:
            made = self._moment(made, key, local[key])
        plain = made.filter("plain")
        others = made.filter(~pl.col("plain"))
        values = [
            (line, what, value, number)
            for what in self.counted
            for value, line, number in plain.group_by(what).agg(
                pl.col("line").min(), pl.len()
            ).iter_rows()
        ]
        plain = self._flags(plain, moments, lists)
        early = plain["ship_by"] <= plain["placed"]
        unpaid = plain["paid"].is_null() & plain["shipped"].is_not_null() & ~plain["cash"]
        return Page(
            plain.with_columns(ship_by=plain["ship_by"].set(early.fill_null(False), None)),
            self._raws(others), sorted(values), int(early.sum()),
            int(unpaid.sum()) if "paid" in self.columns.named else 0, end,
        )

    def _moment(self, frame: pl.DataFrame, key: str, local: pl.Series) -> pl.DataFrame:
        """Put moments in microseconds in a column; a row whose moment isn't sure isn't plain."""
        local = local.set(~local.dt.year().is_between(1969, 2256), None)
        days = local.dt.date()
        begins = _replaced(days, self._begin(days))
        at = begins + (local.dt.timestamp("us") % DAY)
        uneven = local.filter(begins.is_null() & local.is_not_null()).unique()
        if not uneven.is_empty():
            at = at.zip_with(at.is_not_null(), _replaced(local, self._read(uneven)))
        blank = frame[key] == ""
        known = blank | (at.is_between(FIRST, LAST)).fill_null(False)
        return frame.with_columns(at.alias(key), plain=frame["plain"] & known)

    def _begin(self, days: pl.Series) -> dict[date, int | None]:
        # when each day begins, None where clocks change on it
        found: dict[date, int | None] = {}
        for day in days.unique().drop_nulls():
            try:
                begins, even = self._times.day(day.year, day.month, day.day)
            except ValueError:
                even = False
            found[day] = begins if even else None
        return found

    def _read(self, uneven: pl.Series) -> dict[datetime, int | None]:
        # moments on days on which clocks change, None for one that can't be
        found: dict[datetime, int | None] = {}
        for local in uneven:
            try:
                found[local] = self._times.local(local)
            except ValueError:
                found[local] = None
        return found

    def _flags(
        self, plain: pl.DataFrame, moments: Sequence[str], lists: dict[str, frozenset[str]]
    ) -> pl.DataFrame:
        def named(key: str) -> pl.Expr:
            what = LISTS[key]
            if what not in self.counted:
                return pl.lit("" in lists[key])
            return pl.col(what).is_in(list(lists[key]))

        missing = [pl.lit(None, pl.Int64).alias(key) for key in AT if key not in moments]
        plain = plain.with_columns(
            *missing, cash=named("cash_on_delivery"), ended=named("cancelled"),
            courier=~named("no_courier"),
        )
        return plain.select("line", "id", *AT, "cash", "ended", "courier")

    def _raws(self, others: pl.DataFrame) -> list[Raw | Unreadable]:
        return [
            row for line, text in others.select("line", "text").iter_rows()
            for row in rows_below(
                Lines(io.StringIO(f"{text}\n", newline=""), line - 1), self.header,
                self.columns.wanted,
            )
        ]


def _replaced(keys: pl.Series, values: Mapping[Any, int | None]) -> pl.Series:
    return keys.replace_strict(
        list(values), list(values.values()), default=None, return_dtype=pl.Int64
    )

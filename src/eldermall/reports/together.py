"""Orders audited together: what becomes of their shapes, by columns."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, tzinfo
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import polars as pl

from eldermall.calendars import DAY, SECOND, due, even_day, moment
from eldermall.engine.settings import Settings, counting_of
from eldermall.reports.columnar import AT, Page, Pages, can_read
from eldermall.reports.columns import Columns
from eldermall.reports.export import Order, of_row
from eldermall.reports.findings import Finding
from eldermall.reports.replay import Replay
from eldermall.reports.rows import Goods, Row, RowMaker
from eldermall.reports.seen import Seen
from eldermall.reports.shapes import TRIED, Due, End, Fate, Said, Shapes
from eldermall.reports.sources.cells import Progress, Raw, Unreadable
from eldermall.reports.sources.opening import below_header, opening
from eldermall.reports.sources.text import Rest
from eldermall.reports.spilled import SpilledIds
from eldermall.reports.tally import Tally

_FLAGS = ("cash", "ended", "courier")


def count_by_columns(
    path: Path, columns: Columns, seen: Seen, together: Together, progress: Progress | None
) -> Rest | Literal["all", "nothing"]:
    """Count the orders of an export as far as it can be read by columns; say what is left.

    Args:
        path: the export.
        columns: its map.
        seen: counts what it holds.
        together: decides on the orders.
        progress: told from time to time how far the file has been read.

    Raises:
        FileUnreadable: there is no such file, it is empty, damaged, or lacks a column.
    """
    if not can_read(columns) or (path.exists() and not path.is_file()):
        return "nothing"
    begins = below_header(path, columns.wanted)
    if begins is None:
        return "nothing"
    size = path.stat().st_size
    seen.ids.close()
    seen.ids = ids = SpilledIds()
    pages = Pages(columns, begins.header, [*seen.values])
    make = Above(RowMaker(columns, seen))
    for page in _ahead(_read(path, pages, begins)):
        ids.add_all(page.plain["id"])
        seen.agreed += page.agreed
        seen.unpaid += page.unpaid
        together.tell(page, make, seen)
        if progress is not None:
            progress(page.end, size)
    if pages.rest is not None:
        return pages.rest._replace(above=make.last)
    if progress is not None:
        progress(size, size)
    return "all"


def _read(path: Path, pages: Pages, begins: Rest) -> Iterator[Page]:
    with opening(path) as raw:
        raw.seek(begins.offset)
        yield from pages.read(raw, begins.lines)


def _ahead(pages: Iterator[Page]) -> Iterator[Page]:
    """Yield pages while the next is read in another thread."""
    with ThreadPoolExecutor(1) as reading:
        coming = reading.submit(next, pages, None)
        while (page := coming.result()) is not None:
            coming = reading.submit(next, pages, None)
            yield page


class Above:
    """Makes rows that aren't plain, told which plain row stands right above each.

    ``last`` is the id of the row above the next page; None if that isn't known.
    """

    def __init__(self, make: RowMaker) -> None:
        self._make = make
        self._before = 0
        self.last: str | None = None

    def row(self, raw: Raw | Unreadable, plain: pl.DataFrame) -> Row | Unreadable | None:
        """Return what the next of a page's rows says that aren't plain; None if it is of totals."""
        place = int(plain["line"].search_sorted(raw.line)) - 1
        if place >= 0 and plain["line"][place] > self._before:
            self._make.follow(plain["id"][place])
        elif self.last is not None:
            self._make.follow(self.last)
        self._before, self.last = raw.line, None
        if isinstance(raw, Unreadable):
            self._make.unreadable()
            return raw
        return self._make.row(raw)

    def leave(self, plain: pl.DataFrame) -> None:
        """Know that a page is over."""
        if plain.height and plain["line"][-1] > self._before:
            self.last = plain["id"][-1]


class Together:
    """Decides on many orders of one part each.

    Args:
        replay: plays some of each shape.
        tally: takes what became of all.
        settings: say how days are counted.
        as_of: moments after it haven't happened.

    ``counted`` is how many orders were counted by their shape, and not played by themselves.
    """

    def __init__(self, replay: Replay, tally: Tally, settings: Settings, as_of: int) -> None:
        self._replay, self._tally = replay, tally
        self._settings, self._as_of = settings, as_of
        self._shapes = Shapes(replay, self._due)
        self._clocks = {clock.name: clock for clock in replay.clocks}
        self.counted = 0

    def tell(self, page: Page, make: Above, seen: Seen) -> None:
        """Count the orders of a page and tell of what is found, by the order of the file.

        Args:
            page: the page.
            make: makes orders of the rows that aren't plain.
            seen: counts values.
        """
        tally, findings = self._tally, self._tally.findings
        found: list[Finding | Unreadable] = []
        tally.findings = None if findings is None else found.append
        values = deque(page.values)
        try:
            for raw in page.others:
                while values and values[0][0] < raw.line:  # the first of a file are kept
                    _, what, value, number = values.popleft()
                    seen.count(what, value, number)
                row = make.row(raw, page.plain)
                if isinstance(row, Unreadable):
                    tally.unreadable(row)
                elif row is not None:
                    tally.count(self._replay.play(of_row(row)))
            for _, what, value, number in values:
                seen.count(what, value, number)
            make.leave(page.plain)
            self._count(page.plain)
        finally:
            tally.findings = findings
        if findings is not None:
            for one in sorted(found, key=lambda one: one.line):
                findings(one)

    def _count(self, orders: pl.DataFrame) -> None:
        """Count what became of orders, and tell, of each order what belongs to it in its order."""
        frame = orders.with_columns(shape=_shape(self._as_of))
        dues = {
            row["shape"]: self._shapes.dues(row["shape"], _order(row))
            for row in frame.group_by("shape").first().iter_rows(named=True)
        }
        every = list(dict.fromkeys(due for known in dues.values() for due in known))
        codes = [f"code{n}" for n in range(len(every))]
        frame = frame.with_columns(
            self._column(frame, due).alias(f"due{n}") for n, due in enumerate(every)
        )
        unsure = pl.any_horizontal(
            pl.lit(False),
            *(
                pl.col(f"due{n}").is_null() & pl.col(AT[due.since]).is_not_null()
                for n, due in enumerate(every)
            ),
        )
        self._play(frame.filter(unsure))
        frame = frame.filter(~unsure).with_columns(
            _compared(pl.col(f"due{n}"), self._as_of).alias(code) for n, code in enumerate(codes)
        )
        for (shape, *coded), group in frame.group_by("shape", *codes, maintain_order=True):
            by = dict(zip(every, coded, strict=True))
            fate = self._shapes.fate(
                (shape, *(by[due] for due in dues[shape])),
                [_order(row) for row in group.head(TRIED).iter_rows(named=True)],
            )
            if fate is None:
                self._play(group)
            else:
                self._find(group, every, self._counted(fate, group.height))

    def _due(self, wanted: Due, since: int) -> int:
        rules = self._settings
        return due(
            since, wanted.limit, counting_of(wanted.counting), rules.zone, rules.rest_days
        )

    def _column(self, frame: pl.DataFrame, wanted: Due) -> pl.Series:
        """Return what is due: by hours a sum, by days the same for all of one day.

        It is null, beside what has no moment to count from, on days on which clocks change.
        """
        since = frame[AT[wanted.since]]
        if counting_of(wanted.counting) == "hours":
            return since + wanted.limit
        days = _days(since, self._settings.zone)
        if not days:
            return since
        ends = [self._due(wanted, at) if even else None for _, at, even in days]
        by_day = pl.Series(ends, dtype=pl.Int64).gather(_places(since, days))
        return pl.select(pl.when(since.is_not_null()).then(by_day)).to_series()

    def _play(self, orders: pl.DataFrame) -> None:
        for row in orders.iter_rows(named=True):
            self._tally.count(self._replay.play(_order(row)))

    def _counted(self, fate: Fate, number: int) -> list[Said | End]:
        """Count the fate of a number of orders; return what of it are findings."""
        tally = self._tally
        self.counted += number
        tally.orders += number
        tally.not_placed += 0 if fate.placed else number
        tally.paid += number if fate.paid else 0
        said = [said for said in fate.said if tally.counted(said.verdict, number)]
        ends = [
            end for end in fate.ends
            if tally.ended(end.clock, end.outcome, number) and end.due is not None
        ]
        return [*said, *ends]

    def _find(
        self, orders: pl.DataFrame, every: Sequence[Due], told: Sequence[Said | End]
    ) -> None:
        tell, tally = self._tally.findings, self._tally
        if tell is None:
            return
        names = {due: f"due{n}" for n, due in enumerate(every)}
        nothing = pl.lit(None, pl.Int64).alias("nothing")
        for one in told:
            if isinstance(one, Said):
                for line, id, at in orders.select("line", "id", AT[one.at]).iter_rows():
                    tell(tally.refused(one.verdict, one.move, at, line, id))
                continue
            by = names[one.due] if isinstance(one.due, Due) else AT[one.due or 0]
            stop = nothing if one.stopped is None else pl.col(AT[one.stopped])
            rows = orders.select(pl.col(by).alias("by"), stop.alias("stop"), "line", "id")
            told_of = rows.with_columns(
                self._shown(rows["by"]).alias("due"), self._shown(rows["stop"]).alias("at")
            )
            clock = self._clocks[one.clock]
            for row in told_of.iter_rows():
                tell(tally.overdue(clock, one.outcome, *row))

    def _shown(self, moments: pl.Series) -> pl.Series:
        """Return moments as ISO 8601 in the tally's zone, null on days on which clocks change."""
        zone = self._tally.zone
        days = _days(moments, zone)
        if not days:
            return pl.Series([None] * len(moments), dtype=pl.String)
        ahead = [even_day(day, UTC)[0] - at if even else None for day, at, even in days]
        said = [moment(at, zone).isoformat()[19:] for _, at, _ in days]
        place = _places(moments, days)
        local = (moments + pl.Series(ahead, dtype=pl.Int64).gather(place)).cast(
            pl.Datetime("us")
        )
        whole = pl.when(moments % SECOND == 0).then(
            local.dt.to_string("%Y-%m-%dT%H:%M:%S") + pl.Series(said).gather(place)
        )
        return pl.select(whole).to_series()


_EPOCH = date(1970, 1, 1).toordinal()

Beginning = tuple[date, int, bool]
"""A day, the moment at which it begins, and whether the zone's offset is one all day."""


def _days(moments: pl.Series, zone: tzinfo) -> list[Beginning]:
    """Return the days on which ``moments`` lie, and those beside them."""
    known = (moments.drop_nulls() // DAY).unique()
    near = sorted({number + n for number in known for n in (-1, 0, 1)})
    days = (date.fromordinal(_EPOCH + number) for number in near)
    return [(day, *even_day(day, zone)) for day in days]


def _places(moments: pl.Series, days: Sequence[Beginning]) -> pl.Series:
    """Return on which of ``days`` each moment lies; the first for one that isn't known."""
    begins = pl.Series([at for _, at, _ in days], dtype=pl.Int64)
    return begins.search_sorted(moments.fill_null(begins[0]), side="right").cast(pl.Int64) - 1


def _order(row: Mapping[str, Any]) -> Order:
    goods = Goods(
        row["shipped"], row["delivered"], row["cancelled"], row["ended"], row["courier"]
    )
    return Order(
        row["line"], row["id"], row["placed"], row["paid"], row["ship_by"], row["cash"], (goods,)
    )


def _shape(as_of: int) -> pl.Expr:
    """Return how an order's moments compare with each other and with the audit's, and its flags."""
    codes = [_sign(pl.col(a), pl.col(b)) for a, b in combinations(AT, 2)]
    codes += [_sign(pl.col(a), pl.lit(as_of)) for a in AT]
    codes += [pl.col(flag).cast(pl.Int64) for flag in _FLAGS]
    return _together(codes)


def _compared(at: pl.Expr, as_of: int) -> pl.Expr:
    """Return how a moment compares with an order's, and with the audit's."""
    return _together([_sign(at, other) for other in (*map(pl.col, AT), pl.lit(as_of))])


def _sign(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    # 0 if one isn't known, else 1, 2 or 3 for before, at once, after
    return ((a - b).sign() + 2).fill_null(0)


def _together(codes: Sequence[pl.Expr]) -> pl.Expr:
    return pl.sum_horizontal(code * 4**n for n, code in enumerate(codes))

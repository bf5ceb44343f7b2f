"""Sheets of workbooks: the one that has the columns, and its rows with merged cells filled down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from eldermall.reports.sources.cells import (
    HEADER_WITHIN,
    Cell,
    Raw,
    Unreadable,
    Wanted,
    plain_name,
)
from eldermall.reports.sources.text import lacking, once
from eldermall.texts import Text

MOST_COLUMNS = 16_384
"""How many columns a sheet has at most."""


class SheetRow(NamedTuple):
    """A row of a sheet: its number from 1, its cells by column from 0, whether it is hidden."""

    line: int
    cells: dict[int, Cell]
    hidden: bool = False


class Merged(NamedTuple):
    """Merged cells: rows from 1, columns from 0, all of them included."""

    top: int
    left: int
    bottom: int
    right: int


class Sheet(Protocol):
    """A sheet that can be read from its top, more than once."""

    name: str
    hidden: bool

    def rows(self) -> Iterator[SheetRow]:
        """Yield the rows that hold something."""
        ...

    def merged(self) -> Sequence[Merged]:
        """Return the merged cells."""
        ...


def sheet_rows(
    sheets: Iterable[Sheet], wanted: Wanted, path: object, notes: list[Text]
) -> Iterator[Raw | Unreadable]:
    """Yield the rows of the first visible sheet that has the columns.

    Args:
        sheets: of a workbook.
        wanted: the columns, and the sheet if one is named.
        path: the file's, for errors.
        notes: takes which other sheets have the columns too.

    Raises:
        FileUnreadable: no sheet has them.
    """
    having: list[Sheet] = []
    nearest: list[str] = []
    out_of_sight: list[str] = []
    known = list(sheets)
    for sheet in known:
        if wanted.sheet and sheet.name != wanted.sheet:
            continue
        names = _best(sheet, wanted)
        if not set(wanted.names) <= set(names):
            nearest = max(nearest, names, key=lambda row: (_count(row, wanted), len(row)))
        elif sheet.hidden and not wanted.sheet:
            out_of_sight.append(sheet.name)
        else:
            having.append(sheet)
    if not having:
        raise lacking(path, nearest, wanted, _hint(known, wanted, out_of_sight))
    others = [sheet.name for sheet in having[1:]] + out_of_sight
    if others:
        notes.append(
            Text(
                f"只读工作表 {having[0].name}；同样含有这些列而未读的工作表："
                + "、".join(others),
                f"only the sheet {having[0].name} was read; these have the columns too: "
                + ", ".join(others),
            )
        )
    return _picked(having[0], wanted, path)


def _count(row: Sequence[str], wanted: Wanted) -> int:
    return len(set(row) & set(wanted.names))


def _best(sheet: Sheet, wanted: Wanted) -> list[str]:
    # the row near the top that has most of the columns
    best: list[str] = []
    for row in near_top(sheet.rows()):
        names = names_of(row)
        if _count(names, wanted) > _count(best, wanted) or not best:
            best = names
        if set(wanted.names) <= set(best):
            break
    return best


def near_top(rows: Iterator[SheetRow]) -> Iterator[SheetRow]:
    """Yield the rows among which the header is looked for."""
    for _, row in zip(range(HEADER_WITHIN), rows, strict=False):
        yield row


def names_of(row: SheetRow) -> list[str]:
    """Return the texts of a row as names of columns."""
    return [plain_name(cell) for cell in row.cells.values() if isinstance(cell, str)]


def _hint(sheets: Sequence[Sheet], wanted: Wanted, out_of_sight: Sequence[str]) -> Text:
    if wanted.sheet and all(sheet.name != wanted.sheet for sheet in sheets):
        names = [sheet.name for sheet in sheets]
        return Text(
            f"；没有工作表 {wanted.sheet}，有 " + "、".join(names),
            f"; there is no sheet {wanted.sheet}, but " + ", ".join(names),
        )
    if out_of_sight:
        return Text(
            f"；隐藏的工作表 {out_of_sight[0]} 有这些列，要用它可写 sheet = \"{out_of_sight[0]}\"",
            f"; the hidden sheet {out_of_sight[0]} has them: sheet = \"{out_of_sight[0]}\" takes"
            " it",
        )
    return Text("", "")


def _picked(sheet: Sheet, wanted: Wanted, path: object) -> Iterator[Raw | Unreadable]:
    rows = sheet.rows()
    for row in rows:
        names = {column: plain_name(c) for column, c in row.cells.items() if isinstance(c, str)}
        if set(wanted.names) <= set(names.values()):
            break
    once(list(names.values()), wanted, path)
    where = {name: column for column, name in names.items()}
    columns = [where[name] for name in wanted.names]
    id = where[wanted.id]
    for line, cells, hidden, filled in _filled(rows, sheet.merged()):
        picked = [cells.get(column, "") for column in columns]
        if any(cell != "" for cell in picked):
            yield Raw(line, picked, id in filled, hidden)


def _filled(
    rows: Iterable[SheetRow], merged: Sequence[Merged]
) -> Iterator[tuple[int, dict[int, Cell], bool, frozenset[int]]]:
    """Yield the rows with the value of merged cells in each row that they cover.

    What a covered cell held before it was merged is dropped. The columns that were filled down
    come beside.
    """
    waiting = sorted(merged, reverse=True)
    active: dict[int, tuple[Merged, Cell]] = {}
    for line, cells, hidden in rows:
        for column, (area, _) in list(active.items()):
            if area.bottom < line:
                del active[column]
        while waiting and waiting[-1].top <= line:
            area = waiting.pop()
            if area.bottom >= line:
                anchor = cells.get(area.left, "") if area.top == line else ""
                active[area.left] = area, anchor
        filled = set[int]()
        for area, anchor in active.values():
            if area.right > area.left:
                for column in [c for c in cells if area.left < c <= area.right]:
                    del cells[column]
            if area.top < line:
                cells[area.left] = anchor
                filled.add(area.left)
        yield line, cells, hidden, frozenset(filled)

"""Workbooks that need python-calamine: .xls, .xlsb and .ods.

It gives no hidden rows, and errors as if the cells were blank; a number is what a float keeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import IO, Any

from eldermall.errors import FileUnreadable
from eldermall.reports.sources.cells import Cell, unreadable
from eldermall.reports.sources.numbers import NO_DATE, SINCE_1900, number_of
from eldermall.reports.sources.sheets import Merged, SheetRow
from eldermall.texts import Text

NOTE = Text(
    "这类工作簿看不出隐藏的行、错误值和没有结果的公式；另存为 .xlsx 后再审计可看出",
    "in such a workbook hidden rows, cells with errors and formulas without a value can't be told; "
    "saved as .xlsx they can",
)


def sheets_of(file: IO[bytes], path: object) -> list[CalamineSheet]:
    """Return the sheets of a workbook.

    Raises:
        FileUnreadable: python-calamine isn't installed, or can't read the file.
    """
    try:
        from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum
    except ImportError as error:
        raise unreadable(
            path, "是 .xls、.xlsb 或 .ods 工作簿：须安装 eldermall[audit]，或另存为 .xlsx",
            ": an .xls, .xlsb or .ods workbook: install eldermall[audit], or save it as .xlsx",
        ) from error
    try:
        book = CalamineWorkbook.from_filelike(file)
        return [
            CalamineSheet(
                book.get_sheet_by_name(known.name), known.name,
                known.visible != SheetVisibleEnum.Visible,
            )
            for known in book.sheets_metadata
        ]
    except (CalamineError, OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: object, error: Exception) -> FileUnreadable:
    return unreadable(path, f"不是可读的工作簿：{error}", f" is no workbook to be read: {error}")


class CalamineSheet:
    """A sheet of a workbook."""

    def __init__(self, sheet: Any, name: str, hidden: bool) -> None:
        self._sheet = sheet
        self.name, self.hidden = name, hidden

    def rows(self) -> Iterator[SheetRow]:
        """Yield the rows that hold something."""
        for line, cells in enumerate(self._sheet.to_python(skip_empty_area=False), 1):
            held = {n: _cell(value) for n, value in enumerate(cells) if value not in ("", None)}
            if held:
                yield SheetRow(line, held)

    def merged(self) -> Sequence[Merged]:
        """Return the merged cells, none of a format for which they aren't known."""
        return [
            Merged(top + 1, left, bottom + 1, right)
            for (top, left), (bottom, right) in self._sheet.merged_cell_ranges or ()
        ]


def _cell(value: object) -> Cell:
    found: Cell
    if isinstance(value, bool):
        found = "TRUE" if value else "FALSE"
    elif isinstance(value, float | int):
        found = number_of(repr(value))
    elif isinstance(value, datetime):
        found = value
    elif isinstance(value, date):
        found = datetime(value.year, value.month, value.day)
    elif isinstance(value, timedelta):
        found = SINCE_1900 + value
    else:
        found = NO_DATE if isinstance(value, time) else str(value)
    return found

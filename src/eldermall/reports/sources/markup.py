"""Tables in HTML and SpreadsheetML 2003, which shops call .xls."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser

from eldermall.reports.sources.cells import Cell, too_large, unreadable
from eldermall.reports.sources.encodings import likely, text_encoding
from eldermall.reports.sources.numbers import (
    NO_DATE,
    NOT_COMPUTED,
    error_of,
    float_of,
    number_of,
    time_of,
)
from eldermall.reports.sources.sheets import MOST_COLUMNS, Merged, SheetRow
from eldermall.reports.sources.xml import walk

_LARGEST = 256 * 2**20
_LONGEST = 2**20
_MOST_SPAN = 1_048_576
_CHARSET = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?([A-Za-z0-9_.:-]+)""", re.IGNORECASE)


class Table:
    """A table, which is held whole."""

    def __init__(self, name: str = "", *, hidden: bool = False) -> None:
        self.name, self.hidden = name, hidden
        self.held: list[SheetRow] = []
        self.areas: list[Merged] = []

    def rows(self) -> Iterator[SheetRow]:
        """Yield the rows that hold something."""
        for line, cells, hidden in self.held:
            yield SheetRow(line, dict(cells), hidden)

    def merged(self) -> Sequence[Merged]:
        """Return the merged cells."""
        return self.areas


def tables_of(
    stream: io.BufferedReader, path: object, encoding: str, *, xml: bool
) -> list[Table]:
    """Return the tables of a file.

    Args:
        stream: the file.
        path: the file's, for errors.
        encoding: how it is written; an empty text if the file itself must say it.
        xml: whether it is SpreadsheetML 2003, else HTML.

    Raises:
        FileUnreadable: it is damaged or too large.
    """
    content = stream.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise too_large(path, _LARGEST)
    # the document's own word for its encoding no longer holds for the text
    text = content.decode(encoding or _encoding(content), "surrogateescape")
    text = text.lstrip("\ufeff \t\r\n")
    return _spreadsheet(text, path) if xml else _html(text, path)


def _encoding(content: bytes) -> str:
    head = content[:65_536]
    by_bytes = likely(head)
    said = _CHARSET.search(head[:4096])
    if said is None or by_bytes not in ("utf-8", "gb18030"):
        return by_bytes
    named = text_encoding(said[1].decode("ascii", "replace")) or by_bytes
    return "gb18030" if named in ("gb2312", "gbk") else named


def _html(text: str, path: object) -> list[Table]:
    reader = _Html()
    for begin in range(0, len(text), 65_536):
        reader.feed(text[begin:begin + 65_536])
        if len(reader.rawdata) > _LONGEST:
            raise unreadable(
                path, f"的 HTML 中有超过 {_LONGEST} 个字符的标记",
                f": a piece of its HTML is longer than {_LONGEST} characters",
            )
    reader.close()
    return reader.tables


class _Html(HTMLParser):
    """Makes tables; the lines are the rows of the table, from 1."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[Table] = []
        self._parts: list[str] | None = None
        self._column = 0
        self._cells: dict[int, Cell] = {}
        self._spans: dict[int, int] = {}  # until which row a column is covered

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._end_row()
            self.tables.append(Table(str(len(self.tables) + 1)))
            self._line, self._spans = 0, {}
        elif tag == "tr" and self.tables:
            self._end_row()
            self._line += 1
            self._column = 0
        elif tag in ("td", "th") and self.tables:
            self._end_cell()
            self._begin_cell(dict(attrs))
        elif tag == "br" and self._parts is not None:
            self._parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._end_cell()
        elif tag in ("tr", "table"):
            self._end_row()

    def handle_data(self, data: str) -> None:
        if self._parts is not None:
            self._parts.append(data)

    def close(self) -> None:
        super().close()
        self._end_row()

    _line = 0
    _width = 1

    def _begin_cell(self, said: Mapping[str, str | None]) -> None:
        while self._spans.get(self._column, 0) >= self._line:
            self._column += 1
        self._width = _span(said.get("colspan"), MOST_COLUMNS)
        bottom = self._line + _span(said.get("rowspan"), _MOST_SPAN) - 1
        if bottom > self._line or self._width > 1:
            right = self._column + self._width - 1
            self.tables[-1].areas.append(Merged(self._line, self._column, bottom, right))
            if bottom > self._line:
                for column in range(self._column, min(right, MOST_COLUMNS) + 1):
                    self._spans[column] = bottom
        self._parts = []

    def _end_cell(self) -> None:
        if self._parts is not None:
            text = "".join(self._parts).strip()
            if text and self._column < MOST_COLUMNS:
                self._cells[self._column] = text
            self._column += self._width
            self._parts = None

    def _end_row(self) -> None:
        self._end_cell()
        if self._cells:
            self.tables[-1].held.append(SheetRow(self._line, self._cells))
            self._cells = {}


def _span(said: str | None, most: int) -> int:
    return min(int(said), most) if said and said.isdecimal() and 0 < len(said) < 8 else 1


def _spreadsheet(text: str, path: object) -> list[Table]:
    reader = _Spreadsheet()
    declared = re.match(r"<\?xml[^>]*\?>", text)
    body = text[declared.end():] if declared else text
    for _ in walk(io.StringIO(body), path, reader.begun, reader.ended, reader.text, _LARGEST * 4):
        pass
    return reader.tables


class _Spreadsheet:
    """Makes tables out of SpreadsheetML 2003."""

    def __init__(self) -> None:
        self.tables: list[Table] = []
        self._line = self._column = 0
        self._cells: dict[int, Cell] = {}
        self._hidden = self._formula = False
        self._type = ""
        self._parts: list[str] | None = None

    def begun(self, name: str, said: Mapping[str, str]) -> None:
        """Take the beginning of an element."""
        if name == "Worksheet":
            self.tables.append(Table(said.get("Name", "")))
            self._line = 0
        elif name == "Row":
            self._line = _span(said.get("Index", str(self._line + 1)), _MOST_SPAN)
            self._column, self._cells = -1, {}
            self._hidden = said.get("Hidden") == "1"
        elif name == "Cell" and self.tables:
            self._cell(said)
        elif name in ("Data", "Visible"):
            self._type, self._parts = said.get("Type", "String"), []

    def _cell(self, said: Mapping[str, str]) -> None:
        here = _span(said.get("Index", str(self._column + 2)), MOST_COLUMNS) - 1
        below, beside = (
            _span(said[key], _MOST_SPAN) if said.get(key, "0") != "0" else 0
            for key in ("MergeDown", "MergeAcross")
        )
        if below or beside:
            self.tables[-1].areas.append(
                Merged(self._line, here, self._line + below, here + beside)
            )
        self._column = here + beside
        self._here = here
        self._formula = "Formula" in said
        if self._formula:
            self._cells[here] = NOT_COMPUTED  # until its data come

    _here = 0

    def text(self, data: str) -> None:
        """Take a text, where it is one of a cell's value."""
        if self._parts is not None:
            self._parts.append(data)

    def ended(self, name: str) -> None:
        """Take the end of an element."""
        if name in ("Data", "Visible") and self._parts is not None:
            text, self._parts = "".join(self._parts), None
            if name == "Visible" and self.tables:
                self.tables[-1].hidden = text.strip() != "SheetVisible"
            elif name == "Data" and text:
                self._cells[self._here] = self._value(text)
        elif name == "Row" and self._cells and self.tables:
            self.tables[-1].held.append(SheetRow(self._line, self._cells, self._hidden))

    def _value(self, text: str) -> Cell:
        if self._type == "Number":
            return NO_DATE if self._formula and float_of(text) == 0 else number_of(text)
        if self._type == "DateTime":
            return time_of(text)
        return error_of(text) if self._type == "Error" else text

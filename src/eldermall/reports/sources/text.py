"""CSV and its like: cells between commas, tabs, semicolons or bars, under a header.

The header is the first row near the top that holds all the columns that are wanted; where the
delimiter isn't given, it is the one by which there is such a row.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from operator import itemgetter
from typing import NamedTuple

from eldermall.errors import FileUnreadable
from eldermall.reports.sources.cells import (
    HEADER_WITHIN,
    LONGEST_LINE,
    Raw,
    Unreadable,
    Wanted,
    plain_name,
    unreadable,
)
from eldermall.reports.sources.encodings import likely
from eldermall.reports.sources.lines import Lines, TooLong
from eldermall.texts import Text, escaped

DELIMITERS = (",", "\t", ";", "|")


class Header(NamedTuple):
    """The names of the columns, the delimiter between them, and in which line they end."""

    names: list[str]
    delimiter: str
    last: int


class Rest(NamedTuple):
    """Where the rows below a header go on: the bytes and lines that lie before.

    ``above`` is the id of the row above, where it is known.
    """

    offset: int
    lines: int
    header: Header
    above: str | None = None


def text_rows(
    lines: Lines, wanted: Wanted, path: object, head: bytes
) -> Iterator[Raw | Unreadable]:
    """Yield the rows of a text below its header.

    Args:
        lines: the text.
        wanted: the columns.
        path: the file's, for errors.
        head: the beginning of the file as bytes.

    Raises:
        FileUnreadable: there is no such header.
    """
    yield from rows_below(lines, header_in(lines, wanted, path, head), wanted)


def rows_below(lines: Lines, header: Header, wanted: Wanted) -> Iterator[Raw | Unreadable]:
    """Yield the rows of the lines that are left below a header."""
    reader = csv.reader(lines, strict=True, delimiter=header.delimiter)
    width = len(header.names)
    indexes = [header.names.index(name) for name in wanted.names]
    pick = itemgetter(*indexes, indexes[0])
    while True:
        lines.clear()
        line = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lines.give_back_all_but_one()
            yield _unparsed(line, error)
            continue
        if len(cells) == width and not (
            len(lines.taken) > 1 and _swallowed(lines.taken, header.delimiter, width)
        ):
            yield Raw(line, pick(cells))
        elif cells:
            # a quotation mark that is never closed has swallowed the lines after it
            lines.give_back_all_but_one()
            if len(cells) == width:
                yield _unparsed(line, csv.Error("a quotation mark takes the next rows along"))
            else:
                yield Unreadable(
                    line,
                    escaped(header.names[len(cells)]) if len(cells) < width else "",
                    Text(f"此行有 {len(cells)} 格", f"the row has {len(cells)} cells"),
                    Text(f"应与表头一致，为 {width} 格", f"it has {width}, as the header"),
                )


def _unparsed(line: int, error: csv.Error) -> Unreadable:
    right = (
        Text(f"一行最多 {LONGEST_LINE} 个字符", f"a row has {LONGEST_LINE} characters at most")
        if isinstance(error, TooLong)
        else Text("引号须成对", "quotation marks come in pairs")
    )
    return Unreadable(
        line, "", Text(f"无法解析此行：{error}", f"the row can't be parsed: {error}"), right
    )


def _swallowed(taken: list[str], delimiter: str, width: int) -> bool:
    # each of the lines is a whole row by itself
    return all(line.count(delimiter) == width - 1 for line in taken)


def header_of(reader: Iterator[list[str]], path: object) -> list[str]:
    """Return the names of the columns of a CSV.

    Raises:
        FileUnreadable: its first row is none.
    """
    try:
        return [name.strip() for name in next(reader)]
    except csv.Error as error:
        raise _no_header(path, error) from error


def _no_header(path: object, error: csv.Error) -> FileUnreadable:
    return unreadable(path, f"的表头无法读取：{error}", f": the header can't be read: {error}")


def header_in(lines: Lines, wanted: Wanted, path: object, head: bytes) -> Header:
    """Take the lines down to the header, and return it.

    Raises:
        FileUnreadable: there is no such header.
    """
    top = _top(lines, path)
    tried = (wanted.delimiter,) if wanted.delimiter else DELIMITERS
    rows = [row for delimiter in tried for row in _rows(top, delimiter)]
    found = [row for row in rows if isinstance(row, Header)]
    for row in found:
        if set(wanted.names) <= set(row.names):
            lines.give_back(top[row.last:])
            once(row.names, wanted, path)
            return row
    if not rows:
        raise unreadable(path, "是空文件", " is empty")
    if isinstance(rows[0], csv.Error):
        raise _no_header(path, rows[0]) from rows[0]
    most = max(found, key=lambda row: (len(set(wanted.names) & set(row.names)), len(row.names)))
    raise lacking(path, most.names, wanted, _encoding_hint(wanted, head))


def _top(lines: Lines, path: object) -> list[str]:
    top: list[str] = []
    try:
        while len(top) < HEADER_WITHIN and (line := next(lines, "")):
            top.append(line)
            lines.clear()
    except TooLong as error:
        if not top:
            raise _no_header(path, error) from error
        top += lines.taken
    return top


def _rows(top: list[str], delimiter: str) -> Iterator[Header | csv.Error]:
    reader = csv.reader(top, delimiter=delimiter)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield error
        else:
            yield Header([plain_name(cell) for cell in cells], delimiter, reader.line_num)


def once(header: list[str], wanted: Wanted, path: object) -> None:
    """Check that no column that is wanted stands twice.

    Raises:
        FileUnreadable: one does.
    """
    twice = [name for name in wanted.names if header.count(name) > 1]
    if twice:
        raise unreadable(
            path, "的列重复：" + "、".join(twice), f": columns stand twice: {', '.join(twice)}"
        )


def lacking(path: object, header: list[str], wanted: Wanted, hint: Text) -> FileUnreadable:
    """Return the error of a file whose header lacks columns.

    Args:
        path: the file.
        header: what comes nearest to a header.
        wanted: the columns.
        hint: what may be the cause.
    """
    names = [name for name in wanted.names if name not in header]
    has = [name for name in header if name]
    return unreadable(
        path,
        f"的前 {HEADER_WITHIN} 行没有列 " + "、".join(names) + "；有 " + "、".join(has) + hint.zh,
        f": the first {HEADER_WITHIN} lines name no column {', '.join(names)}; there are "
        + ", ".join(has) + hint.en,
    )


def _encoding_hint(wanted: Wanted, head: bytes) -> Text:
    if wanted.encoding:
        return Text("", "")
    name = likely(head)
    if name in ("utf-8", "utf-8-sig"):
        return Text("", "")
    return Text(
        f"；文件不是 utf-8，可在列映射中写 encoding = \"{name}\"",
        f"; the file is no utf-8: try encoding = \"{name}\" in the map",
    )

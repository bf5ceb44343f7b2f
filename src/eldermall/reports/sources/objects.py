"""JSON: one object a line, or one array of objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import cast

from eldermall.reports.sources.cells import (
    LONGEST_LINE,
    Raw,
    Twice,
    Unreadable,
    Wanted,
    loads,
    unreadable,
)
from eldermall.reports.sources.lines import Lines, TooLong
from eldermall.texts import Text

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]')
_BETWEEN = re.compile(r"[\s,]*")


def json_rows(
    lines: Lines, wanted: Wanted, path: object, *, array: bool
) -> Iterator[Raw | Unreadable]:
    """Yield the rows of JSON.

    Args:
        lines: the text.
        wanted: the columns.
        path: the file's, for errors.
        array: whether it is an array, else one object a line.

    Raises:
        FileUnreadable: no row has a column; the array doesn't end, or goes on after its end.
    """
    unseen, objects, others = set(wanted.names), 0, 0
    for line, text in _elements(lines, path) if array else _by_line(lines):
        row = _object(line, text)
        if isinstance(row, Unreadable):
            others += 1
            yield row
            continue
        objects += 1
        if unseen:
            unseen -= row.keys()
        values = [_text_of(row.get(key)) for key in wanted.names]
        if None in values:
            yield Unreadable(
                line, wanted.names[values.index(None)],
                Text("值不是文字", "the value is no text"),
                Text("应为文字；没有发生写 null", "write a text, or null if it never happened"),
            )
            continue
        yield Raw(line, cast("list[str]", values))
    if not objects and others:
        raise unreadable(
            path, "没有一行是 JSON 对象：须每行一个对象，或整个文件为一个对象数组",
            ": no line is a JSON object; it must be one object a line, or one array of objects",
        )
    if objects and unseen:
        names = [name for name in wanted.names if name in unseen]
        raise unreadable(
            path, "没有任何一行含有 " + "、".join(names), f": no row has {', '.join(names)}"
        )


def _object(line: int, text: str | None) -> dict[str, object] | Unreadable:
    if text is None:
        return Unreadable(
            line, "", Text("此行过长", "the line is too long"),
            Text(f"一行最多 {LONGEST_LINE} 个字符", f"a row has {LONGEST_LINE} characters at most"),
        )
    try:
        fields = loads(text)
    except Twice as twice:
        return Unreadable(line, "", twice.wrong, twice.right)
    except (ValueError, RecursionError):
        fields = None
    if isinstance(fields, dict):
        return fields
    return Unreadable(
        line, "", Text("不是 JSON 对象", "the line is no JSON object"),
        Text("每行一个 JSON 对象", "each line holds one JSON object"),
    )


def _text_of(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return str(value) if type(value) is int else None


def _by_line(lines: Lines) -> Iterator[tuple[int, str | None]]:
    while True:
        lines.clear()
        try:
            text = next(lines)
        except StopIteration:
            return
        except TooLong:
            yield lines.number, None
            continue
        if not text.isspace():
            yield lines.number, text


def _elements(lines: Lines, path: object) -> Iterator[tuple[int, str | None]]:
    # brackets are counted outside of strings, which never go over lines
    depth, first, parts, size = -1, 0, list[str](), 0
    while depth > -1 or not first:
        lines.clear()
        try:
            text = next(lines)
        except StopIteration:
            raise unreadable(path, "的数组没有结尾", ": the array doesn't end") from None
        except TooLong:
            text = ""
            size = LONGEST_LINE
        begin = 0
        for match in _TOKEN.finditer(text):
            if depth == 0 and not _BETWEEN.fullmatch(text, begin, match.start()):
                yield lines.number, ""
                begin = match.start()
            if match[0] in "{[":
                depth += 1
                if depth == 0:
                    first, begin = lines.number, match.end()
                elif depth == 1:
                    first, begin = lines.number, match.start()
            elif match[0] in "}]":
                depth -= 1
                if depth == 0:
                    yield first, "".join(parts) + text[begin:match.end()]
                    parts, size, begin = [], 0, match.end()
                elif depth == -1:
                    begin = match.end()
                    break
        if depth == 0 and not _BETWEEN.fullmatch(text, begin):
            yield lines.number, ""
        if depth > 0:
            parts.append(text[begin:])
            size += len(parts[-1])
        if size >= LONGEST_LINE:
            raise unreadable(
                path, f"第 {first} 行的对象超过 {LONGEST_LINE} 个字符",
                f": the object in line {first} is longer than {LONGEST_LINE} characters",
            )
    if text[begin:].strip() or any(line.strip() for line in lines):
        raise unreadable(path, "的数组之后还有内容", ": something follows the array")


def first_object(text: str) -> list[str]:
    """Return the keys of the first object in a text that may be cut off, if there is one."""
    decoder = json.JSONDecoder()
    begin = text.find("{")
    try:
        found = decoder.raw_decode(text, begin)[0] if begin >= 0 else {}
    except (ValueError, RecursionError):
        return []
    return list(found)

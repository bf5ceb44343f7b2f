"""Records in a file, to be taken over: JSON lines or CSV, read as a stream.

JSON lines: one object a line, with the record's fields and its ``id``. CSV: one column for each
field and one for ``id``; what isn't a text stands as JSON in its cell, a moment also as ISO 8601;
an empty cell leaves its field out, or says that there is none. Empty lines are passed over.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import UnionType
from typing import IO, Annotated, Any, Literal, Union, get_args, get_origin

from eldermall.engine.adoption import adoption_of
from eldermall.engine.faults import hints_of
from eldermall.engine.inputs import checked_id
from eldermall.engine.kind import Record
from eldermall.errors import Fault, FileUnreadable, Invalid
from eldermall.reports.sources.cells import Progress, Twice, loads
from eldermall.reports.sources.encodings import text_encoding
from eldermall.reports.sources.text import header_of
from eldermall.texts import Text

_EVERY = 100
_LONGEST = 16 * 2**20  # bytes of a line


@dataclass(frozen=True, slots=True)
class Given:
    """A record as a file has it: the line it begins in, its id and its fields."""

    line: int
    id: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """A row that isn't taken over: the line it begins in, its id if it has one, and why.

    ``faults`` are all that was found wrong with it, where that was more than ``why`` says.
    """

    line: int
    id: str
    why: Text
    faults: tuple[Fault, ...] = ()


def read(
    path: Path, model: type[Record], *, encoding: str = "utf-8", progress: Progress | None = None
) -> Iterator[Given | Failure]:
    """Yield the records of a file, and the rows that are none.

    Args:
        path: JSON lines if its name ends so or it begins with ``{``, else CSV.
        model: the model of the records, which says what the columns of a CSV hold.
        encoding: how texts are written.
        progress: told from time to time how far the file has been read.

    Raises:
        FileUnreadable: there is no such file, it is empty, isn't of the encoding, or has a line
            that is longer than any that is read.
        Invalid: a column is no field of the record, the id's is missing, or there is no such
            encoding by which lines can be told apart.
    """
    known = text_encoding(encoding)
    if known is None or known.startswith(("utf-16", "utf-32")):
        raise Invalid(
            "encoding", encoding,
            Text("须为字符编码名，例如 utf-8、gb18030", "must be an encoding: utf-8, gb18030"),
        )
    try:
        with path.open("rb") as raw:
            size = path.stat().st_size
            as_json = path.suffix in (".jsonl", ".ndjson") or raw.peek(1)[:1] == b"{"
            lines = _lines(raw, path, encoding)
            found = _objects(lines) if as_json else _cells(lines, path, model)
            for number, row in enumerate(found):
                if progress is not None and number % _EVERY == 0:
                    progress(raw.tell(), size)
                yield row
            if progress is not None:
                progress(size, size)
    except OSError as error:
        raise FileUnreadable(
            Text(f"无法读取 {path}：{error.strerror}", f"can't read {path}: {error.strerror}")
        ) from error


def _lines(raw: IO[bytes], path: Path, encoding: str) -> Iterator[str]:
    number = 0
    for number, line in enumerate(iter(partial(raw.readline, _LONGEST + 1), b""), 1):
        if len(line) > _LONGEST:
            raise FileUnreadable(
                Text(
                    f"{path} 第 {number} 行超过 {_LONGEST // 2**20} MiB",
                    f"{path}: line {number} is longer than {_LONGEST // 2**20} MiB",
                )
            )
        try:
            text = line.decode(encoding)
        except UnicodeError:
            raise FileUnreadable(
                Text(
                    f"{path} 第 {number} 行不是 {encoding} 编码的文字，请用 --encoding 指明",
                    f"{path}: line {number} is no text in {encoding}; name it with --encoding",
                )
            ) from None
        yield text.removeprefix("\ufeff") if number == 1 else text
    if number == 0:
        raise FileUnreadable(Text(f"{path} 是空文件", f"{path} is empty"))


def _objects(lines: Iterator[str]) -> Iterator[Given | Failure]:
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            fields = loads(text)
        except Twice as twice:
            yield Failure(number, "", twice.wrong)
            continue
        except (ValueError, RecursionError):
            fields = None
        if isinstance(fields, dict):
            yield _given(number, fields)
        else:
            yield Failure(
                number, "",
                Text("不是 JSON 对象：每行须为一个 JSON 对象", "each line must be a JSON object"),
            )


def _given(line: int, fields: dict[str, Any]) -> Given | Failure:
    id = fields.pop("id", None)
    try:
        return Given(line, checked_id(id, "id"), fields)
    except Invalid as error:
        return Failure(line, id if isinstance(id, str) else "", error.text)


def _cells(
    lines: Iterator[str], path: Path, model: type[Record]
) -> Iterator[Given | Failure]:
    reader = csv.reader(lines, strict=True)
    header = header_of(reader, path)
    columns = _columns(header, model)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Failure(
                line, "", Text(f"无法解析此行：{error}", f"the row can't be parsed: {error}")
            )
            continue
        if len(cells) == len(header):
            try:
                fields = _fields(columns, cells)
            except Twice as twice:
                yield Failure(line, "", twice.wrong)
            else:
                yield _given(line, fields)
        elif cells:
            yield Failure(
                line, "",
                Text(
                    f"此行有 {len(cells)} 格，应与表头一致，为 {len(header)} 格",
                    f"the row has {len(cells)} cells; it must have {len(header)}, as the header",
                ),
            )


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    is_text: bool
    required: bool
    nullable: bool

    def fields(self, cell: str) -> Mapping[str, Any]:
        """Return the field that a cell holds, as a mapping: an empty one may leave it out."""
        if cell.strip():
            return {self.name: cell if self.is_text else _value(cell)}
        if not self.required:
            return {}
        if self.nullable:
            return {self.name: None}
        return {self.name: ""} if self.is_text else {}


def _columns(header: Sequence[str], model: type[Record]) -> list[_Column]:
    arguments = adoption_of(model)
    hints = hints_of(arguments)
    known = {
        name: _Column(
            name, _is_text(hints[name]), field.is_required(), type(None) in get_args(hints[name])
        )
        for name, field in arguments.model_fields.items()
    }
    known["id"] = _Column("id", is_text=True, required=True, nullable=False)
    names = list(known)
    for name in header:
        if name not in known:
            raise Invalid(
                "column", name,
                Text(
                    "没有此项，可用的有：" + "、".join(names),
                    "is no field here; there are " + ", ".join(names),
                ),
            )
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise Invalid("column", twice[0], Text("此列重复", "stands twice"))
    if "id" not in header:
        raise Invalid("column id", None, Text("缺少此列", "is missing"))
    return [known[name] for name in header]


def _is_text(hint: Any) -> bool:
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _is_text(inside[0])
    if origin in (Union, UnionType):
        return all(_is_text(one) for one in inside if one is not type(None))
    return hint is str or (origin is Literal and all(isinstance(one, str) for one in inside))


def _fields(columns: Sequence[_Column], cells: Sequence[str]) -> dict[str, Any]:
    return {
        name: value
        for column, cell in zip(columns, cells, strict=True)
        for name, value in column.fields(cell).items()
    }


def _value(cell: str) -> Any:
    if cell.strip().lower() in ("true", "false"):  # as spreadsheets write it
        return cell.strip().lower() == "true"
    try:
        return loads(cell)
    except (ValueError, RecursionError):
        return cell  # a moment, or what the door will refuse

"""Opening an export: what a file is, its bytes say."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

from eldermall.errors import FileUnreadable
from eldermall.reports.sources import markup, workbooks
from eldermall.reports.sources.cells import Progress, Raw, Unreadable, Wanted, unreadable
from eldermall.reports.sources.encodings import marked
from eldermall.reports.sources.lines import Lines, Unpacked
from eldermall.reports.sources.objects import json_rows
from eldermall.reports.sources.sheets import Sheet, sheet_rows
from eldermall.reports.sources.text import Rest, header_in, rows_below, text_rows
from eldermall.texts import Text

_HEAD = 65_536
_EVERY = 500
_JSON = (".jsonl", ".ndjson", ".json")
_MARKUP = re.compile(r"<(?:[?!]|html|head|meta|body|table|style|div|link)\b|<!--|<\?xml", re.I)
_SPREADSHEET_2003 = "urn:schemas-microsoft-com:office:spreadsheet"


def raws(
    path: str | Path, wanted: Wanted, notes: list[Text], progress: Progress | None = None,
    rest: Rest | None = None,
) -> Iterator[Raw | Unreadable]:
    """Yield the rows of an export as a stream, whatever file it is.

    Args:
        path: text (CSV and its like), JSON, either of them packed by gzip, or a workbook.
        wanted: the columns, and how the file is written.
        notes: takes what must be told once of the file.
        progress: told from time to time how far the file has been read.
        rest: of a plain text, where to begin, if not at its beginning.

    Raises:
        FileUnreadable: there is no such file, it is empty or damaged, or lacks a column.
    """
    path = Path(path)
    with opening(path) as raw:
        size, done = path.stat().st_size, 0
        for number, row in enumerate(_rows(raw, path, wanted, notes, rest)):
            if progress is not None and number % _EVERY == 0:
                done = max(done, raw.tell())
                progress(done, size)
            yield row
        if progress is not None:
            progress(size, size)


@contextmanager
def opening(path: Path) -> Iterator[io.BufferedReader]:
    """Open a file, and turn what goes wrong with it into one error.

    Raises:
        FileUnreadable: there is no such file, or it is damaged.
    """
    try:
        with path.open("rb") as raw:
            yield raw
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise unreadable(
            path, f"的 gzip 数据已损坏：{error}", f" is damaged gzip: {error}"
        ) from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise unreadable(
            path, f"的 zip 数据已损坏：{error}", f" is a damaged zip: {error}"
        ) from error
    except UnicodeError as error:
        raise unreadable(
            path, f"含有不能解码的字节：{error}", f": holds bytes that can't be decoded: {error}"
        ) from error
    except OSError as error:
        said = error.strerror or str(error)
        raise FileUnreadable(
            Text(f"无法读取 {path}：{said}", f"can't read {path}: {said}")
        ) from error


@dataclass(frozen=True, slots=True)
class Opened:
    """A file of which is known what it is.

    Args:
        stream: its bytes, unpacked.
        head: the first of them.
        kind: what it is.
        encoding: of its text.
    """

    stream: io.BufferedReader
    head: bytes
    kind: Literal["workbook", "html", "xml", "lines", "array", "text"]
    encoding: str

    @property
    def has_sheets(self) -> bool:
        """Whether it holds tables of cells, which `workbooks` or `markup` read."""
        return self.kind in ("workbook", "html", "xml")


def looked_at(raw: io.BufferedReader, path: Path, encoding: str = "") -> Opened:
    """Find out what a file is.

    Args:
        raw: the file.
        path: of it.
        encoding: of its text, an empty text if that must be found out.

    Raises:
        FileUnreadable: it is empty, or can't be what it is when packed.
    """
    head = raw.peek(_HEAD)[:_HEAD]
    stream = raw
    packed = bool(head) and (head[:2] == b"\x1f\x8b" or path.suffix.lower() == ".gz")
    if packed:
        stream = io.BufferedReader(Unpacked(raw, path), _HEAD)
        head = stream.peek(_HEAD)[:_HEAD]
    if not head:
        raise unreadable(path, "是空文件", " is empty")
    if head[:4] in (b"PK\3\4", b"PK\5\6", b"\xd0\xcf\x11\xe0"):
        if packed:
            raise unreadable(
                path, "是 gzip 压缩的工作簿或压缩包，请先解压",
                ": a workbook or an archive packed by gzip; unpack it first",
            )
        return Opened(raw, head, "workbook", "")
    known = encoding or marked(head) or "utf-8-sig"
    begins = head.decode(known, "replace").lstrip("\ufeff \t\r\n")
    if _MARKUP.match(begins):
        return Opened(stream, head, "xml" if _SPREADSHEET_2003 in begins else "html", encoding)
    if begins.startswith("["):
        return Opened(stream, head, "array", known)
    suffixes = [s.lower() for s in path.suffixes if s.lower() != ".gz"]
    if begins.startswith("{") or (suffixes and suffixes[-1] in _JSON):
        return Opened(stream, head, "lines", known)
    return Opened(stream, head, "text", known)


def below_header(path: Path, wanted: Wanted) -> Rest | None:
    """Return where the rows of a plain text in UTF-8 begin; None if the file is none.

    Raises:
        FileUnreadable: there is no such file, it is empty or damaged, or lacks a column.
    """
    with opening(path) as raw:
        opened = looked_at(raw, path, wanted.encoding)
        plain = opened.kind == "text" and opened.stream is raw
        if not plain or opened.encoding not in ("utf-8", "utf-8-sig"):
            return None
        text = io.TextIOWrapper(
            cast(IO[bytes], raw), encoding=opened.encoding, errors="surrogateescape", newline=""
        )
        lines = Lines(text)
        header = header_in(lines, wanted, path, opened.head)
        text.detach()
        raw.seek(0)
        top = [raw.readline() for _ in range(lines.number)]
        if any(b"\r" in line.removesuffix(b"\n").removesuffix(b"\r") for line in top):
            return None
        return Rest(raw.tell(), lines.number, header)


def sheets_of(opened: Opened, path: object, notes: list[Text]) -> Sequence[Sheet]:
    """Return the sheets of a workbook, or the tables of what calls itself one."""
    if opened.kind == "workbook":
        return workbooks.sheets_of(opened.stream, path, notes)
    return markup.tables_of(opened.stream, path, opened.encoding, xml=opened.kind == "xml")


def _rows(
    raw: io.BufferedReader, path: Path, wanted: Wanted, notes: list[Text], rest: Rest | None
) -> Iterator[Raw | Unreadable]:
    opened = looked_at(raw, path, wanted.encoding)
    if rest is not None:
        raw.seek(rest.offset)
    if opened.has_sheets:
        yield from sheet_rows(sheets_of(opened, path, notes), wanted, path, notes)
        return
    encoding = opened.encoding if rest is None else "utf-8"  # a mark stands at a beginning only
    text = io.TextIOWrapper(
        cast(IO[bytes], opened.stream), encoding=encoding, errors="surrogateescape", newline=""
    )
    try:
        if rest is not None:
            yield from rows_below(Lines(text, rest.lines), rest.header, wanted)
        elif opened.kind == "text":
            yield from text_rows(Lines(text), wanted, path, opened.head)
        else:
            yield from json_rows(Lines(text), wanted, path, array=opened.kind == "array")
    finally:
        text.detach()  # whoever opened the file closes it

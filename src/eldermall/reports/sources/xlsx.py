"""Workbooks of Office Open XML (.xlsx), read as a stream.

Names are matched without their namespace, which differs between writers; what the sheet says of
its own size is not believed.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from eldermall.reports.sources.cells import MOST_UNPACKED, unreadable
from eldermall.reports.sources.numbers import is_date_format
from eldermall.reports.sources.sheets import Merged, SheetRow
from eldermall.reports.sources.xlsx_rows import SheetReader, column_of, decoded
from eldermall.reports.sources.xml import walk

_MOST_STRINGS = 512 * 2**20
_MOST_OF_PART = 64 * 2**20
_MOST_MERGED = 500_000
_REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")


@dataclass
class Workbook:
    """What the sheets of a workbook share.

    Args:
        archive: the zip.
        path: of the file, for errors.
        strings: the shared strings.
        dates: for each style, whether it shows dates.
        since_1904: whether days are counted from 1904.
    """

    archive: zipfile.ZipFile
    path: object
    strings: Sequence[str] = ()
    dates: Sequence[bool] = ()
    since_1904: bool = False
    _parts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._parts = {name.lower(): name for name in self.archive.namelist()}

    def open(self, part: str) -> IO[bytes] | None:
        """Open a part of the package, None if it isn't there; letters' case doesn't matter."""
        name = self._parts.get(part.lower())
        return None if name is None else self.archive.open(name)

    def elements(self, part: str, most: int = _MOST_OF_PART) -> Iterator[_Element]:
        """Yield each element of a part once it has ended, with its text."""
        stream = self.open(part)
        if stream is None:
            return
        open_: list[_Element] = []
        done: list[_Element] = []

        def begun(name: str, attributes: Mapping[str, str]) -> None:
            open_.append(_Element(name, attributes, [e.name for e in open_[-3:]]))

        def ended(_: str) -> None:
            done.append(open_.pop())

        def text(data: str) -> None:
            open_[-1].text += data

        with stream:
            for _ in walk(stream, self.path, begun, ended, text, most):
                yield from done
                done.clear()


@dataclass
class _Element:
    name: str
    attributes: Mapping[str, str]
    within: Sequence[str]
    text: str = ""


def sheets_of(archive: zipfile.ZipFile, path: object) -> list[XlsxSheet] | None:
    """Return the sheets of a workbook, None if the archive is none.

    Raises:
        FileUnreadable: it is damaged.
    """
    book = Workbook(archive, path)
    main = next(
        (target for kind, target in _relations(book, "").values() if kind == "officeDocument"), ""
    )
    if not main or book.open(main) is None or not main.lower().endswith(".xml"):
        return None
    related = _relations(book, main)
    named: list[tuple[str, str, str]] = []
    for element in book.elements(main):
        said = element.attributes
        if element.name == "workbookPr":
            book.since_1904 = said.get("date1904", "") in ("1", "true", "on")
        elif element.name == "sheet":
            named.append((said.get("name", ""), said.get("id", ""), said.get("state", "visible")))
    for kind, target in related.values():
        if kind == "sharedStrings":
            book.strings = _strings(book, target)
        elif kind == "styles":
            book.dates = _dates(book, target)
    return [
        XlsxSheet(book, name, related[id][1], state != "visible")
        for name, id, state in named
        if id in related and related[id][0] == "worksheet"
    ]


def _relations(book: Workbook, part: str) -> dict[str, tuple[str, str]]:
    # of a part: the kind and the target of each by its id
    folder, name = posixpath.split(part)
    found: dict[str, tuple[str, str]] = {}
    for element in book.elements(posixpath.join(folder, "_rels", name + ".rels")):
        said = element.attributes
        if element.name == "Relationship" and said.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/" + folder, said.get("Target", "")))
            kind = said.get("Type", "").rpartition("/")[2]
            found[said.get("Id", "")] = kind, target.lstrip("/")
    return found


def _strings(book: Workbook, part: str) -> list[str]:
    found: list[str] = []
    parts: list[str] = []
    for element in book.elements(part, _MOST_STRINGS):
        if element.name == "t" and "rPh" not in element.within:
            parts.append(element.text)
        elif element.name == "si":
            found.append(decoded("".join(parts)))
            parts.clear()
    return found


def _dates(book: Workbook, part: str) -> list[bool]:
    codes: dict[str, str] = {}
    found: list[bool] = []
    for element in book.elements(part):
        said = element.attributes
        if element.name == "numFmt":
            codes[said.get("numFmtId", "")] = said.get("formatCode", "")
        elif element.name == "xf" and "cellXfs" in element.within:
            number = said.get("numFmtId", "0")
            found.append(is_date_format(int(number) if number.isdecimal() else 0,
                                        codes.get(number)))
    return found


class XlsxSheet:
    """A sheet of a workbook."""

    def __init__(self, book: Workbook, name: str, part: str, hidden: bool) -> None:
        self._book, self._part = book, part
        self.name, self.hidden = name, hidden

    def rows(self) -> Iterator[SheetRow]:
        """Yield the rows that hold something."""
        stream = self._book.open(self._part)
        if stream is None:
            return
        reader = SheetReader(self._book.strings, self._book.dates, since_1904=self._book.since_1904)
        with stream:
            for _ in walk(
                stream, self._book.path, reader.begun, reader.ended, reader.text, MOST_UNPACKED
            ):
                yield from reader.done
                reader.done.clear()

    def merged(self) -> Sequence[Merged]:
        """Return the merged cells, which stand behind the rows; most sheets have none."""
        stream = self._book.open(self._part)
        if stream is None or not self._mentions(stream):
            return ()
        found: list[Merged] = []

        def begun(name: str, attributes: Mapping[str, str]) -> None:
            if name == "mergeCell":
                area = _area(attributes.get("ref", ""))
                if area is not None:
                    found.append(area)
                if len(found) > _MOST_MERGED:
                    raise unreadable(
                        self._book.path, f"的合并单元格超过 {_MOST_MERGED} 处",
                        f": has more than {_MOST_MERGED} merged cells",
                    )

        def nothing(_: str) -> None:
            pass

        with self._book.open(self._part) or stream as again:
            for _ in walk(again, self._book.path, begun, nothing, nothing, MOST_UNPACKED):
                pass
        return found

    def _mentions(self, stream: IO[bytes]) -> bool:
        # looks for the word alone, which is quicker than reading all as XML again
        kept = b""
        with stream:
            while chunk := stream.read(2**18):
                if b"mergeCell" in kept + chunk or b"m\0e\0r\0g\0e\0" in kept + chunk:
                    return True
                kept = chunk[-32:]
        return False


def _area(reference: str) -> Merged | None:
    ends = [_REFERENCE.fullmatch(end) for end in reference.split(":")]
    if len(ends) != 2 or ends[0] is None or ends[1] is None:
        return None
    (left, top), (right, bottom) = ends[0].groups(), ends[1].groups()
    return Merged(int(top), column_of(left), int(bottom), column_of(right))

"""The headers that a file may have, of which whoever knows the words for columns takes one."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from eldermall.reports.sources.cells import HEADER_WITHIN, plain_name
from eldermall.reports.sources.encodings import likely
from eldermall.reports.sources.objects import first_object
from eldermall.reports.sources.opening import looked_at, opening, sheets_of
from eldermall.reports.sources.sheets import names_of, near_top
from eldermall.reports.sources.text import DELIMITERS
from eldermall.texts import Text


class Top(NamedTuple):
    """A row near the top that may be the header, and how the file would then be read."""

    names: tuple[str, ...]
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""


def tops(path: Path, notes: list[Text]) -> list[Top]:
    """Return the rows near the top of a file.

    Args:
        path: the file.
        notes: takes what must be told once of the file.

    Raises:
        FileUnreadable: there is no such file, it is empty or damaged.
    """
    with opening(path) as raw:
        opened = looked_at(raw, path)
        if opened.has_sheets:
            return [
                Top(tuple(names_of(row)), sheet=sheet.name)
                for sheet in sheets_of(opened, path, notes)
                if not sheet.hidden
                for row in near_top(sheet.rows())
            ]
        encoding = likely(opened.head)
        text = opened.head.decode(encoding, "replace").lstrip("\ufeff")
        said = "" if encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32") else encoding
        if opened.kind == "text":
            return list(_rows(text, said))
        return [Top(tuple(first_object(text)), said)]


def _rows(text: str, encoding: str) -> Iterator[Top]:
    lines = list(islice(io.StringIO(text, newline=""), HEADER_WITHIN))
    for delimiter in DELIMITERS:
        reader = csv.reader(lines, delimiter=delimiter)
        try:
            for cells in reader:
                yield Top(tuple(plain_name(cell) for cell in cells), encoding, delimiter)
        except csv.Error:
            continue

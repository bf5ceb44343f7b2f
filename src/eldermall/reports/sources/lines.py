"""The lines of a text, plain or packed: bounded, and given back where one was too much."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING

from eldermall.reports.sources.cells import LONGEST_LINE, MOST_UNPACKED, unreadable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class TooLong(csv.Error):
    """A line, or a row of several, that is longer than any that is read."""

    def __init__(self) -> None:
        super().__init__(f"longer than {LONGEST_LINE} characters")


class Lines:
    """The lines of a text, which can be given back.

    ``number`` is how many were taken, those ``before`` included; ``taken`` are those since `clear`.
    """

    def __init__(self, text: IO[str], before: int = 0) -> None:
        self._read = text.readline
        self._back: list[str] = []
        self._held = 0
        self.number = before
        self.taken: list[str] = []

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        line = self._back.pop() if self._back else self._fresh()
        self.number += 1
        self.taken.append(line)
        self._held += len(line)
        if not line or self._held >= LONGEST_LINE:
            raise TooLong
        return line

    def _fresh(self) -> str:
        # an empty text stands for a line that is too long by itself
        line = self._read(LONGEST_LINE)
        if not line:
            raise StopIteration
        if len(line) < LONGEST_LINE:
            return line
        while line and line[-1] not in "\r\n":
            line = self._read(LONGEST_LINE)
        return ""

    def clear(self) -> None:
        """Forget what was taken; a row begins."""
        self.taken.clear()
        self._held = 0

    def give_back(self, lines: Iterable[str]) -> None:
        """Take ``lines``, the last that were taken, back to be read again."""
        back = [*lines]
        self._back.extend(reversed(back))
        self.number -= len(back)

    def give_back_all_but_one(self) -> None:
        """Give back what a row took beyond its first line."""
        self.give_back(self.taken[1:])


class Unpacked(io.RawIOBase):
    """What a gzip holds, up to the most that is unpacked."""

    def __init__(self, raw: IO[bytes], path: object) -> None:
        self._gzip = gzip.GzipFile(fileobj=raw)
        self._path = path
        self._left = MOST_UNPACKED

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill ``buffer`` with what comes next.

        Raises:
            FileUnreadable: it is more than is unpacked.
        """
        count = self._gzip.readinto(buffer)
        self._left -= count
        if self._left < 0:
            size = MOST_UNPACKED // 2**30
            raise unreadable(
                self._path, f"解压后超过 {size} GiB，请先自行解压并分成几份",
                f": holds more than {size} GiB when unpacked; unpack it yourself, in parts",
            )
        return count

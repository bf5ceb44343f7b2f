"""Workbooks: which format one is of, and that it doesn't unpack to too much."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

from eldermall.reports.sources import calamine, xlsx
from eldermall.reports.sources.cells import too_large, unreadable
from eldermall.reports.sources.sheets import Sheet
from eldermall.texts import Text

_LARGEST = 512 * 2**20
"""How many bytes a workbook may have that is read as a whole."""

_PASSWORD = "EncryptedPackage".encode("utf-16-le")


def sheets_of(raw: io.BufferedReader, path: object, notes: list[Text]) -> Sequence[Sheet]:
    """Return the sheets of a workbook.

    Args:
        raw: a zip, or an OLE file.
        path: the file's, for errors.
        notes: takes what must be told once of the file.

    Raises:
        FileUnreadable: it is none, is too large, has a password, or needs what isn't installed.
    """
    if not raw.seekable():
        raise unreadable(
            path, "是工作簿，须为磁盘上的文件", ": a workbook must be a file that can be sought in"
        )
    if raw.peek(4)[:4] == b"\xd0\xcf\x11\xe0":
        return _whole(raw, path, notes)
    archive = zipfile.ZipFile(raw)
    sheets = xlsx.sheets_of(archive, path)
    if sheets is not None:
        return sheets
    names = archive.namelist()
    if not {"xl/workbook.bin", "mimetype"} & {name.lower() for name in names}:
        inside = names[:5]
        raise unreadable(
            path, "是压缩包而不是工作簿，请先解压；内有 " + "、".join(inside),
            ": an archive and no workbook; unpack it first; in it are " + ", ".join(inside),
        )
    if sum(part.file_size for part in archive.infolist()) > _LARGEST:
        raise too_large(path, _LARGEST)
    archive.testzip()  # that no part holds more than it says
    raw.seek(0)
    return _whole(raw, path, notes)


def _whole(raw: io.BufferedReader, path: object, notes: list[Text]) -> Sequence[Sheet]:
    content = raw.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise too_large(path, _LARGEST)
    if _PASSWORD in content:
        raise unreadable(
            path, "设有密码，请另存为没有密码的文件", ": it has a password; save it without one"
        )
    notes.append(calamine.NOTE)
    return calamine.sheets_of(io.BytesIO(content), path)

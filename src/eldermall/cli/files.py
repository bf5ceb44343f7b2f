"""Files that commands write: beside their place first, and never over what is there.

A file takes its place in one step once all of it is written, so that a run that fails or is
interrupted leaves what was there before whole.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Annotated

import typer

from eldermall.adapters.storage.urls import is_path, parsed
from eldermall.errors import FileUnreadable, Invalid
from eldermall.texts import Text

ForceOption = Annotated[
    bool, typer.Option("--force", help="Replace the file if it is there already.")
]


@contextmanager
def written(
    path: Path,
    option: str,
    *,
    force: bool = False,
    inputs: Iterable[Path] = (),
    private: bool = False,
) -> Iterator[IO[str]]:
    """Give a file to write; it takes the place of ``path`` when the block ends without an error.

    A pipe or device is written straight to.

    Args:
        path: the place. A link there is replaced, never what it leads to.
        option: the option or argument that names it.
        force: whether a file that is there is replaced.
        inputs: files that the command reads; ``path`` must be none of them.
        private: whether only the owner may read it; else as the umask says, or as before.

    Raises:
        Invalid: ``path`` is one of ``inputs``.
        FileUnreadable: it is there already, or can't be written.
    """
    check_apart(path, option, inputs)
    try:
        kind = _kind(path)
        if kind in (stat.S_IFIFO, stat.S_IFCHR):
            with path.open("w", encoding="utf-8", newline="\n") as file:
                yield file
            return
        if kind == stat.S_IFDIR:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not force and os.path.lexists(path):
            raise _there(path)
        beside = path.with_name(f".eldermall-{secrets.token_hex(8)}")
        try:
            with os.fdopen(_made(beside, private), "w", encoding="utf-8", newline="\n") as file:
                if force and not private and kind == stat.S_IFREG:
                    os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
                yield file
                file.flush()
                os.fsync(file.fileno())
            _take_place(beside, path, force=force)
        finally:
            with suppress(OSError):
                beside.unlink()
    except OSError as error:
        raise FileUnreadable(
            Text(f"无法写入 {path}：{error.strerror}", f"can't write {path}: {error.strerror}")
        ) from error


def _made(path: Path, private: bool) -> int:
    mode = 0o600 if private else 0o666
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)


def _take_place(beside: Path, path: Path, *, force: bool) -> None:
    if force:
        beside.replace(path)
        return
    try:
        os.link(beside, path)  # unlike a renaming it fails if somebody was faster
    except FileExistsError:
        raise _there(path) from None
    except OSError:  # a file system without hard links
        if os.path.lexists(path):
            raise _there(path) from None
        beside.replace(path)


def _kind(path: Path) -> int | None:
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except FileNotFoundError:
        return None


def _there(path: Path) -> FileUnreadable:
    return FileUnreadable(
        Text(
            f"{path} 已存在，未作改动；如要替换，请加 --force",
            f"{path} is there already and was left as it is; --force replaces it",
        )
    )


def check_apart(path: Path, option: str, inputs: Iterable[Path]) -> None:
    """Check that ``path`` is none of ``inputs``, through whatever links.

    Raises:
        Invalid: it is.
    """
    for read in inputs:
        if os.path.realpath(path) == os.path.realpath(read) or _same(path, read):
            raise Invalid(
                option, str(path),
                Text(
                    f"不得写入本命令所读取的文件 {read}",
                    f"must not be {read}, which this command reads",
                ),
            )


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def database_files(url: str) -> list[Path]:
    """Return the files of the database at ``url``; none if it is on a server or no URL at all."""
    found = parsed(url)
    if found is None or not is_path(found) or not found.database:
        return []
    name = found.database.removeprefix("file:")
    return [Path(name + more) for more in ("", "-wal", "-shm", "-journal")]


def plugin_files(names: Iterable[str]) -> list[Path]:
    """Return the files among the names of plugins."""
    return [Path(name) for name in names if name.endswith(".py")]

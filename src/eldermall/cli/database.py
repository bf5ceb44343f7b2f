"""Opening a database that must be there already, without making or changing anything in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from eldermall.contracts.storage import Storage
from eldermall.errors import StorageError
from eldermall.mall import KINDS
from eldermall.plugins import Plugins
from eldermall.texts import Text


def must_exist(url: str, prefix: str) -> None:
    """Raise unless ``url`` names a database that holds tables of eldermall.

    Raises:
        StorageError: it is in memory, isn't there, isn't a database, or holds no such tables.
    """
    if url == "memory:":
        raise StorageError(
            Text(
                "memory: 不保存任何内容，请给出已有数据库的地址",
                "memory: keeps nothing; name a database that is there",
            )
        )
    path = _sqlite_path(url)
    if path is None:
        return
    if not path.is_file():
        raise StorageError(
            Text(f"数据库文件 {path} 不存在", f"there is no database file {path}")
        )
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as file:
            found = file.execute(
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?",
                (f"{prefix}schema",),
            ).fetchone()
    except sqlite3.Error as error:
        raise StorageError(
            Text(f"{path} 无法作为数据库读取：{error}", f"can't read {path}: {error}")
        ) from error
    if found is None:
        raise StorageError(
            Text(
                f"{path} 中没有以 {prefix} 为前缀的 eldermall 数据表",
                f"{path} holds no tables of eldermall with the prefix {prefix}",
            )
        )


def _sqlite_path(url: str) -> Path | None:
    for scheme in ("sqlite:///", "sqlite+pysqlite:///"):
        if url.startswith(scheme):
            return Path(url.removeprefix(scheme).split("?", 1)[0])
    return None


@contextmanager
def existing(url: str, prefix: str, code: str) -> Iterator[Storage]:
    """Open the storage of a database that is there already.

    Raises:
        StorageError: it can't be used; nothing was made.
    """
    storage = Plugins((), code).storage(url, prefix)
    try:
        must_exist(url, prefix)
        storage.open(kind.record_kind for kind in KINDS)
        yield storage
    finally:
        storage.close()

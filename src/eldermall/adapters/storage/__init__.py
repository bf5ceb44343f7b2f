"""The built-in storages: ``memory:``, and SQL databases through SQLAlchemy."""

from __future__ import annotations

from eldermall.contracts.plugin import About
from eldermall.contracts.storage import Storage, StorageCapabilities
from eldermall.hooks import hookimpl

_SQL = (
    "sqlite:", "sqlite+pysqlite:",
    "postgresql:", "postgresql+psycopg:",
    "mariadb:", "mariadb+pymysql:",
)

MEMORY = StorageCapabilities(walks=True, newest=True, lanes=True, many=True)
SQL = StorageCapabilities(
    join=True, durable=True, walks=True, newest=True, lanes=True, many=True
)

about = About(capabilities={"memory": MEMORY, "sqlite, postgresql, mariadb": SQL})


@hookimpl
def eldermall_storage(url: str, prefix: str) -> Storage | None:
    """Return a storage for ``memory:`` or a URL of SQLite, PostgreSQL or MariaDB."""
    if url == "memory:":
        from eldermall.adapters.storage.memory import MemoryStorage

        return MemoryStorage()
    if url.startswith(_SQL):
        from eldermall.adapters.storage.sql.storage import SqlStorage

        return SqlStorage(url, prefix=prefix)
    return None

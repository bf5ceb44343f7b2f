"""Bringing a database to the schema that this version needs."""

from __future__ import annotations

from importlib.resources import files

from sqlalchemy import Connection, inspect, text

from eldermall.errors import SchemaError
from eldermall.texts import Text

NEEDED = "0001"


def version(connection: Connection, prefix: str) -> str | None:
    """Return the schema's version; None if there are no tables of ours."""
    table = prefix + "schema"
    if not inspect(connection).has_table(table):
        return None
    found: str | None = connection.execute(text(f'SELECT version_num FROM "{table}"')).scalar()
    return found


def check(found: str | None) -> None:
    """Raise unless ``found`` is the version that is needed.

    Raises:
        SchemaError: it isn't.
    """
    if found != NEEDED:
        raise SchemaError(
            Text(
                f"数据库结构为 {found} 版，本版本需要 {NEEDED} 版",
                f"the database's schema is {found}; this version needs {NEEDED}",
            )
        )


def upgrade(connection: Connection, prefix: str) -> None:
    """Make or change the tables, inside the transaction that ``connection`` has open."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    folder = str(files("eldermall.adapters.storage.sql") / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["prefix"] = prefix
    command.upgrade(config, "head")

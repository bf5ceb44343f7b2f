"""Bringing a database to the schema that this version needs."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table, column, inspect, select, table

from eldermall.adapters.storage.sql.schema import Schema
from eldermall.errors import SchemaError
from eldermall.texts import Text

if TYPE_CHECKING:
    from alembic.config import Config

VERSIONS = ("0001", "0002", "0003")
"""Every version of the schema, oldest first."""

NEEDED = VERSIONS[-1]


def version(connection: Connection, prefix: str) -> str | None:
    """Return the schema's version; None if there are no tables of ours."""
    name = prefix + "schema"
    if not inspect(connection).has_table(name):
        return None
    found: str | None = connection.execute(
        select(column("version_num")).select_from(table(name))
    ).scalar()
    return found


def check(found: str | None, url: str) -> None:
    """Raise unless ``found`` is the version that is needed.

    Raises:
        SchemaError: it isn't; the text says what to do.
    """
    if found == NEEDED:
        return
    if found in VERSIONS:
        todo = Text(
            f"请备份后执行 eldermall db upgrade {url}",
            f"make a backup, then run eldermall db upgrade {url}",
        )
    else:
        todo = Text("请使用更新版本的 eldermall", "use a newer version of eldermall")
    raise SchemaError(
        Text(
            f"数据库结构为 {found} 版，本版本需要 {NEEDED} 版；{todo.zh}",
            f"the database's schema is {found}; this version needs {NEEDED}: {todo.en}",
        )
    )


def config(connection: Connection, prefix: str) -> Config:
    """Return how Alembic is to run our migrations, inside ``connection``'s transaction."""
    from alembic.config import Config

    made = Config()
    folder = str(files("eldermall.adapters.storage.sql") / "migrations")
    made.set_main_option("script_location", folder.replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    made.attributes["prefix"] = prefix
    return made


def upgrade(connection: Connection, prefix: str, to: str = "head") -> None:
    """Make or change the tables, inside the transaction that ``connection`` has open.

    Raises:
        SchemaError: they are of a version that this one doesn't know.
    """
    from alembic import command

    found = version(connection, prefix)
    if found is not None and found not in VERSIONS:
        check(found, "")
    command.upgrade(config(connection, prefix), to)


def lacking(connection: Connection, schema: Schema) -> list[Table]:
    """Return the tables of plugins' kinds that aren't there yet.

    Raises:
        SchemaError: one is there, and hasn't the columns that its kind is found by.
    """
    own = [schema.records[kind.name] for kind in schema.kinds.values() if kind.own]
    if not own:
        return []
    inspector = inspect(connection)
    there = set(inspector.get_table_names())
    for made in own:
        if made.name not in there:
            continue
        columns = {found["name"] for found in inspector.get_columns(made.name)}
        if missing := [c.name for c in made.columns if c.name not in columns]:
            raise SchemaError(
                Text(
                    f"数据表 {made.name} 缺少列 {'、'.join(missing)}；"
                    "插件的类别改变查找方式后须改用新名称",
                    f"the table {made.name} has no column {', '.join(missing)}; a plugin's kind "
                    "that is found by other fields needs a new name",
                )
            )
    return [made for made in own if made.name not in there]


def make(connection: Connection, tables: list[Table]) -> None:
    """Make tables of plugins' kinds, each with its indexes, in the transaction that is open."""
    for made in tables:
        made.create(connection, checkfirst=True)
        for index in made.indexes:
            index.create(connection, checkfirst=True)

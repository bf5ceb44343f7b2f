"""Bringing a database to the schema that this version needs.

Migrations change tables that are there, and have made the first ones. The table of a kind of
records that came later, or with a plugin, needs none: it is made as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files
from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Inspector, Table, column, exc, inspect, select, table

from eldermall.adapters.storage.sql.beside import STATE, complete
from eldermall.adapters.storage.sql.schema import Schema
from eldermall.contracts.storage import Beside
from eldermall.errors import SchemaError
from eldermall.texts import Text

if TYPE_CHECKING:
    from alembic.config import Config

VERSIONS = ("0001", "0002", "0003", "0004", "0005")
"""Every version of the schema, oldest first."""

NEEDED = VERSIONS[-1]

SHIPPED = (
    "designation", "assignment", "listing", "order", "booking", "callback", "complaint",
    "assistance", "stock", "capacity", "urge", "case",
)
"""The kinds whose tables migrations have made; they bring them up to date, too."""

_ALEMBIC = Lock()
"""Alembic keeps the connection that it works on in its modules: threads take turns."""


def version(connection: Connection, prefix: str) -> str | None:
    """Return the schema's version; None if there are no tables of ours.

    Raises:
        SchemaError: they are those of another prefix, which the database doesn't tell from this.
    """
    name = prefix + "schema"
    tables = inspect(connection)
    if not tables.has_table(name):
        return None
    found: str | None = connection.execute(
        select(column("version_num")).select_from(table(name))
    ).scalar()
    if found is not None and (there := _as_written(tables, prefix)) != prefix:
        raise SchemaError(
            Text(
                f"此数据库的表名不区分大小写：{prefix} 与已有数据表的前缀 {there} 是同一个；"
                f"请写作 {there}，或另取前缀",
                f"this database doesn't tell the prefix {prefix} from {there}, whose tables are "
                f"there: write {there}, or take another",
            )
        )
    return found


def _as_written(tables: Inspector, prefix: str) -> str:
    """Return ``prefix`` as it was written when the tables were made.

    Names of tables may come back folded; names of indexes come back as they were given.
    """
    name = f"ix_{prefix}clocks_due"
    there = (str(index["name"]) for index in tables.get_indexes(f"{prefix}clocks"))
    same = next((other for other in there if other.lower() == name.lower()), name)
    return same.removeprefix("ix_")[: len(prefix)]


def check(found: str | None, command: str) -> None:
    """Raise unless ``found`` is the version that is needed.

    Args:
        found: the version that is there.
        command: what brings it to the one that is needed.

    Raises:
        SchemaError: it isn't; the text says what to do.
    """
    if found == NEEDED:
        return
    if found in VERSIONS:
        todo = Text(f"请备份后执行 {command}", f"make a backup, then run {command}")
    else:
        todo = Text("请使用更新版本的 eldermall", "use a newer version of eldermall")
    raise SchemaError(
        Text(
            f"数据库结构为 {found} 版，本版本需要 {NEEDED} 版；{todo.zh}",
            f"the database's schema is {found}; this version needs {NEEDED}: {todo.en}",
        )
    )


def config(
    connection: Connection, prefix: str, besides: Mapping[str, Beside | None] | None = None
) -> Config:
    """Return how Alembic is to run our migrations, inside ``connection``'s transaction.

    Args:
        connection: with an open transaction.
        prefix: of the tables.
        besides: what each kind says of a body, for columns that are filled from bodies.
    """
    from alembic.config import Config

    made = Config()
    folder = str(files("eldermall.adapters.storage.sql") / "migrations")
    made.set_main_option("script_location", folder.replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    made.attributes["prefix"] = prefix
    made.attributes["besides"] = besides or {}
    return made


def upgrade(
    connection: Connection,
    prefix: str,
    to: str = "head",
    besides: Mapping[str, Beside | None] | None = None,
) -> None:
    """Make or change the tables, inside the transaction that ``connection`` has open.

    Raises:
        SchemaError: they are of a version that this one doesn't know.
    """
    from alembic import command

    found = version(connection, prefix)
    if found is not None and found not in VERSIONS:
        check(found, "")
    with _ALEMBIC:
        command.upgrade(config(connection, prefix, besides), to)


def lacking(connection: Connection, schema: Schema) -> list[str]:
    """Return the kinds whose tables aren't there, or don't keep the records' state yet.

    Raises:
        SchemaError: one is there, and hasn't the columns that its kind needs.
    """
    inspector = inspect(connection)
    kinds = []
    for kind, made in schema.records.items():
        try:
            there = {found["name"] for found in inspector.get_columns(made.name)}
        except exc.NoSuchTableError:
            there = set()
        if not there:  # or somebody has just made it, while its columns were asked for
            kinds.append(kind)
            continue
        missing = [c.name for c in made.columns if c.name not in there]
        if [name for name in missing if name != STATE]:
            raise SchemaError(
                Text(
                    f"数据表 {made.name} 缺少列 {'、'.join(missing)}："
                    "表已被改动，或插件的类别改变了查找方式（须改用新名称）",
                    f"the table {made.name} has no column {', '.join(missing)}: it was changed, or "
                    "a plugin's kind is found by other fields now and needs a new name",
                )
            )
        if missing or (kind not in SHIPPED and not _indexed(connection, made)):
            kinds.append(kind)
    return kinds


def _indexed(connection: Connection, made: Table) -> bool:
    """Say whether records are found by their state: the last that is done for it."""
    there = {found["name"] for found in inspect(connection).get_indexes(made.name)}
    return f"ix_{made.name}_{STATE}" in there


def make(connection: Connection, schema: Schema, kinds: Iterable[str]) -> None:
    """Make what isn't there of the kinds' tables and indexes, in the transaction that is open."""
    for kind in kinds:
        made = schema.records[kind]
        made.create(connection, checkfirst=True)
        if not _indexed(connection, made):
            complete(connection, made.name, (STATE,), schema.kinds[kind].beside)
        for index in made.indexes:
            index.create(connection, checkfirst=True)

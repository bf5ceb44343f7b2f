"""Messages are claimed by topic, and each receiver's has an id of its own, which is longer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from eldermall.adapters.storage.sql.migrations.versions.m0001_first import body, key, number, text
from eldermall.adapters.storage.sql.stored import words

revision = "0005"
down_revision = "0004"

LONG = 200

INDEXES: dict[str, tuple[str, ...]] = {
    "next": ("mall", "next", "id"),
    "state": ("mall", "state", "created", "id"),
    "lane": ("mall", "topic", "next", "id"),
}


def upgrade(prefix: str) -> None:
    """Make room for longer ids, and index what is due by topic."""
    name = prefix + "outbox"
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":  # it can't change a column
        _copy(name)
        made = tuple(INDEXES)
    else:
        op.alter_column(
            name, "id", type_=words(LONG), existing_type=words(130), existing_nullable=False
        )
        made = ("lane",)
    # MariaDB commits each step by itself, and the process may have been stopped in between.
    again = dialect in ("mariadb", "mysql")
    for index in made:
        op.create_index(
            f"ix_{name}_{index}", name, list(INDEXES[index]), if_not_exists=again
        )


def _copy(name: str) -> None:
    columns = (
        key("mall", 64), key("id", LONG), text("topic", 16), body("body"), number("created"),
        sa.Column("next", sa.BigInteger, nullable=True), text("state", 16),
        sa.Column("attempts", sa.Integer, nullable=False), text("reason", 500),
    )
    op.create_table(f"{name}_longer", *columns, sqlite_with_rowid=False)
    names = [column.name for column in columns]
    old, new = (sa.table(n, *map(sa.column, names)) for n in (name, f"{name}_longer"))
    op.execute(sa.insert(new).from_select(names, sa.select(*old.c)))
    op.drop_table(name)
    op.rename_table(f"{name}_longer", name)

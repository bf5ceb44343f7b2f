"""The rooms of collection, stock, urging and after-sale cases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from eldermall.adapters.storage.sql.migrations.versions.m0001_first import body, key, number, text
from eldermall.adapters.storage.sql.stored import words

revision = "0003"
down_revision = "0002"

RECORDS: dict[str, tuple[str, ...]] = {
    "assistance": ("merchant",),
    "stock": ("merchant",),
    "capacity": ("merchant",),
    "urge": ("order",),
    "case": ("order", "customer", "merchant"),
}


def upgrade(prefix: str) -> None:
    """Make the tables of the new kinds of records."""
    # MariaDB commits each step by itself, and the process may have been stopped in between.
    again = op.get_bind().dialect.name in ("mariadb", "mysql")
    for kind, fields in RECORDS.items():
        name = f"{prefix}record_{kind}"
        op.create_table(
            name, key("mall", 64), key("id", 64), number("version"),
            sa.Column("open", sa.Integer, nullable=False), text("pack", 64),
            *(sa.Column(field, words(64), nullable=True) for field in fields), body("body"),
            mariadb_engine="InnoDB", if_not_exists=again,
        )
        indexes = {"pack": ("mall", "pack", "open"), "open": ("mall", "open", "id")}
        for index, columns in (indexes | {f: ("mall", f, "id") for f in fields}).items():
            op.create_index(f"ix_{name}_{index}", name, list(columns), if_not_exists=again)

"""What records are found by, and how far walks over them have come."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from alembic import op

from eldermall.adapters.storage.sql.beside import STATE, complete
from eldermall.adapters.storage.sql.migrate import SHIPPED
from eldermall.adapters.storage.sql.migrations.versions.m0001_first import key
from eldermall.adapters.storage.sql.stored import words
from eldermall.contracts.storage import Beside

revision = "0004"
down_revision = "0003"

MORE: Mapping[str, tuple[str, ...]] = {"complaint": ("group_id",)}


def upgrade(prefix: str) -> None:
    """Keep the state of each record in a column, and say anew which are open."""
    bind = op.get_bind()
    config = op.get_context().config
    besides: Mapping[str, Beside | None] = {} if config is None else config.attributes["besides"]
    # MariaDB commits each step by itself, and the process may have been stopped in between.
    again = bind.dialect.name in ("mariadb", "mysql")
    op.create_table(
        prefix + "walks", key("mall", 64), key("name", 100),
        sa.Column("upto", words(64), nullable=False), mariadb_engine="InnoDB", if_not_exists=again,
    )
    for kind in SHIPPED:
        columns = (*MORE.get(kind, ()), STATE)
        complete(bind, f"{prefix}record_{kind}", columns, besides.get(kind))

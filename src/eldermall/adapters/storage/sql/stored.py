"""How values are stored. Migrations use these too: what stands here is never changed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import LargeBinary, String
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

KEYED = ("clocks", "keys", "leaves", "outbox", "unsealed")
"""Tables of short rows, on SQLite kept in order of their key alone: a write touches fewer pages."""

LOCKS = 4096
"""How many rows stand for the keys of rows that may not exist, where the database needs them."""


def words(length: int) -> TypeEngine[Any]:
    """Return a text compared and ordered by its bytes, trailing blanks included."""
    return (
        String(length)
        .with_variant(String(length, collation="C"), "postgresql")
        .with_variant(
            mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_nopad_bin"), "mariadb"
        )
    )


def data() -> TypeEngine[Any]:
    """Return bytes of any length."""
    return LargeBinary().with_variant(mysql.LONGBLOB(), "mariadb")


def short_data() -> TypeEngine[Any]:
    """Return bytes as short as a hash or a salt."""
    return LargeBinary().with_variant(mysql.VARBINARY(64), "mariadb")

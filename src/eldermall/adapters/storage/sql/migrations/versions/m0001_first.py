"""The first schema."""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa
from alembic import op

from eldermall.adapters.storage.sql.stored import KEYED, data, short_data, words

revision = "0001"
down_revision = None

RECORDS: dict[str, tuple[str, ...]] = {
    "designation": (),
    "assignment": (),
    "listing": ("merchant",),
    "order": ("group_id", "merchant", "customer"),
    "booking": (),
    "callback": ("customer",),
    "complaint": ("customer", "order"),
}


def upgrade(prefix: str) -> None:
    """Make every table, and give the installation its id."""
    bind = op.get_bind()
    # MariaDB commits each step by itself, and the process may have been stopped in between.
    again = bind.dialect.name in ("mariadb", "mysql")

    def table(name: str, *columns: sa.Column[Any], **indexes: tuple[str, ...]) -> None:
        op.create_table(
            prefix + name, *columns, sqlite_with_rowid=name not in KEYED,
            mariadb_engine="InnoDB", if_not_exists=again,
        )
        for index, names in indexes.items():
            op.create_index(
                f"ix_{prefix}{name}_{index}", prefix + name, list(names), if_not_exists=again
            )

    table("installation", key("id", 64))
    installation = sa.table(prefix + "installation", sa.column("id"))
    if bind.scalar(sa.select(sa.func.count()).select_from(installation)) == 0:
        bind.execute(sa.insert(installation), {"id": secrets.token_hex(16)})
    table("packs", key("mall", 64), key("hash", 64), body("body"))
    for kind, fields in RECORDS.items():
        table(
            f"record_{kind}", key("mall", 64), key("id", 64), number("version"),
            sa.Column("open", sa.Integer, nullable=False), text("pack", 64),
            *(sa.Column(name, words(64), nullable=True) for name in fields), body("body"),
            pack=("mall", "pack", "open"),
            open=("mall", "open", "id"),
            **{name: ("mall", name, "id") for name in fields},
        )
    table("entries", *chain_key(), digest("hash"), body("body"))
    table("unsealed", *chain_key(), digest("hash"))
    table(
        "personal", *chain_key(), key("path", 100), text("purpose", 64), digest("salt"),
        body("value"),
    )
    table(
        "clocks", key("mall", 64), key("subject", 100), key("name", 80), key("part", 64),
        number_key("started"), number("limit"), text("counting", 16), number("due"),
        sa.Column("next", sa.BigInteger, nullable=True),
        sa.Column("stage", sa.Integer, nullable=False), text("state", 16),
        sa.Column("stopped", sa.BigInteger, nullable=True), text("pack", 64),
        next=("mall", "next", "subject", "name", "part"),
        due=("mall", "state", "due", "subject", "name", "part"),
    )
    table(
        "outbox", key("mall", 64), key("id", 130), text("topic", 16), body("body"),
        number("created"), sa.Column("next", sa.BigInteger, nullable=True), text("state", 16),
        sa.Column("attempts", sa.Integer, nullable=False), text("reason", 500),
        next=("mall", "next", "id"),
        state=("mall", "state", "created", "id"),
    )
    table(
        "keys", key("mall", 64), key("command", 80), key("key", 64), digest("salt"),
        digest("fingerprint"), text("subject", 100), number("created"),
        created=("mall", "created"),
    )
    table("roots", key("mall", 64), number_key("number"), digest("hash"), body("body"))
    table(
        "leaves", key("mall", 64), number_key("number"), key("subject", 100), number("seq"),
        digest("hash"),
    )


def key(name: str, length: int) -> sa.Column[Any]:
    """Return a text that is part of a key."""
    return sa.Column(name, words(length), primary_key=True)


def number_key(name: str) -> sa.Column[Any]:
    """Return a number that is part of a key."""
    return sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False)


def text(name: str, length: int) -> sa.Column[Any]:
    """Return a text that is always there."""
    return sa.Column(name, words(length), nullable=False)


def chain_key() -> tuple[sa.Column[Any], ...]:
    """Return the key of an entry."""
    return key("mall", 64), key("subject", 100), number_key("seq")


def number(name: str) -> sa.Column[Any]:
    """Return a number that is always there."""
    return sa.Column(name, sa.BigInteger, nullable=False)


def body(name: str) -> sa.Column[Any]:
    """Return bytes that are always there."""
    return sa.Column(name, data(), nullable=False)


def digest(name: str) -> sa.Column[Any]:
    """Return a hash or a salt."""
    return sa.Column(name, short_data(), nullable=False)

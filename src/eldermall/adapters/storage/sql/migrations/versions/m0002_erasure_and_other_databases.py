"""What erasure, proofs and databases without gap locks need."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from eldermall.adapters.storage.sql.stored import LOCKS

revision = "0002"
down_revision = "0001"

BATCH = 1000


def upgrade(prefix: str) -> None:
    """Note when personal values were recorded; index what is looked up by subject."""
    bind = op.get_bind()
    mariadb = bind.dialect.name in ("mariadb", "mysql")
    again = mariadb  # the server commits each step by itself, and may have been stopped between
    columns = {c["name"] for c in sa.inspect(bind).get_columns(prefix + "personal")}
    if "recorded" not in columns:
        op.add_column(
            prefix + "personal",
            sa.Column("recorded", sa.BigInteger, nullable=False, server_default="0"),
        )
    _fill(bind, prefix)
    op.create_index(
        f"ix_{prefix}personal_recorded", prefix + "personal", ["mall", "recorded"],
        if_not_exists=again,
    )
    op.create_index(
        f"ix_{prefix}keys_subject", prefix + "keys", ["mall", "subject"], if_not_exists=again
    )
    op.create_index(
        f"ix_{prefix}leaves_subject", prefix + "leaves", ["mall", "subject", "seq"],
        if_not_exists=again,
    )
    if mariadb:
        op.create_table(
            prefix + "locks",
            sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
            mariadb_engine="InnoDB",
            if_not_exists=True,
        )
        locks = sa.table(prefix + "locks", sa.column("n"))
        there = set(bind.scalars(sa.select(locks.c.n)))
        missing = [{"n": n} for n in range(LOCKS) if n not in there]
        if missing:
            bind.execute(sa.insert(locks), missing)


def _fill(bind: sa.Connection, prefix: str) -> None:
    """Take the moment of recording from the entry that each personal value stands behind."""
    names = ("mall", "subject", "seq")
    personal = sa.table(prefix + "personal", *map(sa.column, (*names, "recorded")))
    entries = sa.table(prefix + "entries", *map(sa.column, (*names, "body")))
    same = sa.and_(*(personal.c[n] == entries.c[n] for n in names))
    query = (
        sa.select(entries.c.mall, entries.c.subject, entries.c.seq, entries.c.body)
        .where(sa.exists().where(same, personal.c.recorded == 0))
        .limit(BATCH)
    )
    change = (
        sa.update(personal)
        .where(*(personal.c[n] == sa.bindparam(f"b_{n}") for n in names))
        .values(recorded=sa.bindparam("b_recorded"))
    )
    while rows := bind.execute(query).all():
        bind.execute(
            change,
            [
                {
                    "b_mall": mall, "b_subject": subject, "b_seq": seq,
                    "b_recorded": json.loads(body)["recorded"],
                }
                for mall, subject, seq, body in rows
            ],
        )

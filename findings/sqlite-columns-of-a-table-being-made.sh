#!/usr/bin/env bash
# SQLAlchemy 2.1.9 on SQLite: Inspector.get_columns answers with an empty list, and raises nothing, for a
# table that another connection commits while it is asked.
#
# For a table that isn't there it raises NoSuchTableError, so one would guess that a list is that of a
# table with columns. It asks SQLite for the columns first, and where there are none whether the table is
# there; each question sees a database of its own, unless a transaction is open that has read. A table
# that comes into being between the two is then there and has no columns.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check sqlalchemy==2.1.9 2> "$folder/pip.log"
"$folder/venv/bin/python" - "$folder/shop.db" <<'PYTHON'
import sqlite3
import sys

import sqlalchemy as sa

file = sys.argv[1]
engine = sa.create_engine(f"sqlite:///{file}")


def columns(when):
    """Return what is said of the columns of ``orders``; another connection makes it at ``when``."""
    with sqlite3.connect(file) as other:
        other.execute("DROP TABLE IF EXISTS orders")

    def make(connection, cursor, statement, *_):
        if when is not None and statement.startswith(when):
            with sqlite3.connect(file) as other:
                other.execute("CREATE TABLE IF NOT EXISTS orders (id TEXT, total INTEGER)")

    sa.event.listen(engine, "after_cursor_execute", make)
    try:
        with engine.connect() as connection:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            return [c["name"] for c in sa.inspect(connection).get_columns("orders")]
    except sa.exc.NoSuchTableError:
        return "NoSuchTableError"
    finally:
        sa.event.remove(engine, "after_cursor_execute", make)


never, between = columns(None), columns("PRAGMA temp.")
print(f"SQLAlchemy {sa.__version__}: no such table: {never}; made while it is asked: {between}")
assert (never, between) == ("NoSuchTableError", []), "this has changed"
PYTHON

#!/usr/bin/env bash
# A second 60 in a column of times: Polars 2.1.0 takes it in every minute and reads the next minute, DuckDB 2.0.1
# takes it in none, Python 3 takes it in none either.
#
# One would guess that the three agree: that they refuse it, or that they take it where a leap second was (the last
# was at the end of 2016). Polars reads it under strict=True too, so that an order that others call unreadable is
# counted, in the next minute.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0 duckdb==2.0.1 \
    2> "$folder/pip.log" || { cat "$folder/pip.log"; exit 1; }
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import datetime

import duckdb
import polars

FORMAT = "%Y-%m-%d %H:%M:%S"
WRITTEN = ["2016-12-31 23:59:60", "2026-11-01 09:00:60", "2026-11-01 09:00:61"]


def by_python(text):
    try:
        return datetime.strptime(text, FORMAT)
    except ValueError:
        return None


def by_duckdb(text):
    ((found,),) = duckdb.sql(f"SELECT try_strptime('{text}', '{FORMAT}')").fetchall()
    return found


by_polars = polars.Series(WRITTEN).str.to_datetime(FORMAT, strict=False).to_list()
strict = polars.Series(WRITTEN[:2]).str.to_datetime(FORMAT, strict=True).to_list()
for text, found in zip(WRITTEN, by_polars):
    print(f"{text}: polars {found}, duckdb {by_duckdb(text)}, python {by_python(text)}")
assert by_polars == [datetime(2017, 1, 1), datetime(2026, 11, 1, 9, 1), None]
assert strict == by_polars[:2]
assert [by_duckdb(text) for text in WRITTEN] == [None, None, None]
assert [by_python(text) for text in WRITTEN] == [None, None, None]
PYTHON

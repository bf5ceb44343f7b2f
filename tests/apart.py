"""Processes of a test's own: forked from one that has loaded everything and opened nothing."""

from __future__ import annotations

import multiprocessing

APART = multiprocessing.get_context("forkserver")
APART.set_forkserver_preload([
    "django.test", "eldermall.adapters.storage.sql.storage", "eldermall.mall", "psycopg", "pymysql",
    "tests.test_joined", "tests.test_stock_races",
])

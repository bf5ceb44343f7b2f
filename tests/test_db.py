"""``eldermall db``: which version the tables are of, and raising it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from eldermall.adapters.storage.sql import migrate
from eldermall.cli import app
from tests import databases, shop


@pytest.fixture(params=databases.NAMES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'mall.db'}"
    return databases.new_database(request.param, databases.worker() + "_db")


def db(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["db", *arguments], env={"LANG": "en"})


def at_0001(url: str) -> None:
    with databases.engine_at(url) as engine, engine.begin() as connection:
        migrate.upgrade(connection, "eldermall_", "0001")


def test_upgrade_makes_the_tables_of_a_new_database_and_then_has_nothing_to_do(url: str) -> None:
    assert db("upgrade", url).output == f"made the tables, at {migrate.NEEDED}\n"
    assert db("upgrade", url).output == f"it is at {migrate.NEEDED} already\n"
    assert db("check", url).output == f"at {migrate.NEEDED}, as needed\n"
    with shop.open_mall(url, make=False) as mall:
        shop.place(mall)
        assert mall.verify().passed


def test_an_old_database_is_refused_with_the_word_that_helps_and_then_upgraded(url: str) -> None:
    at_0001(url)
    old = db("check", url)
    assert (old.exit_code, old.output) == (1, f"at 0001; {migrate.NEEDED} is needed\n")
    shown = databases.password_free(url).split("?")[0]
    refused = CliRunner().invoke(
        app, ["sweep", url, "--policy", str(shop.POLICY)], env={"LANG": "en"}
    )
    assert refused.exit_code == 2
    assert "run eldermall db upgrade" in refused.stderr
    assert shown.partition(":")[0] in refused.stderr
    assert db("upgrade", url).output == f"upgraded from 0001 to {migrate.NEEDED}\n"
    assert db("check", url).exit_code == 0


def test_current_says_both_versions(url: str) -> None:
    at_0001(url)
    said = json.loads(db("current", url, "--json").stdout)
    assert said == {"version": "0001", "needed": migrate.NEEDED}
    assert db("current", url, "--lang", "zh").output == f"0001 版，需要 {migrate.NEEDED} 版\n"


@pytest.mark.parametrize("command", ["upgrade", "check"])
def test_a_database_of_a_newer_version_is_left_alone(url: str, command: str) -> None:
    db("upgrade", url)
    with databases.engine_at(url) as engine, engine.begin() as connection:
        connection.execute(text("UPDATE eldermall_schema SET version_num = '9999'"))
    done = db(command, url)
    if command == "check":
        assert (done.exit_code, done.output) == (1, f"at 9999; {migrate.NEEDED} is needed\n")
    else:
        assert done.exit_code == 2
        assert "use a newer version of eldermall" in done.stderr


def test_a_storage_without_versions_says_so() -> None:
    done = db("check", "memory:")
    assert done.exit_code == 2
    assert "keeps its schema itself" in done.stderr


def test_a_file_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    done = db("check", f"sqlite:///{tmp_path / 'none.db'}")
    assert done.exit_code == 2
    assert "there is no database file" in done.stderr
    assert not (tmp_path / "none.db").exists()

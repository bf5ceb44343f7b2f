"""``eldermall db``: which version the tables are of, and raising it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from examples.plugins import visits
from sqlalchemy import text
from typer.testing import CliRunner

from eldermall import SchemaError
from eldermall.adapters.storage.sql import migrate
from eldermall.cli import app
from tests import databases, shop

VISITS = "examples.plugins.visits"
SHELF = """
from eldermall import hookimpl
from eldermall.adapters.storage.memory import MemoryStorage

class Shelf(MemoryStorage):
    needed = "7"

    def version(self):
        return "7"

    def missing(self, kinds):
        return [kind.name for kind in kinds if kind.name == "visit"]

    def upgrade(self, kinds):
        return "7", "8", self.missing(kinds)

@hookimpl
def eldermall_storage(url, prefix):
    return Shelf() if url == "shelf:" else None
"""


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
    assert db("upgrade", url).output == (
        f"upgraded from 0001 to {migrate.NEEDED}; made the tables of refund\n"
    )
    assert db("check", url).exit_code == 0


def test_current_says_both_versions(url: str) -> None:
    at_0001(url)
    said = json.loads(db("current", url, "--json").stdout)
    assert said == {"version": "0001", "needed": migrate.NEEDED, "missing": None}
    assert db("current", url, "--lang", "zh").output == f"0001 版，需要 {migrate.NEEDED} 版\n"
    db("upgrade", url)
    said = json.loads(db("current", url, "--json").stdout)
    assert said == {"version": migrate.NEEDED, "needed": migrate.NEEDED, "missing": []}


# Kinds of records


def named(how: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Name a plugin by the option, by the environment, or by both; return the options."""
    if how != "option":
        monkeypatch.setenv("ELDERMALL_PLUGINS", VISITS)
    return [] if how == "environment" else ["--plugin", VISITS]


@pytest.mark.parametrize("how", ["option", "environment", "both"])
def test_tables_of_a_named_plugin_are_missed_and_made(
    url: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db("upgrade", url)
    plugin = named(how, monkeypatch)
    needed = migrate.NEEDED
    missed = db("check", url, *plugin)
    assert (missed.exit_code, missed.output) == (
        1, f"at {needed}, but the tables of visit are missing\n"
    )
    assert db("current", url, *plugin).output == missed.output
    said = json.loads(db("current", url, "--json", *plugin).stdout)
    assert said == {"version": needed, "needed": needed, "missing": ["visit"]}
    with pytest.raises(SchemaError, match="--plugin NAME"):
        shop.open_mall(url, plugins=[visits], make=False)
    assert db("upgrade", url, *plugin).output == (
        f"at {needed} as before; made the tables of visit\n"
    )
    assert db("upgrade", url, *plugin).output == f"it is at {needed} already\n"
    found = db("check", url, *plugin)
    assert (found.exit_code, found.output) == (0, f"at {needed}, as needed\n")
    with shop.open_mall(url, plugins=[visits], make=False) as mall:
        mall.room(visits.Visits).book("V1", customer="li", volunteer="wu", by=shop.SERVICE)


def test_tables_of_a_plugin_that_is_not_named_are_nobodys_business(url: str) -> None:
    db("upgrade", url)
    assert db("check", url).exit_code == 0
    assert db("upgrade", url).output == f"it is at {migrate.NEEDED} already\n"
    assert db("check", url, "--plugin", VISITS).exit_code == 1


def test_an_empty_and_an_old_database_get_the_tables_of_plugins_too(
    url: str, tmp_path: Path
) -> None:
    plugin = ("--plugin", VISITS)
    assert db("upgrade", url, *plugin).output == f"made the tables, at {migrate.NEEDED}\n"
    assert db("check", url, *plugin).exit_code == 0
    old = f"sqlite:///{tmp_path / 'old.db'}"
    at_0001(old)
    assert db("check", old, *plugin).output == f"at 0001; {migrate.NEEDED} is needed\n"
    assert db("upgrade", old, *plugin).output == (
        f"upgraded from 0001 to {migrate.NEEDED}; made the tables of refund, visit\n"
    )
    assert db("check", old, *plugin).exit_code == 0


def test_a_shipped_kind_without_a_table_is_told_like_any_other_in_both_languages(url: str) -> None:
    db("upgrade", url)
    with databases.engine_at(url) as engine, engine.begin() as connection:
        connection.execute(text("DROP TABLE eldermall_record_booking"))
    plugin = ("--plugin", VISITS)
    assert db("check", url, *plugin, "--lang", "zh").output == (
        f"{migrate.NEEDED} 版，但缺少类别 booking、visit 的数据表\n"
    )
    assert db("check", url, *plugin).output == (
        f"at {migrate.NEEDED}, but the tables of booking, visit are missing\n"
    )
    assert db("upgrade", url, *plugin, "--lang", "zh").output == (
        f"仍为 {migrate.NEEDED} 版；已为类别 booking、visit 建表\n"
    )


def test_a_table_that_cannot_keep_its_kind_is_told_by_every_command(
    url: str, tmp_path: Path
) -> None:
    db("upgrade", url, "--plugin", VISITS)
    other = tmp_path / "other.py"
    other.write_text(
        "from dataclasses import replace\n"
        "from eldermall import hookimpl\n"
        "from examples.plugins import visits\n"
        "@hookimpl\n"
        "def eldermall_kinds():\n"
        "    return [replace(visits.Visits.KIND, indexed=('customer', 'volunteer'))]\n"
    )
    for command in ("check", "current", "upgrade"):
        done = db(command, url, "--plugin", str(other))
        assert done.exit_code == 2
        assert "the table eldermall_record_visit has no column volunteer" in done.stderr


@pytest.mark.parametrize("command", ["check", "current", "upgrade"])
def test_a_plugin_that_cannot_be_loaded_is_told_and_nothing_is_made(
    tmp_path: Path, command: str
) -> None:
    done = db(command, f"sqlite:///{tmp_path / 'none.db'}", "--plugin", "no.such")
    assert done.exit_code == 2
    assert "can't load the plugin no.such" in done.stderr
    assert not (tmp_path / "none.db").exists()


def test_a_storage_of_a_plugin_is_asked_for_what_it_misses_and_upgraded(tmp_path: Path) -> None:
    (tmp_path / "shelf.py").write_text(SHELF)
    plugin = ("--plugin", str(tmp_path / "shelf.py"), "--plugin", VISITS)
    assert db("check", "shelf:", *plugin).output == "at 7, but the tables of visit are missing\n"
    assert db("upgrade", "shelf:", *plugin).output == (
        "upgraded from 7 to 8; made the tables of visit\n"
    )


# What can't be upgraded


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

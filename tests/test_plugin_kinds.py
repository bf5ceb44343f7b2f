"""A plugin's kind in every database: its table is made when a mall is opened with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from examples.plugins import visits
from sqlalchemy import NullPool, create_engine, inspect, text

from eldermall import Mall, SchemaError, hookimpl
from eldermall.engine.kind import Kind
from tests import databases, shop


@pytest.fixture(params=databases.NAMES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database that knows no kind of a plugin."""
    url = databases.url_of(request.param, tmp_path)
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS eldermall_record_visit"))
    return url


class Bringing:
    """A plugin with one kind."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    @hookimpl
    def eldermall_kinds(self) -> list[Kind]:
        return [self.kind]


def book(mall: Mall, id: str = "V1") -> Any:
    return mall.room(visits.Visits).book(id, customer="li", volunteer="wu", by=shop.SERVICE)


def test_a_database_that_is_there_already_gets_the_table(database: str) -> None:
    with shop.open_mall(database) as mall:
        shop.staff(mall)
        shop.place(mall)
    with shop.open_mall(database, plugins=[visits]) as mall:
        book(mall)
    with shop.open_mall(database, plugins=[visits]) as mall:
        assert mall.room(visits.Visits).get("V1").state == "booked"
        assert mall.orders.get("A1").version == 1


def test_the_table_is_like_those_of_migrations(database: str) -> None:
    with shop.open_mall(database, plugins=[visits]) as mall:
        tables = inspect(mall.storage.engine)  # type: ignore[attr-defined]
        shape = {
            kind: (
                sorted(
                    (column["name"], str(column["type"]), column["nullable"])
                    for column in tables.get_columns(f"eldermall_record_{kind}")
                ),
                sorted(
                    (index["name"].replace(kind, ""), tuple(index["column_names"]))
                    for index in tables.get_indexes(f"eldermall_record_{kind}")
                ),
                tables.get_pk_constraint(f"eldermall_record_{kind}")["constrained_columns"],
            )
            for kind in ("visit", "callback")
        }
    assert shape["visit"] == shape["callback"]


def test_without_make_a_missing_table_is_an_error_that_says_what_to_do(database: str) -> None:
    with shop.open_mall(database):
        pass
    with pytest.raises(SchemaError) as wrong:
        shop.open_mall(database, plugins=[visits], make=False)
    said = wrong.value.text
    scheme = databases.password_free(database).partition(":")[0]
    missing = "the tables eldermall_record_visit aren't there, or lack a column"
    assert f"{missing}: run eldermall db upgrade {scheme}" in said.en
    assert "with --plugin NAME for each plugin of the mall" in said.en
    lacking = "缺少数据表或其中的列：eldermall_record_visit"
    assert f"{lacking}；请执行 eldermall db upgrade {scheme}" in said.zh
    assert "并用 --plugin NAME 逐一指明商城的插件" in said.zh
    with shop.open_mall(database, plugins=[visits]) as mall:
        book(mall)
    with shop.open_mall(database, plugins=[visits], make=False) as mall:
        book(mall, "V2")


def test_a_table_that_lacks_what_the_kind_is_found_by_is_an_error(database: str) -> None:
    with shop.open_mall(database, plugins=[visits]) as mall:
        book(mall)
    found = replace(visits.Visits.KIND, indexed=("customer", "volunteer"))
    with pytest.raises(SchemaError, match="eldermall_record_visit has no column volunteer"):
        shop.open_mall(database, plugins=[Bringing(found)])


def test_a_mall_without_the_plugin_leaves_its_records_alone(database: str) -> None:
    with shop.open_mall(database, plugins=[visits]) as mall:
        book(mall)
    with shop.open_mall(database) as mall:
        assert mall.verify().passed
    with shop.open_mall(database, plugins=[visits]) as mall:
        assert mall.room(visits.Visits).finish("V1", by=shop.AGENT).version == 2

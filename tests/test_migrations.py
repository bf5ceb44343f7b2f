"""From the first schema to the newest, with data in it, on every database."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from examples.plugins import visits
from sqlalchemy import Engine, MetaData, event, insert, inspect, text

from eldermall import Mall, SchemaError
from eldermall.adapters.storage.sql import migrate
from eldermall.adapters.storage.sql.schema import Schema
from eldermall.adapters.storage.sql.storage import SqlStorage
from eldermall.contracts.storage import EntryRow, RecordRow
from eldermall.mall import rulebook
from eldermall.plugins import Plugins
from tests import databases, shop
from tests.databases import engine_at

PREFIX = "eldermall_"
SAMPLES = Path(__file__).parent / "samples"
"""Malls as past schemas kept them. They are never made anew.

``mall-0001.sql``: orders A1 and a1, complaint C1, two roots, seven entries that wait, personal
words behind six commitments. ``mall-0002.sql``: listing green-tea is shown; order A1 is completed,
A2 accepted, of A3 one parcel of two has arrived, a3 is cancelled, A4 new; callback A1, complaint
C1; two roots, one entry that waits.
"""


# A database of a past schema with a sample's rows


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The samples as files of SQLite, by schema."""
    folder = tmp_path_factory.mktemp("samples")

    @cache
    def made(version: str) -> Path:
        path = folder / f"{version}.db"
        with closing(sqlite3.connect(path)) as raw:
            raw.executescript((SAMPLES / f"mall-{version}.sql").read_text(encoding="utf-8"))
        return path

    return made


def rows_of(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables."""
    tables = MetaData()
    with engine.connect() as c:
        tables.reflect(c)
        return {
            t.name: sorted((dict(row._mapping) for row in c.execute(t.select())), key=repr)
            for t in tables.tables.values()
        }


Old = Callable[[str, str], str]


@pytest.fixture(scope="module")
def olds(samples: Callable[[str], Path]) -> Callable[[str, str], str]:
    """Databases of servers by name and schema, with a sample's rows in each: to be copied."""

    @cache
    def made(name: str, version: str) -> str:
        database = f"{databases.worker()}_sample{version}"
        url = databases.new_database(name, database)
        with engine_at(f"sqlite:///{samples(version)}") as source, engine_at(url) as engine:
            kept = rows_of(source)
            with engine.begin() as c:
                migrate.upgrade(c, PREFIX, version)
            tables = MetaData()
            with engine.begin() as c:
                tables.reflect(c)
                for table, rows in kept.items():
                    if table != f"{PREFIX}schema":
                        c.execute(tables.tables[table].delete())
                        c.execute(insert(tables.tables[table]), rows)
        return database

    return made


@pytest.fixture
def old_database(
    name: str, tmp_path: Path, samples: Callable[[str], Path], olds: Callable[[str, str], str]
) -> Old:
    """Makes a database of a past schema with the sample's rows in it: version, end of its name."""

    def made(version: str, ending: str) -> str:
        if name == "sqlite":
            shutil.copy(samples(version), tmp_path / f"{ending}.db")
            return f"sqlite:///{tmp_path / f'{ending}.db'}"
        return databases.copy(name, olds(name, version), f"{databases.worker()}_{ending}")

    return made


@pytest.fixture(params=databases.NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def old(old_database: Old) -> str:
    return old_database("0001", "old")


def new_database(name: str, folder: Path, ending: str) -> str:
    if name == "sqlite":
        return f"sqlite:///{folder / f'{ending}.db'}"
    return databases.new_database(name, f"{databases.worker()}_{ending}")


KINDS = [kind.record_kind for kind in rulebook(Plugins([visits])).kinds.values()]
"""All kinds of records, one that no migration knows among them."""


def upgraded(url: str, prefix: str = PREFIX) -> tuple[str | None, str]:
    with closing(SqlStorage(url, prefix=prefix)) as storage:
        before, now, _ = storage.upgrade(KINDS)
        return before, now


LATER = shop.Time(shop.START.replace(day=6))


# Upgrading


def test_a_mall_of_the_first_schema_is_refused_with_the_word_that_helps(old: str) -> None:
    with engine_at(old) as engine:
        before = rows_of(engine)
        for make in (True, False):
            with pytest.raises(SchemaError, match=r"0001; this version needs \d+") as wrong:
                shop.open_mall(old, LATER, make=make)
            shown = databases.password_free(old)
            assert f"run eldermall db upgrade {shown.split(':')[0]}" in str(wrong.value)
            assert "请备份后执行 eldermall db upgrade" in wrong.value.text.zh
        assert rows_of(engine) == before


def test_an_upgrade_brings_everything_along(old: str) -> None:
    with engine_at(old) as engine:
        before = rows_of(engine)
        assert upgraded(old) == ("0001", migrate.NEEDED)
        after = rows_of(engine)
    for table, rows in before.items():
        if table == f"{PREFIX}schema":
            assert after[table] == [{"version_num": migrate.NEEDED}]
        elif table == f"{PREFIX}personal":
            assert [{k: v for k, v in row.items() if k != "recorded"} for row in after[table]] == (
                rows
            )
        else:
            kept = [{k: row[k] for k in rows[0]} for row in after[table]] if rows else []
            assert kept == rows
    with shop.open_mall(old, LATER) as mall:
        _works(mall)


def _works(mall: Mall) -> None:
    """Check that the sample is read, goes on to move, and verifies."""
    assert mall.orders.get("A1").summary == "completed/paid"
    assert mall.orders.get("a1").goods == "cancelled"
    assert mall.complaints.get("C1").words == "茶叶潮了 · the tea was damp"
    found = mall.verify()
    assert (found.passed, found.entries, found.sealed, found.roots) == (True, 32, 25, 2)
    mall.complaints.settle_opinion("C1", text="pay for it", by=shop.HEAD)
    shop.place(mall, "A2")
    mall.sweep()
    mall.seal()
    mall.relay()
    assert mall.verify().passed
    assert mall.verify().sealed == mall.verify().entries
    # the key was used before the upgrade, and is not used up anew
    mall.orders.cancel("a1", reason="my daughter has bought it", by=shop.CUSTOMER, key="cancel-a1")


def test_personal_values_know_after_the_upgrade_when_they_were_recorded(old: str) -> None:
    upgraded(old)
    with shop.open_mall(old, LATER) as mall, mall.read() as tx:
        recorded = {
            (row.subject, row.seq): json.loads(row.body)["recorded"] for row in tx.entries()
        }
        kept = [row for subject, _ in recorded for row in tx.personal(subject)]
        assert {(row.subject, row.seq) for row in kept} == {
            ("callback/A1", 2), ("callback/A1", 3), ("order/a1", 2), ("complaint/C1", 1),
            ("complaint/C1", 2),
        }
        assert all(row.recorded == recorded[row.subject, row.seq] > 0 for row in kept)
        first = min(row.recorded for row in kept)
        assert tx.holding_personal(first, "", 10) == []
        assert len(tx.holding_personal(max(row.recorded for row in kept) + 1, "", 10)) == 3


def test_more_personal_values_than_one_batch_are_all_filled(old: str) -> None:
    many = 2_500
    with engine_at(old) as engine, engine.begin() as c:
        tables = MetaData()
        tables.reflect(c)
        entries, personal = (tables.tables[PREFIX + t] for t in ("entries", "personal"))
        of = {"mall": "main", "seq": 1}
        c.execute(
            insert(entries),
            [{**of, "subject": f"order/x{n}", "hash": b"h",
              "body": json.dumps({"recorded": 1000 + n}).encode()} for n in range(many)],
        )
        c.execute(
            insert(personal),
            [{**of, "subject": f"order/x{n}", "path": "args.words", "purpose": "order",
              "salt": b"s", "value": b'"w"'} for n in range(many)],
        )
    upgraded(old)
    with engine_at(old) as engine:
        kept = {r["subject"]: r["recorded"] for r in rows_of(engine)[f"{PREFIX}personal"]}
    assert [kept[f"order/x{n}"] for n in range(many)] == [1000 + n for n in range(many)]


def test_a_mall_of_the_second_schema_is_brought_along_and_gets_the_new_rooms(
    old_database: Old
) -> None:
    url = old_database("0002", "old")
    with engine_at(url) as engine:
        before = rows_of(engine)
        with pytest.raises(SchemaError, match=r"0002; this version needs \d+"):
            shop.open_mall(url, LATER)
        assert upgraded(url) == ("0002", migrate.NEEDED)
        after = rows_of(engine)
    kinds = ("assistance", "stock", "capacity", "urge", "case", "refund", "visit")
    new = {f"{PREFIX}record_{kind}" for kind in kinds} | {f"{PREFIX}walks"}
    assert {table: after.pop(table) for table in new} == {table: [] for table in new}
    del before[f"{PREFIX}schema"], after[f"{PREFIX}schema"]
    old = {t: [{k: row[k] for k in before[t][0]} for row in rows] for t, rows in after.items()}
    assert old == before
    with shop.open_mall(url, shop.Time(LATER.now)) as mall:
        _goes_on(mall)


def _goes_on(mall: Mall) -> None:
    """Check that the second sample is read, moves on, and has cases, stock and urges."""
    found = mall.verify()
    assert (found.passed, found.entries, found.sealed, found.roots) == (True, 49, 48, 2)
    assert mall.listings.get("green-tea").mode == "merchant_self"
    assert mall.complaints.get("C1").against == "zhao"
    assert [len(p.events) for p in mall.orders.get("A3").parcels] == [1, 0]
    mall.sweep()
    mall.orders.deliver("A3", parcel="p-honey", by=shop.COURIER)
    assert mall.orders.get("A3").goods == "delivered"
    stock = mall.stock.open("green-tea", warn_at=1, merchant="tea-house", by=shop.MERCHANT)
    assert (stock.summary, stock.holds) == ("open/out", {})
    mall.stock.receive("green-tea", lot="L1", quantity=9, source="note 1", by=shop.MERCHANT)
    shop.ship(mall, "A2")  # placed before its stock was kept
    assert shop.clocks(mall, "tracking.silence", "order/A2")["p-tea-honey"].state == "running"
    assert mall.stock.get("green-tea").on_hand == 6
    mall.cases.open(
        "R1", order="A1", customer=shop.CUSTOMER.id, lines={"tea": 1}, remedy="return",
        by=shop.CUSTOMER,
    )
    assert mall.cases.get("R1").terms is not None
    assert mall.orders.get("A1").lines[0].claimed == 1
    mall.designations.appoint("tracking", shop.OPERATIONS.id, by=shop.LEADER)
    mall.urges.open(
        "U1", order="A2", target="courier", parcel="p-tea-honey", reason="silent", way="phone",
        by=shop.SERVICE,
    )
    mall.complaints.note("C1", text="she waits", by=shop.SERVICE)
    # the key was used before the upgrade, and is not used up anew
    again = mall.orders.cancel(
        "a3", reason="女儿已经买了 · my daughter has bought it", by=shop.CUSTOMER, key="cancel-a3"
    )
    assert (again.version, again.goods) == (2, "cancelled")
    mall.seal()
    assert mall.verify().passed
    assert mall.verify().sealed == mall.verify().entries


def test_upgrading_again_changes_nothing(old: str) -> None:
    upgraded(old)
    with engine_at(old) as engine:
        before = rows_of(engine), shape_of(engine)
        assert upgraded(old) == (migrate.NEEDED, migrate.NEEDED)
        assert (rows_of(engine), shape_of(engine)) == before


@pytest.mark.parametrize("version", ["0009", "abc"])
def test_a_schema_of_a_newer_version_is_refused_by_opening_and_by_upgrading(
    old: str, version: str
) -> None:
    with engine_at(old) as engine:
        with engine.begin() as c:
            c.execute(text(f"UPDATE {PREFIX}schema SET version_num = '{version}'"))
        before = rows_of(engine)
        for attempt in (lambda: shop.open_mall(old, LATER), lambda: upgraded(old)):
            with pytest.raises(SchemaError, match="use a newer version of eldermall") as wrong:
                attempt()
            assert version in str(wrong.value)
            assert "请使用更新版本的 eldermall" in wrong.value.text.zh
        assert rows_of(engine) == before


def test_what_is_there_already_is_found_by_its_state_after_the_upgrade(old_database: Old) -> None:
    url = old_database("0003", "old")
    upgraded(url)
    with shop.open_mall(url, LATER) as mall:
        for kind in mall.book.kinds.values():
            with mall.read() as tx:
                rows = tx.find(kind.name)
            for row in rows:
                record = kind.record(row)
                assert row.indexed["state"] == record.summary
                assert row.open == kind.is_open(record)
        assert [o.id for o in mall.orders.find(state="completed/paid")] == ["A4"]
        assert [c.id for c in mall.complaints.find(state="escalated")] == ["K1"]
        assert list(mall.complaints.find(group="G1")) == []


# Stops in the middle


class Stop(Exception):
    """The process ends here."""


@contextmanager
def stopping(engine: Engine, at: int) -> Iterator[list[str]]:
    """Fail before the statement number ``at`` that makes, changes or fills a table."""
    done: list[str] = []

    def before(c: Any, cursor: Any, sql: str, *_: Any) -> None:
        if sql.lstrip().split()[0] in ("CREATE", "ALTER", "INSERT", "UPDATE"):
            done.append(sql)
            if len(done) == at:
                raise Stop

    event.listen(engine, "before_cursor_execute", before)
    yield done
    event.remove(engine, "before_cursor_execute", before)


def stopped(url: str, at: int) -> bool:
    """Upgrade until a statement; say whether there was one."""
    storage = SqlStorage(url)
    try:
        with stopping(storage.engine, at):
            storage.upgrade(KINDS)
    except Stop:
        return True
    finally:
        storage.close()
    return False


STRIDES = {"0001": 3, "0002": 4, "0003": 1, "empty": 11}
"""Of an empty database, and by 0003, many tables are made, each in the same way."""


@pytest.fixture
def right(name: str, tmp_path: Path) -> dict[str, Any]:
    """The shape of a database whose upgrade nobody has stopped."""
    whole = new_database(name, tmp_path, "whole")
    upgraded(whole)
    with engine_at(whole) as engine:
        return shape_of(engine)


def is_whole(url: str, kind: str, right: dict[str, Any]) -> None:
    """Check that an upgrade has done all that it should."""
    with engine_at(url) as engine:
        assert shape_of(engine) == right
        if kind == "0001":
            with engine.connect() as c:
                kept = c.execute(text(f"SELECT recorded FROM {PREFIX}personal")).scalars().all()
            assert len(kept) == 6
            assert min(kept) > 0
    if kind != "empty":
        with shop.open_mall(url, LATER) as mall:
            assert mall.verify().passed


@pytest.mark.parametrize("kind", STRIDES)
@pytest.mark.parametrize("name", ["sqlite", "postgresql"])
def test_an_upgrade_that_stops_anywhere_leaves_the_database_as_it_was(
    name: str, kind: str, tmp_path: Path, old_database: Old, right: dict[str, Any]
) -> None:
    """So that to repeat it is to do it for the first time: in the end, where nothing stops it."""
    url = new_database(name, tmp_path, "old") if kind == "empty" else old_database(kind, "old")
    steps = 0
    with engine_at(url) as engine:
        before = rows_of(engine), shape_of(engine)
        for at in count(STRIDES[kind], STRIDES[kind]):
            if not stopped(url, at):
                break
            steps += 1
            assert (rows_of(engine), shape_of(engine)) == before
    is_whole(url, kind, right)
    assert steps >= 4


@pytest.mark.parametrize("kind", STRIDES)
@pytest.mark.parametrize("name", ["mariadb"])
def test_an_upgrade_that_stops_anywhere_can_be_repeated(
    name: str, kind: str, tmp_path: Path, old_database: Old, right: dict[str, Any]
) -> None:
    """MariaDB commits every statement that makes or changes a table by itself."""
    steps = 0
    for at in count(STRIDES[kind], STRIDES[kind]):
        url = new_database(name, tmp_path, "old") if kind == "empty" else old_database(kind, "old")
        if not stopped(url, at):
            break
        steps += 1
        upgraded(url)
        is_whole(url, kind, right)
    assert steps >= 4


def test_who_opens_while_somebody_else_makes_the_tables_waits_for_all_of_them(
    name: str, tmp_path: Path
) -> None:
    """MariaDB commits every step: the tables of 0001 are seen before those of 0002 are there."""
    url = new_database(name, tmp_path, "making")
    asked, results = threading.Event(), list[str]()
    signs = ("eldermall_schema", "pg_advisory", "GET_LOCK")

    def open_second() -> None:
        try:
            second.open(KINDS)
            results.append("open")
        except Exception as error:  # noqa: BLE001
            results.append(str(error))
        finally:
            asked.set()

    thread = threading.Thread(target=open_second)

    def between(c: Any, cursor: Any, sql: str, *_: Any) -> None:
        if "keys_subject" in sql:  # a step of 0002, after its first
            thread.start()
            assert asked.wait(60)

    with closing(SqlStorage(url)) as first, closing(SqlStorage(url)) as second:
        event.listen(
            second.engine, "before_cursor_execute",
            lambda c, cursor, sql, *_: asked.set() if any(s in sql for s in signs) else None,
        )
        event.listen(first.engine, "before_cursor_execute", between)
        first.open(KINDS)
        thread.join(60)
    assert results == ["open"]


# What the tables are like


def schema_of(name: str, prefix: str = PREFIX) -> Schema:
    return Schema(KINDS, prefix, locks=name == "mariadb")


COLLATIONS = {
    "postgresql": "SELECT table_name, column_name, collation_name FROM information_schema.columns "
                  "WHERE table_schema = 'public' AND data_type = 'character varying'",
    "mariadb": "SELECT table_name, column_name, concat(collation_name, character_set_name) "
               "FROM information_schema.columns "
               "WHERE table_schema = database() AND data_type = 'varchar'",
}


def shape_of(engine: Engine) -> dict[str, Any]:
    """Return everything about every table of ours but the version's."""
    shape: dict[str, Any] = {}
    with engine.connect() as c:
        found = inspect(c)
        for table in sorted(found.get_table_names()):
            if not table.startswith(PREFIX) or table == f"{PREFIX}schema":
                continue
            shape[table] = (
                {col["name"]: (repr(col["type"]), col["nullable"])
                 for col in found.get_columns(table)},
                found.get_pk_constraint(table)["constrained_columns"],
                sorted((i["name"], tuple(i["column_names"]), bool(i["unique"]))
                       for i in found.get_indexes(table)),
                found.get_table_options(table),
            )
        if engine.name in COLLATIONS:
            rows = c.execute(text(COLLATIONS[engine.name])).all()
            shape["collations"] = sorted(
                tuple(row) for row in rows if row[0] != f"{PREFIX}schema"
            )
    return shape


@pytest.mark.parametrize("how", ["made", "0001", "0002"])
def test_the_migrated_tables_are_those_that_the_statements_use(
    name: str, how: str, tmp_path: Path, old_database: Old
) -> None:
    url = new_database(name, tmp_path, "made") if how == "made" else old_database(how, "old")
    upgraded(url)
    plain = new_database(name, tmp_path, "plain")
    schema = schema_of(name)
    with engine_at(url) as migrated, engine_at(plain) as direct:
        with direct.begin() as c:
            schema.metadata.create_all(c)
        assert shape_of(migrated) == shape_of(direct)
        with migrated.connect() as c:
            options = {
                "compare_type": True,
                "include_object": lambda o, n, kind, *_: n != f"{PREFIX}schema",
            }
            context = MigrationContext.configure(c, opts=options)
            assert compare_metadata(context, schema.metadata) == []


def test_there_is_one_newest_schema_and_one_way_to_it() -> None:
    with engine_at("sqlite://") as engine, engine.connect() as c:
        scripts = ScriptDirectory.from_config(migrate.config(c, PREFIX))
    assert scripts.get_heads() == [migrate.NEEDED]
    assert tuple(s.revision for s in reversed(list(scripts.walk_revisions()))) == migrate.VERSIONS


def test_tables_of_another_prefix_stay_as_they_are(old: str) -> None:
    with engine_at(old) as engine:
        before = rows_of(engine)
        assert upgraded(old, "other_") == (None, migrate.NEEDED)
        after = rows_of(engine)
    assert {table: after[table] for table in before} == before
    assert "other_record_order" in after


def test_keys_are_compared_by_their_bytes(name: str, tmp_path: Path) -> None:
    ids = ["A1", "A1 ", "Á1", "a1", "ａ1", "á1", "b1"]
    with shop.open_mall(new_database(name, tmp_path, "bytes")) as mall:
        with mall.storage.write("main") as tx:
            tx.save([RecordRow("booking", id, 1, 0, True, "p", {}, id.encode()) for id in ids])
            tx.append([EntryRow(f"booking/{id}", 1, b"h", b"{}") for id in ids])
        with mall.read() as tx:
            order = sorted(ids, key=str.encode)
            assert [row.id for row in tx.find("booking")] == order
            assert [row.subject for row in tx.entries()] == [f"booking/{id}" for id in order]
            for id in ids:
                row, _ = tx.load("booking", id)
                assert row is not None
                assert (row.id, row.body) == (id, id.encode())
            assert list(tx.look_up("booking", ["A1", "a1 "])) == ["A1"]

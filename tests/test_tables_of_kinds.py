"""Tables of record kinds that no migration makes: when they are made, and what is said of them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from examples.plugins import visits
from sqlalchemy import event, inspect, text

from eldermall import SchemaError
from eldermall.adapters.storage.sql import migrate
from eldermall.adapters.storage.sql.storage import SqlStorage
from eldermall.contracts.storage import RecordRow
from eldermall.mall import rulebook
from tests import databases
from tests.databases import engine_at
from tests.test_migrations import (
    PREFIX,
    Stop,
    new_database,
    schema_of,
    shape_of,
    stopping,
)

SHIPPED = [kind.record_kind for kind in rulebook().kinds.values()]
VISIT = visits.Visits.KIND.record_kind
KINDS = [*SHIPPED, VISIT]
PROCESSES = 3

Act = Callable[[SqlStorage], object]


@pytest.fixture(params=databases.NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(name: str, tmp_path: Path) -> str:
    """A database with the tables of the shipped kinds."""
    url = new_database(name, tmp_path, "kinds")
    on(url, lambda storage: storage.open(SHIPPED))
    return url


def on(url: str, act: Act, prefix: str = PREFIX) -> object:
    storage = SqlStorage(url, prefix=prefix)
    try:
        return act(storage)
    finally:
        storage.close()


def tables(url: str) -> set[str]:
    with engine_at(url) as engine:
        return set(inspect(engine).get_table_names())


def drop(url: str, table: str) -> None:
    with engine_at(url) as engine, engine.begin() as c:
        c.execute(text(f"DROP TABLE {table}"))


MADE = pytest.mark.parametrize(
    "made", [lambda s: s.open(KINDS), lambda s: s.upgrade(KINDS)], ids=["opening", "upgrading"]
)


@MADE
def test_opening_and_upgrading_make_the_same_tables(
    name: str, url: str, tmp_path: Path, made: Act
) -> None:
    plain = new_database(name, tmp_path, "plain")
    on(url, made)
    with engine_at(url) as engine, engine_at(plain) as direct:
        with direct.begin() as c:
            schema_of(name).metadata.create_all(c)
        assert shape_of(engine) == shape_of(direct)


@MADE
@pytest.mark.parametrize("kind", ["booking", "visit"])
def test_a_missing_table_is_named_and_made_whoever_brings_the_kind(
    url: str, made: Act, kind: str
) -> None:
    on(url, lambda storage: storage.open(KINDS))
    assert on(url, lambda storage: storage.missing(KINDS)) == []
    drop(url, f"{PREFIX}record_{kind}")
    before = tables(url)
    assert on(url, lambda storage: storage.missing(KINDS)) == [kind]
    with pytest.raises(SchemaError, match=f"the tables {PREFIX}record_{kind} aren't there, or"):
        on(url, lambda storage: storage.open(KINDS, make=False))
    assert tables(url) == before
    on(url, made)
    assert tables(url) == before | {f"{PREFIX}record_{kind}"}
    assert on(url, lambda storage: storage.missing(KINDS)) == []
    on(url, lambda storage: storage.open(KINDS, make=False))


def test_upgrading_says_which_kinds_got_a_table_and_then_none(url: str) -> None:
    now = migrate.NEEDED
    assert on(url, lambda storage: storage.upgrade(KINDS)) == (now, now, ["visit"])
    assert on(url, lambda storage: storage.upgrade(KINDS)) == (now, now, [])
    assert on(url, lambda storage: storage.upgrade(KINDS), "new_") == (
        None, now, ["refund", "visit"]
    )


def test_the_command_that_helps_names_the_prefix_unless_it_is_the_usual_one(url: str) -> None:
    for prefix, said in (("eldermall_", ""), ("other_", " --prefix other_"), ("", " --prefix ''")):
        on(url, lambda storage: storage.open(SHIPPED), prefix)
        with pytest.raises(SchemaError) as wrong:
            on(url, lambda storage: storage.open(KINDS, make=False), prefix)
        command = f"run eldermall db upgrade {SqlStorage(url).url}{said}, with --plugin NAME"
        assert command in str(wrong.value)


@pytest.mark.parametrize("kind", ["order", "visit"])
def test_a_table_without_a_column_that_its_kind_is_found_by_is_never_used(
    url: str, kind: str
) -> None:
    on(url, lambda storage: storage.open(KINDS))
    found = [
        replace(each, indexed=(*each.indexed, "street")) if each.name == kind else each
        for each in KINDS
    ]
    acts: tuple[Act, ...] = (
        lambda storage: storage.open(found), lambda storage: storage.open(found, make=False),
        lambda storage: storage.upgrade(found), lambda storage: storage.missing(found),
    )
    for act in acts:
        with pytest.raises(SchemaError, match=f"{PREFIX}record_{kind} has no column street"):
            on(url, act)


def test_an_opening_that_stops_anywhere_is_made_good_by_the_next_upgrade(
    name: str, tmp_path: Path
) -> None:
    """MariaDB commits every step: a table may be there without its indexes."""
    whole = new_database(name, tmp_path, "whole")
    on(whole, lambda storage: storage.open(KINDS))
    with engine_at(whole) as engine:
        right = shape_of(engine)
    for at in range(1, 10):
        url = new_database(name, tmp_path, f"stopped{at}")
        on(url, lambda storage: storage.open(SHIPPED))
        before = tables(url)

        def stop(storage: SqlStorage, at: int = at) -> bool:
            with stopping(storage.engine, at):
                storage.open(KINDS)
            return True

        try:
            on(url, stop)
        except Stop:
            if name != "mariadb":
                assert tables(url) == before
            on(url, lambda storage: storage.upgrade(KINDS))
            with engine_at(url) as engine:
                assert shape_of(engine) == right
        else:
            break
    assert at == 1 + 1 + len(("pack", "open", "customer", "state"))


# The column of states, of a kind that no migration knows


def as_before(url: str) -> None:
    """Leave the table of visits as a mall of 0003 made it, with rows of two malls in it."""
    on(url, lambda storage: storage.open(KINDS))
    rows = [
        RecordRow(
            "visit", f"V{n:04}", 1, 0, n % 2 > 0, "p", {"customer": "li", "state": None},
            visits.Visit(
                id=f"V{n:04}", version=1, pack="p", created_at=1, customer="li", volunteer="wu",
                state=("booked", "done")[n % 2],
            ).body() if n else b"damaged",
        )
        for n in range(2_500)
    ]

    def save(storage: SqlStorage) -> None:
        storage.open(KINDS)
        for mall in ("main", "other"):
            with storage.write(mall) as tx:
                tx.save(rows)

    on(url, save)
    table = f"{PREFIX}record_visit"
    with engine_at(url) as engine, engine.begin() as c:
        end = f" ON {table}" if engine.name == "mariadb" else ""
        c.execute(text(f"DROP INDEX ix_{table}_state{end}"))
        c.execute(text(f"ALTER TABLE {table} DROP COLUMN state"))


def states_of(storage: SqlStorage) -> dict[str, list[int]]:
    """Return how many are found by state and by whether they are open, of each mall."""
    storage.open(KINDS, make=False)
    found = {}
    for mall in ("main", "other"):
        with storage.read(mall) as tx:
            by = ("booked", "done")
            found[mall] = [len(tx.find("visit", limit=9_999, state=each)) for each in by]
            found[mall] += [len(tx.find("visit", limit=9_999, open=o)) for o in (True, False)]
    return found


FILLED = {mall: [1_249, 1_250, 1_249, 1_251] for mall in ("main", "other")}


@MADE
def test_a_kind_of_before_gets_its_states_from_the_bodies_and_says_anew_what_is_open(
    url: str, made: Act
) -> None:
    as_before(url)
    assert on(url, lambda storage: storage.missing(KINDS)) == ["visit"]
    with pytest.raises(SchemaError, match=f"{PREFIX}record_visit aren't there, or lack a column"):
        on(url, lambda storage: storage.open(KINDS, make=False))
    on(url, made)
    assert on(url, lambda storage: storage.missing(KINDS)) == []
    assert on(url, states_of) == FILLED


def test_filling_that_stops_anywhere_is_made_good_by_the_next_opening(
    name: str, tmp_path: Path, url: str
) -> None:
    as_before(url)
    with engine_at(url) as engine:
        before = shape_of(engine)
    for at in range(1, 12):

        def stop(storage: SqlStorage, at: int = at) -> bool:
            with stopping(storage.engine, at):
                storage.open(KINDS)
            return True

        try:
            on(url, stop)
        except Stop:
            with engine_at(url) as engine:
                assert name == "mariadb" or shape_of(engine) == before
            assert on(url, lambda storage: storage.missing(KINDS)) == ["visit"]
        else:
            break
    assert at > 2
    assert on(url, states_of) == FILLED


# Several at once


_start: Any  # a barrier, in a process that begins


def run(number: int, upgrading: bool, url: str, prefix: str) -> None:
    """Open or upgrade, and save a visit: what one process does."""

    def act(storage: SqlStorage) -> None:
        _start.wait(60)
        if upgrading:
            storage.upgrade(KINDS)
        storage.open(KINDS, make=not upgrading)
        with storage.write("main") as tx:
            row = RecordRow("visit", f"V{number}", 1, 0, True, "p", {"customer": None}, b"{}")
            tx.save([row])

    on(url, act, prefix)


def ready(start: Any) -> None:
    global _start  # noqa: PLW0603 - a barrier can only be handed to a process that begins
    _start = start


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        PROCESSES, mp_context=spawn, initializer=ready, initargs=(spawn.Barrier(PROCESSES),)
    ) as pool:
        yield pool


def at_once(
    pool: ProcessPoolExecutor, upgrading: Sequence[bool], url: str, prefix: str = PREFIX
) -> list[BaseException]:
    """Let processes open or upgrade at one moment; return what went wrong."""
    done = [pool.submit(run, n, how, url, prefix) for n, how in enumerate(upgrading)]
    return [wrong for each in done if (wrong := each.exception(120)) is not None]


def visits_of(storage: SqlStorage) -> int:
    storage.open(KINDS, make=False)
    with storage.read("main") as tx:
        return len(tx.find("visit"))


TOGETHER = pytest.mark.parametrize(
    "upgrading", [(False, False, False), (False, True, True)], ids=["opening", "upgrading"]
)


@TOGETHER
def test_processes_may_open_an_empty_database_at_once(
    name: str, tmp_path: Path, processes: ProcessPoolExecutor, upgrading: Sequence[bool]
) -> None:
    url = new_database(name, tmp_path, "empty")
    for number in range(5):
        if name == "sqlite":
            url = new_database(name, tmp_path, f"empty{number}")
        prefix = f"r{number}_"
        assert at_once(processes, upgrading, url, prefix) == []
        assert on(url, visits_of, prefix) == PROCESSES
        with engine_at(url) as engine, engine.connect() as c:
            assert len(c.execute(text(f"SELECT id FROM {prefix}installation")).all()) == 1


@TOGETHER
def test_processes_may_open_a_database_that_lacks_one_table_at_once(
    url: str, processes: ProcessPoolExecutor, upgrading: Sequence[bool]
) -> None:
    for _ in range(8):
        assert at_once(processes, upgrading, url) == []
        assert on(url, visits_of) == PROCESSES
        drop(url, f"{PREFIX}record_visit")


def test_a_table_that_somebody_makes_while_its_columns_are_asked_for_is_not_taken_for_another(
    tmp_path: Path,
) -> None:
    """SQLite is asked twice: for columns, and, where there are none, whether the table is there."""
    url = new_database("sqlite", tmp_path, "asked")
    on(url, lambda storage: storage.open(SHIPPED))
    others: list[str] = []

    def between(c: Any, cursor: Any, sql: str, *_: Any) -> None:
        if not others and sql.startswith("PRAGMA temp.") and f'"{PREFIX}record_visit"' in sql:
            others.append(sql)
            on(url, lambda storage: storage.open(KINDS))

    def asking(storage: SqlStorage) -> int:
        event.listen(storage.engine, "after_cursor_execute", between)
        storage.open(KINDS)
        return len(others)

    assert on(url, asking) == 1
    assert on(url, visits_of) == 0


def test_threads_may_make_the_tables_of_several_databases_at_once(tmp_path: Path) -> None:
    """Alembic itself isn't made for threads."""
    for number in range(5):
        urls = [new_database("sqlite", tmp_path, f"{number}-{n}") for n in range(3)]
        with ThreadPoolExecutor(len(urls)) as pool:
            list(pool.map(lambda url: on(url, lambda storage: storage.open(KINDS)), urls))
        assert [on(url, visits_of) for url in urls] == [0] * len(urls)

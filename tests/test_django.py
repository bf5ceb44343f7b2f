"""Inside Django's ``atomic``: the host's rows and ours are kept together, or neither.

Two ways in, and both must do the same. ``sql`` is the SQL adapter, joined with the connection of
the driver that Django holds. ``orm`` is the storage of ``examples/django_shop``, joined with
Django's own connection.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from html import unescape
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from eldermall import (
    Conflict,
    Invalid,
    KeyReused,
    Mall,
    NotInTransaction,
    NotJoinable,
    NotJoined,
    Refused,
    SchemaError,
    StorageError,
    person,
)
from eldermall.contracts.storage import Storage
from eldermall.testing.storage import StorageConformance
from eldermall.testing.storage.threads import result, start
from tests import databases, shop
from tests.databases import engine_at

SHOP = shop.ROOT / "examples" / "django_shop"
BEFORE = ("order.accept", "moved")
PAID = ("order.pay", "moved")
REFUSED = ("order.ship", "refused")
FIRST = pytest.mark.parametrize("first", ["ours", "host"])
ONLY_SQLITE = pytest.mark.parametrize("address", ["sqlite"], indirect=True)
ONLY_POSTGRESQL = pytest.mark.parametrize("address", ["postgresql"], indirect=True)
ONLY_SQL = pytest.mark.parametrize("way", ["sql"])
ONLY_ORM = pytest.mark.parametrize("way", ["orm"])


class UndoneError(Exception):
    """Raised in ``atomic`` to undo it."""


@pytest.fixture(scope="session")
def django() -> None:
    """Set Django up with the example's settings, once in a process."""
    sys.path.insert(0, str(SHOP))
    os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
    import django

    django.setup()


@contextmanager
def known(alias: str, url: str, **more: Any) -> Iterator[Any]:
    """Let Django know a database under a name, and return its connection."""
    from django.db import connections
    from project.settings import database

    given = database(url.replace("+psycopg", ""))
    given["OPTIONS"] = given["OPTIONS"] | more.pop("OPTIONS", {})
    before = connections.settings.get(alias)
    both = connections.configure_settings({"default": {}, alias: given | more})
    connections.settings[alias] = both[alias]
    connections[alias] = connections.create_connection(alias)
    try:
        yield connections[alias]
    finally:
        connections[alias].close()
        del connections[alias]
        if before is None:
            del connections.settings[alias]
        else:
            connections.settings[alias] = before


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    return databases.url_of(request.param, tmp_path)


@pytest.fixture
def given() -> dict[str, Any]:
    """What the settings say of the database besides."""
    return {}


@pytest.fixture(params=["sql", "orm"])
def way(request: pytest.FixtureRequest) -> str:
    """How eldermall gets into the database."""
    return str(request.param)


@pytest.fixture
def connection(django: None, address: str, given: dict[str, Any]) -> Iterator[Any]:
    """Django's connection, to a database where the host has a table."""
    with known("default", address, **given) as connection:
        connection.cursor().execute("CREATE TABLE host (it TEXT)")
        yield connection


@pytest.fixture
def mall(way: str, address: str, connection: Any, time: shop.Time) -> Iterator[Mall]:
    """A mall with an accepted, unpaid order."""
    with open_mall(way, address, time) as mall:
        shop.staff(mall)
        shop.place(mall)
        shop.accept(mall)
        yield mall


def open_mall(way: str, address: str, time: shop.Time | None = None, **more: Any) -> Mall:
    if way == "sql":
        return shop.open_mall(address, time, **more)
    from ledger import storage

    return shop.open_mall("django:default", time, plugins=[storage], **more)


@pytest.fixture
def host(way: str, connection: Any) -> Callable[[], object]:
    """What a host hands over inside ``atomic``."""
    return lambda: connection.connection if way == "sql" else connection


def atomic(**more: Any) -> Any:
    from django.db import transaction

    return transaction.atomic(**more)


def host_writes(connection: Any, it: str = "row") -> None:
    connection.cursor().execute("INSERT INTO host VALUES (%s)", [it])


def host_rows(connection: Any) -> list[str]:
    cursor = connection.cursor()
    cursor.execute("SELECT it FROM host ORDER BY it")
    return [it for (it,) in cursor.fetchall()]


def last(mall: Mall, id: str = "A1") -> tuple[str, str]:
    entry = mall.journal("order", id)[-1]
    return entry["what"], entry["outcome"]


def fail(m: Any) -> None:
    assert shop.refusal(shop.ship, m).rules == ("shipping.paid-first@1",)


@contextmanager
def undone(**more: Any) -> Iterator[None]:
    """Open an ``atomic`` that an error ends."""
    with suppress(UndoneError), atomic(**more):
        yield
        raise UndoneError


# One transaction


@FIRST
def test_our_move_and_the_hosts_row_commit_together(
    mall: Mall, connection: Any, host: Any, first: str
) -> None:
    with atomic():
        if first == "host":
            host_writes(connection)
        with mall.joined(host()) as m:
            shop.pay(m)
            assert m.orders.get("A1").payment == "paid"
        if first == "ours":
            host_writes(connection)
        assert last(mall) == BEFORE
    assert (host_rows(connection), last(mall)) == (["row"], PAID)
    assert mall.orders.get("A1").payment == "paid"
    assert mall.verify().passed


@FIRST
def test_an_error_takes_our_move_and_the_hosts_row(
    mall: Mall, connection: Any, host: Any, first: str
) -> None:
    before = mall.verify().entries
    with undone():
        if first == "host":
            host_writes(connection)
        with mall.joined(host()) as m:
            shop.pay(m)
        if first == "ours":
            host_writes(connection)
    assert (host_rows(connection), last(mall)) == ([], BEFORE)
    assert mall.verify().entries == before
    shop.pay(mall)


def test_an_error_inside_the_block_takes_both(mall: Mall, connection: Any, host: Any) -> None:
    with suppress(UndoneError), atomic(), mall.joined(host()) as m:
        shop.pay(m)
        host_writes(connection)
        raise UndoneError
    assert (host_rows(connection), last(mall)) == ([], BEFORE)


def test_a_rollback_that_the_host_asks_for_takes_both(
    mall: Mall, connection: Any, host: Any
) -> None:
    from django.db import transaction

    with atomic():
        with mall.joined(host()) as m:
            shop.pay(m)
        host_writes(connection)
        transaction.set_rollback(True)
    assert (host_rows(connection), last(mall)) == ([], BEFORE)


def test_a_durable_atomic_keeps_both(mall: Mall, connection: Any, host: Any) -> None:
    with atomic(durable=True), mall.joined(host()) as m:
        host_writes(connection)
        shop.pay(m)
    assert (host_rows(connection), last(mall)) == (["row"], PAID)
    with undone(durable=True), mall.joined(host()) as m:
        shop.ship(m)
    assert last(mall) == PAID


# Nested


def test_an_inner_atomic_that_fails_takes_only_what_was_done_in_it(
    mall: Mall, connection: Any, host: Any
) -> None:
    with atomic():
        host_writes(connection, "outer")
        with mall.joined(host()) as m:
            shop.pay(m)
        with undone():
            host_writes(connection, "inner")
            with mall.joined(host()) as m:
                shop.ship(m)
                assert m.orders.get("A1").goods == "shipped"
        with mall.joined(host()) as m:
            assert m.orders.get("A1").goods == "accepted"
    assert (host_rows(connection), last(mall)) == (["outer"], PAID)
    shop.ship(mall)
    assert mall.verify().passed


def test_one_handle_serves_outer_and_inner_atomic(mall: Mall, connection: Any, host: Any) -> None:
    with atomic(), mall.joined(host()) as m:
        with undone():
            shop.pay(m)
        with atomic():
            host_writes(connection, "inner")
            shop.pay(m)
        shop.ship(m)
    assert host_rows(connection) == ["inner"]
    assert mall.orders.get("A1").summary == "shipped/paid"
    assert mall.verify().passed


def test_an_inner_atomic_that_is_left_well_goes_with_the_outer(
    mall: Mall, connection: Any, host: Any
) -> None:
    with undone(), atomic():
        host_writes(connection)
        with mall.joined(host()) as m:
            shop.pay(m)
    assert (host_rows(connection), last(mall)) == ([], BEFORE)


def test_an_inner_atomic_without_a_savepoint_takes_everything_when_it_fails(
    mall: Mall, connection: Any, host: Any
) -> None:
    with atomic():
        host_writes(connection)
        with undone(savepoint=False), mall.joined(host()) as m:
            shop.pay(m)
    assert (host_rows(connection), last(mall)) == ([], BEFORE)


# Refusals


def test_a_refusal_leaves_the_transaction_usable_and_is_written_afterwards(
    mall: Mall, connection: Any, host: Any
) -> None:
    with atomic():
        with mall.joined(host()) as m:
            fail(m)
            shop.pay(m)
            shop.ship(m)
        host_writes(connection)
        assert last(mall) == BEFORE
    mall.settle()
    assert (host_rows(connection), last(mall)) == (["row"], REFUSED)
    assert mall.orders.get("A1").summary == "shipped/paid"
    assert mall.verify().passed


def test_a_refusal_survives_the_rollback_that_it_leads_to(
    mall: Mall, connection: Any, host: Any
) -> None:
    with undone():
        host_writes(connection)
        with mall.joined(host()) as m:
            fail(m)
    assert last(mall) == BEFORE
    assert mall.settle() == 1
    assert (host_rows(connection), last(mall)) == ([], REFUSED)


@ONLY_ORM
def test_a_refusal_is_written_by_itself_when_django_commits(mall: Mall, host: Any) -> None:
    with atomic(), atomic(), mall.joined(host()) as m:
        fail(m)
    assert last(mall) == REFUSED
    assert mall.settle() == 0


# What can't be joined


def test_outside_atomic_nothing_is_joined(mall: Mall, connection: Any, host: Any) -> None:
    connection.ensure_connection()
    for _ in range(2):
        with pytest.raises(NotInTransaction, match=r"transaction\.atomic\(\)") as raised, (
            mall.joined(host())
        ):
            pass
        assert "transaction.atomic()" in raised.value.text.zh
        with atomic():
            host_writes(connection)


def test_a_handle_ends_with_its_atomic(mall: Mall, host: Any) -> None:
    inside = atomic()
    inside.__enter__()
    with mall.joined(host()) as m:
        shop.pay(m)
        inside.__exit__(None, None, None)
        with pytest.raises(NotInTransaction):
            shop.ship(m)
    assert last(mall) == PAID


@ONLY_SQL
def test_the_sql_adapter_says_which_of_djangos_connections_it_joins(
    mall: Mall, connection: Any
) -> None:
    import django.db

    for wrapper in (connection, django.db.connection):
        with (
            atomic(),
            pytest.raises(NotJoinable, match=r"connection\.connection") as raised,
            mall.joined(wrapper),
        ):
            pass
        assert "connection.connection" in raised.value.text.zh


@ONLY_ORM
def test_the_orm_storage_joins_djangos_connection_under_both_its_names(mall: Mall) -> None:
    import django.db

    with atomic(), mall.joined(django.db.connection) as m:
        shop.pay(m)
    with atomic(), mall.joined(django.db.connections["default"]) as m:
        shop.ship(m)
    assert mall.orders.get("A1").summary == "shipped/paid"


@ONLY_ORM
def test_the_orm_storage_says_which_connection_it_joins(
    mall: Mall, connection: Any, address: str
) -> None:
    deferred = {"transaction_mode": None} if connection.vendor == "sqlite" else {}
    with known("other", address, OPTIONS=deferred) as other, atomic(), atomic(using="other"):
        for wrong in (None, connection.connection, other, "default", connection.connection.cursor):
            with (
                pytest.raises(NotJoinable, match=r"django\.db\.connections\['default'\]"),
                mall.joined(wrong),
            ):
                pass


@ONLY_ORM
def test_an_atomic_in_which_something_failed_is_not_joined(
    mall: Mall, connection: Any, host: Any
) -> None:
    from django.db import transaction

    with atomic():
        transaction.set_rollback(True)
        with pytest.raises(NotInTransaction, match="rolled back"), mall.joined(host()):
            pass


# SQLite


DEFERRED, IMMEDIATE = ({"OPTIONS": {"transaction_mode": mode}} for mode in (None, "IMMEDIATE"))


@ONLY_SQLITE
@pytest.mark.parametrize("given", [DEFERRED, IMMEDIATE], ids=["deferred", "immediate"])
def test_on_sqlite_both_modes_keep_or_undo_both(
    mall: Mall, connection: Any, host: Any
) -> None:
    with undone(), mall.joined(host()) as m:
        shop.pay(m)
        host_writes(connection)
    with atomic(), mall.joined(host()) as m:
        host_writes(connection)
        shop.pay(m)
    assert (host_rows(connection), last(mall)) == (["row"], PAID)


def attempt(mall: Mall, host: Any, connection: Any, between: Callable[[], object]) -> None:
    """Read, let something happen, and move."""
    with atomic():
        host_rows(connection)
        between()
        with mall.joined(host()) as m:
            shop.pay(m)


@ONLY_SQLITE
@pytest.mark.parametrize("given", [DEFERRED], ids=["deferred"])
def test_a_deferred_transaction_that_read_before_others_wrote_is_to_be_done_again_whole(
    mall: Mall, connection: Any, host: Any
) -> None:
    with pytest.raises(Conflict) as conflict:
        attempt(mall, host, connection, lambda: shop.place(mall, "A2"))
    assert conflict.value.retry == "transaction"
    mall.settle()
    assert last(mall) == ("order.pay", "conflict")
    attempt(mall, host, connection, lambda: None)
    assert last(mall) == PAID


@ONLY_SQLITE
@pytest.mark.parametrize("given", [IMMEDIATE], ids=["immediate"])
def test_an_immediate_transaction_lets_nobody_write_in_between(
    mall: Mall, connection: Any, host: Any, address: str
) -> None:
    def beside() -> None:
        with (
            closing(sqlite3.connect(address.removeprefix("sqlite:///"), timeout=0)) as raw,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            raw.execute("INSERT INTO host VALUES ('beside')")

    attempt(mall, host, connection, beside)
    assert (host_rows(connection), last(mall)) == ([], PAID)


@ONLY_SQLITE
def test_djangos_converters_change_none_of_our_values(
    mall: Mall, connection: Any, host: Any, address: str, way: str
) -> None:
    with atomic(), mall.joined(host()) as m:
        shop.pay(m)
        seen = m.orders.get("A1")
    mall.seal()
    prefix = "eldermall_" if way == "sql" else "ledger_"
    with closing(sqlite3.connect(address.removeprefix("sqlite:///"))) as plain:
        named = plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        tables = [name for (name,) in named if name.startswith(prefix)]
        assert len(tables) > 10
        for table in tables:
            query = f"SELECT * FROM {table}"
            assert sorted(connection.connection.execute(query)) == sorted(plain.execute(query))
    assert seen == mall.orders.get("A1")
    assert seen.created_at == shop.us(shop.START)


# PostgreSQL


@ONLY_POSTGRESQL
@pytest.mark.parametrize(
    "given",
    [{"OPTIONS": {"server_side_binding": True}}, {"DISABLE_SERVER_SIDE_CURSORS": True}],
    ids=["server-side binding", "no server-side cursors"],
)
def test_djangos_options_for_postgresql_change_nothing(
    mall: Mall, connection: Any, host: Any
) -> None:
    with undone(), mall.joined(host()) as m:
        shop.pay(m)
    with atomic(), mall.joined(host()) as m:
        shop.pay(m)
        fail_again = shop.refusal(m.orders.refunded, "A1", 10**9, "more", by=shop.PAYMENTS)
        assert fail_again.rules
        shop.ship(m)
    mall.settle()
    assert mall.orders.get("A1").summary == "shipped/paid"
    assert mall.verify().passed


REPEATABLE = [{"OPTIONS": {"options": "-c default_transaction_isolation=repeatable\\ read"}}]


@ONLY_POSTGRESQL
@pytest.mark.parametrize("given", REPEATABLE)
@ONLY_ORM
def test_the_orm_storage_joins_no_snapshot(mall: Mall, host: Any) -> None:
    with (
        atomic(),
        pytest.raises(NotJoinable, match="READ COMMITTED can be joined, not REPEATABLE READ"),
        mall.joined(host()),
    ):
        pass


@ONLY_POSTGRESQL
@pytest.mark.parametrize("given", REPEATABLE)
@ONLY_SQL
def test_the_sql_adapter_tells_a_snapshot_that_is_too_old_to_begin_again(
    mall: Mall, connection: Any, host: Any
) -> None:
    def beside() -> None:
        mall.orders.cancel("A1", reason="ordered twice", by=shop.CUSTOMER)

    with pytest.raises(Conflict) as conflict:
        attempt(mall, host, connection, beside)
    assert conflict.value.retry == "transaction"
    assert mall.orders.get("A1").payment == "unpaid"


@ONLY_POSTGRESQL
@ONLY_ORM
def test_on_postgresql_keys_are_compared_by_bytes_whatever_the_database_does(
    mall: Mall, connection: Any
) -> None:
    cursor = connection.cursor()
    cursor.execute(
        "SELECT DISTINCT collation_name FROM information_schema.columns "
        "WHERE table_name LIKE 'ledger%' AND data_type = 'character varying'"
    )
    assert cursor.fetchall() == [("C",)]


# Views


def pay_view(request: Any, way: str, end: str) -> Any:
    from django.db import connection
    from django.http import HttpResponse

    host_writes(connection)
    with MALLS[0].joined(connection.connection if way == "sql" else connection) as m:
        shop.pay(m)
        if end == "refused":
            shop.ship(m, lines={"tea": 9})
    if end == "broken":
        raise UndoneError
    return HttpResponse("done")


MALLS: list[Mall] = []


def settle(**_: Any) -> None:
    MALLS[0].settle()


@pytest.fixture
def client(mall: Mall) -> Iterator[Any]:
    """A browser on a site whose every view is an ``atomic``."""
    from django.core.signals import request_finished
    from django.test import Client, override_settings
    from django.urls import path

    class urls:  # noqa: N801 - stands for a module
        urlpatterns = (path("<str:way>/<str:end>", pay_view),)

    MALLS[:] = [mall]
    request_finished.connect(settle)
    with override_settings(ROOT_URLCONF=urls, MIDDLEWARE=[]):
        yield Client(raise_request_exception=False)
    request_finished.disconnect(settle)


ATOMIC = pytest.mark.parametrize("given", [{"ATOMIC_REQUESTS": True}])


@ATOMIC
def test_a_view_that_answers_keeps_both(
    mall: Mall, connection: Any, client: Any, way: str
) -> None:
    assert client.get(f"/{way}/well").status_code == 200
    assert (host_rows(connection), last(mall)) == (["row"], PAID)


@ATOMIC
def test_a_view_that_fails_keeps_neither(
    mall: Mall, connection: Any, client: Any, way: str
) -> None:
    assert client.get(f"/{way}/broken").status_code == 500
    assert (host_rows(connection), last(mall)) == ([], BEFORE)


@ATOMIC
def test_a_refusal_in_a_view_is_written_when_the_request_is_finished(
    mall: Mall, connection: Any, client: Any, way: str
) -> None:
    assert client.get(f"/{way}/refused").status_code == 500
    assert (host_rows(connection), last(mall)) == ([], REFUSED)
    assert mall.orders.get("A1").payment == "unpaid"


# The adapter


@pytest.fixture
def shop_of(
    way: str, mall: Mall, host: Callable[[], object]
) -> Iterator[Callable[..., Any]]:
    """The same mall in Django's hands."""
    from eldermall.adapters.django import DjangoMall

    made: list[Any] = []

    def make(**more: Any) -> Any:
        made.append(DjangoMall(lambda: mall, host=lambda _: host(), **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


@FIRST
def test_in_moving_both_are_kept_or_undone(
    mall: Mall, connection: Any, shop_of: Any, first: str
) -> None:
    in_django = shop_of()
    for error in (UndoneError, None):
        with suppress(UndoneError), in_django.moving() as m:
            if first == "host":
                host_writes(connection)
            shop.pay(m)
            if first == "ours":
                host_writes(connection)
            if error:
                raise error
        kept = (["row"], PAID) if error is None else ([], BEFORE)
        assert (host_rows(connection), last(mall)) == kept


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_a_refusal_is_written_when_moving_is_over(mall: Mall, shop_of: Any, ends: str) -> None:
    with suppress(UndoneError), shop_of().moving() as m:
        fail(m)
        if ends == "badly":
            raise UndoneError
    assert last(mall) == REFUSED
    assert mall.settle() == 0


def test_a_refusal_inside_an_outer_atomic_is_written_with_its_commit_or_with_the_requests_end(
    mall: Mall, shop_of: Any
) -> None:
    from django.core.signals import request_finished

    in_django = shop_of()
    with atomic():
        with in_django.moving() as m:
            fail(m)
        assert last(mall) == BEFORE
    assert last(mall) == REFUSED
    before = mall.journal("order", "A1")
    with undone(), in_django.moving() as m:
        shop.pay(m)
        shop.refusal(shop.ship, m, lines={"tea": 9})
    assert mall.journal("order", "A1") == before
    request_finished.send(object)
    assert [e["outcome"] for e in mall.journal("order", "A1")][-2:] == ["refused", "refused"]
    assert mall.orders.get("A1").payment == "unpaid"


def test_in_moving_the_malls_own_commands_are_not_joined(mall: Mall, shop_of: Any) -> None:
    with shop_of().moving(), pytest.raises(NotJoined):
        shop.pay(mall)
    assert last(mall) == BEFORE


NUMBERS = count()


def overtaken(mall: Mall, connection: Any, times: int) -> Callable[[Any], str]:
    """What reads, is overtaken so many times, and then pays."""
    runs: list[int] = []

    def do(m: Any) -> str:
        host_rows(connection)
        runs.append(1)
        if len(runs) <= times:
            result(start(lambda: shop.place(mall, f"B{next(NUMBERS)}")))
            result(start(lambda: shop.refusal(shop.ship, mall)))
        shop.pay(m)
        host_writes(connection)
        return f"{len(runs)} runs"

    return do


@ONLY_SQL
@pytest.mark.parametrize(
    ("address", "given"),
    [
        ("sqlite", {"OPTIONS": {"transaction_mode": "DEFERRED"}}),
        ("postgresql", REPEATABLE[0]),
    ],
    ids=["sqlite deferred", "postgresql repeatable read"],
    indirect=["address"],
)
@pytest.mark.filterwarnings("ignore:.*begin DEFERRED:RuntimeWarning")
def test_what_others_overtook_is_moved_again_whole_and_only_from_outside(
    mall: Mall, connection: Any, shop_of: Any, address: str
) -> None:
    in_django = shop_of()
    with atomic(), pytest.raises(Conflict) as conflict:
        in_django.moved(overtaken(mall, connection, 9))
    assert conflict.value.retry == "transaction"
    assert host_rows(connection) == []
    with pytest.raises(Conflict):
        in_django.moved(overtaken(mall, connection, 9), tries=2)
    assert host_rows(connection) == []
    assert in_django.moved(overtaken(mall, connection, 2)) == "3 runs"
    assert host_rows(connection) == ["row"]
    assert mall.orders.get("A1").payment == "paid"
    assert mall.verify().passed


def test_what_cant_go_through_is_not_moved_again(
    mall: Mall, connection: Any, shop_of: Any
) -> None:
    from django.db import IntegrityError

    in_django = shop_of()
    runs: list[str] = []

    def refused(m: Any) -> None:
        runs.append("refused")
        fail(m)
        shop.ship(m)

    def reused(m: Any) -> None:
        runs.append("reused")
        m.orders.cancel("A1", reason="x", by=shop.CUSTOMER, key="k")
        m.orders.cancel("A1", reason="y", by=shop.CUSTOMER, key="k")

    def twice(m: Any) -> None:
        runs.append("twice")
        connection.cursor().execute("CREATE UNIQUE INDEX one ON host (it)")
        host_writes(connection)
        host_writes(connection)

    for do, error in ((refused, Refused), (reused, KeyReused), (twice, IntegrityError)):
        with pytest.raises(error):
            in_django.moved(do)
    assert runs == ["refused", "reused", "twice"]
    assert mall.orders.get("A1").goods == "accepted"


@ONLY_POSTGRESQL
@ONLY_SQL
@pytest.mark.parametrize("given", REPEATABLE)
def test_where_the_hosts_own_rows_were_overtaken_it_is_moved_again_too(
    mall: Mall, connection: Any, shop_of: Any, address: str
) -> None:
    host_writes(connection, "0")
    runs: list[int] = []

    def do(m: Any) -> None:
        shop.pay(m)
        (was,) = host_rows(connection)
        if not runs:
            with engine_at(address) as engine, engine.begin() as c:
                c.exec_driver_sql("UPDATE host SET it = '1'")
        runs.append(1)
        connection.cursor().execute("UPDATE host SET it = %s", [str(int(was) + 1)])

    shop_of().moved(do)
    assert (host_rows(connection), len(runs)) == (["2"], 2)
    assert last(mall) == PAID


@ONLY_SQLITE
@pytest.mark.parametrize("given", [DEFERRED, IMMEDIATE], ids=["deferred", "immediate"])
def test_a_sqlite_that_begins_deferred_is_warned_of_once(
    shop_of: Any, connection: Any, given: dict[str, Any]
) -> None:
    in_django = shop_of()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert in_django.mall is in_django.mall
    words = [str(warning.message) for warning in told]
    assert len(words) == (1 if given is DEFERRED else 0)
    assert all("IMMEDIATE" in text and "不能再写" in text for text in words)


@ONLY_SQL
@ONLY_SQLITE
def test_an_id_that_is_an_integer_is_named_as_such(mall: Mall, shop_of: Any) -> None:
    with shop_of().moving() as m:
        for move in (
            lambda: m.orders.accept(1, by=shop.MERCHANT),
            lambda: m.orders.paid("A1", 27000, 12, by=shop.PAYMENTS),
            lambda: shop.place(m, "A2", lines=[{"id": 1}]),
            lambda: person(7, "customer"),  # type: ignore[arg-type]
        ):
            with pytest.raises(Invalid, match=r"not a whole number: write str\(") as error:
                move()
            assert "请写 str(" in error.value.text.zh
    with pytest.raises(Invalid, match="an id is 1 to 64"):
        mall.orders.get(True)  # type: ignore[arg-type]


# The storage of the example, on its own


@ONLY_ORM
def test_a_command_of_our_own_is_never_inside_the_hosts_atomic(
    mall: Mall, connection: Any, address: str
) -> None:
    if connection.vendor == "sqlite":
        connection.transaction_mode = None  # or the host would hold the only lock
    with undone():
        host_rows(connection)
        shop.pay(mall)
    assert last(mall) == PAID


@ONLY_ORM
def test_one_thread_may_read_while_it_writes(mall: Mall) -> None:
    with mall.read() as one, mall.read() as two:
        assert one.load("order", "A1") == two.load("order", "A1")
        shop.pay(mall)
        assert one.load("order", "A1") == two.load("order", "A1")
    assert last(mall) == PAID


@ONLY_ORM
def test_the_end_of_a_request_takes_no_connection_of_ours(mall: Mall) -> None:
    from django.core.signals import request_finished

    with mall.read() as tx:
        request_finished.send(object)
        assert tx.load("order", "A1")[0] is not None


@ONLY_ORM
def test_a_mall_opens_tables_that_migrate_has_made_and_makes_none_that_it_mustnt(
    address: str, connection: Any, way: str
) -> None:
    from django.core.management import call_command

    with pytest.raises(SchemaError, match="migrate ledger"):
        open_mall(way, address, make=False)
    assert "ledger_record" not in connection.introspection.table_names()
    call_command("migrate", "ledger", verbosity=0)
    open_mall(way, address, make=False).close()
    connection.cursor().execute(
        "INSERT INTO django_migrations (app, name, applied) "
        "VALUES ('ledger', '9999_later', '2026-01-01')"
    )
    with pytest.raises(SchemaError, match="newer"):
        open_mall(way, address)


@ONLY_ORM
def test_of_several_that_open_a_new_database_one_makes_the_tables(
    address: str, connection: Any, way: str
) -> None:
    def attempt() -> None:
        open_mall(way, address).close()

    for opening in [start(attempt) for _ in range(4)]:
        result(opening)
    open_mall(way, address, make=False).close()


def test_migrations_and_models_agree(connection: Any) -> None:
    from django.core.management import call_command

    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_a_database_that_django_doesnt_know_or_isnt_there_is_told(
    django: None, tmp_path: Path
) -> None:
    from ledger.storage import DjangoStorage

    with pytest.raises(StorageError, match="no 'nowhere' among DATABASES"):
        DjangoStorage("nowhere")
    with known("default", f"sqlite:///{tmp_path / 'none.db'}"):
        with pytest.raises(StorageError, match="there is no database file"):
            DjangoStorage("default").open([], make=False)
        assert not (tmp_path / "none.db").exists()
    with known("default", "sqlite:///:memory:"), pytest.raises(StorageError, match="use a file"):
        DjangoStorage("default").open([])


@ONLY_ORM
def test_records_are_found_by_an_index(mall: Mall, connection: Any) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")  # the tables are small
    plans: list[str] = []

    def explained(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        word = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
        if sql.startswith("SELECT ") and "ledger_indexed" in sql:
            execute(f"{word} {sql}", params, many, context)
            plans.append(" ".join(str(row[-1]) for row in context["cursor"].fetchall()))
        return execute(sql, params, many, context)

    with (
        atomic(),
        mall.storage.join("main", connection, on_end=lambda: None) as joined,
        joined.savepoint() as tx,
        connection.execute_wrapper(explained),
    ):
        assert [row.id for row in tx.find("order", customer=shop.CUSTOMER.id)] == ["A1"]
    (plan,) = plans
    assert "ledger_indexed_value" in plan
    assert "SCAN ledger" not in plan
    assert "Seq Scan" not in plan


# The kit


class DjangoHost:
    """An open ``atomic``."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._atomic = atomic(using=connection.alias)
        self._atomic.__enter__()

    def commit(self) -> None:
        self._atomic.__exit__(None, None, None)

    def rollback(self) -> None:
        self.connection.set_rollback(True)
        self.commit()


class DjangoHosts:
    """Hosts on a connection of Django's."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def begin(self) -> DjangoHost:
        return DjangoHost(self._connection)

    def idle(self) -> object:
        return self._connection

    def wrong(self) -> Sequence[object]:
        from django.db import connections

        self._connection.ensure_connection()
        return [connections["default"], self._connection.connection]


class DjangoBackend:
    """The example's storage in a database of its own."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def fresh(self, *, bare: bool = False) -> Storage:
        from django.apps import apps
        from django.core.management import call_command

        alias = self._connection.alias
        if bare:
            call_command("migrate", "ledger", "zero", database=alias, verbosity=0)
        elif "ledger_record" in self._connection.introspection.table_names():
            with atomic(using=alias):
                for model in apps.get_app_config("ledger").get_models():
                    model.objects.using(alias).all().delete()
        return self.again()

    def again(self) -> Storage:
        from ledger.storage import DjangoStorage

        return DjangoStorage(self._connection.alias)

    def hosts(self) -> DjangoHosts:
        return DjangoHosts(self._connection)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def kept(
    request: pytest.FixtureRequest, django: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """Django's connection to a database that keeps its tables from case to case."""
    url = f"sqlite:///{tmp_path_factory.mktemp('kit') / 'mall.db'}"
    if request.param == "postgresql":
        url = databases.new_database("postgresql", f"{databases.worker()}_ledger")
        url += "&options=-c synchronous_commit=off"  # nobody pulls the plug here
    with known("kit", url) as connection:
        yield connection


class TestDjangoStorage(StorageConformance):
    """The storage of the example passes the kit on both databases."""

    conformance_examples = 10

    @pytest.fixture
    def backend(self, kept: Any) -> DjangoBackend:
        return DjangoBackend(kept)


# The shop


@pytest.fixture
def site(django: None, time: shop.Time) -> Iterator[None]:
    """The shop on PostgreSQL, with its tables and its products."""
    from django.core.management import call_command
    from shop.mall import sunny

    url = databases.new_database("postgresql", f"{databases.worker()}_shop")
    with known("default", url):
        call_command("migrate", verbosity=0)
        call_command("loaddata", "products", verbosity=0)
        yield
        sunny.close()


@pytest.fixture
def people(site: None) -> dict[str, Any]:
    """A browser each for a customer and for the person designated for orders."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client

    browsers = {}
    for name in ("li", "olivia"):
        user = User.objects.create_user(name, password="secret")
        browsers[name] = Client()
        if name == "olivia":
            call_command("appoint", name)
        browsers[name].force_login(user)
    return browsers


def read(answer: Any) -> str:
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def order_tea(browser: Any) -> Any:
    """Order tea; return the shop's row."""
    from shop.models import Order

    read(browser.post("/orders/", {"product": "green-tea", "quantity": 2}, follow=True))
    return Order.objects.get()


def press(browser: Any, order: Any, button: str, **more: Any) -> str:
    """Press a button on an order's page, and read what comes."""
    page = f"/orders/{order.id}/"
    return read(browser.post(f"{page}{button}/", follow=True, headers={"referer": page}, **more))


def entries(order: Any) -> list[tuple[str, str]]:
    from shop.mall import sunny

    return [(e["what"], e["outcome"]) for e in sunny.mall.journal("order", order.id)]


@pytest.mark.servers
def test_an_order_is_placed_paid_and_shipped(people: dict[str, Any]) -> None:
    order = order_tea(people["li"])
    assert "已提交" in read(people["li"].get(f"/orders/{order.id}/"))
    assert "已付款" in press(people["li"], order, "pay")
    assert "已接单" in press(people["olivia"], order, "accept")
    shipped = press(people["olivia"], order, "ship")
    assert "已发货" in shipped
    assert "error" not in shipped.partition("<body>")[2]
    order.refresh_from_db()
    assert order.tracking in shipped
    assert [what for what, _ in entries(order)] == [
        "order.place", "order.pay", "order.hand_over", "order.accept", "order.ship",
    ]


@pytest.mark.servers
def test_what_isnt_paid_isnt_shipped_and_the_page_says_why(people: dict[str, Any]) -> None:
    order = order_tea(people["li"])
    press(people["olivia"], order, "accept")
    page = press(people["olivia"], order, "ship")
    assert "订单在发货时尚未付款 [shipping.paid-first@1, S19-11-1d]" in page
    order.refresh_from_db()
    assert order.tracking == ""
    assert entries(order)[-1] == REFUSED
    english = press(people["olivia"], order, "ship", HTTP_ACCEPT_LANGUAGE="en")
    assert "the order was not paid when it would have been shipped" in english
    press(people["li"], order, "pay")
    assert "已发货" in press(people["olivia"], order, "ship")


@pytest.mark.servers
def test_a_customer_reads_reasons_without_rules_and_clauses(people: dict[str, Any]) -> None:
    from shop.models import Order

    order = order_tea(people["li"])
    press(people["li"], order, "pay")
    Order.objects.update(paid=False)
    page = press(people["li"], order, "pay")
    assert 'class="error"' in page
    assert "已付款" in page
    assert "machine." not in page
    order.refresh_from_db()
    assert order.paid is False
    assert entries(order)[-1] == ("order.pay", "refused")


@pytest.mark.servers
def test_an_order_that_eldermall_refuses_isnt_kept_by_the_shop(people: dict[str, Any]) -> None:
    from shop.models import Order

    wish = {"product": "green-tea", "quantity": 1}
    page = read(people["olivia"].post("/orders/", wish, follow=True))
    assert 'class="error"' in page
    assert not Order.objects.exists()


@pytest.mark.parametrize("quantity", ["0", "100", "many", ""])
@pytest.mark.servers
def test_a_quantity_that_is_none_is_told(people: dict[str, Any], quantity: str) -> None:
    from shop.models import Order

    wish = {"product": "green-tea", "quantity": quantity}
    assert "请填写 1 至 99 的数量" in read(people["li"].post("/orders/", wish, follow=True))
    assert not Order.objects.exists()


@pytest.mark.servers
def test_customers_see_their_own_orders_and_ship_nothing(people: dict[str, Any]) -> None:
    from django.contrib.auth.models import User
    from django.test import Client

    order = order_tea(people["li"])
    other = Client()
    other.force_login(User.objects.create_user("wang", password="secret"))
    assert other.get(f"/orders/{order.id}/").status_code == 404
    assert order.id not in read(other.get("/"))
    assert order.id in read(people["li"].get("/"))
    assert "登录" in press(people["li"], order, "ship")
    assert entries(order) == [("order.place", "moved")]


@pytest.mark.servers
def test_who_isnt_logged_in_logs_in_first(people: dict[str, Any]) -> None:
    from django.test import Client

    browser = Client()
    for language, name in (("zh-cn", "绿茶"), ("en", "Green tea")):
        page = read(browser.get("/", HTTP_ACCEPT_LANGUAGE=language))
        assert name in page
        assert "¥68.00" in page
    wish = {"product": "green-tea", "quantity": 1}
    assert "<h2>登录</h2>" in read(browser.post("/orders/", wish, follow=True))
    read(browser.post("/login/", {"username": "li", "password": "secret"}, follow=True))
    assert order_tea(browser).customer.username == "li"


@pytest.mark.servers
def test_nobody_is_appointed_whom_the_shop_doesnt_know(site: None) -> None:
    from django.core.management import CommandError, call_command
    from shop.mall import sunny

    with pytest.raises(CommandError, match="没有用户 nobody / there is no user nobody"):
        call_command("appoint", "nobody")
    assert sunny.mall.journal("designation", "order") == []


@pytest.mark.servers
def test_what_runs_regularly_runs_as_a_command(
    people: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    from django.core.management import call_command
    from shop.mall import sunny

    order_tea(people["li"])
    call_command("tend")
    assert "Sealed(roots=1, newest=1)" in capsys.readouterr().out
    assert sunny.mall.verify().passed

"""Inside a transaction of the host's: both commit, or nothing of either; refusals stand.

On every database and with every kind of host: a Connection, a Session, a connection of the driver.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
from psycopg.rows import dict_row
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.pool import NullPool

from eldermall import (
    Conflict,
    Mall,
    NotInTransaction,
    NotJoinable,
    NotJoined,
    StorageError,
    Technical,
    moment,
)
from eldermall.testing.storage.threads import result, start
from tests import databases, shop
from tests.apart import APART

# Hosts: each with a transaction that is open when it is handed over


@dataclass(frozen=True, slots=True)
class Host:
    """A host's open transaction.

    Args:
        it: what is joined.
        say: sends a statement.
        commit: ends the transaction.
        rollback: ends it too.
        leave: gives back what was borrowed.
        tells: whether eldermall can notice the end by itself.
    """

    it: Any
    say: Callable[[str], Any]
    commit: Callable[[], Any]
    rollback: Callable[[], Any]
    leave: Callable[[], Any]
    tells: bool = True


Begin = Callable[[str], AbstractContextManager[Host]]


def raw_of(url: str, **more: Any) -> Any:
    """Return a connection of the driver."""
    at = make_url(url)
    if at.get_backend_name() == "sqlite":
        return sqlite3.connect(at.database or "", **more)
    if at.get_backend_name() == "postgresql":
        return psycopg.connect(
            host=str(at.query.get("host") or at.host or ""), user=at.username,
            password=at.password, port=at.port, dbname=at.database, **more,
        )
    where: dict[str, Any] = (
        {"unix_socket": at.query["unix_socket"]} if "unix_socket" in at.query
        else {"host": at.host, "port": at.port or 3306}
    )
    return pymysql.connect(
        user=at.username, password=at.password or "", database=at.database, **where, **more
    )


@contextmanager
def engine_of(url: str, begin: str | None = None, **more: Any) -> Iterator[Engine]:
    """Open SQLAlchemy's default engine, or on SQLite one that sends its own ``begin``."""
    engine = create_engine(url, **more)
    if begin is not None:
        event.listen(engine, "connect", lambda raw, _: setattr(raw, "isolation_level", None))
        event.listen(engine, "begin", lambda c: c.exec_driver_sql(begin))
    try:
        yield engine
    finally:
        engine.dispose()


def saying(it: Any) -> Callable[[str], Any]:
    """Return what sends a statement through a Connection or Session."""
    return lambda sql: it.execute(text(sql))


def in_turn(*calls: Callable[[], Any]) -> Callable[[], Any]:
    """Return what makes several calls, one after the other."""
    return lambda: [call() for call in calls]


@contextmanager
def a_connection(url: str, begin: str | None = None, **more: Any) -> Iterator[Host]:
    with engine_of(url, begin, **more) as engine, engine.connect() as c:
        t = c.begin()
        yield Host(c, saying(c), t.commit, t.rollback, c.close)


@contextmanager
def a_session(url: str) -> Iterator[Host]:
    """One whose transaction began with its first statement."""
    with engine_of(url) as engine, Session(engine) as s:
        s.execute(text("SELECT 1"))
        yield Host(s, saying(s), s.commit, s.rollback, s.close)


@contextmanager
def a_begun_session(url: str) -> Iterator[Host]:
    with engine_of(url) as engine, Session(engine) as s:
        s.begin()
        yield Host(s, saying(s), s.commit, s.rollback, s.close)


@contextmanager
def a_scoped_session(url: str) -> Iterator[Host]:
    with engine_of(url) as engine:
        s = scoped_session(sessionmaker(engine))
        s.execute(text("SELECT 1"))
        yield Host(s, saying(s), s.commit, s.rollback, s.remove)
        s.remove()


@contextmanager
def a_session_on_a_connection(url: str) -> Iterator[Host]:
    with engine_of(url) as engine, engine.connect() as c, Session(c) as s:
        s.begin()
        yield Host(s, saying(s), s.commit, s.rollback, in_turn(s.close, c.close))


@contextmanager
def a_session_in_a_connections_transaction(url: str) -> Iterator[Host]:
    """As test suites do it that roll back what a test did."""
    with engine_of(url) as engine, engine.connect() as c, c.begin() as t:
        s = Session(c, join_transaction_mode="create_savepoint")
        s.begin()
        yield Host(
            s, saying(s), in_turn(s.commit, t.commit), in_turn(s.close, t.rollback),
            in_turn(s.close, c.close),
        )
        s.close()


@contextmanager
def a_nested_session(url: str) -> Iterator[Host]:
    with engine_of(url) as engine, Session(engine) as s:
        s.begin()
        inner = s.begin_nested()
        yield Host(
            s, saying(s), in_turn(inner.commit, s.commit),
            in_turn(inner.rollback, s.rollback), s.close,
        )


@contextmanager
def a_raw_one(url: str, first: str = "", rows: Any = None, **more: Any) -> Iterator[Host]:
    """A connection of the driver, as Django's ``connection.connection`` is one."""
    raw = raw_of(url, **more)
    if rows is not None:
        raw.row_factory = rows

    def say(sql: str) -> None:
        with closing(raw.cursor()) as cursor:
            cursor.execute(sql)

    def leave() -> None:
        with suppress(pymysql.Error):  # it is closed already
            raw.close()

    if first:
        say(first)
    yield Host(raw, say, raw.commit, raw.rollback, leave, tells=False)
    leave()


@contextmanager
def a_raw_transaction_block(url: str, **more: Any) -> Iterator[Host]:
    """psycopg's own ``with connection.transaction()``."""
    with closing(raw_of(url, **more)) as raw, ExitStack() as block:
        block.enter_context(raw.transaction())

        def rollback() -> None:
            with suppress(psycopg.Rollback):
                block.__exit__(psycopg.Rollback, psycopg.Rollback(), None)

        yield Host(raw, raw.execute, block.close, rollback, raw.close, tells=False)


SESSIONS: dict[str, Begin] = {
    "Session": a_session,
    "begun Session": a_begun_session,
    "scoped_session": a_scoped_session,
    "Session on a Connection": a_session_on_a_connection,
    "Session in a Connection's transaction": a_session_in_a_connections_transaction,
    "nested Session": a_nested_session,
}
HOSTS: dict[str, dict[str, Begin]] = {
    "sqlite": {
        "Connection": a_connection,
        "Connection that begins IMMEDIATE": partial(a_connection, begin="BEGIN IMMEDIATE"),
        **SESSIONS,
        "sqlite3 that has begun": partial(a_raw_one, first="BEGIN"),
        "sqlite3 that begins itself": partial(
            a_raw_one, first="BEGIN IMMEDIATE", isolation_level=None
        ),
        "sqlite3 that has written": partial(a_raw_one, first="DELETE FROM host"),
        "sqlite3 IMMEDIATE with rows as mappings": partial(
            a_raw_one, first="DELETE FROM host", rows=sqlite3.Row, isolation_level="IMMEDIATE"
        ),
    },
    "postgresql": {
        "Connection": a_connection,
        **SESSIONS,
        "psycopg": a_raw_one,
        "psycopg that has spoken": partial(a_raw_one, first="SELECT 1"),
        "psycopg in a block": a_raw_transaction_block,
        "psycopg with autocommit in a block": partial(a_raw_transaction_block, autocommit=True),
        "psycopg with rows as mappings": partial(a_raw_one, row_factory=dict_row),
    },
    "mariadb": {
        "Connection": a_connection,
        "Connection of the dialect mysql": lambda url: a_connection(
            url.replace("mariadb+", "mysql+")
        ),
        **SESSIONS,
        "PyMySQL": a_raw_one,
        "PyMySQL with autocommit that has begun": partial(
            a_raw_one, first="START TRANSACTION", autocommit=True
        ),
        "PyMySQL with rows as mappings": partial(
            a_raw_one, cursorclass=pymysql.cursors.DictCursor
        ),
    },
}
EVERY = [(name, way) for name, ways in HOSTS.items() for way in ways]


# The shop: a mall on each database, an accepted and unpaid order for each test


@dataclass(frozen=True, slots=True)
class Shop:
    """A mall with a table of the host's beside it, and one order."""

    name: str
    url: str
    mall: Mall
    time: shop.Time
    id: str

    def begin(self, way: str) -> AbstractContextManager[Host]:
        """Open a host's transaction."""
        return HOSTS[self.name][way](self.url)

    def rows(self) -> int:
        """Return how many rows of the host's stand in the database."""
        with engine_of(self.url, poolclass=NullPool) as engine, engine.connect() as c:
            query = text(f"SELECT count(*) FROM host WHERE it = '{self.id}'")
            return int(c.execute(query).scalar_one())

    def last(self) -> tuple[str, str]:
        """Return what the order's last entry says."""
        entry = self.mall.journal("order", self.id)[-1]
        return entry["what"], entry["outcome"]

    def write(self, host: Host) -> None:
        """Let the host write."""
        host.say(f"INSERT INTO host VALUES ('{self.id}')")

    def succeed(self, m: Any) -> None:
        """Make a move that is allowed."""
        shop.pay(m, self.id)

    def fail(self, m: Any) -> None:
        """Make a move that is refused."""
        assert shop.refusal(shop.ship, m, self.id).rules == ("shipping.paid-first@1",)

    def both(self, host: Host, first: str, act: Callable[[Any], None]) -> None:
        """Let the host and us write in one transaction, in either order."""
        if first == "host":
            self.write(host)
        with self.mall.joined(host.it) as m:
            act(m)
        if first == "ours":
            self.write(host)

    def settled(self, host: Host) -> None:
        """Let the host leave; where nobody can notice, say so."""
        host.leave()
        if not host.tells:
            self.mall.settle()


BEFORE = ("order.accept", "moved")
REFUSED = ("order.ship", "refused")
PAID = ("order.pay", "moved")
FIRST = pytest.mark.parametrize("first", ["ours", "host"])
_numbers = count()


def server_or_file(name: str, folder: Path) -> str:
    """Return the URL of an empty database that only this module uses."""
    if name == "sqlite":
        return f"sqlite:///{folder / 'mall.db'}"
    return databases.new_database(name, databases.worker() + "_joined")


@pytest.fixture(scope="module")
def malls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Shop]]:
    made: dict[str, Shop] = {}
    with ExitStack() as opened:

        def mall_on(name: str) -> Shop:
            if name not in made:
                url, time = server_or_file(name, tmp_path_factory.mktemp(name)), shop.Time()
                patience = Technical(settle_patience=0.02)
                mall = opened.enter_context(shop.open_mall(url, time, technical=patience))
                shop.staff(mall)
                with engine_of(url) as engine, engine.begin() as c:
                    c.execute(text("CREATE TABLE host (it VARCHAR(40))"))
                made[name] = Shop(name, url, mall, time, "")
            return made[name]

        yield mall_on


def with_order(shared: Shop) -> Shop:
    id = f"A{next(_numbers)}"
    shared.mall.settle()
    shop.place(shared.mall, id)
    shop.accept(shared.mall, id)
    return Shop(shared.name, shared.url, shared.mall, shared.time, id)


@pytest.fixture(params=databases.NAMES)
def here(request: pytest.FixtureRequest, malls: Callable[[str], Shop]) -> Shop:
    """The shop on each database."""
    return with_order(malls(request.param))


@pytest.fixture(params=EVERY, ids=[f"{name}: {way}" for name, way in EVERY])
def hosted(
    request: pytest.FixtureRequest, malls: Callable[[str], Shop]
) -> Iterator[tuple[Shop, Host]]:
    """The shop on each database, with each kind of host's transaction."""
    name, way = request.param
    at = with_order(malls(name))
    with at.begin(way) as host:
        yield at, host


Hosted = tuple[Shop, Host]


# The host commits, rolls back, fails, dies


@FIRST
def test_our_move_and_the_hosts_row_commit_together(hosted: Hosted, first: str) -> None:
    at, host = hosted
    at.both(host, first, at.succeed)
    assert (at.rows(), at.last()) == (0, BEFORE)
    host.commit()
    assert (at.rows(), at.last()) == (1, PAID)
    assert at.mall.orders.get(at.id).payment == "paid"
    assert at.mall.verify().passed


@FIRST
def test_no_move_of_ours_survives_a_rollback(hosted: Hosted, first: str) -> None:
    at, host = hosted
    at.both(host, first, at.succeed)
    host.rollback()
    at.settled(host)
    assert (at.rows(), at.last()) == (0, BEFORE)
    assert at.mall.orders.get(at.id).payment == "unpaid"
    shop.pay(at.mall, at.id)


@FIRST
def test_a_refusal_stands_when_the_host_commits(hosted: Hosted, first: str) -> None:
    at, host = hosted
    at.both(host, first, at.fail)
    host.commit()
    at.settled(host)
    assert (at.rows(), at.last()) == (1, REFUSED)
    assert at.mall.verify().passed


@FIRST
def test_a_refusal_stands_when_the_host_rolls_back(hosted: Hosted, first: str) -> None:
    at, host = hosted
    at.both(host, first, at.fail)
    host.rollback()
    at.settled(host)
    assert (at.rows(), at.last()) == (0, REFUSED)


def test_a_refusal_after_a_move_takes_nothing_of_the_move_with_it(hosted: Hosted) -> None:
    at, host = hosted
    with at.mall.joined(host.it) as m:
        at.succeed(m)
        shop.ship(m, at.id, lines={"tea": 1})
        shop.refusal(shop.ship, m, at.id, lines={"tea": 3}, parcel="p2")
        shop.ship(m, at.id, lines={"tea": 2}, parcel="p3")
    host.commit()
    at.settled(host)
    tea = at.mall.orders.get(at.id).line("tea")
    assert tea is not None
    assert tea.shipped == 3
    assert at.last() == REFUSED
    assert at.mall.verify().passed


def test_it_can_be_joined_again_and_again_in_one_transaction(hosted: Hosted) -> None:
    at, host = hosted
    at.both(host, "host", at.fail)
    at.both(host, "ours", at.succeed)
    with at.mall.joined(host.it) as m:
        assert m.orders.get(at.id).payment == "paid"
        shop.ship(m, at.id)
    assert at.rows() == 0
    host.commit()
    at.settled(host)
    assert at.rows() == 2
    assert at.mall.orders.get(at.id).goods == "shipped"


def test_what_was_done_in_the_transaction_is_seen_in_it_and_nowhere_else(hosted: Hosted) -> None:
    at, host = hosted
    with at.mall.joined(host.it) as m:
        at.succeed(m)
        assert m.orders.get(at.id).payment == "paid"
        assert at.mall.orders.get(at.id).payment == "unpaid"


def test_no_move_of_ours_survives_an_error_of_the_hosts(here: Shop) -> None:
    def broken(engine: Engine) -> None:
        with engine.begin() as c, here.mall.joined(c) as m:
            here.succeed(m)
            raise RuntimeError("the host is broken")

    with engine_of(here.url) as engine, pytest.raises(RuntimeError):
        broken(engine)
    assert here.last() == BEFORE


def die(name: str, url: str, way: str, id: str, first: str, act: str) -> None:
    mall = shop.open_mall(url)
    at = Shop(name, url, mall, shop.Time(), id)
    opened = ExitStack()
    host = opened.enter_context(at.begin(way))
    at.both(host, first, getattr(at, act))
    os.kill(os.getpid(), signal.SIGKILL)


DEATHS = [
    ("sqlite", "Connection", "host"),
    ("sqlite", "Connection", "ours"),
    ("sqlite", "Connection that begins IMMEDIATE", "ours"),
    ("sqlite", "sqlite3 that has begun", "ours"),
    ("postgresql", "Connection", "host"),
    ("postgresql", "psycopg", "ours"),
    ("mariadb", "Connection", "host"),
    ("mariadb", "PyMySQL", "ours"),
]


@pytest.mark.parametrize("act", ["succeed", "fail"])
@pytest.mark.parametrize(("name", "way", "first"), DEATHS)
def test_no_move_of_ours_survives_the_hosts_death_before_its_commit(
    malls: Callable[[str], Shop], name: str, way: str, first: str, act: str
) -> None:
    at = with_order(malls(name))
    process = APART.Process(target=die, args=(name, at.url, way, at.id, first, act))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert (at.rows(), at.last()) == (0, BEFORE)
    assert at.mall.verify().passed
    shop.pay(at.mall, at.id)


def test_a_rollback_to_the_hosts_own_savepoint_takes_our_move_with_it(here: Shop) -> None:
    with here.begin("Connection") as host:
        here.write(host)
        nested = host.it.begin_nested()
        with here.mall.joined(host.it) as m:
            here.succeed(m)
        nested.rollback()
        host.commit()
    assert (here.rows(), here.last()) == (1, BEFORE)


RAW = [
    ("sqlite", "sqlite3 that begins itself"),
    ("postgresql", "psycopg"),
    ("mariadb", "PyMySQL"),
]


@pytest.mark.parametrize(("name", "way"), RAW)
def test_a_rollback_to_a_savepoint_on_a_raw_connection_takes_our_move_with_it(
    malls: Callable[[str], Shop], name: str, way: str
) -> None:
    at = with_order(malls(name))
    with at.begin(way) as host:
        at.write(host)
        host.say("SAVEPOINT inner_part")
        with at.mall.joined(host.it) as m:
            at.succeed(m)
        host.say("ROLLBACK TO SAVEPOINT inner_part")
        host.commit()
    assert (at.rows(), at.last()) == (1, BEFORE)


def test_a_rollback_of_a_sessions_nested_part_takes_our_move_with_it(here: Shop) -> None:
    with here.begin("begun Session") as host:
        here.write(host)
        nested = host.it.begin_nested()
        with here.mall.joined(host.it) as m:
            here.succeed(m)
        nested.rollback()
        host.commit()
    assert (here.rows(), here.last()) == (1, BEFORE)


def test_a_key_used_in_a_transaction_that_was_rolled_back_is_not_used_up(here: Shop) -> None:
    key = f"k-{here.id}"
    with here.begin("Connection") as host:
        with here.mall.joined(host.it) as m:
            m.orders.paid(here.id, 27000, f"ref-{here.id}", by=shop.PAYMENTS, key=key)
        host.rollback()
    here.mall.orders.paid(here.id, 27000, f"other-{here.id}", by=shop.PAYMENTS, key=key)
    assert here.mall.orders.get(here.id).payment == "paid"


def test_the_same_command_with_the_same_key_in_one_transaction_is_done_once(here: Shop) -> None:
    pay: dict[str, Any] = {"by": shop.PAYMENTS, "key": f"k-{here.id}"}
    with here.begin("Connection") as host:
        with here.mall.joined(host.it) as m:
            for _ in range(2):
                done = m.orders.paid(here.id, 27000, f"ref-{here.id}", **pay)
                assert done.payment == "paid"
        host.commit()
    entries = here.mall.journal("order", here.id)
    assert [e["what"] for e in entries].count("order.pay") == 1


# When refusals are written


def test_a_refusal_is_written_when_the_with_block_ends_after_the_hosts_transaction(
    hosted: Hosted,
) -> None:
    at, host = hosted
    with at.mall.joined(host.it) as m:
        at.fail(m)
        assert at.last() == BEFORE
        host.commit()
    assert at.last() == REFUSED


@pytest.mark.parametrize("pool", [None, NullPool])
def test_a_refusal_is_written_when_the_connection_goes_back(here: Shop, pool: Any) -> None:
    with engine_of(here.url, poolclass=pool) as engine:
        connection = engine.connect()
        connection.begin()
        with here.mall.joined(connection) as m:
            here.fail(m)
        connection.rollback()
        assert here.last() == BEFORE
        connection.close()
        assert here.last() == REFUSED


@pytest.mark.parametrize(
    "way",
    ["Session", "begun Session", "scoped_session", "nested Session", "Session on a Connection"],
)
@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_a_refusal_is_written_when_the_root_of_a_session_ends(
    here: Shop, way: str, end: str
) -> None:
    with here.begin(way) as host:
        with here.mall.joined(host.it) as m:
            here.fail(m)
        assert here.last() == BEFORE
        getattr(host, end)()
        assert here.last() == REFUSED


@pytest.mark.servers
def test_the_end_of_a_sessions_nested_part_is_not_the_end(malls: Callable[[str], Shop]) -> None:
    at, other = (with_order(malls("postgresql")) for _ in range(2))
    with at.begin("begun Session") as host:
        at.write(host)
        nested = host.it.begin_nested()
        with at.mall.joined(host.it) as m:
            at.succeed(m)
            other.fail(m)
        nested.commit()
        assert (at.last(), other.last()) == (BEFORE, BEFORE)
        host.commit()
        assert (at.last(), other.last()) == (PAID, REFUSED)


@pytest.mark.parametrize(("name", "way"), RAW)
def test_a_raw_connection_tells_nobody_of_its_end_and_settle_writes_the_refusal(
    malls: Callable[[str], Shop], name: str, way: str
) -> None:
    at = with_order(malls(name))
    with at.begin(way) as host:
        with at.mall.joined(host.it) as m:
            at.fail(m)
        host.rollback()
    assert at.last() == BEFORE
    assert at.mall.settle() == 1
    assert at.last() == REFUSED


def test_a_refusal_says_when_it_was_refused_and_when_it_was_written(here: Shop) -> None:
    with here.begin("Connection") as host:
        with here.mall.joined(host.it) as m:
            here.fail(m)
        here.time.pass_(minutes=7)
        host.rollback()
        host.leave()
    entry = here.mall.journal("order", here.id)[-1]
    assert moment(entry["recorded"]) - moment(entry["at"]) == timedelta(minutes=7)


ROW = "SELECT id FROM eldermall_record_order WHERE mall = 'main' AND id = '{}' FOR UPDATE"


@contextmanager
def locked(at: Shop) -> Iterator[None]:
    """Hold what the refusal needs from elsewhere: the lock of the file, or the order's row."""
    if at.name == "sqlite":
        with closing(raw_of(at.url, isolation_level=None)) as raw:
            raw.execute("BEGIN IMMEDIATE")
            yield
    else:
        with engine_of(at.url) as engine, engine.begin() as c:
            c.execute(text(ROW.format(at.id))).all()
            yield


@contextmanager
def refused_and_locked(at: Shop) -> Iterator[None]:
    """Leave a refusal waiting because somebody else holds the lock when it would be written."""
    with engine_of(at.url) as engine:
        connection = engine.connect()
        connection.begin()
        with at.mall.joined(connection) as m:
            at.fail(m)
        connection.rollback()
        with locked(at):
            connection.close()
            assert at.last() == BEFORE
            yield


def test_settle_says_so_when_somebody_else_holds_the_lock_and_the_refusal_goes_on_waiting(
    here: Shop,
) -> None:
    with refused_and_locked(here), pytest.raises(Conflict, match="locked") as locked_:
        here.mall.settle()
    assert "占用" in locked_.value.text.zh
    assert here.last() == BEFORE
    assert here.mall.settle() == 1
    assert here.last() == REFUSED
    assert here.mall.settle() == 0


@pytest.mark.parametrize(
    "then",
    [
        lambda at: shop.pay(at.mall, at.id),
        lambda at: at.mall.sweep(),
        lambda at: at.mall.relay(),
        lambda at: at.mall.seal(),
        lambda at: at.mall.settle(),
    ],
    ids=["command", "sweep", "relay", "seal", "settle"],
)
def test_a_waiting_refusal_is_written_with_the_next_thing_that_happens(
    here: Shop, then: Callable[[Shop], Any]
) -> None:
    with refused_and_locked(here):
        pass
    then(here)
    outcomes = [(e["what"], e["outcome"]) for e in here.mall.journal("order", here.id)]
    assert outcomes[4] == REFUSED
    assert outcomes.count(REFUSED) == 1
    assert here.mall.verify().passed


def test_a_waiting_refusal_is_written_when_the_mall_closes(here: Shop) -> None:
    with shop.open_mall(here.url, here.time) as mall, here.begin("Connection") as host:
        at = Shop(here.name, here.url, mall, here.time, here.id)
        with mall.joined(host.it) as m:
            at.fail(m)
        mall.storage.close()  # give no word of the end: whoever listens to the pool is gone
        host.it.detach()
        host.rollback()
    assert here.last() == REFUSED


def test_refusals_wait_in_their_order(here: Shop) -> None:
    with here.begin("Connection") as host:
        with here.mall.joined(host.it) as m:
            for number in range(3):
                shop.refusal(shop.ship, m, here.id, parcel=f"p{number}")
        host.commit()
        host.leave()
    parcels = [e["args"]["parcel"] for e in here.mall.journal("order", here.id)[-3:]]
    assert parcels == ["p0", "p1", "p2"]


# What can't be joined


def not_joined(at: Shop, host: Any, why: str = r"engine\.begin\(\)") -> None:
    """Check that a host without a transaction is told how to open one, in both languages."""
    with pytest.raises(NotInTransaction, match=why) as wrong, at.mall.joined(host):
        pass
    assert "没有打开的事务" in wrong.value.text.zh


def test_a_connection_without_a_transaction_is_not_joined(here: Shop) -> None:
    with engine_of(here.url) as engine, engine.connect() as connection:
        not_joined(here, connection)
        connection.execute(text("SELECT 1"))
        connection.commit()
        not_joined(here, connection)


def test_a_closed_connection_is_not_joined(here: Shop) -> None:
    with engine_of(here.url) as engine:
        connection = engine.connect()
        connection.close()
        not_joined(here, connection)


def test_a_session_without_a_transaction_is_not_joined(here: Shop) -> None:
    with engine_of(here.url) as engine, Session(engine) as session:
        not_joined(here, session, r"session\.begin\(\)")
        session.begin()
        session.commit()
        not_joined(here, session)


NO_TRANSACTION: list[tuple[str, str, dict[str, Any]]] = [
    ("sqlite", "", {}),
    ("sqlite", "", {"isolation_level": None}),
    ("sqlite", "", {"isolation_level": "IMMEDIATE"}),
    ("postgresql", "", {"autocommit": True}),
    ("mariadb", "", {"autocommit": True}),
]


@pytest.mark.parametrize(("name", "first", "more"), NO_TRANSACTION)
def test_a_raw_connection_without_a_transaction_is_not_joined(
    malls: Callable[[str], Shop], name: str, first: str, more: dict[str, Any]
) -> None:
    at = with_order(malls(name))
    raw = raw_of(at.url, **more)
    with closing(raw):
        not_joined(at, raw, "transaction.atomic")
    not_joined(at, raw)


def test_a_connection_that_commits_by_itself_is_not_joined(here: Shop) -> None:
    with engine_of(here.url) as engine, engine.connect() as connection:
        by_itself = connection.execution_options(isolation_level="AUTOCOMMIT")
        by_itself.begin()
        not_joined(here, by_itself)


@pytest.mark.parametrize("how", ["isolation_level", "execution_options"])
def test_an_engine_that_commits_by_itself_is_not_joined(here: Shop, how: str) -> None:
    given: Any = "AUTOCOMMIT" if how == "isolation_level" else {"isolation_level": "AUTOCOMMIT"}
    with engine_of(here.url, **{how: given}) as engine, engine.connect() as connection:
        connection.begin()
        not_joined(here, connection)
    with engine_of(here.url, **{how: given}) as engine, Session(engine) as session:
        session.begin()
        not_joined(here, session)


def test_after_the_hosts_end_inside_the_block_nothing_more_is_done(hosted: Hosted) -> None:
    at, host = hosted
    with at.mall.joined(host.it) as m:
        at.succeed(m)
        host.commit()
        with pytest.raises((NotInTransaction, Conflict)):
            shop.ship(m, at.id)
    assert at.last()[0] != "order.ship" or at.last()[1] == "conflict"
    assert at.mall.orders.get(at.id).goods == "accepted"
    assert at.mall.orders.get(at.id).payment == "paid"


@pytest.mark.parametrize("other", ["empty", "another mall's"])
def test_another_database_is_not_joined(here: Shop, tmp_path: Path, other: str) -> None:
    url = f"sqlite:///{tmp_path / 'other.db'}"
    if here.name != "sqlite":
        url = databases.new_database(here.name, databases.worker() + "_other")
    if other == "another mall's":
        shop.open_mall(url).close()
    with engine_of(url, poolclass=NullPool) as engine, engine.begin() as connection:
        with pytest.raises(NotJoinable, match="isn't this mall's"), here.mall.joined(connection):
            pass
        assert connection.execute(text("SELECT 1")).scalar() == 1
    with closing(raw_of(url)) as raw:
        if here.name == "sqlite":
            raw.execute("BEGIN")
        with pytest.raises(NotJoinable, match="isn't this mall's"), here.mall.joined(raw):
            pass


def test_a_sqlite_in_memory_is_not_joined(malls: Callable[[str], Shop]) -> None:
    at = malls("sqlite")
    with (
        engine_of("sqlite://") as engine, engine.begin() as connection,
        pytest.raises(NotJoinable, match="isn't this mall's"), at.mall.joined(connection),
    ):
        pass


@pytest.mark.servers
def test_a_connection_to_another_kind_of_database_is_named(
    malls: Callable[[str], Shop], here: Shop
) -> None:
    for at in [malls(name) for name in databases.NAMES if name != here.name]:
        with engine_of(at.url) as engine, engine.begin() as connection:
            wrong = rf"not a Connection \({at.name}\)"
            with pytest.raises(NotJoinable, match=wrong), here.mall.joined(connection):
                pass
        with closing(raw_of(at.url)) as raw, pytest.raises(NotJoinable), here.mall.joined(raw):
            pass


def test_what_is_no_connection_is_named_and_not_joined(here: Shop) -> None:
    with engine_of(here.url) as engine:
        for wrong in (None, here.url, 5, engine, object()):
            name = type(wrong).__name__
            with pytest.raises(NotJoinable, match=f"not a {name}") as said:
                here.mall.joined(wrong).__enter__()
            assert name in said.value.text.zh
            assert "只能加入" in said.value.text.zh


def test_a_mall_in_memory_is_not_joined(here: Shop) -> None:
    with (
        shop.open_mall() as mall,
        here.begin("Connection") as host,
        pytest.raises(NotJoinable, match="memory"),
        mall.joined(host.it),
    ):
        pass


# What isn't joined, while something is


def batched(mall: Mall, id: str) -> None:
    with mall.batch() as m:
        shop.pay(m, id)


def opened(mall: Mall, id: str) -> None:
    """Open the mall again, with a policy that has to be kept."""
    other = shop.policy(title=id)
    url = mall.storage.url  # type: ignore[attr-defined]
    shop.open_mall(url, shop.Time(), policy=other).close()


# what would commit by itself
BY_ITSELF: dict[str, Callable[[Mall, str], Any]] = {
    "a command": shop.pay,
    "a command that would be refused": shop.ship,
    "a batch": batched,
    "settle": lambda mall, id: mall.settle(),
    "sweep": lambda mall, id: mall.sweep(),
    "relay": lambda mall, id: mall.relay(),
    "seal": lambda mall, id: mall.seal(),
    "erase_expired": lambda mall, id: mall.erase_expired(),
}


def kept(mall: Mall) -> tuple[Any, ...]:
    """What a write of any kind would change."""
    seen = mall.verify()
    return seen.entries, seen.roots, mall.messages("pending", "delivered", "dead")


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_nothing_commits_by_itself_while_a_handle_is_open(hosted: Hosted, end: str) -> None:
    at, host = hosted
    with at.mall.joined(host.it) as m:
        at.fail(m)
        before = kept(at.mall)
        for what, act in BY_ITSELF.items():
            with shop.telling(what), pytest.raises(NotJoined, match="commit by itself") as error:
                act(at.mall, at.id)
            assert error.value.code == "not-joined"
            assert "自行提交" in error.value.text.zh
        assert kept(at.mall) == before
        at.mall.orders.get(at.id)
        assert at.mall.may.orders.cancel(at.id, reason="x", by=shop.CUSTOMER).allowed
        at.succeed(m)
    getattr(host, end)()
    at.settled(host)
    moved = [e["what"] for e in at.mall.journal("order", at.id) if e["outcome"] == "moved"]
    assert moved.count("order.pay") == (1 if end == "commit" else 0)
    shop.refusal(at.mall.orders.cancel, at.id, reason="x", by=shop.STRANGER)
    assert at.mall.verify().passed


def test_the_same_mall_opened_twice_is_one_and_an_opening_that_writes_is_not_joined(
    here: Shop,
) -> None:
    with (
        shop.open_mall(here.url, here.time) as again,
        here.begin("Connection") as host,
        here.mall.joined(host.it) as m,
    ):
        with pytest.raises(NotJoined, match="the mall main is joined"):
            shop.pay(again, here.id)
        with pytest.raises(NotJoined):
            opened(here.mall, here.id)
        here.succeed(m)
        host.rollback()
        host.leave()
    assert here.last() == BEFORE


@pytest.mark.servers
@pytest.mark.parametrize("name", ["postgresql", "mariadb"])
def test_another_code_another_thread_and_what_was_begun_elsewhere_go_on(
    malls: Callable[[str], Shop], name: str
) -> None:
    at, there, task = (with_order(malls(name)) for _ in range(3))
    elsewhere = copy_context()
    with (
        shop.open_mall(at.url, at.time, code="other") as other,
        at.begin("Connection") as host,
        at.mall.joined(host.it) as m,
    ):
        shop.staff(other)
        shop.place(other, at.id)
        thread = threading.Thread(target=shop.pay, args=(at.mall, there.id))
        thread.start()
        thread.join(30)
        elsewhere.run(shop.pay, at.mall, task.id)
        inside = copy_context()
        with pytest.raises(NotJoined):
            inside.run(shop.pay, at.mall, there.id)
        at.succeed(m)
        host.rollback()
        host.leave()
        assert other.orders.get(at.id).payment == "unpaid"
    assert [x.last() for x in (at, there, task)] == [BEFORE, PAID, PAID]
    inside.run(shop.pay, at.mall, at.id)
    assert at.last() == PAID


def test_another_database_goes_on(here: Shop, tmp_path: Path) -> None:
    with (
        shop.open_mall(f"sqlite:///{tmp_path / 'another.db'}", here.time) as another,
        here.begin("Connection") as host,
        here.mall.joined(host.it) as m,
    ):
        here.succeed(m)
        shop.staff(another)
        shop.place(another, here.id)
        host.commit()
    assert here.last() == PAID


@pytest.mark.servers
@pytest.mark.parametrize("name", ["postgresql", "mariadb"])  # SQLite's one writer is the batch
def test_a_batch_that_was_open_before_a_handle_stands_still_until_it_is_closed(
    malls: Callable[[str], Shop], name: str
) -> None:
    at = with_order(malls(name))
    with at.mall.batch() as batch:
        with at.begin("Connection") as host, at.mall.joined(host.it):
            with pytest.raises(NotJoined):
                shop.pay(batch, at.id)
            host.rollback()
        shop.pay(batch, at.id)
    assert at.last() == PAID


def test_when_the_hosts_transaction_has_ended_in_the_block_the_mall_goes_on(
    hosted: Hosted,
) -> None:
    at, host = hosted
    with at.mall.joined(host.it):
        host.rollback()
        shop.pay(at.mall, at.id)
    assert at.last() == PAID


def test_an_error_in_the_block_closes_the_handle(here: Shop) -> None:
    with here.begin("Connection") as host:
        with pytest.raises(ZeroDivisionError), here.mall.joined(host.it):
            raise ZeroDivisionError
        host.rollback()
        host.leave()
    shop.pay(here.mall, here.id)
    assert here.last() == PAID


# What a savepoint can't mend


SEEING: list[tuple[str, dict[str, Any]]] = [
    ("sqlite", {"begin": "BEGIN"}),
    *(("postgresql", {"isolation_level": level})
      for level in ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")),
    *(("mariadb", {"isolation_level": level})
      for level in ("READ COMMITTED", "REPEATABLE READ")),
]
Do = Callable[[Any, str], Any]


def settles(m: Any, id: str) -> None:
    """Nothing before the host's transaction."""


def assign(m: Any, id: str) -> None:
    m.assignments.appoint(f"m-{id}", shop.AGENT.id, by=shop.OPERATIONS)


def dismiss(m: Any, id: str) -> None:
    m.assignments.dismiss(f"m-{id}", shop.AGENT.id, by=shop.OPERATIONS)


def hand_over(m: Any, id: str) -> None:
    m.orders.hand_over(f"B-{id}", to=shop.AGENT.id, by=shop.SERVICE)


def cancel(m: Any, id: str) -> None:
    m.orders.cancel(id, reason="x", by=shop.CUSTOMER)


def decline(m: Any, id: str) -> None:
    m.orders.decline(id, reason="x", by=shop.MERCHANT)


def pay(m: Any, id: str) -> None:
    shop.pay(m, id)


def pay_with_key(m: Any, id: str) -> None:
    m.orders.paid(id, 27000, f"pay-{id}", by=shop.PAYMENTS, key=f"k-{id}")


def refuse(m: Any, id: str) -> None:
    shop.refusal(shop.ship, m, id)


def place_with(m: Any, id: str) -> None:
    shop.place(m, f"N-{id}")


# what stood before, what somebody else does after the host's snapshot, what the host then does,
# and whether that is allowed by what stands now
STALE: dict[str, tuple[Do, Do, Do, bool]] = {
    "the record itself": (settles, cancel, decline, False),
    "a record that is looked up": (assign, dismiss, hand_over, False),
    "a record that was not there": (settles, assign, hand_over, True),
    "the chain": (settles, refuse, pay, True),
    "the record that is to be made": (settles, place_with, place_with, False),
    "a reference": (settles, pay, pay, False),
    "a key": (settles, pay_with_key, pay_with_key, True),
}


@pytest.mark.parametrize("way", ["Connection", "Session"])
@pytest.mark.parametrize("what", STALE)
@pytest.mark.parametrize(
    ("name", "more"), SEEING, ids=[" ".join([n, *map(str, m.values())]) for n, m in SEEING]
)
def test_what_changed_after_the_hosts_snapshot_never_decides_as_it_was(
    malls: Callable[[str], Shop], name: str, more: dict[str, Any], what: str, way: str
) -> None:
    before, meanwhile, then, allowed = STALE[what]
    at = with_order(malls(name))
    mall = at.mall
    shop.place(mall, f"B-{at.id}", merchant=f"m-{at.id}")
    before(mall, at.id)

    def attempt(between: Callable[[], Any]) -> str:
        with engine_of(at.url, **more) as engine, ExitStack() as opened:
            host: Any = opened.enter_context(
                engine.connect() if way == "Connection" else Session(engine)
            )
            host.begin()
            host.execute(text("SELECT count(*) FROM host")).scalar()
            host.execute(text("SELECT count(*) FROM eldermall_entries")).scalar()
            between()
            with mall.joined(host) as m:
                try:
                    then(m, at.id)
                except Conflict as conflict:
                    return "again" if conflict.retry == "transaction" else "in vain"
                except Exception as error:  # noqa: BLE001
                    return type(error).__name__
            host.commit()
            return "allowed"

    right = "allowed" if allowed else "Refused"
    first = attempt(lambda: meanwhile(mall, at.id))
    assert first in ("again", right)
    if name == "postgresql" and "READ COMMITTED" in more.values():
        assert first == right
    mall.settle()
    if first == "again":
        assert attempt(lambda: None) == right
    mall.settle()
    assert mall.verify().passed


def test_a_lock_that_another_holds_is_a_conflict_of_the_transaction(here: Shop) -> None:
    options: dict[str, dict[str, Any]] = {
        "sqlite": {"connect_args": {"timeout": 0.02}},
        "postgresql": {"connect_args": {"options": "-c lock_timeout=20"}},
        "mariadb": {"connect_args": {"init_command": "SET innodb_lock_wait_timeout=1"}},
    }
    quick = options[here.name]
    with engine_of(here.url, **quick) as engine, engine.connect() as connection, locked(here):
        connection.begin()
        with pytest.raises(Conflict) as conflict, here.mall.joined(connection) as m:
            here.succeed(m)
        assert conflict.value.retry == "transaction"
    assert here.mall.orders.get(here.id).payment == "unpaid"


@pytest.mark.parametrize("way", ["Connection", "begun Session", "psycopg"])
@pytest.mark.servers
def test_a_transaction_that_postgresql_has_given_up_is_not_joined(
    malls: Callable[[str], Shop], way: str
) -> None:
    at = with_order(malls("postgresql"))
    with at.begin(way) as host:
        with pytest.raises(Exception, match="division by zero"):
            host.say("SELECT 1/0")
        with pytest.raises(StorageError), at.mall.joined(host.it) as m:
            at.succeed(m)
        host.rollback()
        host.say("SELECT 1")
        with at.mall.joined(host.it) as m:
            at.succeed(m)
        host.it.commit()
    assert at.last() == PAID


def test_an_error_of_the_hosts_own_in_the_block_leaves_what_we_did_to_the_hosts_rollback(
    here: Shop,
) -> None:
    with here.begin("Connection") as host:
        with here.mall.joined(host.it) as m:
            here.succeed(m)
            with pytest.raises(Exception, match="nowhere"):
                host.say("SELECT * FROM nowhere")
        host.rollback()
    assert here.last() == BEFORE


@pytest.mark.parametrize("way", ["Connection", "begun Session", "PyMySQL"])
@pytest.mark.servers
def test_a_transaction_that_mariadb_has_rolled_back_to_end_a_deadlock_is_to_be_begun_again(
    malls: Callable[[str], Shop], way: str
) -> None:
    at, other = (with_order(malls("mariadb")) for _ in range(2))
    holds = threading.Event()

    def heavier() -> None:
        """Hold the other order and wait for this one; having written more, it isn't the victim."""
        with engine_of(at.url) as engine, engine.begin() as c:
            for number in range(200):
                c.execute(text(f"INSERT INTO host VALUES ('heavy-{at.id}-{number}')"))
            c.execute(text(ROW.format(other.id))).all()
            holds.set()
            c.execute(text(ROW.format(at.id))).all()

    thread = threading.Thread(target=heavier)
    with at.begin(way) as host, at.mall.joined(host.it) as m:
        at.write(host)
        at.succeed(m)
        thread.start()
        assert holds.wait(30)
        with pytest.raises(Conflict) as conflict:
            shop.pay(m, other.id)
        assert conflict.value.retry == "transaction"
        with pytest.raises(Conflict) as conflict:
            shop.ship(m, at.id)
        assert conflict.value.retry == "transaction"
        assert "begin it again" in str(conflict.value)
        host.commit()
    thread.join(30)
    at.mall.settle()
    assert at.rows() == 0
    assert at.mall.orders.get(at.id).payment == "unpaid"
    assert at.mall.orders.get(other.id).payment == "unpaid"
    assert at.mall.verify().passed


SNAPSHOT = "SET SESSION innodb_snapshot_isolation = ON"  # the default of newer releases


def lost_in_ours(at: Shop, host: Host, m: Any) -> None:
    """Let our statement touch a record that somebody else has moved since the host's snapshot."""
    result(start(lambda: cancel(at.mall, at.id)))
    with pytest.raises(Conflict) as conflict:
        shop.pay(m, at.id)
    assert conflict.value.retry == "transaction"


def lost_in_theirs(at: Shop, host: Host, m: Any) -> None:
    """Let the host's own statement do so; the host passes over its error."""
    result(start(lambda: cancel(at.mall, at.id)))
    with pytest.raises(Exception, match="Record has changed since last read"):
        host.say(ROW.format(at.id))


@pytest.mark.servers
@pytest.mark.parametrize("goes_on", [False, True], ids=["at once", "after more of the host's"])
@pytest.mark.parametrize("lose", [lost_in_ours, lost_in_theirs])
@pytest.mark.parametrize("way", ["Connection", "begun Session", "PyMySQL"])
def test_nothing_goes_on_in_a_transaction_that_mariadb_has_rolled_back(
    malls: Callable[[str], Shop], way: str, lose: Callable[[Shop, Host, Any], None], goes_on: bool
) -> None:
    if way == "PyMySQL" and lose is lost_in_theirs and goes_on:
        pytest.skip("nobody hears of the errors of a driver's own connection")
    at, there = (with_order(malls("mariadb")) for _ in range(2))
    with at.begin(way) as host:
        host.say(SNAPSHOT)
        at.write(host)
        host.say("SELECT * FROM host")
        with at.mall.joined(host.it) as m:
            lose(at, host, m)
            if goes_on:
                there.write(host)
            for _ in range(2):
                with pytest.raises(Conflict, match="begin it again") as conflict:
                    shop.pay(m, there.id)
                assert conflict.value.retry == "transaction"
        if lose is lost_in_ours or way != "PyMySQL":
            for _ in range(2):
                with (
                    pytest.raises(Conflict, match="begin it again") as conflict,
                    at.mall.joined(host.it),
                ):
                    pass
                assert conflict.value.retry == "transaction"
        host.rollback()
        host.say("SELECT 1")
        with at.mall.joined(host.it) as m:
            shop.pay(m, there.id)
        host.it.commit()
    at.settled(host)
    assert (at.rows(), there.rows()) == (0, 0)
    assert at.mall.orders.get(at.id).payment == "unpaid"
    assert there.mall.orders.get(there.id).payment == "paid"


@pytest.mark.servers
@pytest.mark.parametrize("way", ["Connection", "begun Session", "PyMySQL"])
def test_an_error_of_the_hosts_that_loses_nothing_on_mariadb_stops_nothing(
    malls: Callable[[str], Shop], way: str
) -> None:
    at = with_order(malls("mariadb"))
    with at.begin(way) as host, at.mall.joined(host.it) as m:
        for wrong in ("SELECT * FROM nowhere", "INSERT INTO host VALUES (1, 2)"):
            with pytest.raises(Exception, match=r"nowhere|count"):
                host.say(wrong)
        at.write(host)
        at.succeed(m)
        with pytest.raises(Exception, match="nowhere"):
            host.say("SELECT * FROM nowhere")
        with at.mall.joined(host.it) as again:
            shop.ship(again, at.id)
        host.commit()
    assert (at.rows(), at.mall.orders.get(at.id).goods) == (1, "shipped")


@pytest.mark.parametrize("begin", [None, "BEGIN IMMEDIATE"])
def test_nothing_goes_on_in_a_transaction_that_sqlite_has_rolled_back(
    malls: Callable[[str], Shop], begin: str | None
) -> None:
    at = with_order(malls("sqlite"))
    with engine_of(at.url, begin) as engine, engine.connect() as c:
        c.execute(text(f"CREATE TABLE IF NOT EXISTS one_{at.id} (it INTEGER PRIMARY KEY)"))
        c.commit()
        c.execute(text(f"INSERT INTO one_{at.id} VALUES (1)"))
        with at.mall.joined(c) as m:
            at.succeed(m)
            with pytest.raises(Exception, match="UNIQUE"):
                c.execute(text(f"INSERT OR ROLLBACK INTO one_{at.id} VALUES (1)"))
            for _ in range(2):
                with pytest.raises(Conflict, match="begin it again") as conflict:
                    shop.ship(m, at.id)
                assert conflict.value.retry == "transaction"
        c.rollback()
    at.mall.settle()
    assert at.mall.orders.get(at.id).payment == "unpaid"


def test_a_handle_ends_with_the_transaction_it_was_opened_in_though_the_host_begins_another(
    here: Shop,
) -> None:
    with engine_of(here.url) as engine, engine.connect() as c:
        c.begin()
        with here.mall.joined(c) as m:
            here.succeed(m)
            c.commit()
            c.execute(text(f"INSERT INTO host VALUES ('{here.id}')"))
            with pytest.raises(NotInTransaction):
                shop.ship(m, here.id)
            c.rollback()
    assert (here.rows(), here.last()) == (0, PAID)


@pytest.mark.parametrize("name", databases.NAMES)
def test_a_savepoint_of_ours_on_a_raw_connection_leaves_the_hosts_own_alone(
    malls: Callable[[str], Shop], name: str
) -> None:
    at = with_order(malls(name))
    begin = {"begin": "BEGIN"} if name == "sqlite" else {}
    with engine_of(at.url, **begin) as engine, engine.begin() as c:
        nested = c.begin_nested()
        c.execute(text(f"INSERT INTO host VALUES ('{at.id}')"))
        with at.mall.joined(c.connection.driver_connection) as m:
            at.succeed(m)
        nested.rollback()
    assert (at.rows(), at.last()) == (0, BEFORE)

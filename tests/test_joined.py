"""Inside a transaction of the host's: both commit, or nothing of either; refusals stand."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from eldermall import Conflict, Mall, NotInTransaction, NotJoinable, Technical, moment
from tests import shop

SPAWN = multiprocessing.get_context("spawn")
KINDS = ("default", "explicit")


def host_engine(url: str, kind: str, begin: str = "BEGIN IMMEDIATE") -> Engine:
    """Return SQLAlchemy's default engine, or one that begins transactions itself."""
    engine = create_engine(url)
    if kind == "explicit":
        event.listen(engine, "connect", lambda raw, _: setattr(raw, "isolation_level", None))
        event.listen(engine, "begin", lambda c: c.exec_driver_sql(begin))
    return engine


def host_writes(connection: Connection) -> None:
    connection.execute(text("INSERT INTO host VALUES ('row')"))


def host_rows(url: str) -> int:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as raw:
        return int(raw.execute("SELECT count(*) FROM host").fetchone()[0])


def succeed(m: Any) -> None:
    shop.pay(m)


def fail(m: Any) -> None:
    assert shop.refusal(shop.ship, m).rules == ("shipping.paid-first@1",)


def both(mall: Mall, connection: Connection, first: str, act: Callable[[Any], None]) -> None:
    """Let the host and us write in one transaction, in either order."""
    if first == "host":
        host_writes(connection)
    with mall.joined(connection) as m:
        act(m)
    if first == "ours":
        host_writes(connection)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'mall.db'}"


@pytest.fixture
def mall(url: str, time: shop.Time) -> Iterator[Mall]:
    """A mall with an accepted, unpaid order, in a file where the host has a table."""
    with shop.open_mall(url, time, technical=Technical(settle_patience=0.02)) as mall:
        shop.staff(mall)
        shop.place(mall)
        shop.accept(mall)
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as raw:
            raw.execute("CREATE TABLE host (it TEXT)")
        yield mall


@pytest.fixture(params=KINDS)
def host(request: pytest.FixtureRequest, url: str, mall: Mall) -> Iterator[Engine]:
    engine = host_engine(url, request.param)
    yield engine
    engine.dispose()


def last(mall: Mall) -> tuple[str, str]:
    entry = mall.journal("order", "A1")[-1]
    return entry["what"], entry["outcome"]


BEFORE = ("order.accept", "moved")
REFUSED = ("order.ship", "refused")
FIRST = pytest.mark.parametrize("first", ["ours", "host"])


# The host commits, rolls back, dies


@FIRST
def test_our_move_and_the_hosts_row_commit_together(
    mall: Mall, url: str, host: Engine, first: str
) -> None:
    with host.begin() as connection:
        both(mall, connection, first, succeed)
        assert host_rows(url) == 0
        assert last(mall) == BEFORE
    assert host_rows(url) == 1
    assert last(mall) == ("order.pay", "moved")
    assert mall.orders.get("A1").payment == "paid"
    assert mall.verify().passed


@FIRST
def test_no_move_of_ours_survives_a_rollback(
    mall: Mall, url: str, host: Engine, first: str
) -> None:
    before = mall.verify().entries
    with host.connect() as connection:
        connection.begin()
        both(mall, connection, first, succeed)
        connection.rollback()
    assert host_rows(url) == 0
    assert mall.orders.get("A1").payment == "unpaid"
    assert mall.verify().entries == before
    shop.pay(mall)


@FIRST
def test_no_move_of_ours_survives_an_error_of_the_hosts(
    mall: Mall, url: str, host: Engine, first: str
) -> None:
    def broken() -> None:
        with host.begin() as connection:
            both(mall, connection, first, succeed)
            raise RuntimeError("the host is broken")

    with pytest.raises(RuntimeError):
        broken()
    assert (host_rows(url), last(mall)) == (0, BEFORE)


@FIRST
def test_a_refusal_stands_when_the_host_commits(
    mall: Mall, url: str, host: Engine, first: str
) -> None:
    with host.begin() as connection:
        both(mall, connection, first, fail)
    assert (host_rows(url), last(mall)) == (1, REFUSED)
    assert mall.verify().passed


@FIRST
def test_a_refusal_stands_when_the_host_rolls_back(
    mall: Mall, url: str, host: Engine, first: str
) -> None:
    with host.connect() as connection:
        connection.begin()
        both(mall, connection, first, fail)
        connection.rollback()
    assert (host_rows(url), last(mall)) == (0, REFUSED)


@FIRST
def test_a_refusal_after_a_move_takes_nothing_of_the_move_with_it(
    mall: Mall, url: str, host: Engine, first: str
) -> None:
    def act(m: Any) -> None:
        succeed(m)
        shop.ship(m, lines={"tea": 1})
        shop.refusal(shop.ship, m, lines={"tea": 3}, parcel="p2")
        shop.ship(m, lines={"tea": 2}, parcel="p3")

    with host.begin() as connection:
        both(mall, connection, first, act)
    assert mall.orders.get("A1").line("tea").shipped == 3
    assert last(mall) == REFUSED
    assert mall.verify().passed


def die(url: str, kind: str, first: str, act: Callable[[Any], None]) -> None:
    mall = shop.open_mall(url)
    connection = host_engine(url, kind).connect()
    connection.begin()
    both(mall, connection, first, act)
    os.kill(os.getpid(), signal.SIGKILL)


@FIRST
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("act", [succeed, fail])
def test_no_move_of_ours_survives_the_hosts_death_before_its_commit(
    mall: Mall, url: str, kind: str, first: str, act: Callable[[Any], None]
) -> None:
    process = SPAWN.Process(target=die, args=(url, kind, first, act))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert (host_rows(url), last(mall)) == (0, BEFORE)
    assert mall.verify().passed
    shop.pay(mall)


def test_a_rollback_to_the_hosts_own_savepoint_takes_our_move_with_it(
    mall: Mall, url: str, host: Engine
) -> None:
    with host.begin() as connection:
        host_writes(connection)
        nested = connection.begin_nested()
        with mall.joined(connection) as m:
            succeed(m)
        nested.rollback()
    assert (host_rows(url), last(mall)) == (1, BEFORE)


def test_what_was_done_in_the_transaction_is_seen_in_it_and_nowhere_else(
    mall: Mall, host: Engine
) -> None:
    with host.begin() as connection, mall.joined(connection) as m:
        succeed(m)
        assert m.orders.get("A1").payment == "paid"
        assert mall.orders.get("A1").payment == "unpaid"


def test_a_key_used_in_a_transaction_that_was_rolled_back_is_not_used_up(
    mall: Mall, host: Engine
) -> None:
    def pay(m: Any, amount: int) -> None:
        m.orders.paid("A1", amount, "ref", by=shop.PAYMENTS, key="k")

    with host.connect() as connection:
        connection.begin()
        with mall.joined(connection) as m:
            pay(m, 27000)
        connection.rollback()
    mall.orders.paid("A1", 27000, "other", by=shop.PAYMENTS, key="k")
    assert mall.orders.get("A1").payment == "paid"


# When refusals are written


def test_a_refusal_is_written_when_the_with_block_ends_after_the_hosts_transaction(
    mall: Mall, host: Engine
) -> None:
    with host.connect() as connection:
        connection.begin()
        with mall.joined(connection) as m:
            fail(m)
            assert last(mall) == BEFORE
            connection.commit()
        assert last(mall) == REFUSED


@pytest.mark.parametrize("pool", [None, NullPool])
def test_a_refusal_is_written_when_the_connection_goes_back(
    mall: Mall, url: str, pool: Any
) -> None:
    engine = create_engine(url, poolclass=pool)
    connection = engine.connect()
    connection.begin()
    with mall.joined(connection) as m:
        fail(m)
    connection.rollback()
    assert last(mall) == BEFORE
    connection.close()
    assert last(mall) == REFUSED
    engine.dispose()


def test_a_refusal_says_when_it_was_refused_and_when_it_was_written(
    mall: Mall, host: Engine, time: shop.Time
) -> None:
    with host.begin() as connection:
        with mall.joined(connection) as m:
            fail(m)
        time.pass_(minutes=7)
    entry = mall.journal("order", "A1")[-1]
    assert moment(entry["recorded"]) - moment(entry["at"]) == timedelta(minutes=7)


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Hold the write lock of the file from elsewhere."""
    with closing(
        sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    ) as raw:
        raw.execute("BEGIN IMMEDIATE")
        yield
        raw.execute("ROLLBACK")


@contextmanager
def refused_and_locked(mall: Mall, url: str) -> Iterator[None]:
    """Leave a refusal waiting because somebody else holds the lock when it would be written."""
    engine = create_engine(url)
    connection = engine.connect()
    connection.begin()
    with mall.joined(connection) as m:
        fail(m)
    connection.rollback()
    with locked(url):
        connection.close()
        assert last(mall) == BEFORE
        yield
    engine.dispose()


def test_settle_says_so_when_somebody_else_holds_the_lock_and_the_refusal_goes_on_waiting(
    mall: Mall, url: str
) -> None:
    with refused_and_locked(mall, url), pytest.raises(Conflict, match="locked"):
        mall.settle()
    assert last(mall) == BEFORE
    assert mall.settle() == 1
    assert last(mall) == REFUSED
    assert mall.settle() == 0


@pytest.mark.parametrize(
    "then",
    [
        shop.pay,
        lambda mall: mall.sweep(),
        lambda mall: mall.relay(),
        lambda mall: mall.seal(),
        lambda mall: mall.settle(),
        lambda mall: mall.close(),
    ],
    ids=["command", "sweep", "relay", "seal", "settle", "close"],
)
def test_a_waiting_refusal_is_written_with_the_next_thing_that_happens(
    mall: Mall, url: str, then: Callable[[Mall], Any]
) -> None:
    with refused_and_locked(mall, url):
        pass
    then(mall)
    with shop.open_mall(url) as other:
        outcomes = [(e["what"], e["outcome"]) for e in other.journal("order", "A1")]
        assert outcomes[4] == REFUSED
        assert outcomes.count(REFUSED) == 1
        assert other.verify().passed


def test_refusals_wait_in_their_order(mall: Mall, host: Engine) -> None:
    with host.begin() as connection, mall.joined(connection) as m:
        for number in range(3):
            shop.refusal(shop.ship, m, parcel=f"p{number}")
    parcels = [e["args"]["parcel"] for e in mall.journal("order", "A1")[-3:]]
    assert parcels == ["p0", "p1", "p2"]


# What can't be joined


def test_a_connection_without_a_transaction_is_not_joined(mall: Mall, host: Engine) -> None:
    with (
        host.connect() as connection,
        pytest.raises(NotInTransaction, match=r"engine\.begin\(\)"),
        mall.joined(connection),
    ):
        pass


def test_a_closed_connection_is_not_joined(mall: Mall, host: Engine) -> None:
    connection = host.connect()
    connection.close()
    with pytest.raises(NotInTransaction), mall.joined(connection):
        pass


def test_a_connection_that_commits_by_itself_is_not_joined(mall: Mall, url: str) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        by_itself = connection.execution_options(isolation_level="AUTOCOMMIT")
        by_itself.begin()
        with pytest.raises(NotInTransaction), mall.joined(by_itself):
            pass
    engine.dispose()


@pytest.mark.parametrize("how", ["isolation_level", "execution_options"])
def test_an_engine_that_commits_by_itself_is_not_joined(
    mall: Mall, url: str, how: str
) -> None:
    given: Any = "AUTOCOMMIT" if how == "isolation_level" else {"isolation_level": "AUTOCOMMIT"}
    engine = create_engine(url, **{how: given})
    with engine.connect() as connection:
        connection.begin()
        with pytest.raises(NotInTransaction), mall.joined(connection):
            pass
    engine.dispose()


def test_after_the_hosts_commit_inside_the_block_nothing_more_is_done(
    mall: Mall, host: Engine
) -> None:
    with host.connect() as connection:
        connection.begin()
        with mall.joined(connection) as m:
            succeed(m)
            connection.commit()
            with pytest.raises(NotInTransaction):
                shop.ship(m)
    assert last(mall) == ("order.pay", "moved")


@pytest.mark.parametrize("other", ["sqlite://", "empty", "another mall"])
def test_another_database_is_not_joined(mall: Mall, tmp_path: Path, other: str) -> None:
    url = other if other.startswith("sqlite") else f"sqlite:///{tmp_path / 'other.db'}"
    if other == "another mall":
        shop.open_mall(url).close()
    engine = create_engine(url)
    with (
        engine.begin() as connection,
        pytest.raises(NotJoinable, match="isn't this mall's"),
        mall.joined(connection),
    ):
        pass
    engine.dispose()


def test_what_is_no_connection_is_not_joined(mall: Mall, url: str, host: Engine) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as raw, Session(host) as session:
        for wrong in (None, url, host, raw, session):
            with pytest.raises(NotJoinable, match=type(wrong).__name__), mall.joined(wrong):
                pass


def test_a_mall_in_memory_is_not_joined(url: str, host: Engine) -> None:
    with (
        shop.open_mall() as mall,
        host.begin() as connection,
        pytest.raises(NotJoinable, match="memory"),
        mall.joined(connection),
    ):
        pass


# What a savepoint can't mend


def test_a_transaction_that_read_before_others_wrote_is_to_be_done_again_whole(
    mall: Mall, url: str
) -> None:
    engine = host_engine(url, "explicit", "BEGIN")

    def attempt(between: Callable[[], Any]) -> None:
        with engine.begin() as connection:
            connection.execute(text("SELECT * FROM host"))
            connection.execute(text("SELECT count(*) FROM eldermall_entries"))
            between()
            host_or_ours(connection)

    def host_or_ours(connection: Connection) -> None:
        with mall.joined(connection) as m:
            succeed(m)

    with pytest.raises(Conflict) as conflict:
        attempt(lambda: shop.place(mall, "A2"))
    assert conflict.value.retry == "transaction"
    assert last(mall) == ("order.pay", "conflict")
    assert mall.orders.get("A1").payment == "unpaid"
    attempt(lambda: None)
    assert mall.orders.get("A1").payment == "paid"
    assert mall.verify().passed
    engine.dispose()


def test_a_lock_that_another_holds_is_a_conflict_of_the_transaction(mall: Mall, url: str) -> None:
    engine = create_engine(url, connect_args={"timeout": 0.02})
    with engine.connect() as connection, locked(url):
        connection.begin()
        with pytest.raises(Conflict) as conflict, mall.joined(connection) as m:
            succeed(m)
        assert conflict.value.retry == "transaction"
    assert mall.orders.get("A1").payment == "unpaid"
    engine.dispose()

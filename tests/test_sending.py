"""How statements are sent: past Core where nobody would notice, by Core where somebody would."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import ResourceClosedError

from eldermall import Mall, StorageError
from eldermall.adapters.storage.sql.sending import ByCore, ByCursor, ByDriver, Sender
from eldermall.adapters.storage.sql.statements import MOST
from eldermall.contracts.storage import RecordRow, Transaction
from tests import databases, shop


@pytest.fixture(params=databases.NAMES)
def mall(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mall]:
    url = databases.url_of(request.param, tmp_path)
    with shop.open_mall(url) as opened:
        shop.staff(opened)
        shop.place(opened)
        yield opened


def sender_of(tx: Transaction) -> Sender:
    sender: Sender = tx._send  # type: ignore[attr-defined]
    return sender


def engine_of(mall: Mall) -> Any:
    return mall.storage.engine  # type: ignore[attr-defined]


def nothing(*_: object) -> None:
    """Hear and do nothing."""


@pytest.mark.parametrize(
    "what",
    ["before_execute", "after_execute", "before_cursor_execute", "after_cursor_execute"],
)
def test_whoever_listens_to_our_engine_hears_everything(mall: Mall, what: str) -> None:
    heard: list[object] = []
    with mall.read() as tx:
        assert isinstance(sender_of(tx), ByCursor)
    event.listen(engine_of(mall), what, lambda *given: heard.append(given))
    shop.pay(mall)
    assert len(heard) > 5
    with mall.read() as tx:
        assert isinstance(sender_of(tx), ByCore)


def test_an_echo_of_our_engine_tells_every_statement(
    mall: Mall, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="sqlalchemy.engine"):
        shop.pay(mall)
    told = "\n".join(record.getMessage() for record in caplog.records)
    for said in ("_record_order", "_clocks", "_entries", "_outbox"):
        assert said in told


def joined_sender(mall: Mall, connection: Connection) -> Sender:
    with mall.joined(connection) as inside:
        shop.accept(inside)
        joining = mall.storage.join(mall.code, connection, on_end=nothing)
        with joining as joined, joined.savepoint() as tx:
            return sender_of(tx)


def test_a_host_s_events_at_the_cursor_and_its_echo_know_of_ours(mall: Mall) -> None:
    host = create_engine(engine_of(mall).url)
    sent: list[str] = []
    event.listen(host, "before_cursor_execute", lambda *given: sent.append(given[2]))
    with host.connect() as connection:
        transaction = connection.begin()
        assert isinstance(joined_sender(mall, connection), ByDriver)
        transaction.rollback()
    host.dispose()
    assert any("_record_order" in sql and sql.startswith("UPDATE") for sql in sent)


@pytest.mark.parametrize("what", ["before_execute", "after_execute"])
def test_a_host_that_hears_statements_of_core_gets_these(mall: Mall, what: str) -> None:
    host = create_engine(engine_of(mall).url)
    heard: list[Any] = []
    event.listen(host, what, lambda *given: heard.append(given[1]))
    with host.connect() as connection:
        transaction = connection.begin()
        assert isinstance(joined_sender(mall, connection), ByCore)
        transaction.rollback()
    host.dispose()
    assert any(getattr(clause, "is_update", False) for clause in heard)


def test_a_host_that_translates_schemas_gets_statements_of_core(mall: Mall) -> None:
    host = create_engine(engine_of(mall).url)
    with host.connect().execution_options(schema_translate_map={"old": "new"}) as connection:
        transaction = connection.begin()
        assert isinstance(joined_sender(mall, connection), ByCore)
        transaction.rollback()
    host.dispose()


def test_a_host_with_another_style_of_parameters_gets_statements_of_core(tmp_path: Path) -> None:
    with shop.open_mall(f"sqlite:///{tmp_path}/mall.db") as mall:
        shop.staff(mall)
        shop.place(mall)
        host = create_engine(f"sqlite:///{tmp_path}/mall.db", paramstyle="named")
        with host.connect() as connection:
            transaction = connection.begin()
            assert isinstance(joined_sender(mall, connection), ByCore)
            transaction.commit()
        host.dispose()
        assert mall.orders.get("A1").goods == "accepted"


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, 9) | st.integers(MOST - 1, 2 * MOST + 1), seed=st.randoms())
def test_however_many_are_asked_for_those_that_are_there_are_found(
    mall: Mall, number: int, seed: Any
) -> None:
    ids = [f"none{n}" for n in range(number)]
    ids.insert(seed.randint(0, number), "A1")
    with mall.storage.write(mall.code) as tx:
        assert set(tx.look_up("order", ids)) == {"A1"}
        assert tx.existing("order", ids) == {"A1"}
        assert set(tx.look_up("order", ids[:0])) == set()


@pytest.mark.servers
def test_a_connection_that_was_lost_isn_t_used_again(tmp_path: Path) -> None:
    url = databases.url_of("postgresql", tmp_path)
    with shop.open_mall(url) as mall, shop.open_mall(url) as other:
        shop.staff(mall)
        shop.place(mall)
        writing = mall.storage.write(mall.code)
        tx = writing.__enter__()
        connection: Connection = tx._c  # type: ignore[attr-defined]
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        with engine_of(other).connect() as killer:
            killer.exec_driver_sql(f"SELECT pg_terminate_backend({pid})").all()
        with pytest.raises(psycopg.OperationalError) as lost:
            tx.open_clocks("order/A1")
        assert connection.invalidated
        with pytest.raises(StorageError):
            writing.__exit__(type(lost.value), lost.value, None)
        shop.pay(mall)
        assert mall.orders.get("A1").payment == "paid"


def test_no_transaction_is_used_when_it_is_over(mall: Mall) -> None:
    """Not even by chance: its connection may be another's by then."""
    with mall.storage.read(mall.code) as tx:
        tx.load("order", "A1")
    with pytest.raises(ResourceClosedError):
        tx.load("order", "A1")


def test_fields_that_one_row_leaves_out_are_kept_of_the_next(mall: Mall) -> None:
    row = partial(RecordRow, "order", version=1, before=0, open=True, pack="p", body=b"{}")
    with mall.storage.write(mall.code) as tx:
        tx.save([row(id="B1", indexed={"state": "s"})])
        tx.save([row(id="B2", indexed={"state": "s", "merchant": "m"}), row(id="B3", indexed={})])
    with mall.read() as tx:
        assert [found.id for found in tx.find("order", merchant="m")] == ["B2"]

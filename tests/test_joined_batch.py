"""Several commands behind one savepoint in a host's transaction: all of them, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError

from eldermall import Conflict, Invalid, Mall, NotInTransaction, NotJoined, Refused
from tests import databases, shop


@pytest.fixture(params=databases.NAMES)
def mall(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mall]:
    with shop.open_mall(databases.url_of(request.param, tmp_path)) as opened:
        shop.staff(opened)
        yield opened


@pytest.fixture
def host(mall: Mall) -> Iterator[Engine]:
    engine = create_engine(mall.storage.engine.url)  # type: ignore[attr-defined]
    yield engine
    engine.dispose()


def two_paid(m: Any, *ids: str) -> None:
    for id in ids:
        shop.place(m, id, key=f"place-{id}")
        shop.pay(m, id)


def in_batch(m: Any, *steps: Callable[[Any], object]) -> None:
    """Do all steps in one batch."""
    with m.batch() as batch:
        for step in steps:
            step(batch)


def archive(m: Any) -> None:
    """Do what is refused of an order that has just been placed."""
    m.orders.archive("A2", by=shop.SERVICE)


def told(mall: Mall, id: str) -> list[Any]:
    """Return what the journal says of an order, without what hangs on its id or its place."""
    entries = mall.journal("order", id)
    return [(e["what"], e["outcome"], e["at"], e.get("followed"), e["verdicts"]) for e in entries]


def test_what_a_batch_does_is_what_its_commands_do_one_by_one(mall: Mall, host: Engine) -> None:
    with host.begin() as connection, mall.joined(connection) as m:
        two_paid(m, "A1")
        with m.batch() as batch:
            two_paid(batch, "A2", "A3")
            assert batch.orders.get("A2").payment == "paid"
        assert m.orders.get("A3").payment == "paid"
        shop.accept(m, "A3")
    one, two = mall.orders.get("A1"), mall.orders.get("A2")
    assert two.model_copy(update={"id": "A1"}) == one
    assert told(mall, "A2") == told(mall, "A1")
    assert mall.orders.get("A3").goods == "accepted"
    assert mall.verify().passed


def test_it_takes_far_fewer_statements(mall: Mall, host: Engine) -> None:
    def sent(connection: Connection, *, batched: bool, ids: tuple[str, ...]) -> int:
        heard: list[str] = []
        with mall.joined(connection) as m:
            event.listen(host, "before_cursor_execute", hear := lambda *a: heard.append(a[2]))
            if batched:
                with m.batch() as batch:
                    two_paid(batch, *ids)
            else:
                two_paid(m, *ids)
            event.remove(host, "before_cursor_execute", hear)
        return len(heard)

    with host.begin() as connection:
        one_by_one = sent(connection, batched=False, ids=("A1", "A2"))
        assert sent(connection, batched=True, ids=("A3", "A4")) <= 0.62 * one_by_one


def test_what_is_refused_undoes_all_of_it_and_the_host_goes_on(mall: Mall, host: Engine) -> None:
    with host.begin() as connection, mall.joined(connection) as m:
        two_paid(m, "A1")
        with pytest.raises(Refused):
            in_batch(m, lambda batch: two_paid(batch, "A2"), archive)
        two_paid(m, "A3")
    assert {order.id for order in mall.orders.find()} == {"A1", "A3"}
    (entry,) = mall.journal("order", "A2")
    assert (entry["what"], entry["outcome"]) == ("order.archive", "refused")
    assert mall.verify().passed


def test_a_refusal_that_is_passed_over_undoes_it_all_the_same(mall: Mall, host: Engine) -> None:
    with host.begin() as connection, mall.joined(connection) as m:
        def passed_over(batch: Any) -> None:
            for step in (archive, lambda batch: shop.place(batch, "A4")):
                with pytest.raises(Refused):
                    step(batch)

        with pytest.raises(Refused):
            in_batch(m, lambda batch: two_paid(batch, "A2"), passed_over)
        assert list(m.orders.find()) == []


@pytest.mark.parametrize("error", [Invalid, ZeroDivisionError])
def test_any_error_that_leaves_it_undoes_it(
    mall: Mall, host: Engine, error: type[Exception]
) -> None:
    with host.begin() as connection, mall.joined(connection) as m:
        def wrong(batch: Any) -> None:
            shop.place(batch, "A 2" if error is Invalid else str(1 // 0))

        with pytest.raises(error):
            in_batch(m, lambda batch: two_paid(batch, "A1"), wrong)
        assert list(m.orders.find()) == []


def test_what_the_host_rolls_back_has_not_happened(mall: Mall, host: Engine) -> None:
    with host.connect() as connection:
        transaction = connection.begin()
        with mall.joined(connection) as m, m.batch() as batch:
            two_paid(batch, "A1")
        transaction.rollback()
    assert list(mall.orders.find()) == []


def test_while_it_is_open_only_its_own_handle_moves_and_reads(mall: Mall, host: Engine) -> None:
    with host.begin() as connection, mall.joined(connection) as m:
        with m.batch() as batch:
            shop.place(batch)
            for other in (
                lambda: shop.place(m, "A2"), lambda: m.orders.get("A1"), m.orders.find,
                lambda: shop.place(mall, "A3"), lambda: in_batch(m),
            ):
                with pytest.raises(NotJoined):
                    other()
        shop.pay(m)
    assert [order.id for order in mall.orders.find()] == ["A1"]
    assert mall.orders.get("A1").payment == "paid"


def test_a_version_that_isnt_there_any_more_ends_it(mall: Mall, host: Engine) -> None:
    shop.place(mall)
    with host.begin() as connection, mall.joined(connection) as m:
        def late(batch: Any) -> None:
            batch.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE, expect=7)

        with pytest.raises(Conflict):
            in_batch(m, shop.pay, late)
        assert m.orders.get("A1").payment == "unpaid"


@pytest.mark.parametrize("joined", [True, False])
def test_an_error_of_the_host_s_own_database_leaves_it_as_it_is(
    mall: Mall, host: Engine, joined: bool
) -> None:
    """Whoever repeats what was overtaken, or catches what stands twice, finds what he looks for."""
    own = OperationalError("own", None, ValueError("of another database"))

    def fail(_: Any) -> None:
        raise own

    with host.begin() as connection, ExitStack() as stack:
        m = stack.enter_context(mall.joined(connection)) if joined else mall
        with pytest.raises(OperationalError) as raised:
            in_batch(m, shop.place, fail)
    assert raised.value is own
    assert list(mall.orders.find()) == []


@pytest.mark.parametrize("joined", [True, False])
def test_a_batch_that_is_over_does_nothing(mall: Mall, host: Engine, joined: bool) -> None:
    with host.begin() as connection, ExitStack() as stack:
        m = stack.enter_context(mall.joined(connection)) if joined else mall
        with m.batch() as batch:
            shop.place(batch)
        for late in (
            lambda: shop.pay(batch), lambda: batch.orders.get("A1"), batch.orders.find,
        ):
            with pytest.raises(NotInTransaction, match="over"):
                late()
    assert mall.orders.get("A1").payment == "unpaid"


def test_no_other_handle_of_the_mall_moves_inside_it(mall: Mall, host: Engine) -> None:
    with host.begin() as connection, mall.joined(connection) as m, mall.joined(connection) as n:
        with m.batch() as batch:
            shop.place(batch)
            for other in (lambda: shop.place(n, "A2"), lambda: n.orders.get("A1")):
                with pytest.raises(NotJoined):
                    other()
        shop.pay(n)
    assert mall.orders.get("A1").payment == "paid"


def test_two_malls_in_one_transaction_undo_each_its_own(mall: Mall, host: Engine) -> None:
    """MariaDB drops a savepoint when another of its name is made."""
    url = host.url.render_as_string(hide_password=False)
    with shop.open_mall(url, code="other") as other:
        shop.staff(other)
        with (
            host.begin() as connection, mall.joined(connection) as m,
            other.joined(connection) as o,
        ):

            def inside(batch: Any) -> None:
                shop.place(batch, "C1", key="kc")
                shop.place(o, "C2")
                archive(batch)

            with pytest.raises(Refused):
                in_batch(m, inside)
            shop.place(m, "C1", key="kc")
        assert mall.orders.get("C1").id == "C1"
        assert list(other.orders.find()) == []
        assert mall.verify().passed
        assert other.verify().passed


def test_a_version_that_the_batch_itself_has_made_is_expected(mall: Mall, host: Engine) -> None:
    with host.begin() as connection, mall.joined(connection) as m, m.batch() as batch:
        shop.place(batch)
        version = batch.orders.get("A1").version
        batch.orders.paid("A1", 27000, "p1", by=shop.PAYMENTS, expect=version)
    assert mall.orders.get("A1").payment == "paid"


def test_what_was_made_since_the_host_s_first_read_is_moved_too(mall: Mall, host: Engine) -> None:
    """Several records that follow are loaded at once, also those that only a lock lets it see."""
    shop.place(mall)
    shop.pay(mall)
    shop.accept(mall)
    with host.begin() as connection, mall.joined(connection) as m:
        assert list(m.orders.find(customer="nobody")) == []
        if mall.storage.engine.name != "sqlite":  # type: ignore[attr-defined]
            with ThreadPoolExecutor(1) as another:
                another.submit(_urge, mall).result()
        with suppress(Conflict):
            m.orders.cancel("A1", reason="-", by=shop.CUSTOMER)
    assert mall.verify().passed


def _urge(mall: Mall) -> None:
    for id in ("U1", "U2"):
        mall.urges.open(
            id, order="A1", target="merchant", reason="-", way="phone", by=shop.OPERATIONS
        )

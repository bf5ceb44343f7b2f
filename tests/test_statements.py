"""What is sent to each database: how many statements a move takes, and how they find their rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import pytest
from sqlalchemy import Connection, Engine, Insert, inspect, text
from sqlalchemy.sql import ClauseElement

from eldermall import Mall, Refused, Technical
from eldermall.adapters.storage.sql.statements import Statements
from eldermall.cli.stage import Host, Present, Stage
from eldermall.cli.story import play
from eldermall.contracts.storage import (
    ClockRow,
    ClockState,
    EntryRow,
    KeyRow,
    Leaf,
    Message,
    MessageState,
    PersonalRow,
    RecordRow,
    RootRow,
)
from eldermall.engine.outbox import laned
from eldermall.reports.evidence import export
from eldermall.reports.stock import (
    movements,
    open_warnings,
    purchase_inputs,
    slow_sellers,
    stale_numbers,
)
from eldermall.reports.timeline import progress, timeline
from eldermall.reports.todo import gaps, todo_list, waiting
from tests import databases, shop
from tests.benchmarks import bare, stage, sweep
from tests.walk import unmade, walk

MANY = 3_000
"""How many rows at least each growing table holds while plans are asked for."""

BOUNDED = ("installation", "schema", "packs", "locks", "walks", "record_designation")
"""Tables that don't grow with the trade: posts, policies, what the adapter keeps for itself."""

FAR = shop.us(datetime(2099, 1, 1, tzinfo=shop.START.tzinfo))


# How many statements a move takes


@pytest.fixture(params=databases.NAMES)
def staged(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mall]:
    with stage.open_mall(databases.url_of(request.param, tmp_path)) as mall:
        stage.fill(mall, range(5))
        yield mall


def engine_of(mall: Mall) -> Engine:
    engine: Engine = mall.storage.engine  # type: ignore[attr-defined]
    return engine


SHIPPING = {
    # The key, the record with the head of its chain, what rules need, clocks, whether a stock of
    # the listing is kept; then what is written: record, clocks, entry, unsealed, the number of the
    # parcel (which is personal), messages.
    "sqlite": 11,
    # The head is read after the record is locked: one read before could be older than the lock.
    "postgresql": 12,
    "mariadb": 12,
}
KEPT = {
    # Besides: the stock, the field agents of the merchant, the stock's clocks, and it is written.
    "sqlite": 14,
    "postgresql": 16,
    "mariadb": 16,
}


@pytest.mark.parametrize("kept", [False, True])
def test_ship_takes_eleven_statements_and_a_few_more_and_one_commit(
    staged: Mall, *, kept: bool
) -> None:
    if kept:
        staged.stock.open("green-tea", warn_at=0, merchant="tea-house", by=shop.OPERATIONS)
        staged.stock.receive("green-tea", lot="l", quantity=9, source="note", by=shop.MERCHANT)
    with bare.capture(engine_of(staged)) as seen:
        stage.ship(staged, stage.TEMPLATE)

    changes = {c["clock"]: c["did"] for c in staged.journal("order", stage.TEMPLATE)[-1]["clocks"]}
    assert changes == {
        "shipping.in-time@1": "met", "bench.arrives-in-time@1": "started",
        "tracking.silence@1": "started", "tracking.delivered-in-time@1": "started",
    }
    sent = [m for m in staged.messages() if m.id.startswith(f"order/{stage.TEMPLATE}#6.")]
    assert len(sent) == 2
    assert len(seen.sql) == (KEPT if kept else SHIPPING)[engine_of(staged).name]
    assert seen.commits == 1


def test_an_order_of_fifty_lines_takes_no_more_statements_than_one_of_a_single_line(
    staged: Mall,
) -> None:
    took = []
    for id, count in (("one", 1), ("fifty", 50)):
        lines = [
            {"id": f"l{n}", "listing": f"listing-{n}", "quantity": 1, "amount": 100}
            for n in range(count)
        ]
        with bare.capture(engine_of(staged)) as seen:
            staged.orders.place(
                id, customer=shop.CUSTOMER.id, merchant="tea-house", total=100 * count,
                lines=lines, by=shop.CUSTOMER,
            )
        took.append(len(seen.sql))
    assert took[0] == took[1]


def test_the_same_ship_again_writes_nothing(staged: Mall) -> None:
    stage.ship(staged, stage.TEMPLATE)
    with bare.capture(engine_of(staged)) as seen:
        stage.ship(staged, stage.TEMPLATE)
    assert len(seen.sql) <= 4
    first, *others = [sql for sql, _, _ in seen.sql]
    assert first.startswith("INSERT INTO eldermall_keys")
    assert {sql.split()[0] for sql in others} == {"SELECT"}


def test_asking_whether_it_may_writes_nothing_and_locks_nothing(staged: Mall) -> None:
    with bare.capture(engine_of(staged)) as seen:
        staged.may.orders.ship(
            stage.TEMPLATE, parcel="p1", courier="SF", tracking="1", lines=stage.LINES,
            by=shop.MERCHANT,
        )
    asked = [sql for sql, _, _ in seen.sql if not sql.startswith(("SET ", "START "))]
    assert len(asked) > 2
    assert {sql.split()[0] for sql in asked} == {"SELECT"}
    assert not [sql for sql in asked if "FOR " in sql or "LOCK IN" in sql or "pg_advisory" in sql]


def test_a_sweep_costs_what_is_due_and_not_what_runs() -> None:
    small, large = sweep.cost(running=1_000, due=50), sweep.cost(running=10_000, due=50)
    assert large.finding <= small.finding
    assert large.whole <= small.whole


# How statements find their rows: a mall with thousands of rows, everything done in it once


def told(mall: Mall, present: Present, host: Host) -> None:
    """Let the days of the demo pass, with refusals, sweeps and relays; then make every move."""
    play(Stage(mall, present, host, lambda line: None))
    present.now += timedelta(days=1)
    walk(mall, present)


def crowd(mall: Mall) -> None:
    """Fill every growing table with copies of what all this leaves, through the contract."""
    present, host = Present(), Host()
    with shop.open_mall("memory:", present, plugins=[host]) as model:  # type: ignore[arg-type]
        told(model, present, host)
        model.seal()
        with model.read() as tx:
            records = [row for kind in model.book.kinds for row in tx.find(kind)]
            clocks = tx.clocks(get_args(ClockState))
            entries = list(tx.entries())
            personal = [row for e in entries for row in tx.personal(e.subject) if row.seq == e.seq]
            messages = tx.messages(get_args(MessageState))
            leaves = [leaf for _, leaf in tx.sealed()]
    for kind in sorted({row.kind for row in records} - {"designation"}):
        of_kind = [row for row in records if row.kind == kind]
        with mall.storage.write(mall.code) as tx:  # a server has room for some thousand locks
            _in_parts(tx.save, [_record(*c) for c in _copies(of_kind)])
    with mall.storage.write(mall.code) as tx:
        running = [row for row in clocks if row.state == "running"]
        for rows in (clocks, running):  # few of those that the walk leaves run still
            _in_parts(tx.put_clocks, [_clock(*c) for c in _copies(rows, 2)])
        values = [_personal(*c) for c in _copies(personal)]
        tx.append([_entry(*c) for c in _copies(entries, 2)], values)
        _in_parts(tx.enqueue, [_message(*c) for c in _copies(messages)])
        for number in range(MANY):
            created = 1 if number < 5 else shop.us(shop.START) + number
            key = KeyRow("order.pay", f"k{number}", b"s", b"f", f"order/K{number}", created)
            assert tx.claim_key(key) is None
        waiting = tx.unsealed(300)
        copied = [_leaf(*c) for c in _copies(leaves)]
        for number in range(1, 301):
            part = copied[(number - 1) * 10 : number * 10]
            root = RootRow(number, b"h", json.dumps({"number": number}).encode())
            tx.seal(root, part, waiting[number - 1 : number])


def _in_parts(put: Callable[[Any], Any], rows: Sequence[Any]) -> None:
    left = iter(rows)
    while part := list(islice(left, 1000)):
        put(part)


def _copies(rows: Sequence[Any], times: int = 1) -> list[tuple[Any, str]]:
    """Return rows, each with an ending for its id, so many times that a table is full."""
    rounds = -(-MANY * times // len(rows))
    return [(row, f".{number:04}") for number in range(rounds) for row in rows]


def _record(row: RecordRow, ending: str) -> RecordRow:
    order = row.indexed.get("order")  # each order has its own, a merchant and a customer many
    indexed = row.indexed if order is None else {**row.indexed, "order": order + ending}
    return replace(row, id=row.id + ending, before=0, indexed=indexed)


def _clock(row: ClockRow, ending: str) -> ClockRow:
    return replace(
        row, subject=row.subject + ending, due=row.due + FAR, next=row.next and row.next + FAR
    )


def _entry(row: EntryRow, ending: str) -> EntryRow:
    return replace(row, subject=row.subject + ending)


def _personal(row: PersonalRow, ending: str) -> PersonalRow:
    return replace(row, subject=row.subject + ending, recorded=row.recorded + FAR)


def _leaf(row: Leaf, ending: str) -> Leaf:
    return replace(row, subject=row.subject + ending)


def _message(row: Message, ending: str) -> Message:
    return replace(row, id=row.id + ending, state="delivered", next=None)


def everything(mall: Mall, present: Present, host: Host) -> None:
    """Do everything that a mall does, but for `verify`, which reads all of a journal."""
    told(mall, present, host)
    with engine_of(mall).begin() as c:
        if c.dialect.name == "sqlite":  # this engine's connections leave it to us
            c.exec_driver_sql("BEGIN IMMEDIATE")
        with mall.joined(c) as m:
            shop.place(m, "J1")
            assert m.orders.get("J1").goods == "submitted"
    with pytest.raises(Refused):
        shop.ship(mall, "J1")
    mall.settle()
    present.now += timedelta(days=1)
    mall.sweep()
    mall.relay()
    mall.seal()
    waiting(mall, limit=100)
    todo_list(mall, role="field_agent", person=shop.AGENT.id)
    gaps(mall, limit=100)
    timeline(mall, "J1")
    progress(mall, "J1", by=shop.CUSTOMER)
    for _ in (
        *movements(mall, "w-tea"), *open_warnings(mall, merchant="tea-house"),
        *stale_numbers(mall), *slow_sellers(mall, timedelta(days=1)),
        *purchase_inputs(mall, shop.START, present.now),
    ):
        pass
    mall.clocks()
    with mall.read() as tx:
        tx.clocks(("running",), limit=20)
        tx.messages(("pending", "dead", "delivered"), limit=20)
        for name, kind in mall.book.kinds.items():
            assert not tx.uses_pack(name, "none")
            tx.find(name, open=True, after="A", limit=20)
            for field in kind.indexed:
                where: dict[str, Any] = {field: "tea-house"}
                tx.find(name, limit=20, **where)
                tx.find(name, open=True, limit=20, **where)
        tx.holding_personal(shop.us(present.now), "", 20)
        tx.roots(after=290)
        tx.leaves(290)
        export(tx, mall.code, "order/A1")
    with mall.storage.write(mall.code) as tx:
        assert tx.try_lock("order", "nobody")
        (row,) = tx.messages(("pending", "suppressed"), limit=1)
        laned(tx).find_messages([row.id])
        laned(tx).list_messages(("dead", "pending"), (row.created, row.id), 20)
        laned(tx).change_message(row, row)
        laned(tx).claim_lane("event", 0, 20, 1)
        tx.claim_messages(0, 20, 1)
        assert tx.walked("none") is None
    present.now += timedelta(days=4000)
    mall.sweep()
    mall.erase_expired()


@dataclass(frozen=True, slots=True)
class Seen:
    """A mall with full tables, what was sent to it, and the plan of each statement."""

    name: str
    mall: Mall
    sent: tuple[ClauseElement, ...]
    plans: dict[str, list[dict[str, Any]]]


def plan_of(connection: Connection, sql: str, values: Any) -> list[dict[str, Any]]:
    """Return the steps of a plan: on which table, how, and how many rows it expects."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
        return [{"step": row[3], "scan": row[3].startswith("SCAN"), "sort": "TEMP" in row[3],
                 "table": row[3]} for row in rows]
    if connection.dialect.name == "mariadb":
        found = connection.exec_driver_sql(f"EXPLAIN {sql}", values).mappings()
        return [
            {
                "step": dict(row), "table": row["table"] or "",
                "scan": row["type"] == "ALL" or (row["type"] == "index" and "LIMIT" not in sql),
                "sort": "filesort" in (row["Extra"] or ""),
            }
            for row in found
        ]
    (told_,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", values).scalars()
    return list(_nodes(told_[0]["Plan"]))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    inner = plan.pop("Plans", [])
    yield {
        "step": plan, "table": plan.get("Relation Name", ""),
        "scan": plan["Node Type"] == "Seq Scan", "sort": plan["Node Type"] == "Sort",
    }
    for each in inner:
        yield from _nodes(each)


def analyze(connection: Connection) -> None:
    """Let the database learn how large its tables are, as it does by itself in time.

    PostgreSQL then learns no more: while plans are asked for, much is swept and sealed.
    """
    if connection.dialect.name == "mariadb":
        tables = connection.execute(text("SHOW TABLES")).scalars().all()
        connection.execute(text("ANALYZE TABLE " + ", ".join(tables))).all()
    else:
        connection.execute(text("ANALYZE"))
    if connection.dialect.name == "postgresql":
        for table in inspect(connection).get_table_names():
            connection.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = false)"))


def url_of(name: str, folder: Path) -> str:
    if name == "sqlite":
        return f"sqlite:///{folder / 'mall.db'}"
    return databases.new_database(name, databases.worker() + "_statements")


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Seen]]:
    made: dict[str, Seen] = {}
    with ExitStack() as opened:

        def look(name: str) -> Seen:
            if name not in made:
                present, host = Present(), Host()
                mall = shop.open_mall(
                    url_of(name, tmp_path_factory.mktemp(name)), present,  # type: ignore[arg-type]
                    plugins=[host], technical=Technical(sealing_batch=50, silence=2**53),
                )
                made[name] = _look(name, opened.enter_context(mall), present, host)
            return made[name]

        yield look


def _look(name: str, mall: Mall, present: Present, host: Host) -> Seen:
    engine = engine_of(shop.hurry(mall) if name == "sqlite" else mall)
    crowd(mall)
    with engine.connect() as c:
        analyze(c)
        c.commit()
    with bare.capture(engine) as seen:
        everything(mall, present, host)
    # none was opened before orders knew of theirs, and nobody has gone off duty for so long
    assert unmade(mall) <= {"urge.catch_up", "designation.erase", "assignment.erase"}
    plans: dict[str, list[dict[str, Any]]] = {}
    with engine.connect() as c:
        for sql, values, many in seen.sql:
            if sql.split()[0] in ("SELECT", "UPDATE", "DELETE") and sql not in plans:
                plans[sql] = plan_of(c, sql, values[0] if many else values)
    return Seen(name, mall, tuple(clause for clause, _ in seen.statements), plans)


@pytest.fixture(params=databases.NAMES)
def seen(request: pytest.FixtureRequest, looked: Callable[[str], Seen]) -> Seen:
    return looked(request.param)


def test_no_statement_reads_a_growing_table_from_end_to_end(seen: Seen) -> None:
    """Moves, refusals, sweeps, relays, sealing, erasure and lists find rows by key or index."""
    assert len(seen.plans) > 60
    scans = [
        (sql, step["step"])
        for sql, plan in seen.plans.items()
        for step in plan
        if step["scan"] and "eldermall_" in step["table"]
        and not any(f"eldermall_{name}" in step["table"] for name in BOUNDED)
    ]
    assert not scans


def test_what_is_due_comes_in_its_order_from_an_index(seen: Seen) -> None:
    due = {
        sql: plan for sql, plan in seen.plans.items()
        if "next <=" in sql.replace("`", "") or "ORDER BY eldermall_clocks.due" in sql
        or "ORDER BY eldermall_outbox.created" in sql
    }
    assert len(due) >= 4
    assert not [(sql, plan) for sql, plan in due.items() for step in plan if step["sort"]]


EXEMPT = {"entries", "waiting", "sealed", "stride", "find"}
"""What `verify` reads from end to end, in parts; and `find`, made anew for each question."""


def test_every_statement_that_there_is_was_asked_for_its_plan(seen: Seen) -> None:
    storage: Any = seen.mall.storage
    writing, reading, _ = storage._opened()
    sent = {id(clause) for clause in seen.sent}
    never = {
        name
        for name in vars(writing)
        if (each := [*_each(writing, name), *_each(reading, name)])
        and not any(id(statement) in sent for statement in each)
    }
    unused = {"try_lock", "exists"} if writing.database.one_writer else {"hold"}
    assert never - EXEMPT <= unused


def _each(statements: Statements, name: str) -> list[ClauseElement]:
    """Return the statements under a name: one, one for each kind, or several."""
    value = getattr(statements, name)
    if isinstance(value, dict):
        value = list(value.values())
    return [s for s in (value if isinstance(value, list) else [value])
            if isinstance(s, ClauseElement) and not isinstance(s, Insert)]

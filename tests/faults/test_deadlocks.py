"""Two who wait for each other: the server gives one up, and both end well.

A plugin's rule makes the two meet: each has locked its own order and asks for the other's.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from eldermall import Conflict, Mall, Text, Unknown, hookimpl
from eldermall.engine.rule import Context, Fact, Lookup, Rule
from eldermall.rooms.orders import Orders
from tests import databases, shop

OTHER = {"A1": "A2", "A2": "A1"}
LABEL = Text("另一订单", "the other order")


class Meeting:
    """A plugin with a rule that rests on the other order, read once both have locked their own."""

    def __init__(self) -> None:
        self.both = threading.Barrier(2)
        self.looks: Counter[str] = Counter()

    @hookimpl
    def eldermall_rules(self) -> list[Rule]:
        def read(c: Context) -> Any:
            return c.looked["order", OTHER[c.id]].goods  # type: ignore[attr-defined]

        lookup = Lookup("order", self.other)
        fact = Fact("trial.other-order", "text", "lookup", LABEL, read, lookup)
        return [
            Rule(
                "trial.other-order", LABEL, ("S19-11-1d",), Orders.hand_over.guard, (fact,),
                lambda goods: True, LABEL,
            )
        ]

    def other(self, c: Context) -> str:
        """Say which order to look at; at the first look, only once the other is as far."""
        self.looks[c.id] += 1
        if self.looks[c.id] == 1:
            self.both.wait(30)
        return OTHER[c.id]


@pytest.fixture
def meeting() -> Meeting:
    return Meeting()


@pytest.fixture(params=databases.SERVERS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return databases.url_of(request.param, tmp_path)


@pytest.fixture
def mall(url: str, time: shop.Time, meeting: Meeting) -> Iterator[Mall]:
    with shop.open_mall(url, time, plugins=[meeting]) as mall:
        shop.staff(mall)
        for id in OTHER:
            shop.place(mall, id)
        yield mall


@pytest.fixture
def host(url: str, mall: Mall) -> Iterator[Engine]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as c:
        c.execute(text("CREATE TABLE host (id VARCHAR(64))"))
    yield engine
    engine.dispose()


def hand_over(moving: Any, id: str) -> int:
    return int(moving.orders.hand_over(id, to=shop.AGENT.id, by=shop.SERVICE).version)


def both(do: Callable[[str], Any]) -> list[Any]:
    """Do it for each order, at once; raise what either raises."""
    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(do, OTHER))


def handed_over_once(mall: Mall) -> None:
    for id in OTHER:
        moves = [(entry["what"], entry["outcome"]) for entry in mall.journal("order", id)]
        assert moves.count(("order.hand_over", "moved")) == 1
        assert mall.orders.get(id).version == 2
    assert mall.verify().findings == ()


def test_two_commands_in_a_deadlock_are_both_made_the_one_given_up_again(
    mall: Mall, meeting: Meeting
) -> None:
    assert both(lambda id: hand_over(mall, id)) == [2, 2]
    assert meeting.looks.total() > 2  # there was a deadlock
    handed_over_once(mall)


def contact(m: Any, c: Connection, id: str) -> None:
    m.orders.contact_merchant(id, way="phone", by=shop.AGENT)


def write_and_place(m: Any, c: Connection, id: str) -> None:
    c.execute(text("INSERT INTO host VALUES ('more')"))
    shop.place(m, f"{id}-more")


@pytest.mark.parametrize("then", [contact, write_and_place])
def test_inside_a_joined_transaction_the_one_given_up_is_told_and_begins_again(
    mall: Mall, host: Engine, meeting: Meeting, then: Callable[[Any, Connection, str], None]
) -> None:
    def attempt(c: Connection, id: str) -> str:
        c.execute(text("INSERT INTO host VALUES (:id)"), {"id": id})
        with mall.joined(c) as m:
            try:
                hand_over(m, id)
            except Conflict as conflict:
                assert conflict.retry == "transaction"  # noqa: PT017
            else:
                c.commit()
                return "moved"
            if c.dialect.name in ("mariadb", "mysql"):  # it has rolled back all of the host's
                with pytest.raises(Conflict, match="whole transaction") as gone:
                    then(m, c, id)
                assert gone.value.retry == "transaction"
            else:
                shop.place(m, f"{id}-more")
        c.rollback()
        return "given up"

    def do(id: str) -> str:
        with host.connect() as c:
            first = attempt(c, id)
            return first if first == "moved" else f"{first}, then {attempt(c, id)}"

    assert sorted(both(do)) == ["given up, then moved", "moved"]
    with host.connect() as c:
        assert sorted(c.execute(text("SELECT id FROM host")).scalars()) == ["A1", "A2"]
    for id in OTHER:
        with pytest.raises(Unknown):
            mall.orders.get(f"{id}-more")
    handed_over_once(mall)

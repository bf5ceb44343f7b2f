"""Records are found by what they are indexed by, in pages, on every storage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from examples.plugins.visits import Visits
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

from eldermall import DefinitionError, Invalid, Mall, Page, person
from eldermall.engine.declared import Makes
from eldermall.rooms import ROOMS
from eldermall.rooms.complaints import Complaints
from tests import databases, shop

BUYERS = ("grandma-li", "mr-wang")


@pytest.fixture(params=databases.ALL)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return databases.url_of(str(request.param), tmp_path)


@pytest.fixture
def mall(url: str) -> Iterator[Mall]:
    with shop.open_mall(url) as mall:
        shop.staff(mall)
        with mall.batch() as many:
            for n in range(12):
                buyer = BUYERS[n % 2]
                many.orders.place(
                    f"O{n:02}", customer=buyer, group_id=f"G{n // 3}", merchant="tea-house",
                    total=100, by=person(buyer, "customer"),
                    lines=[{"id": "a", "listing": "tea", "quantity": 1, "amount": 100}],
                )
                if n % 4 == 0:
                    many.orders.hand_over(f"O{n:02}", to=shop.AGENT.id, by=shop.SERVICE)
        yield mall


def ids(page: Page[Any]) -> list[str]:
    return [record.id for record in page]


def pages(room: Any, limit: int, **by: Any) -> list[str]:
    """Return the ids of all pages, each of which is full but the last."""
    found: list[str] = []
    after = None
    while True:
        page = room.find(limit=limit, after=after, **by)
        found += ids(page)
        if not page.more:
            return found
        assert len(page) == limit
        assert page.after == found[-1]
        after = page.after


def test_orders_are_found_by_group_customer_merchant_and_state(mall: Mall) -> None:
    orders = mall.orders
    assert ids(orders.find(group="G1")) == ids(orders.find(group_id="G1")) == ["O03", "O04", "O05"]
    assert ids(orders.find(customer="mr-wang", group="G1")) == ["O03", "O05"]
    assert ids(orders.find(state="handed_over/unpaid")) == ["O00", "O04", "O08"]
    assert ids(orders.find(state="handed_over/unpaid", merchant="tea-house", group="G2")) == ["O08"]
    assert len(orders.find()) == len(orders.find(open=True)) == 12
    assert ids(orders.find(open=False)) == ids(orders.find(customer="nobody")) == []
    assert ids(mall.may.orders.find(group="G3")) == ["O09", "O10", "O11"]


def test_what_is_found_follows_every_move(mall: Mall) -> None:
    mall.orders.cancel("O04", reason="no", by=person("grandma-li", "customer"))
    assert ids(mall.orders.find(state="handed_over/unpaid")) == ["O00", "O08"]
    assert ids(mall.orders.find(state="cancelled/unpaid")) == ["O04"]
    assert ids(mall.orders.find(open=False)) == ["O04"]


def test_pages_of_any_size_come_to_the_same(mall: Mall) -> None:
    for limit in (1, 2, 3, 5, 6, 7, 1000):
        assert pages(mall.orders, limit) == [f"O{n:02}" for n in range(12)]
        his = [f"O{n:02}" for n in range(1, 12, 2)]
        assert pages(mall.orders, limit, customer="mr-wang") == his
        assert pages(mall.orders, limit, state="submitted/unpaid", open=True) == [
            f"O{n:02}" for n in range(12) if n % 4
        ]


def test_a_complaint_may_name_a_group_and_is_found_by_it(mall: Mall) -> None:
    for id, group in (("C1", "G1"), ("C2", None), ("C3", "G1")):
        mall.complaints.receive(
            id, customer="mr-wang", words="all of it", group_id=group, by=shop.SERVICE
        )
    assert ids(mall.complaints.find(group="G1")) == ["C1", "C3"]
    assert ids(mall.complaints.find(customer="mr-wang", state="received")) == ["C1", "C2", "C3"]


def test_every_room_is_found_by_state_and_by_its_indexed_fields(mall: Mall) -> None:
    for name, room in ROOMS.items():
        open_room = getattr(mall, name)
        for field in room.KIND.record_kind.indexed:
            assert len(open_room.find(**{field: "none such"})) == 0


def test_a_plugin_s_kind_is_found_likewise(url: str) -> None:
    with shop.open_mall(url, plugins=["examples.plugins.visits"]) as mall:
        visits = mall.room(Visits)
        for id in ("V1", "V2", "V3"):
            visits.book(id, customer="li", volunteer="wu", by=shop.SERVICE)
        visits.finish("V2", by=shop.AGENT)
        assert ids(visits.find(customer="li", state="booked")) == ["V1", "V3"]
        assert ids(visits.find(open=False)) == ["V2"]


def test_a_customer_or_merchant_finds_their_own_alone_and_staff_find_all(mall: Mall) -> None:
    hers = [f"O{n:02}" for n in range(0, 12, 2)]
    for limit in (1, 4, 6, 7):
        assert pages(mall.orders, limit, by=person("grandma-li", "customer")) == hers
        assert pages(mall.orders, limit, by=person("x", "merchant", merchant="other")) == []
        assert len(pages(mall.orders, limit, by=shop.SERVICE)) == 12
    assert ids(mall.orders.find(customer="mr-wang", by=person("grandma-li", "customer"))) == []


def test_a_joined_handle_finds_what_it_has_moved(mall: Mall, url: str) -> None:
    if not mall.storage.capabilities.join:
        pytest.skip("it can't be joined")
    engine = create_engine(url, connect_args={"timeout": 1} if "sqlite" in url else {})
    with engine.connect() as connection, connection.begin(), mall.joined(connection) as inside:
        inside.orders.cancel("O04", reason="no", by=person("grandma-li", "customer"))
        assert ids(inside.orders.find(state="cancelled/unpaid")) == ["O04"]
    engine.dispose()


@given(st.data())
@settings(max_examples=20)
def test_a_batch_finds_records_as_they_stand_inside_it(data: st.DataObject) -> None:
    moves = data.draw(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=8))
    limit = data.draw(st.integers(1, 4))
    with shop.open_mall() as mall:
        shop.staff(mall)
        for n in (0, 2, 4):
            shop.place(mall, f"O{n}")
        with mall.batch() as many:
            states = {f"O{n}": "submitted" for n in (0, 2, 4)}
            for n, ends in moves:
                id = f"O{n}"
                if id not in states:
                    shop.place(many, id)
                    states[id] = "submitted"
                if ends and states[id] == "submitted":
                    many.orders.cancel(id, reason="no", by=shop.CUSTOMER)
                    states[id] = "cancelled"
            for state in ("submitted", "cancelled"):
                right = sorted(id for id, at in states.items() if at == state)
                assert pages(many.orders, limit, state=f"{state}/unpaid") == right
                assert pages(many.orders, limit, open=state == "submitted") == right


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"colour": "red"}, "order.find.colour = 'red' is invalid: is nothing to find it by; there "
         "are group, merchant, customer, state"),
        ({"customer": None}, "order.find.customer = None is invalid: a text holds"),
        ({"state": 3}, "order.find.state = 3 is invalid"),
        ({"open": 1}, "order.find.open = 1 is invalid: must be True or False"),
        ({"limit": 0}, "order.find.limit = 0 is invalid: must be a whole number from 1 to 1000"),
        ({"limit": True}, "order.find.limit = True is invalid"),
        ({"after": ""}, "order.find.after = '' is invalid: an id is"),
    ],
)
def test_what_can_t_be_asked_is_named(asked: dict[str, Any], message: str) -> None:
    with shop.open_mall() as mall, pytest.raises(Invalid) as wrong:
        mall.orders.find(**asked)
    assert str(wrong.value).startswith(message)


def test_a_room_that_no_mall_has_opened_finds_nothing() -> None:
    room: Complaints[Makes] = Complaints(lambda command: None, lambda kind, id, by: None, Makes)
    with pytest.raises(DefinitionError, match="the room of complaint wasn't opened by a mall"):
        room.find()


def test_a_page_is_a_sequence() -> None:
    page = Page(("a", "b", "c"), "c")
    assert (list(page), len(page), page[0], page[1:], "b" in page) == (
        ["a", "b", "c"], 3, "a", ("b", "c"), True,
    )
    assert page.more
    assert not Page(()).more
    assert not Page(())

"""What a type checker knows of declared rooms: it runs over this file with all others.

Each line that must be refused says with which error; one that were not refused would be an unused
``type: ignore``, which is an error too. Nothing here is ever run.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_type

from examples.plugins.visits import Visit, Visits

from eldermall import Actor, Decision, Mall
from eldermall.engine.machine import Guard
from eldermall.rooms.complaints import Complaint, Complaints
from eldermall.rooms.orders import Order, Orders
from eldermall.rooms.people import Designation
from tests.engine.test_reactions import Memo, Memos


def what_commands_return(mall: Mall, by: Actor, at: datetime) -> None:
    assert_type(mall.orders.accept("A1", by=by, at=at, key="k", expect=3), Order)
    assert_type(mall.may.orders.accept("A1", by=by), Decision)
    assert_type(mall.orders.adopt("A1", {}, by=by), Order)
    assert_type(mall.may.complaints.erase("C1", by=by), Decision)
    assert_type(mall.complaints.get("C1"), Complaint)
    assert_type(mall.designations.appoint("review", "rui", by=by, basis="exam"), Designation)
    assert_type(mall.orders.paid("A1", 6800, "pay-1", by=by), Order)
    with mall.batch() as many:
        assert_type(many.orders.appoint("A1", when=at, place="home", by=by), Order)


def a_plugins_room_is_typed_too(mall: Mall, by: Actor) -> None:
    assert_type(mall.room(Visits).book("V1", customer="li", volunteer="wu", by=by), Visit)
    assert_type(mall.may.room(Visits).finish("V1", by=by), Decision)
    with mall.batch() as many:
        assert_type(many.room(Visits).finish("V1", by=by), Visit)
    mall.room(Visits).book("V1", customer="li", by=by)  # type: ignore[call-arg]
    assert_type(mall.room(Memos[Memo]).keep("M"), Memo)


def what_is_refused(mall: Mall, by: Actor, at: datetime) -> None:
    mall.orders.accept("A1")  # type: ignore[call-arg]
    mall.orders.accept("A1", by)  # type: ignore[call-arg, arg-type]
    mall.orders.accept("A1", by="olivia")  # type: ignore[arg-type]
    mall.orders.accept("A1", by=by, why="x")  # type: ignore[call-arg]
    mall.orders.hand_over("A1", to=7, by=by)  # type: ignore[arg-type]
    mall.orders.appoint("A1", when=at.timestamp(), place="x", by=by)  # type: ignore[arg-type]
    mall.orders.shop("A1", by=by)  # type: ignore[attr-defined]
    mall.orders.claim("A1", case="C1", customer="li", lines={}, by=by)  # type: ignore[arg-type, operator]
    Orders.accept("A1", by=by)  # type: ignore[operator]


def what_rules_and_reactions_take(by: Actor) -> None:
    assert_type(Orders.accept.guard, tuple[Guard, ...])
    assert_type(Orders.goods.shipped.entered, tuple[Guard, ...])
    Orders.goods.shopped  # type: ignore[attr-defined]  # noqa: B018
    Orders.accept.gard  # type: ignore[attr-defined]  # noqa: B018
    Complaints.receive.command("C1", customer="li", words="late", by=by)
    Complaints.receive.command("C1", customer="li", by=by)  # type: ignore[call-arg]

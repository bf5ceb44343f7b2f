"""What a mall meets when code, policy and database have moved on without one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eldermall import SchemaError, Text, hookimpl
from eldermall.engine.canonical import canonical
from eldermall.engine.clock import Clock, Rung
from eldermall.engine.merkle import tree_hash
from eldermall.engine.rule import AT, Rule, set_by
from eldermall.engine.settings import Setting
from eldermall.errors import Invalid, RuleBroken
from eldermall.rooms.orders import Orders
from eldermall.rooms.orders.order import Order
from tests import shop

WORDS = Text("包装", "packed")
LIMIT = Setting("shop.limit", WORDS, "S19-14", "duration", suggestion="1h")
WARN = Setting("shop.warn", WORDS, "S19-14", "duration", suggestion="10min")
HEAD = Setting("shop.head", WORDS, "S19-14", "duration", suggestion="1d")
ATTEMPTS = Setting("shop.attempts", WORDS, "S19-14", "count", suggestion=1)


def waits(order: Order) -> Mapping[str, int]:
    if order.goods != "accepted" or order.accepted_at is None:
        return {}
    return {"": order.accepted_at}


def packed(**more: Any) -> Clock:
    given: dict[str, Any] = {
        "id": "shop.packed-in-time", "label": WORDS, "clauses": ("S19-14",), "kind": "order",
        "runs": waits, "met": lambda order, part: True, "limit": LIMIT, "starts": WORDS,
        "stops": WORDS, "told": ("operations",), "warn": WARN,
        "ladder": (Rung(HEAD, ("department_head",)),),
    }
    return Clock(**given | more)


class Bringing:
    """A plugin that brings rules and clocks."""

    def __init__(self, *things: Rule | Clock) -> None:
        self.things = things

    @hookimpl
    def eldermall_rules(self) -> Iterable[Rule | Clock]:
        return self.things


def policy(*settings: Setting) -> dict[str, Any]:
    given = shop.policy()
    for setting in settings:
        given["settings"][setting.key] = {
            "value": setting.suggestion, "author": "test", "date": "2026-01-01",
            "clause": setting.clause,
        }
    return given


def file(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'mall.db'}"


@pytest.mark.parametrize("binds", ["now", "submission"])
def test_a_clock_that_came_after_an_order_was_placed_stops_no_move_of_it(
    tmp_path: Path, time: shop.Time, binds: Any
) -> None:
    with shop.open_mall(file(tmp_path), time) as mall:
        shop.staff(mall)
        shop.place(mall)
    given = policy(LIMIT, WARN, HEAD)
    plugins = [Bringing(packed(binds=binds))]
    with shop.open_mall(file(tmp_path), time, policy=given, plugins=plugins) as mall:
        shop.accept(mall)
        assert mall.orders.get("A1").goods == "accepted"
        assert mall.sweep(time.pass_(days=3)).failed == ()


def test_a_rule_that_came_after_an_order_was_placed_reads_the_policy_now(
    tmp_path: Path, time: shop.Time
) -> None:
    enough = set_by(ATTEMPTS, "submission")
    late = Rule(
        id="shop.enough", label=WORDS, clauses=("S19-14",), guards=Orders.hand_over.guard,
        needs=(enough,), check=lambda n: n == 1, reason=WORDS, settings=(ATTEMPTS,),
        binds="submission",
    )
    with shop.open_mall(file(tmp_path), time) as mall:
        shop.staff(mall)
        shop.place(mall)
    given = policy(ATTEMPTS)
    with shop.open_mall(file(tmp_path), time, policy=given, plugins=[Bringing(late)]) as mall:
        mall.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE)


def test_a_clock_whose_code_is_gone_is_reported_tried_again_and_stops_no_other(
    url: str, time: shop.Time
) -> None:
    given = policy(LIMIT, WARN, HEAD)
    with shop.open_mall(url, time, policy=given, plugins=[Bringing(packed())]) as mall:
        shop.staff(mall)
        shop.place(mall)
        shop.accept(mall)
        shop.place(mall, "A2")
        del mall.book.clocks["shop.packed-in-time@1"]  # type: ignore[attr-defined]
        time.pass_(hours=5)
        did = mall.sweep()
        assert [(f.subject, f.clock) for f in did.failed] == [
            ("order/A1", "shop.packed-in-time@1")
        ]
        assert did.failed[0].why.en == "the clock shop.packed-in-time@1 isn't installed"
        assert did.breached == 1
        entry = mall.journal("order", "A1")[-1]
        assert (entry["what"], entry["outcome"], entry["clock"]) == (
            "clock.failed", "failed", "shop.packed-in-time@1"
        )
        assert mall.sweep().failed == ()
        time.pass_(minutes=1)
        assert len(mall.sweep().failed) == 1


def test_a_breach_whose_move_is_refused_is_reported_and_comes_back(time: shop.Time) -> None:
    never = Rule(
        id="shop.never", label=WORDS, clauses=("S19-14",),
        guards=Orders.deliver.guard, needs=(AT,), check=lambda at: False, reason=WORDS,
    )
    falls = packed(on_breach="deliver", warn=None, ladder=())
    given = policy(LIMIT)
    plugins = [Bringing(never, falls)]
    with shop.open_mall("memory:", time, policy=given, plugins=plugins) as mall:
        shop.staff(mall)
        shop.place(mall)
        shop.accept(mall)
        time.pass_(hours=2)
        did = mall.sweep()
        assert len(did.failed) == 1
        row = shop.clocks(mall, "shop.packed-in-time")[""]
        assert (row.state, row.stage) == ("running", 0)
        assert len(mall.sweep(time.pass_(minutes=1)).failed) == 1


def test_a_record_whose_policy_is_lost_is_told_so(time: shop.Time) -> None:
    with shop.open_mall("memory:", time) as mall:
        shop.staff(mall)
        shop.place(mall)
        order = mall.orders.get("A1")
        with mall.storage.write("main") as tx:
            lost = order.model_copy(update={"pack": "f" * 64, "version": 2})
            tx.save([mall.book.kind("order").row(lost, 1)])
        with pytest.raises(SchemaError) as wrong:
            mall.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE)
        assert str(wrong.value) == f"the policy {'f' * 64} isn't in the database"
        assert wrong.value.text.zh == f"库中没有政策 {'f' * 64}"


def test_a_rule_that_fails_moves_nothing_and_leaves_no_entry(time: shop.Time) -> None:
    buggy = Rule(
        id="shop.buggy", label=WORDS, clauses=("S19-14",), guards=Orders.hand_over.guard,
        needs=(AT,), check=lambda at: bool(1 / 0), reason=WORDS,
    )
    with shop.open_mall("memory:", time, plugins=[Bringing(buggy)]) as mall:
        shop.staff(mall)
        shop.place(mall)
        before = mall.journal("order", "A1")
        with pytest.raises(RuleBroken, match=r"shop\.buggy@1 failed: .*division by zero"):
            mall.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE)
        assert mall.journal("order", "A1") == before


# Bytes


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (1.5, "$"), ({"a": {1}}, "$.a"), ({"a": [1, 2**53]}, "$.a[1]"), (-(2**53), "$"),
        ({"a b": 1}, "$"), ({1: 1}, "$"), (["\ud800"], "$[0]"), ({"a": {"b": "\udfff"}}, "$.a.b"),
        (b"x", "$"),
    ],
)
def test_what_an_entry_cannot_hold_is_refused_and_says_where(value: Any, where: str) -> None:
    with pytest.raises(Invalid) as wrong:
        canonical(value)
    assert wrong.value.where == where


def test_an_entry_holds_the_rest_in_one_way_of_writing() -> None:
    value = {"b": [1, True, None, "茶"], "a": {"z": -1, "A": (2, 3)}}
    assert canonical(value) == '{"a":{"A":[2,3],"z":-1},"b":[1,true,null,"茶"]}'.encode()
    assert canonical(2**53 - 1) == b"9007199254740991"


def test_the_tree_of_no_leaves_is_the_hash_of_nothing() -> None:
    assert tree_hash([]).hex().startswith("e3b0c442")


def test_two_versions_of_a_clock_stand_side_by_side() -> None:
    assert packed().name != packed(version=2).name
    assert replace(LIMIT, key="shop.other") != LIMIT

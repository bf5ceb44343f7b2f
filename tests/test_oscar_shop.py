"""A shop of django-oscar with two sellers: one checkout, an order with each of them.

Everything goes through Oscar's own pages. The shop runs in a process of its own.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import databases, market
from tests.market import MARKET, Ask

GLUE = ("mall.py", "order/processing.py", "checkout/views.py", "dashboard/orders/views.py")
BASKET = {"tea": 2, "cup": 1, "honey": 1}
TOTAL = 2 * 6800 + 999 + 5600 + 1000


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Ask]]:
    made: dict[str, Ask] = {}
    with ExitStack() as open_shops:

        def shop_on(name: str) -> Ask:
            if name not in made:
                url = f"sqlite:///{tmp_path_factory.mktemp('oscar') / 'shop.db'}"
                if name == "postgresql":
                    url = databases.new_database(name, f"{databases.worker()}_oscar")
                url = url.replace("+psycopg", "")
                made[name] = open_shops.enter_context(market.opened(url))
            return made[name]

        yield shop_on


@pytest.fixture(params=["sqlite", "postgresql"])
def ask(request: pytest.FixtureRequest, shops: Callable[[str], Ask]) -> Ask:
    """The shop on each database."""
    return shops(request.param)


def parts(ask: Ask, number: str) -> dict[str, Any]:
    found: dict[str, Any] = ask("kept", number)["parts"]
    return found


def accepted(ask: Ask, **more: Any) -> str:
    """Place an order and accept it; return its number."""
    number: str = ask("bought", BASKET, **more)
    said = ask("pressed", number, order_action="change_order_status", new_status="accepted")
    assert said == ["Order status changed from 'placed' to 'accepted'"]
    return number


CREATED = "Shipping event created"


def test_one_checkout_is_an_order_with_each_seller_and_loses_no_fen(ask: Ask) -> None:
    number = ask("bought", BASKET, who="li")
    kept = ask("kept", number)
    tea, bees = kept["parts"]["tea-house"], kept["parts"]["bee-farm"]
    assert (kept["total"], kept["debited"], kept["status"]) == (TOTAL, TOTAL, "placed")
    assert tea["total"] + bees["total"] == TOTAL
    assert tea["freight"] + bees["freight"] == 1000
    assert [line["amount"] for line in tea["lines"]] == [13600, 999]
    assert [line["amount"] for line in bees["lines"]] == [5600]
    for seller, part in kept["parts"].items():
        assert (part["merchant"], part["group_id"]) == (seller, number)
        assert (part["payment"], part["received"]) == ("paid", part["total"])
    assert tea["customer"] == bees["customer"]
    assert tea["customer"].startswith("user.")


def test_a_guest_is_a_customer_of_their_own_order_only(ask: Ask) -> None:
    one, two = (ask("bought", {"tea": 1}) for _ in range(2))
    assert parts(ask, one)["tea-house"]["customer"] == f"guest.{one}"
    assert parts(ask, two)["tea-house"]["customer"] == f"guest.{two}"
    assert list(parts(ask, one)) == ["tea-house"]


def test_each_seller_ships_their_own_in_parts_and_the_order_says_how_far_it_is(ask: Ask) -> None:
    number = accepted(ask)
    assert ask("ship", number, {"tea": 1, "honey": 1}, "SF 1001") == CREATED
    assert ask("kept", number)["status"] == "accepted/shipped"
    assert ask("ship", number, {"tea": 1, "cup": 1}, "SF 1002", "tea-house") == CREATED
    assert ask("kept", number)["status"] == "shipped"
    tea = parts(ask, number)["tea-house"]
    assert [p["tracking"] for p in tea["parcels"]] == ["1001", "1002"]
    assert [sum(p["lines"].values()) for p in tea["parcels"]] == [1, 2]


def test_what_eldermall_refuses_isnt_written_by_oscar_and_the_page_says_why(ask: Ask) -> None:
    number = ask("bought", BASKET, pay="card")
    before = ask("kept", number)
    assert "Unable to create shipping event" in ask("ship", number, {"tea": 1}, "SF 1001")
    assert ask("kept", number) == before
    assert ask("entries", f"{number}.tea-house")[-1] == ("order.ship", "refused")


def test_a_seller_ships_nothing_of_another(ask: Ask) -> None:
    number = accepted(ask)
    before = ask("kept", number)
    said = ask("ship", number, {"honey": 1}, "SF 1001", who="tea-house")
    assert said != CREATED
    assert ask("kept", number) == before


def test_cash_at_the_door_is_booked_seller_by_seller(ask: Ask) -> None:
    number = accepted(ask, pay="cod")
    before = parts(ask, number)
    assert {part["payment"] for part in before.values()} == {"cod_pending"}
    assert ask("ship", number, {"tea": 2, "cup": 1}, "SF 1001") == CREATED
    due = before["tea-house"]["total"]
    wrong = ask(
        "pressed", number, line_action="create_payment_event", payment_event_type="collected",
        amount=f"{(due - 1) / 100:.2f}", selected_line=[ask("line", number, "tea")],
        **{f"selected_line_qty_{ask('line', number, 'tea')}": 2},
    )
    assert "Unable to create payment event" in wrong[0]
    assert ask("kept", number)["debited"] == 0
    ask(
        "pressed", number, line_action="create_payment_event", payment_event_type="collected",
        amount=f"{due / 100:.2f}", selected_line=[ask("line", number, "tea")],
        **{f"selected_line_qty_{ask('line', number, 'tea')}": 2},
    )
    after = ask("kept", number)
    assert after["debited"] == due
    assert {s: p["payment"] for s, p in after["parts"].items()} == {
        "tea-house": "paid", "bee-farm": "cod_pending",
    }


def test_a_return_goes_to_its_seller_and_the_money_back_is_booked_once(ask: Ask) -> None:
    number = accepted(ask)
    ask("ship", number, BASKET, "SF 1001")
    ask("delivered", number)
    for seller in market.SELLERS:
        ask("completed", f"{number}.{seller}")
    assert ask("sent_back", number, {"tea": 1}) == [f"R{number}.tea-house"]
    for _ in range(2):
        ask("relayed")
    kept = ask("kept", number)
    assert kept["refunded"] == kept["parts"]["tea-house"]["returned_money"] == 6800
    assert kept["parts"]["bee-farm"]["returned_money"] == 0
    assert ask("counted")["sound"]


def test_a_cancelled_order_is_paid_back_by_every_seller(ask: Ask) -> None:
    number = accepted(ask)
    ask("pressed", number, order_action="change_order_status", new_status="cancelled")
    ask("relayed")
    kept = ask("kept", number)
    assert kept["status"] == "cancelled"
    assert kept["refunded"] == TOTAL
    assert sum(part["returned_money"] for part in kept["parts"].values()) == TOTAL


@pytest.mark.parametrize("ask", ["sqlite", "postgresql"], indirect=True)
def test_of_two_threads_that_order_at_once_every_order_is_placed(ask: Ask) -> None:
    before = ask("counted")
    numbers = ask("ordered_at_once", 8)
    after = ask("counted")
    assert len(set(numbers)) == 16
    assert all(number.isdigit() for number in numbers), numbers
    assert after["orders"] - before["orders"] == 16
    assert after["parts"] - before["parts"] == 32
    assert after["sound"]


@pytest.mark.servers
def test_under_repeatable_read_every_order_is_placed_too(shops: Callable[[str], Ask]) -> None:
    ask = shops("postgresql")
    ask("isolated", "repeatable read")
    try:
        test_of_two_threads_that_order_at_once_every_order_is_placed(ask)
    finally:
        ask("isolated", "read committed")


@given(whole=st.integers(0, 10**9), weights=st.lists(st.integers(0, 10**9), min_size=1))
def test_what_is_split_loses_nothing_and_nobody_gets_a_fen_too_much(
    whole: int, weights: list[int]
) -> None:
    split = shares()(whole, weights)
    fair = weights if any(weights) else [1] * len(weights)
    assert sum(split) == whole
    for share, weight in zip(split, fair, strict=True):
        assert abs(share * sum(fair) - whole * weight) < sum(fair)


def shares() -> Callable[[int, list[int]], list[int]]:
    """Return the glue's function, taken from its file: it can't be imported without Django."""
    tree = ast.parse((MARKET / "market" / "mall.py").read_text("utf-8"))
    body: list[ast.stmt] = [
        n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "shares"
    ]
    known: dict[str, Any] = {}
    head = "from __future__ import annotations\nfrom itertools import pairwise\n"
    exec(head + ast.unparse(ast.Module(body, [])), known)
    found: Callable[[int, list[int]], list[int]] = known["shares"]
    return found


def test_the_glue_has_at_most_120_lines() -> None:
    assert sum(lines_of(MARKET / "market" / name) for name in GLUE) <= 120


def lines_of(file: Path) -> int:
    """Count the lines of code; not imports, docstrings, comments and empty lines."""
    source = file.read_text("utf-8")
    left: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        imports = isinstance(node, ast.Import | ast.ImportFrom)
        says = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.stmt) and (imports or says):
            left |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(source.splitlines(), 1)
    return sum(1 for n, line in lines if n not in left and line.strip(" )]}"))


def test_eldermall_is_installed_without_django() -> None:
    code = (
        "import sys, eldermall.mall, eldermall.cli; "
        "sys.exit(any(name.split('.')[0] in ('django', 'oscar') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""Shops that stood before eldermall came, and what it changes in each.

All have the same pages, so all are tested with the same sentences: Flask with ``sqlite3``, FastAPI
with a Session and with an AsyncSession, Django with its ORM.
"""

from __future__ import annotations

import asyncio
import difflib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.pool import NullPool
from typer.testing import CliRunner

from eldermall import Mall, person
from eldermall.cli import app as command_line
from tests import databases, shops
from tests.shop import POLICY, ROOT
from tests.shops import STAFF, Shop, opened

FRAMEWORKS = ("flask", "fastapi", "fastapi_async", "django")
PLACES = [
    ("flask", "sqlite"),
    ("fastapi", "sqlite"),
    ("fastapi", "postgresql"),
    ("fastapi_async", "sqlite"),
    ("fastapi_async", "postgresql"),
    ("django", "sqlite"),
    ("django", "postgresql"),
]
PAGE = ROOT / "docs" / "shops.md"
REASON = {
    "zh": "订单在发货时尚未付款",
    "en": "the order was not paid when it would have been shipped",
}


@pytest.fixture(params=PLACES, ids="-".join)
def place(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A framework and a database."""
    given: tuple[str, str] = request.param
    return given


@pytest.fixture
def url(place: tuple[str, str], tmp_path: Path) -> str:
    """The URL of an empty database."""
    return address(place, tmp_path)


def address(place: tuple[str, str], folder: Path) -> str:
    url = databases.url_of(place[1], folder)
    return url.replace("+psycopg", "") if place[0] == "django" else url


@pytest.fixture
def policy() -> object:
    """The policy file of the shop."""
    return POLICY


@pytest.fixture
def shop(place: tuple[str, str], url: str, policy: object) -> Iterator[Shop]:
    """A shop with eldermall, whose staff is on duty."""
    with opened(f"{place[0]}_after", url, policy) as shop:
        shops.appoint(url, policy)
        yield shop


@pytest.fixture
def mall(shop: Shop, url: str) -> Iterator[Mall]:
    """The shop's mall, seen from outside."""
    with Mall.open(url, policy=POLICY, make=False) as mall:
        yield mall


@contextmanager
def host(url: str) -> Iterator[Engine]:
    """Reach the shop's database from outside."""
    driven = url.replace("postgresql:", "postgresql+psycopg:")
    with databases.engine_at(driven, poolclass=NullPool) as engine:
        yield engine


def row(url: str, id: str) -> tuple[bool, str, str]:
    """Return what the shop's own row says of an order: paid, state, tracking number."""
    with host(url) as engine, engine.connect() as c:
        asked = text("SELECT paid_at, state, tracking FROM orders WHERE id = :id")
        paid_at, state, tracking = c.execute(asked, {"id": id}).one()
    return paid_at is not None, state, tracking


def count(url: str, query: str) -> int:
    with host(url) as engine, engine.connect() as c:
        return int(c.execute(text(query)).scalar_one())


def stock(url: str) -> int:
    return count(url, "SELECT stock FROM products WHERE code = 'green-tea'")


BROKEN = {
    "sqlite": [
        "CREATE TRIGGER broken BEFORE UPDATE ON orders"
        " BEGIN SELECT RAISE(ABORT, 'the host fails'); END"
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE EXCEPTION 'the host fails'; END $$",
        "CREATE TRIGGER broken BEFORE UPDATE ON orders EXECUTE FUNCTION fail()",
    ],
}


@contextmanager
def broken(url: str) -> Iterator[None]:
    """Let every change of one of the shop's own orders fail in the database."""
    kind = url.partition(":")[0].partition("+")[0]
    with host(url) as engine:
        with engine.begin() as c:
            for statement in BROKEN[kind]:
                c.execute(text(statement))
        yield
        with engine.begin() as c:
            c.execute(text("DROP TRIGGER broken" + (" ON orders" if kind != "sqlite" else "")))


def said(answer: Any) -> list[str]:
    """Return the reasons that a page shows."""
    return [unescape(reason) for reason in re.findall(r"<p><b>(.*?)</b></p>", answer.text)]


def entries(mall: Mall, id: str) -> list[tuple[str, str]]:
    return [(e["what"], e["outcome"]) for e in mall.journal("order", id)]


def typed(*words: str) -> str:
    """Type a command of eldermall's; return what it prints."""
    ran = CliRunner().invoke(command_line, words)
    assert ran.exit_code == 0, ran.output
    return ran.stdout


# The shop as it was


@pytest.mark.parametrize("version", ["before", "after"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_pages_are_in_the_language_of_the_browser(
    framework: str, version: str, tmp_path: Path
) -> None:
    with opened(f"{framework}_{version}", f"sqlite:///{tmp_path / 'shop.db'}", POLICY) as shop:
        order = f"/orders/{shop.buy()}"
        for path, zh, en in (("/", "绿茶", "Green tea"), (order, "未付款", "not paid")):
            for lang, word, other in (("zh-CN,zh;q=0.9", zh, en), ("en-GB,en;q=0.9", en, zh)):
                page = shop.see(path, lang=lang)
                assert page.status == 200
                assert word in page.text
                assert other not in page.text
                assert f'lang="{lang[:2]}"' in page.text
        assert "绿茶" in shop.see(lang="fr").text


@pytest.mark.parametrize("version", ["before", "after"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_shop_has_answers_of_its_own(framework: str, version: str, tmp_path: Path) -> None:
    with opened(f"{framework}_{version}", f"sqlite:///{tmp_path / 'shop.db'}", POLICY) as shop:
        ids = [shop.buy() for _ in range(3)]
        sold_out = shop.do("/buy/green-tea")
        assert (sold_out.status, said(sold_out)) == (409, ["It is sold out"])
        own = shop.do(f"/orders/{ids[0]}/ship", lang="zh")
        assert (own.status, said(own)) == (403, ["只有店员可以这样做"])
        assert shop.see("/orders/none").status == 404
        assert shop.do("/buy/green-tea", STAFF).status == 409
        assert all(id in shop.see(who=STAFF).text for id in ids)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_it_was_before_ships_what_nobody_has_paid(framework: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    with opened(f"{framework}_before", url, POLICY) as shop:
        id = shop.buy()
        assert shop.move(id, "accept", "ship").to == f"/orders/{id}"
        assert row(url, id)[:2] == (False, "shipped")
        shop.move(id, "pay", "pay")
        assert row(url, id)[:2] == (True, "shipped")
    assert "eldermall" not in (shops.SHOPS / f"{framework}_before.py").read_text("utf-8")


# With eldermall


def test_an_order_is_placed_paid_accepted_and_shipped_in_both_tables(
    shop: Shop, mall: Mall, url: str
) -> None:
    id = shop.buy()
    assert mall.orders.get(id).summary == "submitted/unpaid"
    assert shop.move(id, "pay", "accept", "ship").to == f"/orders/{id}"
    assert mall.orders.get(id).summary == "shipped/paid"
    paid, state, tracking = row(url, id)
    assert (paid, state) == (True, "shipped")
    assert mall.orders.get(id).parcels[0].tracking == tracking
    assert stock(url) == 2
    assert {outcome for _, outcome in entries(mall, id)} == {"moved"}
    assert tracking in shop.see(f"/orders/{id}").text


def test_a_database_that_has_served_before_is_opened_again(
    place: tuple[str, str], url: str
) -> None:
    with opened(f"{place[0]}_before", url, POLICY) as shop:
        old = shop.buy()
    for _ in range(2):
        with opened(f"{place[0]}_after", url, POLICY) as shop:
            shop.buy()
            assert old in shop.see().text


def test_a_refusal_is_a_page_that_says_why_and_is_kept_although_the_shop_rolled_back(
    shop: Shop, mall: Mall, url: str
) -> None:
    id = shop.buy()
    shop.move(id, "accept")
    for times, (lang, reason) in enumerate(REASON.items(), 1):
        refused = shop.do(f"/orders/{id}/ship", STAFF, lang)
        assert (refused.status, said(refused)) == (409, [reason])
        assert f'lang="{lang}"' in refused.text
        assert entries(mall, id)[-times:] == [("order.ship", "refused")] * times
    assert row(url, id) == (False, "accepted", "")
    assert mall.orders.get(id).summary == "accepted/unpaid"
    shop.move(id, "pay", "ship")
    assert row(url, id)[:2] == (True, "shipped")
    assert mall.verify().passed


def test_a_customer_who_presses_pay_twice_pays_once(shop: Shop, mall: Mall) -> None:
    id = shop.buy()
    assert shop.move(id, "pay").to == f"/orders/{id}"
    for lang, words in (("zh", "已存在"), ("en", "exists already")):
        again = shop.do(f"/orders/{id}/pay", lang=lang)
        assert again.status == 409
        assert words in said(again)[0]
    assert mall.orders.get(id).received == 6800


def test_what_the_shop_fails_to_write_after_our_move_takes_the_move_with_it(
    shop: Shop, mall: Mall, url: str
) -> None:
    id = shop.buy()
    before = entries(mall, id)
    with broken(url):
        assert shop.move(id, "pay").status == 500
    assert (row(url, id)[0], mall.orders.get(id).payment) == (False, "unpaid")
    assert entries(mall, id) == before
    assert shop.move(id, "pay").to == f"/orders/{id}"
    assert (row(url, id)[0], mall.orders.get(id).payment) == (True, "paid")


def test_a_move_that_is_refused_takes_the_shops_new_rows_with_it(
    shop: Shop, mall: Mall, url: str
) -> None:
    line = {"id": "tea", "listing": "tea", "quantity": 1, "amount": 100}
    mall.orders.place("A1", customer="li", lines=[line], total=100, by=person("li", "customer"))
    shop.number("A1")
    refused = shop.do("/buy/green-tea", lang="zh")
    assert refused.status == 409
    assert "已存在" in said(refused)[0]
    assert (count(url, "SELECT count(*) FROM orders"), stock(url)) == (0, 3)
    assert entries(mall, "A1") == [("order.place", "moved"), ("order.place", "refused")]
    shop.number("A2")
    assert shop.buy() == "A2"


WAITING = [place for place in PLACES if place not in (("flask", "sqlite"), ("django", "sqlite"))]


@pytest.mark.parametrize("place", WAITING, ids="-".join)
def test_a_database_that_is_busy_is_a_page_too(place: tuple[str, str], tmp_path: Path) -> None:
    plain = address(place, tmp_path)
    sqlite = place[1] == "sqlite"
    url = f"{plain}?timeout=0.1" if sqlite else f"{plain}&options=-c%20lock_timeout%3D200"
    hold = "UPDATE eldermall_record_order SET version = version"
    with opened(f"{place[0]}_after", url, POLICY) as shop:
        id = shop.buy()
        with host(plain) as engine, engine.connect() as c:
            c.execute(text(hold))
            busy = shop.move(id, "pay")
            c.rollback()
        assert (busy.status, said(busy)) == (409, ["The shop is busy; please try again"])
        assert shop.move(id, "pay").to == f"/orders/{id}"


@pytest.mark.parametrize(
    "place", [p for p in PLACES if p[0] == "fastapi_async"], ids="-".join
)
def test_ten_customers_at_once_get_the_three_that_are_there(shop: Shop, mall: Mall) -> None:
    import httpx2 as httpx

    async def rush() -> list[int]:
        given: Any = httpx.ASGITransport(shop.app)
        async with httpx.AsyncClient(transport=given, base_url="http://localhost") as client:
            got = await asyncio.gather(*(client.post("/buy/green-tea") for _ in range(10)))
        return [answer.status_code for answer in got]

    assert sorted(asyncio.run(rush())) == [303] * 3 + [409] * 7
    with mall.read() as tx:
        assert len(tx.find("order")) == 3
    assert mall.verify().passed


def test_the_loop_of_the_page_looks_after_the_shop(shop: Shop, url: str) -> None:
    id = shop.buy()
    shop.move(id, "pay", "accept", "ship")
    assert json.loads(typed("work", url, "--policy", str(POLICY), "--once", "--json"))


# Observing first


@pytest.fixture
def observing(tmp_path: Path) -> Path:
    """The demo's policy with what the page says to observe, for longer than this code will live."""
    (block,) = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text("utf-8"), re.S | re.M)
    file = tmp_path / "observing.toml"
    relaxed = re.sub(r"until = [\d-]+", "until = 2199-12-31", block)
    file.write_text(f"{POLICY.read_text('utf-8')}\n{relaxed}", "utf-8")
    return file


def test_a_shop_hands_its_open_orders_over_observes_and_then_enforces(
    place: tuple[str, str], url: str, observing: Path, tmp_path: Path
) -> None:
    framework, _ = place
    with opened(f"{framework}_before", url, observing) as shop:
        paid, unpaid, gone = shop.buy(), shop.buy("honey"), shop.buy("honey")
        shop.move(paid, "pay", "accept")
        shop.move(gone, "accept", "ship")
    shops.appoint(url, observing)
    file = tmp_path / "orders.jsonl"
    file.write_text(shops.open_orders(url), "utf-8")
    policy = ("--policy", str(observing))
    for times in (["adopted", "there"], ["there", "adopted"]):
        asked = ("adopt", "orders", str(file), "--database", url, *policy, "--by", STAFF)
        did = json.loads(typed(*asked, "--json"))
        assert [did[what] for what in times] == [2, 0]
    with opened(f"{framework}_after", url, observing) as shop:
        assert shop.move(paid, "ship").to == f"/orders/{paid}"
        assert shop.move(unpaid, "accept", "ship").to == f"/orders/{unpaid}"
    with Mall.open(url, policy=observing, make=False) as mall:
        assert mall.orders.get(paid).summary == "shipped/paid"
        assert mall.orders.get(unpaid).summary == "shipped/unpaid"
        assert entries(mall, paid) == [("order.adopt", "adopted"), ("order.ship", "moved")]
        assert mall.verify().passed
    report = json.loads(typed("observe-report", url, *policy, "--json"))
    assert [(one["rule"], one["count"], one["examples"]) for one in report["observed"]] == [
        ("shipping.paid-first", 1, [f"order/{unpaid}"])
    ]
    with opened(f"{framework}_after", url, POLICY) as shop:
        another = shop.buy()
        assert shop.move(another, "accept", "ship").status == 409


# The page


def difference(framework: str) -> str:
    """Return how a shop changes when eldermall is added, as ``diff`` says it."""
    names = f"{framework}_before.py", f"{framework}_after.py"
    before, after = ((shops.SHOPS / name).read_text("utf-8").splitlines() for name in names)
    return "\n".join(difflib.unified_diff(before, after, *names, lineterm="", n=2)) + "\n"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_page_shows_what_is_added_and_it_is_not_more_than_forty_lines(framework: str) -> None:
    text, shown = PAGE.read_text("utf-8"), difference(framework)
    block = re.compile(rf"(?<=^```diff\n)--- {framework}_before\.py\n.*?(?=^```$)", re.S | re.M)
    if os.environ.get("ELDERMALL_REWRITE_TABLES"):
        text = block.sub(lambda _: shown, text)
        PAGE.write_text(text, "utf-8")
    assert block.findall(text) == [shown]
    assert len(re.findall(r"^\+(?!\+\+ )", shown, re.MULTILINE)) <= 40

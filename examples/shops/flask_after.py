"""A small shop on Flask and Python's sqlite3: order, pay, accept, ship."""

from __future__ import annotations

import atexit
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

from flask import Flask, redirect, render_template, request
from front import PRICES, STAFF, TEMPLATES, VISITOR, Lang, Problem, lang_of, new_id, now, say, seen
from werkzeug.wrappers import Response

from eldermall import Conflict, Mall, Refused, person, system

FILE = os.environ.get("SHOP_DATABASE", "sqlite:///shop.db").removeprefix("sqlite:///")
app = Flask(__name__, template_folder=TEMPLATES)


def connect() -> sqlite3.Connection:
    c = sqlite3.connect(FILE, isolation_level=None)
    c.row_factory = sqlite3.Row
    return c


@contextmanager
def transaction() -> Iterator[sqlite3.Connection]:
    """Commit what is done inside, or undo all of it."""
    with closing(connect()) as c:
        c.execute("BEGIN IMMEDIATE")
        with c:
            yield c


with transaction() as c:
    c.execute("CREATE TABLE IF NOT EXISTS products (code TEXT PRIMARY KEY, price INT, stock INT)")
    c.execute(
        "CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, customer TEXT, product TEXT,"
        " total INT, placed_at INT, paid_at INT, state TEXT DEFAULT 'placed',"
        " tracking TEXT DEFAULT '')"
    )
    c.executemany("INSERT OR IGNORE INTO products VALUES (?, ?, 3)", PRICES.items())

OLIVIA = person(STAFF, "operations", department="operations")
mall = Mall.open(f"sqlite:///{FILE}", policy=os.environ.get("SHOP_POLICY", "pack:demo"))
atexit.register(mall.close)


def who() -> str:
    return request.cookies.get("who", VISITOR)


def lang() -> Lang:
    return lang_of(request.headers.get("Accept-Language"))


def page(name: str, **more: Any) -> str:
    return render_template(name, **seen(lang(), who()), **more)


def staff_only() -> None:
    if who() != STAFF:
        raise Problem("staff_only", 403)


def find(c: sqlite3.Connection, id: str) -> sqlite3.Row:
    row = c.execute("SELECT * FROM orders WHERE id = ?", (id,)).fetchone()
    if row is None or who() not in (STAFF, row["customer"]):
        raise Problem("no_order", 404)
    found: sqlite3.Row = row
    return found


@app.errorhandler(Problem)
def problem(error: Problem) -> tuple[str, int]:
    return page("problem.html", reasons=[say(error.word, lang())]), error.status


@app.errorhandler(Refused)
def refused(error: Refused) -> tuple[str, int]:
    return page("problem.html", reasons=[r.in_(lang()) for r in error.decision.reasons]), 409


@app.teardown_request
def settle(_: object) -> None:
    """Write the refusals of the request, now that its transactions are over."""
    with suppress(Conflict):  # they wait for the next request
        mall.settle()


@app.get("/as/<name>")
def be(name: str) -> Response:
    answer = redirect("/")
    answer.set_cookie("who", STAFF if name == STAFF else VISITOR, samesite="Lax")
    return answer


@app.get("/")
def shelf() -> str:
    with closing(connect()) as c:
        products = c.execute("SELECT * FROM products ORDER BY code").fetchall()
        mine = "SELECT * FROM orders WHERE ? IN (customer, ?) ORDER BY id DESC"
        orders = c.execute(mine, (who(), STAFF)).fetchall()
    return page("shelf.html", products=products, orders=orders)


@app.get("/orders/<id>")
def order(id: str) -> str:
    with closing(connect()) as c:
        return page("order.html", order=find(c, id))


@app.post("/buy/<code>")
def place(code: str) -> Response:
    id = new_id()
    with transaction() as c, mall.joined(c) as m:
        take = "UPDATE products SET stock = stock - 1 WHERE code = ? AND stock > 0"
        if c.execute(take, (code,)).rowcount == 0:
            raise Problem("sold_out")
        new = "INSERT INTO orders (id, customer, product, total, placed_at) VALUES (?, ?, ?, ?, ?)"
        c.execute(new, (id, who(), code, PRICES[code], now()))
        line = {"id": code, "listing": code, "quantity": 1, "amount": PRICES[code]}
        by = person(who(), "customer")
        m.orders.place(id, customer=who(), lines=[line], total=PRICES[code], by=by)
    return redirect(f"/orders/{id}", 303)


@app.post("/orders/<id>/pay")
def pay(id: str) -> Response:
    """Stands in for the notice of a payment service."""
    with transaction() as c, mall.joined(c) as m:
        order = find(c, id)
        m.orders.paid(id, order["total"], f"pay-{id}", by=system("payments"))
        c.execute("UPDATE orders SET paid_at = ? WHERE id = ?", (now(), id))
    return redirect(f"/orders/{id}", 303)


@app.post("/orders/<id>/accept")
def accept(id: str) -> Response:
    staff_only()
    with transaction() as c, mall.joined(c) as m:
        find(c, id)
        m.orders.hand_over(id, to=STAFF, by=OLIVIA)
        m.orders.accept(id, by=OLIVIA)
        c.execute("UPDATE orders SET state = 'accepted' WHERE id = ?", (id,))
    return redirect(f"/orders/{id}", 303)


@app.post("/orders/<id>/ship")
def ship(id: str) -> Response:
    staff_only()
    with transaction() as c, mall.joined(c) as m:
        order = find(c, id)
        tracking = f"SF{id[-6:].upper()}"
        sent = "UPDATE orders SET state = 'shipped', tracking = ? WHERE id = ?"
        c.execute(sent, (tracking, id))
        lines = {order["product"]: 1}
        m.orders.ship(id, parcel="1", courier="SF", tracking=tracking, lines=lines, by=OLIVIA)
    return redirect(f"/orders/{id}", 303)

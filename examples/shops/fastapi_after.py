"""A small shop on FastAPI and SQLAlchemy's Session: order, pay, accept, ship."""

from __future__ import annotations

import atexit
import os
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.templating import Jinja2Templates
from front import PRICES, STAFF, TEMPLATES, VISITOR, Lang, Problem, lang_of, new_id, now, say, seen
from sqlalchemy import create_engine, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from eldermall import Conflict, Mall, Refused, person, system

URL = os.environ.get("SHOP_DATABASE", "sqlite:///shop.db")
engine = create_engine(URL)
Sessions = sessionmaker(engine, expire_on_commit=False)
templates = Jinja2Templates(TEMPLATES)
app = FastAPI()
OLIVIA = person(STAFF, "operations", department="operations")
mall = Mall.open(URL, policy=os.environ.get("SHOP_POLICY", "pack:demo"))
atexit.register(mall.close)


class Table(DeclarativeBase):
    pass


class Product(Table):
    __tablename__ = "products"
    code: Mapped[str] = mapped_column(primary_key=True)
    price: Mapped[int]
    stock: Mapped[int]


class Order(Table):
    __tablename__ = "orders"
    id: Mapped[str] = mapped_column(primary_key=True)
    customer: Mapped[str]
    product: Mapped[str]
    total: Mapped[int]
    placed_at: Mapped[int]
    paid_at: Mapped[int | None]
    state: Mapped[str] = mapped_column(default="placed")
    tracking: Mapped[str] = mapped_column(default="")


with Sessions.begin() as session:
    Table.metadata.create_all(session.connection())
    for code, price in PRICES.items():
        if session.get(Product, code) is None:
            session.add(Product(code=code, price=price, stock=3))


def who(request: Request) -> str:
    return request.cookies.get("who", VISITOR)


def lang(request: Request) -> Lang:
    return lang_of(request.headers.get("Accept-Language"))


def page(request: Request, name: str, status: int = 200, **more: Any) -> Response:
    shown = seen(lang(request), who(request)) | more
    return templates.TemplateResponse(request, name, shown, status_code=status)


def to_order(id: str) -> Response:
    return RedirectResponse(f"/orders/{id}", 303)


def staff_only(request: Request) -> None:
    if who(request) != STAFF:
        raise Problem("staff_only", 403)


def find(session: Session, request: Request, id: str) -> Order:
    order = session.get(Order, id)
    if order is None or who(request) not in (STAFF, order.customer):
        raise Problem("no_order", 404)
    return order


@app.exception_handler(Problem)
def problem(request: Request, error: Problem) -> Response:
    reasons = [say(error.word, lang(request))]
    return page(request, "problem.html", error.status, reasons=reasons)


@app.exception_handler(Refused)
def refused(request: Request, error: Refused) -> Response:
    reasons = [reason.in_(lang(request)) for reason in error.decision.reasons]
    return page(request, "problem.html", 409, reasons=reasons)


@app.exception_handler(Conflict)
def conflict(request: Request, error: Conflict) -> Response:
    return problem(request, Problem("again"))


@app.get("/as/{name}")
def be(name: str) -> Response:
    answer = RedirectResponse("/", 303)
    answer.set_cookie("who", STAFF if name == STAFF else VISITOR, samesite="lax")
    return answer


@app.get("/", response_class=HTMLResponse)
def shelf(request: Request) -> Response:
    mine = select(Order).order_by(Order.id.desc())
    if who(request) != STAFF:
        mine = mine.where(Order.customer == who(request))
    with Sessions() as session:
        products = session.scalars(select(Product).order_by(Product.code)).all()
        orders = session.scalars(mine).all()
    return page(request, "shelf.html", products=products, orders=orders)


@app.get("/orders/{id}", response_class=HTMLResponse)
def order(request: Request, id: str) -> Response:
    with Sessions() as session:
        return page(request, "order.html", order=find(session, request, id))


@app.post("/buy/{code}")
def place(request: Request, code: str) -> Response:
    id = new_id()
    with Sessions.begin() as session, mall.joined(session) as m:
        left = update(Product).where(Product.code == code, Product.stock > 0)
        taken = left.values(stock=Product.stock - 1).returning(Product.price)
        total = session.scalar(taken)
        if total is None:
            raise Problem("sold_out")
        new = {"id": id, "customer": who(request), "product": code, "total": total}
        session.add(Order(**new, placed_at=now()))
        line = {"id": code, "listing": code, "quantity": 1, "amount": total}
        by = person(who(request), "customer")
        m.orders.place(id, customer=by.id, lines=[line], total=total, by=by)
    return to_order(id)


@app.post("/orders/{id}/pay")
def pay(request: Request, id: str) -> Response:
    """Stands in for the notice of a payment service."""
    with Sessions.begin() as session, mall.joined(session) as m:
        order = find(session, request, id)
        order.paid_at = now()
        m.orders.paid(id, order.total, f"pay-{id}", by=system("payments"))
    return to_order(id)


@app.post("/orders/{id}/accept")
def accept(request: Request, id: str) -> Response:
    staff_only(request)
    with Sessions.begin() as session, mall.joined(session) as m:
        order = find(session, request, id)
        order.state = "accepted"
        m.orders.hand_over(id, to=STAFF, by=OLIVIA)
        m.orders.accept(id, by=OLIVIA)
    return to_order(id)


@app.post("/orders/{id}/ship")
def ship(request: Request, id: str) -> Response:
    staff_only(request)
    with Sessions.begin() as session, mall.joined(session) as m:
        order = find(session, request, id)
        order.state = "shipped"
        order.tracking = f"SF{id[-6:].upper()}"
        m.orders.ship(
            id, parcel="1", courier="SF", tracking=order.tracking, lines={order.product: 1},
            by=OLIVIA,
        )
    return to_order(id)

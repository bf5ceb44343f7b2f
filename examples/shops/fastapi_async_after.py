"""A small shop on FastAPI and SQLAlchemy's AsyncSession: order, pay, accept, ship."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.templating import Jinja2Templates
from front import PRICES, STAFF, TEMPLATES, VISITOR, Lang, Problem, lang_of, new_id, now, say, seen
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from eldermall import Conflict, Mall, Refused, person, system
from eldermall.mall import Moving

URL = os.environ.get("SHOP_DATABASE", "sqlite:///shop.db")  # or postgresql+psycopg://
engine = create_async_engine(URL.replace("sqlite:", "sqlite+aiosqlite:"))
Sessions = async_sessionmaker(engine, expire_on_commit=False)
templates = Jinja2Templates(TEMPLATES)
PAYMENTS = system("payments")
OLIVIA = person(STAFF, "operations", department="operations")
mall = Mall.open(URL, policy=os.environ.get("SHOP_POLICY", "pack:demo"))


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


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Table.metadata.create_all)
    async with Sessions.begin() as session:
        for code, price in PRICES.items():
            if await session.get(Product, code) is None:
                session.add(Product(code=code, price=price, stock=3))
    yield
    await engine.dispose()
    mall.close()


app = FastAPI(lifespan=lifespan)


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


async def find(session: AsyncSession, request: Request, id: str) -> Order:
    order = await session.get(Order, id)
    if order is None or who(request) not in (STAFF, order.customer):
        raise Problem("no_order", 404)
    return order


async def move(session: AsyncSession, moves: Callable[[Moving], object]) -> None:
    def inside(sync: Session) -> None:
        with mall.joined(sync) as m:
            moves(m)

    await session.run_sync(inside)


@app.exception_handler(Problem)
async def problem(request: Request, error: Problem) -> Response:
    reasons = [say(error.word, lang(request))]
    return page(request, "problem.html", error.status, reasons=reasons)


@app.exception_handler(Refused)
async def refused(request: Request, error: Refused) -> Response:
    reasons = [reason.in_(lang(request)) for reason in error.decision.reasons]
    return page(request, "problem.html", 409, reasons=reasons)


@app.exception_handler(Conflict)
async def conflict(request: Request, error: Conflict) -> Response:
    return await problem(request, Problem("again"))


@app.get("/as/{name}")
async def be(name: str) -> Response:
    answer = RedirectResponse("/", 303)
    answer.set_cookie("who", STAFF if name == STAFF else VISITOR, samesite="lax")
    return answer


@app.get("/", response_class=HTMLResponse)
async def shelf(request: Request) -> Response:
    mine = select(Order).order_by(Order.id.desc())
    if who(request) != STAFF:
        mine = mine.where(Order.customer == who(request))
    async with Sessions() as session:
        products = (await session.scalars(select(Product).order_by(Product.code))).all()
        orders = (await session.scalars(mine)).all()
    return page(request, "shelf.html", products=products, orders=orders)


@app.get("/orders/{id}", response_class=HTMLResponse)
async def order(request: Request, id: str) -> Response:
    async with Sessions() as session:
        return page(request, "order.html", order=await find(session, request, id))


@app.post("/buy/{code}")
async def place(request: Request, code: str) -> Response:
    id = new_id()
    async with Sessions.begin() as session:
        left = update(Product).where(Product.code == code, Product.stock > 0)
        taken = left.values(stock=Product.stock - 1).returning(Product.price)
        total = await session.scalar(taken)
        if total is None:
            raise Problem("sold_out")
        new = {"id": id, "customer": who(request), "product": code, "total": total}
        session.add(Order(**new, placed_at=now()))
        line = {"id": code, "listing": code, "quantity": 1, "amount": total}
        by = person(who(request), "customer")
        await move(session, lambda m: m.orders.place(
            id, customer=by.id, lines=[line], total=total, by=by,
        ))
    return to_order(id)


@app.post("/orders/{id}/pay")
async def pay(request: Request, id: str) -> Response:
    """Stands in for the notice of a payment service."""
    async with Sessions.begin() as session:
        order = await find(session, request, id)
        order.paid_at = now()
        await move(session, lambda m: m.orders.paid(id, order.total, f"pay-{id}", by=PAYMENTS))
    return to_order(id)


@app.post("/orders/{id}/accept")
async def accept(request: Request, id: str) -> Response:
    staff_only(request)
    async with Sessions.begin() as session:
        order = await find(session, request, id)
        order.state = "accepted"
        await move(session, lambda m: m.orders.hand_over(id, to=STAFF, by=OLIVIA))
        await move(session, lambda m: m.orders.accept(id, by=OLIVIA))
    return to_order(id)


@app.post("/orders/{id}/ship")
async def ship(request: Request, id: str) -> Response:
    staff_only(request)
    async with Sessions.begin() as session:
        order = await find(session, request, id)
        order.state = "shipped"
        order.tracking = f"SF{id[-6:].upper()}"
        await move(session, lambda m: m.orders.ship(
            id, parcel="1", courier="SF", tracking=order.tracking, lines={order.product: 1},
            by=OLIVIA,
        ))
    return to_order(id)

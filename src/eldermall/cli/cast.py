"""Who plays in the demo, what is sold, and the moves that several of them make together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from eldermall.cli.stage import START, Cast
from eldermall.engine.actor import person, system
from eldermall.mall import Mall
from eldermall.texts import Text

LIN = Cast(
    person("lin", "company_leader", department="board"), Text("林总（公司领导）", "Lin, leader")
)
HU = Cast(
    person("hu", "department_head", department="operations"), Text("胡敏（部门负责人）", "Hu, head")
)
OUYANG = Cast(
    person("ouyang", "operations", department="operations"), Text("欧阳兰（运营）", "Ouyang, ops")
)
RUI = Cast(
    person("rui", "operations", department="operations"), Text("芮青（审核）", "Rui, reviewer")
)
CHEN = Cast(
    person("chen", "customer_service", department="operations"),
    Text("陈静（客服）", "Chen, service"),
)
WANG = Cast(
    person("wang", "field_agent", department="operations"), Text("王磊（外勤）", "Wang, field")
)
ZHAO = Cast(person("zhao", "merchant", merchant="tea-house"), Text("赵记茶坊", "Zhao, tea house"))
KANG = Cast(person("kang", "merchant", merchant="home-barber"), Text("康师傅理发", "Kang, barber"))
LI = Cast(person("grandma-li", "customer"), Text("李奶奶", "Grandma Li"))
LI_QIN = Cast(person("li-qin", "customer"), Text("李琴（女儿）", "Li Qin, daughter"))
SUN = Cast(person("grandpa-sun", "customer"), Text("孙爷爷", "Grandpa Sun"))
PAYMENTS = Cast(system("payments"), Text("收款系统", "payments"))
COURIER = Cast(system("courier:SF"), Text("快递回传", "courier"))

TEA = {"title": "明前绿茶 · Green tea", "description": "250 g", "price": 6800, "currency": "CNY"}
HONEY = {
    "title": "洋槐蜂蜜 · Acacia honey", "description": "500 g", "price": 5600, "currency": "CNY",
}
STICK = {
    "title": "手杖 · Walking stick", "description": "92 cm", "price": 9900, "currency": "CNY",
}
HAIRCUT = {
    "title": "上门理发 · Haircut at home", "description": "40 min", "price": 3800,
    "currency": "CNY",
}
LISTINGS = {
    "tea": "spring-tea", "honey": "acacia-honey", "stick": "walking-stick", "haircut": "haircut",
}
"""The listing that a line of an order is about."""

SELLERS = {"tea-house": ("tea", "honey"), "home-barber": ("haircut",)}
"""What each merchant sells; the rest is the mall's own."""

STEPS = ("photography", "image_processing", "detail_page", "listing")
PASSED = {
    name: {"passed": True, "note": "checked"}
    for name in ("legality", "authenticity", "reasonableness")
}
FAILED = {**PASSED, "authenticity": {"passed": False, "note": "no proof of origin"}}


def on(day: int, clock: str) -> datetime:
    """Return ``HH:MM`` of a day of March 2026."""
    hour, minute = clock.split(":")
    return START.replace(day=day, hour=int(hour), minute=int(minute))


def review(mall: Mall, listing: str, by: Cast) -> None:
    """Review what was submitted; every criterion is met."""
    mall.listings.start_review(listing, by=by.actor)
    mall.listings.approve(listing, criteria=PASSED, by=by.actor)


def place(mall: Mall, id: str, who: Cast, wanted: Mapping[str, int], **more: Any) -> None:
    """Order something at the price that is on display."""
    lines: list[dict[str, Any]] = []
    for line, quantity in wanted.items():
        shown = mall.listings.get(LISTINGS[line]).on_display
        assert shown is not None
        lines.append(
            {
                "id": line, "listing": LISTINGS[line], "quantity": quantity,
                "amount": shown.price * quantity,
            }
        )
    mall.orders.place(
        id, customer=who.actor.id, lines=lines, total=sum(line["amount"] for line in lines),
        merchant=next((m for m, sold in SELLERS.items() if set(wanted) <= set(sold)), None),
        kind="service" if "haircut" in wanted else "goods", by=who.actor, **more,
    )


def pay(mall: Mall, id: str, reference: str | None = None) -> None:
    """Book what an order costs."""
    total = mall.orders.get(id).total
    mall.orders.paid(id, total, reference or f"pay-{id}", by=PAYMENTS.actor)


def accept(mall: Mall, id: str, by: Cast) -> None:
    """Hand an order to Wang, who phones the merchant, who accepts it."""
    mall.orders.hand_over(id, to=WANG.actor.id, by=CHEN.actor)
    mall.orders.contact_merchant(id, way="phone", by=WANG.actor)
    mall.orders.accept(id, by=by.actor)


def ship(mall: Mall, id: str, parcel: str, by: Cast, **lines: int) -> None:
    """Send a parcel."""
    mall.orders.ship(
        id, parcel=parcel, courier="SF", tracking=f"SF-{parcel}", lines=lines, by=by.actor
    )


def arrive(mall: Mall, id: str, parcel: str) -> None:
    """Let a parcel arrive."""
    mall.orders.deliver(id, parcel=parcel, by=COURIER.actor)


def urge_of(mall: Mall, order: str) -> str:
    """Return the id of the urge that waits for an answer over an order."""
    with mall.read() as tx:
        (row,) = tx.find("urge", open=True, order=order)
    return row.id

"""Orders of services with their capacity, and callbacks."""

from __future__ import annotations

from datetime import date
from typing import Any

from eldermall import person
from tests import shop
from tests.golden.chapters.goods import DAUGHTER, delivered, sold
from tests.golden.life import Life

LINES = [{"id": "feet", "listing": "foot-care", "quantity": 1, "amount": 9000}]


def placed(life: Life, id: str, **more: Any) -> None:
    """Order a service."""
    given = {"customer": "grandma-li", "merchant": "tea-house", "total": 9000, "lines": LINES}
    life.orders.place(
        id, **given | {"kind": "service", "relatives": [DAUGHTER.id], "by": shop.CUSTOMER} | more
    )


def contacted(life: Life, id: str) -> None:
    """Order a service, and contact the merchant."""
    placed(life, id)
    life.orders.hand_over(id, to=shop.AGENT.id, by=shop.SERVICE)
    life.orders.contact_merchant(id, way="phone", by=shop.AGENT)


def accepted(life: Life, id: str) -> None:
    """Order a service that is accepted, and paid."""
    contacted(life, id)
    life.orders.accept(id, by=shop.MERCHANT)
    life.orders.paid(id, 9000, f"pay-{id}", by=shop.PAYMENTS)


def appointed(life: Life, id: str) -> None:
    """Order a service that is appointed for the day after."""
    accepted(life, id)
    life.orders.appoint(id, when=life.ahead(days=1), place="at home", by=shop.AGENT)


def done(life: Life, id: str) -> None:
    """Order a service that is done."""
    appointed(life, id)
    life.orders.start(id, served_by="nurse-he", by=shop.MERCHANT)
    life.orders.finish(id, proof="photo-1", by=shop.MERCHANT)


def services(life: Life) -> None:
    """Appoint, serve, confirm or not; cancel and decline; be late."""
    shop.staff(life)
    _capacity(life)
    no = life.no.orders
    contacted(life, "S1")
    life.orders.accept("S1", by=shop.AGENT)
    no.appoint("S1", when=life.ago(days=1), place="at home", by=shop.MERCHANT)
    no.appoint("S1", when=life.ahead(days=2), place="at home", by=shop.MERCHANT)
    life.orders.appoint("S1", when=life.ahead(days=1), place="at home", by=shop.MERCHANT)
    no.start("S1", served_by="nurse-he", by=shop.MERCHANT)
    no.ship("S1", parcel="p", courier="SF", tracking="1", lines={"feet": 1}, by=shop.MERCHANT)
    life.orders.paid("S1", 9000, "pay-S1", by=shop.PAYMENTS)
    life.orders.appoint("S1", when=life.ahead(hours=3), place="at her son's", by=shop.SERVICE)
    no.start("S1", served_by="nurse-he", by=shop.MERCHANT, at=life.ago(minutes=6))
    life.orders.start("S1", served_by="nurse-he", by=shop.MERCHANT)
    no.finish("S1", proof="photo-1", by=shop.MERCHANT, at=life.ago(minutes=6))
    life.orders.finish("S1", proof="photo-1", by=shop.AGENT)
    no.confirm("S1", by=shop.SERVICE)
    no.confirm("S1", by=shop.CUSTOMER, confirmed_by=DAUGHTER.id)
    no.confirm("S1", by=shop.CUSTOMER, at=life.ago(minutes=6))
    life.orders.confirm("S1", by=shop.SERVICE, confirmed_by=DAUGHTER.id)
    life.callbacks.refuse("S1", by=shop.SERVICE)
    life.orders.archive("S1", by=shop.SERVICE)
    _ended(life)
    _late(life)
    life.seal()
    life.pass_(days=1100)
    for id in ("S1", "T1", "U1"):
        life.orders.erase(id, by=shop.OPERATIONS)
    life.erase_expired()
    life.end()


def _capacity(life: Life) -> None:
    """Say how many a day; what isn't listed here only operations opens."""
    room, no = life.capacity, life.no.capacity
    no.open("foot-care", merchant="tea-house", by=shop.MERCHANT)
    room.open("foot-care", merchant="tea-house", by=shop.OPERATIONS)
    no.open("foot-care", merchant="tea-house", by=shop.OPERATIONS)
    with life.unstaffed("listing"):
        no.close("foot-care", by=shop.OPERATIONS)
    room.close("foot-care", by=shop.MERCHANT)
    no.reopen("foot-care", by=shop.RIVAL)
    room.reopen("foot-care", by=shop.MERCHANT)
    no.set_day("foot-care", day="2026-02-30", total=1, by=shop.MERCHANT)
    room.set_day("foot-care", day=date(2026, 3, 3), total=9, by=shop.MERCHANT)
    room.set_day("foot-care", day=date(2026, 3, 2), total=1, by=shop.AGENT)
    life.no.capacity.set_day("foot-care", day=date(2026, 3, 3), total=9, by=_agent("ma"))


def _agent(id: str) -> Any:
    return person(id, "field_agent", department="operations")


def adopted(life: Life, id: str, state: str) -> None:
    """Take over an order of a service in a state before it begins."""
    paid = state in ("accepted", "appointed")
    agreed = {"when": life.ahead(days=1), "place": "at home", "agreed_at": life.time.now}
    life.orders.adopt(id, {
        "service": state, "payment": "paid" if paid else "unpaid", "kind": "service",
        "merchant": "tea-house", "customer": "grandma-li", "group_id": None, "channel": "app",
        "currency": "CNY", "freight": 0, "total": 9000, "cash_on_delivery": False,
        "received": 9000 if paid else 0, "created_at": life.time.now,
        "paid_at": life.time.now if paid else None,
        "lines": [{"id": "feet", "listing": "foot-care", "ordered": 1, "amount": 9000}],
        "appointment": agreed if state == "appointed" else None,
    }, by=shop.OPERATIONS)


def _ended(life: Life) -> None:
    """Cancel and decline from every state before the service begins."""
    room = life.capacity
    states = ("submitted", "handed_over", "merchant_contacted", "accepted", "appointed")
    for number, state in enumerate(states):
        adopted(life, f"T{number}", state)
        life.orders.cancel(f"T{number}", reason="she is away", by=shop.CUSTOMER)
    for number, state in enumerate(states[1:]):
        adopted(life, f"U{number}", state)
        life.orders.decline(f"U{number}", reason="the nurse is ill", by=shop.MERCHANT)
    for id in ("T3", "T4", "U2", "U3"):
        life.orders.refunded(id, 9000, f"back-{id}", by=shop.PAYMENTS)
    placed(life, "V0", merchant=None)
    life.orders.hand_over("V0", to="nurse-he", by=shop.OPERATIONS)
    life.orders.accept("V0", by=shop.OPERATIONS)
    accepted(life, "V1")
    life.orders.refunded("V1", 9000, "back-V1", by=shop.PAYMENTS)
    appointed(life, "V2")
    life.no.capacity.set_day("foot-care", day=date(2026, 3, 3), total=0, by=shop.MERCHANT)
    life.no.capacity.close("foot-care", by=shop.MERCHANT)
    life.orders.cancel("V2", reason="she is away", lines={"feet": 1}, by=shop.CUSTOMER)
    placed(life, "V3")
    life.pass_(days=2)
    room.close("foot-care", by=shop.OPERATIONS)
    life.orders.cancel("V3", reason="she is away", by=shop.CUSTOMER)
    life.no.orders.accept("V3", by=shop.OPERATIONS)
    accepted(life, "V4")
    life.no.orders.appoint("V4", when=life.ahead(days=1), place="at home", by=shop.AGENT)


def _late(life: Life) -> None:
    """Let the limits of a service pass; the customer's silence confirms it."""
    life.capacity.reopen("foot-care", by=shop.MERCHANT)
    for day in range(4, 10):
        life.capacity.set_day("foot-care", day=date(2026, 3, day), total=3, by=shop.MERCHANT)
    life.sweep(hours=49)
    life.orders.appoint("V4", when=life.ahead(hours=2), place="at home", by=shop.SERVICE)
    life.sweep(hours=4)
    life.orders.start("V4", served_by="nurse-he", by=shop.AGENT)
    life.sweep(hours=25)
    life.sweep(hours=24)
    life.orders.finish("V4", proof="photo-2", by=shop.AGENT)
    done_at = life.time.now
    life.sweep(days=7, minutes=1)
    assert life.mall.orders.get("V4").service == "completed", done_at
    life.callbacks.reach("V4", satisfaction="neutral", suggestion="", by=shop.SERVICE)
    life.orders.archive("V4", by=shop.OPERATIONS)


def callbacks(life: Life) -> None:
    """Call after every completed order: reach, don't reach, be declined, be late."""
    shop.staff(life)
    room, no = life.callbacks, life.no.callbacks
    delivered(life, "A1")
    life.orders.complete("A1", by=shop.CUSTOMER)
    for number in range(2, 7):
        done = life.time.now
        sold(life, f"A{number}", goods="completed", completed_at=done, channel="wechat")
    with life.unstaffed("callback"):
        no.attempt("A1", note="no answer", by=shop.SERVICE)
    said = {"satisfaction": "satisfied", "suggestion": ""}
    no.reach("A1", **said | {"satisfaction": None}, by=shop.SERVICE)
    no.reach("A1", **said | {"suggestion": None}, by=shop.SERVICE)
    no.reach("A1", **said, by=shop.CUSTOMER)
    no.reach("A1", **said | {"satisfaction": "happy"}, by=shop.SERVICE)
    room.reach("A1", **said, by=shop.SERVICE)
    no.refuse("A1", by=shop.SERVICE)
    room.refuse("A2", by=shop.OPERATIONS)
    for id in ("A3", "A4", "A5"):
        no.give_up(id, by=shop.SERVICE)
        room.attempt(id, note="engaged · 占线", by=shop.SERVICE)
    room.reach(
        "A3", satisfaction="dissatisfied", suggestion="call in the evening",
        complaint="茶叶潮了", by=shop.SERVICE, key="call-A3",
    )
    room.reach(
        "A3", satisfaction="dissatisfied", suggestion="call in the evening",
        complaint="茶叶潮了", by=shop.SERVICE, key="call-A3",
    )
    room.refuse("A4", by=shop.SERVICE)
    no.give_up("A5", by=shop.SERVICE)
    room.attempt("A5", note="engaged", by=shop.SERVICE)
    room.attempt("A5", note="no answer", by=shop.OPERATIONS)
    room.give_up("A5", by=shop.SERVICE)
    life.sweep(days=3, minutes=1)
    room.attempt("A6", note="no answer", by=shop.SERVICE)
    life.sweep(days=1)
    life.seal()
    no.erase("A1", by=shop.OPERATIONS)
    life.pass_(days=1100)
    for id in ("A1", "A2", "A5"):
        room.erase(id, by=shop.OPERATIONS)
    life.sweep()
    life.erase_expired()
    life.end()

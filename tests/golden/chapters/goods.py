"""Orders of goods: on every way from the submission to the archive, and out of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eldermall import TrackingEvent, person
from tests import shop
from tests.golden.life import Life

DAUGHTER = person("li-min", "customer")
MA = person("ma", "field_agent", department="operations")
ALL = {"tea": 3, "honey": 1}


def handed(life: Life, id: str) -> None:
    """Place an order and hand it over."""
    shop.place(life, id)
    life.orders.hand_over(id, to=shop.AGENT.id, by=shop.SERVICE)


def contacted(life: Life, id: str) -> None:
    """Place an order, hand it over, and contact the merchant."""
    handed(life, id)
    life.orders.contact_merchant(id, way="phone", by=shop.AGENT)


def accepted(life: Life, id: str, **more: Any) -> None:
    """Place an order and take it to accepted; pay it."""
    shop.place(life, id, **more)
    shop.pay(life, id)
    shop.accept(life, id)


def shipped(life: Life, id: str) -> None:
    """Take an order to shipped, in one parcel."""
    accepted(life, id)
    shop.ship(life, id)


def delivered(life: Life, id: str) -> None:
    """Take an order to delivered."""
    shipped(life, id)
    life.orders.deliver(id, parcel="p-tea-honey", by=shop.COURIER)


def archived(life: Life, id: str) -> None:
    """Take an order to its archive."""
    delivered(life, id)
    life.orders.complete(id, by=shop.CUSTOMER)
    life.callbacks.refuse(id, by=shop.SERVICE)
    life.orders.archive(id, by=shop.SERVICE)


def sold(life: Life, id: str, **more: Any) -> None:
    """Take over an order of 50 teas and 50 pots of honey that has been delivered."""
    lines = [
        {"id": "tea", "listing": "green-tea", "ordered": 50, "shipped": 50, "amount": 5000},
        {"id": "honey", "listing": "honey", "ordered": 50, "shipped": 50, "amount": 6000},
    ]
    at = life.ago(hours=5)
    parcel = {
        "id": "p", "courier": "SF", "tracking": "1", "lines": {"tea": 50, "honey": 50},
        "shipped_at": at, "delivered_at": at,
    }
    given = {
        "goods": "delivered", "payment": "paid", "kind": "goods", "merchant": "tea-house",
        "customer": "grandma-li", "group_id": None, "channel": "app", "currency": "CNY",
        "freight": 0, "total": 11000, "cash_on_delivery": False, "lines": lines,
        "received": 11000, "created_at": at, "paid_at": at, "parcels": [parcel],
        "relatives": [DAUGHTER.id],
    }
    life.orders.adopt(id, given | more, by=shop.OPERATIONS)


def orders(life: Life) -> None:
    """Take one order all the way, with everything that is refused on it."""
    no = life.no.orders
    _placing(life)
    with life.unstaffed("order"):
        no.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE)
    no.hand_over("A1", to="nobody", by=shop.SERVICE)
    no.hand_over("A1", to=shop.AGENT.id, by=shop.CUSTOMER)
    no.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE, expect=7)
    no.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE, expect=0)
    life.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE, expect=1)
    no.contact_merchant("A1", way="phone", by=MA)
    no.accept("A1", by=shop.MERCHANT)
    life.orders.contact_merchant("A1", way="by phone", by=shop.AGENT)
    no.accept("A1", by=shop.RIVAL)
    life.orders.accept("A1", by=shop.MERCHANT)
    no.ship("A1", parcel="p1", courier="SF", tracking="SF1", lines={"tea": 1}, by=shop.MERCHANT)
    no.paid("A1", 1, "pay-A1", by=shop.PAYMENTS)
    no.paid("A1", 27000, "pay-A1", currency="USD", by=shop.PAYMENTS)
    life.orders.paid("A1", 27000, "pay-A1", by=shop.PAYMENTS, key="bank-1")
    life.orders.paid("A1", 27000, "pay-A1", by=shop.PAYMENTS, key="bank-1")
    no.collect("A1", 27000, by=shop.PAYMENTS)
    shop.place(life, "A2")
    no.paid("A2", 27000, "pay-A1", by=shop.PAYMENTS)
    no.refunded("A2", 1, "back-A2", by=shop.PAYMENTS)
    _parcels(life)
    no.archive("A1", by=shop.SERVICE)
    no.appoint("A1", when=life.ahead(days=1), place="at home", by=shop.MERCHANT)
    life.callbacks.reach(
        "A1", satisfaction="dissatisfied", suggestion="more honey", by=shop.SERVICE,
        complaint="the honey was damp",
    )
    life.orders.archive("A1", by=shop.OPERATIONS)
    no.track("A1", parcel="p1", events=[TrackingEvent("in_transit", life.time.now)],
             by=shop.COURIER)
    life.seal()
    life.relay()
    life.relay(minutes=2)
    no.erase("A1", by=shop.OPERATIONS)
    life.pass_(days=1097)
    life.orders.erase("A1", by=shop.OPERATIONS)
    life.sweep()
    life.relay()
    life.end()


def _placing(life: Life) -> None:
    no = life.no.orders
    shop.staff(life)
    life.pass_(hours=2)
    lines = [{"id": "tea", "listing": "green-tea", "quantity": 3, "amount": 20400}]
    given = {"customer": "grandma-li", "lines": lines, "total": 20400, "by": shop.CUSTOMER}
    no.place("A1", **given | {"total": 1})
    no.place("A1", **given | {"lines": lines * 2, "total": 40800})
    no.place("A1", **given | {"lines": []})
    no.place("A1", **given | {"channel": "fax"})
    no.place("A1", **given | {"by": shop.STRANGER})
    no.place("A1", **given | {"by": shop.MERCHANT})
    no.place("A1", **given | {"ship_by": life.ago(days=1)})
    no.place("A1", **given, at=life.ahead(hours=1))
    no.place("A 1", **given)
    no.accept("A1", by=shop.MERCHANT)
    life.orders.place(
        "A1", customer="grandma-li", merchant="tea-house", freight=1000, total=27000,
        lines=[*lines, {"id": "honey", "listing": "honey", "quantity": 1, "amount": 5600}],
        group_id="basket-1", relatives=[DAUGHTER.id], channel="wechat", by=shop.CUSTOMER,
        key="basket-1",
    )
    again = {
        "customer": "grandma-li", "merchant": "tea-house", "freight": 1000, "total": 27000,
        "lines": [*lines, {"id": "honey", "listing": "honey", "quantity": 1, "amount": 5600}],
        "group_id": "basket-1", "relatives": [DAUGHTER.id], "channel": "wechat",
        "by": shop.CUSTOMER, "key": "basket-1",
    }
    life.orders.place("A1", **again)
    no.place("A1", **again | {"channel": "app"})
    no.place("A1", **given)


def _parcels(life: Life) -> None:
    """Send two parcels, follow them, correct what was wrong."""
    no = life.no.orders
    until = {"until": life.ahead(days=9), "customer_told_at": life.ago(minutes=5)}
    honey = {"line": "honey", "reason": "the bees", **until}
    no.grant_exception("A1", **honey | {"line": "milk"}, by=shop.HEAD)
    no.grant_exception("A1", **honey | {"until": life.ago(days=1)}, by=shop.HEAD)
    no.grant_exception("A1", **honey | {"customer_told_at": life.ahead(days=1)}, by=shop.HEAD)
    life.orders.grant_exception("A1", **honey, by=shop.HEAD)
    sent = {"courier": "SF", "by": shop.MERCHANT}
    no.ship("A1", parcel="p1", tracking="SF1", lines={"tea": 4}, **sent)
    life.orders.ship("A1", parcel="p1", tracking="SF1", lines={"tea": 3}, **sent,
                     at=life.ago(seconds=10))
    no.ship("A1", parcel="p1", tracking="SF1", lines={"honey": 1}, **sent)
    no.decline("A1", reason="no more honey", by=shop.MERCHANT)
    no.deliver("A1", parcel="p9", by=shop.COURIER)
    life.orders.track("A1", parcel="p1", events=[TrackingEvent(
        "picked_up", life.ago(seconds=5), "50", "Picked up by Mr Sun", "Hangzhou", "n-1"
    )], by=shop.COURIER)
    life.orders.deliver("A1", parcel="p1", by=shop.AGENT)
    arrived = life.time.now
    no.deliver("A1", parcel="p1", by=shop.AGENT)
    fix = {"parcel": "p1", "status": "delivered", "reason": "another p1", "by": shop.OPERATIONS}
    life.orders.correct_tracking("A1", **fix, when=arrived)
    no.correct_tracking("A1", **fix, when=life.ago(days=3))
    life.orders.ship("A1", parcel="p2", tracking="SF2", lines={"honey": 1}, **sent)
    life.pass_(hours=1)
    news = [
        TrackingEvent("in_transit", life.ago(minutes=30), "31", "on its way", "Suzhou"),
        TrackingEvent("picked_up", life.ago(minutes=50), "50", "Picked up", "Hangzhou"),
    ]
    life.orders.track("A1", parcel="p2", events=news, by=shop.COURIER, key="push-1")
    life.orders.track("A1", parcel="p2", events=news, by=shop.COURIER)
    no.track("A1", parcel="p2", events=[TrackingEvent("in_transit", life.ahead(hours=1))],
             by=shop.COURIER)
    life.orders.correct_tracking(
        "A1", parcel="p2", status="in_transit", when=news[0].at, reason="of another parcel",
        by=shop.OPERATIONS,
    )
    life.orders.deliver("A1", parcel="p2", by=shop.CUSTOMER)
    no.complete("A1", by=shop.CUSTOMER)
    at = life.time.now
    life.orders.track("A1", parcel="p1", events=[TrackingEvent("delivered", at)], by=shop.COURIER)
    life.orders.track("A1", parcel="p1", events=[TrackingEvent(
        "in_transit", life.ago(minutes=10), "32", "late news")], by=shop.AGENT)
    life.orders.correct_tracking("A1", **fix, when=at)
    life.orders.deliver("A1", parcel="p1", by=DAUGHTER)
    no.complete("A1", by=shop.STRANGER)
    life.orders.complete("A1", by=DAUGHTER)
    life.orders.track("A1", parcel="p1", events=[TrackingEvent(
        "in_transit", life.ago(minutes=20), "33", "later news")], by=shop.COURIER)


def ends(life: Life) -> None:
    """Cancel and decline from every state, pay back, and forget."""
    shop.staff(life)
    states: dict[str, Callable[[Life, str], None]] = {
        "B1": shop.place, "B2": handed, "B3": contacted, "B4": accepted,
    }
    for id, make in states.items():
        make(life, id)
        life.orders.grant_exception(
            id, line="tea", reason="the rain", until=life.ahead(days=8),
            customer_told_at=life.time.now, by=shop.OPERATIONS,
        )
        life.orders.cancel(id, reason="too much", lines={"tea": 1}, by=shop.CUSTOMER)
        life.no.orders.cancel(id, reason="too much", lines={"tea": 3}, by=shop.CUSTOMER)
        life.orders.cancel(id, reason="my daughter has bought it", by=shop.SERVICE)
        life.no.orders.cancel(id, reason="again", lines={"tea": 1}, by=shop.CUSTOMER)
    for id, make in {"C1": handed, "C2": contacted, "C3": accepted}.items():
        make(life, id)
        life.orders.decline(id, reason="the harvest failed", by=shop.MERCHANT)
    money = {"by": shop.PAYMENTS}
    life.no.orders.refunded("B4", 30000, "back-1", **money)
    life.no.orders.refunded("B4", 100, "back-1", currency="EUR", **money)
    life.orders.refunded("B4", 100, "back-1", **money)
    life.orders.refunded("B4", 900, "back-2", **money)
    life.orders.refunded("B4", 26000, "back-3", **money)
    life.no.orders.refunded("B4", 1, "back-4", **money)
    life.orders.refunded("C3", 27000, "back-5", by=shop.OPERATIONS)
    accepted(life, "D1")
    life.orders.refunded("D1", 5600, "back-6", lines={"honey": 1}, **money)
    life.no.orders.refunded("D1", 5600, "back-7", lines={"honey": 1}, **money)
    life.orders.refunded("D1", 200, "back-7", **money)
    life.orders.refunded("D1", 21200, "back-8", **money)
    shop.place(life, "D2", cash_on_delivery=True)
    shop.accept(life, "D2")
    shop.ship(life, "D2")
    life.orders.deliver("D2", parcel="p-tea-honey", by=shop.COURIER)
    life.orders.paid("D2", 27000, "cash-D2", by=shop.OPERATIONS)
    _own(life)
    archived(life, "D5")
    life.relay()
    life.seal()
    life.pass_(days=1097)
    life.orders.erase("D5", by=shop.OPERATIONS)
    life.orders.erase("C1", by=shop.OPERATIONS)
    life.orders.erase("B1", by=shop.OPERATIONS)
    life.erase_expired()
    life.end()


def _own(life: Life) -> None:
    """Sell the company's own goods, one line of which nobody sends."""
    lines = [
        {"id": "rice", "listing": "rice", "quantity": 2, "amount": 5000},
        {"id": "gift", "listing": "gift-card", "quantity": 1, "amount": 1000, "courier": False},
    ]
    given = {"customer": "grandma-li", "lines": lines, "total": 6000}
    shop.place(life, "D3", merchant=None, freight=0, **given, ship_by=life.ahead(days=2))
    life.orders.hand_over("D3", to="storekeeper", by=shop.OPERATIONS)
    life.no.orders.contact_merchant("D3", way="phone", by=shop.OPERATIONS)
    life.orders.accept("D3", by=shop.OPERATIONS)
    life.no.orders.grant_exception(
        "D3", line="gift", reason="lost", until=life.ahead(days=9), by=shop.OPERATIONS,
        customer_told_at=life.time.now,
    )
    life.orders.paid("D3", 6000, "pay-D3", by=shop.PAYMENTS)
    life.orders.cancel("D3", reason="no gift", lines={"gift": 1}, by=shop.CUSTOMER)
    shop.ship(life, "D3", lines={"rice": 2}, by=shop.OPERATIONS)
    life.orders.refunded("D3", 1000, "back-D3", by=shop.PAYMENTS)


def late(life: Life) -> None:
    """Let every time limit of an order pass, and press whoever is late."""
    shop.staff(life)
    shop.place(life, "L1")
    shop.pay(life, "L1")
    life.sweep(hours=4)
    life.sweep(minutes=1)
    life.orders.hand_over("L1", to=shop.AGENT.id, by=shop.SERVICE)
    life.sweep(hours=9)
    life.orders.contact_merchant("L1", way="visit", by=shop.AGENT, at=life.ago(hours=3))
    life.sweep(hours=25)
    life.orders.accept("L1", by=shop.MERCHANT)
    life.sweep(hours=12)
    life.sweep(hours=24)
    life.no.orders.grant_exception(
        "L1", line="tea", reason="rain", until=life.ahead(days=2), by=shop.HEAD,
        customer_told_at=life.time.now,
    )
    life.sweep(hours=25)
    shop.ship(life, "L1")
    life.sweep(hours=49)
    heard = TrackingEvent("in_transit", life.ago(hours=20), "31")
    life.orders.track("L1", parcel="p-tea-honey", events=[heard], by=shop.COURIER)
    life.sweep(days=6)
    told = TrackingEvent("delivered", life.ago(days=3), "80")
    life.orders.track("L1", parcel="p-tea-honey", events=[told], by=shop.COURIER)
    life.orders.complete("L1", by=shop.CUSTOMER)
    life.sweep(days=4)
    _urged(life)
    _backdated(life)
    life.seal()
    life.relay()
    life.relay(minutes=1)
    life.relay(minutes=2)
    life.pass_(days=1100)
    life.urges.erase("U1", by=shop.OPERATIONS)
    life.end()


def _urged(life: Life) -> None:
    """Press somebody by hand, and note the answers."""
    no = life.no.urges
    asked = {"reason": "she waits", "way": "phone"}
    courier = {"order": "L2", "target": "courier", "parcel": "p-tea-honey", **asked}
    no.open("U1", **courier, by=shop.SERVICE)
    shipped(life, "L2")
    with life.unstaffed("tracking"):
        no.open("U1", **courier, by=shop.SERVICE)
    no.open("U1", **courier | {"parcel": "p9"}, by=shop.SERVICE)
    no.open("U1", **courier | {"target": "merchant"}, by=shop.SERVICE)
    life.urges.open("U1", **courier, by=shop.SERVICE)
    life.urges.repeat("U1", way="message", by=shop.OPERATIONS)
    life.urges.answer("U1", text="tomorrow", by=shop.COURIER)
    no.repeat("U1", way="message", by=shop.OPERATIONS)
    life.urges.open("U2", order="L2", target="merchant", **asked, by=shop.AGENT)
    no.answer("U2", text="soon", by=shop.RIVAL)
    life.sweep(hours=25)
    life.urges.answer("U2", text="soon", by=shop.MERCHANT)
    life.orders.deliver("L2", parcel="p-tea-honey", by=shop.COURIER)
    no.open("U3", **courier, by=shop.SERVICE)
    for urge in life.mall.clocks():
        kind, _, id = urge.subject.partition("/")
        if kind == "urge":
            life.urges.answer(id, text="it has been sent", by=shop.SERVICE)


def _backdated(life: Life) -> None:
    """Enter things later than they happened."""
    no = life.no.orders
    shop.place(life, "L3")
    life.pass_(hours=30)
    hand = {"to": shop.AGENT.id}
    no.hand_over("L3", **hand, by=shop.SERVICE, at=life.ago(hours=26))
    no.hand_over("L3", **hand, by=shop.OPERATIONS, at=life.ago(hours=26))
    no.hand_over("L3", **hand, by=shop.SERVICE, at=life.ago(hours=26), late_reason="holiday")
    no.hand_over("L3", **hand, by=shop.OPERATIONS, at=life.ago(hours=40), late_reason="holiday")
    no.hand_over("L3", **hand, by=shop.OPERATIONS, at=life.ahead(hours=1))
    life.orders.hand_over(
        "L3", **hand, by=shop.OPERATIONS, at=life.ago(hours=26), late_reason="电脑坏了 · no power"
    )
    life.orders.contact_merchant("L3", way="phone", by=shop.AGENT, at=life.ago(hours=23))
    life.batch(lambda rooms: [
        rooms.orders.accept("L3", by=shop.MERCHANT, at=life.ago(hours=20)),
        rooms.orders.paid("L3", 27000, "pay-L3", by=shop.PAYMENTS),
        rooms.orders.ship("L3", parcel="p1", courier="SF", tracking="1", lines=ALL,
                          by=shop.MERCHANT),
    ])
    life.batch(lambda rooms: [
        rooms.orders.deliver("L3", parcel="p1", by=shop.COURIER),
        rooms.orders.archive("L3", by=shop.SERVICE),
    ], fails=True)

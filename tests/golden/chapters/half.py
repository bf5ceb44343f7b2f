"""Half a life: something is under way in every room, and much is waiting.

``tests/samples/mall-0003.sql`` is the database that it left behind when it was written.
"""

from __future__ import annotations

from datetime import date

from eldermall import TrackingEvent
from tests import shop
from tests.golden.chapters import adoption, cases, complaints, services
from tests.golden.chapters.goods import sold
from tests.golden.life import Life


def half(life: Life) -> None:
    """Begin everything and end little."""
    shop.staff(life)
    _shelves(life)
    _orders(life)
    life.seal()
    life.relay()
    _people(life)
    life.sweep(hours=49)
    life.seal()
    life.complaints.note("K1", text="she has called again", by=shop.SERVICE)
    life.no.orders.complete("A1", by=shop.CUSTOMER)
    assert life.mall.verify(life.roots).passed


def _shelves(life: Life) -> None:
    life.listings.adopt("green-tea", adoption.LISTING, by=shop.OPERATIONS)
    life.listings.edit("green-tea", content=shop.CONTENT, by=shop.MERCHANT)
    life.listings.submit("green-tea", by=shop.MERCHANT)
    life.assistance.request("J1", merchant="tea-house", by=shop.AGENT, way="phone")
    life.assistance.appoint("J1", who=shop.AGENT.id, by=shop.OPERATIONS)
    life.assistance.arrive("J1", where="3 Lake Road · 湖边", by=shop.AGENT)
    life.assistance.mark("J1", step="photography", outcome="done", by=shop.AGENT)
    life.stock.open("green-tea", warn_at=4, merchant="tea-house", by=shop.MERCHANT)
    life.stock.receive(
        "green-tea", lot="L1", quantity=9, source="note 1", expires_at=life.ahead(days=20),
        by=shop.MERCHANT, key="note-1",
    )
    life.stock.damage("green-tea", lot="L1", quantity=1, cause="a leak", by=shop.MERCHANT)
    life.capacity.open("foot-care", merchant="tea-house", by=shop.OPERATIONS)
    life.capacity.set_day("foot-care", day=date(2026, 3, 3), total=3, by=shop.MERCHANT)


def _orders(life: Life) -> None:
    shop.place(life, "A1")
    life.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE, key="hand-A1")
    shop.place(life, "A2")
    shop.pay(life, "A2")
    shop.accept(life, "A2")
    shop.ship(life, "A2", lines={"tea": 2})
    heard = TrackingEvent("in_transit", life.time.now, "31", "on its way", "Suzhou")
    life.orders.track("A2", parcel="p-tea", events=[heard], by=shop.COURIER)
    services.adopted(life, "S1", "appointed")
    services.adopted(life, "S2", "appointed")
    life.orders.start("S2", served_by="nurse-he", by=shop.MERCHANT)
    life.orders.finish("S2", proof="photo-1", by=shop.MERCHANT)
    life.orders.adopt("A3", adoption.ORDER, by=shop.OPERATIONS)
    sold(life, "A4", goods="completed", completed_at=life.time.now)


def _people(life: Life) -> None:
    complaints.escalated(life, "K1")
    cases.known(life, "R1", "A4")
    life.cases.hold("R1", reason="she is away", until=life.ahead(days=3), by=shop.SERVICE)
    cases.opened(life, "R2", "A4", words="潮了 · damp")
    life.urges.open(
        "U1", order="A2", target="courier", parcel="p-tea", reason="she waits", way="phone",
        by=shop.SERVICE,
    )
    life.orders.cancel("A2", reason="no honey", lines={"honey": 1}, by=shop.CUSTOMER)

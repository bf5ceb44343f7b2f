"""Ways on: parcels that don't arrive, money that comes otherwise, answers that don't satisfy."""

from __future__ import annotations

from typing import Any

from eldermall import TrackingEvent
from tests import shop
from tests.golden.chapters.goods import accepted, contacted, delivered, handed, shipped
from tests.golden.life import Life

BY = {"by": shop.OPERATIONS}
PARCEL = "p-tea-honey"


def told(life: Life, id: str, status: Any, parcel: str = PARCEL, **more: Any) -> None:
    """Take in that a courier says this of a parcel now."""
    life.orders.track(
        id, parcel=parcel, events=[TrackingEvent(status, life.time.now, way=more.pop("way", ""))],
        by=shop.COURIER, **more,
    )


def parcels(life: Life) -> None:
    """End parcels in every way and from every state, and take every way on."""
    no = life.no.orders
    shop.staff(life)
    _stocked(life)
    shipped(life, "P1")
    no.send_again("P1", parcel=PARCEL, **BY)
    told(life, "P1", "lost")
    life.orders.send_again("P1", parcel=PARCEL, by=shop.MERCHANT)
    no.send_again("P1", parcel=PARCEL, **BY)
    no.deliver("P1", parcel=PARCEL, by=shop.CUSTOMER)
    shop.ship(life, "P1", lines={"tea": 3}, parcel="p2")
    life.orders.relabel("P1", parcel="p2", courier="YT", tracking="YT9", reason="a slip", **BY)
    no.relabel("P1", parcel="p2", courier="YT", tracking="YT9", reason="again", **BY)
    told(life, "P1", "in_transit", "p2", number="YT9")
    no.track("P1", parcel="p2", events=[TrackingEvent("delivered", life.time.now)],
             number="SF1001", by=shop.COURIER)
    life.orders.end_parcel("P1", parcel="p2", how="refused", reason="not hers", **BY)
    no.give_up("P1", parcel="p2", reason="no", lines={"tea": 4}, **BY)
    life.orders.give_up("P1", parcel="p2", reason="no", lines={"tea": 1}, by=shop.SERVICE)
    shop.ship(life, "P1", lines={"tea": 2}, parcel="p3")
    told(life, "P1", "returned", "p3")
    life.orders.send_again("P1", parcel="p3", **BY)
    life.orders.cancel("P1", reason="enough", lines={"tea": 2}, by=shop.CUSTOMER)
    shop.ship(life, "P1", lines={"honey": 1}, parcel="p4")
    life.orders.end_parcel("P1", parcel="p4", how="failed", reason="a strike", **BY)
    life.orders.give_up("P1", parcel="p4", reason="no more", **BY)
    told(life, "P1", "delivered", "p4")
    life.callbacks.refuse("P1", by=shop.SERVICE)
    _halves(life)
    accepted(life, "P3", delivery="door")
    shop.ship(life, "P3")
    told(life, "P3", "delivered", way="locker")
    no.end_parcel("P3", parcel="p9", how="lost", reason="-", **BY)
    life.orders.relabel("P3", parcel=PARCEL, courier="SF", tracking="SF7", reason="-", **BY,
                        since=life.time.now)
    life.orders.deliver("P3", parcel=PARCEL, by=shop.CUSTOMER)
    no.end_parcel("P3", parcel=PARCEL, how="lost", reason="-", **BY)
    life.orders.relabel("P3", parcel=PARCEL, courier="SF", tracking="SF8", reason="-", **BY)
    life.orders.deliver("P3", parcel=PARCEL, way="locker", by=shop.COURIER)
    life.orders.deliver("P3", parcel=PARCEL, by=shop.AGENT)
    life.sweep(days=8)
    life.relay()
    life.end()


def _stocked(life: Life) -> None:
    for listing in ("green-tea", "honey"):
        life.stock.open(listing, warn_at=1, **BY)
        life.stock.receive(listing, lot="L1", quantity=40, source="note", **BY)


def _halves(life: Life) -> None:
    """End one of two parcels while something is still to leave, and while the other is there."""
    accepted(life, "P2")
    shop.ship(life, "P2", lines={"tea": 2}, parcel="a")
    life.orders.end_parcel("P2", parcel="a", how="lost", reason="a flood", **BY)
    life.orders.relabel("P2", parcel="a", courier="SF", tracking="SF5", reason="-", **BY)
    life.orders.end_parcel("P2", parcel="a", how="lost", reason="a flood", **BY)
    life.orders.send_again("P2", parcel="a", **BY)
    shop.ship(life, "P2", lines={"tea": 1}, parcel="b")
    life.orders.end_parcel("P2", parcel="b", how="returned", reason="nobody home", **BY)
    life.orders.give_up("P2", parcel="b", reason="too old", **BY)
    shop.ship(life, "P2", lines={"tea": 2, "honey": 1}, parcel="c")
    told(life, "P2", "delivered", "c")
    accepted(life, "P5")
    shop.ship(life, "P5", lines={"tea": 3}, parcel="a")
    life.orders.end_parcel("P5", parcel="a", how="lost", reason="a flood", **BY)
    life.orders.give_up("P5", parcel="a", reason="no more", **BY)
    life.orders.cancel("P5", reason="no honey then", by=shop.CUSTOMER)
    accepted(life, "P4")
    shop.ship(life, "P4", lines={"tea": 1}, parcel="a")
    life.orders.end_parcel("P4", parcel="a", how="lost", reason="a flood", **BY)
    life.orders.send_again("P4", parcel="a", **BY)
    shop.ship(life, "P4", lines={"tea": 1}, parcel="b")
    life.orders.end_parcel("P4", parcel="b", how="lost", reason="a flood", **BY)
    life.orders.give_up("P4", parcel="b", reason="enough", **BY)
    shop.ship(life, "P4", lines={"tea": 2, "honey": 1}, parcel="c")
    life.orders.end_parcel("P4", parcel="c", how="lost", reason="a flood", **BY)
    life.orders.give_up("P4", parcel="c", reason="enough", **BY)


def money(life: Life) -> None:
    """Pay in every way and in every state; owe, ask, and book; press and answer in every state."""
    shop.staff(life)
    no = life.no.orders
    pays = {"by": shop.PAYMENTS}
    shop.place(life, "M1")
    no.paid("M1", 100, "m1-a", **pays)
    life.orders.paid_in_part("M1", 7000, "m1-a", **pays)
    no.paid_in_part("M1", 7000, "m1-a", **pays)
    _pressed(life, "M1", "unpaid")
    life.orders.paid_in_part("M1", 20100, "m1-b", **pays)
    no.refunded("M1", 100, "m1-x", refund="M1.7", **pays)
    life.orders.refunded("M1", 100, "m1-c", refund="M1.1", **pays)
    life.orders.paid("M1", 50, "m1-d", **pays)
    life.orders.paid_in_part("M1", 50, "m1-e", **pays)
    life.refunds.accept("M1.2", **pays)
    life.refunds.fail("M1.2", reason="no such card", **pays)
    life.refunds.accept("M1.2", **BY)
    life.refunds.lose("M1.2", reason="no word", **pays)
    life.refunds.accept("M1.2", **BY)
    life.orders.refunded("M1", 20, "m1-f", **pays)
    life.refunds.ask("M1.2", **BY)
    life.refunds.lose("M1.2", reason="no word", **BY)
    life.refunds.fail("M1.2", reason="no", **BY)
    life.refunds.ask("M1.2", **BY)
    life.refunds.fail("M1.2", reason="no", **BY)
    no.erase("M1", **BY)
    _pressed(life, "M1", "paid")
    life.orders.refunded("M1", 30, "m1-g", **pays)
    life.refunds.lose("M1.3", reason="no word", **BY)
    life.refunds.ask("M1.3", **BY)
    life.refunds.lose("M1.3", reason="no word", **BY)
    life.orders.refunded("M1", 20, "m1-h", **pays)
    life.orders.refunded("M1", 30, "m1-i", **pays)
    shop.accept(life, "M1")
    life.orders.refunded("M1", 1000, "m1-j", **pays)
    _pressed(life, "M1", "part_refunded")
    life.orders.paid("M1", 40, "m1-k", **pays)
    life.orders.paid_in_part("M1", 40, "m1-l", **pays)
    shop.ship(life, "M1")
    life.orders.refunded("M1", 26080, "m1-m", **pays)
    _pressed(life, "M1", "refunded")
    life.orders.paid("M1", 5, "m1-n", **pays)
    life.orders.paid_in_part("M1", 5, "m1-o", **pays)
    life.orders.refunded("M1", 10, "m1-p", **pays)
    life.orders.paid_in_part("M1", 5, "m1-q", **pays)
    life.orders.refunded("M1", 5, "m1-r", **pays)
    _at_the_door(life)
    life.sweep(days=8)
    for id in ("M2", "M3"):
        life.orders.refunded(id, life.mall.orders.get(id).owed_back, f"{id}-z", **pays)
    life.orders.paid("M4", 27000, "sf-2", **pays)
    life.relay()
    life.end()


def _pressed(life: Life, id: str, state: str) -> None:
    life.urges.open(f"U-{id}-{state}", order=id, target="merchant", reason="-", way="phone", **BY)
    life.urges.answer(f"U-{id}-{state}", text="soon", by=shop.MERCHANT)


def _pressed_over_a_parcel(life: Life) -> None:
    shop.place(life, "M6", cash_on_delivery=True)
    shop.accept(life, "M6")
    shop.ship(life, "M6", lines={"tea": 3}, parcel="a")
    life.orders.collect("M6", 27000, by=shop.COURIER)
    _pressed(life, "M6", "collected")
    life.orders.cancel("M6", reason="no honey", lines={"honey": 1}, by=shop.CUSTOMER)
    life.refunds.accept("M6.1", by=shop.PAYMENTS)
    life.orders.refunded("M6", 5600, "m6-a", by=shop.PAYMENTS)
    shop.place(life, "M7", cash_on_delivery=True)
    life.orders.paid_in_part("M7", 27000, "m7-a", by=shop.PAYMENTS)


def _at_the_door(life: Life) -> None:
    """Collect at the door, and what becomes of it then."""
    no = life.no.orders
    pays = {"by": shop.PAYMENTS}
    shop.place(life, "M2", cash_on_delivery=True)
    life.orders.paid_in_part("M2", 1000, "m2-a", **pays)
    _pressed(life, "M2", "cod_pending")
    life.orders.cancel("M2", reason="too late", by=shop.CUSTOMER)
    life.orders.refunded("M2", 400, "m2-b", **pays)
    shop.place(life, "M3")
    life.orders.paid_in_part("M3", 1000, "m3-a", **pays)
    life.orders.cancel("M3", reason="too late", by=shop.CUSTOMER)
    life.orders.refunded("M3", 400, "m3-b", **pays)
    for id in ("M4", "M5"):
        shop.place(life, id, cash_on_delivery=True)
        shop.accept(life, id)
        no.collect(id, 27000, by=shop.COURIER)
        shop.ship(life, id)
        life.orders.deliver(id, parcel=PARCEL, by=shop.COURIER)
        no.complete(id, by=shop.CUSTOMER)
        no.collect(id, 1, by=shop.COURIER)
        life.orders.collect(id, 27000, by=shop.COURIER)
    _pressed_over_a_parcel(life)
    life.orders.complete("M5", by=shop.CUSTOMER)
    for id, remedy in (("R1", "return"), ("R2", "exchange"), ("R3", "exchange")):
        life.cases.open(id, order="M5", customer="grandma-li", lines={"honey": 1} if id == "R1"
                        else {"tea": 1}, remedy=remedy, words="", by=shop.CUSTOMER)
        life.cases.contact(id, note="-", by=shop.SERVICE)
        life.cases.record(id, ground="damaged", item_state="unused", wish="-", by=shop.SERVICE)
        life.cases.contact_merchant(id, note="-", by=shop.AGENT)
        life.cases.approve(id, by=shop.MERCHANT)
    life.no.cases.relabel("R1", sending="sent_back", courier="SF", tracking="1", reason="-", **BY)
    life.cases.send_back("R1", courier="SF", tracking="1", by=shop.CUSTOMER)
    life.no.cases.relabel("R1", sending="sent_back", courier="SF", tracking="1", reason="-", **BY)
    life.cases.relabel("R1", sending="sent_back", courier="SF", tracking="2", reason="-", **BY)
    life.cases.receive("R1", outcome="ok", by=shop.MERCHANT)
    life.orders.refunded("M5", 5600, "m5-b", **pays)
    life.cases.send_replacement("R2", courier="SF", tracking="3", by=shop.MERCHANT)
    life.cases.relabel("R2", sending="replacement", courier="SF", tracking="4", reason="-", **BY)
    life.cases.deliver_replacement("R2", by=shop.CUSTOMER)
    life.cases.receive("R3", outcome="ok", by=shop.MERCHANT)
    life.cases.send_replacement("R3", courier="SF", tracking="5", by=shop.MERCHANT)
    life.cases.relabel("R3", sending="replacement", reason="brought by hand", **BY)
    life.cases.deliver_replacement("R3", by=shop.CUSTOMER)
    life.orders.paid_in_part("M5", 7000, "sf-a", **pays)
    life.orders.paid_in_part("M5", 20000, "sf-b", **pays)


def unpaid(life: Life) -> None:
    """Let orders lapse from every state in which they may, and be completed by lapse of time."""
    shop.staff(life)
    no = life.no.orders
    line = {"id": "tea", "listing": "hidden", "quantity": 1, "amount": 100}
    life.listings.draft("hidden", content=shop.CONTENT, merchant="tea-house", by=shop.MERCHANT)
    given = {"customer": "grandma-li", "merchant": "tea-house", "lines": [line], "total": 100,
             "by": shop.CUSTOMER}
    no.place("N1", **given)
    no.place("N1", **given | {"lines": [line | {"listing": "tea"}], "delivery": "drone"})
    no.place("N1", **given | {"lines": [line | {"listing": "tea"}], "currency": "XXX"})
    life.listings.submit("hidden", by=shop.MERCHANT)
    life.listings.start_review("hidden", by=shop.REVIEWER)
    life.listings.approve("hidden", criteria=shop.PASSED, by=shop.REVIEWER)
    life.listings.publish("hidden", **BY)
    shown = line | {"version": 1, "unit_price": 6800}
    no.place("N1", **given | {"lines": [shown | {"version": 2}]})
    no.place("N1", **given | {"lines": [shown | {"unit_price": 6801}]})
    life.orders.place("N1", **given | {"lines": [shown]})
    for id, make in {"N2": handed, "N3": contacted}.items():
        make(life, id)
    shop.place(life, "N4")
    shop.accept(life, "N4")
    for id, far in (("S1", 0), ("S2", 1), ("S3", 2), ("S4", 3), ("S5", 4)):
        shop.place(life, id, kind="service")
        if far > 0:
            life.orders.hand_over(id, to=shop.AGENT.id, by=shop.SERVICE)
        if far > 1:
            life.orders.contact_merchant(id, way="phone", by=shop.AGENT)
        if far > 2:
            life.orders.accept(id, by=shop.MERCHANT)
        if far > 3:
            life.orders.appoint(id, when=life.ahead(days=20), place="at home", by=shop.AGENT)
    shop.place(life, "N5")
    shop.pay(life, "N5")
    delivered(life, "N6")
    delivered(life, "N7")
    life.sweep(days=7, minutes=1)
    life.orders.paid("N4", 27000, "too-late", by=shop.PAYMENTS)
    life.sweep(days=4)
    life.orders.refunded("N4", 27000, "n4-back", by=shop.PAYMENTS)
    life.relay()
    life.end()


def contested(life: Life) -> None:
    """Contest answers, and close what was contested; take a closed complaint up again."""
    room, no = life.complaints, life.no.complaints
    shop.staff(life)
    told_: dict[str, Any] = {"customer": "grandma-li", "by": shop.CUSTOMER}
    recorded = {"subject": "tea", "remedy": "money", "etiquette": "v1", "by": shop.SERVICE}
    closing = {"satisfied": "yes", "remedy": "partly", "by": shop.SERVICE}
    room.receive("K1", words="it was cold", **told_)
    room.record("K1", **recorded)
    room.answer("K1", text="sorry", by=shop.SERVICE)
    no.close("K1", by=shop.SERVICE)
    no.close("K1", **closing | {"satisfied": "no"})
    room.contest("K1", reason="that is no answer", by=shop.CUSTOMER)
    room.settle_opinion("K1", text="pay half", by=shop.HEAD)
    room.answer("K1", text="half of it", by=shop.SERVICE)
    no.contest("K1", reason="all of it", by=shop.CUSTOMER)
    life.sweep(days=7, minutes=1)
    room.close("K1", **closing | {"satisfied": "no"})
    no.receive("K2", words="again", follows="K9", **told_)
    no.receive("K2", words="again", follows="K1", customer="somebody", by=shop.STRANGER)
    room.receive("K2", words="again", follows="K1", **told_)
    room.record("K2", **recorded)
    room.answer("K2", text="no more", by=shop.SERVICE)
    no.contest("K2", reason="all of it", by=shop.CUSTOMER)
    room.close("K2", **closing | {"satisfied": "not_reached"})
    life.end()

"""The stock of a listing: booked in, promised, handed out, spoiled, counted, confirmed, closed."""

from __future__ import annotations

from typing import Any

from eldermall import person
from tests import shop
from tests.golden.chapters import cases, goods
from tests.golden.life import Life

MA = person("ma", "field_agent", department="operations")


def policy() -> dict[str, Any]:
    """Return a policy under which nothing that is held lapses unpaid."""
    return shop.policy({"payment.limit": "900d"})


def stocks(life: Life) -> None:
    """Keep a stock from its opening to its end, with orders on it."""
    shop.staff(life)
    room, no = life.stock, life.no.stock
    no.open("green-tea", warn_at=4, merchant="tea-house", by=shop.MERCHANT)
    shop.publish(life)
    shop.place(life, "A0")
    shop.place(life, "A9")
    no.open("green-tea", warn_at=4, merchant="rival", by=shop.RIVAL)
    no.open("green-tea", warn_at=-1, merchant="tea-house", by=shop.MERCHANT)
    room.open("green-tea", warn_at=4, merchant="tea-house", by=shop.MERCHANT)
    room.close("green-tea", by=shop.OPERATIONS)
    no.receive("green-tea", lot="L1", quantity=9, source="note 1", by=shop.MERCHANT)
    room.reopen("green-tea", by=shop.MERCHANT)
    _booked_in(life)
    _ordered(life)
    _spoiled(life)
    _late(life)
    _closed(life)
    life.seal()
    life.end()


def _booked_in(life: Life) -> None:
    room, no = life.stock, life.no.stock
    lot = {"lot": "L1", "quantity": 10, "source": "note 1", "expires_at": life.ahead(days=20)}
    with life.unstaffed("listing"):
        no.receive("green-tea", **lot, by=shop.AGENT)
    no.receive("green-tea", **lot, by=MA)
    no.receive("green-tea", **lot, by=shop.RIVAL)
    room.receive("green-tea", **lot, by=shop.AGENT, key="note-1")
    room.receive("green-tea", **lot, by=shop.AGENT, key="note-1")
    no.receive("green-tea", **lot | {"expires_at": None}, by=shop.MERCHANT)
    room.receive("green-tea", **lot | {"quantity": 2}, by=shop.MERCHANT)
    room.receive("green-tea", lot="L2", quantity=5, source="note 2", by=shop.OPERATIONS)
    no.confirm("green-tea", on_hand=16, by=shop.MERCHANT)
    no.confirm("green-tea", on_hand=17, by=shop.OPERATIONS)
    room.confirm("green-tea", on_hand=17, by=shop.MERCHANT)
    no.count("green-tea", lots={"L1": 12}, by=shop.MERCHANT)
    no.count("green-tea", lots={"L1": 11, "L2": 5}, by=shop.MERCHANT)
    room.count("green-tea", lots={"L1": 11, "L2": 5}, cause="one was broken", by=shop.AGENT)
    no.count("green-tea", lots={"L1": 11, "L2": 5, "L3": 1}, by=shop.MERCHANT)
    room.set_warning("green-tea", warn_at=6, by=shop.AGENT)


def _ordered(life: Life) -> None:
    """Let orders reserve, release and take; the shelf runs low, out, and fills again."""
    room = life.stock
    for id in ("A1", "A2", "A3", "A4", "A5"):
        shop.place(life, id)
    life.no.stock.close("green-tea", by=shop.MERCHANT)
    lines = [{"id": "tea", "listing": "green-tea", "quantity": 2, "amount": 13600}]
    sale = {
        "customer": "grandma-li", "merchant": "tea-house", "lines": lines, "total": 13600,
        "by": shop.CUSTOMER,
    }
    life.no.orders.place("B1", **sale)
    lines[0] |= {"quantity": 1}
    life.orders.place("B1", **sale)
    life.orders.cancel("A2", reason="too much", lines={"tea": 1}, by=shop.CUSTOMER)
    life.orders.cancel("A2", reason="too much", by=shop.CUSTOMER)
    shop.pay(life, "A1")
    shop.accept(life, "A1")
    shop.ship(life, "A1", lines={"tea": 2})
    shop.pay(life, "A3")
    shop.accept(life, "A3")
    life.orders.decline("A3", reason="the harvest failed", by=shop.MERCHANT)
    shop.pay(life, "A4")
    life.orders.refunded("A4", 27000, "back-A4", by=shop.PAYMENTS)
    room.receive("green-tea", lot="L3", quantity=3, source="note 3", by=shop.MERCHANT)
    life.orders.cancel("A5", reason="she is away", by=shop.SERVICE)


def _spoiled(life: Life) -> None:
    """Damage, expire, write off; nothing spoiled leaves, and no promise of others is broken."""
    room, no = life.stock, life.no.stock
    broken = {"lot": "L2", "cause": "a leak", "by": shop.MERCHANT}
    no.damage("green-tea", **broken | {"lot": "L9"}, quantity=1)
    no.damage("green-tea", **broken, quantity=9)
    room.damage("green-tea", **broken, quantity=2)
    room.damage("green-tea", **broken, quantity=1)
    no.write_off("green-tea", **broken, quantity=9, disposal="burnt")
    room.write_off("green-tea", **broken, quantity=1, disposal="burnt")
    no.inspect("green-tea", lot="L2", by=shop.MERCHANT)
    life.sweep(days=3, minutes=1)
    room.write_off("green-tea", **broken, quantity=2, disposal="burnt")
    goods.sold(life, "C1")
    cases.returning(life, "C1", "C1")
    life.cases.receive("C1", outcome="ok", restock=True, by=shop.MERCHANT)
    no.receive("green-tea", lot="C1", quantity=1, source="note 9", by=shop.MERCHANT)
    room.inspect("green-tea", lot="C1", expires_at=life.ahead(days=60), by=shop.AGENT)
    cases.returning(life, "C2", "C1")
    life.cases.receive("C2", outcome="ok", restock=True, by=shop.MERCHANT)
    lot = {"lot": "L4", "quantity": 4, "source": "note 4", "expires_at": life.ahead(days=40)}
    room.receive("green-tea", **lot, by=shop.MERCHANT)
    shop.place(life, "A6")


def _late(life: Life) -> None:
    """Let the number go unconfirmed and uncounted, and lots expire."""
    no = life.no.stock
    life.sweep(days=5)
    life.no.orders.place(
        "A7", customer="grandma-li", merchant="tea-house", total=6800, by=shop.CUSTOMER,
        lines=[{"id": "tea", "listing": "green-tea", "quantity": 1, "amount": 6800}],
    )
    life.sweep(days=1)
    life.stock.confirm("green-tea", on_hand=_there(life), by=shop.AGENT)
    life.sweep(days=25)
    life.sweep(days=1)
    lots = {lot.id: lot.quantity for lot in life.mall.stock.get("green-tea").lots}
    life.stock.count("green-tea", lots=lots, by=shop.MERCHANT)
    life.stock.confirm("green-tea", on_hand=_there(life), by=shop.MERCHANT)
    life.stock.write_off(
        "green-tea", lot="L1", quantity=lots["L1"], cause="expired", disposal="burnt",
        by=shop.MERCHANT,
    )
    no.write_off("green-tea", lot="L1", quantity=1, cause="expired", disposal="burnt",
                 by=shop.MERCHANT)
    shop.pay(life, "A0")
    shop.accept(life, "A0")
    life.orders.cancel("A6", reason="by half", lines={"tea": 1}, by=shop.CUSTOMER)


def _there(life: Life) -> int:
    return life.mall.stock.get("green-tea").on_hand


def _closed(life: Life) -> None:
    """Close a stock with goods on it, and let what was ordered before it was kept go on."""
    room = life.stock
    shop.pay(life, "A9")
    shop.accept(life, "A9")
    life.orders.place(
        "B2", customer="grandma-li", merchant="tea-house", total=27200, by=shop.CUSTOMER,
        lines=[{"id": "tea", "listing": "green-tea", "quantity": 4, "amount": 27200}],
    )
    life.no.orders.ship("A0", parcel="p", courier="SF", tracking="1", by=shop.MERCHANT,
                        lines={"tea": 3})
    life.orders.cancel("B2", reason="all of it", by=shop.CUSTOMER)
    life.orders.cancel("A6", reason="all of it", by=shop.CUSTOMER)
    life.orders.cancel("B1", reason="all of it", by=shop.CUSTOMER)
    life.orders.cancel("A1", reason="the rest", by=shop.CUSTOMER)
    room.receive("green-tea", lot="L5", quantity=5, source="note 5", by=shop.MERCHANT)
    room.damage("green-tea", lot="L5", quantity=4, cause="a leak", by=shop.MERCHANT)
    for lot in life.mall.stock.get("green-tea").lots:
        if lot.id not in ("L5", "C2"):
            room.write_off("green-tea", lot=lot.id, quantity=lot.quantity, cause="old",
                           disposal="given away", by=shop.MERCHANT)
    life.no.orders.ship("A0", parcel="p", courier="SF", tracking="1", by=shop.MERCHANT,
                        lines={"tea": 2})
    room.close("green-tea", by=shop.MERCHANT)
    shop.ship(life, "A0", lines={"tea": 1})
    life.orders.cancel("A9", reason="all of it", by=shop.CUSTOMER)
    cases.returning(life, "C3", "C1")
    life.cases.receive("C3", outcome="ok", restock=True, by=shop.MERCHANT)
    room.damage("green-tea", lot="C3", quantity=1, cause="wet", by=shop.MERCHANT)
    room.inspect("green-tea", lot="C2", by=shop.MERCHANT)
    room.write_off("green-tea", lot="C3", quantity=1, cause="wet", disposal="burnt",
                   by=shop.OPERATIONS)
    lots = {lot.id: lot.quantity for lot in life.mall.stock.get("green-tea").lots}
    room.count("green-tea", lots=lots, by=shop.MERCHANT)
    life.no.orders.place(
        "A7", customer="grandma-li", merchant="tea-house", total=6800, by=shop.CUSTOMER,
        lines=[{"id": "tea", "listing": "green-tea", "quantity": 1, "amount": 6800}],
    )
    room.reopen("green-tea", by=shop.OPERATIONS)

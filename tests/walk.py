"""A walk through every room of a mall that makes every move there is, erasures apart."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, Protocol

from eldermall import Mall
from eldermall.contracts.courier import TrackingEvent
from tests import shop

HOUR = timedelta(hours=1)
MENDER = "feng"


class Present(Protocol):
    """The present, which whoever walks moves on."""

    now: datetime


def walk(mall: Mall, time: Present) -> None:
    """Make every move of every room; `shop.staff` or others hold their posts already."""
    _posts(mall)
    _assistance_and_listing(mall)
    _stock(mall, time)
    _goods(mall, time)
    _services(mall, time)
    _callbacks(mall)
    _complaints(mall, time)
    _cases(mall, time)
    _ways(mall, time)
    _last(mall)


def unmade(mall: Mall) -> set[str]:
    """Return the moves that nobody has made yet, those apart that follow by themselves."""
    with mall.read() as tx:
        rows = [(row.subject, json.loads(row.body)) for row in tx.entries()]
    made = {
        entry["what"] for subject, entry in rows
        if entry["outcome"] == "moved" and entry["subject"] == subject  # and no copy of another
    }
    return {
        f"{name}.{t.name}"
        for name, kind in mall.book.kinds.items()
        for machine in kind.machines
        for t in machine.transitions
        if t.by
    } - made


def _posts(mall: Mall) -> None:
    mall.designations.appoint("messages", MENDER, by=shop.LEADER)
    mall.designations.dismiss("messages", MENDER, by=shop.LEADER)
    mall.assignments.appoint("tea-house", MENDER, by=shop.OPERATIONS)
    mall.assignments.dismiss("tea-house", MENDER, by=shop.OPERATIONS)


def _assistance_and_listing(mall: Mall) -> None:
    jobs, listings = mall.assistance, mall.listings
    for id in ("w-help", "w-no-help"):
        jobs.request(id, merchant="tea-house", by=shop.MERCHANT)
    jobs.cancel("w-no-help", reason="my son can do it", by=shop.MERCHANT)
    jobs.appoint("w-help", who=shop.AGENT.id, by=shop.OPERATIONS)
    jobs.arrive("w-help", where="3 Lake Road", by=shop.AGENT)
    listings.draft(
        "w-tea", content=shop.CONTENT, merchant="tea-house", assistance="w-help", by=shop.AGENT
    )
    for step in ("photography", "image_processing", "detail_page", "listing"):
        jobs.mark("w-help", step=step, outcome="done", by=shop.AGENT)
    jobs.finish("w-help", by=shop.AGENT)
    for verdict, criteria in ((listings.return_, shop.FAILED), (listings.approve, shop.PASSED)):
        listings.revise("w-tea", content=shop.CONTENT, by=shop.MERCHANT)
        listings.submit("w-tea", by=shop.MERCHANT)
        listings.start_review("w-tea", by=shop.REVIEWER)
        verdict("w-tea", criteria=criteria, by=shop.REVIEWER)
    listings.publish("w-tea", by=shop.OPERATIONS)
    listings.edit("w-tea", content=shop.CONTENT | {"price": 7000}, by=shop.MERCHANT)


def _stock(mall: Mall, time: Present) -> None:
    stock = mall.stock
    stock.open("w-tea", warn_at=2, merchant="tea-house", by=shop.MERCHANT)
    stock.receive(
        "w-tea", lot="l1", quantity=90, source="note 7", by=shop.MERCHANT,
        expires_at=time.now + timedelta(days=90),
    )
    stock.damage("w-tea", lot="l1", quantity=2, cause="wet", by=shop.AGENT)
    stock.write_off(
        "w-tea", lot="l1", quantity=2, cause="wet", disposal="composted", by=shop.MERCHANT
    )
    stock.count("w-tea", lots={"l1": 87}, cause="one too few", by=shop.AGENT)
    stock.confirm("w-tea", on_hand=87, by=shop.MERCHANT)
    stock.set_warning("w-tea", warn_at=5, by=shop.MERCHANT)
    mall.capacity.open("w-lesson", merchant="tea-house", by=shop.OPERATIONS)
    for days in range(20):
        day = (time.now + timedelta(days=days)).date()
        mall.capacity.set_day("w-lesson", day=day, total=3, by=shop.MERCHANT)


def place(mall: Mall, id: str, quantity: int = 9, **more: Any) -> None:
    """Place an order of the tea, or of the lesson, whose stock or capacity is kept."""
    service = more.get("kind") == "service"
    line = {
        "id": "tea", "listing": "w-lesson" if service else "w-tea", "quantity": quantity,
        "amount": 1000 * quantity,
    }
    shop.place(mall, id, **{"lines": [line], "total": 1000 * quantity, "freight": 0} | more)


def _accepted(mall: Mall, id: str, quantity: int = 9, **more: Any) -> None:
    place(mall, id, quantity, **more)
    shop.pay(mall, id, 1000 * quantity)
    shop.accept(mall, id)


def _goods(mall: Mall, time: Present) -> None:
    orders, urges = mall.orders, mall.urges
    _accepted(mall, "w-a1", 11)
    orders.cancel("w-a1", reason="one less", lines={"tea": 1}, by=shop.CUSTOMER)
    orders.refunded("w-a1", 1000, "w-back-a1", by=shop.PAYMENTS)
    orders.grant_exception(
        "w-a1", line="tea", reason="a storm", until=time.now + timedelta(days=9),
        customer_told_at=time.now, by=shop.OPERATIONS,
    )
    shop.ship(mall, "w-a1", {"tea": 4}, parcel="p1")
    urges.open(
        "w-u1", order="w-a1", target="courier", parcel="p1", reason="silent", way="phone",
        by=shop.SERVICE,
    )
    urges.repeat("w-u1", way="phone", by=shop.AGENT)
    urges.answer("w-u1", text="tomorrow", by=shop.AGENT)
    wrong = time.now
    orders.track(
        "w-a1", parcel="p1", events=[TrackingEvent("delivered", wrong, text="signed: Li")],
        by=shop.COURIER,
    )
    orders.correct_tracking(
        "w-a1", parcel="p1", status="delivered", when=wrong, reason="next door",
        by=shop.OPERATIONS,
    )
    shop.ship(mall, "w-a1", {"tea": 6}, parcel="p2")
    for parcel in ("p1", "p2"):
        orders.deliver("w-a1", parcel=parcel, by=shop.COURIER)
    orders.complete("w-a1", by=shop.CUSTOMER)
    place(mall, "w-a2", 1)
    orders.hand_over("w-a2", to=shop.AGENT.id, by=shop.SERVICE)
    orders.decline("w-a2", reason="sold out", by=shop.MERCHANT)
    place(mall, "w-a3", 1)
    orders.cancel("w-a3", reason="too late", by=shop.CUSTOMER, key="w-once")
    orders.cancel("w-a3", reason="too late", by=shop.CUSTOMER, key="w-once")


def _services(mall: Mall, time: Present) -> None:
    orders = mall.orders
    for id in ("w-s1", "w-s2", "w-s3"):
        _accepted(mall, id, 1, kind="service", relatives=["son"])
        orders.appoint(id, when=time.now + HOUR, place="at home", by=shop.MERCHANT)
    orders.cancel("w-s3", reason="she is ill", by=shop.CUSTOMER)
    time.now += HOUR
    for id in ("w-s1", "w-s2"):
        orders.start(id, served_by="nurse", by=shop.MERCHANT)
        orders.finish(id, proof="photo-1", by=shop.MERCHANT)
    orders.confirm("w-s1", by=shop.CUSTOMER)
    time.now += timedelta(days=7, minutes=1)
    mall.sweep()
    assert orders.get("w-s2").service == "completed"


def _callbacks(mall: Mall) -> None:
    callbacks = mall.callbacks
    for _ in range(3):
        callbacks.attempt("w-a1", note="no answer", by=shop.SERVICE)
    callbacks.give_up("w-a1", by=shop.SERVICE)
    callbacks.reach("w-s1", satisfaction="satisfied", suggestion="more of it", by=shop.SERVICE)
    callbacks.refuse("w-s2", by=shop.SERVICE)


def _complaints(mall: Mall, time: Present) -> None:
    complaints = mall.complaints
    for id in ("w-k1", "w-k2"):
        complaints.receive(id, customer=shop.CUSTOMER.id, words="it was cold", by=shop.CUSTOMER)
    complaints.record("w-k1", subject="tea", remedy="money", etiquette="1", by=shop.SERVICE)
    complaints.contact("w-k1", way="phone", note="she waits", by=shop.SERVICE)
    complaints.note("w-k1", text="opened in May", by=shop.SERVICE)
    complaints.escalate("w-k1", reason="too much for us", by=shop.SERVICE)
    complaints.settle_opinion("w-k1", text="pay for it", by=shop.LEADER)
    complaints.answer("w-k1", text="we pay", by=shop.SERVICE)
    complaints.close("w-k1", satisfied="yes", remedy="granted", by=shop.SERVICE)
    for _ in range(2):  # the second goes up by itself: to the head, then to the leader
        time.now += 25 * HOUR
        mall.sweep()
    assert complaints.get("w-k2").raised_at is not None


def _cases(mall: Mall, time: Present) -> None:
    cases = mall.cases

    def begin(id: str, remedy: Any, ground: str, quantity: int = 1) -> None:
        cases.open(
            id, order="w-a1", customer=shop.CUSTOMER.id, lines={"tea": quantity}, remedy=remedy,
            words="it is damp", by=shop.CUSTOMER,
        )
        cases.contact(id, note="by phone", by=shop.SERVICE)
        cases.record(id, ground=ground, item_state="unused", wish="as it says", by=shop.SERVICE)
        cases.contact_merchant(id, note="by phone", by=shop.AGENT)

    begin("w-c1", "exchange", "damaged", 2)
    cases.choose("w-c1", remedy="return", by=shop.CUSTOMER)
    cases.contact("w-c1", note="again", by=shop.SERVICE)
    cases.hold("w-c1", reason="photos", until=time.now + 9 * HOUR, by=shop.SERVICE)
    cases.resume("w-c1", by=shop.SERVICE)
    cases.approve("w-c1", by=shop.MERCHANT)
    cases.send_back("w-c1", courier="SF", tracking="SF7", by=shop.CUSTOMER)
    cases.receive("w-c1", outcome="ok", restock=True, by=shop.MERCHANT)
    mall.orders.refunded("w-a1", 2000, "w-back-c1", case="w-c1", by=shop.PAYMENTS)
    mall.stock.inspect("w-tea", lot="w-c1", by=shop.MERCHANT)
    begin("w-c2", "exchange", "damaged")
    cases.approve("w-c2", by=shop.MERCHANT)
    cases.receive("w-c2", outcome="damaged", by=shop.MERCHANT)
    cases.resolve("w-c2", outcome="replace", reason="as found", by=shop.OPERATIONS)
    cases.send_replacement("w-c2", by=shop.MERCHANT)
    cases.deliver_replacement("w-c2", by=shop.CUSTOMER)
    begin("w-c3", "refund_only", "whim")
    cases.decline("w-c3", reason="it was used", by=shop.MERCHANT)
    cases.tell("w-c3", note="by phone", by=shop.SERVICE)
    begin("w-c4", "return", "damaged")
    cases.withdraw("w-c4", by=shop.CUSTOMER)
    cases.open(
        "w-c5", order="w-a1", customer=shop.CUSTOMER.id, lines={"tea": 1}, remedy="return",
        by=shop.CUSTOMER,
    )
    for _ in range(3):
        cases.attempt("w-c5", note="no answer", by=shop.SERVICE)
    cases.give_up("w-c5", by=shop.SERVICE)
    begin("w-c6", "return", "quality")
    begin("w-c7", "return", "whim")
    time.now += 49 * HOUR
    mall.sweep()
    assert cases.get("w-c6").state == "approved"
    assert cases.get("w-c7").silence_noted_at is not None
    for id in ("w-c1", "w-c2", "w-c3"):
        cases.close(id, by=shop.SERVICE)


def _ways(mall: Mall, time: Present) -> None:
    """Take the ways of what goes otherwise: parcels, money, answers, and silence."""
    orders, by = mall.orders, shop.OPERATIONS
    mall.stock.confirm("w-tea", on_hand=mall.stock.get("w-tea").on_hand, by=shop.MERCHANT)
    _accepted(mall, "w-a4", 4)
    shop.ship(mall, "w-a4", {"tea": 2}, parcel="p1")
    mall.urges.open(
        "w-u2", order="w-a4", target="courier", parcel="p1", reason="silent", way="phone", by=by
    )
    orders.relabel("w-a4", parcel="p1", courier="YT", tracking="YT1", reason="a slip", by=by)
    orders.end_parcel("w-a4", parcel="p1", how="lost", reason="a flood", by=by)
    orders.send_again("w-a4", parcel="p1", by=by)
    shop.ship(mall, "w-a4", {"tea": 4}, parcel="p2")
    orders.end_parcel("w-a4", parcel="p2", how="refused", reason="not hers", by=by)
    orders.give_up("w-a4", parcel="p2", reason="not hers", by=by)
    for number in (1, 2):
        orders.paid_in_part("w-a4", 100 * number, f"w-more-{number}", by=shop.PAYMENTS)
    mall.refunds.accept("w-a4.1", by=by)
    mall.refunds.fail("w-a4.1", reason="no such card", by=by)
    mall.refunds.ask("w-a4.1", by=by)
    mall.refunds.lose("w-a4.1", reason="no answer", by=by)
    mall.complaints.receive("w-k3", customer=shop.CUSTOMER.id, words="cold", by=shop.CUSTOMER)
    mall.complaints.record("w-k3", subject="tea", remedy="-", etiquette="1", by=shop.SERVICE)
    mall.complaints.answer("w-k3", text="no", by=shop.SERVICE)
    mall.complaints.contest("w-k3", reason="yes", by=shop.CUSTOMER)
    place(mall, "w-a5", 2, cash_on_delivery=True)
    shop.accept(mall, "w-a5")
    place(mall, "w-a6", 1)
    for id in ("w-a5", "w-a7"):
        if id == "w-a7":
            _accepted(mall, id, 2)
        shop.ship(mall, id, {"tea": 2}, parcel="p1")
        orders.deliver(id, parcel="p1", by=shop.COURIER)
    orders.collect("w-a5", 2000, by=shop.COURIER)
    mall.cases.open(
        "w-c8", order="w-a5", customer=shop.CUSTOMER.id, lines={"tea": 1}, remedy="return",
        by=shop.CUSTOMER,
    )
    mall.cases.contact("w-c8", note="by phone", by=shop.SERVICE)
    mall.cases.record("w-c8", ground="damaged", item_state="unused", wish="-", by=shop.SERVICE)
    mall.cases.contact_merchant("w-c8", note="by phone", by=shop.AGENT)
    mall.cases.approve("w-c8", by=shop.MERCHANT)
    mall.cases.send_back("w-c8", courier="SF", tracking="SF8", by=shop.CUSTOMER)
    mall.cases.relabel("w-c8", sending="sent_back", courier="SF", tracking="SF9", reason="-", by=by)
    orders.adopt("w-a8", {
        "goods": "cancelled", "payment": "paid", "kind": "goods", "merchant": "tea-house",
        "customer": shop.CUSTOMER.id, "group_id": None, "channel": "app", "currency": "CNY",
        "freight": 0, "total": 100, "cash_on_delivery": False, "received": 100,
        "lines": [{"id": "tea", "listing": "w-old", "ordered": 1, "amount": 100, "cancelled": 1}],
    }, by=by)
    time.now += timedelta(days=8)
    mall.sweep()
    assert orders.get("w-a6").lapsed_at is not None
    assert orders.get("w-a7").goods == "completed"


def _last(mall: Mall) -> None:
    for id in ("w-a1", "w-s1", "w-s2"):
        mall.orders.archive(id, by=shop.SERVICE)
    for room, id in ((mall.stock, "w-tea"), (mall.capacity, "w-lesson")):
        room.close(id, by=shop.MERCHANT)
        room.reopen(id, by=shop.MERCHANT)
    mall.listings.withdraw("w-tea", reason="sold out", by=shop.OPERATIONS)

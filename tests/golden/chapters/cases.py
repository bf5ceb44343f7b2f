"""After-sale cases: on every way to money, a replacement, or nothing; held, late, and silent."""

from __future__ import annotations

from typing import Any

from tests import shop
from tests.golden.chapters import services
from tests.golden.chapters.goods import DAUGHTER, sold
from tests.golden.life import Life

DAMAGED = {"ground": "damaged", "item_state": "unused", "wish": "a new one"}
MIND = {"ground": "changed_mind", "item_state": "unopened", "wish": "my money back"}
TASTE = {"ground": "taste", "item_state": "opened", "wish": "my money back"}


def opened(life: Life, id: str, order: str, remedy: str = "return", **more: Any) -> None:
    """Open a case about one tea."""
    given = {"customer": "grandma-li", "lines": {"tea": 1}, "by": shop.CUSTOMER}
    life.cases.open(id, **given | {"order": order, "remedy": remedy} | more)


def known(life: Life, id: str, order: str, remedy: str = "return", **facts: Any) -> None:
    """Open a case, contact the customer and record the facts."""
    opened(life, id, order, remedy)
    life.cases.contact(id, note="by phone", by=shop.SERVICE)
    life.cases.record(id, **DAMAGED | facts, by=shop.SERVICE)


def asked(life: Life, id: str, order: str, remedy: str = "return", **facts: Any) -> None:
    """Take a case to where the merchant was contacted."""
    known(life, id, order, remedy, **facts)
    life.cases.contact_merchant(id, note="by message", by=shop.AGENT)


def approved(life: Life, id: str, order: str, remedy: str = "return") -> None:
    """Take a case to approved."""
    asked(life, id, order, remedy)
    life.cases.approve(id, by=shop.MERCHANT)


def returning(life: Life, id: str, order: str, remedy: str = "return") -> None:
    """Take a case to where the goods are on their way back."""
    approved(life, id, order, remedy)
    life.cases.send_back(id, courier="SF", tracking="SF9", by=shop.CUSTOMER)


def received(
    life: Life, id: str, order: str, remedy: str = "return", outcome: str = "lost"
) -> None:
    """Take a case to where the goods were received, or weren't."""
    returning(life, id, order, remedy)
    life.cases.receive(id, outcome=outcome, by=shop.MERCHANT)


def cases(life: Life) -> None:
    """Take cases to money, to a replacement, to nothing; forget their words."""
    shop.staff(life)
    life.pass_(hours=6)
    sold(life, "A1")
    _refused(life)
    _money(life)
    _replaced(life)
    _nothing(life)
    _payments(life)
    life.seal()
    life.relay()
    life.no.cases.erase("N1", by=shop.OPERATIONS)
    life.pass_(days=1100)
    life.cases.erase("N1", by=shop.OPERATIONS)
    life.cases.erase("W1", by=shop.OPERATIONS)
    life.erase_expired()
    life.end()


def _refused(life: Life) -> None:
    """Open a case, and try what may not be done with it yet."""
    room, no = life.cases, life.no.cases
    opening = {"order": "A1", "customer": "grandma-li", "remedy": "return", "by": shop.CUSTOMER}
    no.open("M1", **opening, lines={"tea": 51})
    no.open("M1", **opening, lines={"tea": 0})
    no.open("M1", **opening | {"remedy": "gift"}, lines={"tea": 1})
    no.open("M1", **opening | {"customer": "somebody", "by": shop.STRANGER}, lines={"tea": 1})
    no.open("M1", **opening | {"by": shop.STRANGER}, lines={"tea": 1})
    no.open("M1", **opening | {"order": "A9"}, lines={"tea": 1})
    no.open("M1", **opening, lines={"tea": 1}, channel="fax")
    room.open(
        "M1", **opening | {"customer": DAUGHTER.id, "by": DAUGHTER}, lines={"tea": 2, "honey": 1},
        words="the tea is damp · 茶叶潮了", channel="wechat", key="form-1",
    )
    with life.unstaffed("after_sale"):
        no.attempt("M1", note="no answer", by=shop.SERVICE)
    no.approve("M1", by=shop.MERCHANT)
    for note in ("no answer", "engaged", "no answer"):
        no.give_up("M1", by=shop.SERVICE)
        room.attempt("M1", note=note, by=shop.SERVICE)
    room.choose("M1", remedy="exchange", by=shop.CUSTOMER)
    room.give_up("M1", by=shop.SERVICE)
    no.contact_merchant("M1", note="by phone", by=shop.SERVICE)
    no.record("M1", **DAMAGED, by=shop.MERCHANT)
    room.record("M1", **TASTE, by=shop.SERVICE)
    room.record("M1", **DAMAGED, by=shop.SERVICE)
    no.approve("M1", by=shop.MERCHANT)
    room.choose("M1", remedy="refund_only", by=shop.SERVICE)
    room.contact("M1", note="she has called back", by=shop.SERVICE)
    room.contact_merchant("M1", note="by phone", by=shop.AGENT)
    no.decline("M1", reason="never", by=shop.MERCHANT)
    room.choose("M1", remedy="return", by=DAUGHTER)
    room.contact("M1", note="she waits", by=shop.SERVICE)
    no.approve("M1", by=shop.RIVAL)
    room.approve("M1", by=shop.MERCHANT)
    no.choose("M1", remedy="refund_only", by=shop.CUSTOMER)
    room.choose("M1", remedy="exchange", by=shop.CUSTOMER)
    room.choose("M1", remedy="return", by=shop.CUSTOMER)
    room.contact("M1", note="send it back, please", by=shop.SERVICE)
    no.resolve("M1", outcome="refund", reason="quick", by=shop.OPERATIONS)
    no.send_back("M1", courier="SF", by=shop.CUSTOMER)
    room.send_back("M1", by=shop.CUSTOMER)
    no.choose("M1", remedy="exchange", by=shop.CUSTOMER)
    room.contact("M1", note="we have seen it", by=shop.SERVICE)
    no.withdraw("M1", by=shop.CUSTOMER)
    no.receive("M1", outcome="short", by=shop.MERCHANT)
    no.receive("M1", outcome="short", arrived={"tea": 2, "honey": 1}, by=shop.MERCHANT)
    no.receive("M1", outcome="lost", restock=True, by=shop.MERCHANT)
    room.receive("M1", outcome="short", arrived={"tea": 1}, by=shop.MERCHANT)
    room.contact("M1", note="one tea has come", by=shop.SERVICE)
    no.close("M1", by=shop.SERVICE)
    no.tell("M1", note="nothing", by=shop.SERVICE)
    no.resolve("M1", outcome="replace", reason="no", by=shop.OPERATIONS)
    no.resolve("M1", outcome="none", refund=5, reason="no", by=shop.OPERATIONS)
    no.resolve("M1", outcome="refund", refund=500, reason="too much", by=shop.OPERATIONS)
    room.resolve("M1", outcome="refund", refund=70, reason="for one tea", by=shop.OPERATIONS)
    no.resolve("M1", outcome="none", reason="again", by=shop.OPERATIONS)
    no.send_replacement("M1", by=shop.MERCHANT)
    money = {"by": shop.PAYMENTS}
    no_money = life.no.orders.refunded
    no_money("A1", 70, "back-M1", refund="A1.9", **money)
    no_money("A1", 70, "back-M1", case="M9", **money)
    life.orders.refunded("A1", 30, "back-M1", case="M1", **money)
    life.orders.refunded("A1", 40, "back-M1b", **money)
    room.close("M1", by=shop.SERVICE)
    no.withdraw("M1", by=shop.CUSTOMER)


def _money(life: Life) -> None:
    """Settle cases by money: at once, and after the goods came back."""
    room = life.cases
    life.stock.open("green-tea", warn_at=2, merchant=None, by=shop.OPERATIONS)
    life.stock.receive("green-tea", lot="L1", quantity=9, source="note 1", by=shop.OPERATIONS)
    approved(life, "R1", "A1", "refund_only")
    life.no.cases.receive("R1", outcome="ok", by=shop.MERCHANT)
    life.no.cases.withdraw("R1", by=shop.CUSTOMER)
    life.orders.refunded("A1", 60, "back-R1", by=shop.PAYMENTS)
    life.orders.refunded("A1", 40, "back-R1b", by=shop.PAYMENTS)
    room.close("R1", by=shop.OPERATIONS)
    approved(life, "R2", "A1")
    room.receive("R2", outcome="ok", restock=True, by=shop.AGENT)
    life.no.cases.deliver_replacement("R2", by=shop.COURIER)
    life.orders.refunded("A1", 100, "back-R2", case="R2", by=shop.PAYMENTS)
    sold(life, "A2", merchant=None)
    known(life, "R3", "A2", "refund_only")
    life.no.cases.contact_merchant("R3", note="whom?", by=shop.SERVICE)
    room.approve("R3", by=shop.OPERATIONS)


def _replaced(life: Life) -> None:
    """Settle cases by a replacement: sent before the goods come back, or after."""
    room, no = life.cases, life.no.cases
    approved(life, "X1", "A1", "exchange")
    no.deliver_replacement("X1", by=shop.COURIER)
    room.send_replacement("X1", courier="SF", tracking="SF7", by=shop.MERCHANT)
    no.choose("X1", remedy="return", by=shop.CUSTOMER)
    no.withdraw("X1", by=shop.CUSTOMER)
    no.deliver_replacement("X1", by=shop.COURIER, at=life.ago(minutes=6))
    room.send_replacement("X1", courier="SF", tracking="SF8", by=shop.MERCHANT)
    room.deliver_replacement("X1", by=shop.COURIER)
    room.close("X1", by=shop.SERVICE)
    received(life, "X2", "A1", "exchange", "damaged")
    no.send_replacement("X2", by=shop.MERCHANT)
    room.resolve("X2", outcome="replace", reason="the courier's fault", by=shop.OPERATIONS)
    room.send_replacement("X2", by=shop.AGENT)
    room.deliver_replacement("X2", by=shop.CUSTOMER)
    received(life, "X3", "A1", "exchange", "ok")
    no.resolve("X3", outcome="none", reason="no", by=shop.OPERATIONS)
    room.send_replacement("X3", by=shop.MERCHANT)
    room.resolve("X3", outcome="refund", reason="none left", by=shop.OPERATIONS)


def _nothing(life: Life) -> None:
    """Decline, find that nothing follows, and withdraw."""
    room, no = life.cases, life.no.cases
    asked(life, "N1", "A1", **TASTE)
    room.decline("N1", reason="it was opened", by=shop.MERCHANT)
    no.close("N1", by=shop.SERVICE)
    room.contact("N1", note="she is angry", by=shop.SERVICE)
    room.tell("N1", note="it was opened", by=shop.SERVICE)
    room.close("N1", by=shop.SERVICE)
    known(life, "N2", "A2", **TASTE)
    room.decline("N2", reason="it was opened", by=shop.OPERATIONS)
    received(life, "N3", "A1", "return", "wrong_item")
    room.resolve("N3", outcome="none", reason="an old shoe", by=shop.OPERATIONS)
    room.tell("N3", note="it was an old shoe", by=shop.SERVICE)
    room.close("N3", by=shop.SERVICE)
    for id, make in {"W1": opened, "W2": known, "W3": asked, "W4": approved}.items():
        make(life, id, "A1")
        room.withdraw(id, by=shop.CUSTOMER if id < "W3" else shop.SERVICE)


def _payments(life: Life) -> None:
    """Claim, release and take back in every state of an order's payment."""
    states: dict[str, dict[str, Any]] = {
        "P1": {"payment": "unpaid", "received": 0, "paid_at": None},
        "P2": {"payment": "cod_pending", "received": 0, "paid_at": None, "cash_on_delivery": True},
        "P3": {"payment": "part_refunded", "returned_money": 100, "goodwill": 100},
        "P4": {"payment": "refunded", "returned_money": 11000, "goodwill": 11000},
    }
    for order, state in states.items():
        sold(life, order, **state)
        opened(life, f"{order}.1", order)
        life.cases.withdraw(f"{order}.1", by=shop.CUSTOMER)
        approved(life, f"{order}.2", order, "refund_only")


def late_cases(life: Life) -> None:
    """Hold cases, let their limits pass, and let silence decide."""
    shop.staff(life)
    life.pass_(hours=6)
    sold(life, "A1")
    sold(life, "A2", merchant=None)
    _held(life)
    opened(life, "L1", "A1")
    known(life, "L2", "A1")
    asked(life, "L3", "A1")
    asked(life, "L4", "A1", **TASTE)
    known(life, "L5", "A2", **MIND)
    known(life, "L6", "A2", **TASTE)
    returning(life, "L7", "A1")
    approved(life, "L8", "A1", "refund_only")
    life.no.cases.hold("L1", reason="away", until=life.ahead(days=8), by=shop.SERVICE)
    life.sweep(hours=25)
    life.no.cases.hold("L1", reason="away", until=life.ahead(days=1), by=shop.SERVICE)
    life.cases.contact("L1", note="at last", by=shop.SERVICE)
    life.cases.contact_merchant("L2", note="at last", by=shop.SERVICE)
    life.sweep(hours=25)
    states = {id: life.mall.cases.get(id).state for id in ("L3", "L4", "L5", "L6")}
    assert states == {
        "L3": "approved", "L4": "merchant_contacted", "L5": "approved", "L6": "contacted",
    }
    life.sweep(hours=49)
    life.sweep(days=5)
    life.cases.receive("L7", outcome="ok", by=shop.MERCHANT)
    life.cases.receive("L3", outcome="ok", by=shop.MERCHANT)
    life.orders.refunded("A1", 300, "back-all", by=shop.PAYMENTS)
    life.cases.approve("L6", by=shop.OPERATIONS)
    life.cases.decline("L4", reason="it was opened", by=shop.MERCHANT)
    _of_a_service(life)
    life.relay()
    life.end()


def _held(life: Life) -> None:
    """Wait for the customer in every state; end it by hand, or by time."""
    room, no = life.cases, life.no.cases
    opened(life, "H1", "A1")
    since = {"contacted_at": life.time.now, "merchant": "tea-house"}
    decided = {"decided_at": life.time.now, **since}
    states: dict[str, dict[str, Any]] = {
        "H2": {"state": "contacted", **since},
        "H3": {"state": "merchant_contacted", "merchant_contacted_at": life.time.now, **since},
        "H4": {"state": "approved", "entitled": True, **decided},
        "H5": {"state": "returning", "sent_back": {
            "courier": None, "tracking": None, "at": life.time.now}, **decided},
        "H6": {"state": "received", "received_at": life.time.now, "reception": "lost", **decided},
    }
    for id, state in states.items():
        case = {
            "order": "A1", "customer": "grandma-li", "channel": "app", "lines": {"tea": 1},
            "remedy": "return", "words": "damp", "listings": {"tea": "green-tea"}, "contacts": [],
            "created_at": life.time.now,
        }
        life.cases.adopt(id, case | state, by=shop.OPERATIONS)
    for id in ("H1", *states):
        no.resume(id, by=shop.SERVICE)
        room.hold(id, reason="she is away", until=life.ahead(hours=3), by=shop.SERVICE)
        if id in ("H1", "H4"):
            no.hold(id, reason="more", until=life.ahead(hours=9), by=shop.SERVICE)
            no.resume(id, by=shop.SERVICE, at=life.ago(minutes=6))
    no.hold("H1", reason="back", until=life.ago(hours=1), by=shop.SERVICE)
    life.pass_(hours=1)
    for id in ("H1", "H2", "H3", "H6"):
        room.resume(id, by=shop.SERVICE)
    life.sweep(hours=3)
    room.hold("H1", reason="she is away", until=life.ahead(days=6), by=shop.SERVICE)
    no.hold("H2", reason="for long", until=life.ahead(days=7), by=shop.SERVICE)
    room.resume("H1", by=shop.OPERATIONS)


def _of_a_service(life: Life) -> None:
    """Ask for money back for a service: its confirmation waits for the case."""
    services.done(life, "S1")
    given = {"order": "S1", "customer": "grandma-li", "lines": {"feet": 1}}
    life.cases.open("S1", **given, remedy="refund_only", by=shop.CUSTOMER)
    life.sweep(days=8)
    life.cases.withdraw("S1", by=shop.CUSTOMER)
    life.orders.confirm("S1", by=shop.CUSTOMER)

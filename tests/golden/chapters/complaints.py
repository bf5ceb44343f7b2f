"""Complaints: recorded, answered, carried upwards by people and by time."""

from __future__ import annotations

from eldermall import person
from tests import shop
from tests.golden.chapters.goods import delivered
from tests.golden.life import Life

TAKEN = {"subject": "damp tea", "remedy": "another one", "etiquette": "v1", "by": shop.SERVICE}


def received(life: Life, id: str) -> None:
    """Take a complaint in."""
    life.complaints.receive(id, customer="grandma-li", words="茶叶潮了", by=shop.CUSTOMER)


def recorded(life: Life, id: str) -> None:
    """Take a complaint in and record it."""
    received(life, id)
    life.complaints.record(id, **TAKEN)


def escalated(life: Life, id: str) -> None:
    """Report a complaint to the head."""
    received(life, id)
    life.complaints.escalate(id, reason="the merchant says no", by=shop.SERVICE)


def settled(life: Life, id: str) -> None:
    """Let the head settle an opinion on a complaint."""
    escalated(life, id)
    life.complaints.settle_opinion(id, text="pay for it", by=shop.HEAD)


def answered(life: Life, id: str) -> None:
    """Answer a complaint."""
    recorded(life, id)
    life.complaints.answer(id, text="a new one is on its way", by=shop.SERVICE)


def complaints(life: Life) -> None:
    """Work on complaints in every state."""
    shop.staff(life)
    room, no = life.complaints, life.no.complaints
    _taking(life)
    states = {
        "K1": received, "K2": recorded, "K3": escalated, "K4": settled, "K5": answered,
    }
    for id, make in states.items():
        make(life, id)
        room.contact(id, way="phone", note="with her daughter", by=shop.SERVICE)
        room.note(id, text="the box was open", by=shop.HEAD)
    no.answer("K1", text="sorry", by=shop.SERVICE)
    no.note("K1", text="x", by=shop.MERCHANT)
    no.record("K2", **TAKEN)
    room.escalate("K2", reason="too big for me", by=shop.OPERATIONS)
    room.record("K3", **TAKEN)
    no.record("K3", **TAKEN)
    no.answer("K3", text="sorry", by=shop.SERVICE)
    no.settle_opinion("K3", text="mine", by=shop.SERVICE)
    no.settle_opinion("K3", text="mine", by=person("xi", "department_head",
                                                   department="operations"))
    room.settle_opinion("K3", text="his own", by=shop.LEADER)
    room.record("K4", **TAKEN)
    room.answer("K4", text="you get your money", by=shop.HEAD)
    with life.unstaffed("after_sale"):
        no.close("K4", satisfied="yes", remedy="granted", by=shop.SERVICE)
    room.close("K4", satisfied="yes", remedy="granted", by=shop.OPERATIONS)
    no.note("K4", text="x", by=shop.SERVICE)
    room.close("K5", satisfied="yes", remedy="granted", by=shop.SERVICE)
    life.seal()
    _late(life)
    no.erase("K4", by=shop.OPERATIONS)
    life.pass_(days=1100)
    room.erase("K4", by=shop.OPERATIONS)
    life.erase_expired()
    life.end()


def _taking(life: Life) -> None:
    no = life.no.complaints
    delivered(life, "A1")
    words = {"customer": "grandma-li", "words": "the tea was damp", "by": shop.CUSTOMER}
    no.receive("K0", **words | {"by": shop.STRANGER})
    no.receive("K0", **words | {"words": ""})
    no.receive("K0", **words | {"customer": "somebody", "by": shop.SERVICE}, order="A1")
    no.receive("K0", **words, lines=["tea"])
    no.receive("K0", **words, order="A1", lines=["milk"])
    no.receive("K0", **words, channel="fax")
    life.complaints.receive("K0", **words, order="A1", lines=["tea", "honey"])
    life.complaints.receive(
        "K6", **words | {"by": shop.OPERATIONS}, channel="wechat", against=shop.HEAD.id,
        key="letter-6",
    )
    life.complaints.escalate("K6", reason="it is about our head", by=shop.OPERATIONS)
    no.settle_opinion("K6", text="I did well", by=shop.HEAD)
    life.complaints.settle_opinion("K6", text="he didn't", by=shop.LEADER)


def _late(life: Life) -> None:
    """Let time carry a complaint to the head, and then to the leader."""
    room = life.complaints
    received(life, "K7")
    received(life, "K8")
    room.record("K8", **TAKEN)
    life.sweep(hours=24, minutes=1)
    assert life.mall.complaints.get("K7").holder == "head.operations"
    room.answer("K3", text="you get a new one", by=shop.SERVICE)
    life.sweep(hours=24, minutes=1)
    assert life.mall.complaints.get("K7").holder == "leader"
    room.settle_opinion("K7", text="we were wrong", by=shop.LEADER)
    life.sweep(hours=8, minutes=1)
    life.sweep(hours=24)
    room.record("K7", **TAKEN)
    room.answer("K7", text="we were wrong", by=shop.LEADER)
    room.close("K7", satisfied="yes", remedy="granted", by=shop.SERVICE)
    room.settle_opinion("K2", text="no", by=shop.HEAD)
    room.answer("K2", text="no", by=shop.SERVICE)

"""Rules and clocks that the policy doesn't enforce for a while: observed, or off."""

from __future__ import annotations

from typing import Any

from tests import shop
from tests.golden.chapters.cases import MIND, known
from tests.golden.chapters.complaints import escalated, received
from tests.golden.chapters.goods import delivered, sold
from tests.golden.life import Life

WHY = {"author": "board", "approver": "lin", "reason": "trial", "until": "2026-12-31"}
OBSERVED = (
    "shipping.paid-first", "callback.enough-attempts", "complaints.recorded-before-answer",
    "aftersales.merchant-before-decision", "complaints.answered-in-time", "handover.in-time",
)
OFF = ("complaints.opinion-before-answer", "handover.contact-in-time", "stock.confirmed-number")


def policy() -> dict[str, Any]:
    """Return the demo policy, in which some rules and clocks aren't enforced."""
    observed = dict.fromkeys(OBSERVED, WHY | {"mode": "observe"})
    return shop.policy() | {"enforce": observed | dict.fromkeys(OFF, WHY | {"mode": "off"})}


def relaxed(life: Life) -> None:
    """Do what would be refused, and be late where nobody minds."""
    shop.staff(life)
    shop.place(life, "A1")
    life.sweep(hours=5)
    life.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE)
    life.orders.contact_merchant("A1", way="phone", by=shop.AGENT)
    life.orders.accept("A1", by=shop.MERCHANT)
    shop.ship(life, "A1")
    delivered(life, "A2")
    life.orders.complete("A2", by=shop.CUSTOMER)
    life.callbacks.give_up("A2", by=shop.SERVICE)
    received(life, "K1")
    life.complaints.answer("K1", text="sorry", by=shop.SERVICE)
    escalated(life, "K2")
    life.complaints.answer("K2", text="sorry", by=shop.SERVICE)
    received(life, "K3")
    life.sweep(hours=25)
    assert life.mall.complaints.get("K3").state == "received"
    sold(life, "A3")
    known(life, "R1", "A3", **MIND)
    life.cases.approve("R1", by=shop.MERCHANT)
    life.end()

"""The cases in ``tests/cases``: what happens, when, and what the rules and clocks say to it.

A case is a file. It says, in this order:

name      what the case shows, zh and en
policy    settings that differ from the demo policy, if any
events    each with ``at`` (the mall's time), ``do``, more words of its own, and either nothing
          (it is allowed) or ``refused`` with the rules that refuse it
clocks    after the last event: by clock, and by line where it has lines: ``state`` and ``due``
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from eldermall import Actor, Mall, moment
from eldermall.contracts.courier import TrackingEvent
from tests import shop

FILES = sorted((shop.ROOT / "tests" / "cases").rglob("*.yaml"))
PRICES = {"tea": 6800, "honey": 5600}
WHO: dict[str, Actor] = {
    "operations": shop.OPERATIONS, "customer-service": shop.SERVICE, "agent": shop.AGENT,
    "head": shop.HEAD, "leader": shop.LEADER, "customer": shop.CUSTOMER,
    "merchant": shop.MERCHANT, "payments": shop.PAYMENTS, "courier": shop.COURIER,
}


class Case:
    """A mall in which a case happens."""

    def __init__(self, mall: Mall) -> None:
        self.mall = mall
        self.parcels = 0

    def moment(self, when: str | datetime) -> datetime:
        zone = self.mall.policy.settings.zone
        return datetime.fromisoformat(str(when)).replace(tzinfo=zone)

    def place(self, lines: dict[str, int], by: Actor = shop.CUSTOMER, **more: Any) -> None:
        pickup = more.pop("not_by_courier", ())
        if "ship_by" in more:
            more["ship_by"] = self.moment(more["ship_by"])
        given = [
            {
                "id": name, "listing": name, "quantity": quantity,
                "amount": PRICES[name] * quantity, "courier": name not in pickup,
            }
            for name, quantity in lines.items()
        ]
        total = sum(PRICES[name] * quantity for name, quantity in lines.items())
        shop.place(self.mall, lines=given, total=total, freight=0, by=by, **more)

    def pay(self, by: Actor = shop.PAYMENTS) -> None:
        self.mall.orders.paid("A1", self.mall.orders.get("A1").total, "payment", by=by)

    def accept(self) -> None:
        shop.accept(self.mall)

    def ship(self, lines: dict[str, int], by: Actor = shop.MERCHANT) -> None:
        self.parcels += 1
        shop.ship(self.mall, lines=lines, parcel=f"p{self.parcels}", by=by)

    def deliver(self, parcel: str = "p1", by: Actor = shop.COURIER) -> None:
        self.mall.orders.deliver("A1", parcel=parcel, by=by)

    def cancel(self, lines: dict[str, int] | None = None, by: Actor = shop.CUSTOMER) -> None:
        self.mall.orders.cancel("A1", reason="the customer asks", lines=lines, by=by)

    def decline(self, by: Actor = shop.MERCHANT) -> None:
        self.mall.orders.decline("A1", reason="sold out", by=by)

    def refund(self, lines: dict[str, int], by: Actor = shop.PAYMENTS) -> None:
        amount = sum(PRICES[name] * quantity for name, quantity in lines.items())
        self.mall.orders.refunded("A1", amount, "refund", lines=lines, by=by)

    def grant_exception(
        self, line: str, until: str, customer_told_at: str, by: Actor = shop.OPERATIONS
    ) -> None:
        self.mall.orders.grant_exception(
            "A1", line=line, reason="agreed with the customer", until=self.moment(until),
            customer_told_at=self.moment(customer_told_at), by=by,
        )

    def complete(self, by: Actor = shop.CUSTOMER) -> None:
        self.mall.orders.complete("A1", by=by)

    def archive(self, by: Actor = shop.SERVICE) -> None:
        self.mall.orders.archive("A1", by=by)

    def call(
        self,
        reached: bool,
        satisfaction: str | None = None,
        suggestion: str | None = None,
        by: Actor = shop.SERVICE,
    ) -> None:
        if reached:
            words: dict[str, Any] = {"satisfaction": satisfaction, "suggestion": suggestion}
            self.mall.callbacks.reach("A1", by=by, **words)
        else:
            self.mall.callbacks.attempt("A1", note="no answer", by=by)

    def give_up(self, by: Actor = shop.SERVICE) -> None:
        self.mall.callbacks.give_up("A1", by=by)

    def complain(self, words: str, against: str | None = None, by: Actor = shop.CUSTOMER) -> None:
        self.mall.complaints.receive(
            "A1", customer=shop.CUSTOMER.id, words=words, against=against, by=by
        )

    def record(self, subject: str, remedy: str, by: Actor = shop.SERVICE) -> None:
        self.mall.complaints.record("A1", subject=subject, remedy=remedy, etiquette="v1", by=by)

    def opinion(self, text: str, by: Actor) -> None:
        self.mall.complaints.settle_opinion("A1", text=text, by=by)

    def answer(self, text: str, by: Actor = shop.SERVICE) -> None:
        self.mall.complaints.answer("A1", text=text, by=by)

    def open_case(
        self, lines: dict[str, int], remedy: str = "return", by: Actor = shop.CUSTOMER
    ) -> None:
        given: dict[str, Any] = {"lines": lines, "remedy": remedy}
        self.mall.cases.open("A1", order="A1", customer=shop.CUSTOMER.id, by=by, **given)

    def reach_customer(self, by: Actor = shop.SERVICE) -> None:
        self.mall.cases.contact("A1", note="by phone", by=by)

    def miss_customer(self, by: Actor = shop.SERVICE) -> None:
        self.mall.cases.attempt("A1", note="no answer", by=by)

    def give_up_customer(self, by: Actor = shop.SERVICE) -> None:
        self.mall.cases.give_up("A1", by=by)

    def record_facts(self, ground: str, item_state: str, by: Actor = shop.SERVICE) -> None:
        self.mall.cases.record(
            "A1", ground=ground, item_state=item_state, wish="as she says", by=by
        )

    def contact_merchant(self, by: Actor = shop.AGENT) -> None:
        self.mall.cases.contact_merchant("A1", note="by phone", by=by)

    def choose(self, remedy: Any, by: Actor = shop.CUSTOMER) -> None:
        self.mall.cases.choose("A1", remedy=remedy, by=by)

    def approve_case(self, by: Actor = shop.MERCHANT) -> None:
        self.mall.cases.approve("A1", by=by)

    def decline_case(self, by: Actor = shop.MERCHANT) -> None:
        self.mall.cases.decline("A1", reason="as we see it", by=by)

    def send_back(self, by: Actor = shop.CUSTOMER) -> None:
        self.mall.cases.send_back("A1", courier="SF", tracking="SF2001", by=by)

    def receive_back(self, outcome: Any, by: Actor = shop.MERCHANT) -> None:
        self.mall.cases.receive("A1", outcome=outcome, by=by)

    def resolve(
        self, outcome: Any, refund: int | None = None, by: Actor = shop.OPERATIONS
    ) -> None:
        self.mall.cases.resolve("A1", outcome=outcome, refund=refund, reason="as found", by=by)

    def send_replacement(self, by: Actor = shop.MERCHANT) -> None:
        self.mall.cases.send_replacement("A1", courier="SF", tracking="SF2002", by=by)

    def deliver_replacement(self, by: Actor = shop.COURIER) -> None:
        self.mall.cases.deliver_replacement("A1", by=by)

    def pay_back(self, amount: int, by: Actor = shop.PAYMENTS) -> None:
        self.mall.orders.refunded("A1", amount, "refund", case="A1", by=by)

    def tell_customer(self, by: Actor = shop.SERVICE) -> None:
        self.mall.cases.tell("A1", note="by phone", by=by)

    def close_case(self, by: Actor = shop.SERVICE) -> None:
        self.mall.cases.close("A1", by=by)

    def wait_for_customer(self, until: str, by: Actor = shop.SERVICE) -> None:
        self.mall.cases.hold("A1", reason="the photos", until=self.moment(until), by=by)

    def resume(self, by: Actor = shop.SERVICE) -> None:
        self.mall.cases.resume("A1", by=by)

    def track(
        self, status: Any, when: str, parcel: str = "p1", by: Actor = shop.COURIER
    ) -> None:
        event = TrackingEvent(status, self.moment(when))
        self.mall.orders.track("A1", parcel=parcel, events=[event], by=by)

    def correct_tracking(
        self, status: Any, when: str, parcel: str = "p1", by: Actor = shop.OPERATIONS
    ) -> None:
        self.mall.orders.correct_tracking(
            "A1", parcel=parcel, status=status, when=self.moment(when), reason="wrong", by=by
        )

    def appoint(self, when: str, by: Actor = shop.AGENT) -> None:
        self.mall.orders.appoint("A1", when=self.moment(when), place="at home", by=by)

    def start(self, by: Actor = shop.MERCHANT) -> None:
        self.mall.orders.start("A1", served_by="nurse", by=by)

    def finish(self, by: Actor = shop.MERCHANT) -> None:
        self.mall.orders.finish("A1", proof="photo", by=by)

    def confirm(self, confirmed_by: str | None = None, by: Actor = shop.CUSTOMER) -> None:
        self.mall.orders.confirm("A1", confirmed_by=confirmed_by, by=by)

    def sweep(self, warned: int = 0, breached: int = 0, repeated: int = 0) -> None:
        did = self.mall.sweep()
        assert (did.warned, did.breached, did.repeated) == (warned, breached, repeated)
        assert did.failed == ()


def happen(case: Case, event: dict[str, Any]) -> None:
    words = dict(event)
    words.pop("at")
    refused = words.pop("refused", None)
    do: Callable[..., None] = getattr(case, words.pop("do").replace(" ", "_"))
    words = {name.replace(" ", "_"): value for name, value in words.items()}
    if "by" in words:
        words["by"] = WHO[words["by"]]
    if refused is None:
        do(**words)
        return
    decision = shop.refusal(do, **words)
    assert [rule.split("@")[0] for rule in decision.rules] == refused, event


def found(case: Case, clock: str) -> dict[str, Any]:
    subject = {
        "callback": "callback/A1", "complaints": "complaint/A1", "aftersales": "case/A1",
    }.get(clock.partition(".")[0], "order/A1")
    return dict(shop.clocks(case.mall, clock, subject))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_case(file: Path, url: str) -> None:
    told = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert set(told) <= {"name", "policy", "events", "clocks"}
    assert told["name"]["zh"]
    assert told["name"]["en"]
    time = shop.Time()
    with shop.open_mall(url, time, policy=shop.policy(told.get("policy"))) as mall:
        case = Case(mall)
        time.now = case.moment(told["events"][0]["at"])
        shop.staff(mall)
        for event in told["events"]:
            time.now = case.moment(event["at"])
            happen(case, event)
        for clock, parts in told.get("clocks", {}).items():
            rows = found(case, clock)
            whole = {"": parts} if parts and "state" in parts else parts
            assert set(rows) == set(whole), clock
            for part, said in whole.items():
                assert rows[part].state == said["state"], (clock, part)
                if "due" in said:
                    assert moment(rows[part].due) == case.moment(said["due"]), (clock, part)
        assert mall.verify().passed


def test_there_are_a_dozen_shipping_cases_at_least() -> None:
    assert len([file for file in FILES if file.parent.name == "shipping"]) >= 12

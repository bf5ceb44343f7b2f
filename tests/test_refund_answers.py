"""What the host answers to a refund request is noted on the refund, and ends no debt by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eldermall import Mall, hookimpl
from eldermall.contracts.events import Answer, RefundAnswer, RefundRequest
from eldermall.engine.rule import AT, Rule
from eldermall.engine.settings import Technical
from eldermall.reports.todo import todo_list
from eldermall.rooms.refunding import Refunds
from eldermall.texts import Text
from tests import shop


class Bank:
    """A host that answers as it is told, and pays what it says is booked, once for each id."""

    def __init__(self, answers: Sequence[RefundAnswer | None]) -> None:
        self.answers = list(answers)
        self.asked: list[RefundRequest] = []

    @hookimpl
    def eldermall_refund(self, request: RefundRequest) -> RefundAnswer | None:
        self.asked.append(request)
        return self.answers.pop(0) if self.answers else RefundAnswer("unknown")


def owing(
    bank: Bank, url: str = "memory:", **more: Any
) -> tuple[Mall, shop.Time]:
    time = shop.Time()
    mall = shop.open_mall(url, time, plugins=[bank], **more)
    shop.staff(mall)
    shop.place(mall)
    shop.pay(mall)
    mall.orders.cancel("A1", reason="too dear", by=shop.CUSTOMER)
    return mall, time


BOOKED = RefundAnswer("booked", reference="bank-7")


@pytest.mark.parametrize(("answer", "state", "message"), [
    (RefundAnswer("accepted"), "accepted", "accepted"),
    (RefundAnswer("booked"), "accepted", "accepted"),
    (BOOKED, "booked", "delivered"),
    (RefundAnswer("failed", "no such card"), "failed", "dead"),
    (RefundAnswer("failed"), "failed", "dead"),
    (RefundAnswer("unknown"), "asked", "pending"),
    (None, "asked", "pending"),
    (RefundAnswer("booked", reference="not an id"), "asked", "pending"),
])
def test_each_answer_is_noted_and_only_what_is_booked_ends_the_debt(
    url: str, answer: RefundAnswer | None, state: str, message: str
) -> None:
    mall, _ = owing(Bank([answer]), url)
    with mall:
        mall.relay()
        assert mall.refunds.get("A1.1").state == state
        (row,) = (m for m in mall.messages(
            "pending", "accepted", "delivered", "dead") if m.topic == "refund")
        assert row.state == message
        order = mall.orders.get("A1")
        assert (order.debts == ()) is (state == "booked")
        assert order.returned_money == (27000 if state == "booked" else 0)
        if state == "booked":
            assert order.payment == "refunded"
            assert mall.journal("booking", "bank-7")
        assert mall.verify().passed


def test_after_the_last_try_nobody_knows_and_somebody_asks_again_under_the_same_id() -> None:
    bank = Bank([])
    mall, time = owing(bank, technical=Technical(attempts=2))
    for _ in range(3):
        mall.relay()
        time.pass_(hours=2)
    assert mall.refunds.get("A1.1").state == "unknown"
    bank.answers = [BOOKED]
    mall.refunds.ask("A1.1", by=shop.OPERATIONS)
    mall.relay()
    assert mall.refunds.get("A1.1").state == "booked"
    assert {request.id for request in bank.asked} == {"main/refund/A1.1"}


def test_an_answer_that_comes_when_it_is_booked_already_changes_nothing() -> None:
    mall, _ = owing(Bank([RefundAnswer("accepted")]))
    mall.orders.refunded("A1", 27000, "by-hand", by=shop.PAYMENTS)
    mall.relay()
    assert mall.refunds.get("A1.1").state == "booked"
    assert not [m for m in mall.messages() if m.topic == "refund"]


def test_a_booking_that_cannot_be_is_nobodys_until_somebody_says_what_was_paid() -> None:
    bank = Bank([BOOKED])
    mall, _ = owing(bank)
    mall.orders.refunded("A1", 100, "by-hand", by=shop.PAYMENTS)  # the host was asked for more
    mall.relay()
    refund = mall.refunds.get("A1.1")
    assert (refund.state, refund.due) == ("unknown", 26900)
    assert refund.answer is not None
    assert "27000" in refund.answer
    assert "bank-7" in refund.answer
    assert [task.subject for task in todo_list(mall, role="operations") if "refund/" in (
        task.subject)]
    mall.orders.refunded("A1", 26900, "bank-7", refund="A1.1", by=shop.PAYMENTS)
    assert mall.refunds.get("A1.1").state == "booked"


@settings(max_examples=50)
@given(st.lists(st.sampled_from(("accepted", "booked", "failed", "unknown", "ref")), max_size=6))
def test_whatever_is_answered_the_customer_is_paid_once(answers: list[str]) -> None:
    kinds: dict[str, Answer] = {"ref": "booked"}
    bank = Bank([
        RefundAnswer(kinds.get(a, a), "why", f"ref-{n}" if a == "ref" else "")  # type: ignore[arg-type]
        for n, a in enumerate(answers)
    ])
    mall, time = owing(bank)
    for _ in range(8):
        mall.relay()
        refund = mall.refunds.get("A1.1")
        if refund.state in ("failed", "unknown", "accepted"):
            mall.refunds.ask("A1.1", by=shop.OPERATIONS)
        time.pass_(hours=2)
    order = mall.orders.get("A1")
    paid = "ref" in answers
    assert order.returned_money == (27000 if paid else 0)
    assert order.goodwill == 0
    assert (order.debts == ()) is paid
    assert {request.id for request in bank.asked} == {"main/refund/A1.1"}


def test_a_rule_that_fails_on_an_answer_holds_up_no_other_message_and_is_tried_again() -> None:
    class Failing:
        broken = True

        @hookimpl
        def eldermall_rules(self) -> list[Rule]:
            def check(at: int) -> bool:
                if self.broken:
                    raise ZeroDivisionError("oh")
                return True

            return [
                Rule(
                    id="shop.accepting", label=Text("受理", "accepting"), clauses=("S19-14",),
                    guards=Refunds.accept.guard, needs=(AT,), check=check,
                    reason=Text("不可", "no"),
                )
            ]

    failing, bank = Failing(), Bank([RefundAnswer("accepted")] * 4)
    time = shop.Time()
    with shop.open_mall("memory:", time, plugins=[bank, failing]) as mall:
        shop.staff(mall)
        for id in ("A1", "A2"):
            shop.place(mall, id)
            shop.pay(mall, id)
            mall.orders.cancel(id, reason="too dear", by=shop.CUSTOMER)
        mall.relay()
        waiting = [m for m in mall.messages("pending") if m.topic == "refund"]
        assert len(waiting) == len(bank.asked) == 2
        assert all("shop.accepting" in m.reason for m in waiting)
        failing.broken = False
        time.pass_(hours=2)
        mall.relay()
        assert {mall.refunds.get(f"{id}.1").state for id in ("A1", "A2")} == {"accepted"}

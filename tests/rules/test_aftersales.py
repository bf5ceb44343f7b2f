"""Returns, refunds and exchanges: S19 article 12 (1); S03 part 3 (3); S15 part 4 (3)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Invalid, Mall, person
from eldermall.engine.blank import ERASED
from eldermall.rooms.aftersales import Case
from tests import databases, shop
from tests.test_aftersales import sell, serve

TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)
APPROVAL = "aftersales.entitled-approved-in-time"
ANSWER = "aftersales.merchant-answers-in-time"
SETTLEMENT = "aftersales.settled-in-time"


def open_(mall: Mall, id: str = "C1", **more: Any) -> Case:
    """Open a case about two packets of tea."""
    words: dict[str, Any] = {
        "order": "A1", "customer": shop.CUSTOMER.id, "lines": {"tea": 2}, "remedy": "return",
        "words": "It tastes of nothing.", "by": shop.CUSTOMER,
    }
    return mall.cases.open(id, **words | more)


def record(mall: Mall, id: str = "C1", **more: Any) -> Case:
    """Record facts that meet the conditions of the demo policy."""
    words: dict[str, Any] = {
        "ground": "changed_mind", "item_state": "unused", "wish": "the money back",
        "by": shop.SERVICE,
    }
    return mall.cases.record(id, **words | more)


def asked(mall: Mall, id: str = "C1", *, remedy: str = "return", **facts: Any) -> Case:
    """Take a new case as far as its merchant being asked."""
    open_(mall, id, remedy=remedy)
    mall.cases.contact(id, note="by phone", by=shop.SERVICE)
    record(mall, id, **facts)
    return mall.cases.contact_merchant(id, note="by phone", by=shop.AGENT)


def received(mall: Mall, outcome: str = "ok", **more: Any) -> Case:
    """Take a new case as far as the goods being back."""
    asked(mall, **{k: more.pop(k) for k in ("remedy", "ground") if k in more})
    mall.cases.approve("C1", by=shop.MERCHANT)
    mall.cases.send_back("C1", courier="SF", tracking="SF9", by=shop.CUSTOMER)
    given: dict[str, Any] = {"outcome": outcome, "by": shop.MERCHANT}
    return mall.cases.receive("C1", **given | more)


def refund(mall: Mall, amount: int, reference: str = "r1", **more: Any) -> None:
    """Book a refund of the order."""
    given: dict[str, Any] = {"by": shop.PAYMENTS}
    mall.orders.refunded("A1", amount, reference, **given | more)


def state(mall: Mall, clock: str) -> str:
    return shop.clocks(mall, clock, "case/C1")[""].state


@pytest.fixture
def sold(mall: Mall) -> Mall:
    """A mall with a completed order."""
    shop.completed(mall)
    return mall


def memory() -> tuple[Mall, shop.Time]:
    """Return a staffed mall in memory with a completed order, and its time."""
    time = shop.Time()
    mall = shop.open_mall("memory:", time)
    shop.staff(mall)
    shop.completed(mall)
    return mall, time


# Properties


@given(
    hours=st.integers(0, 240), ground=st.sampled_from(["changed_mind", "damaged", "fancy"]),
    item_state=st.sampled_from(["unused", "worn"]),
    remedy=st.sampled_from(["return", "refund_only", "exchange"]),
    by=st.sampled_from([shop.MERCHANT, shop.OPERATIONS]),
)
def test_whoever_meets_the_conditions_is_declined_by_nobody_and_whoever_does_not_may_be(
    hours: int, ground: str, item_state: str, remedy: str, by: Any
) -> None:
    mall, time = memory()
    time.pass_(hours=hours)
    asked(mall, remedy=remedy, ground=ground, item_state=item_state)
    inside = hours <= 7 * 24 and ground == "changed_mind" and item_state == "unused"
    met = ground == "damaged" or (inside and remedy != "refund_only")
    assert mall.cases.get("C1").entitled == met
    assert mall.may.cases.decline("C1", reason="no", by=by).allowed == (not met)
    assert mall.may.cases.approve("C1", by=by).allowed


@given(
    parts=st.permutations([1, 2, 1, 2, 1]), price=st.integers(0, 2000),
    cancelled=st.integers(0, 2), first=st.booleans(),
)
def test_whatever_the_parts_and_their_order_a_wholly_returned_line_is_wholly_paid_back(
    parts: list[int], price: int, cancelled: int, first: bool
) -> None:
    time = shop.Time()
    mall = shop.open_mall("memory:", time)
    shop.staff(mall)
    line = {"id": "tea", "listing": "green-tea", "quantity": 7 + cancelled, "amount": price}
    other = {"id": "pot", "listing": "pot", "quantity": 1, "amount": 100}
    shop.place(mall, lines=[line, other], total=price + 1100)
    shop.pay(mall, amount=price + 1100)
    shop.accept(mall)
    shop.ship(mall, lines={"tea": 7})
    mall.orders.deliver("A1", parcel="p-tea", by=shop.COURIER)

    def cancel() -> None:
        if cancelled:
            mall.orders.cancel("A1", reason="enough", lines={"tea": cancelled}, by=shop.CUSTOMER)

    if first:
        cancel()
    due = 0
    for number, quantity in enumerate(parts):
        id = f"C{number}"
        open_(mall, id, lines={"tea": quantity}, remedy="refund_only")
        mall.cases.contact(id, note="by phone", by=shop.SERVICE)
        record(mall, id, ground="damaged")
        mall.cases.contact_merchant(id, note="by phone", by=shop.AGENT)
        due += mall.cases.approve(id, by=shop.MERCHANT).due or 0
    if not first:
        cancel()
    order = mall.orders.get("A1")
    assert order.owed_back == price
    assert sum(d.amount for d in order.debts if d.case) == due
    assert due <= order.owed_back


@given(
    attempts=st.integers(0, 5), asked_for=st.integers(1, 4), reached=st.booleans()
)
def test_a_case_goes_on_after_a_contact_or_as_many_attempts_as_the_policy_asks_for(
    attempts: int, asked_for: int, reached: bool
) -> None:
    policy = shop.policy({"aftersales.attempts": asked_for})
    mall = shop.open_mall("memory:", shop.Time(), policy=policy)
    shop.staff(mall)
    shop.completed(mall)
    open_(mall)
    for _ in range(attempts):
        mall.cases.attempt("C1", note="no answer", by=shop.SERVICE)
    if reached:
        mall.cases.contact("C1", note="by phone", by=shop.SERVICE)
    else:
        may = mall.may.cases.give_up("C1", by=shop.SERVICE)
        assert may.allowed == (attempts >= asked_for)
        if not may.allowed:
            assert may.rules == ("aftersales.contact-before-decision@1",)
            assert mall.may.cases.approve("C1", by=shop.OPERATIONS).rules[0] == (
                "machine.no-such-move"
            )
            return
        mall.cases.give_up("C1", by=shop.SERVICE)
    record(mall)
    mall.cases.contact_merchant("C1", note="by phone", by=shop.AGENT)
    mall.cases.approve("C1", by=shop.MERCHANT)


# Opening: S04-4-1, and whose it is


def test_a_case_opens_for_whatever_was_delivered_and_asks_nothing_else(sold: Mall) -> None:
    case = open_(sold, words="", remedy="exchange", lines={"tea": 3, "honey": 1})
    assert (case.state, case.merchant, case.listings) == (
        "opened", "tea-house", {"tea": "green-tea", "honey": "honey"},
    )


@pytest.mark.parametrize("lines", [{"tea": 4}, {"honey": 2}, {"nothing": 1}])
def test_a_case_is_about_what_was_delivered(sold: Mall, lines: dict[str, int]) -> None:
    said = shop.refusal(open_, sold, lines=lines)
    assert said.rules == ("payment.claim",)
    assert "已送达且未申请售后的只有" in said.text.zh
    assert sold.journal("case", "C1")[-1]["outcome"] == "refused"
    assert sold.orders.get("A1").line("tea").claimed == 0  # type: ignore[union-attr]


def test_what_has_not_arrived_yet_is_in_no_case(mall: Mall) -> None:
    sell(mall, "A1", own=False)
    assert shop.refusal(open_, mall, lines={"honey": 1}).rules == ("payment.claim",)
    assert open_(mall, lines={"tea": 2}).state == "opened"


def test_nobody_opens_a_case_about_another_s_order(sold: Mall) -> None:
    assert shop.refusal(open_, sold, by=shop.STRANGER).rules == ("machine.own-records",)
    said = shop.refusal(open_, sold, customer=shop.STRANGER.id, by=shop.STRANGER)
    assert said.rules == ("payment.claim",)
    assert shop.refusal(open_, sold, order="A9").rules == ("machine.no-record",)
    assert shop.refusal(open_, sold, by=shop.MERCHANT).rules == ("machine.who-may",)


def test_a_relative_named_on_the_order_opens_a_case_for_the_customer(mall: Mall) -> None:
    daughter = person("daughter", "customer")
    shop.place(mall, relatives=[daughter.id])
    shop.pay(mall)
    shop.accept(mall)
    shop.ship(mall)
    mall.orders.deliver("A1", parcel="p-tea-honey", by=shop.COURIER)
    case = open_(mall, customer=daughter.id, by=daughter)
    assert (case.customer, case.relatives) == (shop.CUSTOMER.id, (daughter.id,))
    mall.cases.choose("C1", remedy="exchange", by=shop.CUSTOMER)
    mall.cases.withdraw("C1", by=daughter)


def test_what_is_in_one_case_is_in_no_other_until_that_one_lets_go(sold: Mall) -> None:
    open_(sold)
    assert shop.refusal(open_, sold, "C2").rules == ("payment.claim",)
    open_(sold, "C2", lines={"tea": 1})
    sold.cases.withdraw("C1", by=shop.CUSTOMER)
    open_(sold, "C3")


def test_a_case_is_opened_long_after_the_order_was_archived_and_money_paid_back(
    sold: Mall, time: shop.Time
) -> None:
    sold.callbacks.reach("A1", satisfaction="satisfied", suggestion="", by=shop.SERVICE)
    sold.orders.archive("A1", by=shop.SERVICE)
    time.pass_(days=100)
    open_(sold)
    assert sold.orders.get("A1").goods == "archived"


def test_a_case_comes_through_a_channel_of_the_policy(sold: Mall) -> None:
    assert shop.refusal(open_, sold, channel="fax").rules == ("people.known-channel@1",)


# Facts and contacts: S19-12-1a to S19-12-1c


def test_nothing_goes_on_without_the_facts(sold: Mall) -> None:
    open_(sold)
    sold.cases.contact("C1", note="by phone", by=shop.SERVICE)
    said = shop.refusal(sold.cases.contact_merchant, "C1", note="by phone", by=shop.AGENT)
    assert said.rules == ("aftersales.facts-before-going-on@1",)
    assert said.clauses == ("S19-12-1b",)
    assert said.missing == ("case.ground", "case.item-state", "case.wish-recorded")
    assert "须先登记理由、商品状态与客户诉求" in said.text.zh


def test_the_facts_stand_once_the_merchant_has_heard_of_them(sold: Mall) -> None:
    open_(sold)
    sold.cases.contact("C1", note="by phone", by=shop.SERVICE)
    record(sold, ground="fancy")
    assert sold.cases.get("C1").entitled is False
    record(sold)
    sold.cases.contact_merchant("C1", note="by phone", by=shop.AGENT)
    assert shop.refusal(record, sold, ground="fancy").rules == ("machine.no-such-move",)


def test_the_merchant_is_contacted_before_anything_is_decided(sold: Mall) -> None:
    open_(sold)
    sold.cases.contact("C1", note="by phone", by=shop.SERVICE)
    record(sold, ground="fancy")
    for move in (sold.cases.approve, lambda id, by: sold.cases.decline(id, reason="no", by=by)):
        said = shop.refusal(move, "C1", by=shop.OPERATIONS)
        assert said.rules == ("aftersales.merchant-before-decision@1",)
        assert said.clauses == ("S19-12-1c",)
        assert "尚未联系商家 tea-house" in said.text.zh


def test_own_goods_have_no_merchant_to_contact(mall: Mall) -> None:
    sell(mall, "A1", own=True)
    open_(mall)
    mall.cases.contact("C1", note="by phone", by=shop.SERVICE)
    record(mall)
    said = shop.refusal(mall.cases.contact_merchant, "C1", note="by phone", by=shop.AGENT)
    assert "自营订单没有商家可联系" in said.text.zh
    assert mall.cases.approve("C1", by=shop.OPERATIONS).state == "approved"


def test_another_merchant_has_no_say(sold: Mall) -> None:
    asked(sold)
    assert shop.refusal(sold.cases.approve, "C1", by=shop.RIVAL).rules == ("machine.own-records",)


# The decision: S03-3-3c


def test_a_refusal_says_that_the_conditions_are_met(sold: Mall) -> None:
    asked(sold)
    said = shop.refusal(sold.cases.decline, "C1", reason="no", by=shop.MERCHANT)
    assert said.rules == ("aftersales.no-refusal-when-conditions-met@1",)
    assert said.clauses == ("S03-3-3c",)
    assert "该申请合乎条件，应当无条件办理" in said.text.zh


def test_the_window_is_counted_to_its_last_microsecond_from_completion(
    sold: Mall, time: shop.Time
) -> None:
    time.now += 7 * DAY
    assert asked(sold).entitled is True
    sold.cases.withdraw("C1", by=shop.CUSTOMER)
    time.now += TICK
    assert asked(sold, "C2").entitled is False


def test_the_window_may_begin_with_delivery(time: shop.Time) -> None:
    mall = shop.open_mall(
        "memory:", time, policy=shop.policy({"aftersales.window-start": "delivered"})
    )
    shop.staff(mall)
    sell(mall, "A1", own=False)
    time.pass_(days=6)
    mall.orders.deliver("A1", parcel="p-tea-honey", by=shop.COURIER)
    mall.orders.complete("A1", by=shop.CUSTOMER)
    time.pass_(days=2)
    both = open_(mall, lines={"tea": 1}).terms
    assert both is not None
    arrived = mall.orders.get("A1").parcels
    assert both.until == (arrived[1].delivered_at or 0) + 7 * 24 * 3_600_000_000
    assert mall.orders.get("A1").returns_until(["honey"]) == both.until


def test_while_an_order_is_not_completed_its_window_has_not_begun(
    mall: Mall, time: shop.Time
) -> None:
    sell(mall, "A1", own=False)
    time.pass_(days=40)
    assert asked(mall).entitled is True


def test_the_terms_are_those_of_the_policy_under_which_the_order_came(
    tmp_path: Path, time: shop.Time
) -> None:
    url = databases.url_of("sqlite", tmp_path)
    with shop.open_mall(url, time) as mall:
        shop.staff(mall)
        shop.completed(mall)
    harder = {
        "aftersales.window": "1d", "aftersales.grounds": ["none_at_all"],
        "aftersales.fault-grounds": ["quality"],
    }
    with shop.open_mall(url, time, policy=shop.policy(harder)) as mall:
        time.pass_(days=6)
        assert asked(mall).entitled is True
        shop.completed(mall, "A2")
        open_(mall, "C2", order="A2")
        mall.cases.contact("C2", note="by phone", by=shop.SERVICE)
        assert record(mall, "C2").entitled is False


def test_a_declined_case_closes_when_the_customer_was_told(sold: Mall) -> None:
    asked(sold, ground="fancy")
    sold.cases.decline("C1", reason="it isn't a fault", by=shop.MERCHANT)
    said = shop.refusal(sold.cases.close, "C1", by=shop.SERVICE)
    assert said.rules == ("aftersales.carried-through-before-close@1",)
    assert said.clauses == ("S19-12-1d", "S04-4-1")
    sold.cases.tell("C1", note="by phone", by=shop.SERVICE)
    assert sold.cases.close("C1", by=shop.SERVICE).state == "closed"
    open_(sold, "C2")


# The remedy: S15-4-3


def test_the_customer_changes_the_remedy_until_the_goods_are_sent_back(sold: Mall) -> None:
    asked(sold)
    sold.cases.choose("C1", remedy="exchange", by=shop.CUSTOMER)
    sold.cases.approve("C1", by=shop.MERCHANT)
    sold.cases.choose("C1", remedy="return", by=shop.CUSTOMER)
    sold.cases.send_back("C1", by=shop.CUSTOMER)
    said = shop.refusal(sold.cases.choose, "C1", remedy="exchange", by=shop.CUSTOMER)
    assert "aftersales.choice-until-sent-back@1" in said.rules
    assert said.clauses == ("S15-4-3",)
    assert "商品已寄回" in said.text.zh


def test_after_approval_nobody_keeps_the_goods_and_gets_the_money(sold: Mall) -> None:
    asked(sold)
    sold.cases.approve("C1", by=shop.MERCHANT)
    said = shop.refusal(sold.cases.choose, "C1", remedy="refund_only", by=shop.CUSTOMER)
    assert said.rules == ("case.choose",)
    assert "仅退款须撤回后另行申请" in said.text.zh


def test_another_remedy_is_held_against_the_conditions_anew(sold: Mall) -> None:
    asked(sold, remedy="refund_only")
    assert sold.cases.get("C1").entitled is False
    assert sold.cases.choose("C1", remedy="return", by=shop.CUSTOMER).entitled is True
    assert state(sold, ANSWER) == "stopped"
    assert state(sold, APPROVAL) == "running"


# Carrying it through: S19-12-1d


def test_a_return_is_paid_back_booked_and_closed(sold: Mall) -> None:
    case = received(sold)
    assert (case.state, case.due) == ("received", 13600)
    line = sold.orders.get("A1").line("tea")
    assert line is not None
    assert (line.claimed, line.returned) == (0, 2)
    asked_for = [m for m in sold.messages() if m.topic == "refund"]
    assert len(asked_for) == 1
    assert b'"case":"C1"' in asked_for[0].body
    assert shop.refusal(sold.cases.close, "C1", by=shop.SERVICE).rules == (
        "aftersales.carried-through-before-close@1",
    )
    refund(sold, 600, "r1", case="C1")
    assert sold.cases.get("C1").booked == 600
    refund(sold, 13000, "r2", case="C1")
    assert sold.cases.get("C1").state == "refunded"
    assert sold.orders.get("A1").debts == ()
    assert sold.orders.get("A1").goodwill == 0
    sold.cases.close("C1", by=shop.SERVICE)


def test_no_more_is_booked_for_a_case_than_is_due_and_what_is_more_is_goodwill(
    sold: Mall,
) -> None:
    received(sold)
    refund(sold, 13601, "r1", case="C1")
    assert sold.cases.get("C1").booked == 13600
    assert sold.orders.get("A1").goodwill == 1
    assert shop.refusal(refund, sold, 1, case="C7").rules == ("payment.refund",)


def test_a_refund_that_names_no_case_counts_for_the_oldest(sold: Mall) -> None:
    received(sold)
    open_(sold, "C2", lines={"honey": 1}, remedy="refund_only")
    sold.cases.contact("C2", note="by phone", by=shop.SERVICE)
    record(sold, "C2", ground="damaged")
    sold.cases.contact_merchant("C2", note="by phone", by=shop.AGENT)
    assert sold.cases.approve("C2", by=shop.MERCHANT).due == 5600
    refund(sold, 14000)
    assert (sold.cases.get("C1").state, sold.cases.get("C2").booked) == ("refunded", 400)
    refund(sold, 5200, "r2")
    assert sold.cases.get("C2").state == "refunded"


def test_no_case_pays_back_what_was_paid_back_already(sold: Mall) -> None:
    refund(sold, 20000, "goodwill")
    assert received(sold).due == 7000
    refund(sold, 7000, case="C1")
    assert sold.cases.get("C1").state == "refunded"


def test_where_nothing_was_received_nothing_is_due_and_less_is_to_be_paid(mall: Mall) -> None:
    shop.place(mall, cash_on_delivery=True)
    shop.accept(mall)
    shop.ship(mall)
    mall.orders.deliver("A1", parcel="p-tea-honey", by=shop.COURIER)
    case = received(mall)
    assert (case.state, case.due) == ("refunded", 0)
    shop.pay(mall, amount=27000 - 13600)
    assert mall.orders.get("A1").owed_back == 0


def test_what_the_courier_lost_is_wholly_paid_back(sold: Mall) -> None:
    received(sold, "lost")
    assert sold.cases.get("C1").due is None
    sold.cases.resolve("C1", outcome="refund", reason="lost by SF", by=shop.OPERATIONS)
    assert sold.cases.get("C1").due == 13600


def test_of_a_short_parcel_what_arrived_is_settled_and_the_rest_is_free_again(
    sold: Mall
) -> None:
    received(sold, "short", arrived={"tea": 1})
    said = shop.refusal(
        sold.cases.resolve, "C1", outcome="refund", refund=6801, reason="one of two",
        by=shop.OPERATIONS,
    )
    assert said.rules == ("payment.take_back",)
    sold.cases.resolve("C1", outcome="refund", reason="one of two", by=shop.OPERATIONS)
    line = sold.orders.get("A1").line("tea")
    assert line is not None
    assert (sold.cases.get("C1").due, line.claimed, line.returned) == (6800, 0, 1)
    open_(sold, "C2")


def test_what_is_withheld_is_never_paid(sold: Mall) -> None:
    received(sold, "damaged")
    sold.cases.resolve(
        "C1", outcome="refund", refund=9000, reason="half empty", by=shop.OPERATIONS
    )
    refund(sold, 9000)
    order = sold.orders.get("A1")
    assert (order.owed_back, order.withheld, order.worth) == (0, 4600, 27000 - 9000)
    assert sold.cases.get("C1").state == "refunded"


def test_nothing_follows_a_wrong_parcel_only_with_a_reason_that_the_customer_hears(
    sold: Mall
) -> None:
    received(sold, "wrong_item")
    for what in ("close", "tell"):
        more = {"note": "by phone"} if what == "tell" else {}
        assert shop.refusal(getattr(sold.cases, what), "C1", by=shop.SERVICE, **more)
    sold.cases.resolve("C1", outcome="none", reason="a brick", by=shop.OPERATIONS)
    assert state(sold, SETTLEMENT) == "stopped"
    assert shop.refusal(sold.cases.close, "C1", by=shop.SERVICE).rules == (
        "aftersales.carried-through-before-close@1",
    )
    sold.cases.tell("C1", note="by phone", by=shop.SERVICE)
    sold.cases.close("C1", by=shop.SERVICE)
    assert sold.orders.get("A1").line("tea").claimed == 0  # type: ignore[union-attr]


def test_goods_that_came_back_well_are_not_left_without_an_outcome(sold: Mall) -> None:
    received(sold, remedy="exchange")
    said = shop.refusal(
        sold.cases.resolve, "C1", outcome="none", reason="no stock", by=shop.OPERATIONS
    )
    assert "商品已完好退回，不得不予办理" in said.text.zh
    sold.cases.resolve("C1", outcome="refund", reason="no stock", by=shop.OPERATIONS)
    assert sold.cases.get("C1").due == 13600


def test_an_exchange_ends_with_the_replacement_in_the_customer_s_hands(
    sold: Mall, time: shop.Time
) -> None:
    received(sold, remedy="exchange")
    assert sold.cases.get("C1").due is None
    time.pass_(hours=5)
    sold.cases.send_replacement("C1", courier="SF", tracking="SF10", by=shop.MERCHANT)
    assert state(sold, SETTLEMENT) == "met"
    assert shop.refusal(sold.cases.close, "C1", by=shop.SERVICE).rules == (
        "aftersales.carried-through-before-close@1",
    )
    early = shop.refusal(
        sold.cases.deliver_replacement, "C1", by=shop.COURIER, at=time.now - HOUR
    )
    assert early.rules == ("time.order",)
    assert "早于发出换货商品" in early.text.zh
    sold.cases.deliver_replacement("C1", by=shop.COURIER)
    assert sold.cases.close("C1", by=shop.SERVICE).state == "closed"
    line = sold.orders.get("A1").line("tea")
    assert line is not None
    assert (line.claimed, line.returned) == (0, 0)
    open_(sold, "C2")


def test_a_bad_return_is_exchanged_only_if_operations_says_so(sold: Mall) -> None:
    received(sold, "damaged", remedy="exchange")
    said = shop.refusal(sold.cases.send_replacement, "C1", by=shop.MERCHANT)
    assert "退回的商品有问题，须先由运营处理" in said.text.zh
    sold.cases.resolve("C1", outcome="replace", reason="in transit", by=shop.OPERATIONS)
    sold.cases.send_replacement("C1", by=shop.MERCHANT)


def test_a_replacement_that_is_lost_gives_way_to_a_refund(sold: Mall) -> None:
    received(sold, remedy="exchange")
    sold.cases.send_replacement("C1", by=shop.MERCHANT)
    sold.cases.resolve("C1", outcome="refund", reason="lost by SF", by=shop.OPERATIONS)
    assert shop.refusal(sold.cases.deliver_replacement, "C1", by=shop.CUSTOMER).rules == (
        "case.deliver_replacement",
    )
    refund(sold, 13600)
    assert sold.cases.get("C1").state == "refunded"


def test_a_withdrawn_case_is_over_before_anything_is_on_its_way(sold: Mall) -> None:
    asked(sold, remedy="refund_only", ground="damaged")
    sold.cases.approve("C1", by=shop.MERCHANT)
    assert shop.refusal(sold.cases.withdraw, "C1", by=shop.CUSTOMER).rules == ("case.withdraw",)


def test_a_service_that_was_done_is_paid_back_without_a_return(
    mall: Mall, time: shop.Time
) -> None:
    serve(mall, time, "A1")
    case = asked(mall, remedy="refund_only", ground="quality", item_state="done")
    assert case.entitled is True
    assert mall.cases.approve("C1", by=shop.MERCHANT).due == 13600
    refund(mall, 13600)
    assert mall.cases.get("C1").state == "refunded"


def test_a_delivery_is_not_taken_back_while_a_case_is_about_it(mall: Mall) -> None:
    sell(mall, "A1", own=False)
    open_(mall)
    said = shop.refusal(
        mall.orders.correct_tracking, "A1", parcel="p-tea", status="delivered",
        when=shop.START, reason="scanned twice", by=shop.OPERATIONS,
    )
    assert "包裹中的商品已有售后，不能更正为未送达" in said.text.zh


def test_what_came_back_well_goes_into_stock_if_there_is_one(sold: Mall) -> None:
    shop.publish(sold)
    sold.stock.open("green-tea", merchant="tea-house", warn_at=1, by=shop.MERCHANT)
    received(sold, restock=True)
    lots = sold.stock.get("green-tea").lots
    assert [(lot.id, lot.quantity, lot.returned) for lot in lots] == [("C1", 2, True)]


def test_where_no_stock_is_kept_nothing_is_restocked(sold: Mall) -> None:
    assert received(sold, restock=True).state == "received"


# The door


@pytest.mark.parametrize(
    ("move", "given", "where"),
    [
        ("open", {"order": "A1", "customer": "c", "lines": {}, "remedy": "return"}, "lines"),
        ("open", {"order": "A1", "customer": "c", "lines": {"tea": 1}, "remedy": "gift"},
         "remedy"),
        ("send_back", {"courier": "SF"}, "tracking"),
        ("receive", {"outcome": "short"}, "arrived"),
        ("receive", {"outcome": "ok", "arrived": {"tea": 1}}, "arrived"),
        ("receive", {"outcome": "lost", "restock": True}, "restock"),
        ("resolve", {"outcome": "none", "reason": "x", "refund": 1}, "refund"),
        ("resolve", {"outcome": "refund", "reason": "x", "refund": 0}, "refund"),
    ],
)
def test_what_no_rule_could_accept_is_refused_at_the_door(
    move: str, given: dict[str, Any], where: str
) -> None:
    mall, _ = memory()
    with pytest.raises(Invalid) as wrong:
        getattr(mall.cases, move)("C1", by=shop.OPERATIONS, **given)
    assert wrong.value.where == f"case.{move}.{where}"
    assert wrong.value.text.zh


# What is kept of persons


def test_a_closed_case_is_erased_when_its_keeping_time_has_ended(
    sold: Mall, time: shop.Time
) -> None:
    received(sold, "damaged")
    sold.cases.resolve("C1", outcome="none", reason="Li broke it", by=shop.OPERATIONS)
    sold.cases.tell("C1", note="told Mrs Li", by=shop.SERVICE)
    sold.cases.close("C1", by=shop.SERVICE)
    assert shop.refusal(sold.cases.erase, "C1", by=shop.OPERATIONS).rules == (
        "retention.kept-long-enough@1",
    )
    time.pass_(days=1096)
    case = sold.cases.erase("C1", by=shop.OPERATIONS)
    assert {case.words, case.wish, case.reason, *(c.note for c in case.contacts)} == {ERASED}
    assert sold.verify().passed

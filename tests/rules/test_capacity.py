"""Capacity: S19 article 9 (4)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from eldermall import Invalid, Mall, Refused, person
from tests import shop

TEA = "green-tea"
DAY = timedelta(days=1)
OTHER_AGENT = person("yu", "field_agent", department="operations")

MASSAGE = "massage"
FIRST, SECOND = date(2026, 3, 4), date(2026, 3, 5)
MORNING = datetime(2026, 3, 4, 1, tzinfo=UTC)  # 09:00 in Shanghai
LATE = datetime(2026, 3, 4, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
NEXT_DAY = datetime(2026, 3, 4, 16, tzinfo=UTC)  # midnight in Shanghai: the next day


def serve(mall: Mall, *totals: tuple[date, int]) -> None:
    """Open the capacity of massages, and set some days."""
    mall.capacity.open(MASSAGE, merchant="tea-house", by=shop.OPERATIONS)
    for day, total in totals:
        mall.capacity.set_day(MASSAGE, day=day, total=total, by=shop.MERCHANT)


def book(mall: Mall, id: str, quantity: int = 1) -> None:
    """Take an order of massages to where it is appointed."""
    lines = [{"id": "m", "listing": MASSAGE, "quantity": quantity, "amount": 100 * quantity}]
    shop.place(mall, id, lines=lines, total=100 * quantity, freight=0, kind="service")
    shop.pay(mall, id, 100 * quantity)
    shop.accept(mall, id)


def appoint(mall: Mall, id: str, when: datetime) -> None:
    mall.orders.appoint(id, when=when, place="at home", by=shop.MERCHANT)


def free(mall: Mall, day: date) -> int:
    return mall.capacity.get(MASSAGE).available(day.isoformat())


def test_no_day_is_booked_beyond_its_capacity(mall: Mall) -> None:
    serve(mall, (FIRST, 3))
    book(mall, "A1", 2)
    book(mall, "A2", 2)
    assert free(mall, FIRST) == 3
    appoint(mall, "A1", MORNING)
    assert free(mall, FIRST) == 1
    said = shop.refusal(appoint, mall, "A2", LATE)
    assert said.rules == ("capacity.no-overbooking@1",)
    assert said.clauses == ("S19-09-4b",)
    assert "massage 在 2026-03-04 的容量为 3，已预占 2，不足 2" in said.text.zh
    assert mall.orders.get("A2").service == "accepted"
    mall.capacity.set_day(MASSAGE, day=FIRST, total=4, by=shop.AGENT)
    appoint(mall, "A2", LATE)
    assert free(mall, FIRST) == 0


def test_a_day_without_capacity_takes_nobody_and_days_are_those_of_the_mall_s_zone(
    mall: Mall
) -> None:
    serve(mall, (FIRST, 1))
    book(mall, "A1")
    assert shop.refusal(appoint, mall, "A1", NEXT_DAY).rules == ("capacity.no-overbooking@1",)
    appoint(mall, "A1", LATE)


def test_another_appointment_frees_the_first_day_and_a_cancelled_order_frees_its_day(
    mall: Mall
) -> None:
    serve(mall, (FIRST, 2), (SECOND, 2))
    book(mall, "A1", 2)
    appoint(mall, "A1", MORNING)
    appoint(mall, "A1", LATE)
    assert (free(mall, FIRST), free(mall, SECOND)) == (0, 2)
    appoint(mall, "A1", NEXT_DAY)
    assert (free(mall, FIRST), free(mall, SECOND)) == (2, 0)
    mall.orders.cancel("A1", lines={"m": 1}, reason="one will do", by=shop.CUSTOMER)
    assert free(mall, SECOND) == 1
    mall.orders.cancel("A1", reason="none will do", by=shop.CUSTOMER)
    assert free(mall, SECOND) == 2


def test_a_declined_or_refunded_appointment_frees_its_day(mall: Mall) -> None:
    serve(mall, (FIRST, 2))
    for id in ("A1", "A2"):
        book(mall, id)
        appoint(mall, id, MORNING)
    assert free(mall, FIRST) == 0
    mall.orders.decline("A1", reason="ill", by=shop.MERCHANT)
    assert free(mall, FIRST) == 1
    mall.orders.refunded("A2", 100, "back-2", by=shop.PAYMENTS)
    assert free(mall, FIRST) == 2


def test_a_service_that_was_done_has_used_its_day(mall: Mall, time: shop.Time) -> None:
    serve(mall, (FIRST, 1))
    book(mall, "A1")
    appoint(mall, "A1", MORNING)
    time.now = MORNING
    mall.orders.start("A1", served_by="zhao", by=shop.MERCHANT)
    mall.orders.finish("A1", proof="photo-1", by=shop.MERCHANT)
    assert free(mall, FIRST) == 0


def test_a_day_is_not_cut_below_what_is_reserved(mall: Mall) -> None:
    serve(mall, (FIRST, 3))
    book(mall, "A1", 2)
    appoint(mall, "A1", MORNING)
    said = shop.refusal(
        mall.capacity.set_day, MASSAGE, day=FIRST, total=1, by=shop.MERCHANT
    )
    assert said.rules == ("capacity.not-below-reserved@1",)
    mall.capacity.set_day(MASSAGE, day=FIRST, total=2, by=shop.MERCHANT)
    facts = mall.journal("capacity", MASSAGE)[-1]["facts"]
    assert (facts["capacity.old-total"], facts["capacity.new-total"]) == (3, 2)


def test_a_capacity_is_closed_when_nothing_is_ahead(mall: Mall, time: shop.Time) -> None:
    serve(mall, (FIRST, 3))
    book(mall, "A1", 2)
    appoint(mall, "A1", MORNING)
    said = shop.refusal(mall.capacity.close, MASSAGE, by=shop.MERCHANT)
    assert said.rules == ("capacity.nothing-ahead-at-close@1",)
    time.now = LATE
    assert not mall.may.capacity.close(MASSAGE, by=shop.MERCHANT).allowed
    time.now = NEXT_DAY
    mall.capacity.close(MASSAGE, by=shop.MERCHANT)
    mall.capacity.reopen(MASSAGE, by=shop.MERCHANT)


def test_days_that_have_passed_leave_the_record(mall: Mall, time: shop.Time) -> None:
    serve(mall, (FIRST, 3))
    book(mall, "A1", 2)
    appoint(mall, "A1", MORNING)
    time.now = MORNING + 2 * DAY
    mall.capacity.set_day(MASSAGE, day=date(2026, 3, 8), total=1, by=shop.MERCHANT)
    assert list(mall.capacity.get(MASSAGE).days) == ["2026-03-04", "2026-03-08"]
    time.now = MORNING + 3 * DAY
    mall.capacity.set_day(MASSAGE, day=date(2026, 3, 9), total=1, by=shop.MERCHANT)
    kept = mall.capacity.get(MASSAGE)
    assert (list(kept.days), kept.holds) == (["2026-03-08", "2026-03-09"], {})


def test_a_service_whose_capacity_isn_t_kept_is_not_watched_nor_goods_by_a_capacity(
    mall: Mall
) -> None:
    book(mall, "A1", 9)
    appoint(mall, "A1", MORNING)
    mall.capacity.open(TEA, merchant="tea-house", by=shop.OPERATIONS)
    mall.stock.open(MASSAGE, merchant="tea-house", warn_at=0, by=shop.OPERATIONS)
    shop.place(mall, "A2")
    book(mall, "A3", 5)


def test_a_day_is_a_date(mall: Mall) -> None:
    serve(mall)
    for wrong in ("2026-02-30", "soon", datetime(2026, 3, 4, tzinfo=UTC)):
        with pytest.raises(Invalid, match=r"capacity.set_day.day"):
            mall.capacity.set_day(MASSAGE, day=wrong, total=1, by=shop.MERCHANT)  # type: ignore[arg-type]


def test_capacity_is_kept_by_its_merchant_and_their_agents(mall: Mall) -> None:
    serve(mall)
    for by in (shop.RIVAL, OTHER_AGENT):
        with pytest.raises(Refused):
            mall.capacity.set_day(MASSAGE, day=FIRST, total=1, by=by)
    shop.publish(mall, "yoga")
    with pytest.raises(Refused):
        mall.capacity.open("yoga", merchant="rival", by=shop.RIVAL)

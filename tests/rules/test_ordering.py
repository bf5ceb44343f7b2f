"""What may be ordered, and how it is handed over: S19 article 9 (3), article 11 (2)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eldermall import Mall
from tests import shop

ON_DISPLAY, AS_SHOWN = "ordering.on-display@1", "ordering.as-shown@1"


def listed(id: str, *, merchant: str, shown: bool) -> Any:
    def make(mall: Mall) -> None:
        actor = shop.MERCHANT if merchant == "tea-house" else shop.RIVAL
        mall.listings.draft(id, content=shop.CONTENT, merchant=merchant, by=actor)
        mall.listings.submit(id, by=actor)
        mall.listings.start_review(id, by=shop.REVIEWER)
        mall.listings.approve(id, criteria=shop.PASSED, by=shop.REVIEWER)
        if shown:
            mall.listings.publish(id, by=shop.OPERATIONS)

    return make


def opened(unknown: str = "refused") -> Mall:
    mall = shop.open_mall(policy=shop.policy({"ordering.unknown-listings": unknown}))
    shop.staff(mall)
    listed("shown", merchant="tea-house", shown=True)(mall)
    listed("hidden", merchant="tea-house", shown=False)(mall)
    listed("others", merchant="rival", shown=True)(mall)
    return mall


def may(mall: Mall, *lines: dict[str, Any], **more: Any) -> tuple[str, ...]:
    told = [
        {"id": f"l{n}", "quantity": 1, "amount": 100} | line for n, line in enumerate(lines)
    ]
    given: dict[str, Any] = {
        "customer": shop.CUSTOMER.id, "merchant": "tea-house", "lines": told,
        "total": 100 * len(told), "by": shop.CUSTOMER,
    }
    return mall.may.orders.place("A1", **given | more).rules


@pytest.mark.clause("S19-09-3b")
@settings(max_examples=40)
@given(
    listings=st.lists(
        st.sampled_from(("shown", "hidden", "others", "unknown")), min_size=1, max_size=5
    ),
    unknown=st.sampled_from(("refused", "taken")),
)
def test_only_what_is_on_display_of_the_seller_is_sold_and_the_unknown_as_the_host_reads_it(
    listings: list[str], unknown: str
) -> None:
    with opened(unknown) as mall:
        allowed = {"shown", "unknown"} if unknown == "taken" else {"shown"}
        said = may(mall, *({"listing": id} for id in listings))
        assert said == (() if set(listings) <= allowed else (ON_DISPLAY,))


@pytest.mark.clause("S19-09-3b")
@settings(max_examples=40)
@given(
    version=st.none() | st.integers(1, 3), price=st.none() | st.integers(0, 9000),
    currency=st.sampled_from(("CNY", "USD")),
)
def test_version_and_price_are_as_shown_or_the_price_is_lower(
    version: int | None, price: int | None, currency: str
) -> None:
    with opened() as mall:
        said = may(
            mall, {"listing": "shown", "version": version, "unit_price": price},
            currency=currency,
        )
    right = version in (None, 1) and (price is None or (price <= 6800 and currency == "CNY"))
    assert said == (() if right else (AS_SHOWN,))


@pytest.mark.parametrize(
    ("way", "rules"),
    [(None, ()), ("door", ()), ("locker", ()), ("drone", ("ordering.delivery-way-known@1",))],
)
def test_an_agreed_way_of_delivery_is_one_of_the_policys(
    way: str | None, rules: tuple[str, ...]
) -> None:
    with opened() as mall:
        assert may(mall, {"listing": "shown"}, delivery=way) == rules


def test_all_listings_of_an_order_are_looked_up_at_once() -> None:
    with opened() as mall:
        asked: list[Any] = []
        with mall.read() as tx:
            inner = type(tx).look_up

        def counted(self: Any, kind: str, ids: Any) -> Any:
            asked.append((kind, tuple(ids)))
            return inner(self, kind, ids)

        patch = pytest.MonkeyPatch()
        patch.setattr(type(tx), "look_up", counted)
        with patch.context():
            may(mall, *({"listing": id} for id in ("shown", "others", "hidden")))
        patch.undo()
    assert [ids for kind, ids in asked if kind == "listing"] == [("hidden", "others", "shown")]


def test_what_the_mall_does_not_know_is_sold_as_the_host_says_where_it_may_be_sold() -> None:
    with opened("taken") as mall:
        assert may(mall, {"listing": "unknown", "version": 7, "unit_price": 100}) == ()

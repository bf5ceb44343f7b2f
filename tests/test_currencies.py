"""Amounts are read and shown with the digits that ISO 4217 says a currency has."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Invalid
from eldermall.currencies import digits, minor_units, shown
from tests import shop

CODES = ("CNY", "EUR", "JPY", "KRW", "KWD", "BHD", "HUF", "IDR", "IQD", "CLF")


@given(st.integers(-(10**12), 10**12), st.sampled_from(CODES))
def test_an_amount_that_is_shown_is_read_as_itself(amount: int, code: str) -> None:
    text, _, currency = shown(amount, code).partition(" ")
    assert currency == code
    assert minor_units(text, code) == amount
    assert Decimal(text).as_tuple().exponent == -digits(code)


@pytest.mark.parametrize(("code", "places"), [
    ("JPY", 0), ("KRW", 0), ("CNY", 2), ("HUF", 2), ("IDR", 2), ("KWD", 3), ("IQD", 3), ("CLF", 4),
])
def test_a_currency_has_the_digits_that_iso_says(code: str, places: int) -> None:
    assert digits(code) == places


@pytest.mark.parametrize(("text", "code"), [
    ("1.5", "JPY"), ("1.234", "CNY"), ("1.2345", "KWD"), ("", "CNY"), ("1,50", "CNY"),
    ("NaN", "CNY"), ("Infinity", "CNY"), ("1e400000", "CNY"), ("twelve", "CNY"),
])
def test_what_is_no_amount_of_the_currency_is_refused(text: str, code: str) -> None:
    with pytest.raises(Invalid, match="decimal places"):
        minor_units(text, code)


@pytest.mark.parametrize("code", ["XXX", "XAU", "ZZZ", "CNH", "RMB", "HRK"])
def test_a_currency_that_iso_doesnt_know_is_refused_at_the_door(code: str) -> None:
    with pytest.raises(Invalid, match="ISO 4217"):
        digits(code)
    with shop.open_mall() as mall:
        with pytest.raises(Invalid, match="ISO 4217") as wrong:
            shop.place(mall, currency=code)
        assert wrong.value.where == "order.place.currency"
        content: dict[str, Any] = shop.CONTENT | {"currency": code}
        with pytest.raises(Invalid, match="ISO 4217") as wrong:
            mall.listings.draft("L1", content=content, merchant="tea-house", by=shop.MERCHANT)
        assert wrong.value.where == "listing.draft.content"

"""Money in words: how many digits a currency's minor unit has, by ISO 4217.

Amounts are whole numbers of minor units everywhere; a decimal text is read, and an amount shown,
with the digits that ISO says its currency has: none for JPY, two for CNY, three for KWD.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import cache

from eldermall.errors import Invalid
from eldermall.texts import Text

_LONGEST = 15
"""More digits than any amount here has."""

UNKNOWN = Text(
    "须为 ISO 4217 现行的货币代码，例如 CNY",
    "must be a currency of ISO 4217 that is in use, such as CNY",
)


@cache
def known(code: str) -> int | None:
    """Return how many digits the minor unit of a currency has; None if ISO knows none such."""
    from iso4217 import Currency  # reading its table takes a tenth of a second

    try:
        return Currency(code).exponent
    except ValueError:
        return None


def digits(code: str) -> int:
    """Return how many digits the minor unit of a currency has.

    Args:
        code: of ISO 4217, such as ``CNY``.

    Raises:
        Invalid: ISO knows no such currency, or it has no minor unit.
    """
    found = known(code)
    if found is None:
        raise Invalid("currency", code, UNKNOWN)
    return found


def minor_units(text: str | Decimal, code: str, where: str = "amount") -> int:
    """Return a decimal amount as a whole number of minor units.

    Args:
        text: such as ``12.30``.
        code: the currency, of ISO 4217.
        where: what stands in the error.

    Raises:
        Invalid: it is no decimal number, has more digits than the currency, or the currency isn't
            known.
    """
    places = digits(code)
    try:
        amount = Decimal(text).scaleb(places)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount.adjusted() >= _LONGEST or amount != int(amount):
        raise Invalid(
            where, str(text),
            Text(
                f"须为金额，小数最多 {places} 位（{code}）",
                f"must be an amount with at most {places} decimal places ({code})",
            ),
        )
    return int(amount)


def shown(amount: int, code: str) -> str:
    """Return an amount of minor units as a decimal text, with its currency: ``12.30 CNY``."""
    places = digits(code)
    sign, whole = ("-" if amount < 0 else ""), str(abs(amount)).rjust(places + 1, "0")
    point = len(whole) - places
    return f"{sign}{whole[:point]}{'.' if places else ''}{whole[point:]} {code}"

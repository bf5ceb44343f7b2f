"""Numbers as spreadsheets keep them: days, ids, and what is none of either."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from eldermall.reports.sources.cells import LOST_DIGITS, Cell, Digits, Wrong
from eldermall.texts import Text

_BUILT_IN = frozenset([*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)])
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!(?:h+|m+|s+)\])[^\]]*\]', re.IGNORECASE)
_DATE_SIGN = re.compile("[ymdhs]", re.IGNORECASE)
SINCE_1900 = datetime(1899, 12, 30)
_SINCE_1904 = datetime(1904, 1, 1)
_DAY_MS = 86_400_000
_EXACT = 15
_LAST_SERIAL = 2_958_466

NO_DATE = Wrong(
    Text("0 不是日期", "0 is no date"),
    Text(
        "没有发生则留空；如为公式，请查它的结果",
        "leave it empty if it never happened; if it is a formula, see what it gives",
    ),
)

NOT_COMPUTED = Wrong(
    Text("公式没有存下结果", "a formula without a stored value"),
    Text("用办公软件打开并保存后再试", "open the file in an office program, save it, try again"),
)


def error_of(text: str) -> Wrong:
    """Return what is wrong with a cell that holds an error such as #N/A."""
    return Wrong(
        Text(f"错误值 {text}", f"the error {text}"),
        Text("改正公式或填写数值", "mend the formula, or write the value"),
    )


def time_of(text: str) -> Cell:
    """Return the time of a cell that holds it as ISO 8601, the text if it is none."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def float_of(text: str) -> float | None:
    """Return a number, None if the text is none."""
    try:
        return float(text)
    except ValueError:
        return None


def is_date_format(number: int, code: str | None) -> bool:
    """Say whether a number format shows dates or times.

    Args:
        number: its number; those of Chinese Excel are known.
        code: how it is written, None for one that is built in.
    """
    if code is None:
        return number in _BUILT_IN
    first = code.split(";", 1)[0]
    bare = _LITERAL.sub("", first)
    return "general" not in bare.lower() and _DATE_SIGN.search(bare) is not None


def date_of(serial: float, *, since_1904: bool = False) -> Cell:
    """Return the time of a number of days, to the millisecond."""
    if not 1 <= serial < _LAST_SERIAL:
        return NO_DATE if serial == 0 else not_a_date(str(serial))
    start = _SINCE_1904 if since_1904 else SINCE_1900
    return start + timedelta(milliseconds=round(serial * _DAY_MS))


def not_a_date(text: str) -> Wrong:
    """Return what is wrong with a number that no day has."""
    return Wrong(
        Text(f"{text} 不是日期", f"{text} is no date"),
        Text("单元格应为日期或文本", "the cell holds a date or a text"),
    )


def number_of(text: str) -> Cell:
    """Return a number as the text of an id: whole ones without point or exponent.

    One whose last digits a program has lost is wrong: numbers keep 15.
    """
    text = text.strip()
    if text.isdecimal() and text.isascii() and len(text) <= _EXACT:
        return text
    number = _whole(text)
    if number is None:
        return text
    if number.adjusted() < _EXACT:
        return str(int(number))
    if text.removeprefix("-").isdecimal() and text.removeprefix("-")[_EXACT:].strip("0"):
        return Digits(text)
    return Wrong(
        Text(f"数值 {text} 超过 {_EXACT} 位，后几位已丢失",
             f"the number {text} has more than {_EXACT} digits; the last were lost"),
        LOST_DIGITS,
    )


def _whole(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    small = number.is_finite() and number.adjusted() < 400
    return number if small and number == number.to_integral_value() else None

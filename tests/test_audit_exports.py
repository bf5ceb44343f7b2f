"""Exports as real shops write them: each shape, and the right answer for it."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall.errors import EldermallError, Invalid
from eldermall.mall import rulebook
from eldermall.reports.audit import audit
from eldermall.reports.columns import read_columns
from eldermall.reports.findings import AuditResult, Finding
from eldermall.reports.guess import guess
from eldermall.reports.sources.cells import LONGEST_LINE, Unreadable
from eldermall.reports.sources.encodings import text_encoding
from eldermall.reports.times import Times
from tests.shop import ROOT

BOOK = rulebook()
SHAPES = ROOT / "tests" / "samples" / "exports"
LATER = datetime(2026, 4, 1, tzinfo=UTC)
SHANGHAI = "Asia/Shanghai"
PLAIN: dict[str, Any] = {
    "zone": SHANGHAI,
    "time_format": "%Y-%m-%d %H:%M",
    "columns": {name: name for name in ("id", "placed", "paid", "shipped")},
}
Found = list[Finding | Unreadable]


def run(path: Path, columns: Any, **more: Any) -> tuple[AuditResult, Found]:
    found: Found = []
    given: dict[str, Any] = {"as_of": LATER, "findings": found.append, "book": BOOK} | more
    return audit(path, columns, **given), found


def text(path: Path, content: str | bytes, columns: Any, **more: Any) -> tuple[AuditResult, Found]:
    content = content.encode() if isinstance(content, str) else content
    file = path / more.pop("name", "orders.csv")
    file.write_bytes(content)
    return run(file, columns, **more)


def shape(name: str, **change: Any) -> tuple[AuditResult, Found]:
    """Audit one of the samples, with its map changed."""
    import tomllib

    file = next(f for f in SHAPES.glob(f"{name}.*") if f.suffix != ".toml")
    said = tomllib.loads((SHAPES / f"{name}.toml").read_text(encoding="utf-8"))
    columns = change.pop("columns", {})
    said = said | change | {"columns": said["columns"] | columns}
    return run(file, {k: v for k, v in said.items() if v is not None})


def in_time(result: AuditResult) -> dict[str, int]:
    return {k: n for k, n in result.rules["shipping.in-time"].items() if n and k != "applies"}


def notes(result: AuditResult) -> str:
    return "\n".join(note.en for note in result.of_file)


PLAIN_ANSWERS = [
    ("epoch", {}, 2, 1, {"never": 1}), ("zero", {}, 4, 4, {"met": 1, "never": 3}),
    ("tabs", {}, 3, 2, {"met": 1, "late": 1}), ("semi", {}, 2, 2, {"met": 1, "late": 1}),
    ("ampm", {}, 1, 1, {"met": 1}), ("title", {}, 1, 1, {"met": 1}),
    ("space", {}, 1, 1, {"met": 1}), ("utf16", {}, 1, 1, {"met": 1}),
    ("arr", {}, 2, 2, {"met": 1, "late": 1}),
    ("iso", {"time_format": "iso"}, 2, 2, {"met": 1, "never": 1}),
    ("iso", {"time_format": "iso", "zone": SHANGHAI}, 2, 2, {"met": 1, "never": 1}),
    ("shopify2", {"columns": {"order": "Name"}}, 2, 2, {"met": 1, "late": 1}),
    ("merged", {}, 2, 2, {"met": 1, "late": 1}), ("dimension", {}, 4, 4, {"met": 4}),
    ("zhdates", {}, 6, 6, {"met": 6}), ("html", {}, 2, 2, {"met": 1, "late": 1}),
    ("unicode", {}, 2, 2, {"met": 1, "late": 1}), ("late", {}, 122, 122, {"met": 121, "late": 1}),
    ("filtered", {}, 6, 6, {"met": 3, "late": 3}), ("bigids", {}, 3, 3, {"met": 3}),
    ("formula", {}, 1, 1, {"met": 1}), ("xml2003", {}, 2, 1, {"met": 1}),
    ("typo", {}, 2, 2, {"never": 2}),
    ("typo", {"cancelled": ["Cancelled", "已取消"]}, 2, 2, {"stopped": 2}),
]


@pytest.mark.parametrize(("name", "change", "orders", "paid", "counts"), PLAIN_ANSWERS)
def test_each_shape_has_its_right_answer(
    name: str, change: dict[str, Any], orders: int, paid: int, counts: dict[str, int]
) -> None:
    result, _ = shape(name, **change)
    assert (result.orders, result.paid, in_time(result)) == (orders, paid, counts)


def test_dates_without_hours_are_read_and_said_to_be_no_more_than_days() -> None:
    result, _ = shape("etsy", columns={"paid": "Sale Date"})
    assert (result.orders, in_time(result)) == (1, {"met": 1})
    assert "the times are days without hours" in notes(result)


def test_several_rows_of_an_order_are_one_if_the_map_names_its_id_and_told_if_not() -> None:
    result, _ = shape("amazon")
    assert result.orders == 3
    assert "ids that stand more than once: 1 (113-1 2)" in notes(result)
    assert "name columns.order" in notes(result)
    result, _ = shape("amazon", columns={"order": "amazon-order-id"})
    assert result.orders == 2
    assert "more than once" not in notes(result)


def test_ids_keep_every_digit_the_file_has_and_lost_ones_are_told() -> None:
    result, found = shape("bigids", columns={"paid": "发货时间", "shipped": "付款时间"})
    assert [f.order for f in found if isinstance(f, Finding)] == [
        "1234567890123456789", "1234567890123456790", "0012345678",
    ]
    lost = result.unreadable_rows
    assert [(row.line, row.column) for row in lost] == [(4, "订单号")]
    assert "1.2345678901234568E+18" in lost[0].wrong.en
    assert "can't give them back" in lost[0].right.en
    assert "numbers of more than 15 digits: 1" in notes(result)


def test_rows_that_a_filter_hides_are_counted_and_told() -> None:
    result, _ = shape("filtered")
    assert "hidden, by a filter for example, and were counted: 3" in notes(result)


def test_a_formula_without_a_value_an_error_and_a_zero_are_no_times() -> None:
    result, _ = shape("formula")
    assert [(row.line, row.wrong.en) for row in result.unreadable_rows] == [
        (2, "a formula without a stored value"), (4, "the error #N/A"), (5, "0 is no date"),
    ]
    assert {row.column for row in result.unreadable_rows} == {"发货时间"}


def test_a_row_left_out_of_a_sheet_is_no_order_and_keeps_its_number() -> None:
    result, found = shape("xml2003")
    assert [(f.line, f.order, f.rule) for f in found if isinstance(f, Finding)] == [
        (4, "0012345678", "shipping.paid-first")
    ]
    assert result.unreadable == 0


def test_a_late_text_id_among_numbers_is_kept() -> None:
    _, found = shape("late")
    assert [f.order for f in found if isinstance(f, Finding)] == ["0001122"]


def test_a_wrong_time_says_which_format_reads_it() -> None:
    result, _ = shape("iso")
    assert result.unreadable == 2
    assert all(
        'time_format = "iso" reads this cell' in row.right.en for row in result.unreadable_rows
    )


def test_rows_that_continue_an_order_say_which_key_makes_them_one() -> None:
    result, _ = shape("shopify2")
    assert "name columns.order" in result.unreadable_rows[0].right.en


def test_statuses_are_told_where_map_and_file_disagree() -> None:
    result, _ = shape("typo")
    assert "no row has what the map names as cancelled: canceled, 交易关闭" in notes(result)
    assert "statuses that the map doesn't name: Cancelled 1, 已取消 1" in notes(result)
    result, _ = shape("typo", cancelled=["Cancelled"], not_cancelled=["已取消"])
    assert "no row has" not in notes(result)
    assert "doesn't name" not in notes(result)


def test_totals_below_are_passed_over_and_told(tmp_path: Path) -> None:
    assert "rows of totals passed over: 1" in notes(shape("tabs")[0])
    row = "1,2026-03-01 09:00,2026-03-01 09:05,2026-03-02 09:00\n"
    content = f"id,placed,paid,shipped\n{row}本页合计,,,\n"
    assert text(tmp_path, content, PLAIN)[0].unreadable == 1
    result, _ = text(tmp_path, content, PLAIN | {"totals": ["本页合计", "总和"]})
    assert (result.orders, result.unreadable) == (1, 0)
    assert "no row has what the map names as totals: 总和" in notes(result)


# What an operator's map may say.

CASH = PLAIN | {
    "cash_on_delivery": ["货到付款"],
    "columns": PLAIN["columns"] | {"payment": "way"},
}


def test_cash_on_delivery_may_leave_unpaid_and_counts_from_the_order(tmp_path: Path) -> None:
    content = (
        "id,way,placed,paid,shipped\n"
        "A,货到付款,2026-03-01 09:00,2026-03-09 09:00,2026-03-02 09:00\n"
        "B,货到付款,2026-03-01 09:00,,2026-03-05 09:00\n"
        "C,在线支付,2026-03-01 09:00,2026-03-03 09:00,2026-03-05 09:00\n"
    )
    result, found = text(tmp_path, content, CASH)
    assert result.rules["shipping.paid-first"] == {"applies": 3, "refused": 0}
    assert in_time(result) == {"met": 2, "late": 1}
    assert [f.order for f in found if isinstance(f, Finding)] == ["B"]
    blamed, _ = text(tmp_path, content, PLAIN)
    assert blamed.rules["shipping.paid-first"]["refused"] == 2
    assert "left without a payment on record: 1" in notes(blamed)
    assert "payment methods that the map doesn't name: 在线支付 1" in notes(result)


def test_an_agreed_time_counts_where_it_is_earlier(tmp_path: Path) -> None:
    agreed = PLAIN | {"columns": PLAIN["columns"] | {"ship_by": "by"}}
    content = (
        "id,placed,paid,shipped,by\n"
        "A,2026-03-01 09:00,2026-03-01 09:05,2026-03-03 09:00,2026-03-02 09:00\n"
        "B,2026-03-01 09:00,2026-03-01 09:05,2026-03-03 09:00,2026-03-09 09:00\n"
        "C,2026-03-01 09:00,2026-03-01 09:05,2026-03-03 09:00,2026-02-01 09:00\n"
        "D,2026-03-01 09:00,2026-03-01 09:05,2026-03-03 09:00,\n"
    )
    result, found = text(tmp_path, content, agreed)
    assert [f.order for f in found if isinstance(f, Finding)] == ["A"]
    assert result.orders == 4
    assert "aren't after the order, and were left out: 1" in notes(result)


def test_what_leaves_without_a_courier_has_no_three_days(tmp_path: Path) -> None:
    pickup = PLAIN | {
        "no_courier": ["自提"], "columns": PLAIN["columns"] | {"courier": "how"},
    }
    content = (
        "id,how,placed,paid,shipped\n"
        "A,自提,2026-03-01 09:00,2026-03-01 09:05,\n"
        "B,快递,2026-03-01 09:00,2026-03-01 09:05,\n"
    )
    result, found = text(tmp_path, content, pickup)
    assert [f.order for f in found if isinstance(f, Finding)] == ["B"]
    assert in_time(result) == {"never": 1}


def test_a_known_moment_of_cancelling_ends_the_clock_there(tmp_path: Path) -> None:
    closed = PLAIN | {"columns": PLAIN["columns"] | {"cancelled": "closed"}}
    content = (
        "id,placed,paid,shipped,closed\n"
        "A,2026-03-01 09:00,2026-03-01 09:05,,2026-03-02 09:00\n"
        "B,2026-03-01 09:00,2026-03-01 09:05,,2026-03-20 09:00\n"
        "C,2026-03-01 09:00,2026-03-01 09:05,,2026-05-01 09:00\n"
        "D,2026-03-01 09:00,2026-03-01 09:05,2026-03-02 09:00,2026-03-20 09:00\n"
        "E,2026-03-01 09:00,2026-03-01 09:05,2026-03-03 09:00,2026-03-02 09:00\n"
    )
    result, found = text(tmp_path, content, closed)
    assert in_time(result) == {"stopped": 2, "never": 2, "met": 1}
    told = {f.order: f.text.en for f in found if isinstance(f, Finding) and f.what == "never"}
    assert told["B"].endswith(
        "due 2026-03-04 09:05, not done when it was cancelled 2026-03-20 09:00"
    )
    assert told["C"].endswith("not done yet")
    assert result.refused_moves == {"machine.no-such-move": 1}


def test_lines_that_leave_apart_have_each_its_time(tmp_path: Path) -> None:
    lines = PLAIN | {
        "columns": {"order": "order", "id": "line", "placed": "placed", "paid": "paid",
                    "shipped": "shipped"},
    }
    content = (
        "order,line,placed,paid,shipped\n"
        "A,1,2026-03-01 09:00,2026-03-01 09:05,2026-03-02 09:00\n"
        "A,2,2026-03-01 09:00,2026-03-01 09:05,2026-03-09 09:00\n"
        "A,3,2026-03-01 09:00,2026-03-01 09:05,2026-03-02 09:00\n"
        "A,4,2026-03-01 09:00,2026-03-01 09:05,\n"
        "B,5,2026-03-01 09:00,2026-03-01 09:05,2026-03-02 09:00\n"
        "A,5,2026-03-01 09:00,2026-03-01 09:05,2026-03-02 09:00\n"
    )
    result, found = text(tmp_path, content, lines)
    assert (result.orders, result.paid) == (3, 3)
    assert in_time(result) == {"met": 3, "late": 1, "never": 1}
    assert {(f.line, f.order) for f in found if isinstance(f, Finding)} == {(2, "A")}
    assert "orders whose rows stand apart: 1 (A 2)" in notes(result)
    assert "ids of lines that stand more than once: 1 (5 2)" in notes(result)


def test_rows_with_neither_id_nor_times_are_goods_of_the_order_above(tmp_path: Path) -> None:
    grouped = PLAIN | {
        "columns": {"order": "id", "placed": "placed", "paid": "paid", "shipped": "shipped"}
    }
    content = (
        "id,goods,placed,paid,shipped\n"
        ",tea,,,\n"
        "A,tea,2026-03-01 09:00,2026-03-01 09:05,2026-03-02 09:00\n,honey,,,\n,dates,,,\n"
        "B,tea,2026-03-01 09:00,2026-03-01 09:05,2026-03-09 09:00\n"
    )
    result, _ = text(tmp_path, content, grouped)
    assert (result.orders, result.unreadable) == (2, 1)
    assert in_time(result) == {"met": 1, "late": 1}


def test_a_row_that_says_nothing_of_payment_again_is_more_goods_of_the_order(
    tmp_path: Path,
) -> None:
    grouped = PLAIN | {
        "cancelled": ["void"],
        "columns": {"order": "id", "status": "status", "placed": "placed", "paid": "paid",
                    "shipped": "shipped"},
    }
    content = (
        "id,status,placed,paid,shipped\n"
        "A,sent,2026-03-01 09:00,2026-03-01 09:05,2026-03-02 09:00\n"
        "A,,2026-03-01 09:00,,\n"
        "B,sent,2026-03-01 09:00,2026-03-01 09:05,2026-03-02 09:00\n"
        "B,sent,2026-03-01 09:00,2026-03-01 09:05,\n"
        "C,void,2026-03-01 09:00,2026-03-01 09:05,\n"
        "C,,2026-03-01 09:00,,\n"
    )
    result, _ = text(tmp_path, content, grouped)
    assert result.orders == 3
    assert in_time(result) == {"met": 2, "never": 1, "stopped": 1}
    assert "sent 3" in notes(result)


def test_an_order_that_left_in_more_parts_than_an_order_can_is_told(tmp_path: Path) -> None:
    grouped = PLAIN | {
        "columns": {"order": "id", "placed": "placed", "paid": "paid", "shipped": "shipped"}
    }
    rows = [
        f"A,2026-03-01 09:00,2026-03-01 09:05,{LATER - timedelta(minutes=n):%Y-%m-%d %H:%M}"
        for n in range(502)
    ]
    content = "\n".join(["id,placed,paid,shipped", *rows, rows[0].replace("A", "B")]) + "\n"
    result, _ = text(tmp_path, content, grouped)
    assert (result.orders, result.unreadable) == (1, 1)
    assert result.unreadable_rows[0].line == 2


def test_days_may_be_counted_in_another_zone_than_the_times_are_written_in(tmp_path: Path) -> None:
    # paid on the 1st in London, on the 2nd in Shanghai: there the third day after it ends later
    content = "id,placed,paid,shipped\nA,2026-03-01 17:00,2026-03-01 17:05,2026-03-05 15:30\n"
    london = PLAIN | {"zone": "UTC"}
    by_days = {"overrides": {"shipping.counting": "calendar-days"}}
    assert in_time(text(tmp_path, content, london, **by_days)[0]) == {"late": 1}
    both = london | {"day_zone": SHANGHAI}
    assert in_time(text(tmp_path, content, both, **by_days)[0]) == {"met": 1}


@pytest.mark.parametrize(
    ("written", "zone", "right"),
    [
        ("%Y-%m-%dT%H:%M:%SZ", "UTC", True), ("%Y-%m-%dT%H:%M:%SZ", SHANGHAI, False),
        ("%Y-%m-%d %H:%M:%S +0800", SHANGHAI, True), ("%Y-%m-%d %H:%M:%S +0800", "UTC", False),
        ("%Y-%m-%d %H:%M UTC", "Africa/Abidjan", True), ("%Y-%m-%d %H:%M GMT", "UTC", True),
        ("%Y-%m-%d %H:%M GMT", "Europe/Berlin", False),
        ("%Y-%m-%d %H:%M:%S+01:00", "Europe/Berlin", True),
        ("%Y-%m-%d %H:%M:%S-05:00", "Europe/Berlin", False),
    ],
)
def test_a_zone_that_the_format_spells_out_must_be_the_maps(
    written: str, zone: str, right: bool
) -> None:
    said = PLAIN | {"time_format": written, "zone": zone}
    if right:
        read_columns(said)
        return
    with pytest.raises(Invalid, match="which zone never has: write %z instead") as error:
        read_columns(said)
    assert "day_zone" in error.value.text.zh


offsets = st.integers(-14 * 60, 14 * 60)
moments = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1))


def offset_text(minutes: int, colon: str) -> str:
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}{colon}{abs(minutes) % 60:02}"


@given(local=moments, minutes=offsets, colon=st.sampled_from(["", ":"]))
def test_a_time_that_says_its_offset_is_that_moment_in_whatever_zone(
    local: datetime, minutes: int, colon: str
) -> None:
    expected = (local - datetime(1970, 1, 1) - timedelta(minutes=minutes)) // timedelta(
        microseconds=1
    )
    said = offset_text(minutes, colon)
    for zone in ("UTC", "America/Sao_Paulo"):
        times = Times("%Y-%m-%d %H:%M:%S.%f %z", ZoneInfo(zone))
        assert times.read(f"{local:%Y-%m-%d %H:%M:%S.%f} {said}") == expected
        iso = Times("iso", ZoneInfo(zone))
        assert iso.read(f"{local:%Y-%m-%dT%H:%M:%S.%f}{said}") == expected


@given(local=moments)
def test_every_way_to_write_a_time_says_the_same_moment(local: datetime) -> None:
    local = local.replace(microsecond=0)
    zone = ZoneInfo(SHANGHAI)
    expected = Times("%Y-%m-%d %H:%M:%S", zone).read(f"{local:%Y-%m-%d %H:%M:%S}")
    half, chinese = ("AM", "上午") if local.hour < 12 else ("PM", "下午")
    day = f"{local.year}年{local.month}月{local.day}日"
    for written, cell in (
        ("%m/%d/%Y %I:%M:%S %p", f"{local:%m/%d/%Y %I:%M:%S} {half.lower()}"),
        ("%Y/%m/%d %p%I:%M:%S", f"{local:%Y/%m/%d} {chinese}{local:%I:%M:%S}"),
        ("%d %b %Y %H:%M:%S", f"{local.day} {local:%b} {local:%Y %H:%M:%S}"),
        ("%B %d, %Y %H:%M:%S", f"{local:%B} {local.day}, {local:%Y %H:%M:%S}"),
        ("%Y年%m月%d日 %H时%M分%S秒", f"{day} {local:%H时%M分%S秒}"),
        ("iso", f"{local:%Y-%m-%dT%H:%M:%S}"), ("unix", str(expected // 1_000_000)),
        ("unix-ms", str(expected // 1000)), ("%d%%%Y%m%H%M%S", f"{local:%d}%{local:%Y%m%H%M%S}"),
    ):
        assert Times(written, zone).read(cell) == expected, written
    if 1971 <= local.year < 2069:
        assert Times("%m/%d/%y %H:%M:%S", zone).read(f"{local:%m/%d/%y %H:%M:%S}") == expected


NEVER = [
    "", "-", "--", "NULL", "null", "N/A", "None", "NaN", r"\N", "0000-00-00", "0000-00-00 00:00",
    "00/00/0000 00:00:00", "0", "1970-01-01 00:00", "1970-01-01 08:00", "0001-01-01 00:00",
    "9999-12-31 23:59", "1900-01-01 00:00", "\t", "-\t", '="--"',
]


@pytest.mark.parametrize("cell", NEVER)
def test_what_can_only_mean_never_is_read_as_never(tmp_path: Path, cell: str) -> None:
    quoted = cell.replace('"', '""')
    content = f'id,placed,paid,shipped\nA,2026-03-01 09:00,2026-03-01 09:05,"{quoted}"\n'
    result, _ = text(tmp_path, content, PLAIN)
    assert (in_time(result), result.unreadable) == ({"never": 1}, 0)


@pytest.mark.parametrize("cell", ["未发货", "2000-01-01 00:00", "0000", "?"])
def test_other_markers_are_a_key_of_the_map(tmp_path: Path, cell: str) -> None:
    content = f"id,placed,paid,shipped\nA,2026-03-01 09:00,2026-03-01 09:05,{cell}\n"
    result, _ = text(tmp_path, content, PLAIN | {"never": [cell, "尚未"]})
    assert (in_time(result), result.unreadable) == ({"never": 1}, 0)
    assert "no row has what the map names as never: 尚未" in notes(result)
    if cell in ("未发货", "?"):
        assert text(tmp_path, content, PLAIN)[0].unreadable == 1


def test_times_in_1970_and_1969_of_any_zone_are_never(tmp_path: Path) -> None:
    for zone in ("America/New_York", "Pacific/Auckland", "UTC", SHANGHAI):
        at = datetime(1970, 1, 1, tzinfo=UTC).astimezone(ZoneInfo(zone))
        content = table([HEADER, [*ROW[:3], f"{at:%Y-%m-%d %H:%M}"]])
        assert in_time(text(tmp_path, content, PLAIN | {"zone": zone})[0]) == {"never": 1}


# Text and how it is written.

ROW = ["A", "2026-03-01 09:00", "2026-03-01 09:05", "2026-03-02 09:00"]
HEADER = ["id", "placed", "paid", "shipped"]


def table(rows: Sequence[Sequence[str]], delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030"])
@pytest.mark.parametrize("above", [0, 3])
def test_delimiters_and_lines_above_are_found_out(
    tmp_path: Path, delimiter: str, encoding: str, above: int
) -> None:
    names = ["订单号", "下单", "付款", "发货"]
    title = [["店铺：安心老年商城"]] * above
    content = table([*title, names, ROW, ROW], delimiter).encode(encoding)
    said = PLAIN | {"columns": dict(zip(PLAIN["columns"], names, strict=True))}
    if encoding in ("utf-16-le", "gb18030"):
        with pytest.raises(EldermallError, match=f'try encoding = "{encoding}" in the map'):
            text(tmp_path, content, said)
        said |= {"encoding": encoding}
    result, _ = text(tmp_path, content, said)
    assert (result.orders, result.unreadable, in_time(result)) == (2, 0, {"met": 2})
    assert in_time(text(tmp_path, content, said | {"delimiter": delimiter})[0]) == {"met": 2}


def test_a_named_delimiter_is_the_only_one(tmp_path: Path) -> None:
    with pytest.raises(EldermallError, match="name no column id"):
        text(tmp_path, table([HEADER, ROW]), PLAIN | {"delimiter": ";"})


@given(
    id=st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=24),
    dress=st.sampled_from(['="{}"', "{}\t", "'{}", "`{}", " {} ", "{}"]),
)
def test_ids_come_without_their_dress(tmp_path: Path, id: str, dress: str) -> None:
    late = [dress.format(id), *ROW[1:3], dress.format("2026-03-09 09:00")]
    _, found = text(tmp_path, table([HEADER, late]), PLAIN)
    assert [f.order for f in found if isinstance(f, Finding)] == [id]


@pytest.mark.parametrize("id", ["2.02603E+17", "1.23456789012346E+018", "1E+15"])
def test_an_id_in_scientific_notation_is_told_and_not_taken(tmp_path: Path, id: str) -> None:
    result, _ = text(tmp_path, table([HEADER, [id, *ROW[1:]]]), PLAIN)
    assert (result.orders, result.unreadable) == (0, 1)
    assert result.unreadable_rows[0].wrong.en == f"the id {id} has lost digits"


def test_a_quotation_mark_never_swallows_a_row_in_silence(tmp_path: Path) -> None:
    names = [*HEADER, "goods"]
    rows = ["\t".join([*ROW, goods]) for goods in ('"Fine tea', "honey", 'inch 12"', "dates")]
    content = "\n".join(["\t".join(names), *rows]) + "\n"
    result, _ = text(tmp_path, content, PLAIN)
    assert result.orders + result.unreadable == 4
    assert [row.line for row in result.unreadable_rows] == [2]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"id": "A", "placed": "2026-03-01 09:00", "id": "B"}', "the key 'id' stands twice"),
        ('{"id": "A", "placed": "2026-03-01 09:00", "x": {"k": 1, "k": 1}}',
         "the key 'k' stands twice"),
        ('{"id": ' + "1" * 5000 + "}", "the line is no JSON object"),
        ("[" * 3000, "the line is no JSON object"),
    ],
)
def test_json_that_means_two_things_or_none_is_told(tmp_path: Path, line: str, why: str) -> None:
    good = json.dumps(dict(zip(HEADER, ROW, strict=True)))
    result, _ = text(tmp_path, f"{good}\n{line}\n{good}\n", PLAIN, name="o.jsonl")
    assert result.orders == 2
    assert [(row.line, row.wrong.en) for row in result.unreadable_rows] == [(2, why)]


def test_an_array_is_read_however_it_is_laid_out(tmp_path: Path) -> None:
    objects = [dict(zip(HEADER, [f'A"{n}]', *ROW[1:]], strict=True)) for n in range(3)]
    for indent in (None, 0, 2):
        content = json.dumps(objects, indent=indent)
        result, _ = text(tmp_path, content, PLAIN, name="o.json")
        assert (result.orders, result.unreadable) == (3, 0)
    result, _ = text(tmp_path, json.dumps([objects[0], 5, objects[1], "x", objects[2]]), PLAIN)
    assert (result.orders, result.unreadable) == (3, 2)
    for broken, why in (
        (json.dumps(objects)[:-1], "the array doesn't end"),
        (json.dumps(objects) + "x", "something follows the array"),
        (json.dumps({"orders": objects}, indent=1), "no line is a JSON object"),
        ("[1, 2]", "no line is a JSON object"),
        ("[" + '{"x":\n' * (LONGEST_LINE // 6 + 9), "is longer than"),
    ):
        with pytest.raises(EldermallError, match=why):
            text(tmp_path, broken, PLAIN, name="o.json")
    assert text(tmp_path, "[]", PLAIN, name="o.json")[0].orders == 0


def test_a_line_without_end_costs_no_more_than_the_longest(tmp_path: Path) -> None:
    import tracemalloc

    header = (",".join(HEADER) + "\n").encode()
    row = (",".join(ROW) + "\n").encode()
    endless = b"x" * (40 * LONGEST_LINE) + b"\n"
    for content, name in (
        (header + row + endless + row, "o.csv"),
        (b"".join(
            json.dumps(dict(zip(HEADER, ROW, strict=True))).encode() + b"\n" + part
            for part in (endless, b"")
        ), "o.jsonl"),
    ):
        (tmp_path / "packed.gz").write_bytes(gzip.compress(content, 1, mtime=0))
        (tmp_path / "packed.gz").rename(tmp_path / f"{name}.gz")
        del content
        tracemalloc.start()
        result, _ = run(tmp_path / f"{name}.gz", PLAIN)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (result.orders, result.unreadable) == (2, 1)
        assert peak < 20 * LONGEST_LINE


def test_more_than_is_unpacked_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eldermall.reports.sources.lines.MOST_UNPACKED", 2**20)
    content = table([HEADER, *[ROW] * 30_000]).encode()
    with pytest.raises(EldermallError, match="when unpacked; unpack it yourself, in parts"):
        text(tmp_path, gzip.compress(content, 1, mtime=0), PLAIN, name="o.csv.gz")


def test_only_text_encodings_are_encodings(tmp_path: Path) -> None:
    from encodings.aliases import aliases

    known = {text_encoding(name) for name in {*aliases, *aliases.values()}} - {None}
    assert known >= {"utf-8", "gb18030", "gbk", "big5", "cp1252", "utf-16", "shift_jis"}
    for name in (
        "idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "base64", "rot13",
        "zlib", "hex", "uu", "quopri", "bz2", "utf-7", "x\0y", "", "a" * 9999, "\ud800",
    ):
        assert text_encoding(name) is None
        if name:
            with pytest.raises(Invalid, match="must be an encoding"):
                read_columns(PLAIN | {"encoding": name})
    for encoding in sorted(name for name in known if name is not None):
        content = table([HEADER, ROW]).encode(encoding)
        result, _ = text(tmp_path, content, PLAIN | {"encoding": encoding})
        assert result.orders == 1, encoding


def test_bytes_that_are_no_utf_16_are_one_error(tmp_path: Path) -> None:
    content = table([HEADER, ROW]).encode("utf-16") + b"\x00\xd8\x00"
    with pytest.raises(EldermallError, match="holds bytes that can't be decoded"):
        text(tmp_path, content, PLAIN)
    with pytest.raises(EldermallError, match="holds bytes that can't be decoded"):
        text(tmp_path, table([HEADER, ROW]), PLAIN | {"encoding": "utf-16"})


def test_a_header_whose_bytes_are_none_of_the_encoding_steers_nothing(tmp_path: Path) -> None:
    with pytest.raises(EldermallError) as error:
        text(tmp_path, b"\xff\x1b[2J,\xfe\n", PLAIN)
    assert 'try encoding = "' in str(error.value)


# Guessing a map.

Change = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@pytest.mark.parametrize("file", sorted(f.name for f in SHAPES.iterdir() if f.suffix != ".toml"))
def test_a_guessed_map_reads_what_it_was_guessed_from(file: str) -> None:
    import tomllib

    written = guess(SHAPES / file, "en")
    said = tomllib.loads(written)
    assert said["zone"] == "?"
    with pytest.raises(Invalid, match="no such time zone"):
        read_columns(said)
    said["zone"] = "UTC" if file.startswith(("amazon", "iso", "epoch")) else SHANGHAI
    result, _ = run(SHAPES / file, said)
    assert result.orders > 0
    by_hand, _ = shape(file.partition(".")[0])
    assert result.unreadable <= by_hand.unreadable
    assert set(said["columns"].values()) >= {"发货时间"} or "发货时间" not in written
    assert guess(SHAPES / file, "zh") != written


def test_a_guess_says_what_it_was_not_sure_of(tmp_path: Path) -> None:
    day_first = (
        "Order ID,Status,Payment Method,Sale Date,Shipped at,\x1b[2J\n"
        "1,done,card,03/04/26,05/04/26,\n"
    )
    (tmp_path / "o.csv").write_text(day_first)
    written = guess(tmp_path / "o.csv", "en")
    assert 'time_format = "%m/%d/%y"' in written
    assert '# the times may be meant otherwise: "%d/%m/%y"' in written
    assert 'do any of them belong to cancelled? "done"' in written
    assert 'do any of them belong to cash_on_delivery? "card"' in written
    assert "payment =" not in written
    assert "\x1b" not in written
    cash = day_first.replace("card", "货到付款").replace("done", "已取消")
    (tmp_path / "o.csv").write_text(cash)
    written = guess(tmp_path / "o.csv", "en")
    assert 'cash_on_delivery = ["货到付款"]' in written
    assert 'cancelled = ["已取消"]' in written
    assert 'payment = "Payment Method"' in written
    (tmp_path / "o.csv").write_text("Order ID,a\n1,x\n")
    written = guess(tmp_path / "o.csv", "en")
    assert 'placed = "?"' in written
    assert "no column was known for the moment an order was placed" in written
    (tmp_path / "o.csv").write_text("下单时间,a\nbald,x\n")
    written = guess(tmp_path / "o.csv", "en")
    assert "no column was known for the order's id" in written
    assert '# the times weren\'t understood: "bald"' in written
    (tmp_path / "o.csv").write_text("a,b\n1,2\n")
    with pytest.raises(EldermallError, match="no row near the top names a column that is known"):
        guess(tmp_path / "o.csv", "en")


@given(
    names=st.lists(st.text(max_size=8), max_size=6), cell=st.text(max_size=12),
    delimiter=st.sampled_from([",", "\t", ";"]),
)
def test_a_guess_is_a_map_whatever_stands_in_the_file(
    tmp_path: Path, names: list[str], cell: str, delimiter: str
) -> None:
    import tomllib

    rows = [["Order ID", "Created at", "Status", *names], ["1", cell, cell, *["x"] * len(names)]]
    (tmp_path / "o.csv").write_bytes(table(rows, delimiter).encode("utf-8", "replace"))
    try:
        written = guess(tmp_path / "o.csv", "zh")
    except EldermallError:
        return
    assert tomllib.loads(written)["zone"] == "?"


# Whatever stands in a file.

pieces = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([
        b"id,placed,paid,shipped\n", b"A,2026-03-01 09:00,,\n", b'{"id": "A"}', b'"', b"\n", b"\r",
        b"[", b"{", b"}]", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b", b"PK\x03\x04",
        b"\xd0\xcf\x11\xe0",
        b"<html><table><tr><td>id", b"<?xml version='1.0'?>", b"<Workbook", b"\0", b"\x1b[2J",
        b"urn:schemas-microsoft-com:office:spreadsheet",
    ]),
)


@given(
    content=st.lists(pieces, max_size=8).map(b"".join),
    name=st.sampled_from(["o.csv", "o.jsonl", "o.csv.gz", "o.xls"]),
    packed=st.booleans(),
    encoding=st.sampled_from(["", "utf-8", "gb18030", "utf-16", "utf-32", "cp1252"]),
)
def test_any_bytes_are_an_answer_or_one_error(
    tmp_path: Path, content: bytes, name: str, packed: bool, encoding: str
) -> None:
    content = gzip.compress(content, 1, mtime=0) if packed else content
    columns = PLAIN | ({"encoding": encoding} if encoding else {})
    for ask in (
        lambda: text(tmp_path, content, columns, name=name),
        lambda: guess(tmp_path / name, "en"),
    ):
        with suppress(EldermallError):
            ask()


parts = st.lists(
    st.tuples(st.integers(0, 4), st.none() | st.integers(-2 * 1440, 9 * 1440)),
    min_size=1, max_size=8,
)


@given(orders=parts)
def test_an_order_of_several_rows_is_the_sum_of_its_parts(
    tmp_path: Path, orders: list[tuple[int, int | None]]
) -> None:
    start = datetime(2026, 3, 1, 9)
    rows = sorted({(f"A{n}", left) for n, left in orders}, key=str)
    cells = [
        [id, f"{start - timedelta(days=2):%Y-%m-%d %H:%M}", f"{start:%Y-%m-%d %H:%M}",
         "" if left is None else f"{start + timedelta(minutes=left):%Y-%m-%d %H:%M}"]
        for id, left in rows
    ]
    alone, _ = text(tmp_path, table([HEADER, *cells]), PLAIN)
    named = {"order": "id", "placed": "placed", "paid": "paid", "shipped": "shipped"}
    doubled = [row for row in cells for _ in range(2)]  # two goods of each part
    together, _ = text(tmp_path, table([HEADER, *doubled]), PLAIN | {"columns": named})
    assert together.orders == len({id for id, _ in rows})
    assert in_time(together) == in_time(alone)
    assert together.rules["shipping.paid-first"] == alone.rules["shipping.paid-first"]

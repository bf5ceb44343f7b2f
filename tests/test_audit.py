"""The audit of exports: counted again with plain datetime arithmetic, and every bad input."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import typer
from examples.make_export import make_export
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from eldermall.calendars import microseconds
from eldermall.cli.audit import audit as command
from eldermall.errors import EldermallError
from eldermall.mall import rulebook
from eldermall.reports.audit import audit
from eldermall.reports.columns import read_columns
from eldermall.reports.findings import AuditResult, Finding
from eldermall.reports.sources.cells import Unreadable
from eldermall.reports.times import Times
from tests.shop import POLICY, ROOT

BOOK = rulebook()
ZONE = ZoneInfo("America/Sao_Paulo")
OLIST = ROOT / "examples" / "olist.toml"
HEADER = ["id", "status", "placed", "paid", "shipped", "delivered"]
MAP: dict[str, Any] = {
    "zone": "America/Sao_Paulo",
    "time_format": "%m/%d/%Y %H:%M",
    "cancelled": ["canceled"],
    "columns": {name: name for name in HEADER},
}
LATER = datetime(2019, 1, 1, tzinfo=ZONE)
# a week in which the clocks of São Paulo go forward at midnight
START = datetime(2017, 10, 11)

minutes = st.one_of(
    st.integers(0, 14 * 24 * 60),
    st.sampled_from([0, 60, 72 * 60, 72 * 60 + 1, 4 * 24 * 60, 4 * 24 * 60 - 1]),
)
moment = minutes.map(lambda m: START + timedelta(minutes=m))
sometimes = st.none() | moment
order = st.tuples(st.booleans(), moment, sometimes, sometimes, sometimes)
Order = tuple[bool, datetime, datetime | None, datetime | None, datetime | None]


def written(at: datetime | None) -> str:
    return "" if at is None else f"{at.month}/{at.day}/{at.year} {at.hour}:{at.minute:02}"


def cells(n: int, order: Order) -> list[str]:
    cancelled, *moments = order
    return [f"#{n}", "canceled" if cancelled else "sent", *map(written, moments)]


def as_csv(rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()


def run(
    path: Path, content: bytes, columns: Any = MAP, name: str = "orders.csv", **more: Any
) -> tuple[AuditResult, list[Finding | Unreadable]]:
    (path / name).write_bytes(content)
    found: list[Finding | Unreadable] = []
    given: dict[str, Any] = {"as_of": LATER, "findings": found.append, "book": BOOK} | more
    return audit(path / name, columns, **given), found


def utc(local: datetime) -> datetime:
    return local.replace(tzinfo=ZONE).astimezone(UTC)


def plainly(orders: Sequence[Order], as_of: datetime, counting: str) -> dict[str, Any]:
    """Count without eldermall."""
    clock = dict.fromkeys(("applies", "met", "late", "never", "running", "stopped"), 0)
    first = {"applies": 0, "refused": 0}
    counted = {"orders": len(orders), "not_placed": 0, "paid": 0}
    for cancelled, *local in orders:
        all_moments = [None if m is None else utc(m) for m in local]
        happened = [m if m is not None and m <= as_of else None for m in all_moments]
        placed, paid, shipped, _ = happened
        if placed is None:
            counted["not_placed"] += 1
            continue
        if shipped is not None:
            first["applies"] += 1
            first["refused"] += paid is None or shipped < paid
        if paid is None:
            continue
        counted["paid"] += 1
        start = max(placed, paid)
        if counting == "hours":
            due = start + timedelta(hours=72)
        else:
            last = start.astimezone(ZONE).date() + timedelta(days=4)
            midnight = datetime.combine(last, datetime.min.time(), ZONE)
            due = midnight.astimezone(UTC) - timedelta(microseconds=1)
        if shipped is not None:
            outcome = "met" if shipped <= due else "late"
        elif cancelled and all(m is None or m <= as_of for m in all_moments):
            outcome = "stopped"
        else:
            outcome = "never" if as_of > due else "running"
        clock["applies"] += 1
        clock[outcome] += 1
    return counted | {"rules": {"shipping.in-time": clock, "shipping.paid-first": first}}


@pytest.mark.parametrize("counting", ["hours", "calendar-days"])
@given(orders=st.lists(order, max_size=12), as_of=moment | st.just(datetime(2019, 1, 1)))
def test_every_export_is_counted_as_plain_arithmetic_counts_it(
    tmp_path: Path, counting: str, orders: list[Order], as_of: datetime
) -> None:
    result, found = run(
        tmp_path, as_csv([cells(n, o) for n, o in enumerate(orders)]),
        as_of=utc(as_of), overrides={"shipping.counting": counting},
    )
    expected = plainly(orders, utc(as_of), counting)
    assert {name: getattr(result, name) for name in expected} == expected
    assert len(found) == result.findings
    for finding in found:
        assert isinstance(finding, Finding)
        assert finding.order == f"#{finding.line - 2}"


@given(orders=st.lists(order, max_size=8), early=moment, late=moment)
def test_what_has_happened_stays_so_at_any_later_moment(
    tmp_path: Path, orders: list[Order], early: datetime, late: datetime
) -> None:
    content = as_csv([cells(n, o) for n, o in enumerate(orders)])
    done = []
    for as_of in sorted([utc(early), utc(late)]):
        result, _ = run(tmp_path, content, as_of=as_of)
        clock, first = result.rules["shipping.in-time"], result.rules["shipping.paid-first"]
        assert clock["applies"] == sum(n for name, n in clock.items() if name != "applies")
        done.append((result.paid, clock["met"], clock["late"], clock["stopped"], first["refused"]))
    assert all(before <= after for before, after in zip(*done, strict=True))


@given(orders=st.lists(order, min_size=1, max_size=8))
def test_gzip_and_json_lines_say_the_same_as_csv(tmp_path: Path, orders: list[Order]) -> None:
    rows = [cells(n, o) for n, o in enumerate(orders)]
    plain, findings = run(tmp_path, as_csv(rows))
    objects = [dict(zip(HEADER, row, strict=True)) for row in rows]
    lines = "".join(
        json.dumps({k: v or None for k, v in fields.items()}) + "\n" for fields in objects
    ).encode()
    for name, content, shift in (
        ("orders.csv.gz", gzip.compress(as_csv(rows), mtime=0), 0),
        ("packed.csv", gzip.compress(as_csv(rows), mtime=0), 0),
        ("orders.jsonl", lines, 1),
        ("orders.jsonl.gz", gzip.compress(lines, mtime=0), 1),
        ("orders.txt", lines, 1),
    ):
        result, found = run(tmp_path, content, name=name)
        assert result == plain
        assert [f.line + shift for f in found] == [f.line for f in findings]
        assert [f.as_json() | {"line": 0} for f in found] == [
            f.as_json() | {"line": 0} for f in findings
        ]


BROKEN = (
    b"#9,sent,32/1/2017 9:05,,,",
    b"#9,sent,,,,",
    b",sent,10/2/2017 9:05,,,",
    b"#9,sent,10/2/2017 9:05,,",
    b"#9,sent,10/2/2017 9:05,,,,",
    b"#9,sent,10/2/2017 9:05,\xff,,",
    b'#9,"sent,10/2/2017 9:05,,,',
    b'"',
)


@given(
    orders=st.lists(order, min_size=1, max_size=8),
    broken=st.lists(st.tuples(st.integers(0, 8), st.sampled_from(BROKEN)), max_size=5),
)
def test_rows_that_cannot_be_read_change_nothing_for_the_others(
    tmp_path: Path, orders: list[Order], broken: list[tuple[int, bytes]]
) -> None:
    content = as_csv([cells(n, o) for n, o in enumerate(orders)])
    plain, _ = run(tmp_path, content)
    lines = content.splitlines()
    for where, line in broken:
        lines.insert(1 + min(where, len(lines) - 1), line)
    result, found = run(tmp_path, b"\n".join(lines) + b"\n")
    assert result.unreadable == len(broken)
    assert {f.line for f in found if isinstance(f, Unreadable)} == {
        n for n, line in enumerate(lines, 1) if line in BROKEN
    }
    assert (result.orders, result.paid, result.rules, result.refused_moves) == (
        plain.orders, plain.paid, plain.rules, plain.refused_moves
    )


@given(
    local=st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)),
    zone=st.sampled_from(
        ["America/Sao_Paulo", "Asia/Shanghai", "Australia/Lord_Howe", "America/St_Johns",
         "Pacific/Apia", "Africa/Monrovia", "UTC"]
    ),
)
def test_a_time_is_read_as_the_zone_says_the_earlier_of_two(local: datetime, zone: str) -> None:
    local = local.replace(microsecond=0)
    times = Times("%d.%m.%Y %H:%M:%S", ZoneInfo(zone))
    text = f"{local.day}.{local.month}.{local.year} {local.hour}:{local.minute}:{local.second}"
    expected = microseconds(local.replace(tzinfo=ZoneInfo(zone)))
    assert times.read(text) == times.read(local.strftime("%d.%m.%Y %H:%M:%S")) == expected


def test_days_on_which_the_clocks_change_are_read_minute_by_minute() -> None:
    days = (
        ("America/Sao_Paulo", datetime(2017, 10, 15)), ("America/Sao_Paulo", datetime(2018, 2, 17)),
        ("America/St_Johns", datetime(2010, 3, 14)), ("Australia/Lord_Howe", datetime(2020, 4, 5)),
    )
    for zone, day in days:
        times = Times("%Y-%m-%d %H:%M", ZoneInfo(zone))
        for minute in range(1440):
            local = day + timedelta(minutes=minute)
            expected = microseconds(local.replace(tzinfo=ZoneInfo(zone)))
            assert times.read(local.strftime("%Y-%m-%d %H:%M")) == expected


def test_an_invented_export_has_the_counts_it_was_made_with(tmp_path: Path) -> None:
    for seed, orders, unreadable in ((7, 1000, 2), (8, 300, 9), (9, 5, 0), (10, 0, 0)):
        path = tmp_path / "made.csv"
        expected = make_export(path, orders, seed, unreadable)
        by_days = expected.pop("by_calendar_days")["shipping.in-time"]
        result = audit(path, OLIST, as_of=LATER)
        assert {name: getattr(result, name) for name in expected} == expected
        days = audit(path, OLIST, as_of=LATER, overrides={"shipping.counting": "calendar-days"})
        assert days.rules["shipping.in-time"] == by_days


def test_an_invented_export_holds_every_kind_of_trouble(tmp_path: Path) -> None:
    counts = make_export(tmp_path / "a.csv")
    again = make_export(tmp_path / "b.csv")
    assert counts == again
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert all(n > 0 for rule in counts["rules"].values() for n in rule.values())
    assert counts["by_calendar_days"]["shipping.in-time"] != counts["rules"]["shipping.in-time"]
    assert counts["paid"] < counts["orders"]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for orders in (100, 100, 1000):
        make_export(tmp_path / "made.csv", orders)
        tracemalloc.start()
        audit(tmp_path / "made.csv", OLIST, as_of=LATER)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # days that were seen are remembered, up to a bound
    assert peaks[2] < peaks[1] + 700_000


ONE = [
    "A1", "sent", "10/2/2017 9:05", "10/2/2017 9:10", "10/6/2017 9:11", "10/9/2017 9:00",
]


def test_a_finding_says_which_order_broke_what_and_by_how_much(tmp_path: Path) -> None:
    early = ["A2", "sent", "10/2/2017 9:05", "10/3/2017 9:10", "10/2/2017 10:00", ""]
    never = ["A3", "sent", "10/2/2017 9:05", "10/3/2017 9:10", "", "10/5/2017 9:10"]
    backwards = ["A4", "sent", "10/2/2017 9:05", "10/2/2017 9:00", "10/2/2017 10:00", ""]
    result, found = run(tmp_path, as_csv([ONE, early, never, backwards]))
    assert [finding.as_json() for finding in found] == [
        {
            "what": "late", "line": 2, "order": "A1", "rule": "shipping.in-time",
            "clauses": ["S19-11-1d", "S19-11-1b", "S03-3-1b"],
            "at": "2017-10-06T09:11:00-03:00", "due": "2017-10-05T09:10:00-03:00",
            "text": {
                "zh": "付款后三日内发货：期限为 2017-10-05 09:10，完成于 2017-10-06 09:11，"
                "逾期 1天1分钟",
                "en": "shipped within three days of payment: due 2017-10-05 09:10, done "
                "2017-10-06 09:11, 1 d 1 min late",
            },
        },
        {
            "what": "refused", "line": 3, "order": "A2", "rule": "shipping.paid-first",
            "clauses": ["S19-11-1d"], "move": "ship", "at": "2017-10-02T10:00:00-03:00",
            "text": {
                "zh": "发出包裹：订单在发货时尚未付款",
                "en": "ship a parcel: the order was not paid when it would have been shipped",
            },
        },
        {
            "what": "refused", "line": 4, "order": "A3", "rule": "goods.deliver", "clauses": [],
            "move": "deliver", "at": "2017-10-05T09:10:00-03:00",
            "text": {
                "zh": "包裹送达：此前没有发货记录",
                "en": "deliver a parcel: no shipment before it is on record",
            },
        },
        {
            "what": "never", "line": 4, "order": "A3", "rule": "shipping.in-time",
            "clauses": ["S19-11-1d", "S19-11-1b", "S03-3-1b"], "due": "2017-10-06T09:10:00-03:00",
            "text": {
                "zh": "付款后三日内发货：期限为 2017-10-06 09:10，至今未完成",
                "en": "shipped within three days of payment: due 2017-10-06 09:10, not done yet",
            },
        },
        {
            "what": "refused", "line": 5, "order": "A4", "rule": "machine.no-record",
            "clauses": [], "move": "pay", "at": "2017-10-02T09:00:00-03:00",
            "text": {
                "zh": "入账付款：当时订单尚未提交",
                "en": "book payment: the order had not been placed yet",
            },
        },
    ]
    assert result.rules == {
        "shipping.in-time": {
            "applies": 4, "met": 2, "late": 1, "never": 1, "running": 0, "stopped": 0,
        },
        "shipping.paid-first": {"applies": 3, "refused": 1},
    }
    assert result.refused_moves == {"goods.deliver": 1, "machine.no-record": 1}


def test_what_the_export_does_not_record_is_named_and_not_held_against_orders(
    tmp_path: Path,
) -> None:
    result, _ = run(tmp_path, as_csv([ONE]))
    assert [name for name, _ in result.not_recorded] == [
        "hand_over", "contact_merchant", "accept", "grant_exception", "complete", "track",
        "correct_tracking", "relabel", "end_parcel", "send_again", "give_up", "decline", "archive",
        "paid_in_part", "collect", "refund",
    ]
    left = {entry.id for entry in result.not_decidable}
    assert left | set(result.rules) == {
        *(rule.id for rule in BOOK.rules.values()), *(clock.id for clock in BOOK.clocks.values()),
    }
    assert not left & set(result.rules)
    assert {entry.id: entry.why.en for entry in result.not_decidable}["handover.in-time"] == (
        "a move that isn't recorded starts or stops it"
    )


def columns(*names: str) -> dict[str, Any]:
    without: dict[str, Any] = {k: v for k, v in MAP.items() if k != "cancelled"}
    return without | {"columns": {name: name for name in names}}


@pytest.mark.parametrize(
    ("named", "decided"),
    [
        (["id", "placed", "paid", "shipped"], {"shipping.in-time", "shipping.paid-first"}),
        (["id", "placed", "paid", "delivered"], set()),
        (["id", "placed", "shipped", "delivered"], set()),
        (["id", "placed"], set()),
    ],
)
def test_only_what_the_recorded_moments_decide_is_decided(
    tmp_path: Path, named: list[str], decided: set[str]
) -> None:
    result, _ = run(tmp_path, as_csv([ONE]), columns(*named))
    assert set(result.rules) == decided
    assert result.refused_moves == {}
    assert result.orders == 1


def test_the_policy_gives_the_limit_and_its_day_does_not_count(tmp_path: Path) -> None:
    policy: dict[str, Any] = {
        "pack": {
            "document": "S19", "published": "2026-01-01", "zone": "Asia/Shanghai",
            "department": "operations",
        },
        "settings": {
            key: {
                "value": setting.suggestion, "author": "demo", "date": "2026-01-01",
                "clause": setting.clause,
            }
            for key, setting in BOOK.settings.items()
            if setting.default is None
        },
    }
    policy["settings"]["shipping.limit"] = {
        "value": "1d", "author": "the board", "date": "2026-01-01", "clause": "S19-11-1d",
    }
    quick = ["A1", "sent", "10/2/2017 9:05", "10/2/2017 9:10", "10/3/2017 9:11", ""]
    result, _ = run(tmp_path, as_csv([quick]), policy=policy)
    assert result.rules["shipping.in-time"]["late"] == 1
    assert result.settings["shipping.limit"].author == "the board"
    assert [notice.en for notice in result.notices] == [
        "the audit says what the rules would have said, whatever day the policy applies from",
        "based on the demo policy (author demo); its numbers are no company's rules",
    ]
    result, _ = run(tmp_path, as_csv([quick]))
    assert result.rules["shipping.in-time"]["met"] == 1
    assert result.notices[1].en.startswith("no policy is named")


def test_a_file_of_another_encoding_is_read_if_the_map_says_so(tmp_path: Path) -> None:
    status = [ONE[0], "已取消", *ONE[2:4], "", ""]
    content = as_csv([status]).decode().encode("gb18030")
    said = MAP | {"encoding": "gb18030", "cancelled": ["已取消"]}
    result, _ = run(tmp_path, content, said)
    assert result.rules["shipping.in-time"]["stopped"] == 1
    assert [r.wrong.en for r in run(tmp_path, content)[0].unreadable_rows] == [
        "the cell holds bytes that are no utf-8"
    ]
    marked, _ = run(tmp_path, b"\xef\xbb\xbf" + as_csv([ONE]))
    assert marked.orders == 1


def test_cells_may_hold_lines_and_blanks_and_rows_may_be_empty(tmp_path: Path) -> None:
    rows = [["a\nb", *ONE[1:]], [], [" A2 ", " canceled ", f" {ONE[2]} ", ONE[3], "", ""]]
    result, _ = run(tmp_path, as_csv(rows) + b"\n\n")
    assert (result.orders, result.unreadable) == (2, 0)
    assert result.rules["shipping.in-time"]["stopped"] == 1
    packed, _ = run(tmp_path, b"\n" + json.dumps(dict(zip(HEADER, ONE, strict=True))).encode(),
                    name="o.jsonl")
    assert packed.orders == 1


WRONG_MAPS: list[tuple[dict[str, Any], str]] = [
    ({"colums": {}}, "colums = {} is invalid: is no key here; there are zone, day_zone, "
     "time_format, cancelled, not_cancelled, cash_on_delivery, no_courier, never, totals, "
     "encoding, delimiter, sheet, columns"),
    ({"columns": None}, "columns = None is invalid: must be a table"),
    ({"columns": {"id": "id"}}, "columns.placed = None is invalid: is missing"),
    ({"columns": {"placed": "p"}}, "columns.id = None is invalid: is missing"),
    ({"columns": {"id": 1, "placed": "p", "status": "s"}},
     "columns.id = 1 is invalid: must be a column's name"),
    ({"columns": {"id": "i", "payed": "p"}},
     "columns.payed = 'p' is invalid: is no key here; there are id, order, status, payment, "
     "courier, placed, paid, shipped, delivered, cancelled, ship_by"),
    ({"columns": {"id": "i", "placed": "p"}},
     "columns.status = None is invalid: is missing, though cancelled names values of it"),
    ({"cancelled": "canceled"}, "cancelled = 'canceled' is invalid: must be a list of statuses"),
    ({"zone": "Brazil"}, "zone = 'Brazil' is invalid: no such time zone; use an IANA name such as "
     "Asia/Shanghai"),
    ({"zone": None}, "zone = None is invalid: must be an IANA name: Asia/Shanghai"),
    ({"encoding": "klingon"}, "encoding = 'klingon' is invalid: must be an encoding: utf-8, "
     "gb18030"),
    ({"encoding": 7}, "encoding = 7 is invalid: must be an encoding: utf-8, gb18030"),
    ({"delimiter": "::"}, "delimiter = '::' is invalid: must be one character: \";\" or "
     "\"\\t\""),
    ({"sheet": 1}, "sheet = 1 is invalid: must be a text"),
    ({"never": [""]}, "never = [''] is invalid: must be a list of texts"),
    ({"day_zone": "China"}, "day_zone = 'China' is invalid: no such time zone; use an IANA name "
     "such as Asia/Shanghai"),
    ({"cash_on_delivery": ["COD"]}, "columns.payment = None is invalid: is missing, though "
     "cash_on_delivery names values of it"),
    ({"columns": {"id": "i", "placed": "p", "payment": "w", "status": "s"}},
     "cash_on_delivery = None is invalid: must list values of columns.payment, which is named"),
    ({"not_cancelled": ["canceled", "sent"]}, "not_cancelled = ['canceled'] is invalid: must not "
     "be in cancelled too"),
    ({"encoding": "base64"}, "encoding = 'base64' is invalid: must be an encoding: utf-8, "
     "gb18030"),
]
WRONG_MAPS += [
    ({"time_format": wrong}, f"time_format = {wrong!r} is invalid: must be iso, unix or unix-ms, "
     "or hold %Y (or %y), %m (or %b) and %d once each, the time of day as %H %M or %I %M %p, and "
     "may hold %S, %f and %z: %m/%d/%Y %H:%M")
    for wrong in (
        None, "", 7, "%Y-%m", "%Y-%m-%d %H", "%Y-%m-%d %M", "%Y-%m-%d %H:%M %p", "%Y-%m-%d %I:%M",
        "%Y-%m-%d %d %H:%M", "%Y-%y-%m-%d %H:%M", "%y-%m-%d %H:%M%", "%Y-%m-%d %z",
        "%Y-%m-%d %H:%M.%f", "%Y-%m-%d %H:%M %Z",
    )
]


@pytest.mark.parametrize(("change", "message"), WRONG_MAPS)
def test_a_wrong_map_gets_one_clear_error(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(EldermallError) as error:
        run(tmp_path, as_csv([ONE]), MAP | change)
    assert str(error.value) == message
    assert error.value.text.zh not in ("", message)


def test_a_map_that_is_no_file_or_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(EldermallError, match=r"can't read .*none\.toml: No such file or directory"):
        read_columns(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("zone = ")
    with pytest.raises(EldermallError, match=r"bad\.toml is not valid TOML: "):
        read_columns(tmp_path / "bad.toml")


PACKED = gzip.compress(as_csv([ONE] * 50), mtime=0)
WRONG_FILES: list[tuple[str, bytes, str]] = [
    ("o.csv", b"", "{} is empty"),
    ("o.csv.gz", b"", "{} is empty"),
    ("o.csv.gz", gzip.compress(b"", mtime=0), "{} is empty"),
    ("o.jsonl", b"", "{} is empty"),
    ("o.csv", b"\n", "{}: the first 50 lines name no column id, status, placed, paid, shipped, "
     "delivered; there are "),
    ("o.csv", as_csv([], ONE), "{}: the first 50 lines name no column id, status, placed, paid, "
     "shipped, delivered; there are " + ", ".join(ONE)),
    ("o.csv", as_csv([], [*HEADER[:-1], "x"]),
     "{}: the first 50 lines name no column delivered; there are id, status, placed, paid, "
     "shipped, x"),
    ("o.csv", as_csv([], [*HEADER, "paid"]), "{}: columns stand twice: paid"),
    ("o.csv", b'"' + b"x" * 200_000,
     "{}: the header can't be read: field larger than field limit (131072)"),
    ("o.jsonl", b'{"id": "1", "placed": "10/2/2017 9:05"}\n',
     "{}: no row has status, paid, shipped, delivered"),
    ("o.csv.gz", as_csv([ONE]), "{} is damaged gzip: Not a gzipped file (b'id')"),
    ("o.csv.gz", PACKED[:-30], "{} is damaged gzip: Compressed file ended before the "
     "end-of-stream marker was reached"),
    ("o.csv.gz", PACKED[:30] + b"\0\0\0\0" + PACKED[34:], "{} is damaged gzip: Error -3 while "
     "decompressing data: "),
]


@pytest.mark.parametrize(("name", "content", "message"), WRONG_FILES)
def test_a_file_that_cannot_be_read_gets_one_clear_error(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    with pytest.raises(EldermallError) as error:
        run(tmp_path, content, name=name)
    assert str(error.value).startswith(message.format(tmp_path / name))
    assert error.value.code == "file"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EldermallError) as error:
        audit(tmp_path / "none.csv", MAP, as_of=LATER)
    assert str(error.value) == f"can't read {tmp_path / 'none.csv'}: No such file or directory"


TIME = (
    "write it as 10/2/2026 9:05 (%m/%d/%Y %H:%M), a day that exists, from 1970 to 2255"
)
UNREADABLE: list[tuple[str, bytes, str, str, str]] = [
    ("o.csv", b"A,sent,13/1/2017 9:05,,,", "placed", "'13/1/2017 9:05' is no time",
     TIME + '; time_format = "%d/%m/%Y %H:%M" reads this cell'),
    ("o.csv", b"A,sent,2/29/2017 9:05,,,", "placed", "'2/29/2017 9:05' is no time", TIME),
    ("o.csv", b"A,sent,2/2/1969 9:05,,,", "placed", "'2/2/1969 9:05' is no time", TIME),
    ("o.csv", b"A,sent,2/2/0001 9:05,,,", "placed", "'2/2/0001 9:05' is no time", TIME),
    ("o.csv", b"A,sent,12/30/9999 9:05,,,", "placed", "'12/30/9999 9:05' is no time", TIME),
    ("o.csv", b"A,sent,2/2/2017 24:00,,,", "placed", "'2/2/2017 24:00' is no time", TIME),
    ("o.csv", b"A,sent,2/2/2017 9:05,x,,", "paid", "'x' is no time", TIME),
    ("o.csv", b"A,sent,2/2/2017 9:05,,,\xd9\xa3/2/2017 9:05", "delivered",
     "'٣/2/2017 9:05' is no time", TIME),
    ("o.csv", b"A,sent,,,,", "placed", "the cell is empty",
     "an order has an id and the moment it was placed"),
    ("o.csv", b"A,sent, ,,,", "placed", "the cell is empty",
     "an order has an id and the moment it was placed"),
    ("o.csv", b" ,sent,2/2/2017 9:05,,,", "id", "the cell is empty",
     "an order has an id and the moment it was placed"),
    ("o.csv", b"A\xff,sent,2/2/2017 9:05,,,", "id", "the cell holds bytes that are no utf-8",
     "say the file's encoding in the map"),
    ("o.csv", b"A,s\xff,2/2/2017 9:05,,,", "status", "the cell holds bytes that are no utf-8",
     "say the file's encoding in the map"),
    ("o.csv", b"A,sent,2/2/2017 9:05", "paid", "the row has 3 cells", "it has 6, as the header"),
    ("o.csv", b"A,sent,2/2/2017 9:05,,,,,", "", "the row has 8 cells", "it has 6, as the header"),
    ("o.csv", b'"' + b"x" * 140_000, "",
     "the row can't be parsed: field larger than field limit (131072)",
     "quotation marks come in pairs"),
    ("o.jsonl", b"[1]", "", "the line is no JSON object", "each line holds one JSON object"),
    ("o.jsonl", b"{'id': 1}", "", "the line is no JSON object", "each line holds one JSON object"),
    ("o.jsonl", b"[" * 100_000, "", "the line is no JSON object",
     "each line holds one JSON object"),
    ("o.jsonl", b'{"id": "A", "placed": 1506945900}', "placed", "'1506945900' is no time",
     TIME + '; time_format = "unix" reads this cell'),
    ("o.jsonl", b'{"id": true, "placed": "2/2/2017 9:05"}', "id", "the value is no text",
     "write a text, or null if it never happened"),
    ("o.jsonl", b'{"id": "A"}', "placed", "the cell is empty",
     "an order has an id and the moment it was placed"),
]


@pytest.mark.parametrize(("name", "row", "column", "wrong", "right"), UNREADABLE)
def test_a_row_that_cannot_be_read_says_where_and_what_would_be_right(
    tmp_path: Path, name: str, row: bytes, column: str, wrong: str, right: str
) -> None:
    good = (
        as_csv([ONE]) if name == "o.csv"
        else json.dumps(dict(zip(HEADER, ONE, strict=True))).encode() + b"\n"
    )
    result, found = run(tmp_path, good + row + b"\n" + good.splitlines(keepends=True)[-1],
                        name=name)
    line = 3 if name == "o.csv" else 2
    assert [f.as_json() for f in found if isinstance(f, Unreadable)] == [
        {
            "what": "unreadable", "line": line, "column": column,
            "wrong": {"zh": result.unreadable_rows[0].wrong.zh, "en": wrong},
            "right": {"zh": result.unreadable_rows[0].right.zh, "en": right},
        }
    ]
    assert result.orders == 2


WRONG_SETTINGS: list[tuple[dict[str, Any], str]] = [
    ({"shipping.limit": "96h"},
     "shipping.limit = '96h' is invalid: S19-11-1d says 3d; only a stricter value is taken"),
    ({"shipping.limit": "soon"},
     "shipping.limit = 'soon' is invalid: a duration is a positive whole number and min, h or d: "
     "90min, 72h, 3d"),
    ({"shipping.counting": "days"},
     "shipping.counting = 'days' is invalid: must be one of hours, calendar-days"),
    ({"shipping.counting": "calendar-days", "shipping.limit": "36h"},
     "shipping.limit = '36h' is invalid: must be whole days when calendar days are counted"),
    ({"callback.attempts": "4"},
     "callback.attempts = '4' is invalid: is read by nothing that this export can decide; there "
     "are shipping.counting, shipping.limit"),
    ({"people.channels": "app, phone"},
     "people.channels = 'app, phone' is invalid: is read by nothing that this export can decide; "
     "there are shipping.counting, shipping.limit"),
]


@pytest.mark.parametrize(("overrides", "message"), WRONG_SETTINGS)
def test_a_wrong_setting_gets_one_clear_error(
    tmp_path: Path, overrides: dict[str, Any], message: str
) -> None:
    if "people.channels" in overrides:
        default = BOOK.settings["people.channels"].default
        overrides = {"people.channels": ",".join(default)}
        message = message.replace("app, phone", overrides["people.channels"])
    with pytest.raises(EldermallError) as error:
        run(tmp_path, as_csv([ONE]), overrides=overrides)
    shown = repr(next(iter(overrides.values())))
    assert str(error.value) == message or len(shown) > 80
    with pytest.raises(EldermallError, match=r"shiping\.limit = '3d' is invalid: is no setting"):
        run(tmp_path, as_csv([ONE]), overrides={"shiping.limit": "3d"})


def test_the_moment_as_of_which_it_is_audited_needs_a_zone(tmp_path: Path) -> None:
    with pytest.raises(EldermallError, match="the time has no zone"):
        run(tmp_path, as_csv([ONE]), as_of=datetime(2019, 1, 1))
    east = datetime(2017, 10, 6, 20, 10, tzinfo=timezone(timedelta(hours=8)))
    result, _ = run(tmp_path, as_csv([ONE]), as_of=east)
    assert result.rules["shipping.in-time"]["never"] == 1
    result, _ = run(tmp_path, as_csv([ONE]), as_of=datetime(2017, 10, 5, 12, 10, tzinfo=UTC))
    assert result.rules["shipping.in-time"]["running"] == 1


def test_progress_ends_where_the_file_ends(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    content = as_csv([ONE] * 1200)
    run(tmp_path, content, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(content), len(content))
    assert told == sorted(told)
    assert len(told) == 4


# The command.

app = typer.Typer()
app.command()(command)


def call(*words: object, lang: str = "en") -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [*map(str, words), "--lang", lang])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def export(tmp_path: Path) -> Path:
    make_export(tmp_path / "orders.csv", 200)
    return tmp_path / "orders.csv"


def test_the_command_prints_one_json_object_and_writes_the_findings(
    export: Path, tmp_path: Path
) -> None:
    out = tmp_path / "found.jsonl"
    code, stdout, stderr = call(
        export, "--columns", OLIST, "--as-of", "2019-01-01", "--findings", out, "--json",
    )
    facts = json.loads(stdout)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    expected = make_export(export, 200)
    assert code == 1
    assert stderr == ""
    assert facts["orders"] == 200
    assert facts["unreadable"] == 2
    assert facts["rules"] == expected["rules"]
    assert facts["as_of"] == "2019-01-01T00:00:00-02:00"
    assert facts["findings"] == len(lines)
    assert sum(line["what"] == "late" for line in lines) == facts["rules"]["shipping.in-time"][
        "late"
    ]
    code, stdout, _ = call(
        export, "--columns", OLIST, "--as-of", "2019-01-01", "--json",
        "--set", "shipping.counting=calendar-days",
    )
    assert json.loads(stdout)["rules"]["shipping.in-time"] == (
        expected["by_calendar_days"]["shipping.in-time"]
    )


def test_the_command_exits_0_if_nothing_is_found(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(
        'zone = "UTC"\ntime_format = "%Y-%m-%d %H:%M"\n[columns]\n'
        'id = "id"\nplaced = "placed"\npaid = "paid"\nshipped = "shipped"\n'
    )
    row = "A1,2026-03-02 09:00,2026-03-02 09:01,2026-03-04 09:00\n"
    (tmp_path / "o.csv").write_text("id,placed,paid,shipped\n" + row)
    out = tmp_path / "found.jsonl"
    code, stdout, stderr = call(
        tmp_path / "o.csv", "--columns", tmp_path / "map.toml", "--findings", out
    )
    assert (code, stderr) == (0, "")
    assert "1 orders, 1 paid; 0 unreadable rows" in stdout
    assert out.read_text() == ""


def test_the_command_speaks_both_languages_and_says_whose_policy_it_is(export: Path) -> None:
    words = (export, "--columns", OLIST, "--as-of", "2019-01-01T00:00", "--policy", POLICY)
    code, stdout, _ = call(*words)
    assert code == 1
    assert "based on the demo policy (author demo); its numbers are no company's rules" in stdout
    assert "shipping.limit = 3d (S19-11-1d, the article's own)" in stdout
    assert "shipping.in-time" in stdout
    assert call(*words[:-1], "pack:demo") == (code, stdout, "")
    code, stdout, _ = call(*words, lang="zh")
    assert code == 1
    assert "所用政策为演示政策" in stdout
    assert "截至 2019-01-01 00:00" in stdout
    assert "付款后三日内发货" in stdout


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--as-of", "soon"], "error: --as-of = 'soon' is invalid: must be an ISO date or time "
         "such as 2026-03-02 or 2026-03-02T09:00\n"),
        (["--as-of", "1960-01-01"], "error: as_of = datetime.datetime(1960, 1, 1, 0, 0, "),
        (["--set", "shipping.limit"], "error: --set = 'shipping.limit' is invalid: must be "
         "KEY=VALUE such as shipping.counting=hours\n"),
        (["--policy", "none.toml"], "error: can't read none.toml: No such file or directory\n"),
        (["--findings", "."], "error: can't write .: Is a directory\n"),
    ],
)
def test_the_command_exits_2_on_bad_input(export: Path, more: list[str], message: str) -> None:
    code, stdout, stderr = call(export, "--columns", OLIST, *more)
    assert (code, stdout) == (2, "")
    assert stderr.startswith(message)


def test_the_command_never_writes_over_the_file_that_it_audits(export: Path) -> None:
    before = export.read_bytes()
    code, _, stderr = call(export, "--columns", OLIST, "--findings", export)
    assert code == 2
    assert "which this command reads" in stderr
    assert export.read_bytes() == before

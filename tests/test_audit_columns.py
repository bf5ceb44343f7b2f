"""An export audited by columns says of every order what its replay says, and of the file too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from eldermall.calendars import DAY
from eldermall.engine.rule import AT, Rule
from eldermall.engine.rulebook import Rulebook
from eldermall.engine.settings import Settings
from eldermall.mall import rulebook
from eldermall.plugins import Plugins
from eldermall.reports import columnar
from eldermall.reports.audit import audit
from eldermall.reports.export import Order
from eldermall.reports.moves import ORDER
from eldermall.reports.replay import Replay
from eldermall.reports.rows import Goods
from eldermall.reports.shapes import Fate, Shapes
from eldermall.rooms.orders import Orders
from eldermall.texts import Text
from tests import shop

AS_OF = datetime(2026, 11, 20, 12, tzinfo=UTC)
NAMES = ("id", "status", "payment", "courier", *columnar.AT)
ZONES = ("Asia/Shanghai", "America/Sao_Paulo", "Europe/Berlin", "Australia/Lord_Howe")
FORMATS = {"%Y-%m-%d %H:%M:%S": "%Y-%m-%d %H:%M:%S", "%m/%d/%Y %H:%M": "%m/%d/%Y %H:%M",
           "iso": "%Y-%m-%dT%H:%M:%S"}
COUNTINGS = ("hours", "calendar-days")


def audited(path: Path, columns: dict[str, Any], *, by_rows: bool, **more: Any) -> Any:
    """Return what an audit says, and each finding, with what tells the two ways apart."""
    found: list[dict[str, Any]] = []
    result = audit(
        path, columns, as_of=AS_OF, findings=lambda one: found.append(one.as_json()),
        book=rulebook(Plugins()) if by_rows else None, **more,
    ).as_json()
    return result.pop("by_shape"), result, found


def alike(path: Path, columns: dict[str, Any], **more: Any) -> int:
    """Check that both ways say the same; return how many orders were counted by their shape."""
    none, *replayed = audited(path, columns, by_rows=True, **more)
    number, *counted = audited(path, columns, by_rows=False, **more)
    assert none == 0
    assert counted == replayed
    return int(number)


def mapped(zone: str = "Asia/Shanghai", form: str = "iso", **more: Any) -> dict[str, Any]:
    return {
        "zone": zone, "time_format": form, "cancelled": ["cancelled", "已取消"],
        "cash_on_delivery": ["cod"], "no_courier": ["pickup"],
        "columns": {name: name for name in NAMES}, **more,
    }


def written(path: Path, rows: list[str], header: str = ",".join(NAMES)) -> Path:
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8", newline="")
    return path


# Moments lie close together, at the same time, far apart, and about days on which clocks change.
NEAR = [
    datetime(2026, 11, 10, 9), datetime(2026, 11, 10, 23, 59), datetime(2026, 11, 11),
    datetime(2026, 11, 13, 9), datetime(2026, 11, 13, 9, 0, 1), datetime(2026, 11, 14),
    datetime(2026, 11, 20, 20), datetime(2026, 11, 25), datetime(1971, 1, 5), datetime(2199, 1, 1),
    datetime(2026, 3, 29, 2, 30), datetime(2026, 10, 25, 2, 30), datetime(2018, 2, 17, 23, 30),
    datetime(2018, 11, 4, 0, 30), datetime(2026, 4, 5, 1, 45), datetime(2026, 10, 4, 2, 15),
]
moments = st.none() | st.sampled_from(NEAR) | st.builds(
    lambda since, minutes: since + timedelta(minutes=minutes),
    st.sampled_from(NEAR[:7]), st.integers(-5000, 5000),
)
ODD = [
    "", ",,,", "x", '"a,b",,,,2026-11-10T09:00:00,,,,,', 'a"b,,,,2026-11-10T09:00:00,,,,,',
    "合计,,,,,,,,,", "total,,,,,,,,,", "é,,,,2026-11-10T09:00:00,,,,,",
    'q1,"done",,,"2026-11-10T09:00:00",,,,,', 'q2,"",,,2026-11-10T09:00:00,"",,,,',
    "=\"0123\",,,,2026-11-10T09:00:00,,,,,", "z1,,,,2026-11-10T09:00:00Z,,,,,",
    "n1,,,,2026-11-10T09:00:00,NULL,--,1970-01-01T00:00:00,,", "b1,,,,2026-02-30T09:00:00,,,,,",
    "s1, done ,,,2026-11-10T09:00:00,,,,,", "f1,,,,2026-11-10T09:00:00.5,,,,,",
    "2045E+3,,,,2026-11-10T09:00:00,,,,,", "w1,,,,,,,,,", ",,,,2026-11-10T09:00:00,,,,,",
]


@st.composite
def orders(draw: st.DrawFn, form: str) -> str:
    placed = draw(moments.filter(bool))
    times = [placed, *(draw(moments) for _ in columnar.AT[1:])]
    cells = [
        draw(st.sampled_from(["a", "B7", "order1", "o2", "o3", "0123"])),
        draw(st.sampled_from(["", "done", "cancelled", "已取消", "运输中"])),
        draw(st.sampled_from(["", "card", "cod"])), draw(st.sampled_from(["", "SF", "pickup"])),
        *("" if at is None else at.strftime(FORMATS[form]) for at in times),
    ]
    return ",".join(cells)


@st.composite
def exports(draw: st.DrawFn) -> tuple[str, list[str]]:
    form = draw(st.sampled_from(sorted(FORMATS)))
    rows = st.lists(orders(form) | (st.sampled_from(ODD) if form == "iso" else orders(form)))
    return form, draw(rows)


@settings(
    max_examples=shop.times(150), deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    export=exports(), zone=st.sampled_from(ZONES), days=st.sampled_from(ZONES),
    counting=st.sampled_from(COUNTINGS), part=st.sampled_from([1, 60, 2**20]),
)
@example(("iso", ODD), "Asia/Shanghai", "Asia/Shanghai", "hours", 2**20)
@example(("iso", [*ODD, 'm1,"a\nb",,,2026-11-10T09:00:00,,,,,']), "Asia/Shanghai",
         "Asia/Shanghai", "hours", 60)
def test_columns_say_of_every_order_what_its_replay_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, export: tuple[str, list[str]], zone: str,
    days: str, counting: str, part: int,
) -> None:
    form, rows = export
    monkeypatch.setattr(columnar, "PART", part)
    path = written(tmp_path / "orders.csv", rows)
    columns = mapped(zone, form, day_zone=days)
    alike(path, columns, overrides={"shipping.counting": counting})
    alike(path, columns, policy="pack:demo")


def test_nearly_all_of_a_usual_export_is_counted_by_its_shape(tmp_path: Path) -> None:
    rows = [
        f"o{n},done,card,SF,2026-11-0{1 + n % 7}T09:{n % 60:02}:00,2026-11-08T09:{n % 60:02}:00,"
        f"2026-11-{9 + n % 9:02}T10:00:00,2026-11-19T10:00:00,,"
        for n in range(2000)
    ]
    assert alike(written(tmp_path / "orders.csv", rows), mapped()) == 2000


@pytest.mark.parametrize("zone", ZONES)
def test_a_year_of_every_hour_is_alike(tmp_path: Path, zone: str) -> None:
    start = datetime(2018, 1, 1, tzinfo=UTC)
    at = [start + timedelta(hours=n, minutes=7) for n in range(366 * 24)]

    def local(when: datetime) -> str:
        return when.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M:%S")

    left = [placed + timedelta(days=4 * (n % 5 > 0)) for n, placed in enumerate(at)]
    rows = [
        f"o{n},,,,{local(placed)},{local(placed)},{local(shipped)},,,"
        for n, (placed, shipped) in enumerate(zip(at, left, strict=True))
    ]
    path = written(tmp_path / "orders.csv", rows)
    for day_zone, counting in product((zone, "America/Sao_Paulo"), COUNTINGS):
        columns = mapped(zone, day_zone=day_zone)
        alike(path, columns, overrides={"shipping.counting": counting})


def test_ids_that_stand_twice_are_told_alike(tmp_path: Path) -> None:
    rows = [f"o{n % 900},,,,2026-11-10T09:00:00,,,,," for n in range(2500)]
    rows += ['"o1",,,,2026-11-10T09:00:00,,,,,', "o2,,,,2026-11-10T09:00:00Z,,,,,"]
    assert alike(written(tmp_path / "orders.csv", rows), mapped()) == 2501


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (mapped(columns={"order": "id", "placed": "placed"}), "rows that are lines of orders"),
        (mapped(form="%d.%m.%y %H:%M"), "years of two digits"),
        (mapped(form="unix"), "seconds since 1970"),
        (mapped(form="%Y-%m-%d"), "days without hours"),
        (mapped(encoding="gb18030"), "another encoding"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_columns_cant_be_sure_of_is_replayed(
    tmp_path: Path, columns: dict[str, Any], why: str
) -> None:
    known = {"cancelled", "cash_on_delivery", "no_courier"} if "order" in columns["columns"] else ()
    columns = {key: value for key, value in columns.items() if key not in known}
    at = {"%d.%m.%y %H:%M": "10.11.26 09:00", "unix": "1800000000", "%Y-%m-%d": "2026-11-10"}
    placed = at.get(columns["time_format"], "2026-11-10T09:00:00")
    path = written(tmp_path / "orders.csv", [f"a{n},,,,{placed},,,,," for n in range(3)])
    assert alike(path, columns) == 0


def test_a_mark_that_may_go_on_in_the_next_line_ends_the_reading_by_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columnar, "PART", 1000)
    row = "o{n},{status},,,2026-11-10T09:00:00,2026-11-10T10:00:00,,,,"
    rows = [row.format(n=n, status="done") for n in range(100)]
    rows[60] = row.format(n=60, status='"do\nne"')
    assert 0 < alike(written(tmp_path / "orders.csv", rows), mapped()) < 61


def test_bytes_that_are_no_text_end_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columnar, "PART", 1000)
    row = "o{n},done,,,2026-11-10T09:00:00,2026-11-10T10:00:00,,,,"
    path = written(tmp_path / "orders.csv", [row.format(n=n) for n in range(100)])
    path.write_bytes(path.read_bytes().replace(b"o60,done", b"o60,d\xffne"))
    assert 0 < alike(path, mapped()) < 61


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("last", ["", "end"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_ends_of_lines_and_marks_of_utf_8_make_no_difference(
    tmp_path: Path, end: str, last: str, mark: str
) -> None:
    rows = [f"o{n},done,,,2026-11-10T09:00:00,2026-11-10T10:00:00,,,," for n in range(5)]
    text = mark + end.join(["", "a title", ",".join(NAMES), *rows]) + (end if last else "")
    path = tmp_path / "orders.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert alike(path, mapped()) == 5


R = "2026-11-01T09:00:00"


def test_an_agreed_time_before_the_limit_says_nothing_of_one_behind_it(tmp_path: Path) -> None:
    early = [f"a{n},,,,{R},{R},2026-11-01T15:00:00,,,2026-11-02T09:00:00" for n in range(3)]
    later = ["b,,,,2026-11-07T09:00:00,2026-11-07T09:00:00,2026-11-10T15:00:00,,,"
             "2026-11-11T09:00:00", "c,,,,2026-11-07T09:00:00,2026-11-07T09:00:00,,,,"
             "2026-11-12T09:00:00"]
    for rows in ([*early, *later], [*later, *early], early * 3 + later * 3):
        alike(written(tmp_path / "orders.csv", rows), mapped())


def test_what_had_happened_by_then_says_nothing_of_what_has_not(tmp_path: Path) -> None:
    """The moment of the audit lies between: the first of a shape aren't as those behind it."""
    def order(id: str, *days: int) -> str:
        times = [f"2026-11-{day:02}T09:00:00" if day else "" for day in days]
        return f"{id},,,," + ",".join([*times, *[""] * (6 - len(times))])

    for early, later in (
        ((1, 1, 3), (19, 19, 25)), ((1, 1, 2, 3), (18, 18, 19, 26)), ((1, 1), (25, 25)),
        ((1, 1), (19, 25)), ((1,), (25,)), ((1, 1, 0, 0, 2), (19, 19, 0, 0, 25)),
    ):
        rows = [order(f"a{n}", *early) for n in range(4)]
        alike(written(tmp_path / "orders.csv", [*rows, order("b", *later)]), mapped())


@pytest.mark.parametrize(
    "rows",
    [
        ["a,,,,2026-11-01T09:00:60,,,,,"], ["a,,,,0000-01-01T00:00:00,,,,,"],
        [f"a,,,,{R},,,,,", "a,,,,,,,,,", "b,,,,,,,,,"],
        [f"a,,,,{R},,,,,", "total,,,,,,,,,", "a,,,,,,,,,", f"a,,,,{R},,,,,", "x", "a,,,,,,,,,"],
        [f"a,,\x1cpickup,,{R},,,,,", f"b,\x1ccancelled,,,{R},,,,,"],
        [f"O-{n},s{n},p{n},c{n},{R},,,,," for n in range(1200)],
        [f"{'#' if n % 3 else 'é'}{n},s{n % 7},,c{n},{R},,,,," for n in range(3000)],
        [f"a,,,,{R},,,,,", "b," + "x" * 140_000 + f",,,{R},,,,,", f"c,,,,{R},,,,,"],
        [f"a,,,,{R},,,,,", "b," + "字" * 400_000 + f",,,{R},,,,,", f"c,,,,{R},,,,,"],
        [f"a,,,,{R},,,,,", f"\ufeffb,\"x,,,{R},,,,,", f"\ufeffc,,,,{R},,,,,", "\ufeff"],
        ["a,,,,1971-01-05T00:00:00,1971-01-05T00:00:00,2199-01-01T00:00:00,,,"] * 3,
    ],
    ids=range(11),
)
def test_rows_that_could_be_read_in_two_ways_are_read_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[str]
) -> None:
    for part in (300, 9000, 2**20):
        monkeypatch.setattr(columnar, "PART", part)
        alike(written(tmp_path / "orders.csv", rows), mapped())


def test_lines_that_end_in_two_ways_above_the_header_are_counted_alike(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(f"title\r\r\n{','.join(NAMES)}\na1,,,,{R},,,,,\na2,,,,{R},,,,,\n".encode())
    alike(path, mapped())


@pytest.mark.parametrize("error", [RuntimeError, OSError, UnicodeError, EOFError])
def test_an_error_of_whoever_is_told_is_left_as_it_is(
    tmp_path: Path, error: type[Exception]
) -> None:
    path = written(tmp_path / "orders.csv", [f"a,,,,{R},,2026-11-01T10:00:00,,,"])
    own = error("own")

    def told(_: object) -> None:
        raise own

    with pytest.raises(error) as raised:
        audit(path, mapped(), as_of=AS_OF, findings=told)
    assert raised.value is own


EVEN_DAYS = Rule(
    id="test.even-days", label=Text("逢双日提交", "placed on even days"), clauses=("S19-11-1d",),
    guards=Orders.place.guard, needs=(AT,), check=lambda at: at // DAY % 2 == 0,
    reason=Text("逢单日提交", "placed on an odd day"),
)


def test_orders_of_a_shape_that_dont_come_out_alike_have_no_fate() -> None:
    installed = rulebook(Plugins())
    settings = Settings(pack="audit", values={}, zone=UTC)

    def fates(*rules: Rule) -> list[Fate | None]:
        book = Rulebook((ORDER,), rules, ())
        shapes = Shapes(Replay(book, ["placed"], False, False, settings, 2**52), lambda due, at: at)
        goods = Goods(None, None, None, ended=False, courier=True)
        days = [Order(n, "a", n * DAY, None, None, False, (goods,)) for n in range(4, 8)]
        return [shapes.fate((1,), days[:1]), shapes.fate((1,), days), shapes.fate((1,), days[:1])]

    assert fates(EVEN_DAYS)[0] is not None
    assert fates(EVEN_DAYS)[1:] == [None, None]
    usual = installed.rules["shipping.paid-first@1"]
    assert len(set(map(str, fates(usual)))) == 1
    assert None not in fates(usual)

"""Workbooks: our reader of .xlsx held against two others, and every other file that is one."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils import get_column_letter
from python_calamine import CalamineWorkbook

from eldermall.errors import EldermallError
from eldermall.mall import rulebook
from eldermall.reports.audit import audit
from eldermall.reports.findings import AuditResult
from eldermall.reports.sources import xlsx
from eldermall.reports.sources.cells import Digits, Raw, Unreadable, Wanted, Wrong
from eldermall.reports.sources.numbers import is_date_format, number_of
from eldermall.reports.sources.opening import raws
from eldermall.reports.sources.sheets import SheetRow
from tests.shop import ROOT

BOOK = rulebook()
SHAPES = ROOT / "tests" / "samples" / "exports"
LATER = datetime(2026, 4, 1, tzinfo=UTC)
MAP: dict[str, Any] = {
    "zone": "Asia/Shanghai",
    "time_format": "%Y-%m-%d %H:%M:%S",
    "columns": {"id": "订单号", "placed": "下单时间", "paid": "付款时间", "shipped": "发货时间"},
}
NAMES = tuple(MAP["columns"].values())
GOOD: tuple[Any, ...] = (
    "E1", datetime(2026, 3, 1, 9), datetime(2026, 3, 1, 9, 5), datetime(2026, 3, 2, 9),
)
LATE = ("E2", *GOOD[1:3], datetime(2026, 3, 9, 9))
SPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def wanted(names: Sequence[str], **more: Any) -> Wanted:
    return Wanted(tuple(names), names[0], **more)


def book(rows: Sequence[Sequence[Any]], change: Callable[[Any], object] | None = None) -> bytes:
    """Write a workbook with one sheet, changed by ``change``."""
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(list(row))
    if change is not None:
        change(made)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def ours(content: bytes) -> list[SheetRow]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheets = xlsx.sheets_of(archive, "x")
        assert sheets is not None
        return list(sheets[0].rows())


def run(path: Path, content: bytes, columns: Any = MAP, name: str = "o.xlsx") -> AuditResult:
    (path / name).write_bytes(content)
    return audit(path / name, columns, as_of=LATER, book=BOOK)


def in_time(result: AuditResult) -> dict[str, int]:
    return {k: n for k, n in result.rules["shipping.in-time"].items() if n and k != "applies"}


def notes(result: AuditResult) -> str:
    return "\n".join(note.en for note in result.of_file)


def changed(content: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """Return a package with one part changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return out.getvalue()


texts = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufffe\uffff"),
    min_size=1, max_size=12,
).filter(lambda text: not text.startswith("=") and text.strip() == text and "_x" not in text)
values = st.one_of(
    texts, st.integers(-(10**14), 10**14), st.booleans(), st.none(),
    st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)).map(
        lambda d: d.replace(microsecond=0)
    ),
    st.floats(-(2.0**40), 2.0**40, width=32),
)


def as_ours(value: Any) -> Any:
    """Say what our reader makes of a cell that another reader has read."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return number_of(repr(value))
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time())
    if isinstance(value, datetime):  # others round to the microsecond, or not at all
        return (value + timedelta(microseconds=500)).replace(microsecond=0)
    return value


@given(rows=st.lists(st.lists(values, min_size=1, max_size=6), min_size=1, max_size=8))
def test_our_reader_reads_what_two_others_read(rows: list[list[Any]]) -> None:
    content = book(rows)
    read = {
        (row.line, column): cell for row in ours(content) for column, cell in row.cells.items()
    }
    other = openpyxl.load_workbook(io.BytesIO(content), data_only=True).active
    by_openpyxl = {
        (cell.row, cell.column - 1): as_ours(cell.value)
        for row in other.iter_rows() for cell in row if cell.value is not None
    }
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    by_calamine = {
        (line, column): as_ours(cell)
        for line, cells in enumerate(sheet.to_python(skip_empty_area=False), 1)
        for column, cell in enumerate(cells) if cell != ""
    }
    assert read == by_openpyxl
    assert read.keys() == by_calamine.keys()
    for where, cell in by_calamine.items():
        if not isinstance(cell, str) or isinstance(read[where], str | datetime):
            assert str(read[where]) == str(cell)


@given(
    rows=st.lists(st.lists(texts, min_size=3, max_size=3), min_size=6, max_size=6),
    top=st.integers(2, 6), left=st.integers(1, 3), height=st.integers(0, 3),
    width=st.integers(0, 2),
)
def test_merged_cells_have_the_value_of_their_first_in_every_row(
    tmp_path: Path, rows: list[list[str]], top: int, left: int, height: int, width: int
) -> None:
    bottom, right = min(top + height, 7), min(left + width, 3)

    def merge(made: Any) -> None:
        area = f"{get_column_letter(left)}{top}:{get_column_letter(right)}{bottom}"
        made.active.merge_cells(area)

    (tmp_path / "o.xlsx").write_bytes(book([["a", "b", "c"], *rows], merge))
    got = [row for row in raws(tmp_path / "o.xlsx", wanted("abc"), []) if isinstance(row, Raw)]
    for row in got:
        plain = list(rows[row.line - 2])
        inside = top <= row.line <= bottom
        for column in range(left, right + 1):
            if inside:
                first = column == left
                plain[column - 1] = rows[top - 2][left - 1] if first else ""
        assert list(row.cells) == plain
        assert row.joined == (left == 1 and top < row.line <= bottom)
    # a row that is covered altogether holds nothing of its own
    covered = {*range(top + 1, bottom + 1)} if (left, right) == (1, 3) else set()
    assert [row.line for row in got] == [n for n in range(2, 8) if n not in covered]


@given(number=st.integers(10**15, 10**19))
def test_a_long_number_is_taken_with_all_its_digits_or_not_at_all(number: int) -> None:
    whole = number_of(str(number))
    if str(number)[15:].strip("0"):
        assert whole == str(number)
        assert isinstance(whole, Digits)
    else:
        assert isinstance(whole, Wrong)
    assert isinstance(number_of(f"{float(number):.16E}"), Wrong)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("1.2345678E7", "12345678"), ("46082.0", "46082"), ("0", "0"), ("12", "12"),
        ("1.5", "1.5"), ("-3.0", "-3"), ("999999999999999", "999999999999999"), ("x", "x"),
        ("1E999", "1E999"), ("NaN", "NaN"),
    ],
)
def test_a_number_that_lost_nothing_is_written_as_an_id_is(text: str, right: str) -> None:
    assert number_of(text) == right


@pytest.mark.parametrize(
    ("number", "code", "right"),
    [
        (31, None, True), (58, None, True), (22, None, True), (47, None, True), (0, None, False),
        (49, None, False), (164, 'yyyy"年"m"月"d"日"', True), (164, "[$-804]yyyy-mm-dd", True),
        (164, "[h]:mm", True), (164, "h:mm AM/PM", True), (164, '0"天"', False),
        (164, r"\d0", False), (164, "General", False), (164, "[Red]0.00", False),
        (164, '#,##0.00"d"', False), (164, "0.00E+00", False), (164, "_d0", False),
        (14, "0", False),
    ],
)
def test_formats_of_dates_are_told_from_others(number: int, code: str | None, right: bool) -> None:
    assert is_date_format(number, code) is right


def test_the_first_visible_sheet_with_the_columns_counts_and_the_others_are_told(
    tmp_path: Path,
) -> None:
    def sheets(made: Any) -> None:
        made.active.title = "说明"
        for title, row, state in (
            ("旧", LATE, "hidden"), ("三月", GOOD, "visible"), ("四月", LATE, "visible"),
        ):
            sheet = made.create_sheet(title)
            sheet.append(["导出"])
            sheet.append(NAMES)
            sheet.append(row)
            sheet.sheet_state = state

    content = book([["请看下一页"]], sheets)
    result = run(tmp_path, content)
    assert in_time(result) == {"met": 1}
    assert "only the sheet 三月 was read; these have the columns too: 四月, 旧" in notes(result)
    assert in_time(run(tmp_path, content, MAP | {"sheet": "四月"})) == {"late": 1}
    assert in_time(run(tmp_path, content, MAP | {"sheet": "旧"})) == {"late": 1}
    with pytest.raises(EldermallError, match="there is no sheet 五月, but 说明, 旧, 三月, 四月"):
        run(tmp_path, content, MAP | {"sheet": "五月"})


def test_a_hidden_sheet_is_never_taken_unasked(tmp_path: Path) -> None:
    def hide(made: Any) -> None:
        made.create_sheet("A").append(["x"])
        made.worksheets[0].sheet_state = "veryHidden"

    with pytest.raises(EldermallError, match='the hidden sheet Sheet has them: sheet = "Sheet"'):
        run(tmp_path, book([NAMES, GOOD], hide))


def test_days_counted_from_1904_are_the_same_days(tmp_path: Path) -> None:
    def since_1904(made: Any) -> None:
        made.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904

    content = book([NAMES, GOOD, LATE], since_1904)
    assert in_time(run(tmp_path, content)) == {"met": 1, "late": 1}


def sheet(rows: str, *, prefix: str = "", space: str = SPACE, behind: str = "") -> bytes:
    """Write a workbook by hand, with a sheet of which ``rows`` are the rows."""
    p, x = (f"{prefix}:", f":{prefix}") if prefix else ("", "")
    head = "".join(
        f'<{p}c r="{letter}1" t="inlineStr"><{p}is><{p}t>{name}</{p}t></{p}is></{p}c>'
        for letter, name in zip("ABCD", NAMES, strict=True)
    )
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    parts = {
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="/xl/Workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<{p}workbook xmlns{x}="{space}" xmlns:r="{office}"><{p}sheets>'
        f'<{p}sheet name="S" sheetId="1" r:id="r1"/></{p}sheets></{p}workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<{p}worksheet xmlns{x}="{space}"><{p}sheetData>'
        f'<{p}row r="1">{head}</{p}row>{rows}</{p}sheetData>{behind}</{p}worksheet>',
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def inline(*cells: str, prefix: str = "") -> str:
    p = f"{prefix}:" if prefix else ""
    return f"<{p}row>" + "".join(
        f'<{p}c t="inlineStr"><{p}is><{p}t>{cell}</{p}t>'
        f"<{p}rPh><{p}t>ﾖﾐ</{p}t></{p}rPh></{p}is></{p}c>"
        for cell in cells
    ) + f"</{p}row>"


TIMES = ("2026-03-01 09:00:00", "2026-03-01 09:05:00", "2026-03-02 09:00:00")


@pytest.mark.parametrize("prefix", ["", "x"])
@pytest.mark.parametrize("space", [SPACE, "http://purl.oclc.org/ooxml/spreadsheetml/main"])
def test_prefixes_strict_files_missing_references_and_readings_change_nothing(
    tmp_path: Path, prefix: str, space: str
) -> None:
    content = sheet(inline("茶_x0041_", *TIMES, prefix=prefix), prefix=prefix, space=space)
    (tmp_path / "o.xlsx").write_bytes(content)
    assert [*raws(tmp_path / "o.xlsx", wanted(NAMES), [])] == [Raw(2, ["茶A", *TIMES])]


def test_a_formula_that_gives_an_empty_text_gives_an_empty_cell(tmp_path: Path) -> None:
    row = inline("E1", *TIMES[:2])[:-6] + '<c t="str"><f>IF(A1="","","")</f><v></v></c></row>'
    assert in_time(run(tmp_path, sheet(row))) == {"never": 1}
    row = inline("E1", *TIMES[:2])[:-6] + "<c><f>NOW()</f></c></row>"
    assert run(tmp_path, sheet(row)).unreadable == 1


def test_a_package_that_would_harm_is_refused(tmp_path: Path) -> None:
    good = sheet(inline("E1", *TIMES))
    part = "xl/worksheets/sheet1.xml"
    assert in_time(run(tmp_path, good)) == {"met": 1}
    for change, why in (
        (lambda xml: b'<!DOCTYPE worksheet [<!ENTITY a "b">]>' + xml, "its XML has a DOCTYPE"),
        (lambda xml: xml[:-40], "is damaged XML"),
        (lambda xml: xml.replace(b"<sheetData>", b'<sheetData a="' + b"x" * 3_000_000 + b'">'),
         "a piece of its XML is longer than"),
    ):
        with pytest.raises(EldermallError, match=why):
            run(tmp_path, changed(good, part, change))
    with pytest.raises(EldermallError, match="has more than 500000 merged cells"):
        run(tmp_path, sheet(inline("E1", *TIMES), behind=(
            "<mergeCells>" + '<mergeCell ref="A2:A3"/>' * 500_001 + "</mergeCells>")))


def test_an_endless_sheet_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eldermall.reports.sources.xlsx.MOST_UNPACKED", 2**20)
    with pytest.raises(EldermallError, match="holds more than 1 MiB when unpacked"):
        run(tmp_path, sheet(inline("E1", *TIMES) * 20_000))


@given(cut=st.integers(1, 2_000), at=st.integers(0, 2_000), byte=st.integers(0, 255))
def test_a_damaged_workbook_is_one_error_or_read(
    tmp_path: Path, cut: int, at: int, byte: int
) -> None:
    whole = (SHAPES / "merged.xlsx").read_bytes()
    broken = bytearray(whole)
    broken[at % len(broken)] = byte
    for content in (bytes(broken), whole[:-(cut % len(whole)) - 1]):
        (tmp_path / "o.xlsx").write_bytes(content)
        try:
            rows = [*raws(tmp_path / "o.xlsx", wanted(["订单号", "下单时间"]), [])]
        except EldermallError:
            continue
        assert all(isinstance(row, Raw | Unreadable) for row in rows)


# Other files that are called workbooks, and files that are none.


@pytest.mark.parametrize("name", ["o.xlsx", "o.xls", "o.csv", "o", "o.ods"])
def test_the_bytes_say_what_a_file_is_and_never_its_name(tmp_path: Path, name: str) -> None:
    for file in ("merged.xlsx", "html.xls", "unicode.xls", "title.csv"):
        result = run(tmp_path, (SHAPES / file).read_bytes(), name=name, columns={
            **MAP, "time_format": "iso",
        })
        assert in_time(result) in ({"met": 1, "late": 1}, {"met": 1})


def test_html_with_spans_and_numbers_is_read_as_it_looks(tmp_path: Path) -> None:
    def row(*cells: str) -> str:
        return "<tr>" + "".join(cells) + "</tr>"

    td = [f"<td>{name}</td>" for name in NAMES]
    page = (
        "<!DOCTYPE html><meta charset=utf-8><table><tr><td>menu</table><table>"
        + row('<td colspan="4">店铺&amp;订单</td>') + row("<th>x", *td)
        + row("<td>1", '<td rowspan="2">0012', *(f'<td rowspan=2>{t}' for t in TIMES))
        + row("<td>2") + row("<td>3", "<td>1234567890123456789", *(f"<td>{t}" for t in TIMES))
        + "</table>"
    )
    for encoding in ("utf-8", "gb18030", "utf-16"):
        said = page.replace("<meta charset=utf-8>", "") if encoding != "utf-8" else page
        (tmp_path / "o.xls").write_bytes(said.encode(encoding))
        got = [row for row in raws(tmp_path / "o.xls", wanted(NAMES), []) if isinstance(row, Raw)]
        assert [(row.line, row.cells[0], row.joined) for row in got] == [
            (3, "0012", False), (4, "0012", True), (5, "1234567890123456789", False),
        ]
        assert {tuple(row.cells[1:]) for row in got} == {TIMES}


def test_html_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EldermallError, match="a piece of its HTML is longer than"):
        run(tmp_path, b"<html><table><tr><td " + b"x" * 3_000_000)


def spreadsheet(rows: str, more: str = "") -> bytes:
    data = "".join(f'<Cell><Data ss:Type="String">{name}</Data></Cell>' for name in NAMES)
    space = "urn:schemas-microsoft-com:office:spreadsheet"
    return (
        f'<?xml version="1.0" encoding="GB2312"?><Workbook xmlns="{space}" xmlns:ss="{space}">'
        f'<Worksheet ss:Name="一"><Table><Row>{data}</Row>{rows}</Table>{more}</Worksheet>'
        "</Workbook>"
    ).encode("gb2312")


def test_spreadsheetml_is_read_with_its_merges_numbers_and_errors(tmp_path: Path) -> None:
    times = "".join(
        f'<Cell ss:MergeDown="1"><Data ss:Type="DateTime">{t.replace(" ", "T")}.000</Data></Cell>'
        for t in TIMES
    )
    number = '<Data ss:Type="Number">{}</Data>'
    rows = (
        f'<Row><Cell ss:MergeDown="1">{number.format(12)}</Cell>{times}</Row>'
        '<Row ss:Hidden="1"><Cell ss:Index="5"><Data ss:Type="String">honey</Data></Cell></Row>'
        f'<Row ss:Index="9"><Cell>{number.format("1.2E+18")}</Cell></Row>'
        '<Row><Cell ss:Formula="=A1"></Cell></Row>'
        f'<Row><Cell ss:Formula="=A1">{number.format(0)}</Cell></Row>'
        '<Row><Cell><Data ss:Type="Error">#REF!</Data></Cell></Row>'
    )
    result = run(tmp_path, spreadsheet(rows))
    assert (result.orders, in_time(result)) == (1, {"met": 1})
    assert [(row.line, row.wrong.en) for row in result.unreadable_rows] == [
        (9, "the number 1.2E+18 has more than 15 digits; the last were lost"),
        (10, "a formula without a stored value"), (11, "0 is no date"), (12, "the error #REF!"),
    ]
    hidden = "<WorksheetOptions><Visible>SheetHidden</Visible></WorksheetOptions>"
    with pytest.raises(EldermallError, match="the hidden sheet 一 has them"):
        run(tmp_path, spreadsheet(rows, hidden))
    with pytest.raises(EldermallError, match="its XML has a DOCTYPE"):
        run(tmp_path, spreadsheet(rows).replace(b"?><W", b'?><!DOCTYPE a [<!ENTITY b "c">]><W'))


def test_what_needs_the_extra_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(EldermallError, match=r"install eldermall\[audit\], or save it as \.xlsx"):
        run(tmp_path, b"\xd0\xcf\x11\xe0" + b"\0" * 600)
    assert in_time(run(tmp_path, book([NAMES, GOOD]))) == {"met": 1}


def ods(rows: Sequence[Sequence[Any]]) -> bytes:
    """Write an OpenDocument sheet by hand."""
    def cell(value: Any) -> str:
        if isinstance(value, datetime):
            return f'<table:table-cell office:value-type="date" office:date-value="{value:%FT%T}"/>'
        if isinstance(value, float):
            return f'<table:table-cell office:value-type="float" office:value="{value!r}"/>'
        said = f"<text:p>{value}</text:p>"
        return f'<table:table-cell office:value-type="string">{said}</table:table-cell>'

    urn = "urn:oasis:names:tc:opendocument:xmlns"
    body = "".join(
        "<table:table-row>" + "".join(map(cell, row)) + "</table:table-row>" for row in rows
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{urn}:office:1.0" '
            f'xmlns:table="{urn}:table:1.0" xmlns:text="{urn}:text:1.0"><office:body>'
            f'<office:spreadsheet><table:table table:name="一">{body}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
        archive.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="{urn}:manifest:1.0"/>')
    return out.getvalue()


def test_an_ods_is_read_and_what_it_hides_is_said(tmp_path: Path) -> None:
    rows = [["店铺"], NAMES, GOOD, (12.0, *LATE[1:]), (1.2345678901234568e18, *GOOD[1:])]
    result = run(tmp_path, ods(rows))
    assert (result.orders, in_time(result)) == (2, {"met": 1, "late": 1})
    assert [row.line for row in result.unreadable_rows] == [5]
    assert "hidden rows, cells with errors and formulas without a value can't be told" in notes(
        result
    )


def test_cells_of_calamine_of_every_type_are_taken_for_what_they_are() -> None:
    from eldermall.reports.sources.calamine import _cell
    from eldermall.reports.sources.numbers import NO_DATE

    cases: Mapping[Any, Any] = {
        True: "TRUE", 12.0: "12", "x": "x", GOOD[1]: GOOD[1],
        date(2026, 3, 1): datetime(2026, 3, 1), time(0): NO_DATE,
        timedelta(days=46082, hours=9): datetime(2026, 3, 1, 9),
    }
    for given_, right in cases.items():
        assert _cell(given_) == right


def test_what_is_no_workbook_is_refused_with_what_it_is(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a/orders.csv", "id\n")
    import gzip

    for content, why in (
        (out.getvalue(), "an archive and no workbook; unpack it first; in it are a/orders.csv"),
        (gzip.compress(out.getvalue()), "a workbook or an archive packed by gzip"),
        (b"PK\3\4" + b"x" * 50, "is a damaged zip"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "is no workbook to be read"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le") + b"\0" * 600,
         "it has a password; save it without one"),
        (book([["a", "b"]]), "name no column 订单号"),
    ):
        with pytest.raises(EldermallError, match=why):
            run(tmp_path, content)


def test_a_large_workbook_that_is_read_whole_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eldermall.reports.sources.workbooks._LARGEST", 1000)
    monkeypatch.setattr("eldermall.reports.sources.markup._LARGEST", 1000)
    for content in (ods([NAMES, GOOD]), b"\xd0\xcf\x11\xe0" + b"\0" * 1600, b"<html>" + b" " * 999):
        with pytest.raises(EldermallError, match=r"save it as \.xlsx"):
            run(tmp_path, content)


def test_rows_of_nothing_cost_nothing(tmp_path: Path) -> None:
    def far(made: Any) -> None:
        made.active.cell(row=200_000, column=16_384).number_format = "0.00"

    content = changed(
        book([NAMES, GOOD], far), "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(b'<dimension ref="', b'<dimension ref="A1:XFD1048576" x="'),
    )
    assert run(tmp_path, content).orders == 1

"""Taking over a file of records: what goes in, what doesn't, and that it may be done again."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from eldermall import Mall
from eldermall.cli import app
from eldermall.contracts.storage import OPEN_CLOCKS
from eldermall.reports.adopting import ADOPTING, BATCH, Adopted, adopt
from eldermall.reports.records import Failure
from tests import databases, lives, shop

EXAMPLES = shop.ROOT / "examples"
LINES = [{"id": "tea", "listing": "green-tea", "ordered": 2, "amount": 9900}]
ORDER: dict[str, Any] = {
    "goods": "accepted", "payment": "paid", "kind": "goods", "merchant": "tea-house",
    "customer": "grandma-li", "group_id": None, "channel": "app", "currency": "CNY", "freight": 0,
    "total": 9900, "cash_on_delivery": False, "lines": LINES, "received": 9900,
    "created_at": "2026-03-01T09:00:00+08:00", "paid_at": "2026-03-01T09:05:00+08:00",
}
ROOMS = {"listing": "listings", "order": "orders", "case": "cases", "complaint": "complaints"}
"""The rooms whose records can be taken over, an order before the cases about it."""


def opened(url: str = "memory:", time: shop.Time | None = None) -> Mall:
    mall = shop.open_mall(url, time or shop.Time())
    shop.staff(mall)
    return mall


def file_of(path: Path, rows: Iterable[Any]) -> Path:
    lines = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def taken(
    mall: Mall, path: Path, room: str = "orders", **more: Any
) -> tuple[Adopted, list[Failure]]:
    failed: list[Failure] = []
    return adopt(mall, room, path, by=shop.OPERATIONS, failed=failed.append, **more), failed


def open_clocks(mall: Mall, subject: str) -> set[tuple[Any, ...]]:
    return {
        (r.name, r.part, r.started, r.due, r.state, r.next, r.stage)
        for r in mall.clocks(*OPEN_CLOCKS)
        if r.subject == subject
    }


# Properties


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    lives.steps("order") | lives.steps("order", "case") | lives.steps("complaint")
    | lives.steps("listing"),
    st.booleans(),
)
def test_an_adopted_record_has_the_clocks_of_one_that_was_lived_here(
    tmp_path_factory: pytest.TempPathFactory, life: list[lives.Step], sweeps: bool
) -> None:
    time = shop.Time()
    folder = tmp_path_factory.mktemp("lives")
    with opened(time=time) as lived, opened(time=time) as other:
        lives.live(lived, time, life, sweeps=sweeps)
        dumps = {kind: dumped(lived, kind) for kind in ROOMS}
        for kind, rows in dumps.items():
            if rows:
                did, failed = taken(other, file_of(folder / kind, rows), ROOMS[kind])
                assert (did.adopted, failed) == (len(rows), [])
        lived.sweep()
        other.sweep()
        for kind, rows in dumps.items():
            for row in rows:
                subject = f"{kind}/{row['id']}"
                assert open_clocks(other, subject) == open_clocks(lived, subject)
            if rows:
                again, failed = taken(other, folder / kind, ROOMS[kind])
                assert (again.adopted, again.there, failed) == (0, len(rows), [])
        assert other.verify().passed


def dumped(mall: Mall, kind: str) -> list[dict[str, Any]]:
    """Return the records of a kind as a shop would hand them over."""
    with mall.read() as tx:
        records = [mall.book.kind(kind).record(row) for row in tx.find(kind)]
    return [json.loads(r.model_dump_json(exclude={"version", "pack"})) for r in records]


rows = st.sampled_from(["good", "bad", "wrong", "broken", "there"])


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.lists(rows, min_size=1, max_size=30))
def test_good_rows_go_in_and_each_bad_one_is_told_with_its_line(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str]
) -> None:
    written: list[Any] = []
    for number, kind in enumerate(kinds):
        row = {"id": f"A{number}", **ORDER}
        written.append(
            {
                "good": row,
                "bad": row | {"total": "much"},  # which the door refuses
                "wrong": row | {"payment": "refunded"},  # which can't stand there
                "broken": "{",
                "there": {"id": "placed", **ORDER},
            }[kind]
        )
    path = file_of(tmp_path_factory.mktemp("rows") / "rows.jsonl", written)
    with opened() as mall:
        shop.place(mall, "placed")
        dry, told = taken(mall, path, dry_run=True)
        entries = mall.verify().entries
        did, failed = taken(mall, path)
        assert [(f.line, f.why) for f in told] == [(f.line, f.why) for f in failed]
        assert (dry.adopted, dry.failed) == (did.adopted, did.failed)
        assert sorted(f.line for f in failed) == [
            number for number, kind in enumerate(kinds, 1) if kind != "good"
        ]
        assert did.adopted == kinds.count("good")
        assert entries == mall.verify().entries - kinds.count("good") - kinds.count(
            "wrong"
        ) - kinds.count("there")
        for number, kind in enumerate(kinds):
            if kind == "good":
                assert mall.orders.get(f"A{number}").goods == "accepted"


# Examples


def test_the_samples_in_jsonl_and_csv_say_the_same(tmp_path: Path) -> None:
    with opened() as mall:
        for name in ("adopt-orders.jsonl", "adopt-orders.csv"):
            did, failed = taken(mall, EXAMPLES / name)
            assert (did.adopted, did.failed, failed) == (4, 0, [])
        for number in range(1, 5):
            one, other = (mall.orders.get(f"T{n}00{number}") for n in (1, 2))
            assert one.model_copy(update={"id": other.id}) == other


def test_every_room_that_adopts_is_lived_here() -> None:
    assert set(ADOPTING) == set(ROOMS.values())


def test_a_completed_order_that_is_adopted_opens_its_callback() -> None:
    with opened() as mall:
        taken(mall, EXAMPLES / "adopt-orders.jsonl")
        assert mall.callbacks.get("T1003").state == "due"


def test_many_go_in_by_batches_and_one_bad_row_undoes_no_other(tmp_path: Path) -> None:
    many = 2 * BATCH + 10
    rows: list[Any] = [{"id": f"A{n}", **ORDER} for n in range(many)]
    rows[BATCH // 2]["goods"] = "shipped"
    with opened(databases.url_of("sqlite", tmp_path)) as mall:
        path = file_of(tmp_path / "rows.jsonl", rows)
        did, (failed,) = taken(mall, path)
        assert (did.adopted, did.failed) == (many - 1, 1)
        assert (failed.line, failed.id) == (BATCH // 2 + 1, f"A{BATCH // 2}")
        assert "goods is shipped" in failed.why.en
        rows[BATCH // 2]["goods"] = "accepted"
        again, _ = taken(mall, file_of(path, rows))
        assert (again.adopted, again.there) == (1, many - 1)


def test_what_could_only_be_refused_with_its_batch_is_tried_alone(tmp_path: Path) -> None:
    done = ORDER | {"goods": "completed", "completed_at": "2026-03-01T18:00:00+08:00"}
    done["lines"] = [LINES[0] | {"shipped": 2}]
    done["parcels"] = [
        {
            "id": "P", "courier": "SF", "tracking": "1", "lines": {"tea": 2},
            "shipped_at": "2026-03-01T10:00:00+08:00", "delivered_at": "2026-03-01T12:00:00+08:00",
        }
    ]
    with opened() as mall:
        shop.completed(mall, "A1")
        rows = [{"id": id, **done} for id in ("A0", "A1", "A2")]
        did, (failed,) = taken(mall, file_of(tmp_path / "rows.jsonl", rows))
        assert (did.adopted, failed.id) == (2, "A1")


def test_the_same_id_twice_in_one_file_is_there_already_or_refused(tmp_path: Path) -> None:
    rows = [{"id": "A1", **ORDER}, {"id": "A1", **ORDER}, {"id": "A1", **ORDER, "total": 1}]
    with opened() as mall:
        did, (failed,) = taken(mall, file_of(tmp_path / "rows.jsonl", rows))
        assert (did.adopted, did.there, failed.line) == (1, 1, 3)
        assert "order A1 exists already" in failed.why.en


def test_overdue_limits_and_unknown_moments_are_counted(tmp_path: Path) -> None:
    old = ORDER | {"paid_at": "2026-02-01T09:00:00+08:00"} | {
        "created_at": "2026-02-01T08:00:00+08:00"
    }
    without = {k: v for k, v in ORDER.items() if k not in ("created_at", "paid_at")}
    rows = [{"id": "A1", **old}, {"id": "A2", **without}]
    with opened() as mall:
        did, _ = taken(mall, file_of(tmp_path / "rows.jsonl", rows))
        assert did.overdue == 1
        assert did.unknown == {
            "accepted_at": 2, "handed_over_at": 2, "merchant_contacted_at": 2, "created_at": 1,
            "paid_at": 1,
        }


def as_csv(path: Path, rows: Iterable[Mapping[str, str]], encoding: str = "utf-8") -> Path:
    rows = list(rows)
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


COMPLAINT = {
    "id": "K1", "state": "received", "customer": "grandma-li", "channel": "app",
    "words": "茶叶到得太晚，\n还少了一包", "created_at": "2026-03-02T08:00:00+08:00", "lines": "",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_as_spreadsheets_write_it_is_read(tmp_path: Path, encoding: str) -> None:
    path = as_csv(tmp_path / "k.csv", [COMPLAINT], encoding)
    with opened() as mall:
        given = "gb18030" if encoding == "gb18030" else "utf-8"
        did, failed = taken(mall, path, "complaints", encoding=given)
        assert (did.adopted, failed) == (1, [])
        assert mall.complaints.get("K1").words == COMPLAINT["words"]


def test_cells_hold_flags_numbers_and_moments(tmp_path: Path) -> None:
    row = {"id": "A1"} | {
        name: "" if value is None else value if isinstance(value, str) else json.dumps(value)
        for name, value in ORDER.items()
    }
    row["cash_on_delivery"] = "FALSE"
    with opened() as mall:
        did, failed = taken(mall, as_csv(tmp_path / "o.csv", [row]))
        assert (did.adopted, failed) == (1, [])
        order = mall.orders.get("A1")
        assert (order.cash_on_delivery, order.group_id, order.total) == (False, None, 9900)


def test_a_row_of_another_width_and_a_cell_that_makes_no_sense_are_told(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "k.csv", [COMPLAINT, COMPLAINT | {"id": "K2", "lines": "tea"}])
    with path.open("a", encoding="utf-8") as file:
        file.write("K3,received\r\n")
    with opened() as mall:
        did, failed = taken(mall, path, "complaints")
    assert did.adopted == 1
    assert [(f.line, f.id) for f in failed] == [(4, "K2"), (6, "")]
    assert failed[0].why.en == "complaint.adopt.lines = 'tea' is invalid: must be a list"
    assert failed[1].why.en == "the row has 2 cells; it must have 7, as the header"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"id,colour\nA1,red\n", "column = 'colour' is invalid: is no field here; there are "),
        (b"goods\naccepted\n", "column id = None is invalid: is missing"),
        (b"id,id\nA1,A1\n", "column = 'id' is invalid: stands twice"),
        (b"", "is empty"),
        ("id,goods\nA1,已\n".encode("gb18030"), "line 2 is no text in utf-8; name it with"),
    ],
)
def test_a_file_that_is_none_is_bad_input(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "o.csv").write_bytes(content)
    with opened(databases.url_of("sqlite", tmp_path)):
        pass
    result = run(tmp_path, "orders", tmp_path / "o.csv", "--lang", "en")
    assert (result.exit_code, text in result.stderr) == (2, True), result.stderr


# The command


def run(folder: Path, kind: str, path: Path, *more: str) -> Result:
    url = f"sqlite:///{folder / 'mall.db'}"
    given = ["--database", url, "--policy", str(shop.POLICY), "--by", "olivia"]
    return CliRunner().invoke(app, ["adopt", kind, str(path), *given, *more])


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a mall that keeps a database."""
    with opened(databases.url_of("sqlite", tmp_path)):
        return tmp_path


def test_the_command_says_what_came_of_it_in_both_languages(here: Path) -> None:
    sample = EXAMPLES / "adopt-orders.jsonl"
    dry = run(here, "orders", sample, "--dry-run", "--lang", "zh")
    assert "试运行：没有写入任何内容\n已接管 4，原已在册 0，未接管 0\n" in dry.stdout
    done = run(here, "orders", sample, "--lang", "en")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "adopted 4, there already 0, failed 0\n" in done.stdout
    assert (
        "moments that nobody knows: accepted_at 1, handed_over_at 3, merchant_contacted_at 2"
        in done.stdout
    )
    again = run(here, "orders", sample, "--lang", "zh")
    assert (again.exit_code, "已接管 0，原已在册 4，未接管 0" in again.stdout) == (0, True)


def test_a_bad_row_is_told_with_its_line_and_the_exit_code_says_so(here: Path) -> None:
    path = file_of(here / "o.jsonl", [{"id": "A1", **ORDER}, {"id": "A2"}, "[]"])
    result = run(here, "orders", path, "--lang", "en")
    assert (result.exit_code, "adopted 1, there already 0, failed 2" in result.stdout) == (1, True)
    missing = (
        "payment", "kind", "merchant", "customer", "group_id", "channel", "currency", "freight",
        "total", "cash_on_delivery", "lines",
    )
    assert result.stderr.splitlines() == [
        *(f"✗ line 2 A2: order.adopt.{name} = None is invalid: is missing" for name in missing),
        "✗ line 3: each line must be a JSON object",
    ]
    zh = run(here, "orders", path, "--lang", "zh")
    assert "✗ 第 2 行 A2：order.adopt.payment 的值 None 无效：缺少此项" in zh.stderr


def test_the_json_holds_everything(here: Path) -> None:
    path = file_of(here / "o.jsonl", [{"id": "A1", **ORDER}, {"id": "A 2", **ORDER}])
    facts = json.loads(run(here, "orders", path, "--json").stdout)
    assert (facts["adopted"], facts["there"], facts["dry_run"]) == (1, 0, False)
    assert [(f["line"], f["id"]) for f in facts["failed"]] == [(2, "A 2")]
    assert facts["unknown"]["accepted_at"] == 1
    wrong = {"id": "A3", **ORDER} | {"total": 1, "received": 0}
    facts = json.loads(run(here, "orders", file_of(path, [wrong]), "--json").stdout)
    (failed,) = facts["failed"]
    assert failed["why"] == failed["faults"][0]["why"]
    assert [f["where"] for f in failed["faults"]] == ["order.adopt.total", "order.adopt.received"]


def test_who_may_not_take_over_and_what_is_no_kind_are_refused(here: Path) -> None:
    result = run(here, "callbacks", EXAMPLES / "adopt-orders.jsonl", "--lang", "en")
    assert result.exit_code == 2
    assert f"must be one of {', '.join(ADOPTING)}" in result.stderr
    assert run(here, "orders", here / "none.jsonl").exit_code == 2
    assert run(here, "orders", here / "none.jsonl", "--role", "merchant").exit_code == 2


# The page


def test_the_commands_of_the_page_run_in_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (shop.ROOT / "docs" / "takeover.md").read_text(encoding="utf-8")
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    relaxing, enforcing = (body for language, body in fences if language == "toml")
    monkeypatch.chdir(tmp_path)
    shutil.copy(EXAMPLES / "adopt-orders.jsonl", tmp_path)
    demo = shop.POLICY.read_text(encoding="utf-8")
    policy = tmp_path / "policy.toml"
    policy.write_text(f"{demo}\n{relaxing}", encoding="utf-8")
    said: dict[str, str] = {}
    for line in "".join(body for language, body in fences if not language).splitlines():
        name, *arguments = shlex.split(line)
        assert name == "eldermall"
        result = CliRunner().invoke(app, [*arguments, "--lang", "en"])
        assert result.exit_code == 0, (line, result.output)
        said[arguments[0]] = result.stdout
    assert "adopted 4, there already 0, failed 0" in said["adopt"]
    assert "observed only through 2030-12-31" in said["rules"]
    assert "field agent wang: 1 to do" in said["todo"]
    assert "so nothing can be said of: shipping.paid-first" in said["observe-report"]
    policy.write_text(f"{demo}\n{enforcing}", encoding="utf-8")
    again = ["observe-report", "sqlite:///mall.db", "--policy", "policy.toml", "--lang", "en"]
    assert CliRunner().invoke(app, again).exit_code == 0

"""A record's file with its proof, and the script with which a third party checks it."""

from __future__ import annotations

import json
import runpy
import shutil
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import closing, redirect_stdout
from copy import deepcopy
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from typer.testing import CliRunner, Result

from eldermall import Mall, SealedRoot, StorageError, Unknown
from eldermall.adapters.roots.file import RootsFile, read_roots
from eldermall.adapters.roots.signed import SignedRootsFile
from eldermall.cli import app
from eldermall.reports.evidence import export
from tests import shop
from tests.test_signed_roots import KEY, PRIVATE

SCRIPT = shop.ROOT / "docs" / "check_export.py"
SUBJECT = "complaint/C1"


def write(file: dict[str, Any], roots: bytes, folder: Path) -> None:
    (folder / "file.json").write_text(json.dumps(file, ensure_ascii=False), encoding="utf-8")
    (folder / "roots").write_bytes(roots)


def check(
    file: dict[str, Any], roots: bytes, folder: Path, *flags: str
) -> subprocess.CompletedProcess[str]:
    """Run the script as somebody does who has nothing but Python, unless ``flags`` say more."""
    write(file, roots, folder)
    return subprocess.run(
        [sys.executable, *(flags or ("-I", "-S")), SCRIPT, "file.json", "roots"],
        cwd=folder, capture_output=True, text=True, check=False,
    )


def passes_here(file: dict[str, Any], roots: bytes, folder: Path) -> bool:
    """Run the script in this process: one of its own for each of hundreds would take long."""
    write(file, roots, folder)
    words = [str(SCRIPT), str(folder / "file.json"), str(folder / "roots")]
    with (
        patch.object(sys, "argv", words), patch.object(sys, "excepthook", sys.excepthook),
        redirect_stdout(StringIO()), warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", ResourceWarning)  # the script leaves files to the end
        try:
            runpy.run_path(str(SCRIPT))
        except Exception:  # noqa: BLE001 - whatever it is, the script says that it refuses
            return False
    return True


def passes(file: dict[str, Any], roots: bytes, folder: Path) -> bool:
    done = check(file, roots, folder)
    assert done.stderr == ""
    said = done.stdout.splitlines()
    if done.returncode == 0:
        assert [line.split(" ")[0] for line in said] == [f"通过：{file['subject']}", "passed:"]
        return True
    assert done.returncode == 1
    assert said[0].startswith("不通过 · refused: ")
    return False


def live(mall: Mall) -> None:
    """Fill the journal: chains under three roots, personal values, and a tail."""
    shop.staff(mall)
    shop.place(mall)
    mall.complaints.receive("C1", customer=shop.CUSTOMER.id, words="来晚了", by=shop.CUSTOMER)
    mall.seal()
    shop.pay(mall)
    mall.complaints.record(
        "C1", subject="迟到", remedy="道歉", etiquette="2026-1", by=shop.SERVICE
    )
    shop.accept(mall)
    mall.seal()
    shop.ship(mall)
    mall.seal()
    mall.relay()
    mall.complaints.answer("C1", text="对不起", by=shop.SERVICE)
    shop.place(mall, "A2")


def of(mall: Mall, subject: str) -> dict[str, Any]:
    with mall.read() as tx:
        return export(tx, "main", subject)


def lines(roots: Path) -> list[bytes]:
    return roots.read_bytes().splitlines(keepends=True)


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    return tmp_path / "roots.jsonl"


@pytest.fixture
def mall(url: str, roots: Path) -> Iterator[Mall]:
    with shop.open_mall(url, plugins=[RootsFile(roots)]) as mall:
        live(mall)
        yield mall


# What stands in it, and what the script says


def test_the_file_of_every_record_passes(mall: Mall, roots: Path, tmp_path: Path) -> None:
    with mall.read() as tx:
        subjects = {row.subject for row in tx.entries()} - {"order/A2"}
    assert len(subjects) > 8
    for subject in subjects:
        assert passes(of(mall, subject), roots.read_bytes(), tmp_path), subject


def test_the_file_holds_what_is_kept_and_says_what_is_sealed(
    mall: Mall, roots: Path, tmp_path: Path
) -> None:
    file = of(mall, SUBJECT)
    assert [json.loads(body) for body in file["entries"]] == mall.journal("complaint", "C1")
    assert {(p["seq"], p["name"], json.loads(p["value"])) for p in file["personal"]} >= {
        (1, "words", "来晚了"), (3, "text", "对不起"),
    }
    assert (file["leaf"][1], file["unsealed"]) == (2, 1)
    assert [body.encode() for body in file["roots"]] == read_roots(roots)[1:]
    done = check(file, roots.read_bytes(), tmp_path)
    assert done.stdout == (
        "通过：complaint/C1 第 1 至 2 条，封存根 2；未封存 1 条\n"
        "passed: complaint/C1 1 to 2 under root 2; unsealed: 1\n"
    )


def test_the_covering_root_or_a_later_one_is_enough_and_an_earlier_one_is_not(
    mall: Mall, roots: Path, tmp_path: Path
) -> None:
    file = of(mall, SUBJECT)
    first, second, third = lines(roots)
    assert passes(file, second, tmp_path)
    assert passes(file, third, tmp_path)
    assert passes(file, third + second[:40], tmp_path)  # a crash left half a line
    assert not passes(file, first, tmp_path)
    assert not passes(file, b"", tmp_path)


def test_erased_values_are_left_out_and_the_rest_passes(
    mall: Mall, roots: Path, tmp_path: Path
) -> None:
    before = of(mall, SUBJECT)
    with mall.storage.write("main") as tx:
        assert tx.erase(SUBJECT) == len(before["personal"]) > 1
    file = of(mall, SUBJECT)
    assert file == before | {"personal": []}
    assert "来晚了" not in json.dumps(file, ensure_ascii=False)
    assert passes(file, roots.read_bytes(), tmp_path)


def test_of_what_is_not_sealed_yet_nothing_is_proven(
    mall: Mall, roots: Path, tmp_path: Path
) -> None:
    file = of(mall, "order/A2")
    assert (file["leaf"], file["roots"], file["unsealed"]) == (None, [], 1)
    assert not passes(file, roots.read_bytes(), tmp_path)
    mall.seal()
    assert not passes(of(mall, "order/A2"), roots.read_bytes(), tmp_path)
    mall.relay()
    assert passes(of(mall, "order/A2"), roots.read_bytes(), tmp_path)


def test_a_record_without_entries_has_no_file(mall: Mall) -> None:
    with pytest.raises(Unknown, match="the mall main has no entry of order/A7"):
        of(mall, "order/A7")


# What is altered


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the database and the roots of a mall that has lived, to be copied."""
    folder = tmp_path_factory.mktemp("lived")
    keeper = RootsFile(folder / "roots.jsonl")
    with shop.open_mall(f"sqlite:///{folder / 'mall.db'}", plugins=[keeper]) as mall:
        live(mall)
    return folder


@pytest.fixture
def one(lived: Path, tmp_path: Path, roots: Path) -> Iterator[Mall]:
    shutil.copytree(lived, tmp_path, dirs_exist_ok=True)
    with shop.open_mall(f"sqlite:///{tmp_path / 'mall.db'}", plugins=[RootsFile(roots)]) as mall:
        yield mall


def altered(value: Any) -> Any:
    """Return another value of the same type."""
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return value[:-1] + ("0" if value[-1:] != "0" else "1")
    return ["x"] if isinstance(value, list) else {"x": "x"}


def alterations(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield ``value`` with any one thing in it altered or left out, and where that was.

    A text that holds JSON is altered within, too.
    """
    if isinstance(value, str) and value.startswith("{"):
        for where, other in alterations(json.loads(value)):
            yield where, json.dumps(other, ensure_ascii=False, separators=(",", ":"))
    yield "", altered(value)
    if isinstance(value, dict | list):
        items = list(value.items() if isinstance(value, dict) else enumerate(value))
        for key, inner in items:
            without = deepcopy(value)
            del without[key]
            yield f"-{key}", without
            for where, other in alterations(inner):
                changed = deepcopy(value)
                changed[key] = other
                yield f".{key}{where}", changed


def test_whatever_is_altered_or_left_out_the_file_is_refused(
    one: Mall, roots: Path, tmp_path: Path
) -> None:
    file = of(one, SUBJECT)
    assert len(file["path"]) > 0
    for run in (passes, passes_here):
        assert run(file, roots.read_bytes(), tmp_path)
    last = len(file["roots"]) - 1
    tried = 0
    for where, other in alterations(file):
        if where.startswith(".personal-") or where == f".roots-{last}":
            continue  # values may be withheld, and the newest root isn't needed: see below
        assert not passes_here(other, roots.read_bytes(), tmp_path), where
        tried += 1
    assert tried > 150


def test_a_path_that_goes_on_is_refused(one: Mall, roots: Path, tmp_path: Path) -> None:
    file = of(one, SUBJECT)
    longer = file | {"path": [*file["path"], "00" * 32]}
    assert not passes(longer, roots.read_bytes(), tmp_path)


def test_values_may_be_withheld_and_roots_after_the_covering_one_left_out(
    one: Mall, roots: Path, tmp_path: Path
) -> None:
    file = of(one, SUBJECT)
    assert passes(file | {"personal": file["personal"][:1]}, roots.read_bytes(), tmp_path)
    assert passes(file | {"roots": file["roots"][:1]}, roots.read_bytes(), tmp_path)


def test_whatever_is_altered_in_the_roots_from_outside_the_file_is_refused(
    one: Mall, roots: Path, tmp_path: Path
) -> None:
    file = of(one, SUBJECT)
    second = json.loads(lines(roots)[1])
    for where, other in alterations(second):
        line = json.dumps(other, separators=(",", ":")).encode() + b"\n"
        assert not passes_here(file, line, tmp_path), where


def test_a_root_from_outside_that_differs_is_refused_even_beside_one_that_fits(
    one: Mall, roots: Path, tmp_path: Path
) -> None:
    first, second, third = lines(roots)
    changed = json.loads(third) | {"time": 1}
    other = json.dumps(changed, separators=(",", ":")).encode() + b"\n"
    assert not passes(of(one, SUBJECT), first + second + other, tmp_path)


def test_a_chain_that_is_computed_anew_does_not_fit_the_roots(
    one: Mall, roots: Path, tmp_path: Path
) -> None:
    file = of(one, SUBJECT)
    first = json.loads(file["entries"][0]) | {"at": 1}
    bodies, prev = [], ""
    for body in [json.dumps(first), *file["entries"][1:]]:
        text = json.dumps(
            json.loads(body) | {"prev": prev}, ensure_ascii=False, separators=(",", ":"),
            sort_keys=True,
        )
        bodies.append(text)
        prev = sha256(text.encode()).hexdigest()
    leaf = [SUBJECT, 2, sha256(bodies[1].encode()).hexdigest()]
    forged = file | {"entries": bodies, "leaf": leaf, "head": prev}
    done = check(forged, roots.read_bytes(), tmp_path)
    assert done.returncode == 1
    assert "the path doesn't lead to the root" in done.stdout


# Signed roots


@pytest.fixture
def signed(one: Mall, tmp_path: Path, roots: Path) -> Path:
    """The same roots, signed."""
    (tmp_path / "key.pem").write_text(PRIVATE)
    keeper = SignedRootsFile(tmp_path / "signed.jsonl", tmp_path / "key.pem")
    for body in read_roots(roots):
        keeper.eldermall_root(SealedRoot("main", 1, body))
    return keeper.path


def test_signatures_are_checked_where_there_is_a_library_for_it(
    one: Mall, signed: Path, tmp_path: Path
) -> None:
    with_library = check(of(one, SUBJECT), signed.read_bytes(), tmp_path, "-W", "error")
    assert with_library.returncode == 0, with_library.stderr
    assert with_library.stdout.startswith(f"签名已核对 · signed by {KEY}\n")
    without = check(of(one, SUBJECT), signed.read_bytes(), tmp_path, "-I", "-S")
    assert without.returncode == 0
    assert without.stdout.startswith(f"签名未核对 · not checked if by {KEY}\n")


@pytest.mark.parametrize("name", ["key", "root", "sig"])
def test_a_signed_root_that_is_altered_is_refused(
    one: Mall, signed: Path, tmp_path: Path, name: str
) -> None:
    line = json.loads(lines(signed)[1])
    for other in (line | {name: altered(line[name])}, {k: v for k, v in line.items() if k != name}):
        text = json.dumps(other).encode() + b"\n"
        assert check(of(one, SUBJECT), text, tmp_path, "-B").returncode == 1


# The script and the command


def test_the_script_is_short_and_checks_nothing_in_silence(one: Mall, tmp_path: Path) -> None:
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) <= 50
    done = check(of(one, SUBJECT), b"", tmp_path, "-O", "-S")
    assert (done.returncode, done.stdout) == (1, "")
    assert "python -O checks nothing" in done.stderr


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["export", *arguments])


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("zh", "已写入 C1.json：记录 3 条（未封存 1 条），个人信息 5 项\n"),
        ("en", "wrote C1.json: 3 entries (1 not sealed yet), 5 personal values\n"),
    ],
)
def test_the_command_writes_the_file_and_says_what_is_in_it(
    one: Mall, roots: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lang: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("sqlite:///mall.db", SUBJECT, "--out", "C1.json", "--lang", lang)
    assert (result.exit_code, result.stdout) == (0, words)
    file = json.loads(Path("C1.json").read_text(encoding="utf-8"))
    assert file == of(one, SUBJECT)
    assert passes(file, roots.read_bytes(), tmp_path)


@pytest.mark.parametrize(
    ("arguments", "zh", "en"),
    [
        (
            ("sqlite:///mall.db", "order/A7", "--out", "x.json"),
            "商城 main 中没有 order/A7 的记录", "the mall main has no entry of order/A7",
        ),
        (
            ("sqlite:///mall.db", "order/A1", "--out", "x.json", "--code", "other"),
            "商城 other 中没有 order/A1 的记录", "the mall other has no entry of order/A1",
        ),
        (
            ("sqlite:///mall.db", "order/A1", "--out", "none/x.json"),
            "无法写入 none/x.json：No such file or directory",
            "can't write none/x.json: No such file or directory",
        ),
        (
            ("sqlite:///none.db", "order/A1", "--out", "x.json"),
            "数据库文件 none.db 不存在", "there is no database file none.db",
        ),
    ],
    ids=lambda x: x[-1] if isinstance(x, tuple) else "",
)
def test_bad_input_is_a_clear_error(
    one: Mall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...],
    zh: str, en: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for lang, words in (("zh", f"错误：{zh}\n"), ("en", f"error: {en}\n")):
        result = run(*arguments, "--lang", lang)
        assert (result.exit_code, result.stderr, result.stdout) == (2, words, "")
    assert not Path("x.json").exists()
    assert not Path("none.db").exists()


CHANGES = [
    "UPDATE eldermall_leaves SET hash=x'00' WHERE subject='complaint/C1'",
    "UPDATE eldermall_leaves SET seq=3 WHERE subject='complaint/C1' AND seq=2",
    "DELETE FROM eldermall_leaves WHERE subject='order/A1'",
    "UPDATE eldermall_roots SET body='{}'",
    "UPDATE eldermall_roots SET body=CAST('{}' AS BLOB)",
    "DELETE FROM eldermall_roots",
    "UPDATE eldermall_entries SET body=x'ff' WHERE subject='complaint/C1'",
    "UPDATE eldermall_entries SET hash='text' WHERE subject='complaint/C1'",
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_journal_that_was_changed_is_not_exported(
    one: Mall, tmp_path: Path, change: str
) -> None:
    with closing(sqlite3.connect(tmp_path / "mall.db")) as raw:
        assert raw.execute(change).rowcount > 0
        raw.commit()
    with pytest.raises(StorageError, match="or their sealing were changed; run eldermall verify"):
        of(one, SUBJECT)

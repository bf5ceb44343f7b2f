"""A journal that is verified in parts: as one, in one process or several, tampered with or not."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from eldermall import Mall
from eldermall.cli import app
from eldermall.contracts.storage import EntryRow, Leaf
from eldermall.engine.canonical import canonical
from eldermall.engine.journal import Entry, chain, leaf_bytes
from eldermall.engine.verification import Verification, parts, verify_part, verify_roots
from tests import databases, shop


def live(mall: Mall) -> None:
    """Fill the journal with chains of several lengths, under three roots, and a tail."""
    shop.staff(mall)
    for number in range(4):
        shop.place(mall, f"A{number}")
        shop.pay(mall, f"A{number}")
    mall.seal()
    shop.accept(mall, "A0")
    shop.accept(mall, "A2")
    mall.seal()
    shop.ship(mall, "A2")
    mall.seal()
    shop.accept(mall, "A1")
    for id in ("A9", "A10"):
        shop.place(mall, id)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mall]:
    file = tmp_path_factory.mktemp("parts") / "mall.db"
    with shop.open_mall(f"sqlite:///{file}") as mall:
        live(mall)
        yield mall


def file_of(mall: Mall) -> Path:
    return Path(mall.storage.engine.url.database)  # type: ignore[attr-defined]


def verified(mall: Mall, entries: int | None = None) -> Verification:
    """Verify in parts of so many entries, or in one."""
    with mall.read() as tx:
        found = verify_roots(tx, "main")
        for part in [("", None)] if entries is None else list(parts(tx, entries)):
            found += verify_part(tx, "main", *part)
    return found


def facts(found: Verification) -> tuple[object, ...]:
    """Return what was found, in whatever order."""
    counts = found.entries, found.subjects, found.sealed, found.roots, found.anchored
    return *counts, Counter(found.findings)


def test_parts_of_any_size_come_to_the_same(kept: Mall) -> None:
    whole = verified(kept)
    assert whole.passed
    assert whole.subjects > 10
    for entries in range(whole.entries + 2):
        assert facts(verified(kept, entries)) == facts(whole)
    with kept.read() as tx:
        assert len(list(parts(tx, 0))) == whole.subjects + 1
        assert list(parts(tx, whole.entries)) == [("", None)]


SUBJECT = st.sampled_from(["order/A0", "order/A1", "order/A2", "order/A9", "order/A11", "zzz", "a"])
SEQ = st.integers(1, 6)
NUMBER = st.integers(1, 4)
BYTES = st.sampled_from([b"", b"x", b"x" * 32, b"{}", b"null"])
CHANGES = st.one_of(
    st.tuples(st.just("DELETE FROM eldermall_entries WHERE subject=? AND seq=?"), SUBJECT, SEQ),
    st.tuples(st.just("DELETE FROM eldermall_entries WHERE subject=?"), SUBJECT),
    st.tuples(
        st.just("UPDATE OR IGNORE eldermall_entries SET body=? WHERE subject=? AND seq=?"),
        BYTES, SUBJECT, SEQ,
    ),
    st.tuples(
        st.just("UPDATE OR IGNORE eldermall_entries SET hash=? WHERE subject=? AND seq=?"),
        BYTES, SUBJECT, SEQ,
    ),
    st.tuples(
        st.just("UPDATE OR IGNORE eldermall_entries SET subject=? WHERE subject=? AND seq=?"),
        SUBJECT, SUBJECT, SEQ,
    ),
    st.tuples(
        st.just("UPDATE OR IGNORE eldermall_entries SET seq=? WHERE subject=? AND seq=?"),
        SEQ, SUBJECT, SEQ,
    ),
    st.tuples(
        st.just("INSERT OR IGNORE INTO eldermall_unsealed VALUES ('main',?,?,?)"),
        SUBJECT, SEQ, BYTES,
    ),
    st.tuples(st.just("DELETE FROM eldermall_unsealed WHERE subject=?"), SUBJECT),
    st.tuples(
        st.just("INSERT OR IGNORE INTO eldermall_leaves VALUES ('main',?,?,?,?)"),
        NUMBER, SUBJECT, SEQ, BYTES,
    ),
    st.tuples(st.just("DELETE FROM eldermall_leaves WHERE number=?"), NUMBER),
    st.tuples(st.just("UPDATE OR IGNORE eldermall_leaves SET number=9 WHERE subject=?"), SUBJECT),
    st.tuples(st.just("UPDATE OR IGNORE eldermall_leaves SET seq=? WHERE subject=?"), SEQ, SUBJECT),
    st.tuples(st.just("DELETE FROM eldermall_roots WHERE number=?"), NUMBER),
    st.tuples(st.just("UPDATE eldermall_roots SET body=? WHERE number=?"), BYTES, NUMBER),
    st.tuples(st.just("UPDATE eldermall_entries SET hash='text' WHERE subject=?"), SUBJECT),
    st.tuples(st.just("UPDATE eldermall_leaves SET seq='text' WHERE subject=?"), SUBJECT),
    st.tuples(st.just("UPDATE eldermall_unsealed SET hash=7 WHERE subject=?"), SUBJECT),
    st.tuples(st.just("UPDATE eldermall_entries SET subject=x'00' WHERE subject=?"), SUBJECT),
)


@given(changes=st.lists(CHANGES, min_size=1, max_size=6), sizes=st.sets(st.integers(0, 40)))
@settings(max_examples=150)
def test_parts_of_any_size_find_the_same_in_a_journal_that_was_changed(
    kept: Mall, changes: list[tuple[Any, ...]], sizes: set[int]
) -> None:
    with closing(sqlite3.connect(file_of(kept))) as raw, closing(sqlite3.connect("")) as was:
        raw.backup(was)
        raw.execute("PRAGMA synchronous=OFF")
        for statement, *values in changes:
            raw.execute(statement, values)
        raw.commit()
        try:
            found = verified(kept)
            for entries in sizes:
                assert facts(verified(kept, entries)) == facts(found)
        finally:
            was.backup(raw)


# What lies between parts and roots


def changed(mall: Mall, *statements: tuple[Any, ...]) -> list[str]:
    """Change the database of a live mall; return the codes of what verify finds."""
    with closing(sqlite3.connect(file_of(mall))) as raw:
        for statement, *values in statements:
            assert raw.execute(statement, values).rowcount > 0
        raw.commit()
    return [finding.code for finding in mall.verify().findings]


@pytest.fixture
def mall(tmp_path: Path) -> Iterator[Mall]:
    with shop.open_mall(databases.url_of("sqlite", tmp_path)) as mall:
        live(mall)
        yield mall


@pytest.mark.parametrize("number", [99, 0, -1, 2.5, "two"])
def test_an_entry_under_a_root_that_is_not_there_is_found(mall: Mall, number: object) -> None:
    with mall.read() as tx:
        _, head = tx.load("order", "A2")
    row, _, _ = chain("main", Entry("order/A2", 1, {"what": "forged"}), head, 1)
    assert changed(
        mall,
        ("INSERT INTO eldermall_entries VALUES ('main',?,?,?,?)",
         row.subject, row.seq, row.hash, row.body),
        ("INSERT INTO eldermall_leaves VALUES ('main',?,?,?,?)",
         number, row.subject, row.seq, row.hash),
    ) == ["type" if isinstance(number, float | str) else "leaf", "seal"]


@pytest.mark.parametrize(
    ("statement", "codes"),
    [
        ("UPDATE eldermall_leaves SET subject=x'00' WHERE subject='order/A3'",
         ["type", "root", "type", "seal", "seal"]),
        ("UPDATE eldermall_unsealed SET subject=x'00' WHERE subject='order/A9'", ["type", "seal"]),
        ("UPDATE eldermall_entries SET subject=x'00' WHERE subject='order/A9'",
         ["chain-removed", "type"]),
        ("UPDATE eldermall_roots SET number='x' WHERE number=3", ["type"]),
    ],
)
def test_values_of_a_wrong_type_are_findings_and_no_crash(
    mall: Mall, statement: str, codes: list[str]
) -> None:
    assert set(codes) <= set(changed(mall, (statement,)))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE eldermall_unsealed SET hash=x'' WHERE subject='order/A9'",
        "INSERT INTO eldermall_unsealed VALUES ('main', 'order/A2', 1, x'')",
    ],
)
def test_an_unsealed_note_with_an_empty_hash_is_found(mall: Mall, statement: str) -> None:
    assert changed(mall, (statement,)) == ["seal"]


@given(st.text(max_size=20), st.integers(1, 2**53 - 1), st.binary(max_size=40))
def test_a_leaf_is_the_canonical_json_that_the_documents_say(
    subject: str, seq: int, digest: bytes
) -> None:
    assert leaf_bytes(Leaf(subject, seq, digest)) == canonical([subject, seq, digest.hex()])


# Several processes


@pytest.fixture(params=databases.NAMES)
def somewhere(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with a journal in it."""
    url = databases.url_of(request.param, tmp_path)
    with shop.open_mall(url) as mall:
        live(mall)
    return url


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["verify", url, *arguments])


def test_several_processes_find_what_one_finds(somewhere: str) -> None:
    one = run(somewhere, "--json")
    assert one.exit_code == 0
    for jobs in ("2", "0"):
        several = run(somewhere, "--json", "--jobs", jobs)
        assert (several.exit_code, several.stdout) == (0, one.stdout)
    with shop.open_mall(somewhere) as mall, mall.storage.write("main") as tx:
        tx.append([EntryRow("order/A9", 7, b"x" * 32, b"{}"), EntryRow("a", 1, b"", b"")])
    one = run(somewhere, "--json")
    assert one.exit_code == 1
    several = run(somewhere, "--json", "--jobs", "2")
    assert (several.exit_code, several.stdout) == (1, one.stdout)
    assert len(json.loads(one.stdout)["findings"]) == 2


def test_a_part_that_cannot_be_read_is_one_clear_error(mall: Mall) -> None:
    with closing(sqlite3.connect(file_of(mall))) as raw:
        raw.execute("UPDATE eldermall_unsealed SET subject=CAST(x'6fff' AS TEXT)"
                    " WHERE subject='order/A9'")
        raw.commit()
    url = f"sqlite:///{file_of(mall)}"
    for jobs in ("1", "2"):
        result = run(url, "--lang", "en", "--jobs", jobs)
        assert result.exit_code == 2
        assert result.stderr.startswith(f"error: the database {file_of(mall)} can't be used: Could")
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("zh", "错误：核验进程意外终止（可能内存不足或被终止），请减少 --jobs 后重试\n"),
        ("en", "error: a process that checked has ended unexpectedly (killed, or out of memory); "
               "try again with fewer --jobs\n"),
    ],
)
def test_a_process_that_dies_is_one_clear_error(
    mall: Mall, tmp_path: Path, lang: str, words: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif '--multiprocessing-fork' in sys.orig_argv: os._exit(9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", "from eldermall.cli import main; main()", "verify", f"sqlite:///{file_of(mall)}",
         "--jobs", "2", "--lang", lang],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True, text=True, check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", words)


def test_a_negative_number_of_processes_is_bad_input(mall: Mall) -> None:
    assert run(f"sqlite:///{file_of(mall)}", "--jobs", "-1").exit_code == 2

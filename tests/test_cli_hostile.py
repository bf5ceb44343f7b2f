"""No input file, option or environment steers the terminal or ends a command badly.

That is: no traceback, no control character that isn't escaped, no exit code but 0, 1 and 2; with 2
one line on stderr says why (items of a list follow it, indented), and nothing stands on stdout.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.main import get_command
from typer.testing import CliRunner, Result

from eldermall.cli import app
from tests import shop
from tests.test_cli_output import STEERING, controls

DATABASE = "sqlite:///mall.db"
POLICY = ["--policy", "policy.toml"]
CALLS: dict[str, list[str]] = {
    "audit": ["orders.csv", "--columns", "map.toml"],
    "machines": [],
    "rules": [*POLICY],
    "plugins": [],
    "verify": [DATABASE, "--root", "roots.jsonl"],
    "export": [DATABASE, "order/A1", "--out", os.devnull],
    "adopt": ["orders", "rows.jsonl", "--database", DATABASE, *POLICY, "--by", "lin"],
    "observe-report": [DATABASE, *POLICY],
    "todo": [DATABASE, *POLICY, "--role", "operations"],
    "appoint": [DATABASE, "review", "chen", *POLICY, "--by", "lin"],
    "sweep": [DATABASE, *POLICY],
    "work": [DATABASE, *POLICY, "--once", "--trust-clock"],
    "init": [os.devnull],
    "db check": [DATABASE],
    "db current": [DATABASE],
    "db upgrade": [DATABASE],
}
"""A call that works, by command. The demo isn't here: it takes long, and reads nothing."""

WORDS = [
    "", " ", "-", "--", "\x1b[2J", "a\nerror: b", "\udcff", "é" * 300, "x" * 70_000, "9" * 5000,
    "9" * 4000 + "s", "999999d", "²s", "0x10", "1e999", "-1", "0", "99999999999999999999",
    "'; DROP TABLE x; --", "%s%(x)s{0}{a}", "a b", "a:b:c", "pack:", "pack:\x1b", ".", "..",
    "/dev/full", "sqlite://", "sqlite:///", "sqlite:///.", "sqlite:///\udcff", "json", "json:\x1b",
    "\x1b.py", "nothing.py", "9999-12-31T23:59+00:00", "0001-01-01T00:00+14:00",
    "2255-12-31T00:00+00:00", "1970-01-01T00:00-12:00", "2026-03-02T09:00+23:59", "24:00", "=",
    "shipping.limit=9999d", "shipping.limit=\x1b", "idna", "punycode", "undefined", "hex",
    "unicode_escape", "utf-16", "utf-7", "zh", "order/\x1b", "order/",
]


def run(*arguments: str, **env: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"LANG": "en"} | env)


def check(done: Result, what: object) -> None:
    """Check that a command ended as is documented, whatever it was given."""
    with shop.telling(what):
        assert done.exit_code in (0, 1, 2), done.stderr[-3000:]
        assert "Traceback" not in done.output
        assert not controls(done.output)
        if done.exit_code == 2:
            first, *others = done.stderr.splitlines()
            assert first.startswith(("error: ", "错误："))
            assert all(line.startswith("  ") for line in others)
            assert done.stdout == ""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A mall and whatever its commands read; the tests of this module work on it."""
    folder = tmp_path_factory.mktemp("kept")
    before = Path.cwd()
    os.chdir(folder)
    with shop.open_mall(DATABASE) as mall:
        shop.staff(mall)
        for id in ("A1", "A2"):
            shop.place(mall, id)
            shop.accept(mall, id)
            shop.pay(mall, id)
        shop.ship(mall, "A1")
    shutil.copy(shop.POLICY, "policy.toml")
    for name, content in FILES.items():
        Path(name).write_bytes(content)
    key = subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519"], check=True, capture_output=True
    ).stdout
    Path("key.pem").write_bytes(
        subprocess.run(
            ["openssl", "pkey", "-pubout"], check=True, capture_output=True, input=key
        ).stdout
    )
    assert run("work", *CALLS["work"], "--root", "roots.jsonl").exit_code == 0
    for command, call in CALLS.items():
        done = run(*command.split(), *call)
        assert done.exit_code in (0, 1), (command, done.output)
    yield folder
    os.chdir(before)


FILES = {
    "orders.csv": b"id,placed,paid\nA1,2026-03-02 09:00,2026-03-02 10:00\nA2,2026-03-03 09:00,\n",
    "map.toml": b'zone = "Asia/Shanghai"\ntime_format = "%Y-%m-%d %H:%M"\n[columns]\nid = "id"\n'
    b'placed = "placed"\npaid = "paid"\n',
    "rows.jsonl": b'{"id": "B1", "customer": "li", "total": 100, "lines": [{"id": "tea", "listing":'
    b' "tea", "quantity": 1, "amount": 100}], "created_at": "2026-03-02T09:00:00+08:00", "states":'
    b' {"goods": "submitted", "payment": "unpaid"}}\n',
}
READ = {
    "policy.toml": [
        "rules", "observe-report", "todo", "appoint", "sweep", "work", "adopt",
    ],
    "orders.csv": ["audit", "audit --guess"],
    "map.toml": ["audit"],
    "rows.jsonl": ["adopt"],
    "roots.jsonl": ["verify"],
    "key.pem": ["verify --key key.pem"],
}
"""The commands that read each file."""


# Options


def parameters() -> list[tuple[str, str]]:
    """Return each parameter of each command: the option's name, or the argument's place."""
    found = []
    group: Any = get_command(app)
    commands = {name: command for name, command in group.commands.items() if name != "db"}
    commands |= {f"db {name}": one for name, one in group.commands["db"].commands.items()}
    for name, command in commands.items():
        place = 0
        for parameter in command.params:
            if parameter.param_type_name == "option":
                found.append((name, parameter.opts[0]))
            else:
                found.append((name, str(place)))
                place += 1
    return found


def test_each_command_has_a_call() -> None:
    assert {command for command, _ in parameters()} == CALLS.keys() | {"demo"}


WRITES = ("--out", "--findings", "--root", "--roots")
GIVEN = [
    (command, name) for command, name in parameters()
    if command not in ("demo", "init") and name not in ("--help", "--jobs")
    and (command, name) not in {(c, w) for w in WRITES for c in CALLS if c != "verify"}
]

odd = st.sampled_from(WORDS) | st.text(st.sampled_from("a1.:-_ =" + STEERING), max_size=20)


@settings(
    max_examples=shop.times(400), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(which=st.sampled_from(GIVEN), word=odd)
def test_no_value_of_an_option_ends_a_command_badly(
    kept: Path, which: tuple[str, str], word: str
) -> None:
    command, name = which
    call = list(CALLS[command])
    if name.startswith("-"):
        call += [name, word]
    else:
        place = int(name)
        call[place:place + 1] = [word]
    check(run(*command.split(), *call), (command, name, word[:80]))


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("work", ["--every", "²s"]),
        ("work", ["--every", "9" * 4000 + "s"]),
        ("work", ["--policy", "/dev/zero"]),
        ("verify", ["--jobs", "99999999999999999999"]),
        ("verify", ["--root", "."]),
        ("export", ["--out", "mall.db", "--force"]),
        ("sweep", ["--at", "0001-01-01T00:00+14:00"]),
        ("db check", ["--prefix", "x" * 70_000]),
    ],
)
def test_a_wrong_value_is_told_in_one_line(kept: Path, command: str, more: list[str]) -> None:
    done = run(*command.split(), *CALLS[command], *more)
    check(done, more)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


def test_a_subject_that_is_no_text_is_told(kept: Path) -> None:
    done = run("export", DATABASE, "\udcff", "--out", os.devnull)
    check(done, "export")
    assert done.exit_code == 2


@pytest.mark.parametrize("command", ["verify", "verify --json", "todo", "rules"])
def test_a_full_disk_is_no_finding(kept: Path, command: str) -> None:
    name, *more = command.split()
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "eldermall", name, *CALLS[name], *more], stdout=full,
            stderr=subprocess.PIPE, text=True, check=False, env={**os.environ, "LANG": "en"},
        )
    assert (done.returncode, done.stderr) == (
        2, "error: can't read or write: No space left on device\n"
    )


# Files

TOKENS = [
    b"", b"\x00", b"\xff", b"\x1b[2J", b"\xc2\x9b", b"\xef\xbb\xbf", b'"', b"'", b"\n", b"\r", b",",
    b"{", b"}", b"[" * 3000, b"[" * 400 + b"]" * 400, b"9" * 5000, b"0x" + b"f" * 5000, b"1e999999",
    b"-1", b"true", b"null", b"{}", b"[]", b"NaN", b"9999-12-31", b"0001-01-01", b"\\u0000",
    b"\\u001b[2J", b"\\ud800", b"a" * 70_000, b'{"root": 1}',
    b'{"mall": 1, "number": [], "tree": 0}',
    b"\x1f\x8b", b"PK\x03\x04", b"=", b"%Y", b"%z%z%z", b"2026-02-30", b"..", b"/",
]


@st.composite
def edits(draw: st.DrawFn) -> list[tuple[float, float, bytes]]:
    """Draw what replaces which part of a file."""
    part = st.floats(0, 1)
    return draw(st.lists(st.tuples(part, part, st.sampled_from(TOKENS)), min_size=1, max_size=3))


def edited(content: bytes, edits: Sequence[tuple[float, float, bytes]]) -> bytes:
    for start, share, token in edits:
        at = int(start * len(content))
        content = content[:at] + token + content[at + int(share**4 * (len(content) - at)):]
    return content


@settings(
    max_examples=shop.times(400), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.sampled_from(sorted(READ)), edits=edits(), data=st.data())
def test_no_file_ends_a_command_badly(
    kept: Path, name: str, edits: list[tuple[float, float, bytes]], data: st.DataObject
) -> None:
    content = Path(name).read_bytes()
    command, *more = data.draw(st.sampled_from(READ[name])).split()
    Path("odd").write_bytes(edited(content, edits))
    call = [word.replace(name, "odd") for word in [*CALLS[command], *more]]
    check(run(command, *call), (call, edits))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *product(READ, ["nothing", "a folder", "an empty file", "itself"]),
        *product(["policy.toml", "map.toml"], ["endless"]),  # others are read as they come
    ],
)
def test_a_file_that_is_none_is_told(kept: Path, name: str, kind: str, tmp_path: Path) -> None:
    odd = tmp_path / "odd"
    if kind == "a folder":
        odd.mkdir()
    elif kind == "an empty file":
        odd.touch()
    elif kind == "endless":
        odd.symlink_to("/dev/zero")
    elif kind == "itself":
        odd.symlink_to(odd)
    for command in READ[name]:
        first, *more = command.split()
        call = [word.replace(name, str(odd)) for word in [*CALLS[first], *more]]
        done = run(first, *call)
        check(done, call)
        assert done.exit_code == 2


# The database


DATABASES = ["verify", "export", "adopt", "observe-report", "todo", "appoint", "sweep", "work",
             "db check", "db current", "db upgrade"]


@settings(
    max_examples=shop.times(200), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(command=st.sampled_from(DATABASES), seed=st.integers(0, 2**32), flips=st.integers(1, 200))
def test_no_damaged_database_ends_a_command_badly(
    kept: Path, command: str, seed: int, flips: int
) -> None:
    chance = random.Random(seed)
    content = bytearray(whole(kept))
    for _ in range(flips):
        content[chance.randrange(len(content))] = chance.randrange(256)
    fresh("odd.db").write_bytes(content)
    call = [word.replace("mall.db", "odd.db") for word in CALLS[command]]
    check(run(*command.split(), *call), (command, seed, flips))


CELLS: dict[str, list[Any]] = {
    "BLOB": [b"", b"\xff", b"{}", b"[" * 3000, b'{"v": 1}', b"\x1b[2J", b"9" * 5000],
    "TEXT": ["", "\x1b[2J", "a/b", "x" * 5000, "[]"],
    "INTEGER": [-1, 0, 2**63 - 1],
}
"""What somebody who writes the database may leave in a column of a type."""


@settings(
    max_examples=shop.times(300), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(command=st.sampled_from(DATABASES), data=st.data())
def test_no_changed_value_in_the_database_ends_a_command_badly(
    kept: Path, command: str, data: st.DataObject
) -> None:
    fresh("odd.db").write_bytes(whole(kept))
    with closing(sqlite3.connect("odd.db")) as file:
        table, column, kind = data.draw(st.sampled_from(columns(file)))
        value = data.draw(st.sampled_from(CELLS[kind]))
        with contextlib.suppress(sqlite3.IntegrityError):
            file.execute(f'UPDATE "{table}" SET "{column}" = ?', (value,))
        file.commit()
    call = [word.replace("mall.db", "odd.db") for word in CALLS[command]]
    check(run(*command.split(), *call), (command, table, column, value))


def columns(file: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """Return the columns of the tables that hold a row, but those of clocks.

    Their numbers are what the engine counts with; `verify` names the entry that says otherwise.
    """
    types = {"BLOB": "BLOB", "BIGINT": "INTEGER", "INTEGER": "INTEGER", "BOOLEAN": "INTEGER"}
    return [
        (table, column, types.get(kind, "TEXT"))
        for (table,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not table.endswith("_clocks")
        and file.execute(f'SELECT EXISTS (SELECT 1 FROM "{table}")').fetchone()[0]
        for _, column, kind, *_ in file.execute(f'PRAGMA table_info("{table}")')
    ]


def whole(folder: Path) -> bytes:
    """Return the mall's database as one file."""
    if not Path("whole.db").exists():
        with closing(sqlite3.connect("mall.db")) as file:
            file.execute("VACUUM INTO 'whole.db'")
    return Path("whole.db").read_bytes()


def fresh(name: str) -> Path:
    for end in ("", "-wal", "-shm", "-journal"):
        Path(name + end).unlink(missing_ok=True)
    return Path(name)


# The environment


NAMES = ["LANG", "LC_ALL", "LC_MESSAGES", "TZ", "ELDERMALL_PLUGINS", "COLUMNS", "LINES", "TERM",
         "TERMINAL_WIDTH", "NO_COLOR", "FORCE_COLOR", "HOME", "TMPDIR", "PAGER"]


@settings(
    max_examples=shop.times(200), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    command=st.sampled_from(sorted(CALLS)), name=st.sampled_from(NAMES),
    word=odd.filter(lambda text: "\x00" not in text),
)
def test_no_environment_ends_a_command_badly(
    kept: Path, command: str, name: str, word: str
) -> None:
    check(run(*command.split(), *CALLS[command], **{name: word}), (command, name, word[:80]))


@settings(
    max_examples=shop.times(50), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(word=odd.filter(lambda text: "\x00" not in text))
def test_no_trace_of_hooks_steers_the_terminal(kept: Path, word: str) -> None:
    done = run("db", "check", f"x{word}", ELDERMALL_TRACE="1")
    assert done.exit_code == 2
    assert "eldermall_storage(url=" in done.stderr
    assert not controls(done.output)


@pytest.mark.parametrize("command", ["demo", "plugins --plugin json", "machines"])
def test_a_folder_that_is_gone_or_can_hold_nothing_is_told(command: str, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = (
        f"import os, tempfile; os.chdir({str(gone)!r}); os.rmdir({str(gone)!r})\n"
        "tempfile._candidate_tempdir_list = lambda: ['/nowhere']\n"
        "from eldermall.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command.split()], capture_output=True, text=True, check=False,
        env={**os.environ, "LANG": "en"},
    )
    assert done.returncode in (0, 1, 2), done.stderr
    assert "Traceback" not in done.stderr

"""The conformance kit passes on every storage of ours, and catches every fault, by name."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from itertools import count, groupby
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from eldermall.adapters.storage.memory import MemoryStorage
from eldermall.adapters.storage.sql.storage import SqlStorage
from eldermall.contracts.storage import Storage
from eldermall.errors import EldermallError
from eldermall.testing.case import KIT, cases_of
from eldermall.testing.storage import Backend, StorageConformance
from eldermall.testing.storage.joining import JoinCases
from eldermall.testing.storage.rows import KINDS
from tests import databases
from tests.broken_storages import FAULTS, FIELDS, Wrapping

pytest_plugins = ("pytester",)

HAN = re.compile("[一-鿿]")
BARE = count(1)
CASES = cases_of(StorageConformance)
GROUPS = (
    "records", "clocks", "journal", "sealing", "outbox", "keys", "policies", "the newest moment",
    "values", "transactions", "two writers", "several workers", "database", "joining", "model",
)


GIVEN = """
from eldermall.testing.storage import Backend
from tests.broken_storages import Wrapping

def sound(folder):
    assert folder.is_dir()
    return Backend(Wrapping, shared=False)
"""


# Storages of ours


@dataclass(frozen=True)
class SqlHost:
    """A transaction of a host that uses SQLAlchemy or the driver alone."""

    connection: Any

    def commit(self) -> None:
        self.connection.commit()

    def rollback(self) -> None:
        self.connection.rollback()


@dataclass(frozen=True)
class SqlHosts:
    """Hosts on a SQL database: Connections, Sessions, or connections of the driver."""

    engine: Engine
    elsewhere: Engine
    kept: ExitStack
    kind: str = "connection"

    def idle(self) -> Any:
        if self.kind == "session":
            return self.kept.enter_context(Session(self.engine))
        connection = self.kept.enter_context(self.engine.connect())
        if self.kind == "connection":
            return connection
        raw = connection.connection.driver_connection
        assert raw is not None
        if self.engine.dialect.name == "sqlite":
            raw.isolation_level = None
        elif self.engine.dialect.name == "postgresql":
            raw.autocommit = True
        else:
            raw.autocommit(True)
        return raw

    def begin(self) -> SqlHost:
        host = self.idle()
        if self.kind == "raw":
            host.cursor().execute("BEGIN")
        else:
            host.begin()
        return SqlHost(host)

    def wrong(self) -> Sequence[object]:
        connection = self.kept.enter_context(self.elsewhere.connect())
        connection.begin()
        return [connection, self.engine]


@dataclass(frozen=True)
class SqlBackend:
    """A database of SQLite or of a real server."""

    name: str
    folder: Path
    kept: ExitStack
    made: Path
    kind: str = "connection"

    @property
    def url(self) -> str:
        if self.name == "sqlite":
            return f"sqlite:///{self.folder / 'mall.db'}"
        return str(databases.admin(self.name).url.set(database=databases.worker()).
                   render_as_string(hide_password=False))

    def fresh(self, *, bare: bool = False) -> Storage:
        if bare and self.name == "sqlite":
            return SqlStorage(f"sqlite:///{self.folder / 'bare.db'}")
        if bare:
            return SqlStorage(self.url, prefix=f"bare{next(BARE)}_")
        if self.name != "sqlite":
            return SqlStorage(databases.clean(self.name))
        shutil.copy(self.made, self.folder / "mall.db")
        return SqlStorage(self.url)

    def again(self) -> Storage:
        return SqlStorage(self.url)

    def elsewhere(self) -> Callable[[], Storage]:
        return partial(SqlStorage, self.url)

    def prefixed(self, prefix: str) -> Storage:
        return SqlStorage(self.url, prefix=prefix)

    def hosts(self) -> SqlHosts:
        empty = f"sqlite:///{self.folder / 'other.db'}"
        elsewhere = empty if self.name == "sqlite" else databases.admin(self.name).url
        here, there = (create_engine(url, poolclass=NullPool) for url in (self.url, elsewhere))
        return SqlHosts(here, there, self.kept, self.kind)


@pytest.fixture
def kept() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database of SQLite with its tables, to be copied."""
    file = tmp_path_factory.mktemp("made") / "mall.db"
    storage = SqlStorage(f"sqlite:///{file}")
    storage.open(KINDS)
    storage.close()
    return file


class TestMemory(StorageConformance):
    @pytest.fixture
    def backend(self) -> Backend:
        return Backend(MemoryStorage, shared=False)


class TestSqlite(StorageConformance):
    conformance_examples = 15

    @pytest.fixture
    def backend(self, tmp_path: Path, kept: ExitStack, made: Path) -> SqlBackend:
        return SqlBackend("sqlite", tmp_path, kept, made)


@pytest.mark.servers
class TestPostgresql(StorageConformance):
    conformance_examples = 12

    @pytest.fixture
    def backend(self, tmp_path: Path, kept: ExitStack, made: Path) -> SqlBackend:
        return SqlBackend("postgresql", tmp_path, kept, made)


@pytest.mark.servers
class TestMariadb(StorageConformance):
    conformance_examples = 12

    @pytest.fixture
    def backend(self, tmp_path: Path, kept: ExitStack, made: Path) -> SqlBackend:
        return SqlBackend("mariadb", tmp_path, kept, made)


class TestOtherHosts(JoinCases):
    """Sessions of SQLAlchemy, and connections of the driver."""

    @pytest.fixture(params=["session", "raw"])
    def kind(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture(params=databases.NAMES)
    def backend(
        self, request: pytest.FixtureRequest, kind: str, tmp_path: Path, kept: ExitStack,
        made: Path,
    ) -> SqlBackend:
        return SqlBackend(request.param, tmp_path, kept, made, kind)


# The kit itself


MEMORY = """
from eldermall.adapters.storage.memory import MemoryStorage
from eldermall.testing.storage import Backend

conformance = Backend(MemoryStorage, shared=False)
"""

BROKEN = """
import pytest
import eldermall.testing.storage
from tests import broken_storages
"""
A_BROKEN_ONE = """

class Test{name}({suites}):
    conformance_examples = 500  # some faults show in one history of fifty
    conformance_shrink = False

    @pytest.fixture
    def backend(self, tmp_path):
        return broken_storages.FAULTS["{name}"].backend(tmp_path)
"""


def broken(pytester: pytest.Pytester, **cases: Sequence[str]) -> Path:
    """Write tests of broken storages, by name: of the classes that hold the cases to be run."""
    tests = BROKEN
    for name, run in cases.items():
        suites = [
            f"{suite.__module__}.{suite.__qualname__}" for suite in StorageConformance.__mro__
            if any(f"test_{case}" in vars(suite) for case in run)
        ]
        tests += A_BROKEN_ONE.format(name=name, suites=", ".join(suites))
    return pytester.makepyfile(test_broken=tests)


def results(pytester: pytest.Pytester, *args: str) -> list[dict[str, Any]]:
    """Run pytest in its own folder; return the kit's results on each storage tested."""
    file = pytester.path / "results.json"
    pytester.runpytest_inprocess(
        "-p", "no:cacheprovider", "-q", "--tb=native", f"--eldermall-conformance-json={file}", *args
    )
    tested: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["tested"]
    return tested


def run(pytester: pytest.Pytester, *args: str) -> dict[str, Any]:
    """Return the results on the one storage tested."""
    (tested,) = results(pytester, *args)
    return tested


@pytest.mark.parametrize("on", sorted({fault.on for fault in FAULTS.values()}))
def test_a_broken_storage_is_caught_by_the_cases_meant_for_it(
    pytester: pytest.Pytester, on: str
) -> None:
    faults = {name: fault.cases for name, fault in FAULTS.items() if fault.on == on}
    file = broken(pytester, **faults)
    found = results(
        pytester, "-W", "error::eldermall.testing.case.ConformanceWarning",
        *(f"{file}::Test{name}::test_{case}" for name, cases in faults.items() for case in cases),
    )
    outcomes = {
        tested["suite"].rpartition("::Test")[2]: {
            case["name"]: case["outcome"] for case in tested["cases"]
        }
        for tested in found
    }
    assert outcomes == {name: dict.fromkeys(cases, "failed") for name, cases in faults.items()}


def passes(run: Callable[[Storage], None], storage: Storage) -> bool:
    """Say whether a case passes on a storage."""
    try:
        run(storage)
    except (AssertionError, EldermallError):
        return False
    return True


@pytest.mark.parametrize("case", ["texts", "numbers", "bytes"])
def test_a_fault_in_any_field_of_any_row_is_caught(case: str) -> None:
    run = getattr(StorageConformance(), f"test_{case}")
    run(Wrapping())
    broken = {name: make for (by, name), make in FIELDS.items() if by == case}
    assert len(broken) > 10
    assert [name for name, make in broken.items() if passes(run, make())] == []


def test_for_every_case_there_is_a_storage_that_it_catches() -> None:
    named = {case for fault in FAULTS.values() for case in fault.cases}
    assert named | {case for case, _ in FIELDS} == CASES.keys()


def test_every_fault_has_a_case_that_names_it_beside_the_model() -> None:
    assert [name for name, fault in FAULTS.items() if not {*fault.cases} - {"model"}] == []


def test_a_storage_that_is_only_wrapped_passes(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(given=GIVEN)
    pytester.syspathinsert()
    found = run(pytester, "--eldermall-conformance=given:sound", "-k", "not model and not many")
    assert found["failed"] == 0
    assert {case["name"] for case in found["cases"]} == {
        name for name in CASES if "model" not in name and "many" not in name
    }
    assert {case["name"] for case in found["cases"] if case["outcome"] == "not claimed"} == {
        "prefixes_are_apart",
        *(case.name for case in CASES.values() if case.needs in ("join", "durable")),
    }


def test_what_is_tested_is_run_and_told_in_the_order_of_the_groups(
    pytester: pytest.Pytester,
) -> None:
    groups = [case.group.en for case in CASES.values()]
    assert [name for name, _ in groupby(groups)] == list(GROUPS)
    page = (Path(__file__).parent.parent / "docs" / "conformance.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")]
    covered = rows[rows.index("records, clocks, journal, sealing, outbox, keys, policies") :]
    assert tuple(", ".join(covered[: covered.index("model") + 1]).split(", ")) == GROUPS
    pytester.makepyfile(given=MEMORY)
    pytester.syspathinsert()
    found = pytester.inline_run("--eldermall-conformance=given", "-k", "not model and not many")
    run = [
        report.nodeid.rpartition("::test_")[2]
        for report in found.getreports("pytest_runtest_logreport")
        if report.when == "setup"
    ]
    assert run == [name for name in CASES if "model" not in name and "many" not in name]


# What a person or a program reads of it


def test_every_case_is_said_in_chinese_and_in_english() -> None:
    texts = [text for case in CASES.values() for text in (case.group, case.text)]
    assert len(texts) > 150
    for text in texts:
        assert HAN.search(text.zh), text
        assert text.en, text
        assert not HAN.search(text.en), text
    assert len({case.text.zh for case in CASES.values()}) == len(CASES)
    assert len({case.text.en for case in CASES.values()}) == len(CASES)


def test_the_results_say_what_was_tested_and_what_came_of_it(pytester: pytest.Pytester) -> None:
    cases = ("record_comes_back", "ids_are_apart", "savepoint")
    file = broken(pytester, TrailingBlanksCut=cases)
    table = pytester.path / "table.md"
    found = run(
        pytester, f"--eldermall-conformance-markdown={table}", "--eldermall-conformance-seed=7",
        *(f"{file}::TestTrailingBlanksCut::test_{case}" for case in cases),
    )
    whole = json.loads((pytester.path / "results.json").read_text(encoding="utf-8"))
    assert (whole["kit"], whole["seed"], whole["eldermall"]) == (KIT, 7, version("eldermall"))
    assert found["contract"] == "storage"
    assert found["suite"] == "test_broken.py::TestTrailingBlanksCut"
    assert found["name"] == "tests.broken_storages.Wrapping"
    assert found["version"] is None
    assert found["capabilities"] == asdict(Wrapping.capabilities)
    assert found["capabilities"]["durable"] is False
    assert (found["passed"], found["failed"], found["not_claimed"]) == (1, 1, 1)
    outcomes = {case["name"]: (case["outcome"], case["reason"]) for case in found["cases"]}
    assert outcomes["record_comes_back"] == ("passed", "")
    assert outcomes["ids_are_apart"][0] == "failed"
    assert outcomes["ids_are_apart"][1].startswith("AssertionError")
    assert outcomes["savepoint"] == ("not claimed", "未声明 join / join isn't declared")
    rows = [line for line in table.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    for case in cases:
        (row,) = [row for row in rows if f"| {CASES[case].text.en} |" in row]
        assert CASES[case].text.zh in row
    assert sum("✓" in row for row in rows) == 1
    assert "| passed / 通过 | 1 |" in rows
    assert "| seed / 随机种子 | 7 |" in rows


def test_a_storage_of_an_installed_distribution_is_named_with_its_version(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(given=MEMORY)
    pytester.syspathinsert()
    found = run(pytester, "--eldermall-conformance=given", "-k", "capabilities")
    assert (found["distribution"], found["version"]) == ("eldermall", version("eldermall"))
    assert [case["name"] for case in found["cases"]] == ["capabilities"]


@pytest.mark.parametrize("capability", ["durable", "join"])
def test_what_works_and_is_not_declared_is_a_warning(
    pytester: pytest.Pytester, capability: str
) -> None:
    file = broken(pytester, Modest=[f"{capability}_is_declared"])
    found = run(
        pytester, "-W", "always::eldermall.testing.case.ConformanceWarning",
        f"{file}::TestModest::test_{capability}_is_declared",
    )
    assert (found["passed"], found["failed"]) == (1, 0)
    assert found["undeclared"] == [capability]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("nowhere", "nowhere can't be imported"),
        ("tests.broken_storages", "has no conformance"),
        ("tests.broken_storages:nothing", "has no nothing"),
        ("tests.broken_storages:NO", "is neither a StorageBackend"),
    ],
)
def test_a_backend_that_is_not_there_is_said(
    pytester: pytest.Pytester, given: str, says: str
) -> None:
    result = pytester.runpytest_inprocess(f"--eldermall-conformance={given}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = result.stderr.str()
    assert says in said
    assert HAN.search(said)


def test_the_kit_runs_beside_tests_that_are_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(given=GIVEN, test_mine="def test_of_mine(): pass")
    pytester.syspathinsert()
    for more, passed in (([], 1), (["test_mine.py"], 2)):
        result = pytester.runpytest_inprocess(
            "--eldermall-conformance=given:sound", "-k", "of_mine or capabilities", *more
        )
        result.assert_outcomes(passed=passed)
        result.stdout.fnmatch_lines(["eldermall conformance*1 passed*通过 1*"])


def test_several_processes_of_pytest_give_one_result(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(given=MEMORY)
    file = pytester.path / "results.json"
    pytester.runpytest_subprocess(
        "-n", "2", "--eldermall-conformance=given", "-k", "uses_pack or capabilities",
        f"--eldermall-conformance-json={file}",
    )
    (tested,) = json.loads(file.read_text(encoding="utf-8"))["tested"]
    assert [case["name"] for case in tested["cases"]] == ["uses_pack", "capabilities"]


def loaded(code: str) -> set[str]:
    """Return the modules that are loaded after ``code`` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules, file=sys.stderr)"],
        check=True, capture_output=True, text=True,
    )
    return set(done.stderr.split())


def test_importing_eldermall_needs_neither_pytest_nor_hypothesis() -> None:
    modules = loaded("from eldermall import *")
    assert "eldermall.mall" in modules
    assert not modules & {"pytest", "_pytest", "hypothesis", "eldermall.testing"}


def test_pytest_without_our_options_loads_next_to_nothing_of_eldermall(tmp_path: Path) -> None:
    modules = loaded(f"import pytest; pytest.main(['-q', {str(tmp_path)!r}])")
    ours = {name for name in modules if name.partition(".")[0] == "eldermall"}
    assert ours == {"eldermall", "eldermall.testing", "eldermall.testing.plugin"}


def test_the_lines_on_the_page_run(pytester: pytest.Pytester) -> None:
    page = (Path(__file__).parent.parent / "docs" / "conformance.md").read_text(encoding="utf-8")
    pytester.makepyfile(page.split("```python\n")[1].split("```")[0])
    found = run(pytester, "-k", "durable or record_comes_back")
    assert (found["passed"], found["failed"]) == (3, 0)
    assert found["capabilities"] == asdict(SqlStorage.capabilities)
    assert found["capabilities"]["durable"] is True

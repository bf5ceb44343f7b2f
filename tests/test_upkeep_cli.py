"""``eldermall work``: the loop of one machine, as a process of its own and several beside."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from eldermall import Mall
from eldermall.cli import app
from eldermall.cli.upkeep import round_of
from tests import databases, shop
from tests.faults.servers import running

PLUGIN = '''
import os
from eldermall import hookimpl

class Observer:
    @hookimpl
    def eldermall_committed(self, event):
        with open(os.environ["HEARD"], "a") as file:
            file.write(event.id + "\\n")

observer = Observer()
'''


@pytest.fixture(params=databases.NAMES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return databases.url_of(request.param, tmp_path)


def overdue(url: str, orders: int = 3) -> None:
    """Leave orders, whose time limits have long passed, in a mall."""
    with shop.open_mall(url) as mall:
        shop.staff(mall)
        for number in range(orders):
            shop.place(mall, f"A{number}")


def arguments(url: str, *more: str) -> list[str]:
    return ["work", url, "--policy", str(shop.POLICY), "--once", "--trust-clock", *more]


def work(url: str, *more: str, **env: str) -> Any:
    return CliRunner().invoke(app, arguments(url, *more), env={"LANG": "en"} | env)


def test_one_round_sweeps_seals_and_relays(url: str, tmp_path: Path) -> None:
    overdue(url)
    roots = tmp_path / "roots.jsonl"
    done = work(url, "--roots", str(roots), "--json")
    assert done.exit_code == 0, done.output
    did = json.loads(done.stdout)
    assert (did["breached"], did["failed"], did["roots"]) == (9, 0, 1)
    assert did["told"] == {"delivered": 1, "suppressed": did["told"]["suppressed"]}
    assert roots.read_bytes().count(b"\n") == 1
    with shop.open_mall(url) as mall:
        with mall.read() as tx:
            assert list(tx.waiting()) == []
        assert mall.messages("pending") == []
        assert mall.verify(roots.read_bytes().splitlines()).anchored == 1


def test_a_second_round_finds_nothing_to_do_and_says_nothing(url: str) -> None:
    overdue(url)
    work(url)
    again = work(url)
    assert (again.exit_code, again.output) == (0, "")


@pytest.mark.parametrize(
    ("lang", "words"), [("en", "newly"), ("zh", "新超期 9")], ids=["en", "zh"]
)
def test_what_a_round_did_is_said_in_the_language_asked_for(
    tmp_path: Path, lang: str, words: str
) -> None:
    url = databases.url_of("sqlite", tmp_path)
    overdue(url)
    said = work(url, "--lang", lang).output
    assert ("breached 9" if lang == "en" else words) in said


def test_a_plugin_hears_of_committed_moves(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_observer.py").write_text(PLUGIN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    overdue(url)
    heard = tmp_path / "heard"
    monkeypatch.setenv("HEARD", str(heard))
    assert work(url, "--plugin", "own_observer:observer").exit_code == 0
    with shop.open_mall(url) as mall:
        told = [shop.born(m.id) for m in mall.messages("delivered") if "@own_observer" in m.id]
        assert sorted(map(shop.born, heard.read_text().split())) == sorted(told)
        assert told


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--every", "soon"], "a duration is a positive whole number"),
        (["--every", "0s"], "a duration is a positive whole number"),
        (["--plugin", "no.such"], "can't load the plugin no.such"),
        (["--plugin", "json:nothing"], "can't load the plugin json:nothing"),
        (["--plugin", "json"], "it has no hook"),
    ],
)
def test_bad_input_is_told_before_anything_is_done(
    tmp_path: Path, given: list[str], words: str
) -> None:
    url = databases.url_of("sqlite", tmp_path)
    overdue(url)
    done = work(url, *given)
    assert done.exit_code == 2
    assert words in done.stderr
    with shop.open_mall(url) as mall:
        assert len(mall.messages("pending")) > 0


def test_a_database_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = work(f"sqlite:///{tmp_path / 'none.db'}")
    assert done.exit_code == 2
    assert "there is no database file" in done.stderr


def test_a_part_that_fails_stops_no_other_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import text

    url = databases.url_of("sqlite", tmp_path)
    overdue(url)
    with shop.open_mall(url) as mall:
        with mall.storage.engine.begin() as c:  # type: ignore[attr-defined]
            c.execute(text("ALTER TABLE eldermall_clocks RENAME TO eldermall_elsewhere"))
        did = round_of(mall)
        assert did.error is not None
        assert "eldermall_clocks" in did.error.en
        assert did.roots == 1
        assert did.told["suppressed"] > 0


@contextmanager
def started(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Give a process that is running; it doesn't outlive a test that fails."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"LANG": "en"},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_loop_after_its_round(tmp_path: Path, name: signal.Signals) -> None:
    url = databases.url_of("sqlite", tmp_path)
    overdue(url)
    command = [
        sys.executable, "-m", "eldermall", *arguments(url, "--json", "--every", "1d"),
    ]
    command.remove("--once")
    with started(command) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["breached"] == 9
        process.send_signal(name)
        assert process.wait(30) == 0


def said(stream: Any) -> str:
    """Return the next line of a process, which must come within a minute."""
    assert select.select([stream], [], [], 60)[0], "it says nothing"
    return str(stream.readline())


@pytest.mark.parametrize("name", databases.SERVERS)
def test_a_database_that_is_away_is_told_and_waited_for(name: str) -> None:
    with running(name) as server:
        overdue(server.url)
        command = [
            sys.executable, "-m", "eldermall", *arguments(server.url, "--json", "--every", "1s"),
        ]
        command.remove("--once")
        with started(command) as process:
            assert json.loads(said(process.stdout))["breached"] == 9
            server.kill()
            assert "can't be used" in said(process.stderr)
            server.start()
            with shop.open_mall(server.url) as mall:
                shop.place(mall, "B1")
            assert json.loads(said(process.stdout))["breached"] == 3
            process.terminate()
            assert process.wait(60) == 0


@pytest.mark.parametrize("server", databases.SERVERS)
def test_four_workers_on_one_server_do_each_thing_once(server: str, tmp_path: Path) -> None:
    url = databases.url_of(server, tmp_path)
    overdue(url, 60)
    (tmp_path / "own_observer.py").write_text(PLUGIN)
    heard = tmp_path / "heard"
    command = [
        sys.executable, "-m", "eldermall",
        *arguments(url, "--json", "--plugin", "own_observer:observer"),
    ]
    workers = [
        subprocess.Popen(
            command, cwd=tmp_path, env=os.environ | {"HEARD": str(heard)},
            stdout=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]
    did: Counter[str] = Counter()
    for worker in workers:
        said, _ = worker.communicate(timeout=120)
        assert worker.returncode == 0
        for line in said.splitlines():
            round = json.loads(line)
            did.update({name: round[name] for name in ("breached", "failed", "retried")})
    assert did == {"breached": 180, "failed": 0, "retried": 0}
    with shop.open_mall(url) as mall:
        _everything_once(mall, heard)


def _everything_once(mall: Mall, heard: Path) -> None:
    told = Counter(heard.read_text().split())
    assert set(told.values()) == {1}
    with mall.read() as tx:
        assert list(tx.waiting()) == []
        breaches = Counter(
            (row.subject, change["clock"], change["part"])
            for row in tx.entries()
            for change in json.loads(row.body).get("clocks", ())
            if change["did"] == "breached"
        )
    assert len(breaches) == 180
    assert set(breaches.values()) == {1}
    assert mall.verify().passed

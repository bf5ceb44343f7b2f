"""Upkeep driven by Celery: a real broker, a real worker with beat, a real PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from eldermall import Mall
from eldermall.adapters.runner.celery import Every, install
from tests import databases, shop


@pytest.fixture
def url(tmp_path: Path) -> str:
    return databases.url_of("postgresql", tmp_path)


@pytest.fixture
def broker() -> str:
    return databases.redis()


@contextlib.contextmanager
def worker(broker: str, url: str, folder: Path, number: int, *more: str) -> Iterator[None]:
    """Run a Celery worker of the test's application."""
    env = os.environ | {
        "BROKER": broker, "MALL": url, "HEARD": str(folder / "heard"), "C_FORCE_ROOT": "1",
    }
    command = [
        sys.executable, "-m", "celery", "-A", "tests.celery_mall", "worker", "-c", "1",
        "-Q", "celery,slow", "-n", f"w{number}@localhost", "-l", "WARNING", *more,
    ]
    log = folder / f"log{number}"
    with log.open("wb") as out, subprocess.Popen(
        command, cwd=shop.ROOT, env=env, stdout=out, stderr=out
    ) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def eventually(holds: Callable[[], bool], seconds: float = 60) -> bool:
    """Wait until something holds; say whether it did in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.1)
    return False


def settled(mall: Mall) -> bool:
    with mall.read() as tx:
        waiting = next(tx.waiting(), None)
    return waiting is None and not mall.messages("pending")


class Kept:
    """A mall that counts what it is told to do."""

    def __init__(self) -> None:
        self.did: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Callable[[], None]:
        return lambda: self.did.update([name])


def test_each_mall_has_its_tasks_its_queue_and_one_opening_and_late_tasks_expire() -> None:
    app, opened = Celery("host", broker="memory://"), dict[str, Kept]()

    def open_mall(code: str) -> Any:
        assert code not in opened, "it is opened once a process"
        return opened.setdefault(code, Kept())

    pace = Every(sweep=7, seal=60, relay=5, erase_expired=3600)
    install(app, open_mall, malls=("main", "north"), every=pace, queues={"north": "slow"})
    schedule = app.conf.beat_schedule
    assert len(schedule) == 8
    for name in ("sweep", "seal", "relay", "erase_expired"):
        seconds = getattr(pace, name)
        for code, queue in (("main", {}), ("north", {"queue": "slow"})):
            sent = schedule[f"eldermall.{name} {code}"]
            assert (sent["task"], sent["args"], sent["schedule"]) == (
                f"eldermall.{name}", (code,), seconds
            )
            assert sent["options"] == {"expires": seconds, **queue}
        for code in ("main", "north", "main"):
            app.tasks[f"eldermall.{name}"](code)
            assert app.tasks[f"eldermall.{name}"].ignore_result
    each = {"sweep", "seal", "relay", "erase_expired"}
    assert opened["main"].did == dict.fromkeys(each, 2)
    assert opened["north"].did == dict.fromkeys(each, 1)


@pytest.mark.servers
def test_two_workers_and_a_beat_keep_two_malls_going_and_do_nothing_twice(
    broker: str, url: str, tmp_path: Path
) -> None:
    with (
        shop.open_mall(url, code="main") as main, shop.open_mall(url, code="second") as second,
    ):
        malls = (main, second)
        for mall in malls:
            shop.staff(mall)
            for number in range(20):
                shop.place(mall, f"A{number}", cash_on_delivery=True)
        with (
            worker(broker, url, tmp_path, 1, "-B", "-s", str(tmp_path / "beat")),
            worker(broker, url, tmp_path, 2),
        ):
            breached = eventually(lambda: all(len(m.clocks("breached")) == 80 for m in malls))
            assert breached, (tmp_path / "log1").read_text()
            assert eventually(lambda: all(settled(m) for m in malls))
        told = Counter((tmp_path / "heard").read_text().split())
        each = [row.id for m in malls for row in m.messages("delivered") if "@" in row.id]
        assert sum(told.values()) == len(told) == len(each)
        for mall in malls:
            assert mall.verify().passed
            for number in range(20):
                acts = Counter(e["what"] for e in mall.journal("order", f"A{number}"))
                assert acts["clock.breached"] == 4

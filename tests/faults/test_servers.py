"""The server goes away and comes back while commands are in flight."""

from __future__ import annotations

import gc
import json
import os
import random
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, exc, text
from sqlalchemy.pool import NullPool

from eldermall import Mall, StorageError
from tests import databases, shop
from tests.faults import witness
from tests.faults.servers import Server, running
from tests.faults.worker import Act, Hands, Ticks, host_engine, open_mall, said

THREADS = 4
ANSWERS = 50  # of all threads, before the next thing happens to the server
PATIENCE = 60.0
LONGEST = 20.0  # seconds that any call may take, on a machine with other things to do
SEED = os.environ.get("ELDERMALL_TEST_SEED", "servers")
pytestmark = [  # what PyMySQL and SQLAlchemy leave open when a server ends as they connect
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:<psycopg.Connection.* deleted:ResourceWarning"),
]


class Present(threading.local, shop.Time):
    """A present for each thread, so that each command has a moment of its own."""


@pytest.fixture(scope="module", params=databases.SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running(request.param) as server:
        yield server
        gc.collect()  # while the warnings above are let pass


class Leaked(Exception):
    """An error of the driver that came out of eldermall."""


class WatchedHands(Hands):
    """Hands that tell what is eldermall's error from what is the host's own."""

    def inside(self, connection: Connection, act: Act) -> int:
        try:
            return super().inside(connection, act)
        except exc.SQLAlchemyError as error:
            raise Leaked from error


@dataclass
class Crew:
    """Threads that work on one mall, and what they have met."""

    mall: Mall
    time: Present
    folder: Path
    notes: list[dict[str, Any]] = field(default_factory=list)
    met: Queue[str] = field(default_factory=Queue)
    back: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    longest: float = 0.0

    def work(self, url: str, dice: random.Random) -> None:
        """Make commands until it is over; what failed with a key is done again with it."""
        ticks, hands = Ticks(self.folder), WatchedHands(self.mall, host_engine(url), self.time)
        again: Act | None = None
        while not self.over.is_set():
            begun = time.monotonic()
            act, tick = None, ticks.next()
            try:
                act = hands.next(tick, dice, again)
                self.notes.append(asdict(act))
                self.notes.append({"tick": tick} | said(hands, act))
            except (StorageError, exc.DBAPIError) as error:
                if not isinstance(error, StorageError) and (act is None or not act.joined):
                    self.met.put(repr(error))
                self.longest = max(self.longest, time.monotonic() - begun)
                again = None if act is None or act.key is None else act
                self.met.put("failure")
                self.back.wait(PATIENCE)
            except BaseException as error:  # noqa: BLE001 - no other may reach a caller
                self.met.put(repr(error))
                break
            else:
                again = None
                self.met.put("answer")
        hands.host.dispose()

    def meets(self, what: str, times: int, *besides: str) -> None:
        """Wait until it has happened so often, and nothing but it and ``besides`` has."""
        while times:
            met = self.met.get(timeout=PATIENCE)
            assert met in (what, *besides), met
            times -= met == what


def host_table(url: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as c:
        c.execute(text("CREATE TABLE host (token VARCHAR(64) PRIMARY KEY)"))


def test_what_is_in_flight_fails_clearly_and_the_same_mall_goes_on_when_the_server_is_back(
    server: Server, tmp_path: Path
) -> None:
    present = Present()
    with open_mall(server.url, tmp_path, present) as mall:
        shop.staff(mall)
        host_table(server.url)
        crew = Crew(mall, present, tmp_path)
        threads = [
            threading.Thread(
                target=crew.work, args=(server.url, random.Random(f"{SEED}-{n}")), daemon=True
            )
            for n in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for end in (server.kill, server.stop, server.kill, server.stop):
            crew.meets("answer", ANSWERS)
            crew.back.clear()
            end()
            crew.meets("failure", THREADS, "answer")
            server.start()
            crew.back.set()
        crew.meets("answer", ANSWERS)
        crew.over.set()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        assert crew.longest < LONGEST
        lines = [json.dumps(note) + "\n" for note in crew.notes]
        (tmp_path / "notes").write_text("".join(lines))
        seen = witness.look(server.url, tmp_path)
        assert witness.faults(seen, mall) == []
        assert mall.verify().passed
        print(server.name, witness.figures(seen), f"{crew.longest:.1f} s")


def test_a_mall_that_was_idle_while_the_server_was_started_anew_notices_nothing(
    server: Server, tmp_path: Path, time: shop.Time
) -> None:
    with open_mall(server.url, tmp_path, time) as mall:
        server.stop()
        server.start()
        shop.place(mall, "idle")
        assert mall.verify().passed


def test_a_server_that_is_down_is_said_in_both_languages(
    server: Server, time: shop.Time
) -> None:
    server.stop()
    with pytest.raises(StorageError) as down:
        shop.open_mall(server.url, time)
    server.start()
    assert down.value.code == "storage"
    assert re.match("the database .*can't be used: ", down.value.text.en)
    assert re.match("数据库.*无法使用：", down.value.text.zh)

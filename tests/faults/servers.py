"""Servers of a test's own that are stopped, gently or not, and started again."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from tests import databases

START = {"postgresql": databases.start_postgresql, "mariadb": databases.start_mariadb}
GENTLY = {"postgresql": signal.SIGINT, "mariadb": signal.SIGTERM}


class Server:
    """A server in a folder of its own.

    Args:
        name: ``postgresql`` or ``mariadb``.
        folder: where it keeps its data.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.pid = 0

    def begin(self) -> None:
        """Start it for the first time, and make the database of the shop."""
        self.start()
        engine = create_engine(self._server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as c:
            c.execute(text("CREATE DATABASE shop"))

    def stop(self) -> None:
        """Let it end in order, whatever is in flight; wait until it has."""
        os.kill(self.pid, GENTLY[self.name])
        self._wait()

    def kill(self) -> None:
        """Kill every process of it at once; wait until all are dead."""
        os.kill(self.pid, signal.SIGSTOP)  # so that it starts no more
        family = [self.pid, *children(self.pid)]
        watched = [os.pidfd_open(pid) for pid in family]
        for pid in family:
            os.kill(pid, signal.SIGKILL)
        self._wait()
        for fd in watched:
            _ended(fd)

    def start(self) -> None:
        """Start it again on its data; wait until it answers."""
        self._server, self.pid = START[self.name](self.folder)
        url = make_url(self._server).set(database="shop")
        self.url = url.render_as_string(hide_password=False)

    def _wait(self) -> None:
        (process,) = (p for p in databases._started if p.pid == self.pid)
        databases._started.remove(process)
        process.wait(60)
        self.pid = 0

    def end(self) -> None:
        """Stop it if it runs."""
        if self.pid:
            self.kill()


@contextmanager
def running(name: str) -> Iterator[Server]:
    """Run a server in a folder that it can read whoever it runs as; end it and all its files."""
    databases.ask_for(name)
    with TemporaryDirectory(prefix="eldermall-server-") as folder:
        Path(folder).chmod(0o755)
        server = Server(name, Path(folder) / "server")
        try:
            server.begin()
            yield server
        finally:
            server.end()


def children(pid: int) -> list[int]:
    """Return the processes that ``pid`` has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in found.split()]


def _ended(watched: int) -> None:
    poll = select.poll()
    poll.register(watched, select.POLLIN)  # readable once the process has ended
    assert poll.poll(30_000), "a killed process doesn't end"
    os.close(watched)

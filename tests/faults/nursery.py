"""The parent of workers: it forks them, hears their notes and kills them at random moments.

``python -m tests.faults.nursery URL FOLDER SEED KILLS`` adds the notes of all workers to
``FOLDER/notes`` and ends with status 0 once so many were killed. A worker is killed a random while
after a random number of answers, some once they sweep, seal or relay, some while they open the
mall; what had been begun is at times given to its successor, which does it again with the same
key. The process has no threads and no open database, so that workers inherit no connection.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import random
import select
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from tests import shop
from tests.faults.worker import UPKEEP, Act, work

AT_ONCE = 3
ANSWERS = 10  # the most that a worker gets before its last moment comes
OPENING = 0.06  # seconds within which one is killed that is to get no answer
HANGING = 60.0


@dataclass
class Child:
    """A worker, what is known of it, and when it is to die."""

    pid: int
    pipe: int
    answers: int
    born: float
    dies: float | None = None
    at_upkeep: bool = False
    heard: float | None = None
    notes: bytes = b""

    def has_come_to_it(self) -> bool:
        """Say whether it has got its answers, and begun with upkeep if it is to die in that."""
        if self.notes.count(b'"said"') < self.answers:
            return False
        last = self.notes.splitlines()[-1:]
        return not self.at_upkeep or any(b'"call": "%s"' % c.encode() in last[0] for c in UPKEEP)

    def spell(self, now: float) -> float:
        """Return how long it has taken from one answer to the next, and half as much more."""
        begun = now if self.heard is None else self.heard
        return 1.5 * (now - begun) / max(1, self.notes.count(b'"said"'))


def fork(url: str, folder: Path, name: str, again: Act | None, dice: random.Random) -> Child:
    """Let a worker loose; it opens everything itself."""
    reading, writing = os.pipe()
    answers = dice.randrange(ANSWERS)
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        live(url, folder, name, again, writing)
    os.close(writing)
    os.set_blocking(reading, False)
    born = time.monotonic()
    dies = born + dice.uniform(0, OPENING) if answers == 0 else None
    return Child(pid, reading, answers, born, dies, at_upkeep=dice.random() < 0.3)


def live(url: str, folder: Path, name: str, again: Act | None, pipe: int) -> None:
    """Work until killed; an error that no caller should get ends the whole run."""
    try:
        work(url, folder, random.Random(name), lambda line: os.write(pipe, line), again)
    except BaseException:  # noqa: BLE001 - told to whoever reads the output
        print(f"worker {name}:", file=sys.stderr)
        traceback.print_exc()
    finally:
        os._exit(1)


def listen(child: Child) -> None:
    """Take what a worker has noted."""
    try:
        while more := os.read(child.pipe, 65536):
            child.notes += more
    except BlockingIOError:
        return


def kill(child: Child) -> list[dict[str, Any]]:
    """Kill a worker; return its notes."""
    os.kill(child.pid, signal.SIGKILL)
    _, status = os.waitpid(child.pid, 0)
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
        raise SystemExit("a worker ended by itself")
    listen(child)
    os.close(child.pipe)
    return [json.loads(line) for line in child.notes.splitlines()]


def begun(notes: list[dict[str, Any]]) -> Act | None:
    """Return what a worker died in the middle of."""
    if not notes or "said" in notes[-1]:
        return None
    return Act(**{f.name: notes[-1][f.name] for f in fields(Act)})


def warm_up(url: str) -> None:
    """Load all that workers need, so that they inherit it; close what was opened."""
    with (
        tempfile.TemporaryDirectory() as folder,
        shop.open_mall(f"sqlite:///{folder}/warm.db") as mall,
    ):
        shop.staff(mall)
        shop.completed(mall)
    create_engine(url).dispose()
    gc.collect()
    gc.freeze()


def main(url: str, folder: Path, seed: str, kills: int) -> None:
    """Kill so many workers."""
    warm_up(url)
    dice = random.Random(seed)
    children: list[Child] = []
    again: Act | None = None
    killed = born = 0
    with (folder / "notes").open("a") as kept:
        while killed < kills:
            while len(children) < min(AT_ONCE, kills - killed):
                children.append(fork(url, folder, f"{seed}-{born}", again, dice))
                born, again = born + 1, None
            now = time.monotonic()
            wait = min((c.dies - now for c in children if c.dies is not None), default=HANGING)
            select.select([c.pipe for c in children], [], [], max(0.0, wait))
            now = time.monotonic()
            for child in list(children):
                listen(child)
                if child.heard is None and child.notes:
                    child.heard = now
                if child.dies is None and child.has_come_to_it():
                    child.dies = now + dice.uniform(0, child.spell(now))
                if child.dies is None and now > child.born + HANGING:
                    raise SystemExit(f"a worker hangs after {child.notes[-500:]!r}")
                if child.dies is not None and child.dies <= now:
                    notes = kill(child)
                    kept.writelines(json.dumps(note) + "\n" for note in notes)
                    children.remove(child)
                    killed += 1
                    act = begun(notes)
                    if act is not None and act.key is not None and dice.random() < 0.7:
                        again = act


if __name__ == "__main__":
    faulthandler.enable()
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))

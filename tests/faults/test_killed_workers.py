"""Workers are killed at random moments: what they were told has happened has, once, and whole.

Process death, not power loss. ``ELDERMALL_TEST_KILLS`` says how many are killed on SQLite and on
PostgreSQL each, ``ELDERMALL_TEST_SEED`` with which dice; a failure names them.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from eldermall import Mall
from eldermall.adapters.roots.file import read_roots
from tests import databases, shop
from tests.faults import witness
from tests.faults.worker import TICK, keep_stock, open_mall

KILLS = int(os.environ.get("ELDERMALL_TEST_KILLS", shop.times(300)))
ROUNDS = 3
PART = {"sqlite": 1, "postgresql": 1, "mariadb": 4}  # MariaDB is slow to begin; a quarter is made
SEED = os.environ.get("ELDERMALL_TEST_SEED") or secrets.token_hex(4)


def nursery(url: str, folder: Path, seed: str, kills: int) -> None:
    """Let so many workers be born and killed."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.faults.nursery", url, folder, seed, str(kills)],
        cwd=shop.ROOT, capture_output=True, text=True, timeout=600, check=False,
    )
    assert run.returncode == 0, f"seed {SEED}: {run.stderr}"


def found_sound(url: str, folder: Path, mall: Mall) -> witness.Seen:
    """Look at everything; return it if nothing is wrong."""
    seen = witness.look(url, folder)
    wrong = witness.faults(seen, mall)
    assert not wrong, f"seed {SEED}: {len(wrong)} faults\n" + "\n".join(wrong[:20])
    outside = read_roots(folder / "roots") if (folder / "roots").exists() else None
    for roots in (None, outside):
        assert mall.verify(roots).findings == (), f"seed {SEED}"
    return seen


@pytest.mark.parametrize("name", databases.NAMES)
def test_what_killed_workers_were_told_has_happened_once_and_whole(
    name: str, tmp_path: Path
) -> None:
    url = databases.url_of(name, tmp_path)
    time = shop.Time()
    with open_mall(url, tmp_path, time) as mall:
        shop.staff(mall)
        keep_stock(mall)
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as c:
            c.execute(text("CREATE TABLE host (token VARCHAR(64) PRIMARY KEY)"))
        for number in range(ROUNDS):
            nursery(url, tmp_path, f"{SEED}-{number}", -(-KILLS // (ROUNDS * PART[name])))
            seen = found_sound(url, tmp_path, mall)
        print(f"{name}, seed {SEED}: {witness.figures(seen)}")

        with mall.storage.write(mall.code) as tx:  # nothing is locked for good
            for subject in seen.records:
                assert tx.load(*subject.split("/"))[0] is not None
        ticks = (tmp_path / "ticks").stat().st_size
        time.now = shop.START + ticks * TICK + timedelta(days=28)
        assert mall.sweep().failed == ()
        newest = mall.seal().newest
        mall.relay()
        assert mall.messages("pending", "dead", "suppressed") == []
        found_sound(url, tmp_path, mall)
        assert mall.verify(read_roots(tmp_path / "roots")).anchored == newest

"""A new room is a room file, a rules file, a line that registers each, and its settings.

It is built from ``tests/room_template`` in a copy of the tree; nothing else of the copy is touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect
from sqlalchemy.pool import NullPool

from tests import shop

TEMPLATE = Path(__file__).parent / "room_template"
ROOMS = "src/eldermall/rooms/__init__.py"
RULES = "src/eldermall/rules/__init__.py"


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with one more room."""
    tree = tmp_path_factory.mktemp("grown")
    shutil.copytree(shop.ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__"))
    source = tree / "src" / "eldermall"
    shutil.copy(TEMPLATE / "room.py", source / "rooms" / "applications.py")
    shutil.copy(TEMPLATE / "rules.py", source / "rules" / "applications.py")
    put(
        tree / ROOMS,
        "from eldermall.rooms.assistance import",
        "from eldermall.rooms.applications import Applications\n",
    )
    put(tree / ROOMS, "    stock: Stocks[M]", "    applications: Applications[M]\n")
    put(tree / RULES, "    callbacks,\n", "    applications,\n")
    put(tree / RULES, "    people, collection,", "    applications,\n")
    policy = shop.POLICY.read_text("utf-8")
    settings = (TEMPLATE / "policy.toml").read_text("utf-8")
    (tree / "policy.toml").write_text(policy + settings, "utf-8")
    return tree


def put(path: Path, before: str, line: str) -> None:
    """Put a line before another one of a file."""
    text = path.read_text("utf-8")
    assert text.count(before) == 1, before
    path.write_text(text.replace(before, line + before), "utf-8")


def run(tree: Path, *args: object) -> str:
    """Run Python on the grown tree; return what it prints."""
    path = os.pathsep.join([str(tree / "src"), str(shop.ROOT)])
    done = subprocess.run(
        [sys.executable, *map(str, args)], env=os.environ | {"PYTHONPATH": path},
        capture_output=True, text=True, check=False, encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_shop_that_was_there_before_uses_the_new_room(grown: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'mall.db'}"
    with shop.open_mall(url) as mall:
        shop.place(mall)
    run(grown, TEMPLATE / "use.py", url, grown / "policy.toml")
    engine = create_engine(url, poolclass=NullPool)
    assert "eldermall_record_application" in inspect(engine).get_table_names()


def test_the_commands_print_it_without_being_told(grown: Path, tmp_path: Path) -> None:
    tables = run(grown, "-m", "eldermall", "machines", "--lang", "en")
    assert "applications.not-the-applicant" in tables
    assert "people.designated-for-review" in tables.partition("ask for papers")[2]
    assert "入驻申请及时决定" in run(grown, "-m", "eldermall", "rules", "--lang", "zh")
    run(grown, "-m", "eldermall", "init", tmp_path / "policy.toml", "--lang", "en")
    assert "applications.decision-limit" in (tmp_path / "policy.toml").read_text("utf-8")


def test_a_new_room_edits_two_files_and_brings_two_beside_its_tests_and_settings(
    grown: Path,
) -> None:
    changed = {
        str(path.relative_to(grown))
        for path in (grown / "src").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
        and not same(path, shop.ROOT / path.relative_to(grown))
    }
    assert changed == {
        ROOMS, RULES, "src/eldermall/rooms/applications.py", "src/eldermall/rules/applications.py",
    }


def same(one: Path, other: Path) -> bool:
    return other.exists() and one.read_bytes() == other.read_bytes()

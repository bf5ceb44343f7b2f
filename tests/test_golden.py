"""Bytes that are stored and signatures that are called stay as they are, to the letter.

What is kept in ``tests/golden`` is compared here. To write it anew, where a change is meant:
``ELDERMALL_REWRITE_TABLES=1 python -m pytest tests/test_golden.py``; a reviewer reads the diff.
"""

from __future__ import annotations

import difflib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import eldermall
from eldermall.mall import ROOMS
from tests import shop
from tests.golden import door, reach, signatures
from tests.golden.chapters import CHAPTERS, POLICIES
from tests.golden.life import Chance, Life, Outside

GOLDEN = Path(__file__).parent / "golden"
JOURNAL = "0003-first"


def kept(name: str, text: str) -> str:
    """Return what is kept under a name, once it was written anew if that is asked for."""
    path = GOLDEN / name
    if os.environ.get("ELDERMALL_REWRITE_TABLES"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8")


def differences(before: str, now: str) -> str:
    """Return the lines that differ: those that are kept with ``-``, those of now with ``+``."""
    lines = difflib.unified_diff(
        before.splitlines(), now.splitlines(), "kept", "now", n=1, lineterm=""
    )
    return "\n".join(lines)


# Signatures


@pytest.mark.parametrize("answer", ["record", "decision"])
def test_every_command_has_the_signature_that_is_kept(answer: str) -> None:
    with shop.open_mall() as mall:
        now = signatures.printed(mall if answer == "record" else mall.may, ROOMS)
    before = kept("signatures.txt", now)
    assert now == before, f"signatures have changed:\n{differences(before, now)}"


def test_the_public_names_are_those_that_are_kept() -> None:
    now = "".join(f"{name}\n" for name in eldermall.__all__)
    before = kept("names.txt", now)
    assert now == before, f"public names have changed:\n{differences(before, now)}"


# What is stored


def lived(chapter: str, url: str = "memory:") -> Life:
    """Live a chapter in a mall of its own."""
    time, chance, outside = shop.Time(), Chance(), Outside()
    given = POLICIES[chapter]() if chapter in POLICIES else shop.POLICY
    with (
        chance.ruling(),
        shop.open_mall(url, time, code=chapter, policy=given, plugins=[outside]) as mall,
    ):
        if url.startswith("sqlite"):
            shop.hurry(mall)
        life = Life(mall, time, chance, outside)
        CHAPTERS[chapter](life)
    return life


def first_difference(before: Sequence[str], now: Sequence[str]) -> str:
    """Return the first line that differs, as it is kept and as it is now, and the move it is of."""
    for number, (was, line) in enumerate(zip([*before, ""], [*now, ""], strict=False)):
        if was != line:
            moves = [each for each in now[: number + 1] if each.startswith('{"move"')]
            move = moves[-1] if moves else "before any move"
            return f"line {number + 1} differs\nmove: {move}\nkept: {was}\nnow:  {line}"
    return ""


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_life_stores_what_is_kept_byte_for_byte(
    chapter: str, storage: str, tmp_path: Path
) -> None:
    file = tmp_path / "mall.db"
    life = lived(chapter, "memory:" if storage == "memory" else f"sqlite:///{file}")
    text = "".join(f"{line}\n" for line in life.lines)
    before = kept(f"{JOURNAL}/{chapter}.jsonl", text)
    if text != before:
        pytest.fail(first_difference(before.splitlines(), life.lines), pytrace=False)
    if storage == "sqlite":
        assert counts(file) == Counter(kind for kind, *_ in life.rows)


def counts(file: Path) -> Counter[str]:
    """Return how many rows of each sort are in a database; leaves and what waits are others'."""
    names = {"entries": "entry", "clocks": "clock", "outbox": "message", "keys": "key",
             "roots": "root", "packs": "pack", "personal": "personal"}
    found: Counter[str] = Counter()
    with closing(sqlite3.connect(file)) as raw:
        for (table,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
            short = table.removeprefix("eldermall_")
            sort = "record" if short.startswith("record_") else names.get(short)
            (number,) = raw.execute(f"SELECT count(*) FROM {table}").fetchone()
            if sort is not None and number:
                found[sort] += number
    return found


# How far the lives reach


def told() -> Iterator[dict[str, Any]]:
    """Yield what the kept journals say, line by line."""
    for path in sorted((GOLDEN / JOURNAL).iterdir()):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


@pytest.fixture(scope="module")
def entries() -> list[dict[str, Any]]:
    """The entries of the kept journals."""
    return [line["body"] for line in told() if "entry" in line]


def test_every_edge_of_every_machine_is_taken(entries: list[dict[str, Any]]) -> None:
    assert reach.EDGES - reach.edges(entries) == set()


def test_every_reaction_follows_and_every_kind_that_can_be_is_taken_over(
    entries: list[dict[str, Any]],
) -> None:
    moved = {entry["what"] for entry in entries if entry["outcome"] == "moved"}
    assert {f"{r.target}.{r.move}" for r in reach.BOOK.reactions} <= moved
    adopted = {entry["what"] for entry in entries if entry["outcome"] == "adopted"}
    assert adopted == {"listing.adopt", "order.adopt", "complaint.adopt", "case.adopt"}
    assert {entry["outcome"] for entry in entries} == {
        "moved", "refused", "conflict", "adopted", "clock",
    }
    assert any("reaction" in entry for entry in entries)
    assert any(e["outcome"] == "refused" and "#" in e["actor"].get("cause", "") for e in entries)


def test_every_clock_runs_in_time_and_out_and_ends_in_every_way(
    entries: list[dict[str, Any]],
) -> None:
    ends = reach.clock_ends(entries)
    for clock in reach.BOOK.clocks:
        assert {(clock, "started"), (clock, "breached")} <= ends
        assert {(clock, "met"), (clock, "late")} & ends
    assert {did for _, did in ends} == {  # nothing of ours is paused: each wait says until when
        "started", "moved", "met", "late", "stopped", "lapsed", "annulled", "warned", "breached",
        "repeated", "overdue",
    }


def test_every_rule_allows_and_every_one_that_can_refuses(entries: list[dict[str, Any]]) -> None:
    said = reach.verdicts(entries)
    rules = set(reach.BOOK.rules)
    assert {rule for rule in rules if (rule, "allowed") not in said} == set()
    never = {rule for rule in rules if (rule, "refused") not in said}
    assert never == {"stock.movements-booked@1"}  # only a damaged record breaks it


# The door


def test_every_command_says_to_a_wrong_argument_what_is_kept() -> None:
    made: dict[str, Any] = {}
    for chapter in CHAPTERS:
        made = lived(chapter).made | made
    with shop.open_mall() as mall:
        now = "".join(f"{line}\n" for line in door.answers(mall, ROOMS, made))
    before = kept("door.jsonl", now)
    if now != before:
        pytest.fail(f"the door has changed:\n{differences(before, now)}", pytrace=False)

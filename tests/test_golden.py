"""Bytes that are stored and signatures that are called stay as they are, to the letter.

What is kept in ``tests/golden`` is compared here. To write it anew, where a change is meant:
``ELDERMALL_REWRITE_TABLES=1 python -m pytest tests/test_golden.py``; a reviewer reads the diff.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest

import eldermall
from eldermall.mall import ROOMS
from tests import shop
from tests.golden import signatures

GOLDEN = Path(__file__).parent / "golden"


def kept(name: str, text: str) -> str:
    """Return what is kept under a name, once it was written anew if that is asked for."""
    path = GOLDEN / name
    if os.environ.get("ELDERMALL_REWRITE_TABLES"):
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8")


def differences(before: str, now: str) -> str:
    """Return the lines that differ, those that were marked ``-`` and those that are ``+``."""
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

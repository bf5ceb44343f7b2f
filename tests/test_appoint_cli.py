"""The command that puts people on duty."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eldermall.cli import app
from tests import shop


def run(tmp_path: Path, *words: str) -> tuple[int, str]:
    url = f"sqlite:///{tmp_path}/mall.db"
    done = CliRunner().invoke(
        app, ["appoint", url, *words, "--policy", str(shop.POLICY), "--by", "lin"]
    )
    return done.exit_code, done.output


def test_a_person_is_put_on_duty_once_and_again_changes_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        code, said = run(tmp_path, "order", "olivia", "--lang", "en")
        assert (code, said) == (0, "order: on duty olivia\n")
    code, said = run(tmp_path, "order", "wu", "--lang", "zh")
    assert (code, said) == (0, "order：在任 olivia、wu\n")
    with shop.open_mall(f"sqlite:///{tmp_path}/mall.db") as mall:
        entries = mall.journal("designation", "order")
        assert [e["args"]["who"] for e in entries] == ["olivia", "wu"]
        assert entries[0]["actor"]["id"] == "lin"


def test_a_field_agent_is_assigned_to_a_merchant(tmp_path: Path) -> None:
    code, said = run(tmp_path, "tea-house", "wang", "--merchant", "--json")
    assert code == 0
    assert json.loads(said) == {"post": "tea-house", "on_duty": ["wang"], "appointed": True}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("kitchen", "wu"), "must be a link (collection, review"),
        (("order", "w u"), "must match"),
        (("order", "wu", "--department", "x y"), "an id is 1 to 64"),
    ],
)
def test_a_wrong_word_gets_one_clear_error(
    tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    code, said = run(tmp_path, *words, "--lang", "en")
    assert code == 2
    assert why in said

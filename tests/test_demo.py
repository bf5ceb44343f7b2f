"""The demo: real moves under the demo policy, told in both languages, the same each time."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from eldermall.cli import app
from eldermall.cli.stage import Host, Line, Present, Stage
from eldermall.cli.story import OUYANG
from eldermall.errors import RuleBroken
from eldermall.texts import Text
from tests import shop

PACKAGED = shop.ROOT / "src" / "eldermall" / "cli" / "demo-policy.toml"

REFUSED = {
    "an unreviewed listing is published": "review.before-publish@1",
    "a move leaves a state it does not leave": "machine.no-such-move",
    "the author reviews": "review.not-the-author@1",
    "a version that fails a criterion is approved": "review.all-passed@1",
    "an unpaid order is shipped": "shipping.paid-first@1",
    "an exception is granted after the limit": "shipping.exception-before-limit@1",
    "an order is archived before its callback": "callback.before-archive@1",
    "a customer is given up after one call": "callback.enough-attempts@1",
    "a complaint is answered without opinion": "complaints.opinion-before-answer@1",
    "somebody else settles the opinion": "complaints.opinion-by-head-or-leader@1",
    "somebody judges a complaint about themselves": "complaints.no-judging-of-oneself@1",
    "a payment's reference is used twice": "machine.record-exists",
    "a customer moves somebody else's order": "machine.own-records",
}
"""What the demo tries in vain, and the rule that refuses it."""


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["demo", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(run("--json"))
    return facts


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return {lang: run("--lang", lang) for lang in ("zh", "en")}


def test_the_packaged_policy_is_the_one_of_the_examples() -> None:
    assert PACKAGED.read_bytes() == shop.POLICY.read_bytes()


def test_everything_refused_is_refused_by_the_right_rule(told: dict[str, Any]) -> None:
    refusals = [line["refusals"] for line in told["story"] if line["what"] == "refused"]
    assert sorted(rule["rule"] for rules in refusals for rule in rules) == sorted(REFUSED.values())


def test_every_refusal_that_rests_on_an_article_cites_it(told: dict[str, Any]) -> None:
    for line in told["story"]:
        for refusal in line.get("refusals", ()):
            assert refusal["reason"]["zh"]
            assert refusal["reason"]["en"]
            assert bool(refusal["clauses"]) != refusal["rule"].startswith("machine.")


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("what", REFUSED)
def test_every_refusal_is_shown_with_its_rule(
    texts: dict[str, str], lang: str, what: str
) -> None:
    assert REFUSED[what] in texts[lang]


@pytest.mark.parametrize(
    ("lang", "notice"),
    [
        ("zh", "所用政策为演示政策（设定人 demo），其数值不代表任何公司的规定"),
        ("en", "based on the demo policy (author demo); its numbers are no company's rules"),
    ],
    ids=["zh", "en"],
)
def test_it_says_first_and_last_that_its_numbers_are_the_demos(
    texts: dict[str, str], lang: str, notice: str
) -> None:
    assert texts[lang].count(notice) == 2
    assert notice in "\n".join(texts[lang].splitlines()[:5])


@pytest.mark.parametrize(
    ("lang", "passed"), [("zh", "✓ 核验通过"), ("en", "✓ passed")]
)
def test_it_ends_verified_against_the_roots_outside(
    told: dict[str, Any], texts: dict[str, str], lang: str, passed: str
) -> None:
    assert passed in texts[lang]
    assert told["verify"]["passed"]
    assert told["verify"]["anchored"] == told["verify"]["roots"] == 1
    assert told["verify"]["sealed"] == told["verify"]["entries"] == told["entries"]["total"]


def test_the_complaint_climbs_to_the_leader_by_itself(told: dict[str, Any]) -> None:
    climbed = [
        line["text"]["en"] for line in told["story"]
        if line["what"] == "clock" and not line["clauses"]
    ]
    assert climbed == [
        "complaint C1 was reported to the department head",
        "complaint C1 was raised to the company leader",
    ]


def test_the_refund_of_the_declined_order_goes_out_and_is_accepted(told: dict[str, Any]) -> None:
    outside = [line["text"]["en"] for line in told["story"] if line["what"] == "outside"]
    assert outside == ["refund request: order A4, ¥348.00; the shop accepts it"]


def test_what_passed_review_stays_shown_while_the_edit_is_reviewed(told: dict[str, Any]) -> None:
    words = [line["text"]["en"] for line in told["story"]]
    assert "still sees ¥68.00: what passed review stays on display" in words


def test_the_work_list_and_the_breaches_cite_their_clauses(told: dict[str, Any]) -> None:
    assert [w["subject"] for w in told["work_list"]][:2] == ["order/A6", "order/A6"]
    assert [w["state"] for w in told["work_list"]].count("breached") == 2
    assert {b["subject"] for b in told["breaches"]} == {"complaint/C1", "order/A3", "order/A6"}
    assert all(row["clauses"] for row in told["work_list"] + told["breaches"])
    assert [gap["what"] for gap in told["gaps"]] == ["messages"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_two_runs_print_the_same_whatever_the_storage(
    texts: dict[str, str], lang: str, tmp_path: Path
) -> None:
    assert run("--lang", lang, "--db", f"sqlite:///{tmp_path / 'mall.db'}") == texts[lang]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_it_leaves_in_a_folder_is_verified_by_the_command_it_names(
    lang: str, tmp_path: Path
) -> None:
    folder = tmp_path / "a folder"
    last = run("--lang", lang, "--out", str(folder)).splitlines()[-1]
    name, *command = shlex.split(last)
    assert name == "eldermall"
    result = CliRunner().invoke(app, [*command, "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["anchored"] == 1
    assert sorted(path.name for path in folder.iterdir()) == ["mall.db", "roots.jsonl"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_line_is_wider_than_100_columns(texts: dict[str, str], lang: str) -> None:
    assert max(map(cell_len, texts[lang].splitlines())) <= 100
    assert not [line for line in texts[lang].splitlines() if line.endswith(" ")]


def test_no_chinese_stands_in_the_english(texts: dict[str, str]) -> None:
    assert not [c for c in texts["en"] if "\u4e00" <= c <= "\u9fff"]


def test_a_story_that_is_not_refused_as_told_is_an_error() -> None:
    present, host = Present(), Host()
    lines: list[Line] = []
    with shop.open_mall("memory:", time=shop.Time(present())) as mall:
        stage = Stage(mall, present, host, lines.append)
        with pytest.raises(RuleBroken, match=r"in the demo x\.y didn't refuse: nothing"):
            stage.refused(OUYANG, Text("无", "nothing"), "x.y", lambda: None)
    assert lines == []

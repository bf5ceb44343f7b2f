"""The demo: real moves under the demo policy, told in both languages, the same each time."""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner

from eldermall import Mall
from eldermall.adapters.roots.file import RootsFile
from eldermall.cli import app, ending
from eldermall.cli.cast import OUYANG, on
from eldermall.cli.narrator import Narrator
from eldermall.cli.stage import Host, Line, Present, Stage
from eldermall.cli.story import play
from eldermall.engine.actor import STAFF
from eldermall.errors import RuleBroken
from eldermall.rooms.urging import Urge
from eldermall.texts import Lang, Text
from tests import shop

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
    "assistance is finished with a step open": "collection.every-step-marked@1",
    "more is ordered than is there": "stock.no-oversell@1",
    "a day is booked beyond its capacity": "capacity.no-overbooking@1",
    "a neighbour confirms a service": "services.confirmed-by-the-customer@1",
    "an exchange is approved in the wrong state": "machine.no-such-move",
    "an exchange is approved without a contact": "aftersales.contact-before-decision@1",
    "an exchange is approved without the facts": "aftersales.facts-before-going-on@1",
    "a return that must be granted is declined": "aftersales.no-refusal-when-conditions-met@1",
}
"""What the demo tries in vain, and the rule that refuses it."""


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["demo", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def played() -> Iterator[Mall]:
    present, host = Present(), Host()
    with shop.open_mall("memory:", now=present, plugins=[host]) as mall:
        play(Stage(mall, present, host, lambda line: None))
        yield mall


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(run("--json"))
    return facts


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return {lang: run("--lang", lang) for lang in ("zh", "en")}


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


def test_it_goes_through_every_room(played: Mall) -> None:
    with played.read() as tx:
        moved = {row.subject.partition("/")[0] for row in tx.entries()}
    assert moved == set(played.book.kinds)


def test_listings_are_collected_in_every_way_and_all_are_shown(played: Mall) -> None:
    ids = ("spring-tea", "acacia-honey", "walking-stick", "haircut")
    listings = [played.listings.get(id) for id in ids]
    assert [(n.mode, n.kind, n.display) for n in listings] == [
        ("merchant_self", "goods", "shown"), ("assisted", "goods", "shown"),
        ("self_operated", "goods", "shown"), ("merchant_self", "service", "shown"),
    ]
    assert played.assistance.get("H1").state == "done"


def test_news_of_a_parcel_that_come_twice_and_out_of_order_count_once_and_in_order(
    played: Mall, told: dict[str, Any]
) -> None:
    (parcel,) = played.orders.get("A1").parcels
    assert [event.status for event in parcel.events] == ["picked_up", "in_transit", "delivered"]
    assert parcel.delivered_at == parcel.events[-1].at
    words = [line["text"]["en"] for line in told["story"]]
    assert sum("5 messages, 3 events" in said for said in words) == 1


def test_the_courier_is_urged_twice_and_the_merchant_once_and_both_answer(played: Mall) -> None:
    with played.read() as tx:
        urges = [played.book.kind("urge").record(row) for row in tx.find("urge")]
    assert all(isinstance(urge, Urge) for urge in urges)
    assert sorted(
        (u.target, u.order, u.parcel, len(u.asked), u.state)  # type: ignore[attr-defined]
        for u in urges
    ) == [("courier", "A2", "P2", 2, "answered"), ("merchant", "A3", None, 1, "answered")]


def test_the_service_is_done_as_appointed_and_confirmed_by_the_daughter(played: Mall) -> None:
    order = played.orders.get("B1")
    assert order.served is not None
    assert (order.service, order.served.served_by) == ("completed", "kang")
    assert order.served.confirmed_by == "li-qin"
    assert played.capacity.get("haircut").reserved("2026-03-07") == 1


def test_the_return_ends_in_money_and_the_exchange_in_a_replacement(played: Mall) -> None:
    back, swapped = played.cases.get("R1"), played.cases.get("X1")
    assert (back.state, back.due, back.booked) == ("closed", 5600, 5600)
    assert (swapped.state, swapped.due) == ("closed", None)
    assert swapped.replaced_at is not None
    assert played.stock.get("acacia-honey").available(played.now()) == 1


def test_the_complaint_voiced_in_a_callback_is_taken_up_by_hand_and_closed(played: Mall) -> None:
    complaint = played.complaints.get("callback.A4")
    assert (complaint.state, complaint.escalated_by) == ("closed", "chen")
    assert complaint.opinion is not None
    assert complaint.opinion.by == "hu"
    assert played.callbacks.get("A4").complaint == complaint.id


def test_what_happens_by_itself_is_told(told: dict[str, Any]) -> None:
    by_itself = [
        line["text"]["en"] for line in told["story"]
        if line["what"] == "clock" and not line["clauses"]
    ]
    assert by_itself == [
        "acacia honey is down to the warning level",
        "acacia honey is sold out",
        "complaint C1 was reported to the department head",
        "the urge of the courier (A2 P2) opens by itself",
        "complaint C1 was raised to the company leader",
        "the urge of the merchant (A3) opens by itself",
        "no answer: the urge of the courier (A2 P2) is repeated",
    ]


def test_what_follows_from_a_move_is_told_right_after_it(told: dict[str, Any]) -> None:
    words = [line["text"]["en"] for line in told["story"]]
    ordered = words.index("orders A5: 1 tea and the last 2 honey, cash on delivery")
    assert words[ordered + 1 : ordered + 3] == ["acacia honey is sold out", "wants 1 more honey"]


def test_the_refund_of_the_returned_goods_goes_out_and_is_accepted(told: dict[str, Any]) -> None:
    outside = [line["text"]["en"] for line in told["story"] if line["what"] == "outside"]
    assert outside == ["refund request: order A1, 56.00 CNY; the shop accepts it"]


def test_every_line_stands_under_its_day_and_time_never_runs_back(told: dict[str, Any]) -> None:
    moments = [line["at"] for line in told["story"]]
    assert moments == sorted(moments)
    day = ""
    for line in told["story"]:
        day = line["at"][:10] if line["what"] == "day" else day
        assert line["at"][:10] == day


def test_each_day_has_scenes_and_ends_in_the_evening_with_its_clocks(told: dict[str, Any]) -> None:
    evenings = [line for line in told["story"] if line["what"] == "evening"]
    assert [line["at"][8:16] for line in evenings] == [f"0{day}T18:00" for day in range(2, 7)]
    late = [int(line["text"]["en"].split()[-2]) for line in evenings]
    assert late == [0, 1, 2, 3, 2]
    assert sum(w["state"] == "breached" for w in told["work_list"]) == late[-1]
    scenes = [line["at"][8:10] for line in told["story"] if line["what"] == "scene"]
    assert [scenes.count(f"0{day}") >= 3 for day in range(2, 7)] == [True] * 5
    assert scenes.count("02") == max(map(scenes.count, scenes))


def test_what_passed_review_stays_shown_while_the_edit_is_reviewed(told: dict[str, Any]) -> None:
    words = [line["text"]["en"] for line in told["story"]]
    assert "still sees 68.00 CNY: what passed review stays on display" in words


def test_the_work_list_and_the_breaches_cite_their_clauses(told: dict[str, Any]) -> None:
    assert [w["subject"] for w in told["work_list"]][:2] == ["order/A6", "order/A6"]
    late = [(row["subject"].partition(".")[0], row["part"]) for row in told["breaches"]]
    assert late == [
        ("complaint/C1", ""), ("order/A2", "P2"), ("complaint/C1", "head"), ("order/A6", ""),
        ("order/A3", "tea"), ("urge/urge", ""), ("order/A6", ""),
    ]
    assert all(row["clauses"] for row in told["work_list"] + told["breaches"])
    assert [gap["what"] for gap in told["gaps"]] == ["messages"]


def test_each_role_has_its_work_list(told: dict[str, Any]) -> None:
    work = told["work"]
    assert tuple(work) == STAFF
    assert "hand_over" in work["customer_service"][0]["moves"]
    assert [task["subject"] for task in work["department_head"]] == ["order/A6"]
    assert work["company_leader"] == []
    everything = {task["subject"] for task in work["operations"]}
    assert all({task["subject"] for task in tasks} <= everything for tasks in work.values())


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


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_it_fits_a_terminal_of_80_columns(
    lang: Lang, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    present, host, said = Present(), Host(), io.StringIO()
    console = Console(file=said, width=80, highlight=False, markup=False, emoji=False)
    plugins = [host, RootsFile(tmp_path / "roots.jsonl")]
    with shop.open_mall("memory:", now=present, plugins=plugins) as mall:
        play(Stage(mall, present, host, Narrator(console, lang)))
        ending.show(console, mall, ending.end(mall, tmp_path / "roots.jsonl"), lang)
    lines = said.getvalue().splitlines()
    assert max(map(cell_len, lines)) <= 80
    assert not [line for line in lines if "…" in line]
    tables = lines[max(n for n, line in enumerate(lines) if line.startswith("18:00  ·")) :]
    whole = [line for line in tables if re.search(r"  \d\d-\d\d \d\d:\d\d  +\S", line)]
    assert len(whole) == ending.SHOWN + 7  # the time limits that run, and the breaches


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_names_and_words_stand_in_columns(texts: dict[str, str], lang: str) -> None:
    rows = [line for line in texts[lang].splitlines() if re.match(r"\d\d:\d\d  [✓✗!>·]", line)]
    assert len(rows) > 100
    for row in rows:
        cells = [(cell_len(row[:n]), sign) for n, sign in enumerate(row)]
        around = {at: sign for at, sign in cells if at in (8, 9, 28, 29, 30)}
        assert around[8] == around[9] == around[28] == around[29] == " "
        assert around[30] != " "


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_words_of_a_clause_stand_where_it_is_cited_first(
    told: dict[str, Any], texts: dict[str, str], lang: str
) -> None:
    cited = {
        id for line in told["story"] for why in line.get("refusals", ()) for id in why["clauses"]
    }
    for id in cited:
        explained = re.findall(rf"^ +{id}  S\d", texts[lang], re.MULTILINE)
        assert len(explained) == 1


def test_no_chinese_stands_in_the_english(texts: dict[str, str]) -> None:
    assert not [c for c in texts["en"] if "\u4e00" <= c <= "\u9fff"]


def test_what_the_night_brought_is_told_under_the_new_day() -> None:
    present, host = Present(), Host()
    lines: list[Line] = []
    with shop.open_mall("memory:", now=present, plugins=[host]) as mall:
        stage = Stage(mall, present, host, lines.append)
        present.now = on(3, "04:00")
        shop.place(mall)  # nobody hands it over: that is overdue after 08:00
        stage.day(3, Text("星期二", "Tuesday"))
    assert [(line.mark, line.at) for line in lines] == [
        ("day", on(3, "08:30")), ("clock", on(3, "08:30")),
    ]


def test_a_story_that_is_not_refused_as_told_is_an_error() -> None:
    present, host = Present(), Host()
    lines: list[Line] = []
    with shop.open_mall("memory:", time=shop.Time(present())) as mall:
        stage = Stage(mall, present, host, lines.append)
        with pytest.raises(RuleBroken, match=r"in the demo x\.y didn't refuse: nothing"):
            stage.refused(OUYANG, Text("无", "nothing"), "x.y", lambda: None)
    assert lines == []

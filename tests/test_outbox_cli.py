"""``eldermall outbox``: lists what waits, has it tried again, drops it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from eldermall import RefundAnswer, RefundRequest, hookimpl
from eldermall.cli import app
from eldermall.contracts.events import CommittedEvent
from eldermall.engine.settings import Technical
from tests import databases, shop


class Deaf:
    name = "deaf"

    @hookimpl
    def eldermall_committed(self, event: CommittedEvent) -> None:
        raise OSError("nobody \x1b[31manswers")

    @hookimpl
    def eldermall_refund(self, request: RefundRequest) -> RefundAnswer:
        return RefundAnswer("failed", "closed account")


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A mall whose events and refund request were given up; one event is an hour younger."""
    monkeypatch.delenv("ELDERMALL_PLUGINS", raising=False)
    url, time = databases.url_of("sqlite", tmp_path), shop.Time()
    technical = Technical(attempts=1)
    with shop.open_mall(url, time, plugins=[Deaf()], technical=technical) as mall:
        shop.place(mall)
        shop.pay(mall)
        mall.orders.cancel("A1", reason="changed my mind", by=shop.CUSTOMER)
        time.pass_(hours=1)
        shop.place(mall, "A2")
        mall.relay()
    return url


def outbox(what: str, url: str, *more: str) -> Result:
    return CliRunner().invoke(
        app, ["outbox", what, url, *more, "--policy", str(shop.POLICY), "--lang", "en"]
    )


def listed(url: str, *more: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(outbox("list", url, "--json", *more).stdout)[
        "messages"
    ]
    return found


def test_what_was_given_up_is_listed_and_is_a_finding(url: str) -> None:
    done = outbox("list", url)
    assert done.exit_code == 1
    assert "order/A1#1.0@deaf" in done.stdout
    assert "closed account" in done.stdout
    assert "\x1b" not in done.stdout
    states = {message["state"] for message in listed(url)}
    assert states == {"dead"}
    assert outbox("list", url, "--state", "withdrawn").exit_code == 0


def test_a_list_is_narrowed_by_topic_receiver_and_span(url: str) -> None:
    later = "2026-03-02T10:30+08:00"
    assert {m["topic"] for m in listed(url, "--topic", "refund")} == {"refund"}
    assert {m["receiver"] for m in listed(url, "--receiver", "deaf")} == {"deaf"}
    early = {m["id"] for m in listed(url, "--until", later)}
    late = {m["id"] for m in listed(url, "--since", later)}
    assert early | late == {m["id"] for m in listed(url)}
    assert not early & late
    assert len(listed(url, "--limit", "1")) == 1


def test_messages_are_tried_again_by_topic_and_by_id(url: str) -> None:
    done = outbox("retry", url, "--topic", "refund", "--json")
    assert (done.exit_code, json.loads(done.stdout)["retried"]) == (0, 1)
    (id, *_) = (m["id"] for m in listed(url, "--state", "dead"))
    assert json.loads(outbox("retry", url, id, "--json").stdout)["retried"] == 1
    assert len(listed(url, "--state", "pending")) == 2
    rest = len(listed(url, "--state", "dead"))
    assert f"messages to be tried again: {rest}" in outbox("retry", url, "--all").stdout


@pytest.mark.parametrize(
    ("what", "more", "words"),
    [
        ("retry", [], "needs one of: ids"),
        ("retry", ["order/A1#1.0@deaf", "--all"], "needs one of: ids"),
        ("retry", ["order/A9#1.0"], "there is no message order/A9#1.0"),
        ("retry", ["--since", "monday"], "must be a time with its zone"),
        ("drop", ["root.1@roots", "--by", "ops", "--reason", "gone"], "there is no message root.1"),
        ("drop", ["order/A1#1.0", "--by", "ops", "--reason", "no"], "has ended already"),
        ("drop", ["order/A1#1.0@deaf", "--by", "ops", "--reason", " "], "not only blanks"),
        ("drop", ["order/A1#1.0@deaf", "--by", "", "--reason", "no"], "an id is 1 to 64"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_changes(
    url: str, what: str, more: list[str], words: str
) -> None:
    before = listed(url)
    done = outbox(what, url, *more)
    assert done.exit_code == 2
    assert words in done.stderr
    assert listed(url) == before


def test_a_message_is_dropped_with_a_name_and_a_reason(url: str) -> None:
    (refund,) = (m["id"] for m in listed(url, "--topic", "refund"))
    assert outbox("drop", url, refund, "--by", "ops").exit_code == 2
    done = outbox("drop", url, refund, "--by", "ops", "--reason", "paid in cash")
    assert (done.exit_code, done.stdout) == (0, f"dropped the message {refund}\n")
    (dropped,) = listed(url, "--state", "withdrawn")
    assert (dropped["id"], dropped["reason"]) == (refund, "dropped by ops")
    with shop.open_mall(url) as mall:
        entry = mall.journal("refund", "A1.1")[-1]
        assert (entry["outcome"], entry["actor"]["id"]) == ("withdrawn", "ops")
        assert mall.verify().passed

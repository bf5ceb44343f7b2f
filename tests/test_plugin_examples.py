"""The plugins of ``examples/plugins``, each loaded as one file and used against real servers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, get_args

import pytest
from examples.plugins.outside import Outside
from examples.plugins.visits import Visits

from eldermall import Mall, person
from eldermall.adapters.storage.memory import MemoryStorage
from eldermall.contracts.courier import Courier, Parcel, Tracked, TrackingEvent
from eldermall.contracts.storage import MessageState
from eldermall.plugins import Plugins
from tests import shop

PLUGINS = shop.ROOT / "examples" / "plugins"


class Server:
    """A vendor's server: answers what it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str]] = []
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size)) if size else None
                outer.asked.append((self.path, dict(self.headers), body))
                status, text = outer.answers.pop(0)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(text.encode())

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def say(self, status: int, **facts: Any) -> None:
        """Let the next answer be this."""
        self.answers.append((status, json.dumps(facts)))


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.http.shutdown()
    thread.join()
    made.http.server_close()


@pytest.mark.parametrize("name", ["courier.py", "notifier.py"])
def test_a_reference_plugin_has_fewer_than_60_lines(name: str) -> None:
    assert len((PLUGINS / name).read_text(encoding="utf-8").splitlines()) < 60


# The courier


@pytest.fixture
def swift(server: Server, monkeypatch: pytest.MonkeyPatch) -> Courier:
    monkeypatch.setenv("SWIFT_POST_URL", server.url)
    plugins = Plugins([str(PLUGINS / "courier.py")])
    assert plugins.courier("other") is None
    courier = plugins.courier("swift")
    assert courier is not None
    return courier


PARCEL = Parcel("SW 1/2", "swift")
STEP = {"code": "40", "time": "2026-03-02T09:00:00+08:00", "text": "signed", "place": "Harbin"}


def test_the_courier_says_what_happened_to_a_parcel(swift: Courier, server: Server) -> None:
    server.say(200, code="0", steps=[STEP, {**STEP, "code": "77"}])
    at = datetime(2026, 3, 2, 1, tzinfo=UTC)
    tracked = swift.track(PARCEL)
    assert tracked == Tracked(
        "ok",
        (
            TrackingEvent("delivered", at, "40", "signed", "Harbin"),
            TrackingEvent("unknown", at, "77", "signed", "Harbin"),
        ),
    )
    assert server.asked[0][0] == "/SW%201/2"


def test_that_nothing_is_known_yet_is_an_answer(swift: Courier, server: Server) -> None:
    server.say(200, code="0", steps=[])
    assert swift.track(PARCEL) == Tracked("no_data")


@pytest.mark.parametrize(
    ("code", "result"),
    [("401", "auth"), ("404", "not_found"), ("429", "rate_limited"), ("500", "transient"),
     ("999", "permanent")],
)
def test_the_courier_sees_a_failure_inside_a_good_reply(
    swift: Courier, server: Server, code: str, result: Any
) -> None:
    server.say(200, code=code, message="no")
    assert swift.track(PARCEL) == Tracked(result, code=code, reason="no")


def test_a_courier_that_cannot_be_asked_is_asked_again(swift: Courier, server: Server) -> None:
    server.answers += [(503, ""), (200, "<html>")]
    assert [swift.track(PARCEL).result for _ in range(2)] == ["transient", "transient"]


# The notifier


@pytest.fixture
def breached(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Mall, shop.Time]]:
    monkeypatch.setenv("CHAT_URL", server.url)
    time = shop.Time()
    with shop.open_mall(time=time, plugins=[str(PLUGINS / "notifier.py")]) as mall:
        shop.staff(mall)
        shop.place(mall)
        time.pass_(hours=5)
        mall.sweep()
        yield mall, time


def notices(mall: Mall) -> list[tuple[str, str]]:
    every = mall.messages(*get_args(MessageState))
    return [(m.state, m.reason) for m in every if m.topic == "notice" and "@" in m.id]


def test_the_notifier_tells_each_role_once(
    breached: tuple[Mall, shop.Time], server: Server
) -> None:
    mall, _ = breached
    for number in range(10):
        server.say(200, errcode=0, msgid=f"m{number}")
    mall.relay()
    said = [(body["group"], body["text"]) for _, _, body in server.asked]
    assert said
    assert all("order/A1" in text and "已超期" in text for _, text in said)
    assert len({headers["Idempotency-Key"] for _, headers, _ in server.asked}) == len(said)
    assert set(notices(mall)) == {("accepted", "")}


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (200, {"errcode": 45009, "errmsg": "busy"}, ("pending", "rate_limited: busy")),
        (200, {"errcode": 93000, "errmsg": "bad"}, ("dead", "permanent_content: bad")),
        (500, {}, ("pending", "transient: HTTPError")),
    ],
)
def test_the_notifier_sees_a_failure_inside_a_good_reply(
    breached: tuple[Mall, shop.Time], server: Server, status: int, said: Any, expected: Any
) -> None:
    mall, time = breached
    for _ in range(10):
        server.say(status, **said)
    mall.relay()
    assert set(notices(mall)) == {expected}
    asked = [headers["Idempotency-Key"] for _, headers, _ in server.asked]
    time.pass_(minutes=1)
    server.answers.clear()
    for _ in range(10):
        server.say(200, errcode=0, msgid="m")
    mall.relay()
    again = [headers["Idempotency-Key"] for _, headers, _ in server.asked][len(asked):]
    assert sorted(again) == (sorted(asked) if expected[0] == "pending" else [])


# The host's own rule, kind, days, policy and ways outward


@pytest.mark.parametrize(
    ("who", "total", "rules"),
    [
        ("li", 20_000, ()),
        ("li", 20_001, ("house.within-family-limit@1",)),
        ("wang", 20_001, ()),
        ("nobody", 1, ("house.within-family-limit@1",)),
    ],
)
def test_the_host_s_rule_holds_orders_to_the_family_s_limit(
    who: str, total: int, rules: tuple[str, ...]
) -> None:
    with shop.open_mall(plugins=[str(PLUGINS / "host_rule.py")]) as mall:
        decision = mall.may.orders.place(
            "A1", customer=who, total=total, by=person(who, "customer"),
            lines=[{"id": "1", "listing": "tea", "quantity": 1, "amount": total}],
        )
    assert decision.rules == rules
    assert set(decision.clauses) == ({"HOUSE-1"} if rules else set())


def test_the_host_s_kind_has_its_own_room(url: str) -> None:
    with shop.open_mall(url, plugins=[str(PLUGINS / "visits.py")]) as mall:
        visits = mall.room(Visits)
        visits.book("V1", customer="li", volunteer="wu", by=shop.SERVICE)
        visits.book("V2", customer="wang", volunteer="wu", by=shop.SERVICE)
        visits.finish("V1", by=shop.AGENT)
        with mall.read() as tx:
            assert [row.id for row in tx.find("visit", customer="li")] == ["V1"]
            assert [row.id for row in tx.find("visit", open=True)] == ["V2"]
        assert visits.get("V1").state == "done"
        assert mall.verify().passed


def test_the_host_s_days_fill_the_year_that_the_calendar_does_not_know() -> None:
    names = [str(PLUGINS / "days.py"), "eldermall.adapters.calendar.chinese"]
    for plugins in (Plugins(names), Plugins(names[::-1])):
        assert plugins.rest_days(date(2026, 10, 7)) == "rest"
        assert plugins.rest_days(date(2026, 10, 10)) == "workday"
        assert plugins.rest_days(date(2027, 1, 30)) == "workday"
        assert plugins.rest_days(date(2027, 2, 8)) == "rest"
        assert plugins.rest_days(date(2028, 2, 8)) is None


def test_the_host_s_policy_is_opened_by_name() -> None:
    with shop.open_mall(policy="pack:trial", plugins=[str(PLUGINS / "days.py")]) as mall:
        assert mall.policy.settings.values
        assert mall.policy.settings.mode("shipping.paid-first", mall.now()) == "observe"


def test_what_leaves_the_mall_arrives_outside(tmp_path: Path) -> None:
    outside = Outside(tmp_path)
    with shop.open_mall("trial:", plugins=[outside]) as mall:
        assert isinstance(mall.storage, MemoryStorage)
        shop.staff(mall)
        shop.place(mall)
        shop.pay(mall)
        shop.accept(mall)
        shop.ship(mall)
        shop.place(mall, "A2")
        shop.pay(mall, "A2")
        mall.orders.cancel("A2", reason="ordered twice", by=shop.CUSTOMER)
        mall.seal()
        mall.relay()
        (shipped,) = outside.shipped
        assert shipped.startswith("main/order/A1#")
        (refund,) = tmp_path.glob("refund-*")
        assert refund.name == "refund-A2.txt"
        assert refund.read_text().endswith(" 27000 CNY\n")
        kept = [path.read_bytes() for path in tmp_path.glob("main-*.json")]
        assert mall.verify(kept).anchored == 1

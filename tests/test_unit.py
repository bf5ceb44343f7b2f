"""The unit of work: keys, versions, time, malls, reactions, clocks that fail, and the outbox."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eldermall import (
    Conflict,
    KeyReused,
    Mall,
    Refused,
    StorageError,
    Technical,
    Text,
    Unknown,
    hookimpl,
)
from eldermall.calendars import HOUR, MINUTE
from eldermall.contracts.events import CommittedEvent, RefundAnswer, RefundRequest
from eldermall.contracts.storage import Message
from eldermall.engine.clock import Clock
from eldermall.engine.rule import AT, Rule
from eldermall.errors import RuleBroken
from eldermall.rooms.complaints import Complaints
from eldermall.rules.complaints import ANSWER_LIMIT
from tests import databases, shop

WORD = Text("词", "word")
DAYS = timedelta(days=1)


@pytest.fixture(params=databases.ALL)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return databases.url_of(request.param, tmp_path)


def entries(mall: Mall) -> int:
    return mall.verify().entries


def said(mall: Mall, kind: str, id: str) -> list[tuple[str, str]]:
    return [(entry["what"], entry["outcome"]) for entry in mall.journal(kind, id)]


def pay(mall: Mall, id: str = "A1", reference: str = "ref", **more: Any) -> Any:
    given: dict[str, Any] = {"by": shop.PAYMENTS, "key": "k"}
    return mall.orders.paid(id, 27000, reference, **given | more)


# Idempotency keys


def test_the_same_key_with_the_same_content_happens_once_and_returns_the_record_as_it_is_now(
    mall: Mall,
) -> None:
    shop.place(mall)
    first = pay(mall)
    shop.accept(mall)
    before = entries(mall)
    again = pay(mall)
    assert (first.goods, again.goods) == ("submitted", "accepted")
    assert again == mall.orders.get("A1")
    assert entries(mall) == before


@pytest.mark.parametrize(
    "other",
    [
        {"id": "A2"}, {"reference": "another"}, {"by": shop.OPERATIONS}, {"at": shop.START},
        {"currency": "USD"},
    ],
    ids=str,
)
def test_the_same_key_with_other_content_is_refused_and_changes_nothing(
    mall: Mall, other: dict[str, Any]
) -> None:
    shop.place(mall)
    shop.place(mall, "A2")
    pay(mall)
    before = entries(mall)
    with pytest.raises(KeyReused, match=r"order\.pay k was used|key k of order\.pay"):
        pay(mall, **other)
    assert entries(mall) == before + 1
    assert said(mall, "order", other.get("id", "A1"))[-1] == ("order.pay", "conflict")
    assert mall.orders.get("A2").payment == "unpaid"


def test_a_key_belongs_to_one_command(mall: Mall) -> None:
    shop.place(mall, key="k")
    pay(mall, key="k")
    mall.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE, key="k")
    assert mall.orders.get("A1").version == 3


def test_a_refusal_does_not_use_up_a_key(mall: Mall) -> None:
    shop.place(mall)
    shop.accept(mall)
    shop.refusal(shop.ship, mall, key="k")
    shop.pay(mall)
    shop.ship(mall, key="k")
    assert mall.orders.get("A1").goods == "shipped"


def test_a_conflict_does_not_use_up_a_key(mall: Mall) -> None:
    shop.place(mall)
    with pytest.raises(Conflict):
        pay(mall, expect=7)
    assert pay(mall).payment == "paid"


def test_a_sweep_forgets_keys_after_90_days_and_not_before(mall: Mall, time: shop.Time) -> None:
    shop.place(mall, key="k")
    time.pass_(days=90)
    mall.sweep()
    shop.place(mall, key="k")
    time.pass_(microseconds=1)
    mall.sweep()
    assert shop.refusal(shop.place, mall, key="k").rules == ("machine.record-exists",)


# Versions


def test_a_move_that_expects_the_version_that_stands_is_made(mall: Mall) -> None:
    shop.place(mall, expect=0)
    assert pay(mall, expect=1).version == 2


@pytest.mark.parametrize("expect", [0, 2, 99])
def test_a_move_that_expects_another_version_is_a_conflict_and_in_the_journal(
    mall: Mall, expect: int
) -> None:
    shop.place(mall)
    with pytest.raises(Conflict, match=f"is at version 1, not {expect} as expected") as conflict:
        pay(mall, expect=expect)
    assert conflict.value.retry == "command"
    assert mall.orders.get("A1").payment == "unpaid"
    assert said(mall, "order", "A1")[-1] == ("order.pay", "conflict")
    assert mall.verify().passed


# Time


@pytest.mark.parametrize(
    ("off", "rule"),
    [
        (timedelta(hours=-2), None), (timedelta(minutes=3), None),
        (timedelta(hours=-2, microseconds=-1), "time.backdated"),
        (timedelta(minutes=3, microseconds=1), "time.future"),
    ],
)
def test_how_far_from_now_something_may_have_happened_is_a_technical_setting(
    url: str, time: shop.Time, off: timedelta, rule: str | None
) -> None:
    technical = Technical(backdating=2 * HOUR, future=3 * MINUTE)
    with shop.open_mall(url, time, technical=technical) as mall:
        if rule is None:
            shop.place(mall, at=time.now + off)
            entry = mall.journal("order", "A1")[0]
            assert (entry["at"], entry["recorded"]) == (shop.us(time.now + off), mall.now())
        else:
            assert shop.refusal(shop.place, mall, at=time.now + off).rules == (rule,)
            assert said(mall, "order", "A1") == [("order.place", "refused")]


def test_a_refused_attempt_on_what_is_not_there_has_a_chain_of_its_own(mall: Mall) -> None:
    assert shop.refusal(shop.pay, mall, "A9").rules == ("machine.no-record",)
    assert said(mall, "order", "A9") == [("order.pay", "refused")]
    shop.place(mall, "A9")
    assert [entry["seq"] for entry in mall.journal("order", "A9")] == [1, 2]
    assert mall.verify().passed


# Several malls


def test_two_malls_in_one_file_know_nothing_of_each_other(tmp_path: Path) -> None:
    url, time = databases.url_of("sqlite", tmp_path), shop.Time()
    with shop.open_mall(url, time) as east, shop.open_mall(url, time, code="west") as west:
        shop.staff(east)
        shop.place(east, key="k")
        pay(east)
        before = entries(east)
        with pytest.raises(Unknown):
            west.orders.get("A1")
        assert west.clocks() == []
        assert west.messages() == []
        shop.staff(west)
        shop.place(west, key="k", cash_on_delivery=True)
        pay(west)
        time.pass_(days=9)
        assert west.sweep().breached > 0
        west.seal()
        west.relay()
        assert entries(east) == before
        assert (east.verify().roots, west.verify().roots) == (0, 1)
        assert east.journal("order", "A1")[0]["mall"] == "main"
        assert west.journal("order", "A1")[0]["mall"] == "west"
        assert east.verify().passed
        assert west.verify().passed


def test_two_prefixes_in_one_file_are_two_databases(tmp_path: Path) -> None:
    url = databases.url_of("sqlite", tmp_path)
    with shop.open_mall(url) as one, shop.open_mall(url, prefix="shop2_") as other:
        shop.place(one)
        assert entries(other) == 0
        shop.place(other)
    with shop.open_mall(url, prefix="shop2_") as other:
        assert entries(other) == 1


@pytest.mark.parametrize("prefix", ["a-b", "1st", "x" * 33, 'x"; DROP TABLE y; --', "é", None])
def test_a_prefix_that_could_be_more_than_a_name_is_refused(tmp_path: Path, prefix: Any) -> None:
    with pytest.raises(StorageError, match="prefix"):
        shop.open_mall(databases.url_of("sqlite", tmp_path), prefix=prefix)


# Reactions


def test_a_refused_reaction_refuses_the_whole_unit_and_says_why(mall: Mall) -> None:
    for id in ("A1", "A2"):
        shop.place(mall, id)
    pay(mall, "A1", "ref", key="a")
    before = mall.messages()
    decision = shop.refusal(pay, mall, "A2", "ref", key="b")
    assert decision.subject == "order/A2"
    assert decision.rules == ("machine.record-exists",)
    assert "booking ref exists already" in decision.text.en
    assert {v.rule for v in decision.verdicts if v.outcome == "allowed"} == {
        "people.designated-for-order@1", "people.not-in-ones-own-matter@1"
    }
    assert mall.orders.get("A2").payment == "unpaid"
    assert said(mall, "order", "A2") == [("order.place", "moved"), ("order.pay", "refused")]
    assert said(mall, "booking", "ref") == [("booking.book", "moved")]
    reaction = mall.journal("order", "A2")[-1]["reaction"]
    assert (reaction["subject"], reaction["move"]) == ("booking/ref", "book")
    assert [v["rule"] for v in reaction["verdicts"]] == ["machine.record-exists"]
    assert mall.messages() == before
    assert mall.verify().passed


def test_a_reaction_names_the_entry_that_caused_it(mall: Mall) -> None:
    shop.place(mall)
    pay(mall)
    (entry,) = mall.journal("booking", "ref")
    assert entry["actor"] == {"id": "system", "role": "system", "cause": "order/A1#2"}


def test_what_follows_from_a_move_happened_when_the_move_did(
    mall: Mall, time: shop.Time
) -> None:
    shop.place(mall)
    shop.accept(mall)
    pay(mall)
    shop.ship(mall)
    mall.orders.deliver("A1", parcel="p-tea-honey", by=shop.COURIER)
    done = time.now
    time.pass_(hours=20)
    mall.orders.complete("A1", by=shop.CUSTOMER, at=done)
    (started,) = shop.clocks(mall, "callback.first-call-in-time", "callback/A1").values()
    assert started.started == shop.us(done)
    assert mall.callbacks.get("A1").created_at == mall.orders.get("A1").completed_at


# Clocks and rules that fail


class Bringing:
    """A plugin that brings rules and clocks."""

    def __init__(self, *things: Rule | Clock) -> None:
        self.things = things

    @hookimpl
    def eldermall_rules(self) -> Iterable[Rule | Clock]:
        return self.things


class Faulty:
    """Code that fails from when it is told to until it is repaired."""

    broken = False

    def __call__(self, *_: Any) -> Any:
        if self.broken:
            raise KeyError("broken code")
        return True


def clock(**more: Any) -> Clock:
    given: dict[str, Any] = {
        "id": "test.clock", "label": WORD, "clauses": ("S19-14",), "kind": "complaint",
        "runs": lambda c: {"": c.created_at},
        "met": lambda c, part: True, "limit": ANSWER_LIMIT, "starts": WORD, "stops": WORD,
        "told": ("operations",),
    }
    return Clock(**given | more)


def complain(mall: Mall, id: str) -> None:
    mall.complaints.receive(id, customer=shop.CUSTOMER.id, words="cold", by=shop.CUSTOMER)


def failing(faulty: Faulty, what: str, move: str) -> Rule | Clock:
    """Return a rule on ``move``, or a clock, whose code fails; or a clock whose move is refused."""
    if what == "rule":
        return Rule(
            id="test.rule", label=WORD, clauses=("S19-14",), needs=(AT,), reason=WORD,
            guards=getattr(Complaints, move).guard, check=faulty,
        )
    if what == "move":
        return clock(on_breach="answer")
    if what == "adjust":
        return clock(adjust=lambda c, part, due: due * faulty())
    return clock(runs=lambda c: {"": c.created_at} if faulty() else {})


@pytest.mark.parametrize("what", ["rule", "runs", "adjust"])
def test_code_that_fails_in_a_move_is_named_and_nothing_moves(
    url: str, time: shop.Time, what: str
) -> None:
    faulty = Faulty()
    bringing = Bringing(failing(faulty, what, "receive"))
    with shop.open_mall(url, time, plugins=[bringing]) as mall:
        faulty.broken = True
        with pytest.raises(RuleBroken, match=r"test\.(rule@1|clock@1).*broken code"):
            complain(mall, "C1")
        with pytest.raises(Unknown):
            mall.complaints.get("C1")
        assert mall.verify().passed
        faulty.broken = False
        complain(mall, "C1")


@pytest.mark.parametrize("what", ["move", "rule", "runs", "adjust"])
def test_a_clock_that_fails_is_in_the_journal_stops_no_other_and_is_tried_again(
    url: str, time: shop.Time, what: str
) -> None:
    faulty = Faulty()
    bringing = Bringing(failing(faulty, what, "escalate"))
    with shop.open_mall(url, time, plugins=[bringing]) as mall:
        shop.staff(mall)
        complain(mall, "C1")
        time.pass_(minutes=1)
        shop.place(mall)
        time.pass_(days=2)
        faulty.broken = True
        swept = mall.sweep()
        assert [failure.subject for failure in swept.failed] == ["complaint/C1"]
        assert swept.breached >= 2, "the order's clocks were not acted on"
        assert ("clock.failed", "failed") in said(mall, "complaint", "C1")
        before = entries(mall)
        assert mall.sweep().failed == ()
        assert entries(mall) == before
        time.pass_(minutes=1)
        again = what != "adjust"  # which isn't asked once its clock's own breach is noted
        assert len(mall.sweep().failed) == again
        faulty.broken = False
        time.pass_(minutes=1)
        failed = mall.sweep().failed
        assert len(failed) == (what == "move")
        assert mall.complaints.get("C1").state == "escalated"
        breach = [e for e in mall.journal("complaint", "C1") if e["what"] == "clock.breached"]
        assert {e["at"] for e in breach} == {shop.us(shop.START + DAYS) + 1}
        assert mall.verify().passed


# The outbox


class Listening:
    """A host that hears of events, and may fail or do something of its own meanwhile."""

    def __init__(self, then: Callable[[], Any] = lambda: None) -> None:
        self.then = then
        self.heard: list[CommittedEvent] = []

    @hookimpl
    def eldermall_committed(self, event: CommittedEvent) -> None:
        self.heard.append(event)
        self.then()


def fail() -> None:
    raise ConnectionError("the host is down")


def one_message(mall: Mall) -> Message:
    """Return the one message that there is: its receiver's, once it has one."""
    found = mall.messages("pending", "delivered", "dead", "suppressed")
    return found[-1] if len(found) == 2 and "@" in found[1].id else found[0]


def test_a_failed_message_is_tried_again_later_and_later_and_ends_as_dead(
    url: str, time: shop.Time
) -> None:
    host = Listening(fail)
    technical = Technical(attempts=5)
    with shop.open_mall(url, time, plugins=[host], technical=technical) as mall:
        shop.place(mall)
        for tried, minutes in enumerate((1, 2, 4, 8), 1):
            assert mall.relay().retried == 1
            message = one_message(mall)
            assert message.reason == "ConnectionError: the host is down"
            assert (message.attempts, message.next) == (tried, mall.now() + minutes * MINUTE)
            time.pass_(minutes=minutes, microseconds=-1)
            assert mall.relay().retried == 0
            time.pass_(microseconds=1)
        assert mall.relay().ended == {"dead": 1}
        assert one_message(mall).next is None
        time.pass_(days=30)
        mall.relay()
        assert len(host.heard) == 5
        assert len({event.id for event in host.heard}) == 1


def test_a_message_that_another_relay_holds_is_left_alone_until_its_claim_runs_out(
    url: str, time: shop.Time
) -> None:
    host = Listening()
    with shop.open_mall(url, time, plugins=[host]) as mall:
        shop.place(mall)
        message, until = one_message(mall), mall.now() + 5 * MINUTE
        with mall.storage.write("main") as tx:
            (mine,) = tx.claim_messages(mall.now(), 10, until)
            assert mine.id == message.id
            assert not tx.claim_messages(mall.now(), 10, until)
        time.pass_(minutes=5, microseconds=-1)
        assert mall.relay().ended == {}
        time.pass_(microseconds=1)
        assert mall.relay().ended == {"delivered": 1}
        with mall.read() as tx:
            (first, second) = tx.messages(("delivered",))
        assert (first.id, first.attempts) == (message.id, 2)
        assert (second.id, second.attempts) == (f"{message.id}@Listening", 1)


def test_a_relay_inside_a_delivery_does_not_deliver_the_same_twice(
    url: str, time: shop.Time
) -> None:
    host = Listening()
    with shop.open_mall(url, time, plugins=[host]) as mall:
        host.then = mall.relay
        for id in ("A1", "A2", "A3"):
            shop.place(mall, id)
        mall.relay()
        assert sorted(e.subject for e in host.heard) == ["order/A1", "order/A2", "order/A3"]


def test_an_observer_may_move_things_because_no_transaction_is_open(
    url: str, time: shop.Time
) -> None:
    host = Listening()
    with shop.open_mall(url, time, plugins=[host]) as mall:
        shop.staff(mall)
        mall.relay()
        shop.place(mall)
        host.then = lambda: None if mall.orders.get("A1").paid_at else shop.pay(mall)
        mall.relay()
        assert mall.orders.get("A1").payment == "paid"


def test_what_was_refused_or_rolled_back_is_never_told(url: str, time: shop.Time) -> None:
    host = Listening()
    with shop.open_mall(url, time, plugins=[host]) as mall:
        shop.refusal(shop.pay, mall)
        with pytest.raises(Conflict):
            shop.place(mall, expect=3)
        mall.relay()
        assert host.heard == []


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (RefundAnswer("accepted", "later"), "accepted"), (RefundAnswer("booked"), "accepted"),
        (RefundAnswer("failed", "no account"), "dead"), (RefundAnswer("unknown"), "pending"),
        (None, "pending"),
    ],
    ids=str,
)
def test_a_refund_request_ends_as_the_host_answers(
    url: str, time: shop.Time, answer: RefundAnswer | None, state: str
) -> None:
    asked: list[RefundRequest] = []

    class Bank:
        @hookimpl
        def eldermall_refund(self, request: RefundRequest) -> RefundAnswer | None:
            asked.append(request)
            return answer

    with shop.open_mall(url, time, plugins=[Bank()]) as mall:
        shop.staff(mall)
        shop.place(mall)
        shop.pay(mall)
        mall.orders.cancel("A1", reason="changed my mind", by=shop.CUSTOMER)
        mall.relay()
        (request,) = asked
        assert (request.order, request.amount, request.currency) == ("A1", 27000, "CNY")
        messages = mall.messages("accepted", "delivered", "dead", "pending")
        assert [m.state for m in messages if m.topic == "refund"] == [state]


# Loading


@pytest.mark.parametrize(
    "code",
    ["import eldermall", "import eldermall; dir(eldermall)",
     "from eldermall import Actor, person, moment, Text",
     "import eldermall.hooks, eldermall.contracts.storage",
     "from eldermall import Mall; Mall.open('memory:', policy='pack:demo')"],
)
def test_importing_loads_no_database_no_command_line_and_no_adapter(code: str) -> None:
    script = f"{code}\nimport sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=shop.ROOT
    )
    loaded = set(done.stdout.split())
    heavy = {"sqlalchemy", "alembic", "typer", "rich", "eldermall.adapters.storage.sql"}
    assert loaded & heavy == set()
    if "Mall.open" not in code:
        assert not {name for name in loaded if name.startswith("eldermall.adapters")}


def test_a_refusal_is_raised_after_its_entry_is_written(mall: Mall) -> None:
    shop.place(mall)
    try:
        shop.ship(mall)
    except Refused:
        assert said(mall, "order", "A1")[-1] == ("order.ship", "refused")

"""The outbox: each receiver has its own delivery, no topic waits for another, no id repeats."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eldermall import (
    Invalid,
    Mall,
    Overtaken,
    PluginError,
    RefundAnswer,
    RefundRequest,
    StorageError,
    Unknown,
    hookimpl,
)
from eldermall.adapters.roots.file import RootsFile
from eldermall.adapters.storage import memory
from eldermall.adapters.storage.memory import MemoryStorage
from eldermall.calendars import DAY, HOUR, MINUTE
from eldermall.contracts.events import CommittedEvent, SealedRoot
from eldermall.contracts.notification import Notice, NoticeAnswer
from eldermall.contracts.storage import Message, MessageState, Storage, StorageCapabilities
from eldermall.delivery import deliver
from eldermall.engine.mending import Chosen
from eldermall.engine.outbox import TOPICS, Outcome, _settled, following
from eldermall.engine.settings import Technical
from eldermall.engine.supply import _given
from eldermall.plugins import Plugins
from eldermall.reports.todo import gaps
from tests import shop

STATES: Sequence[MessageState] = get_args(MessageState)


class Ear:
    """A plugin that hears events, sends notices and keeps roots, and fails while it is told to."""

    def __init__(self, name: str, fails: bool = False) -> None:
        self.name = name
        self.fails = fails
        self.tried: list[str] = []
        self.heard: list[str] = []

    def _hear(self, what: str) -> None:
        self.tried.append(what)
        if self.fails:
            raise ConnectionError("down")
        self.heard.append(what)

    @hookimpl
    def eldermall_committed(self, event: CommittedEvent) -> None:
        self._hear(event.id)

    @hookimpl
    def eldermall_notify(self, notice: Notice) -> NoticeAnswer:
        self._hear(notice.key)
        return NoticeAnswer("delivered")

    @hookimpl
    def eldermall_root(self, root: SealedRoot) -> None:
        self._hear(f"root.{root.number}")


class Plain(MemoryStorage):
    """A storage without lanes."""

    capabilities = StorageCapabilities()


class Shelf:
    """The plugin that brings it."""

    @hookimpl
    def eldermall_storage(self, url: str) -> Storage | None:
        return Plain() if url == "plain:" else None


@pytest.fixture
def time() -> shop.Time:
    return shop.Time()


def every(mall: Mall) -> list[Message]:
    return list(mall.messages(*STATES, limit=10_000))


def busy(mall: Mall, time: shop.Time) -> None:
    """Make events, notices, roots and a refund request."""
    shop.staff(mall)
    shop.place(mall)
    shop.pay(mall)
    mall.orders.cancel("A1", reason="changed my mind", by=shop.CUSTOMER)
    shop.place(mall, "A2")
    time.pass_(hours=5)
    mall.sweep()
    mall.seal()


# Each receiver by itself


@settings(max_examples=shop.times(30), deadline=None)
@given(
    ears=st.lists(st.booleans(), min_size=1, max_size=4),
    rounds=st.lists(st.lists(st.booleans(), min_size=4, max_size=4), max_size=3),
    threads=st.booleans(),
)
def test_what_one_receiver_hears_does_not_depend_on_the_others(
    ears: list[bool], rounds: list[list[bool]], threads: bool
) -> None:
    """Whoever is sound in a round hears all of it once; whoever fails is tried again, alone."""
    time = shop.Time()
    all_ears = [Ear(f"ear{n}", fails) for n, fails in enumerate(ears)]
    technical = Technical(threads=threads)
    with shop.open_mall("memory:", time, plugins=all_ears, technical=technical) as mall:
        busy(mall, time)
        mall.relay()
        born = {shop.born(m.id) for m in every(mall) if m.topic != "refund"}
        for again in rounds:
            for ear, fails in zip(all_ears, again, strict=False):
                ear.fails = fails
            time.pass_(hours=2)
            mall.relay()
            for ear in all_ears:
                if not ear.fails:
                    assert {shop.born(id) for id in ear.heard} == born
        for ear in all_ears:
            assert max(Counter(ear.heard).values(), default=1) == 1
        states = {m.id: m.state for m in every(mall)}
        for ear in all_ears:
            for id in born:
                heard = id in map(shop.born, ear.heard)
                assert states[f"{id}@{ear.name}"] == ("delivered" if heard else "pending")


@pytest.mark.parametrize("reverse", [False, True])
def test_a_receiver_that_always_fails_silences_nobody(time: shop.Time, reverse: bool) -> None:
    broken, sound = Ear("broken", fails=True), Ear("sound")
    ears = [sound, broken] if reverse else [broken, sound]
    with shop.open_mall("memory:", time, plugins=ears) as mall:
        busy(mall, time)
        mall.relay()
        born = {m.id for m in every(mall) if "@" not in m.id and m.topic != "refund"}
        assert {shop.born(id) for id in sound.heard} == born
        for _ in range(600):  # ten days of tries, and ten more for what came of their end
            time.pass_(hours=1)
            mall.relay()
        born = {m.id for m in every(mall) if "@" not in m.id and m.topic != "refund"}
        assert sorted(map(shop.born, sound.heard)) == sorted(born)
        assert {m.state for m in every(mall) if m.id.endswith("@broken")} == {"dead"}
        assert {m.state for m in every(mall) if m.id.endswith("@sound")} == {"delivered"}


def test_rows_follow_one_for_each_receiver_and_none_follows_from_them() -> None:
    first = Message("order/A1#1.0", "event", b"{}", 5, 90, "pending", 1, "")
    rows = following(first, ["a", "b@c"])
    assert rows == [
        Message("order/A1#1.0@a", "event", b"{}", 5, 5),
        Message("order/A1#1.0@b@c", "event", b"{}", 5, 5),
    ]
    assert [following(row, ["a", "b"]) for row in rows] == [[], []]
    assert following(first, []) == []


def test_receivers_hear_events_in_the_order_in_which_they_happened(time: shop.Time) -> None:
    ear = Ear("ear")
    with shop.open_mall("memory:", time, plugins=[ear]) as mall:
        shop.staff(mall)
        for number in range(30):
            shop.place(mall, f"A{number}")
            time.pass_(seconds=1)
            shop.pay(mall, f"A{number}")
        mall.relay()
        with mall.read() as tx:
            right = [m.id for m in tx.messages(("delivered",)) if "@" not in m.id]
    placed = [id for id in map(shop.born, ear.heard) if id.startswith("order/")]
    assert placed == [id for id in right if id.startswith("order/")]


def test_a_receiver_that_is_gone_keeps_its_messages_until_they_are_dead(time: shop.Time) -> None:
    storage = MemoryStorage()

    class Kept:
        @hookimpl
        def eldermall_storage(self, url: str) -> Storage | None:
            return storage if url == "kept:" else None

    gone = Ear("gone", fails=True)
    with shop.open_mall("kept:", time, plugins=[Kept(), gone]) as mall:
        shop.staff(mall)
        mall.relay()
    with shop.open_mall("kept:", time, plugins=[Kept(), Ear("new")]) as mall:
        time.pass_(hours=1)
        mall.relay()
        (why,) = {m.reason for m in mall.messages("pending")}
        assert why == "no plugin gone is here that has eldermall_committed"
        for _ in range(300):
            time.pass_(hours=1)
            mall.relay()
        assert {m.id.partition("@")[2] for m in mall.messages("dead")} == {"gone"}
        assert gone.heard == []


def test_a_new_listener_hears_nothing_that_was_told_before_it_came(time: shop.Time) -> None:
    storage = MemoryStorage()

    class Kept:
        @hookimpl
        def eldermall_storage(self, url: str) -> Storage | None:
            return storage if url == "kept:" else None

    with shop.open_mall("kept:", time, plugins=[Kept(), Ear("old")]) as mall:
        shop.staff(mall)
        mall.relay()
    new = Ear("new")
    with shop.open_mall("kept:", time, plugins=[Kept(), new]) as mall:
        shop.place(mall)
        mall.relay()
    assert [shop.born(id) for id in new.heard] == ["order/A1#1.0"]


def test_two_receivers_of_one_name_are_refused_at_start() -> None:
    with pytest.raises(PluginError, match="there is another of the name 'ear'") as wrong:
        shop.open_mall(plugins=[Ear("ear"), Ear("ear")])
    assert "已有另一插件名为 'ear'" in wrong.value.text.zh


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb"])
def test_a_name_that_cannot_stand_in_a_message_s_id_is_refused_at_start(name: str) -> None:
    with pytest.raises(PluginError, match="its attribute `name` is"):
        shop.open_mall(plugins=[Ear(name)])


# Without lanes


def test_a_storage_without_lanes_is_relayed_as_before(time: shop.Time) -> None:
    """One message for all: if one receiver fails, all are tried again together."""
    broken, sound = Ear("broken", fails=True), Ear("sound")
    with shop.open_mall("plain:", time, plugins=[Shelf(), broken, sound]) as mall:
        shop.staff(mall)
        shop.place(mall)
        mall.relay()
        assert not [m for m in every(mall) if "@" in m.id]
        assert {m.state for m in every(mall)} == {"pending"}
        broken.fails = False
        time.pass_(minutes=1)
        mall.relay()
        assert {m.state for m in every(mall)} == {"delivered"}
        assert set(broken.heard) == set(sound.heard)
        for change in (
            mall.retry_messages,
            lambda: mall.drop_message("order/A1#1.0", by=shop.OPERATIONS, reason="no"),
        ):
            with pytest.raises(StorageError, match="doesn't declare lanes"):
                change()
        assert len(mall.messages("delivered", which=Chosen(topic="event"))) == len(every(mall))


# Ids


def test_ids_that_receivers_see_do_not_repeat_between_malls_nor_after_a_lost_tail() -> None:
    seen: dict[str, Ear] = {}
    paid: list[str] = []

    class Cashier:
        @hookimpl
        def eldermall_refund(self, request: RefundRequest) -> RefundAnswer:
            paid.append(request.id)
            return RefundAnswer("accepted")

    for code, tail in (("east", 1), ("west", 1), ("east", 2)):
        time, ear = shop.Time(), Ear("ear")
        with shop.open_mall("memory:", time, code=code, plugins=[ear, Cashier()]) as mall:
            if tail == 2:
                time.pass_(seconds=1)
            busy(mall, time)
            mall.relay()
        seen[f"{code}{tail}"] = ear
    ids = [{id for id in ear.heard if "#" in id} for ear in seen.values()]
    assert {shop.born(id) for id in ids[0]} == {shop.born(id) for id in ids[1]}
    assert not ids[0] & ids[1]
    assert not ids[0] & ids[2], "the same places in chains, and other entries"
    assert paid[0] != paid[1]
    assert paid[0] == paid[2], "a debt is paid once"


@pytest.mark.parametrize("topic", ["event", "notice", "refund"])
def test_a_message_from_before_there_were_marks_keeps_the_id_it_was_born_with(topic: str) -> None:
    seen: list[str] = []

    class Host:
        @hookimpl
        def eldermall_committed(self, event: CommittedEvent) -> None:
            seen.append(event.id)

        @hookimpl
        def eldermall_notify(self, notice: Notice) -> NoticeAnswer:
            seen.append(notice.key)
            return NoticeAnswer("delivered")

        @hookimpl
        def eldermall_refund(self, request: RefundRequest) -> RefundAnswer:
            seen.append(request.id)
            return RefundAnswer("accepted")

    data: dict[str, dict[str, Any]] = {
        "event": {}, "notice": {"template": "clock.breached", "role": "operations"},
        "refund": {"amount": 5, "currency": "CNY"},
    }
    body = {
        "id": "order/A1#3.2", "name": "Paid", "subject": "order/A1", "at": 1,
        "actor": {"id": "li", "role": "customer"}, "data": data[topic],
    }
    with shop.open_mall("memory:", plugins=[Host()]) as mall:
        with mall.storage.write("main") as tx:
            for mark in ({}, {"mark": "0123abcd"}):
                kept = json.dumps(body | mark).encode()
                tx.enqueue([Message(f"order/A1#3.{2 + len(mark)}", topic, kept, 1, 1)])
        mall.relay()
    marked = "" if topic == "refund" else "-0123abcd"
    assert seen == ["order/A1#3.2", f"main/order/A1#3.3{marked}"]


# Topics


def test_a_refund_does_not_wait_for_slow_notices(time: shop.Time) -> None:
    """Notices go on only once the refund was asked for: with one lane this would never end."""
    asked = threading.Event()

    class Slow:
        @hookimpl
        def eldermall_notify(self, notice: Notice) -> NoticeAnswer:
            assert asked.wait(60)
            return NoticeAnswer("delivered")

        @hookimpl
        def eldermall_refund(self, request: RefundRequest) -> RefundAnswer:
            asked.set()
            return RefundAnswer("accepted")

    with shop.open_mall("memory:", time, plugins=[Slow()]) as mall:
        busy(mall, time)
        with mall.storage.write("main") as tx:
            rows = {m.topic: m for m in tx.messages(("pending",))}
            tx.enqueue([replace(rows["notice"], id=f"order/A2#9.{n}", next=0) for n in range(96)])
        mall.relay()
        assert {m.state for m in every(mall) if m.topic == "refund"} == {"accepted"}
        assert {m.state for m in every(mall) if m.topic == "notice"} == {"delivered"}


def test_in_one_thread_a_refund_waits_for_one_batch_of_notices_at_most(time: shop.Time) -> None:
    told: list[str] = []

    class Host:
        @hookimpl
        def eldermall_notify(self, notice: Notice) -> NoticeAnswer:
            told.append("notice")
            return NoticeAnswer("delivered")

        @hookimpl
        def eldermall_refund(self, request: RefundRequest) -> RefundAnswer:
            told.append("refund")
            return RefundAnswer("accepted")

    technical = Technical(threads=False)
    with shop.open_mall("memory:", time, plugins=[Host()], technical=technical) as mall:
        busy(mall, time)
        with mall.storage.write("main") as tx:
            rows = {m.topic: m for m in tx.messages(("pending",))}
            tx.enqueue([replace(rows["notice"], id=f"order/A2#9.{n}", next=0) for n in range(96)])
        mall.relay()
    assert told.index("refund") <= 20
    assert len(told) > 96


def test_every_topic_that_is_written_has_a_lane(time: shop.Time) -> None:
    with shop.open_mall("memory:", time) as mall:
        busy(mall, time)
        assert {m.topic for m in every(mall)} == set(TOPICS)


def test_a_lane_that_breaks_off_breaks_no_other_off(time: shop.Time) -> None:
    ear = Ear("ear")

    class Stopped:
        @hookimpl
        def eldermall_refund(self, request: RefundRequest) -> RefundAnswer:
            raise KeyboardInterrupt

    with shop.open_mall("memory:", time, plugins=[ear, Stopped()]) as mall:
        busy(mall, time)
        with mall.storage.write("main") as tx:
            waiting = {m.topic: m for m in tx.messages(("pending",))}
            for number in range(20):
                row = replace(waiting["event"], id=f"order/A2#9.{number}@ear", next=0)
                tx.enqueue([row])
        with pytest.raises(KeyboardInterrupt):
            mall.relay()
        assert len(ear.heard) == 20


# Days of silence


def test_a_receiver_away_from_friday_evening_to_monday_hears_everything(time: shop.Time) -> None:
    ear = Ear("ear", fails=True)
    asked: list[str] = []

    class Bank:
        @hookimpl
        def eldermall_refund(self, request: RefundRequest) -> RefundAnswer:
            asked.append(request.id)
            return RefundAnswer("unknown" if ear.fails else "accepted")

    with shop.open_mall("memory:", time, plugins=[ear, Bank()]) as mall:
        busy(mall, time)
        for _ in range(66 * 6):
            mall.relay()
            time.pass_(minutes=10)
        assert mall.messages("dead") == []
        ear.fails = False
        time.pass_(hours=1)
        mall.relay()
        assert mall.messages() == []
        assert len(set(asked)) == 1


@settings(max_examples=shop.times(60))
@given(
    attempts=st.integers(1, 12), retry=st.integers(1, 3 * HOUR), longest=st.integers(1, 3 * HOUR)
)
def test_waits_grow_up_to_the_longest_and_end_after_so_many_tries(
    attempts: int, retry: int, longest: int
) -> None:
    technical = Technical(attempts=attempts, retry=retry, longest=longest)
    message = Message("order/A1#1.0", "event", b"{}", 0, 0)
    waits = []
    for tried in range(1, 2 * attempts + 1):
        after = _settled(technical, 0, replace(message, attempts=tried), Outcome("retry", "no"))
        assert (after.state == "dead") == (tried % attempts == 0)
        if after.next is not None:
            waits.append(after.next)
    first, again = waits[: attempts - 1], waits[attempts - 1 :]
    assert first == again == sorted(first)
    assert first[:1] in ([], [retry])
    assert all(wait <= max(retry, longest) for wait in first)


def test_the_tries_go_on_for_ten_days_unless_the_host_says_otherwise() -> None:
    technical = Technical()
    waits = [min(MINUTE * 2**n, HOUR) for n in range(technical.attempts - 1)]
    assert 10 * DAY <= sum(waits) < 11 * DAY
    assert technical.longest == HOUR


# Roots


def numbers(path: Path) -> list[int]:
    return [json.loads(line)["number"] for line in path.read_text().splitlines()]


@pytest.fixture(params=["memory", "sqlite"])
def reopened(request: pytest.FixtureRequest, tmp_path: Path, time: shop.Time) -> Any:
    """Opens one database again and again with other plugins."""
    storage = MemoryStorage()

    class Kept:
        @hookimpl
        def eldermall_storage(self, url: str) -> Storage | None:
            return storage if url == "kept:" else None

    url = "kept:" if request.param == "memory" else f"sqlite:///{tmp_path / 'mall.db'}"
    return lambda *plugins, **more: shop.open_mall(url, time, plugins=[Kept(), *plugins], **more)


def seals(mall: Mall, time: shop.Time, *ids: str) -> None:
    for id in ids:
        time.pass_(seconds=1)
        shop.place(mall, id)
        mall.seal()


@pytest.mark.parametrize("before", ["nobody", "another"])
def test_a_new_sink_gets_the_roots_that_it_lacks(
    reopened: Any, tmp_path: Path, time: shop.Time, before: str
) -> None:
    first, new = RootsFile(tmp_path / "first"), RootsFile(tmp_path / "new")
    with reopened(*[first] * (before == "another")) as mall:
        seals(mall, time, "A1", "A2")
        mall.relay()
        seals(mall, time, "A3")
    with reopened(first, new) as mall:
        seals(mall, time, "A4")
        mall.relay()
        assert numbers(tmp_path / "new") == [1, 2, 3, 4]
        assert numbers(tmp_path / "first") == [1, 2, 3, 4]
        seals(mall, time, "A5")
        mall.relay()
        assert numbers(tmp_path / "new") == [1, 2, 3, 4, 5]
        assert mall.verify((tmp_path / "new").read_bytes().splitlines()).anchored == 5


def test_a_sink_that_lacks_nothing_gets_nothing_twice(
    tmp_path: Path, time: shop.Time, reopened: Any
) -> None:
    sink = RootsFile(tmp_path / "roots")
    with reopened(sink) as mall:
        seals(mall, time, "A1")
        mall.relay()
    with reopened(sink) as mall:
        assert mall.relay().ended == {}
    assert numbers(tmp_path / "roots") == [1]


def test_a_sink_that_was_not_named_for_a_while_gets_what_was_made_meanwhile(
    reopened: Any, tmp_path: Path, time: shop.Time
) -> None:
    sink = RootsFile(tmp_path / "roots")
    for plugins in ([sink], [], [RootsFile(tmp_path / "other")], [sink]):
        with reopened(*plugins) as mall:
            seals(mall, time, f"A{time.now:%H%M%S}")
            mall.relay()
    assert numbers(tmp_path / "roots") == [1, 2, 3, 4]


def test_more_roots_than_are_looked_at_at_once_all_reach_a_new_sink(
    reopened: Any, tmp_path: Path, time: shop.Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eldermall.engine.supply.PAGE", 3)
    with reopened() as mall:
        seals(mall, time, *(f"A{n}" for n in range(10)))
        mall.relay()
    with reopened(RootsFile(tmp_path / "roots")) as mall:
        mall.relay()
    assert numbers(tmp_path / "roots") == list(range(1, 11))


def test_a_root_file_holds_each_root_once_however_often_it_is_handed_over(tmp_path: Path) -> None:
    path = tmp_path / "roots"
    roots = [SealedRoot("main", n, b'{"number":%d}' % n) for n in (1, 2, 3)]
    first, second = RootsFile(path), RootsFile(path)
    for sink, root in ((first, 0), (second, 1), (first, 1), (first, 0), (second, 2), (first, 2)):
        sink.eldermall_root(roots[root])
    assert numbers(path) == [1, 2, 3]
    path.write_bytes(b'{"number":3}\n{"num')
    first.eldermall_root(roots[2])
    first.eldermall_root(roots[0])
    assert path.read_bytes() == b'{"number":3}\n{"num\n{"number":1}\n'


def test_root_files_have_names_by_where_they_are(tmp_path: Path) -> None:
    a, b = RootsFile(tmp_path / "roots.jsonl"), RootsFile(tmp_path / "b" / "roots.jsonl")
    assert a.name != b.name == RootsFile(tmp_path / "b" / "roots.jsonl").name
    assert a.name.startswith("roots.jsonl-")
    shop.open_mall(plugins=[a, b]).close()


# What people do with messages


@pytest.fixture
def stuck(url: str, time: shop.Time) -> Iterator[tuple[Mall, Ear, list[str]]]:
    """A mall whose messages are all dead: to the ear, and to whoever pays refunds."""
    ear, asked = Ear("ear", fails=True), []

    class Bank:
        @hookimpl
        def eldermall_refund(self, request: RefundRequest) -> RefundAnswer:
            asked.append(request.id)
            return RefundAnswer("failed" if ear.fails else "accepted", "closed account")

    technical = Technical(attempts=1)
    with shop.open_mall(url, time, plugins=[ear, Bank()], technical=technical) as mall:
        busy(mall, time)
        mall.relay()
        assert {m.state for m in every(mall) if "@" in m.id or m.topic == "refund"} == {"dead"}
        yield mall, ear, asked


def test_dead_messages_are_tried_again_with_their_ids(
    stuck: tuple[Mall, Ear, list[str]], time: shop.Time
) -> None:
    mall, ear, asked = stuck
    tried = set(ear.tried)
    ear.fails = False
    many = len(mall.messages("dead"))
    assert mall.retry_messages() == many
    # all but the refund, and the event of its answer
    assert mall.relay().ended == {"delivered": many - 1 + 1, "accepted": 1}
    assert tried <= set(ear.heard)
    assert len(asked) == 2
    assert len(set(asked)) == 1
    assert mall.messages() == []


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_message_that_is_tried_anew_has_as_many_tries_as_at_first(
    time: shop.Time, attempts: int
) -> None:
    ear = Ear("ear", fails=True)
    technical = Technical(attempts=attempts)
    with shop.open_mall("memory:", time, plugins=[ear], technical=technical) as mall:
        shop.place(mall)
        for again in (1, 2, 3):
            for _ in range(attempts + 2):
                mall.relay()
                time.pass_(hours=2)
            assert len(ear.tried) == again * attempts
            (dead,) = mall.messages("dead")
            assert mall.retry_messages(dead.id) == 1


@settings(max_examples=shop.times(60), deadline=None)
@given(
    topic=st.none() | st.sampled_from(TOPICS), receiver=st.sampled_from([None, "ear", "who"]),
    since=st.none() | st.integers(-1, 6), until=st.none() | st.integers(-1, 6),
)
def test_retry_takes_those_of_a_topic_a_receiver_and_a_span(
    topic: str | None, receiver: str | None, since: int | None, until: int | None
) -> None:
    time, ear = shop.Time(), Ear("ear", fails=True)
    start = shop.us(time.now)
    technical = Technical(attempts=1)
    with shop.open_mall("memory:", time, plugins=[ear], technical=technical) as mall:
        busy(mall, time)
        mall.relay()
        dead = mall.messages("dead", "pending")
        which = Chosen(
            topic, receiver, None if since is None else start + since * HOUR,
            None if until is None else start + until * HOUR,
        )
        meant = {
            m.id for m in dead
            if topic in (None, m.topic) and receiver in (None, m.id.partition("@")[2])
            and (since is None or m.created >= start + since * HOUR)
            and (until is None or m.created < start + until * HOUR)
        }
        assert {m.id for m in mall.messages(which=which)} == meant
        revived = mall.retry_messages(which=which)
        now = {m.id for m in mall.messages("pending") if m.next == mall.now()}
        assert now == meant & {m.id for m in dead if m.state == "dead"}
        assert revived == len(now)


def test_waiting_messages_are_tried_at_once_and_those_in_somebody_s_hands_are_left(
    url: str, time: shop.Time
) -> None:
    ear = Ear("ear", fails=True)
    with shop.open_mall(url, time, plugins=[ear]) as mall:
        shop.place(mall)
        for minutes in (1, 2, 4, 8):
            mall.relay()
            time.pass_(minutes=minutes)
        mall.relay()
        (waiting,) = mall.messages("pending")
        assert waiting.next == mall.now() + 16 * MINUTE
        assert mall.retry_messages(waiting.id) == 1
        with mall.storage.write("main") as tx:
            (mine,) = tx.claim_messages(mall.now(), 9, mall.now() + 5 * MINUTE)
        assert mall.retry_messages(mine.id) == mall.retry_messages() == 0


def test_a_dropped_message_is_told_to_nobody_and_its_record_says_who_dropped_it_and_why(
    stuck: tuple[Mall, Ear, list[str]], time: shop.Time
) -> None:
    mall, ear, asked = stuck
    ear.fails = False
    (refund,) = [m for m in mall.messages("dead") if m.topic == "refund"]
    owed = mall.orders.get("A1")
    mall.drop_message(refund.id, by=shop.OPERATIONS, reason="paid to her son in cash")
    entry = mall.journal("refund", "A1.1")[-1]
    assert (entry["what"], entry["outcome"]) == ("message.drop", "withdrawn")
    assert entry["actor"]["id"] == shop.OPERATIONS.id
    assert entry["args"]["message"] == refund.id
    assert "cash" not in json.dumps(entry)
    with mall.read() as tx:
        assert [row.value for row in tx.personal("refund/A1.1") if row.seq == entry["seq"]] == [
            b'"paid to her son in cash"'
        ]
    (kept,) = mall.messages("withdrawn")
    assert (kept.id, kept.next, kept.reason) == (
        refund.id, None, f"dropped by {shop.OPERATIONS.id}"
    )
    assert mall.orders.get("A1") == owed, "what is owed stays owed"
    mall.retry_messages()
    time.pass_(days=30)
    mall.relay()
    assert len(asked) == 1
    assert mall.verify().passed
    for change in (
        lambda: mall.retry_messages(refund.id),
        lambda: mall.drop_message(refund.id, by=shop.OPERATIONS, reason="again"),
    ):
        with pytest.raises(Invalid, match="has ended already: it is withdrawn"):
            change()


def test_what_comes_of_a_try_that_was_under_way_when_a_message_was_dropped_counts_no_longer(
    time: shop.Time,
) -> None:
    class Dropping:
        name = "ear"

        @hookimpl
        def eldermall_committed(self, event: CommittedEvent) -> None:
            mall.drop_message(f"{shop.born(event.id)}@ear", by=shop.OPERATIONS, reason="stop")
            raise ConnectionError("down")

    with shop.open_mall("memory:", time, plugins=[Dropping()]) as mall:
        shop.place(mall)
        mall.relay()
        assert mall.messages() == []
        assert [m.id for m in mall.messages("withdrawn")] == ["order/A1#1.0@ear"]


def test_what_cannot_be_dropped_or_tried_again_is_told_and_nothing_is_done(
    stuck: tuple[Mall, Ear, list[str]],
) -> None:
    mall, _, _ = stuck
    by = shop.OPERATIONS
    before = every(mall), mall.verify().entries
    with pytest.raises(Unknown, match=r"there is no message order/A9#1\.0"):
        mall.drop_message("order/A9#1.0", by=by, reason="no")
    with pytest.raises(Unknown, match="there is no message nothing"):
        mall.retry_messages(mall.messages("dead")[0].id, "nothing")
    with pytest.raises(Invalid, match="a root belongs to no record"):
        mall.drop_message("root.1@ear", by=by, reason="no")
    (refund,) = [m.id for m in mall.messages("dead") if m.topic == "refund"]
    for reason in ("", " \t", "x" * 201, "\0"):
        with pytest.raises(Invalid, match=r"drop\.reason"):
            mall.drop_message(refund, by=by, reason=reason)
    assert (every(mall), mall.verify().entries) == before


def test_a_message_whose_record_s_kind_is_not_installed_stays(time: shop.Time) -> None:
    with shop.open_mall("memory:", time) as mall:
        with mall.storage.write("main") as tx:
            tx.enqueue([Message("visit/V1#1.0", "event", b'{"id":""}', 1, 1)])
        with pytest.raises(Unknown):
            mall.drop_message("visit/V1#1.0", by=shop.OPERATIONS, reason="no")
        assert [m.state for m in every(mall)] == ["pending"]


def test_delivery_by_a_message_s_receiver_alone() -> None:
    a, b = Ear("a"), Ear("b")
    plugins = Plugins([a, b])
    body = json.dumps({
        "id": "order/A1#1.0", "name": "Paid", "subject": "order/A1", "at": 1, "actor": {},
        "data": {},
    }).encode()
    assert deliver(plugins, Message("order/A1#1.0@a", "event", body, 1, 1)).state == "delivered"
    assert (a.heard, b.heard) == (["order/A1#1.0"], [])


def test_the_work_list_tells_a_dead_refund_before_all_else(
    stuck: tuple[Mall, Ear, list[str]],
) -> None:
    mall, _, _ = stuck
    dead = [gap for gap in gaps(mall) if gap.kind == "dead-message"]
    assert "refund" in dead[0].text.en
    assert "closed account" in dead[0].text.en
    assert "eldermall outbox" in dead[0].text.en


def test_two_relays_that_see_the_same_lack_supply_it_once(time: shop.Time) -> None:
    with shop.open_mall("memory:", time) as mall:
        seals(mall, time, "A1")
        mall.relay()
        with mall.storage.write(mall.code) as tx:
            for _ in range(2):
                assert _given(tx, shop.us(time.now), ["roots"], 0) == 1
        assert [m.id for m in mall.messages() if "@" in m.id] == ["root.1@roots"]


def test_a_message_that_a_relay_takes_just_then_is_not_dropped(
    time: shop.Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop.open_mall("memory:", time) as mall:
        seals(mall, time, "A1")
        waits = next(m for m in mall.messages("pending") if m.topic == "event")
        with monkeypatch.context() as relay:
            relay.setattr(memory._MemoryTransaction, "change_message", lambda *_: False)
            with pytest.raises(Overtaken, match="somebody else has just changed"):
                mall.drop_message(waits.id, by=shop.OPERATIONS, reason="-")
        assert waits in mall.messages("pending")
        assert mall.verify().passed

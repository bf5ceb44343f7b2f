"""A clock far ahead does nothing that can't be undone, and a long silence ends by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import (
    ClockDoubted,
    CommittedEvent,
    Mall,
    RuleBroken,
    Technical,
    Text,
    hookimpl,
)
from eldermall.adapters.storage.memory import MemoryStorage
from eldermall.calendars import DAY
from eldermall.cli.upkeep import round_of
from eldermall.contracts.storage import Message, StorageCapabilities
from eldermall.engine.present import MARK, PROOF, known
from tests import shop

FAR = {"days": 365 * 174}


def opened(url: str, time: shop.Time) -> Mall:
    return shop.open_mall(url, time, technical=Technical())


def lived(mall: Mall, time: shop.Time) -> None:
    """Begin a mall two days ago: an order with a personal value, and a key."""
    shop.staff(mall)
    time.pass_(days=2)
    shop.place(mall)
    mall.orders.cancel("A1", reason="she is ill", by=shop.CUSTOMER, key="once")
    shop.place(mall, "A2")


def personal(mall: Mall, id: str) -> int:
    with mall.read() as tx:
        return len(tx.personal(f"order/{id}"))


def test_a_round_whose_clock_stands_far_ahead_undoes_nothing(url: str, time: shop.Time) -> None:
    with opened(url, time) as mall:
        lived(mall, time)
        right = time.now
        for _ in range(3):  # each round says so, and none vouches for the next
            time.pass_(**FAR)
            did = round_of(mall)
            assert did.error is not None
            assert "this machine's clock is wrong, or nothing happened for long" in did.error.en
            assert "本机时钟有误，或商城久无活动" in did.error.zh
            assert (did.roots, did.erased) == (0, 0)
            time.now = right + timedelta(minutes=10)
        assert personal(mall, "A1") > 0
        again = mall.orders.cancel("A1", reason="she is ill", by=shop.CUSTOMER, key="once")
        assert again.version == mall.orders.get("A1").version
        did = round_of(mall)
        assert (did.error, did.roots) == (None, 1)
        assert mall.verify().passed


class Deaf:
    """Hears nothing as yet."""

    deaf = True

    @hookimpl
    def eldermall_committed(self, event: CommittedEvent) -> None:
        if self.deaf:
            raise OSError("nobody answers")


def test_a_message_that_fails_while_the_clock_is_wrong_is_tried_soon_when_it_is_right(
    url: str, time: shop.Time
) -> None:
    deaf = Deaf()
    with shop.open_mall(url, time, technical=Technical(), plugins=[deaf]) as mall:
        lived(mall, time)
        right = time.now
        time.pass_(**FAR)
        assert mall.relay().retried > 0
        time.now, deaf.deaf = right, False
        mall.relay()
        assert mall.messages("pending") == []
        assert mall.messages("dead") == []


def test_a_clock_that_fails_while_the_clock_is_wrong_is_not_put_off(
    time: shop.Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened("memory:", time) as mall:
        lived(mall, time)
        due = mall.clocks()

        def broken(*_: object, **__: object) -> None:
            raise RuleBroken(Text("坏了", "broken"))

        time.pass_(**FAR)
        with monkeypatch.context() as patch:
            patch.setattr("eldermall.engine.sweep._acted", broken)
            swept = mall.sweep()
        assert (len(swept.failed), swept.doubt is None) == (len(due), False)
        assert mall.clocks() == due


def test_what_the_same_wrong_clock_has_written_vouches_for_nothing(
    url: str, time: shop.Time
) -> None:
    with opened(url, time) as mall:
        lived(mall, time)
        time.pass_(**FAR)
        shop.place(mall, "A3")
        time.pass_(minutes=10)
        for upkeep in (mall.seal, mall.erase_expired):
            with pytest.raises(ClockDoubted):
                upkeep()
        assert mall.sweep().doubt is not None
        assert personal(mall, "A1") > 0


def test_a_long_silence_ends_a_day_after_the_first_move(url: str, time: shop.Time) -> None:
    with opened(url, time) as mall:
        lived(mall, time)
        mall.seal()
        time.pass_(days=33)
        with pytest.raises(ClockDoubted):
            mall.seal()
        shop.place(mall, "A3")
        time.pass_(days=1)
        assert mall.sweep().doubt is None
        assert mall.seal().roots == 1


def test_a_long_silence_ends_in_a_day_where_only_upkeep_runs(url: str, time: shop.Time) -> None:
    with opened(url, time) as mall:
        lived(mall, time)
        time.pass_(days=33)
        for _ in range(25):
            with pytest.raises(ClockDoubted):
                mall.seal()
            time.pass_(hours=1)
            if known(mall._engine, mall.now()) == mall.now():
                break
        assert mall.seal().roots == 1
        marks = [m for m in mall.messages("suppressed") if m.topic == MARK]
        assert len(marks) == 1


def test_a_young_mall_and_one_in_which_something_happened_lately_are_not_doubted(
    url: str, time: shop.Time
) -> None:
    with opened(url, time) as mall:
        assert (mall.sweep().breached, mall.seal().roots) == (0, 0)
        shop.staff(mall)
        assert mall.seal().roots == 1
        for _ in range(3):
            time.pass_(days=30)
            mall.sweep()
            mall.erase_expired()
            shop.place(mall, f"A{time.now:%j}")


@given(
    moments=st.lists(st.integers(0, 200).map(lambda days: days * DAY // 2), max_size=8),
    now=st.integers(0, 300).map(lambda days: days * DAY // 2),
)
def test_the_present_is_doubted_where_all_that_is_older_than_a_day_is_older_than_a_month(
    moments: list[int], now: int
) -> None:
    with shop.open_mall(technical=Technical()) as mall:
        with mall.storage.write(mall.code) as tx:
            tx.enqueue([Message(f"m{n}", "event", b"", at, None) for n, at in enumerate(moments)])
        old = [at for at in moments if at <= now - PROOF]
        doubted = bool(old) and max(old) < now - Technical().silence
        assert known(mall._engine, now) == (max(old) if doubted else now)


def test_a_storage_that_does_not_know_when_it_was_written_trusts_every_clock(
    time: shop.Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryStorage, "capabilities", StorageCapabilities())
    with opened("memory:", time) as mall:
        lived(mall, time)
        time.pass_(**FAR)
        assert mall.seal().roots == 1


def test_work_says_so_and_goes_on_where_somebody_trusts_the_clock(
    tmp_path: Path, time: shop.Time
) -> None:
    url = f"sqlite:///{tmp_path / 'mall.db'}"
    time.now -= timedelta(days=365)  # the tests' clock stands before that of the machine
    with opened(url, time) as mall:
        lived(mall, time)

    def work(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "eldermall", "work", url, "--policy", "pack:demo",
                   "--once", "--lang", "en", *more]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=dict(os.environ)
        )

    said = work()
    assert said.returncode == 1
    assert "roots 0;" in said.stdout
    assert "this machine's clock is wrong" in said.stderr
    went_on = work("--trust-clock")
    assert went_on.stderr == ""
    assert "roots 1" in went_on.stdout

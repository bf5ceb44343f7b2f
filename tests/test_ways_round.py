"""Ways round the rules and the records that must stay closed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eldermall import Mall, SealedRoot, StorageError, Text, hookimpl
from eldermall.adapters.roots.file import RootsFile, read_roots
from eldermall.adapters.storage.memory import MemoryStorage
from eldermall.contracts.storage import Storage, Transaction
from eldermall.engine.clock import Clock
from eldermall.rules.complaints import ANSWER_LIMIT
from tests import databases, shop

WORD = Text("词", "word")


# Saying that it happened earlier


def test_what_is_entered_after_a_policy_is_published_is_bound_however_far_back_it_lies(
    url: str, time: shop.Time
) -> None:
    new = shop.policy(published="2026-03-02")
    before = time.now = shop.START - timedelta(hours=19)
    with shop.open_mall(url, time, policy=new) as mall:
        shop.staff(mall)
        time.now = shop.START + timedelta(hours=1)  # 10:00 on the day itself, in Shanghai
        shop.place(mall, at=before)
        mall.orders.hand_over("A1", to=shop.AGENT.id, by=shop.SERVICE, at=before)
        mall.orders.contact_merchant("A1", way="phone", by=shop.AGENT, at=before)
        mall.orders.accept("A1", by=shop.MERCHANT, at=before)
        said = shop.refusal(shop.ship, mall, at=before)
        assert said.rules == ("shipping.paid-first@1",)


def test_an_exception_is_not_granted_after_the_limit_by_dating_it_back(
    mall: Mall, time: shop.Time
) -> None:
    shop.place(mall)
    shop.pay(mall)
    time.pass_(hours=73)
    said = shop.refusal(
        mall.orders.grant_exception, "A1", line="tea", reason="late harvest", by=shop.OPERATIONS,
        until=time.now + timedelta(days=30), customer_told_at=time.now - timedelta(hours=3),
        at=time.now - timedelta(hours=2),
    )
    assert said.rules == ("shipping.exception-before-limit@1",)


# Letting somebody else hold the pen


def test_whoever_wrote_any_part_of_a_version_does_not_review_it(mall: Mall) -> None:
    mall.listings.draft("tea", content=shop.CONTENT, by=shop.REVIEWER)
    mall.listings.revise("tea", content=shop.CONTENT, by=shop.OPERATIONS)
    mall.listings.submit("tea", by=shop.OPERATIONS)
    said = shop.refusal(mall.listings.start_review, "tea", by=shop.REVIEWER)
    assert said.rules == ("review.not-the-author@1",)


def test_nobody_answers_a_complaint_about_themselves(mall: Mall) -> None:
    mall.complaints.receive(
        "C1", customer="u1", words="rude", against=shop.SERVICE.id, by=shop.OPERATIONS
    )
    mall.complaints.record("C1", subject="s", remedy="r", etiquette="v1", by=shop.SERVICE)
    said = shop.refusal(mall.complaints.answer, "C1", text="no", by=shop.SERVICE)
    assert said.rules == ("complaints.no-judging-of-oneself@1",)
    assert mall.complaints.answer("C1", text="sorry", by=shop.OPERATIONS).summary == "answered"


# Asking first


def test_what_a_reaction_would_refuse_may_not_be_done(mall: Mall) -> None:
    shop.place(mall, "A1")
    shop.place(mall, "A2")
    mall.orders.paid("A1", 27000, "ref", by=shop.PAYMENTS)
    may = mall.may.orders.paid("A2", 27000, "ref", by=shop.PAYMENTS)
    assert (may.allowed, may.rules) == (False, ("machine.record-exists",))
    assert mall.may.orders.paid("A2", 27000, "ref-2", by=shop.PAYMENTS).allowed
    assert mall.orders.get("A2").payment == "unpaid"


# Money


def test_cash_on_delivery_is_what_is_left_after_lines_were_cancelled(mall: Mall) -> None:
    shop.place(mall, cash_on_delivery=True)
    mall.orders.cancel("A1", reason="no honey", lines={"honey": 1}, by=shop.CUSTOMER)
    order = mall.orders.paid("A1", 21400, "at-the-door", by=shop.PAYMENTS)
    assert (order.payment, order.received, order.owed_back) == ("paid", 21400, 0)


def test_goodwill_is_not_taken_off_what_is_owed_later(mall: Mall) -> None:
    shop.place(mall)
    shop.pay(mall)
    mall.orders.refunded("A1", 5000, "sorry", by=shop.PAYMENTS)
    order = mall.orders.cancel("A1", reason="no honey", lines={"honey": 1}, by=shop.CUSTOMER)
    assert (order.goodwill, order.owed_back) == (5000, 5600)


# Two at once


def test_a_relay_that_lost_its_claim_leaves_what_another_has_stored(mall: Mall) -> None:
    shop.place(mall)
    storage, now = mall.storage, mall.now()
    with storage.write("main") as tx:
        (mine,) = tx.claim_messages(now, 1, now + 1)
    with storage.write("main") as tx:
        (theirs,) = [m for m in tx.claim_messages(now + 1, 99, now + 9) if m.id == mine.id]
        tx.settle_message(replace(theirs, state="delivered", next=None))
    with storage.write("main") as tx:
        tx.settle_message(replace(mine, state="pending", next=now + 5))
        (kept,) = [m for m in tx.messages(["pending", "delivered"]) if m.id == mine.id]
    assert (kept.state, kept.attempts) == ("delivered", 2)


class Meddling(MemoryStorage):
    """A storage in which somebody else does something just before a transaction begins."""

    before: Callable[[], Any] | None = None

    @contextmanager
    def write(self, mall: str, *, patience: float | None = None) -> Iterator[Transaction]:
        if self.before is not None:
            self.before()
        with super().write(mall, patience=patience) as tx:
            yield tx

    @hookimpl
    def eldermall_storage(self, url: str, prefix: str) -> Storage | None:
        return self if url == "meddling:" else None


class Odd:
    """A plugin with a clock whose code fails while it is told to."""

    broken = False

    def runs(self, complaint: Any) -> dict[str, int]:
        if self.broken:
            raise ZeroDivisionError
        return {} if complaint.answered_at else {"": complaint.created_at}

    @hookimpl
    def eldermall_rules(self) -> list[Clock]:
        return [
            Clock(
                id="odd", label=WORD, clauses=("S19-14",), kind="complaint", runs=self.runs,
                met=lambda c, part: True, limit=ANSWER_LIMIT, starts=WORD, stops=WORD,
                told=("operations",), on_breach="escalate",
            )
        ]


def test_a_clock_that_failed_and_has_ended_since_is_left_alone(time: shop.Time) -> None:
    storage, odd = Meddling(), Odd()
    with shop.open_mall("meddling:", time, plugins=[storage, odd]) as mall:
        shop.staff(mall)
        mall.complaints.receive("C1", customer="u1", words="cold", by=shop.SERVICE)
        mall.complaints.record("C1", subject="s", remedy="r", etiquette="v1", by=shop.SERVICE)
        time.pass_(days=2)
        odd.broken, begun = True, []

        def answer() -> None:
            begun.append(1)
            if len(begun) == 3:  # keys; the first clock, failing; the note of its failure
                storage.before, odd.broken = None, False
                mall.complaints.answer("C1", text="sorry", by=shop.SERVICE)
                storage.before = answer

        storage.before = answer
        swept = mall.sweep()
        storage.before = None
        assert [failed.clock for failed in swept.failed] == ["complaints.answered-in-time@1"]
        assert "clock.failed" not in [e["what"] for e in mall.journal("complaint", "C1")]
        closing = ("running", "complaints.closed-in-time@1")
        found = mall.clocks("late", "running", "breached", "met")
        assert {(c.state, c.name) for c in found if c.state != "late"} == {closing}
        assert all(c.next is None for c in mall.clocks("late"))


# Roots and tampering


def test_a_half_line_that_a_crash_left_spoils_no_other_root(tmp_path: Path) -> None:
    path = tmp_path / "roots.jsonl"
    file = RootsFile(path)
    one, two = (b'{"mall":"main","number":%d,"tree":""}' % n for n in (1, 2))
    file.eldermall_root(SealedRoot("main", 1, one))
    path.write_bytes(path.read_bytes() + two[:9])
    file.eldermall_root(SealedRoot("main", 2, two))
    file.eldermall_root(SealedRoot("main", 2, two))
    assert read_roots(path) == [one, two]


COLUMNS = [
    ("entries", "body"), ("entries", "hash"), ("entries", "seq"), ("unsealed", "hash"),
    ("unsealed", "seq"), ("leaves", "hash"), ("leaves", "seq"), ("roots", "body"),
    ("roots", "hash"), ("roots", "number"),
]


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=".".join)
def test_a_value_of_another_type_is_a_finding_and_no_crash(
    tmp_path: Path, table: str, column: str
) -> None:
    change = (
        f"UPDATE eldermall_{table} SET {column} = ? WHERE ROWID IN "
        f"(SELECT ROWID FROM eldermall_{table} LIMIT 1)"
        if table in ("entries", "roots")
        else f"UPDATE eldermall_{table} SET {column} = ? WHERE subject = "
        f"(SELECT max(subject) FROM eldermall_{table})"
    )
    url = databases.url_of("sqlite", tmp_path)
    with (
        shop.open_mall(url) as mall, closing(sqlite3.connect(tmp_path / "mall.db")) as file,
        closing(sqlite3.connect("")) as was,
    ):
        shop.staff(mall)
        mall.seal()
        shop.place(mall)
        file.backup(was)
        for value in ("text", 7, b"x", 1.5):
            with shop.telling(repr(value)):
                file.execute(change, (value,))
                file.commit()
                assert not mall.verify().passed
            was.backup(file)
            assert mall.verify().passed


def test_a_file_that_lost_its_installation_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "mall.db"
    shop.open_mall(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as file:
        file.execute("DELETE FROM eldermall_installation")
    file.close()
    with pytest.raises(StorageError, match="lost its installation id"):
        shop.open_mall(f"sqlite:///{path}")

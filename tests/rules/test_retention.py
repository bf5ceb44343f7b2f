"""Keeping trade data and erasing what it says of persons: S06 chapter 3 article 9."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Conflict, Mall, Refused, Text, hookimpl
from eldermall.engine.blank import ERASED, erasing
from eldermall.engine.inputs import Personal
from eldermall.engine.kind import Kind, Record
from eldermall.engine.machine import NEW, Machine, State, Transition
from eldermall.engine.room import Nothing, Room
from tests import shop

KEEP = timedelta(days=1096)
TICK = timedelta(microseconds=1)
RULE = "retention.kept-long-enough@1"
WORDS = "The courier shouted at me, my name is Li Guihua"


def complain(mall: Mall, id: str = "C1", words: str = WORDS) -> None:
    """Take a complaint all the way to closed."""
    mall.complaints.receive(
        id, customer=shop.CUSTOMER.id, words=words, by=shop.CUSTOMER
    )
    mall.complaints.record(
        id, subject="rude courier", remedy="an apology", etiquette="polite", by=shop.SERVICE
    )
    mall.complaints.answer(id, text="We are sorry, Mrs Li", by=shop.SERVICE)
    mall.complaints.close(id, satisfied="yes", remedy="granted", by=shop.SERVICE)


def everything(mall: Mall, url: str) -> str:
    """Return all that the mall's storage holds, as text."""
    with mall.read() as tx:
        subjects = {row.subject for row in tx.entries()}
        held: list[Any] = [
            [row for kind in mall.book.kinds for row in tx.find(kind)],
            list(tx.entries()),
            [tx.personal(subject) for subject in sorted(subjects)],
            tx.messages(["pending", "delivered", "accepted", "dead", "suppressed"]),
        ]
    return repr(held)


# Properties


@given(days=st.integers(0, 3 * 1096), ended=st.booleans(), by=st.sampled_from(["staff", "system"]))
def test_nothing_is_erased_before_its_record_has_rested_for_the_keeping_time(
    days: int, ended: bool, by: str
) -> None:
    time = shop.Time()
    mall = shop.open_mall("memory:", time)
    shop.staff(mall)
    shop.place(mall)
    mall.orders.cancel("A1", reason="my son came", lines={"tea": 3}, by=shop.CUSTOMER)
    if ended:
        mall.orders.cancel("A1", reason="he brought honey too", by=shop.CUSTOMER)
    time.pass_(days=days)
    actor = shop.OPERATIONS if by == "staff" else shop.PAYMENTS
    try:
        mall.orders.erase("A1", by=actor)
        erased = True
    except Refused:
        erased = False
    assert erased == (ended and days >= 1096)
    with mall.read() as tx:
        assert bool(tx.personal("order/A1")) != erased
    assert mall.verify().passed


# Examples


def test_the_last_microsecond_of_the_keeping_time_still_keeps(mall: Mall, time: shop.Time) -> None:
    complain(mall)
    time.now = shop.START + KEEP - TICK
    decision = shop.refusal(mall.complaints.erase, "C1", by=shop.OPERATIONS)
    assert decision.rules == (RULE,)
    assert decision.clauses == ("S06-09a",)
    time.pass_(microseconds=1)
    mall.complaints.erase("C1", by=shop.OPERATIONS)


def test_the_keeping_time_counts_from_the_last_move_and_not_from_the_first(
    mall: Mall, time: shop.Time
) -> None:
    shop.completed(mall)
    time.pass_(days=1095)
    mall.callbacks.attempt("A1", note="Mrs Li was asleep", by=shop.SERVICE)
    mall.callbacks.refuse("A1", by=shop.SERVICE)
    time.pass_(days=2)
    assert shop.refusal(mall.callbacks.erase, "A1", by=shop.OPERATIONS).rules == (RULE,)
    time.pass_(days=1094)
    mall.callbacks.erase("A1", by=shop.OPERATIONS)
    assert mall.callbacks.get("A1").attempts[0].note == ERASED


def test_a_refused_attempt_does_not_put_the_end_off(mall: Mall, time: shop.Time) -> None:
    complain(mall)
    time.pass_(days=1000)
    shop.refusal(mall.complaints.erase, "C1", by=shop.OPERATIONS)
    shop.refusal(mall.complaints.answer, "C1", text="once more", by=shop.SERVICE)
    time.pass_(days=96)
    mall.complaints.erase("C1", by=shop.OPERATIONS)
    with mall.read() as tx:
        assert not tx.personal("complaint/C1")


def test_an_erasure_does_not_put_another_off(mall: Mall, time: shop.Time) -> None:
    complain(mall)
    time.now = shop.START + KEEP
    mall.complaints.erase("C1", by=shop.OPERATIONS)
    shop.refusal(mall.complaints.answer, "C1", text="Dear Mrs Li", by=shop.SERVICE)
    mall.complaints.erase("C1", by=shop.OPERATIONS)
    with mall.read() as tx:
        assert not tx.personal("complaint/C1")


def test_what_has_not_ended_is_not_erased_however_old(mall: Mall, time: shop.Time) -> None:
    shop.place(mall)
    time.pass_(days=5000)
    decision = shop.refusal(mall.orders.erase, "A1", by=shop.OPERATIONS)
    assert "machine.no-such-move" in decision.rules


def test_a_customer_does_not_erase(mall: Mall, time: shop.Time) -> None:
    complain(mall)
    time.now = shop.START + KEEP
    assert shop.refusal(mall.complaints.erase, "C1", by=shop.CUSTOMER).rules == ("machine.who-may",)


def test_an_erased_complaint_says_nothing_of_the_person_and_stands(
    mall: Mall, url: str, time: shop.Time
) -> None:
    complain(mall)
    assert "Guihua" in everything(mall, url)
    facts = mall.complaints.get("C1")
    time.now = shop.START + KEEP
    erased = mall.complaints.erase("C1", by=shop.OPERATIONS)
    assert (erased.words, erased.subject, erased.answer) == (ERASED, ERASED, ERASED)
    assert (erased.customer, erased.state, erased.answered_at) == (
        facts.customer, facts.state, facts.answered_at
    )
    assert "Guihua" not in everything(mall, url)
    assert "Mrs Li" not in everything(mall, url)


def test_the_journal_verifies_after_an_erasure_and_against_roots_from_before(
    mall: Mall, time: shop.Time
) -> None:
    complain(mall)
    mall.seal()
    with mall.read() as tx:
        roots = [root.body for root in tx.roots()]
        before = [row.body for row in tx.chain("complaint/C1")]
    time.now = shop.START + KEEP
    mall.complaints.erase("C1", by=shop.OPERATIONS)
    mall.seal()
    found = mall.verify(roots)
    assert found.passed
    assert found.anchored == 1
    with mall.read() as tx:
        after = [row.body for row in tx.chain("complaint/C1")]
    assert after[:-1] == before
    said = json.loads(after[-1])
    assert (said["what"], said["outcome"]) == ("complaint.erase", "moved")
    assert said["facts"]["record.at-rest-since"] == shop.us(shop.START)


def test_salts_and_fingerprints_go_with_the_values(mall: Mall, time: shop.Time) -> None:
    mall.complaints.receive(
        "C1", customer=shop.CUSTOMER.id, words=WORDS, by=shop.CUSTOMER, key="k1"
    )
    mall.complaints.record(
        "C1", subject="rude", remedy="an apology", etiquette="v1", by=shop.SERVICE
    )
    mall.complaints.answer("C1", text="sorry", by=shop.SERVICE)
    mall.complaints.close("C1", satisfied="yes", remedy="granted", by=shop.SERVICE, key="k2")
    time.now = shop.START + KEEP
    with mall.storage.write("main") as tx:
        kept = tx.personal("complaint/C1")
        assert {row.path for row in kept} == {
            "args.words", "args.subject", "args.etiquette", "args.remedy", "args.text",
        }
    mall.complaints.erase("C1", by=shop.OPERATIONS, key="k3")
    with mall.storage.write("main") as tx:
        assert not tx.personal("complaint/C1")
        assert tx.forget_keys(shop.us(time.now) + 1, 10) == 1  # k3's own


def test_the_same_erasure_again_with_its_key_is_the_same_erasure(
    mall: Mall, time: shop.Time
) -> None:
    complain(mall)
    time.now = shop.START + KEEP
    first = mall.complaints.erase("C1", by=shop.OPERATIONS, key="k")
    assert mall.complaints.erase("C1", by=shop.OPERATIONS, key="k") == first


def test_what_was_explicitly_nothing_or_never_asked_stays_so(mall: Mall, time: shop.Time) -> None:
    shop.completed(mall)
    mall.callbacks.reach("A1", satisfaction="satisfied", suggestion="", by=shop.SERVICE)
    time.now = shop.START + KEEP
    assert mall.callbacks.erase("A1", by=shop.OPERATIONS).suggestion == ""


# Upkeep


def test_upkeep_erases_what_is_due_and_leaves_the_rest(mall: Mall, time: shop.Time) -> None:
    complain(mall, "C1")
    time.pass_(days=10)
    complain(mall, "C2")
    mall.complaints.receive("C3", customer=shop.CUSTOMER.id, words=WORDS, by=shop.CUSTOMER)
    time.now = shop.START + KEEP
    did = mall.erase_expired()
    assert (did.erased, did.kept) == (1, 0)
    assert mall.complaints.get("C1").words == ERASED
    assert mall.complaints.get("C2").words == WORDS
    time.pass_(days=10)
    did = mall.erase_expired()
    assert (did.erased, did.kept) == (1, 1)
    assert mall.complaints.get("C3").words == WORDS
    assert mall.erase_expired().erased == 0
    assert mall.verify().passed


def test_upkeep_erases_words_of_refused_attempts_on_what_never_came_to_be(
    mall: Mall, time: shop.Time
) -> None:
    with pytest.raises(Refused):
        mall.complaints.answer("C9", text="Dear Mrs Li", by=shop.SERVICE)
    time.now = shop.START + KEEP - TICK
    assert mall.erase_expired().erased == 0
    time.pass_(microseconds=2)
    assert mall.erase_expired().erased == 1
    with mall.read() as tx:
        assert not tx.personal("complaint/C9")
    assert mall.journal("complaint", "C9")[-1]["outcome"] == "erased"
    assert mall.verify().passed
    assert mall.erase_expired().erased == 0


def test_upkeep_looks_at_more_records_than_fit_in_one_batch(mall: Mall, time: shop.Time) -> None:
    with mall.batch() as m:
        for number in range(250):
            shop.place(m, f"A{number:03}")
            m.orders.cancel(f"A{number:03}", reason="for Mrs Li", by=shop.CUSTOMER)
    time.now = shop.START + KEEP + TICK
    assert mall.erase_expired().erased == 250


def test_two_who_erase_at_once_erase_once(mall: Mall, time: shop.Time) -> None:
    complain(mall)
    version = mall.complaints.get("C1").version
    time.now = shop.START + KEEP
    mall.complaints.erase("C1", by=shop.OPERATIONS, expect=version)
    with pytest.raises(Conflict):
        mall.complaints.erase("C1", by=shop.OPERATIONS, expect=version)


# Records of a host's own


class Diary(Record):
    """A record of a plugin's, of a kind that is written by hand."""

    state: str
    words: Annotated[str, Personal("diary")]


PAGES = Machine(
    "diary", "state", Text("日记", "diary"),
    (State("closed", Text("已合上", "closed"), end=True),),
    (
        Transition(
            "write", (NEW,), "closed", ("operations",), Text("写", "write"), "DiaryWritten",
            lambda c: {"words": "dear diary"},
        ),
        erasing("closed"),
    ),
)


class Diaries(Room[Any, Diary]):
    """Its room, written by hand too."""

    kind = "diary"

    def write(self, id: str) -> Any:
        return self._do("write", id, shop.OPERATIONS, Nothing, {})

    def erase(self, id: str) -> Any:
        return self._do("erase", id, shop.OPERATIONS, Nothing, {})


class Keeping:
    """The plugin."""

    @hookimpl
    def eldermall_kinds(self) -> list[Kind]:
        return [Kind("diary", Text("日记", "diary"), Diary, (PAGES,))]


def test_what_a_plugin_s_record_says_of_persons_is_kept_as_long_too(time: shop.Time) -> None:
    with shop.open_mall(time=time, plugins=[Keeping()]) as mall:
        diaries = mall.room(Diaries)
        diaries.write("D1")
        time.now += KEEP - TICK
        assert shop.refusal(diaries.erase, "D1").rules == ("retention.kept-long-enough@1",)
        time.now += TICK
        assert diaries.erase("D1").words == ERASED

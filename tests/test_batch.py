"""Many moves in one transaction of our own: all of them, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eldermall import Conflict, EldermallError, Invalid, Mall, Refused, Unknown
from tests import databases, shop

MOVES: dict[str, Callable[[Any, str], Any]] = {
    "place": shop.place,
    "pay": shop.pay,
    "accept": shop.accept,
    "ship": shop.ship,
    "deliver": lambda m, id: m.orders.deliver(id, parcel="p-tea-honey", by=shop.COURIER),
    "complete": lambda m, id: m.orders.complete(id, by=shop.CUSTOMER),
    "cancel": lambda m, id: m.orders.cancel(id, reason="no", by=shop.CUSTOMER),
}


@pytest.fixture(params=databases.ALL)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return databases.url_of(request.param, tmp_path)


def view(mall: Mall) -> Any:
    """Return what the mall holds, but for hashes, which depend on salts."""
    with mall.read() as tx:
        return (
            {kind: tx.find(kind) for kind in mall.book.kinds},
            tx.clocks(["running", "breached", "met", "late", "stopped", "lapsed", "annulled"]),
            [(row.subject, row.seq) for row in tx.entries()],
            [(m.id, m.topic) for m in tx.messages(["pending"])],
        )


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(MOVES)), st.sampled_from(["A1", "A2"])), max_size=14)
)
def test_a_batch_leaves_what_its_moves_one_by_one_would_leave_or_nothing(
    moves: list[tuple[str, str]],
) -> None:
    alone, together = shop.open_mall(time=shop.Time()), shop.open_mall(time=shop.Time())
    shop.staff(alone)
    shop.staff(together)
    before = view(together)
    try:
        with together.batch() as m:
            for name, id in moves:
                MOVES[name](m, id)
        done = True
    except Refused:
        done = False
    if done:
        for name, id in moves:
            MOVES[name](alone, id)
        assert view(together) == view(alone)
    else:
        records, clocks, entries, messages = view(together)
        assert (records, clocks, messages) == (before[0], before[1], before[3])
        assert len(entries) == len(before[2]) + 1  # the refusal's own
    assert together.verify().passed


def test_a_refusal_undoes_the_batch_and_is_kept(mall: Mall) -> None:
    def attempt() -> None:
        with mall.batch() as m:
            shop.place(m)
            shop.place(m, "A2")
            shop.ship(m, "A2")

    with pytest.raises(Refused):
        attempt()
    with pytest.raises(Unknown):
        mall.orders.get("A1")
    assert [e["outcome"] for e in mall.journal("order", "A2")] == ["refused"]
    assert mall.journal("order", "A1") == []


@pytest.mark.parametrize("wrong", ["refused", "invalid", "conflict"])
def test_a_failure_that_the_host_passes_over_still_undoes_the_batch(mall: Mall, wrong: str) -> None:
    fails: dict[str, Callable[[Any], Any]] = {
        "refused": shop.ship,
        "invalid": lambda m: shop.place(m, "A 2"),
        "conflict": lambda m: m.orders.cancel("A1", reason="x", by=shop.CUSTOMER, expect=9),
    }
    kinds = {"refused": Refused, "invalid": Invalid, "conflict": Conflict}

    def attempt() -> None:
        with mall.batch() as m:
            shop.place(m)
            with pytest.raises(kinds[wrong]):
                fails[wrong](m)
            if wrong != "invalid":  # an input that is no input was never part of the batch
                with pytest.raises(EldermallError):
                    shop.pay(m)

    if wrong == "invalid":
        attempt()
        assert mall.orders.get("A1").payment == "unpaid"
        return
    with pytest.raises(kinds[wrong]):
        attempt()
    with pytest.raises(Unknown):
        mall.orders.get("A1")


def test_an_error_of_the_hosts_undoes_the_batch(mall: Mall) -> None:
    def attempt() -> None:
        with mall.batch() as m:
            shop.place(m)
            raise RuntimeError("the host is broken")

    with pytest.raises(RuntimeError):
        attempt()
    with pytest.raises(Unknown):
        mall.orders.get("A1")


def test_reads_inside_see_the_batch_and_reads_outside_do_not(mall: Mall, url: str) -> None:
    with mall.batch() as m:
        shop.place(m)
        assert m.orders.get("A1").payment == "unpaid"
        if url != "memory:":  # whose one lock this thread holds, and sees what it has done
            with pytest.raises(Unknown):
                mall.orders.get("A1")
        with pytest.raises(Unknown):
            m.orders.get("A2")


def test_a_key_used_twice_in_a_batch_moves_once(mall: Mall) -> None:
    shop.place(mall)
    with mall.batch() as m:
        first = m.orders.paid("A1", 27000, "ref", by=shop.PAYMENTS, key="k")
        again = m.orders.paid("A1", 27000, "ref", by=shop.PAYMENTS, key="k")
    assert first == again
    assert mall.orders.get("A1").version == 2


def test_an_empty_batch_writes_nothing(mall: Mall) -> None:
    before = view(mall)
    with mall.batch():
        pass
    assert view(mall) == before


@pytest.mark.parametrize("asked_before", [True, False])
def test_what_was_changed_in_the_batch_decides_in_the_batch(mall: Mall, asked_before: bool) -> None:
    shop.place(mall)
    shop.place(mall, "A2")

    def attempt() -> None:
        with mall.batch() as m:
            if asked_before:
                m.orders.hand_over("A1", to=shop.AGENT.id, by=shop.OPERATIONS)
            m.designations.dismiss("order", shop.OPERATIONS.id, by=shop.LEADER)
            m.orders.hand_over("A2", to=shop.AGENT.id, by=shop.OPERATIONS)

    with pytest.raises(Refused, match="designated-for-order"):
        attempt()
    assert mall.orders.get("A1").goods == "submitted"

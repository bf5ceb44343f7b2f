"""What strangers try on others' records is told in full at first, then counted: nothing grows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Actor, Mall, Refused, Technical, person
from eldermall.calendars import DAY
from eldermall.engine import strangers
from eldermall.engine.journal import Entry
from eldermall.engine.strangers import Strangers
from tests import shop


def entries(mall: Mall, outcome: str) -> list[dict[str, Any]]:
    with mall.read() as tx:
        subjects = list(dict.fromkeys(row.subject for row in tx.entries()))
    told = (e for s in subjects for e in mall.journal(*s.split("/", 1)))
    return [entry for entry in told if entry["outcome"] == outcome]


def tries(mall: Mall, times: int, who: Actor = shop.STRANGER, id: str = "A1") -> None:
    for _ in range(times):
        with pytest.raises(Refused):
            mall.orders.cancel(id, reason="mine now", by=who)


@pytest.fixture
def opened(url: str, time: shop.Time) -> Mall:
    return shop.open_mall(url, time, technical=Technical(strangers=20, silence=2**53))


def test_the_first_attempts_are_told_in_full_and_further_ones_counted(
    opened: Mall, time: shop.Time
) -> None:
    with opened as mall:
        shop.place(mall)
        tries(mall, 20)
        first = entries(mall, "refused")
        assert len(first) == 20
        assert all("commitment" in e["args"]["reason"] for e in first)
        tries(mall, 30)
        tries(mall, 5, id="B9")  # which isn't there
        assert entries(mall, "refused") == first
        tries(mall, 1, person("another", "customer"))  # each has their own
        assert len(entries(mall, "refused")) == 21
        time.pass_(days=1)
        shop.place(mall, "A2")
        (folded,) = entries(mall, "folded")
        assert folded["what"] == "order.cancel"
        assert (folded["attempts"], folded["records"]) == (35, ["order/A1", "order/B9"])
        assert folded["since"] == folded["at"] == shop.us(shop.START)
        assert folded["actor"] == {"id": "somebody", "role": "customer"}
        tries(mall, 1)
        assert len(entries(mall, "refused")) == 22  # a new day
        assert mall.verify().passed


def test_what_parties_and_staff_are_refused_is_never_counted(opened: Mall) -> None:
    with opened as mall:
        shop.place(mall)
        for _ in range(30):
            with pytest.raises(Refused):
                mall.orders.complete("A1", by=shop.CUSTOMER)
        assert len(entries(mall, "refused")) == 30


def test_what_was_counted_is_written_when_the_mall_is_closed(
    tmp_path: Any, time: shop.Time
) -> None:
    url = f"sqlite:///{tmp_path / 'mall.db'}"
    with shop.open_mall(url, time) as mall:
        shop.place(mall)
        tries(mall, 25)
    with shop.open_mall(url, time) as mall:
        (folded,) = entries(mall, "folded")
        assert folded["attempts"] == 5


def attempt(who: str, record: str, at: int) -> Entry:
    actor = {"id": who, "role": "customer"}
    return Entry(f"order/{record}", at, {"what": "order.cancel", "actor": actor, "pack": "p"})


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.sampled_from([f"R{n}" for n in range(30)]),
            st.integers(0, DAY // 2),
        ),
        max_size=80,
    ),
    st.integers(0, 5),
    st.integers(1, 8),
    st.integers(1, 3),
)
def test_no_attempt_is_lost_and_none_is_told_twice(
    tried: list[tuple[str, str, int]], most: int, at_once: int, persons: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strangers, "AT_ONCE", at_once)
        patch.setattr(strangers, "PERSONS", persons)
        patch.setattr(strangers, "NAMED", 2)
        counting, now = Strangers(), 0
        written: list[Entry] = []
        for who, record, later in tried:
            now += later
            written += counting.told(attempt(who, record, now), now, most)
        written += [*counting.passed(now), *counting.rest(), *counting.rest()]
    for name in "abc":
        mine = [e for e in written if e.fields["actor"]["id"] == name]
        counted = [e.fields["attempts"] for e in mine if "attempts" in e.fields]
        assert len(mine) - len(counted) + sum(counted) == sum(who == name for who, _, _ in tried)
        assert all(1 <= count <= at_once for count in counted)
        assert all(len(e.fields.get("records", ())) <= 2 for e in mine)

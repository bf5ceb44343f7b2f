"""What happens when other transactions are first: again from the start, four times in all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from eldermall import Mall, Overtaken, Refused, Text, hookimpl
from eldermall.adapters.storage.memory import MemoryStorage
from eldermall.contracts.storage import EntryRow, PersonalRow, Storage, Transaction
from eldermall.engine.blank import ERASED
from tests import shop

KEEP = timedelta(days=1096)


class Contended(MemoryStorage):
    """A storage that others are at too.

    ``overtake`` says how many of the next transactions fail at their end; ``busy`` holds subjects
    that somebody else has locked; ``before`` is done just before the next transaction begins.
    """

    def __init__(self) -> None:
        super().__init__()
        self.overtake = 0
        self.begun = 0
        self.busy: set[str] = set()
        self.before: Callable[[], Any] | None = None
        self.waited: list[str] = []

    @contextmanager
    def write(self, mall: str, *, patience: float | None = None) -> Iterator[Transaction]:
        self.begun += 1
        if self.before is not None:
            before, self.before = self.before, None
            before()
        with super().write(mall, patience=patience) as tx:
            tx.try_lock = self._try_lock  # type: ignore[method-assign]
            yield tx
            if self.overtake:
                self.overtake -= 1
                raise Overtaken(Text("死锁", "deadlock"))

    def _try_lock(self, kind: str, id: str) -> bool:
        if f"{kind}/{id}" not in self.busy:
            return True
        self.waited.append(f"{kind}/{id}")
        return False

    @hookimpl
    def eldermall_storage(self, url: str, prefix: str) -> Storage | None:
        return self if url == "contended:" else None


@pytest.fixture
def storage() -> Contended:
    return Contended()


@pytest.fixture
def mall(storage: Contended, time: shop.Time) -> Iterator[Mall]:
    with shop.open_mall("contended:", time, plugins=[storage]) as mall:
        shop.staff(mall)
        yield mall


def outcomes(mall: Mall, id: str = "A1") -> list[str]:
    return [entry["outcome"] for entry in mall.journal("order", id)]


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_command_that_is_overtaken_is_made_again_and_happens_once(
    mall: Mall, storage: Contended, times: int
) -> None:
    storage.overtake = times
    shop.place(mall)
    assert outcomes(mall) == ["moved"]
    assert mall.orders.get("A1").version == 1


def test_a_command_that_is_overtaken_four_times_is_a_conflict_and_in_the_journal(
    mall: Mall, storage: Contended
) -> None:
    storage.overtake = 4
    with pytest.raises(Overtaken) as overtaken:
        shop.place(mall)
    assert overtaken.value.retry == "command"
    assert outcomes(mall) == ["conflict"]
    shop.place(mall)
    assert outcomes(mall) == ["conflict", "moved"]


def test_a_refusal_that_is_overtaken_is_kept_once(mall: Mall, storage: Contended) -> None:
    shop.place(mall)

    def then() -> None:  # the attempt is refused; keeping its entry is overtaken
        storage.before = lambda: setattr(storage, "overtake", 2)

    storage.before = then
    with pytest.raises(Refused):
        shop.ship(mall)
    assert storage.overtake == 0
    assert outcomes(mall) == ["moved", "refused"]


def test_an_expected_version_that_is_not_there_is_not_tried_again(
    mall: Mall, storage: Contended
) -> None:
    shop.place(mall)
    begun = storage.begun
    with pytest.raises(Exception, match="at version 1, not 7"):
        mall.orders.cancel("A1", reason="x", by=shop.CUSTOMER, expect=7)
    assert storage.begun - begun == 2  # the attempt, and its entry


def test_sealing_and_relaying_are_made_again_too(mall: Mall, storage: Contended) -> None:
    shop.place(mall)
    storage.overtake = 2
    assert mall.seal().roots == 1
    storage.overtake = 2
    assert sum(mall.relay().ended.values()) > 0
    assert mall.messages("pending") == []
    assert mall.verify().passed


def test_a_batch_is_not_made_again_since_its_code_is_the_hosts(
    mall: Mall, storage: Contended
) -> None:
    def attempt() -> None:
        with mall.batch() as m:
            shop.place(m)

    storage.overtake = 1
    with pytest.raises(Overtaken):
        attempt()
    assert outcomes(mall) == []


def test_a_sweep_passes_over_what_somebody_has_and_comes_back_to_it(
    mall: Mall, storage: Contended, time: shop.Time
) -> None:
    shop.place(mall)
    shop.place(mall, "A2")
    time.pass_(days=1)
    storage.busy = {"order/A1"}
    swept = mall.sweep()
    assert set(storage.waited) == {"order/A1"}
    assert (swept.breached, swept.failed) == (4, ())
    assert outcomes(mall).count("clock") == 2


def test_what_moves_while_an_erasure_is_on_its_way_keeps_its_words(
    mall: Mall, storage: Contended, time: shop.Time
) -> None:
    shop.place(mall)
    mall.orders.cancel("A1", reason="for Mrs Li", by=shop.CUSTOMER)
    time.now = shop.START + KEEP
    storage.before = lambda: mall.orders.erase("A1", by=shop.OPERATIONS, expect=2)
    did = mall.erase_expired()
    assert did.erased + did.kept == 1
    assert mall.orders.get("A1").version == 4
    assert mall.verify().passed


def test_a_record_that_came_to_be_meanwhile_is_not_taken_for_an_attempt(
    mall: Mall, storage: Contended, time: shop.Time
) -> None:
    with pytest.raises(Refused):
        mall.complaints.answer("C1", text="Dear Mrs Li", by=shop.SERVICE)
    time.now = shop.START + KEEP + timedelta(seconds=1)
    storage.before = lambda: mall.complaints.receive(
        "C1", customer="u1", words="it was cold", by=shop.SERVICE
    )
    assert mall.erase_expired().kept == 1
    assert mall.complaints.get("C1").words != ERASED


def test_an_erasure_that_cannot_be_made_now_is_left_for_the_next_time(
    mall: Mall, storage: Contended, time: shop.Time
) -> None:
    shop.place(mall)
    mall.orders.cancel("A1", reason="for Mrs Li", by=shop.CUSTOMER)
    time.now = shop.START + KEEP
    storage.overtake = 4
    assert mall.erase_expired().kept == 1
    assert mall.erase_expired().erased == 1


def test_a_record_whose_entries_are_gone_is_not_erased_since_nobody_knows_when_it_moved(
    mall: Mall, storage: Contended, time: shop.Time
) -> None:
    shop.place(mall)
    mall.orders.cancel("A1", reason="for Mrs Li", by=shop.CUSTOMER)
    storage._malls["main"].entries.pop("order/A1")
    time.now = shop.START + KEEP
    decision = shop.refusal(mall.orders.erase, "A1", by=shop.OPERATIONS)
    assert decision.missing == ("record.at-rest-since",)


def test_words_behind_a_kind_that_is_not_erased_stay(mall: Mall, time: shop.Time) -> None:
    with mall.storage.write("main") as tx:
        for subject in ("listing/L1", "stranger/X1"):
            tx.append(
                [EntryRow(subject, 1, b"h" * 32, b"{}")],
                [PersonalRow(subject, 1, "args.name", "shop", b"s", b"v", 0)],
            )
    time.now = shop.START + KEEP
    assert mall.erase_expired().kept == 2

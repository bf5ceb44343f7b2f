"""Two at once on one SQLite file, as threads of one mall and as processes of their own."""

from __future__ import annotations

import multiprocessing
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from eldermall import Conflict, Mall, Refused
from tests import shop

TRIALS = 200
ROUNDS = 20
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
LINE = [{"id": "tea", "listing": "green-tea", "quantity": 1, "amount": 20400}]

Job = Callable[[Mall, int], Any]
WAYS = pytest.mark.parametrize("way", ["threads", "processes"])
SPAWN = multiprocessing.get_context("spawn")


# What each of the two does in a trial


def ship(mall: Mall, number: int) -> None:
    shop.ship(mall, f"A{number}", lines={"tea": 1})


def cancel(mall: Mall, number: int) -> None:
    mall.orders.cancel(f"A{number}", reason="changed my mind", by=shop.CUSTOMER)


def approve(mall: Mall, number: int) -> None:
    mall.listings.approve(f"L{number}", criteria=shop.PASSED, by=shop.REVIEWER)


def return_(mall: Mall, number: int) -> None:
    mall.listings.return_(f"L{number}", criteria=shop.FAILED, by=shop.REVIEWER)


def call(mall: Mall, number: int) -> None:
    mall.callbacks.attempt("A1", note=f"call {number}", by=shop.SERVICE)


def sweep(mall: Mall, number: int) -> int:
    return mall.sweep(shop.START + number * MINUTE + DAY + MINUTE / 2).breached


def open_and_place(url: str, number: int) -> None:
    with shop.open_mall(url.format(number)) as mall:
        shop.place(mall, f"A{threading.get_ident()}-{multiprocessing.current_process().pid}")


# Running two, or more, side by side


def outcome(job: Callable[..., Any], *given: Any) -> Any:
    try:
        return job(*given)
    except Refused:
        return "refused"
    except Conflict:
        return "conflict"
    except BaseException as error:  # noqa: BLE001
        return repr(error)


def work(mall: Mall, job: Job, trials: int, barrier: Any, results: Any) -> None:
    said = []
    for number in range(trials):
        barrier.wait(60)
        said.append(outcome(job, mall, number))
    results.put((job.__name__, said))


def work_alone(url: str, job: Job, trials: int, barrier: Any, results: Any) -> None:
    with shop.hurry(shop.open_mall(url, shop.Time(LATER))) as mall:
        work(mall, job, trials, barrier, results)


def open_often(url: str, rounds: int, barrier: Any, results: Any) -> None:
    said = []
    for number in range(rounds):
        barrier.wait(60)
        said.append(outcome(open_and_place, url, number))
    results.put(("open", said))


def side_by_side(way: str, target: Callable[..., None], each: list[tuple[Any, ...]]) -> list[Any]:
    """Run ``target`` once with each arguments, a barrier and a queue; return what each says."""
    if way == "threads":
        results: Any = Queue()
        barrier: Any = threading.Barrier(len(each))
        made: list[Any] = [
            threading.Thread(target=target, args=(*given, barrier, results)) for given in each
        ]
    else:
        results, barrier = SPAWN.Queue(), SPAWN.Barrier(len(each))
        made = [SPAWN.Process(target=target, args=(*given, barrier, results)) for given in each]
    for runner in made:
        runner.start()
    said = [results.get(timeout=120) for _ in each]
    for runner in made:
        runner.join(60)
    return said


def race(way: str, mall: Mall, url: str, *jobs: Job) -> list[tuple[str, list[Any]]]:
    """Let the jobs run against each other, trial by trial."""
    if way == "threads":
        return side_by_side(way, work, [(mall, job, TRIALS) for job in jobs])
    return side_by_side(way, work_alone, [(url, job, TRIALS) for job in jobs])


LATER = shop.START + timedelta(hours=1)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'mall.db'}"


@pytest.fixture
def mall(url: str, time: shop.Time) -> Iterator[Mall]:
    with shop.hurry(shop.open_mall(url, time)) as mall:
        shop.staff(mall)
        yield mall


def exactly_one_won(said: list[tuple[str, list[Any]]]) -> Counter[str]:
    """Check that of each trial one moved and the other didn't; return how often each won."""
    (one, first), (other, second) = said
    won: Counter[str] = Counter()
    for a, b in zip(first, second, strict=True):
        assert {a, b} in ({None, "refused"}, {None, "conflict"})
        won[one if a is None else other] += 1
    return won


def attempts(mall: Mall, kind: str, id: str, *moves: str) -> list[str]:
    return sorted(
        f"{entry['what']}:{entry['outcome'] == 'moved'}"
        for entry in mall.journal(kind, id)
        if entry["what"] in moves
    )


@WAYS
def test_of_shipping_the_last_and_cancelling_it_exactly_one_happens(
    way: str, mall: Mall, url: str, time: shop.Time
) -> None:
    for number in range(TRIALS):
        shop.place(mall, f"A{number}", lines=LINE, total=21400)
        shop.pay(mall, f"A{number}", 21400)
        shop.accept(mall, f"A{number}")
    time.now = LATER
    won = exactly_one_won(race(way, mall, url, ship, cancel))
    assert won["ship"] + won["cancel"] == TRIALS
    ends = Counter(mall.orders.get(f"A{number}").goods for number in range(TRIALS))
    assert ends == +Counter({"shipped": won["ship"], "cancelled": won["cancel"]})
    for number in range(TRIALS):
        assert attempts(mall, "order", f"A{number}", "order.ship", "order.cancel") in (
            ["order.cancel:False", "order.ship:True"], ["order.cancel:True", "order.ship:False"]
        )
    assert mall.verify().passed


@WAYS
def test_of_approving_and_returning_exactly_one_happens(
    way: str, mall: Mall, url: str, time: shop.Time
) -> None:
    for number in range(TRIALS):
        id = f"L{number}"
        mall.listings.draft(id, content=shop.CONTENT, merchant="tea-house", by=shop.MERCHANT)
        mall.listings.submit(id, by=shop.MERCHANT)
        mall.listings.start_review(id, by=shop.REVIEWER)
    time.now = LATER
    won = exactly_one_won(race(way, mall, url, approve, return_))
    ends = Counter(mall.listings.get(f"L{number}").work for number in range(TRIALS))
    assert ends == +Counter({"approved": won["approve"], "returned": won["return_"]})
    for number in range(TRIALS):
        both = attempts(mall, "listing", f"L{number}", "listing.approve", "listing.return")
        assert both in (
            ["listing.approve:False", "listing.return:True"],
            ["listing.approve:True", "listing.return:False"],
        )
    assert mall.verify().passed


@WAYS
def test_of_two_writers_on_one_chain_every_entry_is_in_and_the_chain_holds(
    way: str, mall: Mall, url: str, time: shop.Time
) -> None:
    shop.completed(mall)
    time.now = LATER
    for _, said in race(way, mall, url, call, call):
        assert said == [None] * TRIALS
    assert len(mall.callbacks.get("A1").attempts) == 2 * TRIALS
    entries = mall.journal("callback", "A1")
    assert [entry["seq"] for entry in entries] == list(range(1, 2 * TRIALS + 2))
    assert mall.verify().passed


@WAYS
def test_of_two_sweeps_on_one_due_clock_one_acts(
    way: str, mall: Mall, url: str, time: shop.Time
) -> None:
    for number in range(TRIALS):
        time.now = shop.START + number * MINUTE
        mall.complaints.receive(
            f"C{number}", customer=shop.CUSTOMER.id, words="cold", by=shop.CUSTOMER
        )
    time.now = LATER
    (_, first), (_, second) = race(way, mall, url, sweep, sweep)
    assert [a + b for a, b in zip(first, second, strict=True)] == [1] * TRIALS
    for number in range(TRIALS):
        outcomes = Counter(entry["what"] for entry in mall.journal("complaint", f"C{number}"))
        assert outcomes == {
            "complaint.receive": 1, "clock.breached": 1, "complaint.escalate": 1
        }
    assert mall.verify().passed


@pytest.mark.parametrize(("way", "many"), [("threads", 4), ("processes", 4)])
def test_four_who_open_a_new_file_at_once_all_succeed(
    way: str, many: int, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/mall-{{}}.db"
    for _, said in side_by_side(way, open_often, [(url, ROUNDS)] * many):
        assert said == [None] * ROUNDS
    for number in range(ROUNDS):
        with shop.open_mall(url.format(number)) as mall:
            assert mall.verify().entries == many
            assert mall.verify().passed

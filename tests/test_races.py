"""Two or more at once on one database, as threads of one mall and as processes of their own."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from sqlalchemy import text

from eldermall import Conflict, Mall, Refused, Text, hookimpl
from eldermall.contracts.events import CommittedEvent, RefundAnswer, RefundRequest, SealedRoot
from eldermall.contracts.notification import Notice, NoticeAnswer
from eldermall.engine.rule import Context, Fact, Rule, looked_up
from eldermall.rooms.complaints import Complaints
from eldermall.rooms.listings import Listings
from eldermall.rooms.orders import Orders
from eldermall.rooms.people import Designations
from tests import databases, shop
from tests.apart import APART

TRIALS = shop.times(200)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
LATER = shop.START + timedelta(hours=1)
LINE = [{"id": "tea", "listing": "green-tea", "quantity": 1, "amount": 20400}]
WORD = Text("词", "word")

Job = Callable[[Mall, int], Any]
WAYS = pytest.mark.parametrize("way", ["threads", "processes"])


# What each of the two does in a trial


def ship(mall: Mall, number: int) -> None:
    shop.ship(mall, f"A{number}", lines={"tea": 1})


def cancel(mall: Mall, number: int) -> None:
    mall.orders.cancel(f"A{number}", reason="changed my mind", by=shop.CUSTOMER)


def cancel_other(mall: Mall, number: int) -> None:
    mall.orders.cancel(f"B{number}", reason="changed my mind", by=shop.CUSTOMER)


def place(mall: Mall, number: int) -> None:
    shop.place(mall, f"A{number}")


def complain(mall: Mall, number: int) -> None:
    mall.complaints.receive(
        f"A{number}", customer=shop.CUSTOMER.id, words="cold", by=shop.CUSTOMER
    )


def approve(mall: Mall, number: int) -> None:
    mall.listings.approve(f"L{number}", criteria=shop.PASSED, by=shop.REVIEWER)


def return_(mall: Mall, number: int) -> None:
    mall.listings.return_(f"L{number}", criteria=shop.FAILED, by=shop.REVIEWER)


def come_and_go(mall: Mall, number: int) -> None:
    """Take the reviewer off duty in even trials and put her on again in odd ones."""
    move = mall.designations.appoint if number % 2 else mall.designations.dismiss
    while True:
        with suppress(Conflict):
            move("review", shop.REVIEWER.id, by=shop.LEADER)
            return


def call(mall: Mall, number: int) -> None:
    mall.callbacks.attempt("A1", note=f"call {number}", by=shop.SERVICE)


def sweep(mall: Mall, number: int) -> int:
    return mall.sweep(shop.START + number * MINUTE + DAY + MINUTE / 2).breached


# Rules of plugins: what decides one record is a fact of another that the other side changes


@dataclass(frozen=True)
class Bringing:
    """A plugin with rules."""

    rules: tuple[Rule, ...]

    @hookimpl
    def eldermall_rules(self) -> Iterable[Rule]:
        return self.rules


def rule(id: str, guard: Any, fact: Fact, check: Callable[[Any], bool]) -> Rule:
    return Rule(
        id=f"test.{id}", label=WORD, clauses=("S19-14",), guards=guard, needs=(fact,),
        check=check, reason=WORD,
    )


def _goods(name: str, key: Callable[[Context], str]) -> Fact:
    return looked_up(
        name, "text", WORD, "order", key,
        lambda c, order: "none" if order is None else order.goods,
    )


def _version(name: str, kind: str, key: Callable[[Context], str | None]) -> Fact:
    return looked_up(
        name, "number", WORD, kind, key,
        lambda c, record: 0 if record is None else record.version,
    )


NOT_BOTH = rule(
    "not-both", Orders.cancel.guard,
    _goods("other.goods", lambda c: ("B" if c.id[0] == "A" else "A") + c.id[1:]),
    lambda goods: goods != "cancelled",
)
NO_COMPLAINT = rule(
    "no-complaint", Orders.cancel.guard,
    _version("complaint.version", "complaint", lambda c: c.id), lambda version: version == 0,
)
NOT_CANCELLED = rule(
    "not-cancelled", Complaints.receive.guard,
    _goods("order.goods-seen", lambda c: c.id), lambda goods: goods != "cancelled",
)
NO_ORDER = rule(
    "no-order", Complaints.receive.guard,
    _goods("order.there", lambda c: c.id), lambda goods: goods == "none",
)
NO_COMPLAINT_YET = rule(
    "no-complaint-yet", Orders.place.guard,
    _version("complaint.there", "complaint", lambda c: c.id), lambda version: version == 0,
)
# These two refuse nothing: they note in either entry which version of the other it rests on.
SEES_DUTY = rule(
    "sees-duty", Listings.approve.guard,
    _version("duty.version", "designation", lambda c: "review"),
    lambda version: True,
)
SEES_LISTING = [
    rule(
        f"sees-listing-{move}", getattr(Designations, move).guard,
        _version(
            "listing.version", "listing",
            lambda c: f"L{c.record.version - 1}" if c.record and c.id == "review" else None,
        ),
        lambda version: True,
    )
    for move in ("appoint", "dismiss")
]
PLUGINS = {
    "": (),
    "not both": (NOT_BOTH,),
    "no complaint": (NO_COMPLAINT, NOT_CANCELLED),
    "neither yet": (NO_ORDER, NO_COMPLAINT_YET),
    "seen": (SEES_DUTY, *SEES_LISTING),
}


# Running two, or more, side by side


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mall is: enough to open it in another process."""

    url: str
    code: str = "main"
    rules: str = ""

    def open(self, time: shop.Time, *more: object) -> Mall:
        """Open it; on SQLite without waiting for the disk."""
        plugins = [Bringing(PLUGINS[self.rules]), *more]
        mall = shop.open_mall(self.url, time, code=self.code, plugins=plugins)
        return shop.hurry(mall) if self.url.startswith("sqlite") else mall


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


def work_alone(place: Place, job: Job, trials: int, barrier: Any, results: Any) -> None:
    with place.open(shop.Time(LATER)) as mall:
        work(mall, job, trials, barrier, results)


def side_by_side(way: str, target: Callable[..., None], each: list[tuple[Any, ...]]) -> list[Any]:
    """Run ``target`` once with each arguments, a barrier and a queue; return what each says.

    The first runs here, beside the threads or processes of the others.
    """
    if way == "threads":
        results: Any = Queue()
        barrier: Any = threading.Barrier(len(each))
        made: list[Any] = [
            threading.Thread(target=target, args=(*given, barrier, results)) for given in each[1:]
        ]
    else:
        results, barrier = APART.Queue(), APART.Barrier(len(each))
        made = [APART.Process(target=target, args=(*given, barrier, results)) for given in each[1:]]
    for runner in made:
        runner.start()
    target(*each[0], barrier, results)
    said = [results.get(timeout=120) for _ in each]
    for runner in made:
        runner.join(60)
    return said


_codes = count()


def quick(name: str, database: str) -> str:
    """Return the URL of an empty database of a server that is quick to see a deadlock."""
    url = databases.new_database(name, database)
    if name == "postgresql":
        with databases.admin(name).connect() as c:
            c.execute(text(f"ALTER DATABASE {database} SET deadlock_timeout = '10ms'"))
            c.execute(text(f"ALTER DATABASE {database} SET synchronous_commit = off"))
    return url


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The databases that this worker has made for this module; each test has its own mall there."""
    return {"sqlite": f"sqlite:///{tmp_path_factory.mktemp('races') / 'mall.db'}"}


@dataclass(slots=True)
class Races:
    """A mall of a test's own, in which two can run against each other trial by trial."""

    place: Place
    time: shop.Time = field(default_factory=shop.Time)
    mall: Mall = field(init=False)

    def __post_init__(self) -> None:
        self.mall = self.place.open(self.time)

    def race(self, way: str, *jobs: Job) -> list[tuple[str, list[Any]]]:
        """Let the jobs run against each other."""
        self.time.now = LATER
        where: Any = self.mall if way == "threads" else self.place
        target = work if way == "threads" else work_alone
        said = side_by_side(way, target, [(where, job, TRIALS) for job in jobs])
        names = [job.__name__ for job in jobs]
        return sorted(said, key=lambda each: names.index(each[0]))


@pytest.fixture(params=databases.NAMES)
def races(
    request: pytest.FixtureRequest, urls: dict[str, str]
) -> Iterator[Callable[[str], Races]]:
    name = request.param
    if name not in urls:
        urls[name] = quick(name, databases.worker() + "_races")
    opened: list[Mall] = []

    def with_rules(rules: str = "") -> Races:
        made = Races(Place(urls[name], f"m{next(_codes)}", rules))
        opened.append(made.mall)
        shop.staff(made.mall)
        return made

    yield with_rules
    for mall in opened:
        mall.close()


Opening = Callable[[str], Races]


def exactly_one_won(said: list[tuple[str, list[Any]]]) -> Counter[str]:
    """Check that of each trial one moved and the other didn't; return how often each won."""
    (one, first), (other, second) = said
    won: Counter[str] = Counter()
    for a, b in zip(first, second, strict=True):
        assert {a, b} in ({None, "refused"}, {None, "conflict"})
        won[one if a is None else other] += 1
    return won


def chains(mall: Mall) -> dict[str, list[dict[str, Any]]]:
    """Return the entries of every subject."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with mall.read() as tx:
        for row in tx.entries():
            found[row.subject].append(json.loads(row.body))
    return found


def attempts(entries: list[dict[str, Any]], *moves: str) -> list[str]:
    """Return which of the moves were tried, and whether they were made."""
    return sorted(
        f"{entry['what']}:{entry['outcome'] == 'moved'}"
        for entry in entries
        if entry["what"] in moves
    )


def states(mall: Mall, kind: str, field: str) -> dict[str, str]:
    """Return a field of every record of a kind."""
    with mall.read() as tx:
        return {row.id: json.loads(row.body)[field] for row in tx.find(kind)}


# One record


@WAYS
def test_of_shipping_the_last_and_cancelling_it_exactly_one_happens(
    way: str, races: Opening
) -> None:
    here = races("")
    mall = here.mall
    with mall.batch() as m:
        for number in range(TRIALS):
            shop.place(m, f"A{number}", lines=LINE, total=21400)
            shop.pay(m, f"A{number}", 21400)
            shop.accept(m, f"A{number}")
    won = exactly_one_won(here.race(way, ship, cancel))
    assert won["ship"] + won["cancel"] == TRIALS
    ends = Counter(states(mall, "order", "goods").values())
    assert ends == +Counter({"shipped": won["ship"], "cancelled": won["cancel"]})
    kept = chains(mall)
    for number in range(TRIALS):
        assert attempts(kept[f"order/A{number}"], "order.ship", "order.cancel") in (
            ["order.cancel:False", "order.ship:True"], ["order.cancel:True", "order.ship:False"]
        )
    assert mall.verify().passed


def in_review(mall: Mall) -> None:
    """Take listings of all trials to the reviewer's desk."""
    with mall.batch() as m:
        for number in range(TRIALS):
            id = f"L{number}"
            m.listings.draft(id, content=shop.CONTENT, merchant="tea-house", by=shop.MERCHANT)
            m.listings.submit(id, by=shop.MERCHANT)
            m.listings.start_review(id, by=shop.REVIEWER)


@WAYS
def test_of_approving_and_returning_exactly_one_happens(way: str, races: Opening) -> None:
    here = races("")
    mall = here.mall
    in_review(mall)
    won = exactly_one_won(here.race(way, approve, return_))
    ends = Counter(states(mall, "listing", "work").values())
    assert ends == +Counter({"approved": won["approve"], "returned": won["return_"]})
    kept = chains(mall)
    for number in range(TRIALS):
        both = attempts(kept[f"listing/L{number}"], "listing.approve", "listing.return")
        assert both in (
            ["listing.approve:False", "listing.return:True"],
            ["listing.approve:True", "listing.return:False"],
        )
    assert mall.verify().passed


@WAYS
def test_of_two_writers_on_one_chain_every_entry_is_in_and_the_chain_holds(
    way: str, races: Opening
) -> None:
    here = races("")
    mall = here.mall
    shop.completed(mall)
    for _, said in here.race(way, call, call):
        assert said == [None] * TRIALS
    assert len(mall.callbacks.get("A1").attempts) == 2 * TRIALS
    entries = mall.journal("callback", "A1")
    assert [entry["seq"] for entry in entries] == list(range(1, 2 * TRIALS + 2))
    assert mall.verify().passed


@WAYS
def test_of_two_sweeps_on_one_due_clock_one_acts(way: str, races: Opening) -> None:
    here = races("")
    mall = here.mall
    for number in range(TRIALS):
        here.time.now = shop.START + number * MINUTE
        mall.complaints.receive(
            f"C{number}", customer=shop.CUSTOMER.id, words="cold", by=shop.CUSTOMER
        )
    (_, first), (_, second) = here.race(way, sweep, sweep)
    assert [a + b for a, b in zip(first, second, strict=True)] == [1] * TRIALS
    kept = chains(mall)
    for number in range(TRIALS):
        outcomes = Counter(entry["what"] for entry in kept[f"complaint/C{number}"])
        assert outcomes == {
            "complaint.receive": 1, "clock.breached": 1, "complaint.escalate": 1
        }
    assert mall.verify().passed


# Two records, each of which decides the other


@WAYS
def test_of_two_orders_that_may_not_both_be_cancelled_exactly_one_is(
    way: str, races: Opening
) -> None:
    here = races("not both")
    mall = here.mall
    with mall.batch() as m:
        for number in range(TRIALS):
            shop.place(m, f"A{number}")
            shop.place(m, f"B{number}")
    exactly_one_won(here.race(way, cancel, cancel_other))
    ends = states(mall, "order", "goods")
    for number in range(TRIALS):
        pair = [ends[f"{letter}{number}"] for letter in "AB"]
        assert sorted(pair) == ["cancelled", "submitted"]
    assert mall.verify().passed


@WAYS
def test_a_record_that_is_not_there_decides_and_is_made_only_if_it_did_not(
    way: str, races: Opening
) -> None:
    here = races("no complaint")
    mall = here.mall
    with mall.batch() as m:
        for number in range(TRIALS):
            shop.place(m, f"A{number}")
    won = exactly_one_won(here.race(way, cancel, complain))
    gone = {id for id, goods in states(mall, "order", "goods").items() if goods == "cancelled"}
    made = set(states(mall, "complaint", "state"))
    assert not gone & made
    assert (len(gone), len(made)) == (won["cancel"], won["complain"])
    assert mall.verify().passed


@WAYS
def test_of_two_records_that_may_not_both_be_made_exactly_one_is(
    way: str, races: Opening
) -> None:
    """Neither is there to be locked when the other asks for it."""
    here = races("neither yet")
    mall = here.mall
    won = exactly_one_won(here.race(way, place, complain))
    orders, complaints = (set(states(mall, *which)) for which in (
        ("order", "goods"), ("complaint", "state")
    ))
    assert not orders & complaints
    assert (len(orders), len(complaints)) == (won["place"], won["complain"])
    assert mall.verify().passed


@WAYS
def test_a_reviewer_who_comes_and_goes_decides_as_if_one_had_been_first(
    way: str, races: Opening
) -> None:
    """Of two that saw each other's record, one saw it as the other left it."""
    here = races("seen")
    mall = here.mall
    in_review(mall)
    (_, duties), (_, approvals) = here.race(way, come_and_go, approve)
    assert duties == [None] * TRIALS
    assert set(approvals) <= {None, "refused", "conflict"}
    assert approvals.count("conflict") < TRIALS / 10
    kept = chains(mall)
    moves = [e for e in kept["designation/review"] if e["outcome"] == "moved"][1:]
    for number in range(TRIALS):
        entry = kept[f"listing/L{number}"][-1]
        assert entry["what"] == "listing.approve"
        was_seen_at = moves[number]["facts"]["listing.version"]
        if approvals[number] == "conflict":
            assert was_seen_at == 3
            continue
        saw = entry["facts"]["duty.version"]  # that before trial N is N + 1
        assert saw in (number + 1, number + 2)
        approved = approvals[number] is None
        assert approved == (saw % 2 == 1)
        first = saw == number + 1  # the approval came first, or was refused first
        assert was_seen_at == (4 if first and approved else 3)
    assert mall.verify().passed


# Several who open, and several who work


def open_and_place(url: str, number: int) -> None:
    with shop.open_mall(url.format(number)) as mall:
        shop.place(mall, f"A{threading.get_ident()}-{multiprocessing.current_process().pid}")


def open_often(url: str, rounds: int, barrier: Any, results: Any) -> None:
    said = []
    for number in range(rounds):
        barrier.wait(60)
        said.append(outcome(open_and_place, url, number))
    results.put(("open", said))


@WAYS
@pytest.mark.parametrize(("name", "rounds"), [("sqlite", 10), ("postgresql", 2), ("mariadb", 2)])
def test_four_who_open_a_new_database_at_once_all_succeed(
    way: str, name: str, rounds: int, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/mall-{{}}.db"
    if name != "sqlite":
        own = databases.worker() + "_open"
        for number in range(rounds):
            made = databases.new_database(name, f"{own}{number}")
        url = made.replace(f"{own}{rounds - 1}", own + "{}")
    for _, said in side_by_side(way, open_often, [(url, rounds)] * 4):
        assert said == [None] * rounds
    for number in range(rounds):
        with shop.open_mall(url.format(number)) as mall:
            assert mall.verify().entries == 4
            assert mall.verify().passed


@dataclass(frozen=True)
class Noting:
    """A plugin that notes every message in a file, a line each, whole even among processes."""

    file: Path

    def _note(self, id: str) -> None:
        at = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(at, f"{id}\n".encode())
        os.close(at)

    @hookimpl
    def eldermall_committed(self, event: CommittedEvent) -> None:
        self._note(event.id)

    @hookimpl
    def eldermall_notify(self, notice: Notice) -> NoticeAnswer:
        self._note(notice.key)
        return NoticeAnswer("accepted")

    @hookimpl
    def eldermall_refund(self, request: RefundRequest) -> RefundAnswer:
        self._note(request.id)
        return RefundAnswer("accepted")

    @hookimpl
    def eldermall_root(self, root: SealedRoot) -> None:
        self._note(f"root.{root.number}")


WORKERS = 4
DUE = 150


def do_rounds(place: Place, file: Path, barrier: Any, results: Any) -> None:
    with place.open(shop.Time(shop.START + DAY + MINUTE), Noting(file)) as mall:
        breached = 0
        failed: list[str] = []
        for _ in range(3):
            barrier.wait(60)
            swept = mall.sweep()
            breached += swept.breached
            failed += [f.why.en for f in swept.failed]
            mall.seal()
            mall.relay()
        results.put((breached, failed))


def test_of_four_workers_each_clock_each_message_and_each_entry_has_one(
    races: Opening, tmp_path: Path
) -> None:
    here = races("")
    mall, file = here.mall, tmp_path / "told"
    with mall.batch() as m:
        for number in range(DUE):
            m.complaints.receive(
                f"C{number}", customer=shop.CUSTOMER.id, words="cold", by=shop.CUSTOMER
            )
    done = side_by_side("processes", do_rounds, [(here.place, file)] * WORKERS)
    here.time.now = shop.START + DAY + MINUTE
    assert sum(breached for breached, _ in done) == DUE
    assert [failed for _, failed in done] == [[]] * WORKERS
    kept = chains(mall)
    for number in range(DUE):
        outcomes = Counter(entry["what"] for entry in kept[f"complaint/C{number}"])
        assert outcomes == {
            "complaint.receive": 1, "clock.breached": 1, "complaint.escalate": 1
        }
    assert mall.messages("pending", "dead", "suppressed") == []
    told = file.read_text().split()
    assert len(told) == len(set(told))
    ended = mall.messages("delivered", "accepted", limit=10_000)
    assert sorted(map(shop.born, told)) == sorted(
        shop.born(m.id).partition("#" if m.topic == "refund" else "\0")[0]
        for m in ended if "@" in m.id or m.topic == "refund"
    )
    checked = mall.verify()
    assert checked.passed
    assert checked.sealed == checked.entries

"""CPU time of rules and machine: what `step` costs, without JSON, hashes or SQL.

A kind of its own with a record of fifteen fields and three lines, eight rules over eight facts
(two of them of a looked-up record), one state entered, one copy of the record.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

from transitions import Machine as Bare

from eldermall.engine.actor import person
from eldermall.engine.inputs import Amount, Currency, Frozen, Id, Moment
from eldermall.engine.kind import Command, Kind, Record
from eldermall.engine.machine import NEW, Machine, State, Transition
from eldermall.engine.room import Nothing
from eldermall.engine.rule import ACTOR_ROLE, AT, Context, Fact, Rule, looked_up
from eldermall.engine.rulebook import Rulebook
from eldermall.engine.settings import Settings, Technical
from eldermall.engine.step import context, step
from eldermall.texts import Text
from tests.benchmarks.figures import Figure

NAME = "rules-and-machine"
NOW = 1_772_413_200_000_000
LABEL = Text("测", "bench")


class Line(Frozen):
    """A line of a bench order."""

    id: Id
    quantity: int
    shipped: int = 0


class Thing(Record):
    """A record of about the size of an order."""

    state: str
    merchant: Id
    customer: Id
    channel: Id
    currency: Currency
    freight: Amount
    total: Amount
    received: Amount
    paid_at: Moment | None
    shipped_at: Moment | None
    lines: tuple[Line, ...]


MACHINE = Machine(
    "bench", "state", LABEL,
    (
        State("open", LABEL), State("paid", LABEL), State("shipped", LABEL),
        State("done", LABEL, end=True),
    ),
    (
        Transition("place", (NEW,), "open", ("customer",), LABEL, "Placed"),
        Transition("pay", ("open",), "paid", ("operations",), LABEL, "Paid"),
        Transition(
            "ship", ("paid",), "shipped", ("operations",), LABEL, "Shipped",
            lambda c: {"shipped_at": c.at},
        ),
        Transition("finish", ("shipped",), "done", ("operations",), LABEL, "Done"),
    ),
)
KIND = Kind("bench", LABEL, Thing, (MACHINE,))


def _fact(name: str, type: Any, read: Callable[[Context], Any]) -> Fact:
    return Fact(f"bench.{name}", type, "record", LABEL, read)


def _other(name: str, read: Callable[[Any], Any]) -> Fact:
    return looked_up(
        f"other.{name}", "text", LABEL, "bench", lambda c: "other",
        lambda c, other: None if other is None else read(other),
    )


PAID_AT = _fact("paid-at", "moment", lambda c: c.record.paid_at)
TOTAL = _fact("total", "number", lambda c: c.record.total)
RECEIVED = _fact("received", "number", lambda c: c.record.received)
LEFT = _fact("left", "number", lambda c: sum(n.quantity - n.shipped for n in c.record.lines))
STATE = _other("state", lambda other: other.state)
MERCHANT = _other("merchant", lambda other: other.merchant)

CHECKS: tuple[tuple[tuple[Fact, ...], Callable[..., bool]], ...] = (
    ((PAID_AT, AT), lambda paid, at: paid is not None and paid <= at),
    ((TOTAL, RECEIVED), lambda total, received: received >= total),
    ((LEFT,), lambda left: left > 0),
    ((STATE,), lambda state: state == "open"),
    ((MERCHANT,), lambda merchant: merchant == "tea-house"),
    ((ACTOR_ROLE,), lambda role: role == "operations"),
    ((AT,), lambda at: at > 0),
    ((TOTAL, LEFT), lambda total, left: total > 0 and left < 1000),
)
RULES = tuple(
    Rule(f"bench.rule-{n}", LABEL, ("S19-11-1d",), (MACHINE.move("ship"),), needs, check, LABEL)
    for n, (needs, check) in enumerate(CHECKS)
)
BOOK = Rulebook([KIND], RULES)
SETTINGS = Settings("bench", {})
TECHNICAL = Technical()
ACTOR = person("olivia", "operations", department="operations")


def _thing(id: str, state: str) -> Thing:
    return Thing(
        id=id, version=5, pack="bench", created_at=NOW, state=state, merchant="tea-house",
        customer="li", channel="app", currency="CNY", freight=1000, total=20400, received=20400,
        paid_at=NOW, shipped_at=None,
        lines=tuple(Line(id=name, quantity=3) for name in ("tea", "honey", "rice")),
    )


def one_move() -> Callable[[], Any]:
    """Return a function that decides and makes the move once, in memory."""
    record, looked = _thing("A1", "paid"), {("bench", "other"): _thing("other", "open")}
    command = Command("bench", "ship", "A1", ACTOR, Nothing())

    def move() -> Any:
        c = context(command, record, looked, NOW, SETTINGS, SETTINGS)
        return step(BOOK, KIND, command, c, TECHNICAL)

    result = move()
    assert result.decision.allowed
    assert len(result.decision.verdicts) == len(result.decision.facts) == len(RULES)
    assert result.record is not None
    assert result.record.state == "shipped"
    return move


def one_event() -> Callable[[], Any]:
    """Return a function that makes a bare event of ``transitions``, whose machine is made once."""
    machine: Any = Bare(
        states=["paid", "shipped"], transitions=[["ship", "paid", "shipped"]], initial="paid",
        auto_transitions=False,
    )

    def event() -> Any:
        machine.state = "paid"
        return machine.ship()

    return event


def run(*, quick: bool = False) -> list[Figure]:
    """Measure the CPU time of a move against that of a bare event, in turns."""
    size, ratios, times = 500 if quick else 3000, [], []
    move, event = one_move(), one_event()
    for _ in range(5 if quick else 11):
        ours, bare = _timed(move, size), _timed(event, size)
        ratios.append(ours / bare)
        times.append((ours, bare))
    ours, bare = (statistics.median(each[1:]) for each in zip(*times, strict=True))
    return [
        Figure(
            NAME, "CPU time of rules and machine a move, against a bare event of transitions",
            statistics.median(ratios[1:]), "x", 2.5, "less",
            f"ours {ours:.1f} µs, an event {bare:.1f} µs; "
            f"rounds {min(ratios[1:]):.2f} to {max(ratios[1:]):.2f}",
        )
    ]


def _timed(do: Callable[[], Any], size: int) -> float:
    gc.collect()
    start = time.process_time()
    for _ in range(size):
        do()
    return (time.process_time() - start) / size * 1e6

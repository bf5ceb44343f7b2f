"""A small shop for tests: people, a clock that only moves when told, and orders on their way."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from eldermall import Actor, Decision, Mall, Refused, head_of, person, system
from eldermall.calendars import microseconds
from eldermall.contracts.storage import ClockRow, ClockState
from eldermall.engine.settings import Technical
from eldermall.mall import Moving, rulebook

if TYPE_CHECKING:
    from tests.golden.life import Life

ROOT = Path(__file__).parent.parent
POLICY = ROOT / "src" / "eldermall" / "rules" / "demo-policy.toml"
START = datetime(2026, 3, 2, 1, tzinfo=UTC)  # a Monday, 09:00 in Shanghai

OPERATIONS = person("olivia", "operations", department="operations")
REVIEWER = person("rui", "operations", department="operations")
SERVICE = person("chen", "customer_service", department="operations")
AGENT = person("wang", "field_agent", department="operations")
HEAD = person("hu", "department_head", department="operations")
LEADER = person("lin", "company_leader", department="board")
CUSTOMER = person("grandma-li", "customer")
STRANGER = person("somebody", "customer")
MERCHANT = person("zhao", "merchant", merchant="tea-house")
RIVAL = person("qian", "merchant", merchant="rival")
PAYMENTS = system("payments")
COURIER = system("courier:SF")

EVERYBODY: tuple[Actor, ...] = (
    OPERATIONS, REVIEWER, SERVICE, AGENT, HEAD, LEADER, CUSTOMER, STRANGER, MERCHANT, RIVAL,
    PAYMENTS,
)

CONTENT = {"title": "Green tea", "description": "250 g, spring", "price": 6800, "currency": "CNY"}
PASSED = {
    name: {"passed": True, "note": "checked"}
    for name in ("legality", "authenticity", "reasonableness")
}
FAILED = {**PASSED, "authenticity": {"passed": False, "note": "no proof of origin"}}


QUICK = "ELDERMALL_TEST_QUICK" in os.environ
"""Whether this is `make test`, in which what is random is tried less often than in CI."""


def times(whole: int) -> int:
    """Return how often to try what is random: so often in a whole run, a tenth in a quick one."""
    return -(-whole // 10) if QUICK else whole


class Time:
    """The present, which moves only when told."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **by: float) -> datetime:
        """Let time pass and return the new present."""
        self.now += timedelta(**by)
        return self.now


PATIENT = Technical(silence=2**53)
"""A mall that takes any leap of time for granted, as tests make them."""


def open_mall(url: str = "memory:", time: Time | None = None, **more: Any) -> Mall:
    """Open a mall under the demo policy."""
    given: dict[str, Any] = {"policy": POLICY, "now": time or Time(), "technical": PATIENT}
    return Mall.open(url, **given | more)


def staff(mall: Moving | Life) -> None:
    """Designate everybody who has to be."""
    for link in ("collection", "listing", "order", "tracking", "callback", "after_sale"):
        mall.designations.appoint(link, OPERATIONS.id, by=LEADER)
    mall.designations.appoint("review", REVIEWER.id, by=LEADER)
    mall.designations.appoint(head_of("operations"), HEAD.id, by=LEADER)
    mall.designations.appoint("leader", LEADER.id, by=HEAD)
    mall.assignments.appoint("tea-house", AGENT.id, by=OPERATIONS)


def place(mall: Moving | Life, id: str = "A1", **more: Any) -> None:
    """Place an order of two lines, 3 of tea and 1 of honey, from the tea house."""
    lines = [
        {"id": "tea", "listing": "green-tea", "quantity": 3, "amount": 20400},
        {"id": "honey", "listing": "honey", "quantity": 1, "amount": 5600},
    ]
    given: dict[str, Any] = {
        "customer": CUSTOMER.id, "merchant": "tea-house", "lines": lines, "total": 27000,
        "freight": 1000, "by": CUSTOMER,
    }
    mall.orders.place(id, **given | more)


def accept(mall: Moving | Life, id: str = "A1") -> None:
    """Take a placed order to accepted."""
    mall.orders.hand_over(id, to=AGENT.id, by=SERVICE)
    mall.orders.contact_merchant(id, way="phone", by=AGENT)
    mall.orders.accept(id, by=MERCHANT)


def pay(mall: Moving | Life, id: str = "A1", amount: int = 27000) -> None:
    """Book an order's payment."""
    mall.orders.paid(id, amount, f"pay-{id}", by=PAYMENTS)


def ship(
    mall: Moving | Life, id: str = "A1", lines: dict[str, int] | None = None, **more: Any
) -> None:
    """Send a parcel, by default with everything."""
    lines = lines or {"tea": 3, "honey": 1}
    given: dict[str, Any] = {
        "parcel": f"p-{'-'.join(lines)}", "courier": "SF", "tracking": "SF1001", "lines": lines,
        "by": MERCHANT,
    }
    mall.orders.ship(id, **given | more)


def completed(mall: Mall, id: str = "A1") -> None:
    """Take a new order all the way to completed."""
    place(mall, id)
    pay(mall, id)
    accept(mall, id)
    ship(mall, id)
    mall.orders.deliver(id, parcel="p-tea-honey", by=COURIER)
    mall.orders.complete(id, by=CUSTOMER)


def publish(mall: Moving | Life, id: str = "green-tea") -> None:
    """Take a new listing all the way to shown."""
    mall.listings.draft(id, content=CONTENT, merchant="tea-house", by=MERCHANT)
    mall.listings.submit(id, by=MERCHANT)
    mall.listings.start_review(id, by=REVIEWER)
    mall.listings.approve(id, criteria=PASSED, by=REVIEWER)
    mall.listings.publish(id, by=OPERATIONS)


def policy(changed: dict[str, Any] | None = None, **pack: Any) -> dict[str, Any]:
    """Return the demo policy with other values for some settings, and other fields of the pack."""
    given = tomllib.loads(POLICY.read_text(encoding="utf-8"))
    given["pack"] |= pack
    for key, value in (changed or {}).items():
        clause = rulebook().settings[key].clause
        given["settings"][key] = {
            "value": value, "author": "test", "date": "2026-01-01", "clause": clause,
        }
    return given


def refusal(move: Callable[..., Any], *args: Any, **more: Any) -> Decision:
    """Make a move that must be refused; return the decision."""
    try:
        move(*args, **more)
    except Refused as refused:
        return refused.decision
    raise AssertionError("it was allowed")


@contextmanager
def telling(row: object) -> Iterator[None]:
    """Say of which row it is that a check fails, where a test goes through a table."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"of the row: {row}")
        raise


def clocks(mall: Mall, id: str, subject: str = "order/A1") -> dict[str, ClockRow]:
    """Return a subject's clocks of one id by part, ended ones included, the last of each part."""
    rows = [r for r in mall.clocks(*get_args(ClockState)) if r.subject == subject]
    named = [r for r in rows if r.name.split("@")[0] == id]
    return {r.part: r for r in sorted(named, key=lambda r: r.started)}


def us(when: datetime) -> int:
    """Return a moment as the engine counts it."""
    return microseconds(when)


def born(id: str) -> str:
    """Return the id with which a message was born: without its mall, mark and receiver."""
    bare = id.partition("@")[0]
    return re.sub(r"^[^/#]+/([^/]+/.*?)(-[0-9a-f]{8})?$", r"\1", bare)


def hurry(mall: Mall) -> Mall:
    """Let a SQLite mall not wait for the disk: nobody pulls the plug in these tests."""
    from sqlalchemy import event

    engine = mall.storage.engine  # type: ignore[attr-defined]
    engine.dispose()
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
    return mall

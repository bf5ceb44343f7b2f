"""Lives of records: moves that anybody may try on anything, in whatever order and at any time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from eldermall import Actor, EldermallError, Mall
from tests import shop

COLLEAGUE = "ma"
"""A field agent of another merchant than the tea house."""


@dataclass(frozen=True)
class Attempt:
    """A move that may be tried: in which room, on which of the ids, by whom it is mostly made.

    ``words`` says what the move asks for, given the mall, the present and the id.
    """

    kind: str
    room: str
    move: str
    by: Actor
    words: Callable[[Mall, shop.Time, str], dict[str, Any]] = lambda mall, time, id: {}

    def on(self, rooms: Any, mall: Mall, time: shop.Time, id: str, by: Actor | None = None) -> Any:
        """Try it on ``mall``, or ask ``mall.may``."""
        room = getattr(rooms, self.room)
        return getattr(room, self.move)(id, **self.words(mall, time, id), by=by or self.by)


def _order(mall: Mall, id: str) -> Any:
    return mall.orders.get(id)


def _parcel(mall: Mall, time: shop.Time, id: str) -> dict[str, Any]:
    lines = {x.id: x.outstanding for x in _order(mall, id).lines if x.outstanding}
    number = len(_order(mall, id).parcels)
    some = dict(list(lines.items())[:1]) if id == "A2" else lines
    return {"parcel": f"p{number}", "courier": "SF", "tracking": f"SF{number}", "lines": some}


def _arrival(mall: Mall, time: shop.Time, id: str) -> dict[str, Any]:
    return {"parcel": next(p.id for p in _order(mall, id).parcels if p.delivered_at is None)}


def _sale(mall: Mall, time: shop.Time, id: str) -> dict[str, Any]:
    lines = [
        {"id": "tea", "listing": "green-tea", "quantity": 3, "amount": 20400},
        {"id": "honey", "listing": "honey", "quantity": 1, "amount": 5600},
    ]
    merchant = {"A1": "tea-house", "A2": "rival", "A3": None, "S1": "tea-house"}[id]
    return {
        "customer": shop.CUSTOMER.id, "merchant": merchant, "lines": lines, "total": 27000,
        "freight": 1000, "kind": "service" if id == "S1" else "goods",
    }


def _claim(mall: Mall, time: shop.Time, id: str) -> dict[str, Any]:
    return {
        "order": "A1", "customer": shop.CUSTOMER.id, "lines": {"tea": 1},
        "remedy": "return" if id == "C1" else "exchange",
    }


def _said(**words: Any) -> Callable[[Mall, shop.Time, str], dict[str, Any]]:
    return lambda mall, time, id: words


def _agent(mall: Mall, time: shop.Time, id: str) -> dict[str, Any]:
    return {"to": COLLEAGUE if id == "A2" else shop.AGENT.id}


IDS = {
    "order": ("A1", "A2", "A3", "S1"), "callback": ("A1", "A3", "S1"), "complaint": ("K1", "K2"),
    "listing": ("green-tea",), "stock": ("green-tea",), "assistance": ("J1",),
    "case": ("C1", "C2"),
}

ATTEMPTS = (
    Attempt("order", "orders", "place", shop.CUSTOMER, _sale),
    Attempt("order", "orders", "hand_over", shop.SERVICE, _agent),
    Attempt("order", "orders", "contact_merchant", shop.OPERATIONS, _said(way="phone")),
    Attempt("order", "orders", "accept", shop.OPERATIONS),
    Attempt(
        "order", "orders", "paid", shop.PAYMENTS,
        lambda mall, time, id: {"amount": 27000, "reference": f"pay-{id}"},
    ),
    Attempt("order", "orders", "ship", shop.OPERATIONS, _parcel),
    Attempt("order", "orders", "deliver", shop.OPERATIONS, _arrival),
    Attempt("order", "orders", "complete", shop.SERVICE),
    Attempt("order", "orders", "archive", shop.SERVICE),
    Attempt("order", "orders", "decline", shop.OPERATIONS, _said(reason="none left")),
    Attempt("order", "orders", "cancel", shop.SERVICE, _said(reason="too late", lines={"tea": 1})),
    Attempt(
        "order", "orders", "grant_exception", shop.HEAD,
        lambda mall, time, id: {
            "line": "honey", "reason": "the bees", "until": time.now + timedelta(days=9),
            "customer_told_at": time.now,
        },
    ),
    Attempt(
        "order", "orders", "appoint", shop.OPERATIONS,
        lambda mall, time, id: {"when": time.now + timedelta(hours=5), "place": "at home"},
    ),
    Attempt("order", "orders", "start", shop.OPERATIONS, _said(served_by="zhao")),
    Attempt("order", "orders", "finish", shop.OPERATIONS, _said(proof="photo-1")),
    Attempt("order", "orders", "confirm", shop.CUSTOMER),
    Attempt("callback", "callbacks", "attempt", shop.OPERATIONS, _said(note="no answer")),
    Attempt(
        "callback", "callbacks", "reach", shop.OPERATIONS,
        _said(satisfaction="satisfied", suggestion=""),
    ),
    Attempt(
        "complaint", "complaints", "receive", shop.CUSTOMER,
        _said(customer=shop.CUSTOMER.id, words="the tea is late"),
    ),
    Attempt(
        "complaint", "complaints", "record", shop.OPERATIONS,
        _said(subject="late tea", remedy="an apology", etiquette="v1"),
    ),
    Attempt("complaint", "complaints", "escalate", shop.OPERATIONS, _said(reason="too big")),
    Attempt("complaint", "complaints", "settle_opinion", shop.HEAD, _said(text="we are sorry")),
    Attempt("complaint", "complaints", "answer", shop.OPERATIONS, _said(text="we are sorry")),
    Attempt("complaint", "complaints", "close", shop.OPERATIONS),
    Attempt(
        "listing", "listings", "draft", shop.MERCHANT,
        _said(content=shop.CONTENT, merchant="tea-house"),
    ),
    Attempt("listing", "listings", "submit", shop.MERCHANT),
    Attempt("listing", "listings", "start_review", shop.REVIEWER),
    Attempt("listing", "listings", "approve", shop.REVIEWER, _said(criteria=shop.PASSED)),
    Attempt("listing", "listings", "return_", shop.REVIEWER, _said(criteria=shop.FAILED)),
    Attempt("listing", "listings", "revise", shop.MERCHANT, _said(content=shop.CONTENT)),
    Attempt("listing", "listings", "publish", shop.OPERATIONS),
    Attempt("listing", "listings", "edit", shop.MERCHANT, _said(content=shop.CONTENT)),
    Attempt("listing", "listings", "withdraw", shop.MERCHANT, _said(reason="sold out")),
    Attempt("stock", "stock", "open", shop.MERCHANT, _said(merchant="tea-house", warn_at=4)),
    Attempt(
        "stock", "stock", "receive", shop.MERCHANT, _said(lot="L1", quantity=6, source="note 1")
    ),
    Attempt(
        "stock", "stock", "confirm", shop.MERCHANT,
        lambda mall, time, id: {"on_hand": mall.stock.get(id).on_hand},
    ),
    Attempt("assistance", "assistance", "request", shop.MERCHANT, _said(merchant="tea-house")),
    Attempt("assistance", "assistance", "appoint", shop.OPERATIONS, _said(who=shop.AGENT.id)),
    Attempt("assistance", "assistance", "arrive", shop.AGENT, _said(where="3 Lake Road")),
    Attempt("assistance", "assistance", "finish", shop.AGENT),
    Attempt("case", "cases", "open", shop.CUSTOMER, _claim),
    Attempt("case", "cases", "contact", shop.SERVICE, _said(note="by phone")),
    Attempt(
        "case", "cases", "record", shop.SERVICE,
        _said(ground="damaged", item_state="unused", wish="a new one"),
    ),
    Attempt("case", "cases", "contact_merchant", shop.SERVICE, _said(note="by phone")),
    Attempt("case", "cases", "approve", shop.OPERATIONS),
    Attempt("case", "cases", "send_back", shop.CUSTOMER),
    Attempt("case", "cases", "receive", shop.OPERATIONS, _said(outcome="ok")),
    Attempt("case", "cases", "send_replacement", shop.OPERATIONS),
    Attempt("case", "cases", "deliver_replacement", shop.CUSTOMER),
    Attempt("case", "cases", "close", shop.SERVICE),
)
"""What may be tried, each kind's moves in the order of a life without trouble."""


@dataclass(frozen=True)
class Step:
    """A step of a life: some moves of a record in their order, or another one; then time passes.

    ``other`` is None for the next ones in order; ``hours`` pass after each; at the end there may
    be a sweep.
    """

    kind: str
    id: str
    moves: int
    other: Attempt | None
    hours: float
    sweep: bool


def steps(*kinds: str) -> st.SearchStrategy[list[Step]]:
    """Draw a life of records of some kinds."""
    records = [(kind, id) for kind in kinds for id in IDS[kind]]
    attempts = [attempt for attempt in ATTEMPTS if attempt.kind in kinds]

    def step(
        record: tuple[str, str], moves: int, other: Attempt | None, hours: float, sweep: bool
    ) -> Step:
        if other is not None and other.kind != record[0]:
            other = None
        return Step(*record, moves, other, hours, sweep)

    return st.lists(
        st.builds(
            step, st.sampled_from(records), st.sampled_from((1, 2, 3, 4, 6, 9)),
            st.none() | st.none() | st.sampled_from(attempts),
            st.sampled_from((0, 0.5, 0.5, 1, 5, 30, 80)), st.booleans(),
        ),
        min_size=4, max_size=40,
    )


def live(mall: Mall, time: shop.Time, life: list[Step], *, sweeps: bool = True) -> None:
    """Live it; whatever is refused, is refused."""
    reached: dict[tuple[str, str], int] = {}
    for step in life:
        line = [attempt for attempt in ATTEMPTS if attempt.kind == step.kind]
        if step.other is not None:
            try_(step.other, mall, time, step.id)
            time.pass_(hours=step.hours)
        for _ in range(0 if step.other else step.moves):
            ahead = line[reached.get((step.kind, step.id), 0) :]
            made = next((a for a in ahead if try_(a, mall, time, step.id)), None)
            if made is not None:
                reached[step.kind, step.id] = line.index(made) + 1
            time.pass_(hours=step.hours)
        if step.sweep and sweeps:
            mall.sweep()


def try_(attempt: Attempt, mall: Mall, time: shop.Time, id: str) -> bool:
    """Say whether a move was made."""
    try:
        attempt.on(mall, mall, time, id)
    except (EldermallError, LookupError, StopIteration):
        return False
    return True


def allowed(attempt: Attempt, mall: Mall, time: shop.Time, id: str, by: Actor) -> bool:
    """Say whether somebody may make a move now."""
    try:
        return bool(attempt.on(mall.may, mall, time, id, by).allowed)
    except (EldermallError, LookupError, StopIteration):
        return False

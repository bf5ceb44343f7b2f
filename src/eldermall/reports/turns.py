"""Whose turn it is: what a role is expected to do next about a record, by its machines.

The tables of the machines say what a role may do. Much of that nobody waits for: an order may be
cancelled at any time, a note may be taken. Here stands what is left aside, where fewer are meant
than may, and what has no sense for a record as it is. Rules may still refuse what is named here.
A plugin's kinds have nothing left aside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from eldermall.engine.actor import Role
from eldermall.engine.kind import Kind, Record
from eldermall.engine.machine import Machine, Transition

STANDING = frozenset({("listing-display", "shown"), ("stock", "open"), ("capacity", "open")})
"""States, by machine, in which something is on offer and nobody has to do anything."""

ASIDE: Mapping[str, frozenset[str]] = {
    "listing": frozenset({"withdraw"}),
    "order": frozenset({"decline", "cancel", "grant_exception", "track", "correct_tracking"}),
    "complaint": frozenset({"escalate", "contact", "note"}),
    "case": frozenset({"choose", "withdraw", "hold", "resume", "attempt", "give_up"}),
    "callback": frozenset({"give_up", "refuse"}),
    "assistance": frozenset({"cancel"}),
    "stock": frozenset({"damage", "set_warning", "close"}),
    "capacity": frozenset({"close"}),
}
"""Moves, by kind, that nobody waits for."""

BY: Mapping[tuple[str, str], tuple[Role, ...]] = {
    ("complaint", "settle_opinion"): ("department_head", "company_leader"),
    ("complaint", "answer"): ("customer_service", "operations"),
}
"""Who is meant, by kind and move, where a rule leaves fewer than the table."""


def _sent(case: Any) -> bool:
    return case.replacement is not None and case.due is None


def _lacks_outcome(case: Any) -> bool:
    return case.reception != "ok" and case.resolution is None and case.due is None


FITS: Mapping[tuple[str, str], Callable[[Any], bool]] = {
    ("order", "deliver"): lambda order: any(p.delivered_at is None for p in order.parcels),
    ("order", "ship"): lambda order: any(line.outstanding for line in order.lines),
    ("order", "contact_merchant"): lambda order: not order.self_operated,
    ("complaint", "record"): lambda complaint: complaint.recorded_at is None,
    ("complaint", "answer"): lambda complaint: complaint.state != "escalated",
    ("case", "contact"): lambda case: case.state == "opened",
    ("case", "record"): lambda case: case.entitled is None,
    ("case", "contact_merchant"): lambda case: case.merchant is not None,
    ("case", "send_back"): lambda case: case.remedy != "refund_only",
    ("case", "receive"): lambda case: case.remedy != "refund_only",
    ("case", "resolve"): _lacks_outcome,
    ("case", "send_replacement"): lambda case: (
        case.remedy == "exchange" and case.replacement is None and case.due is None
        and case.state == "received" and (case.reception == "ok" or case.resolution == "replace")
    ),
    ("case", "deliver_replacement"): _sent,
    ("case", "tell"): lambda case: case.told_at is None
    and (case.state == "declined" or case.resolution == "none"),
    ("case", "close"): lambda case: case.state != "received" or case.resolution == "none",
}
"""Whether a move, by kind and name, has any sense for a record as it is."""


def waiting(kind: Kind, record: Record) -> tuple[Machine, ...]:
    """Return the tracks of a record in which something is still to be done."""
    return tuple(
        machine
        for machine in kind.tracks(record)
        if (at := getattr(record, machine.field)) not in machine.ends
        and (machine.name, at) not in STANDING
    )


def moves(kind: Kind, record: Record, role: Role) -> tuple[Transition, ...]:
    """Return the moves that a role is expected to make next about a record.

    Those of the tracks in which something is to be done; of one that only stands on offer, those
    with which its upkeep is done.
    """
    found = {t.name: t for t in _moves(kind, record) if role in BY.get((kind.name, t.name), t.by)}
    return tuple(found.values())


def _moves(kind: Kind, record: Record) -> Iterator[Transition]:
    aside = ASIDE.get(kind.name, frozenset())
    for machine in waiting(kind, record) or kind.tracks(record):
        for t in machine.transitions:
            if getattr(record, machine.field) not in t.sources or t.erases or t.name in aside:
                continue
            fits = FITS.get((kind.name, t.name))
            if fits is None or fits(record):
                yield t

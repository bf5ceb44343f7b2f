"""The chapters: lives that together make every move of every room, in the order of their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.golden.chapters import (
    adoption,
    cases,
    complaints,
    goods,
    half,
    people,
    relaxed,
    services,
    stocks,
    ways,
)
from tests.golden.life import Life

CHAPTERS: Mapping[str, Callable[[Life], None]] = {
    chapter.__name__: chapter
    for chapter in (
        people.people, people.listings, people.assistance, goods.orders, goods.ends, goods.late,
        services.services, services.callbacks, complaints.complaints, cases.cases,
        cases.late_cases, stocks.stocks, ways.parcels, ways.money, ways.unpaid, ways.contested,
        adoption.adoption, relaxed.relaxed, half.half,
    )
}
POLICIES = {"relaxed": relaxed.policy, "stocks": stocks.policy}
"""The policies of the chapters that don't go by the demo's."""

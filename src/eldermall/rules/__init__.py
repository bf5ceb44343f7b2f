"""What the articles demand: one module per topic, the catalogue of articles, the demo policy.

Each module names its source, says what it asks in two sentences and what was decided where the
text is silent, and then holds its rules and clocks. This package is a plugin like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from eldermall.contracts.plugin import PolicyPack
from eldermall.engine.clock import Clock
from eldermall.engine.rule import Rule
from eldermall.hooks import hookimpl
from eldermall.rules import (
    aftersales,
    aftersales_time,
    callbacks,
    capacity,
    collection,
    complaints,
    completion,
    handover,
    ordering,
    payment,
    people,
    refunds,
    retention,
    review,
    services,
    shipping,
    stock,
    tracking,
)

MODULES = (
    people, collection, review, stock, capacity, ordering, payment, handover, shipping, services,
    tracking, completion, callbacks, refunds, aftersales, aftersales_time, complaints, retention,
)


@hookimpl
def eldermall_rules() -> Iterable[Rule | Clock]:
    """Return the rules and clocks that are built."""
    return [thing for module in MODULES for thing in (*module.RULES, *module.CLOCKS)]


@hookimpl
def eldermall_packs() -> Iterable[PolicyPack]:
    """Return the policy of the demo and the examples; its numbers are no company's."""
    return [PolicyPack("demo", Path(__file__).with_name("demo-policy.toml"))]

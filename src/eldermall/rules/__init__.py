"""What the articles demand: one module per policy, and the catalogue of articles.

Each module names its source, says what it asks in two sentences and what was decided where the
text is silent, and then holds its rules and clocks. This package is a plugin like any other.
"""

from __future__ import annotations

from collections.abc import Iterable

from eldermall.engine.clock import Clock
from eldermall.engine.rule import Rule
from eldermall.hooks import hookimpl
from eldermall.rules import (
    aftersales,
    callbacks,
    collection,
    complaints,
    handover,
    people,
    retention,
    review,
    services,
    shipping,
    stock,
    tracking,
)

MODULES = (
    people, collection, review, stock, handover, shipping, services, tracking, callbacks,
    aftersales, complaints, retention,
)


@hookimpl
def eldermall_rules() -> Iterable[Rule | Clock]:
    """Return the rules and clocks that are built."""
    return [thing for module in MODULES for thing in (*module.RULES, *module.CLOCKS)]

"""How far the lives reach: edges of machines, clocks, rules, ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from eldermall.engine.making import CAUGHT_UP
from eldermall.mall import rulebook

BOOK = rulebook()
Edge = tuple[str, str, str]
"""A machine, a state, and a move that leaves it."""

EDGES: frozenset[Edge] = frozenset(
    (machine.name, source, move.name)
    for machine in BOOK.machines.values()
    for move in machine.transitions if move.name != CAUGHT_UP  # made on what is older than now
    for source in move.sources
)


def edges(entries: Iterable[Mapping[str, Any]]) -> set[Edge]:
    """Return the edges that the moves in ``entries`` have taken.

    The tracks of orders of goods and of services share names: a state that only one has, or what
    the order is by its first entry, tells them apart.
    """
    tracks: dict[str, str] = {}
    taken = set()
    for entry in entries:
        kind, _, move = entry["what"].partition(".")
        if kind == "order" and "kind" in entry.get("args", {}):
            tracks[entry["subject"]] = entry["args"]["kind"]
        if entry["outcome"] != "moved":
            continue
        followed = entry.get("followed", ())
        steps = [(move, entry["from"]), *((each["move"], each["from"]) for each in followed)]
        for name, source in steps:
            for machine in BOOK.kinds[kind].machines:
                other = {"goods": "service", "service": "goods"}.get(machine.name)
                if other is not None and tracks[entry["subject"]] == other:
                    continue
                if (machine.name, source, name) in EDGES:
                    taken.add((machine.name, source, name))
    return taken


def clock_ends(entries: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Return what has happened to which clock."""
    return {(c["clock"], c["did"]) for entry in entries for c in entry.get("clocks", ())}


def verdicts(entries: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Return what which rules have said."""
    said = [v for entry in entries for v in entry.get("verdicts", ())]
    said += [v for e in entries for v in e.get("reaction", {}).get("verdicts", ())]
    return {(v["rule"], v["outcome"]) for v in said}

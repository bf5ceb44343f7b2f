"""A whole move on SQLite against bare SQLAlchemy Core doing the same statements.

`ship` of one line: with a key, one looked-up record, one clock stopped, three started, two outbox
rows, no reaction. The floor sends the statements that a real `ship` sent, with the same values
but for the id, to a file filled with the same rows.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.benchmarks import bare, stage
from tests.benchmarks.figures import Figure, duel

NAME = "whole-move"


def run(*, quick: bool = False) -> list[Figure]:
    """Measure at full synchronisation, which is what we use, and at normal."""
    figures = []
    levels: tuple[stage.Level, ...] = ("FULL", "NORMAL")
    for level in levels:
        figures.append(_level(level, *((5, 20) if quick else (41, 40))))
    return figures


def _level(level: stage.Level, rounds: int, size: int) -> Figure:
    count = (rounds + 1) * size
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "ours.db"), Path(folder, "bare.db")
        with (
            stage.open_stage(theirs, range(count)) as mall,
            bare.capture(stage.engine_of(mall)) as seen,
        ):
            stage.ship(mall, stage.TEMPLATE)
        with stage.open_stage(ours, range(count), level) as mall:
            engine = bare.open_engine(theirs)
            stage.use_level(engine, level)
            ids = [stage.order_id(number) for number in range(count)]
            result = duel(
                lambda number: stage.ship(mall, ids[number]),
                bare.replay(engine, seen, stage.TEMPLATE, ids),
                rounds=rounds,
                size=size,
            )
            engine.dispose()
    return Figure(
        NAME, f"speed of `ship` against bare Core, synchronous={level}", result.speed, "x",
        1.0, note=f"{len(seen.sql)} statements; {result.note('bare Core')}",
    )

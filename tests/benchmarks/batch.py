"""Many orders in one transaction against one by one, on SQLite at full synchronisation."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests import shop
from tests.benchmarks import stage
from tests.benchmarks.figures import Figure, duel

NAME = "batch"


def run(*, quick: bool = False) -> list[Figure]:
    """Place orders in batches, and as many one by one, each to its own file."""
    rounds, batch = (3, 20) if quick else (15, 200)
    with (
        tempfile.TemporaryDirectory() as folder,
        stage.open_stage(Path(folder, "batch.db")) as many,
        stage.open_stage(Path(folder, "single.db")) as single,
    ):

        def together(number: int) -> None:
            with many.batch() as m:
                for order in range(number * batch, (number + 1) * batch):
                    shop.place(m, stage.order_id(order))

        def alone(number: int) -> None:
            for order in range(number * batch, (number + 1) * batch):
                shop.place(single, stage.order_id(order))

        result = duel(together, alone, rounds=rounds, size=1)
    return [
        Figure(
            NAME, f"speed of {batch} orders placed in one batch against one by one", result.speed,
            "x", 2, note=result.note("one by one"),
        )
    ]

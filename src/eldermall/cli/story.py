"""The story of the demo: a whole day of a small mall, and what becomes of it until Friday.

Told with real moves under the demo policy. The first day goes through every room of the mall; the
four after it are as long as the clocks need that were started there.
"""

from __future__ import annotations

from eldermall.cli.friday import friday
from eldermall.cli.monday import monday
from eldermall.cli.stage import Stage
from eldermall.cli.thursday import thursday
from eldermall.cli.tuesday import tuesday
from eldermall.cli.wednesday import wednesday


def play(stage: Stage) -> None:
    """Play all five days."""
    for day in (monday, tuesday, wednesday, thursday, friday):
        day(stage, stage.mall)
        stage.evening()

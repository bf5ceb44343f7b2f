"""What a move may cost: statements exactly, and calls of eldermall's own functions.

Neither depends on the machine. Whoever changes a figure says why in the commit.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

import eldermall
from eldermall import Mall, TrackingEvent
from tests import shop

HERE = str(Path(eldermall.__file__).parent)

STATEMENTS = {"place": 12, "ship": 15, "track": 8}
"""By move, one for each row that is written; without those that begin and end a transaction."""

CALLS = {
    (3, 11): {"place": 451, "ship": 549, "track": 416},
    (3, 12): {"place": 394, "ship": 496, "track": 374},
    (3, 13): {"place": 390, "ship": 490, "track": 371},
}
"""By minor version of Python, as its frames differ, and move."""

TOLERANCE = 0.03


def place(mall: Mall, id: str) -> None:
    shop.place(mall, id, key=f"place-{id}")


def ship(mall: Mall, id: str) -> None:
    shop.ship(mall, id, key=f"ship-{id}")


def track(mall: Mall, id: str) -> None:
    event = TrackingEvent("in_transit", shop.START, text="到达分拨中心", reference=f"{id}-1")
    mall.orders.track(id, parcel="p-tea-honey", events=[event], by=shop.COURIER)


MOVES: tuple[Callable[[Mall, str], None], ...] = (place, ship, track)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, int]]:
    """Return of each move the statements and the calls, once everything has been done before."""
    url = f"sqlite:///{tmp_path_factory.mktemp('budget')}/mall.db"
    with shop.open_mall(url) as mall:
        shop.staff(mall)
        for id in ("W1", "W2"):
            _life(mall, id, Counter(), Counter())
        statements: Counter[str] = Counter()
        calls: Counter[str] = Counter()
        _life(mall, "A1", statements, calls)
    return {move: (statements[move], calls[move]) for move in statements}


def _life(mall: Mall, id: str, statements: Counter[str], calls: Counter[str]) -> None:
    for move in MOVES:
        with counted(mall, move.__name__, statements, calls):
            move(mall, id)
        if move is place:
            shop.accept(mall, id)
            shop.pay(mall, id)


@contextmanager
def counted(
    mall: Mall, name: str, statements: Counter[str], calls: Counter[str]
) -> Iterator[None]:
    """Count what goes to SQLite and which of eldermall's functions are called."""

    def called(frame: FrameType, event: str, _: object) -> None:
        calls[name] += event == "call" and frame.f_code.co_filename.startswith(HERE)

    def sent(sql: str) -> None:
        statements[name] += not sql.startswith(("BEGIN", "COMMIT"))

    engine = mall.storage.engine  # type: ignore[attr-defined]
    with engine.connect() as connection:  # the pool hands out the same one again
        driver = connection.connection.driver_connection
    driver.set_trace_callback(sent)
    before = sys.getprofile()
    sys.setprofile(called)
    try:
        yield
    finally:
        sys.setprofile(before)
        driver.set_trace_callback(None)


@pytest.mark.parametrize("move", STATEMENTS)
def test_a_move_sends_as_many_statements_as_were_budgeted(
    measured: dict[str, tuple[int, int]], move: str
) -> None:
    assert measured[move][0] == STATEMENTS[move]


@pytest.mark.skipif(sys.version_info[:2] not in CALLS, reason="counted on other Pythons")
@pytest.mark.parametrize("move", STATEMENTS)
def test_a_move_calls_about_as_many_functions_as_were_budgeted(
    measured: dict[str, tuple[int, int]], move: str
) -> None:
    budget = CALLS[sys.version_info[:2]][move]
    assert budget * (1 - TOLERANCE) <= measured[move][1] <= budget * (1 + TOLERANCE)

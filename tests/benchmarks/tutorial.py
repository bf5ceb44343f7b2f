"""A whole move against the tutorial way: a Machine per loaded object, an ORM session, a log row.

The tutorial way keeps no clocks, no chain, no outbox and no keys, and takes no notice of a stale
write. It has the same states and moves, and a file of its own with tables of its own.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import JSON, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, reconstructor
from transitions import Machine

from eldermall.rooms.orders.states import Goods
from tests import shop
from tests.benchmarks import stage
from tests.benchmarks.figures import Figure, duel

NAME = "tutorial"

GOODS = Goods.table
STATES = list(GOODS.labels)
MOVES = [
    {"trigger": t.name, "source": [s for s in t.sources if s in GOODS.labels], "dest": t.target}
    for t in GOODS.transitions
    if t.name not in ("place", "ship", "leave")
] + [{"trigger": "ship", "source": "accepted", "dest": "shipped", "conditions": "is_paid"}]


class Base(DeclarativeBase):
    """The tutorial's tables."""


class Log(Base):
    """One row for every move."""

    __tablename__ = "log"
    id: Mapped[int] = mapped_column(primary_key=True)
    order: Mapped[str]
    move: Mapped[str]
    source: Mapped[str]
    target: Mapped[str]
    actor: Mapped[str]
    at: Mapped[datetime]


class Order(Base):
    """An order that carries its own machine, as tutorials show it."""

    __tablename__ = "orders"
    id: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    customer: Mapped[str]
    merchant: Mapped[str]
    total: Mapped[int]
    currency: Mapped[str]
    lines: Mapped[list[dict[str, object]]] = mapped_column(JSON)
    parcel: Mapped[str | None]
    courier: Mapped[str | None]
    tracking: Mapped[str | None]
    created_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]

    @reconstructor
    def on_load(self) -> None:
        """Build the machine."""
        self.machine = Machine(self, states=STATES, transitions=MOVES, initial=self.state)

    def is_paid(self) -> bool:
        """Whether it may ship."""
        return self.paid_at is not None


def run(*, quick: bool = False) -> list[Figure]:
    """Measure at full synchronisation and at normal."""
    size = (3, 40) if quick else (9, 200)
    return [_level("FULL", 1.0, *size), _level("NORMAL", 1.5, *size)]


def _level(level: stage.Level, target: float, rounds: int, size: int) -> Figure:
    count = (rounds + 1) * size
    ids = [stage.order_id(number) for number in range(count)]
    now = datetime(2026, 3, 2, tzinfo=UTC)
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{Path(folder, 'tutorial.db')}")
        event.listen(engine, "connect", lambda c, _: c.execute("PRAGMA journal_mode=WAL"))
        stage.use_level(engine, level)
        Base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add_all(
                Order(
                    id=id, state="accepted", customer=shop.CUSTOMER.id, merchant="tea-house",
                    total=20400, currency="CNY", created_at=now, paid_at=now,
                    lines=[{"id": "tea", "listing": "green-tea", "quantity": 3}],
                )
                for id in ids
            )
            session.commit()

        def theirs(number: int) -> None:
            with Session(engine) as session:
                order = session.get_one(Order, ids[number])
                before = order.state
                order.ship()  # type: ignore[attr-defined]
                order.parcel, order.courier, order.tracking = "p1", "SF", "SF1001"
                session.add(
                    Log(
                        order=order.id, move="ship", source=before, target=order.state,
                        actor=shop.MERCHANT.id, at=now,
                    )
                )
                session.commit()

        with stage.open_stage(Path(folder, "ours.db"), range(count), level) as mall:
            result = duel(
                lambda number: stage.ship(mall, ids[number]), theirs, rounds=rounds, size=size
            )
        engine.dispose()
    return Figure(
        NAME, f"speed of `ship` against the tutorial way, synchronous={level}", result.speed,
        "x", target, note=result.note("tutorial"),
    )

"""The tables of a stock: whether it is kept, and its level; and what orders do to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from eldermall.engine.actor import Actor, Role
from eldermall.engine.kind import ADOPTED, Command, Kind, Reaction
from eldermall.engine.machine import NEW, Machine, State, Transition
from eldermall.stock import moves
from eldermall.stock.stock import Stock, is_party
from eldermall.texts import Text

SELLER: tuple[Role, ...] = ("merchant", "operations")
KEEPERS: tuple[Role, ...] = ("merchant", "field_agent", "operations")
_BOTH = ("open", "closed")

STOCK_MACHINE = Machine(
    "stock",
    "state",
    Text("库存", "stock"),
    (
        State("open", Text("在售", "open")),
        State("closed", Text("已停售", "closed"), end=True),
    ),
    (
        Transition(
            "open", (NEW,), "open", SELLER, Text("建立库存", "open"), "StockOpened", moves.open_
        ),
        Transition(
            "receive", ("open",), None, KEEPERS, Text("入库", "receive"), "StockReceived",
            moves.receive,
        ),
        Transition(
            "count", _BOTH, None, KEEPERS, Text("盘点", "count"), "StockCounted", moves.count
        ),
        Transition(
            "damage", _BOTH, None, KEEPERS, Text("登记损坏", "note damage"), "StockDamaged",
            moves.damage,
        ),
        Transition(
            "write_off", _BOTH, None, KEEPERS, Text("处置出库", "write off"), "StockWrittenOff",
            moves.write_off,
        ),
        Transition(
            "inspect", _BOTH, None, KEEPERS, Text("退货验收", "pass a return"), "StockInspected",
            moves.inspect,
        ),
        Transition(
            "confirm", ("open",), None, ("merchant", "field_agent"),
            Text("商家确认库存", "confirm the number"), "StockConfirmed", moves.confirm,
        ),
        Transition(
            "set_warning", ("open",), None, KEEPERS, Text("设定预警线", "set the warning level"),
            "StockWarningSet", moves.set_warning,
        ),
        Transition(
            "reserve", ("open",), None, ("system",), Text("预占", "reserve"), "StockReserved",
            moves.reserve,
        ),
        Transition(
            "release", _BOTH, None, ("system",), Text("释放", "release"), "StockReleased",
            moves.release,
        ),
        Transition(
            "take", _BOTH, None, ("system",), Text("出库", "take"), "StockTaken", moves.take
        ),
        Transition(
            "restock", _BOTH, None, ("system",), Text("退货入库", "restock"), "StockRestocked",
            moves.restock,
        ),
        Transition(
            "close", ("open",), "closed", SELLER, Text("停售", "close"), "StockClosed",
            moves.as_of_now,
        ),
        Transition(
            "reopen", ("closed",), "open", SELLER, Text("恢复销售", "reopen"), "StockReopened",
            moves.as_of_now,
        ),
    ),
)


def _left(stock: Stock) -> int:
    return stock.available(stock.as_of)


LEVEL = Machine(
    "stock-level",
    "level",
    Text("库存水平", "stock, level"),
    (
        State("enough", Text("充足", "enough"), end=True),
        State("low", Text("低于预警线", "low"), end=True),
        State("out", Text("售罄", "sold out"), end=True),
    ),
    (
        Transition(
            "warn", ("enough",), "low", (), Text("开启预警", "open a warning"), "StockLow",
            when=lambda stock: _left(stock) <= stock.warn_at,
        ),
        Transition(
            "run_out", ("low",), "out", (), Text("售罄", "sell out"), "SoldOut",
            when=lambda stock: _left(stock) == 0,
        ),
        Transition(
            "refill", ("out",), "low", (), Text("恢复可售", "be there again"), "BackInStock",
            when=lambda stock: _left(stock) > 0,
        ),
        Transition(
            "recover", ("low",), "enough", (), Text("解除预警", "end the warning"),
            "StockRecovered", when=lambda stock: _left(stock) > stock.warn_at,
        ),
    ),
    born=("out",),
)

STOCK = Kind(
    "stock",
    Text("库存", "stock"),
    Stock,
    (STOCK_MACHINE, LEVEL),
    link="listing",
    party=is_party,
    indexed=("merchant",),
)


def quantities(kind: str, order: Any, number: Callable[[Any], int]) -> Counter[str]:
    """Return a number of the lines of an order by listing; nothing if it isn't of this kind."""
    found: Counter[str] = Counter()
    if order is not None and order.kind == kind:
        for line in order.lines:
            found[line.listing] += number(line)
    return found


def _reaction(
    event: str, move: str, number: Callable[[Any], int], *, best_effort: bool = False
) -> Reaction:
    def commands(before: Any, after: Any, args: Any, cause: Actor) -> Iterable[Command]:
        more = quantities("goods", after, number) - quantities("goods", before, number)
        for listing, quantity in sorted(more.items()):
            hold = moves.Hold(holder=after.id, quantity=quantity)
            yield Command("stock", move, listing, cause, hold)

    return Reaction(
        "order", event, "stock", move, commands, best_effort=best_effort, if_exists=True
    )


def dropped(line: Any) -> int:
    """Return how many of a line will never leave."""
    return int(line.cancelled + line.refunded)


REACTIONS = (
    _reaction("Placed", "reserve", lambda line: line.outstanding),
    _reaction(ADOPTED, "reserve", lambda line: line.outstanding, best_effort=True),
    _reaction("ParcelShipped", "take", lambda line: line.shipped),
    _reaction("LinesCancelled", "release", dropped),
    _reaction("Refunded", "release", dropped),
    _reaction("Declined", "release", dropped),
)

__all__ = ["LEVEL", "REACTIONS", "STOCK", "STOCK_MACHINE"]

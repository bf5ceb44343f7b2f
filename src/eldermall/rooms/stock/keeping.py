"""What stock and capacity share: whose they are, who keeps them, and how orders move them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from eldermall.engine.actor import Actor, Role, merchants_own
from eldermall.engine.declaration import Internal
from eldermall.engine.declared import Declared, M, R
from eldermall.engine.kind import Command

SELLER: tuple[Role, ...] = ("merchant", "operations")
KEEPERS: tuple[Role, ...] = ("merchant", "field_agent", "operations")


class Keeping(Declared[M, R]):
    """A room whose records have the id of a listing, and its merchant; None is the company."""

    link = "listing"
    indexed = ("merchant",)

    party = staticmethod(merchants_own)


def quantities(kind: str, order: Any, number: Callable[[Any], int]) -> Counter[str]:
    """Return a number of the lines of an order by listing; nothing if it isn't of this kind."""
    found: Counter[str] = Counter()
    if order is not None and order.kind == kind:
        for line in order.lines:
            found[line.listing] += number(line)
    return found


def outstanding(line: Any) -> int:
    """Return how many of a line are still to leave."""
    return int(line.outstanding)


def dropped(line: Any) -> int:
    """Return how many of a line will never leave."""
    return int(line.cancelled + line.refunded)


def growing(
    move: Internal[Any], kind: str, number: Callable[[Any], int]
) -> Callable[[Any, Any, Any, Actor], Iterable[Command]]:
    """Return what makes ``move`` by as many as a number of an order has grown, listing by listing.

    Args:
        move: takes the order as ``holder``, and the ``quantity``.
        kind: of orders: goods or service.
        number: the number, of a line.
    """

    def commands(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
        more = quantities(kind, order, number) - quantities(kind, before, number)
        for listing, quantity in sorted(more.items()):
            yield move.command(listing, holder=order.id, quantity=quantity, by=cause)

    return commands

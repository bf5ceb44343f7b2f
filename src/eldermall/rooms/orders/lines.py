"""Quantities of an order's lines: what was ordered is shared out, and never more than there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from eldermall.engine.inputs import Id, Quantity
from eldermall.engine.machine import Unfit
from eldermall.rooms.orders.order import Line, Order
from eldermall.texts import Text

Lines = Annotated[Mapping[Id, Quantity], Field(min_length=1, max_length=500)]
"""The quantity by line."""


def taken(order: Order, wanted: Mapping[str, int], field: str) -> tuple[Line, ...]:
    """Return the lines with the ``wanted`` quantities added to ``field``.

    Raises:
        Unfit: there is no such line, or not as many are outstanding.
    """
    known = {line.id: line for line in order.lines}
    for id, quantity in wanted.items():
        line = known.get(id)
        if line is None:
            raise Unfit(Text(f"没有订单行 {id}", f"there is no line {id}"))
        if quantity > line.outstanding:
            raise Unfit(
                Text(
                    f"订单行 {id} 只余 {line.outstanding} 件，不足 {quantity} 件",
                    f"line {id} has {line.outstanding} left, not {quantity}",
                )
            )
    return moved(order, wanted, **{field: 1})


def outstanding(order: Order) -> dict[str, int]:
    """Return what is to leave still, or again, by line."""
    return {line.id: line.outstanding for line in order.lines if line.outstanding}


def moved(order: Order, quantities: Mapping[str, int], **by: int) -> tuple[Line, ...]:
    """Return the lines with ``quantities`` added to the fields in ``by``, times their sign."""
    return tuple(
        line.model_copy(
            update={
                field: getattr(line, field) + sign * quantities.get(line.id, 0)
                for field, sign in by.items()
            }
        )
        for line in order.lines
    )


def none_left(order: Order) -> bool:
    """Say whether everything was cancelled or refunded before anything left."""
    return not order.parcels and not outstanding(order)


def nothing_arrives(order: Order) -> bool:
    """Say whether all that left has ended on its way, was given up, and nothing else follows."""
    return bool(order.parcels) and not order.live_parcels and not outstanding(order)


def all_gone(order: Order) -> bool:
    """Say whether nothing is left to send, and something is on its way or has arrived."""
    return bool(order.live_parcels) and not outstanding(order)


def to_leave_again(order: Order) -> bool:
    """Say whether something is to leave still, or again."""
    return bool(outstanding(order))


def all_arrived(order: Order) -> bool:
    """Say whether every parcel has arrived, but those whose end was followed by something."""
    return all(parcel.delivered_at is not None for parcel in order.live_parcels)

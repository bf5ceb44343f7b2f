"""What an order owes its customer: each debt under a refund of its own, until it is booked.

The debts add up to what is owed back, always: what grows makes a debt, what is paid pays them off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from eldermall.engine.inputs import derived_id
from eldermall.engine.machine import Unfit
from eldermall.rooms.orders.order import Debt, Order
from eldermall.texts import Text


def refund_id(order: str, number: int) -> str:
    """Return the id of an order's refund with a number, counted from 1."""
    return derived_id(order, str(number))


def told_of(debts: Iterable[Debt]) -> int:
    """Return what debts add up to."""
    return sum(debt.amount for debt in debts)


def untold(order: Order) -> bool:
    """Say whether something is owed that has no refund yet."""
    return order.owed_back > told_of(order.debts) or any(d.id is None for d in order.debts)


def all_told(order: Order, at: int) -> Mapping[str, object]:
    """Return the fields that give a refund to whatever is owed: an automatic move's."""
    debts, number = [], order.refunds
    more = order.owed_back - told_of(order.debts)
    for debt in (*order.debts, *([Debt(id=None, amount=more)] if more > 0 else [])):
        number += debt.id is None
        id = refund_id(order.id, number) if debt.id is None else debt.id
        debts.append(debt.model_copy(update={"id": id}))
    return {"debts": tuple(debts), "refunds": number}


def for_case(order: Order, case: str, amount: int) -> Mapping[str, object]:
    """Return the fields of an order that owes ``amount`` more, for an after-sale case."""
    if not amount:
        return {}
    new = Debt(id=refund_id(order.id, order.refunds + 1), amount=amount, case=case)
    return {"debts": (*order.debts, new), "refunds": order.refunds + 1}


def paid_off(
    order: Order, owed: int, refund: str | None, case: str | None
) -> tuple[Debt, ...]:
    """Return what is still due after a payment that leaves ``owed``.

    It counts for the refund that is named, else for the oldest of the case that is named; what is
    left of it, for the oldest there are. One that is paid in part stays with the rest.

    Raises:
        Unfit: nothing is due under that refund, or for that case.
    """
    debts = order.debts
    if refund is not None and all(debt.id != refund for debt in debts):
        raise Unfit(
            Text(f"退款单 {refund} 没有应退的款项", f"nothing is due under the refund {refund}")
        )
    if case is not None and all(debt.case != case for debt in debts):
        raise Unfit(
            Text(f"售后 {case} 没有应退的款项", f"nothing is due for the case {case}")
        )
    paid = max(0, told_of(debts) - owed)
    left: dict[int, int] = {}
    for number in _in_turn(debts, refund, case):
        left[number] = max(0, debts[number].amount - paid)
        paid -= debts[number].amount - left[number]
    return tuple(
        debt.model_copy(update={"amount": left[number]})
        for number, debt in enumerate(debts) if left[number]
    )


def _in_turn(debts: tuple[Debt, ...], refund: str | None, case: str | None) -> list[int]:
    def named(number: int) -> bool:
        debt = debts[number]
        return debt.id == refund if refund is not None else case is not None and debt.case == case

    return sorted(range(len(debts)), key=lambda number: not named(number))

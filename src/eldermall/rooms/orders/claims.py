"""What after-sale cases do to an order: they claim quantities, give them free, take them back.

A case opens with a claim on quantities that were delivered. It ends in their release, or in taking
them back: then their price falls due to the customer, less what the case withholds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from eldermall.engine.actor import Actor
from eldermall.engine.declaration import Changes, Move, internal
from eldermall.engine.inputs import Amount, Id
from eldermall.engine.kind import Command
from eldermall.engine.machine import Unfit
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.rooms.orders.debts import for_case
from eldermall.rooms.orders.lines import Lines, moved
from eldermall.rooms.orders.order import Line, Order
from eldermall.rooms.orders.states import Payment
from eldermall.rooms.orders.terms import terms
from eldermall.texts import Text


def _free(order: Order, id: str) -> int:
    line = order.line(id)
    return 0 if line is None else order.delivered_of(id) - line.claimed - line.returned


def _claimed(order: Order, lines: Mapping[str, int]) -> None:
    for id, quantity in lines.items():
        line = order.line(id)
        if line is None or quantity > line.claimed:
            raise Unfit(
                Text(
                    f"订单行 {id} 没有 {quantity} 件在售后中",
                    f"line {id} hasn't {quantity} in after-sale cases",
                )
            )


def _all_back(lines: tuple[Line, ...]) -> bool:
    return all(line.unowed == line.ordered for line in lines)


def _claim(before: Any, case: Any, args: Any, cause: Actor) -> Iterable[Command]:
    yield Claiming.claim.command(
        case.order, case=case.id, customer=case.customer, lines=case.lines, by=cause
    )


def _take_back(before: Any, case: Any, args: Any, cause: Actor) -> Iterable[Command]:
    if case.pays:
        yield Claiming.take_back.command(
            case.order, case=case.id, lines=case.settled, amount=case.refund,
            fault=case.at_fault, by=cause,
        )


def _release(before: Any, case: Any, args: Any, cause: Actor) -> Iterable[Command]:
    if case.freed:
        yield Claiming.release.command(case.order, case=case.id, lines=case.freed, by=cause)


class Claiming:
    """What follows from the moves of a case, whatever became of the order since."""

    @internal(
        *Payment.all(), to=None, says=Text("售后申请占用", "claim for a case"),
        event="LinesClaimed",
    )
    @staticmethod
    def claim(
        m: Move[Order], id: str, *, case: Id, customer: Id, lines: Lines, **by: Unpack[By]
    ) -> Changes:
        """Note the quantities that a case is about: delivered, and in no other case.

        The first case also fixes the terms: those of the policy at the order's submission, or of
        today's if that one had none.
        """
        order = m.record
        if customer not in order.customers:
            raise Unfit(
                Text(
                    f"订单 {order.id} 不是 {customer} 的",
                    f"the order {order.id} isn't that of {customer}",
                )
            )
        for line, quantity in lines.items():
            free = _free(order, line)
            if quantity > free:
                raise Unfit(
                    Text(
                        f"订单行 {line} 已送达且未申请售后的只有 {free} 件，不足 {quantity} 件",
                        f"line {line} has {free} that were delivered and are in no case, "
                        f"not {quantity}",
                    )
                )
        return {"lines": moved(order, lines, claimed=1), "terms": order.terms or terms(m)}

    @internal(
        *Payment.all(), to=None, says=Text("解除售后占用", "release a claim"),
        event="ClaimReleased",
    )
    @staticmethod
    def release(m: Move[Order], id: str, *, case: Id, lines: Lines, **by: Unpack[By]) -> Changes:
        """Note the quantities that a case is about no more."""
        _claimed(m.record, lines)
        return {"lines": moved(m.record, lines, claimed=-1)}

    @internal(
        *Payment.all(), to=None, says=Text("售后收回", "take back"), event="LinesTakenBack"
    )
    @staticmethod
    def take_back(
        m: Move[Order], id: str, *, case: Id, lines: Lines, amount: Amount | None,
        fault: bool = False, **by: Unpack[By],
    ) -> Changes:
        """Note the quantities that a case settles by money: their price, or as much as is named.

        The rest of the price is withheld; what falls due is due for the case. If the goods were
        faulty or wrong (``fault``), and with them nothing is left that the customer pays for, the
        freight falls due too where the order's terms say so.
        """
        order = m.record
        _claimed(order, lines)
        gone = moved(order, lines, claimed=-1, returned=1)
        price = order.worth - order.model_copy(update={"lines": gone}).worth
        paid = price if amount is None else amount
        if paid > price:
            raise Unfit(
                Text(
                    f"退款 {paid} 超过这些商品的价款 {price}",
                    f"the refund {paid} is more than the {price} that was paid for these",
                )
            )
        fields: dict[str, Any] = {"lines": gone, "withheld": order.withheld + price - paid}
        if fault and order.terms is not None and order.terms.freight and _all_back(gone):
            fields["freight_back"] = order.freight
        due = order.model_copy(update=fields).owed_back - order.owed_back
        return {**fields, **for_case(order, case, due)}


FOLLOWING = (
    Claiming.claim.after("case", "CaseOpened", makes=_claim),
    Claiming.take_back.after(
        "case", "CaseApproved", "CaseReceived", "CaseResolved", makes=_take_back
    ),
    Claiming.release.after(
        "case", "CaseResolved", "CaseDeclined", "CaseReplaced", "CaseWithdrawn", makes=_release
    ),
)
"""What follows from the moves of a case."""

"""The order's side of after-sale cases: what they claim, give free again, and take back for money.

A case opens with a claim on quantities that were delivered. It ends in their release, or in taking
them back: then their price falls due to the customer, less what the case withholds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field

from eldermall.engine.actor import Actor
from eldermall.engine.inputs import Amount, Id, Quantity
from eldermall.engine.kind import Command, Reaction
from eldermall.engine.machine import Transition, Unfit
from eldermall.engine.room import Arguments
from eldermall.engine.rule import Context
from eldermall.engine.settings import Setting
from eldermall.orders.order import Due, Line, Order, ReturnTerms
from eldermall.texts import Text

WINDOW = Setting(
    "aftersales.window",
    Text("多久之内的退换货无条件办理", "how long returns and exchanges are unconditional"),
    "S03-3-3c",
    "duration",
    suggestion="7d",
)
WINDOW_START = Setting(
    "aftersales.window-start",
    Text("该期限自何时起算", "when that time begins"),
    "S03-3-3c",
    "choice",
    choices=("completed", "delivered"),
)
GROUNDS = Setting(
    "aftersales.grounds",
    Text("期限内无须追问的理由", "the grounds taken within it without further question"),
    "S03-3-3c",
    "names",
    suggestion=("changed_mind", "not_as_expected"),
)
ITEM_STATES = Setting(
    "aftersales.item-states",
    Text("可接受的商品状态", "the states in which goods are taken back"),
    "S03-3-3c",
    "names",
    suggestion=("unopened", "unused"),
)
FAULT_GROUNDS = Setting(
    "aftersales.fault-grounds",
    Text(
        "属卖方责任的理由，不问期限与商品状态",
        "the grounds that are the seller's fault: neither time nor state of the goods matters",
    ),
    "S03-3-3c",
    "names",
    suggestion=("damaged", "wrong_item", "missing", "quality"),
)
TERMS = (WINDOW, WINDOW_START, GROUNDS, ITEM_STATES, FAULT_GROUNDS)
"""The settings that say which returns and exchanges are unconditional."""

Lines = Annotated[dict[Id, Quantity], Field(min_length=1, max_length=500)]


class Claim(Arguments):
    """The quantities that a case is about, and who asks."""

    case: Id
    customer: Id
    lines: Lines


class Release(Arguments):
    """The quantities that a case is about no more."""

    case: Id
    lines: Lines


class TakeBack(Arguments):
    """The quantities that a case settles by money: their price, or as much of it as is named."""

    case: Id
    lines: Lines
    amount: Amount | None


def claim(c: Context) -> dict[str, Any]:
    """Note the quantities that a case is about: delivered, and in no other case.

    The first case also fixes the terms: those of the policy at the order's submission, or of
    today's if that one had none.
    """
    order: Order = c.record
    if c.args.customer not in order.customers:
        raise Unfit(
            Text(
                f"订单 {order.id} 不是 {c.args.customer} 的",
                f"the order {order.id} isn't that of {c.args.customer}",
            )
        )
    for id, quantity in c.args.lines.items():
        free = _free(order, id)
        if quantity > free:
            raise Unfit(
                Text(
                    f"订单行 {id} 已送达且未申请售后的只有 {free} 件，不足 {quantity} 件",
                    f"line {id} has {free} that were delivered and are in no case, not {quantity}",
                )
            )
    return {
        "lines": _moved(order, c.args.lines, claimed=1),
        "terms": order.terms or _terms(c),
    }


def release(c: Context) -> dict[str, Any]:
    """Note the quantities that a case is about no more."""
    _claimed(c.record, c.args.lines)
    return {"lines": _moved(c.record, c.args.lines, claimed=-1)}


def take_back(c: Context) -> dict[str, Any]:
    """Note the quantities that a case settles; their price falls due, less what is withheld."""
    order: Order = c.record
    _claimed(order, c.args.lines)
    lines = _moved(order, c.args.lines, claimed=-1, returned=1)
    price = order.worth - order.model_copy(update={"lines": lines}).worth
    amount = price if c.args.amount is None else c.args.amount
    if amount > price:
        raise Unfit(
            Text(
                f"退款 {amount} 超过这些商品的价款 {price}",
                f"the refund {amount} is more than the {price} that was paid for these",
            )
        )
    fields = {"lines": lines, "withheld": order.withheld + price - amount}
    due = order.model_copy(update=fields).owed_back - order.owed_back
    new = (Due(case=c.args.case, amount=due),) if due else ()
    return {**fields, "dues": (*order.dues, *new)}


def booked(order: Order, case: str | None, amount: int, owed: int) -> tuple[Due, ...]:
    """Return what is still due for which case after a refund.

    Args:
        order: as it was before.
        case: the case that it was paid for. Without one it counts for the cases as soon as the
            order owes no other money, for the oldest first.
        amount: what was paid back.
        owed: what the order still owes after it.

    Raises:
        Unfit: it is more than is due for the case.
    """
    dues = {due.case: due.amount for due in order.dues}
    if case is not None:
        if amount > order.due_for(case):
            raise Unfit(
                Text(
                    f"退款 {amount} 超过售后 {case} 尚应退的 {order.due_for(case)}",
                    f"the refund {amount} is more than the {order.due_for(case)} still due for "
                    f"the case {case}",
                )
            )
        dues[case] -= amount
    for id, due in dues.items():
        dues[id] = due - max(0, min(due, sum(dues.values()) - owed))
    return tuple(Due(case=id, amount=due) for id, due in dues.items() if due)


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


def _moved(order: Order, lines: Mapping[str, int], **by: int) -> tuple[Line, ...]:
    return tuple(
        line.model_copy(
            update={
                field: getattr(line, field) + sign * lines.get(line.id, 0)
                for field, sign in by.items()
            }
        )
        for line in order.lines
    )


def _terms(c: Context) -> ReturnTerms:
    rules = c.bound if all(s.key in c.bound.values for s in TERMS) else c.settings
    window, start, grounds, item_states, fault_grounds = (rules.values[s.key] for s in TERMS)
    return ReturnTerms(
        window=window, start=start, grounds=grounds, item_states=item_states,
        fault_grounds=fault_grounds,
    )


TRANSITIONS = tuple(
    Transition(
        name, ("unpaid", "cod_pending", "paid", "part_refunded", "refunded"), None, ("system",),
        label, event, effect,
    )
    for name, label, event, effect in (
        ("claim", Text("售后申请占用", "claim for a case"), "LinesClaimed", claim),
        ("release", Text("解除售后占用", "release a claim"), "ClaimReleased", release),
        ("take_back", Text("售后收回", "take back"), "LinesTakenBack", take_back),
    )
)
"""What cases do to an order, whatever became of it since: moves of its payment track."""


def _claim(before: Any, case: Any, args: Any, cause: Actor) -> Iterable[Command]:
    asked = Claim(case=case.id, customer=case.customer, lines=case.lines)
    yield Command("order", "claim", case.order, cause, asked)


def _take_back(before: Any, case: Any, args: Any, cause: Actor) -> Iterable[Command]:
    if case.pays:
        back = TakeBack(case=case.id, lines=case.settled, amount=case.refund)
        yield Command("order", "take_back", case.order, cause, back)


def _release(before: Any, case: Any, args: Any, cause: Actor) -> Iterable[Command]:
    if case.freed:
        free = Release(case=case.id, lines=case.freed)
        yield Command("order", "release", case.order, cause, free)


REACTIONS = (
    Reaction("case", "CaseOpened", "order", "claim", _claim),
    *(
        Reaction("case", event, "order", "take_back", _take_back)
        for event in ("CaseApproved", "CaseReceived", "CaseResolved")
    ),
    *(
        Reaction("case", event, "order", "release", _release)
        for event in ("CaseResolved", "CaseDeclined", "CaseReplaced", "CaseWithdrawn")
    ),
)
"""What follows from the moves of a case."""

"""What each move of an order needs and changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from eldermall.calendars import MINUTE
from eldermall.contracts.courier import TrackingStatus
from eldermall.engine.inputs import (
    Amount,
    Currency,
    Frozen,
    Id,
    Label,
    Moment,
    Personal,
    Quantity,
    Said,
)
from eldermall.engine.machine import Unfit
from eldermall.engine.room import Arguments
from eldermall.engine.rule import Context
from eldermall.orders.order import (
    Appointment,
    Line,
    Order,
    Parcel,
    ParcelEvent,
    Service,
    ShippingException,
    arrival,
)
from eldermall.orders.returns import booked
from eldermall.texts import Text

_AHEAD = 5 * MINUTE
"""How far a courier's watch may be ahead of ours."""


class OrderedLine(Frozen):
    """A line as it is ordered: ``amount`` is the whole line's price in minor units."""

    id: Id
    listing: Id
    quantity: Quantity
    amount: Amount
    courier: bool = True


class Place(Arguments):
    """A new order."""

    kind: Literal["goods", "service"]
    merchant: Id | None
    customer: Id
    channel: Id
    currency: Currency
    freight: Amount
    total: Amount
    cash_on_delivery: bool
    lines: Annotated[tuple[OrderedLine, ...], Field(min_length=1, max_length=500)]
    group_id: Id | None
    ship_by: Moment | None
    relatives: Annotated[tuple[Id, ...], Field(max_length=10)] = ()

    @model_validator(mode="after")
    def _adds_up(self) -> Place:
        ids = [line.id for line in self.lines]
        if len(set(ids)) != len(ids):
            raise ValueError("lines", Text("订单行编号重复", "two lines have the same id"))
        if self.total != self.freight + sum(line.amount for line in self.lines):
            sum_ = self.freight + sum(line.amount for line in self.lines)
            raise ValueError(
                "total",
                Text(
                    f"须等于各行金额与运费之和 {sum_}",
                    f"must be the lines' amounts and freight: {sum_}",
                ),
            )
        return self


class HandOver(Arguments):
    """To whom an order is handed: the merchant's field agent, or whoever fulfils own goods."""

    to: Id


class ContactMerchant(Arguments):
    """How the merchant was contacted."""

    way: Label


class Decline(Arguments):
    """Why the merchant can't deliver."""

    reason: Label


class Ship(Arguments):
    """A parcel that has left: courier, tracking number, quantity by line."""

    parcel: Id
    courier: Id
    tracking: Label
    lines: Annotated[dict[Id, Quantity], Field(min_length=1, max_length=500)]


class Deliver(Arguments):
    """A parcel that has arrived."""

    parcel: Id


class EventSeen(Frozen):
    """What a courier says has happened, without its words."""

    status: TrackingStatus
    at: Moment
    code: Said
    reference: Said


class EventWords(Frozen):
    """A courier's words on an event, and where it happened; they may name persons."""

    text: Said
    location: Said


class Track(Arguments):
    """What a courier says of a parcel: the events, and in the same order the words on each."""

    parcel: Id
    events: Annotated[tuple[EventSeen, ...], Field(min_length=1, max_length=500)]
    words: Annotated[tuple[EventWords, ...], Personal("order")]


class CorrectTracking(Arguments):
    """Which event of a parcel is wrong, and why."""

    parcel: Id
    status: TrackingStatus
    when: Moment
    reason: Label


class Appoint(Arguments):
    """When and where a service is to be done."""

    when: Moment
    place: Annotated[Label, Personal("order")]


class Start(Arguments):
    """Who does the service."""

    served_by: Id


class Finish(Arguments):
    """What proves that the service was done: the host's id of a photo, a signature, a report."""

    proof: Id


class Confirm(Arguments):
    """Who confirms the service: the customer or a relative; None for whoever acts."""

    confirmed_by: Id | None


class Except(Arguments):
    """An exception from the shipping limit for one line."""

    line: Id
    reason: Label
    until: Moment
    customer_told_at: Moment


class Cancel(Arguments):
    """Why, and which quantities; all that hasn't left if no lines are named."""

    reason: Annotated[Label, Personal("order")]
    lines: Annotated[dict[Id, Quantity], Field(min_length=1, max_length=500)] | None


class Pay(Arguments):
    """Money that the host has booked as received."""

    amount: Amount
    currency: Currency
    reference: Id


class Refund(Arguments):
    """Money that the host has booked as paid back, for quantities that will never ship, if any.

    ``case``: the after-sale case for which it was due.
    """

    amount: Amount
    currency: Currency
    reference: Id
    lines: Annotated[dict[Id, Quantity] | None, Field(max_length=500)]
    case: Id | None = None


def place(c: Context) -> dict[str, Any]:
    """Take an order down; the payment track is opened with it."""
    a: Place = c.args
    if a.ship_by is not None and a.ship_by <= c.at:
        raise Unfit(Text("约定的发货时间须晚于下单时间", "the agreed time must follow the order"))
    return {
        "payment": "cod_pending" if a.cash_on_delivery else "unpaid",
        "kind": a.kind,
        "merchant": a.merchant,
        "customer": a.customer,
        "group_id": a.group_id,
        "channel": a.channel,
        "currency": a.currency,
        "freight": a.freight,
        "total": a.total,
        "cash_on_delivery": a.cash_on_delivery,
        "ship_by": a.ship_by,
        "relatives": a.relatives,
        "lines": tuple(
            Line(id=n.id, listing=n.listing, ordered=n.quantity, amount=n.amount, courier=n.courier)
            for n in a.lines
        ),
    }


def hand_over(c: Context) -> dict[str, Any]:
    """Hand an order to whoever takes its next step."""
    return {"handed_to": c.args.to, "handed_over_at": c.at}


def contact_merchant(c: Context) -> dict[str, Any]:
    """Note that the merchant was contacted, and how."""
    return {"merchant_contacted_at": c.at, "contact_way": c.args.way}


def accept(c: Context) -> dict[str, Any]:
    """Note when the order was accepted."""
    return {"accepted_at": c.at}


def decline(c: Context) -> dict[str, Any]:
    """Note why the merchant declines: all lines are cancelled, and nothing may have left."""
    order: Order = c.record
    if order.parcels:
        raise Unfit(Text("已有包裹发出，不能拒单", "a parcel has left; it can't be declined"))
    return {
        "decline_reason": c.args.reason,
        "lines": _taken(order, {n.id: n.outstanding for n in order.lines}, "cancelled"),
    }


def ship(c: Context) -> dict[str, Any]:
    """Send a parcel: no line gives more than is outstanding."""
    order: Order = c.record
    a: Ship = c.args
    if any(parcel.id == a.parcel for parcel in order.parcels):
        raise Unfit(Text(f"包裹 {a.parcel} 已发出", f"parcel {a.parcel} has left already"))
    parcel = Parcel(
        id=a.parcel, courier=a.courier, tracking=a.tracking, lines=a.lines, shipped_at=c.at,
    )
    return {
        "lines": _taken(order, a.lines, "shipped"),
        "parcels": (*order.parcels, parcel),
    }


def deliver(c: Context) -> dict[str, Any]:
    """Note that a parcel has arrived; once."""
    order: Order = c.record
    parcel = _parcel(order, c.args.parcel)
    if parcel.delivered_at is not None:
        raise Unfit(
            Text(f"包裹 {parcel.id} 已送达", f"parcel {parcel.id} has arrived already")
        )
    if c.at < parcel.shipped_at:
        raise Unfit(
            Text(
                f"包裹 {parcel.id} 的送达时间早于发出时间",
                f"parcel {parcel.id} would have arrived before it left",
            )
        )
    return _with(order, parcel.with_events([arrival(c.at)]))


def track(c: Context) -> dict[str, Any]:
    """Take in what a courier says of a parcel, in whatever order and however often."""
    order: Order = c.record
    parcel = _parcel(order, c.args.parcel)
    if any(event.at > c.now + _AHEAD for event in c.args.events):
        raise Unfit(
            Text("包裹动态的时间晚于当前时间", "an event would have happened in the future")
        )
    return _with(order, parcel.with_events(
        ParcelEvent(**event.model_dump(), text=words.text, location=words.location)
        for event, words in zip(c.args.events, c.args.words, strict=True)
    ))


def correct_tracking(c: Context) -> dict[str, Any]:
    """Strike an event that a courier reported wrongly; it stays in the timeline with the reason."""
    order: Order = c.record
    parcel = _parcel(order, c.args.parcel).with_events(())
    wrong = [
        e for e in parcel.events
        if (e.status, e.at) == (c.args.status, c.args.when) and e.struck is None
    ]
    if not wrong:
        raise Unfit(
            Text(
                f"包裹 {parcel.id} 没有该时间的 {c.args.status} 动态",
                f"parcel {parcel.id} has no event {c.args.status} of that moment",
            )
        )
    struck = [e.model_copy(update={"struck": c.args.reason}) for e in wrong]
    kept = [e for e in parcel.events if e not in wrong]
    corrected = _with(
        order,
        parcel.model_copy(update={"events": (), "delivered_at": None}).with_events(
            [*kept, *struck]
        ),
    )
    after = order.model_copy(update=corrected)
    if any(n.claimed + n.returned > after.delivered_of(n.id) for n in order.lines):
        raise Unfit(
            Text(
                "包裹中的商品已有售后，不能更正为未送达",
                "goods of it are in an after-sale case, so they have arrived",
            )
        )
    return corrected


def _parcel(order: Order, id: str) -> Parcel:
    found = next((p for p in order.parcels if p.id == id), None)
    if found is None:
        raise Unfit(Text(f"没有包裹 {id}", f"there is no parcel {id}"))
    return found


def _with(order: Order, parcel: Parcel) -> dict[str, Any]:
    return {"parcels": tuple(parcel if p.id == parcel.id else p for p in order.parcels)}


def appoint(c: Context) -> dict[str, Any]:
    """Agree when and where a service is to be done; a new appointment replaces the former."""
    if c.args.when <= c.at:
        raise Unfit(
            Text("预约时间须晚于约定之时", "an appointment lies after it is agreed")
        )
    return {
        "appointment": Appointment(when=c.args.when, place=c.args.place, agreed_at=c.at)
    }


def start(c: Context) -> dict[str, Any]:
    """Note that somebody has begun the service."""
    appointment = c.record.appointment
    assert appointment is not None
    if c.at < appointment.agreed_at:
        raise Unfit(Text("开始时间早于约定之时", "it would have begun before it was appointed"))
    return {"served": Service(served_by=c.args.served_by, started_at=c.at)}


def finish(c: Context) -> dict[str, Any]:
    """Note that the service is done, and what proves it."""
    order: Order = c.record
    served = _served(order)
    if c.at < served.started_at:
        raise Unfit(Text("完成时间早于开始时间", "it would be done before it began"))
    return {
        "served": served.model_copy(update={"done_at": c.at, "proof": c.args.proof}),
        "lines": _taken(
            order, {n.id: n.outstanding for n in order.lines if n.outstanding}, "shipped"
        ),
    }


def confirm(c: Context) -> dict[str, Any]:
    """Note who confirms that the service was done."""
    served = _served(c.record)
    if served.done_at is None or c.at < served.done_at:
        raise Unfit(Text("确认时间早于服务完毕", "it would be confirmed before it was done"))
    return {
        "served": served.model_copy(update={"confirmed_by": c.args.confirmed_by or c.actor.id}),
        "completed_at": c.at,
    }


def _served(order: Order) -> Service:
    assert order.served is not None
    return order.served


def complete(c: Context) -> dict[str, Any]:
    """Note when the order was completed."""
    return {"completed_at": c.at}


def grant_exception(c: Context) -> dict[str, Any]:
    """Record an exception for a line that hasn't left."""
    order: Order = c.record
    line = order.line(c.args.line)
    if line is None or line.outstanding == 0 or not line.courier:
        raise Unfit(
            Text(
                f"订单行 {c.args.line} 没有待快递的商品",
                f"line {c.args.line} has nothing that waits to leave by courier",
            )
        )
    if c.args.until <= c.at:
        raise Unfit(Text("新的期限须晚于批准时间", "the new limit must lie after the approval"))
    if c.args.customer_told_at > c.at:
        raise Unfit(
            Text("须先告知客户，再记录例外", "the customer is told before the exception stands")
        )
    granted = ShippingException(
        line=line.id,
        reason=c.args.reason,
        approved_by=c.actor.id,
        until=c.args.until,
        customer_told_at=c.args.customer_told_at,
        granted_at=c.at,
    )
    return {"exceptions": (*(e for e in order.exceptions if e.line != line.id), granted)}


def cancel(c: Context) -> dict[str, Any]:
    """Cancel the named quantities, or everything that hasn't left."""
    order: Order = c.record
    wanted = c.args.lines
    if wanted is None:
        wanted = {line.id: line.outstanding for line in order.lines if line.outstanding}
    return {"lines": _taken(order, wanted, "cancelled")}


def pay(c: Context) -> dict[str, Any]:
    """Book what was received: the total, or what is left of it after lines were cancelled."""
    order: Order = c.record
    _same_currency(order, c.args.currency)
    if c.args.amount not in (order.total, order.worth):
        raise Unfit(
            Text(
                f"付款 {c.args.amount} 与应付金额 {order.worth} 不符",
                f"payment {c.args.amount} is not the {order.worth} to be paid",
            )
        )
    return {"paid_at": c.at, "received": order.received + c.args.amount}


def refund(c: Context) -> dict[str, Any]:
    """Book what was paid back: never more than was received.

    When all of it has been paid back, nothing that is still outstanding will ship.
    """
    order: Order = c.record
    _same_currency(order, c.args.currency)
    left = order.received - order.returned_money
    if not 0 < c.args.amount <= left:
        raise Unfit(
            Text(
                f"退款 {c.args.amount} 须大于零且不超过尚可退的 {left}",
                f"refund {c.args.amount} must be above zero and at most the {left} left to refund",
            )
        )
    lines = c.args.lines or {}
    if c.args.amount == left:
        outstanding = {line.id: line.outstanding for line in order.lines if line.outstanding}
        lines = lines | outstanding
    taken = _taken(order, lines, "refunded")
    owed = order.model_copy(update={"lines": taken}).owed_back
    fields = {
        "returned_money": order.returned_money + c.args.amount,
        "goodwill": order.goodwill + max(0, c.args.amount - owed),
        "lines": taken,
    }
    left_owed = order.model_copy(update=fields).owed_back
    return {**fields, "dues": booked(order, c.args.case, c.args.amount, left_owed)}


def _same_currency(order: Order, currency: str) -> None:
    if currency != order.currency:
        raise Unfit(
            Text(
                f"币种应为 {order.currency}，不是 {currency}",
                f"the currency is {order.currency}, not {currency}",
            )
        )


def _taken(order: Order, wanted: Mapping[str, int], field: str) -> tuple[Line, ...]:
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
    return tuple(
        line.model_copy(update={field: getattr(line, field) + wanted[line.id]})
        if line.id in wanted
        else line
        for line in order.lines
    )


def all_gone(order: Order) -> bool:
    """Whether every line has left, or was cancelled or refunded, and something left."""
    return bool(order.parcels) and all(line.outstanding == 0 for line in order.lines)


def none_left(order: Order) -> bool:
    """Whether everything was cancelled or refunded before anything left."""
    return not order.parcels and all(line.outstanding == 0 for line in order.lines)


def not_all_arrived(order: Order) -> bool:
    """Whether a parcel has not arrived after all."""
    return not all_arrived(order)


def all_arrived(order: Order) -> bool:
    """Whether every parcel has arrived."""
    return all(parcel.delivered_at is not None for parcel in order.parcels)


def money_back(part: bool) -> Callable[[Order], bool]:
    """Return whether a part, or all, of what was received has been paid back."""
    if part:
        return lambda order: 0 < order.returned_money < order.received
    return lambda order: 0 < order.received == order.returned_money

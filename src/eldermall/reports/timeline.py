"""What has become of an order, in order of time.   S19 article 11 (2); S03 part 3 (1).

Staff see every move, every event of a courier and every contact, with who made it; the customer
sees dated steps of their own order. Both only read, each in one moment of the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, cast

from eldermall.calendars import moment
from eldermall.contracts.courier import TrackingStatus
from eldermall.contracts.storage import Transaction
from eldermall.engine.actor import Actor
from eldermall.engine.adoption import LABEL
from eldermall.engine.inputs import checked_id
from eldermall.engine.journal import entry_fields
from eldermall.engine.kind import ADOPT, Kind, Record, subject_of
from eldermall.errors import Unknown
from eldermall.mall import Mall
from eldermall.rooms.orders import Order, Orders
from eldermall.rooms.orders.order import STATUS, Parcel, ParcelEvent
from eldermall.texts import Text

STATUSES: Mapping[TrackingStatus, Text] = {
    "pending": Text("等待揽收信息", "waiting for the courier"),
    "info_received": Text("快递公司已接单", "announced to the courier"),
    "picked_up": Text("已揽收", "picked up"),
    "in_transit": Text("运输中", "in transit"),
    "on_hold": Text("暂停运输", "on hold"),
    "out_for_delivery": Text("派送中", "out for delivery"),
    "ready_for_pickup": Text("待取件", "ready to be fetched"),
    "delivered": Text("已送达", "delivered"),
    "delivery_failed": Text("派送未成功", "delivery failed"),
    "delivery_delayed": Text("派送延误", "delayed"),
    "return_to_sender": Text("退回途中", "on its way back"),
    "returned": Text("已退回", "sent back"),
    "refused": Text("已拒收", "refused at the door"),
    "lost": Text("已丢失", "lost"),
    "cancelled": Text("快递已取消", "cancelled with the courier"),
    "unknown": Text("有新的物流动态", "news from the courier"),
}
"""What the statuses of a parcel are called in print."""


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened to an order, for staff. Moments in microseconds.

    Args:
        at: when it happened.
        recorded: when it was entered, or the courier's event came in.
        subject: ``kind/id`` of the record that moved: the order, its callback, or an urge, a case
            or a complaint about it.
        what: ``kind.move``, or ``order.event`` of a courier.
        label: what that is called in print.
        actor: who did it, or brought the news.
        said: what was said with it, by name. What was said of persons stands only in the records.
    """

    at: int
    recorded: int
    subject: str
    what: str
    label: Text
    actor: Actor
    said: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """A dated step of an order, for its customer; ``at`` in microseconds since 1970 UTC."""

    at: int
    text: Text


def timeline(mall: Mall, order_id: str) -> list[Happened]:
    """Return every move, courier's event and contact of an order, by when each happened.

    Args:
        mall: the mall.
        order_id: the order.

    Raises:
        Unknown: there is no such order.
    """
    with mall.read() as tx:
        order = _order(tx, order_id)
        found = [
            each
            for kind, record in [(Orders.KIND, cast(Record, order)), *_about(mall, tx, order_id)]
            for each in _moves(tx, kind, record)
        ]
    found += _heard(order, [each for each in found if each.subject == f"order/{order_id}"])
    return sorted(found, key=lambda each: (each.at, each.recorded))


def progress(mall: Mall, order_id: str, *, by: Actor) -> list[Step]:
    """Return the steps of a customer's own order, by date, without anybody of the staff.

    Args:
        mall: the mall.
        order_id: the order.
        by: the customer, or a relative named on the order.

    Raises:
        Unknown: there is no such order, or it isn't theirs.
    """
    with mall.read() as tx:
        order = _order(tx, order_id)
        if by.role != "customer" or not Orders.party(order, by):
            raise _unknown(order_id)
        moves = list(_moves(tx, Orders.KIND, order))
    steps = [*_stood(order, mall.policy.settings.zone), *_ended(moves)]
    return sorted(steps, key=lambda step: step.at)


def _order(tx: Transaction, id: str) -> Order:
    row, _ = tx.load(Orders.kind, checked_id(id, "order.id"))
    if row is None:
        raise _unknown(id)
    return cast(Order, Orders.KIND.record(row))


def _unknown(id: str) -> Unknown:
    return Unknown(Text(f"{Orders.label.zh} {id} 不存在", f"there is no {Orders.label.en} {id}"))


def _about(mall: Mall, tx: Transaction, order: str) -> Iterator[tuple[Kind, Record]]:
    """Yield the records about an order: its callback, and whatever is found by the order."""
    callback = mall.book.kind("callback")
    row, _ = tx.load(callback.name, order)
    if row is not None:
        yield callback, callback.record(row)
    for kind in mall.book.kinds.values():
        after = ""
        while "order" in kind.indexed and (rows := tx.find(kind.name, after=after, order=order)):
            for row in rows:
                yield kind, kind.record(row)
            after = rows[-1].id


def _moves(tx: Transaction, kind: Kind, record: Record) -> Iterator[Happened]:
    subject = subject_of(kind.name, record.id)
    for entry in map(entry_fields, tx.chain(subject)):
        if entry["outcome"] not in ("moved", "adopted"):
            continue
        followed = [step["move"] for step in entry.get("followed", ())]
        said = {
            name: value for name, value in entry["args"].items()
            if value is not None and not (isinstance(value, dict) and "commitment" in value)
        }
        for name in (entry["what"].partition(".")[2], *followed):
            label = LABEL if name == ADOPT else kind.machine(name, record).named(name).label
            yield Happened(
                entry["at"], entry["recorded"], subject, f"{kind.name}.{name}", label,
                Actor.from_json(entry["actor"]), {} if name in followed else said,
            )


def _heard(order: Order, moves: Sequence[Happened]) -> Iterator[Happened]:
    """Yield what couriers said, each with the entry in which it first came in."""
    for parcel in order.parcels:
        for event in parcel.events:
            news = next((move for move in moves if _tells(move, parcel, event)), moves[0])
            if news.what in _NOTED:
                continue  # that somebody noted it stands there as a move
            said = event.model_dump(exclude={"at"}, exclude_none=True)
            yield Happened(
                event.at, news.recorded, news.subject, "order.event", STATUSES[event.status],
                news.actor, {"parcel": parcel.id} | {k: v for k, v in said.items() if v},
            )


_NOTED = ("order.deliver", "order.end_parcel")
"""The moves with which somebody notes what has become of a parcel."""


def _tells(move: Happened, parcel: Parcel, event: ParcelEvent) -> bool:
    if move.said.get("parcel") != parcel.id:
        return False
    if move.what in _NOTED:
        status = STATUS[move.said["how"]] if "how" in move.said else "delivered"
        return (event.status, event.at, event.code) == (status, move.at, "")
    told = {"status": event.status, "at": event.at, "code": event.code,
            "reference": event.reference}
    return move.what == "order.track" and any(
        told.items() <= said.items() for said in move.said["events"]
    )


def _stood(order: Order, zone: tzinfo) -> Iterator[Step]:
    """Yield the steps that the order itself tells of."""
    dated = (
        (order.created_at, Text("订单已提交", "ordered")),
        (order.paid_at, Text("已付款", "paid")),
        (order.accepted_at, Text("卖方已接单", "taken by the seller")),
        (order.completed_at, Text("订单已完成", "completed")),
    )
    for at, text in dated:
        if at is not None:
            yield Step(at, text)
    for parcel in order.parcels:
        yield from _travelled(parcel)
    if order.appointment is not None:
        when = moment(order.appointment.when, zone).strftime("%Y-%m-%d %H:%M")
        where = order.appointment.place
        yield Step(
            order.appointment.agreed_at,
            Text(f"已预约：{when}，{where}", f"appointed: {when}, {where}"),
        )
    if order.served is not None:
        yield Step(order.served.started_at, Text("服务已开始", "the service has begun"))
        if order.served.done_at is not None:
            yield Step(order.served.done_at, Text("服务已完毕", "the service is done"))


def _travelled(parcel: Parcel) -> Iterator[Step]:
    name = f"{parcel.courier} {parcel.tracking}"
    yield Step(parcel.shipped_at, Text(f"包裹已发出（{name}）", f"a parcel has left ({name})"))
    for event in parcel.events:
        if event.struck is None:
            status = STATUSES[event.status]
            where = f" · {event.location}" if event.location else ""
            yield Step(
                event.at, Text(f"{status.zh}（{name}）{where}", f"{status.en} ({name}){where}")
            )


_ENDINGS = {
    "order.cancel": Text("已取消部分或全部商品", "some or all of it was cancelled"),
    "order.decline": Text("卖方无法接单", "the seller can't deliver"),
    "order.refund": Text("已退款", "money was paid back"),
    "order.void": Text("订单已取消", "the order is cancelled"),
}


def _ended(moves: Sequence[Happened]) -> Iterator[Step]:
    """Yield the steps of which the order keeps no moment, from the journal."""
    for move in moves:
        if move.what in _ENDINGS:
            yield Step(move.at, _ENDINGS[move.what])

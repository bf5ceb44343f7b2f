"""What else is to be known of a record that waits: what no state and no limit of it says."""

from __future__ import annotations

from collections.abc import Iterator

from eldermall.engine.kind import Record
from eldermall.reports.timeline import STATUSES
from eldermall.rooms.orders.order import Order, Parcel, counts_as_arrival
from eldermall.rooms.stock.stock import Stock
from eldermall.texts import Text

TROUBLE = ("on_hold", "delivery_failed", "return_to_sender")
"""The statuses of a parcel that end nothing, and that somebody should look at."""

_HOW = {
    "returned": Text("退回", "returned to its sender"), "lost": Text("丢失", "lost"),
    "refused": Text("拒收", "refused at the door"), "failed": Text("取消", "cancelled"),
}


def remarks(record: Record, now: int) -> Iterator[Text]:
    """Yield what else is to be known of a record, in words.

    Args:
        record: as it stands.
        now: the moment now, in microseconds since 1970 UTC.
    """
    if isinstance(record, Stock) and record.available(now) <= record.warn_at:
        yield Text(
            f"库存预警：可售 {record.available(now)}，预警线 {record.warn_at}",
            f"stock is low: {record.available(now)} available, warning at {record.warn_at}",
        )
    if isinstance(record, Order):
        for parcel in record.parcels:
            yield from _of_parcel(record, parcel)
        if record.lapsed_at is not None and record.paid_at is not None and (
            record.paid_at <= record.lapsed_at
        ):
            yield Text(
                "因逾期未付款而取消，而其付款时间早于取消：款项应退还，请向客户说明",
                "it was cancelled as unpaid, and was paid before that: the money goes back, and "
                "the customer should be told",
            )


def _of_parcel(order: Order, parcel: Parcel) -> Iterator[Text]:
    news = [event for event in parcel.events if event.struck is None]
    if parcel.ended is not None:
        how = _HOW[parcel.ended.how]
        if parcel.chosen_at is None:
            yield Text(
                f"包裹 {parcel.id} 已{how.zh}：请决定重新发货（send_again）或放弃（give_up）",
                f"parcel {parcel.id} was {how.en}: send it again (send_again), or give it up "
                "(give_up)",
            )
        elif any(e.status == "delivered" and e.at > parcel.ended.at for e in news):
            yield Text(
                f"包裹 {parcel.id} 已{how.zh}并另行处理，而快递又称其送达",
                f"parcel {parcel.id} was {how.en} and settled, and now the courier says that it "
                "has arrived",
            )
        return
    if parcel.delivered_at is not None or not news:
        return
    for event in news:
        if event.status == "delivered" and not counts_as_arrival(event, order.delivery):
            yield Text(
                f"快递称包裹 {parcel.id} 已送达（{event.way or '未说明方式'}），约定方式为 "
                f"{order.delivery}：请客户或员工确认",
                f"the courier says that parcel {parcel.id} has arrived "
                f"({event.way or 'in no way that is told'}); agreed is {order.delivery}: the "
                "customer or staff confirm it",
            )
            return
    if news[-1].status in TROUBLE:
        said = STATUSES[news[-1].status]
        yield Text(f"包裹 {parcel.id}：{said.zh}", f"parcel {parcel.id}: {said.en}")

"""What follows where a parcel doesn't arrive: it is sent again, or given up and paid back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from eldermall.engine.actor import Role
from eldermall.engine.declaration import Changes, Move, move
from eldermall.engine.inputs import Id, Label, Personal
from eldermall.engine.machine import Unfit
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.rooms.orders.lines import Lines, moved
from eldermall.rooms.orders.moments import CHOSEN, DEPARTED
from eldermall.rooms.orders.order import STATUS, EndOfParcel, Order, Parcel, ParcelEvent
from eldermall.rooms.orders.states import Goods
from eldermall.rooms.orders.tracking import parcel_of, still_open, with_parcel
from eldermall.texts import Text

CHOOSERS: tuple[Role, ...] = ("merchant", "customer_service", "operations")
"""Who settles what follows from the end of a parcel."""

_UNDER_WAY = (Goods.accepted, Goods.shipped)


def _ended(order: Order, id: str) -> Parcel:
    parcel = parcel_of(order, id)
    still_open(parcel)
    if parcel.ended is None:
        raise Unfit(
            Text(
                f"包裹 {id} 尚未终止；丢失、拒收、退回或取消的，先用 end_parcel 登记",
                f"parcel {id} hasn't ended; say first with end_parcel that it was lost, refused, "
                "returned or cancelled",
            )
        )
    return parcel


def _has_ended(order: Order) -> bool:
    return any(p.ended is not None and p.chosen_at is None for p in order.parcels)


def _chosen(m: Move[Order], parcel: Parcel, given_up: Mapping[str, int]) -> Changes:
    """Return the fields of an order in which what isn't given up is to leave again."""
    back = moved(m.record, parcel.lines, shipped=-1)
    lines = moved(m.record.model_copy(update={"lines": back}), given_up, given_up=1)
    again = {id for id, n in parcel.lines.items() if n > given_up.get(id, 0)}
    return {
        "lines": tuple(
            line.model_copy(update={"again_at": m.at}) if line.id in again else line
            for line in lines
        ),
        **with_parcel(m.record, parcel.model_copy(update={"chosen_at": m.at})),
    }


class Parcels:
    """From a parcel that doesn't arrive to what is done about it."""

    @move(
        *_UNDER_WAY, to=None, by=("operations",), says=Text("登记包裹终止", "end a parcel"),
        event="ParcelEnded", aside=True,
        fits=lambda order: any(p.on_its_way for p in order.parcels), after=(DEPARTED,),
    )
    @staticmethod
    def end_parcel(
        m: Move[Order], id: str, *, parcel: Id, how: EndOfParcel,
        reason: Annotated[Label, Personal("order")], **by: Unpack[By],
    ) -> Changes:
        """Note that a parcel won't arrive, where the courier doesn't say so.

        Args:
            id: the order.
            parcel: the parcel's id.
            how: ``lost``, ``refused`` at the door, ``returned`` to its sender, or ``failed``.
            reason: how one knows.
            by: operations.
        """
        sent = parcel_of(m.record, parcel)
        still_open(sent)
        if sent.delivered_at is not None:
            raise Unfit(
                Text(
                    f"包裹 {parcel} 已送达；送达有误的，先用 correct_tracking 更正",
                    f"parcel {parcel} has arrived; if that was wrong, strike it first with "
                    "correct_tracking",
                )
            )
        event = ParcelEvent(
            status=STATUS[how], at=m.at, code="", reference="", text=reason, location=""
        )
        return with_parcel(m.record, sent.with_events([event], m.record.delivery))

    @move(
        *_UNDER_WAY, to=None, by=CHOOSERS, says=Text("重新发货", "send again"),
        event="ParcelToSendAgain", fits=_has_ended, after=CHOSEN.after,
    )
    @staticmethod
    def send_again(m: Move[Order], id: str, *, parcel: Id, **by: Unpack[By]) -> Changes:
        """Settle that what a parcel held is sent again: its lines are to leave, as before.

        Their time to be shipped begins anew. What came back lies in stock until it is looked at.

        Args:
            id: the order.
            parcel: the parcel's id, which has ended.
            by: the merchant, customer service, or operations.
        """
        return _chosen(m, _ended(m.record, parcel), {})

    @move(
        *_UNDER_WAY, to=None, by=CHOOSERS, says=Text("放弃重发", "give up a parcel"),
        event="ParcelGivenUp", fits=_has_ended, after=CHOSEN.after,
    )
    @staticmethod
    def give_up(
        m: Move[Order], id: str, *, parcel: Id, reason: Annotated[Label, Personal("order")],
        lines: Lines | None = None, **by: Unpack[By],
    ) -> Changes:
        """Settle that what a parcel held isn't sent again; what was paid for it is owed back.

        An order of which nothing arrives is cancelled with it.

        Args:
            id: the order.
            parcel: the parcel's id, which has ended.
            reason: why.
            lines: the quantity by line; all of the parcel if left out. What isn't named is to be
                sent again.
            by: the merchant, customer service, or operations.
        """
        ended = _ended(m.record, parcel)
        gone = ended.lines if lines is None else lines
        if any(n > ended.lines.get(line, 0) for line, n in gone.items()):
            raise Unfit(
                Text(
                    f"包裹 {parcel} 内为 {ended.lines}，不能放弃更多",
                    f"parcel {parcel} held {ended.lines}; no more than that can be given up",
                )
            )
        return _chosen(m, ended, gone)

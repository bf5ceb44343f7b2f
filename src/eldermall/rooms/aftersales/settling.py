"""From the decision to the close: goods come back, and money or a replacement goes out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from eldermall.engine.actor import Role
from eldermall.engine.declaration import Changes, Move, internal, move
from eldermall.engine.inputs import Amount, Id, Label, Personal
from eldermall.engine.machine import Unfit
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.engine.track import automatic
from eldermall.rooms.aftersales.case import (
    CLOSED,
    RECEIVED,
    REPLACED,
    REPLACEMENT_SENT,
    SENT_BACK,
    SERVICE,
    TOLD,
    Case,
    CaseStates,
    Lines,
    Note,
    Reception,
    Resolution,
    Sending,
    contacts,
)
from eldermall.texts import Text

_SELLER: tuple[Role, ...] = ("merchant", "field_agent", "operations")
_OWED = (CaseStates.approved, CaseStates.received)


def _both_or_neither(sent: Any) -> None:
    if (sent.courier is None) != (sent.tracking is None):
        raise ValueError(
            "tracking",
            Text(
                "承运商与运单号须同时填写或同时留空",
                "courier and tracking number go together: give both or neither",
            ),
        )


def _short_says_what(came: Any) -> None:
    if (came.outcome == "short") != (came.arrived is not None):
        raise ValueError(
            "arrived",
            Text(
                "数量不足（short）时须写明实收数量，其他情形须留空",
                "say what arrived if it was short, and only then",
            ),
        )
    if came.restock and came.outcome not in ("ok", "short"):
        raise ValueError(
            "restock",
            Text("只有完好退回的商品可以入库", "only what came back well goes into stock"),
        )


def _amount_of_a_refund(settled: Any) -> None:
    if settled.refund is not None and settled.outcome != "refund":
        raise ValueError(
            "refund", Text("只有退款时可写明金额", "an amount goes with a refund only")
        )


def nothing_on_its_way(case: Case) -> None:
    """Refuse what can't be done once money or a replacement is on its way."""
    if case.due is not None:
        raise Unfit(Text("退款已到期应付", "the refund is due already"))
    if case.replacement is not None:
        raise Unfit(Text("换货商品已发出", "the replacement has left already"))


def _comes_back(case: Case) -> None:
    if case.remedy == "refund_only":
        raise Unfit(Text("仅退款，无须退回商品", "it is a refund only; nothing comes back"))
    nothing_on_its_way(case)


def _wants_goods_back(case: Case) -> bool:
    return case.remedy != "refund_only"


def _lacks_outcome(case: Case) -> bool:
    return case.reception != "ok" and case.resolution is None and case.due is None


def _lacks_replacement(case: Case) -> bool:
    return (
        case.remedy == "exchange" and case.replacement is None and case.due is None
        and case.state == "received" and (case.reception == "ok" or case.resolution == "replace")
    )


def _replacement_sent(case: Case) -> bool:
    return case.replacement is not None and case.due is None


def _to_be_told(case: Case) -> bool:
    return case.told_at is None and (case.state == "declined" or case.resolution == "none")


class Settling:
    """The moves of a case once it is decided."""

    @move(
        CaseStates.approved, to=CaseStates.returning,
        by=("customer", "customer_service", "field_agent", "operations"),
        says=Text("寄回商品", "send back"), event="GoodsSentBack",
        check=_both_or_neither, fits=_wants_goods_back, after=SENT_BACK.after,
    )
    @staticmethod
    def send_back(
        m: Move[Case], id: str, *, courier: Id | None = None,
        tracking: Annotated[Label | None, Personal("after_sale")] = None,
        **by: Unpack[By],
    ) -> Changes:
        """Note that the goods are on their way back.

        Args:
            id: the case.
            by: the customer, or staff who note it for them or fetch the goods.
            courier: the courier's id; None if they go by hand.
            tracking: the courier's number.
        """
        _comes_back(m.record)
        return {"sent_back": Sending(courier=courier, tracking=tracking, at=m.at)}

    @move(
        CaseStates.approved, CaseStates.returning, to=CaseStates.received, by=_SELLER,
        says=Text("收到退货", "receive"), event="CaseReceived",
        check=_short_says_what, fits=_wants_goods_back, after=RECEIVED.after,
    )
    @staticmethod
    def receive(
        m: Move[Case],
        id: str,
        *,
        outcome: Reception,
        arrived: Lines | None = None,
        restock: bool = False,
        **by: Unpack[By],
    ) -> Changes:
        """Note how the goods came back. If they are ``ok``, the money of a return falls due.

        Args:
            id: the case.
            outcome: ``ok``, ``lost`` on the way, ``short``, ``wrong_item``, or ``damaged``.
            by: the merchant, a field agent, or operations.
            arrived: the quantity by line of a short parcel.
            restock: whether they go into stock again.
        """
        case = m.record
        _comes_back(case)
        if arrived is not None and (
            any(n > case.lines.get(line, 0) for line, n in arrived.items())
            or arrived == case.lines
        ):
            raise Unfit(
                Text(
                    "实收须少于申请的数量", "what arrived must be less than what the case is about"
                )
            )
        return {"received_at": m.at, "reception": outcome, "arrived": arrived}

    @move(
        CaseStates.received, to=None, by=("operations",), says=Text("处理退货异常", "resolve"),
        event="CaseResolved", check=_amount_of_a_refund, fits=_lacks_outcome, after=(RECEIVED,),
    )
    @staticmethod
    def resolve(
        m: Move[Case],
        id: str,
        *,
        outcome: Resolution,
        refund: Annotated[Amount, Field(ge=1)] | None = None,
        reason: Note,
        **by: Unpack[By],
    ) -> Changes:
        """Settle what a reception left open, or an exchange that can't be made.

        What the courier lost is not the customer's risk: a refund is the whole price unless an
        amount is named.

        Args:
            id: the case.
            outcome: ``refund``, ``replace``, or ``none``.
            reason: why.
            by: operations.
            refund: in minor units, at most the price; the whole price if left out.
        """
        case = m.record
        if case.due is not None or case.resolution == "none":
            raise Unfit(Text("处理结果已定", "it is settled already"))
        if outcome == "replace" and case.remedy != "exchange":
            raise Unfit(Text("客户未选择换货", "the customer hasn't chosen an exchange"))
        if outcome == "none" and case.reception == "ok":
            raise Unfit(
                Text(
                    "商品已完好退回，不得不予办理",
                    "the goods came back well; something must follow",
                )
            )
        return {"resolution": outcome, "refund": refund, "reason": reason}

    @internal(*_OWED, to=None, says=Text("退款到期应付", "fall due"), event="RefundFellDue")
    @staticmethod
    def fall_due(m: Move[Case], id: str, *, amount: Amount, **by: Unpack[By]) -> Changes:
        """Note how much is due back; once."""
        if m.record.due is not None:
            raise Unfit(Text("退款已到期应付", "the refund is due already"))
        return {"due": amount}

    @internal(
        *_OWED, to=None, says=Text("登记退款入账", "book the refund"), event="CaseRefundBooked"
    )
    @staticmethod
    def book_refund(m: Move[Case], id: str, *, amount: Amount, **by: Unpack[By]) -> Changes:
        """Note what was paid back; the order sees to it that it is never more than is due."""
        return {"booked": m.record.booked + amount}

    settle = automatic(
        *_OWED, to=CaseStates.refunded, says=Text("退款完毕", "wholly refunded"),
        event="CaseRefunded", when=lambda case: case.due is not None and case.booked >= case.due,
    )

    @move(
        *_OWED, to=None, by=_SELLER, says=Text("发出换货商品", "send the replacement"),
        event="ReplacementSent", check=_both_or_neither, fits=_lacks_replacement,
        after=(REPLACEMENT_SENT,),
    )
    @staticmethod
    def send_replacement(
        m: Move[Case], id: str, *, courier: Id | None = None,
        tracking: Annotated[Label | None, Personal("after_sale")] = None,
        **by: Unpack[By],
    ) -> Changes:
        """Note that the replacement has left; a second one takes the place of a lost one.

        Args:
            id: the case.
            by: the merchant, a field agent, or operations.
            courier: the courier's id; None if it is brought by hand.
            tracking: the courier's number.
        """
        case = m.record
        if case.remedy != "exchange" or case.due is not None or case.resolution == "none":
            raise Unfit(Text("该诉求不以换货了结", "the case isn't settled by an exchange"))
        if case.state == "received" and case.reception != "ok" and case.resolution != "replace":
            raise Unfit(
                Text("退回的商品有问题，须先由运营处理", "operations first settles what came back")
            )
        return {"replacement": Sending(courier=courier, tracking=tracking, at=m.at)}

    @move(
        *_OWED, to=CaseStates.replaced, by=("customer", "field_agent", "operations", "system"),
        says=Text("换货商品送达", "deliver the replacement"), event="CaseReplaced",
        fits=_replacement_sent, after=REPLACED.after,
    )
    @staticmethod
    def deliver_replacement(m: Move[Case], id: str, **by: Unpack[By]) -> Changes:
        """Note that the replacement has arrived.

        Args:
            id: the case.
            by: the customer, staff, or the system with the courier's notice.
        """
        case = m.record
        if case.replacement is None or case.due is not None or case.resolution == "none":
            raise Unfit(Text("没有在途的换货商品", "no replacement is on its way"))
        return {"replaced_at": m.at}

    @move(
        CaseStates.returning, *_OWED, to=None, by=("customer_service", "operations"),
        says=Text("更正快递单号", "correct the number"), event="CaseRelabelled", aside=True,
        check=_both_or_neither,
    )
    @staticmethod
    def relabel(
        m: Move[Case], id: str, *, sending: Literal["sent_back", "replacement"],
        reason: Note, courier: Id | None = None,
        tracking: Annotated[Label | None, Personal("after_sale")] = None,
        **by: Unpack[By],
    ) -> Changes:
        """Put another courier or number to goods that come back, or to a replacement.

        Args:
            id: the case.
            sending: ``sent_back`` or ``replacement``.
            reason: why.
            courier: the courier's id; None if it goes by hand.
            tracking: the courier's number.
            by: customer service or operations.
        """
        sent: Sending | None = getattr(m.record, sending)
        if sent is None:
            raise Unfit(Text("尚未寄出", "nothing was sent yet"))
        if (courier, tracking) == (sent.courier, sent.tracking):
            raise Unfit(Text("承运商与单号未变", "courier and number are the same as before"))
        return {sending: sent.model_copy(update={"courier": courier, "tracking": tracking})}

    @move(
        CaseStates.declined, CaseStates.received, to=None, by=SERVICE,
        says=Text("告知客户结果", "tell the customer"), event="CustomerTold", fits=_to_be_told,
        after=TOLD.after,
    )
    @staticmethod
    def tell(m: Move[Case], id: str, *, note: Note, **by: Unpack[By]) -> Changes:
        """Note that the customer was told that nothing follows, and why.

        Args:
            id: the case.
            note: how, and what was said.
            by: customer service or operations.
        """
        if m.record.state == "received" and m.record.resolution != "none":
            raise Unfit(Text("尚无须告知的结果", "there is no outcome to tell yet"))
        return {"contacts": contacts(m, "customer", note), "told_at": m.at}

    @move(
        CaseStates.declined, CaseStates.received, CaseStates.refunded, CaseStates.replaced,
        to=CaseStates.closed, by=SERVICE, says=Text("办结", "close"), event="CaseClosed",
        fits=lambda case: case.state != "received" or case.resolution == "none",
        after=CLOSED.after,
    )
    @staticmethod
    def close(m: Move[Case], id: str, **by: Unpack[By]) -> Changes:
        """Close a case that was carried through, or declined and told.

        Args:
            id: the case.
            by: customer service or operations.
        """
        return {"closed_at": m.at}

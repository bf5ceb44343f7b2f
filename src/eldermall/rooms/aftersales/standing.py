"""What the moves of a case keep true of it, asked of a case that is taken over."""

from __future__ import annotations

from collections.abc import Iterator

from eldermall.engine.faults import Found, too_early
from eldermall.rooms.aftersales.case import UNDECIDED, Case
from eldermall.texts import Text

_UNDECIDED = tuple(state.name for state in UNDECIDED)
_LATER = {
    ("opened",): ("contacted_at", "merchant_contacted_at"),
    _UNDECIDED: (
        "decided_at", "decided_by", "sent_back", "received_at", "reception", "arrived",
        "resolution", "due", "replacement", "replaced_at", "told_at", "closed_at",
    ),
    ("approved", "returning"): ("received_at", "reception", "resolution", "replaced_at"),
    ("declined",): ("sent_back", "received_at", "reception", "due", "replacement", "replaced_at"),
    (
        "approved", "declined", "returning", "received", "refunded", "replaced",
    ): ("closed_at",),
}
"""What a case in a state can't have yet, or ever."""


def faults(record: Case) -> Iterator[Found]:
    """Yield where a case says what no moves could have made of it."""
    case = record
    if not case.lines:
        yield "lines", Text("至少需要一行", "a case is about one line or more")
    for id in case.listings.keys() - case.lines.keys():
        yield f"listings.{id}", Text("不是此售后的订单行", "is no line of this case")
    yield from too_early(case, case.state, _LATER)
    if case.merchant is None and case.merchant_contacted_at is not None:
        yield "merchant_contacted_at", Text(
            "自营订单没有商家可联系", "own goods have no merchant to contact"
        )
    yield from _goods(case)
    yield from _outcome(case)
    yield from _money(case)
    yield from _holds(case)


def _goods(case: Case) -> Iterator[Found]:
    for name in ("sent_back", "replacement"):
        sent = getattr(case, name)
        if sent is not None and (sent.courier is None) != (sent.tracking is None):
            yield f"{name}.tracking", Text(
                "承运商与运单号须同时填写或同时留空",
                "courier and tracking number go together: give both or neither",
            )
    if case.remedy == "refund_only":
        for name in ("sent_back", "received_at", "reception"):
            if getattr(case, name) is not None:
                yield name, Text("仅退款，无须退回商品", "it is a refund only; nothing comes back")
    if case.state == "received" and case.reception is None:
        yield "reception", Text("须写明收到时的情况", "must say how the goods came back")
    if case.arrived is None:
        if case.reception == "short":
            yield "arrived", Text("数量不足时须写明实收数量", "must say what arrived of it")
        return
    if case.reception != "short":
        yield "arrived", Text("只有数量不足时才写明", "is said of a short parcel only")
    for id, quantity in case.arrived.items():
        if quantity > case.lines.get(id, 0):
            yield f"arrived.{id}", Text(
                f"多于申请的 {case.lines.get(id, 0)} 件",
                f"is more than the {case.lines.get(id, 0)} that the case is about",
            )
    if case.arrived == case.lines:
        yield "arrived", Text("实收须少于申请的数量", "must be less than what the case is about")


def _outcome(case: Case) -> Iterator[Found]:
    if case.resolution is not None and case.reception is None:
        yield "resolution", Text("尚未收到退货", "the goods haven't come back")
    if case.resolution == "replace" and case.remedy != "exchange":
        yield "resolution", Text("客户未选择换货", "the customer hasn't chosen an exchange")
    if case.resolution == "none" and case.reception == "ok":
        yield "resolution", Text(
            "商品已完好退回，不得不予办理", "the goods came back well; something must follow"
        )
    if case.refund is not None and case.resolution != "refund":
        yield "refund", Text("只有退款时可写明金额", "an amount goes with a refund only")
    if case.replacement is not None and case.remedy != "exchange":
        yield "replacement", Text("该诉求不以换货了结", "the case isn't settled by an exchange")
    if case.replaced_at is not None and case.replacement is None:
        yield "replacement", Text("须写明换货商品何时发出", "must say when the replacement left")
    if case.state == "replaced" and case.remedy != "exchange":
        yield "remedy", Text("已换货的须为 exchange", "of a case that is replaced is exchange")
    if case.told_at is not None and case.state in ("refunded", "replaced", "withdrawn"):
        yield "told_at", Text("没有须告知的拒绝", "nothing was declined that is to be told")


def _money(case: Case) -> Iterator[Found]:
    if case.booked > (case.due or 0):
        yield "booked", Text(
            f"多于应退的 {case.due or 0}", f"is more than the {case.due or 0} that fell due"
        )
    if case.due is not None and case.state in ("replaced", "withdrawn"):
        yield "due", Text("此状态下没有应退款", "no money falls due in that state")
    if case.due is not None and case.resolution in ("none", "replace"):
        yield "due", Text(
            "与 resolution 不符：没有应退款", "doesn't fit the resolution: no money falls due"
        )


def _holds(case: Case) -> Iterator[Found]:
    before = 0
    for n, hold in enumerate(case.holds):
        if hold.since < before:
            yield f"holds.{n}.since", Text(
                "早于上一次等待的结束", "lies before the wait before it has ended"
            )
        if hold.until <= hold.since:
            yield f"holds.{n}.until", Text("须晚于开始", "must lie after its beginning")
        if hold.ended is not None and not hold.since <= hold.ended <= hold.until:
            yield f"holds.{n}.ended", Text(
                "须在开始与最迟结束之间", "must lie between its beginning and its latest end"
            )
        before = hold.span[1]

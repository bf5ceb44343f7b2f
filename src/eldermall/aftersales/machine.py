"""The table of an after-sale case, and what an order's moves do to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from eldermall.aftersales import moves
from eldermall.aftersales.case import Case, Terms, is_party, moments
from eldermall.engine.actor import Actor, Role
from eldermall.engine.blank import erasing
from eldermall.engine.kind import Command, Kind, Reaction
from eldermall.engine.machine import NEW, Machine, State, Transition
from eldermall.texts import Text

UNDECIDED = ("opened", "contacted", "merchant_contacted")
"""The states before a decision."""

UNSETTLED = (*UNDECIDED, "approved", "returning", "received")
"""The states in which somebody still has to act before the case is settled."""

_SERVICE: tuple[Role, ...] = ("customer_service", "operations")
_SELLER: tuple[Role, ...] = ("merchant", "field_agent", "operations")

CASE_MACHINE = Machine(
    "case",
    "state",
    Text("售后", "after-sale case"),
    (
        State("opened", Text("已申请", "opened")),
        State("contacted", Text("已联系客户", "customer contacted")),
        State("merchant_contacted", Text("已联系商家", "merchant contacted")),
        State("approved", Text("已同意", "approved")),
        State("declined", Text("已拒绝", "declined")),
        State("returning", Text("退回途中", "returning")),
        State("received", Text("已收到退货", "received")),
        State("refunded", Text("已退款", "refunded")),
        State("replaced", Text("已换货", "replaced")),
        State("closed", Text("已办结", "closed"), end=True),
        State("withdrawn", Text("已撤回", "withdrawn"), end=True),
    ),
    (
        Transition(
            "open", (NEW,), "opened", ("customer", *_SERVICE),
            Text("申请售后", "open"), "CaseOpened", moves.open_,
        ),
        Transition(
            "bind", ("opened",), None, ("system",),
            Text("登记订单约定", "bind to the order"), "CaseBound", moves.bind,
        ),
        Transition(
            "contact", ("opened",), "contacted", _SERVICE,
            Text("联系客户", "contact the customer"), "CustomerContacted", moves.contact,
        ),
        Transition(
            "contact", (*UNSETTLED[1:], "declined"), None, _SERVICE,
            Text("再次联系客户", "contact the customer again"), "CustomerContacted",
            moves.reach_again,
        ),
        Transition(
            "attempt", ("opened",), None, _SERVICE,
            Text("联系未果", "attempt to contact"), "ContactAttempted", moves.attempt,
        ),
        Transition(
            "give_up", ("opened",), "contacted", _SERVICE,
            Text("认定无法联系", "go on without contact"), "CustomerUnreachable", moves.give_up,
        ),
        Transition(
            "record", ("contacted",), None, _SERVICE,
            Text("登记情况", "record the facts"), "FactsRecorded", moves.record,
        ),
        Transition(
            "choose", (*UNDECIDED, "approved"), None, ("customer", *_SERVICE),
            Text("选择处理方式", "choose the remedy"), "RemedyChosen", moves.choose,
        ),
        Transition(
            "contact_merchant", ("contacted",), "merchant_contacted",
            ("customer_service", "field_agent", "operations"),
            Text("联系商家", "contact the merchant"), "CaseMerchantContacted",
            moves.contact_merchant,
        ),
        Transition(
            "approve", UNDECIDED[1:], "approved", ("merchant", "operations"),
            Text("同意", "approve"), "CaseApproved", moves.approve,
        ),
        Transition(
            "approve_by_lapse", UNDECIDED[1:], "approved", ("system",),
            Text("逾期视为同意", "approve by lapse of time"), "CaseApproved", moves.approve,
        ),
        Transition(
            "note_silence", UNDECIDED[1:], None, ("system",),
            Text("记录商家逾期未答复", "note the merchant's silence"), "MerchantSilent",
            moves.note_silence,
        ),
        Transition(
            "decline", UNDECIDED[1:], "declined", ("merchant", "operations"),
            Text("拒绝", "decline"), "CaseDeclined", moves.decline,
        ),
        Transition(
            "send_back", ("approved",), "returning",
            ("customer", "customer_service", "field_agent", "operations"),
            Text("寄回商品", "send back"), "GoodsSentBack", moves.send_back,
        ),
        Transition(
            "receive", ("approved", "returning"), "received", _SELLER,
            Text("收到退货", "receive"), "CaseReceived", moves.receive,
        ),
        Transition(
            "resolve", ("received",), None, ("operations",),
            Text("处理退货异常", "resolve"), "CaseResolved", moves.resolve,
        ),
        Transition(
            "fall_due", ("approved", "received"), None, ("system",),
            Text("退款到期应付", "fall due"), "RefundFellDue", moves.fall_due,
        ),
        Transition(
            "book_refund", ("approved", "received"), None, ("system",),
            Text("登记退款入账", "book the refund"), "CaseRefundBooked", moves.book_refund,
        ),
        Transition(
            "settle", ("approved", "received"), "refunded", (),
            Text("退款完毕", "wholly refunded"), "CaseRefunded", when=moves.all_booked,
        ),
        Transition(
            "send_replacement", ("approved", "received"), None, _SELLER,
            Text("发出换货商品", "send the replacement"), "ReplacementSent",
            moves.send_replacement,
        ),
        Transition(
            "deliver_replacement", ("approved", "received"), "replaced",
            ("customer", "field_agent", "operations", "system"),
            Text("换货商品送达", "deliver the replacement"), "CaseReplaced",
            moves.deliver_replacement,
        ),
        Transition(
            "tell", ("declined", "received"), None, _SERVICE,
            Text("告知客户结果", "tell the customer"), "CustomerTold", moves.tell,
        ),
        Transition(
            "close", ("declined", "received", "refunded", "replaced"), "closed", _SERVICE,
            Text("办结", "close"), "CaseClosed", moves.close,
        ),
        Transition(
            "withdraw", (*UNDECIDED, "approved"), "withdrawn", ("customer", "customer_service"),
            Text("撤回", "withdraw"), "CaseWithdrawn", moves.withdraw,
        ),
        Transition(
            "hold", UNSETTLED, None, _SERVICE,
            Text("等待客户", "wait for the customer"), "CaseHeld", moves.hold,
        ),
        Transition(
            "resume", UNSETTLED, None, (*_SERVICE, "system"),
            Text("结束等待", "end the wait"), "CaseResumed", moves.resume,
        ),
        erasing("closed", "withdrawn"),
    ),
)

CASE = Kind(
    "case",
    Text("售后", "after-sale case"),
    Case,
    (CASE_MACHINE,),
    link="after_sale",
    party=is_party,
    indexed=("order", "customer", "merchant"),
    moments=moments,
)


def _bind(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    terms = order.terms
    bound = moves.Bind(
        customer=order.customer,
        relatives=order.relatives,
        merchant=order.merchant,
        listings={line.id: line.listing for line in order.lines if line.id in args.lines},
        terms=Terms(
            until=order.returns_until(args.lines),
            grounds=terms.grounds,
            item_states=terms.item_states,
            fault_grounds=terms.fault_grounds,
        ),
    )
    yield Command("case", "bind", args.case, cause, bound)


def _fall_due(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    due = moves.FallDue(amount=order.owed_back - before.owed_back)
    yield Command("case", "fall_due", args.case, cause, due)


def _book_refund(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    for due in before.dues:
        if paid := due.amount - order.due_for(due.case):
            yield Command("case", "book_refund", due.case, cause, moves.BookRefund(amount=paid))


def _restock(before: Any, case: Case, args: Any, cause: Actor) -> Iterable[Command]:
    if args.restock:
        back: Counter[str] = Counter()
        for line, quantity in case.settled.items():
            back[case.listings[line]] += quantity
        for listing, quantity in sorted(back.items()):
            given = moves.Restock(source=case.id, quantity=quantity)
            yield Command("stock", "restock", listing, cause, given)


REACTIONS = (
    Reaction("order", "LinesClaimed", "case", "bind", _bind),
    Reaction("order", "LinesTakenBack", "case", "fall_due", _fall_due),
    Reaction("order", "Refunded", "case", "book_refund", _book_refund),
    Reaction("case", "CaseReceived", "stock", "restock", _restock, if_exists=True),
)
"""What follows from an order's moves; and from a reception, where a stock is kept."""

__all__ = ["CASE", "CASE_MACHINE", "REACTIONS", "UNSETTLED"]

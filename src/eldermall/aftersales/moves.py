"""What each move of an after-sale case needs and changes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from eldermall.aftersales.case import (
    Case,
    Contact,
    Hold,
    Reception,
    Remedy,
    Resolution,
    Sending,
    Terms,
)
from eldermall.engine.inputs import Amount, Id, Label, Moment, Personal, Quantity, Said, Words
from eldermall.engine.machine import Unfit
from eldermall.engine.room import Arguments
from eldermall.engine.rule import Context
from eldermall.texts import Text

Lines = Annotated[dict[Id, Quantity], Field(min_length=1, max_length=500)]
Note = Annotated[Label, Personal("after_sale")]


class Open(Arguments):
    """What the customer asks for, about which quantities of which order, in their own words."""

    order: Id
    customer: Id
    channel: Id
    lines: Lines
    remedy: Remedy
    words: Annotated[Said, Personal("after_sale")]


class Bind(Arguments):
    """What the order says: whose it is, who sold it, what its lines are, which terms bind it."""

    customer: Id
    relatives: tuple[Id, ...]
    merchant: Id | None
    listings: dict[Id, Id]
    terms: Terms


class Reach(Arguments):
    """How somebody was contacted, or nobody was reached, and what was said."""

    note: Note


class Facts(Arguments):
    """What is the case: the ground, the state of the goods, and what the customer wishes."""

    ground: Id
    item_state: Id
    wish: Annotated[Words, Personal("after_sale")]


class Choose(Arguments):
    """The remedy that the customer chooses."""

    remedy: Remedy


class Decline(Arguments):
    """Why the case is declined."""

    reason: Note


class Send(Arguments):
    """By which courier under which number goods leave; neither if handed over in person."""

    courier: Id | None
    tracking: Label | None

    @model_validator(mode="after")
    def _both_or_neither(self) -> Send:
        if (self.courier is None) != (self.tracking is None):
            raise ValueError(
                "tracking",
                Text(
                    "承运商与运单号须同时填写或同时留空",
                    "courier and tracking number go together: give both or neither",
                ),
            )
        return self


class Receive(Arguments):
    """In which condition goods came back; which quantities, if too few did; whether to stock."""

    outcome: Reception
    arrived: Lines | None
    restock: bool

    @model_validator(mode="after")
    def _short_says_what(self) -> Receive:
        if (self.outcome == "short") != (self.arrived is not None):
            raise ValueError(
                "arrived",
                Text(
                    "数量不足（short）时须写明实收数量，其他情形须留空",
                    "say what arrived if it was short, and only then",
                ),
            )
        if self.restock and self.outcome not in ("ok", "short"):
            raise ValueError(
                "restock",
                Text("只有完好退回的商品可以入库", "only what came back well goes into stock"),
            )
        return self


class Restock(Arguments):
    """What goes back into a listing's stock, and out of which case."""

    source: Id
    quantity: Quantity


class Resolve(Arguments):
    """What becomes of a case whose goods didn't come back as they should, and why."""

    outcome: Resolution
    refund: Annotated[Amount, Field(ge=1)] | None
    reason: Note

    @model_validator(mode="after")
    def _amount_of_a_refund(self) -> Resolve:
        if self.refund is not None and self.outcome != "refund":
            raise ValueError(
                "refund", Text("只有退款时可写明金额", "an amount goes with a refund only")
            )
        return self


class FallDue(Arguments):
    """How much is due back to the customer."""

    amount: Amount


class BookRefund(Arguments):
    """What the host has paid back for the case."""

    amount: Amount


class WaitFor(Arguments):
    """What the customer is waited for, and until when at the latest."""

    reason: Note
    until: Moment


def open_(c: Context) -> dict[str, Any]:
    """Take down what the customer asks for."""
    a: Open = c.args
    return {
        "order": a.order,
        "customer": a.customer,
        "channel": a.channel,
        "lines": a.lines,
        "remedy": a.remedy,
        "words": a.words,
        "listings": {},
    }


def bind(c: Context) -> dict[str, Any]:
    """Note what the order says."""
    a: Bind = c.args
    return {
        "customer": a.customer,
        "relatives": a.relatives,
        "merchant": a.merchant,
        "listings": a.listings,
        "terms": a.terms,
    }


def _contacts(
    c: Context, whom: Literal["customer", "merchant"], reached: bool
) -> tuple[Contact, ...]:
    new = Contact(whom=whom, by=c.actor.id, at=c.at, reached=reached, note=c.args.note)
    return (*c.record.contacts, new)


def contact(c: Context) -> dict[str, Any]:
    """Note that the customer was reached."""
    return {"contacts": _contacts(c, "customer", True), "contacted_at": c.at}


def reach_again(c: Context) -> dict[str, Any]:
    """Note a further talk with the customer."""
    return {"contacts": _contacts(c, "customer", True)}


def attempt(c: Context) -> dict[str, Any]:
    """Note that the customer wasn't reached."""
    return {"contacts": _contacts(c, "customer", False)}


def give_up(c: Context) -> dict[str, Any]:
    """Go on without having reached the customer."""
    return {"contacted_at": c.at}


def entitled(case: Case, remedy: str, ground: str | None, item_state: str | None) -> bool:
    """Say whether the terms give a customer the remedy, whatever the seller thinks.

    A fault does, always. Otherwise goods do that come back, inside the window, on a ground and in
    a state that the terms name; money for goods that stay with the customer is for the seller to
    grant.
    """
    terms = case.terms
    if terms is None:
        return False
    if ground in terms.fault_grounds:
        return True
    in_time = terms.until is None or case.created_at <= terms.until
    return (
        remedy != "refund_only"
        and in_time
        and ground in terms.grounds
        and item_state in terms.item_states
    )


def record(c: Context) -> dict[str, Any]:
    """Record the facts, and whether they meet the terms."""
    a: Facts = c.args
    return {
        "ground": a.ground,
        "item_state": a.item_state,
        "wish": a.wish,
        "entitled": entitled(c.record, c.record.remedy, a.ground, a.item_state),
    }


def choose(c: Context) -> dict[str, Any]:
    """Change the remedy.

    After approval only between those for which the goods come back: what was approved goes on.
    """
    case: Case = c.record
    remedy: Remedy = c.args.remedy
    if case.state == "approved" and "refund_only" in (remedy, case.remedy):
        raise Unfit(
            Text(
                "已批准的诉求只能在退货与换货之间改选；仅退款须撤回后另行申请",
                "after approval return and exchange may be swapped; for a refund without a return "
                "withdraw and open anew",
            )
        )
    if case.replacement is not None:
        raise Unfit(Text("换货商品已发出，不能改选", "the replacement has left; it stays so"))
    changed: dict[str, Any] = {"remedy": remedy}
    if case.entitled is not None and case.state != "approved":
        changed["entitled"] = entitled(case, remedy, case.ground, case.item_state)
    return changed


def contact_merchant(c: Context) -> dict[str, Any]:
    """Note that the seller was contacted."""
    if c.record.merchant is None:
        raise Unfit(Text("自营订单没有商家可联系", "own goods have no merchant to contact"))
    return {"contacts": _contacts(c, "merchant", True), "merchant_contacted_at": c.at}


def note_silence(c: Context) -> dict[str, Any]:
    """Note that the seller has let the time for an answer pass."""
    return {"silence_noted_at": c.at}


def approve(c: Context) -> dict[str, Any]:
    """Note who approved the case, and when."""
    return {"decided_at": c.at, "decided_by": c.actor.id}


def decline(c: Context) -> dict[str, Any]:
    """Note who declined the case, when and why."""
    return {"decided_at": c.at, "decided_by": c.actor.id, "reason": c.args.reason}


def withdraw(c: Context) -> dict[str, Any]:
    """Let the case go, as long as neither money nor a replacement is on its way."""
    _nothing_on_its_way(c.record)
    return {"closed_at": c.at}


def _nothing_on_its_way(case: Case) -> None:
    if case.due is not None:
        raise Unfit(Text("退款已到期应付", "the refund is due already"))
    if case.replacement is not None:
        raise Unfit(Text("换货商品已发出", "the replacement has left already"))


def _comes_back(case: Case) -> None:
    if case.remedy == "refund_only":
        raise Unfit(Text("仅退款，无须退回商品", "it is a refund only; nothing comes back"))
    _nothing_on_its_way(case)


def send_back(c: Context) -> dict[str, Any]:
    """Note that the goods are on their way back."""
    _comes_back(c.record)
    return {"sent_back": Sending(courier=c.args.courier, tracking=c.args.tracking, at=c.at)}


def receive(c: Context) -> dict[str, Any]:
    """Note in which condition the goods came back."""
    case: Case = c.record
    a: Receive = c.args
    _comes_back(case)
    if a.arrived is not None and (
        any(n > case.lines.get(line, 0) for line, n in a.arrived.items()) or a.arrived == case.lines
    ):
        raise Unfit(
            Text("实收须少于申请的数量", "what arrived must be less than what the case is about")
        )
    return {"received_at": c.at, "reception": a.outcome, "arrived": a.arrived}


def resolve(c: Context) -> dict[str, Any]:
    """Settle by money, by a replacement, or by nothing, what the reception left open."""
    case: Case = c.record
    a: Resolve = c.args
    if case.due is not None or case.resolution == "none":
        raise Unfit(Text("处理结果已定", "it is settled already"))
    if a.outcome == "replace" and case.remedy != "exchange":
        raise Unfit(Text("客户未选择换货", "the customer hasn't chosen an exchange"))
    if a.outcome == "none" and case.reception == "ok":
        raise Unfit(
            Text("商品已完好退回，不得不予办理", "the goods came back well; something must follow")
        )
    return {"resolution": a.outcome, "refund": a.refund, "reason": a.reason}


def fall_due(c: Context) -> dict[str, Any]:
    """Note how much is due back; once."""
    if c.record.due is not None:
        raise Unfit(Text("退款已到期应付", "the refund is due already"))
    return {"due": c.args.amount}


def book_refund(c: Context) -> dict[str, Any]:
    """Note what was paid back; the order sees to it that it is never more than is due."""
    return {"booked": c.record.booked + c.args.amount}


def all_booked(case: Case) -> bool:
    """Whether all that is due has been paid back."""
    return case.due is not None and case.booked >= case.due


def send_replacement(c: Context) -> dict[str, Any]:
    """Note that the replacement has left."""
    case: Case = c.record
    if case.remedy != "exchange" or case.due is not None or case.resolution == "none":
        raise Unfit(Text("该诉求不以换货了结", "the case isn't settled by an exchange"))
    if case.state == "received" and case.reception != "ok" and case.resolution != "replace":
        raise Unfit(
            Text("退回的商品有问题，须先由运营处理", "operations first settles what came back")
        )
    return {"replacement": Sending(courier=c.args.courier, tracking=c.args.tracking, at=c.at)}


def deliver_replacement(c: Context) -> dict[str, Any]:
    """Note that the replacement has arrived."""
    case: Case = c.record
    if case.replacement is None or case.due is not None or case.resolution == "none":
        raise Unfit(Text("没有在途的换货商品", "no replacement is on its way"))
    if c.at < case.replacement.at:
        raise Unfit(
            Text(
                "换货商品的送达时间早于发出时间",
                "the replacement would have arrived before it left",
            )
        )
    return {"replaced_at": c.at}


def tell(c: Context) -> dict[str, Any]:
    """Note that the customer was told why nothing follows."""
    if c.record.state == "received" and c.record.resolution != "none":
        raise Unfit(Text("尚无须告知的结果", "there is no outcome to tell yet"))
    return {"contacts": _contacts(c, "customer", True), "told_at": c.at}


def close(c: Context) -> dict[str, Any]:
    """Note when the case was closed."""
    return {"closed_at": c.at}


def hold(c: Context) -> dict[str, Any]:
    """Wait for the customer; one wait at a time."""
    case: Case = c.record
    if case.holds and c.at < case.holds[-1].span[1]:
        raise Unfit(Text("已在等待客户", "the customer is being waited for already"))
    if c.args.until <= max(c.at, c.now):
        raise Unfit(Text("等待的期限须在将来", "a wait ends in the future"))
    new = Hold(reason=c.args.reason, by=c.actor.id, since=c.at, until=c.args.until)
    return {"holds": (*case.holds, new)}


def resume(c: Context) -> dict[str, Any]:
    """End the wait; one that has run out ended when it ran out."""
    case: Case = c.record
    if not case.holds or case.holds[-1].ended is not None:
        raise Unfit(Text("没有正在进行的等待", "nobody is being waited for"))
    last = case.holds[-1]
    if c.at < last.since:
        raise Unfit(Text("结束时间早于开始时间", "it would have ended before it began"))
    ended = last.model_copy(update={"ended": min(c.at, last.until)})
    return {"holds": (*case.holds[:-1], ended)}

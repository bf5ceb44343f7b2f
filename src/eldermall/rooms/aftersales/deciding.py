"""From the request to the decision: both sides are contacted, and the facts are recorded."""

from __future__ import annotations

from typing import Annotated

from eldermall.engine.declaration import Changes, Move, internal, move
from eldermall.engine.inputs import Id, Personal, Said, Words
from eldermall.engine.machine import NEW, Unfit
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.engine.track import also
from eldermall.rooms.aftersales.case import (
    CONTACTED,
    DECIDED,
    MERCHANT_CONTACTED,
    SERVICE,
    SILENT,
    TRIED,
    UNDECIDED,
    UNSETTLED,
    Case,
    CaseStates,
    Lines,
    Note,
    Remedy,
    Terms,
    contacts,
)
from eldermall.texts import Text


def _entitled(case: Case, remedy: str, ground: str | None, item_state: str | None) -> bool:
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


def _decided(m: Move[Case]) -> dict[str, object]:
    return {"decided_at": m.at, "decided_by": m.actor.id}


class Deciding:
    """The moves of a case until it is decided."""

    @move(
        NEW, to=CaseStates.opened, by=("customer", *SERVICE),
        says=Text("申请售后", "open"), event="CaseOpened",
    )
    @staticmethod
    def open(
        m: Move[Case],
        id: str,
        *,
        order: Id,
        customer: Id,
        lines: Lines,
        remedy: Remedy,
        words: Annotated[Said, Personal("after_sale")] = "",
        channel: Id = "app",
        **by: Unpack[By],
    ) -> Changes:
        """Open a case. Nobody judges it at the door: the order is theirs, the goods have arrived.

        Args:
            id: the host's id.
            order: the order.
            customer: the customer, or a relative whom they have named on the order.
            lines: the quantity by line.
            remedy: what the customer wants: ``return``, ``refund_only``, or ``exchange``.
            by: the customer, customer service, or operations.
            words: in the customer's own words, if there are any.
            channel: through which channel.
        """
        return {
            "order": order, "customer": customer, "channel": channel, "lines": lines,
            "remedy": remedy, "words": words, "listings": {},
        }

    @internal(
        CaseStates.opened, to=None, says=Text("登记订单约定", "bind to the order"),
        event="CaseBound",
    )
    @staticmethod
    def bind(
        m: Move[Case],
        id: str,
        *,
        customer: Id,
        relatives: tuple[Id, ...],
        merchant: Id | None,
        listings: dict[Id, Id],
        terms: Terms,
        **by: Unpack[By],
    ) -> Changes:
        """Note what the order says: whose it is, who sold it, what its lines are, its terms."""
        return {
            "customer": customer, "relatives": relatives, "merchant": merchant,
            "listings": listings, "terms": terms,
        }

    @move(
        CaseStates.opened, to=CaseStates.contacted, by=SERVICE,
        says=Text("联系客户", "contact the customer"), event="CustomerContacted",
        more=[
            also(
                *UNSETTLED[1:], CaseStates.declined, to=None,
                says=Text("再次联系客户", "contact the customer again"),
            )
        ],
        fits=lambda case: case.state == "opened",
    )
    @staticmethod
    def contact(m: Move[Case], id: str, *, note: Note, **by: Unpack[By]) -> Changes:
        """Note that the customer was reached.

        Args:
            id: the case.
            note: how, and what was said.
            by: customer service or operations.
        """
        changes = {"contacts": contacts(m, "customer", note)}
        return {**changes, "contacted_at": m.at} if m.record.state == "opened" else changes

    @move(
        CaseStates.opened, to=None, by=SERVICE, says=Text("联系未果", "attempt to contact"),
        event="ContactAttempted", aside=True,
    )
    @staticmethod
    def attempt(m: Move[Case], id: str, *, note: Note, **by: Unpack[By]) -> Changes:
        """Note that the customer wasn't reached.

        Args:
            id: the case.
            note: how it was tried.
            by: customer service or operations.
        """
        return {"contacts": contacts(m, "customer", note, reached=False)}

    @move(
        CaseStates.opened, to=CaseStates.contacted, by=SERVICE,
        says=Text("认定无法联系", "go on without contact"), event="CustomerUnreachable",
        aside=True, after=(TRIED,),
    )
    @staticmethod
    def give_up(m: Move[Case], id: str, **by: Unpack[By]) -> Changes:
        """Go on without having reached the customer, after the attempts that the policy asks for.

        Args:
            id: the case.
            by: customer service or operations.
        """
        return {"contacted_at": m.at}

    @move(
        CaseStates.contacted, to=None, by=SERVICE, says=Text("登记情况", "record the facts"),
        event="FactsRecorded", fits=lambda case: case.entitled is None, after=(CONTACTED,),
    )
    @staticmethod
    def record(
        m: Move[Case],
        id: str,
        *,
        ground: Id,
        item_state: Id,
        wish: Annotated[Words, Personal("after_sale")],
        **by: Unpack[By],
    ) -> Changes:
        """Record the facts; with them it stands whether the terms are met.

        They may be corrected until the merchant is contacted or the case is decided.

        Args:
            id: the case.
            ground: why, by the name that the policy has for it.
            item_state: in which state the goods are, by the policy's name.
            wish: what the customer wishes, in words.
            by: customer service or operations.
        """
        return {
            "ground": ground, "item_state": item_state, "wish": wish,
            "entitled": _entitled(m.record, m.record.remedy, ground, item_state),
        }

    @move(
        *UNDECIDED, CaseStates.approved, to=None, by=("customer", *SERVICE),
        says=Text("选择处理方式", "choose the remedy"), event="RemedyChosen", aside=True,
        after=(DECIDED,),
    )
    @staticmethod
    def choose(m: Move[Case], id: str, *, remedy: Remedy, **by: Unpack[By]) -> Changes:
        """Choose another remedy, until the goods are sent back.

        After approval return and exchange may be swapped.

        Args:
            id: the case.
            remedy: ``return``, ``refund_only``, or ``exchange``.
            by: the customer, or staff who note it for them.
        """
        case = m.record
        if case.state == "approved" and "refund_only" in (remedy, case.remedy):
            raise Unfit(
                Text(
                    "已批准的诉求只能在退货与换货之间改选；仅退款须撤回后另行申请",
                    "after approval return and exchange may be swapped; for a refund without a "
                    "return withdraw and open anew",
                )
            )
        if case.replacement is not None:
            raise Unfit(Text("换货商品已发出，不能改选", "the replacement has left; it stays so"))
        if case.entitled is None or case.state == "approved":
            return {"remedy": remedy}
        entitled = _entitled(case, remedy, case.ground, case.item_state)
        return {"remedy": remedy, "entitled": entitled}

    @move(
        CaseStates.contacted, to=CaseStates.merchant_contacted,
        by=("customer_service", "field_agent", "operations"),
        says=Text("联系商家", "contact the merchant"), event="CaseMerchantContacted",
        fits=lambda case: case.merchant is not None, after=MERCHANT_CONTACTED.after,
    )
    @staticmethod
    def contact_merchant(m: Move[Case], id: str, *, note: Note, **by: Unpack[By]) -> Changes:
        """Note that the merchant was contacted.

        Args:
            id: the case.
            note: how, and what was said.
            by: customer service, a field agent, or operations.
        """
        if m.record.merchant is None:
            raise Unfit(Text("自营订单没有商家可联系", "own goods have no merchant to contact"))
        return {"contacts": contacts(m, "merchant", note), "merchant_contacted_at": m.at}

    @move(
        *UNDECIDED[1:], to=CaseStates.approved, by=("merchant", "operations"),
        says=Text("同意", "approve"), event="CaseApproved", after=DECIDED.after,
    )
    @staticmethod
    def approve(m: Move[Case], id: str, **by: Unpack[By]) -> Changes:
        """Approve a case. The money of a ``refund_only`` falls due with it.

        Args:
            id: the case.
            by: the merchant, or operations.
        """
        return _decided(m)

    @internal(
        *UNDECIDED[1:], to=CaseStates.approved,
        says=Text("逾期视为同意", "approve by lapse of time"), event="CaseApproved",
        after=DECIDED.after,
    )
    @staticmethod
    def approve_by_lapse(m: Move[Case], id: str, **by: Unpack[By]) -> Changes:
        """Approve a case for a seller who has let the time for an answer pass."""
        return _decided(m)

    @internal(
        *UNDECIDED[1:], to=None, says=Text("记录商家逾期未答复", "note the merchant's silence"),
        event="MerchantSilent", after=SILENT.after,
    )
    @staticmethod
    def note_silence(m: Move[Case], id: str, **by: Unpack[By]) -> Changes:
        """Note that the seller has let the time for an answer pass."""
        return {"silence_noted_at": m.at}

    @move(
        *UNDECIDED[1:], to=CaseStates.declined, by=("merchant", "operations"),
        says=Text("拒绝", "decline"), event="CaseDeclined", after=DECIDED.after,
    )
    @staticmethod
    def decline(m: Move[Case], id: str, *, reason: Note, **by: Unpack[By]) -> Changes:
        """Decline a case that doesn't meet the terms; the customer is told before it closes.

        Args:
            id: the case.
            reason: why.
            by: the merchant, or operations.
        """
        return {**_decided(m), "reason": reason}

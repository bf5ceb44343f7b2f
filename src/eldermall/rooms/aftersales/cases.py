"""The room of after-sale cases, and what an order's moves do to one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from eldermall.calendars import microseconds
from eldermall.engine.actor import Actor
from eldermall.engine.declaration import Changes, Move, move
from eldermall.engine.declared import Adopting, M, erasure
from eldermall.engine.kind import Command
from eldermall.engine.machine import Unfit
from eldermall.engine.parameters import By, When
from eldermall.engine.room import Unpack
from eldermall.rooms.aftersales.case import (
    CLOSED,
    HELD,
    SERVICE,
    SILENT,
    UNDECIDED,
    UNSETTLED,
    Case,
    CaseStates,
    Hold,
    Note,
    Terms,
)
from eldermall.rooms.aftersales.deciding import Deciding
from eldermall.rooms.aftersales.settling import Settling, nothing_on_its_way
from eldermall.rooms.aftersales.standing import faults
from eldermall.texts import Text

_DECIDED = ("approved", "declined", "returning", "received", "refunded", "replaced", "closed")


def _bind(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    terms = order.terms
    yield Deciding.bind.command(
        args.case,
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
        by=cause,
    )


def _fall_due(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    due = order.owed_back - before.owed_back
    yield Settling.fall_due.command(args.case, amount=due, by=cause)


def _book_refund(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    for case in dict.fromkeys(debt.case for debt in before.debts if debt.case is not None):
        if paid := before.due_for(case) - order.due_for(case):
            yield Settling.book_refund.command(case, amount=paid, by=cause)


class Cases(Adopting[M, Case], Deciding, Settling):
    """The moves of an after-sale case.

    Money that falls due goes out as a refund request of the order; what the host pays is booked
    with ``mall.orders.refunded``, and the case follows.
    """

    kind = "case"
    label = Text("售后", "after-sale case")
    model = Case
    link = "after_sale"
    indexed = ("order", "customer", "merchant")
    happened = (SILENT, CLOSED)

    States = CaseStates

    faults = staticmethod(faults)

    @staticmethod
    def party(subject: Any, actor: Actor) -> bool:
        """Say whether a customer, a relative named by them, or a merchant acts on what is theirs.

        ``subject`` is the case, or the arguments that would open one.
        """
        if not isinstance(subject, Case):
            return bool(actor.role == "customer" and subject.customer == actor.id)
        if actor.role == "merchant":
            return subject.merchant == actor.merchant
        return actor.id in (subject.customer, *subject.relatives)

    @staticmethod
    def moments(case: Case) -> Sequence[str]:
        """Return the moments that a case in its state would have."""
        expected = {
            "contacted_at": ("contacted", "merchant_contacted", *_DECIDED),
            "merchant_contacted_at": ("merchant_contacted",),
            "decided_at": _DECIDED,
            "received_at": ("received",),
            "closed_at": ("closed",),
        }
        return [name for name, states in expected.items() if case.state in states]

    @move(
        *UNDECIDED, CaseStates.approved, to=CaseStates.withdrawn,
        by=("customer", "customer_service"), says=Text("撤回", "withdraw"),
        event="CaseWithdrawn", aside=True, after=CLOSED.after,
    )
    @staticmethod
    def withdraw(m: Move[Case], id: str, **by: Unpack[By]) -> Changes:
        """Withdraw a case, before goods, money or a replacement are on their way.

        Args:
            id: the case.
            by: the customer, or customer service who notes it for them.
        """
        nothing_on_its_way(m.record)
        return {"closed_at": m.at}

    @move(
        *UNSETTLED, to=None, by=SERVICE, says=Text("等待客户", "wait for the customer"),
        event="CaseHeld", aside=True,
    )
    @staticmethod
    def hold(m: Move[Case], id: str, *, reason: Note, until: When, **by: Unpack[By]) -> Changes:
        """Wait for the customer: until then the case's clocks stand still.

        Args:
            id: the case.
            reason: for what.
            until: when the wait ends by itself.
            by: customer service or operations.
        """
        ends = microseconds(until)
        if m.record.holds and m.at < m.record.holds[-1].span[1]:
            raise Unfit(Text("已在等待客户", "the customer is being waited for already"))
        if ends <= max(m.at, m.now):
            raise Unfit(Text("等待的期限须在将来", "a wait ends in the future"))
        new = Hold(reason=reason, by=m.actor.id, since=m.at, until=ends)
        return {"holds": (*m.record.holds, new)}

    @move(
        *UNSETTLED, to=None, by=(*SERVICE, "system"), says=Text("结束等待", "end the wait"),
        event="CaseResumed", aside=True, after=(HELD,),
    )
    @staticmethod
    def resume(m: Move[Case], id: str, **by: Unpack[By]) -> Changes:
        """End a wait for the customer before its time.

        Args:
            id: the case.
            by: customer service or operations.
        """
        last = m.record.waiting
        if last is None:
            raise Unfit(Text("没有正在进行的等待", "nobody is being waited for"))
        # one that has run out ended when it ran out
        ended = last.model_copy(update={"ended": max(last.since, min(m.at, last.until))})
        return {"holds": (*m.record.holds[:-1], ended)}

    erase = erasure.leaving(CaseStates.closed, CaseStates.withdrawn)

    reactions = (
        Deciding.bind.after("order", "LinesClaimed", makes=_bind),
        Settling.fall_due.after("order", "LinesTakenBack", makes=_fall_due),
        Settling.book_refund.after("order", "Refunded", makes=_book_refund),
    )

"""Refunds: each sum that is owed back to a customer, from the asking to the booking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar

from eldermall.engine.actor import Actor, Role
from eldermall.engine.declaration import Changes, Move, internal, move
from eldermall.engine.declared import Declared, M
from eldermall.engine.inputs import Amount, Currency, Id, Label, Moment, Personal
from eldermall.engine.kind import ADOPTED, Command, Record, nobody
from eldermall.engine.machine import NEW
from eldermall.engine.moments import Happened
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.engine.track import Track, automatic, state
from eldermall.texts import Text

PAYERS: tuple[Role, ...] = ("operations", "system")
"""Who says what came of a refund."""


class Refund(Record):
    """A sum that is owed back: of which order, for which case if any, and what came of it.

    ``booked`` is what of the ``amount`` the host has paid. ``asked`` counts how often the host was
    asked to pay; not at all if somebody else may have been asked before. ``answer`` is what was
    said last.
    """

    SCHEMA: ClassVar[int] = 1

    state: str
    order: Id
    customer: Id
    case: Id | None
    currency: Currency
    amount: Amount
    booked: Amount = 0
    asked: int = 0
    asked_at: Moment | None = None
    answered_at: Moment | None = None
    answer: Annotated[str | None, Personal("refund")] = None

    @property
    def due(self) -> int:
        """How much of it isn't booked."""
        return self.amount - self.booked


ASKED = Happened(Text("申请退款", "the asking"), "asked_at")
ANSWER = Happened(Text("答复", "the answer"), "answered_at", (ASKED,))


def _new(before: Any, order: Any) -> Iterable[Any]:
    known = set() if before is None else {debt.id for debt in before.debts}
    return (debt for debt in order.debts if debt.id not in known)


def _fell_due(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    asked_before = 0 if before is None else sum(d.amount for d in before.debts if d.id is None)
    for debt in _new(before, order):
        told = asked_before >= debt.amount
        asked_before -= debt.amount if told else 0
        yield Refunds.open.command(
            debt.id, order=order.id, customer=order.customer, case=debt.case,
            currency=order.currency, amount=debt.amount, ask=not told, by=cause,
        )


def _taken_over(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    for debt in order.debts:
        yield Refunds.take_over.command(
            debt.id, order=order.id, customer=order.customer, case=debt.case,
            currency=order.currency, amount=debt.amount, by=cause,
        )


def _paid(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    left = {debt.id: debt.amount for debt in order.debts}
    for debt in before.debts:
        if debt.id is not None and (paid := debt.amount - left.get(debt.id, 0)):
            yield Refunds.book.command(debt.id, amount=paid, by=cause)


class Refunds(Declared[M, Refund]):
    """The moves of a refund, which opens by itself when money falls due.

    The host is asked to pay by the hook ``eldermall_refund``; that it has paid, it says
    with ``mall.orders.refunded``. Until then the refund stays open, whatever the answer.
    """

    kind = "refund"
    label = Text("退款单", "refund")
    model = Refund
    link = "after_sale"
    indexed = ("order", "customer")

    class States(Track):
        """What is known of its payment."""

        asked = state(Text("已申请退款", "asked for"))
        accepted = state(Text("已受理", "accepted"))
        failed = state(Text("退款失败", "failed"))
        unknown = state(Text("结果不明", "outcome unknown"))
        booked = state(Text("已入账", "booked"), end=True)

    _OPEN = (States.asked, States.accepted, States.failed, States.unknown)

    party = staticmethod(nobody)

    @staticmethod
    def requests(before: Refund | None, after: Refund) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Return what the host is asked to pay after a move."""
        if after.asked <= (0 if before is None else before.asked):
            return ()
        asked: dict[str, Any] = {
            "refund": after.id, "order": after.order, "amount": after.due,
            "currency": after.currency,
        }
        return [("refund", asked if after.case is None else asked | {"case": after.case})]

    @internal(NEW, to=States.asked, says=Text("申请退款", "open"), event="RefundOpened")
    @staticmethod
    def open(
        m: Move[Refund], id: str, *, order: Id, customer: Id, case: Id | None, currency: Currency,
        amount: Amount, ask: bool, **by: Unpack[By],
    ) -> Changes:
        """Ask for money that fell due; without ``ask`` it was asked for before."""
        return {
            "order": order, "customer": customer, "case": case, "currency": currency,
            "amount": amount, "asked": int(ask), "asked_at": m.at,
        }

    @internal(
        NEW, to=States.unknown, says=Text("接管应退款", "take over"), event="RefundTakenOver"
    )
    @staticmethod
    def take_over(
        m: Move[Refund], id: str, *, order: Id, customer: Id, case: Id | None, currency: Currency,
        amount: Amount, **by: Unpack[By],
    ) -> Changes:
        """Note money that an order owed when it was taken over; nobody knows who was asked."""
        return {
            "order": order, "customer": customer, "case": case, "currency": currency,
            "amount": amount, "asked_at": m.at,
        }

    @move(
        States.failed, States.unknown, States.accepted, to=States.asked, by=("operations",),
        says=Text("再次申请退款", "ask again"), event="RefundAskedAgain",
        after=(ANSWER,),
    )
    @staticmethod
    def ask(m: Move[Refund], id: str, **by: Unpack[By]) -> Changes:
        """Ask the host again to pay what isn't booked, under the same id.

        Args:
            id: the refund.
            by: operations.
        """
        return {"asked": m.record.asked + 1, "asked_at": m.at, "answer": None}

    @move(
        States.asked, States.failed, States.unknown, to=States.accepted, by=PAYERS,
        says=Text("登记已受理", "accept"), event="RefundAccepted", aside=True,
        after=ANSWER.after,
    )
    @staticmethod
    def accept(m: Move[Refund], id: str, **by: Unpack[By]) -> Changes:
        """Note that the host will pay, and hasn't yet.

        Args:
            id: the refund.
            by: the system with the host's answer, or operations.
        """
        return {"answered_at": m.at, "answer": None}

    @move(
        States.asked, States.accepted, States.unknown, to=States.failed, by=PAYERS,
        says=Text("登记退款失败", "fail"), event="RefundFailed", aside=True,
        after=ANSWER.after,
    )
    @staticmethod
    def fail(
        m: Move[Refund], id: str, *, reason: Annotated[Label, Personal("refund")],
        **by: Unpack[By],
    ) -> Changes:
        """Note that it wasn't paid and won't be unless somebody asks again; it is owed still.

        Args:
            id: the refund.
            reason: why.
            by: the system with the host's answer, or operations.
        """
        return {"answered_at": m.at, "answer": reason}

    @move(
        States.asked, States.accepted, to=States.unknown, by=PAYERS,
        says=Text("登记结果不明", "lose track"), event="RefundUnknown", aside=True,
        after=ANSWER.after,
    )
    @staticmethod
    def lose(
        m: Move[Refund], id: str, *, reason: Annotated[Label, Personal("refund")],
        **by: Unpack[By],
    ) -> Changes:
        """Note that nobody knows what came of it: the host gave no answer to the last try.

        Args:
            id: the refund.
            reason: what was tried, or said.
            by: the system, or operations.
        """
        return {"answered_at": m.at, "answer": reason}

    @internal(*_OPEN, to=None, says=Text("登记入账", "book"), event="RefundPaid")
    @staticmethod
    def book(m: Move[Refund], id: str, *, amount: Amount, **by: Unpack[By]) -> Changes:
        """Note what of it the host has paid."""
        return {"booked": m.record.booked + amount}

    end = automatic(
        *_OPEN, to=States.booked, says=Text("入账完毕", "wholly booked"), event="RefundBooked",
        when=lambda refund: refund.booked >= refund.amount,
    )

    reactions = (
        open.after("order", "MoneyOwed", "LinesTakenBack", makes=_fell_due, if_absent=True),
        take_over.after("order", ADOPTED, makes=_taken_over),
        book.after("order", "Refunded", makes=_paid, if_exists=True),
    )

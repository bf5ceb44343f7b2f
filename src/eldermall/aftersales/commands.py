"""The commands of the after-sale room."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from eldermall.aftersales import moves
from eldermall.aftersales.case import Case, Reception, Remedy, Resolution
from eldermall.calendars import microseconds
from eldermall.engine.actor import Actor
from eldermall.engine.room import AdoptingRoom, ErasingRoom, Nothing, Options, Unpack

T = TypeVar("T")


class Cases(AdoptingRoom[T, Case], ErasingRoom[T, Case]):
    """The moves of an after-sale case. Every command takes ``at``, ``key`` and ``expect``.

    All raise `Refused` when a rule, the machine or the time says no, `Invalid` when an argument
    can't be accepted, and `Conflict` when somebody else moved first. Money that falls due goes out
    as a refund request of the order; what the host pays is booked with ``mall.orders.refunded``,
    and the case follows.
    """

    kind = "case"
    model = Case

    def open(
        self,
        id: str,
        *,
        order: str,
        customer: str,
        lines: Mapping[str, int],
        remedy: Remedy,
        by: Actor,
        words: str = "",
        channel: str = "app",
        **options: Unpack[Options],
    ) -> T:
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
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "open", id, by, moves.Open, options,
            order=order, customer=customer, channel=channel, lines=_plain(lines), remedy=remedy,
            words=words,
        )

    def contact(self, id: str, *, note: str, by: Actor, **options: Unpack[Options]) -> T:
        """Note that the customer was reached.

        Args:
            id: the case.
            note: how, and what was said.
            by: customer service or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("contact", id, by, moves.Reach, options, note=note)

    def attempt(self, id: str, *, note: str, by: Actor, **options: Unpack[Options]) -> T:
        """Note that the customer wasn't reached.

        Args:
            id: the case.
            note: how it was tried.
            by: customer service or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("attempt", id, by, moves.Reach, options, note=note)

    def give_up(self, id: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Go on without having reached the customer, after the attempts that the policy asks for.

        Args:
            id: the case.
            by: customer service or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("give_up", id, by, Nothing, options)

    def record(
        self,
        id: str,
        *,
        ground: str,
        item_state: str,
        wish: str,
        by: Actor,
        **options: Unpack[Options],
    ) -> T:
        """Record the facts; with them it stands whether the terms are met.

        They may be corrected until the merchant is contacted or the case is decided.

        Args:
            id: the case.
            ground: why, by the name that the policy has for it.
            item_state: in which state the goods are, by the policy's name.
            wish: what the customer wishes, in words.
            by: customer service or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "record", id, by, moves.Facts, options, ground=ground, item_state=item_state, wish=wish
        )

    def choose(self, id: str, *, remedy: Remedy, by: Actor, **options: Unpack[Options]) -> T:
        """Choose another remedy, until the goods are sent back.

        After approval return and exchange may be swapped.

        Args:
            id: the case.
            remedy: ``return``, ``refund_only``, or ``exchange``.
            by: the customer, or staff who note it for them.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("choose", id, by, moves.Choose, options, remedy=remedy)

    def contact_merchant(self, id: str, *, note: str, by: Actor, **options: Unpack[Options]) -> T:
        """Note that the merchant was contacted.

        Args:
            id: the case.
            note: how, and what was said.
            by: customer service, a field agent, or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("contact_merchant", id, by, moves.Reach, options, note=note)

    def approve(self, id: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Approve a case. The money of a ``refund_only`` falls due with it.

        Args:
            id: the case.
            by: the merchant, or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("approve", id, by, Nothing, options)

    def decline(self, id: str, *, reason: str, by: Actor, **options: Unpack[Options]) -> T:
        """Decline a case that doesn't meet the terms; the customer is told before it closes.

        Args:
            id: the case.
            reason: why.
            by: the merchant, or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("decline", id, by, moves.Decline, options, reason=reason)

    def send_back(
        self,
        id: str,
        *,
        by: Actor,
        courier: str | None = None,
        tracking: str | None = None,
        **options: Unpack[Options],
    ) -> T:
        """Note that the goods are on their way back.

        Args:
            id: the case.
            by: the customer, or staff who note it for them or fetch the goods.
            courier: the courier's id; None if they go by hand.
            tracking: the courier's number.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "send_back", id, by, moves.Send, options, courier=courier, tracking=tracking
        )

    def receive(
        self,
        id: str,
        *,
        outcome: Reception,
        by: Actor,
        arrived: Mapping[str, int] | None = None,
        restock: bool = False,
        **options: Unpack[Options],
    ) -> T:
        """Note how the goods came back. If they are ``ok``, the money of a return falls due.

        Args:
            id: the case.
            outcome: ``ok``, ``lost`` on the way, ``short``, ``wrong_item``, or ``damaged``.
            by: the merchant, a field agent, or operations.
            arrived: the quantity by line of a short parcel.
            restock: whether they go into stock again.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "receive", id, by, moves.Receive, options,
            outcome=outcome, arrived=_plain(arrived), restock=restock,
        )

    def resolve(
        self,
        id: str,
        *,
        outcome: Resolution,
        reason: str,
        by: Actor,
        refund: int | None = None,
        **options: Unpack[Options],
    ) -> T:
        """Settle what a reception left open, or an exchange that can't be made.

        What the courier lost is not the customer's risk: a refund is the whole price unless an
        amount is named.

        Args:
            id: the case.
            outcome: ``refund``, ``replace``, or ``none``.
            reason: why.
            by: operations.
            refund: in minor units, at most the price; the whole price if left out.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "resolve", id, by, moves.Resolve, options,
            outcome=outcome, refund=refund, reason=reason,
        )

    def send_replacement(
        self,
        id: str,
        *,
        by: Actor,
        courier: str | None = None,
        tracking: str | None = None,
        **options: Unpack[Options],
    ) -> T:
        """Note that the replacement has left; a second one takes the place of a lost one.

        Args:
            id: the case.
            by: the merchant, a field agent, or operations.
            courier: the courier's id; None if it is brought by hand.
            tracking: the courier's number.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "send_replacement", id, by, moves.Send, options, courier=courier, tracking=tracking
        )

    def deliver_replacement(self, id: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Note that the replacement has arrived.

        Args:
            id: the case.
            by: the customer, staff, or the system with the courier's notice.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("deliver_replacement", id, by, Nothing, options)

    def tell(self, id: str, *, note: str, by: Actor, **options: Unpack[Options]) -> T:
        """Note that the customer was told that nothing follows, and why.

        Args:
            id: the case.
            note: how, and what was said.
            by: customer service or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("tell", id, by, moves.Reach, options, note=note)

    def close(self, id: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Close a case that was carried through, or declined and told.

        Args:
            id: the case.
            by: customer service or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("close", id, by, Nothing, options)

    def withdraw(self, id: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Withdraw a case, before goods, money or a replacement are on their way.

        Args:
            id: the case.
            by: the customer, or customer service who notes it for them.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("withdraw", id, by, Nothing, options)

    def hold(
        self, id: str, *, reason: str, until: datetime, by: Actor, **options: Unpack[Options]
    ) -> T:
        """Wait for the customer: until then the case's clocks stand still.

        Args:
            id: the case.
            reason: for what.
            until: when the wait ends by itself.
            by: customer service or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do(
            "hold", id, by, moves.WaitFor, options,
            reason=reason, until=microseconds(until, "case.hold.until"),
        )

    def resume(self, id: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """End a wait for the customer before its time.

        Args:
            id: the case.
            by: customer service or operations.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("resume", id, by, Nothing, options)


def _plain(lines: object) -> object:
    return dict(lines) if isinstance(lines, Mapping) else lines

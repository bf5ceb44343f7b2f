"""Where Oscar and eldermall meet: one order of Oscar's is one of eldermall's for each seller."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Any, NamedTuple

from django.conf import settings
from oscar.core.loading import get_model

from eldermall import (
    Actor,
    Conflict,
    Mall,
    RefundAnswer,
    RefundRequest,
    Refused,
    hookimpl,
    person,
    system,
)
from eldermall.adapters.django import DjangoMall
from eldermall.mall import Moving


def joined(error: Callable[[str], Exception]) -> Callable[[Callable[..., Any]], Any]:
    """Give a method the mall's commands, in one transaction with the rows that it writes.

    Where others were first all of it is done again; a refusal is told in Oscar's own ``error``.
    """

    def around(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Any, *given: Any, **more: Any) -> Any:
            try:
                return shop.moved(lambda m: method(self, m, *given, **more), batch=True)
            except (Refused, Conflict) as no:
                raise error(no.text.zh) from no

        return call

    return around


class Part(NamedTuple):
    """What one seller has of an order."""

    id: str
    seller: str
    lines: tuple[Any, ...]
    freight: int

    def of(self, quantities: Mapping[Any, int]) -> dict[str, int]:
        """Return those of the quantities that are this seller's, by the line's id."""
        return {str(line.pk): quantities[line] for line in self.lines if line in quantities}


def fen(amount: Decimal) -> int:
    """Return yuan in fen."""
    return int(amount * 100)


def shares(whole: int, weights: Sequence[int]) -> list[int]:
    """Split ``whole`` by weights, to the last fen: none is more than a fen from its exact share."""
    weights = weights if any(weights) else [1] * len(weights)
    ends = [whole * sum(weights[:n]) // sum(weights) for n in range(len(weights) + 1)]
    return [end - start for start, end in pairwise(ends)]


def parts(order: Any) -> list[Part]:
    """Return the parts of an order, by seller. Their totals are together the order's."""
    lines = order.lines.select_related("partner").order_by("partner__code", "pk")
    sold = [(code, tuple(of)) for code, of in groupby(lines, lambda line: line.partner.code)]
    worth = [sum(fen(line.line_price_incl_tax) for line in of) for _, of in sold]
    rest = shares(fen(order.total_incl_tax) - sum(worth), worth)  # freight, surcharges
    return [Part(f"{order.number}.{c}", c, of, n) for (c, of), n in zip(sold, rest, strict=True)]


def customer(order: Any) -> Actor:
    """Return who ordered: a user, or the guest of this order."""
    return person(f"user.{order.user_id}" if order.user_id else f"guest.{order.number}", "customer")


def seller_or_staff(user: Any, part: Part) -> Actor:
    """Return a user of the dashboard as eldermall knows them: staff, or somebody of a seller."""
    if user.is_staff:
        return person(f"user.{user.pk}", "operations", department="operations")
    own = user.partners.filter(code=part.seller).exists()
    return person(f"user.{user.pk}", "merchant", merchant=part.seller if own else "another")


def placed(m: Moving, order: Any, *, cash: bool) -> None:
    """Place a part with each seller; they are one group."""
    for part in parts(order):
        amounts = [fen(line.line_price_incl_tax) for line in part.lines]
        lines = [
            {"id": str(line.pk), "listing": f"product.{line.product_id}", "quantity": line.quantity,
             "amount": amount} for line, amount in zip(part.lines, amounts, strict=True)
        ]
        m.orders.place(
            part.id, customer=customer(order).id, lines=lines, total=sum(amounts, part.freight),
            freight=part.freight, merchant=part.seller, group_id=str(order.number),
            cash_on_delivery=cash, by=customer(order),
        )


def paid(m: Moving, amount: Decimal, reference: str, of: Sequence[Part]) -> None:
    """Tell each of these parts its own share of one payment."""
    due = [m.orders.get(part.id).worth for part in of]
    for part, share in zip(of, shares(fen(amount), due), strict=True):
        m.orders.paid(part.id, share, f"{reference}.{part.seller}", by=system("payments"))


def shipped(m: Moving, order: Any, event: Any, user: Any) -> None:
    """Send what the event names, each seller's in a parcel of its own; its note is "SF 1001"."""
    courier, _, tracking = event.notes.partition(" ")
    sent = {"parcel": str(event.pk), "courier": courier, "tracking": tracking}
    quantities = {of.line: of.quantity for of in event.line_quantities.all()}
    for part in parts(order):
        if lines := part.of(quantities):
            m.orders.ship(part.id, **sent, lines=lines, by=seller_or_staff(user, part))
    show(m, order)


def taken_to(m: Moving, order: Any, status: str, reason: str, user: Any) -> None:
    """Accept all parts, or cancel them."""
    for part in parts(order):
        by = seller_or_staff(user, part)
        if status == "cancelled":
            m.orders.cancel(part.id, reason=reason, by=by)
            continue
        (agent, *_) = m.assignments.get(part.seller).on_duty(shop.mall.now())
        m.orders.hand_over(part.id, to=agent, by=by)
        m.orders.contact_merchant(part.id, way="phone", by=by)
        m.orders.accept(part.id, by=by)
    show(m, order)


def show(m: Moving, order: Any) -> None:
    """Let Oscar's order say where its parts are, as in "accepted/shipped"."""
    order.status = "/".join(sorted({m.orders.get(part.id).goods or "" for part in parts(order)}))
    order.save(update_fields=["status"])


def returned(m: Moving, case: str, order: Any, quantities: Mapping[Any, int]) -> None:
    """Open a return with each seller of whom something is to go back."""
    for part in parts(order):
        if lines := part.of(quantities):
            m.cases.open(f"{case}.{part.seller}", order=part.id, lines=lines, remedy="return",
                         customer=customer(order).id, by=customer(order))


class Refunds:
    """Pays back through Oscar's source what the mall owes, once, and books it."""

    name = "oscar-refunds"

    @hookimpl
    def eldermall_refund(self, request: RefundRequest) -> RefundAnswer:
        """Pay, and say so to the mall in the same transaction."""
        reference = re.sub("[^A-Za-z0-9._:-]", ".", request.id)

        def pay_back(m: Moving) -> None:
            source = get_model("payment", "Source").objects.select_for_update()
            source = source.get(order__number=request.order.partition(".")[0])
            if not source.transactions.filter(reference=reference).exists():
                source.refund(Decimal(request.amount) / 100, reference)
                m.orders.refunded(request.order, request.amount, reference, case=request.case,
                                  by=system("payments"))

        shop.moved(pay_back)
        return RefundAnswer("accepted", reference)


shop = DjangoMall(lambda: Mall.open(
    settings.ELDERMALL_URL, policy=settings.ELDERMALL_POLICY, plugins=[Refunds()]))

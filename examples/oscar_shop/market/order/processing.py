"""What is done to an order is asked of eldermall, in the transaction of Oscar's own rows."""

from __future__ import annotations

from typing import Any

from oscar.apps.order import exceptions, processing

from eldermall.mall import Moving
from market import mall


class EventHandler(processing.EventHandler):
    """Oscar's pipeline with eldermall in it."""

    @mall.joined(exceptions.InvalidShippingEvent)
    def handle_shipping_event(self, m: Moving, order: Any, *given: Any, **more: Any) -> Any:
        """Ship."""
        event = super().handle_shipping_event(order, *given, **more)
        mall.shipped(m, order, event, self.user)
        return event

    @mall.joined(exceptions.InvalidPaymentEvent)
    def handle_payment_event(self, m: Moving, order: Any, kind: Any, *given: Any) -> Any:
        """Book what came in at the door, of all sellers or of those of some lines."""
        event = super().handle_payment_event(order, kind, *given)
        amount, lines, *_ = (*given, None)
        of = [p for p in mall.parts(order) if lines is None or set(lines) & set(p.lines)]
        mall.paid(m, amount, f"event-{event.pk}", of)
        order.sources.get().debit(amount, f"event-{event.pk}")
        return event

    @mall.joined(exceptions.InvalidOrderStatus)
    def handle_order_status_change(self, m: Moving, order: Any, new: str, **note: Any) -> None:
        """Accept or cancel."""
        mall.taken_to(m, order, new, note.get("note_msg") or "-", self.user)

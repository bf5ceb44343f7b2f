"""The last step of the checkout: the order is written down, and placed with each seller."""

from __future__ import annotations

from typing import Any

from oscar.apps.order.exceptions import UnableToPlaceOrder

from eldermall.mall import Moving
from market import mall
from market.till import views


class PaymentDetailsView(views.PaymentDetailsView):
    """One checkout, an order with each seller: all of it is written, or nothing."""

    @mall.joined(UnableToPlaceOrder)
    def place_order(self, m: Moving, **given: Any) -> Any:
        """Write everything in one transaction."""
        order = super().place_order(**given)
        mall.placed(m, order, cash=self.cash)
        if not self.cash:
            mall.paid(m, order.total_incl_tax, f"card-{order.number}", mall.parts(order))
        return order

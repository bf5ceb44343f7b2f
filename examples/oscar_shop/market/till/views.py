"""The shop's own way of being paid: by card, or in cash at the door."""

from __future__ import annotations

from typing import Any

from oscar.apps.checkout import views
from oscar.core.loading import get_model


class PaymentDetailsView(views.PaymentDetailsView):
    """Takes the visitor's word for it. A real shop asks its payment service."""

    @property
    def cash(self) -> bool:
        """Whether it is paid at the door."""
        return bool(self.request.POST.get("pay") == "cod")

    def handle_payment(self, order_number: str, total: Any, **_: Any) -> None:
        """Note how it was paid."""
        name = "cash on delivery" if self.cash else "card"
        kind, _ = get_model("payment", "SourceType").objects.get_or_create(name=name)
        taken = {"amount_allocated" if self.cash else "amount_debited": total.incl_tax}
        source = get_model("payment", "Source")
        self.add_payment_source(
            source(source_type=kind, currency=total.currency, reference=order_number, **taken)
        )

"""Oscar's checkout, with a way of being paid, and without eldermall."""

from __future__ import annotations

from oscar.apps.checkout import apps


class CheckoutConfig(apps.CheckoutConfig):
    """Takes its views from this folder first."""

    name = "market.till"

"""Oscar's checkout, with ours over it."""

from __future__ import annotations

from oscar.apps.checkout import apps


class CheckoutConfig(apps.CheckoutConfig):
    """Takes its views from this folder first."""

    name = "market.checkout"

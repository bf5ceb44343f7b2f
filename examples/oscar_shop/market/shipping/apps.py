"""Oscar's shipping, with our freight over it."""

from __future__ import annotations

from oscar.apps.shipping import apps


class ShippingConfig(apps.ShippingConfig):
    """Takes its classes from this folder first."""

    name = "market.shipping"

"""Oscar's orders, with our event handler over it."""

from __future__ import annotations

from oscar.apps.order import apps


class OrderConfig(apps.OrderConfig):
    """Takes its classes from this folder first."""

    name = "market.order"

"""Oscar's dashboard, with our page of an order over it."""

from __future__ import annotations

from oscar.apps.dashboard import apps


class DashboardConfig(apps.DashboardConfig):
    """Takes its views from this folder first."""

    name = "market.dashboard"

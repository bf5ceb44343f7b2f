"""What the shop does at start."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.signals import request_finished


class ShopConfig(AppConfig):
    """The shop."""

    name = "shop"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have refusals written after each request: Django tells nobody of a rollback."""
        from shop.mall import settle

        request_finished.connect(settle)

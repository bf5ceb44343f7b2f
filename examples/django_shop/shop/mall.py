"""The mall of this process, and who acts in it."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from eldermall import Actor, Mall, person
from eldermall.adapters.django import DjangoMall


def _open() -> Mall:
    from ledger import storage

    return Mall.open(
        "django:default", policy=settings.ELDERMALL_POLICY, plugins=[storage], make=False
    )


sunny = DjangoMall(_open, host=lambda connection: connection)  # the ledger joins Django's own
moving = sunny.moving


def actor(user: Any) -> Actor:
    """Return a user of the shop as eldermall knows them."""
    if user.is_staff:
        return person(user.username, "operations", department="operations")
    return person(user.username, "customer")

"""The shop's own rows. What may happen to an order, and when, stands in eldermall."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class Product(models.Model):
    """Something to buy."""

    code = models.CharField(max_length=64, primary_key=True)
    name_zh = models.CharField(max_length=100)
    name_en = models.CharField(max_length=100)
    price = models.PositiveIntegerField(help_text="in fen / 以分计")

    @property
    def yuan(self) -> str:
        """The price as people read it."""
        return yuan(self.price)


class Order(models.Model):
    """An order as the shop keeps it, under the id that it has in eldermall."""

    id = models.CharField(max_length=64, primary_key=True)
    customer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    quantity = models.PositiveIntegerField(default=1)
    total = models.PositiveIntegerField()
    paid = models.BooleanField(default=False)
    tracking = models.CharField(max_length=64, blank=True)

    @property
    def yuan(self) -> str:
        """The total as people read it."""
        return yuan(self.total)

    @property
    def line(self) -> dict[str, Any]:
        """Its only line as eldermall takes it."""
        code = self.product.code
        return {"id": code, "listing": code, "quantity": self.quantity, "amount": self.total}


def yuan(fen: int) -> str:
    """Return an amount as people read it."""
    return f"{fen // 100}.{fen % 100:02}"

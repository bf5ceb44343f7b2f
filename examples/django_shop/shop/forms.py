"""What customers fill in."""

from __future__ import annotations

from django import forms

from shop.models import Product


class Wish(forms.Form):
    """A product and how many of it."""

    product = forms.ModelChoiceField(Product.objects)
    quantity = forms.IntegerField(min_value=1, max_value=99)

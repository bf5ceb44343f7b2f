"""Three-day shipping: S19 article 11 (1)."""

from __future__ import annotations

import pytest

from eldermall import Mall, Refused
from tests import shop


def test_an_unpaid_order_is_not_shipped(mall: Mall) -> None:
    shop.place(mall)
    shop.accept(mall)
    with pytest.raises(Refused) as refused:
        shop.ship(mall)
    assert refused.value.decision.rules == ("shipping.paid-first@1",)
    assert refused.value.decision.clauses == ("S19-11-1d",)

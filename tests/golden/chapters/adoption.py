"""Taking over what a shop has already: listings, orders, complaints and cases."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests import shop
from tests.golden.chapters.goods import sold
from tests.golden.life import Life

ORDER: dict[str, Any] = {
    "goods": "accepted", "payment": "paid", "kind": "goods", "merchant": "tea-house",
    "customer": "grandma-li", "group_id": None, "channel": "app", "currency": "CNY", "freight": 0,
    "total": 9900, "cash_on_delivery": False, "received": 9900,
    "lines": [{"id": "tea", "listing": "green-tea", "ordered": 2, "amount": 9900}],
    "created_at": "2026-03-01T09:00:00+08:00", "paid_at": "2026-03-01T09:05:00+08:00",
}
SERVICE: dict[str, Any] = ORDER | {
    "kind": "service", "goods": None, "service": "appointed",
    "lines": [{"id": "feet", "listing": "foot-care", "ordered": 1, "amount": 9900}],
    "appointment": {
        "when": "2026-03-04T15:00:00+08:00", "place": "at home · 家里",
        "agreed_at": "2026-03-01T10:00:00+08:00",
    },
}
LISTING: dict[str, Any] = {
    "work": "published", "display": "shown", "merchant": "tea-house", "mode": "merchant_self",
    "assistance": None, "kind": "goods", "channel": "app", "shown": 1,
    "versions": [{
        "number": 1, "content": shop.CONTENT, "author": "zhao", "authors": ["zhao"],
        "drafted_at": "2026-01-01T09:00:00+08:00",
    }],
}
COMPLAINT: dict[str, Any] = {
    "state": "received", "customer": "grandma-li", "channel": "app", "words": "凉了 · it was cold",
}
CASE: dict[str, Any] = {
    "state": "contacted", "order": "A1", "customer": "grandma-li", "channel": "app",
    "lines": {"tea": 1}, "remedy": "return", "words": "damp", "listings": {"tea": "green-tea"},
}


def adoption(life: Life) -> None:
    """Take over each kind, twice, wrongly, late, and with stock that isn't enough."""
    shop.staff(life)
    _stocks(life)
    _orders(life)
    _others(life)
    life.sweep()
    life.sweep(days=2)
    shop.ship(life, "A1", lines={"tea": 2}, parcel="p1")
    life.complaints.settle_opinion("K1", text="pay", by=shop.HEAD)
    life.complaints.record("K2", subject="cold", remedy="none", etiquette="v1", by=shop.SERVICE)
    life.listings.edit("green-tea", content=shop.CONTENT, by=shop.MERCHANT)
    life.cases.record(
        "R1", ground="damaged", item_state="unused", wish="a new one", by=shop.SERVICE
    )
    life.sweep(days=3)
    life.end()


def _stocks(life: Life) -> None:
    for listing in ("green-tea", "honey"):
        life.stock.open(listing, warn_at=1, merchant="tea-house", by=shop.OPERATIONS)
        life.stock.receive(listing, lot="L1", quantity=6, source="note 1", by=shop.OPERATIONS)
    life.capacity.open("foot-care", merchant="tea-house", by=shop.OPERATIONS)
    life.capacity.set_day("foot-care", day=date(2026, 3, 4), total=1, by=shop.MERCHANT)


def _orders(life: Life) -> None:
    adopt, no = life.orders.adopt, life.no.orders.adopt
    by = {"by": shop.OPERATIONS}
    no("A1", ORDER, by=shop.SERVICE)
    no("A1", ORDER | {"total": -1}, **by)
    no("A1", ORDER | {"colour": "red"}, **by)
    no("A1", {k: v for k, v in ORDER.items() if k != "customer"}, **by)
    no("A1", ORDER | {"created_at": "yesterday"}, **by)
    no("A1", ORDER | {"created_at": "2026-04-01T09:00:00+08:00"}, **by)
    no("A1", ORDER | {"goods": "lost"}, **by)
    no("A1", ORDER | {"goods": "shipped"}, **by)
    no("A1", ORDER | {"service": "done"}, **by)
    no("A1", "A1", **by)
    adopt("A1", ORDER, **by, key="import-1")
    adopt("A1", ORDER, **by, key="import-1")
    adopt("A1", ORDER, **by)
    no("A1", ORDER | {"channel": "wechat"}, **by)
    adopt("A2", ORDER | {"lines": [ORDER["lines"][0] | {"ordered": 5}]}, by=shop.HEAD)
    unknown = {k: v for k, v in ORDER.items() if k not in ("created_at", "paid_at")}
    adopt("A3", unknown, by=shop.LEADER)
    adopt("A4", ORDER | {"created_at": "2026-02-01T09:00:00+08:00",
                         "paid_at": "2026-02-01T09:00:00+08:00"}, **by)
    done = life.ago(hours=30)
    parcel = {
        "id": "p", "courier": "SF", "tracking": "1", "lines": {"tea": 2}, "shipped_at": done,
        "delivered_at": done, "events": [{
            "status": "delivered", "at": done, "code": "80", "reference": "", "text": "her son",
            "location": "the gate",
        }],
    }
    adopt("A5", ORDER | {
        "goods": "completed", "lines": [ORDER["lines"][0] | {"shipped": 2}], "parcels": [parcel],
        "completed_at": done, "created_at": life.ago(hours=40), "paid_at": life.ago(hours=39),
    }, **by)
    adopt("A7", ORDER | {
        "goods": "cancelled", "lines": [ORDER["lines"][0] | {"cancelled": 2}],
    }, **by)
    life.refunds.ask("A7.1", **by)
    life.orders.refunded("A7", 9900, "back-A7", by=shop.PAYMENTS)
    adopt("S1", SERVICE, **by)
    adopt("S2", SERVICE, **by)
    adopt("S3", SERVICE | {"service": "submitted", "payment": "unpaid", "appointment": None,
                           "received": 0, "paid_at": None}, **by)
    sold(life, "A6", payment="unpaid", received=0, paid_at=None)


def _others(life: Life) -> None:
    by = {"by": shop.OPERATIONS}
    life.no.listings.adopt("green-tea", LISTING | {"shown": 2}, **by)
    life.no.listings.adopt("green-tea", LISTING | {"display": "hidden"}, **by)
    life.listings.adopt("green-tea", LISTING, **by)
    life.listings.adopt("green-tea", LISTING, **by)
    life.no.listings.adopt("green-tea", LISTING | {"channel": "wechat"}, **by)
    life.listings.adopt("jam", LISTING | {
        "work": "submitted", "display": "hidden", "shown": None,
        "submitted_at": life.ago(days=9), "created_at": life.ago(days=90),
    }, **by)
    life.complaints.adopt("K1", COMPLAINT | {"created_at": life.ago(days=9)}, **by)
    upwards = COMPLAINT | {
        "state": "escalated", "created_at": life.ago(days=9), "escalated_at": life.ago(days=2),
        "escalated_by": "system", "holder": "head.operations",
        "contacts": [{"by": "chen", "at": life.ago(days=3), "way": "phone", "note": "angry"}],
    }
    life.complaints.adopt("K2", upwards, **by)
    life.complaints.adopt("K2", upwards | {"words": "other words", "contacts": []}, **by)
    life.no.complaints.adopt("K1", COMPLAINT | {"channel": "fax"}, **by)
    life.no.complaints.adopt("K3", COMPLAINT | {"words": None}, **by)
    life.cases.adopt("R1", CASE | {"contacted_at": life.ago(hours=3)}, **by)
    life.no.cases.adopt("R1", CASE | {"remedy": "exchange"}, **by)
    life.cases.adopt("R2", CASE | {
        "state": "approved", "decided_at": life.ago(days=5), "created_at": life.ago(days=9),
        "remedy": "refund_only", "due": 100, "merchant": "tea-house",
        "holds": [{"reason": "away", "by": "chen", "since": life.ago(days=5),
                   "until": life.ago(days=4), "ended": life.ago(days=4)}],
    }, by=shop.LEADER)
    life.no.cases.adopt("R3", CASE, by=shop.CUSTOMER)

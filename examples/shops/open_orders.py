"""Write out the shop's open orders as eldermall adopts them, a line of JSON each."""

import json
import sys
from datetime import UTC, datetime

from sqlalchemy import create_engine, text

GOODS = {"placed": "submitted", "accepted": "accepted"}
OPEN = "SELECT * FROM orders WHERE state <> 'shipped' ORDER BY id"


def moment(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


engine = create_engine(sys.argv[1])
with engine.connect() as c:
    for order in c.execute(text(OPEN)).mappings():
        code, total, paid = order["product"], order["total"], order["paid_at"] is not None
        as_it_stands = {
            "id": order["id"],
            "kind": "goods",
            "goods": GOODS[order["state"]],
            "payment": "paid" if paid else "unpaid",
            "customer": order["customer"],
            "merchant": None,
            "group_id": None,
            "channel": "app",
            "currency": "CNY",
            "freight": 0,
            "total": total,
            "received": total if paid else 0,
            "cash_on_delivery": False,
            "lines": [{"id": code, "listing": code, "ordered": 1, "amount": total}],
            "created_at": moment(order["placed_at"]),
            "paid_at": moment(order["paid_at"]),
        }
        print(json.dumps(as_it_stands))
engine.dispose()

"""What may be ordered, and how it is to be handed over.   S19 article 9 (3), article 11 (2).

What has not passed review isn't shown, so it isn't sold either; a customer pays no more than was
shown. Operations tracks every order, and with it how goods reach an old person: at the door, in a
locker, at a station, with a neighbour. Decided where the texts are silent: a line names a listing
that is on display, of the order's merchant; where it says which version and price the customer was
shown, they are those on display, or the price is lower; whether a listing that the mall doesn't
know may be sold is the host's reading; the ways of delivery are names that the host sets, and one
that is agreed is one of them. That a locker or a station needs the customer's consent is said to
stand in the rules on the express market of 2024 (a secondary source, unchecked).
"""

from __future__ import annotations

from typing import Any

from eldermall.engine.clock import Clock
from eldermall.engine.rule import Context, Fact, Rule, looked_up_all, set_by
from eldermall.engine.settings import Setting
from eldermall.rooms.orders import Orders
from eldermall.texts import Text

UNKNOWN = Setting(
    "ordering.unknown-listings",
    Text("商城未登记的商品能否下单", "whether a listing that the mall doesn't know may be ordered"),
    "S19-09-3b",
    "choice",
    choices=("refused", "taken"),
    added="2026-12-01",
)
WAYS = Setting(
    "ordering.delivery-ways",
    Text("可约定的交付方式", "the ways of delivery that may be agreed"),
    "S19-11-2a",
    "names",
    suggestion=("door", "locker", "station", "neighbour"),
    added="2026-12-01",
)


def _listings(c: Context) -> list[str]:
    return sorted({line.listing for line in c.args.lines})


def _shown(c: Context, listings: Any) -> dict[str, Any]:
    """Return what is on display of each listing that is ordered; None if nothing is."""
    shown: dict[str, Any] = {}
    for id in _listings(c):
        listing = listings.get(id)
        if listing is None:
            continue
        content = listing.on_display
        shown[id] = None if content is None else {
            "merchant": listing.merchant, "version": listing.shown, "price": content.price,
            "currency": content.currency,
        }
    return shown


SHOWN = looked_up_all(
    "order.listings-shown", "map", Text("所购商品的展示情况", "what is on display of the listings"),
    "listing", _listings, _shown,
)
ORDERED = Fact(
    "order.listings-ordered", "list", "argument", Text("所购商品", "the listings ordered"),
    _listings,
)
CLAIMED = Fact(
    "order.lines-as-shown", "list", "argument",
    Text("各行所示的版本与单价", "version and price that each line was shown with"),
    lambda c: [
        {"listing": n.listing, "version": n.version, "price": n.unit_price}
        for n in c.args.lines if n.version is not None or n.unit_price is not None
    ],
)
MERCHANT = Fact(
    "order.merchant", "text", "argument", Text("卖方", "the seller"), lambda c: c.args.merchant
)
CURRENCY = Fact(
    "order.currency", "text", "argument", Text("币种", "the currency"), lambda c: c.args.currency
)
WAY = Fact(
    "order.delivery-way", "text", "argument", Text("约定的交付方式", "the agreed way of delivery"),
    lambda c: c.args.delivery,
)


def _on_display(
    shown: dict[str, Any], ordered: list[str], merchant: str | None, unknown: str
) -> bool:
    known = all(id in shown or unknown == "taken" for id in ordered)
    return known and all(
        listing is not None and listing["merchant"] == merchant for listing in shown.values()
    )


def _as_shown(shown: dict[str, Any], claimed: list[dict[str, Any]], currency: str) -> bool:
    for line in claimed:
        listing = shown.get(line["listing"])
        if listing is None:
            continue
        if line["version"] not in (None, listing["version"]):
            return False
        price = line["price"]
        if price is not None and (listing["currency"], True) != (
            currency, price <= listing["price"]
        ):
            return False
    return True


ON_DISPLAY = Rule(
    id="ordering.on-display",
    label=Text("只售正在展示的、该卖方的商品", "what is sold is on display, and of that seller"),
    clauses=("S19-09-3b",),
    guards=Orders.place.guard,
    needs=(SHOWN, ORDERED, MERCHANT, set_by(UNKNOWN)),
    check=_on_display,
    reason=Text(
        "所购商品 {1} 中有未登记、未在展示或不属于该卖方的",
        "of what is ordered ({1}) something isn't known, isn't on display, or isn't that seller's",
    ),
    settings=(UNKNOWN,),
)

# It reads no setting, and is off with the other rule under policies that came before both.
AS_SHOWN = Rule(
    id="ordering.as-shown",
    label=Text("版本与价格以展示为准，价格只可更低", "version and price are as shown, or less"),
    clauses=("S19-09-3b",),
    guards=Orders.place.guard,
    needs=(SHOWN, CLAIMED, CURRENCY),
    check=_as_shown,
    reason=Text(
        "版本已变更，或价格高于展示的价格",
        "the version has changed, or the price is above the one that is shown",
    ),
    settings=(UNKNOWN,),
)

WAY_KNOWN = Rule(
    id="ordering.delivery-way-known",
    label=Text("约定的交付方式须为政策所列", "an agreed way of delivery is one of the policy's"),
    clauses=("S19-11-2a",),
    guards=Orders.place.guard,
    needs=(WAY, set_by(WAYS)),
    check=lambda way, ways: way is None or way in ways,
    reason=Text("交付方式 {0} 不在政策所列之内：{1}", "{0} is none of the ways of delivery: {1}"),
    settings=(WAYS,),
)

RULES: tuple[Rule, ...] = (ON_DISPLAY, AS_SHOWN, WAY_KNOWN)
CLOCKS: tuple[Clock, ...] = ()

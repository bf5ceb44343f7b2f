"""The terms on which returns are unconditional: settings, fixed with an order's first case."""

from __future__ import annotations

from eldermall.engine.rule import Context
from eldermall.engine.settings import Setting
from eldermall.rooms.orders.order import ReturnTerms
from eldermall.texts import Text

WINDOW = Setting(
    "aftersales.window",
    Text("多久之内的退换货无条件办理", "how long returns and exchanges are unconditional"),
    "S03-3-3c",
    "duration",
    suggestion="7d",
)
WINDOW_START = Setting(
    "aftersales.window-start",
    Text("该期限自何时起算", "when that time begins"),
    "S03-3-3c",
    "choice",
    choices=("completed", "delivered"),
)
GROUNDS = Setting(
    "aftersales.grounds",
    Text("期限内无须追问的理由", "the grounds taken within it without further question"),
    "S03-3-3c",
    "names",
    suggestion=("changed_mind", "not_as_expected"),
)
ITEM_STATES = Setting(
    "aftersales.item-states",
    Text("可接受的商品状态", "the states in which goods are taken back"),
    "S03-3-3c",
    "names",
    suggestion=("unopened", "unused"),
)
FAULT_GROUNDS = Setting(
    "aftersales.fault-grounds",
    Text(
        "属卖方责任的理由，不问期限与商品状态",
        "the grounds that are the seller's fault: neither time nor state of the goods matters",
    ),
    "S03-3-3c",
    "names",
    suggestion=("damaged", "wrong_item", "missing", "quality"),
)
FREIGHT = Setting(
    "aftersales.freight",
    Text(
        "属卖方责任且全部退回的，运费是否一并退还",
        "whether freight goes back with goods that were faulty or wrong and all came back",
    ),
    "S03-3-3c",
    "choice",
    choices=("refunded", "kept"),
    added="2026-12-01",
    gates=False,
)
TERMS = (WINDOW, WINDOW_START, GROUNDS, ITEM_STATES, FAULT_GROUNDS)
"""The settings that say which returns and exchanges are unconditional."""


def terms(c: Context) -> ReturnTerms:
    """Return the terms that a case meets: those of the policy at the order's submission.

    If that one had none, they are today's.
    """
    rules = c.bound if all(s.key in c.bound.values for s in TERMS) else c.settings
    window, start, grounds, item_states, fault_grounds = (rules.values[s.key] for s in TERMS)
    return ReturnTerms(
        window=window, start=start, grounds=grounds, item_states=item_states,
        fault_grounds=fault_grounds, freight=rules.values.get(FREIGHT.key) == "refunded",
    )

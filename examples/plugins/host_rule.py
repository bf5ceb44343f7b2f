"""A rule of a host's own, with its clause: a family may set how much a customer spends at once."""

from collections.abc import Iterable, Mapping
from typing import Any

from eldermall import Text, hookimpl
from eldermall.contracts.facts import WantedMove
from eldermall.engine.rule import Fact, Rule, host_fact
from eldermall.rooms.orders import Orders

TOTAL = Fact("order.total", "number", "argument", Text("总额", "total"), lambda c: c.args.total)
LIMIT = host_fact("family.limit", "number", Text("家属约定的限额", "the family's limit"))

WITHIN_LIMIT = Rule(
    id="house.within-family-limit",
    label=Text("单笔订单不超过家属约定的限额", "an order stays within the family's limit"),
    clauses=("HOUSE-1",),
    guards=Orders.place.guard,
    needs=(TOTAL, LIMIT),
    check=lambda total, limit: total <= limit,
    reason=Text("总额 {0} 超过限额 {1}", "the total {0} is above the limit {1}"),
)

LIMITS = {"li": 20_000, "wang": 50_000}


@hookimpl
def eldermall_rules() -> Iterable[Rule]:
    return [WITHIN_LIMIT]


@hookimpl
def eldermall_facts(move: WantedMove) -> Mapping[str, Any]:
    if LIMIT.name not in move.facts:
        return {}
    return {LIMIT.name: LIMITS.get(move.args["customer"])}

"""Hand-over of an order.   S19 article 10 (2), article 11 (1); S03 part 3 (1).

Once an order is submitted, customer service hands it to the field agent who deals with that
merchant, and the agent contacts the merchant; operations answers for it that the merchant is
contacted promptly, whoever holds the order. Decided where the text is silent: each step has a
clock of its own and operations one from submission that no hand-over resets; acceptance follows a
recorded contact; own goods have no merchant, so they go to whoever fulfils them; hand-over does
not wait for payment. The article gives no number, so all limits are set by the host.
"""

from __future__ import annotations

from typing import Any

from eldermall.engine.clock import Clock
from eldermall.engine.rule import ACTOR_ID, ACTOR_ROLE, Context, Fact, Rule, looked_up
from eldermall.engine.settings import Setting
from eldermall.rooms.orders import Order, Orders
from eldermall.rooms.orders.states import Begun
from eldermall.rules.notices import LADDER
from eldermall.texts import Text

HAND_OVER_LIMIT = Setting(
    "handover.limit",
    Text("提交后多久内须转交外勤", "how soon after submission an order is handed over"),
    "S19-10-2a",
    "duration",
    suggestion="4h",
)
CONTACT_LIMIT = Setting(
    "handover.contact-limit",
    Text("转交后多久内须联系商家", "how soon after hand-over the merchant is contacted"),
    "S19-10-2b",
    "duration",
    suggestion="8h",
)
OVERALL_LIMIT = Setting(
    "handover.overall-limit",
    Text("订单产生后多久内须联系商家", "how soon after submission the merchant is contacted"),
    "S19-11-1a",
    "duration",
    suggestion="12h",
)
ACCEPTANCE_LIMIT = Setting(
    "handover.acceptance-limit",
    Text("联系后多久内商家须接单或拒单", "how soon after contact the merchant accepts or declines"),
    "S03-3-1a",
    "duration",
    suggestion="24h",
)

SELF_OPERATED = Fact(
    "order.self-operated", "flag", "record", Text("公司自营", "the company's own goods"),
    lambda c: c.record.self_operated,
)
HANDED_TO = Fact(
    "order.handed-to", "text", "record", Text("转交给", "handed to"), lambda c: c.record.handed_to
)
TO = Fact(
    "hand-over.to", "text", "argument", Text("接手人", "who takes over"), lambda c: c.args.to
)
CONTACTED_AT = Fact(
    "order.merchant-contacted-at", "moment", "record",
    Text("联系商家的时间", "when the merchant was contacted"),
    lambda c: c.record.merchant_contacted_at,
)


def _agents(c: Context, assignment: Any) -> list[str]:
    return [] if assignment is None else assignment.on_duty(c.at)


AGENTS = looked_up(
    "merchant.agents", "list", Text("对接该商家的外勤", "the merchant's field agents"),
    "assignment", lambda c: c.record.merchant, _agents,
)

AGENT_OF_MERCHANT = Rule(
    id="handover.agent-of-that-merchant",
    label=Text("须转交给对接该商家的外勤", "an order goes to that merchant's field agent"),
    clauses=("S19-10-2a",),
    guards=Orders.hand_over.guard,
    needs=(TO, AGENTS, SELF_OPERATED),
    check=lambda to, agents, own: own or to in agents,
    reason=Text("{0} 不是对接该商家的外勤", "{0} is not a field agent of that merchant"),
)

BY_THE_HOLDER = Rule(
    id="handover.contact-by-the-agent",
    label=Text("由接手的外勤联系商家", "the agent who holds the order contacts the merchant"),
    clauses=("S19-10-2b",),
    guards=Orders.contact_merchant.guard,
    needs=(ACTOR_ID, ACTOR_ROLE, HANDED_TO, SELF_OPERATED),
    check=lambda actor, role, holder, own: not own and (role == "operations" or actor == holder),
    reason=Text(
        "订单由 {2} 接手，{0} 不能代为联系（自营订单无商家可联系）",
        "the order is held by {2}, not by {0} (own goods have no merchant to contact)",
    ),
)

CONTACT_FIRST = Rule(
    id="handover.contact-before-acceptance",
    label=Text("联系商家之后方可接单", "acceptance follows a recorded contact"),
    clauses=("S19-10-2b",),
    guards=Begun.accepted.entered,
    needs=(CONTACTED_AT, SELF_OPERATED),
    check=lambda contacted, own: own or contacted is not None,
    reason=Text("尚无联系商家的记录", "no contact with the merchant is on record"),
)

_OPEN = ("submitted", "handed_over")


def _before(states: tuple[str, ...], since: str) -> Any:
    def runs(order: Order) -> dict[str, int]:
        start = getattr(order, since)
        return {"": start} if order.track in states and start is not None else {}

    return runs


def _merchant_waits(order: Order) -> dict[str, int]:
    if order.self_operated or order.track not in _OPEN:
        return {}
    return {"": order.created_at}


def _contact_waits(order: Order) -> dict[str, int]:
    if order.self_operated or order.track != "handed_over" or order.handed_over_at is None:
        return {}
    return {"": order.handed_over_at}


HAND_OVER = Clock(
    id="handover.in-time",
    label=Text("及时转交外勤", "handed over in time"),
    clauses=("S19-10-2a",),
    kind="order",
    runs=_before(("submitted",), "created_at"),
    met=lambda order, part: order.handed_over_at is not None,
    limit=HAND_OVER_LIMIT,
    starts=Text("订单提交", "the order is submitted"),
    stops=Text("转交", "it is handed over"),
    told=("customer_service", "operations"),
    ladder=LADDER,
)

CONTACT = Clock(
    id="handover.contact-in-time",
    label=Text("外勤及时联系商家", "the agent contacts the merchant in time"),
    clauses=("S19-10-2b",),
    kind="order",
    runs=_contact_waits,
    met=lambda order, part: order.merchant_contacted_at is not None,
    limit=CONTACT_LIMIT,
    starts=Text("转交", "the order is handed over"),
    stops=Text("联系商家", "the merchant is contacted"),
    told=("field_agent", "operations"),
    ladder=LADDER,
)

OVERALL = Clock(
    id="handover.operations-in-time",
    label=Text("运营及时对接商家", "operations sees to it that the merchant is contacted in time"),
    clauses=("S19-11-1a",),
    kind="order",
    runs=_merchant_waits,
    met=lambda order, part: order.merchant_contacted_at is not None,
    limit=OVERALL_LIMIT,
    starts=Text("订单提交，转交不重新计时", "the order is submitted; no hand-over resets it"),
    stops=Text("联系商家", "the merchant is contacted"),
    told=("operations",),
    ladder=LADDER,
)

ACCEPTANCE = Clock(
    id="handover.acceptance-in-time",
    label=Text("商家及时接单或拒单", "the merchant accepts or declines in time"),
    clauses=("S19-11-1a", "S03-3-1a"),
    kind="order",
    runs=_before(("merchant_contacted",), "merchant_contacted_at"),
    met=lambda order, part: order.track in ("accepted", "shipped", "declined"),
    limit=ACCEPTANCE_LIMIT,
    starts=Text("联系商家", "the merchant is contacted"),
    stops=Text("接单或拒单", "the merchant accepts or declines"),
    told=("merchant", "operations"),
    ladder=LADDER,
)

RULES: tuple[Rule, ...] = (AGENT_OF_MERCHANT, BY_THE_HOLDER, CONTACT_FIRST)
CLOCKS: tuple[Clock, ...] = (HAND_OVER, CONTACT, OVERALL, ACCEPTANCE)

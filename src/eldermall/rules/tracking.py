"""Tracking goods, and urging.   S19 article 3, article 11 (2).

Operations tracks every goods order in time and, where necessary, presses the courier, and the
merchant too. Decided where the text is silent: every parcel is tracked, none is sampled; silence
longer than the policy's interval is a finding in itself, and so is a parcel that hasn't arrived in
the policy's time; either breach, and every breach of a merchant's own limit, opens an urge by
itself, one for a parcel and one for a merchant over an order at a time; it is repeated by itself
until the other side answers, or what they are pressed for has come; only what is on its way is
urged, and a parcel that is lost, refused, returned or cancelled isn't any more. The article gives
no number, so all limits are set by the host.
"""

from __future__ import annotations

from typing import Any

from eldermall.engine.clock import Clock
from eldermall.engine.rule import MISSING, Context, Rule, looked_up
from eldermall.engine.settings import Setting
from eldermall.rooms.orders.order import Order, Parcel
from eldermall.rooms.urging import Urge, Urges, addressee
from eldermall.rules.notices import LADDER
from eldermall.texts import Text

SILENCE_LIMIT = Setting(
    "tracking.silence-limit",
    Text("包裹多久没有动态即须过问", "how long a parcel may be silent"),
    "S19-11-2a",
    "duration",
    suggestion="48h",
)
DELIVERY_LIMIT = Setting(
    "tracking.delivery-limit",
    Text("发出后多久内应送达", "how soon after it left a parcel arrives"),
    "S19-11-2c",
    "duration",
    suggestion="7d",
)
ANSWER_LIMIT = Setting(
    "tracking.urge-answer-limit",
    Text("催办后多久未回复即再次催办", "how soon an urge is answered before it is repeated"),
    "S19-11-2d",
    "duration",
    suggestion="24h",
)

_ENDED = (
    "delivered", "returned", "lost", "refused", "failed", "completed", "archived", "declined",
    "cancelled",
)


def _whom(c: Context, order: Any) -> Any:
    return MISSING if order is None else addressee(c.args.target, c.args.parcel, order)


def _state(c: Context, order: Any) -> Any:
    if order is None:
        return MISSING
    parcel = None if c.args.parcel is None else order.parcel(c.args.parcel)
    if parcel is not None and not parcel.on_its_way:
        return "delivered" if parcel.ended is None else parcel.ended.how
    return order.track


ADDRESSEE = looked_up(
    "urge.addressee", "text", Text("催办对象", "whom to press"), "order",
    lambda c: c.args.order, _whom,
)
STATE = looked_up(
    "urge.order-state", "text", Text("包裹或订单的状态", "the parcel's or order's state"), "order",
    lambda c: c.args.order, _state,
)

SOMEBODY_TO_PRESS = Rule(
    id="tracking.urge-somebody",
    label=Text("催办须有明确的商家或快递公司", "an urge goes to the order's merchant or courier"),
    clauses=("S19-11-2c", "S19-11-2d"),
    guards=Urges.open.guard,
    needs=(ADDRESSEE,),
    check=lambda whom: whom is not None,
    reason=Text(
        "该订单没有这样的商家或包裹", "the order has no such merchant, or no such parcel"
    ),
)

STILL_OPEN = Rule(
    id="tracking.urge-while-open",
    label=Text(
        "只催办仍在途的包裹和仍在进行的订单", "only a parcel or order still under way is urged"
    ),
    clauses=("S19-11-2c", "S19-11-2d"),
    guards=Urges.open.guard,
    needs=(STATE,),
    check=lambda state: state not in _ENDED,
    reason=Text("包裹或订单已送达，或订单已结束", "it has arrived, or the order has ended"),
)


def _silent(order: Order) -> dict[str, int]:
    return {parcel.id: parcel.heard_at for parcel in _on_their_way(order)}


def _travelling(order: Order) -> dict[str, int]:
    return {parcel.id: parcel.shipped_at for parcel in _on_their_way(order)}


def _on_their_way(order: Order) -> list[Parcel]:
    if order.goods not in ("accepted", "shipped"):
        return []
    return [parcel for parcel in order.parcels if parcel.on_its_way]


def _parcel(order: Order, id: str) -> Parcel:
    return next(parcel for parcel in order.parcels if parcel.id == id)  # none ever goes


def _next_news(order: Order, part: str, since: int) -> int | None:
    parcel = _parcel(order, part)
    later = [e.at for e in parcel.events if e.struck is None and e.at > since]
    return min(later, default=parcel.delivered_at)


def _arrived(order: Order, part: str, since: int) -> int | None:
    parcel = _parcel(order, part)
    return parcel.delivered_at if parcel.ended is None else parcel.ended.at


def _has_arrived(order: Order, part: str) -> bool:
    return _parcel(order, part).delivered_at is not None


def _unanswered(urge: Urge) -> dict[str, int]:
    return {"": urge.asked[-1].at} if urge.state == "waiting" else {}


SILENCE = Clock(
    id="tracking.silence",
    label=Text("包裹不得长时间没有动态", "no parcel is silent for long"),
    clauses=("S19-03c", "S19-11-2a"),
    kind="order",
    runs=_silent,
    met=lambda order, part: True,
    done_at=_next_news,
    limit=SILENCE_LIMIT,
    starts=Text("发出，以及每一条新的动态", "it leaves, and each new event"),
    stops=Text("新的动态，送达，或包裹终止", "a new event, arrival, or the parcel's end"),
    told=("operations",),
    ladder=LADDER,
)

DELIVERED = Clock(
    id="tracking.delivered-in-time",
    label=Text("包裹按时送达", "a parcel arrives in time"),
    clauses=("S19-11-2c",),
    kind="order",
    runs=_travelling,
    met=_has_arrived,
    done_at=_arrived,
    limit=DELIVERY_LIMIT,
    starts=Text("发出", "it leaves"),
    stops=Text("送达，或包裹终止", "it arrives, or ends otherwise"),
    told=("operations",),
    ladder=LADDER,
)

ANSWERED = Clock(
    id="tracking.urge-answered",
    label=Text("催办须得到回复，否则再次催办", "an urge is answered, else repeated"),
    clauses=("S19-11-2c", "S19-11-2d"),
    kind="urge",
    runs=_unanswered,
    met=lambda urge, part: urge.state == "answered",
    limit=ANSWER_LIMIT,
    starts=Text("催办，以及每一次再催", "it is opened, and each time it is repeated"),
    stops=Text("登记对方的回复", "the other side's answer is noted"),
    told=("operations", "department_head"),
    on_breach="repeat",
    binds="now",
)

RULES: tuple[Rule, ...] = (SOMEBODY_TO_PRESS, STILL_OPEN)
CLOCKS: tuple[Clock, ...] = (SILENCE, DELIVERED, ANSWERED)

"""Services.   S19 article 11 (1), (2).

For a service order operations follows up so that the merchant begins promptly, and tracks its
progress to the end. Decided where the text is silent: the three days of goods don't apply, but
limits of its own do, from payment to an appointment, from the appointed time to the start, and to
the end; nothing begins unpaid or without an appointment; who served, when, where and what proves
it is on record; it is completed when the customer or a relative named on the order confirms, or
when the customer has let the policy's time pass in silence, which an open after-sale case isn't,
nor money that isn't collected.
The article gives no number, so all limits are set by the host.
"""

from __future__ import annotations

from eldermall.engine.clock import Clock
from eldermall.engine.rule import ACTOR_ID, ACTOR_ROLE, AT, Fact, Rule
from eldermall.engine.settings import Setting
from eldermall.rooms.orders import Order, Orders
from eldermall.rooms.orders.states import BEFORE_SERVICE
from eldermall.rules.notices import LADDER
from eldermall.rules.shipping import CASH, PAID, PAID_AT, paid_first
from eldermall.texts import Text

APPOINTMENT_LIMIT = Setting(
    "services.appointment-limit",
    Text("付款后多久内须约定服务时间", "how soon after payment a service is appointed"),
    "S19-11-1c",
    "duration",
    suggestion="48h",
)
START_LIMIT = Setting(
    "services.start-limit",
    Text("预约时间过后多久内须开始服务", "how soon after the appointed time a service begins"),
    "S19-11-1c",
    "duration",
    suggestion="1h",
)
END_LIMIT = Setting(
    "services.end-limit",
    Text("开始服务后多久内须完毕", "how soon after its start a service is done"),
    "S19-11-2b",
    "duration",
    suggestion="24h",
)
CONFIRMATION_LIMIT = Setting(
    "services.confirmation-limit",
    Text("服务完毕后多久未作表示视为确认", "how long the customer may be silent"),
    "S19-11-2b",
    "duration",
    suggestion="7d",
)

CUSTOMERS = Fact(
    "order.customers", "list", "record", Text("客户及其指定的家属", "customer and named relatives"),
    lambda c: list(c.record.customers),
)
CONFIRMED_BY = Fact(
    "service.confirmed-by", "text", "argument", Text("确认人", "who confirms"),
    lambda c: getattr(c.args, "confirmed_by", None),
)

PAID_FIRST = Rule(
    id="services.paid-first",
    label=Text("未付款不得开始服务，货到付款除外", "no service begins unpaid but cash on delivery"),
    clauses=("S19-11-1c",),
    guards=Orders.service.in_service.entered,
    needs=(PAID, PAID_AT, AT, CASH),
    check=paid_first,
    reason=Text("订单尚未付款", "the order was not paid when the service would have begun"),
)


def _theirs(role: str, actor: str, named: str | None, customers: list[str]) -> bool:
    if role == "system":
        return True  # the customer's time has run out
    who = named or actor
    return who in customers and (role != "customer" or who == actor)


CONFIRMED = Rule(
    id="services.confirmed-by-the-customer",
    label=Text(
        "服务由客户或其指定的家属确认", "the customer or a named relative confirms the service"
    ),
    clauses=("S19-11-2b",),
    guards=Orders.service.completed.entered,
    needs=(ACTOR_ROLE, ACTOR_ID, CONFIRMED_BY, CUSTOMERS),
    check=_theirs,
    reason=Text(
        "须由客户或其指定的家属（{3}）确认", "it is confirmed by the customer or a relative: {3}"
    ),
)


def _unappointed(order: Order) -> dict[str, int]:
    since = order.payable_from
    waits = since is not None and order.service in BEFORE_SERVICE and order.appointment is None
    return {"": since} if waits and since is not None else {}


def _appointed(order: Order) -> dict[str, int]:
    if order.service != "appointed" or order.appointment is None:
        return {}
    return {"": order.appointment.when}


def _in_service(order: Order) -> dict[str, int]:
    if order.service != "in_service" or order.served is None:
        return {}
    return {"": order.served.started_at}


def _unconfirmed(order: Order) -> dict[str, int]:
    if order.service != "done" or order.served is None or order.served.done_at is None:
        return {}
    if order.claimed or order.to_collect:
        return {}
    return {"": order.served.done_at}


APPOINTED = Clock(
    id="services.appointed-in-time",
    label=Text("付款后及时约定服务时间", "appointed in time after payment"),
    clauses=("S19-11-1c",),
    kind="order",
    runs=_unappointed,
    met=lambda order, part: order.appointment is not None,
    limit=APPOINTMENT_LIMIT,
    starts=Text("提交与付款中较晚者", "the later of submission and payment"),
    stops=Text("约定服务时间", "the service is appointed"),
    told=("merchant", "operations"),
    ladder=LADDER,
)

STARTED = Clock(
    id="services.started-in-time",
    label=Text("按预约时间开始服务", "begun in time at the appointed time"),
    clauses=("S19-11-1c",),
    kind="order",
    runs=_appointed,
    met=lambda order, part: order.served is not None,
    limit=START_LIMIT,
    starts=Text("预约的时间；改约后重新计算", "the appointed time; a new appointment begins anew"),
    stops=Text("开始服务", "the service begins"),
    told=("merchant", "operations"),
    ladder=LADDER,
)

ENDED = Clock(
    id="services.done-in-time",
    label=Text("服务开始后须有结果", "what has begun is brought to an end"),
    clauses=("S19-11-2b",),
    kind="order",
    runs=_in_service,
    met=lambda order, part: True,
    limit=END_LIMIT,
    starts=Text("开始服务", "the service begins"),
    stops=Text("服务完毕", "the service is done"),
    told=("field_agent", "operations"),
    ladder=LADDER,
)

CONFIRMED_IN_TIME = Clock(
    id="services.confirmed-in-time",
    label=Text("客户确认，逾期视为确认", "confirmed by the customer, or by lapse of time"),
    clauses=("S19-11-2b",),
    kind="order",
    runs=_unconfirmed,
    met=lambda order, part: order.service == "completed",
    limit=CONFIRMATION_LIMIT,
    starts=Text(
        "服务完毕；有未办结的售后、货到付款未收款时不计",
        "the service is done, in no open case, and cash on delivery is collected",
    ),
    stops=Text("客户确认，或申请售后", "the customer confirms, or asks for after-sale service"),
    told=("customer_service",),
    on_breach="confirm_by_lapse",
)

RULES: tuple[Rule, ...] = (PAID_FIRST, CONFIRMED)
CLOCKS: tuple[Clock, ...] = (APPOINTED, STARTED, ENDED, CONFIRMED_IN_TIME)

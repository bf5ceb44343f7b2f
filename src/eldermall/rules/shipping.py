"""Three-day shipping.   S19 article 11 (1); S03 part 3 (1).

Goods that go by courier are shipped within three days after the order was submitted and paid; a
merchant ships by an agreed time. Decided where the texts are silent: three days are 72 hours (a
reading: the policy may say calendar days) from the later of submission and payment, without
weekends or holidays taken out; the earlier of limit and agreed time counts, unless the agreed time
had passed before the order was paid; each line has its own clock, stopped only by a parcel with
courier and number that takes the last of it; "in principle" allows exceptions, but only recorded
ones, approved before the limit; cash on delivery is paid at the door, so there the clock runs from
submission; nothing else is shipped unpaid; what is sent again because a parcel was lost, refused,
returned or cancelled has three days from the moment at which that was settled.
"""

from __future__ import annotations

from eldermall.engine.clock import Clock
from eldermall.engine.rule import AT, RECORDED, Context, Fact, Rule
from eldermall.engine.settings import Setting
from eldermall.rooms.orders import Order, Orders
from eldermall.rooms.orders.states import WAITING
from eldermall.rules.notices import LADDER
from eldermall.texts import Text

LIMIT = Setting(
    "shipping.limit",
    Text("付款后多久内须发货", "how soon after payment goods are shipped"),
    "S19-11-1d",
    "duration",
    article="3d",
    stricter="lower",
)
COUNTING = Setting(
    "shipping.counting",
    Text("三天如何计算", "how three days are counted"),
    "S19-11-1d",
    "choice",
    choices=("hours", "calendar-days"),
)
WARN = Setting(
    "shipping.warn",
    Text("到期前多久提醒跟进", "how long before the limit operations is reminded"),
    "S19-11-1b",
    "duration",
    suggestion="24h",
)

PAID_AT = Fact(
    "order.paid-at", "moment", "record", Text("付款时间", "when it was paid"),
    lambda c: c.record.paid_at,
)
PAID = Fact(
    "order.paid", "flag", "record", Text("已付款", "whether it is paid"),
    lambda c: c.record.payment not in ("unpaid", "cod_pending"),
)
CASH = Fact(
    "order.cash-on-delivery", "flag", "record", Text("货到付款", "cash on delivery"),
    lambda c: c.record.cash_on_delivery,
)


def paid_first(paid: bool, paid_at: int | None, at: int, cash: bool) -> bool:
    """Say whether an order is paid before something is done for it.

    Nobody may know since when one that was taken over is paid; it is then, all the same.
    """
    return cash or (paid and (paid_at is None or paid_at <= at))


def _due(c: Context) -> int | None:
    running = [r.due for r in c.clocks if r.name == IN_TIME.name and r.part == c.args.line]
    return running[0] if running else None


DUE = Fact(
    "shipping.due", "moment", "clock", Text("该行的发货期限", "when the line is due"), _due
)

PAID_FIRST = Rule(
    id="shipping.paid-first",
    label=Text("未付款不得发货，货到付款除外", "nothing is shipped unpaid but cash on delivery"),
    clauses=("S19-11-1d",),
    guards=Orders.ship.guard + Orders.goods.shipped.entered,
    needs=(PAID, PAID_AT, AT, CASH),
    check=paid_first,
    reason=Text("订单在发货时尚未付款", "the order was not paid when it would have been shipped"),
)

EXCEPTION_BEFORE_LIMIT = Rule(
    id="shipping.exception-before-limit",
    label=Text("例外须在期限届满之前批准", "an exception is granted before the limit has passed"),
    clauses=("S19-11-1d",),
    guards=Orders.grant_exception.guard,
    needs=(DUE, AT, RECORDED),
    check=lambda due, at, recorded: due is None or max(at, recorded) <= due,
    reason=Text("该行的发货期限已过", "the line's limit has passed"),
)


def _waiting_lines(order: Order) -> dict[str, int]:
    since = order.payable_from
    if since is None or order.goods not in WAITING:
        return {}
    return {
        line.id: max(since, line.again_at or 0)
        for line in order.lines if line.courier and line.outstanding
    }


def _left(order: Order, part: str) -> bool:
    line = order.line(part)
    return line is not None and line.outstanding == 0 and line.shipped > 0


def _agreed(order: Order, part: str, due: int) -> int:
    line = order.line(part)
    again = 0 if line is None else line.again_at or 0
    since = max(order.payable_from or 0, again)
    for exception in order.exceptions:
        if exception.line == part and exception.until > since:
            return exception.until
    return due if order.ship_by is None or order.ship_by <= since else min(due, order.ship_by)


IN_TIME = Clock(
    id="shipping.in-time",
    label=Text("付款后三日内发货", "shipped within three days of payment"),
    clauses=("S19-11-1d", "S19-11-1b", "S03-3-1b"),
    kind="order",
    runs=_waiting_lines,
    met=_left,
    limit=LIMIT,
    counting=COUNTING,
    adjust=_agreed,
    warn=WARN,
    starts=Text(
        "提交与付款中较晚者（货到付款自提交起）",
        "the later of submission and payment (cash on delivery: submission)",
    ),
    stops=Text("该行最后一件随包裹发出", "a parcel takes the last of the line"),
    told=("merchant", "operations"),
    ladder=LADDER,
)

RULES: tuple[Rule, ...] = (PAID_FIRST, EXCEPTION_BEFORE_LIMIT)
CLOCKS: tuple[Clock, ...] = (IN_TIME,)

"""Capacity of services.   S19 article 9 (4).

The stock of what is listed is accurate; a service has so many a day instead. Decided where the
text is silent: an appointment reserves its day, and is refused beyond the day's capacity, which
doesn't fall below what is reserved. Whose capacity it is, and who keeps it, is asked as of a stock,
see `eldermall.rules.stock`.
"""

from __future__ import annotations

from eldermall.engine.clock import Clock
from eldermall.engine.rule import Fact, Rule
from eldermall.rooms.stock import Capacities
from eldermall.rooms.stock.capacity import day_of
from eldermall.rules.stock import LISTING, QUANTITY
from eldermall.texts import Text

DAY = Fact(
    "capacity.day", "text", "argument", Text("日期", "the day"),
    lambda c: day_of(c.args.when, c.settings.zone),
)
TOTAL = Fact(
    "capacity.total", "number", "record", Text("当日容量", "how many on that day"),
    lambda c: c.record.days.get(day_of(c.args.when, c.settings.zone), 0),
)
OTHERS = Fact(
    "capacity.reserved", "number", "record",
    Text("当日其他订单已预占", "how many are reserved on that day for other orders"),
    lambda c: c.record.reserved(day_of(c.args.when, c.settings.zone), but=c.args.holder),
)
NEW_TOTAL = Fact(
    "capacity.new-total", "number", "argument", Text("新的当日容量", "how many from now on"),
    lambda c: c.args.total,
)
OLD_TOTAL = Fact(
    "capacity.old-total", "number", "record", Text("原当日容量", "how many until now"),
    lambda c: c.record.days.get(c.args.day, 0),
)
TAKEN = Fact(
    "capacity.taken", "number", "record", Text("当日已预占", "how many are reserved on that day"),
    lambda c: c.record.reserved(c.args.day),
)
AHEAD = Fact(
    "capacity.ahead", "number", "record",
    Text("今日及以后的预占", "how many are reserved from that day on"),
    lambda c: sum(
        held.quantity for held in c.record.holds.values()
        if held.day >= day_of(c.at, c.settings.zone)
    ),
)

NO_OVERBOOKING = Rule(
    id="capacity.no-overbooking",
    label=Text("不得超出当日容量预约", "no day is booked beyond its capacity"),
    clauses=("S19-09-4b",),
    guards=Capacities.reserve.guard,
    needs=(LISTING, DAY, QUANTITY, OTHERS, TOTAL),
    check=lambda listing, day, quantity, others, total: others + quantity <= total,
    reason=Text(
        "{0} 在 {1} 的容量为 {4}，已预占 {3}，不足 {2}",
        "{0} has a capacity of {4} on {1}, of which {3} are reserved; not {2} more",
    ),
)

NO_CUT = Rule(
    id="capacity.not-below-reserved",
    label=Text("当日容量不得低于已预占", "no day's capacity falls below what is reserved"),
    clauses=("S19-09-4b",),
    guards=Capacities.set_day.guard,
    needs=(NEW_TOTAL, TAKEN, OLD_TOTAL),
    check=lambda new, taken, old: new >= taken,
    reason=Text(
        "当日已预占 {1}，容量不得改为 {0}", "{1} are reserved on that day; it can't become {0}"
    ),
)

NOTHING_AHEAD = Rule(
    id="capacity.nothing-ahead-at-close",
    label=Text("仍有预约时不得停止", "a capacity isn't closed while an appointment is ahead"),
    clauses=("S19-09-4b",),
    guards=Capacities.States.closed.entered,
    needs=(AHEAD,),
    check=lambda ahead: ahead == 0,
    reason=Text("今日及以后尚有 {0} 个预约", "{0} are reserved from today on"),
)

RULES: tuple[Rule, ...] = (NO_OVERBOOKING, NO_CUT, NOTHING_AHEAD)
CLOCKS: tuple[Clock, ...] = ()

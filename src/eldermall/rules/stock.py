"""Stock.   S19 article 9 (4); S08 part 1 (3), part 2 (1), (3).

Operations keeps in timely contact with each partner about stock, and the stock of what is listed is
accurate; levels are watched as they are, a warning comes before a shortage, stock is counted
regularly, and what is expired, damaged or doesn't sell is dealt with. Decided where the texts are
silent: a level is the sum of booked movements, and each entry holds the totals before it; an order
reserves when it is placed, or is refused as a whole; a number that the merchant hasn't confirmed in
its time is stale, and orders on it are refused (a reading: the policy may only report it); what
expires first leaves first; a promise isn't kept with expired or damaged goods; what came back is
sold again once somebody has looked at it; a service has so many a day instead, see
`eldermall.rules.capacity`. The articles give no number, so all limits are set by the host.
"""

from __future__ import annotations

from eldermall.engine.clock import Clock
from eldermall.engine.rule import (
    ACTOR_ID,
    ACTOR_ROLE,
    AT,
    Context,
    Fact,
    Rule,
    looked_up,
    set_by,
)
from eldermall.engine.settings import Setting
from eldermall.rooms.stock import Capacities, Stock, Stocks
from eldermall.rules.handover import AGENTS
from eldermall.rules.notices import LADDER
from eldermall.texts import Text

CONFIRMATION_INTERVAL = Setting(
    "stock.confirmation-interval",
    Text("商家多久须确认一次库存", "how often a merchant confirms its stock"),
    "S19-09-4a",
    "duration",
    suggestion="7d",
)
COUNT_INTERVAL = Setting(
    "stock.count-interval",
    Text("多久须盘点一次", "how often stock is counted"),
    "S08-2-3c",
    "duration",
    suggestion="30d",
)
DISPOSAL_LIMIT = Setting(
    "stock.disposal-limit",
    Text("过期或损坏后多久内须处置", "how soon expired or damaged goods are disposed of"),
    "S08-2-3d",
    "duration",
    suggestion="3d",
)
WHEN_STALE = Setting(
    "stock.when-stale",
    Text("库存逾期未确认时如何处理", "what a number that isn't confirmed in time leads to"),
    "S19-09-4b",
    "choice",
    choices=("refuse-orders", "report"),
)

LISTING = Fact(
    "stock.listing", "text", "record", Text("商品或服务", "which listing"), lambda c: c.id
)
ON_HAND = Fact(
    "stock.on-hand", "number", "record", Text("在库数量", "how many are there"),
    lambda c: 0 if c.record is None else c.record.on_hand,
)
RESERVED = Fact(
    "stock.reserved", "number", "record", Text("已预占数量", "how many are promised"),
    lambda c: 0 if c.record is None else c.record.reserved,
)
AVAILABLE = Fact(
    "stock.available", "number", "record", Text("可售数量", "how many may be promised"),
    lambda c: c.record.available(c.at),
)
SOUND = Fact(
    "stock.sound", "number", "record",
    Text("未过期未损坏的数量", "how many are neither expired nor damaged"),
    lambda c: c.record.sound(c.at),
)
QUANTITY = Fact(
    "stock.quantity", "number", "argument", Text("数量", "how many are asked for"),
    lambda c: c.args.quantity,
)


def _held(c: Context) -> int:
    holder = getattr(c.args, "holder", None)
    return 0 if c.record is None else int(c.record.holds.get(holder, 0))


HELD = Fact(
    "stock.held", "number", "record",
    Text("为该订单预占的数量", "how many this order was promised"), _held,
)
STATED = Fact(
    "stock.stated", "number", "argument", Text("商家所报数量", "how many the merchant says"),
    lambda c: c.args.on_hand,
)
MISCOUNTED = Fact(
    "stock.miscounted", "flag", "argument", Text("与账面不符", "it isn't what was booked"),
    lambda c: any(c.args.lots.get(n.id, n.quantity) != n.quantity for n in c.record.lots),
)
CAUSE = Fact("stock.cause", "text", "argument", Text("原因", "the cause"), lambda c: c.args.cause)


def _confirmation_due(c: Context) -> int | None:
    return next((row.due for row in c.clocks if row.name == CONFIRMED.name), None)


CONFIRMATION_DUE = Fact(
    "stock.confirmation-due", "moment", "clock",
    Text("商家确认的期限", "when the merchant's confirmation is due"), _confirmation_due,
)
SELLER = Fact(
    "stock.merchant", "text", "argument", Text("商家", "the merchant"), lambda c: c.args.merchant
)
LISTED = looked_up(
    "stock.listed", "flag", Text("已登记为商品或服务", "there is such a listing"), "listing",
    lambda c: c.id, lambda c, listing: listing is not None,
)
LISTED_BY = looked_up(
    "stock.listed-by", "text", Text("该商品或服务的商家", "whose listing it is"), "listing",
    lambda c: c.id, lambda c, listing: None if listing is None else listing.merchant,
)

NO_OVERSELL = Rule(
    id="stock.no-oversell",
    label=Text("不得超出可售数量接单", "no more is promised than may be sold"),
    clauses=("S19-09-4b", "S08-2-3b", "S08-2-3d"),
    guards=Stocks.reserve.guard,
    needs=(LISTING, QUANTITY, AVAILABLE),
    check=lambda listing, quantity, available: quantity <= available,
    reason=Text("{0} 可售 {2} 件，不足 {1} 件", "{0} has {2} to sell, not {1}"),
)

PROMISES_STAY = Rule(
    id="stock.promises-stay",
    label=Text("不得动用为其他订单预占的商品", "what is promised to others isn't handed out"),
    clauses=("S19-09-4b",),
    guards=Stocks.take.guard,
    needs=(LISTING, QUANTITY, HELD, AVAILABLE),
    check=lambda listing, quantity, held, available: quantity - held <= max(0, available),
    reason=Text(
        "{0} 为本单预占 {2} 件，另有可售 {3} 件，不足 {1} 件",
        "{0}: {2} are promised to this order and {3} more may be sold, not {1}",
    ),
)

NOTHING_SPOILED = Rule(
    id="stock.nothing-spoiled-leaves",
    label=Text("过期或损坏的商品不得发出", "nothing expired or damaged is handed out"),
    clauses=("S08-2-3d",),
    guards=Stocks.take.guard,
    needs=(LISTING, QUANTITY, SOUND),
    check=lambda listing, quantity, sound: quantity <= sound,
    reason=Text(
        "{0} 未过期未损坏的只有 {2} 件，不足 {1} 件",
        "{0} has {2} that are neither expired nor damaged, not {1}",
    ),
)

FRESH = Rule(
    id="stock.confirmed-number",
    label=Text("库存须经商家按时确认", "the number was confirmed by the merchant in its time"),
    clauses=("S19-09-4a", "S19-09-4b"),
    guards=Stocks.reserve.guard,
    needs=(LISTING, AT, CONFIRMATION_DUE, set_by(WHEN_STALE)),
    check=lambda listing, at, due, reading: reading == "report" or due is None or at <= due,
    reason=Text(
        "{0} 的库存逾期未经商家确认", "the merchant hasn't confirmed the stock of {0} in time"
    ),
    settings=(WHEN_STALE,),
)

BOOKED = Rule(
    id="stock.movements-booked",
    label=Text("每笔变动均记变动前的数量", "every movement is booked with the totals before it"),
    clauses=("S19-09-4b", "S08-1-3c", "S08-2-3a"),
    guards=tuple(map(Stocks.States.table.move, sorted(Stocks.States.table.names))),
    needs=(ON_HAND, RESERVED, HELD),
    check=lambda on_hand, reserved, held: on_hand >= 0 and 0 <= held <= reserved,
    reason=Text(
        "账面有误：在库 {0}，预占 {1}，其中本单 {2}",
        "the books are wrong: there are {0}, promised {1}, of these to this order {2}",
    ),
)

EXPLAINED = Rule(
    id="stock.difference-explained",
    label=Text("盘点有出入须说明原因", "a difference found by a stock-take has a cause"),
    clauses=("S08-2-3c",),
    guards=Stocks.count.guard,
    needs=(MISCOUNTED, CAUSE),
    check=lambda miscounted, cause: not miscounted or cause is not None,
    reason=Text("盘点与账面不符，须说明原因", "it isn't what was booked; say why"),
)

AS_BOOKED = Rule(
    id="stock.confirmed-as-booked",
    label=Text("商家确认的须为账面数量", "a merchant confirms the number that is booked"),
    clauses=("S19-09-4a", "S19-09-4b"),
    guards=Stocks.confirm.guard,
    needs=(STATED, ON_HAND),
    check=lambda stated, on_hand: stated == on_hand,
    reason=Text(
        "商家所报 {0} 件与账面 {1} 件不符，须先盘点",
        "the merchant says {0} and {1} are booked; count them first",
    ),
)

NOTHING_PROMISED = Rule(
    id="stock.nothing-promised-at-close",
    label=Text("仍有预占时不得停售", "a stock isn't closed while something is promised"),
    clauses=("S19-09-4b",),
    guards=Stocks.States.closed.entered,
    needs=(RESERVED,),
    check=lambda reserved: reserved == 0,
    reason=Text("尚有 {0} 件已预占", "{0} are promised still"),
)

BY_SELLER = Rule(
    id="stock.by-the-seller",
    label=Text("库存与容量归于其商家", "stock and capacity are kept for whoever sells the listing"),
    clauses=("S19-09-4b",),
    guards=(*Stocks.open.guard, *Capacities.open.guard),
    needs=(LISTING, SELLER, LISTED_BY, LISTED, ACTOR_ROLE),
    check=lambda listing, merchant, by, listed, role: (
        merchant == by if listed else role == "operations"
    ),
    reason=Text(
        "{0} 的商家为 {2}，不是 {1}；未登记的商品或服务只能由运营建立",
        "{0} is sold by {2}, not {1}; for what isn't listed here only operations opens it",
    ),
)

AGENT = Rule(
    id="stock.agent-of-that-merchant",
    label=Text("外勤只处理所对接商家的库存", "a field agent keeps the stock of their merchants"),
    clauses=("S19-09-4a",),
    guards=tuple(
        guard
        for move in (*Stocks.COMMANDS.values(), *Capacities.COMMANDS.values())
        if move.name != "open"
        for guard in move.guard
    ),
    needs=(ACTOR_ID, ACTOR_ROLE, AGENTS),
    check=lambda actor, role, agents: role != "field_agent" or actor in agents,
    reason=Text("{0} 不是对接该商家的外勤", "{0} is not a field agent of that merchant"),
)


def _unconfirmed(stock: Stock) -> dict[str, int]:
    if stock.state != "open" or stock.merchant is None:
        return {}
    return {"": stock.created_at if stock.confirmed_at is None else stock.confirmed_at}


def _uncounted(stock: Stock) -> dict[str, int]:
    if stock.state != "open":
        return {}
    return {"": stock.created_at if stock.counted_at is None else stock.counted_at}


def _expiring(stock: Stock) -> dict[str, int]:
    return {lot.id: lot.expires_at for lot in stock.lots if lot.expires_at is not None}


def _damaged(stock: Stock) -> dict[str, int]:
    return {
        lot.id: lot.damaged_at for lot in stock.lots if lot.damaged and lot.damaged_at is not None
    }


CONFIRMED = Clock(
    id="stock.confirmed-in-time",
    label=Text("商家定期确认库存", "a merchant confirms its stock at the interval"),
    clauses=("S19-09-4a",),
    kind="stock",
    runs=_unconfirmed,
    met=lambda stock, part: stock.state == "open",
    limit=CONFIRMATION_INTERVAL,
    starts=Text("建立库存或上次确认", "the stock is opened, or was confirmed last"),
    stops=Text("商家确认", "the merchant confirms"),
    told=("field_agent", "operations"),
    ladder=LADDER,
    binds="now",
)

COUNTED = Clock(
    id="stock.counted-in-time",
    label=Text("定期盘点", "stock is counted at the interval"),
    clauses=("S08-2-3c",),
    kind="stock",
    runs=_uncounted,
    met=lambda stock, part: stock.state == "open",
    limit=COUNT_INTERVAL,
    starts=Text("建立库存或上次盘点", "the stock is opened, or was counted last"),
    stops=Text("盘点", "a stock-take"),
    told=("operations",),
    ladder=LADDER,
    binds="now",
)

EXPIRED = Clock(
    id="stock.expired-disposed-of",
    label=Text("过期商品及时处置", "what has expired is disposed of in time"),
    clauses=("S08-2-3d",),
    kind="stock",
    runs=_expiring,
    met=lambda stock, part: stock.lot(part) is None,
    limit=DISPOSAL_LIMIT,
    starts=Text("批次到期", "the lot expires"),
    stops=Text("该批次已无存货", "nothing of the lot is left"),
    told=("merchant", "operations"),
    ladder=LADDER,
    binds="now",
)

DAMAGED = Clock(
    id="stock.damaged-disposed-of",
    label=Text("损坏商品及时处置", "what is damaged is disposed of in time"),
    clauses=("S08-2-3d",),
    kind="stock",
    runs=_damaged,
    met=lambda stock, part: True,
    limit=DISPOSAL_LIMIT,
    starts=Text("登记损坏", "the damage is noted"),
    stops=Text("损坏的已处置", "the damaged goods are gone"),
    told=("merchant", "operations"),
    ladder=LADDER,
    binds="now",
)

RULES: tuple[Rule, ...] = (
    NO_OVERSELL, PROMISES_STAY, NOTHING_SPOILED, FRESH, BOOKED, EXPLAINED, AS_BOOKED,
    NOTHING_PROMISED, BY_SELLER, AGENT,
)
CLOCKS: tuple[Clock, ...] = (CONFIRMED, COUNTED, EXPIRED, DAMAGED)

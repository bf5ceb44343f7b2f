"""The moves of a stock, its level, and what orders and returns do to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field

from eldermall.engine.actor import Actor
from eldermall.engine.declaration import Changes, Move, internal, move
from eldermall.engine.declared import M
from eldermall.engine.inputs import Id, Label, Plain, Quantity, derived_id
from eldermall.engine.kind import ADOPTED, Command
from eldermall.engine.machine import NEW, Unfit
from eldermall.engine.parameters import By, When
from eldermall.engine.room import Unpack
from eldermall.engine.track import Track, automatic, state
from eldermall.rooms.stock.keeping import KEEPERS, SELLER, Keeping, dropped, growing, outstanding
from eldermall.rooms.stock.stock import Level, Lot, Stock, Units, resized, taken
from eldermall.texts import Text

OfGoods = Annotated[Label, Plain("of goods and what became of them, not of persons")]


def _left(stock: Stock) -> int:
    return stock.available(stock.as_of)


def _now(m: Move[Stock], **changed: Any) -> Changes:
    return {"as_of": _later(m, m.record.as_of), **changed}


def _later(m: Move[Stock], known: int | None) -> int:
    return m.at if known is None else max(known, m.at)


def _lot(m: Move[Stock], id: str) -> Lot:
    lot = m.record.lot(id)
    if lot is None:
        raise Unfit(Text(f"没有批次 {id}", f"there is no lot {id}"))
    return lot


def _too_few(lot: Lot, there: int) -> Unfit:
    return Unfit(Text(f"批次 {lot.id} 只有 {there} 件", f"lot {lot.id} has only {there}"))


def _with(m: Move[Stock], lot: Lot, **changed: Any) -> Changes:
    other = lot.model_copy(update=changed)
    return _now(m, lots=tuple(other if each is lot else each for each in m.record.lots))


def _less(m: Move[Stock], holder: str, quantity: int) -> dict[str, int]:
    left = m.record.holds.get(holder, 0) - quantity
    others = {other: held for other, held in m.record.holds.items() if other != holder}
    return others | {holder: left} if left > 0 else others


def _came_back(before: Any, case: Any, args: Any, cause: Actor) -> Iterable[Command]:
    if args.restock:
        yield from _back(case.id, case.listings, case.settled, cause)


def _undelivered(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    """Yield that the goods of a parcel that ended come back, but for those that are lost."""
    parcel = order.parcel(args.parcel)
    if parcel.ended.how != "lost":
        listings = {line.id: line.listing for line in order.lines}
        yield from _back(derived_id(order.id, parcel.id), listings, parcel.lines, cause)


def _back(
    source: str, listings: Mapping[str, str], lines: Mapping[str, int], cause: Actor
) -> Iterable[Command]:
    back: Counter[str] = Counter()
    for line, quantity in lines.items():
        back[listings[line]] += quantity
    for listing, quantity in sorted(back.items()):
        yield Stocks.restock.command(listing, source=source, quantity=quantity, by=cause)


class Stocks(Keeping[M, Stock]):
    """The moves of a listing's stock.

    A listing whose stock was never opened isn't watched. Orders reserve, release and take by
    themselves.
    """

    kind = "stock"
    label = Text("库存", "stock")
    model = Stock

    class States(Track):
        """Whether it is sold."""

        open = state(Text("在售", "open"), standing=True)
        closed = state(Text("已停售", "closed"), end=True)

    class Levels(
        Track, label=Text("库存水平", "stock, level"), name="stock-level", field="level"
    ):
        """How much of it is available."""

        enough = state(Text("充足", "enough"), end=True)
        low = state(Text("低于预警线", "low"), end=True)
        out = state(Text("售罄", "sold out"), end=True, born=True)

    _BOTH = (States.open, States.closed)

    @move(NEW, to=States.open, by=SELLER, says=Text("建立库存", "open"), event="StockOpened")
    @staticmethod
    def open(
        m: Move[Stock], listing: str, *, merchant: Id | None = None, warn_at: Level,
        **by: Unpack[By],
    ) -> Changes:
        """Begin to keep the stock of a listing; from now on it is sold only if it is there.

        Args:
            listing: the listing's id, which is the stock's.
            warn_at: at which number available a warning is due; 0 for when it is sold out.
            by: the merchant whose listing it is, or operations.
            merchant: the seller; None for the company's own.
        """
        return {
            "level": "out", "merchant": merchant, "warn_at": warn_at, "lots": (), "holds": {},
            "as_of": m.at,
        }

    @move(States.open, to=None, by=KEEPERS, says=Text("入库", "receive"), event="StockReceived")
    @staticmethod
    def receive(
        m: Move[Stock],
        listing: str,
        *,
        lot: Id,
        quantity: Quantity,
        expires_at: When | None = None,
        source: OfGoods,
        **by: Unpack[By],
    ) -> Changes:
        """Book goods in.

        Args:
            listing: the listing.
            lot: the lot's id; what comes in under an id that is there adds to it.
            quantity: how many.
            source: by which delivery note or the like.
            by: the merchant, their field agent, or operations.
            expires_at: from when on they may not be sold; None for never.
        """
        until = m.args.expires_at
        there = m.record.lot(lot)
        if there is None:
            new = Lot(id=lot, quantity=quantity, received_at=m.at, expires_at=until)
            return _now(m, lots=(*m.record.lots, new))
        if there.returned or there.expires_at != until:
            raise Unfit(
                Text(
                    f"批次 {lot} 已存在，但有效期不同或为退货，请另立批次",
                    f"lot {lot} is there, with another expiry date or as a return; use another",
                )
            )
        return _now(m, lots=resized(m.record.lots, {lot: there.quantity + quantity}))

    @move(*_BOTH, to=None, by=KEEPERS, says=Text("盘点", "count"), event="StockCounted")
    @staticmethod
    def count(
        m: Move[Stock],
        listing: str,
        *,
        lots: Annotated[Mapping[Id, Level], Field(max_length=500)],
        cause: OfGoods | None = None,
        **by: Unpack[By],
    ) -> Changes:
        """Book what a stock-take has found.

        Args:
            listing: the listing.
            lots: how many were found, damaged ones included, of every lot that is booked.
            by: the merchant, their field agent, or operations.
            cause: why it isn't what was booked, if it isn't.
        """
        booked = {lot.id for lot in m.record.lots}
        if wrong := sorted(booked ^ lots.keys()):
            raise Unfit(
                Text(
                    f"盘点须列明账上的每个批次且仅限这些批次，有出入的为：{'、'.join(wrong)}",
                    f"a stock-take names every lot that is booked and no other: {', '.join(wrong)}",
                )
            )
        return _now(
            m, lots=resized(m.record.lots, lots), counted_at=_later(m, m.record.counted_at)
        )

    @move(
        *_BOTH, to=None, by=KEEPERS, says=Text("登记损坏", "note damage"), event="StockDamaged",
        aside=True,
    )
    @staticmethod
    def damage(
        m: Move[Stock], listing: str, *, lot: Id, quantity: Quantity, cause: OfGoods,
        **by: Unpack[By],
    ) -> Changes:
        """Note that goods are damaged: they are there, and nobody is sold one.

        Args:
            listing: the listing.
            lot: the lot.
            quantity: how many of it.
            cause: why.
            by: the merchant, their field agent, or operations.
        """
        there = _lot(m, lot)
        if quantity > there.quantity - there.damaged:
            raise _too_few(there, there.quantity - there.damaged)
        return _with(
            m, there, damaged=there.damaged + quantity,
            damaged_at=there.damaged_at if there.damaged else m.at,
        )

    @move(
        *_BOTH, to=None, by=KEEPERS, says=Text("处置出库", "write off"), event="StockWrittenOff"
    )
    @staticmethod
    def write_off(
        m: Move[Stock], listing: str, *, lot: Id, quantity: Quantity, cause: OfGoods,
        disposal: OfGoods, **by: Unpack[By],
    ) -> Changes:
        """Book goods out that were disposed of: expired, damaged, or not to be sold any more.

        Args:
            listing: the listing.
            lot: the lot; damaged ones of it go first.
            quantity: how many of it.
            cause: why.
            disposal: what was done with them.
            by: the merchant, their field agent, or operations.
        """
        there = _lot(m, lot)
        if quantity > there.quantity:
            raise _too_few(there, there.quantity)
        if quantity == there.quantity:
            return _now(m, lots=resized(m.record.lots, {lot: 0}))
        return _with(
            m, there, quantity=there.quantity - quantity,
            damaged=max(0, there.damaged - quantity),
        )

    @move(
        *_BOTH, to=None, by=KEEPERS, says=Text("退货验收", "pass a return"), event="StockInspected"
    )
    @staticmethod
    def inspect(
        m: Move[Stock], listing: str, *, lot: Id, expires_at: When | None = None,
        **by: Unpack[By],
    ) -> Changes:
        """Let returned goods be sold again, once somebody has looked at them.

        Args:
            listing: the listing.
            lot: the returned lot, which has the id of what it came back from.
            by: the merchant, their field agent, or operations.
            expires_at: from when on they may not be sold; None for never.
        """
        there = _lot(m, lot)
        if not there.returned:
            raise Unfit(Text(f"批次 {lot} 不是待验收的退货", f"lot {lot} is no return to look at"))
        return _with(m, there, returned=False, expires_at=m.args.expires_at)

    @move(
        States.open, to=None, by=("merchant", "field_agent"),
        says=Text("商家确认库存", "confirm the number"), event="StockConfirmed",
    )
    @staticmethod
    def confirm(m: Move[Stock], listing: str, *, on_hand: Level, **by: Unpack[By]) -> Changes:
        """Note that the merchant confirms the number that is booked.

        Args:
            listing: the listing.
            on_hand: how many there are, as the merchant says.
            by: the merchant, or their field agent, who was told so.
        """
        return _now(m, confirmed_at=_later(m, m.record.confirmed_at))

    @move(
        States.open, to=None, by=KEEPERS, says=Text("设定预警线", "set the warning level"),
        event="StockWarningSet", aside=True,
    )
    @staticmethod
    def set_warning(m: Move[Stock], listing: str, *, warn_at: Level, **by: Unpack[By]) -> Changes:
        """Set at which number available a warning is due.

        Args:
            listing: the listing.
            warn_at: the number.
            by: the merchant, their field agent, or operations.
        """
        return _now(m, warn_at=warn_at)

    @internal(States.open, to=None, link="", says=Text("预占", "reserve"), event="StockReserved")
    @staticmethod
    def reserve(
        m: Move[Stock], listing: str, *, holder: Id, quantity: Units, **by: Unpack[By]
    ) -> Changes:
        """Promise goods to an order."""
        held = m.record.holds.get(holder, 0) + quantity
        return _now(m, holds={**m.record.holds, holder: held})

    @internal(*_BOTH, to=None, link="", says=Text("释放", "release"), event="StockReleased")
    @staticmethod
    def release(
        m: Move[Stock], listing: str, *, holder: Id, quantity: Units, **by: Unpack[By]
    ) -> Changes:
        """Promise an order less; nothing if nothing was promised to it."""
        return _now(m, holds=_less(m, holder, quantity))

    @internal(*_BOTH, to=None, link="", says=Text("出库", "take"), event="StockTaken")
    @staticmethod
    def take(
        m: Move[Stock], listing: str, *, holder: Id, quantity: Units, **by: Unpack[By]
    ) -> Changes:
        """Hand goods out for an order, those that expire first gone first; its promise is kept."""
        return _now(
            m, lots=taken(m.record.lots, quantity, m.at), holds=_less(m, holder, quantity),
            taken_at=_later(m, m.record.taken_at),
        )

    @internal(*_BOTH, to=None, link="", says=Text("退货入库", "restock"), event="StockRestocked")
    @staticmethod
    def restock(
        m: Move[Stock], listing: str, *, source: Id, quantity: Units, **by: Unpack[By]
    ) -> Changes:
        """Book returned goods in; nobody may buy them before somebody has looked at them.

        What they came back from, ``source``, is the id of the lot that they make.
        """
        there = m.record.lot(source)
        if there is not None:
            return _with(m, there, quantity=there.quantity + quantity, returned=True)
        back = Lot(id=source, quantity=quantity, received_at=m.at, returned=True)
        return _now(m, lots=(*m.record.lots, back))

    @move(
        States.open, to=States.closed, by=SELLER, says=Text("停售", "close"), event="StockClosed",
        aside=True,
    )
    @staticmethod
    def close(m: Move[Stock], listing: str, **by: Unpack[By]) -> Changes:
        """Sell no more of a listing; nothing may be promised still.

        Args:
            listing: the listing.
            by: the merchant, or operations.
        """
        return _now(m)

    @move(
        States.closed, to=States.open, by=SELLER, says=Text("恢复销售", "reopen"),
        event="StockReopened",
    )
    @staticmethod
    def reopen(m: Move[Stock], listing: str, **by: Unpack[By]) -> Changes:
        """Sell a closed listing again, with what is there.

        Args:
            listing: the listing.
            by: the merchant, or operations.
        """
        return _now(m)

    warn = automatic(
        Levels.enough, to=Levels.low, says=Text("开启预警", "open a warning"), event="StockLow",
        when=lambda stock: _left(stock) <= stock.warn_at,
    )
    run_out = automatic(
        Levels.low, to=Levels.out, says=Text("售罄", "sell out"), event="SoldOut",
        when=lambda stock: _left(stock) == 0,
    )
    refill = automatic(
        Levels.out, to=Levels.low, says=Text("恢复可售", "be there again"), event="BackInStock",
        when=lambda stock: _left(stock) > 0,
    )
    recover = automatic(
        Levels.low, to=Levels.enough, says=Text("解除预警", "end the warning"),
        event="StockRecovered", when=lambda stock: _left(stock) > stock.warn_at,
    )

    _reserved = growing(reserve, "goods", outstanding)

    reactions = (
        reserve.after("order", "Placed", makes=_reserved, if_exists=True),
        reserve.after("order", ADOPTED, makes=_reserved, best_effort=True, if_exists=True),
        take.after(
            "order", "ParcelShipped", makes=growing(take, "goods", lambda line: int(line.shipped)),
            if_exists=True,
        ),
        release.after(
            "order", "LinesCancelled", "Refunded", "Declined", "PaymentLapsed",
            makes=growing(release, "goods", dropped), if_exists=True,
        ),
        restock.after("case", "CaseReceived", makes=_came_back, if_exists=True),
        restock.after(
            "order", "ParcelGivenUp", "ParcelToSendAgain", makes=_undelivered, if_exists=True
        ),
        reserve.after(
            "order", "ParcelGivenUp", "ParcelToSendAgain", makes=_reserved, best_effort=True,
            if_exists=True,
        ),
    )

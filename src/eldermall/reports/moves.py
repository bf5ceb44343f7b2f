"""What an export records, as moves of an order; the rest may lie between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from eldermall.contracts.storage import ClockRow
from eldermall.engine.actor import Actor, person, system
from eldermall.engine.inputs import Arguments
from eldermall.engine.kind import Command
from eldermall.engine.machine import Machine, Transition
from eldermall.engine.room import Nothing
from eldermall.engine.rule import Context
from eldermall.engine.rulebook import Rulebook
from eldermall.engine.settings import Settings, Technical
from eldermall.engine.step import Step, edge, step
from eldermall.rooms.orders import Order, Orders
from eldermall.rooms.orders.states import Goods, Payment

ID = "export"
ORDER = replace(Orders.KIND, requests=None)  # an audit asks the outside for nothing
MOVES: Mapping[str, str] = {
    "placed": "place", "paid": "pay", "shipped": "ship", "delivered": "deliver",
    "cancelled": "cancel",
}
"""The move that each moment of an export records."""

WHO = system("export")
_STAFF = person("staff", "operations", department="operations")
TRACKS = (Goods.table, Payment.table)
"""The machines that an order of an export goes through: services aren't among them."""
OF_PARTS = ("ship", "deliver")
_ANY_TIME = Technical(backdating=2**53, future=2**53)
_ARGS: Mapping[str, Arguments] = {
    "pay": Orders.paid.model(amount=1, currency="CNY", reference=ID),
    "paid_in_part": Orders.paid_in_part.model(amount=1, currency="CNY", reference=ID),
    "collect": Orders.collect.model(amount=1, currency="CNY"),
    "track": Orders.track.model(
        parcel=ID, words=({"text": "", "location": ""},),
        events=({"status": "in_transit", "at": 10**6, "code": "", "reference": ""},),
    ),
    "cancel": Orders.cancel.model(reason="status"),
    "hand_over": Orders.hand_over.model(to=ID),
    "contact_merchant": Orders.contact_merchant.model(way="unknown"),
}


def placing(couriers: Sequence[bool], cash: bool, ship_by: int | None = None) -> Arguments:
    """Return the arguments of an order: for each part whether it leaves by courier.

    All its money lies on the first line: what is paid is never asked of the others.
    """
    args: Arguments = Orders.place.model(
        merchant=ID, customer=ID, channel=ID, currency="CNY", total=1, cash_on_delivery=cash,
        ship_by=ship_by,
        lines=tuple(
            {"id": line(n), "listing": ID, "quantity": 1, "amount": int(n == 0), "courier": by}
            for n, by in enumerate(couriers)
        ),
    )
    return args


def line(n: int) -> str:
    """Return the id of the line that part ``n`` is."""
    return str(n + 1)


def of_part(move: str, n: int) -> Arguments:
    """Return the arguments of a move of part ``n``."""
    parcel = ID if n == 0 else f"{ID}{n}"
    args: Arguments
    if move == "ship":
        args = Orders.ship.model(parcel=parcel, courier=ID, tracking=ID, lines={line(n): 1})
    elif move == "deliver":
        args = Orders.deliver.model(parcel=parcel)
    else:
        args = Orders.cancel.model(reason="status", lines={line(n): 1})
    return args


def _actor(move: str) -> Actor:
    by = next(t.by for m in TRACKS for t in m.transitions if t.name == move)
    return WHO if "system" in by else _STAFF


def command(move: str, args: Arguments | None = None) -> Command:
    """Return the command of a move."""
    args = _ARGS.get(move, Nothing()) if args is None else args
    return Command(Orders.kind, move, ID, _actor(move), args)


def made(
    book: Rulebook,
    settings: Settings,
    said: Command,
    order: Order | None,
    at: int,
    now: int,
    running: Sequence[ClockRow] = (),
) -> Step:
    """Decide a move of an export, and what follows from it.

    Args:
        book: the rules and clocks.
        settings: the policy.
        said: the move.
        order: as it was before, None before it is placed.
        at: when the move was made.
        now: as of when it is looked at.
        running: the clocks that run.
    """
    context = Context(
        ID, order, said.args, said.actor, at, now, {}, settings, settings, running
    )
    return step(book, ORDER, said, context, _ANY_TIME)


class Recorded:
    """The moves that an export records.

    ``moves`` are all of them, ``played`` those that are played when they happened. A delivery
    counts where shipments are recorded too.

    Args:
        moments: that the export holds.
        cancels: whether it has a status that says cancelled.
    """

    def __init__(self, moments: Sequence[str], *, cancels: bool) -> None:
        self.moves = {MOVES[m] for m in moments} | ({"cancel"} if cancels else set())
        self.delivers = "shipped" in moments
        self.played = {MOVES[m] for m in moments if m != "delivered" or self.delivers}
        self._over: dict[tuple[str, str, str], dict[str, str] | None] = {}

    @property
    def left_out(self) -> tuple[Transition, ...]:
        """The moves that the export doesn't record."""
        named = {
            t.name: t for m in TRACKS for t in m.transitions
            if t.by not in ((), ("system",)) and not t.erases and t.name not in self.moves
        }
        return tuple(named.values())

    def between(self, order: Order, move: str) -> Order:
        """Return the order as ``move`` finds it, if only unrecorded moves lie between."""
        key = move, order.track, order.payment
        if key in self._over:
            over = self._over[key]
        else:
            here = edge(ORDER, order, move)
            machine = here.machine
            source = None if here.taken is not None else self.nearest(machine, here.state, move)
            over = self._over[key] = None if source is None else {machine.field: source}
        return order if over is None else order.model_copy(update=over)

    def nearest(self, machine: Machine, state: str, move: str) -> str | None:
        """Return the nearest state from which ``move`` leads, over unrecorded moves."""
        seen, ahead = {state}, [state]
        for here in ahead:
            if (here, move) in machine.edges:
                return here
            for t in machine.transitions:
                if here in t.sources and self.leaves_out(t) and t.target not in seen:
                    seen.add(str(t.target))
                    ahead.append(str(t.target))
        return None

    def leaves_out(self, t: Transition) -> bool:
        """Say whether an edge may have been taken without a record of it."""
        return t.target is not None and t.when is None and t.name not in self.moves

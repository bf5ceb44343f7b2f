"""A worker that lives to be killed: it makes commands of the shop and notes each before and after.

What it means to do is noted before it is tried, what came of it once it has. A note is one JSON
line in one unbuffered write, so that it outlives the worker. Time is one count for all workers,
kept in a file: each command has a moment of its own, by which its entry is found again.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text

from eldermall import Conflict, Mall, Refused, Technical, Unknown, hookimpl
from eldermall.adapters.roots.file import RootsFile
from eldermall.calendars import HOUR
from eldermall.contracts.events import CommittedEvent, RefundAnswer, RefundRequest
from eldermall.contracts.notification import Notice, NoticeAnswer
from tests import shop

TICK = timedelta(minutes=15)
TECHNICAL = Technical(claim=120 * HOUR)  # no relay that lives takes as many ticks
SUBJECTS = 6  # so many ids of a kind are in use at a time
TICKS_A_SUBJECT = 30
UPKEEP = ("sweep", "sweep", "seal", "relay")


@dataclass(frozen=True, slots=True)
class Act:
    """One command as data: what to call on which record, as whom, with what.

    ``first`` is the tick at which it was first tried, ``tick`` the one of this try.
    """

    call: str
    id: str
    by: str
    args: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    joined: bool = False
    tick: int = 0
    first: int = 0

    @property
    def token(self) -> str:
        """What the host's row is called."""
        return self.key or f"tick-{self.first}"


def moment(tick: int) -> datetime:
    """Return the present at ``tick``."""
    return shop.START + tick * TICK


class Ticks:
    """The one count of all workers: the length of a file that each try makes longer."""

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder / "ticks", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def next(self) -> int:
        """Return a number that nobody else got, greater than all before."""
        os.write(self._fd, b".")
        return os.lseek(self._fd, 0, os.SEEK_CUR)


class Ear:
    """A plugin that writes down the id of whatever it hears."""

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder / "heard", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    @hookimpl
    def eldermall_committed(self, event: CommittedEvent) -> None:
        os.write(self._fd, f"{event.id}\n".encode())

    @hookimpl
    def eldermall_refund(self, request: RefundRequest) -> RefundAnswer:
        os.write(self._fd, f"{request.id}\n".encode())
        return RefundAnswer("accepted")

    @hookimpl
    def eldermall_notify(self, notice: Notice) -> NoticeAnswer:
        os.write(self._fd, f"{notice.key}\n".encode())
        return NoticeAnswer("accepted")


def open_mall(url: str, folder: Path, time: shop.Time) -> Mall:
    """Open the mall as all who have to do with the killed workers do."""
    plugins = [Ear(folder), RootsFile(folder / "roots")]
    return shop.open_mall(url, time, plugins=plugins, technical=TECHNICAL)


def keep_stock(mall: Mall) -> None:
    """Begin to keep the stock of the tea: there is enough for all, and all share it."""
    mall.stock.open("green-tea", warn_at=9, merchant="tea-house", by=shop.OPERATIONS)
    mall.stock.receive("green-tea", lot="L1", quantity=100_000, source="note 1", by=shop.MERCHANT)


# What to do next


def order_act(mall: Mall, id: str, tick: int, dice: random.Random) -> Act:
    """Return a move that fits where the order is."""
    try:
        order = mall.orders.get(id)
    except Unknown:
        lines = [
            {"id": "tea", "listing": "green-tea", "quantity": 3, "amount": 20400},
            {"id": "honey", "listing": "honey", "quantity": 1, "amount": 5600},
        ]
        return Act("orders.place", id, "CUSTOMER", {
            "customer": shop.CUSTOMER.id, "merchant": "tea-house", "lines": lines,
            "total": 27000, "freight": 1000,
        })
    if order.owed_back:
        refund = {"amount": order.owed_back, "reference": f"refund-{tick}"}
        return Act("orders.refunded", id, "PAYMENTS", refund)
    if order.payment == "unpaid" and dice.random() < 0.4:
        paid = {"amount": order.worth, "reference": f"pay-{tick}"}
        return Act("orders.paid", id, "PAYMENTS", paid)
    waiting = {line.id: line.outstanding for line in order.lines if line.outstanding}
    if waiting and dice.random() < 0.1:
        return Act("orders.cancel", id, "CUSTOMER", {
            "reason": f"tick {tick}", "lines": {dice.choice(list(waiting)): 1},
        })
    parcel = {"parcel": f"p{tick}", "courier": "SF", "tracking": f"SF{tick}", "lines": waiting}
    arriving = [p.id for p in order.parcels if p.delivered_at is None]
    called = dice.choice(("attempt", "attempt", "reach"))
    heard = {"satisfaction": "satisfied", "suggestion": f"tick {tick}"}
    return {
        "submitted": Act("orders.hand_over", id, "SERVICE", {"to": shop.AGENT.id}),
        "handed_over": Act("orders.contact_merchant", id, "AGENT", {"way": f"call {tick}"}),
        "merchant_contacted": Act("orders.accept", id, "MERCHANT"),
        "accepted": Act("orders.ship", id, "MERCHANT", parcel),
        "shipped": Act("orders.deliver", id, "COURIER", {"parcel": dice.choice(arriving or [""])}),
        "delivered": Act("orders.complete", id, "CUSTOMER"),
        "completed": Act(f"callbacks.{called}", id, "SERVICE", (
            heard if called == "reach" else {"note": f"tick {tick}"}
        )),
    }.get(order.goods or "", Act("orders.archive", id, "SERVICE"))


def case_act(mall: Mall, number: int, tick: int, dice: random.Random) -> Act:
    """Return a move that fits where the after-sale case of an order is."""
    id, order, words = f"R{number}", f"A{number}", f"tick {tick}"
    try:
        case = mall.cases.get(id)
    except Unknown:
        given = {"order": order, "customer": shop.CUSTOMER.id, "lines": {"tea": 1}}
        return Act("cases.open", id, "CUSTOMER", given | {
            "remedy": dice.choice(("return", "refund_only")), "words": words,
        })
    facts = {"ground": "damaged", "item_state": "unused", "wish": words}
    contacted = (
        Act("cases.record", id, "SERVICE", facts) if case.ground is None
        else Act("cases.contact_merchant", id, "AGENT", {"note": words})
    )
    return {
        "opened": Act("cases.contact", id, "SERVICE", {"note": words}),
        "contacted": contacted,
        "merchant_contacted": Act("cases.approve", id, "MERCHANT"),
        "approved": Act("cases.send_back", id, "CUSTOMER", {"courier": "SF", "tracking": words}),
        "returning": Act("cases.receive", id, "MERCHANT", {"outcome": "ok", "restock": True}),
    }.get(case.state, Act("cases.close", id, "SERVICE"))


def complaint_act(mall: Mall, id: str, tick: int) -> Act:
    """Return a move that fits where the complaint is."""
    words = f"tick {tick}"
    try:
        state = mall.complaints.get(id).state
    except Unknown:
        given = {"customer": shop.CUSTOMER.id, "words": words}
        return Act("complaints.receive", id, "CUSTOMER", given)
    given = {"subject": words, "remedy": words, "etiquette": "2026"}
    return {
        "received": Act("complaints.record", id, "SERVICE", given),
        "escalated": Act("complaints.settle_opinion", id, "HEAD", {"text": words}),
        "answered": Act("complaints.close", id, "SERVICE"),
    }.get(state, Act("complaints.answer", id, "SERVICE", {"text": words}))


def arrived(mall: Mall, id: str) -> bool:
    """Say whether all of an order has arrived."""
    try:
        return mall.orders.get(id).goods in ("delivered", "completed", "archived")
    except Unknown:
        return False


def next_act(mall: Mall, tick: int, dice: random.Random) -> Act:
    """Return what to do at ``tick``: mostly what fits, at times what doesn't."""
    chance = dice.random()
    if chance < 0.18:
        return Act(dice.choice(UPKEEP), "", "")
    number = tick // TICKS_A_SUBJECT + dice.randrange(SUBJECTS)
    if chance < 0.35:
        act = complaint_act(mall, f"C{number}", tick)
    elif chance < 0.6 and arrived(mall, f"A{number}"):
        act = case_act(mall, number, tick, dice)
    else:
        act = order_act(mall, f"A{number}", tick, dice)
    if chance > 0.95:  # too early, or too late
        act = Act("orders.complete", f"A{number}", "CUSTOMER")
    key = f"key-{tick}" if dice.random() < 0.5 else None
    return Act(act.call, act.id, act.by, act.args, key, dice.random() < 0.25)


# Doing it


def host_engine(url: str) -> Engine:
    """Return an engine of the host's own, on the same database."""
    engine = create_engine(url, pool_pre_ping=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _prepare(raw: Any, _: object) -> None:
    raw.isolation_level = None
    raw.execute("PRAGMA synchronous=FULL")


def host_writes(connection: Connection, token: str) -> None:
    """Write the host's row, once."""
    there = connection.execute(text("SELECT 1 FROM host WHERE token = :t"), {"t": token})
    if there.first() is None:
        connection.execute(text("INSERT INTO host VALUES (:t)"), {"t": token})


@dataclass(frozen=True, slots=True)
class Hands:
    """What a worker works with."""

    mall: Mall
    host: Engine
    time: shop.Time

    def next(self, tick: int, dice: random.Random, again: Act | None) -> Act:
        """Return what to do at ``tick``: ``again``, or something new."""
        if again is not None:
            return replace(again, tick=tick)
        return replace(next_act(self.mall, tick, dice), tick=tick, first=tick)

    def do(self, act: Act) -> int:
        """Do ``act``; return the version of the record after it, 0 for upkeep."""
        self.time.now = moment(act.tick)
        if act.call in UPKEEP:
            getattr(self.mall, act.call)()
            return 0
        if not act.joined:
            return self._move(self.mall, act)
        with self.host.begin() as connection:
            host_writes(connection, act.token)
            return self.inside(connection, act)

    def inside(self, connection: Connection, act: Act) -> int:
        """Do ``act`` in the host's transaction."""
        with self.mall.joined(connection) as moving:
            return self._move(moving, act)

    def _move(self, moving: Any, act: Act) -> int:
        room, move = act.call.split(".")
        by = getattr(shop, act.by)
        options = {} if act.key is None else {"key": act.key}
        command = getattr(getattr(moving, room), move)
        return int(command(act.id, by=by, **act.args, **options).version)


def said(hands: Hands, act: Act) -> dict[str, Any]:
    """Do ``act``; return what a caller gets to know of it."""
    try:
        return {"said": "done", "version": hands.do(act)}
    except Refused:
        return {"said": "refused"}
    except Conflict as conflict:
        return {"said": "conflict", "why": str(conflict)}


def work(
    url: str, folder: Path, dice: random.Random, note: Callable[[bytes], object], again: Act | None
) -> None:
    """Make commands and note them, until killed.

    Args:
        url: the database.
        folder: where ticks, roots and what was heard are kept.
        dice: decides what is done.
        note: keeps a line.
        again: what a worker before this one didn't get an answer to.
    """
    time, ticks = shop.Time(), Ticks(folder)
    hands = Hands(open_mall(url, folder, time), host_engine(url), time)
    keyed: list[Act] = []
    while True:
        tick = ticks.next()
        if again is None and keyed and dice.random() < 0.1:
            again = dice.choice(keyed)  # the answer got lost on the way to whoever asked
        act = hands.next(tick, dice, again)
        note(_line(asdict(act)))
        answer = said(hands, act)
        note(_line({"tick": tick} | answer))
        if act.key is not None and answer["said"] == "done":
            keyed.append(act)
        again = None


def _line(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields).encode() + b"\n"


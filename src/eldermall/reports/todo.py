"""To-do lists: what waits for whom, since when, until when, under which clause; and the gaps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from eldermall.contracts.storage import (
    OPEN_CLOCKS,
    ClockRow,
    ClockState,
    Message,
    Transaction,
)
from eldermall.engine.actor import STAFF, Role
from eldermall.engine.inputs import checked_id
from eldermall.engine.kind import Kind, Record, subject_of
from eldermall.engine.mending import Chosen
from eldermall.engine.settings import Relaxation, Settings
from eldermall.errors import Invalid
from eldermall.mall import Mall
from eldermall.policy import settings_of
from eldermall.reports.remarks import remarks
from eldermall.rooms.people import LEADER, LINKS, Designation, head_of
from eldermall.texts import Text

POSTS = {
    "collection": Text("采集", "collection"),
    "review": Text("审核", "review"),
    "listing": Text("上架", "listing"),
    "order": Text("订单", "order"),
    "tracking": Text("跟踪", "tracking"),
    "after_sale": Text("售后", "after-sale"),
    "messages": Text("留言", "messages"),
    "callback": Text("回访", "callback"),
    LEADER: Text("公司领导", "company leader"),
}
"""What links and posts are called in print."""

PAGE = 500
"""How many records are read at a time."""

_ALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that waits under a time limit. Moments and lengths in microseconds.

    Args:
        subject: ``kind/id`` of the record.
        label: what the limit demands.
        clock: ``id@version`` of the clock.
        part: what of the subject waits (a line of an order), or empty.
        since: since when.
        due: the last moment in time.
        state: running, paused or breached.
        clauses: the clauses behind the limit.
        hears: the roles that hear next, or have heard last if nobody is left to hear.
        hears_at: when they hear; None if all have heard.
        lateness: how long it has been overdue; 0 if it isn't.
        told: the roles that have heard of its breach.
        relaxed: who has relaxed it and until when, None if it is enforced; nobody hears of it then.
    """

    subject: str
    label: Text
    clock: str
    part: str
    since: int
    due: int
    state: ClockState
    clauses: tuple[str, ...]
    hears: tuple[Role, ...]
    hears_at: int | None
    lateness: int
    told: tuple[Role, ...] = ()
    relaxed: Relaxation | None = None

    def concerns(self, role: Role) -> bool:
        """Say whether a role hears of it next, or has heard."""
        return role in self.hears or role in self.told


@dataclass(frozen=True, slots=True)
class Move:
    """A move that somebody is expected to make: its name, and what it is called in print."""

    name: str
    label: Text


@dataclass(frozen=True, slots=True)
class Task:
    """A record that waits for somebody, once however much of it waits. Moments in microseconds.

    Args:
        subject: ``kind/id`` of the record.
        kind: what its kind is called in print.
        state: its state in one word.
        label: the state in words.
        created: since when the record is there.
        moves: what the role is expected to do next; empty if it only hears of it.
        clocks: the limits that run over it, the most urgent first.
        owners: who holds it: the person who has it in hand, else those who are designated for it.
        notes: what else is to be known of it.
    """

    subject: str
    kind: Text
    state: str
    label: Text
    created: int
    moves: tuple[Move, ...]
    clocks: tuple[Waiting, ...]
    owners: tuple[str, ...]
    notes: tuple[Text, ...] = ()

    @property
    def urgent(self) -> Waiting | None:
        """The limit that ends first; None if none runs."""
        return next((clock for clock in self.clocks if clock.state != "paused"), None)

    @property
    def since(self) -> int:
        """Since when it waits: under the limit that ends first, else since it is there."""
        return self.created if self.urgent is None else self.urgent.since

    @property
    def due(self) -> int | None:
        """The last moment in time; None if no limit runs."""
        return None if self.urgent is None else self.urgent.due

    @property
    def lateness(self) -> int:
        """How long it has been overdue; 0 if it isn't."""
        return 0 if self.urgent is None else self.urgent.lateness


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that only a person can mend: a post that nobody holds, or a dead message.

    Args:
        kind: ``vacant`` or ``dead-message``.
        what: the post, or the message's id.
        text: what is missing, in words.
        clauses: the clauses behind it.
    """

    kind: Literal["vacant", "dead-message"]
    what: str
    text: Text
    clauses: tuple[str, ...] = ()


def waiting(mall: Mall, *, limit: int = 1000) -> list[Waiting]:
    """Return what waits under a time limit, the most urgent first.

    Args:
        mall: the mall.
        limit: the most to return.
    """
    with mall.read() as tx:
        return _waiting(mall, tx, limit)


def _waiting(mall: Mall, tx: Transaction, limit: int) -> list[Waiting]:
    now = mall.now()
    rows = tx.clocks(OPEN_CLOCKS, limit=limit)
    used = {row.pack for row in rows}
    packs = {
        pack.hash: settings_of(pack.body, mall.book) for pack in tx.packs() if pack.hash in used
    }
    return [_one(mall, row, packs.get(row.pack, mall.policy.settings), now) for row in rows]


def _one(mall: Mall, row: ClockRow, settings: Settings, now: int) -> Waiting:
    clock = mall.book.clocks[row.name]
    acts = clock.acts(row.started, row.due, settings)
    telling = [(at, who) for at, _, who in acts if who]
    ahead = [(at, who) for at, _, who in acts[row.stage :] if who]
    hears_at, hears = ahead[0] if ahead else (None, telling[-1][1])
    told = tuple(dict.fromkeys(role for _, _, who in acts[: row.stage] for role in who))
    late = 0 if row.state == "paused" else max(0, now - row.due)
    relaxed = None
    if mall.policy.settings.mode(clock.id, now) != "on":
        relaxed, hears_at, hears, told = mall.policy.settings.relaxed[clock.id], None, (), ()
    return Waiting(
        row.subject, clock.label, row.name, row.part, row.started, row.due, row.state,
        clock.clauses, hears, hears_at, late, told, relaxed,
    )


def todo_list(mall: Mall, *, role: Role, person: str | None = None) -> list[Task]:
    """Return what waits for a role, each record once, the most urgent first.

    What a role is expected to do next, and what it hears of or has heard of. Operations answers
    for tracking orders and after-sale matters (S19 article 3) and has everything that waits. What
    only stands on offer (a listing on display, a stock) waits once a limit of it has passed, or
    its stock has fallen to the warning level.

    Args:
        mall: the mall.
        role: customer_service, field_agent, operations, department_head or company_leader.
        person: a field agent, to leave only what belongs to the merchants assigned to them, and
            what was handed to them.

    Raises:
        Invalid: there is no such role among the staff.
    """
    if role not in STAFF:
        raise Invalid(
            "role", role,
            Text("应为下列之一：" + "、".join(STAFF), "must be one of " + ", ".join(STAFF)),
        )
    if person is not None:
        checked_id(person, "person")
    with mall.read() as tx:
        found = list(_tasks(mall, tx, role, person))
    return sorted(found, key=lambda t: (t.due is None, t.due or 0, t.since, t.subject))


def _tasks(mall: Mall, tx: Transaction, role: Role, person: str | None) -> Iterator[Task]:
    now = mall.now()
    clocks: dict[str, list[Waiting]] = {}
    for clock in _waiting(mall, tx, _ALL):
        clocks.setdefault(clock.subject, []).append(clock)
    on_duty = _on_duty(mall, tx, now)
    merchants = None
    if role == "field_agent" and person is not None:
        merchants = _merchants(mall, tx, person, now)
    for kind in mall.book.kinds.values():
        for page in _open(kind, tx):
            mine = page
            if merchants is not None and person is not None:
                mine = _theirs(mall, tx, page, person, merchants)
            for record in mine:
                limits = clocks.get(subject_of(kind.name, record.id), ())
                task = _task(kind, record, limits, role, on_duty, now)
                if task is not None:
                    yield task


def _open(kind: Kind, tx: Transaction) -> Iterator[list[Record]]:
    after = ""
    while rows := tx.find(kind.name, open=True, after=after, limit=PAGE):
        yield [kind.record(row) for row in rows]
        after = rows[-1].id


def _task(
    kind: Kind, record: Record, clocks: Sequence[Waiting], role: Role,
    on_duty: Mapping[str, Sequence[str]], now: int,
) -> Task | None:
    notes = tuple(remarks(record, now))
    if not kind.waiting(record):
        clocks = [clock for clock in clocks if clock.lateness]
        if not clocks and not notes:
            return None
    moves = tuple(Move(t.name, t.label) for t in kind.expected(record, role))
    if not moves and role != "operations" and not any(c.concerns(role) for c in clocks):
        return None
    states = [m.labels[getattr(record, m.field)] for m in kind.tracks(record)]
    label = Text("/".join(s.zh for s in states), " / ".join(s.en for s in states))
    return Task(
        subject_of(kind.name, record.id), kind.label, record.summary, label, record.created_at,
        moves, tuple(clocks), _owners(kind, record, on_duty), notes,
    )


_HELD_BY = ("handed_to", "appointed", "reviewer")


def _owners(kind: Kind, record: Any, on_duty: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    for name in _HELD_BY:
        if holder := getattr(record, name, None):
            return (holder,)
    post = getattr(record, "holder", None) or kind.link
    return tuple(on_duty.get(post or "", ()))


def _posts(mall: Mall) -> tuple[str, ...]:
    return (*LINKS, head_of(mall.policy.settings.department), LEADER)


def _on_duty(mall: Mall, tx: Transaction, now: int) -> dict[str, list[str]]:
    """Return who is on duty for each link and post."""
    kind = mall.book.kind("designation")
    found: dict[str, list[str]] = {}
    for post, row in tx.look_up(kind.name, _posts(mall)).items():
        record = kind.record(row)
        assert isinstance(record, Designation)
        found[post] = record.on_duty(now)
    return found


def _merchants(mall: Mall, tx: Transaction, agent: str, now: int) -> set[str]:
    """Return the merchants that a field agent is assigned to."""
    kind, after = mall.book.kind("assignment"), ""
    found: set[str] = set()
    while rows := tx.find(kind.name, after=after, limit=PAGE):
        for row in rows:
            record = kind.record(row)
            assert isinstance(record, Designation)
            if agent in record.on_duty(now):
                found.add(record.id)
        after = rows[-1].id
    return found


def _theirs(
    mall: Mall, tx: Transaction, records: Sequence[Record], agent: str, merchants: set[str]
) -> list[Record]:
    """Return the records that were handed to a field agent, or are of one of their merchants.

    What is about an order belongs to whoever has the order.
    """
    about = {record.id: order for record in records if (order := getattr(record, "order", None))}
    kind = mall.book.kind("order")
    rows = tx.look_up(kind.name, sorted(set(about.values())))
    orders = {id: kind.record(row) for id, row in rows.items()}

    def is_theirs(record: Record | None) -> bool:
        held = any(getattr(record, name, None) == agent for name in _HELD_BY)
        return held or getattr(record, "merchant", None) in merchants

    return [r for r in records if is_theirs(r) or is_theirs(orders.get(about.get(r.id, "")))]


def gaps(mall: Mall, *, limit: int = 1000) -> list[Gap]:
    """Return the links and posts that nobody holds now, and the messages that never got through.

    Refund requests come before other messages.

    Args:
        mall: the mall.
        limit: the most messages to return.
    """
    now = mall.now()
    posts = _posts(mall)
    with mall.read() as tx:
        held = {post for post, persons in _on_duty(mall, tx, now).items() if persons}
    found = [_vacant(post) for post in posts if post not in held]
    refunds = mall.messages("dead", which=Chosen(topic="refund"), limit=limit)
    dead = [m for m in mall.messages("dead", limit=limit) if m.topic != "refund"]
    return found + [_undelivered(message) for message in (*refunds, *dead)[:limit]]


def _undelivered(message: Message) -> Gap:
    id, why = message.id, message.reason
    if message.topic == "refund":
        said = Text(
            f"退款请求 {id} 未被受理，款项仍欠客户：{why}；可用 eldermall outbox retry 重试",
            f"the refund request {id} was never taken, and the money is still owed: {why}; "
            "eldermall outbox retry asks again",
        )
    else:
        said = Text(
            f"消息 {id}（{message.topic}）未能送达：{why}",
            f"the message {id} ({message.topic}) was never delivered: {why}",
        )
    return Gap("dead-message", id, said)


def _vacant(post: str) -> Gap:
    if post in LINKS:
        name = POSTS[post]
        return Gap(
            "vacant",
            post,
            Text(
                f"“{name.zh}”环节没有在任的指定人员",
                f"nobody is designated for the link {name.en}",
            ),
            ("S19-05a",),
        )
    name = POSTS.get(post, Text("部门负责人", "department head"))
    return Gap(
        "vacant",
        post,
        Text(f"{name.zh}空缺，投诉无人可上报", f"there is no {name.en} to report a complaint to"),
        ("S19-12-2d", "S19-12-2e"),
    )

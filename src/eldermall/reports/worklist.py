"""The work list: what waits, until when, under which clause, and who hears of it; and the gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eldermall.contracts.storage import OPEN_CLOCKS, ClockRow, ClockState
from eldermall.engine.actor import Role
from eldermall.engine.settings import Settings
from eldermall.mall import Mall
from eldermall.people.designation import LEADER, LINKS, Designation, head_of
from eldermall.policy import settings_of
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


def work_list(mall: Mall, *, limit: int = 1000) -> list[Waiting]:
    """Return what waits under a time limit, the most urgent first.

    Args:
        mall: the mall.
        limit: the most to return.
    """
    now = mall.now()
    with mall.read() as tx:
        rows = tx.clocks(OPEN_CLOCKS, limit=limit)
        used = {row.pack for row in rows}
        packs = {
            pack.hash: settings_of(pack.body, mall.book) for pack in tx.packs()
            if pack.hash in used
        }
    return [_waiting(mall, row, packs.get(row.pack, mall.policy.settings), now) for row in rows]


def _waiting(mall: Mall, row: ClockRow, settings: Settings, now: int) -> Waiting:
    clock = mall.book.clocks[row.name]
    acts = clock.acts(row.started, row.due, settings)
    telling = [(at, who) for at, _, who in acts if who]
    ahead = [(at, who) for at, _, who in acts[row.stage :] if who]
    hears_at, hears = ahead[0] if ahead else (None, telling[-1][1])
    return Waiting(
        row.subject, clock.label, row.name, row.part, row.started, row.due, row.state,
        clock.clauses, hears, hears_at, max(0, now - row.due),
    )


def gaps(mall: Mall, *, limit: int = 1000) -> list[Gap]:
    """Return the links and posts that nobody holds now, and the messages that never got through.

    Args:
        mall: the mall.
        limit: the most messages to return.
    """
    now = mall.now()
    head = head_of(mall.policy.settings.department)
    posts = (*LINKS, head, LEADER)
    kind = mall.book.kind("designation")
    held: set[str] = set()
    with mall.read() as tx:
        for post, row in tx.look_up("designation", posts).items():
            record = kind.record(row)
            if isinstance(record, Designation) and record.on_duty(now):
                held.add(post)
        dead = tx.messages(("dead",), limit)
    found = [_vacant(post) for post in posts if post not in held]
    found += [
        Gap(
            "dead-message",
            message.id,
            Text(
                f"消息 {message.id}（{message.topic}）未能送达：{message.reason}",
                f"the message {message.id} ({message.topic}) was never delivered: "
                f"{message.reason}",
            ),
        )
        for message in dead
    ]
    return found


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

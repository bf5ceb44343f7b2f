"""Designated persons.   S19 article 5; articles 2, 3.

Every link of daily operation needs at least one designated person in force when staff act in it; a
department alone is not enough. Both channels of the mall answer to one department. Decided where
the text is silent: the customer's and merchant's own moves, and what the system notes (payments,
arrivals, escalations), are not stopped by a gap that only the company can close; the gap shows in
the work list. A policy may name further channels, which then answer to the same department.
"""

from __future__ import annotations

from typing import Any

from eldermall.engine.actor import STAFF
from eldermall.engine.clock import Clock
from eldermall.engine.machine import every_move_of
from eldermall.engine.rule import ACTOR_ROLE, Context, Fact, Rule, looked_up, set_by
from eldermall.engine.settings import Setting
from eldermall.rooms.aftersales import Cases
from eldermall.rooms.complaints import Complaints
from eldermall.rooms.listings import Listings
from eldermall.rooms.orders import Orders
from eldermall.texts import Text

CHANNELS = Setting(
    "people.channels",
    Text("商城的渠道", "the channels of the mall"),
    "S19-03a",
    "names",
    article=("wechat", "app"),
    stricter="more",
)
CHANNEL = Fact(
    "channel", "text", "argument", Text("渠道", "the channel"), lambda c: c.args.channel
)

def on_duty(link: str, label: Text) -> Fact:
    """Return the fact: the persons designated for a link when the move happens."""

    def read(c: Context, record: Any) -> list[str]:
        return [] if record is None else record.on_duty(c.at)

    return looked_up(
        f"designation.{link}", "list", label, "designation", lambda c: link, read
    )


def _staffed(link: str, name: Text) -> Rule:
    return Rule(
        id=f"people.designated-for-{link.replace('_', '-')}",
        label=Text(
            f"“{name.zh}”环节须有在任的指定人员", f"the link {name.en} has a designated person"
        ),
        clauses=("S19-05a",),
        guards=(every_move_of(link),),
        needs=(ACTOR_ROLE, on_duty(link, name)),
        check=lambda role, persons: role not in STAFF or bool(persons),
        reason=Text(
            f"“{name.zh}”环节没有在任的指定人员", f"nobody is designated for the link {name.en}"
        ),
    )


KNOWN_CHANNEL = Rule(
    id="people.known-channel",
    label=Text("须来自政策列明的渠道", "it comes through a channel that the policy names"),
    clauses=("S19-03a",),
    guards=(
        Listings.draft.guard + Orders.place.guard + Complaints.receive.guard + Cases.open.guard
    ),
    needs=(CHANNEL, set_by(CHANNELS)),
    check=lambda channel, channels: channel in channels,
    reason=Text("政策没有渠道 {0}，只有 {1}", "the policy has no channel {0}, only {1}"),
    settings=(CHANNELS,),
)

RULES: tuple[Rule, ...] = (
    KNOWN_CHANNEL,
    _staffed("collection", Text("采集", "collection")),
    _staffed("listing", Text("上架", "listing")),
    _staffed("review", Text("审核", "review")),
    _staffed("order", Text("订单", "order")),
    _staffed("tracking", Text("跟踪", "tracking")),
    _staffed("callback", Text("回访", "callback")),
    _staffed("after_sale", Text("售后", "after-sale")),
)

CLOCKS: tuple[Clock, ...] = ()

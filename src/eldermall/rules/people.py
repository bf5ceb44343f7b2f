"""Designated persons, and who may act.   S19 article 5; articles 2, 3, 10 (2); S01 part 2.

Every link of daily operation needs at least one designated person in force when staff act in it; a
department alone is not enough. Both channels of the mall answer to one department. Decided where
the text is silent: the customer's and merchant's own moves, and what the system notes (payments,
arrivals, escalations), are not stopped by a gap that only the company can close; the gap shows in
the work list. A policy may name further channels, which then answer to the same department.

Trade and the settling of disputes are to be just, so nobody deals with a matter of their own: who
is its customer, a relative whom the customer has named, or its merchant does nothing in it for the
company, in any room; nor does a merchant's person in what they bought themselves. A post is filled
from above: by the leader in office, while there is none by the head in office, and only while there
is neither by others; nobody appoints themselves. A field agent acts for the merchants assigned to
them, on what they hold, and on own goods that nobody holds. Who is in office when a move happens
counts; for the posts of leader and head so does who is when it is recorded.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from eldermall.engine.actor import STAFF, Actor
from eldermall.engine.clock import Clock
from eldermall.engine.machine import Every, every_move_of
from eldermall.engine.rule import ACTOR_ID, ACTOR_ROLE, Context, Fact, Rule, looked_up, set_by
from eldermall.engine.settings import Setting
from eldermall.rooms.aftersales import Cases
from eldermall.rooms.callbacks import Callback
from eldermall.rooms.complaints import Complaints
from eldermall.rooms.listings import Listings
from eldermall.rooms.orders import Orders
from eldermall.rooms.people import LEADER, Assignments, Designations, head_of
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


def _about(c: Context) -> Any:
    return c.args if c.record is None else c.record


def _order(c: Context) -> str | None:
    """Return the order that a move of staff or a merchant is about, where its record names one."""
    if c.actor.role in ("customer", "system"):
        return None
    order = c.id if isinstance(c.record, Callback) else vars(_about(c)).get("order")
    return order if isinstance(order, str) else None


def _as(c: Context, someone: Actor, anybody: Actor) -> bool:
    """Say whether somebody is a party in a role, and not only because everybody in it is."""
    with suppress(AttributeError):  # of arguments that say less than the record will
        about = _about(c)
        return c.party(about, someone) and not c.party(about, anybody)
    return False


def _persons(about: Any) -> set[str]:
    """Return those whom a record calls its customer or complainant, or names to act for them."""
    said = {} if about is None else vars(about)
    named = (said.get(name) for name in ("customer", "complainant"))
    return {*filter(None, named), *said.get("relatives", ())}


def _own_matter(c: Context, order: Any) -> bool:
    actor = c.actor
    if actor.role in ("customer", "system"):
        return False
    if actor.id in _persons(_about(c)) | _persons(order):
        return True
    if _as(c, Actor(actor.id, "customer"), Actor(".", "customer")):
        return True
    if actor.role == "merchant":
        return False
    merchants = {actor.id, actor.merchant} - {None}
    if merchants & {getattr(_about(c), "merchant", None), getattr(order, "merchant", None)}:
        return True
    return any(
        _as(c, Actor(actor.id, "merchant", merchant=m), Actor(".", "merchant", merchant="."))
        for m in merchants
    )


OWN_MATTER = looked_up(
    "actor.own-matter", "flag", Text("操作人是当事人", "whether who acts is a party to it"),
    "order", _order, _own_matter,
)

NOT_ONES_OWN = Rule(
    id="people.not-in-ones-own-matter",
    label=Text("不得办理与本人有关的事项", "nobody deals with a matter of their own"),
    clauses=("S01-2-1b", "S01-2-3a"),
    guards=(Every(lambda t: not {"customer", "system"}.issuperset(t.by)),),
    needs=(OWN_MATTER,),
    check=lambda own: not own,
    reason=Text(
        "操作人是该事项的客户、其指定的家属或商家，须由他人办理",
        "who acts is its customer, a relative named by them, or its merchant; somebody else must",
    ),
)

WHO = Fact("post.who", "text", "argument", Text("任免的人员", "who is meant"), lambda c: c.args.who)
POST = Fact("post.name", "text", "argument", Text("岗位", "the post"), lambda c: c.id)


def _in_office(name: str, label: Text, post: Any) -> Fact:
    """Return the fact: who holds a post when the move happens, or when it is recorded."""

    def read(c: Context, record: Any) -> list[str]:
        held = [] if record is None else [*record.on_duty(c.at), *record.on_duty(c.now)]
        return list(dict.fromkeys(held))

    return looked_up(name, "list", label, "designation", post, read)


IN_LEAD = _in_office("post.leaders", Text("在任的公司领导", "leaders in office"), lambda c: LEADER)
AT_HEAD = _in_office(
    "post.heads", Text("在任的部门负责人", "heads in office"),
    lambda c: head_of(c.settings.department),
)


def _from_above(
    post: str, who: str, actor: str, role: str, leaders: list[str], heads: list[str]
) -> bool:
    if post != LEADER and not post.startswith(head_of("")):
        return True
    if leaders:
        return role == "company_leader" and actor in leaders
    return not heads or (role == "department_head" and actor in heads)


def _leaves_or_from_above(post: str, who: str, actor: str, *above: Any) -> bool:
    return who == actor or _from_above(post, who, actor, *above)


NOT_ONESELF = Rule(
    id="people.not-appointed-by-oneself",
    label=Text("不得任命自己", "nobody appoints themselves"),
    clauses=("S19-05a", "S19-05c"),
    guards=(*Designations.appoint.guard, *Assignments.appoint.guard),
    needs=(ACTOR_ID, WHO),
    check=lambda actor, who: actor != who,
    reason=Text("{0} 不得任命自己", "{0} can't appoint themselves"),
)

_ABOVE = (POST, WHO, ACTOR_ID, ACTOR_ROLE, IN_LEAD, AT_HEAD)

APPOINTED_FROM_ABOVE = Rule(
    id="people.appointed-from-above",
    label=Text("公司领导与部门负责人由上级任命", "leader and heads are appointed from above"),
    clauses=("S19-05a", "S19-12-2e"),
    guards=Designations.appoint.guard,
    needs=_ABOVE,
    check=_from_above,
    reason=Text(
        "{0} 由在任的公司领导（{4}）任命；公司领导空缺时由在任的部门负责人（{5}）任命",
        "{0} is appointed by a leader in office ({4}), while there is none by a head ({5})",
    ),
)

DISMISSED_FROM_ABOVE = Rule(
    id="people.dismissed-from-above",
    label=Text("公司领导与部门负责人由上级免除", "leader and heads are dismissed from above"),
    clauses=("S19-05a", "S19-12-2e"),
    guards=Designations.dismiss.guard,
    needs=_ABOVE,
    check=_leaves_or_from_above,
    reason=Text(
        "{0} 由在任的公司领导（{4}）免除，公司领导空缺时由在任的部门负责人（{5}）免除；"
        "本人可以辞任",
        "{0} is dismissed by a leader in office ({4}), while there is none by a head ({5}), or by "
        "whoever holds it",
    ),
)


def _merchant(c: Context) -> str | None:
    merchant = getattr(_about(c), "merchant", None) if c.actor.role == "field_agent" else None
    return merchant if isinstance(merchant, str) else None


def _agents(c: Context, assignment: Any) -> list[str] | None:
    if assignment is None:
        return None if _merchant(c) is None else []
    return list(assignment.on_duty(c.at))


AGENTS = looked_up(
    "agents.of-the-merchant", "list", Text("对接该商家的外勤", "the merchant's field agents"),
    "assignment", _merchant, _agents,
)


def _holder(c: Context, order: Any) -> str | None:
    if c.actor.role != "field_agent":
        return None
    about = _about(c)
    held = getattr(about, "handed_to", None) or getattr(about, "appointed", None)
    if held is None and order is not None and getattr(about, "merchant", order.merchant):
        held = order.handed_to
    return held if isinstance(held, str) else None


HOLDER = looked_up(
    "agents.holder", "text", Text("接手人", "who holds it"), "order", _order, _holder
)

def _theirs(actor: str, role: str, holder: str | None, agents: list[str] | None) -> bool:
    if role != "field_agent" or actor == holder:
        return True
    return holder is None if agents is None else actor in agents


BY_THEIR_AGENT = Rule(
    id="people.agent-of-that-merchant",
    label=Text(
        "外勤只办理所对接商家或本人接手的事项",
        "a field agent acts for the merchants assigned to them, and on what they hold",
    ),
    clauses=("S19-10-2a",),
    # who writes a listing and who keeps its stock is asked by rules of their own
    guards=(Every(lambda t: "field_agent" in t.by and t.link != "listing"),),
    needs=(ACTOR_ID, ACTOR_ROLE, HOLDER, AGENTS),
    check=_theirs,
    reason=Text(
        "{0} 不是对接该商家的外勤（{3}），也不是接手人（{2}）",
        "{0} is neither one of that merchant's field agents ({3}) nor who holds it ({2})",
    ),
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
    NOT_ONES_OWN,
    NOT_ONESELF,
    APPOINTED_FROM_ABOVE,
    DISMISSED_FROM_ABOVE,
    BY_THEIR_AGENT,
)

CLOCKS: tuple[Clock, ...] = ()

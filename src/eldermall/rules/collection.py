"""Collection: the merchant's own, assisted, or the company's own.   S19 article 9 (1), (2); 3.

A merchant collects its own listings; where it needs help, operations appoint a person who comes on
site and helps with at least four steps, so that its listings are shown in time; what the company
sells itself, operations collect and list. Decided where the text is silent: the merchant's own
request begins any help, so nobody else writes a listing of theirs without it, and only the person
appointed, while on site; every step is marked done or not needed before the job is closed; a
version that was returned waits for its author, so its time begins anew when it is submitted again.
The article gives no number for "in time".
"""

from __future__ import annotations

from typing import Any

from eldermall.engine.clock import Clock
from eldermall.engine.rule import ACTOR_ID, ACTOR_ROLE, Context, Fact, Rule, looked_up, set_by
from eldermall.engine.settings import Setting
from eldermall.rooms.assistance import Assistance, AssistanceJobs
from eldermall.rooms.listings import Listing, Listings
from eldermall.rules.notices import LADDER
from eldermall.texts import Text

STEPS = Setting(
    "collection.steps",
    Text("协助采集至少包括的步骤", "the steps that assistance includes"),
    "S19-09-1c",
    "names",
    article=("photography", "image_processing", "detail_page", "listing"),
    stricter="more",
)
ASSISTANCE_LIMIT = Setting(
    "collection.assistance-limit",
    Text("商家申请协助后多久内须完成", "how soon after the request assistance is done"),
    "S19-09-1d",
    "duration",
    suggestion="7d",
)
DISPLAY_LIMIT = Setting(
    "collection.display-limit",
    Text("商家提交后多久内须上架展示", "how soon after submission a merchant's listing is shown"),
    "S19-09-1d",
    "duration",
    suggestion="3d",
)


def _named(c: Context) -> str | None:
    """Return the job that the move itself names."""
    named: str | None = getattr(c.args, "assistance", None)
    return named


def _job(c: Context) -> str | None:
    """Return the job under which the listing is collected once the move is made."""
    job: str | None = _named(c) or (None if c.record is None else c.record.assistance)
    return job


def _mode(c: Context) -> Any:
    if c.record is None:
        return c.args.mode
    return c.record.mode if _named(c) is None else "assisted"


MODE = Fact(
    "listing.mode", "text", "record", Text("采集方式", "how it is collected"), _mode
)
SELLER = Fact(
    "listing.merchant", "text", "record", Text("所属商家", "whose listing it is"),
    lambda c: c.args.merchant if c.record is None else c.record.merchant,
)
JOB = Fact(
    "listing.assistance", "text", "record", Text("协助采集编号", "the assistance job"), _job
)
BEGINS = Fact(
    "listing.assistance-begins", "flag", "argument",
    Text("自此由专人协助", "whether the help begins with this move"),
    lambda c: _named(c) is not None,
)
JOB_MERCHANT = looked_up(
    "assistance.merchant", "text", Text("申请协助的商家", "who asked for assistance"),
    "assistance", _job, lambda c, job: None if job is None else job.merchant,
)
JOB_STATE = looked_up(
    "assistance.state", "text", Text("协助的进度", "how far assistance is"),
    "assistance", _job, lambda c, job: None if job is None else job.state,
)
JOB_PERSON = looked_up(
    "assistance.person", "text", Text("指派的专人", "the person appointed to assist"),
    "assistance", _job, lambda c, job: None if job is None else job.appointed,
)
APPOINTED = Fact(
    "assistance.appointed", "text", "record", Text("指派的专人", "the person appointed"),
    lambda c: c.record.appointed,
)
WAY = Fact(
    "assistance.way-said", "flag", "argument",
    Text("已注明申请的途径", "how the request came is said"),
    lambda c: c.args.way is not None,
)
STEP = Fact("assistance.step", "text", "argument", Text("步骤", "the step"), lambda c: c.args.step)
MARKED = Fact(
    "assistance.marked", "list", "record", Text("已标记的步骤", "steps that are marked"),
    lambda c: c.record.marked,
)

WRITING = (
    *Listings.draft.guard, *Listings.revise.guard, *Listings.submit.guard, *Listings.edit.guard,
)


def _mode_fits(mode: str, merchant: str | None, job: str | None) -> bool:
    return (mode == "self_operated") == (merchant is None) and (mode == "assisted") == bool(job)


def _author_fits(actor: str, role: str, mode: str, person: str | None) -> bool:
    if mode == "self_operated":
        return role == "operations"
    return role == "merchant" or (mode == "assisted" and actor == person)


def _as_requested(
    role: str, mode: str, begins: bool, merchant: str, asked: str | None, state: str | None
) -> bool:
    if mode != "assisted" or (role == "merchant" and not begins):
        return True
    return asked == merchant and state == "on_site"


MODE_FITS = Rule(
    id="collection.mode-fits-the-seller",
    label=Text("采集方式须与所属商家相符", "how a listing is collected fits whose it is"),
    clauses=("S19-09-1a", "S19-09-2a"),
    guards=(*Listings.draft.guard, *Listings.edit.guard),
    needs=(MODE, SELLER, JOB),
    check=_mode_fits,
    reason=Text(
        "采集方式 {0} 与所属商家（{1}）或协助采集（{2}）不符",
        "the mode {0} doesn't fit the merchant ({1}) or the assistance ({2})",
    ),
)

AUTHOR_FITS = Rule(
    id="collection.author-fits-the-mode",
    label=Text("内容由采集方式所定的人员采集", "who writes a listing fits how it is collected"),
    clauses=("S19-09-1a", "S19-09-2a"),
    guards=WRITING,
    needs=(ACTOR_ID, ACTOR_ROLE, MODE, JOB_PERSON),
    check=_author_fits,
    reason=Text(
        "采集方式为 {2} 的内容不由 {0} 采集（指派的专人：{3}）",
        "{0} doesn't write what is collected as {2} (person appointed: {3})",
    ),
)

AS_REQUESTED = Rule(
    id="collection.assisted-as-requested",
    label=Text(
        "经该商家申请、专人到场后方可协助采集",
        "a merchant is assisted at their own request, by a person on site",
    ),
    clauses=("S19-09-1a", "S19-09-1b"),
    guards=WRITING,
    needs=(ACTOR_ROLE, MODE, BEGINS, SELLER, JOB_MERCHANT, JOB_STATE),
    check=_as_requested,
    reason=Text(
        "须由商家 {3} 申请协助且专人已到场（申请商家：{4}，进度：{5}）",
        "merchant {3} must have asked for it and the person be on site (asked: {4}, state: {5})",
    ),
)

OPERATIONS_LIST = Rule(
    id="collection.operations-list",
    label=Text("上架由运营负责", "operations put listings on display"),
    clauses=("S19-03b", "S19-09-2b"),
    guards=Listings.publish.guard,
    needs=(ACTOR_ROLE,),
    check=lambda role: role == "operations",
    reason=Text("只有运营可以上架", "only operations put a listing on display"),
)

AT_THE_MERCHANTS_REQUEST = Rule(
    id="collection.at-the-merchants-request",
    label=Text("协助须由商家提出申请", "assistance begins at the merchant's own request"),
    clauses=("S19-09-1b",),
    guards=AssistanceJobs.request.guard,
    needs=(ACTOR_ROLE, WAY),
    check=lambda role, said: role == "merchant" or said,
    reason=Text(
        "代商家登记申请须注明申请的途径",
        "whoever notes a merchant's request says how it came",
    ),
)

BY_THE_APPOINTED = Rule(
    id="collection.by-the-appointed-person",
    label=Text("由指派的专人到场协助", "the appointed person comes and assists"),
    clauses=("S19-09-1b",),
    guards=(
        *AssistanceJobs.arrive.guard, *AssistanceJobs.mark.guard, *AssistanceJobs.finish.guard,
    ),
    needs=(ACTOR_ID, APPOINTED),
    check=lambda actor, appointed: actor == appointed,
    reason=Text("{0} 不是指派的专人（{1}）", "{0} isn't the person appointed ({1})"),
)

KNOWN_STEP = Rule(
    id="collection.known-step",
    label=Text("步骤须为政策所列", "a step is one that the policy names"),
    clauses=("S19-09-1c",),
    guards=AssistanceJobs.mark.guard,
    needs=(STEP, set_by(STEPS)),
    check=lambda step, steps: step in steps,
    reason=Text("没有步骤 {0}，只有 {1}", "there is no step {0}, only {1}"),
    settings=(STEPS,),
)

EVERY_STEP = Rule(
    id="collection.every-step-marked",
    label=Text(
        "每一步均已标记方可完成协助",
        "assistance is closed when each step is done or not needed",
    ),
    clauses=("S19-09-1c",),
    guards=AssistanceJobs.States.done.entered,
    needs=(MARKED, set_by(STEPS)),
    check=lambda marked, steps: set(steps) <= set(marked),
    reason=Text(
        "须逐步标记完成或不需要：{1}（已标记 {0}）",
        "each of {1} is to be marked done or not needed (marked: {0})",
    ),
    settings=(STEPS,),
)


def _helping(job: Assistance) -> dict[str, int]:
    return {} if job.state in AssistanceJobs.States.table.ends else {"": job.created_at}


def _waiting(listing: Listing) -> dict[str, int]:
    waits = listing.work in ("submitted", "in_review", "approved")
    if not waits or listing.merchant is None or listing.submitted_at is None:
        return {}
    return {"": listing.submitted_at}


ASSISTED_IN_TIME = Clock(
    id="collection.assisted-in-time",
    label=Text("商家申请协助后及时完成", "a merchant who asked is assisted in time"),
    clauses=("S19-09-1d", "S19-09-1b"),
    kind="assistance",
    runs=_helping,
    met=lambda job, part: job.state == "done",
    limit=ASSISTANCE_LIMIT,
    starts=Text("商家申请协助", "the merchant asks for assistance"),
    stops=Text("协助完成", "assistance is done"),
    told=("operations",),
    ladder=LADDER,
)

SHOWN_IN_TIME = Clock(
    id="collection.shown-in-time",
    label=Text("商家提交后及时上架", "what a merchant submitted is shown in time"),
    clauses=("S19-09-1d",),
    kind="listing",
    runs=_waiting,
    met=lambda listing, part: listing.work == "published",
    limit=DISPLAY_LIMIT,
    starts=Text("提交审核", "it is submitted"),
    stops=Text("上架展示", "it is shown"),
    told=("operations",),
    ladder=LADDER,
)

RULES: tuple[Rule, ...] = (
    MODE_FITS,
    AUTHOR_FITS,
    AS_REQUESTED,
    OPERATIONS_LIST,
    AT_THE_MERCHANTS_REQUEST,
    BY_THE_APPOINTED,
    KNOWN_STEP,
    EVERY_STEP,
)
CLOCKS: tuple[Clock, ...] = (ASSISTED_IN_TIME, SHOWN_IN_TIME)

"""Callback after every completed order.   S19 article 11 (3).

For every completed order customer service calls the customer, learns how the customer felt and
listens to suggestions. Decided where the text is silent: exactly one callback per completed order
(it has the order's id), no sampling; "no suggestion" is an explicit answer; it may be closed as
unreachable only after the attempts that the policy sets; a customer may decline; an order is not
archived before its callback has an outcome; a complaint voiced in the call is received there and
then, through the channel of the order. The article gives no number.
"""

from __future__ import annotations

from typing import Any

from eldermall.engine.clock import Clock
from eldermall.engine.rule import MISSING, Context, Fact, Rule, looked_up, set_by
from eldermall.engine.settings import Setting
from eldermall.rooms.callbacks import Callback, Callbacks
from eldermall.rooms.orders.states import Ended
from eldermall.rules.notices import LADDER
from eldermall.texts import Text

FIRST_ATTEMPT = Setting(
    "callback.first-attempt",
    Text("订单完成后多久内须首次回访", "how soon after completion the first call is made"),
    "S19-11-3a",
    "duration",
    suggestion="3d",
)
ATTEMPTS = Setting(
    "callback.attempts",
    Text("认定无法联系前须尝试的次数", "calls made before a customer counts as unreachable"),
    "S19-11-3a",
    "count",
    suggestion=3,
)

SATISFACTION = Fact(
    "callback.satisfaction", "text", "argument", Text("满意度", "satisfaction"),
    lambda c: MISSING if c.args.satisfaction is None else c.args.satisfaction,
)
SUGGESTION_ASKED = Fact(
    "callback.suggestion-asked", "flag", "argument",
    Text("已记录建议或明确无建议", "a suggestion, or explicitly none"),
    lambda c: MISSING if c.args.suggestion is None else True,
)
MADE = Fact(
    "callback.attempts-made", "number", "record", Text("已尝试次数", "calls made"),
    lambda c: len(c.record.attempts),
)


def _outcome(c: Context, callback: Any) -> Any:
    return MISSING if callback is None else callback.state


OUTCOME = looked_up(
    "callback.outcome", "text", Text("回访结果", "outcome of the callback"), "callback",
    lambda c: c.id, _outcome,
)

BOTH_ANSWERS = Rule(
    id="callback.both-answers",
    label=Text("完成回访须记录感受与建议", "a callback learns satisfaction and suggestion"),
    clauses=("S19-11-3b",),
    guards=Callbacks.States.done.entered,
    needs=(SATISFACTION, SUGGESTION_ASKED),
    check=lambda satisfaction, asked: True,
    reason=Text(
        "须记录客户感受，并记录建议或明确无建议",
        "how the customer felt, and a suggestion or explicitly none, must be recorded",
    ),
)

ENOUGH_ATTEMPTS = Rule(
    id="callback.enough-attempts",
    label=Text("尝试足够次数后方可认定无法联系", "unreachable only after enough calls"),
    clauses=("S19-11-3a",),
    guards=Callbacks.States.unreachable.entered,
    needs=(MADE, set_by(ATTEMPTS)),
    check=lambda made, asked: made >= asked,
    reason=Text("已尝试 {0} 次，须满 {1} 次", "calls made: {0}; needed: {1}"),
    settings=(ATTEMPTS,),
)

BEFORE_ARCHIVE = Rule(
    id="callback.before-archive",
    label=Text("回访有结果之前不得归档", "no order is archived before its callback has an outcome"),
    clauses=("S19-11-3a",),
    guards=Ended.archived.entered,
    needs=(OUTCOME,),
    check=lambda outcome: outcome in ("done", "unreachable", "declined"),
    reason=Text("回访尚无结果", "the callback has no outcome yet"),
)


def _due(callback: Callback) -> dict[str, int]:
    return {"": callback.created_at} if callback.state == "due" else {}


FIRST_CALL = Clock(
    id="callback.first-call-in-time",
    label=Text("订单完成后及时回访", "the first call is made in time"),
    clauses=("S19-11-3a",),
    kind="callback",
    runs=_due,
    met=lambda callback, part: True,
    limit=FIRST_ATTEMPT,
    starts=Text("订单完成", "the order is completed"),
    stops=Text("首次回访", "the first call"),
    told=("customer_service", "operations"),
    ladder=LADDER,
)

RULES: tuple[Rule, ...] = (BOTH_ANSWERS, ENOUGH_ATTEMPTS, BEFORE_ARCHIVE)
CLOCKS: tuple[Clock, ...] = (FIRST_CALL,)

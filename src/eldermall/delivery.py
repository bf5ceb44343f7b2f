"""Delivery: a message of the outbox is handed to the hook of its topic; what came of it is said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from eldermall.contracts.events import (
    Answer,
    CommittedEvent,
    RefundAnswer,
    RefundRequest,
    SealedRoot,
)
from eldermall.contracts.notification import Notice, NoticeAnswer
from eldermall.contracts.storage import Message
from eldermall.engine.actor import system
from eldermall.engine.inputs import can_be_seen, checked_id
from eldermall.engine.outbox import Outcome, Told, address
from eldermall.errors import PluginError
from eldermall.hooks import EACH
from eldermall.plugins import Plugins
from eldermall.rooms.orders import Orders
from eldermall.rooms.refunding import Refunds

NO_REASON = "未说明原因 · no reason was given"
REFUNDED: Mapping[Answer, Told] = {
    "accepted": "accepted", "booked": "delivered", "failed": "dead", "unknown": "retry",
}
"""What becomes of a refund request's message, by what the plugin answers."""


def receivers(plugins: Plugins, topic: str) -> Sequence[str]:
    """Return the names of those to whom each message of a topic goes, each by itself.

    There are none for a refund: it is paid by one plugin.
    """
    return plugins.receivers(EACH[topic]) if topic in EACH else ()


def deliver(plugins: Plugins, message: Message) -> Outcome:
    """Hand a message to its receiver, or to the hook of its topic; say what came of it.

    A plugin that fails is no error here: the message is tried again.
    """
    told = json.loads(message.body)
    born, receiver = address(message.id)
    hook = EACH.get(message.topic, "")
    if receiver and receiver not in plugins.receivers(hook):
        return Outcome("retry", f"no plugin {receiver} is here that has {hook}")
    try:
        if message.topic == "event":
            return _event(plugins, _id(plugins, born, told), told, receiver)
        if message.topic == "notice":
            return _notice(plugins, _id(plugins, born, told), told, receiver)
        if message.topic == "refund":
            return _refund(plugins, _refund_id(plugins, born, told), told)
        return _root(plugins, message.body, told["number"], receiver)
    except Exception as error:  # noqa: BLE001 - the boundary to code that isn't ours
        cause = error.__cause__ if isinstance(error, PluginError) else None
        why = cause or error
        return Outcome("retry", f"{type(why).__name__}: {why}")


def _id(plugins: Plugins, born: str, told: Mapping[str, Any]) -> str:
    """Return the id that a receiver sees. A message from before there were marks keeps its own.

    The mark is there because places in a chain come again where a database has lost its end.
    """
    return f"{plugins.mall}/{born}-{told['mark']}" if "mark" in told else born


def _refund_id(plugins: Plugins, born: str, told: Mapping[str, Any]) -> str:
    """Return the id of a refund request: its record's, however often it is asked for.

    It has no mark, since each debt is to be paid once.
    """
    if "mark" not in told:
        return born
    subject: str = told["subject"]
    return f"{plugins.mall}/{subject if subject.startswith('refund/') else born}"


def _event(plugins: Plugins, id: str, told: Mapping[str, Any], receiver: str) -> Outcome:
    event = CommittedEvent(
        id, told["name"], told["subject"], told["at"], told["actor"], told["data"], plugins.mall
    )
    heard = plugins.committed(event, receiver)
    return Outcome("delivered") if heard else Outcome("suppressed", "no plugin listens")


def _notice(plugins: Plugins, id: str, told: Mapping[str, Any], receiver: str) -> Outcome:
    if not plugins.has("eldermall_notify"):
        return Outcome("suppressed", "no plugin sends notices")
    answer = plugins.notify(
        Notice(id, subject=told["subject"], mall=plugins.mall, **told["data"]), receiver
    )
    if answer is None:
        return Outcome("left" if receiver else "retry", "no plugin takes this notice")
    return _noticed(answer)


def _noticed(answer: NoticeAnswer) -> Outcome:
    why = ": ".join(filter(None, (answer.error, answer.reason)))
    if answer.result == "accepted":
        return Outcome("accepted", why)
    if answer.result == "delivered":
        return Outcome("delivered", why)
    return Outcome("dead" if answer.result == "rejected" else "retry", why or answer.result)


def _refund(plugins: Plugins, id: str, told: Mapping[str, Any]) -> Outcome:
    data = told["data"]
    answer = plugins.refund(
        RefundRequest(
            id, data.get("order", told["subject"].split("/", 1)[1]), data["amount"],
            data["currency"], data.get("case"), plugins.mall,
        )
    )
    if "refund" not in data:  # asked for before refunds were records
        return _refunded(answer)
    return _noted(_refunded(answer), answer, data)


def _refunded(answer: RefundAnswer | None) -> Outcome:
    if answer is None:
        return Outcome("retry", "no plugin takes refund requests")
    return Outcome(REFUNDED[answer.answer], answer.reason)


def _noted(outcome: Outcome, answer: RefundAnswer | None, data: Mapping[str, Any]) -> Outcome:
    """Return an outcome with the move that notes the answer on the refund, or books it."""
    refund, by = data["refund"], system("eldermall_refund")
    why = outcome.reason[:200] if can_be_seen(outcome.reason) else NO_REASON
    said = None if answer is None else answer.answer
    if answer is not None and said == "booked" and answer.reference:
        paid, reference = data["amount"], checked_id(answer.reference, "RefundAnswer.reference")
        booked = Orders.refunded.command(
            data["order"], paid, reference, currency=data["currency"], refund=refund, by=by
        )
        why = f"答复称已付 {paid}（{reference}），无法入账 · said to be paid, but can't be booked"
        return replace(
            outcome, follows=booked, otherwise=Refunds.lose.command(refund, reason=why, by=by)
        )
    if said in ("accepted", "booked"):
        return replace(outcome, state="accepted", follows=Refunds.accept.command(refund, by=by))
    if said == "failed":
        return replace(outcome, follows=Refunds.fail.command(refund, reason=why, by=by))
    return replace(outcome, otherwise=Refunds.lose.command(refund, reason=why, by=by))


def _root(plugins: Plugins, body: bytes, number: int, receiver: str) -> Outcome:
    kept = plugins.root(SealedRoot(plugins.mall, number, body), receiver)
    return Outcome("delivered") if kept else Outcome("suppressed", "no plugin keeps roots")

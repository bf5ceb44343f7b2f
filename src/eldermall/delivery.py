"""Delivery: a message of the outbox is handed to the hook of its topic; what came of it is said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from eldermall.contracts.events import CommittedEvent, RefundRequest, SealedRoot
from eldermall.contracts.notification import Notice
from eldermall.contracts.storage import Message
from eldermall.engine.outbox import Outcome
from eldermall.errors import PluginError
from eldermall.plugins import Plugins


def deliver(plugins: Plugins, message: Message) -> Outcome:
    """Hand a message of the outbox to the hook of its topic; say what came of it.

    A plugin that fails is no error here: the message is tried again.
    """
    told = json.loads(message.body)
    try:
        if message.topic == "event":
            return _event(plugins, CommittedEvent(**told))
        if message.topic == "notice":
            return _notice(plugins, message.id, told)
        if message.topic == "refund":
            return _refund(plugins, message.id, told)
        return _root(plugins, message.body, told["number"])
    except Exception as error:  # noqa: BLE001 - the boundary to code that isn't ours
        cause = error.__cause__ if isinstance(error, PluginError) else None
        why = cause or error
        return Outcome("retry", f"{type(why).__name__}: {why}")


def _event(plugins: Plugins, event: CommittedEvent) -> Outcome:
    heard = plugins.committed(event)
    return Outcome("delivered") if heard else Outcome("suppressed", "no plugin listens")


def _notice(plugins: Plugins, id: str, told: Mapping[str, Any]) -> Outcome:
    if not plugins.has("eldermall_notify"):
        return Outcome("suppressed", "no plugin sends notices")
    answer = plugins.notify(
        Notice(id, subject=told["subject"], mall=plugins.mall, **told["data"])
    )
    if answer is None:
        return Outcome("retry", "no plugin takes this notice")
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
            data["currency"], data.get("case"),
        )
    )
    if answer is None:
        return Outcome("retry", "no plugin takes refund requests")
    if answer.answer == "accepted":
        return Outcome("accepted", answer.reason)
    if answer.answer == "booked":
        return Outcome("delivered", answer.reason)
    if answer.answer == "failed":
        return Outcome("dead", answer.reason)
    return Outcome("retry", answer.reason)


def _root(plugins: Plugins, body: bytes, number: int) -> Outcome:
    kept = plugins.root(SealedRoot(plugins.mall, number, body))
    return Outcome("delivered") if kept else Outcome("suppressed", "no plugin keeps roots")

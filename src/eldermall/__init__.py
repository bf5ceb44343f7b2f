"""Eldermall: the rules a mall is bound to, enforced by code that its shop embeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eldermall.calendars import moment
    from eldermall.contracts.courier import TrackingEvent
    from eldermall.contracts.events import (
        CommittedEvent,
        RefundAnswer,
        RefundRequest,
        SealedRoot,
    )
    from eldermall.contracts.page import Page
    from eldermall.engine.actor import Actor, person, system
    from eldermall.engine.inputs import new_id
    from eldermall.engine.rule import Decision, Verdict
    from eldermall.engine.settings import Technical
    from eldermall.errors import (
        ClockDoubted,
        Conflict,
        DefinitionError,
        EldermallError,
        FileUnreadable,
        Invalid,
        KeyReused,
        Locked,
        NotInTransaction,
        NotJoinable,
        NotJoined,
        Overtaken,
        PluginError,
        PolicyError,
        Refused,
        RuleBroken,
        SchemaError,
        StorageError,
        Unknown,
    )
    from eldermall.hooks import hookimpl
    from eldermall.mall import Mall
    from eldermall.rooms.people import head_of
    from eldermall.texts import Text

_HOME = {
    "Actor": "engine.actor",
    "ClockDoubted": "errors",
    "CommittedEvent": "contracts.events",
    "Conflict": "errors",
    "Decision": "engine.rule",
    "DefinitionError": "errors",
    "EldermallError": "errors",
    "FileUnreadable": "errors",
    "Invalid": "errors",
    "KeyReused": "errors",
    "Locked": "errors",
    "Mall": "mall",
    "NotInTransaction": "errors",
    "NotJoinable": "errors",
    "NotJoined": "errors",
    "Overtaken": "errors",
    "Page": "contracts.page",
    "PluginError": "errors",
    "PolicyError": "errors",
    "RefundAnswer": "contracts.events",
    "RefundRequest": "contracts.events",
    "Refused": "errors",
    "RuleBroken": "errors",
    "SchemaError": "errors",
    "SealedRoot": "contracts.events",
    "StorageError": "errors",
    "Technical": "engine.settings",
    "Text": "texts",
    "TrackingEvent": "contracts.courier",
    "Unknown": "errors",
    "Verdict": "engine.rule",
    "head_of": "rooms.people",
    "hookimpl": "hooks",
    "moment": "calendars",
    "new_id": "engine.inputs",
    "person": "engine.actor",
    "system": "engine.actor",
}

__all__ = [
    "Actor",
    "ClockDoubted",
    "CommittedEvent",
    "Conflict",
    "Decision",
    "DefinitionError",
    "EldermallError",
    "FileUnreadable",
    "Invalid",
    "KeyReused",
    "Locked",
    "Mall",
    "NotInTransaction",
    "NotJoinable",
    "NotJoined",
    "Overtaken",
    "Page",
    "PluginError",
    "PolicyError",
    "RefundAnswer",
    "RefundRequest",
    "Refused",
    "RuleBroken",
    "SchemaError",
    "SealedRoot",
    "StorageError",
    "Technical",
    "Text",
    "TrackingEvent",
    "Unknown",
    "Verdict",
    "head_of",
    "hookimpl",
    "moment",
    "new_id",
    "person",
    "system",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'eldermall' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"eldermall.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)

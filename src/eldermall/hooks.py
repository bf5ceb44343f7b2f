"""Every plugin hook: its signature, one sentence, and what its failure does.

All are synchronous. `HOOKS` is the table: the markers below and the documents follow it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import pluggy

from eldermall.calendars import Day
from eldermall.contracts.courier import Courier
from eldermall.contracts.events import CommittedEvent, RefundAnswer, RefundRequest, SealedRoot
from eldermall.contracts.facts import WantedMove
from eldermall.contracts.notification import Notice, NoticeAnswer
from eldermall.contracts.plugin import PolicyPack
from eldermall.contracts.storage import Storage

if TYPE_CHECKING:
    from eldermall.engine.clock import Clock
    from eldermall.engine.declared import Declared
    from eldermall.engine.kind import Kind, Reaction
    from eldermall.engine.rule import Rule

PROJECT = "eldermall"

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Hook:
    """How a hook is called.

    Args:
        required: whether a mall can't be without an answer.
        result: ``first``, the first answer that isn't None counts, and the plugin that was handed
            over last is asked first; ``all``, every plugin is called, in whatever order;
            ``each``, every plugin is called by itself, and tried again by itself.
        failure: what happens when a plugin raises an error or breaks the contract.
    """

    required: bool
    result: Literal["first", "all", "each"]
    failure: str


HOOKS: Mapping[str, Hook] = {
    "eldermall_storage": Hook(True, "first", "the mall isn't opened"),
    "eldermall_rules": Hook(False, "all", "the mall isn't opened"),
    "eldermall_kinds": Hook(False, "all", "the mall isn't opened"),
    "eldermall_packs": Hook(False, "all", "the mall isn't opened"),
    "eldermall_facts": Hook(False, "all", "the move stops, nothing is kept of it"),
    "eldermall_rest_days": Hook(False, "first", "it is logged, and the next plugin is asked"),
    "eldermall_courier": Hook(False, "first", "whoever asked for the courier gets the error"),
    "eldermall_committed": Hook(False, "each", "the outbox tries that plugin again"),
    "eldermall_notify": Hook(False, "each", "the outbox tries that plugin again"),
    "eldermall_refund": Hook(False, "first", "the outbox tries again"),
    "eldermall_root": Hook(False, "each", "the outbox tries that plugin again"),
}

EACH: Mapping[str, str] = {
    "event": "eldermall_committed", "notice": "eldermall_notify", "root": "eldermall_root",
}
"""The hooks whose plugins each have a delivery of their own, by the topic of the messages."""

hookimpl = pluggy.HookimplMarker(PROJECT)
_mark = pluggy.HookspecMarker(PROJECT)


def _spec(function: F) -> F:
    return _mark(function, firstresult=HOOKS[function.__name__].result == "first")


@_spec
def eldermall_storage(url: str, prefix: str) -> Storage | None:
    """Return a storage for ``url``, its tables named with ``prefix``; None for another's url."""


@_spec
def eldermall_rules() -> Iterable[Rule | Clock]:  # type: ignore[empty-body]
    """Return rules and clocks to put in force."""


@_spec
def eldermall_kinds() -> Iterable[  # type: ignore[empty-body]
    Kind | Reaction | type[Declared[Any, Any]]
]:
    """Return kinds of records with machines of their own, and what follows from their events."""


@_spec
def eldermall_packs() -> Iterable[PolicyPack]:  # type: ignore[empty-body]
    """Return policies that are opened by name."""


@_spec
def eldermall_facts(move: WantedMove) -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Return what the host knows of a move before it is decided, by the names of facts."""


@_spec
def eldermall_rest_days(day: date) -> Day | None:
    """Say whether people work on ``day``; None if that isn't known."""


@_spec
def eldermall_courier(name: str) -> Courier | None:
    """Return the courier that the shop calls ``name``; None for another's."""


@_spec
def eldermall_committed(event: CommittedEvent) -> None:
    """Hear of something that has happened and is stored."""


@_spec
def eldermall_notify(notice: Notice) -> NoticeAnswer | None:
    """Tell somebody something, and say what came of it; None leaves it to another plugin."""


@_spec
def eldermall_refund(request: RefundRequest) -> RefundAnswer | None:
    """Pay money back, and say what came of it; None leaves it to another plugin."""


@_spec
def eldermall_root(root: SealedRoot) -> None:
    """Keep a root of the journal outside the database."""

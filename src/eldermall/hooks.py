"""Every plugin hook: its signature and one sentence. All are synchronous.

===================  ========  ======  ====================================================
hook                 required  result  what a failure does
===================  ========  ======  ====================================================
eldermall_storage    yes       first   the mall isn't opened
eldermall_rules      no        all     the mall isn't opened
eldermall_committed  no        all     the outbox tries again, all of them
eldermall_refund     no        first   the outbox tries again
eldermall_root       no        all     the outbox tries again, all of them
===================  ========  ======  ====================================================

The outbox tries at least once and up to a technical setting; ids stay over retries.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

from eldermall.contracts.events import CommittedEvent, RefundAnswer, RefundRequest, SealedRoot
from eldermall.contracts.storage import Storage

if TYPE_CHECKING:
    from eldermall.engine.clock import Clock
    from eldermall.engine.rule import Rule

PROJECT = "eldermall"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(firstresult=True)
def eldermall_storage(url: str, prefix: str) -> Storage | None:
    """Return a storage for ``url``, its tables named with ``prefix``; None for another's url."""


@hookspec
def eldermall_rules() -> Iterable[Rule | Clock]:  # type: ignore[empty-body]
    """Return rules and clocks to put in force."""


@hookspec
def eldermall_committed(event: CommittedEvent) -> None:
    """Hear of something that has happened and is stored."""


@hookspec(firstresult=True)
def eldermall_refund(request: RefundRequest) -> RefundAnswer | None:
    """Pay money back, and say what came of it; None leaves it to another plugin."""


@hookspec
def eldermall_root(root: SealedRoot) -> None:
    """Keep a root of the journal outside the database."""

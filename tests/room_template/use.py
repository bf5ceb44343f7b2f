"""The new room, used by a shop: run with the grown tree before everything else on the path."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from eldermall import Mall, Refused, head_of, person
from eldermall.mall import rulebook
from eldermall.reports.todo import todo_list

LEADER = person("lin", "company_leader", department="board")
CLERK = person("olivia", "operations", department="operations")
MERCHANT = person("zhao", "merchant", merchant="tea-house")
RIVAL = person("qian", "merchant", merchant="rival")
START = datetime(2026, 3, 2, 1, tzinfo=UTC)


def use(url: str, policy: Path) -> None:
    """Open a mall that was made before, and lead an application through it."""
    now = START
    with Mall.open(url, policy=policy, now=lambda: now) as mall:
        apply = mall.applications.apply
        apply("N1", merchant="tea-house", papers={}, by=MERCHANT)
        assert refused(apply, "N2", merchant="tea-house", papers={}, by=RIVAL) == (
            "machine.own-records",
        )
        designated = refused(mall.applications.approve, "N1", by=CLERK)
        assert designated == ("applications.papers-complete@1", "people.designated-for-review@1")
        mall.designations.appoint("review", CLERK.id, by=LEADER)
        mall.designations.appoint(head_of("operations"), "hu", by=LEADER)
        (task,) = [t for t in todo_list(mall, role="operations") if t.subject[:5] != "order"]
        assert (task.subject, [move.name for move in task.moves]) == (
            "application/N1", ["visit", "approve"]
        )
        mall.applications.ask("N1", what="your licence", by=CLERK)
        mall.applications.supply("N1", papers={"licence": "file-1"}, by=MERCHANT)
        now += timedelta(days=8)
        mall.sweep()
        assert "breached" in [c.state for c in mall.clocks() if c.subject == "application/N1"]
        done = mall.applications.approve("N1", by=CLERK)
        assert (done.state, done.decided_by) == ("approved", "olivia")
        assert mall.may.applications.erase("N1", by=CLERK).rules == (
            "retention.kept-long-enough@1",
        )
        adopted = {"state": "applied", "merchant": "old", "applicant": "x", "papers": {}}
        assert mall.applications.adopt("N0", adopted, by=CLERK).version == 1
        assert mall.verify().passed
    with Mall.open(url, policy=policy, now=lambda: now) as mall:
        assert mall.applications.get("N1").state == "approved"
    assert "application" in rulebook().kinds


def refused(move: object, *args: object, **more: object) -> tuple[str, ...]:
    """Make a move that must be refused; return the rules that refuse it."""
    try:
        move(*args, **more)  # type: ignore[operator]
    except Refused as wrong:
        return wrong.decision.rules
    raise AssertionError("it was allowed")


if __name__ == "__main__":
    use(sys.argv[1], Path(sys.argv[2]))

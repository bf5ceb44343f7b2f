"""What the orders of an audit did, counted and told one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo

from eldermall.calendars import DAY, HOUR, MINUTE
from eldermall.engine.clock import Clock
from eldermall.engine.rule import Verdict
from eldermall.reports.findings import Finding, Findings, shown
from eldermall.reports.moves import TRACKS
from eldermall.reports.replay import Played, Replay
from eldermall.reports.sources.cells import Unreadable
from eldermall.texts import Text

SHOWN = 20
"""How many unreadable rows a result keeps; all go to the callback."""

_CLOCK = ("applies", "met", "late", "never", "running", "stopped")
_RULE = ("applies", "refused")
REASONS: Mapping[str, Text] = {
    "machine.no-record": Text("当时订单尚未提交", "the order had not been placed yet"),
    "goods.deliver": Text("此前没有发货记录", "no shipment before it is on record"),
    "goods.ship": Text("此前已取消", "what left had been cancelled before"),
    "machine.no-such-move": Text("订单此前已取消", "the order had been cancelled before"),
}
"""Why the machine itself refuses a recorded move, in the words of an export."""

_MOVES: Mapping[str, Text] = {
    t.name: t.label for machine in TRACKS for t in reversed(machine.transitions)
}


@dataclass(slots=True)
class Tally:
    """Counts what the audited orders did, and tells of each finding."""

    replay: Replay
    zone: tzinfo
    findings: Findings | None
    orders: int = 0
    not_placed: int = 0
    paid: int = 0
    failed: int = 0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    refused_moves: dict[str, int] = field(default_factory=dict)
    shown: list[Unreadable] = field(default_factory=list)

    def __post_init__(self) -> None:
        for clock in self.replay.clocks:
            self.counts[clock.name] = dict.fromkeys(_CLOCK, 0)
        for owner in self.replay.owners:
            if not isinstance(owner, Clock):
                self.counts.setdefault(owner.id, dict.fromkeys(_RULE, 0))
                self.ids[owner.name] = owner.id

    def unreadable(self, row: Unreadable) -> None:
        """Count a row that can't be read."""
        self.failed += 1
        if len(self.shown) < SHOWN:
            self.shown.append(row)
        if self.findings is not None:
            self.findings(row)

    def count(self, played: Played | None) -> None:
        """Count an order: what became of it."""
        self.orders += 1
        if played is None or played.order is None:
            self.not_placed += 1
            return
        if played.order.paid_at is not None:
            self.paid += 1
        tell, line, id = self.findings, played.source.line, played.source.id
        for at, move, taken in played.steps:
            for verdict in taken.decision.verdicts:
                if self.counted(verdict, 1) and tell is not None:
                    tell(self.refused(verdict, move, at, line, id))
        for clock in self.replay.clocks:
            for outcome, row in self.replay.ended(played, clock):
                found = self.ended(clock.name, outcome, 1)
                if found and row is not None and tell is not None:
                    tell(self.overdue(clock, outcome, row.due, row.stopped, line, id))

    def counted(self, verdict: Verdict, number: int) -> bool:
        """Count a verdict on the moves of a number of orders; say whether it is a finding."""
        rule = self.ids.get(verdict.rule)
        if rule is None:
            rule = verdict.rule
            self.refused_moves[rule] = self.refused_moves.get(rule, 0) + number
            return True
        counts = self.counts[rule]
        counts["applies"] += number
        if verdict.outcome == "allowed":
            return False
        counts["refused"] += number
        return True

    def ended(self, clock: str, outcome: str, number: int) -> bool:
        """Count what became of a clock in a number of orders; say whether it is a finding."""
        counts = self.counts[clock]
        counts["applies"] += number
        counts[outcome] += number
        return outcome in ("late", "never")

    def refused(self, verdict: Verdict, move: str, at: int, line: int, order: str) -> Finding:
        """Return the finding that a move was refused."""
        rule = self.ids.get(verdict.rule, verdict.rule)
        label = _MOVES[move]
        why = REASONS.get(rule) or verdict.reason or Text("", "")
        text = Text(f"{label.zh}：{why.zh}", f"{label.en}: {why.en}")
        return Finding(
            line, order, "refused", rule, verdict.clauses, move, at, None, text, self.zone
        )

    def overdue(
        self,
        clock: Clock,
        outcome: str,
        by: int,
        stopped: int | None,
        line: int,
        order: str,
        due_shown: str | None = None,
        at_shown: str | None = None,
    ) -> Finding:
        """Return the finding that something was due ``by`` a moment, and wasn't done by then.

        The last two are both moments as ISO 8601, where they are known already.
        """
        due_shown = due_shown or shown(by, self.zone)
        due, label = _minutes(due_shown), clock.label
        if stopped is None:
            text = Text(
                f"{label.zh}：期限为 {due}，至今未完成", f"{label.en}: due {due}, not done yet"
            )
            return Finding(
                line, order, "never", clock.id, clock.clauses, "", None, by, text, self.zone,
                None, due_shown,
            )
        at_shown = at_shown or shown(stopped, self.zone)
        done = _minutes(at_shown)
        if outcome == "never":
            text = Text(
                f"{label.zh}：期限为 {due}，至 {done} 取消时未完成",
                f"{label.en}: due {due}, not done when it was cancelled {done}",
            )
        else:
            zh, en = _long(stopped - by)
            text = Text(
                f"{label.zh}：期限为 {due}，完成于 {done}，逾期 {zh}",
                f"{label.en}: due {due}, done {done}, {en} late",
            )
        return Finding(
            line, order, "late" if outcome == "late" else "never", clock.id, clock.clauses, "",
            stopped, by, text, self.zone, at_shown, due_shown,
        )


def _minutes(shown: str) -> str:
    return f"{shown[:10]} {shown[11:16]}"


def _long(us: int) -> tuple[str, str]:
    minutes = -(-us // MINUTE)
    hours, minutes = divmod(minutes, HOUR // MINUTE)
    days, hours = divmod(hours, DAY // HOUR)
    zh = f"{days}天" if days else ""
    en = f"{days} d " if days else ""
    if hours:
        zh, en = f"{zh}{hours}小时", f"{en}{hours} h "
    if minutes:
        zh, en = f"{zh}{minutes}分钟", f"{en}{minutes} min "
    return zh, en[:-1]

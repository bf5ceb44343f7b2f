"""What the orders of an audit did, counted and told one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo

from eldermall.calendars import DAY, HOUR, MINUTE, moment
from eldermall.contracts.storage import ClockRow
from eldermall.engine.clock import Clock
from eldermall.engine.rule import Verdict
from eldermall.reports.export import Order
from eldermall.reports.findings import Finding, Findings
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
        for at, move, taken in played.steps:
            for verdict in taken.decision.verdicts:
                self._verdict(verdict, played.source, move, at)
        for clock in self.replay.clocks:
            counts = self.counts[clock.name]
            for outcome, row in self.replay.ended(played, clock):
                counts["applies"] += 1
                counts[outcome] += 1
                if row is not None and outcome in ("late", "never") and self.findings is not None:
                    self.findings(self._clock(clock, outcome, row, played.source))

    def _verdict(self, verdict: Verdict, order: Order, move: str, at: int) -> None:
        rule = self.ids.get(verdict.rule)
        if rule is not None:
            counts = self.counts[rule]
            counts["applies"] += 1
            if verdict.outcome == "allowed":
                return
            counts["refused"] += 1
        else:
            rule = verdict.rule
            self.refused_moves[rule] = self.refused_moves.get(rule, 0) + 1
        if self.findings is not None:
            label = _MOVES[move]
            why = REASONS.get(rule) or verdict.reason or Text("", "")
            text = Text(f"{label.zh}：{why.zh}", f"{label.en}: {why.en}")
            self.findings(
                Finding(
                    order.line, order.id, "refused", rule, verdict.clauses, move, at, None, text,
                    self.zone,
                )
            )

    def _clock(
        self, clock: Clock, outcome: str, row: ClockRow, order: Order
    ) -> Finding:
        due, label = self._shown(row.due), clock.label
        if row.stopped is None:
            text = Text(
                f"{label.zh}：期限为 {due}，至今未完成", f"{label.en}: due {due}, not done yet"
            )
        elif outcome == "never":
            gone = self._shown(row.stopped)
            text = Text(
                f"{label.zh}：期限为 {due}，至 {gone} 取消时未完成",
                f"{label.en}: due {due}, not done when it was cancelled {gone}",
            )
        else:
            done, by = self._shown(row.stopped), row.stopped - row.due
            text = Text(
                f"{label.zh}：期限为 {due}，完成于 {done}，逾期 {_long(by).zh}",
                f"{label.en}: due {due}, done {done}, {_long(by).en} late",
            )
        return Finding(
            order.line, order.id, "late" if outcome == "late" else "never", clock.id,
            clock.clauses, "", row.stopped, row.due, text, self.zone,
        )

    def _shown(self, us: int) -> str:
        return f"{moment(us, self.zone):%Y-%m-%d %H:%M}"


def _long(us: int) -> Text:
    minutes = -(-us // MINUTE)
    parts = [
        (count, zh, en)
        for count, zh, en in (
            (minutes * MINUTE // DAY, "天", "d"),
            (minutes * MINUTE % DAY // HOUR, "小时", "h"),
            (minutes % 60, "分钟", "min"),
        )
        if count
    ]
    return Text(
        "".join(f"{n}{zh}" for n, zh, _ in parts), " ".join(f"{n} {en}" for n, _, en in parts)
    )

"""What an audit of an export found: each finding, and the counts of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Literal, NamedTuple

from eldermall.calendars import moment
from eldermall.engine.settings import SettingValue
from eldermall.reports.decidable import Left
from eldermall.reports.sources.cells import Unreadable
from eldermall.texts import Text


def shown(us: int, zone: tzinfo) -> str:
    """Return a moment in a zone as ISO 8601."""
    return moment(us, zone).isoformat()


class Finding(NamedTuple):
    """One thing that an order did against a rule or time limit.

    Args:
        line: where the order stands in the file.
        order: its id.
        what: a move was refused; a part left late; or it hasn't left and is due.
        rule: the id of the rule or clock.
        clauses: the clauses it serves.
        move: the refused move, ``""`` for a clock.
        at: when it was made, or the clock ended; None if it never did.
        due: the last moment in time, None for a rule.
        text: what is wrong.
        zone: in which the times are shown.
        at_shown: ``at`` as ISO 8601 there, if that is known already.
        due_shown: ``due`` as ISO 8601 there, if that is known already.
    """

    line: int
    order: str
    what: Literal["refused", "late", "never"]
    rule: str
    clauses: tuple[str, ...]
    move: str
    at: int | None
    due: int | None
    text: Text
    zone: tzinfo
    at_shown: str | None = None
    due_shown: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the fields, times as ISO 8601 in the file's zone, the text in both languages."""
        fields: dict[str, Any] = {
            "what": self.what, "line": self.line, "order": self.order, "rule": self.rule,
            "clauses": list(self.clauses),
        }
        if self.move:
            fields["move"] = self.move
        if self.at is not None:
            fields["at"] = self.at_shown or shown(self.at, self.zone)
        if self.due is not None:
            fields["due"] = self.due_shown or shown(self.due, self.zone)
        fields["text"] = {"zh": self.text.zh, "en": self.text.en}
        return fields


Findings = Callable[[Finding | Unreadable], None]


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What an audit found.

    Args:
        orders: orders that could be read.
        not_placed: those of them that were placed after the as-of moment.
        paid: orders that were paid.
        unreadable: rows that couldn't be read.
        rules: the counts of each rule and clock by id. A clock: ``applies`` is the sum of ``met``,
            ``late``, ``never`` (due, and hasn't left), ``running`` and ``stopped``. A rule:
            ``applies`` and, of these, ``refused``.
        labels: what each rule and clock demands, by id.
        refused_moves: how often the machines themselves refused a move, by what refused.
        not_recorded: the moves that the export has no column for, not held against orders.
        not_decidable: the rules and clocks that an export can't decide.
        unreadable_rows: the first of these rows.
        settings: the values that counted, as in a policy file, and who answers for each.
        as_of: moments after it hadn't happened.
        notices: what every output must say.
        of_file: what must be told once of the file: values that nobody named, ids that stand
            twice, rows that are hidden, and the like.
        by_shape: how many of the orders were counted by columns, as others of their shape that
            were replayed; the rest were replayed one by one.
    """

    orders: int
    not_placed: int
    paid: int
    unreadable: int
    rules: Mapping[str, Mapping[str, int]]
    labels: Mapping[str, Text]
    refused_moves: Mapping[str, int]
    not_recorded: tuple[tuple[str, Text], ...]
    not_decidable: tuple[Left, ...]
    unreadable_rows: tuple[Unreadable, ...]
    settings: Mapping[str, SettingValue]
    as_of: datetime
    notices: tuple[Text, ...]
    of_file: tuple[Text, ...] = ()
    by_shape: int = 0

    @property
    def findings(self) -> int:
        """How many findings there are, unreadable rows among them."""
        counted = sum(
            counts.get(name, 0)
            for counts in self.rules.values()
            for name in ("late", "never", "refused")
        )
        return counted + sum(self.refused_moves.values()) + self.unreadable

    def as_json(self) -> dict[str, Any]:
        """Return the whole result as JSON values, texts in both languages."""
        return {
            "orders": self.orders,
            "by_shape": self.by_shape,
            "not_placed": self.not_placed,
            "paid": self.paid,
            "unreadable": self.unreadable,
            "findings": self.findings,
            "rules": {id: dict(counts) for id, counts in self.rules.items()},
            "refused_moves": dict(self.refused_moves),
            "not_recorded": [
                {"move": name, "zh": label.zh, "en": label.en} for name, label in self.not_recorded
            ],
            "not_decidable": [
                {
                    "rule": left.id, "zh": f"{left.label.zh}：{left.why.zh}",
                    "en": f"{left.label.en}: {left.why.en}",
                }
                for left in self.not_decidable
            ],
            "unreadable_rows": [row.as_json() for row in self.unreadable_rows],
            "settings": {
                key: {"value": value.raw, "author": value.author, "clause": value.clause}
                for key, value in self.settings.items()
            },
            "as_of": self.as_of.isoformat(),
            "notices": [{"zh": text.zh, "en": text.en} for text in self.notices],
            "of_file": [{"zh": text.zh, "en": text.en} for text in self.of_file],
        }

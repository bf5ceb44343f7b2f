"""The audit of an export of orders: what the rules and time limits would have said.

The recorded moments of each order are replayed in time order (placed, paid, shipped, delivered if
they are equal) through the same machines, rules and clocks as live orders, under ``step``; where
an export can be read by columns, only of some orders whose moments compare alike. Every rule
observes: a move that it refuses is a finding, and the replay goes on from what happened. The day
from which the policy applies doesn't count.

Decided where an export is silent: an order in a cancelled status is cancelled after the last of
its moments, if anything is left to cancel; what happened before an order was placed is refused,
and played once it is; a delivery without a shipment is refused, and proves no shipment; nobody
has declined an order or granted an exception.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from eldermall.calendars import microseconds
from eldermall.engine.rulebook import Rulebook
from eldermall.engine.settings import Setting, Settings, SettingValue
from eldermall.errors import Invalid
from eldermall.mall import rulebook
from eldermall.plugins import Plugins
from eldermall.policy import Policy, check_whole_days, read_policy
from eldermall.reports.columns import Columns, read_columns
from eldermall.reports.export import orders
from eldermall.reports.findings import AuditResult, Findings
from eldermall.reports.observed import relaxed_by
from eldermall.reports.replay import Replay
from eldermall.reports.seen import Seen
from eldermall.reports.sources.cells import Progress, Unreadable
from eldermall.reports.sources.text import Rest
from eldermall.reports.tally import Tally
from eldermall.reports.times import Times
from eldermall.texts import Text

_DAYS_ONLY = Text(
    "时间只到日，按零点计算；以小时计的期限可能差一天，shipping.counting=calendar-days 更为可靠",
    "the times are days without hours and count as midnight: a limit in hours may be a day off, "
    "shipping.counting=calendar-days isn't",
)


def audit(
    path: str | Path,
    columns: str | Path | Mapping[str, Any] | Columns,
    policy: str | Path | Mapping[str, Any] | None = None,
    *,
    as_of: datetime,
    overrides: Mapping[str, Any] | None = None,
    findings: Findings | None = None,
    progress: Progress | None = None,
    book: Rulebook | None = None,
) -> AuditResult:
    """Audit an export of orders; it is read once, as a stream.

    Args:
        path: text (CSV and its like), JSON, either packed by gzip, or a workbook.
        columns: the map that names its columns, as a TOML file or what such a file holds.
        policy: a policy file, what it holds, or ``pack:demo``; without one, the articles' own
            numbers and the strictest readings count, and what depends on a number of the host
            isn't decided.
        as_of: what would have happened after it hasn't happened; aware.
        overrides: settings by key, as in a policy file, that replace the policy's.
        findings: told of each finding and each row that can't be read, in the order of the file.
        progress: told how many bytes of the file have been read, and how many there are.
        book: the rules and clocks; those that are installed if left out.

    Raises:
        FileUnreadable: a file isn't there, is damaged, or lacks a column.
        PolicyError: the policy is incomplete or wrong.
        Invalid: the map or an override is wrong.
    """
    named = read_columns(columns)
    built_in = Plugins()
    installed = book or rulebook(built_in)
    read = None if policy is None else read_policy(built_in.policy(policy), installed)
    values = _values(installed, read, overrides or {})
    settings = Settings(
        pack="audit" if read is None else read.settings.pack,
        values={key: value.value for key, value in values.items()},
        zone=named.day_zone,
        origin=values,
    )
    until = microseconds(as_of, "as_of")
    replay = Replay(
        installed, named.moments, "status" in named.named, "payment" in named.named, settings, until
    )
    read_keys = {
        s.key for owner in replay.owners for s in owner.settings if s.key in values
    }
    for key in overrides or ():
        if key not in read_keys:
            raise Invalid(
                key, (overrides or {})[key],
                Text(
                    "此次审计不使用该设置，可用的有：" + "、".join(sorted(read_keys)),
                    "is read by nothing that this export can decide; there are "
                    + ", ".join(sorted(read_keys)),
                ),
            )
    tally = Tally(replay, named.day_zone, findings)
    notes: list[Text] = []
    counted = 0
    with closing(Seen(named)) as seen:
        left: Rest | Literal["all", "nothing"] = "nothing"
        if book is None and find_spec("polars") is not None:
            from eldermall.reports.together import Together, count_by_columns

            together = Together(replay, tally, settings, until)
            left = count_by_columns(Path(path), named, seen, together, progress)
            counted = together.counted
        if left != "all":
            rest = None if left == "nothing" else left
            for order in orders(path, named, progress, seen, notes, rest):
                if isinstance(order, Unreadable):
                    tally.unreadable(order)
                else:
                    tally.count(replay.play(order))
        notes += seen.notes()
    if Times(named.time_format, named.zone).days_only:
        notes.append(_DAYS_ONLY)
    return AuditResult(
        tally.orders, tally.not_placed, tally.paid, tally.failed,
        {**{clock.id: tally.counts[clock.name] for clock in replay.clocks},
         **{id: tally.counts[id] for id in replay.rules}},
        {owner.id: owner.label for owner in replay.owners},
        dict(sorted(tally.refused_moves.items())),
        tuple((t.name, t.label) for t in replay.unrecorded),
        replay.left,
        tuple(tally.shown),
        {key: values[key] for key in sorted(read_keys)},
        as_of.astimezone(named.day_zone),
        (*_notices(read), *_relaxations(replay, read)),
        tuple(notes),
        counted,
    )


def _notices(policy: Policy | None) -> tuple[Text, ...]:
    said = [
        Text(
            "审计说明各规则会如何判定，不考虑政策的施行日期",
            "the audit says what the rules would have said, whatever day the policy applies from",
        )
    ]
    if policy is None:
        said.append(
            Text(
                "未指定政策：采用条文自身的数值与最严的理解",
                "no policy is named: the articles' own numbers and the strictest readings count",
            )
        )
    elif policy.notice is not None:
        said.append(policy.notice)
    return tuple(said)


def _relaxations(replay: Replay, policy: Policy | None) -> Iterator[Text]:
    """Yield which of the rules and clocks that are audited the policy relaxes, and until when."""
    if policy is None:
        return
    settings = policy.settings
    for id, label in {owner.id: owner.label for owner in replay.owners}.items():
        if id in settings.relaxed:
            said = relaxed_by(settings.relaxed[id], settings.zone)
            yield Text(
                f"政策放宽而审计仍照常判定：{label.zh}（{id}），{said.zh}",
                f"relaxed in the policy and audited all the same: {label.en} ({id}), {said.en}",
            )


def _values(
    book: Rulebook, policy: Policy | None, overrides: Mapping[str, Any]
) -> dict[str, SettingValue]:
    if policy is not None:
        values = dict(policy.settings.origin)
    else:
        values = {
            key: SettingValue(
                s.parse(s.default, key), s.default,
                "reading" if s.article is None else "article", "", s.clause,
            )
            for key, s in book.settings.items()
            if s.default is not None
        }
    for key, given in overrides.items():
        setting = book.settings.get(key)
        if setting is None:
            raise Invalid(
                key, given,
                Text(
                    "没有此设置，可用的有：" + "、".join(book.settings),
                    "is no setting; there are " + ", ".join(book.settings),
                ),
            )
        raw = _raw(setting, given)
        values[key] = SettingValue(setting.parse(raw, key), raw, "audit", "", setting.clause)
    check_whole_days(values, "", book)
    return values


def _raw(setting: Setting, given: Any) -> Any:
    # a command line gives texts
    if isinstance(given, str) and setting.type == "names":
        return [name.strip() for name in given.split(",")]
    if isinstance(given, str) and setting.type == "count" and given.isdecimal():
        return int(given)
    return given

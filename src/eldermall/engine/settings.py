"""Settings: the numbers and readings of a policy, each with author, date and clause.

A rule or clock module declares a `Setting`; the policy file gives its value. Three kinds:

- the article has a number (``article``): it is the default, and only stricter values are taken;
- the article has none: the host must set one (``suggestion`` is the library's, never a default);
- a reading: one of ``choices``, the strictest being the default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, Literal, get_args

from eldermall.calendars import HOUR, MINUTE, Counting, RestDays, parse_duration, unknown
from eldermall.engine.inputs import checked_id
from eldermall.errors import Invalid
from eldermall.texts import Text

SettingType = Literal["duration", "count", "choice", "names"]
Stricter = Literal["lower", "higher", "more"]


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that a policy gives.

    Args:
        key: ``topic.name``.
        label: what it means.
        clause: the clause that it serves.
        type: a duration, a count of 1 or more, one of ``choices``, or a list of names.
        article: the value that stands in the article, as text in a policy file; None if none does.
        stricter: which side of ``article`` is stricter: lower or higher, or more names.
        choices: for a reading, strictest first.
        suggestion: what the library suggests to a host where the article is silent.
        added: the day of the release that brought it, ISO; empty if it was always there. A policy
            published before may leave it unset: what reads it is off until the host sets it.
        gates: whether what reads it is off while it is unset; else it does without.
    """

    key: str
    label: Text
    clause: str
    type: SettingType
    article: Any = None
    stricter: Stricter | None = None
    choices: tuple[str, ...] = ()
    suggestion: Any = None
    added: str = ""
    gates: bool = True

    @property
    def default(self) -> Any:
        """The value in force if the policy says nothing, as in a file; None if it must say."""
        return self.article if self.article is not None else next(iter(self.choices), None)

    def parse(self, raw: Any, where: str) -> Any:
        """Return the value of ``raw`` as it stands in a policy file.

        A duration becomes microseconds, names become a tuple.

        Raises:
            Invalid: it isn't of the type, or is laxer than the article.
        """
        value = self._typed(raw, where)
        if self.article is not None and not self._strict_enough(value):
            said = self.article if isinstance(self.article, (list, tuple)) else (self.article,)
            zh, en = ("、".join(map(str, said)), ", ".join(map(str, said)))
            raise Invalid(
                where,
                raw,
                Text(
                    f"{self.clause} 规定为 {zh}，只能更严",
                    f"{self.clause} says {en}; only a stricter value is taken",
                ),
            )
        return value

    def _typed(self, raw: Any, where: str) -> Any:
        if self.type == "duration":
            return parse_duration(raw, where)
        if self.type == "count":
            if type(raw) is not int or not 1 <= raw <= 1_000_000:
                raise Invalid(
                    where, raw, Text("须为正整数", "must be a whole number from 1 to 1,000,000")
                )
            return raw
        if self.type == "choice":
            if raw not in self.choices:
                raise Invalid(
                    where,
                    raw,
                    Text(
                        "应为下列之一：" + "、".join(self.choices),
                        "must be one of " + ", ".join(self.choices),
                    ),
                )
            return raw
        names = tuple(checked_id(n, where) for n in raw) if isinstance(raw, (list, tuple)) else ()
        if not names or len(set(names)) != len(names):
            raise Invalid(
                where, raw, Text("须为不重复的名称列表", "must be a list of names, none twice")
            )
        return names

    def _strict_enough(self, value: Any) -> bool:
        article = self._typed(self.article, self.key)
        if self.stricter == "lower":
            return bool(value <= article)
        if self.stricter == "higher":
            return bool(value >= article)
        return set(article) <= set(value)


@dataclass(frozen=True, slots=True)
class SettingValue:
    """A value in force: as the engine uses it, as it stands in the file, and who answers for it.

    ``author`` is ``"article"`` where the number is the article's own, ``"reading"`` where the
    strictest reading holds because the policy is silent.
    """

    value: Any
    raw: Any
    author: str
    date: str
    clause: str


Mode = Literal["off", "observe", "on"]


@dataclass(frozen=True, slots=True)
class Relaxation:
    """A rule or clock that a policy doesn't enforce for a while, and who answers for it.

    ``off``: it isn't asked, doesn't run. ``observe``: it is asked and written down, and stops
    nothing; a clock runs, and its breach is written down and moves nothing.

    Args:
        mode: off or observe.
        author: who decided it.
        approver: who approved it, somebody else.
        reason: why.
        until: the first moment at which it is enforced again.
    """

    mode: Literal["off", "observe"]
    author: str
    approver: str
    reason: str
    until: int


@dataclass(frozen=True, slots=True)
class Settings:
    """A policy in force, as the engine sees it.

    Args:
        pack: the hash of the policy's content: its version.
        values: value by key.
        published: the moment from which its rules and clocks apply.
        zone: where calendar days begin.
        department: the department that answers for the mall (operations).
        origin: who answers for each value, by key.
        relaxed: the rules and clocks that aren't enforced for a while, by id.
        unset: the rules and clocks that are off because the policy is older than a setting that
            they read, and doesn't give it.
        rest_days: which days people work.
    """

    pack: str
    values: Mapping[str, Any]
    published: int = 0
    zone: tzinfo = UTC
    department: str = "operations"
    origin: Mapping[str, SettingValue] = field(default_factory=dict)
    relaxed: Mapping[str, Relaxation] = field(default_factory=dict)
    unset: frozenset[str] = frozenset()
    rest_days: RestDays = field(default=unknown, compare=False)

    def mode(self, id: str, now: int) -> Mode:
        """Return whether a rule or clock is on at ``now``, observed or off."""
        if id in self.unset:
            return "off"
        relaxation = self.relaxed.get(id)
        return "on" if relaxation is None or relaxation.until <= now else relaxation.mode


    @property
    def all_on(self) -> bool:
        """Whether every rule and clock is on."""
        return not self.relaxed and not self.unset


@dataclass(frozen=True, slots=True)
class Technical:
    """Settings that serve no clause. Durations in microseconds.

    Args:
        backdating: how far back ``at`` of a command may lie.
        future: how far ahead of now ``at`` may lie.
        key_age: how long an idempotency key is kept.
        strangers: how many attempts of one person a day, on records that aren't theirs, have an
            entry each; further ones are counted.
        silence: how far now may lie beyond all that the database knows, before upkeep doubts it.
        claim: how long a relay holds a message that it tries.
        attempts: tries of a message before it is dead: with the waits as they are, ten days.
        retry: the wait before a failed clock is tried again, and before the second try of a
            message; for messages it doubles each time.
        longest: the most that the wait between two tries of a message grows to.
        threads: whether a relay hands the topics over side by side, each in a thread of its own.
        sealing_batch: the most entries under one root.
        settle_patience: seconds to wait for a lock when pending refusals are written.
    """

    backdating: int = 24 * HOUR
    future: int = 5 * MINUTE
    key_age: int = 90 * 24 * HOUR
    strangers: int = 20
    silence: int = 30 * 24 * HOUR
    claim: int = 5 * MINUTE
    attempts: int = 247
    retry: int = MINUTE
    longest: int = HOUR
    threads: bool = True
    sealing_batch: int = 10_000
    settle_patience: float = 0.2


_COUNTINGS: Mapping[str, Counting] = {known: known for known in get_args(Counting)}


def counting_of(value: str) -> Counting:
    """Return a reading of how days are counted."""
    return _COUNTINGS.get(value, "hours")

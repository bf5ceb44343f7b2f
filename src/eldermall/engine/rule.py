"""Rules: metadata and a small pure predicate over named facts; verdicts and decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from eldermall.contracts.storage import ClockRow
from eldermall.engine.actor import Actor
from eldermall.engine.settings import Setting, Settings
from eldermall.errors import DefinitionError
from eldermall.texts import Text

if TYPE_CHECKING:
    from eldermall.engine.kind import Record
    from eldermall.engine.machine import Every, Guard

Source = Literal[
    "record", "argument", "actor", "time", "setting", "lookup", "clock", "journal", "host"
]
FactType = Literal["text", "number", "moment", "flag", "list", "map"]
Outcome = Literal["allowed", "refused", "needs_person"]


class _Missing:
    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""What a fact reads where nothing is known: the rules that need it refuse and list it."""

NEEDS_PERSON: Final = "needs_person"
"""What a check returns where only a person's decision can allow the move."""


class Context:
    """What facts are read from and effects work on: all of a move that is known.

    ``record`` is as it stood before the move, None if there is none yet; ``at`` is when the move
    happened and ``now`` when it is recorded, in microseconds; ``looked`` holds other records by
    (kind, id); ``clocks`` are the record's that haven't ended; ``settings`` is the policy in force
    now, ``bound`` the one that the record's parties relied on. ``rested`` is when the record last
    moved, known where a move erases. ``host`` holds what the host said of the move beforehand.
    ``party`` says whose a record is, as its kind has it. ``left`` takes what an effect hasn't taken
    of what was said: it stands in the entry.
    """

    __slots__ = (
        "actor", "args", "at", "bound", "clocks", "host", "id", "left", "looked", "now", "party",
        "record", "rested", "settings",
    )

    def __init__(
        self,
        id: str,
        record: Any,
        args: Any,
        actor: Actor,
        at: int,
        now: int,
        looked: Mapping[tuple[str, str], Record],
        settings: Settings,
        bound: Settings,
        clocks: Sequence[ClockRow] = (),
    ) -> None:
        self.id = id
        self.record = record
        self.args = args
        self.rested: int | None = None
        self.left: list[Mapping[str, Any]] = []
        self.host: Mapping[str, Any] = {}
        self.party: Callable[[Any, Actor], bool] = lambda subject, actor: False
        self.actor = actor
        self.at = at
        self.now = now
        self.looked = looked
        self.settings = settings
        self.bound = bound
        self.clocks = clocks


@dataclass(frozen=True, slots=True)
class Lookup:
    """Another record that a fact is read from.

    Args:
        kind: its kind.
        key: its id, computed from the move, or those of several; None if there is none.
    """

    kind: str
    key: Callable[[Context], str | Sequence[str] | None]


@dataclass(frozen=True, slots=True)
class Fact:
    """A named fact, declared once and used by any rule.

    Args:
        name: ``subject.what``.
        type: what its value is; values are strings, whole numbers, booleans, None, lists, maps.
        source: where it comes from.
        label: what it is called in print.
        read: reads it; returns `MISSING` where nothing is known.
        lookup: the other record that it needs.
    """

    name: str
    type: FactType
    source: Source
    label: Text
    read: Callable[[Context], Any]
    lookup: Lookup | None = None


def looked_up(
    name: str,
    type: FactType,
    label: Text,
    kind: str,
    key: Callable[[Context], str | None],
    read: Callable[[Context, Any], Any],
) -> Fact:
    """Return a fact of another record.

    Args:
        name: as of a `Fact`.
        type: as of a `Fact`.
        label: as of a `Fact`.
        kind: the other record's kind.
        key: its id, from the move; None for none.
        read: reads the fact from the move and the other record, which is None if there is none.
    """

    def reader(c: Context) -> Any:
        id = key(c)
        return read(c, None if id is None else c.looked.get((kind, id)))

    return Fact(name, type, "lookup", label, reader, Lookup(kind, key))


def looked_up_all(
    name: str,
    type: FactType,
    label: Text,
    kind: str,
    keys: Callable[[Context], Sequence[str]],
    read: Callable[[Context, Mapping[str, Any]], Any],
) -> Fact:
    """Return a fact of several other records of one kind, looked up at once.

    Args:
        name: as of a `Fact`.
        type: as of a `Fact`.
        label: as of a `Fact`.
        kind: the other records' kind.
        keys: their ids, from the move.
        read: reads the fact from the move and those of the records that are there, by id.
    """

    def reader(c: Context) -> Any:
        found = {id: c.looked[kind, id] for id in keys(c) if (kind, id) in c.looked}
        return read(c, found)

    return Fact(name, type, "lookup", label, reader, Lookup(kind, keys))


def host_fact(name: str, type: FactType, label: Text) -> Fact:
    """Return a fact that only the host knows: its plugins are asked before a move that needs it.

    A move that follows from another is made without asking; there the fact is missing.

    Args:
        name: as of a `Fact`.
        type: as of a `Fact`.
        label: as of a `Fact`.
    """
    return Fact(name, type, "host", label, lambda c: c.host.get(name, MISSING))


def set_by(setting: Setting, binds: Literal["now", "submission"] = "now") -> Fact:
    """Return the fact that is the value of ``setting`` in the policy that binds.

    It is missing where a policy is older than the setting; a rule that needs it is off then.
    """

    def reader(c: Context) -> Any:
        bound = c.bound.values if binds == "submission" else c.settings.values
        value = bound.get(setting.key, c.settings.values.get(setting.key, MISSING))
        return list(value) if isinstance(value, tuple) else value

    kinds: dict[str, FactType] = {"choice": "text", "names": "list"}
    return Fact(
        setting.key, kinds.get(setting.type, "number"), "setting", setting.label, reader
    )


AT = Fact("time.at", "moment", "time", Text("发生时间", "when it happened"), lambda c: c.at)
RECORDED = Fact(
    "time.recorded", "moment", "time", Text("登记时间", "when it is recorded"), lambda c: c.now
)
RESTED = Fact(
    "record.at-rest-since", "moment", "journal",
    Text("最后一次变动的时间", "when it last moved"),
    lambda c: MISSING if c.rested is None else c.rested,
)
ACTOR_ID = Fact("actor.id", "text", "actor", Text("操作人", "who acts"), lambda c: c.actor.id)
ACTOR_ROLE = Fact(
    "actor.role", "text", "actor", Text("操作身份", "in which role"), lambda c: c.actor.role
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule said.

    Args:
        rule: ``id@version``.
        outcome: allowed; refused; or needs_person, which refuses until a person has decided.
        clauses: the clauses that the rule serves.
        reason: why not, None if allowed.
        missing: the facts that nobody knows.
        enforced: whether the verdict counts.
    """

    rule: str
    outcome: Outcome
    clauses: tuple[str, ...] = ()
    reason: Text | None = None
    missing: tuple[str, ...] = ()
    enforced: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return the verdict for an entry."""
        fields: dict[str, Any] = {"rule": self.rule, "outcome": self.outcome}
        if self.outcome != "allowed":
            fields["clauses"] = list(self.clauses)
            fields["missing"] = list(self.missing)
        if not self.enforced:
            fields["enforced"] = False
        return fields


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a move may happen, with the verdict of every rule and the facts they used.

    Args:
        subject: ``kind/id`` of the record.
        move: the move's name.
        state: the state it would leave.
        verdicts: of every rule asked, the machine's and the time's own first.
        facts: what the rules used, by name.
        allowed: whether it may happen.
        labels: what the kind and the move are called in print.
    """

    subject: str
    move: str
    state: str
    verdicts: tuple[Verdict, ...]
    facts: Mapping[str, Any]
    allowed: bool
    labels: tuple[Text, Text]

    @property
    def refusals(self) -> tuple[Verdict, ...]:
        """The enforced verdicts that don't allow it."""
        return tuple(v for v in self.verdicts if v.enforced and v.outcome != "allowed")

    @property
    def rules(self) -> tuple[str, ...]:
        """The ids of the rules that don't allow it."""
        return tuple(v.rule for v in self.refusals)

    @property
    def clauses(self) -> tuple[str, ...]:
        """The clauses behind the refusals, each once."""
        return tuple(dict.fromkeys(c for v in self.refusals for c in v.clauses))

    @property
    def missing(self) -> tuple[str, ...]:
        """The facts that are missing, each once."""
        return tuple(dict.fromkeys(m for v in self.refusals for m in v.missing))

    @property
    def reasons(self) -> tuple[Text, ...]:
        """Why not, in words that anybody may read: no ids, no clauses."""
        return tuple(v.reason for v in self.refusals if v.reason is not None)

    @property
    def text(self) -> Text:
        """The decision in words, for staff: every reason with its rule and clauses."""
        kind, move = self.labels
        id = self.subject.partition("/")[2]
        if self.allowed:
            return Text(
                f"{kind.zh} {id} 可以“{move.zh}”", f'{kind.en} {id}: "{move.en}" is allowed'
            )
        reasons = [_reason(v) for v in self.refusals]
        return Text(
            f"{kind.zh} {id} 不能“{move.zh}”：" + "；".join(r.zh for r in reasons),
            f'{kind.en} {id}: "{move.en}" is refused: ' + "; ".join(r.en for r in reasons),
        )


def _reason(verdict: Verdict) -> Text:
    why = verdict.reason or Text("", "")
    tail = ", ".join((verdict.rule, *verdict.clauses))
    return Text(f"{why.zh} [{tail}]", f"{why.en} [{tail}]")


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """What an article demands of a move.

    Args:
        id: ``topic.what-it-protects``.
        label: what it demands, in one line.
        clauses: the clauses it serves.
        guards: the moves and states it guards.
        needs: the facts its check takes, in this order.
        check: returns True to allow, False to refuse, `NEEDS_PERSON` to wait for a person.
        reason: said when it refuses; ``{0}`` is the first fact, and so on.
        settings: the settings whose values it reads.
        binds: whether the policy in force now counts, or the one at the record's submission.
        version: a changed predicate is a new version beside the old.
        since: the first moment it is valid, None for always.
        until: the first moment it is valid no more, None for never.

    Raises:
        DefinitionError: it cites no clause or guards nothing.
    """

    id: str
    label: Text
    clauses: tuple[str, ...]
    guards: tuple[Guard | Every, ...]
    needs: tuple[Fact, ...]
    check: Callable[..., bool | Literal["needs_person"]]
    reason: Text
    settings: tuple[Setting, ...] = ()
    binds: Literal["now", "submission"] = "now"
    version: int = 1
    since: int | None = None
    until: int | None = None
    name: str = field(init=False)
    allowed: Verdict = field(init=False)
    asked: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        if not self.clauses or not self.guards:
            raise DefinitionError(
                Text(
                    f"规则 {self.id} 须至少引用一条条款并守住一个动作或状态",
                    f"rule {self.id} must cite a clause and guard a move or state",
                )
            )
        object.__setattr__(self, "name", f"{self.id}@{self.version}")
        object.__setattr__(self, "allowed", Verdict(self.name, "allowed", self.clauses))
        object.__setattr__(self, "asked", tuple(fact.name for fact in self.needs))

    def valid(self, moment: int) -> bool:
        """Say whether this version is valid at ``moment``."""
        return (self.since is None or self.since <= moment) and (
            self.until is None or moment < self.until
        )

    def verdict(self, facts: Mapping[str, Any]) -> Verdict:
        """Return the verdict over ``facts``; a fact that isn't there is missing, and refuses."""
        values = [facts.get(name, MISSING) for name in self.asked]
        if MISSING in values:
            lacking = [f for f, v in zip(self.needs, values, strict=True) if v is MISSING]
            why = self.reason_for(values)
            why = Text(
                f"{why.zh}（缺少：{'、'.join(f.label.zh for f in lacking)}）",
                f"{why.en} (missing: {', '.join(f.label.en for f in lacking)})",
            )
            missing = tuple(fact.name for fact in lacking)
            return Verdict(self.name, "refused", self.clauses, why, missing)
        answer = self.check(*values)
        if answer is True:
            return self.allowed
        outcome: Outcome = "needs_person" if answer == NEEDS_PERSON else "refused"
        return Verdict(self.name, outcome, self.clauses, self.reason_for(values))

    def reason_for(self, values: list[Any]) -> Text:
        """Return the reason with the facts' values in it."""
        return Text(
            self.reason.zh.format(*(_shown(value, "、", "无") for value in values)),
            self.reason.en.format(*(_shown(value, ", ", "none") for value in values)),
        )


def _shown(value: Any, between: str, nothing: str) -> Any:
    if isinstance(value, list):
        return between.join(map(str, value)) or nothing
    return nothing if value is None or value is MISSING else value

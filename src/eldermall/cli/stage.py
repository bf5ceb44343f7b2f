"""The stage of the demo: simulated time, a sweep every half hour, and a narrator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from rich.console import Console
from rich.rule import Rule as Ruler
from rich.table import Table
from rich.text import Text as Styled

from eldermall.calendars import zone_named
from eldermall.cli import output
from eldermall.contracts.events import CommittedEvent, RefundAnswer, RefundRequest
from eldermall.engine.actor import Actor
from eldermall.engine.rule import Decision
from eldermall.errors import Refused, RuleBroken
from eldermall.hooks import hookimpl
from eldermall.mall import Mall
from eldermall.texts import Lang, Text

ZONE = zone_named("Asia/Shanghai")
START = datetime(2026, 3, 2, 9, tzinfo=ZONE)
HALF_AN_HOUR = timedelta(minutes=30)

_NAMES = 18
_BUILT_IN = Text(
    "（引擎自身的检查，不引用条款）", "(a check of the engine itself, which cites no clause)"
)

Mark = Literal["day", "moved", "refused", "clock", "outside"]
_MARKS: dict[Mark, tuple[str, str]] = {
    "day": ("", "bold"),
    "moved": ("✓", "green"),
    "refused": ("✗", "bold red"),
    "clock": ("!", "yellow"),
    "outside": (">", "blue"),
}
_TOLD = {
    "ClockWarned": Text("即将到期", "due soon"),
    "ClockBreached": Text("已超期", "overdue"),
    "ClockRepeated": Text("仍未处理", "still overdue"),
}
_CLIMBED = {
    "ComplaintEscalated": Text("已自动上报部门负责人", "was reported to the department head"),
    "ComplaintRaised": Text("已自动上报公司领导", "was raised to the company leader"),
}


@dataclass(frozen=True, slots=True)
class Cast:
    """Somebody on the stage: the actor, and what people call them."""

    actor: Actor
    name: Text


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the story."""

    at: datetime
    mark: Mark
    who: Text | None
    text: Text
    decision: Decision | None = None
    clauses: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the line for JSON."""
        facts: dict[str, object] = {
            "at": self.at.isoformat(),
            "what": self.mark,
            "who": None if self.who is None else output.both(self.who),
            "text": output.both(self.text),
            "clauses": list(self.clauses),
        }
        if self.decision is not None:
            facts["refusals"] = [
                {
                    "rule": v.rule,
                    "clauses": list(v.clauses),
                    "missing": list(v.missing),
                    "reason": output.both(v.reason or Text("", "")),
                }
                for v in self.decision.refusals
            ]
        return facts


class Present:
    """The present, which moves only when the story does."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        """Return it."""
        return self.now


@dataclass
class Host:
    """The plugin of the demo's shop: it hears of what happened, and takes refund requests."""

    heard: list[CommittedEvent] = field(default_factory=list)
    asked: list[RefundRequest] = field(default_factory=list)

    @hookimpl
    def eldermall_committed(self, event: CommittedEvent) -> None:
        """Keep what the clocks and escalations say."""
        if event.name in _TOLD or event.name in _CLIMBED:
            self.heard.append(event)

    @hookimpl
    def eldermall_refund(self, request: RefundRequest) -> RefundAnswer:
        """Accept every request once; the money follows."""
        if all(request.id != other.id for other in self.asked):
            self.asked.append(request)
        return RefundAnswer("accepted")


class Stage:
    """Where the story plays.

    Args:
        mall: the mall.
        present: its time.
        host: its plugin.
        show: takes each line as it is told.
    """

    def __init__(
        self, mall: Mall, present: Present, host: Host, show: Callable[[Line], None]
    ) -> None:
        self.mall = mall
        self.present = present
        self.host = host
        self.show = show

    def tell(
        self,
        mark: Mark,
        who: Text | None,
        text: Text,
        decision: Decision | None = None,
        clauses: tuple[str, ...] = (),
    ) -> None:
        """Tell a line."""
        self.show(Line(self.present.now, mark, who, text, decision, clauses))

    def day(self, day: int, text: Text) -> None:
        """Let time pass until 09:00 of a day of March 2026."""
        self._until(START.replace(day=day))
        self.tell("day", None, text)

    def at(self, clock: str) -> None:
        """Let time pass until ``HH:MM`` of the same day."""
        hour, minute = clock.split(":")
        self._until(self.present.now.replace(hour=int(hour), minute=int(minute)))

    def _until(self, end: datetime) -> None:
        while (coming := self.present.now + HALF_AN_HOUR) < end:
            self.present.now = coming
            self.turn()
        self.present.now = end
        self.turn()

    def turn(self) -> None:
        """Do what a host's scheduler does: sweep, then relay; and tell what came of it."""
        self.mall.sweep()
        self.mall.relay()
        while self.host.heard:
            self._told(self.host.heard.pop(0))
        while self.host.asked:
            request = self.host.asked.pop(0)
            money = f"¥{request.amount / 100:.2f}"
            self.tell(
                "outside",
                Text("送往商城", "to the shop"),
                Text(
                    f"退款请求：订单 {request.order}，{money}；商城答复已受理",
                    f"refund request: order {request.order}, {money}; the shop accepts it",
                ),
            )

    def _told(self, event: CommittedEvent) -> None:
        if event.name in _CLIMBED:
            what = _CLIMBED[event.name]
            self.tell(
                "clock", Text("时限", "clock"),
                Text(f"{subject_text(event.subject).zh}：{what.zh}",
                     f"{subject_text(event.subject).en} {what.en}"),
            )
            return
        clock = self.mall.book.clocks[event.data["clock"]]
        what, subject = _TOLD[event.name], subject_text(event.subject, event.data["part"])
        who = event.data["who"]
        told = Text(
            f"，告知{output.roles(who, 'zh')}" if who else "",
            f"; told: {output.roles(who, 'en')}" if who else "",
        )
        due = output.when(event.data["due"], ZONE)
        self.tell(
            "clock",
            Text("时限", "clock"),
            Text(
                f"{subject.zh}：“{clock.label.zh}”{what.zh}，期限 {due}{told.zh}",
                f"{subject.en}, “{clock.label.en}”: {what.en}, limit {due}{told.en}",
            ),
            clauses=tuple(event.data["clauses"]),
        )

    def does(self, who: Cast, text: Text, *moves: Callable[[], object]) -> None:
        """Let somebody do something that the rules allow."""
        for move in moves:
            move()
        self.tell("moved", who.name, text)

    def refused(
        self, who: Cast, text: Text, rule: str, move: Callable[[], object]
    ) -> None:
        """Let somebody try something that ``rule`` refuses.

        Raises:
            RuleBroken: it wasn't refused, or not by that rule.
        """
        try:
            move()
        except Refused as refused:
            if rule in (name.split("@")[0] for name in refused.decision.rules):
                self.tell("refused", who.name, text, refused.decision)
                return
        raise RuleBroken(
            Text(
                f"演示中 {rule} 未予拒绝：{text.zh}",
                f"in the demo {rule} didn't refuse: {text.en}",
            )
        )


def subject_text(subject: str, part: str = "") -> Text:
    """Return what a record, or a part of it, is called."""
    kind, id = subject.split("/", 1)
    names = {
        "order": Text("订单", "order"),
        "complaint": Text("投诉", "complaint"),
        "callback": Text("回访", "callback"),
    }
    name = names.get(kind, Text(kind, kind))
    return Text(
        f"{name.zh} {id}" + (f"（{part}）" if part else ""),
        f"{name.en} {id}" + (f" ({part})" if part else ""),
    )


def show_line(console: Console, line: Line, lang: Lang) -> None:
    """Print a line of the story."""
    if line.mark == "day":
        console.print()
        day = line.at.strftime("%Y-%m-%d")
        console.print(
            Ruler(Styled(f"{day}  {line.text.in_(lang)}", style="bold"), style="cyan")
        )
        return
    sign, style = _MARKS[line.mark]
    name = "" if line.who is None else line.who.in_(lang)
    width = max(20, console.width - 5 - 1 - _NAMES - 6)
    table = Table.grid(padding=(0, 2, 0, 0))
    for size in (5, 1, _NAMES, width):
        table.add_column(width=size)
    words = Styled().append(line.text.in_(lang), style=style if line.mark == "clock" else "")
    if line.clauses:
        words.append("  " + ", ".join(line.clauses), style="cyan")
    table.add_row(
        Styled(line.at.strftime("%H:%M"), style="dim"),
        Styled(sign, style=style),
        output.folded(Styled(name, style="bold"), _NAMES),
        output.folded(words, width),
    )
    for said in () if line.decision is None else why(line.decision, lang):
        table.add_row("", "", "", output.folded(said, width))
    console.print(table)




def why(decision: Decision, lang: Lang) -> list[Styled]:
    """Return a refusal in words: each rule with its reason, then its clauses."""
    lines = []
    for verdict in decision.refusals:
        line = Styled().append(verdict.rule, style="red")
        reason = Text("", "") if verdict.reason is None else verdict.reason
        lines.append(line.append(f"  {reason.in_(lang)}"))
        lines += output.cited(verdict.clauses, lang)
        if not verdict.clauses:
            lines.append(Styled(_BUILT_IN.in_(lang), style="dim"))
    return lines

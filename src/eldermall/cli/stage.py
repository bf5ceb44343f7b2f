"""The stage of the demo: simulated time, a sweep every half hour, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from eldermall.calendars import zone_named
from eldermall.cli import output
from eldermall.contracts.events import CommittedEvent, RefundAnswer, RefundRequest
from eldermall.currencies import shown
from eldermall.engine.actor import Actor
from eldermall.engine.rule import Decision
from eldermall.errors import Refused, RuleBroken
from eldermall.hooks import hookimpl
from eldermall.mall import Mall
from eldermall.rooms.urging import Urge
from eldermall.texts import Text

ZONE = zone_named("Asia/Shanghai")
START = datetime(2026, 3, 2, 8, 30, tzinfo=ZONE)
HALF_AN_HOUR = timedelta(minutes=30)

Mark = Literal["day", "scene", "moved", "refused", "clock", "outside", "evening"]

_CLOCK = Text("时限", "clock")
_STOCK = Text("库存", "stock")
_TOLD = {
    "ClockWarned": Text("即将到期", "due soon"),
    "ClockBreached": Text("已超期", "overdue"),
    "ClockRepeated": Text("仍未处理", "still overdue"),
}
_BY_ITSELF = {
    "ComplaintEscalated": Text(
        "{subject}：已自动上报部门负责人", "{subject} was reported to the department head"
    ),
    "ComplaintRaised": Text(
        "{subject}：已自动上报公司领导", "{subject} was raised to the company leader"
    ),
    "Urged": Text("已自动{subject}", "the {subject} opens by itself"),
    "UrgedAgain": Text("尚无回复，再次{subject}", "no answer: the {subject} is repeated"),
}
_STOCKS = {
    "StockLow": Text("{subject}已降至预警线", "{subject} is down to the warning level"),
    "SoldOut": Text("{subject}已售罄", "{subject} is sold out"),
}
_CALLED = {
    "tea": Text("绿茶", "tea"),
    "honey": Text("蜂蜜", "honey"),
    "head": Text("部门负责人", "head"),
    "spring-tea": Text("绿茶", "green tea"),
    "acacia-honey": Text("蜂蜜", "acacia honey"),
    "haircut": Text("理发", "haircut"),
}
_PRESSED = {
    "courier": Text("催办快递", "urge of the courier"),
    "merchant": Text("催办商家", "urge of the merchant"),
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
        """Keep what happened by itself: what clocks did and what came of it, and low stocks."""
        by_itself = event.name in _BY_ITSELF and event.actor["role"] == "system"
        if by_itself or event.name in _TOLD or event.name in _STOCKS:
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
        """Let time pass until 08:30 of a day of March 2026."""
        self._until(START.replace(day=day))
        self.tell("day", None, text)
        self.turn()

    def at(self, clock: str) -> None:
        """Let time pass until ``HH:MM`` of the same day."""
        self._until(self._clock(clock))
        self.turn()

    def scene(self, clock: str, text: Text) -> None:
        """Let time pass until ``HH:MM``, where another part of the day begins."""
        self._until(self._clock(clock))
        self.tell("scene", None, text)
        self.turn()

    def evening(self) -> None:
        """Let time pass until 18:00, and say how many clocks run."""
        self.at("18:00")
        running = self.mall.clocks("running", "paused")
        late = self.mall.clocks("breached")
        self.tell(
            "evening", None,
            Text(
                f"一天结束：计时中的时限 {len(running)} 个，已超期 {len(late)} 个",
                f"end of the day: {len(running)} clocks are running, {len(late)} overdue",
            ),
        )

    def _clock(self, clock: str) -> datetime:
        hour, minute = clock.split(":")
        return self.present.now.replace(hour=int(hour), minute=int(minute))

    def _until(self, end: datetime) -> None:
        while (coming := self.present.now + HALF_AN_HOUR) < end:
            self.present.now = coming
            self.turn()
        self.present.now = end

    def turn(self) -> None:
        """Do what a host's scheduler does: sweep, then relay; and tell what came of it."""
        self.mall.sweep()
        self._relay()

    def _relay(self) -> None:
        self.mall.relay()
        while self.host.heard:
            self._told(self.host.heard.pop(0))
        while self.host.asked:
            request = self.host.asked.pop(0)
            money = shown(request.amount, request.currency)
            self.tell(
                "outside",
                Text("送往商城", "to the shop"),
                Text(
                    f"退款请求：订单 {request.order}，{money}；商城答复已受理",
                    f"refund request: order {request.order}, {money}; the shop accepts it",
                ),
            )

    def _told(self, event: CommittedEvent) -> None:
        if event.name not in _TOLD:
            who = _STOCK if event.name in _STOCKS else _CLOCK
            what = (_STOCKS | _BY_ITSELF)[event.name]
            subject = subject_text(self.mall, event.subject)
            if event.name in _STOCKS:
                subject = _called(event.subject.partition("/")[2])
            self.tell("clock", who, Text(what.zh.format(subject=subject.zh),
                                         what.en.format(subject=subject.en)))
            return
        clock = self.mall.book.clocks[event.data["clock"]]
        what = _TOLD[event.name]
        subject = subject_text(self.mall, event.subject, event.data["part"])
        heard = event.data["who"]
        told = Text(
            f"，告知{output.roles(heard, 'zh')}" if heard else "",
            f"; told: {output.roles(heard, 'en')}" if heard else "",
        )
        due = output.when(event.data["due"], ZONE)
        self.tell(
            "clock",
            _CLOCK,
            Text(
                f"{subject.zh}：“{clock.label.zh}”{what.zh}，期限 {due}{told.zh}",
                f"{subject.en}, “{clock.label.en}”: {what.en}, limit {due}{told.en}",
            ),
            clauses=tuple(event.data["clauses"]),
        )

    def does(self, who: Cast, text: Text, *moves: Callable[[], object]) -> None:
        """Let somebody do something that the rules allow; and tell what follows by itself."""
        for move in moves:
            move()
        self.tell("moved", who.name, text)
        self._relay()

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


def subject_text(mall: Mall, subject: str, part: str = "") -> Text:
    """Return what a record, or a part of it, is called; an urge by whom it presses over what."""
    kind, id = subject.split("/", 1)
    name, what, piece = mall.book.kind(kind).label, _called(id), _called(part)
    if kind == "urge":
        urge: Urge = mall.urges.get(id)
        over = " ".join(filter(None, (urge.order, urge.parcel)))
        name, what, piece = _PRESSED[urge.target], Text("", ""), Text(over, over)
    return Text(
        f"{name.zh} {what.zh}".rstrip() + (f"（{piece.zh}）" if piece.zh else ""),
        f"{name.en} {what.en}".rstrip() + (f" ({piece.en})" if piece.en else ""),
    )


def _called(id: str) -> Text:
    return _CALLED.get(id, Text(id, id))

"""The order of moments: what has happened to a record, and what can't have been before it.

A room names each moment that its records keep, with those that it follows; a row of a table says
after which of them its move comes::

    ACCEPTED = Happened(Text("接单", "the acceptance"), "accepted_at", (HANDED_OVER,))

    @move(..., after=(ACCEPTED,))

What follows a moment follows all that lies before that one too, and the making of the record.
Equal is in order; a moment that nobody knows is before nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import cache
from typing import Any

from eldermall.calendars import moment
from eldermall.engine.rule import Context, Verdict
from eldermall.texts import Text

ByPart = Mapping[str, int | None]


@dataclass(frozen=True, slots=True, eq=False)
class Happened:
    """Something that has happened to a record, or to each part of it.

    Args:
        label: what it is called in print, after "before"; ``{part}`` stands for the part.
        at: its moment: a field of the record, or a function that reads it from one, by part where
            there are parts; None where it hasn't happened or nobody knows when.
        after: what it can't have been before.
        of: the argument of a move that names the part which the move is about; one without that
            argument is about all parts.
        where: the field that holds it, where ``at`` is a function.
    """

    label: Text
    at: str | Callable[[Any], int | ByPart | None]
    after: tuple[Happened, ...] = ()
    of: str | None = None
    where: str = ""

    def moments(self, record: Any) -> ByPart:
        """Return its moments by part; ``""`` is the record as a whole."""
        found = getattr(record, self.at) if isinstance(self.at, str) else self.at(record)
        return found if isinstance(found, Mapping) else {"": found}


@dataclass(frozen=True, slots=True)
class Known:
    """A moment of a record that is known: when it was, what it is, of which part."""

    at: int
    label: Text
    part: str = ""
    where: str = "created_at"

    def said(self, zone: tzinfo) -> Text:
        """Return what happened, and when, in words."""
        when, label = shown(self.at, zone), self.label.format(part=self.part)
        return Text(f"{label.zh}（{when}）", f"{label.en} ({when})")


@dataclass(frozen=True, slots=True)
class Disorder:
    """Two moments of a record that are out of order: the one that comes after lies before."""

    before: Known
    after: Known


def shown(at: int, zone: tzinfo) -> str:
    """Return a moment as it stands in a sentence."""
    return moment(at, zone).isoformat(" ")


@cache
def earlier(after: tuple[Happened, ...]) -> tuple[Happened, ...]:
    """Return ``after`` and all that lies before these, each once."""
    found: dict[Happened, None] = {}
    for each in after:
        found |= dict.fromkeys((each, *earlier(each.after)))
    return tuple(found)


def latest(
    after: tuple[Happened, ...], record: Any, kind: Text, parts: Mapping[str, Any]
) -> Known:
    """Return the latest moment that something which comes after these can't precede.

    Args:
        after: what it follows, beside the making of the record.
        record: as it stood before.
        kind: what the record is called.
        parts: which parts it is about, by the names of arguments; all if nothing is said.
    """
    made = Known(record.created_at, Text(f"{kind.zh}产生", f"the {kind.en} was made"))
    return max([made, *_known(earlier(after), record, parts)], key=lambda known: known.at)


def _newest(after: tuple[Happened, ...], c: Context) -> int:
    """Return the moment of the `latest`; asked of every move, so that it makes nothing else."""
    record = c.record
    last: int = record.created_at
    for each in earlier(after):
        found = getattr(record, each.at) if isinstance(each.at, str) else each.at(record)
        if not found:
            continue
        wanted = None if each.of is None else vars(c.args).get(each.of)
        for part, at in (("", found),) if isinstance(found, int) else found.items():
            if at is not None and at > last and wanted in (None, part):
                last = at
    return last


def raised(after: tuple[Happened, ...], c: Context, future: int) -> int:
    """Return when a move of a record happened of which nobody says when.

    That is now, or the latest moment that it follows if that is so little ahead that the clocks
    of two servers may differ by it.
    """
    last = _newest(after, c)
    return last if c.now < last <= c.now + future else c.now


def out_of_order(
    after: tuple[Happened, ...], c: Context, kind: Text, tolerance: int, *, dated: bool
) -> Verdict | None:
    """Return what is said of a move of a record that lies before what it follows, if it does.

    It is refused where somebody says when it was. One that happens now is told and kept: a record
    whose moments lie far ahead, because a clock did, would else stand still till then.

    Args:
        after: what it follows, beside the making of the record.
        c: the move.
        kind: what the record is called.
        tolerance: how far it may lie before, in microseconds.
        dated: whether somebody says when it was.
    """
    if c.at >= _newest(after, c) - tolerance:
        return None
    rule = "time.before-record" if c.at < c.record.created_at - tolerance else "time.order"
    said = latest(after, c.record, kind, vars(c.args)).said(c.settings.zone)
    when = shown(c.at, c.settings.zone)
    reason = Text(
        f"发生时间（{when}）早于{said.zh}", f"it would have happened ({when}) before {said.en}"
    )
    return Verdict(rule, "refused", reason=reason, enforced=dated)


def disorders(
    happened: tuple[Happened, ...], record: Any, kind: Text, tolerance: int
) -> Iterator[Disorder]:
    """Yield every moment of a record that lies before one which it follows, with the latest such.

    Args:
        happened: the moments that such records keep.
        record: the record.
        kind: what it is called.
        tolerance: how far it may lie before, in microseconds: two clocks differ.
    """
    for each in earlier(happened):
        for known in _known((each,), record, {}):
            parts = {} if each.of is None else {each.of: known.part}
            before = latest(each.after, record, kind, parts)
            if known.at < before.at - tolerance:
                yield Disorder(before, known)


def _known(
    happened: tuple[Happened, ...], record: Any, parts: Mapping[str, Any]
) -> Iterator[Known]:
    for each in happened:
        wanted = None if each.of is None else parts.get(each.of)
        for part, at in each.moments(record).items():
            if at is not None and wanted in (None, part):
                where = each.at if isinstance(each.at, str) else each.where
                yield Known(at, each.label, part, where.format(part=part))

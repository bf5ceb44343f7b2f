"""What is wrong with a record that is to be taken over: each fault at its field, all at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from eldermall.calendars import microseconds
from eldermall.engine.inputs import Moment, Planned
from eldermall.engine.kind import Kind, Record
from eldermall.engine.moments import Disorder, disorders, shown
from eldermall.engine.rule import Context
from eldermall.engine.settings import Technical
from eldermall.errors import Invalid
from eldermall.texts import Text

Found = tuple[str, Text]
"""Where in a record something is wrong, and what would be right."""

TOO_EARLY = Text("与所处状态不符：尚未到这一步", "doesn't fit the state: it hasn't come so far")

FIRST = microseconds(datetime(2000, 1, 1, tzinfo=UTC))
"""No shop has moments before; a number of seconds or milliseconds would be one."""


def faults(
    kind: Kind, record: Record, what: str, c: Context, technical: Technical
) -> Iterator[Invalid]:
    """Yield everything about a record that couldn't have come about by moves.

    Args:
        kind: its kind.
        record: the record, whose fields are each well formed.
        what: the command, named in each fault.
        c: the adoption.
        technical: how far ahead of now a moment may lie.
    """
    found: list[Found] = [
        *_out_of_bounds(record, c.now + technical.future),
        *(_told(each, c) for each in disorders(
            kind.ordered, record, kind.label, technical.future
        )),
        *(kind.faults(record) if kind.faults is not None else ()),
    ]
    for where, why in found:
        yield Invalid(f"{what}.{where}", value_at(record, where), why)


def _told(disorder: Disorder, c: Context) -> Found:
    said = disorder.before.said(c.settings.zone)
    when = shown(disorder.after.at, c.settings.zone)
    return disorder.after.where, Text(
        f"{when} 早于{said.zh}", f"{when} lies before {said.en}"
    )


def _out_of_bounds(record: Record, latest: int) -> Iterator[Found]:
    for where, at, ahead in moments_in(record):
        if at < FIRST or (at > latest and not ahead):
            yield where, Text(
                "时间须在 2000 年 1 月 1 日至今之间；数字须为自 1970 年起的微秒数，"
                "也可写作 2026-03-02T09:00:00+08:00",
                "must lie between 2000-01-01 and now; a number counts microseconds since 1970, "
                "a text is written as 2026-03-02T09:00:00+08:00",
            )


def moments_in(model: BaseModel) -> Iterator[tuple[str, int, bool]]:
    """Yield each moment inside a model: where it stands, when it is, whether it may lie ahead."""
    for name, hint in hints_of(type(model)).items():
        if name in type(model).model_fields:
            yield from _inside(getattr(model, name), hint, name)


def _inside(value: Any, hint: Any, where: str) -> Iterator[tuple[str, int, bool]]:
    if value is None:
        return
    if is_moment(hint):
        yield where, value, hint == Planned
    elif isinstance(value, BaseModel):
        for step, at, ahead in moments_in(value):
            yield f"{where}.{step}", at, ahead
    else:
        origin, inside = get_origin(hint), get_args(hint)
        if origin in (Annotated, Union, UnionType):
            yield from _inside(value, next(h for h in inside if h is not type(None)), where)
        elif origin is tuple:
            for n, item in enumerate(value):
                yield from _inside(item, inside[0], f"{where}.{n}")
        elif isinstance(value, Mapping):
            for key, item in value.items():
                yield from _inside(item, inside[1], f"{where}.{key}")


def too_early(
    record: Any, state: str, later: Mapping[tuple[str, ...], tuple[str, ...]]
) -> Iterator[Found]:
    """Yield the fields that are known, though ``later`` says that the state can't have them yet."""
    for states, fields in later.items():
        for field in fields:
            if state in states and getattr(record, field) is not None:
                yield field, TOO_EARLY


def is_moment(hint: Any) -> bool:
    """Say whether a type hint is that of a moment."""
    return hint in (Moment, Planned)


@cache
def hints_of(model: type[BaseModel]) -> Mapping[str, Any]:
    """Return the type hints of a model's fields, with what is noted on them."""
    return get_type_hints(model, include_extras=True)


def value_at(record: BaseModel, where: str) -> object:
    """Return what stands at a place in a record; a part is named by its number or its id."""
    value: Any = record
    for step in where.split("."):
        if isinstance(value, tuple):
            value = _part(value, step)
        elif isinstance(value, Mapping):
            value = value.get(step)
        else:
            value = getattr(value, step, None)
    return value


def _part(parts: tuple[Any, ...], step: str) -> Any:
    named = [p for p in parts if step in (getattr(p, "id", None), getattr(p, "line", None))]
    if named:
        return named[0]
    return parts[int(step)] if step.isdecimal() and int(step) < len(parts) else None


def twice(ids: Iterable[str]) -> Iterator[int]:
    """Yield the places at which an id stands that stood before."""
    seen: set[str] = set()
    for n, id in enumerate(ids):
        if id in seen:
            yield n
        seen.add(id)

"""Adoption: taking over a record that a shop already has, in the state in which it is.

Nobody knows by which rules it got there, so none is asked; what is asked is that the record could
stand where it stands. Its clocks are computed from the moments that are known. What was overdue
before is marked so and isn't announced as a breach.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError, create_model

from eldermall.calendars import microseconds
from eldermall.engine.actor import listed
from eldermall.engine.clock import ClockChange, changes
from eldermall.engine.faults import FIRST, faults, hints_of, is_moment
from eldermall.engine.inputs import Arguments, Personal, invalid, personal_fields
from eldermall.engine.journal import args_of
from eldermall.engine.kind import ADOPT, Command, Kind, Record, subject_of
from eldermall.engine.machine import NEW, Machine
from eldermall.engine.parties import OUTSIDE
from eldermall.engine.rule import Context, Decision, Verdict
from eldermall.engine.rulebook import Rulebook
from eldermall.engine.settings import Technical
from eldermall.engine.step import LATE_ROLES, Step, followed, has_edge, running
from eldermall.errors import Invalid
from eldermall.texts import Text

LABEL = Text("接管", "adopt")
_OURS = ("id", "version", "pack")
_WHO = listed(LATE_ROLES)
_WHO_MAY = Text(f"接管只能由以下身份执行：{_WHO.zh}", f"a record is taken over by: {_WHO.en}")


@cache
def adoption_of(model: type[Record]) -> type[Arguments]:
    """Return the arguments with which a record of ``model`` is taken over: its own fields.

    A field that holds a person's words anywhere inside is personal as a whole.
    """
    hints = hints_of(model)
    fields: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if name in _OURS:
            continue
        hint = hints[name]
        purpose = personal_fields(model).get(name) or next(_purposes(hint), None)
        if purpose is not None:
            hint = Annotated[hint, Personal(purpose)]
        default = ... if field.is_required() else field.get_default()
        fields[name] = (hint, default) if name != "created_at" else (hint | None, None)
    made = create_model(f"Adopt{model.__name__}", __base__=Arguments, **fields)
    return cast(type[Arguments], made)


def _purposes(hint: Any) -> Iterator[str]:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        yield from personal_fields(hint).values()
        for inner in hints_of(hint).values():
            yield from _purposes(inner)
        return
    for inner in get_args(hint):
        yield from _purposes(inner)


def adoption(model: type[Record], what: str, given: Mapping[str, Any]) -> Arguments:
    """Return the arguments in ``given``; moments may be aware datetimes or ISO 8601 texts.

    Args:
        model: the record's.
        what: the command, named in the error.
        given: the record's fields, as from Python or from JSON.

    Raises:
        Invalid: a value is wrong; says all that are, where they stand, and what would be right.
    """
    if not isinstance(given, Mapping):
        raise Invalid(
            what, given, Text("须为各项名称与值的对应", "must be a mapping of fields")
        )
    arguments = adoption_of(model)
    hints = hints_of(arguments)
    untimely: list[Invalid] = []
    plain = {
        name: _timed(value, hints.get(name), f"{what}.{name}", untimely)
        for name, value in given.items()
    }
    try:
        body = json.dumps(plain)
    except (TypeError, ValueError) as error:
        raise Invalid(what, given, Text(f"无法表示为 JSON：{error}", str(error))) from None
    try:
        args = arguments.model_validate_json(body)
    except ValidationError as error:
        raise Invalid.together([*untimely, invalid(error, what)]) from None
    if untimely:
        raise Invalid.together(untimely)
    return args


def _timed(value: Any, hint: Any, where: str, untimely: list[Invalid]) -> Any:
    """Return ``value`` as plain JSON data with its moments as numbers.

    What is no moment is added to ``untimely``.
    """
    if is_moment(hint):
        return _moment_or_not(value, where, untimely)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Annotated, Union, UnionType) and value is not None:
        return _timed(value, next(h for h in inside if h is not type(None)), where, untimely)
    if origin is tuple and isinstance(value, list | tuple):
        return [_timed(item, inside[0], f"{where}.{n}", untimely) for n, item in enumerate(value)]
    if isinstance(value, Mapping):
        hints = _fields(hint)
        return {
            key: _timed(
                item, inside[1] if origin is dict else hints.get(key), f"{where}.{key}", untimely
            )
            for key, item in value.items()
        }
    return value


def _moment_or_not(value: Any, where: str, untimely: list[Invalid]) -> Any:
    try:
        return _moment(value, where)
    except Invalid as error:
        untimely.append(error)
        return 0


def _fields(hint: Any) -> Mapping[str, Any]:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hints_of(hint)
    return {}


def _moment(value: Any, where: str) -> Any:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise Invalid(
                where, value,
                Text(
                    "须为带时区的时间，例如 2026-03-02T09:00:00+08:00",
                    "must be a time with its zone, such as 2026-03-02T09:00:00+08:00",
                ),
            ) from None
    return microseconds(value, where) if isinstance(value, datetime) else value


def adopted_before(entries: Iterable[Mapping[str, Any]], args: Arguments) -> bool:
    """Say whether a record was adopted with the same arguments, as far as the journal knows them.

    Args:
        entries: the record's entries, oldest first.
        args: of the adoption.
    """
    before = next((entry["args"] for entry in entries if entry["outcome"] == "adopted"), None)
    given, _ = args_of(args)
    plain = given.keys() - args.personal.keys()
    return before is not None and all(before.get(name) == given[name] for name in plain)


def adopted(
    book: Rulebook, kind: Kind, command: Command, c: Context, technical: Technical
) -> Step:
    """Decide whether a record is taken over, and work out its clocks.

    Args:
        book: the clocks.
        kind: the kind of the record.
        command: the adoption.
        c: what is known of it.
        technical: how far ahead of now a moment may lie.

    Raises:
        Invalid: the record's fields contradict each other; says all that do.
    """
    subject, what = subject_of(kind.name, command.id), f"{kind.name}.{ADOPT}"
    labels = (kind.label, LABEL)
    if command.actor.role in OUTSIDE:
        said = (Verdict(f"{ADOPT}.who-may", "refused", reason=_WHO_MAY),)
        return Step(Decision(subject, ADOPT, "", said, {}, False, labels), alone=True)
    state = NEW if c.record is None else c.record.summary
    fields = {name: getattr(c.args, name) for name in type(c.args).model_fields}
    created = fields.pop("created_at")
    try:
        record = kind.model(
            id=c.id, version=1, pack=c.settings.pack,
            created_at=c.at if created is None else created, **fields,
        )
    except ValidationError as error:  # what its fields say together can't be
        raise invalid(error, what) from None
    refused = dict(_refusals(kind, command, c, record, technical))
    misfits = list(_misfits(kind, record))
    # whose making nobody knows was made before all that is known of it
    dated = record if created is not None else record.model_copy(update={"created_at": FIRST})
    wrong = [] if refused else list(faults(kind, dated, what, c, technical))
    if wrong:
        states = (Invalid(f"{what}.{at}", getattr(record, at), why) for at, why in misfits)
        raise Invalid.together([*states, *wrong])
    refusals = tuple(
        Verdict(f"{ADOPT}.{name}", "refused", reason=why)
        for name, why in (*refused.items(), *(("fits", why) for _, why in misfits))
    )
    decision = Decision(subject, ADOPT, state, refusals, {}, not refusals, labels)
    if refusals:
        return Step(decision)
    record, _ = followed(kind, record, c.at)  # in the tracks nothing follows: that was asked
    unknown = () if kind.moments is None else tuple(
        name for name in kind.moments(record) if getattr(record, name) is None
    )
    if created is None:
        unknown = ("created_at", *unknown)
    clocks = tuple(_clocks(book, kind, record, subject, c))
    return Step(decision, record, (), clocks, unknown=unknown)


def _refusals(
    kind: Kind, command: Command, c: Context, record: Record, technical: Technical
) -> Iterator[tuple[str, Text]]:
    if c.record is not None:
        yield "record-exists", Text(
            f"{kind.label.zh} {c.id} 已存在", f"{kind.label.en} {c.id} exists already"
        )
    if command.actor.role not in LATE_ROLES:
        yield "who-may", _WHO_MAY
    if record.created_at > c.now + technical.future:
        yield "future", Text(
            "记录产生的时间晚于当前时间", "it would have been made in the future"
        )


def _misfits(kind: Kind, record: Record) -> Iterator[tuple[str, Text]]:
    """Yield the tracks whose state can't be that of the record, each with what would be right."""
    for machine in kind.machines:
        at = getattr(record, machine.field)
        if not machine.applies(record):
            if at is not None:
                yield machine.field, Text(
                    f"{machine.field} 不适用于此记录，应留空",
                    f"{machine.field} isn't a track of this record; leave it out",
                )
        elif at not in machine.labels:
            names_ = list(machine.labels)
            yield machine.field, Text(
                f"{machine.field} 应为下列之一：" + "、".join(names_),
                f"{machine.field} must be one of " + ", ".join(names_),
            )
        else:
            yield from _contradicted(machine, record)


def _contradicted(machine: Machine, record: Record) -> Iterator[tuple[str, Text]]:
    """Yield what about the record contradicts the state of one of its tracks."""
    field = machine.field
    at = getattr(record, field)
    here = machine.labels[at]
    for t in machine.following.get(at, ()):
        if t.when is not None and t.when(record) and t.target is not None:
            there = machine.labels[t.target]
            yield field, Text(
                f"{field} 为“{here.zh}”与其内容不符，应为“{there.zh}”（{t.target}）",
                f"{field} is {here.en}, but what the record says makes it {there.en} "
                f"({t.target})",
            )
    into = [t for t in machine.transitions if t.target == at]
    if at not in machine.born and all(t.when is not None for t in into) and not any(
        t.when is not None and t.when(record) for t in into
    ):
        yield field, Text(
            f"{field} 为“{here.zh}”与其内容不符",
            f"{field} is {here.en}, but what the record says doesn't make it {here.en}",
        )


def _clocks(
    book: Rulebook, kind: Kind, record: Record, subject: str, c: Context
) -> Iterator[ClockChange]:
    """Yield the clocks that start, each followed by what else is known of it.

    One that was overdue before won't be announced any more, but to whom it is repeated later. A
    breach that moves the record, and a warning, are left to the sweep.
    """
    clocks = running(book.watching[kind.name], c.settings, c.now)
    found = list(changes(clocks, record, subject, (), c.now, c.settings, c.settings))
    paused = {(change.row.name, change.row.part) for change in found if change.did == "paused"}
    for change in found:
        yield change
        row, clock = change.row, book.clocks[change.row.name]
        acts = clock.acts(row.started, row.due, c.settings)
        passed = [act for at, act, _ in acts if at <= c.now]
        if "breached" not in passed or (row.name, row.part) in paused:
            continue
        if clock.on_breach is None or not has_edge(kind, record, clock.on_breach):
            ahead = acts[len(passed)][0] if len(passed) < len(acts) else None
            late = replace(row, stage=len(passed), next=ahead, state="breached")
            yield ClockChange(late, "overdue")

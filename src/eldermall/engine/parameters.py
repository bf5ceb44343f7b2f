"""The parameters of a declared move: what callers say, what is stored, what the effect is handed.

They are written once, as those of a function. From their types follow the model of the arguments
that an entry keeps, and the signature that a caller sees.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property, partial, reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, Required, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, create_model, model_validator

from eldermall.calendars import microseconds, moment
from eldermall.engine.actor import Actor
from eldermall.engine.inputs import Arguments, Moment
from eldermall.engine.room import Nothing, Options, Unpack
from eldermall.errors import Invalid
from eldermall.texts import Text

Values = dict[str, Any]
Convert = Callable[[Any, str], Any]
"""Takes a value and where it stands, for an error."""


class By(Options, total=False):
    """What every declared move takes besides its own arguments.

    ``by``: who makes it. The others are those of `Options`.
    """

    by: Required[Actor]


class Kept:
    """Marks a parameter that is stored otherwise than callers and effects hold it.

    Args:
        hint: the type that is stored.
        into: returns what is stored; takes the value and where it stands, for its error.
        back: returns what an effect is handed.
    """

    __slots__ = ("back", "hint", "into")

    def __init__(
        self, hint: Any, into: Convert, back: Callable[[Any], Any]
    ) -> None:
        self.hint = hint
        self.into = into
        self.back = back


When = Annotated[datetime, Kept(Moment, microseconds, moment)]
"""A moment: an aware datetime for callers and effects, stored in microseconds since 1970 UTC."""


def shown(hint: Any) -> Any:
    """Return a type as a caller sees it, without constraints."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return shown(inside[0])
    if origin in (Union, UnionType):
        return reduce(or_, map(shown, inside))
    if origin in (Mapping, Sequence, dict, tuple):
        return origin[tuple(map(shown, inside))]
    return hint


def stored(hint: Any) -> Any:
    """Return the type under which a value of the type ``hint`` is stored."""
    origin, inside = get_origin(hint), get_args(hint)
    if kept := _kept(hint):
        return kept.hint
    if origin is Annotated:
        return Annotated[(stored(inside[0]), *hint.__metadata__)]
    if origin in (Union, UnionType):
        models = any(map(_is_model, inside))
        chosen = [stored(h) for h in inside if not (models and get_origin(h) is Mapping)]
        return reduce(or_, chosen)
    if origin is Mapping:
        key, value = map(stored, inside)
        return dict[key, value]  # type: ignore[valid-type]
    if origin is Sequence:
        item = stored(inside[0])
        return tuple[item, ...]  # type: ignore[valid-type]
    return hint


def conversion(hint: Any) -> Convert | None:
    """Return what makes a value what its model takes; None where it is taken as it is said.

    Lists become tuples, mappings dicts, moments numbers. What doesn't fit its type stays as it is,
    for the model to refuse.

    Args:
        hint: the type as it was written.
    """
    origin, inside = get_origin(hint), get_args(hint)
    if kept := _kept(hint):
        return kept.into
    if origin is Annotated:
        return conversion(inside[0])
    if origin in (Union, UnionType):
        chosen = [h for h in inside if _is_model(h)] or [h for h in inside if h is not type(None)]
        convert = conversion(chosen[0])
        return convert and partial(_unless_none, convert)
    if _is_model(hint):
        within = {n: conversion(field.annotation) for n, field in hint.model_fields.items()}
        return partial(_fields, {n: convert for n, convert in within.items() if convert})
    if origin in (Mapping, dict):
        return partial(_values, conversion(inside[1]))
    return partial(_items, conversion(inside[0])) if origin in (Sequence, tuple) else None


def _unless_none(convert: Convert, value: Any, where: str) -> Any:
    return None if value is None else convert(value, where)


def _fields(converts: Mapping[str, Convert], value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {k: converts[k](v, where) if k in converts else v for k, v in value.items()}


def _values(convert: Convert | None, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {k: v if convert is None else convert(v, where) for k, v in value.items()}


def _items(convert: Convert | None, value: Any, where: str) -> Any:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return value
    return tuple(value if convert is None else [convert(item, where) for item in value])


def _is_model(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, BaseModel)


def _kept(hint: Any) -> Kept | None:
    marks = hint.__metadata__ if get_origin(hint) is Annotated else ()
    return next((mark for mark in marks if isinstance(mark, Kept)), None)


class Parameters:
    """The parameters of one move, read from the function that declares it.

    Args:
        function: takes the context, the record's id, and the move's own arguments.
        name: the command's.
        args: the model, if it isn't the one that follows from the parameters.
        check: looks at the arguments as a whole; raises ``ValueError(field, Text)``.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        args: type[Arguments] | None = None,
        check: Callable[[Any], None] | None = None,
    ) -> None:
        self._function = function
        self.name = name
        self.room = ""
        self._args = args
        self._check = check
        _, id, *own = inspect.signature(function).parameters.values()
        self.id = id.name
        self.own = tuple(p for p in own if p.kind is not p.VAR_KEYWORD)
        self.names = frozenset(p.name for p in self.own)
        self.defaults = {p.name: p.default for p in self.own if p.default is not p.empty}
        self.required = frozenset({self.id, "by"} | (self.names - self.defaults.keys()))
        self.positional = (
            id.name, *(p.name for p in self.own if p.kind is p.POSITIONAL_OR_KEYWORD)
        )

    @cached_property
    def hints(self) -> Mapping[str, Any]:
        """The types as they were written, by name."""
        return get_type_hints(self._function, include_extras=True)

    @cached_property
    def model(self) -> type[Arguments]:
        """The model of what is stored."""
        if self._args is not None:
            return self._args
        if not self.own:
            return Nothing
        fields: Values = {
            p.name: (stored(self.hints[p.name]), ... if p.default is p.empty else p.default)
            for p in self.own
        }
        checks: Values = {}
        if self._check is not None:
            checks["check"] = model_validator(mode="after")(partial(_checked, self._check))
        return create_model(
            f"{self.room}.{self.name}", __base__=Arguments, __validators__=checks, **fields
        )

    @cached_property
    def signature(self) -> inspect.Signature:
        """What a caller sees: required arguments, ``by``, optional ones, the options."""
        shown_ = [p.replace(annotation=shown(self.hints[p.name])) for p in self.own]
        kind = inspect.Parameter
        by = kind("by", kind.KEYWORD_ONLY, annotation=Actor)
        return inspect.Signature(
            [
                kind(self.id, kind.POSITIONAL_OR_KEYWORD, annotation=str),
                *(p for p in shown_ if p.kind is p.POSITIONAL_OR_KEYWORD),
                *(p for p in shown_ if p.kind is p.KEYWORD_ONLY and p.default is p.empty),
                by,
                *(p for p in shown_ if p.kind is p.KEYWORD_ONLY and p.default is not p.empty),
                kind("options", kind.VAR_KEYWORD, annotation=Unpack[Options]),
            ]
        )

    @cached_property
    def _conversions(self) -> Mapping[str, Convert]:
        converts = {p.name: conversion(self.hints[p.name]) for p in self.own}
        return {name: convert for name, convert in converts.items() if convert}

    @cached_property
    def back(self) -> Mapping[str, Callable[[Any], Any]]:
        """How what is stored is handed to the effect, by the names of those that differ."""
        return {p.name: back for p in self.own if (back := _back(self.hints[p.name]))}

    def taken(self, values: Values, what: str) -> Values:
        """Return what a caller said as the model takes it, with what was left out.

        Raises:
            Invalid: something isn't an argument here, or a moment is none.
        """
        for name in values.keys() - self.names:
            raise Invalid(
                f"{what}.{name}", values[name], Text("没有此参数", "is not an argument here")
            )
        values = self.defaults | values
        for name, convert in self._conversions.items():
            values[name] = convert(values[name], f"{what}.{name}")
        return values

    def said(self, given: tuple[Any, ...], named: Values) -> Values:
        """Return what a caller has given, by name.

        Raises:
            TypeError: too much was given by position, or something is missing.
        """
        values = dict(zip(self.positional, given, strict=False)) | named
        missing = self.required - values.keys()
        if len(given) > len(self.positional) or len(values) < len(given) + len(named) or missing:
            lacking = f"; missing: {', '.join(sorted(missing))}" if missing else ""
            raise TypeError(f"call it as {self.room}.{self.name}{self.signature}{lacking}")
        return values


def _checked(check: Callable[[Any], None], arguments: Arguments) -> Arguments:
    check(arguments)
    return arguments


def _back(hint: Any) -> Callable[[Any], Any] | None:
    found = _kept(hint) or next(filter(None, map(_kept, get_args(hint))), None)
    return None if found is None else lambda value: None if value is None else found.back(value)

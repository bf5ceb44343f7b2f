"""The signatures of all commands, as callers meet them: on a mall, by name, with real types."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints


def commands(room: Any) -> Mapping[str, Any]:
    """Return the commands of a room of a mall by name."""
    return {name: getattr(room, name) for name in sorted(["get", *room.COMMANDS])}


def printed(rooms: object, names: Iterable[str]) -> str:
    """Return every command of the rooms ``names``, one a line."""
    lines = []
    for name in names:
        lines.append(f"mall.{name}")
        lines += [
            f"    {command}{_signature(thing)}"
            for command, thing in commands(getattr(rooms, name)).items()
        ]
    return "\n".join(lines) + "\n"


class _Said(str):
    __slots__ = ()
    __repr__ = str.__str__


def _signature(command: Any) -> inspect.Signature:
    parameters = []
    for parameter in inspect.signature(command).parameters.values():
        said = parameter.annotation
        if isinstance(said, str):
            said = get_type_hints(command)[parameter.name]
        options = parameter.kind is parameter.VAR_KEYWORD
        parameters.append(
            parameter.replace(annotation=parameter.empty if options else _Said(_type(said)))
        )
    return inspect.Signature(parameters)


def _type(hint: Any) -> str:
    """Return a type as one writes it, by bare names."""
    origin, inside = get_origin(hint), get_args(hint)
    if hint in (None, NoneType):
        return "None"
    if origin is Annotated:
        return _type(inside[0])
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, inside))}]"
    if origin in (Union, UnionType):
        return " | ".join(_type(each) for each in inside)
    if origin is not None:
        return f"{origin.__name__}[{', '.join(_type(each) for each in inside)}]"
    return "..." if hint is ... else getattr(hint, "__name__", None) or repr(hint)

"""Which texts of a room are marked: each is personal, or says why it isn't.

What isn't marked stands in records and journal in clear, after every keeping time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, StringConstraints

from eldermall.engine.declared import Declared
from eldermall.engine.faults import hints_of
from eldermall.engine.inputs import Plain, personal_fields
from eldermall.engine.kind import ADOPT

_OWN = frozenset({"pack"})


def unmarked(room: type[Declared[Any, Any]]) -> list[str]:
    """Return the texts of a room that are marked neither `Personal` nor `Plain`.

    Ids, and texts that a pattern or a choice fixes, are none. Asked are the record, what it is
    made of, and the arguments of every command; an argument is personal as a whole or not at all.

    Args:
        room: the room's class.

    Returns:
        Paths: ``visit.note``, or ``visit.pay.note`` for an argument.
    """
    states = {machine.field for machine in room.KIND.machines} | _OWN
    found = [p for p in _texts(room.model, "", within=True) if p not in states]
    for name, declared in room.COMMANDS.items():
        if name != ADOPT:  # it takes the fields of the record
            found += _texts(declared.model, f"{name}.", within=False)
    return [f"{room.kind}.{path}" for path in dict.fromkeys(found)]


def _texts(model: type[BaseModel], before: str, *, within: bool) -> Iterator[str]:
    """Yield the paths of a model's texts; a mark inside what it is made of counts if ``within``."""
    personal = personal_fields(model)
    for name, hint in hints_of(model).items():
        if name in model.model_fields and name not in personal:
            yield from _inside(hint, before + name, within)


def _inside(hint: Any, path: str, within: bool) -> Iterator[str]:
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Annotated:
        fixed = [m for m in hint.__metadata__ if isinstance(m, StringConstraints) and m.pattern]
        if not fixed and not any(isinstance(m, Plain) for m in hint.__metadata__):
            yield from _inside(inside[0], path, within)
    elif hint is str:
        yield path
    elif isinstance(hint, type) and issubclass(hint, BaseModel):
        if within:
            yield from _texts(hint, f"{path}.", within=True)
        else:
            yield from _all(hint, path)
    elif origin is not Literal:
        for each in inside:
            yield from _inside(each, path, within)


def _all(model: type[BaseModel], path: str) -> Iterator[str]:
    """Yield the paths of texts of a model whose marks for persons count for nothing."""
    hints = hints_of(model)
    for name in model.model_fields:
        yield from _inside(hints[name], f"{path}.{name}", within=False)

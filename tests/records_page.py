"""The page of records: every field of every kind, from the models and `tables/fields.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel

from eldermall.engine.adoption import adoption_of
from eldermall.engine.faults import hints_of
from eldermall.engine.inputs import (
    Amount,
    Currency,
    Id,
    Label,
    Moment,
    Personal,
    Planned,
    Quantity,
    Said,
    Words,
)
from eldermall.engine.kind import Kind, Record
from eldermall.reports.adopting import ADOPTING
from eldermall.rooms import DECLARED

_NAMED = {
    Id: "id", Moment: "moment", Planned: "moment, may lie ahead", Amount: "amount",
    Quantity: "quantity", Currency: "currency", Label: "short text", Words: "text", Said: "text",
    str: "text", int: "number", bool: "true or false",
}
HEAD = """# Records

Every field of every kind of record, as `mall.ROOM.get(id)` returns it, `find` lists it, and a file
that is [taken over](takeover.md) says it. `make tables` writes this page.

- A *moment* is an integer of microseconds since 1970 UTC; a file may write it as ISO 8601 with its
  zone.
- An *amount* is in minor units of the currency. An *id* is 1 to 64 of `[A-Za-z0-9._:-]`.
- *must* says that a record can't be taken over without the field, *null* that it may be null,
  *begins* with what it begins if it is left out. A part that is given needs its own likewise.
- *personal*: the journal holds a commitment, and the value goes when its keeping time is over.
"""


def words() -> Mapping[str, Any]:
    """Return what is written of fields."""
    path = Path(__file__).parent / "tables" / "fields.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def page() -> str:
    """Return the page."""
    said = words()
    own = [f"| `{n}` | {_type(hints_of(Record)[n])[0]} | {w} |" for n, w in said["record"].items()]
    parts = [HEAD, "## Of every kind\n", "| field | type | meaning |", "| --- | --- | --- |", *own]
    for room in DECLARED.values():
        parts += ["", *_kind(room.KIND, said[room.kind])]
    return "\n".join(parts) + "\n"


def _kind(kind: Kind, said: Mapping[str, Any]) -> Iterator[str]:
    adopted = kind.name in {room.kind for room in ADOPTING.values()}
    yield f"## {kind.label.en} (`{kind.name}`)\n"
    for machine in kind.machines:
        yield f"States of `{machine.field}`: {', '.join(f'`{s}`' for s in machine.labels)}.\n"
    if kind.indexed:
        yield f"Found by {', '.join(f'`{n}`' for n in (*kind.indexed, 'state'))}.\n"
    own = [n for n in kind.model.model_fields if n not in Record.model_fields]
    yield from _table(kind.model, own, said, adopted=adopted)
    for part in _parts(kind.model, {}):
        yield f"\n### {kind.name}: {part.__name__}\n"
        yield from _table(part, list(part.model_fields), said[part.__name__], adopted=adopted)


def _table(
    model: type[BaseModel], names: list[str], said: Mapping[str, Any], *, adopted: bool
) -> Iterator[str]:
    yield f"| field | type |{' taking over |' if adopted else ''} meaning |"
    yield f"| --- | --- |{' --- |' if adopted else ''} --- |"
    whole: type[BaseModel] = adoption_of(model) if issubclass(model, Record) else model
    for name in names:
        hint = hints_of(model)[name]
        kind, personal = _type(hint)
        needs = f" {_needs(whole, name, hint)} |" if adopted else ""
        mark = "; personal" if personal else ""
        yield f"| `{name}` | {kind}{mark} |{needs} {said[name]} |"


def _needs(model: type[BaseModel], name: str, hint: Any) -> str:
    field = model.model_fields[name]
    nullable = type(None) in get_args(hint)
    if field.is_required():
        return "must, null" if nullable else "must"
    default = field.get_default()
    if default is None:
        return "null"
    return f"begins `{str(default).lower() if isinstance(default, bool) else list(default)}`" if (
        isinstance(default, bool | tuple)
    ) else f"begins `{default!r}`"


def _type(hint: Any) -> tuple[str, bool]:
    """Return a type in words, and whether it is personal."""
    known = next((said for each, said in _NAMED.items() if hint == each), None)
    if known is not None:
        return known, False
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Annotated:
        personal = any(isinstance(mark, Personal) for mark in inside[1:])
        bare = next((each for each in _NAMED if _bare(hint) == each), inside[0])
        said, deeper = _type(bare)
        return said, personal or deeper
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inside), False
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint.__name__, False
    wrapped = "list of {}" if origin is tuple else "{} by id" if origin is dict else "{}"
    of = [h for h in inside if h not in (type(None), ...)]
    said, personal = _type(of[-1])
    return wrapped.format(said), personal


def _bare(hint: Any) -> Any:
    """Return a hint without marks of our own."""
    marks = [m for m in hint.__metadata__ if not type(m).__module__.startswith("eldermall.")]
    return Annotated[(hint.__origin__, *marks)] if marks else hint.__origin__


def _parts(
    model: type[BaseModel], seen: dict[type[BaseModel], None]
) -> dict[type[BaseModel], None]:
    """Return the models inside a model, each once, in the order in which they are met."""

    def within(hint: Any) -> Iterator[type[BaseModel]]:
        if isinstance(hint, type) and issubclass(hint, BaseModel):
            yield hint
        for inner in get_args(hint):
            yield from within(inner)

    for name in model.model_fields:
        for part in within(hints_of(model)[name]):
            if part not in seen:
                seen[part] = None
                _parts(part, seen)
    return seen


def unsaid() -> list[str]:
    """Return the fields that have no words, and the words that have no field."""
    said, wrong = words(), []
    for room in DECLARED.values():
        kind = room.KIND
        tables = {kind.name: set(kind.model.model_fields) - set(Record.model_fields)}
        of = {kind.name: said.get(kind.name, {})}
        for part in _parts(kind.model, {}):
            tables[f"{kind.name}.{part.__name__}"] = set(part.model_fields)
            of[f"{kind.name}.{part.__name__}"] = of[kind.name].get(part.__name__, {})
        parts = {name.partition(".")[2] for name in tables}
        for table, fields in tables.items():
            written = {n for n, w in of[table].items() if not isinstance(w, dict)}
            written |= {n for n, w in of[table].items() if isinstance(w, dict) and n not in parts}
            wrong += [f"{table}.{name}" for name in sorted(fields ^ written)]
    return wrong

"""The door of every command: what is said to an argument that can't be accepted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from eldermall import Decision, Invalid, Mall
from tests.golden import signatures

WRONG: tuple[object, ...] = (3.5, "", None)
"""What stands for an argument, one after the other."""

OPTIONS: Mapping[str, object] = {
    "at": datetime(2026, 3, 2),
    "key": "a key", "expect": "1", "late_reason": "", "colour": "red",
}
"""A wrong value of each option, and an option that there isn't."""

Made = Mapping[str, tuple[tuple[Any, ...], Mapping[str, Any]]]


def answers(mall: Mall, rooms: Iterable[str], made: Made) -> Iterator[str]:
    """Yield for every command a line with what it says to each wrong argument.

    Args:
        mall: a mall in which there is nothing.
        rooms: the rooms' names.
        made: right arguments by command, as ``orders.place``.
    """
    for room in rooms:
        for name, command in signatures.commands(getattr(mall.may, room)).items():
            if name == "get":
                said = {repr(wrong): _answer(command, (wrong,), {}) for wrong in WRONG}
                yield _line(f"{room}.get", {"id": said})
                continue
            args, more = made[f"{room}.{name}"]
            more = {k: v for k, v in more.items() if k not in OPTIONS}
            yield _line(f"{room}.{name}", dict(_arguments(command, args, more)))


def _arguments(
    command: Any, args: tuple[Any, ...], more: Mapping[str, Any]
) -> Iterator[tuple[str, object]]:
    for place in range(len(args)):
        yield str(place), {
            repr(wrong): _answer(command, (*args[:place], wrong, *args[place + 1:]), more)
            for wrong in WRONG
        }
    for name in more:
        yield name, {repr(wrong): _answer(command, args, {**more, name: wrong}) for wrong in WRONG}
    yield "all", _answer(command, tuple(3.5 for _ in args), dict.fromkeys(more, 3.5))
    named = {name: wrong for name in more if name != "by" for wrong in [3.5]}
    yield "all but by", _answer(command, args, {**more, **named})
    for name, wrong in OPTIONS.items():
        yield name, _answer(command, args, {**more, name: wrong})
    if isinstance(args[-1], Mapping):  # a record that is taken over
        for field in args[-1]:
            record = {**args[-1], field: 3.5}
            yield f"record.{field}", _answer(command, (*args[:-1], record), more)


def _answer(command: Any, args: tuple[Any, ...], more: Mapping[str, Any]) -> str:
    try:
        answer = command(*args, **more)
    except Invalid as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, it stays
        return type(error).__name__
    assert isinstance(answer, Decision)
    return "passes"


def _line(command: str, said: Mapping[str, object]) -> str:
    return json.dumps({"door": command, **said}, ensure_ascii=False)

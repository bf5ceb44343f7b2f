"""What the commands of all rooms share: the door, and the two ways to answer.

A room is generic in what its commands return: on ``mall`` they move something and return the
record after it, on ``mall.may`` they return the Decision and move nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Generic, TypedDict, TypeVar, Unpack

from eldermall.calendars import microseconds
from eldermall.engine.actor import Actor
from eldermall.engine.adoption import adoption
from eldermall.engine.inputs import Arguments, arguments, checked_id, checked_text
from eldermall.engine.kind import ADOPT, Command, Record
from eldermall.errors import Invalid
from eldermall.texts import Text

T = TypeVar("T")
R = TypeVar("R")


class Options(TypedDict, total=False):
    """What every command takes besides its own arguments.

    ``at``: when it happened, aware, now if left out. ``key``: an idempotency key; the same command
    with the same key and content happens once. ``expect``: the version that the record must have.
    ``late_reason``: why it is entered further back than the technical window; operations, a
    department head or the leader say so.
    """

    at: datetime
    key: str
    expect: int
    late_reason: str


class Nothing(Arguments):
    """The arguments of a command that takes none."""


class Room(Generic[T, R]):
    """The commands of one kind of record.

    Args:
        run: makes a command, or decides on it.
        read: returns a record by kind and id.
    """

    kind: ClassVar[str]

    def __init__(
        self, run: Callable[[Command], Any], read: Callable[[str, str], Any]
    ) -> None:
        self._run = run
        self._read = read

    def get(self, id: str) -> R:
        """Return the record ``id`` as it stands.

        Raises:
            Unknown: there is none.
        """
        record: R = self._read(self.kind, checked_id(id, f"{self.kind}.id"))
        return record

    def _do(
        self,
        name: str,
        id: str,
        by: Actor,
        model: type[Arguments],
        options: Options,
        /,
        **values: object,
    ) -> T:
        what = f"{self.kind}.{name}"
        checked_id(id, f"{what}.id")
        if not isinstance(by, Actor):
            raise Invalid(
                f"{what}.by",
                by,
                Text("须为 person(...) 或 system(...)", "must be a person(...) or system(...)"),
            )
        for option in options:
            if option not in Options.__annotations__:
                raise Invalid(
                    f"{what}.{option}",
                    dict(options)[option],
                    Text("没有此参数", "is not an argument here"),
                )
        at, key, expect = options.get("at"), options.get("key"), options.get("expect")
        if expect is not None and type(expect) is not int:
            raise Invalid(f"{what}.expect", expect, Text("须为整数", "must be a whole number"))
        late = options.get("late_reason")
        if late is not None and not 1 <= len(checked_text(late, f"{what}.late_reason")) <= 200:
            raise Invalid(
                f"{what}.late_reason", late, Text("须为 1 至 200 个字", "must hold 1 to 200")
            )
        command = Command(
            self.kind,
            name,
            id,
            by,
            arguments(model, what, **values),
            None if at is None else microseconds(at, f"{what}.at"),
            None if key is None else checked_id(key, f"{what}.key"),
            expect,
            late,
        )
        result: T = self._run(command)
        return result


class ErasingRoom(Room[T, R]):
    """A room whose records say something of persons."""

    def erase(self, id: str, *, by: Actor, **options: Unpack[Options]) -> T:
        """Erase what a record says of a person, once its keeping time has ended.

        Words are blanked, and the values behind the journal's commitments are gone for good; the
        journal goes on to verify.

        Args:
            id: the record's id.
            by: operations, or the system.
            options: ``at``, ``key``, ``expect``.
        """
        return self._do("erase", id, by, Nothing, options)


class AdoptingRoom(Room[T, R]):
    """A room whose records can be taken over from the shop that had them before.

    ``model`` is the record's model: its fields are what `adopt` takes.
    """

    model: ClassVar[type[Record]]

    def adopt(
        self, id: str, record: Mapping[str, Any], *, by: Actor, **options: Unpack[Options]
    ) -> T:
        """Take over a record that the shop already has, in the state in which it is.

        No rule is asked. The journal says that it was adopted and which moments nobody knows;
        clocks run from the moments that are known. Adopting the same again changes nothing.

        Args:
            id: the host's id.
            record: the fields of the record, its states among them; moments are aware datetimes
                or ISO 8601 texts, money is in minor units. What is left out is unknown.
            by: operations, a department head, or the leader.
            options: ``at``, ``key``, ``expect``.

        Raises:
            Invalid: a field is wrong; says which, and what would be right.
            Refused: it exists already, or couldn't stand where it is said to.
        """
        what = f"{self.kind}.{ADOPT}"
        arguments = adoption(self.model, what, record)
        values = {name: getattr(arguments, name) for name in type(arguments).model_fields}
        return self._do(ADOPT, id, by, type(arguments), options, **values)


__all__ = ["AdoptingRoom", "Arguments", "ErasingRoom", "Nothing", "Options", "Room", "Unpack"]

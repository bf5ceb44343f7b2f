"""What the commands of all rooms share: the door, and the two ways to answer.

A room is generic in what its commands return: on ``mall`` they move something and return the
record after it, on ``mall.may`` they return the Decision and move nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Generic, TypedDict, TypeVar, Unpack

from eldermall.calendars import microseconds
from eldermall.contracts.page import LIMIT, Page
from eldermall.engine.actor import Actor
from eldermall.engine.finding import Reader
from eldermall.engine.inputs import Arguments, arguments, checked_id, checked_text, checked_words
from eldermall.engine.kind import Command
from eldermall.errors import DefinitionError, Invalid
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
        read: returns a record by kind and id, for somebody or for the host itself; a mall's own, a
            `Reader`, finds records, too.
    """

    kind: ClassVar[str]

    def __init__(
        self, run: Callable[[Command], Any], read: Callable[[str, str, Actor | None], Any]
    ) -> None:
        self._run = run
        self._read = read

    def get(self, id: str, *, by: Actor | None = None) -> R:
        """Return the record ``id`` as it stands.

        Args:
            id: the record's id.
            by: who asks; left out, it is the host itself. For a customer or merchant there is no
                record but their own.

        Raises:
            Unknown: there is none.
        """
        record: R = self._read(self.kind, checked_id(id, f"{self.kind}.id"), by)
        return record

    def find(
        self,
        *,
        state: str | None = None,
        open: bool | None = None,
        after: str | None = None,
        limit: int = LIMIT,
        by: Actor | None = None,
        **fields: str,
    ) -> Page[R]:
        """Return records by what they are found by, in order of id, a page at a time.

        What is found by several things at once has all of them::

            page = mall.orders.find(customer="grandma-li", state="shipped/paid")
            while page.more:
                page = mall.orders.find(customer="grandma-li", after=page.after)

        Args:
            state: the state in one word; of two tracks both, as in ``shipped/paid``.
            open: whether something may still become of it.
            after: the last page's ``after``, to go on from there.
            limit: how many on a page, up to 1000.
            by: who asks; as of `get`.
            fields: those that the kind is found by: ``customer``, ``merchant``, ``order``,
                ``group``.

        Raises:
            Invalid: the kind isn't found by that, or a value can't be right.
        """
        if not isinstance(self._read, Reader):
            raise DefinitionError(
                Text(
                    f"{self.kind} 的房间未由商城打开，不能查找",
                    f"the room of {self.kind} wasn't opened by a mall; it can't find records",
                )
            )
        if state is not None:
            fields["state"] = state
        return self._read.find(self.kind, by, open=open, after=after, limit=limit, **fields)

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
        if late is not None:
            if not 1 <= len(checked_text(late, f"{what}.late_reason")) <= 200:
                raise Invalid(
                    f"{what}.late_reason", late, Text("须为 1 至 200 个字", "must hold 1 to 200")
                )
            checked_words(late, f"{what}.late_reason")
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


__all__ = ["Arguments", "Nothing", "Options", "Room", "Unpack"]

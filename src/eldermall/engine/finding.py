"""Finding records by their indexed fields, in pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eldermall.contracts.page import MOST, Page
from eldermall.contracts.storage import RecordRow
from eldermall.engine.actor import Actor
from eldermall.engine.inputs import checked_id, checked_text
from eldermall.engine.kind import WIDTH, Kind, Record
from eldermall.engine.parties import is_theirs
from eldermall.errors import Invalid
from eldermall.texts import Text

Rows = Callable[..., Sequence[RecordRow]]
"""`Transaction.find`, or what stands for it."""


class Reader:
    """What the rooms of a mall read with.

    Args:
        one: returns a record by kind and id, for somebody or for the host itself.
        kind: returns a kind by its name.
        rows: `Transaction.find`, or what stands for it.
    """

    __slots__ = ("_kind", "_one", "_rows")

    def __init__(
        self,
        one: Callable[[str, str, Actor | None], Any],
        kind: Callable[[str], Kind],
        rows: Rows,
    ) -> None:
        self._one = one
        self._kind = kind
        self._rows = rows

    def __call__(self, kind: str, id: str, by: Actor | None, /) -> Any:
        """Return a record by kind and id."""
        return self._one(kind, id, by)

    def find(
        self,
        name: str,
        by: Actor | None,
        /,
        *,
        open: bool | None,
        after: str | None,
        limit: int,
        **fields: str,
    ) -> Page[Any]:
        """Return a page of records, in order of id.

        Args:
            name: the kind's.
            by: who asks; for a customer or merchant there is no record but their own.
            open: whether the record is open; None for all.
            after: what the page before says; None for the first.
            limit: how many at most.
            fields: indexed fields, ``state`` among them, with or without an ``_id`` at the end.

        Raises:
            Invalid: there is no such field, or a value can't be right.
        """
        kind, what = self._kind(name), f"{name}.find"
        if open is not None and type(open) is not bool:
            raise Invalid(f"{what}.open", open, Text("须为 True 或 False", "must be True or False"))
        if type(limit) is not int or not 1 <= limit <= MOST:
            raise Invalid(
                f"{what}.limit", limit,
                Text(f"须为 1 至 {MOST} 的整数", f"must be a whole number from 1 to {MOST}"),
            )
        beyond = "" if after is None else checked_id(after, f"{what}.after")
        asked = {"open": open, "limit": limit + 1, **_fields(kind, fields, what)}
        found: list[Record] = []
        while len(found) <= limit and (rows := self._rows(name, after=beyond, **asked)):
            records = map(kind.record, rows)
            found += [one for one in records if by is None or is_theirs(kind, one, by)]
            if len(rows) <= limit:
                break
            beyond = rows[-1].id
        page = tuple(found[:limit])
        return Page(page, page[-1].id if len(found) > limit else None)


def _fields(kind: Kind, by: Mapping[str, Any], what: str) -> dict[str, str]:
    indexed = kind.record_kind.indexed
    names = {field.removesuffix("_id"): field for field in indexed} | {f: f for f in indexed}
    fields: dict[str, str] = {}
    for name, value in by.items():
        if name not in names:
            known = [field.removesuffix("_id") for field in indexed]
            raise Invalid(
                f"{what}.{name}", value,
                Text(
                    "不能按此项查找，可用的有：" + "、".join(known),
                    "is nothing to find it by; there are " + ", ".join(known),
                ),
            )
        fields[names[name]] = checked_text(value, f"{what}.{name}")[:WIDTH]
    return fields


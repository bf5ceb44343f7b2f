"""A page: some of what was asked for, in order, and where the rest begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, overload

T_co = TypeVar("T_co", covariant=True)

LIMIT = 100
"""How much a page holds unless somebody says otherwise."""

MOST = 1000
"""The most that a page holds."""


@dataclass(frozen=True, slots=True)
class Page(Sequence[T_co]):
    """Some of what was asked for, in order.

    Args:
        items: what is on it.
        after: what to ask for the next page with; None if there is no more.
    """

    items: tuple[T_co, ...]
    after: str | None = None

    @property
    def more(self) -> bool:
        """Whether there is another page."""
        return self.after is not None

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T_co]: ...
    def __getitem__(self, index: int | slice) -> T_co | Sequence[T_co]:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

"""What every kit's cases share: the words for a case, and what it asks of whom it tests."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from eldermall.texts import Text

F = TypeVar("F", bound=Callable[..., None])

KIT = "1.1"
"""The version of the kits. It is their own: it changes when a case is added or gets stricter."""


class ConformanceWarning(UserWarning):
    """Something works that isn't declared."""


def undeclared(capability: str) -> None:
    """Warn that ``capability`` works and isn't declared."""
    said = Text(f"{capability} 可用但未声明", f"{capability} works and isn't declared")
    warnings.warn(f"{said.en} / {said.zh}", ConformanceWarning, stacklevel=2)


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a kit, in words.

    Args:
        name: stable, for programs.
        group: what it is about.
        text: what must hold.
        needs: the capability without which it isn't run, or empty.
    """

    name: str
    group: Text
    text: Text
    needs: str = ""


def group(zh: str, en: str) -> Callable[..., Callable[[F], F]]:
    """Return a decorator for the cases of one group.

    The name of a case is its function's, its English words are the docstring's first paragraph.

    Args:
        zh: the group's name in Chinese.
        en: the group's name in English.
    """

    def case(text: str, needs: str = "") -> Callable[[F], F]:
        def told(test: F) -> F:
            words = " ".join((inspect.getdoc(test) or "").split("\n\n")[0].split())
            name = test.__name__.removeprefix("test_")
            said = Text(text, words.removesuffix("."))
            vars(test)["conformance"] = Case(name, Text(zh, en), said, needs)
            return test

        return told

    return case


def case_of(test: Any) -> Case | None:
    """Return the case that a test function is; None if it is none."""
    found = getattr(test, "conformance", None)
    return found if isinstance(found, Case) else None


def cases_of(suite: type) -> Mapping[str, Case]:
    """Return the cases of a suite by name, in the order in which pytest runs them.

    The cases of a class come as they stand in it, after those of its bases, the last base first.
    """
    tests = (test for base in reversed(suite.__mro__) for test in vars(base).values())
    return {case.name: case for test in tests if (case := case_of(test)) is not None}

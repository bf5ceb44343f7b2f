"""Blanking: a record without what it said of a person, and the move that blanks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from eldermall.engine.inputs import personal_fields
from eldermall.engine.machine import Transition
from eldermall.engine.rule import Context
from eldermall.texts import Text

ERASED = "[已删除 / erased]"
"""What stands in a record where a person's words were."""


def erasing(*ends: str) -> Transition:
    """Return the move ``erase`` of a record that has ended in one of ``ends``."""
    return Transition(
        "erase", ends, None, ("operations", "system"),
        Text("删除个人信息", "erase personal data"), "PersonalErased", blank, erases=True,
    )


def blank(c: Context) -> Mapping[str, object]:
    """Return the fields of a record that hold something personal, blanked: an effect."""
    return _blanked(c.record)


def _blanked(model: BaseModel) -> dict[str, Any]:
    personal = personal_fields(type(model))
    changed: dict[str, Any] = {}
    for name, value in model:
        new = ERASED if name in personal and value else _inside(value)
        if new is not value:
            changed[name] = new
    return changed


def _inside(value: Any) -> Any:
    if isinstance(value, BaseModel):
        changed = _blanked(value)
        return value.model_copy(update=changed) if changed else value
    if isinstance(value, dict):
        inner = {key: _inside(each) for key, each in value.items()}
        return inner if any(inner[key] is not each for key, each in value.items()) else value
    if isinstance(value, tuple):
        new = tuple(_inside(item) for item in value)
        return value if all(a is b for a, b in zip(new, value, strict=True)) else new
    return value

"""Checks of what plugins bring: each raises the error that says what is wrong with which plugin."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from eldermall.contracts.courier import CourierCapabilities, ReadsPushes, Urges
from eldermall.engine.canonical import canonical
from eldermall.engine.kind import Kind
from eldermall.engine.rule import FactType
from eldermall.errors import Invalid
from eldermall.loading import Loaded
from eldermall.texts import Text

NAME_LENGTH = 64
"""How long the name of a plugin that gets messages may be: it stands in their ids."""

_NAME = re.compile(r"[a-z_]{1,32}")
_COLUMNS = ("mall", "id", "version", "open", "pack", "body")
_TYPES: Mapping[FactType, type] = {
    "text": str, "number": int, "moment": int, "flag": bool, "list": list, "map": dict,
}


def check_kind(by: Loaded, kind: Kind, there: Sequence[Kind]) -> None:
    """Check that a kind is one of the plugin's own.

    Args:
        by: the plugin.
        kind: the kind.
        there: the kinds that are there already.

    Raises:
        PluginError: it has the name or a machine of another, or is found by what it doesn't have.
    """
    if not _NAME.fullmatch(kind.name) or kind.name in [other.name for other in there]:
        raise by.broken(
            Text(
                f"类别 {kind.name!r} 须有自己的名称：1 至 32 个小写字母或下划线，且未被占用",
                f"the kind {kind.name!r} needs a name of its own: 1 to 32 of a-z and _, not taken",
            )
        )
    machines = {machine.name for other in there for machine in other.machines}
    for machine in kind.machines:
        if machine.name in machines:
            raise by.broken(
                Text(
                    f"状态机 {machine.name} 已存在；插件不能给它添加动作，请另建状态机",
                    f"there is a machine {machine.name}; a plugin adds nothing to it, but brings "
                    "a machine of its own",
                )
            )
    for name in kind.indexed:
        known = name in kind.model.model_fields and _NAME.fullmatch(name)
        if not known or name in _COLUMNS:
            raise by.broken(
                Text(
                    f"类别 {kind.name} 不能按 {name!r} 查找",
                    f"the kind {kind.name} can't be found by {name!r}",
                )
            )


def check_fact(by: Loaded, name: str, type_: FactType, value: object) -> None:
    """Check that the value of a fact is of its type, and can stand in the journal.

    Raises:
        PluginError: it isn't, or it can't.
    """
    fits = type(value) is _TYPES[type_]
    if type_ == "moment" and isinstance(value, int):
        fits = fits and value >= 0
    try:
        canonical(value)
    except Invalid:
        fits = False
    if not fits:
        raise by.broken(
            Text(
                f"事实 {name} 须为 {type_}，不是 {type(value).__name__}",
                f"the fact {name} is a {type_}, not this {type(value).__name__}",
            )
        )


def check_receiver(by: Loaded) -> None:
    """Check that the name under which a plugin gets messages can stand in their ids.

    Raises:
        PluginError: it can't.
    """
    name = by.receiver
    if not 0 < len(name) <= NAME_LENGTH or not name.isprintable():
        raise by.broken(
            Text(
                f"属性 name 为 {name!r}，须为 1 至 {NAME_LENGTH} 个可显示的字符",
                f"its attribute `name` is {name!r}; it must be 1 to {NAME_LENGTH} printable "
                "characters",
            )
        )


def check_courier(by: Loaded, courier: object) -> None:
    """Check that a courier can do what its capabilities say.

    Raises:
        PluginError: it can't, or it says nothing of what it can.
    """
    able = getattr(courier, "capabilities", None)
    if not isinstance(able, CourierCapabilities) or not callable(getattr(courier, "track", None)):
        raise by.broken(
            Text(
                "快递须有 capabilities（CourierCapabilities）和 track",
                "a courier has capabilities (CourierCapabilities) and track",
            )
        )
    for name, claimed, there in (
        ("read_push", able.push, isinstance(courier, ReadsPushes)),
        ("urge", able.urge, isinstance(courier, Urges)),
    ):
        if claimed and not there:
            raise by.broken(
                Text(f"声明了能力却没有 {name}", f"its courier claims {name}, which isn't there")
            )

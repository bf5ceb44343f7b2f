"""Where plugins come from: entry points that a host allows by name, modules, single files.

Nothing is loaded that wasn't asked for. A name is that of an entry point of the group
``eldermall`` or of its module, an importable ``module`` or ``module:name``, or the path of a file.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points, packages_distributions, version
from pathlib import Path

from eldermall.errors import EldermallError, PluginError
from eldermall.texts import Text

GROUP = "eldermall"
VARIABLE = "ELDERMALL_PLUGINS"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin, and where it comes from.

    Args:
        plugin: the module or object with the hooks.
        name: what it is called in messages.
        module: the module that it stands in.
        point: the entry point that named it, if one did.
    """

    plugin: object
    name: str
    module: str
    point: EntryPoint | None = None

    @property
    def receiver(self) -> str:
        """The name under which it gets messages: the entry point's, else its attribute ``name``.

        If it has none, what it is called in messages.
        """
        said = getattr(self.plugin, "name", None)
        return self.name if self.point is not None or not isinstance(said, str) else said

    @property
    def distribution(self) -> tuple[str, str] | None:
        """The name and version of the distribution that brought it; None if none is known."""
        if self.point is not None and self.point.dist is not None:
            return self.point.dist.name, self.point.dist.version
        top = self.module.partition(".")[0]
        names = [top] if top == "eldermall" else _distributions().get(top, ())
        return (names[0], version(names[0])) if names else None

    def broken(self, why: Text) -> PluginError:
        """Return the error that says what is wrong with it, and which distribution brought it."""
        who = " ".join(self.distribution or ())
        zh, en = (f"（{who}）", f" ({who})") if who else (" ", "")
        return PluginError(
            Text(f"插件 {self.name}{zh}有误：{why.zh}", f"plugin {self.name}{en}: {why.en}")
        )


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Return the distributions by the packages that they brought: all are read for it."""
    return packages_distributions()


def allowed() -> tuple[str, ...]:
    """Return the names of plugins in the environment variable ``ELDERMALL_PLUGINS``."""
    names = os.environ.get(VARIABLE, "").split(",")
    return tuple(name.strip() for name in names if name.strip())


def installed() -> Sequence[EntryPoint]:
    """Return the plugins that installed distributions offer, loaded or not."""
    return sorted(entry_points(group=GROUP), key=lambda point: point.name)


def loaded(plugin: object) -> Loaded:
    """Return ``plugin`` with where it comes from; a text is the name of one to load.

    Modules of the present folder are found too.

    Raises:
        PluginError: there is none of that name, it fails when it is imported, or it is a class.
    """
    if isinstance(plugin, str):
        found = _named(plugin)
    elif inspect.ismodule(plugin):
        found = Loaded(plugin, plugin.__name__, plugin.__name__)
    else:
        found = Loaded(plugin, type(plugin).__name__, type(plugin).__module__)
    if inspect.isclass(found.plugin):
        name = found.plugin.__name__
        raise PluginError(
            Text(
                f"请交出插件 {name} 的实例，而不是类本身",
                f"hand over an object of the plugin {name}, not the class",
            )
        )
    return found


def _named(name: str) -> Loaded:
    try:
        return _sought(name)
    except Exception as error:
        why = error.text if isinstance(error, EldermallError) else Text(repr(error), repr(error))
        there = _listed(installed())
        raise PluginError(
            Text(
                f"无法加载插件 {name}：{why.zh}；已安装的插件：{there or '无'}",
                f"can't load the plugin {name}: {why.en}; installed: {there or 'none'}",
            )
        ) from error


def _sought(name: str) -> Loaded:
    if name.endswith(".py"):
        return Loaded(_file(Path(name)), Path(name).stem, "")
    points = [point for point in installed() if name in (point.name, point.module)]
    if len(points) > 1:
        raise PluginError(
            Text(
                f"有多个来源：{_listed(points)}", f"it is offered more than once: {_listed(points)}"
            )
        )
    for point in points:
        return Loaded(point.load(), point.name, point.module, point)
    return Loaded(_imported(name), name, name.partition(":")[0])


def _listed(points: Sequence[EntryPoint]) -> str:
    return ", ".join(f"{point.name} ({point.module})" for point in points)


def _imported(name: str) -> object:
    module, _, attribute = name.partition(":")
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    found: object = importlib.import_module(module)
    for step in attribute.split(".") if attribute else ():
        found = getattr(found, step)
    return found


def _file(path: Path) -> object:
    name = f"eldermall_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module

"""Plugins: finding the built-in and the given ones, and calling their hooks in one place."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import pluggy

from eldermall import hooks
from eldermall.contracts.events import CommittedEvent, RefundAnswer, RefundRequest, SealedRoot
from eldermall.contracts.storage import Message, Storage
from eldermall.engine.clock import Clock
from eldermall.engine.outbox import Outcome
from eldermall.engine.rule import Rule
from eldermall.errors import PluginError
from eldermall.texts import Text, shown_url

BUILT_IN = ("eldermall.rules", "eldermall.adapters.storage")


def load_plugin(name: str) -> object:
    """Return the plugin ``module`` or ``module:name``; the present folder is looked in too.

    Raises:
        PluginError: there is none of that name, or it fails when it is imported.
    """
    module, _, attribute = name.partition(":")
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: object = importlib.import_module(module)
        for step in attribute.split(".") if attribute else ():
            found = getattr(found, step)
    except Exception as error:
        raise PluginError(
            Text(f"无法加载插件 {name}：{error!r}", f"can't load the plugin {name}: {error!r}")
        ) from error
    return found


class Plugins:
    """The plugins of one mall, and typed calls of their hooks.

    Args:
        plugins: modules or objects with hook implementations, beside the built-in ones.
        mall: the mall's code.

    Raises:
        PluginError: a plugin has an unknown hook, a wrong signature or an async hook.
    """

    def __init__(self, plugins: Iterable[object] = (), mall: str = "main") -> None:
        self._mall = mall
        self._manager = pluggy.PluginManager(hooks.PROJECT)
        self._manager.add_hookspecs(hooks)
        for name in BUILT_IN:
            self._manager.register(importlib.import_module(name), name)
        for plugin in plugins:
            if inspect.isclass(plugin):
                raise PluginError(
                    Text(
                        f"请交出插件 {plugin.__name__} 的实例，而不是类本身",
                        f"hand over an object of the plugin {plugin.__name__}, not the class",
                    )
                )
            self._register(plugin)
        try:
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            raise _broken(error.plugin, str(error)) from error

    def _register(self, plugin: object) -> None:
        try:
            self._manager.register(plugin)
        except (pluggy.PluginValidationError, ValueError) as error:
            raise _broken(plugin, str(error)) from error
        callers = self._manager.get_hookcallers(plugin)
        if not callers:
            raise _broken(plugin, "it has no hook; mark its methods with eldermall.hookimpl")
        for caller in callers:
            for impl in caller.get_hookimpls():
                if impl.plugin is plugin and (
                    inspect.iscoroutinefunction(impl.function)
                    or inspect.isasyncgenfunction(impl.function)
                ):
                    raise _broken(plugin, f"{caller.name} is async; hooks are synchronous")

    def storage(self, url: str, prefix: str) -> Storage:
        """Return the storage for ``url``.

        Raises:
            PluginError: no plugin knows it.
        """
        storage: Storage | None = self._manager.hook.eldermall_storage(url=url, prefix=prefix)
        if storage is None:
            raise PluginError(
                Text(
                    f"没有存储插件认识 {shown_url(url)!r}，例如可用 sqlite:///mall.db 或 memory:",
                    f"no storage plugin knows {shown_url(url)!r}; use for example "
                    "sqlite:///mall.db or memory:",
                )
            )
        return storage

    def rules(self) -> tuple[Sequence[Rule], Sequence[Clock]]:
        """Return all rules and clocks that plugins bring.

        Raises:
            PluginError: a plugin brings something else, or fails.
        """
        rules: list[Rule] = []
        clocks: list[Clock] = []
        for impl in self._manager.hook.eldermall_rules.get_hookimpls():
            try:
                brought = impl.function()
                things = list(brought) if isinstance(brought, Iterable) else [brought]
            except Exception as error:
                raise _broken(impl.plugin, f"eldermall_rules failed: {error!r}") from error
            for thing in things:
                if isinstance(thing, Rule):
                    rules.append(thing)
                elif isinstance(thing, Clock):
                    clocks.append(thing)
                else:
                    raise _broken(impl.plugin, f"eldermall_rules brought {thing!r}")
        return rules, clocks

    def deliver(self, message: Message) -> Outcome:
        """Hand a message of the outbox to the hook of its topic; say what came of it."""
        fields = json.loads(message.body)
        try:
            if message.topic == "event":
                return self._committed(CommittedEvent(**fields))
            if message.topic == "refund":
                return self._refund(message.id, fields)
            return self._root(message.body, fields["number"])
        except Exception as error:  # noqa: BLE001 - the boundary to code that isn't ours
            return Outcome("retry", f"{type(error).__name__}: {error}")

    def _committed(self, event: CommittedEvent) -> Outcome:
        heard = [impl for impl, _ in self._each("eldermall_committed", event=event)]
        return Outcome("delivered") if heard else Outcome("suppressed", "no plugin listens")

    def _refund(self, id: str, fields: dict[str, Any]) -> Outcome:
        request = RefundRequest(
            id,
            fields["subject"].split("/", 1)[1],
            fields["data"]["amount"],
            fields["data"]["currency"],
        )
        answer: RefundAnswer | None = self._manager.hook.eldermall_refund(request=request)
        if answer is None:
            return Outcome("retry", "no plugin takes refund requests")
        if answer.answer == "accepted":
            return Outcome("accepted", answer.reason)
        if answer.answer == "booked":
            return Outcome("delivered", answer.reason)
        if answer.answer == "failed":
            return Outcome("dead", answer.reason)
        return Outcome("retry", answer.reason)

    def _root(self, body: bytes, number: int) -> Outcome:
        root = SealedRoot(self._mall, number, body)
        kept = [impl for impl, _ in self._each("eldermall_root", root=root)]
        return Outcome("delivered") if kept else Outcome("suppressed", "no plugin keeps roots")

    def _each(self, hook: str, **arguments: object) -> Iterable[tuple[Any, Any]]:
        caller = getattr(self._manager.hook, hook)
        for impl in caller.get_hookimpls():
            values = [arguments[name] for name in impl.argnames]
            yield impl, impl.function(*values)


def _broken(plugin: object, why: str) -> PluginError:
    name = getattr(plugin, "__name__", type(plugin).__name__)
    return PluginError(Text(f"插件 {name} 有误：{why}", f"plugin {name}: {why}"))

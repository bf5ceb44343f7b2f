"""The plugins of one mall: checked when they are registered, their hooks called in one place."""

from __future__ import annotations

import importlib
import inspect
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pluggy

from eldermall import hooks
from eldermall.calendars import Day
from eldermall.contracts.courier import Courier
from eldermall.contracts.events import CommittedEvent, RefundAnswer, RefundRequest, SealedRoot
from eldermall.contracts.facts import WantedMove
from eldermall.contracts.notification import Notice, NoticeAnswer
from eldermall.contracts.plugin import PolicyPack
from eldermall.contracts.storage import Storage
from eldermall.engine.clock import Clock
from eldermall.engine.declared import is_declared
from eldermall.engine.kind import Command, Kind, Reaction
from eldermall.engine.rule import Fact, Rule
from eldermall.errors import EldermallError, PluginError
from eldermall.loading import Loaded, loaded
from eldermall.plugin_checks import check_courier, check_fact, check_kind, check_receiver
from eldermall.texts import Text, escaped

BUILT_IN = ("eldermall.rooms", "eldermall.rules", "eldermall.adapters.storage")
PACK = "pack:"

_URL = re.compile(r"[@=?]|:.*:|://")
_LOG = logging.getLogger("eldermall")
_TELLING = ("id", "key", "name", "kind", "move", "subject", "number", "template", "result", "order")

Told = Callable[["HookCall"], None]


@dataclass(frozen=True, slots=True)
class HookCall:
    """A call of a hook, as a trace shows it: names and ids, no other values.

    Args:
        hook: the hook.
        plugin: the plugin that was called; empty if none has the hook.
        given: what it was given.
        answer: what it answered, or the error that it raised.
    """

    hook: str
    plugin: str
    given: str
    answer: str

    def __str__(self) -> str:
        return f"{self.hook}({self.given}) {self.plugin or '-'}: {self.answer}"


def _to_stderr(call: HookCall) -> None:
    sys.stderr.write(escaped(str(call)) + "\n")


class Plugins:
    """The plugins of one mall, and typed calls of their hooks.

    Args:
        plugins: modules or objects with hook implementations, beside the built-in ones; a text is
            the name of one to load.
        mall: the mall's code.
        trace: hears of every call of a hook; None for what ``ELDERMALL_TRACE`` says: ``1`` writes
            each to stderr.

    Raises:
        PluginError: a plugin can't be loaded; or it has an unknown hook, a wrong signature, an
            async hook or a wrapper.
    """

    def __init__(
        self, plugins: Iterable[object] = (), mall: str = "main", trace: Told | None = None
    ) -> None:
        self.mall = mall
        self._trace = trace or (_to_stderr if os.environ.get("ELDERMALL_TRACE") == "1" else None)
        self._days: dict[date, Day | None] = {}
        self._couriers: dict[str, Courier | None] = {}
        self._manager = pluggy.PluginManager(hooks.PROJECT)
        self._manager.add_hookspecs(hooks)
        self._loaded: dict[int, Loaded] = {}
        for name in BUILT_IN:
            self._register(loaded(importlib.import_module(name)))
        for plugin in plugins:
            self._register(loaded(plugin))
        self._check_receivers()

    def _register(self, brought: Loaded) -> None:
        self._loaded[id(brought.plugin)] = brought
        try:
            self._manager.register(brought.plugin)
            self._manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            raise brought.broken(Text(str(error), str(error))) from error
        if not self.hooks_of(brought):
            raise brought.broken(
                Text(
                    "没有任何钩子，请用 eldermall.hookimpl 标记其方法",
                    "it has no hook; mark its methods with eldermall.hookimpl",
                )
            )
        for name in self.hooks_of(brought):
            for impl in self._impls(name):
                if impl.plugin is not brought.plugin:
                    continue
                if inspect.iscoroutinefunction(impl.function) or inspect.isasyncgenfunction(
                    impl.function
                ):
                    raise brought.broken(_asynchronous(name))
                if impl.wrapper or impl.hookwrapper:
                    raise brought.broken(
                        Text(f"{name} 不能是包装器", f"{name} is a wrapper; there are none here")
                    )
        for name in dir(brought.plugin):
            if name in hooks.HOOKS and name not in self.hooks_of(brought):
                raise brought.broken(
                    Text(
                        f"{name} 未用 eldermall.hookimpl 标记",
                        f"{name} isn't marked with eldermall.hookimpl",
                    )
                )

    @property
    def loaded(self) -> Sequence[Loaded]:
        """The plugins in the order in which they were registered, the built-in ones first."""
        return tuple(self._loaded.values())

    def hooks_of(self, brought: Loaded) -> Sequence[str]:
        """Return the hooks that a plugin has, in the order of `HOOKS`."""
        callers = self._manager.get_hookcallers(brought.plugin) or ()
        return sorted((caller.name for caller in callers), key=list(hooks.HOOKS).index)

    def storage(self, url: str, prefix: str) -> Storage:
        """Return the storage for ``url``.

        Raises:
            PluginError: no plugin knows it, or one fails.
        """
        storage: Storage | None = self._first("eldermall_storage", url=url, prefix=prefix)
        if storage is None:
            from eldermall.adapters.storage.urls import shown_url

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
        brought = [thing for _, thing in self._things("eldermall_rules", (Rule, Clock))]
        return (
            [thing for thing in brought if isinstance(thing, Rule)],
            [thing for thing in brought if isinstance(thing, Clock)],
        )

    def kinds(self) -> tuple[Sequence[Kind], Sequence[Reaction]]:
        """Return the kinds and reactions that plugins bring, those of the mall first.

        Raises:
            PluginError: a plugin brings something else, or fails; or its kind isn't one of its
                own: it has the name, or a machine, of another.
        """
        kinds: list[Kind] = []
        reactions: list[Reaction] = []
        things = self._things("eldermall_kinds", (Kind, Reaction), is_declared)
        for by, thing in _built_in_first(things):
            if isinstance(thing, Reaction):
                reactions.append(thing)
                continue
            kind = thing.KIND if is_declared(thing) else thing
            reactions.extend(getattr(thing, "REACTIONS", ()))
            check_kind(by, kind, kinds)
            kinds.append(kind)
        return kinds, reactions

    def policy(
        self, source: str | Path | Mapping[str, Any]
    ) -> str | Path | Mapping[str, Any]:
        """Return the policy that ``source`` names, if it is ``pack:NAME``; itself otherwise.

        Raises:
            PluginError: no plugin offers that policy, or two do; or one fails.
        """
        if isinstance(source, Mapping) or not str(source).startswith(PACK):
            return source
        packs: dict[str, PolicyPack] = {}
        for by, pack in _built_in_first(self._things("eldermall_packs", (PolicyPack,))):
            if pack.name in packs:
                raise by.broken(
                    Text(
                        f"政策 {pack.name} 已由另一插件提供",
                        f"the policy {pack.name} is offered by another plugin",
                    )
                )
            packs[pack.name] = pack
        name = str(source).removeprefix(PACK)
        if name not in packs:
            there = ", ".join(packs) or "-"
            raise PluginError(
                Text(
                    f"没有插件提供政策 {name}，现有：{there}",
                    f"no plugin offers the policy {name}; there are: {there}",
                )
            )
        return packs[name].policy

    def facts(self, command: Command, wanted: Sequence[Fact]) -> Mapping[str, Any]:
        """Return the values of the ``wanted`` facts that plugins know.

        Raises:
            PluginError: a plugin fails, a value isn't of its fact's type, or two plugins
                contradict each other.
        """
        types = {fact.name: fact.type for fact in wanted}
        move = WantedMove(
            self.mall, command.kind, command.name, command.id, command.actor.as_json(),
            command.args.model_dump(mode="json"), tuple(types),
        )
        found: dict[str, Any] = {}
        for by, call in self._calls("eldermall_facts", move=move):
            answer = call()
            if not isinstance(answer, Mapping):
                raise by.broken(_brought("eldermall_facts", answer))
            for name, value in answer.items():
                if name not in types or value is None:
                    continue
                check_fact(by, name, types[name], value)
                if found.setdefault(name, value) != value:
                    raise by.broken(
                        Text(
                            f"事实 {name} 与另一插件所给不同",
                            f"the fact {name} differs from what another plugin says",
                        )
                    )
        return found

    def rest_days(self, day: date) -> Day | None:
        """Say whether people work on ``day``; None if no plugin knows. Asked once for each day."""
        if day not in self._days:
            known, failed = self._day(day)
            if failed:
                return known
            self._days[day] = known
        return self._days[day]

    def _day(self, day: date) -> tuple[Day | None, bool]:
        failed = False
        for by, call in self._calls("eldermall_rest_days", day=day):
            try:
                answer = call()
                if answer is not None and answer not in get_args(Day):
                    raise by.broken(_brought("eldermall_rest_days", answer))
            except EldermallError as error:
                _LOG.warning("%s", error)
                failed = True
                continue
            if answer is not None:
                return answer, failed
        return None, failed

    def courier(self, name: str) -> Courier | None:
        """Return the courier that the shop calls ``name``; None if no plugin knows it.

        Raises:
            PluginError: the plugin fails, or its courier can't do what its capabilities say.
        """
        if name not in self._couriers:
            courier = None
            for by, call in self._calls("eldermall_courier", name=name):
                courier = call()
                if courier is not None:
                    check_courier(by, courier)
                    break
            self._couriers[name] = courier
        return self._couriers[name]

    def has(self, hook: str) -> bool:
        """Say whether any plugin has a hook."""
        return bool(self._impls(hook))

    def receivers(self, hook: str) -> Sequence[str]:
        """Return the names of the plugins with a hook, the last one first."""
        return [self._loaded[id(impl.plugin)].receiver for impl in self._impls(hook)]

    def _check_receivers(self) -> None:
        """Check that each plugin to which messages go by themselves can be named.

        Raises:
            PluginError: two have one name, or a name can't stand in a message's id.
        """
        named: dict[str, Loaded] = {}
        for impl in (impl for hook in hooks.EACH.values() for impl in self._impls(hook)):
            by = self._loaded[id(impl.plugin)]
            check_receiver(by)
            if named.setdefault(by.receiver, by) is not by:
                raise by.broken(
                    Text(
                        f"已有另一插件名为 {by.receiver!r}；消息按名称分别送达，"
                        "请给它一个不同的属性 name",
                        f"there is another of the name {by.receiver!r}; messages are delivered by "
                        "name, so give it an attribute `name` of its own",
                    )
                )

    def committed(self, event: CommittedEvent, to: str = "") -> int:
        """Tell plugins that listen of a committed move: all, or the one of that name.

        Returns:
            how many were told.
        """
        return self._all("eldermall_committed", to, event=event)

    def root(self, root: SealedRoot, to: str = "") -> int:
        """Hand a root to plugins that keep roots: all, or the one of that name.

        Returns:
            how many got it.
        """
        return self._all("eldermall_root", to, root=root)

    def notify(self, notice: Notice, to: str = "") -> NoticeAnswer | None:
        """Have a plugin send a notice: the first that takes it, or the one of that name.

        Returns:
            None if none takes it.
        """
        answer: NoticeAnswer | None = self._first("eldermall_notify", to, notice=notice)
        return answer

    def refund(self, request: RefundRequest) -> RefundAnswer | None:
        """Have a plugin pay money back; None if none takes refund requests."""
        answer: RefundAnswer | None = self._first("eldermall_refund", request=request)
        return answer

    def _impls(self, hook: str) -> Sequence[Any]:
        return list(reversed(getattr(self._manager.hook, hook).get_hookimpls()))

    def _calls(
        self, hook: str, to: str = "", /, **given: object
    ) -> Iterator[tuple[Loaded, Callable[[], Any]]]:
        """Yield each plugin with the hook, or only the receiver ``to``, and what calls it.

        The last one comes first.
        """
        impls = self._impls(hook)
        if not impls:
            self._told(hook, "", given, "no plugin has this hook")
        for impl in impls:
            by = self._loaded[id(impl.plugin)]
            if to in ("", by.receiver):
                yield by, partial(self._call, hook, impl, given)

    def _call(self, hook: str, impl: Any, given: Mapping[str, object]) -> Any:
        by = self._loaded[id(impl.plugin)]
        try:
            answer = impl.function(*(given[name] for name in impl.argnames))
            if inspect.isgenerator(answer):
                answer = list(answer)
        except Exception as error:
            self._told(hook, by.name, given, type(error).__name__)
            if isinstance(error, EldermallError):
                raise
            raise by.broken(
                Text(f"{hook} 执行失败：{error!r}", f"{hook} failed: {error!r}")
            ) from error
        if inspect.isawaitable(answer):
            if inspect.iscoroutine(answer):
                answer.close()
            raise by.broken(_asynchronous(hook))
        self._told(hook, by.name, given, _shown(answer))
        return answer

    def _told(self, hook: str, plugin: str, given: Mapping[str, object], answer: str) -> None:
        if self._trace is not None:
            shown = ", ".join(f"{name}={_shown(value)}" for name, value in given.items())
            self._trace(HookCall(hook, plugin, shown, answer))

    def _first(self, hook: str, to: str = "", /, **given: object) -> Any:
        answers = (call() for _, call in self._calls(hook, to, **given))
        return next((answer for answer in answers if answer is not None), None)

    def _all(self, hook: str, to: str, /, **given: object) -> int:
        return len([call() for _, call in self._calls(hook, to, **given)])

    def _things(
        self, hook: str, types: tuple[type[Any], ...], fits: Callable[[Any], bool] | None = None
    ) -> Iterator[tuple[Loaded, Any]]:
        """Yield what plugins bring, of ``types`` or what else ``fits``, each with its plugin."""
        for by, call in self._calls(hook):
            answer = call()
            things = list(answer) if isinstance(answer, Iterable) else [answer]
            for thing in things:
                if not isinstance(thing, types) and (fits is None or not fits(thing)):
                    raise by.broken(_brought(hook, thing))
                yield by, thing


def _built_in_first(things: Iterable[tuple[Loaded, Any]]) -> Sequence[tuple[Loaded, Any]]:
    return sorted(things, key=lambda brought: brought[0].module not in BUILT_IN)


def _brought(hook: str, thing: object) -> Text:
    return Text(f"{hook} 给出了 {thing!r}", f"{hook} brought {thing!r}")


def _asynchronous(hook: str) -> Text:
    return Text(f"{hook} 是异步的，钩子须为同步", f"{hook} is async; hooks are synchronous")


def _shown(value: object) -> str:
    """Return what a trace may show of a value: names and ids, nothing that may be personal."""
    if isinstance(value, str):
        from eldermall.adapters.storage.urls import shown_url

        return shown_url(value) if _URL.search(value) else value
    if value is None or isinstance(value, date):
        return str(value)
    if is_dataclass(value):
        known = [f.name for f in fields(value) if f.name in _TELLING]
        said = ", ".join(f"{name}={getattr(value, name)}" for name in known)
        return f"{type(value).__name__}({said})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(map(str, value)) + "}"
    if isinstance(value, list | tuple):
        return f"{len(value)} things"
    return type(value).__name__

"""``eldermall plugins``: which plugins are there, what they bring, and what is wrong with them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text as Styled

from eldermall.cli import output
from eldermall.contracts.plugin import About
from eldermall.errors import EldermallError
from eldermall.loading import VARIABLE, allowed, installed
from eldermall.mall import rulebook
from eldermall.plugins import BUILT_IN, Plugins
from eldermall.texts import Lang, Text

_BUILT_IN = Text("内置", "built in")
_HOOKS = Text("钩子", "hooks")
_CAPABILITIES = Text("能力", "capabilities")
_CONFORMANCE = Text("符合性", "conformance")
_ERROR = Text("错误", "error")
_NONE = Text("无", "none")
_NOTHING = About()


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin as it is shown; with an error, the name is all that is known of it."""

    name: str
    distribution: tuple[str, str] | None = None
    built_in: bool = False
    hooks: tuple[str, ...] = ()
    about: About = _NOTHING
    error: Text | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        name, version = self.distribution or (None, None)
        return {
            "name": self.name, "version": version, "distribution": name,
            "built_in": self.built_in, "hooks": list(self.hooks),
            "capabilities": {
                contract: asdict(able) for contract, able in self.about.capabilities.items()
            },
            "conformance": list(self.about.conformance),
            "error": None if self.error is None else output.both(self.error),
        }


def plugins(
    plugin: output.PluginOption = None,
    lang: output.LangOption = None,
    json: output.JsonOption = False,
) -> None:
    """Print the plugins that are loaded and those that could be. Exit 1 if one is broken.

    Loaded are the built-in ones and those named by --plugin and by ELDERMALL_PLUGINS.
    """
    spoken = output.language(lang)
    named = dict.fromkeys((*allowed(), *(plugin or ())))
    found = [*_built_in(), *(_loaded(name) for name in named)]
    others = [
        {
            "name": point.name, "module": point.module,
            "distribution": None if point.dist is None else point.dist.name,
            "version": None if point.dist is None else point.dist.version,
        }
        for point in installed()
        if point.name not in named and point.module not in named
    ]
    if json:
        output.print_json({"plugins": [f.as_json() for f in found], "not_loaded": others})
    else:
        console = output.console()
        for one in found:
            _show(console, one, spoken)
        _show_others(console, others, spoken)
    if any(one.error is not None for one in found):
        raise typer.Exit(output.FINDINGS)


def _built_in() -> list[Found]:
    known = Plugins()
    return [
        Found(
            one.name, one.distribution, True, tuple(known.hooks_of(one)),
            getattr(one.plugin, "about", _NOTHING),
        )
        for one in known.loaded
    ]


def _loaded(name: str) -> Found:
    try:
        known = Plugins([name])
        rulebook(known)
        one = known.loaded[len(BUILT_IN)]
        about = getattr(one.plugin, "about", None)
        return Found(
            one.name, one.distribution, False, tuple(known.hooks_of(one)),
            about if isinstance(about, About) else _NOTHING,
        )
    except EldermallError as error:
        return Found(name, error=error.text)


def _show(console: Console, one: Found, lang: Lang) -> None:
    head = Styled().append(one.name, style="bold")
    where = _BUILT_IN.in_(lang) if one.built_in else " ".join(one.distribution or ())
    console.print(head.append(f"  {where}".rstrip(), style="dim"))
    width = max(20, console.width - 18)
    table = Table.grid(padding=(0, 2))
    table.add_column(width=0)
    table.add_column(width=12, style="dim")
    table.add_column(width=width)
    for what, said in _lines(one, lang):
        table.add_row("", what.in_(lang), output.folded(Styled(said), width))
    console.print(table)
    console.print()


def _lines(one: Found, lang: Lang) -> list[tuple[Text, str]]:
    if one.error is not None:
        return [(_ERROR, one.error.in_(lang))]
    lines = [(_HOOKS, output.listed(one.hooks, lang))]
    for contract, able in one.about.capabilities.items():
        able_to = [name for name, value in asdict(able).items() if value]
        shown = output.listed(able_to, lang) or _NONE.in_(lang)
        lines.append((_CAPABILITIES, f"{contract}{'：' if lang == 'zh' else ': '}{shown}"))
    if one.about.conformance:
        lines.append((_CONFORMANCE, output.listed(one.about.conformance, lang)))
    return lines


def _show_others(console: Console, others: list[dict[str, str | None]], lang: Lang) -> None:
    if not others:
        return
    said = Text(
        f"已安装但未加载（可用 --plugin 或 {VARIABLE} 加载）",
        f"installed, not loaded (load with --plugin or {VARIABLE})",
    )
    console.print(Styled(said.in_(lang), style="dim"))
    for other in others:
        who = " ".join(filter(None, (other["distribution"], other["version"])))
        line = Styled("  ").append(str(other["name"]), style="bold")
        console.print(line.append(f"  {other['module']}  {who}", style="dim"))

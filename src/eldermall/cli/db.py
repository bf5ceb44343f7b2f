"""``eldermall db``: the tables of a mall's database and their version."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Annotated

import typer

from eldermall.adapters.storage.urls import shown_url
from eldermall.cli import output
from eldermall.contracts.storage import RecordKind, Versioned
from eldermall.errors import StorageError
from eldermall.loading import allowed
from eldermall.mall import rulebook
from eldermall.plugins import Plugins
from eldermall.texts import Lang, Text

db = typer.Typer(no_args_is_help=True, help="Make, upgrade and check the tables of a database.")

Url = Annotated[str, typer.Argument(help="The database: sqlite:///mall.db, postgresql://...")]


@contextmanager
def _tables(
    url: str, prefix: str, plugin: list[str] | None
) -> Iterator[tuple[Versioned, list[RecordKind]]]:
    """Give the tables, and the kinds of records that ought to have one."""
    plugins = Plugins(dict.fromkeys((*allowed(), *(plugin or ()))))
    kinds = [kind.record_kind for kind in rulebook(plugins).kinds.values()]
    storage = plugins.storage(url, prefix)
    with closing(storage):
        if not isinstance(storage, Versioned):
            raise StorageError(
                Text(
                    f"{shown_url(url)} 的存储自行管理其结构",
                    f"the storage of {shown_url(url)} keeps its schema itself",
                )
            )
        yield storage, kinds


def _say(text: Text, lang: Lang) -> None:
    output.console().print(text.in_(lang))


@db.command()
def upgrade(
    url: Url,
    plugin: output.PluginOption = None,
    prefix: output.PrefixOption = "eldermall_",
    lang: output.LangOption = None,
) -> None:
    """Make the tables, or bring those of an older version up to date. Make a backup first.

    Kinds of records of the plugins named by --plugin and by ELDERMALL_PLUGINS get theirs too.
    """
    spoken = output.language(lang)
    with output.telling(spoken), _tables(url, prefix, plugin) as (tables, kinds):
        before, now, made = tables.upgrade(kinds)
    if before is None:
        said = Text(f"已建表，为 {now} 版", f"made the tables, at {now}")
    elif before != now:
        said = Text(f"已从 {before} 版升级至 {now} 版", f"upgraded from {before} to {now}")
    elif made:
        said = Text(f"仍为 {now} 版", f"at {now} as before")
    else:
        said = Text(f"已是 {now} 版，无需升级", f"it is at {now} already")
    if before is not None and made:
        zh, en = _listed(made)
        said = Text(f"{said.zh}；已为类别 {zh} 建表", f"{said.en}; made the tables of {en}")
    _say(said, spoken)


@db.command()
def current(
    url: Url,
    plugin: output.PluginOption = None,
    prefix: output.PrefixOption = "eldermall_",
    lang: output.LangOption = None,
    json: output.JsonOption = False,
) -> None:
    """Print the version of the tables, the one that is needed, and which tables are missing."""
    spoken = output.language(lang)
    with output.telling(spoken), _tables(url, prefix, plugin) as (tables, kinds):
        found, missing = _found(tables, kinds)
    if json:
        output.print_json({"version": found, "needed": tables.needed, "missing": missing})
    else:
        _say(_state(found, tables.needed, missing), spoken)


@db.command()
def check(
    url: Url,
    plugin: output.PluginOption = None,
    prefix: output.PrefixOption = "eldermall_",
    lang: output.LangOption = None,
) -> None:
    """Say whether a mall can be opened there. Exit 1 if it can't before an upgrade."""
    spoken = output.language(lang)
    with output.telling(spoken), _tables(url, prefix, plugin) as (tables, kinds):
        found, missing = _found(tables, kinds)
    _say(_state(found, tables.needed, missing), spoken)
    if found != tables.needed or missing:
        raise typer.Exit(output.FINDINGS)


def _found(
    tables: Versioned, kinds: list[RecordKind]
) -> tuple[str | None, Sequence[str] | None]:
    """Return the version, and at the one needed the kinds that have no table."""
    found = tables.version()
    return found, tables.missing(kinds) if found == tables.needed else None


def _state(found: str | None, needed: str, missing: Sequence[str] | None) -> Text:
    if found is None:
        return Text(f"没有数据表，需要 {needed} 版", f"there are no tables; {needed} is needed")
    if found != needed:
        return Text(f"{found} 版，需要 {needed} 版", f"at {found}; {needed} is needed")
    if missing:
        zh, en = _listed(missing)
        return Text(
            f"{found} 版，但缺少类别 {zh} 的数据表",
            f"at {found}, but the tables of {en} are missing",
        )
    return Text(f"{found} 版，符合需要", f"at {found}, as needed")


def _listed(kinds: Sequence[str]) -> tuple[str, str]:
    return output.listed(kinds, "zh"), output.listed(kinds, "en")

"""``eldermall db``: the tables of a mall's database and their version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import typer

from eldermall.cli import output
from eldermall.contracts.storage import Versioned
from eldermall.errors import StorageError
from eldermall.plugins import Plugins
from eldermall.texts import Lang, Text, shown_url

db = typer.Typer(no_args_is_help=True, help="Make, upgrade and check the tables of a database.")

Url = Annotated[str, typer.Argument(help="The database: sqlite:///mall.db, postgresql://...")]


@contextmanager
def _tables(url: str, prefix: str) -> Iterator[Versioned]:
    storage = Plugins(()).storage(url, prefix)
    with closing(storage):
        if not isinstance(storage, Versioned):
            raise StorageError(
                Text(
                    f"{shown_url(url)} 的存储自行管理其结构",
                    f"the storage of {shown_url(url)} keeps its schema itself",
                )
            )
        yield storage


def _say(text: Text, lang: Lang) -> None:
    output.console().print(text.in_(lang))


@db.command()
def upgrade(
    url: Url, prefix: output.PrefixOption = "eldermall_", lang: output.LangOption = None
) -> None:
    """Make the tables, or bring those of an older version up to date. Make a backup first."""
    spoken = output.language(lang)
    with output.telling(spoken), _tables(url, prefix) as tables:
        before, now = tables.upgrade()
    if before == now:
        _say(Text(f"已是 {now} 版，无需升级", f"it is at {now} already"), spoken)
    elif before is None:
        _say(Text(f"已建表，为 {now} 版", f"made the tables, at {now}"), spoken)
    else:
        _say(Text(f"已从 {before} 版升级至 {now} 版", f"upgraded from {before} to {now}"), spoken)


@db.command()
def current(
    url: Url,
    prefix: output.PrefixOption = "eldermall_",
    lang: output.LangOption = None,
    json: output.JsonOption = False,
) -> None:
    """Print the version of the tables, and the one that this installation needs."""
    spoken = output.language(lang)
    with output.telling(spoken), _tables(url, prefix) as tables:
        found, needed = tables.version(), tables.needed
    if json:
        output.print_json({"version": found, "needed": needed})
    else:
        _say(_state(found, needed), spoken)


@db.command()
def check(
    url: Url, prefix: output.PrefixOption = "eldermall_", lang: output.LangOption = None
) -> None:
    """Say whether a mall can be opened there. Exit 1 if it can't before an upgrade."""
    spoken = output.language(lang)
    with output.telling(spoken), _tables(url, prefix) as tables:
        found, needed = tables.version(), tables.needed
    _say(_state(found, needed), spoken)
    if found != needed:
        raise typer.Exit(output.FINDINGS)


def _state(found: str | None, needed: str) -> Text:
    if found is None:
        return Text(f"没有数据表，需要 {needed} 版", f"there are no tables; {needed} is needed")
    if found == needed:
        return Text(f"{found} 版，符合需要", f"at {found}, as needed")
    return Text(f"{found} 版，需要 {needed} 版", f"at {found}; {needed} is needed")

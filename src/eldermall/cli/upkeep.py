"""``eldermall work``: the loop that keeps a mall going on one machine."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from eldermall.adapters.roots.file import RootsFile, kept_roots
from eldermall.calendars import SECOND, parse_duration
from eldermall.cli import files, output
from eldermall.cli.sweep import counts
from eldermall.engine.settings import Technical
from eldermall.errors import ClockDoubted, Conflict, StorageError
from eldermall.loading import allowed
from eldermall.mall import Mall
from eldermall.texts import Lang, Text

LONGEST = 60.0
"""Seconds to wait at most before a database that failed is tried again."""


def upkeep(
    url: Annotated[str, typer.Argument(help="The database: sqlite:///mall.db, postgresql://...")],
    policy: output.PolicyOption,
    once: Annotated[bool, typer.Option("--once", help="One round, then end.")] = False,
    every: Annotated[
        str, typer.Option("--every", help="The wait between rounds: 10s, 1min.", metavar="DURATION")
    ] = "10s",
    plugin: output.PluginOption = None,
    root: Annotated[
        Path | None,
        typer.Option("--root", "--roots", help="Keep the journal's roots in this file."),
    ] = None,
    trust_clock: Annotated[
        bool,
        typer.Option("--trust-clock", help="Go on after a long silence: this clock is right."),
    ] = False,
    code: output.CodeOption = "main",
    prefix: output.PrefixOption = "eldermall_",
    lang: output.LangOption = None,
    json: output.JsonOption = False,
) -> None:
    """Sweep, seal, relay and erase, again and again. Several may work on one database.

    SIGTERM and SIGINT end it after the round. Exit 1 if something failed in the last round.
    """
    spoken = output.language(lang)
    with output.telling(spoken):
        pause = _seconds(every)
        plugins: list[object] = [*allowed(), *(plugin or ())]
        if root is not None:
            inputs = [*files.database_files(url), policy, *files.plugin_files(map(str, plugins))]
            plugins.append(_kept_in(root, inputs))
        technical = Technical(silence=2**53) if trust_clock else None
        with Mall.open(
            url, policy=policy, code=code, prefix=prefix, plugins=plugins, make=False,
            technical=technical,
        ) as mall:
            if mall.policy.gaps is not None:
                output.tell(mall.policy.gaps, spoken)
            stop = threading.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
            wait = pause
            while True:
                did = round_of(mall)
                _tell(did, spoken, json=json)
                wait = pause if did.error is None else min(LONGEST, 2 * wait)
                if once or stop.wait(wait):
                    break
    if did.error is not None or did.failed:
        raise typer.Exit(output.FINDINGS)


def _kept_in(path: Path, inputs: Sequence[Path]) -> RootsFile:
    """Return the plugin that appends roots to a file, which holds no other things."""
    files.check_apart(path, "--root", inputs)
    try:
        begun = path.is_file() and b"\n" in path.read_bytes()
    except OSError:
        begun = True
    if begun:
        kept_roots(path)
    return RootsFile(path)


@dataclass(slots=True)
class Round:
    """What one round did, and what ended it early."""

    warned: int = 0
    breached: int = 0
    repeated: int = 0
    failed: int = 0
    roots: int = 0
    told: dict[str, int] = field(default_factory=dict)
    retried: int = 0
    erased: int = 0
    error: Text | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing was done."""
        return replace(self, error=None) == Round()


def round_of(mall: Mall) -> Round:
    """Do what is due in ``mall``: sweep, seal, relay, erase. What fails stops no other part."""
    did = Round()
    parts: tuple[Callable[[Mall, Round], None], ...] = (_sweep, _seal, _relay, _erase)
    for part in parts:
        try:
            part(mall, did)
        except (ClockDoubted, Conflict, StorageError) as error:
            did.error = error.text
    return did


def _sweep(mall: Mall, did: Round) -> None:
    swept = mall.sweep()
    did.warned, did.breached, did.repeated = swept.warned, swept.breached, swept.repeated
    did.failed = len(swept.failed)
    did.error = swept.doubt


def _seal(mall: Mall, did: Round) -> None:
    did.roots = mall.seal().roots


def _relay(mall: Mall, did: Round) -> None:
    relayed = mall.relay()
    did.told, did.retried = dict(relayed.ended), relayed.retried


def _erase(mall: Mall, did: Round) -> None:
    did.erased = mall.erase_expired().erased


def _seconds(text: str) -> float:
    seconds = re.fullmatch(r"([1-9][0-9]{0,5})s", text)
    pause = int(seconds[1]) if seconds else parse_duration(text, "--every") / SECOND
    return min(pause, threading.TIMEOUT_MAX)


def _tell(did: Round, lang: Lang, *, json: bool) -> None:
    if did.error is not None:
        output.tell(did.error, lang)
    if did.idle:
        return
    with suppress(OSError):  # whoever listened has gone, or their disk is full; the work goes on
        if json:
            facts: dict[str, Any] = {
                name: getattr(did, name) for name in Round.__slots__ if name != "error"
            }
            output.print_json_line(facts)
            return
        ended = sum(did.told.values())
        swept = counts(did.warned, did.breached, did.repeated, did.failed)
        output.console().print(
            Text(
                f"{swept.zh}；封存根 {did.roots}；消息办结 {ended}，待重试 {did.retried}；"
                f"已删除个人信息 {did.erased}",
                f"{swept.en}; roots {did.roots}; messages ended {ended}, "
                f"to be tried again {did.retried}; erased {did.erased}",
            ).in_(lang)
        )

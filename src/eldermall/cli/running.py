"""How every command ends: its exit code, and one line for whatever went wrong.

======  ==================================================================================
code    meaning
======  ==================================================================================
0       fine
1       findings: what the command looks for was found
2       bad input, or a file, database or output that can't be used; nothing about findings
3       a defect of eldermall or of a plugin, with its traceback
130     interrupted
======  ==================================================================================
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TextIO

import typer
from typer.core import TyperGroup

from eldermall.cli import output
from eldermall.errors import EldermallError
from eldermall.texts import Lang, Text, escaped

_DEFECT = Text(
    "这是程序缺陷（或某个插件的缺陷），请连同以上内容一并报告",
    "this is a defect of eldermall or of a plugin; please report it with what stands above",
)
_WIDTHS = ("COLUMNS", "LINES", "TERMINAL_WIDTH")


class Commands(TyperGroup):
    """The group of all commands, which ends none of them with a traceback or another code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command and exit with its code; it is called eldermall whatever started it."""
        given = list(sys.argv[1:] if args is None else args)
        try:
            code = self._run(given, extra)
            sys.stdout.flush()
        except OSError as error:
            code = output.BAD_INPUT
            _unwritable(error)
        sys.exit(code)

    def _run(self, args: list[str], extra: dict[str, Any]) -> int:
        spoken = output.language(None)
        try:
            with self.make_context("eldermall", args, **extra) as context:
                self.invoke(context)
        except typer.Exit as ended:
            return ended.exit_code
        except (KeyboardInterrupt, typer.Abort):
            return output.INTERRUPTED
        except EldermallError as error:
            output.tell(error.text, spoken)
            return output.BAD_INPUT
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001
            if hasattr(error, "format_message"):  # a wrong call, by whichever click typer brings
                _misused(error, spoken)
                return output.BAD_INPUT
            typer.echo(escaped(traceback.format_exc()), err=True)
            output.tell(_DEFECT, spoken)
            return output.DEFECT
        return 0


def _misused(error: Any, lang: Lang) -> None:
    """Tell what was wrong about the call of a command; nothing if its help was printed instead."""
    message = error.format_message()
    if message:
        path = "eldermall" if error.ctx is None else error.ctx.command_path
        output.tell(Text(*[f"{message} ({path} --help)"] * 2), lang)


def _unwritable(error: OSError) -> None:
    """Tell that the output couldn't be written, unless its reader has gone; drop what is left."""
    if not isinstance(error, BrokenPipeError):
        why = error.strerror or str(error)
        where = "" if error.filename is None else f" {error.filename}"
        with suppress(OSError):
            output.tell(
                Text(f"无法读写{where}：{why}", f"can't read or write{where}: {why}"),
                output.language(None),
            )
    for stream in (sys.stdout, sys.stderr):
        _drop(stream)


def _drop(stream: TextIO) -> None:
    """Send what ``stream`` still holds nowhere, so that the end of the process doesn't fail."""
    try:
        stream.flush()
    except OSError:
        with suppress(OSError), open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


def prepare() -> None:
    """Make streams and environment such that no command fails for them.

    A closed stream is one that nobody reads; what a terminal can't show is replaced; widths that
    are no numbers are left out.
    """
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    for name in _WIDTHS:
        given = os.environ.get(name, "")
        if not (given.isascii() and given.isdigit() and 20 <= int(given[:6]) <= 10_000):
            os.environ.pop(name, None)

"""The ``eldermall`` command. Exit code 0: fine; 1: findings; 2: bad input."""

from __future__ import annotations

import io
import sys

import typer

from eldermall.cli.audit import audit
from eldermall.cli.demo import demo
from eldermall.cli.init import init
from eldermall.cli.machines import machines
from eldermall.cli.rules import rules
from eldermall.cli.sweep import sweep
from eldermall.cli.verify import verify

app = typer.Typer(
    help="The rules a mall for old people is bound to, enforced by code.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo)
app.command()(audit)
app.command()(machines)
app.command()(rules)
app.command()(verify)
app.command()(sweep)
app.command()(init)


def main() -> None:
    """Run the command; what the terminal can't show is replaced, never an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app()

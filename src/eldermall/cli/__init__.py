"""The ``eldermall`` command. Exit code 0: fine; 1: findings; 2: bad input; more in `running`."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from eldermall.cli import output
from eldermall.cli.adopt import adopt
from eldermall.cli.appoint import appoint
from eldermall.cli.audit import audit
from eldermall.cli.db import db
from eldermall.cli.demo import demo
from eldermall.cli.export import export
from eldermall.cli.init import init
from eldermall.cli.machines import machines
from eldermall.cli.observe_report import observe_report
from eldermall.cli.outbox import outbox
from eldermall.cli.plugins import plugins
from eldermall.cli.rules import rules
from eldermall.cli.running import Commands, prepare
from eldermall.cli.sweep import sweep
from eldermall.cli.todo import todo
from eldermall.cli.upkeep import upkeep
from eldermall.cli.verify import verify

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        output.line(f"eldermall {version('eldermall')}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The rules a mall for old people is bound to, enforced by code."""


app.command()(demo)
app.command()(audit)
app.command()(machines)
app.command()(rules)
app.command()(plugins)
app.command()(verify)
app.command()(export)
app.command()(adopt)
app.command()(observe_report)
app.command()(todo)
app.command()(appoint)
app.command()(sweep)
app.command("work")(upkeep)
app.command()(init)
app.add_typer(db, name="db")
app.add_typer(outbox, name="outbox")


def main() -> None:
    """Run the command."""
    prepare()
    app()

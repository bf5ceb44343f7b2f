"""Run the benchmarks: ``python -m tests.benchmarks [--quick] [--json FILE] [--markdown] [NAME]``.

Exit code 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import json
import platform
import sqlite3
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from tests.benchmarks import (
    audit,
    batch,
    before,
    oscar,
    rules_and_machine,
    servers,
    sweep,
    tutorial,
    verify,
    whole_move,
)
from tests.benchmarks.figures import Figure

MODULES: tuple[ModuleType, ...] = (
    whole_move, tutorial, rules_and_machine, before, batch, servers, sweep, verify, audit, oscar,
)
HEADERS = ("what", "measured", "target", "", "behind it")


def conditions() -> dict[str, str]:
    """Return what the figures depend on."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in ("sqlalchemy", "pydantic", "transitions")},
    }


def table(figures: list[Figure]) -> str:
    """Return the figures in columns."""
    rows = [HEADERS, *(figure.shown for figure in figures)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(HEADERS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def markdown(figures: list[Figure]) -> str:
    """Return the figures as a table for the docs, with the conditions above it."""
    known = conditions()
    says = ", ".join(f"{name} {known[name]}" for name in known if name != "date")
    rows = ["| " + " | ".join(HEADERS) + " |", "|---|--:|--:|---|---|"]
    rows += ["| " + " | ".join(figure.shown) + " |" for figure in figures]
    return "\n".join([f"Measured on {known['date']}, {says}, two shared cores.", "", *rows])


def main(argv: list[str]) -> int:
    """Run what is asked for and print it."""
    names = [module.NAME for module in MODULES]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--markdown", action="store_true", help="print the table of the docs")
    asked = parser.parse_args(argv)
    if unknown := sorted(set(asked.names) - set(names)):
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(names)}")
    figures: list[Figure] = []
    for module in MODULES:
        if not asked.names or module.NAME in asked.names:
            print(f"{module.NAME} ...", file=sys.stderr, flush=True)
            figures += module.run(quick=asked.quick)
    print(markdown(figures) if asked.markdown else table(figures))
    if asked.json is not None:
        found = {"conditions": conditions(), "figures": [f.as_json() for f in figures]}
        asked.json.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    return 1 if any(figure.passed is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The bar that shows how far a file has been read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from eldermall.reports.sources.cells import Progress as Told


@contextmanager
def bar(said: str, console: Console, *, shown: bool) -> Iterator[Told | None]:
    """Show a bar while the block runs; yield what is told how far it is, None if none is shown.

    Args:
        said: what is being done.
        console: where it is shown.
        shown: whether somebody looks at it.
    """
    if not shown:
        yield None
        return
    with Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(),
        console=console, transient=True,
    ) as progress:
        task = progress.add_task(said, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)

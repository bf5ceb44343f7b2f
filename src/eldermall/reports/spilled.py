"""The ids of a large export: hashes in memory, they themselves in a folder that is removed."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from eldermall.reports.seen import SHOWN

_BATCH = 50_000


class SpilledIds:
    """All ids of an export, as `seen.Ids` holds them, for many at once."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="eldermall-audit-")
        self._hashes: list[pl.Series] = []
        self._batch: list[str] = []

    def add(self, id: str) -> None:
        """Take an id."""
        self._batch.append(id)
        if len(self._batch) == _BATCH:
            self._write()

    def add_all(self, ids: pl.Series) -> None:
        """Take many ids."""
        self._write()
        self._keep(ids)

    def twice(self) -> tuple[int, list[tuple[str, int]]]:
        """Return how many ids stand more than once, and the most frequent, each with its count."""
        self._write()
        if not self._hashes:
            return 0, []
        hashes = pl.concat(self._hashes)
        several = hashes.filter(hashes.is_duplicated()).unique()
        if several.is_empty():
            return 0, []
        counted = (
            pl.scan_ipc(sorted(Path(self._folder.name).iterdir()), glob=False)
            .filter(pl.col("id").hash().is_in(several.implode()))
            .group_by("id").len()
            .filter(pl.col("len") > 1)
            .sort("len", "id", descending=[True, False])
            .collect()
        )
        return counted.height, [*counted.head(SHOWN).iter_rows()]

    def close(self) -> None:
        """Throw the ids away."""
        self._folder.cleanup()

    def _write(self) -> None:
        if self._batch:
            self._keep(pl.Series(self._batch))
            self._batch.clear()

    def _keep(self, ids: pl.Series) -> None:
        ids = ids.alias("id")
        ids.to_frame().write_ipc(Path(self._folder.name, f"{len(self._hashes)}.arrow"))
        self._hashes.append(ids.hash())

"""The map that names the columns of an export of orders.

A map is TOML::

    zone = "America/Sao_Paulo"           # in which the times are written, and days begin
    time_format = "%m/%d/%Y %H:%M"       # %Y %m %d %H %M and, if there, %S; zeros may be missing
    cancelled = ["canceled"]             # the values of the status that mean cancelled
    encoding = "utf-8"                   # as it is by default; "gb18030" for example

    [columns]                            # a moment that the export doesn't hold is left out
    id = "order_id"
    status = "order_status"
    placed = "order_purchase_timestamp"
    paid = "order_approved_at"
    shipped = "order_delivered_carrier_date"
    delivered = "order_delivered_customer_date"
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Any

from eldermall.calendars import zone_named
from eldermall.engine.inputs import only_keys
from eldermall.errors import Invalid
from eldermall.reports.times import time_pattern
from eldermall.texts import Text
from eldermall.toml import read_toml

MOMENTS = ("placed", "paid", "shipped", "delivered")
"""The moments that a map may name, in the order in which they count if they are equal."""

_KEYS = ("zone", "time_format", "cancelled", "encoding", "columns")
_COLUMNS = ("id", "status", *MOMENTS)


@dataclass(frozen=True, slots=True)
class Columns:
    """A map that was read and checked.

    Args:
        id: the column of the order's id.
        moments: the column of each moment that the export holds, ``placed`` at least.
        status: the column of the status, None if there is none.
        cancelled: the statuses that mean cancelled.
        zone: in which times are written and calendar days counted.
        time_format: how times are written.
        encoding: of the file.
    """

    id: str
    moments: Mapping[str, str]
    status: str | None
    cancelled: frozenset[str]
    zone: tzinfo
    time_format: str
    encoding: str = "utf-8"

    @property
    def names(self) -> tuple[str, ...]:
        """All columns that are read, each once."""
        status = () if self.status is None else (self.status,)
        return tuple(dict.fromkeys((self.id, *status, *self.moments.values())))


def read_columns(source: str | Path | Mapping[str, Any] | Columns) -> Columns:
    """Read a map of columns.

    Args:
        source: a TOML file, what such a file holds, or a map that was read before.

    Raises:
        FileUnreadable: there is no such file, or it is no TOML.
        Invalid: something in it is wrong; says at which key and what would be right.
    """
    if isinstance(source, Columns):
        return source
    raw = dict(source) if isinstance(source, Mapping) else read_toml(Path(source), "列映射文件")
    only_keys(raw, _KEYS, "")
    named = raw.get("columns")
    if not isinstance(named, Mapping):
        raise Invalid("columns", named, Text("须为一个表", "must be a table"))
    only_keys(named, _COLUMNS, "columns.")
    for key in ("id", "placed"):
        if key not in named:
            raise Invalid(f"columns.{key}", None, Text("缺少此项", "is missing"))
    for key, name in named.items():
        if not isinstance(name, str) or not name:
            raise Invalid(f"columns.{key}", name, Text("须为列名", "must be a column's name"))
    cancelled = raw.get("cancelled", [])
    if not isinstance(cancelled, list) or not all(isinstance(s, str) and s for s in cancelled):
        raise Invalid(
            "cancelled", cancelled, Text("须为状态值的列表", "must be a list of statuses")
        )
    if cancelled and "status" not in named:
        raise Invalid(
            "columns.status", None,
            Text("已列出 cancelled，须指明状态列", "is missing, though cancelled names statuses"),
        )
    zone = raw.get("zone")
    if not isinstance(zone, str):
        raise Invalid(
            "zone", zone,
            Text("须为 IANA 时区名，例如 Asia/Shanghai", "must be an IANA name: Asia/Shanghai"),
        )
    written = raw.get("time_format")
    time_pattern(written)
    return Columns(
        named["id"],
        {moment: named[moment] for moment in MOMENTS if moment in named},
        named.get("status"),
        frozenset(cancelled),
        zone_named(zone),
        str(written),
        _encoding(raw.get("encoding", "utf-8")),
    )


def _encoding(name: object) -> str:
    try:
        known = codecs.lookup(name).name if isinstance(name, str) else ""
        "0123456789".encode(known)
    except (LookupError, UnicodeError):
        known = ""
    if not known or known.startswith("utf-16") or known.startswith("utf-32"):
        raise Invalid(
            "encoding", name,
            Text("须为字符编码名，例如 utf-8、gb18030", "must be an encoding: utf-8, gb18030"),
        )
    return "utf-8-sig" if known == "utf-8" else known

"""The map that names the columns of an export of orders.

A map is TOML; `docs/audit.md` has all its keys::

    zone = "America/Sao_Paulo"           # in which the times are written, and days begin
    time_format = "%m/%d/%Y %H:%M"
    cancelled = ["canceled"]             # the values of the status that mean cancelled

    [columns]                            # a moment that the export doesn't hold is left out
    id = "order_id"
    status = "order_status"
    placed = "order_purchase_timestamp"
    paid = "order_approved_at"
    shipped = "order_delivered_carrier_date"
    delivered = "order_delivered_customer_date"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import Any

from eldermall.calendars import zone_named
from eldermall.engine.inputs import only_keys
from eldermall.errors import Invalid
from eldermall.reports.sources.cells import Wanted, plain_name
from eldermall.reports.sources.encodings import text_encoding
from eldermall.reports.times import NAMED, check_literal_zone, time_pattern
from eldermall.texts import Text
from eldermall.toml import read_toml

MOMENTS = ("placed", "paid", "shipped", "delivered", "cancelled")
"""The moments that a map may name, in the order in which they count if they are equal."""

LISTS: Mapping[str, str] = {
    "cancelled": "status", "not_cancelled": "status", "cash_on_delivery": "payment",
    "no_courier": "courier",
}
"""The lists of values that a map may name, and the column that holds them."""

MARKERS = ("never", "totals")
"""The lists of texts that a map may name and that need no column."""

COLUMNS = ("id", "order", "status", "payment", "courier", *MOMENTS, "ship_by")
KEYS = (
    "zone", "day_zone", "time_format", *LISTS, *MARKERS, "encoding", "delimiter", "sheet",
    "columns",
)


@dataclass(frozen=True, slots=True)
class Columns:
    """A map that was read and checked.

    Args:
        named: the column of each thing that the export holds: ``id`` or ``order``, ``placed``,
            and whatever else of `COLUMNS`.
        zone: in which times are written that don't say their own.
        day_zone: in which calendar days are counted, and moments shown.
        time_format: how times are written.
        values: the values that mean something, by the key of `LISTS` and `MARKERS`.
        encoding: of the file, ``""`` if the map doesn't say.
        delimiter: between cells, ``""`` if the map doesn't say.
        sheet: the name of the sheet of a workbook, ``""`` for the first that has the columns.
    """

    named: Mapping[str, str]
    zone: tzinfo
    day_zone: tzinfo
    time_format: str
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""

    @property
    def moments(self) -> tuple[str, ...]:
        """The moments that the export holds, in the order of `MOMENTS`."""
        return tuple(moment for moment in MOMENTS if moment in self.named)

    @property
    def order(self) -> str:
        """The column of the order's id."""
        return self.named.get("order") or self.named["id"]

    @property
    def wanted(self) -> Wanted:
        """What of the file is wanted."""
        return Wanted(
            tuple(dict.fromkeys(self.named.values())), self.order, self.encoding,
            self.delimiter, self.sheet,
        )


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
    only_keys(raw, KEYS, "")
    named = _named(raw.get("columns"))
    values = {key: _texts(raw, key) for key in (*LISTS, *MARKERS) if key in raw}
    for key, column in LISTS.items():
        if values.get(key) and column not in named:
            raise Invalid(
                f"columns.{column}", None,
                Text(
                    f"已列出 {key}，须指明所在的列",
                    f"is missing, though {key} names values of it",
                ),
            )
    for key in ("cash_on_delivery", "no_courier"):
        if LISTS[key] in named and not values.get(key):
            raise Invalid(
                key, raw.get(key),
                Text(
                    f"已指明 columns.{LISTS[key]}，须列出其中哪些值算作此项",
                    f"must list values of columns.{LISTS[key]}, which is named",
                ),
            )
    both = values.get("cancelled", frozenset()) & values.get("not_cancelled", frozenset())
    if both:
        raise Invalid(
            "not_cancelled", sorted(both),
            Text("不得与 cancelled 重复", "must not be in cancelled too"),
        )
    zone = _zone(raw, "zone")
    written = raw.get("time_format")
    if written not in NAMED:
        time_pattern(written)
    check_literal_zone(str(written), zone)
    return Columns(
        named, zone, _zone(raw, "day_zone") if "day_zone" in raw else zone, str(written),
        values, _encoding(raw.get("encoding", "")), _delimiter(raw.get("delimiter", "")),
        _text(raw, "sheet"),
    )


def _named(named: object) -> dict[str, str]:
    if not isinstance(named, Mapping):
        raise Invalid("columns", named, Text("须为一个表", "must be a table"))
    only_keys(dict(named), COLUMNS, "columns.")
    if "id" not in named and "order" not in named:
        raise Invalid("columns.id", None, Text("缺少此项", "is missing"))
    if "placed" not in named:
        raise Invalid("columns.placed", None, Text("缺少此项", "is missing"))
    for key, name in named.items():
        if not isinstance(name, str) or not plain_name(name):
            raise Invalid(f"columns.{key}", name, Text("须为列名", "must be a column's name"))
    return {key: plain_name(named[key]) for key in COLUMNS if key in named}


def _texts(raw: Mapping[str, Any], key: str) -> frozenset[str]:
    given = raw[key]
    if not isinstance(given, list) or not all(isinstance(s, str) and s.strip() for s in given):
        what = {"cancelled": "状态值", "not_cancelled": "状态值"}.get(key, "文字")
        raise Invalid(
            key, given,
            Text(
                f"须为{what}的列表",
                "must be a list of " + ("statuses" if what == "状态值" else "texts"),
            ),
        )
    return frozenset(text.strip() for text in given)


def _text(raw: Mapping[str, Any], key: str) -> str:
    given = raw.get(key, "")
    if not isinstance(given, str):
        raise Invalid(key, given, Text("须为文字", "must be a text"))
    return given


def _zone(raw: Mapping[str, Any], key: str) -> tzinfo:
    given = raw.get(key)
    if not isinstance(given, str):
        raise Invalid(
            key, given,
            Text("须为 IANA 时区名，例如 Asia/Shanghai", "must be an IANA name: Asia/Shanghai"),
        )
    return zone_named(given, key)


def _encoding(name: object) -> str:
    if name == "":
        return ""
    known = text_encoding(name)
    if known is None:
        raise Invalid(
            "encoding", name,
            Text("须为字符编码名，例如 utf-8、gb18030", "must be an encoding: utf-8, gb18030"),
        )
    return "utf-8-sig" if known == "utf-8" else known


def _delimiter(given: object) -> str:
    if not isinstance(given, str) or len(given) > 1 or given in ('"', "\r", "\n", "\0"):
        raise Invalid(
            "delimiter", given,
            Text(r'须为一个字符，例如 ";" 或 "\t"', r'must be one character: ";" or "\t"'),
        )
    return given

"""A map to start from, guessed from an export: its columns by the words of the usual shops."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from eldermall.errors import FileUnreadable
from eldermall.reports.columns import COLUMNS, MOMENTS
from eldermall.reports.formats import reading
from eldermall.reports.rows import is_marker
from eldermall.reports.sources.cells import Cell, Raw, Wanted, undressed
from eldermall.reports.sources.headers import Top, tops
from eldermall.reports.sources.opening import raws
from eldermall.texts import Lang, Text

_SAMPLE = 1000

WORDS: Mapping[str, tuple[str, ...]] = {
    "order": (
        "主订单编号", "主订单号", "父订单号", "订单编号", "订单号", "订单id", "平台订单号",
        "商户订单号", "交易编号", "order id", "order number", "order no", "order", "name", "id",
        "amazon order id", "orderid", "order sn",
    ),
    "id": (
        "子订单编号", "子订单号", "商品行号", "行号", "order item id", "lineitem id",
        "line item id", "transaction id", "order line id", "suborder id",
    ),
    "status": (
        "订单状态", "交易状态", "状态", "order status", "status", "financial status", "state",
    ),
    "payment": (
        "支付方式", "付款方式", "支付类型", "payment method", "payment type",
        "payment method title", "pay type",
    ),
    "courier": (
        "配送方式", "发货方式", "物流方式", "配送类型", "shipping method", "delivery method",
        "fulfillment type",
    ),
    "placed": (
        "订单创建时间", "下单时间", "创建时间", "提交时间", "订单提交时间", "拍下时间",
        "订单生成时间", "created at", "purchase date", "order date", "date created", "sale date",
        "order purchase timestamp", "created", "placed", "placed at", "order created time",
        "create time",
    ),
    "paid": (
        "订单付款时间", "付款时间", "支付时间", "买家付款时间", "订单支付时间", "支付完成时间",
        "paid at", "date paid", "payments date", "payment date", "paid", "paid time",
        "order approved at", "pay time",
    ),
    "shipped": (
        "发货时间", "订单发货时间", "卖家发货时间", "出库时间", "shipped at", "date shipped",
        "fulfilled at", "ship date", "shipped", "shipped on date", "shipping date",
        "order delivered carrier date", "shipped time", "delivery time",
    ),
    "delivered": (
        "签收时间", "收货时间", "确认收货时间", "送达时间", "delivered at", "date delivered",
        "delivered", "order delivered customer date", "delivered time",
    ),
    "cancelled": (
        "取消时间", "关闭时间", "订单取消时间", "订单关闭时间", "交易关闭时间", "cancelled at",
        "canceled at", "date cancelled", "cancelled time", "cancel time",
    ),
    "ship_by": (
        "承诺发货时间", "最晚发货时间", "应发货时间", "约定发货时间", "预计发货时间",
        "latest ship date", "ship by date", "ship by", "expected ship date",
    ),
}
"""The names of columns in the exports of the usual shops, the surest first."""

_CANCELLED = re.compile(r"取消|关闭|作废|cancel|closed|void|unavailable", re.IGNORECASE)
_CASH = re.compile(r"货到付款|到付|\bcod\b|cash on delivery|pay on delivery", re.IGNORECASE)
_NO_COURIER = re.compile(
    r"自提|到店|虚拟|无需物流|无需快递|核销|pick ?up|collect|digital|virtual|download",
    re.IGNORECASE,
)


@dataclass
class _Map:
    """A map in the making, and what about it isn't sure."""

    keys: dict[str, object] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    unsure: list[Text] = field(default_factory=list)


def guess(path: str | Path, lang: Lang) -> str:
    """Return a map as TOML, with what it isn't sure of as comments in ``lang``.

    The zone is never guessed: it is left to be filled in, and the map isn't valid until it is.

    Raises:
        FileUnreadable: there is no such file, it is empty or damaged, or no row near its top
            names a column that is known.
    """
    path = Path(path)
    notes: list[Text] = []
    candidates = tops(path, notes)
    best = max(candidates, key=lambda top: (len(_known(top.names)), len(top.names)), default=None)
    if best is None or not _known(best.names):
        raise FileUnreadable(
            Text(
                f"{path} 靠前的各行没有认得的列名；请按文档手写列映射",
                f"{path}: no row near the top names a column that is known; write the map by hand",
            )
        )
    made = _Map(columns=_known(best.names))
    made.keys["time_format"] = "?"
    for key, value in (("encoding", best.encoding), ("sheet", best.sheet if len(
        {top.sheet for top in candidates}) > 1 else "")):
        if value:
            made.keys[key] = value
    if best.delimiter not in ("", ","):
        made.keys["delimiter"] = best.delimiter
    _look(made, path, best)
    made.unsure += notes
    return _written(made, best, lang)


def _plain(name: str) -> str:
    bare = re.sub(r"[（(\[【].*?[）)\]】]", "", name.lower())
    return " ".join(re.sub(r"[-_/:：]", " ", bare).split())


def _known(names: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    plain = {_plain(name): name for name in reversed(names)}
    for key in COLUMNS:
        for word in WORDS[key]:
            if word in plain and plain[word] not in found.values():
                found[key] = plain[word]
                break
    return found


def _look(made: _Map, path: Path, top: Top) -> None:
    # what the rows say of the columns
    wanted = Wanted(
        tuple(made.columns.values()), next(iter(made.columns.values())), top.encoding,
        top.delimiter, top.sheet,
    )
    rows = [row for row in islice(raws(path, wanted, []), _SAMPLE) if isinstance(row, Raw)]
    held = {
        key: [row.cells[wanted.names.index(name)] for row in rows]
        for key, name in made.columns.items()
    }
    _ids(made, rows, held)
    _values(made, held)
    _times(made, {key: cells for key, cells in held.items() if key in (*MOMENTS, "ship_by")})


def _ids(made: _Map, rows: Sequence[Raw], held: Mapping[str, Sequence[Cell]]) -> None:
    if "placed" not in made.columns:
        made.columns["placed"] = "?"
        made.unsure.append(
            Text("没有认出下单时间的列", "no column was known for the moment an order was placed")
        )
    if "order" not in made.columns:
        if "id" not in made.columns:
            made.columns["id"] = "?"
        made.unsure.append(Text("没有认出订单编号的列", "no column was known for the order's id"))
        return
    ids = [undressed(cell) for cell in held["order"] if isinstance(cell, str)]
    if "id" in made.columns or len(set(ids)) < len(ids) or any(row.joined for row in rows):
        made.unsure.append(
            Text(
                "同一订单占多行：columns.order 使相邻的行合为一单",
                "orders have several rows: columns.order makes one order of rows that stand "
                "together",
            )
        )
    else:
        made.columns["id"] = made.columns.pop("order")


def _values(made: _Map, held: Mapping[str, Sequence[Cell]]) -> None:
    for what, key, pattern, zh, en in (
        ("status", "cancelled", _CANCELLED, "状态", "statuses"),
        ("payment", "cash_on_delivery", _CASH, "付款方式", "payment methods"),
        ("courier", "no_courier", _NO_COURIER, "配送方式", "ways of delivery"),
    ):
        if what not in made.columns:
            continue
        counted = Counter(undressed(cell) for cell in held[what] if isinstance(cell, str))
        counted.pop("", None)
        meant = sorted(value for value in counted if pattern.search(value))
        others = [value for value, _ in counted.most_common(20) if value not in meant]
        if meant:
            made.keys[key] = meant
        elif what != "status":
            del made.columns[what]
        if others:
            shown = ", ".join(_quoted(value) for value in others)
            made.unsure.append(
                Text(
                    f"见到的其他{zh}，请查有无属于 {key} 的：{shown}",
                    f"other {en} that were seen; do any of them belong to {key}? {shown}",
                )
            )


def _times(made: _Map, held: Mapping[str, Sequence[Cell]]) -> None:
    cells = [cell for column in held.values() for cell in column]
    texts = list(dict.fromkeys(
        text for cell in cells if isinstance(cell, str) and not is_marker(text := undressed(cell))
    ))
    if not texts and any(isinstance(cell, datetime) for cell in cells):
        made.keys["time_format"] = "iso"
        return
    found = list(reading(texts)) if texts else []
    if found:
        made.keys["time_format"] = found[0]
    else:
        shown = ", ".join(_quoted(text) for text in texts[:3]) or "-"
        made.unsure.append(
            Text(f"没有认出时间的写法，例如 {shown}", f"the times weren't understood: {shown}")
        )
    if len(found) > 1:
        others = ", ".join(_quoted(written) for written in found[1:])
        made.unsure.append(
            Text(f"时间也可能写作 {others}", f"the times may be meant otherwise: {others}")
        )


def _written(made: _Map, top: Top, lang: Lang) -> str:
    asked = Text(
        "时间所用并据以计日的时区，文件中没有写明，须填写，例如 Asia/Shanghai",
        "of the times and of the days that are counted; fill it in: Asia/Shanghai",
    )
    named = set(made.columns.values())
    rest = [name for name in top.names if name and name not in named]
    said = list(_unsure(made.unsure, rest))
    lines = [
        "# " + Text("由 eldermall audit --guess 猜出，使用前请核对",
                    "guessed by eldermall audit --guess; read it before you use it").in_(lang),
        f'zone = "?"  # {asked.in_(lang)}',
        *(f"{key} = {_toml(value)}" for key, value in made.keys.items()),
        "", "[columns]",
        *(f"{key} = {_quoted(made.columns[key])}" for key in COLUMNS if key in made.columns),
        "", *(f"# {text.in_(lang)}" for text in said),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _unsure(unsure: Sequence[Text], rest: Sequence[str]) -> Iterator[Text]:
    yield from unsure
    if rest:
        shown = ", ".join(_quoted(name) for name in rest[:30])
        yield Text(f"未用的列：{shown}", f"columns that aren't used: {shown}")


def _toml(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_quoted(str(item)) for item in value) + "]"
    return _quoted(str(value))


def _quoted(text: str) -> str:
    # JSON's strings are TOML's but for a few signs, which may stand escaped in both
    return re.sub(
        "[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]",
        lambda m: f"\\u{ord(m[0]):04x}" if m[0] < "\ud800" or m[0] > "\udfff" else "?",
        json.dumps(text, ensure_ascii=False),
    )

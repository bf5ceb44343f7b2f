"""``eldermall audit``: an export of orders against the rules and time limits."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Table

from eldermall.cli import files, output
from eldermall.cli.progress import bar
from eldermall.errors import Invalid
from eldermall.reports.audit import audit as run
from eldermall.reports.columns import read_columns
from eldermall.reports.decidable import NOT_ABOUT_ORDERS
from eldermall.reports.findings import AuditResult, Finding, Findings
from eldermall.reports.guess import guess
from eldermall.reports.sources.cells import Unreadable
from eldermall.reports.tally import REASONS
from eldermall.texts import Lang, Text

_WORDS = {
    "rule": Text("规则", "rule"),
    "applies": Text("适用", "applies"),
    "met": Text("按时", "met"),
    "late": Text("逾期", "late"),
    "never": Text("逾期未完成", "never"),
    "running": Text("未到期", "running"),
    "stopped": Text("因取消而终止", "stopped"),
    "refused": Text("违规", "refused"),
}
_AUTHORS = {
    "article": Text("条文", "the article's own"),
    "reading": Text("最严的理解", "the strictest reading"),
    "audit": Text("本次审计指定", "set for this audit"),
}


def audit(
    file: Annotated[
        Path,
        typer.Argument(help="Orders as CSV or the like, JSON, or a workbook.", metavar="FILE"),
    ],
    columns: Annotated[
        Path | None,
        typer.Option("--columns", help="The map that names the columns.", metavar="MAP.toml"),
    ] = None,
    guessed: Annotated[
        bool, typer.Option("--guess", help="Print a map to start from, and audit nothing.")
    ] = False,
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy",
            help="A policy file or pack:demo; without one, the articles' own numbers and the "
            "strictest readings.",
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            help="ISO date or time; what came later hasn't happened. In the zone in which the map "
            "counts days unless it says another; now if left out.",
            metavar="T",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A setting: shipping.counting=calendar-days", metavar="KEY=VALUE"
        ),
    ] = None,
    findings: Annotated[
        Path | None,
        typer.Option("--findings", help="Write each finding as a JSON line.", metavar="OUT.jsonl"),
    ] = None,
    force: files.ForceOption = False,
    as_json: output.JsonOption = False,
    lang: output.LangOption = None,
) -> None:
    """Replay an export of orders and say which broke which rule.

    Exit code 0: nothing was found; 1: findings or unreadable rows; 2: bad input.
    """
    speak = output.language(lang)
    with output.telling(speak):
        if guessed:
            output.line(guess(file, speak).rstrip())
            return
        if columns is None:
            raise Invalid(
                "--columns", None,
                Text(
                    "须指明列映射文件；--guess 可猜出一份作为起点",
                    "must name the map of the columns; --guess prints one to start from",
                ),
            )
        named = read_columns(columns)
        inputs = [file, columns] if policy is None else [file, columns, policy]
        said = Text("审计中", "auditing").in_(speak)
        with (
            _written(findings, inputs, force=force) as write,
            bar(said, output.errors(), shown=sys.stderr.isatty()) as told,
        ):
            result = run(
                file, named, policy,
                as_of=_moment(as_of, named.day_zone),
                overrides=_overrides(settings or []),
                findings=write, progress=told,
            )
    if as_json:
        output.print_json(result.as_json())
    else:
        _print(result, file, speak)
    if result.findings:
        raise typer.Exit(output.FINDINGS)


def _moment(given: str | None, zone: tzinfo) -> datetime:
    if given is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise Invalid(
            "--as-of", given,
            Text(
                "须为 ISO 日期或时间，例如 2026-03-02 或 2026-03-02T09:00",
                "must be an ISO date or time such as 2026-03-02 or 2026-03-02T09:00",
            ),
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _overrides(given: list[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise Invalid(
                "--set", pair,
                Text(
                    "应写作 键=值，例如 shipping.counting=hours",
                    "must be KEY=VALUE such as shipping.counting=hours",
                ),
            )
        found[key.strip()] = value.strip()
    return found


@contextmanager
def _written(
    path: Path | None, inputs: Sequence[Path], *, force: bool
) -> Iterator[Findings | None]:
    if path is None:
        yield None
        return
    with files.written(path, "--findings", force=force, inputs=inputs) as out:

        def write(found: Finding | Unreadable) -> None:
            out.write(f"{orjson.dumps(found.as_json()).decode()}\n")

        yield write


def _print(result: AuditResult, file: Path, lang: Lang) -> None:
    console = output.console()

    def say(zh: str, en: str) -> None:
        console.print(Text(zh, en).in_(lang), soft_wrap=True)

    until = f"{result.as_of:%Y-%m-%d %H:%M %Z}"
    say(f"审计 {file}，截至 {until}", f"Audit of {file} as of {until}")
    for notice in result.notices:
        say(notice.zh, notice.en)
    say(
        f"订单 {result.orders}，其中已付款 {result.paid}；无法读取的行 {result.unreadable}",
        f"{result.orders} orders, {result.paid} paid; {result.unreadable} unreadable rows",
    )
    if result.by_shape:
        one_by_one = result.orders - result.by_shape
        say(
            f"按列判定 {result.by_shape} 单，逐单重放 {one_by_one} 单",
            f"by columns {result.by_shape}, replayed one by one {one_by_one}",
        )
    for notice in result.of_file:
        say(notice.zh, notice.en)
    if result.not_placed:
        say(
            f"其中 {result.not_placed} 单在截至时间之后才提交",
            f"{result.not_placed} of them were placed after the as-of moment",
        )
    console.print(_table(result, lang))
    for key, value in result.settings.items():
        by = _AUTHORS.get(value.author, Text(value.author, value.author))
        say(
            f"{key} = {value.raw}（{value.clause}，{by.zh}）",
            f"{key} = {value.raw} ({value.clause}, {by.en})",
        )
    for rule, count in result.refused_moves.items():
        why = REASONS.get(rule, Text(rule, rule))
        say(
            f"次序不合的动作：{why.zh}（{rule}）{count} 次",
            f"moves out of order: {why.en} ({rule}) {count}",
        )
    say(
        "未记录的步骤（不计入违规）：" + "、".join(t.zh for _, t in result.not_recorded),
        "steps not recorded, not held against orders: "
        + ", ".join(t.en for _, t in result.not_recorded),
    )
    about = [left for left in result.not_decidable if left.why != NOT_ABOUT_ORDERS]
    others = len(result.not_decidable) - len(about)
    if result.not_decidable:
        say("无法由导出文件判定：", "Not decidable from this export:")
    for left in about:
        say(f"  {left.id}：{left.why.zh}", f"  {left.id}: {left.why.en}")
    if others:
        say(
            f"  另有 {others} 条与商品订单无关",
            f"  and {others} that aren't about orders of goods",
        )
    for row in result.unreadable_rows:
        say(
            f"第 {row.line} 行" + (f"“{row.column}”列" if row.column else "")
            + f"：{row.wrong.zh}；{row.right.zh}",
            f"line {row.line}" + (f", column {row.column}" if row.column else "")
            + f": {row.wrong.en}; {row.right.en}",
        )
    if more := result.unreadable - len(result.unreadable_rows):
        say(f"另有 {more} 行无法读取", f"and {more} more unreadable rows")


def _table(result: AuditResult, lang: Lang) -> Table:
    table = Table()
    for name, words in _WORDS.items():
        table.add_column(words.in_(lang), justify="left" if name == "rule" else "right")
    for id, counts in result.rules.items():
        label = result.labels[id].in_(lang)
        table.add_row(f"{id}\n{label}", *(str(counts.get(name, "")) for name in list(_WORDS)[1:]))
    return table

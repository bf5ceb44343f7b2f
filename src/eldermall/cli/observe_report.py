"""``eldermall observe-report``: what relaxed rules and clocks would have stopped."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, tzinfo
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text as Styled

from eldermall.calendars import moment
from eldermall.cli import output
from eldermall.cli.sweep import moment_of
from eldermall.loading import allowed
from eldermall.mall import Mall
from eldermall.reports.observed import Observed, ObserveReport, relaxed_by
from eldermall.reports.observed import observe_report as run
from eldermall.texts import Lang, Text

_NOW = {
    "on": Text("已执行", "on"),
    "observe": Text("观察中", "observing"),
    "off": Text("已停用", "off"),
}


def observe_report(
    url: Annotated[str, typer.Argument(help="The database: sqlite:///mall.db, postgresql://...")],
    policy: output.PolicyOption,
    since: Annotated[
        str | None,
        typer.Option("--since", help="Only from this moment on, with its zone.", metavar="TIME"),
    ] = None,
    code: output.CodeOption = "main",
    prefix: output.PrefixOption = "eldermall_",
    lang: output.LangOption = None,
    json: output.JsonOption = False,
) -> None:
    """Say what each relaxed rule and clock would have stopped, and which can be switched on."""
    spoken = output.language(lang)
    with output.telling(spoken):
        start: datetime | None = None if since is None else moment_of(since, "--since")
        with Mall.open(
            url, policy=policy, code=code, prefix=prefix, plugins=allowed(), make=False
        ) as mall:
            report = run(mall, since=start)
            zone, notice = mall.policy.settings.zone, mall.policy.notice
    if json:
        output.print_json(
            {
                "mall": code,
                "notice": None if notice is None else output.both(notice),
                "entries": report.entries,
                "moves": report.moves,
                "observed": [_facts(one) for one in report.observed],
            }
        )
        return
    console = output.console()
    if notice is not None:
        console.print(Styled(notice.in_(spoken), style="yellow"))
    _show(console, report, zone, spoken)


def _show(console: Console, report: ObserveReport, zone: tzinfo, lang: Lang) -> None:
    said = Text(
        f"已读记录 {report.entries} 条；本应被拒绝而放行的动作 {report.moves} 次",
        f"entries read: {report.entries}; moves let through that would have been refused: "
        f"{report.moves}",
    )
    console.print(output.folded(Styled(said.in_(lang)), console.width))
    if not report.observed:
        nothing = Text(
            "没有放宽过的规则或时限，全部按规定执行",
            "no rule or clock was ever relaxed; all are on",
        )
        console.print(nothing.in_(lang))
    for one in report.observed:
        if not one.unasked:
            console.print()
            _show_one(console, one, zone, lang)
    unasked = [one.id for one in report.observed if one.unasked]
    if unasked:
        console.print()
        words = Text(
            f"放宽期间从未触及（{len(unasked)} 项），无从判断：",
            f"never asked while relaxed ({len(unasked)}), so nothing can be said of: ",
        )
        told = Styled(words.in_(lang) + output.listed(unasked, lang), style="dim")
        console.print(output.folded(told, console.width))
    ready = [one.id for one in report.observed if one.ready]
    if ready:
        console.print()
        line = Styled().append(Text("可以启用：", "may be switched on: ").in_(lang), style="green")
        line.append(output.listed(ready, lang), style="bold")
        console.print(output.folded(line, console.width))


def _show_one(console: Console, one: Observed, zone: tzinfo, lang: Lang) -> None:
    head = Styled()
    if one.label is not None:
        head.append(one.label.in_(lang), style="bold").append("  ")
    head.append(one.id, style="cyan").append("  ")
    head.append(_NOW[one.mode].in_(lang), style="dim")
    console.print(output.folded(head, console.width))
    width = console.width - 4
    table = Table.grid(padding=(0, 2))
    table.add_column(width=0)
    table.add_column(width=width)
    found = _asked(one).in_(lang) + _found(one, zone).in_(lang)
    lines = [Styled(found, style="" if one.count == 0 else "bold red")]
    if one.before:
        before = Text(
            f"接管前已超期 {one.before} 次（不计入以上各数）",
            f"passed before their records were taken over, not counted above: {one.before}",
        )
        lines.append(Styled(before.in_(lang), style="dim"))
    if one.examples:
        examples = Text("例如：", "such as: ").in_(lang) + output.listed(one.examples, lang)
        lines.append(Styled(examples))
    lines += [
        Styled(relaxed_by(relaxation, zone).in_(lang), style="yellow")
        for relaxation in one.relaxations
    ]
    for line in (*lines, *output.cited(one.clauses, lang)):
        table.add_row("", output.folded(line, width))
    console.print(table)


def _asked(one: Observed) -> Text:
    if one.mode == "off" and not one.asked:
        return Text("", "")
    if one.what == "clock":
        return Text(
            f"有结果的时限 {one.asked} 次；", f"limits that were met or missed: {one.asked}; "
        )
    return Text(f"询问 {one.asked} 次；", f"asked: {one.asked}; ")


def _found(one: Observed, zone: tzinfo) -> Text:
    if one.first is None or one.last is None:
        if one.mode == "off" and not one.asked:
            return Text("停用期间没有记录", "while it is off nothing is written down")
        if one.what == "clock":
            return Text("没有超期", "none missed")
        return Text("没有本应拒绝的动作", "it would have refused nothing")
    span = f"{moment(one.first, zone):%Y-%m-%d %H:%M} – {moment(one.last, zone):%Y-%m-%d %H:%M}"
    if one.what == "clock":
        return Text(
            f"超期 {one.count} 次而未处理（其中逾期完成 {one.late} 次），"
            f"涉及 {one.records} 项记录，{span}",
            f"missed while nobody acted: {one.count}, of which done late: {one.late}; "
            f"records: {one.records}; {span}",
        )
    return Text(
        f"本应拒绝 {one.count} 次，涉及 {one.records} 项记录，{span}",
        f"moves it would have refused: {one.count}; records: {one.records}; {span}",
    )


def _facts(one: Observed) -> dict[str, Any]:
    return {
        one.what: one.id,
        "label": None if one.label is None else output.both(one.label),
        "clauses": output.clauses_json(one.clauses),
        "mode": one.mode,
        "ready": one.ready,
        "asked": one.asked,
        "count": one.count,
        "late": one.late,
        "before": one.before,
        "records": one.records,
        "first": one.first,
        "last": one.last,
        "examples": list(one.examples),
        "relaxations": [asdict(relaxation) for relaxation in one.relaxations],
    }

"""``eldermall rules``: print every rule and clock beside the clauses that it serves."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.rule import Rule as Ruler
from rich.table import Table
from rich.text import Text as Styled

from eldermall.cli import output
from eldermall.engine.clock import Clock
from eldermall.engine.machine import Guard
from eldermall.engine.rule import Rule
from eldermall.engine.rulebook import Rulebook
from eldermall.engine.settings import Setting, Settings, SettingValue
from eldermall.loading import allowed
from eldermall.mall import rulebook
from eldermall.plugins import Plugins
from eldermall.policy import Policy, read_policy
from eldermall.reports.observed import relaxed_by
from eldermall.texts import Lang, Text

_AUTHORS = {
    "article": Text("条文规定", "the article's own"),
    "reading": Text("最严解读", "the strictest reading"),
}


def rules(
    policy: Annotated[
        Path | None,
        typer.Option("--policy", help="A policy file or pack:NAME, to see its values."),
    ] = None,
    lang: output.LangOption = None,
    json: output.JsonOption = False,
) -> None:
    """Print every rule and clock: clauses, what it guards, facts, settings."""
    spoken = output.language(lang)
    with output.telling(spoken):
        brought = Plugins(allowed())
        book = rulebook(brought)
        read = None if policy is None else read_policy(brought.policy(policy), book)
    if json:
        output.print_json(_facts(book, read))
        return
    console = output.console()
    if read is not None and read.notice is not None:
        console.print(Styled(read.notice.in_(spoken), style="yellow"))
    if read is not None and read.gaps is not None:
        console.print(Styled(read.gaps.in_(spoken), style="yellow"))
    values = None if read is None else read.settings
    _head(console, Text(f"规则 · {len(book.rules)} 条", f"rules · {len(book.rules)}"), spoken)
    for rule in book.rules.values():
        _show(console, rule.name, rule.label, _rule_lines(book, rule, values, spoken), spoken)
    _head(console, Text(f"时限 · {len(book.clocks)} 项", f"clocks · {len(book.clocks)}"), spoken)
    for clock in book.clocks.values():
        _show(console, clock.name, clock.label, _clock_lines(book, clock, values, spoken), spoken)


def _head(console: Console, title: Text, lang: Lang) -> None:
    console.print(Ruler(Styled(title.in_(lang), style="bold"), style="dim"))


Lines = list[tuple[Text, list[Styled]]]


def _show(console: Console, name: str, label: Text, lines: Lines, lang: Lang) -> None:
    head = Styled().append(label.in_(lang), style="bold")
    console.print(head.append(f"  {name}", style="cyan"))
    heads = 8 if lang == "zh" else 9
    width = max(20, console.width - heads - 4)
    table = Table.grid(padding=(0, 2))
    table.add_column(width=0)
    table.add_column(width=heads, style="dim")
    table.add_column(width=width)
    for what, said in lines:
        for number, line in enumerate(said):
            table.add_row("", what.in_(lang) if number == 0 else "", output.folded(line, width))
    console.print(table)
    console.print()


def _rule_lines(book: Rulebook, rule: Rule, values: Settings | None, lang: Lang) -> Lines:
    lines: Lines = [
        (Text("条款", "clauses"), output.cited(rule.clauses, lang)),
        (Text("适用于", "guards"), _guards(book, book.guards[rule.name], lang)),
        (
            Text("所需事实", "facts"),
            [Styled(output.listed([f.label.in_(lang) for f in rule.needs], lang))],
        ),
    ]
    if rule.settings:
        lines.append((Text("设置", "settings"), _settings(rule.settings, values, lang)))
    return lines + _relaxed(rule.id, values, lang)


def _clock_lines(
    book: Rulebook, clock: Clock, values: Settings | None, lang: Lang
) -> Lines:
    lines: Lines = [
        (Text("条款", "clauses"), output.cited(clock.clauses, lang)),
        (Text("起算", "starts"), [Styled(clock.starts.in_(lang))]),
        (Text("停止", "stops"), [Styled(clock.stops.in_(lang))]),
        (Text("时限", "limit"), _settings((clock.limit,), values, lang)),
        (Text("超期告知", "told"), [Styled(output.roles(clock.told, lang))]),
    ]
    later = [
        Styled(
            Text(
                f"{output.roles(rung.who, 'zh')}（何时：见 {rung.after.key}）",
                f"{output.roles(rung.who, 'en')} (when: {rung.after.key})",
            ).in_(lang)
        )
        for rung in clock.ladder
    ]
    if later:
        lines.append((Text("再告知", "later"), later))
    if clock.on_breach is not None:
        machine = book.kinds[clock.kind].machines_of[clock.on_breach][0]
        label = machine.named(clock.on_breach).label
        made = Styled().append(label.in_(lang)).append(f"  {clock.on_breach}", style="dim")
        lines.append((Text("超期动作", "on breach"), [made]))
    if others := clock.settings[1:]:
        lines.append((Text("设置", "settings"), _settings(others, values, lang)))
    return lines + _relaxed(clock.id, values, lang)


def _relaxed(id: str, values: Settings | None, lang: Lang) -> Lines:
    relaxation = None if values is None else values.relaxed.get(id)
    if values is None or relaxation is None:
        return []
    said = relaxed_by(relaxation, values.zone).in_(lang)
    return [(Text("放宽", "relaxed"), [Styled(said, style="yellow")])]


def _guards(book: Rulebook, guards: tuple[Guard, ...], lang: Lang) -> list[Styled]:
    by_machine: dict[str, list[str]] = {}
    for guard in guards:
        machine = book.machines[guard.machine]
        if guard.on == "enter":
            state = machine.labels[guard.name]
            words = Text(f"进入“{state.zh}”", f"entering {state.en}")
        else:
            label = next(t.label for t in machine.transitions if t.name == guard.name)
            words = Text(f"“{label.zh}”", label.en)
        by_machine.setdefault(machine.label.in_(lang), []).append(words.in_(lang))
    colon = "：" if lang == "zh" else ": "
    return [
        Styled(f"{label}{colon}{output.listed(words, lang)}")
        for label, words in by_machine.items()
    ]


def _settings(
    settings: tuple[Setting, ...], values: Settings | None, lang: Lang
) -> list[Styled]:
    lines = []
    for setting in settings:
        line = Styled().append(setting.key, style="cyan")
        line.append(f"  {setting.label.in_(lang)}")
        value = None if values is None else values.origin.get(setting.key)
        line.append(_value(setting, value).in_(lang), style="bold" if value else "dim")
        lines.append(line)
    return lines


def _value(setting: Setting, value: SettingValue | None) -> Text:
    if value is not None:
        who = _AUTHORS.get(value.author, Text(value.author, value.author))
        day = f" {value.date}" if value.date else ""
        raw = _raw(value.raw)
        return Text(f" = {raw.zh}（{who.zh}{day}）", f" = {raw.en} ({who.en}{day})")
    if setting.article is not None:
        raw = _raw(setting.article)
        return Text(f"（条文为 {raw.zh}，只能更严）", f" (the article: {raw.en}; only stricter)")
    if setting.choices:
        return Text(
            f"（可选 {'、'.join(setting.choices)}，默认最严）",
            f" (one of {', '.join(setting.choices)}; the strictest unless chosen)",
        )
    return Text("（条文无数值，须由商城设定）", " (no number in the article; the host sets it)")


def _raw(raw: Any) -> Text:
    if isinstance(raw, list | tuple):
        return Text("、".join(map(str, raw)), ", ".join(map(str, raw)))
    return Text(str(raw), str(raw))


def _facts(book: Rulebook, policy: Policy | None) -> dict[str, Any]:
    values = None if policy is None else policy.settings
    notice = None if policy is None else policy.notice
    return {
        "notice": None if notice is None else output.both(notice),
        "rules": [
            {
                "rule": rule.name,
                "label": output.both(rule.label),
                "clauses": output.clauses_json(rule.clauses),
                "guards": [
                    {"machine": g.machine, "on": g.on, "name": g.name}
                    for g in book.guards[rule.name]
                ],
                "facts": [
                    {"name": f.name, "type": f.type, "source": f.source,
                     "label": output.both(f.label)}
                    for f in rule.needs
                ],
                "binds": rule.binds,
                "relaxed": _relaxed_json(rule.id, values),
                "settings": [_setting_json(s, values) for s in rule.settings],
            }
            for rule in book.rules.values()
        ],
        "clocks": [
            {
                "clock": clock.name,
                "label": output.both(clock.label),
                "clauses": output.clauses_json(clock.clauses),
                "kind": clock.kind,
                "starts": output.both(clock.starts),
                "stops": output.both(clock.stops),
                "limit": clock.limit.key,
                "told": list(clock.told),
                "ladder": [
                    {"after": rung.after.key, "who": list(rung.who)} for rung in clock.ladder
                ],
                "on_breach": clock.on_breach,
                "binds": clock.binds,
                "relaxed": _relaxed_json(clock.id, values),
                "settings": [_setting_json(s, values) for s in clock.settings],
            }
            for clock in book.clocks.values()
        ],
    }


def _relaxed_json(id: str, values: Settings | None) -> dict[str, Any] | None:
    relaxation = None if values is None else values.relaxed.get(id)
    return None if relaxation is None else asdict(relaxation)


def _setting_json(setting: Setting, values: Settings | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "key": setting.key,
        "label": output.both(setting.label),
        "clause": setting.clause,
        "article": setting.article,
    }
    value = None if values is None else values.origin.get(setting.key)
    if value is not None:
        facts |= {"value": value.raw, "author": value.author, "date": value.date}
    return facts

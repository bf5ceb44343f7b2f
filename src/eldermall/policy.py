"""Policies: the file in which a host sets what the articles leave open, read and checked.

A policy file is TOML::

    [pack]
    document = "S19"
    title = "..."
    published = 2026-01-01
    zone = "Asia/Shanghai"
    department = "operations"

    [settings."handover.limit"]
    value = "4h"
    author = "who decided it"
    date = 2026-01-01
    clause = "S19-10-2a"

    [enforce."shipping.paid-first"]
    mode = "observe"
    author = "who decided it"
    approver = "who approved it, somebody else"
    reason = "why"
    until = 2026-03-31

What isn't named under ``enforce`` is on. ``enforce."*"`` is a table for all that isn't named, in
the mode ``observe``. A relaxation ends with its last day, by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from hashlib import sha256
from pathlib import Path
from typing import Any

from eldermall.calendars import DAY, microseconds, zone_named
from eldermall.contracts.storage import PackRow
from eldermall.engine.canonical import canonical
from eldermall.engine.clock import Clock
from eldermall.engine.inputs import can_be_seen, checked_id, checked_text, only_keys
from eldermall.engine.rule import Rule
from eldermall.engine.rulebook import Rulebook
from eldermall.engine.settings import Relaxation, Setting, Settings, SettingValue
from eldermall.errors import EldermallError, Invalid, PolicyError, StorageError
from eldermall.texts import Text
from eldermall.toml import read_toml

FORMAT = 1
DOCUMENTS = ("S19",)
DEMO_AUTHOR = "demo"

_PACK_KEYS = ("document", "title", "published", "zone", "department")
_VALUE_KEYS = ("value", "author", "date", "clause")
ALL = "*"
_RELAXING = ("mode", "author", "approver", "reason", "until")
_DAYS = {
    "calendar-days": Text(
        "按自然日计算时须为整天", "must be whole days when calendar days are counted"
    ),
    "working-days": Text(
        "按工作日计算时须为整天", "must be whole days when working days are counted"
    ),
}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that was read and checked.

    Args:
        settings: as the engine uses it.
        body: the whole of it as canonical JSON; its hash is its version.
        document: the document that it puts in force.
        title: what it is called.
        published: the day from which it applies, ISO.
        zone: the time zone's name.
        unset: the settings that a release has added since it was published, and that it doesn't
            give.
    """

    settings: Settings
    body: bytes
    document: str
    title: str
    published: str
    zone: str
    unset: tuple[Setting, ...] = ()

    @property
    def row(self) -> PackRow:
        """The policy as a storage keeps it."""
        return PackRow(self.settings.pack, self.body)

    @property
    def gaps(self) -> Text | None:
        """What a host must be told: which new settings it lacks, and what is off until then."""
        if not self.unset:
            return None
        zh = "".join(f"\n  {s.key}（{s.clause}：{s.label.zh}）" for s in self.unset)
        en = "".join(f"\n  {s.key} ({s.clause}: {s.label.en})" for s in self.unset)
        return Text(
            "本政策公布之后新增的设置尚未设定，依赖它们的规则与时限暂不生效：" + zh,
            "settings that were added after this policy was published are unset; the rules and "
            "clocks that need them are off until they are set:" + en,
        )

    @property
    def notice(self) -> Text | None:
        """What output based on it must say: that its numbers are the demo's, if they are."""
        if any(value.author == DEMO_AUTHOR for value in self.settings.origin.values()):
            return Text(
                "所用政策为演示政策（设定人 demo），其数值不代表任何公司的规定",
                "based on the demo policy (author demo); its numbers are no company's rules",
            )
        return None


def read_policy(source: str | Path | Mapping[str, Any], book: Rulebook) -> Policy:
    """Read a policy and check it against the rules and clocks in ``book``.

    Args:
        source: a TOML file, or what such a file holds.
        book: whose settings it must give.

    Raises:
        FileUnreadable: there is no such file.
        PolicyError: something in it is wrong; says at which key and what would be right.
    """
    if isinstance(source, Mapping):
        where, raw = "policy", dict(source)
    else:
        where, raw = str(source), read_toml(Path(source), "政策文件", PolicyError)
    try:
        return _checked(raw, book)
    except EldermallError as error:
        raise PolicyError(
            Text(f"{where}：{error.text.zh}", f"{where}: {error.text.en}")
        ) from error


def _checked(raw: dict[str, Any], book: Rulebook) -> Policy:
    only_keys(raw, ("pack", "settings", "enforce"), "")
    pack = _table(raw, "pack")
    only_keys(pack, _PACK_KEYS, "pack.")
    document = pack.get("document")
    if document not in DOCUMENTS:
        raise Invalid("pack.document", document, Text("目前只支持 S19", "only S19 is built"))
    title = checked_text(pack.get("title", ""), "pack.title")
    published = _date(pack.get("published"), "pack.published")
    zone = zone_named(checked_text(pack.get("zone"), "pack.zone"), "pack.zone")
    department = checked_id(pack.get("department"), "pack.department")
    relaxed = _relaxations(_table(raw, "enforce"), book)
    values = _values(_table(raw, "settings"), book, published.isoformat())
    start = datetime.combine(published, time(), tzinfo=zone)
    content: dict[str, Any] = {
        "v": FORMAT,
        "document": document,
        "title": title,
        "published": published.isoformat(),
        "zone": zone.key,
        "department": department,
        "settings": {
            key: {
                "value": value.raw,
                "author": value.author,
                "date": value.date,
                "clause": value.clause,
            }
            for key, value in values.items()
        },
        "cites": list(book.cited),
    }
    if relaxed:
        content["enforce"] = relaxed
    body = canonical(content)
    settings = Settings(
        pack=sha256(body).hexdigest(),
        values={key: value.value for key, value in values.items()},
        published=max(0, microseconds(start.astimezone(UTC), "pack.published")),
        zone=zone,
        department=department,
        origin=values,
        rest_days=book.rest_days,
        relaxed=_in_force(relaxed, zone),
        unset=_unset(values, book),
    )
    lacking = tuple(s for key, s in book.settings.items() if key not in values)
    return Policy(settings, body, document, title, published.isoformat(), zone.key, lacking)


def _values(given: dict[str, Any], book: Rulebook, published: str) -> dict[str, SettingValue]:
    declared = book.settings
    for key, wrong in given.items():
        if key not in declared:
            raise Invalid(
                f"settings.{key}", wrong,
                Text(
                    "没有此设置，可用的有：" + "、".join(declared),
                    "is no setting; there are " + ", ".join(declared),
                ),
            )
    values: dict[str, SettingValue] = {}
    unset: list[Setting] = []
    for key, setting in declared.items():
        if key in given:
            values[key] = _value(setting, _table(given, key), f"settings.{key}")
        elif setting.added > published:
            continue
        elif setting.default is None:
            unset.append(setting)
        else:
            author = "article" if setting.article is not None else "reading"
            value = setting.parse(setting.default, key)
            values[key] = SettingValue(value, setting.default, author, "", setting.clause)
    if unset:
        raise PolicyError(
            Text(
                "条文没有给出数值，须由贵方设定："
                + "".join(f"\n  {s.key}（{s.clause}：{s.label.zh}）" for s in unset),
                "the articles give no number, and the host has set none:"
                + "".join(f"\n  {s.key} ({s.clause}: {s.label.en})" for s in unset),
            )
        )
    check_whole_days(values, "settings.", book)
    return values


def _unset(values: Iterable[str], book: Rulebook) -> frozenset[str]:
    """Return the rules and clocks that need a setting which a policy of an older day lacks."""
    lacking = {key for key, setting in book.settings.items() if setting.added and setting.gates}
    lacking -= set(values)
    owners: list[Rule | Clock] = [*book.rules.values(), *book.clocks.values()]
    return frozenset(o.id for o in owners if any(s.key in lacking for s in o.settings))


def check_whole_days(values: Mapping[str, SettingValue], where: str, book: Rulebook) -> None:
    """Raise if a clock of ``book`` counts days over a limit that isn't whole days.

    Raises:
        Invalid: one does; ``where`` stands before the setting's key.
    """
    for clock in book.clocks.values():
        counting = None if clock.counting is None else values.get(clock.counting.key)
        limit = values.get(clock.limit.key)
        if limit and counting and counting.value in _DAYS and limit.value % DAY:
            raise Invalid(f"{where}{clock.limit.key}", limit.raw, _DAYS[counting.value])


def _value(setting: Setting, given: dict[str, Any], where: str) -> SettingValue:
    only_keys(given, _VALUE_KEYS, where + ".")
    for key in _VALUE_KEYS:
        if key not in given:
            raise Invalid(f"{where}.{key}", None, Text("缺少此项", "is missing"))
    author = checked_text(given["author"], f"{where}.author")
    if not can_be_seen(author):
        raise Invalid(f"{where}.author", author, Text("须写明设定人", "say who decided it"))
    if given["clause"] != setting.clause:
        raise Invalid(
            f"{where}.clause", given["clause"],
            Text(f"应为 {setting.clause}", f"must be {setting.clause}"),
        )
    day = _date(given["date"], f"{where}.date").isoformat()
    return SettingValue(
        setting.parse(given["value"], f"{where}.value"), given["value"], author, day,
        setting.clause,
    )


def _relaxations(given: dict[str, Any], book: Rulebook) -> dict[str, dict[str, str]]:
    """Return the rules and clocks that a policy doesn't enforce for a while, as they are kept."""
    owners: dict[str, Rule | Clock] = {rule.id: rule for rule in book.rules.values()}
    owners |= {clock.id: clock for clock in book.clocks.values()}
    relaxed: dict[str, dict[str, str]] = {}
    for id, value in _each(given, owners).items():
        where = f"enforce.{id if id in given else ALL}"
        if id not in owners:
            raise Invalid(where, value, Text("没有此规则", "there is no such rule"))
        if value == "on":
            continue
        if not isinstance(value, Mapping):
            raise Invalid(
                where, value,
                Text(
                    '须为 "on"，或写明 ' + "、".join(_RELAXING) + " 的一个表",
                    'must be "on", or a table with ' + ", ".join(_RELAXING),
                ),
            )
        relaxed[id] = _relaxation(dict(value), where, owners[id].clauses)
    return relaxed


def _each(given: dict[str, Any], owners: Iterable[str]) -> dict[str, Any]:
    """Return what is said of each rule and clock: by name, else for all at once, if it is."""
    named = {id: value for id, value in given.items() if id != ALL}
    if ALL not in given:
        return named
    rest = given[ALL]
    mode = rest.get("mode") if isinstance(rest, Mapping) else rest
    if mode is rest or mode == "off":
        raise Invalid(
            f"enforce.{ALL}", mode,
            Text(
                "对全部规则只可用一个表设为 observe；未列明者本就严格执行，关闭须逐条列明",
                "must be a table in the mode observe; rules are on without it, and are switched "
                "off by name only",
            ),
        )
    return dict.fromkeys(owners, rest) | named


def _relaxation(given: dict[str, Any], where: str, serves: tuple[str, ...]) -> dict[str, str]:
    from eldermall.rules.catalogue import clauses

    only_keys(given, _RELAXING, where + ".")
    mode = given.get("mode")
    if mode not in ("off", "observe"):
        raise Invalid(
            f"{where}.mode", mode, Text("应为 observe 或 off", "must be observe or off")
        )
    forbidding = [c for c in serves if c in clauses() and clauses()[c].kind == "prohibition"]
    if mode == "off" and forbidding:
        raise Invalid(
            f"{where}.mode", mode,
            Text(
                f"该规则落实禁止性条款 {'、'.join(forbidding)}，不得关闭，只可暂时观察",
                f"it serves a prohibition ({', '.join(forbidding)}): it may be observed for a "
                "while, never off",
            ),
        )
    said: dict[str, str] = {"mode": mode}
    for key in ("author", "approver", "reason"):
        said[key] = checked_text(given.get(key, ""), f"{where}.{key}").strip()
        if not can_be_seen(said[key]):
            raise Invalid(f"{where}.{key}", given.get(key), Text("缺少此项", "is missing"))
    if said["author"] == said["approver"]:
        raise Invalid(
            f"{where}.approver", said["approver"],
            Text("批准人不得是设定人本人", "nobody approves what they decided themselves"),
        )
    said["until"] = _date(given.get("until"), f"{where}.until").isoformat()
    return said


def _in_force(relaxed: Mapping[str, Mapping[str, Any]], zone: tzinfo) -> dict[str, Relaxation]:
    """Return the relaxations as the engine uses them: each ends when its last day has."""
    found: dict[str, Relaxation] = {}
    for id, said in relaxed.items():
        after = date.fromisoformat(said["until"]) + timedelta(days=1)
        end = microseconds(datetime.combine(after, time(), tzinfo=zone))
        found[id] = Relaxation(
            said["mode"], said["author"], said["approver"], said["reason"], end
        )
    return found


def _table(raw: Mapping[str, Any], key: str) -> dict[str, Any]:
    table = raw.get(key, {})
    if not isinstance(table, Mapping):
        raise Invalid(key, table, Text("须为一个表", "must be a table"))
    return dict(table)


def _date(value: object, where: str) -> date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, date) or isinstance(value, datetime) or not (
        1971 <= value.year < 2255
    ):
        raise Invalid(
            where, value, Text("须为日期，例如 2026-01-01", "must be a date such as 2026-01-01")
        )
    return value


def settings_of(body: bytes, book: Rulebook) -> Settings:
    """Return a kept policy as the engine uses it; values that no rule reads any more are left.

    Raises:
        PolicyError: the installed rules can't read a value of it.
        StorageError: it was changed since it was kept.
    """
    with _kept_policy(body):
        return _settings_of(json.loads(body), body, book)


def cited(body: bytes) -> tuple[str, ...]:
    """Return the rules and clocks that were in force with a kept policy.

    Raises:
        StorageError: it was changed since it was kept.
    """
    with _kept_policy(body):
        return tuple(map(str, json.loads(body)["cites"]))


@contextmanager
def _kept_policy(body: bytes) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        start = repr(body)[:40]
        raise StorageError(
            Text(
                f"数据库中保存的政策已被改动，无法读取：{start}",
                f"a policy that the database keeps was changed and can't be read: {start}",
            )
        ) from error


def _settings_of(fields: Mapping[str, Any], body: bytes, book: Rulebook) -> Settings:
    declared = book.settings
    values = {
        key: SettingValue(
            declared[key].parse(kept["value"], key), kept["value"], kept["author"], kept["date"],
            kept["clause"],
        )
        for key, kept in fields["settings"].items()
        if key in declared
    }
    zone = zone_named(fields["zone"])
    start = datetime.combine(date.fromisoformat(fields["published"]), time(), tzinfo=zone)
    return Settings(
        pack=sha256(body).hexdigest(),
        values={key: value.value for key, value in values.items()},
        published=max(0, microseconds(start.astimezone(UTC))),
        zone=zone,
        department=fields["department"],
        origin=values,
        rest_days=book.rest_days,
        relaxed=_in_force(fields.get("enforce", {}), zone),
        unset=_unset(values, book),
    )

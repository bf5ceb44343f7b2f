"""Policies: what a host sets, what is refused and how it is told, and what stays in force."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eldermall import Mall, PolicyError, SchemaError, Text, hookimpl, moment
from eldermall.calendars import DAY, HOUR
from eldermall.engine.rule import AT, Rule
from eldermall.engine.settings import Setting
from eldermall.errors import FileUnreadable
from eldermall.mall import rulebook
from eldermall.policy import Policy, cited, read_policy, settings_of
from eldermall.policy_template import policy_template
from eldermall.rooms.orders import Orders
from tests import shop


def put(path: str, value: Any, **pack: Any) -> dict[str, Any]:
    """Return the demo policy with one value replaced; ``None`` takes it away."""
    given = shop.policy(**pack)
    *way, last = path.split("/")
    table = given
    for step in way:
        table = table.setdefault(step, {})
    if value is None:
        del table[last]
    else:
        table[last] = value
    return given


NEW = {"published": "2026-12-02"}
"""Published after every setting there is was added."""


def read(given: Any) -> Policy:
    return read_policy(given, rulebook())


def set_(key: str, value: Any) -> dict[str, Any]:
    return shop.policy({key: value})


HOURS = "settings/handover.limit"
DURATION = "a duration is a positive whole number and min, h or d: 90min, 72h, 3d"
DATE = "must be a date such as 2026-01-01"
TEXT = "a text holds no zero character and no lone surrogate"

RELAXED = {
    "mode": "observe", "author": "board", "approver": "lin", "reason": "trial",
    "until": "2026-03-31",
}

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown table": (put("rules", {}), "policy: rules = {} is invalid: is no key here; there are "
                      "pack, settings, enforce"),
    "unknown key of the pack": (
        put("pack/zones", "x"),
        "policy: pack.zones = 'x' is invalid: is no key here; there are document, title, "
        "published, zone, department",
    ),
    "unknown key of a value": (
        put(f"{HOURS}/approver", "x"),
        "policy: settings.handover.limit.approver = 'x' is invalid: is no key here; there are "
        "value, author, date, clause",
    ),
    "pack is no table": (
        put("pack", "S19"), "policy: pack = 'S19' is invalid: must be a table"
    ),
    "a setting is no table": (
        put(HOURS, "4h"), "policy: handover.limit = '4h' is invalid: must be a table"
    ),
    "another document": (
        put("pack/document", "S03"), "policy: pack.document = 'S03' is invalid: only S19 is built"
    ),
    "no document": (
        put("pack/document", None), "policy: pack.document = None is invalid: only S19 is built"
    ),
    "a day that isn't": (
        put("pack/published", "2026-02-30"), f"policy: pack.published = None is invalid: {DATE}"
    ),
    "a date in words": (
        put("pack/published", "soon"), f"policy: pack.published = 'soon' is invalid: {DATE}"
    ),
    "no date": (
        put("pack/published", None), f"policy: pack.published = None is invalid: {DATE}"
    ),
    "a date before time": (
        put("pack/published", "1970-01-01"),
        f"policy: pack.published = datetime.date(1970, 1, 1) is invalid: {DATE}",
    ),
    "an unknown zone": (
        put("pack/zone", "Shanghai"),
        "policy: pack.zone = 'Shanghai' is invalid: no such time zone; use an IANA name such as "
        "Asia/Shanghai",
    ),
    "an odd department": (
        put("pack/department", "运营"),
        "policy: pack.department = '运营' is invalid: an id is 1 to 64 of A-Z a-z 0-9 . _ : -",
    ),
    "a title with a zero character": (
        put("pack/title", "a\0"), f"policy: pack.title = 'a\\x00' is invalid: {TEXT}"
    ),
    "a number without unit": (
        set_("handover.limit", 4),
        f"policy: settings.handover.limit.value = 4 is invalid: {DURATION}",
    ),
    "a duration of nothing": (
        set_("handover.limit", "0h"),
        f"policy: settings.handover.limit.value = '0h' is invalid: {DURATION}",
    ),
    "a duration in other units": (
        set_("handover.limit", "4 hours"),
        f"policy: settings.handover.limit.value = '4 hours' is invalid: {DURATION}",
    ),
    "a negative duration": (
        set_("handover.limit", "-4h"),
        f"policy: settings.handover.limit.value = '-4h' is invalid: {DURATION}",
    ),
    "a count of nothing": (
        set_("callback.attempts", 0),
        "policy: settings.callback.attempts.value = 0 is invalid: must be a whole number from 1 "
        "to 1,000,000",
    ),
    "a count that is true": (
        set_("callback.attempts", True),
        "policy: settings.callback.attempts.value = True is invalid: must be a whole number from "
        "1 to 1,000,000",
    ),
    "another reading": (
        set_("shipping.counting", "working-days"),
        "policy: settings.shipping.counting.value = 'working-days' is invalid: must be one of "
        "hours, calendar-days",
    ),
    "names that are no list": (
        set_("review.criteria", "legality"),
        "policy: settings.review.criteria.value = 'legality' is invalid: must be a list of names, "
        "none twice",
    ),
    "a name twice": (
        set_("people.channels", ["wechat", "app", "app"]),
        "policy: settings.people.channels.value = ['wechat', 'app', 'app'] is invalid: must be a "
        "list of names, none twice",
    ),
    "laxer than the article": (
        set_("shipping.limit", "73h"),
        "policy: settings.shipping.limit.value = '73h' is invalid: S19-11-1d says 3d; only a "
        "stricter value is taken",
    ),
    "fewer criteria than the article": (
        set_("review.criteria", ["legality"]),
        "policy: settings.review.criteria.value = ['legality'] is invalid: S19-09-3a says "
        "legality, authenticity, reasonableness; only a stricter value is taken",
    ),
    "hours where days are counted": (
        shop.policy({"shipping.counting": "calendar-days", "shipping.limit": "50h"}),
        "policy: settings.shipping.limit = '50h' is invalid: must be whole days when calendar "
        "days are counted",
    ),
    "the wrong clause": (
        put(f"{HOURS}/clause", "S19-10-2b"),
        "policy: settings.handover.limit.clause = 'S19-10-2b' is invalid: must be S19-10-2a",
    ),
    "no clause": (
        put(f"{HOURS}/clause", None),
        "policy: settings.handover.limit.clause = None is invalid: is missing",
    ),
    "no author": (
        put(f"{HOURS}/author", None),
        "policy: settings.handover.limit.author = None is invalid: is missing",
    ),
    "an empty author": (
        put(f"{HOURS}/author", ""),
        "policy: settings.handover.limit.author = '' is invalid: say who decided it",
    ),
    "a blank author": (
        put(f"{HOURS}/author", "  "),
        "policy: settings.handover.limit.author = '  ' is invalid: say who decided it",
    ),
    "no value": (
        put(f"{HOURS}/value", None),
        "policy: settings.handover.limit.value = None is invalid: is missing",
    ),
    "a value without a date": (
        put(f"{HOURS}/date", "yesterday"),
        f"policy: settings.handover.limit.date = 'yesterday' is invalid: {DATE}",
    ),
    "a rule that is off, and nobody answers for it": (
        put("enforce/shipping.paid-first", "off"),
        "policy: enforce.shipping.paid-first = 'off' is invalid: must be \"on\", or a table with "
        "mode, author, approver, reason, until",
    ),
    "a relaxation of another kind": (
        put("enforce/shipping.in-time", {"mode": "maybe"}),
        "policy: enforce.shipping.in-time.mode = 'maybe' is invalid: must be observe or off",
    ),
    "a relaxation that nobody has approved": (
        put("enforce/shipping.in-time", {"mode": "off", "author": "board"}),
        "policy: enforce.shipping.in-time.approver = None is invalid: is missing",
    ),
    "a relaxation that its author has approved": (
        put("enforce/shipping.in-time", RELAXED | {"approver": "board"}),
        "policy: enforce.shipping.in-time.approver = 'board' is invalid: nobody approves what "
        "they decided themselves",
    ),
    "a relaxation without an end": (
        put("enforce/shipping.in-time", {k: v for k, v in RELAXED.items() if k != "until"}),
        "policy: enforce.shipping.in-time.until = None is invalid: must be a date such as "
        "2026-01-01",
    ),
    "a prohibition that is off": (
        put("enforce/review.before-publish", RELAXED | {"mode": "off"}),
        "policy: enforce.review.before-publish.mode = 'off' is invalid: it serves a prohibition "
        "(S19-09-3b): it may be observed for a while, never off",
    ),
    "all rules said to be on": (
        put("enforce/*", "on"),
        "policy: enforce.* = 'on' is invalid: must be a table in the mode observe; rules are on "
        "without it, and are switched off by name only",
    ),
    "all rules off at once": (
        put("enforce/*", RELAXED | {"mode": "off"}),
        "policy: enforce.* = 'off' is invalid: must be a table in the mode observe; rules are on "
        "without it, and are switched off by name only",
    ),
    "all rules observed, approved by who decided it": (
        put("enforce/*", RELAXED | {"approver": "board"}),
        "policy: enforce.*.approver = 'board' is invalid: nobody approves what they decided "
        "themselves",
    ),
    "a rule that isn't there": (
        put("enforce/shipping.free", "on"),
        "policy: enforce.shipping.free = 'on' is invalid: there is no such rule",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_policy_is_refused_and_says_where_and_what_would_be_right(what: str) -> None:
    given, message = WRONG[what]
    with pytest.raises(PolicyError) as wrong:
        read(given)
    assert str(wrong.value) == message
    assert wrong.value.text.zh not in ("", message)
    assert re.search("[一-鿿]", wrong.value.text.zh)


def test_an_unknown_setting_is_told_which_settings_there_are() -> None:
    with pytest.raises(PolicyError) as wrong:
        read(put("settings/shipping.limits", {"value": "1d"}))
    assert str(wrong.value).startswith(
        "policy: settings.shipping.limits = {'value': '1d'} is invalid: is no setting; there are "
        "aftersales.answer-limit, aftersales.attempts, "
    )
    assert "没有此设置，可用的有：aftersales.answer-limit、" in wrong.value.text.zh


@pytest.mark.parametrize(
    "key",
    [k for k, setting in rulebook().settings.items() if setting.default is None],
)
def test_a_limit_that_the_host_has_not_set_refuses_to_start_and_names_the_clause(key: str) -> None:
    setting = rulebook().settings[key]
    with pytest.raises(PolicyError) as wrong:
        shop.open_mall(policy=put(f"settings/{key}", None, **NEW))
    assert str(wrong.value) == (
        "policy: the articles give no number, and the host has set none:"
        f"\n  {key} ({setting.clause}: {setting.label.en})"
    )
    assert f"{key}（{setting.clause}：{setting.label.zh}）" in wrong.value.text.zh


def test_all_unset_limits_are_named_at_once() -> None:
    with pytest.raises(PolicyError) as wrong:
        read(put("settings", {}, **NEW))
    unset = [s for s in rulebook().settings.values() if s.default is None]
    assert len(unset) >= 11
    for setting in unset:
        assert f"{setting.key} ({setting.clause}: " in str(wrong.value)


ADDED = [key for key, setting in rulebook().settings.items() if setting.added]


def test_a_policy_of_an_older_day_may_leave_unset_what_a_release_has_added_since() -> None:
    given = shop.policy()
    for key in ADDED:
        del given["settings"][key]
    policy = read(given)
    assert {setting.key for setting in policy.unset} == set(ADDED)
    off = policy.settings.unset
    assert {"payment.paid-in-time", "refunds.booked-in-time", "ordering.on-display"} <= off
    assert policy.settings.mode("payment.paid-in-time", 0) == "off"
    assert policy.settings.mode("shipping.in-time", 0) == "on"
    assert settings_of(policy.body, rulebook()).unset == off
    with shop.open_mall(policy=given) as mall:
        shop.place(mall)
        assert "payment.paid-in-time@1" not in {row.name for row in mall.clocks()}
    said = policy.gaps
    assert said is not None
    assert all(key in said.en and key in said.zh for key in ADDED)
    assert read(shop.POLICY).gaps is None


@pytest.mark.parametrize("key", ADDED)
def test_a_policy_of_a_newer_day_sets_what_was_added_or_takes_the_strictest_reading(
    key: str,
) -> None:
    setting = rulebook().settings[key]
    given = put(f"settings/{key}", None, **NEW)
    if setting.default is None:
        with pytest.raises(PolicyError, match=re.escape(key)):
            read(given)
    else:
        assert read(given).settings.values[key] == setting.choices[0]


def test_names_that_are_lists_are_no_names() -> None:
    with pytest.raises(PolicyError, match=r"review\.criteria\.value"):
        read(set_("review.criteria", [["legality"]]))


@pytest.mark.parametrize("name", ["", "质量", "a b"])
def test_a_criterion_that_no_review_could_name_is_refused(name: str) -> None:
    with pytest.raises(PolicyError, match=r"review\.criteria\.value"):
        read(set_("review.criteria", ["legality", "authenticity", "reasonableness", name]))


# Files


def test_a_file_that_is_not_there_is_told_from_a_wrong_one(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    with pytest.raises(FileUnreadable) as wrong:
        shop.open_mall(policy=path)
    assert str(wrong.value) == f"can't read {path}: No such file or directory"
    assert wrong.value.text.zh.startswith(f"无法读取政策文件 {path}")


def test_a_file_that_is_no_toml_says_where(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text("[pack\n", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"is not valid TOML: .*line 1") as wrong:
        read(path)
    assert f"{path} 不是有效的 TOML" in wrong.value.text.zh


def test_a_file_that_is_no_utf8_is_no_toml(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_bytes("title = '演示'".encode("gb18030"))
    with pytest.raises(PolicyError, match="is not valid TOML"):
        read(path)


def test_an_error_in_a_file_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text("[pack]\ndocument = 'S01'\n", encoding="utf-8")
    with pytest.raises(PolicyError) as wrong:
        read(str(path))
    assert str(wrong.value) == f"{path}: pack.document = 'S01' is invalid: only S19 is built"


def test_a_datetime_is_no_date(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    text = shop.POLICY.read_text(encoding="utf-8")
    path.write_text(
        text.replace("published = 2016-01-01", "published = 2016-01-01T00:00:00"),
        encoding="utf-8",
    )
    with pytest.raises(PolicyError, match=DATE):
        read(path)


# What is in force


def test_a_silent_policy_has_the_article_s_numbers_and_the_strictest_readings() -> None:
    settings = read(shop.POLICY).settings
    assert settings.values["shipping.limit"] == 72 * HOUR
    assert settings.values["shipping.counting"] == "hours"
    assert settings.values["review.criteria"] == ("legality", "authenticity", "reasonableness")
    assert settings.origin["shipping.limit"].author == "article"
    assert settings.origin["shipping.counting"].author == "reading"
    assert settings.origin["handover.limit"].author == "demo"
    assert settings.origin["handover.limit"].clause == "S19-10-2a"


@pytest.mark.parametrize("value", ["3d", "72h", "1h", "4320min"])
def test_what_is_as_strict_as_the_article_is_taken(value: str) -> None:
    settings = read(set_("shipping.limit", value)).settings
    assert settings.values["shipping.limit"] <= 3 * DAY
    assert settings.origin["shipping.limit"].author == "test"


def test_more_criteria_than_the_article_has_are_stricter() -> None:
    names = ["safety", "legality", "authenticity", "reasonableness"]
    assert read(set_("review.criteria", names)).settings.values["review.criteria"] == tuple(names)


def test_every_rule_may_be_said_to_be_on() -> None:
    book = rulebook()
    ids = [r.id for r in book.rules.values()] + [c.id for c in book.clocks.values()]
    assert read(put("enforce", dict.fromkeys(ids, "on"))).settings.pack == read(
        shop.POLICY
    ).settings.pack


def test_a_star_says_of_every_rule_and_clock_that_is_not_named_what_their_names_would() -> None:
    book = rulebook()
    ids = [r.id for r in book.rules.values()] + [c.id for c in book.clocks.values()]
    named = {"shipping.in-time": RELAXED | {"mode": "off"}, "shipping.paid-first": "on"}
    at_once = read(put("enforce", {"*": RELAXED} | named)).settings
    one_by_one = read(put("enforce", dict.fromkeys(ids, RELAXED) | named)).settings
    assert at_once.pack == one_by_one.pack
    assert at_once.relaxed == one_by_one.relaxed
    assert at_once.relaxed.keys() == set(ids) - {"shipping.paid-first"}


def test_a_policy_applies_from_midnight_in_its_zone() -> None:
    shanghai = read(shop.policy(published="2026-03-04")).settings
    assert moment(shanghai.published).isoformat() == "2026-03-03T16:00:00+00:00"
    utc = read(shop.policy(published="2026-03-04", zone="UTC")).settings
    assert moment(utc.published).isoformat() == "2026-03-04T00:00:00+00:00"


def test_what_is_based_on_the_demo_policy_says_so() -> None:
    notice = read(shop.POLICY).notice
    assert notice is not None
    assert "demo" in notice.en
    assert "演示政策" in notice.zh
    own = shop.policy()
    for value in own["settings"].values():
        value["author"] = "board"
    assert read(own).notice is None


def test_the_demo_policy_is_opened_by_name() -> None:
    with shop.open_mall(policy="pack:demo") as mall:
        assert mall.policy.row == read(shop.POLICY).row


# Versions

OTHER = {"duration": "5h", "count": 4, "names": ["another"]}


def other(setting: Setting) -> Any:
    """Return another value of a setting than the demo's."""
    if setting.type != "choice":
        return OTHER[setting.type]
    now = shop.policy()["settings"][setting.key]["value"]
    return next(choice for choice in setting.choices if choice != now)


def test_any_other_value_is_another_version_of_the_policy() -> None:
    before = read(shop.POLICY)
    keys = shop.policy()["settings"]
    others = {
        "pack/title": "another", "pack/published": "2016-01-02", "pack/zone": "UTC",
        "pack/department": "sales",
        **{f"settings/{key}/author": "x" for key in keys},
        **{f"settings/{key}/date": "2026-01-02" for key in keys},
        **{f"settings/{key}/value": other(rulebook().settings[key]) for key in keys},
    }
    for path, value in others.items():
        with shop.telling(path):
            assert read(put(path, value)).settings.pack != before.settings.pack


def test_the_same_policy_is_the_same_version_however_it_is_written(tmp_path: Path) -> None:
    text = shop.POLICY.read_text(encoding="utf-8")
    path = tmp_path / "p.toml"
    path.write_text("# a comment\n" + text.replace(" = ", "  =  "), encoding="utf-8")
    first = read(shop.POLICY).settings.pack
    assert read(path).settings.pack == read(shop.policy()).settings.pack == first


def test_a_kept_policy_reads_back_as_it_was() -> None:
    policy = read(
        shop.policy({"shipping.counting": "calendar-days", "review.criteria": [
            "legality", "authenticity", "reasonableness", "safety",
        ]})
    )
    kept = settings_of(policy.row.body, rulebook())
    assert replace(kept, origin={}) == replace(policy.settings, origin={})
    assert {key: value.value for key, value in kept.origin.items()} == kept.values
    assert set(cited(policy.row.body)) == set(rulebook().cited)


def test_a_kept_value_that_no_rule_reads_any_more_is_left() -> None:
    body = read(shop.POLICY).row.body.replace(b'"handover.limit"', b'"handover.gone"')
    assert "handover.gone" not in settings_of(body, rulebook()).values


# The template


def test_the_template_is_toml_in_which_no_limit_is_set() -> None:
    given = tomllib.loads(policy_template(rulebook()))
    assert set(given) == {"pack"}
    with pytest.raises(PolicyError, match="the host has set none"):
        read(given)


def test_the_template_shows_each_setting_beside_its_clause_as_a_suggestion() -> None:
    text = policy_template(rulebook())
    for key, setting in rulebook().settings.items():
        block = text[text.index(f'# [settings."{key}"]') :].split("\n\n")[0]
        assert f'# clause = "{setting.clause}"' in block
        assert setting.label.zh in text
        assert setting.label.en in text
        if setting.default is None:
            before = text[: text.index(block)].splitlines()[-1]
            assert "此为建议" in before
            assert "a suggestion of the library" in before


def test_the_template_is_a_policy_once_it_is_uncommented_and_signed() -> None:
    lines = []
    for line in policy_template(rulebook()).splitlines():
        if re.match(r'# (\[settings\.|value =|author =|date =|clause =)', line):
            lines.append(line[2:].replace('author = ""', 'author = "board"'))
        else:
            lines.append(line)
    policy = read(tomllib.loads("\n".join(lines)))
    assert set(policy.settings.origin) == set(rulebook().settings)
    assert {value.author for value in policy.settings.origin.values()} == {"board"}
    unsigned = "\n".join(lines).replace('"board"', '""', 1)
    with pytest.raises(PolicyError, match="say who decided it"):
        read(tomllib.loads(unsigned))


# Rules that records cite


class Extra:
    """A plugin with one rule more."""

    @hookimpl
    def eldermall_rules(self) -> Iterable[Rule]:
        return [
            Rule(
                id="shop.never-at-night",
                label=Text("夜间不发货", "nothing leaves at night"),
                clauses=("S19-14",),
                guards=Orders.ship.guard,
                needs=(AT,),
                check=lambda at: True,
                reason=Text("现在是夜间", "it is night"),
            )
        ]


def test_start_is_refused_while_an_open_record_cites_a_rule_that_is_not_installed(
    tmp_path: Path, time: shop.Time
) -> None:
    url = f"sqlite:///{tmp_path / 'mall.db'}"
    with shop.open_mall(url, time, plugins=[Extra()]) as mall:
        shop.staff(mall)
        shop.place(mall)
    with pytest.raises(SchemaError) as wrong:
        shop.open_mall(url, time)
    assert str(wrong.value) == (
        "open records cite rules or clocks that aren't installed: shop.never-at-night@1"
    )
    assert "未结束的记录引用了未安装的规则或时限：shop.never-at-night@1" in wrong.value.text.zh
    with shop.open_mall(url, time, plugins=[Extra()]) as mall:
        mall.orders.cancel("A1", reason="changed my mind", by=shop.CUSTOMER)
    with shop.open_mall(url, time) as mall:
        assert mall.orders.get("A1").goods == "cancelled"
        shop.place(mall, "A2")


def test_a_policy_that_was_in_force_for_no_open_record_hinders_nothing(
    tmp_path: Path, time: shop.Time
) -> None:
    url = f"sqlite:///{tmp_path / 'mall.db'}"
    with shop.open_mall(url, time) as mall:
        shop.staff(mall)
        shop.place(mall)
    shop.open_mall(url, time, plugins=[Extra()]).close()
    with shop.open_mall(url, time) as mall:
        assert mall.orders.get("A1").goods == "submitted"


def test_each_policy_in_force_is_kept_whole_and_once(tmp_path: Path, time: shop.Time) -> None:
    url = f"sqlite:///{tmp_path / 'mall.db'}"
    stricter = shop.policy({"shipping.limit": "1d"})
    for policy in (shop.POLICY, stricter, shop.POLICY, stricter):
        shop.open_mall(url, time, policy=policy).close()
    with shop.open_mall(url, time) as mall, mall.read() as tx:
        kept = {row.hash: row.body for row in tx.packs()}
    assert kept == {p.row.hash: p.row.body for p in (read(shop.POLICY), read(stricter))}


def entry_packs(mall: Mall) -> list[str]:
    return [entry["pack"] for entry in mall.journal("order", "A1")]


def test_every_entry_cites_the_policy_in_force_when_it_was_written(
    tmp_path: Path, time: shop.Time
) -> None:
    url = f"sqlite:///{tmp_path / 'mall.db'}"
    stricter = shop.policy({"shipping.limit": "1d"})
    with shop.open_mall(url, time) as mall:
        shop.staff(mall)
        shop.place(mall)
    with shop.open_mall(url, time, policy=stricter) as mall:
        shop.pay(mall)
        assert entry_packs(mall) == [
            read(shop.POLICY).settings.pack, read(stricter).settings.pack
        ]

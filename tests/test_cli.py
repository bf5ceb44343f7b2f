"""The command line: what each command prints in both languages, its JSON, its exit codes.

``tests/tables/machines.*.txt`` hold the printed tables, so that a change of a table shows as a
diff. To write them anew: ``ELDERMALL_REWRITE_TABLES=1 python -m pytest tests/test_cli.py``.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from eldermall import Mall, Text
from eldermall.cli import app
from eldermall.engine.sweep import Failed, Swept
from eldermall.mall import rulebook
from eldermall.rules.catalogue import clauses
from tests import shop

TABLES = Path(__file__).parent / "tables"
POLICY = str(shop.POLICY)
NOTICE = {
    "zh": "所用政策为演示政策（设定人 demo），其数值不代表任何公司的规定",
    "en": "based on the demo policy (author demo); its numbers are no company's rules",
}


def run(*arguments: str, **env: str) -> Result:
    quiet = {"LC_ALL": "", "LC_MESSAGES": "", "LANG": ""}
    return CliRunner().invoke(app, list(arguments), env=quiet | env)


def printed(*arguments: str, **env: str) -> str:
    result = run(*arguments, **env)
    assert result.exit_code == 0, result.output
    return result.stdout


def facts(*arguments: str) -> Any:
    return json.loads(printed(*arguments, "--json"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database and roots that a demo leaves behind."""
    folder = tmp_path_factory.mktemp("demo")
    printed("demo", "--out", str(folder))
    return folder


@pytest.fixture
def here(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a copy of the demo's database and roots."""
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect("foreign.db")) as file:
        file.execute("CREATE TABLE host (id)")
        file.commit()
    Path("nonsense.db").write_text("no database")
    Path("empty.jsonl").touch()
    Path("unset.toml").write_text('[pack]\ndocument = "S18"\n', encoding="utf-8")
    return tmp_path


# Machines


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_printed_tables_are_those_that_are_kept(lang: str) -> None:
    kept, text = TABLES / f"machines.{lang}.txt", printed("machines", "--lang", lang)
    if os.environ.get("ELDERMALL_REWRITE_TABLES"):
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(text, encoding="utf-8")
    assert text == kept.read_text(encoding="utf-8")


@pytest.mark.parametrize(("lang", "title"), [("zh", "回访"), ("en", "callback")])
def test_one_machine_is_printed_alone(lang: str, title: str) -> None:
    text = printed("machines", "callback", "--lang", lang)
    assert text.startswith(f"{title}  callback\n")
    assert text in (TABLES / f"machines.{lang}.txt").read_text(encoding="utf-8")


def test_the_rules_of_a_move_are_derived_from_what_rules_guard() -> None:
    (goods,) = facts("machines", "goods")["machines"]
    ship = next(t for t in goods["transitions"] if t["move"] == "ship")
    assert "shipping.paid-first@1" in ship["rules"]
    assert ship["from"] == ["accepted"]
    assert ship["to"] is None
    assert ship["by"] == ["merchant", "field_agent", "operations"]
    assert ship["event"] == "ParcelShipped"
    assert ship["label"] == {"zh": "发出包裹", "en": "ship a parcel"}
    leave = next(t for t in goods["transitions"] if t["move"] == "leave")
    assert leave["automatic"]


def test_every_machine_is_in_the_json() -> None:
    names = [machine["name"] for machine in facts("machines")["machines"]]
    assert names == list(rulebook().machines)


# Rules


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_rule_and_clock_is_printed_with_clauses_and_settings(lang: str) -> None:
    book, text = rulebook(), printed("rules", "--lang", lang)
    for name in book.cited:
        assert name in text
    for key in book.settings:
        assert key in text
    assert NOTICE[lang] not in text


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("zh", "S19-05b  S19第五条：被指定的人员要审核各环节产生的内容与信息。"),
        ("en", "S19-05b  S19 article 5: The designated persons must review the content and"),
    ],
    ids=["zh", "en"],
)
def test_a_clause_stands_with_its_article_and_our_paraphrase(lang: str, words: str) -> None:
    assert words in printed("rules", "--lang", lang)


@pytest.mark.parametrize(
    ("lang", "limit", "attempts"),
    [
        ("zh", "shipping.limit 付款后多久内须发货 = 3d（条文规定）", "= 3（demo 2026-01-01）"),
        (
            "en",
            "shipping.limit how soon after payment goods are shipped = 3d (the article's own)",
            "= 3 (demo 2026-01-01)",
        ),
    ],
    ids=["zh", "en"],
)
def test_with_a_policy_each_value_stands_with_who_set_it(
    lang: str, limit: str, attempts: str
) -> None:
    text = " ".join(printed("rules", "--policy", POLICY, "--lang", lang).split())
    assert limit in text
    assert attempts in text
    assert NOTICE[lang] in text


def test_the_policy_of_the_demo_is_named_as_a_pack(here: Path) -> None:
    assert facts("rules", "--policy", "pack:demo") == facts("rules", "--policy", POLICY)
    swept = facts("sweep", "sqlite:///mall.db", "--policy", "pack:demo")
    assert swept["notice"] == NOTICE


def test_rules_as_json_hold_clauses_guards_facts_settings_and_clocks() -> None:
    book, found = rulebook(), facts("rules", "--policy", POLICY)
    assert [r["rule"] for r in found["rules"]] == list(book.rules)
    assert [c["clock"] for c in found["clocks"]] == list(book.clocks)
    assert found["notice"] == NOTICE
    paid = next(r for r in found["rules"] if r["rule"] == "shipping.paid-first@1")
    clause = clauses()["S19-11-1d"]
    assert paid["clauses"] == [
        {
            "id": "S19-11-1d",
            "document": "S19",
            "article": "第十一条 1",
            "text": {"zh": clause.text.zh, "en": clause.text.en},
        }
    ]
    assert {"machine": "goods", "on": "move", "name": "ship"} in paid["guards"]
    assert paid["facts"][0]["name"] == "order.paid"
    clock = next(c for c in found["clocks"] if c["clock"] == "shipping.in-time@1")
    assert clock["limit"] == "shipping.limit"
    assert clock["told"] == ["merchant", "operations"]
    assert clock["ladder"] == [{"after": "notices.head-after", "who": ["department_head"]}]
    limit = next(s for s in clock["settings"] if s["key"] == "shipping.limit")
    assert limit["value"] == "3d"
    assert limit["author"] == "article"


# Verify


@pytest.mark.parametrize(
    ("lang", "anchored", "unanchored", "passed"),
    [
        ("zh", "已锚定：", "未锚定：", "✓ 核验通过"),
        ("en", "anchored: compared", "unanchored: not compared", "✓ passed"),
    ],
    ids=["zh", "en"],
)
def test_verify_says_what_it_compared_with(
    here: Path, lang: str, anchored: str, unanchored: str, passed: str
) -> None:
    with_root = printed(
        "verify", "sqlite:///mall.db", "--root", "roots.jsonl", "--lang", lang
    )
    assert f"\n{anchored}" in with_root
    assert passed in with_root
    without = printed("verify", "sqlite:///mall.db", "--lang", lang)
    assert f"\n{unanchored}" in without
    assert passed in without


def test_verify_as_json(here: Path) -> None:
    found = facts("verify", "sqlite:///mall.db", "--root", "roots.jsonl")
    assert found["mall"] == "main"
    assert found["passed"] is True
    assert found["anchored"] == 1
    assert found["findings"] == []
    assert found["entries"] == found["sealed"] > 100
    assert facts("verify", "sqlite:///mall.db")["anchored"] is None


def change_an_entry() -> None:
    with closing(sqlite3.connect("mall.db")) as file:
        where, key = "WHERE subject = ? AND seq = ?", ("order/A1", 2)
        (body,) = file.execute(f"SELECT body FROM eldermall_entries {where}", key).fetchone()
        changed = body.replace(b"26000", b"16000")
        assert changed != body
        file.execute(f"UPDATE eldermall_entries SET body = ? {where}", (changed, *key))
        file.commit()


@pytest.mark.parametrize(
    ("lang", "said", "summary"),
    [
        ("zh", "✗ order/A1 第 2 条记录不符：hash  entry", "核验未通过：发现 1 处问题"),
        ("en", "✗ entry 2 of order/A1 doesn't match: hash  entry", "not passed; findings: 1"),
    ],
    ids=["zh", "en"],
)
def test_verify_finds_a_changed_entry_and_exits_1(
    here: Path, lang: str, said: str, summary: str
) -> None:
    change_an_entry()
    result = run("verify", "sqlite:///mall.db", "--root", "roots.jsonl", "--lang", lang)
    assert result.exit_code == 1
    assert said in result.stdout
    assert summary in result.stdout
    found = run("verify", "sqlite:///mall.db", "--json")
    assert found.exit_code == 1
    assert json.loads(found.stdout)["findings"][0]["where"] == "order/A1#2"


def test_verify_finds_a_root_that_is_not_the_databases(here: Path) -> None:
    Path("roots.jsonl").write_bytes(b'{"mall":"main","number":1,"tree":""}\n')
    result = run("verify", "sqlite:///mall.db", "--root", "roots.jsonl", "--lang", "en")
    assert result.exit_code == 1
    assert "root 1 from outside isn't the one in the database" in result.stdout


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("zh", "尚有 1 条记录未封存：若从末尾截去，无法发现"),
        ("en", "entries not sealed yet: 1; cutting off their end would go unnoticed"),
    ],
    ids=["zh", "en"],
)
def test_verify_says_what_is_not_sealed_yet(here: Path, lang: str, words: str) -> None:
    with shop.open_mall("sqlite:///mall.db") as mall:
        mall.designations.appoint("messages", "chen", by=shop.LEADER)
    assert words in printed("verify", "sqlite:///mall.db", "--lang", lang)


# Sweep


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("zh", "已提醒 0，新超期 1，再次告知 0，失败 0"),
        ("en", "warned 0, breached 1, told again 0, failed 0"),
    ],
    ids=["zh", "en"],
)
def test_a_sweep_says_what_it_did_and_under_whose_numbers(
    here: Path, lang: str, words: str
) -> None:
    command = ("sweep", "sqlite:///mall.db", "--policy", POLICY, "--at", "2026-03-06T20:30+08:00")
    text = printed(*command, "--lang", lang)
    assert words in text
    assert NOTICE[lang] in text
    again = facts(*command)
    assert again == {
        "mall": "main", "notice": NOTICE, "warned": 0, "breached": 0, "repeated": 0, "failed": [],
    }


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_clock_that_failed_is_told_and_exits_1(
    here: Path, lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = Failed("order/A1", "x.y@1", "tea", Text("坏了", "it broke"))
    monkeypatch.setattr(Mall, "sweep", lambda self, now=None: Swept(failed=(failed,)))
    command = ("sweep", "sqlite:///mall.db", "--policy", POLICY)
    result = run(*command, "--lang", lang)
    assert result.exit_code == 1
    assert f"✗ order/A1 x.y@1 tea  {failed.why.in_('zh' if lang == 'zh' else 'en')}" in (
        result.stdout
    )
    as_json = run(*command, "--json")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["failed"] == [
        {
            "subject": "order/A1", "clock": "x.y@1", "part": "tea",
            "why": {"zh": "坏了", "en": "it broke"},
        }
    ]


# Init


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "zh",
            "已写入 mine.toml。注释掉的数值只是程序库的建议；请逐项设定，并写明设定人和日期。\n",
        ),
        (
            "en",
            "wrote mine.toml. The values commented out are suggestions of the library; set each, "
            "and sign it with author and date.\n",
        ),
    ],
    ids=["zh", "en"],
)
def test_init_writes_a_file_in_which_nothing_is_set(here: Path, lang: str, words: str) -> None:
    assert printed("init", "mine.toml", "--lang", lang) == words
    text = Path("mine.toml").read_text(encoding="utf-8")
    assert "settings" not in tomllib.loads(text)
    for key in rulebook().settings:
        assert f'# [settings."{key}"]' in text


def test_a_new_policy_file_is_refused_until_its_limits_are_set(here: Path) -> None:
    printed("init")
    result = run("rules", "--policy", "eldermall.toml", "--lang", "en")
    assert result.exit_code == 2
    assert "callback.attempts (S19-11-3a: " in result.stderr


def test_init_leaves_a_file_alone_that_is_there(here: Path) -> None:
    before = Path("unset.toml").read_bytes()
    assert run("init", "unset.toml").exit_code == 2
    assert Path("unset.toml").read_bytes() == before


# Languages


@pytest.mark.parametrize(
    ("env", "title"),
    [
        ({}, "callback"),
        ({"LANG": "zh_CN.UTF-8"}, "回访"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "callback"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_TW.UTF-8"}, "回访"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "zh_CN"}, "回访"),
        ({"LANG": "de_DE.UTF-8"}, "callback"),
    ],
)
def test_without_lang_the_environment_decides(env: dict[str, str], title: str) -> None:
    assert printed("machines", "callback", **env).startswith(f"{title}  callback")


# Bad input

NO_FILE = {
    "zh": "错误：数据库文件 none.db 不存在\n",
    "en": "error: there is no database file none.db\n",
}
BAD: list[tuple[list[str], str, str]] = [
    (
        ["machines", "nope"],
        "错误：没有状态机 nope，现有：" + "、".join(rulebook().machines) + "\n",
        "error: there is no machine nope; there are " + ", ".join(rulebook().machines) + "\n",
    ),
    (["verify", "sqlite:///none.db"], NO_FILE["zh"], NO_FILE["en"]),
    (["sweep", "sqlite:///none.db", "--policy", POLICY], NO_FILE["zh"], NO_FILE["en"]),
    (
        ["verify", "memory:"],
        "错误：memory: 不保存任何内容，请给出已有数据库的地址\n",
        "error: memory: keeps nothing; name a database that is there\n",
    ),
    (
        ["verify", "postgres:x"],
        "错误：没有存储插件认识 'postgres:x'，例如可用 sqlite:///mall.db 或 memory:\n",
        "error: no storage plugin knows 'postgres:x'; use for example sqlite:///mall.db or "
        "memory:\n",
    ),
    (
        ["verify", "sqlite:mall.db"],
        "错误：sqlite:mall.db 不是数据库地址，应写作 sqlite:///mall.db 或 "
        "postgresql://user:password@host:5432/database，密码中的 @ 写作 %40\n",
        "error: sqlite:mall.db is no URL of a database; write sqlite:///mall.db or "
        "postgresql://user:password@host:5432/database, with %40 for an @ in the password\n",
    ),
    (
        ["verify", "sqlite:///."],
        "错误：. 是文件夹，不是数据库\n",
        "error: . is a folder, no database\n",
    ),
    (
        ["verify", "sqlite:///nonsense.db"],
        "错误：数据库 nonsense.db 无法使用：文件已损坏，或不是数据库（file is not a database）\n",
        "error: the database nonsense.db can't be used: the file is damaged, or is no database "
        "(file is not a database)\n",
    ),
    (
        ["verify", "sqlite:///foreign.db"],
        "错误：foreign.db 中没有以 eldermall_ 为前缀的 eldermall 数据表\n",
        "error: foreign.db holds no tables of eldermall with the prefix eldermall_\n",
    ),
    (
        ["verify", "sqlite:///mall.db", "--prefix", "other_"],
        "错误：mall.db 中没有以 other_ 为前缀的 eldermall 数据表\n",
        "error: mall.db holds no tables of eldermall with the prefix other_\n",
    ),
    (
        ["verify", "sqlite:///mall.db", "--code", "other"],
        "错误：sqlite:///mall.db 中没有商城 other 的记录\n",
        "error: sqlite:///mall.db holds no entry of the mall other\n",
    ),
    (
        ["verify", "sqlite:///mall.db", "--code", "a b"],
        "错误：code 的值 'a b' 无效：编号须为 1 至 64 个字符，仅限 A-Z a-z 0-9 . _ : -\n",
        "error: code = 'a b' is invalid: an id is 1 to 64 of A-Z a-z 0-9 . _ : -\n",
    ),
    (
        ["verify", "sqlite:///mall.db", "--root", "empty.jsonl"],
        "错误：empty.jsonl 中没有封存根\n",
        "error: empty.jsonl holds no root\n",
    ),
    (
        ["sweep", "sqlite:///mall.db", "--policy", "none.toml"],
        "错误：无法读取政策文件 none.toml：No such file or directory\n",
        "error: can't read none.toml: No such file or directory\n",
    ),
    (
        ["sweep", "sqlite:///mall.db", "--policy", "unset.toml"],
        "错误：unset.toml：pack.document 的值 'S18' 无效：目前只支持 S19\n",
        "error: unset.toml: pack.document = 'S18' is invalid: only S19 is built\n",
    ),
    *(
        (
            ["sweep", "sqlite:///mall.db", "--policy", POLICY, "--at", at],
            f"错误：--at 的值 '{at}' 无效：须为带时区的时间，例如 2026-03-02T09:00+08:00\n",
            f"error: --at = '{at}' is invalid: must be a time with its zone, such as "
            "2026-03-02T09:00+08:00\n",
        )
        for at in ("yesterday", "2026-03-02T09:00")
    ),
    (
        ["init", "unset.toml"],
        "错误：unset.toml 已存在，未作改动；如要替换，请加 --force\n",
        "error: unset.toml is there already and was left as it is; --force replaces it\n",
    ),
    (
        ["init", "none/mine.toml"],
        "错误：无法写入 none/mine.toml：No such file or directory\n",
        "error: can't write none/mine.toml: No such file or directory\n",
    ),
    (
        ["demo", "--out", "."],
        "错误：mall.db 已存在，请换一个空的文件夹\n",
        "error: mall.db is there already; choose an empty folder\n",
    ),
    (
        ["demo", "--out", "mall.db"],
        "错误：无法使用文件夹 mall.db：File exists\n",
        "error: can't use mall.db: File exists\n",
    ),
    (
        ["demo", "--db", "sqlite:///foreign.db"],
        "错误：foreign.db 中没有以 eldermall_ 为前缀的 eldermall 数据表\n",
        "error: foreign.db holds no tables of eldermall with the prefix eldermall_\n",
    ),
    (
        ["demo", "--db", "sqlite:///mall.db"],
        "错误：sqlite:///mall.db 中已有商城 main 的记录，演示需要新的数据库\n",
        "error: sqlite:///mall.db holds a mall main already; the demo needs a new database\n",
    ),
]


@pytest.mark.parametrize(
    ("arguments", "zh", "en"), BAD, ids=[" ".join(a).replace(POLICY, "P") for a, _, _ in BAD]
)
def test_bad_input_exits_2_and_says_what_would_be_right(
    here: Path, arguments: list[str], zh: str, en: str
) -> None:
    for lang, words in (("zh", zh), ("en", en)):
        result = run(*arguments, "--lang", lang)
        assert (result.exit_code, result.stderr, result.stdout) == (2, words, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["machines", "--lang", "fr"],
        ["machines", "goods", "payment"],
        ["verify"],
        ["sweep", "sqlite:///mall.db"],
        ["demo", "--nope"],
    ],
    ids=" ".join,
)
def test_a_wrong_call_exits_2_without_a_traceback(here: Path, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_looking_never_makes_or_changes_a_database(here: Path) -> None:
    before = Path("foreign.db").read_bytes()
    for name in ("none.db", "foreign.db"):
        run("verify", f"sqlite:///{name}")
        run("sweep", f"sqlite:///{name}", "--policy", POLICY)
    run("demo", "--db", "sqlite:///foreign.db")
    assert not Path("none.db").exists()
    assert Path("foreign.db").read_bytes() == before


def test_a_stream_that_knows_no_chinese_shows_question_marks(here: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from eldermall.cli import main; main()", "machines", "callback"],
        env={**os.environ, "LC_ALL": "zh_CN.UTF-8", "PYTHONIOENCODING": "ascii"},
        capture_output=True, check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"??  callback\n")


def test_every_command_of_the_issue_is_there() -> None:
    names = {"demo", "audit", "machines", "rules", "verify", "sweep", "init"}
    assert names <= {info.callback.__name__ for info in app.registered_commands if info.callback}

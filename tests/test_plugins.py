"""Finding plugins, refusing the broken, tracing their calls; and that their order never matters."""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from eldermall import Mall, PluginError, Text, hookimpl
from eldermall.cli import app
from eldermall.contracts.events import CommittedEvent, RefundAnswer, RefundRequest
from eldermall.contracts.facts import WantedMove
from eldermall.engine.rule import AT, Rule, host_fact
from eldermall.loading import allowed, loaded
from eldermall.plugins import HookCall, Plugins
from eldermall.rooms.orders import Orders
from tests import shop

LISTENER = """
from eldermall import hookimpl

heard = []

@hookimpl
def eldermall_committed(event):
    heard.append(event.id)
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Yield what puts a distribution with plugins where Python finds it, as an installer does."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def make(name: str, version: str, points: Mapping[str, str], **modules: str) -> None:
        info = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        write(info / "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = "".join(f"{point} = {value}\n" for point, value in points.items())
        write(info / "entry_points.txt", f"[eldermall]\n{lines}")
        for module, text in modules.items():
            write(tmp_path / f"{module}.py", text)
        files = [f"{module}.py" for module in modules]
        write(info / "RECORD", "".join(f"{file},,\n" for file in files))

    yield make
    for module in set(sys.modules) - before:
        del sys.modules[module]


# Finding


@pytest.mark.parametrize("name", ["swift", "swift_post"])
def test_a_plugin_is_found_by_its_entry_point_and_by_its_module(
    install: Callable[..., None], name: str
) -> None:
    install("swift-post", "1.2", {"swift": "swift_post"}, swift_post=LISTENER)
    with shop.open_mall(plugins=[name]) as mall:
        shop.staff(mall)
        mall.relay()
    assert sys.modules["swift_post"].heard
    found = loaded(name)
    assert (found.name, found.distribution) == ("swift", ("swift-post", "1.2"))


def test_what_is_installed_is_not_loaded_unless_it_is_named(
    install: Callable[..., None],
) -> None:
    install("swift-post", "1.2", {"swift": "swift_post"}, swift_post="raise SystemExit('no')")
    with shop.open_mall():
        assert "swift_post" not in sys.modules


def test_an_entry_point_may_name_an_object(install: Callable[..., None]) -> None:
    text = """
    from eldermall import hookimpl

    class Post:
        @hookimpl
        def eldermall_courier(self, name):
            return None

    post = Post()
    """
    install("swift-post", "1.2", {"swift": "swift_post:post"}, swift_post=text)
    plugins = Plugins(["swift"])
    assert plugins.hooks_of(plugins.loaded[-1]) == ["eldermall_courier"]


def test_a_name_that_nobody_has_fails_and_says_what_there_is(
    install: Callable[..., None],
) -> None:
    install("swift-post", "1.2", {"swift": "swift_post"}, swift_post=LISTENER)
    with pytest.raises(PluginError) as wrong:
        Plugins(["swfit"])
    assert str(wrong.value).startswith("can't load the plugin swfit: ModuleNotFoundError")
    assert "swift (swift_post)" in str(wrong.value)
    assert wrong.value.text.zh.startswith("无法加载插件 swfit：")
    assert "已安装的插件：" in wrong.value.text.zh


def test_a_name_that_two_distributions_offer_fails_and_names_both(
    install: Callable[..., None],
) -> None:
    install("swift-post", "1.2", {"swift": "swift_post"}, swift_post=LISTENER)
    install("swift-too", "3", {"swift": "swift_too"}, swift_too=LISTENER)
    with pytest.raises(PluginError, match=r"offered more than once: swift \(swift_\w+\), swift"):
        Plugins(["swift"])
    Plugins(["swift_too"])


def test_a_plugin_is_one_file(tmp_path: Path) -> None:
    path = write(tmp_path / "my_ears.py", LISTENER)
    plugins = Plugins([str(path)])
    found = plugins.loaded[-1]
    assert (found.name, found.distribution) == ("my_ears", None)
    assert plugins.hooks_of(found) == ["eldermall_committed"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "FileNotFoundError"),
        ("def (", "SyntaxError"),
        ("raise KeyError('key')", "KeyError('key')"),
        ("from eldermall import Invalid, Text\nraise Invalid('x', 1, Text('错', 'bad'))",
         "x = 1 is invalid: bad"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_named(
    tmp_path: Path, text: str | None, why: str
) -> None:
    path = tmp_path / "mine.py"
    if text is not None:
        write(path, text)
    with pytest.raises(PluginError) as wrong:
        Plugins([str(path)])
    assert str(wrong.value).startswith(f"can't load the plugin {path}: ")
    assert why in str(wrong.value)


def test_plugins_are_given_as_a_list() -> None:
    with pytest.raises(Exception, match="must be a list of plugins"):
        shop.open_mall(plugins="swift")


@pytest.mark.parametrize(
    ("value", "names"),
    [("", ()), ("a", ("a",)), ("a, b.c:d ,", ("a", "b.c:d")), (None, ())],
)
def test_the_environment_names_plugins_for_commands(
    monkeypatch: pytest.MonkeyPatch, value: str | None, names: tuple[str, ...]
) -> None:
    monkeypatch.delenv("ELDERMALL_PLUGINS", raising=False)
    if value is not None:
        monkeypatch.setenv("ELDERMALL_PLUGINS", value)
    assert allowed() == names


# What is broken is refused when a mall is opened, and the distribution is named

@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("def eldermall_shipped(event): pass", "unknown hook 'eldermall_shipped'"),
        ("def eldermall_committed(evt): pass", "'evt'"),
        ("async def eldermall_committed(event): pass", "is async; hooks are synchronous"),
        ("async def eldermall_rules(): yield 1", "is async; hooks are synchronous"),
        ("def eldermall_rules(): raise KeyError('x')", "eldermall_rules failed: KeyError('x')"),
        ("def eldermall_rules():\n    yield 1\n    1/0", "failed: ZeroDivisionError"),
        ("def eldermall_kinds(): return ['x']", "eldermall_kinds brought 'x'"),
        ("def eldermall_rules(): return go()\nasync def go(): return []", "is async"),
        ("def eldermall_storage(url): return go()\nasync def go(): return 1", "is async"),
    ],
)
def test_a_broken_plugin_is_named_with_its_distribution_and_version(
    install: Callable[..., None], code: str, why: str
) -> None:
    text = f"from eldermall import hookimpl\n@hookimpl\n{code}\n"
    install("swift-post", "1.2", {"swift": "swift_post"}, swift_post=text)
    with pytest.raises(PluginError) as wrong:
        shop.open_mall(plugins=["swift"])
    assert str(wrong.value).startswith("plugin swift (swift-post 1.2): ")
    assert why in str(wrong.value)
    assert wrong.value.text.zh.startswith("插件 swift（swift-post 1.2）有误：")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("x = 1", "it has no hook; mark its methods with eldermall.hookimpl"),
        (
            "@hookimpl\ndef eldermall_root(root): pass\ndef eldermall_committed(event): pass",
            "eldermall_committed isn't marked with eldermall.hookimpl",
        ),
        (
            "@hookimpl(wrapper=True)\ndef eldermall_committed(event): yield",
            "eldermall_committed is a wrapper; there are none here",
        ),
    ],
)
def test_a_plugin_that_would_silently_do_nothing_is_refused(
    tmp_path: Path, code: str, why: str
) -> None:
    path = write(tmp_path / "mine.py", f"from eldermall import hookimpl\n{code}\n")
    with pytest.raises(PluginError, match=f"plugin mine: {why}"):
        Plugins([str(path)])


def test_a_class_is_no_plugin(tmp_path: Path) -> None:
    class Post:
        @hookimpl
        def eldermall_committed(self, event: CommittedEvent) -> None:
            """Hear nothing."""

    with pytest.raises(PluginError, match="hand over an object of the plugin Post, not the class"):
        Plugins([Post])


def test_a_coroutine_of_an_outbox_hook_is_tried_again_with_the_reason(tmp_path: Path) -> None:
    text = """
    from eldermall import hookimpl

    async def hear():
        pass

    @hookimpl
    def eldermall_committed(event):
        return hear()
    """
    with shop.open_mall(plugins=[str(write(tmp_path / "mine.py", text))]) as mall:
        shop.staff(mall)
        mall.relay()
        (reason,) = {message.reason for message in mall.messages()}
    assert "eldermall_committed is async" in reason


# Tracing


class Ears:
    """Hears of events, pays refunds."""

    @hookimpl
    def eldermall_committed(self, event: CommittedEvent) -> None:
        if event.name == "Cancelled":
            raise ConnectionError("13800000000 is busy")

    @hookimpl
    def eldermall_refund(self, request: RefundRequest) -> RefundAnswer:
        return RefundAnswer("accepted", "to card 6222")


def lively(mall: Mall) -> None:
    shop.staff(mall)
    shop.place(mall)
    shop.pay(mall)
    mall.orders.cancel("A1", reason="my son said so", by=shop.CUSTOMER)
    mall.relay()


def test_a_trace_hears_of_every_call_and_shows_no_values() -> None:
    calls: list[HookCall] = []
    with shop.open_mall(plugins=[Ears()], trace=calls.append) as mall:
        lively(mall)
    lines = [str(call) for call in calls]
    assert lines[:3] == [
        "eldermall_rules() eldermall.rules: "
        + next(c.answer for c in calls if c.hook == "eldermall_rules"),
        "eldermall_kinds() eldermall.rooms: 13 things",
        "eldermall_storage(url=memory:, prefix=eldermall_) eldermall.adapters.storage: "
        "MemoryStorage",
    ]
    assert any(
        re.fullmatch(
            r"eldermall_committed\(event=CommittedEvent\(id=main/order/A1#1\.0-[0-9a-f]{8}, "
            r"name=Placed, subject=order/A1\)\) Ears: None", line,
        )
        for line in lines
    )
    assert any(line.endswith("Ears: ConnectionError") for line in lines)
    (refund,) = [call for call in calls if call.hook == "eldermall_refund"]
    assert refund.answer == "RefundAnswer()"
    assert not any(word in " ".join(lines) for word in ("1380", "6222", "my son", "27000"))


def test_the_environment_traces_to_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ELDERMALL_TRACE", "1")
    with shop.open_mall("memory:"):
        assert "eldermall_storage(url=memory:" in capsys.readouterr().err
    monkeypatch.setenv("ELDERMALL_TRACE", "0")
    with shop.open_mall("memory:"):
        assert capsys.readouterr().err == ""


def test_a_trace_shows_no_password() -> None:
    calls: list[HookCall] = []
    url = "oracle://li:secret@host/mall"
    with pytest.raises(PluginError):
        shop.open_mall(url, trace=calls.append)
    assert calls[-1].given == "url=oracle://li:***@host/mall, prefix=eldermall_"


def test_a_trace_shows_the_names_of_facts_and_no_arguments() -> None:
    calls: list[HookCall] = []
    host = Knowing("a", 1)
    with shop.open_mall(plugins=[host], trace=calls.append) as mall:
        shop.staff(mall)
        shop.place(mall)
    (asked,) = [call for call in calls if call.hook == "eldermall_facts"]
    assert asked.given == "move=WantedMove(kind=order, move=place, id=A1)"
    assert asked.answer == "{house.a}"


# The order of plugins never matters


class Knowing:
    """Brings a rule with a fact of its own, and hears of what has happened."""

    def __init__(self, name: str, value: int) -> None:
        self.name = name
        self.value = value
        self.heard: list[str] = []

    @hookimpl
    def eldermall_rules(self) -> Iterable[Rule]:
        fact = host_fact(f"house.{self.name}", "number", Text("数", "number"))
        return [
            Rule(
                id=f"house.{self.name}",
                label=Text("为正", "positive"),
                clauses=("HOUSE-1",),
                guards=Orders.place.guard,
                needs=(fact, AT),
                check=lambda value, at: value > 0,
                reason=Text("{0} 不为正", "{0} is not positive"),
            )
        ]

    @hookimpl
    def eldermall_facts(self, move: WantedMove) -> Mapping[str, Any]:
        return {f"house.{self.name}": self.value}

    @hookimpl
    def eldermall_committed(self, event: CommittedEvent) -> None:
        self.heard.append(event.id)


@settings(max_examples=30)
@given(
    values=st.dictionaries(st.sampled_from("abcde"), st.integers(-3, 3), min_size=1),
    order=st.randoms(use_true_random=False),
)
def test_what_is_decided_and_told_is_the_same_in_whatever_order_plugins_are_handed_over(
    values: dict[str, int], order: Any
) -> None:
    outcomes = []
    names = list(values)
    for _ in range(2):
        plugins = [Knowing(name, values[name]) for name in names]
        with shop.open_mall(plugins=plugins) as mall:
            shop.staff(mall)
            decision = mall.may.orders.place(
                "A1", customer=shop.CUSTOMER.id, total=1, by=shop.CUSTOMER,
                lines=[{"id": "1", "listing": "tea", "quantity": 1, "amount": 1}],
            )
            assert decision.allowed == all(value > 0 for value in values.values())
            mall.relay()
            outcomes.append(
                (
                    decision.allowed, sorted(decision.rules), dict(decision.facts),
                    mall.policy.settings.pack,
                    {plugin.name: sorted(plugin.heard) for plugin in plugins},
                )
            )
        order.shuffle(names)
    assert outcomes[0] == outcomes[1]


# The command


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["plugins", *args])
    return result.exit_code, result.output


def test_the_command_prints_what_is_loaded_and_what_could_be(
    install: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = LISTENER + """
from eldermall.contracts.courier import CourierCapabilities
from eldermall.contracts.plugin import About

about = About({"courier": CourierCapabilities(push=True)}, ("courier kit 1.0",))
"""
    install("swift-post", "1.2", {"swift": "swift_post"}, swift_post=text)
    install("other", "3", {"other": "other_plugin"}, other_plugin=LISTENER)
    monkeypatch.setenv("ELDERMALL_PLUGINS", "swift")
    code, said = run("--json", "--plugin", "swift_post:nothing")
    facts = json.loads(said)
    assert code == 1
    assert [p["name"] for p in facts["plugins"] if p["built_in"]] == [
        "eldermall.rooms", "eldermall.rules", "eldermall.adapters.storage"
    ]
    (swift, broken) = [p for p in facts["plugins"] if not p["built_in"]]
    assert swift == {
        "name": "swift", "distribution": "swift-post", "version": "1.2", "built_in": False,
        "hooks": ["eldermall_committed"],
        "capabilities": {
            "courier": {
                "push": True, "urge": False, "phone": False, "location": False, "interval": 0,
            }
        },
        "conformance": ["courier kit 1.0"], "error": None,
    }
    assert broken["name"] == "swift_post:nothing"
    assert "swift_post" in broken["error"]["en"]
    others = [p for p in facts["not_loaded"] if p["distribution"] != "eldermall"]
    assert others == [
        {"name": "other", "module": "other_plugin", "distribution": "other", "version": "3"}
    ]


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ("built in", "hooks", "eldermall_committed", "capabilities", "installed, not load")),
        ("zh", ("内置", "钩子", "eldermall_committed", "能力", "已安装但未加载")),
    ],
)
def test_the_command_speaks_both_languages(
    install: Callable[..., None], lang: str, words: tuple[str, ...]
) -> None:
    install("swift-post", "1.2", {"swift": "swift_post"}, swift_post=LISTENER)
    install("other", "3", {"other": "other_plugin"}, other_plugin=LISTENER)
    code, said = run("--lang", lang, "--plugin", "swift")
    assert code == 0
    assert "swift  swift-post 1.2" in said
    assert [word for word in words if word not in said] == []


@pytest.mark.parametrize(("lang", "word"), [("en", "error"), ("zh", "错误")])
def test_the_command_says_what_is_wrong_with_a_plugin(
    tmp_path: Path, lang: str, word: str
) -> None:
    text = "from eldermall import hookimpl\n@hookimpl\ndef eldermall_rules(): return [1]\n"
    code, said = run("--lang", lang, "--plugin", str(write(tmp_path / "mine.py", text)))
    assert code == 1
    assert word in said
    assert "eldermall_rules" in said


def test_commands_load_the_plugins_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ELDERMALL_PLUGINS", str(shop.ROOT / "examples/plugins/host_rule.py"))
    result = CliRunner().invoke(app, ["rules", "--json"])
    assert result.exit_code == 0
    assert "house.within-family-limit@1" in [
        rule["rule"] for rule in json.loads(result.output)["rules"]
    ]

"""The documents say what the code does: signatures, settings, rules, links.

What follows the code is written by these tests: ``make tables``.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import textwrap
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from eldermall import errors, hooks
from eldermall.contracts import storage
from eldermall.engine.clock import Clock
from eldermall.engine.machine import always
from eldermall.engine.rule import Rule
from eldermall.engine.settings import Setting
from eldermall.mall import rulebook
from eldermall.rooms import ROOMS
from eldermall.rules import MODULES
from eldermall.rules.catalogue import clauses
from tests import records_page, shop

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(
    [
        *DOCS.glob("*.md"),
        *(ROOT / n for n in ("README.md", "README.zh.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    ]
)
BOOK = rulebook()

_FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]\n]+\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def named(path: Path) -> str:
    return path.name


def hook_heading(hook: Callable[..., object]) -> str:
    """Return the heading that a hook's section has: its real signature."""
    signature = str(inspect.signature(hook)).replace("'", "")
    return f"## `{hook.__name__}{signature}`"


def setting_row(setting: Setting) -> str:
    """Return the row that a setting has in the table of settings."""
    if setting.article is not None:
        shown = setting.article if isinstance(setting.article, str) else ", ".join(setting.article)
        which = f"article: {shown}; stricter only ({setting.stricter})"
    elif setting.choices:
        which = f"reading: {', '.join(setting.choices)}; the first unless you choose"
    else:
        which = f"you must set it; suggestion: {setting.suggestion}"
    means = f"{setting.label.zh} · {setting.label.en}"
    return f"| `{setting.key}` | {setting.clause} | {setting.type} | {which} | {means} |"


def rule_section(rule: Rule) -> str:
    """Return how a rule is described: its head, clauses, guards and facts."""
    guards = BOOK.guards[rule.name]
    moves = [f"`{g.machine}.{g.name}`" for g in guards if g.on == "move"]
    states = [f"`{g.machine}.{g.name}`" for g in guards if g.on == "enter"]
    lines = [
        f"### `{rule.id}`",
        "",
        f"{rule.label.zh} · {rule.label.en}",
        "",
        f"- clauses: {', '.join(rule.clauses)}",
    ]
    if moves:
        lines.append(f"- guards the moves: {', '.join(moves)}")
    if states:
        lines.append(f"- guards entering: {', '.join(states)}")
    lines.append(f"- facts: {', '.join(f'`{fact.name}`' for fact in rule.needs)}")
    return "\n".join(lines)


def clock_section(clock: Clock) -> str:
    """Return how a clock is described: its head, clauses, limit, start, stop, who hears."""
    reads = "".join(f", `{s.key}`" for s in clock.settings if s is not clock.limit)
    lines = [
        f"### `{clock.id}`",
        "",
        f"{clock.label.zh} · {clock.label.en}",
        "",
        f"- clauses: {', '.join(clock.clauses)}",
        f"- watches: {clock.kind}",
        f"- settings: `{clock.limit.key}`{reads}",
        f"- starts: {clock.starts.zh} · {clock.starts.en}",
        f"- stops: {clock.stops.zh} · {clock.stops.en}",
        f"- hears of a breach: {', '.join(clock.told)}",
    ]
    lines += [f"- hears of it later: {', '.join(rung.who)}" for rung in clock.ladder]
    if clock.on_breach is not None:
        lines.append(f"- move made at the breach: `{clock.on_breach}`")
    return "\n".join(lines)


def test_every_hook_has_a_section_headed_by_its_signature() -> None:
    specs = [
        value
        for name, value in vars(hooks).items()
        if name.startswith("eldermall_") and callable(value)
    ]
    headings = [f"## {h}" for h in _HEADING.findall(page("plugins.md")) if "`eldermall_" in h]
    assert headings == [hook_heading(spec) for spec in specs]


def test_the_table_of_hooks_is_the_one_in_the_code() -> None:
    rows = re.findall(r"^\| `(eldermall_\w+)` \| (\w+) \| (\w+) \| (.+) \|$", page("plugins.md"),
                      re.MULTILINE)
    assert rows == [
        (name, "yes" if hook.required else "no", hook.result, hook.failure)
        for name, hook in hooks.HOOKS.items()
    ]


def test_every_example_of_the_plugins_page_is_cut_from_a_plugin_that_is_tested() -> None:
    tested = [p.read_text("utf-8") for p in (ROOT / "examples" / "plugins").glob("*.py")]
    blocks = re.findall(r"^```python\n(.*?)^```$", page("plugins.md"), re.S | re.M)
    assert len(blocks) >= len(hooks.HOOKS)
    for block in blocks:
        inside = textwrap.indent(block, "    ")
        assert any(block in text or inside in text for text in tested), block


def test_every_hook_has_an_example_in_its_section() -> None:
    for name in hooks.HOOKS:
        with shop.telling(name):
            _, _, section = page("plugins.md").partition(f"## `{name}(")
            assert "```python" in section.partition("\n## ")[0]


def follows(name: str, written: Callable[[str], str]) -> None:
    """Compare a page with what it must be, once it was written anew if that is asked for."""
    path = DOCS / name
    if os.environ.get("ELDERMALL_REWRITE_TABLES"):
        path.write_text(written(page(name)), encoding="utf-8")
    assert page(name) == written(page(name)), f"make tables writes {name} anew"


def settings_page(text: str) -> str:
    """Return the page on policies as it must be: a row for each setting, in the code's order."""
    head, columns, table = text.partition("| setting | clause | type | kind and value |")
    _, blank, tail = table.partition("\n\n")
    rows = ["what it means |", "| --- | --- | --- | --- | --- |"]
    rows += [setting_row(setting) for setting in BOOK.settings.values()]
    return f"{head}{columns} {chr(10).join(rows)}{blank}{tail}"


_BLOCK = re.compile(r"### `(.+)`\n\n.+\n\n(?:- .*\n)*")


def rules_page(text: str) -> str:
    """Return the page of rules as it must be: each part with the blocks of its modules.

    What is written by hand stays: a part's head, and what follows a block, wherever that moves. A
    module that no part names gets one, with the module's own words for a head.
    """
    new = [part_head(module) for module in MODULES if file_of(module) not in text]
    split = re.split(r"^(?=## )", "\n".join([text, *new]), flags=re.MULTILINE)
    parts = [re.split(r"^(?=### )", part, flags=re.MULTILINE) for part in split]
    found = [_BLOCK.match(block) for _, *blocks in parts for block in blocks]
    by_hand = {block[1]: block.string[block.end() :] for block in found if block}
    pieces = []
    for head, *_ in parts:
        pieces.append(head)
        modules, _, _ = head.partition("Module")[2].partition("\n\n")
        for module in re.findall(r"`rules/(\w+)\.py`", modules):
            for id, section in sections(module):
                pieces += [section, by_hand.get(id, "")]
    return "\n\n".join(bare for piece in pieces if (bare := piece.strip("\n"))) + "\n"


def part_head(module: ModuleType) -> str:
    """Return the head of a module's part: its title, its source, and what was decided."""
    first, _, words = (inspect.getdoc(module) or "").partition("\n\n")
    title, _, source = first.partition(".   ")
    return f"## {title}\n\n{source} Module {file_of(module)}.\n\n{words}\n"


def file_of(module: ModuleType) -> str:
    """Return how a part names a module of rules."""
    return f"`rules/{module.__name__.rpartition('.')[2]}.py`"


def sections(module: str) -> Iterator[tuple[str, str]]:
    """Yield the rules and clocks of a module by id, each as it is described."""
    declared = importlib.import_module(f"eldermall.rules.{module}")
    yield from ((rule.id, rule_section(rule)) for rule in declared.RULES)
    yield from ((clock.id, clock_section(clock)) for clock in declared.CLOCKS)


def test_the_page_on_policies_has_a_row_for_every_setting() -> None:
    follows("policy.md", settings_page)
    rows = re.findall(r"^\| `([a-z.-]+)` \| S\d\d-", page("policy.md"), re.MULTILINE)
    assert rows == list(BOOK.settings)


def test_the_page_of_rules_describes_every_rule_and_clock_as_it_is() -> None:
    follows("rules.md", rules_page)
    described = re.findall(r"^### `([a-z.-]+)`$", page("rules.md"), re.MULTILINE)
    known = [*(r.id for r in BOOK.rules.values()), *(c.id for c in BOOK.clocks.values())]
    assert sorted(described) == sorted(known)


def test_what_is_written_by_hand_stays_where_blocks_are_written_anew() -> None:
    text = page("rules.md")
    _, gone, after = text.partition("### `shipping.paid-first`\n")
    block, then, _ = after.partition("### `shipping.exception-before-limit`\n")
    assert rules_page(text.replace(gone + block, "### `shipping.gone`\n\nA · B\n\n- x\n\n")) == text
    said = text.replace(then, f"By hand.\n\n- and a list\n\n{then}")
    assert rules_page(said) == said
    moved = said.replace(gone, "### `shipping.new`\n\nA · B\n\n- x\n\n" + gone)
    assert rules_page(moved.replace("- facts: `actor", "- facts: `someone")) == said


def test_a_module_of_rules_that_is_new_gets_a_part_with_its_own_words() -> None:
    text = page("rules.md").replace("`rules/review.py`", "by nobody")
    written = rules_page(text)
    assert "\n## Review before publish\n\nS19 article 9 (3)" in written.partition("by nobody")[2]
    assert "Module `rules/review.py`.\n\n" in written
    assert rules_page(written) == written


def test_only_clauses_of_the_catalogue_are_cited() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    assert set(re.findall(r"S\d\d-[0-9a-z-]*[0-9a-z]", text)) <= set(clauses())


@pytest.mark.parametrize(
    "protocol", [storage.Storage, storage.Transaction, storage.Lanes, storage.Many, storage.Joined],
    ids=lambda p: p.__name__
)
def test_every_call_of_the_storage_contract_is_described(protocol: type) -> None:
    calls = [name for name in vars(protocol) if not name.startswith("_")]
    text = page("storage.md")
    assert [name for name in calls if f"| `{name}" not in text] == []


def test_every_error_is_described_with_its_code() -> None:
    classes = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.EldermallError)
    ]
    text = page("embedding.md")
    assert [c.__name__ for c in classes if f"| `{c.__name__}` | `{c.code}` |" not in text] == []


def anchors(text: str) -> set[str]:
    bare = [re.sub(r"[^\w\s-]", "", h.lower()).strip() for h in _HEADING.findall(text)]
    return {re.sub(r"\s+", "-", heading) for heading in bare}


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_link_leads_somewhere(path: Path) -> None:
    broken = []
    for link in _LINK.findall(_FENCE.sub("", path.read_text(encoding="utf-8"))):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        target, _, anchor = link.partition("#")
        file = path if not target else (path.parent / target).resolve()
        if not file.exists() or (anchor and anchor not in anchors(file.read_text("utf-8"))):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_python_block_compiles(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for number, block in enumerate(re.findall(r"^```python\n(.*?)^```$", text, re.S | re.M)):
        compile(block, f"{path.name}:{number}", "exec")


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_toml_block_is_toml(path: Path) -> None:
    for block in re.findall(r"^```toml\n(.*?)^```$", path.read_text("utf-8"), re.S | re.M):
        tomllib.loads(block)


@pytest.mark.parametrize("name", ["README.md", "README.zh.md", "docs/architecture.md"])
def test_a_map_of_the_tree_names_files_that_there_are(name: str) -> None:
    blocks = re.findall(r"^```text\n(.*?)^```$", (ROOT / name).read_text("utf-8"), re.S | re.M)
    (tree,) = (block for block in blocks if "adapters/" in block)
    there = {path.name for path in (ROOT / "src").rglob("*")}
    assert set(re.findall(r"[a-z_-]+\.(?:py|toml)\b", tree)) <= there
    top = {p.name for p in (ROOT / "src" / "eldermall").iterdir() if not p.name.startswith("__")}
    if name == "docs/architecture.md":
        assert {n for n in top if n.removesuffix(".py") not in tree} == {"py.typed"}


def test_the_layers_are_those_of_the_import_contract() -> None:
    given = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    _, *layers = given["contracts"][0]["layers"]
    assert "```text\n" + "\n".join(layers) + "\n```" in page("architecture.md")


def test_every_page_is_in_the_contents() -> None:
    nav = re.findall(r"^  - .*?([\w.-]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.M)
    assert sorted(nav) == sorted(p.name for p in DOCS.glob("*.md"))


def commands_page() -> str:
    """Return what docs/commands.md must say: every command with its arguments."""
    lines = [
        "# Commands", "",
        "Every command of every room, with its arguments, as its docstring says. On `mall` a",
        "command moves something and returns the record; on `mall.may` it returns the Decision.",
        "All take `at` (when it happened), `key` (an idempotency key), `expect` (the version that",
        "the record must have), `late_reason` (why it is entered further back than anybody may).",
        "`by` is a `person(...)` or `system(...)`.",
    ]
    for place, room in ROOMS.items():
        name = f"mall.{place}"
        lines += ["", f"## {name}"]
        for command, declared in room.COMMANDS.items():
            shown = inspect.Signature(
                [
                    parameter.replace(annotation=inspect.Parameter.empty)
                    for parameter in declared.parameters.signature.parameters.values()
                    if parameter.name != "options"
                ]
            )
            summary, _, rest = (inspect.getdoc(declared) or "").partition("\n\n")
            lines += ["", f"### `{name}.{command}{shown}`", "", summary, ""]
            described = rest.partition("Args:\n")[2].partition("\n\n")[0]
            for line in textwrap.dedent(described).splitlines():
                argument, colon, text = line.partition(": ")
                if line.startswith(" "):
                    lines[-1] += " " + line.strip()
                elif colon:
                    lines.append(f"- `{argument}`: {text}")
    return "\n".join(lines) + "\n"


def embedding_page(text: str) -> str:
    """Return the page on embedding as it must be: its table names every command of every room.

    Those that only one of several tracks has stand in a row of its own.
    """
    rows = []
    for place, room in ROOMS.items():
        apart = {m.name for m in room.KIND.machines if m.applies is not always}
        of = {name: {g.machine for g in declared.guard} for name, declared in room.COMMANDS.items()}
        heads = {f"`mall.{place}`": [n for n in of if not (len(of[n]) == 1 and of[n] <= apart)]}
        heads |= {f"of {track}": [n for n in of if of[n] == {track}] for track in sorted(apart)}
        rows += [
            f"| {head} | {', '.join(f'`{name}`' for name in names)} |"
            for head, names in heads.items()
        ]
    head, table, rest = text.partition("| room | commands |\n| --- | --- |\n")
    return "".join((head, table, "\n".join(rows), "\n\n", rest.partition("\n\n")[2]))


def test_the_page_on_embedding_names_every_command_of_every_room() -> None:
    follows("embedding.md", embedding_page)


def test_every_argument_of_every_command_is_described() -> None:
    for room in ROOMS.values():
        for name, declared in room.COMMANDS.items():
            _, _, words = (inspect.getdoc(declared) or "").partition("Args:\n")
            described = re.findall(r"^    (\w+): ", words.partition("\n\n")[0], re.MULTILINE)
            arguments = [n for n in declared.parameters.signature.parameters if n != "options"]
            assert sorted(described) == sorted(arguments), f"{room.kind}.{name}"


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    follows("commands.md", lambda _: commands_page())


# Records


def test_every_field_of_every_record_is_said_in_words_and_no_other() -> None:
    assert records_page.unsaid() == []


def test_the_page_of_records_is_what_the_models_say() -> None:
    follows("records.md", lambda _: records_page.page())

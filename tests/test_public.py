"""What anybody may rely on: public names, hooks, citations, and words for everything."""

from __future__ import annotations

import ast
import importlib
import inspect
import pickle
import pkgutil
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest

import eldermall
from eldermall import errors, hooks, rules
from eldermall.adapters.storage.urls import shown_url
from eldermall.engine.actor import ROLE_LABELS
from eldermall.engine.clock import Clock
from eldermall.engine.rule import Rule
from eldermall.mall import rulebook
from eldermall.rooms import ROOMS
from eldermall.rules.catalogue import clauses
from eldermall.texts import Text
from tests import shop

BOOK = rulebook()
RULES_AND_CLOCKS: list[Rule | Clock] = [*BOOK.rules.values(), *BOOK.clocks.values()]
UNCITED = shop.ROOT / "tests" / "tables" / "uncited.txt"
REASONS = ("not built", "record", "human")
HAN = re.compile("[一-鿿]")


def spoken(text: Text) -> None:
    """Check that something is said in Chinese and in English."""
    assert HAN.search(text.zh), text
    assert text.en
    assert not HAN.search(text.en), text
    assert text.zh == text.zh.strip()
    assert text.en == text.en.strip()


# Names


def test_the_public_names_are_these_in_order_and_each_resolves() -> None:
    assert eldermall.__all__ == sorted(eldermall.__all__)
    assert set(eldermall.__all__) == set(eldermall._HOME)
    assert dir(eldermall) == eldermall.__all__
    for name in eldermall.__all__:
        thing = getattr(eldermall, name)
        assert thing is getattr(
            importlib.import_module(f"eldermall.{eldermall._HOME[name]}"), name
        )


def test_the_names_for_type_checkers_are_the_public_ones() -> None:
    tree = ast.parse(Path(eldermall.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    shown = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if (node.module or "").startswith("eldermall")
    }
    assert shown == {name: f"eldermall.{home}" for name, home in eldermall._HOME.items()}


def test_there_are_no_other_public_names() -> None:
    with pytest.raises(AttributeError, match="module 'eldermall' has no attribute 'Shop'"):
        _ = eldermall.Shop


def needed(hint: Any) -> Iterator[type]:
    """Yield the classes of ours of which a value must be made, with no plain data instead."""
    if get_origin(hint) in (Union, UnionType) and any(
        get_origin(other) is Mapping for other in get_args(hint)
    ):
        return
    if isinstance(hint, type) and hint.__module__.startswith("eldermall."):
        yield hint
    for inside in get_args(hint):
        yield from needed(inside)


def test_what_commands_take_and_only_we_can_make_has_a_public_name() -> None:
    taken = {
        thing
        for room in ROOMS.values()
        for command in room.COMMANDS.values()
        for parameter in command.parameters.signature.parameters.values()
        if parameter.name != "options"
        for thing in needed(parameter.annotation)
    }
    assert taken == {eldermall.Actor, eldermall.TrackingEvent}


def modules() -> Iterator[Any]:
    for found in pkgutil.walk_packages(eldermall.__path__, "eldermall."):
        if "migrations" not in found.name and not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def test_every_public_class_and_function_says_what_it_does() -> None:
    for module in modules():
        with shop.telling(module.__name__):
            assert module.__doc__
            for name, thing in vars(module).items():
                own = getattr(thing, "__module__", None) == module.__name__
                if name.startswith("_") or not own or not callable(thing):
                    continue
                if not isinstance(thing, type):
                    if inspect.isfunction(thing):
                        assert thing.__doc__, f"{module.__name__}.{name}"
                    continue
                assert thing.__doc__, f"{module.__name__}.{name}"
                # a class made by @dataclass without words has its signature for a docstring
                assert not thing.__doc__.startswith(f"{name}("), f"{module.__name__}.{name}"
                for method_name, method in vars(thing).items():
                    function = method.fget if isinstance(method, property) else method
                    if method_name.startswith("_") or not inspect.isfunction(function):
                        continue
                    if function.__name__ != "<lambda>":
                        assert inspect.getdoc(function), f"{module.__name__}.{name}.{method_name}"


# Hooks


def specs() -> dict[str, Any]:
    return {
        name: thing
        for name, thing in vars(hooks).items()
        if name.startswith("eldermall_") and inspect.isfunction(thing)
    }


def test_every_hook_is_in_the_table_with_what_its_failure_does() -> None:
    assert list(hooks.HOOKS) == list(specs())
    for name, hook in hooks.HOOKS.items():
        first = getattr(specs()[name], "eldermall_spec")["firstresult"]  # noqa: B009
        assert (hook.result == "first") is bool(first), name
        assert (hook.result == "each") is (name in hooks.EACH.values()), name
        assert hook.failure


def test_every_hook_takes_typed_arguments_and_has_one_sentence() -> None:
    for name, spec in specs().items():
        signature = inspect.signature(spec)
        assert signature.return_annotation is not inspect.Signature.empty, name
        for argument in signature.parameters.values():
            assert argument.annotation is not inspect.Parameter.empty, name
        assert re.fullmatch(r"[A-Z].*\.", spec.__doc__.strip()), name


def test_every_hook_has_a_test_of_its_name() -> None:
    source = (shop.ROOT / "tests" / "test_hooks.py").read_text(encoding="utf-8")
    for name in specs():
        assert f"def test_hook_{name.removeprefix('eldermall_')}(" in source


# Citations


def test_no_two_rules_or_clocks_share_id_and_version() -> None:
    names = [thing.name for thing in RULES_AND_CLOCKS]
    assert len(set(names)) == len(names)


def test_every_clause_that_is_cited_is_in_the_catalogue() -> None:
    for thing in RULES_AND_CLOCKS:
        with shop.telling(thing.name):
            cited = [*thing.clauses, *(setting.clause for setting in thing.settings)]
            assert cited
            for clause in cited:
                assert clause in clauses(), clause


def uncited() -> dict[str, str]:
    kept = {}
    for line in UNCITED.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            clause, reason = line.split(maxsplit=1)
            kept[clause] = reason
    return kept


def test_every_clause_of_the_catalogue_is_cited_or_listed_with_a_reason() -> None:
    cited = {c for thing in RULES_AND_CLOCKS for c in thing.clauses}
    cited |= {setting.clause for setting in BOOK.settings.values()}
    kept = uncited()
    assert set(clauses()) - cited == set(kept)
    assert list(kept) == sorted(kept)
    for clause, reason in kept.items():
        kind, _, words = reason.partition(": ")
        assert kind in REASONS, clause
        assert words, clause


def test_every_clause_has_its_place_and_a_paraphrase_in_both_languages() -> None:
    for clause in clauses().values():
        with shop.telling(clause.id):
            spoken(clause.text)
            assert clause.id.startswith(f"{clause.document}-")
            assert clause.article
            assert re.fullmatch(r"C\d\d", clause.capability)
            assert clause.kind in (
                "obligation", "prohibition", "permission", "deadline", "procedure", "definition",
                "statement",
            )


# Words


def test_every_rule_has_a_label_a_reason_and_named_facts_in_both_languages() -> None:
    for rule in BOOK.rules.values():
        with shop.telling(rule.name):
            assert re.fullmatch(r"[a-z]+\.[a-z-]+", rule.id)
            spoken(rule.label)
            spoken(rule.reason)
            for fact in rule.needs:
                spoken(fact.label)
            given_ = ["x"] * len(rule.needs)
            spoken(rule.reason_for(given_))


def test_every_clock_says_what_it_asks_and_what_starts_and_stops_it() -> None:
    for clock in BOOK.clocks.values():
        with shop.telling(clock.name):
            assert re.fullmatch(r"[a-z]+\.[a-z-]+", clock.id)
            for text in (clock.label, clock.starts, clock.stops):
                spoken(text)
            assert clock.told
            assert set(clock.told) <= set(ROLE_LABELS)
            for rung in clock.ladder:
                assert set(rung.who) <= set(ROLE_LABELS)


def test_every_setting_is_an_article_s_number_a_reading_or_the_host_s_with_a_suggestion() -> None:
    for setting in BOOK.settings.values():
        with shop.telling(setting.key):
            spoken(setting.label)
            article, suggestion = setting.article is not None, setting.suggestion is not None
            assert [article, bool(setting.choices), suggestion].count(True) == 1
            assert (setting.stricter is not None) == article
            if suggestion:
                setting.parse(setting.suggestion, setting.key)


def test_every_state_and_move_has_a_label_in_both_languages_and_an_event() -> None:
    for machine in BOOK.machines.values():
        with shop.telling(machine.name):
            spoken(machine.label)
            for state in machine.states:
                spoken(state.label)
            for move in machine.transitions:
                spoken(move.label)
                assert re.fullmatch(r"([A-Z][a-z]+)+", move.event)


def test_every_kind_and_role_has_a_name_in_both_languages() -> None:
    for kind in BOOK.kinds.values():
        spoken(kind.label)
    for label in ROLE_LABELS.values():
        spoken(label)


@pytest.mark.parametrize(
    "module", [m.name for m in pkgutil.iter_modules(rules.__path__) if m.name != "catalogue"]
)
def test_every_rule_module_opens_with_what_the_articles_ask(module: str) -> None:
    doc = importlib.import_module(f"eldermall.rules.{module}").__doc__
    assert doc is not None
    source = re.match(r"[A-Z][^.]+\.   (S\d\d (?:article|chapter) \d+)", doc)
    assert source is not None
    if module != "notices":
        assert "Decided where the text" in " ".join(doc.split())
        tests = importlib.import_module(f"tests.rules.test_{module}").__doc__
        assert tests is not None
        assert source[1] in tests


@pytest.mark.parametrize(
    "error",
    [
        errors.Invalid("a.b", 7, Text("须为文字", "must be a text")),
        errors.Overtaken(Text("他人在先", "somebody was first"), retry="transaction"),
        errors.StorageError(Text("无法使用", "can't be used")),
    ],
    ids=lambda error: error.code,
)
def test_an_error_goes_from_process_to_process_as_it_is(error: errors.EldermallError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://li:secret@host/mall", "postgresql://li:***@host/mall"),
        ("mariadb://:secret@/mall?unix_socket=/run", "mariadb://:***@/mall?unix_socket=%2Frun"),
        ("sqlite:///a:b@c.db", "sqlite:///a:b@c.db"),
        ("memory:", "memory:"),
    ],
)
def test_no_message_shows_a_password(url: str, shown: str) -> None:
    assert shown_url(url) == shown

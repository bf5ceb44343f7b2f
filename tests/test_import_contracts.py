"""Import contracts: each names modules that are there, and each is broken by what it forbids.

The linter calls a contract kept if its patterns match no module, or if the package from outside
that it forbids is misspelt. So this reads the contracts as they stand and asks them themselves.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from fnmatch import fnmatch
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
from grimp import ImportGraph, build_graph
from importlinter.api import read_configuration
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.independence import IndependenceContract
from importlinter.contracts.layers import LayersContract

ROOT = Path(__file__).parents[1]
READ = read_configuration(str(ROOT / "pyproject.toml"))
SESSION, CONTRACTS = READ["session_options"], READ["contracts_options"]
EXHAUSTIVE = [contract for contract in CONTRACTS if contract.get("exhaustive")]

each_contract = pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: c["name"])

TYPES: dict[str, Any] = {
    "forbidden": ForbiddenContract,
    "independence": IndependenceContract,
    "layers": LayersContract,
}
NAMING = ("source_modules", "forbidden_modules", "modules", "containers")


@pytest.fixture(scope="module")
def graph() -> ImportGraph:
    return build_graph(
        *SESSION["root_packages"],
        include_external_packages=bool(SESSION["include_external_packages"]),
        exclude_type_checking_imports=bool(SESSION["exclude_type_checking_imports"]),
        cache_dir=None,
    )


def layers_of(contract: Mapping[str, Any], container: str = "") -> list[list[str]]:
    """Return the modules of each layer, the highest first, below a container if it is given."""
    before = f"{container}." if container else ""
    return [
        [before + name.strip(" ()") for name in re.split("[|:]", layer)]
        for layer in contract["layers"]
    ]


def patterns(contract: Mapping[str, Any]) -> Iterator[str]:
    """Yield every module, and every pattern of modules, that a contract names."""
    for key in NAMING:
        yield from contract.get(key, ())
    if contract["type"] == "layers":
        for container in contract.get("containers", [""]):
            for layer in layers_of(contract, container):
                yield from layer


def matching(graph: ImportGraph, pattern: str) -> list[str]:
    if "*" in pattern:
        return sorted(graph.find_matching_modules(pattern))
    return [pattern] if pattern in graph.modules else []


def unmatched(graph: ImportGraph, contract: Mapping[str, Any]) -> list[str]:
    return [pattern for pattern in patterns(contract) if not matching(graph, pattern)]


def kept(contract: Mapping[str, Any], graph: ImportGraph) -> bool:
    made = TYPES[contract["type"]](contract["name"], SESSION, dict(contract))
    return bool(made.check(graph, verbose=False).kept)


def apart(one: str, other: str) -> bool:
    """Say whether neither module lies in the other."""
    return not f"{one}.".startswith(f"{other}.") and not f"{other}.".startswith(f"{one}.")


def excused(contract: Mapping[str, Any], importer: str, imported: str) -> bool:
    """Say whether a contract leaves an import out of account."""
    left_out = [pattern.split(" -> ") for pattern in contract.get("ignore_imports", [])]
    return any(fnmatch(importer, a) and fnmatch(imported, b) for a, b in left_out)


def forbidden_imports(
    contract: Mapping[str, Any], graph: ImportGraph
) -> Iterable[tuple[str, str]]:
    """Yield imports that a contract forbids: one at least for each pattern that it names."""
    if contract["type"] == "forbidden":
        for source, target in product(contract["source_modules"], contract["forbidden_modules"]):
            pairs = product(matching(graph, source), matching(graph, target))
            yield next(pair for pair in pairs if apart(*pair))
    elif contract["type"] == "independence":
        modules = [name for p in contract["modules"] for name in matching(graph, p)]
        for one in modules:
            others = ((one, other) for other in modules if other != one)
            yield next(pair for pair in others if not excused(contract, *pair))
    else:
        for pattern in contract.get("containers", [""]):
            for container in matching(graph, pattern) or [pattern]:
                layers = layers_of(contract, container)
                for higher, lower in pairwise(layers):
                    yield from product(lower, higher)
                for layer, written in zip(layers, contract["layers"], strict=True):
                    if "|" in written:
                        yield from zip(layer, [*layer[1:], layer[0]], strict=True)


@each_contract
def test_every_module_that_a_contract_names_is_there(
    contract: Mapping[str, Any], graph: ImportGraph
) -> None:
    assert unmatched(graph, contract) == []


@pytest.mark.parametrize(
    "lost", ["eldermall.*.nothing", "eldermall.engine.**.nothing", "eldermall.nothing", "sqlalchem"]
)
def test_a_pattern_that_matches_nothing_is_noticed(lost: str, graph: ImportGraph) -> None:
    forbidden = {"source_modules": ["eldermall.rules"], "forbidden_modules": ["rich", lost]}
    assert unmatched(graph, {"type": "forbidden", **forbidden}) == [lost]
    assert unmatched(graph, {"type": "layers", "layers": ["eldermall.cli", lost]}) == [lost]


@each_contract
def test_a_contract_is_kept_and_every_import_that_it_forbids_breaks_it(
    contract: Mapping[str, Any], graph: ImportGraph
) -> None:
    assert kept(contract, deepcopy(graph))
    unnoticed = []
    planted = list(forbidden_imports(contract, graph))
    for importer, imported in planted:
        broken = deepcopy(graph)
        broken.add_import(importer=importer, imported=imported)
        if kept(contract, broken):
            unnoticed.append((importer, imported))
    assert planted
    assert unnoticed == []


def test_a_new_module_has_to_be_given_its_layer(graph: ImportGraph) -> None:
    containers = [(c, name) for c in EXHAUSTIVE for name in c["containers"]]
    assert "eldermall" in [name for _, name in containers]
    for contract, pattern in containers:
        for container in matching(graph, pattern):
            grown = deepcopy(graph)
            grown.add_module(f"{container}.planted")
            assert not kept(contract, grown)


def test_the_command_that_checks_fails_where_an_import_is_forbidden(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "src/eldermall/texts.py").open("a", encoding="utf-8") as file:
        file.write("\nimport eldermall.cli\n")
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path / "src")},
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 1
    assert "eldermall.texts -> eldermall.cli" in done.stdout

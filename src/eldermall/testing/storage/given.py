"""The cases that pytest runs on what ``--eldermall-conformance=MODULE[:NAME]`` gives."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, cast

import pytest

from eldermall.testing.storage import StorageBackend, StorageConformance

DEFAULT = "conformance"


def check(given: str) -> Any:
    """Return the object or function that ``given`` names.

    Raises:
        pytest.UsageError: there is none.
    """
    module, _, name = given.partition(":")
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise pytest.UsageError(
            f"--eldermall-conformance: {module} can't be imported ({error}); `python -m pytest` "
            f"looks in the current folder too / 无法导入 {module}（{error}）；"
            "`python -m pytest` 会同时在当前目录中查找"
        ) from error
    thing = getattr(found, name or DEFAULT, None)
    if thing is None:
        raise pytest.UsageError(
            f"--eldermall-conformance: {module} has no {name or DEFAULT} / "
            f"{module} 中没有 {name or DEFAULT}"
        )
    if not (hasattr(thing, "fresh") or callable(thing)):
        raise pytest.UsageError(
            f"--eldermall-conformance: {given} is neither a StorageBackend nor a function of a "
            f"folder that returns one / {given} 既不是 StorageBackend，"
            "也不是接收目录并返回 StorageBackend 的函数"
        )
    return thing


class TestStorage(StorageConformance):
    """The kit on the storage that was named."""

    @pytest.fixture
    def backend(self, request: pytest.FixtureRequest, tmp_path: Path) -> StorageBackend:
        """Return the backend that was named, or what the function gives for an empty folder."""
        thing = check(request.config.getoption("eldermall_conformance"))
        return cast(StorageBackend, thing if hasattr(thing, "fresh") else thing(tmp_path))

"""The fixtures of every case: a storage on an empty database, and another beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

import pytest

from eldermall.contracts.storage import Storage, StorageCapabilities
from eldermall.testing.case import KIT, case_of, cases_of
from eldermall.testing.storage.backend import StorageBackend
from eldermall.testing.storage.rows import KINDS


class StorageCases:
    """What the cases of a storage share. A subclass has the fixture ``backend``."""

    conformance_examples = 50
    """How many histories the model is compared over."""

    conformance_steps = 50
    """The most calls in one of them."""

    conformance_shrink = True
    """Whether a history that fails is made as short as can be."""

    @pytest.fixture
    def backend(self) -> StorageBackend:
        """Return what gives the storage to test: to be overridden."""
        raise NotImplementedError("override the fixture `backend`; see docs/conformance.md")

    @pytest.fixture(autouse=True)
    def _conformance(self, request: pytest.FixtureRequest) -> None:
        """Note for the report what is tested; skip what asks for a capability not claimed."""
        case = case_of(request.function)
        if case is None:
            return
        said: dict[str, Any] = {
            "contract": "storage", "kit": KIT, "case": asdict(case),
            "number": list(cases_of(type(self))).index(case.name),
            "suite": request.node.nodeid.rpartition("::")[0],
        }
        request.node.user_properties.append(("eldermall-conformance", said))
        storage: Storage = request.getfixturevalue("made")
        capabilities = storage.capabilities
        said["name"] = f"{type(storage).__module__}.{type(storage).__qualname__}"
        if isinstance(capabilities, StorageCapabilities):
            said["capabilities"] = asdict(capabilities)
        if case.needs and not getattr(capabilities, case.needs):
            pytest.skip(f"未声明 {case.needs} / {case.needs} isn't declared")

    @pytest.fixture
    def storages(self) -> Iterator[ExitStack]:
        """Keep what has to be closed in the end."""
        with ExitStack() as stack:
            yield stack

    @pytest.fixture
    def made(self, backend: StorageBackend, storages: ExitStack) -> Storage:
        """Return a storage on an empty database, not opened yet."""
        storage = backend.fresh()
        storages.callback(storage.close)
        return storage

    @pytest.fixture
    def storage(self, made: Storage) -> Storage:
        """Return an open storage on an empty database."""
        made.open(KINDS)
        return made

    @pytest.fixture
    def other(
        self, backend: StorageBackend, storage: Storage, storages: ExitStack
    ) -> Storage:
        """Return another on the same database as another process has it, or else the same."""
        other = backend.again()
        if other is None:
            return storage
        storages.callback(other.close)
        other.open(KINDS, make=False)
        return other

"""What a plugin offers and says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eldermall.contracts.courier import CourierCapabilities
from eldermall.contracts.storage import StorageCapabilities


@dataclass(frozen=True, slots=True)
class PolicyPack:
    """A policy that is opened by name: ``policy="pack:NAME"``.

    Args:
        name: what follows ``pack:``.
        policy: a policy file, or what such a file holds.
    """

    name: str
    policy: Path | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class About:
    """What ``eldermall plugins`` shows beside a plugin's hooks: its attribute ``about``.

    Args:
        capabilities: what it declares of each contract that it meets, by a name of its own.
        conformance: which kits it has passed, in its author's words.
    """

    capabilities: Mapping[str, CourierCapabilities | StorageCapabilities] = field(
        default_factory=dict
    )
    conformance: tuple[str, ...] = ()

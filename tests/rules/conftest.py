"""Rules are functions of facts: what the rules say in memory they say on every storage."""

from __future__ import annotations

import pytest


@pytest.fixture
def url() -> str:
    return "memory:"

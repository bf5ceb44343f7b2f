"""The clauses that rules cite: our paraphrase of each beside its document and article."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from eldermall.texts import Text


@dataclass(frozen=True, slots=True)
class Clause:
    """One provision of a document, in our own words.

    Args:
        id: ``document-article`` with a letter where an article holds several.
        document: S01 to S19.
        article: as the document counts it.
        kind: obligation, prohibition, permission, deadline, procedure, definition or statement.
        capability: the capability that it belongs to.
        text: what it says, in our own words.
    """

    id: str
    document: str
    article: str
    kind: str
    capability: str
    text: Text


@cache
def clauses() -> Mapping[str, Clause]:
    """Return all clauses of the catalogue by id."""
    source = (files("eldermall.rules") / "catalogue.toml").read_text(encoding="utf-8")
    return {
        id: Clause(
            id, c["document"], c["article"], c["kind"], c["capability"], Text(c["zh"], c["en"])
        )
        for id, c in tomllib.loads(source).items()
    }

"""Words that a person reads, in Chinese and English side by side."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Lang = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Text:
    """One thing said in both languages.

    Args:
        zh: the Chinese words.
        en: the English words.
    """

    zh: str
    en: str

    def in_(self, lang: Lang) -> str:
        """Return the words in ``lang``."""
        return self.zh if lang == "zh" else self.en

    def format(self, **fields: object) -> Text:
        """Return this text with ``{name}`` fields filled in, in both languages."""
        return Text(self.zh.format(**fields), self.en.format(**fields))


UNSHOWN = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""A character that steers a terminal or is none; the newline isn't among them."""


def escaped(text: str) -> str:
    r"""Return ``text`` as a terminal may show it: no control character but the newline is left.

    What steers a terminal (escape sequences, carriage returns, C1 codes), turns the direction of
    writing, or is no character at all stands as ``\x1b``, ``\u202e``, ``\udcff``.
    """
    return UNSHOWN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)

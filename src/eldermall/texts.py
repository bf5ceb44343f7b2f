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


_PASSWORD = re.compile(r"(://[^/?#@:]*):[^/?#@]*@")


def shown_url(url: str) -> str:
    """Return ``url`` as messages may show it: without its password."""
    return _PASSWORD.sub(r"\1:***@", url)

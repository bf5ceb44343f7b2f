"""Encodings: which names mean a text encoding, and which of them fits the bytes at hand."""

from __future__ import annotations

import codecs

_ALL_ASCII = bytes([9, 10, 13, *range(32, 127)])
_PROBES = (b"\\u0041", _ALL_ASCII + b".xn--bcher-kva." + b"a" * 70)


def text_encoding(name: object) -> str | None:
    """Return Python's name of a text encoding, None if ``name`` means none.

    A text encoding keeps the signs of ASCII as they are, or is one of UTF-16 and UTF-32; what
    only packs, escapes or turns letters about is none.
    """
    if not isinstance(name, str):
        return None
    try:
        known = codecs.lookup(name).name
        if known.startswith(("utf-16", "utf-32")):
            return known
        kept = all(probe.decode(known) == probe.decode("ascii") for probe in _PROBES)
    except (LookupError, ValueError, TypeError):
        return None
    return known if kept else None


def marked(head: bytes) -> str | None:
    """Return the encoding that a byte order mark at the beginning of ``head`` says, if any."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return None


def likely(head: bytes) -> str:
    """Return the encoding that the beginning of a file is most likely in.

    A byte order mark counts first, then UTF-8 if all fits, then zeros, then
    GB18030, which nearly everything fits.
    """
    said = marked(head)
    if said is not None:
        return said
    if 0 in head:
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    for name in ("utf-8", "gb18030"):
        try:
            codecs.getincrementaldecoder(name)().decode(head)  # the last sign may be cut
        except UnicodeDecodeError:
            continue
        return name
    return "latin-1"

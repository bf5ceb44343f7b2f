"""URLs of databases: read, and shown without what is secret in them."""

from __future__ import annotations

import re

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

SHOWN = ("host", "port", "unix_socket", "charset")
"""What is shown of a URL's query; anything else may be a password."""

_SECRET = re.compile(r"[@=;?#]")
_COLONS = re.compile(r":.*:")
_OPTIONS = re.compile(r"[\w+.-]+://[^:/]*:[^@]*[?;][^@]*=[^@]*@")
_SURROGATE = re.compile("[\ud800-\udfff]")


def parsed(url: str | URL) -> URL | None:
    """Return ``url`` as SQLAlchemy reads it; None if it is none.

    One of a server whose host or name of the database holds an ``@`` is none either: so reads one
    whose password holds an ``@`` that isn't written as ``%40``. Nor is one that is written with
    options in its password, as one with an ``@`` among its options reads, or one that can't be
    written in UTF-8.
    """
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        return None
    if is_path(found):
        return found
    options = isinstance(url, str) and _OPTIONS.match(url)
    misread = options or _SECRET.search(f"{found.host}{found.database}")
    return None if misread or _SURROGATE.search(str(url)) else found


def is_path(url: URL) -> bool:
    """Return whether ``url`` names a file of SQLite, which has no password."""
    return url.get_backend_name() == "sqlite" and not (url.username or url.password or url.host)


def shown_url(url: str | URL) -> str:
    """Return ``url`` as messages may show it: without its password, in whatever form it stands.

    Of one that can't be read no more is shown than how it begins, unless nothing in it can be
    secret.
    """
    found, text = parsed(url), str(url)
    if found is not None:
        if is_path(found):
            return text.partition("?")[0]  # a path as it was written
        query = {name: value for name, value in found.query.items() if name in SHOWN}
        return found.set(query=query).render_as_string(hide_password=True)
    if not (_SECRET.search(text) or _COLONS.search(text)):
        return text
    scheme = re.match(r"[A-Za-z][\w+.-]*:(//)?", text)
    return f"{scheme[0] if scheme else ''}..."


def without_secrets(words: str, url: URL) -> str:
    """Return what a driver said, with ``***`` for what it repeats of ``url`` that isn't shown."""
    hidden = [url.password or ""]
    for name, value in url.query.items():
        if name not in SHOWN:
            hidden += [value] if isinstance(value, str) else value
    written = {form for secret in hidden for form in (secret, repr(secret)[1:-1])} - {""}
    for secret in sorted(written, key=len, reverse=True):
        words = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", words)
    return words

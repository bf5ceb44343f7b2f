"""Canonical JSON (RFC 8785) of the values that entries hold.

Only strings, whole numbers within 2**53 - 1, booleans, None, lists and objects whose keys are of
``[A-Za-z0-9_.:-]`` are taken: for these the bytes of orjson with sorted keys are those that RFC
8785 asks for.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from eldermall.errors import Invalid
from eldermall.texts import Text

_KEY = re.compile(r"[A-Za-z0-9_.:-]+")
_LARGEST = 2**53 - 1
_MOST = 2**20
_PLAIN = frozenset({str, int, bool, type(None)})
_OPTIONS = (
    orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER | orjson.OPT_PASSTHROUGH_SUBCLASS
    | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
)
_keys: set[object] = set()
"""Keys that were looked at, up to `_KEYS_KEPT`."""
_KEYS_KEPT = 4096


def canonical(value: Any) -> bytes:
    """Return the canonical bytes of ``value``.

    Raises:
        Invalid: it holds something that an entry can't hold, and where.
    """
    if _is_plain(value):
        try:
            return orjson.dumps(value, option=_OPTIONS)
        except TypeError:  # a lone surrogate, a number too large, or too deep
            pass
    try:
        _check(value)
    except _Wrong as wrong:
        raise Invalid("$" + "".join(reversed(wrong.path)), wrong.value, wrong.why) from None
    except RecursionError:
        pass
    raise Invalid("$", "...", Text("嵌套过深", "must not be nested so deep"))


def compact(value: Any) -> bytes:
    """Return ``value`` in the same form, unchecked: for what isn't hashed.

    Raises:
        TypeError: it holds something that JSON hasn't.
    """
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def _is_plain(value: Any) -> bool:
    """Say whether ``value`` holds only types and keys that an entry can hold."""
    left = [value]
    for _ in range(_MOST):  # one that holds itself has no end
        if not left:
            return True
        value = left.pop()
        kind = type(value)
        if kind is dict:
            for key, inner in value.items():
                if key not in _keys and not _is_key(key):
                    return False
                if type(inner) not in _PLAIN:
                    left.append(inner)
        elif kind is list or kind is tuple:
            left += [inner for inner in value if type(inner) not in _PLAIN]
        elif kind not in _PLAIN:
            return False
    return False


class _Wrong(Exception):
    def __init__(self, value: object, why: Text) -> None:
        super().__init__()
        self.value = value
        self.why = why
        self.path: list[str] = []


def _check(value: Any) -> None:
    kind = type(value)
    if kind is str:
        if not value.isascii() and not _encodable(value):
            raise _Wrong(value, Text("含有不成对的代理字符", "holds a lone surrogate"))
    elif kind is int:
        if not -_LARGEST <= value <= _LARGEST:
            raise _Wrong(value, Text("整数超出 ±(2^53-1)", "must lie within 2**53 - 1"))
    elif kind is dict:
        for key, inner in value.items():
            if not _is_key(key):
                raise _Wrong(key, Text("键只能由 A-Za-z0-9_.:- 组成", "a key is of A-Za-z0-9_.:-"))
            if type(inner) is not str or not inner.isascii():
                _check_at(key, inner)
    elif kind is list or kind is tuple:
        for number, inner in enumerate(value):
            _check_at(number, inner)
    elif kind is not bool and value is not None:
        raise _Wrong(
            value,
            Text(
                "只能是文字、整数、真假、空、列表或对象",
                "must be a string, whole number, boolean, None, list or object",
            ),
        )


def _check_at(step: str | int, value: Any) -> None:
    try:
        _check(value)
    except _Wrong as wrong:
        wrong.path.append(f".{step}" if type(step) is str else f"[{step}]")
        raise


def _is_key(key: object) -> bool:
    if type(key) is not str or _KEY.fullmatch(key) is None:
        return False
    if len(_keys) < _KEYS_KEPT:
        _keys.add(key)
    return True


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True

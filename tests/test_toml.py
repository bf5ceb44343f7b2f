"""TOML files: whatever they hold, they are read or the error says in one line why not."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall.errors import FileUnreadable
from eldermall.toml import LARGEST, read_toml

WRONG = {
    "an integer of 5,000 digits": (b"a = " + b"9" * 5000, "Exceeds the limit"),
    "a hexadecimal one": (
        b"[a]\nb.c = [1, 0x" + b"f" * 5000 + b"]", "a.b.c is an integer of more than 64 bits"
    ),
    "one more than the largest": (b"a = 9223372036854775808", "more than 64 bits"),
    "3,000 nested arrays": (b"a = " + b"[" * 3000 + b"]" * 3000, "it is nested too deeply"),
    "nested tables": (b"a = " + b"{b = " * 3000 + b"1" + b"}" * 3000, "it is nested too deeply"),
    "a long dotted key": (b".".join([b"a"] * 5000) + b" = 1", "it is nested too deeply"),
    "no UTF-8": (b"a = '\xff'", "'utf-8' codec can't decode"),
    "a control character": (b"a = '\x1b'", r"character '\x1b' (at line 1"),
    "a day that isn't": (b"a = 2026-02-30", "Invalid date or datetime"),
    "too much": (b"#" * (LARGEST + 1), "is larger than 1 MiB"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_file_says_what_is_wrong(what: str, tmp_path: Path) -> None:
    content, why = WRONG[what]
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    with pytest.raises(FileUnreadable) as wrong:
        read_toml(path, "文件")
    assert why in str(wrong.value)
    assert str(path) in wrong.value.text.zh
    assert len(str(wrong.value)) < 400


def test_a_mark_of_byte_order_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfa = -9223372036854775808\n")
    assert read_toml(tmp_path / "a.toml", "文件") == {"a": -(2**63)}


parts = st.sampled_from([
    b"[", b"]", b"[[a]]", b"{", b"}", b"a", b".", b"=", b"1", b"0x", b"f" * 40, b"9" * 40, b'"',
    b"'", b"\n", b",", b"inf", b"nan", b"1e999", b"true", b"2026-01-01", b"T00:00:00Z",
    b"\\u0000", b"\xff",
])


@given(st.lists(parts, max_size=30).map(b"".join) | st.binary(max_size=60))
def test_any_file_is_read_or_told(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.toml"
        path.write_bytes(content)
        with suppress(FileUnreadable):
            found = read_toml(path, "文件")
            assert all(-(2**63) <= number < 2**63 for number in numbers(found))


def numbers(found: object) -> Iterator[float]:
    if isinstance(found, dict):
        for value in found.values():
            yield from numbers(value)
    elif isinstance(found, list):
        for value in found:
            yield from numbers(value)
    elif isinstance(found, int) or (isinstance(found, float) and math.isfinite(found)):
        yield found if isinstance(found, int) else 0

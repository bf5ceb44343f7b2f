"""Files of records to be taken over: lines that mean two things or none, or have no end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eldermall.errors import EldermallError, FileUnreadable, Invalid
from eldermall.reports.records import Failure, Given, read
from eldermall.rooms.complaints import Complaint


def rows(path: Path, content: str | bytes, name: str, **more: Any) -> list[Given | Failure]:
    (path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read(path / name, Complaint, **more))


GOOD = json.dumps({"id": "K1", "reporter": "li"})


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"id": "K2", "reporter": "li", "id": "K3"}', "the key 'id' stands twice"),
        ('{"id": "K2", "x": {"a": [{"b": 1, "b": 1}]}}', "the key 'b' stands twice"),
        ("[" * 3000, "each line must be a JSON object"),
        ('{"id": ' + "1" * 5000 + "}", "each line must be a JSON object"),
    ],
)
def test_a_line_that_means_two_things_or_none_is_told_and_the_others_go_on(
    tmp_path: Path, line: str, why: str
) -> None:
    found = rows(tmp_path, f"{GOOD}\n{line}\n{GOOD}\n", "k.jsonl")
    assert [type(row) for row in found] == [Given, Failure, Given]
    failed = found[1]
    assert isinstance(failed, Failure)
    assert (failed.line, failed.why.en) == (2, why)


def test_a_key_twice_in_a_cell_of_a_csv_is_told(tmp_path: Path) -> None:
    found = rows(tmp_path, 'id,lines\nK1,"{""a"": 1, ""a"": 2}"\nK2,[]\n', "k.csv")
    assert [(row.line, type(row)) for row in found] == [(2, Failure), (3, Given)]


@pytest.mark.parametrize(
    "encoding", ["idna", "punycode", "undefined", "unicode_escape", "base64", "utf-16", "klingon"]
)
def test_what_is_no_encoding_of_lines_is_refused_before_anything_is_read(
    tmp_path: Path, encoding: str
) -> None:
    with pytest.raises(Invalid, match="must be an encoding: utf-8, gb18030"):
        rows(tmp_path, GOOD, "k.jsonl", encoding=encoding)


def test_a_line_without_end_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eldermall.reports.records._LONGEST", 2**20)
    with pytest.raises(FileUnreadable, match="line 2 is longer than 1 MiB"):
        rows(tmp_path, GOOD.encode() + b"\n" + b"x" * 2**21, "k.jsonl")
    with pytest.raises(EldermallError, match="line 1 is no text in utf-8"):
        rows(tmp_path, b"{\xff}", "k.jsonl")

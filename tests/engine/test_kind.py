"""Kinds, and bodies of records: what is kept comes back, of this schema or an older one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import DefinitionError, SchemaError
from eldermall.engine.inputs import Moment
from eldermall.engine.kind import Kind, Record, Upgrade, subject_of
from tests.engine.test_rulebook import JOB, WORDS, WORK, Job


class Third(Record):
    """A record whose body has been of three schemas."""

    SCHEMA: ClassVar[int] = 3
    UPGRADES: ClassVar[Mapping[int, Upgrade]] = {
        1: lambda old: {**old, "names": [old["name"]]},
        2: lambda old: {k: v for k, v in old.items() if k != "name"} | {"seen_at": None},
    }

    names: tuple[str, ...]
    seen_at: Moment | None


COMMON: dict[str, Any] = {"id": "J", "version": 1, "pack": "p", "created_at": 5}


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def third(**more: Any) -> Third:
    return Third(**{**COMMON, "names": ("tea",), "seen_at": None} | more)


@given(note=st.text().filter(lambda t: "\x00" not in t), version=st.integers(1, 10**9))
def test_a_body_comes_back_as_it_was(note: str, version: int) -> None:
    job = Job(id="J", version=version, pack="p", created_at=5, state="waiting", note=note)
    assert Job.from_body(job.body()) == job
    assert job.body().startswith(b'{"schema":1,')


@pytest.mark.parametrize(
    "kept",
    [
        body(schema=1, **COMMON, name="tea"),
        body(schema=2, **COMMON, name="tea", names=["tea"]),
        body(schema=3, **COMMON, names=["tea"], seen_at=None),
        body(**COMMON, names=["tea"], seen_at=None, schema=3),
        third().body(),
    ],
)
def test_a_body_of_any_past_schema_is_upgraded_step_by_step(kept: bytes) -> None:
    assert Third.from_body(kept) == third()


@pytest.mark.parametrize("schema", [0, 4, 99])
def test_a_body_of_an_unknown_schema_is_refused_and_says_which(schema: int) -> None:
    with pytest.raises(SchemaError) as wrong:
        Third.from_body(body(schema=schema, **COMMON))
    assert str(wrong.value) == (
        f"the body of a Third is of schema {schema}; this version knows up to 3"
    )
    assert f"记录内容为第 {schema} 版，本版本只认识至第 3 版" in wrong.value.text.zh


@pytest.mark.parametrize(
    "kept",
    [
        b"", b"{", b"[]", b"5", b"\xff", body(**COMMON), third().body()[:-2],
        body(schema=3, **COMMON), body(schema=1, **COMMON), body(schema=[], **COMMON),
        body(schema=3, **COMMON, names=["tea"], seen_at=None, colour="red"),
        b'{"schema":3,' + body(**{**COMMON, "id": "a b"}, names=[], seen_at=None)[1:],
    ],
)
def test_a_damaged_body_is_told_from_an_old_one(kept: bytes) -> None:
    with pytest.raises(SchemaError) as wrong:
        Third.from_body(kept)
    assert str(wrong.value).startswith("the body of a Third is damaged: ")
    assert wrong.value.text.zh.startswith("Third 的记录内容已损坏：")


def test_a_record_can_not_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        third().names = ()  # type: ignore[misc]


def test_machines_of_one_kind_share_no_move_and_no_field() -> None:
    with pytest.raises(DefinitionError) as wrong:
        Kind("job", WORDS, Job, (WORK, replace(WORK, name="second")))
    assert "kind job: machines share finish" in str(wrong.value)
    assert "类别 job 的多个状态机共用了 finish" in wrong.value.text.zh


def test_a_kind_keeps_its_records_as_rows_and_reads_them_back() -> None:
    job = Job(id="J", version=2, pack="p", created_at=5, state="running")
    row = replace(JOB, indexed=("note",)).row(job, 1)
    assert (row.kind, row.id, row.version, row.before, row.open, row.pack, row.indexed) == (
        "job", "J", 2, 1, True, "p", {"state": "running", "note": ""},
    )
    assert JOB.record(row) == job
    assert not JOB.row(job.model_copy(update={"state": "done"}), 1).open
    assert subject_of("job", "J") == "job/J"


def test_anybody_is_a_party_unless_the_kind_says_otherwise() -> None:
    assert Kind("job", WORDS, Job, (WORK,)).party(None, None)  # type: ignore[arg-type]

"""The journal: entries by number, in parts; personal values and their erasure."""

# ruff: noqa: PT012 - what fails is a transaction as a whole

from __future__ import annotations

from dataclasses import replace

import pytest

from eldermall.contracts.storage import EntryRow, Storage
from eldermall.errors import Overtaken
from eldermall.testing.case import group
from eldermall.testing.storage.cases import StorageCases
from eldermall.testing.storage.rows import (
    ALL,
    ANY_BYTES,
    LAST,
    ORDERED,
    entry,
    hashed,
    key,
    leaf,
    personal,
)
from eldermall.testing.storage.threads import MALL

case = group("日志", "journal")


class JournalCases(StorageCases):
    """The cases about the journal and the personal values behind it."""

    @case("日志按编号的大小读回，字节不变")
    def test_chain_by_number(self, storage: Storage) -> None:
        """A chain comes back by number, byte by byte, and holds no other subject's entries."""
        rows = [entry("order/A1", n, ANY_BYTES + bytes([n])) for n in range(1, 13)]
        last = replace(entry("order/A1", LAST), hash=hashed("a") + hashed("b"))
        with storage.write(MALL) as tx:
            tx.append(rows[:9])
            tx.append([entry("order/A", 1), entry("order/a1", 1), entry("order/A1 ", 1)])
            tx.append([*rows[9:], last], [])
        with storage.read(MALL) as tx:
            assert list(tx.chain("order/A1")) == [*rows, last]
            assert list(tx.chain("order/a1")) == [entry("order/a1", 1)]
            assert not tx.chain("order/A2")

    @case("同一编号的日志不能写两次，引发 Overtaken")
    def test_entry_number_twice(self, storage: Storage) -> None:
        """An entry of a number that stands already is Overtaken and leaves nothing behind."""
        with storage.write(MALL) as tx:
            tx.append([entry("order/A1", 1)])
        for again in (entry("order/A1", 1), entry("order/A1", 1, b"other")):
            with pytest.raises(Overtaken), storage.write(MALL) as tx:
                tx.append([entry("order/A2", 1)], [personal("order/A2")])
                tx.append([entry("order/A1", 2), again])
        with storage.read(MALL) as tx:
            assert list(tx.entries()) == [entry("order/A1", 1)]
            assert list(tx.waiting()) == [leaf("order/A1", 1)]
            assert not tx.personal("order/A2")

    @case("全部日志按对象的字节顺序与编号读出")
    def test_entries_in_order(self, storage: Storage) -> None:
        """All entries come by the bytes of their subjects, then by number."""
        rows = [entry(f"order/{id}", seq) for id in ORDERED for seq in (1, 2, 10)]
        with storage.write(MALL) as tx:
            for row in [*rows[::2], *rows[1::2]][::-1]:
                tx.append([row])
        with storage.read(MALL) as tx:
            assert list(tx.entries()) == rows

    @case("日志可按对象分段读取：不含起点，含终点")
    def test_parts(self, storage: Storage) -> None:
        """A part holds the subjects beyond its first, up to and including its last."""
        subjects = [f"order/{id}" for id in ORDERED]
        with storage.write(MALL) as tx:
            tx.append([entry(subject, seq) for subject in subjects for seq in (1, 2)])
        with storage.read(MALL) as tx:
            for after, upto in ((0, 5), (5, 6), (6, 6), (7, 20)):
                part = (subjects[after], subjects[upto])
                right = [s for s in subjects[after + 1 : upto + 1] for _ in (1, 2)]
                assert [row.subject for row in tx.entries(*part)] == right
                assert [row.subject for row in tx.waiting(*part)] == right
            assert [row.subject for row in tx.entries(subjects[-2])] == subjects[-1:] * 2
            assert [row.subject for row in tx.waiting("", subjects[0])] == subjects[:1] * 2
            assert not list(tx.entries(subjects[-1]))
            assert len(list(tx.entries("order/", "order0"))) == 2 * len(subjects)
            assert not list(tx.entries("order0"))

    @case("步进切分日志，各段合起来不重不漏")
    def test_stride(self, storage: Storage) -> None:
        """Strides cut the journal into parts that together hold every entry once."""
        rows = [entry(f"order/A{n:02}", seq) for n in range(20) for seq in range(1, n % 4 + 2)]
        with storage.write(MALL) as tx:
            tx.append(rows)
        with storage.read(MALL) as tx:
            for size in (1, 7, 49, 50, 51):
                after = ""
                found: list[EntryRow] = []
                while (upto := tx.stride(after, size)) is not None:
                    right = [row for row in rows if row.subject > after][size]
                    assert upto == right.subject
                    found += tx.entries(after, upto)
                    after = upto
                found += tx.entries(after)
                assert found == rows
            assert tx.stride("", len(rows) - 1) == rows[-1].subject
            assert tx.stride("", len(rows)) is None
            assert tx.stride("order/A18", 3) == "order/A19"
            assert tx.stride("order/A18", 4) is None
            assert tx.stride("order/A19", 1) is None

    @case("可流式读取 5000 条日志，也可中途关闭")
    def test_many_entries(self, storage: Storage) -> None:
        """Five thousand entries are appended in one call, streamed, and left in the middle."""
        rows = [entry(f"order/A{n:04}", 1) for n in range(5000)]
        with storage.write(MALL) as tx:
            tx.append(rows, [personal(row.subject) for row in rows])
        with storage.read(MALL) as tx:
            stream = tx.entries()
            assert [next(stream) for _ in range(3)] == rows[:3]
            getattr(stream, "close", lambda: None)()
            assert tx.stride("", 4998) == "order/A4998"
            assert list(tx.entries()) == rows
            assert sum(1 for _ in tx.waiting()) == 5000

    @case("一个对象可有上万条日志，全部读回")
    def test_long_chain(self, storage: Storage) -> None:
        """A chain of more than ten thousand entries comes back whole."""
        rows = [entry("order/A1", n) for n in range(1, 10_002)]
        with storage.write(MALL) as tx:
            tx.append(rows)
        with storage.write(MALL) as tx:
            assert list(tx.chain("order/A1")) == rows
            assert tx.load("order", "A1")[1].seq == len(rows)
            assert len(tx.unsealed(ALL)) == len(rows)
        with storage.read(MALL) as tx:
            assert list(tx.entries()) == rows
            assert sum(1 for _ in tx.waiting()) == len(rows)

    @case("个人信息按编号与路径读回")
    def test_personal_comes_back(self, storage: Storage) -> None:
        """Personal values come back by number and path, byte by byte."""
        rows = [
            replace(personal("order/A1", seq, f"args.{path}"), value=ANY_BYTES, recorded=LAST)
            for seq in (2, 10) for path in ("A", "a", "\N{GRINNING FACE}")
        ]
        longest = replace(personal("order/A2"), path="p" * 100, purpose="\u4e2d" * 64, value=b"")
        with storage.write(MALL) as tx:
            tx.append([entry("order/A1", 2), entry("order/A1", 10)], rows[::-1])
            tx.append([entry("order/A2", 1)], [longest])
        with storage.read(MALL) as tx:
            assert list(tx.personal("order/A1")) == rows
            assert list(tx.personal("order/A2")) == [longest]
            assert not tx.personal("order/a1")

    @case("能查出某时刻之前仍存有个人信息的对象")
    def test_holding_personal(self, storage: Storage) -> None:
        """Subjects are found that hold a personal value from before a moment, each once."""
        subjects = [f"order/{id}" for id in ORDERED]
        with storage.write(MALL) as tx:
            for n, subject in reversed(list(enumerate(subjects))):
                tx.append(
                    [entry(subject, 1), entry(subject, 2)],
                    [
                        personal(subject, 1, "a", recorded=n + 1),
                        personal(subject, 1, "b", recorded=n + 1),
                        personal(subject, 2, "a", recorded=LAST),
                    ],
                )
        with storage.read(MALL) as tx:
            assert list(tx.holding_personal(LAST, "", ALL)) == subjects
            assert list(tx.holding_personal(5, "", ALL)) == subjects[:4]
            assert list(tx.holding_personal(LAST, subjects[3], 2)) == subjects[4:6]
            assert not tx.holding_personal(1, "", ALL)

    @case("删除后，个人信息、盐值与幂等键指纹均不复存在，日志不变")
    def test_erase(self, storage: Storage) -> None:
        """Erasing removes a subject's values, salts and keys, and nothing else."""
        near = ("order/A", "order/A11", "order/a1", "booking/A1")
        with storage.write(MALL) as tx:
            for subject in ("order/A1", *near):
                rows = [personal(subject, 1, "a"), personal(subject, 1, "b")]
                tx.append([entry(subject, 1)], rows)
                tx.claim_key(key(subject, subject=subject))
        with storage.write(MALL) as tx:
            assert tx.erase("order/A1") == 2
            assert tx.erase("order/A1") == 0
            assert tx.erase("order/none") == 0
        with storage.write(MALL) as tx:
            assert not tx.personal("order/A1")
            assert list(tx.holding_personal(LAST, "", ALL)) == sorted(near)
            assert list(tx.chain("order/A1")) == [entry("order/A1", 1)]
            assert leaf("order/A1", 1) in list(tx.waiting())
            for subject in near:
                used = key(subject, subject=subject)
                assert tx.claim_key(replace(used, salt=b"new")) == used
                assert len(tx.personal(subject)) == 2
            new = replace(key("order/A1", subject="order/A1"), salt=b"new")
            assert tx.claim_key(new) is None

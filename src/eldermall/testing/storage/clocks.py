"""Clocks: kept by their key, due in order, and no more than asked for."""

from __future__ import annotations

import time
from dataclasses import replace

from eldermall.contracts.storage import OPEN_CLOCKS, ClockRow, Storage
from eldermall.testing.case import group
from eldermall.testing.storage.cases import StorageCases
from eldermall.testing.storage.records import many
from eldermall.testing.storage.rows import ALL, APART, CLOCK_STATES, LAST, ORDERED, clock
from eldermall.testing.storage.threads import MALL

case = group("时限", "clocks")


class ClockCases(StorageCases):
    """The cases about clocks."""

    @case("时限按原样读回，时刻精确到微秒")
    def test_clock_comes_back(self, storage: Storage) -> None:
        """A clock comes back as it was put, its moments exact to the microsecond."""
        rows = [
            ClockRow(
                "order/A1", "callback.in-time", "line-1", 0, LAST, "calendar days", LAST, LAST,
                7, "paused", None, "p" * 64,
            ),
            ClockRow(
                "order/A1", "shipping", "", 1_700_000_000_123_457, 1, "hours",
                1_700_000_000_123_458, 1_700_000_000_123_459, 0, "breached", None, "p",
            ),
            replace(clock(name="z", state="late", next=None), stopped=LAST, due=0),
        ]
        with storage.write(MALL) as tx:
            tx.put_clocks(rows)
        with storage.read(MALL) as tx:
            assert list(tx.open_clocks("order/A1")) == rows[:2]
            assert list(tx.clocks(["late"])) == rows[2:]

    @case("同一对象、名称、部分、起点的时限被替换，起点不同则并存")
    def test_clock_is_replaced_by_key(self, storage: Storage) -> None:
        """A clock replaces the one of its subject, name, part and start, and no other."""
        first, later = clock(), clock(started=2)
        other = [clock(part="line"), clock(name="Shipping"), clock(subject="order/a1")]
        changed = replace(
            first, limit=5, counting="days", due=7, next=None, stage=2, state="met", stopped=6,
            pack="p2",
        )
        with storage.write(MALL) as tx:
            tx.put_clocks([first, later, *other])
        with storage.write(MALL) as tx:
            tx.put_clocks([changed, clock(name="new")])
            assert list(tx.clocks(["met"])) == [changed]
        with storage.read(MALL) as tx:
            assert list(tx.open_clocks("order/A1")) == [
                other[1], clock(name="new"), later, other[0],
            ]
            assert list(tx.open_clocks("order/a1")) == [other[2]]

    @case("对象的未结时限依名称、部分、起点排列")
    def test_open_clocks(self, storage: Storage) -> None:
        """A subject's clocks that haven't ended come by name, part and start."""
        rows = [
            clock(name=name, part=part, started=started)
            for name in ("A", "A.1", "a") for part in ("", "A", "a") for started in (9, 10)
        ]
        ended = [clock(name=s, state=s) for s in CLOCK_STATES if s not in OPEN_CLOCKS]
        halted = [clock(name="z", state="breached"), clock(name="zz", state="paused")]
        near = [clock(subject="order/A"), clock(subject="order/A11"), clock(subject="booking/A1")]
        with storage.write(MALL) as tx:
            tx.put_clocks([*halted[::-1], *ended, *near, *rows[::-1]])
            assert list(tx.open_clocks("order/A1")) == [*rows, *halted]
        with storage.read(MALL) as tx:
            assert list(tx.open_clocks("order/A1")) == [*rows, *halted]
            assert not tx.open_clocks("order/A2")

    @case("一次取多个对象未结束的时限，与逐个所取相同", needs="many")
    def test_open_clocks_many(self, storage: Storage) -> None:
        """The open clocks of many subjects are those of each, and none has what isn't its own."""
        subjects = [f"order/A{n}" for n in range(300)] + ["order/a1", "order/A_1", "booking/A1"]
        rows = [
            clock(subject, name, part, started)
            for subject in subjects[::2] for name, part, started in (("z", "", 1), ("A", "a", 9))
        ]
        ended = [clock(subject, "over", state="met") for subject in subjects]
        with storage.write(MALL) as tx:
            tx.put_clocks([*ended, *rows])
        for open_ in (storage.write, storage.read):
            with open_(MALL) as tx:
                found = many(tx).open_clocks_many(subjects)
                assert {subject: [*of] for subject, of in found.items() if of} == {
                    subject: [*tx.open_clocks(subject)] for subject in subjects[::2]
                }
                assert not many(tx).open_clocks_many([])
                assert not any(many(tx).open_clocks_many(["order/none", "order/A1"]).values())

    @case("到点的时限依时刻、对象、名称、部分排列，不超过所要的数量")
    def test_due_clocks(self, storage: Storage) -> None:
        """Due clocks come by moment, subject, name and part, at most as many as asked for."""
        rows = [
            clock(f"order/{id}", name, part, next, next=next)
            for next in (9, 10, 11) for id in ("A", "A-1", "a")
            for name in ("N", "n") for part in ("", "\N{GRINNING FACE}")
        ]
        never = [clock("order/B", next=None), clock("order/B", "met", state="met", next=None)]
        with storage.write(MALL) as tx:
            tx.put_clocks([*rows[::-1], *never])
        with storage.read(MALL) as tx:
            assert list(tx.due_clocks(LAST, ALL)) == rows
            assert list(tx.due_clocks(10, ALL)) == [r for r in rows if (r.next or 0) <= 10]
            assert list(tx.due_clocks(10, 5)) == rows[:5]
            assert not tx.due_clocks(8, ALL)

    @case("相同时刻的时限按字节顺序排列")
    def test_due_clocks_by_bytes(self, storage: Storage) -> None:
        """Clocks due at one moment come in the order of their subjects' bytes."""
        rows = [clock(f"order/{id}", part=id) for id in ORDERED]
        parts = [clock("listing/L1", part=id) for id in ORDERED]
        with storage.write(MALL) as tx:
            tx.put_clocks([*rows[::2], *rows[1::2], *parts[::2], *parts[1::2]])
        with storage.read(MALL) as tx:
            assert list(tx.due_clocks(LAST, ALL)) == parts + rows
            assert list(tx.clocks(["running"])) == parts + rows
            assert list(tx.open_clocks("listing/L1")) == parts

    @case("按状态列出的时限依到期时刻排列，不超过所要的数量")
    def test_clocks_by_state(self, storage: Storage) -> None:
        """Clocks in several states come by due moment, at most as many as asked for in all."""
        rows = [
            clock(f"order/A{n:02}", due=1000 - n, state=CLOCK_STATES[n % 8]) for n in range(40)
        ]
        with storage.write(MALL) as tx:
            tx.put_clocks(rows)
        with storage.read(MALL) as tx:
            for states in (OPEN_CLOCKS, ("late",), CLOCK_STATES, ("met", "met")):
                right = [row for row in rows[::-1] if row.state in states]
                assert list(tx.clocks(states)) == right
                assert list(tx.clocks(states, limit=4)) == right[:4]

    @case("大小写、空格、组合字符不同的部分互不相同")
    def test_parts_are_apart(self, storage: Storage) -> None:
        """Parts that differ in case, blanks or composition have clocks of their own."""
        with storage.write(MALL) as tx:
            tx.put_clocks([clock(part=part) for part in APART])
        with storage.read(MALL) as tx:
            found = tx.open_clocks("order/A1")
            assert sorted(row.part for row in found) == sorted(APART)

    @case("最长的对象、名称与部分均可保存")
    def test_longest_clock(self, storage: Storage) -> None:
        """The longest subject, name and part are kept whole."""
        subject = "designation/" + "x" * 64
        row = clock(subject.ljust(100, "y"), "n" * 80, "\N{GRINNING FACE}" * 64)
        with storage.write(MALL) as tx:
            tx.put_clocks([row, replace(row, part="\N{GRINNING FACE}" * 63)])
        with storage.read(MALL) as tx:
            assert row in tx.open_clocks(row.subject)
            assert len(tx.due_clocks(LAST, ALL)) == 2

    @case("一次可放入 5000 个时限")
    def test_many_clocks(self, storage: Storage) -> None:
        """Five thousand clocks are put in one call, and replaced in another."""
        rows = [clock(f"order/A{n:04}", next=n + 1) for n in range(5000)]
        with storage.write(MALL) as tx:
            tx.put_clocks(rows)
            tx.put_clocks([replace(row, stage=1) for row in rows])
        with storage.read(MALL) as tx:
            assert list(tx.due_clocks(LAST, ALL)) == [replace(row, stage=1) for row in rows]
            assert len(tx.clocks(["running"])) == 1000

    @case("取到点时限的代价取决于到点者的多少，而非时限总数", needs="durable")
    def test_due_clocks_cost(self, storage: Storage) -> None:
        """What is due takes no longer to find among many clocks than among few."""

        def took() -> float:
            """Return the seconds of the quickest of several calls."""
            times = []
            with storage.read(MALL) as tx:
                for _ in range(20):
                    begun = time.perf_counter()
                    assert len(tx.due_clocks(10, ALL)) == 5
                    times.append(time.perf_counter() - begun)
            return min(times)

        with storage.write(MALL) as tx:
            tx.put_clocks([clock(f"order/B{n}", next=10) for n in range(5)])
        among_few = took()
        with storage.write(MALL) as tx:
            tx.put_clocks([clock(f"order/A{n:05}", next=11 + n) for n in range(10_000)])
        # Others may be at work on the machine; who looks through all never comes through.
        among_many = (took() for _ in range(5))
        assert any(many < 4 * among_few for many in among_many), "it looks through all clocks"

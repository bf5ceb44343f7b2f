"""The outbox, idempotency keys and policies."""

# ruff: noqa: PT012 - what fails is a transaction as a whole

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from eldermall.contracts.storage import Lanes, Message, PackRow, Storage, Transaction
from eldermall.testing.case import group, undeclared
from eldermall.testing.storage.cases import StorageCases
from eldermall.testing.storage.rows import (
    ALL,
    ANY_BYTES,
    APART,
    LAST,
    MESSAGE_STATES,
    ORDERED,
    hashed,
    key,
    message,
)
from eldermall.testing.storage.threads import MALL, Undone

outbox = group("发件箱", "outbox")
keys = group("幂等键", "keys")
packs = group("政策", "policies")


def laned(tx: Transaction) -> Lanes:
    """Return a transaction of a storage that declares lanes, with its further calls."""
    assert has_lanes(tx), "lanes is declared, and the transactions lack its calls"
    return cast(Lanes, tx)


def has_lanes(tx: Transaction) -> bool:
    """Say whether a transaction has the calls of lanes."""
    calls = ("claim_lane", "list_messages", "find_messages", "change_message")
    return all(hasattr(tx, call) for call in calls)


def kept_messages(tx: Transaction) -> list[Message]:
    """Return all messages."""
    return list(tx.messages(MESSAGE_STATES, ALL))


class OutboxCases(StorageCases):
    """The cases about the outbox."""

    @outbox("消息按原样读回")
    def test_message_comes_back(self, storage: Storage) -> None:
        """A message comes back as it was put: bytes, moments, a long reason."""
        rows = [
            Message("order/A1#1.0", "refund", ANY_BYTES, 0, LAST, "pending", 0, ""),
            Message("x" * 130, "t" * 16, b"", 1, None, "dead", 12, "\N{GRINNING FACE}" * 500),
            Message("x" * 129, "root", ANY_BYTES * 8000, LAST, 0, "accepted", 1, "no \u4e2d "),
        ]
        with storage.write(MALL) as tx:
            tx.enqueue(rows)
        with storage.read(MALL) as tx:
            assert kept_messages(tx) == rows

    @outbox("按状态列出的消息从旧到新，不超过所要的数量")
    def test_messages_oldest_first(self, storage: Storage) -> None:
        """Messages in several states come oldest first, at most as many as asked for in all."""
        rows = [
            message(id, created=created, state=MESSAGE_STATES[n % 7])
            for created in (9, 10) for n, id in enumerate(ORDERED)
            for id in (f"{id}#{created}",)
        ]
        rows.sort(key=lambda row: (row.created, row.id))
        with storage.write(MALL) as tx:
            tx.enqueue(rows[::-1])
        with storage.read(MALL) as tx:
            for states in (("pending", "dead"), ("accepted",), MESSAGE_STATES, ("dead", "dead")):
                right = [row for row in rows if row.state in states]
                assert list(tx.messages(states)) == right
                assert list(tx.messages(states, 4)) == right[:4]

    @outbox("领取到点的消息：依时刻与编号，次数加一，到期前不再给出")
    def test_claim(self, storage: Storage) -> None:
        """Due messages are claimed by moment and id, count one try, and rest until a moment."""
        rows = [
            message(f"{id}#{next}", next=next)
            for next in (9, 10, 11) for id in ("A", "A.1", "a")
        ]
        ended = message("done", next=None, state="delivered")
        with storage.write(MALL) as tx:
            tx.enqueue([ended, *rows[::-1]])
        taken = [replace(row, next=100, attempts=1) for row in rows]
        with storage.write(MALL) as tx:
            assert list(tx.claim_messages(10, 4, 100)) == taken[:4]
        with storage.write(MALL) as tx:
            assert list(tx.claim_messages(10, ALL, 100)) == taken[4:6]
            assert not tx.claim_messages(10, ALL, 100)
            assert kept_messages(tx) == sorted(
                [ended, *taken[:6], *rows[6:]], key=lambda row: row.id
            )
        with storage.write(MALL) as tx:
            again = tx.claim_messages(100, ALL, LAST)
            assert [(row.id, row.next, row.attempts) for row in again] == [
                *((row.id, LAST, 1) for row in rows[6:]),
                *((row.id, LAST, 2) for row in sorted(taken[:6], key=lambda row: row.id)),
            ]

    @outbox("只有最后领取者的结果算数")
    def test_settle(self, storage: Storage) -> None:
        """What came of a try is stored, unless the message has been claimed since."""
        with storage.write(MALL) as tx:
            tx.enqueue([message("A"), message("B"), message("C")])
            first = {row.id: row for row in tx.claim_messages(10, 3, 20)}
        with storage.write(MALL) as tx:
            tx.settle_message(replace(first["A"], state="delivered", next=None, reason="\u4e2d"))
            tx.settle_message(replace(first["B"], next=15, reason="busy"))
        with storage.write(MALL) as tx:
            second = {row.id: row for row in tx.claim_messages(20, 3, 30)}
            assert second.keys() == {"B", "C"}
            tx.settle_message(replace(first["C"], state="dead", next=None, reason="late"))
            tx.settle_message(replace(second["B"], state="accepted", next=None, reason="yes"))
        with storage.read(MALL) as tx:
            assert kept_messages(tx) == [
                replace(first["A"], state="delivered", next=None, reason="\u4e2d"),
                replace(second["B"], state="accepted", next=None, reason="yes"),
                second["C"],
            ]

    @outbox("结果写入时，空的原因取代原有的原因")
    def test_reason_is_cleared(self, storage: Storage) -> None:
        """What came of a try replaces what came of the one before, a reason by none too."""
        with storage.write(MALL) as tx:
            tx.enqueue([message("A", body=ANY_BYTES)])
        for now, reason in ((10, "busy"), (20, ""), (30, "busy again"), (40, "")):
            with storage.write(MALL) as tx:
                (mine,) = tx.claim_messages(now, 1, LAST)
                told = replace(mine, next=now + 10, reason=reason)
                tx.settle_message(told)
                assert kept_messages(tx) == [told]

    @outbox("尝试次数不会停在 127 或 32767")
    def test_attempts_go_on(self, storage: Storage) -> None:
        """Attempts are counted on beyond what 8 or 16 bits hold."""
        tried = (127, 255, 32_767, 65_535, 1_000_000)
        with storage.write(MALL) as tx:
            tx.enqueue([message(f"A{many}", attempts=many) for many in tried])
        for again in (1, 2):
            with storage.write(MALL) as tx:
                taken = {row.id: row for row in tx.claim_messages(10, ALL, 10)}
                assert {row.attempts for row in taken.values()} == {n + again for n in tried}
                for row in taken.values():
                    tx.settle_message(replace(row, reason=f"try {again}"))
                assert {row.reason for row in kept_messages(tx)} == {f"try {again}"}

    @outbox("一次可放入并领取 5000 条消息")
    def test_many_messages(self, storage: Storage) -> None:
        """Five thousand messages are put in one call and claimed in another."""
        with storage.write(MALL) as tx:
            tx.enqueue([message(f"A{n:04}") for n in range(5000)])
        with storage.write(MALL) as tx:
            taken = tx.claim_messages(10, 5000, 20)
            assert [row.id for row in taken] == [f"A{n:04}" for n in range(5000)]
        with storage.read(MALL) as tx:
            assert kept_messages(tx) == list(taken)
            assert len(tx.messages(["pending"])) == 1000

    @outbox("按主题领取：只领取该主题的到点消息，依时刻与编号", needs="lanes")
    def test_claim_lane(self, storage: Storage) -> None:
        """Due messages of one topic are claimed by moment and id; those of others stay."""
        rows = [
            replace(message(f"{id}#{next}", next=next), topic=topic)
            for topic in ("event", "Event", "refund")
            for next in (9, 10, 11) for id in (f"A.{topic}", f"a.{topic}")
        ]
        with storage.write(MALL) as tx:
            tx.enqueue(rows[::-1])
        taken = [replace(row, next=100, attempts=1) for row in rows if row.topic == "refund"]
        with storage.write(MALL) as tx:
            assert list(laned(tx).claim_lane("refund", 10, 3, 100)) == taken[:3]
        with storage.write(MALL) as tx:
            assert list(laned(tx).claim_lane("refund", 10, ALL, 100)) == taken[3:4]
            assert not laned(tx).claim_lane("refund", 10, ALL, 100)
            assert not laned(tx).claim_lane("notice", LAST, ALL, LAST)
            left = [row for row in kept_messages(tx) if row.topic != "refund"]
            assert sorted(left, key=repr) == sorted(
                [row for row in rows if row.topic != "refund"], key=repr
            )

    @outbox("按时刻与编号逐段列出消息", needs="lanes")
    def test_list_messages(self, storage: Storage) -> None:
        """Messages in several states come in parts, by moment and id, none twice and none left."""
        rows = [
            message(f"{id}#{created}", created=created, state=MESSAGE_STATES[n % 7])
            for created in (0, 9, 10) for n, id in enumerate(ORDERED)
        ]
        with storage.write(MALL) as tx:
            tx.enqueue(rows[::-1])
        for states in (("pending", "dead"), ("accepted",), MESSAGE_STATES):
            right = [row for row in rows if row.state in states]
            found: list[Message] = []
            after = (-1, "")
            with storage.read(MALL) as tx:
                while (page := laned(tx).list_messages(states, after, 4)) and len(found) < ALL:
                    assert not set(found) & set(page)
                    found += page
                    after = page[-1].created, page[-1].id
                assert found == right
                assert not laned(tx).list_messages(states, (LAST, ""), 4)

    @outbox("按编号查找消息，编号逐字节比较", needs="lanes")
    def test_find_messages(self, storage: Storage) -> None:
        """Messages are found by their ids, byte for byte: no pattern, no other spelling."""
        kept = ("A1", "A_1", "AB1", "a1 ", "order/A1#1.0", "order/A1#1.0@x" + "\u4e2d" * 186)
        with storage.write(MALL) as tx:
            tx.enqueue([message(id) for id in kept])
        with storage.read(MALL) as tx:
            for ids in (kept[:1], ("A_1", "A%", "%", "none"), kept, ("a1", "A1 ")):
                right = {id for id in ids if id in kept}
                assert {row.id for row in laned(tx).find_messages(ids)} == right
                assert len(laned(tx).find_messages(ids)) == len(right)
            (found,) = laned(tx).find_messages([kept[-1]])
            assert found == message(kept[-1])
        with storage.read("other") as tx:
            assert not laned(tx).find_messages(kept)

    @outbox("消息仅在状态与次数未变时才可更改", needs="lanes")
    def test_change_message(self, storage: Storage) -> None:
        """A message is changed if its state and attempts are as they were; else it stays."""
        rows = [message(id, state="dead", next=None, attempts=300) for id in ("A", "B", "C")]
        a, b, c = rows
        again = replace(a, state="pending", next=LAST, attempts=0, reason="\u4e2d")
        gone = replace(b, state="withdrawn", next=None, attempts=301, reason="no")
        with storage.write(MALL) as tx:
            tx.enqueue(rows)
        with storage.write(MALL) as tx:
            assert laned(tx).change_message(a, again)
            assert laned(tx).change_message(replace(b, next=5, reason="other"), gone)
            assert not laned(tx).change_message(replace(c, attempts=299), gone)
            assert not laned(tx).change_message(replace(c, state="pending"), gone)
            assert not laned(tx).change_message(message("D"), gone)
        with storage.write(MALL) as tx:
            assert not laned(tx).change_message(a, a)
            assert kept_messages(tx) == [again, gone, c]

    @outbox("未声明 lanes 却可用的，给出警告")
    def test_lanes_are_declared(self, storage: Storage) -> None:
        """A storage whose transactions have the calls of lanes says so; else there is a warning."""
        with storage.write(MALL) as tx:
            if has_lanes(tx) and not storage.capabilities.lanes:
                undeclared("lanes")

    @keys("幂等键只能用一次，并给出首次使用者")
    def test_key_is_used_once(self, storage: Storage) -> None:
        """A key is used once; who comes later gets the row that used it, as it was."""
        first = replace(
            key(subject="s" * 100, created=LAST), salt=b"\0salt\0", fingerprint=b"\0" * 32
        )
        with storage.write(MALL) as tx:
            assert tx.claim_key(first) is None
            assert tx.claim_key(key(created=5)) == first
        with storage.write(MALL) as tx:
            assert tx.claim_key(key(subject="order/A2")) == first
            assert tx.claim_key(key()) == first

    @keys("幂等键不会自行过期，多久之后仍给出首次使用者")
    def test_key_lasts(self, storage: Storage) -> None:
        """A key doesn't end by itself: whoever comes however much later gets who used it."""
        with storage.write(MALL) as tx:
            assert tx.claim_key(key(created=0)) is None
        for later in (0, 1, 3_600_000_000, 10**15, LAST):
            with storage.write(MALL) as tx:
                assert tx.claim_key(key(subject="order/A2", created=later)) == key(created=0)

    @keys("幂等键按命令区分，大小写与空格不同即为不同")
    def test_key_belongs_to_command(self, storage: Storage) -> None:
        """One key of two commands is two, and so are keys that differ in case or blanks."""
        rows = [key(k) for k in APART]
        rows += [key("A1", command="order.pay"), key("A1", command="Order.place")]
        rows += [key("k" * 64, command="c" * 80), key("k" * 63, command="c" * 80)]
        with storage.write(MALL) as tx:
            for row in rows:
                assert tx.claim_key(row) is None
        with storage.write(MALL) as tx:
            for row in rows:
                assert tx.claim_key(replace(row, created=99)) == row

    @keys("回滚后幂等键仍可使用")
    def test_key_is_undone(self, storage: Storage) -> None:
        """A key that was claimed in a transaction that failed is free again."""
        with pytest.raises(Undone), storage.write(MALL) as tx:
            assert tx.claim_key(key()) is None
            raise Undone
        with storage.write(MALL) as tx:
            assert tx.claim_key(key(created=11)) is None
        with storage.write(MALL) as tx:
            assert tx.claim_key(key()) == key(created=11)

    @keys("清除旧幂等键：从最旧起，不超过所要的数量")
    def test_forget_keys(self, storage: Storage) -> None:
        """Old keys are forgotten oldest first, up to a limit, and then may be used again."""
        rows = [key(f"k{n}", created=n) for n in (5, 3, 9, 1, 7)]
        with storage.write(MALL) as tx:
            for row in rows:
                tx.claim_key(row)
        with storage.write(MALL) as tx:
            assert tx.forget_keys(9, 2) == 2
            assert tx.claim_key(key("k5", created=50)) == rows[0]
            assert tx.claim_key(key("k1", created=50)) is None
            assert tx.claim_key(key("k3", created=50)) is None
        with storage.write(MALL) as tx:
            assert tx.forget_keys(9, ALL) == 2
            assert tx.forget_keys(9, ALL) == 0
        with storage.write(MALL) as tx:
            assert tx.claim_key(key("k9", created=50)) == rows[2]
            assert tx.claim_key(key("k5", created=50)) is None
            assert tx.claim_key(key("k7", created=50)) is None

    @packs("政策按摘要保存，重复放入不改变原有内容")
    def test_packs(self, storage: Storage) -> None:
        """Policies are kept by hash, and one that is kept already stays."""
        rows = [PackRow(hash, ANY_BYTES + hash.encode()) for hash in ("A", "B", "a" * 64)]
        with storage.write(MALL) as tx:
            assert not tx.packs()
            for row in rows[::-1]:
                tx.put_pack(row)
            tx.put_pack(PackRow("A", b"another"))
        with storage.write(MALL) as tx:
            tx.put_pack(PackRow("B", b"another"))
            tx.put_pack(PackRow(hashed("p").hex(), ANY_BYTES * 8000))
        with storage.read(MALL) as tx:
            big = PackRow(hashed("p").hex(), ANY_BYTES * 8000)
            assert list(tx.packs()) == sorted([*rows, big], key=lambda row: row.hash)

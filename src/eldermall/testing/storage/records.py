"""Records: what is saved comes back, versions guard it, and it is found."""

# ruff: noqa: PT012 - what fails is a transaction as a whole

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from eldermall.contracts.storage import NO_HEAD, Head, Many, RecordRow, Storage, Transaction
from eldermall.errors import Overtaken
from eldermall.testing.case import group, undeclared
from eldermall.testing.storage.cases import StorageCases
from eldermall.testing.storage.rows import ALL, ANY_BYTES, APART, ORDERED, entry, hashed, record
from eldermall.testing.storage.threads import MALL, Undone

case = group("记录", "records")


def kept(row: RecordRow) -> RecordRow:
    """Return ``row`` as it is read again."""
    return replace(row, before=row.version)


def many(tx: Transaction) -> Many:
    """Return a transaction of a storage that declares many, with its further calls."""
    assert has_many(tx), "many is declared, and the transactions lack its calls"
    return cast(Many, tx)


def has_many(tx: Transaction) -> bool:
    """Say whether a transaction has the calls of many."""
    return all(hasattr(tx, call) for call in ("load_many", "open_clocks_many"))


def keep_many(storage: Storage) -> list[str]:
    """Keep five hundred orders; return their ids."""
    ids = [f"A{n}" for n in range(500)]
    with storage.write(MALL) as tx:
        tx.save([record(id) for id in ids])
    return ids


class RecordCases(StorageCases):
    """The cases about records."""

    @case("记录按原样读回，空的索引字段仍为空")
    def test_record_comes_back(self, storage: Storage) -> None:
        """A record comes back as it was saved, empty indexed fields included."""
        row = record(
            "A1", open=False, pack=hashed("p").hex(), body=b'{"schema":1}', merchant="m1",
            customer="",
        )
        with storage.write(MALL) as tx:
            tx.save([row])
            assert tx.load("order", "A1") == (kept(row), NO_HEAD)
        with storage.read(MALL) as tx:
            assert tx.load("order", "A1") == (kept(row), NO_HEAD)
            assert tx.load("order", "A2") == (None, NO_HEAD)
            assert tx.load("booking", "A1") == (None, NO_HEAD)
            assert tx.look_up("order", ["A1"]) == {"A1": kept(row)}
            assert list(tx.find("order")) == [kept(row)]

    @case("更新记录时，其余字段同时更新")
    def test_record_is_replaced_whole(self, storage: Storage) -> None:
        """A record that is replaced is so in all its fields, and found by the new ones."""
        with storage.write(MALL) as tx:
            tx.save([record("A1", merchant="m1", customer="c1", pack="p1")])
        later = record("A1", 2, merchant="m2", open=False, pack="p2", body=b"new")
        with storage.write(MALL) as tx:
            tx.load("order", "A1")
            tx.save([later])
        same = record("A1", 3, merchant="m2", open=False, pack="p2", body=b"newer")
        with storage.write(MALL) as tx:
            tx.load("order", "A1")
            tx.save([same])
        with storage.read(MALL) as tx:
            assert tx.load("order", "A1")[0] == kept(same)
            assert list(tx.find("order", merchant="m2", open=False)) == [kept(same)]
            assert not tx.find("order", merchant="m1")
            assert not tx.find("order", customer="c1")
            assert not tx.find("order", open=True)

    @case("版本不符的保存不生效，引发 Overtaken")
    def test_wrong_before(self, storage: Storage) -> None:
        """Saving over another version, or over none, is Overtaken and leaves nothing behind."""
        with storage.write(MALL) as tx:
            tx.save([record("A1")])
        with storage.write(MALL) as tx:
            tx.save([record("A1", 2, body=b"second")])
        older, newer = record("A1", 3, before=1), record("A1", 5, before=4)
        for wrong in (older, newer, record("A1"), record("A2", 2)):
            with pytest.raises(Overtaken) as raised, storage.write(MALL) as tx:
                tx.save([record("B1")])
                tx.save([record("B2"), wrong])
            assert raised.value.text.zh
            assert raised.value.text.en
        with storage.read(MALL) as tx:
            assert list(tx.find("order")) == [kept(record("A1", 2, body=b"second"))]

    @case("一次保存可含多类记录，新增与更新并存")
    def test_save_mixes(self, storage: Storage) -> None:
        """One save takes new rows and replaced ones of several kinds."""
        with storage.write(MALL) as tx:
            tx.save([record("A1"), record("B1", kind="booking")])
            rows = [
                record("A2"), record("A1", 2, customer="c1"), record("B1", 2, kind="booking"),
                record("C1", kind="complaint", order="A1"),
            ]
            tx.save(rows)
        with storage.read(MALL) as tx:
            for row in rows:
                assert tx.load(row.kind, row.id)[0] == kept(row)

    @case("读取记录时一并给出其日志的末条，没有记录也给出")
    def test_head_comes_with_record(self, storage: Storage) -> None:
        """Loading gives the last entry of the chain, whether there is a record or not."""
        with storage.write(MALL) as tx:
            tx.save([record("A1")])
            tx.append([entry("order/A1", n) for n in range(1, 12)])
            tx.append([entry("order/A", 1), entry("booking/A1", 30)])
            head = Head(11, hashed("order/A1", 11, b"{}"))
            assert tx.load("order", "A1") == (kept(record("A1")), head)
        for open_ in (storage.write, storage.read):
            with open_(MALL) as tx:
                assert tx.load("order", "A1") == (kept(record("A1")), head)
                assert tx.load("order", "A") == (None, Head(1, hashed("order/A", 1, b"{}")))

    @case("批量查询返回存在的记录，多少不限，也可为空")
    def test_look_up(self, storage: Storage) -> None:
        """Looking up gives those that exist, of many ids, of one, of none."""
        ids = keep_many(storage)
        for open_ in (storage.write, storage.read):
            with open_(MALL) as tx:
                found = tx.look_up("order", [*ids, "B1", "a1"])
                assert dict(found) == {id: kept(record(id)) for id in ids}
                assert not tx.look_up("order", ["B1"])
                assert not tx.look_up("order", [])
                assert not tx.look_up("booking", ["A1", "A2"])

    @case("查询哪些记录存在，多少不限，也可为空")
    def test_existing(self, storage: Storage) -> None:
        """Which records there are is said of many ids, of one, of none."""
        ids = keep_many(storage)
        for open_ in (storage.write, storage.read):
            with open_(MALL) as tx:
                assert set(tx.existing("order", [*ids, "B1", "a1"])) == set(ids)
                assert set(tx.existing("order", ["A1"])) == {"A1"}
                assert not tx.existing("order", ["B1"])
                assert not tx.existing("order", [])
                assert not tx.existing("booking", ["A1", "A2"])

    @case("一次载入多条记录及其链首，与逐条载入相同", needs="many")
    def test_load_many(self, storage: Storage) -> None:
        """Records that are loaded together, each with the head of its chain, are as if alone."""
        ids = [*keep_many(storage), "a1", "A_1", "A1 ", "gone", "never"]
        with storage.write(MALL) as tx:
            tx.save([record("a1"), record("A1", kind="booking")])
            tx.append([entry("order/A1", n) for n in (1, 2, 10)])
            tx.append([entry("order/a1", 3), entry("order/gone", 1), entry("booking/A2", 5)])
        for open_ in (storage.write, storage.read):
            with open_(MALL) as tx:
                assert dict(many(tx).load_many("order", ids)) == {
                    id: tx.load("order", id) for id in ids
                }
                assert many(tx).load_many("order", ["A1"]) == {"A1": tx.load("order", "A1")}
                assert many(tx).load_many("booking", ["A2", "A1"]) == {
                    id: tx.load("booking", id) for id in ("A1", "A2")
                }
                assert not many(tx).load_many("order", [])
        with storage.read("other") as tx:
            assert many(tx).load_many("order", ["A1"]) == {"A1": (None, NO_HEAD)}

    @case("一次载入的多条记录，均可照常保存", needs="many")
    def test_load_many_and_save(self, storage: Storage) -> None:
        """What was loaded together is saved as what was loaded alone, indexed fields included."""
        keep_many(storage)
        later = [record("A1", 2, merchant="m2"), record("A2", 2, body=b"new")]
        with storage.write(MALL) as tx:
            many(tx).load_many("order", ["A1", "A2", "A3"])
            tx.save(later)
        with storage.read(MALL) as tx:
            assert [tx.load("order", id)[0] for id in ("A1", "A2")] == [*map(kept, later)]
            assert [row.id for row in tx.find("order", merchant="m2")] == ["A1"]

    @case("未声明 many 却可用的，给出警告")
    def test_many_is_declared(self, storage: Storage) -> None:
        """A storage whose transactions have the calls of many says so; else there is a warning."""
        with storage.write(MALL) as tx:
            if has_many(tx) and not storage.capabilities.many:
                undeclared("many")

    @case("查找按编号的字节顺序返回")
    def test_find_in_order(self, storage: Storage) -> None:
        """Records are found in the order of their ids' bytes, beyond an id, up to a limit."""
        with storage.write(MALL) as tx:
            tx.save([record(id) for id in reversed(ORDERED)])
            tx.save([record(id, kind="booking") for id in ORDERED[::2]])
        with storage.read(MALL) as tx:
            assert [row.id for row in tx.find("order")] == list(ORDERED)
            assert [row.id for row in tx.find("order", limit=3)] == list(ORDERED[:3])
            for n, id in enumerate(ORDERED):
                assert [r.id for r in tx.find("order", after=id)] == list(ORDERED[n + 1 :])
                assert [r.id for r in tx.find("order", after=id, limit=2)] == list(
                    ORDERED[n + 1 : n + 3]
                )

    @case("查找条件可以组合")
    def test_find_combines(self, storage: Storage) -> None:
        """What records are found by combines: open or not, and several indexed fields."""
        rows = [
            record(
                f"A{n:02}", open=n % 2 == 0, merchant=f"m{n % 3}",
                customer=None if n % 5 == 0 else f"c{n % 5}",
            )
            for n in range(30)
        ]
        with storage.write(MALL) as tx:
            tx.save(rows)
        with storage.read(MALL) as tx:
            for open in (None, True, False):
                right = [
                    row.id for row in rows
                    if row.indexed["merchant"] == "m1" and row.indexed["customer"] == "c2"
                    and (open is None or row.open == open)
                ]
                found = tx.find("order", open=open, merchant="m1", customer="c2")
                assert [row.id for row in found] == right
            found = tx.find("order", open=True, after="A10", limit=3)
            assert [row.id for row in found] == ["A12", "A14", "A16"]
            assert not tx.find("order", customer="")

    @case("分页查找：任意页长，逐页合起来一条不漏、一条不重，按状态查找亦然")
    def test_find_in_pages(self, storage: Storage) -> None:
        """Pages of any size come to the same, whatever is looked for, the state included."""
        rows = [
            record(
                id, open=n % 3 > 0, merchant=f"m{n % 2}",
                state=("shipped/paid", "shipped/PAID", "shipped_paid")[n % 3],
            )
            for n, id in enumerate(ORDERED)
        ]
        with storage.write(MALL) as tx:
            tx.save(rows)
        wanted: list[tuple[bool | None, dict[str, str]]] = [
            (None, {}), (True, {}), (None, {"merchant": "m1"}), (None, {"state": "shipped_paid"}),
            (False, {"state": "shipped/paid", "merchant": "m0"}),
        ]
        with storage.read(MALL) as tx:
            for open_, by in wanted:
                right = [
                    row.id for row in rows
                    if open_ in (None, row.open) and by.items() <= row.indexed.items()
                ]
                for limit in (1, 2, 3, len(right), len(right) + 1):
                    found: list[str] = []
                    while page := tx.find(
                        "order", open=open_, after=found[-1] if found else "", limit=limit, **by
                    ):
                        assert len(page) == min(limit, len(right) - len(found))
                        found += [row.id for row in page]
                    assert found == right

    @case("大小写、空格、组合字符不同的编号互不相同")
    def test_ids_are_apart(self, storage: Storage) -> None:
        """Ids that differ in case, blanks or composition are different, and so are fields."""
        with storage.write(MALL) as tx:
            tx.save([record(id, body=id.encode(), customer=id) for id in APART])
        with storage.write(MALL) as tx:
            for id in APART:
                right = kept(record(id, body=id.encode(), customer=id))
                assert tx.load("order", id)[0] == right
                assert list(tx.find("order", customer=id)) == [right]
            assert tx.look_up("order", APART).keys() == set(APART)
            assert tx.load("order", "A1   ")[0] is None

    @case("任意字节原样读回：零字节、空内容、2 MiB")
    def test_bodies_are_bytes(self, storage: Storage) -> None:
        """Bodies come back byte by byte: zeros, none at all, 2 MiB."""
        bodies = {"any": ANY_BYTES, "zeros": b"\0" * 9, "none": b"", "big": ANY_BYTES * 8000}
        with storage.write(MALL) as tx:
            tx.save([record(id, body=body) for id, body in bodies.items()])
        with storage.read(MALL) as tx:
            for id, body in bodies.items():
                row, _ = tx.load("order", id)
                assert row is not None
                assert row.body == body

    @case("最长的编号、字段与商城代码均可保存")
    def test_longest_texts(self, storage: Storage) -> None:
        """The longest ids and fields are kept whole, in characters and not in bytes."""
        wide = "\N{GRINNING FACE}" * 63
        rows = [
            record(wide + end, customer=wide + end, merchant="m" * 64, pack="p" * 64)
            for end in "ab"
        ]
        with storage.write("m" * 64) as tx:
            tx.save(rows)
        with storage.read("m" * 64) as tx:
            assert list(tx.find("order")) == [kept(row) for row in rows]
            assert list(tx.find("order", customer=wide + "b")) == [kept(rows[1])]

    @case("一次可保存 5000 条记录")
    def test_many_records(self, storage: Storage) -> None:
        """Five thousand records are saved in one call."""
        with storage.write(MALL) as tx:
            tx.save([record(f"A{n:04}") for n in range(5000)])
        with storage.read(MALL) as tx:
            assert [row.id for row in tx.find("order", limit=ALL)] == [
                f"A{n:04}" for n in range(5000)
            ]
            assert len(tx.find("order")) == 1000

    @case("能查出未结记录所依的政策")
    def test_uses_pack(self, storage: Storage) -> None:
        """A pack is in use as long as an open record of the kind cites it."""
        with storage.write(MALL) as tx:
            tx.save([record("A1", pack="p1"), record("A2", pack="p2", open=False)])
            tx.save([record("B1", kind="booking", pack="p3")])
        with storage.write(MALL) as tx:
            assert tx.uses_pack("order", "p1")
            assert not tx.uses_pack("order", "p2")
            assert not tx.uses_pack("order", "p3")
            assert not tx.uses_pack("order", "P1")
            tx.load("order", "A1")
            tx.save([record("A1", 2, pack="p1", open=False)])
            assert not tx.uses_pack("order", "p1")

    @case("保存遍历的进度，按名称分别保存，未开始的为 None", needs="walks")
    def test_walks(self, storage: Storage, other: Storage) -> None:
        """How far a walk has come is kept by its name, and nothing of one that hasn't begun."""
        wide = "\N{GRINNING FACE}" * 50
        with storage.write(MALL) as tx:
            tx.put_walked("clocks/order", "A1")
            tx.put_walked(wide * 2, "m" * 64)
        with pytest.raises(Undone), storage.write(MALL) as tx:
            tx.put_walked("clocks/order", "A2")
            assert tx.walked("clocks/order") == "A2"
            raise Undone
        with other.read(MALL) as tx:
            assert tx.walked("clocks/order") == "A1"
            assert tx.walked(wide * 2) == "m" * 64
            assert tx.walked("clocks/ORDER") is None
        with other.write(MALL) as tx:
            tx.put_walked("clocks/order", "~")
        with storage.read(MALL) as tx:
            assert tx.walked("clocks/order") == "~"
        with storage.read("another") as tx:
            assert tx.walked("clocks/order") is None

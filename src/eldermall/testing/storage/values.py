"""Values: every field of every row comes back as it went, whatever it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from eldermall.contracts.storage import (
    ClockRow,
    EntryRow,
    KeyRow,
    Leaf,
    Message,
    PackRow,
    PersonalRow,
    RecordRow,
    RootRow,
    Storage,
    Transaction,
)
from eldermall.testing.case import group
from eldermall.testing.storage.cases import StorageCases
from eldermall.testing.storage.rows import (
    ALL,
    ANY_BYTES,
    CLOCK_STATES,
    LAST,
    MESSAGE_STATES,
    clock,
    entry,
    everything,
    fill,
    hashed,
    key,
    leaf,
    message,
    personal,
    record,
    root,
)
from eldermall.testing.storage.threads import MALL

case = group("取值", "values")

BODIES = (b"", b"\0", b" a ", ANY_BYTES, ANY_BYTES * 8000)
HASHES = (b"\0" * 32, b"\0\xff salt \0", b" " * 16, ANY_BYTES[-64:])

TEXTS: Mapping[type, Mapping[str, int]] = {
    RecordRow: {"id": 64, "pack": 64, "indexed": 64},
    ClockRow: {"subject": 100, "name": 80, "part": 64, "counting": 16, "pack": 64},
    EntryRow: {"subject": 100},
    PersonalRow: {"subject": 100, "path": 100, "purpose": 64},
    Message: {"id": 130, "topic": 16, "reason": 500},
    KeyRow: {"command": 80, "key": 64, "subject": 100},
    PackRow: {"hash": 64},
    Leaf: {"subject": 100},
}
"""The texts of every sort of row, and how many characters each may have."""

NUMBERS: Mapping[type, Mapping[str, int]] = {
    RecordRow: {"version": LAST},
    ClockRow: {
        "started": LAST, "limit": LAST, "due": LAST, "next": LAST, "stopped": LAST,
        "stage": 2**31 - 1,
    },
    EntryRow: {"seq": LAST},
    PersonalRow: {"seq": LAST, "recorded": LAST},
    Message: {"created": LAST, "next": LAST, "attempts": 2**31 - 1},
    KeyRow: {"created": LAST},
    RootRow: {"number": LAST},
    Leaf: {"seq": LAST},
}
"""The numbers of every sort of row, and the greatest that each may be."""

KEYS = ("version", "seq", "number")
"""Numbers that begin with 1."""

COUNTS = (0, 1, 128, 40_000, 2**31, 1_700_000_000_123_457)

BYTES: Mapping[type, Mapping[str, Sequence[bytes]]] = {
    RecordRow: {"body": BODIES}, EntryRow: {"body": BODIES, "hash": HASHES},
    PersonalRow: {"value": BODIES, "salt": HASHES}, Message: {"body": BODIES},
    KeyRow: {"salt": HASHES, "fingerprint": HASHES}, RootRow: {"body": BODIES, "hash": HASHES},
    PackRow: {"body": BODIES}, Leaf: {"hash": HASHES},
}
"""The bytes of every sort of row, and what each may be."""

SIGNS = (
    "it's", '"so"', "''", "\\", "\\\\", "\\'", "a\\nb", "line\nbreak", "\r\n", "tab\t", "%", "%s",
    "%%", "%(a)s", "a_1", ":mall", "?", "$1", "{}", "<b>&amp;", ";--", "/*", "NULL", "None", "007",
    "1e5", "0x41", "true", "A", "a", " a", "a ", "a  ", "\u3000", "\u00a0",
    "e\N{COMBINING ACUTE ACCENT}", "\N{LATIN SMALL LETTER E WITH ACUTE}",
    "\N{LATIN SMALL LETTER SHARP S}", "\N{KELVIN SIGN}", "\u4e2d", "\N{GRINNING FACE}",
    "\U00020bb7", "\N{RIGHT-TO-LEFT OVERRIDE}", "\ufeff", "\x7f", "\x1b[0m",
)
"""Texts that mean something to some program on the way."""


PATTERNS = (
    "A1", "A_1", "AB1", "A%1", "A%", "A*1", "A*", "A?1", "A.1", "A.*1", "A[B]1", "^A1", "A1$",
    "A\\_1", "A1 ", "a_1", "%", "_", "*", ".*",
)
"""Texts that would match one another if one were taken for a pattern."""


def rows(number: int) -> Mapping[type, Any]:
    """Return a row of every sort, with keys that no other number gives."""
    subject = f"order/N{number}"
    return {
        RecordRow: record(f"N{number}"), ClockRow: clock(subject), EntryRow: entry(subject, 1),
        PersonalRow: personal(subject), Message: message(f"{subject}#1.0"),
        KeyRow: key(f"n{number}"), PackRow: PackRow(hashed(number).hex(), b"{}"),
        RootRow: root(number), Leaf: leaf(subject, 1),
    }


def put(tx: Transaction, number: int, row: Any) -> None:
    """Write one row, with others where it can't be alone."""
    match row:
        case RecordRow():
            tx.save([row])
        case ClockRow():
            tx.put_clocks([row])
        case EntryRow():
            tx.append([row])
        case PersonalRow():
            tx.append([entry(row.subject, row.seq)], [row])
        case Message():
            tx.enqueue([row])
        case KeyRow():
            assert tx.claim_key(row) is None, row
        case PackRow():
            tx.put_pack(row)
        case RootRow() | Leaf():
            waits = leaf(f"order/W{number}", 1)
            tx.append([entry(waits.subject, waits.seq)])
            if isinstance(row, RootRow):
                tx.seal(row, [waits], [waits])
            else:
                tx.seal(root(number), [row], [waits])


def clocks_of(tx: Transaction, subject: str) -> list[ClockRow]:
    """Return the clocks of a subject, those that were met among them."""
    met = [row for row in tx.clocks(["met"], limit=ALL) if row.subject == subject]
    return [*tx.open_clocks(subject), *met]


GOT: Mapping[type, Callable[[Transaction, int, Any], Iterable[Any]]] = {
    RecordRow: lambda tx, number, row: tx.look_up(row.kind, [row.id]).values(),
    ClockRow: lambda tx, number, row: clocks_of(tx, row.subject),
    EntryRow: lambda tx, number, row: tx.chain(row.subject),
    PersonalRow: lambda tx, number, row: tx.personal(row.subject),
    Message: lambda tx, number, row: [m for m in tx.messages(["pending"], ALL) if m.id == row.id],
    KeyRow: lambda tx, number, row: [tx.claim_key(replace(row, salt=b"another"))],
    PackRow: lambda tx, number, row: [pack for pack in tx.packs() if pack.hash == row.hash],
    RootRow: lambda tx, number, row: tx.roots(row.number - 1, 1),
    Leaf: lambda tx, number, row: tx.leaves(number),
}
"""What stands in place of a row, read again."""


def keep(storage: Storage, fields: Mapping[type, Mapping[str, Sequence[Any]]]) -> None:
    """Write a row for each value of each field, and compare each with what is read."""
    for sort, values in fields.items():
        mall = f"m{sort.__name__}"
        told = list(enumerate(_told(sort, values), 1))
        with storage.write(mall) as tx:
            for number, (_, row) in told:
                put(tx, number, row)
        with storage.write(mall) as tx:
            for number, (what, row) in told:
                right = replace(row, before=row.version) if isinstance(row, RecordRow) else row
                assert list(GOT[sort](tx, number, row)) == [right], what


def _told(sort: type, values: Mapping[str, Sequence[Any]]) -> Iterator[tuple[str, Any]]:
    number = 0
    for field, each in values.items():
        for value in each:
            number += 1
            row = rows(number)[sort]
            changed: dict[str, Any] = {field: value}
            if field == "indexed":
                changed = {"indexed": row.indexed | {"customer": value}}
            elif field == "stopped":
                changed |= {"state": "met", "next": None}
            yield f"{sort.__name__}.{field}: {value!r:.60}", replace(row, **changed)


class ValueCases(StorageCases):
    """The cases about values, field by field."""

    @case("每个文本字段都按原样读回：引号、通配符、空白、各种文字、最长者")
    def test_texts(self, storage: Storage) -> None:
        """Every text of every row comes back as it was: signs, blanks, scripts, the longest."""
        keep(storage, {
            sort: {
                field: [sign[:most] for sign in SIGNS] + ["\N{GRINNING FACE}" * most]
                for field, most in fields.items()
            }
            for sort, fields in TEXTS.items()
        })

    @case("每个数字字段都完整保存：时刻精确到微秒，计数超出 16 位")
    def test_numbers(self, storage: Storage) -> None:
        """Every number of every row is kept whole: moments to the microsecond, great counts."""
        keep(storage, {
            sort: {
                field: [n for n in COUNTS if (field in KEYS) <= n <= most] + [most]
                for field, most in fields.items()
            }
            for sort, fields in NUMBERS.items()
        })

    @case("每个字节字段都按原样读回：零字节、末尾空格，正文可超过 64 KB")
    def test_bytes(self, storage: Storage) -> None:
        """Every body and hash comes back byte by byte: zeros, blanks, more than 64 KB."""
        keep(storage, BYTES)

    @case("每次尝试的结果按原样读回：任何文字的原因，任何时刻")
    def test_outcomes(self, storage: Storage) -> None:
        """What came of a try comes back as it was: any reason, any moment."""
        reasons = (*SIGNS, "\N{GRINNING FACE}" * 500)
        told: list[dict[str, Any]] = [{"reason": reason} for reason in reasons]
        told += [{"next": moment} for moment in (*COUNTS, LAST)]
        with storage.write(MALL) as tx:
            tx.enqueue([message(f"A{n:03}") for n in range(len(told))])
            taken = tx.claim_messages(10, ALL, 20)
            settled = [replace(row, **what) for row, what in zip(taken, told, strict=True)]
            for row in settled:
                tx.settle_message(row)
        with storage.read(MALL) as tx:
            assert list(tx.messages(MESSAGE_STATES, ALL)) == settled

    @case("查找条件不是通配符：A_1 不等于 AB1")
    def test_find_takes_no_pattern(self, storage: Storage) -> None:
        """What records are found by is never a pattern: `A_1` doesn't find `AB1`."""
        with storage.write(MALL) as tx:
            tx.save([record(id, customer=id, pack=id) for id in PATTERNS])
        with storage.write(MALL) as tx:
            for id in PATTERNS:
                right = replace(record(id, customer=id, pack=id), before=1)
                assert list(tx.find("order", customer=id)) == [right]
                assert tx.load("order", id)[0] == right
                assert dict(tx.look_up("order", [id])) == {id: right}
                assert set(tx.existing("order", [id])) == {id}
            assert not tx.uses_pack("order", "A__")
            assert not tx.find("order", customer="A__")
            assert not tx.find("order", customer="A")

    @case("删除个人信息时对象名不是通配符：删除 A_1 不影响 AB1")
    def test_erase_takes_no_pattern(self, storage: Storage) -> None:
        """Erasing `A_1` leaves `AB1` alone: a subject is never a pattern."""
        for number, gone in enumerate(("A_1", "A%1", "A*", "A.*1", "A[B]1", "^A1", "%")):
            with storage.write(f"m{number}") as tx:
                for id in PATTERNS:
                    tx.append([entry(id, 1)], [personal(id)])
                    tx.claim_key(key(id, subject=id))
                assert tx.erase(gone) == 1
                for id in PATTERNS:
                    kept = id != gone
                    assert len(tx.personal(id)) == kept, id
                    again = replace(key(id, subject=id), salt=b"again")
                    assert (tx.claim_key(again) is not None) == kept, id

    @case("对象、部分、命令与幂等键都不是通配符")
    def test_nothing_is_a_pattern(self, storage: Storage) -> None:
        """Subjects, parts, commands and keys are never patterns for others."""
        sealed = [leaf(id, 1) for id in PATTERNS]
        with storage.write(MALL) as tx:
            for id in PATTERNS:
                tx.put_clocks([clock(id), clock("order/A1", id)])
                tx.append([entry(id, 1)])
                assert tx.claim_key(key(id)) is None
                assert tx.claim_key(key("A1", command=id)) is None
            tx.seal(root(1), sealed, sealed)
        with storage.write(MALL) as tx:
            for id in PATTERNS:
                assert list(tx.open_clocks(id)) == [clock(id)]
                assert list(tx.chain(id)) == [entry(id, 1)]
                assert tx.sealing(id, 1) == (1, leaf(id, 1))
                assert tx.claim_key(key(id)) == key(id)
                assert tx.claim_key(key("A1", command=id)) == key("A1", command=id)
            assert not tx.open_clocks("A__")
            assert not tx.chain("A__")
            assert tx.sealing("A__", 1) is None

    @case("要零个就一个也不给")
    def test_none_wanted(self, storage: Storage) -> None:
        """Who asks for none gets none, and nothing is claimed or forgotten."""
        with storage.write(MALL) as tx:
            fill(tx)
            before = everything(tx)
            assert not tx.find("order", limit=0)
            assert not tx.due_clocks(LAST, 0)
            assert not tx.clocks(CLOCK_STATES, limit=0)
            assert not tx.clocks([])
            assert not tx.holding_personal(LAST, "", 0)
            assert not tx.unsealed(0)
            assert not tx.roots(0, 0)
            assert not tx.messages(MESSAGE_STATES, 0)
            assert not tx.messages([])
            assert not tx.claim_messages(LAST, 0, LAST)
            assert tx.forget_keys(LAST, 0) == 0
            assert everything(tx) == before
            assert tx.claim_key(key()) == key()

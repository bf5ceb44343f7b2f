"""Verification: every chain and every root of the journal is checked, and roots from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from operator import attrgetter

from eldermall.contracts.storage import NO_HEAD, EntryRow, Head, Leaf, RootRow, Transaction
from eldermall.engine.journal import ALGORITHM, FORMAT, body_fields, leaf_bytes, roots_after
from eldermall.engine.merkle import tree_hash
from eldermall.texts import Text

PART = 20_000
"""Entries that are checked at a time: what is held in memory, and what one worker takes."""

Part = tuple[str, str | None]
"""Subjects beyond the first up to and including the second, or to the end."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with the journal."""

    where: str
    code: str
    text: Text


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found.

    Args:
        entries: how many entries were read.
        subjects: how many chains.
        sealed: how many entries are under a root.
        roots: how many roots.
        anchored: the number of the newest root that was compared with one from outside, or None.
        findings: what is wrong; empty if nothing is.
    """

    entries: int
    subjects: int
    sealed: int
    roots: int
    anchored: int | None
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def __add__(self, other: Verification) -> Verification:
        """Return what two parts of a journal come to."""
        return Verification(
            self.entries + other.entries,
            self.subjects + other.subjects,
            self.sealed + other.sealed,
            self.roots + other.roots,
            self.anchored if other.anchored is None else other.anchored,
            self.findings + other.findings,
        )


def verify(
    tx: Transaction, mall: str, outside: Iterable[bytes] | None = None
) -> Verification:
    """Check every chain, every root, and the roots against those kept outside the database.

    Args:
        tx: a transaction that reads.
        mall: the mall's code.
        outside: the bytes of roots from outside the database; None if there are none, and the
            result is unanchored.
    """
    found = verify_roots(tx, mall, outside)
    for after, upto in parts(tx):
        found += verify_part(tx, mall, after, upto)
    return found


def parts(tx: Transaction, entries: int = PART) -> Iterator[Part]:
    """Cut the journal into parts of about ``entries`` entries that can be checked by themselves."""
    after = ""
    while (upto := tx.stride(after, entries)) is not None:
        yield after, upto
        after = upto
    yield after, None


def verify_roots(
    tx: Transaction, mall: str, outside: Iterable[bytes] | None = None
) -> Verification:
    """Check that each root is the hash of its leaves and follows the one before it.

    Args:
        tx: a transaction that reads.
        mall: the mall's code.
        outside: as of `verify`.
    """
    check = _Check(mall)
    check.roots(tx, {} if outside is None else _by_number(outside))
    return check.result()


def verify_part(tx: Transaction, mall: str, after: str, upto: str | None) -> Verification:
    """Check the chains of the subjects beyond ``after`` up to ``upto`` against their leaves.

    Parts may be checked in transactions of their own, at different moments and by different
    processes. Each is consistent by itself, since a chain, its leaves and what of it waits lie in
    one part and are read in one transaction. What is appended meanwhile is counted or not.
    """
    check = _Check(mall)
    check.chains(tx, after, upto)
    return check.result()


def _by_number(outside: Iterable[bytes]) -> dict[int | None, set[bytes]]:
    found: dict[int | None, set[bytes]] = {}
    for line in outside:
        body = line.rstrip(b"\r\n")
        number = body_fields(body).get("number")
        found.setdefault(number if type(number) is int else None, set()).add(body)
    return found


class _Check:
    def __init__(self, mall: str) -> None:
        self.mall = mall
        self.findings: list[Finding] = []
        self.leaves: dict[str, dict[int, bytes]] = {}
        self.waiting: dict[str, dict[int, bytes]] = {}
        self.count = self.subjects = self.sealed = self.rooted = 0
        self.anchored: int | None = None

    def result(self) -> Verification:
        return Verification(
            self.count, self.subjects, self.sealed, self.rooted, self.anchored,
            tuple(self.findings),
        )

    def say(self, where: str, code: str, zh: str, en: str) -> None:
        self.findings.append(Finding(where, code, Text(zh, en)))

    def wrong_type(self, where: str) -> None:
        self.say(where, "type", f"{where} 的数据类型不符", f"{where} holds values of a wrong type")

    def roots(self, tx: Transaction, outside: dict[int | None, set[bytes]]) -> None:
        before = b""
        for row in roots_after(tx):
            before = self.root(tx, row, before, outside.pop(row.number, set()))
        for number, bodies in outside.items():
            for _ in bodies:
                self.differs(number)

    def root(self, tx: Transaction, row: RootRow, before: bytes, outside: set[bytes]) -> bytes:
        where = f"root {row.number}"
        leaves = []
        for leaf in tx.leaves(row.number):
            if _sound(leaf):
                leaves.append(leaf_bytes(leaf))
            else:
                self.wrong_type(f"{where}, {leaf.subject!s}")
        if not (type(row.number) is int and type(row.hash) is type(row.body) is bytes):
            self.wrong_type(where)
            return before
        self.rooted += 1
        right = {
            "v": FORMAT,
            "alg": ALGORITHM,
            "mall": self.mall,
            "number": self.rooted,
            "prev": before.hex(),
            "leaves": len(leaves),
            "tree": tree_hash(leaves).hex(),
        }
        if wrong := _differing(row.body, row.hash, right):
            self.say(
                where, "root", f"封存根 {row.number} 不符：{', '.join(wrong)}",
                f"root {row.number} doesn't match: {', '.join(wrong)}",
            )
        for body in outside:
            if body == row.body:
                self.anchored = row.number
            else:
                self.differs(row.number)
        return row.hash

    def differs(self, number: int | None) -> None:
        self.say(
            f"root {number}", "anchor", f"库外保存的封存根 {number} 与库内不一致",
            f"root {number} from outside isn't the one in the database",
        )

    def chains(self, tx: Transaction, after: str, upto: str | None) -> None:
        newest = tx.last_root()
        last = 0 if newest is None or type(newest.number) is not int else newest.number
        for number, leaf in tx.sealed(after, upto):
            if not (_sound(leaf) and type(number) is int):
                self.wrong_type(f"root {number}, {leaf.subject!s}")
            elif 0 < number <= last:
                self.leaves.setdefault(leaf.subject, {})[leaf.seq] = leaf.hash
            else:
                self.say(
                    f"root {number}, {leaf.subject}", "leaf",
                    f"{leaf.subject} 的封存所属的封存根 {number} 不存在",
                    f"{leaf.subject} is noted under root {number}, which isn't there",
                )
        for leaf in tx.waiting(after, upto):
            if _sound(leaf):
                self.waiting.setdefault(leaf.subject, {})[leaf.seq] = leaf.hash
            else:
                self.wrong_type(f"{leaf.subject!s}#{leaf.seq}")
        for subject, rows in groupby(tx.entries(after, upto), attrgetter("subject")):
            self.subjects += 1
            self.chain(subject, rows)
        for missing in sorted(set(self.leaves) | set(self.waiting)):
            self.say(
                missing, "chain-removed", f"{missing} 的全部记录已消失",
                f"all entries of {missing} are gone",
            )

    def chain(self, subject: str, rows: Iterable[EntryRow]) -> None:
        leaves = self.leaves.pop(subject, {})
        waiting = self.waiting.pop(subject, {})
        sealed_to = max(leaves, default=0)
        head: Head | EntryRow = NO_HEAD
        for row in rows:
            self.count += 1
            seq, digest = row.seq, row.hash
            if not (_sound(row) and type(row.body) is bytes):
                self.wrong_type(f"{subject!s}#{seq}")
                continue
            self.link(row, head)
            noted = waiting.pop(seq, None)
            if noted is None:
                self.sealed += 1
                noted = digest if seq <= sealed_to else b""
            if not noted == digest == leaves.get(seq, digest):
                self.say(
                    f"{subject}#{seq}", "seal",
                    f"{subject} 第 {seq} 条记录与其封存不符",
                    f"entry {seq} of {subject} isn't the one that was noted for sealing",
                )
            head = row
        if waiting or sealed_to > head.seq:
            self.say(
                subject, "tail-removed",
                f"{subject} 第 {head.seq} 条之后的记录已消失",
                f"entries of {subject} after {head.seq} are gone",
            )

    def link(self, row: EntryRow, head: Head | EntryRow) -> None:
        right = {
            "v": FORMAT,
            "alg": ALGORITHM,
            "mall": self.mall,
            "subject": row.subject,
            "seq": row.seq,
            "prev": head.hash.hex(),
        }
        wrong = _differing(row.body, row.hash, right)
        if row.seq != head.seq + 1:
            wrong.append("number")
        if wrong:
            self.say(
                f"{row.subject}#{row.seq}", "entry",
                f"{row.subject} 第 {row.seq} 条记录不符：{', '.join(wrong)}",
                f"entry {row.seq} of {row.subject} doesn't match: {', '.join(wrong)}",
            )


def _sound(row: Leaf | EntryRow) -> bool:
    return type(row.seq) is int and type(row.hash) is bytes and type(row.subject) is str


def _differing(body: bytes, digest: bytes, right: dict[str, object]) -> list[str]:
    fields = body_fields(body)
    intact = sha256(body).digest() == digest
    if intact and right.items() <= fields.items():
        return []
    wrong = [name for name, value in right.items() if fields.get(name) != value]
    return wrong if intact else [*wrong, "hash"]

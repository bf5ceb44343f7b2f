"""The journal: entries chained per subject, sealed under Merkle roots, and verified.

An entry is canonical JSON with ``v`` and ``alg``; its hash is SHA-256 over the stored bytes. It
names the mall, the subject, its number in the subject's chain and the hash before it. Personal
values stand in it only as salted commitments.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from eldermall.contracts.storage import (
    EntryRow,
    Head,
    Leaf,
    PersonalRow,
    RootRow,
    Transaction,
)
from eldermall.engine.canonical import canonical
from eldermall.engine.inputs import Arguments
from eldermall.engine.merkle import tree_hash
from eldermall.texts import Text

FORMAT = 1
ALGORITHM = "sha256"


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry says, before it has its place in a chain."""

    subject: str
    at: int
    fields: Mapping[str, Any]
    personal: tuple[tuple[str, str, bytes, bytes], ...] = ()


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


def commit(value: Any, salt: bytes) -> str:
    """Return the salted commitment to ``value`` that stands in an entry instead of it."""
    return sha256(salt + canonical(value)).hexdigest()


def args_of(args: Arguments) -> tuple[dict[str, Any], tuple[tuple[str, str, bytes, bytes], ...]]:
    """Return the arguments for an entry, and (path, purpose, salt, value) of the personal ones."""
    fields = args.model_dump(mode="json")
    if not args.personal:
        return fields, ()
    kept = []
    for name, purpose in args.personal.items():
        salt = secrets.token_bytes(32)
        value = fields[name]
        fields[name] = {"commitment": commit(value, salt)}
        kept.append((f"args.{name}", purpose, salt, canonical(value)))
    return fields, tuple(kept)


def chain(
    mall: str, entry: Entry, head: Head, recorded: int
) -> tuple[EntryRow, list[PersonalRow], Head]:
    """Put ``entry`` behind ``head``; return its row, its personal rows, and the new head."""
    seq = head.seq + 1
    body = canonical(
        {
            **entry.fields,
            "v": FORMAT,
            "alg": ALGORITHM,
            "mall": mall,
            "subject": entry.subject,
            "seq": seq,
            "prev": head.hash.hex(),
            "at": entry.at,
            "recorded": recorded,
        }
    )
    digest = sha256(body).digest()
    personal = [
        PersonalRow(entry.subject, seq, path, purpose, salt, value)
        for path, purpose, salt, value in entry.personal
    ]
    return EntryRow(entry.subject, seq, digest, body), personal, Head(seq, digest)


def leaf_bytes(leaf: Leaf) -> bytes:
    """Return the bytes of a leaf of a root's tree."""
    return canonical([leaf.subject, leaf.seq, leaf.hash.hex()])


def seal(tx: Transaction, mall: str, now: int, limit: int) -> RootRow | None:
    """Seal up to ``limit`` waiting entries under a new root; None if none wait.

    Raises:
        Conflict: another sealer was first.
    """
    waiting = tx.unsealed(limit)
    if not waiting:
        return None
    leaves = list({row.subject: row for row in waiting}.values())
    before = tx.last_root()
    body = canonical(
        {
            "v": FORMAT,
            "alg": ALGORITHM,
            "mall": mall,
            "number": 1 if before is None else before.number + 1,
            "prev": "" if before is None else before.hash.hex(),
            "leaves": len(leaves),
            "tree": tree_hash([leaf_bytes(leaf) for leaf in leaves]).hex(),
            "time": now,
        }
    )
    root = RootRow(
        1 if before is None else before.number + 1, sha256(body).digest(), body
    )
    tx.seal(root, leaves, waiting)
    return root


def verify(
    tx: Transaction, mall: str, outside: Iterable[bytes] | None = None, *, waiting: int = 10**9
) -> Verification:
    """Check every chain, every root, and the roots against those kept outside the database.

    Args:
        tx: a transaction that reads.
        mall: the mall's code.
        outside: the bytes of roots from outside the database; None if there are none, and the
            result is unanchored.
        waiting: the most unsealed entries to expect.
    """
    check = _Check(mall)
    roots = check.roots(tx)
    check.outside(roots, outside)
    check.chains(tx.entries(), {(w.subject, w.seq): w.hash for w in tx.unsealed(waiting)})
    return Verification(
        check.count, check.subjects, check.sealed, len(roots), check.anchored,
        tuple(check.findings),
    )


class _Check:
    def __init__(self, mall: str) -> None:
        self.mall = mall
        self.findings: list[Finding] = []
        self.leaves: dict[str, list[tuple[int, bytes]]] = {}
        self.count = self.subjects = self.sealed = 0
        self.anchored: int | None = None

    def say(self, where: str, code: str, zh: str, en: str) -> None:
        self.findings.append(Finding(where, code, Text(zh, en)))

    def roots(self, tx: Transaction) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        before = b""
        for row in tx.roots():
            where = f"root {row.number}"
            found[row.number] = row.body
            fields = _read(row.body)
            leaves = tx.leaves(row.number)
            right = {
                "v": FORMAT,
                "alg": ALGORITHM,
                "mall": self.mall,
                "number": len(found),
                "prev": before.hex(),
                "leaves": len(leaves),
                "tree": tree_hash([leaf_bytes(leaf) for leaf in leaves]).hex(),
            }
            wrong = [name for name, value in right.items() if fields.get(name) != value]
            if sha256(row.body).digest() != row.hash:
                wrong.append("hash")
            if wrong:
                self.say(
                    where, "root", f"封存根 {row.number} 不符：{', '.join(wrong)}",
                    f"root {row.number} doesn't match: {', '.join(wrong)}",
                )
            for leaf in leaves:
                self.leaves.setdefault(leaf.subject, []).append((leaf.seq, leaf.hash))
            before = row.hash
        return found

    def outside(self, roots: Mapping[int, bytes], outside: Iterable[bytes] | None) -> None:
        for body in outside or ():
            number = _read(body).get("number")
            if not isinstance(number, int) or roots.get(number) != body:
                self.say(
                    f"root {number}", "anchor",
                    f"库外保存的封存根 {number} 与库内不一致",
                    f"root {number} from outside isn't the one in the database",
                )
            else:
                self.anchored = max(number, self.anchored or 0)

    def chains(
        self, entries: Iterator[EntryRow], waiting: dict[tuple[str, int], bytes]
    ) -> None:
        head = Head(0, b"")
        subject: str | None = None
        for row in entries:
            if row.subject != subject:
                self.finish(subject, head, waiting)
                subject, head = row.subject, Head(0, b"")
                self.subjects += 1
            self.count += 1
            self.link(row, head)
            self.cover(row, waiting)
            head = Head(row.seq, row.hash)
        self.finish(subject, head, waiting)
        for missing in sorted(set(self.leaves) | {s for s, _ in waiting}):
            self.say(
                missing, "chain-removed", f"{missing} 的全部记录已消失",
                f"all entries of {missing} are gone",
            )

    def link(self, row: EntryRow, head: Head) -> None:
        fields = _read(row.body)
        right = {
            "v": FORMAT,
            "alg": ALGORITHM,
            "mall": self.mall,
            "subject": row.subject,
            "seq": head.seq + 1,
            "prev": head.hash.hex(),
        }
        wrong = [name for name, value in right.items() if fields.get(name) != value]
        if row.seq != head.seq + 1:
            wrong.append("number")
        if sha256(row.body).digest() != row.hash:
            wrong.append("hash")
        if wrong:
            self.say(
                f"{row.subject}#{row.seq}", "entry",
                f"{row.subject} 第 {row.seq} 条记录不符：{', '.join(wrong)}",
                f"entry {row.seq} of {row.subject} doesn't match: {', '.join(wrong)}",
            )

    def cover(self, row: EntryRow, waiting: dict[tuple[str, int], bytes]) -> None:
        waits = waiting.pop((row.subject, row.seq), None)
        leaves = self.leaves.get(row.subject, [])
        if waits is None:
            self.sealed += 1
        at_leaf = [digest for seq, digest in leaves if seq == row.seq]
        beyond = all(seq < row.seq for seq, _ in leaves)
        if (
            (waits is None and beyond)
            or (waits is not None and waits != row.hash)
            or any(digest != row.hash for digest in at_leaf)
        ):
            self.say(
                f"{row.subject}#{row.seq}", "seal",
                f"{row.subject} 第 {row.seq} 条记录与其封存不符",
                f"entry {row.seq} of {row.subject} isn't the one that was noted for sealing",
            )

    def finish(
        self, subject: str | None, head: Head, waiting: dict[tuple[str, int], bytes]
    ) -> None:
        if subject is None:
            return
        sealed_to = max((seq for seq, _ in self.leaves.pop(subject, [])), default=0)
        lost = [key for key in waiting if key[0] == subject]
        for key in lost:
            del waiting[key]
        if sealed_to > head.seq or lost:
            self.say(
                subject, "tail-removed",
                f"{subject} 第 {head.seq} 条之后的记录已消失",
                f"entries of {subject} after {head.seq} are gone",
            )


def _read(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def entry_fields(row: EntryRow) -> dict[str, Any]:
    """Return what an entry says."""
    return _read(row.body)

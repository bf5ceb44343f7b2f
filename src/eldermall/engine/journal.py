"""The journal: entries chained per subject and sealed under Merkle roots.

An entry is canonical JSON with ``v`` and ``alg``; its hash is SHA-256 over the stored bytes. It
names the mall, the subject, its number in the subject's chain and the hash before it. Personal
values stand in it only as salted commitments.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from json.encoder import encode_basestring
from typing import Any

from pydantic_core import from_json

from eldermall.contracts.storage import (
    EntryRow,
    Head,
    Leaf,
    PersonalRow,
    RootRow,
    Transaction,
)
from eldermall.engine.canonical import canonical
from eldermall.engine.inputs import Arguments, said_of
from eldermall.engine.merkle import tree_hash

FORMAT = 1
ALGORITHM = "sha256"


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry says, before it has its place in a chain.

    ``stranger``: it tells what somebody tried on a record that isn't theirs.
    """

    subject: str
    at: int
    fields: Mapping[str, Any]
    personal: tuple[tuple[str, str, bytes, bytes], ...] = ()
    stranger: bool = False


def commit(value: Any, salt: bytes) -> str:
    """Return the salted commitment to ``value`` that stands in an entry instead of it."""
    return sha256(salt + canonical(value)).hexdigest()


def args_of(args: Arguments) -> tuple[dict[str, Any], tuple[tuple[str, str, bytes, bytes], ...]]:
    """Return the arguments for an entry, and (path, purpose, salt, value) of the personal ones.

    Where nothing was said there is nothing to keep.
    """
    fields = dict(said_of(args))
    if not args.personal:
        return fields, ()
    kept = []
    for name, purpose in args.personal.items():
        if fields[name] is None:
            continue
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
        PersonalRow(entry.subject, seq, path, purpose, salt, value, recorded)
        for path, purpose, salt, value in entry.personal
    ]
    return EntryRow(entry.subject, seq, digest, body), personal, Head(seq, digest)


def leaf_bytes(leaf: Leaf) -> bytes:
    """Return the bytes of a leaf of a root's tree."""
    return f'[{encode_basestring(leaf.subject)},{leaf.seq},"{leaf.hash.hex()}"]'.encode()


def seal(tx: Transaction, mall: str, now: int, limit: int) -> RootRow | None:
    """Seal up to ``limit`` waiting entries under a new root; None if none wait.

    Raises:
        Overtaken: another sealer was first.
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


def roots_after(tx: Transaction, number: int = 0) -> Iterator[RootRow]:
    """Return the roots beyond ``number`` to the newest, read some at a time."""
    while rows := tx.roots(number):
        yield from rows
        number = rows[-1].number


def body_fields(body: bytes) -> dict[str, Any]:
    """Return what an entry or root says; nothing if it isn't what was written here."""
    try:
        fields = from_json(body)
    except (ValueError, TypeError):
        return {}
    return fields if isinstance(fields, dict) else {}


def entry_fields(row: EntryRow) -> dict[str, Any]:
    """Return what an entry says."""
    return body_fields(row.body)

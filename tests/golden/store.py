"""Everything that a mall stores, one line a row, read through the storage contract.

Entries, roots and personal values stand in the lines as the very bytes that are stored. Of a
record's body a line shows what a move has changed in it, of a message's what its entry doesn't
say, and of both the beginning of the hash of all its bytes. What follows from others isn't
written: hashes of entries and roots are computed and compared here, and so are leaves, what waits
for sealing, and the marks of messages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any, get_args

from eldermall import Mall
from eldermall.contracts.storage import (
    ClockRow,
    ClockState,
    EntryRow,
    KeyRow,
    Message,
    MessageState,
    PackRow,
    PersonalRow,
    RecordRow,
    RootRow,
    Transaction,
)
from eldermall.mall import rulebook

KINDS = tuple(rulebook().kinds)
_ALL = 1_000_000

Row = RecordRow | ClockRow | EntryRow | KeyRow | Message | PackRow | PersonalRow | RootRow
Rows = dict[tuple[Any, ...], Row]


class _Undo(Exception):
    pass


def read(mall: Mall, before: Rows, keys: Iterable[tuple[str, str]]) -> Rows:
    """Return every row of ``mall`` by what it is.

    Args:
        mall: the mall.
        before: as it was read last: personal values of a subject change with its entries only.
        keys: the idempotency keys that may be there, by command and key.
    """
    rows: Rows = {}
    with mall.read() as tx:
        rows |= {("pack", row.hash): row for row in tx.packs()}
        entries = {("entry", row.subject, row.seq): row for row in tx.entries()}
        rows |= entries
        for kind in KINDS:
            found = tx.find(kind, limit=_ALL)
            rows |= {("record", kind, row.id): row for row in found}
        for clock in tx.clocks(get_args(ClockState), limit=_ALL):
            rows["clock", clock.subject, clock.name, clock.part, clock.started] = clock
        rows |= _personal(tx, before, entries)
        rows |= {("message", *_placed(m.id)): m for m in tx.messages(_STATES, limit=_ALL)}
        _marked(entries, rows)
        _sealed(tx, entries, rows)
    rows |= _keys(mall, keys)
    return rows


_STATES = get_args(MessageState)


def _placed(id: str) -> tuple[str, int, int, str]:
    """Return the place of a message: its entry's subject and number, its own, and its receiver."""
    born, _, receiver = id.partition("@")
    subject, _, rest = born.rpartition("#")
    seq, _, number = rest.partition(".")
    return (subject, int(seq), int(number), receiver) if subject else (born, 0, 0, receiver)


def _marked(entries: Mapping[Any, EntryRow], rows: Rows) -> None:
    """Check that each message's mark is the beginning of its entry's hash."""
    for key, row in rows.items():
        if isinstance(row, Message) and row.topic != "root":
            _, subject, seq, *_ = key
            mark = entries["entry", subject, seq].hash.hex()[:8]
            assert json.loads(row.body)["mark"] == mark


def _unmarked(body: bytes) -> bytes:
    return re.sub(rb'"mark":"[0-9a-f]{8}",', b"", body)


def _personal(tx: Transaction, before: Rows, entries: Mapping[Any, EntryRow]) -> Rows:
    known = {key for key in before if key[0] == "entry"}
    moved = {subject for kind, subject, seq in entries if (kind, subject, seq) not in known}
    rows = {
        key: row for key, row in before.items() if key[0] == "personal" and key[1] not in moved
    }
    for subject in sorted(moved):
        rows |= {("personal", subject, p.seq, p.path): p for p in tx.personal(subject)}
    return rows


def _sealed(tx: Transaction, entries: Mapping[Any, EntryRow], rows: Rows) -> None:
    """Read the roots; check that leaves and what waits are what entries and roots make of them."""
    hashes = {(row.subject, row.seq): row.hash for row in entries.values()}
    for row in tx.roots():
        assert row.hash == sha256(row.body).digest()
        rows["root", row.number] = row
        assert len(tx.leaves(row.number)) == json.loads(row.body)["leaves"]
    to: dict[str, int] = {}
    for _, leaf in tx.sealed():
        assert leaf.hash == hashes[leaf.subject, leaf.seq]
        to[leaf.subject] = max(leaf.seq, to.get(leaf.subject, 0))
    waiting = {(leaf.subject, leaf.seq): leaf.hash for leaf in tx.waiting()}
    beyond = {key: hash for key, hash in hashes.items() if key[1] > to.get(key[0], 0)}
    assert waiting == beyond


def _keys(mall: Mall, keys: Iterable[tuple[str, str]]) -> Rows:
    """Return the keys that are there: claimed once more, and then undone."""
    rows: Rows = {}
    with suppress(_Undo), mall.storage.write(mall.code) as tx:
        for command, key in keys:
            used = tx.claim_key(KeyRow(command, key, b"", b"", "", 0))
            if used is not None:
                rows["key", command, key] = used
        raise _Undo
    return rows


_ORDER = ("pack", "entry", "record", "clock", "personal", "key", "message", "root")


def _place(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return _ORDER.index(key[0]), *key[1:]


def changes(before: Rows, after: Rows, now: int) -> Iterator[str]:
    """Yield a line for each row that is new, another, or gone.

    Of a row that was there before, only what has changed is shown; and of a new one not that it
    was made ``now``, nor that it is as rows of its kind begin.
    """
    for key in sorted(before.keys() | after.keys(), key=_place):
        if key not in after:
            yield _text(gone=" ".join(map(str, key)))
        elif after[key] != before.get(key):
            fields = dict(_fields(after[key]))
            made = fields.pop("made", now)
            was = dict(_fields(before[key])) if key in before else _BEGINNING
            changed = {k: v for k, v in fields.items() if k not in was or was[k] != v}
            if made != now and key not in before:
                changed["made"] = made
            yield _text(**{key[0]: _name(key)}, **changed)


_BEGINNING = {
    "stage": 0, "state": "pending", "attempts": 0, "reason": "", "stopped": None, "waits": 0,
}


def _name(key: tuple[Any, ...]) -> str:
    match key:
        case "entry", subject, seq:
            return f"{subject}#{seq}"
        case "record", kind, id:
            return f"{kind}/{id}"
        case "personal", subject, seq, path:
            return f"{subject}#{seq} {path}"
        case "message", subject, seq, number, receiver:
            to = f"@{receiver}" if receiver else ""
            return f"{subject}#{seq}.{number}{to}"
        case "clock", subject, name, part, started:
            return " ".join(filter(None, (subject, name, part, str(started))))
    return " ".join(map(str, key[1:]))


def _fields(row: Row) -> Iterator[tuple[str, object]]:
    match row:
        case EntryRow() | RootRow():
            assert row.hash == sha256(row.body).digest()
            yield "body", row.body
        case RecordRow():
            body = json.loads(row.body)
            yield from {"open": row.open, "pack": row.pack[:12], "sha256": _hash(row.body)}.items()
            by = ((name, value) for name, value in row.indexed.items() if name != "state")
            yield from ((f"by {name}", value) for name, value in by)  # the state is in the body
            yield from ((f".{name}", value) for name, value in body.items())
        case ClockRow():
            yield from {
                "limit": row.limit, "counting": row.counting, "due": row.due, "next": row.next,
                "stage": row.stage, "state": row.state, "stopped": row.stopped,
                "pack": row.pack[:12],
            }.items()
        case PersonalRow():
            yield from {
                "purpose": row.purpose, "salt": row.salt.hex(), "value": row.value,
                "made": row.recorded,
            }.items()
        case Message():
            told = json.loads(row.body)
            yield from {
                "topic": row.topic, "name": told.get("name"), "data": told.get("data"),
                "sha256": _hash(_unmarked(row.body)), "made": row.created, "state": row.state,
                "attempts": row.attempts, "reason": row.reason,
            }.items()
            yield "waits", None if row.next is None else row.next - row.created
        case KeyRow():
            yield from {
                "salt": row.salt.hex(), "fingerprint": row.fingerprint.hex(),
                "subject": row.subject, "made": row.created,
            }.items()
        case PackRow():
            yield "sha256", sha256(row.body).hexdigest()


def _hash(body: bytes) -> str:
    return sha256(body).hexdigest()[:16]


def _text(**fields: object) -> str:
    """Return a line of JSON; bytes stand in it as they are."""
    return "{" + ",".join(f'"{name}":{_value(value)}' for name, value in fields.items()) + "}"


def _value(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

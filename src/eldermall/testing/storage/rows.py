"""Rows to store, and a mall's whole contents to compare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from eldermall.contracts.storage import (
    OPEN_CLOCKS,
    ClockRow,
    ClockState,
    EntryRow,
    KeyRow,
    Leaf,
    Message,
    MessageState,
    PackRow,
    PersonalRow,
    RecordRow,
    RootRow,
    Transaction,
)
from eldermall.rooms import KINDS as _KINDS

KINDS = tuple(kind.record_kind for kind in _KINDS)
INDEXED = {kind.name: kind.indexed for kind in KINDS}
LAST = 2**53 - 1
"""The latest moment."""

CLOCK_STATES: tuple[ClockState, ...] = (
    "running", "paused", "breached", "met", "late", "stopped", "lapsed", "annulled",
)
MESSAGE_STATES: tuple[MessageState, ...] = (
    "pending", "accepted", "delivered", "dead", "withdrawn", "expired", "suppressed",
)
ALL = 100_000
"""A limit beyond anything that is stored here."""

ORDERED = (
    "-", ".", "0", "10", "9", ":", "A", "A-1", "A.1", "A1", "A10", "A2", "B", "_", "a", "a1",
    "e\N{COMBINING ACUTE ACCENT}", "z", "\N{LATIN SMALL LETTER E WITH ACUTE}", "\u4e2d",
    "\N{FULLWIDTH TILDE}", "\N{GRINNING FACE}", "\U00020bb7",
)
"""Texts in the order of their bytes: not that of any language, nor that of UTF-16."""

APART = (
    "A1", "a1", "A1 ", " A1", "A1  ", "e\N{COMBINING ACUTE ACCENT}",
    "\N{LATIN SMALL LETTER E WITH ACUTE}", "\N{LATIN CAPITAL LETTER E WITH ACUTE}",
    "\N{LATIN SMALL LETTER SHARP S}", "ss", "\N{LATIN SMALL LETTER LONG S}", "s", "K",
    "\N{KELVIN SIGN}", "\N{LATIN SMALL LIGATURE FI}", "fi", "\N{GRINNING FACE}",
    "\N{GRINNING FACE WITH SMILING EYES}",
)
"""Texts that are easily taken for one another."""

ANY_BYTES = bytes(range(256)) + b"\x00\x00 trailing \x00"


def hashed(*words: object) -> bytes:
    """Return 32 bytes that stand for ``words``."""
    return sha256(repr(words).encode()).digest()


def record(
    id: str, version: int = 1, *, kind: str = "order", before: int | None = None,
    open: bool = True, pack: str = "pack", body: bytes = b"{}", **indexed: str | None,
) -> RecordRow:
    """Return a record that replaces the version before, with the other indexed fields empty."""
    fields = dict.fromkeys(INDEXED[kind]) | indexed
    before = version - 1 if before is None else before
    return RecordRow(kind, id, version, before, open, pack, fields, body)


def clock(
    subject: str = "order/A1", name: str = "shipping", part: str = "", started: int = 1, *,
    due: int = 100, next: int | None = 50, state: ClockState = "running", stage: int = 0,
) -> ClockRow:
    """Return a clock; one that has ended has a moment at which it did."""
    stopped = None if state in OPEN_CLOCKS else due
    return ClockRow(
        subject, name, part, started, 99, "hours", due, next, stage, state, stopped, "pack"
    )


def entry(subject: str, seq: int, body: bytes = b"{}") -> EntryRow:
    """Return an entry with a hash of its own."""
    return EntryRow(subject, seq, hashed(subject, seq, body), body)


def leaf(subject: str, seq: int, body: bytes = b"{}") -> Leaf:
    """Return the leaf of `entry`."""
    return Leaf(subject, seq, hashed(subject, seq, body))


def personal(
    subject: str, seq: int = 1, path: str = "args.name", recorded: int = 10
) -> PersonalRow:
    """Return a personal value."""
    return PersonalRow(
        subject, seq, path, "delivery", hashed("salt", subject, seq, path), b"Li \x00", recorded
    )


def message(
    id: str, *, created: int = 10, next: int | None = 10, state: MessageState = "pending",
    attempts: int = 0, body: bytes = b"{}", reason: str = "",
) -> Message:
    """Return a message of the outbox."""
    return Message(id, "event", body, created, next, state, attempts, reason)


def key(
    key: str = "k1", *, command: str = "order.place", subject: str = "order/A1", created: int = 10
) -> KeyRow:
    """Return an idempotency key."""
    fingerprint = hashed("fingerprint", command, key, subject)
    return KeyRow(command, key, hashed("salt", key)[:16], fingerprint, subject, created)


def root(number: int, body: bytes = b"{}") -> RootRow:
    """Return a root."""
    return RootRow(number, hashed("root", number, body), body)


def fill(tx: Transaction, sign: str = "") -> None:
    """Write rows of every sort, with ``sign`` in their bodies."""
    body = b"body " + sign.encode()
    tx.claim_key(key())
    tx.save([record("A1", body=body, merchant="m1"), record("B1", kind="booking", body=body)])
    tx.put_clocks([clock(), clock(name="callback", state="met", next=None)])
    tx.append(
        [entry("order/A1", 1, body), entry("order/A1", 2, body), entry("booking/B1", 1, body)],
        [personal("order/A1")],
    )
    tx.enqueue([message("order/A1#1.0", body=body), message("order/A1#2.0", body=body)])
    sealed = [leaf("order/A1", 1, body)]
    tx.seal(root(1, body), sealed, sealed)
    tx.put_pack(PackRow(hashed("pack").hex(), body))


SUBJECTS = ("order/A1", "booking/B1")
"""The subjects that `fill` writes about."""


def everything(tx: Any, subjects: Iterable[str] = SUBJECTS) -> Mapping[str, Any]:
    """Return what a mall holds, but for keys, which can't be listed."""
    roots = list(tx.roots(0, ALL))
    return {
        "records": [row for kind in KINDS for row in tx.find(kind.name, limit=ALL)],
        "clocks": sorted(tx.clocks(CLOCK_STATES, limit=ALL), key=repr),
        "entries": list(tx.entries()),
        "personal": [row for subject in subjects for row in tx.personal(subject)],
        "waiting": list(tx.waiting()),
        "roots": roots,
        "leaves": [(row.number, kept) for row in roots for kept in tx.leaves(row.number)],
        "messages": list(tx.messages(MESSAGE_STATES, ALL)),
        "packs": list(tx.packs()),
    }

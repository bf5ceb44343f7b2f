"""A subject's file with its inclusion proof, for somebody who has neither the database nor us.

It holds the entries as they were hashed, the salts and personal values that are still kept, the
leaf that covers the newest sealed entry with its audit path, and the roots from that leaf's to the
newest. Nothing stands in it that ``docs/check_export.py`` doesn't check.
"""

from __future__ import annotations

import json
from bisect import bisect
from typing import Any

from eldermall.contracts.storage import Transaction
from eldermall.engine.journal import leaf_bytes, roots_after
from eldermall.engine.merkle import proof, root_from_proof
from eldermall.errors import StorageError, Unknown
from eldermall.texts import Text

FORMAT = 1
_UNPROVEN: dict[str, Any] = {"leaf": None, "index": None, "path": [], "roots": []}


def export(tx: Transaction, mall: str, subject: str) -> dict[str, Any]:
    """Return the file of a subject, to be written as JSON.

    Args:
        tx: a transaction that reads.
        mall: the mall's code.
        subject: ``kind/id`` of the record.

    Raises:
        Unknown: it has no entry.
        StorageError: the journal was changed, so that nothing could be proven by it.
    """
    entries = tx.chain(subject)
    if not entries:
        raise Unknown(
            Text(
                f"商城 {mall} 中没有 {subject} 的记录", f"the mall {mall} has no entry of {subject}"
            )
        )
    covered = bisect(entries, False, key=lambda row: tx.sealing(subject, row.seq) is None)
    try:
        return {
            "format": FORMAT,
            "mall": mall,
            "subject": subject,
            "entries": [row.body.decode() for row in entries],
            "head": entries[-1].hash.hex(),
            "personal": [
                {
                    "seq": row.seq,
                    "name": row.path.removeprefix("args."),
                    "salt": row.salt.hex(),
                    "value": row.value.decode(),
                }
                for row in tx.personal(subject)
            ],
            **(_proof(tx, subject, entries[covered - 1].seq) if covered else _UNPROVEN),
            "unsealed": len(entries) - covered,
        }
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise StorageError(
            Text(
                f"{subject} 的记录或封存已被改动，请运行 eldermall verify",
                f"the entries of {subject} or their sealing were changed; run eldermall verify",
            )
        ) from error


def _proof(tx: Transaction, subject: str, seq: int) -> dict[str, Any]:
    found = tx.sealing(subject, seq)
    if found is None:
        raise LookupError(seq)
    number, leaf = found
    leaves = tx.leaves(number)
    index = leaves.index(leaf)
    path = proof([leaf_bytes(each) for each in leaves], index)
    roots = list(roots_after(tx, number - 1))
    tree = root_from_proof(leaf_bytes(leaf), index, len(leaves), path)
    if tree is None or json.loads(roots[0].body)["tree"] != tree.hex():
        raise ValueError(number)
    return {
        "leaf": [leaf.subject, leaf.seq, leaf.hash.hex()],
        "index": index,
        "path": [step.hex() for step in path],
        "roots": [root.body.decode() for root in roots],
    }

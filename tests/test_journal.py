"""The journal: its bytes, its tree, its commitments, and what a tamperer can't hide."""

from __future__ import annotations

import enum
import json
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from eldermall import Conflict, Invalid, Mall, Refused, Technical, hookimpl
from eldermall.adapters.roots.file import RootsFile, read_roots
from eldermall.contracts.events import SealedRoot
from eldermall.contracts.storage import EntryRow, Leaf, RootRow
from eldermall.engine.canonical import canonical
from eldermall.engine.journal import commit
from eldermall.engine.merkle import tree_hash
from tests import databases, shop

# Canonical JSON

KEYS = st.from_regex(re.compile(r"[A-Za-z0-9_.:-]+"), fullmatch=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.text() | st.integers(-(2**53) + 1, 2**53 - 1),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=30,
)


@pytest.fixture(params=databases.ALL)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return databases.url_of(request.param, tmp_path)


@given(VALUES)
def test_canonical_bytes_are_those_of_rfc_8785(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)
    assert json.loads(canonical(value)) == value


class Colour(enum.IntEnum):
    RED = 1


class Loud(str):
    __slots__ = ()


WRONG = [
    1.0, float("nan"), 2**53, -(2**53), b"bytes", {1, 2}, object(), Colour.RED, Loud("a"),
    "\ud800", "a\udfffb", {"": 1}, {"a b": 1}, {"é": 1}, {1: 1}, {None: 1}, {"a\n": 1},
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: type(wrong).__name__)
@pytest.mark.parametrize("around", [lambda v: v, lambda v: [0, v], lambda v: {"a": {"b": v}}])
def test_what_an_entry_cannot_hold_is_refused(wrong: Any, around: Callable[[Any], Any]) -> None:
    with pytest.raises(Invalid):
        canonical(around(wrong))


def test_the_error_says_where_the_wrong_value_stands() -> None:
    with pytest.raises(Invalid) as refused:
        canonical({"a": [1, {"b.c": 2.5}]})
    assert refused.value.where == "$.a[1].b.c"


SOUND: tuple[Any, ...] = (
    "é", "a", 5, True, None, {"a": "é", "b": "b", "c": [None]}, [1, "é"], (2,), [],
)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: type(wrong).__name__)
def test_what_is_wrong_is_found_behind_what_is_not(wrong: Any) -> None:
    with pytest.raises(Invalid) as refused:
        canonical({"a": [*SOUND, wrong]})
    assert refused.value.where.startswith(f"$.a[{len(SOUND)}]")


def test_what_is_nested_too_deep_is_refused_and_not_half_written() -> None:
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    with pytest.raises(Invalid, match="nested"):
        canonical({"a": deep})


def test_what_holds_itself_is_refused() -> None:
    around: dict[str, Any] = {}
    around["a"] = [around]
    with pytest.raises(Invalid, match="nested"):
        canonical(around)


def test_however_many_keys_there_are_each_is_looked_at() -> None:
    many = {f"key-{n}": n for n in range(6000)}
    assert canonical(many) == rfc8785.dumps(many)
    for n in range(3):
        with pytest.raises(Invalid):
            canonical(many | {f"key {n}": n})


# The tree


def by_the_book(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word by word."""
    n = len(leaves)
    if n == 0:
        return sha256(b"").digest()
    if n == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < n:
        k *= 2
    return sha256(b"\x01" + by_the_book(leaves[:k]) + by_the_book(leaves[k:])).digest()


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_tree_is_that_of_rfc_6962(leaves: list[bytes]) -> None:
    assert tree_hash(leaves) == by_the_book(leaves)


# Commitments


def complain(mall: Mall, id: str = "C1") -> None:
    mall.complaints.receive(id, customer=shop.CUSTOMER.id, words="来晚了", by=shop.CUSTOMER)


def test_a_commitment_opens_with_the_personal_table_and_with_nothing_else(mall: Mall) -> None:
    complain(mall)
    (entry,) = mall.journal("complaint", "C1")
    with mall.read() as tx:
        (kept,) = tx.personal("complaint/C1")
        (row,) = tx.chain("complaint/C1")
    assert (kept.seq, kept.path, kept.purpose) == (1, "args.words", "complaint")
    assert json.loads(kept.value) == "来晚了"
    assert entry["args"]["words"] == {"commitment": commit("来晚了", kept.salt)}
    assert entry["args"]["words"] != {"commitment": commit("来晚了!", kept.salt)}
    assert "来晚了".encode() not in row.body


def test_the_same_words_twice_are_two_commitments(mall: Mall) -> None:
    complain(mall, "C1")
    complain(mall, "C2")
    said = [mall.journal("complaint", id)[0]["args"]["words"] for id in ("C1", "C2")]
    assert said[0] != said[1]


def test_a_refused_attempt_hides_personal_words_too(mall: Mall) -> None:
    shop.place(mall)
    with pytest.raises(Refused):
        mall.orders.cancel("A1", reason="my heart", by=shop.STRANGER)
    entry = mall.journal("order", "A1")[-1]
    assert entry["outcome"] == "refused"
    assert set(entry["args"]["reason"]) == {"commitment"}


# Tampering


@dataclass
class Rows:
    """All that the journal keeps, as rows that may be changed."""

    entries: dict[tuple[str, int], tuple[bytes, bytes]]
    unsealed: dict[tuple[str, int], bytes]
    leaves: dict[tuple[int, str], tuple[int, bytes]]
    roots: dict[int, tuple[bytes, bytes]]

    def sealed(self) -> list[tuple[str, int]]:
        return sorted(set(self.entries) - set(self.unsealed))

    def tail(self) -> list[tuple[str, int]]:
        return sorted(self.unsealed)


@dataclass
class Vault:
    """A journal that somebody with the database in hand may change."""

    mall: Mall
    outside: list[bytes] = field(default_factory=list)

    @hookimpl
    def eldermall_root(self, root: SealedRoot) -> None:
        self.outside.append(root.body)

    def rows(self) -> Rows:
        raise NotImplementedError

    def put(self, rows: Rows) -> None:
        raise NotImplementedError

    def found(self, tamper: Callable[..., object], roots: list[bytes] | None = None) -> bool:
        """Tamper, verify against the roots outside, and put everything back."""
        before = self.rows()
        changed = deepcopy(before)
        tamper(changed)
        self.put(changed)
        try:
            return not self.mall.verify(self.outside if roots is None else roots).passed
        finally:
            self.put(before)


class MemoryVault(Vault):
    def rows(self) -> Rows:
        t = self.mall.storage._malls["main"]  # type: ignore[attr-defined]
        return Rows(
            {(r.subject, r.seq): (r.hash, r.body) for c in t.entries.values() for r in c.values()},
            {key: leaf.hash for key, leaf in t.unsealed.items()},
            {(n, leaf.subject): (leaf.seq, leaf.hash) for n, ls in t.leaves.items() for leaf in ls},
            {n: (root.hash, root.body) for n, root in t.roots.items()},
        )

    def put(self, rows: Rows) -> None:
        t = self.mall.storage._malls["main"]  # type: ignore[attr-defined]
        t.entries = {}
        for (subject, seq), kept in rows.entries.items():
            t.entries.setdefault(subject, {})[seq] = EntryRow(subject, seq, *kept)
        t.unsealed = {key: Leaf(*key, hash) for key, hash in rows.unsealed.items()}
        t.leaves = {n: [] for n, _ in rows.leaves}
        for (number, subject), leaf in sorted(rows.leaves.items()):
            t.leaves[number].append(Leaf(subject, *leaf))
        t.roots = {n: RootRow(n, *kept) for n, kept in rows.roots.items()}


class FileVault(Vault):
    file: Path

    def rows(self) -> Rows:
        with sqlite3.connect(self.file) as raw:
            def all_(what: str, table: str) -> list[Any]:
                return raw.execute(f"SELECT {what} FROM eldermall_{table}").fetchall()

            rows = Rows(
                {(s, n): (h, b) for s, n, h, b in all_("subject, seq, hash, body", "entries")},
                {(s, n): h for s, n, h in all_("subject, seq, hash", "unsealed")},
                {(r, s): (n, h) for r, s, n, h in all_("number, subject, seq, hash", "leaves")},
                {n: (h, b) for n, h, b in all_("number, hash, body", "roots")},
            )
        raw.close()
        return rows

    def put(self, rows: Rows) -> None:
        with sqlite3.connect(self.file) as raw:
            raw.execute("PRAGMA synchronous=OFF")
            for table, values in (
                ("entries", [(*k, *v) for k, v in rows.entries.items()]),
                ("unsealed", [(*k, v) for k, v in rows.unsealed.items()]),
                ("leaves", [(*k, *v) for k, v in rows.leaves.items()]),
                ("roots", [(k, *v) for k, v in rows.roots.items()]),
            ):
                raw.execute(f"DELETE FROM eldermall_{table}")
                if values:
                    marks = ",".join("?" * len(values[0]))
                    raw.executemany(
                        f"INSERT INTO eldermall_{table} VALUES ('main',{marks})", values
                    )
        raw.close()


@pytest.fixture(params=["memory", "sqlite"])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Vault]:
    """A journal of three subjects' moves and refusals under two roots, and a tail."""
    made: Vault
    if request.param == "memory":
        url, made = "memory:", MemoryVault(None)  # type: ignore[arg-type]
    else:
        url, made = databases.url_of("sqlite", tmp_path), FileVault(None)  # type: ignore[arg-type]
        made.file = tmp_path / "mall.db"
    with shop.open_mall(url, plugins=[made]) as mall:
        made.mall = mall
        live(mall)
        assert mall.verify(made.outside).anchored == 2
        yield made


def live(mall: Mall) -> None:
    shop.staff(mall)
    shop.place(mall)
    shop.pay(mall)
    complain(mall)
    mall.seal()
    shop.accept(mall)
    shop.refusal(mall.orders.complete, "A1", by=shop.CUSTOMER)
    shop.ship(mall)
    mall.seal()
    mall.relay()
    mall.orders.deliver("A1", parcel="p-tea-honey", by=shop.COURIER)
    mall.orders.complete("A1", by=shop.CUSTOMER)
    complain(mall, "C2")


def changed(rows: Rows, key: tuple[str, int], name: str) -> None:
    """Say something else in a field of an entry, and leave the rest as it was."""
    hash, body = rows.entries[key]
    fields = json.loads(body)
    value = fields[name]
    fields[name] = value + 1 if isinstance(value, int) else {"was": "otherwise"}
    rows.entries[key] = (hash, canonical(fields))


def swapped(rows: Rows, one: tuple[str, int], other: tuple[str, int]) -> None:
    rows.entries[one], rows.entries[other] = rows.entries[other], rows.entries[one]


def inserted(rows: Rows, key: tuple[str, int]) -> None:
    """Put a copy before an entry and move it and all that follow up by one."""
    subject, seq = key
    later = sorted((k for k in rows.entries if k[0] == subject and k[1] >= seq), reverse=True)
    copy = rows.entries[key]
    for _, number in later:
        rows.entries[subject, number + 1] = rows.entries.pop((subject, number))
        if (subject, number) in rows.unsealed:
            rows.unsealed[subject, number + 1] = rows.unsealed.pop((subject, number))
    rows.entries[key] = copy


def removed(rows: Rows, key: tuple[str, int]) -> None:
    """Take an entry out and close the gap."""
    subject, seq = key
    del rows.entries[key]
    rows.unsealed.pop(key, None)
    for _, number in sorted(k for k in rows.entries if k[0] == subject and k[1] > seq):
        rows.entries[subject, number - 1] = rows.entries.pop((subject, number))
        if (subject, number) in rows.unsealed:
            rows.unsealed[subject, number - 1] = rows.unsealed.pop((subject, number))


def rehash(rows: Rows, how_far: str = "roots") -> None:
    """Recompute what is inside the database: chains and tail, then leaves, then roots."""
    prev: dict[str, bytes] = {}
    for subject, seq in sorted(rows.entries):
        fields = json.loads(rows.entries[subject, seq][1])
        fields |= {"seq": seq, "subject": subject, "prev": prev.get(subject, b"").hex()}
        body = canonical(fields)
        prev[subject] = sha256(body).digest()
        rows.entries[subject, seq] = (prev[subject], body)
        if (subject, seq) in rows.unsealed:
            rows.unsealed[subject, seq] = prev[subject]
    if how_far == "chains":
        return
    for (number, subject), (seq, _) in list(rows.leaves.items()):
        last = max((n for s, n in rows.entries if s == subject and n <= seq), default=None)
        if last is None:
            del rows.leaves[number, subject]
        else:
            rows.leaves[number, subject] = (last, rows.entries[subject, last][0])
    if how_far == "leaves":
        return
    before = b""
    for number in sorted(rows.roots):
        fields = json.loads(rows.roots[number][1])
        leaves = sorted((s, *kept) for (n, s), kept in rows.leaves.items() if n == number)
        tree = tree_hash([canonical([s, n, h.hex()]) for s, n, h in leaves])
        fields |= {"prev": before.hex(), "leaves": len(leaves), "tree": tree.hex()}
        body = canonical(fields)
        before = sha256(body).digest()
        rows.roots[number] = (before, body)


def test_an_untouched_journal_passes(vault: Vault) -> None:
    said = vault.mall.verify(vault.outside)
    assert said.passed
    rows = vault.rows()
    assert (said.entries, said.sealed) == (len(rows.entries), len(rows.sealed()))
    assert not vault.found(rehash)


def test_without_roots_from_outside_the_result_is_unanchored(vault: Vault) -> None:
    assert vault.mall.verify().passed
    assert vault.mall.verify().anchored is None


def test_a_change_of_any_field_of_any_sealed_entry_is_found(vault: Vault) -> None:
    rows = vault.rows()
    for key in rows.sealed():
        for name in json.loads(rows.entries[key][1]):
            assert vault.found(lambda r, k=key, n=name: changed(r, k, n)), (key, name)


def test_a_sealed_entry_that_is_removed_doubled_or_swapped_is_found(vault: Vault) -> None:
    keys = vault.rows().sealed()
    for key in keys:
        assert vault.found(lambda r, k=key: r.entries.pop(k)), key
        assert vault.found(lambda r, k=key: removed(r, k)), key
        assert vault.found(lambda r, k=key: inserted(r, k)), key
    for one, other in pairwise(keys):
        assert vault.found(lambda r, o=one, p=other: swapped(r, o, p)), (one, other)


@pytest.mark.parametrize(
    ("roots", "how_far"),
    [("all", "roots"), ("newest", "roots"), ("newest", "leaves"), ("newest", "chains")],
)
def test_a_tamperer_who_recomputes_every_hash_is_found_by_a_root_outside(
    vault: Vault, roots: str, how_far: str
) -> None:
    rows = vault.rows()
    outside = vault.outside if roots == "all" else vault.outside[-1:]
    own = {"v", "alg", "mall", "subject", "seq", "prev"}
    for key in rows.sealed():
        tampers: list[Callable[..., Any]] = [
            lambda r, k=key: removed(r, k), lambda r, k=key: inserted(r, k),
            *(lambda r, k=key, n=name: changed(r, k, n)
              for name in json.loads(rows.entries[key][1]) if name not in own),
        ]
        if (key[0], key[1] + 1) in rows.sealed():
            tampers.append(lambda r, k=key: swapped(r, k, (k[0], k[1] + 1)))
        for number, tamper in enumerate(tampers):
            def hidden(r: Rows, tamper: Callable[[Rows], Any] = tamper) -> None:
                tamper(r)
                rehash(r, how_far)

            assert vault.found(hidden, outside), (key, number)


def test_without_a_root_outside_such_a_tamperer_would_not_be_found(vault: Vault) -> None:
    key = vault.rows().sealed()[0]

    def hidden(r: Rows) -> None:
        changed(r, key, "at")
        rehash(r)

    assert not vault.found(hidden, [])


@pytest.mark.parametrize(
    "nonsense",
    [b"", b"null", b"[]", b"{", b"\xff\xfe", b"9" * 5000, b"NaN", b"[" * 200_000],
    ids=lambda b: repr(b[:4]),
)
def test_nonsense_in_place_of_an_entry_or_root_is_found(vault: Vault, nonsense: bytes) -> None:
    key = vault.rows().sealed()[0]
    digest = sha256(nonsense).digest()
    assert vault.found(lambda r: r.entries.update({key: (digest, nonsense)}))
    assert vault.found(lambda r: r.roots.update({1: (digest, nonsense)}))


def test_a_root_or_leaf_that_is_changed_or_removed_is_found(vault: Vault) -> None:
    rows = vault.rows()
    for number, (hash, body) in rows.roots.items():
        assert vault.found(lambda r, n=number: r.roots.pop(n))
        assert vault.found(lambda r, n=number, b=body: r.roots.update({n: (b"x" * 32, b)}))
        assert vault.found(lambda r, n=number, h=hash: r.roots.update({n: (h, b"{}")}))
    for key, (seq, hash) in rows.leaves.items():
        assert vault.found(lambda r, k=key: r.leaves.pop(k))
        assert vault.found(lambda r, k=key, h=hash: r.leaves.update({k: (99, h)}))
        assert vault.found(lambda r, k=key, s=seq: r.leaves.update({k: (s, b"x" * 32)}))


def test_roots_cut_off_and_made_waiting_again_are_found(vault: Vault) -> None:
    def unseal(r: Rows) -> None:
        r.roots, r.leaves = {}, {}
        r.unsealed = {key: kept[0] for key, kept in r.entries.items()}

    assert vault.found(unseal)


def test_a_chain_that_is_added_under_no_root_is_found(vault: Vault) -> None:
    def add(r: Rows) -> None:
        fields = json.loads(r.entries["order/A1", 1][1]) | {"subject": "order/A7"}
        body = canonical(fields)
        r.entries["order/A7", 1] = (sha256(body).digest(), body)

    assert vault.found(add)


def test_in_the_tail_every_single_change_is_found(vault: Vault) -> None:
    rows = vault.rows()
    for key in rows.tail():
        assert vault.found(lambda r, k=key: r.entries.pop(k)), key
        assert vault.found(lambda r, k=key: r.unsealed.pop(k)), key
        assert vault.found(lambda r, k=key: r.unsealed.update({k: b"x" * 32})), key
        assert vault.found(lambda r, k=key: inserted(r, k)), key
        for name in json.loads(rows.entries[key][1]):
            assert vault.found(lambda r, k=key, n=name: changed(r, k, n)), (key, name)
    assert vault.found(lambda r: removed(r, ("order/A1", max(n for s, n in r.tail()
                                                            if s == "order/A1") - 1)))


def test_in_the_tail_only_cutting_off_its_end_goes_unnoticed(vault: Vault) -> None:
    last = max(key for key in vault.rows().tail() if key[0] == "order/A1")

    def cut(r: Rows) -> None:
        del r.entries[last]
        del r.unsealed[last]

    assert not vault.found(cut)


@pytest.fixture(scope="module")
def file_vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileVault]:
    made = FileVault(None)  # type: ignore[arg-type]
    made.file = tmp_path_factory.mktemp("vault") / "mall.db"
    with shop.open_mall(f"sqlite:///{made.file}", plugins=[made]) as mall:
        made.mall = mall
        live(mall)
        yield made


@given(data=st.data())
@settings(max_examples=150)
def test_any_single_byte_changed_by_raw_sql_is_found(
    file_vault: FileVault, data: st.DataObject
) -> None:
    rows = file_vault.rows()
    key = data.draw(st.sampled_from(sorted(rows.entries)))
    column = data.draw(st.sampled_from((0, 1)))
    old = rows.entries[key][column]
    place = data.draw(st.integers(0, len(old) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != old[place]))
    new = old[:place] + bytes([byte]) + old[place + 1 :]
    column_of = ("hash", "body")[column]

    def run(statement: str, *values: Any) -> None:
        with sqlite3.connect(file_vault.file) as raw:
            raw.execute("PRAGMA synchronous=OFF")
            assert raw.execute(statement, values).rowcount == 1
        raw.close()

    change = f"UPDATE eldermall_entries SET {column_of}=? WHERE subject=? AND seq=?"
    run(change, new, *key)
    try:
        assert not file_vault.mall.verify(file_vault.outside).passed
    finally:
        run(change, old, *key)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE eldermall_entries SET mall='other' WHERE subject='order/A1' AND seq=2",
        "UPDATE eldermall_entries SET subject='order/A9' WHERE subject='order/A1' AND seq=2",
        "UPDATE eldermall_entries SET seq=99 WHERE subject='order/A1' AND seq=2",
        "UPDATE eldermall_entries SET mall='other' WHERE subject='complaint/C1'",
        "DELETE FROM eldermall_entries WHERE subject='complaint/C1'",
        "DELETE FROM eldermall_entries WHERE subject='complaint/C2'",
        "DELETE FROM eldermall_entries",
        "UPDATE eldermall_roots SET mall='other' WHERE number=2",
        "UPDATE eldermall_leaves SET number=3 WHERE number=2",
    ],
)
def test_rows_moved_away_by_raw_sql_are_found(file_vault: FileVault, change: str) -> None:
    before = file_vault.rows()
    with sqlite3.connect(file_vault.file) as raw:
        assert raw.execute(change).rowcount > 0
    raw.close()
    try:
        assert not file_vault.mall.verify(file_vault.outside).passed
    finally:
        with sqlite3.connect(file_vault.file) as raw:
            for table in ("entries", "roots", "leaves", "unsealed"):
                raw.execute(f"DELETE FROM eldermall_{table} WHERE mall='other'")
        raw.close()
        file_vault.put(before)


def test_a_personal_value_may_be_erased_and_the_journal_still_passes(
    file_vault: FileVault
) -> None:
    with sqlite3.connect(file_vault.file) as raw:
        assert raw.execute("DELETE FROM eldermall_personal").rowcount > 0
    raw.close()
    assert file_vault.mall.verify(file_vault.outside).passed


# Sealing


def test_a_root_holds_as_many_entries_as_it_may_and_the_next_the_rest(url: str) -> None:
    with shop.open_mall(url, technical=Technical(sealing_batch=3)) as mall:
        shop.staff(mall)
        entries = mall.verify().entries
        assert mall.seal().roots == -(-entries // 3)
        said = mall.verify()
        assert (said.passed, said.sealed) == (True, entries)
        assert mall.seal().roots == 0


def test_the_second_root_of_one_number_is_a_conflict(mall: Mall) -> None:
    mall.seal()
    with mall.read() as tx:
        root = tx.last_root()
    assert root is not None

    def again() -> None:
        with mall.storage.write("main") as tx:
            tx.seal(root, [Leaf("order/A1", 1, b"x")], [])

    with pytest.raises(Conflict):
        again()
    assert mall.verify().passed


def test_sealers_and_writers_at_once_leave_nothing_out_and_seal_nothing_twice(
    mall: Mall, tmp_path: Path
) -> None:
    stop = threading.Event()
    broken: list[BaseException] = []

    def seal_on() -> None:
        while not stop.is_set():
            try:
                mall.seal()
            except Conflict:
                continue
            except BaseException as error:  # noqa: BLE001
                broken.append(error)
                return

    def write(who: int) -> None:
        try:
            for number in range(15):
                shop.place(mall, f"{who}-{number}")
        except BaseException as error:  # noqa: BLE001
            broken.append(error)

    sealers = [threading.Thread(target=seal_on) for _ in range(3)]
    writers = [threading.Thread(target=write, args=(who,)) for who in range(3)]
    for thread in (*sealers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in sealers:
        thread.join()
    assert broken == []
    mall.seal()
    said = mall.verify()
    assert said.passed
    assert said.sealed == said.entries
    with mall.read() as tx:
        roots = tx.roots()
        leaves = [leaf for root in roots for leaf in tx.leaves(root.number)]
    assert [root.number for root in roots] == list(range(1, len(roots) + 1))
    assert len(leaves) == len(set(leaves))


def test_the_roots_file_holds_each_root_once_and_anchors_verify(url: str, tmp_path: Path) -> None:
    file = tmp_path / "roots.jsonl"
    keeper = RootsFile(file)
    with shop.open_mall(url, plugins=[keeper]) as mall:
        shop.staff(mall)
        mall.seal()
        mall.relay()
        for body in read_roots(file):
            keeper.eldermall_root(SealedRoot("main", 1, body))
        assert len(read_roots(file)) == 1
        assert mall.verify(read_roots(file)).anchored == 1

"""The tables as statements use them.

Migrations make them, but for the tables of further kinds of records, which are made from what
stands here. A test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table

from eldermall.adapters.storage.sql.stored import KEYED, data, short_data, words
from eldermall.contracts.storage import RecordKind


class Schema:
    """All tables of eldermall, named with ``prefix``.

    Args:
        kinds: the kinds of records, one table each.
        prefix: put before every table's name.
        locks: whether the database needs a table of rows that stand for keys.
    """

    def __init__(
        self, kinds: Iterable[RecordKind], prefix: str, *, locks: bool = False
    ) -> None:
        self.prefix = prefix
        self.metadata = MetaData()
        self.kinds = {kind.name: kind for kind in kinds}
        self.records = {name: self._record(kind) for name, kind in self.kinds.items()}
        self.installation = self._table("installation", _key("id", 64))
        self.packs = self._table(
            "packs", _key("mall", 64), _key("hash", 64), _body("body")
        )
        self.walks = self._table(
            "walks", _key("mall", 64), _key("name", 100), _text("upto", 64)
        )
        self.entries = self._table(
            "entries", _key("mall", 64), _key("subject", 100), _number_key("seq"),
            _hash("hash"), _body("body"),
        )
        self.unsealed = self._table(
            "unsealed", _key("mall", 64), _key("subject", 100), _number_key("seq"), _hash("hash"),
        )
        self.personal = self._table(
            "personal", _key("mall", 64), _key("subject", 100), _number_key("seq"),
            _key("path", 100), _text("purpose", 64), _hash("salt"), _body("value"),
            _number("recorded"),
        )
        self._index(self.personal, "recorded", "mall", "recorded")
        self.clocks = self._table(
            "clocks", _key("mall", 64), _key("subject", 100), _key("name", 80), _key("part", 64),
            _number_key("started"), _number("limit"), _text("counting", 16), _number("due"),
            _number("next", nullable=True), Column("stage", Integer, nullable=False),
            _text("state", 16), _number("stopped", nullable=True), _text("pack", 64),
        )
        self._index(self.clocks, "next", "mall", "next", "subject", "name", "part")
        self._index(self.clocks, "due", "mall", "state", "due", "subject", "name", "part")
        self.outbox = self._table(
            "outbox", _key("mall", 64), _key("id", 200), _text("topic", 16), _body("body"),
            _number("created"), _number("next", nullable=True), _text("state", 16),
            Column("attempts", Integer, nullable=False), _text("reason", 500),
        )
        self._index(self.outbox, "next", "mall", "next", "id")
        self._index(self.outbox, "lane", "mall", "topic", "next", "id")
        self._index(self.outbox, "state", "mall", "state", "created", "id")
        self.keys = self._table(
            "keys", _key("mall", 64), _key("command", 80), _key("key", 64), _hash("salt"),
            _hash("fingerprint"), _text("subject", 100), _number("created"),
        )
        self._index(self.keys, "subject", "mall", "subject")
        self._index(self.keys, "created", "mall", "created")
        self.roots = self._table(
            "roots", _key("mall", 64), _number_key("number"), _hash("hash"), _body("body")
        )
        self.leaves = self._table(
            "leaves", _key("mall", 64), _number_key("number"), _key("subject", 100),
            _number("seq"), _hash("hash"),
        )
        self._index(self.leaves, "subject", "mall", "subject", "seq")
        self.locks = (
            self._table("locks", Column("n", Integer, primary_key=True, autoincrement=False))
            if locks
            else None
        )

    def _record(self, kind: RecordKind) -> Table:
        table = self._table(
            f"record_{kind.name}", _key("mall", 64), _key("id", 64), _number("version"),
            Column("open", Integer, nullable=False), _text("pack", 64),
            *(_text(name, 64, nullable=True) for name in kind.indexed), _body("body"),
        )
        self._index(table, "pack", "mall", "pack", "open")
        self._index(table, "open", "mall", "open", "id")
        for name in kind.indexed:
            self._index(table, name, "mall", name, "id")
        return table

    def _table(self, name: str, *columns: Column[object]) -> Table:
        return Table(
            self.prefix + name, self.metadata, *columns,
            sqlite_with_rowid=name not in KEYED, mariadb_engine="InnoDB",
        )

    def _index(self, table: Table, name: str, *columns: str) -> None:
        Index(f"ix_{table.name}_{name}", *(table.c[c] for c in columns))


def _key(name: str, length: int) -> Column[object]:
    return Column(name, words(length), primary_key=True)


def _number_key(name: str) -> Column[object]:
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def _text(name: str, length: int, *, nullable: bool = False) -> Column[object]:
    return Column(name, words(length), nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, BigInteger, nullable=nullable)


def _hash(name: str) -> Column[object]:
    return Column(name, short_data(), nullable=False)


def _body(name: str) -> Column[object]:
    return Column(name, data(), nullable=False)

"""What differs from one database to another. Everything else of the adapter is common to all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from sqlalchemy import Connection, Engine, Executable, Table, exc
from sqlalchemy.engine import URL

from eldermall.adapters.storage.sql.schema import Schema
from eldermall.adapters.storage.urls import without_secrets
from eldermall.errors import EldermallError, Locked, NotInTransaction, Overtaken, StorageError
from eldermall.texts import Text

Retry = Literal["command", "transaction"]

PATIENCE = 5.0
"""Seconds to wait for a lock."""


@dataclass(frozen=True, slots=True)
class Dropping:
    """How a server is asked that rolls back a host's whole transaction by itself.

    Args:
        errors: numbers of the errors with which it may have done so.
        query: gives one row: whether a transaction is open, and how many the client has begun or
            ended by a statement of its own.
    """

    errors: Set[int]
    query: str


class Database(Protocol):
    """One kind of database, reached at one URL."""

    name: ClassVar[str]
    """SQLAlchemy's name of it."""

    one_writer: ClassVar[bool]
    """Whether write transactions run one after the other, so that no row has to be locked."""

    goes_on: ClassVar[bool]
    """Whether a transaction goes on behind a statement that failed."""

    dropping: ClassVar[Dropping | None]
    """How it is asked, where it rolls back whole transactions by itself."""

    url: URL
    place: str
    """What to call it in a message: no password."""

    def engine(self) -> Engine:
        """Return an engine whose connections are set up as eldermall needs them."""
        ...

    def check(self, *, make: bool) -> None:
        """Check what can be checked without connecting.

        Raises:
            StorageError: there is no such database.
        """
        ...

    def making(self, connection: Connection) -> AbstractContextManager[None]:
        """Open a transaction in which nobody else makes or changes tables."""
        ...

    def begin_write(self, connection: Connection, patience: float | None) -> None:
        """Begin a transaction that writes, waiting up to ``patience`` seconds for locks."""
        ...

    def begin_read(self, connection: Connection) -> None:
        """Begin a transaction that sees one moment of the database and locks nothing."""
        ...

    def insert_new(self, table: Table) -> Executable:
        """Return an insert that leaves a row alone whose key is there already."""
        ...

    def upsert(self, table: Table) -> Executable:
        """Return an insert that replaces a row whose key is there already."""
        ...

    def lock_keys(
        self, connection: Connection, schema: Schema, keys: Sequence[str], *, shared: bool
    ) -> None:
        """Lock keys of rows that may not exist, until the transaction ends."""
        ...

    def fault(self, error: BaseException) -> Fault:
        """Say what an error of the driver means."""
        ...

    def is_raw(self, host: object) -> bool:
        """Say whether ``host`` is a connection of the driver."""
        ...

    def raw_is_open(self, raw: Any) -> bool:
        """Say whether a transaction is open, or opens with the next statement."""
        ...

    def raw_has_ended(self, raw: Any) -> bool:
        """Say whether the transaction that eldermall has worked in is over."""
        ...

    def raw_cursor(self, raw: Any, *given: Any, **more: Any) -> Any:
        """Return a cursor of a host's connection whose rows are tuples."""
        ...

    def enter(self, connection: Connection, *, begun: bool) -> None:
        """Make sure that the host's transaction is open down to the server.

        Args:
            connection: the host's.
            begun: whether eldermall has worked in this transaction already.

        Raises:
            NotInTransaction: it isn't open.
            Overtaken: the server has rolled it back.
        """
        ...

    def probe(self, connection: Connection, table: Table, keys: Mapping[str, object]) -> None:
        """Fail if a row that the host's transaction can't see has been committed meanwhile."""
        ...


Fault = Literal[
    "overtaken", "locked", "not in transaction", "no table", "full", "read only", "damaged",
    "away", "broken",
]

_TEXTS: Mapping[str, Text] = {
    "overtaken": Text(
        "他人已先写入，或数据库为解除死锁放弃了本事务",
        "somebody else wrote first, or the database gave this transaction up to end a deadlock",
    ),
    "locked": Text(
        "数据库正被占用：另有写入者，或是您自己尚未结束的事务；请在事务之前打开 Mall，"
        "事务之内用 mall.joined(connection)",
        "the database is locked by another writer, or by a transaction of your own: open the mall "
        "before it begins, and inside it use mall.joined(connection)",
    ),
}

_REASONS: Mapping[str, Text] = {
    "full": Text("磁盘空间已满", "the disk is full"),
    "read only": Text("没有写入权限", "it may not be written"),
    "damaged": Text("文件已损坏，或不是数据库", "the file is damaged, or is no database"),
    "away": Text("无法连接或打开", "it can't be reached"),
}

NO_TRANSACTION = Text(
    "该连接没有打开的事务；请先打开，例如 with engine.begin() as connection、"
    "with session.begin()，Django 中用 with transaction.atomic()",
    "the connection has no open transaction; open one with engine.begin(), connection.begin() or "
    "session.begin(), in Django with transaction.atomic()",
)

ROLLED_BACK = Text(
    "数据库已回滚您的整个事务，请从头再来",
    "the database has rolled back your whole transaction; begin it again",
)


@contextmanager
def translated(database: Database, retry: Retry) -> Iterator[None]:
    """Turn errors of the driver into eldermall's own.

    Args:
        database: knows what the driver means.
        retry: what a host has to do again.
    """
    try:
        yield
    except EldermallError:
        raise
    except exc.SQLAlchemyError as error:
        raise _translation(database, getattr(error, "orig", None) or error, retry) from error
    except UnicodeDecodeError as error:  # of sqlite3: a text, a name of a table or its own words
        raise _unusable(database, _REASONS["damaged"]) from error
    except Exception as error:
        if not _of_driver(error):
            raise
        raise _translation(database, error, retry) from error


def _of_driver(error: Exception) -> bool:
    return any(base.__name__ == "DatabaseError" for base in type(error).__mro__)


def _translation(database: Database, error: BaseException, retry: Retry) -> EldermallError:
    fault = database.fault(error)
    words = " ".join(without_secrets(str(error), database.url).split())
    if fault == "overtaken":
        text = _TEXTS[fault]
        return Overtaken(Text(f"{text.zh}（{words}）", f"{text.en} ({words})"), retry=retry)
    if fault == "locked":
        return Locked(_TEXTS[fault], retry=retry)
    if fault == "not in transaction":
        return NotInTransaction(NO_TRANSACTION)
    if fault in _REASONS:
        reason = _REASONS[fault]
        return _unusable(database, Text(f"{reason.zh}（{words}）", f"{reason.en} ({words})"))
    return _unusable(database, Text(words, words))


def _unusable(database: Database, why: Text) -> StorageError:
    place = database.place
    return StorageError(
        Text(f"数据库 {place} 无法使用：{why.zh}", f"the database {place} can't be used: {why.en}")
    )


def insert_new(insert: Callable[[Table], Any], table: Table) -> Executable:
    """Return an insert ON CONFLICT DO NOTHING, where a database's own ``insert`` knows it."""
    put: Executable = insert(table).on_conflict_do_nothing()
    return put


def upsert(insert: Callable[[Table], Any], table: Table) -> Executable:
    """Return an insert ON CONFLICT DO UPDATE, where a database's own ``insert`` knows it."""
    put = insert(table)
    replacing: Executable = put.on_conflict_do_update(
        index_elements=[c.name for c in table.primary_key],
        set_={c.name: put.excluded[c.name] for c in table.c if not c.primary_key},
    )
    return replacing


def number_of(key: str) -> int:
    """Return a signed number of 64 bits that stands for ``key``, the same in every process."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big", signed=True)

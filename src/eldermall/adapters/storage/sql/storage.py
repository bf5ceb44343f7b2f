"""The storage contract on SQL databases, through SQLAlchemy Core."""

from __future__ import annotations

import re
import secrets
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, Engine, event, exc, select

from eldermall.adapters.storage import SQL
from eldermall.adapters.storage.sql import migrate
from eldermall.adapters.storage.sql.database import PATIENCE, Database, translated
from eldermall.adapters.storage.sql.join import Joiner
from eldermall.adapters.storage.sql.mariadb import Mariadb
from eldermall.adapters.storage.sql.postgresql import Postgresql
from eldermall.adapters.storage.sql.schema import Schema
from eldermall.adapters.storage.sql.sending import own_sender
from eldermall.adapters.storage.sql.sqlite import Sqlite
from eldermall.adapters.storage.sql.statements import Statements
from eldermall.adapters.storage.sql.transaction import SqlTransaction
from eldermall.adapters.storage.urls import parsed, shown_url
from eldermall.contracts.storage import (
    Beside,
    Joined,
    RecordKind,
    Transaction,
)
from eldermall.errors import Conflict, SchemaError, StorageError
from eldermall.texts import Text

DATABASES: dict[str, type[Sqlite | Postgresql | Mariadb]] = {
    "sqlite": Sqlite, "postgresql": Postgresql, "mariadb": Mariadb,
}
_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}|")
_USUAL = "eldermall_"

T = TypeVar("T")


class SqlStorage:
    """A storage in a database of SQLite, PostgreSQL or MariaDB.

    Args:
        url: ``sqlite:///path``, ``postgresql://user@host/database`` or
            ``mariadb://user@host/database``.
        prefix: put before every table's name: letters, digits, underscores, up to 32.

    Raises:
        StorageError: the URL names no database, its driver isn't installed, or the prefix is
            malformed.
    """

    capabilities = SQL

    def __init__(self, url: str, *, prefix: str = _USUAL) -> None:
        if not isinstance(prefix, str) or _PREFIX.fullmatch(prefix) is None:
            raise StorageError(
                Text(
                    f"表名前缀 {prefix!r} 只能由字母、数字和下划线组成，不超过 32 个字符",
                    f"the table prefix {prefix!r} must be up to 32 letters, digits, underscores",
                )
            )
        self.database = database_at(url)
        self.prefix = prefix
        self.engine = _engine(self.database)
        self._ready: tuple[Statements, Statements, Joiner] | None = None

    def open(self, kinds: Iterable[RecordKind], *, make: bool = True) -> None:
        """Make the tables of a new database, check those of an old one.

        Raises:
            SchemaError: the tables aren't those that this version needs.
            StorageError: the database can't be used, or isn't there and isn't to be made.
        """
        self.database.check(make=make)
        schema = self._schema(kinds)
        installation = _in_turn(lambda: self._made(schema, make))
        writing = Statements(schema, self.database, locking=True)
        self._ready = (
            writing,
            Statements(schema, self.database, locking=False),
            Joiner(self.database, self.engine.dialect, writing, installation),
        )

    def _schema(self, kinds: Iterable[RecordKind]) -> Schema:
        return Schema(kinds, self.prefix, locks=self.database.name == "mariadb")

    def _made(self, schema: Schema, make: bool) -> str:
        place = self.database.place
        with translated(self.database, "command"), self.engine.connect() as connection:
            found, lacking = _state(connection, schema)
            connection.rollback()
            if make and (found != migrate.NEEDED or lacking):  # somebody may be at it
                with self.database.making(connection):
                    if migrate.version(connection, self.prefix) is None:
                        migrate.upgrade(connection, self.prefix, besides=_besides(schema))
                    found, lacking = _state(connection, schema)
                    migrate.make(connection, schema, lacking)
                    lacking = []
            if found is None:
                raise SchemaError(
                    Text(
                        f"{place} 中没有以 {self.prefix} 为前缀的 eldermall 数据表",
                        f"{place} holds no tables of eldermall with the prefix {self.prefix}",
                    )
                )
            migrate.check(found, self._upgrading)
            if lacking:
                raise self._without([schema.records[kind].name for kind in lacking])
            id = connection.execute(select(schema.installation)).scalar()
        if id is None:
            raise SchemaError(
                Text(
                    f"{place} 缺少安装标识，已被改动",
                    f"{place} has lost its installation id; it was changed",
                )
            )
        return str(id)

    def _without(self, tables: Sequence[str]) -> SchemaError:
        command = self._upgrading
        return SchemaError(
            Text(
                f"缺少数据表或其中的列：{'、'.join(tables)}；请执行 {command}，"
                "并用 --plugin NAME 逐一指明商城的插件",
                f"the tables {', '.join(tables)} aren't there, or lack a column: run {command}, "
                "with --plugin NAME for each plugin of the mall",
            )
        )

    @property
    def _upgrading(self) -> str:
        prefix = "" if self.prefix == _USUAL else f" --prefix {shlex.quote(self.prefix)}"
        return f"eldermall db upgrade {self.url}{prefix}"

    @property
    def url(self) -> str:
        """Where the database is, without a password."""
        return shown_url(self.database.url)

    def _opened(self) -> tuple[Statements, Statements, Joiner]:
        if self._ready is None:
            raise StorageError(Text("存储尚未打开", "the storage isn't open yet"))
        return self._ready

    @contextmanager
    def write(self, mall: str, *, patience: float | None = None) -> Iterator[Transaction]:
        """Open a transaction that writes; it waits up to ``patience`` seconds for each lock."""
        statements, _, _ = self._opened()
        with translated(self.database, "command"), self.engine.connect() as connection:
            self.database.begin_write(connection, patience)
            yield SqlTransaction(connection, own_sender(connection), statements, mall)
            connection.commit()

    @contextmanager
    def read(self, mall: str) -> Iterator[Transaction]:
        """Open a transaction that only reads: one moment of the database, no lock."""
        _, statements, _ = self._opened()
        with translated(self.database, "command"), self.engine.connect() as connection:
            self.database.begin_read(connection)
            yield SqlTransaction(connection, own_sender(connection), statements, mall)

    @contextmanager
    def join(self, mall: str, host: object, *, on_end: Callable[[], None]) -> Iterator[Joined]:
        """Work inside the transaction of a SQLAlchemy Connection or Session, or of the driver.

        Raises:
            NotJoinable: it is none of these, or one to another database.
            NotInTransaction: it has no open transaction.
        """
        _, _, joiner = self._opened()
        with joiner.join(mall, host, on_end) as joined:
            yield joined

    @property
    def installation(self) -> str:
        """The id that was given to the tables when they were made."""
        return self._opened()[2].installation

    @property
    def needed(self) -> str:
        """The version of the tables that this installation needs."""
        return migrate.NEEDED

    def missing(self, kinds: Iterable[RecordKind]) -> Sequence[str]:
        """Return the names of the kinds whose tables aren't there; asked at the version needed.

        Raises:
            SchemaError: a table lacks a column that its kind is found by.
        """
        self.database.check(make=False)
        with translated(self.database, "command"), self.engine.connect() as connection:
            return migrate.lacking(connection, self._schema(kinds))

    def upgrade(self, kinds: Iterable[RecordKind]) -> tuple[str | None, str, Sequence[str]]:
        """Bring the tables to the version needed, then make those of ``kinds`` that aren't there.

        Returns:
            the version before, the version now, and the kinds that got a table at this version.

        Raises:
            SchemaError: the tables are of a version that this one doesn't know, or one lacks a
                column that its kind is found by.
        """
        self.database.check(make=True)
        schema = self._schema(kinds)
        return _in_turn(lambda: self._upgraded(schema))

    def _upgraded(self, schema: Schema) -> tuple[str | None, str, Sequence[str]]:
        with (
            translated(self.database, "command"),
            self.engine.connect() as connection,
            self.database.making(connection),
        ):
            before = migrate.version(connection, self.prefix)
            migrate.upgrade(connection, self.prefix, besides=_besides(schema))
            lacking = migrate.lacking(connection, schema)
            migrate.make(connection, schema, schema.records)
            return before, migrate.NEEDED, lacking

    def version(self) -> str | None:
        """Return the version of the tables' schema; None if there are no tables."""
        self.database.check(make=False)
        with translated(self.database, "command"), self.engine.connect() as connection:
            return migrate.version(connection, self.prefix)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _besides(schema: Schema) -> dict[str, Beside | None]:
    return {name: kind.beside for name, kind in schema.kinds.items()}


def _state(connection: Connection, schema: Schema) -> tuple[str | None, list[str]]:
    """Return the version of the tables, and at the one needed the kinds that have none."""
    found = migrate.version(connection, schema.prefix)
    return found, migrate.lacking(connection, schema) if found == migrate.NEEDED else []


def _in_turn(work: Callable[[], T]) -> T:
    """Return what ``work`` returns, tried again for a while when somebody else is at the tables."""
    until = time.monotonic() + 4 * PATIENCE
    while True:
        try:
            return work()
        except Conflict:
            if time.monotonic() > until:
                raise
            time.sleep(0.01 + secrets.randbelow(20) / 1000)


def database_at(url: str) -> Database:
    """Return the database at ``url``.

    Raises:
        StorageError: the URL is malformed.
    """
    found = parsed(url)
    if found is None:
        raise StorageError(
            Text(
                f"{shown_url(url)} 不是数据库地址，应写作 sqlite:///mall.db 或 "
                "postgresql://user:password@host:5432/database，密码中的 @ 写作 %40",
                f"{shown_url(url)} is no URL of a database; write sqlite:///mall.db or "
                "postgresql://user:password@host:5432/database, with %40 for an @ in the password",
            )
        )
    return DATABASES[found.get_backend_name()](found)


def _engine(database: Database) -> Engine:
    try:
        engine = database.engine()
    except ModuleNotFoundError as error:
        name = database.name
        raise StorageError(
            Text(
                f"未安装 {name} 驱动，请执行 pip install 'eldermall[{name}]'",
                f"the driver for {name} isn't installed: pip install 'eldermall[{name}]'",
            )
        ) from error
    except (exc.ArgumentError, TypeError, ValueError):
        raise _not_taken(database) from None

    def connected(dialect: Dialect, record: object, given: Any, named: Any) -> Any:
        try:
            return dialect.connect(*given, **named)
        except (TypeError, ValueError, OverflowError):  # of a driver that looks at them only now
            raise _not_taken(database) from None

    event.listen(engine, "do_connect", connected)
    return engine


def _not_taken(database: Database) -> StorageError:
    url = shown_url(database.url)
    return StorageError(
        Text(
            f"{database.name} 驱动不接受 {url} 的某项内容，请检查其端口和 ? 之后的选项",
            f"the driver for {database.name} doesn't take something in {url}; look at its port "
            "and at the options after the ?",
        )
    )

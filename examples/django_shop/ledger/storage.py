"""A storage in the tables of a Django project, for URLs like ``django:default``.

Its own transactions run on connections of its own, so that none is ever nested in an ``atomic`` of
the host's by accident; `DjangoStorage.join` nests on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import load_backend
from django.utils.connection import ConnectionProxy

from eldermall import hookimpl
from eldermall.contracts.storage import Joined, RecordKind, StorageCapabilities, Transaction
from eldermall.errors import (
    NotInTransaction,
    NotJoinable,
    SchemaError,
    StorageError,
)
from eldermall.texts import Text
from ledger.databases import DATABASES, Database, applied, translated
from ledger.transaction import DjangoTransaction

SCHEME = "django:"


@hookimpl
def eldermall_storage(url: str, prefix: str) -> DjangoStorage | None:
    """Return a storage for ``django:ALIAS``. The tables' names are Django's, not ``prefix``'s."""
    return DjangoStorage(url.removeprefix(SCHEME)) if url.startswith(SCHEME) else None


class DjangoStorage:
    """A storage in the database that Django knows as ``alias``.

    Args:
        alias: a key of ``settings.DATABASES``.

    Raises:
        StorageError: Django isn't set up, or has no such database, or one of another kind than
            SQLite or PostgreSQL.
    """

    capabilities = StorageCapabilities(join=True, durable=True)

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self._settings = _settings(alias)
        self._database = _database(self._settings["ENGINE"])
        self._writing = _Lent(self._database.writing(self._settings), f"{alias}-write")
        self._reading = _Lent(self._database.reading(self._settings), f"{alias}-read")
        self._kinds: dict[str, RecordKind] = {}

    def open(self, kinds: Iterable[RecordKind], *, make: bool = True) -> None:
        """Run the ledger's migrations on a database that has had none; check those of another.

        Raises:
            SchemaError: the tables aren't those that this version needs.
            StorageError: the database can't be used, or isn't there and isn't to be made.
        """
        self._database.check(self._settings, make=make)
        self._kinds = {kind.name: kind for kind in kinds}
        with translated(self._database, "command"), self._writing.one() as connection:
            if make and not applied(connection):
                self._make(connection)
            executor = MigrationExecutor(connection)
            needed = {name for app, name in executor.loader.disk_migrations if app == "ledger"}
            _check(applied(connection), needed)

    def _make(self, connection: Any) -> None:
        self._database.prepare(connection)
        with transaction.atomic(using=connection.alias):
            self._database.queue(connection)
            executor = MigrationExecutor(connection)
            executor.migrate(executor.loader.graph.leaf_nodes("ledger"))
        connection.close()  # it has been set up for making tables

    @contextmanager
    def write(self, mall: str, *, patience: float | None = None) -> Iterator[Transaction]:
        """Open a transaction that writes; it waits up to ``patience`` seconds for each lock."""
        with translated(self._database, "command"), self._writing.one() as connection:
            self._database.before(connection, patience)
            with transaction.atomic(using=connection.alias):
                self._database.begun(connection, patience)
                yield self._transaction(connection, mall, locking=True)

    @contextmanager
    def read(self, mall: str) -> Iterator[Transaction]:
        """Open a transaction that only reads: one moment of the database, no lock."""
        with (
            translated(self._database, "command"),
            self._reading.one() as connection,
            transaction.atomic(using=connection.alias),
        ):
            yield self._transaction(connection, mall, locking=False)

    @contextmanager
    def join(self, mall: str, host: object, *, on_end: Callable[[], None]) -> Iterator[Joined]:
        """Work inside the ``atomic`` that is open on ``host``, Django's own connection.

        Raises:
            NotJoinable: it isn't this thread's ``connections[alias]``, or isn't READ COMMITTED.
            NotInTransaction: it is outside ``atomic``.
        """
        connection = connections[self.alias]
        if not _is(host, connection):
            name = type(host).__name__
            raise NotJoinable(
                Text(
                    f"只能加入 django.db.connections[{self.alias!r}]，不是 {name}",
                    f"only django.db.connections[{self.alias!r}] can be joined, not a {name}",
                )
            )
        joined = _DjangoJoined(self._database, connection, self._transaction, mall)
        joined.enter()
        with translated(self._database, "transaction"):
            self._database.joinable(connection)
        transaction.on_commit(on_end, using=self.alias, robust=True)
        yield joined

    @property
    def installation(self) -> str:
        """The database as Django knows it."""
        return f"{SCHEME}{self.alias}"

    def _transaction(self, connection: Any, mall: str, *, locking: bool) -> Transaction:
        return DjangoTransaction(
            connection.alias, self._database, self._kinds, mall, locking=locking
        )

    def close(self) -> None:
        """Close the connections of its own."""
        self._writing.close()
        self._reading.close()


class _DjangoJoined:
    def __init__(
        self, database: Database, connection: Any, make: Callable[..., Transaction], mall: str
    ) -> None:
        self._database = database
        self._connection = connection
        self._make = make
        self._mall = mall

    @property
    def ended(self) -> bool:
        """Whether the host is outside ``atomic``."""
        return not self._connection.in_atomic_block

    def enter(self) -> None:
        """Make sure that the host's transaction can be worked in."""
        if self.ended:
            raise NotInTransaction(
                Text(
                    "该连接没有打开的事务；请先打开：with transaction.atomic()",
                    "the connection has no open transaction; open one with transaction.atomic()",
                )
            )
        if self._connection.needs_rollback:
            raise NotInTransaction(
                Text(
                    "该 atomic 之内已出错，只能回滚，请在其结束后重新开始",
                    "something failed inside this atomic; it can only be rolled back",
                )
            )

    @contextmanager
    def savepoint(self) -> Iterator[Transaction]:
        """Open an ``atomic`` inside the host's."""
        self.enter()
        with (
            translated(self._database, "transaction"),
            transaction.atomic(using=self._connection.alias),
        ):
            yield self._make(self._connection, self._mall, locking=True)


class _Lent:
    """Connections that Django's settings don't name, each lent to one transaction at a time.

    So a request's end doesn't close them, and ``ATOMIC_REQUESTS`` doesn't wrap them.
    """

    def __init__(self, settings: dict[str, Any], name: str) -> None:
        self._settings = settings
        self._name = name
        self._numbers = count(1)
        self._idle: list[Any] = []

    @contextmanager
    def one(self) -> Iterator[Any]:
        """Lend a connection to this thread, under an alias that only this thread knows."""
        connection = self._take()
        connections[connection.alias] = connection
        try:
            yield connection
        finally:
            del connections[connection.alias]
            self._idle.append(connection)

    def _take(self) -> Any:
        try:
            connection = self._idle.pop()
        except IndexError:
            backend = load_backend(self._settings["ENGINE"])
            alias = f"{self._name}-{next(self._numbers)}"
            connection = backend.DatabaseWrapper(self._settings, alias)
            connection.inc_thread_sharing()
            return connection
        if connection.connection is not None and not connection.is_usable():
            connection.close()  # the server has gone away meanwhile
        return connection

    def close(self) -> None:
        """Close those that nobody has."""
        while self._idle:
            self._idle.pop().close()


def _settings(alias: str) -> dict[str, Any]:
    try:
        installed = apps.is_installed("ledger")
        known = connections.settings
    except ImproperlyConfigured as error:
        raise StorageError(
            Text("Django 尚未配置", "Django isn't set up: call django.setup()")
        ) from error
    if not installed:
        raise StorageError(
            Text("INSTALLED_APPS 中没有 ledger", "ledger isn't among INSTALLED_APPS")
        )
    if alias not in known:
        raise StorageError(
            Text(f"DATABASES 中没有 {alias!r}", f"there is no {alias!r} among DATABASES")
        )
    return dict(known[alias])


def _database(engine: str) -> Database:
    name = load_backend(engine).DatabaseWrapper.vendor
    if name not in DATABASES:
        raise StorageError(
            Text(
                f"ledger 仅支持 SQLite 和 PostgreSQL，不支持 {name}",
                f"the ledger works with SQLite and PostgreSQL, not with {name}",
            )
        )
    return DATABASES[name]


def _check(found: set[str], needed: set[str]) -> None:
    if found == needed:
        return
    if found - needed:
        raise SchemaError(
            Text(
                "数据表来自更新版本的 ledger，请升级",
                "the tables are those of a newer ledger; use that one",
            )
        )
    raise SchemaError(
        Text(
            "缺少 ledger 的数据表；请备份后执行 manage.py migrate ledger",
            "tables of the ledger are missing; make a backup, then run manage.py migrate ledger",
        )
    )


def _is(host: object, connection: object) -> bool:
    """Say whether ``host`` is the connection, or ``django.db.connection``, which stands for it."""
    return host is connection or (isinstance(host, ConnectionProxy) and host == connection)

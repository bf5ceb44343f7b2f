"""Files that commands write: never over an input or what is there, whole or not at all."""

from __future__ import annotations

import errno
import inspect
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from eldermall import EldermallError
from eldermall.cli import app, files
from tests import shop

POLICY = str(shop.POLICY)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)), env={"LANG": "en"})


# One file

PLACES: dict[str, Callable[[Path, Path, Path], object]] = {
    "nothing": lambda place, read, other: None,
    "a file": lambda place, read, other: shutil.copy(other, place),
    "a link to a file": lambda place, read, other: place.symlink_to(other),
    "a link to nothing": lambda place, read, other: place.symlink_to("nothing"),
    "a link to itself": lambda place, read, other: place.symlink_to(place),
    "a folder": lambda place, read, other: place.mkdir(),
    "the input by a symlink": lambda place, read, other: place.symlink_to(read),
    "the input by two symlinks": lambda place, read, other: by_two_links(place, read),
    "the input by a hard link": lambda place, read, other: os.link(read, place),
}


def by_two_links(place: Path, read: Path) -> None:
    (place.parent / "way").symlink_to(read)
    place.symlink_to("way")


def seen(folder: Path) -> dict[str, tuple[int, int, bytes | str | None]]:
    """Return what is in a folder: inode, mode and content by name."""
    found: dict[str, tuple[int, int, bytes | str | None]] = {}
    for path in folder.iterdir():
        status = path.lstat()
        content: bytes | str | None = path.read_bytes() if path.is_file() else None
        if path.is_symlink():
            content = os.readlink(path)
        found[path.name] = (status.st_ino, status.st_mode, content)
    return found


@pytest.mark.parametrize("there", PLACES)
def test_a_file_takes_its_place_whole_and_nothing_else_changes(there: str, tmp_path: Path) -> None:
    for number, (force, private, fails) in enumerate(product([False, True], repeat=3)):
        folder = tmp_path / str(number)
        folder.mkdir()
        place, read, other = folder / "place", folder / "read", folder / "other"
        read.write_text("input")
        other.write_text("other")
        other.chmod(0o640)
        PLACES[there](place, read, other)
        before = seen(folder)
        try:
            with files.written(
                place, "--out", force=force, inputs=[read], private=private
            ) as file:
                file.write("half")
                file.flush()
                assert {k: v for k, v in seen(folder).items() if k in before} == before
                assert not (fails and 1 // 0)
                file.write(" whole")
            done = True
        except (EldermallError, ZeroDivisionError):
            done = False
        after = seen(folder)
        replaceable = there in ("a file", "a link to a file", "a link to nothing")
        with shop.telling((force, private, fails)):
            assert done == (not fails and (there == "nothing" or (force and replaceable)))
            if done:
                _, mode, content = after.pop("place")
                before.pop("place", None)
                assert content == b"half whole"
                assert stat.S_ISREG(mode)
                if private:
                    assert stat.S_IMODE(mode) == 0o600
                elif there in ("a file", "a link to a file"):
                    assert stat.S_IMODE(mode) == 0o640
            assert after == before


def test_an_input_that_isnt_there_yet_is_not_made(tmp_path: Path) -> None:
    place = tmp_path / "mall.db-wal"
    with pytest.raises(EldermallError, match="which this command reads"), files.written(
        place, "--out", inputs=files.database_files(f"sqlite:///{tmp_path}/mall.db")
    ):
        pytest.fail("must be refused before")
    assert not place.exists()


def test_somebody_who_was_faster_keeps_their_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    for links in (True, False):
        place.unlink(missing_ok=True)
        writing = files.written(place, "--out")
        writing.__enter__().write("ours")
        place.write_text("theirs")
        if not links:
            monkeypatch.setattr(os, "link", lambda *_: fail(errno.EPERM))
        with pytest.raises(EldermallError, match="is there already"):
            writing.__exit__(None, None, None)
        assert seen(tmp_path).keys() == {"place"}
        assert place.read_text() == "theirs"


def test_a_file_system_without_hard_links_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", lambda *_: fail(errno.EPERM))
    with files.written(tmp_path / "place", "--out") as file:
        file.write("ours")
    assert (tmp_path / "place").read_text() == "ours"
    assert seen(tmp_path).keys() == {"place"}


def fail(number: int) -> None:
    raise OSError(number, os.strerror(number))


def test_a_run_that_is_killed_leaves_the_old_file_whole(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.write_text("old")
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom eldermall.cli import files\n"
        "with files.written(Path(sys.argv[1]), '--out', force=True) as file:\n"
        "    file.write('new')\n    file.flush()\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(place)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert place.read_text() == "old"


def test_a_pipe_is_written_straight_to(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with files.written(pipe, "--out", private=True) as file:
        file.write("said")
    reader.join()
    assert read == ["said"]
    with files.written(Path(os.devnull), "--out") as file:
        file.write("said")


def test_a_full_disk_leaves_the_old_file_whole() -> None:
    with pytest.raises(EldermallError, match="can't write /dev/full: No space left"), files.written(
        Path("/dev/full"), "--out"
    ) as file:
        file.write("said")


# All commands


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mall with an order, an export, a map, a policy and roots, each in its file."""
    folder = tmp_path_factory.mktemp("kept")
    url = f"sqlite:///{folder / 'mall.db'}"
    with shop.open_mall(url) as mall:
        shop.staff(mall)
        shop.place(mall, "A1")
    shutil.copy(POLICY, folder / "policy.toml")
    call = ["work", url, "--policy", POLICY, "--once", "--trust-clock"]
    done = run(*call, "--root", folder / "r.jsonl")
    assert done.exit_code == 0
    (folder / "orders.csv").write_text("id,placed\nA1,2026-03-02 09:00\n")
    (folder / "map.toml").write_text(
        'zone = "Asia/Shanghai"\ntime_format = "%Y-%m-%d %H:%M"\n[columns]\nid = "id"\n'
        'placed = "placed"\n'
    )
    (folder / "own.py").write_text("")
    return folder


@pytest.fixture
def here(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


DATABASE = "sqlite:///mall.db"
AUDIT = ["audit", "orders.csv", "--columns", "map.toml", "--policy", "policy.toml", "--findings"]
WORK = ["work", DATABASE, "--policy", "policy.toml", "--once", "--trust-clock"]
WRITING: dict[tuple[str, str], tuple[list[str], list[str]]] = {
    ("export", "out"): (["export", DATABASE, "order/A1", "--out"], ["mall.db"]),
    ("audit", "findings"): (AUDIT, ["orders.csv", "map.toml", "policy.toml"]),
    ("work", "root"): ([*WORK, "--root"], ["mall.db", "policy.toml"]),
    ("init", "path"): (["init"], []),
    ("demo", "out"): (["demo", "--out"], []),
}
"""By command and option that names a file to write: the call, and the files that it reads."""

READING = {
    ("adopt", "file"), ("adopt", "policy"), ("appoint", "policy"), ("audit", "columns"),
    ("audit", "file"), ("audit", "policy"), ("observe-report", "policy"), ("rules", "policy"),
    ("sweep", "policy"), ("todo", "policy"), ("verify", "key"), ("verify", "root"),
    ("work", "policy"),
}


def test_each_option_that_names_a_file_is_known_to_read_or_write() -> None:
    named = {
        (command.name or command.callback.__name__.replace("_", "-"), parameter.name)
        for command in app.registered_commands if command.callback is not None
        for parameter in inspect.signature(command.callback, eval_str=True).parameters.values()
        if "Path" in str(parameter.annotation)
    }
    assert named == READING | WRITING.keys()


@pytest.mark.parametrize("option", WRITING, ids=" ".join)
def test_no_command_writes_over_what_it_reads(option: tuple[str, str], here: Path) -> None:
    call, inputs = WRITING[option]
    for name, link, force in product(
        inputs, ("itself", "symlink", "hard link"), ([], ["--force"])
    ):
        place = Path(name) if link == "itself" else Path("place")
        place.unlink(missing_ok=True) if link != "itself" else None
        if link == "symlink":
            place.symlink_to(name)
        elif link == "hard link":
            os.link(name, place)
        before = seen(here)
        done = run(*call, place, *(force if option[0] != "work" else []))
        with shop.telling((name, link, force)):
            assert (done.exit_code, done.stdout) == (2, "")
            assert "which this command reads" in done.stderr
            assert seen(here) == before


@pytest.mark.parametrize("option", WRITING, ids=" ".join)
def test_no_command_writes_over_a_file_that_is_there_unless_told_to(
    option: tuple[str, str], here: Path
) -> None:
    call, _ = WRITING[option]
    Path("place").write_text("a list of my own\n")
    before = seen(here)
    done = run(*call, "place")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert seen(here) == before
    if option[0] in ("work", "demo"):
        return
    assert run(*call, "place", "--force").exit_code in (0, 1)
    assert Path("place").read_text() != "a list of my own\n"
    assert seen(here).keys() == before.keys()


def test_a_file_with_personal_values_is_for_its_owner_alone(here: Path) -> None:
    old = os.umask(0)
    try:
        assert run("export", DATABASE, "order/A1", "--out", "proof.json").exit_code == 0
        Path("proof.json").chmod(0o666)
        run("export", DATABASE, "order/A1", "--out", "proof.json", "--force")
    finally:
        os.umask(old)
    assert stat.S_IMODE(Path("proof.json").stat().st_mode) == 0o600
    assert json.loads(Path("proof.json").read_text())["entries"]


def test_an_export_that_fails_leaves_nothing(here: Path) -> None:
    before = seen(here)
    assert run("export", DATABASE, "order/none", "--out", "proof.json").exit_code == 2
    assert seen(here).keys() - {"mall.db-wal", "mall.db-shm"} == before.keys()


def test_roots_go_on_in_their_file_and_begin_in_an_empty_one(here: Path) -> None:
    Path("empty").touch()
    for place in ("r.jsonl", "empty", "new"):
        for name in ("--root", "--roots"):
            assert run(*WORK, name, place).exit_code == 0

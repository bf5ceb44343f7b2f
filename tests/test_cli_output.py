"""What every command prints and how it ends: no text steers the terminal, no end is a traceback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text as Styled
from typer.testing import CliRunner

from eldermall import Text
from eldermall.cli import app, output
from eldermall.errors import Invalid
from eldermall.texts import UNSHOWN, escaped

SOURCE = Path(output.__file__).parent
STEERING = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\x08\x7f\u202eevil\u2028\udcff\t"


def controls(text: str) -> set[str]:
    """Return what steers a terminal in ``text``, but the newline."""
    turning = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
    return {
        c for c in text
        if (unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or ord(c) in turning) and c != "\n"
    }


anything = st.text(st.characters() | st.sampled_from(STEERING))


@given(anything)
def test_what_is_escaped_steers_nothing_and_plain_text_stays(text: str) -> None:
    shown = escaped(text)
    assert not controls(shown)
    assert escaped(shown) == shown
    assert (shown == text) == (not controls(text))
    assert bool(UNSHOWN.search(text)) == bool(controls(text))


@given(anything)
def test_no_text_steers_the_terminal_however_it_is_printed(text: str) -> None:
    table = Table(text)
    table.add_row(Styled(text, style="red"))
    with pytest.MonkeyPatch.context() as patch:
        written = Stream()
        patch.setattr(sys, "stdout", written)
        patch.setattr(sys, "stderr", written)
        for console in (output.console(), output.errors()):
            for thing in (text, Styled(text), table, Panel(text, title=text), Rule(text)):
                console.print(thing)
                console.print(thing, soft_wrap=True)
            console.print(output.folded(Styled(text), 20))
        output.line(text)
        output.tell(Text(text, text), "en")
        output.print_json({text: text})
        output.print_json_line([text])
    assert not controls(written.text)


class Stream:
    """A stream that keeps what is written to it, surrogates too."""

    encoding, text = "utf-8", ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        """Nothing."""

    def isatty(self) -> bool:
        return False


def test_the_colours_of_a_console_itself_reach_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Stream, "isatty", lambda self: True)
    for name in ("NO_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", written := Stream())
    output.console().print(Styled("a\x1b[2J", style="red"))
    assert set(re.findall(r"\x1b\[\d+m", written.text)) == {"\x1b[31m", "\x1b[0m"}
    assert re.sub(r"\x1b\[\d+m", "", written.text) == "a\\x1b[2J\n"


@given(anything)
def test_json_holds_the_same_text_however_it_steers(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", written := Stream())
        output.print_json_line({"said": text})
    assert json.loads(written.text) == {"said": text}


@given(anything)
def test_an_error_forges_no_line_of_its_own(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", written := Stream())
        output.tell(Text("", text), "en")
    first, *others = written.text.removesuffix("\n").split("\n")
    assert first.startswith("error: ")
    assert all(line.startswith("  ") for line in others)


def test_every_module_prints_by_the_one_place() -> None:
    by_itself = re.compile(
        r"typer\.echo|(?<![.\w])print\(|(?<!_)Console\(|sys\.std(out|err)\.write"
    )
    found = {
        path.name for path in SOURCE.glob("*.py") if by_itself.search(path.read_text("utf-8"))
    }
    assert found == {"output.py", "running.py"}


# How commands end


def eldermall(*arguments: str, code: str = "", **more: object) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own; ``code`` runs before it."""
    program = f"{code}\nfrom eldermall.cli import main; main()"
    environment = {**os.environ, "LANG": "en", **more.pop("env", {})}  # type: ignore[dict-item]
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-c", program, *arguments], check=False, text=True, encoding="utf-8",
        env=environment, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more},
    )


@pytest.mark.parametrize(
    "arguments", [["machines"], ["machines", "--json"], ["machines", "--format", "mermaid"]],
    ids=" ".join,
)
def test_a_full_disk_under_the_output_exits_2_with_one_line(arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = eldermall(*arguments, stdout=full)
    assert (done.returncode, done.stderr) == (
        2, "error: can't read or write: No space left on device\n"
    )
    with open("/dev/full", "w") as full:
        assert eldermall("nope", stderr=full).returncode == 2


def test_a_reader_that_has_gone_ends_a_command_with_2_and_no_words() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = eldermall("machines", stdout=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (2, "")


@pytest.mark.parametrize("closed", ["1", "2", "1, 2", "0, 1, 2"])
def test_closed_streams_make_no_command_fail(closed: str) -> None:
    code = (
        "import os, sys\n"
        f"for number in ({closed},):\n"
        "    os.close(number)\n"
        "    setattr(sys, ('stdin', 'stdout', 'stderr')[number], None)"
    )
    assert eldermall("machines", "callback", code=code).returncode == 0
    assert eldermall("machines", "nope", code=code).returncode == 2


@pytest.mark.parametrize("name", ["COLUMNS", "LINES", "TERMINAL_WIDTH"])
@pytest.mark.parametrize("value", ["", "abc", "0", "1", "-5", "²", "9" * 5000])
def test_a_width_that_is_none_is_left_out(name: str, value: str) -> None:
    done = eldermall("verify", "--help", env={name: value})
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nope\x1b[2J"], "error: No such command 'nope\\x1b[2J'. (eldermall --help)\n"),
        (["verify"], "error: Missing argument 'url'. (eldermall verify --help)\n"),
        (["verify", "--\x9b"], "error: No such option: --\\x9b (eldermall verify --help)\n"),
        (["machines", "a\nb"], "error: there is no machine a\\nb; there are "),
    ],
)
def test_a_wrong_call_is_told_in_one_line(arguments: list[str], words: str) -> None:
    done = CliRunner().invoke(app, arguments, env={"LANG": "en"})
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.lower().startswith(words.lower())
    assert done.stderr.count("\n") == 1


def test_without_a_command_the_help_is_printed() -> None:
    done = CliRunner().invoke(app, [])
    assert (done.exit_code, done.stderr) == (2, "")
    assert "observe-report" in done.stdout


def failing(error: BaseException) -> object:
    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, ""),
        (Invalid("x", "\x1b", Text("坏", "bad")), 2, "error: x = '\\x1b' is invalid: bad\n"),
        (PermissionError(13, "Permission denied", "a\x1b"), 2,
         "error: can't read or write a\\x1b: Permission denied\n"),
        (ZeroDivisionError("\x1b[2J"), 3, "ZeroDivisionError: \\x1b[2J\n\nerror: this is a defect"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_way_to_end_has_its_code(
    error: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["eldermall.cli.plugins"], "allowed", failing(error))
    done = CliRunner().invoke(app, ["plugins"], env={"LANG": "en"})
    assert done.exit_code == code
    assert said in done.stderr
    assert not controls(done.output)

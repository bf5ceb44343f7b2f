"""Both READMEs show the examples as they are, and what those print."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh.md")
EXAMPLES = ("embed", "outward", "joined")

_SHOWN = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def shown(readme: str) -> dict[str, tuple[str, str]]:
    """Return (code, output) by example, as a README shows them."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    assert text.count("```python") == len(EXAMPLES)
    return dict(zip(EXAMPLES, _SHOWN.findall(text), strict=True))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_print_what_the_readmes_say(name: str) -> None:
    file = ROOT / "examples" / f"{name}.py"
    run = subprocess.run(
        [sys.executable, file], cwd=ROOT, capture_output=True, encoding="utf-8", check=True
    )
    for readme in READMES:
        code, output = shown(readme)[name]
        assert code == file.read_text(encoding="utf-8")
        assert output == run.stdout


@pytest.mark.parametrize("readme", READMES)
def test_a_readme_can_be_read_in_one_go(readme: str) -> None:
    assert 120 <= len((ROOT / readme).read_text(encoding="utf-8").splitlines()) <= 200


_COMMANDS = re.compile(
    r"^```sh\n(.venv/bin/python examples/make_export.*?)^```\n\n```text\n(.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@pytest.mark.parametrize("page", [*READMES, "docs/audit.md"])
def test_the_audit_prints_what_the_documents_say(page: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shown = _COMMANDS.search((ROOT / page).read_text(encoding="utf-8"))
    assert shown is not None
    for line in shown[1].splitlines():
        program, *arguments = line.split()
        beside = Path(sys.executable).parent / Path(program).name
        run = subprocess.run(
            [beside, *arguments], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
        )
        assert run.returncode in (0, 1), run.stderr
    printed = run.stdout if page == "docs/audit.md" else run.stdout[: len(shown[2])]
    assert shown[2] == printed

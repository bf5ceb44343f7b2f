"""``eldermall init``: write a policy file to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eldermall.cli import files, output
from eldermall.loading import allowed
from eldermall.mall import rulebook
from eldermall.plugins import Plugins
from eldermall.policy_template import policy_template
from eldermall.texts import Text


def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("eldermall.toml"),
    force: files.ForceOption = False,
    lang: output.LangOption = None,
) -> None:
    """Write a commented policy file in which each limit stands beside its clause."""
    spoken = output.language(lang)
    with output.telling(spoken):
        inputs = files.plugin_files(allowed())
        with files.written(path, "PATH", force=force, inputs=inputs) as file:
            file.write(policy_template(rulebook(Plugins(allowed()))))
    said = Text(
        f"已写入 {path}。注释掉的数值只是程序库的建议；请逐项设定，并写明设定人和日期。",
        f"wrote {path}. The values commented out are suggestions of the library; set each, and "
        "sign it with author and date.",
    )
    output.line(said.in_(spoken))

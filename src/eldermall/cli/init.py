"""``eldermall init``: write a policy file to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eldermall.cli import output
from eldermall.errors import FileUnreadable
from eldermall.loading import allowed
from eldermall.mall import rulebook
from eldermall.plugins import Plugins
from eldermall.policy_template import policy_template
from eldermall.texts import Text


def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("eldermall.toml"),
    lang: output.LangOption = None,
) -> None:
    """Write a commented policy file in which each limit stands beside its clause."""
    spoken = output.language(lang)
    with output.telling(spoken):
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(policy_template(rulebook(Plugins(allowed()))))
        except FileExistsError:
            raise FileUnreadable(
                Text(f"{path} 已存在，未作改动", f"{path} is there already and was left as it is")
            ) from None
        except OSError as error:
            raise FileUnreadable(
                Text(
                    f"无法写入 {path}：{error.strerror}", f"can't write {path}: {error.strerror}"
                )
            ) from error
    said = Text(
        f"已写入 {path}。注释掉的数值只是程序库的建议；请逐项设定，并写明设定人和日期。",
        f"wrote {path}. The values commented out are suggestions of the library; set each, and "
        "sign it with author and date.",
    )
    output.line(said.in_(spoken))

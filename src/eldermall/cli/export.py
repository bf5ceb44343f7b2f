"""``eldermall export``: write a record's file with its proof, for a third party."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from eldermall.cli import files, output
from eldermall.cli.verify import opened
from eldermall.engine.inputs import checked_id, checked_text
from eldermall.reports import evidence
from eldermall.texts import Text


def export(
    url: Annotated[str, typer.Argument(help="The database: sqlite:///mall.db.")],
    subject: Annotated[str, typer.Argument(help="Kind and id of the record: order/A1.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write.", metavar="FILE")],
    force: files.ForceOption = False,
    code: output.CodeOption = "main",
    prefix: output.PrefixOption = "eldermall_",
    lang: output.LangOption = None,
) -> None:
    """Write a record's journal with the proof that it is under a root.

    It holds personal values, so only its owner may read the file.
    """
    spoken = output.language(lang)
    with output.telling(spoken):
        checked_id(code, "code")
        checked_text(subject, "SUBJECT")
        inputs = files.database_files(url)
        with files.written(out, "--out", force=force, inputs=inputs, private=True) as file:
            with closing(opened(url, prefix, code)) as storage, storage.read(code) as tx:
                found = evidence.export(tx, code, subject)
            file.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    entries, personal = len(found["entries"]), len(found["personal"])
    said = Text(
        f"已写入 {out}：记录 {entries} 条（未封存 {found['unsealed']} 条），个人信息 {personal} 项",
        f"wrote {out}: {entries} entries ({found['unsealed']} not sealed yet), "
        f"{personal} personal values",
    )
    output.line(said.in_(spoken))

"""``eldermall sweep``: act on every time limit whose moment has come."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text as Styled

from eldermall.cli import output
from eldermall.engine.sweep import Swept
from eldermall.errors import Invalid
from eldermall.loading import allowed
from eldermall.mall import Mall
from eldermall.texts import Lang, Text


def sweep(
    url: Annotated[str, typer.Argument(help="The database: sqlite:///mall.db.")],
    policy: output.PolicyOption,
    at: Annotated[
        str | None,
        typer.Option("--at", help="The moment, with its zone; now if left out.", metavar="TIME"),
    ] = None,
    code: output.CodeOption = "main",
    prefix: output.PrefixOption = "eldermall_",
    lang: output.LangOption = None,
    json: output.JsonOption = False,
) -> None:
    """Warn, note breaches and carry them upwards, once. Exit 1 if a clock failed."""
    spoken = output.language(lang)
    with output.telling(spoken):
        moment = None if at is None else moment_of(at, "--at")
        with Mall.open(
            url, policy=policy, code=code, prefix=prefix, plugins=allowed(), make=False
        ) as mall:
            did = mall.sweep(moment)
            notice = mall.policy.notice
    if json:
        output.print_json(
            {
                "mall": code,
                "notice": None if notice is None else output.both(notice),
                "warned": did.warned,
                "breached": did.breached,
                "repeated": did.repeated,
                "failed": [
                    {
                        "subject": f.subject,
                        "clock": f.clock,
                        "part": f.part,
                        "why": output.both(f.why),
                    }
                    for f in did.failed
                ],
            }
        )
    else:
        _show(did, notice, spoken)
    if did.doubt is not None:
        output.tell(did.doubt, spoken)
    if did.failed:
        raise typer.Exit(output.FINDINGS)


def moment_of(text: str, option: str) -> datetime:
    """Return the moment that an option names.

    Raises:
        Invalid: it is none, or has no zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.utcoffset() is None:
        raise Invalid(
            option,
            text,
            Text(
                "须为带时区的时间，例如 2026-03-02T09:00+08:00",
                "must be a time with its zone, such as 2026-03-02T09:00+08:00",
            ),
        )
    return moment


def counts(warned: int, breached: int, repeated: int, failed: int) -> Text:
    """Return in words what a sweep did."""
    return Text(
        f"已提醒 {warned}，新超期 {breached}，再次告知 {repeated}，失败 {failed}",
        f"warned {warned}, breached {breached}, told again {repeated}, failed {failed}",
    )


def _show(did: Swept, notice: Text | None, lang: Lang) -> None:
    console = output.console()
    if notice is not None:
        console.print(Styled(notice.in_(lang), style="yellow"))
    console.print(counts(did.warned, did.breached, did.repeated, len(did.failed)).in_(lang))
    for failed in did.failed:
        part = f" {failed.part}" if failed.part else ""
        line = Styled().append("✗ ", style="bold red")
        line.append(f"{failed.subject} {failed.clock}{part}  ")
        console.print(line.append(failed.why.in_(lang), style="dim"))

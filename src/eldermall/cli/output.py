"""What every command shares: language, consoles, JSON, and how an error is told.

Whatever a command prints goes through here: `console`, `errors`, `line`, `print_json`,
`print_json_line`, `tell`. So no value from a file, a database or the command line steers the
terminal.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text as Styled

from eldermall.calendars import moment
from eldermall.engine.actor import ROLE_LABELS, Role
from eldermall.errors import EldermallError
from eldermall.rules.catalogue import Clause, clauses
from eldermall.texts import UNSHOWN, Lang, Text, escaped

FINDINGS = 1
BAD_INPUT = 2
DEFECT = 3
INTERRUPTED = 130
WIDTH = 100

_WIDE = "\u2e80-\u9fff\uff00-\uffef"
_OPENING, _CLOSING = "（《“", "，。、；：？！）》”"
_UNIT = re.compile(
    rf"\n|[{_OPENING}]*(?:[{_WIDE}]|[^\s{_WIDE}{_OPENING}{_CLOSING}]+|)[{_CLOSING}]*[^\S\n]*"
)
_FORGED = re.compile(r"\n(?! {2})")
_ID = re.compile(r"S\d+-0*(\d+)(?:-(\d+))?([a-z]?)")


class Language(StrEnum):
    """The language of labels, as it is given on the command line."""

    ZH = "zh"
    EN = "en"


LangOption = Annotated[
    Language | None,
    typer.Option("--lang", help="Language of labels; by LC_ALL, LC_MESSAGES, LANG if left out."),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print facts as JSON, labels in both languages.")
]
PolicyOption = Annotated[
    Path,
    typer.Option("--policy", help="The policy in force: a file, or pack:NAME, as pack:demo."),
]
PrefixOption = Annotated[str, typer.Option("--prefix", help="Put before every table's name.")]
PluginOption = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin", help="A plugin: its name, a module, module:name, file.py.", metavar="NAME"
    ),
]
CodeOption = Annotated[str, typer.Option("--code", help="The mall's code.")]


def language(given: Language | None) -> Lang:
    """Return the language to speak: the one given, else the environment's, else English."""
    if given is not None:
        return "zh" if given is Language.ZH else "en"
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


class _Trimmed:
    """A stream that drops the blanks which tables leave at the end of lines."""

    def write(self, text: str) -> int:
        return sys.stdout.write(re.sub(r" +(?=\n|$)", "", text))

    def flush(self) -> None:
        sys.stdout.flush()


class _Console(Console):
    """A console that no text steers: only its own colours reach the terminal."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        if isinstance(renderable, Styled):
            renderable = _shown(renderable)
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(escaped(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Let the error go on: whoever prints decides what follows."""
        raise  # noqa: PLE0704


def _shown(text: Styled) -> Styled:
    """Return ``text`` escaped before it is laid out, in its styles."""
    found = list(UNSHOWN.finditer(text.plain))
    if not found:
        return text
    shown = text.blank_copy()
    for piece in text.divide(sorted({end for match in found for end in match.span()})):
        said = Styled(escaped(piece.plain), style=piece.style)
        for style in piece.spans:
            said.stylize(style.style)
        shown.append_text(said if UNSHOWN.search(piece.plain) else piece)
    return shown


def console() -> Console:
    """Return a console of up to 100 columns; plain text where nobody looks on."""
    if sys.stdout.isatty():
        found = _Console(highlight=False, markup=False, emoji=False)
        found.width = min(found.width, WIDTH)
        return found
    return _Console(
        file=cast(Any, _Trimmed()), width=WIDTH, color_system=None, force_terminal=False,
        highlight=False, markup=False, emoji=False,
    )


def errors() -> Console:
    """Return a console for what isn't a command's answer: progress, rows that failed."""
    return _Console(stderr=True, highlight=False, markup=False, emoji=False)


def line(text: str) -> None:
    """Print ``text`` on stdout as it stands, whatever its width."""
    typer.echo(escaped(text))


def tell(text: Text, lang: Lang) -> None:
    """Print an error on stderr, in one line; of our own lists each item is an indented line."""
    said = Text("错误：", "error: ").in_(lang) + text.in_(lang)
    typer.echo(escaped(_FORGED.sub(r"\\n", said)), err=True)


def print_json(facts: object) -> None:
    """Print ``facts`` as JSON on stdout."""
    typer.echo(_json(facts, indent=2))


def print_json_line(facts: object) -> None:
    """Print ``facts`` as one line of JSON on stdout, at once."""
    typer.echo(_json(facts))
    sys.stdout.flush()


def _json(facts: object, indent: int | None = None) -> str:
    written = json.dumps(facts, ensure_ascii=False, indent=indent)
    return UNSHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", written)


def both(text: Text) -> dict[str, str]:
    """Return ``text`` for JSON, in both languages."""
    return {"zh": text.zh, "en": text.en}


@contextmanager
def telling(lang: Lang) -> Iterator[None]:
    """Turn an error of eldermall into its words on stderr and exit code 2.

    Args:
        lang: the language of the words.
    """
    try:
        yield
    except EldermallError as error:
        tell(error.text, lang)
        raise typer.Exit(BAD_INPUT) from None


def listed(words: Sequence[str], lang: Lang) -> str:
    """Return ``words`` as one list."""
    return ("、" if lang == "zh" else ", ").join(words)


def roles(who: Sequence[str], lang: Lang) -> str:
    """Return the labels of roles as one list."""
    return listed([ROLE_LABELS[cast(Role, role)].in_(lang) for role in who], lang)


def when(us: int, zone: tzinfo) -> str:
    """Return a moment in ``zone`` to the minute."""
    return moment(us, zone).strftime("%m-%d %H:%M")


def span(us: int, lang: Lang) -> str:
    """Return a length of time in days, hours and minutes, rounded down to minutes."""
    minutes = us // 60_000_000
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    units = ("天", "小时", "分") if lang == "zh" else ("d", "h", "min")
    gap = "" if lang == "zh" else " "
    parts = [
        f"{count}{gap}{unit}"
        for count, unit in zip((days, hours, rest), units, strict=True)
        if count
    ]
    return gap.join(parts) or f"0{gap}{units[2]}"


def citation(clause: Clause) -> Text:
    """Return where a clause stands: its document and article."""
    match = _ID.fullmatch(clause.id)
    if match is None:
        return Text(f"{clause.document}（{clause.article}）", f"{clause.document} {clause.article}")
    number = f"{match[1]} ({match[2]})" if match[2] else match[1]
    if not clause.article.startswith("第"):
        return Text(f"{clause.document}（{clause.article}）", f"{clause.document} part {number}")
    article = re.sub(r"(第.+?条) (\d+)", r"\1（\2）", clause.article)
    return Text(f"{clause.document}{article}", f"{clause.document} article {number}")


def folded(text: Styled, width: int) -> Styled:
    """Return ``text`` broken into lines of up to ``width`` cells, Chinese between characters.

    No line begins with a closing mark or ends with an opening one.
    """
    text = _shown(text)
    breaks, used = [], 0
    for match in _UNIT.finditer(text.plain):
        unit = match[0]
        if unit == "\n":
            used = 0
            continue
        size = cell_len(unit.rstrip())
        if used and used + size > width:
            breaks.append(match.start())
            used = 0
        used += cell_len(unit)
    lines = text.divide(breaks)
    for line in lines:
        line.rstrip()
    return Styled("\n").join(lines)


def cited(ids: Sequence[str], lang: Lang) -> list[Styled]:
    """Return a text for each clause: its id, where it stands, and our paraphrase."""
    lines = []
    for id in ids:
        line = Styled().append(id, style="cyan")
        clause = clauses().get(id)
        if clause is not None:
            where = citation(clause).in_(lang) + ("：" if lang == "zh" else ": ")
            line.append(f"  {where}", style="dim").append(clause.text.in_(lang))
        lines.append(line)
    return lines


def clauses_json(ids: Sequence[str]) -> list[dict[str, object]]:
    """Return clauses for JSON: id, document, article and our paraphrase."""
    known = clauses()
    return [
        {
            "id": id,
            "document": known[id].document,
            "article": known[id].article,
            "text": both(known[id].text),
        }
        if id in known
        else {"id": id}
        for id in ids
    ]

"""The narrator of the demo: each line of the story as it stands in a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.rule import Rule as Ruler
from rich.table import Table
from rich.text import Text as Styled

from eldermall.cli import output
from eldermall.cli.stage import Line, Mark
from eldermall.engine.rule import Decision
from eldermall.texts import Lang, Text

_TIME, _SIGN, _NAME = 5, 1, 18
_BUILT_IN = Text(
    "（引擎自身的检查，不引用条款）", "(a check of the engine itself, which cites no clause)"
)
_MARKS: dict[Mark, tuple[str, str]] = {
    "moved": ("✓", "green"),
    "refused": ("✗", "bold red"),
    "clock": ("!", "yellow"),
    "outside": (">", "blue"),
    "evening": ("·", "dim"),
}


class Narrator:
    """Prints lines of the story, one at a time. The words of a clause stand where it comes first.

    Args:
        console: where.
        lang: in which language.
    """

    def __init__(self, console: Console, lang: Lang) -> None:
        self._console = console
        self._lang: Lang = lang
        self._cited: set[str] = set()
        self._explained = False

    def __call__(self, line: Line) -> None:
        """Print a line."""
        if line.mark == "day":
            title = Styled(f"{line.at:%Y-%m-%d}  {line.text.in_(self._lang)}", style="bold")
            self._console.print()
            self._console.print(Ruler(title, style="cyan"))
        elif line.mark == "scene":
            self._console.print()
            self._console.print(Styled(line.text.in_(self._lang), style="bold cyan"))
        else:
            self._told(line)

    def _told(self, line: Line) -> None:
        sign, style = _MARKS[line.mark]
        name = "" if line.who is None else line.who.in_(self._lang)
        plain = line.mark in ("moved", "refused", "outside")
        words = Styled().append(line.text.in_(self._lang), style="" if plain else style)
        if line.clauses:
            words.append("  " + ", ".join(line.clauses), style="cyan")
        self._row(
            (_TIME, Styled(f"{line.at:%H:%M}", style="dim")),
            (_SIGN, Styled(sign, style=style)),
            (_NAME, Styled(name, style="bold")),
            (0, words),
        )
        for said in () if line.decision is None else self._why(line.decision):
            self._row((_TIME, Styled()), (_SIGN, Styled()), (0, said))

    def _row(self, *cells: tuple[int, Styled]) -> None:
        """Print cells side by side: each with its width, the last one as wide as there is room."""
        row = Table.grid(padding=(0, 2, 0, 0))
        widths = [size for size, _ in cells[:-1]]
        widths.append(max(20, self._console.width - sum(widths) - 2 * len(widths)))
        for width in widths:
            row.add_column(width=width)
        texts = (text for _, text in cells)
        row.add_row(*map(output.folded, texts, widths))
        self._console.print(row)

    def _why(self, decision: Decision) -> Iterator[Styled]:
        """Return a refusal in words: each rule with its reason, then clauses not told before."""
        for verdict in decision.refusals:
            ids = verdict.clauses
            told = [id for id in ids if id in self._cited]
            reason = Text("", "") if verdict.reason is None else verdict.reason
            line = Styled().append(verdict.rule, style="red").append(f"  {reason.in_(self._lang)}")
            yield line.append("  " + ", ".join(told), style="cyan") if told else line
            yield from output.cited([id for id in ids if id not in told], self._lang)
            if not ids and not self._explained:
                self._explained = True
                yield Styled(_BUILT_IN.in_(self._lang), style="dim")
            self._cited.update(ids)

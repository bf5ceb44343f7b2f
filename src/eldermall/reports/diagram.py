"""State diagrams of machines in the text of Mermaid, which many editors and forges draw."""

from __future__ import annotations

from eldermall.engine.machine import NEW, Machine, Transition
from eldermall.texts import Lang, Text

_STAYS = Text("状态不变：", "the state stays#58; ")
_BY_ITSELF = Text("（自动）", " (by itself)")


def mermaid(machine: Machine, lang: Lang) -> str:
    """Return a machine as a ``stateDiagram-v2``.

    Moves between the same two states share an arrow; one that follows by itself is marked; what
    changes no state stands in a note beside it. Which rules guard what stands in the table.

    Args:
        machine: the machine.
        lang: the language of the labels.
    """
    lines = [f"%% {machine.name}: {_said(machine.label, lang)}", "stateDiagram-v2"]
    lines += [f'    state "{_said(s.label, lang)}" as {_id(s.name)}' for s in machine.states]
    lines += [f"    [*] --> {_id(state)}" for state in machine.born]
    for (source, target), moves in _arrows(machine).items():
        labels = _listed(moves, lang)
        lines.append(f"    {_id(source)} --> {_id(target)}: {labels}")
    lines += [f"    {_id(state.name)} --> [*]" for state in machine.states if state.end]
    for state, moves in _staying(machine).items():
        lines += [
            f"    note right of {_id(state)}",
            f"        {_STAYS.in_(lang)}{_listed(moves, lang)}",
            "    end note",
        ]
    return "\n".join(lines) + "\n"


def _arrows(machine: Machine) -> dict[tuple[str, str], list[Transition]]:
    arrows: dict[tuple[str, str], list[Transition]] = {}
    for t in machine.transitions:
        if t.target is not None:
            for source in t.sources:
                arrows.setdefault((source, t.target), []).append(t)
    return arrows


def _staying(machine: Machine) -> dict[str, list[Transition]]:
    """Return the moves that change no state, by the state in which they are made."""
    return {
        state: found
        for state in machine.labels
        if (found := [
            t for t in machine.transitions if t.target is None and state in t.sources
        ])
    }


def _listed(moves: list[Transition], lang: Lang) -> str:
    words = [
        _said(t.label, lang) + (_BY_ITSELF.in_(lang) if t.when is not None else "") for t in moves
    ]
    return ("、" if lang == "zh" else ", ").join(dict.fromkeys(words))


def _said(text: Text, lang: Lang) -> str:
    """Return words in which nothing means something to Mermaid."""
    return text.in_(lang).translate({ord(sign): f"#{ord(sign)};" for sign in '"#;:%<>{}[]'})


def _id(state: str) -> str:
    """Return what a state is called in the source: never a word of Mermaid's own."""
    return "[*]" if state == NEW else f"s_{state}"

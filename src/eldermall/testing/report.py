"""What came of a kit: as JSON for programs, as a Markdown table and a line for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import pytest

from eldermall.testing.case import KIT, ConformanceWarning
from eldermall.texts import Text

Outcome = Literal["passed", "failed", "not claimed"]

SIGNS: Mapping[Outcome, Text] = {
    "passed": Text("✓ 通过", "passed"),
    "failed": Text("✗ 失败", "failed"),
    "not claimed": Text("– 未声明", "not claimed"),
}


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of one case.

    Args:
        number: its place in the kit.
        name: the case's stable name.
        group: what it is about, in both languages.
        text: what must hold, in both languages.
        outcome: passed, failed, or not run because a capability isn't claimed.
        reason: why it failed or wasn't run; the first line of it.
    """

    number: int
    name: str
    group: Mapping[str, str]
    text: Mapping[str, str]
    outcome: Outcome
    reason: str = ""


@dataclass(slots=True)
class Tested:
    """What came of all cases for one storage.

    Args:
        suite: where the tests stand.
        contract: which kit it is.
        name: the class that was tested.
        capabilities: what it declares.
        undeclared: what works and isn't declared.
        cases: what came of each.
    """

    suite: str
    contract: str
    name: str = ""
    capabilities: Mapping[str, bool] = field(default_factory=dict)
    undeclared: list[str] = field(default_factory=list)
    cases: dict[str, CaseResult] = field(default_factory=dict)

    def count(self, outcome: Outcome) -> int:
        """Return how many cases ended so."""
        return sum(case.outcome == outcome for case in self.cases.values())

    @property
    def in_order(self) -> list[CaseResult]:
        """What came of each case, in the kit's order, in whatever order they were run."""
        return sorted(self.cases.values(), key=lambda case: case.number)

    @property
    def distribution(self) -> tuple[str, str] | None:
        """The name and version of the distribution that brought it; None if it isn't installed."""
        package = self.name.partition(".")[0]
        name = metadata.packages_distributions().get(package, [package])[0]
        try:
            return name, metadata.version(name)
        except metadata.PackageNotFoundError:
            return None

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        name, version = self.distribution or (None, None)
        return {
            "contract": self.contract, "suite": self.suite, "name": self.name,
            "distribution": name, "version": version, "capabilities": dict(self.capabilities),
            "undeclared": self.undeclared, "passed": self.count("passed"),
            "failed": self.count("failed"), "not_claimed": self.count("not claimed"),
            "cases": [asdict(case) for case in self.in_order],
        }

    def markdown(self, seed: int) -> Iterator[str]:
        """Return the lines of its table."""
        name, version = self.distribution or (self.name, "")
        claimed = [capability for capability, on in self.capabilities.items() if on]
        yield f"## {self.name}"
        yield ""
        yield "| | |"
        yield "| --- | --- |"
        yield f"| distribution / 发行包 | {name} {version} |"
        yield f"| kit / 套件 | {self.contract} {KIT} |"
        yield f"| capabilities / 能力 | {', '.join(claimed) or 'none / 无'} |"
        if self.undeclared:
            yield f"| works, not declared / 可用但未声明 | {', '.join(self.undeclared)} |"
        for outcome, sign in SIGNS.items():
            yield f"| {sign.en} / {sign.zh[2:]} | {self.count(outcome)} |"
        yield f"| seed / 随机种子 | {seed} |"
        said = ""
        for case in self.in_order:
            if case.group["en"] != said:
                said = case.group["en"]
                yield ""
                yield f"### {said.capitalize()} / {case.group['zh']}"
                yield ""
                yield "| case | 用例 | |"
                yield "| --- | --- | --- |"
            sign = SIGNS[case.outcome]
            reason = f": {case.reason}" if case.reason else ""
            cells = (case.text["en"], case.text["zh"], f"{sign.zh[0]} {sign.en} / {sign.zh[2:]}"
                     + reason)
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        yield ""


class Results:
    """Collects what came of every case, and writes it when pytest ends.

    Args:
        json_file: where to write JSON, or None.
        markdown_file: where to write the table, or None.
        seed: of the histories that were compared with the model.
    """

    def __init__(self, json_file: Path | None, markdown_file: Path | None, *, seed: int) -> None:
        self.json_file = json_file
        self.markdown_file = markdown_file
        self.seed = seed
        self.tested: dict[str, Tested] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take up what came of one phase of a test."""
        said = dict(report.user_properties).get("eldermall-conformance")
        if not isinstance(said, dict):
            return
        tested = self.tested.setdefault(said["suite"], Tested(said["suite"], said["contract"]))
        tested.name = said.get("name", tested.name)
        tested.capabilities = said.get("capabilities", tested.capabilities)
        case = said["case"]
        before = tested.cases.get(case["name"])
        if report.passed and (report.when != "call" or before is not None):
            return
        outcome: Outcome = "passed"
        if report.failed:
            outcome = "failed"
        elif report.skipped:
            outcome = "not claimed"
        tested.cases[case["name"]] = CaseResult(
            said["number"], case["name"], case["group"], case["text"], outcome, _reason(report)
        )

    def pytest_warning_recorded(
        self, warning_message: Any, nodeid: str
    ) -> None:
        """Note what works and isn't declared."""
        if issubclass(warning_message.category, ConformanceWarning):
            tested = self.tested.get(nodeid.rpartition("::")[0])
            if tested is not None:
                tested.undeclared.append(str(warning_message.message).split()[0])

    def pytest_sessionfinish(self) -> None:
        """Write the results."""
        tested = sorted(self.tested.values(), key=lambda one: one.suite)
        if self.json_file is not None:
            whole = {
                "kit": KIT, "eldermall": metadata.version("eldermall"), "seed": self.seed,
                "tested": [one.as_json() for one in tested],
            }
            self.json_file.write_text(
                json.dumps(whole, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
            )
        if self.markdown_file is not None:
            lines = ["# Conformance / 合规测试结果", ""]
            for one in tested:
                lines += one.markdown(self.seed)
            self.markdown_file.write_text("\n".join(lines), encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say in a line for each storage what came of it."""
        for one in self.tested.values():
            counts = (one.count("passed"), one.count("failed"), one.count("not claimed"))
            terminalreporter.write_line(
                f"eldermall conformance {KIT}, {one.name}: {counts[0]} passed, {counts[1]} failed, "
                f"{counts[2]} not claimed / 通过 {counts[0]}，失败 {counts[1]}，"
                f"未声明 {counts[2]}"
            )


def _reason(report: pytest.TestReport) -> str:
    """Return the first line of why a test failed or was skipped."""
    if report.passed:
        return ""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    words = str(crash.message if crash is not None else report.longrepr)
    return next(iter(words.splitlines()), "")[:200]

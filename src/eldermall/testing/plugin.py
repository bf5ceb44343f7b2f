"""The plugin that pytest loads: ``--eldermall-conformance`` and the reports of the kits.

It is loaded in every run of pytest where eldermall is installed, so it imports nothing of it
before an option asks for that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("eldermall.testing.storage")

GIVEN = Path(__file__).parent / "storage" / "given.py"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    options = parser.getgroup("eldermall", "conformance kits of eldermall / eldermall 合规测试套件")
    options.addoption(
        "--eldermall-conformance", metavar="MODULE[:NAME]", dest="eldermall_conformance",
        help="run the storage kit on what MODULE's NAME gives (NAME is `conformance` if left out), "
        "and nothing else unless paths are named / 对模块中的 NAME（默认 conformance）"
        "所给的存储运行合规测试；未指明路径时只运行这些测试",
    )
    options.addoption(
        "--eldermall-conformance-json", metavar="FILE", type=Path,
        dest="eldermall_conformance_json",
        help="write the results of conformance kits to FILE / 将合规测试结果写入 JSON 文件",
    )
    options.addoption(
        "--eldermall-conformance-markdown", metavar="FILE", type=Path,
        dest="eldermall_conformance_markdown",
        help="write them as a table to FILE / 将合规测试结果写成 Markdown 表格",
    )
    options.addoption(
        "--eldermall-conformance-seed", metavar="N", type=int, default=1,
        dest="eldermall_conformance_seed",
        help="the seed of the histories that are compared with the model (default 1) / "
        "与模型比对时所用的随机种子（默认 1）",
    )


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Take up what the options ask for."""
    given = config.getoption("eldermall_conformance")
    if given is not None:
        from eldermall.testing.storage.given import check

        check(given)
        only = config.args_source is not pytest.Config.ArgsSource.ARGS
        config.args[:] = [str(GIVEN)] if only else [*config.args, str(GIVEN)]
    wanted: tuple[Any, Any] = (
        config.getoption("eldermall_conformance_json"),
        config.getoption("eldermall_conformance_markdown"),
    )
    if (given is not None or any(wanted)) and not hasattr(config, "workerinput"):
        from eldermall.testing.report import Results

        config.pluginmanager.register(
            Results(*wanted, seed=config.getoption("eldermall_conformance_seed")),
            "eldermall-conformance-results",
        )

"""TOML files that people write: read whole, or the error says why not."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from eldermall.errors import EldermallError, FileUnreadable
from eldermall.texts import Text


def read_toml(
    path: Path, what: str, damaged: type[EldermallError] = FileUnreadable
) -> dict[str, Any]:
    """Return what a TOML file holds.

    Args:
        path: the file.
        what: what such a file is called in Chinese.
        damaged: the error of one that is no TOML.

    Raises:
        FileUnreadable: there is no such file, or it can't be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileUnreadable(
            Text(f"无法读取{what} {path}：{error.strerror}", f"can't read {path}: {error.strerror}")
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise damaged(
            Text(f"{path} 不是有效的 TOML：{error}", f"{path} is not valid TOML: {error}")
        ) from error

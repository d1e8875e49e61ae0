"""The reference site, and minimal sites to write into a temporary folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def hospital() -> Path:
    """The reference site of the design, word for word: it loads as it stands, always."""
    return Path(__file__).parent / "hospital"


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Writes files, given as name="text" with `__` for the dot, beside a site.yaml that is sound."""

    def write(**files: str) -> Path:
        sound = {"site__yaml": "site: {id: s, name: Small site, timezone: Asia/Shanghai, currency: CNY}\n"}
        for name, text in (sound | files).items():
            path = tmp_path / name.replace("__", ".")
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write

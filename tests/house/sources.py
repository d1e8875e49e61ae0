"""Which files are ours: everything git knows or would take, which leaves out environments, caches and downloads."""

from __future__ import annotations

import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PACKAGES = ("meterbook", "collectors", "alerts", "api")


@cache
def ours() -> tuple[Path, ...]:
    """Our files, relative to the root, sorted."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return tuple(sorted(Path(name) for name in listing.split("\0") if name and (ROOT / name).is_file()))


def texts() -> list[tuple[Path, str]]:
    """Our text files and what is in them; files that are no UTF-8 (pictures, fonts) are left out."""
    found = []
    for path in ours():
        try:
            found.append((path, (ROOT / path).read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def modules() -> dict[str, Path]:
    """Our product's Python modules by dotted name."""
    found = {}
    for path in ours():
        if path.suffix == ".py" and path.parts[0] in PACKAGES:
            parts = path.with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

"""Where the files that travel with Meterbook are: profiles, rule packs, the demo's site."""

from __future__ import annotations

from pathlib import Path


def config_dir() -> Path:
    """The folder with `profiles/` and `rules/`: ./config if there is one, else the one installed with the package."""
    package = Path(__file__).resolve().parents[1]
    places = (Path.cwd() / "config", package / "_config", package.parent / "config")
    return next((place for place in places if (place / "profiles").is_dir()), places[-1])

"""Small lints over the whole tree; each says what went wrong where the rule is not obvious."""

from __future__ import annotations

import ast
import json
import re

from house.sources import ROOT, modules, ours, texts

LONGEST = 400
CODE = {".py", ".js", ".css", ".html"}
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("date", "today"), ("time", "time"), ("time", "time_ns")}
ROOM_OF_THE_CLOCK = "meterbook/wiring/opening.py"

REGISTRY = re.compile(r"https?://[\w.\-]*\b(?:pypi|pythonhosted|npmjs|yarnpkg|crates|debian)\.(?:org|com|io)\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+)/\w")


def test_no_file_of_code_is_too_long() -> None:
    long = {str(path): lines for path, text in texts() if path.suffix in CODE and (lines := text.count("\n")) > LONGEST}
    assert not long, f"files over {LONGEST} lines want to be two: {long}"


def test_the_clock_is_asked_in_one_place() -> None:
    # Time is an argument: what asks the machine's clock cannot be replayed, nor tested on the day the clocks change.
    asked = []
    for path in modules().values():
        if str(path) == ROOM_OF_THE_CLOCK:
            continue
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
                if (name, node.func.attr) in CLOCKS:
                    asked.append(f"{path}:{node.lineno}")
    assert not asked, f"the machine's clock is asked outside {ROOM_OF_THE_CLOCK}: {asked}"


def test_no_registry_and_no_machine_is_named() -> None:
    # Everybody installs from the registry that their own tools are set up for, on a machine of their own.
    named = [
        f"{path}: {found[0]}"
        for path, text in texts()
        for pattern in (REGISTRY, MACHINE_PATH)
        if (found := pattern.search(text))
    ]
    assert not named, named


def test_the_lock_file_pins_contents_and_names_no_host() -> None:
    packages = json.loads((ROOT / "api/portal/package-lock.json").read_text(encoding="utf-8"))["packages"]
    libraries = {name: entry for name, entry in packages.items() if name}
    assert libraries
    assert not [name for name, entry in libraries.items() if str(entry.get("resolved", "")).startswith("http")]
    assert not [name for name, entry in libraries.items() if not entry.get("integrity", "").startswith("sha512-")]


def test_what_is_fetched_or_made_is_not_ours() -> None:
    # Browser libraries come from the lock file at build time; readings belong to a site, not to the source.
    strays = [str(path) for path in ours() if {"node_modules", "vendor", "var", ".venv"} & set(path.parts[:-1])]
    assert not strays, strays

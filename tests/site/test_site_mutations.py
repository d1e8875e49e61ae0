"""Whatever is done to a site directory: it is refused or loaded, never a traceback."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterbook.site.load import load
from meterbook.site.problem import as_json, as_text, errors

DEMO = Path(__file__).resolve().parents[2] / "config" / "sites" / "demo"
FILES = sorted(path.name for path in DEMO.glob("*.yaml"))
VALUES = (
    "",
    "0",
    "-1",
    "1e9",
    "true",
    "null",
    "[]",
    "{}",
    "[[1]]",
    '"x"',
    "E-MAIN",
    "99999999999999999999",
    "2026-13-40",
    "*a",
)
WORD = re.compile(r"[\w.%/-]+")

edits = st.one_of(
    st.tuples(st.just("word"), st.sampled_from(FILES), st.integers(0, 999), st.sampled_from(VALUES)),
    st.tuples(st.just("byte"), st.sampled_from(FILES), st.integers(0, 9999), st.binary(max_size=3)),
    st.tuples(st.just("line"), st.sampled_from(FILES), st.integers(0, 99), st.none()),
)


def changed(content: bytes, kind: str, place: int, value: str | bytes | None) -> bytes:
    if kind == "byte" and isinstance(value, bytes):
        at = place % max(1, len(content))
        return content[:at] + value + content[at + 1 :]
    text = content.decode("utf-8", errors="surrogateescape")
    if kind == "line":
        lines = text.splitlines(keepends=True)
        gone = place % max(1, len(lines))
        text = "".join(lines[:gone] + lines[gone + 1 :])
    elif words := list(WORD.finditer(text)):
        word = words[place % len(words)]
        text = f"{text[: word.start()]}{value}{text[word.end() :]}"
    return text.encode("utf-8", errors="surrogateescape")


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(edits, min_size=1, max_size=4))
def test_mutations_never_raise(changes: list[tuple[str, str, int, str | bytes | None]]) -> None:
    with TemporaryDirectory() as folder:
        site = Path(folder) / "site"
        shutil.copytree(DEMO, site)
        for kind, file, place, value in changes:
            path = site / file
            path.write_bytes(changed(path.read_bytes(), kind, place, value))
        found = load(site)
    assert (found.site is None) == bool(errors(found.problems))
    assert bool(as_text(found.problems)) == bool(found.problems)
    assert as_json(found.problems)

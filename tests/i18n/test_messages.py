"""Chinese and English stay in step: every message has its Chinese, and every Chinese its message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2.ext:babel_extract")]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "mark": None}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


def messages() -> Iterator[tuple[str, str]]:
    """Message ids (the singular of counted ones) and where they stand."""
    for package in ("meterbook", "collectors", "alerts", "api"):
        for name, line, message, _, _ in extract_from_dir(
            ROOT / package,
            METHODS,
            {"**/templates/**.html": {"silent": "false"}},
            keywords=KEYWORDS,
            directory_filter=lambda directory: Path(directory).name not in ("node_modules", "static"),
        ):
            yield (message if isinstance(message, str) else message[0]), f"{package}/{name}:{line}"


def chinese() -> Catalog:
    with (ROOT / "meterbook/i18n/zh.po").open("rb") as file:
        return read_po(file, locale="zh_Hans_CN", abort_invalid=True)


def first(text: object) -> str:
    return text if isinstance(text, str) else str(text[0])  # type: ignore[index]


def test_every_message_has_its_chinese() -> None:
    known = {first(entry.id) for entry in chinese() if entry.string and first(entry.string)}
    missing = {message: place for message, place in messages() if message not in known}
    assert not missing, f"no Chinese in meterbook/i18n/zh.po: {missing}"


def test_no_translation_is_fuzzy_unused_or_given_up() -> None:
    catalog = chinese()
    used = {message for message, _ in messages()}
    entries = [entry for entry in catalog if entry.id]
    assert not [first(entry.id) for entry in entries if entry.fuzzy]
    assert not [first(entry.id) for entry in entries if first(entry.id) not in used]
    assert not catalog.obsolete


def test_placeholders_survive_translation() -> None:
    for entry in chinese():
        if entry.id:
            assert sorted(PLACEHOLDER.findall(first(entry.id))) == sorted(PLACEHOLDER.findall(first(entry.string)))


def test_messages_are_found_at_all() -> None:
    found = {message for message, _ in messages()}
    assert {"Open incidents", "raised", "%(count)s min", "%(num)s unacknowledged"} <= found

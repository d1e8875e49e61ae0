"""Texts that no spreadsheet takes for a formula (trap 42)."""

from __future__ import annotations

_LEADS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a formula can begin with; East Asian spreadsheets read the wide signs like the narrow ones."""


def looks_live(text: str) -> bool:
    """Whether a spreadsheet might evaluate a text."""
    return text.startswith(_LEADS)


def quoted(text: str | None) -> str:
    """A text for CSV: one that looks live has an apostrophe before it, which spreadsheets take for "this is text"."""
    return "" if text is None else f"'{text}" if looks_live(text) else text

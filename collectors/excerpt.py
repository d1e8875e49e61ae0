"""What quarantine shows of a payload."""

from __future__ import annotations

LENGTH = 200
"""Characters kept."""


def excerpt(content: bytes | str) -> str:
    """The first characters of anything that arrived, printable: other characters stand as escapes."""
    text = content[: 4 * LENGTH].decode("utf-8", "backslashreplace") if isinstance(content, bytes) else content[:LENGTH]
    if not text.isprintable():
        text = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text)
    return text[:LENGTH]

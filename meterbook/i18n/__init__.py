"""Words, numbers and dates in the reader's language.

English sentences are the message ids; `zh.po` holds their Chinese, read at start without a compile step.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Protocol

from babel.messages.pofile import read_po

from meterbook.domain.text import Language


def mark(message: str) -> str:
    """A message that is translated where it is shown; marked here so that it is found."""
    return message


class Translator(Protocol):
    """Turns English messages into one language."""

    def gettext(self, message: str) -> str:
        """The message in the language; the message itself where no translation is known."""

    def ngettext(self, singular: str, plural: str, count: int) -> str:
        """The form of the message that goes with `count`."""


class English:
    """The source language: every message is its own translation."""

    def gettext(self, message: str) -> str:
        """The message itself."""
        return message

    def ngettext(self, singular: str, plural: str, count: int) -> str:
        """English knows one and many."""
        return singular if count == 1 else plural


class Chinese:
    """The messages of zh.po. Chinese has one form for every count."""

    def __init__(self) -> None:
        with files("meterbook.i18n").joinpath("zh.po").open("rb") as file:
            catalog = read_po(file, locale="zh_Hans_CN")
        self._messages: dict[str, str] = {}
        for message in catalog:
            source, chinese = _first(message.id), _first(message.string)
            if source and chinese and not message.fuzzy:
                self._messages[source] = chinese

    def gettext(self, message: str) -> str:
        """The Chinese of a message, or the message itself."""
        return self._messages.get(message, message)

    def ngettext(self, singular: str, plural: str, count: int) -> str:
        """The Chinese of a counted message."""
        found = self._messages.get(singular)
        return found if found is not None else (singular if count == 1 else plural)


def _first(text: str | Sequence[str] | None) -> str:
    """The one form of a message, or its first."""
    return text if isinstance(text, str) else text[0] if text else ""


@cache
def translator(language: Language) -> Translator:
    """The translator of a language; read once."""
    return Chinese() if language == "zh" else English()

"""Words people read, in both languages of the service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Text:
    """One text in Chinese and English; either stands in where the other was not given."""

    zh: str
    en: str

    def in_(self, language: Language) -> str:
        """The text in `language`."""
        return self.zh if language == "zh" else self.en

    @classmethod
    def same(cls, text: str) -> Text:
        """A text that reads the same in both languages, such as an id."""
        return cls(text, text)

"""The base of everything a file declares: a model that refuses unknown keys and knows where it was written."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, PrivateAttr, model_validator

from meterbook.site.tree import Section, Where


class Entry(BaseModel):
    """One mapping of a file. `where` gives the place to complain about."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    _section: Section | None = PrivateAttr(None)

    @model_validator(mode="wrap")
    @classmethod
    def _remember(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        entry = handler(value)
        if isinstance(value, Section):
            entry._section = value
        return entry

    def where(self, key: str | None = None) -> Where:
        """The place of the entry, or of one of its keys."""
        if self._section is None:
            return Where("", None)
        return self._section.where if key is None else self._section.at(key)

    def wrote(self, key: str) -> bool:
        """Whether a key was written, be it wrongly: what was refused is not missing."""
        return self._section is not None and key in self._section.lines

    def refused(self, key: str) -> bool:
        """Whether a key was written wrongly, which somebody has complained about already."""
        fields = type(self).model_fields
        return self.wrote(key) and key not in {fields[name].alias or name for name in self.model_fields_set}

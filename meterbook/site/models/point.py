"""What a point measures, wherever it is declared."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from meterbook.domain.quantity import Kind
from meterbook.site.models.entry import Entry
from meterbook.site.models.values import Line, Number, refuse


class Bounded(Entry):
    """What a value may be."""

    plausible: tuple[Number, Number] | None = Field(None, description="[least, most] in the canonical unit")

    @model_validator(mode="after")
    def _least_first(self) -> Self:
        if self.plausible is not None and self.plausible[0] >= self.plausible[1]:
            raise refuse("does not rise", "[least, most] in the canonical unit", key="plausible")
        return self


class Measured(Bounded):
    """Quantity, kind and unit of a point."""

    kind: Kind = Field(description="counter, gauge, delta or state")
    quantity: Line = Field(description="a canonical quantity such as active_power")
    unit: Line = Field(description="the unit it is delivered in, such as W")

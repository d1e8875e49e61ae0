"""meters.yaml or meters.csv: the accounting view."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from meterbook.site.models.entry import Entry
from meterbook.site.models.values import (
    Id,
    Line,
    Moment,
    Number,
    PercentOfAll,
    Positive,
    Positives,
    Switch,
    Words,
    refuse,
)


class Installation(Entry):
    """An exchange of the physical meter, or a reset of its register."""

    at: Moment = Field(description="when, with offset, such as 2026-10-12T10:30:00+08:00")
    old_final: Number = Field(ge=0, description="the last figure of the old register")
    new_initial: Number = Field(ge=0, description="the first figure of the new register")
    multiplier: Positive | None = Field(None, description="the multiplier from then on, where it changed")
    register_max: Positive | None = Field(None, description="the highest figure of the new register, where it changed")
    by: Line | None = Field(None, description="who did it")
    note: Line | None = Field(None, description="what was done")


class Meter(Entry):
    """Consumption of one utility at one place: exactly one of `reads`, `formula` and `entry: manual`."""

    id: Id = Field(description="the meter's id")
    name: Words | None = Field(None, description="the meter's name")
    utility: Line = Field(description="electricity or water")
    space: Id | None = Field(None, description="the space it measures")
    parent: Id | None = Field(None, description="the meter that feeds it")
    reads: Line | None = Field(None, description="the counter it reads, device.point")
    formula: Line | None = Field(None, description='a sum of other meters, such as "E-B1 - E-B1-CT"')
    entry: Literal["manual"] | None = Field(None, description="manual: it is read by hand")
    register_max: Positive | None = Field(None, description="the highest figure the register shows, with its decimals")
    multiplier: Positives | None = Field(None, description="CT and VT ratio, which may change over time")
    max_rate: Positive | None = Field(None, description="the most it can count in an hour, after the multiplier")
    accuracy: Positive | None = Field(None, le=100, description="its class, in per cent")
    max_loss: PercentOfAll | None = Field(
        None, description='difference to its sub-meters that blocks closing, such as "6%"'
    )
    reactive: list[Line] = Field([], description="points of its reactive energy, device.point")
    installations: list[Installation] = Field([], description="exchanges and resets, oldest first")
    signed: Switch = Field(False, description="whether it may run backwards")
    pulse: Line | None = Field(None, description='what one pulse means, such as "10 L"')

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = [key for key in ("reads", "formula", "entry") if getattr(self, key) is not None]
        if len(sources) != 1:
            found = f"has {' and '.join(sources)}" if sources else "has no source"
            raise refuse(found, "exactly one of reads, formula and entry: manual")
        return self

    @model_validator(mode="after")
    def _formula_has_no_register(self) -> Self:
        registers = (
            "parent",
            "register_max",
            "multiplier",
            "max_rate",
            "max_loss",
            "reactive",
            "installations",
            "pulse",
        )
        wrong = [key for key in registers if self.formula is not None and getattr(self, key)]
        if wrong:
            raise refuse("does not go with a formula", f"a formula without {', '.join(wrong)}", key=wrong[0])
        return self

    @model_validator(mode="after")
    def _exchanges_in_order(self) -> Self:
        for before, after in zip(self.installations, self.installations[1:], strict=False):
            if after.at <= before.at:
                found = f"{after.at.isoformat()} does not come after {before.at.isoformat()}"
                raise refuse(found, "installations in order of time, oldest first", key="installations")
        return self


class MetersFile(Entry):
    """meters.yaml."""

    meters: list[Meter] = Field(description="the meters, as a tree")

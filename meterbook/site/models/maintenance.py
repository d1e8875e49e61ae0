"""maintenance.yaml: upkeep by calendar, run hours or starts."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from meterbook.site.models.entry import Entry
from meterbook.site.models.values import Id, Positive, Words, refuse


class Every(Entry):
    """How often: whichever of the given comes first."""

    months: Positive | None = Field(None, description="months")
    run_hours: Positive | None = Field(None, description="run hours of the device")
    starts: Positive | None = Field(None, description="starts of the device")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.months is None and self.run_hours is None and self.starts is None:
            raise refuse("is never due", "months, run_hours or starts")
        return self


class Plan(Entry):
    """Upkeep of a device or a space."""

    id: Id = Field(description="the plan's id")
    device: Id | None = Field(None, description="the device it is for")
    space: Id | None = Field(None, description="the space it is for")
    every: Every = Field(description="how often: months, run_hours or starts")
    team: Id = Field(description="the team that does it")
    task: Words = Field(description="what is to be done")

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.device is None) == (self.space is None):
            raise refuse(
                "has both device and space" if self.device else "is for nothing", "exactly one of device and space"
            )
        return self


class MaintenanceFile(Entry):
    """maintenance.yaml."""

    plans: list[Plan] = Field([], description="maintenance plans")

"""rules.yaml, and the rule packs of config/rules: what to watch for."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from meterbook.site.models.entry import Entry
from meterbook.site.models.values import (
    AllOrIds,
    Duration,
    HourRange,
    Id,
    Line,
    Number,
    Positive,
    Switch,
    Whole,
    Words,
    refuse,
)

Grade = Literal["low", "medium", "high", "urgent"]
LaterKind = Literal[
    "rate",
    "imbalance",
    "power_factor",
    "demand_near",
    "run_hours",
    "continuous_flow",
    "after_hours",
    "baseline",
    "quota_pace",
    "step_change",
    "multivariate",
    "short_cycling",
]


class RuleEntry(Entry):
    """What every rule has. Texts that are left out come from the rule pack, by kind."""

    id: Id = Field(description="the rule's id")
    name: Words | None = Field(None, description="what the fault is called")
    severity: Grade = Field("medium", description="low, medium, high or urgent")
    team: Id = Field(description="the team that is told, or owner: the owner of the department concerned")
    cause: Words | None = Field(None, description="the likely cause")
    action: Words | None = Field(None, description="the first thing to do")
    enabled: Switch = Field(True, description="false switches it off")


class LimitRule(RuleEntry):
    """A value above or below a limit. A `meter` sees primary values, a `point` as decoded."""

    kind: Literal["limit"]
    point: Line | None = Field(None, description="the point that is watched, device.point")
    points: list[Line] = Field([], description="several points, each on its own")
    meter: Id | None = Field(None, description="the meter whose device is watched")
    meters: list[Id] = Field([], description="several meters, each on its own")
    quantity: Line | None = Field(None, description="with a meter: the quantity, such as active_power")
    above: Number | None = Field(None, description="raises above this")
    clear_below: Number | None = Field(None, description="clears below this, at most above")
    below: Number | None = Field(None, description="raises below this")
    clear_above: Number | None = Field(None, description="clears above this, at least below")
    for_: Duration = Field(0, alias="for", description="how long it must last, such as 5m")
    keep_firing_for: Duration = Field(0, description="how long it must be over, such as 5m")

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        given = [key for key in ("point", "points", "meter", "meters") if getattr(self, key)]
        if len(given) != 1:
            found = f"watches {' and '.join(given)}" if given else "watches nothing"
            raise refuse(found, "exactly one of point, points, meter and meters")
        if given[0].startswith("meter") != (self.quantity is not None):
            raise refuse("a quantity goes with a meter", "meter and quantity, or point alone", key="quantity")
        return self

    @model_validator(mode="after")
    def _thresholds(self) -> Self:
        if self.above is None and self.below is None:
            raise refuse("has no limit", "above or below")
        if self.clear_below is not None and (self.above is None or self.clear_below > self.above):
            raise refuse("does not lie under above", "clear_below at most above", key="clear_below")
        if self.clear_above is not None and (self.below is None or self.clear_above < self.below):
            raise refuse("does not lie over below", "clear_above at least below", key="clear_above")
        return self


class NoDataRule(RuleEntry):
    """A device that is silent."""

    kind: Literal["no_data"]
    devices: AllOrIds = Field("all", description="all, or a list of devices")
    after: Positive = Field(Decimal(3), description="after how many of the device's own periods")


class NightFlowRule(RuleEntry):
    """Use at night above what the nights before had taught."""

    kind: Literal["night_flow"]
    utility: Line | None = Field(None, description="all meters of a utility that have no sub-meters")
    meters: list[Id] = Field([], description="the meters, in place of a utility")
    window: HourRange = Field((120, 240), description="hours of the night, such as 02:00-04:00")
    nights: Annotated[Whole, Field(ge=1, le=30)] = Field(2, description="how many nights in a row, 1 to 30")

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if bool(self.meters) == (self.utility is not None):
            raise refuse("names both" if self.meters else "watches nothing", "exactly one of utility and meters")
        return self


class _OnPoints(RuleEntry):
    """A rule on one or several points."""

    point: Line | None = Field(None, description="the point that is watched, device.point")
    points: list[Line] = Field([], description="several points, each on its own")

    @model_validator(mode="after")
    def _points_given(self) -> Self:
        if (self.point is None) == (not self.points):
            found = "watches nothing" if self.point is None else "watches point and points"
            raise refuse(found, "exactly one of point and points")
        return self

    @property
    def watched(self) -> tuple[str, ...]:
        """The points."""
        return (self.point,) if self.point is not None else tuple(self.points)


class StateRule(_OnPoints):
    """A state by which a device itself tells a fault."""

    kind: Literal["state"]
    values: list[Whole] = Field([], description="the values that are a fault, such as [2, 3]")
    bits: list[Annotated[Whole, Field(ge=0, le=52)]] = Field(
        [], description="the bits of which each is a fault, 0 the lowest"
    )
    for_: Duration = Field(0, alias="for", description="how long it must last, such as 5m")
    keep_firing_for: Duration = Field(0, description="how long it must be over, such as 5m")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.values and not self.bits:
            raise refuse("names no state", "values, bits or both")
        return self


class StuckRule(_OnPoints):
    """A value that stands still while its readings keep coming."""

    kind: Literal["stuck"]
    for_: Duration = Field(
        alias="for", description="for how long, such as 12h; longer than it ever stands in good order"
    )
    within: Number = Field(Decimal(0), ge=0, description="what is no movement, in the unit of the point")


class LaterRule(RuleEntry):
    """A kind that is known and not built yet: it loads with its settings and shows as inactive."""

    model_config = ConfigDict(extra="allow")

    kind: LaterKind
    point: Line | None = Field(None, description="a point, device.point")
    points: list[Line] = Field([], description="points, device.point")
    meter: Id | None = Field(None, description="a meter")
    meters: list[Id] = Field([], description="meters")
    parent: Id | None = Field(None, description="a meter with sub-meters")
    device: Id | None = Field(None, description="a device")
    devices: AllOrIds = Field((), description="all, or a list of devices")
    departments: AllOrIds = Field((), description="all, or a list of departments")
    utility: Line | None = Field(None, description="a utility")


AnyRule = Annotated[
    LimitRule | NoDataRule | NightFlowRule | StateRule | StuckRule | LaterRule, Field(discriminator="kind")
]


class RulesFile(Entry):
    """rules.yaml."""

    packs: list[Id] = Field([], description="built-in packs that are switched on, such as essentials")
    tune: dict[Id, dict[str, object]] = Field({}, description="by id of a pack's rule: the keys that differ here")
    rules: list[AnyRule] = Field([], description="the site's own rules")


class Texts(Entry):
    """What a rule of a kind says when it says nothing of its own."""

    name: Words = Field(description="what the fault is called")
    cause: Words = Field(description="the likely cause")
    action: Words = Field(description="the first thing to do")


class PackFile(Entry):
    """A rule pack: texts by kind of rule, and rules to switch on."""

    texts: dict[str, Texts] = Field({}, description="by kind of rule")
    rules: list[dict[str, object]] = Field(
        [], description="rules as in rules.yaml; what a site must choose is left out"
    )

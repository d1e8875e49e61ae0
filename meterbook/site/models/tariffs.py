"""tariffs.yaml: dated prices."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal, Self

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from meterbook.site.models.entry import Entry
from meterbook.site.models.site import Weekday
from meterbook.site.models.values import (
    Day,
    From,
    Id,
    Line,
    Number,
    Percent,
    Period,
    Positive,
    Switch,
    Whole,
    Words,
    hours_of,
    refuse,
    shown,
)


def _bands_of_hours(value: object) -> tuple[tuple[int, int, str], ...]:
    if not isinstance(value, dict) or not value:
        raise refuse(f"{shown(value)} names no hours", '{"08:00-10:00": band, ...}')
    for hours, band in value.items():
        if not isinstance(band, str):
            raise refuse(f"{shown(band)} is no band", "the name of a band", key=hours)
    return tuple((*hours_of(hours), band) for hours, band in value.items())


HoursOfDay = Annotated[
    tuple[tuple[int, int, str], ...],
    PlainValidator(_bands_of_hours),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}}),
]
"""(start, end, band) of the local day, in minutes."""


class When(Entry):
    """The days on which hours hold; all that is named must be so."""

    months: list[Annotated[Whole, Field(ge=1, le=12)]] = Field([], description="months, 1 to 12")
    weekdays: list[Weekday] = Field([], description="days of the week, mon to sun")
    days: Literal["workday", "restday", "holiday"] | None = Field(None, description="workday, restday or holiday")
    flag: Id | None = Field(None, description="a name from day_flags")


class ScheduleRow(Entry):
    """The bands of a day; the first row whose `when` matches a day gives all its hours."""

    when: When | None = Field(None, description="the days it holds on; without it, all that no row before took")
    hours: HoursOfDay = Field(description="bands by hours, half-open, covering the whole day")


class TierStep(Entry):
    """A price up to an amount."""

    up_to: Positive | None = Field(None, description="up to this much in the period; the last step has none")
    price: Number = Field(description="price per unit")


class Tiers(Entry):
    """Prices that rise with use."""

    period: Literal["month", "year"] = Field(description="month or year: when the count starts again")
    steps: list[TierStep] = Field(min_length=1, description="steps with rising up_to; the last has none")

    @model_validator(mode="after")
    def _rising(self) -> Self:
        *limited, last = self.steps
        limits = [step.up_to for step in limited]
        if last.up_to is not None or None in limits:
            raise refuse(
                "the last step, and only it, has no up_to", "steps with rising up_to, then one without", key="steps"
            )
        for lower, upper in itertools.pairwise(limit for limit in limits if limit is not None):
            if upper <= lower:
                raise refuse(f"up_to {upper} does not rise above {lower}", "steps with rising up_to", key="steps")
        return self


class Demand(Entry):
    """The charge for the highest mean power."""

    meter: Id = Field(description="the supply meter")
    window: Period = Field(15 * 60 * 1_000_000, description="the window of the mean, such as 15m")
    price_per_kw: Number = Field(ge=0, description="price per kW")
    approved_kw: Positive | None = Field(None, description="approved demand in kW")
    excess_multiplier: Positive | None = Field(None, description="price factor above the approved demand")
    excess_from: Percent | None = Field(
        None, description='where the excess begins, such as "105%" of the approved demand'
    )
    share_by: Literal["consumption"] = Field("consumption", description="consumption")


class PowerFactor(Entry):
    """The adjustment for reactive energy."""

    meter: Id = Field(description="the supply meter, which names its reactive registers")
    standard: Literal["0.80", "0.85", "0.90"] = Field(description="the standard of the table: 0.80, 0.85 or 0.90")
    share_by: Literal["consumption"] = Field("consumption", description="consumption")


class Surcharge(Entry):
    """A price per unit on top."""

    id: Id = Field(description="the surcharge's id")
    name: Words | None = Field(None, description="its name")
    per_unit: Number = Field(description="price per unit")


class FixedCharge(Entry):
    """A sum per month."""

    id: Id = Field(description="the charge's id")
    name: Words | None = Field(None, description="its name")
    per_month: Number = Field(description="sum per month")


class Tariff(Entry):
    """Prices of a utility from a day on: exactly one of `price`, `bands` (with `schedule`) and `tiers`."""

    id: Id = Field(description="the tariff version's id")
    utility: Line = Field(description="electricity or water")
    from_: From | None = Field(None, alias="from", description="since when; without it from the beginning")
    price: Number | None = Field(None, description="one price per unit")
    bands: dict[Id, Number] = Field({}, description="prices per unit by band")
    schedule: list[ScheduleRow] = Field([], description="which band holds when")
    day_flags: dict[Id, list[Day]] = Field({}, description="named days, such as days of sharp peak")
    tiers: Tiers | None = Field(None, description="prices that rise with use")
    demand: Demand | None = Field(None, description="charge for the highest mean power")
    power_factor: PowerFactor | None = Field(None, description="adjustment for reactive energy")
    surcharges: list[Surcharge] = Field([], description="prices per unit on top")
    fixed: list[FixedCharge] = Field([], description="sums per month")
    apply: Literal["site", "department"] = Field("site", description="tiers counted for the site, or per department")
    estimate: Switch = Field(False, description="true: bands and demand may be estimated from coarse readings")

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        given = [key for key in ("price", "bands", "tiers") if getattr(self, key) not in (None, {})]
        if len(given) != 1:
            found = f"has {' and '.join(given)}" if given else "has no price"
            raise refuse(found, "exactly one of price, bands and tiers")
        if bool(self.bands) != bool(self.schedule):
            missing = "schedule" if self.bands else "bands"
            raise refuse("is missing", "bands and a schedule that says when they hold", key=missing)
        return self


class EmissionFactor(Entry):
    """What a unit of a utility stands for, from a day on."""

    utility: Line = Field(description="electricity or water")
    from_: From | None = Field(None, alias="from", description="since when; without it from the beginning")
    kgco2e: Number | None = Field(None, ge=0, description="kilograms of CO2 equivalent per unit")
    kgce: Number | None = Field(None, ge=0, description="kilograms of standard coal per unit")
    source: Line | None = Field(None, description="who publishes the factor, and where")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.kgco2e is None and self.kgce is None:
            raise refuse("gives no factor", "kgco2e, kgce, or both")
        return self


class TariffsFile(Entry):
    """tariffs.yaml."""

    tariffs: list[Tariff] = Field([], description="dated versions of prices")
    emission_factors: list[EmissionFactor] = Field([], description="what a unit of each utility stands for, dated")

"""quotas.yaml or quotas.csv: what departments may use."""

from __future__ import annotations

import itertools
from typing import Annotated, Self

from pydantic import Field, model_validator

from meterbook.site.models.entry import Entry
from meterbook.site.models.values import Id, Line, Number, Percent, Positive, Whole, refuse


class ExcessStep(Entry):
    """What use above the quota costs."""

    above: Percent = Field(description='from how far above the quota, such as "20%"')
    multiplier: Positive = Field(description="factor on the mean price")


class Quota(Entry):
    """What a department may use of a utility in a calendar year."""

    department: Id = Field(description="the department")
    utility: Line = Field(description="electricity or water")
    year: Annotated[Whole, Field(ge=2000, le=2199)] = Field(description="the calendar year, such as 2026")
    amount: Positive | None = Field(None, description="what it may use, in the utility's unit")
    per_head: Positive | None = Field(None, description="instead of amount: so much for each head")
    per_m2: Positive | None = Field(None, description="instead of amount: so much for each square metre")
    equipment: Positive | None = Field(None, description="instead of amount: so much for its equipment")
    excess: list[ExcessStep] = Field([], description="steps with rising above")
    saving_reward: Number | None = Field(
        None, ge=0, le=1, description="share of what was saved that is paid back, 0 to 1"
    )
    warn_at: list[Positive] = Field([], description="per cent of the quota at which to warn")
    month_profile: list[Annotated[Number, Field(ge=0)]] = Field([], description="twelve weights, January to December")
    used_before: Number | None = Field(None, ge=0, description="use of the year before readings begin")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        formula = [self.per_head, self.per_m2, self.equipment] != [None] * 3
        if (self.amount is None) is not formula:
            found = "has both an amount and a formula" if formula else "has no amount"
            raise refuse(found, "amount, or any of per_head, per_m2 and equipment", key="amount")
        if len(self.month_profile) not in (0, 12):
            raise refuse(f"has {len(self.month_profile)} months", "twelve weights", key="month_profile")
        if self.month_profile and not any(self.month_profile):
            raise refuse("weighs nothing", "twelve weights, some above zero", key="month_profile")
        for lower, upper in itertools.pairwise(step.above for step in self.excess):
            if upper <= lower:
                raise refuse("the steps do not rise", "excess steps with rising above", key="excess")
        return self


class QuotasFile(Entry):
    """quotas.yaml."""

    quotas: list[Quota] = Field([], description="quotas by department, utility and year")

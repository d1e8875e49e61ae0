"""allocations.yaml: who carries which meter."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, WithJsonSchema, model_validator
from pydantic_core import CoreSchema

from meterbook.site.models.entry import Entry
from meterbook.site.models.values import From, Id, Number, Switch, Words, refuse


def _weights(value: object) -> object:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        return value
    return dict.fromkeys(_once(value))


def _once(names: list[str]) -> list[str]:
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise refuse(f"{twice} is named twice", "each of them once")
    return names


Parties = Annotated[
    dict[Id, Number | None],
    BeforeValidator(_weights),
    WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "object"}]}),
]
"""Departments, or departments with their shares in per cent."""


class Split(Entry):
    """How a shared meter is divided."""

    by: Literal["shares", "area_m2", "headcount", "consumption"] = Field(description="what weighs the departments")
    among: Parties = Field({}, description="the departments, or {department: per cent} with by: shares")
    meters: Annotated[list[Id], AfterValidator(_once)] = Field(
        [], description="with by: consumption, meters that weigh in place of departments"
    )

    @model_validator(mode="after")
    def _weighed(self) -> Self:
        if self.meters and (self.among or self.by != "consumption"):
            raise refuse("meters weigh only a split by consumption without among", "among, or meters", key="meters")
        if not self.meters and not self.among:
            raise refuse("names nobody", "the departments it is divided among", key="among")
        given = [share for share in self.among.values() if share is not None]
        if self.by == "shares":
            self._check_shares(given)
        elif given:
            raise refuse(f"shares do not go with by: {self.by}", "a list of departments", key="among")
        return self

    def _check_shares(self, given: list[Decimal]) -> None:
        if len(given) != len(self.among):
            raise refuse("gives no shares", "{department: per cent} for each department", key="among")
        if any(share < 0 for share in given):
            raise refuse("a share is below zero", "shares from 0 to 100 per cent", key="among")
        if sum(given) == 0:
            raise refuse("all shares are 0 %", "shares that give something away", key="among")
        if sum(given) > 100:
            raise refuse(
                f"the shares add up to {sum(given)} %", "at most 100 %; what is left is unallocated", key="among"
            )


class Allocation(Entry):
    """From a day on, a meter (or its losses) belongs to one department or is split."""

    meter: Id = Field(description="the meter that is given away")
    from_: From | None = Field(None, alias="from", description="since when; without it from the beginning")
    to: Id | None = Field(None, description="the department that carries it")
    split: Split | None = Field(None, description="how it is divided among departments")
    losses: Switch = Field(False, description="true: the difference between the meter and its sub-meters")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.to is None) == (self.split is None):
            raise refuse("has both to and split" if self.to else "goes to nobody", "exactly one of to and split")
        return self


class Stage(Entry):
    """Departments that pass all they carry on to others."""

    name: Words | None = Field(None, description="what they are called together, such as Administration")
    departments: list[Id] = Field(min_length=1, description="the departments that pass on what they carry")
    by: Literal["headcount", "area_m2", "shares", "weights"] = Field(
        description="what weighs those they pass it on to: headcount, area_m2, shares in per cent, or other weights"
    )
    among: Parties = Field(
        {}, description="those they pass it on to, with shares and weights {department: number}; "
        "without it everybody in later stages or in none",
    )  # fmt: skip

    @model_validator(mode="after")
    def _weighed(self) -> Self:
        given = [number for number in self.among.values() if number is not None]
        if self.by in ("headcount", "area_m2"):
            if given:
                raise refuse(f"numbers do not go with by: {self.by}", "a list of departments", key="among")
            return self
        if len(given) != len(self.among) or not given:
            raise refuse(f"gives no {self.by}", "{department: number} for each department", key="among")
        if any(number < 0 for number in given):
            raise refuse("a number is below zero", "numbers from zero", key="among")
        if self.by == "shares" and sum(given) != 100:
            raise refuse(f"the shares add up to {sum(given)} %", "100 %; a stage passes on everything", key="among")
        if not any(given):
            raise refuse("nobody weighs anything", "a weight above zero", key="among")
        return self


class StepDown(Entry):
    """From a month on, the stages in which costs are passed on."""

    from_: From | None = Field(
        None, alias="from", description="the first day of a month; without it from the beginning"
    )
    stages: list[Stage] = Field(min_length=1, description="stages in their order")


def _always(value: object) -> object:
    return [value] if isinstance(value, dict) else value


class _OneOrSeveral:
    """Shows editors both forms: the stages themselves, or the list of dated ones."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        several = handler(schema)
        return {"anyOf": [several["items"], several]}


class AllocationsFile(Entry):
    """allocations.yaml."""

    allocations: list[Allocation] = Field([], description="dated rules; what no rule gives away stays unallocated")
    step_down: Annotated[list[StepDown], BeforeValidator(_always), _OneOrSeveral()] = Field(
        [],
        description="hospital cost accounting: the stages in which departments pass on their costs, or a list of them",
    )

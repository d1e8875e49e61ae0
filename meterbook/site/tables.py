"""Tables of config/tables/: rates that a regulation fixes, as data."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from pydantic import Field

from meterbook.domain.tariff import FactorStep, PowerFactorTable
from meterbook.site.files import Files
from meterbook.site.models.entry import Entry
from meterbook.site.models.values import Number
from meterbook.site.problem import Problem
from meterbook.site.validate import validate

POWER_FACTOR = "power-factor.yaml"


class StepEntry(Entry):
    """So much for every 0.01 of cos(phi), as far as `to`."""

    to: Number = Field(description="cos(phi) at which the step ends")
    percent: Number = Field(description="per cent for every 0.01")


class TableEntry(Entry):
    """The steps up and down from a standard."""

    better: list[StepEntry] = Field(description="above the standard, taken off")
    worse: list[StepEntry] = Field(description="below the standard, put on")


class PowerFactorFile(Entry):
    """The adjustment by standard."""

    standards: dict[str, TableEntry] = Field(description="by standard, such as 0.85")


def power_factor_tables(config: Path, files: Files) -> tuple[dict[Decimal, PowerFactorTable], list[Problem]]:
    """The tables by standard, counted among the files a site is built from, and what is wrong with them."""
    tree = files.yaml(config / "tables" / POWER_FACTOR, f"tables/{POWER_FACTOR}")
    if tree is None:
        return {}, []
    model, problems = validate(PowerFactorFile, tree)
    tables = model.standards if model else {}
    return {Decimal(standard): _table(entry) for standard, entry in tables.items()}, problems


def _table(entry: TableEntry) -> PowerFactorTable:
    better, worse = (
        tuple(FactorStep(step.to, step.percent) for step in steps) for steps in (entry.better, entry.worse)
    )
    return PowerFactorTable(better, worse)

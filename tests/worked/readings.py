"""The readings that readings.yaml describes, as rows of files for `meterbook import`.

`python -m worked.readings FOLDER` (in tests/, or with it on PYTHONPATH) writes the files.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from meterbook.domain.calendar import first_of_month, next_month

FILES = ("readings.csv", "kitchen.csv", "late.csv")
SITE = Path(__file__).parents[1] / "site/hospital"
QUARTER, ZONE = timedelta(minutes=15), ZoneInfo("Asia/Shanghai")

Story = Mapping[str, Any]
Reading = tuple[str, datetime, str]
"""Point or meter, instant, figure."""


def story() -> Story:
    """What readings.yaml says."""
    told: Story = yaml.load((Path(__file__).parent / "readings.yaml").read_text(encoding="utf-8"), yaml.BaseLoader)
    return told


def local(text: str) -> datetime:
    """A local day or time of the story."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def instants(told: Story) -> tuple[datetime, datetime, datetime]:
    """The beginning of the year, of the month, and of the month after."""
    first = first_of_month(told["month"])
    return local(f"{first.year}-01-01"), local(f"{first}"), local(f"{next_month(first)}")


def exchanges() -> dict[str, Mapping[str, str]]:
    """What the site's meters.yaml says of exchanged meters, by their points."""
    meters = yaml.load((SITE / "meters.yaml").read_text(encoding="utf-8"), yaml.BaseLoader)["meters"]
    return {meter["reads"]: meter["installations"][0] for meter in meters if "installations" in meter}


def write(folder: Path) -> None:
    """Write the files: what was read, what was read by hand, and what came late."""
    told = story()
    late = {one["point"]: local(one["after"]) for one in told["late"]}
    found: dict[str, list[Reading]] = {name: [] for name in FILES}
    for register in told["registers"]:
        for reading in counted(told, register):
            held_back = reading[0] in late and reading[1] > late[reading[0]]
            found["late.csv" if held_back else "readings.csv"].append(reading)
    for one in told["monthly"]:
        of = one.get("point") or one["meter"]
        rows = [(of, at, figure) for at, figure in zip(instants(told), one["figures"], strict=True)]
        found["readings.csv" if "point" in one else "kitchen.csv"].extend(rows)
    for name, readings in found.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["meter" if name == "kitchen.csv" else "point", "timestamp", "value"])
            table.writerows((of, at.isoformat(), figure) for of, at, figure in readings)


def counted(told: Story, register: Mapping[str, Any]) -> Iterator[Reading]:
    """The readings of one register, those of silent times left out."""
    point, (year, at, end) = register["point"], instants(told)
    yield point, year, register["year"]
    exchange = exchanges().get(point)
    silent = [(local(one["after"]), local(one["before"])) for one in told["silent"] if one["point"] == point]
    figure, quarters = Decimal(register["month"]), register["quarter"]
    while True:
        if exchange is not None and at == datetime.fromisoformat(exchange["at"]):
            assert figure == Decimal(exchange["old_final"]), f"{point} stands at {figure} when it is exchanged"
            figure, quarters = Decimal(exchange["new_initial"]), register["exchanged"]
        if not any(after < at < before for after, before in silent):
            yield point, at, str(figure)
        if at == end:
            return
        figure += Decimal(quarters[_block(told, at)]) + _aside(told, point, at)
        at += QUARTER


def _block(told: Story, at: datetime) -> int:
    return max(place for place, begin in enumerate(told["blocks"]) if begin <= f"{at:%H:%M}")


def _aside(told: Story, point: str, at: datetime) -> Decimal:
    """What a quarter of an hour counted more or less than on other days."""
    signs = [(one, sign) for word, sign in (("more", 1), ("less", -1)) for one in told[word]]
    own = (sign * Decimal(one["by"]) for one, sign in signs if (one["point"], local(one["at"])) == (point, at))
    return sum(own, Decimal(0))


if __name__ == "__main__":
    write(Path(sys.argv[1]))

"""Sources: the same whatever the order of the files."""

from __future__ import annotations

from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from meterbook.accounting.ledger import Ledger
from meterbook.domain.calendar import Calendar
from meterbook.domain.instant import DAY
from meterbook.domain.meter import Meter
from meterbook.domain.reading import Reading
from meterbook.domain.site import Site
from meterbook.domain.text import Text
from meterbook.readings.memory import MemoryStore

CALENDAR = Calendar(ZoneInfo("Asia/Shanghai"))
START, END = CALENDAR.month("2026-10")
REST = {"P": Fraction(1), "C": Fraction(-1)}


def meter(id_: str, **more: object) -> Meter:
    return Meter(id_, "water", Text.same(id_), reads=id_, manual=True, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("names", [("rest", "what-is-left"), ("what-is-left", "rest")])
def test_of_two_formulas_of_one_remainder_the_smaller_id_names_it(names: tuple[str, str]) -> None:
    formulas = [Meter(name, "water", Text.same(name), factors=REST, formula="P - C") for name in names]
    meters = {one.id: one for one in (meter("P"), meter("C", parent="P"), *formulas)}
    nothing: dict[str, object] = {}
    site = Site("s", Text.same("s"), CALENDAR, "CNY", "zh", *[nothing] * 7, meters=meters)  # type: ignore[arg-type]
    store = MemoryStore()
    used = {"P": 10.0, "C": 4.0}
    store.append([Reading(id_, at, at_end * (at == END)) for id_, at_end in used.items() for at in (START, END)], END)
    (told,) = Ledger(site, store).statements("2026-10", END + DAY)
    assert [(line.meter, str(line.quantity)) for line in told.lines] == [("C", "4.000"), ("rest", "6.000")]

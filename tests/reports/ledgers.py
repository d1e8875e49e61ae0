"""A small site and its statements, in the words of a test."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from zoneinfo import ZoneInfo

from meterbook.domain.calendar import Calendar
from meterbook.domain.instant import Instant, parse
from meterbook.domain.interval import Shares
from meterbook.domain.organisation import Department
from meterbook.domain.plans import ScorePart, Scores
from meterbook.domain.quota import QuotaStanding
from meterbook.domain.site import Site
from meterbook.domain.statement import QUOTA_KINDS, Line, Statement
from meterbook.domain.tariff import Surcharge, Tariff
from meterbook.domain.text import Language, Text
from meterbook.reports.issue import Issue, added

CALENDAR = Calendar(ZoneInfo("Asia/Shanghai"))
MONTH = "2026-10"
START, END = CALENDAR.month(MONTH)
MIDDLE = parse("2026-10-16T00:00:00+08:00")
NOW = parse("2026-11-03T09:00:00+08:00")
MEASURED = Shares(Decimal("0.9"), Decimal("0.0958"), Decimal("0.0042"))

RADIOLOGY = Department("radiology", Text("放射科", "Radiology"), cost_centre="4103")
WARDS = Department("wards", Text("住院部", "Wards"), cost_centre="4200")


def site(*departments: Department, **changes: object) -> Site:
    nothing: dict[str, object] = {
        name: {} for name in ("spaces", "people", "teams", "connections", "devices", "points", "meters")
    }
    sewage = Surcharge("sewage", Text("污水处理费", "Sewage"), Decimal("1.70"))
    facts: dict[str, object] = {
        "id": "case",
        "name": Text("示范医院", "Demo Hospital"),
        "calendar": CALENDAR,
        "currency": "CNY",
        "language": "zh",
        "departments": {one.id: one for one in departments or (RADIOLOGY, WARDS)},
        "tariffs": (Tariff("water-2026", "water", START, Decimal("3.45"), surcharges=(sewage,)),),
        "scores": Scores(
            Decimal(60), (ScorePart("quota", Decimal(40), "quota"), ScorePart("trend", Decimal(60), "trend"))
        ),
    }
    return Site(**{**nothing, **facts, **changes})  # type: ignore[arg-type]


def line(charge: str | None, kind: str = "direct", **changes: object) -> Line:
    facts: dict[str, object] = {
        "id": f"{MONTH}:x:{kind}:{charge}",
        "utility": "electricity",
        "kind": kind,
        "meter": "E-B1-CT",
        "quantity": Decimal("10412.37"),
        "unit": "kWh",
        "share": Decimal("0.333333"),
        "charge": None if charge is None else Decimal(charge),
        "tariff": "grid-2026",
        "band": "peak",
        "start": START,
        "end": END,
        "quality": MEASURED,
    }
    return Line(**{**facts, **changes})  # type: ignore[arg-type]


def statement(department: str, *lines: Line, quota: tuple[QuotaStanding, ...] = (), **changes: object) -> Statement:
    total = added(one.charge for one in lines if one.kind not in QUOTA_KINDS)
    facts: dict[str, object] = {
        "department": department,
        "month": MONTH,
        "state": "provisional",
        "revision": 1,
        "currency": "CNY",
        "lines": tuple(sorted(lines, key=lambda one: one.utility)),
        "total": total,
        "payable": added(one.charge for one in lines),
        "subtree_total": total,
        "quality": MEASURED,
        "remarks": (),
        "hash": "0123456789abcdef" * 4,
        "quota": quota,
    }
    return Statement(**{**facts, **changes})  # type: ignore[arg-type]


def standing(department: str, used: str | None) -> QuotaStanding:
    amounts = [Decimal(310000), Decimal(312000), Decimal(260000)]
    known = None if used is None else Decimal(used)
    return QuotaStanding(department, "electricity", "kWh", 2026, END, *amounts, known, None, None)


def issue(
    *statements: Statement,
    language: Language = "en",
    of: Site | None = None,
    now: Instant = NOW,
    complete: bool = True,
) -> Issue:
    return Issue.of(of or site(), MONTH, statements, language, now, complete=complete, signature=None)


def month() -> tuple[Statement, ...]:
    """Two departments and what nobody carries: bands, a surcharge, a mid-month change, a negative line, a quota."""
    return (
        statement(
            "radiology",
            line("11935.70"),
            line("-250.87", "power_factor", meter=None, band=None, quantity=None, unit=None),
            line("120.00", "quota_excess", meter=None, band="20%", share=None),
            line("86.25", utility="water", unit="m3", meter="W", band=None, quantity=Decimal("25.000"), end=MIDDLE),
            line("17.50", utility="water", unit="m3", meter="W", band=None, quantity=Decimal("5.072"), start=MIDDLE),
            line(
                "51.12", "surcharge", utility="water", unit="m3", meter=None, band="sewage", quantity=Decimal("30.072")
            ),
            quota=(standing("radiology", "281004.12"),),
            remarks=("electricity: demand",),
        ),
        statement("unallocated", line("0.01", quantity=Decimal("0.01"))),
        statement("wards", line("9.99"), line("-30.00", "quota_reward", meter=None, band=None)),
    )


def charge(statements: Iterable[Statement]) -> Decimal:
    """What the site pays."""
    found = added(one.total for one in statements)
    assert found is not None
    return found

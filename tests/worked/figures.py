"""The figures of the page, as the commands printed them: every sum written out, and the rows of its tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import chain
from typing import Any

import yaml
from worked import readings
from worked.month import DEPARTMENT, Answer, Told
from worked.sums import sum_of, value_of

from meterbook.domain.money import apportion

CARRYING = ("direct", "shared", "loss")
BANDS = ("peak", "flat", "valley")

Row = Sequence[object]


def _read(name: str) -> Any:
    return yaml.load((readings.SITE / f"{name}.yaml").read_text(encoding="utf-8"), yaml.BaseLoader)


def added(values: Iterable[object]) -> Decimal:
    return sum((Decimal(str(value)) for value in values), Decimal(0))


class Figures:
    """What the page says of the month."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.month = {meter: cells[0]["value"] for meter, cells in told.used["month"].items()}
        self.read = readings.story()
        self.grid, self.water = _read("tariffs")["tariffs"]
        self.departments = {one["id"]: one for one in _read("site")["departments"]}

    def lines(self, party: str | None = None, statements: Answer | None = None, **wanted: object) -> list[Answer]:
        """The lines of one party or of all whose fields are as wanted; a tuple holds several."""
        found = self.told.drawn if statements is None else statements
        parties = [found[party]] if party else found.values()
        return [
            line
            for line in chain.from_iterable(one["lines"] for one in parties)
            if all(line[key] in (value if isinstance(value, tuple) else (value,)) for key, value in wanted.items())
        ]

    def added(self, field: str, party: str | None = None, **wanted: object) -> Decimal:
        """The sum of a field over such lines."""
        return added(line[field] for line in self.lines(party, **wanted) if line[field] is not None)

    def heads(self) -> tuple[str, str, str]:
        """Heads of the wards before and after the middle of the month, and of logistics."""
        before, after = (one["value"] for one in self.departments["wards"]["headcount"])
        return before, after, self.departments["logistics"]["headcount"]

    @cached_property
    def register(self) -> list[Answer]:
        """The stretches of the outpatient building's register."""
        stretches: list[Answer] = self.told.rest["meters"][0]["registers"]
        return stretches

    @cached_property
    def gap(self) -> list[str]:
        """What the scanner's register showed before and after nobody read it."""
        (silent,) = self.read["silent"]
        (register,) = (one for one in self.read["registers"] if one["point"] == silent["point"])
        shown = {at: figure for _, at, figure in readings.counted(self.read, register)}
        return [shown[readings.local(silent[edge])] for edge in ("after", "before")]

    def monthly(self, point: str) -> list[str]:
        """The figures of a register that was read three times: 1 January, both ends of the month."""
        found: list[str] = next(one["figures"] for one in self.read["monthly"] if one.get("point") == point)
        return found

    @cached_property
    def water_before(self) -> Decimal:
        """What the site had used of water since 1 January when the month began."""
        (main,) = (one for one in self.read["registers"] if one["point"] == "campus-water.volume")
        return Decimal(main["month"]) - Decimal(main["year"])

    @cached_property
    def sums(self) -> Mapping[str, str]:
        """Every sum that the page writes out, by its name."""
        return {**self._consumption(), **self._balance(), **self._site(), **self._department(), **self._after()}

    def _consumption(self) -> dict[str, str]:
        parts = [
            ("({} − {}) × {}", one["closing"]["register"], one["opening"]["register"], one["multiplier"])
            for one in self.register
        ]
        came = [_plain(value_of(pattern.format(*given))) for pattern, *given in parts]
        gap = [cell["value"] for cell in self.told.used["gap"]["E-B1-CT"] if cell["estimated"] == "1"]
        like = [cell["value"] for cell in self.told.used["like"]["E-B1-CT"]]
        return {
            "before_exchange": sum_of(*parts[0], came[0]),
            "after_exchange": sum_of(*parts[1], came[1]),
            "exchanged": sum_of("{} + {}", *came, self.month["E-B1"]),
            "gap": sum_of("{} − {}", *reversed(self.gap), added(gap)),
            "like": sum_of("{} + {} + {} + {}", *like, added(like)),
            "night": sum_of("{} × {} ÷ {}", added(gap), like[0], added(like), gap[0]),
            "day": sum_of("{} × {} ÷ {}", added(gap), like[-1], added(like), gap[-1]),
        }

    def _balance(self) -> dict[str, str]:
        month, (power, water) = self.month, (self.told.balance[one] for one in ("electricity", "water"))
        unknown = [self.told.used["silence"][meter][-2:] for meter in ("W-MAIN", "W-B1")]
        silent = [cell["value"] for cell in chain(*unknown)]
        first, second = ([line["from"] for line in self.lines("wards", meter="W-B2")][place] for place in (0, 1))
        before, after, logistics = self.heads()
        split = [self.added("quantity", meter="W-B2", **{"from": begin}) for begin in (first, second)]
        loss = self.added("quantity", kind="loss", band="peak")
        own = power["allocated"][DEPARTMENT]
        return {
            "loss": sum_of("{} − {} − {}", month["E-MAIN"], month["E-B1"], month["E-B2"], power["losses"]),
            "rest": sum_of("{} − {}", month["E-B1"], month["E-B1-CT"], month["E-B1-REST"]),
            "wards": sum_of("{} − {}", month["E-B2"], month["E-KITCHEN"], month["E-B2-REST"]),
            "unknown": sum_of("{} + {} − {} − {}", *silent, water["unallocated"]),
            "water_loss": sum_of(
                "{} − {} − {} − {}",
                month["W-MAIN"],
                month["W-B1"],
                month["W-B2"],
                water["unallocated"],
                water["losses"],
            ),
            "supplied": sum_of(
                "{} + {} + {}",
                added(power["allocated"].values()),
                added(power["losses_shared"].values()),
                power["unallocated"],
                power["supplied"],
            ),
            "heads_before": sum_of(
                "{} × {} ÷ ({} + {})", split[0], before, before, logistics, self._headed("wards", first)
            ),
            "heads_after": sum_of(
                "{} × {} ÷ ({} + {})", split[1], after, after, logistics, self._headed("wards", second)
            ),
            "loss_share": sum_of(
                "{} × {} ÷ {}",
                loss,
                own,
                added(power["allocated"].values()),
                self.added("quantity", DEPARTMENT, kind="loss", band="peak"),
            ),
        }

    def _headed(self, party: str, begin: str) -> Decimal:
        return self.added("quantity", party, meter="W-B2", **{"from": begin})

    def _site(self) -> dict[str, str]:
        demand, charges = self.grid["demand"], [charge for *_, charge in self.bands()]
        window = self.told.used["peak"]["E-MAIN"][0]["value"]
        import_, export = (self.monthly(f"main.reactive_energy_{way}") for way in ("import", "export"))
        kw, kvarh = Decimal(window) * 4, (Decimal(import_[2]) - Decimal(import_[1])) * 200
        paid = {
            kind: self.added("charge", kind=kind, utility="electricity")
            for kind in ("demand", "power_factor", "surcharge")
        }
        return {
            **{f"band_{band}": sum_of("{} × {}", kwh, price, charge) for band, kwh, price, charge in self.bands()},
            "kw": sum_of("{} × 4", window, kw),
            "demand": sum_of("{} × {}", kw, demand["price_per_kw"], paid["demand"]),
            "import": sum_of("({} − {}) × 200", import_[2], import_[1], kvarh),
            "export": sum_of("({} − {}) × 200", export[2], export[1], 0),
            "cos": sum_of("1 ÷ √(1 + ({} ÷ {})²)", kvarh, self.month["E-MAIN"], "0.91"),
            "percent": sum_of("5 × 0.10 + 1 × 0.15", "0.65"),
            "factor": sum_of("−({} + {} + {} + {}) × 0.65 ÷ 100", *charges, paid["demand"], paid["power_factor"]),
            "funds": sum_of("{} × {}", self.month["E-MAIN"], self.grid["surcharges"][0]["per_unit"], paid["surcharge"]),
            **self._water(),
            "site": sum_of(
                "{} + {} + {} + {} + {} + {} + {} + {}",
                *(*charges, *paid.values(), *self.watered),
                self.site,
            ),
        }

    def _water(self) -> dict[str, str]:
        (cheap, dear, _), before, month = self.water["tiers"]["steps"], self.water_before, self.month["W-MAIN"]
        return {
            "tiers": sum_of(
                "({} − {}) × {} + ({} + {} − {}) × {}",
                *(cheap["up_to"], before, cheap["price"], before, month, cheap["up_to"], dear["price"]),
                self.watered[0],
            ),
            "sewage": sum_of("{} × {}", month, self.water["surcharges"][0]["per_unit"], self.watered[1]),
        }

    @property
    def watered(self) -> list[Decimal]:
        """The site's charges of water: its use, and sewage."""
        return [self.added("charge", utility="water", kind=kind) for kind in (CARRYING, "surcharge")]

    def bands(self) -> list[tuple[str, Decimal, str, Decimal]]:
        """Band, kWh, price and charge of the site."""
        return [
            (
                band,
                self.added("quantity", band=band, kind=CARRYING),
                self.grid["bands"][band],
                self.added("charge", band=band, kind=CARRYING),
            )
            for band in BANDS
        ]

    def _department(self) -> dict[str, str]:
        own, standing = self.told.drawn[DEPARTMENT], self.told.drawn[DEPARTMENT]["quota"][0]
        energy = self.added("charge", DEPARTMENT, utility="electricity", kind=CARRYING)
        kwh = self.added("quantity", DEPARTMENT, utility="electricity", kind=CARRYING)
        before, over = self.told.quota_before["used"], added([standing["used"]]) - added([standing["amount"]])
        excess = self.added("charge", DEPARTMENT, kind="quota_excess")
        kinds = ("surcharge", "demand", "power_factor")
        parts = [self.added("charge", DEPARTMENT, utility="electricity", kind=kind) for kind in kinds]
        water = self.added("charge", DEPARTMENT, utility="water")
        return {
            "total": sum_of("{} + {} + {} + {} + {}", energy, *parts, water, own["total"]),
            "year": sum_of("{} + {}", before, kwh, standing["used"]),
            "over": sum_of("{} − {}", standing["used"], standing["amount"], over),
            "excess": sum_of("{} ÷ {} × (1.2 − 1) × {}", energy, kwh, over, excess),
            "payable": sum_of("{} + {}", own["total"], excess, own["payable"]),
        }

    def _after(self) -> dict[str, str]:
        wards = next(one for one in self.compared() if (one["department"], one["component"]) == ("wards", "energy"))
        due, supply = wards["due"], self.month["W-MAIN"]
        own = [row["amount"] for row in self.told.ledger if row["department"] == DEPARTMENT]
        centres = self.posted_sums()
        return {
            "due": sum_of("{} × {} ÷ {}", self.watered[0], due["quantity"], supply, due["charge"]),
            "difference": sum_of("{} − {}", due["charge"], wards["charged"]["charge"], wards["difference"]["charge"]),
            "adjusted": sum_of(
                " + ".join(["{}"] * len(self.adjusted())), *(line["charge"] for _, line in self.adjusted()), 0
            ),
            "ledger": sum_of(" + ".join(["{}"] * len(centres)), *centres.values(), self.site),
            "posted": sum_of(" + ".join(["{}"] * len(own)), *own, self.told.drawn[DEPARTMENT]["payable"]),
        }

    @property
    def facts(self) -> Mapping[str, object]:
        """Single figures that the text names."""
        power, own = self.told.balance["electricity"], self.told.drawn[DEPARTMENT]
        return {
            "rest_peak": self.added("quantity", meter="E-B1-REST", band="peak"),
            "carried": power["allocated"][DEPARTMENT],
            "carried_by_all": added(power["allocated"].values()),
            "water_before": self.water_before,
            "peak": self.bands()[0][3],
            "quota": own["quota"][0]["amount"],
            "used": self.told.quota_before["used"],
            "wards": next(one for one in self.compared() if one["department"] == "wards")["due"]["quantity"],
        }

    def posted_sums(self) -> dict[tuple[str, str], Decimal]:
        """What the ledger posts by cost centre and department; the site itself is no department."""
        sums: dict[tuple[str, str], Decimal] = {}
        for row in self.told.ledger:
            key = (row["cost_centre"], row["department"])
            sums[key] = sums.get(key, Decimal(0)) + Decimal(row["amount"])
        return sums

    @property
    def site(self) -> Decimal:
        """The site's charge: what all are charged together."""
        return added(one["total"] for one in self.told.drawn.values())

    def compared(self) -> list[Answer]:
        """The components that came to something else."""
        return [one for one in self.told.comparison["items"] if added([one["difference"]["charge"]])]

    def adjusted(self) -> list[tuple[str, Answer]]:
        """The adjustment lines of the month after, with their party."""
        return [
            (party, line)
            for party, one in self.told.adjusted.items()
            for line in one["lines"]
            if line["kind"] == "adjustment"
        ]

    def divided(self) -> list[Row]:
        """The rest of the outpatient building in the peak band by area: party, m2, exact, kWh."""
        whole = self.added("quantity", meter="E-B1-REST", band="peak")
        areas = {party: self.departments[party]["area_m2"] for party in ("radiology", "laboratory", "outpatient")}
        given = {party: self.added("quantity", party, meter="E-B1-REST", band="peak") for party in areas}
        return _apportioned(whole, areas, given, Decimal("0.001"))

    def shared(self) -> list[Row]:
        """The site's charge of the peak band by the kWh of each party: party, kWh, exact, charge."""
        kwh = {party: self.added("quantity", party, band="peak", kind=CARRYING) for party in self.told.drawn}
        given = {party: self.added("charge", party, band="peak", kind=CARRYING) for party in kwh if kwh[party]}
        return _apportioned(added(given.values()), {party: kwh[party] for party in given}, given, Decimal("0.01"))

    def on_lines(self) -> list[Row]:
        """The department's part of it on its lines: meter and kind, kWh, exact, charge."""
        lines = self.lines(DEPARTMENT, band="peak", kind=CARRYING)
        names = {f"{line['meter']} {line['kind']}": line for line in lines}
        given = {name: added([line["charge"]]) for name, line in names.items()}
        kwh = {name: line["quantity"] for name, line in names.items()}
        return _apportioned(added(given.values()), kwh, given, Decimal("0.01"))


def _apportioned(
    whole: Decimal, weights: Mapping[str, object], given: Mapping[str, Decimal], step: Decimal
) -> list[Row]:
    """Largest remainder, redone: party, weight, exact part, part cut off at the step, what was given."""
    total = added(weights.values())
    exact = {party: Fraction(whole) * Fraction(str(weight)) / Fraction(total) for party, weight in weights.items()}
    assert apportion(whole, exact, step) == given
    return [
        (party, weights[party], _digits(part), (part / Fraction(step)).__floor__() * step, given[party])
        for party, part in exact.items()
    ]


def _digits(value: Fraction) -> str:
    """A figure cut off after six decimals."""
    return f"{Decimal((value * 10**6).__floor__()) / 10**6:.6f}…"


def _plain(value: Fraction) -> str:
    return f"{Decimal(value.numerator) / Decimal(value.denominator):.2f}"

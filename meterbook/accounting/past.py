"""What quotas ask of the months before: results that are kept, because a year of months is much to compute again."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from meterbook.accounting import allocate
from meterbook.accounting.charges import charged, january, utilities
from meterbook.accounting.look import Scene
from meterbook.accounting.quota import Energy, Used, energies, uses
from meterbook.accounting.results import Results, Shape
from meterbook.accounting.statement import Month


class Past:
    """Whole months of a scene; `terms` is a digest of what their charges follow from besides the registers."""

    def __init__(self, scene: Scene, results: Results, terms: str) -> None:
        self._scene, self._results, self._terms = scene, results, terms

    def uses(self, utility: str, month: str) -> Mapping[str, Used]:
        """What each party used of a utility in a month."""
        return self._results.kept(
            f"uses of {utility} {month}", self._basis(month, month), _USES, lambda: self._uses(utility, month)
        )

    def energies(self, month: str) -> Mapping[str, Mapping[str, Energy]]:
        """The energy charges of a month by utility and party."""
        return self._results.kept(
            f"energy {month}", self._basis(january(month), month), _ENERGIES, lambda: self._energies(month)
        )

    def _basis(self, first: str, last: str) -> str | None:
        evidence = self._scene.evidence(first, last)
        return None if evidence is None else f"{self._terms} {evidence}"

    def _uses(self, utility: str, month: str) -> dict[str, Used]:
        site = self._scene.site
        start, end = site.calendar.month(month)
        found = allocate.pieces(site, utility, self._scene.look(start, end).utility(utility), start, end)
        return {party: Used(use.quantity, use.from_start) for party, use in uses(found, start).items()}

    def _energies(self, month: str) -> dict[str, dict[str, Energy]]:
        whole = Month(month, *self._scene.site.calendar.month(month), "provisional")
        lines = charged(self._scene, whole).lines
        return {utility: energies(lines, utility) for utility in utilities(self._scene.site)}


def _packed_uses(uses: Mapping[str, Used]) -> Any:
    return [[party, str(use.quantity), use.from_start] for party, use in uses.items()]


def _unpacked_uses(rows: Any) -> Mapping[str, Used]:
    return {party: Used(Decimal(quantity), from_start) for party, quantity, from_start in rows}


def _packed_energies(energies: Mapping[str, Mapping[str, Energy]]) -> Any:
    return {
        utility: [[party, str(one.charge), str(one.quantity)] for party, one in own.items()]
        for utility, own in energies.items()
    }


def _unpacked_energies(rows: Any) -> Mapping[str, Mapping[str, Energy]]:
    return {
        utility: {party: Energy(Decimal(charge), Decimal(quantity)) for party, charge, quantity in own}
        for utility, own in rows.items()
    }


_USES = Shape(_packed_uses, _unpacked_uses)
_ENERGIES = Shape(_packed_energies, _unpacked_energies)

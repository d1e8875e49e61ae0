"""What could be read of a site directory: models, and the names its files declare even where an entry is broken."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from meterbook.domain.profile import Profile
from meterbook.domain.tariff import PowerFactorTable
from meterbook.settings import Settings
from meterbook.site.files import Files
from meterbook.site.models.allocations import AllocationsFile
from meterbook.site.models.devices import DevicesFile
from meterbook.site.models.maintenance import MaintenanceFile
from meterbook.site.models.meters import MetersFile
from meterbook.site.models.quotas import QuotasFile
from meterbook.site.models.rules import RulesFile, Texts
from meterbook.site.models.scores import ScoresFile
from meterbook.site.models.site import SiteFile
from meterbook.site.models.tariffs import TariffsFile
from meterbook.site.problem import Problem, nearest
from meterbook.site.tree import Section, Where

_DECLARED = {
    "space": ("site", "spaces"),
    "department": ("site", "departments"),
    "person": ("site", "people"),
    "team": ("site", "teams"),
    "connection": ("devices", "connections"),
    "device": ("devices", "devices"),
    "meter": ("meters", "meters"),
}
"""Where the ids of each kind of thing are declared: file and list."""


@dataclass
class Draft:
    """The models of all files; one that is missing or beyond use is empty, or None where it cannot be."""

    directory: Path
    zone: ZoneInfo
    site: SiteFile | None = None
    devices: DevicesFile = field(default_factory=DevicesFile)
    meters: MetersFile = field(default_factory=lambda: MetersFile(meters=[]))
    allocations: AllocationsFile = field(default_factory=AllocationsFile)
    tariffs: TariffsFile = field(default_factory=TariffsFile)
    quotas: QuotasFile = field(default_factory=QuotasFile)
    scores: ScoresFile = field(default_factory=ScoresFile)
    maintenance: MaintenanceFile = field(default_factory=MaintenanceFile)
    rules: RulesFile = field(default_factory=RulesFile)
    settings: Settings = field(default_factory=Settings)
    profiles: dict[str, Profile | None] = field(default_factory=dict)
    """The profiles that devices name; None for one that is there and broken."""
    known_profiles: frozenset[str] = frozenset()
    factor_tables: dict[Decimal, PowerFactorTable] = field(default_factory=dict)
    """Power-factor adjustment by standard."""
    texts: dict[str, Texts] = field(default_factory=dict)
    names: dict[str, frozenset[str] | None] = field(default_factory=dict)
    """By kind of thing the ids that are declared; None where their file cannot be read."""
    problems: list[Problem] = field(default_factory=list)

    def known(self, kind: str, name: str) -> bool:
        """Whether a name is declared, or may be for all one knows."""
        names = self.names.get(kind)
        return names is None or name in names

    def refer(self, where: Where, kind: str, name: str | None) -> bool:
        """Check that a name is declared; a problem with the nearest name otherwise."""
        if name is None or self.known(kind, name):
            return True
        self.problems.append(
            where.problem(f"{name} is no {kind}", f"the id of a {kind}", nearest(name, self.names[kind] or ()))
        )
        return False


def declared(files: Files) -> dict[str, frozenset[str] | None]:
    """The ids of each kind of thing, as written."""
    return {
        kind: None if file in files.unreadable else _ids(files.trees.get(file), rows)
        for kind, (file, rows) in _DECLARED.items()
    }


def _ids(tree: Section | None, key: str) -> frozenset[str] | None:
    rows = tree.get(key, []) if tree is not None else []
    if not isinstance(rows, list):
        return None
    return frozenset(str(entry["id"]) for entry in rows if isinstance(entry, Section) and "id" in entry)

"""A site directory, read: the site and its settings, or every mistake at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from meterbook.domain.site import Site
from meterbook.settings import InfluxReadings, Settings
from meterbook.site import check
from meterbook.site.config import config_dir
from meterbook.site.draft import Draft, declared
from meterbook.site.files import MODELS, Files, read_directory
from meterbook.site.packs import unfold
from meterbook.site.problem import Problem, errors
from meterbook.site.profiles import load_profile, profiles
from meterbook.site.resolve import resolve
from meterbook.site.resolve.devices import secret_place
from meterbook.site.tables import power_factor_tables
from meterbook.site.tree import Section, Where
from meterbook.site.validate import validate

Overrides = Mapping[str, Mapping[str, object]]
"""By connection id: fields of the connection that are known only at run time (host, port, username, password)."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of a directory; `site` is None if any problem is an error; `problems` stand in order."""

    site: Site | None
    settings: Settings
    problems: list[Problem]


def load(directory: Path, overrides: Overrides | None = None) -> Loaded:
    """Read, check and resolve a site directory. Never raises for what stands in its files."""
    files = read_directory(directory)
    draft = _draft(directory, files)
    check.check(draft)
    settings = _anchored(draft.settings, directory)
    problems = _in_order([*files.problems, *draft.problems])
    if errors(problems):
        return Loaded(None, settings, problems)
    resolved = resolve(draft, files.version)
    problems = _in_order([*problems, *draft.problems])
    site = None if errors(problems) else _overridden(resolved, overrides or {})
    return Loaded(site, settings, problems)


def _draft(directory: Path, files: Files) -> Draft:
    config = config_dir()
    names = declared(files)
    rules = files.trees.setdefault("rules", Section(Where("rules.yaml", None)))
    texts, problems = unfold(rules, config, files)
    draft = Draft(directory, ZoneInfo("UTC"), texts=texts, names=names, problems=problems)
    for name, tree in files.trees.items():
        model, wrong = validate(MODELS[name], tree)
        draft.problems.extend(wrong)
        if model is not None:
            setattr(draft, "settings" if name == "service" else name, model)
    draft.zone = _zone(draft)
    _add_profiles(draft, config, files)
    if any(tariff.power_factor for tariff in draft.tariffs.tariffs):
        draft.factor_tables, wrong = power_factor_tables(config, files)
        draft.problems.extend(wrong)
    return draft


def _anchored(settings: Settings, directory: Path) -> Settings:
    """Settings whose references to secrets and files hold wherever the process stands."""
    storage = settings.storage
    anchored: dict[str, object] = {"books": secret_place(storage.books, directory)}
    if isinstance(storage.readings, InfluxReadings):
        influx = storage.readings.influxdb
        token = secret_place(influx.token, directory)
        anchored["readings"] = InfluxReadings(influxdb=influx.model_copy(update={"token": token}))
    reports = settings.reports
    font = None if reports.font is None else str(directory / reports.font)
    return settings.model_copy(
        update={
            "storage": storage.model_copy(update=anchored),
            "reports": reports.model_copy(update={"font": font}),
        }
    )


def _zone(draft: Draft) -> ZoneInfo:
    try:
        return ZoneInfo(draft.site.site.timezone) if draft.site else ZoneInfo("UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _add_profiles(draft: Draft, config: Path, files: Files) -> None:
    known = profiles(config, draft.directory)
    draft.names["profile"] = frozenset(known)
    for name in sorted({device.profile for device in draft.devices.devices if device.profile in known}):
        draft.profiles[name], wrong = load_profile(known[name], files)
        draft.problems.extend(wrong)


def _in_order(problems: list[Problem]) -> list[Problem]:
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.file, problem.line or 0))


def _overridden(site: Site, overrides: Overrides) -> Site:
    connections = dict(site.connections)
    for id, fields in overrides.items():
        changed: Any = connections[id]
        connections[id] = replace(changed, **fields)
    return replace(site, connections=connections)

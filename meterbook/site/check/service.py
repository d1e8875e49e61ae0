"""service.yaml: what it names outside itself."""

from __future__ import annotations

from collections.abc import Iterator

from meterbook.settings import InfluxReadings, SecretMissing, Storage, secret
from meterbook.site.draft import Draft
from meterbook.site.problem import Problem
from meterbook.site.resolve.devices import secret_place


def check(draft: Draft) -> None:
    """Warn of secrets and of a font that are not there, and of a retention that nobody applies."""
    storage, missing = draft.settings.storage, "it to be there before the service starts"
    for key, reference in _references(storage):
        try:
            secret(secret_place(reference, draft.directory) or "")
        except (SecretMissing, ValueError) as error:
            _warn(draft, key, str(error), missing)
    font = draft.settings.reports.font
    if font is not None and not (draft.directory / font).is_file():
        _warn(draft, "reports.font", f"{font} is not there", "a file of a font with Chinese")
    if isinstance(storage.readings, InfluxReadings) and draft.settings.retention:
        _warn(draft, "retention", "is not applied to an InfluxDB", "readings in SQLite")


def _references(storage: Storage) -> Iterator[tuple[str, str]]:
    """What names a secret, with its key."""
    if storage.books.startswith(("env:", "file:")):
        yield "storage.books", storage.books
    if isinstance(storage.readings, InfluxReadings) and storage.readings.influxdb.token is not None:
        yield "storage.readings.influxdb.token", storage.readings.influxdb.token


def _warn(draft: Draft, key: str, message: str, expected: str) -> None:
    draft.problems.append(Problem("service.yaml", None, key, message, expected, severity="warning"))

"""service.yaml: what it names outside itself."""

from __future__ import annotations

from meterbook.settings import SecretMissing, secret
from meterbook.site.draft import Draft
from meterbook.site.problem import Problem
from meterbook.site.resolve.devices import secret_place


def check(draft: Draft) -> None:
    """Warn of secrets that are not there."""
    references = {"storage.books": draft.settings.storage.books}
    for key, reference in references.items():
        if not reference.startswith(("env:", "file:")):
            continue
        try:
            secret(secret_place(reference, draft.directory) or "")
        except (SecretMissing, ValueError) as error:
            expected = "it to be there before the service starts"
            draft.problems.append(Problem("service.yaml", None, key, str(error), expected, severity="warning"))

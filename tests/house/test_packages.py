"""Our top-level packages have everyday names, so nothing else may claim them and they are never uploaded.

`api`, `alerts` and `collectors` beside `meterbook` would shadow, or be shadowed by, a package of the same name.
"""

from __future__ import annotations

from importlib.metadata import packages_distributions

import pytest
from house.sources import PACKAGES, ROOT, project


@pytest.mark.parametrize("package", PACKAGES)
def test_nobody_else_claims_our_name(package: str) -> None:
    claims = set(packages_distributions().get(package, [])) - {"meterbook"}
    assert not claims, f"{package} is also installed by {sorted(claims)}"


@pytest.mark.parametrize("package", PACKAGES)
def test_our_name_is_imported_from_here(package: str) -> None:
    found = __import__(package).__file__
    assert found == str(ROOT / package / "__init__.py")


def test_an_upload_is_refused() -> None:
    assert "Private :: Do Not Upload" in project()["project"]["classifiers"]

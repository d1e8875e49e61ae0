"""Documentation that can fail the build: what exists is described, and what is described exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from house import profiles, traps
from house.sources import ROOT, ours
from pydantic import BaseModel

from meterbook.settings import Settings
from meterbook.telemetry import REGISTRY

PAGES = [path for path in ours() if path.suffix == ".md"]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NAME = re.compile(r"^\| `([a-z][\w.]*)`", re.MULTILINE)


def settings(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Dotted names of all settings."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def documented(page: str) -> set[str]:
    """The names in the first column of a page's tables."""
    return set(NAME.findall((ROOT / page).read_text(encoding="utf-8")))


def test_every_metric_is_documented_and_every_documented_metric_exists() -> None:
    assert documented("docs/metrics.md") == {
        family.name + ("_total" if family.type == "counter" else "") for family in REGISTRY.collect()
    }


def test_every_setting_is_documented_and_every_documented_setting_exists() -> None:
    assert documented("docs/settings.md") == set(settings(Settings))


def test_the_sample_of_settings_names_every_one_with_its_default() -> None:
    sample = yaml.safe_load((ROOT / "config/service.yaml").read_text(encoding="utf-8"))
    assert sample == Settings().model_dump()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for target in LINK.findall((ROOT / page).read_text(encoding="utf-8")):
        place = target.partition("#")[0]
        if (
            place
            and "://" not in target
            and not target.startswith("mailto:")
            and not (ROOT / page.parent / place).exists()
        ):
            dead.append(target)
    assert not dead, f"{page} links to what is not there: {dead}"


def index_of(page: Path) -> Path:
    """Where a page is listed: in the page that its folder is named after, else in docs/README.md."""
    own = page.parent.with_suffix(".md")
    return own if (ROOT / own).is_file() else Path("docs/README.md")


def test_the_index_lists_every_page() -> None:
    unlisted = []
    for page in PAGES:
        if page.parts[0] == "docs" and page != Path("docs/README.md"):
            index = index_of(page)
            linked = LINK.findall((ROOT / index).read_text(encoding="utf-8"))
            if page.relative_to(index.parent).as_posix() not in linked:
                unlisted.append(f"{index} does not link {page}")
    assert not unlisted, unlisted


def test_the_page_of_traps_is_written_from_the_cases() -> None:
    assert traps.PAGE.read_text(encoding="utf-8") == traps.page(), "docs/traps.md is stale: run `make docs WRITE=1`"


def test_the_pages_of_profiles_are_written_from_the_profiles() -> None:
    found = {path.stem: path.read_text(encoding="utf-8") for path in profiles.PAGES.glob("*.md")}
    assert found == profiles.pages(), "docs/collectors/profiles/ is stale: run `make docs WRITE=1`"


def test_every_trap_of_metering_has_a_case() -> None:
    assert [number for number in range(1, 19) if not traps.cases_of(number)] == []


def test_every_trap_that_a_case_is_named_after_is_on_the_page() -> None:
    folders = [folder for room in ("accounting", "alerts", "import") for folder in (traps.CASES / room).iterdir()]
    assert {number for folder in folders for number in traps.numbers(folder)} <= set(traps.traps())


def test_decisions_are_half_a_page() -> None:
    for path in PAGES:
        if path.parent.as_posix() == "docs/decisions":
            text = (ROOT / path).read_text(encoding="utf-8")
            assert re.match(r"# \d{4} \S", text), f"{path} begins with its number and name"
            assert text.count("\n") <= 40, f"{path} is longer than half a page"
            for part in ("## Context", "## Decision", "## Consequences"):
                assert part in text, f"{path} has no {part!r}"

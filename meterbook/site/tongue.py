"""The language of a site, read before anything else of it: for what is said about a command that cannot even begin."""

from __future__ import annotations

from pathlib import Path

import yaml

from meterbook.domain.text import LANGUAGES, Language
from meterbook.site.models.site import Organisation

DEFAULT: Language = Organisation.model_fields["language"].default


def language_of(directory: Path) -> Language | None:
    """The language that site.yaml declares, or the default one; None where there is none that can be read."""
    try:
        found = yaml.safe_load((directory / "site.yaml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError, yaml.YAMLError):
        return None
    site = found.get("site") if isinstance(found, dict) else None
    declared = site.get("language") if isinstance(site, dict) else None
    return next((language for language in LANGUAGES if language == declared), DEFAULT)

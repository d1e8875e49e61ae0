"""JSON schemas of the files, for editors: made from the models that read them."""

from __future__ import annotations

from typing import Any

from meterbook.site.files import MODELS
from meterbook.site.models.profile import ProfileFile
from meterbook.site.models.rules import PackFile

_ALL = {f"{name}.yaml": model for name, model in MODELS.items()} | {"profile.yaml": ProfileFile, "pack.yaml": PackFile}


def schema(file_name: str) -> dict[str, Any]:
    """The JSON schema (2020-12) of a file such as `meters.yaml`, `profile.yaml` or `pack.yaml`; raises KeyError."""
    described = _ALL[file_name].model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described, "title": file_name}


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of every file by its name."""
    return {file_name: schema(file_name) for file_name in _ALL}

"""The JSON schemas come from the models and say every key the reference site uses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from meterbook.site.files import MODELS
from meterbook.site.schema import schema, schemas

DEMO = Path(__file__).resolve().parents[2] / "config" / "sites" / "demo"
DATA = ("when", "hours", "bands", "points", "among", "tune", "opening", "every")
"""Keys whose value is keyed by names of the site's own, or by another schema's words."""

LANGUAGES = {"zh", "en"}
LATER = {"over", "above_baseline"}
"""Settings of rule kinds that are not built yet: they load, whatever they are."""


def test_every_file_has_one() -> None:
    assert {f"{name}.yaml" for name in MODELS} < set(schemas())
    assert all(one["properties"] and one["additionalProperties"] is False for one in schemas().values())


def test_every_key_is_described() -> None:
    for file, one in schemas().items():
        models = [one, *one.get("$defs", {}).values()] if file != "service.yaml" else []
        for model in models:
            for key, found in model.get("properties", {}).items():
                assert found.get("description") or key == "kind", f"{file}: {key} of {model['title']}"


@pytest.mark.parametrize("path", sorted(DEMO.glob("*.yaml")), ids=lambda path: path.stem)
def test_it_mentions_every_key_of_the_demo(path: Path) -> None:
    known = set(_property_names(schema(path.name)))
    assert _keys(yaml.safe_load(path.read_text(encoding="utf-8"))) <= known | LANGUAGES | LATER


def test_a_value_that_changes_may_be_one_or_many() -> None:
    headcount = schema("site.yaml")["$defs"]["Department"]["properties"]["headcount"]
    assert [form.get("type") for form in headcount["anyOf"]] == [["number", "string"], "array", "null"]


def test_schemas_are_json() -> None:
    assert json.loads(json.dumps(schemas())) == schemas()


def _property_names(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = list(value.get("properties", {}))
        return own + [name for inner in value.values() for name in _property_names(inner)]
    return [name for inner in value for name in _property_names(inner)] if isinstance(value, list) else []


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        inner = (_keys(held) if key not in DATA else set() for key, held in value.items())
        return set(value).union(*inner)
    return set().union(*map(_keys, value)) if isinstance(value, list) else set()

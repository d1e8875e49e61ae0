"""The samples of docs/collectors/push.md are accepted as they stand."""

from __future__ import annotations

import json
import re

import pytest
from fastapi.testclient import TestClient
from house.sources import ROOT
from served.world import World

PAGE = (ROOT / "docs/collectors/push.md").read_text(encoding="utf-8")
SAMPLES = dict(re.findall(r"^```(json|csv|text)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
KINDS = {"json": "application/json", "csv": "text/csv", "text": "text/plain"}


@pytest.mark.parametrize("language", KINDS)
def test_a_sample_is_accepted(world: World, client: TestClient, language: str) -> None:
    headers = world.bearer("eng") | {"Content-Type": KINDS[language]}
    answer = client.post("/api/v1/readings", content=SAMPLES[language], headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["rejected"] == []
    assert answer.json()["accepted"] >= 1


@pytest.mark.parametrize("kind", KINDS.values())
def test_the_examples_of_the_interface_are_accepted(world: World, client: TestClient, kind: str) -> None:
    document = client.get("/api/v1/openapi.json").json()
    example = document["paths"]["/api/v1/readings"]["post"]["requestBody"]["content"][kind]["example"]
    body = example if isinstance(example, str) else json.dumps(example)
    answer = client.post("/api/v1/readings", content=body, headers=world.bearer("eng") | {"Content-Type": kind})
    assert answer.json()["rejected"] == []
    assert answer.json()["accepted"] >= 1


@pytest.mark.parametrize("status", ["413", "415", "422", "429", "503"])
def test_every_refusal_is_documented(status: str) -> None:
    assert re.search(rf"^\| {status} \|", PAGE, re.MULTILINE)

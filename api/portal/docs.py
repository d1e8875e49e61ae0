"""The API described for people, from the same OpenAPI document that programs read."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from api.portal.render import PageAsked

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def docs(page: PageAsked) -> Response:
    """Every endpoint with its parameters and examples."""
    document = page.request.app.openapi()
    return page.show("docs.html", {"groups": _groups(document), "version": document["info"]["version"]})


def _groups(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(
                {
                    "method": method.upper(),
                    "path": path,
                    "text": operation.get("description", ""),
                    "parameters": operation.get("parameters", []),
                    "body": _example(operation.get("requestBody", {}), document),
                    "answers": sorted(operation["responses"]),
                }
            )
    return groups


def _example(body: dict[str, Any], document: dict[str, Any]) -> str | None:
    content = body.get("content", {}).get("application/json", {})
    example = content.get("example")
    reference = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    if example is None and reference:
        example = next(iter(document["components"]["schemas"][reference].get("examples", [])), None)
    return None if example is None else json.dumps(example, ensure_ascii=False, indent=2)

"""Paths into JSON documents, compiled. Pure."""

from __future__ import annotations

from collections.abc import Callable

from collectors.mqtt.repeated import REPEATED
from meterbook.domain.mqtt import Steps, around_each, steps

Find = Callable[[object], object]


class Absent:
    """Nothing stands at a path; null, in contrast, was sent."""


ABSENT = Absent()


def one(path: str) -> Find:
    """What finds the value at a path in a document, ABSENT where there is none; raises NoPath."""
    found = steps(path)
    if len(found) == 1 and isinstance(found[0], str):
        key = found[0]
        return lambda document: document.get(key, ABSENT) if type(document) is dict else ABSENT
    return lambda document: _walk(document, found)


def many(path: str) -> Callable[[object], list[object]]:
    """What finds the values at a path such as `$.readings[*].v`, one for each item; raises NoPath."""
    before, inside = around_each(path)
    items, value = one(before), one(inside)

    def find(document: object) -> list[object]:
        listed = items(document)
        return [value(item) for item in listed] if isinstance(listed, list) else []

    return find


def kind(value: object) -> str:
    """What was found instead of a number, in words."""
    if value is ABSENT:
        return "nothing"
    if value is REPEATED:
        return str(REPEATED)
    if value is None:
        return "null"
    return "a list" if isinstance(value, list) else "an object"


def _walk(document: object, path: Steps) -> object:
    for step in path:
        if document is REPEATED:
            return REPEATED
        if isinstance(step, int):
            if not isinstance(document, list) or step >= len(document):
                return ABSENT
            document = document[step]
        else:
            if not isinstance(document, dict) or step not in document:
                return ABSENT
            document = document[step]
    return document

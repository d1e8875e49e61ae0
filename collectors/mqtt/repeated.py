"""Keys that stand more than once in an object of JSON, of which readers silently take the last. Pure."""

from __future__ import annotations

import json


class Repeated:
    """What stands at such a key: nobody knows which value is meant."""

    def __str__(self) -> str:
        """As a complaint calls it."""
        return "several values under one key"


REPEATED = Repeated()


def unambiguous(document: object, payload: bytes) -> object:
    """A document that was parsed from a payload, with REPEATED at keys that stand in it with different values.

    A key is followed by a colon: as many as there are keys, and none was lost. Only where there seem to be more or
    fewer (one in a text, one behind a space) the payload is parsed again, which takes ten times as long.
    """
    if payload.count(b'":') == _keys(document):
        return document
    try:
        return json.loads(payload, object_pairs_hook=_object)
    except RecursionError:
        return document  # nothing that is read stands so deep


def _keys(document: object) -> int:
    if type(document) is not dict and type(document) is not list:
        return 0
    found, waiting = 0, [document]
    while waiting:
        one = waiting.pop()
        if type(one) is dict:
            found += len(one)
            waiting += [each for each in one.values() if type(each) is dict or type(each) is list]
        else:
            waiting += [each for each in one if type(each) is dict or type(each) is list]
    return found


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made: dict[str, object] = dict(pairs)
    if len(made) < len(pairs):
        for key, value in pairs:
            if made[key] != value:
                made[key] = REPEATED
    return made

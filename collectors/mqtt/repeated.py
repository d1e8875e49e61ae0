"""Keys that stand more than once in an object of JSON, of which readers silently take the last. Pure."""

from __future__ import annotations

import json


class Repeated:
    """What stands at such a key: nobody knows which value is meant."""

    def __str__(self) -> str:
        """As a complaint calls it."""
        return "several values under one key"


REPEATED = Repeated()

_NESTED = (dict, list)


def unambiguous(document: object, payload: bytes) -> object:
    """A document that was parsed from a payload, with REPEATED at keys that stand in it with different values.

    A key is followed by a colon: as many as there are keys, and none was lost. Only where there seem to be more or
    fewer (one in a text, one behind a space) the payload is parsed again, which takes ten times as long.
    """
    written = payload.count(b'":')
    if _keys_of_flat(document) == written or _keys(document) == written:
        return document
    try:
        return json.loads(payload, object_pairs_hook=_object)
    except RecursionError:
        return document  # nothing that is read stands so deep


def _keys_of_flat(document: object) -> int:
    """How many keys an object has, with those of the objects in lists, where these hold neither: most are so."""
    if type(document) is not dict:
        return 0
    found = len(document)
    for one in document.values():
        if type(one) is list and set(map(type, one)) == {dict}:
            found += sum(map(len, one))
    return found


def _keys(document: object) -> int:
    """How many keys the objects in a document have."""
    found, waiting = 0, [document]
    for one in waiting:
        if type(one) is dict:
            found += len(one)
            waiting += [each for each in one.values() if type(each) in _NESTED]
        elif type(one) is list:
            waiting += one
    return found


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made: dict[str, object] = dict(pairs)
    if len(made) < len(pairs):
        for key, value in pairs:
            if made[key] != value:
                made[key] = REPEATED
    return made

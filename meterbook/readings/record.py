"""A batch of readings as one record of the spool: checksummed, compressed, complete in itself. Pure."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import orjson

from meterbook.domain.instant import Instant
from meterbook.domain.reading import Quality, Reading
from meterbook.readings.fault import StoreError
from meterbook.readings.port import Batch

_MAGIC = b"MBSP"
_HEAD = struct.Struct("<4sIIq")  # magic, checksum of all that follows, length of the body, instant of the batch
_CHECKED_FROM = 8
_COUNTS = struct.Struct("<II")  # readings, length of the names
_COLUMNS = (np.dtype("<u4"), np.dtype("<i8"), np.dtype("<f8"), np.dtype("u1"))

HEAD = _HEAD.size
"""Bytes that say how long a record is, and of when."""


def encode(batch: Batch) -> bytes:
    """The record of a batch. Raises StoreError for instants and names that no store could keep."""
    places: dict[str, int] = {}
    ids = [places.setdefault(reading.point, len(places)) for reading in batch.readings]
    try:
        names = orjson.dumps(list(places))
        instants = np.array([reading.at for reading in batch.readings], np.int64)
    except (OverflowError, TypeError) as error:
        raise StoreError(f"a reading cannot be written to the spool: {error}; refuse it before") from error
    columns = (
        np.array(ids, "<u4"),
        np.diff(instants, prepend=np.int64(0)).astype("<i8"),  # steps compress better than instants
        np.array([reading.value for reading in batch.readings], "<f8"),
        np.array([reading.quality for reading in batch.readings], "u1"),
    )
    counts = _COUNTS.pack(len(batch.readings), len(names))
    body = zlib.compress(b"".join((counts, names, *(column.tobytes() for column in columns))), 1)
    rest = struct.pack("<Iq", len(body), batch.now)
    return _MAGIC + struct.pack("<I", zlib.crc32(body, zlib.crc32(rest))) + rest + body


def length(head: bytes) -> int | None:
    """How long the record with this head is, in bytes; None where no record begins."""
    if len(head) < HEAD or head[:4] != _MAGIC:
        return None
    return HEAD + int(_HEAD.unpack_from(head)[2])


def instant(head: bytes) -> Instant:
    """When the batch with this head was appended."""
    return int(_HEAD.unpack_from(head)[3])


def intact(record: bytes) -> bool:
    """Whether these bytes are a whole, undamaged record."""
    if length(record[:HEAD]) != len(record):
        return False
    return bool(zlib.crc32(memoryview(record)[_CHECKED_FROM:]) == _HEAD.unpack_from(record)[1])


def decode(record: bytes) -> Batch:
    """The batch of an intact record."""
    body = zlib.decompress(memoryview(record)[HEAD:])
    count, of_names = _COUNTS.unpack_from(body)
    start = _COUNTS.size + of_names
    points = orjson.loads(body[_COUNTS.size : start])
    columns = []
    for kind in _COLUMNS:
        columns.append(np.frombuffer(body, kind, count, start))
        start += kind.itemsize * count
    ids, steps, values, qualities = columns
    rows = zip(ids.tolist(), np.cumsum(steps).tolist(), values.tolist(), qualities.tolist(), strict=True)
    named = [Quality(number) for number in range(len(Quality))]
    return Batch([Reading(points[id_], at, value, named[quality]) for id_, at, value, quality in rows], instant(record))


def search(content: bytes, start: int) -> int | None:
    """Where the next intact record from `start` on begins; None where there is none."""
    while (start := content.find(_MAGIC, start)) >= 0:
        size = length(content[start : start + HEAD])
        if size is not None and intact(content[start : start + size]):
            return start
        start += 1
    return None

"""When messages arrived, on disk: what a collector has to know after its end, however it came about."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from meterbook.domain.instant import Instant

_RECORD = struct.Struct(">HIq")
_SIZE = _RECORD.size + 4


class Arrival(NamedTuple):
    """The id of a message, a checksum of its topic and payload, and when it arrived."""

    mid: int
    content: int
    at: Instant


class Journal:
    """A file of arrivals, each with its checksum. One thread uses it; without a path nothing is kept."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._file: int | None = None
        self._end = 0

    def __len__(self) -> int:
        return self._end // _SIZE

    def read(self) -> Sequence[Arrival]:
        """All arrivals in the order they were added; an addition that was cut short ends them. Raises OSError."""
        found: list[Arrival] = []
        with suppress(FileNotFoundError):
            content = b"" if self._path is None else self._path.read_bytes()
            for start in range(0, len(content) - _SIZE + 1, _SIZE):
                record, checksum = content[start : start + _RECORD.size], content[start + _RECORD.size : start + _SIZE]
                if zlib.crc32(record) != int.from_bytes(checksum):
                    break
                found.append(Arrival(*_RECORD.unpack(record)))
        self._end = len(found) * _SIZE
        return found

    def add(self, some: Iterable[Arrival]) -> None:
        """Add arrivals; they are on disk (fsync) when it returns. Raises OSError, and then none of them was added."""
        if self._path is None:
            return
        if self._file is None:
            self._file = _opened(self._path)
        records = _written(some)
        if os.pwrite(self._file, records, self._end) < len(records):
            raise OSError(f"no room for {self._path}")
        os.fsync(self._file)
        self._end += len(records)

    def replace(self, some: Iterable[Arrival]) -> None:
        """Let there be these arrivals alone, all or none of it; raises OSError."""
        if self._path is None:
            return
        self.close()
        records = _written(some)
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(records)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        _sync_directory(self._path.parent)
        self._end = len(records)

    def close(self) -> None:
        """Another addition opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _written(some: Iterable[Arrival]) -> bytes:
    records = [_RECORD.pack(*one) for one in some]
    return b"".join(record + zlib.crc32(record).to_bytes(4) for record in records)


def _opened(path: Path) -> int:
    """The descriptor of a file, made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    if is_new:
        _sync_directory(path.parent)
    return file


def _sync_directory(place: Path) -> None:
    directory = os.open(place, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
